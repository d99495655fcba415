"""The shapes, meshes and batches on which the exercises of lessons 07 and 08 are checked."""

import numpy as np
import torch


def blobs(generator):
    """Random blobs, bool (n, n, n), at three resolutions; one of them stands on the ground."""
    random = np.random.default_rng(int(generator.initial_seed()))
    inputs = []
    for side, ground in ((6, False), (9, True), (8, False)):
        voxels = np.zeros((side,) * 3, bool)
        voxels[0 if ground else 1 : side - 2, 1 : side - 1, 2 : side - 1] = True
        inputs.append((voxels & (random.random(voxels.shape) < 0.85),))
    return inputs


TETRAHEDRON = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])


def tetrahedra(generator):
    """Meshes of one or two random tetrahedra, one of them turned inside out."""
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


def plate_on_feet(*feet):
    """A plate on feet of 2 x 2 voxels at (y, x): bool (10, 10, 10).

    It has 3 knobs on top, 2 noses at the front and 4 ears on the left, so that other slices differ.
    """
    voxels = np.zeros((10,) * 3, bool)
    for y, x in feet:
        voxels[1:4, y : y + 2, x : x + 2] = True
    voxels[4, 1:-1, 1:-1] = True
    voxels[5, [2, 2, 6], [2, 6, 4]] = True
    voxels[4, 0, [2, 6]] = True
    voxels[4, [2, 4, 6, 8], 0] = True
    return voxels


def plates_on_feet(generator):
    """Plates on a ring and on one to four feet, two tables, and what has dozens of random feet.

    Some stand above the ground, and some feet touch only at a corner.
    """
    random = np.random.default_rng(int(generator.initial_seed()))
    spots = [(1, 1), (1, 7), (7, 1), (7, 7)]
    ring = plate_on_feet((1, 1), (1, 3), (3, 1), (3, 3))
    ring[1:4, 2:4, 2:4] = False
    ring[8, 4, [4, 7]] = True  # bits in the air
    inputs = [(plate_on_feet(*spots[:count]),) for count in (4, 3, 1)]
    inputs += [(ring,), (plate_on_feet((1, 1), (3, 3), (7, 7)),)]  # two of these touch in a corner
    joined = plate_on_feet(*spots)
    joined[2, 1:9, 1:9] = True  # a plate just above the feet
    inputs.append((joined,))
    lowered = np.roll(plate_on_feet(*[spots[k] for k in random.permutation(4)[:2]]), -1, axis=0)
    return [*inputs, (lowered,), (_two_tables(),), *((_thicket(random),) for _ in range(4))]


def _thicket(random):
    """A random layer at a random height, a denser one on it, and a plate on top."""
    side, ground = random.integers(8, 13), random.integers(0, 4)
    voxels = np.zeros((side,) * 3, bool)
    voxels[ground : ground + 2] = (
        random.random((2, side, side)) < np.array([0.3, 0.6])[:, None, None]
    )
    voxels[ground + 2, 1:-1, 1:-1] = True
    return voxels


def _two_tables():
    """A plate on three feet beside one on a single foot, 2 above the ground, and a bit in the air.

    These are 3 pieces with 4 feet. Bars join feet of the first plate in the second layer, and more
    of them in the third. x begins at 3, y at 4.
    """
    voxels = np.zeros((14,) * 3, bool)
    for y, x in ((4, 3), (4, 6), (9, 3), (4, 10)):
        voxels[2:5, y, x] = True
    voxels[5, 4:11, 3:7] = voxels[5, 4:11, 10:12] = True
    voxels[3:5, 4, 3:7] = voxels[4, 4:10, 3] = True
    voxels[9, 6, 8] = True
    return voxels


def noisy_predictions(generator):
    """Predictions, x0 and t: voxels, points and images in float32 and float64.

    In each batch one t is below 0.05, and once it is exactly 0.
    """
    cases = [
        ((4, 1, 4, 4, 4), torch.float32, 0.01),
        ((5, 2), torch.float32, 0.03),
        ((3, 1, 5, 6, 7), torch.float64, 0.0),
        ((2, 3, 8, 8), torch.float32, 0.02),
    ]
    inputs = []
    for shape, dtype, smallest in cases:
        x0 = torch.randn(shape, generator=generator, dtype=dtype)
        prediction = x0 + 0.3 * torch.randn(shape, generator=generator, dtype=dtype)
        t = 0.1 + 0.9 * torch.rand(shape[0], generator=generator, dtype=dtype)
        t[1] = smallest
        inputs.append((prediction, x0, t))
    return inputs


def grid_pairs(generator):
    """Pairs of grids: random ones, equal ones, disjoint ones, one of two empty, both empty."""

    def grid(shape, share):
        return torch.rand(shape, generator=generator) < share

    a, b = grid((4, 5, 6), 0.5), grid((4, 5, 6), 0.2)
    empty = torch.zeros(4, 5, 6, dtype=torch.bool)
    return [
        (a, b),
        (grid((8, 8, 8), 0.3), grid((8, 8, 8), 0.7)),
        (a, a),
        (a, ~a),
        (b, empty),
        (empty, empty),
    ]


def nested_boxes():
    """A box of 8 voxels and one of 16 that contains it, bool (6, 6, 6)."""
    small, large = torch.zeros(2, 6, 6, 6, dtype=torch.bool)
    small[1:3, 1:3, 1:3] = True
    large[1:3, 1:3, 1:5] = True
    return small, large
