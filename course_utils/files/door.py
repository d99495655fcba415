"""The door that every shape file comes through: its suffix, its size, and errors that name it.

A file is a stranger. Each reader compares every announced length with the file itself and with a
limit before it allocates memory, and reports whatever does not hold as a ValueError that names the
file and the reason. Lesson 08 reads a learner's own shapes through these readers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

MAX_FILE_BYTES = 64 * 2**20  # of a .vox, .binvox or mesh file
MAX_UNPACKED_BYTES = 512 * 2**20  # of the arrays of an .npz
MAX_FACES = 2_000_000  # triangles of a mesh, copies counted
LONGEST_REASON = 400  # characters of a message
MAX_SIDE = 512  # voxels along one side of any grid

UP = {  # the axis that points up, by each format's convention or its usual writers
    ".npz": "z", ".vox": "z", ".binvox": "y",
    ".glb": "y", ".obj": "y", ".stl": "z", ".ply": "z", ".off": "z",
}  # fmt: skip


def known_suffix(path: str | Path) -> str:
    """Return the suffix of a path in lower case. ValueError if it is not in `UP`."""
    suffix = Path(path).suffix.lower()
    if suffix not in UP:
        raise ValueError(
            f"path: {str(path)!r} has the suffix {suffix!r}, expected one of {', '.join(UP)}"
        )
    return suffix


def checked_up(suffix: str, up: str | None) -> str:
    """Return the axis that points up in a file.

    Args:
        suffix: One of `UP`, which holds the format's convention.
        up: "y" or "z" to override the convention, else None.

    Raises:
        ValueError: `up` is anything else.
    """
    if up not in (None, "y", "z"):
        raise ValueError(f'up: got {up!r}, expected "y", "z", or None for the format\'s convention')
    return up or UP[suffix]


def check_faces(count: int) -> None:
    """Refuse a mesh of more than `MAX_FACES` triangles, before they are made."""
    if count > MAX_FACES:
        raise ValueError(f"it has more than {MAX_FACES} faces; simplify it first")


def y_up_to_z_up(voxels: np.ndarray) -> np.ndarray:
    """Turn a grid with axes (z, y, x) by (x, y, z) -> (x, -z, y), which takes y up to z up."""
    return voxels.transpose(1, 0, 2)[:, ::-1]


@contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """Turn whatever a parser raises inside into a ValueError that names the file and the reason."""
    try:
        yield
    except Exception as error:  # a malformed file makes parsers fail in every possible way
        reason = " ".join(str(error).split()) or type(error).__name__
        if len(reason) > LONGEST_REASON:  # a parser quoted the file
            reason = f"{reason[:LONGEST_REASON]}…"
        raise ValueError(
            f"path: {str(path)!r} is not a usable {Path(path).suffix} file: {reason}"
        ) from error


def file_size(path: str | Path, limit: int) -> int:
    """Return the size of a file in bytes.

    Args:
        path: The file.
        limit: Largest size in bytes that is accepted.

    Raises:
        ValueError: There is no such plain file, or it is larger than `limit`.
    """
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


def read_bytes(path: str | Path) -> bytes:
    """Return the contents of a plain file of at most MAX_FILE_BYTES, else ValueError."""
    size = file_size(path, MAX_FILE_BYTES)
    with naming(path), Path(path).open("rb") as file:
        return file.read(size)
