"""Grids and surfaces against brute force, closed forms and trimesh."""

import json
import os
import struct
from itertools import product

import numpy as np
import pytest
import torch
import trimesh

from course_utils.files.meshes import save_mesh
from course_utils.geometry.surface import blocky_mesh, is_watertight, smooth_mesh
from course_utils.geometry.voxels import (
    close_gaps,
    connected_components,
    largest_component,
    to_model,
    to_occupancy,
)

STEPS = [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)]


def noise(shape, density=0.3, seed=0):
    return np.random.default_rng(seed).random(shape) < density


def table(n=16, leg=2):
    """A plate on four legs of `leg` by `leg` voxels."""
    voxels = np.zeros((n, n, n), dtype=bool)
    voxels[n - 6 : n - 3, 2:-2, 2:-2] = True
    for y, x in product((2, n - 2 - leg), repeat=2):
        voxels[: n - 6, y : y + leg, x : x + leg] = True
    return voxels


# ---- tensors -------------------------------------------------------------------------------------


@pytest.mark.parametrize("lead", [(), (3,), (3, 1), (2, 3)])
def test_to_model_and_back(lead):
    voxels = noise((*lead, 4, 5, 6))
    for given in (voxels, torch.from_numpy(voxels)):
        x = to_model(given)
        assert x.dtype == torch.float32 and x.shape == (int(np.prod(lead)), 1, 4, 5, 6)
        assert np.array_equal(x.numpy().reshape(-1), np.where(voxels.reshape(-1), 1.0, -1.0))
        assert np.array_equal(to_occupancy(x), voxels.reshape(-1, 4, 5, 6))


def test_to_occupancy_level():
    x = torch.tensor([-0.5, 0.0, 0.2, 0.7], requires_grad=True).reshape(1, 1, 1, 2, 2)
    assert to_occupancy(x).ravel().tolist() == [False, False, True, True]
    assert to_occupancy(x, level=0.5).ravel().tolist() == [False, False, False, True]


def test_tensors_are_checked():
    with pytest.raises(ValueError, match="expected bool"):
        to_model(np.zeros((4, 4, 4)))
    with pytest.raises(ValueError, match="expected bool"):
        to_model(np.zeros((4, 4), dtype=bool))
    with pytest.raises(ValueError, match="expected floats"):
        to_occupancy(np.zeros((4, 4, 4), dtype=bool))


# ---- pieces --------------------------------------------------------------------------------------


def flood(voxels):
    """Pieces as sets of places, by hand."""
    left, pieces = set(map(tuple, np.argwhere(voxels))), []
    while left:
        waiting, piece = [left.pop()], set()
        while waiting:
            place = waiting.pop()
            piece.add(place)
            around = {tuple(np.add(place, step)) for step in STEPS} & left
            left -= around
            waiting += around
        pieces.append(frozenset(piece))
    return set(pieces)


@pytest.mark.parametrize("seed", range(3))
def test_components_are_those_of_a_flood_fill(seed):
    voxels = noise((7, 8, 9), seed=seed)
    labels, sizes = connected_components(voxels)
    found = [frozenset(map(tuple, np.argwhere(labels == i + 1))) for i in range(len(sizes))]
    assert set(found) == flood(voxels) and sizes.tolist() == [len(piece) for piece in found]
    assert labels.max() == len(sizes) > 5
    largest = largest_component(voxels)
    assert largest.dtype == bool and largest.sum() == sizes.max() and not (largest & ~voxels).any()
    assert frozenset(map(tuple, np.argwhere(largest))) in found


def test_empty_grid_has_no_component():
    empty = np.zeros((3, 3, 3), dtype=bool)
    assert len(connected_components(empty)[1]) == 0 and not largest_component(empty).any()
    assert connected_components(empty)[1].tolist() == []
    with pytest.raises(ValueError, match="voxels: got float64"):
        connected_components(np.zeros((3, 3, 3)))


# ---- blocks --------------------------------------------------------------------------------------


def exposed(voxels):
    """Faces between occupied and empty, by hand: (x, y, z) of the middle and the outward normal."""
    padded = np.pad(voxels, 1)
    faces = set()
    for place in np.argwhere(padded):
        for step in STEPS:
            if not padded[tuple(place + step)]:
                middle = (place - 0.5 + np.array(step) / 2)[::-1]
                faces.add((*middle.tolist(), *step[::-1]))
    return faces


def two_posts(gap, size=24):
    """A field with a post that stands `gap` empty voxels above another, and a crumb beside them."""
    field = np.full((size, size, size), -0.9)
    field[1:8, 10:13, 10:13] = field[8 + gap : 20, 10:13, 10:13] = 0.8
    field[2, 20, 20] = 0.8
    return field


@pytest.mark.parametrize("gap", [1, 2, 3])
def test_pieces_that_nearly_touch_are_joined_and_nothing_else_changes(gap):
    field = two_posts(gap)
    before = field.copy()
    whole = close_gaps(field)
    assert np.array_equal(field, before)  # not in place
    sizes = connected_components(whole > 0)[1]
    assert sorted(sizes)[0] == 1 and len(sizes) == 2  # the crumb stays alone
    changed = whole != field
    assert (
        changed[8 : 8 + gap].any(axis=(1, 2)).all()
        and not changed[: 8 - 1].any()
        and not changed[9 + gap :].any()
    )
    assert changed.sum() <= 5 * gap + 8 and (whole[changed] > 0).all()


def test_pieces_further_apart_are_left_and_whole_shapes_are_untouched():
    far = two_posts(4)
    assert np.array_equal(close_gaps(far), far) and not np.array_equal(
        close_gaps(far, reach=5.0), far
    )
    one = two_posts(0)
    assert np.array_equal(close_gaps(one), one) and np.array_equal(
        close_gaps(-np.ones((4, 4, 4))), -np.ones((4, 4, 4))
    )


def test_a_row_of_pieces_is_joined_one_by_one():
    field = np.full((16, 16, 32), -1.0)
    for k in range(5):
        field[4:8, 4:8, 6 * k : 6 * k + 4] = 1.0
    assert len(connected_components(close_gaps(field) > 0)[1]) == 1


@pytest.mark.parametrize("density", [0.05, 0.3, 0.6, 0.95])
def test_blocky_mesh_is_the_exposed_faces(density):
    voxels = noise((5, 6, 7), density)
    mesh = blocky_mesh(voxels)
    assert len(mesh.faces) == 2 * len(exposed(voxels))
    first = mesh.triangles.reshape(-1, 2, 3, 3)  # the two triangles of a face share its diagonal
    middles = (first.max(axis=(1, 2)) + first.min(axis=(1, 2))) / 2 * 7
    found = {
        (*m, *n)
        for m, n in zip(
            middles.round(6).tolist(), mesh.face_normals[::2].round().tolist(), strict=True
        )
    }
    assert found == exposed(voxels)
    assert np.abs(mesh.face_normals[::2] - mesh.face_normals[1::2]).max() < 1e-9
    assert abs(mesh.volume - voxels.sum() / 7**3) < 1e-12
    assert abs(mesh.area - len(exposed(voxels)) / 7**2) < 1e-12


def test_blocky_mesh_is_a_manifold_whatever_touches():
    """trimesh counts two faces per edge; random grids hold every way in which voxels can touch."""
    for seed in range(40):
        mesh = blocky_mesh(noise((6, 6, 6), 0.1 + 0.02 * seed, seed))
        assert mesh.is_watertight and mesh.is_winding_consistent and is_watertight(mesh)
        assert len(np.unique(mesh.faces)) == len(mesh.vertices)


def test_blocky_mesh_splits_only_what_must_be():
    edge, corner, ring = np.zeros((3, 2, 2, 2), dtype=bool)
    edge[0, 0, 0] = edge[0, 1, 1] = True
    corner[0, 0, 0] = corner[1, 1, 1] = True
    ring[0, 0, 0] = ring[0, 1, 1] = ring[1] = True
    assert [len(blocky_mesh(v).vertices) for v in (edge, corner)] == [16, 16]
    assert [len(blocky_mesh(v).split()) for v in (edge, corner, ring)] == [2, 2, 1]
    assert len(blocky_mesh(np.ones((3, 3, 3), dtype=bool)).vertices) == 56
    # two voxels that touch along an edge, joined above and below it
    tunnel = np.zeros((3, 2, 2), dtype=bool)
    tunnel[0] = tunnel[2] = True
    tunnel[1, 0, 0] = tunnel[1, 1, 1] = True
    mesh = blocky_mesh(tunnel)
    assert mesh.is_watertight and abs(mesh.volume - 10 / 27) < 1e-12


def test_blocky_mesh_of_one_voxel_and_of_none():
    voxels = np.zeros((4, 4, 4), dtype=bool)
    assert blocky_mesh(voxels).faces.shape == (0, 3)
    voxels[3, 2, 1] = True
    mesh = blocky_mesh(voxels)
    assert mesh.faces.shape == (12, 3) and mesh.vertices.shape == (8, 3)
    assert mesh.bounds.tolist() == [[0.25, 0.5, 0.75], [0.5, 0.75, 1.0]]


# ---- isosurfaces ---------------------------------------------------------------------------------


def sphere_field(n, radius=0.3):
    middle = (np.arange(n) + 0.5) / n - 0.5
    z, y, x = np.meshgrid(middle, middle, middle, indexing="ij")
    return radius - np.sqrt(x**2 + y**2 + z**2)


@pytest.mark.parametrize("smoothing", [0.0, 0.7])
def test_sphere_converges(smoothing):
    errors = []
    for n in (12, 24, 48):
        mesh = smooth_mesh(sphere_field(n), smoothing=smoothing)
        assert mesh.is_watertight and np.abs(mesh.center_mass - 0.5).max() < 1e-5
        errors.append(
            (
                abs(mesh.volume / (4 / 3 * np.pi * 0.3**3) - 1),
                abs(mesh.area / (4 * np.pi * 0.3**2) - 1),
            )
        )
    errors = np.array(errors)
    # second order: a quarter each time
    assert (errors[1:] < 0.35 * errors[:-1]).all() and errors[-1].max() < 0.007
    level = smooth_mesh(sphere_field(48), level=0.1, smoothing=smoothing)
    assert abs(level.volume / (4 / 3 * np.pi * 0.2**3) - 1) < 0.02


def test_smooth_mesh_is_closed_oriented_and_inside_the_cube():
    for seed in range(12):
        field = np.random.default_rng(seed).standard_normal((7, 7, 7))
        for given in (field, np.round(field), field > 0, np.ones((7, 7, 7))):
            for smoothing in (0.0, 0.7):
                mesh = smooth_mesh(given, smoothing=smoothing)
                assert is_watertight(mesh) and mesh.volume > 0
                assert mesh.vertices.min() >= 0 and mesh.vertices.max() <= 1


def test_smooth_mesh_places_voxel_centres():
    voxels = np.zeros((8, 8, 8), dtype=bool)
    voxels[6, 3, 1] = True
    for smoothing in (0.0, 0.7):
        mesh = smooth_mesh(voxels, smoothing=smoothing)
        assert np.abs(mesh.center_mass * 8 - [1.5, 3.5, 6.5]).max() < 1e-5
    assert np.abs(smooth_mesh(np.ones((4, 4, 4))).bounds - [[0, 0, 0], [1, 1, 1]]).max() < 1e-6


@pytest.mark.parametrize("leg", [1, 2])
@pytest.mark.parametrize("smoothing", [0.0, 0.7, 1.5])
def test_thin_legs_survive_smoothing(leg, smoothing):
    voxels = table(leg=leg)
    mesh = smooth_mesh(voxels, smoothing=smoothing)
    assert mesh.is_watertight and len(mesh.split()) == 1
    # the feet still reach the floor
    assert mesh.vertices[:, 2].min() < 0.25 / 16 * (2 if smoothing else 1)
    cut = mesh.section(plane_origin=[0, 0, 4.5 / 16], plane_normal=[0, 0, 1])
    loops = cut.discrete
    assert len(loops) == 4
    for loop in loops:
        assert np.ptp(loop[:, :2], axis=0).min() > 0.3 * leg / 16


def test_smoothing_calms_the_normals():
    voxels = sphere_field(24) > 0

    def roughness(mesh):
        return np.degrees(mesh.face_adjacency_angles).mean()

    assert roughness(smooth_mesh(voxels, smoothing=0.7)) < 0.65 * roughness(smooth_mesh(voxels))


def test_smooth_mesh_checks_its_field():
    assert smooth_mesh(np.full((4, 4, 4), -1.0)).faces.shape == (0, 3)
    assert smooth_mesh(np.zeros((4, 4, 4))).faces.shape == (0, 3)
    for bad in (np.ones((4, 4)), np.full((4, 4, 4), np.nan), np.ones((4, 4, 4), dtype=int)):
        with pytest.raises(ValueError, match="field: got"):
            smooth_mesh(bad)
    with pytest.raises(ValueError, match="smoothing"):
        smooth_mesh(np.ones((4, 4, 4)), smoothing=-1)


# ---- closedness and files ------------------------------------------------------------------------


def test_is_watertight_sees_holes_flips_and_double_vertices():
    mesh = blocky_mesh(table())
    faces = mesh.faces.copy()
    assert is_watertight(mesh)
    assert not is_watertight(trimesh.Trimesh(mesh.vertices, faces[1:], process=False))
    faces[5] = faces[5, ::-1]
    assert not is_watertight(trimesh.Trimesh(mesh.vertices, faces, process=False))
    folded = np.concatenate([mesh.faces, [[0, 1, 1]]])
    assert not is_watertight(trimesh.Trimesh(mesh.vertices, folded, process=False))
    assert not is_watertight(blocky_mesh(np.zeros((2, 2, 2), dtype=bool)))
    touching = np.zeros((2, 2, 2), dtype=bool)
    touching[0, 0, 0] = touching[0, 1, 1] = True
    welded = blocky_mesh(touching)
    welded.merge_vertices()
    # four faces at one edge, still closed
    assert len(welded.vertices) == 14 and is_watertight(welded)


@pytest.mark.parametrize("suffix", [".glb", ".obj", ".stl"])
@pytest.mark.parametrize("kind", ["blocky", "smooth"])
def test_saved_meshes_come_back(tmp_path, suffix, kind):
    voxels = table()
    voxels[12, 4:9, 4] = True  # breaks the symmetry
    mesh = blocky_mesh(voxels) if kind == "blocky" else smooth_mesh(voxels, smoothing=0.7)
    save_mesh(mesh, tmp_path / f"a{suffix}", scale=2.0)
    assert os.listdir(tmp_path) == [f"a{suffix}"]
    loaded = trimesh.load(tmp_path / f"a{suffix}", force="mesh")
    loaded.merge_vertices(merge_tex=True, merge_norm=True)
    assert is_watertight(loaded) and len(loaded.faces) == len(mesh.faces)
    assert abs(loaded.volume / (8 * mesh.volume) - 1) < 1e-5
    x, y, z = (mesh.vertices - [0.5, 0.5, 0]).T * 2
    expected = np.array([x, y, z] if suffix == ".stl" else [x, z, -y])
    assert np.abs(loaded.bounds - [expected.min(1), expected.max(1)]).max() < 1e-6
    middle = np.array(trimesh.Trimesh(expected.T, mesh.faces, process=False).center_mass)
    assert np.abs(loaded.center_mass - middle).max() < 1e-5


def gltf(path):
    """The document of a glb and its accessors as arrays, read by hand."""
    data = path.read_bytes()
    length = struct.unpack_from("<I", data, 12)[0]
    document, binary = json.loads(data[20 : 20 + length]), data[28 + length :]
    views = document["bufferViews"]

    def array(number):
        accessor = document["accessors"][number]
        start = views[accessor["bufferView"]].get("byteOffset", 0) + accessor.get("byteOffset", 0)
        kind, width = (
            {5125: "<u4", 5126: "<f4"}[accessor["componentType"]],
            {"SCALAR": 1, "VEC3": 3}[accessor["type"]],
        )
        return np.frombuffer(binary, kind, accessor["count"] * width, start).reshape(-1, width)

    return document, array


@pytest.mark.parametrize("kind, bend", [("blocky", 1e-6), ("smooth", 0.9)])
def test_glb_has_normals_and_a_material(tmp_path, kind, bend):
    mesh = (
        blocky_mesh(table()) if kind == "blocky" else smooth_mesh(sphere_field(16), smoothing=0.7)
    )
    save_mesh(mesh, tmp_path / "a.glb", scale=1)
    document, array = gltf(tmp_path / "a.glb")
    primitive = document["meshes"][0]["primitives"][0]
    corners = array(primitive["indices"]).reshape(-1, 3)
    positions, normals = (
        array(primitive["attributes"]["POSITION"]),
        array(primitive["attributes"]["NORMAL"]),
    )
    assert np.abs(np.linalg.norm(normals, axis=1) - 1).max() < 1e-5
    a, b, c = positions[corners].transpose(1, 0, 2).astype(float)
    flat = np.cross(b - a, c - a)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    # blocks have exactly the faces' normals; smooth surfaces lean by less than a radian
    assert np.arccos(np.clip((normals[corners] * flat[:, None]).sum(-1), -1, 1)).max() < max(
        bend, 1e-3
    )
    if kind == "smooth":
        assert len(positions) == len(mesh.vertices)
        outward = positions - np.array([0, 0.5, 0])
        outward /= np.linalg.norm(outward, axis=1, keepdims=True)
        assert (outward * normals).sum(1).min() > 0.97
    material = document["materials"][primitive["material"]]["pbrMetallicRoughness"]
    assert (
        material["metallicFactor"] == 0
        and material["baseColorFactor"][0] > 2 * material["baseColorFactor"][1] > 0
    )
    assert "y up" in json.dumps(document["scenes"]) and "origin" in json.dumps(document["scenes"])


def test_save_mesh_refuses_and_keeps_what_was_there(tmp_path, monkeypatch):
    mesh = blocky_mesh(table())
    with pytest.raises(ValueError, match=r"'.fbx', expected one of .glb, .obj, .stl"):
        save_mesh(mesh, tmp_path / "a.fbx")
    with pytest.raises(ValueError, match="got 0 faces"):
        save_mesh(blocky_mesh(np.zeros((2, 2, 2), dtype=bool)), tmp_path / "a.glb")
    for scale in (0, -1, np.nan, np.inf):
        with pytest.raises(ValueError, match="scale"):
            save_mesh(mesh, tmp_path / "a.glb", scale=scale)
    (tmp_path / "a.stl").write_bytes(b"old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        save_mesh(mesh, tmp_path / "a.stl")
    assert os.listdir(tmp_path) == ["a.stl"] and (tmp_path / "a.stl").read_bytes() == b"old"
