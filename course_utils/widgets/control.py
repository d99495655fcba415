"""What all live controls share: a picture that is redrawn in milliseconds and can be touched.

A `Control` is a box of ipywidgets above a `Canvas`. In a saved notebook, where no kernel answers,
its twin stands in its place: a plotly film with a slider that plays in the browser. Only the
artists that move are drawn anew (`Stage`).
"""

import io
from threading import RLock

import anywidget
import numpy as np
import traitlets
from ipywidgets import HBox, Layout, VBox, Widget
from PIL import Image

from course_utils.places import BUNDLES
from course_utils.plots.style import Picture, styled

# JupyterLab soon has a second thread of the kernel answer widgets, while the first may still answer
# one: what a control is asked for waits until all are done with what came before.
TURN = RLock()

_open: dict[type, "Control"] = {}  # the one control of each kind that is on screen


class Canvas(anywidget.AnyWidget):
    """A PNG, and where it was last touched: fractions of width and height from the upper left."""

    _esm = BUNDLES / "control.bundle.js"  # of docs/web/widgets/control.js
    png = traitlets.Bytes().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    pointer = traitlets.List(traitlets.Float(), default_value=[]).tag(sync=True)


class Stage:
    """A figure of which only the `moving` artists change; the rest is kept as pixels."""

    def __init__(self, figure: Picture, moving: list):
        self.figure, self.moving = figure, moving
        for artist in moving:
            artist.set_animated(True)
        figure.canvas.draw()
        self.background = figure.canvas.copy_from_bbox(figure.bbox)

    def png(self) -> bytes:
        """The picture as it is now."""
        canvas = self.figure.canvas
        canvas.restore_region(self.background)
        for artist in self.moving:
            self.figure.draw_artist(artist)
        buffer = io.BytesIO()
        Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB").save(
            buffer, "png", compress_level=1
        )
        return buffer.getvalue()


class Control:
    """A live control. A subclass gives `_inputs` (name -> ipywidget), `_draw` (figure -> the moving
    artists), `_update` (move the artists), `_twin` (the film for a saved notebook), and may take
    `_touched(x, y, axes)`.

    Making a control again (running its cell again) closes the one before and keeps what was
    moved there. An input that now begins with another value, because its argument is another,
    begins with that.
    """

    figsize = (9.0, 3.6)
    alt = "a live picture"

    def __init__(self):
        self.inputs: dict[str, Widget] = self._inputs()
        self.given = {name: widget.value for name, widget in self.inputs.items()}
        before = _open.pop(type(self), None)
        if before is not None:
            self._remember(before)
            before.close()
        with styled():
            figure = Picture(self.figsize)
            self.stage = Stage(figure, self._draw(figure))
        self.canvas = Canvas(alt=self.alt)
        self._redraw()
        for widget in self.inputs.values():
            widget.observe(self._redraw, "value")
        self.canvas.observe(self._pressed, "pointer")
        row = HBox(list(self.inputs.values()), layout=Layout(flex_flow="row wrap"))
        self.box = VBox([row, self.canvas])
        _open[type(self)] = (
            self  # whole: one that failed above must not stand in the way of the next
        )

    def __getitem__(self, name: str):
        """The value of an input."""
        return self.inputs[name].value

    def set(self, **values) -> None:
        """Move inputs from code, redrawing once.

        KeyError if there is no such input, TraitError if there is no such value.
        """
        for name, value in values.items():
            widget = self.inputs[name]
            widget.unobserve(self._redraw, "value")
            try:
                widget.value = value
            finally:
                widget.observe(self._redraw, "value")
        self._redraw()

    def close(self) -> None:
        """Take the widgets off the page and out of the kernel."""
        if _open.get(type(self)) is self:
            del _open[type(self)]
        for widget in [*self.inputs.values(), self.canvas, *self.box.children, self.box]:
            widget.unobserve_all()
            for part in (getattr(widget, "style", None), widget.layout, widget):
                if isinstance(part, Widget):
                    part.close()

    def _remember(self, before: "Control") -> None:
        for name, given in self.given.items():
            if name not in before.given or before.given[name] != given:
                continue
            try:
                self.inputs[name].value = before[name]
            except traitlets.TraitError:
                continue  # the new control has no such choice

    def _redraw(self, change=None) -> None:
        with TURN:
            self._update()
            self.canvas.png = self.stage.png()

    def _pressed(self, change) -> None:
        figure = self.stage.figure
        across, down = change["new"]
        pixel = np.array([across * figure.bbox.width, (1 - down) * figure.bbox.height])
        for axes in figure.axes:
            if axes.bbox.contains(*pixel):
                self._touched(*axes.transData.inverted().transform(pixel), axes)

    def _touched(self, x: float, y: float, axes) -> None:
        """The picture was pressed or dragged at data coordinates of these axes."""

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        """Show the live box; the build takes it out of saved notebooks, where the twin remains."""
        still, described = self._twin()._repr_mimebundle_()
        # anywidget's: asks Colab for its custom widget manager
        _, metadata = self.canvas._repr_mimebundle_()
        return still | _view(self.box), described | metadata


def _view(box: VBox) -> dict:
    """How a live box is displayed; ipywidgets 8 knows by itself, Colab's ipywidgets 7 doesn't."""
    if hasattr(box, "_repr_mimebundle_"):
        return box._repr_mimebundle_()
    view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    return {"application/vnd.jupyter.widget-view+json": view}
