"""A surface cut along the borders of its material slots."""

import numpy as np
import trimesh

from course_utils.geometry.slots import MARGIN, cut_by_slots, spread_slots
from course_utils.geometry.surface import is_watertight, smooth_mesh

N = 16


def centres():
    """The centres of the voxels, z, y, x, each (N, N, N)."""
    return np.meshgrid(*[(np.arange(N) + 0.5) / N] * 3, indexing="ij")


def ball():
    z, y, x = centres()
    return 0.35 - np.sqrt((z - 0.5) ** 2 + (y - 0.5) ** 2 + (x - 0.5) ** 2)


def edges_of(mesh):
    """How many faces each edge has."""
    return np.unique(np.sort(mesh.edges, axis=1), axis=0, return_counts=True)[1]


def test_what_is_not_known_takes_the_slot_of_its_nearest_neighbour():
    slots = np.zeros((1, 1, 6), np.uint8)
    slots[0, 0, [0, 5]] = 1, 3
    spread = spread_slots(slots, slots > 0)
    assert spread.dtype == np.uint8 and spread.ravel().tolist() == [1, 1, 1, 3, 3, 3]
    assert slots[0, 0, 2] == 0  # the argument stays
    assert np.array_equal(spread_slots(slots, slots > 9), slots)


def test_a_plane_between_two_slots_is_cut_exactly():
    slots = np.ones((N, N, N), np.uint8)
    slots[:, :, N // 2 :] = 2
    mesh = smooth_mesh(ball() + 0.011)  # no vertex lies in the plane
    cut, found = cut_by_slots(mesh, slots)
    assert set(found) == {1, 2} and (np.diff(found) >= 0).all()
    x = cut.vertices[:, 0][cut.faces]
    for number, outside in ((1, x - 0.5), (2, 0.5 - x)):
        # where a vertex is nearer to the plane than the margin, the cut keeps off it
        assert outside[found == number].max() < 1.01 * MARGIN / N
    border = np.intersect1d(cut.faces[found == 1], cut.faces[found == 2])
    assert len(border) > 40 and np.abs(cut.vertices[border, 0] - 0.5).mean() < 0.02 / N


def test_an_edge_is_cut_where_both_slots_weigh_the_same():
    slots = np.ones((N, N, N), np.uint8)
    slots[:, :, N // 2 :] = 2
    corners = np.array([[7.7, 5.0, 5.0], [8.4, 5.0, 5.0], [8.4, 6.0, 5.0]]) / N
    cut, found = cut_by_slots(trimesh.Trimesh(corners, [[0, 1, 2]], process=False), slots)
    assert found.tolist() == [1, 2, 2] and np.abs(cut.vertices[3:, 0] - 0.5).max() < 1e-9
    corners[1:, 0] = 8.01 / N  # too near to the border
    cut, _ = cut_by_slots(trimesh.Trimesh(corners, [[0, 1, 2]], process=False), slots)
    nearest = corners[1, 0] - MARGIN * (8.01 - 7.7) / N
    assert np.abs(cut.vertices[3:, 0] - nearest).max() < 1e-9


def test_a_cut_leaves_the_surface_where_it_is_and_closed():
    _, y, x = centres()
    three = 1 + np.floor(3 * (np.arctan2(y - 0.5, x - 0.5) / (2 * np.pi) + 0.5)).astype(np.uint8)
    three = three.clip(1, 3)
    checks = (1 + (np.indices((N, N, N)).sum(0) % 4)).astype(np.uint8)  # every triangle is crossed
    whole = smooth_mesh(ball())
    for slots in (three, checks):
        cut, found = cut_by_slots(whole, slots)
        assert len(cut.faces) == len(found) > len(whole.faces)
        assert is_watertight(cut) and (edges_of(cut) == 2).all()
        assert abs(cut.volume / whole.volume - 1) < 1e-9 and abs(cut.area / whole.area - 1) < 1e-9
        assert set(found) == set(np.unique(slots))
        assert cut.edges_unique_length.min() > 0.5 * MARGIN * whole.edges_unique_length.min()
        flat = (cut.face_normals * smooth_normals(cut)).sum(1)
        assert flat.min() > 0  # no face was turned over


def smooth_normals(mesh):
    """Where the faces of the ball look, from its middle."""
    out = mesh.triangles_center - 0.5
    return out / np.linalg.norm(out, axis=1, keepdims=True)


def test_each_face_has_the_slot_that_lies_there():
    z, y, _ = centres()
    slots = (1 + (z > 0.5) + 2 * (y > 0.5)).astype(np.uint8)  # quarters: four meet in two points
    cut, found = cut_by_slots(smooth_mesh(ball()), slots)
    middle = cut.triangles_center
    wanted = 1 + (middle[:, 2] > 0.5) + 2 * (middle[:, 1] > 0.5)
    assert (found != wanted).mean() < 0.02  # at the borders


def test_one_slot_is_not_cut():
    mesh = smooth_mesh(ball())
    cut, found = cut_by_slots(mesh, np.full((N, N, N), 3, np.uint8))
    assert np.array_equal(cut.faces, mesh.faces) and set(found) == {3}
    empty, none = cut_by_slots(smooth_mesh(-np.ones((N, N, N))), np.ones((N, N, N), np.uint8))
    assert len(empty.faces) == len(none) == 0
