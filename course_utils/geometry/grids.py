"""Grids as numpy arrays, whatever they come as: for the renderer and all pictures."""

import numpy as np


def to_numpy(values) -> np.ndarray:
    """Return `values` (torch tensor on any device, or array-like) as a numpy array."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
    return np.asarray(values)


def grid_array(name: str, grid) -> np.ndarray:
    """Return one grid as a numpy array (D, H, W); leading axes of length 1 are dropped.

    Args:
        name: What the error message calls the grid.
        grid: Tensor or array of any dtype.

    Raises:
        ValueError: It is not one grid of at least 2 voxels per side.
    """
    array = to_numpy(grid)
    while array.ndim > 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 3 or min(array.shape) < 2:
        raise ValueError(
            f"{name} has shape {array.shape}; expected one grid (D, H, W) of at least 2 voxels a"
            f" side. Pick one sample, for example {name}[0, 0]."
        )
    return array
