"""Pictures of the plane: clouds of points, maps, arrows, paths of particles, and curves.

Lessons 01 to 06 draw with it. Every `show_...` returns a `Picture`, a row of panels with one title
each; `cloud_film` is a film of clouds that plays in a saved notebook. Planes are square and go from
-limit to limit; units are the data's own (about one standard deviation).
"""

from dataclasses import dataclass, field

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from course_utils.geometry.grids import to_numpy
from course_utils.plots.film import Film, film_of_frames
from course_utils.plots.stills import check_titles
from course_utils.plots.style import (
    DATA,
    EXACT,
    INK,
    MODEL,
    NOISE,
    Picture,
    plotly_layout,
    styled,
)

LIMIT = 3.0
DENSITY_MAP = LinearSegmentedColormap.from_list("density", ["#FFFFFF", "#C9D9EA", DATA, "#06294A"])
ERROR_MAP = LinearSegmentedColormap.from_list("error", ["#FFFFFF", "#F6D3A8", MODEL, "#5E2F00"])
DASHES = {EXACT: (0, (4, 2)), NOISE: (0, (1, 1.5))}  # so that curves differ without colour too
LABELS = 44  # pixels below a plane for the labels of its axis
DOTS = 600  # points drawn in a film; more make the notebook heavy


def square_grid(points=41, limit=LIMIT):
    """Return the points of a square grid, rows from below, for maps and arrows.

    Args:
        points: Points per side.
        limit: The grid goes from -limit to limit.

    Returns:
        float32 (points * points, 2).
    """
    import torch

    line = torch.linspace(-limit, limit, points)
    y, x = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([x.reshape(-1), y.reshape(-1)], dim=1)


@dataclass
class Chart:
    """One panel of curves: add them with `line` or `dots`, then hand it to `show_charts`."""

    title: str
    x_label: str
    y_label: str
    x_scale: str = "linear"
    y_scale: str = "linear"
    x_limits: tuple | None = None
    y_limits: tuple | None = None
    x_ticks: tuple = ()  # where to write numbers, on a logarithmic axis with few of them
    y_ticks: tuple = ()
    curves: list = field(default_factory=list)

    def line(self, x, y, label=None, colour=DATA, style=None, marker=None):
        """Add a line and return the chart.

        Args:
            x: (N,).
            y: (N,).
            label: For the legend.
            colour: Of the line.
            style: matplotlib's; by default black lines are dashed and grey ones dotted.
            marker: matplotlib's.
        """
        look = {
            "label": label,
            "color": colour,
            "linestyle": style or DASHES.get(colour, "-"),
            "marker": marker,
        }
        self.curves.append((to_numpy(x), to_numpy(y), look))
        return self

    def dots(self, x, y, label=None, colour=DATA, error=None, marker="o"):
        """Add dots and return the chart.

        Args:
            x: (N,).
            y: (N,).
            label: For the legend.
            colour: Of the dots.
            error: Half the length of the error bars, (N,).
            marker: matplotlib's.
        """
        look = {
            "label": label,
            "color": colour,
            "marker": marker,
            "linestyle": "none",
            "markersize": 5,
        }
        if error is not None:
            look["yerr"] = to_numpy(error)
        self.curves.append((to_numpy(x), to_numpy(y), look))
        return self


def show_charts(charts, height=3.4):
    """Return a row of charts (or one), each with a legend where its curves have labels."""
    charts = [charts] if isinstance(charts, Chart) else list(charts)
    with styled():
        picture = Picture((9.0 if len(charts) > 1 else 5.6, height))
        for axes, chart in zip(
            picture.subplots(1, len(charts), squeeze=False)[0], charts, strict=True
        ):
            for x, y, look in chart.curves:
                axes.errorbar(x, y, **look) if "yerr" in look else axes.plot(x, y, **look)
            axes.set(title=chart.title, xlabel=chart.x_label, ylabel=chart.y_label)
            axes.set(xscale=chart.x_scale, yscale=chart.y_scale)
            if chart.x_limits:
                axes.set_xlim(*chart.x_limits)
            if chart.y_limits:
                axes.set_ylim(*chart.y_limits)
            for axis, ticks in ((axes.xaxis, chart.x_ticks), (axes.yaxis, chart.y_ticks)):
                if len(ticks):
                    axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
                    axis.set_ticks([], minor=True)
            if any(look.get("label") for _, _, look in chart.curves):
                axes.legend(fontsize=10, handlelength=2.2)
        picture.tight_layout(w_pad=2.0)
    return picture


def show_clouds(
    clouds,
    titles=None,
    colours=DATA,
    columns=None,
    limit=LIMIT,
    behind=None,
    marks=None,
    arrows=None,
):
    """Return panels of points.

    Args:
        clouds: Points (N, 2), one array per panel.
        titles: One per panel.
        colours: One for all, or one per panel.
        columns: Panels in a row.
        limit: Planes go from -limit to limit.
        behind: A cloud (M, 2) drawn in grey below each.
        marks: Named places, {name: (x, y)}, the same in all panels or one dict per panel.
        arrows: For each panel (places (M, 2), arrows (M, 2)), drawn in their true length.
    """
    clouds = [to_numpy(cloud) for cloud in clouds]
    colours = [colours] * len(clouds) if isinstance(colours, str) else list(colours)
    with styled():
        picture, panels = _planes(len(clouds), titles, columns, limit)
        for axes, cloud, colour in zip(panels, clouds, colours, strict=True):
            if behind is not None:
                axes.scatter(*to_numpy(behind).T, s=2, color=NOISE, linewidths=0)
            axes.scatter(*cloud.T, s=_dot(len(cloud)), color=colour, linewidths=0, alpha=0.75)
        for k, axes in enumerate(panels if marks else []):
            _mark(axes, marks if isinstance(marks, dict) else marks[k])
        for axes, (places, way) in zip(panels, arrows or [], strict=False):
            draw_arrows(axes, places, way, length=1)
    return picture


def show_maps(
    maps,
    titles=None,
    columns=None,
    limit=LIMIT,
    label="",
    colours=DENSITY_MAP,
    top=None,
    points=None,
    arrows=None,
):
    """Return panels of heat maps with one colour bar.

    Args:
        maps: Values on `square_grid(n)`, (n * n,) or (n, n), one array per panel.
        titles: One per panel.
        columns: Panels in a row.
        limit: Planes go from -limit to limit.
        label: Of the colour bar.
        colours: A matplotlib colour map.
        top: Value of the last colour; the default is the largest.
        points: A cloud (N, 2) drawn above, or one per panel.
        arrows: For each panel (places (M, 2), arrows (M, 2)), with a length scale of its own.
    """
    images = [_square(values) for values in maps]
    top = top or max(float(image.max()) for image in images)
    with styled():
        picture, panels = _planes(len(images), titles, columns, limit)
        for k, (axes, image) in enumerate(zip(panels, images, strict=True)):
            drawn = axes.imshow(
                image,
                extent=[-limit, limit] * 2,
                origin="lower",
                cmap=colours,
                vmin=0,
                vmax=top,
                interpolation="bilinear",
            )
            if points is not None:
                cloud = to_numpy(points[k] if isinstance(points, list) else points)
                axes.scatter(*cloud.T, s=_dot(2 * len(cloud)), color=EXACT, linewidths=0)
            if arrows is not None:
                draw_arrows(axes, *arrows[k], colour=INK)
        picture.colorbar(drawn, ax=list(panels), label=label, shrink=0.8, pad=0.02)
    return picture


def draw_arrows(axes, places, arrows, colour=EXACT, length=None):
    """Draw arrows in a matplotlib axes.

    Args:
        axes: Where to draw.
        places: (M, 2).
        arrows: (M, 2).
        colour: Of the arrows.
        length: The arrow that is drawn one unit long.
    """
    places, arrows = to_numpy(places), to_numpy(arrows)
    length = length or 2.2 * float(np.quantile(np.hypot(*arrows.T), 0.95) + 1e-12)
    return axes.quiver(
        *places.T, *arrows.T, color=colour, angles="xy", scale_units="xy", scale=length, width=0.006
    )


def show_paths(paths, titles=None, columns=None, limit=LIMIT, behind=None, colours=MODEL):
    """Return panels of trajectories: starts are grey, ends coloured.

    Args:
        paths: (T, N, 2), N particles at T times, one array per panel.
        titles: One per panel.
        columns: Panels in a row.
        limit: Planes go from -limit to limit.
        behind: A cloud (M, 2) in grey below.
        colours: One for all, or one per panel.
    """
    colours = [colours] * len(paths) if isinstance(colours, str) else list(colours)
    with styled():
        picture, panels = _planes(len(paths), titles, columns, limit)
        for axes, path, colour in zip(panels, map(to_numpy, paths), colours, strict=True):
            if behind is not None:
                axes.scatter(*to_numpy(behind).T, s=2, color=NOISE, linewidths=0)
            axes.plot(path[:, :, 0], path[:, :, 1], color=colour, linewidth=0.5, alpha=0.5)
            axes.scatter(*path[0].T, s=6, color=NOISE, linewidths=0, zorder=3)
            axes.scatter(*path[-1].T, s=8, color=colour, linewidths=0, zorder=4)
    return picture


def cloud_film(clouds, titles=None, colour=DATA, limit=LIMIT, behind=None):
    """Return a film of one cloud moving.

    Args:
        clouds: Points (N, 2), one array per frame; the first DOTS points are drawn.
        titles: One per frame.
        colour: Of the points.
        limit: The plane goes from -limit to limit.
        behind: A cloud (M, 2) in grey below.
    """
    import plotly.graph_objects as go

    clouds = [np.round(to_numpy(cloud)[:DOTS].astype(np.float64), 2) for cloud in clouds]
    titles = check_titles(titles, len(clouds))
    axis = {
        "range": [-limit, limit],
        "zeroline": False,
        "gridcolor": "#E6E6E6",
        "constrain": "domain",
    }
    layout = plotly_layout(
        height=540,
        width=480,
        showlegend=False,
        xaxis=axis,
        yaxis=axis | {"scaleanchor": "x"},
        margin={"l": 40, "t": 10},
    )
    marker = {"size": 4, "color": colour, "opacity": 0.75}
    traces = [] if behind is None else [_dots_trace(behind, {"size": 2, "color": NOISE})]
    figure = go.Figure([*traces, _dots_trace(clouds[-1], marker)], layout=layout)
    frames = [
        [{"type": "scatter", "x": cloud[:, 0].tolist(), "y": cloud[:, 1].tolist()}]
        for cloud in clouds
    ]
    chosen = np.unique(np.linspace(0, len(clouds) - 1, 5).round().astype(int))
    names = [titles[k].replace(", ", "\n") for k in chosen]
    still = show_clouds([clouds[k] for k in chosen], names, colour, 5, limit, behind)
    return Film(film_of_frames(figure, frames, titles, [len(traces)], below=LABELS), still)


def _dots_trace(cloud, marker):
    cloud = np.round(to_numpy(cloud)[:DOTS].astype(np.float64), 2)
    where = {"x": cloud[:, 0].tolist(), "y": cloud[:, 1].tolist()}
    return {"type": "scatter", "mode": "markers", "hoverinfo": "skip", "marker": marker, **where}


def _planes(count, titles, columns, limit):
    """Return a picture with square panels from -limit to limit, and their axes as a flat list."""
    titles = check_titles(titles, count)
    columns = columns or min(count, 5)
    rows = -(-count // columns)
    side = min(3.4, 9.6 / columns)
    picture = Picture((side * columns, (side + 0.25) * rows))
    picture.set_layout_engine("constrained")
    panels = list(picture.subplots(rows, columns, squeeze=False).flat)
    for axes in panels[count:]:
        axes.set_axis_off()
    for axes, title in zip(panels, titles, strict=False):
        axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
        axes.set_title(title, fontsize=11)
        axes.tick_params(labelsize=9, length=2)
        axes.grid(False)
        if axes.get_subplotspec().is_first_col():
            axes.set_ylabel("y", fontsize=10, rotation=0, labelpad=2)
        if axes.get_subplotspec().is_last_row():
            axes.set_xlabel("x", fontsize=10, labelpad=0)
    return picture, panels[:count]


def _mark(axes, marks):
    """Draw black dots at named places, {name: (x, y)}, with their names beside them."""
    for name, place in marks.items():
        place = tuple(to_numpy(place).reshape(2))
        axes.plot(*place, "o", color=EXACT, markersize=7, markeredgecolor="white", zorder=6)
        box = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1}
        axes.annotate(
            name, place, (7, 6), textcoords="offset points", fontsize=10, bbox=box, zorder=7
        )


def _dot(count):
    """Return a marker's area in points squared: crowds are drawn finer."""
    return float(np.clip(4000 / max(count, 1), 1.5, 10))


def _square(values):
    values = to_numpy(values).astype(np.float64)
    side = round(values.size**0.5)
    if side * side != values.size:
        raise ValueError(
            f"a map has shape {values.shape}; expected the values on square_grid(n), n * n numbers"
        )
    return values.reshape(side, side)
