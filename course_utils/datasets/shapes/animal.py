"""Animals on four legs that look to the front: dogs, horses, giraffes and elephants."""

from typing import NamedTuple

import numpy as np

from course_utils.datasets.shapes.drawing import THIN, Design, Draws, disc, pebble, span
from course_utils.datasets.shapes.looking import core, islands, lopsided
from course_utils.datasets.shapes.parts import Part, numbered, part
from course_utils.datasets.shapes.solids import Box, Interval, Loft, Rod

SLOTS = ("coat", "socks", "horns", "saddle")
MATERIALS = {
    "coat": ("brown", "brown", "grey", "white", "black", "beige", "golden", "rusty", "cream"),
    "socks": ("=coat", "=coat", "black", "grey", "white", "brown"),
    "horns": ("cream", "cream", "grey", "black", "beige"),
    "saddle": ("brown", "brown", "red", "blue", "burgundy", "navy", "green", "black"),
}
OPTIONAL = frozenset({"saddle"})
_KINDS = ("dog", "horse", "giraffe", "elephant")


class _Sizes(NamedTuple):
    """Lengths of an animal whose body is 1 long, later scaled; see `_sizes`."""

    long: float
    leg: float
    body_high: float
    body_wide: float
    thick: float  # a leg's diameter
    head_deep: float
    head_high: float
    head_wide: float
    ahead: float  # from the body's front to the head's middle
    rise: float  # from the back up to the head's middle
    behind: float  # how far the tail reaches back
    tail: float  # how far it goes up or down
    crest: float  # the height of ears or horns above the head


def draw(draws: Draws) -> Design:
    kind = draws.pick(*_KINDS)
    ears = draws.pick("hanging", "spread" if kind == "elephant" else "upright")
    horns = kind != "elephant" and ears == "hanging" and draws.chance(0.55)
    tail, legs = draws.pick("up", "down"), draws.pick("short", "long")
    build, saddle = draws.pick("slim", "stout"), draws.chance(0.4)

    s = _sizes(draws, kind, legs, build, horns or ears == "upright", tail)
    back = s.leg + s.body_high
    parts = [part("tail", "coat", _tail(s, tail))]
    x = s.body_wide / 2 - s.thick / 2
    y = s.long / 2 - s.thick / 2 - 0.02
    spots = [(side, end) for end in (-y, y) for side in (-x, x)]
    half = s.thick / 2
    shanks = [disc(*spot, (THIN, s.leg + 0.5 * s.body_high), half, half) for spot in spots]
    parts += numbered("leg", "coat", shanks)
    trunk = pebble(span(0.0, s.body_wide), span(0.0, s.long), (s.leg, back))
    parts.append(part("body", "coat", trunk))
    parts += _head(draws, kind, s, back)
    parts += _ears(draws, ears, s, back) + (_horns(draws, s, back) if horns else [])
    feet = [disc(*spot, (0.0, THIN), half + 0.01, half + 0.01) for spot in spots]
    parts += numbered("foot", "socks", feet)
    if saddle:
        seat = span(draws.between(-0.04, 0.02) * s.long, draws.between(0.26, 0.34) * s.long)
        wide = span(0.0, draws.between(0.7, 1.0) * s.body_wide)
        high = draws.between(0.08, 0.1)
        parts.append(part("saddle", "saddle", Box(wide, seat, (back - 0.06, back + high))))
    attributes = {"kind": kind, "ears": ears, "horns": horns, "tail": tail, "legs": legs}
    attributes |= {"build": build, "saddle": saddle}
    details = [f"{ears} ears", f"{legs} legs", {"up": "a raised tail"}.get(tail, "a hanging tail")]
    details += (["two horns"] if horns else []) + (["a saddle"] if saddle else [])
    return Design(parts, attributes, [kind], [build], details)


def _sizes(draws: Draws, kind: str, legs: str, build: str, crested: bool, tail: str) -> _Sizes:
    """Draw all lengths for a body of length 1, and scale them to the cube."""
    leg = draws.between(0.32, 0.44) if legs == "short" else draws.between(0.7, 0.9)
    high = draws.between(0.3, 0.38) if build == "slim" else draws.between(0.6, 0.72)
    wide, thick = high * draws.between(0.85, 1.05), draws.between(0.15, 0.2)
    deep, tall, broad = {
        "dog": (0.36, 0.36, 0.4),
        "horse": (0.46, 0.28, 0.3),
        "giraffe": (0.44, 0.4, 0.34),
        "elephant": (0.42, 0.5, 0.48),
    }[kind]
    deep, tall, broad = (draws.between(0.92, 1.1) * length for length in (deep, tall, broad))
    ahead, rise = {
        "dog": (draws.between(0.06, 0.14), draws.between(0.08, 0.18)),
        "horse": (draws.between(0.12, 0.26), draws.between(0.46, 0.58)),
        "giraffe": (draws.between(0.1, 0.2), draws.between(0.86, 1.06)),
        "elephant": (draws.between(0.06, 0.14), draws.between(-0.02, 0.08)),
    }[kind]
    crest = draws.between(0.3, 0.4) if crested else 0.0
    behind = draws.between(0.2, 0.36)
    length = (
        draws.between(0.3, 0.5) if tail == "up" else draws.between(0.5, 0.75) * leg + 0.5 * high
    )
    front = ahead + deep / 2 + {"dog": 0.15, "elephant": 0.2}.get(kind, 0.0)
    top = (
        leg
        + high
        + max(rise + tall / 2 + crest, length - 0.2 * high + 0.06 if tail == "up" else 0.0)
    )
    _, _, _, *sizes = draws.fit(
        max(wide, 2.8 * broad), 1.0 + front + behind, top,
        1.0, leg, high, wide, thick, deep, tall, broad, ahead, rise, behind, length, crest,
    )  # fmt: skip
    s = _Sizes(*sizes)
    thick = max(s.thick, 0.072)
    return s._replace(
        thick=thick,
        body_wide=max(s.body_wide, 2 * thick + 0.085),
        head_wide=max(s.head_wide, 0.205),
        head_high=max(s.head_high, 0.15),
        head_deep=max(s.head_deep, 0.16),
        behind=max(s.behind, 0.11),
    )


def _tail(s: _Sizes, tail: str) -> Rod:
    """A tail from the end of the back, up or down, and away from the body."""
    y, root = s.long / 2, s.leg + 0.8 * s.body_high
    radius = max(0.036, 0.05 * s.long)
    start = (0.0, y - 0.04, root)
    tip = root + s.tail if tail == "up" else max(root - s.tail, 0.11 + radius)
    return Rod(start, (0.0, y + s.behind - radius, tip), radius)


def _head(draws: Draws, kind: str, s: _Sizes, back: float) -> list[Part]:
    """Neck and head, with a muzzle or an elephant's trunk."""
    y, z = -s.long / 2 - s.ahead, back + s.rise
    head = pebble(span(0.0, s.head_wide), span(y, s.head_deep), span(z, s.head_high))
    front, chin = y - s.head_deep / 2, z - s.head_high / 2
    if kind == "dog":
        muzzle = max(0.55 * s.head_wide, 0.12)
        snout = Box(
            span(0.0, muzzle),
            (front - 0.15 * s.long, y),
            (chin, chin + max(0.42 * s.head_high, THIN)),
        )
        neck = Rod((0.0, -0.3 * s.long, back - 0.5 * s.body_high), (0.0, y, z), 0.3 * s.head_wide)
        return [part("head", "coat", neck, head, snout)]
    if kind == "elephant":
        radius = max(0.045, 0.075 * s.long)
        tip = max(draws.between(0.25, 0.5) * s.leg, 0.085)
        top = (0.0, front + radius, z)
        knee = (0.0, front - 0.06 * s.long, chin - 0.04)
        end = (0.0, front - 0.08 * s.long, tip + radius)
        trunk = part("trunk", "coat", Rod(top, knee, radius), Rod(knee, end, radius))
        return [part("head", "coat", head), trunk]
    radius = max(0.05, draws.between(0.1, 0.13) * s.long)
    foot = (0.0, 0.14 * s.long - s.long / 2, back - 0.45 * s.body_high)
    neck = Rod(foot, (0.0, y + 0.25 * s.head_deep, z - 0.3 * s.head_high), radius)
    return [part("neck", "coat", neck), part("head", "coat", head)]


def _ears(draws: Draws, ears: str, s: _Sizes, back: float) -> list[Part]:
    """Two ears at the back of the head: upright, hanging at its sides, or spread out."""
    y, z = -s.long / 2 - s.ahead, back + s.rise
    top, side = z + s.head_high / 2, s.head_wide / 2
    thick = max(THIN, 0.13 * s.long)
    if ears == "upright":
        at = side - thick / 2
        rear = y + draws.between(0.0, 0.2) * s.head_deep
        bodies = [
            Loft(
                (top - 0.03, top + s.crest),
                (x, rear, thick / 2, thick / 2),
                (x, rear, thick / 3, thick / 3),
            )
            for x in (-at, at)
        ]
    elif ears == "hanging":
        deep, low = max(THIN, draws.between(0.14, 0.2) * s.long), draws.between(0.6, 0.9)
        rows: Interval = span(y + draws.between(0.0, 0.15) * s.head_deep, deep)
        levels = (top - low * s.head_high, top - 0.02)
        thick = max(0.08, thick)
        at = side + thick / 2 - 0.01
        bodies = [Box(span(x, thick), rows, levels) for x in (-at, at)]
    else:
        wide = draws.between(0.36, 0.44) * s.long
        rows = span(y + 0.1 * s.head_deep, max(THIN, 0.1 * s.long))
        levels = (top - draws.between(0.8, 1.05) * s.head_high, top + 0.02)
        bodies = [
            pebble(span(sign * (side + wide / 2 - 0.04), wide + 0.04), rows, levels)
            for sign in (-1, 1)
        ]
    return numbered("ear", "coat", bodies)


def _horns(draws: Draws, s: _Sizes, back: float) -> list[Part]:
    """Two horns from the top of the head, up and outwards."""
    y, top = -s.long / 2 - s.ahead, back + s.rise + s.head_high / 2
    y, radius = y - draws.between(0.0, 0.15) * s.head_deep, max(0.036, 0.05 * s.long)
    root, tip = s.head_wide / 2 - radius, s.head_wide / 2 + draws.between(0.08, 0.12)
    ends = [(sign * root, sign * tip) for sign in (-1, 1)]
    bodies = [Rod((a, y, top), (b, y, top + s.crest - radius), radius) for a, b in ends]
    return numbered("horn", "horns", bodies)


class _Anatomy(NamedTuple):
    """Where an animal's parts are, in voxels."""

    middle: slice  # the two columns x in the middle
    front: int  # the row y at which its fore feet begin
    rear: int  # the row behind its hind feet
    belly: int  # the lowest layer of its body
    back: int  # the layer above its back
    crown: int  # the layer above its head, without ears and horns


def _anatomy(voxels: np.ndarray) -> _Anatomy:
    feet = voxels[:2].any(axis=0)
    front, rear = core(feet.sum(axis=1), 0.3)
    left, right = core(feet.sum(axis=0), 0.3)
    at = (left + right) // 2
    middle = slice(at - 1, at + 1)
    half, long = (front + rear) // 2, rear - front
    column = voxels[:, half - 1 : half + 1, middle].all(axis=(1, 2))
    hind = voxels[:, half + round(0.29 * long) : half + round(0.4 * long), middle]
    back = int(np.flatnonzero(hind.any(axis=(1, 2)))[-1]) + 1
    head = voxels[:, : front + 2, middle].all(axis=2).any(axis=1)
    crown = int(np.flatnonzero(head)[-1]) + 1
    return _Anatomy(middle, front, rear, int(column.argmax()), back, crown)


def look(voxels: np.ndarray) -> dict[str, str | bool]:
    """Invert `draw`: feet, belly and back are the measure for head, ears, tail and saddle."""
    a = _anatomy(voxels)
    long, half = a.rear - a.front, (a.front + a.rear) // 2
    kind = _kind(voxels, a)
    crest = voxels[a.crown :, : a.front + 4]
    spread = (
        np.ptp(np.flatnonzero(voxels[a.belly :, : a.front + 1].any(axis=(0, 1)))) + 1 > 1.03 * long
    )
    horns, upright = False, False
    if kind != "elephant" and crest.sum() >= 4:
        horns = _spread(crest, a.middle.start + 0.5) > 0.5
        upright = not horns
    over = voxels[a.back :, half - 1 : half + 1, a.middle].any(axis=(1, 2))
    return {
        "kind": kind,
        "ears": "upright" if upright else "spread" if spread and kind == "elephant" else "hanging",
        "horns": horns,
        "tail": "up" if voxels[a.back + 1 :, a.rear + 1 :].sum() >= 2 else "down",
        "legs": "long" if a.belly > 0.56 * long else "short",
        "build": "stout" if a.back - a.belly > 0.5 * long else "slim",
        "saddle": int(over.sum()) >= 2,
    }


def _kind(voxels: np.ndarray, a: _Anatomy) -> str:
    """The kind, from how high over the back the chin is; a trunk hangs below the belly."""
    before = voxels[:, : a.front - 1].any(axis=2)
    first = int(np.flatnonzero(before.sum(axis=0) >= 2)[0])
    chin = int(np.flatnonzero(before[:, first : first + 2].any(axis=1))[0])
    if chin < a.belly:
        return "elephant"
    rise = (chin - a.back) / (a.rear - a.front)
    return "dog" if rise < 0.13 else "horse" if rise < 0.55 else "giraffe"


def _spread(crest: np.ndarray, middle: float) -> float:
    """How much further from the middle bool (n, H, W) is above its lowest layer, in voxels."""
    asides = [np.abs(np.nonzero(layer)[1] - middle).mean() for layer in crest if layer.any()]
    return float(max(asides) - asides[0])


def place(voxels: np.ndarray) -> np.ndarray:
    """Tell the slots: socks at the feet, a saddle on the back, and horns above the head."""
    a, seen = _anatomy(voxels), look(voxels)
    slots = np.full(voxels.shape, 1 + SLOTS.index("coat"), dtype=np.uint8)
    slots[:2] = 1 + SLOTS.index("socks")
    if seen["horns"]:
        slots[a.crown :, : a.front + 4] = 1 + SLOTS.index("horns")
    if seen["saddle"]:
        half, long = (a.front + a.rear) // 2, a.rear - a.front
        rows = slice(half - round(0.2 * long), half + round(0.3 * long))
        slots[a.back :, rows] = 1 + SLOTS.index("saddle")
    return slots


def find_faults(voxels: np.ndarray) -> list[str]:
    """What is wrong with the legs, the head, the ears and horns, or the tail."""
    a = _anatomy(voxels)
    feet = islands(voxels[:2].any(axis=0), least=2)
    centres = np.array([np.argwhere(foot).mean(axis=0) for foot in feet])
    corners = {(y > (a.front + a.rear) / 2, x > a.middle.start + 0.5) for y, x in centres}
    found = []
    if len(feet) != 4 or len(corners) != 4:
        found.append("a leg is missing, or does not reach the ground")
    if voxels[:, a.rear + 2 :].sum() < 2:
        found.append("the tail is missing")
    if _kind(voxels, a) == "dog" and not _has_muzzle(voxels, a):
        found.append("the muzzle or the trunk is missing")
    return found + (["an ear, horn or leg is on one side only"] if lopsided(voxels) > 2 else [])


def _has_muzzle(voxels: np.ndarray, a: _Anatomy) -> bool:
    """Whether what comes first is lower than the head."""
    before = voxels[:, : a.front - 1, a.middle].any(axis=2)
    first = int(np.flatnonzero(before.sum(axis=0) >= 2)[0])
    low, *_, top = np.flatnonzero(before[:, first])
    return top + 1 - low < 0.66 * (a.crown - low)


PHRASES = {
    "": "=animal",
    "build=slim": "slim ~; slender ~",
    "build=stout": "stout ~; fat ~",
    "kind=dog": "=dog",
    "kind=horse": "=horse",
    "kind=giraffe": "=giraffe",
    "kind=elephant": "=elephant",
    "ears=upright": "upright ears; pointed ears",
    "ears=hanging": "hanging ears; floppy ears",
    "ears=spread": "spread ears; large ears",
    "horns=yes": "horns; two horns",
    "horns=no": "no horns",
    "legs=short": "short legs",
    "legs=long": "long legs; tall legs",
    "tail=up": "a raised tail; a tail that points up",
    "tail=down": "a hanging tail; a tail that hangs down",
    "saddle=yes": "a saddle; a saddle on its back",
    "saddle=no": "no saddle",
}
HELD_OUT = ("kind=horse horns=yes",)
SAID_APART = ("kind=elephant saddle=yes",)
