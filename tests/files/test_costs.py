"""What a file may cost: what will be made of it is counted before it is made."""

import hashlib
import io
import json
import re
import struct
import time
import tracemalloc
import zipfile

import numpy as np
import pytest

from course_utils.files import npz
from course_utils.files.json_door import read_json
from course_utils.files.npz import read_npz
from course_utils.files.results import checksum, load_results
from course_utils.files.weights import announced_tensors
from course_utils.models.checkpoints import build_model, load_checkpoint, save_checkpoint
from course_utils.models.config import Config

TINY = {
    "name": "tiny", "about": "A tiny model", "classes": ["chair"], "resolution": 8, "path": "flow",
    "prediction": "x0",
    "sampling": {"sampler": "ddpm", "steps": 2, "shift": 1.0, "guidance_scale": 1.0},
    "network": {"kind": "UNet", "dimensions": 3, "channels": [8], "patch": 2, "blocks": 1, "heads": 2},
}  # fmt: skip


def refusal(read, path, memory=2**23, seconds=2.0):
    """What a ValueError says that took at most so many bytes and so much computing."""
    tracemalloc.start()
    started = time.process_time()
    try:
        with pytest.raises(ValueError) as caught:
            read(path)
        assert tracemalloc.get_traced_memory()[1] < memory
    finally:
        tracemalloc.stop()
    assert time.process_time() - started < seconds
    assert len(str(caught.value)) < 1000
    return str(caught.value)


# ---- .npz ----------------------------------------------------------------------------------------


def npy(dtype, shape, content):
    header = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content


def write_zip(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members:
            with archive.open(f"{name}.npy", "w") as file:
                for part in content if isinstance(content, list) else [content]:
                    file.write(part)


ONE = ("voxels", npy("|u1", (1, 64), b"\xff" * 64))


@pytest.fixture
def limit(monkeypatch):
    """A limit of 16 MB instead of 512."""
    monkeypatch.setattr(npz, "MAX_UNPACKED_BYTES", 2**24)


@pytest.mark.parametrize("key", ["classes", "captions"])
def test_as_many_texts_as_bytes_are_refused(tmp_path, limit, key):
    """A letter of 4 bytes becomes a text of 50 and a pointer to it."""
    write_zip(tmp_path / "a.npz", ONE, (key, npy("<U1", (200_000,), b"a\0\0\0" * 200_000)))
    message = refusal(read_npz, tmp_path / "a.npz")
    assert "unpack to 17600081 bytes, expected at most 16777216" in message


def test_one_text_as_long_as_a_book_counts_twice(tmp_path, limit):
    book = npy("<U2200000", (1,), b"a\0\0\0" * 2_200_000)
    write_zip(tmp_path / "a.npz", ONE, ("captions", book))
    assert "unpack to 17600161 bytes" in refusal(read_npz, tmp_path / "a.npz")


def test_labels_that_are_not_there_count(tmp_path, limit):
    """A shape of one voxel takes a byte; its label and split, which are made, take more."""
    write_zip(tmp_path / "a.npz", ("voxels", npy("|u1", (10**6, 1), bytes(10**6))))
    assert "unpack to 18000000 bytes" in refusal(read_npz, tmp_path / "a.npz")


def test_parts_that_are_joined_count_twice(tmp_path, limit):
    voxels = npy("|u1", (1200, 4096), bytes(1200 * 4096))  # 10 MB in both, 20 with their union
    write_zip(tmp_path / "a.npz", ("train_voxels", voxels), ("test_voxels", voxels))
    assert "unpack to 19701600 bytes" in refusal(read_npz, tmp_path / "a.npz")


def test_a_zip_of_very_many_files_is_refused_before_its_list_is_read(tmp_path):
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", *[20] * 2, *[0] * 7, 1, *[0] * 6) + b"a"
    listed = entry * 200_000
    numbers = (0, 0, 65535, 65535, len(listed), 0, 0)
    (tmp_path / "a.npz").write_bytes(listed + struct.pack("<4s4H2IH", b"PK\5\6", *numbers))
    message = refusal(read_npz, tmp_path / "a.npz")
    assert re.search("about (19[0-9]{4}|200000) files, expected at most 1000", message)


def test_an_array_that_is_there_twice_is_refused(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate"):
        write_zip(tmp_path / "a.npz", ONE, ("voxels", npy("|u1", (1, 64), bytes(64))))
    assert "holds voxels twice" in refusal(read_npz, tmp_path / "a.npz")


@pytest.mark.parametrize("length", [20_000, 50 * 2**20])
def test_a_header_as_long_as_a_file_is_refused(tmp_path, length):
    header = b"\x93NUMPY\x02\x00" + struct.pack("<I", length)
    write_zip(tmp_path / "a.npz", ("voxels", header + b"(" * length))
    message = refusal(read_npz, tmp_path / "a.npz")
    assert message.endswith(f"EOF: reading array header, expected {length} bytes got 9988")


@pytest.mark.parametrize("text", ["(", "[", "-", "{0:", "9", "'a' "])
@pytest.mark.parametrize("count", [99, 150, 900, 2400])
def test_a_header_that_is_deep_is_refused(tmp_path, text, count):
    header = text.encode() * count
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(64)
    write_zip(tmp_path / "a.npz", ("voxels", data))
    message = refusal(read_npz, tmp_path / "a.npz")
    assert "a.npz' is not a usable .npz file: " in message and "MemoryError" not in message


def test_an_array_is_unpacked_once(tmp_path):
    voxels = [npy("|u1", (2**13, 4096), b""), *[b"\xaa" * 2**20] * 32]
    write_zip(tmp_path / "a.npz", ("voxels", voxels))
    tracemalloc.start()
    archive = read_npz(tmp_path / "a.npz")
    assert tracemalloc.get_traced_memory()[1] < 40 * 2**20
    tracemalloc.stop()
    assert len(archive) == 2**13 and (archive.packed == 0xAA).all()


# ---- JSON ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("thing", ["[]", '{"":[]}', "0.1"])
def test_a_large_json_file_is_refused_unread(tmp_path, thing):
    (tmp_path / "a.json").write_text("[" + (thing + ",") * (2**22 // len(thing)) + "0]")
    file = tmp_path / "a.json"
    assert "expected at most 4194304" in refusal(read_json, file, memory=2**20)
    assert re.search("readable results .*expected at most", refusal(load_results, file))
    assert re.search("a config in it: .*at most 262144", refusal(Config.read, file))


@pytest.mark.parametrize("depth", [65, 400, 980, 30_000])
@pytest.mark.parametrize("pair", ["[]", "{}"])
def test_json_inside_json_is_refused(tmp_path, depth, pair):
    opening = '{"a":' if pair == "{}" else "["
    text = opening * depth + "1" + pair[1] * depth
    contents = f'{{"command": "", "sha256": "", "contents": {text}}}'
    (tmp_path / "a.json").write_text(contents)
    assert "nested deeper than 64" in refusal(load_results, tmp_path / "a.json", memory=2**25)
    (tmp_path / "a.json").write_text(json.dumps(TINY).replace('"A tiny model"', text))
    message = refusal(Config.read, tmp_path / "a.json", memory=2**25)
    assert "a.json is not JSON with a config in it: it is nested deeper than 64" in message


def test_64_levels_are_read(tmp_path):
    (tmp_path / "a.json").write_text("[" * 63 + "1" + "]" * 63)
    assert json.dumps(read_json(tmp_path / "a.json")).count("[") == 63


def test_the_double_among_many_keys_is_found_at_once(tmp_path):
    keys = [f'"k{n}":0' for n in range(50_000)]
    (tmp_path / "a.json").write_text("{" + ",".join([*keys, '"k49999":1']) + "}")
    message = refusal(read_json, tmp_path / "a.json", memory=2**26)
    assert "the key 'k49999' appears twice" in message


def test_numbers_beyond_json_are_named_with_their_file(tmp_path):
    (tmp_path / "a.json").write_text('{"command": "", "sha256": "", "contents": {"a": 1e999}}')
    with pytest.raises(ValueError, match=r"a\.json holds no readable results \(Out of range"):
        load_results(tmp_path / "a.json")
    contents = {"a": [1] * 1000}
    whole = {"command": "", "sha256": checksum(contents), "contents": contents}
    (tmp_path / "a.json").write_text(json.dumps(whole))
    assert load_results(tmp_path / "a.json") == (contents, "")


# ---- checkpoints ---------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    config = Config.of(TINY)
    save_checkpoint(tmp_path / "model", build_model(config), config, "")
    load_checkpoint(tmp_path / "model")
    return tmp_path / "model"


def with_weights(folder, weights):
    (folder / "model.safetensors").write_bytes(weights)
    config = json.loads((folder / "config.json").read_text())
    config["weights_sha256"] = hashlib.sha256(weights).hexdigest()
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    "network",
    [
        {"channels": [12_000] * 4},  # 5 billion numbers
        {"channels": [120] * 4, "blocks": 100},  # all of its numbers are usual ones
        {"blocks": 10**7},
        {"channels": [8] * 50_000},
        {"patch": 64, "channels": [128]},
    ],
)
def test_a_network_far_larger_than_its_weights_is_not_built(folder, network):
    config = json.loads((folder / "config.json").read_text())
    config["network"] |= network
    (folder / "config.json").write_text(json.dumps(config))
    message = refusal(load_checkpoint, folder, memory=2**25, seconds=5)
    assert re.search(r"config\.json: .*(far more numbers than its weights|expected)", message)


def test_very_many_classes_are_looked_at_once(folder):
    config = json.loads((folder / "config.json").read_text())
    config["classes"] = [f"c{n}" for n in range(25_000)] + ["c24999"]
    (folder / "config.json").write_text(json.dumps(config, separators=(",", ":")))
    assert "classes[25000] is 'c24999'" in refusal(load_checkpoint, folder, memory=2**25)


def safetensors(entries, content=b"", length=None):
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + content


EMPTY = {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}
HOSTILE = {
    "a header of 3 MB": (safetensors({f"{n}": EMPTY for n in range(50_000)}), "header announces 3"),
    "a header of 2^63 bytes": (safetensors({}, length=2**63), "header announces 9223372036854775808"),
    "a header that is deep": (safetensors(b"[" * 5000), "names no tensors"),
    "a list for a header": (safetensors(b"[1, 2]"), "names no tensors"),
    "a shape in words": (safetensors({"a": EMPTY | {"shape": "large"}}), "names no tensors"),
    "no header": (b"\2\0\0", "header announces 0 bytes"),
    "an unknown dtype": (safetensors({"a": EMPTY | {"dtype": "X1"}}), "fit another network"),
    "the same bytes twice": (
        safetensors({n: EMPTY | {"shape": [9], "data_offsets": [0, 9]} for n in "ab"}, bytes(9)),
        "fit another network",
    ),
    "a shape beyond every memory": (safetensors({"a": EMPTY | {"shape": [2**60] * 3}}), "another network"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_weights_whose_header_lies_are_refused(folder, case):
    weights, reason = HOSTILE[case]
    with_weights(folder, weights)
    assert reason in refusal(load_checkpoint, folder, memory=2**24)


def test_the_numbers_of_tensors_are_those_of_the_file(folder):
    weights = (folder / "model.safetensors").read_bytes()
    model, _ = load_checkpoint(folder)
    expected = sorted(value.numel() for value in model.state_dict().values())
    assert sorted(announced_tensors(weights)) == expected and sum(expected) > 1000


def test_what_is_written_here_is_read(tmp_path):
    stream = io.BytesIO()
    np.savez(stream, voxels=np.zeros((3, 64), np.uint8), captions=np.array(["a", "bb", "ccc"]))
    (tmp_path / "a.npz").write_bytes(stream.getvalue())
    assert read_npz(tmp_path / "a.npz").captions == ("a", "bb", "ccc")
