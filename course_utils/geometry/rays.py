"""How much of each cell a surface fills, by rays along the three axes; and the cells it touches.

A ray enters and leaves a body at crossings, which are computed, not sampled: lengths along a ray
are exact. The rays of an axis stand on a square lattice turned by the golden ratio, so that a side
along the grid never lies between two rows of it, however thin the part behind is.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np

ACROSS = 256  # rays along a side of the cube, at least; and at least
LEAST = 2  # along a side of a cell
TURN = np.arctan((np.sqrt(5) - 1) / 2)
BATCH = 2_000_000  # crossings, or rows of triangles, in memory at a time
MAX_CROSSINGS = 50_000_000
EDGE = 1e-6  # of a cell: what ends on a cell's border doesn't reach into it


def winds(number: np.ndarray) -> np.ndarray:
    """Inside where the surface winds around: right for bodies that overlap or lie in each other."""
    return number != 0


def is_odd(number: np.ndarray) -> np.ndarray:
    """Inside after an odd number of crossings: right for faces that point anywhere."""
    return number % 2 != 0


def filled(
    triangles: np.ndarray, resolution: int, inside: Callable[[np.ndarray], np.ndarray] = winds
) -> tuple[np.ndarray, np.ndarray]:
    """Measure how much of each cell is inside a closed surface.

    Rays that are not outside at their end (they ran through a crack) are left out.

    Args:
        triangles: Corners (F, 3, 3) as (x, y, z) in voxels, within the cube.
        resolution: Side n of the cube.
        inside: Says of winding numbers along a ray whether they are inside.

    Returns:
        The coverage, float32 (n, n, n) in 0..1. And where the body is thinner than a voxel: the
        flat indices (T, 2) of the cell in the middle of a ray's stay inside, and the other cell.

    Raises:
        ValueError: The faces lie over each other too often.
    """
    n, total, thin = resolution, np.zeros((resolution,) * 3, dtype=np.float32), []
    per_cell = _rays_along(n)
    cosine, sine = per_cell * np.cos(TURN), per_cell * np.sin(TURN)
    turn = np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]])
    for axis in range(3):
        axes = [(axis + 1) % 3, (axis + 2) % 3, axis]
        corners = (triangles[..., axes] - [n / 2, n / 2, 0]) @ turn.T
        steps, rays = np.zeros(n * n * (n + 1)), np.zeros(n * n)
        short = []
        for ray, depth, sign, places in _bands(corners, n, per_cell):
            # (R, 2), the cells in which the rays of this band stand
            cell = np.floor(places @ turn[:2, :2] / per_cell**2 + n / 2).astype(np.int64)
            column = np.where(((cell >= 0) & (cell < n)).all(axis=1), cell @ [n, 1], -1)
            _add_stays(steps, rays, short, (ray, depth, sign), column, inside)
        share = steps.reshape(n * n, n + 1).cumsum(axis=1)[:, :n] / np.maximum(rays, 1)[:, None]
        back = [axes.index(a) for a in (2, 1, 0)]  # to z, y, x
        total += share.reshape(n, n, n).transpose(back).astype(np.float32) / 3
        if short:
            flat = np.unique(np.concatenate(short), axis=0)
            where = np.stack(np.unravel_index(flat, (n, n, n)))[back]
            thin.append(np.ravel_multi_index(tuple(where), (n, n, n)))
    return np.clip(total, 0, 1), np.concatenate([*thin, np.zeros((0, 2), np.int64)])


def _rays_along(n: int) -> int:
    """Rays along a side of a cell, where the cube has n cells."""
    return max(LEAST, -(-ACROSS // n))


def _add_stays(
    steps: np.ndarray, rays: np.ndarray, short: list, crossings: tuple, column: np.ndarray,
    inside: Callable[[np.ndarray], np.ndarray],
) -> None:  # fmt: skip
    """Add the stays inside of one band's rays: to `steps`, whose running sum is what is filled."""
    n = round(len(rays) ** 0.5)
    ray, depth, sign = crossings
    order = np.argsort(ray * (2.0 * n) + depth)
    ray, depth, sign = ray[order], depth[order], sign[order]
    number = np.cumsum(sign)
    last = np.r_[ray[1:] != ray[:-1], True][: len(ray)]
    ends = np.zeros(len(column), dtype=np.int64)
    ends[ray[last]] = np.diff(number[last], prepend=0)
    good = (column >= 0) & ~inside(ends)
    rays += np.bincount(column[good], minlength=n * n)
    # winding numbers begin anew with each ray
    base = np.concatenate([[0], number[last]])[np.cumsum(last) - last]
    after = inside(number - base) & ~last
    before = np.r_[False, after[:-1]][: len(ray)]
    turns = (after != before) & good[ray]
    ray, depth, after = ray[turns], depth[turns], after[turns]
    cell = np.clip(np.floor(depth).astype(np.int64), 0, n - 1)
    part = np.clip(depth - cell, 0, 1)
    way = np.where(after, 1.0, -1.0)
    place = column[ray] * (n + 1) + cell
    steps += np.bincount(place, way * (1 - part), minlength=len(steps))
    steps += np.bincount(place + 1, way * part, minlength=len(steps))
    # where it enters and leaves within a voxel
    enter, leave = depth[0::2], depth[1::2]
    stay = leave - enter
    # what is thinner than the rays are apart, they only meet here and there
    slim = (stay < 1) & (stay > 0.5 / _rays_along(n))
    spot = (enter[slim] + leave[slim]) / 2 + EDGE  # a part centred on a border goes one way
    middle = np.clip(np.floor(spot).astype(np.int64), 0, n - 1)
    first, second = cell[0::2][slim], cell[1::2][slim]
    other = np.where(first == middle, second, first)
    above = column[ray[0::2][slim]] * n
    if slim.any():
        short.append(np.unique(np.stack([above + middle, above + other], axis=1), axis=0))


def _bands(corners: np.ndarray, n: int, per_cell: int) -> Iterator[tuple]:
    """Crossings of rays with triangles (F, 3, 3) of lattice coordinates, a band of rows at a time.

    Yields ray (C,), depth (C,) and sign (C,), 1 where the ray enters, and the rays' places (R, 2).
    """
    reach = int(per_cell * n * 0.71) + 2  # half the cube's diagonal
    width = 2 * reach + 1
    one, two, three = np.moveaxis(corners[..., :2], 1, 0)
    area = np.cross(np.pad(two - one, [(0, 0), (0, 1)]), np.pad(three - one, [(0, 0), (0, 1)]))[
        :, 2
    ]
    # sorted, so that two triangles compute an edge that they share alike, to the last bit
    corners = np.take_along_axis(corners, corners[..., 1].argsort(axis=1)[..., None], axis=1)
    first, last = np.ceil(corners[:, [0, 2], 1]).astype(np.int64).T
    work = np.abs(area).sum() / 2 + (last - first).sum()
    _check_work(work)
    bands = np.linspace(-reach, reach + 1, int(work / BATCH) + 2).astype(np.int64)
    for low, high in pairwise(bands):
        here = (first < high) & (last > low) & (area != 0)
        crossings = _crossings(
            corners[here], np.maximum(first[here], low), np.minimum(last[here], high)
        )
        face, i, j, depth = crossings
        sign = np.where(area[here] < 0, 1, -1)[face]
        rows, columns = np.mgrid[low:high, -reach : reach + 1]
        places = np.stack([columns.ravel(), rows.ravel()], axis=1)
        yield (j - low) * width + i + reach, depth, sign, places


def _crossings(
    corners: np.ndarray, first: np.ndarray, last: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Scan triangles, corners sorted by row, from row `first` to before `last`.

    Returns the face, column i, row j and depth of each crossing.
    """
    face, j = _ranges(first, last)
    (i0, j0, _), (i1, j1, _), (i2, j2, _) = corners[face].transpose(1, 2, 0)
    with np.errstate(all="ignore"):  # an edge along a row is never asked for
        long = i0 + (j - j0) / (j2 - j0) * (i2 - i0)
        lower = i0 + (j - j0) / (j1 - j0) * (i1 - i0)
        upper = i1 + (j - j1) / (j2 - j1) * (i2 - i1)
    short = np.where(j < j1, lower, upper)
    left, right = np.ceil(np.minimum(long, short)), np.ceil(np.maximum(long, short))
    row, i = _ranges(left.astype(np.int64), right.astype(np.int64))
    face, j = face[row], j[row]
    a, b, c = corners.transpose(1, 0, 2)
    normal = np.cross(b - a, c - a)
    with np.errstate(all="ignore"):  # nor is a face seen edge on
        slope = -normal[:, :2] / normal[:, 2:]
    depth = a[face, 2] + (slope[face] * (np.stack([i, j], axis=1) - a[face, :2])).sum(axis=1)
    return face, i, j, np.clip(depth, *_spans(corners[..., 2])[:, face])


def _spans(values: np.ndarray) -> np.ndarray:
    """The least and the greatest of each row (F, 3), as (2, F)."""
    return np.stack([values.min(axis=1), values.max(axis=1)])


def _ranges(first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each range from `first` to before `last`: its index, repeated, and its numbers."""
    length = np.maximum(last - first, 0)
    owner = np.repeat(np.arange(len(first)), length)
    start = np.cumsum(length) - length
    return owner, np.arange(len(owner)) - start[owner] + first[owner]


def _check_work(crossings: float) -> None:
    if crossings > MAX_CROSSINGS:
        raise ValueError(
            f"its faces lie over each other: they cross {crossings:.0f} rays or columns of voxels,"
            f" expected at most {MAX_CROSSINGS}; simplify it first"
        )


def touched(triangles: np.ndarray, resolution: int) -> np.ndarray:
    """Mark the cells that triangles pass through; what lies between two cells counts as the higher.

    Args:
        triangles: Corners (F, 3, 3) as (x, y, z) in voxels, within the cube.
        resolution: Side n of the cube.

    Returns:
        Bool (n, n, n).

    Raises:
        ValueError: The faces lie over each other too often.
    """
    n, grid = resolution, np.zeros((resolution,) * 3, dtype=bool)
    a, b, c = np.moveaxis(triangles, 1, 0)
    facing = np.abs(np.cross(b - a, c - a)).argmax(axis=1)
    work = 0
    for axis in range(3):
        axes = [(axis + 1) % 3, (axis + 2) % 3, axis]
        corners = triangles[facing == axis][..., axes]
        low = np.floor(corners.min(axis=1) + EDGE).astype(np.int64)
        high = np.maximum(np.floor(corners.max(axis=1) - EDGE).astype(np.int64), low)
        columns = (high - low + 1)[:, :2].prod(axis=1)
        work += columns.sum()
        _check_work(work)
        parts = np.searchsorted(columns.cumsum(), np.arange(0, columns.sum(), BATCH))
        for start, stop in pairwise([*np.unique(parts), len(corners)]):
            u, v, d = _cells(corners[start:stop], low[start:stop], high[start:stop])
            index = np.clip(np.stack([u, v, d]), 0, n - 1)[[axes.index(k) for k in (2, 1, 0)]]
            grid[tuple(index)] = True
    return grid


def _cells(corners: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, ...]:
    """The cells (u, v, d) that triangles pass through which look most along d."""
    face, u = _ranges(low[:, 0], high[:, 0] + 1)
    column, v = _ranges(low[face, 1], high[face, 1] + 1)
    face, u = face[column], u[column]
    half = np.full(2, 0.5 - EDGE)
    meets = _meets(corners[..., :2], face, np.stack([u, v], axis=1) + 0.5, half)
    face, u, v = face[meets], u[meets], v[meets]
    # the depths of the plane over the cell's square, within the triangle's own
    a, b, c = corners.transpose(1, 0, 2)
    normal = np.cross(b - a, c - a)
    with np.errstate(all="ignore"):  # a face without area may be anywhere along its length
        slope = np.nan_to_num(-normal[:, :2] / normal[:, 2:])[face]
    least, most = _spans(corners[..., 2])[:, face]
    middle = a[face, 2] + (slope * (np.stack([u, v], axis=1) + 0.5 - a[face, :2])).sum(axis=1)
    reach = np.where(normal[face, 2] == 0, np.inf, np.abs(slope).sum(axis=1) / 2)
    first = np.floor(np.clip(middle - reach, least, most) + EDGE).astype(np.int64)
    last = np.floor(np.clip(middle + reach, least, most) - EDGE).astype(np.int64)
    column, d = _ranges(first, np.maximum(first, last) + 1)
    face, u, v = face[column], u[column], v[column]
    half = np.array([0.5 - EDGE, 0.5 + EDGE])
    meets = _meets(corners[..., [0, 2]], face, np.stack([u, d], axis=1) + 0.5, half)
    meets &= _meets(corners[..., [1, 2]], face, np.stack([v, d], axis=1) + 0.5, half)
    return u[meets], v[meets], d[meets]


def _meets(
    corners: np.ndarray, face: np.ndarray, middle: np.ndarray, half: np.ndarray
) -> np.ndarray:
    """Whether flat triangles (F, 3, 2) and the rectangles around `middle` (C, 2) overlap."""
    meets = np.ones(len(face), dtype=bool)
    for corner in range(3):
        start, end, third = np.roll(corners, -corner, axis=1).transpose(1, 0, 2)
        across = (end - start)[:, ::-1] * [-1, 1]
        reach, side = np.abs(across) @ half, ((third - start) * across).sum(axis=1)
        place = ((middle - start[face]) * across[face]).sum(axis=1)
        apart = place + reach[face] <= np.minimum(side, 0)[face]
        apart |= place - reach[face] >= np.maximum(side, 0)[face]
        meets &= ~apart | (reach[face] == 0)  # an edge seen end on separates nothing
    return meets
