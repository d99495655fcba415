"""The `.binvox` format (Patrick Min), in which ShapeNet and others ship voxels."""

import re
from pathlib import Path

import numpy as np

from course_utils.files.door import MAX_SIDE, checked_up, naming, read_bytes, y_up_to_z_up

MAX_HEADER_BYTES = 2**16


def read_binvox(path: str | Path, up: str = "y") -> np.ndarray:
    """Return the grid of a `.binvox` file as bool (D, H, W), z up, at the file's own resolution.

    In the file y runs fastest, then z, then x, as runs of (value, count) bytes. Comments and
    unknown lines in the header, and blanks behind the last run, are left aside.

    Args:
        path: File to read.
        up: Axis that points up in the file: "y" in ShapeNet's and most others, or "z".

    Raises:
        ValueError: The file is missing, malformed or hostile.
    """
    checked_up(".binvox", up)
    data = read_bytes(path)
    with naming(path):
        (nx, nz, ny), start = _header(data)
        values, counts = _runs(data, start, nx * ny * nz)
        if wrong := set(np.unique(values).tolist()) - {0, 1, 255}:
            raise ValueError(f"it holds the value {max(wrong)}, expected 0, and 1 or 255")
        grid = np.repeat(values.astype(bool), counts).reshape(nx, nz, ny)
        grid = grid.transpose(1, 2, 0)  # (z, y, x)
        return np.ascontiguousarray(y_up_to_z_up(grid) if up == "y" else grid)


def _header(data: bytes) -> tuple[tuple[int, int, int], int]:
    """Return how many voxels a file announces along x, z and y, and where its runs begin."""
    header = re.match(
        rb"(?:\xef\xbb\xbf)?\s*#binvox[ \t]+1\b[^\r\n]*[\r\n]"
        rb"((?:[^\r\n]*[\r\n])*?)[ \t]*data[ \t]*(?:\r\n?|\n)",
        data[:MAX_HEADER_BYTES],
    )
    if header is None:
        raise ValueError("no binvox header ('#binvox 1', 'dim', ..., 'data') at its start")
    dims = set()
    for line in header[1].splitlines():
        words = line.split(b"#")[0].split()
        if words and words[0] == b"dim":
            dims.add(tuple(int(word) for word in words[1:] if re.fullmatch(rb"\d{1,9}", word)))
    if len(dims) != 1 or len(sides := dims.pop()) != 3:
        raise ValueError("its header has no line 'dim' with three positive whole numbers")
    if not 1 <= min(sides) <= max(sides) <= MAX_SIDE:
        raise ValueError(
            f"it announces {' x '.join(map(str, sides))} voxels, expected 1 to {MAX_SIDE} per side"
        )
    return sides, header.end()


def _runs(data: bytes, start: int, total: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the values and lengths of the runs that make `total` voxels, both uint8."""
    runs = np.frombuffer(data, np.uint8, (len(data) - start) // 2 * 2, start).reshape(-1, 2)
    made = np.cumsum(runs[:, 1], dtype=np.int64)
    used = int(np.searchsorted(made, total, side="right"))  # runs of length 0 behind them too
    behind = data[start + 2 * used :].strip(b"\0\t\n\r \x1a")
    if used and made[used - 1] == total and not behind:
        return runs[:used, 0], runs[:used, 1]
    cut = ", and the last is cut off" if (len(data) - start) % 2 else ""
    raise ValueError(
        f"its runs make {made[-1] if len(made) else 0} voxels{cut}, its header announces {total}"
    )
