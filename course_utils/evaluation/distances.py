"""Distances between shapes and between samples: Chamfer, IoU and nearest neighbours.

Lessons 04 and 05 look for copies with them, lesson 08 compares sets of shapes, lesson 14 teaches
them and their traps.
"""

import numpy as np
import torch
from torch import Tensor

from course_utils.geometry.surface import smooth_mesh
from course_utils.geometry.voxels import checked_voxels

POINTS = 512
PRODUCT = 2**20  # squared distances at a time: 4 MiB of float32 stay in the processor's cache
COPY = 0.95  # IoU with a training shape from which a sample counts as its copy
CHUNK = 512  # training shapes compared at a time: 64 MiB of float32 at 32 voxels per side


def surface_points(voxels: np.ndarray, count: int = POINTS, seed: int = 0) -> Tensor:
    """Draw points uniformly from the faces of shapes.

    Args:
        voxels: Shapes, bool (N, D, H, W), none of them empty.
        count: Points per shape.
        seed: Seed of the points.

    Returns:
        Points (x, y, z) in the unit cube, float32 (N, count, 3).

    Raises:
        ValueError: If a shape is empty: it has no surface.
    """
    voxels = checked_voxels(voxels, 4)
    if not voxels.any((1, 2, 3)).all():
        raise ValueError(
            f"voxels: shape {int((~voxels.any((1, 2, 3))).argmax())} is empty and has no surface"
        )
    random = np.random.default_rng(seed)
    clouds = np.empty((len(voxels), count, 3), dtype=np.float32)
    for row, shape in enumerate(voxels):
        low, flat = _faces(shape)
        chosen = random.integers(len(low), size=count)  # all faces have one size
        inside = np.where(flat[chosen], 0.0, random.random((count, 3)))
        clouds[row] = (low[chosen] + inside)[:, ::-1] / max(shape.shape)
    return torch.from_numpy(clouds)


def _faces(shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the squares between filled and empty voxels.

    Return the low corner of each in voxels, (F, 3), and the axis along which it is flat, one-hot
    bool (F, 3), both in the order z, y, x.
    """
    padded = np.pad(shape, 1)
    axes = np.eye(3, dtype=bool)
    steps = [np.argwhere(np.diff(padded, axis=axis)) - 1 + axes[axis] for axis in range(3)]
    return np.concatenate(steps), np.repeat(axes, [len(step) for step in steps], axis=0)


def field_points(fields: np.ndarray, count: int = POINTS, seed: int = 0) -> Tensor:
    """Draw points uniformly from the smooth surfaces of fields, such as 2 x coverage - 1.

    Args:
        fields: Floats (N, D, H, W), inside above 0.
        count: Points per shape.
        seed: Seed of the points.

    Returns:
        Points (x, y, z) in the unit cube, float32 (N, count, 3).

    Raises:
        ValueError: If nothing is inside one of them: it has no surface.
    """
    random = np.random.default_rng(seed)
    clouds = np.empty((len(fields), count, 3), dtype=np.float32)
    for row, field in enumerate(fields):
        mesh = smooth_mesh(field)
        if not len(mesh.faces):
            raise ValueError(f"fields: nothing is inside shape {row}, so it has no surface")
        corners = mesh.vertices[mesh.faces]  # (F, 3, 3)
        a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
        areas = np.linalg.norm(np.cross(a, b), axis=1)
        chosen = random.choice(len(areas), size=count, p=areas / areas.sum())
        u, v = random.random((2, count, 1))
        u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
        clouds[row] = corners[chosen, 0] + u * a[chosen] + v * b[chosen]
    return torch.from_numpy(clouds)


def chamfer_distances(a: Tensor, b: Tensor) -> Tensor:
    """Return the Chamfer distance of every cloud in a to every cloud in b: (N, M).

    It is the mean squared distance of a cloud's points to the nearest point of the other cloud,
    summed over both directions (Achlioptas et al., arXiv 1707.02392, section 2). No gradients.

    Args:
        a: Clouds, (N, P, 3).
        b: Clouds of the same dtype, (M, Q, 3).
    """
    left, right = _lifted(a, b)
    rows = [_chamfer_row(cloud, right) for cloud in left]
    return torch.stack(rows) if rows else a.new_empty(0, len(b))


def chamfer_within(a: Tensor) -> Tensor:
    """Return `chamfer_distances(a, a)` in half the time: (N, N), symmetric, 0 on the diagonal."""
    left, right = _lifted(a, a)
    half = left.new_zeros(len(a), len(a))
    for row in range(len(a) - 1):
        half[row, row + 1 :] = _chamfer_row(left[row], right[row + 1 :])
    return half + half.T


def _lifted(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Lift points so that one product gives their squared distances.

    Points p of a become (-2 p, |p|^2, 1), (N, P, 5), and those of b (p, 1, |p|^2), (M, 5, Q), about
    the middle of all points: terms that are large beside the distances would cancel in the product.
    """
    origin = torch.cat([a.flatten(0, 1), b.flatten(0, 1)]).mean(0)
    p, q = (points.detach() - origin for points in (a, b))
    squares = [points.square().sum(-1, keepdim=True) for points in (p, q)]
    ones = [torch.ones_like(square) for square in squares]
    left = torch.cat([-2 * p, squares[0], ones[0]], -1)
    return left, torch.cat([q, ones[1], squares[1]], -1).mT.contiguous()


def _chamfer_row(cloud: Tensor, others: Tensor) -> Tensor:
    """Lifted points (P, 5) against lifted clouds (M, 5, Q): (M,)."""
    at_once = max(PRODUCT // (len(cloud) * others.shape[2]), 1)
    # one buffer for all products: allocating a new one each time would double the time
    buffer = cloud.new_empty(at_once, len(cloud), others.shape[2])
    rows = [others.new_empty(0)]
    for some in others.split(at_once):
        squared = buffer[: len(some)]
        torch.bmm(cloud.expand(len(some), -1, -1), some, out=squared)
        rows.append(squared.amin(2).mean(1) + squared.amin(1).mean(1))
    return torch.cat(rows).clamp(min=0)


def iou_distances(a: np.ndarray, b: np.ndarray) -> Tensor:
    """Return 1 - IoU of every shape in a with every shape in b: float32 (N, M).

    IoU is the volume that both shapes fill over the volume that either fills. An empty shape has
    distance 1 from every shape, empty or not.

    Args:
        a: Shapes, bool (N, D, H, W).
        b: Shapes, bool (M, D, H, W).

    Raises:
        ValueError: If a and b differ in resolution.
    """
    a, b = checked_voxels(a, 4, "a"), checked_voxels(b, 4, "b")
    if a.shape[1:] != b.shape[1:]:
        raise ValueError(
            f"b: grids of {b.shape[1:]} and a of {a.shape[1:]}; expected the same resolution"
        )
    one, two = (torch.from_numpy(voxels).flatten(1).float() for voxels in (a, b))
    both = one @ two.T  # (N, M), whole numbers, exact up to 2^24 voxels
    either = one.sum(1, keepdim=True) + two.sum(1) - both
    return 1 - both / either.clamp(min=1)


def nearest_iou(samples: np.ndarray, training: np.ndarray) -> tuple[Tensor, Tensor]:
    """Return the IoU of each sample with its nearest training shape, and that shape's index.

    An IoU of 1 means a copy. Compare the values with those of real shapes held out from training:
    shapes of one family resemble each other anyway.

    Args:
        samples: Shapes, bool (N, D, H, W).
        training: Shapes, bool (M, D, H, W), M > 0.

    Returns:
        IoUs float32 (N,) and indices int64 (N,).
    """
    if not len(training):
        raise ValueError("training: no shapes; expected at least one")
    starts = range(0, len(training), CHUNK)
    parts = [iou_distances(samples, training[start : start + CHUNK]).min(1) for start in starts]
    distance, part = torch.stack([least.values for least in parts]).min(0)
    index = torch.stack([least.indices for least in parts]).gather(0, part[None])[0] + CHUNK * part
    return 1 - distance, index


def copied_share(iou: Tensor) -> float:
    """Return the share of samples that are copies, by their IoU with the nearest training shape.

    Args:
        iou: IoUs (N,), as `nearest_iou` returns them; COPY or more counts as a copy.
    """
    return float((iou >= COPY).double().mean())


def nearest_distances(a: Tensor, b: Tensor) -> Tensor:
    """Return the distance of each item of a to its nearest item in b: (N,).

    The distance is the root mean square over the values. Samples that are nearer to the training
    data than held-out data are suggest copying.

    Args:
        a: Items, (N, ...).
        b: Items of the same shape, (M, ...).
    """
    values = a[0].numel()
    return torch.cdist(a.flatten(1), b.flatten(1)).amin(1) / values**0.5
