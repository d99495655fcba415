"""Matter: how much of each voxel is filled, and which material slot that belongs to, in one byte.

Shapes with materials are kept so while a model trains on them. Inside the model channel 0 is
2 x coverage - 1, as for shapes without materials, and then there is one channel per slot: the
coverage where the matter is that slot's, 0 elsewhere.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

CELLS = 27  # a voxel is counted in 3³ cells
SLOTS = 4  # channels of slots: no family has more
_SHIFT = 5  # bits for the cells


def pack_matter(cells: np.ndarray, slots: np.ndarray) -> np.ndarray:
    """Return matter, uint8 like the arguments.

    Args:
        cells: How many of a voxel's `CELLS` cells are filled, uint8.
        slots: The slot that they belong to, uint8: 0 for none, 1 for a family's first.
    """
    return (slots << _SHIFT | cells).astype(np.uint8)


def coverage_of(matter: np.ndarray | Tensor) -> np.ndarray | Tensor:
    """Return how much of each voxel is filled, float32 like the argument, 0 to 1."""
    cells = matter & (1 << _SHIFT) - 1
    return (cells.float() if isinstance(cells, Tensor) else cells.astype(np.float32)) / CELLS


def slots_of(matter: np.ndarray | Tensor) -> np.ndarray | Tensor:
    """Return the slot that each voxel's matter belongs to: 0 for none, 1 for the first."""
    return matter >> _SHIFT


def matter_to_model(matter: Tensor) -> Tensor:
    """Turn matter, uint8 (B, D, H, W), into the model's float32 (B, 1 + SLOTS, D, H, W)."""
    coverage = coverage_of(matter)[:, None]
    slots = one_hot(slots_of(matter).long(), SLOTS + 1)[..., 1:].movedim(-1, 1)
    return torch.cat([2 * coverage - 1, slots * coverage], dim=1)


def slots_from_model(x: Tensor, slots: int = SLOTS) -> Tensor:
    """Return the slot of each voxel that a model drew, uint8 (B, D, H, W).

    Args:
        x: Float (B, 1 + SLOTS, D, H, W).
        slots: How many slots the shape's family has; others are not considered.

    Returns:
        1 for the first slot. Each voxel has one, also where nothing is filled, so that a surface
        between two voxels finds its material on both sides.
    """
    return (1 + x[:, 1 : 1 + slots].argmax(dim=1)).to(torch.uint8)
