"""The score field of lesson 02: the formula beside what a network learned."""

import numpy as np
import plotly.graph_objects as go
import torch
from ipywidgets import FloatSlider
from matplotlib.colors import ListedColormap
from plotly.subplots import make_subplots

from course_utils.diffusion.denoiser import Denoiser
from course_utils.diffusion.mixtures import GaussianMixture
from course_utils.diffusion.paths import Path
from course_utils.plots.film import Film, film_of_frames
from course_utils.plots.planar import DENSITY_MAP, LABELS, LIMIT, square_grid
from course_utils.plots.style import EXACT, INK, MODEL, plotly_layout
from course_utils.widgets.control import Control

ARROWS = 15  # a side
PIXELS = 101  # of the density map, a side
PALE_MAP = ListedColormap(
    1 - 0.6 * (1 - DENSITY_MAP(np.linspace(0, 0.75, 13)))
)  # a few pale shades: arrows stand out
LENGTH = 0.28  # of the longest arrow, in the plane's units
FRAMES = 13


class ScoreField(Control):
    """Two planes: the exact score of a noisy mixture, and the one that a trained denoiser implies.

    Press or drag in a plane: the square is the noisy point, the line ends at its denoised point.
    Arrows show sigma * score: the direction to less noise, in units of the noise.
    """

    figsize = (8.6, 4.7)
    alt = (
        "two planes of arrows, exact and learned, over the density, with one point and its denoised"
        " place"
    )

    def __init__(self, mixture: GaussianMixture, path: Path, learned: Denoiser):
        if (
            not isinstance(mixture, GaussianMixture)
            or not isinstance(path, Path)
            or not isinstance(learned, Denoiser)
        ):
            raise ValueError(
                f"got {mixture!r}, {path!r}, {learned!r}; expected a GaussianMixture, a Path, a"
                " Denoiser"
            )
        self.path = path
        self.denoisers = {"exact": mixture.denoiser(path), "learned": learned.eval()}
        self.mixture = mixture
        self.places, self.pixels = square_grid(ARROWS, 0.93 * LIMIT), square_grid(PIXELS)
        super().__init__()

    def _inputs(self):
        wide = {"min": -LIMIT, "max": LIMIT, "step": 0.01}
        return {
            "t": FloatSlider(value=0.4, min=0.02, max=0.98, step=0.01, description="t"),
            "x": FloatSlider(value=0.3, description="point x", **wide),
            "y": FloatSlider(value=-0.3, description="point y", **wide),
        }

    def _touched(self, x, y, axes):
        self.set(x=float(np.clip(x, -LIMIT, LIMIT)), y=float(np.clip(y, -LIMIT, LIMIT)))

    def _answers(self, t, points):
        """name -> (arrows sigma * score (N, 2) as drawn, the x0 each point is denoised to (N,
        2)).
        """
        answers = {}
        with torch.no_grad():
            for name, denoise in self.denoisers.items():
                x0 = denoise(points, t)
                arrows = -self.path.convert(x0, points, t, "x0", "noise")
                length = arrows.norm(dim=1, keepdim=True)
                answers[name] = (
                    (arrows * LENGTH / (1 + length)).numpy(),
                    x0.numpy(),
                )  # long ones are drawn shorter
        return answers

    def _draw(self, figure):
        moving = []
        self.artists = {}
        colours = {"exact": EXACT, "learned": MODEL}
        for axes, name in zip(figure.subplots(1, 2), self.denoisers, strict=True):
            axes.set(
                xlim=(-LIMIT, LIMIT),
                ylim=(-LIMIT, LIMIT),
                aspect="equal",
                xlabel="x",
                ylabel="y",
                title=name,
            )
            axes.grid(False)
            extent = [-LIMIT, LIMIT, -LIMIT, LIMIT]
            image = axes.imshow(
                np.zeros((2, 2)), extent=extent, origin="lower", cmap=PALE_MAP, vmin=0, vmax=1
            )
            empty = np.zeros(len(self.places))
            look = {
                "angles": "xy",
                "scale_units": "xy",
                "scale": 1,
                "width": 0.004,
                "color": colours[name],
            }
            arrows = axes.quiver(*self.places.numpy().T, empty, empty, **look)
            (way,) = axes.plot(
                [], [], color=INK, linewidth=2, marker="o", markersize=8, markevery=[1]
            )
            (point,) = axes.plot(
                [], [], "s", color=INK, markersize=9, markerfacecolor="white", markeredgewidth=2
            )
            self.artists[name] = image, arrows, way, point
            moving += [image, arrows, way, point]
        figure.subplots_adjust(0.06, 0.18, 0.98, 0.93, wspace=0.15)
        self.words = figure.text(0.5, 0.03, "", ha="center", fontsize=12)
        return [*moving, self.words]

    def _update(self):
        t, point = self["t"], [self["x"], self["y"]]
        density = (
            self.mixture.log_density(self.pixels, self.path, t)
            .exp()
            .numpy()
            .reshape(PIXELS, PIXELS)
        )
        answers = self._answers(t, torch.cat([self.places, torch.tensor([point])]))
        for name, (arrows, x0) in answers.items():
            image, quiver, way, square = self.artists[name]
            image.set_data(density / density.max())
            quiver.set_UVC(*arrows[:-1].T)
            way.set_data([point[0], x0[-1, 0]], [point[1], x0[-1, 1]])
            square.set_data([point[0]], [point[1]])
        gap = float(np.hypot(*(answers["exact"][1][-1] - answers["learned"][1][-1])))
        snr = float(self.path.log_snr(t))
        self.words.set_text(
            f"t = {t:.2f}, log-SNR {snr:.1f}: the two answers for the point are {gap:.2f} apart"
        )

    def _twin(self):
        panels = make_subplots(1, 2, subplot_titles=list(self.denoisers), horizontal_spacing=0.08)
        times = np.linspace(0.05, 0.95, FRAMES)
        frames = [self._frame(float(t)) for t in times]
        heads = {"symbol": "arrow", "size": [0, 7, 0] * len(self.places), "angleref": "previous"}
        way = {"color": INK, "size": 11, "symbol": ["square-open", "circle"]}
        for k, trace in enumerate(frames[-1]):
            look = {"marker": heads | {"color": (EXACT, MODEL)[k // 2]}, "line": {"width": 1.5}}
            if k % 2:
                look = {"marker": way, "line": {"width": 2}}
            look["line"]["color"] = look["marker"]["color"]
            panels.add_trace(
                go.Scatter(trace | look, mode="lines+markers", hoverinfo="skip"), 1, 1 + k // 2
            )
        square = {"range": [-LIMIT, LIMIT], "zeroline": False, "constrain": "domain"}
        panels.update_layout(
            plotly_layout(height=520, showlegend=False, margin={"l": 40, "r": 10, "t": 40, "b": 10})
        )
        panels.update_layout(xaxis=square, xaxis2=square)
        panels.update_layout(
            yaxis=square | {"scaleanchor": "x"}, yaxis2=square | {"scaleanchor": "x2"}
        )
        titles = [f"t = {t:.2f}, log-SNR {float(self.path.log_snr(t)):.1f}" for t in times]
        return Film(film_of_frames(panels, frames, titles, [0, 1, 2, 3], below=LABELS), self.stage)

    def _frame(self, t):
        answers = self._answers(t, torch.cat([self.places, torch.tensor([[self["x"], self["y"]]])]))
        traces = []
        for arrows, x0 in answers.values():
            start, tip = self.places.numpy(), self.places.numpy() + arrows[:-1]
            traces.append(
                _trace(np.stack([start, tip, np.full_like(tip, np.nan)], axis=1).reshape(-1, 2))
            )
            traces.append(_trace(np.array([[self["x"], self["y"]], x0[-1]])))
        return traces


def _trace(points):
    """Return what a frame changes of a trace: the rest of its look stays."""
    x, y = ([None if np.isnan(v) else round(float(v), 2) for v in column] for column in points.T)
    return {"type": "scatter", "x": x, "y": y}
