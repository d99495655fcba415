"""Writes the course without its answers, for graded work: `python3 course.py students OUT`.

The package has what a student needs to install the course and to work through the lessons: those
files that git tracks (added with `git add`), as git has them, and nothing else that lies in the
folder. Its exercises have names only: what their checks know (reference, inputs, usual mistakes,
properties) stays with the teacher, and so do the solutions, the sources that hold them, and the
tests. A check there says "handed in"; the points come from nbgrader, run with the full course
(docs/teaching.md).
"""

import argparse
import ast
import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import nbformat
import torch
from build_site import attempt

from course_utils.exercises.checks import STUB, Exercise
from course_utils.files.atomic import writing_folder

ROOT = Path(__file__).resolve().parents[1]
EXERCISES = ROOT / "course_utils" / "exercises"
KEPT = (  # as git's pathspecs
    *("LICENSE", "constraints.txt", "course.py", "environment.yml", "pyproject.toml"),
    *("requirements.lock", "requirements-cuda.lock"),
    *("binder", "configs", "course_utils", "data", "docs/notation.md", "notebooks/images"),
    ":(glob)notebooks/[0-9][0-9]_*.ipynb",
)
LEFT_OUT = (  # a file or a folder with such a name, tracked or not
    *("lesson_*", "inputs.py", "solutions*", "private", "__pycache__", ".ipynb_checkpoints"),
    *("*~", "*.bak", "*.orig", "*.rej", "*.sw?", ".#*", "#*#"),
)
SOLUTION = re.compile(r"### BEGIN SOLUTION.*?\n(.*?) *### END SOLUTION[^\n]*", re.DOTALL)
README = """# Noise to Shape, the students' package

```
python3 course.py lab      # JupyterLab, on lesson 00
```

Python 3.11 to 3.14 is all you need to have. The command makes `.venv` beside `course.py` and
installs the pinned packages there. The lessons are in `notebooks/`; an exercise's check says
whether there is an answer, and your teacher marks it. Hand in the notebook. The commands `lab`,
`generate`, `train` and `doctor` work here; the others need the full course. Symbols and words:
[docs/notation.md](docs/notation.md). MIT licence. """


def handout(lesson: str) -> str:
    """A lesson's module of exercises for students: names, and the number of arguments of each."""
    module = importlib.import_module(f"course_utils.exercises.{lesson}")
    lines = [
        f'"""The exercises of lesson {lesson[-2:]}: handed in here, marked by your teacher."""\n',
        "from course_utils.exercises.checks import HandedIn\n",
    ]
    for name, exercise in vars(module).items():
        if isinstance(exercise, Exercise):
            count = len(exercise.make_inputs(torch.Generator().manual_seed(0))[0])
            lines.append(f'{name} = HandedIn("{exercise.name}", arguments={count})')
    return "\n".join(lines) + "\n"


def git(*arguments: str, given: str = "") -> str:
    """What git says about the course, whatever repository the environment names, and whoever owns
    the folder: what runs the course trusts it already.
    """
    names = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        answer = subprocess.run(
            ["git", "-c", "safe.directory=*", "-C", ROOT, *arguments],
            env=names | {"LC_ALL": "C"},
            input=os.fsencode(given),
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        raise ValueError("the package is what git tracks, and git is not installed") from None
    said = " ".join(os.fsdecode(answer.stderr).split())
    if answer.returncode or "error:" in said:
        raise ValueError(
            f"the package is what git tracks in {ROOT}, and git says: {said or 'stopped'} (a folder"
            " from a zip is no repository: `git clone` the course)"
        )
    return os.fsdecode(answer.stdout)


def tracked() -> list[str]:
    """The files of the package. Links and submodules stay behind, with a line about them."""
    names = []
    for line in filter(None, git("ls-files", "--stage", "-z", "--", *KEPT).split("\0")):
        about, name = line.split("\t", 1)
        mode, _, stage = about.split()
        if any(fnmatch(part, pattern) for part in name.split("/") for pattern in LEFT_OUT):
            continue
        if stage != "0":
            raise ValueError(f"{name} is in the middle of a merge: finish it first")
        if mode.startswith("100"):
            names.append(name)
        else:
            print(f"left out: {name!r}, which is a link or a repository of its own")
    if missing := {"course.py", "course_utils/__init__.py"} - {*names}:
        raise ValueError(
            f"git does not track {min(missing)} in {ROOT}: `git clone` the course and work there"
        )
    return names


def fill(folder: Path) -> list[str]:
    """Put the package into an empty folder.

    Args:
        folder: Where to.

    Returns:
        The names of the tracked files that it holds; each lesson's exercises are written beside.
    """
    names = tracked()
    git("checkout-index", "-z", "--stdin", f"--prefix={folder}/", given="\0".join(names))
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise ValueError(f"git did not write {missing[0]}: is the checkout sparse, the disk full?")
    for file in sorted(EXERCISES.glob("lesson_[0-9][0-9].py")):
        goal = folder / "course_utils" / "exercises" / file.name
        goal.write_text(handout(file.stem), encoding="utf-8")
    (folder / "README.md").write_text(README, encoding="utf-8")
    return names


def words(text: str) -> str:
    """Text without its indentation and empty lines, to find it wherever it was moved to."""
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def answers() -> Iterator[str]:
    """What the package must not hold: solutions, and the functions of the lessons' exercises."""
    for name in git("ls-files", "-z", "--", ":(glob)notebooks/solutions/*.ipynb").split("\0"):
        for cell in json.loads(git("show", f":{name}"))["cells"] if name else ():
            yield from SOLUTION.findall("".join(cell["source"]))
    for file in EXERCISES.glob("lesson_[0-9][0-9].py"):
        source = file.read_text(encoding="utf-8")
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef):
                yield ast.get_source_segment(source, node)


def text_of(file: Path) -> str:
    """A file as text, "" if it is none; of a notebook its cells' sources."""
    contents = file.read_bytes()
    text = "" if b"\0" in contents else contents.decode("utf-8", "ignore")
    if file.suffix != ".ipynb":
        return text
    return "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])


def require_no_answers(folder: Path) -> None:
    """ValueError if an answer is in the package, or a lesson is not the student edition."""
    wanted = [*map(words, answers())]
    for file in (file for file in sorted(folder.rglob("*")) if file.is_file()):
        text, name = words(text_of(file)), file.relative_to(folder).as_posix()
        if any(answer in text for answer in wanted):
            raise ValueError(f"{name} holds an answer: no package is written; remove it from git")
    for file in sorted((folder / "notebooks").glob("*.ipynb")):
        teachers = git("show", f":notebooks/solutions/{file.name}")
        cells = [
            [cell.source for cell in nbformat.reads(text, as_version=4).cells]
            for text in (teachers, file.read_text(encoding="utf-8"))
        ]
        cells[0] = [SOLUTION.sub(f"...  {STUB}", source) for source in cells[0]]
        if cells[0] != cells[1]:
            pairs = zip(*cells, strict=False)
            number = next((n for n, pair in enumerate(pairs, 1) if len({*pair}) > 1), len(cells[0]))
            raise ValueError(
                f"notebooks/{file.name}, cell {number}, is not what the lesson's build made: undo"
                " the change, or build the lesson and `git add` both editions"
            )


def require_outside(out: Path) -> None:
    """ValueError if the folder is the course, lies in it, or holds it, by whatever name."""
    inside = any(path.exists() and path.samefile(ROOT) for path in (out, *out.parents))
    around = out.exists() and any(path.samefile(out) for path in ROOT.parents)
    if inside or around:
        raise ValueError(f"{out} is in the course's own folder: name one outside of {ROOT}")


def write(out: Path) -> None:
    """Write the package into a new or empty folder, all of it or nothing.

    ValueError if the folder holds something or lies in the course, or an answer would go along.
    """
    out = out.resolve()
    require_outside(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} is there already; name a new folder, or empty it")
    with writing_folder(out) as folder:
        names = fill(folder)
        require_no_answers(folder)
    changed = git("diff", "--name-only", "-z", "--", *KEPT).split("\0")
    if late := [name for name in names if name in changed]:
        print(f"without what you changed since `git add`: {', '.join(late)}")
    megabytes = sum(file.stat().st_size for file in out.rglob("*") if file.is_file()) / 1e6
    print(
        f"{out}: the students' package, {megabytes:.0f} MB, without references, mistakes and"
        " solutions"
    )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="course.py students", description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path, help="folder to write, new or empty")
    return attempt(parser.prog, write, parser.parse_args(arguments).out)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
