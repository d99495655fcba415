"""The command line `python -m course_utils generate | train | doctor`, which `course.py` hands its
arguments to.
"""

import argparse
import hashlib
import json
import os
import re
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from course_utils.places import CHECKPOINTS, CONFIGS, REMEDY, RUNS, place, present

if TYPE_CHECKING:
    from torch import Tensor

    from course_utils.diffusion.training import Plan, Trainer

SHIPPED = CHECKPOINTS / "shapes32"  # makes a class
SHIPPED_TEXT = SHIPPED.with_name("text-to-shape32")  # reads
TRIES, TRIES_OF_TEXTS = 4, 8


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one clear line, and exit code 2."""

    def error(self, message: str):
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def parser() -> Parser:
    top = Parser(
        prog="course.py", description="Generate shapes, train models, check the environment."
    )
    commands = top.add_subparsers(dest="command", required=True, parser_class=Parser)

    generate = commands.add_parser(
        "generate", help="make shapes and write their meshes, with a picture beside them"
    )
    generate.add_argument(
        "prompt", help="what to make: chair, or any of the other families, or a text about one"
    )
    generate.add_argument(
        "--seed",
        type=whole,
        default=0,
        help="which one; the same seed is the same shape everywhere",
    )
    generate.add_argument(
        "--count", type=some, default=1, help="how many: this seed and those after it"
    )
    generate.add_argument(
        "--out", type=Path, help="mesh to write: .glb, .obj or .stl (default: PROMPT-SEED.glb)"
    )
    generate.add_argument("--steps", type=positive, help="sampling steps (default: the model's)")
    generate.add_argument(
        "--guidance-scale", type=float, help="how strongly to obey (default: the model's)"
    )
    tries = (
        f"seeds to choose from: the best one for a text (default: {TRIES_OF_TEXTS}), the first in"
        " one piece for a "
    )
    generate.add_argument("--tries", type=positive, help=f"{tries}class ({TRIES})")
    steering = (
        "how strongly to pull towards what the text names, 0 for not at all (default: the model's)"
    )
    generate.add_argument("--steering", type=float, help=steering)
    generate.add_argument(
        "--model",
        type=Path,
        help="checkpoint folder (default: the shipped one for a class or text)",
    )
    generate.add_argument("--device", default="cpu", help="cpu (default), cuda or mps")

    several = (
        "On several GPUs: accelerate launch -m course_utils train NAME; --batch-size is then each"
        " process's own."
    )
    about = "train a model from its config; goes on where a killed training stopped"
    train = commands.add_parser("train", help=about, epilog=several)
    train.add_argument("config", help="name of a file in configs/, or a path to a .json")
    train.add_argument("--data", type=Path, help="the data file, for configs that need one")
    train.add_argument(
        "--out", type=Path, help="folder for state and checkpoint (default: runs/NAME)"
    )
    train.add_argument("--steps", type=positive, help="training steps (default: the config's)")
    train.add_argument("--batch-size", type=positive, help="shapes a step (default: the config's)")
    train.add_argument("--device", help="cpu, cuda or mps (default: cuda if there is one)")
    train.add_argument(
        "--save-every", type=positive, default=250, help="steps between saves (default: 250)"
    )
    train.add_argument(
        "--half", action="store_true", help="bfloat16 on the CPU too (quick where it has AMX)"
    )
    train.add_argument(
        "--compile", action="store_true", help="compile the network first (worth it on a GPU)"
    )

    commands.add_parser("doctor", help="check the environment line by line")
    return top


def whole(text: str, least: int = 0, most: int = 2**32 - 1) -> int:
    """A whole number, in the range of seeds; argparse turns the error into its one line."""
    if not text.isdecimal() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(
            f"expected a whole number from {least} to {most}, got {text!r}"
        )
    return int(text)


def positive(text: str) -> int:
    return whole(text, least=1)


def some(text: str) -> int:
    return whole(text, least=1, most=1000)


def generate(options: argparse.Namespace) -> None:
    """Sample shapes and write meshes and a PNG. ValueError for an unknown prompt, model, suffix or
    device.
    """
    from course_utils.files.meshes import SUFFIXES, save_mesh
    from course_utils.geometry.surface import is_watertight, smooth_mesh
    from course_utils.geometry.voxels import close_gaps, keep_largest
    from course_utils.models.checkpoints import load_checkpoint
    from course_utils.plots.stills import contact_sheet, render, save_png

    out = options.out or Path(f"{file_name(options.prompt)}-{options.seed}.glb")
    if out.suffix.lower() not in SUFFIXES:
        raise ValueError(
            f"--out {out} has no suffix that can be written; use one of {', '.join(SUFFIXES)}"
        )
    denoiser, config = load_checkpoint(
        options.model or model_for(options.prompt), checked_device(options.device)
    )
    start, seeds = time.perf_counter(), list(range(options.seed, options.seed + options.count))
    best = [sampled(denoiser, config, options.prompt, part, options) for part in parts(seeds)]
    drawn = [field for part in best for field in part.x[:, 0].cpu().numpy()]
    fields = [keep_largest(close_gaps(field)) for field in drawn]
    made_from = [seed for part in best for seed in part.seeds]
    meshes = [smooth_mesh(field) for field in fields]
    seconds = time.perf_counter() - start
    empty = [seed for seed, mesh in zip(seeds, meshes, strict=True) if not len(mesh.faces)]
    if empty:
        which = ", ".join(map(str, empty))
        raise ValueError(
            f"the shape of seed {which} is empty; try another seed, or a model trained for longer"
        )
    for seed, kept, mesh in zip(seeds, made_from, meshes, strict=True):
        file = out if len(seeds) == 1 else out.with_stem(f"{out.stem}-{seed}")
        save_mesh(mesh, file)
        better = "" if kept == seed else f"; of several tries the best, seed {kept}"
        print(
            f"{file}: {len(mesh.faces)} triangles,"
            f" {'' if is_watertight(mesh) else 'not '}watertight{better}"
        )
    titles = [f"seed {seed}" for seed in seeds]
    one = len(seeds) == 1
    sheet = (
        render(fields[0], size=640)
        if one
        else contact_sheet([render(field) for field in fields], titles)
    )
    save_png(out.with_suffix(".png"), sheet)
    print(f"{out.with_suffix('.png')}: {'its picture' if one else 'all of them'}; {seconds:.1f} s")


def model_for(prompt: str) -> Path:
    """The shipped model of lesson 08 for the name of one of its classes, lesson 09's for any other
    text.
    """
    config = present(SHIPPED / "config.json")
    classes = json.loads(config.read_text(encoding="utf-8"))["classes"]
    return SHIPPED if prompt in classes else SHIPPED_TEXT


def file_name(prompt: str) -> str:
    """A prompt as the beginning of a file's name."""
    return re.sub("[^a-z0-9]+", "-", prompt.lower()).strip("-")[:60] or "shape"


def parts(seeds: list[int], most: int = 8) -> list[list[int]]:
    """Seeds in batches: a batch's size changes no shape, only memory and time."""
    return [seeds[first : first + most] for first in range(0, len(seeds), most)]


def sampled(denoiser, config: dict, prompt: str, seeds: list[int], options: argparse.Namespace):
    """The best of a few tries for each seed (`ranking.Best`), with the model's own settings unless
    options say otherwise."""
    from course_utils.models.ranking import best_of, shipped_score, shipped_steering, wholeness

    how = {"steps": options.steps, "guidance_scale": options.guidance_scale}
    how["watch"] = lambda state: show_progress("sampling", state.step, state.steps)
    how["edits"] = shipped_steering(denoiser, config, options.steering)
    tries = options.tries or (TRIES_OF_TEXTS if "words" in config else TRIES)
    score = shipped_score(denoiser, config) if tries > 1 else wholeness
    return best_of(tries, score, denoiser, config, [prompt] * len(seeds), seeds, **how)


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
    mean_loss, main = None, trainer.rank == 0
    with noticed_ctrl_c() as pressed:
        for progress in trainer.run(draw):
            mean_loss = (
                progress.loss if mean_loss is None else 0.99 * mean_loss + 0.01 * progress.loss
            )
            if main:
                show_progress(
                    f"loss {mean_loss:.4f}, {progress.seconds:.0f} s",
                    progress.step,
                    trainer.plan.steps,
                )
            if anyone(bool(pressed), trainer):
                break
            if main and progress.step % save_every == 0 and progress.step < trainer.plan.steps:
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
        others = f"there are {known}" if known else f"{CONFIGS} is missing: {REMEDY}"
        raise ValueError(
            f"there is no config {name!r}; {others}, or give a path to a .json"
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
        if not place(folder).exists():
            made = (
                f"; make it first: python3 course.py train {Path(folder).parent.name}"
                if "runs" in folder
                else ""
            )
            raise ValueError(f"this training begins from {folder}, which is not there{made}")
        mine, theirs = denoiser.state_dict(), load_checkpoint(place(folder))[0].state_dict()
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


def checked_device(name: str) -> str:
    """The device if torch has it; ValueError otherwise."""
    import torch

    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"device {name!r} can't be used here ({reason}); cpu always can"
        ) from error
    return name


def show_progress(what: str, done: int, total: int) -> None:
    """A progress bar on one line of a terminal; in a log, a line every hundredth part or so."""
    filled = 30 * done // total
    line = f"{'#' * filled}{'.' * (30 - filled)} {done}/{total} {what}"
    if sys.stderr.isatty():
        print(f"\r{line}", end="\n" if done == total else "", file=sys.stderr, flush=True)
    elif done % max(1, total // 100) == 0 or done == total:
        print(line, file=sys.stderr, flush=True)


def doctor(options: argparse.Namespace) -> None:
    """Print the checks of `course_utils.models.doctor`; exit code 1 if there is a problem."""
    from course_utils.models.doctor import examine

    findings = examine()
    print("\n".join(map(str, findings)))
    if not all(finding.ok for finding in findings):
        raise SystemExit(1)


def main(arguments: list[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    try:
        {"generate": generate, "train": train, "doctor": doctor}[options.command](options)
    except ValueError as error:
        print(f"course.py {options.command}: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    # a full disk, a folder that may not be written: what was there before is there still
    except OSError as error:
        print(
            f"course.py {options.command}: {error}; what was saved before is unharmed",
            file=sys.stderr,
        )
        raise SystemExit(1) from error
    except KeyboardInterrupt:
        raise SystemExit("\nstopped") from None
