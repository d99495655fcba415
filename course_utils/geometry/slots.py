"""Material slots on a surface: which voxels belong to which, and a mesh cut along their borders.

A voxel's slot is a whole number, 1 for the first. Between two slots the border runs where both
weigh the same; a slot's weight is the blurred indicator of its voxels, so that the border is a
smooth line, not a staircase. Triangles that it crosses are cut, as marching squares would cut them
(Lorensen and Cline 1987, on a triangle in the place of a cube).
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import trimesh

SURE = 0.2  # of a voxel must be filled, or its slot does not count: a model guesses it in air
BLUR = 0.5  # voxels: enough for a smooth border; a wider one swallows windows one voxel wide
MARGIN = 0.1  # a cut keeps this share of an edge away from its ends: no needles, no double points


def spread_slots(slots: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return slots in which every voxel that is not known has that of the nearest known one.

    Args:
        slots: uint8 (D, H, W).
        known: Which of them are known, bool (D, H, W); if none is, the slots are returned as given.
    """
    from scipy.ndimage import distance_transform_edt

    if known.all() or not known.any():
        return slots.copy()
    nearest = distance_transform_edt(~known, return_distances=False, return_indices=True)
    return slots[tuple(nearest)]


def cut_by_slots(
    mesh: "trimesh.Trimesh", slots: np.ndarray
) -> tuple["trimesh.Trimesh", np.ndarray]:
    """Return a surface cut along the borders of its slots, and the slot of each face.

    The surface stays where it is. Neighbours share the vertices at a border, so a closed mesh stays
    closed. Faces are ordered by their slot.

    Args:
        mesh: Vertices (x, y, z) in the unit cube, as of `surface.smooth_mesh`.
        slots: uint8 (D, H, W), at least 1 wherever the surface is near (`spread_slots`).

    Returns:
        A mesh, and int64 (F,): 1 for the first slot.
    """
    from trimesh import Trimesh

    vertices, faces = np.array(mesh.vertices), np.array(mesh.faces)
    weights = slot_weights(slots, vertices)
    label = weights.argmax(axis=1)
    if not len(faces) or (label == label[0]).all():
        return mesh, np.full(len(faces), 1 + (label[0] if len(label) else 0))
    cuts, points = _cuts(vertices, faces, label, weights)
    kinds = label[faces]
    changes = (cuts >= 0).sum(axis=1)
    whole, pair, triple = (changes == number for number in (0, 2, 3))
    middle = len(vertices) + len(points) + np.arange(np.count_nonzero(triple))
    points = np.concatenate([points, points[cuts[triple] - len(vertices)].mean(axis=1)])
    parts = [
        (faces[whole], kinds[whole, 0]),
        *_of_two(faces[pair], cuts[pair], kinds[pair]),
        *_of_three(faces[triple], cuts[triple], kinds[triple], middle),
    ]
    faces, found = (np.concatenate(several) for several in zip(*parts, strict=True))
    order = np.argsort(found, kind="stable")
    made = Trimesh(np.concatenate([vertices, points]), faces[order], process=False)
    return made, found[order] + 1


def slot_weights(
    slots: np.ndarray, points: np.ndarray, count: int | None = None, field: np.ndarray | None = None
) -> np.ndarray:
    """Return how much each slot weighs at points of a surface: the largest decides.

    Args:
        slots: uint8 (D, H, W): 1 for the first; 0 where nothing is known.
        points: (x, y, z) in the unit cube, (P, 3).
        count: How many slots there are; None is as many as are seen.
        field: Floats (D, H, W), inside above 0, -1 to 1. What is nearly empty (`SURE`) does not
            count. None: all voxels count.

    Returns:
        float32 (P, count).

    Raises:
        ValueError: There is no slot, or one beyond the last.
    """
    from scipy.ndimage import gaussian_filter, map_coordinates

    seen = int(slots.max(initial=0))
    count = max(seen, 1) if count is None else count
    if not count or seen > count:
        raise ValueError(
            f"there are {count} materials and slots go up to {seen}; expected one for each slot"
        )
    at = np.moveaxis(points[:, ::-1] * max(slots.shape) - 0.5, -1, 0)
    known = True if field is None else field > 2 * SURE - 1
    found = np.zeros((len(points), count), np.float32)
    for number in range(1, count + 1):
        here = ((slots == number) & known).astype(np.float32)
        if here.any():
            weight = gaussian_filter(here, BLUR, truncate=2.0)
            map_coordinates(weight, at, order=1, mode="nearest", output=found[:, number - 1])
    return found


def _cuts(
    vertices: np.ndarray, faces: np.ndarray, label: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return where edges are cut: for each face's edge k, from corner k on, a vertex or -1: (F, 3).

    Also return the positions of these vertices, which are numbered after those of the mesh.
    """
    start, end = faces, np.roll(faces, -1, axis=1)
    low, high = np.minimum(start, end), np.maximum(start, end)
    crossed = label[low] != label[high]
    keys, which = np.unique(low[crossed] * len(vertices) + high[crossed], return_inverse=True)
    i, j = np.divmod(keys, len(vertices))
    own, other = label[i], label[j]
    ahead = weights[i, own] - weights[i, other]
    behind = weights[j, other] - weights[j, own]
    share = np.divide(ahead, ahead + behind, out=np.full(len(i), 0.5), where=ahead + behind > 0)
    share = share.clip(MARGIN, 1 - MARGIN)[:, None]
    cuts = np.full(faces.shape, -1)
    cuts[crossed] = len(vertices) + which
    return cuts, (1 - share) * vertices[i] + share * vertices[j]


def _of_two(faces: np.ndarray, cuts: np.ndarray, kinds: np.ndarray) -> list[tuple]:
    """Cut triangles of two slots: (faces (N, 3), slots (N,)) of one triangle and two beside it."""
    first = np.argmin(cuts, axis=1) + 2  # the corner that has a slot of its own: opposite the whole
    turn = (first[:, None] + [0, 1, 2]) % 3
    faces, cuts, kinds = (np.take_along_axis(given, turn, 1) for given in (faces, cuts, kinds))
    a, b, c = faces.T
    ab, _, ca = cuts.T
    return [
        (np.stack([a, ab, ca], axis=1), kinds[:, 0]),
        (np.stack([ab, b, c], axis=1), kinds[:, 1]),
        (np.stack([ab, c, ca], axis=1), kinds[:, 1]),
    ]


def _of_three(
    faces: np.ndarray, cuts: np.ndarray, kinds: np.ndarray, middle: np.ndarray
) -> list[tuple]:
    """Cut triangles of three slots into six around a middle: (faces (N, 3), slots (N,)) of each."""
    parts = []
    for k in range(3):
        ahead, behind = cuts[:, k], cuts[:, k - 1]
        parts.append((np.stack([faces[:, k], ahead, middle], axis=1), kinds[:, k]))
        parts.append((np.stack([faces[:, k], middle, behind], axis=1), kinds[:, k]))
    return parts
