"""Whether a set of voxel shapes is good, varied and new: what can be read off the voxels alone.

Lesson 08 and the benchmarks use `shape_report`. Always report the oracle beside it: the same report
on other real shapes.
"""

import math
from typing import NamedTuple

import numpy as np
from torch import Tensor

from course_utils.evaluation.distances import (
    POINTS,
    chamfer_distances,
    chamfer_within,
    copied_share,
    iou_distances,
    nearest_iou,
    surface_points,
)
from course_utils.evaluation.sets import (
    coverage,
    minimum_matching_distance,
    nearest_neighbour_accuracy,
)
from course_utils.geometry.surface import is_watertight, smooth_mesh
from course_utils.geometry.voxels import checked_voxels, connected_components

CRUMB = 0.01  # of a shape's volume: smaller pieces are dust that `keep_largest` would remove
SMOOTHING = 0.7  # voxels: how much the meshes that lesson 08 exports are blurred


def piece_shares(voxels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how whole shapes are: the largest piece's share of the volume, and how many pieces.

    Both are 0 for an empty shape. Pieces are connected through faces.

    Args:
        voxels: Shapes, bool (N, D, H, W).

    Returns:
        Shares float64 (N,) and numbers int64 (N,).
    """
    sizes = _piece_sizes(voxels)
    largest = [size.max(initial=0) / max(size.sum(), 1) for size in sizes]
    return np.array(largest), np.array([len(size) for size in sizes])


def one_piece(voxels: np.ndarray, crumb: float = CRUMB) -> np.ndarray:
    """Return which shapes are one piece once their crumbs are removed: bool (N,).

    Args:
        voxels: Shapes, bool (N, D, H, W).
        crumb: Pieces below this share of a shape's volume are removed.
    """
    return np.array(
        [np.count_nonzero(size >= crumb * size.sum()) == 1 for size in _piece_sizes(voxels)]
    )


def _piece_sizes(voxels: np.ndarray) -> list[np.ndarray]:
    return [connected_components(shape)[1] for shape in checked_voxels(voxels, 4)]


def watertight_share(voxels: np.ndarray) -> float:
    """Return the share of shapes, bool (N, D, H, W), whose smoothed mesh is closed.

    Empty shapes have no mesh, so they count as open.
    """
    shapes = _at_least_one(voxels)
    return float(
        np.mean([is_watertight(smooth_mesh(shape, smoothing=SMOOTHING)) for shape in shapes])
    )


def roughness(field: np.ndarray) -> float:
    """Return the mean angle between neighbouring triangles of a shape's surface, in degrees.

    The surface is that of `surface.smooth_mesh` without smoothing. Compare it with that of true
    shapes of the same family, meshed in the same way: a cube has edges too.

    Args:
        field: Floats (D, H, W), inside above 0, or bool voxels.

    Raises:
        ValueError: If nothing is inside: there is no surface.
    """
    mesh = smooth_mesh(field)
    if not len(mesh.faces):
        raise ValueError("field: nothing is inside, so there is no surface")
    return float(np.degrees(mesh.face_adjacency_angles.mean()))


def height_profile(voxels: np.ndarray) -> np.ndarray:
    """Return the filled share of each layer, lowest first, averaged over shapes: float64 (D,).

    Its mean is the filled share of the cube. Legs are the first thing that weak models lose, and
    the lowest layers show it.

    Args:
        voxels: Shapes, bool (N, D, H, W).
    """
    return _at_least_one(voxels).mean((0, 2, 3))


class ShapeReport(NamedTuple):
    """What `shape_report` measures; shares are of all samples, empty ones included."""

    count: int
    empty: float  # share of samples without any voxel
    filled: float  # mean filled share of the cube
    reference_filled: float
    low_filled: float  # the same for the lowest quarter of the layers
    reference_low_filled: float
    pieces: float  # mean number of pieces
    largest_piece: float  # mean share of the volume in the largest piece
    one_piece: float  # share of samples in one piece
    one_piece_cleaned: float  # the same once pieces below CRUMB of the volume are removed
    watertight: float
    chamfer_accuracy: float  # 1-NNA; 0.5 is best, 1 is distinguishable, 0 is copied
    chamfer_coverage: float
    chamfer_matching: float  # minimum matching distance, in squared sides of the cube
    iou_accuracy: float  # dust fools it: report it only beside the Chamfer one
    iou_coverage: float
    iou_matching: float
    training_iou: float | None  # mean IoU with the nearest training shape; None without training
    training_iou_most: float | None  # the largest of them
    training_copies: float | None  # share with an IoU of COPY or more; real shapes have some too


def shape_report(
    samples: np.ndarray,
    reference: np.ndarray,
    training: np.ndarray | None = None,
    points: int = POINTS,
    seed: int = 0,
) -> ShapeReport:
    """Measure samples against real shapes that were held out from training.

    The oracle is this report on other real shapes. An empty sample is infinitely far from all
    shapes: 1-NNA counts it as distinguished, and it neither matches nor covers any shape.

    Args:
        samples: Shapes, bool (N, D, H, W), N > 0; ideally as many as there are reference shapes.
        reference: Shapes, bool (M, D, H, W), M > 1, none of them empty.
        training: Shapes, bool (K, D, H, W), to report how many samples are copies; None: none.
        points: Points per shape for the Chamfer distance.
        seed: Seed of those points.

    Raises:
        ValueError: If there are too few shapes, a reference is empty, or resolutions differ.
    """
    samples = checked_voxels(samples, 4, "samples")
    reference = checked_voxels(reference, 4, "reference")
    if not len(samples) or len(reference) < 2:
        raise ValueError(
            f"{len(samples)} samples, {len(reference)} reference shapes; expected at least 1 and 2"
        )
    drawn = samples[samples.any((1, 2, 3))]
    empty = len(samples) - len(drawn)
    # another seed for the reference: a copy gets other points
    clouds = surface_points(drawn, points, seed), surface_points(reference, points, seed + 1)
    chamfer = chamfer_within(clouds[0]), chamfer_distances(*clouds), chamfer_within(clouds[1])
    iou = (
        iou_distances(drawn, drawn),
        iou_distances(drawn, reference),
        iou_distances(reference, reference),
    )
    largest, pieces = piece_shares(samples)
    low = max(samples.shape[1] // 4, 1)
    profiles = height_profile(samples), height_profile(reference)
    nearest = None if training is None else nearest_iou(samples, training)[0]
    return ShapeReport(
        count=len(samples),
        empty=empty / len(samples),
        filled=float(profiles[0].mean()),
        reference_filled=float(profiles[1].mean()),
        low_filled=float(profiles[0][:low].mean()),
        reference_low_filled=float(profiles[1][:low].mean()),
        pieces=float(pieces.mean()),
        largest_piece=float(largest.mean()),
        one_piece=float((pieces == 1).mean()),
        one_piece_cleaned=float(one_piece(samples).mean()),
        watertight=watertight_share(samples),
        **_set_scores("chamfer", chamfer, empty),
        **_set_scores("iou", iou, empty),
        training_iou=None if nearest is None else float(nearest.mean()),
        training_iou_most=None if nearest is None else float(nearest.max()),
        training_copies=None if nearest is None else copied_share(nearest),
    )


def _set_scores(
    name: str, distances: tuple[Tensor, Tensor, Tensor], empty: int
) -> dict[str, float]:
    """Return the three scores that compare drawn shapes with the reference.

    `distances` are those within the drawn, (N, N), between drawn and reference, (N, M), and within
    the reference, (M, M); `empty` shapes were drawn besides.
    """
    between = distances[1]
    accuracy = nearest_neighbour_accuracy(*distances, empty)
    covered, matching = 0.0, math.inf  # nothing was drawn
    if len(between):
        covered, matching = coverage(between), minimum_matching_distance(between)
    return {f"{name}_accuracy": accuracy, f"{name}_coverage": covered, f"{name}_matching": matching}


def _at_least_one(voxels: np.ndarray) -> np.ndarray:
    voxels = checked_voxels(voxels, 4)
    if not len(voxels):
        raise ValueError("voxels: no shapes; expected at least one")
    return voxels
