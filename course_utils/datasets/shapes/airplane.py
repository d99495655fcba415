"""Airplanes: the nose points to the front."""

from typing import NamedTuple

import numpy as np

from course_utils.datasets.shapes.drawing import NUMBERS, THIN, Design, Draws, span
from course_utils.datasets.shapes.looking import extent, islands, lopsided, section, stretches
from course_utils.datasets.shapes.materials import COLOURS
from course_utils.datasets.shapes.parts import Part, numbered, part
from course_utils.datasets.shapes.solids import Box, Rod, Solid

SLOTS = ("body", "wings", "engines", "wheels")  # a propeller goes with engines, the tail with wings
MATERIALS = {
    "body": ("white",) * 6 + ("steel", "cream") + COLOURS,
    "wings": ("=body",) * 6 + ("steel", "white", "grey") + COLOURS,
    "engines": ("grey", "grey", "steel", "steel", "black", "=wings", "=wings", "=body", "brass"),
    "wheels": ("rubber", "rubber", "rubber", "black"),
}
OPTIONAL = frozenset({"propeller"})

# The body from nose (0) to tail (1): its radius, in units of the largest, and how far it rises.
_STATIONS, _THICKNESS, _RISE = (
    (0.0, 0.03, 0.08, 0.15, 0.62, 1.0),
    (0.4, 0.7, 0.9, 1.0, 1.0, 0.45),
    (0, 0, 0, 0, 0, 0.4),
)
_PLACES = {"none": "", "wings": " under the wings", "tail": " at the tail"}
_TAILS = {"plain": "a single tail fin", "T": "a T-tail", "twin": "twin tail fins"}


def draw(draws: Draws) -> Design:
    wings, high, wide = (
        draws.pick("straight", "swept", "delta"),
        draws.chance(0.5),
        draws.chance(0.5),
    )
    engines, place = draws.pick((0, "none"), (0, "none"), (2, "wings"), (4, "wings"), (2, "tail"))
    propeller = engines == 0 and draws.chance(0.55)
    # else engines or blades would touch the ground
    gear = place == "wings" or propeller or draws.chance(0.4)
    tail = draws.pick("plain", "T", "twin")

    ratio = draws.between(0.98, 1.1) if engines == 4 else draws.between(0.8, 1.1)
    reach, length, _ = draws.fit(ratio, 1.0, 0.5)
    radius = length * (draws.between(0.115, 0.135) if wide else draws.between(0.065, 0.08))
    wing_drop = (-0.85 if high else 0.85) * radius  # below the middle of the body
    pod = draws.between(0.044, 0.052)  # the radius of an engine
    lowest = max(
        radius, wing_drop + THIN / 2, wing_drop + THIN / 2 + 1.6 * pod if place == "wings" else 0.0
    )
    middle = lowest + (draws.between(0.08, 0.12) if gear else 0.0)

    planes = _tail(draws, tail, length, reach / 2, radius, middle)
    lead, rear = _wing_edges(draws, wings, length, reach / 2)
    planes += numbered("wing", "wings", _wings(lead, rear, reach / 2, length, middle - wing_drop))
    pods = []
    if place == "wings":
        pods = _wing_engines(
            draws, engines, lead, length, radius, pod, middle - wing_drop - THIN / 2 - 0.6 * pod
        )
    elif place == "tail":
        x, ends = 0.85 * radius + 0.85 * pod, (0.17 * length, 0.32 * length)
        pods = [_pod(sign * x, ends, middle + 0.25 * radius, pod) for sign in (-1, 1)]
    parts = _gear(length, radius, middle) if gear else []
    parts += _propeller(draws, length, radius, middle) if propeller else []
    parts += numbered("engine", "engines", pods)
    parts += [*planes, part("body", "body", _body(length, radius, middle))]
    attributes = {
        "wings": wings,
        "wing_height": "high" if high else "low",
        "body": "wide" if wide else "slim",
    }
    attributes |= {
        "engines": engines,
        "engine_place": place,
        "propeller": propeller,
        "tail": tail,
        "gear": gear,
    }
    details = [
        f"{wings} wings",
        f"{attributes['wing_height']} wings",
        _TAILS[tail],
        "wheels" if gear else "no wheels",
    ]
    details.append("a propeller" if propeller else f"{NUMBERS[engines]} engines{_PLACES[place]}")
    return Design(parts, attributes, ["airplane"], [attributes["body"]], details)


def _body(length: float, radius: float, middle: float) -> Solid:
    def inside(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        thick, rise = _outline(y / length + 0.5, radius)
        return x**2 + (z - middle - rise) ** 2 <= thick**2

    return Solid(
        span(0.0, 2 * radius), span(0.0, length), (middle - radius, middle + radius), inside
    )


def _outline(station: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """The body's radius at stations along it, and how far it rises there."""
    thick = np.maximum(radius * np.interp(station, _STATIONS, _THICKNESS), 0.7 * THIN)
    return thick, radius * np.interp(station, _STATIONS, _RISE)


def _wing_edges(
    draws: Draws, wings: str, length: float, half: float
) -> tuple[np.ndarray, np.ndarray]:
    """y of the leading edge and of the rear edge, each at the root and at the tip."""
    if wings == "straight":
        root, chord = draws.between(0.34, 0.4), draws.between(0.17, 0.22)
        taper = draws.between(0.0, 0.15) * chord  # at either edge
        edges = [(root, root + taper), (root + chord, root + chord - taper)]
    elif wings == "swept":
        root, chord, tip = (
            draws.between(0.27, 0.32),
            draws.between(0.21, 0.26),
            draws.between(0.72, 0.78),
        )
        edges = [(root, tip - draws.between(0.11, 0.14)), (root + chord, tip)]
    else:
        root, rear = draws.between(0.27, 0.33), draws.between(0.69, 0.74)
        edges = [(root, rear - draws.between(0.09, 0.13)), (rear, rear)]
    lead, rear = (np.array(edges) - 0.5) * length
    return lead, rear


def _wings(
    lead: np.ndarray, rear: np.ndarray, half: float, length: float, middle: float
) -> list[Solid]:
    def inside(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        out = abs(x) / half
        return (lead[0] + out * (lead[1] - lead[0]) <= y) & (
            y <= rear[0] + out * (rear[1] - rear[0])
        )

    sides = ((-half, 0.0), (0.0, half))
    return [Solid(side, span(0.0, length), span(middle, THIN), inside) for side in sides]


def _wing_engines(
    draws: Draws, engines: int, lead: np.ndarray, length: float, radius: float, pod: float, z: float
) -> list[Solid]:
    inner = max(radius + THIN, 0.15) + pod + draws.between(0.0, 0.01)
    places = [inner, inner + 2 * pod + THIN] if engines == 4 else [inner + draws.between(0.0, 0.06)]
    ahead, behind = draws.between(0.05, 0.09), draws.between(0.1, 0.13)
    slope = (lead[1] - lead[0]) / (0.5 * length)
    parts = []
    for x in places:
        edge = lead[0] + slope * x
        parts += [
            _pod(sign * x, (edge - ahead * length, edge + behind * length), z, pod)
            for sign in (-1, 1)
        ]
    return parts


def _pod(x: float, ends: tuple[float, float], z: float, radius: float) -> Solid:
    """An engine: a cylinder along y."""
    around = (span(x, 2 * radius), ends, span(z, 2 * radius))
    return Solid(*around, lambda at, _, up: (at - x) ** 2 + (up - z) ** 2 <= radius**2)


def _tail(
    draws: Draws, tail: str, length: float, half: float, radius: float, middle: float
) -> list[Part]:
    low, top = middle + radius * _RISE[-1], middle + radius + draws.between(0.15, 0.21)
    reach, end = half * draws.between(0.4, 0.5), length / 2
    root = end - draws.between(0.15, 0.17) * length  # where the fin begins, at its foot
    lean = draws.between(0.02, 0.06) * length / (top - low)

    def fin(x: float) -> Solid:
        return Solid(
            span(x, THIN),
            (root, end),
            (low - THIN / 2, top),
            lambda _, y, z: y >= root + lean * (z - low),
        )

    level = top - THIN / 2 if tail == "T" else low
    plane = Box((-reach, reach), (end - draws.between(0.1, 0.13) * length, end), span(level, THIN))
    places = (THIN / 2 - reach, reach - THIN / 2) if tail == "twin" else (0.0,)
    return [part("tailplane", "wings", plane), *numbered("fin", "wings", map(fin, places))]


def _propeller(draws: Draws, length: float, radius: float, middle: float) -> list[Part]:
    """Two or four blades at the nose."""
    blade, y = radius + draws.between(0.06, 0.08), (-length / 2, THIN - length / 2)
    across = Box((-blade, blade), y, span(middle, THIN))
    upright = [Box(span(0.0, THIN), y, span(middle, 2 * blade))] if draws.chance(0.5) else []
    return [part("propeller", "engines", across, *upright)]


def _gear(length: float, radius: float, middle: float) -> list[Part]:
    """A wheel under the nose and two under the wings, each with its strut."""
    out, wheel, parts = max(THIN + 0.005, 0.75 * radius), 0.048, []
    places = ((0.0, -0.37 * length), (-out, 0.02 * length), (out, 0.02 * length))
    for number, (x, y) in enumerate(places, start=1):
        around = (span(x, THIN), span(y, 2 * wheel), (0.0, 2 * wheel))
        tyre = Solid(*around, lambda _, at, up, y=y: (at - y) ** 2 + (up - wheel) ** 2 <= wheel**2)
        strut = Rod((x, y, wheel), (0.4 * x, y, middle), THIN / 2)
        parts.append(part(f"wheel {number}", "wheels", tyre, strut))
    return parts


class _Sight(NamedTuple):
    """What is seen of an airplane first; lengths are in units of the cube's side."""

    front: float
    length: float
    half: float  # of the span
    centre: float  # of the wings, along x
    radius: float  # of the body
    middle: float  # of the body, along z
    level: float  # of the wings' middle
    bottom: int  # their lowest layer

    def stations(self, voxels: np.ndarray, low: float, high: float, out: float = 1.0) -> np.ndarray:
        """The part between two stations along the body, up to `out` from its middle."""
        part = section(voxels, 1, self.front + low * self.length, self.front + high * self.length)
        return section(part, 2, self.centre - out, self.centre + out)


def _see(voxels: np.ndarray) -> _Sight:
    n, (front, back), (left, right) = len(voxels), extent(voxels, 1), extent(voxels, 2)
    half = (right - left) / 2
    seen = _Sight(front, back - front, half, (left + right) / 2, 0.0, 0.0, 0.0, 0)
    body = seen.stations(voxels, 0.195, 0.26, 0.15)  # from the nose wheel to the wings: a disc
    middle, radius = _disc(np.median(body, axis=1) > 0.5)
    ahead = seen.stations(voxels, 0.1, 0.8)  # behind the propeller, ahead of the tail
    tips = np.concatenate(
        [section(ahead, 2, left, left + 0.2 * half), section(ahead, 2, right - 0.2 * half, right)],
        axis=2,
    )
    top = int(np.quantile(n - tips[::-1].argmax(axis=0)[tips.any(axis=0)], 0.75))
    out = abs((np.arange(n) + 0.5) / n - seen.centre) > max(radius + 0.08, 0.12)
    under = ahead.argmax(axis=0)[ahead[top - 1] & out]  # under most of the wing hang no engines
    bottom = round(np.quantile(under, 0.85))
    return seen._replace(radius=radius, middle=middle, level=top / n - THIN / 2, bottom=bottom)


def _disc(seen: np.ndarray) -> tuple[float, float]:
    """The middle, along z, and the radius of a disc bool (n, W), in units of n cells."""
    n, width = seen.shape
    radius, middle = np.sqrt(seen.sum() / np.pi), np.nonzero(seen)[0].mean() + 0.5
    shifts = np.linspace(-0.6, 0.6, 13)
    z, x = np.arange(n)[:, None] + 0.5, np.arange(width) + 0.5 - width / 2
    middles, radii = middle + shifts[:, None, None, None], radius + shifts[:, None, None] / 2
    tried = x**2 + (z - middles) ** 2 <= radii**2  # (13, 13, n, W)
    wrong = np.count_nonzero(tried ^ seen, axis=(2, 3))
    best = np.argwhere(wrong == wrong.min()).mean(axis=0)
    middle, radius = np.array([middle, radius]) + 0.1 * (best - 6) * (1.0, 0.5)
    return middle / n, radius / n


def look(voxels: np.ndarray) -> dict[str, str | int | bool]:
    seen = _see(voxels)
    n, radius = len(voxels), seen.radius
    nose = section(voxels, 1, seen.front, seen.front + THIN).any(axis=(0, 1))
    ahead = seen.stations(voxels, 0.1, 0.8)
    engines, place = _engines(
        seen.stations(voxels, 0.76, 0.82, radius + 0.09), ahead, seen.centre, radius
    )
    return {
        "wings": _wing_shape(ahead, seen.centre, seen.half, radius, seen.level),
        "wing_height": "high" if seen.level > seen.middle else "low",
        "body": "wide" if radius > 0.097 * seen.length else "slim",
        "engines": engines,
        "engine_place": place,
        "propeller": bool(nose.sum() / n > 2 * radius + 0.04),
        "tail": _tail_shape(seen.stations(voxels, 0.87, 1.0)),
        "gear": _has_gear(voxels, seen.length),
    }


def _has_gear(voxels: np.ndarray, length: float) -> bool:
    """Whether little of the length lies on the ground."""
    return bool(voxels[:2].any(axis=(0, 2)).sum() / len(voxels) < 0.35 * length)


def place(voxels: np.ndarray) -> np.ndarray:
    """Tell the slots: what is neither in the body's outline nor in the wings' plane stands out."""
    seen, n = _see(voxels), len(voxels)
    z, y, x = ((np.arange(n) + 0.5) / n for _ in range(3))
    station, out = (y - seen.front) / seen.length, abs(x - seen.centre)
    thick, rise = _outline(station, seen.radius)
    away = np.hypot(out, z[:, None, None] - seen.middle - rise[:, None])
    body = away <= thick[:, None] + 0.02 / n
    top = round((seen.level + THIN / 2) * n)
    behind = (station > 0.64)[:, None] & (station < 0.83)[:, None] & (out < seen.radius + 0.1)
    wings = voxels[top - 1] & (station > 0.2)[:, None]
    if look(voxels)["wings"] != "delta":
        wings &= ~behind
    apart = voxels & ~body
    apart[seen.bottom : top] &= ~wings
    low = apart & (np.arange(n) < top)[:, None, None]
    beside = out < max(seen.radius + 0.04, 0.125)  # where wheels are, and no engines
    blades = y < seen.front + THIN
    slots = np.full(voxels.shape, 1 + SLOTS.index("wings"), dtype=np.uint8)
    slots[apart & blades[:, None]] = 1 + SLOTS.index("engines")
    slots[low & ~beside & (station < 0.83)[:, None]] = 1 + SLOTS.index("engines")
    slots[apart & behind] = 1 + SLOTS.index("engines")
    slots[low & beside & (~blades & (station < 0.6))[:, None]] = 1 + SLOTS.index("wheels")
    slots[body] = 1 + SLOTS.index("body")
    return slots


def find_faults(voxels: np.ndarray) -> list[str]:
    """What is wrong with the wings, the tail or the wheels."""
    seen, n = _see(voxels), len(voxels)
    uneven = lopsided(voxels) >= 6
    found = ["a wing, engine, fin or wheel is missing on one side"] if uneven else []
    if seen.half < 2.2 * seen.radius:
        found.append("the wings are missing")
    rear = seen.stations(voxels, 0.88, 1.0)
    (_, top), (left, right) = extent(rear, 0), extent(rear, 2)
    if top < seen.middle + seen.radius + 0.07:
        found.append("the fin is missing")
    if right - left < max(0.3 * seen.half, 1.8 * seen.radius):
        found.append("the tailplane is missing")
    if _has_gear(voxels, seen.length):
        floor = voxels[:2].any(axis=0)
        floor[: round((seen.front + THIN) * n)] = False  # a blade may come as low
        feet = [np.argwhere(foot).mean(axis=0) for foot in islands(floor, 2)]
        ahead = [foot[0] / n - seen.front < 0.25 * seen.length for foot in feet]
        if len(feet) != 3 or sum(ahead) != 1:
            found.append("a wheel is missing, or does not reach the ground")
    return found


def _wing_shape(ahead: np.ndarray, centre: float, half: float, radius: float, level: float) -> str:
    """Classify wings by how far the rear and the front edge run back between body and tips."""
    n = len(ahead)
    plan = section(ahead, 0, level, level + THIN / 2).any(axis=0)  # (H, W), above the engines
    out = abs((np.arange(n) + 0.5) / n - centre)
    outside = (out > radius + 0.08) & (out < 0.92 * half) & plan.any(axis=0)
    rear = plan.shape[0] - plan[::-1].argmax(axis=0)
    if np.polyfit(out[outside], rear[outside] / n, 1)[0] > 0.2:
        return "swept"
    return (
        "delta"
        if np.polyfit(out[outside], plan.argmax(axis=0)[outside] / n, 1)[0] > 0.4
        else "straight"
    )


def _engines(
    behind: np.ndarray, ahead: np.ndarray, centre: float, radius: float
) -> tuple[int, str]:
    """Tail engines stand out beside the body behind the wings; wing engines thicken the wing."""
    n = len(ahead)
    out = abs((np.arange(behind.shape[2]) + 0.5) - behind.shape[2] / 2) / n
    if behind[:, :, out > radius + 0.015].sum() / behind.shape[1] >= 2:
        return 2, "tail"
    thick = (ahead.sum(axis=1) >= 2).sum(axis=0)  # (W,), seen from the front
    inner = max(radius + 0.04, 0.125)  # further out than the wheels
    sides = [thick[round((centre + inner) * n) :], thick[: round((centre - inner) * n)]]
    each = max(stretches(side >= 4) for side in sides)
    return (2 * min(each, 2), "wings") if each else (0, "none")


def _tail_shape(rear: np.ndarray) -> str:
    """Classify tails by where their highest layers are filled: middle, sides or both."""
    top = extent(rear, 0)[1]
    filled = section(rear, 0, top - THIN, top).any(axis=(0, 1))  # (W,)
    low, high = np.flatnonzero(filled)[[0, -1]]
    if high - low < 5:
        return "plain"
    return "T" if filled[low : high + 1].mean() > 0.8 else "twin"


PHRASES = {
    "": "=airplane; =plane; =aircraft",
    "body=wide": "wide ~; a wide body; a thick body",
    "body=slim": "slim ~; a slim body; a thin body",
    "wing_height=high": "high wings; high mounted wings; wings at the top",
    "wing_height=low": "low wings; low mounted wings; wings at the bottom",
    "wings=straight": "straight wings",
    "wings=swept": "swept wings; swept back wings",
    "wings=delta": "delta wings; triangular wings",
    "engines=0 ?propeller=no": "no engines",
    "engines=0": "no jet engines",
    "engines=2": "two engines",
    "engines=4": "four engines",
    "engines=2|4": "jet engines",
    "engine_place=wings": "engines under the wings; engines below the wings",
    "engine_place=tail": "engines at the tail; rear engines; engines at the back",
    "propeller=yes": "a propeller; a propeller at the front",
    "propeller=no": "no propeller",
    "tail=plain": "a plain tail; a single tail fin; one tail fin",
    "tail=T": "a t tail; a t shaped tail",
    "tail=twin": "a twin tail; twin tail fins; two tail fins",
    "gear=yes": "wheels; an undercarriage",
    "gear=no": "no wheels; no undercarriage",
}
HELD_OUT = ("wings=delta engines=4",)
SAID_APART = ()
