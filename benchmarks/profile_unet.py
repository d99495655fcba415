"""Where the time of our voxel model goes: `python benchmarks/profile_unet.py`, about a minute.

Prints torch.profiler's dearest operators, with the shapes they work on, of a training step and of a
guided sampling step (configs/shapes32.json, a batch of 8), and the median seconds of a step without
the profiler. What it says on an idle machine decides what is worth mending; `benchmarks/peers.py`
then says what the mending brought.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from torch.profiler import ProfilerActivity, profile

from course_utils.datasets.shapes import make_matter
from course_utils.diffusion.losses import LOSSES
from course_utils.diffusion.noise import gaussian
from course_utils.diffusion.sampling import SAMPLERS, sample, time_grid
from course_utils.diffusion.training import Trainer
from course_utils.models.checkpoints import build_model, load_checkpoint
from course_utils.models.config import Config
from course_utils.models.generation import SHIPPED
from course_utils.models.prompting import guided_by
from course_utils.models.recipes import draw_named, said_of

WARM_UPS, REPEATS, OPERATORS = 3, 10, 15


def training_step() -> Callable:
    """One step of training shapes32, as a function without arguments."""
    config = Config.read("shapes32")
    torch.manual_seed(0)
    made = make_matter(60, config.resolution, config.classes)
    draw = draw_named(torch.from_numpy(made.matter), said_of(made, 1, config.classes))
    loss = LOSSES[config.loss.kind](**config.loss.arguments)
    run = Trainer(build_model(config), replace(config.plan, batch_size=8), loss).run(draw)
    return lambda: next(run)


def sampling_step() -> Callable:
    """One guided step of the shipped model for 8 shapes, as a function without arguments."""
    denoiser, config = load_checkpoint(SHIPPED)
    settings, seeds = config.sampling, list(range(8))
    model = guided_by(denoiser, config, config.classes[:8])
    times = time_grid(denoiser.path, settings.steps, settings.shift)
    x = denoiser.path.prior_sample(gaussian(seeds, (config.channels, 32, 32, 32)))
    return lambda: next(sample(model, x, times, SAMPLERS[settings.sampler], seeds))


def median_seconds(step: Callable) -> float:
    """Median time of a step after a few that don't count."""
    times = []
    for _ in range(WARM_UPS + REPEATS):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return statistics.median(times[WARM_UPS:])


def dearest_operators(step: Callable) -> str:
    """The operators of a step that take longest: share of the time, milliseconds, calls, shapes."""
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as profiler:
        step()
    found = sorted(
        profiler.key_averages(group_by_input_shape=True),
        key=lambda event: -event.self_cpu_time_total,
    )
    total = sum(event.self_cpu_time_total for event in found)
    lines = []
    for event in found[:OPERATORS]:
        spent, shapes = (
            event.self_cpu_time_total,
            " ".join(str(shape) for shape in event.input_shapes[:2]),
        )
        lines.append(
            f"{spent / total:6.1%} {spent / 1000:8.1f} ms {event.count:4} x {event.key:<36}"
            f" {shapes}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    for name, make in (("training", training_step), ("sampling", sampling_step)):
        step = make()
        print(f"a {name} step: {median_seconds(step):.3f} s on {torch.get_num_threads()} threads")
        print(dearest_operators(step))
