"""What breaks elsewhere does not break here: damaged files, full disks, two at once, pickles, HTML, other processes."""

import hashlib
import importlib.util
import os
import pickle
import re
import resource
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from course_utils.atomic import alone_in, save_tensors
from course_utils.checkpoints import load_checkpoint
from course_utils.datasets.files import read_npz, read_voxels
from course_utils.denoiser import Denoiser
from course_utils.metrics import frechet_distance, iou_distances, shape_report, sliced_wasserstein
from course_utils.networks.mlp import MLP
from course_utils.networks.unet import UNet
from course_utils.noise import gaussian
from course_utils.paths import PATHS, FlowPath
from course_utils.sampling import SAMPLERS, guided, last, sample, time_grid
from course_utils.training import Plan, Trainer, batches

ROOT = Path(__file__).resolve().parents[1]
spec = importlib.util.spec_from_file_location("fuzz", ROOT / "benchmarks" / "fuzz.py")
fuzzing = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fuzzing)

NAN = torch.full((4, 2), torch.nan)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timer on this system to stop a reader with")
def test_damaged_files_are_read_or_refused():
    results, bad = fuzzing.fuzz(650, seed=1)
    assert not bad, "\n".join(bad)
    assert min(sum(counts.values()) for counts in results.values()) == 50
    assert sum(counts["refused"] for counts in results.values()) > 400


@pytest.mark.parametrize(
    ("old", "new"),
    [('{"name"', "3"), ('"channels": [', '"channels": [9999999999, ')],
    ids=["a number", "more channels than memory"],
)
def test_configs_that_fuzzing_found_are_refused(tmp_path, old, new):
    model = fuzzing.valid_files(tmp_path)["config.json"][0]
    text = re.sub(r"\s+", " ", model.read_text()).replace("{ ", "{").replace("[ ", "[")
    assert old in text
    model.write_text("3" if new == "3" else text.replace(old, new))
    with pytest.raises(ValueError, match=r"config\.json"):
        load_checkpoint(model.parent)


def test_the_fuzzer_sees_what_is_wrong(tmp_path):
    def wrong(path):
        raise KeyError("no")

    def silent(path):
        raise ValueError

    assert "KeyError" in fuzzing.outcome(wrong, tmp_path) and "without a word" in fuzzing.outcome(silent, tmp_path)


def cubes(count=3):
    return np.random.default_rng(0).random((count, 8, 8, 8)) > 0.5


DOORS = [  # a call with bad input, and what its message must name
    ("a path's time is no time", lambda: time_grid(FlowPath(), 0), "steps"),
    ("a shift of 0", lambda: time_grid(FlowPath(), 4, 0.0), "shift"),
    ("a shift that is no number", lambda: time_grid(FlowPath(), 4, float("nan")), "shift"),
    ("times that rise", lambda: last(sample(lambda x, t: x, NAN, torch.tensor([0.0, 1.0]))), "times"),
    ("times that are no numbers", lambda: last(sample(lambda x, t: x, NAN, torch.tensor([torch.nan, 0.0]))), "times"),
    ("one time", lambda: last(sample(lambda x, t: x, NAN, torch.tensor([1.0]))), "times"),
    ("a negative seed", lambda: gaussian(-1, (2,)), "seed"),
    ("half a seed", lambda: gaussian(0.5, (2,)), "seed"),
    ("a huge seed", lambda: gaussian(2**32, (2,)), "seed"),
    ("guidance outside of time", lambda: guided(None, interval=(0.5, 2.0)), "interval"),
    ("a strange prediction", lambda: Denoiser(MLP(2), FlowPath(), "xo"), "prediction"),
    ("a grid that does not fit", lambda: UNet(2, patch=2)(torch.zeros(1, 1, 30, 30), torch.zeros(1)), "multiple"),
    ("a picture for volumes", lambda: UNet(3)(torch.zeros(1, 1, 32, 32), torch.zeros(1)), "shape"),
    ("four dimensions", lambda: UNet(4), "dimensions"),
    ("metrics of floats", lambda: iou_distances(cubes().astype(float), cubes()), "bool"),
    ("metrics of one cube", lambda: shape_report(cubes()[0], cubes()), "shape"),
    ("metrics of nothing", lambda: shape_report(cubes(0), cubes()), "shape"),
    ("clouds of two sizes", lambda: sliced_wasserstein(NAN, torch.zeros(4, 3)), "shape"),
    ("features that are no numbers", lambda: frechet_distance(NAN, NAN), "finite"),
    ("a plan of no steps", lambda: Trainer(Denoiser(MLP(2), FlowPath()), Plan(steps=0)), "steps"),
    ("a plan without a batch", lambda: Trainer(Denoiser(MLP(2), FlowPath()), Plan(batch_size=0)), "batch_size"),
    ("data that are no numbers", lambda: trained(NAN), "finite"),
]


def trained(values, steps=2, seed=3):
    torch.manual_seed(seed)
    trainer = Trainer(Denoiser(MLP(2, width=16), FlowPath()), Plan(steps=steps, batch_size=4, seed=seed))
    for _ in trainer.run(batches(values)):
        pass
    return trainer


@pytest.mark.parametrize(("call", "named"), [door[1:] for door in DOORS], ids=[door[0] for door in DOORS])
def test_every_door_says_what_is_wrong(call, named):
    with pytest.raises(ValueError, match=named) as refused:
        call()
    assert len(str(refused.value)) > 20


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("path", PATHS)
def test_no_sampler_makes_nan_of_sound_guesses(path, sampler):
    path = PATHS[path]()
    denoiser = Denoiser(MLP(2, width=16), path)
    x = path.prior_sample(gaussian(0, (5, 2)))
    for steps in (1, 2, 7):
        assert last(sample(denoiser, x, time_grid(path, steps), SAMPLERS[sampler], seed=0)).x_t.isfinite().all()


# ---- saving -----------------------------------------------------------------------------------------------


def test_ctrl_c_while_saving_leaves_what_was_there(tmp_path, monkeypatch):
    goal = tmp_path / "state.safetensors"
    save_tensors(goal, {"a": torch.ones(3)}, {})
    before = goal.read_bytes()

    def interrupted(tensors, path, metadata):
        Path(path).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr("course_utils.atomic.save_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_tensors(goal, {"a": torch.zeros(3)}, {})
    assert goal.read_bytes() == before and list(tmp_path.iterdir()) == [goal]


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no limit for files on this system")
def test_a_full_disk_loses_nothing_and_is_said_in_one_line(tmp_path):
    def limited():  # the system refuses to write beyond this, as a full disk does
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    goal = tmp_path / "state.safetensors"
    save_tensors(goal, {"a": torch.ones(3)}, {})
    before = goal.read_bytes()
    code = f"""
import torch
from course_utils import __main__ as program
from course_utils.atomic import save_tensors
program.train = lambda options: save_tensors({str(goal)!r}, {{"a": torch.zeros(100_000)}}, {{}})
program.main(["train", "shapes32"])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, preexec_fn=limited, cwd=ROOT, check=False
    )
    assert done.returncode == 1, done.stderr
    assert re.fullmatch(r"course.py train: .*saved before is unharmed\n", done.stderr), done.stderr
    assert goal.read_bytes() == before and list(tmp_path.iterdir()) == [goal]


def test_two_processes_do_not_train_into_one_folder(tmp_path):
    code = f"""
import sys
from course_utils.atomic import alone_in
with alone_in({str(tmp_path / "run")!r}):
    print("in", flush=True)
    sys.stdin.read()
"""
    other = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert other.stdout.readline() == "in\n"
    with pytest.raises(ValueError, match="in use by another training"), alone_in(tmp_path / "run"):
        pass
    other.kill()  # the lock goes with its holder
    other.wait()
    with alone_in(tmp_path / "run"):
        pass


# ---- strangers --------------------------------------------------------------------------------------------


class Bomb:
    """Unpickled, it leaves a file behind."""

    def __init__(self, mark):
        self.mark = str(mark)

    def __reduce__(self):
        return os.mkdir, (self.mark,)


def test_no_pickle_is_opened(tmp_path):
    mark, bomb = tmp_path / "opened", tmp_path / "bomb"
    bomb.write_bytes(pickle.dumps(Bomb(mark)))
    torch.save({"weights": Bomb(mark)}, tmp_path / "bomb.pt")
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w") as archive:
        header = np.lib.format.magic(1, 0) + b"v\x00" + b"{'descr': '|O', 'fortran_order': False, 'shape': (1, 64), }"
        archive.writestr("voxels.npy", header.ljust(128) + bomb.read_bytes())
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text((ROOT / "data/checkpoints/shapes32/config.json").read_text())
    (tmp_path / "model" / "model.safetensors").write_bytes((tmp_path / "bomb.pt").read_bytes())
    trainer = Trainer(Denoiser(MLP(2, width=16), FlowPath()), Plan(steps=2))
    for read, file in [
        (read_npz, "bomb.npz"),
        (read_voxels, "bomb.npz"),
        (load_checkpoint, "model"),
        (trainer.restore, "bomb.pt"),
        (trainer.restore, "bomb"),
    ]:
        with pytest.raises(ValueError):
            read(tmp_path / file)
    assert not mark.exists()
    pickle.loads(bomb.read_bytes())
    assert mark.exists()  # the bomb was a real one


def test_nothing_of_ours_asks_for_pickles():
    asks = re.compile(r"\bimport pickle|\bpickle\.load|torch\.load\(|allow_pickle\s*=\s*True|\bjoblib\b|\bdill\b")
    folders = ("course_utils", "benchmarks", "studies", "notebooks")
    ours = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert len(ours) > 50
    assert [path.name for path in ours if asks.search(path.read_text(encoding="utf-8"))] == []


def test_html_in_titles_is_text():
    from course_utils.plots.film import shape_film

    evil = '<img src=x onerror="alert(1)">'
    field = np.full((8, 8, 8), -1.0)
    field[2:6, 2:6, 2:6] = 1
    bundle = shape_film([field, field], [evil, "<b>two</b>"])._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    text = str(data["application/vnd.plotly.v1+json"])
    assert "&lt;img src=x" in text and "<img" not in text and "<b>two" not in text


# ---- the same again ---------------------------------------------------------------------------------------


def fingerprint():
    """A hash of trained weights and of a shape that the shipped model makes."""
    trainer = trained(gaussian(0, (64, 2)), steps=20)
    digest = hashlib.sha256()
    for tensor in trainer.ema.state_dict().values():
        digest.update(tensor.numpy().tobytes())
    from course_utils.checkpoints import CHECKPOINTS
    from course_utils.generation import sampling_states

    model = load_checkpoint(CHECKPOINTS / "shapes32")
    digest.update(last(sampling_states(*model, ["mug"], [5], steps=2)).x_t.numpy().tobytes())
    return digest.hexdigest()


def test_the_same_seed_gives_the_same_bits_here_and_in_another_process():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        first, second = fingerprint(), fingerprint()
    finally:
        torch.set_num_threads(threads)
    code = "import torch; torch.set_num_threads(1); import test_robust; print(test_robust.fingerprint())"
    there = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT / "tests",
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ).stdout.strip()  # fmt: skip
    print(f"weights and shape, one thread: SHA-256 {first}")
    assert first == second == there
