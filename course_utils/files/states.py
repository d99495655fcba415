"""The state of a training on disk: named tensors, and what JSON can say about them, in one file.

It is a safetensors file. Its header holds the SHA-256 of the whole file (with zeros in the place of
the checksum), so that damage anywhere is noticed. The state that was there before is kept beside
it, as NAME-before. A state also says what it belongs to; `differences` words what has changed.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from itertools import takewhile
from json import JSONDecodeError
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from course_utils.files.atomic import behind_link, part_of, writing
from course_utils.files.weights import read_header

MAX_HEADER_BYTES = 2**22  # averages and the optimizer make five tensors of each of a network's
ZEROS = b"0" * 64
CHECKSUM = re.compile(rb'"sha256":"([0-9a-f]{64})"')  # in the JSON of the header
LONGEST = 60  # characters of a value in a message
MOST = 12  # differences in a message


def save_state(file: str | Path, tensors: dict[str, Tensor], about: dict) -> None:
    """Write a state, atomically; what was there before is kept as `before`.

    Args:
        file: The file.
        tensors: By name, of any shape and device.
        about: What JSON can say: what `load_state` gives back.

    Raises:
        OSError: The disk is full, for example.
    """
    there = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    metadata = {"about": json.dumps(about), "sha256": ZEROS.decode()}
    with writing(file) as temporary:
        try:
            save_file(there, temporary, metadata)
        except SafetensorError as error:  # its text has the system's reason
            raise OSError(f"{file} cannot be written: {error}") from error
        start, _, found = _checksums(temporary)
        with temporary.open("r+b") as written:
            written.seek(start)
            written.write(found.encode())
            written.flush()
            os.fsync(written.fileno())
        _keep(behind_link(file))


def before(file: str | Path) -> Path:
    """Where the state before the last one is kept."""
    real = behind_link(file)
    return real.with_name(f"{real.stem}-before{real.suffix}")


def _keep(file: Path) -> None:
    """Keep a state as the one before. With a second name for it there is one at any moment."""
    if not file.exists():
        return
    second = part_of(file)
    try:
        os.link(file, second)
        os.replace(second, before(file))
    except OSError:  # a file system without second names
        os.replace(file, before(file))
    finally:
        second.unlink(missing_ok=True)  # replacing a name of the same file does nothing


def about_state(file: str | Path) -> dict:
    """Return what a state says about itself, after a look at all of it.

    Raises:
        ValueError: It is damaged, no state, or from before there were checksums; the last good
            state before it is named.
    """
    try:
        return _about(Path(file))
    except ValueError as error:
        raise ValueError(f"{file} {error}; {_remedy(file)}") from error


def load_state(file: str | Path) -> tuple[dict[str, Tensor], dict]:
    """Read what `save_state` wrote: named tensors on the CPU, and `about`.

    ValueError as `about_state`.
    """
    about = about_state(file)
    with safe_open(file, "pt") as state:
        return {key: state.get_tensor(key) for key in state.keys()}, about  # noqa: SIM118


def _remedy(file: str | Path) -> str:
    """What to do about a state that cannot be read."""
    other = before(file)
    try:
        step = _about(other).get("step")
    except ValueError:
        return "move it away to begin anew, or choose another folder (course.py train: --out)"
    return (
        f"the last good state before it, of step {step}, is {other}: rename it to"
        f" {Path(file).name} to continue from there"
    )


def _about(file: Path) -> dict:
    """What a sound state says about itself; ValueError with what continues "FILE …"."""
    try:
        if file.is_dir():
            raise ValueError("is a folder; expected the file of a training's state")
        _, wanted, found = _checksums(file)
        if found != wanted:
            raise ValueError("is damaged: its checksum does not fit its contents")
        with safe_open(file, "pt") as state:
            about = json.loads(state.metadata()["about"])
        if not isinstance(about, dict):
            raise TypeError("it says nothing about itself")
        return about
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror or error}") from error
    except (SafetensorError, LookupError, TypeError, RecursionError, JSONDecodeError) as error:
        raise ValueError(f"is no training's state ({error})") from error


def _checksums(file: Path) -> tuple[int, str, str]:
    """Where a state's checksum stands, the one written there, and that of its contents."""
    with file.open("rb") as opened:
        try:
            header = read_header(opened, MAX_HEADER_BYTES)
        except ValueError as error:
            raise ValueError(f"is damaged: {error}") from error
        place = CHECKSUM.search(header)
        if place is None:
            raise ValueError(_without_checksum(file))
        start, end = place.span(1)
        size = len(header).to_bytes(8, "little")
        digest = hashlib.sha256(size + header[:start] + ZEROS + header[end:])
        while block := opened.read(2**20):
            digest.update(block)
    return 8 + start, place[1].decode(), digest.hexdigest()


def _without_checksum(file: Path) -> str:
    """Why a file has no checksum: nothing can be proved of those that states once were."""
    try:
        with safe_open(file, "pt") as state:
            metadata = state.metadata() or {}
        old = set(metadata) == {"about"} and "plan" in json.loads(metadata["about"])
    except (OSError, SafetensorError, ValueError, TypeError, RecursionError):
        return "is damaged: it has no readable checksum"
    if old:
        return (
            "was saved by an earlier version of the course: it has no checksum and does not say"
            " which config and data it belongs to, so it cannot be continued"
        )
    return "is no training's state, or a damaged one: it has no checksum"


# ---- what a state belongs to ---------------------------------------------------------------------


def differences(old: dict, new: dict) -> str:
    """What differs between two JSON objects, by dotted key, old → new; "" if nothing does."""
    ours, theirs = dict(_leaves(new)), dict(_leaves(old))
    keys = [key for key in {**theirs, **ours} if theirs.get(key) != ours.get(key)]
    keys.sort(key=lambda key: key.count("."))  # classes before a width of the network
    shown = [f"{key}: {_change(theirs.get(key), ours.get(key))}" for key in keys[:MOST]]
    more = [f"and {len(keys) - MOST} more"] if len(keys) > MOST else []
    return "; ".join([*shown, *more])


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """All values inside a JSON value, with their dotted keys; lists of no objects are values."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{key}.{name}" if key else name)
    elif isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        for number, inner in enumerate(value):
            yield from _leaves(inner, f"{key}[{number}]")
    elif value not in (None, []):  # nothing said, or nothing in it, is one and the same
        yield key, value


def _change(old: Any, new: Any) -> str:
    """Two values as a message shows them, from where they begin to differ if they are long."""
    texts = [
        "nothing" if one is None else json.dumps(one, ensure_ascii=False) for one in (old, new)
    ]
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(*texts, strict=False)))
    start = same - 10 if same > 20 and max(map(len, texts)) > LONGEST else 0
    cut = [f"…{text[start:]}" if start else text for text in texts]
    return " → ".join(one if len(one) <= LONGEST else f"{one[: LONGEST - 1]}…" for one in cut)
