"""Robots: a head with a face, a body and two arms, on legs, wheels or tracks."""

from typing import NamedTuple

import numpy as np

from course_utils.datasets.shapes.drawing import NUMBERS, THIN, Design, Draws, disc, span
from course_utils.datasets.shapes.looking import core, extent, islands, lopsided, stretches
from course_utils.datasets.shapes.materials import COLOURS, METALLIC
from course_utils.datasets.shapes.parts import Part, numbered, part
from course_utils.datasets.shapes.solids import Box, Loft, Solid

SLOTS = ("body", "limbs", "treads", "eyes")
MATERIALS = {
    "body": COLOURS + METALLIC,
    "limbs": ("steel", "steel", "iron", "grey", "black", "white", "=body"),
    "treads": ("rubber", "rubber", "rubber", "iron"),
    "eyes": ("glass", "yellow", "red", "turquoise", "orange", "black"),
}
OPTIONAL = frozenset({"backpack", "aerial"})


class _Sizes(NamedTuple):
    """Lengths of a robot, scaled to the cube; see `_sizes`."""

    wide: float  # the body
    deep: float
    high: float
    base: float  # from the ground to the body
    radius: float  # half the height of wheels and tracks
    neck: float
    head_wide: float
    head_deep: float
    head_high: float
    arm: float  # how thick an arm is
    reach: float  # how long an arm is
    pack: float
    aerial: float
    straight: float  # half the length of a track between its round ends


def draw(draws: Draws) -> Design:
    base, arms = draws.pick("legs", "wheels", "tracks"), draws.pick("down", "raised", "forward")
    body, head = draws.pick("boxy", "round", "tapered"), draws.pick("square", "domed")
    antennas, face = draws.pick(0, 1, 2), draws.pick("eyes", "visor")
    backpack = draws.chance(0.4)

    s = _sizes(draws, base, arms, antennas, backpack)
    top = s.base + s.high
    parts = _base(draws, base, s) + _arms(s, arms, 2 * s.radius if base != "legs" else 0.0)
    neck = draws.between(0.04, 0.055)
    parts.append(
        part("neck", "limbs", disc(0.0, 0.0, (top - 0.02, top + s.neck + 0.02), neck, neck))
    )
    parts.append(part("body", "body", _body(draws, body, s)))
    if backpack:
        across, low = draws.between(0.5, 0.75) * s.wide, s.base + draws.between(0.38, 0.55) * s.high
        parts.append(
            part("backpack", "body", Box(span(0.0, across), (0.0, s.deep / 2 + s.pack), (low, top)))
        )
    chin = top + s.neck
    parts += _head(draws, head, face, antennas, s, chin)
    attributes = {"base": base, "arms": arms, "body": body, "head": head, "antennas": antennas}
    attributes |= {"face": face, "backpack": backpack}
    details = [
        {"legs": "two legs", "wheels": "two wheels"}.get(base, "tracks"),
        {"down": "hanging arms", "raised": "raised arms"}.get(arms, "arms that reach forward"),
        f"a {body} body",
        f"a {head} head",
        {"eyes": "two eyes"}.get(face, "a visor"),
    ]
    details += [f"{NUMBERS[antennas]} antenna{'s' * (antennas != 1)}"]
    return Design(parts, attributes, ["robot"], [], details + ["a backpack"] * backpack)


def _sizes(draws: Draws, base: str, arms: str, antennas: int, backpack: bool) -> _Sizes:
    """Draw all lengths and scale them to the cube."""
    wide, deep, high = draws.between(1.0, 1.35), draws.between(0.75, 1.0), draws.between(0.95, 1.25)
    head = (draws.between(0.95, 1.15), draws.between(0.7, 0.95), draws.between(0.62, 0.8))
    radius, arm = draws.between(0.38, 0.48), draws.between(0.27, 0.34)
    low = draws.between(0.8, 1.05) if base == "legs" else 2 * radius + draws.between(0.04, 0.2)
    neck, reach = draws.between(0.26, 0.3), draws.between(0.85, 1.05)
    pack = draws.between(0.3, 0.45) if backpack else 0.0
    aerial = draws.between(0.34, 0.5) if antennas else 0.0
    straight = draws.between(0.5, 0.75)
    shoulder = low + high - arm / 2
    height = max(
        low + high + neck + head[2] + aerial, shoulder + (reach if arms == "raised" else 0)
    )
    front = max(deep / 2, head[1] / 2 + 0.25, reach if arms == "forward" else 0.0)
    back = deep / 2 + pack
    if base == "tracks":
        front, back = max(front, straight + radius), max(back, straight + radius)
    sizes = draws.fit(
        wide + 2 * (arm + 0.34), front + back, height,
        wide, deep, high, low, radius, neck, *head, arm, reach, pack, aerial, straight,
    )  # fmt: skip
    s = _Sizes(*sizes[3:])
    return s._replace(
        wide=max(s.wide, 0.3),
        arm=max(s.arm, 0.07),
        neck=max(s.neck, THIN),
        head_wide=max(s.head_wide, 0.25),
    )


def _base(draws: Draws, base: str, s: _Sizes) -> list[Part]:
    """Two legs with feet, or two rollers at a chassis under the body."""
    if base == "legs":
        thick = max(draws.between(0.24, 0.3) * s.wide, THIN)
        x, long = max(0.27 * s.wide, (thick + 0.072) / 2), draws.between(0.75, 0.95) * s.deep
        high = draws.between(0.07, 0.085)
        legs = [Box(span(at, thick), span(0.0, thick), (high, s.base + 0.02)) for at in (-x, x)]
        feet = [
            Box(span(at, thick + 0.01), (thick / 2 - long, thick / 2 + 0.01), (0.0, high))
            for at in (-x, x)
        ]
        return numbered("leg", "limbs", legs) + numbered("foot", "limbs", feet)
    thick = draws.between(0.07, 0.085)
    straight = s.straight if base == "tracks" else 0.0
    rollers = [_roller(sign * (s.wide + thick) / 2, thick, straight, s.radius) for sign in (-1, 1)]
    axle = Box(
        span(0.0, s.wide + thick), span(0.0, THIN), (s.radius - THIN / 2, s.radius + THIN / 2)
    )
    post = Box(span(0.0, 0.32 * s.wide), span(0.0, 0.6 * s.deep), (0.7 * s.radius, s.base + 0.02))
    return [
        part("chassis", "limbs", axle, post),
        *numbered({"wheels": "wheel"}.get(base, "track"), "treads", rollers),
    ]


def _roller(x: float, thick: float, straight: float, radius: float) -> Solid:
    """A wheel at a side, or a track, which goes straight between its round ends."""

    def inside(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        beyond = np.maximum(np.abs(y) - straight, 0.0)
        return beyond**2 + (z - radius) ** 2 <= radius**2

    end = straight + radius
    return Solid(span(x, thick), (-end, end), (0.0, 2 * radius), inside)


def _arms(s: _Sizes, arms: str, clear: float) -> list[Part]:
    """Two arms beside the body, at shoulders; those that hang end above `clear`."""
    z = s.base + s.high - s.arm / 2
    half = s.arm / 2
    if arms == "raised":
        rows, levels = span(0.0, s.arm), (z - half, z + s.reach)
    elif arms == "forward":
        rows, levels = (-s.reach, half), span(z, s.arm)
    else:
        low = max(z - 0.95 * s.reach, clear + 0.07) if clear else z - 0.95 * s.reach
        rows, levels = span(0.0, s.arm), (low, z + half)
    parts = []
    for number, sign in ((1, -1), (2, 1)):
        inner = s.wide / 2 + 0.09
        bar = Box(span(sign * (inner + half), s.arm), rows, levels)
        across = span(sign * (inner + half / 2 - 0.05), half + 0.1)
        joint = Box(across, span(0.0, s.arm), span(z, s.arm))
        parts.append(part(f"arm {number}", "limbs", joint, bar))
    return parts


def _body(draws: Draws, body: str, s: _Sizes) -> Box | Loft:
    z = (s.base, s.base + s.high)
    if body == "boxy":
        return Box(span(0.0, s.wide), span(0.0, s.deep), z)
    if body == "round":
        return disc(0.0, 0.0, z, s.wide / 2, s.deep / 2)
    waist = max(draws.between(0.54, 0.62) * s.wide / 2, 0.088)
    return Loft(z, (0.0, 0.0, waist, s.deep / 2), (0.0, 0.0, s.wide / 2, s.deep / 2))


def _head(draws: Draws, head: str, face: str, antennas: int, s: _Sizes, chin: float) -> list[Part]:
    """A head with what stands out of its front and on its top."""
    x, y, z = s.head_wide / 2, s.head_deep / 2, (chin, chin + s.head_high)
    if head == "square":
        parts = [part("head", "body", Box((-x, x), (-y, y), z))]
    else:
        brim = chin + 0.6 * s.head_high
        parts = [
            part(
                "head",
                "body",
                disc(0.0, 0.0, (chin, brim), x, y),
                Loft((brim, z[1]), (0.0, 0.0, x, y), (0.0, 0.0, x, y), round=True, curve="dome"),
            )
        ]
    if antennas:
        apart, foot = draws.between(0.5, 0.6) * x, z[1] - 0.4 * s.head_high
        spots = (0.0,) if antennas == 1 else (-apart, apart)
        masts = [Box(span(at, THIN), span(0.0, THIN), (foot, z[1] + s.aerial)) for at in spots]
        parts += (
            [part("aerial", "body", *masts)]
            if antennas == 1
            else numbered("antenna", "body", masts)
        )
    high, rows = max(draws.between(0.24, 0.32) * s.head_high, THIN), (-y - 0.072, 0.0)
    at = max(draws.between(0.42, 0.52) * s.head_high, high / 2 + 0.04)
    levels = span(chin + at, high)
    if face == "visor":
        wide = span(0.0, draws.between(1.3, 1.7) * x)
        return [part("visor", "eyes", Box(wide, rows, levels)), *parts]
    wide = max(0.5 * x, THIN)
    at = max(draws.between(0.45, 0.55) * x, wide / 2 + 0.036)
    return [*numbered("eye", "eyes", [Box(span(e, wide), rows, levels) for e in (-at, at)]), *parts]


class _Anatomy(NamedTuple):
    """Where a robot's parts are, in voxels: layers z, and the columns x of body and head."""

    base: int  # the body's first layer
    shoulders: int  # the layer above it
    chin: int  # the head's first layer
    crown: int  # the layer above the head's full width
    body: slice
    head: slice
    face: int  # the row y at which the head begins


def _anatomy(voxels: np.ndarray) -> _Anatomy:
    """Layers that are broad at both sides of the middle are head and body; the neck is between."""
    left, right = core(np.count_nonzero(voxels, axis=(0, 1)), 0.01)
    at = (left + right) // 2
    deep = np.count_nonzero(voxels, axis=1)  # (D, W)
    broad = deep[:, [at - 3, at + 2]].min(axis=1) >= 3
    crown = int(np.flatnonzero(broad)[-1]) + 1
    chin = int(np.flatnonzero(~broad[:crown])[-1]) + 1
    shoulders = int(np.flatnonzero(broad[:chin])[-1]) + 1
    closed = broad & (deep[:, at - 1 : at + 1].min(axis=1) >= 3)
    base = int(np.flatnonzero(~closed[:shoulders])[-1]) + 1
    view = voxels.any(axis=1)
    body = _run(view[base : max(shoulders - 4, base + 1)].any(axis=0), at)
    head = _run(view[chin:crown].any(axis=0), at)
    rows = voxels[chin : chin + 1, :, head].any(axis=0).sum(axis=1) >= 2
    return _Anatomy(base, shoulders, chin, crown, body, head, int(np.argmax(rows)))


def _run(line: np.ndarray, at: int) -> slice:
    """The stretch of True around index `at` in a row of bools."""
    before, behind = np.flatnonzero(~line[:at]), np.flatnonzero(~line[at:])
    return slice(int(before[-1]) + 1, at + int(behind[0]))


def look(voxels: np.ndarray) -> dict[str, str | int | bool]:
    """Invert `draw`, from the outlines of body and head and what stands out of them."""
    a = _anatomy(voxels)
    trunk = voxels[a.base : a.shoulders, :, a.body]
    rear = core(trunk[:2].any(axis=(0, 2)), 0.5)[1]
    return {
        "base": _base_of(voxels),
        "arms": _arms_of(voxels, a),
        "body": _body_of(voxels, a),
        "head": "square" if _straight_edge(voxels[a.chin : a.crown, :, a.head]) else "domed",
        "antennas": _antennas_of(voxels[a.chin :, :, a.head]),
        "face": "eyes" if stretches(_face_view(voxels, a).any(axis=0)) > 1 else "visor",
        "backpack": int(np.count_nonzero(trunk[-3:, rear:])) >= 6,
    }


def _base_of(voxels: np.ndarray) -> str:
    """Feet are as long as what is above them, tracks longer on the ground than wheels."""
    lengths = [np.ptp(np.flatnonzero(layer.any(axis=1))) + 1 for layer in voxels[:5]]
    share = lengths[0] / max(lengths)
    return "wheels" if share < 0.67 else "tracks" if share < 0.93 else "legs"


def _arms_of(voxels: np.ndarray, a: _Anatomy) -> str:
    """How the outermost columns lie: along y, or up from the shoulders or down."""
    left, right = core(np.count_nonzero(voxels, axis=(0, 1)), 0.01)
    arms = voxels[:, :, [left, left + 1, right - 2, right - 1]]
    (low, high), (front, back) = extent(arms, 0), extent(arms, 1)
    if back - front > high - low:
        return "forward"
    return "raised" if high * len(voxels) > a.chin + 1 else "down"


def _body_of(voxels: np.ndarray, a: _Anatomy) -> str:
    """A tapered body widens upwards; the front of a round one is narrow."""
    widths = [run.stop - run.start for run in _fronts(voxels, a)]
    if np.mean(widths[1:3]) < 0.84 * np.mean(widths[-2:]):
        return "tapered"
    top = max(a.shoulders - 4, a.base + 3)
    return "boxy" if _straight_edge(voxels[a.base : top, ::-1, a.body]) else "round"


def _fronts(voxels: np.ndarray, a: _Anatomy) -> list[slice]:
    """The columns of the body's front in each of its layers; arms stand apart from it there."""
    body, middle = voxels[a.base : a.shoulders], (a.body.start + a.body.stop) // 2
    rows = np.flatnonzero(np.count_nonzero(body[1:3, :, a.body], axis=(0, 2)) >= 4)
    front = body[:, rows[0]]
    return [_run(layer, middle) for layer in front]


def _straight_edge(block: np.ndarray) -> bool:
    """Whether the last rows of bool (n, H, W) are as wide as it is anywhere."""
    view = block[: max(len(block) // 2, 1)].any(axis=0)
    widths = np.count_nonzero(view, axis=1)
    return bool(widths[np.flatnonzero(widths >= 2)[-1]] > 0.8 * widths.max())


def _antennas_of(head: np.ndarray) -> int:
    """How many thin masts are the top of bool (n, H, W)."""
    top = int(np.flatnonzero(np.count_nonzero(head, axis=(1, 2)) >= 3)[-1])
    masts = islands(head[top - 1], least=2)
    return min(len(masts), 2) if max(mast.sum() for mast in masts) <= 9 else 0


def _face_view(voxels: np.ndarray, a: _Anatomy) -> np.ndarray:
    """What stands out of the front of the head, bool (D, W)."""
    return voxels[a.chin : a.crown, : a.face, a.head].any(axis=1)


def place(voxels: np.ndarray) -> np.ndarray:
    """Tell the slots: body and head in their columns, eyes before the head, treads below."""
    a = _anatomy(voxels)
    slots = np.full(voxels.shape, 1 + SLOTS.index("limbs"), dtype=np.uint8)
    slots[a.base : a.shoulders, :, a.body] = 1 + SLOTS.index("body")
    for layer, columns in enumerate(_fronts(voxels, a), start=a.base):
        slots[layer, :, columns] = 1 + SLOTS.index("body")
    slots[a.chin :, :, a.head] = 1 + SLOTS.index("body")
    before = ~voxels[a.chin] & (np.arange(voxels.shape[1]) < voxels.shape[1] // 2)[:, None]
    before[:, : a.head.start] = before[:, a.head.stop :] = False
    slots[a.chin : a.crown][:, before] = 1 + SLOTS.index("eyes")
    if _base_of(voxels) != "legs":
        columns = voxels[:2].any(axis=(0, 1))
        top = int(np.argmin(voxels[:, :, columns].any(axis=(1, 2))))
        slots[:top, :, columns] = 1 + SLOTS.index("treads")
    return slots


def find_faults(voxels: np.ndarray) -> list[str]:
    """What is wrong with the base, the face, or one of two."""
    a = _anatomy(voxels)
    found = []
    if stretches(np.count_nonzero(voxels[:2], axis=(0, 1)) >= 2) != 2:
        found.append("a leg, wheel or track is missing")
    if np.count_nonzero(_face_view(voxels, a)) < 3:
        found.append("the face is missing")
    return found + (["an arm, eye or antenna is on one side only"] if lopsided(voxels) > 2 else [])


PHRASES = {
    "": "=robot",
    "body=boxy": "a boxy body; a square body",
    "body=round": "a round body; a body like a barrel",
    "body=tapered": "a tapered body; a narrow waist",
    "head=square": "a square head",
    "head=domed": "a domed head; a head like a dome",
    "face=eyes": "two eyes; eyes",
    "face=visor": "a visor",
    "antennas=0": "no antenna; no antennas",
    "antennas=1": "one antenna; a single antenna",
    "antennas=2": "two antennas",
    "arms=down": "hanging arms; arms that hang down",
    "arms=raised": "raised arms; arms that point up",
    "arms=forward": "arms that reach forward; arms that point forward",
    "base=legs": "two legs; legs; feet",
    "base=wheels": "two wheels; wheels",
    "base=tracks": "tracks; two tracks; caterpillar tracks",
    "backpack=yes": "a backpack; a pack on its back",
    "backpack=no": "no backpack",
}
HELD_OUT = ("base=tracks arms=down",)
SAID_APART = ("body=tapered antennas=1",)
