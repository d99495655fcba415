"""The build, tried on a small lesson: both editions, identical rebuilds, failures."""

import os
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path

import nbformat
import pytest

SANITIZE = Path(__file__).parent / "sanitize.cfg"

HEAD = """\
# %% [markdown]
# # A small lesson
# {{badges}}
#
# {{measured}}
"""

LESSON = (
    HEAD
    + """
# %%
import sys
import time

import plotly.graph_objects as go
import plotly.io as pio

from course_utils.exercises import lesson_08

pio.renderers.default = "plotly_mimetype"

# %%
def voxel_iou(a, b):
    \"\"\"Overlap of two grids.\"\"\"
    ### BEGIN SOLUTION
    union = (a | b).sum().item()
    return (a & b).sum().item() / union if union else 1.0
    ### END SOLUTION

# %%
lesson_08.voxel_iou.check(voxel_iou)

# %% [markdown]
# Same text

# %% [markdown]
# Same text

# %%
print("one", flush=True)
time.sleep(0.3)
print("two")
object()

# %% tags=["timing"]
start = time.perf_counter()
time.sleep(0.2)
print(f"slept {time.perf_counter() - start:.6f} s")

# %%
go.Figure(go.Scatter(x=[1, 2], y=[3, 4]), frames=[go.Frame(data=[go.Scatter(x=[1, 2], y=[4, 3])], name="1")])
"""
)


@pytest.fixture(scope="module")
def folder(build, tmp_path_factory):
    """A folder laid out as notebooks/, with the small lesson built."""
    folder = tmp_path_factory.mktemp("notebooks")
    (folder / "source").mkdir()
    (folder / "source" / "00_small.py").write_text(LESSON, encoding="utf-8")
    build.build(folder / "source" / "00_small.py", folder)
    return folder


@pytest.fixture(scope="module")
def source(folder):
    return folder / "source" / "00_small.py"


def editions(build, source, folder):
    return {
        edition: build.read_notebook(build.notebook_path(source, edition, folder))
        for edition in build.EDITIONS
    }


def lesson(tmp_path, text):
    (tmp_path / "source").mkdir()
    path = tmp_path / "source" / "01_other.py"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_editions_differ_in_the_solution_and_only_the_students_has_outputs(
    build, source, folder
):
    student, solutions = editions(build, source, folder).values()
    stub = 'def voxel_iou(a, b):\n    """Overlap of two grids."""\n    ...  # your code here'
    assert [
        i
        for i, (a, b) in enumerate(zip(student.cells, solutions.cells, strict=True))
        if a.source != b.source
    ] == [3]
    assert student.cells[3].source == stub
    assert "BEGIN SOLUTION" in solutions.cells[3].source
    assert "<b>not attempted yet</b>" in student.cells[4].outputs[0].data["text/html"]
    code = [cell for cell in solutions.cells if cell.cell_type == "code"]
    assert {(len(cell.outputs), cell.execution_count) for cell in code} == {(0, None)}
    assert [c.id for c in student.cells] == [c.id for c in solutions.cells]
    assert len({c.id for c in student.cells}) == len(student.cells)


def test_nbgrader_finds_the_exercise_and_its_grade_cell(build, source, folder):
    from nbgrader.utils import determine_grade, is_grade, is_solution

    student = editions(build, source, folder)["student"]
    assert is_solution(student.cells[3]) and is_grade(student.cells[4])
    assert determine_grade(student.cells[4]) == (0.0, 1.0)


def test_the_head_holds_links_and_the_measured_line(build, source, folder):
    student = editions(build, source, folder)["student"]
    measured = build.stored_measurement(student)
    head = student.cells[0].source
    assert (
        "/blob/main/notebooks/00_small.ipynb" in head
        and "?urlpath=lab/tree/notebooks/00_small.ipynb" in head
    )
    assert str(measured) in head and "{{" not in head
    assert 0.5 < measured.seconds < 300 and 30 < measured.peak_mb < 1000 and measured.cores >= 1
    assert str(build.Measured(33.6, 812, 2)) == "Measured on 2 CPU cores: 34 s, 0.8 GB"


def test_nothing_volatile_is_stored(build, source, folder):
    for notebook in editions(build, source, folder).values():
        nbformat.validate(notebook)
        assert (
            notebook.metadata.kernelspec.name == "python3"
            and "version" not in notebook.metadata.language_info
        )
        assert all(set(cell.metadata) <= set(build.KEPT_METADATA) for cell in notebook.cells)
    printed = editions(build, source, folder)["student"].cells[7].outputs
    assert printed[0].text == "one\ntwo\n" and printed[1].data["text/plain"] == "<object at 0x0>"


def test_building_again_changes_no_byte(build, source, folder, monkeypatch):
    # the times of a busy machine are not what is tested here
    monkeypatch.setattr(build, "MOVED", 1000.0)
    paths = [build.notebook_path(source, edition, folder) for edition in build.EDITIONS]
    before = [path.read_bytes() for path in paths]
    build.build(source, folder)
    assert [path.read_bytes() for path in paths] == before


@pytest.mark.parametrize(("seconds", "megabytes", "cores", "near"), [
    (34, 800, 2, True), (37, 800, 2, True), (38, 800, 2, False), (30, 800, 2, False),
    (34, 881, 2, False), (34, 719, 2, False), (34, 800, 4, False),
])  # fmt: skip
def test_a_measurement_counts_as_new_beyond_10_percent(build, seconds, megabytes, cores, near):
    assert build.Measured(seconds, megabytes, cores).near(build.Measured(34, 800, 2)) is near
    assert not build.Measured(seconds, megabytes, cores).near(None)


@pytest.mark.parametrize(("old", "new", "kept"), [
    ("3 runs, 10.0 s", "3 runs, 10.9 s", True), ("3 runs, 10.0 s", "3 runs, 11.1 s", False),
    ("3 runs, 10.0 s", "3 runs, 8.9 s", False), ("3 runs, 10.0 s", "3 steps, 10.0 s", False), ("", "10 s", False),
])  # fmt: skip
def test_a_timing_cell_keeps_its_output_until_a_number_moves_by_10_percent(build, old, new, kept):
    def notebook(text, tags):
        cell = nbformat.v4.new_code_cell("measure()", id="a" * 12, metadata={"tags": tags})
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=text)]
        return nbformat.v4.new_notebook(cells=[cell])

    for tags, expected in ((["timing"], old if kept else new), (["plot"], new)):
        fresh = notebook(new, tags)
        build._keep_timings(fresh, notebook(old, tags))
        assert fresh.cells[0].outputs[0].text == expected


def test_drift_is_found_in_either_edition(build, source, folder):
    assert build.drift(source, folder) == []
    for edition, wrong in (("student", "2"), ("solutions", "3")):
        path = build.notebook_path(source, edition, folder)
        intact = path.read_text(encoding="utf-8")
        path.write_text(intact.replace('print(\\"one\\"', f'print(\\"{wrong}\\"'), encoding="utf-8")
        assert build.drift(source, folder) == [f"00_small.ipynb ({edition}), cell 8: source differ"]
        path.write_text(intact, encoding="utf-8")
    path = build.notebook_path(source, "solutions", folder)
    intact = path.read_text(encoding="utf-8")
    ran = nbformat.reads(intact, as_version=4)
    ran.cells[1].execution_count = 1
    nbformat.write(ran, path)
    assert build.drift(source, folder) == [
        "00_small.ipynb (solutions), cell 2: execution_count differ"
    ]
    path.write_text(intact, encoding="utf-8")
    changed = source.parent / "00_small.py"
    changed.write_text(LESSON.replace("union else 1.0", "union else 0.0"), encoding="utf-8")
    complaints = build.drift(source, folder)
    changed.write_text(LESSON, encoding="utf-8")
    assert [complaint.split(":")[0] for complaint in complaints] == [
        f"00_small.ipynb ({edition}), cell 4" for edition in ("student", "solutions")
    ]


def test_renewed_texts_keep_the_outputs_and_changed_code_is_refused(
    build, source, folder, tmp_path
):
    there, new = tmp_path / "there", tmp_path / source.name
    shutil.copytree(folder, there)
    new.write_text(source.read_text().replace("Same text", "Another text"))
    build.renew(new, there)
    for edition in build.EDITIONS:
        old, renewed = (
            build.read_notebook(build.notebook_path(source, edition, where))
            for where in (folder, there)
        )
        assert "Another text" in str(renewed.cells) and "Same text" not in str(renewed.cells)
        outputs = [
            [cell.outputs for cell in each.cells if cell.cell_type == "code"]
            for each in (old, renewed)
        ]
        assert outputs[0] == outputs[1] and any(outputs[0]) is (edition == "student")
    assert build.drift(new, there) == []
    new.write_text(source.read_text().replace('print("two")', 'print("three")'))
    with pytest.raises(build.BuildError, match="its code has changed"):
        build.renew(new, there)


def test_a_new_cell_leaves_every_other_id_alone(build, tmp_path):
    source = lesson(tmp_path, LESSON)
    before = [cell.id for cell in build.compose(source, "student", None).cells]
    new, same = "\n# %% [markdown]\n# New text\n", "\n# %% [markdown]\n# Same text\n"
    source.write_text(LESSON.replace(HEAD, HEAD + new) + same, encoding="utf-8")
    after = [cell.id for cell in build.compose(source, "student", None).cells]
    # after the head stands Colab's cell, then the new one
    assert [
        after[0],
        after[1],
        *after[3:-1],
    ] == before
    assert len(set(after)) == len(after) == len(before) + 2


@pytest.mark.parametrize(("cell", "complaint"), [
    ("x = 1\nx / 0", "01_other (student edition), cell 3 failed"),
    ("import warnings\nwarnings.warn('old')", "01_other (student edition), cell 3 writes to stderr"),
])  # fmt: skip
def test_a_failing_or_warning_cell_stops_the_build_and_is_named(build, tmp_path, cell, complaint):
    source = lesson(tmp_path, f"{HEAD}\n# %%\n{cell}\n")
    with pytest.raises(build.BuildError) as caught:
        build.build(source, tmp_path)
    assert str(caught.value).startswith(complaint)
    assert not list(tmp_path.rglob("*.ipynb"))


@pytest.mark.parametrize(("answer", "complaint"), [
    ("1 / 0", "01_other (solutions edition), cell 6 failed"),
    ("return 0.0", "01_other (solutions edition), cell 5: the solution does not pass"),
])  # fmt: skip
def test_the_solutions_are_executed_and_a_wrong_one_stops_the_build(
    build, tmp_path, answer, complaint
):
    text = LESSON[: LESSON.index("# %% [markdown]\n# Same text")]
    region = text[text.index("    union =") : text.index("    ### END")]
    text = text.replace(region, f"    {answer}\n")
    source = lesson(tmp_path, f"{text}\n# %%\nvoxel_iou(1, 1)\n")
    with pytest.raises(build.BuildError) as caught:
        build.build(source, tmp_path)
    assert str(caught.value).startswith(complaint)
    assert not list(tmp_path.rglob("*.ipynb"))


def test_a_notebook_without_exercises_has_one_edition(build, tmp_path):
    source = lesson(tmp_path, f"{HEAD}\n# %%\nprint(1)\n")
    source = source.rename(source.with_name("apart.py"))
    build.build(source, tmp_path)
    assert [path.name for path in tmp_path.rglob("*.ipynb")] == ["apart.ipynb"]
    assert build.drift(source, tmp_path) == []
    source.write_text(f"{HEAD}# More.\n\n# %%\nprint(1)\n", encoding="utf-8")
    assert build.drift(source, tmp_path) == ["apart.ipynb (student), cell 1: id, source differ"]
    build.renew(source, tmp_path)
    assert build.drift(source, tmp_path) == []
    assert [path.name for path in tmp_path.rglob("*.ipynb")] == ["apart.ipynb"]
    assert build.lessons(["apart"], tmp_path) == build.lessons([], tmp_path) == [source]
    with pytest.raises(ValueError, match="no lesson 'ap'"):  # it has no number
        build.lessons(["ap"], tmp_path)


def test_a_lesson_without_the_placeholders_is_refused(build, tmp_path):
    with pytest.raises(build.BuildError, match="01_other: the first cell must be markdown"):
        build.compose(lesson(tmp_path, "# %% [markdown]\n# # Only a title\n"), "student", None)


def test_lessons_are_found_by_number_and_by_name_and_a_wrong_one_is_refused(
    build, source, folder, capsys
):
    assert (
        build.lessons(["00"], folder)
        == build.lessons(["00_small"], folder)
        == build.lessons([], folder)
        == [source]
    )
    with pytest.raises(ValueError, match="no lesson '07'"):
        build.lessons(["07"], folder)
    assert build.main(["run", "no_such_lesson"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_run_measures_reports_what_failed_and_writes_nothing(build, tmp_path):
    source, path = tmp_path / "source" / "02_run.py", tmp_path / "02_run.ipynb"
    for text, problem in (
        ("x = b'1' * 10**8\nimport time\ntime.sleep(0.5)", ""),
        ("1 / 0", "ZeroDivisionError"),
    ):
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text)]), path)
        before = path.read_bytes()
        measured, failure = build.run(source, tmp_path)
        assert path.read_bytes() == before
        assert bool(measured) is not bool(problem) and problem in failure
        if measured:
            assert measured.seconds >= 0.5 and 130 < measured.peak_mb < 400
    assert "02_run, cell 1 failed" in failure
    path.unlink()
    assert "02_run.ipynb is missing" in build.run(source, tmp_path)[1]


# ---- Colab's first cell --------------------------------------------------------------------------


def colab_text(build):
    cell = build._colab_cell()
    assert (
        cell.metadata.tags == ["colab"]
        and len([line for line in cell.source.splitlines() if line]) <= 14
    )
    return cell.source


def test_the_colab_cell_does_nothing_elsewhere(build, capfd, monkeypatch):
    monkeypatch.setattr(os, "system", lambda command: pytest.fail(f"ran {command}"))
    before = os.getcwd(), list(sys.path)
    exec(colab_text(build), {})
    assert (os.getcwd(), sys.path) == before
    assert capfd.readouterr() == ("", "")


def test_the_colab_cell_clones_installs_without_torch_and_enters_notebooks(build, monkeypatch):
    commands, folders = [], []
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    monkeypatch.setattr(os, "system", commands.append)
    monkeypatch.setattr(os, "chdir", folders.append)
    monkeypatch.setattr(sys, "path", list(sys.path))
    exec(colab_text(build), {})
    clone, install = (command.split() for command in commands)
    home = "/content/noise-to-shape"  # is there when the cell runs again
    assert clone == [
        "test",
        "-d",
        home,
        "||",
        "git",
        "clone",
        "--quiet",
        "--depth=1",
        build._repository(),
        home,
    ]
    assert install[:5] == [sys.executable, "-m", "pip", "install", "--quiet"]
    assert "trimesh" in install and not [
        word for word in install if "torch" in word or "jupyterlab" in word
    ]
    assert (
        folders == ["/content/noise-to-shape/notebooks"]
        and sys.path[0] == "/content/noise-to-shape"
    )


# ---- nbval and its sanitiser ---------------------------------------------------------------------


@pytest.mark.parametrize(("one", "other", "equal"), [
    ("took 12.3 s", "took 9 s", True), ("1 min 20 s", "2 min 3 s", True), ("85 ms a step", "7.5e-2 ms a step", True),
    ("53.1 steps/s", "7 steps/s", True), ("<Mesh at 0x7f00aa>", "<Mesh at 0x7fbb11>", True),
    ("/tmp/abc/chair.glb", "/tmp/x_1/y.glb", True), ("e86a7c7a-346a-11e8-8aa8-a0999b0c017b", "0" * 32, True),
    ("12 shapes", "13 shapes", False), ("0.31", "0.32", False), ("3 steps", "4 steps", False),
    ("212 kB", "213 kB", False), ("loss 0.5 at 3 s", "loss 0.6 at 3 s", False),
    ("data/chair.glb", "data/table.glb", False),
])  # fmt: skip
def test_the_sanitiser_hides_times_and_names_but_no_result(one, other, equal):
    from nbval.plugin import get_sanitize_patterns

    def sanitised(text):
        for pattern, replacement in get_sanitize_patterns(SANITIZE.read_text(encoding="utf-8")):
            text = re.sub(pattern, replacement, text)
        return text

    assert (sanitised(one) == sanitised(other)) is equal


def test_nbval_accepts_the_built_notebook_and_notices_a_changed_figure(
    build, source, folder, tmp_path
):
    text = build.notebook_path(source, "student", folder).read_text(encoding="utf-8")
    (tmp_path / "intact.ipynb").write_text(text, encoding="utf-8")
    student = nbformat.reads(text, as_version=4)
    student.cells[-1].outputs[0].data["application/vnd.plotly.v1+json"]["frames"][0]["data"][0][
        "y"
    ] = [4, 2]
    (tmp_path / "changed.ipynb").write_text(nbformat.writes(student), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--nbval",
        "--nbval-sanitize-with",
        str(SANITIZE),
        "--color=no",
    ]
    result = subprocess.run(
        [*command, "."], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    cells = sum(cell.cell_type == "code" for cell in student.cells)
    assert f"1 failed, {2 * cells - 1} passed" in result.stdout, result.stdout
    assert f"changed.ipynb::Cell {cells - 1}" in result.stdout
