"""What an import costs: the core needs neither plotting nor Jupyter nor diffusers, and the package alone is quick."""

import subprocess
import sys
import time

import pytest

HEAVY = {"matplotlib", "plotly", "ipywidgets", "diffusers", "jupyterlab", "IPython", "trimesh", "skimage", "scipy"}
CORE = (
    "paths", "noise", "denoiser", "sampling", "training", "checkpoints", "atomic", "networks.unet", "networks.mlp",
    "datasets.shapes", "datasets.points", "mixtures", "metrics", "datasets.files", "datasets.images", "judge", "gan",
    "datasets.captions", "datasets.furniture", "geometry.voxels", "geometry.mesh",
    "generation", "editing",
)  # fmt: skip


def loaded_after(statement):
    """The top-level packages that are loaded after a statement in a fresh Python, and the seconds it took."""
    script = f"import sys; {statement}; print(' '.join({{name.split('.')[0] for name in sys.modules}}))"
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split()), time.perf_counter() - start


def test_the_package_alone_is_quick_and_light():
    tries = [loaded_after("import course_utils") for _ in range(3)]
    assert min(seconds for _, seconds in tries) < 0.5  # Python's own start included
    assert not tries[0][0] & (HEAVY | {"torch", "numpy"})


@pytest.mark.parametrize("name", CORE)
def test_the_core_needs_no_plotting_no_jupyter_no_diffusers(name):
    packages, _ = loaded_after(f"import course_utils.{name}")
    assert not packages & HEAVY
