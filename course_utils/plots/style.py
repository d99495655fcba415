"""The one look of every figure in the course: four colours with fixed meanings, three figure sizes.

All lessons use it. The colours differ in lightness (so they survive a black-and-white print) and
were chosen to stay apart for readers with colour-vision deficiencies; `tests/plots/test_plots.py`
measures both.
"""

import io

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

DATA = "#0B5FA5"  # blue: what was given
NOISE = "#B5B5B5"  # grey: what was added
MODEL = "#E07B0A"  # orange: what a network says
EXACT = "#000000"  # black: what the formula says
INK = "#333333"  # text, axes

# Width and height in inches.
WIDE = (9.0, 3.6)  # across the page: curves, strips
SQUARE = (4.8, 4.8)  # one scatter plot or image
TALL = (9.0, 7.0)  # grids

DPI = 110

RC = {
    "figure.figsize": WIDE,
    "figure.dpi": DPI,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "font.family": "sans-serif",
    "font.size": 12,
    "text.color": INK,
    "axes.prop_cycle": matplotlib.cycler(color=[DATA, MODEL, EXACT, NOISE]),
    "axes.titlesize": 13,
    "axes.labelsize": 12,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.8,
    "lines.linewidth": 2.0,
    "lines.markersize": 4.0,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "image.interpolation": "nearest",
    "image.cmap": "gray",
}


def use_style():
    """Make the course's look the default of every later matplotlib figure."""
    matplotlib.rcParams.update(RC)


def styled():
    """Return a context manager: the course's look inside the `with` block only."""
    return matplotlib.rc_context(RC)


def plotly_layout(**layout):
    """Return plotly layout settings (white page, the course's colours and font) and `layout`."""
    base = {
        "template": "none",
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "colorway": [DATA, MODEL, EXACT, NOISE],
        "font": {"family": "DejaVu Sans, Verdana, sans-serif", "size": 14, "color": INK},
        "margin": {"l": 10, "r": 10, "t": 40, "b": 10},
    }
    return base | layout


def figure_caption(figure, text):
    """Write a one-line caption centred below a matplotlib figure, and return the text object."""
    return figure.text(0.5, -0.02, text, ha="center", va="top", fontsize=11, color=INK)


class Picture(Figure):
    """A matplotlib figure that pyplot does not know; it displays itself as the value of a cell."""

    def __init__(self, figsize):
        super().__init__(figsize=figsize, dpi=DPI)
        FigureCanvasAgg(self)

    def _repr_png_(self):
        return self.png(), {"alt": described(self)}

    def png(self):
        """Return the picture as PNG bytes, the same bytes for the same picture."""
        buffer = io.BytesIO()
        self.savefig(
            buffer, format="png", bbox_inches="tight", pad_inches=0.08, metadata={"Software": None}
        )
        return buffer.getvalue()


def described(figure):
    """Return what a figure shows, as text for those who do not see it.

    It names the titles, axes and curves of every panel.
    """
    panels = []
    for axes in figure.axes:
        labels = [axes.get_title(), *(text.get_text() for text in axes.texts)]
        sides = {"across": axes.get_xlabel(), "up": axes.get_ylabel()} if axes.axison else {}
        sides = [f"{side}: {label}" for side, label in sides.items() if label]
        legend = axes.get_legend()
        names = [text.get_text() for text in legend.get_texts()] if legend else []
        panels.append(", ".join(filter(None, [*labels, *sides, *names])))
    text = "; ".join(filter(None, [*panels, *(text.get_text() for text in figure.texts)]))
    return (
        "Picture: " + " ".join(text.translate({ord(mark): None for mark in "$\\{}"}).split())
        if text
        else "Picture"
    )
