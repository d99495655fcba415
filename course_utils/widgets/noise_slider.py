"""The noise slider of lesson 01: a cloud under more and more noise, its histogram, its log-SNR."""

import numpy as np
import plotly.graph_objects as go
import torch
from ipywidgets import Checkbox, Dropdown, FloatSlider
from matplotlib.colors import to_hex, to_rgb
from plotly.subplots import make_subplots

from course_utils.datasets.points import POINTS
from course_utils.diffusion.noise import gaussian
from course_utils.diffusion.paths import PATHS
from course_utils.plots.film import Film, film_of_frames
from course_utils.plots.planar import DOTS, LABELS
from course_utils.plots.style import DATA, EXACT, MODEL, NOISE, plotly_layout
from course_utils.widgets.control import Control

COUNT = 1500
LIMIT = 4.0
BINS = np.linspace(-LIMIT, LIMIT, 41)
MIDDLES = (BINS[1:] + BINS[:-1]) / 2
TIMES = torch.linspace(0, 1, 201, dtype=torch.float64)
LOG_SNR_LIMIT = 12.0
FRAMES = 21


class NoiseSlider(Control):
    """Points x_t = alpha x0 + sigma noise, the histogram of their x, and t on the path's log-SNR.

    With "unit size" x_t is divided by sqrt(alpha^2 + sigma^2): then only the log-SNR counts, and
    all paths look alike.

    clouds: name -> function (count, seed) -> (count, 2).
    """

    figsize = (9.0, 3.4)
    alt = (
        "a cloud of points, the histogram of its x coordinate, and the log signal-to-noise ratio"
        " over time"
    )

    def __init__(self, clouds=POINTS):
        if not isinstance(clouds, dict) or not clouds:
            raise ValueError(
                f"clouds is {clouds!r}; expected name -> function (count, seed) -> points, one or"
                " more"
            )
        self.clouds = {name: make(COUNT, 0) for name, make in clouds.items()}
        self.noise = gaussian(0, (COUNT, 2))
        self.paths = {name: path() for name, path in PATHS.items()}
        super().__init__()

    def _inputs(self):
        return {
            "t": FloatSlider(value=0.1, min=0, max=1, step=0.01, description="t"),
            "points": Dropdown(
                options=list(self.clouds), value=list(self.clouds)[-1], description="points"
            ),
            "schedule": Dropdown(options=list(self.paths), value="flow", description="schedule"),
            "unit size": Checkbox(value=False, description="unit size", indent=False),
        }

    def _state(self, t):
        """Return the points and numbers of a frame.

        They are points (N, 2), the width of the Gaussian they tend to, the log-SNR, and the noise's
        share of the variance.
        """
        path = self.paths[self["schedule"]]
        alpha, sigma = float(path.alpha(t)), float(path.sigma(t))
        size = (alpha**2 + sigma**2) ** 0.5
        points = path.noised(self.clouds[self["points"]], self.noise, t).numpy()
        if self["unit size"]:
            points, width = points / size, 1.0
        else:
            width = size
        return points, width, float(path.log_snr(t)), sigma**2 / size**2

    def _draw(self, figure):
        cloud, histogram, snr = figure.subplots(1, 3, width_ratios=[1, 1, 1])
        cloud.set(
            xlim=(-LIMIT, LIMIT), ylim=(-LIMIT, LIMIT), xlabel="x", ylabel="y", title="points"
        )
        histogram.set(
            xlim=(-LIMIT, LIMIT),
            ylim=(0, 0.9),
            xlabel="x",
            ylabel="density",
            title="histogram of x",
        )
        snr.set(
            xlim=(0, 1),
            ylim=(-LOG_SNR_LIMIT, LOG_SNR_LIMIT),
            xlabel="t",
            ylabel="log-SNR",
            title="log-SNR",
        )
        for axes in (cloud, histogram, snr):
            axes.set_box_aspect(1)
        figure.subplots_adjust(0.06, 0.12, 0.98, 0.92, wspace=0.32)
        (self.dots,) = cloud.plot([], [], "o", markersize=1.6, markeredgewidth=0)
        self.bars = histogram.stairs(np.zeros(len(MIDDLES)), BINS, fill=True)
        (self.bell,) = histogram.plot([], [], color=EXACT, linestyle=(0, (4, 2)), linewidth=1.5)
        (self.curve,) = snr.plot([], [], color=DATA)
        (self.mark,) = snr.plot([], [], "o", color=MODEL, markersize=9)
        self.words = snr.text(
            0.97, 0.95, "", transform=snr.transAxes, ha="right", va="top", fontsize=11
        )
        return [self.dots, self.bars, self.bell, self.curve, self.mark, self.words]

    def _update(self):
        points, width, log_snr, share = self._state(self["t"])
        colour = _between(DATA, NOISE, share)
        self.dots.set_data(*points.T)
        self.dots.set_color(colour)
        self.bars.set_data(_density(points))
        self.bars.set_facecolor(colour)
        self.bell.set_data(MIDDLES, _bell(width))
        self.curve.set_data(TIMES.numpy(), self.paths[self["schedule"]].log_snr(TIMES).numpy())
        self.mark.set_data([self["t"]], [np.clip(log_snr, -LOG_SNR_LIMIT, LOG_SNR_LIMIT)])
        self.words.set_text(f"log-SNR {log_snr:.1f}\nnoise: {share:.0%} of\nthe variance")

    def _twin(self):
        times = np.linspace(0, 1, FRAMES)
        panels = make_subplots(
            1, 3, subplot_titles=["points", "histogram of x", "log-SNR"], horizontal_spacing=0.09
        )
        snr = (
            self.paths[self["schedule"]].log_snr(TIMES).numpy().clip(-LOG_SNR_LIMIT, LOG_SNR_LIMIT)
        )
        panels.add_trace(
            go.Scatter(x=TIMES.numpy()[::5].round(3).tolist(), y=snr[::5].round(2).tolist()), 1, 3
        )
        frames = [self._frame(float(t)) for t in times]
        start = frames[0]
        panels.add_traces(
            [go.Scatter(start[0]), go.Bar(start[1]), go.Scatter(start[2])], [1] * 3, [1, 2, 3]
        )
        panels.add_trace(go.Scatter(x=[], y=[], name="limit"), 1, 2)
        panels.update_traces(hoverinfo="skip", showlegend=False)
        panels.update_layout(
            plotly_layout(height=430, bargap=0, margin={"l": 50, "r": 10, "t": 40, "b": 10})
        )
        panels.update_layout(
            xaxis={"range": [-LIMIT, LIMIT], "title": _title("x")},
            yaxis={
                "range": [-LIMIT, LIMIT],
                "title": _title("y"),
                "scaleanchor": "x",
                "constrain": "domain",
            },
            xaxis2={"range": [-LIMIT, LIMIT], "title": _title("x")},
            yaxis2={"range": [0, 0.9]},
            xaxis3={"range": [0, 1], "title": _title("t")},
            yaxis3={"range": [-LOG_SNR_LIMIT, LOG_SNR_LIMIT]},
        )
        titles = [f"t = {t:.2f}  ({self['points']}, {self['schedule']} schedule)" for t in times]
        return Film(film_of_frames(panels, frames, titles, [1, 2, 3, 4], below=LABELS), self.stage)

    def _frame(self, t):
        points, width, log_snr, share = self._state(t)
        colour = _between(DATA, NOISE, share)
        shown = points[:DOTS].round(2)
        return [
            _trace(
                "scatter",
                shown[:, 0],
                shown[:, 1],
                mode="markers",
                marker={"size": 3, "color": colour},
            ),
            _trace("bar", MIDDLES, _density(points).round(3), marker={"color": colour}),
            _trace(
                "scatter",
                [t],
                [np.clip(log_snr, -12, 12)],
                mode="markers",
                marker={"size": 12, "color": MODEL},
            ),
            _trace(
                "scatter",
                MIDDLES,
                _bell(width).round(4),
                mode="lines",
                line={"color": EXACT, "dash": "dash"},
            ),
        ]


def _title(text):
    return {"text": text, "standoff": 4}


def _trace(kind, x, y, **look):
    return {
        "type": kind,
        "x": np.round(np.asarray(x), 3).tolist(),
        "y": np.asarray(y).tolist(),
        **look,
    }


def _density(points):
    return np.histogram(points[:, 0], BINS)[0] / len(points) / (BINS[1] - BINS[0])


def _bell(width):
    return np.exp(-((MIDDLES / width) ** 2) / 2) / width / (2 * np.pi) ** 0.5


def _between(first, second, share):
    return to_hex((1 - share) * np.array(to_rgb(first)) + share * np.array(to_rgb(second)))
