"""What a surface looks like: the colour and the finish of each material slot."""

from typing import NamedTuple

import numpy as np


class Finish(NamedTuple):
    """A colour, sRGB as "#rrggbb", and how it reflects, as in glTF 2.0 (section 3.9.2)."""

    colour: str
    metallic: float = 0.0
    roughness: float = 0.6


def finish_of(material):
    """Return a material as a `Finish`: a colour such as "#E07B0A", or anything with its fields."""
    if isinstance(material, str):
        return Finish(material)
    return Finish(material.colour, material.metallic, material.roughness)


def linear_colour(colour):
    """Return "#rrggbb" in linear light, float32 (3,) (IEC 61966-2-1)."""
    value = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.float32) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
