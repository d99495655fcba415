"""docs/jupyterhub.md: its tables are the measurement's, its settings hold what was found."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest
import yaml

from course_utils.files.results import load_results
from course_utils.places import STUDIES

ROOT = Path(__file__).parents[2]
FILE = ROOT / "benchmarks" / "classroom.py"
classroom = importlib.util.module_from_spec(
    importlib.util.spec_from_file_location("classroom", FILE)
)
classroom.__spec__.loader.exec_module(classroom)

PAGE = classroom.PAGE.read_text(encoding="utf-8")
CONTENTS, COMMAND = load_results(STUDIES / "classroom.json")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def megabytes(text):
    return float(text[:-1]) * {"M": 1, "G": 1000}[text[-1]]


def test_the_tables_are_those_of_the_measurement():
    assert PAGE.endswith(classroom.tables(CONTENTS | {"command": COMMAND}))
    measured = {(run["lesson"], run["kernels"]) for run in CONTENTS["runs"]}
    assert measured >= {("01", 1), ("01", 4), ("08", 1), ("08", 4)}


def test_a_straight_line_is_read_at_thirty():
    assert classroom.at_thirty([1, 2, 4], [13.0, 23.0, 43.0]) == pytest.approx(303)


def test_every_lesson_fits_into_the_memory_that_the_recipes_give():
    alone = (
        max(run["peak_mb"] for run in CONTENTS["runs"] if run["kernels"] == 1)
        + CONTENTS["server_mb"]
    )
    (values,) = map(yaml.safe_load, blocks("yaml"))
    memory = values["singleuser"]["memory"]
    (limit,) = re.findall(r"limits\.memory (\w+)", PAGE)
    assert alone <= megabytes(memory["guarantee"]) <= megabytes(memory["limit"]) == megabytes(limit)


def test_both_recipes_set_the_same_threads_as_cores():
    (values,) = map(yaml.safe_load, blocks("yaml"))
    (snippet,) = blocks("python")
    told = ast.literal_eval(ast.parse(snippet).body[0].value)
    assert told == values["singleuser"]["extraEnv"]
    (limit,) = re.findall(r"limits\.cpu (\d+)", PAGE)
    assert told["OMP_NUM_THREADS"] == limit == str(values["singleuser"]["cpu"]["limit"])
