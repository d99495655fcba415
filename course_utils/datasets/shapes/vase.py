"""Vases: hollow, of several profiles, with or without flowers or branches in them."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from course_utils.datasets.shapes.drawing import THIN, Design, Draws, bow, off_axis, span
from course_utils.datasets.shapes.looking import depths, ends, grounded, islands
from course_utils.datasets.shapes.materials import CLOTHS, COLOURS, GREENS
from course_utils.datasets.shapes.parts import Part, numbered, part
from course_utils.datasets.shapes.solids import Loft, Rod, Solid

SLOTS = ("vase", "handles", "stems", "flowers")
MATERIALS = {
    "vase": (*COLOURS * 2, *CLOTHS, "terracotta", "terracotta", "marble", "glass", "brass"),
    "handles": (*("=vase",) * 8, *COLOURS, "brass", "bronze"),
    "stems": (*tuple(GREENS)[:3] * 3, "earthy", "brown", "walnut"),
    "flowers": (*COLOURS[3:], "white", "white", "cream", "golden", "burgundy"),
}
OPTIONAL = frozenset()

# the height, as a share of the vase's, at which the half width is a share of the widest
_PROFILES = {
    "cylindrical": ((0.0, 1.0), (1.0, 1.0)),
    "flared": ((0.0, 0.5), (1.0, 1.0)),
    "bellied": ((0.0, 0.64), (0.4, 1.0), (0.78, 0.54), (1.0, 0.64)),
    "shouldered": ((0.0, 0.5), (0.62, 1.0), (0.88, 0.5), (1.0, 0.58)),
    "long-necked": ((0.0, 0.66), (0.24, 1.0), (0.54, 0.4), (1.0, 0.46)),
}
_NARROWEST = 0.115  # half width: a wall around the narrowest hollow
_HOLE = 0.048  # half the width of the narrowest hollow
_STEM = 0.036  # half the thickness of a stem

Radius = Callable[[np.ndarray], np.ndarray]


def draw(draws: Draws) -> Design:
    outline, profile = draws.pick("round", "round", "square"), draws.pick(*_PROFILES)
    filling = draws.pick("none", "none", "two flowers", "three flowers", "bouquet", "branches")
    tall = draws.chance(0.55) if filling == "none" else False
    handles, foot, rim = draws.chance(0.45), draws.chance(0.4), draws.chance(0.4)

    high = draws.between(0.54, 0.62) if filling != "none" else 1.0
    half = high / 2 / (draws.between(1.65, 2.15) if tall else draws.between(0.86, 1.12))
    reach = draws.between(0.2, 0.26) if handles else 0.0
    spread = {"two flowers": draws.between(0.22, 0.32), "three flowers": draws.between(0.36, 0.42)}
    apart, blossom = spread.get(filling, draws.between(0.3, 0.36)), draws.between(0.115, 0.135)
    plant = 2 * (apart + blossom) if filling != "none" else 0.0
    edge = draws.between(0.085, 0.105) * max(2 * half + 2 * reach, 1.0)  # of the foot and the rim
    bottom, top = (dict(_PROFILES[profile])[end] * half for end in (0.0, 1.0))
    body = max(half, bottom + edge * foot, top + edge * rim)
    width = max(2 * body, 2 * (half + reach), plant)
    sizes = draws.fit(width, 2 * body, 1.0, high, half, reach, edge, apart, blossom)
    _, _, height, high, half, reach, edge, apart, blossom = sizes
    wall, floor = draws.between(THIN, 0.08), draws.between(THIN, 0.12)
    radius = _radius(draws, profile, half, high)
    if filling != "none":
        floor = high - draws.between(0.08, 0.1)
        if radius(np.array(high)) < _NARROWEST + wall:
            floor = high  # no room beside the stems
    outer = _with_edges(radius, high, edge * foot, edge * rim)
    parts = _handles(draws, radius, half, reach, high) if handles else []
    stems, flowers = _filling(draws, filling, (floor, high, height), apart, blossom)
    parts += [*stems, _vase(outline, outer, radius, high, wall, floor), *flowers]
    attributes = {
        "outline": outline,
        "profile": profile,
        "height": "tall" if tall else "squat",
        "handles": handles,
        "foot": foot,
        "rim": rim,
        "filling": filling,
    }
    details = {
        "cylindrical": ["straight sides"],
        "flared": ["flared sides"],
        "bellied": ["a rounded belly"],
        "shouldered": ["wide shoulders"],
        "long-necked": ["a long neck"],
    }[profile]
    details += ["two handles" if handles else "no handles"]
    details += ["a wide foot"] * foot + ["a wide rim"] * rim
    details += {"none": [], "bouquet": ["a bouquet"]}.get(filling, [filling])
    return Design(parts, attributes, ["vase"], [attributes["height"], outline], details)


def _radius(draws: Draws, profile: str, half: float, high: float) -> Radius:
    """The half width at a height: that of a profile, a little changed."""
    heights, shares = (np.array(row) for row in zip(*_PROFILES[profile], strict=True))
    heights[1:-1] += draws.between(-0.03, 0.03)
    shares[shares < 1.0] *= draws.between(0.93, 1.07)
    return lambda z: _half_width(heights, shares, half, z / high)


def _half_width(
    heights: np.ndarray, shares: np.ndarray, half: float, height: np.ndarray
) -> np.ndarray:
    """The half width at a share of a vase's height: smooth between the points of a profile."""
    height = np.clip(height, 0.0, 1.0)
    k = np.clip(np.searchsorted(heights, height, side="right") - 1, 0, len(heights) - 2)
    u = (height - heights[k]) / (heights[k + 1] - heights[k])
    if len(heights) > 2:
        u = u * u * (3.0 - 2.0 * u)
    return np.maximum(half * (shares[k] + u * (shares[k + 1] - shares[k])), _NARROWEST)


def _with_edges(radius: Radius, high: float, foot: float, rim: float) -> Radius:
    return lambda z: radius(z) + foot * (z < THIN) + rim * (z > high - THIN)


def _vase(
    outline: str, outer: Radius, radius: Radius, high: float, wall: float, floor: float
) -> Part:
    """Solid up to `floor`, with a wall above it."""
    step = 1 / 15  # a voxel of 16, so that the wall of one layer lies on that of the next

    def inside(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        distance = off_axis(outline, x, y)
        inner = np.minimum(np.minimum(radius(z - step), radius(z + step)), radius(z)) - wall
        inner = np.maximum(inner, _HOLE)
        return (distance <= outer(z)) & ((distance > inner) | (z < floor))

    widest = float(outer(np.linspace(0.0, high, 65)).max())
    across = span(0.0, 2 * widest)
    return part("vase", "vase", Solid(across, across, (0.0, high), inside))


def _handles(draws: Draws, radius: Radius, half: float, reach: float, high: float) -> list[Part]:
    """Two bows at the sides, from one height to another."""
    bar = draws.between(0.036, 0.042)
    low, top = high * draws.between(0.22, 0.3), high * draws.between(0.76, 0.84)
    roots = (float(radius(np.array(low))) - 0.03, float(radius(np.array(top))) - 0.03)
    return [
        part(f"handle {number}", "handles", *bow(sign, (low, top), roots, half, half + reach, bar))
        for number, sign in ((1, -1), (2, 1))
    ]


def _filling(
    draws: Draws, filling: str, z: tuple[float, float, float], apart: float, blossom: float
) -> tuple[list[Part], list[Part]]:
    """The stems and flowers that stand in a vase; z: what they stand on, the vase's top, theirs."""
    floor, high, top = z
    root, start = (0.0, 0.0, floor - 0.02), (0.0, 0.0, high + 0.05)  # where they part
    if filling == "none":
        return [], []
    if filling == "bouquet":
        low = high + draws.between(0.1, 0.12)
        wide = apart + blossom - draws.between(0.12, 0.2)
        ball = (0.0, 0.0, wide, wide * draws.between(0.8, 1.0))
        stem = Rod(root, (0.0, 0.0, (low + top) / 2), draws.between(0.04, 0.055))
        bouquet = Loft((low, top), ball, ball, round=True, curve="ball")
        return [part("stems", "stems", stem)], [part("bouquet", "flowers", bouquet)]
    side = draws.pick(-1, 1)
    places = [(-side * apart, draws.between(0.0, 0.06)), (side * apart, -draws.between(0.0, 0.06))]
    lowest = high + 0.1 + blossom
    heights = [top - blossom, lowest + draws.between(0.3, 0.9) * (top - blossom - lowest)]
    if filling == "three flowers":
        places.insert(0, (0.0, draws.between(-0.06, 0.06)))
        heights.append(lowest + draws.between(0.3, 0.9) * (top - blossom - lowest))
    if filling == "branches":
        return _branches(draws, (root, start), top, places), []
    tips = [(*place, up) for place, up in zip(places, heights, strict=True)]
    balls = [
        Loft(
            (up - blossom, up + blossom),
            (x, y, blossom, blossom),
            (x, y, blossom, blossom),
            True,
            "ball",
        )
        for x, y, up in tips
    ]
    stems = [
        part(f"stem {number}", "stems", Rod(root, start, _STEM), Rod(start, tip, _STEM))
        for number, tip in enumerate(tips, start=1)
    ]
    return stems, numbered("flower", "flowers", balls)


def _branches(
    draws: Draws,
    trunk: tuple[tuple[float, float, float], tuple[float, float, float]],
    top: float,
    places: list[tuple[float, float]],
) -> list[Part]:
    """Two bare branches, each of which forks."""
    parts = []
    for number, (x, y) in enumerate(places, start=1):
        tip = (x, y, top - _STEM - (number - 1) * draws.between(0.02, 0.12))
        share = draws.between(0.5, 0.6)
        fork = tuple(a + share * (b - a) for a, b in zip(trunk[1], tip, strict=True))
        other = (0.12 * np.sign(x), -y, tip[2] - draws.between(0.0, 0.04))
        rods = Rod(*trunk, _STEM), Rod(trunk[1], tip, _STEM), Rod(fork, other, _STEM)
        parts.append(part(f"branch {number}", "stems", *rods))
    return parts


class _View(NamedTuple):
    """What a vase's layers show; lengths in voxels.

    top: The layer over its mouth.
    deep: The depth of each layer along y, int (D,).
    profile: The profile that is nearest to the depths.
    widest: Its widest depth, without the foot's and the rim's edge.
    excess: How much deeper each layer under `top` is than the profile, (top,).
    axis: The row and the column of its middle.
    """

    top: int
    deep: np.ndarray
    profile: str
    widest: float
    excess: np.ndarray
    axis: tuple[float, float]


def _view(voxels: np.ndarray) -> _View:
    """See a vase, bool (D, H, W), that stands on the ground."""
    n, deep = len(voxels), depths(voxels)
    narrow = np.flatnonzero((deep <= 0.17 * n) & (np.arange(n) > 6))
    top = int(narrow[0]) if len(narrow) else n
    heights, inner = (np.arange(top) + 0.5) / top, slice(2, top - 3)
    widest = float(np.percentile(deep[:top][inner], 95))
    fits = []
    for profile, points in _PROFILES.items():
        for half in np.linspace(0.44, 0.66, 12) * widest / n:
            excess = deep[:top] - 2 * n * _half_width(*np.array(points).T, half, heights)
            fits.append((float(abs(excess[inner]).mean()), profile, 2 * n * half, excess))
    _, profile, widest, excess = min(fits, key=lambda fit: fit[0])
    broad = [
        layer for layer, depth in zip(voxels[:top], deep, strict=False) if depth > 0.8 * widest
    ]
    rows, columns = (
        float(np.median([sum(ends(layer, axis)) - 1 for layer in broad])) / 2 for axis in (0, 1)
    )
    return _View(top, deep, profile, widest, excess, (rows, columns))


def look(voxels: np.ndarray) -> dict[str, str | bool]:
    """Invert `draw`: the depths of the layers show the profile."""
    voxels = grounded(voxels)
    view = _view(voxels)
    top, excess, edge = view.top, view.excess, 0.075 * len(voxels)
    square = [
        layer[ends(layer, 0)[0]].sum() / depth
        for layer, depth in zip(voxels[3 : top - 3], view.deep[3:], strict=False)
        if depth > 0.8 * view.widest
    ]
    return {
        "outline": "square" if np.median(square) > 0.75 else "round",
        "profile": view.profile,
        "height": "tall" if top > 1.4 * view.widest else "squat",
        "handles": sum(_bows(voxels, view)) == 2,
        "foot": bool(excess[:2].mean() > excess[3:6].mean() + edge),
        "rim": bool(excess[-2:].mean() > excess[-6:-3].mean() + edge),
        "filling": _filling_of(voxels[top:]),
    }


def _beside(voxels: np.ndarray, view: _View, gap: float) -> tuple[np.ndarray, np.ndarray]:
    """What stands out on the left and on the right of a vase by `gap` voxels, bool (D, H, W)."""
    row, column = view.axis
    y, x = (np.arange(voxels.shape[1]) - middle for middle in (row, column))
    near = (abs(y) < 2.6)[:, None] & voxels
    near[:2] = False
    near[view.top :] = False
    half = view.deep[:, None, None] / 2 + gap
    return near & (x < -half), near & (x > half)


def _bows(voxels: np.ndarray, view: _View) -> list[bool]:
    """Whether there is a handle on the left, and on the right."""
    return [bool(np.count_nonzero(side) >= 12) for side in _beside(voxels, view, 1.8)]


def _blossoms(above: np.ndarray) -> np.ndarray:
    """What is thick over a vase, bool (D, H, W): its flowers."""
    from scipy.ndimage import binary_dilation, binary_erosion

    core = binary_erosion(above, iterations=2)
    return binary_dilation(core, iterations=3) & above


def _filling_of(above: np.ndarray) -> str:
    """What stands in a vase, from bool (D, H, W) over its mouth."""
    from scipy.ndimage import label

    if np.count_nonzero(above) < 12:
        return "none"
    number = label(_blossoms(above))[1]
    return {0: "branches", 1: "bouquet", 2: "two flowers"}.get(number, "three flowers")


def place(voxels: np.ndarray) -> np.ndarray:
    """Tell the slots: beside the vase are its handles, and over it thick things are flowers."""
    ground = int(voxels.any(axis=(1, 2)).argmax())
    solid = voxels[ground:]
    view = _view(grounded(voxels))
    slots = np.full(voxels.shape, 1 + SLOTS.index("vase"), dtype=np.uint8)
    own = slots[ground:]  # a view
    top = view.top
    if any(_bows(grounded(voxels), view)):
        far = _beside(grounded(voxels), view, 1.25)
        for side, out in zip(_beside(grounded(voxels), view, 0.25), far, strict=True):
            side &= out.any(axis=(1, 2), keepdims=True)
            own[side[: len(own)]] = 1 + SLOTS.index("handles")
    own[top:] = 1 + SLOTS.index("stems")
    own[top:][_blossoms(solid[top:])] = 1 + SLOTS.index("flowers")
    if solid[top:].any():
        for layer, marks in zip(solid[top - 3 : top], own[top - 3 : top], strict=True):
            for stem in sorted(islands(layer), key=np.count_nonzero)[:-1]:
                marks[stem] = 1 + SLOTS.index("stems")
    return slots


def find_faults(voxels: np.ndarray) -> list[str]:
    """What is wrong with the wall, the handles, or what stands in the vase."""
    from scipy.ndimage import binary_dilation, label

    view = _view(voxels)
    above, found = voxels[view.top :], []
    if view.top < 8 or view.deep[: view.top].min() < 0.15 * len(voxels):
        return ["the vase is broken"]
    if len(set(_bows(voxels, view))) == 2:
        found.append("a handle is missing")
    filling = _filling_of(above)
    if filling == "none" and label(~np.pad(voxels[view.top - 2], 1))[1] < 2:
        found.append("the vase is closed at the top")
    flowers = binary_dilation(_blossoms(above), iterations=2)
    bare = 0
    for here, over, blossom in zip(above[2:], above[3:], flowers[2:], strict=False):
        bare += sum(not (tip & (over | blossom)).any() for tip in islands(here))
    if bare > 0 and filling not in ("none", "branches"):
        found.append("a stem has no flower")
    if filling == "branches" and bare < 3:
        found.append("a branch is missing")
    return found


PHRASES = {
    "": "=vase",
    "filling=none": "empty ~",
    "height=tall": "tall ~; high ~",
    "height=squat": "squat ~; short ~; low ~",
    "outline=round": "round ~; circular ~",
    "outline=square": "square ~",
    "profile=cylindrical": "straight sides",
    "profile=flared": "flared sides; sides that flare",
    "profile=bellied": "a rounded belly; a bulging belly",
    "profile=shouldered": "wide shoulders; broad shoulders",
    "profile=long-necked": "a long neck; a slim neck",
    "handles=yes": "two handles; handles; handles on both sides",
    "handles=no": "no handles",
    "foot=yes": "a wide foot; a foot",
    "foot=no": "no foot; no wide foot",
    "rim=yes": "a wide rim; a rim",
    "rim=no": "no rim; no wide rim",
    "filling=none|branches": "no flowers",
    "filling=two_flowers": "two flowers; two blossoms",
    "filling=three_flowers": "three flowers; three blossoms",
    "filling=two_flowers|three_flowers|bouquet": "flowers",
    "filling=bouquet": "a bouquet; a bouquet of flowers",
    "filling=branches": "branches; twigs; bare branches",
}
HELD_OUT = ("profile=flared handles=yes",)
SAID_APART = ("profile=long-necked foot=yes",)
