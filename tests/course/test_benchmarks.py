"""Benchmarks refuse what they cannot measure as the course's commands do: in one line, code 2."""

import runpy
import sys

import pytest

from course_utils.places import CHECKPOINTS, ROOT

SEER, SHAPES = str(CHECKPOINTS / "reader"), str(CHECKPOINTS / "shapes32")
GPU = ["--device", "cpu", "card", "--out", "out.json"]


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("gpu_check", ["--batches", "0"], "whole number from 1"),
        ("gpu_check", ["--batches", "8", "x"], "whole number from 1"),
        ("gpu_check", ["--steps", "-3"], "whole number from 1"),
        ("gpu_check", ["--sampling-steps", "1001"], "whole number from 1 to 1000"),
        ("gpu_check", ["--seconds", "nan"], "expected a number, got 'nan'"),
        ("gpu_check", ["--seconds", "0"], "expected seconds, more than 0"),
        ("gpu_check", ["--seconds", "1e300"], "expected seconds, more than 0"),
        ("gpu_check", [*GPU, "--resolution", "33"], "each a multiple of"),
        ("gpu_check", [*GPU, "--resolution", "100000"], "at most 128"),
        ("gpu_check", [*GPU, "--channels", "33"], "--channels [33] --resolution 32"),
        ("gpu_check", [*GPU, "--channels", "1000000"], "from 1 to 4,096"),
        ("gpu_check", ["--out", ""], "name of a file or folder"),
        ("peers", ["--seconds", "-1"], "expected seconds, more than 0"),
        ("peers", ["--seconds", "inf"], "expected a number, got 'inf'"),
        ("peers", ["--only", "looks"], "invalid choice: 'looks'"),
        ("quality", ["--count", "0"], "whole number from 1"),
        ("quality", ["--count", "1e3"], "whole number from 1"),
        ("quality", ["--model", "nowhere"], "nowhere is not a checkpoint folder"),
        ("quality", ["--model", SEER], "makes no classes"),
        ("faithfulness", ["--count", "-1"], "whole number from 1"),
        ("faithfulness", ["--scales", "nan"], "expected a number, got 'nan'"),
        ("faithfulness", ["--scales"], "expected at least one argument"),
        ("faithfulness", ["--model", "nowhere"], "nowhere is not a checkpoint folder"),
        ("faithfulness", ["--model", SEER], "is no model that is told facts"),
        ("reading", ["--model", "nowhere"], "nowhere is not a checkpoint folder"),
        ("reading", ["--model", SHAPES], "is no reader of texts"),
        ("reading", ["--prompts", "nowhere"], "nowhere holds no prompts"),
    ],
)
def test_wrong_arguments_get_one_line_and_exit_code_2(
    name, arguments, expected, capsys, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "benchmarks" / f"{name}.py"), run_name="__main__")
    line = capsys.readouterr().err.strip()
    assert ended.value.code == 2
    assert expected in line and line.isprintable()
    assert not list(tmp_path.iterdir())
