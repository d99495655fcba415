"""What a surface looks like: the colour and the finish of each material slot."""

from typing import NamedTuple

import numpy as np

SURE = -0.6  # of a field from -1 to 1: a voxel that is a fifth full


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


def slot_weights(slots, field, count, points):
    """Return how much each slot counts at points of a surface: the largest decides, (P, count).

    Between two slots the nearer voxels' weight decides, smoothly.

    Args:
        slots: uint8 (D, H, W): 1 for the first material; 0 where nothing is known.
        field: Floats (D, H, W), above 0 inside. What is nearly empty, below `SURE`, does not count:
            a model guesses its slot.
        count: How many materials there are.
        points: (x, y, z) in the unit cube, (P, 3).

    Raises:
        ValueError: There is no material, or a slot without one.
    """
    from scipy import ndimage

    if not count or slots.max(initial=0) > count:
        raise ValueError(
            f"colours has {count} entries and slots go up to {slots.max(initial=0)};"
            " expected a colour for each slot"
        )
    places = np.moveaxis(points[:, ::-1] * max(slots.shape) - 0.5, -1, 0)
    found = np.zeros((len(points), count), np.float32)
    for number in range(1, count + 1):
        here = ((slots == number) & (field > SURE)).astype(np.float32)
        if here.any():
            weight = ndimage.gaussian_filter(here, 0.5, truncate=2.0)
            ndimage.map_coordinates(
                weight, places, order=1, mode="nearest", output=found[:, number - 1]
            )
    return found
