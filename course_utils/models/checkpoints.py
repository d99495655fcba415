"""Trained models on disk: a folder with `config.json`, `model.safetensors` and a card (README.md).

The config is the one the training began with (see `configs/`), so the folder says how it was made;
the weights are the moving average in half precision, guarded by a checksum. No pickle anywhere. A
voxel model's folder also has what diffusers needs to open it as a pipeline
(`course_utils.models.pipeline`): `model_index.json`.
"""

import copy
import hashlib
import json
from pathlib import Path

import torch
from safetensors.torch import load, save

from course_utils.diffusion.denoiser import LOG_SNR_RANGE, Denoiser
from course_utils.diffusion.paths import PATHS
from course_utils.files.atomic import writing, writing_folder
from course_utils.networks.facts import FactsOfShape
from course_utils.networks.mlp import MLP
from course_utils.networks.text import FactsOfText, FromText
from course_utils.networks.unet import UNet
from course_utils.places import present

NETWORKS = {
    "UNet": UNet,
    "MLP": MLP,
    "FromText": FromText,
    "FactsOfText": FactsOfText,
    "FactsOfShape": FactsOfShape,
}
READERS = (
    "FromText",
    "FactsOfText",
    "FactsOfShape",
)  # they learn what a text or a shape says; all others make shapes
MODEL_INDEX = {
    "_class_name": "VoxelDiffusionPipeline",
    "denoiser": ["course_utils.models.pipeline", "VoxelDenoiser"],
    "scheduler": [None, None],
}


def build_denoiser(config: dict) -> Denoiser:
    """An untrained denoiser from a config's `network`, `path` and `prediction`. ValueError names
    what is wrong.
    """
    try:
        network = dict(config["network"])
        kind = NETWORKS[network.pop("kind")]
        told = config.get("log_snr_range", LOG_SNR_RANGE)
        return Denoiser(kind(**network), PATHS[config["path"]](), config["prediction"], told)
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"the config does not describe a model ({type(error).__name__}: {error}); it needs"
            f" network (kind: {' or '.join(NETWORKS)}, and its arguments), path"
            f" ({', '.join(PATHS)}) and prediction"
        ) from error


def makes_shapes(config: dict) -> bool:
    """Whether a config's model samples voxels."""
    return "resolution" in config and config["network"]["kind"] not in READERS


def save_checkpoint(folder: str | Path, denoiser: Denoiser, config: dict, card: str) -> None:
    """Write a denoiser as a checkpoint folder, atomically: weights in half precision, config with
    checksum, card.
    """
    weights = save(
        {k: v.detach().half().cpu().contiguous() for k, v in denoiser.state_dict().items()}
    )
    with writing_folder(folder) as new:
        (new / "model.safetensors").write_bytes(weights)
        config = {**config, "weights_sha256": hashlib.sha256(weights).hexdigest()}
        (new / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        (new / "README.md").write_text(card, encoding="utf-8")
        if makes_shapes(config):
            (new / "model_index.json").write_text(
                json.dumps(MODEL_INDEX, indent=2) + "\n", encoding="utf-8"
            )


def load_checkpoint(folder: str | Path, device: str = "cpu") -> tuple[Denoiser, dict]:
    """A trained denoiser, ready to sample (float32, eval mode), and its config.

    ValueError if the folder is no checkpoint, if its weights differ from the checksum or fit
    another network.
    """
    folder = present(folder)
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        weights = (folder / "model.safetensors").read_bytes()
    except (OSError, json.JSONDecodeError) as error:
        raise ValueError(f"{folder} is not a checkpoint folder: {error}") from error
    if not isinstance(config, dict):
        raise ValueError(
            f"{folder / 'config.json'} holds {type(config).__name__}; expected an object with a"
            " config"
        )
    if hashlib.sha256(weights).hexdigest() != config.get("weights_sha256"):
        raise ValueError(
            f"{folder / 'model.safetensors'} is damaged: its checksum is not the one in"
            " config.json; fetch or copy the folder again (a shipped model: git checkout"
            " data/checkpoints)"
        )
    try:
        denoiser = build_denoiser(copy.deepcopy(config))
    except (RuntimeError, IndexError, OverflowError) as error:  # sizes that no network can have
        raise ValueError(
            f"{folder / 'config.json'} describes no network: {str(error).splitlines()[0]}"
        ) from error
    try:
        denoiser.load_state_dict({k: v.float() for k, v in load(weights).items()})
    except RuntimeError as error:
        raise ValueError(
            f"{folder}: the weights fit another network: {str(error).splitlines()[-1].strip()}"
        ) from error
    return denoiser.to(torch.device(device)).eval().requires_grad_(False), config


def write_section(folder: str | Path, heading: str, section: str) -> None:
    """Put a section of Markdown, from its heading on, at the end of a folder's card, in the place
    of an older one.
    """
    file = Path(folder) / "README.md"
    text = file.read_text(encoding="utf-8").split(heading)[0].rstrip()
    with writing(file) as temporary:
        temporary.write_text(f"{text}\n\n{section}", encoding="utf-8")
