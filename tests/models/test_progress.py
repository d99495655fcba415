"""Progress bars: a log gets whole lines and few of them, a notebook one line that stays."""

from types import SimpleNamespace

import pytest

from course_utils.models import progress as module
from course_utils.models.progress import LINES, progress


def test_a_log_gets_whole_lines_and_about_a_hundred_at_most(capsys):
    for count in (5, 199, 12_345):
        assert list(progress(range(count), desc="sampling")) == list(range(count))
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == min(count, LINES) and not any("\r" in line for line in lines)
        assert f"{count}/{count}" in lines[-1] and lines[-1].startswith("sampling")


def test_a_bar_goes_on_where_a_training_stopped_and_says_how_far_it_came(capsys):
    with pytest.raises(KeyboardInterrupt), progress(total=1000, initial=700) as bar:
        for k in range(55):
            bar.set_postfix_str(f"loss {k}", refresh=False)
            bar.update()
        raise KeyboardInterrupt
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 6 and "710/1000" in lines[0] and "loss 9" in lines[0]
    assert "755/1000" in lines[-1] and "loss 54" in lines[-1]


def test_nothing_done_is_nothing_written(capsys):
    with progress(total=3):
        pass
    with progress(total=3, disable=True) as bar:
        bar.update(3)
    assert capsys.readouterr().err == ""


def test_a_notebook_gets_one_plain_line_and_stderr_nothing(capsys, monkeypatch):
    shown = []

    def display(bundle, **_):
        shown.append(bundle)
        return SimpleNamespace(update=lambda bundle, raw: shown.__setitem__(0, bundle))

    monkeypatch.setattr(module, "in_notebook", lambda: True)
    monkeypatch.setattr("IPython.display.display", display)
    with progress(total=3, desc="sampling") as bar:
        assert "0/3" in shown[0]["text/plain"]
        bar.update(3)
    assert len(shown) == 1 and shown[0]["text/plain"].startswith("sampling: 3 of 3, 0.")
    assert capsys.readouterr().err == ""
