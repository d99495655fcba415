"""Surfaces of grids: smooth ones by marching cubes, blocky ones voxel by voxel.

Lesson 07 teaches both, lesson 08 exports its shapes with the smooth one. Marching cubes is
scikit-image's (Lewiner et al. 2003); meshes are trimesh's. Vertices are (x, y, z) in units of the
cube's side, z up; voxel i spans [i/n, (i+1)/n].
"""

from typing import TYPE_CHECKING

import numpy as np

from course_utils.geometry.voxels import checked_voxels

if TYPE_CHECKING:
    import trimesh

# both as shares of the field's range
KEPT = 0.2  # the least that smoothing leaves of a voxel's side of the level: thin parts survive
NUDGE = 1e-4  # nothing lies closer to the level, where marching cubes makes degenerate faces


def smooth_mesh(field: np.ndarray, level: float = 0.0, smoothing: float = 0.0) -> "trimesh.Trimesh":
    """Return the surface of a field at `level`, closed and pointing outwards.

    Whatever is outside the grid counts as outside the shape, so the mesh is closed and lies within
    the cube. A field with nothing above the level gives a mesh without faces.

    Args:
        field: Floats (D, H, W), inside above `level`: a denoiser's x0 in about [-1, 1], or any
            other; or bool (D, H, W), taken as -1 and 1.
        level: Value of the field on the surface.
        smoothing: Width of a Gaussian blur in voxels (0.7 rounds the blocks of a bool grid). No
            voxel's centre changes sides, so that legs one voxel thin survive.
    """
    from scipy.ndimage import gaussian_filter
    from skimage.measure import marching_cubes
    from trimesh import Trimesh

    field = np.asarray(field)
    if field.ndim != 3 or field.dtype.kind not in "bf" or not np.isfinite(field).all():
        raise ValueError(
            f"field: got {field.dtype} of shape {field.shape}, expected finite floats or bool (D,"
            " H, W)"
        )
    if not np.isfinite(level):
        raise ValueError(f"level: got {level}, expected a finite number")
    if not smoothing >= 0:
        raise ValueError(f"smoothing: got {smoothing}, expected a width in voxels, 0 or more")
    sharp = (field * 2.0 - 1.0 if field.dtype == bool else field.astype(np.float64)) - level
    if not (sharp > 0).any():
        return Trimesh(np.zeros((0, 3)), np.zeros((0, 3), np.int64), process=False)
    reach = np.abs(sharp).max()
    # the padding is as far outside as anything, so that the surface stays in the cube
    sharp = np.pad(sharp / reach, 1, constant_values=-1.0)
    inside = sharp > 0
    value = gaussian_filter(sharp, smoothing, mode="nearest") if smoothing else sharp
    least = np.clip(np.abs(sharp), NUDGE, KEPT if smoothing else 1.0)
    value = np.where(inside, np.maximum(value, least), np.minimum(value, -least))
    vertices, faces, _, _ = marching_cubes(value, 0.0, gradient_direction="descent")
    vertices = vertices[:, ::-1].astype(np.float64) - 0.5  # x, y, z; the padding is voxel -1
    return Trimesh(vertices / max(field.shape), faces.astype(np.int64), process=False)


def is_watertight(mesh: "trimesh.Trimesh") -> bool:
    """Return whether the surface is closed: each directed edge has as many opposite ones.

    Only then are volume and inside well defined. Two closed sheets may share an edge (it then has
    four faces, and trimesh's own is_watertight says no). A mesh without faces, or with a face that
    uses a vertex twice, is not closed.
    """
    faces = np.asarray(mesh.faces, dtype=np.int64)
    start, end = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    if not len(faces) or (start == end).any() or not np.isfinite(mesh.vertices).all():
        return False
    number = len(mesh.vertices)
    return np.array_equal(np.sort(start * number + end), np.sort(end * number + start))


def blocky_mesh(voxels: np.ndarray) -> "trimesh.Trimesh":
    """Return the faces between occupied and empty voxels of bool (D, H, W), pointing outwards.

    Each face is two triangles. The mesh is always a closed 2-manifold: every edge has exactly two
    triangles. Where voxels, or the gaps between them, touch only along an edge or at a corner, each
    of the touching sheets has its own vertices there. The volume is the number of voxels / n**3,
    where n is the longest side. An empty grid gives a mesh without faces.
    """
    from trimesh import Trimesh

    occupied = np.pad(checked_voxels(voxels), 1)
    corners, inside, outside = _surface_quads(occupied)  # flat grid indices (F, 4), (F,), (F,)
    vertex = _split_vertices(corners, inside, outside)  # (F, 4)
    positions = np.zeros((vertex.max(initial=-1) + 1, 3))
    z, y, x = np.unravel_index(corners, occupied.shape)
    positions[vertex] = np.stack([x, y, z], axis=-1) - 1
    faces = vertex[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)
    return Trimesh(positions / max(voxels.shape), faces, process=False)


def _surface_quads(occupied: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Quads around a padded grid: four corners (counter-clockwise from outside), the voxels beside.

    Voxels and grid corners are numbered alike: corner i is the low end of voxel i.
    """
    strides = np.array(occupied.strides) // occupied.itemsize
    flat = occupied.ravel()
    voxels = np.flatnonzero(flat)
    corners, inside, outside = [], [], []
    for axis in range(3):
        # the other axes, ordered so that u x v points along +axis in (x, y, z), not (z, y, x)
        u, v = strides[(axis + 2) % 3], strides[(axis + 1) % 3]
        for sign in (1, -1):
            open_voxels = voxels[~flat[voxels + sign * strides[axis]]]
            low = open_voxels + (strides[axis] if sign > 0 else 0)
            ring = (0, u, u + v, v) if sign > 0 else (0, v, u + v, u)
            corners.append(np.stack([low + step for step in ring], axis=1))
            inside.append(open_voxels)
            outside.append(open_voxels + sign * strides[axis])
    return np.concatenate(corners), np.concatenate(inside), np.concatenate(outside)


def _split_vertices(corners: np.ndarray, inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Vertex numbers (F, 4): corners share a vertex if paired edges lead from quad to quad.

    Where four quads meet in an edge, two voxels touch there, and each keeps its own two quads. If
    the voxels are nevertheless joined around both ends of the edge, that would leave one edge with
    four quads; then the quads that face the same empty voxel are paired instead.
    """
    following = np.roll(corners, -1, axis=1)
    low, high = np.minimum(corners, following).ravel(), np.maximum(corners, following).ravel()
    step = high - low  # the stride of the axis along which the edge runs
    edge = low * 3 + np.searchsorted(np.unique(step), step)
    owner = np.repeat(inside, 4)
    vertex = _welded(corners, edge, owner)
    start, end = vertex.ravel(), np.roll(vertex, -1, axis=1).ravel()
    ends = np.minimum(start, end) * len(start) + np.maximum(start, end)
    _, which, count = np.unique(ends, return_inverse=True, return_counts=True)
    crowded = count[which] > 2
    if not crowded.any():
        return vertex
    return _welded(corners, edge, np.where(crowded, np.repeat(outside, 4), owner))


def _welded(corners: np.ndarray, edge: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Vertex numbers (F, 4) after pairing half-edges by `edge`, and where four meet by `owner`."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components as components

    first, second = np.lexsort((owner, edge)).reshape(-1, 2).T
    after = np.arange(corners.size).reshape(-1, 4)
    after = np.roll(after, -1, axis=1).ravel()  # the corner at which a half-edge ends
    # neighbours run along their common edge in opposite directions: one starts where the other ends
    rows, columns = np.concatenate([first, after[first]]), np.concatenate([after[second], second])
    links = coo_array((np.ones(len(rows), bool), (rows, columns)), shape=(corners.size,) * 2)
    return components(links, directed=False)[1].reshape(-1, 4).astype(np.int64)
