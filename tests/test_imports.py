"""Imports: below the plots nothing needs plotting, Jupyter or diffusers; the package is quick."""

import pkgutil
import subprocess
import sys
import time

import pytest

SHOWN = {"matplotlib", "plotly", "ipywidgets", "anywidget", "diffusers", "jupyterlab", "IPython"}
SLOW = {"trimesh", "skimage", "scipy"}  # imported where they are first used
ROOMS = ("places", "files", "geometry", "networks", "datasets", "diffusion", "evaluation", "models")
DOORS = {"course_utils.models.pipeline"}  # diffusers' own: it is what the pipeline is for


def modules(room: str) -> list[str]:
    """The names of a room's modules, or of the one file."""
    package = __import__(f"course_utils.{room}", fromlist=["_"])
    inside = getattr(package, "__path__", None)
    found = pkgutil.walk_packages(inside, f"course_utils.{room}.") if inside else ()
    return sorted({f"course_utils.{room}", *(module.name for module in found)} - DOORS)


def loaded_after(statement):
    """The packages that a statement loads in a fresh Python, and the seconds that it took."""
    script = (
        f"import sys; {statement}; print(' '.join({{name.split('.')[0] for name in sys.modules}}))"
    )
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split()), time.perf_counter() - start


def test_the_package_alone_is_quick_and_light():
    tries = [loaded_after("import course_utils") for _ in range(3)]
    assert min(seconds for _, seconds in tries) < 0.5  # Python's own start included
    assert not tries[0][0] & (SHOWN | SLOW | {"torch", "numpy"})


@pytest.mark.parametrize("room", ROOMS)
def test_below_the_plots_nothing_needs_plotting_jupyter_or_diffusers(room):
    assert modules(room)
    packages, _ = loaded_after(f"import {', '.join(modules(room))}")
    assert not packages & (SHOWN | SLOW)
