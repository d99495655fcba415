"""Chairs and armchairs."""

import numpy as np

from course_utils.datasets.shapes.drawing import (
    BOARD_WORDS,
    THIN,
    Box,
    Design,
    Draws,
    Loft,
    board,
    corners,
    disc,
    leg,
    slab,
    span,
)
from course_utils.datasets.shapes.looking import core, fullness, grounded, islands


def draw(draws: Draws) -> Design:
    high_back, reclined = draws.chance(0.5), draws.chance(0.4)
    seat_shape = draws.pick("square", "square", "round")
    armrests = seat_shape == "square" and draws.chance(0.5)
    base = draws.pick("four legs", "four legs", "three legs", "pedestal", "runners")
    back = draws.pick("solid", "rounded", "slatted", "ladder", "panel")

    round_seat = seat_shape == "round"
    lean = draws.between(0.26, 0.38) if reclined else 0.0
    seat_height = draws.between(0.38, 0.48)
    rise = seat_height * (draws.between(1.2, 1.5) if high_back else draws.between(0.68, 0.84))
    width = draws.between(0.64 if round_seat else 0.54, 0.76)
    depth = (
        width * draws.between(0.88, 1.0) if round_seat else draws.between(0.5, 0.72)
    )  # of the seat
    whole_depth = max(depth, (0.83 if round_seat else 1.0) * depth + lean * rise)
    width, _, height, seat_height, depth = draws.fit(
        width, whole_depth, seat_height + rise, seat_height, depth
    )
    seat, back_thickness = draws.between(THIN, 0.12), draws.between(THIN, 0.09)
    back_width = width * (
        draws.between(0.7, 0.76) if round_seat else 1.0 if armrests else draws.between(0.85, 1.0)
    )
    back_y = (0.33 if round_seat else 0.5) * depth - back_thickness / 2

    parts = [slab(width, depth, (seat_height - seat, seat_height), round_seat)]
    parts += _chair_base(draws, base, width, depth, seat_height - seat / 2, round_seat)
    parts += board(back, back_width, back_y, (seat_height, height), back_thickness, lean)
    if armrests:
        parts += _armrests(draws, width, depth, seat_height, back_y, lean)
    attributes = {
        "back": back,
        "back_height": "high" if high_back else "low",
        "reclined": reclined,
        "seat": seat_shape,
        "armrests": armrests,
        "base": base,
    }
    details = [
        BOARD_WORDS[back].format("back"),
        f"a {attributes['back_height']} back",
        f"a {seat_shape} seat",
        {"pedestal": "a pedestal foot"}.get(base, base),
    ]
    details += ["a reclined back"] if reclined else []
    if armrests and draws.chance(0.4):
        return Design(parts, attributes, ["armchair"], [], details)
    return Design(
        parts, attributes, ["chair"], [], [*details, "armrests" if armrests else "no armrests"]
    )


def _chair_base(
    draws: Draws, base: str, width: float, depth: float, height: float, round_seat: bool
) -> list[Box | Loft]:
    thickness = draws.between(THIN, 0.095)
    reach = 0.68 if round_seat else 1.0  # the corners of a square inside the circle
    x, y = (reach * width - thickness) / 2, (reach * depth - thickness) / 2
    if base == "pedestal":
        column, foot = draws.between(0.045, 0.08), draws.between(0.3, 0.46)
        rim = draws.between(THIN, 0.09)
        return [
            disc(0.0, 0.0, (0.0, height), column, column),
            disc(0.0, 0.0, (0.0, rim), foot * width, foot * min(width, depth)),
        ]
    if base == "runners":
        bars = [
            Box(span(side, thickness), (-y - thickness / 2, y + thickness / 2), (0.0, THIN))
            for side in (-x, x)
        ]
        return bars + [leg(*corner, height, thickness) for corner in corners(x, y)]
    splay = draws.pick(0.0, 0.0, draws.between(0.08, 0.22))
    x, y = x / (1 + splay), y / (1 + splay)
    if base == "three legs":
        return [leg(*spot, height, thickness, splay) for spot in ((-x, -y), (x, -y), (0.0, y))]
    return [leg(*corner, height, thickness, splay) for corner in corners(x, y)]


def _armrests(
    draws: Draws, width: float, depth: float, seat: float, back_y: float, lean: float
) -> list[Box]:
    """Two bars beside the seat, from the backrest to a post near the front edge."""
    thickness, top = draws.between(THIN, 0.08), seat + draws.between(0.17, 0.23)
    front = -depth / 2 + draws.between(0.0, 0.15) * depth
    parts = []
    for x in (-(width - thickness) / 2, (width - thickness) / 2):
        parts.append(
            Box(span(x, thickness), (front, back_y + lean * (top - seat)), (top - THIN, top))
        )
        parts.append(Box(span(x, thickness), (front, front + thickness), (seat - THIN / 2, top)))
    return parts


def look(voxels: np.ndarray) -> dict[str, str | bool]:
    """Invert `draw`: the widest middle layer is the seat, and what stands on it is the back."""
    voxels = grounded(voxels)
    first, last = _seat_layers(voxels)
    seat, above = voxels[first:last], voxels[last:]
    front, rear = core(seat.sum(axis=(0, 2)), 0.2)
    left, right = core(seat.sum(axis=(0, 1)), 0.2)
    rise = core(above.sum(axis=(1, 2)), 0.1)[1]
    over_front = above[1:, front : round(0.6 * front + 0.4 * rear)]
    feet = len(islands(voxels[:2].any(axis=0), least=2))
    return {
        "back": _back_style(above.any(axis=1)),
        "back_height": "high" if rise > last else "low",
        "reclined": _lean(above) > 0.13,
        "seat": "square" if fullness(seat[:, front:rear, left:right]) > 0.9 else "round",
        "armrests": int(np.count_nonzero(over_front)) > 9,
        "base": {1: "pedestal", 2: "runners", 3: "three legs"}.get(feet, "four legs"),
    }


def _seat_layers(voxels: np.ndarray) -> tuple[int, int]:
    """First and last + 1 layer of the seat: the largest that is neither foot nor top, and similar
    ones.
    """
    areas = voxels.sum(axis=(1, 2))
    height = np.flatnonzero(areas)[-1] + 1
    low, high = int(0.2 * height), max(int(0.75 * height), 1)
    first = low + int(areas[low:high].argmax())
    last = first + 1
    while areas[first - 1] > 0.8 * areas[last - 1] and first > low:
        first -= 1
    while areas[last] > 0.8 * areas[first] and last < high:
        last += 1
    return first, last


def _back_style(front_view: np.ndarray) -> str:
    """The style of a back from its front view, bool (D, W): where it is narrow and where it is
    open.
    """
    top, (left, right) = core(front_view.sum(axis=1), 0.2)[1], core(front_view.sum(axis=0))
    view = front_view[:top, left:right]
    height, width = view.shape
    if height < 3 or width < 4:
        return "solid"  # hardly a back at all
    if view[-2:].mean() < 0.8:
        return "rounded"
    middle = view[:, round(0.25 * width) : round(0.75 * width)]
    if middle.mean() > 0.85:
        return "solid"
    if middle.mean(axis=0).max() > 0.85:  # a column that is filled from the seat to the top
        return "slatted"
    lower = middle[: round(0.46 * height)]
    return "ladder" if lower.mean(axis=1).max() > 0.5 else "panel"


def _lean(above: np.ndarray) -> float:
    """How far the hind edge of bool (D, H, W) moves back per layer: the slope of a fitted line."""
    profile = np.count_nonzero(above, axis=2) > 1  # (D, H)
    layers = np.flatnonzero(profile.any(axis=1))
    if len(layers) < 3:
        return 0.0
    hind = [np.flatnonzero(profile[layer])[-1] for layer in layers]
    return float(np.polyfit(layers, hind, 1)[0])
