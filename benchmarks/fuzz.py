"""Damaged files at every reader's door: `python benchmarks/fuzz.py --count 100000`, in minutes.

Valid files of every format are damaged in one to four ways each (bits, lengths, numbers, cuts,
repeats); every one of them must be read, or be refused with a ValueError, within `SECONDS`. What
does neither is kept in --keep and printed. Damage follows from --seed and the number of the file
alone, so that any of them can be made again.
"""

import argparse
import collections
import random
import resource
import signal
import struct
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from course_utils.datasets.own_shapes import read_voxels
from course_utils.datasets.shapes import make_shape
from course_utils.files.meshes import save_mesh
from course_utils.files.npz import read_npz, write_npz
from course_utils.files.results import load_results, save_results
from course_utils.files.vox import write_vox
from course_utils.geometry.surface import blocky_mesh
from course_utils.models.checkpoints import build_model, load_checkpoint, save_checkpoint
from course_utils.models.config import Config

SECONDS = 10.0  # a reader's time for a small damaged file
NUMBERS = (0, 1, 2, 127, 128, 255, 2**15, 2**16, 2**31 - 1, 2**31, 2**32 - 1)
WORDS = (
    b"0",
    b"-1",
    b"1e400",
    b"nan",
    b"999999999",
    b"",
    b"\n",
    b'{"a": []}',
    b"'",
    b"\x00",
    b"null",
)
TINY = {
    "name": "tiny",
    "about": "A tiny model",
    "classes": ["chair"],
    "resolution": 8,
    "path": "flow",
    "prediction": "x0",
    "sampling": {"sampler": "ddpm", "steps": 2, "shift": 1.0, "guidance_scale": 1.0},
    "network": {
        "kind": "UNet",
        "dimensions": 3,
        "channels": [8],
        "patch": 2,
        "blocks": 1,
        "heads": 2,
    },
}


class TooSlow(BaseException):
    """A reader took longer than `SECONDS`; no `except Exception` swallows it."""


@contextmanager
def at_most(seconds: float):
    """Raise TooSlow in the main thread after so many seconds."""

    def late(*_):
        raise TooSlow(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def valid_files(folder: Path) -> dict[str, tuple[Path, Callable[[Path], object]]]:
    """A valid file of every format, and the door that it goes through: {name: (file, reader)}."""
    chair = make_shape("chair", 3, 8).voxels
    mesh, found = blocky_mesh(chair), {}
    for suffix in (".obj", ".glb", ".stl"):
        save_mesh(mesh, folder / f"chair{suffix}")
    for suffix in (".ply", ".off"):
        mesh.export(folder / f"chair{suffix}")
    (folder / "ascii.ply").write_bytes(mesh.export(file_type="ply", encoding="ascii"))
    write_vox(folder / "chair.vox", chair)
    write_npz(folder / "chair.npz", chair[None], captions=["a chair"], classes=["chair"])
    write_npz(
        folder / "two.npz", np.stack([chair, chair]), labels=[0, 1], classes=["chair", "lamp"]
    )
    runs = b"".join(bytes((bit, 1)) for bit in chair.transpose(2, 0, 1).flatten().tolist())
    (folder / "chair.binvox").write_bytes(
        b"#binvox 1\ndim 8 8 8\ntranslate 0 0 0\nscale 1\ndata\n" + runs
    )
    for file in folder.iterdir():
        reader = read_npz if file.stem == "two" else lambda path: read_voxels(path, 8)
        found[file.name] = (file, reader)
    config = Config.of(TINY)
    save_checkpoint(folder / "model", build_model(config), config, "")
    for name in ("config.json", "model.safetensors"):
        found[name] = (folder / "model" / name, lambda path: load_checkpoint(path.parent))
    save_results(folder / "results.json", {"numbers": [1, 2.5], "text": "a"}, "python fuzz.py")
    found["results.json"] = (folder / "results.json", load_results)
    return found


def damaged(data: bytes, draws: random.Random) -> bytes:
    """The data with one to four kinds of damage."""
    for _ in range(draws.randint(1, 4)):
        place, length = draws.randrange(len(data) + 1), draws.choice((1, 1, 2, 4, 8, 64, 1024))
        kind = draws.randrange(7)
        if kind == 0 and data:
            place = min(place, len(data) - 1)
            data = (
                data[:place] + bytes([data[place] ^ (1 << draws.randrange(8))]) + data[place + 1 :]
            )
        elif kind == 1:
            data = data[:place] + draws.randbytes(length) + data[place + length :]
        elif kind == 2:
            data = data[:place]
        elif kind == 3:
            data = data[:place] + data[place + length :]
        elif kind == 4:
            data = (
                data[:place]
                + data[place : place + length] * draws.choice((2, 3, 20))
                + data[place + length :]
            )
        elif kind == 5:
            number = struct.pack(draws.choice("<>") + "I", draws.choice(NUMBERS))
            data = data[:place] + number + data[place + 4 :]
        else:
            data = data[:place] + draws.choice(WORDS) + data[place + draws.choice((0, 1, 3)) :]
    return data


def outcome(read: Callable[[Path], object], file: Path) -> str:
    """ "read", "refused", or the traceback of what should not have happened."""
    try:
        with at_most(SECONDS), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read(file)
    except ValueError as error:
        return "refused" if str(error).strip() else "a ValueError without a word"
    except (Exception, TooSlow):
        return traceback.format_exc()
    return "read"


def fuzz(
    count: int, seed: int, keep: Path | None = None
) -> tuple[dict[str, collections.Counter], list[str]]:
    """Damage `count` files, formats in turn: outcomes by format, and what was mishandled."""
    results, bad = collections.defaultdict(collections.Counter), []
    with tempfile.TemporaryDirectory() as name:
        doors = valid_files(Path(name))
        whole = {key: file.read_bytes() for key, (file, _) in doors.items()}
        for key, (file, read) in doors.items():
            if outcome(read, file) != "read":
                raise ValueError(f"{key} is not read even without damage")
        for number in range(count):
            key = list(doors)[number % len(doors)]
            file, read = doors[key]
            file.write_bytes(damaged(whole[key], random.Random(f"{seed} {number}")))
            found = outcome(read, file)
            if found in ("read", "refused"):
                results[key][found] += 1
            else:
                results[key]["bad"] += 1
                bad.append(f"{key}, number {number}: {found}")
                if keep:
                    keep.mkdir(parents=True, exist_ok=True)
                    (keep / f"{number}-{key}").write_bytes(file.read_bytes())
            file.write_bytes(whole[key])
    return results, bad


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000, help="damaged files (100000)")
    parser.add_argument("--seed", type=int, default=0, help="of the damage (0)")
    parser.add_argument(
        "--keep", type=Path, default=Path("runs/fuzz"), help="for files that fail (runs/fuzz)"
    )
    options = parser.parse_args()
    started = time.monotonic()
    results, bad = fuzz(options.count, options.seed, options.keep)
    for key, counts in sorted(results.items()):
        print(
            f"{key:<18} {counts['read']:>7} read {counts['refused']:>7} refused"
            f" {counts['bad']:>5} bad"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{options.count} files in {time.monotonic() - started:.0f} s, peak memory {peak:.1f} GB")
    print("\n\n".join(bad[:20]))
    raise SystemExit(bool(bad))


if __name__ == "__main__":
    main()
