"""The registries that configs name, in the arguments of the layout of configs; for the present API.

Only until networks/conditioning, diffusion/losses and models/recipes have registries of their own.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from course_utils.diffusion.denoiser import Denoiser
from course_utils.diffusion.paths import PATHS
from course_utils.diffusion.sampling import last
from course_utils.diffusion.training import Draw, Plan
from course_utils.models.config import Config
from course_utils.networks.facts import FactsOfShape
from course_utils.networks.mlp import MLP
from course_utils.networks.text import FactsOfText, FromText
from course_utils.networks.unet import UNet

NETWORKS = {
    "UNet": UNet,
    "MLP": MLP,
    "FromText": FromText,
    "FactsOfText": FactsOfText,
    "FactsOfShape": FactsOfShape,
}
# what UNet and MLP take today and conditioners will take, and what no config says of a network
OTHERS = ("classes", "words", "reads", "sketch", "facts")


def labels(classes: int) -> dict[str, Any]:
    return {"classes": classes}


def text(words: int, reads: bool = False, sketch: int = 0) -> dict[str, Any]:
    return {"words": words, "reads": reads, "sketch": sketch}


def facts(words: int, facts: int) -> dict[str, Any]:
    return {"words": words, "facts": facts}


CONDITIONERS = {"labels": labels, "text": text, "facts": facts}


def denoising(
    time_mean: float = 0.0,
    time_std: float = 1.0,
    loss_in: str = "velocity",
    weight_limit: float = 400.0,
    drop_condition: float = 0.1,
) -> dict[str, Any]:
    return locals()


def bits() -> dict[str, Any]:
    return {"loss_in": "bits", "drop_condition": 0.0}


LOSSES = {"denoising": denoising, "bits": bits}
OTHERS_OF_PLAN = ("time_mean", "time_std", "loss_in", "weight_limit", "drop_condition")


def procedural(config: Config, count: int, first_index: int = 0): ...
def captioned(config: Config, count: int, first_index: int = 0, wordings: int = 1): ...
def means(config: Config, count: int, first_index: int = 0, wordings: int = 1): ...
def facts_of_texts(config: Config, count: int, first_index: int = 0, wordings: int = 1): ...
def facts_of_shapes(config: Config, count: int, first_index: int = 0): ...
def facts_of_guesses(
    config: Config, model: str, count: int, first_index: int = 0, wordings: int = 1
): ...
def npz(config: Config, file: str): ...


RECIPES = {
    one.__name__: one
    for one in (
        procedural,
        captioned,
        means,
        facts_of_texts,
        facts_of_shapes,
        facts_of_guesses,
        npz,
    )
}


def network_of(config: Config) -> nn.Module:
    """The network of the present API."""
    arguments = dict(config.network.arguments)
    for conditioner in arguments.pop("conditioners", []):
        conditioner = dict(conditioner)
        arguments |= CONDITIONERS[conditioner.pop("kind")](**conditioner)
    return NETWORKS[config.network.kind](**arguments)


def model_of(config: Config) -> Denoiser:
    """The denoiser of the present API; seers are denoisers there too."""
    path = PATHS[config.path or "flow"]()
    return Denoiser(network_of(config), path, config.prediction or "x0", config.log_snr_range)


def plan_of(config: Config) -> Plan:
    """The plan of the present API, which holds the loss."""
    return replace(config.plan, **LOSSES[config.loss.kind](**config.loss.arguments))


def data_of(config: Config, file: Path | None) -> tuple[Tensor, Draw]:
    """What is learned (N, ...), for the card, and the draws of it."""
    from course_utils.models.recipes import draw_from, training_data

    old = {"facts_of_texts": "facts", "facts_of_shapes": "seen", "facts_of_guesses": "guessed"}
    data = {"first_index": 0, "wordings": 1} | config.data.to_dict()
    data["kind"] = old.get(config.data.kind, config.data.kind)
    if data["kind"] == "means":
        data |= {"kind": "captioned", "means": True}
    about = {"name": config.name, "classes": list(config.classes), "data": data}
    about |= {"resolution": config.resolution, "words": list(config.words)}
    samples, condition = training_data(about, file)
    return samples, draw_from(samples, condition)


def tried(denoiser: Denoiser, config: Config) -> Tensor:
    """One answer of a model: a shape in one step, or the facts of an empty one or of a text."""
    from course_utils.models.generation import sampling_states

    if not config.is_seer:
        prompt = config.words[0] if config.words else config.classes[0]
        return last(sampling_states(denoiser, config, [prompt], [0], steps=1)).x_t
    side = config.resolution
    shown = -torch.ones(1, side, side, side) if not config.words else torch.zeros(1, 3).long()
    return denoiser(torch.zeros(1, config.facts), 0.5, shown)
