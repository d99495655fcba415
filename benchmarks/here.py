"""The processor of this machine as a card: its peaks measured, its speed beside the prediction.

`python -m benchmarks.roofline --here` and `gpu_check --device cpu` call it. Float32 alone is looked
at.
"""

import math
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
COPIES = 20  # of the small one; the first finds the cache full of other things
TINY = 1000  # tiny operations that are timed together
SIDE, CHANNELS, PLACES, BATCH = 1024, 96, 8, 8  # of the large product and the large convolution
PRODUCT, CONVOLUTION = 2 * SIDE**3, 2 * 27 * CHANNELS**2 * BATCH * PLACES**3  # operations


def shortest(ones: dict[str, Callable], seconds: float) -> dict[str, float]:
    """Return the shortest time of each call, of turns that take `seconds` together, two or more.

    They take turns, so that other work on the machine slows none more than another for long; the
    first turn warms up.
    """
    begun, best, turns = time.perf_counter(), dict.fromkeys(ones, math.inf), 0
    while turns < 3 or time.perf_counter() - begun < seconds:
        for name, one in ones.items():
            start = time.perf_counter()
            one()
            best[name] = min(best[name], time.perf_counter() - start) if turns else math.inf
        turns += 1
    return best


def probes() -> dict[str, Callable]:
    """Return what finds the machine's peaks: arithmetic, memory, cache, launches."""
    square, x = torch.randn(SIDE, SIDE), torch.randn(BATCH, CHANNELS, *[PLACES] * 3)
    weight = torch.randn(CHANNELS, CHANNELS, 3, 3, 3)
    large, small = (torch.randn(2, int(size / 8)) for size in (LARGE, SMALL))
    one = torch.zeros(1, requires_grad=True)
    return {
        "product": lambda: square @ square,
        "convolution": lambda: torch.nn.functional.conv3d(x, weight, padding=1),
        "memory": lambda: large[0].copy_(large[1]),
        "cache": lambda: [small[0].copy_(small[1]) for _ in range(COPIES)],
        "launches": lambda: [one + 1 for _ in range(TINY)],
    }


def machine_of(times: dict[str, float]) -> dict:
    """Return what this machine is and reaches, as JSON, from the shortest times of `probes`."""
    flops = max(PRODUCT / times["product"], CONVOLUTION / times["convolution"])
    bandwidth = LARGE / times["memory"]
    return {
        "processor": processor(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__.split("+")[0],
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "gigaflops": round(flops / 1e9, 1),
        "gigabytes_per_second": round(bandwidth / 1e9, 1),
        "cache_megabytes": round(last_cache() / 1e6, 1),
        "cache_times_quicker": round(max(1.0, COPIES * SMALL / times["cache"] / bandwidth), 2),
        "launch_microseconds": round(1e6 * times["launches"] / TINY, 2),
    }


def last_cache() -> float:
    """Return the bytes of the last cache, as Linux says; elsewhere an assumption."""
    sizes = [file.read_text().strip() for file in CACHES.glob("index*/size")]
    return max((1024.0 * int(size.removesuffix("K")) for size in sizes), default=ASSUMED_CACHE)


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


def training(config: Config, batch: int) -> Callable:
    """Return a training step, to be called again and again."""
    loss = LOSSES[config.loss.kind](**config.loss.arguments)
    trainer = Trainer(build_model(config), replace(config.plan, batch_size=batch), loss)
    run = trainer.run(example_draw(config, batch))
    return lambda: next(run)


def sampling(config: Config, batch: int) -> Callable:
    """Return a sampling step, to be called again and again."""
    prompt = config.classes[0]
    model = build_model(config).eval()
    states = sampling_states(model, config, [prompt] * batch, range(batch), steps=10_000)
    return lambda: next(states)
