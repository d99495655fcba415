"""A teacher's round with nbgrader, as docs/teaching.md tells it: release, collect three answers, grade."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
LESSON, ASSIGNMENT = "00_start_here", "lesson_00"
ANSWERS = {
    "ada": "def noisy(x0, noise, t):\n    t = torch.as_tensor(t)\n"
    "    t = t.reshape(-1, *[1] * (x0.ndim - 1)) if t.ndim else t\n    return (1 - t) * x0 + t * noise",
    "ben": "def noisy(x0, noise, t):\n    return t * x0 + (1 - t) * noise",
    "cem": None,  # hands in what he was given
}


def nbgrader(folder: Path, *arguments: str) -> None:
    """Run nbgrader as in an activated environment: it starts its own helper, alembic, from the path."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command, environment = [sys.executable, "-m", "nbgrader", *arguments], os.environ | {"PATH": path}
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]


@pytest.fixture(scope="module")
def classroom(tmp_path_factory):
    """A course folder: the teacher's edition as nbgrader's source, the settings of docs/, a released assignment."""
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


def test_a_right_a_wrong_and_an_empty_answer_get_their_points(classroom):
    from nbgrader.api import Gradebook

    for student, answer in ANSWERS.items():
        submitted = classroom / "submitted" / student / ASSIGNMENT
        shutil.copytree(classroom / "release" / ASSIGNMENT, submitted)
        notebook = nbformat.read(submitted / f"{LESSON}.ipynb", as_version=4)
        (cell,) = (cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("solution"))
        assert "# your code here" in cell.source
        cell.source = answer or cell.source
        nbformat.write(notebook, submitted / f"{LESSON}.ipynb")
    nbgrader(classroom, "autograde", ASSIGNMENT)
    with Gradebook(f"sqlite:///{classroom / 'gradebook.db'}") as book:
        scores = {student: book.find_submission(ASSIGNMENT, student).score for student in ANSWERS}
        assert book.find_assignment(ASSIGNMENT).max_score == 1
    assert scores == {"ada": 1, "ben": 0, "cem": 0}
