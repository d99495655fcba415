"""Chairs and armchairs."""

from course_utils.datasets.shapes.drawing import (
    BOARD_WORDS,
    THIN,
    Box,
    Draws,
    Loft,
    Plan,
    board,
    corners,
    disc,
    leg,
    slab,
    span,
)


def draw(draws: Draws) -> Plan:
    high_back, reclined = draws.chance(0.5), draws.chance(0.4)
    seat_shape = draws.pick("square", "square", "round")
    armrests = seat_shape == "square" and draws.chance(0.5)
    base = draws.pick("four legs", "four legs", "three legs", "pedestal", "runners")
    back = draws.pick("solid", "rounded", "slatted", "ladder", "panel")

    seat_height, rise = draws.between(0.37, 0.5), draws.between(0.5, 0.68) if high_back else draws.between(0.32, 0.42)
    width, depth, height, seat_height = draws.fit(
        draws.between(0.5, 0.72), draws.between(0.48, 0.7), seat_height + rise, seat_height
    )
    seat, back_thickness = draws.between(THIN, 0.12), draws.between(THIN, 0.09)
    lean = draws.between(0.2, 0.32) if reclined else 0.0
    depth -= lean * (height - seat_height)  # from here on the depth of the seat
    round_seat = seat_shape == "round"
    back_width = width * (draws.between(0.62, 0.72) if round_seat else 1.0 if armrests else draws.between(0.85, 1.0))
    back_y = (0.36 if round_seat else 0.5) * depth - back_thickness / 2

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
        return Plan(parts, attributes, ["armchair"], [], details)
    return Plan(parts, attributes, ["chair"], [], [*details, "armrests" if armrests else "no armrests"])


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
        bars = [Box(span(side, thickness), (-y - thickness / 2, y + thickness / 2), (0.0, THIN)) for side in (-x, x)]
        return bars + [leg(*corner, height, thickness) for corner in corners(x, y)]
    splay = draws.pick(0.0, 0.0, draws.between(0.08, 0.22))
    x, y = x / (1 + splay), y / (1 + splay)
    if base == "three legs":
        return [leg(*spot, height, thickness, splay) for spot in ((-x, -y), (x, -y), (0.0, y))]
    return [leg(*corner, height, thickness, splay) for corner in corners(x, y)]


def _armrests(draws: Draws, width: float, depth: float, seat: float, back_y: float, lean: float) -> list[Box]:
    """Two bars beside the seat, from the backrest to a post near the front edge."""
    thickness, top = draws.between(THIN, 0.09), seat + draws.between(0.17, 0.23)
    front = -depth / 2 + draws.between(0.0, 0.15) * depth
    parts = []
    for x in (-(width - thickness) / 2, (width - thickness) / 2):
        parts.append(Box(span(x, thickness), (front, back_y + lean * (top - seat)), (top - THIN, top)))
        parts.append(Box(span(x, thickness), (front, front + thickness), (seat - THIN / 2, top)))
    return parts
