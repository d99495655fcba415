"""Occupancy grids: in and out of the model's tensors, their connected pieces, and their surface as
blocks.

Lesson 07 teaches the grid and the blocky mesh, lesson 08 uses the pieces to clean up what a model
drew. Grids are bool (D, H, W) = z, y, x with z up; mesh vertices are (x, y, z) in units of the
cube's side, voxel i spans [i/n, (i+1)/n].
"""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    import trimesh


def to_model(voxels: np.ndarray | Tensor) -> Tensor:
    """Bool (..., D, H, W) to the model's float32 (B, 1, D, H, W) with -1 for empty and 1 for
    occupied.
    """
    voxels = torch.as_tensor(voxels)
    if voxels.dtype != torch.bool or voxels.ndim < 3:
        raise ValueError(
            f"voxels: got {voxels.dtype} of shape {tuple(voxels.shape)}, expected bool (..., D, H,"
            " W); compare with a level first, for example voxels > 0"
        )
    return voxels.reshape(-1, 1, *voxels.shape[-3:]).float() * 2 - 1


def to_occupancy(x: np.ndarray | Tensor, level: float = 0.0) -> np.ndarray:
    """The model's (B, 1, D, H, W), or any (..., D, H, W), to bool numpy (B, D, H, W): occupied
    above `level`.
    """
    x = torch.as_tensor(x)
    if x.ndim < 3 or not x.is_floating_point() or bool(x.isnan().any()):
        nan = ", some NaN" * bool(x.isnan().any())
        raise ValueError(
            f"x: got {x.dtype} of shape {tuple(x.shape)}{nan}, expected floats (..., D, H, W)"
        )
    return (x.detach() > level).reshape(-1, *x.shape[-3:]).cpu().numpy()


def connected_components(voxels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pieces whose voxels touch by faces: labels int32 (D, H, W), 0 for empty, and sizes int64
    (count,) of 1, 2, ...
    """
    from scipy.ndimage import label

    labels, count = label(_checked(voxels))
    return labels, np.bincount(labels.ravel(), minlength=count + 1)[1:]


def component_count(voxels: np.ndarray) -> int:
    """Number of pieces whose voxels touch by faces; 0 for an empty grid."""
    return len(connected_components(voxels)[1])


def largest_component(voxels: np.ndarray) -> np.ndarray:
    """Bool (D, H, W) with the largest piece alone (of equals the first in z, y, x); empty stays
    empty.
    """
    labels, sizes = connected_components(voxels)
    return labels == 1 + sizes.argmax() if len(sizes) else np.zeros_like(voxels)


def keep_largest(field: np.ndarray, level: float = 0.0) -> np.ndarray:
    """A float field (D, H, W) whose pieces above `level`, apart from the largest, are pushed as far
    below it.
    """
    inside = np.asarray(field) > level
    return np.where(inside & ~largest_component(inside), 2 * level - field, field)


def joined(field: np.ndarray, reach: float = 4.0, least: float = 0.01) -> np.ndarray:
    """A float field (D, H, W), inside above 0, in which pieces that nearly touch are joined by
    bars.

    A sampler leaves gaps of a few voxels in what is thin. A piece of `least` of the volume or more,
    at most `reach` voxels from the rest (from centre to centre: 4 is a gap of three), gets a bar to
    the nearest voxel there, three voxels thick. Nothing else changes; smaller pieces are dust, and
    those further away are left to `keep_largest`.
    """
    from scipy.spatial import cKDTree

    field = np.array(field)
    while True:
        labels, sizes = connected_components(field > 0)
        big = [1 + k for k in np.argsort(-sizes, kind="stable") if sizes[k] >= least * sizes.sum()]
        near = None
        if len(big) > 1:
            rest = cKDTree(np.argwhere(labels == big[0]))
            for piece in big[1:]:
                places = np.argwhere(labels == piece)
                far, which = rest.query(places)
                if far.min() <= reach and (near is None or far.min() < near[0]):
                    near = (far.min(), places[far.argmin()], rest.data[which[far.argmin()]])
        if near is None:
            return field
        _bar(field, *near[1:])


def _bar(field: np.ndarray, start: np.ndarray, end: np.ndarray) -> None:
    """Make a bar from one voxel to another in a field, in place: each voxel of it with its six
    neighbours.
    """
    steps = 2 * int(np.ceil(np.abs(end - start).max())) + 1
    line = np.unique(np.rint(np.linspace(start, end, steps)).astype(int), axis=0)
    cross = np.concatenate([np.zeros((1, 3), int), np.eye(3, dtype=int), -np.eye(3, dtype=int)])
    z, y, x = (line[:, None] + cross).reshape(-1, 3).clip(0, np.array(field.shape) - 1).T
    field[z, y, x] = np.maximum(field[z, y, x], 0.5)


def signed_distance(voxels: np.ndarray) -> np.ndarray:
    """Distance of each voxel's centre to the surface, in units of the cube's side: float32 (D, H,
    W), positive inside.

    The surface runs halfway between a voxel and the nearest one of the other kind; outside the grid
    is air. An empty grid has no surface: ValueError.
    """
    from scipy.ndimage import distance_transform_edt

    voxels = _checked(voxels)
    if not voxels.any():
        raise ValueError("voxels: the grid is empty and has no surface to measure a distance from")
    inside = np.pad(voxels, 1)
    distance = np.where(
        inside, distance_transform_edt(inside) - 0.5, 0.5 - distance_transform_edt(~inside)
    )
    return (distance[1:-1, 1:-1, 1:-1] / max(voxels.shape)).astype(np.float32)


def blocky_mesh(voxels: np.ndarray) -> "trimesh.Trimesh":
    """The faces between occupied and empty voxels of bool (D, H, W), two triangles each, pointing
    outwards.

    Always a closed 2-manifold: every edge has exactly two triangles. So where voxels touch only
    along an edge or in a corner, or leave a gap that does, the touching sheets have vertices of
    their own in the same place. The volume is the number of voxels / n**3, with n the longest side.
    An empty grid gives a mesh without faces.
    """
    from trimesh import Trimesh

    occupied = np.pad(_checked(voxels), 1)
    corners, inside, outside = _surface_quads(occupied)  # flat grid indices (F, 4), (F,), (F,)
    vertex = _split_vertices(corners, inside, outside)  # (F, 4)
    positions = np.zeros((vertex.max(initial=-1) + 1, 3))
    z, y, x = np.unravel_index(corners, occupied.shape)
    positions[vertex] = np.stack([x, y, z], axis=-1) - 1
    faces = vertex[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)
    return Trimesh(positions / max(voxels.shape), faces, process=False)


def _surface_quads(occupied: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Quads around a padded grid: the four corners (counter-clockwise from outside), the voxel
    behind, the one before.

    Voxels and grid corners are numbered alike: corner i is the low end of voxel i.
    """
    strides = np.array(occupied.strides) // occupied.itemsize
    flat = occupied.ravel()
    voxels = np.flatnonzero(flat)
    corners, inside, outside = [], [], []
    for axis in range(3):
        # the other two axes, ordered so that u x v points along +axis in (x, y, z), the reverse of
        # (z, y, x)
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
    """Vertex numbers (F, 4): corners of quads share a vertex if one walks from quad to quad across
    paired edges.

    Where four quads meet in an edge, two voxels touch there, and each keeps its own two quads. If
    the voxels are joined around both ends of the edge all the same, that would leave one edge with
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
    """Vertex numbers (F, 4) after pairing the half-edges with equal `edge`, of four those with
    equal `owner`.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components as components

    first, second = np.lexsort((owner, edge)).reshape(-1, 2).T
    after = np.arange(corners.size).reshape(-1, 4)
    after = np.roll(after, -1, axis=1).ravel()  # the corner at which a half-edge ends
    # neighbours run along their common edge in opposite directions: the start of one is the end of
    # the other
    rows, columns = np.concatenate([first, after[first]]), np.concatenate([after[second], second])
    links = coo_array((np.ones(len(rows), bool), (rows, columns)), shape=(corners.size,) * 2)
    return components(links, directed=False)[1].reshape(-1, 4).astype(np.int64)


def _checked(voxels: np.ndarray) -> np.ndarray:
    voxels = np.asarray(voxels)
    if voxels.dtype != bool or voxels.ndim != 3:
        raise ValueError(
            f"voxels: got {voxels.dtype} of shape {voxels.shape}, expected bool (D, H, W)"
        )
    return voxels
