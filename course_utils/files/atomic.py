"""Atomic writing: files and folders are made beside their goal and moved into place when complete.

What lies at the goal is treated as `open` would treat it: a link stays a link and what it points to
is written, a file keeps its mode, a new one gets that of the umask. Only what was marked read-only
is refused. Also a lock for folders in which only one process at a time may work.
"""

import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def writing(goal: str | Path) -> Iterator[Path]:
    """Yield a path to write to; without an error it becomes `goal` afterwards, else it is deleted.

    The temporary file has the goal's suffix, by which some writers choose a format. ValueError if
    `goal` cannot be replaced by a file.
    """
    real = checked_goal(goal)
    real.parent.mkdir(parents=True, exist_ok=True)
    temporary = part_of(real)
    try:
        try:
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except OSError as error:  # its file is one that nobody asked for
            raise OSError(error.errno, error.strerror, str(goal)) from error
        mode = (real if real.exists() else temporary).stat().st_mode
        yield temporary
        with temporary.open("r+b") as file:
            os.fsync(file.fileno())
        temporary.chmod(stat.S_IMODE(mode))  # some writers make the file anew
        os.replace(temporary, real)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def writing_folder(goal: str | Path, known: Sequence[str] = ()) -> Iterator[Path]:
    """Yield a new folder; without an error its files replace those in `goal`, else it is deleted.

    Whatever else lies in `goal` stays.

    Args:
        goal: The folder; it need not be there.
        known: Files that an earlier call may have written, as paths in the folder: those that are
            not written again are removed.

    Raises:
        ValueError: `goal` is a file, or one of the files in it cannot be replaced.
    """
    real = checked_folder(goal, known)
    real.parent.mkdir(parents=True, exist_ok=True)
    new = part_of(real / "new") if real.exists() else part_of(real)
    new.mkdir()
    try:
        yield new
        if real.exists():
            _move_files(new, real, known)
        else:
            os.replace(new, real)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _move_files(new: Path, goal: Path, known: Sequence[str]) -> None:
    """Move all files of a folder into another one, or none; the known ones there make room."""
    fresh = [str(file.relative_to(new)) for file in new.rglob("*") if not file.is_dir()]
    checked_folder(goal, fresh)
    old = [name for name in {*known, *fresh} if os.path.lexists(goal / name)]
    aside = part_of(goal / "old")
    moves = [(goal / name, aside / name) for name in old]
    moves += [(new / name, goal / name) for name in fresh]
    for name in set(old) & set(fresh):
        if not (goal / name).is_symlink():
            shutil.copymode(goal / name, new / name)
    done = []
    try:
        for source, target in moves:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(source, target)
            done.append((source, target))
    except BaseException:
        for source, target in reversed(done):
            os.replace(target, source)
        shutil.rmtree(aside, ignore_errors=True)
        raise
    shutil.rmtree(aside, ignore_errors=True)
    for folder in {(goal / name).parent for name in old} - {goal}:
        with suppress(OSError):  # something is in it
            folder.rmdir()


# ---- goals ---------------------------------------------------------------------------------------


def behind_link(path: str | Path) -> Path:
    """Return what a link points to, which need not be there yet; any other path as it is.

    ValueError if there is no such place: a disk may be missing, and must not be made up for.
    """
    path = Path(path)
    if not path.is_symlink():
        return path
    real = Path(os.path.realpath(path))
    if real.is_symlink() or not real.parent.is_dir():
        raise ValueError(
            f"{path} is a link to {os.readlink(path)}, which is not there; connect its disk or"
            " remove the link"
        )
    return real


def checked_goal(goal: str | Path) -> Path:
    """Return where a file is to be written, behind a link; ValueError if it cannot be replaced."""
    real = behind_link(goal)
    if real.is_dir():
        raise ValueError(f"{goal} is a folder; expected the name of a file")
    if real.exists() and not real.is_file():
        raise ValueError(f"{goal} is a device or a pipe; expected the name of a file")
    _refuse_read_only(real)
    return real


def checked_folder(goal: str | Path, files: Sequence[str]) -> Path:
    """Return where a folder's files are to be written, behind a link.

    A file that is a link will be replaced: content-addressed stores link to what must not change.

    Args:
        goal: The folder; it need not be there.
        files: Those that will be replaced, as paths in the folder.

    Raises:
        ValueError: `goal` is a file, or it or a file in it is read-only, or a folder is in the
            place of a file.
    """
    real = behind_link(goal)
    if real.exists() and not real.is_dir():
        raise ValueError(f"{goal} is a file; expected a folder")
    _refuse_read_only(real)
    for name in files:
        if not (real / name).is_symlink():
            checked_goal(real / name)
    return real


def _refuse_read_only(path: Path) -> None:
    # root may write anywhere, but whoever took the permission away meant it
    if path.exists() and not (path.stat().st_mode & 0o222 and os.access(path, os.W_OK)):
        raise ValueError(f"{path} is read-only; allow writing (chmod u+w), or choose another name")


# ---- temporary names -----------------------------------------------------------------------------


def part_of(goal: Path) -> Path:
    """Return a new name beside a goal, short enough for any file system."""
    return goal.with_name(f".{goal.stem[:40]}-part-{secrets.token_hex(8)}{goal.suffix}")


def _parts_of(goal: Path) -> list[Path]:
    """The temporary files and folders of a goal."""
    pattern = re.escape(f".{goal.stem[:40]}-part-") + "[0-9a-f]{16}" + re.escape(goal.suffix)
    there = goal.parent.iterdir() if goal.parent.is_dir() else ()
    return [path for path in there if re.fullmatch(pattern, path.name)]


def clear_leftovers(goal: str | Path) -> None:
    """Remove what killed processes left of a file or folder that only one process may write.

    What was moved aside and not yet replaced is put back.
    """
    real = behind_link(goal)
    for old in _parts_of(real / "old"):
        for file in [one for one in old.rglob("*") if not one.is_dir()]:
            place = real / file.relative_to(old)
            if not os.path.lexists(place):
                place.parent.mkdir(parents=True, exist_ok=True)
                os.replace(file, place)
    for part in (*_parts_of(real), *_parts_of(real / "new"), *_parts_of(real / "old")):
        if part.is_dir() and not part.is_symlink():
            shutil.rmtree(part)
        else:
            part.unlink()


# ---- one at a time -------------------------------------------------------------------------------


@contextmanager
def alone_in(folder: str | Path) -> Iterator[None]:
    """Hold a folder's lock; the system releases it when the process ends or dies.

    ValueError if another process holds it, or if no files can be written there.
    """
    real = checked_folder(folder, ())
    real.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(real / ".lock", timeout=0):
            yield
    except Timeout:
        raise ValueError(
            f"{folder} is in use by another training: wait for it, or choose another folder"
        ) from None
