"""Trees: round, fir, cypress, umbrella pine and palm; on the ground, a mound or in a pot."""

import math
from typing import NamedTuple

import numpy as np

from course_utils.datasets.shapes.drawing import NUMBERS, THIN, Design, Draws, disc
from course_utils.datasets.shapes.looking import islands
from course_utils.datasets.shapes.materials import COLOURS, GREENS
from course_utils.datasets.shapes.parts import Part, numbered, part
from course_utils.datasets.shapes.solids import Loft, Rod

Pair = tuple[float, float]

SLOTS = ("crown", "trunk", "pot", "mound")
MATERIALS = {
    "crown": ("leafy", "leafy", "dark", *GREENS),
    "trunk": ("brown", "brown", "walnut", "oak", "grey", "birch"),
    "pot": ("terracotta",) * 6 + ("stone", "concrete", *COLOURS),
    "mound": ("earthy", "earthy", "mossy", "leafy"),
}
OPTIONAL = frozenset({"pot", "mound"})

_CROWNS = ("round", "fir", "cypress", "umbrella", "palm")
_STEMMED = ("umbrella", "palm")  # the first body of such a crown continues the trunk


def draw(draws: Draws) -> Design:
    crown = draws.pick(*_CROWNS)
    tall = draws.chance(0.5)
    many = draws.pick(1, 2) if tall else draws.pick(1, 2, 3)
    layers = {"round": 1 if tall else min(many, 2), "fir": many, "umbrella": min(many, 2)}.get(
        crown, 1
    )
    tall = crown in ("umbrella", "palm") or (crown != "cypress" and tall)
    lean = draws.pick("straight", "straight", "left", "right")
    base = draws.pick("ground", "ground", "pot", "mound")
    trunks = (
        draws.pick(1, 2) if crown in ("round", "umbrella") and layers == 1 and base != "pot" else 1
    )
    lean = "straight" if trunks == 2 else lean
    narrow = crown == "cypress" or (crown == "round" and (layers == 2 or trunks == 2))
    thick = not narrow and draws.chance(0.5)  # a thick trunk would hide such a crown

    bare = draws.between(*_bare(crown, layers, tall))  # the share of the trunk that shows
    wide = _width(draws, crown, layers, tall)
    shift = draws.between(0.19, 0.26) * {"left": -1, "straight": 0, "right": 1}[lean]
    ground = {"ground": 0.0, "pot": draws.between(0.17, 0.22), "mound": draws.between(0.1, 0.13)}[
        base
    ]
    across = max(wide, wide / 2 + abs(shift) + 0.1)
    _, depth, height, width, shift, ground = draws.fit(
        across, wide, 1.0 + ground, wide, shift, ground
    )

    radius = draws.between(0.068, 0.08) if thick else draws.between(0.035, 0.042)
    start = ground + bare * (height - ground)
    centre = (shift, draws.between(-0.05, 0.05))
    base_parts = _base(draws, base, ground, radius)
    high = start + (0.3 if layers == 1 else 0.6) * (height - start)
    trunk_parts = numbered("trunk", "trunk", _trunks(draws, trunks, centre, radius, high, width))
    bodies = _CROWN_PARTS[crown](draws, layers, centre, (width / 2, depth / 2), (start, height))
    if crown in _STEMMED:
        stem, *bodies = bodies
        trunk_parts[0] = part("trunk 1", "trunk", *trunk_parts[0].bodies, stem)
    parts = [*trunk_parts, *base_parts, part("crown", "crown", *bodies)]
    attributes = {"crown": crown, "layers": layers, "trunk": "tall" if tall else "short"}
    attributes |= {"girth": "thick" if thick else "thin", "lean": lean, "trunks": trunks}
    attributes |= {"base": base}
    return Design(parts, attributes, _NOUNS[crown], [], _details(attributes))


_NOUNS = {crown: [f"{crown} tree"] for crown in _CROWNS} | {"round": ["tree"]}


def _details(attributes: dict[str, str | int | bool]) -> list[str]:
    crown, layers, lean, base = (attributes[key] for key in ("crown", "layers", "lean", "base"))
    trunk = f"{attributes['trunk']} {attributes['girth']} trunk"
    details = [f"a {trunk}" if attributes["trunks"] == 1 else f"two {trunk}s"]
    details += (
        {"round": ["a round crown"], "umbrella": ["a flat crown"]}.get(crown, [])
        if layers == 1
        else []
    )
    details += (
        [f"{NUMBERS[layers]} {'crowns' if crown == 'round' else 'layers'}"] if layers > 1 else []
    )
    details += [f"a lean to the {lean}"] if lean != "straight" else []
    return details + {"ground": [], "pot": ["a pot"], "mound": ["a mound of earth"]}[base]


def _bare(crown: str, layers: int, tall: bool) -> tuple[float, float]:
    """The range in which the crown of a tree of height 1 begins.

    A flat crown begins high up; a slim one, which widens slowly, low down.
    """
    if crown == "umbrella" and layers == 1:
        return 0.64, 0.76
    return (0.48, 0.58) if tall else (0.14, 0.2) if crown == "cypress" else (0.17, 0.25)


def _width(draws: Draws, crown: str, layers: int, tall: bool) -> float:
    """The crown's width for a tree of height 1."""
    if crown == "round":
        return draws.between(0.8, 1.1) * (0.58 if tall else 0.75) / (1.0, 1.35)[layers - 1]
    low, high = {
        "fir": (0.56, 0.76),
        "cypress": (0.3, 0.4),
        "umbrella": (0.85, 1.15),
        "palm": (0.7, 1.1),
    }[crown]
    return draws.between(low, high) * (0.8 if tall and crown == "fir" else 1.0)


def _base(draws: Draws, base: str, top: float, radius: float) -> list[Part]:
    if base == "pot":
        rim = max(draws.between(0.14, 0.17), radius + 0.08)
        foot = draws.between(0.8, 0.95) * rim
        sides = Loft((0.0, top), (0.0, 0.0, foot, foot), (0.0, 0.0, rim, rim), round=True)
        return [part("pot", "pot", sides)]
    if base == "mound":
        half = draws.between(0.25, 0.32)
        size = (0.0, 0.0, half, half)
        return [part("mound", "mound", Loft((0.0, top), size, size, round=True, curve="dome"))]
    return []


def _trunks(
    draws: Draws, count: int, centre: Pair, radius: float, high: float, width: float
) -> list[Rod]:
    """One trunk from the middle to the crown's centre, or two that stand apart."""
    apart = max(draws.between(0.12, 0.2), radius + THIN) if count == 2 else 0.0
    feet = (-apart, apart) if count == 2 else (0.0,)
    meet = draws.between(0.2, 0.8) * min(1.0, width / 2 / apart) if count == 2 else 0.0
    return [Rod((x, 0.0, 0.0), (centre[0] + meet * x, centre[1], high), radius) for x in feet]


def _blob(x: float, y: float, z: tuple[float, float], a: float, b: float) -> Loft:
    return Loft(z, (x, y, a, b), (x, y, a, b), round=True, curve="ball")


def _round(draws: Draws, layers: int, centre: Pair, half: Pair, z: Pair) -> list[Loft | Rod]:
    """Balls above each other, each with smaller ones that stick out at its sides."""
    parts, step = [], (z[1] - z[0]) / layers
    for layer in range(layers):
        low, more = z[0] + layer * step, 0.01 if layer + 1 < layers else 0.0
        high = z[0] + (layer + 1) * step + more
        size = 1.0 - 0.15 * layer
        parts.append(_blob(*centre, (low, high), 0.8 * size * half[0], 0.8 * size * half[1]))
        for _ in range(3 if layers == 1 else 2):
            angle, part = draws.between(0.0, 2 * math.pi), draws.between(0.45, 0.6)
            x = centre[0] + (1.0 - part) * size * half[0] * math.cos(angle)
            y = centre[1] + (1.0 - part) * size * half[1] * math.sin(angle)
            middle = low + (high - low) * draws.between(0.38, 0.6)
            tall, share = part * (high - low) * 0.6, part * size
            parts.append(
                _blob(x, y, (middle - tall, middle + tall), share * half[0], share * half[1])
            )
    return parts


def _fir(draws: Draws, layers: int, centre: Pair, half: Pair, z: Pair) -> list[Loft | Rod]:
    """Cones above each other: each begins wide, and the next one wider than its end."""
    parts, step = [], (z[1] - z[0]) / layers
    for layer in range(layers):
        low, high = z[0] + layer * step, z[0] + (layer + 1) * step
        size = (1.0 - 0.62 * layer / layers) * draws.between(0.92, 1.0)
        end = 0.0 if layer + 1 == layers else 0.3 * size
        x, y = centre[0] + draws.between(-0.02, 0.02), centre[1] + draws.between(-0.02, 0.02)
        bottom, top = (x, y, size * half[0], size * half[1]), (x, y, end * half[0], end * half[1])
        parts.append(Loft((low, high), bottom, top, round=True))
    return parts


def _cypress(draws: Draws, layers: int, centre: Pair, half: Pair, z: Pair) -> list[Loft | Rod]:
    """A flame: tall blobs that lean on each other."""
    parts = [_blob(*centre, z, 0.85 * half[0], 0.85 * half[1])]
    tall = z[1] - z[0]
    for _ in range(3):
        angle, part = draws.between(0.0, 2 * math.pi), draws.between(0.5, 0.7)
        middle = draws.between(0.3, 0.6)
        x = centre[0] + 0.35 * half[0] * math.cos(angle)
        y = centre[1] + 0.35 * half[1] * math.sin(angle)
        low, high = z[0] + (middle - 0.28) * tall, z[0] + (middle + 0.28) * tall
        parts.append(_blob(x, y, (low, high), part * half[0], part * half[1]))
    return parts


def _umbrella(draws: Draws, layers: int, centre: Pair, half: Pair, z: Pair) -> list[Loft | Rod]:
    """Flat domes at the end of the trunk; a lower one is wider and to one side."""
    tall = z[1] - z[0]
    thick = tall if layers == 1 else max(0.1, 0.3 * tall)
    parts = []
    for layer in range(layers):
        top = z[1] - (0.0 if layer + 1 == layers else tall - thick)
        size = 1.0 if layer == 0 else draws.between(0.6, 0.8)
        x = centre[0] + (1.0 - size) * half[0] * draws.between(-0.7, 0.7)
        y = centre[1] + (1.0 - size) * half[1] * draws.between(-0.7, 0.7)
        bottom = (x, y, size * half[0], size * half[1])
        parts.append(Loft((top - thick, top), bottom, bottom, round=True, curve="dome"))
    return [disc(*centre, (z[0], z[1] - thick / 2), 0.045, 0.045), *parts]


def _palm(draws: Draws, layers: int, centre: Pair, half: Pair, z: Pair) -> list[Loft | Rod]:
    """Fronds from the top of the trunk, up and outwards, then down."""
    count, turn = draws.whole(5, 7), draws.between(0.0, 2 * math.pi)
    hub = z[0] + draws.between(0.4, 0.55) * (z[1] - z[0])
    parts = [Rod((*centre, z[0]), (*centre, hub), 0.05)]
    for number in range(count):
        angle = turn + 2 * math.pi * (number + draws.between(-0.15, 0.15)) / count
        reach, tip = draws.between(0.85, 1.0), z[0] + draws.between(0.0, 0.3) * (hub - z[0])
        x, y = half[0] * reach * math.cos(angle), half[1] * reach * math.sin(angle)
        high = z[1] - 0.042 - (draws.between(0.0, 0.07) if number else 0.0)
        knee = (centre[0] + 0.5 * x, centre[1] + 0.5 * y, high)
        parts += [
            Rod((*centre, hub), knee, 0.042),
            Rod(knee, (centre[0] + x, centre[1] + y, tip + 0.04), 0.036),
        ]
    return parts


_CROWN_PARTS = dict(zip(_CROWNS, (_round, _fir, _cypress, _umbrella, _palm), strict=True))


class _Levels(NamedTuple):
    """Where the trunk begins and the crown begins and ends, in layers, and the trunks' area."""

    ground: int
    start: int
    top: int
    bare: float
    base: str


def _levels(voxels: np.ndarray) -> _Levels:
    """The areas of the layers, from the ground up, show base, trunk and crown."""
    areas = np.count_nonzero(voxels, axis=(1, 2))
    top = int(np.flatnonzero(areas >= 2)[-1]) + 1
    bare = _smooth(areas[: int(0.55 * top)]).min()  # the trunk's cross-section, in voxels
    low = areas[:2].mean()
    base = "ground" if low < 1.3 * bare + 12 else "pot" if low < 120 else "mound"
    like_trunk = areas <= 1.3 * bare + 6
    ground = int(np.argmax(like_trunk))
    # two in a row
    start = ground + 1 + int(np.argmax(~like_trunk[ground + 1 : -1] & ~like_trunk[ground + 2 :]))
    return _Levels(ground, start, top, float(bare), base)


def look(voxels: np.ndarray) -> dict[str, str | int | bool]:
    """Invert `draw`: levels first, then how many trunks there are and how they stand."""
    ground, start, top, bare, base = _levels(voxels)
    crown, layers = _look_up(voxels[start:top])
    trunks = _count_trunks(voxels[ground:start])
    foot, head = np.median(np.nonzero(voxels[:2])[2]), np.median(np.nonzero(voxels[start:])[2])
    side = "left" if head < foot else "right"
    return {
        "crown": crown,
        "layers": layers,
        "trunk": "tall" if start - ground > 0.37 * (top - ground) else "short",
        "girth": "thick" if bare / trunks > 9.5 else "thin",
        "lean": "straight" if trunks == 2 or abs(head - foot) < 2 else side,
        "trunks": trunks,
        "base": base,
    }


def _count_trunks(stretch: np.ndarray) -> int:
    return 2 if np.mean([len(islands(layer, 2)) >= 2 for layer in stretch]) > 0.4 else 1


def place(voxels: np.ndarray) -> np.ndarray:
    """Tell the slots: a pot or mound, a trunk up to the crown, and what shows of it there."""
    levels = _levels(voxels)
    slots = np.full(voxels.shape, 1 + SLOTS.index("crown"), dtype=np.uint8)
    if levels.base != "ground":
        slots[: levels.ground] = 1 + SLOTS.index("trunk")
        slots[: levels.ground][_inside_base(voxels[: levels.ground])] = 1 + SLOTS.index(levels.base)
    axes, (rows, columns) = _axes(voxels, levels), np.indices(voxels.shape[1:])
    radius = math.sqrt(levels.bare / len(axes) / math.pi)
    kind, _ = _look_up(voxels[levels.start : levels.top])
    knee = round(levels.start + 0.3 * (levels.top - levels.start))
    for layer in range(levels.ground, levels.top):
        for line in axes:
            y, x = line[0] * min(layer, knee) + line[1]
            near = (rows - y) ** 2 + (columns - x) ** 2
            if layer < levels.start:
                trunk = near <= (radius + 1.5) ** 2
            elif kind == "palm":
                heart = near <= (radius + 0.8) ** 2
                trunk = heart & bool((voxels[layer + 3 : layer + 4] & heart).any())
            else:
                trunk = _bare_neck(voxels[layer:], near <= (radius + 0.8) ** 2, radius)
            slots[layer][trunk] = 1 + SLOTS.index("trunk")
    return slots


def _inside_base(voxels: np.ndarray) -> np.ndarray:
    """Which voxels (n, H, W) a round base holds, as deep as each layer: feet may stand out."""
    middle = np.argwhere(voxels[0].any(axis=0)).mean()
    depths = np.array([np.ptp(np.flatnonzero(layer.any(axis=1))) + 1 for layer in voxels])
    aside = np.abs(np.arange(voxels.shape[2]) - middle)
    return np.broadcast_to((aside <= depths[:, None] / 2 + 0.5)[:, None], voxels.shape)


def _axes(voxels: np.ndarray, levels: _Levels) -> list[np.ndarray]:
    """The line of each trunk, as polynomials (2, 2) of y and x over the layer."""
    stretch = range(levels.ground, levels.start)
    count = _count_trunks(voxels[levels.ground : levels.start])
    centres = []
    for layer in stretch:
        pieces = islands(voxels[layer], 2) if count == 2 else [voxels[layer]]
        found = sorted((np.argwhere(piece).mean(axis=0) for piece in pieces), key=lambda c: c[1])
        if len(found) >= count:
            centres.append((layer, *found[: count - 1], found[-1]))
    at = [row[0] for row in centres]
    degree = min(1, len(at) - 1)
    lines = [np.polyfit(at, [row[1 + k] for row in centres], degree) for k in range(count)]
    return [np.vstack([np.zeros((1 - degree, 2)), line]) for line in lines]


def _bare_neck(above: np.ndarray, near: np.ndarray, radius: float) -> np.ndarray:
    """What shows of a trunk in the first layer of bool (n, H, W), under something wider."""
    widest = np.count_nonzero(above, axis=(1, 2)).max()
    most = min(1.3 * math.pi * radius**2 + 6, widest / 1.5)
    slim = [piece for piece in islands(above[0]) if (piece & near).any() and piece.sum() <= most]
    return np.any(slim, axis=0) if slim else np.zeros_like(near)


def find_faults(voxels: np.ndarray) -> list[str]:
    """What is wrong with the crown, or with the trunks under it."""
    levels = _levels(voxels)
    crown, axes = voxels[levels.start : levels.top], _axes(voxels, levels)
    widest = np.count_nonzero(crown, axis=(1, 2)).max()
    if widest < 2.5 * levels.bare + 6:
        return ["the crown is missing"]
    if len(axes) == 2:
        return []
    kind, layers = _look_up(crown)
    if layers > 1 or kind not in ("round", "umbrella") or levels.base == "pot":
        return []
    # a trunk ends in the middle of its crown; one of two does not
    reached = np.array([levels.start + 0.3 * len(crown), 1.0]) @ axes[0]
    aside = abs(np.argwhere(crown[-2:])[:, 2].mean() - reached[1])
    unsure = 1.0 if levels.start - levels.ground > 7 else 1.6
    return ["a trunk is missing"] if aside > unsure else []


def _smooth(values: np.ndarray) -> np.ndarray:
    """The median of each value and its two neighbours, (n,) to (n - 2,), without stray voxels."""
    return np.median([values[:-2], values[1:-1], values[2:]], axis=0)


def _look_up(crown: np.ndarray) -> tuple[str, int]:
    """The kind and layers of a crown, bool (D, H, W), from its gaps and from where it is wide."""
    areas = np.count_nonzero(crown, axis=(1, 2))
    shade = crown.any(axis=0)
    wide, deep = (np.ptp(np.flatnonzero(np.count_nonzero(shade, axis=axis))) + 1 for axis in (0, 1))
    if np.count_nonzero(shade) < 0.65 * np.pi / 4 * wide * deep:
        return "palm", 1
    layers, first = _layers(areas)
    tall, lowest = len(areas) / max(wide, deep), areas[:first]
    heavy_below = (
        lowest[: first // 2].sum() + (first % 2) * lowest[first // 2] / 2 > 0.62 * lowest.sum()
    )
    if heavy_below and lowest[:2].max() > 0.9 * lowest.max():
        return ("fir" if tall > 0.66 else "umbrella"), layers
    return ("cypress", 1) if tall / layers > 1.75 else ("round", layers)


def _layers(areas: np.ndarray) -> tuple[int, int]:
    """How often the crown narrows and widens again, and where its first layer ends."""
    layers, first, peak, valley = 1, len(areas), 0, None
    for level, area in enumerate(areas.tolist()):
        peak = max(peak, area)
        if area < 0.62 * peak:
            valley = area if valley is None else min(valley, area)
        if valley is not None and area > 1.4 * valley + 3:
            first = int(areas[:level].tolist().index(valley)) + 1 if layers == 1 else first
            layers, peak, valley = layers + 1, area, None
    return layers, first


PHRASES = {
    "": "=tree",
    "trunks=1": "a single trunk",
    "trunks=2": "two trunks",
    "trunk=tall ?trunks=1": "a tall trunk; a long trunk",
    "trunk=tall ?trunks=2": "tall trunks; long trunks",
    "trunk=short ?trunks=1": "a short trunk",
    "trunk=short ?trunks=2": "short trunks",
    "girth=thick ?trunks=1": "a thick trunk; a sturdy trunk",
    "girth=thick ?trunks=2": "thick trunks; sturdy trunks",
    "girth=thin ?trunks=1": "a thin trunk; a slim trunk",
    "girth=thin ?trunks=2": "thin trunks; slim trunks",
    "lean=straight": "straight ~; upright ~",
    "lean=left": "a lean to the left; a tilt to the left",
    "lean=right": "a lean to the right; a tilt to the right",
    "lean=left|right": "leaning ~; tilted ~",
    "crown=round ?layers=1": "a round crown; a ball shaped crown",
    "crown=round ?layers=2": "round crowns; ball shaped crowns",
    "crown=fir": "=fir; =fir tree; =pine; =pine tree; =christmas tree",
    "crown=cypress": "=cypress; =cypress tree; a narrow crown; a slender crown",
    "crown=umbrella": "=umbrella tree; =acacia; =acacia tree",
    "crown=umbrella ?layers=1": "a flat crown",
    "crown=palm": "=palm; =palm tree; palm leaves",
    "layers=1 ?crown=fir|umbrella|round": "one layer; a single layer",
    "layers=2 ?crown=round": "two crowns",
    "layers=2": "two layers; two tiers",
    "layers=3": "three layers; three tiers",
    "base=ground": "flat ground; flat ground below",
    "base=ground|mound": "no pot",
    "base=ground|pot": "no mound",
    "base=pot": "a pot; potted ~",
    "base=mound": "a mound; a mound of earth; a small hill below",
}
HELD_OUT = ("crown=round lean=left",)
SAID_APART = ("crown=palm base=pot",)
