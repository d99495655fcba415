"""Mugs: hollow, open at the top, with handles at the sides."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from course_utils.datasets.shapes.drawing import ENDS, THIN, Design, Draws, disc, off_axis, span
from course_utils.datasets.shapes.looking import depths, ends, extent, section
from course_utils.datasets.shapes.materials import CLOTHS, COLOURS
from course_utils.datasets.shapes.parts import Part, painted, part
from course_utils.datasets.shapes.solids import Interval, Rod, Solid

SLOTS = ("cup", "handle", "saucer", "drink")
MATERIALS = {
    "cup": (*COLOURS * 2, *CLOTHS, "terracotta", "steel", "copper", "glass"),
    "handle": (*("=cup",) * 6, *COLOURS, "steel", "copper", "oak"),
    "saucer": (*("=cup",) * 6, *COLOURS, "oak", "walnut"),
    "drink": ("brown", "brown", "black", "white", "orange", "green", "burgundy", "golden"),
}
OPTIONAL = frozenset({"handle", "saucer"})


def draw(draws: Draws) -> Design:
    outline, sides = draws.pick("round", "square"), draws.pick("straight", "tapered", "rounded")
    handle, ring = draws.pick("none", "left", "right", "both"), draws.pick("round", "square")
    tall, full, rim, saucer = (draws.chance(0.5) for _ in range(4))

    # the half width from bottom to top
    share = {"straight": 1.0, "tapered": draws.between(0.56, 0.7)}.get(sides, 0.0)
    foot, middle, top = 0.5 * share, 0.25 * (1.0 + share), 0.5
    if sides == "rounded":
        foot, middle, top = (0.5 * draws.between(0.66, 0.76), 0.5, 0.5 * draws.between(0.66, 0.76))
    lip = draws.between(0.15, 0.17) + (0.465 - top if sides == "rounded" else 0.0) if rim else 0.0
    plate = 0.5 * draws.between(1.24, 1.4) if saucer else 0.0
    edge = max(foot, middle, top + lip, plate)
    reach = draws.between(0.34, 0.46)  # how far a handle stands out
    arms = {"none": [], "both": [-1, 1]}.get(handle, [dict(ENDS).get(handle)])
    width = sum(max(middle + reach, edge) if sign in arms else edge for sign in (-1, 1))
    height = draws.between(1.24, 1.6) if tall else draws.between(0.84, 0.99)
    sizes = draws.fit(width, 2 * edge, height, reach, foot, middle, top, lip, plate)
    _, _, height, reach, foot, middle, top, lip, plate = sizes
    wall, base = draws.between(0.078, 0.098), draws.between(THIN, 0.08) if saucer else 0.0

    def radius(z: np.ndarray) -> np.ndarray:
        u = np.clip((z - base) / (height - base), 0.0, 1.0)
        if sides == "rounded":  # a parabola through the three
            return foot + (top - foot) * u + (4 * middle - 2 * foot - 2 * top) * u * (1 - u)
        return np.interp(u, (0.0, 0.5, 1.0), (foot, middle, top))

    level = (
        base + (height - base) * draws.between(0.6, 0.8)
        if full
        else base + draws.between(THIN, 0.13)
    )
    parts = [
        part(
            f"handle {number}", "handle", *_handle(draws, ring, sign, radius, reach, (base, height))
        )
        for number, sign in enumerate(arms, start=1)
    ]
    if saucer:
        parts.append(part("saucer", "saucer", disc(0.0, 0.0, (0.0, base + 0.01), plate, plate)))
    parts += _cup(outline, radius, (base, height), wall, level, lip, full)
    attributes = {
        "outline": outline,
        "sides": sides,
        "height": "tall" if tall else "short",
        "handle": handle,
    }
    attributes |= {
        "handle_shape": ring if arms else "none",
        "full": full,
        "rim": rim,
        "saucer": saucer,
    }
    details = (
        [f"{sides} sides"] + (["a thick rim"] if rim else []) + (["a saucer"] if saucer else [])
    )
    words = {"none": "no handle", "both": f"two {ring} handles"}
    details.append(words.get(handle, f"a {ring} handle on the {handle}"))
    adjectives = ["full" if full else "empty", attributes["height"], outline]
    return Design(parts, attributes, ["mug"], adjectives, details)


def _cup(
    outline: str,
    radius: Callable[[np.ndarray], np.ndarray],
    z: Interval,
    wall: float,
    level: float,
    lip: float,
    full: bool,
) -> list[Part]:
    """Solid up to `level`, with a wall above it, and a lip that stands out around the top.

    What a full cup holds is painted.
    """

    def inside(x: np.ndarray, y: np.ndarray, up: np.ndarray) -> np.ndarray:
        distance, edge = off_axis(outline, x, y), radius(up)
        outer = edge + lip * (up > z[1] - THIN)
        return (distance <= outer) & ((distance > edge - wall) | (up < level))

    def surface(x: np.ndarray, y: np.ndarray, up: np.ndarray) -> np.ndarray:
        return off_axis(outline, x, y) <= radius(up) - wall

    widest = max(radius(np.linspace(*z, 33)).max(), float(radius(np.array(z[1]))) + lip)
    across = span(0.0, 2 * widest)
    drink = painted("drink", "drink", Solid(across, across, (level - THIN, level), surface))
    return [part("cup", "cup", Solid(across, across, z, inside)), *[drink] * full]


def _handle(
    draws: Draws,
    ring: str,
    sign: int,
    radius: Callable[[np.ndarray], np.ndarray],
    reach: float,
    z: Interval,
) -> list[Rod]:
    """A bow from the wall out and back to it: half an ellipse, or three straight bars."""
    bar, middle = draws.between(0.036, 0.043), sum(z) / 2
    tall, start = min(0.27 * (z[1] - z[0]), 1.3 * reach), float(radius(np.array(middle)))
    if ring == "round":
        bow = [(np.cos(a), np.sin(a)) for a in np.linspace(-np.pi / 2, np.pi / 2, 9)]
    else:
        bow = [(0.0, -1.0), (1.0, -1.0), (1.0, 1.0), (0.0, 1.0)]
    spots = [(start + out * (reach - bar), middle + rise * tall) for out, rise in bow]
    joints = [(float(radius(np.array(up))) - 0.04, up) for up in (middle - tall, middle + tall)]
    spots = [joints[0], *spots, joints[1]]
    return [
        Rod((sign * a, 0.0, low), (sign * b, 0.0, up), bar) for (a, low), (b, up) in pairwise(spots)
    ]


def look(voxels: np.ndarray) -> dict[str, str | int | bool]:
    n, layers = len(voxels), voxels.sum(axis=(1, 2))
    # crumbs don't count
    top = (np.flatnonzero(layers > 0.3 * np.median(layers[layers > 0]))[-1] + 1) / n
    # The handles are to the sides, so that the depth is the cup's own.
    deep = depths(voxels) / n
    saucer = bool(deep[:2].mean() > deep[3:5].mean() + 0.045)
    base = 0.1 if saucer else 0.0
    last = round(top * n)
    mouth, below, lower = (deep[last - first : last - first + 2].mean() for first in (2, 5, 9))
    # the wall would go on as it does below
    rim = bool(mouth - below > 0.75 * (below - lower) + 0.064)
    end = top - (0.1 if rim else 0.0)
    bands = [base + share * (end - base) for share in (0.0, 0.15, 0.4, 0.6, 0.85, 1.0)]
    foot, middle, high = (np.median(section(deep, 0, *bands[i : i + 2])) for i in (0, 2, 4))
    widest = max(foot, middle, high)
    mouth = voxels[last - 1]  # (H, W), above the handles
    centre, middle_y = sum(ends(mouth, 1)) / (2 * n), sum(ends(mouth, 0)) / (2 * n)
    well = section(
        section(voxels, 2, centre - 0.06, centre + 0.06), 1, middle_y - 0.06, middle_y + 0.06
    )
    level = np.median(n - well[::-1].argmax(axis=0)) / n
    beside = section(voxels, 0, base + 0.06, 0.9 * top).any(axis=1)  # (D, W), seen from the front
    bows = {side: _bow(beside, sign, centre + sign * (widest / 2 + 0.045)) for side, sign in ENDS}
    sides = [side for side, bow in bows.items() if bow.sum() >= 8]
    squares = [_is_square(bows[side]) for side in sides]
    (y_low, y_high), (x_low, x_high) = ends(mouth, 0), ends(mouth, 1)
    corners = mouth[y_low:y_high, x_low:x_high][[0, 1, -2, -1]][:, [0, 1, -2, -1]]
    return {
        "outline": "square" if corners.mean() > 0.6 else "round",
        "sides": "straight"
        if foot > 0.93 * widest
        else "tapered"
        if high > 1.04 * middle
        else "rounded",
        "height": "tall" if top > 1.15 * widest else "short",
        "handle": "both" if len(sides) == 2 else sides[0] if sides else "none",
        "handle_shape": "none" if not sides else "square" if any(squares) else "round",
        "full": bool(level - base > 0.45 * (top - base)),
        "rim": rim,
        "saucer": saucer,
    }


def _bow(beside: np.ndarray, sign: int, edge: float) -> np.ndarray:
    """What stands out beyond `edge` of a view (D, W), right (1) or left (-1), outermost first."""
    at = round(edge * beside.shape[1])
    return beside[:, at:][:, ::-1] if sign > 0 else beside[:, :at]


def _is_square(bow: np.ndarray) -> bool:
    """A square handle's outermost upright is as tall as the handle, a round one's half as tall."""
    columns, rows = bow.sum(axis=0), bow.any(axis=1).sum()
    return bool(columns[columns >= 2][:1].sum() > 0.75 * rows)


def place(voxels: np.ndarray) -> np.ndarray:
    """Tell the slots: handles are wider than the cup is deep, and drink fills most of the well."""
    bottom, top = (round(end * len(voxels)) for end in extent(voxels, 0))
    deep = depths(voxels)
    slots = np.full(voxels.shape, 1 + SLOTS.index("cup"), dtype=np.uint8)
    mouth = voxels[top - 1]
    y, x = (np.arange(len(voxels)) - sum(ends(mouth, axis)) / 2 + 0.5 for axis in (0, 1))
    beside = (abs(y) < 2.6)[:, None] & (abs(x) > deep[:, None, None] / 2 + 0.25)
    slots[beside] = 1 + SLOTS.index("handle")
    foot = deep[bottom : bottom + 2].mean()
    if foot > deep[bottom + 3 : bottom + 5].mean() + 0.045 * len(voxels):
        rim = bottom + 2 + int(deep[bottom + 2] > foot - 1)
        slots[bottom:rim] = 1 + SLOTS.index("saucer")
    else:
        rim = bottom
    level, well = _well(voxels[:top])
    if level - rim > 0.45 * (top - rim):
        slots[level - 2 : level, well] = 1 + SLOTS.index("drink")
    return slots


def _well(voxels: np.ndarray) -> tuple[int, np.ndarray]:
    """The layer in which the hollow of bool (D, H, W) begins, and its outline there, (H, W)."""
    from scipy.ndimage import binary_fill_holes

    rows, columns = (sum(ends(voxels[-1], axis)) / 2 for axis in (0, 1))
    middle = voxels[:, int(rows - 1.5) : int(rows + 2), int(columns - 1.5) : int(columns + 2)]
    heights = len(voxels) - middle[::-1].argmax(axis=0)
    level = int(np.median(np.where(middle.any(axis=0), heights, 0)))
    ring = voxels[min(level + 1, len(voxels) - 1)]
    return level, binary_fill_holes(ring) & ~ring


def find_faults(voxels: np.ndarray) -> list[str]:
    """What is wrong with the bottom, the wall or the handles."""
    from scipy.ndimage import label

    top = round(extent(voxels, 0)[1] * len(voxels))
    while voxels[top - 1].sum() < 9:  # crumbs on the rim
        top -= 1
    level, well = _well(voxels[:top])
    found = []
    if not 2 <= level < top - 1:
        found.append("the bottom is missing" if level < 2 else "it is not hollow")
    gaps = [label(~np.pad(layer, 1))[1] < 2 for layer in voxels[level:top]]
    if top < 8 or sum(gaps) > 1 or well.sum() < 8:
        found.append("the wall has a gap")
    seen = voxels[:top].any(axis=1)
    deep = depths(voxels[:top])
    centre = sum(ends(voxels[top - 1], 1)) / 2 - 0.5
    out = (np.arange(seen.shape[1]) - centre) * np.array([[[-1]], [[1]]]) > deep[:, None] / 2 + 1
    bows = [np.count_nonzero(seen[3:] & side[3:]) >= 8 for side in out]  # over a saucer
    if label(~np.pad(seen, 1))[1] - 1 < sum(bows):
        found.append("a handle is broken")
    return found


PHRASES = {
    "": "=mug; =cup",
    "full=yes": "full ~; filled ~",
    "full=no": "empty ~",
    "height=tall": "tall ~; high ~",
    "height=short": "short ~; low ~",
    "outline=round": "round ~; circular ~",
    "outline=square": "square ~",
    "sides=straight": "straight sides",
    "sides=tapered": "tapered sides; slanted sides",
    "sides=rounded": "rounded sides; curved sides",
    "handle=none": "no handle; no handles",
    "handle=left": "a handle on the left; a left handle",
    "handle=right": "a handle on the right; a right handle",
    "handle=left|right": "a handle; a single handle",
    "handle=both": "two handles; handles on both sides",
    "handle_shape=round handle=left|right": "a round handle; a curved handle",
    "handle_shape=round handle=left": "a round handle on the left; a curved handle on the left",
    "handle_shape=round handle=right": (
        "a round handle on the right; a curved handle on the right"
    ),
    "handle_shape=round handle=both": (
        "two round handles; two curved handles; round handles on both sides"
    ),
    "handle_shape=square handle=left|right": "a square handle; an angular handle",
    "handle_shape=square handle=left": (
        "a square handle on the left; an angular handle on the left"
    ),
    "handle_shape=square handle=right": (
        "a square handle on the right; an angular handle on the right"
    ),
    "handle_shape=square handle=both": (
        "two square handles; two angular handles; square handles on both sides"
    ),
    "rim=yes": "a thick rim; a rim",
    "rim=no": "no rim; no thick rim",
    "saucer=yes": "a saucer",
    "saucer=no": "no saucer",
}
HELD_OUT = ("sides=tapered handle=both",)
SAID_APART = ()
