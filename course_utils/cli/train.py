"""`train`: train a model from its config to a checkpoint folder, saving as it goes."""

import argparse
import sys
from functools import partial

from course_utils.cli.arguments import path, whole
from course_utils.models.checking import LIMITS
from course_utils.places import RUNS


def add_parser(commands) -> None:
    """Add the command to argparse's subparsers."""
    several = (
        "On several GPUs: accelerate launch -m course_utils train NAME; --batch-size is then each"
        " process's own (docs/clusters.md)."
    )
    about = "train a model from its config; continues where a stopped training was saved"
    command = commands.add_parser("train", help=about, epilog=several)
    command.set_defaults(run=run)
    add = command.add_argument
    steps, shapes = (
        partial(whole, least=1, most=LIMITS[key][1]) for key in ("plan.steps", "batch_size")
    )
    add("config", help="name of a file in configs/, or a path to a .json")
    add("--data", type=path, help="the data file, for configs that need one")
    add("--out", type=path, help="folder for state and checkpoint (default: runs/NAME)")
    add("--steps", type=steps, help="training steps (default: the config's)")
    add("--batch-size", type=shapes, help="shapes per step (default: the config's)")
    add("--device", help="cpu, cuda or mps (default: cuda if there is one)")
    add("--save-every", type=steps, default=250, help="steps between saves (default: 250)")
    half = "bfloat16 on the CPU too (quicker where it has AMX or AVX512_BF16)"
    add("--half", action="store_true", help=half)
    parts = "parts in which a process takes its batch (default: as memory asks; 1 on the CPU)"
    add("--accumulate", type=shapes, metavar="PARTS", help=parts)
    compiled = "compile the network first (worth it on a GPU)"
    add("--compile", action="store_true", help=compiled)


def run(options: argparse.Namespace) -> None:
    """Train from a config to a checkpoint folder; continue where an earlier call stopped."""
    from course_utils.models.config import Config
    from course_utils.models.training import Stopped, train

    config = Config.read(options.config)
    changes = {"steps": options.steps, "batch_size": options.batch_size}
    config = config.with_plan(**{key: value for key, value in changes.items() if value})
    try:
        folder = train(
            config,
            options.out or RUNS / config.name,
            data=options.data,
            device=options.device,
            save_every=options.save_every,
            compiled=options.compile,
            half=options.half,
            parts=options.accumulate,
            arguments=sys.argv[1:],
        )
    except Stopped as stopped:
        raise SystemExit(f"\n{stopped}" if str(stopped) else 1) from None
    if folder is not None:
        example = f": try python3 course.py generate {config.classes[0]} --model {folder}"
        print(f"{folder}{example if config.makes_shapes else ''}")
