"""The reader as files: whole, known again, and refused when they are damaged."""

import gzip
import hashlib
import json

import numpy as np
import pytest

from course_utils.datasets.word_vectors import UNIT
from course_utils.models import reader_export
from course_utils.models.reader_export import NUMBERS, TABLES, export_reader, reader_exported
from course_utils.models.reading import shipped_reader

MEGABYTES = 4.0  # what a page loads to read its first sentence


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reader")
    (folder / "notes.txt").write_text("mine")
    export_reader(folder)
    return folder


def test_the_numbers_are_those_of_the_reader(folder):
    tables = json.loads((folder / TABLES).read_text(encoding="utf-8"))
    packed = (folder / NUMBERS).read_bytes()
    assert len(packed) == tables["bytes"] < MEGABYTES * 1e6
    assert hashlib.sha256(packed).hexdigest() == tables["sha256"]
    whole, arrays = gzip.decompress(packed), {}
    for one in tables["arrays"]:
        kind = np.dtype(one["kind"])
        arrays[one["name"]] = np.frombuffer(whole, kind, one["count"])
        whole = whole[one["count"] * kind.itemsize :]
    assert whole == b"" and (folder / "notes.txt").read_text() == "mine"
    reader = shipped_reader()
    vectors = arrays.pop("vectors").astype(np.float32).reshape(-1, reader.vectors.width) / UNIT
    pieces = arrays.pop("pieces").tobytes().decode().split("\n")
    assert pieces == list(reader.vectors.rows)
    assert np.array_equal(vectors, reader.vectors.vectors)
    assert np.array_equal(arrays.pop("steps"), reader.vectors.steps)
    for name, weight in reader.network.state_dict().items():
        assert np.array_equal(arrays.pop(name).astype(np.float32), weight.numpy().ravel()), name
    assert not arrays


def test_a_whole_export_is_known_and_a_damaged_or_an_older_one_is_not(folder, monkeypatch):
    assert reader_exported(folder) and not reader_exported(folder / "none")
    spoilt = {NUMBERS: [b"", b"other", None], TABLES: [b"{", b"{}", b"[]", b"\xff", None]}
    for name, versions in spoilt.items():
        sound = (folder / name).read_bytes()
        for data in versions:
            (folder / name).unlink()
            if data is not None:
                (folder / name).write_bytes(data)
            assert not reader_exported(folder), (name, data)
            (folder / name).write_bytes(sound)
    assert reader_exported(folder)
    exported = reader_export._exported()
    monkeypatch.setattr(reader_export, "_exported", lambda: (exported[0] | {"SURE": 9}, b""))
    assert not reader_exported(folder)
