"""Cars that drive to the front: sedans, hatchbacks, buses and pickups."""

from typing import NamedTuple

import numpy as np

from course_utils.datasets.shapes.drawing import THIN, Design, Draws, span, strip
from course_utils.datasets.shapes.looking import core, lopsided, stretches
from course_utils.datasets.shapes.materials import COLOURS
from course_utils.datasets.shapes.parts import Part, numbered, painted, part
from course_utils.datasets.shapes.solids import Box, Interval, Solid

SLOTS = ("body", "windows", "wheels", "fittings")  # bumpers, and what is on roof and boot
MATERIALS = {
    "body": COLOURS + COLOURS + ("burgundy", "cream", "steel"),
    "windows": ("glass", "glass", "glass", "black"),
    "wheels": ("rubber", "rubber", "rubber", "black"),
    "fittings": ("grey", "grey", "black", "steel", "steel", "=body", "white"),
}
OPTIONAL = frozenset({"roof box", "spoiler"})

_RIM = 1 / 32  # between windows and roof: one voxel, so that the judge can tell where they end
_BUS_WINDOWS = 5 / 32  # how far below the roof those of a bus begin
_PILLARS = {"sedan": (0,), "hatchback": (0,), "pickup": (), "bus": (-8, 0, 8)}
_TALL = {
    "sedan": (0.36, 0.46),
    "hatchback": (0.39, 0.56),
    "bus": (0.33, 0.58),
    "pickup": (0.36, 0.48),
}


class _Outline(NamedTuple):
    """The side view of a body: its height at places along y, and where its cabin stands."""

    places: np.ndarray  # y from the front to the rear
    heights: np.ndarray  # z there
    cabin: Interval  # from the foot of the windscreen to that of the rear window
    roof: Interval  # where the roof is flat


def draw(draws: Draws) -> Design:
    kind, big = draws.pick("sedan", "hatchback", "bus", "pickup"), draws.chance(0.5)
    roof, spoiler = draws.pick("plain", "rails", "box"), kind == "sedan" and draws.chance(0.5)
    axles = draws.pick(2, 3) if kind == "bus" else 2

    width, length, height = draws.fit(draws.between(0.42, 0.66), 1.0, draws.between(*_TALL[kind]))
    ends = -length / 2, length / 2
    bumpers = draws.between(0.035, 0.065), draws.between(0.035, 0.065)
    nose, tail = ends[0] + bumpers[0], ends[1] - bumpers[1]
    wheel = (
        draws.between(0.1, 0.11 if axles == 3 else 0.125) if big else draws.between(0.056, 0.074)
    )
    wheel *= length
    floor = wheel * (draws.between(0.75, 1.0) if big else draws.between(0.8, 1.05))
    height += 0.5 * wheel if big else 0.0
    body_width, slant = width - 2 * draws.between(0.034, 0.05), draws.between(0.05, 0.25)
    outline = _outline(draws, kind, (nose, tail), (floor, height))
    roof_width = body_width * (1 - 0.5 * slant)

    parts = [
        part(f"bumper {number}", "fittings", Box(span(0.0, body_width), y, (floor, floor + THIN)))
        for number, y in ((1, (ends[0], nose + 0.03)), (2, (tail - 0.03, ends[1])))
    ]
    parts += _load(draws, roof, outline.roof, roof_width, height)
    parts += _spoiler(draws, body_width, tail, floor, outline.heights[-2]) if spoiler else []
    tyre = draws.between(0.1, 0.12)
    bed = min(width / 2 - tyre, body_width / 2 - THIN) if kind == "pickup" else 0.0
    parts.append(part("body", "body", _body(body_width, slant, (floor, height), outline, bed)))
    parts.append(painted("windows", "windows", *_windows(kind, body_width, height, outline)))
    places = _axles(draws, axles, wheel, (nose, tail))
    discs = [_wheel(strip(sign, width, tyre), y, wheel) for y in places for sign in (-1, 1)]
    parts += numbered("wheel", "wheels", discs)
    attributes = {
        "kind": kind,
        "wheels": 2 * axles,
        "wheel_size": "large" if big else "small",
        "roof": roof,
    }
    attributes["spoiler"] = spoiler
    details = [f"{attributes['wheel_size']} wheels", *(["six wheels"] if axles == 3 else [])]
    details.append({"rails": "roof rails", "box": "a roof box", "plain": "a plain roof"}[roof])
    details += ["a spoiler"] if spoiler else []
    nouns = {"pickup": ["pickup truck"], "bus": ["bus"]}.get(kind, [kind, f"{kind} car"])
    return Design(parts, attributes, nouns, [], details)


def _outline(draws: Draws, kind: str, ends: Interval, z: Interval) -> _Outline:
    """Draw a side view between the `ends` in y, from z[0] to z[1].

    The bonnet is level before the windscreen, and nothing behind the cabin is higher.
    """
    rise = z[1] - z[0]
    if kind == "bus":
        lean = draws.between(0.02, 0.08), draws.between(0.01, 0.05)
        at = [0.0, lean[0], 1 - lean[1], 1.0]
        up = [draws.between(0.78, 0.97), 1.0, 1.0, draws.between(0.8, 0.97)]
        flat, cabin = (lean[0], 1 - lean[1]), (-0.1, 1.1)
    else:
        lead, screen = draws.between(0.17, 0.28), draws.between(0.05, 0.14)
        bonnet = max(draws.between(0.44, 0.6), 0.14 / rise)
        front = max(draws.between(0.8, 0.97) * bonnet, 0.125 / rise)
        if kind == "hatchback":
            end, slope, boot = 1 - draws.between(0.03, 0.14), 0.0, draws.between(0.62, 0.92)
        elif kind == "sedan":
            end, slope = 1 - draws.between(0.25, 0.36), draws.between(0.04, 0.12)
            boot = draws.between(0.8, 0.98) * bonnet
        else:
            end, slope = draws.between(0.5, 0.56), 0.01
            boot = draws.between(0.85, 1.0) * bonnet
        boot = max(boot, 0.125 / rise)
        at = [0.0, 0.3 * lead, lead, lead + screen, end]
        up = [front, bonnet, bonnet, 1.0, 1.0]
        at, up = at + [end + slope, 1.0][slope == 0.0 :], up + [boot, boot][slope == 0.0 :]
        flat, cabin = (lead + screen, end), (lead, end + slope if slope else 1.1)
    y = [ends[0] + (ends[1] - ends[0]) * np.array(places) for places in (at, cabin, flat)]
    return _Outline(y[0], z[0] + rise * np.array(up), tuple(y[1]), tuple(y[2]))


def _body(width: float, slant: float, z: Interval, outline: _Outline, bed: float) -> Solid:
    """A side view as thick as the car is wide, narrower towards the roof.

    Behind its cabin it is hollow, up to `bed` from its middle.
    """
    start = outline.cabin[1] + THIN
    end = outline.places[-1] - THIN

    def inside(x: np.ndarray, y: np.ndarray, up: np.ndarray) -> np.ndarray:
        rise = np.clip((up - z[0]) / (z[1] - z[0]) - 0.5, 0.0, 0.5)
        side = abs(x) <= width / 2 * (1 - slant * rise)
        full = (up <= np.interp(y, outline.places, outline.heights)) & side
        if bed:
            full &= (up < z[0] + THIN) | (abs(x) >= bed) | (y <= start) | (y >= end)
        return full

    return Solid(span(0.0, width), (outline.places[0], outline.places[-1]), z, inside)


def _windows(kind: str, width: float, height: float, outline: _Outline) -> list[Box]:
    """A band around the cabin, with pillars at set places, counted from the middle of the car."""
    foot = height - _BUS_WINDOWS if kind == "bus" else outline.heights[2]
    posts = [(post / 32 - _RIM, post / 32 + _RIM) for post in _PILLARS[kind]]
    edges = [outline.cabin[0], *(edge for post in posts for edge in post), outline.cabin[1]]
    stretches = [pair for pair in zip(edges[::2], edges[1::2], strict=True) if pair[0] < pair[1]]
    return [Box(span(0.0, width + 0.02), y, (foot, height - _RIM)) for y in stretches]


def _axles(draws: Draws, number: int, wheel: float, ends: Interval) -> list[float]:
    """Where the wheels stand along y."""
    length = ends[1] - ends[0]
    most = 0.22 if number == 2 else 0.15
    first = ends[0] + max(draws.between(0.13, most) * length, wheel + 0.02)
    last = ends[1] - max(draws.between(0.14, most) * length, wheel + 0.02)
    gap = min(draws.between(0.07, 0.11), (last - first) / 2 - 2 * wheel)
    return [first, last] if number == 2 else [first, last - 2 * wheel - gap, last]


def _wheel(x: Interval, y: float, radius: float) -> Solid:
    around = (x, span(y, 2 * radius), (0.0, 2 * radius))
    return Solid(*around, lambda _, at, up: (at - y) ** 2 + (up - radius) ** 2 <= radius**2)


def _load(draws: Draws, roof: str, y: Interval, width: float, height: float) -> list[Part]:
    """What stands on the roof: two rails along its edges, or one box in the middle."""
    if roof == "plain":
        return []
    z = (height - 0.03, height + draws.between(0.08, 0.11))
    spare = max(y[1] - y[0] - 0.17, 0.0)  # what is free before and behind
    ahead, long = draws.between(0.0, 0.4) * spare, draws.between(0.4, 1.0)
    y = (y[0] + ahead, y[0] + ahead + 0.17 + long * (spare - ahead))
    if roof == "box":
        wide = min(draws.between(0.36, 0.52) * width, width - 0.09)
        return [part("roof box", "fittings", Box(span(0.0, wide), y, z))]
    return numbered("rail", "fittings", [Box(strip(sign, width, THIN), y, z) for sign in (-1, 1)])


def _spoiler(draws: Draws, width: float, tail: float, floor: float, boot: float) -> list[Part]:
    """A wing on two posts over the end of the boot."""
    y, z = (tail - draws.between(0.09, 0.12), tail), boot + THIN
    wing = Box(span(0.0, width * draws.between(0.86, 1.0)), y, (z, z + THIN))
    posts = [Box(strip(sign, 0.8 * width, THIN), y, (floor + THIN, z + THIN)) for sign in (-1, 1)]
    return [part("spoiler", "fittings", wing, *posts)]


class _Sight(NamedTuple):
    """What is seen of a car first, all in voxels."""

    front: int  # the first row of the body, behind the bumper
    back: int  # and the one behind its last
    length: int  # of the car, bumpers included
    left: int  # the first column of the body, beside the wheels
    right: int
    floor: int  # layers under the body
    tops: np.ndarray  # (H,) how high the body is
    hood: int
    roof: int

    def rows(self, low: float, high: float) -> slice:
        """The rows of some stations along the body."""
        size = self.back - self.front
        return slice(self.front + round(low * size), self.front + max(round(high * size), 1))


def _see(voxels: np.ndarray) -> _Sight:
    front, back = core(voxels.sum(axis=(0, 2)), 0.02)
    left, right = core(voxels.sum(axis=(0, 1)), 0.02)
    middle = (left + right) // 2
    length = back - front
    # between the wheels a car is as wide as its body
    widths = voxels.any(axis=0)[front + 3 : back - 3].sum(axis=1)
    margin = round((right - left - np.quantile(widths, 0.1, method="lower")) / 2)
    left, right = left + margin, right - margin
    keel = voxels[:, front + length // 4 : back - length // 4, middle - 1 : middle + 1]
    floor = int(np.median(keel.argmax(axis=0)))
    inner = round(0.12 * (right - left))
    body = voxels[floor:, :, left + inner : right - inner]
    heights = floor + np.where(body.all(axis=0), len(body), body.argmin(axis=0))  # to a gap
    tops = np.quantile(heights, 0.25, axis=1, method="lower")
    whole = np.quantile(heights, 0.75, axis=1, method="lower")
    low = whole - floor <= 3  # a bumper
    front, back = front + int(low[front:].argmin()), back - int(low[:back][::-1].argmin())
    seen = _Sight(front, back, length, left, right, floor, tops, 0, 0)
    hood, roof = (np.median(tops[seen.rows(*part)]) for part in ((0.09, 0.17), (0.42, 0.49)))
    return seen._replace(hood=int(hood), roof=int(roof))


def look(voxels: np.ndarray) -> dict[str, str | int | bool]:
    seen = _see(voxels)
    kind = _kind(seen)
    axles, size = _wheels(voxels, seen)
    luggage = voxels[seen.roof :, seen.rows(0.25, 0.95 if kind != "sedan" else 0.75)].sum(
        axis=(0, 1)
    )
    centre = (seen.left + seen.right) // 2
    end = voxels[:, seen.back - 2, seen.left : seen.right].any(axis=1)
    return {
        "kind": kind,
        "wheels": 2 * axles,
        "wheel_size": "large" if size > 0.0235 * seen.length**2 else "small",
        "roof": "plain"
        if luggage.sum() < 14
        else "box"
        if luggage[centre - 1 : centre + 1].mean() >= 4
        else "rails",
        "spoiler": bool(kind == "sedan" and end[seen.tops[seen.back - 1].astype(int) + 2 :].any()),
    }


def _kind(seen: _Sight) -> str:
    behind, rear = (np.median(seen.tops[seen.rows(*part)]) for part in ((0.6, 0.66), (0.77, 0.84)))
    cabin = seen.roof - seen.floor
    if seen.hood - seen.floor > 0.8 * cabin:
        return "bus"
    if rear - seen.floor > 0.85 * cabin:
        return "hatchback"
    return "sedan" if behind - seen.floor > 0.8 * cabin else "pickup"


def _wheels(voxels: np.ndarray, seen: _Sight) -> tuple[int, float]:
    """The number of axles, and the size of a wheel in pixels, seen from the side."""
    sides = (voxels[:, :, : seen.left], voxels[:, :, seen.right :])
    discs = [side.any(axis=2) for side in sides]
    axles = max(min(max(stretches(disc[0]) for disc in discs), 3), 2)
    return axles, sum(disc.sum() for disc in discs) / 2 / axles


def place(voxels: np.ndarray) -> np.ndarray:
    """Tell the slots by height: wheels stand out, windows lie between bonnet and roof."""
    seen = _see(voxels)
    kind, middle = _kind(seen), len(voxels) // 2
    slots = np.full(voxels.shape, 1 + SLOTS.index("body"), dtype=np.uint8)
    low = seen.roof - round(32 * _BUS_WINDOWS) if kind == "bus" else seen.hood
    glass = np.ones(len(voxels), dtype=bool)
    for post in _PILLARS[kind]:
        glass[middle + post - 1 : middle + post + 1] = False
    slots[low : seen.roof - 1, glass] = 1 + SLOTS.index("windows")
    slots[seen.roof :] = 1 + SLOTS.index("fittings")
    if kind == "sedan":
        last = seen.rows(0.84, 1.0)
        slots[int(seen.tops[last].min()) :, last] = 1 + SLOTS.index("fittings")
    slots[:, : seen.front] = slots[:, seen.back :] = 1 + SLOTS.index("fittings")
    slots[: seen.floor] = 1 + SLOTS.index("wheels")
    slots[:, :, : seen.left] = slots[:, :, seen.right :] = 1 + SLOTS.index("wheels")
    return slots


def find_faults(voxels: np.ndarray) -> list[str]:
    """What is wrong with the wheels, the bumpers or the rails."""
    seen = _see(voxels)
    found = []
    sides = np.array_split(voxels[0], 2, axis=1)
    feet = [stretches(side.sum(axis=1) >= 2) for side in sides]
    if feet[0] != feet[1] or not 2 <= feet[0] <= 3:
        found.append("a wheel is missing, or does not reach the ground")
    if lopsided(voxels) >= 6:
        found.append("a wheel or a rail is missing on one side")
    front, back = core(voxels.sum(axis=(0, 2)), 0.02)
    if front == seen.front or back == seen.back:
        found.append("a bumper is missing")
    return found


PHRASES = {
    "?kind=sedan|hatchback|pickup": "=car; =automobile",
    "?kind=bus": "=vehicle",
    "": "=vehicle",
    "kind=sedan": "=sedan; =sedan car; =saloon; =saloon car",
    "kind=hatchback": "=hatchback; =hatchback car",
    "kind=bus": "=bus; =coach",
    "kind=pickup": "=pickup; =pickup truck; =truck",
    "wheels=4": "four wheels",
    "wheels=6": "six wheels",
    "wheel_size=large": "large wheels; big wheels",
    "wheel_size=small": "small wheels; little wheels",
    "roof=plain": "a plain roof; a bare roof; nothing on the roof",
    "roof=rails": "roof rails; rails on the roof",
    "roof=box": "a roof box; a box on the roof",
    "spoiler=yes": "a spoiler; a rear spoiler",
    "spoiler=no": "no spoiler",
}
HELD_OUT = ()
SAID_APART = ("kind=bus roof=rails",)
