"""The exercises of lesson 07: a signed distance field, the volume inside a mesh, counting feet.

The volume is a sum over the tetrahedra between each triangle and the origin (Zhang and Chen, ICIP
2001, eq. 5).
"""

import numpy as np
from scipy.ndimage import distance_transform_edt, label

from course_utils.exercises.checks import Exercise, unless_close
from course_utils.exercises.inputs import (
    TETRAHEDRON,
    blobs,
    plate_on_feet,
    plates_on_feet,
    tetrahedra,
)

# ---- signed_distance(voxels) ---------------------------------------------------------------------


def _padded_distances(voxels):
    """Distances on the padded grid to the nearest voxel of the other kind: inside and outside."""
    padded = np.pad(voxels, 1)
    return distance_transform_edt(padded), distance_transform_edt(~padded)


def _padded_signs(voxels):
    """1 inside and -1 in the air, on the padded grid."""
    return np.where(np.pad(voxels, 1), 1, -1)


def _cropped(field, voxels):
    return field[1:-1, 1:-1, 1:-1] / len(voxels)


def _signed_distance(voxels):
    """Reference: bool (n, n, n) -> float (n, n, n), in sides of the cube, positive inside."""
    inside, outside = _padded_distances(voxels)
    return _cropped(np.where(inside > 0, inside - 0.5, 0.5 - outside), voxels)


def _unpadded(voxels):
    inside, outside = distance_transform_edt(voxels), distance_transform_edt(~voxels)
    return np.where(voxels, inside - 0.5, 0.5 - outside) / len(voxels)


def _padded_with_solid(voxels):
    padded = np.pad(voxels, 1, constant_values=True)
    inside, outside = distance_transform_edt(padded), distance_transform_edt(~padded)
    return _cropped(np.where(padded, inside - 0.5, 0.5 - outside), voxels)


def _one_voxel(distance):
    voxels = np.zeros((5, 5, 5), bool)
    voxels[2, 2, 2] = True
    sentence = """In a grid of 5 voxels per side, the centre of a single voxel lies 0.1 inside its
    faces. Yours says {value:.3g}."""
    return unless_close(distance(voxels)[2, 2, 2], 0.1, sentence)


def _air_is_negative(distance):
    voxels = np.zeros((5, 5, 5), bool)
    voxels[2, 2, 2] = True
    sentence = """In a grid of 5 voxels per side, two voxels away from a single voxel the field is
    -0.3. Yours says {value:.3g}."""
    return unless_close(distance(voxels)[2, 2, 4], -0.3, sentence)


def _the_floor_is_outside(distance):
    voxels = np.zeros((5, 5, 5), bool)
    voxels[:3, 1:4, 1:4] = True
    sentence = """The lowest voxel of a block that stands on the ground lies 0.1 inside. Yours says
    {value:.3g}."""
    return unless_close(distance(voxels)[0, 2, 2], 0.1, sentence)


DISTANCE_MISTAKES = [
    (
        lambda v: -_signed_distance(v),
        "The sign is reversed: here, inside is positive and air is negative.",
    ),
    (
        lambda v: _signed_distance(v) * len(v),
        """Your unit is the voxel. Divide by the number of voxels per side, so that the cube's side
        is 1.""",
    ),
    (
        lambda v: _cropped(np.subtract(*_padded_distances(v)), v),
        """Half a voxel too far on both sides: the transform measures to the *middle* of the nearest
        voxel of the other kind, and the surface lies halfway.""",
    ),
    (
        lambda v: _cropped(
            np.where(np.pad(v, 1), _padded_distances(v)[0] + 0.5, -_padded_distances(v)[1] - 0.5), v
        ),
        "You added the half voxel: the surface is nearer than the next centre, so subtract it.",
    ),
    (
        lambda v: _cropped(np.subtract(*_padded_distances(v)) - 0.5, v),
        """You subtracted half a voxel everywhere. Inside, the field falls by half a voxel; outside,
        it rises by half a voxel.""",
    ),
    (
        _unpadded,
        """Beyond the grid there is air, also under the floor: pad the voxels with an empty layer
        first, and remove it afterwards.""",
    ),
    (
        lambda v: _cropped(np.where(np.pad(v, 1), _padded_distances(v)[0] - 0.5, 0.0), v),
        "You filled in only the inside: in the air the field is a distance too, with a minus sign.",
    ),
    (
        lambda v: _cropped(np.where(np.pad(v, 1), 0.0, 0.5 - _padded_distances(v)[1]), v),
        "You filled in only the air: inside, the field is a distance too, with a plus sign.",
    ),
    (
        lambda v: _cropped(_padded_distances(v)[0] - 0.5, v),
        """In the air your field is constant. There it should be the distance to the nearest
        *filled* voxel, with a minus sign: transform `~voxels` as well.""",
    ),
    (
        lambda v: _padded_with_solid(v),
        "You padded with filled voxels; beyond the grid there is air.",
    ),
    (
        lambda v: _signed_distance(v) * len(v) / (len(v) + 2),
        """You divided by the side of the padded grid. The cube's side is that of the grid you were
        given: len(voxels).""",
    ),
    (
        lambda v: _cropped(
            np.where(np.pad(v, 1), _padded_distances(v)[1] - 0.5, 0.5 - _padded_distances(v)[0]), v
        ),
        """Inside and outside are swapped: the transform of `voxels` is the one that is positive
        inside.""",
    ),
    (
        lambda v: _cropped(
            _padded_signs(v) * (np.floor(np.maximum(*_padded_distances(v))) - 0.5), v
        ),
        """You truncated the distances to whole numbers: `astype(int)` was only for the printed row.
        Distances across a corner are roots.""",
    ),
    (
        lambda v: _cropped(
            _padded_signs(v) * (np.maximum(*_padded_distances(v)) / len(v) - 0.5) * len(v), v
        ),
        """You subtracted a half after dividing: that is half a cube. Subtract half a *voxel* first,
        then divide.""",
    ),
    (
        lambda v: np.where(v, distance_transform_edt(v) - 0.5, 0.5 - distance_transform_edt(~v)),
        """Two things: your unit is the voxel (divide by the number per side), and beyond the grid
        there is air, also under the floor (pad first).""",
    ),
    (
        lambda v: _cropped(np.subtract(*_padded_distances(v)) * len(v), v),
        """Two things: your unit is the voxel (divide by the number per side), and your distances
        reach to the middle of the nearest voxel of the other kind (the surface is half a voxel
        nearer).""",
    ),
    (
        lambda v: np.abs(_signed_distance(v)),
        "Without a sign, inside and outside look the same: the air must be negative.",
    ),
]

signed_distance = Exercise(
    name="signed_distance",
    reference=_signed_distance,
    make_inputs=blobs,
    mistakes=DISTANCE_MISTAKES,
    properties=[_one_voxel, _air_is_negative, _the_floor_is_outside],
)


# ---- mesh_volume(vertices, faces) ----------------------------------------------------------------


def _corners(vertices, faces):
    return vertices[faces[:, 0]], vertices[faces[:, 1]], vertices[faces[:, 2]]


def _six_volumes(vertices, faces):
    """Six times the signed volume of the tetrahedron from the origin to each face: (F,)."""
    a, b, c = _corners(vertices, faces)
    return (a * np.cross(b, c)).sum(1)


def _mesh_volume(vertices, faces):
    """Reference: vertices (V, 3), faces (F, 3) -> a number."""
    return _six_volumes(vertices, faces).sum() / 6


def _areas(vertices, faces):
    a, b, c = _corners(vertices, faces)
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2


def _known_tetrahedron(volume):
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]) + 2.0
    sentence = """A corner cut off a unit cube has a volume of 1/6, wherever it lies. Yours is
    {value:.3g}."""
    return unless_close(volume(vertices, TETRAHEDRON), 1 / 6, sentence)


def _twice_as_large(volume):
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    ratio = volume(2 * vertices, TETRAHEDRON) / volume(vertices, TETRAHEDRON)
    sentence = "Twice the lengths give 8 times the volume; yours grows by a factor of {value:.3g}."
    return unless_close(ratio, 8.0, sentence)


VOLUME_MISTAKES = [
    (
        lambda v, f: _six_volumes(v, f).sum(),
        """Six times as large as it should be: a tetrahedron is a sixth of the box that its three
        edges span.""",
    ),
    (
        lambda v, f: _six_volumes(v, f).sum() / 3,
        """Twice as large as it should be: a pyramid is a third of base times height, and its base,
        a triangle, is half a parallelogram. Together that makes a sixth.""",
    ),
    (
        lambda v, f: np.abs(_six_volumes(v, f)).sum() / 6,
        """Keep the signs: faces that look towards the origin must count as negative, so that the
        space between the origin and the shape cancels.""",
    ),
    (
        lambda v, f: -_six_volumes(v, f).sum() / 6,
        """The sign is reversed: take a · (b × c) with the corners in the order in which the face
        lists them.""",
    ),
    (
        lambda v, f: _six_volumes(v, f).mean() / 6,
        "You took the mean over the faces; sum the volumes instead.",
    ),
    (
        lambda v, f: abs(_mesh_volume(v, f)),
        "A mesh turned inside out has a negative volume: keep the sign of the sum.",
    ),
    (
        lambda v, f: _areas(v, f).sum(),
        "This is the surface area. For the volume, take a · (b × c).",
    ),
    (lambda v, f: _six_volumes(v, f) / 6, "You return one number per face: add them up."),
    (
        lambda v, f: _six_volumes(v, f).sum() / 2,
        """Three times as large as it should be: a triangle is half a parallelogram, but a pyramid
        is also a third of base times height. Together that makes a sixth.""",
    ),
    (
        lambda v, f: (v[f[0]] * np.cross(v[f[1]], v[f[2]])).sum() / 6,
        "f[0] is the first triangle. The first corners of all triangles are f[:, 0].",
    ),
    (
        lambda v, f: np.prod(v[f], axis=1).sum() / 6,
        "You multiplied the corners element by element; take the cross product of b and c.",
    ),
    (
        lambda v, f: (_corners(v, f)[0] @ np.cross(*_corners(v, f)[1:]).T).sum() / 6,
        """`@` combines every first corner with every cross product. Each triangle needs only its
        own: multiply element by element, then sum.""",
    ),
    (lambda v, f: np.prod(np.ptp(v, axis=0)), "This is the volume of the box around the shape."),
]

mesh_volume = Exercise(
    name="mesh_volume",
    reference=_mesh_volume,
    make_inputs=tetrahedra,
    mistakes=VOLUME_MISTAKES,
    properties=[_known_tetrahedron, _twice_as_large],
)


# ---- count_feet(voxels) --------------------------------------------------------------------------


def _lowest(voxels):
    """The lowest layer that is not empty."""
    return voxels[voxels.any((1, 2)).argmax()]


def _count_feet(voxels):
    """Reference: bool (n, n, n), z first -> the number of islands in its lowest layer."""
    return label(_lowest(voxels))[1]


def _one_block_one_foot(count):
    voxels = np.zeros((6, 6, 6), bool)
    voxels[0:3, 1:4, 1:4] = True
    sentence = "A block on the ground stands on one island. Yours says {value:.3g}."
    return unless_close(count(voxels), 1.0, sentence)


def _table(count):
    four = np.roll(plate_on_feet((1, 1), (1, 7), (7, 1), (7, 7)), -1, axis=0)
    sentence = "A plate on four feet, on the ground, has 4. Yours says {value:.3g}."
    return unless_close(count(four), 4.0, sentence)


EIGHT = np.ones((3, 3))

FEET_MISTAKES = [
    (
        lambda v: label(v)[1],
        "You counted the pieces of the whole shape; take the slice first, and count in it alone.",
    ),
    (
        lambda v: label(v[v.any((1, 2)).argmax() :][:2])[1],
        "One layer is enough: in the next one, a bar or a plate may join the feet.",
    ),
    (
        lambda v: max(label(layer)[1] for layer in v),
        "You took the layer with the most islands; only the lowest one that is not empty counts.",
    ),
    (
        lambda v: label(v[0])[1],
        "The lowest layer of the grid may be empty: take the lowest layer that contains something.",
    ),
    (
        lambda v: _lowest(v).sum(),
        """This is the number of filled voxels in the slice. Feet are islands: let `label` find
        them.""",
    ),
    (
        lambda v: label(_lowest(v), EIGHT)[1],
        """You joined islands that touch only at a corner; here they belong together only if they
        share an edge (label's default).""",
    ),
    (
        lambda v: label(v[len(v) - 1 - v.any((1, 2))[::-1].argmax()])[1],
        "That is the highest layer. z is the first axis, and index 0 is the ground.",
    ),
    (
        lambda v: label(v[:, v.any((0, 2)).argmax()])[1],
        "You sliced along y, from front to back. Slice along the first axis, z.",
    ),
    (
        lambda v: label(v[:, :, v.any((0, 1)).argmax()])[1],
        "You sliced along x, from left to right. Slice along the first axis, z.",
    ),
    (
        lambda v: label(v.any(0))[1],
        """This is the shadow of the whole shape on the ground, and its top hides the feet. Take a
        slice instead.""",
    ),
    (
        lambda v: label(v[v.any((0, 1)).argmax()])[1],
        """`any((0, 1))` marks the x at which there is something. A layer is empty if there is
        nothing in it along y and x, which are axes 1 and 2.""",
    ),
    (
        lambda v: label(v[v.any((0, 2)).argmax()])[1],
        """`any((0, 2))` marks the y at which there is something. A layer is empty if there is
        nothing in it along y and x, which are axes 1 and 2.""",
    ),
    (
        lambda v: len(np.setdiff1d(label(v)[0][v.any((1, 2)).argmax()], 0)),
        """You labelled the whole shape and looked at its lowest layer: feet that meet further up
        share a number. Take the slice first, then label.""",
    ),
    (
        lambda v: min(label(layer)[1] for layer in v if layer.any()),
        "You took the layer with the fewest islands; only the lowest one that is not empty counts.",
    ),
    (
        lambda v: sum(label(layer)[1] for layer in v),
        "You added the islands of all layers; only the lowest one that is not empty counts.",
    ),
    (
        lambda v: 1 + label(_lowest(v))[1],
        "One too many: 0 is the number of the empty pixels, not of an island.",
    ),
    (lambda v: label(~_lowest(v))[1], "You counted islands of air."),
]

count_feet = Exercise(
    name="count_feet",
    reference=_count_feet,
    make_inputs=plates_on_feet,
    mistakes=FEET_MISTAKES,
    properties=[_one_block_one_foot, _table],
)
