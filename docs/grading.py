"""Marks for nbgrader that a submitted notebook cannot talk round (see docs/teaching.md).

`nbgrader autograde` runs a notebook in a kernel of its own, which has the students' package and an
empty folder. At an exercise's check that kernel is asked one thing: what the student's function
returns for inputs drawn now. The plain numbers are compared here, in a process that never runs what
a student wrote, with right answers that are computed here. So whatever a notebook patches, prints
or redefines can only change its own answers.
"""

import base64
import importlib
import json
import math
import os
import re
import secrets
import sys
import tempfile
import time
from pathlib import Path
from random import SystemRandom

import confined
import numpy as np
import students_package
import torch
import zmq.asyncio
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output
from nbgrader.api import Gradebook
from nbgrader.preprocessors import Execute, NbGraderPreprocessor
from nbgrader.utils import is_grade
from traitlets import Integer

from course_utils.exercises.checks import WRONG, Exercise, Outcome, Result, numbers

CHECK = re.compile(r"(lesson_\d\d)\.(\w+)\.check\((\w+)\)\s*\Z")
QUESTION = (Path(__file__).parent / "question.py").read_text(encoding="utf-8")
MIME = "application/x-noise-to-shape-answers"
ROUNDS = 3  # how often an exercise draws its inputs
MOST_OUTPUT = 100_000_000  # bytes that a notebook may show, a lesson's films included
HALF = {"float16": torch.float16, "bfloat16": torch.bfloat16}
PACKAGES = ("site-packages", "dist-packages")
OPEN = "no Landlock here: a notebook can read your files (docs/teaching.md, What marking protects)"
PASSED_ON = (  # what a kernel gets of the environment
    *("PATH", "LANG", "LC_ALL", "TZ", "OMP_NUM_THREADS", "GOMP_SPINCOUNT", "LD_LIBRARY_PATH"),
    *("SYSTEMROOT", "WINDIR", "COMSPEC", "PATHEXT", "NUMBER_OF_PROCESSORS"),
)


def packages() -> list[str]:
    """The folders from which this process imports what is installed."""
    return [path for path in sys.path if Path(path).name in PACKAGES]


def exercise_of(lesson: str, name: str) -> Exercise:
    """An exercise of the full course. ValueError in the students' package."""
    found = getattr(importlib.import_module(f"course_utils.exercises.{lesson}"), name)
    if not isinstance(found, Exercise):
        raise ValueError("this is the students' package: grade in the full course's environment")
    return found


def is_check(cell: NotebookNode) -> bool:
    """Whether a cell is worth points. ValueError if it could only be run beside the answer."""
    if not is_grade(cell) or cell.cell_type != "code":
        return False
    if not CHECK.search(cell.source):
        name = cell.metadata.nbgrader.grade_id
        raise ValueError(
            f"{name} does not end in `lesson_NN.name.check(name)`: it cannot be marked"
        )
    return True


def drawn(exercise: Exercise) -> list[tuple]:
    """Inputs that nobody knows beforehand, in an order that nobody knows."""
    inputs = []
    for _ in range(ROUNDS):
        inputs += exercise.make_inputs(torch.Generator().manual_seed(secrets.randbits(62)))
    SystemRandom().shuffle(inputs)
    return inputs


def packed(argument) -> dict:
    """One input for JSON; `unpacked` in question.py reads it."""
    if not isinstance(argument, torch.Tensor | np.ndarray):
        return {"kind": "number", "data": argument}
    kind = "tensor" if isinstance(argument, torch.Tensor) else "array"
    array = np.asarray(argument)
    data = base64.b64encode(array.tobytes()).decode()
    return {"kind": kind, "type": array.dtype.str, "shape": array.shape, "data": data}


def asked(exercise: Exercise, function: str, inputs: list[tuple]) -> str:
    """The source of a cell that calls a student's function with the inputs."""
    most = 10 * max(numbers(exercise.reference(*arguments)).size for arguments in inputs)
    calls = [[packed(argument) for argument in arguments] for arguments in inputs]
    question = {"function": function, "mime": MIME, "most": most, "calls": calls}
    return f"exec({QUESTION!r}, {{'question': {json.dumps(question)!r}}})"


def outcome(answer: dict) -> Outcome:
    """What a kernel said about one call; an error if it is not what question.py writes."""
    try:
        if answer.get("nothing"):
            return Outcome()
        if "error" in answer:
            kind = type(str(answer["error"])[:40], (Exception,), {})  # named as in the kernel
            return Outcome(error=kind(str(answer["about"])[:200]))
        raw, shape = base64.b64decode(answer["data"]), [int(n) for n in answer["shape"]]
        value = torch.from_numpy(np.frombuffer(raw, "<f8").reshape(shape).copy())
        return Outcome(value.to(HALF.get(answer["precision"], value.dtype)))
    except Exception as error:  # forged, and cut to any shape
        return Outcome(error=ValueError(f"this is no answer: {type(error).__name__}"))


def require_own(file: Path) -> None:
    """ValueError if student/assignment/notebook is a link, such as one to the solutions."""
    submitted = file.parents[2]
    if file.resolve() != submitted.resolve() / file.relative_to(submitted):
        raise ValueError(f"{file} is a link to {file.resolve()}: it is not marked")


class Restore(NbGraderPreprocessor):
    """Gives the marked cells of a notebook the marks that were released, and takes away all others.

    Of cells with the same mark the last one counts. Lost checks come back, at the end. ValueError
    if the notebook is a link: the same content may be the teacher's.
    """

    def preprocess(self, nb, resources):
        place, about = resources["metadata"], resources["nbgrader"]
        require_own(Path(place["path"], f"{place['name']}.ipynb"))
        with Gradebook(about["db_url"]) as book:
            notebook = book.find_notebook(about["notebook"], about["assignment"])
            points = {cell.name: cell.max_score for cell in notebook.grade_cells}
            solutions = {cell.name for cell in notebook.solution_cells}
            released = {
                cell.name: NotebookNode(
                    schema_version=3,
                    grade_id=cell.name,
                    grade=cell.name in points,
                    solution=cell.name in solutions,
                    task=False,
                    locked=cell.locked,
                    cell_type=str(cell.cell_type),
                    checksum=cell.checksum,
                    **({"points": points[cell.name]} if cell.name in points else {}),
                )
                for cell in notebook.source_cells
            }
            sources = {cell.name: cell.source for cell in notebook.source_cells}
        for cell in reversed(nb.cells):
            marks = cell.metadata.pop("nbgrader", None)
            name = marks.get("grade_id") if isinstance(marks, dict) else None
            if isinstance(name, str) and name in released:
                cell.metadata.nbgrader = released.pop(name)
        for name in filter(released.__contains__, points):
            nb.cells.append(new_code_cell(sources[name], metadata={"nbgrader": released[name]}))
        return nb, resources


class Apart(Execute):
    """nbgrader's Execute, but the result of a check is computed here, not in the kernel."""

    notebook_timeout = Integer(1800, help="Seconds for a whole notebook.").tag(config=True)

    def preprocess(self, nb, resources):
        for cell in filter(is_check, nb.cells):  # before anything runs: is all of it there?
            exercise_of(*CHECK.search(cell.source).groups()[:2])
        self.trouble, self.shown = "", 0
        self.deadline = time.monotonic() + self.notebook_timeout
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            self.folder = Path(folder)
            for name in ("home", "work"):
                (self.folder / name).mkdir()
            students_package.fill(self.folder / "course")
            return super().preprocess(nb, resources)

    def create_kernel_manager(self):
        """As ever, but without `site`, which would make the teacher's course importable, confined
        to its own files where the system can do that, and with a limit for messages.
        """
        manager = super().create_kernel_manager()
        manager.connection_file = str(self.folder / "home" / "kernel.json")
        if confined.version():
            manager.kernel_spec.argv[1:1] = ["-S", *confined.command(self.folder, packages())]
        else:
            self.log.warning(OPEN)
            manager.kernel_spec.argv[1:1] = ["-S"]
        manager.context = zmq.asyncio.Context()
        manager.context.setsockopt(zmq.MAXMSGSIZE, MOST_OUTPUT)
        return manager

    def start_new_kernel(self, **options):
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        home = str(self.folder / "home")
        environment |= dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP"), home)
        environment.setdefault("GOMP_SPINCOUNT", "10000")  # course.py says why
        environment["PYTHONPATH"] = os.pathsep.join([str(self.folder / "course"), *packages()])
        super().start_new_kernel(cwd=str(self.folder / "work"), env=environment, **options)

    def preprocess_cell(self, cell, resources, index):
        if not is_check(cell):
            self.attempt(super().preprocess_cell, cell, resources, index)
            self.nb.cells[index] = cell
            return cell, resources
        lesson, name, function = CHECK.search(cell.source).groups()
        exercise = exercise_of(lesson, name)
        inputs = drawn(exercise)
        question = asked(exercise, function, inputs)
        outcomes = self.attempt(self.ask, question, len(inputs), index)
        self.nb.cells[index] = cell
        if outcomes is None:
            result = Result(name, WRONG, 0.0, self.trouble)
        else:
            result = exercise.judge(inputs, outcomes)
        cell.outputs = [
            new_output("execute_result", result._repr_mimebundle_(), execution_count=index)
        ]
        return cell, resources

    def attempt(self, action, *arguments):
        """What an action gives; None once the notebook has spoilt its kernel, for whatever it does
        is no reason to stop marking.
        """
        if self.trouble:
            return None
        try:
            return action(*arguments)
        except Exception as error:
            self.trouble = f"The notebook stopped here: {type(error).__name__}: {error}"
            self.trouble = " ".join(self.trouble.split())[:200]
            self.log.warning(self.trouble)
            return None

    def ask(self, question: str, count: int, index: int) -> list[Outcome]:
        """What the student's function gives for each input, according to its kernel."""
        cell = self.execute_cell(new_code_cell(question), index, store_history=False)
        shown = [output.data[MIME] for output in cell.outputs if MIME in output.get("data", {})]
        if not shown:  # stopped by the time limit, or by exit()
            return [Outcome(error=TimeoutError("no answer came in time"))] * count
        answers = json.loads(shown[-1])
        return [outcome(answers[number]) for number in range(count)]

    def process_message(self, msg, cell, cell_index):
        self.shown += len(str(msg["content"]))
        if self.shown > MOST_OUTPUT:
            self.km.provisioner.process.kill()
        return super().process_message(msg, cell, cell_index)

    def _get_timeout(self, cell):
        left = max(1, math.ceil(self.deadline - time.monotonic()))
        return min(super()._get_timeout(cell) or left, left)
