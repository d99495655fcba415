"""Still pictures of many 3D shapes in a grid, in well under a second.

Lessons 00 and 05 to 09 show them after sampling. The functions take numpy arrays or torch tensors;
every `show_...` returns a `Picture`, a matplotlib figure that displays itself as the last value of
a cell. The renderer is `course_utils.geometry.render`; the camera is the same for all shapes.
"""

import textwrap

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from course_utils.files.atomic import writing
from course_utils.files.png import save_image
from course_utils.geometry import render as raster
from course_utils.geometry.grids import grid_array
from course_utils.geometry.render import AZIMUTH, ELEVATION
from course_utils.plots.style import DATA, MODEL, NOISE, Picture, styled

TILE = 1.5  # inches across one picture in a grid
TITLE = 0.19  # inches above it for each line of its title
SHARP = 224  # pixels per side of a rendered tile; cropped to the shape it fills about TILE
LETTERS = 20  # in a line of a title above a picture of TILE

# empty, undecided, solid
OCCUPANCY_MAP = LinearSegmentedColormap.from_list("occupancy", [NOISE, "#FFFFFF", DATA])

END = 1.5  # value that gets the colour map's last colour
PIXELS = 8  # per side of a voxel in a slice


def render(shape, size=256, azimuth=AZIMUTH, elevation=ELEVATION, colour=MODEL):
    """Return a picture of one shape: uint8 (size, size, 3), see `geometry.render.render`."""
    return raster.render(shape, size, azimuth, elevation, colour=colour)


def render_mesh(vertices, faces, size=256, azimuth=AZIMUTH, elevation=ELEVATION, colour=MODEL):
    """Return a picture of a mesh: uint8 (size, size, 3), see `geometry.render.render_mesh`."""
    return raster.render_mesh(vertices, faces, size, azimuth, elevation, colour=colour)


def show_voxels(voxels, titles=None, columns=None, colour=MODEL):
    """Return a grid of shapes drawn as blocks.

    Args:
        voxels: Bool (N, D, H, W) or (N, 1, D, H, W), or a sequence of grids (D, H, W).
        titles: One per shape.
        columns: Shapes in a row, at most 6 by default.
        colour: One for all, or a list with one per shape.
    """
    grids = list(_bools(voxels))
    colours = [colour] * len(grids) if isinstance(colour, str) else list(colour)
    if len(colours) != len(grids):
        raise ValueError(
            f"colour has {len(colours)} entries for {len(grids)} shapes; expected one per shape, or"
            " one."
        )
    tiles = [render(grid, SHARP, colour=own) for grid, own in zip(grids, colours, strict=True)]
    return contact_sheet(tiles, titles, columns)


def show_fields(fields, titles=None, columns=None, colour=MODEL):
    """Return a grid of smooth shapes, the surfaces where their fields are 0.

    Args:
        fields: Floats (N, D, H, W) or (N, 1, D, H, W), or a sequence of grids (D, H, W).
        titles: One per shape.
        columns: Shapes in a row, at most 6 by default.
        colour: One for all.
    """
    grids = [
        grid_array("fields", field).astype(np.float32) for field in _nonempty("fields", fields)
    ]
    return contact_sheet([render(grid, SHARP, colour=colour) for grid in grids], titles, columns)


def show_shapes(shapes, titles=None, columns=None):
    """Return a grid of shapes in the colours of their materials.

    Args:
        shapes: Each with `coverage` and `slots` (D, H, W) and `finishes`, such as those of
            `datasets.shapes.make_shape`.
        titles: One per shape.
        columns: Shapes in a row, at most 6 by default.
    """
    tiles = [
        raster.render_materials(2 * one.coverage - 1, one.slots, SHARP, colours=one.finishes)
        for one in shapes
    ]
    return contact_sheet(tiles, titles, columns)


def show_mesh(meshes, titles=None, columns=None, colour=MODEL):
    """Return a grid of meshes.

    Args:
        meshes: Anything with `.vertices` and `.faces` in the unit cube, such as trimesh.Trimesh.
        titles: One per mesh.
        columns: Meshes in a row, at most 6 by default.
        colour: One for all.
    """
    tiles = [
        render_mesh(mesh.vertices, mesh.faces, SHARP, colour=colour)
        for mesh in _nonempty("meshes", meshes)
    ]
    return contact_sheet(tiles, titles, columns)


def contact_sheet(images, titles=None, columns=None, tile=TILE):
    """Return a grid of images, each under its title.

    White borders that all images share are cut off, so shapes stay comparable.

    Args:
        images: Images of one size, uint8 (H, W, 3).
        titles: One per image.
        columns: Images in a row, at most 6 by default.
        tile: Inches across an image.
    """
    images = _cropped(np.stack(_nonempty("images", images)))
    titles = [
        _wrapped(title, round(LETTERS * tile / TILE)) for title in check_titles(titles, len(images))
    ]
    columns = columns or min(len(images), 6)
    rows = -(-len(images) // columns)
    height, width = images.shape[1:3]
    gap, line = max(2, width // 40), round(TITLE * width / tile * max(map(len, titles)))
    sheet = np.full((rows * (height + gap + line), columns * (width + gap), 3), 255, np.uint8)
    with styled():
        scale = tile / width
        picture = Picture((scale * sheet.shape[1], scale * sheet.shape[0]))
        axes = picture.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        for k, (image, title) in enumerate(zip(images, titles, strict=True)):
            top, left = (k // columns) * (height + gap + line) + line, (k % columns) * (width + gap)
            sheet[top : top + height, left : left + width] = image
            axes.text(
                left + width / 2, top - gap, "\n".join(title), ha="center", va="bottom", fontsize=10
            )
        axes.imshow(sheet, interpolation="antialiased", aspect="auto")
    return picture


def _wrapped(title, letters):
    """Return lines of at most so many letters: what fits above one picture."""
    return [line for part in title.splitlines() for line in textwrap.wrap(part, letters)]


def _cropped(images):
    """Return images (N, H, W, 3) without the border that is white in all of them."""
    inked = (images < 250).any((0, 3))
    if not inked.any():
        return images
    rows, columns = np.flatnonzero(inked.any(1)), np.flatnonzero(inked.any(0))
    return images[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def show_noisy(fields, titles=None, columns=None):
    """Return a grid of slices through the middle, seen from the right side, the front on the left.

    Grey is empty (-1), white 0, blue solid (1). Values beyond -END and END get the end colours.
    Coarse grids are drawn as large as the finest.

    Args:
        fields: Floats (N, D, H, W) or (N, 1, D, H, W), or a sequence of (D, H, W), for example
            x_t at several t.
        titles: One per field.
        columns: Slices in a row, at most 6 by default.

    Raises:
        ValueError: A voxel would not be a whole number of pixels.
    """
    fields = [grid_array("fields", field) for field in _nonempty("fields", fields)]
    images = [middle_slice(field) for field in fields]
    side = PIXELS * max(len(image) for image in images)
    if any(side % len(image) for image in images):
        raise ValueError(
            f"fields of {[len(image) for image in images]} voxels per side; expected divisors of"
            f" {side}"
        )
    enlarged = [
        image.repeat(side // len(image), 0).repeat(side // len(image), 1) for image in images
    ]
    return contact_sheet(enlarged, titles, columns)


def middle_slice(field):
    """Return the slice of a field (D, H, W) that `show_noisy` draws, one pixel per voxel.

    The image is uint8 (D, H, 3).
    """
    unit = np.clip(field[::-1, :, field.shape[2] // 2] / (2 * END) + 0.5, 0, 1)
    return np.round(255 * OCCUPANCY_MAP(unit)[..., :3]).astype(np.uint8)


def save_png(path, picture):
    """Write a Picture, or an image of uint8 (H, W, 3), as a PNG file, atomically."""
    if isinstance(picture, Picture):
        with writing(path) as temporary:
            temporary.write_bytes(picture.png())
    else:
        save_image(path, picture)


def check_titles(titles, count):
    """Return `count` titles as strings, empty for None; ValueError for another number."""
    titles = [""] * count if titles is None else [str(title) for title in titles]
    if len(titles) != count:
        raise ValueError(
            f"titles has {len(titles)} entries for {count} pictures; expected one per picture,"
            " or None."
        )
    return titles


def _nonempty(name, items):
    items = list(items)
    if not items:
        raise ValueError(f"{name} is empty; expected at least one to draw.")
    return items


def _bools(voxels):
    for voxel in _nonempty("voxels", voxels):
        grid = grid_array("voxels", voxel)
        if grid.dtype != bool:
            raise ValueError(
                f"voxels has dtype {grid.dtype}; expected bool. Write voxels > 0, or use"
                " show_fields for float fields."
            )
        yield grid
