"""A small z-buffer renderer in numpy: voxels and surfaces to shaded pictures, many a second,
without a GPU.

matplotlib's own 3D voxels take seconds a shape; every still picture of the course (lessons 00 and
05 to 09) comes from here. Orthographic projection, Lambert shading, ambient occlusion read from the
blurred occupancy (a cheap form of Zhukov et al. 1998), a soft shadow on the ground. Lengths are in
units of the cube's side, points are (x, y, z), z up, the front of a shape looks towards -y.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from course_utils.geometry.surface import smooth_mesh

AZIMUTH, ELEVATION = 35.0, 24.0  # degrees: three-quarter view from the front right, a little above
LIGHT = np.array([-0.26, -0.45, 0.85])  # direction towards the light: from the front left, above
SUPERSAMPLE = 2  # pixels a side that are averaged into one
OCCLUSION = 0.62  # how much of the light a deep corner loses
CONTOUR = 0.55  # how much darker an outer contour is than the surface
SHADOW = "#333333"  # what colours darken towards
MARGIN = 0.03  # of the picture's side, kept free around the cube


@dataclass
class Camera:
    """Orthographic camera around the unit cube. Rows of `axes`: right, up, towards the viewer."""

    axes: np.ndarray  # (3, 3)
    scale: float  # pixels per unit length
    size: int  # pixels a side

    def project(self, points):
        """Points (..., 3) to (column, row, depth) in pixels; smaller depth is nearer."""
        view = (points - 0.5) @ self.axes.T
        middle = self.size / 2
        return np.stack(
            [
                middle + self.scale * view[..., 0],
                middle - self.scale * view[..., 1],
                -self.scale * view[..., 2],
            ],
            -1,
        )

    def ground(self, height):
        """(x, y) of the ground point at z = `height` seen at every pixel centre, shape (size, size,
        2).
        """
        right, up, towards = self.axes
        offset = (np.arange(self.size) + 0.5 - self.size / 2) / self.scale
        view = (
            0.5 + offset[None, :, None] * right - offset[:, None, None] * up
        )  # on the plane through the middle
        return (view - (view[..., 2:] - height) / towards[2] * towards)[..., :2]


def make_camera(size, azimuth=AZIMUTH, elevation=ELEVATION):
    """Camera that just holds the unit cube. `azimuth` 0 looks at the front, 90 at the right side;
    degrees.
    """
    if size < 8:
        raise ValueError(f"size={size}; expected at least 8 pixels a side, 256 is usual.")
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


@dataclass
class Patches:
    """P flat pieces of surface, all triangles or all parallelograms: corner + a * edges[0] + b *
    edges[1].

    `light` (P, 4) is the brightness at (a, b) = (0, 0), (1, 0), (0, 1), (1, 1); triangles end at a
    + b = 1.
    """

    corner: np.ndarray  # (P, 3)
    edges: np.ndarray  # (P, 2, 3)
    light: np.ndarray  # (P, 4)
    triangles: bool


@dataclass
class Buffer:
    """What each pixel sees: `patch` (-1: nothing), its coordinates `a`, `b` there, and `depth`
    (inf: nothing).
    """

    patch: np.ndarray
    a: np.ndarray
    b: np.ndarray
    depth: np.ndarray


def rasterise(patches, camera):
    """Project all patches, keep the nearest at every pixel, return a Buffer of (size, size)
    arrays.
    """
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
    """Sort patches into batches of similar width in pixels, so that one huge triangle does not slow
    the small ones.
    """
    ends = [np.zeros_like(corner[:, :2]), edges[:, 0, :2], edges[:, 1, :2]]
    if not triangles:
        ends.append(ends[1] + ends[2])
    spread = np.max(ends, 0) - np.min(ends, 0)  # (P, 2)
    area = edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]
    width = np.ceil(spread.max(1)).astype(int) + 1
    width[np.abs(area) < 1e-6] = 0  # seen edge-on
    smaller = 0
    for limit in [4, 6, 8, 12, 16, 24, 32, 64, 128, 256, 512, max(1024, 4 * size)]:
        batch = np.flatnonzero((width > smaller) & (width <= limit))
        rows = max(1, 2_000_000 // limit**2)
        for start in range(0, len(batch), rows):
            yield batch[start : start + rows], limit
        smaller = limit


def _fragments(corner, edges, width, triangles, size):
    """All pixels covered by patches at most `width` pixels wide: (index, pixel, a, b, depth), each
    (F,).
    """
    e1, e2 = edges[:, 0], edges[:, 1]
    lowest = (
        np.minimum(np.minimum(e1, e2), 0) if triangles else np.minimum(e1, 0) + np.minimum(e2, 0)
    )
    first = np.floor(corner + lowest)[:, :2].astype(
        np.int64
    )  # (P, 2) column and row of the box's first pixel
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


def draw_voxels(voxels, camera, colour):
    """Picture of bool voxels (D, H, W) as blocks: uint8 (H, W, 3), half the camera's pixels a
    side.
    """
    pixels = camera.scale / SUPERSAMPLE / max(voxels.shape)  # of the picture, per voxel
    outline = 0.14 * np.clip(
        (pixels - 3) / 6, 0, 1
    )  # lines between tiny voxels would only look dirty
    return shade(voxel_patches(voxels, camera), camera, Sky(voxels), colour, outline)


def draw_mesh(vertices, faces, occupancy, camera, colour):
    """Picture of a smooth mesh: uint8 (H, W, 3). `occupancy` bool (D, H, W) tells where shadows
    fall.
    """
    sky = Sky(occupancy)
    return shade(mesh_patches(vertices, faces, camera, sky), camera, sky, colour)


def isosurface(field, level=0.0):
    """Vertices (V, 3) and faces (F, 3) of a float field (D, H, W), closed; both empty if nothing is
    above `level`.
    """
    mesh = smooth_mesh(field, level)
    return np.array(mesh.vertices), np.array(mesh.faces)


def occupied(triangles, side=32, points=30_000):
    """Voxels (side, side, side) touched by triangles (F, 3, 3) in the unit cube: a shell that casts
    shadows.
    """
    voxels = np.zeros((side, side, side), bool)
    edges = triangles[:, 1:] - triangles[:, :1]
    area = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1)
    count = np.ceil(points * area / max(area.sum(), 1e-12)).astype(int)
    which = np.repeat(np.arange(len(triangles)), count)
    a, b = np.modf(np.outer([0.7548776662, 0.5698402910], np.arange(len(which))))[
        0
    ]  # evenly spread, no randomness
    a, b = np.where(a + b > 1, 1 - a, a), np.where(a + b > 1, 1 - b, b)
    on_surface = triangles[which, 0] + a[:, None] * edges[which, 0] + b[:, None] * edges[which, 1]
    x, y, z = np.clip(on_surface * side, 0, side - 1).astype(int).T
    voxels[z, y, x] = True
    return voxels


def voxel_patches(voxels, camera):
    """Faces of bool voxels (D, H, W) that look at the camera and have no voxel in front, as lit
    Patches.
    """
    length = 1 / max(voxels.shape)
    padded = np.pad(voxels, 1)
    sky = Sky(voxels)
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


def mesh_patches(vertices, faces, camera, sky):
    """Triangles of a mesh (vertices (V, 3), faces (F, 3)) that look at the camera, as Patches lit
    smoothly.
    """
    corners = vertices[faces]  # (F, 3, 3)
    edges = corners[:, 1:] - corners[:, :1]
    light = vertex_brightness(vertices, faces, sky)[faces]  # (F, 3)
    fourth = light[:, 1] + light[:, 2] - light[:, 0]
    facing = np.cross(edges[:, 0], edges[:, 1]) @ camera.axes[2] > 0
    return Patches(
        corners[facing, 0], edges[facing], np.column_stack([light, fourth])[facing], triangles=True
    )


def vertex_brightness(vertices, faces, sky):
    """Brightness in [0, 1] of every vertex, shape (V,), with the mean normal of the faces around
    it.
    """
    a, b, c = np.moveaxis(vertices[faces], 1, 0)
    face_normals = np.cross(b - a, c - a)  # length: twice the area, so large faces count more
    normals = np.zeros_like(vertices)
    for corner in range(3):
        for axis in range(3):
            normals[:, axis] += np.bincount(faces[:, corner], face_normals[:, axis], len(vertices))
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return sky.brightness(vertices, normals)


class Sky:
    """The light that reaches a point: how open the sky is there, and how squarely the light falls
    on the surface.
    """

    def __init__(self, occupancy):
        """`occupancy`: bool (D, H, W), what is solid."""
        self.occupancy = occupancy
        self.side = max(occupancy.shape)
        self.pad = self.side // 8 + 1
        solid = np.pad(occupancy, self.pad).astype(np.float32)
        near, far = self.side / 24, self.side / 9  # two sizes of corner, in voxels
        wide = solid
        for _ in range(
            2
        ):  # two box means with together the standard deviation `far`: faster than a wide Gaussian
            wide = ndimage.uniform_filter(wide, round(far * 6**0.5), mode="constant")
        self.layers = [
            (near, ndimage.gaussian_filter(solid, near, truncate=2.5, mode="constant")),
            (far, wide),
        ]

    def brightness(self, points, normals):
        """Brightness of surface `points` (..., 3) with unit `normals` (broadcast): 0 dark, 1 fully
        lit, shape (...).
        """
        facing = np.broadcast_to(normals, points.shape) @ (LIGHT / np.linalg.norm(LIGHT))
        lambert = (
            0.42 + 0.58 * np.clip(0.5 + 0.5 * facing, 0, 1) ** 1.5
        )  # half-Lambert: no face goes flat black
        return lambert * (1 - OCCLUSION * self.blocked(points, normals))

    def blocked(self, points, normals):
        """Share of the surroundings that is solid in front of the surface, 0 (open plane) to 1."""
        total = 0.0
        for reach, blurred in self.layers:
            ahead = points + normals * (reach / self.side)
            at = np.moveaxis(ahead[..., ::-1] * self.side, -1, 0) - 0.5 + self.pad
            value = ndimage.map_coordinates(blurred, at, order=1, mode="constant")
            total = total + np.clip((value - 0.16) / 0.5, 0, 1) / len(
                self.layers
            )  # 0.16: a flat wall, one sigma away
        return total

    def ground_shadow(self, camera):
        """How dark the ground is at every pixel, 0 to 1, shape (size, size); nothing when seen from
        below.
        """
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


def shade(patches, camera, sky, colour, outline=0.0):
    """Draw `patches` to a uint8 image (H, W, 3). `outline` darkens the patches' own edges by that
    share.
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
    image = _shrunk(colour_ramp(colour)[tone])  # (size, size, 4): red, green, blue, coverage
    small = Camera(camera.axes, camera.scale / SUPERSAMPLE, len(image))
    paper = 1 - sky.ground_shadow(small)[..., None]
    return np.round(255 * (image[..., :3] + (1 - image[..., 3:]) * paper)).astype(np.uint8)


def _shrunk(image):
    """Means of SUPERSAMPLE x SUPERSAMPLE pixels."""
    offsets = range(SUPERSAMPLE)
    return (
        sum(image[i::SUPERSAMPLE, j::SUPERSAMPLE] for i in offsets for j in offsets)
        / SUPERSAMPLE**2
    )


def _contours(depth, camera):
    """True at pixels beside a jump in depth: the outer contour and the rims of nearer parts."""
    depth = np.where(np.isfinite(depth), depth, 4 * camera.scale)
    jump = 0.08 * camera.scale
    rim = np.zeros(depth.shape, bool)
    rim[:, 1:] |= depth[:, :-1] - depth[:, 1:] > jump
    rim[:, :-1] |= depth[:, 1:] - depth[:, :-1] > jump
    rim[1:] |= depth[:-1] - depth[1:] > jump
    rim[:-1] |= depth[1:] - depth[:-1] > jump
    return rim


def colour_ramp(colour):
    """RGBA rows in [0, 1]: 256 from deep shadow through `colour` (hex) to highlight, and a last
    one, transparent.
    """
    base, ink = (
        np.array([int(text[i : i + 2], 16) for i in (1, 3, 5)]) / 255 for text in (colour, SHADOW)
    )
    stops = [0.0, 0.35, 0.72, 1.0]
    rows = np.stack([0.3 * ink, 0.45 * base + 0.08 * ink, base, 0.58 * base + 0.42])
    ramp = np.stack([np.interp(np.linspace(0, 1, 256), stops, rows[:, i]) for i in range(3)], -1)
    return np.pad(np.pad(ramp, [(0, 0), (0, 1)], constant_values=1), [(0, 1), (0, 0)]).astype(
        np.float32
    )
