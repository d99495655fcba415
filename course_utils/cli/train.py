"""`train`: train a model from its config to a checkpoint folder, saving as it goes."""

import argparse
import hashlib
import json
import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from course_utils.cli.numbers import positive
from course_utils.places import CONFIGS, ROOT, RUNS

if TYPE_CHECKING:
    from torch import Tensor

    from course_utils.diffusion.training import Plan, Trainer


def add_parser(commands) -> None:
    """Add the command to argparse's subparsers."""
    several = (
        "On several GPUs: accelerate launch -m course_utils train NAME; --batch-size is then each"
        " process's own."
    )
    about = "train a model from its config; goes on where a killed training stopped"
    command = commands.add_parser("train", help=about, epilog=several)
    command.set_defaults(run=train)
    add = command.add_argument
    add("config", help="name of a file in configs/, or a path to a .json")
    add("--data", type=Path, help="the data file, for configs that need one")
    add("--out", type=Path, help="folder for state and checkpoint (default: runs/NAME)")
    add("--steps", type=positive, help="training steps (default: the config's)")
    add("--batch-size", type=positive, help="shapes per step (default: the config's)")
    add("--device", help="cpu, cuda or mps (default: cuda if there is one)")
    add("--save-every", type=positive, default=250, help="steps between saves (default: 250)")
    half = "bfloat16 on the CPU too (quick where it has AMX)"
    add("--half", action="store_true", help=half)
    compiled = "compile the network first (worth it on a GPU)"
    add("--compile", action="store_true", help=compiled)


def train(options: argparse.Namespace) -> None:
    """Train from a config to a checkpoint folder, saving as it goes; a second call goes on where
    the first stopped.

    Under `accelerate launch` several processes train as one, each with --batch-size shapes of every
    step; only the first prints and saves.
    """
    import torch

    from course_utils.diffusion.denoiser import parameter_count
    from course_utils.diffusion.training import Trainer, has_bfloat16_units, place_in_team
    from course_utils.files.atomic import alone_in
    from course_utils.models.checkpoints import build_denoiser, makes_shapes, save_checkpoint
    from course_utils.models.recipes import draw_from, training_data

    config, plan = read_plan(options)
    out = options.out or RUNS / config["name"]
    with (
        team(options.device) as device,
        alone_in(out) if place_in_team()[0] == 0 else nullcontext(),
    ):
        if options.half and device == "cpu" and not has_bfloat16_units():
            raise ValueError(
                "--half is for processors with AMX, and this one has none: leave it away"
            )
        voxels, condition = training_data(config, options.data)
        torch.manual_seed(plan.seed)
        denoiser = build_denoiser(config)
        begin_from(denoiser, config.get("begin_from", []))
        freeze(denoiser, config.get("frozen", []))
        trainer = Trainer(denoiser, plan, device, options.compile, options.half)
        going_on = restore_all(trainer, out / "state.safetensors")
        if trainer.rank == 0:
            millions = parameter_count(trainer.denoiser) / 1e6
            together = f", {trainer.processes} processes" if trainer.processes > 1 else ""
            print(
                f"{going_on}{config['name']}: {millions:.2f} M parameters, {len(voxels)} shapes,"
                f" {device}{together}"
            )
        run_training(
            trainer, draw_from(voxels, condition), out / "state.safetensors", options.save_every
        )
        if trainer.rank == 0:
            made = how_made(trainer, voxels)
            save_checkpoint(
                out / "checkpoint", trainer.ema, config | {"made": made}, card(config, plan, made)
            )
            example = (
                f": try python3 course.py generate {config['classes'][0]} --model"
                f" {out / 'checkpoint'}"
            )
            print(f"{out / 'checkpoint'}{example if makes_shapes(config) else ''}")


def read_plan(options: argparse.Namespace) -> tuple[dict, "Plan"]:
    """The config and its plan, with the changes that the options ask for. ValueError for what is no
    config or plan.
    """
    from course_utils.diffusion.training import Plan

    config = read_config(options.config)
    changes = {"steps": options.steps, "batch_size": options.batch_size}
    config["plan"] |= {key: value for key, value in changes.items() if value is not None}
    try:
        return config, Plan(**config["plan"])
    except TypeError as error:
        raise ValueError(f"the plan in {options.config} is not one: {error}") from error


TEAM_SIZES = (
    "WORLD_SIZE",
    "OMPI_COMM_WORLD_SIZE",
    "PMI_SIZE",
    "MV2_COMM_WORLD_SIZE",
)  # torchrun's, then MPI's


@contextmanager
def team(device: str | None) -> Iterator[str]:
    """Yield the device to train on: this process's own if a launcher started several, which then
    work as a team.
    """
    import torch

    from course_utils.models.devices import checked_device

    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if all(int(os.environ.get(name, 1)) == 1 for name in TEAM_SIZES):
        yield checked_device(device)
        return
    try:
        from accelerate import PartialState
    except ImportError as error:
        raise ValueError(
            "several processes need the package accelerate: pip install accelerate"
        ) from error
    state = PartialState(cpu=device == "cpu")
    if state.num_processes == 1:
        raise ValueError(
            f"several processes cannot train on device {device!r} here; use cuda or cpu"
        )
    try:
        yield "cpu" if device == "cpu" else str(state.device)
    finally:
        state.destroy_process_group()


def restore_all(trainer: "Trainer", state: Path) -> str:
    """Restore a trainer where there is a state; a line that says so, or "". ValueError if only some
    processes could.
    """
    import torch

    from course_utils.diffusion.training import average_over_team

    if state.exists():
        trainer.restore(state)
    if trainer.processes > 1:
        mean = torch.tensor(trainer.step, dtype=torch.float64, device=trainer.device)
        average_over_team([mean])
        if float(mean) != trainer.step:
            raise ValueError(
                f"not every process sees the same {state}; give an --out that all machines share"
            )
    return (
        f"going on at step {trainer.step} of {trainer.plan.steps} ({state})\n"
        if trainer.step
        else ""
    )


def run_training(trainer: "Trainer", draw: Callable, state: Path, save_every: int) -> None:
    """Train to the end, saving every so often; Ctrl-C ends a team after the same step, saves, and
    exits with code 1.
    """
    from course_utils.models.progress import progress

    mean_loss, main = None, trainer.rank == 0
    steps, first = trainer.plan.steps, trainer.step
    with (
        noticed_ctrl_c() as pressed,
        progress(total=steps, desc="training", initial=first, disable=not main) as bar,
    ):
        for done in trainer.run(draw):
            mean_loss = done.loss if mean_loss is None else 0.99 * mean_loss + 0.01 * done.loss
            bar.set_postfix_str(f"loss {mean_loss:.4f}", refresh=False)
            bar.update()
            if anyone(bool(pressed), trainer):
                break
            if main and done.step % save_every == 0 and done.step < steps:
                trainer.save(state)
        if main:
            trainer.save(state)
    if trainer.step < trainer.plan.steps:
        message = (
            f"\nstopped at step {trainer.step}, saved in {state}; the same command goes on from"
            " there"
        )
        raise SystemExit(message if main else 1)


def anyone(true: bool, trainer: "Trainer") -> bool:
    """Is something true in any of the team's processes?"""
    import torch

    from course_utils.diffusion.training import average_over_team

    if trainer.processes == 1:
        return true
    share = torch.tensor(float(true), device=trainer.device)
    average_over_team([share])
    return float(share) > 0


@contextmanager
def noticed_ctrl_c() -> Iterator[list]:
    """Yield a list that Ctrl-C adds to, instead of breaking off in the middle of a step or of
    saving.
    """
    pressed = []
    before = signal.signal(signal.SIGINT, lambda *_: pressed.append(True))
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def how_made(trainer: "Trainer", voxels: "Tensor") -> dict:
    """What the checkpoint's config and card say about the training and its data."""
    import torch

    launcher = ["python3", "course.py"]
    if trainer.processes > 1:
        launcher = [
            "accelerate",
            "launch",
            "--num_processes",
            str(trainer.processes),
            "-m",
            "course_utils",
        ]
    cuda, threads = trainer.device.type == "cuda", torch.get_num_threads()
    cores = f"{trainer.device}, {threads} thread{'s' if threads > 1 else ''}"
    return {
        "command": shlex.join([*launcher, *sys.argv[1:]]),
        "processes": trainer.processes,
        "minutes": round(trainer.seconds / 60, 1),
        "device": torch.cuda.get_device_name() if cuda else cores,
        "shapes": len(voxels),
        "data_sha256": hashlib.sha256(voxels.numpy().tobytes()).hexdigest(),
        "torch": torch.__version__,
    }


CONFIG_KEYS = {
    "name",
    "about",
    "classes",
    "resolution",
    "data",
    "network",
    "path",
    "prediction",
    "plan",
    "sampling",
}


def read_config(name: str) -> dict:
    """A training config by its name in configs/ or its path. ValueError if there is none, or it is
    not one.
    """
    path = Path(name) if name.endswith(".json") else CONFIGS / f"{name}.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        missing = CONFIG_KEYS - set(config)
    except OSError:
        known = ", ".join(sorted(p.stem for p in CONFIGS.glob("*.json")))
        raise ValueError(
            f"there is no config {name!r}; there are {known}, or give a path to a .json"
        ) from None
    except (json.JSONDecodeError, TypeError) as error:
        raise ValueError(f"{path} is not JSON with a config in it: {error}") from error
    if missing:
        raise ValueError(f"{path} lacks {', '.join(sorted(missing))}")
    if config["network"].get("facts"):
        from course_utils.datasets.captions import FACTS

        config["network"]["facts"] = len(FACTS)
    if config["data"]["kind"] in ("captioned", "facts"):
        from course_utils.datasets.captions import words

        config["words"] = words()
        config["network"]["words"] = len(config["words"])
    return config


def begin_from(denoiser, folders: list[str]) -> None:
    """Copy from each checkpoint the weights with the same names and sizes: a trunk from one, words
    from another.

    ValueError for a folder that is not there; where it is the end of a training of ours, it says
    how to make it.
    """
    from course_utils.models.checkpoints import load_checkpoint

    for folder in folders:
        if not (ROOT / folder).exists():
            made = (
                f"; make it first: python3 course.py train {Path(folder).parent.name}"
                if "runs" in folder
                else ""
            )
            raise ValueError(f"this training begins from {folder}, which is not there{made}")
        mine, theirs = denoiser.state_dict(), load_checkpoint(ROOT / folder)[0].state_dict()
        same = {
            name: value
            for name, value in theirs.items()
            if name in mine and value.shape == mine[name].shape
        }
        denoiser.load_state_dict(mine | same)


def freeze(denoiser, parts: list[str]) -> None:
    """Let parts of a denoiser stay as they began. ValueError for a name that is none of its
    parts.
    """
    for part in parts:
        try:
            denoiser.get_submodule(part).requires_grad_(False)
        except AttributeError as error:
            raise ValueError(
                f"the config wants {part} frozen, but the model has no such part: {error}"
            ) from error


def card(config: dict, plan: "Plan", made: dict) -> str:
    """The checkpoint's card: what it is and how it was made."""
    from course_utils.models.checkpoints import makes_shapes

    data = config["data"].get(
        "file", f"{made['shapes']} procedural shapes (course_utils.datasets.shapes)"
    )
    sampling, makes = config["sampling"], "makes" if makes_shapes(config) else "knows"
    learned = "facts" if config["data"]["kind"] in ("facts", "seen", "guessed") else "voxels"
    settings = f"{sampling['sampler']}, {sampling['steps']} steps, shift {sampling['shift']}"
    settings = f"\n| sampling | {settings}, guidance scale {sampling['guidance_scale']}"
    settings += f", steering {sampling['steering']}" if "steering" in sampling else ""
    settings = f"{settings} |" * makes_shapes(config)
    origins = " and ".join(f"`{folder}`" for folder in config.get("begin_from", []))
    begun = (
        f"\n| begun from | {origins}{', parts of it frozen' * ('frozen' in config)} |"
        if origins
        else ""
    )
    steps = f"{plan.steps} steps of {made['processes'] * plan.batch_size}"
    return f"""# {config["name"]}

{config["about"]}.

| | |
|---|---|
| {makes} | {", ".join(config["classes"])}, {config["resolution"]} voxels a side |
| data | {data}, SHA-256 of the {learned} {made["data_sha256"][:16]}… |
| training | `{made["command"]}`: {steps}, seed {plan.seed} |{begun}
| took | {made["minutes"]} minutes on {made["device"]} (torch {made["torch"]}) |
| weights | moving average (EMA), half precision, safetensors |{settings}
"""
