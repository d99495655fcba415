"""Meshes with materials: `.glb` and `.obj` as others read them, colours in both spaces."""

import json
import struct

import numpy as np
import pytest
import trimesh

from course_utils.files.materials import CLAY, Look, Material, linear, rgb
from course_utils.files.meshes import read_triangles, save_mesh

HALF = Material("grey", "#808080", 0.25, 0.5)
PALETTE = {
    "top": Material("red", "#ff0000"),
    "middle": HALF,
    "foot rest": Material("oak", "#0a141e"),
}


def cube():
    """A box of 12 faces, three sides of it in slot 1, three in slot 3; none in slot 2 at first."""
    mesh = trimesh.creation.box((0.5, 0.25, 1.0)).apply_translation((0.5, 0.5, 0.5))
    slots = np.where(np.arange(12) < 6, 1, 3)
    return mesh, Look(PALETTE, slots, mesh.vertices - 0.5)


def unit(look):
    return look._replace(normals=look.normals / np.linalg.norm(look.normals, axis=1)[:, None])


def opened(path):
    """The JSON of a .glb and its binary chunk."""
    data = path.read_bytes()
    magic, version, total, length, kind = struct.unpack_from("<4sIII4s", data)
    assert (magic, version, total, kind) == (b"glTF", 2, len(data), b"JSON") and length % 4 == 0
    size, kind = struct.unpack_from("<I4s", data, 20 + length)
    assert kind == b"BIN\0" and size % 4 == 0 and 28 + length + size == total
    return json.loads(data[20 : 20 + length]), data[28 + length :]


def test_colours_become_light_and_stay_what_they_are():
    # by hand: 128/255 = .50196, ((.50196 + .055) / 1.055)^2.4 = .21586; 10/255/12.92 = .0030353
    assert linear("#80ff0a") == pytest.approx((0.2158605, 1.0, 0.0030353), abs=1e-6)
    levels = np.arange(256) / 255
    light = np.array([linear(f"#{level:02x}0000")[0] for level in range(256)])
    back = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(back - levels).max() < 1e-5
    assert np.interp(0.5, levels, light) == pytest.approx(0.21404, abs=1e-4)
    assert rgb("#0A14ff") == (10, 20, 255)
    for wrong in ("red", "#fff", "0a14ff0", "#0a14fg", "#0a14ffff", ""):
        with pytest.raises(ValueError, match="expected one such as '#E07B0A'"):
            rgb(wrong)


def test_a_glb_has_a_material_for_each_slot_that_has_faces(tmp_path):
    mesh, look = cube()
    save_mesh(mesh, tmp_path / "a.glb", look=unit(look))
    document, binary = opened(tmp_path / "a.glb")
    (shape,) = document["meshes"]
    assert [part["material"] for part in shape["primitives"]] == [0, 1]
    assert {tuple(part["attributes"].items()) for part in shape["primitives"]} == {
        (("POSITION", 0), ("NORMAL", 1))
    }
    assert [one["name"] for one in document["materials"]] == ["top (red)", "foot rest (oak)"]
    red, oak = (one["pbrMetallicRoughness"] for one in document["materials"])
    assert red["baseColorFactor"] == [1, 0, 0, 1]
    assert oak["baseColorFactor"] == pytest.approx([0.0030353, 0.0069955, 0.0129830, 1], abs=1e-6)
    assert (red["metallicFactor"], red["roughnessFactor"]) == (0, 0.8)
    views, accessors = document["bufferViews"], document["accessors"]
    assert sum(view["byteLength"] for view in views) == len(binary) == 8 * 24 + 12 * 12
    assert [accessor["count"] for accessor in accessors] == [8, 8, 18, 18]
    points = np.frombuffer(binary, "<f4", 24).reshape(-1, 3)
    assert accessors[0]["min"] == points.min(0).tolist() == [-0.25, 0, -0.125]
    assert accessors[0]["max"] == points.max(0).tolist() == [0.25, 1, 0.125]
    normals = np.frombuffer(binary, "<f4", 24, 96).reshape(-1, 3)
    assert np.abs(np.linalg.norm(normals, axis=1) - 1).max() < 1e-6
    middle = [0, 0.5, 0]
    assert ((points - middle) * normals > 0).all()  # turned with the points


def test_both_readers_see_one_closed_box(tmp_path):
    mesh, look = cube()
    slots = look.slots.copy()
    slots[:2] = 2
    look = unit(look)._replace(slots=slots)
    for suffix in (".glb", ".obj"):
        save_mesh(mesh, tmp_path / f"a b{suffix}", look=look)
        corners = read_triangles(tmp_path / f"a b{suffix}", up="z")
        ours = trimesh.Trimesh(corners.reshape(-1, 3), np.arange(36).reshape(-1, 3))
        theirs = trimesh.load(tmp_path / f"a b{suffix}")
        parts = {one.visual.material.name: one for one in theirs.geometry.values()}
        assert sorted(len(one.faces) for one in parts.values()) == [2, 4, 6]
        whole = trimesh.util.concatenate(
            [trimesh.Trimesh(one.vertices, one.faces) for one in parts.values()]
        )
        whole.merge_vertices()
        for read in (ours, whole):
            assert read.is_watertight and read.volume == pytest.approx(0.125)
    name, colour = ("middle-grey", parts["middle-grey"].visual.material.diffuse)
    assert colour[:3].tolist() == [128, 128, 128] and "foot-rest-oak" in parts, name
    glb = trimesh.load(tmp_path / "a b.glb").geometry.values()
    light = {one.visual.material.name: one.visual.material.baseColorFactor for one in glb}
    assert light["middle (grey)"].tolist() == [55, 55, 55, 255]  # 255 x .2159


def test_an_obj_names_its_materials_in_srgb(tmp_path):
    mesh, look = cube()
    save_mesh(mesh, tmp_path / "a.obj", look=unit(look)._replace(slots=np.full(12, 2)))
    lines = (tmp_path / "a.mtl").read_text().splitlines()
    assert lines[1:] == [
        "newmtl middle-grey", "Kd 0.501961 0.501961 0.501961", "illum 1", "Pm 0.25", "Pr 0.5",
    ]  # fmt: skip
    text = (tmp_path / "a.obj").read_text().splitlines()
    assert text[1] == "mtllib a.mtl" and text.count("usemtl middle-grey") == 1
    assert sum(line.startswith("vn ") for line in text) == 8
    faces = [line.split()[1:] for line in text if line.startswith("f ")]
    assert len(faces) == 12
    assert all(corner.split("//")[0] == corner.split("//")[1] for one in faces for corner in one)
    save_mesh(mesh, tmp_path / "plain.obj")
    assert not (tmp_path / "plain.mtl").exists()
    with pytest.raises(ValueError, match="would be named in the"):
        save_mesh(mesh, tmp_path / "a\nv 1 2 3.obj", look=unit(look))


def test_a_mesh_without_a_look_is_clay(tmp_path):
    save_mesh(cube()[0], tmp_path / "a.glb")
    (material,) = opened(tmp_path / "a.glb")[0]["materials"]
    assert material["name"] == "clay"
    # #E07B0A by hand
    wanted = pytest.approx([0.7454042, 0.1980693, 0.0030353, 1], abs=1e-6)
    assert (
        CLAY.colour == "#E07B0A" and material["pbrMetallicRoughness"]["baseColorFactor"] == wanted
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"slots": np.ones(11, int)}, r"slots of shape \(11,\)"),
        ({"slots": np.ones(12)}, "slots are float64"),
        ({"slots": np.zeros(12, int)}, "from 0 to 0, expected whole numbers from 1 to 3"),
        ({"slots": np.full(12, 4)}, "from 4 to 4"),
        ({"normals": np.ones((7, 3))}, r"normals \(7, 3\), expected \(12,\) and \(8, 3\)"),
    ],
)
def test_a_look_that_does_not_fit_is_refused(tmp_path, wrong, message):
    mesh, look = cube()
    with pytest.raises(ValueError, match=message):
        save_mesh(mesh, tmp_path / "a.glb", look=look._replace(**wrong))
    assert not list(tmp_path.iterdir())
