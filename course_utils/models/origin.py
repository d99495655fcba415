"""What a training belongs to: its config, the weights it begins from, its data.

A state that was saved continues what it belongs to and nothing else, and a checkpoint is replaced
by its own training only. How a model is described (`about`) and sampled binds neither; nor does the
place of a file, but what lies there does.
"""

import inspect
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from course_utils.diffusion.losses import LOSSES
from course_utils.files.states import differences
from course_utils.models.card import sha256_of
from course_utils.models.checkpoints import CONDITIONERS, NETWORKS, checkpoint_config
from course_utils.models.config import ABOUT_ITSELF, Config, Section
from course_utils.models.recipes import RECIPES, Source
from course_utils.places import place

FREE = ("about", "sampling", "made", "weights_sha256", *ABOUT_ITSELF)  # what binds nothing
APART = ("plan", "loss")  # what the trainer knows
CONTENTS = ("begin_from", "data.model", "data.sha256", "data.given_sha256")
DIGITS = 16  # of a checksum: enough to tell two files apart


def origin_of(config: Config) -> dict[str, Any]:
    """What a training's state must agree with before there are data, beside plan and loss."""
    entries = {key: value for key, value in _entries(config).items() if key not in APART}
    begun = [checkpoint_config(place(folder)) for folder in config.begin_from]
    entries["begin_from"] = [_weights(one) for one in begun]
    if model := entries.pop("data.model", None):
        try:
            guesses = checkpoint_config(place(model))
        except ValueError as error:
            raise ValueError(
                f"data.model names {model}, which is no checkpoint: {error}"
            ) from error
        how = asdict(guesses.sampling) if guesses.sampling else {}
        entries["data.model"] = {"weights": _weights(guesses), **how}
    return entries


def origin_of_data(source: Source) -> dict[str, str]:
    """What a training's state must agree with in its data, by the names in a message."""
    parts = {"data.sha256": source.values, "data.given_sha256": source.given}
    return {
        name: sha256_of(part.cpu())[:DIGITS] for name, part in parts.items() if part is not None
    }


def found_in_places(origin: dict[str, Any]) -> dict[str, Any]:
    """The part of a whole origin that its config cannot tell: what lay where it names something."""
    return {key: origin[key] for key in CONTENTS if origin.get(key)}


def refuse_another_model(
    folder: Path, config: Config, processes: int, origin: dict[str, Any]
) -> None:
    """Look whether the checkpoint of another training lies where one will be written.

    Args:
        folder: Where a training will write its checkpoint.
        config: The training's.
        processes: How many train together.
        origin: Of the training, as far as it is known by now.

    Raises:
        ValueError: One does, or one that cannot be read, or what the training begins from.
    """
    keep = "move it away, or choose another folder (course.py train: --out)"
    if any(place(one).resolve() == folder.resolve() for one in config.begin_from):
        raise ValueError(
            f"begin_from names {folder}, which this training would replace; choose another folder"
            " (course.py train: --out)"
        )
    if not (folder / "config.json").exists():
        return
    try:
        theirs = checkpoint_config(folder)
        made = theirs.made or {}
        found, old = dict(made.get("found", {})), _entries(theirs, int(made.get("processes", 1)))
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{folder} would be replaced, and cannot be read ({error}); {keep}"
        ) from error
    new = _entries(config, processes)
    if old["plan"].get("steps", 0) <= new["plan"]["steps"]:  # a training may go on for longer
        old["plan"]["steps"] = new["plan"]["steps"]
    known = [key for key in CONTENTS if key in found and key in origin]
    old, new = old | {key: found[key] for key in known}, new | {key: origin[key] for key in known}
    if changed := differences(old, new):
        raise ValueError(f"{folder} holds another model ({changed}), which would be lost; {keep}")


def _weights(config: Config) -> str:
    return f"weights {(config.weights_sha256 or '')[:DIGITS]}"


def _entries(config: Config, processes: int = 1) -> dict[str, Any]:
    """A config as JSON, with all defaults, and without what does not bind."""
    entries = {one.name: getattr(config, one.name) for one in fields(config)}
    entries = {key: value for key, value in entries.items() if key not in FREE}
    network = _section(config.network, NETWORKS)
    if "conditioners" in network:
        network["conditioners"] = [
            _section(one, CONDITIONERS) for one in config.network.conditioners
        ]
    data = _section(config.data, RECIPES)
    data.pop("file", None)  # only names what was given
    places = {"data.model": data.pop("model")} if "model" in data else {}
    plan = asdict(config.plan) if config.plan else {}
    if plan:
        plan |= {"batch_size": processes * config.plan.batch_size}
    sections = {"network": network, "data": data, "plan": plan, **places}
    sections["loss"] = _section(config.loss, LOSSES)
    lists = {key: list(value) for key, value in entries.items() if isinstance(value, tuple)}
    return entries | lists | sections | {"frozen": sorted(config.frozen)}


def _section(section: Section | None, registry: dict[str, Callable]) -> dict[str, Any]:
    """A section with the defaults of the arguments that it does not name."""
    if section is None:
        return {}
    parameters = inspect.signature(registry[section.kind]).parameters.values()
    simple = (int, float, str, bool, list, tuple)
    defaults = {one.name: one.default for one in parameters if isinstance(one.default, simple)}
    return {"kind": section.kind, **defaults, **section.arguments}
