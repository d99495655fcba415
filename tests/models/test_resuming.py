"""A training folder on bad days: other configs, other data, old states, damage, links, strangers."""

import copy
import json
import os
import random
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from test_config import SEEING, TINY

from course_utils.files.states import before, differences, load_state, save_state
from course_utils.models import training
from course_utils.models.checkpoints import build_model, load_checkpoint, save_checkpoint
from course_utils.models.config import Config
from course_utils.models.origin import origin_of
from course_utils.models.recipes import shapes_of_file
from course_utils.models.training import train

posix = pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")


def config_of(folder, **changes):
    """A tiny config with changes, as a person writes it: `network__heads=1` is a dotted key."""
    entries = copy.deepcopy(TINY)
    for key, value in changes.items():
        *outer, last = key.split("__")
        section = entries
        for name in outer:
            section = section[name]
        section[last] = value
    (folder / "x.json").write_text(json.dumps(entries))
    return Config.read(folder / "x.json")


def run(folder, out="run", lines=None, file=None, **changes):
    say = str if lines is None else lines.append
    config = config_of(folder, **changes)
    return train(config, folder / out, data=file, device="cpu", say=say, show_progress=False)


def everything(folder):
    """All files of a training's folder but its lock, with their bytes."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    run(folder)
    return folder


@pytest.fixture
def copied(trained, tmp_path):
    shutil.copytree(trained / "run", tmp_path / "run")
    return tmp_path


CHANGES = [
    ({"classes": ["chair", "mug"]}, r'classes: \["chair", "table"\] → \["chair", "mug"\]'),
    ({"classes": ["table", "chair"]}, r"classes: "),
    ({"prediction": "v"}, 'prediction: "x0" → "v"'),
    ({"path": "cosine"}, 'path: "flow" → "cosine"'),
    ({"data__count": 8}, "data.count: 6 → 8"),
    ({"data__first_index": 100}, "data.first_index: 0 → 100"),
    ({"data": {"kind": "npz", "file": "a.npz"}}, 'data.kind: "procedural" → "npz"'),
    ({"network__heads": 1}, "network.heads: 2 → 1"),
    ({"network__blocks": 2}, "network.blocks: 1 → 2"),
    ({"log_snr_range": 12.0}, "log_snr_range: 10.0 → 12.0"),
    ({"loss__time_mean": 1.0}, "loss.time_mean: 1.8 → 1.0"),
    ({"loss__weight_limit": 9.0}, "loss.weight_limit: 400.0 → 9.0"),
    ({"plan__seed": 4}, "plan.seed: 3 → 4"),
    ({"plan__learning_rate": 0.002}, "plan.learning_rate: 0.001 → 0.002"),
    ({"plan__batch_size": 3}, "plan.batch_size: 2 → 3"),
    ({"plan__warmup": 3}, "plan.warmup: 50 → 3"),
    ({"frozen": ["network.noise_level"]}, r'frozen: nothing → \["network.noise_level"\]'),
    ({"name": "other"}, 'name: "tiny" → "other"'),
]


@pytest.mark.parametrize(("changes", "said"), CHANGES, ids=[", ".join(one[0]) for one in CHANGES])
def test_a_changed_config_is_refused_by_the_state_and_by_the_checkpoint(
    trained, copied, changes, said, monkeypatch
):
    sound = everything(copied / "run")
    monkeypatch.setattr(training, "source_of", lambda *_: pytest.fail("data were made"))
    with pytest.raises(ValueError, match=f"another training .*{said}.*--out.*begin_from") as error:
        run(copied, **changes)
    assert "\n" not in str(error.value) and everything(copied / "run") == sound
    for state in (copied / "run").glob("*.safetensors"):
        state.unlink()
    with pytest.raises(ValueError, match=f"holds another model .*{said}.*would be lost; move it"):
        run(copied, **changes)
    assert load_checkpoint(copied / "run" / "checkpoint")[1].classes == ("chair", "table")


def test_what_binds_nothing_may_change_and_steps_may_be_added(copied):
    lines = []
    run(
        copied,
        lines=lines,
        about="Other words",
        plan__steps=4,
        sampling__steps=2,
        data={"kind": "procedural", "count": 6},  # first_index is 0 by itself
        loss__weight_limit=400.0,  # as it was by itself
    )
    assert lines[0].startswith("continuing at step 1 of 4")
    config = load_checkpoint(copied / "run" / "checkpoint")[1]
    assert (config.about, config.plan.steps, config.sampling.steps) == ("Other words", 4, 2)
    with pytest.raises(
        ValueError, match=r"plan\.steps: 4 → 3; it is at step 4, and cannot be shor"
    ):
        run(copied, plan__steps=3)
    run(copied, lines=lines, plan__steps=4)
    assert lines[-1].startswith("continuing at step 4 of 4")


def test_the_weights_that_a_training_began_from_bind_and_their_place_does_not(tmp_path):
    plain = config_of(tmp_path)
    for seed, name in enumerate("abc"):
        torch.manual_seed(seed // 2)  # a and b are the same
        save_checkpoint(tmp_path / name, build_model(plain), plain, "")
    run(tmp_path, begin_from=[str(tmp_path / "a")])
    lines = []
    run(tmp_path, lines=lines, begin_from=[str(tmp_path / "b")])
    assert lines[0].startswith("continuing")
    for others in ([str(tmp_path / "c")], []):
        with pytest.raises(ValueError, match=r'begin_from: \["weights [0-9a-f]{16}"\] → '):
            run(tmp_path, begin_from=others)
    assert run(tmp_path, "new", begin_from=[str(tmp_path / "run" / "checkpoint")])
    save_checkpoint(tmp_path / "itself" / "checkpoint", build_model(plain), plain, "")
    with pytest.raises(ValueError, match=r"begin_from names .*, which this training would replace"):
        run(tmp_path, "itself", begin_from=[str(tmp_path / "itself" / "checkpoint")])


def npz(file, flipped=0, labels=(0, 1, 0, 1)):
    voxels = np.random.default_rng(0).random((4, 8, 8, 8)) < 0.5
    voxels[0, 0, 0, 0] ^= bool(flipped)
    packed = np.packbits(voxels.reshape(4, -1), axis=1)
    np.savez(
        file, voxels=packed, resolution=8, labels=np.array(labels), classes=["chair", "table"],
        is_test=np.zeros(4, bool),
    )  # fmt: skip
    return file


def test_the_data_bind_by_what_they_hold_and_not_by_where_they_lie(tmp_path):
    data = {"kind": "npz", "file": "shapes.npz"}
    first = npz(tmp_path / "first.npz")
    assert shapes_of_file(config_of(tmp_path, data=data), first, "x")[0].shape == (4, 8, 8, 8)
    run(tmp_path, file=first, data=data)
    (tmp_path / "moved").mkdir()
    moved = tmp_path / "moved" / "again.npz"
    first.rename(moved)
    run(tmp_path, file=moved, data=data | {"file": "again.npz"})
    other = npz(tmp_path / "other.npz", flipped=1)
    with pytest.raises(ValueError, match=r"another training \(data.sha256: "):
        run(tmp_path, file=other, data=data)
    swapped = npz(tmp_path / "swapped.npz", labels=(1, 0, 0, 1))
    with pytest.raises(ValueError, match=r"another training \(data.given_sha256: "):
        run(tmp_path, file=swapped, data=data)
    for state in (tmp_path / "run").glob("*.safetensors"):
        state.unlink()
    for file, key in ((other, "sha256"), (swapped, "given_sha256")):
        with pytest.raises(ValueError, match=rf"holds another model \(data.{key}: "):
            run(tmp_path, file=file, data=data)
    run(tmp_path, file=moved, data=data)


def test_the_model_whose_guesses_are_learned_from_binds_with_how_it_is_sampled(tmp_path):
    origins = []
    for name, steps, seed in (("a", 4, 0), ("b", 4, 0), ("c", 5, 0), ("d", 4, 1)):
        plain = config_of(tmp_path, sampling__steps=steps)
        torch.manual_seed(seed)
        save_checkpoint(tmp_path / name, build_model(plain), plain, "")
        data = {"kind": "facts_of_guesses", "model": str(tmp_path / name), "count": 12}
        (tmp_path / "x.json").write_text(json.dumps(SEEING | {"data": data}))
        origins.append(origin_of(Config.read(tmp_path / "x.json")))
    assert differences(origins[0], origins[1]) == ""
    assert differences(origins[0], origins[2]) == "data.model.steps: 4 → 5"
    assert differences(origins[0], origins[3]).startswith('data.model.weights: "weights ')


def test_a_state_of_an_earlier_version_is_said_to_be_one(copied):
    state = copied / "run" / "state.safetensors"
    plan = {"steps": 1, "batch_size": 2, "loss": "Denoising()"}
    about = {"step": 1, "seconds": 1.0, "plan": plan, "scaler": {}}
    save_file(load_file(state), state, {"about": json.dumps(about)})
    before(state).unlink(missing_ok=True)
    sound = everything(copied / "run")
    with pytest.raises(
        ValueError, match=r"was saved by an earlier version .*; move it away"
    ) as error:
        run(copied)
    assert "\n" not in str(error.value) and everything(copied / "run") == sound


def test_a_damaged_state_names_the_one_before_and_that_one_continues(copied):
    run(copied, plan__steps=3)
    state = copied / "run" / "state.safetensors"
    data = bytearray(state.read_bytes())
    data[len(data) // 2] ^= 4
    state.write_bytes(data)
    with pytest.raises(
        ValueError, match=r"state.safetensors is damaged: .* of step 1, is .*before"
    ):
        run(copied, plan__steps=3)
    assert state.read_bytes() == data
    state.unlink()  # or killed there, where files have no second names
    lines = []
    run(copied, lines=lines, plan__steps=3)
    assert lines[0].startswith(f"continuing at step 1 of 3 ({before(state)})")


@pytest.mark.parametrize("spoil", ["shape", "dtype", "missing", "more", "optimizer", "index"])
def test_other_tensors_with_a_true_checksum_are_no_traceback(tmp_path, spoil):
    run(tmp_path)
    state = tmp_path / "run" / "state.safetensors"
    tensors, about = load_state(state)
    name = next(key for key in tensors if key.startswith("weights.") and tensors[key].ndim > 1)
    moment = next(key for key in tensors if key.endswith("exp_avg") and tensors[key].ndim > 1)
    if spoil == "shape":
        tensors[name] = tensors[name][:1]
    elif spoil == "dtype":
        tensors[name] = tensors[name].double()
    elif spoil == "missing":
        del tensors[name]
    elif spoil == "more":
        tensors["nonsense"] = torch.zeros(2)
    elif spoil == "optimizer":
        tensors[moment] = tensors[moment][:1]
    else:
        tensors["optimizer.9999.exp_avg"] = torch.zeros(2)
    save_state(state, tensors, about)
    with pytest.raises(ValueError, match="belongs to another network: ") as error:
        run(tmp_path)
    assert "\n" not in str(error.value)


def test_a_checkpoint_gets_its_own_files_and_strangers_stay(copied):
    checkpoint = copied / "run" / "checkpoint"
    (checkpoint / "notes.txt").write_text("mine")
    (checkpoint / "pictures").mkdir()
    (checkpoint / "pictures" / "mug.png").write_bytes(b"png")
    weights = (checkpoint / "model.safetensors").read_bytes()
    run(copied, plan__steps=2)
    assert (checkpoint / "model.safetensors").read_bytes() != weights
    assert (checkpoint / "notes.txt").read_text() == "mine"
    assert (checkpoint / "pictures" / "mug.png").read_bytes() == b"png"
    left = [path.name for path in (copied / "run").rglob(".*") if path.name != ".lock"]
    assert left == []


def test_a_finished_training_leaves_its_checkpoint_as_it_is_or_mends_it(copied):
    card = copied / "run" / "checkpoint" / "README.md"
    card.write_text(f"{card.read_text()}\n## Quality\n\nmeasured for half an hour\n")
    sound = everything(copied / "run")
    run(copied)
    assert everything(copied / "run") == sound
    weights = copied / "run" / "checkpoint" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])  # or from before a kill between two files
    run(copied)
    assert weights.read_bytes() == sound[str(weights.relative_to(copied / "run"))]
    run(copied, about="Other words")
    assert "Other words" in card.read_text()


def test_a_checkpoint_that_cannot_be_read_is_not_replaced(copied):
    for state in (copied / "run").glob("*.safetensors"):
        state.unlink()
    (copied / "run" / "checkpoint" / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"checkpoint would be replaced, and cannot be read \("):
        run(copied)


@posix
def test_everything_may_be_a_link_to_another_disk(trained, tmp_path):
    for name in ("disk", "disk/out", "disk/model", "disk/states"):
        (tmp_path / name).mkdir()
    (tmp_path / "run").symlink_to("disk/out")
    (tmp_path / "run" / "checkpoint").symlink_to("../model")
    (tmp_path / "run" / "state.safetensors").symlink_to("../states/tiny.safetensors")
    for steps in (1, 2):
        run(tmp_path, plan__steps=steps)
    assert sorted(everything(tmp_path / "disk" / "states")) == [
        "tiny-before.safetensors", "tiny.safetensors",
    ]  # fmt: skip
    assert load_checkpoint(tmp_path / "disk" / "model")[1].plan.steps == 2
    assert all((tmp_path / name).is_symlink() for name in (
        "run", "run/checkpoint", "run/state.safetensors",
    ))  # fmt: skip
    (tmp_path / "disk" / "states").rename(tmp_path / "elsewhere")  # the disk is gone
    with pytest.raises(ValueError, match=r"state.safetensors is a link to .*, which is not there"):
        run(tmp_path, plan__steps=2)
    assert not (tmp_path / "disk" / "states").exists()


@pytest.mark.parametrize("name", ["state.safetensors", "checkpoint", "checkpoint/config.json"])
def test_what_is_read_only_is_refused_before_the_training_begins(copied, name, monkeypatch):
    monkeypatch.setattr(training, "begun", lambda *_: pytest.fail("it began"))
    path = copied / "run" / name
    mode = path.stat().st_mode
    path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        with pytest.raises(ValueError, match=rf"{path.name} is read-only; allow writing"):
            run(copied)
    finally:
        path.chmod(mode)


@posix
def test_modes_are_those_of_the_umask(tmp_path):
    old = os.umask(0o077)
    try:
        run(tmp_path)
        files = [path for path in (tmp_path / "run").rglob("*") if path.name != ".lock"]
        assert {path.stat().st_mode & 0o077 for path in files} == {0} and len(files) == 6
        os.umask(0o002)
        run(tmp_path, "shared")
        assert {path.stat().st_mode & 0o022 for path in (tmp_path / "shared").rglob("*")} == {0o020}
    finally:
        os.umask(old)


def test_what_killed_trainings_left_goes_and_what_is_a_strangers_stays(copied):
    out, number = copied / "run", "0123456789abcdef"
    ours = [
        out / f".state-part-{number}.safetensors",
        out / f".state-before-part-{number}.safetensors",
        out / f".checkpoint-part-{number}",
        out / "checkpoint" / f".new-part-{number}",
    ]
    theirs = [
        out / ".state-original.safetensors",
        out / f".stage-part-{number}.safetensors",
        out / f".state-part-{number}.safetensors.bak",
        out / ".checkpoint-mine",
    ]
    for path in (*ours, *theirs):
        if path.suffix == ".safetensors" or path.suffix == ".bak":
            path.write_bytes(b"x")
        else:
            path.mkdir()
            (path / "file").write_text("x")
    run(copied)
    assert not any(path.exists() for path in ours)
    assert all(path.exists() for path in theirs)


def test_mutated_checkpoints_are_read_or_refused_in_a_line(copied, tmp_path_factory):
    """300 mutations of each file, and files of two checkpoints in one folder."""
    folder, draws = copied / "run" / "checkpoint", random.Random(1)
    refused = 0
    for name in ("config.json", "model.safetensors"):
        sound = (folder / name).read_bytes()
        for _ in range(300):
            data = bytearray(sound)
            start = draws.randrange(min(len(data), 1500))
            piece = slice(start, start + draws.randrange(1, 6))
            data[piece] = draws.choice(
                (b"", draws.randbytes(3), data[piece] * 2, b'"', b"9", b"[]")
            )
            (folder / name).write_bytes(data)
            try:
                load_checkpoint(folder)
                assert name == "config.json" or data == sound
            except ValueError as error:
                refused += 1
                assert "\n" not in str(error), error
        (folder / name).write_bytes(sound)
    assert refused > 450
    other = tmp_path_factory.mktemp("other")
    config = replace(load_checkpoint(folder)[1], made=None)
    torch.manual_seed(9)
    save_checkpoint(other, build_model(config), config, "")
    (folder / "model.safetensors").write_bytes((other / "model.safetensors").read_bytes())
    with pytest.raises(ValueError, match="is damaged: its checksum is not the weights_sha256"):
        load_checkpoint(folder)
    for name in ("model.safetensors", "config.json"):
        (folder / name).unlink()
        with pytest.raises(ValueError, match="is not"):
            load_checkpoint(folder)


def test_facts_are_bound_as_well(tmp_path):
    (tmp_path / "x.json").write_text(json.dumps(SEEING))
    config, go = Config.read(tmp_path / "x.json"), {"device": "cpu", "show_progress": False}
    train(config, tmp_path / "run", say=str, **go)
    with pytest.raises(ValueError, match=r"network.hidden: 8 → 16"):
        train(config.with_network(hidden=16), tmp_path / "run", say=str, **go)


KILLED = """
import os, shutil, sys, warnings
from pathlib import Path
import torch
import test_resuming as story
from course_utils.models.checkpoints import load_checkpoint
torch.set_num_threads(1)
warnings.simplefilter("ignore")  # of forks beside threads: there is one

def mortal(function, last):
    def instead(*arguments, **named):
        calls.append(function)
        if len(calls) == last:
            os._exit(9)
        return function(*arguments, **named)
    return instead

here = Path(sys.argv[1])
for number in (*range(4, 40, 3), 99):
    shutil.rmtree(here / "run", ignore_errors=True)
    shutil.copytree(here / "trained", here / "run")
    if not (child := os.fork()):
        calls = []
        for name in ("link", "replace", "fsync", "mkdir"):
            setattr(os, name, mortal(getattr(os, name), number))
        story.run(here, plan__steps=2)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    story.run(here, plan__steps=2)
    left = story.everything(here / "run")
    assert load_checkpoint(here / "run" / "checkpoint")[1].plan.steps == 2
    assert left["checkpoint/notes.txt"] == b"mine" and not any("-part-" in name for name in left)
    print(status, hash(left["checkpoint/model.safetensors"]))
    if not status:
        break
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks, to kill a training at many steps")
def test_after_a_kill_at_any_moment_of_saving_the_same_command_ends_the_training(copied):
    """While the state and the checkpoint are written, the last of which takes eight renames."""
    (copied / "run" / "checkpoint" / "notes.txt").write_text("mine")
    (copied / "run").rename(copied / "trained")
    code = [sys.executable, "-c", KILLED, str(copied)]
    paths = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        code, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [status for status, _ in lines[-2:]] == ["9", "0"] and len(lines) >= 8
    assert len({weights for _, weights in lines}) == 1
