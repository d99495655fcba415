"""Lamps: floor lamps, table lamps, arc lamps and desk lamps."""

import math
from itertools import pairwise

import numpy as np

from course_utils.datasets.shapes.drawing import THIN, Design, Draws, disc, span
from course_utils.datasets.shapes.looking import core, grounded, islands
from course_utils.datasets.shapes.materials import CLOTHS, COLOURS, METALLIC, TIMBERS
from course_utils.datasets.shapes.parts import Part, numbered, part
from course_utils.datasets.shapes.solids import Box, Interval, Loft, Rod

SLOTS = ("shade", "stem", "foot", "body")
MATERIALS = {
    "shade": CLOTHS + CLOTHS + COLOURS,
    "stem": METALLIC + METALLIC + ("black", "black", "white", "oak", "walnut"),
    "foot": ("=stem",) * 8 + TIMBERS + ("marble", "stone", "concrete"),
    "body": (*COLOURS, "terracotta", "marble", "brass", "copper", "walnut", "oak"),
}
OPTIONAL = frozenset({"body"})  # the stem goes through it


def draw(draws: Draws) -> Design:
    kind = draws.pick("floor", "table", "arc", "desk")
    shade = (
        draws.pick("dome", "cone")
        if kind == "desk"
        else draws.pick("cone", "drum", "globe", "dome", "box")
    )
    foot = (
        draws.pick("round", "square", "tripod")
        if kind == "floor"
        else draws.pick("round", "square")
    )
    body = draws.pick("slim", "ball", "vase") if kind == "table" and shade != "globe" else "slim"
    shade_size = "none" if shade == "globe" else draws.pick("shallow", "deep")

    height, pole = draws.between(0.78, 0.94), draws.between(THIN, 0.09) / 2
    tall = height * (
        draws.between(0.31, 0.38) if shade_size == "deep" else draws.between(0.19, 0.23)
    )
    if kind in ("floor", "table"):
        parts = _upright_lamp(draws, kind, body, shade, foot, height, tall, pole)
    elif kind == "arc":
        parts = _arc_lamp(draws, shade, foot, height, tall, pole)
    else:
        parts = _desk_lamp(draws, shade, foot, height, tall, pole)
    attributes = {
        "kind": kind,
        "shade": shade,
        "shade_size": shade_size,
        "foot": foot,
        "body": body,
    }
    name = {
        "cone": "conical",
        "drum": "cylindrical",
        "globe": "round",
        "dome": "dome-shaped",
        "box": "square",
    }[shade]
    details = [
        "a round globe" if shade == "globe" else f"a {draws.pick('', shade_size + ' ')}{name} shade"
    ]
    details.append("three legs" if foot == "tripod" else f"a {foot} foot")
    details += {"ball": ["a ball-shaped body"], "vase": ["a conical body"]}.get(body, [])
    details += {"arc": ["a curved arm"], "desk": ["a jointed arm"]}.get(kind, [])
    return Design(parts, attributes, [f"{kind} lamp", f"{kind} lamp", "lamp"], [], details)


def _shade(draws: Draws, shade: str, y: float, z: Interval, half: float) -> Part:
    deep = half * draws.between(0.75, 1.0) if shade in ("drum", "box") else half
    tip = (
        draws.between(0.26, 0.34) if shade == "cone" else draws.pick(1.0, draws.between(0.5, 0.75))
    )
    if shade in ("globe", "dome"):
        tip = 1.0
    elif shade == "drum":
        tip = draws.between(0.93, 1.0)
    curve = {"globe": "ball", "dome": "dome"}.get(shade, "straight")
    ends = (0.0, y, half, deep), (0.0, y, tip * half, tip * deep)
    return part("shade", "shade", Loft(z, *ends, round=shade != "box", curve=curve))


def _foot(draws: Draws, foot: str, y: float, half: float) -> Part:
    rim = draws.between(THIN, 0.1)
    if foot == "square":
        return part("foot", "foot", Box(span(0.0, 2 * half), span(y, 2 * half), (0.0, rim)))
    tip = draws.pick(1.0, draws.between(0.4, 0.7)) * half
    return part(
        "foot", "foot", Loft((0.0, rim), (0.0, y, half, half), (0.0, y, tip, tip), round=True)
    )


def _upright_lamp(
    draws: Draws,
    kind: str,
    body: str,
    shade: str,
    foot: str,
    height: float,
    tall: float,
    pole: float,
) -> list[Part]:
    """A pole in the middle; a floor lamp's shade is less than half as wide as the lamp is high."""
    if kind == "floor":
        half, foot_half = height * draws.between(0.16, 0.22), draws.between(0.13, 0.2)
    else:
        half = height * (
            draws.between(0.26, 0.31) if shade == "globe" else draws.between(0.29, 0.42)
        )
        foot_half = draws.between(0.17, 0.25)
    if shade == "globe":
        tall = 2 * half * draws.between(0.85, 1.0)
    low = height - tall
    joint = low * draws.between(0.45, 0.7) if foot == "tripod" else 0.0  # where the pole begins
    head = _shade(draws, shade, 0.0, (low, height), half)
    stem = disc(0.0, 0.0, (max(0.0, joint - pole), low + tall / 3), pole, pole)
    parts = [part("stem", "stem", stem)]
    if foot == "tripod":
        reach = draws.between(0.2, 0.32)
        legs = [
            Rod((x * reach, y * reach, pole), (0.0, 0.0, joint), max(pole, 0.036))
            for x, y in ((-0.87, -0.5), (0.87, -0.5), (0.0, 1.0))
        ]
        return [*parts, *numbered("leg", "stem", legs), head]
    parts.append(_foot(draws, foot, 0.0, foot_half))
    waist, top = draws.between(0.13, 0.16), low - draws.between(0.07, 0.12)
    below, above = (0.0, 0.0, waist, waist), (0.0, 0.0, pole, pole)
    if body == "ball":
        ball = Loft((0.06, top), below, below, round=True, curve="ball")
        parts.append(part("body", "body", ball))
    if body == "vase":
        parts.append(part("body", "body", Loft((0.06, top), below, above, round=True)))
    return [*parts, head]


def _arc_lamp(
    draws: Draws, shade: str, foot: str, height: float, tall: float, pole: float
) -> list[Part]:
    """A pole at the back that bends to the front in half an ellipse and holds the shade there."""
    reach, bend = draws.between(0.4, 0.56), height * draws.between(0.25, 0.4)
    half = draws.between(0.16, 0.2)
    tall = 2 * half if shade == "globe" else tall
    middle, spring = 0.0, height - pole - bend
    angles = np.linspace(0.0, 0.9 * np.pi, 8)
    bow = [(0.0, middle + reach / 2 * math.cos(a), spring + bend * math.sin(a)) for a in angles]
    end_y, end_z = bow[-1][1], bow[-1][2] + pole
    parts = [
        part("arm", "stem", *(Rod(a, b, pole) for a, b in pairwise(bow))),
        part("stem", "stem", Rod((0.0, bow[0][1], 0.03), bow[0], pole)),
        _foot(draws, foot, bow[0][1], draws.between(0.13, 0.19)),
    ]
    return [*parts, _shade(draws, shade, end_y, (end_z - tall, end_z), half)]


def _desk_lamp(
    draws: Draws, shade: str, foot: str, height: float, tall: float, pole: float
) -> list[Part]:
    """Two straight arms with a joint at the back, and a head that looks down at the front."""
    joint = (0.0, draws.between(0.16, 0.3), draws.between(0.4, 0.55))
    head = (0.0, -draws.between(0.2, 0.34), height - pole)
    arms = [Rod((0.0, 0.0, 0.03), joint, pole), Rod(joint, head, pole)]
    foot_part = _foot(draws, foot, 0.0, draws.between(0.16, 0.27))
    shade_part = _shade(draws, shade, head[1], (height - tall, height), draws.between(0.15, 0.22))
    return [*numbered("arm", "stem", arms), foot_part, shade_part]


def look(voxels: np.ndarray) -> dict[str, str]:
    """Invert `draw`: the layers that are wider than a pole are shade, body and foot."""
    voxels = grounded(voxels)
    height = core(voxels.sum(axis=(1, 2)), 0.02)[1]
    low, high, shade = _find_shade(voxels, height)
    ground = voxels[:2].any(axis=0)
    name = _shade_name(shade)
    tripod = len(islands(ground, least=2)) > 1
    kind = _kind(voxels, shade, height)
    return {
        "kind": kind,
        "shade": name,
        "shade_size": (
            "none" if name == "globe" else "deep" if high - low > 0.268 * height else "shallow"
        ),
        "foot": "tripod" if tripod else "square" if _is_square(ground) else "round",
        "body": _body(voxels[4:low].sum(axis=(1, 2))) if kind == "table" else "slim",
    }


def _find_shade(voxels: np.ndarray, height: int) -> tuple[int, int, np.ndarray]:
    """First layer, last layer + 1 and voxels bool (d, H, W) of the shade.

    Its rows are wider than those of any pole.
    """
    widths = voxels.sum(axis=2)  # (D, H): the length of every row from left to right
    widest = widths.max(axis=1)
    low = height // 2 + int(widest[height // 2 :].argmax())
    high = low + 1
    while low > 0 and widest[low - 1] > 3:
        low -= 1
    while high < len(widest) and widest[high] > 3:
        high += 1
    wide = widths[low:high] > min(3, widest[low] - 1)
    return low, high, voxels[low:high] & wide[:, :, None]


def _shade_name(shade: np.ndarray) -> str:
    """Classify shades: a box is square from above; fullness and centre show the round ones."""
    areas = shade.sum(axis=(1, 2))
    if _is_square(shade[areas > 0.7 * areas.max()].mean(axis=0) > 0.5):
        return "box"
    centre = areas @ (np.arange(len(areas)) + 0.5) / areas.sum() / len(areas)
    if centre > 0.435:
        return "drum" if areas.mean() > 0.84 * areas.max() else "globe"
    return "dome" if np.median(areas) > 0.655 * areas.max() else "cone"


def _is_square(view: np.ndarray) -> bool:
    """Whether two or more corners around bool (H, W) are filled; an ellipse fills none."""
    rows, columns = core(view.sum(axis=1), 0.2), core(view.sum(axis=0), 0.2)
    corners = [
        view[row, column]
        for row in (rows[0], rows[1] - 1)
        for column in (columns[0], columns[1] - 1)
    ]
    return sum(corners) > 1


def _kind(voxels: np.ndarray, shade: np.ndarray, height: int) -> str:
    """A shade over its foot belongs to a floor or table lamp.

    Otherwise a desk lamp's arm goes back first, and an arc lamp's goes up.
    """
    n, foot = len(voxels), np.nonzero(voxels[:2])[1].mean()
    if _upright(voxels, shade):
        return "floor" if shade.sum(axis=2).max() < 0.49 * height else "table"
    layers = voxels[int(0.3 * height) : int(0.6 * height)]
    return "desk" if core(layers.sum(axis=(0, 2)), 0.05)[1] - 1 - foot > 0.11 * n else "arc"


def _upright(voxels: np.ndarray, shade: np.ndarray) -> bool:
    """Whether the shade is over the foot."""
    apart = np.nonzero(shade)[1].mean() - np.nonzero(voxels[:2])[1].mean()
    return bool(abs(apart) < 0.1 * len(voxels))


def _body(areas: np.ndarray) -> str:
    """Classify bodies by the areas of the layers between foot and shade: thin, even or tapering."""
    thick = areas[areas > 12]
    if len(thick) < 3:
        return "slim"
    lower, middle, _ = np.array_split(thick, 3)
    return "ball" if middle.mean() > 0.92 * lower.mean() else "vase"


def place(voxels: np.ndarray) -> np.ndarray:
    """Tell the slots: wide layers are the shade, the body and the foot."""
    ground = int(voxels.any(axis=(1, 2)).argmax())
    solid = voxels[ground:]
    areas = solid.sum(axis=(1, 2))
    low, high, shade = _find_shade(solid, core(areas, 0.02)[1])
    slots = np.full(solid.shape, 1 + SLOTS.index("stem"), dtype=np.uint8)
    if _upright(solid, shade):
        slots[low:] = 1 + SLOTS.index("shade")
    else:  # an arm comes from behind
        slots[low : high + 1, : int(np.nonzero(shade)[1].mean() + 2)] = 1 + SLOTS.index("shade")
        slots[low:high][shade] = 1 + SLOTS.index("shade")
    has_body = _body(areas[4:low]) != "slim"
    if len(islands(solid[:2].any(axis=0), least=2)) == 1:  # no tripod
        rim = _rim(areas[:low], has_body)
        slots[:rim] = 1 + SLOTS.index("foot")
        if has_body:
            slots[rim:low][areas[rim:low] > 12] = 1 + SLOTS.index("body")
    return np.concatenate([np.ones_like(voxels[:ground], dtype=np.uint8), slots])


def _rim(areas: np.ndarray, has_body: bool) -> int:
    """How many layers a foot is high, from the areas (n,) of the layers under the shade."""
    if has_body:  # where the next layer is much smaller
        return 2 + int(areas[2] * areas[2] > areas[1] * areas[3])
    return int(np.argmax(areas < 1.5 * np.median(areas[4:]) + 2)) or 2


def find_faults(voxels: np.ndarray) -> list[str]:
    """What is wrong with the shade or with what the lamp stands on."""
    height = int(np.flatnonzero(voxels.sum(axis=(1, 2)) > 2)[-1]) + 1
    low, high, shade = _find_shade(voxels, height)
    missing = shade.sum(axis=2).max() < 0.2 * len(voxels)
    missing = missing or (_upright(voxels, shade) and high < height - 3)
    found = ["the shade is missing"] if missing or low < 4 else []
    feet = islands(voxels[:2].any(axis=0), least=2)
    wide = max(np.ptp(np.argwhere(foot), axis=0).min() + 1 for foot in feet)
    if len(feet) not in (1, 3):
        found.append("a leg is missing, or does not reach the ground")
    elif len(feet) == 1 and wide < 0.19 * len(voxels):
        found.append("the foot is missing")
    return found


PHRASES = {
    "": "=lamp; =light",
    "kind=floor": "=floor lamp; =floor light; =standing lamp",
    "kind=table": "=table lamp; =table light",
    "kind=arc": "=arc lamp; =arc light; a curved arm; a bent arm",
    "kind=desk": "=desk lamp; =desk light; a jointed arm",
    "shade_size=shallow": "a shallow shade; a short shade",
    "shade_size=deep": "a deep shade; a tall shade",
    "shade=cone": "a conical shade; a cone shade; a cone shaped shade",
    "shade=drum": "a cylindrical shade; a drum shade; a drum shaped shade",
    "shade=globe": "a globe; a round globe; a globe shade",
    "shade=dome": "a dome shade; a domed shade; a dome shaped shade",
    "shade=box": "a square shade; a box shade; a box shaped shade",
    "foot=round": "a round foot; a round base; a circular foot",
    "foot=square": "a square foot; a square base",
    "foot=tripod": "three legs; a tripod; a tripod foot",
    "body=slim": "a slim body; a thin body; a slim stem; a thin stem",
    "body=ball": "a round body; a ball shaped body",
    "body=vase": "a conical body; a vase shaped body",
}
HELD_OUT = ("body=ball foot=square",)
SAID_APART = ("kind=arc shade=drum",)
