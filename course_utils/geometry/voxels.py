"""Occupancy grids: to and from the model's tensors, and their connected pieces.

Lesson 07 teaches the grid and its distances, lesson 08 uses the pieces to clean up what a model
drew. Grids are bool (D, H, W) = z, y, x with z up.
"""

import numpy as np
import torch
from torch import Tensor

SHAPES = {3: "(D, H, W)", 4: "(N, D, H, W)"}  # by the number of dimensions


def checked_voxels(voxels: np.ndarray, dimensions: int = 3, name: str = "voxels") -> np.ndarray:
    """Return `voxels` as an array, checked.

    Args:
        voxels: Bool (D, H, W), or (N, D, H, W) for many.
        dimensions: 3 for one grid, 4 for many.
        name: What the caller's argument is called, for the message.

    Raises:
        ValueError: Another type or number of dimensions.
    """
    voxels = np.asarray(voxels)
    if voxels.dtype != bool or voxels.ndim != dimensions:
        raise ValueError(
            f"{name}: got {voxels.dtype} of shape {voxels.shape}, expected bool"
            f" {SHAPES[dimensions]}"
        )
    return voxels


def to_model(voxels: np.ndarray | Tensor) -> Tensor:
    """Turn bool (..., D, H, W) into the model's float32 (B, 1, D, H, W): -1 empty, 1 occupied."""
    voxels = torch.as_tensor(voxels)
    if voxels.dtype != torch.bool or voxels.ndim < 3:
        raise ValueError(
            f"voxels: got {voxels.dtype} of shape {tuple(voxels.shape)}, expected bool (..., D, H,"
            " W); compare with a level first, for example voxels > 0"
        )
    return voxels.reshape(-1, 1, *voxels.shape[-3:]).float() * 2 - 1


def to_occupancy(x: np.ndarray | Tensor, level: float = 0.0) -> np.ndarray:
    """Return which voxels are occupied, bool numpy (B, D, H, W).

    Args:
        x: The model's (B, 1, D, H, W), or any floats (..., D, H, W) without NaN.
        level: Voxels above it are occupied.
    """
    x = torch.as_tensor(x)
    if x.ndim < 3 or not x.is_floating_point() or bool(x.isnan().any()):
        nan = ", some NaN" * bool(x.isnan().any())
        raise ValueError(
            f"x: got {x.dtype} of shape {tuple(x.shape)}{nan}, expected floats (..., D, H, W)"
        )
    return (x.detach() > level).reshape(-1, *x.shape[-3:]).cpu().numpy()


def connected_components(voxels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the pieces of bool (D, H, W) whose voxels touch by faces.

    Returns:
        Labels int32 (D, H, W), 0 for empty voxels, and the sizes int64 (count,) of pieces 1, 2, ...
    """
    from scipy.ndimage import label

    labels, count = label(checked_voxels(voxels))
    return labels, np.bincount(labels.ravel(), minlength=count + 1)[1:]


def largest_component(voxels: np.ndarray) -> np.ndarray:
    """Return bool (D, H, W) with the largest piece only (of equals, the first in z, y, x order)."""
    labels, sizes = connected_components(voxels)
    return labels == 1 + sizes.argmax() if len(sizes) else np.zeros_like(voxels)


def keep_largest(field: np.ndarray, level: float = 0.0) -> np.ndarray:
    """Push all pieces but the largest below the level.

    Args:
        field: Floats (D, H, W), inside above `level`.
        level: Where the surface is.

    Returns:
        The field with every other piece mirrored at the level, as far below it as it was above.
    """
    inside = np.asarray(field) > level
    return np.where(inside & ~largest_component(inside), 2 * level - field, field)


def close_gaps(field: np.ndarray, reach: float = 4.0, least: float = 0.01) -> np.ndarray:
    """Connect pieces that nearly touch by bars three voxels thick.

    A sampler leaves gaps of a few voxels in thin parts. Each piece that is large enough and near
    enough to the rest gets a bar to the nearest voxel there; nothing else changes. Smaller pieces
    are dust, and those further away are left to `keep_largest`.

    Args:
        field: Floats (D, H, W), inside above 0.
        reach: Longest bar in voxels, from centre to centre (4 closes a gap of three).
        least: Smallest piece that gets a bar, as a share of the occupied volume.

    Returns:
        A new field (D, H, W).
    """
    from scipy.spatial import cKDTree

    field = np.array(field)
    while True:
        labels, sizes = connected_components(field > 0)
        big = [1 + k for k in np.argsort(-sizes, kind="stable") if sizes[k] >= least * sizes.sum()]
        near = None
        if len(big) > 1:
            rest = cKDTree(np.argwhere(labels == big[0]))
            for piece in big[1:]:
                places = np.argwhere(labels == piece)
                far, which = rest.query(places)
                if far.min() <= reach and (near is None or far.min() < near[0]):
                    near = (far.min(), places[far.argmin()], rest.data[which[far.argmin()]])
        if near is None:
            return field
        _bar(field, *near[1:])


def _bar(field: np.ndarray, start: np.ndarray, end: np.ndarray) -> None:
    """Draw a bar from voxel to voxel into a field, in place: a line with its six neighbours."""
    steps = 2 * int(np.ceil(np.abs(end - start).max())) + 1
    line = np.unique(np.rint(np.linspace(start, end, steps)).astype(int), axis=0)
    cross = np.concatenate([np.zeros((1, 3), int), np.eye(3, dtype=int), -np.eye(3, dtype=int)])
    z, y, x = (line[:, None] + cross).reshape(-1, 3).clip(0, np.array(field.shape) - 1).T
    field[z, y, x] = np.maximum(field[z, y, x], 0.5)


def signed_distance(voxels: np.ndarray) -> np.ndarray:
    """Return each voxel's distance to the surface, float32 (D, H, W), positive inside.

    Distances are from the voxel's centre, in units of the cube's side. The surface runs halfway
    between a voxel and the nearest one of the other kind; outside the grid is air. ValueError for
    an empty grid, which has no surface.
    """
    from scipy.ndimage import distance_transform_edt

    voxels = checked_voxels(voxels)
    if not voxels.any():
        raise ValueError("voxels: the grid is empty and has no surface to measure a distance from")
    inside = np.pad(voxels, 1)
    distance = np.where(
        inside, distance_transform_edt(inside) - 0.5, 0.5 - distance_transform_edt(~inside)
    )
    return (distance[1:-1, 1:-1, 1:-1] / max(voxels.shape)).astype(np.float32)
