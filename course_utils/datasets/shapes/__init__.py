"""Shapes from a seed: as many captioned voxel shapes as you want, the same on every machine.

This is the data set of lessons 00, 07, 08 and 09 and of the shipped voxel models. A family is a
file with two functions. `draw` decides every size, in units of the cube's side, and returns a list
of solid parts; they become voxels only afterwards, so a seed gives the same shape at every
resolution. `look` is its inverse: it reads the attributes off the voxels.

Arrays are (D, H, W) = z, y, x: index 0 of z is the ground, index 0 of y is the front.

Randomness is `numpy.random.PCG64(SeedSequence([crc32(family), seed]))`, read only as 53-bit
fractions. NumPy's compatibility policy (NEP 19) freezes both, and a new family does not change the
shapes of the others.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from operator import index as as_index
from typing import Any

import numpy as np

from course_utils.datasets.shapes import (
    airplane,
    bed,
    car,
    chair,
    house,
    lamp,
    mug,
    shelf,
    sofa,
    table,
    tree,
)
from course_utils.datasets.shapes.drawing import Draws, caption_of, voxelise_parts

# The order is the order of the labels: add new families at the end.
_FAMILIES = {"chair": chair, "table": table, "lamp": lamp, "sofa": sofa, "bed": bed, "shelf": shelf}
_FAMILIES |= {"airplane": airplane, "car": car, "house": house, "tree": tree, "mug": mug}
CLASSES: tuple[str, ...] = tuple(_FAMILIES)

SMALLEST_RESOLUTION, LARGEST_RESOLUTION = 8, 128


@dataclass(frozen=True, eq=False)
class Shape:
    """One shape: voxels bool (D, H, W), its class, its attributes, and a caption that states some
    of them.
    """

    voxels: np.ndarray
    label: int
    family: str
    attributes: dict[str, str | int | bool]
    caption: str


@dataclass(frozen=True, eq=False)
class ShapeSet:
    """N shapes: voxels bool (N, D, H, W) and labels int64 (N,) into `CLASSES`.

    `captions` and `attributes` have N items, as in a `Shape`; `families` are those that were drawn
    from.
    """

    voxels: np.ndarray
    labels: np.ndarray
    captions: list[str]
    attributes: list[dict[str, str | int | bool]]
    families: tuple[str, ...]


def make_shape(family: str, seed: int, resolution: int = 32) -> Shape:
    """Make the shape with a given family and seed.

    It stands on the ground, is centred in x and y, and its largest extent is 0.76 to 0.94 of the
    cube's side. From 16 voxels per side on it is one piece, connected through faces.

    Args:
        family: One of `CLASSES`.
        seed: 0 or larger.
        resolution: Voxels per side, 8 to 128.

    Raises:
        ValueError: If the family is unknown, or a number is out of range.
    """
    _known(family)
    seed = _integer("seed", seed, 0, None, "pass 0, 1, 2, …")
    resolution = _resolution(resolution)
    draws = Draws(family, seed)
    design = _FAMILIES[family].draw(draws)
    caption = caption_of(draws, design)
    voxels = voxelise_parts(design.parts, resolution)
    return Shape(voxels, CLASSES.index(family), family, design.attributes, caption)


def attributes_of(family: str, seed: int) -> dict[str, str | int | bool]:
    """Return the attributes of `make_shape(family, seed)` without making its voxels.

    Args:
        family: One of `CLASSES`.
        seed: 0 or larger.

    Raises:
        ValueError: If the family is unknown or the seed is negative.
    """
    _known(family)
    return (
        _FAMILIES[family]
        .draw(Draws(family, _integer("seed", seed, 0, None, "pass 0, 1, 2, …")))
        .attributes
    )


def make_shapes(
    count: int, resolution: int = 32, families: Sequence[str] | None = None, first_index: int = 0
) -> ShapeSet:
    """Make `count` shapes with the indices `first_index`, `first_index + 1`, …

    Shape i is `make_shape(families[i % len(families)], seed=i)`. It depends on nothing but its
    index, so several workers can share one data set by index ranges, and a held-out set is a range
    that training never touches.

    Args:
        count: Number of shapes.
        resolution: Voxels per side, 8 to 128.
        families: Families that take turns; None: all of `CLASSES`.
        first_index: Index of the first shape.

    Raises:
        ValueError: If a family is unknown, or a number is out of range.
    """
    families = CLASSES if families is None else families
    if isinstance(families, str) or not families:
        raise ValueError(
            f"families={families!r}: expected a non-empty sequence of names, such as ('chair',"
            " 'lamp')"
        )
    families = tuple(_known(family) for family in families)
    count = _integer("count", count, 0, None, "pass the number of shapes")
    first = _integer("first_index", first_index, 0, None, "indices start at 0")
    resolution = _resolution(resolution)
    voxels = np.empty((count, resolution, resolution, resolution), dtype=bool)
    labels = np.empty(count, dtype=np.int64)
    captions, attributes = [], []
    for row in range(count):
        shape = make_shape(families[(first + row) % len(families)], first + row, resolution)
        voxels[row], labels[row] = shape.voxels, shape.label
        captions.append(shape.caption)
        attributes.append(shape.attributes)
    return ShapeSet(voxels, labels, captions, attributes, families)


def measure(voxels: np.ndarray, family: str) -> dict[str, str | int | bool]:
    """Measure the attributes of a shape from its voxels alone: the judge of lessons 07 and 09.

    It returns what `make_shape` gives as `attributes`, key by key, and is tuned for 32 voxels per
    side. Only the largest piece counts. If that shows too little of the family to be measured, the
    result is {}.

    Args:
        voxels: One shape, bool (D, H, W), a cube, not empty.
        family: One of `CLASSES`: the family that the shape is taken for.

    Raises:
        ValueError: If the family is unknown, or the voxels are not as above.
    """
    from scipy.ndimage import label

    _known(family)
    voxels = np.asarray(voxels)
    if voxels.dtype != bool or voxels.ndim != 3 or len(set(voxels.shape)) != 1 or not voxels.any():
        filled = int(np.count_nonzero(voxels))
        raise ValueError(
            f"voxels: got {voxels.dtype} of shape {voxels.shape}, {filled} filled; expected bool"
            " (n, n, n), not empty"
        )
    pieces, _ = label(voxels)
    with warnings.catch_warnings(action="error"):  # the mean of nothing, a line through one point
        try:
            return _FAMILIES[family].look(pieces == 1 + np.bincount(pieces.ravel())[1:].argmax())
        except (IndexError, TypeError, ValueError, Warning):
            return {}


def _known(family: str) -> str:
    if family not in CLASSES:
        raise ValueError(f"family={family!r}: expected one of {', '.join(CLASSES)}")
    return family


def _resolution(value: int) -> int:
    return _integer(
        "resolution", value, SMALLEST_RESOLUTION, LARGEST_RESOLUTION, "32 is the course's own"
    )


def _integer(name: str, value: Any, least: int, most: int | None, remedy: str) -> int:
    wanted = f"an integer of at least {least}" + ("" if most is None else f" and at most {most}")
    try:
        number = as_index(value)
    except TypeError:
        raise ValueError(f"{name}={value!r}: expected {wanted}; {remedy}") from None
    if number < least or (most is not None and number > most):
        raise ValueError(f"{name}={value!r}: expected {wanted}; {remedy}")
    return number
