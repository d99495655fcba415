"""Grids of small images, enlarged pixel by pixel, and the film of their denoising.

Lessons 04 to 06 show what they train on (blue) and what their models make (orange); -1 is paper, 1
is ink.
"""

import base64
import io

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from PIL import Image

from course_utils.geometry.grids import to_numpy
from course_utils.plots.film import Film, film_of_frames
from course_utils.plots.stills import TILE, check_titles, contact_sheet
from course_utils.plots.style import DATA, MODEL, NOISE, WIDE, plotly_layout

PAPER = "#F3F3F3"
PIXELS = 96  # per side of a picture in a grid, about
NOISY = 2.5  # values of x_t shown from -NOISY to NOISY
FILM_TILE = 72  # pixels per side of a picture in a film
GAP = 6
STILLS = 6  # steps in a film's still


def ink_image(pictures, colour=DATA, limit=1.0):
    """Return pictures as coloured images, uint8 (N, H, W, 3).

    Args:
        pictures: (N, 1, H, W) or (N, H, W).
        colour: Of the ink.
        limit: The value drawn as full ink; -limit is paper.
    """
    values = to_numpy(pictures).astype(np.float64)
    if values.ndim == 4 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 3 or 0 in values.shape:
        raise ValueError(
            f"pictures has shape {values.shape}; expected (N, 1, H, W) or (N, H, W), at least one"
            " picture"
        )
    deep = tuple(0.4 * part for part in to_rgb(colour))
    ramp = LinearSegmentedColormap.from_list("ink", [(0, PAPER), (0.65, colour), (1, deep)])
    return np.round(255 * ramp(np.clip(values / (2 * limit) + 0.5, 0, 1))[..., :3]).astype(np.uint8)


def enlarged(images, side=PIXELS):
    """Return images (N, H, W, 3) with each pixel repeated, up to `side` or a little less."""
    times = max(1, side // max(images.shape[1:3]))
    return images.repeat(times, 1).repeat(times, 2)


def show_pictures(pictures, titles=None, columns=None, colour=DATA, limit=1.0):
    """Return a grid of pictures, each under its title.

    The grid is at most as wide as the page, a picture at most an inch and a half.

    Args:
        pictures: (N, 1, H, W) or (N, H, W).
        titles: One per picture.
        columns: At most 12 by default.
        colour: DATA for real pictures, MODEL for generated ones, NOISE for noisy ones.
        limit: The value drawn as full ink; -limit is paper.
    """
    images = enlarged(ink_image(pictures, colour, limit))
    columns = columns or min(len(images), 12)
    return contact_sheet(list(images), titles, columns, tile=min(TILE, WIDE[0] / columns))


def sheet(pictures, colour, limit=1.0, side=FILM_TILE, columns=None):
    """Return pictures side by side in one image, uint8 (H, W, 3).

    Args:
        pictures: (N, 1, H, W) or (N, H, W).
        colour: Of the ink.
        limit: The value drawn as full ink; -limit is paper.
        side: Pixels per side of a picture, about.
        columns: Pictures in a row; the default is one row.
    """
    images = enlarged(ink_image(pictures, colour, limit), side)
    columns = columns or len(images)
    count, height, width, _ = images.shape
    rows = -(-count // columns)
    page = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3), 255, np.uint8)
    for k, image in enumerate(images):
        top, left = (k // columns) * (height + GAP), (k % columns) * (width + GAP)
        page[top : top + height, left : left + width] = image
    return page


def picture_film(states, titles=None, count=9):
    """Return a film of a denoising: x_t (grey) above the denoiser's guess of x0 (orange).

    A slider and a play button run in the browser.

    Args:
        states: What `course_utils.diffusion.sampling.sample` yields, x_t and x0 (B, 1, H, W).
        titles: One per step; the default is its number and time.
        count: How many samples are shown.
    """
    states = list(states)
    if not states:
        raise ValueError("states is empty; expected what sample(...) yields")
    if titles is None:
        titles = [f"step {state.step} of {state.steps}, t = {state.t:.2f}" for state in states]
    titles = check_titles(titles, len(states))
    pages = [_page(state, count) for state in states]
    chosen = np.unique(np.linspace(0, len(states) - 1, STILLS).round().astype(int))
    still = contact_sheet(
        [_page(states[k], 2) for k in chosen],
        [titles[k].replace(", ", "\n") for k in chosen],
        len(chosen),
    )
    return image_film(pages, titles, still)


def image_film(pages, titles, still):
    """Return a film whose frames are images; it opens on the last.

    Args:
        pages: Images of one size, uint8 (H, W, 3).
        titles: Labels for the slider, one per image.
        still: Anything with a png().
    """
    import plotly.graph_objects as go

    height, width = pages[0].shape[:2]
    frames = [[{"type": "image", "source": _source(page)}] for page in pages]
    figure = go.Figure(go.Image(source=frames[-1][0]["source"], hoverinfo="skip"))
    hidden = {"visible": False, "showgrid": False}
    figure.update_layout(
        plotly_layout(height=height + 150, width=width + 20),
        xaxis=hidden | {"range": [-0.5, width - 0.5]},
        yaxis=hidden | {"range": [height - 0.5, -0.5], "scaleanchor": "x"},
    )
    return Film(film_of_frames(figure, frames, titles, traces=[0]), still)


def _page(state, count):
    """Return x_t above x0, uint8 (H, W, 3)."""
    rows = [sheet(state.x_t[:count], NOISE, NOISY), sheet(state.x0[:count], MODEL)]
    gap = np.full((2 * GAP, rows[0].shape[1], 3), 255, np.uint8)
    return np.concatenate([rows[0], gap, rows[1]])


def _source(page):
    buffer = io.BytesIO()
    Image.fromarray(page).quantize(64, dither=Image.Dither.NONE).save(buffer, "png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
