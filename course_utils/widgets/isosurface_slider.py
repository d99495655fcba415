"""The isosurface of lesson 07: a shape at any resolution and level, as blocks or as a surface."""

from functools import lru_cache

import numpy as np
from ipywidgets import Dropdown, FloatSlider, SelectionSlider

from course_utils.datasets.shapes import CLASSES, make_shape
from course_utils.geometry.voxels import signed_distance
from course_utils.plots.film import shape_film
from course_utils.plots.stills import OCCUPANCY_MAP, render
from course_utils.plots.style import DATA, EXACT
from course_utils.widgets.control import Control

RESOLUTIONS = (8, 16, 24, 32, 48)
SEEDS = {"mug": 71}  # one with a single handle; 3 for all others
SIDE = 240  # pixels of the picture of the shape
DEEPEST = 0.04  # the largest level, in units of the cube's side


@lru_cache(maxsize=8)
def _field(family, resolution):
    return signed_distance(make_shape(family, SEEDS.get(family, 3), resolution).voxels)


class IsosurfaceSlider(Control):
    """A shape, a slice through its distance field, and the surface at the chosen level."""

    figsize = (8.6, 3.9)
    alt = "a shape in 3D, and a slice through its distance field with the line of the chosen level"

    def _inputs(self):
        return {
            "level": FloatSlider(
                value=0,
                min=-DEEPEST,
                max=DEEPEST,
                step=0.001,
                description="level",
                readout_format=".3f",
            ),
            "resolution": SelectionSlider(value=32, options=RESOLUTIONS, description="resolution"),
            "shape": Dropdown(options=list(CLASSES), value="chair", description="shape"),
            "surface": Dropdown(
                options=["marching cubes", "blocks"], value="marching cubes", description="surface"
            ),
        }

    def _draw(self, figure):
        self.view, self.slice = figure.subplots(1, 2, gridspec_kw={"width_ratios": [1, 1.1]})
        figure.subplots_adjust(left=0.01, right=0.92, top=0.9, bottom=0.12, wspace=0.1)
        self.view.set_axis_off()
        self.shape = self.view.imshow(np.full((SIDE, SIDE, 3), 255, np.uint8))
        self.caption = self.view.set_title("", fontsize=12)
        self.values = self.slice.imshow(
            np.zeros((2, 2)),
            cmap=OCCUPANCY_MAP,
            vmin=-0.15,
            vmax=0.15,
            origin="lower",
            extent=(0, 1, 0, 1),
        )
        figure.colorbar(self.values, ax=self.slice, label="distance (cube's side = 1)")
        self.slice.set(
            xlabel="y: from front to back",
            ylabel="z: from the ground",
            title="slice through the middle",
        )
        self.slice.title.set_fontsize(12)
        (self.line,) = self.slice.plot([], [], color=EXACT, linewidth=1.6)
        return [self.shape, self.caption, self.values, self.line]

    def _surface(self):
        """Return what is drawn: blocks above the level, or the field minus the level."""
        field = _field(self["shape"], self["resolution"])
        return (
            field > self["level"]
            if self["surface"] == "blocks"
            else field - np.float32(self["level"])
        )

    def _update(self):
        field, surface = _field(self["shape"], self["resolution"]), self._surface()
        n = len(field)
        if (surface > 0).any():
            self.shape.set_data(render(surface, SIDE, colour=DATA))
        else:
            self.shape.set_data(np.full((SIDE, SIDE, 3), 255, np.uint8))
        self.caption.set_text(
            f"{n}³ = {n**3:,} voxels, {(field > self['level']).mean():.1%} inside"
        )
        middle = field[:, :, n // 2]
        self.values.set_data(middle)
        self.line.set_data(*_contour(middle, self["level"]))

    def _twin(self):
        field = _field(self["shape"], self["resolution"])
        levels = np.linspace(DEEPEST, -DEEPEST, 13)
        levels = [level for level in levels if (field > level).any()]
        titles = [f"level {level:+.3f}, {self['shape']} {self['resolution']}³" for level in levels]
        return shape_film([field - np.float32(level) for level in levels], titles, colour=DATA)


def _contour(slice_, level):
    """Return the lines where a slice (D, H) has the level, as x and y with gaps between them."""
    from skimage.measure import find_contours

    padded = np.pad(slice_, 1, constant_values=-1.0)
    pieces = [(line - 0.5) / len(slice_) for line in find_contours(padded, level)]
    if not pieces:
        return [], []
    joined = np.concatenate([np.concatenate([piece, [[np.nan, np.nan]]]) for piece in pieces])
    return joined[:, 1], joined[:, 0]
