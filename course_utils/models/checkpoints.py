"""Trained models on disk: a folder with `config.json`, `model.safetensors` and a card (README.md).

The config is the one that the training began with (see `configs/`), so the folder says how it was
made; the weights are the moving average in half precision, guarded by a checksum. There is no
pickle. A voxel model's folder also has the file that diffusers needs to open it as a pipeline
(`course_utils.models.pipeline`): `model_index.json`.
"""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from course_utils.diffusion.denoiser import Denoiser
from course_utils.diffusion.paths import PATHS
from course_utils.files.atomic import writing_folder
from course_utils.files.door import LONGEST_REASON
from course_utils.files.weights import AtMost, announced_tensors
from course_utils.models.config import Config, read_json
from course_utils.networks.conditioning import several
from course_utils.networks.conditioning.facts import on_named_facts
from course_utils.networks.conditioning.labels import on_labels
from course_utils.networks.facts import FactsOfShape, FromFacts
from course_utils.networks.mlp import MLP
from course_utils.networks.reader import Reader
from course_utils.networks.unet import UNet
from course_utils.places import present

NETWORKS = {
    "UNet": UNet,
    "MLP": MLP,
    "FromFacts": FromFacts,
    "Reader": Reader,
    "FactsOfShape": FactsOfShape,
}
CONDITIONERS = {
    "labels": on_labels,
    "named": on_named_facts,
}

MOST_PARAMETERS = 2_000_000_000
NO_MODEL = (ValueError, TypeError, RuntimeError, LookupError, ArithmeticError, MemoryError)
USUAL = 128  # a network whose numbers are at most this cannot have as many
FILES = ("model.safetensors", "config.json", "README.md", "model_index.json")  # of a checkpoint
MODEL_INDEX = {
    "_class_name": "VoxelDiffusionPipeline",
    "denoiser": ["course_utils.models.pipeline", "VoxelDenoiser"],
    "scheduler": [None, None],
}


def build_model(config: Config) -> nn.Module:
    """The untrained model that a config describes: a `Denoiser`, or a network that sees facts.

    Raises:
        ValueError: If there is no such model of usable size.
    """
    try:
        if _largest(config.network.arguments) > USUAL:
            _refuse_giants(config)
        return _model(config)
    except NO_MODEL as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{config.where}: network describes no model: {reason}") from error


def _model(config: Config) -> nn.Module:
    arguments = dict(config.network.arguments)
    if "conditioners" in arguments:
        del arguments["conditioners"]
        parts = config.network.conditioners
        arguments["conditioner"] = several(
            *(CONDITIONERS[part.kind](**part.arguments) for part in parts)
        )
    network = NETWORKS[config.network.kind](**arguments)
    if config.is_seer:
        return network
    return Denoiser(network, PATHS[config.path](), config.prediction, config.log_snr_range)


def _largest(value: Any) -> float:
    """The largest number in a network's arguments, apart from those of facts."""
    if isinstance(value, dict):
        value = [one for key, one in value.items() if key != "facts"]
    if isinstance(value, list):
        return max(map(_largest, value), default=0)
    return value if isinstance(value, int | float) else 0


def _refuse_giants(config: Config) -> None:
    """ValueError if a model has more than `MOST_PARAMETERS`; found out without their memory."""
    with torch.device("meta"):  # takes a second or two, because torch imports its compiler
        parameters = sum(part.numel() for part in _model(config).parameters())
    if parameters > MOST_PARAMETERS:
        raise ValueError(f"it has {parameters:,} parameters; expected {MOST_PARAMETERS:,} at most")


def save_checkpoint(folder: str | Path, model: nn.Module, config: Config, card: str) -> None:
    """Write a model as a checkpoint folder, atomically; its weights in half precision.

    Args:
        folder: The folder; a checkpoint that is there is replaced, what else lies there stays.
        model: The trained model.
        config: Its config, which is written with the checksum of the weights.
        card: The text of its README.md.
    """
    weights = save({k: v.detach().half().cpu().contiguous() for k, v in model.state_dict().items()})
    config = replace(config, weights_sha256=hashlib.sha256(weights).hexdigest())
    with writing_folder(folder, FILES) as new:
        (new / "model.safetensors").write_bytes(weights)
        (new / "config.json").write_text(_text(config.to_dict()), encoding="utf-8")
        (new / "README.md").write_text(card, encoding="utf-8")
        if config.makes_shapes:
            (new / "model_index.json").write_text(_text(MODEL_INDEX), encoding="utf-8")


def _text(entries: dict) -> str:
    return json.dumps(entries, indent=2) + "\n"


def checkpoint_config(folder: str | Path) -> Config:
    """The config of a checkpoint folder; ValueError if there is none or it describes no model."""
    file = Path(folder) / "config.json"
    return Config.of(read_json(file, str(file)), str(file))


def load_checkpoint(folder: str | Path, device: str = "cpu") -> tuple[nn.Module, Config]:
    """A trained model, ready to sample (float32, eval mode), and its config.

    Args:
        folder: A checkpoint folder.
        device: Where the model is put.

    Raises:
        ValueError: If the folder is no checkpoint, its config describes no model, or its weights
            differ from their checksum or belong to another network.
    """
    folder = present(folder)
    file = folder / "config.json"
    try:
        weights = (folder / "model.safetensors").read_bytes()
    except OSError as error:
        raise ValueError(f"{folder} is not a checkpoint folder: {error}") from error
    config = checkpoint_config(folder)
    if hashlib.sha256(weights).hexdigest() != config.weights_sha256:
        raise ValueError(
            f"{folder / 'model.safetensors'} is damaged: its checksum is not the weights_sha256 in"
            f" {file}; fetch or copy the folder again (a shipped model: git checkout"
            " data/checkpoints)"
        )
    try:
        tensors = announced_tensors(weights)
    except ValueError as error:
        raise ValueError(f"{folder / 'model.safetensors'} holds no weights: {error}") from error
    with AtMost(tensors):
        model = build_model(config)
    try:
        model.load_state_dict({k: v.float() for k, v in load(weights).items()})
    except (RuntimeError, SafetensorError) as error:
        reason = shorten(str(error).splitlines()[-1], LONGEST_REASON, placeholder="…")
        raise ValueError(f"{file}: the weights fit another network: {reason}") from error
    return model.to(torch.device(device)).eval().requires_grad_(False), config
