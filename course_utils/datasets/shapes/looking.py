"""What the families measure with: extents, stretches along a line and islands in a slice.

Lengths are in units of the cube's side.
"""

import numpy as np


def extent(voxels: np.ndarray, axis: int) -> tuple[float, float]:
    """Return where the filled part of a grid begins and ends along an axis.

    Args:
        voxels: bool (D, H, W), not empty.
        axis: 0 (z), 1 (y) or 2 (x).
    """
    others = tuple(other for other in range(voxels.ndim) if other != axis)
    filled = np.flatnonzero(voxels.any(axis=others))
    return filled[0] / voxels.shape[axis], (filled[-1] + 1) / voxels.shape[axis]


def section(voxels: np.ndarray, axis: int, low: float, high: float) -> np.ndarray:
    """Return the layers whose centres lie in [low, high); at least the one in the middle.

    Args:
        voxels: bool (D, H, W).
        axis: 0 (z), 1 (y) or 2 (x).
        low: Lower end, in units of the cube's side.
        high: Upper end.
    """
    n = voxels.shape[axis]
    first, last = int(np.ceil(low * n - 0.5)), int(np.ceil(high * n - 0.5))
    if last <= first:
        first = min(max(int((low + high) / 2 * n), 0), n - 1)
        last = first + 1
    return voxels.take(np.arange(max(first, 0), min(last, n)), axis=axis)


def core(profile: np.ndarray, share: float = 0.3) -> tuple[int, int]:
    """Return where a profile first and last reaches a share of its maximum; (0, 0) if it is empty.

    Stray voxels do not matter.

    Args:
        profile: Counts, (n,).
        share: Share of the maximum.

    Returns:
        The first index, and the last plus 1.
    """
    if not profile.any():
        return 0, 0
    reached = np.flatnonzero(profile >= share * profile.max())
    return int(reached[0]), int(reached[-1]) + 1


def grounded(voxels: np.ndarray) -> np.ndarray:
    """Return bool (D, H, W), moved down until it stands on the ground."""
    return np.roll(voxels, -int(voxels.any(axis=(1, 2)).argmax()), axis=0)


def fullness(part: np.ndarray) -> float:
    """Return the filled share of any part of a grid; 0 if the part has no voxels."""
    return float(part.mean()) if part.size else 0.0


def stretches(line: np.ndarray) -> int:
    """Return the number of stretches of True in a row of bools (n,)."""
    return int(np.count_nonzero(np.diff(np.concatenate([[False], line]).astype(np.int8)) == 1))


def islands(slice_: np.ndarray, least: int = 1) -> list[np.ndarray]:
    """Return the face-connected islands of a slice, each a bool (H, W).

    Args:
        slice_: bool (H, W).
        least: Smaller islands, in pixels, are ignored.
    """
    from scipy.ndimage import label

    labels, count = label(slice_)
    found = [labels == number for number in range(1, count + 1)]
    return [island for island in found if np.count_nonzero(island) >= least]


def lopsided(voxels: np.ndarray) -> int:
    """Return how many voxels have nothing, not even beside it, on the other side of the middle.

    The plane between left and right lies where they share most, within two voxels of the middle.

    Args:
        voxels: bool (D, H, W).
    """
    from scipy.ndimage import binary_dilation

    flipped = [np.roll(voxels[:, :, ::-1], shift, axis=2) for shift in range(-4, 5)]
    other = min(flipped, key=lambda moved: np.count_nonzero(voxels ^ moved))
    return int(np.count_nonzero(voxels & ~binary_dilation(other)))
