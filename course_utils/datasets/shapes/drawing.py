"""What the families draw with: random decisions, solid parts, the caption, and voxels from parts.

Lengths are in units of the cube's side; x and y are measured from the middle of the cube (left and
front are negative), z from the ground. The parts become voxels only when all of them are drawn, so
a seed gives the same shape at every resolution.
"""

import math
import zlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

# the thinnest part and the narrowest gap: two voxels of 32, which a diffusion model can learn
THIN = 0.066


Interval = tuple[float, float]


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
    """What a family draws: solid parts, attributes, and the words a caption may choose from."""

    parts: list["Box | Loft | Rod | Solid"]
    attributes: dict[str, str | int | bool]
    nouns: list[str]
    adjectives: list[str]  # in the order in which English puts them
    details: list[str]  # noun phrases that follow "with"


def caption_of(draws: Draws, design: Design) -> str:
    """Write a true caption, such as "a low round table with a shelf and four legs".

    It has at most two adjectives and three details.
    """
    adjectives = [word for word in design.adjectives if draws.chance(0.65)][:2]
    details = list(design.details)
    number = min(len(details), draws.pick(0, 1, 1, 2, 2, 2, 3, 3, 3, 3))
    chosen = [details.pop(draws.whole(0, len(details) - 1)) for _ in range(number)]
    name = " ".join([*adjectives, draws.pick(*design.nouns)])
    article = "an" if name[0] in "aeiou" else "a"
    link = draws.pick("with", "with", "that has", "featuring")
    listed = " and ".join([", ".join(chosen[:-1]), chosen[-1]] if len(chosen) > 1 else chosen)
    return f"{article} {name} {link} {listed}" if listed else f"{article} {name}"


class Box(NamedTuple):
    """An upright box between (low, high) in x, y and z, at least one voxel thick."""

    x: Interval
    y: Interval
    z: Interval

    def bounds(self) -> tuple[float, float, float, float]:
        return (*self.x, *self.y)

    def paint(self, voxels: np.ndarray, shift: tuple[float, float]) -> None:
        n = len(voxels)
        x = _voxels_between(self.x[0] + shift[0], self.x[1] + shift[0], n)
        y = _voxels_between(self.y[0] + shift[1], self.y[1] + shift[1], n)
        voxels[_voxels_between(*self.z, n), y, x] = True


class Loft(NamedTuple):
    """A stack of horizontal slices from z[0] to z[1]: rectangles, or ellipses if `round`.

    The centre (x, y) and the half sizes (x, y) change linearly from `bottom` to `top`; `curve` then
    scales the half sizes. "straight" gives cones and leaning panels, "ball" an ellipsoid, "dome"
    its upper half, and "arch" narrows in x only.
    """

    z: Interval
    bottom: tuple[float, float, float, float]  # centre x, centre y, half size x, half size y
    top: tuple[float, float, float, float]
    round: bool = False
    curve: str = "straight"

    def bounds(self) -> tuple[float, float, float, float]:
        (x0, y0, a0, b0), (x1, y1, a1, b1) = self.bottom, self.top
        return (
            min(x0 - a0, x1 - a1),
            max(x0 + a0, x1 + a1),
            min(y0 - b0, y1 - b1),
            max(y0 + b0, y1 + b1),
        )

    def paint(self, voxels: np.ndarray, shift: tuple[float, float]) -> None:
        n = len(voxels)
        layers = _voxels_between(*self.z, n)
        height = (np.arange(layers.start, layers.stop) + 0.5) / n  # (D,)
        u = np.clip((height - self.z[0]) / (self.z[1] - self.z[0]), 0.0, 1.0)
        shrink = _CURVES[self.curve](u)
        sides = []
        for axis in (0, 1):
            start, end = self.bottom[axis] + shift[axis], self.top[axis] + shift[axis]
            half = (
                self.bottom[axis + 2] + u * (self.top[axis + 2] - self.bottom[axis + 2])
            ) * shrink[axis]
            # Neighbouring layers of a leaning part must share a voxel, not only touch at an edge.
            lean = abs(end - start) / (self.z[1] - self.z[0])
            half = np.maximum(half, ((0.7072 if self.round else 0.5) + lean / 2) / n)
            centre = start + u * (end - start)
            span = _voxels_between(float((centre - half).min()), float((centre + half).max()), n)
            places = (np.arange(span.start, span.stop) + 0.5) / n
            # (D, W) or (D, H)
            sides.append((span, np.abs(places - centre[:, None]) / half[:, None]))
        (x_span, x), (y_span, y) = sides
        if self.round:
            inside = (x * x)[:, None, :] + (y * y)[:, :, None] <= 1.0
        else:
            inside = (x <= 1.0)[:, None, :] & (y <= 1.0)[:, :, None]
        voxels[layers, y_span, x_span] |= inside  # (D, H, W)


class Rod(NamedTuple):
    """A round bar from `start` to `end` (x, y, z), with round ends, thick enough for one piece."""

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    radius: float

    def bounds(self) -> tuple[float, float, float, float]:
        (x0, y0, _), (x1, y1, _), r = self.start, self.end, self.radius
        return min(x0, x1) - r, max(x0, x1) + r, min(y0, y1) - r, max(y0, y1) + r

    def paint(self, voxels: np.ndarray, shift: tuple[float, float]) -> None:
        n = len(voxels)
        # half a voxel's diagonal: every voxel the axis crosses is inside
        radius = max(self.radius, 0.8661 / n)
        start = [self.start[0] + shift[0], self.start[1] + shift[1], self.start[2]]
        along = [b - a for a, b in zip(self.start, self.end, strict=True)]
        spans, offsets = [], []
        for axis, view in ((0, (1, 1, -1)), (1, (1, -1, 1)), (2, (-1, 1, 1))):
            low, high = sorted((start[axis], start[axis] + along[axis]))
            spans.append(_voxels_between(low - radius, high + radius, n))
            offsets.append(
                ((np.arange(spans[axis].start, spans[axis].stop) + 0.5) / n - start[axis]).reshape(
                    view
                )
            )
        progress = sum(o * a for o, a in zip(offsets, along, strict=True)) / sum(
            a * a for a in along
        )
        # (D, H, W), 0 at the start of the axis and 1 at its end
        progress = np.clip(progress, 0.0, 1.0)
        distance = sum((o - progress * a) ** 2 for o, a in zip(offsets, along, strict=True))
        voxels[spans[2], spans[1], spans[0]] |= distance <= radius**2


class Solid(NamedTuple):
    """A solid between (low, high) in x, y and z that is filled where `inside` says so.

    `inside` takes the coordinates x (W,), y (H, 1) and z (D, 1, 1) and returns a bool array that
    broadcasts to (D, H, W). There is no least thickness: everything that it fills should be at
    least THIN thick.
    """

    x: Interval
    y: Interval
    z: Interval
    inside: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]

    def bounds(self) -> tuple[float, float, float, float]:
        return (*self.x, *self.y)

    def paint(self, voxels: np.ndarray, shift: tuple[float, float]) -> None:
        n, places, spans = len(voxels), [], []
        for (low, high), move in ((self.x, shift[0]), (self.y, shift[1]), (self.z, 0.0)):
            spans.append(_voxels_between(low + move, high + move, n))
            places.append((np.arange(spans[-1].start, spans[-1].stop) + 0.5) / n - move)
        x, y, z = places
        voxels[spans[2], spans[1], spans[0]] |= self.inside(x, y[:, None], z[:, None, None])


_CURVES: dict[str, Callable[[np.ndarray], tuple[np.ndarray | float, np.ndarray | float]]] = {
    "straight": lambda u: (1.0, 1.0),
    "ball": lambda u: (np.sqrt(4.0 * u * (1.0 - u)),) * 2,
    "dome": lambda u: (np.sqrt(1.0 - u * u),) * 2,
    "arch": lambda u: (np.sqrt(1.0 - u * u), 1.0),
}


def _voxels_between(low: float, high: float, n: int) -> slice:
    """The voxels whose centre lies in [low, high); if there are none, the one at the middle."""
    first, last = math.ceil(low * n - 0.5), math.ceil(high * n - 0.5)
    if last <= first:
        first = math.floor((low + high) / 2 * n)
        last = first + 1
    return slice(max(first, 0), min(last, n))


def voxelise_parts(parts: Iterable[Box | Loft | Rod | Solid], resolution: int) -> np.ndarray:
    """Turn solid parts into voxels, with their bounding box centred in x and y.

    Args:
        parts: The parts; the shape is their union.
        resolution: Voxels per side of the cube.

    Returns:
        bool (D, H, W).
    """
    x_low, x_high, y_low, y_high = zip(*(part.bounds() for part in parts), strict=True)
    shift = 0.5 - (min(x_low) + max(x_high)) / 2, 0.5 - (min(y_low) + max(y_high)) / 2
    voxels = np.zeros((resolution,) * 3, dtype=bool)
    for part in parts:
        part.paint(voxels, shift)
    return voxels


NUMBERS = ("no", "one", "two", "three", "four", "five")


ENDS = (("left", -1), ("right", 1))


def span(middle: float, size: float) -> Interval:
    return middle - size / 2, middle + size / 2


def strip(sign: int, width: float, thickness: float) -> Interval:
    """The strip along the left (sign -1) or right (sign 1) edge of something `width` wide."""
    return span(sign * (width - thickness) / 2, thickness)


def disc(x: float, y: float, z: Interval, half_x: float, half_y: float) -> Loft:
    return Loft(z, (x, y, half_x, half_y), (x, y, half_x, half_y), round=True)


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


BOARD_WORDS = {
    "solid": "a solid {}",
    "rounded": "a rounded {}",
    "slatted": "a slatted {}",
    "ladder": "a ladder {}",
    "panel": "a {} that is open below",
}
