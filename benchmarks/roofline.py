"""How fast should a card be? A prediction to be held against: `python -m benchmarks.roofline`.

Prints the tables of docs/gpu.md: what a step does (`counting`) on cards as published (`cards`), in
half precision, as a range between two guesses (`rates`). `--here` holds the same model against this
processor, whose peaks it measures, and keeps what it finds in data/studies/roofline.json; `--write`
puts the tables into the page.
"""

import argparse

from benchmarks.cards import CARDS, Card
from benchmarks.counting import Counted, counted
from benchmarks.here import card_of, guesses_of, machine_of, probes, sampling, shortest, training
from benchmarks.rates import FAST, SLOW, Range, rate, time_of
from course_utils.files.atomic import writing
from course_utils.files.results import load_results, save_results
from course_utils.models.config import Config
from course_utils.places import ROOT, STUDIES

COMMAND = "python -m benchmarks.roofline --here"
RESULTS = STUDIES / "roofline.json"
PAGE = ROOT / "docs" / "gpu.md"
BEGIN, END = "<!-- written by benchmarks/roofline.py -->", "<!-- until here -->"
CONFIGS = ("shapes32", "shapes64")
SHOWN = ("T4", "L4", "RTX 4090", "A100 40 GB", "A100 80 GB", "H100", "H200")
TOGETHER = 64  # shapes sampled together in the tables
BATCHES = (8, 64, 256)  # those of gpu-check
HERE = "shapes32"  # what a processor is tried with, in batches of
BATCHES_HERE = (8, 32)


# ---- cards ---------------------------------------------------------------------------------------


def data_bytes(config: Config, card: Card) -> float:
    """Return the bytes of a training's shapes, which lie on the card where they fill no half."""
    size = config.data.arguments["count"] * config.resolution**3
    return size if size <= card.memory * 1e9 / 2 else 0.0


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


def guesses_told() -> list[str]:
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


def measure_here(seconds: float = 60.0) -> dict:
    """Measure this machine, and how fast it trains and samples, all in turns.

    Other work on the machine slows everything; the load is kept beside the numbers.
    """
    config = Config.read(HERE)
    ones = {
        f"{kind}, batch {batch}": make(config, batch)
        for kind, make in (("training", training), ("sampling", sampling))
        for batch in BATCHES_HERE
    }
    times = shortest(probes() | ones, seconds)
    steps = {"training": 1, "sampling": config.sampling.steps}
    speeds = {
        kind: {
            str(batch): round(batch / steps[kind] / times[f"{kind}, batch {batch}"], 2)
            for batch in BATCHES_HERE
        }
        for kind in steps
    }
    return {"machine": machine_of(times), "shapes_per_second": speeds}


def table_here(found: dict, count: dict[str, Counted]) -> list[str]:
    """Return what was measured here beside what the model says, from float32 counts."""
    machine, config = found["machine"], Config.read(HERE)
    card, guesses = card_of(machine), guesses_of(machine)
    lines = [
        f"{machine['processor']}, {machine['threads']} thread(s), torch {machine['torch']}, load"
        f" {machine['load']}: {machine['gigaflops']:.0f} GFLOP/s,"
        f" {machine['gigabytes_per_second']:.0f} GB/s from memory,"
        f" {machine['cache_times_quicker']:.1f} times that from a cache of"
        f" {machine['cache_megabytes']:.0f} MB, {machine['launch_microseconds']:.1f} µs for a tiny"
        " operation.",
        "",
        f"| {HERE}, float32 | measured / s | verdict | the same without caches |",
        "|---|---:|---|---:|",
    ]
    for kind, steps in (("training", 1), ("sampling", config.sampling.steps)):
        for batch in BATCHES_HERE:
            speed = found["shapes_per_second"][kind][str(batch)]
            guess, slower = (
                rate(count[kind], batch, card, "float32", both, steps)
                for both in (guesses, [one._replace(cache=0.0) for one in guesses])
            )
            lines += [
                f"| {kind}, batch {batch} | {speed:.1f} | {guess.verdict(speed)} | {slower} |"
            ]
    return [*lines, ""]


def section(found: dict, halves: dict[str, dict[str, Counted]], whole: dict[str, Counted]) -> str:
    """Return what stands between the page's marks.

    Args:
        found: Of `measure_here`.
        halves: Of `counts`.
        whole: The counts of `HERE` in float32.
    """
    lines = ["## What is assumed", "", *guesses_told()]
    lines += ["## What is predicted", "", *table_of_batches(halves["shapes32"])]
    lines += [line for name in CONFIGS for line in table_of(name, halves[name])]
    lines += ["## What the model says of a processor", "", *table_here(found, whole)]
    return "\n".join(lines)


def counts_here() -> dict[str, Counted]:
    """Return what `table_here` needs."""
    config = Config.read(HERE)
    return {kind: counted(kind, config, "float32") for kind in ("training", "sampling")}


def write_page(text: str) -> None:
    """Put the section between the marks of docs/gpu.md."""
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    with writing(PAGE) as temporary:
        temporary.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--here", action="store_true", help="measure this processor first (a minute)"
    )
    parser.add_argument("--write", action="store_true", help="write the tables into docs/gpu.md")
    options = parser.parse_args()
    if options.here:
        save_results(RESULTS, measure_here(), COMMAND)
    text = section(load_results(RESULTS)[0], counts(), counts_here())
    print(text)
    if options.write:
        write_page(text)


if __name__ == "__main__":
    main()
