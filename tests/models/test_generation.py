"""One call from a prompt to a shape, its mesh and its picture; as a notebook makes it."""

import subprocess
import sys

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image
from test_pipeline import tiny

from course_utils import models
from course_utils.diffusion.sampling import last
from course_utils.files.materials import CLAY
from course_utils.files.meshes import save_mesh
from course_utils.geometry.repair import finished
from course_utils.geometry.surface import is_watertight, smooth_mesh
from course_utils.models import ranking
from course_utils.models.checkpoints import load_checkpoint, save_checkpoint
from course_utils.models.generation import SHIPPED, file_name
from course_utils.models.prompting import sampling_states
from course_utils.models.ranking import seeds_of
from course_utils.plots.style import MODEL


@pytest.fixture(scope="module")
def mugs():
    return models.generate_many("mug", [4, 5, 6], steps=6, show_progress=False)


def test_the_shape_is_the_samplers_repaired_and_so_are_its_mesh_and_picture(mugs):
    denoiser, config = load_checkpoint(SHIPPED)
    for seed, mug in zip((4, 5, 6), mugs, strict=True):
        kept = mug.kept_seed
        assert mug.seed == seed and kept in seeds_of(seed, config.sampling.tries)
        state = last(sampling_states(denoiser, config, ["mug"], [kept], steps=6))
        wanted = finished(state.x_t[0, 0].numpy())
        assert np.abs(mug.field - wanted).max() < 1e-3  # a batch rounds otherwise
        assert mug.shape.dtype == bool and np.array_equal(mug.shape, mug.field > 0)
        smooth = smooth_mesh(mug.field)  # which is cut where slots meet, and stays where it is
        assert np.array_equal(mug.mesh.bounds, smooth.bounds) and is_watertight(mug.mesh)
        assert mug.mesh.volume == pytest.approx(smooth.volume, rel=1e-6)


def test_one_is_the_same_as_one_of_many(mugs):
    alone = models.generate("mug", 5, steps=6, show_progress=False)
    assert np.abs(alone.field - mugs[1].field).max() < 1e-3 and repr(alone).startswith(
        "Generated('mug', seed 5, "
    )


def test_it_shows_and_saves_its_picture(mugs, tmp_path):
    mug = mugs[0]
    data, about = mug._repr_png_()
    (tmp_path / "shown.png").write_bytes(data)
    mug.save(tmp_path / "mug.stl")
    for name in ("shown.png", "mug.png"):
        assert np.array_equal(np.asarray(Image.open(tmp_path / name)), mug.picture)
    assert mug.picture.shape == (640, 640, 3) and mug.render(64).shape == (64, 64, 3)
    assert about == {"alt": "Picture: mug, seed 4"}
    assert len(trimesh.load(tmp_path / "mug.stl").faces) == len(mug.mesh.faces)
    with pytest.raises(ValueError, match=r"\.glb, \.obj, \.stl"):
        mug.save(tmp_path / "mug.fbx")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["mug.png", "mug.stl", "shown.png"]


def test_the_colour_is_that_of_what_a_model_made():
    assert CLAY.colour == MODEL


def test_any_sentence_is_made_with_what_was_understood():
    how = {"steps": 2, "tries": 1, "show_progress": False}
    made = models.generate("gimme a woden chiar, three-legged, on a boat-free island", 3, **how)
    assert made.wish.family == made.family == "chair"
    assert made.wish.facts == {"base": ("three legs",)} and "island" in made.wish.answer
    assert set(made.materials.values()) == {"oak"}
    plain = models.generate("chair", 3, **how)
    assert (made.shape != plain.shape).any() and plain.wish.reading is None


def test_the_judge_keeps_the_first_try_that_has_what_was_named(monkeypatch):
    """Wrong by its count, try by try: the first that is right is kept, or the one that lacks least."""
    asked = []

    def wrong(voxels, family, named):
        asked.append((family, named))
        return counts[len(asked) - 1]

    monkeypatch.setattr(ranking, "wrong", wrong)
    how = {"steps": 1, "tries": 4, "show_progress": False}
    for counts, kept in (((0,), 0), ((2, 0), 1), ((2, 1, 0, 0), 2), ((2, 3, 1, 1), 2)):
        asked.clear()
        made = models.generate("a round table", 3, **how)
        assert made.kept_seed == seeds_of(3, 4)[kept] and len(asked) == len(counts)
        assert asked[0] == ("table", {"top": ("round",)})


def test_what_is_empty_or_unknown_is_refused(tmp_path, capsys):
    denoiser, config = tiny()
    for parameter in denoiser.parameters():
        parameter.data.zero_()  # answers 0 everywhere, and that is not inside
    save_checkpoint(tmp_path / "model", denoiser, config, "")
    with pytest.raises(ValueError, match="the shape of seed 1, 2 is empty"):
        models.generate_many("chair", [1, 2], model=tmp_path / "model")
    assert "sampling: 100%" in capsys.readouterr().err
    with pytest.raises(ValueError, match="no family in 'dragon'"):
        models.generate("dragon", model=tmp_path / "model", show_progress=False)
    with pytest.raises(ValueError, match="cpu always can"):
        models.generate("chair", model=tmp_path / "model", device="abacus")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"seed": -1}, "is -1; expected a whole number from 0"),
        ({"seed": 2**32}, "is 4294967296; expected a whole number from 0"),
        ({"tries": 10**9}, "tries is 1000000000; expected a whole number from 1 to 1,000"),
        ({"tries": 1.5}, "tries is 1.5"),
        ({"steps": 10**9}, "steps is 1000000000; expected a whole number from 1 to 10,000"),
        ({"guidance_scale": float("inf")}, "guidance_scale is inf"),
        ({"guidance_scale": 1e9}, "expected a number from -1,000 to 1,000"),
        *(
            ({"device": name}, f"device '{name}' can't be used here")
            for name in ("meta", "vulkan", "hpu", "cpu:3", "cuda:99", "CUDA", "gpu", "", "mkldnn")
        ),
        ({"device": "\x1b[2J"}, r"device '\\x1b\[2J' can't"),
        ({"device": None}, "device 'None' can't be used"),
        ({"device": torch.device("cpu")}, "nowhere is not a checkpoint folder"),  # as its name is
        ({"device": torch.device("cpu", 3)}, "device 'cpu:3' can't be used here"),
    ],
)
def test_settings_out_of_range_are_refused_before_a_model_is_loaded(wrong, message, recwarn):
    with pytest.raises(ValueError, match=message) as refused:
        models.generate("chair", **wrong, model="nowhere", show_progress=False)
    assert len(str(refused.value)) < 250 and not recwarn.list


def test_a_text_without_a_family_makes_nothing():
    for prompt in ("", "red", "椅子", "a tall", 3):
        with pytest.raises(ValueError, match=r"chair|expected a text"):
            models.generate(prompt, steps=1, tries=1, show_progress=False)


@pytest.mark.parametrize("suffix", [".glb", ".obj", ".stl"])
def test_the_longest_side_is_the_size_in_the_formats_unit(mugs, tmp_path, suffix):
    for size, metres in (
        (None, 0.08 if suffix == ".stl" else 1),
        ("8 CM", 0.08),
        ("2.5in", 0.0635),
    ):
        said = mugs[0].save(tmp_path / f"a{suffix}", size)
        longest = 1000 * metres if suffix == ".stl" else metres
        mesh = trimesh.load(tmp_path / f"a{suffix}", force="mesh")
        assert mesh.extents.max() == pytest.approx(longest, rel=1e-5)
        assert said.endswith(" mm" if suffix == ".stl" else " m") and f"{longest:.3g}" in said
        assert said.encode() in (tmp_path / f"a{suffix}").read_bytes()
    for size in ("0mm", "-3cm", "nan", "1e400m", "80", "80 parsec", "", "８mm", "2km", 80, "8 0mm"):
        with pytest.raises(ValueError, match="size is"):
            mugs[0].save(tmp_path / f"a{suffix}", size)
    with pytest.raises(ValueError, match="expected one of them"):
        save_mesh(mugs[0].mesh, tmp_path / f"a{suffix}", 2.0, size="8cm")


def test_a_prompt_becomes_a_file_name():
    assert file_name("椅子 Stu\u0308hle/x\x1b") == "椅子-stühle-x"
    assert len(file_name("椅" * 100).encode()) == 60
    assert file_name("A tall chair, without arms!") == "a-tall-chair-without-arms"
    assert file_name("../..") == "shape" and len(file_name("chair " * 50)) == 60


def test_importing_the_room_imports_none_of_its_modules():
    code = "import sys, course_utils.models; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = models.nonsense
