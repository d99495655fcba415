"""How large a mesh is in its file: a size with a unit, such as "80mm", in the format's own unit.

glTF is in metres by its standard. An .obj has no unit and is read as metres by Blender and game
engines. An .stl has none either, and slicers read millimetres.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import trimesh

METRES = {"mm": 0.001, "cm": 0.01, "m": 1.0, "in": 0.0254}
UNITS = {".glb": "m", ".obj": "m", ".stl": "mm"}
USUAL = {".glb": "1m", ".obj": "1m", ".stl": "80mm"}  # where no size is given
LEAST, MOST = 1e-5, 1000.0  # metres
_SIZE = re.compile(r"([0-9]*\.?[0-9]+) *(mm|cm|m|in)", re.IGNORECASE)


def in_metres(size: str) -> float:
    """Return a size such as "80mm", "8 cm", "0.08 m" or "3in" in metres; ValueError for others."""
    parts = _SIZE.fullmatch(size.strip(" ")) if isinstance(size, str) else None
    metres = float(parts[1]) * METRES[parts[2].lower()] if parts else 0.0
    if not LEAST <= metres <= MOST:
        raise ValueError(
            f"size is {size!r}; expected a length from 0.01 mm to 1000 m with its unit"
            f" ({', '.join(METRES)}), such as '80mm'"
        )
    return metres


def side_for(size: str | None, mesh: "trimesh.Trimesh", suffix: str) -> float:
    """Return the side of the cube that a mesh was made in, in a file's unit.

    Args:
        size: The mesh's longest side, with its unit; None is the format's usual one (`USUAL`).
        mesh: In the unit cube.
        suffix: One of `UNITS`.
    """
    metres = in_metres(USUAL[suffix] if size is None else size)
    return metres / METRES[UNITS[suffix]] / float(mesh.extents.max())


def measured(mesh: "trimesh.Trimesh", side: float, suffix: str) -> str:
    """Return width, depth and height of a mesh in its file, such as "80 x 75.3 x 80 mm".

    Args:
        mesh: In the unit cube, z up.
        side: Of the cube, in the file's unit.
        suffix: One of `UNITS`.
    """
    lengths = (f"{float(f'{length:.3g}'):.10g}" for length in side * mesh.extents)
    return f"{' x '.join(lengths)} {UNITS[suffix]}"
