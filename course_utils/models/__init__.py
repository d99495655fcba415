"""Trained models: their configs and checkpoints, what they learned from, and what they make.

`models.generate("a round table", seed=3)` makes a shape. Importing the package imports none of its
modules.
"""

import importlib

__all__ = ["Generated", "generate", "generate_many"]


def __getattr__(name: str):
    if name in __all__:
        return getattr(importlib.import_module("course_utils.models.generation"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
