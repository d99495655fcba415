"""The sculptor's Python side, without a browser: packing, question and answer, refusals."""

import subprocess
import sys

import numpy as np
import pytest

from course_utils.files.materials import Material
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
    # in one message, or the page shows old ones
    assert len(answers) == 1 and "packed_proposals" in answers[0]


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


# ---- materials -----------------------------------------------------------------------------------

PALETTE = ["#c8362f", Material("brass", "#c9a227", 1.0, 0.3)]


def towers():
    """Two towers, of slot 1 on the left and of slot 2 on the right: voxels and slots."""
    voxels = np.zeros((6, 6, 6), bool)
    voxels[:4, 2:4, 0:2] = voxels[:4, 2:4, 4:6] = True
    slots = np.zeros((6, 6, 6), np.uint8)
    slots[:, :, :3], slots[:, :, 3:] = 1, 2
    return voxels, np.where(voxels, slots, 0).astype(np.uint8)


def test_slots_are_those_of_the_nearest_where_none_are_given():
    voxels, slots = towers()
    sculptor = Sculptor(voxels, fill, slots=slots, palette=PALETTE)
    assert (sculptor.slots[voxels] == slots[voxels]).all()
    assert (sculptor.slots[:, :, :3] == 1).all() and (sculptor.slots[:, :, 3:] == 2).all()
    assert sculptor.palette == [("#c8362f", 0.0, 0.6), ("#c9a227", 1.0, 0.3)]
    some = slots.copy()
    some[1:4] = 0
    assert np.array_equal(Sculptor(voxels, fill, slots=some, palette=PALETTE).slots, sculptor.slots)
    nothing = Sculptor(voxels, fill, slots=np.zeros_like(slots), palette=PALETTE)
    assert (nothing.slots == 1).all()
    plain = Sculptor(voxels, fill)
    assert plain.slots is None and plain.packed_slots == b"" and plain.palette == []


def test_a_completion_gets_slots_and_brings_its_own():
    voxels, slots = towers()
    calls = []

    def grow(given, keep, count):
        """Fill what is free with slot 2; what it says of the kept does not count."""
        calls.append(given)
        return np.where(keep, 1, [np.full_like(given, 2 * (k == 1)) for k in range(count)]).astype(
            np.uint8
        )

    sculptor = Sculptor(voxels, grow, count=2, slots=slots, palette=PALETTE)
    sculptor.carve(lower())
    found = sculptor.propose()
    (given,) = calls
    assert given.dtype == np.uint8 and np.array_equal(given, np.where(lower(), 0, slots))
    assert np.array_equal(found, [voxels & ~lower(), voxels | lower()])
    empty, full = sculptor.proposal_slots
    assert (full[lower()] == 2).all() and (full[2:4][voxels[2:4]] == slots[2:4][voxels[2:4]]).all()
    assert np.array_equal(empty, sculptor.slots)
    sculptor.take(1)
    assert np.array_equal(sculptor.slots, full) and np.array_equal(sculptor.voxels, found[1])


def test_what_is_filled_without_slots_has_those_of_its_neighbours():
    voxels, slots = towers()

    def grow(given, keep, count):
        return np.stack([(given > 0) | ~keep] * count)

    sculptor = Sculptor(voxels, grow, slots=slots, palette=PALETTE)
    sculptor.carve(lower())
    sculptor.propose()
    first = sculptor.proposal_slots[0]
    assert (first[:, :, :3] == 1).all() and (first[:, :, 3:] == 2).all()


def test_slots_and_proposals_are_sent_together():
    voxels, slots = towers()
    sculptor = Sculptor(voxels, lambda given, keep, count: np.stack([given] * count), slots=slots,
                        palette=PALETTE)  # fmt: skip
    sent = []
    sculptor.send_state = lambda key=None: sent.append({key} if isinstance(key, str) else set(key))
    sculptor.carve(lower())
    sculptor.set_state({"asked": 1})
    (answer,) = (keys for keys in sent if "answered" in keys)
    assert {"packed_proposals", "packed_proposal_slots"} <= answer and sculptor.error == ""
    sculptor.set_state({"packed_slots": memoryview(np.full((6, 6, 6), 2, np.uint8).reshape(-1))})
    assert (sculptor.slots == 2).all()


def test_the_film_has_the_materials():
    voxels, slots = towers()
    sculptor = Sculptor(voxels, fill, count=2, slots=slots, palette=PALETTE)
    sculptor.carve(lower())
    sculptor.propose()
    film, plain = sculptor._twin().figure, Sculptor(voxels, fill)._twin().figure
    assert len(film.frames) == 4
    assert len(film.data[1].colorscale) == 2 * len(plain.data[1].colorscale)


def test_bad_materials_are_refused():
    voxels, slots = towers()
    for wrong in ({"slots": slots}, {"palette": PALETTE}):
        with pytest.raises(ValueError, match="slots and palette: got one of them"):
            Sculptor(voxels, fill, **wrong)
    for palette in ([], ["red"], {"seat": "#ffffff"}, ["#ffffff"] * 5, [None]):
        with pytest.raises(ValueError, match="palette: got"):
            Sculptor(voxels, fill, slots=slots, palette=palette)
    for grid in (slots.astype(int), slots[:5], 3 * slots):
        with pytest.raises(ValueError, match=r"slots: got .* up to 2, as many as the palette has"):
            Sculptor(voxels, fill, slots=grid, palette=PALETTE)
    for returned, said in (
        (np.full((4, 6, 6, 6), 3, np.uint8), "returned slot 3, expected 0 to 2"),
        (np.zeros((4, 6, 6, 6)), r"float64 .* expected bool or uint8 \(4, 6, 6, 6\)"),
    ):
        sculptor = Sculptor(voxels, lambda *_, it=returned: it, slots=slots, palette=PALETTE)
        sculptor.carve(lower())
        with pytest.raises(ValueError, match=said):
            sculptor.propose()


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
