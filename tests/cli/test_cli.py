"""The command line as a user types it: generate, train, stop, continue, and wrong arguments."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from course_utils.cli.main import main
from course_utils.datasets.captions import facts_of
from course_utils.datasets.shapes import make_shapes
from course_utils.files.npz import write_npz
from course_utils.models.checkpoints import build_model, load_checkpoint, save_checkpoint
from course_utils.models.config import Config
from course_utils.places import CHECKPOINTS

ROOT = Path(__file__).parents[2]
TINY = {
    "name": "tiny",
    "about": "A test",
    "classes": ["chair", "table"],
    "resolution": 8,
    "data": {"kind": "procedural", "count": 40, "first_index": 0},
    "network": {
        "kind": "UNet",
        "dimensions": 3,
        "channels": [8],
        "patch": 4,
        "blocks": 1,
        "heads": 1,
        "conditioners": [{"kind": "labels", "classes": 2}],
    },
    "path": "flow",
    "prediction": "x0",
    "loss": {"kind": "denoising"},
    "plan": {"steps": 30, "batch_size": 4},
    "sampling": {"sampler": "ddim", "steps": 4, "shift": 1.0, "guidance_scale": 2.0},
}


def run(*arguments, cwd=ROOT):
    command = [sys.executable, "-m", "course_utils", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300)


@pytest.fixture
def config(tmp_path):
    def write(**changes):
        path = tmp_path / "tiny.json"
        path.write_text(json.dumps(TINY | changes))
        return path

    return write


def test_generate_writes_a_watertight_chair_and_its_picture(tmp_path):
    done = run("generate", "chair", "--seed", 3, "--out", tmp_path / "chair.glb")
    assert done.returncode == 0, done.stderr
    assert "watertight" in done.stdout and "16/16" in done.stderr
    mesh = trimesh.load(tmp_path / "chair.glb", force="mesh")
    mesh.merge_vertices(merge_norm=True, merge_tex=True)
    assert mesh.is_watertight and len(mesh.split()) == 1
    assert mesh.extents.max() > 0.5  # of the cube's side
    assert (tmp_path / "chair.png").read_bytes()[:4] == b"\x89PNG"


def test_generate_several_seeds_writes_each_and_a_contact_sheet(tmp_path):
    done = run(
        "generate", "mug", "--seed", 4, "--count", 2, "--steps", 6, "--out", tmp_path / "mug.obj"
    )
    assert done.returncode == 0, done.stderr
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "mug-4.mtl", "mug-4.obj", "mug-5.mtl", "mug-5.obj", "mug.png",
    ]  # fmt: skip
    assert done.stdout.count("watertight") == 2 and "mug.png: all of them" in done.stdout
    alone = run("generate", "mug", "--seed", 5, "--steps", 6, "--out", tmp_path / "alone.obj")
    assert alone.returncode == 0, alone.stderr
    one, two, other = (
        trimesh.load(tmp_path / name, force="mesh").volume
        for name in ("alone.obj", "mug-5.obj", "mug-4.obj")
    )
    assert one == pytest.approx(two, rel=1e-4) and one != pytest.approx(other, rel=1e-3)


def test_a_seed_is_a_shape(tmp_path):
    volumes = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert (
            run(
                "generate", "table", "--steps", 4, "--seed", seed, "--out", tmp_path / f"{name}.stl"
            ).returncode
            == 0
        )
        volumes.append((tmp_path / f"{name}.stl").read_bytes())
    assert volumes[0] == volumes[1] != volumes[2]


def test_train_makes_a_checkpoint_that_generates(tmp_path, config):
    done = run("train", config(), "--out", tmp_path / "run", "--device", "cpu", "--save-every", 10)
    assert done.returncode == 0, done.stderr
    card = (tmp_path / "run" / "checkpoint" / "README.md").read_text()
    assert "30 steps of 4" in card and "40 procedural shapes" in card
    again = run("train", config(), "--out", tmp_path / "run", "--device", "cpu")
    assert "continuing at step 30 of 30" in again.stdout
    made = run(
        "generate", "table", "--model", tmp_path / "run" / "checkpoint", "--out", tmp_path / "t.obj"
    )
    assert made.returncode == 0 or "is empty" in made.stderr  # thirty steps may well give nothing


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for another process")
def test_ctrl_c_saves(tmp_path, config):
    command = [
        sys.executable,
        "-m",
        "course_utils",
        "train",
        config(plan=TINY["plan"] | {"steps": 100_000}),
    ]
    process = subprocess.Popen(
        [*map(str, command), "--out", str(tmp_path / "run"), "--device", "cpu", "--save-every", "5"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not (tmp_path / "run" / "state.safetensors").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "saved in" in errors and "Traceback" not in errors


def test_train_on_a_file(tmp_path, config):
    shapes = make_shapes(12, resolution=8, families=("chair", "table"))
    write_npz(tmp_path / "data.npz", shapes.voxels, shapes.labels, classes=("chair", "table"))
    plan = {"data": {"kind": "npz", "file": "data.npz"}, "plan": {"steps": 3, "batch_size": 4}}
    done = run(
        "train",
        config(**plan),
        "--data",
        tmp_path / "data.npz",
        "--out",
        tmp_path / "run",
        "--device",
        "cpu",
    )
    assert done.returncode == 0, done.stderr
    assert "12 shapes" in done.stdout
    missing = run("train", config(**plan), "--out", tmp_path / "other")
    assert missing.returncode == 2 and "give it with --data" in missing.stderr
    needless = run("train", config(), "--data", tmp_path / "data.npz", "--out", tmp_path / "third")
    assert needless.returncode == 2 and "makes its own data and reads no file" in needless.stderr


def test_a_training_on_facts_begins_from_a_sketch_and_generates_from_a_text(tmp_path, config):
    facts = len(facts_of(TINY["classes"]))
    told = {"kind": "named", "sketch": 4}
    network = TINY["network"] | {"heads": 2, "in_channels": 5, "conditioners": [told]}
    width = 4 * network["channels"][0]
    alone = {"kind": "FromFacts", "dimensions": 3, "side": 4, "families": 2, "facts": facts}
    alone = {"network": alone | {"width": width}, "path": "flow", "prediction": "x0"}
    save_checkpoint(tmp_path / "facts", build_model(Config.of(alone)), Config.of(alone), "")
    data = {"kind": "named", "count": 40, "first_index": 0, "wordings": 2}
    begun = {
        "begin_from": [str(tmp_path / "facts")],
        "frozen": ["network.conditioner.named.sketch"],
    }
    done = run(
        "train",
        config(network=network, data=data, **begun),
        "--out",
        tmp_path / "run",
        "--device",
        "cpu",
    )
    assert done.returncode == 0, done.stderr
    before, after = (
        load_checkpoint(tmp_path / name)[0].state_dict() for name in ("facts", "run/checkpoint")
    )
    sketch = [name for name in before if ".sketch." in name]
    assert sketch and all(torch.equal(after[name], before[name]) for name in sketch)
    assert (
        f"begun from | `{tmp_path / 'facts'}`"
        in (tmp_path / "run" / "checkpoint" / "README.md").read_text()
    )
    made = run(
        "generate",
        "A chair with armrests!",
        "--model",
        tmp_path / "run" / "checkpoint",
        "--out",
        tmp_path / "chair.obj",
    )
    assert made.returncode == 0 or "is empty" in made.stderr  # thirty steps may well give nothing
    wrong = run("generate", "a pizza", "--model", tmp_path / "run" / "checkpoint")
    assert wrong.returncode == 2 and "no family in 'a pizza'; name one" in wrong.stderr


def test_any_sentence_is_answered_and_the_nearest_made_where_it_is_asked_for(tmp_path):
    out = ("--steps", "2", "--tries", "1", "--out", tmp_path / "shape.obj")
    done = run("generate", "gimme a woden chiar on a tropical island", *out)
    assert done.returncode == 0, done.stderr
    first = "understood: woden chiar; I cannot make: tropical island"
    assert done.stdout.splitlines()[0] == first
    assert (tmp_path / "shape.obj").stat().st_size > 1000 and (tmp_path / "shape.png").exists()
    done = run("generate", "a pizza", "--nearest", *out)
    assert done.returncode == 0 and "making the nearest, a " in done.stdout.splitlines()[0]


def test_training_labels_are_the_configs_classes():
    from course_utils.models.config import Config, Section
    from course_utils.models.recipes import procedural_shapes

    order = ("table", "chair")
    config = Config(Section("UNet"), classes=order, resolution=16)
    voxels, labels = procedural_shapes(config, count=7, first_index=3)
    for row, label in zip(voxels.numpy(), labels.tolist(), strict=True):
        alone = [make_shapes(1, 16, (order[label],), first_index=i).voxels[0] for i in range(3, 10)]
        assert any(np.array_equal(row, other) for other in alone)


@pytest.mark.parametrize("command", ["generate", "train", "doctor", "onnx"])
def test_help(command):
    done = run(command, "--help")
    assert done.returncode == 0 and done.stdout.startswith(f"usage: course.py {command}")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["generate"], "prompt"),
        (
            ["generate", "dragon"],
            "no family in 'dragon'; name one that the model makes: chair, table",
        ),
        (["generate", "椅子"], "no family in '椅子'; name one that the model makes: chair, table"),
        (["generate", "\x1b[2J \u202e☂"], "no family in '\\x1b[2J \\u202e☂'; name one"),
        (
            ["generate", "round"],
            "no family in 'round'; name one that the model makes: chair, table",
        ),
        (["generate", ""], "no family in ''; name one that the model makes: chair, table"),
        (["generate", "chair", "--size", "80"], "size is '80'; expected a length from 0.01 mm"),
        (["generate", "chair", "--size", "0mm"], "size is '0mm'"),
        (["generate", "chair", "--size", "1e400m"], "size is '1e400m'"),
        (["generate", "chair", "--size", "80 parsec"], "such as '80mm'"),
        (["generate", "chair", "--size", "8cm", "--out", "a.vox"], "a .vox has no size"),
        (["generate", "chair", "--material", "seat"], "PART=NAME, such as seat=red, got 'seat'"),
        (["generate", "chair", "--material", "=red"], "PART=NAME"),
        (
            ["generate", "chair", "--material", "wheels=red"],
            "no slot 'wheels'; expected one of seat, legs",
        ),
        (["generate", "chair", "--material", "seat=rad"], "no 'rad'; there are white, grey"),
        (
            ["generate", "chair", "--material", "seat=red", "--material", "seat=blue"],
            "names a part twice",
        ),
        (["generate", "chair", "--seed", "３"], "whole number from 0"),
        (["generate", "chair", "--seed", "9" * 5000], "whole number from 0"),
        (
            ["generate", "chair", "--seed", str(2**32 - 1), "--count", "2"],
            "is 4294967296; expected",
        ),
        (["generate", "chair", "--tries", "1000000000"], "whole number from 1 to 1000"),
        (["generate", "chair", "--steps", "1000000000"], "steps is 1000000000"),
        (["generate", "chair", "--guidance-scale", "1e9"], "guidance_scale is 1000000000.0"),
        (["generate", "chair", "--guidance-scale", "1_0"], "expected a number, got '1_0'"),
        (
            ["generate", "chair", "--out", "/dev/null/\n.glb"],
            "/dev/null/\\x0a.glb cannot be written",
        ),
        (["generate", "chair", "--out", "x" * 250 + ".glb"], "name too long"),
        (["generate", "chair", "--out", "x.PNG"], ".glb, .obj, .stl"),
        (["generate", "chair", "--device", "xla"], "device 'xla' can't be used here"),
        (["train", "shapes32", "--steps", "４"], "whole number from 1 to 1000000000"),
        (["train", "shapes32", "--batch-size", "99999999"], "whole number from 1 to 65536"),
        (["onnx", "\x1b[2J", "--out", "x"], "\\x1b[2J is not a checkpoint"),
        (["generate", "chair", "--seed", "-1"], "whole number from 0"),
        (["generate", "chair", "--steps", "0"], "whole number from 1"),
        (["generate", "chair", "--steps", "9999999999999"], "whole number from 1"),
        (["generate", "chair", "--steps", "4000000000"], "steps is 4000000000"),
        (["generate", "chair", "--count", "1000000"], "whole number from 1 to 1000"),
        (["generate", "chair", "--guidance-scale", "nan"], "expected a number, got 'nan'"),
        (
            ["generate", "chair", "--out", ""],
            "--out: expected the name of a file or folder, got ''",
        ),
        (["generate", "chair", "--model", " "], "--model: expected the name of a file or folder"),
        (["train", "shapes32", "--out", ""], "--out: expected the name of a file or folder"),
        (["train", "shapes32", "--data", ""], "--data: expected the name of a file or folder"),
        (["onnx", "", "--out", "x"], "folder: expected the name of a file or folder"),
        (["generate", "chair", "--out", "chair.fbx"], ".glb, .obj, .stl"),
        (["generate", "chair", "--model", "nowhere"], "not a checkpoint folder"),
        (["generate", "chair", "--device", "abacus"], "cpu always can"),
        (
            ["train", "nonsense"],
            "facts-of-guesses32, facts-of-shapes32, modelnet10-chairs32, named16, reader, shapes32",
        ),
        (
            ["generate", "chair", "--model", f"{CHECKPOINTS}/reader"],
            "no model of shapes",
        ),
        (["paint"], "invalid choice: 'paint'"),
    ],
)
def test_wrong_arguments_get_one_line_and_exit_code_2(arguments, expected, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    line = capsys.readouterr().err.strip()
    assert ended.value.code == 2
    assert expected in line and line.isprintable() and len(line) < 900


@pytest.mark.parametrize(
    ("suffix", "more", "longest"),
    [(".stl", [], 80), (".glb", [], 1), (".obj", ["--size", "3 in"], 0.0762)],
)
def test_a_size_is_in_the_formats_unit(tmp_path, suffix, more, longest):
    """Also where the terminal can't show the file's name."""
    (tmp_path / f"椅子{suffix}").write_text("replaced")
    command = [sys.executable, "-m", "course_utils", "generate", "chair", "--steps", "4"]
    done = subprocess.run(
        [*command, "--tries", "1", "--out", tmp_path / f"椅子{suffix}", *more],
        capture_output=True, text=True, cwd=ROOT, timeout=300,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    extents = trimesh.load(tmp_path / f"椅子{suffix}", force="mesh").extents
    assert extents.max() == pytest.approx(longest, rel=1e-4)
    width, depth, height = extents if suffix == ".stl" else extents[[0, 2, 1]]
    unit = {".stl": "mm"}.get(suffix, "m")
    line = f"watertight, {width:.3g} x {depth:.3g} x {height:.3g} {unit}"
    assert f"\\u6905\\u5b50{suffix}: " in done.stdout and line in done.stdout
    assert f"{width:.3g} x".encode() in (tmp_path / f"椅子{suffix}").read_bytes()


def test_parts_are_made_of_what_is_asked_for(tmp_path, capsys):
    sampling = {"sampler": "ddpm", "steps": 2, "shift": 1.0, "guidance_scale": 1.0}
    network = TINY["network"] | {"in_channels": 5}
    data = TINY["data"] | {"kind": "materials"}
    config = Config.of(TINY | {"network": network, "data": data, "sampling": sampling})
    torch.manual_seed(0)
    model = build_model(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    save_checkpoint(tmp_path / "model", model, config, "")
    command = ["generate", "chair", "--model", str(tmp_path / "model"), "--count", "2"]
    command += ["--material", "seat=brass", "--material", "legs = pink"]
    main([*command, "--out", str(tmp_path / "a.obj")])
    said = capsys.readouterr().out
    assert "brass seat" in said and "pink legs" in said
    for seed in (0, 1):
        assert (
            "newmtl seat-brass\nKd 0.788235 0.635294 0.294118"
            in (tmp_path / f"a-{seed}.mtl").read_text()
        )


def test_doctor():
    done = run("doctor")
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert len(lines) == 4 and all(line.startswith("[ok] ") for line in lines)


def test_doctor_says_what_is_wrong(monkeypatch, tmp_path):
    from course_utils.models import doctor

    monkeypatch.setattr("course_utils.models.doctor.CHECKPOINTS", tmp_path)
    monkeypatch.setattr(doctor, "NEEDED", ("numpy", "no-such-package"))
    problems = [str(finding) for finding in doctor.examine() if not finding.ok]
    assert len(problems) == 2
    assert "packages missing: no-such-package" in problems[0] and "Remedy: " in problems[0]
    assert "the shipped model" in problems[1]


def test_goals_that_cannot_be_replaced_are_refused_before_sampling(tmp_path, monkeypatch, capsys):
    from course_utils.models import generation

    monkeypatch.setattr(generation, "generate_many", lambda *_, **__: pytest.fail("sampled"))
    (tmp_path / "gone.glb").symlink_to(tmp_path / "disk" / "gone.glb")
    (tmp_path / "kept.stl").write_text("mine")
    (tmp_path / "kept.stl").chmod(0o444)
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "named.mtl").mkdir()
    for name, why in (("gone.glb", "which is not there"), ("kept.stl", "is read-only"),
                      ("folder.obj", "folder.png is a folder"),
                      ("named.obj", "named.mtl is a folder")):  # fmt: skip
        with pytest.raises(SystemExit) as ended:
            main(["generate", "chair", "--out", str(tmp_path / name)])
        line = capsys.readouterr().err
        assert ended.value.code == 2 and why in line and line.count("\n") == 1
    assert (tmp_path / "kept.stl").read_text() == "mine"
