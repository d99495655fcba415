"""The students' package has no answer, all that a lesson needs, and checks that say little."""

import ast
import functools
import importlib
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest

from course_utils.exercises.checks import STUB, Exercise, HandedIn

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "docs" / "students_package.py"
LESSONS = sorted(path.stem for path in (ROOT / "course_utils" / "exercises").glob("lesson_*.py"))
MARKS = ("BEGIN SOLUTION", "END SOLUTION")


def write(folder):
    return subprocess.run(
        [sys.executable, SCRIPT, folder], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("students") / "package"
    done = write(folder)
    assert done.returncode == 0, done.stderr
    return folder


def words(text):
    """Text without its indentation and empty lines, to find it wherever it was moved to."""
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


@pytest.fixture(scope="module")
def texts(package):
    """Every text of the package, of notebooks their cells: one long string."""
    found = []
    for file in package.rglob("*"):
        if file.suffix == ".ipynb":
            found += [cell.source for cell in nbformat.read(file, as_version=4).cells]
        elif file.is_file():
            found.append(file.read_bytes().decode("utf-8", "ignore"))
    return words("\n".join(found))


def exercises(lesson):
    members = vars(importlib.import_module(f"course_utils.exercises.{lesson}"))
    return {name: member for name, member in members.items() if isinstance(member, Exercise)}


@pytest.mark.parametrize("lesson", LESSONS)
def test_no_reference_no_hint_no_property_is_in_the_package(lesson, texts):
    source = (ROOT / "course_utils" / "exercises" / f"{lesson}.py").read_text(encoding="utf-8")
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    assert functions
    for node in functions:
        assert words(ast.get_source_segment(source, node)) not in texts, node.name
    for exercise in exercises(lesson).values():
        assert not [hint for _, hint in exercise.mistakes if hint in texts]


def test_no_solution_is_in_the_package(texts):
    solutions = []
    for file in sorted((ROOT / "notebooks" / "source").glob("*.py")):
        for cell in jupytext.read(file, fmt="py:percent").cells:
            solutions += re.findall(
                rf"{MARKS[0]}[^\n]*\n(.*?)^[^\n]*{MARKS[1]}", cell.source, re.MULTILINE | re.DOTALL
            )
    assert len(solutions) >= len(LESSONS)
    assert not [solution for solution in solutions if words(solution) in texts]
    assert not any(mark in texts for mark in MARKS)


def test_what_is_left_out(package):
    names = {path.relative_to(package).as_posix() for path in package.rglob("*")}
    unwanted = re.compile(r"(^|/)(tests|source|solutions|__pycache__|\.git|\.venv)(/|$)|\.pyc$")
    assert not [name for name in names if unwanted.search(name)]


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_finds_its_exercises_there_and_they_take_as_many_arguments(lesson, package):
    namespace = {}
    exec(
        (package / "course_utils" / "exercises" / f"{lesson}.py").read_text(encoding="utf-8"),
        namespace,
    )
    handed = {name: member for name, member in namespace.items() if isinstance(member, HandedIn)}
    assert handed.keys() == exercises(lesson).keys()
    (notebook,) = (package / "notebooks").glob(f"{lesson[-2:]}_*.ipynb")
    cells = nbformat.read(notebook, as_version=4).cells
    asked = re.findall(rf"{lesson}\.(\w+)\.check", "\n".join(cell.source for cell in cells))
    assert set(asked) <= handed.keys() and asked
    for name, exercise in handed.items():
        assert exercise.check(exercises(lesson)[name].reference).status == "handed in"


def test_every_import_of_every_lesson_works_in_the_package(package):
    lines = set()
    for notebook in (package / "notebooks").glob("*.ipynb"):
        for cell in nbformat.read(notebook, as_version=4).cells:
            if cell.cell_type == "code" and "colab" not in cell.metadata.get("tags", []):
                nodes = ast.walk(ast.parse(cell.source))
                lines |= {
                    ast.unparse(node)
                    for node in nodes
                    if isinstance(node, ast.Import | ast.ImportFrom)
                }
    program = "\n".join([*sorted(lines), "import course_utils", "print(course_utils.__file__)"])
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(package)!r})\n{program}"]
    done = subprocess.run(command, cwd=package, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(package)


def test_what_a_check_says_to_a_student():
    exercise = HandedIn("noisy", arguments=3)

    def stub(x0, noise, t):
        """What a notebook comes with."""
        ...  # your code here

    def wrong(x0, noise, t):
        return t

    for nothing in (None, ..., stub):
        assert exercise.check(nothing).status == "not attempted yet"
    for answer in (wrong, lambda *a: 0, functools.partial(wrong), max):
        result = exercise.check(answer)
        assert (result.status, result.score) == ("handed in", 0.0)
        assert "Your teacher marks it" in result.message
    assert "3 arguments" in exercise.check(lambda x: x).message
    assert "this is a int" in exercise.check(3).message
    assert "handed in" in exercise.check(wrong)._repr_mimebundle_()["text/html"]


def test_a_folder_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "homework.txt").write_text("mine")
    done = write(tmp_path)
    assert done.returncode == 1
    assert "name a new folder" in done.stderr and "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["homework.txt"]


def test_the_stub_is_the_one_that_the_student_editions_have(package):
    for notebook in (package / "notebooks").glob("*.ipynb"):
        assert any(STUB in cell.source for cell in nbformat.read(notebook, as_version=4).cells)
