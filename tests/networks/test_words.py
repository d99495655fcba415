"""Which words a text has; the page's JavaScript reads the same examples (test_modules.py)."""

import json
import time
from pathlib import Path

import pytest

from course_utils.models.config import Config
from course_utils.models.wishes import check_prompt, class_of, families_in, nouns_of
from course_utils.networks.text import Vocabulary
from course_utils.networks.words import named, shown, split, tokens_of
from course_utils.places import CHECKPOINTS

EXAMPLES = json.loads((Path(__file__).parent / "texts.json").read_text(encoding="utf-8"))
MODELS = {"text": "text-to-shape32", "class": "shapes32"}
KNOWN = "the model knows 288 words and makes: "
MADE = "chair, table, lamp, sofa, bed, shelf, airplane, car, house, tree, mug"


def config_of(kind):
    return Config.of(json.loads((CHECKPOINTS / MODELS[kind] / "config.json").read_text()))


def message(config, prompt):
    try:
        check_prompt(config, prompt)
    except ValueError as error:
        return str(error).replace(KNOWN + MADE, "KNOWS").replace(MADE, "MAKES")
    return None


def test_the_examples_are_read_and_refused_as_they_say():
    configs = {kind: config_of(kind) for kind in MODELS}
    for example in EXAMPLES:
        text = example["text"]
        assert split(text) == example["words"], text
        assert message(configs[example["model"]], text) == example.get("error"), text


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


def test_every_caption_names_its_own_family_and_no_other():
    from course_utils.datasets.captions import HELD_OUT, SAID_APART, TEST_FORMS, prompts

    config = config_of("text")
    nouns = nouns_of(config)
    for pairs in (None, HELD_OUT, SAID_APART):
        for prompt in prompts(300, pairs, TEST_FORMS, classes=config.classes):
            assert list(families_in(split(prompt.text), nouns)) == [prompt.family], prompt.text


def test_a_model_without_a_word_for_its_families_needs_some_word():
    config = config_of("text")
    plain = Config(config.network, classes=("thing",), words=("a", "tall"))
    assert message(plain, "a tall") is None
    assert message(plain, "") == "no family in ''; name one that the model makes: thing"
    assert "expected a text" in message(plain, 5)
    assert (
        class_of(["Mug cup", "mug cup", "Ｔ"], "MUG CUP") is None and class_of(["Ｔ"], "t") == "Ｔ"
    )
