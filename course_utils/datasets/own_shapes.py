"""A learner's own shapes: a file of voxels or a mesh becomes a grid that the models take.

`read_voxels` reads any of them as yes or no, `read_coverage` a mesh as how much of each voxel is
filled.

Lesson 07 reads a chair back from four formats; `files` holds the readers of each.
"""

from pathlib import Path

import numpy as np

from course_utils.files.binvox import read_binvox
from course_utils.files.door import checked_up, known_suffix, naming, y_up_to_z_up
from course_utils.files.meshes import read_triangles
from course_utils.files.npz import read_npz
from course_utils.files.vox import read_vox
from course_utils.geometry.voxelise import coverage, fit_to_cube, voxelise

MAX_RESOLUTION = 256  # voxels along one side of the cube


def read_voxels(path: str | Path, resolution: int = 32, up: str | None = None) -> np.ndarray:
    """Return the shape in a file, z up, in a cube of voxels.

    The aspect is kept, the longest side fills the cube, and the shape stands on the ground, centred
    in x and y. A grid that already is a cube of `resolution` keeps its scale and is only moved.

    Args:
        path: An .npz with one shape, a .vox, .binvox, .obj, .stl, .ply, .glb or .off.
        resolution: Side n of the cube in voxels, from 2 to 256.
        up: Axis that points up in the file, "y" or "z"; None for the format's convention,
            `files.door.UP`.

    Returns:
        Bool (n, n, n).

    Raises:
        ValueError: The file is missing, malformed, hostile or empty, or its suffix is unknown.
    """
    suffix = known_suffix(path)
    _check_resolution(resolution)
    up = checked_up(suffix, up)
    if suffix == ".npz":
        archive = read_npz(path)
        if len(archive) != 1:
            raise ValueError(
                f"path: {str(path)!r} holds {len(archive)} shapes, expected one; use read_npz and"
                " choose"
            )
        grid = archive.voxels()[0] if up == "z" else y_up_to_z_up(archive.voxels()[0])
    elif suffix == ".vox":
        grid = read_vox(path, up)
    elif suffix == ".binvox":
        grid = read_binvox(path, up)
    else:
        return read_mesh(path, resolution, up)
    with naming(path):
        return fit_to_cube(grid, resolution)


def read_mesh(path: str | Path, resolution: int = 32, up: str | None = None) -> np.ndarray:
    """Return a mesh in a file as voxels; closed meshes become solid, open sheets one voxel thin.

    Args:
        path: An .obj, .stl, .ply, .glb or .off.
        resolution: Side n of the cube in voxels, from 2 to 256.
        up: Axis that points up in the file, "y" or "z"; None for the format's convention.

    Returns:
        Bool (n, n, n), fitted as by `read_voxels`. `geometry.voxelise.voxelise` says which voxels
        are kept.

    Raises:
        ValueError: The file is missing, malformed or hostile, or its surface has no area.
    """
    _check_resolution(resolution)
    triangles = read_triangles(path, up)
    with naming(path):
        return voxelise(triangles, resolution)


def read_coverage(path: str | Path, resolution: int = 32, up: str | None = None) -> np.ndarray:
    """Return how much of each voxel a mesh in a file fills; the sum is its volume in voxels.

    Args:
        path: An .obj, .stl, .ply, .glb or .off.
        resolution: Side n of the cube in voxels, from 2 to 256.
        up: Axis that points up in the file, "y" or "z"; None for the format's convention.

    Returns:
        Float32 (n, n, n) in 0..1, placed as by `read_mesh`; half is the surface.

    Raises:
        ValueError: The file is missing, malformed or hostile, or its surface encloses nothing.
    """
    _check_resolution(resolution)
    triangles = read_triangles(path, up)
    with naming(path):
        return coverage(triangles, resolution)


def _check_resolution(resolution: int) -> None:
    if not isinstance(resolution, int | np.integer) or not 2 <= resolution <= MAX_RESOLUTION:
        raise ValueError(
            f"resolution: got {resolution!r}, expected a whole number from 2 to {MAX_RESOLUTION}"
        )
