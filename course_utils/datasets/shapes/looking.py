"""What every family looks with: extents, stretches along a line and islands in a slice.

All of it takes bool arrays and answers in units of the cube's side where it answers in lengths.
"""

import numpy as np


def extent(voxels: np.ndarray, axis: int) -> tuple[float, float]:
    """Where the filled part of bool (D, H, W) begins and ends along axis 0 (z), 1 (y) or 2 (x)."""
    others = tuple(other for other in range(voxels.ndim) if other != axis)
    filled = np.flatnonzero(voxels.any(axis=others))
    return filled[0] / voxels.shape[axis], (filled[-1] + 1) / voxels.shape[axis]


def cut(voxels: np.ndarray, axis: int, low: float, high: float) -> np.ndarray:
    """The layers of bool (D, H, W) whose centres lie in [low, high) along `axis`; at least the one
    in the middle.
    """
    n = voxels.shape[axis]
    first, last = int(np.ceil(low * n - 0.5)), int(np.ceil(high * n - 0.5))
    if last <= first:
        first = min(max(int((low + high) / 2 * n), 0), n - 1)
        last = first + 1
    return voxels.take(np.arange(max(first, 0), min(last, n)), axis=axis)


def core(profile: np.ndarray, share: float = 0.3) -> tuple[int, int]:
    """First and last + 1 index where a row of counts (n,) reaches `share` of its maximum: deaf to
    stray voxels.

    (0, 0) if the row is empty.
    """
    if not profile.any():
        return 0, 0
    reached = np.flatnonzero(profile >= share * profile.max())
    return int(reached[0]), int(reached[-1]) + 1


def grounded(voxels: np.ndarray) -> np.ndarray:
    """The same bool (D, H, W), moved down until it stands on the ground."""
    return np.roll(voxels, -int(voxels.any(axis=(1, 2)).argmax()), axis=0)


def fullness(part: np.ndarray) -> float:
    """The filled share of any piece of a grid; 0 if the piece is empty."""
    return float(part.mean()) if part.size else 0.0


def stretches(line: np.ndarray) -> int:
    """How many stretches of True a row of bools (n,) holds."""
    return int(np.count_nonzero(np.diff(np.concatenate([[False], line]).astype(np.int8)) == 1))


def islands(slice_: np.ndarray, least: int = 1) -> list[np.ndarray]:
    """The face-connected islands of a bool slice (H, W) with `least` pixels or more, each a bool
    (H, W).
    """
    from scipy.ndimage import label

    labels, count = label(slice_)
    found = [labels == number for number in range(1, count + 1)]
    return [island for island in found if np.count_nonzero(island) >= least]
