"""Tables: low, medium and tall."""

import numpy as np

from course_utils.datasets.shapes.drawing import THIN, Design, Draws, corners, disc, leg, slab, span
from course_utils.datasets.shapes.looking import core, fullness, grounded, islands
from course_utils.datasets.shapes.solids import Box, Loft


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

    parts = [slab(width, depth, (under, height), is_round)]
    parts += _table_base(draws, base, legs, extra, width, depth, height - thickness / 2, is_round)
    if extra == "apron":
        least = 0.7 if is_round else 0.62
        shares = draws.between(least, 0.82), draws.between(least, 0.82)
        low = under - draws.between(THIN, max(THIN, min(0.13, 0.45 * under)))
        parts.append(
            slab(
                shares[0] * width,
                shares[0 if top == "round" else 1] * depth,
                (low, height),
                is_round,
            )
        )
    if extra == "shelf":
        level, share = (
            draws.between(0.2, 0.42) * under,
            0.88 if is_round else draws.between(0.9, 1.0),
        )
        parts.append(
            slab(share * width, share * depth, (level, level + draws.between(THIN, 0.09)), is_round)
        )
    if extra.startswith("drawers"):
        block, low = draws.between(0.24, 0.32) * width, draws.between(0.3, 0.65) * under
        for side in {"left": (-1,), "right": (1,), "both": (-1, 1)}[extra.split()[-1]]:
            x = side * (width - block) / 2
            parts.append(Box(span(x, block), span(0.0, 0.9 * depth), (low, height - thickness / 2)))
    attributes = {"size": size, "top": top, "base": base, "legs": legs, "extra": extra}
    details = ["an oval top" if top == "oval" else f"a {top} top"]
    feet = draws.pick("four legs", f"four {legs} legs") if base == "four legs" else base
    details.append({"pedestal": "a central pedestal", "trestle": "a trestle base"}.get(base, feet))
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


def _table_base(
    draws: Draws,
    base: str,
    legs: str,
    extra: str,
    width: float,
    depth: float,
    height: float,
    is_round: bool,
) -> list[Box | Loft]:
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
        return [
            disc(0.0, 0.0, (0.0, height), column, column),
            Loft(
                (0.0, rim),
                (0.0, 0.0, half_x, half_y),
                (0.0, 0.0, tip * half_x, tip * half_y),
                round=True,
            ),
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
        return [leg(*corner, height, thickness, splay) for corner in corners(x, y)]
    if base == "side panels":
        panel_depth = draws.between(0.75, 0.95) * reach * depth
        return [
            Box(span(side, thickness), span(0.0, panel_depth), (0.0, height)) for side in (-x, x)
        ]
    x *= draws.between(0.7, 0.95)
    beam, post = (
        height * draws.between(0.35, 0.6),
        max(THIN, draws.between(0.2, 0.36) * reach * depth),
    )
    parts = [Box((-x, x), span(0.0, THIN), span(beam, THIN))]
    for side in (-x, x):
        parts.append(Box(span(side, thickness), span(0.0, post), (0.0, height)))
        parts.append(Box(span(side, thickness), span(0.0, 0.85 * reach * depth), (0.0, THIN)))
    return parts


def look(voxels: np.ndarray) -> dict[str, str]:
    """Invert `draw`: the top from above, the feet from below, and what hangs between them."""
    voxels = grounded(voxels)
    areas = voxels.sum(axis=(1, 2))
    height = core(areas)[1]
    under = height - 1
    while areas[under - 1] > 0.86 * areas[height - 1] and under > 2:
        under -= 1  # the first layer of the top
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


def _base_and_legs(ground: np.ndarray, trunk: np.ndarray) -> tuple[str, str]:
    """Classify bases by their feet: two feet are panels if they stay as deep above the ground."""
    feet = islands(ground, least=2)
    if len(feet) > 2:
        return "four legs", "thick" if ground.sum() / len(feet) > 12 else "slim"
    if len(feet) == 1:
        return "pedestal", "none"
    front, rear = core(ground.sum(axis=1), 0.5)
    by_row = trunk[2 : max(3, round(0.6 * len(trunk))), front:rear].sum(axis=(0, 2))  # (H,)
    quarter = round(0.25 * (rear - front))
    outer = by_row[:quarter].sum() + by_row[-quarter:].sum()
    return ("side panels" if outer > 0.2 * by_row.sum() else "trestle"), "none"


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

# TO BE WRITTEN
SLOTS = ("body",)
MATERIALS = {"body": ("red", "blue")}
OPTIONAL = frozenset()


def place(voxels):
    return voxels.astype(np.uint8)


def find_faults(voxels):
    return []
