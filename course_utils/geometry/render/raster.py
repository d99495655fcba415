"""Patches of surface to pixels: a z-buffer. Each pixel keeps the nearest patch."""

from dataclasses import dataclass

import numpy as np

WIDTHS = [4, 6, 8, 12, 16, 24, 32, 64, 128, 256, 512]  # pixels; patches are drawn in such batches


@dataclass
class Patches:
    """P flat pieces of surface: all triangles, or all parallelograms.

    A point of a piece is corner + a * edges[0] + b * edges[1], with a and b in [0, 1] and, in a
    triangle, a + b <= 1. `values` holds what is known at (a, b) = (0, 0), (1, 0), (0, 1) and
    (1, 1).
    """

    corner: np.ndarray  # (P, 3)
    edges: np.ndarray  # (P, 2, 3)
    values: np.ndarray  # (P, 4, K)
    triangles: bool


@dataclass
class Buffer:
    """What each pixel sees, in arrays (size, size).

    `patch` is -1 and `depth` infinite where there is nothing; `a` and `b` are the coordinates in
    the patch.
    """

    patch: np.ndarray
    a: np.ndarray
    b: np.ndarray
    depth: np.ndarray


def rasterise(patches, camera):
    """Project all patches and return the nearest at each pixel, as a `Buffer`."""
    size = camera.size
    patch = np.full(size * size, -1)
    a, b = np.zeros((2, size * size), np.float32)
    depth = np.full(size * size, np.inf, np.float32)
    corner = camera.project(patches.corner)
    edges = camera.project(patches.corner[:, None] + patches.edges) - corner[:, None]
    for chosen, width in _by_width(corner, edges, patches.triangles, size):
        index, pixel, fa, fb, fdepth = _fragments(
            corner[chosen], edges[chosen], width, patches.triangles, size
        )
        np.minimum.at(depth, pixel, fdepth)
        nearest = fdepth == depth[pixel]
        pixel = pixel[nearest]
        patch[pixel], a[pixel], b[pixel] = chosen[index[nearest]], fa[nearest], fb[nearest]
    return Buffer(*(array.reshape(size, size) for array in (patch, a, b, depth)))


def _by_width(corner, edges, triangles, size):
    """Yield patches in batches of similar width, so that a huge triangle does not slow the others.

    Each batch is the indices of some patches, and how many pixels wide they are at most.
    """
    ends = [np.zeros_like(corner[:, :2]), edges[:, 0, :2], edges[:, 1, :2]]
    if not triangles:
        ends.append(ends[1] + ends[2])
    spread = np.max(ends, 0) - np.min(ends, 0)  # (P, 2)
    area = edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]
    width = np.ceil(spread.max(1)).astype(int) + 1
    width[np.abs(area) < 1e-6] = 0  # seen edge-on
    smaller = 0
    for limit in [*WIDTHS, max(1024, 4 * size)]:
        batch = np.flatnonzero((width > smaller) & (width <= limit))
        rows = max(1, 2_000_000 // limit**2)
        for start in range(0, len(batch), rows):
            yield batch[start : start + rows], limit
        smaller = limit


def _fragments(corner, edges, width, triangles, size):
    """Return the pixels that patches of at most `width` pixels cover.

    One entry per patch and pixel, each array (F,): index of the patch, pixel, a, b, depth.
    """
    e1, e2 = edges[:, 0], edges[:, 1]
    if triangles:
        lowest = np.minimum(np.minimum(e1, e2), 0)
    else:
        lowest = np.minimum(e1, 0) + np.minimum(e2, 0)
    # column and row of the box's first pixel
    first = np.floor(corner + lowest)[:, :2].astype(np.int64)  # (P, 2)
    w = first + 0.5 - corner[:, :2]
    area = e1[:, 0] * e2[:, 1] - e1[:, 1] * e2[:, 0]
    steps = np.arange(width, dtype=np.float32)

    def coordinate(start, per_column, per_row):  # (P,) each -> (P, row, column)
        start, per_column, per_row = (
            (v / area).astype(np.float32)[:, None] for v in (start, per_column, per_row)
        )
        return (start + per_row * steps)[:, :, None] + (per_column * steps)[:, None, :]

    a = coordinate(w[:, 0] * e2[:, 1] - w[:, 1] * e2[:, 0], e2[:, 1], -e2[:, 0])
    b = coordinate(e1[:, 0] * w[:, 1] - e1[:, 1] * w[:, 0], -e1[:, 1], e1[:, 0])
    slack = 1e-4  # neighbours overlap by a hair rather than leave a crack
    inside = (a >= -slack) & (b >= -slack)
    inside &= (a + b <= 1 + slack) if triangles else (a <= 1 + slack) & (b <= 1 + slack)
    index, row, column = np.nonzero(inside)
    a, b = a[index, row, column], b[index, row, column]
    row, column = row + first[index, 1], column + first[index, 0]
    seen = (row >= 0) & (row < size) & (column >= 0) & (column < size)
    index, a, b, pixel = index[seen], a[seen], b[seen], (row * size + column)[seen]
    depth = corner[index, 2] + a * e1[index, 2] + b * e2[index, 2]
    return index, pixel, a, b, depth.astype(np.float32)
