"""The processor of this machine as a card: its peaks measured, its speed beside the prediction.

`python -m benchmarks.roofline --here` and `gpu_check --device cpu` call it. It takes float32 alone.
"""

import os
import platform
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.cards import Card
from benchmarks.counting import example_draw
from benchmarks.rates import FAST, SLOW, Guess
from course_utils.diffusion.losses import LOSSES
from course_utils.diffusion.training import Trainer
from course_utils.models.checkpoints import build_model
from course_utils.models.config import Config
from course_utils.models.prompting import sampling_states

LARGE, SMALL = 256e6, 4e6  # bytes of a copy: far beyond every cache, and well within the last
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
ASSUMED_CACHE = 8e6  # bytes
TINY = 1000  # tiny operations that are timed together


def shortest(one: Callable, seconds: float) -> float:
    """Return the shortest time of the calls that fit into `seconds`, after one to warm up."""
    one()
    begun, best = time.perf_counter(), float("inf")
    while best == float("inf") or time.perf_counter() - begun < seconds:
        start = time.perf_counter()
        one()
        best = min(best, time.perf_counter() - start)
    return best


@torch.no_grad()
def peak(seconds: float) -> float:
    """Return FLOP/s of a large product or a large convolution, whichever is quicker."""
    side, channels, places, batch = 1024, 96, 8, 32
    square = torch.randn(side, side)
    x = torch.randn(batch, channels, *[places] * 3)
    weight = torch.randn(channels, channels, 3, 3, 3)
    product = 2 * side**3 / shortest(lambda: square @ square, seconds)
    flops = 2 * 27 * channels**2 * batch * places**3
    return max(
        product,
        flops / shortest(lambda: torch.nn.functional.conv3d(x, weight, padding=1), seconds),
    )


def copying(size: float, seconds: float) -> float:
    """Return the bytes per second, read and written, of a copy that touches `size` bytes."""
    source = torch.randn(int(size / 8))
    goal = torch.empty_like(source)
    return size / shortest(lambda: goal.copy_(source), seconds)


def launching(seconds: float) -> float:
    """Return the seconds that Python and torch take for an operation on a single number."""
    one = torch.zeros(1, requires_grad=True)
    return shortest(lambda: [one + 1 for _ in range(TINY)], seconds) / TINY


def last_cache() -> float:
    """Return the bytes of the last cache, as Linux says; elsewhere an assumption."""
    sizes = [file.read_text().strip() for file in CACHES.glob("index*/size")]
    return max((1024.0 * int(size.removesuffix("K")) for size in sizes), default=ASSUMED_CACHE)


def measured_machine(seconds: float = 1.0) -> dict:
    """Return what this machine is and reaches, as JSON; takes five times `seconds`."""
    bandwidth = copying(LARGE, seconds)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None  # Windows knows none
    return {
        "processor": processor(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__.split("+")[0],
        "load": load and round(load, 1),
        "gigaflops": round(peak(seconds) / 1e9, 1),
        "gigabytes_per_second": round(bandwidth / 1e9, 1),
        "cache_megabytes": round(last_cache() / 1e6, 1),
        "cache_times_quicker": round(max(1.0, copying(SMALL, seconds) / bandwidth), 2),
        "launch_microseconds": round(1e6 * launching(seconds), 2),
    }


def processor() -> str:
    """Return the processor's name, as far as Linux or Python knows it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.split(":", 1)[1].strip() for line in file if "model name" in line]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def card_of(machine: dict) -> Card:
    """Return a measured machine as a card that computes in float32 only."""
    peaks = (machine["gigaflops"] / 1e3, None, None)
    bandwidth, cache = machine["gigabytes_per_second"], machine["cache_megabytes"]
    return Card("", peaks, bandwidth, 0.0, cache, "measured")


def guesses_of(machine: dict) -> tuple[Guess, Guess]:
    """Return the two guesses for a measured processor: what was measured replaces assumptions.

    A convolution with few channels may beat the large one that measured the peak: the library skips
    the zeros around the grid, which are counted. A processor does one operation after another, and
    the operations of a real step are dearer to launch than the tiny one.
    """
    launch, cached = machine["launch_microseconds"] * 1e-6, machine["cache_times_quicker"]
    return tuple(
        guess._replace(arithmetic=share, launch=launch * times, cached=cached, hidden=False)
        for guess, share, times in ((SLOW, 0.3, 3.0), (FAST, 1.0, 1.0))
    )


def trained(config: Config, batch: int, seconds: float) -> float:
    """Measure shapes trained per second."""
    loss = LOSSES[config.loss.kind](**config.loss.arguments)
    trainer = Trainer(build_model(config), replace(config.plan, batch_size=batch), loss)
    run = trainer.run(example_draw(config, batch))
    next(run)  # the optimizer makes its state
    return batch / shortest(lambda: next(run), seconds)


def sampled(config: Config, batch: int, seconds: float) -> float:
    """Measure shapes sampled per second, from the time of a step."""
    steps = config.sampling.steps
    prompt = config.words[0] if config.words else config.classes[0]
    states = sampling_states(
        build_model(config).eval(), config, [prompt] * batch, range(batch), steps=1000
    )
    return batch / steps / shortest(lambda: next(states), seconds)
