"""Mugs: hollow, open at the top, with handles at the sides."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from course_utils.datasets.shapes.drawing import ENDS, THIN, Design, Draws, disc, span
from course_utils.datasets.shapes.looking import section
from course_utils.datasets.shapes.solids import Interval, Rod, Solid

# The half width from bottom to top, in units of the widest.
_SIDES = {"straight": (1.0, 1.0, 1.0), "tapered": (0.64, 0.82, 1.0), "rounded": (0.73, 1.0, 0.73)}


def draw(draws: Draws) -> Design:
    outline, sides = draws.pick("round", "square"), draws.pick("straight", "tapered", "rounded")
    handle, ring = draws.pick("none", "left", "right", "both"), draws.pick("round", "square")
    tall, full, rim, saucer = (draws.chance(0.5) for _ in range(4))

    foot, middle, top = (0.5 * share for share in _SIDES[sides])
    lip = draws.between(0.15, 0.17) + (0.1 if sides == "rounded" else 0.0) if rim else 0.0
    plate = 0.5 * draws.between(1.24, 1.34) if saucer else 0.0
    edge = max(foot, middle, top + lip, plate)
    reach = draws.between(0.34, 0.42)  # how far a handle stands out
    arms = {"none": [], "both": [-1, 1]}.get(handle, [dict(ENDS).get(handle)])
    width = sum(max(middle + reach, edge) if sign in arms else edge for sign in (-1, 1))
    height = draws.between(1.25, 1.5) if tall else draws.between(0.85, 0.98)
    sizes = draws.fit(width, 2 * edge, height, reach, foot, middle, top, lip, plate)
    _, _, height, reach, foot, middle, top, lip, plate = sizes
    wall, base = draws.between(0.08, 0.092), draws.between(THIN, 0.08) if saucer else 0.0

    def radius(z: np.ndarray) -> np.ndarray:
        u = np.clip((z - base) / (height - base), 0.0, 1.0)
        if sides == "rounded":  # a parabola through the three
            return foot + (top - foot) * u + (4 * middle - 2 * foot - 2 * top) * u * (1 - u)
        return np.interp(u, (0.0, 0.5, 1.0), (foot, middle, top))

    level = (
        base + (height - base) * draws.between(0.68, 0.8)
        if full
        else base + draws.between(THIN, 0.1)
    )
    parts = [_cup(outline, radius, (base, height), wall, level, lip)]
    for sign in arms:
        parts += _handle(draws, ring, sign, radius, reach, (base, height))
    parts += [disc(0.0, 0.0, (0.0, base + 0.01), plate, plate)] if saucer else []
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


def _distance(outline: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.hypot(x, y) if outline == "round" else np.maximum(abs(x), abs(y))


def _cup(
    outline: str,
    radius: Callable[[np.ndarray], np.ndarray],
    z: Interval,
    wall: float,
    level: float,
    lip: float,
) -> Solid:
    """Solid up to `level`, with a wall above it, and a lip that stands out around the top."""

    def inside(x: np.ndarray, y: np.ndarray, up: np.ndarray) -> np.ndarray:
        distance, edge = _distance(outline, x, y), radius(up)
        outer = edge + lip * (up > z[1] - THIN)
        return (distance <= outer) & ((distance > edge - wall) | (up < level))

    widest = max(radius(np.linspace(*z, 33)).max(), float(radius(np.array(z[1]))) + lip)
    return Solid(span(0.0, 2 * widest), span(0.0, 2 * widest), z, inside)


def _handle(
    draws: Draws,
    ring: str,
    sign: int,
    radius: Callable[[np.ndarray], np.ndarray],
    reach: float,
    z: Interval,
) -> list[Rod]:
    """A bow from the wall out and back to it: half an ellipse, or three straight bars."""
    bar, middle = draws.between(0.036, 0.042), sum(z) / 2
    tall, start = min(0.27 * (z[1] - z[0]), 1.3 * reach), float(radius(np.array(middle)))
    if ring == "round":
        bow = [(np.cos(a), np.sin(a)) for a in np.linspace(-np.pi / 2, np.pi / 2, 9)]
    else:
        bow = [(0.0, -1.0), (1.0, -1.0), (1.0, 1.0), (0.0, 1.0)]
    spots = [(start + out * (reach - bar), middle + rise * tall) for out, rise in bow]
    ends = [(float(radius(np.array(up))) - 0.04, up) for up in (middle - tall, middle + tall)]
    spots = [ends[0], *spots, ends[1]]
    return [
        Rod((sign * a, 0.0, low), (sign * b, 0.0, up), bar) for (a, low), (b, up) in pairwise(spots)
    ]


def look(voxels: np.ndarray) -> dict[str, str | int | bool]:
    n, layers = len(voxels), voxels.sum(axis=(1, 2))
    # crumbs don't count
    top = (np.flatnonzero(layers > 0.3 * np.median(layers[layers > 0]))[-1] + 1) / n
    # The handles are to the sides, so that the depth is the cup's own.
    depths = np.array([np.subtract(*_ends(layer, 0)[::-1]) for layer in voxels]) / n
    saucer = bool(depths[:2].mean() > depths[3:5].mean() + 0.045)
    base = 0.1 if saucer else 0.0
    last = round(top * n)
    mouth, below, lower = (depths[last - first : last - first + 2].mean() for first in (2, 5, 9))
    # the wall would go on as it does below
    rim = bool(mouth - below > 0.75 * (below - lower) + 0.064)
    end = top - (0.1 if rim else 0.0)
    bands = [base + share * (end - base) for share in (0.0, 0.15, 0.4, 0.6, 0.85, 1.0)]
    foot, middle, high = (np.median(section(depths, 0, *bands[i : i + 2])) for i in (0, 2, 4))
    widest = max(foot, middle, high)
    mouth = voxels[last - 1]  # (H, W), above the handles
    centre, middle_y = sum(_ends(mouth, 1)) / (2 * n), sum(_ends(mouth, 0)) / (2 * n)
    well = section(
        section(voxels, 2, centre - 0.06, centre + 0.06), 1, middle_y - 0.06, middle_y + 0.06
    )
    level = np.median(n - well[::-1].argmax(axis=0)) / n
    beside = section(voxels, 0, base + 0.06, 0.9 * top).any(axis=1)  # (D, W), seen from the front
    bows = {side: _bow(beside, sign, centre + sign * (widest / 2 + 0.045)) for side, sign in ENDS}
    sides = [side for side, bow in bows.items() if bow.sum() >= 8]
    squares = [_is_square(bows[side]) for side in sides]
    (y_low, y_high), (x_low, x_high) = _ends(mouth, 0), _ends(mouth, 1)
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


def _ends(layer: np.ndarray, axis: int) -> tuple[int, int]:
    """Where a layer (H, W) begins and ends along an axis, in voxels; crumbs are ignored."""
    lines = np.flatnonzero(layer.sum(axis=1 - axis) >= 3)
    return (lines[0], lines[-1] + 1) if len(lines) else (0, 0)


def _bow(beside: np.ndarray, sign: int, edge: float) -> np.ndarray:
    """What stands out beyond `edge` of a view (D, W), right (1) or left (-1), outermost first."""
    at = round(edge * beside.shape[1])
    return beside[:, at:][:, ::-1] if sign > 0 else beside[:, :at]


def _is_square(bow: np.ndarray) -> bool:
    """A square handle's outermost upright is as tall as the handle, a round one's half as tall."""
    columns, rows = bow.sum(axis=0), bow.any(axis=1).sum()
    return bool(columns[columns >= 2][:1].sum() > 0.75 * rows)


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

# TO BE WRITTEN
SLOTS = ("body",)
MATERIALS = {"body": ("red", "blue")}
OPTIONAL = frozenset()


def place(voxels):
    return voxels.astype(np.uint8)


def find_faults(voxels):
    return []
