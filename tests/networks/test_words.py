"""Which words a text has; the page's JavaScript reads the same examples (test_modules.py)."""

import json
import time
from pathlib import Path

import pytest

from course_utils.networks.text import Vocabulary
from course_utils.networks.words import named, shown, split, tokens_of

EXAMPLES = json.loads((Path(__file__).parent / "texts.json").read_text(encoding="utf-8"))


def test_the_examples_have_the_words_that_they_say():
    for example in EXAMPLES:
        assert split(example["text"]) == example["words"], example["text"]


def test_nothing_that_was_typed_disappears():
    """A character is in a word, is white or punctuation, or has no width."""
    lost = {chr(code) for code in (*range(0x3100), *range(0xFB00, 0x10000)) if not split(chr(code))}
    assert len(lost) < 200 and not any(one.isalnum() for one in lost)
    assert lost >= set(" .,;:!?\"'()[]{}-–—«»“”’…") and not lost & set("#$%&*+/<=>@^_~|\\\x1b\x7f")
    assert [tokens_of(f"a{one}b") for one in "&/_#"] == [["a&b"], ["a/b"], ["a_b"], ["a#b"]]


def test_a_long_text_is_named_in_part_at_once():
    start = time.process_time()
    words = Vocabulary(["a", "chair"])
    unknown = words.unknown([" ".join(f"word{k}" for k in range(10_000))])
    line = named(unknown, words.words)
    assert line.startswith("word0, word1") and line.endswith("word7 and 9992 more")
    assert len(named(["x" * 10**6], words.words)) == 80 and split("-a" * 10**5) == ["a"] * 10**5
    assert time.process_time() - start < 5
    assert shown("\x1b[2J\u202ea\u200d\n") == "\\x1b[2J\\u202ea\u200d\\x0a"


def test_a_vocabulary_of_ones_own_holds_words_of_any_script():
    own = Vocabulary.of(["ein Stühlchen", "椅子 🪑"])
    assert own.words == ["ein", "stühlchen", "椅子", "🪑"]
    assert own.encode("🪑 STÜHLCHEN!").tolist() == [[3, 1]]
    with pytest.raises(ValueError, match="unknown word: Ein-Stuhl, Tisch; the words are"):
        own.encode(["ein 椅子, Ein-Stuhl", "ein Tisch"])
