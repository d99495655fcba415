"""The notebooks match their sources, are executed, clean and small, and reveal nothing.

nbval executes the student editions (see CONTRIBUTING.md):
pytest --nbval --nbval-sanitize-with tests/notebooks/sanitize.cfg notebooks/*.ipynb
The solutions differ from them in their exercises alone, which are executed here.
"""

import ast
import json
import re
from pathlib import Path

import jupytext
import nbformat
import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
SOURCES = sorted((NOTEBOOKS / "source").glob("*.py"))
EDITIONS = {"student": NOTEBOOKS, "solutions": NOTEBOOKS / "solutions"}
IGNORING = {"nbval-ignore-output", "nbval-skip", "NBVAL_IGNORE_OUTPUT", "NBVAL_SKIP"}
MEGABYTE = 1_000_000

every_lesson = pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
with_exercises = [source for source in SOURCES if "BEGIN SOLUTION" in source.read_text("utf-8")]
every_exercised = pytest.mark.parametrize("source", with_exercises, ids=lambda source: source.stem)
every_edition = pytest.mark.parametrize(
    ("source", "edition"),
    [
        pytest.param(source, edition, id=f"{source.stem}-{edition}")
        for source in SOURCES
        for edition in EDITIONS
        if edition == "student" or source in with_exercises
    ],
)


def read(source: Path, edition: str):
    return nbformat.read(EDITIONS[edition] / f"{source.stem}.ipynb", as_version=4)


def code_cells(source: Path, edition: str) -> list:
    return [cell for cell in read(source, edition).cells if cell.cell_type == "code"]


def regions(text: str) -> list[str]:
    """The solutions in a cell's text, without the lines that mark them."""
    return re.findall(
        r"^[^\n]*BEGIN SOLUTION[^\n]*\n(.*?)^[^\n]*END SOLUTION", text, re.MULTILINE | re.DOTALL
    )


def words(text: str) -> str:
    """Text without its indentation, to find a solution that was moved to another place."""
    return "\n".join(line.strip() for line in text.strip().splitlines() if line.strip())


def test_every_source_has_its_notebooks_and_every_notebook_a_source():
    expected = {"student": SOURCES, "solutions": with_exercises}
    for edition, folder in EDITIONS.items():
        names = {source.stem for source in expected[edition]}
        assert {path.stem for path in folder.glob("*.ipynb")} == names


def test_every_lesson_has_exercises_and_what_has_no_number_has_none():
    lessons = [source for source in SOURCES if re.match(r"\d\d_", source.stem)]
    assert lessons == with_exercises
    for source in set(SOURCES) - set(lessons):
        assert not [cell for cell in code_cells(source, "student") if "nbgrader" in cell.metadata]


@every_lesson
def test_no_notebook_has_drifted_from_its_source(build, source):
    assert build.drift(source) == []


@every_lesson
def test_the_student_edition_holds_no_solution(source):
    student = [cell.source for cell in read(source, "student").cells]
    solutions = [
        region
        for cell in jupytext.read(source, fmt="py:percent").cells
        for region in regions(cell.source)
    ]
    assert not any("SOLUTION" in text for text in student)
    assert sum(text.count("...  # your code here") for text in student) == len(solutions)
    for solution in solutions:
        assert not any(words(solution) in words(text) for text in student)


@every_exercised
def test_every_exercise_stands_before_its_check(source):
    roles = [
        cell.metadata.nbgrader
        for cell in read(source, "student").cells
        if "nbgrader" in cell.metadata
    ]
    assert roles, f"{source.stem} has no exercise"
    assert [mark.solution for mark in roles] == [True, False] * (len(roles) // 2)


@every_exercised
def test_every_solution_passes_its_check(source):
    """Takes seconds: an exercise needs nothing of its lesson but what is imported."""
    code, names = code_cells(source, "solutions"), {}
    nodes = [node for cell in code for node in ast.parse(cell.source).body]
    imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    exec(compile(ast.Module(imports, []), source.name, "exec"), names)
    for cell in (cell for cell in code if "nbgrader" in cell.metadata):
        if cell.metadata.nbgrader.solution:
            exec(cell.source, names)
        else:
            assert eval(cell.source, names).score == 1.0, cell.source


@every_exercised
def test_solutions_are_saved_without_outputs(source):
    """They were executed when they were built, and their outputs would double the repository."""
    for cell in code_cells(source, "solutions"):
        assert cell.outputs == [] and cell.execution_count is None


@every_exercised
def test_every_check_says_not_attempted_in_the_student_edition(source):
    checks = [
        cell
        for cell in code_cells(source, "student")
        if cell.metadata.get("nbgrader", {}).get("grade")
    ]
    assert checks
    for cell in checks:
        data = cell.outputs[-1].data
        assert "<b>not attempted yet</b>" in data["text/html"], cell.source
        assert data["text/plain"] == "0.0"


@every_lesson
def test_all_code_has_run_in_order_without_errors_or_warnings(source):
    cells = code_cells(source, "student")
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        assert not [
            o for o in cell.outputs if o.output_type == "error" or o.get("name") == "stderr"
        ], cell.source


@every_edition
def test_code_cells_have_at_most_25_lines_unless_they_plot(source, edition):
    for cell in code_cells(source, edition):
        lines = [line for line in cell.source.splitlines() if line.strip()]
        assert len(lines) <= 25 or "plot" in cell.metadata.get("tags", []), cell.source


@every_edition
def test_notebooks_stay_small_and_hold_neither_scripts_nor_widgets(source, edition):
    notebook = read(source, edition)
    assert (EDITIONS[edition] / f"{source.stem}.ipynb").stat().st_size < 5 * MEGABYTE
    assert "widgets" not in notebook.metadata
    for output in (o for cell in notebook.cells for o in cell.get("outputs", [])):
        text = json.dumps(output)
        assert len(text) < 2 * MEGABYTE
        assert "<script" not in text and "widget-view" not in text


@every_edition
def test_a_cell_whose_output_is_not_compared_says_why(source, edition):
    for cell in code_cells(source, edition):
        marks = {
            *cell.metadata.get("tags", []),
            *re.findall(r"^\s*#\s*(NBVAL_\w+)\s*$", cell.source, re.MULTILINE),
        }
        if marks & IGNORING:
            comment = re.search(r"#\s*Not compared: (.*)", cell.source)
            reason = cell.metadata.get("reason", "") or (comment.group(1) if comment else "")
            assert len(reason.split()) >= 4, (
                f"say why, as reason=... in the cell's marker:\n{cell.source}"
            )


@every_lesson
def test_the_head_shows_what_was_measured_within_the_promise(build, source):
    measured = build.stored_measurement(read(source, "student"))
    assert str(measured) in read(source, "student").cells[0].source
    assert measured.seconds <= 120
    assert measured.peak_mb < 1500


def test_the_readme_lists_every_lesson_with_what_was_measured(build):
    readme = build.README.read_text(encoding="utf-8")
    assert build.with_times(readme) == readme
    for source in SOURCES:
        measured = build.stored_measurement(read(source, "student"))
        assert f"(notebooks/{source.stem}.ipynb)" in readme and f"| {measured.numbers} |" in readme
