"""Shaded pictures of voxels and surfaces, many per second, in numpy and without a GPU.

matplotlib's own 3D voxels take seconds per shape; every still picture of the course (lessons 00 and
05 to 09) comes from here. `raster.py` finds what each pixel sees, `light.py` how bright it is.
"""

import numpy as np

from course_utils.geometry.light import Sky, vertex_brightness
from course_utils.geometry.raster import Camera, Patches, rasterise
from course_utils.geometry.surface import smooth_mesh

SUPERSAMPLE = 2  # pixels a side that are averaged into one
CONTOUR = 0.55  # how much darker an outer contour is than the surface
SHADOW = "#333333"  # what colours darken towards


def draw_voxels(voxels: np.ndarray, camera: Camera, colour: str) -> np.ndarray:
    """Draw voxels as blocks.

    Args:
        voxels: Bool (D, H, W).
        camera: With SUPERSAMPLE times the picture's pixels a side.
        colour: Hex string such as "#E07B0A".

    Returns:
        A picture, uint8 (H, W, 3).
    """
    pixels = camera.scale / SUPERSAMPLE / max(voxels.shape)  # of the picture, per voxel
    # lines between tiny voxels would only look dirty
    outline = 0.14 * np.clip((pixels - 3) / 6, 0, 1)
    return shade(voxel_patches(voxels, camera), camera, Sky(voxels), colour, outline)


def draw_mesh(
    vertices: np.ndarray, faces: np.ndarray, occupancy: np.ndarray, camera: Camera, colour: str
) -> np.ndarray:
    """Draw a smooth mesh.

    Args:
        vertices: Points (V, 3) in the unit cube.
        faces: Indices of their corners (F, 3), counter-clockwise from outside.
        occupancy: Bool (D, H, W), what casts shadows.
        camera: With SUPERSAMPLE times the picture's pixels a side.
        colour: Hex string such as "#E07B0A".

    Returns:
        A picture, uint8 (H, W, 3).
    """
    sky = Sky(occupancy)
    return shade(mesh_patches(vertices, faces, camera, sky), camera, sky, colour)


def isosurface(field: np.ndarray, level: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return the closed surface of a field as arrays, both empty if nothing is inside.

    Args:
        field: Floats (D, H, W), inside above `level`.
        level: Value of the field on the surface.

    Returns:
        Vertices (V, 3) and faces (F, 3).
    """
    mesh = smooth_mesh(field, level)
    return np.array(mesh.vertices), np.array(mesh.faces)


def occupied(triangles: np.ndarray, side: int = 32, points: int = 30_000) -> np.ndarray:
    """Return the voxels that triangles touch, bool (side, side, side): a shell that casts shadows.

    Args:
        triangles: Corners (F, 3, 3) in the unit cube.
        side: Voxels along one side.
        points: About how many points on the surface are looked at.
    """
    voxels = np.zeros((side, side, side), bool)
    edges = triangles[:, 1:] - triangles[:, :1]
    area = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1)
    count = np.ceil(points * area / max(area.sum(), 1e-12)).astype(int)
    which = np.repeat(np.arange(len(triangles)), count)
    # evenly spread, without randomness
    a, b = np.modf(np.outer([0.7548776662, 0.5698402910], np.arange(len(which))))[0]
    a, b = np.where(a + b > 1, 1 - a, a), np.where(a + b > 1, 1 - b, b)
    on_surface = triangles[which, 0] + a[:, None] * edges[which, 0] + b[:, None] * edges[which, 1]
    x, y, z = np.clip(on_surface * side, 0, side - 1).astype(int).T
    voxels[z, y, x] = True
    return voxels


def voxel_patches(voxels: np.ndarray, camera: Camera) -> Patches:
    """Return the lit faces that look at the camera and have no voxel in front.

    Args:
        voxels: Bool (D, H, W).
        camera: Where they are seen from.
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


def mesh_patches(vertices: np.ndarray, faces: np.ndarray, camera: Camera, sky: Sky) -> Patches:
    """Return the smoothly lit triangles that look at the camera.

    Args:
        vertices: Points (V, 3).
        faces: Indices of their corners (F, 3).
        camera: Where they are seen from.
        sky: The light around the shape.
    """
    corners = vertices[faces]  # (F, 3, 3)
    edges = corners[:, 1:] - corners[:, :1]
    light = vertex_brightness(vertices, faces, sky)[faces]  # (F, 3)
    fourth = light[:, 1] + light[:, 2] - light[:, 0]
    facing = np.cross(edges[:, 0], edges[:, 1]) @ camera.axes[2] > 0
    return Patches(
        corners[facing, 0], edges[facing], np.column_stack([light, fourth])[facing], triangles=True
    )


def shade(
    patches: Patches, camera: Camera, sky: Sky, colour: str, outline: float = 0.0
) -> np.ndarray:
    """Draw lit patches and the shadow on the ground.

    Args:
        patches: Pieces of surface.
        camera: With SUPERSAMPLE times the picture's pixels a side.
        sky: The light around the shape.
        colour: Hex string such as "#E07B0A".
        outline: Share by which the edges of the patches are darkened.

    Returns:
        A picture, uint8 (H, W, 3).
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


def _shrunk(image: np.ndarray) -> np.ndarray:
    """Average SUPERSAMPLE x SUPERSAMPLE pixels into one."""
    offsets = range(SUPERSAMPLE)
    return (
        sum(image[i::SUPERSAMPLE, j::SUPERSAMPLE] for i in offsets for j in offsets)
        / SUPERSAMPLE**2
    )


def _contours(depth: np.ndarray, camera: Camera) -> np.ndarray:
    """True at pixels beside a jump in depth: the outer contour and the rims of nearer parts."""
    depth = np.where(np.isfinite(depth), depth, 4 * camera.scale)
    jump = 0.08 * camera.scale
    rim = np.zeros(depth.shape, bool)
    rim[:, 1:] |= depth[:, :-1] - depth[:, 1:] > jump
    rim[:, :-1] |= depth[:, 1:] - depth[:, :-1] > jump
    rim[1:] |= depth[:-1] - depth[1:] > jump
    rim[:-1] |= depth[1:] - depth[:-1] > jump
    return rim


def colour_ramp(colour: str) -> np.ndarray:
    """Return RGBA in [0, 1], float32 (257, 4): 256 from deep shadow through a hex colour to
    highlight, and a transparent one.
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
