"""Is everything installed that the course needs? Lesson 00 shows it, `course.py doctor` prints it.

`course.py` itself looks at what must be known before anything is installed: Python, the folder, the
GPU's driver, the network.
"""

import importlib.metadata
import importlib.util
import shutil
from typing import NamedTuple

from course_utils.places import CHECKPOINTS, REMEDY, WORK

NEEDED = (
    "torch",
    "numpy",
    "scipy",
    "scikit-image",
    "trimesh",
    "safetensors",
    "matplotlib",
    "plotly",
    "ipywidgets",
    "jupyterlab",
    "diffusers",
)
FREE_GB = 1.0


class Finding(NamedTuple):
    """One line of the report: what was examined, whether it is in order, and what to do if not."""

    ok: bool
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"[ok] {self.what}" if self.ok else f"[problem] {self.what}. Remedy: {self.remedy}"


def examine() -> list[Finding]:
    """Examine packages, processor, disk and the shipped model; change and fetch nothing."""
    return [_packages(), _torch(), _disk(), _model()]


def _packages() -> Finding:
    missing = []
    for name in NEEDED:
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Finding(
            False, f"packages missing: {', '.join(missing)}", "python3 course.py lab installs them"
        )
    return Finding(True, f"{len(NEEDED)} packages, torch {importlib.metadata.version('torch')}")


def _torch() -> Finding:
    if importlib.util.find_spec("torch") is None:
        return Finding(False, "torch cannot be imported", "python3 course.py lab installs it")
    import torch

    if torch.cuda.is_available():
        return Finding(True, f"GPU: {torch.cuda.get_device_name()}")
    return Finding(
        True,
        f"no CUDA GPU; every lesson runs on this processor ({torch.get_num_threads()} threads)",
    )


def _disk() -> Finding:
    free = shutil.disk_usage(WORK).free / 1e9
    return Finding(
        free > FREE_GB,
        f"{free:.0f} GB of free disk",
        f"free {FREE_GB:.0f} GB for what you will make",
    )


def _model() -> Finding:
    try:
        from course_utils.models.checkpoints import load_checkpoint

        _, config = load_checkpoint(CHECKPOINTS / "shapes32")
    except (ValueError, ImportError) as error:
        return Finding(False, f"the shipped model: {error}", REMEDY)
    return Finding(True, f"the shipped model loads; it makes {', '.join(config.classes)}")
