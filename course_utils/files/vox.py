"""MagicaVoxel's `.vox` format: the file's chunks, read and written.

What a chunk of the scene graph means is in `vox_scene.py`. Lesson 07 writes a chair as `.vox`, and
lesson 08 reads a learner's own. Format: MagicaVoxel's voxel-model repository (ephtracy).
"""

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from course_utils.files.atomic import writing
from course_utils.files.door import checked_up, naming, read_bytes, y_up_to_z_up
from course_utils.files.vox_scene import NODES, Cursor, Node, placed_scene

VOX_SIDE = 256  # coordinates are bytes
MAX_SCENE_NODES = 2**16
ORANGE = (0xE0, 0x7B, 0x0A, 0xFF)  # the course's model orange, sRGB


def read_vox(path: str | Path, up: str = "z") -> np.ndarray:
    """Return the grid of a MagicaVoxel `.vox` file as bool (D, H, W), z up, at its own resolution.

    A file with a scene graph gives the bounding box of everything visible, each model moved and
    turned as the graph says; of an animation, the first frame counts. A file without one gives its
    first model, in its announced size.

    Args:
        path: File to read.
        up: Axis that points up in the file: "z", MagicaVoxel's own, or "y".

    Raises:
        ValueError: The file is missing, malformed, hostile or empty.
    """
    checked_up(".vox", up)
    data = read_bytes(path)
    with naming(path):
        models, nodes = _vox_content(data)
        if not models:
            raise ValueError("it has no model (SIZE and XYZI chunks)")
        if nodes:
            grid = placed_scene(models, nodes)
        else:
            size, points = models[0]
            grid = np.zeros(size[::-1], dtype=bool)
            grid[tuple(points.T[::-1])] = True
        if not grid.any():
            raise ValueError("it has no occupied voxel")
        return np.ascontiguousarray(y_up_to_z_up(grid) if up == "y" else grid)


def _vox_content(data: bytes) -> tuple[list, dict[int, Node]]:
    """Models as (size (3,), points (N, 3)), both x, y, z, and the visible nodes by their number."""
    models, nodes, hidden_layers, size = [], {}, set(), None
    for name, content in _vox_chunks(data):
        if name == b"SIZE":
            size = _vox_size(content)
        elif name == b"XYZI":
            models.append((size, _vox_points(content, size)))
            size = None
        elif name in (b"nTRN", b"nGRP", b"nSHP"):
            cursor = Cursor(content)
            number = cursor.integer()
            nodes[number] = NODES[name](cursor)
            if len(nodes) > MAX_SCENE_NODES:
                raise ValueError(f"its scene has more than {MAX_SCENE_NODES} nodes")
        elif name == b"LAYR":
            cursor = Cursor(content)
            layer = cursor.integer()
            if cursor.dictionary().get("_hidden") == "1":
                hidden_layers.add(layer)
    return models, {
        k: node for k, node in nodes.items() if not (node.hidden or node.layer in hidden_layers)
    }


def _vox_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of every chunk inside MAIN, each checked to lie inside its parent."""
    if data[:4] != b"VOX " or len(data) < 20 or data[8:12] != b"MAIN":
        raise ValueError("no 'VOX ' header followed by a MAIN chunk at its start")
    content, children = struct.unpack_from("<ii", data, 12)
    position, end = 20 + content, 20 + content + children
    if content < 0 or children < 0 or end > len(data):
        raise ValueError(
            f"its MAIN chunk announces {content} + {children} bytes, the file has {len(data) - 20}"
        )
    while position < end:
        if end - position < 12:
            raise ValueError(f"the chunk at byte {position} is cut off")
        name, content, children = struct.unpack_from("<4sii", data, position)
        start = position + 12
        position = start + content + children
        if content < 0 or children < 0 or position > end:
            raise ValueError(
                f"the chunk {name!r} announces {content} + {children} bytes, {end - start} are left"
            )
        yield name, data[start : start + content]


def _vox_size(content: bytes) -> tuple[int, int, int]:
    if len(content) != 12:
        raise ValueError(f"its SIZE chunk has {len(content)} bytes, expected 12")
    size = struct.unpack("<iii", content)
    if not 1 <= min(size) <= max(size) <= VOX_SIDE:
        raise ValueError(f"it announces a model of {size} voxels, expected 1 to {VOX_SIDE} a side")
    return size


def _vox_points(content: bytes, size: tuple | None) -> np.ndarray:
    """Coordinates x, y, z of a model's voxels, int64 (N, 3)."""
    if size is None:
        raise ValueError("an XYZI chunk has no SIZE chunk before it")
    count = Cursor(content).integer()
    if 4 + 4 * count != len(content):
        raise ValueError(f"its XYZI chunk announces {count} voxels, but has {len(content)} bytes")
    voxels = np.frombuffer(content, np.uint8, offset=4).reshape(-1, 4)
    if (voxels[:, :3] >= np.array(size)).any():
        raise ValueError(f"a voxel lies outside its model's size {size}")
    if (voxels[:, 3] == 0).any():
        raise ValueError("a voxel has the colour index 0, which MagicaVoxel keeps for 'empty'")
    return voxels[:, :3].astype(np.int64)


def write_vox(path: str | Path, voxels: np.ndarray) -> None:
    """Write a grid as a MagicaVoxel file of one colour, atomically.

    Args:
        path: File to write.
        voxels: Bool (D, H, W), z up, at most 256 voxels along each side, at least one occupied.

    Raises:
        ValueError: `voxels` is anything else. Nothing is written.
    """
    voxels = np.asarray(voxels)
    if voxels.dtype != bool or voxels.ndim != 3 or not voxels.any() or max(voxels.shape) > VOX_SIDE:
        raise ValueError(
            f"voxels: got {voxels.dtype} of shape {voxels.shape} with {np.count_nonzero(voxels)}"
            f" occupied, expected bool (D, H, W), at most {VOX_SIDE} a side, at least one occupied"
        )
    points = np.argwhere(voxels)[:, ::-1].astype(np.uint8)  # x, y, z
    colour = np.ones(len(points), np.uint8)  # index 1 is the palette's first colour
    points = np.column_stack([points, colour])
    palette = bytes(ORANGE) + bytes((0x80, 0x80, 0x80, 0xFF)) * 255
    chunks = b"".join(
        struct.pack("<4sii", name, len(content), 0) + content
        for name, content in (
            (b"SIZE", struct.pack("<iii", *voxels.shape[::-1])),
            (b"XYZI", struct.pack("<i", len(points)) + points.tobytes()),
            (b"RGBA", palette),
        )
    )
    with writing(path) as temporary:
        temporary.write_bytes(
            struct.pack("<4si4sii", b"VOX ", 150, b"MAIN", 0, len(chunks)) + chunks
        )
