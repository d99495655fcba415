"""Make the notebooks from their sources: `python notebooks/build.py COMMAND [lesson ...]`.

A lesson is written once, in source/NN_name.py (jupytext's percent format, with its solutions).
`build` executes two editions and writes them: NN_name.ipynb for students, from which nbgrader's
ClearSolutions has removed the solutions, saved with its outputs; and solutions/NN_name.ipynb, saved
without outputs. A source without exercises, and without a number, is no lesson but a notebook of
its own, with the first edition only. `renew` writes both after a change to the text alone and keeps
the outputs. `check` reports notebooks that differ from their source, and runs nothing. `run`
executes the student editions as they stand and prints times and memory. CONTRIBUTING.md explains
how to write a lesson.
"""

import argparse
import hashlib
import os
import re
import subprocess
import sys
import textwrap
import threading
import time
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path

import nbformat
import psutil
from nbformat.notebooknode import NotebookNode

NOTEBOOKS = Path(__file__).resolve().parent
PYPROJECT = NOTEBOOKS.parent / "pyproject.toml"
README = NOTEBOOKS.parent / "README.md"
EDITIONS = {"student": ".", "solutions": "solutions"}
STUB = "...  # your code here"
CELL_SECONDS = 600
MOVED = 0.1  # a measurement within 10 % of the stored one does not replace it
KEPT_METADATA = ("tags", "reason", "nbgrader", "jupyter", "cellView")
TIMING_REASON = "times differ from run to run"


class BuildError(Exception):
    """A lesson that cannot be built; the message names the lesson, the edition and the cell."""


@dataclass(frozen=True)
class Measured:
    """The time and memory that a lesson took from top to bottom."""

    seconds: float
    peak_mb: float
    cores: int

    @property
    def numbers(self) -> str:
        return f"{self.seconds:.0f} s, {self.peak_mb / 1000:.1f} GB"

    def __str__(self) -> str:
        cores = f"{self.cores} CPU core" + "s" * (self.cores != 1)
        return f"Measured on {cores}: {self.numbers}"

    def near(self, other: "Measured | None") -> bool:
        """Return whether two measurements on the same number of cores agree within 10 %."""
        if other is None or other.cores != self.cores:
            return False
        return _near(self.seconds, other.seconds) and _near(self.peak_mb, other.peak_mb)


def _near(new: float, old: float) -> bool:
    return abs(new - old) <= MOVED * abs(old)


# ---- from a source to an unexecuted notebook -----------------------------------------------------


def compose(source: Path, edition: str, measured: Measured | None) -> NotebookNode:
    """Return one edition of a lesson, not executed.

    Args:
        source: The lesson's source, source/NN_name.py.
        edition: A key of EDITIONS.
        measured: What replaces {{measured}} in the head; None, for a lesson that was never
            measured, puts a dash there.
    """
    import jupytext

    notebook = jupytext.read(source, fmt="py:percent")
    notebook.cells.insert(1, _colab_cell())
    _set_ids(notebook)
    _set_metadata(notebook, source.stem)
    _fill_head(notebook, source.stem, measured)
    if edition == "student":
        notebook = _without_solutions(notebook)
    details = {"measured": asdict(measured)} if measured else {}
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {
                "display_name": "Python 3 (ipykernel)",
                "language": "python",
                "name": "python3",
            },
            "language_info": {
                "file_extension": ".py",
                "mimetype": "text/x-python",
                "name": "python",
            },
            "noise_to_shape": details,
        }
    )
    return notebook


def _set_ids(notebook: NotebookNode) -> None:
    """Derive each cell's id from its text, so that a rebuild or a new cell changes no other id."""
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        text = f"{cell.cell_type}\n{cell.source}"
        seen[text] = seen.get(text, 0) + 1
        cell.id = hashlib.sha256(f"{text}\n{seen[text]}".encode()).hexdigest()[:12]


def _set_metadata(notebook: NotebookNode, lesson: str) -> None:
    """Drop jupytext's metadata; mark exercises and checks for nbgrader, timing cells for nbval."""
    counts = {"exercise": 0, "check": 0}
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({k: v for k, v in cell.metadata.items() if k in KEPT_METADATA})
        tags = cell.metadata.get("tags", [])
        if "timing" in tags:
            cell.metadata.tags = [*tags, "nbval-ignore-output"]
            cell.metadata.setdefault("reason", TIMING_REASON)
        role = _role(cell)
        if role:
            counts[role] += 1
            marks = {"grade": False, "locked": False, "solution": True}
            if role == "check":
                marks = {"grade": True, "locked": True, "solution": False, "points": 1}
            grade_id = f"{lesson}-{role}-{counts[role]}"
            cell.metadata.nbgrader = {
                "grade_id": grade_id,
                "schema_version": 3,
                "task": False,
                **marks,
            }


def _role(cell: NotebookNode) -> str | None:
    """Return "exercise" for a cell with a solution, "check" for one that ends in a check."""
    if cell.cell_type != "code":
        return None
    if "BEGIN SOLUTION" in cell.source:
        return "exercise"
    return "check" if re.search(r"^lesson_\d\d\.\w+\.check\(\w+\)\s*$", cell.source, re.MULTILINE) else None


def _fill_head(notebook: NotebookNode, lesson: str, measured: Measured | None) -> None:
    head = notebook.cells[0]
    if head.cell_type != "markdown" or "{{measured}}" not in head.source or "{{badges}}" not in head.source:
        raise BuildError(f"{lesson}: the first cell must be markdown and contain {{{{badges}}}} and {{{{measured}}}}")
    head.source = head.source.replace("{{badges}}", _badges(lesson))
    head.source = head.source.replace("{{measured}}", str(measured or "–"))


def _without_solutions(notebook: NotebookNode) -> NotebookNode:
    from nbgrader.preprocessors import ClearSolutions

    cleared, _ = ClearSolutions(code_stub={"python": STUB}).preprocess(notebook, {})
    return cleared


# ---- places to run: Colab and Binder -------------------------------------------------------------


def _repository() -> str:
    """Return the repository's address from pyproject.toml: https://github.com/owner/name."""
    return tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["urls"]["Homepage"].rstrip("/")


def _badges(lesson: str) -> str:
    """Return links instead of badge images, which every open lesson would fetch from the web."""
    owner_and_name = _repository().removeprefix("https://github.com/")
    colab = f"https://colab.research.google.com/github/{owner_and_name}/blob/main/notebooks/{lesson}.ipynb"
    binder = f"https://mybinder.org/v2/gh/{owner_and_name}/main?urlpath=lab/tree/notebooks/{lesson}.ipynb"
    return f"[▶ Open in Colab]({colab}) · [▶ Open in Binder]({binder})"


def _colab_cell() -> NotebookNode:
    """Return the cell that fetches the course on Colab.

    pip keeps the packages that Colab has (ipywidgets 7, for example) and is never asked for torch.
    The course itself is on the path; pip would fetch an unpinned setuptools to build it.
    """
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    requirements = project["dependencies"] + project["optional-dependencies"]["lab"]
    names = [re.match(r"[\w.-]+", requirement).group() for requirement in requirements]
    there = ("torch", "filelock", "jupyterlab", "numpy", "pillow", "tqdm")
    lines = textwrap.wrap(" ".join(name for name in names if name not in there), 90)
    packages = ' "\n        "'.join(lines)
    text = f"""\
# @title On Colab: fetch the course and what Colab lacks (elsewhere this cell does nothing)
import os
import sys

if "google.colab" in sys.modules:
    home = "/content/{project["name"]}"
    packages = (
        "{packages}"
    )
    os.system(f"test -d {{home}} || git clone --quiet --depth=1 {_repository()} {{home}}")
    os.system(f"{{sys.executable}} -m pip install --quiet {{packages}}")
    sys.path.insert(0, home)
    os.chdir(f"{{home}}/notebooks")"""
    metadata = {"tags": ["colab"], "jupyter": {"source_hidden": True}, "cellView": "form"}
    return nbformat.v4.new_code_cell(text, metadata=metadata)


# ---- execution -----------------------------------------------------------------------------------


class _PeakMemory(threading.Thread):
    """Sample the memory of a process and its children once per second inside a `with` block.

    Sampling more often would slow the lesson down: counting shared pages stops a process that is
    training for many milliseconds.
    """

    def __init__(self, pid: int):
        super().__init__(daemon=True)
        self.process = psutil.Process(pid)
        self.done = threading.Event()
        self.peak_mb = 0.0

    def run(self) -> None:
        while not self.done.is_set():
            self.peak_mb = max(self.peak_mb, self._sample())
            self.done.wait(1.0)

    def _sample(self) -> float:
        try:
            family = [self.process, *self.process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return 0.0
        return sum(map(_memory_mb, family))

    def __enter__(self) -> "_PeakMemory":
        self.start()
        return self

    def __exit__(self, *exception) -> None:
        self.peak_mb = max(self.peak_mb, self._sample())
        self.done.set()
        self.join()


def _memory_mb(process: psutil.Process) -> float:
    """Return a process's memory in MB: on Linux its proportional share (PSS), elsewhere RSS."""
    try:
        rollup = Path(f"/proc/{process.pid}/smaps_rollup")
        if rollup.exists():
            return int(re.search(r"^Pss:\s+(\d+) kB", rollup.read_text(), re.MULTILINE).group(1)) * 1024 / 1e6
        return process.memory_info().rss / 1e6
    except (OSError, AttributeError, psutil.Error):  # the process has just ended
        return 0.0


def execute(notebook: NotebookNode, folder: Path, name: str) -> Measured:
    """Run every cell in a fresh kernel and store the outputs in the notebook.

    Args:
        notebook: The notebook, changed in place.
        folder: The kernel's working directory.
        name: What a BuildError calls the notebook; it also names the cell that failed.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        store_widget_state=False,
        record_timing=False,
        coalesce_streams=True,  # where a stream is split varies from run to run
    )
    environment = os.environ | {"PYTHONHASHSEED": "0"}
    started = time.perf_counter()
    with client.setup_kernel(cwd=str(folder), env=environment, stderr=subprocess.DEVNULL):
        with _PeakMemory(client.km.provisioner.pid) as memory:
            for index, cell in enumerate(notebook.cells):
                try:
                    client.execute_cell(cell, index)
                except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
                    raise BuildError(f"{name}, cell {index + 1} failed:\n{cell.source}\n\n{error}") from error
        seconds = time.perf_counter() - started
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Measured(round(seconds, 1), round(memory.peak_mb), cores)


def _tidy_outputs(notebook: NotebookNode, name: str) -> None:
    """Remove what differs from run to run from the outputs; refuse output to stderr."""
    for index, cell in enumerate(notebook.cells):
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                raise BuildError(f"{name}, cell {index + 1} writes to stderr:\n{output.text}")
            data = output.get("data", {})
            # its model lives in the kernel only
            data.pop("application/vnd.jupyter.widget-view+json", None)
            if "text/plain" in data:
                data["text/plain"] = re.sub(r"0x[0-9a-f]{6,}", "0x0", data["text/plain"])


def _keep_timings(notebook: NotebookNode, old: NotebookNode | None) -> None:
    """In cells tagged `timing`, keep the old outputs unless a number changed by over 10 %."""
    stored = {cell.id: cell for cell in old.cells} if old else {}
    for cell in notebook.cells:
        before = stored.get(cell.id)
        if "timing" in cell.metadata.get("tags", []) and before and _same_but_for_time(cell, before):
            cell.outputs = before.outputs


def _same_but_for_time(cell: NotebookNode, before: NotebookNode) -> bool:
    if cell.source != before.source or len(cell.outputs) != len(before.outputs):
        return False
    number = re.compile(r"\d+(?:\.\d+)?")
    new_text, old_text = _output_text(cell), _output_text(before)
    if number.sub("#", new_text) != number.sub("#", old_text):
        return False
    pairs = zip(number.findall(new_text), number.findall(old_text), strict=True)
    return all(_near(float(new), float(old)) for new, old in pairs)


def _output_text(cell: NotebookNode) -> str:
    """Return the text of a cell's outputs; a picture of times follows the numbers beside it."""
    data = [output.get("data", {}) for output in cell.outputs]
    return "\n".join([output.get("text", "") for output in cell.outputs] + [d.get("text/plain", "") for d in data])


# ---- the commands --------------------------------------------------------------------------------


def notebook_path(source: Path, edition: str, folder: Path = NOTEBOOKS) -> Path:
    return folder / EDITIONS[edition] / f"{source.stem}.ipynb"


def editions_of(source: Path) -> tuple[str, ...]:
    """Return the editions of a source: both, or the students' alone where there is no solution."""
    return tuple(EDITIONS) if "### BEGIN SOLUTION" in source.read_text(encoding="utf-8") else ("student",)


def read_notebook(path: Path) -> NotebookNode | None:
    return nbformat.read(path, as_version=4) if path.exists() else None


def stored_measurement(notebook: NotebookNode | None) -> Measured | None:
    stored = notebook.metadata.get("noise_to_shape", {}).get("measured") if notebook else None
    return Measured(**stored) if stored else None


def build(source: Path, folder: Path = NOTEBOOKS) -> Measured:
    """Execute all editions of a lesson, then write them; an error writes none.

    Args:
        source: The lesson's source, source/NN_name.py.
        folder: Where the notebooks are written, laid out as notebooks/ is.

    Raises:
        BuildError: A cell fails or writes to stderr, or a solution does not pass its check.
    """
    student, taken = _executed(source, "student", folder)
    editions = editions_of(source)
    if "solutions" in editions:
        solutions, _ = _executed(source, "solutions", folder)
        _require_passed_checks(solutions, f"{source.stem} (solutions edition)")
    old = read_notebook(notebook_path(source, "student", folder))
    measured = stored_measurement(old) if taken.near(stored_measurement(old)) else taken
    notebook = compose(source, "student", measured)
    _copy_outputs(student, notebook)
    _keep_timings(notebook, old)
    _write(notebook_path(source, "student", folder), notebook)
    if "solutions" in editions:
        _write(notebook_path(source, "solutions", folder), compose(source, "solutions", measured))
    return measured


def _executed(source: Path, edition: str, folder: Path) -> tuple[NotebookNode, Measured]:
    name = f"{source.stem} ({edition} edition)"
    notebook = compose(source, edition, None)
    measured = execute(notebook, folder, name)
    _tidy_outputs(notebook, name)
    return notebook, measured


def _require_passed_checks(notebook: NotebookNode, name: str) -> None:
    from nbgrader.utils import determine_grade, is_grade

    for index, cell in enumerate(notebook.cells):
        if is_grade(cell) and determine_grade(cell) != (1.0, 1.0):
            raise BuildError(f"{name}, cell {index + 1}: the solution does not pass\n{cell.source}")


def _copy_outputs(executed: NotebookNode, notebook: NotebookNode) -> None:
    for ran, cell in zip(_code(executed.cells), _code(notebook.cells), strict=True):
        cell.outputs, cell.execution_count = ran.outputs, ran.execution_count


def _code(cells: list[NotebookNode]) -> list[NotebookNode]:
    return [cell for cell in cells if cell.cell_type == "code"]


def _taught(cells: list[NotebookNode]) -> list[str]:
    """Return the code of a lesson without Colab's cell."""
    return [cell.source for cell in _code(cells) if "colab" not in cell.metadata.get("tags", [])]


def renew(source: Path, folder: Path = NOTEBOOKS) -> None:
    """Write all editions again with new text; the student edition keeps its outputs.

    Raises:
        BuildError: Code has changed, in a cell other than Colab's.
    """
    renewed = {}
    for edition in editions_of(source):
        path = notebook_path(source, edition, folder)
        old = read_notebook(path)
        renewed[path] = compose(source, edition, stored_measurement(old))
        if _taught(old.cells if old else []) != _taught(renewed[path].cells):
            raise BuildError(f"{source.stem} ({edition} edition): its code has changed; build it")
        if edition == "student":
            _copy_outputs(old, renewed[path])
    for path, notebook in renewed.items():
        _write(path, notebook)


def _write(path: Path, notebook: NotebookNode) -> None:
    path.parent.mkdir(exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8", newline="\n")
    os.replace(part, path)


def with_times(readme: str, folder: Path = NOTEBOOKS) -> str:
    """Return README's text with each lesson's time and memory in the last column of its row."""
    for source in lessons([], folder):
        measured = stored_measurement(read_notebook(notebook_path(source, "student", folder)))
        row = re.compile(rf"^(\|.*\(notebooks/{source.stem}\.ipynb\).*\|)[^|]*\|$", re.MULTILINE)
        readme = row.sub(rf"\g<1> {measured.numbers if measured else '–'} |", readme)
    return readme


def drift(source: Path, folder: Path = NOTEBOOKS) -> list[str]:
    """Return one line per notebook for what differs between it and its source."""
    complaints = []
    for edition in editions_of(source):
        path = notebook_path(source, edition, folder)
        stored = read_notebook(path)
        if stored is None:
            complaints.append(f"{path.name} ({edition}) is missing")
            continue
        wanted = compose(source, edition, stored_measurement(stored))
        fields = ["id", "cell_type", "metadata", "source"]
        if edition == "solutions":  # saved without outputs
            fields += ["outputs", "execution_count"]
        if stored.metadata != wanted.metadata:
            complaints.append(f"{path.name} ({edition}): metadata differ")
        if len(stored.cells) != len(wanted.cells):
            complaints.append(f"{path.name} ({edition}): {len(stored.cells)} cells, the source has {len(wanted.cells)}")
        for number, (cell, want) in enumerate(zip(stored.cells, wanted.cells, strict=False), start=1):
            wrong = [field for field in fields if cell.get(field) != want.get(field)]
            if wrong:
                complaints.append(f"{path.name} ({edition}), cell {number}: {', '.join(wrong)} differ")
                break
    return complaints


def run(source: Path, folder: Path = NOTEBOOKS) -> tuple[Measured | None, str]:
    """Execute a student notebook as it stands and write nothing.

    Returns:
        (measurement, "") or (None, the reason why it failed).
    """
    notebook = read_notebook(notebook_path(source, "student", folder))
    if notebook is None:
        return (
            None,
            f"{source.stem}.ipynb is missing: python notebooks/build.py build {source.stem}",
        )
    try:
        return execute(notebook, folder, source.stem), ""
    except BuildError as error:
        return None, str(error)


def lessons(names: list[str], folder: Path = NOTEBOOKS) -> list[Path]:
    """Return the sources of the named lessons, or of all lessons if `names` is empty.

    Args:
        names: For example "08" or "08_voxel_diffusion"; a notebook without a number has its name.
        folder: Laid out as notebooks/ is.
    """
    every = sorted((folder / "source").glob("*.py"))
    known = {source.stem: source for source in every}
    known |= {source.stem[:2]: source for source in every if source.stem[:2].isdecimal()}
    for name in names:
        if name not in known:
            raise ValueError(
                f"no lesson {name!r}; there are {', '.join(source.stem for source in every) or 'none yet'}"
            )
    return [known[name] for name in names] or every


def _build_command(sources: list[Path]) -> int:
    for source in sources:
        try:
            measured = build(source)
        except BuildError as error:
            print(f"[problem] {error}")
            return 1
        print(f"[ok] {source.stem}: {measured}", flush=True)
    README.write_text(with_times(README.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    return 0


def _renew_command(sources: list[Path]) -> int:
    for source in sources:
        try:
            renew(source)
        except BuildError as error:
            print(f"[problem] {error}")
            return 1
        print(f"[ok] {source.stem}: new text, the same outputs", flush=True)
    return 0


def _check_command(sources: list[Path]) -> int:
    complaints = [complaint for source in sources for complaint in drift(source)]
    for complaint in complaints:
        print(f"[problem] {complaint}")
    if complaints:
        print("Build them again: python notebooks/build.py build")
    else:
        print(f"[ok] {len(sources)} notebooks: all editions match their sources")
    return 1 if complaints else 0


def _run_command(sources: list[Path]) -> int:
    failures = []
    print(f"{'lesson':<40} {'seconds':>8} {'peak MB':>8}  result", flush=True)
    for source in sources:
        measured, failure = run(source)
        failures += [failure] if failure else []
        numbers = f"{measured.seconds:8.1f} {measured.peak_mb:8.0f}" if measured else f"{'-':>8} {'-':>8}"
        print(f"{source.stem:<40} {numbers}  {'failed' if failure else 'ok'}", flush=True)
    for failure in failures:
        print(f"\n{failure}")
    return 1 if failures else 0


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Build, check or run the lessons.")
    parser.add_argument("command", choices=["build", "renew", "check", "run"])
    parser.add_argument("lessons", nargs="*", help="for example 08 or 08_name (default: all lessons)")
    options = parser.parse_args(arguments)
    try:
        sources = lessons(options.lessons)
    except ValueError as error:
        print(f"build.py: {error}", file=sys.stderr)
        return 2
    commands = {
        "build": _build_command,
        "renew": _renew_command,
        "check": _check_command,
        "run": _run_command,
    }
    return commands[options.command](sources)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
