"""The exercises of lesson 07: a signed distance field from voxels, the volume that a mesh encloses,
and feet counted.

The volume is a sum over the tetrahedra between each triangle and the origin (Zhang and Chen, ICIP
2001, eq. 5).
"""

import numpy as np
from scipy.ndimage import distance_transform_edt, label

from course_utils.exercises.checks import Exercise, unless_close

# ---- signed_distance(voxels) ---------------------------------------------------------------------


def _padded_distances(voxels):
    """Distance of every voxel of a padded grid to the nearest one of the other kind: inside and
    outside.
    """
    padded = np.pad(voxels, 1)
    return distance_transform_edt(padded), distance_transform_edt(~padded)


def _padded_signs(voxels):
    """1 inside and -1 in the air, on the padded grid."""
    return np.where(np.pad(voxels, 1), 1, -1)


def _cropped(field, voxels):
    return field[1:-1, 1:-1, 1:-1] / len(voxels)


def _signed_distance(voxels):
    """Reference: bool (n, n, n) -> float (n, n, n), in units of the cube's side, positive
    inside.
    """
    inside, outside = _padded_distances(voxels)
    return _cropped(np.where(inside > 0, inside - 0.5, 0.5 - outside), voxels)


def _unpadded(voxels):
    inside, outside = distance_transform_edt(voxels), distance_transform_edt(~voxels)
    return np.where(voxels, inside - 0.5, 0.5 - outside) / len(voxels)


def _padded_with_solid(voxels):
    padded = np.pad(voxels, 1, constant_values=True)
    inside, outside = distance_transform_edt(padded), distance_transform_edt(~padded)
    return _cropped(np.where(padded, inside - 0.5, 0.5 - outside), voxels)


def _distance_inputs(generator):
    """Random blobs of three resolutions, one of them standing on the ground."""
    random = np.random.default_rng(int(generator.initial_seed()))
    inputs = []
    for side, ground in ((6, False), (9, True), (8, False)):
        voxels = np.zeros((side,) * 3, bool)
        voxels[0 if ground else 1 : side - 2, 1 : side - 1, 2 : side - 1] = True
        inputs.append((voxels & (random.random(voxels.shape) < 0.85),))
    return inputs


def _one_voxel(distance):
    voxels = np.zeros((5, 5, 5), bool)
    voxels[2, 2, 2] = True
    sentence = (
        "The centre of a single voxel of 5 lies 0.1 inside its faces. Yours says {value:.3g}."
    )
    return unless_close(distance(voxels)[2, 2, 2], 0.1, sentence)


def _air_is_negative(distance):
    voxels = np.zeros((5, 5, 5), bool)
    voxels[2, 2, 2] = True
    sentence = (
        "Two voxels away from a single voxel of 5, the field is -0.3. Yours says {value:.3g}."
    )
    return unless_close(distance(voxels)[2, 2, 4], -0.3, sentence)


def _the_floor_is_outside(distance):
    voxels = np.zeros((5, 5, 5), bool)
    voxels[:3, 1:4, 1:4] = True
    sentence = (
        "The lowest voxel of a block that stands on the ground lies 0.1 inside. Yours says"
        " {value:.3g}."
    )
    return unless_close(distance(voxels)[0, 2, 2], 0.1, sentence)


DISTANCE_MISTAKES = [
    (
        lambda v: -_signed_distance(v),
        "The sign is turned round: inside is positive here, air is negative.",
    ),
    (
        lambda v: _signed_distance(v) * len(v),
        (
            "These are voxels. Divide by the number of voxels along a side, so that the cube's side"
            " is 1."
        ),
    ),
    (
        lambda v: _cropped(np.subtract(*_padded_distances(v)), v),
        (
            "Half a voxel too far on both sides: the transform measures to the *middle* of the"
            " nearest voxel of the other kind, and the surface lies halfway."
        ),
    ),
    (
        lambda v: _cropped(
            np.where(np.pad(v, 1), _padded_distances(v)[0] + 0.5, -_padded_distances(v)[1] - 0.5), v
        ),
        "You added the half voxel: the surface is nearer than the next centre, so take it away.",
    ),
    (
        lambda v: _cropped(np.subtract(*_padded_distances(v)) - 0.5, v),
        (
            "You took half a voxel from the whole field. Inside it goes down by a half, outside it"
            " comes up by a half."
        ),
    ),
    (
        _unpadded,
        (
            "Beyond the grid is air too, also under the floor: pad the voxels with an empty layer"
            " first, cut it off after."
        ),
    ),
    (
        lambda v: _cropped(np.where(np.pad(v, 1), _padded_distances(v)[0] - 0.5, 0.0), v),
        "Only the inside: in the air the field is the distance too, with a minus sign.",
    ),
    (
        lambda v: _cropped(np.where(np.pad(v, 1), 0.0, 0.5 - _padded_distances(v)[1]), v),
        "Only the air: inside the field is the distance too, with a plus sign.",
    ),
    (
        lambda v: _cropped(_padded_distances(v)[0] - 0.5, v),
        (
            "In the air your field does not fall: there the distance to the nearest *filled* voxel"
            " counts, with a minus sign. Transform `~voxels`, too."
        ),
    ),
    (
        lambda v: _padded_with_solid(v),
        "You padded with filled voxels; beyond the grid is air.",
    ),
    (
        lambda v: _signed_distance(v) * len(v) / (len(v) + 2),
        (
            "You divided by the side of the padded grid. The cube's side is that of the grid you"
            " were given: len(voxels)."
        ),
    ),
    (
        lambda v: _cropped(
            np.where(np.pad(v, 1), _padded_distances(v)[1] - 0.5, 0.5 - _padded_distances(v)[0]), v
        ),
        (
            "Inside and outside have changed places: the transform of `voxels` is the one that is"
            " above 0 inside."
        ),
    ),
    (
        lambda v: _cropped(
            _padded_signs(v) * (np.floor(np.maximum(*_padded_distances(v))) - 0.5), v
        ),
        (
            "You cut the distances to whole numbers: `astype(int)` was for the printed row only."
            " Distances across a corner are roots."
        ),
    ),
    (
        lambda v: _cropped(
            _padded_signs(v) * (np.maximum(*_padded_distances(v)) / len(v) - 0.5) * len(v), v
        ),
        (
            "You took half off after dividing: that is half a cube. Take half a *voxel* off first,"
            " then divide."
        ),
    ),
    (
        lambda v: np.where(v, distance_transform_edt(v) - 0.5, 0.5 - distance_transform_edt(~v)),
        (
            "Two things: these are voxels (divide by the number along a side), and beyond the grid"
            " is air, also under the floor (pad first)."
        ),
    ),
    (
        lambda v: _cropped(np.subtract(*_padded_distances(v)) * len(v), v),
        (
            "Two things: these are voxels (divide by the number along a side), and they reach to"
            " the middle of the nearest voxel of the other kind (the surface is half a voxel"
            " nearer)."
        ),
    ),
    (
        lambda v: np.abs(_signed_distance(v)),
        "Without a sign inside and outside look alike: the air must be negative.",
    ),
]

signed_distance = Exercise(
    name="signed_distance",
    reference=_signed_distance,
    make_inputs=_distance_inputs,
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


TETRAHEDRON = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])


def _volume_inputs(generator):
    """Tetrahedra of random corners, two of them in one mesh, and one that is turned inside out."""
    random = np.random.default_rng(int(generator.initial_seed()))
    inputs = []
    for count in (1, 1, 2):
        corners = random.normal(size=(count, 4, 3)) + 1.5
        turned = np.linalg.det(corners[:, 1:] - corners[:, :1]) < 0
        corners[turned] = corners[turned][:, [0, 2, 1, 3]]
        inputs.append(
            (corners.reshape(-1, 3), np.concatenate([TETRAHEDRON + 4 * k for k in range(count)]))
        )
    return [*inputs, (inputs[0][0], TETRAHEDRON[:, ::-1])]


def _known_tetrahedron(volume):
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]) + 2.0
    sentence = (
        "A corner cut off a unit cube has the volume 1/6 wherever it lies. Yours is {value:.3g}."
    )
    return unless_close(volume(vertices, TETRAHEDRON), 1 / 6, sentence)


def _twice_as_large(volume):
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    ratio = volume(2 * vertices, TETRAHEDRON) / volume(vertices, TETRAHEDRON)
    return unless_close(
        ratio, 8.0, "Twice as long is 8 times the volume; yours grows {value:.3g} times."
    )


VOLUME_MISTAKES = [
    (
        lambda v, f: _six_volumes(v, f).sum(),
        "Six times too large: a tetrahedron is a sixth of the box that its three edges span.",
    ),
    (
        lambda v, f: _six_volumes(v, f).sum() / 3,
        (
            "Twice too large: a pyramid is a third of base times height, and its base, a triangle,"
            " half of a parallelogram. Together a sixth."
        ),
    ),
    (
        lambda v, f: np.abs(_six_volumes(v, f)).sum() / 6,
        (
            "Keep the signs: faces that look towards the origin must count negative, so that what"
            " lies between the origin and the shape cancels."
        ),
    ),
    (
        lambda v, f: -_six_volumes(v, f).sum() / 6,
        (
            "The sign is turned round: a · (b × c) with the corners in the order in which the face"
            " names them."
        ),
    ),
    (
        lambda v, f: _six_volumes(v, f).mean() / 6,
        "You took the mean over the faces; volumes add up.",
    ),
    (
        lambda v, f: abs(_mesh_volume(v, f)),
        "A mesh turned inside out has a negative volume: keep the sign of the sum.",
    ),
    (
        lambda v, f: _areas(v, f).sum(),
        "This is the surface's area. For the volume multiply a with b × c.",
    ),
    (
        lambda v, f: _six_volumes(v, f) / 6,
        "One number for each face: add them up.",
    ),
    (
        lambda v, f: _six_volumes(v, f).sum() / 2,
        (
            "Three times too large: the parallelogram's half is a half, and a pyramid is a third of"
            " base times height. Together a sixth."
        ),
    ),
    (
        lambda v, f: (v[f[0]] * np.cross(v[f[1]], v[f[2]])).sum() / 6,
        "f[0] is the first triangle. The first corners of all triangles are f[:, 0].",
    ),
    (
        lambda v, f: np.prod(v[f], axis=1).sum() / 6,
        "You multiplied the corners number by number; between b and c belongs the cross product.",
    ),
    (
        lambda v, f: (_corners(v, f)[0] @ np.cross(*_corners(v, f)[1:]).T).sum() / 6,
        (
            "`@` multiplies every first corner with every cross product. Each triangle goes with"
            " its own: multiply number by number, then sum."
        ),
    ),
    (
        lambda v, f: np.prod(np.ptp(v, axis=0)),
        "This is the volume of the box around the shape.",
    ),
]

mesh_volume = Exercise(
    name="mesh_volume",
    reference=_mesh_volume,
    make_inputs=_volume_inputs,
    mistakes=VOLUME_MISTAKES,
    properties=[_known_tetrahedron, _twice_as_large],
)


# ---- count_feet(voxels) --------------------------------------------------------------------------


def _count_feet(voxels):
    """Reference: bool (n, n, n), z first -> how many islands its lowest layer has that is not
    empty.
    """
    return label(voxels[voxels.any((1, 2)).argmax()])[1]


def _blocks(*feet):
    """A plate on feet of 2 x 2 at (y, x), with 3 knobs on top, 2 noses at the front and 4 ears at
    the left.
    """
    voxels = np.zeros((10,) * 3, bool)
    for y, x in feet:
        voxels[1:4, y : y + 2, x : x + 2] = True
    voxels[4, 1:-1, 1:-1] = True
    voxels[5, [2, 2, 6], [2, 6, 4]] = True
    voxels[4, 0, [2, 6]] = True
    voxels[4, [2, 4, 6, 8], 0] = True
    return voxels


def _two_tables():
    """A plate on three feet beside one on a single foot, 2 above the ground, and a bit in the air:
    3 pieces, 4 feet.

    Bars join feet of the first in the second layer and more in the third. x begins at 3, y at 4.
    """
    voxels = np.zeros((14,) * 3, bool)
    for y, x in ((4, 3), (4, 6), (9, 3), (4, 10)):
        voxels[2:5, y, x] = True
    voxels[5, 4:11, 3:7] = voxels[5, 4:11, 10:12] = True
    voxels[3:5, 4, 3:7] = voxels[4, 4:10, 3] = True
    voxels[9, 6, 8] = True
    return voxels


def _feet_inputs(generator):
    """Plates on a ring, on one to four feet; some stand above the ground, some feet touch in a
    corner only.
    """
    random = np.random.default_rng(int(generator.initial_seed()))
    spots = [(1, 1), (1, 7), (7, 1), (7, 7)]
    ring = _blocks((1, 1), (1, 3), (3, 1), (3, 3))
    ring[1:4, 2:4, 2:4] = False
    ring[8, 4, [4, 7]] = True  # bits in the air
    inputs = [(_blocks(*spots[:count]),) for count in (4, 3, 1)]
    inputs += [(ring,), (_blocks((1, 1), (3, 3), (7, 7)),)]  # two of these touch in a corner
    joined = _blocks(*spots)
    joined[2, 1:9, 1:9] = True  # a plate just above the feet
    inputs.append((joined,))
    lowered = np.roll(_blocks(*[spots[k] for k in random.permutation(4)[:2]]), -1, axis=0)
    return [*inputs, (lowered,), (_two_tables(),)]


def _one_block_one_foot(count):
    voxels = np.zeros((6, 6, 6), bool)
    voxels[0:3, 1:4, 1:4] = True
    return unless_close(
        count(voxels), 1.0, "A block on the ground stands on one island. Yours says {value:.3g}."
    )


def _table(count):
    four = np.roll(_blocks((1, 1), (1, 7), (7, 1), (7, 7)), -1, axis=0)
    return unless_close(
        count(four), 4.0, "A plate on four feet, on the ground, has 4. Yours says {value:.3g}."
    )


EIGHT = np.ones((3, 3))

FEET_MISTAKES = [
    (
        lambda v: label(v)[1],
        "You counted the pieces of the whole shape; cut first, and count in the slice alone.",
    ),
    (
        lambda v: label(v[v.any((1, 2)).argmax() :][:2])[1],
        "One layer is enough: in the next one feet may be joined by a bar or a plate.",
    ),
    (
        lambda v: max(label(layer)[1] for layer in v),
        "You took the layer with most islands; the lowest one that is not empty counts.",
    ),
    (
        lambda v: label(v[0])[1],
        (
            "The lowest layer of the grid may be empty: take the lowest layer in which something"
            " stands."
        ),
    ),
    (
        lambda v: v[v.any((1, 2)).argmax()].sum(),
        "These are the filled voxels of the slice. Feet are islands: let `label` find them.",
    ),
    (
        lambda v: label(v[v.any((1, 2)).argmax()], EIGHT)[1],
        (
            "Your islands may touch in a corner; here they belong together only if they share an"
            " edge (label's default)."
        ),
    ),
    (
        lambda v: label(v[len(v) - 1 - v.any((1, 2))[::-1].argmax()])[1],
        "That is the highest layer. z is the first axis, and index 0 is the ground.",
    ),
    (
        lambda v: label(v[:, v.any((0, 2)).argmax()])[1],
        "You cut along y, from front to back. Layers are along the first axis, z.",
    ),
    (
        lambda v: label(v[:, :, v.any((0, 1)).argmax()])[1],
        "You cut along x, from left to right. Layers are along the first axis, z.",
    ),
    (
        lambda v: label(v.any(0))[1],
        (
            "This is the shadow that the whole shape throws on the ground; its top covers the feet."
            " Cut instead."
        ),
    ),
    (
        lambda v: label(v[v.any((0, 1)).argmax()])[1],
        (
            "`any((0, 1))` asks where x holds something. A layer is empty if nothing is in it along"
            " y and x, axes 1 and 2."
        ),
    ),
    (
        lambda v: label(v[v.any((0, 2)).argmax()])[1],
        (
            "`any((0, 2))` asks where y holds something. A layer is empty if nothing is in it along"
            " y and x, axes 1 and 2."
        ),
    ),
    (
        lambda v: len(np.setdiff1d(label(v)[0][v.any((1, 2)).argmax()], 0)),
        (
            "You labelled the whole shape and looked at its lowest layer: feet that meet further up"
            " share a number. Cut first, then label."
        ),
    ),
    (
        lambda v: min(label(layer)[1] for layer in v if layer.any()),
        "You took the layer with the fewest islands; the lowest one that is not empty counts.",
    ),
    (
        lambda v: sum(label(layer)[1] for layer in v),
        "You added the islands of all layers; only the lowest one that is not empty counts.",
    ),
    (
        lambda v: 1 + label(v[v.any((1, 2)).argmax()])[1],
        "One too many: 0 is the number of the empty pixels, not of an island.",
    ),
    (
        lambda v: label(~v[v.any((1, 2)).argmax()])[1],
        "You counted islands of air.",
    ),
]

count_feet = Exercise(
    name="count_feet",
    reference=_count_feet,
    make_inputs=_feet_inputs,
    mistakes=FEET_MISTAKES,
    properties=[_one_block_one_foot, _table],
)
