"""The command `train`: arguments in, one call of `models.training.train`, one clear line out."""

import argparse
import sys

from course_utils.places import RUNS


def train(options: argparse.Namespace) -> None:
    """Train from a config to a checkpoint folder; continue where an earlier call stopped."""
    from course_utils.cli.commands import show_progress
    from course_utils.models.config import Config
    from course_utils.models.training import Stopped
    from course_utils.models.training import train as train_from

    changes = {"steps": options.steps, "batch_size": options.batch_size}
    config = Config.read(options.config)
    config = config.with_plan(**{key: value for key, value in changes.items() if value})
    mean_loss = None

    def watch(progress, steps: int) -> None:
        nonlocal mean_loss
        mean_loss = progress.loss if mean_loss is None else 0.99 * mean_loss + 0.01 * progress.loss
        seconds = f"{progress.seconds:.0f} s"
        show_progress(f"loss {mean_loss:.4f}, {seconds}", progress.step, steps)

    try:
        folder = train_from(
            config,
            options.out or RUNS / config.name,
            data=options.data,
            device=options.device,
            save_every=options.save_every,
            compiled=options.compile,
            half=options.half,
            arguments=sys.argv[1:],
            watch=watch,
        )
    except Stopped as stopped:
        raise SystemExit(f"\n{stopped}" if str(stopped) else 1) from None
    if folder is not None:
        example = f": try python3 course.py generate {config.classes[0]} --model {folder}"
        print(f"{folder}{example if config.makes_shapes else ''}")
