"""A small z-buffer renderer in numpy: shaded pictures of voxels and surfaces, many per second.

No GPU and no plotting library is needed; every still picture of the course (lessons 00 and 05 to
09) comes from here. Orthographic projection; `camera` says where a point is seen, `light` how much
light reaches it, `paint` what it is made of, `raster` which point a pixel sees, and `shading` what
colour that has. Lengths are in units of the cube's side, points are (x, y, z), z up;
the front of a shape faces -y.
"""

import numpy as np

from course_utils.geometry.grids import grid_array, to_numpy
from course_utils.geometry.render.camera import AZIMUTH, ELEVATION, make_camera
from course_utils.geometry.render.normals import field_normals, mesh_normals, occupied
from course_utils.geometry.render.shading import SUPERSAMPLE, draw_mesh, draw_voxels
from course_utils.geometry.slots import slot_weights
from course_utils.geometry.surface import smooth_mesh


def render(shape, size, azimuth=AZIMUTH, elevation=ELEVATION, *, colour):
    """Return a picture of one shape on white: uint8 (size, size, 3).

    Args:
        shape: A grid (D, H, W): of bools, drawn as blocks, or of floats, drawn as the smooth
            surface where the field is 0 (inside is positive, as in a model's -1 and 1).
        size: Pixels per side.
        azimuth: Degrees; 0 looks at the front, 90 at the right side.
        elevation: Degrees; 90 is from above.
        colour: Of the surface, such as "#E07B0A".

    Raises:
        ValueError: The shape is no grid of bools or floats, or the view is out of range.
    """
    grid = grid_array("shape", shape)
    camera = make_camera(size * SUPERSAMPLE, azimuth, elevation)
    if grid.dtype == bool:
        return draw_voxels(grid, camera, [colour])
    if grid.dtype.kind != "f":
        raise ValueError(
            f"shape has dtype {grid.dtype}; expected bool voxels or a float field. Write shape > 0"
            " for voxels."
        )
    return _draw_field(grid, camera, [colour])


def render_materials(field, slots, size, azimuth=AZIMUTH, elevation=ELEVATION, *, colours):
    """Return a picture of a shape with a colour for each of its slots: uint8 (size, size, 3).

    Args:
        field: Floats (D, H, W), drawn as the smooth surface where the field is 0.
        slots: The slot of each voxel, uint8 (D, H, W); 1 has the first colour.
        size: Pixels per side.
        azimuth: Degrees; 0 looks at the front, 90 at the right side.
        elevation: Degrees; 90 is from above.
        colours: Of the slots, such as "#E07B0A", or materials with `colour`, `metallic` and
            `roughness`.

    Raises:
        ValueError: The grids differ, a slot has no colour, or the view is out of range.
    """
    grid, slots = grid_array("field", field), grid_array("slots", slots)
    if grid.dtype.kind != "f" or grid.shape != slots.shape:
        raise ValueError(
            f"field is {grid.dtype} of shape {grid.shape} and slots of {slots.shape}; expected"
            " floats, and slots of the same shape"
        )
    camera = make_camera(size * SUPERSAMPLE, azimuth, elevation)
    return _draw_field(grid, camera, colours, slots)


def _draw_field(field, camera, materials, slots=None):
    mesh = smooth_mesh(field)
    vertices, faces = np.array(mesh.vertices), np.array(mesh.faces)
    normals = field_normals(field, vertices)
    weights = None if slots is None else slot_weights(slots, vertices, len(materials), field)
    return draw_mesh(vertices, faces, normals, field > 0, camera, materials, weights)


def render_mesh(vertices, faces, size, azimuth=AZIMUTH, elevation=ELEVATION, *, colour):
    """Return a picture of a triangle mesh in the unit cube, on white: uint8 (size, size, 3).

    Args:
        vertices: Points (V, 3), (x, y, z) in [0, 1], z up.
        faces: Their indices (F, 3), counter-clockwise from outside.
        size: Pixels per side.
        azimuth: Degrees; 0 looks at the front, 90 at the right side.
        elevation: Degrees; 90 is from above.
        colour: Of the surface, such as "#E07B0A".

    Raises:
        ValueError: The shapes are others, or the view is out of range.
    """
    vertices, faces = to_numpy(vertices).astype(float), to_numpy(faces).astype(np.int64)
    if vertices.ndim != 2 or vertices.shape[1] != 3 or faces.ndim != 2 or faces.shape[1] != 3:
        raise ValueError(
            f"vertices has shape {vertices.shape} and faces {faces.shape}; expected (V, 3) and (F,"
            " 3), triangles only."
        )
    camera = make_camera(size * SUPERSAMPLE, azimuth, elevation)
    normals = mesh_normals(vertices, faces)
    return draw_mesh(vertices, faces, normals, occupied(vertices[faces]), camera, [colour])
