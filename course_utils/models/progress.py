"""One progress bar for every long loop, by tqdm: on a terminal, in a log and in a notebook.

A terminal gets tqdm's own bar on stderr, a log at most about a hundred lines. A notebook gets one
plain line, which is replaced as the work goes on: it survives saving, needs no widget manager and
writes nothing to stderr.
"""

import importlib
import sys
from collections.abc import Iterable

from tqdm import tqdm

LINES = 100  # at most about so many in a log
SECONDS = 0.2  # between two updates in a notebook


def progress(
    iterable: Iterable | None = None,
    total: int | None = None,
    desc: str = "",
    initial: int = 0,
    disable: bool = False,
) -> tqdm:
    """Return a progress bar: iterate over it, or use it in a `with` block and call `update(n)`.

    `set_postfix_str(text, refresh=False)` adds a text, such as a loss, to whatever is shown next.

    Args:
        iterable: What to iterate over; None for a bar that is updated by hand.
        total: How many steps there are; None is the length of the iterable.
        desc: What is being done, in front of the bar.
        initial: Steps that were done before, as in a resumed training.
        disable: Show nothing.
    """
    total = len(iterable) if total is None else total
    settings = {"total": total, "desc": desc, "initial": initial, "disable": disable}
    if in_notebook():
        return _NotebookBar(iterable, mininterval=SECONDS, **settings)
    if sys.stderr.isatty():
        return tqdm(iterable, dynamic_ncols=True, **settings)
    return _LogBar(iterable, mininterval=0, miniters=1, ascii=True, ncols=80, **settings)


def in_notebook() -> bool:
    """Return whether this runs in a Jupyter kernel."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return hasattr(shell, "kernel")


class _LogBar(tqdm):
    """A bar that writes whole lines: one per hundredth part, and the last."""

    monitor_interval = 0  # no thread that refreshes bars between two steps
    written = -1

    def display(self, msg=None, pos=None):
        part = max(1, (self.total or 0) / LINES)
        if self.n - max(self.written, self.initial) >= part or self.n == self.total:
            self._write()

    def close(self):
        if self.disable:
            return
        if self.n > self.initial:
            self._write()
        self.disable = True
        self._decr_instances(self)

    def _write(self):
        if self.n != self.written:
            print(str(self), file=self.fp, flush=True)
            self.written = self.n


class _NotebookBar(tqdm):
    """A bar that is one displayed line of plain text, replaced at every update."""

    monitor_interval = 0
    shown = None

    def display(self, msg=None, pos=None):
        self._show(str(self))

    def close(self):
        if self.disable:
            return
        self.disable = True
        self._decr_instances(self)
        postfix = f", {self.postfix}" if self.postfix else ""
        seconds = self.format_dict["elapsed"]
        self._show(f"{self.desc}: {self.n} of {self.total}, {seconds:.1f} s{postfix}")

    def _show(self, line: str) -> None:
        bundle = {"text/plain": line}
        if self.shown is None:  # IPython is there, as this is a kernel; models do not depend on it
            ipython = importlib.import_module("IPython.display")
            self.shown = ipython.display(bundle, raw=True, display_id=True)
        else:
            self.shown.update(bundle, raw=True)
