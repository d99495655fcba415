"""A teacher's round with nbgrader, as in docs/teaching.md, and what marks cannot be talked into.

The answers are written in the students' package, whose checks know nothing, and marked with the
full course.
"""

import base64
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest
import torch
from cheats import CHEATS, HONEST, PATCHES, REACHING
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from course_utils.exercises import lesson_00
from course_utils.exercises.checks import SEED, Outcome

ROOT = Path(__file__).parents[2]
LESSON, ASSIGNMENT = "00_start_here", "lesson_00"
pytestmark = pytest.mark.skipif(
    not (ROOT / ".git").exists() or not shutil.which("git"),
    reason="the package is what git tracks: no repository, or no git",
)


@pytest.fixture(scope="module")
def grading():
    sys.path.append(str(ROOT / "docs"))
    yield importlib.import_module("grading")
    sys.path.remove(str(ROOT / "docs"))


def check_cell(exercise: str) -> nbformat.NotebookNode:
    marks = {"grade": True, "solution": False, "locked": True, "task": False, "points": 1}
    marks |= {"grade_id": exercise, "schema_version": 3, "cell_type": "code"}
    source = f"{exercise}.check({exercise.split('.')[1]})"
    return new_code_cell(source, metadata={"nbgrader": marks})


def marked(grading, cells: list, timeout: float = 100, **options) -> dict[str, str]:
    """What the marks say about each exercise of a notebook: the score and the check's words."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python", "language": "python"}}
    notebook = new_notebook(cells=cells, metadata=kernel)
    notebook, _ = grading.Apart(timeout=timeout, **options).preprocess(notebook, {"metadata": {}})
    nbformat.validate(notebook)
    found = {}
    for cell in filter(grading.is_check, notebook.cells):
        (output,) = cell.outputs
        found[cell.metadata.nbgrader.grade_id] = f"{output.data['text/plain']} {output.data}"
    return found


# ---- cheats --------------------------------------------------------------------------------------


def test_no_cheat_gets_a_point_and_an_honest_answer_beside_them_does(grading):
    lessons = ", ".join(f"lesson_{number:02}" for number in range(10))
    cells = [new_code_cell(f"from course_utils.exercises import {lessons}")]
    cells.append(new_code_cell(PATCHES))
    tried = CHEATS | HONEST | (REACHING if grading.confined.version() else {})
    for exercise, source in tried.items():
        cells += [new_code_cell(source), check_cell(exercise)]
    said = marked(grading, cells)
    assert {name for name, words in said.items() if not words.startswith("0.0")} == set(HONEST)
    assert len(said) == len(tried)
    assert "AttributeError" in said["lesson_00.noisy"]  # there is no reference to call
    assert "too many numbers" in said["lesson_08.velocity_loss"]


WRITTEN = "import torch\ndef noisy(x0, noise, t): return x0"
HONEST_NOISY = """
import torch
def noisy(x0, noise, t):
    t = torch.as_tensor(t)
    t = t.reshape(-1, *[1] * (x0.ndim - 1)) if t.ndim else t
    return (1 - t) * x0 + t * noise"""
ENDS = {
    "ends the kernel": ("import os; os._exit(0)", "DeadKernelError"),
    "sleeps, deaf to interrupts": (
        "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nprint(1.0)\n"
        "while True: time.sleep(1)",
        "stopped here",
    ),
    "floods": ("while True: print('1.0' * 100_000)", "DeadKernelError"),
    "shows what is no text": ("display({'x': {1: [2]}}, raw=True)", "NotebookValidationError"),
    "shows what is no output": (
        "k = get_ipython().kernel\n"
        "k.session.send(k.iopub_socket, 'comm_open', {}, k.get_parent(), ident=b'comm')",
        "stopped here",
    ),
}


@pytest.mark.parametrize(("source", "words"), ENDS.values(), ids=ENDS)
def test_a_notebook_that_spoils_its_kernel_is_marked_all_the_same(
    grading, monkeypatch, source, words
):
    monkeypatch.setattr(grading, "MOST_OUTPUT", 3_000_000)
    cells = [new_code_cell(source), new_code_cell(HONEST_NOISY), check_cell("lesson_00.noisy")]
    said = marked(grading, cells, timeout=4)["lesson_00.noisy"]
    assert said.startswith("0.0") and words in said


def test_an_answer_that_takes_too_long_costs_its_own_point_only(grading):
    ((again, answer),) = HONEST.items()
    sources = [
        "import course_utils.exercises.checks",
        "import time\ndef noisy(*a): time.sleep(999)",
    ]
    cells = [*map(new_code_cell, sources), check_cell("lesson_00.noisy")]
    cells += [new_code_cell(answer), check_cell(again)]
    limit = {"timeout_func": lambda cell: 6 if "question" in cell.source else 100}
    said = marked(grading, cells, **limit)
    assert said["lesson_00.noisy"].startswith("0.0")
    assert said[again].startswith("1.0"), said


PROBE = f"""
import os, pathlib, socket
reached = []
def attempt(name, action):
    try:
        action()
        reached.append(name)
    except OSError:
        pass

for name in ("environ", "mem", "maps", "cwd", "root", "fd/2"):
    attempt(name, lambda: os.open(f"/proc/{{os.getppid()}}/{{name}}", os.O_RDONLY))
attempt("signal", lambda: os.kill(os.getppid(), 0))
attempt("course", lambda: os.listdir({str(ROOT)!r}))
attempt("writing", lambda: pathlib.Path({str(ROOT)!r}, "written").touch())
attempt("home", lambda: os.listdir({str(Path.home())!r}))
attempt("other folders", lambda: os.listdir({tempfile.gettempdir()!r}))
if os.popen("ls {ROOT}").read():
    reached.append("a shell")
with socket.socket() as listening:
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    attempt("network", lambda: socket.create_connection(listening.getsockname()))
f"reached: {{reached}}"
"""


def test_a_kernel_has_the_students_package_and_nothing_of_the_teachers(grading, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "42")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    probe = (
        """
import os, sys, importlib.util, course_utils
from course_utils.exercises import lesson_00
assert "SECRET_TOKEN" not in os.environ and os.listdir() == [], os.listdir()
assert not hasattr(lesson_00, "_mix")
assert importlib.util.find_spec("course_utils.exercises.inputs") is None
parents = [os.path.join(place, "notebooks/solutions") for place in [*sys.path, "..", "../.."]]
assert not any(map(os.path.exists, parents)), sys.path
from course_utils.models.checkpoints import load_checkpoint
from course_utils.places import CHECKPOINTS
assert any(CHECKPOINTS.iterdir())
"""
        + HONEST_NOISY
    )
    cells = [new_code_cell(source) for source in (probe, PROBE)]
    said = marked(grading, [*cells, check_cell("lesson_00.noisy")])
    assert said["lesson_00.noisy"].startswith("1.0"), cells[0].outputs
    if not grading.confined.version():
        pytest.skip("no Landlock here: what else a kernel reaches was not tested")
    assert "'reached: []'" in str(cells[1].outputs), cells[1].outputs


def test_inputs_are_new_each_time(grading):
    fixed = lesson_00.noisy.make_inputs(torch.Generator().manual_seed(SEED))
    first, second = grading.drawn(lesson_00.noisy), grading.drawn(lesson_00.noisy)
    sums = [{float(x0.double().sum()) for x0, *_ in inputs} for inputs in (fixed, first, second)]
    assert len(first) == 3 * len(fixed) and len(set.union(*sums)) == sum(map(len, sums))


def data(*numbers: float) -> str:
    return base64.b64encode(torch.tensor(numbers, dtype=torch.float64).numpy().tobytes()).decode()


@pytest.mark.parametrize("forged", [
    None, 1.0, "1.0", [], {}, {"data": "", "shape": [3], "precision": ""},
    {"data": data(1, 2), "shape": [-1, -2], "precision": ""},
    {"data": data(1), "shape": [10**12], "precision": ""},
    {"data": data(1), "shape": [1] * 1000, "precision": ""},
    {"data": data(1), "shape": "1", "precision": []}, {"data": {}, "shape": [], "precision": ""},
    {"error": "\0", "about": ""}, {"error": []}, {"error": "E" * 10**6, "about": {}},
])  # fmt: skip
def test_what_a_kernel_says_is_numbers_or_an_error(grading, forged):
    said = grading.outcome(forged)
    assert isinstance(said, Outcome) and isinstance(said.error, Exception)
    inputs = grading.drawn(lesson_00.noisy)
    assert lesson_00.noisy.judge(inputs, [said] * len(inputs)).score == 0.0


def test_half_precision_is_told_apart_from_the_numbers(grading):
    inputs = grading.drawn(lesson_00.noisy)
    answers = [lesson_00.noisy.reference(*arguments).to(torch.bfloat16) for arguments in inputs]
    said = [
        {"data": data(*x.flatten().tolist()), "shape": x.shape, "precision": "bfloat16"}
        for x in answers
    ]
    outcomes = [grading.outcome(json.loads(json.dumps(answer))) for answer in said]
    assert "Compute in float32" in lesson_00.noisy.judge(inputs, outcomes).message


def test_a_link_to_a_notebook_is_not_marked(grading, tmp_path):
    submitted = tmp_path / "real" / "submitted"
    for student in ("ada", "ben"):
        (submitted / student / "lesson_00").mkdir(parents=True)
    (submitted / "ada" / "lesson_00" / "00.ipynb").write_text("{}")
    (submitted / "ben" / "lesson_00" / "00.ipynb").symlink_to("../../ada/lesson_00/00.ipynb")
    (submitted / "cem").symlink_to("ada")
    (submitted / "dan").mkdir()
    (submitted / "dan" / "lesson_00").symlink_to("../ada/lesson_00")
    (tmp_path / "class").symlink_to("real")
    for folder in (submitted, tmp_path / "class" / "submitted"):  # the teacher's own link is none
        grading.require_own(folder / "ada" / "lesson_00" / "00.ipynb")
        for student in ("ben", "cem", "dan"):
            with pytest.raises(ValueError, match=r"is a link to .*ada/lesson_00"):
                grading.require_own(folder / student / "lesson_00" / "00.ipynb")


def test_only_checks_of_the_course_are_marked(grading):
    cell = check_cell("lesson_00.noisy")
    cell.source = "assert noisy(1, 2, 0.5) == 1.5"
    with pytest.raises(ValueError, match="cannot be marked"):
        marked(grading, [cell])


def test_the_students_package_cannot_mark(grading, monkeypatch):
    monkeypatch.setattr(lesson_00, "noisy", object())
    with pytest.raises(ValueError, match="full course"):
        grading.exercise_of("lesson_00", "noisy")


# ---- a teacher's round ---------------------------------------------------------------------------


def nbgrader(folder: Path, *arguments: str) -> None:
    """Run nbgrader as in an activated environment: its helper alembic is found by the path."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = [sys.executable, "-P", "-m", "nbgrader", *arguments]
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-3000:]


@pytest.fixture(scope="module")
def classroom(tmp_path_factory):
    """A course folder: the teacher's edition as nbgrader's source, a released assignment."""
    folder = tmp_path_factory.mktemp("class")
    source = folder / "source" / ASSIGNMENT
    source.mkdir(parents=True)
    shutil.copy(ROOT / "notebooks" / "solutions" / f"{LESSON}.ipynb", source)
    shutil.copytree(ROOT / "notebooks" / "images", source / "images")
    shutil.copy(ROOT / "docs" / "nbgrader_config.py", folder)
    nbgrader(folder, "generate_assignment", ASSIGNMENT)
    return folder


def test_what_is_released_is_the_student_edition(classroom):
    released = nbformat.read(classroom / "release" / ASSIGNMENT / f"{LESSON}.ipynb", as_version=4)
    student = nbformat.read(ROOT / "notebooks" / f"{LESSON}.ipynb", as_version=4)
    assert [cell.source for cell in released.cells] == [cell.source for cell in student.cells]


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("students") / "package"
    subprocess.run([sys.executable, ROOT / "docs" / "students_package.py", folder], check=True)
    return folder


def number_of(notebook: nbformat.NotebookNode, kind: str) -> int:
    """The cell that nbgrader calls the solution, or the grade."""
    marks = [cell.metadata.get("nbgrader", {}) for cell in notebook.cells]
    return next(number for number, mark in enumerate(marks) if mark.get(kind))


def what_the_check_says(package: Path, notebook: nbformat.NotebookNode) -> str:
    """The check's words in the students' package, where this notebook is written."""
    seen = NotebookClient(nbformat.from_dict(notebook), kernel_name="python3")
    environment = os.environ | {"PYTHONPATH": str(package)}
    done = seen.execute(cwd=str(package / "notebooks"), env=environment)
    return done.cells[number_of(done, "grade")].outputs[-1].data["text/html"]


def handed_in(package: Path, answer: str) -> nbformat.NotebookNode:
    """The package's notebook with an answer, without the cells that the exercise does not need."""
    notebook = nbformat.read(package / "notebooks" / f"{LESSON}.ipynb", as_version=4)
    number = number_of(notebook, "solution")
    assert "# your code here" in notebook.cells[number].source
    notebook.cells[number].source = answer or notebook.cells[number].source
    (imports,) = (cell for cell in notebook.cells if "from course_utils.exercises" in cell.source)
    notebook.cells = [imports, *notebook.cells[number : number + 2]]
    return notebook


def forged_marks(notebook: nbformat.NotebookNode) -> None:
    """More points, no grade, a check of one's own twice, and a mark that was never released."""
    _, solution, check = notebook.cells
    own = check.metadata.nbgrader | {"points": 100, "locked": False, "grade": False}
    check.source, check.metadata.nbgrader = "1.0", own | {"solution": True}
    solution.metadata.nbgrader["grade"] = True
    unknown = own | {"grade_id": "extra", "grade": True, "points": 50}
    strange = [new_code_cell("1.0", metadata={"nbgrader": mark}) for mark in (unknown, "x", [])]
    twin = nbformat.from_dict(check)
    notebook.cells += [twin, *strange]


def test_a_round_from_the_package_to_the_marks(classroom, package):
    from nbgrader.api import Gradebook

    wrong = "def noisy(x0, noise, t):\n    return t * x0 + (1 - t) * noise"
    notebooks = {
        "ada": handed_in(package, HONEST_NOISY),
        "cem": handed_in(package, ""),
        "dan": handed_in(package, wrong),
        "eve": handed_in(package, HONEST_NOISY),
    }
    assert "handed in" in what_the_check_says(package, notebooks["ada"])
    forged_marks(notebooks["dan"])
    del notebooks["eve"].cells[-1]  # the check; nothing says that it must be there
    del notebooks["cem"].cells[1:]
    for student, notebook in notebooks.items():
        submitted = classroom / "submitted" / student / ASSIGNMENT
        submitted.mkdir(parents=True)
        nbformat.write(notebook, submitted / f"{LESSON}.ipynb")
    beside = classroom / "submitted" / "dan" / ASSIGNMENT  # files that would be imported instead
    forged = beside / "course_utils" / "exercises"
    forged.mkdir(parents=True)
    (forged / "lesson_00.py").write_text("class noisy:\n    def check(function): return 1.0\n")
    for name in ("numpy.py", "torch.py", "grading.py", "sitecustomize.py", "usercustomize.py"):
        (beside / name).write_text("raise SystemExit('1.0')\n")
    nbgrader(classroom, "autograde", ASSIGNMENT)
    with Gradebook(f"sqlite:///{classroom / 'gradebook.db'}") as book:
        marks = {student: book.find_submission(ASSIGNMENT, student) for student in notebooks}
        scores = {student: (mark.score, mark.max_score) for student, mark in marks.items()}
        assert not any(mark.needs_manual_grade for mark in marks.values())
    right, wrong = (1, 1), (0, 1)
    assert [name for name, score in scores.items() if score == right] == ["ada", "eve"]
    assert [*scores.values()].count(wrong) == 2
    nbgrader(classroom, "export")
    assert (classroom / "grades.csv").read_text().count("\nlesson_00,") == len(notebooks)
