"""Borrowed word vectors: pieces of words, and what their vectors know."""

import hashlib

import numpy as np
import pytest

from course_utils.datasets.word_vectors import WordVectors, word_vectors
from course_utils.places import WORDS

PIECES = ("arm", "##chair", "##s", "a", "armc")
SMALL = WordVectors(PIECES, np.eye(5, dtype=np.float32), np.ones(5, dtype=np.float32))


def test_words_are_cut_into_the_longest_pieces():
    assert SMALL.pieces_of("arm") == ["arm"] and SMALL.pieces_of("arms") == ["arm", "##s"]
    assert SMALL.pieces_of("armchairs") == []  # the longest first piece leads nowhere
    assert SMALL.pieces_of("aschair") == ["a", "##s", "##chair"] and SMALL.pieces_of("b") == []
    assert SMALL.pieces_of("") == SMALL.pieces_of("椅子") == SMALL.pieces_of("a" * 10**5) == []


def test_a_vector_is_the_mean_of_the_pieces_and_zero_where_there_is_none():
    assert np.abs(SMALL.of("arms") - [0.5, 0, 0.5, 0, 0]).max() == 0
    assert not SMALL.of("椅子").any() and SMALL.of_all([]).shape == (0, 5)
    assert np.array_equal(SMALL.of_all(["a", ""]), [[0, 0, 0, 1, 0], [0] * 5])


def test_the_shipped_table_is_the_one_that_its_card_tells():
    card = (WORDS.parent / "README.md").read_text(encoding="utf-8")
    assert hashlib.sha256(WORDS.read_bytes()).hexdigest() in card
    vectors = word_vectors()
    assert vectors.width == 128 and f"{len(vectors.rows):,} words" in card
    assert 0.9 < vectors.vectors.std() < 1.02 and abs(vectors.vectors.mean()) < 0.05


@pytest.mark.parametrize(
    ("word", "near", "far"),
    [
        ("cottage", "house", "car"),
        ("schooner", "boat", "lamp"),
        ("crimson", "red", "wooden"),
        ("poodle", "dog", "table"),
        ("limousine", "car", "bed"),
    ],
)
def test_words_of_like_meaning_are_near(word, near, far):
    ((yes, no, itself, nothing),) = word_vectors().likeness([word], [near, far, word, "椅子"])
    assert yes > no + 0.1 and abs(itself - 1) < 1e-5 and nothing == 0


def test_a_missing_or_damaged_table_is_named(tmp_path):
    (tmp_path / "words.npz").write_bytes(b"PK\x03\x04")
    for file in (tmp_path / "words.npz", tmp_path / "none.npz"):
        with pytest.raises(ValueError, match="is not the table of words"):
            word_vectors(file)
