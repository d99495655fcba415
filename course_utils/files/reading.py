"""Shapes from files and back: packed `.npz`, `.vox`, `.binvox`, and the meshes `.obj .stl .ply .glb
.off`.

Lesson 08 reads a learner's own shapes with it. A file is a stranger: every length that it announces
is compared with the file itself and with the limits below before memory is taken, and what does not
hold is a ValueError that names the file and the reason. Formats: MagicaVoxel's voxel-model
repository (ephtracy), binvox (Patrick Min), numpy's NEP 1.
"""

import io
import json
import math
import re
import struct
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from course_utils.files.atomic import writing
from course_utils.geometry.surface import is_watertight

if TYPE_CHECKING:
    import trimesh

MAX_FILE_BYTES = 64 * 2**20  # of a .vox, .binvox or mesh file
MAX_ARCHIVE_BYTES = 256 * 2**20  # of an .npz on the disk
MAX_UNPACKED_BYTES = (
    512 * 2**20
)  # of an .npz's used arrays, or of the accessors of a .glb, once unpacked
MAX_SIDE = 512  # voxels along one side of any grid
MAX_RESOLUTION = 256  # of the cube that a file is fitted into
MAX_SCENE_VOXELS = 2**24  # of a .vox scene, copies counted
MAX_SCENE_NODES = 2**16
MAX_FACES = 2_000_000  # of a mesh, copies counted
SURFACE_POINTS, MAX_SURFACE_POINTS = 20_000, 2_000_000  # samples that voxelise a mesh
VOX_SIDE = 256  # MagicaVoxel's coordinates are bytes
VOX_ORANGE = (0xE0, 0x7B, 0x0A, 0xFF)

UP = {  # the axis that points up, by each format's convention or its usual writers
    ".npz": "z", ".vox": "z", ".binvox": "y",
    ".glb": "y", ".obj": "y", ".stl": "z", ".ply": "z", ".off": "z",
}  # fmt: skip


def read_voxels(path: str | Path, resolution: int = 32, up: str | None = None) -> np.ndarray:
    """The shape in a file as bool (D, H, W), z up, in a cube of `resolution` voxels a side.

    The aspect is kept, the longest side fills the cube, the shape is centred in x and y and stands
    on the ground. A grid that already is a cube of `resolution` keeps its size and is only moved.
    `up` ("y" or "z") overrides the format's convention in `UP`. ValueError: missing, malformed,
    hostile or empty file, unknown suffix.
    """
    suffix = _known_suffix(path)
    if not isinstance(resolution, int | np.integer) or not 2 <= resolution <= MAX_RESOLUTION:
        raise ValueError(
            f"resolution: got {resolution!r}, expected a whole number from 2 to {MAX_RESOLUTION}"
        )
    up = _checked_up(suffix, up)
    if suffix == ".npz":
        archive = read_npz(path)
        if len(archive) != 1:
            raise ValueError(
                f"path: {str(path)!r} holds {len(archive)} shapes, expected one; use read_npz and"
                " choose"
            )
        grid = archive.voxels()[0] if up == "z" else _y_up_to_z_up(archive.voxels()[0])
    elif suffix == ".vox":
        grid = read_vox(path, up)
    elif suffix == ".binvox":
        grid = read_binvox(path, up)
    else:
        return read_mesh(path, resolution, up)
    with _naming(path):
        return fit_to_cube(grid, resolution)


def fit_to_cube(voxels: np.ndarray, resolution: int) -> np.ndarray:
    """The occupied part of bool (D, H, W), scaled to a cube of `resolution`, centred in x and y, on
    the ground.

    Shrinking keeps a voxel where any source voxel falls, so thin legs stay; growing repeats. A grid
    that already is a cube of `resolution` keeps its scale. ValueError if no voxel is occupied.
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
    # where the free space is odd, a shape that already is in the middle stays where it is
    spare = [resolution - length for length in shape.shape]
    start = [0] + [int(np.clip(first[a], spare[a] // 2, (spare[a] + 1) // 2)) for a in (1, 2)]
    cube = np.zeros((resolution,) * 3, dtype=bool)
    cube[tuple(slice(s, s + length) for s, length in zip(start, shape.shape, strict=True))] = shape
    return cube


def _resample(voxels: np.ndarray, axis: int, size: int) -> np.ndarray:
    """Bool grid with `size` voxels along `axis`: any of the merged ones when smaller, repeated when
    larger.
    """
    length = voxels.shape[axis]
    if size < length:
        return np.logical_or.reduceat(voxels, np.arange(size) * length // size, axis=axis)
    return voxels.take((2 * np.arange(size) + 1) * length // (2 * size), axis=axis)


def _y_up_to_z_up(voxels: np.ndarray) -> np.ndarray:
    """Turn a grid with axes (z, y, x) by (x, y, z) -> (x, -z, y), which takes y up to z up."""
    return voxels.transpose(1, 0, 2)[:, ::-1]


# ---------------------------------------------------------------------------------------------- the
# door


def _known_suffix(path: str | Path) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in UP:
        raise ValueError(
            f"path: {str(path)!r} has the suffix {suffix!r}, expected one of {', '.join(UP)}"
        )
    return suffix


def _checked_up(suffix: str, up: str | None) -> str:
    if up not in (None, "y", "z"):
        raise ValueError(f'up: got {up!r}, expected "y", "z", or None for the format\'s convention')
    return up or UP[suffix]


@contextmanager
def _naming(path: str | Path) -> Iterator[None]:
    """Turn whatever a parser raises inside into a ValueError that names the file and the reason."""
    try:
        yield
    except Exception as error:  # a malformed file makes parsers fail in every possible way
        reason = str(error) or type(error).__name__
        raise ValueError(
            f"path: {str(path)!r} is not a usable {Path(path).suffix} file: {reason}"
        ) from error


def _file_size(path: str | Path, limit: int) -> int:
    """Size in bytes of an existing plain file of at most `limit` bytes, else ValueError."""
    path = Path(path)
    if not path.exists():
        raise ValueError(
            f"path: there is no file {str(path)!r}; looked from the folder {str(Path.cwd())!r}"
        )
    if not path.is_file():
        raise ValueError(f"path: {str(path)!r} is not a plain file")
    size = path.stat().st_size
    if size > limit:
        raise ValueError(f"path: {str(path)!r} has {size} bytes, expected at most {limit}")
    return size


def _read_bytes(path: str | Path) -> bytes:
    size = _file_size(path, MAX_FILE_BYTES)
    with _naming(path), Path(path).open("rb") as file:
        return file.read(size)


# ---------------------------------------------------------------------------------------------- npz


@dataclass(frozen=True)
class VoxelArchive:
    """Many shapes, kept packed (one bit a voxel). `archive.voxels(index)` unpacks some of them."""

    packed: np.ndarray  # uint8 (N, ceil(resolution**3 / 8))
    resolution: int
    labels: np.ndarray  # int64 (N,), zeros if the file has none
    captions: tuple[str, ...]  # N of them, or none
    classes: tuple[str, ...]  # the names of the labels, or none
    is_test: np.ndarray  # bool (N,): the file's own test split
    axes: tuple[int, int, int] = (0, 1, 2)  # which axes of a packed grid are z, y and x

    def __len__(self) -> int:
        return len(self.packed)

    def voxels(self, index: slice | np.ndarray = slice(None)) -> np.ndarray:
        """Bool (n, D, H, W) of the chosen shapes: a slice, a list of indices or a bool mask."""
        n = self.resolution
        grids = (
            np.unpackbits(self.packed[index], axis=1, count=n**3).reshape(-1, n, n, n).view(bool)
        )
        return np.ascontiguousarray(grids.transpose(0, *(1 + axis for axis in self.axes)))


def read_npz(path: str | Path) -> VoxelArchive:
    """Read a packed archive: `voxels` (`labels`, `captions`, `classes` optional), or ModelNet10's
    with a split.

    The latter has train_voxels, train_labels, test_voxels, test_labels and classes, and its grids
    are x, y, z (so they come from 3D ShapeNets' volumes); they are turned to z, y, x when unpacked.
    Other keys are left unread. Pickles, zip bombs and arrays whose header disagrees with the zip
    directory are refused (ValueError) before they are unpacked.
    """
    _file_size(path, MAX_ARCHIVE_BYTES)
    with _naming(path), zipfile.ZipFile(path) as zipped:
        names = {name.removesuffix(".npy") for name in zipped.namelist() if name.endswith(".npy")}
        splits = ("train_", "test_") if {"train_voxels", "test_voxels"} <= names else ("",)
        if splits == ("",) and "voxels" not in names:
            raise ValueError(
                f"it holds {sorted(names)[:8]}, expected voxels, or train_voxels and test_voxels"
            )
        wanted = [split + key for split in splits for key in ("voxels", "labels")] + [
            "captions",
            "classes",
        ]
        wanted = [name for name in wanted if name in names]
        unpacked = sum(zipped.getinfo(f"{name}.npy").file_size for name in wanted)
        if unpacked > MAX_UNPACKED_BYTES:
            raise ValueError(
                f"its arrays unpack to {unpacked} bytes, expected at most {MAX_UNPACKED_BYTES}"
            )
        arrays = {name: _npz_array(zipped, name) for name in wanted}
        packed = [arrays[split + "voxels"] for split in splits]
        labels = [
            arrays.get(split + "labels", np.zeros(len(p), int))
            for split, p in zip(splits, packed, strict=True)
        ]
        if any(len(p) != len(part) for p, part in zip(packed, labels, strict=True)):
            raise ValueError("voxels and labels differ in number")
        is_test = np.repeat(np.array([False, True])[: len(packed)], [len(p) for p in packed])
        axes = (0, 1, 2) if splits == ("",) else (2, 1, 0)
        return _checked_archive(
            np.concatenate(packed), np.concatenate(labels), is_test, arrays, axes
        )


def _npz_array(zipped: zipfile.ZipFile, name: str) -> np.ndarray:
    """One array of the zip, read only after its header agrees with the directory's uncompressed
    size.
    """
    info = zipped.getinfo(f"{name}.npy")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(
            f"{name} is compressed by method {info.compress_type}, expected stored or deflated"
        )
    kind, ndim = {"voxels": ("u", 2), "labels": ("iu", 1)}.get(name.split("_")[-1], ("U", 1))
    with zipped.open(info) as stream:
        version = np.lib.format.read_magic(stream)
        header = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, fortran, dtype = header(stream)
        if dtype.kind not in kind or len(shape) != ndim or (kind == "u" and dtype.itemsize != 1):
            raise ValueError(
                f"{name} is {dtype} of shape {shape}, expected {ndim}D of kind {kind!r}; no pickles"
            )
        size = math.prod(shape) * dtype.itemsize
        if min(shape) < 1 or size != info.file_size - stream.tell():
            raise ValueError(
                f"{name} announces {shape} of {dtype}, but has {info.file_size - stream.tell()}"
                " bytes"
            )
        content = stream.read(size)
        if len(content) != size:
            raise ValueError(f"{name} has {len(content)} bytes, expected {size}")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")


def _checked_archive(
    packed, labels, is_test, arrays: dict[str, np.ndarray], axes=(0, 1, 2)
) -> VoxelArchive:
    resolution = int((8 * packed.shape[1] + 0.5) ** (1 / 3))
    if packed.shape[1] != -(-(resolution**3) // 8) or resolution > MAX_SIDE:
        raise ValueError(
            f"voxels has {packed.shape[1]} bytes a shape, expected n**3 / 8 for a cube of n voxels"
            f" a side, n up to {MAX_SIDE}; write_npz packs them"
        )
    classes = tuple(arrays.get("classes", np.array([], str)).tolist())
    captions = tuple(arrays.get("captions", np.array([], str)).tolist())
    labels = labels.astype(np.int64)
    if labels.min() < 0 or (classes and labels.max() >= len(classes)):
        raise ValueError(
            f"labels run from {labels.min()} to {labels.max()}, expected 0 to {len(classes) - 1}"
        )
    if captions and len(captions) != len(packed):
        raise ValueError(f"it has {len(captions)} captions for {len(packed)} shapes")
    return VoxelArchive(packed, resolution, labels, captions, classes, is_test, axes)


def write_npz(
    path: str | Path,
    voxels: np.ndarray,
    labels: Sequence[int] | None = None,
    captions: Sequence[str] = (),
    classes: Sequence[str] = (),
) -> None:
    """Write bool (N, D, H, W) cubes as packed bits with labels, captions and the labels' names,
    atomically.

    The same input makes the same bytes. ValueError if shapes or counts don't fit, before anything
    is written.
    """
    voxels = np.asarray(voxels)
    if (
        voxels.dtype != bool
        or voxels.ndim != 4
        or not len(voxels)
        or len(set(voxels.shape[1:])) != 1
    ):
        raise ValueError(
            f"voxels: got {voxels.dtype} of shape {voxels.shape}, expected bool (N, n, n, n) with"
            " N > 0"
        )
    labels = np.zeros(len(voxels), np.int64) if labels is None else np.asarray(labels)
    if labels.dtype.kind not in "iu" or labels.shape != (len(voxels),):
        raise ValueError(
            f"labels: got {labels.dtype} of shape {labels.shape}, expected {len(voxels)} whole"
            " numbers"
        )
    arrays = {"captions": np.array(captions, dtype=str), "classes": np.array(classes, dtype=str)}
    arrays = {name: array for name, array in arrays.items() if len(array)}
    packed = np.packbits(voxels.reshape(len(voxels), -1), axis=1)
    _checked_archive(packed, labels, np.zeros(len(voxels), bool), arrays)
    with writing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, voxels=packed, labels=labels.astype(np.int64), **arrays)


# ----------------------------------------------------------------------------------------------
# binvox


def read_binvox(path: str | Path, up: str = "y") -> np.ndarray:
    """The grid of a `.binvox` file as bool (D, H, W), z up, at the file's own resolution.

    `up` is the axis that points up in the file; ShapeNet's and most others are "y". In the file y
    runs fastest, then z, then x, as runs of (value, count) bytes.
    """
    _checked_up(".binvox", up)
    data = _read_bytes(path)
    with _naming(path):
        header = re.match(rb"#binvox 1\s*\n(?:[a-z][^\n]*\n){0,16}?data\r?\n", data[:4096])
        if header is None:
            raise ValueError("no binvox header ('#binvox 1', 'dim', ..., 'data') at its start")
        dims = re.findall(rb"^dim +(\d{1,9}) +(\d{1,9}) +(\d{1,9})\s*$", header[0], re.MULTILINE)
        if len(dims) != 1:
            raise ValueError("its header has no line 'dim' with three positive whole numbers")
        nx, nz, ny = (int(number) for number in dims[0])
        if not 1 <= min(nx, ny, nz) <= max(nx, ny, nz) <= MAX_SIDE:
            raise ValueError(
                f"it announces {nx} x {nz} x {ny} voxels, expected 1 to {MAX_SIDE} a side"
            )
        runs = np.frombuffer(data, np.uint8, offset=header.end())
        if len(runs) % 2:
            raise ValueError("its last run is cut off")
        values, counts = runs[::2], runs[1::2]
        if (total := int(counts.sum(dtype=np.int64))) != nx * ny * nz:
            raise ValueError(f"its runs make {total} voxels, its header announces {nx * ny * nz}")
        if len(values) and values.max() > 1:
            raise ValueError(f"it holds the value {values.max()}, expected 0 or 1")
        grid = (
            np.repeat(values.astype(bool), counts).reshape(nx, nz, ny).transpose(1, 2, 0)
        )  # (z, y, x)
        return np.ascontiguousarray(_y_up_to_z_up(grid) if up == "y" else grid)


# ---------------------------------------------------------------------------------------------- vox


def read_vox(path: str | Path, up: str = "z") -> np.ndarray:
    """The grid of a MagicaVoxel `.vox` file as bool (D, H, W), z up, at the file's own resolution.

    A file with a scene graph gives the bounding box of everything visible, each model moved and
    turned as the graph says; of animations the first frame. A file without one gives its first
    model, in its announced size.
    """
    _checked_up(".vox", up)
    data = _read_bytes(path)
    with _naming(path):
        models, nodes = _vox_content(data)
        if not models:
            raise ValueError("it has no model (SIZE and XYZI chunks)")
        if nodes:
            grid = _vox_scene(models, nodes)
        else:
            size, points = models[0]
            grid = np.zeros(size[::-1], dtype=bool)
            grid[tuple(points.T[::-1])] = True
        if not grid.any():
            raise ValueError("it has no occupied voxel")
        return np.ascontiguousarray(_y_up_to_z_up(grid) if up == "y" else grid)


def _vox_content(data: bytes) -> tuple[list, dict]:
    """Models as (size (3,), points (N, 3)), both x, y, z, and the scene's nodes by their number."""
    models, nodes, hidden_layers, size = [], {}, set(), None
    for name, content in _vox_chunks(data):
        if name == b"SIZE":
            size = _vox_size(content)
        elif name == b"XYZI":
            models.append((size, _vox_points(content, size)))
            size = None
        elif name in (b"nTRN", b"nGRP", b"nSHP"):
            cursor = _Cursor(content)
            number = cursor.integer()
            nodes[number] = _VOX_NODES[name](cursor)
            if len(nodes) > MAX_SCENE_NODES:
                raise ValueError(f"its scene has more than {MAX_SCENE_NODES} nodes")
        elif name == b"LAYR":
            cursor = _Cursor(content)
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
    count = _Cursor(content).integer()
    if 4 + 4 * count != len(content):
        raise ValueError(f"its XYZI chunk announces {count} voxels, but has {len(content)} bytes")
    voxels = np.frombuffer(content, np.uint8, offset=4).reshape(-1, 4)
    if (voxels[:, :3] >= np.array(size)).any():
        raise ValueError(f"a voxel lies outside its model's size {size}")
    if (voxels[:, 3] == 0).any():
        raise ValueError("a voxel has the colour index 0, which MagicaVoxel keeps for 'empty'")
    return voxels[:, :3].astype(np.int64)


class _Cursor:
    """Reads a scene chunk's integers, strings and dictionaries one after the other."""

    def __init__(self, content: bytes):
        self.content, self.position = content, 0

    def integer(self) -> int:
        if len(self.content) - self.position < 4:
            raise ValueError("a chunk is cut off")
        self.position += 4
        return struct.unpack_from("<i", self.content, self.position - 4)[0]

    def count(self) -> int:
        """A number of things that follow, each of at least 4 bytes or, for letters, 1."""
        number = self.integer()
        if not 0 <= number <= len(self.content) - self.position:
            raise ValueError(
                f"a chunk announces {number} entries, but has {len(self.content)} bytes"
            )
        return number

    def text(self) -> str:
        length = self.count()
        self.position += length
        return self.content[self.position - length : self.position].decode("utf-8", "replace")

    def dictionary(self) -> dict[str, str]:
        return {self.text(): self.text() for _ in range(self.count())}


@dataclass
class _Node:
    """A node of the scene: `turn` and `move` act on what `children` (nodes) and `models` (indices)
    hold.
    """

    children: list[int]
    models: list[int]
    turn: np.ndarray
    move: np.ndarray
    layer: int = -1
    hidden: bool = False


def _transform_node(cursor: _Cursor) -> _Node:
    hidden = cursor.dictionary().get("_hidden") == "1"
    child, _, layer = cursor.integer(), cursor.integer(), cursor.integer()
    frames = [cursor.dictionary() for _ in range(cursor.count())]
    first = frames[0] if frames else {}
    move = [int(number) for number in first.get("_t", "0 0 0").split()]
    if len(move) != 3 or max(map(abs, move)) > 2**31:
        raise ValueError(f"a node is moved by {first['_t']!r}, expected three whole numbers")
    return _Node(
        [child],
        [],
        _rotation(int(first.get("_r", "4"))),
        np.array(move, dtype=np.int64),
        layer,
        hidden,
    )


def _group_node(cursor: _Cursor) -> _Node:
    hidden = cursor.dictionary().get("_hidden") == "1"
    children = [cursor.integer() for _ in range(cursor.count())]
    return _Node(children, [], np.eye(3, dtype=np.int64), np.zeros(3, np.int64), hidden=hidden)


def _shape_node(cursor: _Cursor) -> _Node:
    hidden = cursor.dictionary().get("_hidden") == "1"
    models = [(cursor.integer(), cursor.dictionary())[0] for _ in range(cursor.count())]
    # several models are an animation's frames: the first one is the shape
    return _Node([], models[:1], np.eye(3, dtype=np.int64), np.zeros(3, np.int64), hidden=hidden)


_VOX_NODES = {b"nTRN": _transform_node, b"nGRP": _group_node, b"nSHP": _shape_node}


def _rotation(byte: int) -> np.ndarray:
    """MagicaVoxel's packed rotation: bits 0-1 and 2-3 are the columns of rows 0 and 1, bits 4-6 the
    rows' signs.
    """
    first, second = byte & 3, byte >> 2 & 3
    if not 0 <= byte < 128 or first == second or max(first, second) > 2:
        raise ValueError(f"a node has the rotation {byte}, which is none")
    turn = np.zeros((3, 3), dtype=np.int64)
    for row, column in enumerate((first, second, 3 - first - second)):
        turn[row, column] = -1 if byte >> (4 + row) & 1 else 1
    return turn


def _vox_scene(models: list, nodes: dict[int, _Node]) -> np.ndarray:
    """Bool (D, H, W): the bounding box of all models, placed. Sizes are checked before the grid is
    made.
    """
    placed = list(_placed_models(models, nodes))
    if not placed:
        raise ValueError("its scene shows no voxel")
    if (total := sum(len(points) for points, _, _ in placed)) > MAX_SCENE_VOXELS:
        raise ValueError(f"its scene has {total} voxels, expected at most {MAX_SCENE_VOXELS}")
    boxes = [
        _place(np.stack([points.min(0), points.max(0)]), turn, move)
        for points, turn, move in placed
    ]
    low, high = np.min([box.min(0) for box in boxes], 0), np.max([box.max(0) for box in boxes], 0)
    size = high - low + 1
    if size.max() > MAX_SIDE:
        raise ValueError(
            f"its scene spans {size.tolist()} voxels, expected at most {MAX_SIDE} a side"
        )
    grid = np.zeros(size[::-1], dtype=bool)
    for points, turn, move in placed:
        grid[tuple((_place(points, turn, move) - low).T[::-1])] = True
    return grid


def _placed_models(
    models: list, nodes: dict[int, _Node]
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(points, turn, move) of every visible model, walking down from node 0.

    Points are twice the voxels' centres, counted from the model's pivot floor(size / 2), so that
    they stay whole.
    """
    points = [2 * p + 1 - 2 * (np.array(size) // 2) for size, p in models]
    waiting, seen = [(0, np.eye(3, dtype=np.int64), np.zeros(3, np.int64))], set()
    while waiting:
        number, turn, move = waiting.pop()
        if number in seen:
            raise ValueError(f"its scene reaches node {number} twice, expected a tree")
        seen.add(number)
        if number not in nodes:  # hidden
            continue
        node = nodes[number]
        move = turn @ node.move + move
        turn = turn @ node.turn
        waiting += [(child, turn, move) for child in node.children]
        for model in node.models:
            if not 0 <= model < len(models):
                raise ValueError(f"its scene shows model {model}, but it has {len(models)}")
            if len(points[model]):
                yield points[model], turn, move


def _place(points: np.ndarray, turn: np.ndarray, move: np.ndarray) -> np.ndarray:
    """Twice the centres (N, 3) to the voxels' whole-numbered places in the world."""
    return points @ turn.T // 2 + move


def write_vox(path: str | Path, voxels: np.ndarray) -> None:
    """Write bool (D, H, W), z up, at most 256 a side and not empty, as a one-coloured MagicaVoxel
    file, atomically.
    """
    voxels = np.asarray(voxels)
    if voxels.dtype != bool or voxels.ndim != 3 or not voxels.any() or max(voxels.shape) > VOX_SIDE:
        raise ValueError(
            f"voxels: got {voxels.dtype} of shape {voxels.shape} with {np.count_nonzero(voxels)}"
            f" occupied, expected bool (D, H, W), at most {VOX_SIDE} a side, at least one occupied"
        )
    points = np.argwhere(voxels)[:, ::-1].astype(np.uint8)  # x, y, z
    points = np.column_stack(
        [points, np.ones(len(points), np.uint8)]
    )  # colour index 1 is the palette's first
    palette = bytes(VOX_ORANGE) + bytes((0x80, 0x80, 0x80, 0xFF)) * 255
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


# ----------------------------------------------------------------------------------------------
# meshes


def read_mesh(path: str | Path, resolution: int = 32, up: str | None = None) -> np.ndarray:
    """A `.obj .stl .ply .glb .off` mesh as bool (D, H, W), z up, fitted into a cube of `resolution`
    as in read_voxels.

    Points on the surface, 20,000 or 16 a voxel face, mark the shell; what it encloses is filled, so
    closed meshes become solid and open sheets stay one voxel thin. Textures and files that it
    refers to are not opened.
    """
    from scipy.ndimage import binary_fill_holes
    from trimesh.sample import sample_surface

    suffix = _known_suffix(path)
    up = _checked_up(suffix, up)
    data = _read_bytes(path)
    with _naming(path):
        triangles = _triangles(data, suffix)
        if up == "y":
            triangles = triangles[..., [0, 2, 1]] * [1.0, -1.0, 1.0]
        mesh = _scaled_mesh(triangles, resolution)
        count = int(np.clip(16 * mesh.area, SURFACE_POINTS, MAX_SURFACE_POINTS))
        surface, face = sample_surface(mesh, count, seed=0)
        if is_watertight(mesh):
            # half a voxel inwards, else every voxel that the surface touches counts and all walls
            # grow by one
            surface -= np.sign(mesh.volume) / 2 * mesh.face_normals[face]
        x, y, z = np.clip(surface.astype(np.int64), 0, resolution - 1).T
        shell = np.zeros((resolution,) * 3, dtype=bool)
        shell[z, y, x] = True
        return fit_to_cube(binary_fill_holes(shell), resolution)


def _scaled_mesh(triangles: np.ndarray, resolution: int) -> "trimesh.Trimesh":
    """Corners (F, 3, 3) as a welded mesh in units of voxels, centred in x and y, its longest side
    `resolution`.
    """
    from trimesh import Trimesh

    low = triangles.min(axis=(0, 1))
    extent = triangles.max(axis=(0, 1)) - low
    if not 1e-30 < extent.max() < 1e30:
        raise ValueError(f"its bounding box has the sides {extent.tolist()}, expected one above 0")
    scale = resolution / extent.max()
    triangles = (triangles - low) * scale
    # around the middle of the cube or half a voxel beside it, whichever lets the sides fall between
    # voxels
    whole = np.round(extent[:2] * scale)
    triangles[..., :2] += (resolution - whole) // 2 + (whole - extent[:2] * scale) / 2
    mesh = Trimesh(
        triangles.reshape(-1, 3), np.arange(3 * len(triangles)).reshape(-1, 3), process=False
    )
    mesh.merge_vertices(digits_vertex=5)
    if not mesh.area > 0:
        raise ValueError("its faces have no area")
    return mesh


def _triangles(data: bytes, suffix: str) -> np.ndarray:
    """All corners (F, 3, 3) of a mesh file's scene, checked: finite, at least one face, at most
    MAX_FACES.
    """
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
    """The header ends, and no element is announced more often than the file has bytes."""
    header = re.match(rb"ply\r?\n(.*?\n)?end_header\r?\n", data[: 2**16], re.DOTALL)
    if header is None:
        raise ValueError("no PLY header that ends with 'end_header' at its start")
    for number in re.findall(rb"^element +\S+ +(\S+)", header[0], re.MULTILINE):
        if not 0 <= int(number) <= len(data):
            raise ValueError(f"its header announces {int(number)} elements in {len(data)} bytes")


def _check_glb(data: bytes) -> None:
    """The lengths hold, and the accessors together unpack to a bearable size."""
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
