"""Shelves and bookshelves."""

from itertools import pairwise

import numpy as np

from course_utils.datasets.shapes.drawing import NUMBERS, THIN, Design, Draws, corners, leg, span
from course_utils.datasets.shapes.looking import stretches
from course_utils.datasets.shapes.solids import Box, Interval


def draw(draws: Draws) -> Design:
    tall, frame = draws.chance(0.6), draws.pick("panels", "panels", "posts")
    legs = frame == "posts" or draws.chance(0.4)
    back, books, doors = draws.chance(0.5), draws.chance(0.65), draws.chance(0.25)

    width, depth, height = draws.fit(
        draws.between(0.36, 0.85) if tall else 1.0,
        draws.between(0.34, 0.54),
        1.0 if tall else draws.between(0.52, 0.9),
    )
    board, wall, panel = (
        draws.between(THIN, 0.085),
        draws.between(THIN, 0.085),
        draws.between(THIN, 0.1),
    )
    ground = draws.between(THIN, 0.16) if legs else 0.0
    rows = _compartments(draws, height - ground, board, 0.115, (2, 4))
    columns = 1 if frame == "posts" else _compartments(draws, width, wall, 0.13, (1, 4))
    doors = doors and rows > 1
    high_end = (
        draws.pick("none", "left", "right")
        if rows > (2 if doors else 1) and columns > 1
        else "none"
    )
    levels = _levels(ground, height - board, rows, draws.between(0.7, 1.45), board + 0.112)
    edges = _levels(-width / 2, width / 2 - wall, columns, draws.between(0.7, 1.45), wall + 0.125)
    steps = {
        "none": [0] * columns,
        "left": list(range(columns)),
        "right": list(range(columns))[::-1],
    }[high_end]
    stacks = [levels[: max(rows - step, 2 if doors else 1) + 1] for step in steps]

    parts, volumes = [], []
    for left, right, stack in zip(edges[:-1], edges[1:], stacks, strict=True):
        x, top = (left, right + wall), stack[-1] + board
        parts += [Box(x, span(0.0, depth), (level, level + board)) for level in stack]
        if frame == "panels":
            parts += [
                Box((edge, edge + wall), span(0.0, depth), (ground, top)) for edge in (left, right)
            ]
        parts += [Box(x, (depth / 2 - panel, depth / 2), (ground, top))] if back else []
        inside = (left + wall, right), (THIN - depth / 2, depth / 2 - (panel if back else THIN))
        volumes += _books(draws, *inside, stack[1 if doors else 0 :], board) if books else []
    parts, books = parts + volumes, bool(volumes)
    parts += _doors(width, depth, (levels[0], levels[1] + board)) if doors else []
    if legs:
        post, post_top = (wall, height) if frame == "posts" else (THIN, ground + board)
        parts += [
            leg(x, y, post_top, post) for x, y in corners((width - post) / 2, (depth - post) / 2)
        ]
    attributes = {
        "size": "tall" if tall else "wide",
        "rows": rows,
        "columns": columns,
        "frame": frame,
        "back": back,
    }
    attributes |= {"doors": doors, "legs": legs, "books": books, "high_end": high_end}
    details = [
        "one row" if rows == 1 else f"{NUMBERS[rows]} rows",
        "a back panel" if back else "an open back",
    ]
    details += ["doors at the bottom"] if doors else []
    details += ["books"] if books else []
    details += ["corner posts"] if frame == "posts" else []
    details += [f"{NUMBERS[columns]} columns"] if columns > 1 else []
    details += ["short legs"] if legs and frame == "panels" else []
    details += [f"steps that rise to the {high_end}"] if high_end != "none" else []
    return Design(
        parts,
        attributes,
        ["bookshelf", "shelf"] if books else ["shelf"],
        [attributes["size"]],
        details,
    )


def _compartments(
    draws: Draws, length: float, board: float, least: float, wanted: tuple[int, int]
) -> int:
    """A number within `wanted` that fits: each compartment is `least` wide, between boards."""
    most = max(1, min(wanted[1], int((length - board) / (board + least))))
    return draws.whole(min(wanted[0], most), most)


def _levels(low: float, high: float, rows: int, growth: float, least: float) -> list[float]:
    """Where the boards lie: `least` apart, plus shares of the rest that shrink by `growth`."""
    shares = [growth**-row for row in range(rows)]
    spare = high - low - rows * least
    levels = [low]
    for share in shares:
        levels.append(levels[-1] + least + spare * share / sum(shares))
    return levels


def _doors(width: float, depth: float, z: Interval) -> list[Box]:
    """A closed bottom row with a groove between two doors; solid, so that it has no cavity."""
    front = -depth / 2
    parts = [Box(span(0.0, width), (front + THIN, -front), z)]
    return parts + [
        Box(x, (front, 0.0), z) for x in ((-width / 2, -THIN / 2), (THIN / 2, width / 2))
    ]


def _books(draws: Draws, x: Interval, y: Interval, levels: list[float], board: float) -> list[Box]:
    """Rows of upright books of different heights, on the left or right of most compartments."""
    parts = []
    for low, high in pairwise(levels):
        sign, wall = draws.pick((1, x[0]), (-1, x[1]))
        start, end = 0.0, draws.between(0.45, 0.8) * (x[1] - x[0]) if draws.chance(0.85) else 0.0
        while start + THIN <= end:
            thick, tall = (
                draws.between(THIN, 0.12),
                min(draws.between(0.5, 0.8) * (high - low - board), 0.24),
            )
            near, far = sorted((wall + sign * start, wall + sign * min(start + thick, end)))
            parts.append(Box((near, far), y, (low, low + board + max(THIN, tall))))
            start += thick
    return parts


def look(voxels: np.ndarray) -> dict[str, str | int | bool]:
    """Invert `draw`: the front shows boards and walls, the back a panel, the rest books."""
    y, x = (np.flatnonzero(np.count_nonzero(voxels, axis=axes) > 5) for axes in ((0, 2), (0, 1)))
    solid = voxels[:, y[0] : y[-1] + 1, x[0] : x[-1] + 1]
    high = int(np.flatnonzero(np.count_nonzero(solid, axis=(1, 2)) > 2)[-1]) + 1
    solid = solid[:high]
    front, back = solid[:, 0] | solid[:, 1], solid[:, -2:].any(axis=1)  # (D, W)
    legs = bool(solid[:2].mean() < 0.5)
    ground = int(np.argmax(solid.mean(axis=(1, 2)) > 0.5))  # the bottom board
    doors = bool(front[ground + 4 : ground + 6].mean(axis=1).min() > 0.63)
    # here the first open row begins
    low = ground + int(np.argmax(front[ground:].mean(axis=1) < 0.7))
    tops = high - np.argmax(solid.any(axis=1)[::-1], axis=0)  # (W,)
    left, right = np.median(tops[:4]), np.median(tops[-4:])
    counts = [stretches(column) for column in front[low - 1 :].T]
    rows = (
        max(n for n in range(1, 8) if n == 1 or counts.count(n) + sum(c > n for c in counts) >= 3)
        - 1
        + doors
    )
    inside = solid[low:, 3:-3].mean(axis=1) > 0.6
    silhouette = np.arange(high)[:, None] < tops
    silhouette[:ground] = False
    middle = solid[ground:, len(y) // 2 - 1 : len(y) // 2 + 1]
    sides = middle[: int(left) - ground, :, :2].mean(), middle[: int(right) - ground, :, -2:].mean()
    return {
        "size": "tall" if high > 1.03 * len(x) else "wide",
        "rows": rows,
        "columns": max(stretches(front[low : low + 2].mean(axis=0) > 0.5) - 1, 1),
        "frame": "panels" if max(sides) > 0.85 else "posts",
        "back": bool(back[silhouette].mean() > 0.92),
        "doors": doors,
        "legs": legs,
        "books": bool(np.count_nonzero(inside & ~front[low:]) >= 3),
        "high_end": "none" if abs(left - right) < 2 else "left" if left > right else "right",
    }


PHRASES = {
    "": "=shelf; =rack; =shelving unit",
    "books=yes": "books; =bookshelf; =bookcase",
    "books=no": "no books",
    "size=tall": "tall ~; high ~",
    "size=wide": "wide ~; broad ~",
    "rows=1": "one row; a single row",
    "rows=2": "two rows; two levels",
    "rows=3": "three rows; three levels",
    "rows=4": "four rows; four levels",
    "columns=1": "one column; a single column",
    "columns=2": "two columns",
    "columns=3": "three columns",
    "columns=4": "four columns",
    "frame=panels": "side panels; panel sides; closed sides",
    "frame=posts": "corner posts; posts at the corners; open sides",
    "back=yes": "a back panel; a closed back",
    "back=no": "no back panel; no back; an open back",
    "doors=yes": "doors; doors at the bottom; doors below",
    "doors=no": "no doors",
    "legs=yes": "legs; feet",
    "legs=no": "no legs; no feet; a base on the floor",
    "high_end=left": "steps that rise to the left; a higher left side",
    "high_end=right": "steps that rise to the right; a higher right side",
    "high_end=none": "no steps; a level top",
}
HELD_OUT = ("rows=3 columns=2",)
SAID_APART = ("frame=posts doors=yes",)

# TO BE WRITTEN
SLOTS = ("body",)
MATERIALS = {"body": ("red", "blue")}
OPTIONAL = frozenset()


def place(voxels):
    return voxels.astype(np.uint8)


def find_faults(voxels):
    return []
