"""Hostile files at every reader's door: `python benchmarks/fuzz.py --count 100000`.

Valid files of every format, some of them in other programs' dialects, are damaged (bits, lengths,
numbers, cuts, repeats), or made hostile by design (`hostile.py`): sharing, repetition, nesting, one
in `BIG` of them up to 64 MB. Each must be read, or be refused with a ValueError that says why,
within `SECONDS` of computing and `MEMORY` beyond what the program has after its imports. One worker
process reads them all. After a breach it is replaced, and the file is tried once more by the new
one; what fails again is bad, is kept in --keep, and is printed. Each file follows from --seed and
its number alone, so that any of them can be made again.
"""

import argparse
import collections
import hashlib
import json
import os
import random
import resource
import select
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import hostile
import numpy as np

from course_utils.datasets.own_shapes import read_voxels
from course_utils.datasets.shapes import make_shape
from course_utils.files.meshes import save_mesh
from course_utils.files.npz import read_npz, write_npz
from course_utils.files.results import load_results, save_results
from course_utils.files.states import CHECKSUM, ZEROS, load_state, save_state
from course_utils.files.vox import write_vox
from course_utils.geometry.surface import blocky_mesh
from course_utils.models.checkpoints import build_model, load_checkpoint, save_checkpoint
from course_utils.models.config import Config

SECONDS, MEMORY = 5.0, 10**9  # computing time and bytes that a file may cost
WALL = 120.0  # seconds without an answer after which a worker is given up
LONGEST_MESSAGE = 1000  # characters, in one line
BIG = 200  # one in so many files is large
KINDS = ("damage", "sharing", "repetition", "nesting")
NUMBERS = (0, 1, 2, 127, 128, 255, 2**15, 2**16, 2**31 - 1, 2**31, 2**32 - 1)
WORDS = (
    b"0", b"-1", b"1e400", b"nan", b"999999999", b"", b"\n", b'{"a": []}', b"'", b"\x00", b"null",
)  # fmt: skip
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


# ---- the doors -----------------------------------------------------------------------------------


def valid_files(folder: Path) -> dict[str, Path]:
    """A valid file of every format, {name: file}; `read` knows each one's door by its name."""
    chair = make_shape("chair", 3, 8).voxels
    mesh = blocky_mesh(chair)
    for suffix in (".obj", ".glb", ".stl"):
        save_mesh(mesh, folder / f"chair{suffix}")
    for suffix in (".ply", ".off"):
        mesh.export(folder / f"chair{suffix}")
    (folder / "ascii.ply").write_bytes(mesh.export(file_type="ply", encoding="ascii"))
    (folder / "ascii.stl").write_bytes(mesh.export(file_type="stl_ascii").encode())
    write_vox(folder / "chair.vox", chair)
    write_npz(folder / "chair.npz", chair[None], captions=["a chair"], classes=["chair"])
    two = np.stack([chair, chair])
    write_npz(folder / "two.npz", two, labels=[0, 1], classes=["chair", "lamp"])
    runs = b"".join(bytes((bit, 1)) for bit in chair.transpose(2, 0, 1).flatten().tolist())
    (folder / "chair.binvox").write_bytes(
        b"#binvox 1\ndim 8 8 8\ntranslate 0 0 0\nscale 1\ndata\n" + runs
    )
    for name, change in DIALECTS.items():
        source = folder / f"chair.{name.split('.')[1]}"
        (folder / name).write_bytes(change(source.read_bytes()))
    config = Config.of(TINY)
    save_checkpoint(folder / "model", build_model(config), config, "")
    save_state(folder / "state.safetensors", build_model(config).state_dict(), {"step": 1})
    save_results(folder / "results.json", {"numbers": [1, 2.5], "text": "a"}, "python fuzz.py")
    inside = [folder / "model" / name for name in ("config.json", "model.safetensors")]
    return {file.name: file for file in [*folder.glob("*.*"), *inside]}


DIALECTS = {  # as other programs write them
    "dialect.obj": lambda data: b"\xef\xbb\xbfo a\r\n  " + data.replace(b"\n", b" # note\r\n"),
    "dialect.off": lambda data: data.replace(b"\n", b"\t# note\r\n"),
    "dialect.vox": lambda data: hostile.vox_file(
        hostile.vox_chunk(b"what", b"?", b"!") + data[20:] + hostile.vox_group(0, [1, 2])
        + hostile.vox_move(1, 3) + hostile.vox_move(2, 3) + hostile.vox_shape(3, 0)
    ) + b"\n",
    "dialect.binvox": lambda data: data.replace(b"\n", b"\r\n# note\r\n", 2) + b"\n",
}  # fmt: skip


def read(file: Path) -> object:
    """What lies behind the door that a file goes through."""
    if file.name == "two.npz":
        return read_npz(file)
    if file.name == "results.json":
        return load_results(file)
    if file.name == "config.json":
        return load_checkpoint(file.parent)
    if file.name == "model.safetensors":  # whoever changes weights can change their checksum, too
        config = json.loads((file.parent / "config.json").read_text())
        config["weights_sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
        (file.parent / "config.json").write_text(json.dumps(config))
        return load_checkpoint(file.parent)
    if file.name == "state.safetensors":
        file.write_bytes(sealed(file.read_bytes()))
        return load_state(file)
    return read_voxels(file, 8)


def sealed(state: bytes) -> bytes:
    """A state with the checksum that fits what it holds."""
    place = CHECKSUM.search(state)
    if place is None:
        return state
    before, behind = state[: place.start(1)], state[place.end(1) :]
    return before + hashlib.sha256(before + ZEROS + behind).hexdigest().encode() + behind


# ---- the files -----------------------------------------------------------------------------------


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


def made(whole: dict[str, bytes], seed: int, number: int) -> tuple[str, str, bytes]:
    """The file of a number: its name, its kind, and what it holds."""
    draws = random.Random(f"{seed} {number}")
    name = sorted(whole)[number % len(whole)]
    data, big = whole[name], draws.random() < 1 / BIG
    kind = draws.choice(KINDS[1:]) if big or draws.random() < 0.5 else "damage"
    if kind == "damage":
        return name, kind, damaged(data, draws)
    size = int(2 ** (draws.uniform(16, 26) if big else draws.uniform(4, 15)))
    makers = hostile.MAKERS.get(name) or hostile.MAKERS[Path(name).suffix]
    data = draws.choice(makers[kind])(data, draws, size)[: 2**26]
    return name, kind, damaged(data, draws) if draws.random() < 0.2 else data


# ---- the worker ----------------------------------------------------------------------------------


def outcome(read: Callable[[Path], object], file: Path) -> str:
    """ "read", "refused", or the traceback of what should not have happened."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read(file)
    except ValueError as error:
        return _refusal(error)
    except Exception:
        return traceback.format_exc()
    return "read"


def _refusal(error: BaseException) -> str:
    """ "refused" if the reason is one; running out of memory is none, whatever it is called."""
    if not str(error).strip():
        return "a ValueError without a word"
    if len(str(error)) > LONGEST_MESSAGE or "\n" in str(error):
        return f"a message of {len(str(error))} characters: {str(error)[:LONGEST_MESSAGE]}"
    cause = error
    while cause:
        if isinstance(cause, MemoryError) or "allocate" in str(cause):
            return f"memory: {error}"
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return "refused"


def peak_memory(anew: bool = False) -> int:
    """The most bytes that this process has had in memory, ever or since it was asked `anew`."""
    try:
        text = Path("/proc/self/status").read_text()
        if anew:
            Path("/proc/self/clear_refs").write_text("5")
        return 1024 * int(text.split("VmHWM:")[1].split()[0])
    except OSError:  # another system than Linux: the most ever, which the first breach exceeds
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def work() -> None:
    """Read the files whose paths come in, one a line, and answer each in a line of JSON."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a parser prints is no answer
    for line in sys.stdin:
        file = Path(json.loads(line))
        if file.is_dir():  # read what is valid first: what is imported then is not a file's cost
            [read(one) for one in valid_files(file).values()]
            before = peak_memory(anew=True)
            before, _ = peak_memory(anew=True), limit_memory()
        spent = time.process_time()
        limit_seconds(spent)
        found = outcome(read, file) if file.is_file() else "ready"
        spent = time.process_time() - spent
        taken = peak_memory(anew=True) - before
        if found in ("read", "refused") and spent > SECONDS:
            found = f"time: {spent:.1f} s of computing"
        if found in ("read", "refused") and taken > MEMORY:
            found = f"memory: {taken / 1e6:.0f} MB"
        print(json.dumps([found, spent, taken]), file=answers, flush=True)


def limit_memory() -> None:
    """Let this process have twice `MEMORY` more, so that it is stopped before the machine is."""
    if sys.platform == "linux":
        now = 4096 * int(Path("/proc/self/statm").read_text().split()[0])
        _limit(resource.RLIMIT_AS, now + 2 * MEMORY)


def limit_seconds(spent: float) -> None:
    """Let the system end this process when it has computed twice `SECONDS` more."""
    _limit(resource.RLIMIT_CPU, int(spent + 2 * SECONDS) + 1)


def _limit(what: int, most: int) -> None:
    highest = resource.getrlimit(what)[1]
    resource.setrlimit(what, (most if highest < 0 else min(most, highest), highest))


class Worker:
    """A process that reads files one after the other, and is replaced when it has to be ended."""

    def __init__(self, folder: Path):
        self.folder, self.process = folder, None

    def __enter__(self):
        self.start()
        return self

    def start(self) -> None:
        command = [sys.executable, __file__, "--work"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        self.folder.mkdir(exist_ok=True)
        if self.answer(self.folder)[0] != "ready":
            raise RuntimeError("the worker reads not even what is valid; try it with --work")

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def answer(self, file: Path) -> tuple[str, float, int]:
        """What comes of a file: its outcome, seconds and bytes."""
        print(json.dumps(str(file)), file=self.process.stdin, flush=True)
        waiting = WALL if file.is_file() else 10 * WALL
        if not select.select([self.process.stdout], [], [], waiting)[0]:
            return f"time: no answer in {WALL:.0f} s", WALL, 0
        line = self.process.stdout.readline()
        if line:
            return tuple(json.loads(line))
        end = -self.process.wait()
        if end == signal.SIGXCPU:
            return f"time: more than {2 * SECONDS:.0f} s of computing", 2 * SECONDS, 0
        return f"the process ended ({signal.Signals(end).name if end > 0 else -end})", 0.0, 0

    def judge(self, file: Path) -> tuple[str, float, int]:
        """What comes of a file; a breach counts if a fresh process breaks the limit as well."""
        found = self.answer(file)
        if found[0] in ("read", "refused"):
            return found
        self.__exit__()
        self.start()
        found = self.answer(file)
        if found[0] not in ("read", "refused"):
            self.__exit__()
            self.start()
        return found


# ---- the table -----------------------------------------------------------------------------------


def fuzz(
    count: int, seed: int, keep: Path | None = None
) -> tuple[dict[tuple[str, str], collections.Counter], list[str]]:
    """Make and read `count` files, formats in turn.

    Returns:
        For each (name, kind) how many were read, refused and bad, and the most seconds and bytes
        ("seconds", "bytes"); and what was mishandled, one text for each.
    """
    results, bad = collections.defaultdict(collections.Counter), []
    with tempfile.TemporaryDirectory() as name:
        files = valid_files(Path(name))
        whole = {key: file.read_bytes() for key, file in files.items()}
        config = files["config.json"]
        with Worker(Path(name) / "valid") as worker:
            for number in range(count):
                key, kind, data = made(whole, seed, number)
                files[key].write_bytes(data)
                found, seconds, taken = worker.judge(files[key])
                files[key].write_bytes(whole[key])
                config.write_bytes(whole["config.json"])
                row = results[key, kind]
                row["seconds"], row["bytes"] = (
                    max(row["seconds"], seconds),
                    max(row["bytes"], taken),
                )
                row[found if found in ("read", "refused") else "bad"] += 1
                if found not in ("read", "refused"):
                    bad.append(f"{key}, {kind}, number {number}, {len(data)} bytes: {found}")
                    if keep:
                        keep.mkdir(parents=True, exist_ok=True)
                        (keep / f"{number}-{key}").write_bytes(data)
    return results, bad


def table(results: dict[tuple[str, str], collections.Counter]) -> str:
    """The outcomes by format and kind, and by kind alone, one line each."""
    rows = dict(sorted(results.items()))
    for (_, kind), counts in results.items():
        row = rows.setdefault(("all", kind), collections.Counter())
        for word, number in counts.items():
            row[word] = (
                max(row[word], number) if word in ("seconds", "bytes") else row[word] + number
            )
    lines = [f"{'file':<18} {'kind':<11}    read refused   bad  most s  most MB"]
    for (name, kind), row in rows.items():
        lines.append(
            f"{name:<18} {kind:<11} {row['read']:>7} {row['refused']:>7} {row['bad']:>5}"
            f" {row['seconds']:>7.2f} {row['bytes'] / 1e6:>8.0f}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000, help="hostile files (100000)")
    parser.add_argument("--seed", type=int, default=0, help="of the files (0)")
    parser.add_argument(
        "--keep", type=Path, default=Path("runs/fuzz"), help="for files that fail (runs/fuzz)"
    )
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        return work()
    started = time.monotonic()
    results, bad = fuzz(options.count, options.seed, options.keep)
    print(table(results))
    print(f"{options.count} files in {time.monotonic() - started:.0f} s")
    print("\n\n".join(bad[:20]))
    raise SystemExit(bool(bad))


if __name__ == "__main__":
    main()
