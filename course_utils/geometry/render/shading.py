"""From patches of surface to a picture: reflected light, the ground's shadow, smooth edges.

Colours are computed in linear light, where open ground is 1 and white paper; `Daylight` says how
much light arrives. Four pixels are averaged into one of the picture.
"""

import numpy as np

from course_utils.geometry.render.camera import Camera
from course_utils.geometry.render.light import GROUND, SUN, Daylight
from course_utils.geometry.render.paint import finish_of, linear_colour
from course_utils.geometry.render.raster import Patches, rasterise

SUPERSAMPLE = 2  # pixels per side that are averaged into one
GIVEN_BACK = 0.8  # of the light that a shape's other parts block
MIDDLING = 0.4  # what a colour gives back where it is not known which
BRIGHTEST = 1.25  # light on a surface that faces the sun, open ground is 1
FACING = 0.04  # what surfaces that are no metal mirror when seen squarely
DULL = 0.75  # roughness above which what they mirror is even
HIDDEN = 0.5  # of what a metal mirrors that other parts can hide
FRAME = 0.1  # of the picture's side, where shadows fade to white
SHOULDER = 0.85  # brighter than this is compressed, so that white shapes keep their shading
_LEVELS = 2048  # of linear light from 0 to 2


def _table(shoulder):
    """Return sRGB bytes for `_LEVELS` of linear light; brighter than `shoulder` is compressed."""
    light = np.linspace(0, 2, _LEVELS)
    room = 1 - shoulder
    if room:
        bright = shoulder + room * np.tanh((light - shoulder) / room)
        light = np.where(light > shoulder, bright, light)
    light = np.clip(light, 0, 1)
    display = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(255 * display).astype(np.uint8)


_OF_SHAPE, _OF_PAPER = _table(SHOULDER), _table(1.0)


def _displayed(light, table):
    return table[np.clip(light * ((_LEVELS - 1) / 2), 0, _LEVELS - 1).astype(np.int16)]


def matte(arrives, blocked):
    """Return how bright a dull surface of middling colour is, from the two kinds of light."""
    return arrives + GIVEN_BACK * MIDDLING * blocked


def colour_ramp(material, count):
    """Return a material in `count` kinds of light from none to `BRIGHTEST`, uint8 (count, 3)."""
    light = np.linspace(0, BRIGHTEST, count)[:, None]
    return _displayed(linear_colour(finish_of(material).colour) / GROUND * light, _OF_SHAPE)


def paper_ramp(count):
    """Return white paper in `count` kinds of light from none to 1, uint8 (count, 3)."""
    return _displayed(np.linspace(0, 1, count)[:, None].repeat(3, 1), _OF_PAPER)


def draw_voxels(voxels, camera, materials):
    """Return a picture of voxels as blocks: uint8 (S, S, 3), where S is camera.size / SUPERSAMPLE.

    Args:
        voxels: Bool (D, H, W).
        camera: Made by `make_camera`.
        materials: One, see `paint.finish_of`.
    """
    pixels = camera.scale / SUPERSAMPLE / max(voxels.shape)  # of the picture, per voxel
    # lines between tiny voxels would only look dirty
    outline = 0.2 * np.clip((pixels - 3) / 6, 0, 1)
    daylight = Daylight(voxels)
    patches = voxel_patches(voxels, camera, daylight)
    return _picture(patches, camera, daylight, materials, outline)


def draw_mesh(vertices, faces, normals, occupancy, camera, materials, weights=None):
    """Return a picture of a smooth mesh: uint8 (S, S, 3), where S is camera.size / SUPERSAMPLE.

    Args:
        vertices: Points (V, 3) in the unit cube.
        faces: Triangles (F, 3), counter-clockwise from outside.
        normals: Unit normals of the vertices (V, 3).
        occupancy: Bool (D, H, W), what casts shadows.
        camera: Made by `make_camera`.
        materials: One per slot, see `paint.finish_of`.
        weights: Of the slots at the vertices, (V, slots), see `geometry.slots.slot_weights`; None:
            there is one material.
    """
    daylight = Daylight(occupancy)
    values = np.column_stack([*daylight.at(vertices, normals), normals]).astype(np.float32)
    if weights is not None:
        values = np.hstack([values, weights])
    return _picture(mesh_patches(vertices, faces, values, camera), camera, daylight, materials)


def voxel_patches(voxels, camera, daylight):
    """Return the faces of bool voxels (D, H, W) that the camera can see, as `Patches`.

    They look at the camera, and there is no voxel in front of them. Their values are `daylight` and
    the normal.
    """
    length = 1 / max(voxels.shape)
    padded = np.pad(voxels, 1)
    corners, edges, values = [], [], []
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
        points = four.reshape(-1, 3)
        normals = np.broadcast_to(normal, points.shape)
        light = np.column_stack([*daylight.at(points, normals), normals])
        corners.append(corner)
        edges.append(np.broadcast_to(edge, (len(corner), 2, 3)))
        values.append(light.reshape(-1, 4, 5).astype(np.float32))
    return Patches(*map(np.concatenate, (corners, edges, values)), triangles=False)


def mesh_patches(vertices, faces, values, camera):
    """Return the triangles of a mesh that look at the camera, as `Patches`.

    Args:
        vertices: Points (V, 3).
        faces: Their indices (F, 3), counter-clockwise from outside.
        values: What is known at the vertices, (V, K).
        camera: Made by `make_camera`.
    """
    corners = vertices[faces]  # (F, 3, 3)
    edges = corners[:, 1:] - corners[:, :1]
    seen = np.cross(edges[:, 0], edges[:, 1]) @ camera.axes[2] > 0
    three = values[faces[seen]]  # (P, 3, K)
    fourth = three[:, 1:2] + three[:, 2:] - three[:, :1]
    return Patches(
        corners[seen, 0], edges[seen], np.concatenate([three, fourth], 1), triangles=True
    )


def _picture(patches, camera, daylight, materials, outline=0.0):
    """Return the picture of some patches, uint8 (S, S, 3).

    Their values are the light that arrives, the light that is blocked, the normal and, where there
    is more than one material, the weights of the slots.
    """
    buffer = rasterise(patches, camera)
    seen = np.flatnonzero(buffer.patch >= 0)
    which, a, b = (array.ravel()[seen] for array in (buffer.patch, buffer.a, buffer.b))
    a, b = a[:, None], b[:, None]
    value = _interpolated(patches, which, a, b, slice(5))
    number = _materials_seen(patches, which, a, b)
    towards = camera.axes[2].astype(np.float32)
    colour = np.empty((len(seen), 3), np.float32)
    for slot, material in enumerate(materials):
        here = slice(None) if len(materials) == 1 else np.flatnonzero(number == slot)
        colour[here] = reflected(value[here], towards, finish_of(material))
    if outline:
        to_edge = np.minimum(np.minimum(a, 1 - a), np.minimum(b, 1 - b))
        colour *= 1 - outline * (to_edge < 0.05)
    opaque = np.full((len(seen), 4), 255, np.uint8)
    opaque[:, :3] = _displayed(colour, _OF_SHAPE)
    image = np.zeros(camera.size**2, np.uint32)
    image[seen] = opaque.view(np.uint32)[:, 0]  # red, green, blue and coverage at once
    image = _shrunk(image.view(np.uint8).reshape(camera.size, camera.size, 4))
    paper = _paper(daylight, camera)[..., None] * np.float32(1 / 255)
    return (image[..., :3] + (255 - image[..., 3:]) * paper + 0.5).astype(np.uint8)


def _interpolated(patches, which, a, b, columns):
    """Return values of patches `which`, (N,), at (a, b), both (N, 1)."""
    p, q, r, s = (patches.values[:, corner, columns] for corner in range(4))
    value = p[which] + a * (q - p)[which] + b * (r - p)[which]
    return value if patches.triangles else value + a * b * (p + s - q - r)[which]


def _materials_seen(patches, which, a, b):
    """Return the number of the material at (a, b) of patches `which`, (N,)."""
    weights = patches.values[:, :, 5:]
    if not weights.shape[2]:
        return np.zeros(len(which), np.int64)
    corners = weights[:, :3].argmax(2)  # (P, 3)
    number = corners[which, 0]
    mixed = np.flatnonzero((corners != corners[:, :1]).any(1)[which])
    near = _interpolated(patches, which[mixed], a[mixed], b[mixed], slice(5, None))
    number[mixed] = near.argmax(1)
    return number


def reflected(value, towards, finish):
    """Return the linear colour that reaches the viewer from points of one material, (N, 3).

    Metals and smooth surfaces mirror their surroundings, and every surface a little (Schlick 1994).

    Args:
        value: The light that arrives, the light that is blocked, and the normal: (N, 5).
        towards: The unit vector to the viewer, (3,).
        finish: The material's `paint.Finish`.
    """
    own = linear_colour(finish.colour)
    arrives, blocked = value[:, 0:1], value[:, 1:2]
    diffuse = (own / GROUND) * arrives + (GIVEN_BACK / GROUND * own**2) * blocked
    if not finish.metallic and finish.roughness > DULL:
        return diffuse + FACING * arrives
    normal = value[:, 2:5]
    normal = normal / np.maximum(np.sqrt(np.einsum("nk,nk->n", normal, normal)), 1e-6)[:, None]
    facing = np.maximum(normal @ towards, 0)[:, None]
    around = _surroundings(2 * facing * normal - towards, finish.roughness)
    around *= 1 - HIDDEN * blocked / np.maximum(arrives + blocked, 1e-6)
    grazing = (1 - facing) ** 5 * (1 - finish.roughness) ** 3
    mirrored = (own - FACING) * finish.metallic + FACING
    mirrored = mirrored + (1 - mirrored) * grazing
    return (1 - finish.metallic) * diffuse + mirrored * around


def _surroundings(mirror, roughness):
    """Return how bright the world is in directions (N, 3), blurred by roughness: (N, 1).

    Below lies the white ground, above a sky that brightens upwards, and in it the sun.
    """
    up = mirror[:, 2:]
    sky = 0.6 + 0.6 * np.maximum(up, 0)
    ground = 0.95 + 0.35 * np.minimum(up, 0)
    above = np.clip(0.5 + up / (0.2 + roughness), 0, 1)
    power = 2 / max(roughness, 0.15) ** 3
    sun = np.maximum(mirror @ SUN.astype(np.float32), 0)[:, None] ** power
    return ground + above * (sky - ground) + (0.12 * power + 0.3) * sun


def _shrunk(image):
    """Return the means of SUPERSAMPLE x SUPERSAMPLE pixels, float32."""
    offsets = range(SUPERSAMPLE)
    rows = sum(image[i::SUPERSAMPLE].astype(np.uint16) for i in offsets)
    total = sum(rows[:, j::SUPERSAMPLE] for j in offsets)
    return total * np.float32(1 / SUPERSAMPLE**2)


def _paper(daylight, camera):
    """Return the ground with the shape's shadow, (S, S), 255 is white, as it is at the margin."""
    small = Camera(camera.axes, camera.scale / SUPERSAMPLE, camera.size // SUPERSAMPLE)
    if daylight.empty or camera.axes[2, 2] < 0.05:  # from below and edge-on there is no ground
        return np.full((small.size, small.size), 255, np.uint8)
    missing = daylight.on_ground(*small.ground(daylight.floor), small.size)
    inward = (np.arange(small.size) + 0.5) / (FRAME * small.size)
    fade = np.minimum(1, np.minimum(inward, inward[::-1]))
    return _displayed(1 - missing * fade * fade[:, None], _OF_PAPER)
