"""The pictures of lessons 04 to 06: the files, what can be measured, what captions say."""

import hashlib
import re

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from course_utils.datasets.images import (
    CHARACTERS,
    Describer,
    Pictures,
    aspect,
    digits,
    glyphs,
    slant,
    stroke_width,
)
from course_utils.places import GLYPHS

WORDS = ("thin", "thick", "slanted", "narrow", "wide")


def rows(pictures):
    return {tuple(row) for row in pictures.pixels.flatten(1).tolist()}


def test_digits_are_those_of_scikit_learn_and_the_two_parts_share_none():
    train, test, source = digits(), digits(test=True), load_digits()
    assert train.pixels.shape == (1197, 1, 8, 8) and test.pixels.shape == (600, 1, 8, 8)
    assert float(train.pixels.min()) == -1 and float(train.pixels.max()) == 1
    known = {
        tuple(row): label
        for row, label in zip((source.data / 8 - 1).tolist(), source.target, strict=True)
    }
    for part in (train, test):
        assert [
            known[tuple(row)] for row in part.pixels.flatten(1).tolist()
        ] == part.labels.tolist()
    assert not rows(train) & rows(test)
    assert torch.bincount(test.labels, minlength=10).min() > 40


def test_the_file_of_letters_is_the_one_on_its_card_and_small():
    card = (GLYPHS.parent / "README.md").read_text()
    assert hashlib.sha256(GLYPHS.read_bytes()).hexdigest() in card
    assert GLYPHS.stat().st_size < 2_000_000
    with np.load(GLYPHS) as stored:
        faces, families = len(stored["packed"]), stored["families"].tolist()
        counts = np.bincount(stored["family"], minlength=len(families))
    assert f"{faces} faces of {len(families)} type families: {faces * 36:,} pictures" in card
    table = re.findall(
        r"^\| (.+?) \| (\S+) \| (\d+) \| (.+?) \| (.+) \|$",
        (GLYPHS.parent / "ATTRIBUTION.md").read_text(),
        re.M,
    )
    assert [(name, int(count)) for name, _, count, _, _ in table] == list(
        zip(families, counts, strict=True)
    )
    assert {licence for *_, licence, _ in table} == {
        "SIL Open Font License 1.1",
        "Apache License 2.0",
    }
    named = [bool(re.search(r"copyright|©|\(c\)|\d{4}", maker, re.I)) for *_, maker in table]
    assert sum(named) >= len(table) - 1  # one font only names its maker


def test_letters_are_unpacked_rightly_and_no_family_is_on_both_sides():
    with np.load(GLYPHS) as stored:
        packed, family = stored["packed"], stored["family"]
    train, test = glyphs(), glyphs(test=True)
    assert len(train.pixels) + len(test.pixels) == packed.shape[0] * 36 and train.pixels.shape[
        1:
    ] == (1, 16, 16)
    held_out = np.flatnonzero(family % 6 == 5)
    # face 3 of the test set, letter 20 of 36
    left, right = divmod(int(packed[held_out[3], 20, 7, 2]), 16)
    row = 3 * 36 + 20
    assert test.labels[row] == 20 and test.names[20] == "letter k"
    assert test.pixels[row, 0, 7, 4:6].tolist() == pytest.approx([left / 7.5 - 1, right / 7.5 - 1])
    assert not {*family[family % 6 == 5]} & {*family[family % 6 != 5]}


def test_labels_belong_to_their_pictures():
    """The nearest of the mean pictures of the training set names most held-out letters: chance
    would be 1 in 36.
    """
    train, test = glyphs(), glyphs(test=True)
    means = torch.stack([train.pixels[train.labels == k].mean(0) for k in range(36)])
    named = torch.cdist(test.pixels.flatten(1), means.flatten(1)).argmin(1)
    assert (named == test.labels).float().mean() > 0.7


def test_chosen_characters_keep_their_order():
    some, every = glyphs("7A0", test=True), glyphs(test=True)
    assert some.names == ("seven", "letter a", "zero")
    for label, character in enumerate("7A0"):
        mine = some.pixels[some.labels == label]
        assert torch.equal(mine, every.pixels[every.labels == CHARACTERS.index(character)])


@pytest.mark.parametrize("characters", ["", "a", "AA", "Ä"])
def test_other_characters_are_refused(characters):
    with pytest.raises(ValueError, match="choose different ones"):
        glyphs(characters)


def test_a_missing_or_damaged_file_is_named(tmp_path):
    bad = tmp_path / "bad.npz"
    for contents in (None, b"", b"PK\x03\x04 no zip"):
        if contents is not None:
            bad.write_bytes(contents)
        with pytest.raises(ValueError, match="is not the file of letters"):
            glyphs(file=bad)


def drawn(inside, side=64):
    """A picture of side x side with ink where inside(x, y): x right, y up, from the middle."""
    y, x = np.mgrid[:side, :side]
    ink = inside(x - side / 2 + 0.5, side / 2 - 0.5 - y)
    return torch.from_numpy(np.where(ink, 1.0, -1.0)).float()[None, None]


@pytest.mark.parametrize("width", [2, 4, 8])
def test_stroke_width_of_bars_and_rings(width):
    bar = drawn(lambda x, y: (abs(x) < width / 2) & (abs(y) < 28))
    # ends count, too
    assert float(stroke_width(bar)) == pytest.approx(2 * 56 * width / (2 * (56 + width)), rel=0.05)
    ring = drawn(lambda x, y: abs(np.hypot(x, y) - 20) < width / 2)
    assert float(stroke_width(ring)) == pytest.approx(width, rel=0.25)
    assert float(stroke_width(-torch.ones(1, 1, 8, 8))) == 0


@pytest.mark.parametrize("lean", [-0.3, 0.0, 0.2])
def test_slant_of_a_leaning_bar(lean):
    bar = drawn(lambda x, y: (abs(x - lean * y) < 3) & (abs(y) < 24))
    assert float(slant(bar)) == pytest.approx(lean, abs=0.02)
    assert float(slant(bar.roll(5, dims=3))) == pytest.approx(lean, abs=0.02)  # wherever it stands


def test_aspect_is_that_of_the_bounding_box():
    assert float(aspect(drawn(lambda x, y: (abs(x) < 6) & (abs(y) < 12)))) == pytest.approx(0.5)
    assert float(aspect(drawn(lambda x, y: (abs(x - y) < 2) & (abs(y) < 12)))) == pytest.approx(
        26 / 24, abs=0.1
    )


def test_pictures_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"expected \(N, 1, H, W\)"):
        stroke_width(torch.zeros(3, 16, 16))


@pytest.fixture(scope="module")
def letters():
    return glyphs("17", test=True)


def test_traits_are_the_outer_quarters_of_each_character(letters):
    found = Describer(letters).traits(letters.pixels, letters.labels)
    for label in (0, 1):
        mine = letters.labels == label
        values = stroke_width(letters.pixels[mine])
        order, quarter = values.argsort(), len(values) // 4
        assert set(found["stroke"][mine][order[: quarter - 1]].tolist()) == {-1}
        assert set(found["stroke"][mine][order[1 - quarter :]].tolist()) == {1}
        assert abs(int((found["stroke"][mine] == 0).sum()) - len(values) / 2) <= 4


def test_captions_say_what_is_true_and_as_much_as_asked(letters):
    describer = Describer(letters)
    captions = {
        chance: describer.captions(letters.pixels, letters.labels, word_chance=chance)
        for chance in (0.0, 0.7, 1.0)
    }
    assert set(captions[0.0]) == {"a one", "a seven"}
    truth = {w: describer.obeys(w, letters.pixels, letters.labels) for w in WORDS}
    for row, caption in enumerate(captions[1.0]):
        words = [word for word in truth if truth[word][row]]
        assert sorted(caption.split()[1:-1]) == sorted(words)
        assert set(captions[0.7][row].split()) <= set(caption.split())
        assert caption.split()[-1] == letters.names[letters.labels[row]]
    count = [sum(len(caption.split()) - 2 for caption in captions[chance]) for chance in (0.7, 1.0)]
    assert count[0] / count[1] == pytest.approx(0.7, abs=0.1)
    assert describer.captions(letters.pixels, letters.labels) == describer.captions(
        letters.pixels, letters.labels
    )


def test_a_word_that_cannot_be_measured_is_refused(letters):
    with pytest.raises(
        ValueError, match="what can be measured is thin, thick, slanted, narrow, wide"
    ):
        Describer(Pictures(*letters)).obeys("fat", letters.pixels, letters.labels)
