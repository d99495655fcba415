"""Packed archives of many shapes, `.npz`: one bit per voxel, with labels and captions.

Lesson 08 trains on one, and a learner's own shapes may come in one. Nothing is unpickled, and the
size of every array is checked before it is unpacked. Format: numpy's NEP 1 inside a zip file.
"""

import io
import math
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from course_utils.files.atomic import writing
from course_utils.files.door import MAX_SIDE, MAX_UNPACKED_BYTES, file_size, naming

MAX_ARCHIVE_BYTES = 256 * 2**20  # on the disk
MAX_MEMBERS = 1000
MAX_HEADER_BYTES = 10_000  # of one array, as numpy's own
BLOCK = 2**20  # bytes read at once
DIRECTORY_ENTRY = b"PK\x01\x02"  # begins what a zip's directory says about each member
LABEL, TEXT = 17, 80  # bytes made for every shape's label and split, and for a text beside its own


@dataclass(frozen=True)
class VoxelArchive:
    """Many shapes, packed (one bit per voxel); `archive.voxels(index)` unpacks some of them."""

    packed: np.ndarray  # uint8 (N, ceil(resolution**3 / 8))
    resolution: int
    labels: np.ndarray  # int64 (N,), zeros if the file has no labels
    captions: tuple[str, ...]  # N of them, or empty
    classes: tuple[str, ...]  # the names of the labels, or empty
    is_test: np.ndarray  # bool (N,): the file's own test split
    axes: tuple[int, int, int] = (0, 1, 2)  # which axes of a packed grid are z, y and x

    def __len__(self) -> int:
        return len(self.packed)

    def voxels(self, index: slice | np.ndarray = slice(None)) -> np.ndarray:
        """Return the shapes of a slice, a list of indices or a bool mask, bool (n, D, H, W)."""
        n = self.resolution
        grids = (
            np.unpackbits(self.packed[index], axis=1, count=n**3).reshape(-1, n, n, n).view(bool)
        )
        return np.ascontiguousarray(grids.transpose(0, *(1 + axis for axis in self.axes)))


def read_npz(path: str | Path) -> VoxelArchive:
    """Return the shapes of a packed archive.

    The archive holds either `voxels` (with optional `labels`, `captions` and `classes`), or, as
    ModelNet10's does, train_voxels, train_labels, test_voxels, test_labels and classes. The grids
    of the second kind are x, y, z (they come from 3D ShapeNets' volumes) and are turned to z, y, x
    when they are unpacked. Other keys are not read. ValueError for pickles, zip bombs, and arrays
    whose header disagrees with the zip directory, before anything is unpacked.
    """
    file_size(path, MAX_ARCHIVE_BYTES)
    with naming(path):
        _check_members(path)
        with zipfile.ZipFile(path) as zipped:
            return _archive(zipped)


def _check_members(path: str | Path) -> None:
    """Refuse a zip of very many members before its directory is opened."""
    members = 0
    with Path(path).open("rb") as file:
        while block := file.read(BLOCK):
            members += block.count(DIRECTORY_ENTRY)
    if members > MAX_MEMBERS:
        raise ValueError(f"it holds about {members} files, expected at most {MAX_MEMBERS}")


def _archive(zipped: zipfile.ZipFile) -> VoxelArchive:
    """Return the shapes of an open archive, see `read_npz`."""
    listed = [name for name in zipped.namelist() if name.endswith(".npy")]
    names = {name.removesuffix(".npy") for name in listed}
    splits = ("train_", "test_") if {"train_voxels", "test_voxels"} <= names else ("",)
    if splits == ("",) and "voxels" not in names:
        raise ValueError(
            f"it holds {sorted(names)[:8]}, expected voxels, or train_voxels and test_voxels"
        )
    wanted = [split + key for split in splits for key in ("voxels", "labels")]
    wanted = [name for name in (*wanted, "captions", "classes") if name in names]
    if twice := [name for name in wanted if listed.count(f"{name}.npy") > 1]:
        raise ValueError(f"it holds {twice[0]} twice")
    made = sum(_announced_bytes(zipped, name, len(splits)) for name in wanted)
    if made > MAX_UNPACKED_BYTES:
        raise ValueError(
            f"its arrays unpack to {made} bytes, expected at most {MAX_UNPACKED_BYTES}"
        )
    arrays = {name: _npz_array(zipped, name) for name in wanted}
    packed = [arrays[split + "voxels"] for split in splits]
    labels = [
        arrays.get(split + "labels", np.zeros(len(p), int))
        for split, p in zip(splits, packed, strict=True)
    ]
    if any(len(p) != len(part) for p, part in zip(packed, labels, strict=True)):
        raise ValueError("voxels and labels differ in number")
    if splits == ("",):
        is_test = np.zeros(len(packed[0]), bool)
        return _checked_archive(packed[0], labels[0], is_test, arrays)
    is_test = np.repeat([False, True], [len(p) for p in packed])
    voxels = np.concatenate(packed)
    return _checked_archive(voxels, np.concatenate(labels), is_test, arrays, (2, 1, 0))


def _announced_bytes(zipped: zipfile.ZipFile, name: str, splits: int) -> int:
    """Return how many bytes are made of an array, by its header; two splits are joined."""
    info = zipped.getinfo(f"{name}.npy")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(
            f"{name} is compressed by method {info.compress_type}, expected stored or deflated"
        )
    with zipped.open(info) as stream:
        shape, _, dtype, _ = _npy_header(stream, name, info)
    number = math.prod(shape)
    if name.endswith("voxels"):
        return splits * number + LABEL * shape[0]
    return number * (TEXT + 2 * dtype.itemsize) if dtype.kind == "U" else number * dtype.itemsize


def _npy_header(
    stream: BinaryIO, name: str, info: zipfile.ZipInfo
) -> tuple[tuple[int, ...], bool, np.dtype, bytes]:
    """Return shape, Fortran order, dtype and the first bytes of an array that is what it should be.

    ValueError if its header does not agree with the zip directory.
    """
    first = io.BytesIO(stream.read(MAX_HEADER_BYTES))
    version = np.lib.format.read_magic(first)
    header = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    try:
        shape, fortran, dtype = header(first)
    except (MemoryError, RecursionError):  # what Python's parser says of brackets in brackets
        raise ValueError(f"{name} has a header that describes no array") from None
    kind, ndim = {"voxels": ("u", 2), "labels": ("iu", 1)}.get(name.split("_")[-1], ("U", 1))
    if dtype.kind not in kind or len(shape) != ndim or (kind == "u" and dtype.itemsize != 1):
        raise ValueError(
            f"{name} is {dtype} of shape {shape}, expected {ndim}D of kind {kind!r}; no pickles"
        )
    there = info.file_size - first.tell()
    if min(shape) < 1 or math.prod(shape) * dtype.itemsize != there or not there:
        raise ValueError(f"{name} announces {shape} of {dtype}, but has {there} bytes")
    return shape, fortran, dtype, first.read()


def _npz_array(zipped: zipfile.ZipFile, name: str) -> np.ndarray:
    """Return one array of the zip, read only if its header agrees with the zip directory."""
    info = zipped.getinfo(f"{name}.npy")
    with zipped.open(info) as stream:
        shape, fortran, dtype, first = _npy_header(stream, name, info)
        content = np.empty(math.prod(shape) * dtype.itemsize, np.uint8)
        content[: len(first)] = np.frombuffer(first, np.uint8)
        filled = len(first)
        while block := stream.read(BLOCK):
            content[filled : filled + len(block)] = np.frombuffer(block, np.uint8)
            filled += len(block)
    if filled != len(content):
        raise ValueError(f"{name} has {filled} bytes, expected {len(content)}")
    return content.view(dtype).reshape(shape, order="F" if fortran else "C")


def _checked_archive(
    packed: np.ndarray,
    labels: np.ndarray,
    is_test: np.ndarray,
    arrays: dict[str, np.ndarray],
    axes: tuple[int, int, int] = (0, 1, 2),
) -> VoxelArchive:
    """Return the archive of these arrays. ValueError if their sizes or labels do not agree."""
    resolution = int((8 * packed.shape[1] + 0.5) ** (1 / 3))
    if packed.shape[1] != -(-(resolution**3) // 8) or resolution > MAX_SIDE:
        raise ValueError(
            f"voxels has {packed.shape[1]} bytes per shape, expected n**3 / 8 for a cube of n"
            f" voxels per side, n up to {MAX_SIDE}; write_npz packs them"
        )
    classes = tuple(arrays.get("classes", np.array([], str)).tolist())
    captions = tuple(arrays.get("captions", np.array([], str)).tolist())
    labels = labels.astype(np.int64, copy=False)
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
    """Write shapes as packed bits, atomically. The same input makes the same bytes.

    Args:
        path: File to write.
        voxels: Cubes, bool (N, n, n, n), N > 0.
        labels: N whole numbers; zeros if None.
        captions: N texts, or empty.
        classes: Names of the labels 0, 1, ..., or empty.

    Raises:
        ValueError: Shapes or counts do not agree. Nothing is written.
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
