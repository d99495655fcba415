"""Point clouds in the plane: the data that lessons 01 to 03 turn into noise and back.

Every set is a function (count, seed) -> float32 (count, 2). The points are centred and have a
variance of about 1 along each axis on average, so the same noise path suits all sets.
"""

import math
from operator import index

import numpy as np
import torch
from torch import Tensor

JITTER = 0.05  # standard deviation around the curves


def rings(count: int, seed: int = 0) -> Tensor:
    """Two circles around the origin, radii 0.75 and 1.85, half of the points each: (count, 2)."""
    generator = _generator(count, seed)
    angle = 2 * math.pi * torch.rand(count, generator=generator)
    outer = torch.rand(count, generator=generator) < 0.5
    radius = torch.where(outer, 1.85, 0.75)
    return _around(radius * angle.cos(), radius * angle.sin(), generator)


def moons(count: int, seed: int = 0) -> Tensor:
    """Two interlocking half circles: (count, 2)."""
    generator = _generator(count, seed)
    angle = math.pi * torch.rand(count, generator=generator)
    upper = torch.rand(count, generator=generator) < 0.5
    x = torch.where(upper, angle.cos() - 0.5, 0.5 - angle.cos())
    y = torch.where(upper, angle.sin() - 0.25, 0.25 - angle.sin())
    return _around(1.4 * x, 1.4 * y, generator)


def swiss_roll(count: int, seed: int = 0) -> Tensor:
    """A spiral of one and a half turns, denser inside: (count, 2)."""
    generator = _generator(count, seed)
    angle = 1.5 * math.pi * (1 + 2 * torch.rand(count, generator=generator))
    return _around(
        (angle * angle.cos() - 2.0) / 6.65, (angle * angle.sin() - 0.3) / 6.65, generator
    )


def letter(count: int, seed: int = 0, character: str = "S") -> Tensor:
    """Points spread uniformly over a character of DejaVu Sans Bold: (count, 2).

    Args:
        count: Number of points.
        seed: Seed of the points.
        character: A single character that leaves ink; otherwise a ValueError.
    """
    from matplotlib.font_manager import FontProperties
    from matplotlib.path import Path
    from matplotlib.textpath import TextPath

    generator = _generator(count, seed)
    if len(character) != 1 or character.isspace():
        raise ValueError(
            f"character is {character!r}; give one letter, digit or sign that leaves ink"
        )
    outline = TextPath(
        (0, 0), character, size=1, prop=FontProperties(family="DejaVu Sans", weight="bold")
    )
    low, high = outline.get_extents().get_points()
    contours = [Path(polygon) for polygon in outline.to_polygons()]
    inside = np.zeros((0, 2))
    while len(inside) < count:
        uniform = torch.rand(2 * count + 64, 2, generator=generator).double().numpy()
        tried = low + (high - low) * uniform
        within = sum(contour.contains_points(tried).astype(int) for contour in contours)
        inside = np.concatenate([inside, tried[within % 2 == 1]])  # in an outline, not in its hole
    height = high[1] - low[1]
    return torch.from_numpy((inside[:count] - (low + high) / 2) / height * 4.0).float()


def _generator(count: int, seed: int) -> torch.Generator:
    if count < 1:
        raise ValueError(f"count is {count}; ask for at least one point")
    try:
        return torch.Generator().manual_seed(index(seed))
    except TypeError:
        raise ValueError(f"seed is {seed!r}; expected a whole number") from None


def _around(x: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
    return torch.stack([x, y], dim=1) + JITTER * torch.randn(len(x), 2, generator=generator)


POINTS = {"rings": rings, "moons": moons, "swiss roll": swiss_roll, "letter": letter}
