"""Rockets: a round body with a nose, fins and perhaps boosters, on its fins or on a nozzle."""

from typing import NamedTuple

import numpy as np

from course_utils.datasets.shapes.drawing import NUMBERS, THIN, Design, Draws, disc
from course_utils.datasets.shapes.looking import grounded
from course_utils.datasets.shapes.materials import COLOURS
from course_utils.datasets.shapes.parts import Part, numbered, part
from course_utils.datasets.shapes.solids import Interval, Loft, Rod, Solid

SLOTS = ("body", "nose", "fins", "windows")
MATERIALS = {
    "body": ("white",) * 6 + ("steel", "steel", "grey", "cream") + COLOURS,
    "nose": ("red",) * 4 + ("orange", "gold", "=body") + COLOURS,
    "fins": ("=nose",) * 6 + ("steel", "black", *COLOURS),
    "windows": ("glass", "glass", "glass", "black", "gold"),
}
OPTIONAL = frozenset({"windows"})

# Where fins and boosters stand around the body, in degrees: 270 is the front.
_FINS = {"three": (270, 30, 150), "upright": (0, 90, 180, 270), "diagonal": (45, 135, 225, 315)}
_BOOSTERS = {
    ("three", 3): (90, 210, 330),
    ("upright", 4): (45, 135, 225, 315),
    ("diagonal", 2): (0, 180),
}
_HALF = 0.046  # half a fin's thickness: a slanted one is in one piece from 16 voxels per side on
_LIP = 0.036  # how far the ring of windows stands out: more than a voxel
_CLEAR = 0.485  # of the height: no fin or booster is as high, and the body is still straight


def draw(draws: Draws) -> Design:
    stout, nose = draws.chance(0.5), draws.pick("pointed", "round")
    fins, shape = draws.pick(3, 4), draws.pick("triangular", "rectangular")
    boosters = draws.pick(0, 3) if fins == 3 else draws.pick(0, 2, 4)
    stages, stand = draws.pick(1, 2), draws.pick("fins", "nozzle")
    turn = "diagonal" if boosters == 2 or (boosters == 0 and draws.chance(0.5)) else "upright"
    turn = "three" if fins == 3 else turn

    *_, height = draws.fit(0.7, 0.7, 1.0)
    radius = height * (draws.between(0.17, 0.21) if stout else draws.between(0.112, 0.135))
    base = draws.between(0.07, 0.14) if stand == "fins" else draws.between(0.067, 0.11)
    pod = draws.between(0.05, 0.07) if stout else draws.between(0.05, 0.058)  # a booster's radius
    reach = radius + max(draws.between(0.12, 0.24), 2 * pod + 0.03 if boosters else 0.0)

    parts = []
    if boosters:
        parts += _boosters(draws, _BOOSTERS[turn, boosters], radius, pod, (base, height))
    parts += _fins(draws, shape, _FINS[turn], (radius, reach), (base, height), stand == "fins")
    if stand == "nozzle":
        wide, neck = draws.between(0.75, 0.9) * radius, draws.between(0.45, 0.6) * radius
        bell = Loft((0.0, base), (0.0, 0.0, wide, wide), (0.0, 0.0, neck, neck), round=True)
        parts.append(part("nozzle", "body", bell, disc(0.0, 0.0, (base - 0.03, base), neck, neck)))
    parts += _body(draws, nose, stages, radius, (base, height))
    attributes = {"build": "stout" if stout else "slim", "nose": nose, "fins": fins}
    attributes |= {"fin_shape": shape, "boosters": boosters, "stages": stages, "stand": stand}
    details = [f"a {nose} nose", f"{NUMBERS[fins]} fins", f"{shape} fins"]
    details += [f"{NUMBERS[boosters]} boosters"] if boosters else ["no boosters"]
    details += ["two stages"] if stages == 2 else []
    details += ["a nozzle"] if stand == "nozzle" else ["fins to stand on"]
    return Design(parts, attributes, ["rocket"], [attributes["build"]], details)


def _cone(z: Interval, low: float, high: float, curve: str = "straight") -> Loft:
    return Loft(z, (0.0, 0.0, low, low), (0.0, 0.0, high, high), round=True, curve=curve)


def _body(draws: Draws, nose: str, stages: int, radius: float, z: Interval) -> list[Part]:
    """The body, its upper stage, the nose and the windows below that, from z[0] to z[1]."""
    height = z[1]
    top = radius * (draws.between(0.64, 0.72) if stages == 2 else draws.between(0.94, 1.0))
    round_one = max(draws.between(1.1, 1.5) * top, 0.115)
    long = round_one if nose == "round" else draws.between(0.22, 0.28) * height
    middle, start = draws.between(0.53, 0.55) * height, height - long
    parts = [part("body", "body", disc(0.0, 0.0, (z[0], middle), radius, radius))]
    if stages == 2:
        neck = middle + draws.between(0.03, 0.04)
        upper = _cone((middle, neck), radius, top), _cone((neck - 0.02, start), top, top)
        parts.append(part("upper stage", "body", *upper))
    else:
        parts[0] = part("body", "body", *parts[0].bodies, _cone((middle, start), radius, top))
    wide, ring = top + _LIP + draws.between(0.0, 0.006), (start - draws.between(THIN, 0.085), start)
    parts.append(part("windows", "windows", disc(0.0, 0.0, ring, wide, wide)))
    if nose == "pointed":
        return [*parts, part("nose", "nose", _cone((start, height), top, 0.02))]
    edge = start + 0.25 * long
    dome = _cone((start, edge), top, top), _cone((edge, height), top, top, "dome")
    return [*parts, part("nose", "nose", *dome)]


def _fins(
    draws: Draws,
    shape: str,
    turns: tuple[int, ...],
    out: Interval,
    z: Interval,
    down: bool,
) -> list[Part]:
    """Plates from the body (out[0]) to out[1]; `down` to the ground, or to the body's base z[0]."""
    foot = 0.0 if down else z[0] + draws.between(0.0, 0.03)
    tip = foot + draws.between(0.068, 0.09)  # how high the outer edge is
    top = max(draws.between(0.3, 0.42) * z[1], foot + 0.23)
    if shape == "rectangular":
        tip = top - draws.between(0.0, 0.04)
    span = out[1] - out[0]

    def plate(turn: int) -> Solid:
        x, y = np.cos(np.radians(turn)), np.sin(np.radians(turn))

        def inside(at: np.ndarray, back: np.ndarray, up: np.ndarray) -> np.ndarray:
            along, beside = at * x + back * y, abs(back * x - at * y)
            edge = top + (tip - top) * np.clip((along - out[0]) / span, 0.0, 1.0)
            inner = np.where(up < z[0], 0.75 * out[0], 0.0)  # below the body
            return (beside <= _HALF) & (along >= inner) & (along <= out[1]) & (up <= edge)

        sides = [sorted((0.0, out[1] * part)) for part in (x, y)]
        (left, right), (front, rear) = sides
        return Solid(
            (left - _HALF * abs(y), right + _HALF * abs(y)),
            (front - _HALF * abs(x), rear + _HALF * abs(x)),
            (foot, top),
            inside,
        )

    return numbered("fin", "fins", map(plate, turns))


def _boosters(
    draws: Draws, turns: tuple[int, ...], radius: float, pod: float, z: Interval
) -> list[Part]:
    """Small rockets beside the body, with pointed tips."""
    away, foot = radius + 0.85 * pod, z[0] + draws.between(0.0, 0.03)
    top = draws.between(0.29, 0.35) * z[1]
    tip = top + draws.between(0.05, 0.08)
    parts = []
    for number, turn in enumerate(turns, start=1):
        x, y = away * np.cos(np.radians(turn)), away * np.sin(np.radians(turn))
        tube = disc(x, y, (foot, top), pod, pod)
        cone = Loft((top, tip), (x, y, pod, pod), (x, y, 0.02, 0.02), round=True)
        strut = Rod((0.5 * x, 0.5 * y, 0.8 * top), (x, y, 0.8 * top), 0.03)
        parts.append(part(f"booster {number}", "body", tube, cone, strut))
    return parts


class _Sight(NamedTuple):
    """What is seen of a rocket first."""

    height: int  # in layers
    disc: np.ndarray  # the straight part of the body, from above: bool (H, W)
    radius: float  # of the body, in units of the cube's side
    away: np.ndarray  # distance from its axis, and angle around it in degrees, (H, W)
    angle: np.ndarray
    ring: int  # the first layer of the windows
    nose: int  # the nose's first layer
    turn: str  # how the fins are placed
    reach: float  # how far out they are

    def fin(self, turn: float) -> np.ndarray:
        """Where a fin is, from above: bool (H, W)."""
        turned = np.radians(self.angle - turn)
        along, beside = self.away * np.cos(turned), abs(self.away * np.sin(turned))
        return (beside <= _HALF + 0.01) & (along > 0.0) & ~self.disc


def _see(voxels: np.ndarray) -> _Sight:
    n, height = len(voxels), int(np.flatnonzero(voxels.any(axis=(1, 2)))[-1]) + 1
    level = round(_CLEAR * height)
    round_body = voxels[level - 1 : level + 2].sum(axis=0) >= 2
    y, x = (np.argwhere(round_body).mean(axis=0) + 0.5) / n
    places = (np.arange(n) + 0.5) / n
    away = np.hypot(places[:, None] - y, places - x)
    angle = np.degrees(np.arctan2(places[:, None] - y, places - x))
    areas = voxels.sum(axis=(1, 2))
    first, last = round(0.56 * height), round(0.94 * height)
    ring = first + int(np.argmax(areas[first:last] / np.maximum(areas[first - 1 : last - 1], 4)))
    nose = ring + int(np.argmax(areas[ring:] < 0.83 * areas[ring]))
    below = voxels[: round(0.5 * height)].any(axis=0)
    reach = float(away[below].max()) + 0.5 / n
    tips = angle[below & (away > 0.82 * reach)]
    apart = {name: _apart(tips, turns).min(axis=0).mean() for name, turns in _FINS.items()}
    return _Sight(
        height,
        round_body,
        float(np.sqrt(round_body.sum() / np.pi)) / n,
        away,
        angle,
        ring,
        nose,
        min(apart, key=apart.get),
        reach,
    )


def _apart(angles: np.ndarray, turns: tuple[int, ...]) -> np.ndarray:
    """How far N angles are from each of T turns, in degrees: (T, N)."""
    return abs((angles - np.array(turns)[:, None] + 180) % 360 - 180)


def look(voxels: np.ndarray) -> dict[str, str | int | bool]:
    seen = _see(grounded(voxels))
    voxels = grounded(voxels)
    upper = voxels[seen.ring - 1].sum() / seen.disc.sum()
    widths = np.sqrt(voxels.sum(axis=(1, 2)) / voxels[seen.ring - 1].sum())
    quarter = round(0.25 * (seen.height - seen.nose))
    middle = widths[seen.nose + quarter : seen.height - quarter].mean()
    return {
        "build": "stout" if seen.radius > 0.152 * seen.height / len(voxels) else "slim",
        "nose": "round" if middle > 0.755 else "pointed",
        "fins": len(_FINS[seen.turn]),
        "fin_shape": _fin_shape(voxels, seen),
        "boosters": _boosters_of(voxels, seen),
        "stages": 2 if upper < 0.7 else 1,
        "stand": "nozzle" if _on_nozzle(voxels, seen) else "fins",
    }


def _on_nozzle(voxels: np.ndarray, seen: _Sight) -> bool:
    return bool(voxels[0][seen.away < 0.5 * seen.radius].mean() > 0.5)


def _fin_shape(voxels: np.ndarray, seen: _Sight) -> str:
    """Rectangular fins are about as high at their outer edge as beside the body."""
    fins = np.any([seen.fin(turn) for turn in _FINS[seen.turn]], axis=0)
    width = seen.reach - seen.radius

    def top(low: float, high: float) -> float:
        ring = (seen.away > seen.radius + low * width) & (seen.away < seen.radius + high * width)
        columns = voxels[: round(0.5 * seen.height), fins & ring]
        tops = (columns * np.arange(1, len(columns) + 1)[:, None]).max(axis=0)
        return float(tops[tops > 0].mean())

    foot = voxels[:, fins & (seen.away > 0.8 * seen.reach)].any(axis=1).argmax()
    outer, inner = top(0.7, 0.95) - foot, top(0.1, 0.4) - foot
    return "rectangular" if outer > 0.76 * inner else "triangular"


def _beside(voxels: np.ndarray, seen: _Sight, turn: float) -> int:
    """How many voxels are filled where a booster may be, in the layers that all have in common."""
    apart = _apart(seen.angle.ravel(), (turn,)).reshape(seen.angle.shape)
    room = (apart < 45) & ~seen.disc & (seen.away > seen.radius + 0.4 / len(voxels))
    for fin in _FINS[seen.turn]:
        room &= ~seen.fin(fin)
    low, high = round(0.2 * seen.height), round(0.28 * seen.height)
    return int(np.count_nonzero(voxels[low:high, room]))


def _boosters_of(voxels: np.ndarray, seen: _Sight) -> int:
    for (turn, number), places in _BOOSTERS.items():
        if turn == seen.turn:
            found = [_beside(voxels, seen, place) >= 9 for place in places]
            return number if any(found) else 0
    return 0


def place(voxels: np.ndarray) -> np.ndarray:
    """Tell the slots: windows at their place below the nose, fins by their directions."""
    seen = _see(voxels)
    slots = np.full(voxels.shape, 1 + SLOTS.index("body"), dtype=np.uint8)
    for turn in _FINS[seen.turn]:
        slots[: round(0.5 * seen.height), seen.fin(turn)] = 1 + SLOTS.index("fins")
    if not _on_nozzle(voxels, seen):
        slots[: voxels[:, seen.away < 0.5 * seen.radius].any(axis=1).argmax()] = 1 + SLOTS.index(
            "fins"
        )
    slots[seen.ring : seen.nose] = 1 + SLOTS.index("windows")
    slots[seen.nose :] = 1 + SLOTS.index("nose")
    return slots


def find_faults(voxels: np.ndarray) -> list[str]:
    """What is wrong with the nose, the fins, the boosters or the nozzle."""
    seen, found = _see(voxels), []
    areas = voxels.sum(axis=(1, 2))
    if areas[seen.height - 1] > 0.75 * areas[seen.ring - 1] or seen.nose >= seen.height:
        found.append("the nose is missing")
    tips = voxels[: round(0.5 * seen.height)].any(axis=0) & (seen.away > 0.7 * seen.reach)
    if not all((tips & seen.fin(turn)).any() for turn in _FINS[seen.turn]):
        found.append("a fin is missing")
    number = _boosters_of(voxels, seen)
    if number:
        places = _BOOSTERS[seen.turn, number]
        if min(_beside(voxels, seen, place) for place in places) < 9:
            found.append("a booster is missing")
    return found + _faults_of_stand(voxels, seen)


def _faults_of_stand(voxels: np.ndarray, seen: _Sight) -> list[str]:
    """On a nozzle nothing else touches the ground; else all fins do."""
    floor = voxels[:2].any(axis=0)
    if _on_nozzle(voxels, seen):
        beside = np.count_nonzero(floor & (seen.away > seen.radius + 1 / len(voxels)))
        return ["the nozzle is missing"] if beside >= 4 else []
    down = [(floor & seen.fin(turn)).any() for turn in _FINS[seen.turn]]
    return [] if all(down) else ["a fin does not reach the ground"]


PHRASES = {
    "": "=rocket; =spaceship",
    "build=stout": "stout ~; fat ~; a stout body",
    "build=slim": "slim ~; thin ~; a slim body",
    "nose=pointed": "a pointed nose; a sharp nose; a nose cone",
    "nose=round": "a round nose; a rounded nose; a blunt nose",
    "stages=1": "one stage; a single stage",
    "stages=2": "two stages",
    "fins=3": "three fins",
    "fins=4": "four fins",
    "fin_shape=triangular": "triangular fins; slanted fins",
    "fin_shape=rectangular": "rectangular fins; square fins",
    "boosters=0": "no boosters",
    "boosters=2": "two boosters",
    "boosters=3": "three boosters",
    "boosters=4": "four boosters",
    "boosters=2|3|4": "boosters",
    "stand=fins": "fins to stand on; no nozzle",
    "stand=nozzle": "a nozzle; an engine nozzle; a nozzle at the bottom",
}
HELD_OUT = ("boosters=2 stages=2",)
SAID_APART = ("fin_shape=rectangular boosters=4",)
