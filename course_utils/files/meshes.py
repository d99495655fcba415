"""Meshes read from `.obj`, `.stl`, `.ply`, `.glb` and `.off`, and written for other programs.

A mesh file is checked before trimesh parses it, and everything it refers to (textures, other files)
stays closed. Lesson 07 writes a chair in each format and reads it back; lessons 00 and 08 write
what a model drew.
"""

import io
import json
import re
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from course_utils.files.atomic import writing
from course_utils.files.door import MAX_UNPACKED_BYTES, checked_up, known_suffix, naming, read_bytes
from course_utils.files.sizes import UNITS, measured, side_for

if TYPE_CHECKING:
    import trimesh

MAX_FACES = 2_000_000  # copies counted
SUFFIXES = tuple(UNITS)  # that save_mesh writes
ORANGE = (190, 51, 1, 255)  # the course's model orange #E07B0A, linear as glTF wants it
SHARP = np.radians(80)  # edges that bend more are drawn sharp, so that blocks stay blocks


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
    with naming(path):
        triangles = _triangles(data, suffix)
        return triangles[..., [0, 2, 1]] * [1.0, -1.0, 1.0] if up == "y" else triangles


def _triangles(data: bytes, suffix: str) -> np.ndarray:
    """Return all triangles (F, 3, 3) of a file's scene: finite, at least one, at most MAX_FACES."""
    import trimesh

    if suffix == ".ply":
        _check_ply(data)
    elif suffix == ".glb":
        _check_glb(data)
    # from memory and without a resolver: the file can't make trimesh open another one
    scene = trimesh.load(
        io.BytesIO(data), file_type=suffix[1:], force="scene", process=False, skip_materials=True
    )
    parts, total = [], 0
    for node in scene.graph.nodes_geometry:
        transform, name = scene.graph[node]
        mesh = scene.geometry[name]
        faces = np.asarray(getattr(mesh, "faces", ()))
        total += len(faces)
        if total > MAX_FACES:
            raise ValueError(f"it has more than {MAX_FACES} faces; simplify it first")
        if not len(faces):
            continue
        if faces.min() < 0 or faces.max() >= len(mesh.vertices):
            raise ValueError(
                f"a face asks for vertex {faces.max()}, but there are {len(mesh.vertices)}"
            )
        corners = np.asarray(mesh.vertices, dtype=np.float64)[faces]
        with np.errstate(all="ignore"):  # what is not finite is refused below
            parts.append(corners @ transform[:3, :3].T + transform[:3, 3])
    if not parts:
        raise ValueError("it has no faces")
    triangles = np.concatenate(parts)
    if not np.isfinite(triangles).all():
        raise ValueError("a vertex is not a finite number")
    return triangles


def _check_ply(data: bytes) -> None:
    """Refuse a header without an end, or with more elements than the file has bytes."""
    header = re.match(rb"ply\r?\n(.*?\n)?end_header\r?\n", data[: 2**16], re.DOTALL)
    if header is None:
        raise ValueError("no PLY header that ends with 'end_header' at its start")
    for number in re.findall(rb"^element +\S+ +(\S+)", header[0], re.MULTILINE):
        if not 0 <= int(number) <= len(data):
            raise ValueError(f"its header announces {int(number)} elements in {len(data)} bytes")


def _check_glb(data: bytes) -> None:
    """Refuse lengths that do not hold, and accessors that unpack to too many bytes."""
    if len(data) < 20 or data[:4] != b"glTF" or data[16:20] != b"JSON":
        raise ValueError("no binary glTF header at its start")
    version, length, json_length = struct.unpack_from("<III", data, 4)
    if version != 2 or length != len(data) or json_length > length - 20:
        raise ValueError(
            f"its header announces version {version} and {length} bytes, it has {len(data)} bytes"
        )
    accessors = json.loads(data[20 : 20 + json_length]).get("accessors", [])
    numbers = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
    counts = [accessor["count"] for accessor in accessors]
    if any(not isinstance(count, int) or count < 0 for count in counts):
        raise ValueError("an accessor's count is not a whole number")
    unpacked = sum(
        4 * count * numbers[a["type"]] for count, a in zip(counts, accessors, strict=True)
    )
    if unpacked > MAX_UNPACKED_BYTES:
        raise ValueError(
            f"its accessors unpack to {unpacked} bytes, expected at most {MAX_UNPACKED_BYTES}"
        )


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
