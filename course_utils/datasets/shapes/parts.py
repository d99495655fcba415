"""Parts: what a shape is made of, how much of each voxel they fill, and which slot that belongs to.

A part has a name ("leg 2"), a material slot ("legs") and bodies. The slot says what the part is, so
all legs of all chairs share one; a palette says what the slots look like (`materials`).
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from course_utils.datasets.shapes.solids import Body, middle_of, voxelise
from course_utils.geometry.matter import pack_matter

FINER = 3  # cells per voxel and axis: `matter.CELLS` in all; odd, so that no voxel is half full


class Part(NamedTuple):
    """A named part: its bodies and the material slot that they belong to.

    name: What it is, numbered where there are several: "seat", "leg 1", "leg 2".
    slot: One of its family's `SLOTS`.
    bodies: Solid bodies; the part is their union.
    paint: Whether the bodies only colour what other parts fill, such as a window in a wall.
    """

    name: str
    slot: str
    bodies: tuple[Body, ...]
    paint: bool = False


def part(name: str, slot: str, *bodies: Body) -> Part:
    """Return a part made of bodies."""
    return Part(name, slot, bodies)


def painted(name: str, slot: str, *bodies: Body) -> Part:
    """Return a part that colours the surface of other parts inside its bodies, and fills nothing.

    Let the bodies stand out a little from what they colour, so that its surface lies inside them.
    """
    return Part(name, slot, bodies, paint=True)


def numbered(name: str, slot: str, bodies: Iterable[Body]) -> list[Part]:
    """Return one part per body, named "leg 1", "leg 2", …"""
    return [Part(f"{name} {k}", slot, (body,)) for k, body in enumerate(bodies, start=1)]


def solid_bodies(parts: Iterable[Part]) -> list[Body]:
    """Return all bodies that fill something."""
    return [body for each in parts if not each.paint for body in each.bodies]


def occupancy(parts: Iterable[Part], resolution: int) -> np.ndarray:
    """Return which voxels are filled, bool (D, H, W): those whose centre lies in a part.

    A part is at least one voxel thick, so that shapes are in one piece at low resolutions too.
    """
    return voxelise(solid_bodies(parts), resolution)


def fills(parts: Sequence[Part], resolution: int) -> list[np.ndarray]:
    """Return which voxels each part fills, where it stands in the shape: bool (D, H, W) each."""
    shift = middle_of(solid_bodies(parts))
    filled = []
    for each in parts:
        voxels = np.zeros((resolution,) * 3, dtype=bool)
        for body in solid_bodies([each]):
            region, inside = body.cells(resolution, shift)
            voxels[region] |= inside
        filled.append(voxels)
    return filled


def matter_of(parts: Sequence[Part], slots: Sequence[str], resolution: int) -> np.ndarray:
    """Return how much of each voxel is filled, and the slot that its matter belongs to.

    Parts are drawn on a grid that is `FINER` times finer; where they overlap, the later one counts.

    Args:
        parts: The parts.
        slots: The family's slots; a part's slot is one of them.
        resolution: Voxels per side of the cube.

    Returns:
        uint8 (D, H, W), see `geometry.matter`; slot 1 is the first of `slots`.
    """
    fine = resolution * FINER
    shift = middle_of(solid_bodies(parts))
    owner = np.zeros((fine,) * 3, dtype=np.uint8)
    for each in parts:
        number = slots.index(each.slot) + 1
        for body in each.bodies:
            region, inside = body.cells(fine, shift)
            cells = owner[region]  # a view (D, H, W), to which `inside` broadcasts
            np.copyto(cells, number, where=inside & (cells > 0) if each.paint else inside)
    count = _sum_of_blocks(owner > 0)
    return pack_matter(count, _slot_of_blocks(owner, count, len(slots)))


def _sum_of_blocks(filled: np.ndarray) -> np.ndarray:
    """How many of its FINER³ cells are filled, for each voxel: uint8 (D, H, W)."""
    total = filled.view(np.uint8)
    for axis in range(3):
        total = sum(total[(slice(None),) * axis + (slice(k, None, FINER),)] for k in range(FINER))
    return total


def _slot_of_blocks(owner: np.ndarray, count: np.ndarray, slots: int) -> np.ndarray:
    """The slot at each voxel's centre, or where that is empty the most frequent one in it."""
    middle = slice(FINER // 2, None, FINER)
    slot = owner[middle, middle, middle].copy()
    z, y, x = np.nonzero((slot == 0) & (count > 0))
    steps = np.arange(FINER)
    cells = owner[
        (FINER * z)[:, None, None, None] + steps[:, None, None],
        (FINER * y)[:, None, None, None] + steps[:, None],
        (FINER * x)[:, None, None, None] + steps,
    ]  # (voxels, 3, 3, 3)
    votes = [np.count_nonzero(cells == number, axis=(1, 2, 3)) for number in range(1, slots + 1)]
    slot[z, y, x] = 1 + np.argmax(votes, axis=0) if len(z) else 0
    return slot
