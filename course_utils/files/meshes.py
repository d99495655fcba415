"""Meshes read from `.obj`, `.stl`, `.ply`, `.glb` and `.off`, and written for other programs.

Each format has a reader of our own: trimesh names no lines, and hostile files cost it minutes and
gigabytes. It writes what we save. Textures, and other files that a mesh refers to, stay closed.
Lesson 07 writes a chair in each format and reads it back; lessons 00 and 08 write what a model
drew.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from course_utils.files.atomic import writing
from course_utils.files.door import checked_up, known_suffix, naming, read_bytes
from course_utils.files.glb import glb_triangles
from course_utils.files.obj import obj_triangles
from course_utils.files.off import off_triangles
from course_utils.files.ply import ply_triangles
from course_utils.files.sizes import UNITS, measured, side_for
from course_utils.files.stl import stl_triangles

if TYPE_CHECKING:
    import trimesh

SUFFIXES = tuple(UNITS)  # that save_mesh writes
ORANGE = (190, 51, 1, 255)  # the course's model orange #E07B0A, linear as glTF wants it
SHARP = np.radians(80)  # edges that bend more are drawn sharp, so that blocks stay blocks


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
) -> str:
    """Write a mesh as `.glb`, `.obj` or `.stl`, atomically.

    The middle of the cube's floor becomes the origin, so that a shape stands where it is put. A
    `.glb` (by its standard) and an `.obj` (by its readers' habit) are in metres and y up with the
    front towards +z; an `.stl` is in millimetres, as slicers read it, and z up. The glb has a
    material and normals, and its vertices are doubled along sharp edges: weld it before you count
    holes.

    Args:
        mesh: Vertices (x, y, z) in the unit cube, z up.
        path: File to write; the suffix chooses the format.
        scale: Side of the cube in the file's unit, in the place of a size.
        size: The mesh's longest side with its unit (mm, cm, m, in), such as "80mm"; by default 1 m,
            and 80 mm in an `.stl`.

    Returns:
        Width, depth and height in the file, such as "80 x 75.3 x 80 mm".

    Raises:
        ValueError: Another suffix, an empty or non-finite mesh, scale <= 0, a size without a unit,
            or both a scale and a size.
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
    placed = mesh.copy()
    placed.vertices = (mesh.vertices - [0.5, 0.5, 0.0]) * scale
    if suffix != ".stl":
        placed.vertices = placed.vertices[:, [0, 2, 1]] * [1.0, 1.0, -1.0]
    extents = measured(mesh, scale, suffix)
    data = {".glb": _glb, ".obj": _obj, ".stl": _stl}[suffix](placed, extents)
    with writing(path) as temporary:
        temporary.write_bytes(data)
    return extents


def _glb(mesh: "trimesh.Trimesh", extents: str) -> bytes:
    from trimesh import Scene
    from trimesh.exchange.gltf import export_glb
    from trimesh.graph import smooth_shade
    from trimesh.visual import TextureVisuals
    from trimesh.visual.material import PBRMaterial

    shaded = smooth_shade(mesh, angle=SHARP, facet_minarea=None)
    material = PBRMaterial(
        name="clay", baseColorFactor=ORANGE, metallicFactor=0.0, roughnessFactor=0.8
    )
    shaded.metadata.clear()  # trimesh lists every face there
    shaded.visual = TextureVisuals(material=material)
    scene = Scene({"shape": shaded}, metadata={"convention": _convention(extents)})
    return export_glb(scene, include_normals=True)


def _obj(mesh: "trimesh.Trimesh", extents: str) -> bytes:
    from trimesh.exchange.obj import export_obj

    plain = {"include_normals": False, "include_color": False, "include_texture": False}
    return export_obj(mesh, header=_convention(extents), **plain).encode()


def _stl(mesh: "trimesh.Trimesh", extents: str) -> bytes:
    from trimesh.exchange.stl import export_stl

    header = f"Noise to Shape: {extents}, z up, origin in the middle of its floor".encode()
    return header[:80].ljust(80) + export_stl(mesh)[80:]


def _convention(extents: str) -> str:
    return (
        f"Noise to Shape: {extents} (width, depth, height), y up, origin in the middle of its floor"
    )
