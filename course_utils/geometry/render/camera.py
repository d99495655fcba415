"""An orthographic camera that looks at the unit cube. Points are (x, y, z), z up."""

from dataclasses import dataclass

import numpy as np

AZIMUTH, ELEVATION = 35.0, 24.0  # degrees: three-quarter view from the front right, a little above
MARGIN = 0.03  # of the picture's side, kept free around the cube


@dataclass
class Camera:
    """An orthographic camera. Rows of `axes`: right, up, towards the viewer."""

    axes: np.ndarray  # (3, 3)
    scale: float  # pixels per unit length
    size: int  # pixels per side

    def project(self, points):
        """Return (column, row, depth) in pixels for points (..., 3); smaller depth is nearer."""
        view = (points - 0.5) @ self.axes.T
        middle = self.size / 2
        column, row = middle + self.scale * view[..., 0], middle - self.scale * view[..., 1]
        return np.stack([column, row, -self.scale * view[..., 2]], -1)

    def ground(self, height):
        """Return where the ground at z = `height` is seen, as (x, y), for a camera above it.

        Returns:
            The place that the first pixel's middle sees, and the steps to the next pixel on the
            right and to the next one below.
        """
        right, up, towards = self.axes
        middle = (0.5 - self.size / 2) / self.scale

        def on_ground(point):
            return (point - (point[2] - height) / towards[2] * towards)[:2]

        corner = on_ground(0.5 + middle * (right - up))
        first = on_ground(0.5 + middle * (right - up) + right / self.scale)
        below = on_ground(0.5 + middle * (right - up) - up / self.scale)
        return corner, first - corner, below - corner


def make_camera(size, azimuth=AZIMUTH, elevation=ELEVATION):
    """Return a camera whose picture the unit cube just fits.

    Args:
        size: Pixels per side, at least 8.
        azimuth: Degrees; 0 looks at the front, 90 at the right side.
        elevation: Degrees from -90 (from below) to 90 (from above).

    Raises:
        ValueError: The size or the elevation is out of range.
    """
    if size < 8:
        raise ValueError(f"size={size}; expected at least 8 pixels per side, 256 is usual.")
    if not -90 <= elevation <= 90:
        raise ValueError(
            f"elevation={elevation}; expected degrees between -90 (from below) and 90 (from above)."
        )
    a, e = np.radians([azimuth, elevation])
    axes = np.array(
        [
            [np.cos(a), np.sin(a), 0.0],
            [-np.sin(e) * np.sin(a), np.sin(e) * np.cos(a), np.cos(e)],
            [np.cos(e) * np.sin(a), -np.cos(e) * np.cos(a), np.sin(e)],
        ]
    )
    extent = np.abs(axes[:2]).sum(1).max()  # the projected cube's larger side
    return Camera(axes, size * (1 - 2 * MARGIN) / extent, size)
