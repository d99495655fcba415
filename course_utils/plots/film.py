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
from course_utils.geometry.matter import slots_from_model
from course_utils.geometry.render import render_materials
from course_utils.geometry.render.camera import make_camera
from course_utils.geometry.render.light import Daylight
from course_utils.geometry.render.normals import field_normals
from course_utils.geometry.render.shading import BRIGHTEST, colour_ramp, matte, paper_ramp
from course_utils.geometry.slots import slot_weights
from course_utils.geometry.surface import smooth_mesh
from course_utils.plots.stills import check_titles, contact_sheet, render
from course_utils.plots.style import INK, MODEL, plotly_layout

UNITS = 8192  # vertices are whole numbers of 1 / UNITS of the cube's side
MESH_BYTES = 1_700_000  # for all meshes of one film, as they stand in the notebook
FACE_BYTES = 12.9  # three corners and half a vertex with its brightness, in base64
STILLS = 6  # frames in the still strip
HEIGHT = 520  # pixels
WIDTH = 760  # pixels of a still: fits beside JupyterLab's file list on a laptop
AROUND = (-0.3, 1.3)  # what the scene shows, in units of the cube's side
TILES = 28  # points per side of the ground
ZOOM = 1.45 * (AROUND[1] - AROUND[0])  # how large that stands in plotly's scene

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


def shape_film(fields, titles=None, level=0.0, colour=MODEL, slots=None):
    """Return a film of the surfaces `field = level`, one frame per field; it opens on the last.

    Frames that would make the notebook too large (pure noise) are drawn at half the resolution.

    Args:
        fields: Float grids (D, H, W) of one shape, numpy or torch, inside above `level`; leading
            axes of length 1 are dropped.
        titles: Labels for the slider, one per frame; the default is "step 1", "step 2", ...
        level: Value of the fields on the surface.
        colour: Of the surface; with `slots` a list of materials, one per slot, such as "#E07B0A" or
            anything with `colour`, `metallic` and `roughness`.
        slots: For each field the slot of each voxel, uint8 (D, H, W), 1 for the first material.

    Raises:
        ValueError: No fields, fields of different shapes, or values that are not numbers.
    """
    fields = [field - np.float32(level) for field in _check_fields(fields)]
    if titles is None:
        titles = [f"step {k + 1}" for k in range(len(fields))]
    titles = check_titles(titles, len(fields))
    materials = [colour] if slots is None else list(colour)
    slots = [np.ones(field.shape, np.uint8) for field in fields] if slots is None else list(slots)
    meshes = _meshes_within(fields, MESH_BYTES, slots, len(materials))
    chosen = np.unique(np.linspace(0, len(fields) - 1, STILLS).round().astype(int))
    tiles = [render_materials(fields[k], slots[k], 220, colours=materials) for k in chosen]
    still = contact_sheet(tiles, [titles[k].replace(", ", "\n") for k in chosen])
    return Film(_figure(meshes, titles, materials), still)


def sampling_film(states, sample=0, colour=MODEL):
    """Return a film of the x0-predictions of one sample.

    Args:
        states: What `course_utils.diffusion.sampling.sample` yields.
        sample: Which one of the batch.
        colour: Of the surface; of a model with slots a list of its materials, one per slot.
    """
    states = list(states)
    fields = [to_numpy(state.x0)[sample, 0] for state in states]
    titles = [f"step {state.step} of {state.steps}, t = {float(state.t):.2f}" for state in states]
    if isinstance(colour, str):
        return shape_film(fields, titles, colour=colour)
    slots = [
        to_numpy(slots_from_model(state.x0[sample : sample + 1], len(colour)))[0]
        for state in states
    ]
    return shape_film(fields, titles, colour=colour, slots=slots)


def isosurface_figure(field, level=0.0, colour=MODEL):
    """Return one rotatable surface, as a Film without frames.

    Args:
        field: Float grid (D, H, W), inside above `level`.
        level: Value of the field on the surface.
        colour: Of the surface.
    """
    (field,) = _check_fields([field])
    field = field - np.float32(level)
    still = contact_sheet([render(field, size=440, colour=colour)])
    meshes = _meshes_within([field], MESH_BYTES, [np.ones(field.shape, np.uint8)], 1)
    return Film(_figure(meshes, [""], [colour]), still)


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


def _meshes_within(fields, budget, slots, materials):
    """Return the ground and the surface of each field, as plotly's arrays, in `budget` bytes.

    Frames above their share are drawn from a coarser grid. `materials` is how many there are.
    """
    surfaces = [_surface(field) for field in fields]
    left = budget / FACE_BYTES - max(len(surfaces[-1][1]), 1)  # the opening picture is stored twice
    order = sorted(range(len(fields)), key=lambda k: len(surfaces[k][1]))
    for done, k in enumerate(order):  # small ones first: what they leave goes to the larger ones
        share = left / (len(fields) - done)
        field = fields[k]
        while len(surfaces[k][1]) > share and min(field.shape) > 4:
            field = _halved(field)
            surfaces[k] = _surface(field)
        left -= len(surfaces[k][1])
    frames = []
    for (vertices, faces), field, numbers in zip(surfaces, fields, slots, strict=True):
        daylight = Daylight(field > 0)
        normals = field_normals(field, vertices)
        light = np.clip(matte(*daylight.at(vertices, normals)) / BRIGHTEST, 0, 1)
        weights = slot_weights(numbers, vertices, materials, field)
        frames.append((_shadow(daylight), _typed(vertices, faces, light, weights)))
    return frames


def _surface(field):
    """Return the vertices (V, 3) and faces (F, 3) of a field's surface, as plain arrays.

    Without a surface they are a triangle without area.
    """
    mesh = smooth_mesh(field)
    if not len(mesh.faces):
        return np.zeros((3, 3)), np.array([[0, 1, 2]])
    return np.array(mesh.vertices), np.array(mesh.faces)


def _halved(field):
    """Return the means of 2 x 2 x 2 blocks (an odd side repeats its last layer)."""
    field = np.pad(field, [(0, side % 2) for side in field.shape], mode="edge")
    d, h, w = (side // 2 for side in field.shape)
    return field.reshape(d, 2, h, 2, w, 2).mean((1, 3, 5))


def _typed(vertices, faces, light, weights):
    """Return a mesh as plotly's arrays of small integers.

    `intensity` counts the materials, each in its light from 0 to 1. Each face has one: vertices
    between faces of two materials are there twice.

    Args:
        vertices: Points (V, 3) in the unit cube.
        faces: Their indices (F, 3).
        light: At the vertices, (V,), 0 to 1.
        weights: How much each material counts there, (V, materials).
    """
    count = weights.shape[1]
    material = weights[faces].sum(1).argmax(1)[:, None]  # of each face
    chosen, faces = np.unique(faces * count + material, return_inverse=True)
    vertices, light = vertices[chosen // count], light[chosen // count]
    x, y, z = np.round(vertices.T * UNITS).astype(np.uint16)
    i, j, k = faces.reshape(-1, 3).T.astype(np.uint16 if len(vertices) <= 65_536 else np.uint32)
    # just inside its own part of the scale
    level = (chosen % count + 0.02 + 0.96 * light) / count
    intensity = np.round(255 * level).astype(np.uint8)
    return {"x": x, "y": y, "z": z, "i": i, "j": j, "k": k, "intensity": intensity}


def _shadow(daylight):
    """Return the light on the ground at the places of `_ground`, uint8."""
    step = (AROUND[1] - AROUND[0]) / (TILES - 1)
    corner = np.full(2, AROUND[0])
    missing = daylight.on_ground(corner, (step, 0), (0, step), TILES)
    inward = np.arange(TILES) / (0.25 * TILES)
    fade = np.minimum(1, np.minimum(inward, inward[::-1]))
    return np.round(255 * (1 - missing * fade * fade[:, None])).astype(np.uint8).ravel()


def _ground():
    """Return a square of TILES x TILES points on the floor, around the unit cube."""
    across = np.round(np.linspace(*AROUND, TILES) * UNITS).astype(np.int16)
    y, x = (grid.ravel() for grid in np.meshgrid(across, across, indexing="ij"))
    first = (np.arange(TILES - 1)[:, None] * TILES + np.arange(TILES - 1)).ravel()
    corners = np.stack([first, first + 1, first + TILES, first + TILES + 1]).astype(np.uint16)
    i, j, k = (np.concatenate([corners[a], corners[b]]) for a, b in ((0, 1), (1, 3), (2, 2)))
    return {"x": x, "y": y, "z": np.zeros_like(x), "i": i, "j": j, "k": k}


def _scale(ramps):
    """Return a plotly colour scale of equal parts, one per ramp of colours (count, 3)."""
    stops = [
        [(part + share) / len(ramps), f"rgb{tuple(rgb)}"]
        for part, ramp in enumerate(ramps)
        for share, rgb in zip(np.linspace(0, 1, len(ramp)).tolist(), ramp.tolist(), strict=True)
    ]
    return {"colorscale": stops, "cmin": 0, "cmax": 255, "showscale": False}


def _figure(frames, titles, materials):
    import plotly.graph_objects as go

    shadow, mesh = frames[-1]
    look = {"lighting": UNLIT, "hoverinfo": "skip"}
    ground = go.Mesh3d(**_ground(), intensity=shadow, **_scale([paper_ramp(18)]), **look)
    ramps = [colour_ramp(material, 18) for material in materials]
    surface = go.Mesh3d(**mesh, **_scale(ramps), **look)
    figure = go.Figure([ground, surface], layout=plotly_layout(height=HEIGHT, scene=_scene()))
    drawn = [
        [{"type": "mesh3d", **mesh}, {"type": "mesh3d", "intensity": shadow}]
        for shadow, mesh in frames
    ]
    return film_of_frames(figure, drawn, titles, traces=[1, 0])


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
    axis = {"visible": False, "range": [side * UNITS for side in AROUND], "autorange": False}
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
