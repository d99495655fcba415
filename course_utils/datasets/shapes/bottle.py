"""Bottles, flasks and jugs: a body, a neck, and perhaps a stopper and a handle."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from course_utils.datasets.shapes.drawing import (
    ENDS,
    THIN,
    Design,
    Draws,
    bow,
    disc,
    span,
)
from course_utils.datasets.shapes.looking import depths, ends, grounded
from course_utils.datasets.shapes.materials import COLOURS
from course_utils.datasets.shapes.parts import painted, part
from course_utils.datasets.shapes.solids import Box, Solid

SLOTS = ("bottle", "stopper", "handle", "label")
MATERIALS = {
    "bottle": (*("green", "glass", "dark", "brown") * 4, *COLOURS, "terracotta", "steel"),
    "stopper": ("oak", "oak", "pine", "black", "red", "gold", "steel", "white", "=bottle"),
    "handle": (*("=bottle",) * 6, "steel", "black", "oak", "white"),
    "label": ("white", "white", "cream", "cream", "beige", "yellow", "red", "black", "gold"),
}
OPTIONAL = frozenset({"stopper", "handle"})

# Half widths in voxels of 32 that lie well between those at which a disc gains a row.
_NECK, _NARROW, _WIDE = (0.087, 0.103), (0.053, 0.068), (0.118, 0.138)
# Where the label of a straight body lies, as shares of the body's height under its shoulders.
_LABEL = (0.22, 0.8)

# The half width at the ground, as a share of the widest; for cones the exponent of their slope.
_AT_GROUND = {"straight": (0.96, 1.0), "round": (0.48, 0.66), "conical": (0.7, 1.0)}

Radius = Callable[[np.ndarray], np.ndarray]


def draw(draws: Draws) -> Design:
    body, outline = draws.pick("straight", "straight", "conical", "round"), "round"
    if body != "round":
        outline = draws.pick("round", "square")
    neck, build = draws.pick("long", "short"), draws.pick("slim", "stout")
    stopper = draws.pick("none", "narrow", "wide")
    handle, flat = draws.pick("none", "left", "left", "right", "right"), draws.chance(0.5)

    width = draws.between(0.46, 0.54) if build == "slim" else draws.between(0.67, 0.96)
    long = draws.between(0.35, 0.46) if neck == "long" else draws.between(0.11, 0.17)
    reach = draws.between(0.2, 0.3) if handle != "none" else 0.0
    _, width, height, reach, long = draws.fit(width + reach, width, 1.0, reach, long)
    half, thin = width / 2, draws.between(*_NECK)
    top = height - (draws.between(THIN, 0.095) if stopper != "none" else 0.0)
    base, shoulder = top - long, draws.between(0.12, 0.25)  # where the neck begins
    low = draws.between(*_AT_GROUND[body])
    deep = draws.between(0.51, 0.67) if flat else draws.between(0.82, 1.0)
    radius = _radius(body, half, thin, base, shoulder, low)
    depth = _radius(body, max(deep * half, thin + 0.004), thin, base, shoulder, low)
    parts = []
    if handle != "none":
        low, high = draws.between(0.4, 0.55) * base, base + draws.between(0.35, 0.6) * long
        roots = (float(radius(np.array(low))) - 0.03, thin - 0.03)
        start = max(roots[0] + 0.03, 0.5 * half)
        ear = bow(
            dict(ENDS)[handle], (low, high), roots, start, half + reach, draws.between(0.036, 0.044)
        )
        parts.append(part("handle", "handle", *ear))
    if stopper != "none":
        wide = draws.between(*(_NARROW if stopper == "narrow" else _WIDE))
        plug = disc(0.0, 0.0, (top - 0.01, height), wide, wide)
        parts.append(part("stopper", "stopper", plug))
    power = draws.between(8.0, 18.0) if outline == "square" else draws.between(2.0, 2.1)
    hole = 0.0 if stopper != "none" else 0.048
    across = span(0.0, 2 * half)

    def inside(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        beside, before = x / radius(z), y / depth(z)
        distance = np.where(
            z < base,
            (abs(beside) ** power + abs(before) ** power) ** (1 / power),
            np.hypot(beside, before),
        )
        return (distance <= 1.0) & ((np.hypot(x, y) > hole) | (z < top - 0.1))

    parts.append(part("bottle", "bottle", Solid(across, across, (0.0, top), inside)))
    if body == "straight":
        z = tuple(share * (1.0 - shoulder) * base for share in _LABEL)
        around = (
            span(0.0, 2 * half + 0.02),
            span(0.0, 2 * float(depth(np.array((1.0 - shoulder) * base))) + 0.02),
        )
        parts.append(painted("label", "label", Box(*around, z)))
    attributes: dict[str, str | int | bool] = {
        "outline": outline,
        "body": body,
        "build": build,
        "flat": flat,
        "neck": neck,
        "stopper": stopper,
        "handle": handle,
    }
    adjectives = [build, *["flat"] * flat, outline]
    return Design(parts, attributes, ["bottle"], adjectives, _details(attributes))


def _details(attributes: dict[str, str | int | bool]) -> list[str]:
    stopper, handle = attributes["stopper"], attributes["handle"]
    bodies = {"straight": "straight sides", "conical": "a conical body", "round": "a rounded body"}
    return [
        f"a {attributes['neck']} neck",
        bodies[str(attributes["body"])],
        "no stopper" if stopper == "none" else f"a {stopper} stopper",
        "no handle" if handle == "none" else f"a handle on the {handle}",
    ]


def _radius(
    body: str, half: float, thin: float, base: float, shoulder: float, low: float
) -> Radius:
    """The half width at a height; the neck begins at `base` and is `thin`."""

    def radius(z: np.ndarray) -> np.ndarray:
        u = np.clip(z / base, 0.0, 1.0)
        if body == "conical":
            return half + (thin - half) * np.clip((u - 0.1) / 0.9, 0.0, 1.0) ** low
        if body == "straight":
            down = np.clip((u - 1.0 + shoulder) / shoulder, 0.0, 1.0)
            up = low + (1.0 - low) * np.minimum(u / (1.0 - shoulder), 1.0)
            return up * half + (thin - half) * down * down * (3.0 - 2.0 * down)
        # an ellipse that is cut at both ends
        below, above = np.sqrt(1.0 - low**2), np.sqrt(1.0 - (thin / half) ** 2)
        across = -below + u * (below + above)
        return np.where(u < 1.0, half * np.sqrt(np.maximum(1.0 - across**2, 0.0)), thin)

    return radius


class _View(NamedTuple):
    """What a bottle's layers show; lengths in voxels.

    top: The layer over it.
    middle: The column of its axis.
    areas: How many voxels each layer has without a handle, (D,).
    wide: The width of each layer without a handle, (D,).
    widest: The width of its body.
    plug: The layer in which its stopper begins; `top` if it has none.
    neck: The layer in which its neck begins.
    stopper: "none", "narrow" or "wide".
    """

    top: int
    middle: float
    areas: np.ndarray
    wide: np.ndarray
    widest: float
    plug: int
    neck: int
    stopper: str


def _view(voxels: np.ndarray) -> _View:
    """See a bottle, bool (D, H, W), that stands on the ground."""
    from scipy.ndimage import binary_fill_holes

    fronts = [layer[ends(layer, 0, 2)[0]] for layer in voxels if layer.any()]
    middle = float(np.median([np.flatnonzero(row).mean() for row in fronts if row.any()]))
    sides = np.array([ends(layer, 1, 2) for layer in voxels])
    half = np.stack([middle + 0.5 - sides[:, 0], sides[:, 1] - 0.5 - middle])
    half[:, sides[:, 1] == 0] = 0.0
    reach = half.max(axis=1)
    # a handle is on one side only
    wide = 2 * half[reach.argmin()] if np.ptp(reach) > 3 else half.sum(axis=0)
    x = abs(np.arange(voxels.shape[2]) - middle)
    own = voxels & (x <= wide[:, None, None] / 2)
    areas = np.array([binary_fill_holes(layer).sum() for layer in own]) * (32 / len(voxels)) ** 2
    top = int(np.flatnonzero(areas > 5)[-1]) + 1
    end = float(areas[top - 2 : top].mean())
    stopper = "narrow" if end < 18 else "wide" if end > 38 else "none"
    plug = top
    while stopper != "none" and plug > top - 4 and not 18 <= areas[plug - 1] <= 38:
        plug -= 1
    neck, thick = plug, 1.2 * max(float(np.median(areas[plug - 3 : plug - 1])), 24.0)
    while neck > 0 and areas[neck - 1] < thick:
        neck -= 1
    widest = float(np.percentile(wide[:top], 96))
    return _View(top, middle, areas, wide, widest, plug, neck, stopper)


def look(voxels: np.ndarray) -> dict[str, str | bool]:
    """Invert `draw`: the widths of the layers show stopper, neck and body."""
    voxels = grounded(voxels)
    view = _view(voxels)
    broad = np.flatnonzero(view.wide[: view.top] > 0.9 * view.widest)
    wide, deep = view.wide[broad], depths(voxels, 2)[broad]
    full = view.areas[broad] * (len(voxels) / 32) ** 2 / (wide * deep)
    handles = [side for side, out in _ears(voxels, view, 1.5).items() if out.sum() >= 12]
    return {
        "outline": "square" if np.median(full) > 0.9 else "round",
        "body": _body(view),
        "build": "slim" if view.widest < 0.6 * view.top else "stout",
        "flat": bool(np.median(deep / wide) < 0.75),
        "neck": "long" if view.plug - view.neck > 0.315 * view.top else "short",
        "stopper": view.stopper,
        "handle": handles[0] if handles else "none",
    }


def _body(view: _View) -> str:
    """The kind of a body: round ones are narrow at the ground, and conical ones halfway up."""
    body = np.sqrt(view.areas[: view.neck] / np.percentile(view.areas[: view.neck], 95))
    n = len(body)
    if body[: max(n // 8, 1)].mean() < 0.82:
        return "round"
    return "straight" if body[round(0.45 * n) : round(0.62 * n)].mean() > 0.91 else "conical"


def _ears(voxels: np.ndarray, view: _View, gap: float) -> dict[str, np.ndarray]:
    """What stands out by `gap` voxels on the left and on the right, each bool (D, H, W)."""
    x = np.arange(voxels.shape[2]) - view.middle
    y = np.arange(voxels.shape[1]) - sum(ends(voxels.any(axis=0), 0)) / 2 + 0.5
    near = voxels & (abs(y) < 2.1)[:, None]
    half = view.wide[:, None, None] / 2 + gap
    return {side: near & (sign * x > half) for side, sign in ENDS}


def place(voxels: np.ndarray) -> np.ndarray:
    """Tell the slots: a label lies at a fixed place of a straight body."""
    ground = int(voxels.any(axis=(1, 2)).argmax())
    solid = grounded(voxels)
    view = _view(solid)
    slots = np.full(voxels.shape, 1 + SLOTS.index("bottle"), dtype=np.uint8)
    own = slots[ground:]  # a view
    if _body(view) == "straight":
        full = view.areas > 0.97 * np.percentile(view.areas[: view.neck], 80)
        shoulder = int(np.flatnonzero(full)[-1]) + 0.75
        low, high = (int(np.ceil(share * shoulder - 0.5)) for share in _LABEL)
        own[low:high] = 1 + SLOTS.index("label")
    own[view.plug :] = 1 + SLOTS.index("stopper")
    far = _ears(solid, view, 1.5)
    for side, out in _ears(solid, view, 0.6).items():
        if far[side].sum() >= 12:
            handle = out & far[side].any(axis=(1, 2), keepdims=True)
            own[handle[: len(own)]] = 1 + SLOTS.index("handle")
    return slots


def find_faults(voxels: np.ndarray) -> list[str]:
    """What is wrong with the body, the neck or the handle."""
    from scipy.ndimage import label

    view = _view(voxels)
    if view.top < 0.5 * len(voxels) or view.widest < 0.2 * len(voxels):
        return ["the bottle is broken"]
    found = []
    if view.plug - view.neck < 2 or view.neck < 0.3 * view.top:
        found.append("the neck is missing")
    ears = sum(out.sum() >= 8 for out in _ears(voxels, view, 1.5).values())
    if label(~np.pad(voxels.any(axis=1), 1))[1] - 1 < ears:
        found.append("the handle is broken")
    return found


PHRASES = {
    "": "=bottle; =flask",
    "build=slim": "slim ~; slender ~",
    "build=stout": "stout ~; broad ~",
    "flat=yes": "flat ~; flattened ~",
    "flat=no": "thick ~; deep ~",
    "outline=round": "round ~",
    "outline=square": "square ~",
    "body=straight": "straight sides",
    "body=conical": "a conical body; a tapered body; slanted sides",
    "body=round": "a rounded body; a bulging body",
    "neck=long": "a long neck",
    "neck=short": "a short neck",
    "stopper=none": "no stopper; no cork; no cap",
    "stopper=narrow": "a narrow stopper; a cork",
    "stopper=wide": "a wide stopper; a cap",
    "stopper=narrow|wide": "a stopper",
    "handle=none": "no handle",
    "handle=left": "a handle on the left; a left handle",
    "handle=right": "a handle on the right; a right handle",
    "handle=left|right": "a handle; a single handle",
}
HELD_OUT = ("body=conical stopper=wide",)
SAID_APART = ("body=round handle=left",)
