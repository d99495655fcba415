"""Bridges from left to right: on piers, on arches, and hung from towers by cables."""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from course_utils.datasets.shapes.drawing import NUMBERS, THIN, Design, Draws, span
from course_utils.datasets.shapes.looking import lopsided, stretches
from course_utils.datasets.shapes.materials import COLOURS
from course_utils.datasets.shapes.parts import Part, numbered, part
from course_utils.datasets.shapes.solids import Box, Interval, Rod, Solid

SLOTS = ("deck", "piers", "railings", "cables")
MATERIALS = {
    "deck": ("stone", "concrete", "brick", "oak", "pine", "steel", "slate", *COLOURS),
    "piers": ("=deck", "=deck", "stone", "stone", "brick", "concrete", "oak", "steel", "red"),
    "railings": ("=deck", "=piers", "steel", "iron", "white", "black", "oak", "green"),
    "cables": ("steel", "steel", "iron", "red", "white", "black"),
}
OPTIONAL = frozenset({"hangers"})
Profile = Callable[[np.ndarray], np.ndarray | float]  # heights over x


class _Sizes(NamedTuple):
    """Lengths of a bridge, scaled to the cube; see `_sizes`."""

    long: float
    wide: float
    high: float  # the top of the deck, at its ends
    hump: float  # how much higher the deck is in the middle
    tower: float  # from the deck to a tower's top
    thick: float  # the deck


def draw(draws: Draws) -> Design:
    kind = draws.pick("beam", "arch", "suspension", "stayed")
    spans = {
        "beam": draws.pick(2, 3, 4), "arch": draws.pick(1, 2, 3), "suspension": 3, "stayed": 2
    }[kind]  # fmt: skip
    humped = kind in ("beam", "arch") and draws.chance(0.5)
    height, width = draws.pick("low", "high"), draws.pick("narrow", "wide")
    railings = draws.chance(0.5)

    s = _sizes(draws, kind, humped, height, width)

    def top(x: np.ndarray) -> np.ndarray | float:
        return s.high + s.hump * (1 - (2 * x / s.long) ** 2)

    whole: Interval = span(0.0, s.long)
    slab = _strip(whole, span(0.0, s.wide), lambda x: top(x) - s.thick, top, s)
    inner = s.wide - draws.between(0.072, 0.12)
    if kind == "arch":
        parts = _arches(draws, spans, s, inner, top)
    else:
        parts = _piers(draws, kind, spans, s, inner, top)
    parts.append(part("deck", "deck", slab))
    at = {"suspension": draws.between(0.2, 0.25) * s.long, "stayed": 0.0}
    if kind in at:
        parts += _cables(draws, kind, s, at[kind])
    if railings:
        rise = draws.between(0.075, 0.13)
        edges = [
            _strip(whole, span(sign * (s.wide - THIN) / 2, THIN), top, lambda x: top(x) + rise, s)
            for sign in (-1, 1)
        ]
        parts += numbered("railing", "railings", edges)
    if kind in at:
        parts += _towers(draws, s, sorted({-at[kind], at[kind]}))
    attributes = {"kind": kind, "spans": spans, "deck": "humped" if humped else "flat"}
    attributes |= {"height": height, "width": width, "railings": railings}
    return Design(parts, attributes, _NOUNS[kind], [height, width], _details(attributes))


_NOUNS = {
    "beam": ["beam bridge"],
    "arch": ["arch bridge"],
    "suspension": ["suspension bridge"],
    "stayed": ["cable stayed bridge"],
}


def _details(attributes: dict[str, str | int | bool]) -> list[str]:
    spans = attributes["spans"]
    details = [f"{NUMBERS[spans]} span{'s' * (spans > 1)}", f"a {attributes['deck']} deck"]
    return details + (["railings"] if attributes["railings"] else ["no railings"])


def _sizes(draws: Draws, kind: str, humped: bool, height: str, width: str) -> _Sizes:
    high = (
        draws.between(0.27 if kind == "arch" else 0.23, 0.31)
        if height == "low"
        else draws.between(0.41, 0.56)
    )
    wide = draws.between(0.24, 0.34) if width == "narrow" else draws.between(0.44, 0.62)
    hump = draws.between(0.11, 0.16) if humped else 0.0
    tower = draws.between(0.3, 0.42) if kind in ("suspension", "stayed") else 0.0
    thick = draws.between(0.07, 0.105)
    sizes = draws.fit(1.0, wide, high + max(hump, tower), 1.0, wide, high, hump, tower)
    s = _Sizes(*sizes[3:], thick)
    return s._replace(wide=max(s.wide, 0.22))


def _strip(x: Interval, y: Interval, low: Profile, high: Profile, s: _Sizes) -> Solid:
    """A solid between two heights that depend on x."""

    def inside(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        return (z >= low(x)) & (z < high(x))

    return Solid(x, y, (0.0, s.high + s.hump + 0.14), inside)


def _arches(draws: Draws, spans: int, s: _Sizes, wide: float, top: Profile) -> list[Part]:
    """A wall under the deck with openings that are round above."""
    pier = max(draws.between(0.07, 0.15) * s.long, 0.08)
    half = (s.long - (spans + 1) * pier) / spans / 2
    centres = [pier + half + k * (2 * half + pier) - s.long / 2 for k in range(spans)]
    crown = s.thick + draws.between(0.0, 0.03)

    def ceiling(x: np.ndarray) -> np.ndarray:
        asides = [np.clip(1 - ((x - centre) / half) ** 2, 0.0, None) for centre in centres]
        return sum(
            (top(centre) - crown) * aside**0.75
            for centre, aside in zip(centres, asides, strict=True)
        )

    wall = _strip(span(0.0, s.long), span(0.0, wide), ceiling, lambda x: top(x) - s.thick / 2, s)
    return [part("arches", "piers", wall)]


def _piers(draws: Draws, kind: str, spans: int, s: _Sizes, wide: float, top: Profile) -> list[Part]:
    """Blocks at the ends of the deck and, where no towers stand, piers or pairs of columns."""
    most = 0.13 if kind == "suspension" else 0.17
    end, pier = draws.between(0.08, most) * s.long, draws.between(0.07, 0.12)

    def block(x: Interval, y: Interval) -> Solid:
        return _strip(x, y, lambda x: 0.0, lambda x: top(x) - s.thick / 2, s)

    ends = [block(span(sign * (s.long - end) / 2, end), span(0.0, wide)) for sign in (-1, 1)]
    parts = numbered("abutment", "piers", ends)
    if kind != "beam":
        return parts
    free = (s.long - 2 * end - (spans - 1) * pier) / spans
    columns = draws.chance(0.5)
    side = max(draws.between(0.22, 0.36) * wide, THIN)
    rows = [span(sign * (wide - side) / 2, side) for sign in (-1, 1)] if columns else []
    for k in range(1, spans):
        x = span(end + k * (free + pier) - pier / 2 - s.long / 2, pier)
        bodies = [block(x, y) for y in rows or [span(0.0, wide)]]
        parts.append(part(f"pier {k}", "piers", *bodies))
    return parts


def _towers(draws: Draws, s: _Sizes, places: list[float]) -> list[Part]:
    """Towers of two legs at the sides of the deck, with a bar across at the top."""
    thick, deep, top = draws.between(0.075, 0.12), draws.between(0.07, 0.09), s.high + s.tower
    y = s.wide / 2 + deep / 2 - 0.036
    parts = []
    for k, x in enumerate(places, start=1):
        legs = [Box(span(x, thick), span(sign * y, deep), (0.0, top)) for sign in (-1, 1)]
        bar = Box(span(x, thick), (-y, y), (top - 0.075, top))
        name = f"tower {k}" if len(places) > 1 else "tower"
        parts.append(part(name, "piers", *legs, bar))
    return parts


def _cables(draws: Draws, kind: str, s: _Sizes, at: float) -> list[Part]:
    """Cables in the planes of the deck's two edges, and what hangs from them."""
    radius, peak, end = 0.036, s.high + s.tower - 0.04, s.long / 2 - 0.04
    low = s.high + 0.02
    cables, hangers = [], []
    sag = draws.between(0.0, 0.03)
    near = draws.between(0.45, 0.6)
    for sign in (-1, 1):
        y = sign * s.wide / 2
        if kind == "stayed":
            feet = [side * reach * end for side in (-1, 1) for reach in (near, 1.0)]
            cables.append([Rod((0.0, y, peak), (x, y, low), radius) for x in feet])
            continue
        places = np.linspace(-at, at, 9)
        heights = low + sag + (peak - low - sag) * (places / at) ** 2
        points = [(-end, low), *zip(places.tolist(), heights.tolist(), strict=True), (end, low)]
        cables.append(
            [Rod((x0, y, z0), (x1, y, z1), radius) for (x0, z0), (x1, z1) in pairwise(points)]
        )
        spots = [side * 0.48 * at for side in (-1, 1)]
        hangers.append(
            [Box(span(x, THIN), span(y, THIN), (s.high - 0.03, _height(points, x))) for x in spots]
        )
    parts = [part(f"hangers {k}", "cables", *rods) for k, rods in enumerate(hangers, start=1)]
    return parts + [part(f"cable {k}", "cables", *rods) for k, rods in enumerate(cables, start=1)]


def _height(points: list[tuple[float, float]], x: float) -> float:
    xs, zs = zip(*points, strict=True)
    return float(np.interp(x, xs, zs))


class _Anatomy(NamedTuple):
    """Where a bridge's parts are, in voxels."""

    x: slice  # its columns
    rows: slice  # the rows y of the deck
    tops: np.ndarray  # (W,), the layer above the deck in each column
    thick: int  # of the deck
    gaps: np.ndarray  # (W,), the columns in which nothing stands on the ground
    towers: np.ndarray  # (W,), the columns of towers


def _anatomy(voxels: np.ndarray) -> _Anatomy:
    """In the middle row, what is filled first from the ground up ends at the deck's top."""
    size = len(voxels)
    at = int(np.argwhere(voxels).mean(axis=0)[1] + 0.5)
    middle = voxels[:, at - 1 : at + 1].any(axis=1)  # (D, W)
    columns = np.flatnonzero(np.count_nonzero(middle, axis=0) >= 2)
    x = slice(int(columns[0]), int(columns[-1]) + 1)
    start = middle.argmax(axis=0)
    hollow = ~middle & (np.arange(size)[:, None] > start)
    tops = np.where(middle.any(axis=0), hollow.argmax(axis=0), 0)
    tops[x] = np.median([np.roll(tops[x], shift) for shift in (-1, 0, 1)], axis=0)
    index = np.arange(x.start, x.stop)
    level = voxels[tops[x] - 1, :, index]  # (columns, H): the deck's upper layer
    broad = np.flatnonzero(level.mean(axis=0) > 0.7)
    rows = slice(int(broad[0]), int(broad[-1]) + 1)
    depth = np.arange(size)[:, None] < tops
    edge = voxels[:, rows.start] & depth
    thick = [int(edge[: tops[k], k][::-1].argmin()) for k in index if not edge[0, k]]
    gaps = np.zeros(size, dtype=bool)
    gaps[x] = np.count_nonzero(voxels[:2], axis=(0, 1))[x] < 2
    over = np.arange(size)[:, None] >= tops + 4
    bars = (middle & over).any(axis=0)  # what crosses the deck high above it
    return _Anatomy(x, rows, tops, int(np.median(thick)), gaps, bars)


def look(voxels: np.ndarray) -> dict[str, str | int | bool]:
    """Invert `draw`: towers, the openings under the deck, and the deck's line."""
    a = _anatomy(voxels)
    long, tops = a.x.stop - a.x.start, a.tops[a.x]
    ends = (tops[1] + tops[-2]) / 2
    spans = stretches(a.gaps)
    if a.towers.any():
        kind = "suspension" if stretches(a.towers) > 1 else "stayed"
    else:
        kind = "arch" if _filled_under(voxels, a) > 0.1 else "beam"
    return {
        "kind": kind,
        "spans": min(max(spans, 1), 4),
        "deck": "humped" if tops[len(tops) // 2] - ends >= 1.6 else "flat",
        "height": "high" if ends > 0.36 * long else "low",
        "width": "wide" if a.rows.stop - a.rows.start > 0.39 * long else "narrow",
        "railings": _has_railings(voxels, a),
    }


def _filled_under(voxels: np.ndarray, a: _Anatomy) -> float:
    """The filled share of the openings below the deck: their corners, if they are arches."""
    under = np.arange(len(voxels))[:, None] < a.tops - a.thick
    view = voxels[:, a.rows.start + 2 : a.rows.stop - 2].any(axis=1)
    return float(view[under & a.gaps].mean())


def _has_railings(voxels: np.ndarray, a: _Anatomy) -> bool:
    """Whether both edges of the deck carry something in nearly all columns."""
    index = np.flatnonzero((a.tops > 0) & ~a.towers)
    edges = [
        np.array([voxels[a.tops[k] + 1, row : row + 2, k].any() for k in index])
        for row in (a.rows.start, a.rows.stop - 2)
    ]
    return bool(min(edge.mean() for edge in edges) > 0.87)


def place(voxels: np.ndarray) -> np.ndarray:
    """Tell the slots: the deck's layer in its rows, railings on it, towers, cables, and piers."""
    a = _anatomy(voxels)
    slots = np.full(voxels.shape, 1 + SLOTS.index("piers"), dtype=np.uint8)
    layers = np.arange(len(voxels))[:, None]
    over, deck = layers >= a.tops, (layers < a.tops) & (layers >= a.tops - a.thick)
    aside = np.ones(voxels.shape[1], dtype=bool)
    aside[a.rows] = False
    turned = slots.swapaxes(1, 2)  # z, x, y
    turned[over] = 1 + SLOTS.index("cables")
    turned[(over | deck)[:, :, None] & aside] = 1 + SLOTS.index("cables")
    turned[deck, a.rows] = 1 + SLOTS.index("deck")
    if not a.towers.any():
        turned[over] = 1 + SLOTS.index("railings")
    elif _has_railings(voxels, a):
        turned[over & (layers < a.tops + _rail_height(voxels, a)), a.rows] = 1 + SLOTS.index(
            "railings"
        )
    aside[[a.rows.start, a.rows.stop - 1]] = True
    turned[a.towers[None, :, None] & (aside | (layers >= a.tops + 4)[:, :, None])] = (
        1 + SLOTS.index("piers")
    )
    return slots


def _rail_height(voxels: np.ndarray, a: _Anatomy) -> int:
    """How many layers of the railings are nearly full."""
    index = np.flatnonzero((a.tops > 0) & ~a.towers)
    edges = voxels[:, a.rows.start : a.rows.start + 2].any(axis=1)
    full = [edges[np.minimum(a.tops[index] + k, len(voxels) - 1), index].mean() for k in range(6)]
    return int(np.argmin([*(np.array(full) > 0.75), False]))


def find_faults(voxels: np.ndarray) -> list[str]:
    """What is wrong with the deck, the piers, or what stands at both sides or both ends."""
    a, seen = _anatomy(voxels), look(voxels)
    found = []
    below = np.flatnonzero(np.count_nonzero(voxels[:2], axis=(0, 2)) >= 2)
    if seen["kind"] in ("beam", "arch") and np.ptp(below) + 1 >= a.rows.stop - a.rows.start:
        found.append("the deck is missing")
    wanted = {"suspension": (3,), "stayed": (2,), "beam": (2, 3, 4)}.get(seen["kind"], (1, 2, 3))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], a.gaps, [False]]).astype(np.int8)))
    widths = edges[1::2] - edges[::2]
    uneven = seen["kind"] in ("beam", "arch") and widths.max() > 1.6 * widths.min() + 1
    if len(widths) not in wanted or uneven:
        found.append("a pier or tower is missing")
    if lopsided(voxels) > 2 or lopsided(voxels.swapaxes(1, 2)) > 2:
        found.append("something is on one side or at one end only")
    return found


PHRASES = {
    "": "=bridge",
    "height=low": "low ~",
    "height=high": "high ~; tall ~",
    "width=narrow": "narrow ~",
    "width=wide": "wide ~; broad ~",
    "kind=beam": "=beam bridge; =girder bridge",
    "kind=arch": "=arch bridge; =arched bridge",
    "kind=suspension": "=suspension bridge",
    "kind=stayed": "=cable stayed bridge",
    "spans=1": "one span; a single span",
    "spans=2": "two spans",
    "spans=3": "three spans",
    "spans=4": "four spans",
    "deck=flat": "a flat deck; a straight deck",
    "deck=humped": "a humped deck; a curved deck",
    "railings=yes": "railings; two railings",
    "railings=no": "no railings",
}
HELD_OUT = ("kind=arch spans=3",)
SAID_APART = ("kind=beam spans=2",)
