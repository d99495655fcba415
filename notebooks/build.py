"""Makes the notebooks from their sources: `python notebooks/build.py build|renew|check|run [lesson
...]`.

A lesson is written once, in source/NN_name.py (jupytext's percent format, solutions inside).
`build` writes NN_name.ipynb (student edition: nbgrader's ClearSolutions takes the solutions out)
and solutions/NN_name.ipynb, both executed; `renew` writes them after a change of texts alone, with
the outputs they have; `check` says which notebooks have drifted from their source, without running
anything; `run` executes the student editions as they stand and prints time and memory.
CONTRIBUTING.md tells how to write a lesson.
"""

import argparse
import hashlib
import os
import re
import subprocess
import sys
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
MOVED = 0.1  # measured numbers within 10 % of the stored ones are not written again
KEPT_METADATA = ("tags", "reason", "nbgrader", "jupyter", "cellView")
TIMING_REASON = "times differ from run to run"


class BuildError(Exception):
    """A lesson that cannot be built; the message names the lesson, the edition and the cell."""


@dataclass(frozen=True)
class Measured:
    """What running a lesson from top to bottom took."""

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
        """Whether the other measurement says the same within 10 %, on as many cores."""
        if other is None or other.cores != self.cores:
            return False
        return _near(self.seconds, other.seconds) and _near(self.peak_mb, other.peak_mb)


def _near(new: float, old: float) -> bool:
    return abs(new - old) <= MOVED * abs(old)


# ---- from a source to an unexecuted notebook -----------------------------------------------------


def compose(source: Path, edition: str, measured: Measured | None) -> NotebookNode:
    """The notebook of one edition, not yet executed: what a built notebook is compared with.

    measured fills {{measured}} in the head; None (never measured) leaves a dash there.
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
    """Ids from the text alone, so that a rebuild, or a new cell elsewhere, changes no other cell's
    id.
    """
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        text = f"{cell.cell_type}\n{cell.source}"
        seen[text] = seen.get(text, 0) + 1
        cell.id = hashlib.sha256(f"{text}\n{seen[text]}".encode()).hexdigest()[:12]


def _set_metadata(notebook: NotebookNode, lesson: str) -> None:
    """Drop jupytext's own metadata; mark exercises and their checks for nbgrader, timing cells for
    nbval.
    """
    counts = {"exercise": 0, "check": 0}
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict(
            {k: v for k, v in cell.metadata.items() if k in KEPT_METADATA}
        )
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
    """What nbgrader has to know about a cell: it holds a solution, or it ends in a check."""
    if cell.cell_type != "code":
        return None
    if "BEGIN SOLUTION" in cell.source:
        return "exercise"
    return (
        "check"
        if re.search(r"^lesson_\d\d\.\w+\.check\(\w+\)\s*$", cell.source, re.MULTILINE)
        else None
    )


def _fill_head(notebook: NotebookNode, lesson: str, measured: Measured | None) -> None:
    head = notebook.cells[0]
    if (
        head.cell_type != "markdown"
        or "{{measured}}" not in head.source
        or "{{badges}}" not in head.source
    ):
        raise BuildError(
            f"{lesson}: the first cell must be markdown and hold {{{{badges}}}} and {{{{measured}}}}"
        )
    head.source = head.source.replace("{{badges}}", _badges(lesson))
    head.source = head.source.replace("{{measured}}", str(measured or "–"))


def _without_solutions(notebook: NotebookNode) -> NotebookNode:
    from nbgrader.preprocessors import ClearSolutions

    cleared, _ = ClearSolutions(code_stub={"python": STUB}).preprocess(notebook, {})
    return cleared


# ---- places to run: Colab and Binder -------------------------------------------------------------


def _repository() -> str:
    """The repository's address as pyproject.toml states it, for example
    https://github.com/owner/name.
    """
    return tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["urls"][
        "Homepage"
    ].rstrip("/")


def _badges(lesson: str) -> str:
    """Links, not badge images: those would be fetched from the network each time a lesson is
    opened.
    """
    owner_and_name = _repository().removeprefix("https://github.com/")
    colab = f"https://colab.research.google.com/github/{owner_and_name}/blob/main/notebooks/{lesson}.ipynb"
    binder = f"https://mybinder.org/v2/gh/{owner_and_name}/main?urlpath=lab/tree/notebooks/{lesson}.ipynb"
    return f"[▶ Open in Colab]({colab}) · [▶ Open in Binder]({binder})"


def _colab_cell() -> NotebookNode:
    """The cell that fetches the course on Colab; pip leaves what is there (ipywidgets 7) and never
    sees torch.
    """
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    requirements = project["dependencies"] + project["optional-dependencies"]["lab"]
    names = [re.match(r"[\w.-]+", requirement).group() for requirement in requirements]
    packages = " ".join(
        name for name in names if name not in ("torch", "filelock", "jupyterlab", "numpy")
    )
    text = f"""\
# @title On Colab: fetch the course and what Colab lacks (elsewhere this cell does nothing)
import os
import sys

if "google.colab" in sys.modules:
    home = "/content/{project["name"]}"
    packages = "{packages}"
    os.system(f"test -d {{home}} || git clone --quiet --depth=1 {_repository()} {{home}}")
    os.system(f"{{sys.executable}} -m pip install --quiet {{packages}}")
    os.system(f"{{sys.executable}} -m pip install --quiet --no-deps --editable {{home}}")
    sys.path.insert(0, home)
    os.chdir(f"{{home}}/notebooks")"""
    metadata = {"tags": ["colab"], "jupyter": {"source_hidden": True}, "cellView": "form"}
    return nbformat.v4.new_code_cell(text, metadata=metadata)


# ---- execution -----------------------------------------------------------------------------------


class _PeakMemory(threading.Thread):
    """Samples the memory of a process and its children once a second while its `with` block runs.

    More often would slow the lesson down: counting shared pages stops a process that trains for
    many milliseconds.
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
    """Megabytes a process takes: on Linux its proportional share (PSS) of shared pages, elsewhere
    RSS.
    """
    try:
        rollup = Path(f"/proc/{process.pid}/smaps_rollup")
        if rollup.exists():
            return (
                int(re.search(r"^Pss:\s+(\d+) kB", rollup.read_text(), re.MULTILINE).group(1))
                * 1024
                / 1e6
            )
        return process.memory_info().rss / 1e6
    except (OSError, AttributeError, psutil.Error):  # it ended between two lines
        return 0.0


def execute(notebook: NotebookNode, folder: Path, name: str) -> Measured:
    """Run every cell in a fresh kernel inside folder; outputs go into the notebook. BuildError
    names the cell.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        store_widget_state=False,
        record_timing=False,
        coalesce_streams=True,  # where a stream is cut depends on the machine's mood
    )
    environment = os.environ | {"PYTHONHASHSEED": "0"}
    started = time.perf_counter()
    with client.setup_kernel(cwd=str(folder), env=environment, stderr=subprocess.DEVNULL):
        with _PeakMemory(client.km.provisioner.pid) as memory:
            for index, cell in enumerate(notebook.cells):
                try:
                    client.execute_cell(cell, index)
                except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
                    raise BuildError(
                        f"{name}, cell {index + 1} failed:\n{cell.source}\n\n{error}"
                    ) from error
        seconds = time.perf_counter() - started
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Measured(round(seconds, 1), round(memory.peak_mb), cores)


def _tidy_outputs(notebook: NotebookNode, name: str) -> None:
    """Take out of the outputs what differs from run to run; refuse what a learner should not meet.
    """
    for index, cell in enumerate(notebook.cells):
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                raise BuildError(f"{name}, cell {index + 1} writes to stderr:\n{output.text}")
            data = output.get("data", {})
            data.pop(
                "application/vnd.jupyter.widget-view+json", None
            )  # its model lives in the kernel only
            if "text/plain" in data:
                data["text/plain"] = re.sub(r"0x[0-9a-f]{6,}", "0x0", data["text/plain"])


def _keep_timings(notebook: NotebookNode, old: NotebookNode | None) -> None:
    """In cells tagged `timing`, keep the old outputs unless a number in their text moved by more
    than 10 %.
    """
    stored = {cell.id: cell for cell in old.cells} if old else {}
    for cell in notebook.cells:
        before = stored.get(cell.id)
        if (
            "timing" in cell.metadata.get("tags", [])
            and before
            and _same_but_for_time(cell, before)
        ):
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
    """The words of a cell's outputs; pictures of times go with the numbers printed beside them."""
    data = [output.get("data", {}) for output in cell.outputs]
    return "\n".join(
        [output.get("text", "") for output in cell.outputs]
        + [d.get("text/plain", "") for d in data]
    )


# ---- the three commands --------------------------------------------------------------------------


def notebook_path(source: Path, edition: str, folder: Path = NOTEBOOKS) -> Path:
    return folder / EDITIONS[edition] / f"{source.stem}.ipynb"


def read_notebook(path: Path) -> NotebookNode | None:
    return nbformat.read(path, as_version=4) if path.exists() else None


def stored_measurement(notebook: NotebookNode | None) -> Measured | None:
    stored = notebook.metadata.get("noise_to_shape", {}).get("measured") if notebook else None
    return Measured(**stored) if stored else None


def build(source: Path, folder: Path = NOTEBOOKS) -> Measured:
    """Execute and write both editions of a lesson; nothing is written unless both run without an
    error.
    """
    built, measured = {}, None
    for edition in EDITIONS:
        name = f"{source.stem} ({edition} edition)"
        old = read_notebook(notebook_path(source, edition, folder))
        draft = compose(source, edition, None)
        taken = execute(draft, folder, name)
        _tidy_outputs(draft, name)
        if edition == "student":
            measured = stored_measurement(old) if taken.near(stored_measurement(old)) else taken
        notebook = compose(source, edition, measured)
        for cell, ran in zip(notebook.cells, draft.cells, strict=True):
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = ran.outputs, ran.execution_count
        _keep_timings(notebook, old)
        built[notebook_path(source, edition, folder)] = notebook
    for path, notebook in built.items():
        _write(path, notebook)
    return measured


def _code(cells: list[NotebookNode]) -> list[NotebookNode]:
    return [cell for cell in cells if cell.cell_type == "code"]


def _taught(cells: list[NotebookNode]) -> list[str]:
    """The code of a lesson, without Colab's cell."""
    return [cell.source for cell in cells if "colab" not in cell.metadata.get("tags", [])]


def renew(source: Path, folder: Path = NOTEBOOKS) -> None:
    """Write both editions with new texts and the outputs they have. BuildError where code has
    changed (not Colab's).
    """
    renewed = {}
    for edition in EDITIONS:
        path = notebook_path(source, edition, folder)
        old = read_notebook(path)
        notebook = compose(source, edition, stored_measurement(old))
        ran, wanted = (_code(old.cells if old else []), _code(notebook.cells))
        if _taught(ran) != _taught(wanted):
            raise BuildError(f"{source.stem} ({edition} edition): its code has changed; build it")
        for cell, before in zip(wanted, ran, strict=True):
            cell.outputs, cell.execution_count = before.outputs, before.execution_count
        renewed[path] = notebook
    for path, notebook in renewed.items():
        _write(path, notebook)


def _write(path: Path, notebook: NotebookNode) -> None:
    path.parent.mkdir(exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8", newline="\n")
    os.replace(part, path)


def with_times(readme: str, folder: Path = NOTEBOOKS) -> str:
    """README's text with the measured time and memory of every lesson in the last column of its
    row.
    """
    for source in lessons([], folder):
        measured = stored_measurement(read_notebook(notebook_path(source, "student", folder)))
        row = re.compile(rf"^(\|.*\(notebooks/{source.stem}\.ipynb\).*\|)[^|]*\|$", re.MULTILINE)
        readme = row.sub(rf"\g<1> {measured.numbers if measured else '–'} |", readme)
    return readme


def drift(source: Path, folder: Path = NOTEBOOKS) -> list[str]:
    """What differs between a lesson's notebooks and its source, one line each; empty if nothing
    does.
    """
    complaints = []
    for edition in EDITIONS:
        path = notebook_path(source, edition, folder)
        stored = read_notebook(path)
        if stored is None:
            complaints.append(f"{path.name} ({edition}) is missing")
            continue
        wanted = compose(source, edition, stored_measurement(stored))
        if stored.metadata != wanted.metadata:
            complaints.append(f"{path.name} ({edition}): metadata differ")
        if len(stored.cells) != len(wanted.cells):
            complaints.append(
                f"{path.name} ({edition}): {len(stored.cells)} cells, the source has {len(wanted.cells)}"
            )
        for number, (cell, want) in enumerate(
            zip(stored.cells, wanted.cells, strict=False), start=1
        ):
            fields = ("id", "cell_type", "metadata", "source")
            wrong = [field for field in fields if cell[field] != want[field]]
            if wrong:
                complaints.append(
                    f"{path.name} ({edition}), cell {number}: {', '.join(wrong)} differ"
                )
                break
    return complaints


def run(source: Path, folder: Path = NOTEBOOKS) -> tuple[Measured | None, str]:
    """Execute a student notebook as it stands, writing nothing; (what it took, "") or (None, what
    failed).
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
    """The sources of the named lessons ("08" or "08_a_voxel_model"), of all lessons if none is
    named.
    """
    every = sorted((folder / "source").glob("[0-9][0-9]_*.py"))
    known = {key: source for source in every for key in (source.stem, source.stem[:2])}
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
    README.write_text(
        with_times(README.read_text(encoding="utf-8")), encoding="utf-8", newline="\n"
    )
    return 0


def _renew_command(sources: list[Path]) -> int:
    for source in sources:
        try:
            renew(source)
        except BuildError as error:
            print(f"[problem] {error}")
            return 1
        print(f"[ok] {source.stem}: new texts, the same outputs", flush=True)
    return 0


def _check_command(sources: list[Path]) -> int:
    complaints = [complaint for source in sources for complaint in drift(source)]
    for complaint in complaints:
        print(f"[problem] {complaint}")
    if complaints:
        print("Build them again: python notebooks/build.py build")
    else:
        print(f"[ok] {len(sources)} lessons, both editions as their sources say")
    return 1 if complaints else 0


def _run_command(sources: list[Path]) -> int:
    failures = []
    print(f"{'lesson':<40} {'seconds':>8} {'peak MB':>8}  result", flush=True)
    for source in sources:
        measured, failure = run(source)
        failures += [failure] if failure else []
        numbers = (
            f"{measured.seconds:8.1f} {measured.peak_mb:8.0f}" if measured else f"{'-':>8} {'-':>8}"
        )
        print(f"{source.stem:<40} {numbers}  {'failed' if failure else 'ok'}", flush=True)
    for failure in failures:
        print(f"\n{failure}")
    return 1 if failures else 0


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Build, check or run the lessons.")
    parser.add_argument("command", choices=["build", "renew", "check", "run"])
    parser.add_argument(
        "lessons", nargs="*", help="for example 08 or 08_name; all if none is named"
    )
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
