"""Shapes from a seed: as many captioned voxel shapes as wanted, the same on every machine.

This is the data set of lessons 00, 07, 08 and 09 and of the shipped voxel models. A family is one
file with two functions: `draw` draws every size first, in units of the cube's side, and returns a
list of solid parts, which are rasterised at voxel centres only then, so that a seed names the same
thing at every resolution; `look` is its inverse and reads the attributes off the voxels.

Arrays are (D, H, W) = z, y, x: index 0 of z is the ground, index 0 of y is the front.

Randomness is `numpy.random.PCG64(SeedSequence([crc32(family), seed]))`, read only as 53-bit
fractions: both are frozen by NumPy's compatibility policy (NEP 19), and adding a family changes no
other family's shapes.
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
from course_utils.datasets.shapes.drawing import Draws, caption_of, rasterise

# The order is the order of the labels: add new families at the end.
_FAMILIES = {"chair": chair, "table": table, "lamp": lamp, "sofa": sofa, "bed": bed, "shelf": shelf}
_FAMILIES |= {"airplane": airplane, "car": car, "house": house, "tree": tree, "mug": mug}
CLASSES: tuple[str, ...] = tuple(_FAMILIES)

SMALLEST_RESOLUTION, LARGEST_RESOLUTION = 8, 128


@dataclass(frozen=True, eq=False)
class Shape:
    """One shape: voxels bool (D, H, W), its class, what it is made of, and a caption that says part
    of that.
    """

    voxels: np.ndarray
    label: int
    family: str
    attributes: dict[str, str | int | bool]
    caption: str


@dataclass(frozen=True, eq=False)
class ShapeSet:
    """N shapes: voxels bool (N, D, H, W), labels int64 (N,) into `CLASSES`, N captions and
    attributes as of a `Shape`.

    `families` are those that the shapes were drawn from.
    """

    voxels: np.ndarray
    labels: np.ndarray
    captions: list[str]
    attributes: list[dict[str, str | int | bool]]
    families: tuple[str, ...]


def make_shape(family: str, seed: int, resolution: int = 32) -> Shape:
    """The shape that `family` and `seed` name, on a grid of `resolution` voxels a side (8 to 128).

    It stands on the ground, is centred in x and y, and its largest extent is 0.76 to 0.94 of the
    cube's side. From 16 voxels a side on it is one piece, connected through voxel faces. Raises
    ValueError for an unknown family, a negative seed or a resolution outside the range.
    """
    _known(family)
    seed = _integer("seed", seed, 0, None, "pass 0, 1, 2, …")
    resolution = _resolution(resolution)
    draws = Draws(family, seed)
    plan = _FAMILIES[family].draw(draws)
    caption = caption_of(draws, plan)
    voxels = rasterise(plan.parts, resolution)
    return Shape(voxels, CLASSES.index(family), family, plan.attributes, caption)


def attributes_of(family: str, seed: int) -> dict[str, str | int | bool]:
    """The `attributes` of `make_shape(family, seed)`, without the work of its voxels. Raises
    ValueError as it does.
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
    """`count` shapes with the indices `first_index`, `first_index + 1`, …; `families` is `CLASSES`
    if not given.

    Shape i is `make_shape(families[i % len(families)], seed=i)`: it depends on nothing but its
    index, so several workers make one data set by sharing out index ranges, and a held-out set is a
    range that training never touches. Families take turns. Raises ValueError as `make_shape` does,
    and for a negative count.
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
    """The attributes of a shape of `family`, from its voxels bool (D, H, W) alone: the judge of
    lessons 07 and 09.

    It returns what `make_shape` says in `attributes`, key by key, for 32 voxels a side. Only the
    largest piece counts; where that shows so little of the family that a rule finds nothing to
    measure, nothing is known: {}. Raises ValueError for an unknown family, another dtype or shape,
    or an empty grid.
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
