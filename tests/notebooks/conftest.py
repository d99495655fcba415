"""For the notebook tests: `notebooks/build.py` as a module, and no network for nbval."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

BUILD = Path(__file__).parents[2] / "notebooks" / "build.py"
OFFLINE = Path(__file__).parent / "offline"


def pytest_configure(config):
    """For nbval, every kernel finds offline/sitecustomize.py and reaches this machine only."""
    if config.getoption("nbval", default=False):
        os.environ["PYTHONPATH"] = os.pathsep.join(
            filter(None, [str(OFFLINE), os.environ.get("PYTHONPATH")])
        )


def load_build():
    if "notebooks_build" not in sys.modules:
        spec = importlib.util.spec_from_file_location("notebooks_build", BUILD)
        sys.modules["notebooks_build"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["notebooks_build"])
    return sys.modules["notebooks_build"]


@pytest.fixture(scope="session")
def build():
    return load_build()
