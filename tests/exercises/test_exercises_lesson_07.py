"""Lesson 07's exercises: other right answers pass, and references do what libraries do."""

import numpy as np
import pytest
import torch
from scipy.ndimage import generate_binary_structure, label
from scipy.spatial import KDTree

from course_utils.datasets.shapes import make_shape
from course_utils.exercises import lesson_07
from course_utils.geometry.surface import blocky_mesh, smooth_mesh
from course_utils.geometry.voxels import signed_distance


def distance_by_tree(voxels):
    """Brute force: the nearest centre of the other kind, of all centres of a wider grid."""
    padded = np.pad(voxels, 1)
    places = np.argwhere(np.ones_like(padded))
    field = np.empty(padded.shape)
    for kind, sign in ((True, 1), (False, -1)):
        others = KDTree(places[padded.ravel() != kind])
        field[padded == kind] = sign * (others.query(places[padded.ravel() == kind])[0] - 0.5)
    return torch.from_numpy(field[1:-1, 1:-1, 1:-1] / voxels.shape[0])


def volume_by_loop(vertices, faces):
    return sum(np.linalg.det(vertices[face]) for face in faces) / 6


def volume_by_flux(vertices, faces):
    """Gauss: the flux of (x, y, z) / 3 through the surface, the sum of face middles times areas."""
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) / 2
    return float((corners.mean(1) * normals).sum() / 3)


def feet_by_walking(voxels):
    """Flood fill by hand."""
    left = {tuple(p) for p in np.argwhere(next(layer for layer in voxels if layer.any()))}
    islands = 0
    while left:
        islands, todo = islands + 1, [left.pop()]
        while todo:
            y, x = todo.pop()
            near = {(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)} & left
            left -= near
            todo += near
    return islands


def feet_with_structure(voxels):
    layer = int(np.flatnonzero(voxels.any(axis=(1, 2)))[0])
    return label(voxels[layer], generate_binary_structure(2, 1))[0].max()


@pytest.mark.parametrize(("exercise", "answer"), [
    (lesson_07.signed_distance, distance_by_tree), (lesson_07.signed_distance, signed_distance),
    (lesson_07.mesh_volume, volume_by_loop), (lesson_07.mesh_volume, volume_by_flux),
    (lesson_07.count_feet, feet_by_walking), (lesson_07.count_feet, feet_with_structure),
])  # fmt: skip
def test_independent_right_answers_pass(exercise, answer):
    assert exercise.check(answer).status == "passed"


@pytest.mark.parametrize("family", ["chair", "lamp"])
def test_the_volume_is_the_libraries(family):
    voxels = make_shape(family, 3).voxels
    for mesh in (blocky_mesh(voxels), smooth_mesh(voxels, smoothing=0.7)):
        assert abs(lesson_07.mesh_volume.reference(mesh.vertices, mesh.faces) - mesh.volume) < 1e-9


@pytest.mark.parametrize(("exercise", "function", "words"), [
    (lesson_07.signed_distance, lambda v: 3 * lesson_07._signed_distance(v), "Yours says 0.3"),
    (lesson_07.mesh_volume, lambda v, f: 5 * lesson_07._mesh_volume(v, f), "Yours is 0.833"),
    (lesson_07.count_feet, lambda v: 7 + lesson_07._count_feet(v), "Yours says 8"),
])  # fmt: skip
def test_without_a_known_mistake_a_property_is_told_with_numbers(exercise, function, words):
    assert words in exercise.check(function).message
