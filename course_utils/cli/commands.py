"""The command line `python -m course_utils generate | train | doctor`, which `course.py` hands its
arguments to.
"""

import argparse
import json
import re
import sys
import time
from pathlib import Path

from course_utils.cli.train import train
from course_utils.places import CHECKPOINTS

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
    from course_utils.geometry.surface import SUFFIXES, is_watertight, save_mesh, smooth_mesh
    from course_utils.geometry.voxels import joined, keep_largest
    from course_utils.models.checkpoints import load_checkpoint
    from course_utils.models.team import checked_device
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
    fields = [keep_largest(joined(field)) for part in best for field in part.x[:, 0].cpu().numpy()]
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
    classes = json.loads((SHIPPED / "config.json").read_text(encoding="utf-8"))["classes"]
    return SHIPPED if prompt in classes else SHIPPED_TEXT


def file_name(prompt: str) -> str:
    """A prompt as the beginning of a file's name."""
    return re.sub("[^a-z0-9]+", "-", prompt.lower()).strip("-")[:60] or "shape"


def parts(seeds: list[int], most: int = 8) -> list[list[int]]:
    """Seeds in batches: a batch's size changes no shape, only memory and time."""
    return [seeds[first : first + most] for first in range(0, len(seeds), most)]


def sampled(denoiser, config, prompt: str, seeds: list[int], options: argparse.Namespace):
    """The best of a few tries for each seed (`ranking.Best`), with the model's own settings unless
    options say otherwise."""
    from course_utils.models.ranking import best_of, shipped_score, shipped_steering, wholeness

    how = {"steps": options.steps, "guidance_scale": options.guidance_scale}
    how["watch"] = lambda state: show_progress("sampling", state.step, state.steps)
    how["edits"] = shipped_steering(denoiser, config, options.steering)
    tries = options.tries or (TRIES_OF_TEXTS if config.words else TRIES)
    score = shipped_score(denoiser, config) if tries > 1 else wholeness
    return best_of(tries, score, denoiser, config, [prompt] * len(seeds), seeds, **how)


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
