"""Whether the fields that a model draws are good shapes of their family, as its judge sees them.

A model draws a field, and one with materials a slot for each voxel too. `field_report` says of many
such shapes of one family how they compare with real ones; `benchmarks/quality.py` prints it, beside
the same report on real shapes in their place. What hangs in the air, or lacks a part, is unsound.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from course_utils.datasets.shapes import FAMILIES, faults, seen_slots
from course_utils.evaluation.distances import (
    POINTS,
    chamfer_distances,
    copied_share,
    field_points,
    nearest_iou,
)
from course_utils.evaluation.sets import coverage, nearest_neighbour_accuracy
from course_utils.evaluation.shapes import one_piece, roughness
from course_utils.geometry.matter import slots_from_model


class Drawn(NamedTuple):
    """N shapes as a model draws them.

    fields: Float32 (N, D, H, W), inside above 0.
    slots: The slot of each voxel, uint8 (N, D, H, W), 1 for the family's first; None for a model
        without materials.
    """

    fields: np.ndarray
    slots: np.ndarray | None = None


class Compared(NamedTuple):
    """How far shapes that are not empty are apart, and from real ones; Chamfer distances.

    points: On their surfaces, (N, P, 3), see `distances.field_points`.
    within: Distances of the shapes from each other, (N, N).
    between: Their distances from the real ones, (N, M).
    reference: Distances of the real ones from each other, (M, M).
    """

    points: Tensor
    within: Tensor
    between: Tensor
    reference: Tensor


class FieldReport(NamedTuple):
    """What `field_report` measures; shares are of all shapes, empty ones included."""

    count: int
    empty: float  # share of shapes without any voxel
    accuracy: float  # 1-NNA by the Chamfer distance; 0.5 is best
    coverage: float  # COV by the Chamfer distance
    sound: float | None  # share without faults; None for a family without a judge
    one_piece: float  # share in one piece once crumbs are removed
    slots_right: float | None  # mean share of surface voxels; None without materials
    roughness: float | None  # mean angle between neighbouring triangles, degrees; None: all empty
    filled: float  # mean filled share of the cube
    copies: float  # share with a near copy among the training shapes


def as_drawn(x: Tensor, families: Sequence[str]) -> Drawn:
    """Take apart what a model drew.

    Args:
        x: (N, C, D, H, W): a field, and with materials one channel more for each slot.
        families: The family of each shape.
    """
    fields = x[:, 0].cpu().numpy()
    if x.shape[1] == 1:
        return Drawn(fields)
    known = [len(FAMILIES[family].SLOTS) for family in families]
    rows = [slots_from_model(x[row : row + 1], slots) for row, slots in enumerate(known)]
    return Drawn(fields, torch.cat(rows).cpu().numpy())


def sound(voxels: np.ndarray, family: str) -> np.ndarray:
    """Return which shapes have no faults (`datasets.shapes.faults`): bool (N,).

    Args:
        voxels: Shapes, bool (N, D, H, W).
        family: The family that they are taken for.
    """
    return np.array([not faults(shape, family) for shape in voxels], dtype=bool)


def slots_right(voxels: np.ndarray, slots: np.ndarray, family: str) -> float:
    """Return the share of a shape's surface voxels whose slot is the one that the judge gives them.

    A surface voxel has an empty neighbour, or lies at the cube's side.

    Args:
        voxels: One shape, bool (D, H, W), not empty.
        slots: The slot of each voxel, uint8 (D, H, W); voxels of slot 0 are not counted.
        family: The family that the shape is taken for.
    """
    from scipy.ndimage import binary_erosion

    surface = voxels & ~binary_erosion(voxels) & (slots > 0)
    return float((seen_slots(voxels, family) == slots)[surface].mean())


def surface_distance(field: np.ndarray, true: np.ndarray, points: int = 4000) -> float:
    """Return the mean distance of a shape's surface from the true one, in voxels of the field.

    It is measured from points on the field's surface to the nearest of ten times as many on the
    true one. Those lie apart, so a surface has a distance to itself too: report it.

    Args:
        field: Floats (D, H, W), inside above 0, or bool voxels.
        true: The same shape on a finer grid, in the same cube.
        points: Points on the field's surface.

    Raises:
        ValueError: If nothing is inside one of them.
    """
    from scipy.spatial import KDTree

    near = KDTree(field_points(true[None], 10 * points)[0].numpy())
    apart = near.query(field_points(field[None], points, seed=1)[0].numpy())[0]
    return float(apart.mean() * max(field.shape))


def points_of(fields: np.ndarray, seed: int) -> Tensor:
    """Return points on the surfaces of those of N shapes that are not empty: (up to N, P, 3).

    Args:
        fields: Floats (N, D, H, W), inside above 0.
        seed: Seed of the points; sets that are compared have seeds of their own.
    """
    there = fields[(fields > 0).any((1, 2, 3))]
    return field_points(there, seed=seed) if len(there) else torch.empty(0, POINTS, 3)


def changed(before: Compared, points: Tensor, reference: Tensor) -> Compared:
    """Return the distances of shapes most of which were compared before, in less time.

    Args:
        before: Of as many shapes with the same real ones; `points_of` had the same seed.
        points: The shapes' points, (N, P, 3).
        reference: The real ones' points, (M, P, 3).
    """
    new = (points != before.points).flatten(1).any(1)
    within, between = before.within.clone(), before.between.clone()
    within[new], between[new] = (chamfer_distances(points[new], all) for all in (points, reference))
    within[:, new] = within[new].T
    return Compared(points, within.fill_diagonal_(0), between, before.reference)


def field_report(
    drawn: Drawn, compared: Compared, training: np.ndarray, family: str, judged: bool = True
) -> FieldReport:
    """Measure shapes of one family against real ones that were held out from training.

    Args:
        drawn: N shapes, N > 0.
        compared: Their distances from the real ones.
        training: Shapes that the model learned from, bool (K, D, H, W), for near copies.
        family: The family.
        judged: Whether the judge of `datasets.shapes` knows the family and is tuned for its grid.
    """
    voxels = drawn.fields > 0
    there = voxels.any((1, 2, 3))
    right = drawn.slots is not None and [
        slots_right(*shape, family) for shape in zip(voxels[there], drawn.slots[there], strict=True)
    ]
    empty = int(np.count_nonzero(~there))
    return FieldReport(
        count=len(voxels),
        empty=empty / len(voxels),
        accuracy=nearest_neighbour_accuracy(*compared[1:], empty),
        coverage=coverage(compared.between) if len(compared.between) else 0.0,
        sound=float(sound(voxels, family).mean()) if judged else None,
        one_piece=float(one_piece(voxels).mean()),
        slots_right=float(np.mean(right)) if right and judged else None,
        roughness=float(np.mean([*map(roughness, drawn.fields[there])])) if any(there) else None,
        filled=float(voxels.mean()),
        copies=copied_share(nearest_iou(voxels, training)[0]),
    )
