"""The sculptor's Python side, without a browser: packing, question and answer, refusals."""

import subprocess
import sys

import numpy as np
import pytest

from course_utils.widgets import sculptor as module
from course_utils.widgets.sculptor import Sculptor


def shape(size=6, seed=0):
    return np.random.default_rng(seed).random((size, size, size)) < 0.4


def fill(voxels, keep, count):
    """Proposal k fills every free voxel if k is odd, else none."""
    return np.stack([voxels & keep | ~keep & (k % 2 == 1) for k in range(count)])


def lower(size=6, height=2):
    region = np.zeros((size, size, size), bool)
    region[:height] = True
    return region


def test_the_module_itself_needs_no_torch():
    script = (
        "import importlib.util, sys\nspec = importlib.util.spec_from_file_location('alone',"
        f" {module.__file__!r})\nspec.loader.exec_module(importlib.util.module_from_spec(spec))\nassert"
        " not {'torch', 'plotly', 'matplotlib'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_bits_are_numpys_and_come_back():
    for size in (4, 5, 32):  # 5: the last byte is not full
        voxels = shape(size)
        sculptor = Sculptor(voxels, fill)
        assert sculptor.packed_voxels == np.packbits(voxels).tobytes()
        assert np.array_equal(sculptor.voxels, voxels)
        assert sculptor.keep_mask.all() and sculptor.proposals.shape == (0, size, size, size)


def test_carving_proposing_and_taking():
    voxels, region, calls = shape(), lower(), []

    def complete(*arguments):
        calls.append(arguments)
        return fill(*arguments)

    sculptor = Sculptor(voxels, complete, count=2)
    sculptor.carve(region)
    assert np.array_equal(sculptor.voxels, voxels & ~region) and np.array_equal(
        sculptor.keep_mask, ~region
    )
    found = sculptor.propose()
    given, keep, count = calls[0]
    assert np.array_equal(given, voxels & ~region) and np.array_equal(keep, ~region) and count == 2
    assert np.array_equal(found, [voxels & ~region, voxels | region]) and np.array_equal(
        sculptor.proposals, found
    )
    sculptor.take(1)
    assert np.array_equal(sculptor.voxels, voxels | region) and np.array_equal(
        sculptor.keep_mask, ~region
    )


def test_what_is_kept_stays_whatever_the_function_returns_or_does():
    voxels, region = shape(), lower()

    def careless(voxels, keep, count):
        voxels[:] = keep[:] = True
        return np.zeros((count, *voxels.shape), bool)

    sculptor = Sculptor(voxels, careless)
    sculptor.carve(region)
    assert (sculptor.propose() == voxels & ~region).all()


def test_the_pages_button_is_answered_once_with_the_proposals():
    sculptor, sent = Sculptor(shape(), fill, count=3), []
    sculptor.carve(lower())
    sculptor.send_state = lambda key=None: sent.append(set([key] if isinstance(key, str) else key))
    sculptor.set_state({"asked": 1})
    assert sculptor.answered == 1 and sculptor.error == "" and len(sculptor.proposals) == 3
    answers = [keys for keys in sent if "answered" in keys]
    assert (
        len(answers) == 1 and "packed_proposals" in answers[0]
    )  # in one message, or the page shows old ones


def test_an_error_of_the_function_is_answered_with_its_text():
    def broken(voxels, keep, count):
        raise RuntimeError("<b>no</b> checkpoint")

    sculptor = Sculptor(shape(), broken)
    sculptor.carve(lower())
    sculptor.set_state({"asked": 1})
    assert (sculptor.answered, sculptor.error) == (1, "RuntimeError: <b>no</b> checkpoint")
    sculptor.complete = fill
    sculptor.set_state({"asked": 2})
    assert (sculptor.answered, sculptor.error) == (2, "") and len(sculptor.proposals) == 4


@pytest.mark.parametrize(
    "returned",
    [np.zeros((4, 6, 6, 6)), np.zeros((3, 6, 6, 6), bool), np.zeros((4, 1, 6, 6, 6), bool), None],
    ids=["floats", "too few", "with channels", "nothing"],
)
def test_a_bad_completion_is_refused(returned):
    sculptor = Sculptor(shape(), lambda *_: returned)
    sculptor.carve(lower())
    with pytest.raises(ValueError, match=r"complete: returned .* expected bool \(4, 6, 6, 6\)"):
        sculptor.propose()
    assert len(sculptor.proposals) == 0


def test_bad_input_is_refused():
    for voxels in (
        np.zeros((6, 6, 6)),
        np.zeros((6, 6), bool),
        np.zeros((6, 6, 7), bool),
        np.zeros((2,) * 3, bool),
    ):
        with pytest.raises(ValueError, match="voxels: got"):
            Sculptor(voxels, fill)
    with pytest.raises(ValueError, match="voxels: got"):
        Sculptor(np.zeros((65,) * 3, bool), fill)
    with pytest.raises(ValueError, match="complete: got None"):
        Sculptor(shape(), None)
    for count in (0, 13):
        with pytest.raises(ValueError, match=f"count: got {count}"):
            Sculptor(shape(), fill, count)
    sculptor = Sculptor(shape(), fill)
    with pytest.raises(ValueError, match="nothing is free"):
        sculptor.propose()
    for region in (lower(5), lower().astype(float)):
        with pytest.raises(ValueError, match="region: got"):
            sculptor.carve(region)
    for number in (0, -1):
        with pytest.raises(ValueError, match=f"number: got {number}"):
            sculptor.take(number)


def test_a_saved_notebook_gets_the_film_of_what_happened():
    sculptor = Sculptor(shape(8), fill, count=2)
    assert len(sculptor._twin().figure.frames) == 0  # one surface, no slider
    sculptor.carve(lower(8))
    sculptor.propose()
    data, _ = sculptor._repr_mimebundle_()
    assert (
        "application/vnd.jupyter.widget-view+json" in data and data["image/png"][:4] == b"\x89PNG"
    )
    steps = data["application/vnd.plotly.v1+json"]["layout"]["sliders"][0]["steps"]
    assert [step["label"] for step in steps] == ["given", "carved", "proposal 1", "proposal 2"]


def test_a_page_sends_its_bits_as_memoryviews():
    sculptor = Sculptor(
        np.ones((8, 8, 8), bool), lambda voxels, keep, count: np.repeat(voxels[None], count, 0)
    )
    half = np.zeros((8, 8, 8), bool)
    half[4:] = True
    packed = {
        "packed_voxels": memoryview(np.packbits(~half)),
        "packed_free": memoryview(np.packbits(half)),
    }
    sculptor.set_state(packed)
    assert np.array_equal(sculptor.voxels, ~half) and np.array_equal(sculptor.keep_mask, ~half)
