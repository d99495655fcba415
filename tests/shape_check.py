"""Checks the shapes in signatures when a test calls the core, and only them (pyproject.toml).

jaxtyping binds the names of dimensions, beartype compares. What is not an array's shape is left to the doors of the
library, which raise a ValueError that says what to do.
"""

from typing import Any, get_args

from beartype import beartype


def names_a_shape(hint: Any) -> bool:
    """Whether an annotation is one of jaxtyping's, or has one inside."""
    return hasattr(hint, "dim_str") or any(map(names_a_shape, get_args(hint)))


def only_shapes(function):
    """beartype, with every annotation that names no shape replaced by Any."""
    hints = getattr(function, "__annotations__", {})
    function.__annotations__ = {
        name: hint if names_a_shape(hint) else Any for name, hint in hints.items()
    }
    return beartype(function)
