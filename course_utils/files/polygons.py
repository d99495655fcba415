"""Faces of any number of corners become triangles, also where a face has dents."""

import numpy as np

from course_utils.files.door import check_faces

EAR_WORK = 300_000_000  # corners looked at for all dented faces of a file; some two seconds
DENT = 1e-6  # of a face's area: less is rounding


def triangles(vertices: np.ndarray, corners: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return the triangles of polygons.

    A polygon is cut into a fan from its first corner. Where that leaves the polygon, four corners
    are cut along the other diagonal, and more are cut ear by ear.

    Args:
        vertices: Float64 (V, 3).
        corners: Vertex of each corner, polygon after polygon, int64 (C,), each below V.
        sizes: Number of corners of each polygon, int64 (P,); fewer than three make no triangle.

    Returns:
        Float64 (F, 3 corners, 3).

    Raises:
        ValueError: There is no triangle, or too many, or too many dents.
    """
    first = np.cumsum(sizes) - sizes
    first, sizes = first[sizes > 2], sizes[sizes > 2]
    if not len(sizes):
        raise ValueError("it has no faces")
    counts = sizes - 2
    check_faces(int(counts.sum()))
    if sizes.max() == 3 and 3 * len(sizes) == len(corners):
        return vertices[corners.reshape(-1, 3)]
    start = np.cumsum(counts) - counts  # first triangle of each polygon
    second = np.repeat(first - start, counts) + np.arange(counts.sum()) + 1
    indices = corners[np.stack([np.repeat(first, counts), second, second + 1], axis=1)]
    if sizes.max() > 3:
        work = EAR_WORK
        for polygon in _dented(vertices[indices], start):
            n, place = int(sizes[polygon]), start[polygon]
            ring = corners[first[polygon] : first[polygon] + n]
            if n > 4:
                cut, work = _ears(vertices[ring], work)
            else:
                cut = np.array([[1, 2, 3], [1, 3, 0]])
            indices[place : place + n - 2] = ring[cut]
    return vertices[indices]


def _dented(fans: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Return the polygons whose fan has a triangle that is turned over.

    Args:
        fans: All triangles (F, 3, 3), polygon after polygon.
        start: First triangle of each polygon, int64 (P,).

    Returns:
        Numbers of polygons, int64.
    """
    with np.errstate(all="ignore"):  # far out, areas overflow; then nothing is dented
        normals = np.cross(fans[:, 1] - fans[:, 0], fans[:, 2] - fans[:, 0])
        whole = np.add.reduceat(normals, start)
        counts = np.diff(start, append=len(fans))
        along = (normals * np.repeat(whole, counts, axis=0)).sum(axis=1)
        return np.flatnonzero(np.minimum.reduceat(along, start) < -DENT * (whole**2).sum(axis=1))


def _ears(ring: np.ndarray, work: int) -> tuple[np.ndarray, int]:
    """Cut a polygon into triangles, ear by ear: corners that bend outwards and hold no other.

    Args:
        ring: Corners (n, 3), about in one plane.
        work: Corners that may still be looked at.

    Returns:
        Corners of each triangle, int64 (n - 2, 3), and the work that is left.
    """
    normal = np.cross(ring, np.roll(ring, -1, axis=0)).sum(axis=0)
    flat = np.delete(ring - ring[0], np.abs(normal).argmax(), axis=1)  # onto the closest plane
    x, y = flat.T
    sign = 1.0 if (x * np.roll(y, -1) - y * np.roll(x, -1)).sum() > 0 else -1.0
    left, cut, at, passed = list(range(len(ring))), [], 0, 0
    while len(left) > 3:
        work -= len(left) + 2000  # the second number is what a call of numpy takes
        if work < 0:
            raise ValueError("its faces have too many dents; triangulate it first")
        n = len(left)
        a, b, c = left[at - 1], left[at], left[(at + 1) % n]
        if passed >= n or _is_ear(flat, sign, a, b, c, np.array(left)):
            cut.append((a, b, c))
            del left[at]
            at, passed = max(at - 1, 0) % (n - 1), 0
        else:
            at, passed = (at + 1) % n, passed + 1
    return np.array([*cut, left]), work


def _is_ear(flat, sign, a, b, c, left):
    corners = flat[[a, b, c]]
    sides = np.roll(corners, -1, axis=0) - corners
    if sign * (sides[0, 0] * sides[1, 1] - sides[0, 1] * sides[1, 0]) <= 0:
        return False
    others = flat[left]
    inside = np.ones(len(others), dtype=bool)
    for corner, side in zip(corners, sides, strict=True):
        away = others - corner
        inside &= sign * (side[0] * away[:, 1] - side[1] * away[:, 0]) >= 0
        inside &= (away != 0).any(axis=1)  # a bridge to a hole passes the same corner twice
    return not inside.any()
