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
from course_utils.datasets.shapes.looking import grounded, runs, stretches
from course_utils.datasets.shapes.materials import CLOTHS, COLOURS, METALLIC, TIMBERS
from course_utils.datasets.shapes.parts import Part, numbered, painted, part
from course_utils.datasets.shapes.solids import Box, Interval

SLOTS = ("frame", "sheets", "blanket", "headboard")
MATERIALS = {
    "frame": TIMBERS * 4 + COLOURS + METALLIC[:2],
    "sheets": ("white",) * 6 + ("cream",) * 3 + ("grey", "beige", "pink", "turquoise"),
    "blanket": COLOURS * 2 + CLOTHS,
    "headboard": ("=frame",) * 20 + CLOTHS + COLOURS,
}
OPTIONAL = frozenset(
    ("pillow", "upper pillow", "blanket", "upper blanket", "headboard", "footboard", "nightstand")
)
RIM = 0.03  # a mattress that leaves less of the frame free is bordered by it


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
        spots = corners((width - thickness) / 2, ends)
        parts += numbered("leg", "frame", [leg(x, y, post, thickness) for x, y in spots])
    if kind == "canopy":
        parts += _canopy(roof, width, length, thickness, height)
    if kind == "bunk":
        deck = draws.between(0.55, 0.62) * height
        levels = (deck, deck + THIN, deck + THIN + draws.between(THIN, 0.09))
        upper = _mattress(draws, size, (width, length, inset), levels, blanket)
        parts += [each._replace(name=f"upper {each.name}") for each in upper]
        z = (height - THIN, height)
        rails = [Box(strip(sign, width, THIN), span(0.0, length), z) for sign in (-1, 1)]
        parts += numbered("rail", "frame", rails)
        ladder = board("ladder", width, -ends, (top, height), thickness)
        parts.append(part("ladder", "frame", *ladder))
    if headboard != "none":
        rise = draws.between(0.22 if headboard in ("solid", "rounded") else 0.3, 0.44)
        wide = width * (
            1.0 if nightstands != "none" else draws.between(1.0, 1.0 + 0.2 * (length - width))
        )
        block = Box(span(0.0, wide), span(ends, thickness), (gap, top))
        face = board(headboard, wide, ends, (top, top + rise), thickness)
        parts.append(part("headboard", "headboard", block, *face))
    if footboard:
        z = (gap, top + draws.between(0.17, 0.24))
        whole = Box(span(0.0, width), span(-ends, thickness), z)
        parts.append(part("footboard", "frame", whole))
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
) -> list[Part]:
    """A frame from levels[0] to levels[1], a smaller mattress up to levels[2], and bedding.

    Seen from the side, the frame reaches up to the uppermost THIN of what lies flush with it.
    """
    (width, length, inset), (low, frame, top) = plan, levels
    whole = Box(span(0.0, width), span(0.0, length), (low, frame))
    mattress = Box(span(0.0, width - 2 * inset), span(0.0, length - inset), (frame, top))
    parts = [part("frame", "frame", whole), part("mattress", "sheets", mattress)]
    parts += _bedding(draws, size, width, length, frame, top, blanket)
    z, x, y = (low, top - THIN), span(0.0, width), span(0.0, length)
    rim = [Box(span(side * width / 2, 2 * RIM), y, z) for side in (-1, 1)]
    rim += [Box(x, span(side * length / 2, 3 * RIM), z) for side in (-1, 1)]
    return [*parts, painted("rim", "frame", *rim)]


def _canopy(roof: bool, width: float, length: float, thickness: float, height: float) -> list[Part]:
    z = (height - THIN, height)
    if roof:
        return [part("roof", "frame", Box(span(0.0, width), span(0.0, length), z))]
    ends = (length - thickness) / 2
    beams = [Box(span(0.0, width), span(y, thickness), z) for y in (-ends, ends)]
    beams += [Box(strip(sign, width, thickness), span(0.0, length), z) for sign in (-1, 1)]
    return numbered("beam", "frame", beams)


def _nightstands(
    draws: Draws, which: str, width: float, head: float, frame: Interval
) -> list[Part]:
    """Small cabinets that touch the frame beside the pillows; they stand on the floor."""
    wide, deep = draws.between(0.14, 0.2), draws.between(0.15, 0.24)
    z, overlap = (0.0, frame[1] + draws.between(0.03, 0.12)), 0.02
    boxes = []
    for side, sign in ENDS:
        if which in (side, "both"):
            x = sign * (width / 2 + wide / 2 - overlap)
            boxes.append(Box(span(x, wide), (head - deep, head), z))
    return numbered("nightstand", "frame", boxes)


def _bedding(
    draws: Draws, size: str, width: float, length: float, frame: float, top: float, blanket: bool
) -> list[Part]:
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
    boxes = [Box(x, (head - deep, head), (top, top + thick)) for x in pillows]
    parts = numbered("pillow", "sheets", boxes)
    if blanket:
        fold = head - deep - draws.between(0.1, 0.25)
        z = (frame, top + draws.between(THIN, 0.085))
        parts.append(part("blanket", "blanket", Box(span(0.0, width), (-length / 2, fold), z)))
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


def _bounds(voxels: np.ndarray) -> tuple[slice, slice, slice]:
    """Where the bed is, without nightstands: it is as wide as its foot."""
    counts = np.count_nonzero(voxels, axis=(1, 2))
    z = np.flatnonzero(counts > 2)
    y = np.flatnonzero(np.count_nonzero(voxels[counts > 2], axis=(0, 2)) > 5)
    halfway = voxels[counts > 2, y[0] : (y[0] + y[-1]) // 2]
    x = np.flatnonzero(np.count_nonzero(halfway, axis=(0, 1)) > 5)
    return slice(z[0], z[-1] + 1), slice(y[0], y[-1] + 1), slice(x[0], x[-1] + 1)


def _main(voxels: np.ndarray) -> tuple[np.ndarray, str]:
    """The bed without nightstands, and the sides where nightstands stand."""
    z, y, x = _bounds(voxels)
    beside = [
        np.count_nonzero(part)
        for part in (voxels[z, :, : max(x.start - 1, 0)], voxels[z, :, x.stop + 1 :])
    ]
    sides = [name for (name, _), count in zip(ENDS, beside, strict=True) if count > 20]
    return voxels[z, y, x], "both" if len(sides) == 2 else "".join(sides) or "none"


def _decks(bed: np.ndarray) -> list[tuple[int, int]]:
    """The lowest layer of each bed in bool (D, length, width), and the layer above its mattress.

    Measured where the mattress shows between pillows and blanket, and between the posts.
    """
    high, length, width = bed.shape
    inner = bed[:, length // 2 : round(0.8 * length), width // 4 : -(width // 4)]
    thick = [deck for deck in runs(inner.mean(axis=(1, 2)) > 0.85) if deck[1] > deck[0] + 1]
    return [deck for deck in thick if deck[1] < high] or thick  # without a roof


def place(voxels: np.ndarray) -> np.ndarray:
    """Tell the slots: bedding lies on the frame, and a headboard stands behind it."""
    ground = int(voxels.any(axis=(1, 2)).argmax())
    solid = grounded(voxels)
    seen, (z, y, x) = look(solid), _bounds(solid)
    bed = solid[z, y, x]
    slots = np.ones(voxels.shape, dtype=np.uint8)
    own = slots[z, y, x]  # a view
    decks = _decks(bed)
    for first, level in decks:
        _place_bedding(own, bed, first, level, seen["blanket"])
    first, level = decks[0]
    if seen["kind"] == "plain":
        high = bed[level + 4 :].sum(axis=(0, 2)) > 2  # the rows of a headboard or footboard
        own[:, : high.argmin()] = 1
        if seen["headboard"] != "none":
            behind = len(high) - int(high[::-1].argmin())
            wide = slots[z, y][first:] if seen["nightstands"] == "none" else own[first:]
            wide[:, behind:] = 1 + SLOTS.index("headboard")
    else:
        posts = bed[level:].mean(axis=0) > 0.9
        posts[4:-4], posts[:, 4:-4] = False, False
        own[:, posts] = 1
    return np.roll(slots, ground, axis=0)


def _place_bedding(
    slots: np.ndarray, bed: np.ndarray, first: int, level: int, blanket: bool
) -> None:
    """Enter one bed's bedding into its slots: bool `bed` (D, length, width), frame from `first`."""
    length, width = bed.shape[1:]
    sheets = 1 + SLOTS.index("sheets")
    slots[first + 2 : level, 2:-2, 1:-1] = sheets
    slots[level - 2 : level] = sheets
    slots[level : level + 4, length // 2 :] = sheets
    if blanket:
        rows = bed[level, :, width // 4 : width - width // 4].mean(axis=1) > 0.5
        start = round(0.2 * length)
        fold = start + int(rows[start:].argmin())
        column = bed[level:, start, width // 4 : width - width // 4].mean(axis=1) > 0.5
        top = level + int(np.append(column, False).argmin())
        slots[level - 2 : top, :fold] = 1 + SLOTS.index("blanket")


def find_faults(voxels: np.ndarray) -> list[str]:
    """What is wrong with the frame, or with what stands on it or beside it."""
    seen, (z, y, x) = look(voxels), _bounds(voxels)
    bed = voxels[z, y, x]
    corners = [
        (ys, xs) for ys in (slice(0, 4), slice(-4, None)) for xs in (slice(1, 4), slice(-4, -1))
    ]
    found = []
    if seen["legs"] and min(bed[:2, ys, xs].sum() for ys, xs in corners) < 3:
        found.append("a leg is missing, or does not reach the ground")
    decks = _decks(bed)
    first = decks[0][0]
    hung = bed[:first, [0, -1], bed.shape[2] // 2].any()  # a board that reaches below the frame
    if hung or min(up - low for low, up in decks) < 4:
        found.append("the frame or the mattress is missing")
    inner = bed[:, 4:-4, 3:-3]
    hollow = np.count_nonzero(inner[1:] & ~inner[:-1], axis=(1, 2))  # under pillows, for example
    if max(hollow[level : level + (3 if len(decks) > 1 else 6)].max() for _, level in decks) > 3:
        found.append("the mattress is missing")
    if seen["kind"] == "plain":
        return found
    if first > 4:
        found.append("the frame is missing")
    top = bed[-2:].any(axis=0)
    edges = [top[:, :3].any(axis=1), top[:, -3:].any(axis=1)]
    edges += [bed[-1, :3].any(axis=0)]  # of a bunk bed, the uppermost bar of its ladder
    edges += [top[-3:].any(axis=0)] if seen["kind"] == "canopy" else []
    if min(edge.mean() for edge in edges) < 0.8:
        found.append("a beam, a rail or the ladder is missing")
    return found


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
