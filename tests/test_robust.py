"""What breaks elsewhere does not break here: damaged files, full disks, two at once, pickles."""

import hashlib
import os
import pickle
import re
import resource
import signal
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from course_utils.datasets.own_shapes import read_voxels
from course_utils.datasets.shapes.drawing import slab
from course_utils.diffusion.denoiser import Denoiser
from course_utils.diffusion.guidance import guided
from course_utils.diffusion.losses import Denoising
from course_utils.diffusion.mixtures import five_blobs
from course_utils.diffusion.noise import gaussian
from course_utils.diffusion.paths import PATHS, CosinePath, DDPMPath, EDMPath, FlowPath, TablePath
from course_utils.diffusion.sampling import SAMPLERS, last, sample, time_grid
from course_utils.diffusion.training import Plan, Trainer, batches
from course_utils.evaluation.distances import iou_distances
from course_utils.evaluation.sets import frechet_distance, sliced_wasserstein
from course_utils.evaluation.shapes import height_profile, shape_report, watertight_share
from course_utils.files.atomic import alone_in
from course_utils.files.npz import read_npz
from course_utils.files.states import save_state
from course_utils.geometry.surface import smooth_mesh
from course_utils.geometry.voxels import to_occupancy
from course_utils.models.checkpoints import load_checkpoint
from course_utils.models.pipeline import VoxelDiffusionPipeline
from course_utils.models.prompting import sampling_states
from course_utils.networks.mlp import MLP
from course_utils.networks.unet import UNet
from course_utils.places import CHECKPOINTS
from course_utils.widgets import NoiseSlider, PromptBox, SamplerPlayground, ScoreField, Workshop

ROOT = Path(__file__).resolve().parents[1]
NAN = torch.full((4, 2), torch.nan)
BLOBS = five_blobs().denoiser(FlowPath())


@cache
def shipped():
    return load_checkpoint(CHECKPOINTS / "shapes32")


@cache
def pipeline():
    return VoxelDiffusionPipeline.from_pretrained(CHECKPOINTS / "shapes32")


def cubes(count=3):
    return np.random.default_rng(0).random((count, 8, 8, 8)) > 0.5


DOORS = [  # a call with bad input, and what its message must name
    ("no steps", lambda: time_grid(FlowPath(), 0), "steps"),
    ("half a step", lambda: time_grid(FlowPath(), 1.5), "steps"),
    ("steps in words", lambda: time_grid(FlowPath(), "four"), "steps"),
    ("more steps than memory", lambda: time_grid(FlowPath(), 10**12), "steps"),
    ("a shift of 0", lambda: time_grid(FlowPath(), 4, 0.0), "shift"),
    ("a shift that is no number", lambda: time_grid(FlowPath(), 4, float("nan")), "shift"),
    ("an infinite shift", lambda: time_grid(FlowPath(), 4, float("inf")), "shift"),
    ("a path shifted by nothing", lambda: FlowPath().shifted(0.5, 0), "shift"),
    ("a path of no steps", lambda: DDPMPath(steps=0), "steps"),
    ("a path of half a step", lambda: CosinePath(steps=1.5), "steps"),
    ("a path longer than memory", lambda: DDPMPath(steps=10**12), "steps"),
    ("betas that are no numbers", lambda: DDPMPath(beta_end=float("nan")), "beta_end"),
    ("betas above 1", lambda: DDPMPath(beta_end=2.0), "betas"),
    ("betas below 0", lambda: DDPMPath(beta_start=-1.0), "betas"),
    ("a table of nothing", lambda: TablePath(torch.zeros(0)), "betas"),
    ("a table of two axes", lambda: TablePath(torch.full((3, 3), 0.1)), "betas"),
    ("a cap above 1", lambda: CosinePath(cap=2.0), "betas"),
    ("an offset that is no number", lambda: CosinePath(offset=float("nan")), "offset"),
    ("noise from 0 on", lambda: EDMPath(0.0), "sigma_min"),
    ("noise that falls", lambda: EDMPath(1.0, 0.5), "sigma_min"),
    ("rho of 0", lambda: EDMPath(rho=0), "rho"),
    ("a width in words", lambda: EDMPath("narrow"), "sigma_min"),
    ("a path by its name", lambda: Denoiser(MLP(2), "flow"), "path"),
    ("noise that is no number", lambda: made(NAN), "x is"),
    ("noise in whole numbers", lambda: made(torch.zeros(4, 2, dtype=torch.long)), "x is"),
    ("no noise", lambda: made(torch.zeros(0, 2)), "x is"),
    ("noise of numpy", lambda: made(np.zeros((4, 2))), "x is ndarray"),
    ("two seeds for four", lambda: made(torch.zeros(4, 2), seed=[1, 2]), "seed has 2"),
    ("a sampler by its name", lambda: made(torch.zeros(4, 2), step="ddim"), "step is 'ddim'"),
    ("a scale that is no number", lambda: guided(None, None, float("nan")), "guidance_scale"),
    ("a scale in words", lambda: guided(None, None, "2"), "guidance_scale"),
    ("a seed in words", lambda: gaussian("one", (2,)), "seed"),
    ("no seeds", lambda: gaussian([], (2,)), "seed"),
    ("a negative size", lambda: gaussian(0, (-1, 2)), "shape"),
    ("more noise than memory", lambda: gaussian(0, (10**6, 10**6)), "shape"),
    (
        "prompts without seeds",
        lambda: sampling_states(*shipped(), ["chair"], []),
        "1 prompts and 0 seeds",
    ),
    (
        "one prompt and two seeds",
        lambda: sampling_states(*shipped(), ["chair"], [1, 2]),
        "1 prompts and 2 seeds",
    ),
    ("a prompt outside of a list", lambda: sampling_states(*shipped(), "chair", 1), "prompts"),
    ("no prompt", lambda: pipeline()(None), "prompt"),
    ("a number for a prompt", lambda: pipeline()(3), "prompt"),
    ("a class that it does not make", lambda: pipeline()("dragon"), "dragon"),
    ("a pipeline of half a step", lambda: pipeline()("chair", 1.5), "steps"),
    ("a pipeline's scale", lambda: pipeline()("chair", 1, float("nan")), "guidance_scale"),
    ("a pipeline's seed in words", lambda: pipeline()("chair", 1, seeds="a"), "seed"),
    ("a pipeline's half seed", lambda: pipeline()("chair", 1, seeds=0.5), "seed"),
    (
        "latents that are no numbers",
        lambda: pipeline()("chair", latents=torch.full((1, 1, *[32] * 3), torch.nan)),
        "latents",
    ),
    ("fields that are no numbers", lambda: to_occupancy(NAN.reshape(2, 2, 2)), "NaN"),
    ("a level that is no number", lambda: smooth_mesh(np.ones((4, 4, 4)), float("nan")), "level"),
    ("a cloud in words", lambda: NoiseSlider("rings"), "clouds"),
    (
        "no mixture",
        lambda: ScoreField(None, FlowPath(), Denoiser(MLP(2), FlowPath())),
        "GaussianMixture",
    ),
    ("no denoiser", lambda: SamplerPlayground(None, torch.zeros(200, 2)), "denoiser"),
    ("data that are no points", lambda: SamplerPlayground(BLOBS, torch.zeros(200, 3)), "data"),
    (
        "points that are no numbers",
        lambda: SamplerPlayground(BLOBS, torch.full((200, 2), torch.nan)),
        "data",
    ),
    ("a workshop of nothing", lambda: Workshop(list, {}, str), "slider"),
    ("a workshop's slider", lambda: Workshop(list, {"width": (0.0, 1.0)}, str), "width"),
    (
        "a workshop that builds nothing",
        lambda: Workshop(None, {"width": (0.0, 1.0, 0.5)}, str),
        "build",
    ),
    ("a prompt box without a model", lambda: PromptBox(None, {}, "chair"), "config is {}"),
    (
        "times that rise",
        lambda: last(sample(lambda x, t: x, NAN, torch.tensor([0.0, 1.0]))),
        "times",
    ),
    (
        "times that are no numbers",
        lambda: last(sample(lambda x, t: x, NAN, torch.tensor([torch.nan, 0.0]))),
        "times",
    ),
    ("one time", lambda: last(sample(lambda x, t: x, NAN, torch.tensor([1.0]))), "times"),
    ("a negative seed", lambda: gaussian(-1, (2,)), "seed"),
    ("half a seed", lambda: gaussian(0.5, (2,)), "seed"),
    ("a huge seed", lambda: gaussian(2**32, (2,)), "seed"),
    ("guidance outside of time", lambda: guided(None, interval=(0.5, 2.0)), "interval"),
    ("a strange prediction", lambda: Denoiser(MLP(2), FlowPath(), "xo"), "prediction"),
    (
        "a grid that does not fit",
        lambda: UNet(2, patch=2)(torch.zeros(1, 1, 30, 30), torch.zeros(1)),
        "multiple",
    ),
    ("a picture for volumes", lambda: UNet(3)(torch.zeros(1, 1, 32, 32), torch.zeros(1)), "shape"),
    ("four dimensions", lambda: UNet(4), "dimensions"),
    ("a U-Net without a level", lambda: UNet(2, channels=()), "channels"),
    ("a level of no features", lambda: UNet(2, channels=(8, 0)), "channels"),
    ("nothing to train on", lambda: batches(torch.zeros(0, 2)), "no rows"),
    ("too few labels", lambda: batches(torch.zeros(4, 2), torch.zeros(3)), "condition"),
    ("a time that is no number", lambda: FlowPath().alpha(float("nan")), "t is nan"),
    ("metrics of floats", lambda: iou_distances(cubes().astype(float), cubes()), "bool"),
    ("metrics of one cube", lambda: shape_report(cubes()[0], cubes()), "shape"),
    ("metrics of nothing", lambda: shape_report(cubes(0), cubes()), "shape"),
    ("the mean of no shapes", lambda: height_profile(cubes(0)), "no shapes"),
    ("the share of no shapes", lambda: watertight_share(cubes(0)), "no shapes"),
    ("clouds of nothing", lambda: sliced_wasserstein(NAN[:0], NAN[:0]), "shape"),
    ("clouds that are no numbers", lambda: sliced_wasserstein(NAN, NAN), "finite"),
    ("clouds of two sizes", lambda: sliced_wasserstein(NAN, torch.zeros(4, 3)), "shape"),
    ("features that are no numbers", lambda: frechet_distance(NAN, NAN), "finite"),
    (
        "a plan of no steps",
        lambda: Trainer(Denoiser(MLP(2), FlowPath()), Plan(steps=0), Denoising()),
        "steps",
    ),
    (
        "a plan without a batch",
        lambda: Trainer(Denoiser(MLP(2), FlowPath()), Plan(batch_size=0), Denoising()),
        "batch_size",
    ),
    ("data that are no numbers", lambda: trained(NAN), "finite"),
]


def made(x, **how):
    return last(sample(Denoiser(MLP(2), FlowPath()), x, time_grid(FlowPath(), 2), **how))


def trained(values, steps=2, seed=3):
    torch.manual_seed(seed)
    trainer = Trainer(
        Denoiser(MLP(2, width=16), FlowPath()),
        Plan(steps=steps, batch_size=4, seed=seed),
        Denoising(),
    )
    for _ in trainer.run(batches(values)):
        pass
    return trainer


@pytest.mark.parametrize(
    ("call", "named"), [door[1:] for door in DOORS], ids=[door[0] for door in DOORS]
)
def test_every_door_says_what_is_wrong(call, named):
    with pytest.raises(ValueError, match=named) as refused:
        call()
    assert len(str(refused.value)) > 20


def test_a_control_that_failed_does_not_stand_in_the_way_of_the_next():
    inputs = {"width": (0.2, 0.6, 0.4)}
    with pytest.raises(NameError):  # a slip in a cell, then the cell again without it
        Workshop(lambda width: sidth, inputs, lambda voxels: "")  # noqa: F821
    control = Workshop(
        lambda width: [slab(width, width, (0.0, 0.5), False)], inputs, lambda voxels: ""
    )
    assert control.voxels().any()
    control.close()


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("path", PATHS)
def test_no_sampler_makes_nan_of_sound_guesses(path, sampler):
    path = PATHS[path]()
    denoiser = Denoiser(MLP(2, width=16), path)
    x = path.prior_sample(gaussian(0, (5, 2)))
    for steps in (1, 2, 7):
        assert (
            last(sample(denoiser, x, time_grid(path, steps), SAMPLERS[sampler], seed=0))
            .x_t.isfinite()
            .all()
        )


# ---- saving --------------------------------------------------------------------------------------


def test_ctrl_c_while_saving_leaves_what_was_there(tmp_path, monkeypatch):
    goal = tmp_path / "state.safetensors"
    save_state(goal, {"a": torch.ones(3)}, {})
    before = goal.read_bytes()

    def interrupted(tensors, path, metadata):
        Path(path).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr("course_utils.files.states.save_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_state(goal, {"a": torch.zeros(3)}, {})
    assert goal.read_bytes() == before and list(tmp_path.iterdir()) == [goal]


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no limit for files on this system")
def test_a_full_disk_loses_nothing_and_is_said_in_one_line(tmp_path):
    def limited():  # the system refuses to write beyond this, as a full disk does
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    goal = tmp_path / "state.safetensors"
    save_state(goal, {"a": torch.ones(3)}, {})
    before = goal.read_bytes()
    code = f"""
import torch
from course_utils.cli import main as program, train
from course_utils.files.states import save_state
train.run = lambda options: save_state({str(goal)!r}, {{"a": torch.zeros(100_000)}}, {{}})
program.main(["train", "shapes32"])
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        preexec_fn=limited,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert re.fullmatch(r"course.py train: .*saved before is unharmed\n", done.stderr), done.stderr
    assert goal.read_bytes() == before and list(tmp_path.iterdir()) == [goal]


def test_two_processes_do_not_train_into_one_folder(tmp_path):
    code = f"""
import sys
from course_utils.files.atomic import alone_in
with alone_in({str(tmp_path / "run")!r}):
    print("in", flush=True)
    sys.stdin.read()
"""
    other = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert other.stdout.readline() == "in\n"
    with pytest.raises(ValueError, match="in use by another training"), alone_in(tmp_path / "run"):
        pass
    other.kill()  # the lock goes with its holder
    other.wait()
    with alone_in(tmp_path / "run"):
        pass


# ---- strangers -----------------------------------------------------------------------------------


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
        header = (
            np.lib.format.magic(1, 0)
            + b"v\x00"
            + b"{'descr': '|O', 'fortran_order': False, 'shape': (1, 64), }"
        )
        archive.writestr("voxels.npy", header.ljust(128) + bomb.read_bytes())
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text(
        (ROOT / "data/checkpoints/shapes32/config.json").read_text()
    )
    (tmp_path / "model" / "model.safetensors").write_bytes((tmp_path / "bomb.pt").read_bytes())
    trainer = Trainer(Denoiser(MLP(2, width=16), FlowPath()), Plan(steps=2), Denoising())
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
    asks = re.compile(
        r"\bimport pickle|\bpickle\.load|torch\.load\(|allow_pickle\s*=\s*True|\bjoblib\b|\bdill\b"
    )
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


# ---- the same again ------------------------------------------------------------------------------


def fingerprint():
    """A hash of trained weights and of a shape that the shipped model makes."""
    trainer = trained(gaussian(0, (64, 2)), steps=20)
    digest = hashlib.sha256()
    for tensor in trainer.ema.state_dict().values():
        digest.update(tensor.numpy().tobytes())
    digest.update(last(sampling_states(*shipped(), ["mug"], [5], steps=2)).x_t.numpy().tobytes())
    return digest.hexdigest()


def test_the_same_seed_gives_the_same_bits_here_and_in_another_process():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        first, second = fingerprint(), fingerprint()
    finally:
        torch.set_num_threads(threads)
    code = (
        "import torch; torch.set_num_threads(1); import test_robust;"
        " print(test_robust.fingerprint())"
    )
    there = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT / "tests",
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ).stdout.strip()  # fmt: skip
    print(f"weights and shape, one thread: SHA-256 {first}")
    assert first == second == there
