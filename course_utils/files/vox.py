"""MagicaVoxel's `.vox` format: the file's chunks, read and written.

What a chunk of the scene graph means is in `vox_scene.py`. Lesson 07 writes a chair as `.vox`, and
lesson 08 reads a learner's own. Format: MagicaVoxel's voxel-model repository (ephtracy).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from course_utils.files.atomic import writing
from course_utils.files.door import checked_up, naming, read_bytes, y_up_to_z_up
from course_utils.files.vox_scene import NODES, Cursor, Node, placed_scene

VOX_SIDE = 256  # coordinates are bytes
MAX_CHUNKS = 2**17
MAX_SCENE_BYTES = 2**22  # of all chunks that describe the scene
ORANGE = (0xE0, 0x7B, 0x0A, 0xFF)  # the course's model orange, sRGB
PADDING = b"\0\t\n\r \x1a"  # behind the last chunk
GREY = (0x80, 0x80, 0x80, 0xFF)


@dataclass(frozen=True)
class VoxModel:
    """A grid of coloured voxels, as a `.vox` file holds it."""

    colours: np.ndarray  # uint8 (D, H, W), z up: rows of the palette; 0 where nothing is
    palette: np.ndarray  # uint8 (256, 4): red, green, blue and opacity, sRGB; row 0 is not used

    @property
    def voxels(self) -> np.ndarray:
        """Where there is a voxel, bool (D, H, W)."""
        return self.colours > 0


def read_vox(path: str | Path, up: str = "z") -> np.ndarray:
    """Return the grid of a MagicaVoxel `.vox` file as bool (D, H, W), as `read_vox_model` does.

    Args:
        path: File to read.
        up: Axis that points up in the file: "z", MagicaVoxel's own, or "y".

    Raises:
        ValueError: The file is missing, malformed, hostile or empty.
    """
    return read_vox_model(path, up).voxels


def read_vox_model(path: str | Path, up: str = "z") -> VoxModel:
    """Return a MagicaVoxel `.vox` file's voxels with their colours, at its own resolution.

    A file with a scene graph gives the bounding box of everything visible, each model moved and
    turned as the graph says, as often as it says; of an animation, the first frame counts. A file
    without one gives its first model, in its announced size. A file without colours has
    MagicaVoxel's own palette.

    Args:
        path: File to read.
        up: Axis that points up in the file: "z", MagicaVoxel's own, or "y".

    Raises:
        ValueError: The file is missing, malformed, hostile or empty.
    """
    checked_up(".vox", up)
    data = read_bytes(path)
    with naming(path):
        models, nodes, palette = _vox_content(data)
        if not models:
            raise ValueError("it has no model (SIZE and XYZI chunks)")
        if nodes:
            grid = placed_scene(models, nodes)
        else:
            size, points = models[0]
            grid = np.zeros(size[::-1], dtype=np.uint8)
            grid[points[:, 2], points[:, 1], points[:, 0]] = points[:, 3]
        if not grid.any():
            raise ValueError("it has no occupied voxel")
        return VoxModel(np.ascontiguousarray(y_up_to_z_up(grid) if up == "y" else grid), palette)


def _vox_content(data: bytes) -> tuple[list, dict[int, Node], np.ndarray]:
    """Models as (size, voxels (N, 4): x, y, z, colour), nodes by their number, and the palette."""
    models, nodes, hidden_layers, size, palette = [], {}, set(), None, default_palette()
    scene_bytes = 0
    for name, content in _vox_chunks(data):
        if name in NODES or name == b"LAYR":
            scene_bytes += len(content)
            if scene_bytes > MAX_SCENE_BYTES:
                raise ValueError(f"its scene graph has more than {MAX_SCENE_BYTES} bytes")
        if name == b"SIZE":
            size = _vox_size(content)
        elif name == b"XYZI":
            models.append((size, _vox_points(content, size)))
            size = None
        elif name == b"RGBA":
            palette = _vox_palette(content)
        elif name in NODES:
            cursor = Cursor(content)
            number = cursor.integer()
            nodes[number] = NODES[name](cursor)
        elif name == b"LAYR":
            cursor = Cursor(content)
            layer = cursor.integer()
            if cursor.dictionary().get("_hidden") == "1":
                hidden_layers.add(layer)
    for node in nodes.values():
        node.hidden |= node.layer in hidden_layers
    return models, nodes, palette


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
    if children == 0:  # some writers never fill it in
        end = len(data)
    for _ in range(MAX_CHUNKS):
        if end - position < 12:
            wrong = f"the chunk at byte {position} is cut off"
            break
        name, content, children = struct.unpack_from("<4sii", data, position)
        start = position + 12
        if content < 0 or children < 0 or start + content + children > end:
            left = end - start
            wrong = f"the chunk {name!r} announces {content} + {children} bytes, {left} are left"
            break
        yield name, data[start : start + content]
        position = start + content + children
    else:
        raise ValueError(f"it has more than {MAX_CHUNKS} chunks")
    if data[position:end].strip(PADDING):
        raise ValueError(wrong)


def _vox_size(content: bytes) -> tuple[int, int, int]:
    if len(content) < 12:
        raise ValueError(f"its SIZE chunk has {len(content)} bytes, expected 12")
    size = struct.unpack_from("<iii", content)
    if not 0 <= min(size) <= max(size) <= VOX_SIDE:
        raise ValueError(f"it announces a model of {size} voxels, expected 1 to {VOX_SIDE} a side")
    return size


def _vox_points(content: bytes, size: tuple | None) -> np.ndarray:
    """Return x, y, z and colour of a model's voxels, uint8 (N, 4)."""
    if size is None:
        raise ValueError("an XYZI chunk has no SIZE chunk before it")
    count = Cursor(content).integer()
    if 4 + 4 * count != len(content):
        raise ValueError(f"its XYZI chunk announces {count} voxels, but has {len(content)} bytes")
    voxels = np.frombuffer(content, np.uint8, offset=4).reshape(-1, 4)
    if (voxels[:, :3].max(0, initial=0) >= size).any() and count:
        raise ValueError(f"a voxel lies outside its model's size {size}")
    if empty := count - np.count_nonzero(voxels[:, 3]):
        raise ValueError(
            f"{empty} of a model's {count} voxels have the colour index 0, which MagicaVoxel keeps"
            " for 'empty', so programs disagree whether they are there; count colours from 1 in"
            " the program that wrote it"
        )
    return voxels


def _vox_palette(content: bytes) -> np.ndarray:
    """Return an RGBA chunk as a palette; its first colour is row 1, and its last, unused, row 0."""
    palette = np.roll(default_palette(), -1, axis=0)
    given = np.frombuffer(content, np.uint8, count=min(len(content), 1024) // 4 * 4).reshape(-1, 4)
    palette[: len(given)] = given
    return np.roll(palette, 1, axis=0)


def default_palette() -> np.ndarray:
    """Return the palette of a file without one, uint8 (256, 4): steps of red, green and blue."""
    steps = np.arange(255, -1, -51)
    cube = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1).reshape(-1, 3)
    ramp = np.array([0xEE, 0xDD, 0xBB, 0xAA, 0x88, 0x77, 0x55, 0x44, 0x22, 0x11])[:, None]
    ramps = [ramp * np.array(colour) for colour in ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1))]
    opaque = np.concatenate([cube[:-1], *ramps])  # black is the end of the cube, and left out
    palette = np.zeros((256, 4), np.uint8)
    palette[1:, :3], palette[1:, 3] = opaque, 255
    return palette


def write_vox(path: str | Path, voxels: np.ndarray) -> None:
    """Write a grid as a MagicaVoxel file of one colour, atomically.

    Args:
        path: File to write.
        voxels: Bool (D, H, W), z up, at most 256 voxels along each side, at least one occupied.

    Raises:
        ValueError: `voxels` is anything else. Nothing is written.
    """
    voxels = np.asarray(voxels)
    if voxels.dtype != bool:
        raise ValueError(f"voxels: got {voxels.dtype}, expected bool (D, H, W)")
    palette = np.array([GREY, ORANGE] + [GREY] * 254, np.uint8)
    write_vox_model(path, VoxModel(voxels.astype(np.uint8), palette))


def write_vox_model(path: str | Path, model: VoxModel) -> None:
    """Write coloured voxels as a MagicaVoxel file, atomically.

    Args:
        path: File to write.
        model: At most 256 voxels along each side, at least one occupied.

    Raises:
        ValueError: `model` is anything else. Nothing is written.
    """
    voxels, palette = np.asarray(model.colours), np.asarray(model.palette)
    if (
        voxels.dtype != np.uint8 or voxels.ndim != 3 or not voxels.any()
        or max(voxels.shape) > VOX_SIDE
    ):  # fmt: skip
        raise ValueError(
            f"voxels: got {voxels.dtype} of shape {voxels.shape} with {np.count_nonzero(voxels)}"
            f" occupied, expected (D, H, W), at most {VOX_SIDE} a side, at least one occupied"
        )
    if palette.dtype != np.uint8 or palette.shape != (256, 4):
        raise ValueError(
            f"palette: got {palette.dtype} of shape {palette.shape}, expected uint8 (256, 4)"
        )
    points = np.argwhere(voxels)[:, ::-1].astype(np.uint8)  # x, y, z
    points = np.column_stack([points, voxels[voxels > 0]])
    chunks = b"".join(
        struct.pack("<4sii", name, len(content), 0) + content
        for name, content in (
            (b"SIZE", struct.pack("<iii", *voxels.shape[::-1])),
            (b"XYZI", struct.pack("<i", len(points)) + points.tobytes()),
            (b"RGBA", np.roll(palette, -1, axis=0).tobytes()),
        )
    )
    with writing(path) as temporary:
        temporary.write_bytes(
            struct.pack("<4si4sii", b"VOX ", 150, b"MAIN", 0, len(chunks)) + chunks
        )
