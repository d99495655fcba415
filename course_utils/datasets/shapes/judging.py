"""The judge: what can be read off the voxels of a shape alone, its attributes, slots and faults.

Lessons 07 and 09 use it. It is the inverse of what the families draw, and is tuned for 32 voxels
per side; `benchmarks/judge.py` counts how often it is right.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from course_utils.datasets.shapes.families import family_of
from course_utils.datasets.shapes.looking import grounded


def measure(voxels: np.ndarray, family: str) -> dict[str, str | int | bool]:
    """Measure the attributes of a shape from its voxels alone.

    It returns what `make_shape` gives as `attributes`, key by key. Only the largest piece counts.
    If that shows too little of the family to be measured, the result is {}.

    Args:
        voxels: One shape, bool (D, H, W), a cube, not empty.
        family: One of `CLASSES`: the family that the shape is taken for.

    Raises:
        ValueError: If the family is unknown, or the voxels are not as above.
    """
    look = family_of(family).look
    return _tried(look, _largest_piece(_checked(voxels))) or {}


def seen_slots(voxels: np.ndarray, family: str) -> np.ndarray:
    """Tell the material slots of a shape from its voxels alone.

    Args:
        voxels: One shape, bool (D, H, W), a cube, not empty.
        family: One of `CLASSES`: the family that the shape is taken for.

    Returns:
        uint8 (D, H, W): 0 where nothing is filled, otherwise 1 for the first of the family's slots,
        2 for the second, and so on. Where the family cannot be recognised everything is 1.

    Raises:
        ValueError: If the family is unknown, or the voxels are not as above.
    """
    place = family_of(family).place
    voxels = _checked(voxels)
    found = _tried(place, voxels)
    return np.where(voxels, 1 if found is None else found, 0).astype(np.uint8)


def faults(voxels: np.ndarray, family: str) -> list[str]:
    """List what is wrong with a shape, seen from its voxels alone; a sound shape has no faults.

    In a sound shape nothing hangs in the air (it is one piece, connected through faces, and stands
    on the ground), and the parts that its family must have are there, as many as belong together,
    and reach what they must reach.

    Args:
        voxels: One shape, bool (D, H, W), a cube.
        family: One of `CLASSES`: the family that the shape is taken for.

    Returns:
        What is wrong, each in a few words: "2 pieces hang in the air", "leg 3 of 4 is missing".

    Raises:
        ValueError: If the family is unknown, or the voxels are not as above.
    """
    from scipy.ndimage import label

    find = family_of(family).find_faults
    if not np.any(voxels):
        return ["there is nothing"]
    voxels = _checked(voxels)
    pieces = label(voxels)[1] - 1
    found = [f"{pieces} piece{'s' * (pieces > 1)} hang{'s' * (pieces == 1)} in the air"] * (
        pieces > 0
    )
    found += ["it floats above the ground"] * (not voxels[:2].any())
    own = _tried(find, grounded(_largest_piece(voxels)))
    return found + (["its parts cannot be told"] if own is None else own)


def _checked(voxels: np.ndarray) -> np.ndarray:
    voxels = np.asarray(voxels)
    if voxels.dtype != bool or voxels.ndim != 3 or len(set(voxels.shape)) != 1 or not voxels.any():
        filled = int(np.count_nonzero(voxels))
        raise ValueError(
            f"voxels: got {voxels.dtype} of shape {voxels.shape}, {filled} filled; expected bool"
            " (n, n, n), not empty"
        )
    return voxels


def _largest_piece(voxels: np.ndarray) -> np.ndarray:
    from scipy.ndimage import label

    pieces, _ = label(voxels)
    return pieces == 1 + np.bincount(pieces.ravel())[1:].argmax()


def _tried(look: Callable[[np.ndarray], Any], voxels: np.ndarray) -> Any:
    """What a family sees, or None if it shows too little to be seen."""
    with warnings.catch_warnings(action="error"):  # the mean of nothing, a line through one point
        try:
            return look(voxels)
        except (IndexError, TypeError, ValueError, Warning):
            return None
