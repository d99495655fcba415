"""Stools: seats without a back, low ones and bar stools."""

import numpy as np

from course_utils.datasets.shapes.drawing import THIN, Design, Draws, corners, disc, leg, slab
from course_utils.datasets.shapes.looking import (
    broadest,
    core,
    fullness,
    grounded,
    islands,
    stretches,
)
from course_utils.datasets.shapes.materials import CLOTHS, COLOURS, METALLIC, TIMBERS
from course_utils.datasets.shapes.parts import Part, numbered, part
from course_utils.datasets.shapes.solids import Box, Loft, Rod, Solid

SLOTS = ("seat", "cushion", "legs", "base")
MATERIALS = {
    "seat": TIMBERS * 2 + COLOURS,
    "cushion": CLOTHS + COLOURS,
    "legs": ("=seat",) * 8 + TIMBERS + METALLIC + ("black", "white"),
    "base": METALLIC * 2 + ("black", "white", "grey"),
}
OPTIONAL = frozenset(("cushion", "footrest"))
BAR = 0.036  # the radius of a footrest's bars


def draw(draws: Draws) -> Design:
    tall, round_seat = draws.chance(0.55), draws.chance(0.5)
    base = draws.pick("four legs", "four legs", "three legs", "pedestal")
    splayed = base != "pedestal" and draws.chance(0.5)
    footrest, cushion = tall and draws.chance(0.55), draws.chance(0.4)
    hole = not (tall or cushion or base == "pedestal") and draws.chance(0.8)

    inner = _reach(draws, base, round_seat, splayed)  # of the legs under the seat
    outer = inner + (draws.between(0.34, 0.46) if splayed else 0.0)  # and of their feet
    slimness = 1.0 if round_seat else draws.between(0.84 if tall else 0.7, 1.0)
    ratio = draws.between(1.5, 2.1) if tall else draws.between(0.6, 1.0)
    wide = max(1.0, outer)
    sizes = draws.fit(wide, slimness * wide, ratio, 1.0, slimness)
    _, _, height, width, depth = sizes
    board = draws.between(THIN, 0.13) if tall else draws.between(0.085, 0.18)
    puff = draws.between(THIN, 0.11)
    top = height - puff if cushion else height
    level = draws.between(0.26, 0.44) * top if footrest else 0.0

    if base == "pedestal":
        parts = _pedestal(draws, width, depth, top - board / 2, outer, level)
    else:
        shares = inner, outer
        parts = _legs(draws, base, (width, depth, top - board / 2), shares, level)
    seat = slab(width, depth, (top - board, top), round_seat)
    parts.append(part("seat", "seat", _pierced(draws, seat) if hole else seat))
    if cushion:
        share = draws.between(0.68, min(0.84, 1.0 - 0.09 / depth))
        soft = slab(share * width, share * depth, (top, height), round_seat)
        parts.append(part("cushion", "cushion", soft))
    attributes = {
        "height": "tall" if tall else "low",
        "seat": "round" if round_seat else "square",
        "base": base,
        "legs": "none" if base == "pedestal" else "splayed" if splayed else "straight",
        "footrest": footrest,
        "cushion": cushion,
        "hole": hole,
    }
    details = [f"a {attributes['seat']} seat", "a footrest" if footrest else "no footrest"]
    details += [{"pedestal": "a central column"}.get(base, base)]
    details += ["splayed legs"] if splayed else []
    details += ["a cushion"] if cushion else []
    details += ["a hole to hold it by"] if hole else []
    nouns = ["bar stool", "stool"] if tall else ["stool"]
    return Design(parts, attributes, nouns, ["tall" if tall else "low"], details)


def _pierced(draws: Draws, seat: Box | Loft) -> Solid:
    """A seat with a hole in the middle to lift it by, longer than it is deep."""
    left, right, front, rear = seat.bounds()
    long, wide = draws.between(0.22, 0.34) * (right - left) / 2, draws.between(THIN, 0.1) / 2
    is_round = isinstance(seat, Loft)

    def inside(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        far = (x / right) ** 2 + (y / rear) ** 2 > 1.0 if is_round else False
        return ~(far | ((abs(x) < long) & (abs(y) < wide))) & (z > 0.0)

    return Solid((left, right), (front, rear), seat.z, inside)


def _reach(draws: Draws, base: str, round_seat: bool, splayed: bool) -> float:
    """How far the base reaches out, as a share of the seat's width."""
    if base == "pedestal":
        return draws.between(0.66, 1.0)
    if not round_seat:
        return draws.between(0.68, 0.84) if splayed else draws.between(0.8, 1.0)
    most = 0.7 if base == "four legs" else 0.8  # what stands under a circle
    return most - draws.between(0.0, 0.1)


def _legs(
    draws: Draws,
    base: str,
    sizes: tuple[float, float, float],
    shares: tuple[float, float],
    level: float,
) -> list[Part]:
    """Legs whose outer edges are `shares` of the seat apart, at the top and on the ground."""
    (width, depth, height), (inner, outer) = sizes, shares
    low, most = (0.08, 0.15) if height < width else (THIN, 0.11)
    thickness = min(draws.between(low, most), (inner * depth - THIN) / 2)
    x, y = (outer * width - thickness) / 2, (outer * depth - thickness) / 2
    splay = x / ((inner * width - thickness) / 2) - 1.0
    x, y = x / (1.0 + splay), y / (1.0 + splay)
    spots = corners(x, y)
    if base == "three legs":
        spots = [(-x, -0.6 * y), (x, -0.6 * y), (0.0, y)]
    whole = [leg(*spot, height, thickness, splay) for spot in spots]
    parts = numbered("leg", "legs", whole)
    if level:
        out = 1.0 + splay * (1.0 - level / height)
        ends = [(out * x, out * y, level) for x, y in spots]
        ends = ends if base == "three legs" else [ends[k] for k in (0, 1, 3, 2)]
        parts.append(part("footrest", "legs", *_ring(ends)))
    return parts


def _ring(ends: list[tuple[float, float, float]]) -> list[Rod]:
    """Bars from each end to the next and from the last to the first."""
    return [Rod(a, b, BAR) for a, b in zip(ends, ends[1:] + ends[:1], strict=True)]


def _pedestal(
    draws: Draws, width: float, depth: float, height: float, foot: float, level: float
) -> list[Part]:
    column, rim = draws.between(0.04, 0.09), draws.between(THIN, 0.13)
    tip = draws.pick(1.0, draws.between(0.3, 0.9))  # a disc, or one that rises to the column
    half_x, half_y = foot * width / 2, foot * depth / 2
    disc_ = Loft(
        (0.0, rim), (0.0, 0.0, half_x, half_y), (0.0, 0.0, tip * half_x, tip * half_y), round=True
    )
    parts = [
        part("column", "base", disc(0.0, 0.0, (0.0, height), column, column)),
        part("foot", "base", disc_),
    ]
    if level:
        radius = max(draws.between(0.36, 0.5) * width, column + THIN + 2 * BAR)
        angles = np.arange(8) * np.pi / 4
        ends = [(radius * np.cos(a), radius * np.sin(a), level) for a in angles]
        spokes = [Rod(ends[k], ends[k + 4], BAR) for k in (0, 2)]
        parts.append(part("footrest", "base", *_ring(ends), *spokes))
    return parts


def look(voxels: np.ndarray) -> dict[str, str | bool]:
    """Invert `draw`: the broad layers near the top are the seat, and the feet tell the base."""
    voxels = grounded(voxels)
    first, last = broadest(voxels, 0.5)
    seat, below = voxels[first:last].mean(axis=0) > 0.5, voxels[:first]
    (front, rear), (left, right) = core(seat.sum(axis=1), 0.1), core(seat.sum(axis=0), 0.1)
    feet = len(islands(below[:2].any(axis=0), least=2))
    base = {1: "pedestal", 3: "three legs"}.get(feet, "four legs")
    height = core(voxels.sum(axis=(1, 2)), 0.1)[1]
    return {
        "height": "tall" if height > 1.37 * (right - left) else "low",
        "seat": "square" if fullness(seat[front:rear, left:right]) > 0.9 else "round",
        "base": base,
        "legs": "none" if base == "pedestal" else _stance(below),
        "footrest": _has_footrest(below, base),
        "cushion": height - last > 1,
        "hole": fullness(seat[front:rear, left:right][_middle(rear - front), _middle(right - left)])
        < 0.5,
    }


def _middle(size: int) -> slice:
    """The two or three in the middle of `size` places."""
    return slice((size - 1) // 2, size // 2 + 1)


def _stance(below: np.ndarray) -> str:
    """Whether the feet stand further apart than the legs do under the seat."""
    feet, tops = (np.ptp(np.flatnonzero(part.any(axis=(0, 1)))) for part in (below[:2], below[-2:]))
    return "splayed" if feet - tops > 1 else "straight"


def _has_footrest(below: np.ndarray, base: str) -> bool:
    """Whether something spreads between or around the legs, halfway up."""
    if base == "pedestal":
        areas = below.sum(axis=(1, 2))
        return stretches(areas > 2.2 * areas.min()) > 1
    span = below[round(0.2 * len(below)) : round(0.7 * len(below))]
    return min(len(islands(layer, least=2)) for layer in span) == 1


def place(voxels: np.ndarray) -> np.ndarray:
    """Tell the slots: a cushion lies on the seat, legs or another base stand under it."""
    ground = int(voxels.any(axis=(1, 2)).argmax())
    solid = grounded(voxels)
    first, last = broadest(solid, 0.5)
    slots = np.full(voxels.shape, 1 + SLOTS.index("seat"), dtype=np.uint8)
    slots[last:] = 1 + SLOTS.index("cushion")
    one = len(islands(solid[:2].any(axis=0), least=2)) == 1
    slots[:first] = 1 + SLOTS.index("base" if one else "legs")
    return np.roll(slots, ground, axis=0)


def find_faults(voxels: np.ndarray) -> list[str]:
    """What is wrong with the seat, or with what it stands on."""
    first, last = broadest(voxels, 0.5)
    seat, below = voxels[first:last].any(axis=0), voxels[:first]
    spot = np.argwhere(seat)
    middle, size = (spot.min(axis=0) + spot.max(axis=0)) / 2, np.ptp(spot, axis=0) + 1
    if seat.sum() < max(0.6 * size.prod(), 0.55 * below.any(axis=0).sum()):
        return ["the seat is missing"]
    above = voxels[last:].sum(axis=(1, 2))
    if len(above[above > 4]) > 5 or (above.sum() > 12 and above[0] < 0.25 * seat.sum()):
        return ["something other than a cushion stands on the seat"]
    feet = [np.argwhere(foot) for foot in islands(below[:2].any(axis=0), least=2)]
    centres = np.array([(foot.min(axis=0) + foot.max(axis=0)) / 2 for foot in feet]) - middle
    if len(feet) == 1:
        thin = min(np.count_nonzero(layer) for layer in below)
        wrong = abs(centres).max() > 2 or len(feet[0]) < 2.5 * thin
        return ["the foot is missing, or not under the middle of the seat"] if wrong else []
    if len(feet) == 3:
        hind = centres[centres[:, 0].argmax()]
        wrong = abs(hind[1]) > 1.5
    else:
        wrong = len(feet) != 4 or len({tuple(centre > 0) for centre in centres}) != 4
    return ["a leg is missing, or does not reach the ground"] if wrong else []


PHRASES = {
    "": "=stool",
    "height=tall": "tall ~; high ~; =bar stool",
    "height=low": "low ~; short ~; =footstool",
    "seat=round": "a round seat; a circular seat",
    "seat=square": "a square seat; a seat with four corners",
    "base=four_legs": "four legs; four feet",
    "base=three_legs": "three legs; three feet",
    "base=pedestal": "a central column; a pedestal; a single column",
    "legs=straight": "straight legs; upright legs",
    "legs=splayed": "splayed legs; slanted legs",
    "footrest=yes": "a footrest; a rest for the feet",
    "footrest=no": "no footrest",
    "cushion=yes": "a cushion; a cushioned seat",
    "cushion=no": "no cushion; a bare seat",
    "hole=yes": "a hole in the seat; a hand hole",
    "hole=no": "a closed seat; no hole",
}
HELD_OUT = ("base=three_legs cushion=yes",)
SAID_APART = ("seat=round hole=yes",)
