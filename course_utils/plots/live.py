"""Watch a training: a loss curve and a few shapes in one picture that is replaced as the loop runs.

Lessons 04 and 08 use it around their training loops. In a saved notebook only the last picture
stays; outside a notebook nothing is displayed, and the same calls still build the picture.
"""

import math
import sys

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator

from course_utils.geometry.grids import grid_array, to_numpy
from course_utils.plots.pictures import enlarged, ink_image
from course_utils.plots.stills import check_titles, render
from course_utils.plots.style import INK, MODEL, NOISE, WIDE, Picture, styled

WINDOWS = 30  # the smoothed loss is a mean over this fraction of the steps so far


class LiveTraining:
    """A training's loss, and shapes drawn from the model; shown as often as `show` is called."""

    def __init__(self, total_steps):
        """Begin with an empty curve whose axis is `total_steps` wide."""
        if total_steps < 1:
            raise ValueError(f"total_steps={total_steps}; expected at least 1.")
        self.total_steps = total_steps
        self.steps, self.losses = [], []
        self.seconds = 0.0
        self._handle = None

    def add(self, step, loss, seconds):
        """Remember a loss. This is cheap: nothing is drawn.

        Args:
            step: The training step.
            loss: A positive number.
            seconds: Since the training began.
        """
        loss = float(loss)
        if not (loss > 0 and math.isfinite(loss)):
            raise ValueError(
                f"loss={loss} at step {step}; expected a positive finite number. Lower the learning"
                " rate?"
            )
        self.steps.append(int(step))
        self.losses.append(loss)
        self.seconds = float(seconds)

    def show(self, shapes=(), titles=None):
        """Draw the curve and some shapes in place of the last picture, and return the Picture.

        In a notebook end the call with a semicolon, or use it inside a loop: the picture is
        displayed already.

        Args:
            shapes: At most four are drawn: bool voxels or float fields (D, H, W), or pictures
                (1, H, W) in [-1, 1].
            titles: One per shape.
        """
        picture = self.picture(shapes, titles)
        if "IPython" in sys.modules and sys.modules["IPython"].get_ipython() is not None:
            from IPython.display import display

            if self._handle is None:
                self._handle = display(picture, display_id=True)
            else:
                self._handle.update(picture)
        return picture

    def picture(self, shapes=(), titles=None):
        """Return the Picture that `show` displays. ValueError before the first `add`."""
        if not self.steps:
            raise ValueError("nothing to show yet: call add(step, loss, seconds) first.")
        shapes = [_tile(shape) for shape in list(shapes)[:4]]
        titles = check_titles(titles, len(shapes))
        with styled():
            picture = Picture(WIDE)
            curve, *tiles = picture.subplot_mosaic(
                [["curve", "curve", 0, 1], ["curve", "curve", 2, 3]], width_ratios=[1, 1, 0.9, 0.9]
            ).values()
            self._draw_curve(curve)
            for axes in tiles:
                axes.set_axis_off()
            for axes, shape, title in zip(tiles, shapes, titles, strict=False):
                axes.imshow(shape, interpolation="antialiased")
                axes.set_title(title, fontsize=10, pad=2)
            picture.subplots_adjust(
                0.08, 0.15, 1, 0.9, wspace=0.08, hspace=0.2 if any(titles) else 0.05
            )
        return picture

    def _draw_curve(self, axes):
        smoothed = moving_mean(self.losses, 1 + len(self.losses) // WINDOWS)
        axes.semilogy(self.steps, self.losses, color=NOISE, linewidth=1, label="each step")
        axes.semilogy(self.steps, smoothed, color=MODEL, linewidth=2.5, label="smoothed")
        axes.set_xlim(0, self.total_steps)
        axes.set_ylim(*_limits(self.losses))
        axes.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
        for which in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
            which(FuncFormatter(lambda loss, _: f"{loss:g}"))
        axes.set_xlabel("training step")
        axes.set_ylabel("loss")
        axes.legend(loc="upper right", fontsize=10)
        left = self.seconds / max(self.steps[-1], 1) * (self.total_steps - self.steps[-1])
        clock = f"{self.seconds:.0f} s" + (f", about {left:.0f} s to go" if left >= 1 else "")
        axes.set_title(
            f"step {self.steps[-1]} of {self.total_steps}, loss {smoothed[-1]:.3g}, {clock}",
            fontsize=11,
            color=INK,
        )


def _tile(sample):
    """Return one sample, a picture (1, H, W) or a shape, as an image (H, W, 3)."""
    sample = to_numpy(sample)
    if sample.ndim == 3 and len(sample) == 1:
        return enlarged(ink_image(sample, MODEL), 200)[0]
    return render(grid_array("shapes", sample), size=200)


def moving_mean(values, reach):
    """Return the mean over the `reach` values before and after each one; fewer at the ends."""
    window = np.ones(2 * reach + 1)
    total = np.convolve(values, window)[reach:-reach]
    return total / np.convolve(np.ones(len(values)), window)[reach:-reach]


def _limits(losses):
    """Return limits of the loss axis: all but the largest one per cent, and room for the legend."""
    low, high = np.quantile(losses, [0.0, 0.99])
    return low / 1.3, high * 2.2
