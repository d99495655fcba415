"""Cars that drive to the front: sedans, hatchbacks, buses and pickups."""

import numpy as np

from course_utils.datasets.shapes.drawing import THIN, Design, Draws, span, strip
from course_utils.datasets.shapes.looking import extent, section, stretches
from course_utils.datasets.shapes.solids import Box, Interval, Solid

# The side view: stations from the front bumper (0) to the rear one (1), and how high the body is
# there, in units of the way from its floor to its roof.
_PROFILES = {
    "sedan": ((0.0, 0.04, 0.26, 0.38, 0.66, 0.74, 1.0), (0.4, 0.5, 0.54, 1.0, 1.0, 0.54, 0.5)),
    "hatchback": ((0.0, 0.04, 0.28, 0.42, 0.92, 1.0), (0.4, 0.5, 0.54, 1.0, 1.0, 0.9)),
    "bus": ((0.0, 0.02, 1.0), (0.95, 1.0, 1.0)),
    "pickup": ((0.0, 0.04, 0.2, 0.3, 0.52, 0.53, 1.0), (0.4, 0.5, 0.54, 1.0, 1.0, 0.5, 0.5)),
}
_TALL = {
    "sedan": (0.34, 0.44),
    "hatchback": (0.38, 0.56),
    "bus": (0.32, 0.58),
    "pickup": (0.35, 0.46),
}


def draw(draws: Draws) -> Design:
    kind, big = draws.pick(*_PROFILES), draws.chance(0.5)
    roof, spoiler = draws.pick("plain", "rails", "box"), kind == "sedan" and draws.chance(0.5)
    axles = draws.pick(2, 3) if kind == "bus" else 2

    width, length, height = draws.fit(draws.between(0.38, 0.62), 1.0, draws.between(*_TALL[kind]))
    wheel = length * (draws.between(0.115, 0.125) if big else draws.between(0.06, 0.07))
    floor, nose, tyre = 0.85 * wheel, -length / 2, draws.between(0.075, 0.1)
    height += 0.5 * wheel if big else 0.0
    at, up = _PROFILES[kind]
    shift, hood = draws.between(-0.02, 0.02), draws.between(0.8, 1.15)
    stations = nose + length * np.array(
        [0.0, *(place + shift * (place > 0.1) for place in at[1:-1]), 1.0]
    )
    heights = floor + (height - floor) * np.array(
        [share * (hood if share < 0.6 else 1.0) for share in up]
    )
    parts = [_body(width - 0.03, length, (floor, height), stations, heights)]
    ends = (draws.between(0.15, 0.21), draws.between(0.77, 0.84))
    for station in ends if axles == 2 else (ends[0], ends[1] - 2 * wheel / length - 0.1, ends[1]):
        parts += [
            _wheel(strip(sign, width, tyre), nose + station * length, wheel) for sign in (-1, 1)
        ]
    if kind != "bus":
        y = (stations[3], stations[4])  # where the roof is flat
    else:
        y = (nose + draws.between(0.08, 0.2) * length, draws.between(0.25, 0.38) * length)
    parts += _load(draws, roof, y, width - 0.03, height)
    if spoiler:
        tail = (length / 2 - draws.between(0.09, 0.12), length / 2)
        z = heights[-2] + THIN
        parts.append(Box(span(0.0, width - 0.03), tail, (z, z + THIN)))
        parts += [
            Box(strip(sign, 0.8 * width, THIN), tail, (floor + THIN, z + THIN)) for sign in (-1, 1)
        ]
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
    nouns = (
        ["pickup truck"]
        if kind == "pickup"
        else ["bus"]
        if kind == "bus"
        else [kind, f"{kind} car"]
    )
    return Design(parts, attributes, nouns, [], details)


def _body(
    width: float, length: float, z: Interval, stations: np.ndarray, heights: np.ndarray
) -> Solid:
    """A side view as thick as the car is wide, a little narrower towards the roof."""

    def inside(x: np.ndarray, y: np.ndarray, up: np.ndarray) -> np.ndarray:
        rise = np.clip((up - z[0]) / (z[1] - z[0]) - 0.5, 0.0, 0.5)
        return (up <= np.interp(y, stations, heights)) & (abs(x) <= width / 2 * (1 - 0.25 * rise))

    return Solid(span(0.0, width), span(0.0, length), z, inside)


def _wheel(x: Interval, y: float, radius: float) -> Solid:
    around = (x, span(y, 2 * radius), (0.0, 2 * radius))
    return Solid(*around, lambda _, at, up: (at - y) ** 2 + (up - radius) ** 2 <= radius**2)


def _load(draws: Draws, roof: str, y: Interval, width: float, height: float) -> list[Box]:
    """What stands on the roof: two rails along its edges, or one box in the middle."""
    z = (height - 0.03, height + draws.between(0.08, 0.1))
    if roof == "rails":
        return [Box(strip(sign, 0.86 * width, THIN), y, z) for sign in (-1, 1)]
    return [Box(span(0.0, draws.between(0.4, 0.55) * width), y, z)] if roof == "box" else []


def look(voxels: np.ndarray) -> dict[str, str | int | bool]:
    n, (front, back), (left, right) = len(voxels), extent(voxels, 1), extent(voxels, 2)
    length, width = back - front, right - left
    body = section(voxels, 2, left + 0.1 * width, right - 0.1 * width)
    # The body's height at a station is the lower quartile of its columns: luggage covers fewer.
    tops = np.quantile(n - body[::-1].argmax(axis=0), 0.25, axis=1) / n  # (H,)
    hood, cabin, behind, rear, end = (
        np.median(section(tops, 0, front + a * length, front + b * length))
        for a, b in ((0.08, 0.2), (0.42, 0.5), (0.57, 0.63), (0.76, 0.84), (0.91, 0.97))
    )
    kind = "bus" if hood > 0.82 * cabin else "hatchback" if rear > 0.82 * cabin else "sedan"
    kind = "pickup" if kind == "sedan" and behind < 0.82 * cabin else kind
    middle = section(voxels, 2, left + 0.3 * width, right - 0.3 * width)  # between the wheels
    floor = round(
        np.median(section(middle, 1, front + 0.35 * length, back - 0.35 * length).argmax(axis=0))
    )
    below = voxels[: min(floor, 2)].sum(axis=(0, 2)) >= 3  # (H,), where wheels touch the ground
    axles = min(max(stretches(below), 2), 3)
    # the size of a wheel below the floor, seen from the side
    size = voxels[:floor].any(axis=2).sum() / n**2 / axles / length**2
    luggage = section(voxels, 1, front + 0.3 * length, front + 0.66 * length)[
        int(cabin * n + 0.5) :
    ].sum(axis=(0, 1))
    centre = round((left + right) / 2 * n)
    heavy = luggage.sum() >= 14
    return {
        "kind": kind,
        "wheels": 2 * axles,
        "wheel_size": "large" if size > 0.0105 else "small",
        "roof": "plain"
        if not heavy
        else "box"
        if luggage[centre - 1 : centre + 1].mean() >= 4
        else "rails",
        "spoiler": bool(kind == "sedan" and end > rear + 0.065),
    }


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

# TO BE WRITTEN
SLOTS = ("body",)
MATERIALS = {"body": ("red", "blue")}
OPTIONAL = frozenset()


def place(voxels):
    return voxels.astype(np.uint8)


def find_faults(voxels):
    return []
