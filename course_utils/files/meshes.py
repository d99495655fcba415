"""Meshes read from `.obj`, `.stl`, `.ply`, `.glb` and `.off`, and written for other programs.

Each format has a reader of our own: trimesh names no lines, and hostile files cost it minutes and
gigabytes. Textures, and other files that a mesh refers to, stay closed. `export` makes the bytes
that are written.
Lesson 07 writes a chair in each format and reads it back; lessons 00 and 08 write what a model
drew.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from course_utils.files.atomic import writing
from course_utils.files.door import checked_up, known_suffix, naming, read_bytes
from course_utils.files.export import glb_bytes, obj_bytes, stl_bytes
from course_utils.files.glb import glb_triangles
from course_utils.files.materials import Look
from course_utils.files.obj import obj_triangles
from course_utils.files.off import off_triangles
from course_utils.files.ply import ply_triangles
from course_utils.files.sizes import UNITS, measured, side_for
from course_utils.files.stl import stl_triangles

if TYPE_CHECKING:
    import trimesh

SUFFIXES = tuple(UNITS)  # that save_mesh writes

READERS = {
    ".obj": obj_triangles, ".stl": stl_triangles, ".ply": ply_triangles,
    ".glb": glb_triangles, ".off": off_triangles,
}  # fmt: skip


def read_triangles(path: str | Path, up: str | None = None) -> np.ndarray:
    """Return the triangles of a mesh file, float64 (F, 3 corners, 3), as (x, y, z) with z up.

    The units are the file's. Textures and files that it refers to are not opened.

    Args:
        path: File to read.
        up: Axis that points up in the file, "y" or "z"; None for the format's convention, `UP`.

    Raises:
        ValueError: The file is missing, malformed or hostile, or has no face.
    """
    suffix = known_suffix(path)
    up = checked_up(suffix, up)
    data = read_bytes(path)
    with naming(path), np.errstate(all="ignore"):  # what is not finite is refused, not warned of
        triangles = READERS[suffix](data)
        if not len(triangles):
            raise ValueError("it has no faces")
        if not np.isfinite(triangles).all():
            raise ValueError("a vertex is not a finite number")
    if up == "y":
        y, z = triangles[..., 1].copy(), triangles[..., 2]
        triangles[..., 1], triangles[..., 2] = -z, y
    return triangles


def save_mesh(
    mesh: "trimesh.Trimesh",
    path: str | Path,
    scale: float | None = None,
    *,
    size: str | None = None,
    look: Look | None = None,
) -> str:
    """Write a mesh as `.glb`, `.obj` or `.stl`, atomically.

    The middle of the cube's floor becomes the origin, so that a shape stands where it is put. A
    `.glb` (by its standard) and an `.obj` (by its readers' habit) are in metres and y up with the
    front towards +z; an `.stl` is in millimetres, as slicers read it, and z up.

    With a look, a `.glb` has its materials and normals, an `.obj` too, with an `.mtl` beside it.
    Without one a `.glb` is clay, and its vertices are doubled along sharp edges: weld it before you
    count holes.

    Args:
        mesh: Vertices (x, y, z) in the unit cube, z up.
        path: File to write; the suffix chooses the format.
        scale: Side of the cube in the file's unit, in the place of a size.
        size: The mesh's longest side with its unit (mm, cm, m, in), such as "80mm"; by default 1 m,
            and 80 mm in an `.stl`.
        look: Its materials and normals; an `.stl` holds none.

    Returns:
        Width, depth and height in the file, such as "80 x 75.3 x 80 mm".

    Raises:
        ValueError: Another suffix, an empty or non-finite mesh, scale <= 0, a size without a unit,
            both a scale and a size, or a look that does not fit the mesh.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(
            f"path: {str(path)!r} has the suffix {path.suffix!r}, expected one of"
            f" {', '.join(SUFFIXES)}"
        )
    if not len(mesh.faces) or not np.isfinite(mesh.vertices).all():
        raise ValueError(
            f"mesh: got {len(mesh.faces)} faces, expected at least one, on finite vertices"
        )
    if scale is None:
        scale = side_for(size, mesh, suffix)
    elif size is not None:
        raise ValueError(f"scale is {scale} and size {size!r}; expected one of them")
    if not 0 < scale < np.inf:
        raise ValueError(f"scale: got {scale}, expected the cube's side in the file, above 0")
    if look is not None:
        _check_look(look, mesh)
        if suffix == ".obj" and not path.name.isprintable():
            raise ValueError(f"path: {str(path)!r} would be named in the .obj; use letters")
    placed = mesh.copy()
    placed.vertices = (mesh.vertices - [0.5, 0.5, 0.0]) * scale
    if suffix != ".stl":
        placed.vertices = _y_up(placed.vertices)
        look = look and look._replace(normals=_y_up(look.normals))
    extents = measured(mesh, scale, suffix)
    convention = (
        f"Noise to Shape: {extents} (width, depth, height), y up, origin in the middle of its floor"
    )
    materials, library = None, path.with_suffix(".mtl")
    if suffix == ".glb":
        data = glb_bytes(placed, look, convention)
    elif suffix == ".obj":
        data, materials = obj_bytes(placed, look, convention, library.name)
    else:
        data = stl_bytes(placed, extents)
    for file, content in ((library, materials), (path, data)):
        if content is not None:
            with writing(file) as temporary:
                temporary.write_bytes(content)
    return extents


def _y_up(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors)[:, [0, 2, 1]] * [1.0, 1.0, -1.0]


def _check_look(look: Look, mesh: "trimesh.Trimesh") -> None:
    slots, normals = np.asarray(look.slots), np.asarray(look.normals)
    if slots.shape != (len(mesh.faces),) or normals.shape != mesh.vertices.shape:
        raise ValueError(
            f"look: slots of shape {slots.shape} and normals {normals.shape}, expected"
            f" ({len(mesh.faces)},) and {mesh.vertices.shape}"
        )
    if slots.dtype.kind not in "iu" or slots.min() < 1 or slots.max() > len(look.palette):
        raise ValueError(
            f"look: slots are {slots.dtype} from {slots.min()} to {slots.max()}, expected whole"
            f" numbers from 1 to {len(look.palette)}, for the materials of its palette"
        )
