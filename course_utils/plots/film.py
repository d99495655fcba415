"""Films of a shape growing out of noise, and single surfaces, that turn and play without a kernel.

Lessons 00, 08 and 09 show the denoiser's x0-prediction at every sampling step. A `Film` displays as
plotly's JSON (Mesh3d frames, a slider, play and pause, all in the browser) together with a still
PNG for viewers without plotly. plotly.js itself is never stored. Surfaces are marching cubes,
vertices rounded to 16 bits.
"""

import html
import io
import json
import sys

import numpy as np
from PIL import Image

from course_utils.geometry.grids import grid_array, to_numpy
from course_utils.geometry.render.camera import make_camera
from course_utils.geometry.render.light import Daylight
from course_utils.geometry.render.normals import field_normals
from course_utils.geometry.render.shading import BRIGHTEST, colour_ramp, matte
from course_utils.geometry.surface import smooth_mesh
from course_utils.plots.stills import check_titles, contact_sheet, render
from course_utils.plots.style import INK, MODEL, plotly_layout

UNITS = 8192  # vertices are whole numbers of 1 / UNITS of the cube's side
MESH_BYTES = 1_700_000  # for all meshes of one film, as they stand in the notebook
FACE_BYTES = 12.9  # three corners and half a vertex with its brightness, in base64
STILLS = 6  # frames in the still strip
HEIGHT = 520  # pixels
WIDTH = 760  # pixels of a still: fits beside JupyterLab's file list on a laptop
ZOOM = 1.45  # how large the unit cube stands in plotly's scene

CONFIG = {"displayModeBar": False}
# the light is in the vertices
UNLIT = {
    "ambient": 1.0,
    "diffuse": 0.0,
    "specular": 0.0,
    "fresnel": 0.0,
}


class Film:
    """A plotly figure and its still picture; a notebook's viewer shows whichever it can draw."""

    def __init__(self, figure, still):
        """Keep a figure without random parts and its still, anything with a png()."""
        self.figure = figure
        self.still = still
        self._png = _narrowed(still.png())

    def __repr__(self):
        return f"Film({max(len(self.figure.frames), 1)} frames)"

    @property
    def size_bytes(self):
        """Bytes that this film adds to a saved notebook: plotly's JSON and the PNG in base64."""
        return len(self.figure.to_json()) + len(self._png) * 4 // 3

    def _repr_mimebundle_(self, include=None, exclude=None):
        bundle = {
            "application/vnd.plotly.v1+json": (
                json.loads(self.figure.to_json()) | {"config": CONFIG}
            ),
            "image/png": self._png,
            "text/plain": repr(self),
        }
        metadata = {"image/png": {"alt": self.described()}}
        if "google.colab" in sys.modules:
            # Colab draws plotly from HTML only; plotly.js is a link there
            bundle["text/html"] = self.figure.to_html(
                full_html=False, include_plotlyjs="cdn", auto_play=False, config=CONFIG
            )
        return bundle, metadata

    def described(self):
        """Return what the film shows, as text for those who do not see it."""
        if not self.figure.frames:
            return "A surface that can be turned"
        labels = [step.label for step in self.figure.layout.sliders[0].steps]
        return f"Film of {len(labels)} frames, from {labels[0]} to {labels[-1]}"


def _narrowed(png):
    """Return a PNG at most WIDTH pixels wide: JupyterLab cuts off a still that does not fit."""
    image = Image.open(io.BytesIO(png))
    if image.width <= WIDTH:
        return png
    buffer = io.BytesIO()
    height = round(image.height * WIDTH / image.width)
    image.convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS).save(
        buffer, "png", optimize=True
    )
    return buffer.getvalue()


def shape_film(fields, titles=None, level=0.0, colour=MODEL):
    """Return a film of the surfaces `field = level`, one frame per field; it opens on the last.

    Frames that would make the notebook too large (pure noise) are drawn at half the resolution.

    Args:
        fields: Float grids (D, H, W) of one shape, numpy or torch, inside above `level`; leading
            axes of length 1 are dropped.
        titles: Labels for the slider, one per frame; the default is "step 1", "step 2", ...
        level: Value of the fields on the surface.
        colour: Of the surface.

    Raises:
        ValueError: No fields, fields of different shapes, or values that are not numbers.
    """
    fields = _check_fields(fields)
    if titles is None:
        titles = [f"step {k + 1}" for k in range(len(fields))]
    titles = check_titles(titles, len(fields))
    meshes = _meshes_within(fields, level, MESH_BYTES)
    chosen = np.unique(np.linspace(0, len(fields) - 1, STILLS).round().astype(int))
    tiles = [render(fields[k] - np.float32(level), size=220, colour=colour) for k in chosen]
    still = contact_sheet(tiles, [titles[k].replace(", ", "\n") for k in chosen])
    return Film(_figure(meshes, titles, colour), still)


def sampling_film(states, sample=0, colour=MODEL):
    """Return a film of the x0-predictions of one sample.

    Args:
        states: What `course_utils.diffusion.sampling.sample` yields.
        sample: Which one of the batch.
        colour: Of the surface.
    """
    states = list(states)
    fields = [to_numpy(state.x0)[sample, 0] for state in states]
    titles = [f"step {state.step} of {state.steps}, t = {float(state.t):.2f}" for state in states]
    return shape_film(fields, titles, colour=colour)


def isosurface_figure(field, level=0.0, colour=MODEL):
    """Return one rotatable surface, as a Film without frames.

    Args:
        field: Float grid (D, H, W), inside above `level`.
        level: Value of the field on the surface.
        colour: Of the surface.
    """
    (field,) = _check_fields([field])
    still = contact_sheet([render(field - np.float32(level), size=440, colour=colour)])
    return Film(_figure(_meshes_within([field], level, MESH_BYTES), [""], colour), still)


def _check_fields(fields):
    fields = [grid_array("fields", field).astype(np.float32) for field in fields]
    if not fields:
        raise ValueError(
            "fields is empty; expected one float grid (D, H, W) for every frame of the film."
        )
    if len({field.shape for field in fields}) > 1:
        raise ValueError(
            f"fields have shapes {sorted({f.shape for f in fields})}; expected the same grid in all"
            " frames."
        )
    if not all(np.isfinite(field).all() for field in fields):
        raise ValueError(
            "fields hold not-a-number or infinite values; expected finite numbers. Did the sampler"
            " diverge?"
        )
    return fields


def _meshes_within(fields, level, budget):
    """Return the surfaces of all fields in at most `budget` bytes.

    Frames above their share are drawn from a coarser grid.
    """
    surfaces = [_surface(field, level) for field in fields]
    left = budget / FACE_BYTES - max(len(surfaces[-1][1]), 1)  # the opening picture is stored twice
    order = sorted(range(len(fields)), key=lambda k: len(surfaces[k][1]))
    for done, k in enumerate(order):  # small ones first: what they leave goes to the larger ones
        share = left / (len(fields) - done)
        field = fields[k]
        while len(surfaces[k][1]) > share and min(field.shape) > 4:
            field = _halved(field)
            surfaces[k] = _surface(field, level)
        left -= len(surfaces[k][1])
    return [
        _typed(*surface, field - np.float32(level))
        for surface, field in zip(surfaces, fields, strict=True)
    ]


def _surface(field, level):
    """Return the vertices (V, 3) and faces (F, 3) of a field's surface, as plain arrays."""
    mesh = smooth_mesh(field, level)
    return np.array(mesh.vertices), np.array(mesh.faces)


def _halved(field):
    """Return the means of 2 x 2 x 2 blocks (an odd side repeats its last layer)."""
    field = np.pad(field, [(0, side % 2) for side in field.shape], mode="edge")
    d, h, w = (side // 2 for side in field.shape)
    return field.reshape(d, 2, h, 2, w, 2).mean((1, 3, 5))


def _typed(vertices, faces, field):
    """Return a mesh as plotly's arrays of small integers; `intensity` is its brightness.

    Without a surface it is a triangle without area.
    """
    if not len(faces):
        vertices, faces = np.zeros((3, 3)), np.array([[0, 1, 2]])
    light = matte(*Daylight(field > 0).at(vertices, field_normals(field, vertices)))
    light = np.clip(255 / BRIGHTEST * light, 0, 255).astype(np.uint8)
    x, y, z = np.round(vertices.T * UNITS).astype(np.uint16)
    i, j, k = faces.T.astype(np.uint16 if len(vertices) <= 65_536 else np.uint32)
    return {"x": x, "y": y, "z": z, "i": i, "j": j, "k": k, "intensity": light}


def _figure(meshes, titles, colour):
    import plotly.graph_objects as go

    ground = go.Mesh3d(
        x=[0, UNITS, UNITS, 0],
        y=[0, 0, UNITS, UNITS],
        z=[0, 0, 0, 0],
        i=[0, 0],
        j=[1, 2],
        k=[2, 3],
        color="#EDEDED",
        hoverinfo="skip",
        lighting=UNLIT,
    )
    shades = [f"rgb{tuple(rgb)}" for rgb in colour_ramp(colour, 18).tolist()]
    surface = go.Mesh3d(
        **meshes[-1],
        colorscale=[[k / (len(shades) - 1), shade] for k, shade in enumerate(shades)],
        cmin=0,
        cmax=255,
        showscale=False,
        lighting=UNLIT,
        hoverinfo="skip",
    )
    figure = go.Figure([ground, surface], layout=plotly_layout(height=HEIGHT, scene=_scene()))
    return film_of_frames(
        figure, [[{"type": "mesh3d", **mesh}] for mesh in meshes], titles, traces=[1]
    )


def film_of_frames(figure, frames, titles, traces, below=0):
    """Add frames, a slider and play buttons to a plotly figure; fewer than two change nothing.

    Args:
        figure: A plotly.graph_objects.Figure.
        frames: For each frame a list of trace dicts; their entries replace those of the figure's
            traces.
        titles: Labels for the slider, one per frame.
        traces: The numbers of the traces that change.
        below: Pixels by which the slider is lowered, to leave room for the labels of an axis.
    """
    import plotly.graph_objects as go

    if len(frames) > 1:
        names = [str(k) for k in range(len(frames))]
        figure.frames = [
            go.Frame(data=data, name=name, traces=traces)
            for name, data in zip(names, frames, strict=True)
        ]
        figure.update_layout(_controls(names, titles, below))
    return figure


def _scene():
    """Return the unit cube seen as in the stills, without axes, of fixed size.

    So the shape never jumps between frames.
    """
    axis = {"visible": False, "range": [-0.02 * UNITS, 1.02 * UNITS], "autorange": False}
    towards = make_camera(8).axes[2] * 2.0
    return {
        "xaxis": axis,
        "yaxis": axis,
        "zaxis": axis,
        "aspectmode": "manual",
        "aspectratio": {"x": ZOOM, "y": ZOOM, "z": ZOOM},
        "dragmode": "turntable",
        "camera": {
            "eye": dict(zip("xyz", towards.round(4).tolist(), strict=True)),
            "up": {"x": 0, "y": 0, "z": 1},
            "center": {"x": 0, "y": 0, "z": -0.1},
            "projection": {"type": "orthographic"},
        },
    }


def _controls(names, titles, below):
    """Return a slider and play and pause buttons.

    Mesh3d needs `redraw`: without it plotly moves the slider, but not the shape. plotly reads
    labels as HTML, so titles are escaped.
    """
    still = {
        "mode": "immediate",
        "transition": {"duration": 0},
        "frame": {"duration": 0, "redraw": True},
    }
    playing = still | {"fromcurrent": True, "frame": {"duration": 250, "redraw": True}}
    steps = [
        {"method": "animate", "label": html.escape(title, quote=False), "args": [[name], still]}
        for name, title in zip(names, titles, strict=True)
    ]
    return {
        "sliders": [
            {
                "active": len(names) - 1,
                "steps": steps,
                "x": 0.02,
                "len": 0.96,
                "y": 0,
                "yanchor": "top",
                "pad": {"t": 10 + below, "b": 6},
                "currentvalue": {"xanchor": "left", "font": {"size": 15, "color": INK}},
                # labels of single steps would overlap
                "font": {"size": 1, "color": "rgba(0,0,0,0)"},
                "ticklen": 0,
                "minorticklen": 0,
                "transition": {"duration": 0},
            }
        ],
        "updatemenus": [
            {
                "type": "buttons",
                "direction": "left",
                "showactive": False,
                "x": 0.98,
                "y": 0,
                "xanchor": "right",
                "yanchor": "top",
                "pad": {"t": 2 + below},
                "buttons": [
                    {"label": "▶", "method": "animate", "args": [None, playing]},
                    {"label": "❚❚", "method": "animate", "args": [[None], still]},
                ],
            }
        ],
    }
