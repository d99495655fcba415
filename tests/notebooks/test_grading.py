"""A teacher's round with nbgrader, as in docs/teaching.md: release, collect, grade.

The answers are written in the students' package, whose checks know nothing, and graded with the
full course.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
LESSON, ASSIGNMENT = "00_start_here", "lesson_00"
ANSWERS = {
    "ada": (
        "def noisy(x0, noise, t):\n    t = torch.as_tensor(t)\n    t = t.reshape(-1, *[1] *"
        " (x0.ndim - 1)) if t.ndim else t\n    return (1 - t) * x0 + t * noise"
    ),
    "ben": "def noisy(x0, noise, t):\n    return t * x0 + (1 - t) * noise",
    "cem": None,  # hands in what he was given, and checks of his own that let everything pass
}
FORGED = "class noisy:\n    def check(function):\n        return 1.0\n"


def nbgrader(folder: Path, *arguments: str) -> None:
    """Run nbgrader as in an activated environment: its helper alembic is found by the path."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command, environment = (
        [sys.executable, "-m", "nbgrader", *arguments],
        os.environ | {"PATH": path},
    )
    # with it the course would be found before what is handed in beside a notebook
    environment.pop("PYTHONPATH", None)
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


def write_answer(package: Path, answer: str | None) -> tuple[nbformat.NotebookNode, str]:
    """The package's notebook with an answer in its exercise, and what the check says there."""
    notebook = nbformat.read(package / "notebooks" / f"{LESSON}.ipynb", as_version=4)
    (number,) = (
        n
        for n, cell in enumerate(notebook.cells)
        if cell.metadata.get("nbgrader", {}).get("solution")
    )
    assert "# your code here" in notebook.cells[number].source
    notebook.cells[number].source = answer or notebook.cells[number].source
    (imports,) = (cell for cell in notebook.cells if "from course_utils.exercises" in cell.source)
    seen = nbformat.v4.new_notebook(cells=[imports, *notebook.cells[number : number + 2]])
    environment = os.environ | {"PYTHONPATH": str(package)}
    NotebookClient(seen, kernel_name="python3").execute(
        cwd=str(package / "notebooks"), env=environment
    )
    return notebook, seen.cells[-1].outputs[-1].data["text/html"]


def test_answers_written_in_the_students_package_get_their_points_from_the_full_course(
    classroom, package
):
    from nbgrader.api import Gradebook

    said = {}
    for student, answer in ANSWERS.items():
        submitted = classroom / "submitted" / student / ASSIGNMENT
        submitted.mkdir(parents=True)
        notebook, said[student] = write_answer(package, answer)
        nbformat.write(notebook, submitted / f"{LESSON}.ipynb")
    assert "handed in" in said["ada"] == said["ben"] and "not attempted yet" in said["cem"]
    shutil.copytree(package / "course_utils", submitted / "course_utils")
    (submitted / "course_utils" / "exercises" / "lesson_00.py").write_text(FORGED)
    nbgrader(classroom, "autograde", ASSIGNMENT)
    with Gradebook(f"sqlite:///{classroom / 'gradebook.db'}") as book:
        scores = {student: book.find_submission(ASSIGNMENT, student).score for student in ANSWERS}
        assert book.find_assignment(ASSIGNMENT).max_score == 1
    assert scores == {"ada": 1, "ben": 0, "cem": 0}
