"""What a team of processes sends, and how long it makes data: `python benchmarks/teams.py`.

Two minutes on two cores. For 1, 2 and 4 processes of this machine it makes the shapes of
configs/shapes32.json in shares, several times, and keeps the shortest time from the first process's
beginning to the last one's end, with the bytes that each receives. For every config it counts the
bytes that a training step averages over the team, which need no measurement: four for each number
that learns, and four for the loss. Results go to data/studies/teams.json and, as tables, to the end
of docs/clusters.md.
"""

import argparse
import json
import os
import platform
import tempfile
import textwrap
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import distributed, multiprocessing

from course_utils.datasets.shapes import make_shapes
from course_utils.diffusion.denoiser import parameter_count
from course_utils.files.atomic import writing
from course_utils.files.results import load_results, save_results
from course_utils.models.checkpoints import build_model
from course_utils.models.config import Config
from course_utils.models.team import Team
from course_utils.models.training import freeze
from course_utils.places import STUDIES

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "clusters.md"
HEADING = "## What was measured"
COMMAND = "python benchmarks/teams.py"
PROCESSES = (1, 2, 4)
REPEATS = 3
MESSAGES = 500


@dataclass(frozen=True)
class Counting(Team):
    """A team that counts the bytes it is given by others."""

    received: list[int] = field(default_factory=list)

    def gathered(self, mine: bytes) -> list[bytes]:
        parts = super().gathered(mine)
        self.received.append(sum(map(len, parts)) - len(mine))
        return parts


def work(rank: int, processes: int, folder: str, count: int) -> None:
    """One process of a team: make shapes, send messages; the first writes what it took."""
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", f"file://{folder}/store", rank=rank, world_size=processes
    )
    team = Counting("cpu", rank, processes, distributed.group.WORLD)
    config = Config.read("shapes32")
    seconds, each = [], []
    for _ in range(REPEATS):
        team.received.clear()
        team.anyone(False)  # all begin together
        start = time.perf_counter()
        made = team.make(make_shapes, count, config.resolution, config.classes)
        team.anyone(False)
        seconds.append(time.perf_counter() - start)
    for _ in range(MESSAGES):
        start = time.perf_counter()
        team.anyone(False)
        each.append(time.perf_counter() - start)
    found = {
        "processes": processes,
        "seconds": round(min(seconds), 2),
        "received": sum(team.received),
        "voxels": made.voxels.nbytes,
        "message_ms": round(1000 * sorted(each)[MESSAGES // 2], 3),
    }
    if rank == 0:
        Path(folder, "found.json").write_text(json.dumps(found))
    distributed.destroy_process_group()


def measured(processes: int, count: int) -> dict:
    """What `work` finds for a number of processes."""
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.spawn(work, (processes, folder, count), processes)
        return json.loads(Path(folder, "found.json").read_text())


def learned(name: str) -> int:
    """How many numbers of a config's model learn."""
    config = Config.read(name)
    model = build_model(config)
    freeze(model, config.frozen)
    return parameter_count(model)


def averaged_bytes(numbers: int) -> int:
    """The bytes that a step averages over the team: a float32 for each number, and the loss."""
    return 4 * (numbers + 1)


def tables(contents: dict, command: str) -> str:
    """The section of docs/clusters.md, from its heading on."""
    machine, count, runs = contents["machine"], contents["count"], contents["data"]
    said = (
        f"`{command}` on {machine['cores']} cores, Python {machine['python']}, torch"
        f" {machine['torch']}, gloo, one thread for each process; load of the machine before it"
        f" began: {machine['load']:.1f}; the shortest of {REPEATS}. Each process then holds"
        f" {runs[0]['voxels'] / 1e6:.0f} MB of voxels, as one alone does. A control message is"
        " exchanged in every step; its time is the median."
    )
    lines = [
        f"| processes | {count:,} shapes of 32³ | received by each | a control message |",
        "|---:|---:|---:|---:|",
    ]
    for run in runs:
        alone = run["processes"] == 1
        sent = f"{run['received'] / 1e6:.0f} MB | {run['message_ms']:.2f} ms"
        lines += [f"| {run['processes']} | {run['seconds']:.1f} s | {'– | –' if alone else sent} |"]
    lines += ["", "| config | numbers that learn | averaged per step |", "|---|---:|---:|"]
    for name, numbers in contents["learned"].items():
        megabytes = averaged_bytes(numbers) / 1e6
        lines += [f"| {name} | {numbers / 1e6:.2f} M | {megabytes:.1f} MB |"]
    text = textwrap.fill(said, 120, break_on_hyphens=False)
    return "\n".join([HEADING, "", text, "", *lines, ""])


def write_page() -> None:
    """Put the tables of data/studies/teams.json at the end of docs/clusters.md."""
    section = tables(*load_results(STUDIES / "teams.json"))
    with writing(PAGE) as temporary:
        text = PAGE.read_text(encoding="utf-8").split(HEADING)[0].rstrip()
        temporary.write_text(f"{text}\n\n{section}", encoding="utf-8")
    print(section)


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    machine = {
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "torch": torch.__version__.split("+")[0],
        "load": round(os.getloadavg()[0], 1),
    }
    count = Config.read("shapes32").data.arguments["count"]
    contents = {
        "machine": machine,
        "count": count,
        "data": [measured(processes, count) for processes in PROCESSES],
        "learned": {file.stem: learned(file.stem) for file in sorted(ROOT.glob("configs/*.json"))},
    }
    save_results(STUDIES / "teams.json", contents, COMMAND)
    write_page()


if __name__ == "__main__":
    main()
