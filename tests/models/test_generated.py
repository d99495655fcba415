"""What a model made, in colours: slots and palettes, files of every format, other materials."""

import json
import struct

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image
from test_pipeline import CONFIG, tiny

from course_utils import models
from course_utils.datasets.shapes import CLASSES, FAMILIES, make_shape
from course_utils.datasets.shapes.drawing import palette_of
from course_utils.datasets.shapes.materials import MATERIALS
from course_utils.files.materials import CLAY, linear
from course_utils.files.meshes import read_triangles
from course_utils.files.vox import read_vox_model
from course_utils.geometry.matter import SLOTS, matter_to_model
from course_utils.geometry.surface import is_watertight, smooth_mesh
from course_utils.models.checkpoints import save_checkpoint
from course_utils.models.config import Config
from course_utils.models.generated import changed, finish, palette_for
from course_utils.models.pipeline import VoxelDenoiser, VoxelDiffusionPipeline
from course_utils.plots.stills import show_shapes

COLOURED = Config.of(CONFIG | {"network": CONFIG["network"] | {"in_channels": 1 + SLOTS}})


def of_truth(family, seed):
    """A true shape, as if a model had drawn it, and that shape."""
    shape = make_shape(family, seed)
    x = matter_to_model(torch.from_numpy(shape.matter)[None])[0]
    palette = palette_for(COLOURED, family, seed)
    return finish(x, family, seed, seed, family, palette), shape


@pytest.fixture(scope="module")
def sofa():
    return of_truth("sofa", 1)[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny model with slots, and weights that are no shapes of anything."""
    folder = tmp_path_factory.mktemp("model")
    denoiser, config = tiny(network=COLOURED.to_dict()["network"])
    save_checkpoint(folder / "model", denoiser, config, "")
    return folder / "model"


@pytest.mark.parametrize("family", CLASSES)
def test_true_shapes_of_every_family_are_closed_files_in_their_colours(family, tmp_path):
    for seed in (2, 9):
        made, shape = of_truth(family, seed)
        filled = shape.coverage > 0.5
        assert np.array_equal(made.shape, filled)  # half coverage is the surface
        assert np.array_equal(made.slots[filled], shape.slots[filled])
        assert made.palette | shape.palette == made.palette  # drawn as the data's
        assert made.materials.items() <= {s: m.name for s, m in shape.palette.items()}.items()
        made.export(tmp_path / "a.glb")
        assert (tmp_path / "a.glb").stat().st_size < 2**20
        corners = read_triangles(tmp_path / "a.glb").astype(np.float32)
        points, number = np.unique(corners.reshape(-1, 3), axis=0, return_inverse=True)
        welded = trimesh.Trimesh(points, number.reshape(-1, 3), process=False)
        assert is_watertight(welded) and welded.is_watertight and welded.volume > 0
        assert len(welded.faces) == len(made.mesh.faces)
        names = {
            one.visual.material.name for one in trimesh.load(tmp_path / "a.glb").geometry.values()
        }
        assert names == {f"{slot} ({name})" for slot, name in made.materials.items()}


def test_the_surface_lies_at_half_coverage_and_its_normals_follow_the_field():
    side = 24
    z, y, x = (np.indices((side,) * 3) + 0.5) / side - 0.5
    coverage = np.clip(0.5 + side * (0.3 - np.sqrt(x * x + y * y + z * z)), 0, 1)
    field = torch.from_numpy(2 * coverage - 1).float()[None]
    ball = finish(field, "ball", 0, 0, None, {"shape": CLAY})
    out = np.array(ball.mesh.vertices) - 0.5
    assert np.abs(np.linalg.norm(out, axis=1) - 0.3).max() < 0.003
    outward = out / np.linalg.norm(out, axis=1, keepdims=True)
    assert (ball.look.normals * outward).sum(1).min() > 0.99
    assert np.array_equal(ball.mesh.vertices, smooth_mesh(ball.field).vertices)


def test_what_a_gap_is_closed_with_and_what_is_nearly_empty_take_their_neighbours_slot():
    x = torch.full((1 + SLOTS, 16, 16, 16), -1.0)
    x[1:] = 0.0
    x[3] += 0.01  # in the air a model guesses anything
    x[0, 2:7, 4:10, 4:10], x[1, 2:7, 4:10, 4:10] = 1.0, 1.0
    x[0, 9:13, 4:10, 4:10], x[2, 9:13, 4:10, 4:10] = 1.0, 1.0
    x[0, 14:16, 14:16, 14:16], x[4, 14:16, 14:16, 14:16] = 1.0, 1.0  # a loose bit
    made = finish(x, "chair", 0, 0, "chair", palette_for(COLOURED, "chair", 0))
    bar = made.shape[7:9]
    assert bar.any() and not made.shape[14:].any()
    assert set(made.slots[7:9][bar]) <= {1, 2}
    assert set(np.unique(made.slots)) == {1, 2}
    assert len(made.materials) == 2


def test_a_palette_is_drawn_from_the_seed_or_is_clay():
    assert palette_for(Config.of(CONFIG), "chair", 3) == {"shape": CLAY}
    assert palette_for(COLOURED, None, 3) == palette_for(COLOURED, "dragon", 3) == {"shape": CLAY}
    for family in CLASSES:
        palette = palette_for(COLOURED, family, 3)
        assert tuple(palette) == FAMILIES[family].SLOTS
        assert palette == palette_of(family, 3, FAMILIES[family].MATERIALS)
    chairs = [palette_for(COLOURED, "chair", seed)["seat"].name for seed in range(30)]
    assert len(set(chairs)) > 8


def test_other_materials_on_the_same_shape(sofa):
    red = sofa.recoloured({"frame": "red", "legs": "brass"})
    assert red.field is sofa.field and red.slots is sofa.slots
    assert red.materials == sofa.materials | {"frame": "red", "legs": "brass"}
    assert red.colours[0] == MATERIALS["red"].colour and red.palette["legs"].metallic == 1
    assert np.array_equal(red.mesh.faces, sofa.mesh.faces)
    differ = (red.render(128) != sofa.render(128)).any(2)
    assert 0.02 < differ.mean() < 0.5
    assert sofa.recoloured({}).palette == sofa.palette


@pytest.mark.parametrize(
    ("materials", "message"),
    [
        ({"seat": "red"}, "no slot 'seat'; expected one of frame, seats, cushions, legs"),
        ({"frame": "rad"}, "no 'rad'; there are white, grey, black"),
        ({"frame": ["red"]}, r"no \['red'\]"),
        ({1: "red"}, "no slot 1"),
        (["red"], r"is \['red'\]; expected one such as"),
        ("red", "is 'red'"),
    ],
)
def test_unknown_slots_and_materials_are_refused_with_a_list(sofa, materials, message):
    with pytest.raises(ValueError, match=message):
        sofa.recoloured(materials)
    with pytest.raises(ValueError, match=message):
        changed(sofa.palette, materials)


def test_a_vox_keeps_voxels_slots_and_palette(sofa, tmp_path):
    said = sofa.export(tmp_path / "a.vox")
    back = read_vox_model(tmp_path / "a.vox")
    assert np.array_equal(back.voxels, sofa.shape)
    assert np.array_equal(back.colours[sofa.shape], sofa.slots[sofa.shape])
    for row, colour in enumerate(sofa.colours, start=1):
        assert "#" + bytes(back.palette[row, :3]).hex() == colour and back.palette[row, 3] == 255
    places = np.argwhere(sofa.shape)
    width, depth, height = (places.max(0) - places.min(0) + 1)[::-1]
    assert said == f"{width} x {depth} x {height} voxels"
    with pytest.raises(ValueError, match=r"a \.vox counts voxels and has no size"):
        sofa.export(tmp_path / "a.vox", "80mm")


@pytest.mark.parametrize("suffix", [".glb", ".obj"])
def test_the_colours_in_a_file_are_the_palettes(sofa, tmp_path, suffix):
    sofa.save(tmp_path / f"a{suffix}")
    for mesh in trimesh.load(tmp_path / f"a{suffix}").geometry.values():
        material = mesh.visual.material
        slot = material.name.replace(" (", "-").split("-")[0]
        colour = sofa.palette[slot].colour
        if suffix == ".obj":
            assert material.diffuse[:3].tobytes().hex() == colour[1:]
        else:
            wanted = [round(255 * light) for light in linear(colour)]
            assert material.baseColorFactor[:3].tolist() == wanted
            assert material.roughnessFactor == sofa.palette[slot].roughness
    assert np.asarray(Image.open(tmp_path / "a.png")).shape == (640, 640, 3)


def test_it_is_drawn_among_other_shapes(sofa, monkeypatch):
    monkeypatch.setattr("course_utils.plots.stills.contact_sheet", lambda tiles, *_: tiles)
    true, made = show_shapes([make_shape("sofa", 1), sofa])
    assert (true < 250).any(2).mean() > 0.1 and np.abs(true.astype(int) - made).mean() < 1


def test_generate_draws_or_takes_materials_and_keeps_the_shape(folder):
    how = {"model": folder, "tries": 1, "show_progress": False}
    plain = models.generate("chair", 3, **how)
    made = models.generate("chair", 3, **how, materials={"seat": "red"})
    assert plain.family == "chair" and plain.palette == palette_for(COLOURED, "chair", 3)
    assert np.array_equal(made.field, plain.field) and np.array_equal(made.slots, plain.slots)
    assert made.palette == plain.palette | {"seat": MATERIALS["red"]}
    assert plain.slots.dtype == np.uint8 and 1 <= plain.slots.min() <= plain.slots.max() <= 4


def test_wrong_materials_are_refused_before_anything_is_sampled(folder, monkeypatch):
    from course_utils.models import generation

    monkeypatch.setattr(generation, "best_of", lambda *_, **__: pytest.fail("sampled"))
    with pytest.raises(
        ValueError, match="no slot 'wheels'; expected one of seat, legs, back, arms"
    ):
        models.generate("chair", model=folder, materials={"wheels": "red"}, show_progress=False)


def test_a_model_without_slots_is_clay_in_one_slot(tmp_path):
    save_checkpoint(tmp_path, *tiny(classes=["chair", "table", "mug"]), "")
    mug = models.generate("mug", 4, model=tmp_path, tries=1, show_progress=False)
    assert mug.palette == {"shape": CLAY} and mug.materials == {"shape": "clay"}
    assert (mug.slots == 1).all() and mug.family == "mug"
    blue = mug.recoloured({"shape": "blue"})
    assert blue.picture.astype(int)[..., 2].sum() > mug.picture.astype(int)[..., 2].sum()


def test_the_pipeline_draws_as_many_channels_as_the_model_has():
    pipe = VoxelDiffusionPipeline(VoxelDenoiser(*tiny(network=COLOURED.to_dict()["network"])))
    pipe.set_progress_bar_config(disable=True)
    x = pipe(["lamp", "chair"], seeds=[5, 6], output_type="field").shapes
    assert x.shape == (2, 1 + SLOTS, 8, 8, 8)
    voxels = pipe(["lamp", "chair"], seeds=[5, 6]).shapes
    assert np.array_equal(voxels, x[:, 0].numpy() > 0)


def test_a_glb_repeats_byte_for_byte(sofa, tmp_path):
    for name in ("a.glb", "b.glb"):
        sofa.recoloured({}).export(tmp_path / name)
    data = (tmp_path / "a.glb").read_bytes()
    assert data == (tmp_path / "b.glb").read_bytes()
    document = json.loads(data[20 : 20 + struct.unpack_from("<I", data, 12)[0]])
    assert len(document["meshes"]) == 1 and len(document["meshes"][0]["primitives"]) == 4
