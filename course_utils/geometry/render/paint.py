"""What colour a surface has at each point: one for all, or one for each material slot."""

from dataclasses import dataclass

import numpy as np


@dataclass
class Plain:
    """One colour, such as "#E07B0A"."""

    colour: str

    @property
    def colours(self):
        """The colours that `at` counts in."""
        return [self.colour]


class Slots:
    """A colour for each slot. Between two slots the nearer voxels' weight decides, smoothly.

    Args:
        slots: uint8 (D, H, W): 1 for the first colour; 0 where nothing is known.
        colours: Such as "#E07B0A", one for each slot.

    Raises:
        ValueError: There is no colour, or a slot without one.
    """

    def __init__(self, slots, colours):
        from scipy import ndimage

        if not len(colours) or slots.max(initial=0) > len(colours):
            raise ValueError(
                f"colours has {len(colours)} entries and slots go up to {slots.max(initial=0)};"
                " expected a colour for each slot"
            )
        self.colours = list(colours)
        self.weights = [
            ndimage.gaussian_filter((slots == number).astype(np.float32), 0.5, truncate=2.0)
            for number in range(1, len(colours) + 1)
        ]

    def at(self, points):
        """Return the number of the colour at points (x, y, z) in the unit cube: int (P,)."""
        from scipy import ndimage

        side = max(self.weights[0].shape)
        places = np.moveaxis(points[:, ::-1] * side - 0.5, -1, 0)
        found = [
            ndimage.map_coordinates(weight, places, order=1, mode="nearest")
            for weight in self.weights
        ]
        return np.argmax(found, axis=0)
