"""Writing as a careful person would: all or nothing, links and modes kept, strangers' files left."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from course_utils.files import atomic
from course_utils.files.atomic import alone_in, clear_leftovers, writing, writing_folder
from course_utils.files.png import save_image
from course_utils.files.results import save_results

ROOT = Path(__file__).parents[2]
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other links and modes")
KNOWN = ("config", "weights", "index", "scheduler/config")


def write(goal, text="new"):
    with writing(goal) as part:
        part.write_text(text)


def write_folder(goal, **files):
    with writing_folder(goal, KNOWN) as new:
        for name, text in files.items():
            place = new / name.replace("_", "/")
            place.parent.mkdir(exist_ok=True)
            place.write_text(text)


def contents(folder):
    """All files below a folder, by their paths in it."""
    files = (path for path in folder.rglob("*") if not path.is_dir())
    return {str(path.relative_to(folder)): path.read_text() for path in files}


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask():
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


# ---- files ---------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("mask", [0o077, 0o002, 0o022, 0o027])
def test_a_new_file_has_the_mode_that_open_gives_and_an_old_one_keeps_its_own(
    tmp_path, umask, mask
):
    umask(mask)
    (tmp_path / "plain").write_text("")
    (tmp_path / "folder").mkdir()
    write(tmp_path / "new")
    write_folder(tmp_path / "box", config="1")
    assert mode(tmp_path / "new") == mode(tmp_path / "plain") == 0o666 & ~mask
    assert mode(tmp_path / "box") == mode(tmp_path / "folder") == 0o777 & ~mask
    assert mode(tmp_path / "box" / "config") == 0o666 & ~mask
    for path in (tmp_path / "new", tmp_path / "box" / "config"):
        path.chmod(0o640)
    write(tmp_path / "new", "newer")
    write_folder(tmp_path / "box", config="2")
    assert mode(tmp_path / "new") == mode(tmp_path / "box" / "config") == 0o640
    assert contents(tmp_path / "box") == {"config": "2"}


@posix
def test_a_link_stays_a_link_and_what_it_points_to_is_written(tmp_path):
    (tmp_path / "disk").mkdir()
    real, link = tmp_path / "disk" / "real.txt", tmp_path / "link.txt"
    real.write_text("old")
    link.symlink_to("disk/real.txt")
    write(link)
    assert link.is_symlink() and real.read_text() == "new"
    (second := tmp_path / "second.txt").symlink_to(link)
    write(second, "newer")
    assert second.is_symlink() and link.is_symlink() and real.read_text() == "newer"
    real.unlink()  # a link to a file that is yet to be written
    write(second, "again")
    assert second.is_symlink() and real.read_text() == "again"
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["real.txt"]


@posix
@pytest.mark.parametrize("to", ["nowhere/real.txt", "loop.txt"])
def test_a_link_to_nowhere_is_refused_and_no_folder_is_made_up_for_it(tmp_path, to):
    (link := tmp_path / "loop.txt").symlink_to(to)
    with pytest.raises(ValueError, match=rf"loop.txt is a link to {to}, which is not there"):
        write(link)
    with pytest.raises(ValueError, match="is a link to"):
        write_folder(link, config="1")
    with pytest.raises(ValueError, match="is a link to"), alone_in(link):
        pass
    assert list(tmp_path.iterdir()) == [link] and link.is_symlink()


@pytest.mark.parametrize(
    "save",
    [
        write,
        lambda goal: save_results(goal, {"a": 1}, "true"),
        lambda goal: save_image(goal, np.zeros((2, 2, 3), np.uint8)),
    ],
    ids=["writing", "results", "png"],
)
def test_a_folder_or_a_read_only_file_in_the_place_of_a_file_is_one_line(tmp_path, save):
    (folder := tmp_path / "a.png").mkdir()
    (folder / "notes").write_text("mine")
    with pytest.raises(ValueError, match=r"a\.png is a folder; expected the name of a file"):
        save(folder)
    (kept := tmp_path / "b.png").write_text("mine")
    kept.chmod(0o444)
    with pytest.raises(ValueError, match=r"b\.png is read-only; allow writing"):
        save(kept)
    assert contents(tmp_path) == {"a.png/notes": "mine", "b.png": "mine"}


@posix
def test_a_pipe_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe.stl")
    with pytest.raises(ValueError, match=r"pipe\.stl is a device or a pipe"):
        write(tmp_path / "pipe.stl")
    assert stat.S_ISFIFO((tmp_path / "pipe.stl").stat().st_mode)


def test_a_name_as_long_as_names_may_be(tmp_path):
    goal = tmp_path / ("x" * 250 + ".glb")
    write(goal)
    assert [path.name for path in tmp_path.iterdir()] == [goal.name]


def test_an_error_names_the_goal_and_not_its_temporary_file(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(atomic.os, "open", refuse)
    with pytest.raises(PermissionError, match=r"Permission denied: .*[/\\]mug\.glb'"):
        write(tmp_path / "mug.glb")


# ---- folders -------------------------------------------------------------------------------------


def test_a_folder_gets_new_files_and_keeps_strangers(tmp_path):
    box = tmp_path / "box"
    write_folder(box, config="1", weights="1", index="1", scheduler_config="1")
    (box / "mine").mkdir()
    (box / "mine" / "notes.txt").write_text("years")
    (box / "scheduler" / "todo").write_text("keep")
    (box / ".hidden").write_text("")
    write_folder(box, config="2", weights="2")
    strangers = {"mine/notes.txt": "years", "scheduler/todo": "keep", ".hidden": ""}
    assert contents(box) == {"config": "2", "weights": "2"} | strangers
    (box / "scheduler" / "todo").unlink()
    write_folder(box, config="3", scheduler_config="3")
    write_folder(box, config="4")
    assert not (box / "scheduler").exists()  # ours, and empty
    assert [path.name for path in tmp_path.iterdir()] == ["box"]


@posix
def test_a_link_to_a_folder_stays_and_links_inside_are_replaced(tmp_path):
    """As in caches of models, where files link to others that must not change."""
    (tmp_path / "real").mkdir()
    (blob := tmp_path / "blob").write_text("content-addressed")
    blob.chmod(0o444)
    (tmp_path / "real" / "weights").symlink_to(blob)
    (link := tmp_path / "box").symlink_to("real")
    write_folder(link, config="1", weights="1")
    assert link.is_symlink() and blob.read_text() == "content-addressed"
    assert not (link / "weights").is_symlink()
    assert contents(tmp_path / "real") == {"config": "1", "weights": "1"}
    assert mode(tmp_path / "real" / "weights") & 0o200


def test_a_folder_that_cannot_be_written_is_refused_before_anything_moves(tmp_path):
    write_folder(box := tmp_path / "box", config="1", weights="1")
    (box / "weights").chmod(0o444)
    with pytest.raises(ValueError, match=r"weights is read-only"):
        write_folder(box, config="2", weights="2")
    (box / "index").mkdir()
    (box / "weights").chmod(0o644)
    with pytest.raises(ValueError, match=r"index is a folder; expected the name of a file"):
        write_folder(box, config="2", weights="2")
    (box / "index").rmdir()
    (tmp_path / "file").write_text("x")
    with pytest.raises(ValueError, match=r"file is a file; expected a folder"):
        write_folder(tmp_path / "file", config="2")
    with pytest.raises(ValueError, match="expected a folder"), alone_in(tmp_path / "file"):
        pass
    assert contents(box) == {"config": "1", "weights": "1"}


def test_a_move_that_fails_anywhere_is_taken_back(tmp_path, monkeypatch):
    write_folder(box := tmp_path / "box", config="1", weights="1", index="1")
    (box / "notes").write_text("mine")
    before, replace, failed = contents(box), os.replace, 0
    for number in range(1, 6):  # three old files move out, two new ones in
        calls = []

        def fails(source, goal, number=number, calls=calls):
            calls.append(goal)
            if len(calls) == number:
                raise OSError(28, "No space left on device")
            replace(source, goal)

        monkeypatch.setattr(atomic.os, "replace", fails)
        with pytest.raises(OSError, match="No space"):
            write_folder(box, config="2", weights="2")
        failed += 1
        assert contents(box) == before and [path.name for path in tmp_path.iterdir()] == ["box"]
    assert failed == 5


# ---- leftovers -----------------------------------------------------------------------------------

KILLED = """
import os, sys
from course_utils.files import atomic
calls, replace = [], os.replace
def dies(source, goal):
    calls.append(goal)
    if len(calls) == int(sys.argv[1]):
        os._exit(9)
    replace(source, goal)
os.replace = dies
with atomic.writing_folder(sys.argv[2], ("config", "weights", "index")) as new:
    (new / "config").write_text("2")
    (new / "weights").write_text("2")
"""


@pytest.mark.parametrize("number", [1, 3, 4, 5])
def test_what_a_killed_process_left_is_cleared_and_what_it_moved_aside_put_back(tmp_path, number):
    write_folder(box := tmp_path / "box", config="1", weights="1", index="1")
    (box / "notes").write_text("mine")
    (tmp_path / ".box-part-of-me").write_text("a stranger's")
    before = contents(tmp_path)
    code = [sys.executable, "-c", KILLED, str(number), str(box)]
    assert subprocess.run(code, cwd=ROOT, check=False).returncode == 9
    assert len(list(box.glob(".*-part-*"))) >= 1
    clear_leftovers(box)
    after = contents(tmp_path)
    if number <= 4:  # no new file was in its place yet
        assert after == before
    else:  # one of the two was: the other may be the old one, which its checksum tells
        assert set(after) == set(before) and after["box/notes"] == "mine"
    write_folder(box, config="3", weights="3")
    assert contents(box) == {"config": "3", "weights": "3", "notes": "mine"}
