"""What a class needs of one machine: `python benchmarks/classroom.py`, alone on it, about 20
minutes on two cores.

It runs the student notebook of a lesson in several kernels, each a process of its own as on a hub:
all at once, and one after another with the earlier ones left open. Memory is the sum of the
kernels' PSS, where a page that several share counts once; it is sampled each second. A line through
the measured points says what thirty take. Results go to data/studies/classroom.json and, as tables,
to the end of docs/jupyterhub.md.
"""

import argparse
import asyncio
import os
import platform
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from contextlib import AsyncExitStack
from pathlib import Path

import nbformat
import numpy as np
import psutil
import torch
from nbclient import NotebookClient

from course_utils.files.atomic import writing
from course_utils.files.results import load_results, save_results
from course_utils.places import STUDIES

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
PAGE = ROOT / "docs" / "jupyterhub.md"
HEADING = "## What was measured"
COMMAND = "python benchmarks/classroom.py"
LESSONS = ("01", "08")
AT_ONCE = (1, 2, 4, 8)
IN_TURN = 4
CLASS = 30
QUIET = 0.5  # a machine with a higher load does something else as well
CELL_SECONDS = 3600  # eight kernels on two cores take their time


def pss(process: psutil.Process) -> int:
    """The bytes of a process, shared pages divided among their users; 0 if it has just ended."""
    try:
        return process.memory_full_info().pss
    except psutil.NoSuchProcess:
        return 0


class Memory(threading.Thread):
    """Samples the summed PSS of processes and their children every second in its `with` block."""

    def __init__(self):
        super().__init__(daemon=True)
        self.processes: list[psutil.Process] = []
        self.done = threading.Event()
        self.peak_mb = 0.0

    def now_mb(self) -> float:
        family = [
            member
            for process in self.processes
            for member in (process, *process.children(recursive=True))
        ]
        return sum(map(pss, family)) / 1e6

    def run(self) -> None:
        while not self.done.wait(1.0):
            self.peak_mb = max(self.peak_mb, self.now_mb())

    def __enter__(self) -> "Memory":
        self.start()
        return self

    def __exit__(self, *exception) -> None:
        self.done.set()
        self.join()


def processor_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system + times.children_user + times.children_system


async def sit(
    lesson: Path, room: AsyncExitStack, memory: Memory, threads: int
) -> tuple[float, float]:
    """Run a notebook in a new kernel that stays open until the room closes: seconds, and seconds of
    processor time.
    """
    client = NotebookClient(
        nbformat.read(lesson, as_version=4), timeout=CELL_SECONDS, store_widget_state=False
    )
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "GOMP_SPINCOUNT": "10000"}
    started = time.perf_counter()
    kernel = client.async_setup_kernel(
        cwd=str(NOTEBOOKS), env=environment, stderr=subprocess.DEVNULL
    )
    await room.enter_async_context(kernel)
    process = psutil.Process(client.km.provisioner.pid)
    memory.processes.append(process)
    for index, cell in enumerate(client.nb.cells):
        await client.async_execute_cell(cell, index)
    return time.perf_counter() - started, processor_seconds(process)


async def hold(lesson: Path, count: int, at_once: bool, threads: int) -> dict:
    """A class of `count` kernels: what each took, the peak of all together, and what they hold when
    all have ended.
    """
    async with AsyncExitStack() as room:
        with Memory() as memory:
            if at_once:
                took = await asyncio.gather(
                    *(sit(lesson, room, memory, threads) for _ in range(count))
                )
            else:
                took = [await sit(lesson, room, memory, threads) for _ in range(count)]
            left_open = memory.now_mb()
    seconds, processor = zip(*took, strict=True)
    return {
        "lesson": lesson.stem[:2],
        "kernels": count,
        "at_once": at_once,
        "seconds": [round(value, 1) for value in seconds],
        "processor_seconds": [round(value, 1) for value in processor],
        "peak_mb": round(max(memory.peak_mb, left_open)),
        "open_mb": round(left_open),
    }


def server_mb() -> float:
    """The PSS of a JupyterLab server without a kernel, which each student of a hub also has."""
    with tempfile.TemporaryDirectory() as folder:
        options = ["--no-browser", "--port=0", "--allow-root", f"--ServerApp.root_dir={folder}"]
        command = [sys.executable, "-m", "jupyterlab", *options]
        server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            next(line for line in server.stderr if "is running at" in line)
            time.sleep(5)
            return psutil.Process(server.pid).memory_full_info().pss / 1e6
        finally:
            server.terminate()
            server.communicate()


def at_thirty(counts: list[int], values: list[float]) -> float:
    """What a straight line through the measured points says for a class of thirty."""
    slope, start = np.polyfit(counts, values, 1)
    return float(start + slope * CLASS)


def tables(contents: dict) -> str:
    """The section of docs/jupyterhub.md, from its heading on."""
    machine, runs = contents["machine"], contents["runs"]
    together = [run for run in runs if run["at_once"]]
    lines = [
        "| lesson | kernels at once | peak memory | for each | longest | processor time for each |"
    ]
    lines += ["|---|---:|---:|---:|---:|---:|"]
    for lesson in dict.fromkeys(run["lesson"] for run in together):
        rows = [run for run in together if run["lesson"] == lesson]
        for run in rows:
            peak, count = run["peak_mb"] / 1000, run["kernels"]
            times = f"{max(run['seconds']):.0f} s | {np.mean(run['processor_seconds']):.0f} s"
            lines += [f"| {lesson} | {count} | {peak:.1f} GB | {peak / count:.2f} GB | {times} |"]
        if len(rows) > 1:
            counts = [run["kernels"] for run in rows]
            peak = at_thirty(counts, [run["peak_mb"] / 1000 for run in rows])
            each = np.mean([second for run in rows for second in run["processor_seconds"]])
            longest = each * CLASS / machine["cores"] / 60
            cells = (
                f"*{peak:.0f} GB* | *{peak / CLASS:.2f} GB* | *{longest:.0f} min* | *{each:.0f} s*"
            )
            lines += [f"| {lesson} | *{CLASS}, extrapolated* | {cells} |"]
    lines += [
        "",
        (
            "| lesson | kernels one after another, left open | peak memory | held at the end | each"
            " run |"
        ),
    ]
    lines += ["|---|---:|---:|---:|---:|"]
    for run in (run for run in runs if not run["at_once"]):
        held, each = (
            f"{run['open_mb'] / 1000:.1f} GB",
            f"{min(run['seconds']):.0f} to {max(run['seconds']):.0f} s",
        )
        lines += [
            f"| {run['lesson']} | {run['kernels']} | {run['peak_mb'] / 1000:.1f} GB | {held} |"
            f" {each} |"
        ]
    busy = " Other programs ran beside it: seconds are too long, memory and processor time are not."
    said = (
        f"`{contents['command']}` on {machine['cores']} cores of {machine['processor']}, Python"
        f" {machine['python']}, torch {machine['torch']}, threads of a kernel:"
        f" {machine['threads']}; load of the machine before it began:"
        f" {machine['load']:.1f}.{busy if machine['load'] > QUIET else ''} A line through the"
        f" measured rows gives the memory in italics; the minutes are {CLASS} times the processor"
        " time, divided by the cores. A JupyterLab server without a kernel takes"
        f" {contents['server_mb']} MB more for each student."
    )
    return "\n".join(
        [HEADING, "", textwrap.fill(said, 120, break_on_hyphens=False), "", *lines, ""]
    )


def processor_name() -> str:
    """The processor as the system calls it."""
    info = Path("/proc/cpuinfo")
    named = [
        line.split(":")[1].strip()
        for line in info.read_text().splitlines()
        if line.startswith("model name")
    ]
    return named[0] if named else platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lessons", nargs="+", default=LESSONS, help="numbers (01 08)")
    parser.add_argument(
        "--at-once", nargs="+", type=int, default=AT_ONCE, help="kernels at once (1 2 4 8)"
    )
    parser.add_argument(
        "--in-turn", type=int, default=IN_TURN, help=f"kernels one after another ({IN_TURN})"
    )
    parser.add_argument("--threads", type=int, default=1, help="torch's threads in each kernel (1)")
    options = parser.parse_args()
    if not Path("/proc/self/smaps_rollup").exists():
        sys.exit(
            "classroom.py: shared memory is counted by Linux only (/proc/*/smaps_rollup); run it"
            " there"
        )
    machine = {
        "cores": len(os.sched_getaffinity(0)),
        "processor": processor_name(),
        "python": platform.python_version(),
        "torch": torch.__version__.split("+")[0],
        "threads": options.threads,
        "load": round(os.getloadavg()[0], 1),
    }
    runs = []
    for lesson in options.lessons:
        (path,) = NOTEBOOKS.glob(f"{lesson}_*.ipynb")
        for count, at_once in [
            *((count, True) for count in options.at_once),
            (options.in_turn, False),
        ]:
            runs.append(asyncio.run(hold(path, count, at_once, options.threads)))
            print(runs[-1], flush=True)
    command = " ".join([COMMAND, *sys.argv[1:]])
    contents = {"machine": machine, "server_mb": round(server_mb()), "runs": runs}
    save_results(STUDIES / "classroom.json", contents, command)
    write_page()


def write_page() -> None:
    """Put the tables of data/studies/classroom.json at the end of docs/jupyterhub.md."""
    contents, command = load_results(STUDIES / "classroom.json")
    section = tables(contents | {"command": command})
    with writing(PAGE) as temporary:
        text = PAGE.read_text(encoding="utf-8").split(HEADING)[0].rstrip()
        temporary.write_text(f"{text}\n\n{section}", encoding="utf-8")
    print(section)


if __name__ == "__main__":
    main()
