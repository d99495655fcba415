"""How fast should a card be? A prediction to be held against: `python -m benchmarks.roofline`.

An operation takes as long as its arithmetic or its traffic, whichever is longer, at a share of the
card's published peaks (`cards`); what fits into the cache is read from there. To the sum come the
launches. What a step does is counted (`counting`), and nobody knows the shares before the card is
tried, so each prediction is a range between two guesses. `--here` holds the same model against this
processor, whose peaks it measures, and keeps what it finds in data/studies/roofline.json; `--write`
writes the tables of docs/gpu.md.
"""

import argparse
import os
import platform
import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import torch

from benchmarks.cards import CARDS, Card
from benchmarks.counting import Counted, Step, counted, example_draw
from course_utils.diffusion.losses import LOSSES
from course_utils.diffusion.training import Trainer
from course_utils.files.atomic import writing
from course_utils.files.results import load_results, save_results
from course_utils.models.checkpoints import build_model
from course_utils.models.config import Config
from course_utils.models.prompting import sampling_states
from course_utils.places import ROOT, STUDIES

COMMAND = "python -m benchmarks.roofline --here"
RESULTS = STUDIES / "roofline.json"
PAGE = ROOT / "docs" / "gpu.md"
CONFIGS = ("shapes32", "text-to-shape32", "shapes64")
SHOWN = ("T4", "L4", "RTX 4090", "A100 40 GB", "A100 80 GB", "H100", "H200")
TOGETHER = 64  # shapes sampled together in the tables
BATCHES = (8, 64, 256)  # those of gpu-check


class Guess(NamedTuple):
    """What a card reaches of what is published.

    arithmetic, bandwidth: Shares of the peaks.
    cache: The share of the cache that holds an operation's tensors.
    cached: How many times quicker than the memory the cache is.
    launch: Seconds in which the host launches an operation.
    hidden: Whether the host launches while the card computes; else the times add up.
    """

    arithmetic: float
    bandwidth: float
    cache: float
    cached: float
    launch: float
    hidden: bool


SLOW = Guess(0.1, 0.5, 0.5, 2.0, 10e-6, hidden=False)
FAST = Guess(0.5, 0.9, 1.0, 4.0, 3e-6, hidden=True)


class Time(NamedTuple):
    """Seconds of a step: those of operations that arithmetic limits, that traffic limits, and of
    the launches; and the whole.
    """

    arithmetic: float
    traffic: float
    launches: float
    whole: float

    @property
    def limit(self) -> str:
        """What takes longest."""
        parts = {"arithmetic": self.arithmetic, "memory": self.traffic, "launches": self.launches}
        return max(parts, key=parts.__getitem__)


def time_of(step: Step, card: Card, precision: str, guess: Guess) -> Time:
    """Return how long a step takes on a card. ValueError if it has no unit for the precision."""
    peak = card.peak(precision)
    if peak is None:
        raise ValueError(f"the card has no unit for {precision}; use another precision")
    arithmetic = traffic = 0.0
    for op in step.ops:
        quicker = guess.cached if op.bytes <= guess.cache * card.cache * 1e6 else 1.0
        by_traffic = op.bytes / (card.bandwidth * 1e9 * guess.bandwidth * quicker)
        by_arithmetic = op.flops / (peak * guess.arithmetic)
        if by_arithmetic > by_traffic:
            arithmetic += by_arithmetic
        else:
            traffic += by_traffic
    launches, device = len(step.ops) * guess.launch, arithmetic + traffic
    whole = max(device, launches) if guess.hidden else device + launches
    return Time(arithmetic, traffic, launches, whole)


class Range(NamedTuple):
    """A prediction: at least `low`, at most `high`."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{short(self.low)} to {short(self.high)}"

    def verdict(self, measured: float) -> str:
        """Say whether a measured number lies within."""
        if self.low <= measured <= self.high:
            return f"predicted {self}: within"
        times = measured / (self.low if measured < self.low else self.high)
        return f"predicted {self}: OUTSIDE, {times:.2f} times the nearer end"


def short(number: float) -> str:
    """Return a number with two digits that count, and thousands apart."""
    return f"{float(f'{number:.2g}'):,.{1 if number < 9.95 else 0}f}"


def rate(
    count: Counted, batch: int, card: Card, precision: str, guesses=(SLOW, FAST), steps: int = 1
) -> Range:
    """Return the range of shapes per second, where one takes `steps` of the counted steps."""
    step = count.of(batch)
    return Range(
        *(batch / steps / time_of(step, card, precision, guess).whole for guess in guesses)
    )


def data_bytes(config: Config, card: Card) -> float:
    """Return the bytes of a training's shapes, which lie on the card where they fill no half."""
    size = config.data.arguments["count"] * config.resolution**3
    return size if size <= card.memory * 1e9 / 2 else 0.0


# ---- the page ------------------------------------------------------------------------------------


def counts() -> dict[str, dict[str, Counted]]:
    """Return what the tables need of every config; takes seconds."""
    configs = {name: Config.read(name) for name in CONFIGS}
    return {
        name: {kind: counted(kind, config) for kind in ("training", "sampling")}
        for name, config in configs.items()
    }


def table_of(name: str, count: dict[str, Counted]) -> list[str]:
    """Return the table of a config: a row for each card."""
    config, sampling = Config.read(name), Config.read(name).sampling
    batch, step = config.plan.batch_size, count["training"].of(config.plan.batch_size)
    lines = [
        f"### {name}",
        "",
        f"A training step of {batch} shapes: {step.flops / 1e12:.2g} TFLOP,"
        f" {step.bytes / 1e9:.2g} GB of traffic, {len(step.ops):,} launches.",
        "",
        f"| card | trained / s | minutes for {config.plan.steps:,} steps | memory, GB |"
        f" sampled / s, {sampling.steps} steps | limits it (slow, fast) |",
        "|---|---:|---:|---:|---:|---|",
    ]
    for label in SHOWN:
        card = CARDS[label]
        trained = rate(count["training"], batch, card, "half")
        sampled = rate(count["sampling"], TOGETHER, card, "half", steps=sampling.steps)
        minutes = Range(*(config.plan.steps * batch / speed / 60 for speed in reversed(trained)))
        memory = (step.memory + data_bytes(config, card)) / 1e9
        limits = ", ".join(time_of(step, card, "half", guess).limit for guess in (SLOW, FAST))
        lines += [f"| {label} | {trained} | {minutes} | {memory:.1f} | {sampled} | {limits} |"]
    return [*lines, ""]


def table_of_batches(count: dict[str, Counted]) -> list[str]:
    """Return the table of shapes32 in batches as gpu-check measures them."""
    config = Config.read("shapes32")
    heads = [f"{kind} / s, {b}" for kind in ("trained", "sampled") for b in BATCHES]
    lines = ["### shapes32, by batch", "", f"| card | {' | '.join(heads)} |"]
    lines += [f"|---|{'---:|' * len(heads)}"]
    for label in SHOWN:
        cells = [
            rate(count[kind], batch, CARDS[label], "half", steps=steps)
            for kind, steps in (("training", 1), ("sampling", config.sampling.steps))
            for batch in BATCHES
        ]
        lines += [f"| {label} | {' | '.join(map(str, cells))} |"]
    return [*lines, ""]


def told_of_guesses() -> list[str]:
    """Return the two guesses as a table."""
    rows = {
        "of the peak of arithmetic": [f"{g.arithmetic:.0%}" for g in (SLOW, FAST)],
        "of the memory's bandwidth": [f"{g.bandwidth:.0%}" for g in (SLOW, FAST)],
        "of the cache that holds an operation's tensors": [f"{g.cache:.0%}" for g in (SLOW, FAST)],
        "how many times quicker the cache is": [f"{g.cached:g}" for g in (SLOW, FAST)],
        "a launch by the host": [f"{1e6 * g.launch:g} µs" for g in (SLOW, FAST)],
        "while the card computes": ["no" if not g.hidden else "yes" for g in (SLOW, FAST)],
    }
    cells = [f"| {what} | {slow} | {fast} |" for what, (slow, fast) in rows.items()]
    return ["| assumed | slow | fast |", "|---|---:|---:|", *cells, ""]


# ---- this machine --------------------------------------------------------------------------------


def guesses_of(machine: dict) -> tuple[Guess, Guess]:
    """Return the guesses for a measured processor: what was measured takes the place of guesses."""
    launch, cached = machine["launch_microseconds"] * 1e-6, machine["cache_times_quicker"]
    return tuple(
        guess._replace(arithmetic=share, launch=launch * times, cached=cached, hidden=False)
        for guess, share, times in ((SLOW, *SLOW_PROCESSOR), (FAST, *FAST_PROCESSOR))
    )


def predicted_here(kind: str, count: Counted, batch: int, machine: dict, steps: int = 1) -> Range:
    """Return the range of shapes per second for a measured processor, in float32."""
    return rate(count, batch, card_of(machine), "float32", guesses_of(machine), steps)


def measure_here(seconds: float = 2.0) -> dict:
    """Measure this machine, and how fast it trains and samples shapes32."""
    config, machine = Config.read("shapes32"), measured_machine()
    speeds = {
        kind: {str(batch): round(speed(config, batch, seconds), 2) for batch in BATCHES_HERE}
        for kind, speed in (("training", trained_per_second), ("sampling", sampled_per_second))
    }
    return {"machine": machine, "shapes_per_second": speeds}
