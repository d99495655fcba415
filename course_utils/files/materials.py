"""What a surface is made of: a named colour with a finish, and which triangles have it.

Colours are sRGB, as "#rrggbb"; formats that compute with light want them linear (`linear`).
`metallic` and `roughness` are those of glTF 2.0 (section 3.9.2).
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np


class Material(NamedTuple):
    """A named material: an adjective that captions use, sRGB as "#rrggbb", and its surface."""

    name: str
    colour: str
    metallic: float = 0.0
    roughness: float = 0.8


CLAY = Material("clay", "#E07B0A")  # what a model made is orange in all pictures


class Look(NamedTuple):
    """What a mesh of V vertices and F faces looks like.

    palette: A material for each slot, by the slot's name.
    slots: The slot of each face, whole numbers (F,): 1 for the first in the palette.
    normals: Unit normals of the vertices, (V, 3), axes as the vertices'.
    """

    palette: Mapping[str, Material]
    slots: np.ndarray
    normals: np.ndarray


def rgb(colour: str) -> tuple[int, int, int]:
    """Return red, green and blue of "#rrggbb", 0 to 255, sRGB.

    Raises:
        ValueError: It is no such colour.
    """
    try:
        if len(colour) != 7 or colour[0] != "#":
            raise ValueError
        red, green, blue = bytes.fromhex(colour[1:])
    except ValueError:
        raise ValueError(f"colour is {colour!r}; expected one such as '#E07B0A'") from None
    return red, green, blue


def linear(colour: str) -> tuple[float, float, float]:
    """Return red, green and blue of "#rrggbb" as amounts of light, 0 to 1 (IEC 61966-2-1)."""
    shares = (value / 255 for value in rgb(colour))
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return red, green, blue
