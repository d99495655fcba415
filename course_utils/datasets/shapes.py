"""Furniture from a seed: as many captioned voxel shapes as wanted, the same on every machine.

This is the data set of lessons 00, 08 and 09 and of the shipped voxel models. A family of shapes is one function
that draws every size first, in units of the cube's side, and returns a list of solid parts; only then are the
parts rasterised at voxel centres, so a seed names the same piece of furniture at every resolution.

Arrays are (D, H, W) = z, y, x: index 0 of z is the ground, index 0 of y is the front. Inside a family function
x and y are measured from the middle of the cube (left and front are negative), z from the ground.

Randomness is `numpy.random.PCG64(SeedSequence([crc32(family), seed]))`, read only as 53-bit fractions: both are
frozen by NumPy's compatibility policy (NEP 19), and adding a family changes no other family's shapes.
"""

import math
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import index as as_index
from typing import Any, NamedTuple

import numpy as np

Interval = tuple[float, float]

THIN = 0.066  # the thinnest part and the narrowest gap: two voxels of 32, so that a diffusion model can learn them
SMALLEST_RESOLUTION, LARGEST_RESOLUTION = 8, 128


@dataclass(frozen=True, eq=False)
class Shape:
    """One shape: voxels bool (D, H, W), its class, what it is made of, and a caption that says part of that."""

    voxels: np.ndarray
    label: int
    family: str
    attributes: dict[str, str | int | bool]
    caption: str


@dataclass(frozen=True, eq=False)
class ShapeSet:
    """N shapes: voxels bool (N, D, H, W), labels int64 (N,) into `CLASSES`, N captions, the families drawn from."""

    voxels: np.ndarray
    labels: np.ndarray
    captions: list[str]
    families: tuple[str, ...]


def make_shape(family: str, seed: int, resolution: int = 32) -> Shape:
    """The shape that `family` and `seed` name, on a grid of `resolution` voxels a side (8 to 128).

    It stands on the ground, is centred in x and y, and its largest extent is 0.76 to 0.94 of the cube's side. From
    16 voxels a side on it is one piece, connected through voxel faces. Raises ValueError for an unknown family, a
    negative seed or a resolution outside the range.
    """
    _known(family)
    seed = _integer("seed", seed, 0, None, "pass 0, 1, 2, …")
    resolution = _resolution(resolution)
    draws = Draws(family, seed)
    plan = _FAMILIES[family](draws)
    caption = _caption(draws, plan)
    voxels = _rasterise(plan.parts, resolution)
    return Shape(voxels, CLASSES.index(family), family, plan.attributes, caption)


def make_shapes(
    count: int, resolution: int = 32, families: Sequence[str] | None = None, first_index: int = 0
) -> ShapeSet:
    """`count` shapes with the indices `first_index`, `first_index + 1`, …; `families` is `CLASSES` if not given.

    Shape i is `make_shape(families[i % len(families)], seed=i)`: it depends on nothing but its index, so several
    workers make one data set by sharing out index ranges, and a held-out set is a range that training never
    touches. Families take turns. Raises ValueError as `make_shape` does, and for a negative count.
    """
    families = CLASSES if families is None else families
    if isinstance(families, str) or not families:
        raise ValueError(f"families={families!r}: expected a non-empty sequence of names, such as ('chair', 'lamp')")
    families = tuple(_known(family) for family in families)
    count = _integer("count", count, 0, None, "pass the number of shapes")
    first = _integer("first_index", first_index, 0, None, "indices start at 0")
    resolution = _resolution(resolution)
    voxels = np.empty((count, resolution, resolution, resolution), dtype=bool)
    labels = np.empty(count, dtype=np.int64)
    captions = []
    for row in range(count):
        shape = make_shape(families[(first + row) % len(families)], first + row, resolution)
        voxels[row], labels[row] = shape.voxels, shape.label
        captions.append(shape.caption)
    return ShapeSet(voxels, labels, captions, families)


def _known(family: str) -> str:
    if family not in CLASSES:
        raise ValueError(f"family={family!r}: expected one of {', '.join(CLASSES)}")
    return family


def _resolution(value: int) -> int:
    return _integer("resolution", value, SMALLEST_RESOLUTION, LARGEST_RESOLUTION, "32 is the course's own")


def _integer(name: str, value: Any, least: int, most: int | None, remedy: str) -> int:
    wanted = f"an integer of at least {least}" + ("" if most is None else f" and at most {most}")
    try:
        number = as_index(value)
    except TypeError:
        raise ValueError(f"{name}={value!r}: expected {wanted}; {remedy}") from None
    if number < least or (most is not None and number > most):
        raise ValueError(f"{name}={value!r}: expected {wanted}; {remedy}")
    return number


# ---------------------------------------------------------------------------------------------------------------
# Drawing: what a family function gets, and what it returns
# ---------------------------------------------------------------------------------------------------------------


class Draws:
    """The random decisions of one shape, in the order in which its family function asks for them."""

    def __init__(self, family: str, seed: int):
        sequence = np.random.SeedSequence([zlib.crc32(family.encode()), seed])
        self._fraction = np.random.Generator(np.random.PCG64(sequence)).random

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self._fraction()

    def whole(self, low: int, high: int) -> int:
        """An integer from low to high, both included."""
        return low + int(self._fraction() * (high - low + 1))

    def pick(self, *options: Any) -> Any:
        return options[int(self._fraction() * len(options))]

    def chance(self, probability: float) -> bool:
        return self._fraction() < probability

    def fit(self, width: float, depth: float, height: float, *others: float) -> list[float]:
        """The lengths, scaled so that the largest of width, depth and height fills 0.76 to 0.94 of the cube."""
        scale = self.between(0.76, 0.94) / max(width, depth, height)
        return [scale * length for length in (width, depth, height, *others)]


class Plan(NamedTuple):
    """What a family function returns: solid parts, true statements, and the words a caption may choose from."""

    parts: list["Box | Loft | Rod"]
    attributes: dict[str, str | int | bool]
    nouns: list[str]
    adjectives: list[str]  # in the order in which English puts them
    details: list[str]  # noun phrases that follow "with"


_FAMILIES: dict[str, Callable[[Draws], Plan]] = {}


def family(function: Callable[[Draws], Plan]) -> Callable[[Draws], Plan]:
    """Register `function` under its own name as the next class."""
    _FAMILIES[function.__name__] = function
    return function


def _caption(draws: Draws, plan: Plan) -> str:
    """'a low round table with a shelf and four legs': at most two adjectives and three details, all of them true."""
    adjectives = [word for word in plan.adjectives if draws.chance(0.65)][:2]
    details = list(plan.details)
    number = min(len(details), draws.pick(0, 1, 1, 2, 2, 2, 3, 3, 3, 3))
    chosen = [details.pop(draws.whole(0, len(details) - 1)) for _ in range(number)]
    name = " ".join([*adjectives, draws.pick(*plan.nouns)])
    article = "an" if name[0] in "aeiou" else "a"
    link = draws.pick("with", "with", "that has", "featuring")
    listed = " and ".join([", ".join(chosen[:-1]), chosen[-1]] if len(chosen) > 1 else chosen)
    return f"{article} {name} {link} {listed}" if listed else f"{article} {name}"


# ---------------------------------------------------------------------------------------------------------------
# Solid parts: each knows its bounds in x and y and how to fill the voxels whose centre lies inside it
# ---------------------------------------------------------------------------------------------------------------


class Box(NamedTuple):
    """An upright box between (low, high) in x, y and z; at least one voxel thick at any resolution."""

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
    """A pile of horizontal slices from z[0] to z[1]: rectangles, or ellipses if `round`.

    The centre (x, y) and the half sizes (x, y) run straight from `bottom` to `top`; `curve` then scales the half
    sizes: cones and leaning panels are "straight", "ball" and "dome" are ellipsoids, whole and upper half, and an
    "arch" narrows in x only.
    """

    z: Interval
    bottom: tuple[float, float, float, float]  # centre x, centre y, half size x, half size y
    top: tuple[float, float, float, float]
    round: bool = False
    curve: str = "straight"

    def bounds(self) -> tuple[float, float, float, float]:
        (x0, y0, a0, b0), (x1, y1, a1, b1) = self.bottom, self.top
        return min(x0 - a0, x1 - a1), max(x0 + a0, x1 + a1), min(y0 - b0, y1 - b1), max(y0 + b0, y1 + b1)

    def paint(self, voxels: np.ndarray, shift: tuple[float, float]) -> None:
        n = len(voxels)
        layers = _voxels_between(*self.z, n)
        height = (np.arange(layers.start, layers.stop) + 0.5) / n  # (D,)
        u = np.clip((height - self.z[0]) / (self.z[1] - self.z[0]), 0.0, 1.0)
        shrink = _CURVES[self.curve](u)
        sides = []
        for axis in (0, 1):
            start, end = self.bottom[axis] + shift[axis], self.top[axis] + shift[axis]
            half = (self.bottom[axis + 2] + u * (self.top[axis + 2] - self.bottom[axis + 2])) * shrink[axis]
            # Neighbouring layers of a leaning part must share a voxel, else they only touch along an edge.
            lean = abs(end - start) / (self.z[1] - self.z[0])
            half = np.maximum(half, ((0.7072 if self.round else 0.5) + lean / 2) / n)
            centre = start + u * (end - start)
            span = _voxels_between(float((centre - half).min()), float((centre + half).max()), n)
            places = (np.arange(span.start, span.stop) + 0.5) / n
            sides.append((span, np.abs(places - centre[:, None]) / half[:, None]))  # (D, W) or (D, H)
        (x_span, x), (y_span, y) = sides
        if self.round:
            inside = (x * x)[:, None, :] + (y * y)[:, :, None] <= 1.0
        else:
            inside = (x <= 1.0)[:, None, :] & (y <= 1.0)[:, :, None]
        voxels[layers, y_span, x_span] |= inside  # (D, H, W)


class Rod(NamedTuple):
    """A round bar from `start` to `end` (x, y, z), with round ends; never thinner than what keeps it in one piece."""

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    radius: float

    def bounds(self) -> tuple[float, float, float, float]:
        (x0, y0, _), (x1, y1, _), r = self.start, self.end, self.radius
        return min(x0, x1) - r, max(x0, x1) + r, min(y0, y1) - r, max(y0, y1) + r

    def paint(self, voxels: np.ndarray, shift: tuple[float, float]) -> None:
        n = len(voxels)
        radius = max(self.radius, 0.8661 / n)  # half a voxel's diagonal: every voxel the axis crosses is inside
        start = [self.start[0] + shift[0], self.start[1] + shift[1], self.start[2]]
        along = [b - a for a, b in zip(self.start, self.end, strict=True)]
        spans, offsets = [], []
        for axis, view in ((0, (1, 1, -1)), (1, (1, -1, 1)), (2, (-1, 1, 1))):
            low, high = sorted((start[axis], start[axis] + along[axis]))
            spans.append(_voxels_between(low - radius, high + radius, n))
            offsets.append(((np.arange(spans[axis].start, spans[axis].stop) + 0.5) / n - start[axis]).reshape(view))
        progress = sum(o * a for o, a in zip(offsets, along, strict=True)) / sum(a * a for a in along)
        progress = np.clip(progress, 0.0, 1.0)  # (D, H, W), 0 at the start of the axis and 1 at its end
        distance = sum((o - progress * a) ** 2 for o, a in zip(offsets, along, strict=True))
        voxels[spans[2], spans[1], spans[0]] |= distance <= radius**2


_CURVES: dict[str, Callable[[np.ndarray], tuple[np.ndarray | float, np.ndarray | float]]] = {
    "straight": lambda u: (1.0, 1.0),
    "ball": lambda u: (np.sqrt(4.0 * u * (1.0 - u)),) * 2,
    "dome": lambda u: (np.sqrt(1.0 - u * u),) * 2,
    "arch": lambda u: (np.sqrt(1.0 - u * u), 1.0),
}


def _voxels_between(low: float, high: float, n: int) -> slice:
    """The voxels whose centre lies in [low, high), or, if there is none, the one that holds the middle."""
    first, last = math.ceil(low * n - 0.5), math.ceil(high * n - 0.5)
    if last <= first:
        first = math.floor((low + high) / 2 * n)
        last = first + 1
    return slice(max(first, 0), min(last, n))


def _rasterise(parts: Iterable[Box | Loft | Rod], resolution: int) -> np.ndarray:
    """The union of the parts, moved so that their bounding box is centred in x and y: bool (D, H, W)."""
    x_low, x_high, y_low, y_high = zip(*(part.bounds() for part in parts), strict=True)
    shift = 0.5 - (min(x_low) + max(x_high)) / 2, 0.5 - (min(y_low) + max(y_high)) / 2
    voxels = np.zeros((resolution,) * 3, dtype=bool)
    for part in parts:
        part.paint(voxels, shift)
    return voxels


# ---------------------------------------------------------------------------------------------------------------
# Parts that several families share
# ---------------------------------------------------------------------------------------------------------------


def _span(middle: float, size: float) -> Interval:
    return middle - size / 2, middle + size / 2


def _disc(x: float, y: float, z: Interval, half_x: float, half_y: float) -> Loft:
    return Loft(z, (x, y, half_x, half_y), (x, y, half_x, half_y), round=True)


def _slab(width: float, depth: float, z: Interval, is_round: bool) -> Box | Loft:
    """A seat or table top around the middle."""
    if is_round:
        return _disc(0.0, 0.0, z, width / 2, depth / 2)
    return Box(_span(0.0, width), _span(0.0, depth), z)


def _leg(x: float, y: float, height: float, thickness: float, splay: float = 0.0) -> Box | Loft:
    """A leg under (x, y); its foot stands further out by the fraction `splay` of x and y."""
    if splay == 0.0:
        return Box(_span(x, thickness), _span(y, thickness), (0.0, height))
    foot, half = 1.0 + splay, thickness / 2
    return Loft((0.0, height), (x * foot, y * foot, half, half), (x, y, half, half))


def _corners(x: float, y: float) -> list[tuple[float, float]]:
    return [(-x, -y), (x, -y), (-x, y), (x, y)]


def _board(style: str, width: float, y: float, z: Interval, thickness: float, lean: float = 0.0) -> list[Box | Loft]:
    """A backrest or headboard in the plane y, from z[0] to z[1], leaning back by `lean` a unit of height.

    Styles: "solid", "rounded" (an arched top), "slatted" (upright slats), "ladder" (bars across) and "panel" (a
    panel between two posts, open below).
    """

    def plate(x: Interval, low: float, high: float, curve: str = "straight") -> Loft:
        middle, half = (x[0] + x[1]) / 2, (x[1] - x[0]) / 2
        bottom, top = y + lean * (low - z[0]), y + lean * (high - z[0])
        half_y = thickness / 2
        return Loft((low, high), (middle, bottom, half, half_y), (middle, top, half, half_y), curve=curve)

    side, height, bar = width / 2, z[1] - z[0], max(THIN, 0.08 * width)
    if style == "solid":
        return [plate((-side, side), *z)]
    if style == "rounded":
        shoulder = z[1] - min(0.6 * height, 0.7 * side)
        return [plate((-side, side), z[0], shoulder), plate((-side, side), shoulder, z[1], curve="arch")]
    posts = [plate((-side, bar - side), *z), plate((side - bar, side), *z)]
    if style == "panel":
        return [*posts, plate((-side, side), z[1] - 0.5 * height, z[1])]
    if style == "slatted":
        gaps = max(2, int((width - bar) / (2.1 * bar)))
        middles = [-side + bar / 2 + (width - bar) * i / gaps for i in range(1, gaps)]
        return [*posts, plate((-side, side), z[1] - bar, z[1])] + [plate(_span(m, bar), *z) for m in middles]
    gaps = max(2, int(height / (2.1 * THIN)))
    tops = [z[0] + height * i / gaps for i in range(1, gaps + 1)]
    return posts + [plate((-side, side), top - THIN, top) for top in tops]


_BOARD_WORDS = {
    "solid": "a solid {}",
    "rounded": "a rounded {}",
    "slatted": "a slatted {}",
    "ladder": "a ladder {}",
    "panel": "a {} that is open below",
}


# ---------------------------------------------------------------------------------------------------------------
# The families. To add one, write one function; its name is the class, its place in the file the label.
# ---------------------------------------------------------------------------------------------------------------


@family
def chair(draws: Draws) -> Plan:
    high_back, reclined = draws.chance(0.5), draws.chance(0.4)
    seat_shape = draws.pick("square", "square", "round")
    armrests = seat_shape == "square" and draws.chance(0.5)
    base = draws.pick("four legs", "four legs", "three legs", "pedestal", "runners")
    back = draws.pick("solid", "rounded", "slatted", "ladder", "panel")

    seat_height, rise = draws.between(0.37, 0.5), draws.between(0.5, 0.68) if high_back else draws.between(0.32, 0.42)
    width, depth, height, seat_height = draws.fit(
        draws.between(0.5, 0.72), draws.between(0.48, 0.7), seat_height + rise, seat_height
    )
    seat, back_thickness = draws.between(THIN, 0.12), draws.between(THIN, 0.09)
    lean = draws.between(0.2, 0.32) if reclined else 0.0
    depth -= lean * (height - seat_height)  # from here on the depth of the seat
    round_seat = seat_shape == "round"
    back_width = width * (draws.between(0.62, 0.72) if round_seat else 1.0 if armrests else draws.between(0.85, 1.0))
    back_y = (0.36 if round_seat else 0.5) * depth - back_thickness / 2

    parts = [_slab(width, depth, (seat_height - seat, seat_height), round_seat)]
    parts += _chair_base(draws, base, width, depth, seat_height - seat / 2, round_seat)
    parts += _board(back, back_width, back_y, (seat_height, height), back_thickness, lean)
    if armrests:
        parts += _armrests(draws, width, depth, seat_height, back_y, lean)
    attributes = {
        "back": back,
        "back_height": "high" if high_back else "low",
        "reclined": reclined,
        "seat": seat_shape,
        "armrests": armrests,
        "base": base,
    }
    details = [
        _BOARD_WORDS[back].format("back"),
        f"a {attributes['back_height']} back",
        f"a {seat_shape} seat",
        {"pedestal": "a pedestal foot"}.get(base, base),
    ]
    details += ["a reclined back"] if reclined else []
    if armrests and draws.chance(0.4):
        return Plan(parts, attributes, ["armchair"], [], details)
    return Plan(parts, attributes, ["chair"], [], [*details, "armrests" if armrests else "no armrests"])


def _chair_base(
    draws: Draws, base: str, width: float, depth: float, height: float, round_seat: bool
) -> list[Box | Loft]:
    thickness = draws.between(THIN, 0.095)
    reach = 0.68 if round_seat else 1.0  # the corners of a square inside the circle
    x, y = (reach * width - thickness) / 2, (reach * depth - thickness) / 2
    if base == "pedestal":
        column, foot = draws.between(0.045, 0.08), draws.between(0.3, 0.46)
        rim = draws.between(THIN, 0.09)
        return [
            _disc(0.0, 0.0, (0.0, height), column, column),
            _disc(0.0, 0.0, (0.0, rim), foot * width, foot * min(width, depth)),
        ]
    if base == "runners":
        bars = [Box(_span(side, thickness), (-y - thickness / 2, y + thickness / 2), (0.0, THIN)) for side in (-x, x)]
        return bars + [_leg(*corner, height, thickness) for corner in _corners(x, y)]
    splay = draws.pick(0.0, 0.0, draws.between(0.08, 0.22))
    x, y = x / (1 + splay), y / (1 + splay)
    if base == "three legs":
        return [_leg(*spot, height, thickness, splay) for spot in ((-x, -y), (x, -y), (0.0, y))]
    return [_leg(*corner, height, thickness, splay) for corner in _corners(x, y)]


def _armrests(draws: Draws, width: float, depth: float, seat: float, back_y: float, lean: float) -> list[Box]:
    """Two bars beside the seat, from the backrest to a post near the front edge."""
    thickness, top = draws.between(THIN, 0.09), seat + draws.between(0.17, 0.23)
    front = -depth / 2 + draws.between(0.0, 0.15) * depth
    parts = []
    for x in (-(width - thickness) / 2, (width - thickness) / 2):
        parts.append(Box(_span(x, thickness), (front, back_y + lean * (top - seat)), (top - THIN, top)))
        parts.append(Box(_span(x, thickness), (front, front + thickness), (seat - THIN / 2, top)))
    return parts


@family
def table(draws: Draws) -> Plan:
    size = draws.pick("low", "medium", "tall")
    top = draws.pick("rectangular", "rectangular", "rectangular", "round", "oval")
    base = draws.pick("four legs", "four legs", "pedestal", "trestle", "side panels")
    if top == "round" and base in ("trestle", "side panels"):
        base = "four legs"

    ratio = {"low": (0.32, 0.48), "medium": (0.56, 0.85), "tall": (1.1, 1.6)}[size]
    slimness = {"rectangular": (0.45, 1.0), "round": (1.0, 1.0), "oval": (0.6, 0.78)}[top]
    width, depth, height = draws.fit(1.0, draws.between(*slimness), draws.between(*ratio))
    thickness = draws.between(THIN, 0.12)
    under, is_round = height - thickness, top != "rectangular"
    extra = _table_extra(draws, base, size, top, under)

    bevel = draws.pick(0.0, draws.between(0.1, 0.35)) if is_round or base in ("pedestal", "trestle") else 0.0
    edge, lower_face = height - thickness / 2, (0.0, 0.0, (1 - bevel) * width / 2, (1 - bevel) * depth / 2)
    parts = [Loft((under, edge), lower_face, (0.0, 0.0, width / 2, depth / 2), round=is_round)]
    parts.append(_slab(width, depth, (edge, height), is_round))
    parts += _table_base(draws, base, width, depth, height - thickness / 2, is_round)
    if extra == "apron":
        low, shares = under - draws.between(THIN, 0.12), (draws.between(0.6, 0.92), draws.between(0.6, 0.92))
        parts.append(_slab(shares[0] * width, shares[0 if top == "round" else 1] * depth, (low, height), is_round))
    if extra == "shelf":
        level, share = draws.between(0.2, 0.45) * under, 0.78 if is_round else draws.between(0.9, 1.0)
        parts.append(_slab(share * width, share * depth, (level, level + draws.between(THIN, 0.09)), is_round))
    if extra.startswith("drawers"):
        block, low = draws.between(0.24, 0.34) * width, draws.between(0.3, 0.7) * under
        for side in {"left": (-1,), "right": (1,), "both": (-1, 1)}[extra.split()[-1]]:
            x = side * (width - block) / 2
            parts.append(Box(_span(x, block), _span(0.0, 0.9 * depth), (low, height - thickness / 2)))
    attributes = {"size": size, "top": top, "base": base, "extra": extra}
    details = ["an oval top" if top == "oval" else f"a {top} top"]
    details.append({"pedestal": "a central pedestal", "trestle": "a trestle base"}.get(base, base))
    phrases = {"none": [], "apron": ["a deep apron"], "shelf": ["a shelf below"]}
    details += phrases.get(extra, ["drawers on " + ("both sides" if extra == "drawers both" else f"the {extra[8:]}")])
    nouns = {"low": ["coffee table", "table"], "medium": ["table"], "tall": ["bar table", "table"]}[size]
    return Plan(parts, attributes, nouns, [] if size == "medium" else [size], details)


def _table_extra(draws: Draws, base: str, size: str, top: str, under: float) -> str:
    """What hangs between top and floor: an apron anywhere, a shelf or drawers only where there is room."""
    options = ["apron", "apron" if top == "round" else "none"]
    if base == "four legs" and under > 0.34:
        options.append("shelf")
        if size == "medium" and top == "rectangular":
            options += ["drawers left", "drawers right", "drawers both"]
    return draws.pick(*options)


def _table_base(draws: Draws, base: str, width: float, depth: float, height: float, is_round: bool) -> list[Box | Loft]:
    thickness, inset = draws.between(THIN, 0.14), draws.between(0.0, 0.07)
    if base == "pedestal":
        column, foot, rim = draws.between(0.045, 0.12), draws.between(0.26, 0.44), draws.between(THIN, 0.12)
        half_x, half_y = foot * width, foot * depth
        tip = draws.pick(1.0, 0.4)  # a flat disc, or one that rises towards the column
        return [
            _disc(0.0, 0.0, (0.0, height), column, column),
            Loft((0.0, rim), (0.0, 0.0, half_x, half_y), (0.0, 0.0, tip * half_x, tip * half_y), round=True),
        ]
    reach = 0.7 if is_round else 1.0
    inset = max(0.0, min(inset, (reach * depth - 3.1 * THIN) / 2))
    thickness = min(thickness, (reach * depth - 2 * inset - 1.1 * THIN) / 2)  # so that there is air between legs
    x, y = (reach * width - thickness) / 2 - inset, (reach * depth - thickness) / 2 - inset
    if base == "four legs":
        splay = draws.pick(0.0, 0.0, draws.between(0.08, 0.2))
        x, y = (x, y) if is_round else (x / (1 + splay), y / (1 + splay))
        return [_leg(*corner, height, thickness, splay) for corner in _corners(x, y)]
    if base == "side panels":
        panel_depth = draws.between(0.75, 0.95) * reach * depth
        return [Box(_span(side, thickness), _span(0.0, panel_depth), (0.0, height)) for side in (-x, x)]
    x *= draws.between(0.7, 0.95)
    beam = height * draws.between(0.35, 0.6)
    parts = [Box((-x, x), _span(0.0, THIN), _span(beam, THIN))]
    for side in (-x, x):
        parts.append(Box(_span(side, thickness), _span(0.0, draws.between(0.12, 0.2)), (0.0, height)))
        parts.append(Box(_span(side, thickness), _span(0.0, 0.85 * reach * depth), (0.0, THIN)))
    return parts


@family
def lamp(draws: Draws) -> Plan:
    kind = draws.pick("floor", "table", "arc", "desk")
    shade = draws.pick("dome", "cone") if kind == "desk" else draws.pick("cone", "drum", "globe", "dome", "box")
    foot = draws.pick("round", "square", "tripod") if kind == "floor" else draws.pick("round", "square")
    body = draws.pick("slim", "ball", "vase") if kind == "table" else "slim"

    height = draws.between(0.76, 0.94)
    pole = draws.between(THIN, 0.09) / 2
    if kind in ("floor", "table"):
        parts = _upright_lamp(draws, kind, body, shade, foot, height, pole)
    elif kind == "arc":
        parts = _arc_lamp(draws, shade, foot, height, pole)
    else:
        parts = _desk_lamp(draws, shade, foot, pole)
    attributes = {"kind": kind, "shade": shade, "foot": foot, "body": body}
    shades = {"cone": "a conical shade", "drum": "a cylindrical shade", "globe": "a round globe"}
    shades |= {"dome": "a dome-shaped shade", "box": "a square shade"}
    details = [shades[shade], "three legs" if foot == "tripod" else f"a {foot} foot"]
    details += {"ball": ["a ball-shaped body"], "vase": ["a conical body"]}.get(body, [])
    details += {"arc": ["a curved arm"], "desk": ["a jointed arm"]}.get(kind, [])
    return Plan(parts, attributes, [f"{kind} lamp", f"{kind} lamp", "lamp"], [], details)


def _shade(draws: Draws, shade: str, x: float, y: float, z: Interval, half: float) -> Loft:
    deep = half * draws.between(0.75, 1.0) if shade in ("drum", "box") else half
    tip = draws.between(0.3, 0.65) if shade == "cone" else draws.pick(1.0, draws.between(0.5, 0.75))
    if shade in ("globe", "dome"):
        tip = 1.0
    elif shade == "drum":
        tip = draws.between(0.9, 1.0)
    curve = {"globe": "ball", "dome": "dome"}.get(shade, "straight")
    return Loft(z, (x, y, half, deep), (x, y, tip * half, tip * deep), round=shade != "box", curve=curve)


def _lamp_foot(draws: Draws, foot: str, y: float, half: float) -> list[Box | Loft]:
    rim = draws.between(THIN, 0.1)
    if foot == "square":
        return [Box(_span(0.0, 2 * half), _span(y, 2 * half), (0.0, rim))]
    tip = draws.pick(1.0, draws.between(0.4, 0.7)) * half
    return [Loft((0.0, rim), (0.0, y, half, half), (0.0, y, tip, tip), round=True)]


def _upright_lamp(
    draws: Draws, kind: str, body: str, shade: str, foot: str, height: float, pole: float
) -> list[Box | Loft | Rod]:
    if kind == "floor":
        half, tall, foot_half = draws.between(0.12, 0.25), draws.between(0.16, 0.34), draws.between(0.11, 0.2)
    else:
        half, tall, foot_half = draws.between(0.22, 0.38), draws.between(0.22, 0.42), draws.between(0.13, 0.24)
    if shade == "globe":
        half *= 0.8
        tall = 2 * half * draws.between(0.85, 1.0)
    low = height - tall
    joint = low * draws.between(0.5, 1.0) if foot == "tripod" else 0.0  # where the pole begins
    parts = [_shade(draws, shade, 0.0, 0.0, (low, height), half)]
    parts.append(_disc(0.0, 0.0, (max(0.0, joint - pole), low + tall / 3), pole, pole))
    if foot == "tripod":
        reach = draws.between(0.2, 0.32)
        for x, y in ((-0.87, -0.5), (0.87, -0.5), (0.0, 1.0)):
            parts.append(Rod((x * reach, y * reach, pole), (0.0, 0.0, joint), max(pole, 0.036)))
        return parts
    parts += _lamp_foot(draws, foot, 0.0, foot_half)
    waist, top = draws.between(0.1, 0.17), low - draws.between(0.0, 0.2) * low
    if body == "ball":
        parts.append(Loft((0.03, top), (0.0, 0.0, waist, waist), (0.0, 0.0, waist, waist), round=True, curve="ball"))
    if body == "vase":
        parts.append(Loft((0.03, top), (0.0, 0.0, waist, waist), (0.0, 0.0, pole, pole), round=True))
    return parts


def _arc_lamp(draws: Draws, shade: str, foot: str, height: float, pole: float) -> list[Box | Loft | Rod]:
    """A pole at the back that bends over to the front in half an ellipse and holds the shade there."""
    reach, bend = draws.between(0.4, 0.56), height * draws.between(0.25, 0.4)
    half, tall = draws.between(0.12, 0.19), draws.between(0.16, 0.26)
    tall = 2 * half if shade == "globe" else tall
    middle, spring = 0.0, height - pole - bend
    angles = np.linspace(0.0, 0.9 * np.pi, 8)
    bow = [(0.0, middle + reach / 2 * math.cos(a), spring + bend * math.sin(a)) for a in angles]
    end_y, end_z = bow[-1][1], bow[-1][2] + pole
    parts = [Rod(a, b, pole) for a, b in pairwise(bow)]
    parts += [Rod((0.0, bow[0][1], 0.03), bow[0], pole), *_lamp_foot(draws, foot, bow[0][1], draws.between(0.12, 0.19))]
    return [*parts, _shade(draws, shade, 0.0, end_y, (end_z - tall, end_z), half)]


def _desk_lamp(draws: Draws, shade: str, foot: str, pole: float) -> list[Box | Loft | Rod]:
    """Two straight arms with a joint at the back, and a head that looks down at the front."""
    joint = (0.0, draws.between(0.12, 0.3), draws.between(0.4, 0.55))
    head = (0.0, -draws.between(0.2, 0.34), draws.between(0.76, 0.88))
    half, tall = draws.between(0.13, 0.22), draws.between(0.16, 0.26)
    parts = [Rod((0.0, 0.0, 0.03), joint, pole), Rod(joint, head, pole)]
    parts += _lamp_foot(draws, foot, 0.0, draws.between(0.16, 0.27))
    top = head[2] + pole
    return [*parts, _shade(draws, shade, 0.0, head[1], (top - tall, top), half)]


@family
def sofa(draws: Draws) -> Plan:
    seats, form = draws.pick(2, 3), draws.pick("straight", "corner", "chaise")
    side = "none" if form == "straight" else draws.pick("left", "right")
    arms, legs = draws.pick("none", "low", "high"), draws.chance(0.5)
    back_style = draws.pick("plain", "rounded", "cushioned", "cushioned")

    width = draws.between(0.76, 0.94)
    bulk = draws.between(1.0, 1.32) if seats == 2 else draws.between(0.95, 1.15)
    gap = draws.between(THIN, 0.12) if legs else 0.0
    base_top = gap + bulk * draws.between(0.07, 0.17)
    seat = base_top + bulk * draws.between(0.07, 0.1)
    height = seat + bulk * draws.between(0.17, 0.36)
    back, arm = draws.between(0.08, 0.18), draws.between(0.08, 0.18)
    high_arm = draws.between(0.45, 0.65) if back_style == "rounded" else draws.between(0.6, 1.0)
    arm_top = seat + (draws.between(0.05, 0.07) if arms == "low" else high_arm * (height - seat))
    depth = back + bulk * draws.between(0.2, 0.44)
    arm_front = -depth * draws.pick(1.0, draws.between(0.7, 1.0))
    reach = depth if side == "none" else min(depth + draws.between(0.16, 0.36), 0.8)  # the side that comes forward

    # The back of the sofa is the plane y = 0, its front y = -depth: `_rasterise` moves it to the middle.
    parts = [Box(_span(0.0, width), (-depth, 0.0), (gap, base_top))]
    parts += _sofa_back(draws, back_style, width, back, (gap, seat, height))
    margins = {"left": 0.0, "right": 0.0}
    for end, sign in _ENDS:
        if end == side and form == "corner":
            margins[end] = back
            parts.append(Box(_strip(sign, width, back), (-reach, 0.0), (gap, height)))
        elif arms != "none" and end != side:
            margins[end] = arm
            parts.append(Box(_strip(sign, width, arm), (arm_front, 0.0), (gap, arm_top)))
    groove = draws.between(THIN, 0.085)
    left, cushion = margins["left"] - width / 2, (width - sum(margins.values()) - (seats - 1) * groove) / seats
    puff, puff_top = draws.between(THIN, 0.11), seat + draws.between(0.65, 0.95) * (height - seat)
    for i in range(seats):
        x = (left + i * (cushion + groove), left + i * (cushion + groove) + cushion)
        front = -reach if (side, i) in (("left", 0), ("right", seats - 1)) else -depth
        parts += [Box(x, (front, -back / 2), (gap, base_top)), Box(x, (front, -back / 2), (base_top, seat))]
        parts += [Box(x, (-back - puff, -back / 2), (seat, puff_top))] if back_style == "cushioned" else []
    for end, sign in _ENDS if legs else ():
        x, front = _strip(sign, width, THIN), -reach if end == side else -depth
        parts += [Box(x, (-THIN, 0.0), (0.0, base_top)), Box(x, (front, front + THIN), (0.0, base_top))]
    attributes = {"seats": seats, "form": form, "side": side, "arms": arms, "legs": legs, "back": back_style}
    details = [f"{_NUMBERS[seats]} seats", "short legs" if legs else "a base on the floor"]
    details += ["no arms" if arms == "none" else f"{arms} arms" if side == "none" else f"one {arms} arm"]
    details += ["back cushions" if back_style == "cushioned" else f"a {back_style} back"]
    details += [] if side == "none" else [f"a {form} on the {side}"]
    nouns = ["corner sofa", "sofa"] if form == "corner" else ["sofa", "sofa", "couch"]
    return Plan(parts, attributes, nouns, [], details)


_ENDS = (("left", -1), ("right", 1))


def _sofa_back(
    draws: Draws, style: str, width: float, back: float, levels: tuple[float, float, float]
) -> list[Box | Loft]:
    """The wall behind the seats; a "rounded" one rises in an arch, other ones may lean a little."""
    bottom, seat, height = levels
    wall = Box(_span(0.0, width), (-back, 0.0), (bottom, seat))
    if style == "rounded":
        shoulder = seat + draws.between(0.15, 0.5) * (height - seat)
        return [wall, *_board("solid", width, -back / 2, (seat, shoulder), back), _arch(width, back, shoulder, height)]
    return [wall, *_board("solid", width, -back / 2, (seat, height), back, draws.pick(0.0, draws.between(0.1, 0.3)))]


def _arch(width: float, back: float, shoulder: float, height: float) -> Loft:
    section = (0.0, -back / 2, width / 2, back / 2)
    return Loft((shoulder, height), section, section, curve="arch")


_NUMBERS = ("no", "one", "two", "three", "four", "five")


def _strip(sign: int, width: float, thickness: float) -> Interval:
    """The strip of `thickness` along the left (sign -1) or right (sign 1) edge of something `width` wide."""
    return _span(sign * (width - thickness) / 2, thickness)


@family
def bed(draws: Draws) -> Plan:
    kind = draws.pick("plain", "plain", "plain", "canopy", "bunk")
    size = "single" if kind == "bunk" else draws.pick("single", "double")
    headboard = draws.pick("none", *_BOARD_WORDS) if kind == "plain" else "none"
    footboard, blanket = kind == "plain" and draws.chance(0.4), draws.chance(0.5)
    nightstands = draws.pick("none", "left", "right", "both") if kind == "plain" and size == "single" else "none"
    legs, roof = kind != "plain" or draws.chance(0.6), kind == "canopy" and draws.chance(0.4)

    width, length, height = draws.fit(
        draws.between(0.38, 0.56) if size == "single" else draws.between(0.66, 1.0),
        1.0,
        {"plain": 0.0, "canopy": draws.between(0.72, 1.1), "bunk": draws.between(0.8, 1.2)}[kind],
    )
    gap = draws.between(THIN, 0.1 if kind == "bunk" else 0.2) if legs else 0.0
    frame = gap + (draws.between(THIN, 0.11) if legs else draws.between(0.09, 0.22))
    top = frame + draws.between(THIN, 0.08 if kind == "bunk" else 0.18)
    thickness, inset = draws.between(THIN, 0.095), draws.between(0.0, 0.06)
    ends = (length - thickness) / 2

    parts = _mattress(draws, size, (width, length, inset), (gap, frame, top), blanket)
    if legs:
        corners = _corners((width - thickness) / 2, ends)
        parts += [_leg(x, y, frame if kind == "plain" else height, thickness) for x, y in corners]
    if kind == "canopy":
        parts += _canopy(roof, width, length, thickness, height)
    if kind == "bunk":
        deck = draws.between(0.5, 0.62) * height
        levels = (deck, deck + THIN, deck + THIN + draws.between(THIN, 0.09))
        parts += _mattress(draws, size, (width, length, inset), levels, blanket)
        parts += [Box(_strip(sign, width, THIN), _span(0.0, length), (height - THIN, height)) for sign in (-1, 1)]
        parts += _board("ladder", width, -ends, (top, height), thickness)
    if headboard != "none":
        rise = draws.between(0.15 if headboard in ("solid", "rounded") else 0.28, 0.44)
        wide = width * (1.0 if nightstands != "none" else draws.between(1.0, 1.0 + 0.2 * (length - width)))
        parts.append(Box(_span(0.0, wide), _span(ends, thickness), (gap, top)))
        parts += _board(headboard, wide, ends, (top, top + rise), thickness)
    if footboard:
        parts.append(Box(_span(0.0, width), _span(-ends, thickness), (gap, top + draws.between(0.08, 0.16))))
    if nightstands != "none":
        parts += _nightstands(draws, nightstands, width, length / 2, (gap, frame))
    attributes = {"kind": kind, "size": size, "headboard": headboard, "footboard": footboard, "legs": legs}
    attributes |= {"blanket": blanket, "pillows": 1 if size == "single" else 2, "nightstands": nightstands}
    attributes["roof"] = roof
    nouns = {"plain": ["bed"], "canopy": ["canopy bed", "four-poster bed", "bed"], "bunk": ["bunk bed"]}[kind]
    return Plan(parts, attributes, nouns, [size], _bed_details(attributes))


def _bed_details(attributes: dict[str, str | int | bool]) -> list[str]:
    kind, nightstands = attributes["kind"], attributes["nightstands"]
    details = ["legs" if attributes["legs"] else "a box base", "a blanket" if attributes["blanket"] else "no blanket"]
    details += ["a footboard"] if attributes["footboard"] else []
    if nightstands != "none":
        details.append("two nightstands" if nightstands == "both" else f"a nightstand on the {nightstands}")
    if kind == "bunk":
        return [*details, "a ladder", "two levels"]
    details.append("a pillow" if attributes["pillows"] == 1 else "two pillows")
    if kind == "canopy":
        return [*details, "four tall posts", "a flat roof" if attributes["roof"] else "an open frame above"]
    board = _BOARD_WORDS.get(attributes["headboard"], "no {}")
    return [*details, board.format("headboard")]


def _mattress(
    draws: Draws, size: str, plan: tuple[float, float, float], levels: tuple[float, float, float], blanket: bool
) -> list[Box]:
    """A frame from levels[0] to levels[1] that carries a slightly smaller mattress up to levels[2], and bedding."""
    (width, length, inset), (low, frame, top) = plan, levels
    parts = [
        Box(_span(0.0, width), _span(0.0, length), (low, frame)),
        Box(_span(0.0, width - 2 * inset), _span(0.0, length - inset), (frame, top)),
    ]
    return parts + _bedding(draws, size, width, length, frame, top, blanket)


def _canopy(roof: bool, width: float, length: float, thickness: float, height: float) -> list[Box]:
    z = (height - THIN, height)
    if roof:
        return [Box(_span(0.0, width), _span(0.0, length), z)]
    ends = (length - thickness) / 2
    beams = [Box(_span(0.0, width), _span(y, thickness), z) for y in (-ends, ends)]
    return beams + [Box(_strip(sign, width, thickness), _span(0.0, length), z) for sign in (-1, 1)]


def _nightstands(draws: Draws, which: str, width: float, head: float, frame: Interval) -> list[Box]:
    """Small cabinets that touch the frame beside the pillows; they stand on the floor."""
    wide, deep = draws.between(0.14, 0.2), draws.between(0.15, 0.24)
    z, overlap = (0.0, frame[1] + draws.between(0.03, 0.12)), 0.02
    parts = []
    for side, sign in _ENDS:
        if which in (side, "both"):
            x = sign * (width / 2 + wide / 2 - overlap)
            parts.append(Box(_span(x, wide), (head - deep, head), z))
    return parts


def _bedding(
    draws: Draws, size: str, width: float, length: float, frame: float, top: float, blanket: bool
) -> list[Box]:
    """One or two pillows at the head (the back), and a blanket that covers the rest and hangs down at the sides."""
    head, deep, thick = length / 2 - draws.between(0.08, 0.12), draws.between(0.1, 0.18), draws.between(THIN, 0.095)
    if size == "single":
        pillows = [_span(0.0, draws.between(0.5, 0.7) * width)]
    else:
        wide = draws.between(0.32, 0.38) * width
        pillows = [_span(side * (wide + THIN + 0.01) / 2, wide) for side in (-1, 1)]
    parts = [Box(x, (head - deep, head), (top, top + thick)) for x in pillows]
    if blanket:
        fold = head - deep - draws.between(0.05, 0.25)
        parts.append(Box(_span(0.0, width), (-length / 2, fold), (frame, top + draws.between(0.035, 0.07))))
    return parts


@family
def shelf(draws: Draws) -> Plan:
    tall, frame = draws.chance(0.6), draws.pick("panels", "panels", "posts")
    legs = frame == "posts" or draws.chance(0.4)
    back, books, doors = draws.chance(0.5), draws.chance(0.65), draws.chance(0.25)

    width, depth, height = draws.fit(
        draws.between(0.36, 0.85) if tall else 1.0,
        draws.between(0.22, 0.5),
        1.0 if tall else draws.between(0.52, 0.9),
    )
    board, wall, panel = draws.between(THIN, 0.1), draws.between(THIN, 0.1), draws.between(THIN, 0.12)
    ground = draws.between(THIN, 0.16) if legs else 0.0
    rows = _compartments(draws, height - ground, board, 0.1, (2, 5))
    columns = 1 if frame == "posts" else _compartments(draws, width, wall, 0.13, (1, 4))
    doors = doors and rows > 1
    high_end = draws.pick("none", "left", "right") if rows > 1 and columns > 1 else "none"
    levels = _levels(ground, height - board, rows, draws.between(0.7, 1.45), board + 0.085)
    edges = _levels(-width / 2, width / 2 - wall, columns, draws.between(0.7, 1.45), wall + 0.125)
    steps = {"none": [0] * columns, "left": list(range(columns)), "right": list(range(columns))[::-1]}[high_end]
    stacks = [levels[: max(rows - step, 2 if doors else 1) + 1] for step in steps]

    parts = []
    for left, right, stack in zip(edges[:-1], edges[1:], stacks, strict=True):
        x, top = (left, right + wall), stack[-1] + board
        parts += [Box(x, _span(0.0, depth), (level, level + board)) for level in stack]
        if frame == "panels":
            parts += [Box((edge, edge + wall), _span(0.0, depth), (ground, top)) for edge in (left, right)]
        parts += [Box(x, (depth / 2 - panel, depth / 2), (ground, top))] if back else []
        parts += _books(draws, (left + wall, right), depth, stack[1 if doors else 0 :], board) if books else []
    parts += _doors(width, depth, (levels[0], levels[1] + board)) if doors else []
    if legs:
        post, post_top = (wall, height) if frame == "posts" else (THIN, ground + board)
        parts += [_leg(x, y, post_top, post) for x, y in _corners((width - post) / 2, (depth - post) / 2)]
    attributes = {"size": "tall" if tall else "wide", "rows": rows, "columns": columns, "frame": frame, "back": back}
    attributes |= {"doors": doors, "legs": legs, "books": books, "high_end": high_end}
    details = ["one row" if rows == 1 else f"{_NUMBERS[rows]} rows", "a back panel" if back else "an open back"]
    details += ["doors at the bottom"] if doors else []
    details += ["books"] if books else []
    details += ["corner posts"] if frame == "posts" else []
    details += [f"{_NUMBERS[columns]} columns"] if columns > 1 else []
    details += ["short legs"] if legs and frame == "panels" else []
    details += [f"steps that rise to the {high_end}"] if high_end != "none" else []
    return Plan(parts, attributes, ["bookshelf", "shelf"] if books else ["shelf"], [attributes["size"]], details)


def _compartments(draws: Draws, length: float, board: float, least: float, wanted: tuple[int, int]) -> int:
    """How many: within `wanted`, but no more than fit if each is `least` wide and boards stand between them."""
    most = max(1, min(wanted[1], int((length - board) / (board + least))))
    return draws.whole(min(wanted[0], most), most)


def _levels(low: float, high: float, rows: int, growth: float, least: float) -> list[float]:
    """Where the boards lie: `least` apart, plus a share of the rest that shrinks by `growth` from one to the next."""
    shares = [growth**-row for row in range(rows)]
    spare = high - low - rows * least
    levels = [low]
    for share in shares:
        levels.append(levels[-1] + least + spare * share / sum(shares))
    return levels


def _doors(width: float, depth: float, z: Interval) -> list[Box]:
    """A closed bottom row; it is solid, so that no cavity hides inside, with a groove between its two doors."""
    front = -depth / 2
    parts = [Box(_span(0.0, width), (front + THIN, -front), z)]
    return parts + [Box(x, (front, 0.0), z) for x in ((-width / 2, -THIN / 2), (THIN / 2, width / 2))]


def _books(draws: Draws, x: Interval, depth: float, levels: list[float], board: float) -> list[Box]:
    """A row of upright books of different heights in most compartments, against the left or the right side."""
    parts = []
    for low, high in pairwise(levels):
        sign, wall = draws.pick((1, x[0]), (-1, x[1]))
        start, end = 0.0, draws.between(0.35, 0.8) * (x[1] - x[0]) if draws.chance(0.85) else 0.0
        y = (-depth / 2 + draws.between(0.04, 0.1), depth / 2)
        while start + THIN <= end:
            thick, tall = draws.between(THIN, 0.12), min(draws.between(0.5, 0.8) * (high - low - board), 0.24)
            near, far = sorted((wall + sign * start, wall + sign * min(start + thick, end)))
            parts.append(Box((near, far), y, (low, low + board + max(THIN, tall))))
            start += thick
    return parts


CLASSES: tuple[str, ...] = tuple(_FAMILIES)
