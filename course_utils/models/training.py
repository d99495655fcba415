"""From a config to a checkpoint folder: everything between `course.py train` and the trainer.

A training saves as it goes and continues where it was stopped. What can be known to fail is refused
before data are made, and long before the first step.
"""

import os
import shlex
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from course_utils.diffusion.denoiser import Denoiser, parameter_count
from course_utils.diffusion.device import has_bfloat16_units
from course_utils.diffusion.losses import LOSSES
from course_utils.diffusion.sampling import last
from course_utils.diffusion.training import Draw, Trainer
from course_utils.files.atomic import (
    alone_in,
    behind_link,
    checked_folder,
    checked_goal,
    clear_leftovers,
)
from course_utils.files.states import before
from course_utils.models.budget import parts_that_fit
from course_utils.models.card import card, sha256_of
from course_utils.models.checkpoints import FILES, build_model, load_checkpoint, save_checkpoint
from course_utils.models.config import Config
from course_utils.models.origin import (
    found_in_places,
    origin_of,
    origin_of_data,
    refuse_another_model,
)
from course_utils.models.progress import progress
from course_utils.models.prompting import sampling_states
from course_utils.models.recipes import source_of
from course_utils.models.team import Team, team_on
from course_utils.places import place

STATE = "state.safetensors"  # in a training's folder


class Stopped(KeyboardInterrupt):
    """Ctrl-C ended a training after a whole step, and its state was saved; the message says where.

    In processes of a team that save nothing the message is empty.
    """


def train(
    config: Config,
    out: str | Path,
    *,
    data: Path | None = None,
    device: str | None = None,
    save_every: int = 250,
    compiled: bool = False,
    half: bool = False,
    parts: int | None = None,
    arguments: Sequence[str] = (),
    say: Callable[[str], None] = print,
    show_progress: bool = True,
) -> Path | None:
    """Train from a config to a checkpoint folder, or continue a training that was stopped.

    Under `accelerate launch` several processes train as one, each with the plan's batch size; only
    the first prints and saves anything.

    Args:
        config: What to train, from `Config.read`.
        out: A folder for state.safetensors and, at the end, the folder checkpoint.
        data: The data file, for configs that need one.
        device: cpu, cuda or mps; None is cuda if there is one.
        save_every: Steps between saves.
        compiled: Whether the network goes through torch.compile first.
        half: Whether to compute in bfloat16 on a CPU that has instructions for it.
        parts: In how many parts a process takes its batch, one after the other; None is as many as
            the device's memory asks for (`budget`).
        arguments: Those of `course.py` that started this training, for the card.
        say: Called with a line when the training begins.
        show_progress: Show a progress bar.

    Returns:
        The checkpoint folder; None in processes of a team that save nothing.

    Raises:
        ValueError: In one line, if the training cannot begin or continue.
        Stopped: After Ctrl-C.
    """
    out = Path(out)
    state = out / STATE
    with (
        team_on(device) as team,
        _at_work_in(out) if team.rank == 0 else nullcontext(),
    ):
        device = team.device
        if half and device == "cpu" and not has_bfloat16_units():
            raise ValueError(
                "--half is for processors with instructions for bfloat16 (AMX or AVX512_BF16), and"
                " this one has none: omit it"
            )
        loss = LOSSES[config.loss.kind](**config.loss.arguments)
        trainer = Trainer(begun(config), config.plan, loss, device, compiled, half, parts or 1)
        with _about(f"{config.where}: "):
            trainer.origin = origin_of(config)
        saved = saved_state(state)
        if saved is not None:  # before data are made
            trainer.check(saved)
        refuse_another_model(out / "checkpoint", config, trainer.processes, trainer.origin)
        with _about(f"{config.where}: data: "):
            source = source_of(config, data, team.make)
        trainer.origin |= origin_of_data(source)
        if parts is None:
            trainer.parts = parts_that_fit(trainer, source.draw)
        restored = restore_all(trainer, saved, team)
        refuse_another_model(out / "checkpoint", config, trainer.processes, trainer.origin)
        if trainer.rank == 0:
            say(f"{restored}{_described(config, trainer, len(source.values), device)}")
        first = trainer.step
        run_training(trainer, source.draw, state, team, save_every, show_progress)
        if trainer.rank > 0:
            return None
        if trainer.step == first and _written(out / "checkpoint", config):
            return out / "checkpoint"  # as it is: its card may have got a section since
        config = replace(config, made=how_made(trainer, source.values, arguments))
        save_checkpoint(out / "checkpoint", trainer.ema, config, card(config))
        return out / "checkpoint"


@contextmanager
def _about(subject: str) -> Iterator[None]:
    """Say in every ValueError what it is about."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{subject}{error}") from error


@contextmanager
def _at_work_in(out: Path) -> Iterator[None]:
    """Hold a training's folder, cleared of what killed ones left; refused if it cannot be written.

    ValueError as `alone_in`, `checked_goal` and `checked_folder`.
    """
    state, checkpoint = out / STATE, out / "checkpoint"
    with alone_in(out):
        checked_goal(state)
        checked_folder(checkpoint, FILES)
        clear_leftovers(state)
        clear_leftovers(before(state))
        clear_leftovers(checkpoint)
        yield


def _written(folder: Path, config: Config) -> bool:
    """Whether a checkpoint is there, whole, and that of a config."""
    try:
        theirs = load_checkpoint(folder)[1]
    except ValueError:
        return False
    return replace(theirs, made=None, weights_sha256=None) == config


def begun(config: Config) -> nn.Module:
    """The model as its training begins: seeded, begun from checkpoints, frozen in part, tried."""
    torch.manual_seed(config.plan.seed)
    model = build_model(config)
    with _about(f"{config.where}: "):
        begin_from(model, config.begin_from)
        freeze(model, config.frozen)
    try_out(model, config)
    return model


def begin_from(model: nn.Module, folders: Sequence[str]) -> None:
    """Copy the weights that have the same names and sizes from each checkpoint, one after another.

    Args:
        model: The model that is changed, in place.
        folders: Checkpoint folders, relative to the repository: a trunk from one, a sketch
            from another.

    Raises:
        ValueError: If a folder is not there; it says how to make one that a training makes.
    """
    for folder in folders:
        if not place(folder).exists():
            name = Path(folder).parent.name
            made = f"; make it first: python3 course.py train {name}" if "runs" in folder else ""
            raise ValueError(f"begin_from names {folder}, which is not there{made}")
        mine = _network(model).state_dict()
        theirs = _network(load_checkpoint(place(folder))[0]).state_dict()
        same = {
            name: value
            for name, value in theirs.items()
            if name in mine and value.shape == mine[name].shape
        }
        _network(model).load_state_dict(mine | same)


def _network(model: nn.Module) -> nn.Module:
    """The network of a denoiser; a network that sees facts is one itself."""
    return model.network if isinstance(model, Denoiser) else model


def freeze(model: nn.Module, parts: Sequence[str]) -> None:
    """Let parts of a model stay as they began.

    Args:
        model: The model that is changed, in place.
        parts: Names of submodules, such as "network.sketch".

    Raises:
        ValueError: If the model has no such part, or nothing is left to train.
    """
    for part in parts:
        try:
            model.get_submodule(part).requires_grad_(False)
        except AttributeError as error:
            raise ValueError(
                f"frozen names {part}, but the model has no such part: {error}"
            ) from error
    if not parameter_count(model):
        raise ValueError(f"frozen names {', '.join(parts)}, and nothing is left to train")


@torch.no_grad()
def try_out(model: nn.Module, config: Config) -> None:
    """Run an untrained model once, one sampling step of one shape, as it will be run at the end.

    Raises:
        ValueError: If that fails; it names the config's file.
    """
    with torch.random.fork_rng(devices=[]):
        try:
            _answer(model.eval(), config)
        except (ValueError, RuntimeError, IndexError, TypeError, ArithmeticError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ValueError(f"{config.where}: network cannot be run: {reason}") from error


def _answer(model: nn.Module, config: Config) -> torch.Tensor:
    """One answer of a model: a shape made in one step, or the facts of an empty shape or a word."""
    if not config.is_seer:
        return last(sampling_states(model, config, [config.classes[0]], [0], steps=1)).x_t
    if config.network.kind == "Reader":
        return model(torch.ones(1, 1, model.inlet.in_channels))
    return model(-torch.ones(1, *[config.resolution] * 3))


def saved_state(state: Path) -> Path | None:
    """The state to continue from; the one before where a save was killed; None if there is none."""
    return next((one for one in (state, before(state)) if os.path.lexists(behind_link(one))), None)


def restore_all(trainer: Trainer, state: Path | None, team: Team) -> str:
    """Restore a trainer in every process, and return a line that says so; "" if there is no state.

    Args:
        trainer: Of this process.
        state: The state, or None.
        team: All processes.

    Raises:
        ValueError: If it cannot continue from it, or only some processes can.
    """
    if state is not None:
        trainer.restore(state)
    if len(set(team.gathered(str(trainer.step).encode()))) > 1:
        raise ValueError(
            "not every process sees the same state; give an --out that all machines share"
        )
    steps = f"{trainer.step} of {trainer.plan.steps}"
    return f"continuing at step {steps} ({state})\n" if trainer.step else ""


def run_training(
    trainer: Trainer,
    draw: Draw,
    state: Path,
    team: Team,
    save_every: int,
    show_progress: bool = True,
) -> None:
    """Train to the end, saving every so often; Ctrl-C ends a team after the same step and saves.

    Args:
        trainer: The training.
        draw: Draws its batches.
        state: The file that it is saved to.
        team: All processes.
        save_every: Steps between saves.
        show_progress: Show a progress bar.

    Raises:
        Stopped: After Ctrl-C, when everything is saved.
    """
    mean_loss, main, unread = None, trainer.rank == 0, []
    steps, first = trainer.plan.steps, trainer.step
    hidden = not (main and show_progress)
    with (
        noticed_ctrl_c() as pressed,
        progress(total=steps, desc="training", initial=first, disable=hidden) as bar,
    ):
        for done in trainer.run(draw):
            unread.append(done)
            if done.read:  # a device is not waited for in between
                for loss in (one.loss for one in unread):
                    mean_loss = loss if mean_loss is None else 0.99 * mean_loss + 0.01 * loss
                unread.clear()
                bar.set_postfix_str(f"loss {mean_loss:.4f}", refresh=False)
            bar.update()
            if team.anyone(bool(pressed)):
                break
            if main and done.step % save_every == 0 and done.step < steps:
                trainer.save(state)
        if main and trainer.step > first:
            trainer.save(state)
    if trainer.step < steps:
        saved = f"stopped at step {trainer.step}, saved in {state}"
        raise Stopped(f"{saved}; the same command continues from there" if main else "")


@contextmanager
def noticed_ctrl_c() -> Iterator[list]:
    """Yield a list that Ctrl-C adds to, instead of interrupting a step or a save."""
    pressed = []
    before = signal.signal(signal.SIGINT, lambda *_: pressed.append(True))
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def how_made(trainer: Trainer, values: torch.Tensor, arguments: Sequence[str]) -> dict:
    """What a checkpoint's config and card say about the training and its data."""
    launcher = ["python3", "course.py"]
    if trainer.processes > 1:
        launcher = ["accelerate", "launch", "--num_processes", str(trainer.processes)]
        launcher += ["-m", "course_utils"]
    cuda, threads = trainer.device.type == "cuda", torch.get_num_threads()
    cores = f"{trainer.device}, {threads} thread{'s' if threads > 1 else ''}"
    return {
        "command": shlex.join([*launcher, *arguments]),
        "processes": trainer.processes,
        "minutes": round(trainer.seconds / 60, 1),
        "device": torch.cuda.get_device_name() if cuda else cores,
        "shapes": len(values),
        "found": found_in_places(trainer.origin),
        "data_sha256": sha256_of(values),
        "torch": torch.__version__,
    }


def _described(config: Config, trainer: Trainer, samples: int, device: str) -> str:
    """What is trained on what, in one line."""
    millions = parameter_count(trainer.model) / 1e6
    together = f", {trainer.processes} processes" if trainer.processes > 1 else ""
    return f"{config.name}: {millions:.2f} M parameters, {samples} shapes, {device}{together}"
