"""Pictures and films: the renderer against closed forms and brute force, contents and sizes."""

import base64
import io
import json
import time
from types import SimpleNamespace

import IPython
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage
from skimage.color import rgb2lab

from course_utils import plots
from course_utils.datasets.shapes.parts import matter_of, part
from course_utils.datasets.shapes.solids import Loft
from course_utils.diffusion.sampling import State
from course_utils.exercises.checks import MARKS, PASSED, WRONG
from course_utils.geometry import render as raster_package
from course_utils.geometry.matter import coverage_of
from course_utils.geometry.render import raster, shading
from course_utils.geometry.render.camera import make_camera
from course_utils.geometry.render.light import GROUND, SUN, Daylight, sky_directions
from course_utils.geometry.render.normals import field_normals, mesh_normals
from course_utils.geometry.render.paint import Finish, linear_colour
from course_utils.geometry.surface import smooth_mesh
from course_utils.plots import LiveTraining, film, live, picture_film, planar, show_pictures, style
from course_utils.plots.pictures import NOISY, ink_image, sheet
from course_utils.plots.planar import DENSITY_MAP, ERROR_MAP
from course_utils.plots.stills import OCCUPANCY_MAP
from course_utils.plots.style import MODEL, NOISE, WIDE

BOX = (slice(2, 26), slice(10, 22), slice(6, 14))  # z, y, x in a 32 grid: 24 high, 12 deep, 8 wide


def box():
    voxels = np.zeros((32, 32, 32), bool)
    voxels[BOX] = True
    return voxels


def chair():
    voxels = np.zeros((32, 32, 32), bool)
    voxels[12:15, 6:26, 6:26] = True
    voxels[12:30, 23:26, 6:26] = True
    for y in (6, 23):
        for x in (6, 23):
            voxels[:12, y : y + 3, x : x + 3] = True
    return voxels


def growing_chair(frames=17):
    """Blobs and noise that turn into a chair, as the x0-predictions of a sampler do."""
    noise = np.random.default_rng(0).standard_normal((32, 32, 32))
    target = 2.0 * chair() - 1
    for t in np.linspace(1, 0, frames):
        yield (
            ndimage.gaussian_filter(target, 0.4 + 3 * t**2)
            + 0.6 * t * ndimage.gaussian_filter(noise, 0.5)
            + 0.3 * t
        )


def ball(radius=0.3, centre=(0.5, 0.5, 0.5), side=32):
    """Signed distance in units of the cube, positive inside; `centre` is (x, y, z)."""
    z, y, x = (np.indices((side, side, side)) + 0.5) / side
    return radius - np.sqrt((x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2)


def surface(field):
    mesh = smooth_mesh(field)
    return np.array(mesh.vertices), np.array(mesh.faces)


def voxel_buffer(voxels, camera):
    return raster.rasterise(shading.voxel_patches(voxels, camera, Daylight(voxels)), camera)


# The renderer


@pytest.mark.parametrize("azimuth, elevation", [(35, 24), (0, 0), (90, 10), (200, 60), (-50, -30)])
def test_box_covers_the_area_and_place_of_its_projection(azimuth, elevation):
    camera = make_camera(1000, azimuth, elevation)
    seen = np.isfinite(voxel_buffer(box(), camera).depth)
    wide, deep, high = 8 / 32, 12 / 32, 24 / 32
    dx, dy, dz = np.abs(camera.axes[2])
    expected = (deep * high * dx + wide * high * dy + wide * deep * dz) * camera.scale**2
    assert abs(seen.sum() - expected) < 0.01 * expected
    column, row, _ = camera.project(np.array([10, 16, 14]) / 32)  # the box's centre
    found = np.argwhere(seen).mean(0) + 0.5
    assert np.abs(found - [row, column]).max() < 0.5


def test_right_is_right_up_is_up_and_the_front_is_nearer():
    camera = make_camera(64, azimuth=0, elevation=0)
    centre, right, up, back = camera.project(
        np.array([[0.5, 0.5, 0.5], [0.9, 0.5, 0.5], [0.5, 0.5, 0.9], [0.5, 0.9, 0.5]])
    )
    step = 0.4 * camera.scale
    assert np.abs(right - centre - [step, 0, 0]).max() < 1e-9
    assert np.abs(up - centre - [0, -step, 0]).max() < 1e-9
    assert np.abs(back - centre - [0, 0, step]).max() < 1e-9


def test_depth_of_voxels_equals_brute_force_rays():
    voxels = np.random.default_rng(1).random((10, 8, 9)) < 0.08
    camera = make_camera(60)
    depth = voxel_buffer(voxels, camera).depth
    s = np.linspace(1, -1, 40_001)  # along the ray, from the viewer
    right, up, towards = camera.axes
    worst = 0.0
    for row, column in np.random.default_rng(2).integers(0, 60, (200, 2)):
        u, v = (column + 0.5 - 30) / camera.scale, (30 - row - 0.5) / camera.scale
        points = 0.5 + u * right + v * up + s[:, None] * towards
        x, y, z = np.floor(points * 10).astype(int).T
        inside = (x >= 0) & (x < 9) & (y >= 0) & (y < 8) & (z >= 0) & (z < 10)
        hit = np.zeros(len(s), bool)
        hit[inside] = voxels[z[inside], y[inside], x[inside]]
        expected = -camera.scale * s[hit.argmax()] if hit.any() else np.inf
        if expected != depth[row, column]:
            worst = max(worst, abs(expected - depth[row, column]))
    assert worst < camera.scale * 5e-4


def test_nearer_box_hides_the_farther_one():
    front, back = np.zeros((2, 16, 16, 16), bool)
    front[2:14, 2:4, 2:14] = True
    back[4:12, 10:12, 4:12] = True
    camera = make_camera(100, azimuth=0, elevation=0)
    both = voxel_buffer(front | back, camera).depth
    assert np.array_equal(both, voxel_buffer(front, camera).depth)
    from_behind = make_camera(100, azimuth=180, elevation=0)
    seen = voxel_buffer(front | back, from_behind).depth
    hidden = np.isfinite(voxel_buffer(back, from_behind).depth)
    assert np.array_equal(seen[hidden], voxel_buffer(back, from_behind).depth[hidden])


def test_ball_is_a_round_closed_surface_with_its_area():
    vertices, faces = surface(ball(0.3, (0.55, 0.4, 0.5)))
    assert np.abs(np.linalg.norm(vertices - [0.55, 0.4, 0.5], axis=1) - 0.3).max() < 2e-3
    a, b, c = np.moveaxis(vertices[faces], 1, 0)
    volume = np.einsum("ij,ij", a, np.cross(b, c)) / 6  # positive: faces look outward
    assert abs(volume - 4 / 3 * np.pi * 0.3**3) < 0.01 * volume
    camera = make_camera(300)
    patches = shading.mesh_patches(vertices, faces, np.zeros((len(vertices), 5)), camera)
    depth = raster.rasterise(patches, camera).depth
    area = np.pi * (0.3 * camera.scale) ** 2
    assert abs(np.isfinite(depth).sum() - area) < 0.01 * area
    centre = camera.project(np.array([0.55, 0.4, 0.5]))
    assert abs(depth.min() - (centre[2] - 0.3 * camera.scale)) < 0.01 * camera.scale


def test_a_surface_that_touches_the_border_is_closed():
    _, faces = surface(np.ones((4, 5, 6)))
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    _, count = np.unique(edges, axis=0, return_counts=True)
    assert set(count) == {2}


def test_light_falls_from_above_and_corners_are_darker():
    voxels = box()
    voxels[:2] = True  # a floor around the box
    daylight = Daylight(voxels)
    places = np.array([[10, 16, 26], [14, 16, 14], [14.5, 16, 2], [26, 16, 2]]) / 32
    normals = np.array([[0, 0, 1], [1, 0, 0], [0, 0, 1], [0, 0, 1.0]])
    (top, side, corner, free), blocked = daylight.at(places, normals)
    assert abs(top - 1) < 0.03 and abs(free - 1) < 0.08  # open ground has 1
    assert side < top - 0.2 and corner < free - 0.1
    assert blocked[2] > blocked[3] + 0.1 and blocked[0] < 0.02


def test_an_open_plane_gets_what_the_sky_has_whatever_way_it_faces():
    """An integral over the sky: a horizontal plane gets 1, an upright one half of it."""
    directions, weights = sky_directions()
    assert np.abs(np.linalg.norm(directions, axis=1) - 1).max() < 1e-12
    for tilt in np.radians([0, 20, 45, 70, 90]):
        for turn in np.radians([0, 17, 90, 200]):
            towards = [np.sin(tilt) * np.cos(turn), np.sin(tilt) * np.sin(turn), np.cos(tilt)]
            received = np.maximum(directions @ towards, 0) @ weights
            assert abs(received - (1 + np.cos(tilt)) / 2) < 0.04


def test_the_suns_shadow_lies_where_straight_rays_end():
    voxels = np.zeros((32, 32, 32), bool)
    voxels[21, 14:18, 14:18] = True  # a plate in the air, above a post of one voxel
    voxels[0, 1, 1] = True
    shade = Daylight(voxels).sun
    dark = shade.dark[0, ..., 0]
    y, x = np.indices(dark.shape) - shade.margin + 0.5
    far = dark * (np.hypot(x - 1.5, y - 1.5) > 4)
    middle = np.array([(far * x).sum(), (far * y).sum()]) / far.sum()
    straight = 16 - SUN[:2] / SUN[2] * 22  # to the layer below the lowest voxels
    assert np.abs(middle - straight).max() < 1e-3  # voxels
    assert far.max() < 0.6 and abs(far.sum() - 16) < 1e-3  # it is blurred, and none is lost


def test_light_does_not_depend_on_the_grids_resolution():
    coarse = box()
    fine = coarse.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    places = np.random.default_rng(0).random((50, 3))
    normals = np.tile([0.0, 0.0, 1.0], (50, 1))
    for a, b in zip(*(Daylight(grid).at(places, normals) for grid in (coarse, fine)), strict=True):
        assert np.abs(a - b).max() < 1e-5


def test_a_picture_of_32_voxels_takes_less_than_50_ms():
    """On one quiet core; the limit here leaves room for a busy one."""
    field = (2.0 * chair() - 1).astype(np.float32)
    plots.render(field)  # first use of scipy and scikit-image
    spent = []
    for _ in range(5):
        start = time.process_time()
        plots.render(field)
        spent.append(time.process_time() - start)
    assert min(spent) < 0.1


def test_metal_mirrors_the_light_and_paint_does_not():
    normals = np.random.default_rng(0).normal(size=(500, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    value = np.column_stack([np.ones(500), np.zeros(500), normals]).astype(np.float32)
    towards = np.array([0.0, 0.0, 1.0], np.float32)
    dull, metal = (
        shading.reflected(value, towards, Finish("#C9A24B", *how)) for how in ((0, 0.9), (1, 0.35))
    )
    own = linear_colour("#C9A24B")
    # the same in the same light, whatever its way
    assert np.abs(dull - own / GROUND - shading.FACING).max() < 1e-6
    assert metal.std(axis=0).min() > 0.03
    squarely = normals[:, 2] > 0.8
    hue = metal[squarely] / metal[squarely].max(1, keepdims=True)
    assert np.abs(hue - own / own.max()).max() < 0.1  # a metal's reflections have its own colour


def test_picture_shows_the_colour_on_white_with_a_shadow_below():
    image = plots.render(chair(), size=128, colour=plots.DATA)
    assert image.shape == (128, 128, 3) and image.dtype == np.uint8
    assert (image[:4] == 255).all()
    red, _, blue = image.astype(int).transpose(2, 0, 1)
    assert (blue - red > 60).mean() > 0.15  # the chair
    grey = (blue == red) & (blue < 245)
    assert (
        grey.sum() > 200
        and np.argwhere(grey)[:, 0].mean() > np.argwhere(blue - red > 60)[:, 0].mean()
    )


def test_smooth_and_block_pictures_show_the_same_shape():
    blocks = plots.render(chair(), size=96)
    smooth = plots.render((2.0 * chair() - 1).astype(np.float32), size=96)
    orange = [image[..., 0].astype(int) - image[..., 2] > 60 for image in (blocks, smooth)]
    assert (orange[0] & orange[1]).sum() > 0.9 * (orange[0] | orange[1]).sum()


def test_mesh_picture_equals_the_field_picture_in_outline():
    vertices, faces = surface(ball())
    images = plots.render_mesh(vertices, faces, size=96), plots.render(ball(), size=96)
    orange = [image[..., 0].astype(int) - image[..., 2] > 60 for image in images]
    assert (orange[0] & orange[1]).sum() > 0.97 * (orange[0] | orange[1]).sum()


def test_empty_shape_is_white_paper():
    assert (plots.render(np.zeros((8, 8, 8), bool), size=32) == 255).all()
    assert (plots.render(-np.ones((8, 8, 8)), size=32) == 255).all()


# Sheets


def test_sheet_is_fast_and_leaks_no_figure(tmp_path):
    plots.render(chair(), size=32)  # first use of scipy
    start = time.process_time()
    picture = plots.show_voxels(np.stack([chair()] * 16), titles=range(16), columns=8)
    plots.save_png(tmp_path / "sheet.png", picture)
    # far below matplotlib's own voxels, with room for a busy machine
    assert time.process_time() - start < 3
    assert plt.get_fignums() == []
    assert (tmp_path / "sheet.png").read_bytes() == picture.png() == picture._repr_png_()[0]
    assert [text.get_text() for text in picture.axes[0].texts] == [str(k) for k in range(16)]


def test_sheet_lays_tiles_out_in_rows_and_keeps_their_common_scale():
    tiles = np.full((3, 40, 40, 3), 255, np.uint8)
    tiles[0, 10:20, 10:20] = 0
    tiles[1, 15:30, 15:30] = 60
    tiles[2, 10:30, 12:14] = 120
    sheet = np.asarray(plots.contact_sheet(tiles, columns=2).axes[0].images[0].get_array())
    gap = 2
    # cut to rows and columns 10 to 29, in all tiles
    assert sheet.shape == (2 * (20 + gap), 2 * (20 + gap), 3)
    assert np.array_equal(sheet[:20, 22:42], tiles[1, 10:30, 10:30])
    assert np.array_equal(sheet[22:42, :20], tiles[2, 10:30, 10:30])


def test_tensors_with_batch_and_channel_are_welcome():
    voxels = torch.from_numpy(np.stack([chair()[None], box()[None]]))
    picture = plots.show_voxels(voxels)
    expected = plots.show_voxels([chair(), box()])
    assert picture.png() == expected.png()


def test_each_shape_may_have_a_colour_of_its_own():
    both = np.asarray(
        plots.show_voxels([chair(), chair()], colour=[style.DATA, MODEL])
        .axes[0]
        .images[0]
        .get_array()
    )
    half = both.shape[1] // 2
    for side, colour in ((both[:, :half], style.DATA), (both[:, half:], MODEL)):
        alone = np.asarray(
            plots.show_voxels([chair()], colour=colour).axes[0].images[0].get_array()
        )
        assert np.array_equal(side, alone)


def test_slices_show_the_middle_with_the_front_left_and_up_up():
    field = np.full((8, 8, 8), -1.0)
    field[6, 1, 4] = 1.0  # high up, in front, in the middle slice
    sheet = np.asarray(plots.show_noisy([field, field]).axes[0].images[0].get_array())
    blue = (sheet[..., 2].astype(int) - sheet[..., 0] > 60)[:, : 8 * 8]
    rows, columns = np.nonzero(blue)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (8, 15, 8, 15)


@pytest.mark.parametrize(
    "draw, word",
    [
        (lambda: plots.show_voxels([]), "empty"),
        (lambda: plots.show_fields([]), "empty"),
        (lambda: plots.show_mesh([]), "empty"),
        (lambda: plots.shape_film([]), "empty"),
        (lambda: plots.show_voxels(np.zeros((2, 8, 8, 8))), "dtype"),
        (lambda: plots.show_voxels([chair()], titles=["a", "b"]), "titles"),
        (lambda: plots.show_voxels([chair()], colour=[MODEL, MODEL]), "colour"),
        (lambda: plots.render(np.zeros((2, 8, 8, 8), bool)), "shape"),
        (lambda: plots.render(np.zeros((8, 8, 8), int)), "dtype"),
        (lambda: plots.render(chair(), size=2), "size"),
        (lambda: plots.render(chair(), elevation=100), "elevation"),
        (lambda: plots.render_mesh(np.zeros((3, 2)), np.zeros((1, 3))), "vertices"),
        (lambda: plots.shape_film([ball(), ball(side=16)]), "same grid"),
        (lambda: plots.shape_film([np.full((8, 8, 8), np.nan)]), "finite"),
        (lambda: plots.shape_film([ball()], titles=["a", "b"]), "titles"),
        (lambda: plots.LiveTraining(0), "total_steps"),
        (lambda: plots.LiveTraining(5).show(), "add"),
        (lambda: plots.LiveTraining(5).add(1, float("nan"), 0.0), "loss"),
    ],
)
def test_bad_input_is_refused_with_a_reason(draw, word):
    with pytest.raises(ValueError, match=word):
        draw()


# Films


def decoded(array):
    """Numbers of plotly's base64 typed array."""
    return np.frombuffer(base64.b64decode(array["bdata"]), np.dtype(array["dtype"]))


def as_json(picture):
    return picture._repr_mimebundle_()[0]["application/vnd.plotly.v1+json"]


def test_film_of_noisy_blobs_stays_below_two_megabytes():
    growing = plots.shape_film(growing_chair())
    noise = plots.shape_film(np.random.default_rng(0).standard_normal((6, 32, 32, 32)))
    for each in growing, noise:
        bundle, _ = each._repr_mimebundle_()
        stored = len(json.dumps(bundle["application/vnd.plotly.v1+json"])) + len(
            base64.b64encode(bundle["image/png"])
        )
        assert stored < 2_000_000
        assert abs(stored - each.size_bytes) < 0.1 * stored


def test_film_holds_every_frame_and_opens_on_the_last():
    fields = list(growing_chair(5))
    titles = [f"t = {k}" for k in range(5)]
    stored = as_json(plots.shape_film(fields, titles))
    slider = stored["layout"]["sliders"][0]
    assert [step["label"] for step in slider["steps"]] == titles
    assert [step["args"][0] for step in slider["steps"]] == [
        [frame["name"]] for frame in stored["frames"]
    ]
    assert slider["active"] == 4
    for field, frame in zip(fields, stored["frames"], strict=True):
        vertices, faces = surface(field.astype(np.float32))
        mesh = frame["data"][0]
        assert frame["traces"] == [1, 0]
        assert np.array_equal(np.stack([decoded(mesh[k]) for k in "ijk"], -1), faces)
        found = np.stack([decoded(mesh[k]) for k in "xyz"], -1) / film.UNITS
        assert np.abs(found - vertices).max() <= 0.501 / film.UNITS
    for key in "xyzijk":
        assert stored["data"][1][key] == stored["frames"][-1]["data"][0][key]


def test_film_redraws_and_keeps_its_view():
    layout = as_json(plots.shape_film([ball(), ball(0.2)]))["layout"]
    animations = layout["sliders"][0]["steps"] + layout["updatemenus"][0]["buttons"]
    assert len(animations) == 4
    assert all(animation["args"][1]["frame"]["redraw"] is True for animation in animations)
    scene = layout["scene"]
    assert all(scene[axis]["range"] == scene["xaxis"]["range"] for axis in ("yaxis", "zaxis"))
    assert len(set(scene["aspectratio"].values())) == 1
    towards = np.array([scene["camera"]["eye"][k] for k in "xyz"])
    assert np.abs(towards / np.linalg.norm(towards) - make_camera(8).axes[2]).max() < 1e-4


def test_film_stores_json_and_a_still_but_never_plotly_js():
    bundle, _ = plots.shape_film([ball(), ball(0.2)])._repr_mimebundle_()
    assert set(bundle) == {"application/vnd.plotly.v1+json", "image/png", "text/plain"}
    assert bundle["image/png"].startswith(b"\x89PNG")
    text = json.dumps(bundle["application/vnd.plotly.v1+json"])
    assert "script" not in text.lower() and "uid" not in text


def test_film_is_the_same_twice():
    first, second = (plots.shape_film(growing_chair(4))._repr_mimebundle_()[0] for _ in range(2))
    assert first == second


def test_frames_without_a_surface_are_empty():
    stored = as_json(plots.shape_film([-np.ones((8, 8, 8)), ball(side=8), -np.ones((8, 8, 8))]))
    for k in (0, 2):
        mesh = stored["frames"][k]["data"][0]
        assert {tuple(decoded(mesh[key])) for key in "xyz"} == {(0, 0, 0)}
    assert len(decoded(stored["frames"][1]["data"][0]["i"])) > 100


def test_large_frames_are_drawn_coarser_and_small_ones_are_left_alone():
    noise = np.random.default_rng(0).standard_normal((24, 24, 24))
    plain = ball(side=24)
    slots = [np.ones((24, 24, 24), np.uint8)] * 2
    meshes = [mesh for _, mesh in film._meshes_within([noise, plain], 100_000, slots, 1)]
    assert len(meshes[1]["i"]) == len(surface(plain)[1])
    assert sum(len(mesh["i"]) for mesh in meshes) * film.FACE_BYTES < 100_000
    assert len(meshes[0]["i"]) > 500
    halved = film._halved(np.arange(27.0).reshape(3, 3, 3))
    assert halved.shape == (2, 2, 2) and halved[0, 0, 0] == 6.5 and halved[1, 1, 1] == 26


def test_a_film_has_the_colours_of_the_slots_and_a_shadow_on_the_ground():
    """Each face has one material: the scale's upper half is the second's."""
    field = (2.0 * box() - 1).astype(np.float32)
    slots = np.ones(field.shape, np.uint8)
    slots[14:] = 2  # the upper half of the box
    colours = ["#00C000", Finish("#C00000", 1.0, 0.3)]
    stored = as_json(plots.shape_film([field, field], colour=colours, slots=[slots, slots]))
    mesh, shadow = stored["frames"][1]["data"]
    level = decoded(mesh["intensity"]) / 255
    corners = np.stack([decoded(mesh[k]) for k in "ijk"], -1)
    height = decoded(mesh["z"])[corners].mean(1) / film.UNITS
    assert (level[corners] < 0.5)[height < 13 / 32].all()
    assert (level[corners] > 0.5)[height > 15 / 32].all()
    lower, upper = (
        [
            json.loads(f"[{colour[4:-1]}]")
            for at, colour in stored["data"][1]["colorscale"]
            if half(at)
        ]
        for half in (lambda at: at < 0.49, lambda at: at > 0.51)
    )
    assert all(colour[1] >= colour[0] for colour in lower)
    assert all(colour[0] >= colour[1] for colour in upper)
    light = decoded(shadow["intensity"]).reshape(film.TILES, film.TILES)
    x, y = (decoded(stored["data"][0][k]).reshape(light.shape) / film.UNITS for k in "xy")
    behind = (np.abs(x - 0.36) < 0.06) & (np.abs(y - 0.8) < 0.06)
    assert light[behind].max() < 215 and light[0].min() == 255  # white at the margin


def test_a_film_of_a_model_with_slots_takes_them_from_its_channels():
    x0 = torch.zeros(1, 5, 16, 16, 16)
    x0[:, 0] = -1
    x0[:, 0, 4:12, 4:12, 4:12] = 1
    x0[:, 2, 4:12, 4:12, 4:12] = 1  # the second slot
    states = [SimpleNamespace(step=k, steps=2, t=0.0, x0=x0) for k in (1, 2)]
    stored = as_json(plots.sampling_film(states, colour=["#00C000", "#C00000"]))
    assert decoded(stored["data"][1]["intensity"]).min() > 127


def test_level_moves_the_surface():
    mesh = as_json(plots.isosurface_figure(ball(0.4), level=0.2))["data"][1]
    vertices = np.stack([decoded(mesh[k]) for k in "xyz"], -1) / film.UNITS
    assert np.abs(np.linalg.norm(vertices - 0.5, axis=1) - 0.2).max() < 3e-3


def test_film_of_sampler_states_labels_step_and_time():
    x0 = torch.from_numpy(np.stack([ball(0.1)[None], ball(0.3)[None]]))
    states = [
        SimpleNamespace(step=k, steps=2, t=t, x0=x0) for k, t in ((1, torch.tensor(0.5)), (2, 0.0))
    ]
    stored = as_json(plots.sampling_film(states, sample=1))
    assert [step["label"] for step in stored["layout"]["sliders"][0]["steps"]] == [
        "step 1 of 2, t = 0.50",
        "step 2 of 2, t = 0.00",
    ]
    x = decoded(stored["frames"][0]["data"][0]["x"]) / film.UNITS
    assert abs(x.max() - x.min() - 0.6) < 5e-3


# Live training


def test_live_training_replaces_one_picture(monkeypatch):
    shown = []
    handle = SimpleNamespace(update=lambda picture: shown.append(("update", picture)))

    def display(picture, display_id):
        shown.append(("display", picture))
        return handle

    monkeypatch.setattr(IPython, "get_ipython", lambda: object())
    monkeypatch.setattr("IPython.display.display", display)
    training = plots.LiveTraining(20)
    for step in range(1, 4):
        training.add(step, 1 / step, 0.5 * step)
        training.show([chair(), ball()])
    assert [how for how, _ in shown] == ["display", "update", "update"]
    assert (
        "step 3 of 20" in shown[-1][1].axes[0].get_title()
        and "about 8 s to go" in shown[-1][1].axes[0].get_title()
    )
    assert plt.get_fignums() == []


def test_live_training_works_without_a_notebook(monkeypatch):
    monkeypatch.setattr(IPython, "get_ipython", lambda: None)
    training = plots.LiveTraining(3)
    training.add(1, 0.5, 0.1)
    picture = training.show()
    assert picture.axes[0].get_yscale() == "log"
    assert picture.png().startswith(b"\x89PNG")


def test_moving_mean_equals_brute_force():
    values = np.random.default_rng(0).random(30)
    for reach in (1, 4, 40):
        expected = [values[max(0, k - reach) : k + reach + 1].mean() for k in range(30)]
        assert np.abs(live.moving_mean(values, reach) - expected).max() < 1e-12


# Style


def test_colours_differ_in_grey():
    lightness = np.sort(rgb2lab(rgb_of([style.DATA, style.NOISE, style.MODEL, style.EXACT]))[:, 0])
    assert np.diff(lightness).min() > 10


MACHADO = {  # Machado, Oliveira, Fernandes 2009, severity 1
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.01182, 0.04294, 0.968881],
    ],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.3039],
    ],
}


def rgb_of(colours):
    return np.array([[int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)] for colour in colours])


def seen_with(matrix, rgb):
    """Colours (N, 3) in CIE Lab as an eye with this deficiency sees them."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.array(matrix).T, 0, 1)
    return rgb2lab(np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055))


@pytest.mark.parametrize("deficiency", MACHADO)
@pytest.mark.parametrize(
    ("colours", "apart"),
    [
        pytest.param(
            [style.DATA, style.NOISE, style.MODEL, style.EXACT, "#FFFFFF"], 25, id="figures"
        ),
        pytest.param([MARKS[PASSED][1], MARKS[WRONG][1]], 25, id="right and wrong"),
    ],
)
def test_colours_differ_for_the_colour_blind(deficiency, colours, apart):
    lab = seen_with(MACHADO[deficiency], rgb_of(colours))
    distance = np.linalg.norm(lab[:, None] - lab[None], axis=-1)[np.triu_indices(len(colours), 1)]
    assert distance.min() > apart


@pytest.mark.parametrize("deficiency", MACHADO)
@pytest.mark.parametrize(
    ("colours", "both_ways"), [(DENSITY_MAP, False), (ERROR_MAP, False), (OCCUPANCY_MAP, True)]
)
def test_colour_maps_can_be_read_by_the_colour_blind(deficiency, colours, both_ways):
    """Steadily darker from white on; the two arms of the occupancy map end far from each other."""
    lab = seen_with(MACHADO[deficiency], colours(np.linspace(0, 1, 65))[:, :3])
    arms = [lab[32::-1], lab[32:]] if both_ways else [lab]
    assert all((np.diff(arm[:, 0]) < 0).all() for arm in arms)
    assert not both_ways or np.linalg.norm(lab[0] - lab[-1]) > 25


# Descriptions


def test_a_picture_describes_itself_by_its_words():
    chart = (
        planar.Chart("How far off", "steps", "error")
        .line([1, 2], [3, 4], "DDIM")
        .line([1, 2], [2, 1], "Heun")
    )
    wanted = "Picture: How far off, across: steps, up: error, DDIM, Heun"
    assert planar.show_charts(chart)._repr_png_()[1] == {"alt": wanted}
    assert (
        style.described(plots.show_voxels([box(), chair()], ["a $x_0$ box", "chair"]))
        == "Picture: a x_0 box, chair"
    )
    assert style.described(style.Picture(plots.WIDE)) == "Picture"


def test_a_description_reaches_the_saved_notebook():
    # its formatter is what makes a cell's output
    shell = IPython.core.interactiveshell.InteractiveShell()
    for shown, alt in (
        (plots.show_voxels([box()], ["box"]), "Picture: box"),
        (
            plots.shape_film([ball(), ball(0.2)], ["noise", "ball"]),
            "Film of 2 frames, from noise to ball",
        ),
    ):
        data, metadata = shell.display_formatter.format(shown)
        assert "image/png" in data and metadata["image/png"]["alt"] == alt


def test_style_stays_inside_its_context():
    before = plt.rcParams["axes.grid"]
    with plots.styled():
        assert plt.rcParams["axes.grid"] is True
    assert plt.rcParams["axes.grid"] == before


def test_caption_stands_centred_below():
    picture = style.Picture(plots.WIDE)
    text = plots.figure_caption(picture, "Loss against step.")
    assert text.get_text() == "Loss against step." and text.get_position() == (0.5, -0.02)


# ---- pictures ------------------------------------------------------------------------------------


def test_ink_gets_darker_with_its_value_and_ends_at_the_limit():
    values = torch.linspace(-3, 3, 61).reshape(1, 1, 1, 61)
    for limit in (1.0, 2.5):
        light = ink_image(values, MODEL, limit)[0, 0].astype(float).sum(1)
        inside = (values.flatten().abs() <= limit).numpy()
        assert (np.diff(light[inside]) < 0).all()
        assert len(set(light[values.flatten().numpy() < -limit])) <= 1
    with pytest.raises(ValueError, match="expected"):
        ink_image(torch.zeros(2, 3, 8, 8))


def test_a_grid_of_pictures_is_at_most_as_wide_as_the_page():
    for count in (1, 3, 12, 30):
        picture = show_pictures(torch.zeros(count, 1, 8, 8), [str(k) for k in range(count)])
        width, height = picture.get_size_inches()
        assert width <= WIDE[0] + 0.5 and height < 5
        assert len(picture.axes[0].texts) == count


def test_the_film_of_a_denoising_shows_noise_above_the_guess():
    generator = torch.Generator().manual_seed(0)
    states = [
        State(k + 1, 5, 1 - (k + 1) / 5, *torch.randn(2, 3, 1, 8, 8, generator=generator))
        for k in range(5)
    ]
    film = picture_film(states)
    assert (
        len(film.figure.frames) == 5
        and film.figure.layout.sliders[0].steps[1].label == "step 2 of 5, t = 0.60"
    )
    image = shown(film.figure.frames[1].data[0].source)
    top = sheet(states[1].x_t, NOISE, NOISY)
    assert np.abs(image[: len(top)].astype(int) - top).max() < 24  # 64 colours
    assert np.abs(image[-len(top) :].astype(int) - sheet(states[1].x0, MODEL)).max() < 24
    assert film.size_bytes < 300_000
    with pytest.raises(ValueError, match="states is empty"):
        picture_film([])


def shown(source):
    """The image of a data URL, (H, W, 3)."""
    data = base64.b64decode(source.partition("base64,")[2])
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def test_a_live_training_shows_pictures_too():
    live = LiveTraining(10)
    live.add(1, 0.5, 0.1)
    plain, inked = (live.picture([torch.full((1, 8, 8), value)]) for value in (-1.0, 1.0))
    assert plain.png() != inked.png()


def test_cells_show_their_corners_and_the_triangles_of_marching_cubes():
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection
    from skimage.measure import marching_cubes

    from course_utils.plots.cells import show_cells

    cells = np.random.default_rng(0).normal(size=(3, 2, 2, 2))
    picture = show_cells(cells, ["a", "b", "c"])
    assert len(picture.axes) == 3 and [axes.get_title() for axes in picture.axes] == ["a", "b", "c"]
    picture.canvas.draw()  # the surfaces' polygons, on the page
    for axes, cell in zip(picture.axes, cells, strict=True):
        (surface,) = [drawn for drawn in axes.collections if isinstance(drawn, Poly3DCollection)]
        assert len(surface.get_paths()) == len(marching_cubes(cell, 0.0)[1])
        assert len(axes.lines) == 12


def test_noisy_slices_of_a_coarse_grid_are_as_large_as_those_of_a_fine_one():
    coarse, fine = np.full((16, 16, 16), -1.0), np.full((32, 32, 32), -1.0)
    for grid in (coarse, fine):
        grid[: len(grid) // 2] = 1.0
    alone, both = plots.show_noisy([fine, fine]), plots.show_noisy([coarse, fine])
    assert alone.png() == both.png()
    with pytest.raises(ValueError, match="divisors of 256"):
        plots.show_noisy([np.zeros((24, 24, 24)), fine])


def test_normals_of_a_field_are_a_balls_where_triangles_ripple():
    """The largest error of the mean of the faces is 17 degrees, of the blurred field's slope 4."""
    size = (0.0, 0.0, 0.3, 0.3)
    round_part = part("ball", "body", Loft((0.2, 0.8), size, size, round=True, curve="ball"))
    field = 2 * coverage_of(matter_of([round_part], ("body",), 32)) - 1
    vertices, faces = surface(field)
    outward = (vertices - 0.5) / np.linalg.norm(vertices - 0.5, axis=1, keepdims=True)

    def largest(normals):
        return np.degrees(np.arccos(np.clip((normals * outward).sum(1), -1, 1))).max()

    assert largest(field_normals(field, vertices)) < 5
    assert largest(mesh_normals(vertices, faces)) > 15


def test_materials_are_drawn_in_their_slots_colours():
    field, slots = -np.ones((16, 16, 16), np.float32), np.zeros((16, 16, 16), np.uint8)
    field[2:14, 2:14, 2:14] = 1.0
    slots[2:8, 2:14, 2:14], slots[8:14, 2:14, 2:14] = 2, 1
    picture = raster_package.render_materials(
        field, slots, 96, 0, 0, colours=["#C00000", "#0000C0"]
    )
    upper, lower = picture[30:40, 40:56].reshape(-1, 3), picture[58:68, 40:56].reshape(-1, 3)
    assert (upper[:, 0] > upper[:, 2].astype(int) + 60).all()
    assert (lower[:, 2] > lower[:, 0].astype(int) + 60).all()
    plain = raster_package.render(field, 96, 0, 0, colour="#C00000")
    one = raster_package.render_materials(
        field, np.minimum(slots, 1), 96, 0, 0, colours=["#C00000"]
    )
    assert np.array_equal(one, plain)
    with pytest.raises(ValueError, match="there are 1 materials and slots go up to 2"):
        raster_package.render_materials(field, slots, 96, colours=["#C00000"])
    with pytest.raises(ValueError, match="expected floats, and slots of the same shape"):
        raster_package.render_materials(field > 0, slots, 96, colours=["#C00000", "#0000C0"])
