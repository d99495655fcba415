"""The guidance playground of lesson 06: samples of two mixed classes at any guidance scale."""

import numpy as np
import torch
from ipywidgets import Dropdown, FloatSlider, IntSlider

from course_utils.diffusion.noise import gaussian
from course_utils.diffusion.sampling import dpm_solver, last, sample, time_grid
from course_utils.plots.pictures import image_film, sheet
from course_utils.plots.style import MODEL
from course_utils.widgets.control import Control

COUNT = 5  # samples
STEPS = 4
TILE = 64  # pixels a side
HIGHEST = 6.0  # guidance scale
FRAMES = 11


class GuidancePlayground(Control):
    """Samples of a class-conditional denoiser under guidance towards a mixture of two classes.

    The guided guess is D(none) + scale ((1 - mix) D(first) + mix D(second) - D(none)) (arXiv
    2206.01714, eq. 11, with weights that add up to the scale).

    Args:
        denoiser: Takes class labels.
        shape: Of one picture, (1, H, W).
        names: Of the classes, at least two.
    """

    figsize = (7.6, 2.2)
    alt = "five samples made with guidance, and how much they differ"

    def __init__(self, denoiser, shape, names):
        if len(names) < 2:
            raise ValueError(f"names is {names}; expected those of at least two classes")
        self.denoiser, self.path = denoiser, denoiser.path
        self.shape, self.names = tuple(shape), list(names)
        super().__init__()

    def _inputs(self):
        return {
            "class": Dropdown(
                options=self.names, value=self.names[-3 % len(self.names)], description="class"
            ),
            "second": Dropdown(options=self.names, value=self.names[1], description="second"),
            "mix": FloatSlider(value=0.3, min=0, max=1, step=0.05, description="mix"),
            "scale": FloatSlider(value=2.0, min=0, max=HIGHEST, step=0.1, description="scale"),
            "seed": IntSlider(value=0, min=0, max=99, description="seed"),
        }

    def __call__(self, x_t, t):
        """Return the guided guess of x0 (B, ...): the sampler sees this control as its denoiser."""
        first, second = (self.names.index(self[name]) for name in ("class", "second"))
        mix, scale = self["mix"], self["scale"]
        weights = {-1: 1 - scale}  # label -> weight; what weighs nothing need not be asked
        for label, weight in ((first, scale * (1 - mix)), (second, scale * mix)):
            weights[label] = weights.get(label, 0.0) + weight
        weights = {label: weight for label, weight in weights.items() if weight != 0}
        asked = torch.tensor(list(weights)).repeat_interleave(len(x_t))
        answers = self.denoiser(x_t.repeat(len(weights), *[1] * (x_t.ndim - 1)), t, asked)
        parts = zip(weights.values(), answers.split(len(x_t)), strict=True)
        return sum(weight * answer for weight, answer in parts)

    def _make(self):
        """Return samples (COUNT, 1, H, W)."""
        start = self.path.prior_sample(gaussian(self["seed"], (COUNT, *self.shape)))
        return last(sample(self, start, time_grid(self.path, STEPS), dpm_solver)).x_t

    def _draw(self, figure):
        axes = figure.add_axes((0.01, 0.2, 0.98, 0.79))
        axes.set_axis_off()
        blank = np.full(
            sheet(torch.zeros(COUNT, *self.shape), MODEL, side=TILE).shape, 255, np.uint8
        )
        self.shown = axes.imshow(blank)
        self.words = figure.text(0.5, 0.06, "", ha="center", fontsize=12)
        return [self.shown, self.words]

    def _update(self):
        self.made = self._make()
        self.shown.set_data(sheet(self.made, MODEL, side=TILE))
        beyond = float((self.made.abs() > 1).float().mean())
        self.words.set_text(
            f"difference between two samples {difference(self.made):.2f}, pixels beyond ink or"
            f" paper {beyond:.0%}"
        )

    def _twin(self):
        chosen, pages, titles = self["mix"], [], []
        for mix in np.linspace(0, 1, FRAMES):
            self.set(mix=float(mix))
            pages.append(sheet(self.made, MODEL, side=TILE))
            titles.append(
                f"{self._wish()}  (guidance scale {self['scale']:.1f}, seed {self['seed']})"
            )
        self.set(mix=chosen)
        return image_film(pages, titles, self.stage)

    def _wish(self):
        return f"{1 - self['mix']:.0%} {self['class']}, {self['mix']:.0%} {self['second']}"


def difference(made):
    """Return the mean distance between two samples (N, ...), clipped to ink and paper.

    A distance is the root mean square over the values.
    """
    return float(torch.pdist(made.clamp(-1, 1).flatten(1)).mean()) / made[0].numel() ** 0.5
