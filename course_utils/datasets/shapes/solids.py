"""Solid bodies: boxes, lofts, rods and solids by formula, and the voxels that they fill.

The parts of all shapes are made of these. Lengths are in units of the cube's side; x and y are
measured from the middle of the cube (left and front are negative), z from the ground.
"""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

Interval = tuple[float, float]
Region = tuple[slice, slice, slice]  # z, y, x
Shift = tuple[float, float]  # what is added to x and y: 0.5 puts the cube's middle at 0.5


class Box(NamedTuple):
    """An upright box between (low, high) in x, y and z, at least one voxel thick."""

    x: Interval
    y: Interval
    z: Interval

    def bounds(self) -> tuple[float, float, float, float]:
        return (*self.x, *self.y)

    def cells(self, n: int, shift: Shift) -> tuple[Region, np.ndarray | bool]:
        x = _voxels_between(self.x[0] + shift[0], self.x[1] + shift[0], n)
        y = _voxels_between(self.y[0] + shift[1], self.y[1] + shift[1], n)
        return (_voxels_between(*self.z, n), y, x), True


class Loft(NamedTuple):
    """A stack of horizontal slices from z[0] to z[1]: rectangles, or ellipses if `round`.

    The centre (x, y) and the half sizes (x, y) change linearly from `bottom` to `top`; `curve` then
    scales the half sizes. "straight" gives cones and leaning panels, "ball" an ellipsoid, "dome"
    its upper half, and "arch" narrows in x only.
    """

    z: Interval
    bottom: tuple[float, float, float, float]  # centre x, centre y, half size x, half size y
    top: tuple[float, float, float, float]
    round: bool = False
    curve: str = "straight"

    def bounds(self) -> tuple[float, float, float, float]:
        (x0, y0, a0, b0), (x1, y1, a1, b1) = self.bottom, self.top
        return (
            min(x0 - a0, x1 - a1),
            max(x0 + a0, x1 + a1),
            min(y0 - b0, y1 - b1),
            max(y0 + b0, y1 + b1),
        )

    def cells(self, n: int, shift: Shift) -> tuple[Region, np.ndarray | bool]:
        layers = _voxels_between(*self.z, n)
        height = (np.arange(layers.start, layers.stop) + 0.5) / n  # (D,)
        u = np.clip((height - self.z[0]) / (self.z[1] - self.z[0]), 0.0, 1.0)
        shrink = _CURVES[self.curve](u)
        sides = []
        for axis in (0, 1):
            start, end = self.bottom[axis] + shift[axis], self.top[axis] + shift[axis]
            half = (
                self.bottom[axis + 2] + u * (self.top[axis + 2] - self.bottom[axis + 2])
            ) * shrink[axis]
            # Neighbouring layers of a leaning part must share a voxel, not only touch at an edge.
            lean = abs(end - start) / (self.z[1] - self.z[0])
            half = np.maximum(half, ((0.7072 if self.round else 0.5) + lean / 2) / n)
            centre = start + u * (end - start)
            span = _voxels_between(float((centre - half).min()), float((centre + half).max()), n)
            places = (np.arange(span.start, span.stop) + 0.5) / n
            # (D, W) or (D, H)
            sides.append((span, np.abs(places - centre[:, None]) / half[:, None]))
        (x_span, x), (y_span, y) = sides
        if self.round:
            inside = (x * x)[:, None, :] + (y * y)[:, :, None] <= 1.0
        else:
            inside = (x <= 1.0)[:, None, :] & (y <= 1.0)[:, :, None]
        return (layers, y_span, x_span), inside  # (D, H, W)


class Rod(NamedTuple):
    """A round bar from `start` to `end` (x, y, z), with round ends, thick enough for one piece."""

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    radius: float

    def bounds(self) -> tuple[float, float, float, float]:
        (x0, y0, _), (x1, y1, _), r = self.start, self.end, self.radius
        return min(x0, x1) - r, max(x0, x1) + r, min(y0, y1) - r, max(y0, y1) + r

    def cells(self, n: int, shift: Shift) -> tuple[Region, np.ndarray | bool]:
        # half a voxel's diagonal: every voxel the axis crosses is inside
        radius = max(self.radius, 0.8661 / n)
        start = [self.start[0] + shift[0], self.start[1] + shift[1], self.start[2]]
        along = [b - a for a, b in zip(self.start, self.end, strict=True)]
        spans, offsets = [], []
        for axis, view in ((0, (1, 1, -1)), (1, (1, -1, 1)), (2, (-1, 1, 1))):
            low, high = sorted((start[axis], start[axis] + along[axis]))
            spans.append(_voxels_between(low - radius, high + radius, n))
            offsets.append(
                ((np.arange(spans[axis].start, spans[axis].stop) + 0.5) / n - start[axis]).reshape(
                    view
                )
            )
        progress = sum(o * a for o, a in zip(offsets, along, strict=True)) / sum(
            a * a for a in along
        )
        # (D, H, W), 0 at the start of the axis and 1 at its end
        progress = np.clip(progress, 0.0, 1.0)
        distance = sum((o - progress * a) ** 2 for o, a in zip(offsets, along, strict=True))
        return (spans[2], spans[1], spans[0]), distance <= radius**2


class Solid(NamedTuple):
    """A solid between (low, high) in x, y and z that is filled where `inside` says so.

    `inside` takes the coordinates x (W,), y (H, 1) and z (D, 1, 1) and returns a bool array that
    broadcasts to (D, H, W). There is no least thickness: everything that it fills should be at
    least THIN thick.
    """

    x: Interval
    y: Interval
    z: Interval
    inside: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]

    def bounds(self) -> tuple[float, float, float, float]:
        return (*self.x, *self.y)

    def cells(self, n: int, shift: Shift) -> tuple[Region, np.ndarray]:
        places, spans = [], []
        for (low, high), move in ((self.x, shift[0]), (self.y, shift[1]), (self.z, 0.0)):
            spans.append(_voxels_between(low + move, high + move, n))
            places.append((np.arange(spans[-1].start, spans[-1].stop) + 0.5) / n - move)
        x, y, z = places
        return (spans[2], spans[1], spans[0]), self.inside(x, y[:, None], z[:, None, None])


_CURVES: dict[str, Callable[[np.ndarray], tuple[np.ndarray | float, np.ndarray | float]]] = {
    "straight": lambda u: (1.0, 1.0),
    "ball": lambda u: (np.sqrt(4.0 * u * (1.0 - u)),) * 2,
    "dome": lambda u: (np.sqrt(1.0 - u * u),) * 2,
    "arch": lambda u: (np.sqrt(1.0 - u * u), 1.0),
}


def _voxels_between(low: float, high: float, n: int) -> slice:
    """The voxels whose centre lies in [low, high); if there are none, the one at the middle."""
    first, last = math.ceil(low * n - 0.5), math.ceil(high * n - 0.5)
    if last <= first:
        first = math.floor((low + high) / 2 * n)
        last = first + 1
    return slice(max(first, 0), min(last, n))


Body = Box | Loft | Rod | Solid


def middle_of(bodies: Iterable[Body]) -> Shift:
    """Return what moves the middle of the bodies' bounding box to 0.5 in x and y."""
    x_low, x_high, y_low, y_high = zip(*(body.bounds() for body in bodies), strict=True)
    return 0.5 - (min(x_low) + max(x_high)) / 2, 0.5 - (min(y_low) + max(y_high)) / 2


def voxelise(bodies: Iterable[Body], resolution: int) -> np.ndarray:
    """Turn bodies into voxels, with their bounding box centred in x and y.

    Args:
        bodies: The bodies; the shape is their union.
        resolution: Voxels per side of the cube.

    Returns:
        bool (D, H, W).
    """
    bodies = list(bodies)
    shift = middle_of(bodies)
    voxels = np.zeros((resolution,) * 3, dtype=bool)
    for body in bodies:
        region, inside = body.cells(resolution, shift)
        voxels[region] |= inside
    return voxels
