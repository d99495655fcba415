"""Faces of any number of corners become triangles, also where a face has dents."""

import numpy as np

from course_utils.files.door import check_faces

EAR_WORK = 8_000_000  # corners looked at for all dented faces of a file; about a second
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


def strip_corners(corners: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut strips into triangles, every other one of which is turned over.

    Args:
        corners: Vertex of each corner, list after list, int64 (C,); -1 ends a strip.
        sizes: Number of corners of each list, int64 (L,).

    Returns:
        Corners (3 F,) and sizes (F,) of triangles.
    """
    number = np.arange(len(corners))
    begins = np.zeros(len(corners) + 1, dtype=bool)
    begins[np.cumsum(sizes) - sizes] = True
    begins[1:] |= corners == -1
    place = number - np.maximum.accumulate(np.where(begins[:-1], number, 0))
    third = np.flatnonzero((place > 1) & (corners != -1))
    cut = third[:, None] + np.where(place[third, None] % 2, [-1, -2, 0], [-2, -1, 0])
    return corners[cut].ravel(), np.full(len(third), 3)


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
    flat[:, 1] *= np.sign((x * np.roll(y, -1) - y * np.roll(x, -1)).sum())  # left is inside
    points, left, cut, at, passed = flat.tolist(), list(range(len(ring))), [], 0, 0
    while len(left) > 3:
        a, b, c = left[at - 1], left[at], left[(at + 1) % len(left)]
        ear = passed >= len(left)  # none is one, as where sides cross: go on all the same
        work -= 20
        if not ear and _left_of(points[a], points[b], points[c]) > 0:
            work -= len(left) + 400  # the second number is what numpy's calls take
            ear = not _any_inside(flat[left], flat[a], flat[b], flat[c])
        if work < 0:
            raise ValueError("its faces have too many dents; triangulate it first")
        if ear:
            cut.append((a, b, c))
            del left[at]
            at, passed = max(at - 1, 0) % len(left), 0
        else:
            at, passed = (at + 1) % len(left), passed + 1
    return np.array([*cut, left]), work


def _left_of(start, end, point):
    """Return what is above 0 for points (x, y) on the left of a line."""
    return (end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0])


def _any_inside(others, a, b, c):
    inside, points = np.ones(len(others), dtype=bool), others.T
    for start, end in ((a, b), (b, c), (c, a)):
        inside &= _left_of(start, end, points) >= 0
        inside &= (others != start).any(axis=1)  # bridges to holes pass the same corner twice
    return inside.any()
