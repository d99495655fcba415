"""The live box's Python side, without a browser: the film, the box, the files that it asks for."""

import hashlib
import json
import re

import numpy as np
import pytest
import torch

from course_utils.diffusion.sampling import State
from course_utils.geometry.matter import coverage_of, slots_of
from course_utils.geometry.slots import SURE
from course_utils.models.onnx import ABOUT, MODEL, about_config
from course_utils.models.reader_export import export_reader
from course_utils.places import LIVE
from course_utils.widgets import live_model
from course_utils.widgets.live_model import NEEDED, READER, LiveModel, packed, place_of

VIEW, FILM = "application/vnd.jupyter.widget-view+json", "application/vnd.plotly.v1+json"


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Empty folders in the place of the runtime's and the models'."""
    monkeypatch.setattr(live_model, "RUNTIME", tmp_path / "runtime")
    monkeypatch.setattr(live_model, "LIVE_MODELS", tmp_path / "models")
    for folder in ("runtime", "models/shapes32"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


@pytest.fixture(scope="module")
def box():
    return LiveModel("shapes32", "lamp", seed=5)


def test_the_film_is_always_there_and_the_box_where_nothing_is_missing(box, places, capsys):
    graph = places / "models" / "shapes32" / MODEL
    graph.write_bytes(b"weights")
    checksum = {"sha256": hashlib.sha256(b"weights").hexdigest()}
    about = json.dumps(about_config(box.config) | checksum)
    for missing, put in (
        ("onnxruntime-web", lambda: (places / "runtime" / NEEDED).touch()),
        ("the reader of sentences", lambda: export_reader(places / "models" / READER)),
        (
            "shapes32 as ONNX",
            lambda: (places / "models" / "shapes32" / ABOUT).write_text(about, encoding="utf-8"),
        ),
    ):
        bundle, _ = box._repr_mimebundle_()
        assert FILM in bundle and VIEW not in bundle
        said = capsys.readouterr().out
        assert (
            f"{missing} is missing" in said and "course.py site" in said and said.count("\n") == 1
        )
        put()
    bundle, metadata = box._repr_mimebundle_()
    assert {FILM, VIEW, "image/png"} <= set(bundle) and metadata["image/png"][
        "alt"
    ] == "Film of 16 frames, from " + ("step 1 of 16, t = 0.99 to step 16 of 16, t = 0.00")
    assert capsys.readouterr().out == ""


def test_a_file_is_sent_when_the_page_asks_and_what_is_missing_is_said(box, places, monkeypatch):
    sent = []
    monkeypatch.setattr(box, "send", lambda content, buffers=None: sent.append((content, buffers)))
    (places / "models" / "shapes32" / "model.onnx").write_bytes(b"weights")
    for file in ("models/shapes32/model.onnx", "sampling.js", "runtime/none.wasm", "opening.film"):
        box._handle_custom_msg({"file": file}, [])
    (weights, bytes_), (_, module), (refused, nothing), (_, (film,)) = sent
    assert weights == {"file": "models/shapes32/model.onnx"} and bytes_ == [b"weights"]
    assert module == [(LIVE / "sampling.js").read_bytes()]
    assert "none.wasm: No such file" in refused["error"] and nothing is None
    matter = np.frombuffer(film, np.uint8).reshape(16, 32, 32, 32)
    assert 1 < len(np.unique(slots_of(matter))) <= 5
    for frame, field in ((matter[0], box.states[0].x0), (matter[-1], box.states[-1].x_t)):
        assert_is_matter(frame, field[0, 0].numpy())


def assert_is_matter(frame, field):
    """What is above 0 stays above 0, the rest within half a cell."""
    found = 2 * coverage_of(frame) - 1
    assert np.array_equal(found > 0, field > 0)
    assert np.abs(found - field.clip(-1, 1)).max() <= 1 / 27 + 1e-6


def test_a_film_has_the_slots_of_a_model_that_makes_them():
    draws = torch.Generator().manual_seed(0)
    first, last = (torch.randn(1, 5, 8, 8, 8, generator=draws) for _ in range(2))
    states = [State(1, 2, 0.5, first, first), State(2, 2, 0.0, last, last)]
    film = np.frombuffer(packed(states, slots=3), np.uint8).reshape(2, 8, 8, 8)
    for frame, x in zip(film, (first, last), strict=True):
        assert_is_matter(frame, x[0, 0].numpy())
        known = (x[0, 0] > 2 * SURE - 1).numpy()
        assert np.array_equal(slots_of(frame)[known], (1 + x[0, 1:4].argmax(0)).numpy()[known])
        assert set(np.unique(slots_of(frame))) == {1, 2, 3}  # of four


@pytest.mark.parametrize(
    "file", ["../../pyproject.toml", "models/../../../README.md", "/etc/hostname"]
)
def test_no_other_file_is_sent(box, monkeypatch, file):
    sent = []
    monkeypatch.setattr(box, "send", lambda content, buffers=None: sent.append((content, buffers)))
    box._handle_custom_msg({"file": file}, [])
    assert sent == [({"file": file, "error": f"{file!r} is not one of the page's files"}, None)]


def test_whatever_a_module_imports_has_its_place():
    found, open_ = set(), ["page.js", "worker.js"]
    while open_:
        file = open_.pop()
        found.add(file)
        source = place_of(file).read_text(encoding="utf-8")
        open_ += set(re.findall(r'from "\./([\w.]+)"', source)) - found
        imports = [line for line in source.splitlines() if line.startswith("import ")]
        # the widget links no others
        assert all(re.search(r'from "\./[\w.]+";$', line) for line in imports), file
    assert {"page.js", "worker.js", "sampling.js", "noise.js", "viewer.bundle.js"} <= found


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("shapes32", "a tropical island"), "no family in 'a tropical island'"),
        (("none", "chair"), "none is missing"),
        (("shapes32", "chair", -1), "seed"),
    ],
)
def test_what_the_model_cannot_make_is_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        LiveModel(*arguments)
