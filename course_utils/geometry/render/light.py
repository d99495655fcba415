"""How bright a surface is: Lambert shading, ambient occlusion, a soft shadow on the ground.

Occlusion is read from the blurred occupancy, a cheap form of Zhukov et al. 1998. Lengths are in
units of the cube's side.
"""

import numpy as np

LIGHT = np.array([-0.26, -0.45, 0.85])  # direction towards the light: from the front left, above
OCCLUSION = 0.62  # how much of the light a deep corner loses
WALL = 0.16  # blurred occupancy one standard deviation away from a flat wall
NORMAL_BLUR = 0.8  # voxels
SHELL = 32  # voxels per side of the shell that stands for a mesh
SHELL_POINTS = 30_000  # spread over a mesh to find its shell, about


class Sky:
    """The light that reaches a point: how open the sky is there and how squarely the light falls.

    occupancy: bool (D, H, W), what is solid.
    """

    def __init__(self, occupancy):
        from scipy import ndimage

        self.occupancy = occupancy
        self.side = max(occupancy.shape)
        self.pad = self.side // 8 + 1
        solid = np.pad(occupancy, self.pad).astype(np.float32)
        near, far = self.side / 24, self.side / 9  # two sizes of corner, in voxels
        wide = solid
        for _ in range(2):  # two box means with a standard deviation of `far`: faster than Gaussian
            wide = ndimage.uniform_filter(wide, round(far * 6**0.5), mode="constant")
        narrow = ndimage.gaussian_filter(solid, near, truncate=2.5, mode="constant")
        self.layers = [(near, narrow), (far, wide)]

    def brightness(self, points, normals):
        """Return how bright a surface is, from 0 (dark) to 1 (fully lit), (...).

        Args:
            points: Where, (..., 3).
            normals: Unit normals that broadcast with them.
        """
        facing = np.broadcast_to(normals, points.shape) @ (LIGHT / np.linalg.norm(LIGHT))
        # half-Lambert: no face goes flat black
        lambert = 0.42 + 0.58 * np.clip(0.5 + 0.5 * facing, 0, 1) ** 1.5
        return lambert * (1 - OCCLUSION * self.blocked(points, normals))

    def blocked(self, points, normals):
        """Return the solid share of what lies in front of a surface, from 0 (open plane) to 1.

        Args:
            points: Where, (..., 3).
            normals: Unit normals that broadcast with them.
        """
        from scipy import ndimage

        total = 0.0
        for reach, blurred in self.layers:
            ahead = points + normals * (reach / self.side)
            at = np.moveaxis(ahead[..., ::-1] * self.side, -1, 0) - 0.5 + self.pad
            value = ndimage.map_coordinates(blurred, at, order=1, mode="constant")
            total = total + np.clip((value - WALL) / 0.5, 0, 1) / len(self.layers)
        return total

    def ground_shadow(self, camera):
        """Return how dark the ground is at each pixel, 0 to 1, (size, size); 0 from below."""
        from scipy import ndimage

        if camera.axes[2, 2] < 0.05 or not self.occupancy.any():
            return np.zeros((camera.size, camera.size))
        floor = np.flatnonzero(self.occupancy.any((1, 2)))[0] / self.side  # under the lowest voxel
        cells = 3 * self.side  # the ground from -1 to 2
        points = (np.argwhere(self.occupancy) + 0.5)[:, ::-1] / self.side
        height = points[:, 2:] - floor
        cast = points[:, :2] - height * (LIGHT[:2] / LIGHT[2]) * 0.6
        standing = points[height[:, 0] < 0.1, :2]
        shadow = np.zeros((cells, cells), np.float32)
        for where, blur, strength in (
            (cast, self.side / 14, 0.24),
            (standing, self.side / 28, 0.3),
        ):
            cell = np.floor((where + 1) * self.side).astype(int)
            cell = cell[((cell >= 0) & (cell < cells)).all(1)]
            hit = np.zeros((cells, cells), np.float32)
            hit[cell[:, 0], cell[:, 1]] = 1
            shadow += strength * ndimage.gaussian_filter(hit, blur, truncate=2.5, mode="constant")
        at = np.moveaxis((camera.ground(floor) + 1) * self.side - 0.5, -1, 0)
        return ndimage.map_coordinates(shadow, at, order=1, mode="constant")


def mesh_normals(vertices, faces):
    """Return the mean normal of the faces around each vertex, unit vectors (V, 3).

    Args:
        vertices: Points (V, 3).
        faces: Triangles (F, 3), counter-clockwise from outside.
    """
    a, b, c = np.moveaxis(vertices[faces], 1, 0)
    face_normals = np.cross(b - a, c - a)  # length: twice the area, so large faces count more
    normals = np.zeros_like(vertices)
    for corner in range(3):
        for axis in range(3):
            normals[:, axis] += np.bincount(faces[:, corner], face_normals[:, axis], len(vertices))
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def field_normals(field, points):
    """Return the directions in which a blurred field falls, unit vectors (P, 3).

    They are smoother than the mesh, whose triangles follow the voxels: round parts look round.

    Args:
        field: Floats (D, H, W), larger inside; outside the grid is as empty as anything in it.
        points: (x, y, z) in the unit cube, (P, 3).
    """
    from scipy import ndimage

    pad = 3
    padded = np.pad(field.astype(np.float32), pad, constant_values=float(field.min()))
    slopes = np.gradient(ndimage.gaussian_filter(padded, NORMAL_BLUR, truncate=3.0))
    at = np.moveaxis(points[:, ::-1] * max(field.shape) - 0.5 + pad, -1, 0)
    z, y, x = (ndimage.map_coordinates(slope, at, order=1, mode="nearest") for slope in slopes)
    normals = -np.stack([x, y, z], axis=1)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def occupied(triangles):
    """Return the voxels that triangles (F, 3, 3) touch: bool (SHELL, SHELL, SHELL).

    Corners lie in the unit cube. The voxels are a shell that casts shadows.
    """
    voxels = np.zeros((SHELL, SHELL, SHELL), bool)
    edges = triangles[:, 1:] - triangles[:, :1]
    area = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1)
    count = np.ceil(SHELL_POINTS * area / max(area.sum(), 1e-12)).astype(int)
    which = np.repeat(np.arange(len(triangles)), count)
    # evenly spread, no randomness
    a, b = np.modf(np.outer([0.7548776662, 0.5698402910], np.arange(len(which))))[0]
    a, b = np.where(a + b > 1, 1 - a, a), np.where(a + b > 1, 1 - b, b)
    on_surface = triangles[which, 0] + a[:, None] * edges[which, 0] + b[:, None] * edges[which, 1]
    x, y, z = np.clip(on_surface * SHELL, 0, SHELL - 1).astype(int).T
    voxels[z, y, x] = True
    return voxels
