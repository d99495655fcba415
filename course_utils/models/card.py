"""A checkpoint's card, its README.md: what the model is, how it was made, how good it is."""

import hashlib
from pathlib import Path

from torch import Tensor

from course_utils.files.atomic import writing
from course_utils.models.config import Config


def card(config: Config) -> str:
    """The card of a checkpoint whose config says how it was `made`."""
    lines = [
        ("makes" if config.makes_shapes else "knows", _what(config)),
        ("data", _data(config)),
        ("training", _training(config)),
        ("begun from", _origins(config)),
        ("took", f"{config.made['minutes']} minutes on {_device(config)}"),
        ("weights", "moving average (EMA), half precision, safetensors"),
        ("sampling", _sampling(config)),
    ]
    table = "\n".join(f"| {name} | {text} |" for name, text in lines if text)
    return f"# {config.name}\n\n{config.about}.\n\n| | |\n|---|---|\n{table}\n"


def write_section(folder: str | Path, heading: str, section: str) -> None:
    """Write a section into a folder's card, in place of an older one or at the end.

    Other sections stay, such as a person's notes.

    Args:
        folder: A checkpoint folder.
        heading: The section's first line, such as "## Quality".
        section: The whole section in Markdown, its heading included.
    """
    file = Path(folder) / "README.md"
    before, _, old = f"{file.read_text(encoding='utf-8')}\n".partition(f"\n{heading}\n")
    after = old[old.find("\n## ") :].strip() if "\n## " in old else ""
    parts = (before.rstrip(), section.rstrip(), after)
    with writing(file) as temporary:
        temporary.write_text("\n\n".join(filter(None, parts)) + "\n", encoding="utf-8")


def sha256_of(data: Tensor) -> str:
    """The checksum of training data on the CPU, as a card and a config state it."""
    return hashlib.sha256(data.contiguous().numpy()).hexdigest()


def _what(config: Config) -> str:
    families = ", ".join(config.classes)
    return (
        families
        if config.network.kind == "Reader"
        else f"{families}, {config.resolution} voxels per side"
    )


def _data(config: Config) -> str:
    made, learned = config.made, "facts" if config.is_seer else "voxels"
    ours = f"{made['shapes']} procedural shapes (course_utils.datasets.shapes)"
    if config.network.kind == "Reader":
        ours = f"{made['shapes']} texts (course_utils.datasets.captions.speech)"
    data = config.data.arguments.get("file", ours)
    return f"{data}, SHA-256 of the {learned} {made['data_sha256'][:16]}…"


def _training(config: Config) -> str:
    made, plan = config.made, config.plan
    steps = f"{plan.steps} steps of {made['processes'] * plan.batch_size}"
    return f"`{made['command']}`: {steps}, seed {plan.seed}"


def _origins(config: Config) -> str:
    origins = " and ".join(f"`{folder}`" for folder in config.begin_from)
    return f"{origins}, parts of it frozen" if origins and config.frozen else origins


def _device(config: Config) -> str:
    return f"{config.made['device']} (torch {config.made['torch']})"


def _sampling(config: Config) -> str:
    if not config.makes_shapes:
        return ""
    how = config.sampling
    text = f"{how.sampler}, {how.steps} steps, shift {how.shift}"
    return f"{text}, guidance scale {how.guidance_scale}"
