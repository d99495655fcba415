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


def back_front(above: np.ndarray) -> np.ndarray:
    """Return the row (n,) at which a back begins in each layer above a seat; arms lie before it.

    Args:
        above: The layers above the seat, bool (n, H, W).
    """
    hind = above.shape[1] - 1 - above[:, ::-1].any(axis=2).argmax(axis=1)
    left, right = core(above.sum(axis=(0, 1)), 0.01)
    middle = above[:, :, left + 4 : right - 4].any(axis=2)  # no arms there
    thick = [
        row[: end + 1][::-1].argmin() for row, end in zip(middle, hind, strict=True) if row[end]
    ]
    return hind - (int(np.median(thick)) if thick else 2) + 1


def back_style(front_view: np.ndarray) -> str:
    """Return the style of a `drawing.board` from its front view: where it is narrow and open.

    Args:
        front_view: bool (D, W).
    """
    top, (left, right) = core(front_view.sum(axis=1), 0.2)[1], core(front_view.sum(axis=0))
    view = front_view[:top, left:right]
    height, width = view.shape
    if height < 3 or width < 4:
        return "solid"  # hardly a back at all
    if view[-2:].mean() < 0.8:
        return "rounded"
    middle = view[:, round(0.25 * width) : round(0.75 * width)]
    if middle.mean() > 0.85:
        return "solid"
    if middle.mean(axis=0).max() > 0.85:  # a column that is filled from the seat to the top
        return "slatted"
    lower = middle[: round(0.46 * height)]
    return "ladder" if lower.mean(axis=1).max() > 0.5 else "panel"


def slope_of(above: np.ndarray) -> float:
    """Return how far the hind edge of bool (D, H, W) moves back per layer, by a fitted line."""
    profile = np.count_nonzero(above, axis=2) > 1  # (D, H)
    layers = np.flatnonzero(profile.any(axis=1))
    if len(layers) < 3:
        return 0.0
    hind = [np.flatnonzero(profile[layer])[-1] for layer in layers]
    return float(np.polyfit(layers, hind, 1)[0])


def runs(line: np.ndarray) -> list[tuple[int, int]]:
    """Return the first index and the last plus 1 of each stretch of True in a row of bools (n,)."""
    steps = np.flatnonzero(np.diff(np.concatenate([[False], line, [False]]).astype(np.int8)))
    return list(zip(steps[::2].tolist(), steps[1::2].tolist(), strict=True))


def broadest(voxels: np.ndarray, low: float, high: float = 1.0) -> tuple[int, int]:
    """Return the first layer and the last plus 1 of the broadest board, such as a seat.

    Args:
        voxels: bool (D, H, W), on the ground.
        low: Where to begin, as a share of the height.
        high: Where to end.
    """
    areas = voxels.sum(axis=(1, 2))
    height = int(np.flatnonzero(areas)[-1]) + 1
    least, most = int(low * height), max(int(high * height), 1)
    first = least + int(areas[least:most].argmax())
    last = first + 1
    while first > least and areas[first - 1] > 0.8 * areas[last - 1]:
        first -= 1
    while last < most and areas[last] > 0.8 * areas[first]:
        last += 1
    return first, last


def lopsided(voxels: np.ndarray) -> int:
    """Return how many voxels have no counterpart on the other side, in pieces of two or more.

    The plane between left and right lies where they share most, within two voxels of the middle. A
    counterpart may be a voxel off, so that a ragged surface does not count.

    Args:
        voxels: bool (D, H, W).
    """
    from scipy.ndimage import binary_dilation, label

    flipped = [np.roll(voxels[:, :, ::-1], shift, axis=2) for shift in range(-4, 5)]
    other = min(flipped, key=lambda moved: np.count_nonzero(voxels ^ moved))
    pieces, _ = label(voxels & ~binary_dilation(other), np.ones((3, 3, 3)))  # corners count too
    sizes = np.bincount(pieces.ravel())[1:]
    return int(sizes[sizes > 1].sum())


def ends(layer: np.ndarray, axis: int, least: int = 3) -> tuple[int, int]:
    """Return where a layer (H, W) begins and ends along an axis, in voxels; (0, 0) if it is empty.

    Lines of fewer than `least` voxels are crumbs and don't count.
    """
    lines = np.flatnonzero(layer.sum(axis=1 - axis) >= least)
    return (int(lines[0]), int(lines[-1]) + 1) if len(lines) else (0, 0)


def depths(voxels: np.ndarray, least: int = 3) -> np.ndarray:
    """Return how deep each layer of bool (D, H, W) is along y, in voxels, int (D,); see `ends`."""
    return np.array([np.subtract(*ends(layer, 0, least)[::-1]) for layer in voxels])
