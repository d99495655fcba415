"""Beds: plain beds, canopy beds and bunk beds."""

import numpy as np

from course_utils.datasets.shapes.drawing import (
    BOARD_WORDS,
    ENDS,
    THIN,
    Design,
    Draws,
    board,
    corners,
    leg,
    span,
    strip,
)
from course_utils.datasets.shapes.looking import stretches
from course_utils.datasets.shapes.solids import Box, Interval


def draw(draws: Draws) -> Design:
    kind = draws.pick("plain", "plain", "plain", "canopy", "bunk")
    size = "single" if kind == "bunk" else draws.pick("single", "double")
    headboard = draws.pick("none", *BOARD_WORDS) if kind == "plain" else "none"
    footboard, blanket = kind == "plain" and draws.chance(0.4), draws.chance(0.5)
    nightstands = (
        draws.pick("none", "left", "right", "both")
        if kind == "plain" and size == "single"
        else "none"
    )
    legs, roof = kind != "plain" or draws.chance(0.6), kind == "canopy" and draws.chance(0.4)

    width, length, height = draws.fit(
        draws.between(0.38, 0.56) if size == "single" else draws.between(0.66, 1.0),
        1.0,
        {"plain": 0.0, "canopy": draws.between(0.85, 1.15), "bunk": draws.between(0.8, 1.2)}[kind],
    )
    gap = (
        draws.between(THIN, 0.1 if kind == "bunk" else 0.12 if kind == "canopy" else 0.2)
        if legs
        else 0.0
    )
    frame = gap + (draws.between(THIN, 0.11) if legs else draws.between(0.09, 0.22))
    top = frame + draws.between(
        THIN, 0.08 if kind == "bunk" else 0.14 if kind == "canopy" else 0.18
    )
    thickness, inset = draws.between(THIN, 0.095), draws.between(0.0, 0.06)
    ends = (length - thickness) / 2

    parts = _mattress(draws, size, (width, length, inset), (gap, frame, top), blanket)
    if legs:
        post = frame if kind == "plain" else height
        parts += [leg(x, y, post, thickness) for x, y in corners((width - thickness) / 2, ends)]
    if kind == "canopy":
        parts += _canopy(roof, width, length, thickness, height)
    if kind == "bunk":
        deck = draws.between(0.55, 0.62) * height
        levels = (deck, deck + THIN, deck + THIN + draws.between(THIN, 0.09))
        parts += _mattress(draws, size, (width, length, inset), levels, blanket)
        parts += [
            Box(strip(sign, width, THIN), span(0.0, length), (height - THIN, height))
            for sign in (-1, 1)
        ]
        parts += board("ladder", width, -ends, (top, height), thickness)
    if headboard != "none":
        rise = draws.between(0.22 if headboard in ("solid", "rounded") else 0.3, 0.44)
        wide = width * (
            1.0 if nightstands != "none" else draws.between(1.0, 1.0 + 0.2 * (length - width))
        )
        parts.append(Box(span(0.0, wide), span(ends, thickness), (gap, top)))
        parts += board(headboard, wide, ends, (top, top + rise), thickness)
    if footboard:
        parts.append(
            Box(span(0.0, width), span(-ends, thickness), (gap, top + draws.between(0.17, 0.24)))
        )
    if nightstands != "none":
        parts += _nightstands(draws, nightstands, width, length / 2, (gap, frame))
    attributes = {
        "kind": kind,
        "size": size,
        "headboard": headboard,
        "footboard": footboard,
        "legs": legs,
    }
    attributes |= {
        "blanket": blanket,
        "pillows": 1 if size == "single" else 2,
        "nightstands": nightstands,
    }
    attributes["roof"] = roof
    nouns = {
        "plain": ["bed"],
        "canopy": ["canopy bed", "four-poster bed", "bed"],
        "bunk": ["bunk bed"],
    }[kind]
    return Design(parts, attributes, nouns, [size], _bed_details(attributes))


def _bed_details(attributes: dict[str, str | int | bool]) -> list[str]:
    kind, nightstands = attributes["kind"], attributes["nightstands"]
    details = [
        "legs" if attributes["legs"] else "a box base",
        "a blanket" if attributes["blanket"] else "no blanket",
    ]
    details += ["a footboard"] if attributes["footboard"] else []
    if nightstands != "none":
        details.append(
            "two nightstands" if nightstands == "both" else f"a nightstand on the {nightstands}"
        )
    if kind == "bunk":
        return [*details, "a ladder", "two levels"]
    details.append("a pillow" if attributes["pillows"] == 1 else "two pillows")
    if kind == "canopy":
        return [
            *details,
            "four tall posts",
            "a flat roof" if attributes["roof"] else "an open frame above",
        ]
    board = BOARD_WORDS.get(attributes["headboard"], "no {}")
    return [*details, board.format("headboard")]


def _mattress(
    draws: Draws,
    size: str,
    plan: tuple[float, float, float],
    levels: tuple[float, float, float],
    blanket: bool,
) -> list[Box]:
    """A frame from levels[0] to levels[1], a smaller mattress up to levels[2], and bedding."""
    (width, length, inset), (low, frame, top) = plan, levels
    parts = [
        Box(span(0.0, width), span(0.0, length), (low, frame)),
        Box(span(0.0, width - 2 * inset), span(0.0, length - inset), (frame, top)),
    ]
    return parts + _bedding(draws, size, width, length, frame, top, blanket)


def _canopy(roof: bool, width: float, length: float, thickness: float, height: float) -> list[Box]:
    z = (height - THIN, height)
    if roof:
        return [Box(span(0.0, width), span(0.0, length), z)]
    ends = (length - thickness) / 2
    beams = [Box(span(0.0, width), span(y, thickness), z) for y in (-ends, ends)]
    return beams + [Box(strip(sign, width, thickness), span(0.0, length), z) for sign in (-1, 1)]


def _nightstands(draws: Draws, which: str, width: float, head: float, frame: Interval) -> list[Box]:
    """Small cabinets that touch the frame beside the pillows; they stand on the floor."""
    wide, deep = draws.between(0.14, 0.2), draws.between(0.15, 0.24)
    z, overlap = (0.0, frame[1] + draws.between(0.03, 0.12)), 0.02
    parts = []
    for side, sign in ENDS:
        if which in (side, "both"):
            x = sign * (width / 2 + wide / 2 - overlap)
            parts.append(Box(span(x, wide), (head - deep, head), z))
    return parts


def _bedding(
    draws: Draws, size: str, width: float, length: float, frame: float, top: float, blanket: bool
) -> list[Box]:
    """One or two pillows at the head, at the back, and a blanket that hangs down at the sides."""
    head, deep, thick = (
        length / 2 - draws.between(0.08, 0.12),
        draws.between(0.1, 0.18),
        draws.between(THIN, 0.095),
    )
    if size == "single":
        pillows = [span(0.0, draws.between(0.5, 0.7) * width)]
    else:
        wide = draws.between(0.32, 0.38) * width
        pillows = [span(side * (wide + THIN + 0.01) / 2, wide) for side in (-1, 1)]
    parts = [Box(x, (head - deep, head), (top, top + thick)) for x in pillows]
    if blanket:
        fold = head - deep - draws.between(0.1, 0.25)
        parts.append(
            Box(span(0.0, width), (-length / 2, fold), (frame, top + draws.between(THIN, 0.085)))
        )
    return parts


def look(voxels: np.ndarray) -> dict[str, str | int | bool]:
    """Invert `draw`: isolate the bed from its nightstands, then walk up the mattress."""
    bed, sides = _main(voxels)
    high, length, width = bed.shape
    middle = bed[:, :, width // 4 : width - width // 4]
    tops = _first_tops(middle)  # (length,)
    foot, level = (
        np.median(tops[int(0.15 * length) : int(0.27 * length) + 1]),
        tops[int(0.3 * length) : -4].min(),
    )
    posts, below = (
        bed[int(0.7 * high) : int(0.9 * high)],
        middle[: int(0.88 * high), length // 2 - 2 : length // 2 + 3],
    )
    corners = min(posts[:, y, x].any(axis=(1, 2)).mean() for y in _ENDS for x in _ENDS)
    upright = (
        corners > 0.7 and middle[int(0.7 * high) : int(0.9 * high), :2].any(axis=1).mean() < 0.65
    )
    decks = stretches(below.mean(axis=(1, 2)) > 0.5)
    kind = "bunk" if decks > 1 else "canopy" if upright else "plain"
    plain = kind == "plain"
    return {
        "kind": kind,
        "size": "single" if kind == "bunk" or width < 0.61 * length else "double",
        "headboard": _headboard(bed[level:, -2:].any(axis=1)) if plain else "none",
        "footboard": bool(plain and tops[:2].max() - foot > 1.5),
        "legs": bool(middle[:2, length // 4 : -length // 4].mean() < 0.3),
        "blanket": bool(foot - level >= 1.5),
        "pillows": _pillows(bed, int(level)),
        "nightstands": sides if plain else "none",
        "roof": kind == "canopy"
        and bool(middle[-3:, length // 3 : -length // 3].mean(axis=(1, 2)).max() > 0.5),
    }


_ENDS = (slice(0, 3), slice(-3, None))


def _main(voxels: np.ndarray) -> tuple[np.ndarray, str]:
    """The bed without nightstands, as wide as its foot, and the sides where nightstands stand."""
    solid = voxels[np.count_nonzero(voxels, axis=(1, 2)) > 2]
    y = np.flatnonzero(np.count_nonzero(solid, axis=(0, 2)) > 5)
    halfway = solid[:, y[0] : (y[0] + y[-1]) // 2]
    x = np.flatnonzero(np.count_nonzero(halfway, axis=(0, 1)) > 5)
    beside = [
        np.count_nonzero(part)
        for part in (solid[:, :, : max(x[0] - 1, 0)], solid[:, :, x[-1] + 2 :])
    ]
    sides = [name for (name, _), count in zip(ENDS, beside, strict=True) if count > 20]
    return solid[:, y[0] : y[-1] + 1, x[0] : x[-1] + 1], "both" if len(sides) == 2 else "".join(
        sides
    ) or "none"


def _first_tops(part: np.ndarray) -> np.ndarray:
    """Where the lowest solid stretch of each column ends, the median per row: (D, H, W) to (H,)."""
    begin = part.argmax(axis=0)
    empty = ~part & (np.arange(len(part))[:, None, None] > begin)
    ends = np.where(empty.any(axis=0), empty.argmax(axis=0), len(part))
    return np.median(ends, axis=1).astype(int)


def _pillows(bed: np.ndarray, level: int) -> int:
    """Count stretches across, just above the mattress, near the head end and between the posts."""
    band = bed[level : level + 2, -7:-3].mean(axis=(0, 1)) > 0.5
    edge = max(2, len(band) // 12)
    return min(max(stretches(band[edge:-edge]), 1), 2)


def _headboard(face: np.ndarray) -> str:
    """The style of a board from its front view, bool (D, W), from the mattress up."""
    rows = np.flatnonzero(face.mean(axis=1) > 0.12)
    if len(rows) < 3 or rows[-1] < 4:
        return "none"
    face = face[: rows[-1] + 1]
    edge = max(3, len(face[0]) // 5)
    inner = face[1:, edge:-edge]
    if inner.mean() > 0.88:
        return "rounded" if face[-1].mean() < 0.8 else "solid"
    rows = inner.mean(axis=1)
    low = rows[: int(0.6 * len(rows))]
    if np.mean((low > 0.12) & (low < 0.88)) > 0.5:
        return "slatted"
    return "panel" if rows[: int(0.42 * len(rows))].mean() < 0.15 else "ladder"


PHRASES = {
    "": "=bed",
    "kind=plain": "plain ~; simple ~",
    "size=single": "single ~; narrow ~",
    "size=double": "double ~; wide ~",
    "kind=canopy": "=canopy bed; =four poster bed; =four poster; four tall posts",
    "kind=bunk": "=bunk bed; two levels; two beds on top of each other",
    "headboard=none": "no headboard",
    "headboard=solid|rounded|slatted|ladder|panel": "a headboard",
    "headboard=solid": "a solid headboard; a closed headboard",
    "headboard=rounded": "a rounded headboard; an arched headboard",
    "headboard=slatted": "a slatted headboard; a headboard of slats",
    "headboard=ladder": "a ladder headboard; a headboard of bars across",
    "headboard=panel": "a panel headboard; a headboard that is open below",
    "footboard=yes": "a footboard",
    "footboard=no": "no footboard",
    "legs=yes": "legs; feet",
    "legs=no": "no legs; no feet; a box base",
    "blanket=yes": "a blanket; a cover",
    "blanket=no": "no blanket; no cover",
    "pillows=1 ?kind=plain|canopy": "a pillow; one pillow",
    "pillows=2": "two pillows",
    "nightstands=none": "no nightstand; no bedside table",
    "nightstands=left": "a nightstand on the left; a bedside table on the left",
    "nightstands=right": "a nightstand on the right; a bedside table on the right",
    "nightstands=left|right": "a nightstand; one nightstand; a bedside table",
    "nightstands=both": "two nightstands; two bedside tables; nightstands on both sides",
    "roof=yes": "a roof; a flat roof; a closed roof",
    "roof=no ?kind=canopy": "no roof; an open frame above",
}
HELD_OUT = ("headboard=slatted footboard=yes",)
SAID_APART = ("size=double headboard=ladder",)

# TO BE WRITTEN
SLOTS = ("body",)
MATERIALS = {"body": ("red", "blue")}
OPTIONAL = frozenset()


def place(voxels):
    return voxels.astype(np.uint8)


def find_faults(voxels):
    return []
