"""Shelves and bookshelves."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from course_utils.datasets.shapes.drawing import NUMBERS, THIN, Design, Draws, corners, leg, span
from course_utils.datasets.shapes.looking import islands, stretches
from course_utils.datasets.shapes.materials import COLOURS, METALLIC, TIMBERS
from course_utils.datasets.shapes.parts import Part, numbered, part
from course_utils.datasets.shapes.solids import Box, Interval

SLOTS = ("boards", "back", "doors", "books")
MATERIALS = {
    "boards": TIMBERS * 3 + COLOURS + METALLIC,
    "back": ("=boards",) * 6 + TIMBERS + COLOURS,
    "doors": ("=boards",) * 6 + TIMBERS + (*COLOURS, "glass", "glass"),
    "books": (*COLOURS[3:], "burgundy", "brown", "olive", "mustard"),
}
OPTIONAL = frozenset({"back", "books", "shelf", "partition", "sill"})  # a shelf may do without


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

    volumes: list[Box] = []
    for left, right, stack in zip(edges[:-1], edges[1:], stacks, strict=True):
        inside = (left + wall, right), (THIN - depth / 2, depth / 2 - (panel if back else THIN))
        volumes += _books(draws, *inside, stack[1 if doors else 0 :], board) if books else []
    books = bool(volumes)
    parts = [part("books", "books", *volumes)] if books else []
    parts += _boards(stacks, edges, depth, wall, board, doors)
    tops = [stack[-1] + board for stack in stacks]
    if frame == "panels":
        parts += _uprights(edges, tops, depth, wall, ground)
    if legs:
        post, post_top = (wall, height) if frame == "posts" else (THIN, ground + board)
        spots = corners((width - post) / 2, (depth - post) / 2)
        parts += numbered("leg", "boards", [leg(*spot, post_top, post) for spot in spots])
    parts += _doors(width, depth, (levels[0], levels[1] + board)) if doors else []
    if back:
        panels = [
            Box((left, right + wall), (depth / 2 - panel, depth / 2), (ground, top))
            for left, right, top in zip(edges[:-1], edges[1:], tops, strict=True)
        ]
        parts.append(part("back", "back", *panels))
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


def _boards(
    stacks: list[list[float]],
    edges: list[float],
    depth: float,
    wall: float,
    board: float,
    doors: bool,
) -> list[Part]:
    """The boards of each column; one "shelf" more or less does not matter in a single column.

    Those under and over doors, the "sill", show only in the groove between these.
    """
    parts: list[Part] = []
    sill: list[Box] = []
    inner = "shelf" if len(stacks) == 1 else "board"
    for column, stack in enumerate(stacks):
        x = (edges[column], edges[column + 1] + wall)
        boxes = [Box(x, span(0.0, depth), (level, level + board)) for level in stack]
        names = ["bottom", *[inner] * (len(boxes) - 2), "top"]
        sill += boxes[: 2 * doors]
        parts += [
            part(f"{name} {1 + column + row * len(stacks)}", "boards", box)
            for row, (name, box) in enumerate(zip(names, boxes, strict=True))
            if row >= 2 * doors
        ]
    return [*parts, part("sill", "boards", *sill)] if doors else parts


def _uprights(
    edges: list[float], tops: list[float], depth: float, wall: float, ground: float
) -> list[Part]:
    """The walls at both ends and between columns, as high as the higher of their columns."""
    beside = list(zip([0.0, *tops], [*tops, 0.0], strict=True))
    names = ["partition" if left == right else "side" for left, right in beside]
    return [
        part(
            f"{name} {number}",
            "boards",
            Box((edge, edge + wall), span(0.0, depth), (ground, max(heights))),
        )
        for number, (name, edge, heights) in enumerate(zip(names, edges, beside, strict=True), 1)
    ]


def _doors(width: float, depth: float, z: Interval) -> list[Part]:
    """A closed bottom row with a groove between two doors; solid, so that it has no cavity."""
    front = -depth / 2
    leaves = [Box(x, (front, 0.0), z) for x in ((-width / 2, -THIN / 2), (THIN / 2, width / 2))]
    cupboard = Box(span(0.0, width), (front + THIN, -front), z)
    return [*numbered("door", "doors", leaves), part("cupboard", "boards", cupboard)]


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


class _View(NamedTuple):
    """A shelf without the space around it, and where its parts begin.

    solid: bool (D, H, W), from the ground to its top.
    origin: Where it begins along z, y and x, in voxels.
    front: The foremost two layers, bool (D, W).
    ground: The layer of the bottom board.
    doors: Whether the bottom row is closed.
    low: The layer in which the first open row begins.
    tops: Where each column of voxels ends, (W,).
    """

    solid: np.ndarray
    origin: tuple[int, int, int]
    front: np.ndarray
    ground: int
    doors: bool
    low: int
    tops: np.ndarray


def _view(voxels: np.ndarray) -> _View:
    y, x = (np.flatnonzero(np.count_nonzero(voxels, axis=axes) > 5) for axes in ((0, 2), (0, 1)))
    solid = voxels[:, y[0] : y[-1] + 1, x[0] : x[-1] + 1]
    layers = np.flatnonzero(np.count_nonzero(solid, axis=(1, 2)) > 2)
    high = int(layers[-1]) + 1
    solid = solid[:high]
    front = solid[:, 0] | solid[:, 1]
    ground = int(np.argmax(solid.mean(axis=(1, 2)) > 0.5))
    doors = bool(front[ground + 4 : ground + 6].mean(axis=1).min() > 0.63)
    low = ground + int(np.argmax(front[ground:].mean(axis=1) < 0.7))
    tops = high - np.argmax(solid.any(axis=1)[::-1], axis=0)
    return _View(solid, (0, int(y[0]), int(x[0])), front, ground, doors, low, tops)


def look(voxels: np.ndarray) -> dict[str, str | int | bool]:
    """Invert `draw`: the front shows boards and walls, the back a panel, the rest books."""
    solid, _, front, ground, doors, low, tops = _view(voxels)
    (high, depth, width), back = solid.shape, solid[:, -2:].any(axis=1)
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
    middle = solid[ground:, depth // 2 - 1 : depth // 2 + 1]
    sides = middle[: int(left) - ground, :, :2].mean(), middle[: int(right) - ground, :, -2:].mean()
    return {
        "size": "tall" if high > 1.03 * width else "wide",
        "rows": rows,
        "columns": max(stretches(front[low : low + 2].mean(axis=0) > 0.5) - 1, 1),
        "frame": "panels" if max(sides) > 0.85 else "posts",
        "back": bool(back[silhouette].mean() > 0.92),
        "doors": doors,
        "legs": bool(solid[:2].mean() < 0.5),
        "books": bool(np.count_nonzero(inside & ~front[low:]) >= 3),
        "high_end": "none" if abs(left - right) < 2 else "left" if left > right else "right",
    }


def place(voxels: np.ndarray) -> np.ndarray:
    """Tell the slots: behind the openings of the front are books, and the back."""
    solid, (_, y, x), front, ground, doors, low, tops = _view(voxels)
    high, depth, width = solid.shape
    slots = np.full(voxels.shape, 1 + SLOTS.index("boards"), dtype=np.uint8)
    own = slots[:high, y : y + depth, x : x + width]  # a view
    opening = ~front & (np.arange(high)[:, None] < tops)
    opening[:low] = False
    own[:, 2:][np.broadcast_to(opening[:, None], own[:, 2:].shape)] = 1 + SLOTS.index("books")
    if doors:
        own[ground:low, :2] = 1 + SLOTS.index("doors")
    thick = np.argmin(solid[:, ::-1], axis=1)[opening]  # of what closes the openings at the back
    if thick.size and np.mean(thick > 0) > 0.5:
        thin = thick[(thick > 0) & (thick < 5)]
        panel = int(np.median(thin)) if thin.size else 2
        own[ground:, -panel:] = 1 + SLOTS.index("back")
    return slots


def find_faults(voxels: np.ndarray) -> list[str]:
    """What is wrong with the legs, the sides, the boards or the doors."""
    view = _view(voxels)
    solid, ground, (_, depth, width) = view.solid, view.ground, view.solid.shape
    found = []
    runs, feet = _runs(view), islands(solid[:2].any(axis=0), least=2)
    areas, base = solid.sum(axis=(1, 2)), 0
    if areas[:2].mean() < 0.5 * depth * width:
        base = int(np.argmax(areas > 1.6 * areas[:2].mean()))  # over the legs
        if len(feet) != 4:
            found.append("a leg is missing, or does not reach the ground")
    floor = view.front[base : base + 2]
    if base > 0.2 * len(voxels) or any(floor[:, a:b].mean() < 0.7 for a, b in runs):
        found.append("a part of the bottom is missing")
    # crumbs on a face may shift an edge by one voxel
    edges = (slice(0, 2), slice(1, 3)), (slice(-2, None), slice(-3, -1))
    ends = [
        max(
            solid[ground : int(np.median(view.tops[x])), y, x].mean() for y in rows for x in columns
        )
        for rows in edges
        for columns in edges
    ]
    steps = [abs(view.tops[a:b] - np.median(view.tops[a:b])) > 1 for a, b in runs]
    if min(ends) < 0.8 or any(np.count_nonzero(step) > 2 for step in steps) or not runs:
        found.append("a side is missing")
    elif _lacks_a_board(view, runs):
        found.append("a board is missing")
    behind = solid[ground:, depth // 2 : -2].mean(axis=(1, 2)) > 0.93
    closed = int(np.argmin(behind)) >= 6
    gap = np.count_nonzero(view.front[ground + 4 : ground + 6].mean(axis=0) < 0.5)
    if closed != view.doors or (closed and gap > 3):
        found.append("a door is missing")
    return found


def _runs(view: _View) -> list[tuple[int, int]]:
    """Where the openings of the front begin and end along x, between its uprights."""
    heights = np.arange(len(view.front))[:, None]
    above = (heights >= view.low) & (heights < view.tops)
    share = (view.front & above).sum(axis=0) / np.maximum(above.sum(axis=0), 3)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], share < 0.85, [False]]).astype(int)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2) if b - a >= 3]


def _lacks_a_board(view: _View, runs: list[tuple[int, int]]) -> bool:
    """Whether an opening has no top, or another row of boards than the others."""
    profiles = [view.front[:, a:b].mean(axis=1) > 0.5 for a, b in runs]
    tops = [
        int(min(np.median(view.tops[max(a - 2, 0) : a]), np.median(view.tops[b : b + 2])))
        for a, b in runs
    ]
    for profile, top in zip(profiles, tops, strict=True):
        if not profile[top - 2 : top + 1].any():
            return True
        for other, its_top in zip(profiles, tops, strict=True):
            common = min(top, its_top)
            near = other | np.roll(other, 1) | np.roll(other, -1)
            if np.count_nonzero(profile[view.low : common] & ~near[view.low : common]) > 1:
                return True
    return False


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
