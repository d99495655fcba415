"""States: damage anywhere is noticed, the last good one is kept and named, kills lose nothing."""

import hashlib
import json
import os
import random
import re
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
import torch
from safetensors.torch import save, save_file

from course_utils.files import states
from course_utils.files.states import before, differences, load_state, save_state

ROOT = Path(__file__).parents[2]


def tensors(value):
    return {"weights.a": torch.full((3, 4), float(value)), "ema.a": torch.full((5,), -1.0 * value)}


@pytest.fixture
def file(tmp_path):
    """A state of step 2, and the one of step 1 that was there before."""
    for step in (1, 2):
        save_state(tmp_path / "state.safetensors", tensors(step), {"step": step, "plan": "é"})
    return tmp_path / "state.safetensors"


def test_a_state_and_the_one_before_come_back(file):
    for path, step in ((file, 2), (before(file), 1)):
        there, about = load_state(path)
        assert about == {"step": step, "plan": "é"}
        assert all(torch.equal(there[name], value) for name, value in tensors(step).items())
    assert sorted(path.name for path in file.parent.iterdir()) == [
        "state-before.safetensors",
        "state.safetensors",
    ]


def test_every_flipped_bit_is_noticed_and_the_last_good_state_named(file):
    sound = file.read_bytes()
    expected = re.escape(f"of step 1, is {before(file)}: rename it to state.safetensors")
    for place in range(len(sound)):
        data = bytearray(sound)
        data[place] ^= 1 << place % 8
        file.write_bytes(data)
        with pytest.raises(ValueError, match=expected) as caught:
            load_state(file)
        assert "\n" not in str(caught.value) and str(caught.value).startswith(f"{file} is ")
        assert "earlier version" not in str(caught.value)
    file.write_bytes(sound)
    assert load_state(file)[1]["step"] == 2


def test_other_damage_is_one_line(file):
    sound, draws = file.read_bytes(), random.Random(0)
    header = 8 + int.from_bytes(sound[:8], "little")
    damaged = [b"", sound[:7], sound[:-1], sound + b"\0", b"\xff" * 8 + sound[8:], sound[header:]]
    for _ in range(200):  # bytes changed, lost and doubled, in the header above all
        start = draws.randrange(draws.choice((header, len(sound))))
        piece = sound[start : start + draws.randrange(1, 20)]
        kind = draws.choice((b"", piece * 2, draws.randbytes(len(piece)), b'"sha256":"', b"{" * 9))
        data = sound[:start] + kind + sound[start + len(piece) :]
        damaged += [data] if data != sound else []
    for data in damaged:
        file.write_bytes(data)
        with pytest.raises(ValueError, match=r"of step 1, is .*: rename it") as caught:
            load_state(file)
        assert "\n" not in str(caught.value)


def sealed(metadata, tensors=None):
    """A state whose checksum fits, whatever it says."""
    data = save(tensors or {}, metadata | {"sha256": "0" * 64})
    return data.replace(b"0" * 64, hashlib.sha256(data).hexdigest().encode(), 1)


@pytest.mark.parametrize("about", ["[]", "3", "[" * 20_000, '{"a":' * 20_000, '{"step"', ""])
def test_a_sound_state_that_says_nonsense_is_one_line(file, about):
    file.write_bytes(sealed({"about": about}))
    with pytest.raises(ValueError, match=r"is no training's state \(.*of step 1, is") as caught:
        load_state(file)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1000
    file.write_bytes(sealed({"about": '{"step": 1}'}))
    assert load_state(file) == ({}, {"step": 1})


def test_a_header_as_long_as_a_file_is_refused_unread(file):
    data = sealed({"about": '{"step": 1}', "a": "[" * 2**23})
    file.write_bytes(data)
    length = int.from_bytes(data[:8], "little")
    tracemalloc.start()
    with pytest.raises(ValueError, match=f"its header announces {length} bytes, .* of step 1, is"):
        load_state(file)
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()


def test_other_files_in_the_place_of_a_state(file):
    for data, message in [
        (save({"a": torch.zeros(2)}), "is no training's state, or a damaged one"),
        (save({"a": torch.zeros(2)}, {"format": "pt"}), "is no training's state, or a damaged one"),
        (save({}, {"about": "[" * 20_000}), "it has no readable checksum"),
        (save({}, {"about": json.dumps({"step": 3, "plan": {}})}), "by an earlier version of the"),
    ]:
        file.write_bytes(data)
        with pytest.raises(ValueError, match=message):
            load_state(file)
        assert file.read_bytes() == data
    file.unlink()
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        load_state(file)
    file.mkdir()
    with pytest.raises(ValueError, match="is a folder; expected the file of a training's state"):
        load_state(file)


def test_where_both_are_damaged_none_is_called_good(file):
    for path in (file, before(file)):
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="checksum does not fit its contents; move it away to beg"):
        load_state(file)


KILLED = """
import os, sys, torch
from pathlib import Path
from course_utils.files.states import before, load_state, save_state
file, links = Path(sys.argv[1]), sys.argv[2] == "links"
sound, old = file.read_bytes(), before(file).read_bytes()

def refused(*_):
    raise OSError(1, "Operation not permitted")

def mortal(function, last):
    def instead(*arguments):
        calls.append(function)
        if len(calls) == last:
            os._exit(9)
        return function(*arguments)
    return instead

if not links:
    os.link = refused
for number in range(1, 20):
    for path, data in ((file, sound), (before(file), old)):
        path.unlink(missing_ok=True)
        path.write_bytes(data)
    if not (child := os.fork()):
        calls = []
        for name in ("link", "replace", "fsync"):
            setattr(os, name, mortal(getattr(os, name), number))
        save_state(file, {"weights.a": torch.full((3, 4), 3.0)}, {"step": 3})
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    there = file if links or file.exists() else before(file)
    print(status, load_state(there)[1]["step"], load_state(before(file))[1]["step"])
    if not status:
        break
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks, to kill a save at each of its steps")
@pytest.mark.parametrize("links", ["links", "no links"])
def test_a_kill_at_any_moment_of_a_save_leaves_a_good_state(file, links):
    """Where a file can have no second name, that is for a moment the one before alone."""
    code = [sys.executable, "-c", KILLED, str(file), links]
    done = subprocess.run(code, cwd=ROOT, capture_output=True, text=True, check=True)
    *killed, ended = done.stdout.splitlines()
    assert ended == "0 3 2"
    assert len(killed) >= 4 and {line[:3] for line in killed} == {"9 2"}


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_a_state_behind_a_link_is_written_there_with_the_one_before_beside_it(tmp_path):
    (tmp_path / "disk").mkdir()
    (link := tmp_path / "state.safetensors").symlink_to("disk/mug.safetensors")
    for step in (1, 2):
        save_state(link, tensors(step), {"step": step})
    assert link.is_symlink() and load_state(link)[1]["step"] == 2
    assert sorted(path.name for path in (tmp_path / "disk").iterdir()) == [
        "mug-before.safetensors",
        "mug.safetensors",
    ]


def test_a_safetensors_file_with_a_true_checksum_and_no_about_is_no_state(tmp_path):
    file = tmp_path / "state.safetensors"
    save_file({"a": torch.zeros(2)}, file, {"sha256": states.ZEROS.decode()})
    start, _, found = states._checksums(file)
    data = bytearray(file.read_bytes())
    data[start : start + 64] = found.encode()
    file.write_bytes(data)
    with pytest.raises(ValueError, match="is no training's state"):
        load_state(file)


def test_differences_are_worded_by_key():
    old = {"a": {"b": 1, "c": [1, 2]}, "parts": [{"kind": "labels", "classes": 2}], "same": 10}
    assert differences(old, {**old, "same": 10.0, "new": None, "frozen": []}) == ""
    new = {"a": {"b": 1, "c": [1, 3]}, "parts": [{"kind": "text"}], "same": 10}
    assert differences(old, new) == (
        'a.c: [1, 2] → [1, 3]; parts[0].kind: "labels" → "text"; parts[0].classes: 2 → nothing'
    )
    words = [f"word{k}" for k in range(50)]
    told = differences({"words": words}, {"words": [*words, "mug"]})
    assert len(told) < 140 and "mug" in told.split(" → ")[1]
    many = differences({}, {f"k{k}": k for k in range(16)})
    assert many.endswith("k11: nothing → 11; and 4 more")
    assert os.linesep not in many
