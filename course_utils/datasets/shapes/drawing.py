"""What the families draw with: random decisions, the caption, and bodies that many families use.

The parts become voxels only when all of them are drawn, so a seed gives the same shape at every
resolution. Lengths are as in `solids`.
"""

import zlib
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from course_utils.datasets.shapes.materials import MATERIALS, Material, Palette
from course_utils.datasets.shapes.parts import Part, part
from course_utils.datasets.shapes.solids import Box, Interval, Loft, Rod, Solid

# the thinnest part and the narrowest gap: two voxels of 32, which a diffusion model can learn
THIN = 0.066


class Draws:
    """The random decisions of one shape, in the order in which its family asks for them."""

    def __init__(self, family: str, seed: int):
        sequence = np.random.SeedSequence([zlib.crc32(family.encode()), seed])
        self._fraction = np.random.Generator(np.random.PCG64(sequence)).random

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self._fraction()

    def whole(self, low: int, high: int) -> int:
        """Draw an integer from low to high, both included."""
        return low + int(self._fraction() * (high - low + 1))

    def pick(self, *options: Any) -> Any:
        return options[int(self._fraction() * len(options))]

    def chance(self, probability: float) -> bool:
        return self._fraction() < probability

    def fit(self, width: float, depth: float, height: float, *others: float) -> list[float]:
        """Scale lengths so that the largest of the first three fills 0.76 to 0.94 of the cube.

        Args:
            width: Extent of the shape along x.
            depth: Extent along y.
            height: Extent along z.
            others: More lengths to scale by the same factor.

        Returns:
            All lengths, in the order of the arguments.
        """
        scale = self.between(0.76, 0.94) / max(width, depth, height)
        return [scale * length for length in (width, depth, height, *others)]


class Design(NamedTuple):
    """What a family draws: its parts, attributes, and the words a caption may choose from.

    The first slot in a palette is the one that a colour before the noun speaks of.
    """

    parts: list[Part]
    attributes: dict[str, str | int | bool]
    nouns: list[str]
    adjectives: list[str]  # in the order in which English puts them
    details: list[str]  # noun phrases that follow "with"


def palette_of(family: str, seed: int, choices: Mapping[str, tuple[str, ...]]) -> Palette:
    """Draw the materials of a shape, in a stream of its own: another palette changes no shape.

    Args:
        family: The family's name.
        seed: The shape's seed.
        choices: For each slot the names of the materials that it may have, likelier ones more often
            than once; "=legs" is the material of the slot "legs", which must come before.
    """
    draws = Draws(f"palette of {family}", seed)
    palette: dict[str, Material] = {}
    for slot, names in choices.items():
        name = draws.pick(*names)
        palette[slot] = palette[name[1:]] if name[0] == "=" else MATERIALS[name]
    return palette


def caption_of(draws: Draws, design: Design, palette: Palette, colours: Draws) -> str:
    """Write a true caption, such as "a low round red table with a shelf and four oak legs".

    It has at most two adjectives and a colour, and at most three details and one more material.

    Args:
        draws: Decides what is said of the shape.
        design: The shape.
        palette: The material of each slot.
        colours: Decides what is said of the materials.
    """
    adjectives = [word for word in design.adjectives if draws.chance(0.65)][:2]
    details = list(design.details)
    number = min(len(details), draws.pick(0, 1, 1, 2, 2, 2, 3, 3, 3, 3))
    chosen = [details.pop(draws.whole(0, len(details) - 1)) for _ in range(number)]
    noun, link = draws.pick(*design.nouns), draws.pick("with", "with", "that has", "featuring")
    main, *others = palette
    if colours.chance(0.5):
        adjectives.append(palette[main].name)
    if others and colours.chance(0.4):
        slot = colours.pick(*others)
        chosen = _with_material(chosen, slot, palette[slot].name)
    name = " ".join([*adjectives, noun])
    listed = " and ".join([", ".join(chosen[:-1]), chosen[-1]] if len(chosen) > 1 else chosen)
    return f"{_a(name)} {link} {listed}" if listed else _a(name)


def _with_material(details: list[str], slot: str, material: str) -> list[str]:
    """Say what a slot is made of: "four legs" become "four oak legs", or "oak legs" are added."""
    for place, detail in enumerate(details):
        words = detail.split(" ")
        at = next((k for k, word in enumerate(words) if word in (slot, f"{slot}s")), None)
        if at is not None and words[0] != "no":
            start = " ".join([*words[:at], material, *words[at:]])
            if at == 1 and words[0] in ("a", "an"):
                start = _a(" ".join([material, *words[at:]]))
            return [*details[:place], start, *details[place + 1 :]]
    name = f"{material} {slot}"
    return [*details, name if slot.endswith("s") and not slot.endswith("ss") else _a(name)]


def _a(name: str) -> str:
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


NUMBERS = ("no", "one", "two", "three", "four", "five")


ENDS = (("left", -1), ("right", 1))


def span(middle: float, size: float) -> Interval:
    return middle - size / 2, middle + size / 2


def strip(sign: int, width: float, thickness: float) -> Interval:
    """The strip along the left (sign -1) or right (sign 1) edge of something `width` wide."""
    return span(sign * (width - thickness) / 2, thickness)


def disc(x: float, y: float, z: Interval, half_x: float, half_y: float) -> Loft:
    return Loft(z, (x, y, half_x, half_y), (x, y, half_x, half_y), round=True)


def pebble(x: Interval, y: Interval, z: Interval, power: float = 4.0) -> Solid:
    """A box with rounded edges and corners, a superellipsoid: the less `power`, the rounder."""
    middles = [(low + high) / 2 for low, high in (x, y, z)]
    halves = [(high - low) / 2 for low, high in (x, y, z)]

    def inside(*places: np.ndarray) -> np.ndarray:
        scaled = zip(places, middles, halves, strict=True)
        return sum(np.abs((place - middle) / half) ** power for place, middle, half in scaled) <= 1

    return Solid(x, y, z, inside)


def slab(width: float, depth: float, z: Interval, is_round: bool) -> Box | Loft:
    """A seat or table top around the middle of the cube."""
    if is_round:
        return disc(0.0, 0.0, z, width / 2, depth / 2)
    return Box(span(0.0, width), span(0.0, depth), z)


def leg(x: float, y: float, height: float, thickness: float, splay: float = 0.0) -> Box | Loft:
    """A leg under (x, y); its foot stands further out by the fraction `splay` of x and y."""
    if splay == 0.0:
        return Box(span(x, thickness), span(y, thickness), (0.0, height))
    foot, half = 1.0 + splay, thickness / 2
    return Loft((0.0, height), (x * foot, y * foot, half, half), (x, y, half, half))


def off_axis(outline: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The distance from the z axis; a square's is the same all around it, as a circle's is."""
    return np.hypot(x, y) if outline == "round" else np.maximum(abs(x), abs(y))


def bow(
    sign: int, z: Interval, roots: Interval, start: float, out: float, bar: float
) -> tuple[Rod, ...]:
    """A curved handle on the left (sign -1) or right (sign 1) of something round.

    Args:
        sign: The side.
        z: The heights of its ends.
        roots: How far from the middle it begins and ends, inside the wall.
        start: How far from the middle its curve begins.
        out: How far it reaches.
        bar: Half its thickness.
    """
    middle, half = sum(z) / 2, (z[1] - z[0]) / 2
    spots = [(roots[0], z[0])]
    spots += [
        (start + (out - bar - start) * np.sin(a), middle - half * np.cos(a))
        for a in np.linspace(0.0, np.pi, 8)
    ]
    spots.append((roots[1], z[1]))
    return tuple(
        Rod((sign * a, 0.0, below), (sign * b, 0.0, above), bar)
        for (a, below), (b, above) in pairwise(spots)
    )


def corners(x: float, y: float) -> list[tuple[float, float]]:
    return [(-x, -y), (x, -y), (-x, y), (x, y)]


def board(
    style: str, width: float, y: float, z: Interval, thickness: float, lean: float = 0.0
) -> list[Box | Loft]:
    """A backrest or headboard in the plane y, from z[0] to z[1].

    It leans back by `lean` per unit of height. Styles: "solid", "rounded" (an arched top),
    "slatted" (upright slats), "ladder" (bars across) and "panel" (a panel between two posts, open
    below).
    """

    def plate(x: Interval, low: float, high: float, curve: str = "straight") -> Loft:
        middle, half = (x[0] + x[1]) / 2, (x[1] - x[0]) / 2
        bottom, top = y + lean * (low - z[0]), y + lean * (high - z[0])
        half_y = thickness / 2
        return Loft(
            (low, high), (middle, bottom, half, half_y), (middle, top, half, half_y), curve=curve
        )

    side, height, bar = width / 2, z[1] - z[0], max(THIN, 0.08 * width)
    if style == "solid":
        return [plate((-side, side), *z)]
    if style == "rounded":
        shoulder = z[1] - min(0.6 * height, 0.7 * side)
        return [
            plate((-side, side), z[0], shoulder),
            plate((-side, side), shoulder, z[1], curve="arch"),
        ]
    posts = [plate((-side, bar - side), *z), plate((side - bar, side), *z)]
    if style == "panel":
        return [*posts, plate((-side, side), z[1] - 0.5 * height, z[1])]
    if style == "slatted":
        gaps = max(2, int((width - bar) / (2.1 * bar)))
        middles = [-side + bar / 2 + (width - bar) * i / gaps for i in range(1, gaps)]
        return [*posts, plate((-side, side), z[1] - bar, z[1])] + [
            plate(span(m, bar), *z) for m in middles
        ]
    gaps = max(2, int(height / (2.1 * THIN)))
    tops = [z[0] + height * i / gaps for i in range(1, gaps + 1)]
    return posts + [plate((-side, side), top - THIN, top) for top in tops]


def side_arms(
    draws: Draws, slot: str, sizes: tuple[float, float, float], back_y: float, lean: float
) -> list[Part]:
    """Two bars beside a seat, from the backrest to a post near the front edge.

    Args:
        draws: Decides how thick and how high they are.
        slot: Their material slot.
        sizes: The seat's width, depth and height.
        back_y: The middle of the backrest in y, on the seat.
        lean: How far the backrest leans back per unit of height.
    """
    width, depth, seat = sizes
    thickness, top = draws.between(THIN, 0.08), seat + draws.between(0.17, 0.23)
    front = -depth / 2 + draws.between(0.0, 0.15) * depth
    parts = []
    for number, sign in ((1, -1), (2, 1)):
        x = strip(sign, width, thickness)
        bar = Box(x, (front, back_y + lean * (top - seat)), (top - THIN, top))
        post = Box(x, (front, front + thickness), (seat - THIN / 2, top))
        parts.append(part(f"arm {number}", slot, bar, post))
    return parts


BOARD_WORDS = {
    "solid": "a solid {}",
    "rounded": "a rounded {}",
    "slatted": "a slatted {}",
    "ladder": "a ladder {}",
    "panel": "a {} that is open below",
}
