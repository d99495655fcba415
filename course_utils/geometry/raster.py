"""The rasteriser: an orthographic camera, and a z-buffer that keeps the nearest patch per pixel.

Every still picture of the course is drawn through it (`render.py`). Lengths are in units of the
cube's side, points are (x, y, z), z up, and the front of a shape looks towards -y.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

AZIMUTH, ELEVATION = 35.0, 24.0  # degrees: three-quarter view from the front right, a little above
MARGIN = 0.03  # of the picture's side, kept free around the cube


@dataclass
class Camera:
    """Orthographic camera around the unit cube. Rows of `axes`: right, up, towards the viewer."""

    axes: np.ndarray  # (3, 3)
    scale: float  # pixels per unit length
    size: int  # pixels a side

    def project(self, points: np.ndarray) -> np.ndarray:
        """Map points (..., 3) to (column, row, depth) in pixels; a smaller depth is nearer."""
        view = (points - 0.5) @ self.axes.T
        middle = self.size / 2
        return np.stack(
            [
                middle + self.scale * view[..., 0],
                middle - self.scale * view[..., 1],
                -self.scale * view[..., 2],
            ],
            -1,
        )

    def ground(self, height: float) -> np.ndarray:
        """Return (x, y) of the point at z = `height` behind each pixel, (size, size, 2)."""
        right, up, towards = self.axes
        offset = (np.arange(self.size) + 0.5 - self.size / 2) / self.scale
        # on the plane through the middle
        view = 0.5 + offset[None, :, None] * right - offset[:, None, None] * up
        return (view - (view[..., 2:] - height) / towards[2] * towards)[..., :2]


def make_camera(size: int, azimuth: float = AZIMUTH, elevation: float = ELEVATION) -> Camera:
    """Return a camera whose picture just holds the unit cube.

    Args:
        size: Pixels a side, at least 8.
        azimuth: Degrees; 0 looks at the front, 90 at the right side.
        elevation: Degrees; 90 looks from above, -90 from below.
    """
    if size < 8:
        raise ValueError(f"size={size}; expected at least 8 pixels a side, 256 is usual.")
    if not -90 <= elevation <= 90:
        raise ValueError(
            f"elevation={elevation}; expected degrees between -90 (from below) and 90 (from above)."
        )
    a, e = np.radians([azimuth, elevation])
    axes = np.array(
        [
            [np.cos(a), np.sin(a), 0.0],
            [-np.sin(e) * np.sin(a), np.sin(e) * np.cos(a), np.cos(e)],
            [np.cos(e) * np.sin(a), -np.cos(e) * np.cos(a), np.sin(e)],
        ]
    )
    extent = np.abs(axes[:2]).sum(1).max()  # the projected cube's larger side
    return Camera(axes, size * (1 - 2 * MARGIN) / extent, size)


@dataclass
class Patches:
    """P flat pieces of surface, all triangles or all parallelograms.

    Their points are corner + a * edges[0] + b * edges[1] with a and b in [0, 1]; triangles end at
    a + b = 1.
    """

    corner: np.ndarray  # (P, 3)
    edges: np.ndarray  # (P, 2, 3)
    light: np.ndarray  # (P, 4): brightness at (a, b) = (0, 0), (1, 0), (0, 1), (1, 1)
    triangles: bool


@dataclass
class Buffer:
    """What each pixel sees; all arrays are (size, size)."""

    patch: np.ndarray  # index of the patch, -1 for nothing
    a: np.ndarray  # coordinates within the patch
    b: np.ndarray
    depth: np.ndarray  # pixels, inf for nothing


def rasterise(patches: Patches, camera: Camera) -> Buffer:
    """Return the nearest patch at every pixel.

    Args:
        patches: Pieces of surface.
        camera: Where they are seen from.
    """
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


def _by_width(
    corner: np.ndarray, edges: np.ndarray, triangles: bool, size: int
) -> Iterator[tuple[np.ndarray, int]]:
    """Yield batches of patches of similar width, so that one huge triangle does not slow the rest.

    Each batch is (indices, largest width in pixels).
    """
    ends = [np.zeros_like(corner[:, :2]), edges[:, 0, :2], edges[:, 1, :2]]
    if not triangles:
        ends.append(ends[1] + ends[2])
    spread = np.max(ends, 0) - np.min(ends, 0)  # (P, 2)
    area = edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]
    width = np.ceil(spread.max(1)).astype(int) + 1
    width[np.abs(area) < 1e-6] = 0  # seen edge-on
    smaller = 0
    for limit in [4, 6, 8, 12, 16, 24, 32, 64, 128, 256, 512, max(1024, 4 * size)]:
        batch = np.flatnonzero((width > smaller) & (width <= limit))
        rows = max(1, 2_000_000 // limit**2)
        for start in range(0, len(batch), rows):
            yield batch[start : start + rows], limit
        smaller = limit


def _fragments(
    corner: np.ndarray, edges: np.ndarray, width: int, triangles: bool, size: int
) -> tuple[np.ndarray, ...]:
    """All pixels that patches at most `width` wide cover: (index, pixel, a, b, depth), (F,)."""
    e1, e2 = edges[:, 0], edges[:, 1]
    lowest = (
        np.minimum(np.minimum(e1, e2), 0) if triangles else np.minimum(e1, 0) + np.minimum(e2, 0)
    )
    # (P, 2): column and row of the box's first pixel
    first = np.floor(corner + lowest)[:, :2].astype(np.int64)
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
