"""Daylight: how much of the sun and of the sky reaches each place around a shape, and the ground.

Light falls through the voxels layer by layer, once for each direction it comes from. From one
layer to the next it moves sideways, blurs a little and loses what the voxels block, so that
shadows are soft, and softer farther from what casts them. One direction is the sun; others share
the sky, which is ambient occlusion; and what reaches the ground rises again. Lengths are in units
of the cube's side, directions are (x, y, z), z up.
"""

from itertools import pairwise

import numpy as np

SUN = np.array([-0.26, -0.45, 1.05]) / np.linalg.norm([-0.26, -0.45, 1.05])  # from the front left
SUN_SHARE = 0.5  # of the light on open ground; the rest is the sky's
GROUND = 0.95  # how much of its light the ground gives back
SUN_CELLS, SKY_CELLS = 32, 16  # per side of the grids that light falls through, at most
RINGS = ((90, 1), (60, 6), (35, 6), (12, 8))  # elevation in degrees, and how many directions
SUN_BLUR, SKY_BLUR = 1.0, 1.5  # see `_moved`: a direction stands for a part of the sky
FAINT = 0.05  # shadows fainter than this hardly show
OUT = 0.8  # cells: light is read this far outside a surface


def sky_directions():
    """Return directions (K, 3) to the sky, and the share of an open plane's light from each, (K,).

    A direction stands for the part of the sky that is nearest to its ring; the shares of a
    horizontal plane add up to 1.
    """
    directions, weights = [], []
    edges = [90, *((a + b) / 2 for (a, _), (b, _) in pairwise(RINGS)), 0]
    for k, (elevation, count) in enumerate(RINGS):
        turn = 2 * np.pi * (np.arange(count) + 0.5 * (k % 2)) / count
        e = np.radians(elevation)
        ring = [np.cos(e) * np.cos(turn), np.cos(e) * np.sin(turn), np.full(count, np.sin(e))]
        high, low = np.sin(np.radians(edges[k : k + 2]))
        directions.append(np.stack(ring, 1))
        weights.append(np.full(count, (high - low) / count))
    directions, weights = np.concatenate(directions), np.concatenate(weights)
    return directions, weights / (weights @ directions[:, 2])


class Shade:
    """How much of the light from K directions is blocked at each place around voxels.

    Args:
        solid: How much of each voxel is filled, floats (D, H, W); the lowest layer is the first
            above the ground.
        cells: Voxels along the cube's side.
        floor: The ground's height.
        directions: From where the light comes, (K, 3), downwards or all upwards.
        blur: How much light blurs from layer to layer, see `_moved`.
        ground: What is missing of the light that begins to rise, (M, M); None if it falls.
    """

    def __init__(self, solid, cells, floor, directions, blur, ground=None):
        self.cells, self.floor, self.margin = cells, floor, int(cells + 1) // 2
        rising = ground is not None
        height, depth, width = solid.shape
        size = max(depth, width) + 2 * self.margin
        layers = np.zeros((height, size, size), np.float32)
        layers[:, self.margin :, self.margin :][:, :depth, :width] = solid
        steps = directions[:, :2] / np.abs(directions[:, 2:])  # cells sideways per layer
        columns, rows = (_moved(size, steps[:, axis], blur) for axis in (0, 1))
        columns = np.ascontiguousarray(columns.swapaxes(1, 2))
        dark = np.zeros((len(directions), size, size), np.float32)
        if rising:
            dark[:] = ground
        found = [dark]
        for layer in layers if rising else layers[::-1]:
            dark = rows @ (dark + layer * (1 - dark)) @ columns
            found.append(dark)
        upwards = found if rising else found[::-1]
        # what does not arrive at each layer, (height + 1, M, M, K); of falling light layer 0 is the
        # ground, so that layers of voxels begin with 1
        self.dark = np.ascontiguousarray(np.moveaxis(np.stack(upwards), 1, -1))
        self.first = 0 if rising else 1

    def at(self, points, normals):
        """Return what is blocked just outside a surface, (P, K).

        Args:
            points: On the surface, (P, 3).
            normals: Its unit normals, (P, 3).
        """
        place = points * self.cells + OUT * normals
        place[:, :2] += self.margin - 0.5
        place[:, 2] += self.first - self.floor * self.cells - 0.5
        return _between(self.dark, place[:, ::-1])


def _moved(size, steps, blur):
    """Return matrices (K, size, size) that move a row of cells by `steps`, (K,), and blur it.

    The weights are those of a quadratic B-spline `blur` times as wide as usual: its mean is where
    it should be, its variance blur² / 4.
    """
    cell = np.arange(size)
    far = np.abs(cell[None, None] - cell[None, :, None] - steps[:, None, None]) / blur
    weight = np.where(far < 0.5, 0.75 - far**2, 0.5 * np.maximum(1.5 - far, 0) ** 2)
    return (weight / blur).astype(np.float32)


def _between(values, places):
    """Return values (A, B, C, K) of a grid at places (P, 3) between its cells, linearly: (P, K).

    Outside they are those at the edge.
    """
    last = np.array(values.shape[:3]) - 1
    places = np.clip(places, 0, last)
    low = np.minimum(places.astype(np.int64), np.maximum(last - 1, 0))
    share = (places - low).astype(np.float32)
    flat = values.reshape(-1, values.shape[3])
    strides = np.array([values.shape[1] * values.shape[2], values.shape[2], 1])
    first, total = low @ strides, 0.0
    parts = [(1 - share[:, axis], share[:, axis]) for axis in range(3)]
    for i, j, k in np.ndindex(2, 2, 2):
        weight = parts[0][i] * parts[1][j] * parts[2][k]
        total = total + weight[:, None] * flat[first + np.minimum([i, j, k], last) @ strides]
    return total


class Daylight:
    """The light around a shape.

    Args:
        occupancy: What is solid, bool (D, H, W).
    """

    def __init__(self, occupancy):
        side = max(occupancy.shape)
        self.empty = not occupancy.any()
        lowest = 0 if self.empty else np.flatnonzero(occupancy.any((1, 2)))[0]
        self.floor = lowest / side
        fine, coarse = (
            (_pooled(occupancy[lowest:], factor), side / factor, self.floor)
            for factor in (-(-side // SUN_CELLS), -(-side // SKY_CELLS))
        )
        directions, weights = sky_directions()
        self.toward, self.weights = directions, weights * (1 - SUN_SHARE)
        self.sun, self.sky = Shade(*fine, SUN[None], SUN_BLUR), Shade(*coarse, directions, SKY_BLUR)
        upright = self.weights * directions[:, 2]
        fall = _sampled(SUN_SHARE * self.sun.dark[0, ..., 0], self.sun, self.sky)
        missing = fall + self.sky.dark[0] @ upright
        self.rise = Shade(*coarse, np.array([[0.0, 0.0, 1.0]]), SKY_BLUR, missing)
        self.missing = SUN_SHARE * self.sun.dark[0, ..., 0] + _sampled(
            self.sky.dark[0] @ upright, self.sky, self.sun
        )

    def at(self, points, normals):
        """Return the light at a surface, as shares of the light on open ground.

        Args:
            points: Where, (P, 3).
            normals: Unit normals, (P, 3).

        Returns:
            What arrives, (P,), and what the shape itself blocks of sky and ground, (P,): its other
            parts, which are of similar colour, give some of it back.
        """
        sun = np.maximum(normals @ SUN, 0) * (SUN_SHARE / SUN[2])
        sky = np.maximum(normals @ self.toward.T, 0) * self.weights  # (P, K)
        ground = (GROUND / 2) * (1 - normals[:, 2])
        dim_sky = sky * self.sky.at(points, normals)
        dim_ground = ground * self.rise.at(points, normals)[:, 0]
        sun *= 1 - self.sun.at(points, normals)[:, 0]
        blocked = dim_sky.sum(1) + dim_ground
        return sun + sky.sum(1) + ground - blocked, blocked

    def on_ground(self, corner, right, down, size):
        """Return how much light open ground loses, as an image of it, float32 (size, size).

        Args:
            corner: Where the first pixel's middle is, (x, y).
            right: The step to the next pixel of a row, (x, y).
            down: The step to the next row, (x, y).
            size: Pixels per side.
        """
        from scipy import ndimage

        scale = self.sun.cells
        missing = ndimage.affine_transform(
            self.missing,
            scale * np.stack([down, right], 1)[::-1],
            (scale * np.asarray(corner) + self.sun.margin - 0.5)[::-1],
            (size, size),
            order=1,
            mode="nearest",
        )
        return missing**2 / (missing + FAINT)


def _sampled(image, old, new):
    """Return an image of the ground (M, M), made for the grid of one `Shade`, for another's."""
    from scipy import ndimage

    size, ratio = new.dark.shape[1], old.cells / new.cells
    offset = (0.5 - new.margin) * ratio + old.margin - 0.5
    return ndimage.affine_transform(
        image, [ratio] * 2, offset, (size, size), order=1, mode="nearest"
    )


def _pooled(solid, factor):
    """Return how full blocks of factor³ voxels are, float32; the last ones are padded."""
    padded = np.pad(solid, [(0, -side % factor) for side in solid.shape]).astype(np.float32)
    for axis in range(3):
        shape = padded.shape
        split = (*shape[:axis], shape[axis] // factor, factor, *shape[axis + 1 :])
        padded = padded.reshape(split).mean(axis + 1)
    return padded
