"""Surfaces as the bytes of a `.glb`, an `.obj` with its `.mtl`, or an `.stl`.

`meshes.save_mesh` is the door: it checks, places and measures. Here vertices are in the file's own
units and axes.
"""

import json
import struct
from typing import TYPE_CHECKING

import numpy as np

from course_utils.files.materials import CLAY, Look, Material, linear, rgb

if TYPE_CHECKING:
    import trimesh

SHARP = np.radians(80)  # edges that bend more are drawn sharp, so that blocks stay blocks
FLOAT, UNSIGNED = 5126, 5125  # glTF's componentType
VERTICES, INDICES = 34962, 34963  # glTF's bufferView.target


def glb_bytes(mesh: "trimesh.Trimesh", look: Look | None, convention: str) -> bytes:
    """Return a binary glTF 2.0: one mesh, with a primitive for each slot that the look has.

    The primitives share positions and normals, so that no border opens. Without a look the mesh is
    clay, its normals follow the faces, and its vertices are doubled along sharp edges.

    Args:
        mesh: y up, in metres.
        look: Of the mesh.
        convention: What units and axes are, for whoever reads the file.
    """
    if look is None:
        mesh, look = _clay(mesh)
    parts = _parts(look)
    arrays = [np.asarray(mesh.vertices, "<f4"), np.asarray(look.normals, "<f4")]
    arrays += [np.asarray(mesh.faces[rows].ravel(), "<u4") for _, _, rows in parts]
    views, accessors = _places(arrays)
    accessors[0] |= {"min": arrays[0].min(0).tolist(), "max": arrays[0].max(0).tolist()}
    shared = {"POSITION": 0, "NORMAL": 1}
    primitives = [
        {"attributes": shared, "indices": 2 + number, "material": number}
        for number in range(len(parts))
    ]
    document = {
        "asset": {"version": "2.0", "generator": "Noise to Shape"},
        "scene": 0,
        "scenes": [{"nodes": [0], "extras": {"convention": convention}}],
        "nodes": [{"mesh": 0, "name": "shape"}],
        "meshes": [{"name": "shape", "primitives": primitives}],
        "materials": [_gltf_material(name, material) for name, material, _ in parts],
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": sum(array.nbytes for array in arrays)}],
    }
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    binary = b"".join(array.tobytes() for array in arrays)  # numbers of 4 bytes: no padding
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    chunks += struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def _places(arrays: list[np.ndarray]) -> tuple[list[dict], list[dict]]:
    """Return the bufferViews and accessors of vectors (N, 3) and indices (N,), in one buffer."""
    views, accessors, offset = [], [], 0
    for number, array in enumerate(arrays):
        target, kind, width = (
            (INDICES, UNSIGNED, "SCALAR") if array.ndim == 1 else (VERTICES, FLOAT, "VEC3")
        )
        length = array.nbytes
        views.append({"buffer": 0, "byteOffset": offset, "byteLength": length, "target": target})
        accessors.append(
            {"bufferView": number, "componentType": kind, "count": len(array), "type": width}
        )
        offset += length
    return views, accessors


def _gltf_material(name: str, material: Material) -> dict:
    return {
        "name": name,
        "pbrMetallicRoughness": {
            "baseColorFactor": [*linear(material.colour), 1.0],
            "metallicFactor": material.metallic,
            "roughnessFactor": material.roughness,
        },
    }


def _clay(mesh: "trimesh.Trimesh") -> tuple["trimesh.Trimesh", Look]:
    from trimesh.graph import smooth_shade

    shaded = smooth_shade(mesh, angle=SHARP, facet_minarea=None)
    return shaded, Look({"": CLAY}, np.ones(len(shaded.faces), int), shaded.vertex_normals)


def _parts(look: Look) -> list[tuple[str, Material, np.ndarray]]:
    """Return name, material and rows of faces for each slot that has faces."""
    parts = []
    for number, (slot, material) in enumerate(look.palette.items(), start=1):
        rows = np.flatnonzero(np.asarray(look.slots) == number)
        if len(rows):
            parts.append((f"{slot} ({material.name})" if slot else material.name, material, rows))
    return parts


def obj_bytes(
    mesh: "trimesh.Trimesh", look: Look | None, convention: str, library: str
) -> tuple[bytes, bytes | None]:
    """Return a Wavefront `.obj`, and its `.mtl` if there is a look.

    `Kd` is sRGB. The format's specification names no colour space; three.js, Godot and slicers read
    sRGB, while Blender reads light, and shows these colours too pale: give it the `.glb`.

    Args:
        mesh: y up.
        look: Of the mesh.
        convention: What units and axes are, for whoever reads the file.
        library: The file name of the `.mtl`.
    """
    lines = [f"# {convention}"]
    if look is None:
        lines += [*_rows("v", mesh.vertices), *_faces(mesh.faces, "{0}")]
        return _text(lines), None
    lines += [f"mtllib {library}", *_rows("v", mesh.vertices), *_rows("vn", look.normals)]
    materials = [f"# the materials of {library.removesuffix('.mtl')}.obj; Kd is sRGB"]
    for name, material, rows in _parts(look):
        plain = name.replace(" (", "-").replace(" ", "-").rstrip(")")  # names have no blanks here
        lines += [f"usemtl {plain}", *_faces(mesh.faces[rows], "{0}//{0}")]
        colour = " ".join(f"{value / 255:.6f}" for value in rgb(material.colour))
        materials += [f"newmtl {plain}", f"Kd {colour}", "illum 1"]
        materials += [f"Pm {material.metallic:g}", f"Pr {material.roughness:g}"]
    return _text(lines), _text(materials)


def _rows(name: str, values: np.ndarray) -> list[str]:
    """Return a line for each of the points or normals (N, 3)."""
    return [f"{name} {x:.8f} {y:.8f} {z:.8f}" for x, y, z in np.asarray(values).tolist()]


def _faces(faces: np.ndarray, corner: str) -> list[str]:
    """Return a line for each face (F, 3); `corner` says how a vertex is named, counted from 1."""
    line = f"f {corner} {corner.replace('0', '1')} {corner.replace('0', '2')}"
    return [line.format(*one) for one in (np.asarray(faces) + 1).tolist()]


def _text(lines: list[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()


def stl_bytes(mesh: "trimesh.Trimesh", extents: str) -> bytes:
    """Return a binary `.stl`; it holds no colours.

    Args:
        mesh: z up.
        extents: Width, depth and height, for the header.
    """
    from trimesh.exchange.stl import export_stl

    header = f"Noise to Shape: {extents}, z up, origin in the middle of its floor".encode()
    return header[:80].ljust(80) + export_stl(mesh)[80:]
