"""The interpolation of lesson 04: from one noise to another, on a straight line or the sphere."""

import numpy as np
import torch
from ipywidgets import Dropdown, FloatSlider, IntSlider

from course_utils.diffusion.guidance import guided
from course_utils.diffusion.noise import WAYS, gaussian
from course_utils.diffusion.sampling import dpm_solver, last, sample, time_grid
from course_utils.plots.pictures import image_film, sheet
from course_utils.plots.style import EXACT, MODEL, NOISE
from course_utils.widgets.control import Control

BETWEEN = 5  # pictures of the row, ends included
STEPS = 4
GUIDANCE = 1.5
TILE = 64
LARGE = 160
NOISY = 2.5
FRAMES = 21


class NoiseInterpolation(Control):
    """A noise between two others, and the picture that a deterministic sampler makes of it.

    A row of pictures shows the whole way.

    Args:
        denoiser: Anything that samplers take.
        shape: Of one picture, (1, H, W).
        names: Of its classes, for a menu; None for a denoiser without classes.
    """

    figsize = (8.0, 4.6)
    alt = "a noise between two others, the picture made of it, and the pictures on the way"

    def __init__(self, denoiser, shape, names=None):
        self.denoiser, self.path = denoiser, denoiser.path
        self.shape, self.names = tuple(shape), None if names is None else list(names)
        super().__init__()

    def _inputs(self):
        inputs = {
            "weight": FloatSlider(value=0.5, min=0, max=1, step=0.02, description="weight"),
            "way": Dropdown(options=list(WAYS), value="slerp", description="way"),
            "first": IntSlider(value=1, min=0, max=99, description="first seed"),
            "second": IntSlider(value=2, min=0, max=99, description="second seed"),
        }
        if self.names is not None:
            inputs["class"] = Dropdown(
                options=self.names, value=self.names[-1], description="class"
            )
        return inputs

    def _noise(self, weights):
        """Return the noises on the way at these weights, (len(weights), 1, H, W)."""
        ends = [gaussian(self[name], self.shape) for name in ("first", "second")]
        return torch.stack([WAYS[self["way"]](*ends, float(weight)) for weight in weights])

    def _make(self, noise):
        """Return what a deterministic sampler makes of noises (N, 1, H, W)."""
        labels = (
            None
            if self.names is None
            else torch.full((len(noise),), self.names.index(self["class"]))
        )
        denoise = guided(self.denoiser, labels, GUIDANCE)
        return last(
            sample(denoise, self.path.prior_sample(noise), time_grid(self.path, STEPS), dpm_solver)
        ).x_t

    def _draw(self, figure):
        grid = figure.add_gridspec(
            2,
            3,
            height_ratios=[1.35, 1],
            left=0.02,
            right=0.98,
            top=0.93,
            bottom=0.02,
            wspace=0.25,
            hspace=0.32,
        )
        panels = [figure.add_subplot(grid[0, k]) for k in range(3)]
        row = figure.add_subplot(grid[1, :])
        blank = torch.zeros(1, *self.shape)
        self.seen = panels[0].imshow(sheet(blank, NOISE, NOISY, LARGE))
        self.made = panels[1].imshow(sheet(blank, MODEL, side=LARGE))
        self.between = row.imshow(sheet(torch.zeros(BETWEEN, *self.shape), MODEL, side=TILE))
        for axes, title in (
            (panels[0], "the noise"),
            (panels[1], "what the sampler makes of it"),
            (row, ""),
        ):
            axes.set_axis_off()
            axes.set_title(title, fontsize=12)
        width = self.between.get_array().shape[1]
        self.step = (width - TILE) / (BETWEEN - 1)
        (self.mark,) = row.plot([], [], "^", color=EXACT, markersize=9, clip_on=False)
        row.set_ylim(self.between.get_array().shape[0] + 10, 0)
        chart = panels[2]
        chart.set(xlim=(0, 1), ylim=(0, 1.4), xlabel="weight", title="standard deviation")
        chart.title.set_fontsize(12)
        chart.set_box_aspect(1)
        (self.curve,) = chart.plot([], [], color=NOISE)
        (self.dot,) = chart.plot([], [], "o", color=EXACT, markersize=8)
        return [self.seen, self.made, self.between, self.mark, self.curve, self.dot]

    def _update(self):
        weights = np.linspace(0, 1, BETWEEN)
        noise = self._noise([*weights, self["weight"]])
        made = self._make(noise)
        self.seen.set_data(sheet(noise[-1:], NOISE, NOISY, LARGE))
        self.made.set_data(sheet(made[-1:], MODEL, side=LARGE))
        self.between.set_data(sheet(made[:-1], MODEL, side=TILE))
        self.mark.set_data([TILE / 2 + self["weight"] * (BETWEEN - 1) * self.step], [TILE + 7])
        fine = np.linspace(0, 1, 21)
        self.curve.set_data(fine, self._noise(fine).flatten(1).std(dim=1).numpy())
        self.dot.set_data([self["weight"]], [float(noise[-1].std())])

    def _twin(self):
        weights = np.linspace(0, 1, FRAMES)
        noise = self._noise(weights)
        rows = zip(noise.split(1), self._make(noise).split(1), strict=True)
        pages = [
            np.concatenate([sheet(x, NOISE, NOISY, LARGE), sheet(y, MODEL, side=LARGE)], 1)
            for x, y in rows
        ]
        what = "" if self.names is None else f"{self['class']}, "
        titles = [
            f"weight {weight:.2f}  ({what}{self['way']}, seeds {self['first']} and"
            f" {self['second']})"
            for weight in weights
        ]
        return image_film(pages, titles, self.stage)
