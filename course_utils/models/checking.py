"""Checks of what a person wrote in a JSON file, against the signature of what it describes.

A section of a config may describe a function, a class or a dataclass; its keys are the names of the
arguments, and its values have their types, so a new argument there is at once a new key here.
Every error is one line that names the file, the dotted key, the value, what was expected and the
nearest spelling.
"""

import inspect
import json
import math
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

LONGEST = 60  # characters of a value in a message

# What a number may be, by its dotted key or by the last part of it; for lists, each of its numbers.
LIMITS: dict[str, tuple[float, float]] = {
    "resolution": (2, 256),
    "side": (2, 256),
    "sketch": (0, 64),
    "dimensions": (1, 3),
    "in_channels": (1, 64),
    "channels": (1, 4096),
    "patch": (1, 64),
    "blocks": (1, 64),
    "heads": (1, 256),
    "details": (0, 4096),
    "features": (1, 4096),
    "width": (2, 4096),
    "hidden": (1, 65_536),
    "depth": (1, 256),
    "classes": (1, 10_000),
    "facts": (1, 100_000),
    "families": (1, 10_000),
    "count": (1, 10_000_000),
    "first_index": (0, 2**40),
    "wordings": (1, 1000),
    "betas": (0, 1 - 1e-12),
    "plan.steps": (1, 1_000_000_000),
    "batch_size": (1, 65_536),
    "warmup": (0, 1_000_000_000),
    "seed": (0, 2**32 - 1),
    "learning_rate": (1e-12, 10),
    "weight_decay": (0, 100),
    "gradient_clip": (1e-12, 1e12),
    "ema_decay": (0, 1 - 1e-12),
    "time_mean": (-20, 20),
    "time_std": (1e-6, 20),
    "weight_limit": (1e-6, 1e9),
    "drop_condition": (0, 1),
    "log_snr_range": (1, 100),
    "sampling.steps": (1, 10_000),
    "shift": (1e-3, 1e3),
    "guidance_scale": (-1000, 1000),
    "tries": (1, 1000),
}
WHOLE, REAL = (-(2**53), 2**53), (-1e12, 1e12)  # where no limit is named


@dataclass(frozen=True)
class Place:
    """A place in a JSON file, for messages: the file's name and a dotted key, "" for the whole."""

    file: str
    key: str = ""

    def at(self, *keys: str | int) -> "Place":
        """The place of an entry of this object or an item of this list, or of one inside that."""
        inner = self.key
        for key in keys:
            inner += f"[{key}]" if isinstance(key, int) else f".{key}" if inner else key
        return Place(self.file, inner)

    def error(self, message: str) -> ValueError:
        """An error about this place: its file, its key, and a message that continues them."""
        return ValueError(f"{self.file}: {self.key or 'the config'} {message}")

    def wrong(self, value: Any, expected: str) -> ValueError:
        """The error for a value that is not what was expected."""
        return self.error(f"is {shown(value)}; expected {expected}")


def shown(value: Any) -> str:
    """A value as a message shows it: as in JSON, in one line, shortened."""
    text = repr(value) if isinstance(value, str) else json.dumps(value, default=repr)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def nearest(name: str, known: Iterable[str]) -> str:
    """A question after a nearly right name, or the list of known names."""
    known = list(known)
    close = get_close_matches(name, known, 1)
    return f"did you mean {close[0]!r}?" if close else f"expected one of {', '.join(known)}"


def checked_choice(value: Any, known: Iterable[str], place: Place) -> str:
    """Return a name that must be one of those known; ValueError otherwise."""
    known = list(known)
    if not isinstance(value, str):
        raise place.wrong(value, f"one of {', '.join(known)}")
    if value not in known:
        raise place.error(f"is {shown(value)}; {nearest(value, known)}")
    return value


def checked_keys(section: Any, known: Iterable[str], needed: Iterable[str], place: Place) -> dict:
    """Return a JSON object all of whose keys are known and which lacks none that is needed.

    Args:
        section: What stands at the place.
        known: All keys that it may have.
        needed: The keys that it must have.
        place: Where it stands.

    Raises:
        ValueError: If it is no object, or a key is unknown or missing.
    """
    if not isinstance(section, dict):
        raise place.wrong(section, "an object, {...}")
    known = list(known)
    for key in section:
        if key not in known:
            raise place.at(shown(key)[1:-1]).error(f"is unknown; {nearest(key, known)}")
    for key in needed:
        if key not in section:
            raise place.at(key).error("is missing")
    return section


def checked_arguments(
    section: Any,
    function: Callable,
    place: Place,
    others: Sequence[str] = (),
    also: Sequence[str] = (),
) -> dict:
    """Return the entries of a section as keyword arguments of what it describes.

    Args:
        section: A JSON object.
        function: A function, a class or a dataclass with annotated parameters.
        place: Where the section stands.
        others: Parameters that do not come from the section.
        also: Keys that the section may have and that are checked elsewhere.

    Raises:
        ValueError: If a key is unknown or missing, or a value has the wrong type or size.
    """
    parameters = {
        name: parameter
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in (*others, *also)
        and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    }
    needed = [name for name, one in parameters.items() if one.default is inspect.Parameter.empty]
    checked_keys(section, [*also, *parameters], needed, place)
    types_of = _annotations(function)
    return {
        name: checked_value(value, types_of.get(name, Any), place.at(name))
        for name, value in section.items()
        if name in parameters
    }


def checked_value(value: Any, annotation: Any, place: Place) -> Any:
    """Return a value (a list as a tuple) if it has a type and lies within its limits.

    Args:
        value: What stands at the place.
        annotation: The type of the argument that it is for.
        place: Where it stands; `LIMITS` knows the limits of its key.

    Raises:
        ValueError: If the value is none of these.
    """
    low, high = LIMITS.get(place.key, LIMITS.get(place.key.split(".")[-1], (-math.inf, math.inf)))
    numbers = get_args(annotation)[:1] in ((int,), (float,))
    if not fits(value, annotation) or (value == [] and numbers):
        raise place.wrong(value, described(annotation, (low, high)))
    for number in value if isinstance(value, list) else [value]:
        if isinstance(number, int | float) and not isinstance(number, bool):
            least, most = WHOLE if isinstance(number, int) else REAL
            if not max(low, least) <= number <= min(high, most):
                raise place.wrong(value, described(annotation, (low, high)))
    return tuple(value) if isinstance(value, list) else value


def fits(value: Any, annotation: Any) -> bool:
    """Whether a JSON value has the type that an annotation asks for."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return any(fits(value, one) for one in inner)
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in inner)
    if annotation is None or annotation is type(None):
        return value is None
    if annotation is float:
        return type(value) in (int, float) and math.isfinite(value)
    if annotation in (int, bool, str):
        return type(value) is annotation
    container = origin or annotation
    if isinstance(container, type) and issubclass(container, Mapping):
        return isinstance(value, dict)
    if isinstance(container, type) and issubclass(container, Sequence):
        if not isinstance(value, list):
            return False
        if container is tuple and inner and inner[-1] is not Ellipsis:
            return len(value) == len(inner) and all(map(fits, value, inner))
        return not inner or all(fits(item, inner[0]) for item in value)
    return isinstance(value, str | int | float | bool | list | None)  # what says no more


def described(annotation: Any, limits: tuple[float, float] = (-math.inf, math.inf)) -> str:
    """An annotation in words, with the limits of its numbers."""
    origin, inner = get_origin(annotation), get_args(annotation)
    low, high = (f"{limit:,}" if isinstance(limit, int) else f"{limit:g}" for limit in limits)
    within = f" from {low} to {high}" if math.isfinite(limits[1]) else ""
    if origin in (Union, types.UnionType):
        return " or ".join(described(one, limits) for one in inner)
    if origin is Literal:
        return f"one of {', '.join(map(repr, inner))}"
    if annotation in (None, type(None)):
        return "null"
    if inner and isinstance(origin, type) and issubclass(origin, Sequence):
        return f"a list, each item {described(inner[0], limits)}"
    words = {int: f"a whole number{within}", float: f"a finite number{within}"}
    words |= {bool: "true or false", str: "a text", dict: "an object, {...}"}
    return words.get(annotation, "another value")


def _annotations(function: Callable) -> dict[str, Any]:
    """The types of a callable's parameters, by name."""
    target = function.__init__ if isinstance(function, type) else function
    try:
        return get_type_hints(target)
    except NameError:  # the name of a type that its module does not import
        return {name: one for name, one in target.__annotations__.items() if type(one) is not str}
