"""Gives the notebook tests `notebooks/build.py` as a module: it is a script beside the lessons, not a package."""

import importlib.util
import sys
from pathlib import Path

import pytest

BUILD = Path(__file__).parents[2] / "notebooks" / "build.py"


def load_build():
    if "notebooks_build" not in sys.modules:
        spec = importlib.util.spec_from_file_location("notebooks_build", BUILD)
        sys.modules["notebooks_build"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["notebooks_build"])
    return sys.modules["notebooks_build"]


@pytest.fixture(scope="session")
def build():
    return load_build()
