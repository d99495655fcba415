"""Shapes fitted into a cube of voxels: grids scaled, triangles sampled and filled.

A learner's own shapes come through here (`datasets.own_shapes`), and lesson 07 shows what survives.
"""

from typing import TYPE_CHECKING

import numpy as np

from course_utils.geometry.surface import is_watertight

if TYPE_CHECKING:
    import trimesh

SURFACE_POINTS, MAX_SURFACE_POINTS = 20_000, 2_000_000  # samples on the surface of a mesh


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

    Points on the surface, 20,000 or 16 per voxel face, mark the shell. What it encloses is filled,
    so closed meshes become solid and open sheets stay one voxel thin.

    Args:
        triangles: Corners (F, 3, 3) as (x, y, z), z up, in any unit.
        resolution: Side n of the cube in voxels.

    Returns:
        Bool (n, n, n).

    Raises:
        ValueError: The triangles have no extent or no area.
    """
    from scipy.ndimage import binary_fill_holes
    from trimesh.sample import sample_surface

    mesh = _scaled_mesh(triangles, resolution)
    count = int(np.clip(16 * mesh.area, SURFACE_POINTS, MAX_SURFACE_POINTS))
    surface, face = sample_surface(mesh, count, seed=0)
    if is_watertight(mesh):
        # half a voxel inwards: else every voxel that it touches counts, and walls grow thicker
        surface -= np.sign(mesh.volume) / 2 * mesh.face_normals[face]
    x, y, z = np.clip(surface.astype(np.int64), 0, resolution - 1).T
    shell = np.zeros((resolution,) * 3, dtype=bool)
    shell[z, y, x] = True
    return fit_to_cube(binary_fill_holes(shell), resolution)


def _scaled_mesh(triangles: np.ndarray, resolution: int) -> "trimesh.Trimesh":
    """Weld triangles to a mesh in voxels: longest side `resolution`, centred in x and y."""
    from trimesh import Trimesh

    low = triangles.min(axis=(0, 1))
    extent = triangles.max(axis=(0, 1)) - low
    if not 1e-30 < extent.max() < 1e30:
        raise ValueError(f"its bounding box has the sides {extent.tolist()}, expected one above 0")
    scale = resolution / extent.max()
    triangles = (triangles - low) * scale
    # in the middle of the cube or half a voxel beside it, so that the sides fall between voxels
    whole = np.round(extent[:2] * scale)
    triangles[..., :2] += (resolution - whole) // 2 + (whole - extent[:2] * scale) / 2
    mesh = Trimesh(
        triangles.reshape(-1, 3), np.arange(3 * len(triangles)).reshape(-1, 3), process=False
    )
    mesh.merge_vertices(digits_vertex=5)
    if not mesh.area > 0:
        raise ValueError("its faces have no area")
    return mesh
