"""Shapes fitted into a cube of voxels: grids scaled, surfaces filled.

A learner's own shapes come through here (`datasets.own_shapes`), and lesson 07 shows what survives.
"""

import numpy as np

from course_utils.geometry.bodies import bodies_and_sheets
from course_utils.geometry.rays import filled, is_odd, touched

HALF = 0.5 - 1e-3  # full enough for a voxel; a little less, for what is cut exactly in the middle

THREE = (slice(None, -2), slice(1, -1), slice(2, None))  # three voxels in a row, along an axis


def fit_to_cube(voxels: np.ndarray, resolution: int) -> np.ndarray:
    """Fit the occupied part of a grid into a cube, centred in x and y, standing on the ground.

    The aspect is kept and the longest side fills the cube. Shrinking keeps a voxel where any source
    voxel falls, so that thin legs stay; growing repeats voxels. A grid that already is a cube of
    `resolution` keeps its scale.

    Args:
        voxels: Bool (D, H, W).
        resolution: Side n of the cube in voxels.

    Returns:
        Bool (n, n, n).

    Raises:
        ValueError: No voxel is occupied.
    """
    spans = [np.flatnonzero(voxels.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    if not len(spans[0]):
        raise ValueError("it has no occupied voxel")
    first = [span[0] for span in spans]
    shape = voxels[tuple(slice(span[0], span[-1] + 1) for span in spans)]
    if voxels.shape != (resolution,) * 3:
        scale = resolution / max(shape.shape)
        for axis, length in enumerate(shape.shape):
            shape = _resample(shape, axis, max(1, round(length * scale)))
        first = [0, 0, 0]
    # where the free space is odd, a shape that is in the middle already stays where it is
    spare = [resolution - length for length in shape.shape]
    start = [0] + [int(np.clip(first[a], spare[a] // 2, (spare[a] + 1) // 2)) for a in (1, 2)]
    cube = np.zeros((resolution,) * 3, dtype=bool)
    cube[tuple(slice(s, s + length) for s, length in zip(start, shape.shape, strict=True))] = shape
    return cube


def _resample(voxels: np.ndarray, axis: int, size: int) -> np.ndarray:
    """Resize a bool grid along `axis`: the union of merged voxels, or voxels repeated."""
    length = voxels.shape[axis]
    if size < length:
        return np.logical_or.reduceat(voxels, np.arange(size) * length // size, axis=axis)
    return voxels.take((2 * np.arange(size) + 1) * length // (2 * size), axis=axis)


def voxelise(triangles: np.ndarray, resolution: int) -> np.ndarray:
    """Turn a surface into voxels, fitted into a cube as by `fit_to_cube`.

    A voxel is kept if it is at least half full. So that nothing vanishes, some are kept that are
    not, where something reaches further than a voxel beyond what is kept: where a closed body is
    thinner than a voxel, as a thin leg is, the voxel in its middle; and the voxels that a sheet
    passes through, which has no inside, so that a curtain is one voxel thin.

    Small faults of a mesh don't matter (see `bodies.bodies_and_sheets`). What sheets enclose
    together is filled too, such as a box whose sides have no common edges.

    Args:
        triangles: Corners (F, 3, 3) as (x, y, z), z up, in any unit.
        resolution: Side n of the cube in voxels.

    Returns:
        Bool (n, n, n).

    Raises:
        ValueError: The triangles have no extent or no area, or lie over each other too often.
    """
    bodies, sheets = bodies_and_sheets(_scaled(triangles, resolution))
    share, thin = filled(bodies, resolution)
    inside, shell = _enclosed(sheets, resolution)
    share = np.maximum(share, inside)
    shell |= touched(_far(bodies, share >= HALF), resolution)
    return fit_to_cube(_with_thin_parts(share, thin, shell), resolution)


def coverage(triangles: np.ndarray, resolution: int) -> np.ndarray:
    """Measure how much of each voxel a surface fills, placed as by `voxelise`.

    The sum is the volume in voxels. What has no volume, such as a sheet, fills nothing; where
    bodies overlap, the place is filled once.

    Args:
        triangles: Corners (F, 3, 3) as (x, y, z), z up, in any unit.
        resolution: Side n of the cube in voxels.

    Returns:
        Float32 (n, n, n) in 0..1; half is the surface.

    Raises:
        ValueError: The triangles have no extent or enclose nothing, or lie over each other too
            often.
    """
    bodies, sheets = bodies_and_sheets(_scaled(triangles, resolution))
    share = np.maximum(filled(bodies, resolution)[0], _enclosed(sheets, resolution)[0])
    if not share.any():
        raise ValueError("its faces enclose nothing, so that no voxel is filled; use voxelise")
    return share


def _scaled(triangles: np.ndarray, resolution: int) -> np.ndarray:
    """The triangles in voxels: the longest side is `resolution`, centred in x and y."""
    low = triangles.min(axis=(0, 1))
    extent = triangles.max(axis=(0, 1)) - low
    if not 1e-30 < extent.max() < 1e30:
        raise ValueError(f"its bounding box has the sides {extent.tolist()}, expected one above 0")
    scale = resolution / extent.max()
    triangles = (triangles - low) * scale
    # in the middle of the cube or half a voxel beside it, so that the sides fall between voxels
    whole = np.round(extent[:2] * scale)
    triangles[..., :2] += (resolution - whole) // 2 + (whole - extent[:2] * scale) / 2
    one, two, three = np.moveaxis(triangles, 1, 0)
    if not np.cross(two - one, three - one).any():
        raise ValueError("its faces have no area")
    return triangles


def _with_thin_parts(share: np.ndarray, thin: np.ndarray, shell: np.ndarray) -> np.ndarray:
    """Keep voxels that are half full, and those that thin parts need.

    Args:
        share: Coverage (n, n, n).
        thin: Flat indices (T, 2) of voxels in the middle of thin places, and of their neighbours.
        shell: Bool (n, n, n), what the surface passes through.
    """
    kept = full = share >= HALF
    slim = np.zeros_like(kept)
    slim.flat[thin[~kept.flat[thin].any(axis=1), 0]] = True
    # the edge of something thick is slim too, but beside what is kept
    lost = slim & ~_grown(kept)
    kept = kept | lost | (slim & _grown(lost))
    lost = shell & ~_grown(kept, corners=3)  # a sheet, or a hair between all rays
    kept = kept | lost | (shell & _grown(lost))
    # a hair that some rays hit has no gaps either
    for axis in range(3):
        low, gap, high = (np.moveaxis(kept, axis, 0)[part] for part in THREE)
        thin_side = np.moveaxis(kept & ~full, axis, 0)
        bridge = low & high & (thin_side[THREE[0]] | thin_side[THREE[2]])
        gap |= bridge & np.moveaxis(shell, axis, 0)[THREE[1]]
    return kept


def _far(triangles: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """The triangles (F, 3, 3) that are not small and beside what is kept: most are."""
    x, y, z = np.clip(triangles, 0, len(kept) - 1).astype(np.int64).transpose(2, 0, 1)
    beside = _grown(kept, corners=3)[z, y, x].all(axis=1)
    return triangles[~beside | (np.ptp(triangles, axis=1) > 1).any(axis=1)]


def _grown(voxels: np.ndarray, corners: int = 1) -> np.ndarray:
    """Bool voxels and their neighbours: across faces (1), or also edges and corners (3)."""
    from scipy.ndimage import binary_dilation, generate_binary_structure

    return binary_dilation(voxels, generate_binary_structure(3, corners))


def _enclosed(sheets: np.ndarray, resolution: int) -> tuple[np.ndarray, np.ndarray]:
    """Coverage (n, n, n) by what sheets enclose together, and the voxels that they pass through."""
    from scipy.ndimage import binary_fill_holes

    shell = touched(sheets, resolution)
    room = binary_fill_holes(shell) & ~shell
    inside = room.astype(np.float32)
    if room.any():
        wall = shell & _grown(room, corners=3)
        inside[wall] = filled(sheets, resolution, is_odd)[0][wall]
    return inside, shell
