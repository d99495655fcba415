"""What a config may say: every rule that a config is read by, in one place.

First each entry by itself (`checking`: names, types, limits), then what must fit together: classes
and labels, resolution and network, recipe and loss, sampling. A broken rule is a ValueError of one
line that names file and key.
"""

import copy
import inspect
import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import torch

from course_utils.datasets.captions import facts_of
from course_utils.datasets.captions.speech import speakable_facts
from course_utils.datasets.shapes import CLASSES, LARGEST_RESOLUTION, SMALLEST_RESOLUTION
from course_utils.diffusion.losses import LOSSES
from course_utils.diffusion.paths import KINDS, PATHS
from course_utils.diffusion.sampling import SAMPLERS, last, sample, time_grid
from course_utils.diffusion.training import Plan
from course_utils.geometry.matter import SLOTS
from course_utils.models.checking import (
    Place,
    checked_arguments,
    checked_choice,
    checked_keys,
    checked_value,
    shown,
)
from course_utils.models.checkpoints import CONDITIONERS, NETWORKS
from course_utils.models.config import KEYS, SEERS, TAKES, Config, Sampling, Section
from course_utils.models.recipes import RECIPES

# What each recipe gives: what is learned, and what the model is given with it.
GIVES = {
    "procedural": ("shapes", "labels"),
    "materials": ("shapes", "labels"),
    "npz": ("shapes", "labels"),
    "named": ("shapes", "facts"),
    "means_of_named": ("shapes", "facts"),
    "facts_of_speech": ("facts", "vectors"),
    "facts_of_shapes": ("facts", "shapes"),
    "facts_of_guesses": ("facts", "shapes"),
}
WITH_SLOTS = ("materials", "named")  # recipes that give a channel for each material slot too
# What each network makes and takes; None where its conditioners say what it takes.
MAKES = {
    "UNet": ("shapes", None),
    "MLP": ("points", None),
    "FromFacts": ("shapes", "facts"),
    "FactsOfShape": ("facts", "shapes"),
    "Reader": ("facts", "vectors"),
}
MADE = ("made", "weights_sha256")  # what only a checkpoint's config says
WALKED = 50  # steps of the trial walk at most


def filled(entries: Any) -> Any:
    """A training's JSON with the numbers of families and facts that its network needs.

    What a checkpoint's config says beside that is left out. What is no config is returned as it
    is: `checked` says why.
    """
    if not isinstance(entries, dict):
        return entries
    entries = {key: copy.deepcopy(value) for key, value in entries.items() if key not in MADE}
    network = entries.get("network")
    if not isinstance(network, dict):
        return entries
    listed = network.get("conditioners")
    parts = [network, *(listed if isinstance(listed, list) else [])]
    takes = [(part, _parameters(part.get("kind"))) for part in parts if isinstance(part, dict)]
    classes = entries.get("classes")
    known = [name for name in classes if name in CLASSES] if isinstance(classes, list) else []
    for part in (part for part, names in takes if "facts" in names):
        part.setdefault("facts", _fact_count(part.get("kind"), known))
    for part in (part for part, names in takes if "families" in names):
        part.setdefault("families", len(known))
    return entries


def _fact_count(kind: Any, classes: Sequence[str]) -> int:
    """How many facts a network knows: those that captions name, or a reader of any text."""
    return len(speakable_facts(tuple(classes)) if kind == "Reader" else facts_of(classes))


def _parameters(kind: Any) -> list[str]:
    """The names of the arguments of a network or a conditioner; none of what is no kind."""
    for registry in (NETWORKS, CONDITIONERS):
        if isinstance(kind, str) and kind in registry:
            return list(inspect.signature(registry[kind]).parameters)
    return []


def checked(entries: Any, where: str, for_training: bool) -> Config:
    """The config that a JSON object describes.

    Args:
        entries: The object.
        where: The name of its file.
        for_training: Whether it must say everything that a training needs.

    Raises:
        ValueError: In one line, that names the file and the key, if a rule is broken.
    """
    place = Place(where)
    checked_keys(entries, KEYS, ["network"], place)
    network = _network(entries["network"], place.at("network"))
    _complete(entries, network, for_training, place)
    strings = {
        key: checked_value(entries[key], str, place.at(key))
        for key in ("name", "about", "path", "prediction", "weights_sha256")
        if key in entries
    }
    lists = {
        key: checked_value(entries[key], list[str], place.at(key))
        for key in ("classes", "begin_from", "frozen")
        if key in entries
    }
    numbers = {
        key: checked_value(entries[key], kind, place.at(key))
        for key, kind in (("resolution", int), ("log_snr_range", float))
        if key in entries
    }
    if "made" in entries:
        checked_value(entries["made"], dict, place.at("made"))
    config = Config(
        network=network,
        data=_section(entries, "data", RECIPES, place, ("config", "given", "make")),
        loss=_section(entries, "loss", LOSSES, place),
        plan=_built(entries, "plan", Plan, place),
        sampling=_built(entries, "sampling", Sampling, place),
        made=copy.deepcopy(entries.get("made")),
        where=where,
        given=copy.deepcopy(entries),
        **strings,
        **lists,
        **numbers,
    )
    if for_training:
        _known_facts(config, place)
    for rule in (_names, _labels, _fitting_shapes, _fitting_data, _walkable):
        rule(config, place)
    return config


def _network(section: Any, place: Place) -> Section:
    """A network and its conditioners, each entry by itself."""
    kind = _kind(section, NETWORKS, place)
    conditioned = "conditioner" in _parameters(kind)
    checked_arguments(
        section,
        NETWORKS[kind],
        place,
        others=("conditioner",) if conditioned else (),
        also=("kind", "conditioners") if conditioned else ("kind",),
    )
    conditioners, seen = section.get("conditioners", []), set()
    if not isinstance(conditioners, list):
        raise place.at("conditioners").wrong(conditioners, "a list of objects, [{...}]")
    for number, one in enumerate(conditioners):
        here = place.at("conditioners", number)
        name = _kind(one, CONDITIONERS, here)
        checked_arguments(one, CONDITIONERS[name], here, also=("kind",))
        if name in seen:
            raise here.at("kind").error(f"is {name!r} for the second time; remove one")
        seen.add(name)
    return Section.of(section)


def _kind(section: Any, registry: dict, place: Place) -> str:
    """The kind that a section names."""
    if not isinstance(section, dict):
        raise place.wrong(section, 'an object, {"kind": ...}')
    for key in get_close_matches("kind", section, 1) if "kind" not in section else ():
        raise place.at(key).error("is unknown; did you mean 'kind'?")
    if "kind" not in section:
        raise place.at("kind").error(f"is missing; expected one of {', '.join(registry)}")
    return checked_choice(section["kind"], registry, place.at("kind"))


def _section(entries: dict, key: str, registry: dict, place: Place, others=()) -> Section | None:
    """A section that names a kind; None if it is absent."""
    if key not in entries:
        return None
    kind = _kind(entries[key], registry, place.at(key))
    checked_arguments(entries[key], registry[kind], place.at(key), others, also=("kind",))
    return Section.of(entries[key])


def _built(entries: dict, key: str, kind: type, place: Place) -> Any:
    """A section that is one dataclass; None if it is absent."""
    if key not in entries:
        return None
    arguments = checked_arguments(entries[key], kind, place.at(key))
    try:
        return kind(**arguments)
    except ValueError as error:
        raise ValueError(f"{place.file}: {key}.{error}") from error


def _complete(entries: dict, network: Section, for_training: bool, place: Place) -> None:
    """Everything is there that such a model needs, and nothing that it has no use for."""
    of_shapes = ["classes", "resolution", "sampling"]
    needed = ["name", "about", "data", "loss", "plan", *of_shapes] if for_training else []
    if network.kind in SEERS:
        needed = [key for key in needed if key != "sampling"]
        for key in ("path", "prediction", "log_snr_range", "sampling"):
            if key in entries:
                raise place.at(key).error(
                    f"belongs to a denoiser, and {network.kind} is none; remove it"
                )
    else:
        needed += ["path", "prediction"]
        needed += of_shapes if any(key in entries for key in of_shapes) else []
    for key in needed:
        if key not in entries:
            raise place.at(key).error("is missing")


def _names(config: Config, place: Place) -> None:
    """Names are names: of a folder, of different classes, of a path, a prediction, a sampler."""
    name = config.name
    if "name" in config.given and (
        not name.strip()
        or len(name) > 100
        or name.startswith(".")
        or ".." in name
        or re.search(r'[/\\:*?"<>|]', name)
        or not name.isprintable()
    ):
        expected = "the name of a folder: 1 to 100 characters, no /, \\, : or .., no . in front"
        raise place.at("name").wrong(name, expected)
    if "classes" in config.given and not config.classes:
        raise place.at("classes").wrong([], "one name or more")
    for key in ("classes", "begin_from", "frozen"):
        seen = set()
        for number, text in enumerate(getattr(config, key)):
            if not text.strip() or not text.isprintable() or text in seen:
                raise place.at(key, number).wrong(text, "a name of its own")
            seen.add(text)
    if config.path is not None:
        checked_choice(config.path, PATHS, place.at("path"))
    if config.prediction is not None:
        checked_choice(config.prediction, KINDS, place.at("prediction"))
    if config.sampling is not None:
        checked_choice(config.sampling.sampler, SAMPLERS, place.at("sampling", "sampler"))
    if config.loss is not None and "loss_in" in config.loss.arguments:
        checked_choice(config.loss.arguments["loss_in"], KINDS, place.at("loss", "loss_in"))


def _parts(config: Config, place: Place) -> list[tuple[Section, Place]]:
    """The network and its conditioners, each with its place."""
    here = place.at("network")
    listed = enumerate(config.network.conditioners)
    return [(config.network, here), *((one, here.at("conditioners", k)) for k, one in listed)]


def _known_facts(config: Config, place: Place) -> None:
    """A training learns all facts that texts about its classes can name."""
    for part, here in _parts(config, place):
        count = _fact_count(part.kind, config.classes)
        if part.arguments.get("facts", count) != count:
            raise here.at("facts").wrong(
                part.arguments["facts"], f"{count}, as many as texts about its classes can name"
            )
        families = len(config.classes)
        if part.arguments.get("families", families) != families:
            raise here.at("families").wrong(
                part.arguments["families"], f"{families}, as many as there are classes"
            )


def _labels(config: Config, place: Place) -> None:
    """Labels count in the config's classes, and all conditioners take the same condition."""
    taken = {TAKES.get(one.kind, one.kind) for one in config.network.conditioners}
    if len(taken) > 1:
        both = " and ".join(sorted(taken))
        raise place.at("network", "conditioners").error(
            f"take {both}; a network takes one condition"
        )
    count = len(config.classes)
    for part, here in _parts(config, place):
        labels = part.arguments["classes"] if part.kind == "labels" and count else count
        if labels != count:
            raise here.at("classes").wrong(labels, f"{count}, as many as there are classes")


def _fitting_shapes(config: Config, place: Place) -> None:
    """The network fits grids of the config's resolution."""
    if not config.resolution:
        return
    side, arguments, here = config.resolution, _arguments(config.network), place.at("network")
    if MAKES[config.network.kind][0] == "points":
        kind = shown(config.network.kind)
        raise here.at("kind").error(f"is {kind}, which makes points; shapes need 'UNet'")
    if arguments.get("dimensions", 3) != 3:
        raise here.at("dimensions").wrong(arguments["dimensions"], "3, for shapes")
    _fitting_channels(config, arguments.get("in_channels", 1), here.at("in_channels"))
    if arguments.get("side", side) != side:
        raise here.at("side").wrong(arguments["side"], f"{side}, the config's resolution")
    if config.network.kind == "FactsOfShape" and side % 8:
        raise place.at("resolution").wrong(side, "a multiple of 8, for FactsOfShape")
    if config.network.kind == "UNet":
        _fitting_unet(config, arguments, place)


def _fitting_channels(config: Config, channels: int, place: Place) -> None:
    """A model of shapes has one channel, and with materials one more per slot."""
    if config.data is None:
        known = {1, 1 + SLOTS}
        expected = f"1, for shapes, or {1 + SLOTS}, with materials"
    elif config.data.kind in WITH_SLOTS:
        known, expected = {1 + SLOTS}, f"{1 + SLOTS}, for shapes with materials"
    else:
        known, expected = {1}, "1, for shapes without materials"
    if channels not in known:
        raise place.wrong(channels, expected)


def _fitting_unet(config: Config, arguments: dict[str, Any], place: Place) -> None:
    channels, patch, here = arguments["channels"], arguments["patch"], place.at("network")
    if not 1 <= len(channels) <= 8:
        raise here.at("channels").wrong(list(channels), "the features of 1 to 8 levels")
    multiple = patch * 2 ** (len(channels) - 1)
    if config.resolution % multiple:
        raise place.at("resolution").wrong(
            config.resolution,
            f"a multiple of {multiple}: network.patch, doubled at each level after the first",
        )
    if channels[-1] % arguments["heads"]:
        expected = f"a divisor of {channels[-1]} channels"
        raise here.at("heads").wrong(arguments["heads"], expected)


def _arguments(network: Section) -> dict[str, Any]:
    """A network's arguments, with the defaults of those that the config does not name."""
    parameters = inspect.signature(NETWORKS[network.kind]).parameters.values()
    defaults = {one.name: one.default for one in parameters if one.default is not one.empty}
    return defaults | network.arguments


def _fitting_data(config: Config, place: Place) -> None:
    """The recipe gives what the network makes and takes, and the loss can compare."""
    if config.data is None:
        return
    kind, recipe = config.network.kind, config.data.kind
    makes, takes = MAKES[kind]
    takes = {takes} if takes else {TAKES[one.kind] for one in config.network.conditioners}
    fitting = [
        name
        for name, (learned, given) in GIVES.items()
        if learned == makes and (not takes or given in takes)
    ]
    if recipe not in fitting:
        known = f"one of {', '.join(fitting)}"
        if not fitting:
            known = f"a recipe that gives {' and '.join(sorted(takes))}, and there is none yet"
        raise place.at("data", "kind").error(
            f"is {recipe!r}, which does not fit this {kind}; expected {known}"
        )
    if config.loss is not None and (config.loss.kind == "bits") != (makes == "facts"):
        expected = "'bits', for facts" if makes == "facts" else "a loss for shapes: 'denoising'"
        raise place.at("loss", "kind").wrong(config.loss.kind, expected)
    if recipe == "npz":
        return
    for number, name in enumerate(config.classes):
        checked_choice(name, CLASSES, place.at("classes", number))
    if not SMALLEST_RESOLUTION <= config.resolution <= LARGEST_RESOLUTION:
        raise place.at("resolution").wrong(
            config.resolution,
            f"a whole number from {SMALLEST_RESOLUTION} to {LARGEST_RESOLUTION}, for this data",
        )


class _Trial:
    """A denoiser that knows the answer, to try a sampler on."""

    def __init__(self, path):
        self.path = path

    def __call__(self, x_t: torch.Tensor, t: torch.Tensor | float) -> torch.Tensor:
        return torch.full_like(x_t, 0.5)


def _walkable(config: Config, place: Place) -> None:
    """The sampling goes from noise to data."""
    if config.sampling is None:
        return
    how, here = config.sampling, place.at("sampling")
    trial = _Trial(PATHS[config.path]())
    try:
        times = time_grid(trial.path, how.steps, how.shift)
        times = torch.cat([times[: -1 : max(1, how.steps // WALKED)], times[-1:]])
        x = last(sample(trial, torch.ones(1, 2), times, SAMPLERS[how.sampler], seed=0)).x_t
    except (ValueError, ArithmeticError, RuntimeError) as error:
        raise here.error(f"goes nowhere: {error}") from error
    if not (times.diff() < 0).all() or not (x - 0.5).abs().max() < 0.1:
        raise here.error(f"goes nowhere: {how.steps} steps with shift {shown(how.shift)}")
