"""What a training and a checkpoint say about a model, as one typed, checked object.

`Config.read` reads a training's file (`configs/NAME.json`), `Config.of` what a checkpoint's
config.json holds; `course_utils.models.rules` says what is accepted, in one line per mistake.
"""

import copy
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from course_utils.diffusion.denoiser import LOG_SNR_RANGE
from course_utils.diffusion.training import Plan
from course_utils.files.json_door import MAX_CONFIG_BYTES
from course_utils.files.json_door import read_json as read_small_json
from course_utils.places import CONFIGS, REMEDY, ROOT

# networks that see facts: no denoisers, they make nothing
SEERS = ("FactsOfShape", "Reader")
# what a network is told through each conditioner
TAKES = {"labels": "labels", "named": "facts"}


@dataclass(frozen=True)
class Section:
    """A part of a config that names a kind, and the keyword arguments of what the kind names."""

    kind: str
    arguments: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Mapping[str, Any]) -> "Section":
        """The section of a JSON object that was checked."""
        arguments = {key: value for key, value in entries.items() if key != "kind"}
        return cls(entries["kind"], copy.deepcopy(arguments))

    @property
    def conditioners(self) -> tuple["Section", ...]:
        """The conditioners of a network, none where it has none."""
        return tuple(map(Section.of, self.arguments.get("conditioners", [])))

    def to_dict(self) -> dict[str, Any]:
        """The section as JSON."""
        return {"kind": self.kind, **copy.deepcopy(self.arguments)}


@dataclass(frozen=True)
class Sampling:
    """How a model is sampled by default.

    Attributes:
        sampler: One of `sampling.SAMPLERS`.
        steps: Sampling steps.
        shift: Of the times, see `sampling.time_grid`.
        guidance_scale: 1 is conditional, 0 unconditional.
        tries: Seeds to choose the best of.
    """

    sampler: str
    steps: int
    shift: float
    guidance_scale: float
    tries: int = 1


@dataclass(frozen=True)
class Config:
    """A model, what it learned from and how; made by `read` or `of`, which check it.

    A checkpoint of points or images has no classes, resolution, data, plan or sampling; a network
    that only sees facts has no path, prediction or sampling.

    Attributes:
        name: Names the folder in runs/ and the card.
        about: One sentence for the card.
        classes: The families of shapes, in the order of their labels.
        resolution: Voxels per side; 0 if the model makes no shapes.
        data: A recipe of `recipes.RECIPES` and its arguments.
        network: A network of `checkpoints.NETWORKS` and its arguments.
        path: One of `paths.PATHS`.
        prediction: One of `paths.KINDS`.
        log_snr_range: See `Denoiser`.
        loss: One of `losses.LOSSES` and its arguments.
        plan: Steps, batch size and the rest of the training.
        sampling: How the model is sampled.
        begin_from: Checkpoint folders whose weights the training begins from.
        frozen: Parts of the model that the training leaves as they began.
        made: How a checkpoint was made: command, minutes, device, shapes.
        weights_sha256: The checksum of a checkpoint's weights.
        where: The file it was read from, for messages.
        given: The JSON it was read from, so that `to_dict` writes what was there.
    """

    network: Section
    name: str = ""
    about: str = ""
    classes: tuple[str, ...] = ()
    resolution: int = 0
    data: Section | None = None
    path: str | None = None
    prediction: str | None = None
    log_snr_range: float = LOG_SNR_RANGE
    loss: Section | None = None
    plan: Plan | None = None
    sampling: Sampling | None = None
    begin_from: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    made: dict[str, Any] | None = None
    weights_sha256: str | None = None
    where: str = field(default="the config", compare=False, repr=False)
    given: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def read(cls, name: str | Path) -> "Config":
        """The config of a training, by its name in configs/ or the path of a .json.

        The numbers of families and facts that its network knows are filled in.

        Raises:
            ValueError: In one line, if there is none or it describes no training.
        """
        from course_utils.models.rules import checked, filled

        path = Path(name) if str(name).endswith(".json") else CONFIGS / f"{name}.json"
        where = str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)
        if not path.is_file():
            raise ValueError(f"there is no config {str(name)!r}; {_others(str(name))}")
        entries = filled(read_json(path, where))
        return checked(entries, where, for_training=True)

    @classmethod
    def of(cls, entries: Any, where: str = "the config") -> "Config":
        """The config of a checkpoint, from the JSON object in its config.json.

        Args:
            entries: The object.
            where: What messages call it, such as the file's name.

        Raises:
            ValueError: In one line, if it describes no model.
        """
        from course_utils.models.rules import checked

        return checked(entries, where, for_training=False)

    @property
    def is_seer(self) -> bool:
        """Whether the model sees facts and makes nothing."""
        return self.network.kind in SEERS

    @property
    def makes_shapes(self) -> bool:
        """Whether the model samples voxels as its `sampling` says."""
        return self.sampling is not None and self.network.kind != "FromFacts"

    @property
    def told(self) -> str | None:
        """What the model is told, such as "labels" or "facts"; None without a conditioner."""
        return next((TAKES.get(one.kind) for one in self.network.conditioners), None)

    @property
    def channels(self) -> int:
        """Channels of what the model makes: 1, and one more per slot if it makes materials."""
        return self.network.arguments.get("in_channels", 1)

    @property
    def facts(self) -> int:
        """How many facts the model reads in a text, sees in a shape or is told; 0 for none."""
        parts = (self.network, *self.network.conditioners)
        return max(part.arguments.get("facts", 0) for part in parts)

    def with_plan(self, **changes: Any) -> "Config":
        """The same config with other numbers in its plan; ValueError if they make no plan."""
        return replace(self, plan=replace(self.plan, **changes))

    def with_network(self, **changes: Any) -> "Config":
        """The same config with other arguments of its network; they are not checked again."""
        return replace(self, network=Section(self.network.kind, self.network.arguments | changes))

    def to_dict(self) -> dict[str, Any]:
        """The config as JSON: what was read, and what has changed since."""
        return _written(self, self.given)


ABOUT_ITSELF = ("where", "given")  # no part of the JSON
KEYS = tuple(one.name for one in fields(Config) if one.name not in ABOUT_ITSELF)


def _others(name: str) -> str:
    """What to do about a config that is not there."""
    known = sorted(file.stem for file in CONFIGS.glob("*.json"))
    if not known:
        return f"{CONFIGS} is missing: {REMEDY}; or give a path to a .json"
    close = get_close_matches(name, known, 1)
    if close:
        return f"did you mean {close[0]!r}? Or give a path to a .json"
    return f"there are {', '.join(known)}; or give a path to a .json"


def read_json(path: Path, where: str) -> Any:
    """What a JSON file holds; ValueError that names it if it cannot be read."""
    try:
        return read_small_json(path, MAX_CONFIG_BYTES)
    except (OSError, ValueError) as error:
        raise ValueError(f"{where} is not JSON with a config in it: {error}") from error


def _written(instance: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """A dataclass as JSON: the given entries in their order, then others that are not defaults."""
    entries = {}
    for one in fields(instance):
        value = getattr(instance, one.name)
        default = one.default
        if one.default_factory is not MISSING:
            default = one.default_factory()
        if one.name not in ABOUT_ITSELF and (one.name in given or value != default):
            entries[one.name] = _as_json(value, given.get(one.name))
    order = [key for key in given if key in entries]
    return {key: entries[key] for key in [*order, *(key for key in entries if key not in given)]}


def _as_json(value: Any, given: Any) -> Any:
    if isinstance(value, Section):
        return value.to_dict()
    if is_dataclass(value):
        return _written(value, given or {})
    return list(value) if isinstance(value, tuple) else copy.deepcopy(value)
