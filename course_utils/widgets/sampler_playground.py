"""The sampler playground of lesson 03: how particles travel to the data with each sampler."""

from functools import partial

import numpy as np
import torch
from ipywidgets import Dropdown, FloatSlider, IntSlider
from matplotlib.collections import LineCollection

from course_utils.diffusion.noise import gaussian
from course_utils.diffusion.sampling import SAMPLERS, churned_euler, sample, time_grid
from course_utils.evaluation.sets import sliced_wasserstein
from course_utils.plots.planar import LIMIT, cloud_film
from course_utils.plots.style import DATA, EXACT, MODEL, NOISE
from course_utils.widgets.control import Control

PARTICLES = 160
DRAWN = 60  # trajectories; more hide one another
MOST_STEPS = 30
NAMES = [name for name in SAMPLERS if name != "euler"]  # Euler is DDIM


class SamplerPlayground(Control):
    """Trajectories of particles under a sampler, one of them highlighted, and samples beside data.

    Press near the start of a trajectory (grey) to highlight it.

    Args:
        denoiser: Called as denoiser(x_t, t) -> x0; has a `path`.
        data: Real points (N, 2), N >= 160.
    """

    figsize = (8.6, 4.7)
    alt = "trajectories of particles from noise to data, and the samples beside the data"

    def __init__(self, denoiser, data):
        if not hasattr(denoiser, "path"):
            raise ValueError(
                f"denoiser is {denoiser!r}; expected a Denoiser, or a function with a path"
            )
        self.denoiser, self.path, self.data = denoiser, denoiser.path, torch.as_tensor(data)
        if self.data.ndim != 2 or self.data.shape[1] != 2 or not self.data.isfinite().all():
            raise ValueError(
                f"data has shape {tuple(self.data.shape)}; expected points (N, 2), all of them"
                " finite"
            )
        if len(data) < PARTICLES:
            raise ValueError(f"data has {len(data)} points; give at least {PARTICLES}")
        super().__init__()

    def _inputs(self):
        return {
            "sampler": Dropdown(options=NAMES, value="ddim", description="sampler"),
            "steps": IntSlider(value=12, min=1, max=MOST_STEPS, description="steps"),
            "churn": FloatSlider(value=0.4, min=0, max=1, step=0.05, description="churn"),
            "seed": IntSlider(value=0, min=0, max=99, description="seed"),
            "particle": IntSlider(value=0, min=0, max=DRAWN - 1, description="particle"),
        }

    def _touched(self, x, y, axes):
        if axes is self.stage.figure.axes[0]:
            away = np.hypot(*(self.travelled[0, :DRAWN] - np.array([x, y])).T)
            self.set(particle=int(away.argmin()))

    def _travel(self):
        """Return the positions of all particles, float32 (steps + 1, PARTICLES, 2)."""
        step = SAMPLERS[self["sampler"]]
        if step is churned_euler:
            step = partial(churned_euler, churn=self["churn"])
        start = self.path.prior_sample(gaussian(self["seed"], (PARTICLES, 2)))
        states = sample(
            self.denoiser, start, time_grid(self.path, self["steps"]), step, seed=self["seed"]
        )
        return torch.stack([start, *(state.x_t for state in states)])

    def _draw(self, figure):
        left, right = figure.subplots(1, 2)
        for axes, title in ((left, "trajectories, noise to data"), (right, "samples over data")):
            axes.set(
                xlim=(-LIMIT, LIMIT),
                ylim=(-LIMIT, LIMIT),
                aspect="equal",
                xlabel="x",
                ylabel="y",
                title=title,
            )
            axes.grid(False)
        right.scatter(*self.data[:2000].numpy().T, s=3, color=DATA, linewidths=0, alpha=0.35)
        self.lines = left.add_collection(
            LineCollection([], colors=MODEL, linewidths=0.5, alpha=0.55)
        )
        (self.starts,) = left.plot([], [], "o", color=NOISE, markersize=2.5)
        (self.followed,) = left.plot([], [], "o-", color=EXACT, markersize=3, linewidth=1.2)
        (self.samples,) = right.plot([], [], "o", color=MODEL, markersize=3.5, markeredgewidth=0)
        (self.last,) = right.plot([], [], "o", color=EXACT, markersize=7)
        figure.subplots_adjust(0.06, 0.18, 0.98, 0.93, wspace=0.15)
        self.words = figure.text(0.5, 0.03, "", ha="center", fontsize=12)
        self.floor = sliced_wasserstein(self.data[:PARTICLES], self.data[-PARTICLES:], 32)
        return [self.lines, self.starts, self.followed, self.samples, self.last, self.words]

    def _update(self):
        self.travelled = self._travel().numpy()
        self.lines.set_segments(list(self.travelled[:, :DRAWN].transpose(1, 0, 2)))
        self.starts.set_data(*self.travelled[0, :DRAWN].T)
        self.followed.set_data(*self.travelled[:, self["particle"]].T)
        self.samples.set_data(*self.travelled[-1].T)
        self.last.set_data(*self.travelled[-1, self["particle"], :, None])
        away = sliced_wasserstein(torch.from_numpy(self.travelled[-1]), self.data[:PARTICLES], 32)
        self.words.set_text(
            f"{self['sampler']}, {self['steps']} steps: distance to the data {away:.2f} "
            f"(two fresh sets of data: {self.floor:.2f})"
        )

    def _twin(self):
        times = time_grid(self.path, self["steps"]).tolist()
        titles = [
            f"{self['sampler']}: step {k} of {self['steps']}, t = {t:.2f}"
            for k, t in enumerate(times)
        ]
        return cloud_film(self.travelled, titles, MODEL, LIMIT, behind=self.data)
