"""Words as people type them: evened out, placed in the text, and their slips mended."""

import time

import pytest

from course_utils.datasets.captions.typed import BREAK, Spelling, edits, typed_words


def texts(text):
    return [word.text for word in typed_words(text)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a red chair", ["a", "red", "chair"]),
        ("CHAIR!! w/out arms", ["chair", BREAK, BREAK, "without", "arms"]),
        ("four-legged stool, it isn't tall", ["4", "legged", "stool", BREAK, "it", "not", "tall"]),
        ("don’t want 2 handles & a rim", ["not", "want", "2", "handles", "and", "a", "rim"]),
        ("étagère / grey - a dozen", ["etagere", BREAK, "grey", BREAK, "a", "many"]),
        ("lamp #FF6600 x 2,400", ["lamp", "#ff6600", "x", "many"]),
        ("Stühlchen 椅子", ["stuhlchen", "椅子"]),
        ("chair 🪑 50% ①", ["chair", "🪑", "many", BREAK, "1"]),
        ("ｃｈａｉｒ deſk", ["chair", "desk"]),
        (
            "taller, the biggest, wider; prettier",
            ["tall", BREAK, "the", "big", BREAK, "wide", BREAK, "prettier"],
        ),
        ("", []),
        ("… \u200b \x00", [BREAK, BREAK]),
    ],
)
def test_a_text_becomes_plain_words(text, words):
    assert texts(text) == words


def test_a_word_knows_where_it_was_typed():
    text = "Chair: FOUR-legged, isn't tall"
    for word in typed_words(text):
        assert text[word.start : word.end].strip()
    assert [text[w.start : w.end] for w in typed_words(text) if w.text in ("4", "not", "tall")] == [
        "FOUR",
        "isn't",
        "tall",
    ]


def test_slips_are_mended_and_right_words_are_not():
    spelling = Spelling(
        ["chair", "rocket", "robot", "wooden", "bunk", "bed", "back"], ["char", "brook"]
    )

    def mended(text):
        return [word.text for word in spelling.mended(typed_words(text))]

    assert mended("a woden chiar, tall bakc") == ["a", "wooden", "chair", BREAK, "tall", "back"]
    assert mended("rokit robbot bunkbed chairs") == ["rocket", "robot", "bunk", "bed", "chair"]
    assert mended("redd vhair phair silla") == ["redd", "chair", "phair", "silla"]
    assert mended("char brook brooks 椅子 zzzzzz") == ["char", "brook", "brooks", "椅子", "zzzzzz"]


@pytest.mark.parametrize(
    ("one", "two", "distance"),
    [
        ("chair", "chiar", 1),
        ("", "abc", 3),
        ("rokit", "rocket", 2),
        ("same", "same", 0),
        ("ab", "ba", 1),
    ],
)
def test_edits_are_counted_with_swaps(one, two, distance):
    assert edits(one, two, 5) == edits(two, one, 5) == distance
    assert edits(one, two, max(0, distance - 1)) >= distance


def test_a_giant_text_takes_no_time():
    start = time.process_time()
    assert len(typed_words("chair, " * 20_000)) == 40_000 and len(texts("x" * 10**6)) == 1
    assert time.process_time() - start < 3
