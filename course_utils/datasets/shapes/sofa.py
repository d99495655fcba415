"""Sofas: straight ones, corner sofas and chaises."""

from typing import NamedTuple

import numpy as np

from course_utils.datasets.shapes.drawing import (
    ENDS,
    NUMBERS,
    THIN,
    Design,
    Draws,
    board,
    span,
    strip,
)
from course_utils.datasets.shapes.looking import core, grounded, islands, runs, stretches
from course_utils.datasets.shapes.materials import CLOTHS, COLOURS, METALLIC, TIMBERS
from course_utils.datasets.shapes.parts import numbered, part
from course_utils.datasets.shapes.solids import Box, Loft

SLOTS = ("frame", "seats", "cushions", "legs")
MATERIALS = {
    "frame": CLOTHS * 2 + COLOURS,
    "seats": ("=frame",) * 24 + CLOTHS + COLOURS,
    "cushions": ("=seats",) * 12 + CLOTHS + COLOURS,
    "legs": TIMBERS * 2 + METALLIC + ("black",),
}
OPTIONAL = frozenset()


def draw(draws: Draws) -> Design:
    seats, form = draws.pick(2, 3), draws.pick("straight", "corner", "chaise")
    side = "none" if form == "straight" else draws.pick("left", "right")
    arms, legs = draws.pick("none", "low", "high"), draws.chance(0.5)
    back_style = draws.pick("plain", "rounded", "cushioned", "cushioned")

    width = draws.between(0.76, 0.94)
    bulk = draws.between(1.0, 1.32) if seats == 2 else draws.between(0.95, 1.15)
    gap = draws.between(THIN, 0.12) if legs else 0.0
    base_top = gap + bulk * draws.between(0.07, 0.17)
    seat = base_top + bulk * draws.between(0.07, 0.1)
    height = seat + bulk * draws.between(0.22, 0.36)
    back, arm = draws.between(0.08, 0.18), draws.between(0.08, 0.18)
    high_arm = draws.between(0.55, 0.7) if back_style == "rounded" else draws.between(0.6, 1.0)
    arm_top = seat + (
        draws.between(THIN, 0.072) if arms == "low" else max(0.155, high_arm * (height - seat))
    )
    depth = back + bulk * draws.between(0.3, 0.44 if side == "none" else 0.36)
    arm_front = -depth * draws.pick(1.0, draws.between(0.85, 1.0))
    # the side that comes forward
    reach = depth if side == "none" else min(depth + draws.between(0.16, 0.36), 0.82)

    # The back of the sofa is the plane y = 0 and its front y = -depth; `voxelise` centres it.
    base = [Box(span(0.0, width), (-depth, 0.0), (gap, base_top))]
    wall = _sofa_back(draws, back_style, width, back, (gap, seat, height))
    seat_cushions, back_cushions, arm_parts = [], [], []
    margins = {"left": 0.0, "right": 0.0}
    for end, sign in ENDS:
        if end == side and form == "corner":
            margins[end] = back
            corner = Box(strip(sign, width, back), (-reach, 0.0), (gap, height))
            arm_parts.append(part("corner", "frame", corner))
        elif arms != "none" and end != side:
            margins[end] = arm
            bar = Box(strip(sign, width, arm), (arm_front, 0.0), (gap, arm_top))
            arm_parts.append(part(f"arm {1 if sign < 0 else 2}", "frame", bar))
    groove = draws.between(THIN, 0.085)
    left, cushion = (
        margins["left"] - width / 2,
        (width - sum(margins.values()) - (seats - 1) * groove) / seats,
    )
    puff, puff_top = draws.between(THIN, 0.09), seat + draws.between(0.65, 0.95) * (height - seat)
    for i in range(seats):
        x = (left + i * (cushion + groove), left + i * (cushion + groove) + cushion)
        front = -reach if (side, i) in (("left", 0), ("right", seats - 1)) else -depth
        base.append(Box(x, (front, -back / 2), (gap, base_top)))
        seat_cushions.append(Box(x, (front, -back / 2), (base_top, seat)))
        if back_style == "cushioned":
            back_cushions.append(Box(x, (-back - puff, -back / 2), (seat, puff_top)))
    feet = []
    for end, sign in ENDS if legs else ():
        x, front = strip(sign, width, THIN), -reach if end == side else -depth
        feet += [
            Box(x, (-THIN, 0.0), (0.0, base_top)),
            Box(x, (front, front + THIN), (0.0, base_top)),
        ]
    parts = [
        *numbered("leg", "legs", feet),
        part("base", "frame", *base),
        *numbered("seat", "seats", seat_cushions),
        *numbered("cushion", "cushions", back_cushions),
        part("back", "frame", *wall),
        *arm_parts,
    ]
    attributes = {
        "seats": seats,
        "form": form,
        "side": side,
        "arms": arms,
        "legs": legs,
        "back": back_style,
    }
    details = [f"{NUMBERS[seats]} seats", "short legs" if legs else "a base on the floor"]
    details += [
        "no arms" if arms == "none" else f"{arms} arms" if side == "none" else f"one {arms} arm"
    ]
    details += ["cushions at the back" if back_style == "cushioned" else f"a {back_style} back"]
    details += [] if side == "none" else [f"a {form} on the {side}"]
    nouns = ["corner sofa", "sofa"] if form == "corner" else ["sofa", "sofa", "couch"]
    return Design(parts, attributes, nouns, [], details)


def _sofa_back(
    draws: Draws, style: str, width: float, back: float, levels: tuple[float, float, float]
) -> list[Box | Loft]:
    """The wall behind the seats; a rounded one rises in an arch, the others may lean a little."""
    bottom, seat, height = levels
    wall = Box(span(0.0, width), (-back, 0.0), (bottom, seat))
    if style == "rounded":
        shoulder = seat + draws.between(0.1, 0.35) * (height - seat)
        return [
            wall,
            *board("solid", width, -back / 2, (seat, shoulder), back),
            _arch(width, back, shoulder, height),
        ]
    return [
        wall,
        *board(
            "solid",
            width,
            -back / 2,
            (seat, height),
            back,
            draws.pick(0.0, draws.between(0.1, 0.2)),
        ),
    ]


def _arch(width: float, back: float, shoulder: float, height: float) -> Loft:
    section = (0.0, -back / 2, width / 2, back / 2)
    return Loft((shoulder, height), section, section, curve="arch")


def look(voxels: np.ndarray) -> dict[str, str | int | bool]:
    """Invert `draw`: seen from above, the heights show seats, ends and what comes forward."""
    voxels = grounded(voxels)
    heights, (first, main, rear), (left, right), seat, grooves, _ = _plan(voxels)
    side = "none"
    if main - first > 3:
        side = (
            "left"
            if np.nonzero(heights[first:main])[1].mean() < (left + right - 1) / 2
            else "right"
        )
    ends = {"left": slice(left, left + 2), "right": slice(max(right - 2, left), right)}
    free = [columns for end, columns in ends.items() if end != side]
    at_arms = _at_arms(heights, main, rear)
    arm = np.mean([np.median(at_arms[:, columns]) for columns in free]) - seat
    form = "straight"
    if side != "none":
        form = "corner" if np.median(heights[first:main, ends[side]]) - seat > 3 else "chaise"
    return {
        "seats": 3 if stretches(grooves) > 1 else 2,
        "form": form,
        "side": side,
        "arms": "none" if arm < 1 else "low" if arm < 3.6 else "high",
        "legs": bool(voxels[0].sum() < 0.4 * np.count_nonzero(heights)),
        "back": _back_style(
            voxels[:, :rear, left:right], seat, grooves, [s.start - left for s in free]
        ),
    }


class _Plan(NamedTuple):
    """A sofa from above: its heights int (H, W), 0 where there is nothing, and what they show.

    rows: Where it begins, where it has its whole width, and where it ends.
    columns: Where it begins and ends.
    seat: The seats' height.
    grooves: Bool, over the columns: between two seats.
    line: The heights, over the columns, behind the front of the arms.
    """

    heights: np.ndarray
    rows: tuple[int, int, int]
    columns: tuple[int, int]
    seat: int
    grooves: np.ndarray
    line: np.ndarray


def _plan(voxels: np.ndarray) -> _Plan:
    heights = (voxels * np.arange(1, len(voxels) + 1)[:, None, None]).max(axis=0)
    rows = np.count_nonzero(heights, axis=1)
    first, (main, rear) = core(rows, 0.15)[0], core(rows, 0.7)
    left, right = core(np.count_nonzero(heights, axis=0), 0.36)
    seat, grooves = _seats(np.median(heights[main : main + 3, left:right], axis=0))
    line = np.median(_at_arms(heights, main, rear)[:, left:right], axis=0)
    return _Plan(heights, (first, main, rear), (left, right), seat, grooves, line)


def _at_arms(heights: np.ndarray, main: int, rear: int) -> np.ndarray:
    """The rows of (H, W) behind the front of the arms and before the cushions of the back."""
    start, stop = (main + round(share * (rear - main)) for share in (0.2, 0.34))
    return heights[start : max(stop, start + 1)]


def place(voxels: np.ndarray) -> np.ndarray:
    """Tell the slots: grooves tell seats from base and the cushions of the back from its wall."""
    ground = int(voxels.any(axis=(1, 2)).argmax())
    solid = grounded(voxels)
    plan = _plan(solid)
    left = plan.columns[0]
    slots = np.ones(voxels.shape, dtype=np.uint8)
    low = solid.sum(axis=(1, 2)) < 0.4 * np.count_nonzero(plan.heights)
    slots[: int(low.argmin())] = 1 + SLOTS.index("legs")
    on_seat = np.flatnonzero(abs(plan.line - plan.seat) <= 1) + left
    between = np.flatnonzero(plan.grooves) + left
    base_top = int(np.median(plan.line[between - left]))
    wall = solid[:, :, between].mean(axis=2) > 0.5  # (D, H)
    for layer in range(base_top, int(np.flatnonzero(wall.any(axis=1))[-1]) + 1):
        before = np.arange(len(wall)) < wall[layer].argmax()
        name = "seats" if layer < plan.seat else "cushions"
        slots[layer][np.ix_(before, on_seat)] = 1 + SLOTS.index(name)
    return np.roll(slots, ground, axis=0)


def find_faults(voxels: np.ndarray) -> list[str]:
    """What is wrong with the legs, the base, the seats, the arms or the back."""
    plan = _plan(voxels)
    (left, right), (_, _, rear) = plan.columns, plan.rows
    found, line, seat = [], plan.line, plan.seat
    area = np.count_nonzero(plan.heights)
    if voxels[0].sum() < 0.4 * area and len(islands(voxels[:2].any(axis=0), least=2)) != 4:
        found.append("a leg is missing, or does not reach the ground")
    if line.min() == 0:
        return [*found, "the base is missing"]
    low = line < seat - 1
    if low[0] or low[-1]:
        found.append("an arm or a seat at the end is missing")
    ends = [np.median(part) > seat + 1 for part in (line[:2], line[-2:])]
    if ends[0] != ends[1] and plan.rows[1] - plan.rows[0] <= 3:
        found.append("one arm is missing")
    seats = runs(abs(line - seat) <= 1)
    sizes = [stop - start for start, stop in seats]
    gaps = [stop - start for start, stop in runs(low)]
    if not 2 <= len(sizes) <= 3 or max(sizes) - min(sizes) > 2 or max(gaps, default=9) > 4:
        return [*found, "a seat is missing, or the seats differ"]
    view = voxels[:, :rear, left:right]
    top = int(np.median(plan.heights[rear - 1, left:right]))
    behind = plan.heights[:, left:right][:, plan.grooves].max(axis=0)  # between cushions
    if min(top, np.median(behind)) <= seat + 1:
        return [*found, "the back is missing"]
    face = np.median(view[seat + 1 : seat + 1 + max((top - seat) // 2, 1)].argmax(axis=1), axis=0)
    faces = [np.median(face[start:stop]) for start, stop in seats]
    return [*found, "a cushion is missing"] if max(faces) - min(faces) > 1 else found


def _seats(line: np.ndarray) -> tuple[int, np.ndarray]:
    """The seats' height, and bool (W,) for the grooves, from the heights along their front edge."""
    width, margin = len(line), round(0.13 * len(line))
    seat = int(np.percentile(line[round(0.25 * width) : round(0.75 * width)], 75))
    low = line < seat - 1
    # the low ends in front of arms are no grooves
    inside = np.flatnonzero(~low[margin : width - margin]) + margin
    grooves = np.zeros(width, dtype=bool)
    grooves[inside[0] : inside[-1]] = low[inside[0] : inside[-1]]
    return seat, grooves


def _back_style(voxels: np.ndarray, seat: int, grooves: np.ndarray, free: list[int]) -> str:
    """The style of a back: rounded if its upper corners are missing.

    It is cushioned if its face lies deeper in the grooves than beside them.
    """
    from scipy.ndimage import binary_dilation

    view = voxels.any(axis=1)  # (D, W), from the front
    top = core(view.sum(axis=1), 0.25)[1]
    if top - seat < 3:
        return "plain"
    if np.mean([view[top - 2 : top, column : column + 2].mean() for column in free]) < 0.5:
        return "rounded"
    if not grooves.any():
        return "plain"
    face = np.median(voxels[seat + 1 : seat + 1 + (top - seat) // 2].argmax(axis=1), axis=0)  # (W,)
    beside = binary_dilation(grooves, iterations=3) & ~grooves
    return "cushioned" if np.median(face[grooves]) - np.median(face[beside]) > 1 else "plain"


PHRASES = {
    "": "=sofa; =couch; =settee",
    "seats=2": "two seats; seating for two; =two seater; =two seater sofa",
    "seats=3": "three seats; seating for three; =three seater; =three seater sofa",
    "form=straight": "straight ~; =straight sofa; =straight couch",
    "form=corner": "=corner sofa; =corner couch; a corner",
    "form=chaise": "=chaise sofa; a chaise; a chaise longue",
    "form=corner side=left": "a corner on the left; a left corner",
    "form=corner side=right": "a corner on the right; a right corner",
    "form=chaise side=left": "a chaise on the left; a left chaise",
    "form=chaise side=right": "a chaise on the right; a right chaise",
    "side=left": "a longer left side; a left side that comes forward",
    "side=right": "a longer right side; a right side that comes forward",
    "arms=none": "no arms; no armrests; armless ~",
    "arms=low ?side=none": "low arms; low armrests",
    "arms=low ?side=left|right": "a low arm; a low armrest",
    "arms=high ?side=none": "high arms; tall arms; high armrests",
    "arms=high ?side=left|right": "a high arm; a tall arm; a high armrest",
    "legs=yes": "legs; short legs; feet",
    "legs=no": "no legs; no feet; a base on the floor",
    "back=plain": "a plain back; a flat back",
    "back=rounded": "a rounded back; a curved back",
    "back=cushioned": "back cushions; a cushioned back; cushions at the back",
}
HELD_OUT = ()
SAID_APART = ("form=chaise back=rounded",)
