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

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import index as as_index
from typing import Any

import numpy as np

from course_utils.datasets.shapes.drawing import Design, Draws, caption_of, palette_of
from course_utils.datasets.shapes.families import CLASSES, FAMILIES, family_of
from course_utils.datasets.shapes.judging import faults, measure, seen_slots
from course_utils.datasets.shapes.materials import MATERIALS, Material, Palette
from course_utils.datasets.shapes.parts import Part, fills, matter_of, occupancy
from course_utils.geometry.matter import coverage_of, slots_of

__all__ = [
    "CLASSES",
    "FAMILIES",
    "Draws",
    "MatterSet",
    "Shape",
    "ShapeSet",
    "attributes_of",
    "faults",
    "make_matter",
    "make_shape",
    "make_shapes",
    "measure",
    "seen_slots",
]

SMALLEST_RESOLUTION, LARGEST_RESOLUTION = 8, 128


@dataclass(frozen=True, eq=False)
class Shape:
    """One shape: voxels bool (D, H, W), class, attributes, caption, parts and palette.

    voxels: Which voxels are filled: those whose centre lies in a part.
    parts: The named parts that it is made of.
    palette: The material of each of its slots.
    """

    voxels: np.ndarray
    label: int
    family: str
    attributes: dict[str, str | int | bool]
    caption: str
    parts: tuple[Part, ...]
    palette: Palette

    @property
    def coverage(self) -> np.ndarray:
        """How much of each voxel is filled, float32 (D, H, W), 0 to 1."""
        return coverage_of(self.matter)

    @property
    def slots(self) -> np.ndarray:
        """The slot of each voxel's matter, uint8 (D, H, W): 0 for none, 1 for the first slot."""
        return slots_of(self.matter)

    @property
    def finishes(self) -> list[Material]:
        """The material of each of the family's slots; white paint for those it does not have."""
        slots = FAMILIES[self.family].SLOTS
        return [self.palette.get(slot, MATERIALS["white"]) for slot in slots]

    @property
    def colours(self) -> list[str]:
        """The colours of `finishes`."""
        return [material.colour for material in self.finishes]

    def without(self, name: str) -> np.ndarray:
        """Return the voxels without a part, bool (D, H, W); what other parts fill too is left.

        Args:
            name: The part's, such as "leg 2".

        Raises:
            ValueError: If there is no such part.
        """
        names = [each.name for each in self.parts]
        if name not in names:
            raise ValueError(f"name={name!r}: expected one of {', '.join(names)}")
        filled = fills(self.parts, len(self.voxels))
        others = [voxels for part, voxels in zip(names, filled, strict=True) if part != name]
        return self.voxels & (~filled[names.index(name)] | np.any(others, axis=0))

    @cached_property
    def matter(self) -> np.ndarray:
        """Coverage and slots in one, uint8 (D, H, W), see `geometry.matter`."""
        return matter_of(self.parts, FAMILIES[self.family].SLOTS, len(self.voxels))


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


@dataclass(frozen=True, eq=False)
class MatterSet:
    """N shapes as matter (`geometry.matter`), uint8 (N, D, H, W); the rest as in a `ShapeSet`."""

    matter: np.ndarray
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
    family_of(family)
    seed = _integer("seed", seed, 0, None, "pass 0, 1, 2, …")
    resolution = _resolution(resolution)
    design, caption, palette = _drawn(family, seed)
    return Shape(
        voxels=occupancy(design.parts, resolution),
        label=CLASSES.index(family),
        family=family,
        attributes=design.attributes,
        caption=caption,
        parts=tuple(design.parts),
        palette=palette,
    )


def attributes_of(family: str, seed: int) -> dict[str, str | int | bool]:
    """Return the attributes of `make_shape(family, seed)` without making its voxels.

    Args:
        family: One of `CLASSES`.
        seed: 0 or larger.

    Raises:
        ValueError: If the family is unknown or the seed is negative.
    """
    file, seed = family_of(family), _integer("seed", seed, 0, None, "pass 0, 1, 2, …")
    return file.draw(Draws(family, seed)).attributes


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
    families, resolution = _checked_families(families), _resolution(resolution)
    voxels = np.empty((_count(count), *(resolution,) * 3), dtype=bool)

    def fill(row: int, family: str, parts: Sequence[Part]) -> None:
        voxels[row] = occupancy(parts, resolution)

    return ShapeSet(voxels, **_made(len(voxels), families, first_index, fill))


def make_matter(
    count: int, resolution: int = 32, families: Sequence[str] | None = None, first_index: int = 0
) -> MatterSet:
    """Make the shapes of `make_shapes` with coverage and material slots.

    Args:
        count: Number of shapes.
        resolution: Voxels per side, 8 to 128.
        families: Families that take turns; None: all of `CLASSES`.
        first_index: Index of the first shape.

    Raises:
        ValueError: If a family is unknown, or a number is out of range.
    """
    families, resolution = _checked_families(families), _resolution(resolution)
    matter = np.empty((_count(count), *(resolution,) * 3), dtype=np.uint8)

    def fill(row: int, family: str, parts: Sequence[Part]) -> None:
        matter[row] = matter_of(parts, FAMILIES[family].SLOTS, resolution)

    return MatterSet(matter, **_made(len(matter), families, first_index, fill))


def _made(
    count: int,
    families: tuple[str, ...],
    first_index: int,
    fill: Callable[[int, str, Sequence[Part]], None],
) -> dict[str, Any]:
    """Draw shapes, let `fill` put each into its row, and return what a set says beside that."""
    first = _integer("first_index", first_index, 0, None, "indices start at 0")
    labels, captions, attributes = np.empty(count, dtype=np.int64), [], []
    for row in range(count):
        family = families[(first + row) % len(families)]
        design, caption, _ = _drawn(family, first + row)
        fill(row, family, design.parts)
        labels[row] = CLASSES.index(family)
        captions.append(caption)
        attributes.append(design.attributes)
    return {
        "labels": labels,
        "captions": captions,
        "attributes": attributes,
        "families": families,
    }


def _drawn(family: str, seed: int) -> tuple[Design, str, Palette]:
    """Draw a shape's design, caption and palette."""
    file, draws = FAMILIES[family], Draws(family, seed)
    design = file.draw(draws)
    used = {each.slot for each in design.parts}
    drawn = palette_of(family, seed, file.MATERIALS)
    palette = {slot: drawn[slot] for slot in file.SLOTS if slot in used}
    return design, caption_of(draws, design, palette, Draws(f"colours of {family}", seed)), palette


def _checked_families(families: Sequence[str] | None) -> tuple[str, ...]:
    families = CLASSES if families is None else families
    if isinstance(families, str) or not families:
        raise ValueError(
            f"families={families!r}: expected a non-empty sequence of names, such as ('chair',"
            " 'lamp')"
        )
    for name in families:
        family_of(name)
    return tuple(families)


def _count(value: int) -> int:
    return _integer("count", value, 0, None, "pass the number of shapes")


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
