"""Houses: a block with windows and a door, under one of five roofs."""

from typing import NamedTuple

import numpy as np

from course_utils.datasets.shapes.drawing import ENDS, THIN, Design, Draws, leg, span
from course_utils.datasets.shapes.looking import stretches
from course_utils.datasets.shapes.materials import COLOURS
from course_utils.datasets.shapes.parts import Part, numbered, painted, part
from course_utils.datasets.shapes.solids import Box, Interval, Loft

SLOTS = ("walls", "roof", "door", "windows")
MATERIALS = {
    "walls": ("white", "white", "brick", "brick", "stone", "beige", "cream", "pine", *COLOURS),
    "roof": ("terracotta", "terracotta", "slate", "slate", "thatched", "brown", "grey", "red"),
    "door": ("oak", "walnut", "white", *COLOURS),
    "windows": ("glass",) * 5 + ("navy",),
}
OPTIONAL = frozenset({"chimney", "garage", "wing"})

_ROOFS = ("gable", "front gable", "hipped", "flat", "shed")


def draw(draws: Draws) -> Design:
    roof, storeys = draws.pick(*_ROOFS), draws.pick(1, 2, 3)
    pitch = "none" if roof in ("flat", "shed") else draws.pick("low", "steep")
    chimney = draws.pick("none", "left", "right")
    garage = draws.pick("none", "none", "left", "right") if storeys < 3 else "none"
    columns = draws.pick(2, 3) if garage != "none" or storeys == 3 else draws.pick(2, 3, 4)
    door = "middle" if columns == 3 else draws.pick("left", "right")
    porch, wing = draws.chance(0.4), draws.chance(0.6)

    wide, deep = _plan(draws, roof, storeys, columns)
    beside = draws.between(0.3, 0.5) * wide if garage != "none" else 0.0
    eaves = draws.pick(0.0, draws.between(0.045, 0.075))
    across = wide + max(beside, 2 * eaves)
    rise = _rise(draws, roof, pitch, wide / 2 + eaves, deep / 2 + eaves)
    flue = draws.between(0.15, 0.2) if chimney != "none" else 0.0
    least = 0.21 * across if storeys == 1 else max(0.21 * across, 0.52 * (rise + flue))
    # a storey needs five voxels for a row of windows
    wall = storeys * max(draws.between(0.23, 0.34), least)
    forward = draws.between(0.16, 0.22) if porch else 0.0
    behind = draws.between(0.18, 0.4) if wing else 0.0
    along = deep + max(behind, eaves) + max(forward, eaves)
    sizes = (wide, deep, wall, rise, flue, beside, forward, behind, eaves)
    _, _, _, *sizes = draws.fit(across, along, wall + rise + flue, *sizes)
    wide, deep, wall, rise, flue, beside, forward, behind, eaves = sizes

    storey = wall / storeys
    column = {"left": 0, "middle": 1, "right": columns - 1}[door]
    openings = _openings(draws, wide, storey, storeys, columns, column)
    recess = draws.between(THIN, 0.08)
    parts = [part("walls", "walls", *_facade(wide, deep, wall, openings, recess))]
    roof_bodies = _roof(roof, (wide, deep, wall), rise, (0.0 if beside else eaves, eaves))
    over = [part("roof", "roof", *roof_bodies)]
    if chimney != "none":
        stack = draws.between(0.085, 0.11)
        x = dict(ENDS)[chimney] * max(draws.between(0.28, 0.36) * wide, stack / 2 + 0.065)
        y = 0.3 * deep if roof == "shed" else stack / 2 + draws.between(0.025, 0.08)
        bricks = Box(span(x, stack), span(y, stack), (wall / 2, wall + rise + flue))
        over.append(part("chimney", "walls", bricks))
    if garage != "none":
        parts += _garage(draws, dict(ENDS)[garage], wide, deep, beside, storey)
    if wing:
        across = draws.between(0.24, 0.34) * wide
        x = draws.between(-0.5, 0.5) * (wide - across)
        top = draws.between(0.6, 0.9) * wall
        block = Box(span(x, across), (0.0, deep / 2 + behind), (0.0, top))
        parts.append(part("wing", "walls", block))
    parts += over
    if porch:
        parts += _porch(openings[0], wide, deep, forward, storey)
    parts += _paint(openings, recess - deep / 2)
    attributes = {"roof": roof, "pitch": pitch, "storeys": storeys, "chimney": chimney}
    attributes |= {"door": door, "garage": garage, "porch": porch, "wing": wing}
    return Design(parts, attributes, ["house"], [_STOREY_WORDS[storeys]], _details(attributes))


_STOREY_WORDS = {1: "single-storey", 2: "two-storey", 3: "three-storey"}


def _details(attributes: dict[str, str | int | bool]) -> list[str]:
    keys = ("roof", "pitch", "chimney", "garage", "door")
    roof, pitch, chimney, garage, door = (attributes[key] for key in keys)
    slope = {"none": "a ", "low": "a low ", "steep": "a steep "}[pitch]
    names = {"front gable": "gable roof that faces the front"}
    names |= {"shed": "roof that slopes to the front"}
    details = [
        slope + names.get(roof, f"{roof} roof"),
        "no chimney" if chimney == "none" else f"a chimney on the {chimney}",
    ]
    details += [f"a door {'in the middle' if door == 'middle' else 'on the ' + door}"]
    details += [f"a garage on the {garage}"] if garage != "none" else []
    details += ["a wing at the back"] if attributes["wing"] else []
    return details + (["a porch"] if attributes["porch"] else [])


def _plan(draws: Draws, roof: str, storeys: int, columns: int) -> tuple[float, float]:
    """Width, with a window or door in every column, and depth, which is less for high houses."""
    column = draws.between(0.22, 0.25) if columns == 4 else draws.between(0.25, 0.3)
    wide = column * columns + (0.12 if storeys < 3 else 0.0)
    ratio = (0.7, 1.2) if roof == "front gable" else (0.5, 1.1)
    return wide, min(max(draws.between(*ratio) * wide, 0.42), 0.52 if storeys == 3 else 0.85)


def _rise(draws: Draws, roof: str, pitch: str, half_wide: float, half_deep: float) -> float:
    """The height of the roof: half the span that it crosses, times its slope."""
    if roof == "flat":
        return draws.between(0.09, 0.13)
    if roof == "shed":
        return draws.between(0.3, 0.45) * 2 * half_deep
    half_span = half_wide if roof == "front gable" else half_deep
    return half_span * (draws.between(0.45, 0.58) if pitch == "low" else draws.between(1.05, 1.4))


def _openings(
    draws: Draws, wide: float, storey: float, storeys: int, columns: int, door: int
) -> list[tuple[Interval, Interval]]:
    """The x and z of the door, which comes first, and of all windows, one per column and storey."""
    cell = wide / columns
    across = max(draws.between(0.42, 0.52) * cell, 0.075)
    high = max(draws.between(0.42, 0.48) * storey, THIN)
    top = draws.between(0.78, 0.84) * storey
    middles = [(column + 0.5) * cell - wide / 2 for column in range(columns)]
    found = [(span(middles[door], across), (0.0, top))]
    for level in range(storeys):
        z = (level * storey + top - high, level * storey + top)
        found += [
            (span(middle, across), z) for at, middle in enumerate(middles) if level or at != door
        ]
    return found


def _facade(
    wide: float, deep: float, wall: float, openings: list[tuple[Interval, Interval]], recess: float
) -> list[Box]:
    """A solid block and a skin in front with openings: piers, and boxes above and below windows."""
    front = (-deep / 2, recess - deep / 2)
    parts = [Box(span(0.0, wide), (front[1], deep / 2), (0.0, wall))]
    edge = -wide / 2
    for x in sorted({x for x, _ in openings}):
        parts.append(Box((edge, x[0]), front, (0.0, wall)))
        ground = 0.0
        for low, high in sorted(z for other, z in openings if other == x):
            parts += [Box(x, front, (ground, low))] if low > ground else []
            ground = high
        parts.append(Box(x, front, (ground, wall)))
        edge = x[1]
    return [*parts, Box((edge, wide / 2), front, (0.0, wall))]


def _paint(openings: list[tuple[Interval, Interval]], y: float) -> list[Part]:
    """Colour what shows at the bottom of the openings: a door, and windows."""
    panes = [Box(x, (y, y + THIN), z) for x, z in openings]
    return [
        painted("door", "door", panes[0]),
        *(painted(f"window {k}", "windows", pane) for k, pane in enumerate(panes[1:], start=1)),
    ]


def _roof(
    roof: str, block: tuple[float, float, float], rise: float, eaves: tuple[float, float]
) -> list[Box | Loft]:
    wide, deep, wall = block
    half_x, half_y, z = wide / 2 + eaves[0], deep / 2 + eaves[1], (wall, wall + rise)
    if roof == "flat":
        return [Box((-half_x, half_x), (-half_y, half_y), z)]
    top = {
        "gable": (0.0, 0.0, half_x, 0.0),
        "front gable": (0.0, 0.0, 0.0, half_y),
        "hipped": (0.0, 0.0, max(half_x - half_y, 0.0), 0.0),  # the same slope on all four sides
        "shed": (0.0, half_y, half_x, 0.0),
    }[roof]
    slab = (
        [Box((-half_x, half_x), (-half_y, half_y), (wall - THIN / 2, wall + THIN / 2))]
        if eaves[1]
        else []
    )
    return [*slab, Loft(z, (0.0, 0.0, half_x, half_y), top)]


def _garage(
    draws: Draws, sign: int, wide: float, deep: float, beside: float, storey: float
) -> list[Part]:
    """A low block with a flat roof beside the house and a wide door in its front."""
    x, high = sign * (wide + beside) / 2, draws.between(0.8, 0.92) * storey
    front = -deep / 2 + draws.between(0.0, 0.25) * deep
    back = deep / 2 - draws.between(0.0, 0.2) * deep
    edge, recess = span(x, beside), front + THIN
    jambs = [Box((edge[0], edge[0] + THIN), (front, recess), (0.0, high))]
    jambs += [Box((edge[1] - THIN, edge[1]), (front, recess), (0.0, high))]
    lintel = Box(edge, (front, recess), (high - THIN, high))
    block = Box(edge, (recess, back), (0.0, high))
    gate = Box((edge[0] + THIN, edge[1] - THIN), (recess, recess + THIN), (0.0, high - THIN))
    return [part("garage", "walls", block, *jambs, lintel), painted("garage door", "door", gate)]


def _porch(
    door: tuple[Interval, Interval], wide: float, deep: float, forward: float, storey: float
) -> list[Part]:
    """A small roof on two posts in front of the door."""
    (left, right), (_, top) = door
    left, right = max(left - 0.05, -wide / 2), min(right + 0.05, wide / 2)
    front = -deep / 2 - forward
    roof = Box((left, right), (front, 0.02 - deep / 2), (top, top + THIN))
    posts = [leg(x, front + THIN / 2, top, THIN) for x in (left + THIN / 2, right - THIN / 2)]
    return [part("porch roof", "roof", roof), *numbered("post", "walls", posts)]


def look(voxels: np.ndarray) -> dict[str, str | int | bool]:
    """Invert `draw`: find the block's walls, the holes in its front, the heights of its roof."""
    block = _block(voxels)
    holes = _holes(voxels, block)
    rows = np.count_nonzero(holes, axis=1) >= 3
    doors = np.flatnonzero(holes[:2].any(axis=0))  # holes that reach the ground
    aside = (doors.mean() + 0.5) / holes.shape[1] - 0.5 if len(doors) else 0.0
    roof, pitch, chimney = _look_up(voxels, block)
    return {
        "roof": roof,
        "pitch": pitch,
        "storeys": min(max(stretches(rows[1:] & rows[:-1]), 1), 3),
        "chimney": chimney,
        "door": "left" if aside < -0.12 else "right" if aside > 0.12 else "middle",
        "garage": block.garage,
        "porch": bool(np.count_nonzero(voxels[1:4, : block.y.start - 1, block.x]) >= 6),
        "wing": bool(np.count_nonzero(voxels[1:4, block.y.stop + 1 :, block.x]) >= 12),
    }


class _Block(NamedTuple):
    """The voxels along x and y where the house itself stands, and the side of its garage."""

    x: slice
    y: slice
    garage: str


def _block(voxels: np.ndarray) -> _Block:
    """A ground floor that reaches further on one side than the centred roof has a garage."""
    reach = np.flatnonzero(np.count_nonzero(voxels[1:4], axis=(0, 1)) >= 6)
    low = voxels[:2, :, reach[0] : reach[-1] + 1]
    walls = np.flatnonzero(low.mean(axis=(0, 2)) >= 0.4)  # porches and wings fill less
    front_half = voxels[:, : (walls[0] + walls[-1]) // 2].any(axis=1)  # (D, W), without the chimney
    high = int(0.7 * (np.flatnonzero(front_half.any(axis=1))[-1] + 1))
    layers = front_half[high:][front_half[high:].any(axis=1)]
    ends = np.array([np.flatnonzero(layer)[[0, -1]] for layer in layers])
    broad = np.ptp(ends, axis=1) > 4  # not a chimney alone
    middle = np.median(ends[broad].mean(axis=1) if broad.any() else ends.mean())
    beyond = (reach[0] + reach[-1]) / 2 - middle
    side = "left" if beyond < -1.5 else "right" if beyond > 1.5 else "none"
    first = round(2 * middle) - reach[-1] if side == "left" else reach[0]
    last = round(2 * middle) - reach[0] if side == "right" else reach[-1]
    x = slice(int(first), int(last) + 1)
    walls = np.flatnonzero(voxels[:2, :, x].mean(axis=(0, 2)) >= 0.55)
    return _Block(x, slice(int(walls[0]), int(walls[-1]) + 1), side)


def _holes(voxels: np.ndarray, block: _Block) -> np.ndarray:
    """Windows and doors below the eaves, bool (D, W): two empty layers with a solid one behind."""
    front = block.y.start
    skin, behind = voxels[:, front : front + 2, block.x].any(axis=1), voxels[:, front + 3, block.x]
    corner = skin[:, :2].any(axis=1) | skin[:, -2:].any(axis=1)
    eaves = int(np.argmin(corner)) if not corner.all() else len(corner)
    holes = (~skin & behind)[:eaves]
    holes[:, [0, -1]] = False  # a block measured one voxel too wide
    return holes


def place(voxels: np.ndarray) -> np.ndarray:
    """Tell the slots: a roof above the walls and over a porch, and what lies in the openings."""
    block = _block(voxels)
    roof = _roof_layer(voxels, block)
    slots = np.full(voxels.shape, 1 + SLOTS.index("walls"), dtype=np.uint8)
    slots[roof:] = 1 + SLOTS.index("roof")
    heights = _heights(voxels[:, block.y, block.x])
    mirrored = np.minimum(heights, heights[:, ::-1])
    stack = (heights > mirrored + 1)[None] & (np.arange(len(voxels))[:, None, None] >= mirrored)
    slots[:, block.y, block.x][stack] = 1 + SLOTS.index("walls")
    slots[mirrored.max() + 1 :] = 1 + SLOTS.index("walls")
    porch = np.count_nonzero(_porch_view(voxels, block), axis=1)
    if porch.max() >= 2:
        first = int(np.argmax(porch > 0.85 * porch.max()))
        slots[:first, : block.y.start] = 1 + SLOTS.index("walls")
        slots[first:, : block.y.start] = 1 + SLOTS.index("roof")
    _place_openings(slots[:, :, block.x], voxels[:, :, block.x], _holes(voxels, block), block)
    if block.garage != "none":
        beside = slice(0, block.x.start) if block.garage == "left" else slice(block.x.stop, None)
        slots[:, :, beside] = 1 + SLOTS.index("walls")
        _place_gate(slots[:, :, beside], voxels[: roof + 1, :, beside])
    return slots


def _porch_view(voxels: np.ndarray, block: _Block) -> np.ndarray:
    """What stands before the block, seen from the front, bool (D, W), without wide eaves."""
    before = voxels[:, : max(block.y.start - 1, 0), block.x]
    wide = before.mean(axis=2, keepdims=True) > 0.8
    view = (before & ~wide).any(axis=1)
    if wide.any():
        view[int(np.argmax(wide.any(axis=(1, 2)))) + 2 :] = False
    return view


def _place_openings(
    slots: np.ndarray, voxels: np.ndarray, holes: np.ndarray, block: _Block
) -> None:
    """Paint what lies behind holes (n, W): doors where they reach the ground, else windows."""
    from scipy.ndimage import label

    labels, count = label(holes)
    for number in range(1, count + 1):
        z, x = np.nonzero(labels == number)
        y = block.y.start + voxels[z, block.y.start : block.y.start + 5, x].argmax(axis=1)
        slots[z, y, x] = 1 + SLOTS.index("door" if z.min() <= 1 else "windows")


def _place_gate(slots: np.ndarray, garage: np.ndarray) -> None:
    """Paint the gate of a garage: what lies two voxels further back than its jambs."""
    front = np.where(garage.any(axis=1), garage.argmax(axis=1), 0)  # (D, W)
    z, x = np.nonzero(front >= front[front > 0].min() + 2)
    slots[z, front[z, x], x] = 1 + SLOTS.index("door")


def _storeys_end(holes: np.ndarray) -> tuple[int, float]:
    """The layer above all openings (n, W), and where the walls should end, as far above them.

    An opening ends at about 0.81 of its storey's height.
    """
    rows = holes.any(axis=1)
    tops = np.flatnonzero(rows[:-1] & ~rows[1:]) + 1  # of the openings of each storey
    last = int(tops[-1])
    return last, last * len(tops) / (len(tops) - 0.19)


def _roof_layer(voxels: np.ndarray, block: _Block) -> int:
    """The first layer of the roof: it stands out in front, or the block narrows there.

    A flat roof that does neither begins where the openings say.
    """
    last, guess = _storeys_end(_holes(voxels, block))
    before = voxels[last:, block.y.start - 1, block.x].mean(axis=1) > 0.7
    if before.any():
        return last + int(np.argmax(before))
    roof, pitch, _ = _look_up(voxels, block)
    if roof == "flat":
        return round(guess)
    edges = voxels[last:, block.y, block.x]
    front, sides = edges[:, 0].mean(axis=1), edges[:, :, [0, -1]].mean(axis=1).min(axis=1)
    narrow = last + int(np.argmax(np.minimum(front, sides) < 0.5))
    if pitch == "steep":  # it narrows late
        return round((2 * guess + narrow - 0.2) / 3)
    return narrow - (guess < narrow - 0.7)


def find_faults(voxels: np.ndarray) -> list[str]:
    """What is wrong with the door, the roof or the porch."""
    block = _block(voxels)
    holes = _holes(voxels, block)
    if not holes[:2].any():
        return ["there is no door"]
    heights = _heights(voxels[:, block.y, block.x])
    ridge = np.sort(np.minimum(heights, heights[:, ::-1]).ravel())[-3]
    found = ["the roof is missing"] if ridge < _storeys_end(holes)[1] + 1.5 else []
    porch = _porch_view(voxels, block)
    if np.count_nonzero(porch) < 6:
        return found
    posts = np.flatnonzero(porch[:2].any(axis=0))
    roof = np.flatnonzero(np.count_nonzero(porch, axis=0) >= 2)
    level = np.count_nonzero(porch, axis=1).max() >= roof[-1] - roof[0]
    if len(posts) and level and max(posts[0] - roof[0], roof[-1] - posts[-1]) <= 1:
        return found
    return [*found, "the porch lacks its roof or a post"]


def _heights(over: np.ndarray) -> np.ndarray:
    """The height of each column, (H, W), in voxels."""
    heights = len(over) - over[::-1].argmax(axis=0)
    heights[~over.any(axis=0)] = 0
    return heights


def _look_up(voxels: np.ndarray, block: _Block) -> tuple[str, str, str]:
    """Roof, pitch and chimney from the heights over the block, seen from above."""
    over = voxels[:, block.y, block.x]
    heights = _heights(over)
    deep, wide = heights.shape
    # every roof is the same on the left and on the right, so no chimney
    roof = np.minimum(heights, heights[:, ::-1])
    ridge = np.sort(roof.ravel())[-3]
    above = np.nonzero(heights > ridge + 1)[1]
    chimney = "none" if len(above) < 3 else "left" if above.mean() < (wide - 1) / 2 else "right"

    def height(x: float, y: float) -> float:
        row, column = round(y * (deep - 1)), round(x * (wide - 1))
        patch = roof[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        return float(np.median(patch.max(axis=0)))

    front, back = (height(0.1, y) + height(0.9, y) for y in (0.1, 0.9))
    side, gable = height(0.1, 0.5) + height(0.9, 0.5), 2 * height(0.5, 0.04)
    top = 2 * ridge
    if top - front < 1.5:
        return "flat", "none", chimney
    if back - front > (top - front) / 2:
        return "shed", "none", chimney
    across, eaves = (wide, roof[:, 1]) if gable - front > 0.6 * (top - front) else (deep, roof[1])
    pitch = "steep" if ridge - np.median(eaves) > 0.4 * (across - 4) else "low"
    if side - front > (top - front) / 2:
        return "gable", pitch, chimney
    if gable - front > 0.6 * (top - front):
        return "front gable", pitch, chimney
    return "hipped", pitch, chimney


PHRASES = {
    "": "=house; =home; =building",
    "storeys=1": (
        "one floor; =bungalow; =one storey house; =single storey house; =one story house"
    ),
    "storeys=2": ("two floors; two storeys; =two storey house; =two story house; =two floor house"),
    "storeys=3": (
        "three floors; three storeys; =three storey house; =three story house; =three floor house"
    ),
    "pitch=low": "a low roof; a shallow roof",
    "pitch=steep": "a steep roof",
    "roof=gable|front_gable": "a gable roof; a gabled roof",
    "roof=gable": "a side gable roof; gables at the sides",
    "roof=front_gable": (
        "a front gable roof; a gable at the front; a gable roof that faces the front"
    ),
    "roof=hipped": "a hipped roof; a hip roof; a roof that slopes to all sides",
    "roof=flat": "a flat roof",
    "roof=shed": "a shed roof; a roof that slopes to the front",
    "chimney=none": "no chimney",
    "chimney=left": "a chimney on the left; a chimney at the left side",
    "chimney=right": "a chimney on the right; a chimney at the right side",
    "chimney=left|right": "a chimney",
    "door=left": "a door on the left; a left door",
    "door=middle": "a door in the middle; a central door",
    "door=right": "a door on the right; a right door",
    "garage=none": "no garage",
    "garage=left": "a garage on the left; a garage at the left side",
    "garage=right": "a garage on the right; a garage at the right side",
    "garage=left|right": "a garage",
    "porch=yes": "a porch; a front porch; a porch at the front",
    "porch=no": "no porch; no front porch",
    "wing=yes": "a wing at the back; a back wing; an extension at the back",
    "wing=no": "no wing; no back wing; no extension",
}
HELD_OUT = ("roof=flat garage=left",)
SAID_APART = ("roof=hipped storeys=2",)
