"""The students' package has no answer, all that a lesson needs, and checks that say little."""

import ast
import functools
import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest

from course_utils.exercises.checks import STUB, Exercise, HandedIn

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "docs" / "students_package.py"
if not (ROOT / ".git").exists() or not shutil.which("git"):
    pytest.skip("the package is what git tracks: no repository, or no git", allow_module_level=True)
LESSONS = sorted(path.stem for path in (ROOT / "course_utils" / "exercises").glob("lesson_*.py"))
MARKS = ("BEGIN SOLUTION", "END SOLUTION")


@pytest.fixture(scope="module")
def students():
    sys.path.append(str(ROOT / "docs"))
    yield importlib.import_module("students_package")
    sys.path.remove(str(ROOT / "docs"))


@pytest.fixture(scope="module")
def package(tmp_path_factory, students):
    folder = tmp_path_factory.mktemp("students") / "package"
    students.write(folder)
    return folder


def words(text):
    """Text without its indentation and empty lines, to find it wherever it was moved to."""
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


@pytest.fixture(scope="module")
def texts(package, students):
    """Every text of the package, of notebooks their cells: one long string."""
    return words("\n".join(map(students.text_of, filter(Path.is_file, package.rglob("*")))))


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


def test_what_is_left_out(package, students):
    names = {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}
    unwanted = re.compile(
        r"(^|/)(tests|source|solutions|slides|_site|__pycache__|\.git|\.venv)(/|$)|\.pyc$"
        r"|exercises/inputs|grading|nbgrader"
    )
    assert not [name for name in names if unwanted.search(name)]
    assert names - {*students.git("ls-files", "-z").split("\0")} == set()


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


def test_a_folder_with_something_in_it_is_refused(tmp_path, students):
    (tmp_path / "homework.txt").write_text("mine")
    with pytest.raises(ValueError, match="name a new folder"):
        students.write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["homework.txt"]


# ---- what lies in the teacher's folder -----------------------------------------------------------


def git(folder, *arguments):
    names = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    who = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "protocol.file.allow=always"]
    subprocess.run(["git", "-C", folder, *who, *arguments], env=names, check=True)


@pytest.fixture(scope="module")
def small_course(tmp_path_factory, students):
    """A repository with the course's small files, in a folder whose name is not plain ASCII."""
    folder = tmp_path_factory.mktemp("teacher") / "Übung – 課程 $x"
    for name in filter(None, students.git("ls-files", "-z").split("\0")):
        kept = name.startswith(("course_utils/", "configs/", "notebooks/0", "notebooks/solutions"))
        if (kept or "/" not in name) and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    (folder / "data").mkdir()
    (folder / "data" / "stühle α.txt").write_text("data", encoding="utf-8")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    return folder


@pytest.fixture
def course(small_course, students, monkeypatch, tmp_path):
    """The small repository, a copy that a test may spoil."""
    folder = tmp_path / small_course.name
    shutil.copytree(small_course, folder, symlinks=True)
    monkeypatch.setattr(students, "ROOT", folder)
    monkeypatch.setattr(students, "EXERCISES", folder / "course_utils" / "exercises")
    return folder


SECRET = "def noisy(*a): return 'the answer of the teacher'"
UNTRACKED = (
    *("course_utils/exercises/lesson_03.py~", "course_utils/exercises/lesson_03.py.bak"),
    *("course_utils/exercises/.lesson_03.py.swp", "course_utils/exercises/answers.py"),
    *("notebooks/.ipynb_checkpoints/03_going_back-checkpoint.ipynb", "notebooks/images/key.txt"),
    *("notebooks/03_going_back (copy).ipynb", "notebooks/solutions-old/03.ipynb"),
    *("data/private/marks.csv", "data/marks.csv", "configs/grades 2026.csv", ".env"),
)


def everything_in(folder):
    return "\n".join(
        file.read_bytes().decode("utf-8", "replace")
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.suffix != ".js"
    )


def put(course, name, text=SECRET):
    (course / name).parent.mkdir(parents=True, exist_ok=True)
    (course / name).write_text(text, encoding="utf-8")


def test_what_git_does_not_track_stays_with_the_teacher(students, course, tmp_path, monkeypatch):
    for name in UNTRACKED:
        put(course, name)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):  # as inside a git hook
        monkeypatch.setenv(name, str(elsewhere))
    out = tmp_path / "für alle"
    students.write(out)
    assert "answer of the teacher" not in everything_in(out)
    assert (out / "data" / "stühle α.txt").read_text() == "data"
    assert not list(tmp_path.glob(".f*"))


def test_tracked_leftovers_changes_and_links_stay_too(students, course, tmp_path, capsys):
    for name in UNTRACKED[:3] + UNTRACKED[7:9]:
        put(course, name)
    (course / "data" / "link.txt").symlink_to("/etc/hosts")
    (course / "data" / "folder").symlink_to("../notebooks/solutions")
    other = tmp_path / "other"
    other.mkdir()
    put(other, "marks.csv")
    git(other, "init", "-q")
    git(other, "add", "-A")
    git(other, "commit", "-qm", "marks")
    git(course, "submodule", "--quiet", "add", "-f", str(other), "data/other")
    git(course, "add", "-Af")
    notebook = course / "notebooks" / "03_going_back.ipynb"
    notebook.write_text(notebook.read_text().replace("...  # your code here", "return 'all mine'"))
    put(course, "configs/shapes32.json", SECRET)
    (course / "LICENSE").unlink()
    out = tmp_path / "out"
    students.write(out)
    said = capsys.readouterr().out
    assert "answer of the teacher" not in (found := everything_in(out))
    assert "all mine" not in found and (out / "LICENSE").is_file()
    assert not [path for path in out.rglob("*") if path.is_symlink()]
    assert "since `git add`: LICENSE, configs/shapes32.json, notebooks/03" in said
    assert all(f"left out: 'data/{name}'" in said for name in ("link.txt", "folder", "other"))


def solution_of_lesson_03():
    notebook = nbformat.read(ROOT / "notebooks" / "solutions" / "03_going_back.ipynb", as_version=4)
    return next(cell.source for cell in notebook.cells if MARKS[0] in cell.source)


def fill_in(course):
    file = course / "notebooks" / "03_going_back.ipynb"
    notebook = nbformat.read(file, as_version=4)
    cell = next(cell for cell in notebook.cells if STUB in cell.source)
    cell.source = cell.source.replace(STUB, "").replace("...", "return another_way")
    nbformat.write(notebook, file)


ANSWERS = {
    "a solution in a text": lambda course: put(course, "data/x.md", solution_of_lesson_03()),
    "a solution, indented": lambda course: put(
        course, "configs/x.py", solution_of_lesson_03().replace("\n", "\n\n        ")
    ),
    "a copy of a reference": lambda course: put(
        course, "data/old.txt", (course / "course_utils/exercises/lesson_00.py").read_text()
    ),
    "a lesson filled in": fill_in,
}


@pytest.mark.parametrize("tamper", ANSWERS.values(), ids=ANSWERS)
def test_a_tracked_answer_is_refused(students, course, tmp_path, tamper):
    tamper(course)
    git(course, "add", "-A")
    with pytest.raises(ValueError, match=r"holds an answer|is not what the lesson's build made"):
        students.write(tmp_path / "out" / "package")
    assert not list((tmp_path / "out").iterdir())


def inside(course):
    return {
        "in a kept folder": course / "data" / "out",
        "at the top": course / "out",
        "the course itself": course,
        "around it": course.parent,
        "by ..": course / "data" / ".." / "configs" / "x" / ".." / "out",
        "out and back": course.parent / "nowhere" / ".." / course.name / "data" / "deep" / "out",
        "in .git": course / ".git" / "out",
    }


def test_a_folder_in_the_course_is_refused_before_anything_is_written(
    students, course, tmp_path, monkeypatch
):
    before = sorted(course.rglob("*"))
    (tmp_path / "link").symlink_to(course / "data")
    monkeypatch.chdir(course / "data")
    monkeypatch.setattr(students, "fill", None)
    for out in [
        *inside(course).values(),
        tmp_path / "link" / "out",
        Path("out"),
        Path("../../" + course.name + "/o"),
    ]:
        with pytest.raises(ValueError, match="in the course's own folder"):
            students.write(out)
    assert sorted(course.rglob("*")) == before


def test_a_folder_beside_the_course_with_a_similar_name_is_not_inside(students, course, tmp_path):
    out = tmp_path / f"{course.name}-students"
    with pytest.raises(ValueError, match="is in the course's own folder"):
        students.write(course / out.name)
    students.write(out)
    assert (out / "course.py").is_file() and not (course / out.name).exists()


def test_without_a_repository_nothing_is_guessed(students, course, tmp_path, monkeypatch):
    shutil.rmtree(course / ".git")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", "/")
    with pytest.raises(ValueError, match=r"not a git repository.*zip is no repository"):
        students.write(tmp_path / "out")
    git(tmp_path, "init", "-q")  # a repository around it that knows nothing of the course
    with pytest.raises(ValueError, match="does not track course"):
        students.write(tmp_path / "out")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="git is not installed"):
        students.write(tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not hasattr(os, "chown") or os.getuid() != 0, reason="only root gives away")
def test_a_clone_of_another_users_is_read_too(students, course):
    for path in (course, course / ".git"):
        os.chown(path, 12345, 12345)
    assert "course.py" in students.tracked()


def test_a_merge_is_finished_first(students, course, tmp_path):
    blob = subprocess.run(
        ["git", "-C", course, "rev-parse", ":LICENSE"], capture_output=True, text=True, check=True
    ).stdout.strip()
    stages = "".join(f"100644 {blob} {stage}\tLICENSE\n" for stage in (1, 2, 3))
    given = f"0 {'0' * 40}\tLICENSE\n{stages}"
    command = ["git", "-C", course, "update-index", "--index-info"]
    subprocess.run(command, input=given, text=True, check=True)
    with pytest.raises(ValueError, match="LICENSE is in the middle of a merge"):
        students.write(tmp_path / "out")


@pytest.mark.skipif(os.name == "nt", reason="limits of a process are a Unix thing")
def test_a_full_disk_leaves_one_line_and_nothing_else(tmp_path):
    limited = f"ulimit -f 2000; exec {sys.executable} {SCRIPT} {tmp_path}/out"
    done = subprocess.run(["sh", "-c", limited], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_stub_is_the_one_that_the_student_editions_have(package):
    for notebook in (package / "notebooks").glob("*.ipynb"):
        assert any(STUB in cell.source for cell in nbformat.read(notebook, as_version=4).cells)
