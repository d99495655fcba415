"""Chairs and armchairs."""

import numpy as np

from course_utils.datasets.shapes.drawing import (
    BOARD_WORDS,
    THIN,
    Design,
    Draws,
    board,
    corners,
    disc,
    leg,
    side_arms,
    slab,
    span,
)
from course_utils.datasets.shapes.looking import (
    back_front,
    back_style,
    broadest,
    core,
    fullness,
    grounded,
    islands,
    slope_of,
)
from course_utils.datasets.shapes.materials import CLOTHS, COLOURS, METALLIC, TIMBERS
from course_utils.datasets.shapes.parts import Part, numbered, part
from course_utils.datasets.shapes.solids import Box

SLOTS = ("seat", "legs", "back", "arms")
MATERIALS = {
    "seat": COLOURS + CLOTHS + TIMBERS,
    "legs": TIMBERS + TIMBERS + METALLIC + ("black", "white"),
    "back": ("=seat",) * 3 + ("=legs",) * 2 + COLOURS[3:6],
    "arms": ("=legs",) * 3 + ("=seat",),
}
OPTIONAL = frozenset()
SEAT = (0.2, 0.75)  # where it may be, as shares of the height


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
    # the seat's depth
    depth = width * draws.between(0.88, 1.0) if round_seat else draws.between(0.5, 0.72)
    whole_depth = max(depth, (0.83 if round_seat else 1.0) * depth + lean * rise)
    width, _, height, seat_height, depth = draws.fit(
        width, whole_depth, seat_height + rise, seat_height, depth
    )
    seat, back_thickness = draws.between(THIN, 0.12), draws.between(THIN, 0.09)
    back_width = width * (
        draws.between(0.7, 0.76) if round_seat else 1.0 if armrests else draws.between(0.85, 1.0)
    )
    back_y = (0.33 if round_seat else 0.5) * depth - back_thickness / 2

    parts = _base(draws, base, width, depth, seat_height - seat / 2, round_seat)
    if armrests:
        parts += side_arms(draws, "arms", (width, depth, seat_height), back_y, lean)
    boards = board(back, back_width, back_y, (seat_height, height), back_thickness, lean)
    parts.append(part("back", "back", *boards))
    whole_seat = slab(width, depth, (seat_height - seat, seat_height), round_seat)
    parts.append(part("seat", "seat", whole_seat))
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


def _base(
    draws: Draws, base: str, width: float, depth: float, height: float, round_seat: bool
) -> list[Part]:
    thickness = draws.between(THIN, 0.095)
    reach = 0.68 if round_seat else 1.0  # the corners of a square inside the circle
    x, y = (reach * width - thickness) / 2, (reach * depth - thickness) / 2
    if base == "pedestal":
        column, foot = draws.between(0.045, 0.08), draws.between(0.3, 0.46)
        rim = draws.between(THIN, 0.09)
        return [
            part("column", "legs", disc(0.0, 0.0, (0.0, height), column, column)),
            part(
                "foot", "legs", disc(0.0, 0.0, (0.0, rim), foot * width, foot * min(width, depth))
            ),
        ]
    if base == "runners":
        bars = [
            Box(span(side, thickness), (-y - thickness / 2, y + thickness / 2), (0.0, THIN))
            for side in (-x, x)
        ]
        legs = [leg(*corner, height, thickness) for corner in corners(x, y)]
        return numbered("runner", "legs", bars) + numbered("leg", "legs", legs)
    splay = draws.pick(0.0, 0.0, draws.between(0.08, 0.22))
    x, y = x / (1 + splay), y / (1 + splay)
    spots = ((-x, -y), (x, -y), (0.0, y)) if base == "three legs" else corners(x, y)
    return numbered("leg", "legs", [leg(*spot, height, thickness, splay) for spot in spots])


def look(voxels: np.ndarray) -> dict[str, str | bool]:
    """Invert `draw`: the widest middle layer is the seat, and what stands on it is the back."""
    voxels = grounded(voxels)
    first, last = broadest(voxels, *SEAT)
    seat, above = voxels[first:last], voxels[last:]
    front, rear = core(seat.sum(axis=(0, 2)), 0.2)
    left, right = core(seat.sum(axis=(0, 1)), 0.2)
    rise = core(above.sum(axis=(1, 2)), 0.1)[1]
    over_front = above[1:, front : round(0.6 * front + 0.4 * rear)]
    feet = len(islands(voxels[:2].any(axis=0), least=2))
    return {
        "back": back_style(above.any(axis=1)),
        "back_height": "high" if rise > last else "low",
        "reclined": slope_of(above) > 0.13,
        "seat": "square" if fullness(seat[:, front:rear, left:right]) > 0.9 else "round",
        "armrests": int(np.count_nonzero(over_front)) > 9,
        "base": {1: "pedestal", 2: "runners", 3: "three legs"}.get(feet, "four legs"),
    }


def place(voxels: np.ndarray) -> np.ndarray:
    """Tell the slots: legs under the seat, and above it what lies before the back are arms."""
    first, last = broadest(voxels, *SEAT)
    slots = np.full(voxels.shape, 1 + SLOTS.index("legs"), dtype=np.uint8)
    slots[first:last] = 1 + SLOTS.index("seat")
    slots[last:] = 1 + SLOTS.index("arms")
    front = back_front(voxels[last:])
    rows = np.arange(voxels.shape[1])
    slots[last:][front[:, None] <= rows] = 1 + SLOTS.index("back")
    return slots


def find_faults(voxels: np.ndarray) -> list[str]:
    """What is wrong with the seat, the back, the arms or the legs."""
    first, last = broadest(voxels, *SEAT)
    above, seat = voxels[last:], voxels[first:last].any(axis=0)
    widest = voxels.sum(axis=(1, 2)).max()
    if seat.sum() < max(0.5 * voxels.any(axis=0).sum(), 0.9 * widest):
        return ["the seat is missing"]
    if not above.any() or above[0].sum() > 0.7 * seat.sum():  # the seat itself is at the top
        return ["the back is missing"]
    front = back_front(above)
    back = above & (front[:, None] <= np.arange(above.shape[1]))[:, :, None]
    left, right = core(seat.sum(axis=0), 0.01)
    found = [] if back[:, :, left + 4 : right - 4].any() else ["the back is missing"]
    arms = above & (front[:, None] - 1 > np.arange(above.shape[1]))[:, :, None]
    sides = [np.count_nonzero(half) > 9 for half in np.array_split(arms, 2, axis=2)]
    found += ["one arm is missing"] if sides[0] != sides[1] else []
    return found + _faults_of_base(voxels[:first], seat)


def _faults_of_base(below: np.ndarray, seat: np.ndarray) -> list[str]:
    """What is wrong below the seat: bool (n, H, W) under bool (H, W)."""
    feet = islands(below[:2].any(axis=0), least=2)
    legs = islands(below[len(below) // 2], least=2)
    centres = np.array([np.argwhere(foot).mean(axis=0) for foot in feet])
    middle = np.argwhere(seat).mean(axis=0)
    depth = np.ptp(np.flatnonzero(seat.any(axis=1))) + 1
    if len(feet) == 1:
        wrong = len(legs) != 1 or abs(centres[0] - middle).max() > 2
        wrong = wrong or feet[0].sum() < 2.5 * legs[0].sum()
    elif len(feet) == 2:
        long = [np.ptp(np.flatnonzero(foot.any(axis=1))) + 1 for foot in feet]
        wrong = len(legs) != 4 or min(long) < 0.5 * depth
    elif len(feet) == 3:
        hind = centres[centres[:, 0].argmax()]
        wrong = len(legs) != 3 or abs(hind[1] - middle[1]) > 2
    else:
        wrong = len(feet) != 4 or len(legs) != 4
    return ["a leg is missing, or does not reach the ground"] if wrong else []


PHRASES = {
    "": "=chair",
    "armrests=yes": "armrests; arms; arm rests; =armchair",
    "armrests=no": "no armrests; no arms; no arm rests; armless ~",
    "back_height=high": "a high back; a tall back; high backed ~",
    "back_height=low": "a low back; a short back; low backed ~",
    "reclined=yes": "a reclined back; a leaning back",
    "reclined=no": "an upright back; a straight back",
    "back=solid": "a solid back; a closed back",
    "back=rounded": "a rounded back; an arched back; a back that is round at the top",
    "back=slatted": "a slatted back; a back of slats",
    "back=ladder": "a ladder back; a back of bars across",
    "back=panel": "a panel back; a back that is open below",
    "seat=square": "a square seat",
    "seat=round": "a round seat; a circular seat",
    "base=four_legs": "four legs; four feet",
    "base=three_legs": "three legs; three feet",
    "base=pedestal": "a pedestal; a pedestal foot; a central foot",
    "base=runners": "runners; sled runners; a sled base",
}
HELD_OUT = ("back=ladder base=pedestal",)
SAID_APART = ("seat=round base=runners",)
