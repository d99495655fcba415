"""Tables: low, medium and tall."""

import numpy as np

from course_utils.datasets.shapes.drawing import THIN, Design, Draws, corners, disc, leg, slab, span
from course_utils.datasets.shapes.looking import core, fullness, grounded, islands
from course_utils.datasets.shapes.materials import COLOURS, METALLIC, TIMBERS
from course_utils.datasets.shapes.parts import Part, numbered, part
from course_utils.datasets.shapes.solids import Box, Interval, Loft

SLOTS = ("top", "legs", "base", "drawers")
MATERIALS = {
    "top": TIMBERS * 3 + COLOURS + ("marble", "glass"),
    "legs": TIMBERS * 2 + METALLIC + ("black", "white"),
    "base": TIMBERS * 2 + METALLIC + ("black", "white"),
    "drawers": ("=top",) * 2 + TIMBERS + COLOURS,
}
# the beam between trestles, a shelf and drawers
OPTIONAL = frozenset(("beam", "shelf", "drawers"))


def draw(draws: Draws) -> Design:
    size = draws.pick("low", "medium", "medium", "tall")
    top = draws.pick("rectangular", "rectangular", "rectangular", "round", "oval")
    base = draws.pick("four legs", "four legs", "pedestal", "trestle", "side panels")
    if top == "round" and base in ("trestle", "side panels"):
        base = "four legs"

    ratio = {"low": (0.38, 0.48), "medium": (0.6, 0.86), "tall": (1.15, 1.55)}[size]
    slimness = {
        "rectangular": (0.6 if size == "tall" else 0.48, 1.0),
        "round": (1.0, 1.0),
        "oval": (0.6, 0.77),
    }[top]
    width, depth, height = draws.fit(1.0, draws.between(*slimness), draws.between(*ratio))
    thickness = draws.between(THIN, 0.11 if size == "low" else 0.15)
    under, is_round = height - thickness, top != "rectangular"
    extra = _table_extra(draws, base, size, top, under)
    legs = "none"
    if base == "four legs":
        legs = draws.pick("slim", "thick") if (0.7 if is_round else 1.0) * depth > 0.52 else "slim"

    board = slab(width, depth, (under, height), is_round)
    support = _table_base(draws, base, legs, extra, width, depth, height - thickness / 2, is_round)
    apron, parts = _below(draws, extra, width, depth, (under, height), thickness, top)
    if extra == "shelf":  # the legs pass through it
        parts += support
    else:
        parts = support + parts
    parts.append(part("top", "top", board, *apron))
    attributes = {"size": size, "top": top, "base": base, "legs": legs, "extra": extra}
    details = ["an oval top" if top == "oval" else f"a {top} top"]
    feet = draws.pick("four legs", f"four {legs} legs") if base == "four legs" else base
    details.append({"pedestal": "a central pedestal", "trestle": "trestles"}.get(base, feet))
    phrases = {"none": [], "apron": ["a deep apron"], "shelf": ["a shelf below"]}
    details += phrases.get(
        extra, ["drawers on " + ("both sides" if extra == "drawers both" else f"the {extra[8:]}")]
    )
    nouns = {"low": ["coffee table", "table"], "medium": ["table"], "tall": ["bar table", "table"]}[
        size
    ]
    return Design(parts, attributes, nouns, [] if size == "medium" else [size], details)


def _table_extra(draws: Draws, base: str, size: str, top: str, under: float) -> str:
    """What hangs between top and floor: an apron, or, where there is room, shelf or drawers."""
    options = ["apron", "none"] if top == "rectangular" else ["apron", "apron", "apron", "none"]
    if base == "four legs" and under > 0.34:
        options += ["shelf", "shelf"] if size == "tall" else ["shelf"]
        if size == "medium" and top == "rectangular":
            options += ["drawers left", "drawers right", "drawers both"] * 2
    return draws.pick(*options)


def _below(
    draws: Draws,
    extra: str,
    width: float,
    depth: float,
    board: Interval,
    thickness: float,
    top: str,
) -> tuple[list[Box | Loft], list[Part]]:
    """The apron, which is one piece with the top, and a shelf or drawers as parts of their own."""
    (under, height), is_round = board, top != "rectangular"
    if extra == "apron":
        least = 0.7 if is_round else 0.62
        shares = draws.between(least, 0.82), draws.between(least, 0.82)
        deep = shares[0 if top == "round" else 1] * depth
        low = under - draws.between(THIN, max(THIN, min(0.13, 0.45 * under)))
        return [slab(shares[0] * width, deep, (low, height), is_round)], []
    if extra == "shelf":
        level = draws.between(0.2, 0.42) * under
        share = 0.88 if is_round else draws.between(0.9, 1.0)
        z = (level, level + draws.between(THIN, 0.09))
        return [], [part("shelf", "top", slab(share * width, share * depth, z, is_round))]
    if extra == "none":
        return [], []
    block, low = draws.between(0.24, 0.32) * width, draws.between(0.3, 0.65) * under
    sides = {"left": (-1,), "right": (1,), "both": (-1, 1)}[extra.split()[-1]]
    z, y = (low, height - thickness / 2), span(0.0, 0.9 * depth)
    blocks = [Box(span(side * (width - block) / 2, block), y, z) for side in sides]
    return [], numbered("drawers", "drawers", blocks)


def _table_base(
    draws: Draws,
    base: str,
    legs: str,
    extra: str,
    width: float,
    depth: float,
    height: float,
    is_round: bool,
) -> list[Part]:
    thickness = draws.between(THIN, 0.12)
    inset = draws.between(0.0, {"thick": 0.07 * depth, "slim": 0.14 * depth, "none": 0.1}[legs])
    if base == "pedestal":
        column, foot = (
            draws.between(0.05, max(0.05, min(0.11, 0.2 * depth))),
            draws.between(0.26, 0.44),
        )
        rim = draws.between(THIN, 0.1)
        half_x, half_y = foot * width, foot * depth
        tip = draws.pick(1.0, 0.4)  # a flat disc, or one that rises towards the column
        foot_top = (0.0, 0.0, tip * half_x, tip * half_y)
        whole_foot = Loft((0.0, rim), (0.0, 0.0, half_x, half_y), foot_top, round=True)
        return [
            part("column", "base", disc(0.0, 0.0, (0.0, height), column, column)),
            part("foot", "base", whole_foot),
        ]
    reach = 0.7 if is_round else 1.0
    inset = max(0.0, min(inset, (reach * depth - 3.1 * THIN) / 2))
    if base == "four legs":
        thickness = draws.between(0.126, 0.15) if legs == "thick" else draws.between(THIN, 0.078)
    # so that there is air between legs
    thickness = min(thickness, (reach * depth - 2 * inset - 1.1 * THIN) / 2)
    x, y = (reach * width - thickness) / 2 - inset, (reach * depth - thickness) / 2 - inset
    if base == "four legs":
        splay = 0.0 if extra == "shelf" else draws.pick(0.0, 0.0, draws.between(0.08, 0.2))
        x, y = (x, y) if is_round else (x / (1 + splay), y / (1 + splay))
        whole_legs = [leg(*corner, height, thickness, splay) for corner in corners(x, y)]
        return numbered("leg", "legs", whole_legs)
    if base == "side panels":
        panel_depth = draws.between(0.75, 0.95) * reach * depth
        y = span(0.0, panel_depth)
        panels = [Box(span(side, thickness), y, (0.0, height)) for side in (-x, x)]
        return numbered("panel", "base", panels)
    x *= draws.between(0.7, 0.95)
    beam, post = (
        height * draws.between(0.35, 0.6),
        max(THIN, draws.between(0.2, 0.36) * reach * depth),
    )
    parts = [part("beam", "base", Box((-x, x), span(0.0, THIN), span(beam, THIN)))]
    for number, side in ((1, -x), (2, x)):
        upright = Box(span(side, thickness), span(0.0, post), (0.0, height))
        foot = Box(span(side, thickness), span(0.0, 0.85 * reach * depth), (0.0, THIN))
        parts += [
            part(f"post {number}", "base", upright),
            part(f"trestle foot {number}", "base", foot),
        ]
    return parts


def look(voxels: np.ndarray) -> dict[str, str]:
    """Invert `draw`: the top from above, the feet from below, and what hangs between them."""
    voxels = grounded(voxels)
    under, height = _top_layers(voxels)
    top = voxels[under:height].mean(axis=0) > 0.5
    (front, rear), (left, right) = core(top.sum(axis=1), 0.2), core(top.sum(axis=0), 0.2)
    width, depth = max(right - left, 1), rear - front
    trunk = voxels[:under, front:rear, left:right]
    curved = "round" if depth > 0.86 * width else "oval"
    base, legs = _base_and_legs(voxels[:2, front:rear, left:right].any(axis=0), trunk)
    tall = height / width
    return {
        "size": "low" if tall < 0.54 else "tall" if tall > 1.0 else "medium",
        "top": "rectangular" if fullness(top[front:rear, left:right]) > 0.9 else curved,
        "base": base,
        "legs": legs,
        "extra": _extra(trunk, base),
    }


def _top_layers(voxels: np.ndarray) -> tuple[int, int]:
    """First and last + 1 layer of the top, of voxels that stand on the ground."""
    areas = voxels.sum(axis=(1, 2))
    height = core(areas)[1]
    under = height - 1
    while areas[under - 1] > 0.9 * areas[height - 1] and under > 2:
        under -= 1
    return under, height


def place(voxels: np.ndarray) -> np.ndarray:
    """Tell the slots: an apron or a shelf is of the top, boxes at the ends are drawers."""
    ground = int(voxels.any(axis=(1, 2)).argmax())
    solid = grounded(voxels)
    under = _top_layers(solid)[0]
    seen = look(solid)
    slots = np.full(voxels.shape, 1 + SLOTS.index(_support(seen["base"])), dtype=np.uint8)
    slots[under:] = 1
    if seen["extra"] == "apron":
        slots[:under][_apron(solid[:under])] = 1
    if seen["extra"] == "shelf":
        slots[:under][_shelf(solid[:under])] = 1
    if seen["extra"].startswith("drawers"):
        slots[:under][_drawers(solid[:under], seen["extra"])] = 1 + SLOTS.index("drawers")
    return np.roll(slots, ground, axis=0)


def _support(base: str) -> str:
    return "legs" if base == "four legs" else "base"


def _apron(trunk: np.ndarray) -> np.ndarray:
    """What is broad, bool (D, H, W), in the layers of bool (D, H, W) next to the top."""
    from scipy.ndimage import binary_opening

    broad = np.zeros_like(trunk)
    for layer in range(len(trunk) - 1, -1, -1):
        broad[layer] = binary_opening(trunk[layer], np.ones((1, 6))) & binary_opening(
            trunk[layer], np.ones((6, 1))
        )
        if broad[layer].sum() < 0.5 * broad[-1].sum():
            broad[layer] = False
            break
    return broad


def _shelf(trunk: np.ndarray) -> np.ndarray:
    """The broadest layers of bool (D, H, W), without the legs that go on above and below them."""
    areas = trunk.sum(axis=(1, 2))
    first, last = core(areas, 0.7)
    legs = trunk[max(first - 1, 0)] & trunk[min(last, len(trunk) - 1)]
    shelf = np.zeros_like(trunk)
    shelf[first:last] = ~legs
    return shelf


def _drawers(trunk: np.ndarray, extra: str) -> np.ndarray:
    """The boxes at one end or both of bool (D, H, W)."""
    (front, rear), (left, right) = (core(trunk.sum(axis=axes), 0.02) for axes in ((0, 2), (0, 1)))
    middle, half = (front + rear) // 2, (left + right) // 2
    across = trunk[:, middle - 2 : middle + 2].mean(axis=1) > 0.5  # (D, W), from the front
    box = np.zeros_like(trunk)
    for side, columns in (("left", slice(0, half)), ("right", slice(half, None))):
        if extra not in (f"drawers {side}", "drawers both"):
            continue
        own = across[:, columns]
        z, x = core(own.sum(axis=1), 0.5), core(own.sum(axis=0), 0.5)
        inner = x[1] - 1 if side == "left" else half + x[0]
        y = core(trunk[z[0] : z[1], :, inner].sum(axis=0), 0.5)
        box[z[0] : z[1], y[0] : y[1], columns][:, :, x[0] : x[1]] = True
    return box


def find_faults(voxels: np.ndarray) -> list[str]:
    """What is wrong with the top, or with the feet under it."""
    under, height = _top_layers(voxels)
    top = voxels[under:height].any(axis=0)
    spot = np.argwhere(top)
    middle, size = (spot.min(axis=0) + spot.max(axis=0)) / 2, np.ptp(spot, axis=0) + 1
    broad = top.sum() > max(0.6 * size.prod(), 0.85 * voxels[2:].any(axis=0).sum())
    whole = len(islands(voxels[height - 1], least=4)) == 1
    if not broad or not whole or voxels[height + 1 :].any():
        return ["the top is missing"]
    feet = islands(voxels[:2].any(axis=0), least=2)
    spots = [np.argwhere(foot) for foot in feet]
    centres = np.array([(spot.min(axis=0) + spot.max(axis=0)) / 2 for spot in spots]) - middle
    if len(feet) == 1:
        column = voxels[max(under // 2, 2) : under].any(axis=0)
        thin = min(np.count_nonzero(layer) for layer in voxels[1:under])
        wrong = abs(centres[0]).max() > 2.5 or feet[0].sum() < 2 * thin or not column.any()
        return ["the foot is missing, or not under the middle of the top"] if wrong else []
    if len(feet) == 2:
        depths = [np.ptp(spot[:, 0]) + 1 for spot in spots]
        wrong = abs(depths[0] - depths[1]) > 2 or min(depths) < 0.4 * size[0]
        wrong = wrong or abs(centres[:, 0]).max() > 2 or abs(centres[:, 1].sum()) > 3
        over = [voxels[:under, :, spot[:, 1].min() : spot[:, 1].max() + 1] for spot in spots]
        wrong = wrong or not all(part.any(axis=(1, 2)).all() for part in over)
        return ["a side of the base is missing, or does not reach the ground"] if wrong else []
    quarters = {tuple(centre > 0) for centre in centres}
    wrong = len(feet) != 4 or len(quarters) != 4
    return ["a leg is missing, or does not reach the ground"] if wrong else []


def _base_and_legs(ground: np.ndarray, trunk: np.ndarray) -> tuple[str, str]:
    """Classify bases by their feet: two feet are panels if they stay as deep above the ground."""
    feet = islands(ground, least=2)
    if len(feet) > 2:
        return "four legs", "thick" if ground.sum() / len(feet) > 12 else "slim"
    if len(feet) == 1:
        return "pedestal", "none"
    front, rear = core(ground.sum(axis=1), 0.5)
    by_row = trunk[2 : max(3, round(0.6 * len(trunk))), front:rear].sum(axis=2)  # (layers, H)
    quarter = round(0.25 * (rear - front))
    outer = by_row[:, :quarter].sum(axis=1) + by_row[:, -quarter:].sum(axis=1)
    return ("side panels" if (outer > 0.2 * by_row.sum(axis=1)).all() else "trestle"), "none"


def _extra(trunk: np.ndarray, base: str) -> str:
    """What hangs under the top, probed at its ends and beside its middle, clear of legs."""
    height, depth, width = trunk.shape
    if min(height, depth - 2, width - 2) < 3:
        return "none"  # no room for anything

    def filled(x: tuple[float, float], *spans: tuple[float, float]) -> np.ndarray:
        """Filled share of each layer, (D,), in columns `x` and rows `spans` (shares of size)."""
        columns = trunk[:, :, round(x[0] * width) : round(x[1] * width)]
        rows = [columns[:, round(low * depth) : round(high * depth)] for low, high in spans]
        return np.concatenate(rows, axis=1).mean(axis=(1, 2))

    middle = filled((0.4, 0.6), (0.22, 0.36), (0.64, 0.78))
    if middle[-2:].mean() > 0.6:
        return "apron"
    if base != "four legs":
        return "none"
    if middle[1 : round(0.8 * height)].max() > 0.6:
        return "shelf"
    left, right = (
        filled(x, (0.35, 0.65))[round(0.75 * height) :].mean() > 0.5
        for x in ((0.06, 0.24), (0.76, 0.94))
    )
    if not (left or right):
        return "none"
    return "drawers both" if left and right else "drawers left" if left else "drawers right"


PHRASES = {
    "": "=table",
    "size=low": "low ~; =coffee table",
    "size=medium": "medium height ~; a medium height",
    "size=tall": "tall ~; high ~; =bar table",
    "top=rectangular": "rectangular ~; a rectangular top; a rectangular tabletop",
    "top=round": "round ~; circular ~; a round top; a circular top; a round tabletop",
    "top=oval": "oval ~; an oval top; an oval tabletop",
    "base=four_legs": "four legs",
    "base=pedestal": "a pedestal; a central pedestal; a single column",
    "base=trestle": "a trestle base; trestles; trestle legs",
    "base=side_panels": "side panels; panel sides; panels at the sides",
    "legs=slim": "slim legs; thin legs",
    "legs=thick": "thick legs; sturdy legs",
    "extra=apron": "a deep apron; an apron",
    "extra=shelf": "a shelf below; a lower shelf; a shelf under the top",
    "extra=drawers_left": "drawers on the left; drawers at the left side",
    "extra=drawers_right": "drawers on the right; drawers at the right side",
    "extra=drawers_both": "drawers on both sides; drawers left and right",
    "extra=drawers_left|drawers_right|drawers_both": "drawers",
    "extra=none|apron|shelf": "no drawers",
    "extra=none": "nothing below; nothing under the top",
}
HELD_OUT = ("size=tall base=trestle",)
SAID_APART = ("top=oval base=pedestal",)
