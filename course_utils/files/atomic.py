"""Atomic writing: files and folders are made beside their goal and moved into place when complete.

Also a lock for folders in which only one process at a time may work.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
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


def save_tensors(goal: str | Path, tensors: dict[str, Tensor], about: dict) -> None:
    """Write named tensors, and what JSON can say about them, to one safetensors file, atomically.

    Args:
        goal: The file.
        tensors: By name, of any shape and device.
        about: What `load_tensors` gives back.

    Raises:
        OSError: The disk is full, for example.
    """
    with writing(goal) as temporary:
        try:
            there = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
            save_file(there, temporary, {"about": json.dumps(about)})
        except SafetensorError as error:  # its text has the system's reason
            raise OSError(f"{goal} cannot be written: {error}") from error


def load_tensors(
    file: str | Path, device: str, wanted: Sequence[str]
) -> tuple[dict[str, Tensor], dict]:
    """Read what `save_tensors` wrote: named tensors on a device, and `about`.

    Args:
        file: A safetensors file.
        device: Where the tensors are put.
        wanted: Keys that `about` must have.

    Raises:
        ValueError: The file is missing, damaged, or lacks a key.
    """
    try:
        with safe_open(file, "pt", device=device) as state:
            about = json.loads(state.metadata()["about"])
            about = {key: about[key] for key in wanted}
            return {key: state.get_tensor(key) for key in state.keys()}, about  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{file} is not a readable training state ({error}); delete it to start afresh"
        ) from error
