"""How much light reaches a surface: half-Lambert shading, ambient occlusion, a ground shadow.

Occlusion is read from the blurred occupancy, a cheap form of Zhukov et al. 1998. Lengths are in
units of the cube's side, points are (x, y, z), z up.
"""

import numpy as np
from scipy import ndimage

from course_utils.geometry.raster import Camera

LIGHT = np.array([-0.26, -0.45, 0.85])  # direction towards the light: from the front left, above
OCCLUSION = 0.62  # how much of the light a deep corner loses


class Sky:
    """The light around a shape; `occupancy`, bool (D, H, W), is what blocks it."""

    def __init__(self, occupancy: np.ndarray):
        self.occupancy = occupancy
        self.side = max(occupancy.shape)
        self.pad = self.side // 8 + 1
        solid = np.pad(occupancy, self.pad).astype(np.float32)
        near, far = self.side / 24, self.side / 9  # two sizes of corner, in voxels
        wide = solid
        for _ in range(2):  # two box means have the deviation `far`, faster than a wide Gaussian
            wide = ndimage.uniform_filter(wide, round(far * 6**0.5), mode="constant")
        self.layers = [
            (near, ndimage.gaussian_filter(solid, near, truncate=2.5, mode="constant")),
            (far, wide),
        ]

    def brightness(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Return how bright a surface is, 0 dark to 1 fully lit, shape (...).

        Args:
            points: On the surface, (..., 3).
            normals: Unit normals there, broadcast to the shape of the points.
        """
        facing = np.broadcast_to(normals, points.shape) @ (LIGHT / np.linalg.norm(LIGHT))
        # half-Lambert: no face goes flat black
        lambert = 0.42 + 0.58 * np.clip(0.5 + 0.5 * facing, 0, 1) ** 1.5
        return lambert * (1 - OCCLUSION * self.blocked(points, normals))

    def blocked(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Return how much in front of a surface is solid, 0 (open plane) to 1, shape (...).

        Args:
            points: On the surface, (..., 3).
            normals: Unit normals there, broadcast to the shape of the points.
        """
        total = 0.0
        for reach, blurred in self.layers:
            ahead = points + normals * (reach / self.side)
            at = np.moveaxis(ahead[..., ::-1] * self.side, -1, 0) - 0.5 + self.pad
            value = ndimage.map_coordinates(blurred, at, order=1, mode="constant")
            # 0.16: a flat wall, one sigma away
            total = total + np.clip((value - 0.16) / 0.5, 0, 1) / len(self.layers)
        return total

    def ground_shadow(self, camera: Camera) -> np.ndarray:
        """Return how dark the ground is per pixel, 0 to 1, (size, size); all 0 from below."""
        if camera.axes[2, 2] < 0.05 or not self.occupancy.any():
            return np.zeros((camera.size, camera.size))
        floor = np.flatnonzero(self.occupancy.any((1, 2)))[0] / self.side  # under the lowest voxel
        cells = 3 * self.side  # the ground from -1 to 2
        points = (np.argwhere(self.occupancy) + 0.5)[:, ::-1] / self.side
        height = points[:, 2:] - floor
        cast = points[:, :2] - height * (LIGHT[:2] / LIGHT[2]) * 0.6
        standing = points[height[:, 0] < 0.1, :2]
        shade = np.zeros((cells, cells), np.float32)
        for where, blur, strength in (
            (cast, self.side / 14, 0.24),
            (standing, self.side / 28, 0.3),
        ):
            cell = np.floor((where + 1) * self.side).astype(int)
            cell = cell[((cell >= 0) & (cell < cells)).all(1)]
            hit = np.zeros((cells, cells), np.float32)
            hit[cell[:, 0], cell[:, 1]] = 1
            shade += strength * ndimage.gaussian_filter(hit, blur, truncate=2.5, mode="constant")
        at = np.moveaxis((camera.ground(floor) + 1) * self.side - 0.5, -1, 0)
        return ndimage.map_coordinates(shade, at, order=1, mode="constant")


def vertex_brightness(vertices: np.ndarray, faces: np.ndarray, sky: Sky) -> np.ndarray:
    """Return the brightness of every vertex in [0, 1], (V,), by the mean normal of its faces.

    Args:
        vertices: Points (V, 3).
        faces: Indices of their corners (F, 3).
        sky: The light around the shape.
    """
    a, b, c = np.moveaxis(vertices[faces], 1, 0)
    face_normals = np.cross(b - a, c - a)  # length: twice the area, so large faces count more
    normals = np.zeros_like(vertices)
    for corner in range(3):
        for axis in range(3):
            normals[:, axis] += np.bincount(faces[:, corner], face_normals[:, axis], len(vertices))
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return sky.brightness(vertices, normals)
