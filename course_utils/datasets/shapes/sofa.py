"""Sofas: straight, with a corner, with a chaise."""

from course_utils.datasets.shapes.drawing import ENDS, NUMBERS, THIN, Box, Draws, Loft, Plan, board, span, strip


def draw(draws: Draws) -> Plan:
    seats, form = draws.pick(2, 3), draws.pick("straight", "corner", "chaise")
    side = "none" if form == "straight" else draws.pick("left", "right")
    arms, legs = draws.pick("none", "low", "high"), draws.chance(0.5)
    back_style = draws.pick("plain", "rounded", "cushioned", "cushioned")

    width = draws.between(0.76, 0.94)
    bulk = draws.between(1.0, 1.32) if seats == 2 else draws.between(0.95, 1.15)
    gap = draws.between(THIN, 0.12) if legs else 0.0
    base_top = gap + bulk * draws.between(0.07, 0.17)
    seat = base_top + bulk * draws.between(0.07, 0.1)
    height = seat + bulk * draws.between(0.17, 0.36)
    back, arm = draws.between(0.08, 0.18), draws.between(0.08, 0.18)
    high_arm = draws.between(0.45, 0.65) if back_style == "rounded" else draws.between(0.6, 1.0)
    arm_top = seat + (draws.between(0.05, 0.07) if arms == "low" else high_arm * (height - seat))
    depth = back + bulk * draws.between(0.2, 0.44)
    arm_front = -depth * draws.pick(1.0, draws.between(0.7, 1.0))
    reach = depth if side == "none" else min(depth + draws.between(0.16, 0.36), 0.8)  # the side that comes forward

    # The back of the sofa is the plane y = 0, its front y = -depth: `rasterise` moves it to the middle.
    parts = [Box(span(0.0, width), (-depth, 0.0), (gap, base_top))]
    parts += _sofa_back(draws, back_style, width, back, (gap, seat, height))
    margins = {"left": 0.0, "right": 0.0}
    for end, sign in ENDS:
        if end == side and form == "corner":
            margins[end] = back
            parts.append(Box(strip(sign, width, back), (-reach, 0.0), (gap, height)))
        elif arms != "none" and end != side:
            margins[end] = arm
            parts.append(Box(strip(sign, width, arm), (arm_front, 0.0), (gap, arm_top)))
    groove = draws.between(THIN, 0.085)
    left, cushion = margins["left"] - width / 2, (width - sum(margins.values()) - (seats - 1) * groove) / seats
    puff, puff_top = draws.between(THIN, 0.11), seat + draws.between(0.65, 0.95) * (height - seat)
    for i in range(seats):
        x = (left + i * (cushion + groove), left + i * (cushion + groove) + cushion)
        front = -reach if (side, i) in (("left", 0), ("right", seats - 1)) else -depth
        parts += [Box(x, (front, -back / 2), (gap, base_top)), Box(x, (front, -back / 2), (base_top, seat))]
        parts += [Box(x, (-back - puff, -back / 2), (seat, puff_top))] if back_style == "cushioned" else []
    for end, sign in ENDS if legs else ():
        x, front = strip(sign, width, THIN), -reach if end == side else -depth
        parts += [Box(x, (-THIN, 0.0), (0.0, base_top)), Box(x, (front, front + THIN), (0.0, base_top))]
    attributes = {"seats": seats, "form": form, "side": side, "arms": arms, "legs": legs, "back": back_style}
    details = [f"{NUMBERS[seats]} seats", "short legs" if legs else "a base on the floor"]
    details += ["no arms" if arms == "none" else f"{arms} arms" if side == "none" else f"one {arms} arm"]
    details += ["back cushions" if back_style == "cushioned" else f"a {back_style} back"]
    details += [] if side == "none" else [f"a {form} on the {side}"]
    nouns = ["corner sofa", "sofa"] if form == "corner" else ["sofa", "sofa", "couch"]
    return Plan(parts, attributes, nouns, [], details)


def _sofa_back(
    draws: Draws, style: str, width: float, back: float, levels: tuple[float, float, float]
) -> list[Box | Loft]:
    """The wall behind the seats; a "rounded" one rises in an arch, other ones may lean a little."""
    bottom, seat, height = levels
    wall = Box(span(0.0, width), (-back, 0.0), (bottom, seat))
    if style == "rounded":
        shoulder = seat + draws.between(0.15, 0.5) * (height - seat)
        return [wall, *board("solid", width, -back / 2, (seat, shoulder), back), _arch(width, back, shoulder, height)]
    return [wall, *board("solid", width, -back / 2, (seat, height), back, draws.pick(0.0, draws.between(0.1, 0.3)))]


def _arch(width: float, back: float, shoulder: float, height: float) -> Loft:
    section = (0.0, -back / 2, width / 2, back / 2)
    return Loft((shoulder, height), section, section, curve="arch")
