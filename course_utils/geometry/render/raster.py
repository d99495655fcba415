"""Patches of surface to pixels: a z-buffer, shading, and the outer contours of a shape.

Each pixel keeps the nearest patch. Four pixels are averaged into one of the picture.
"""

from dataclasses import dataclass

import numpy as np

from course_utils.geometry.render.camera import Camera
from course_utils.geometry.render.light import Sky

SUPERSAMPLE = 2  # pixels per side that are averaged into one
CONTOUR = 0.55  # how much darker an outer contour is than the surface
SHADOW = "#333333"  # what colours darken towards
WIDTHS = [4, 6, 8, 12, 16, 24, 32, 64, 128, 256, 512]  # pixels; patches are drawn in such batches


@dataclass
class Patches:
    """P flat pieces of surface: all triangles, or all parallelograms.

    A point of a piece is corner + a * edges[0] + b * edges[1], with a and b in [0, 1] and, in a
    triangle, a + b <= 1. `light` is the brightness at (a, b) = (0, 0), (1, 0), (0, 1), (1, 1).
    """

    corner: np.ndarray  # (P, 3)
    edges: np.ndarray  # (P, 2, 3)
    light: np.ndarray  # (P, 4)
    triangles: bool


@dataclass
class Buffer:
    """What each pixel sees, in arrays (size, size).

    `patch` is -1 and `depth` infinite where there is nothing; `a` and `b` are the coordinates in
    the patch.
    """

    patch: np.ndarray
    a: np.ndarray
    b: np.ndarray
    depth: np.ndarray


def rasterise(patches, camera):
    """Project all patches and return the nearest at each pixel, as a `Buffer`."""
    size = camera.size
    patch = np.full(size * size, -1)
    a, b = np.zeros((2, size * size), np.float32)
    depth = np.full(size * size, np.inf, np.float32)
    corner = camera.project(patches.corner)
    edges = camera.project(patches.corner[:, None] + patches.edges) - corner[:, None]
    for chosen, width in _by_width(corner, edges, patches.triangles, size):
        index, pixel, fa, fb, fdepth = _fragments(
            corner[chosen], edges[chosen], width, patches.triangles, size
        )
        np.minimum.at(depth, pixel, fdepth)
        nearest = fdepth == depth[pixel]
        pixel = pixel[nearest]
        patch[pixel], a[pixel], b[pixel] = chosen[index[nearest]], fa[nearest], fb[nearest]
    return Buffer(*(array.reshape(size, size) for array in (patch, a, b, depth)))


def _by_width(corner, edges, triangles, size):
    """Yield patches in batches of similar width, so that a huge triangle does not slow the others.

    Each batch is the indices of some patches, and how many pixels wide they are at most.
    """
    ends = [np.zeros_like(corner[:, :2]), edges[:, 0, :2], edges[:, 1, :2]]
    if not triangles:
        ends.append(ends[1] + ends[2])
    spread = np.max(ends, 0) - np.min(ends, 0)  # (P, 2)
    area = edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]
    width = np.ceil(spread.max(1)).astype(int) + 1
    width[np.abs(area) < 1e-6] = 0  # seen edge-on
    smaller = 0
    for limit in [*WIDTHS, max(1024, 4 * size)]:
        batch = np.flatnonzero((width > smaller) & (width <= limit))
        rows = max(1, 2_000_000 // limit**2)
        for start in range(0, len(batch), rows):
            yield batch[start : start + rows], limit
        smaller = limit


def _fragments(corner, edges, width, triangles, size):
    """Return the pixels that patches of at most `width` pixels cover.

    One entry per patch and pixel, each array (F,): index of the patch, pixel, a, b, depth.
    """
    e1, e2 = edges[:, 0], edges[:, 1]
    if triangles:
        lowest = np.minimum(np.minimum(e1, e2), 0)
    else:
        lowest = np.minimum(e1, 0) + np.minimum(e2, 0)
    # column and row of the box's first pixel
    first = np.floor(corner + lowest)[:, :2].astype(np.int64)  # (P, 2)
    w = first + 0.5 - corner[:, :2]
    area = e1[:, 0] * e2[:, 1] - e1[:, 1] * e2[:, 0]
    steps = np.arange(width, dtype=np.float32)

    def coordinate(start, per_column, per_row):  # (P,) each -> (P, row, column)
        start, per_column, per_row = (
            (v / area).astype(np.float32)[:, None] for v in (start, per_column, per_row)
        )
        return (start + per_row * steps)[:, :, None] + (per_column * steps)[:, None, :]

    a = coordinate(w[:, 0] * e2[:, 1] - w[:, 1] * e2[:, 0], e2[:, 1], -e2[:, 0])
    b = coordinate(e1[:, 0] * w[:, 1] - e1[:, 1] * w[:, 0], -e1[:, 1], e1[:, 0])
    slack = 1e-4  # neighbours overlap by a hair rather than leave a crack
    inside = (a >= -slack) & (b >= -slack)
    inside &= (a + b <= 1 + slack) if triangles else (a <= 1 + slack) & (b <= 1 + slack)
    index, row, column = np.nonzero(inside)
    a, b = a[index, row, column], b[index, row, column]
    row, column = row + first[index, 1], column + first[index, 0]
    seen = (row >= 0) & (row < size) & (column >= 0) & (column < size)
    index, a, b, pixel = index[seen], a[seen], b[seen], (row * size + column)[seen]
    depth = corner[index, 2] + a * e1[index, 2] + b * e2[index, 2]
    return index, pixel, a, b, depth.astype(np.float32)


def draw_voxels(voxels, camera, paint):
    """Return a picture of voxels as blocks: uint8 (S, S, 3), where S is camera.size / SUPERSAMPLE.

    Args:
        voxels: Bool (D, H, W).
        camera: Made by `make_camera`.
        paint: Colours of the surface, such as `Plain("#E07B0A")`.
    """
    pixels = camera.scale / SUPERSAMPLE / max(voxels.shape)  # of the picture, per voxel
    # lines between tiny voxels would only look dirty
    outline = 0.14 * np.clip((pixels - 3) / 6, 0, 1)
    sky = Sky(voxels)
    return shade(voxel_patches(voxels, camera, sky), camera, sky, paint, outline)


def draw_mesh(vertices, faces, normals, occupancy, camera, paint):
    """Return a picture of a smooth mesh: uint8 (S, S, 3), where S is camera.size / SUPERSAMPLE.

    Args:
        vertices: Points (V, 3) in the unit cube.
        faces: Triangles (F, 3), counter-clockwise from outside.
        normals: Unit normals of the vertices (V, 3).
        occupancy: Bool (D, H, W), what casts shadows.
        camera: Made by `make_camera`.
        paint: Colours of the surface, such as `Plain("#E07B0A")`.
    """
    sky = Sky(occupancy)
    return shade(mesh_patches(vertices, faces, normals, camera, sky), camera, sky, paint)


def voxel_patches(voxels, camera, sky):
    """Return the faces of bool voxels (D, H, W) that the camera can see, as lit `Patches`.

    They look at the camera, and there is no voxel in front of them.
    """
    length = 1 / max(voxels.shape)
    padded = np.pad(voxels, 1)
    corners, edges, lights = [], [], []
    for axis in range(3):  # x, y, z
        side = 1 if camera.axes[2, axis] > 0 else -1
        ahead = np.roll(padded, -side, axis=2 - axis)
        zyx = np.argwhere(padded & ~ahead) - 1
        corner = zyx[:, ::-1] * length
        corner[:, axis] += length * (side > 0)
        others = [i for i in range(3) if i != axis]
        edge = np.zeros((2, 3))
        edge[0, others[0]] = edge[1, others[1]] = length
        normal = np.zeros(3)
        normal[axis] = side
        four = corner[:, None] + np.stack([np.zeros(3), edge[0], edge[1], edge.sum(0)])  # (P, 4, 3)
        corners.append(corner)
        edges.append(np.broadcast_to(edge, (len(corner), 2, 3)))
        lights.append(sky.brightness(four, normal))
    return Patches(
        np.concatenate(corners), np.concatenate(edges), np.concatenate(lights), triangles=False
    )


def mesh_patches(vertices, faces, normals, camera, sky):
    """Return the triangles of a mesh that look at the camera, as smoothly lit `Patches`.

    The mesh has vertices (V, 3) with unit normals and faces (F, 3), counter-clockwise from outside.
    """
    corners = vertices[faces]  # (F, 3, 3)
    edges = corners[:, 1:] - corners[:, :1]
    light = sky.brightness(vertices, normals)[faces]  # (F, 3)
    fourth = light[:, 1] + light[:, 2] - light[:, 0]
    facing = np.cross(edges[:, 0], edges[:, 1]) @ camera.axes[2] > 0
    return Patches(
        corners[facing, 0], edges[facing], np.column_stack([light, fourth])[facing], triangles=True
    )


def shade(patches, camera, sky, paint, outline=0.0):
    """Return the picture of some patches: uint8 (S, S, 3), where S is camera.size / SUPERSAMPLE.

    Args:
        patches: What is drawn.
        camera: Made by `make_camera`.
        sky: The light, and the shadow on the ground.
        paint: Colours of the surface, such as `Plain("#E07B0A")`.
        outline: The share by which the edges of the patches are darkened.
    """
    buffer = rasterise(patches, camera)
    seen = buffer.patch >= 0
    which, a, b = buffer.patch[seen], buffer.a[seen], buffer.b[seen]
    p, q, r, s = patches.light[which].T.astype(np.float32)
    light = p + a * (q - p) + b * (r - p) + a * b * (p + s - q - r)
    if outline:
        to_edge = np.minimum(np.minimum(a, 1 - a), np.minimum(b, 1 - b))
        light *= 1 - outline * (to_edge < 0.05)
    light *= 1 - CONTOUR * _contours(buffer.depth, camera)[seen]
    tone = np.full(seen.shape, 256)  # 256: nothing there
    tone[seen] = np.clip(light * 255, 0, 255)
    ramps = np.stack([colour_ramp(colour) for colour in paint.colours])
    number = np.zeros(seen.shape, np.uint8)
    if len(ramps) > 1:
        points = patches.corner[which] + a[:, None] * patches.edges[which, 0]
        number[seen] = paint.at(points + b[:, None] * patches.edges[which, 1])
    image = _shrunk(ramps[number, tone])  # (size, size, 4): red, green, blue, coverage
    small = Camera(camera.axes, camera.scale / SUPERSAMPLE, len(image))
    paper = 1 - sky.ground_shadow(small)[..., None]
    return np.round(255 * (image[..., :3] + (1 - image[..., 3:]) * paper)).astype(np.uint8)


def _shrunk(image):
    """Return the means of SUPERSAMPLE x SUPERSAMPLE pixels."""
    offsets = range(SUPERSAMPLE)
    total = sum(image[i::SUPERSAMPLE, j::SUPERSAMPLE] for i in offsets for j in offsets)
    return total / SUPERSAMPLE**2


def _contours(depth, camera):
    """Return where depth jumps: the outer contour and the rims of nearer parts, bool (S, S)."""
    depth = np.where(np.isfinite(depth), depth, 4 * camera.scale)
    jump = 0.08 * camera.scale
    rim = np.zeros(depth.shape, bool)
    rim[:, 1:] |= depth[:, :-1] - depth[:, 1:] > jump
    rim[:, :-1] |= depth[:, 1:] - depth[:, :-1] > jump
    rim[1:] |= depth[:-1] - depth[1:] > jump
    rim[:-1] |= depth[1:] - depth[:-1] > jump
    return rim


def colour_ramp(colour):
    """Return 257 rows RGBA in [0, 1]: from deep shadow through `colour` to highlight, then nothing.

    The last row is transparent, for pixels that see nothing.
    """
    base, ink = (
        np.array([int(text[i : i + 2], 16) for i in (1, 3, 5)]) / 255 for text in (colour, SHADOW)
    )
    stops = [0.0, 0.35, 0.72, 1.0]
    rows = np.stack([0.3 * ink, 0.45 * base + 0.08 * ink, base, 0.58 * base + 0.42])
    ramp = np.stack([np.interp(np.linspace(0, 1, 256), stops, rows[:, i]) for i in range(3)], -1)
    opaque = np.pad(ramp, [(0, 0), (0, 1)], constant_values=1)
    return np.pad(opaque, [(0, 1), (0, 0)]).astype(np.float32)
