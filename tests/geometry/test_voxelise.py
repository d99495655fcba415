"""Solid means solid: surfaces with small faults, thin parts and volumes against closed forms."""

import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import trimesh

from course_utils.datasets.own_shapes import read_coverage, read_mesh
from course_utils.geometry.bodies import bodies_and_sheets
from course_utils.geometry.rays import touched
from course_utils.geometry.surface import blocky_mesh
from course_utils.geometry.voxelise import coverage, voxelise

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
import solid

make = trimesh.creation
BOX = make.box((2, 2, 2)).triangles.view(np.ndarray)


def box(size, at=(0, 0, 0)):
    return make.box(size).apply_translation(at).triangles.view(np.ndarray)


def turned(mesh):
    matrix = trimesh.transformations.rotation_matrix(0.6, [1, 0.3, 0.2])
    return mesh.apply_transform(matrix).triangles.view(np.ndarray)


@pytest.mark.parametrize("n", [2, 8, 15, 32, 63, 100, 192, 255])
def test_a_cube_is_full(n):
    assert voxelise(BOX, n).all()


SOLIDS = {
    "box": box((1, 0.613, 0.377)),
    "tilted box": turned(make.box((1, 0.7, 0.4))),
    "sphere": make.icosphere(4).triangles.view(np.ndarray),
    "torus": make.torus(1, 0.3).triangles.view(np.ndarray),
    "tilted cylinder": turned(make.cylinder(0.3, 2, sections=64)),
    "thin plate": box((1, 0.77, 0.013)),
    "thin wall": box((0.013, 0.77, 1)),
}


@pytest.mark.parametrize("name", SOLIDS)
@pytest.mark.parametrize("n", [16, 33, 64, 128])
def test_coverage_adds_up_to_the_volume(name, n):
    triangles = SOLIDS[name]
    filled = coverage(triangles, n)
    scale = n / np.ptp(triangles, axis=(0, 1)).max()
    volume = np.linalg.det(triangles).sum() / 6 * scale**3
    assert filled.dtype == np.float32 and filled.min() >= 0 and filled.max() <= 1
    assert abs(filled.sum(dtype=float) / volume - 1) < 0.005


def test_overlapping_boxes_fill_their_union_once():
    pair = np.concatenate([box((1.2, 1, 1)), box((0.6, 0.6, 1.5), (0.4, 0.1, 0.3))])
    shared = (0.6 - 0.1) * 0.6 * (0.5 + 0.45)
    union = 1.2 + 0.54 - shared
    scale = 32 / np.ptp(pair, axis=(0, 1)).max()
    for one_turned in (pair, np.concatenate([pair[:12], pair[12:, ::-1]])):
        assert abs(coverage(one_turned, 32).sum() / (union * scale**3) - 1) < 0.005


def test_coverage_of_a_box_between_voxels_is_exact_in_every_cell():
    long = np.concatenate([box((8, 1.5, 1.25), (4, 0.75, 0.625))])
    filled = coverage(long, 8)  # 1.5 wide: from 3.25 to 4.75
    expected = np.zeros((8, 8, 8))
    expected[:2, 3:5] = np.array([1, 0.25])[:, None, None] * np.array([0.75, 0.75])[:, None]
    assert np.abs(filled - expected).max() < 0.05


def flipped_at_random(triangles):
    turn = np.random.default_rng(0).random(len(triangles)) < 0.5
    return np.where(turn[:, None, None], triangles[:, ::-1], triangles)


def cracked():
    """Sides of the cube, each cut up differently, that miss each other by a millionth."""
    rng, parts = np.random.default_rng(0), []
    for side in range(6):
        corners = BOX[2 * side : 2 * side + 2].reshape(-1, 3)
        mesh = trimesh.Trimesh(corners, np.arange(6).reshape(2, 3))
        for _ in range(side % 3):
            mesh = mesh.subdivide()
        parts.append(mesh.triangles + rng.normal(size=3) * 1e-6)
    return np.concatenate(parts)


WALL = np.array([[[0, -1, -1], [0, 1, -1], [0, 1, 1]], [[0, -1, -1], [0, 1, 1], [0, -1, 1]]], float)
SLOPE = np.array(
    [[[-1, -1, -1], [1, -1, 1], [1, 1, 1]], [[-1, -1, -1], [1, 1, 1], [-1, 1, -1]]], float
)
HALVES = np.concatenate([box((1, 2, 2), (-0.5, 0, 0)), box((1, 2, 2), (0.5, 0, 0))])
FULL = {
    "inwards": BOX[:, ::-1],
    "both directions": np.concatenate([BOX, BOX[:, ::-1]]),
    "every face thrice": np.concatenate([BOX] * 3),
    "half of the faces turned": flipped_at_random(BOX),
    "a box in it": np.concatenate([BOX, box((1, 1, 1))]),
    "boxes in boxes": np.concatenate([BOX, box((1.5,) * 3), box((1, 1, 1))]),
    "a wall in it": np.concatenate([BOX, WALL]),
    "a slope on its edges": np.concatenate([BOX, SLOPE]),
    "a slope turned": np.concatenate([BOX, SLOPE[:, ::-1]]),
    "boxes that touch": HALVES,
    "boxes with one wall between": np.concatenate(
        [HALVES[~np.isclose(HALVES[..., 0], 0).all(1)], WALL]
    ),
    "no lid": BOX[~np.isclose(BOX[..., 2], 1).all(axis=1)],
    "cracked": cracked(),
    "cracked and turned": flipped_at_random(cracked()),
    "torn apart": BOX + np.random.default_rng(0).normal(size=BOX.shape) * 1e-6,
}


@pytest.mark.parametrize("name", FULL)
@pytest.mark.parametrize("n", [16, 33])
def test_faults_do_not_change_what_is_solid(name, n):
    assert voxelise(FULL[name], n).all()
    assert coverage(FULL[name], n).min() > 0.99


def test_any_face_may_be_missing_or_turned():
    for face in range(12):
        assert voxelise(np.delete(BOX, face, axis=0), 12).all()
        turned = BOX.copy()
        turned[face] = turned[face, ::-1]
        assert voxelise(turned, 12).all()


def test_a_surface_that_points_inwards_inside_another_is_a_cavity():
    hollow = np.concatenate([BOX, box((1, 1, 1))[:, ::-1]])
    for triangles in (hollow, hollow[:, ::-1]):  # also where all of it is inside out
        voxels = voxelise(triangles, 16)
        assert not voxels[4:12, 4:12, 4:12].any() and voxels.sum() == 16**3 - 8**3
        assert abs(coverage(triangles, 16).sum() - (16**3 - 8**3)) < 1


def test_a_mug_is_empty_inside():
    mug = trimesh.util.concatenate(
        [make.annulus(0.4, 0.5, 1.0), make.cylinder(0.5, 0.1).apply_translation((0, 0, -0.5))]
    )
    voxels = voxelise(mug.triangles.view(np.ndarray), 32)
    assert voxels[:3, 16, 16].all() and not voxels[3:, 10:22, 10:22].any()
    assert voxels[16, 16, 1] and voxels[16, 16, -2]


def test_open_sheets_stay_thin_and_fill_nothing():
    bowl = make.icosphere(4).triangles.view(np.ndarray)
    bowl = bowl[bowl[..., 2].max(axis=1) <= -0.8]  # a leaf
    voxels = voxelise(bowl, 32)
    assert voxels.any(axis=0).sum() > 700 and voxels.sum(axis=0).max() <= 5
    with pytest.raises(ValueError, match="enclose nothing"):
        coverage(bowl, 32)
    assert voxelise(WALL, 16).sum() == 16 * 16


@pytest.mark.parametrize("thick", [0.6, 0.1, 0.0005])
@pytest.mark.parametrize("place", [0.0, 0.23])
def test_thin_legs_do_not_vanish(thick, place):
    """Legs of a table 16 voxels high; one of 0.0005 voxels is between all rays."""
    feet = product((-6 + place, 6 + place), repeat=2)
    legs = [box((thick, thick, 12), (x, y, 6)) for x, y in feet]
    table = np.concatenate([box((16, 16, 4), (0, 0, 14)), *legs])
    below = voxelise(table, 16)[:12]
    assert (below.sum(axis=(1, 2)) >= 4).all() and (below.sum(axis=(1, 2)) <= 16).all()
    assert np.array_equal(below[0], below[6])


def test_a_thin_plate_is_one_voxel_thin_also_between_two():
    low = np.concatenate([box((16, 16, 0.3), (0, 0, 0.15)), box((0.9, 0.9, 16), (0, 0, 8))])
    assert voxelise(low, 16)[0].all()
    lifted = np.concatenate([box((16, 16, 0.6), (0, 0, 8)), box((0.9, 0.9, 16), (0, 0, 8))])
    assert (voxelise(lifted, 16).sum(axis=0)[:, :4] == 1).all()


def test_blocks_come_back_exactly():
    voxels = np.random.default_rng(0).random((12, 12, 12)) < 0.3
    voxels[[0, -1]] = voxels[:, [0, -1]] = voxels[:, :, [0, -1]] = True
    triangles = blocky_mesh(voxels).triangles.view(np.ndarray)
    assert np.abs(coverage(triangles, 12) - voxels).max() < 1e-6
    assert np.array_equal(voxelise(triangles, 12), voxels)


def test_touched_cells_against_brute_force():
    rng = np.random.default_rng(1)
    triangles = rng.random((20, 3, 3)) * 8
    marked = touched(triangles, 8)
    weights = rng.dirichlet((1, 1, 1), size=4000)
    x, y, z = np.floor(weights @ triangles).astype(int).reshape(-1, 3).T
    assert marked[z, y, x].all()  # none is missed
    sampled = np.zeros_like(marked)
    sampled[z, y, x] = True
    assert (marked & ~sampled).sum() < 0.05 * marked.sum()  # and few are too many


def test_bodies_are_sorted_from_sheets():
    bodies, sheets = bodies_and_sheets(np.concatenate([BOX, WALL + 3]))
    assert (len(bodies), len(sheets)) == (12, 2)


def test_what_would_take_for_ever_is_refused():
    triangles = np.random.default_rng(0).random((20_000, 3, 3))
    with pytest.raises(ValueError, match="simplify it first"):
        voxelise(np.concatenate([triangles] * 3 + [triangles + 1e-3]), 256)


def test_files_are_read_as_coverage(tmp_path):
    make.box((2, 1, 1)).export(tmp_path / "box.stl")
    filled = read_coverage(tmp_path / "box.stl", 8)
    assert np.array_equal(filled >= 0.5, read_mesh(tmp_path / "box.stl", 8))
    assert abs(filled.sum() - 8 * 4 * 4) < 0.1
    with pytest.raises(ValueError, match="resolution: got 300"):
        read_coverage(tmp_path / "box.stl", 300)


def test_families_with_one_fault_each():
    for blemish, scores in solid.scores(solid.families(1), 24).items():
        assert min(scores) >= solid.LIMITS[blemish], blemish
