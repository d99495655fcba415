"""The workshop of lesson 07: sliders build a shape from solid parts, and a caption describes it."""

import textwrap
from collections.abc import Callable, Sequence

import numpy as np
from ipywidgets import Checkbox, Dropdown, FloatSlider

from course_utils.datasets.shapes.solids import voxelise
from course_utils.geometry.voxels import signed_distance
from course_utils.plots.film import shape_film
from course_utils.plots.stills import render
from course_utils.plots.style import DATA
from course_utils.widgets.control import Control

RESOLUTION = 32
SIDE = 260  # pixels of the picture of the shape
FRAMES = 11
LINE = 46  # letters in a line of the caption


class Workshop(Control):
    """A shape made of solid parts, below a caption that says what its voxels show.

    Args:
        build: Takes all inputs by name; returns a list of parts, as families of shapes do.
        inputs: name -> (low, high, start) for a slider, a list of choices for a menu (the first is
            set), or True or False for a check box.
        describe: Bool (32, 32, 32) -> a caption.
    """

    figsize = (8.6, 3.9)
    alt = "a shape in 3D, its silhouettes from the front and from the side, and a caption"

    def __init__(self, build: Callable, inputs: dict[str, tuple | list | bool], describe: Callable):
        if not callable(build) or not callable(describe):
            raise ValueError(f"build is {build!r} and describe {describe!r}; expected functions")
        if not any(isinstance(wanted, tuple) for wanted in inputs.values()):
            raise ValueError(
                f"inputs is {inputs}; expected at least one slider, name: (low, high, start)"
            )
        self.build, self.wanted, self.describe = build, inputs, describe
        super().__init__()

    def _inputs(self):
        return {name: _input(name, wanted) for name, wanted in self.wanted.items()}

    def voxels(self, **changed) -> np.ndarray:
        """Return the shape, bool (32, 32, 32), as it is now or with other values of some inputs."""
        values = {name: self[name] for name in self.inputs} | changed
        return voxelise(self.build(**values), RESOLUTION)

    def _draw(self, figure):
        self.view, *views = figure.subplots(1, 3, gridspec_kw={"width_ratios": [1.3, 1, 1]})
        figure.subplots_adjust(left=0.01, right=0.99, top=0.8, bottom=0.03, wspace=0.08)
        self.view.set_axis_off()
        self.shape = self.view.imshow(np.full((SIDE, SIDE, 3), 255, np.uint8))
        self.silhouettes = []
        for axes, title in zip(views, ("from the front", "from the side"), strict=True):
            self.silhouettes.append(
                axes.imshow(np.zeros((2, 2)), cmap="Blues", vmin=0, vmax=1.3, origin="lower")
            )
            axes.set(xticks=[], yticks=[])
            axes.set_title(title, fontsize=11)
        self.caption = figure.text(0.5, 0.98, "", ha="center", va="top", fontsize=13)
        return [self.shape, *self.silhouettes, self.caption]

    def _update(self):
        voxels = self.voxels()
        self.shape.set_data(render(voxels, SIDE, colour=DATA))
        for image, axis in zip(self.silhouettes, (1, 2), strict=True):
            image.set_data(voxels.any(axis))
            image.set_extent((0, RESOLUTION, 0, RESOLUTION))
        self.caption.set_text("\n".join(textwrap.wrap(self.describe(voxels), 2 * LINE)))

    def _twin(self):
        """Return the film of the first slider from its lowest to its highest value."""
        name, (low, high, _) = next(
            (n, wanted) for n, wanted in self.wanted.items() if isinstance(wanted, tuple)
        )
        values = np.linspace(low, high, FRAMES)
        shapes = [self.voxels(**{name: float(value)}) for value in values]
        fields = [signed_distance(voxels) for voxels in shapes]
        return shape_film(
            fields, [f"{name.replace('_', ' ')} {value:.2f}" for value in values], colour=DATA
        )


def _input(name: str, wanted: tuple | Sequence | bool):
    label = name.replace("_", " ")
    if isinstance(wanted, bool):
        return Checkbox(value=wanted, description=label)
    if isinstance(wanted, list):
        return Dropdown(options=wanted, value=wanted[0], description=label)
    if not isinstance(wanted, tuple) or len(wanted) != 3 or not wanted[0] <= wanted[2] <= wanted[1]:
        raise ValueError(
            f"inputs: {name} is {wanted!r}; expected (low, high, start), a list of choices, True or"
            " False"
        )
    low, high, start = wanted
    return FloatSlider(value=start, min=low, max=high, step=0.01, description=label)
