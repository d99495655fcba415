"""The fuzzer itself: 1,000 of its files, what it sees, and that its files follow from numbers."""

import re
import sys
from pathlib import Path

import pytest

from course_utils.models.checkpoints import load_checkpoint

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "benchmarks"))
fuzz = pytest.importorskip("fuzz", reason="needs the module resource, which Windows lacks")


def test_hostile_files_are_read_or_refused():
    results, bad = fuzz.fuzz(1000, seed=1)
    print(fuzz.table(results))
    assert not bad, "\n".join(bad)
    names = {name for name, _ in results}
    assert len(names) == 19 and len(results) == 4 * len(names)  # every kind of every format
    assert sum(row["refused"] for row in results.values()) > 400
    assert sum(row["read"] for row in results.values()) > 100


def test_a_file_follows_from_its_number(tmp_path):
    whole = {name: file.read_bytes() for name, file in fuzz.valid_files(tmp_path).items()}
    first = [fuzz.made(whole, 3, number) for number in range(60)]
    assert [fuzz.made(whole, 3, number) for number in (7, 59)] == [first[7], first[59]]
    assert {kind for _, kind, _ in first} == set(fuzz.KINDS)
    assert sum(fuzz.made(whole, 4, n)[2] != first[n][2] for n in range(60)) > 55


@pytest.mark.parametrize(
    ("old", "new"),
    [('{"name"', "3"), ('"channels": [', '"channels": [9999999999, ')],
    ids=["a number", "more channels than memory"],
)
def test_configs_that_fuzzing_found_are_refused(tmp_path, old, new):
    model = fuzz.valid_files(tmp_path)["config.json"]
    text = re.sub(r"\s+", " ", model.read_text()).replace("{ ", "{").replace("[ ", "[")
    assert old in text
    model.write_text("3" if new == "3" else text.replace(old, new))
    with pytest.raises(ValueError, match=r"config\.json"):
        load_checkpoint(model.parent)


# ---- what the fuzzer sees ------------------------------------------------------------------------


def test_the_fuzzer_sees_what_is_wrong(tmp_path):
    def wrong(path):
        raise KeyError("no")

    def silent(path):
        raise ValueError

    def full(path):
        try:
            raise MemoryError
        except MemoryError as error:
            raise ValueError(f"{path} is not usable") from error

    assert "KeyError" in fuzz.outcome(wrong, tmp_path)
    assert "without a word" in fuzz.outcome(silent, tmp_path)
    assert "memory: " in fuzz.outcome(full, tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="limits and peaks are those of Linux")
def test_a_breach_is_seen_and_the_worker_replaced(tmp_path, monkeypatch):
    """A reader that takes what a file says: memory, time, or its life."""
    program = tmp_path / "program.py"
    program.write_text(
        "import os, sys\n"
        f"sys.path.insert(0, {str(ROOT / 'benchmarks')!r})\n"
        "import fuzz\n"
        "fuzz.SECONDS, fuzz.MEMORY = 1.0, 10**8\n"
        "fuzz.valid_files = lambda folder: {}\n"
        "def read(file):\n"
        "    exec(file.read_text())\n"
        "fuzz.read = read\n"
        "fuzz.work()\n"
    )
    monkeypatch.setattr(fuzz, "__file__", str(program))
    monkeypatch.setattr(fuzz, "SECONDS", 1.0)
    cases = {
        "x = 1": "read",
        "raise ValueError('no')": "refused",
        "x = bytearray(1500 * 10**5)": "memory: 150 MB",
        "while True: pass": "time: more than 2 s of computing",
        "os.abort()": "the process ended (SIGABRT)",
        "print('noise')": "read",
    }
    with fuzz.Worker(tmp_path / "valid") as worker:
        for number, (text, expected) in enumerate(cases.items()):
            file = tmp_path / f"{number}.txt"
            file.write_text(text)
            before = worker.process
            found, seconds, taken = worker.judge(file)
            assert expected in found, (text, found)
            assert (worker.process is before) == (found in ("read", "refused"))
            assert worker.process.poll() is None and seconds >= 0 and taken >= 0
