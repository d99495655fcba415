"""The `.binvox` format (Patrick Min), in which ShapeNet and others ship voxels."""

import re
from pathlib import Path

import numpy as np

from course_utils.files.door import MAX_SIDE, checked_up, naming, read_bytes, y_up_to_z_up


def read_binvox(path: str | Path, up: str = "y") -> np.ndarray:
    """Return the grid of a `.binvox` file as bool (D, H, W), z up, at the file's own resolution.

    In the file y runs fastest, then z, then x, as runs of (value, count) bytes.

    Args:
        path: File to read.
        up: Axis that points up in the file: "y" in ShapeNet's and most others, or "z".

    Raises:
        ValueError: The file is missing, malformed or hostile.
    """
    checked_up(".binvox", up)
    data = read_bytes(path)
    with naming(path):
        header = re.match(rb"#binvox 1\s*\n(?:[a-z][^\n]*\n){0,16}?data\r?\n", data[:4096])
        if header is None:
            raise ValueError("no binvox header ('#binvox 1', 'dim', ..., 'data') at its start")
        dims = re.findall(rb"^dim +(\d{1,9}) +(\d{1,9}) +(\d{1,9})\s*$", header[0], re.MULTILINE)
        if len(dims) != 1:
            raise ValueError("its header has no line 'dim' with three positive whole numbers")
        nx, nz, ny = (int(number) for number in dims[0])
        if not 1 <= min(nx, ny, nz) <= max(nx, ny, nz) <= MAX_SIDE:
            raise ValueError(
                f"it announces {nx} x {nz} x {ny} voxels, expected 1 to {MAX_SIDE} per side"
            )
        runs = np.frombuffer(data, np.uint8, offset=header.end())
        if len(runs) % 2:
            raise ValueError("its last run is cut off")
        values, counts = runs[::2], runs[1::2]
        if (total := int(counts.sum(dtype=np.int64))) != nx * ny * nz:
            raise ValueError(f"its runs make {total} voxels, its header announces {nx * ny * nz}")
        if len(values) and values.max() > 1:
            raise ValueError(f"it holds the value {values.max()}, expected 0 or 1")
        grid = np.repeat(values.astype(bool), counts).reshape(nx, nz, ny)
        grid = grid.transpose(1, 2, 0)  # (z, y, x)
        return np.ascontiguousarray(y_up_to_z_up(grid) if up == "y" else grid)
