"""Writes the course without its answers, for graded work: `python3 course.py students OUT`.

The package has what a student needs to install the course and to work through the lessons. Its
exercises have names only: what their checks know (reference, usual mistakes, properties) stays with
the teacher, and so do the solutions, the sources that hold them, and the tests. A check there says
"handed in"; the points come from nbgrader, run with the full course (docs/teaching.md).
"""

import argparse
import importlib
import shutil
import sys
from pathlib import Path

import torch
from build_site import attempt

from course_utils.exercises.checks import Exercise

ROOT = Path(__file__).resolve().parents[1]
KEPT = (
    *("LICENSE", "constraints.txt", "course.py", "environment.yml", "pyproject.toml"),
    *("requirements.lock", "requirements-cuda.lock"),
    *("binder", "configs", "course_utils", "data", "docs/notation.md", "notebooks/images"),
)
LEFT_OUT = shutil.ignore_patterns("lesson_*.py", "__pycache__", ".ipynb_checkpoints")
README = """# Noise to Shape, the students' package

```
python3 course.py lab      # JupyterLab, on lesson 00
```

Python 3.11 or newer is all you need to have. The command makes `.venv` beside `course.py` and
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


def write(out: Path) -> None:
    """Write the package into a new or empty folder. ValueError if it holds something."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} is there already; name a new folder, or empty it")
    for name in KEPT:
        source, target = ROOT / name, out / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=LEFT_OUT)
        else:
            shutil.copy(source, target)
    for notebook in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")):
        shutil.copy(notebook, out / "notebooks")
    for file in sorted((ROOT / "course_utils" / "exercises").glob("lesson_*.py")):
        (out / "course_utils" / "exercises" / file.name).write_text(
            handout(file.stem), encoding="utf-8"
        )
    (out / "README.md").write_text(README, encoding="utf-8")
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
