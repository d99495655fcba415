"""Which way a surface faces, and the voxels that stand for a mesh. Points are (x, y, z), z up."""

import numpy as np

NORMAL_BLUR = 0.8  # voxels
SHELL = 32  # voxels per side of the shell that stands for a mesh
SHELL_POINTS = 30_000  # spread over a mesh to find its shell, about


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
