"""Atomic writing: files and folders are made beside their goal and moved into place when complete.

Also a lock for folders in which only one process at a time may work.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor


@contextmanager
def writing(goal: str | Path) -> Iterator[Path]:
    """Yield a path to write to; without an error it becomes `goal` afterwards, else it is deleted.

    The temporary file has the goal's suffix, by which some writers choose a format.
    """
    goal = Path(goal)
    goal.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{goal.stem}-", suffix=goal.suffix, dir=goal.parent)
    os.close(handle)
    temporary = Path(name)
    temporary.chmod(0o644)  # mkstemp makes files that only their owner can read
    try:
        yield temporary
        with temporary.open("r+b") as file:
            os.fsync(file.fileno())
        os.replace(temporary, goal)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def writing_folder(goal: str | Path) -> Iterator[Path]:
    """Yield a new folder; without an error it replaces `goal` afterwards, else it is deleted."""
    goal = Path(goal)
    goal.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{goal.name}-", dir=goal.parent))
    temporary.chmod(0o755)
    old = temporary.with_name(temporary.name + "-old")
    try:
        yield temporary
        if goal.exists():
            os.replace(goal, old)
        os.replace(temporary, goal)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if old.exists() and not goal.exists():
            os.replace(old, goal)
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def alone_in(folder: str | Path) -> Iterator[None]:
    """Hold a folder's lock; the system releases it when the process ends or dies.

    ValueError if another process holds it.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            yield
    except Timeout:
        raise ValueError(
            f"{folder} is in use by another training: wait for it, or choose another folder"
        ) from None


def save_tensors(goal: str | Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write tensors and text to one safetensors file, atomically.

    Args:
        goal: File to write.
        tensors: Tensors by name.
        metadata: Texts by name.

    Raises:
        OSError: The file cannot be written, for example because the disk is full.
    """
    with writing(goal) as temporary:
        try:
            save_file(
                {k: v.detach().cpu().contiguous() for k, v in tensors.items()}, temporary, metadata
            )
        except SafetensorError as error:  # its text holds what the system said
            raise OSError(f"{goal} cannot be written: {error}") from error
