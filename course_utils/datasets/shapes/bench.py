"""Benches: plain ones, and park benches with a back and arms."""

from itertools import pairwise

import numpy as np

from course_utils.datasets.shapes.drawing import (
    BOARD_WORDS,
    THIN,
    Design,
    Draws,
    board,
    side_arms,
    span,
)
from course_utils.datasets.shapes.looking import (
    back_front,
    back_style,
    broadest,
    core,
    grounded,
    islands,
    runs,
    slope_of,
    stretches,
)
from course_utils.datasets.shapes.materials import COLOURS, TIMBERS
from course_utils.datasets.shapes.parts import Part, numbered, part
from course_utils.datasets.shapes.solids import Box

SLOTS = ("seat", "legs", "base", "back")
MATERIALS = {
    "seat": TIMBERS * 4 + COLOURS,
    "legs": ("=seat",) * 6 + ("iron", "iron", "steel", "black", "white") + TIMBERS,
    "base": ("=seat",) * 6 + ("iron", "steel", "black", "concrete", "stone", "brick") + TIMBERS,
    "back": ("=seat",) * 20 + TIMBERS + COLOURS,
}
OPTIONAL = frozenset(("back", "stretcher"))


def draw(draws: Draws) -> Design:
    long, slatted = draws.chance(0.5), draws.chance(0.5)
    back = draws.pick("none", "none", "ladder", "ladder", "slatted", "solid")
    bases = ("four legs", "four legs", "side panels", "trestles")
    base = draws.pick(*bases, "six legs") if long else draws.pick(*bases)
    reclined = back != "none" and draws.chance(0.5)
    arms = back != "none" and draws.chance(0.5)

    deep, high = draws.between(0.28, 0.39), draws.between(0.34, 0.415)
    if not long:
        deep, high = draws.between(0.34, 0.48), draws.between(0.49, 0.6)
    rise = 0.0 if back == "none" else draws.between(0.34, 0.54)
    lean = draws.between(0.26, 0.38) if reclined else 0.0
    width, _, height, depth, seat = draws.fit(1.0, deep + lean * rise, high + rise, deep, high)
    thickness = draws.between(THIN, 0.085 if slatted else 0.12)
    back_thickness = draws.between(THIN, 0.09)
    back_y = (depth - back_thickness) / 2 - lean * THIN  # its foot stays on the seat

    sizes = (width, depth, seat - (thickness if slatted else thickness / 2))
    parts = _base(draws, base, sizes, slatted)
    room = seat - thickness - (THIN if slatted and base != "side panels" else 0.0)
    stretcher = room > 3 * THIN and draws.chance(0.5)
    if stretcher:
        parts.append(_stretcher(draws, parts, base, room))
    if arms:
        parts += side_arms(draws, _support(base), (width, depth, seat), back_y, lean)
    if back != "none":
        boards = board(back, width, back_y, (seat, height), back_thickness, lean)
        parts.append(part("back", "back", *boards))
    parts += _seat(draws, (width, depth), (seat - thickness, seat), slatted)
    attributes = {
        "length": "long" if long else "short",
        "seat": "slatted" if slatted else "solid",
        "back": back,
        "reclined": reclined,
        "arms": arms,
        "base": base,
        "stretcher": stretcher,
    }
    details = [f"a {attributes['seat']} seat", "two side panels" if base == "side panels" else base]
    details += ["no back" if back == "none" else BOARD_WORDS[back].format("back")]
    details += ["a reclined back"] if reclined else []
    details += ["armrests"] if arms else []
    details += ["a stretcher"] if stretcher else []
    return Design(parts, attributes, ["bench"], [attributes["length"]], details)


def _support(base: str) -> str:
    return "legs" if base.endswith("legs") else "base"


def _seat(
    draws: Draws, plan: tuple[float, float], z: tuple[float, float], slatted: bool
) -> list[Part]:
    """One board, or two or three along the bench with gaps between them."""
    width, depth = plan
    if not slatted:
        return [part("seat", "seat", Box(span(0.0, width), span(0.0, depth), z))]
    gap = draws.between(THIN, 0.08)
    count = 3 if depth > 3 * THIN + 2 * gap else 2
    one = (depth - (count - 1) * gap) / count
    starts = [k * (one + gap) - depth / 2 for k in range(count)]
    boards = [Box(span(0.0, width), (start, start + one), z) for start in starts]
    return numbered("seat board", "seat", boards)


def _base(draws: Draws, base: str, sizes: tuple[float, float, float], slatted: bool) -> list[Part]:
    """What the seat stands on; under gaps it has a bearer from front to back."""
    width, depth, height = sizes
    thickness, slot = draws.between(THIN, 0.11), _support(base)
    side = (width - thickness) / 2 - draws.between(0.0, 0.16) * width
    places = (-side, 0.0, side) if base == "six legs" else (-side, side)
    if base == "side panels":
        y = span(0.0, (1.0 if slatted else draws.between(0.86, 1.0)) * depth)
        return numbered("panel", slot, [Box(span(x, thickness), y, (0.0, height)) for x in places])
    bearers = [Box(span(x, thickness), span(0.0, depth), (height - THIN, height)) for x in places]
    parts = numbered("bearer", slot, bearers) if slatted else []
    if base == "trestles":
        post, foot = draws.between(THIN, 0.4 * depth), draws.between(0.84, 1.0) * depth
        posts = [Box(span(x, thickness), span(0.0, post), (0.0, height)) for x in places]
        feet = [Box(span(x, thickness), span(0.0, foot), (0.0, THIN)) for x in places]
        return parts + numbered("post", slot, posts) + numbered("foot", slot, feet)
    inset = draws.between(0.0, 0.05) * depth
    thickness = min(thickness, (depth - 1.2 * THIN) / 2 - inset)  # air between front and back
    y = (depth - thickness) / 2 - inset
    legs = [
        Box(span(x, thickness), span(s * y, thickness), (0.0, height))
        for x in places
        for s in (-1, 1)
    ]
    return parts + numbered("leg", slot, legs)


def _stretcher(draws: Draws, base: list[Part], name: str, room: float) -> Part:
    """A beam along the bench between what it stands on, and between legs bars to hold it."""
    level = draws.between(THIN, room - 2 * THIN)
    z, bodies = (level, level + THIN), [each.bodies[0] for each in base]
    ends = sorted({sum(body.x) / 2 for body in bodies})
    bars = [Box((ends[0], ends[-1]), span(0.0, THIN), z)]
    if name.endswith("legs"):
        reach = max(body.y[1] for body in bodies if body.z[0] == 0.0)
        bars += [Box(span(x, THIN), (-reach, reach), z) for x in ends]
    return part("stretcher", _support(name), *bars)


def look(voxels: np.ndarray) -> dict[str, str | bool]:
    """Invert `draw`: the broadest layers are the seat, a back stands on it, feet under it."""
    voxels = grounded(voxels)
    first, last = broadest(voxels, 0.2)
    seat, above, below = voxels[first:last], voxels[last:], voxels[:first]
    (front, rear), (left, right) = (core(seat.sum(axis=axes), 0.3) for axes in ((0, 2), (0, 1)))
    has_back = _has_back(above)
    over_front = above[1:, front : round(0.6 * front + 0.4 * rear)]
    base = _base_of(below)
    width = right - left
    between = below[1:-3, :, left + round(0.28 * width) : left + round(0.4 * width)]
    return {
        "length": "long" if last < 0.452 * width else "short",
        "seat": "slatted" if len(_boards(seat)) > 1 else "solid",
        "back": back_style(above.any(axis=1)) if has_back else "none",
        "reclined": has_back and slope_of(above) > 0.13,
        "arms": has_back and int(np.count_nonzero(over_front)) > 9,
        "base": base,
        "stretcher": bool(between.any(axis=1).mean(axis=1).max(initial=0.0) > 0.6),
    }


def _has_back(above: np.ndarray) -> bool:
    """Whether there is much in bool (n, H, W) above the seat, in the middle of its width."""
    left, right = core(above.sum(axis=(0, 1)), 0.01)
    middle = above[:, :, left + 4 : right - 4]
    return bool(middle.size and np.count_nonzero(middle.any(axis=(1, 2))) > 2)


def _boards(seat: np.ndarray) -> list[tuple[int, int]]:
    """The first row and the last + 1 of each board of a seat, bool (n, H, W)."""
    left, right = core(seat.sum(axis=(0, 1)), 0.3)
    fifth = (right - left) // 5
    return runs(seat[:, :, left + fifth : right - fifth].mean(axis=(0, 2)) > 0.5)


def _base_of(below: np.ndarray) -> str:
    """The base from its feet; two are trestles where they are narrow further up."""
    feet = islands(below[:2].any(axis=0), least=2)
    if len(feet) > 2:
        return "six legs" if len(feet) > 4 else "four legs"
    middle = below[2:].any(axis=2).sum(axis=1)
    foot = np.count_nonzero(below[:2].any(axis=(0, 2)))
    return "trestles" if middle.min(initial=foot) < 0.7 * foot else "side panels"


def place(voxels: np.ndarray) -> np.ndarray:
    """Tell the slots: a back behind and above the seat; arms and what stands below are one."""
    ground = int(voxels.any(axis=(1, 2)).argmax())
    solid = grounded(voxels)
    first, last = broadest(solid, 0.2)
    support = 1 + SLOTS.index(_support(_base_of(solid[:first])))
    slots = np.full(voxels.shape, support, dtype=np.uint8)
    slots[first:last] = 1 + SLOTS.index("seat")
    above = solid[last:]
    if _has_back(above):
        front, rear = core(solid[first:last].sum(axis=(0, 2)), 0.3)
        arms = above[:, : round(0.6 * front + 0.4 * rear)].any(axis=(0, 1))  # the columns
        behind = back_front(above)[:, None] <= np.arange(voxels.shape[1])
        slots[last:][behind[:, :, None] | ~arms] = 1 + SLOTS.index("back")
    return np.roll(slots, ground, axis=0)


def find_faults(voxels: np.ndarray) -> list[str]:
    """What is wrong with the seat, the arms or the base."""
    first, last = broadest(voxels, 0.2)
    seat, above, below = voxels[first:last], voxels[last:], voxels[:first]
    boards, (left, right) = _boards(seat), core(seat.sum(axis=(0, 1)), 0.3)
    under = np.flatnonzero(below.any(axis=(0, 2)))
    widest = np.ptp(np.flatnonzero(voxels.any(axis=(0, 1)))) + 1
    sizes = [stop - start for start, stop in boards]
    gaps = [start - stop for (_, stop), (start, _) in pairwise(boards)]
    if not boards or right - left < 0.9 * widest or max(gaps, default=0) > 4:
        return ["the seat or a board of it is missing"]
    reach = boards[0][0] - under[0], under[-1] + 1 - boards[-1][1]
    if max(reach) > 1 or max(sizes) - min(sizes) > 2 or boards[-1][1] - boards[0][0] < 5:
        return ["the seat or a board of it is missing"]
    found = _faults_of_base(below, left, right)
    if right - left < 1.7 * (boards[-1][1] - boards[0][0]):
        found.append("the seat is too deep, or too short for a bench")
    if len(boards) > 1:
        ends = [(start + stop) // 2 for start, stop in (boards[0], boards[-1])]
        held = below[-1, ends[0] : ends[1] + 1].mean(axis=0) > 0.75
        if stretches(held) != (3 if _base_of(below) == "six legs" else 2):
            found.append("a bearer under the boards is missing")
    if not _has_back(above):
        return [*found, "arms without a back"] if np.count_nonzero(above) > 20 else found
    arms = above & (back_front(above)[:, None] - 1 > np.arange(above.shape[1]))[:, :, None]
    sides = [np.count_nonzero(half) > 9 for half in _halves(arms, left, right)]
    return [*found, "one arm is missing"] if sides[0] != sides[1] else found


def _halves(voxels: np.ndarray, left: int, right: int) -> tuple[np.ndarray, np.ndarray]:
    """What is left and right of the middle between two columns."""
    return voxels[:, :, : (left + right) // 2], voxels[:, :, (left + right + 1) // 2 :]


def _faults_of_base(below: np.ndarray, left: int, right: int) -> list[str]:
    """What is wrong below the seat, which goes from column `left` to `right`."""
    spots = [np.argwhere(foot) for foot in islands(below[:2].any(axis=0), least=2)]
    centres = np.array([(spot.min(axis=0) + spot.max(axis=0)) / 2 for spot in spots])
    columns, middle = centres[:, 1] - (left + right - 1) / 2, np.ptp(centres[:, 0]) / 2
    if len(spots) == 2:
        depths = [np.ptp(spot[:, 0]) + 1 for spot in spots]
        over = [below[:, :, spot[:, 1].min() : spot[:, 1].max() + 1] for spot in spots]
        wrong = abs(depths[0] - depths[1]) > 1 or abs(columns.sum()) > 3 or middle > 1
        wrong = wrong or not all(part.any(axis=(1, 2)).all() for part in over)
        return ["a side of the base is missing"] if wrong else []
    front = centres[:, 0] < centres[:, 0].mean()
    wrong = len(spots) not in (4, 6) or 2 * front.sum() != len(spots) or abs(columns.sum()) > 4
    return ["a leg is missing, or does not reach the ground"] if wrong else []


PHRASES = {
    "": "=bench",
    "length=long": "long ~; a long seat",
    "length=short": "short ~; a short seat",
    "seat=solid": "a solid seat; a closed seat",
    "seat=slatted": "a slatted seat; a seat of boards",
    "back=none": "no back; backless ~",
    "back=ladder|slatted|solid": "a backrest",
    "back=ladder": "a ladder back; a back of bars across",
    "back=slatted": "a slatted back; a back of slats",
    "back=solid": "a solid back; a closed back",
    "reclined=yes": "a reclined back; a leaning back",
    "reclined=no ?back=ladder|slatted|solid": "an upright back; a straight back",
    "arms=yes": "armrests; arms",
    "arms=no": "no armrests; no arms",
    "base=four_legs": "four legs; four feet",
    "base=six_legs": "six legs; six feet",
    "base=side_panels": "side panels; panels at the sides",
    "base=trestles": "trestles; a trestle base",
    "stretcher=yes": "a stretcher; a beam below",
    "stretcher=no": "no stretcher; no beam below",
}
HELD_OUT = ("back=slatted base=trestles",)
SAID_APART = ("seat=slatted base=side_panels",)
