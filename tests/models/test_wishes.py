"""The door: any sentence becomes what a model understands, or a line that says what it makes."""

from dataclasses import replace

import pytest

from course_utils.datasets.captions import ENTRIES, caption_of, named_facts
from course_utils.datasets.shapes import CLASSES
from course_utils.models.checkpoints import checkpoint_config
from course_utils.models.config import Config
from course_utils.models.generation import SHIPPED, SHIPPED_TEXT
from course_utils.models.wishes import (
    asked_of,
    check_prompt,
    materials_of,
    reads,
    wish_of,
)
from course_utils.networks.words import split

TEXT, CLASS = checkpoint_config(SHIPPED_TEXT), checkpoint_config(SHIPPED)
TOLD = replace(CLASS, classes=CLASSES).with_network(conditioners=[{"kind": "named"}])


@pytest.mark.parametrize("family", TEXT.classes)
def test_a_caption_says_what_is_named_in_the_models_words(family):
    known, said = set(TEXT.words), 0
    for entry in ENTRIES[family]:
        text, named = caption_of(family, entry.named, known)
        assert set(split(text)) <= known
        check_prompt(TEXT, text)
        assert all(set(named[name]) <= set(entry.named[name]) for name in named), text
        said += named == entry.named
        named_facts([family], [named], TEXT.classes)  # facts that captions name
    assert said >= 0.9 * len(ENTRIES[family])


def test_a_caption_says_many_things_at_once_and_leaves_out_the_unsayable():
    named = {
        "seat": ("round",),
        "back": ("slatted",),
        "armrests": (False,),
        "base": ("three legs",),
    }
    text, told = caption_of("chair", named, TEXT.words)
    assert told == named and len(split(text)) <= 24
    assert caption_of("chair", named, {"a", "chair", "round", "seat", "with"}) == (
        "a chair with a round seat",
        {"seat": ("round",)},
    )
    with pytest.raises(ValueError, match="no name of chair"):
        caption_of("chair", {}, {"a"})
    with pytest.raises(ValueError, match="expected one of chair"):
        caption_of("dragon", {}, {"a"})


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("a chair with armrests", "a chair with armrests"),  # its own words stay
        ("gimme a woden chiar, three-legged!", "a chair with three legs"),
        ("lorry", "a pickup"),
        ("a mug, not any handle", "a mug with no handle"),
        ("a chair and a table", "a chair"),
    ],
)
def test_any_sentence_becomes_a_caption(prompt, text):
    wish = wish_of(TEXT, prompt)
    assert wish.text == text and wish.reading.text == prompt and wish.nearest is None
    check_prompt(TEXT, wish.text)


def test_a_model_of_classes_takes_sentences_too():
    assert wish_of(CLASS, "Chair!") == wish_of(CLASS, "chair")
    assert wish_of(CLASS, "chair").reading is None
    assert wish_of(CLASS, "some sofas, please").text == "sofa"


def test_what_is_not_made_is_told_with_what_is():
    for prompt, message in (
        ("a robot", "cannot make a robot; it makes: chair, table"),
        ("pizza", "no family in 'pizza'; name one that the model makes: chair, table"),
        ("椅子", "no family in '椅子'"),
        ("", "no family in ''"),
    ):
        with pytest.raises(ValueError, match=message):
            wish_of(TEXT, prompt)
    for prompt in ("", "椅子"):  # nothing is near
        with pytest.raises(ValueError, match="no family"):
            wish_of(TEXT, prompt, nearest=True)


def test_the_nearest_is_made_and_told():
    wish = wish_of(TEXT, "a robot", nearest=True)
    assert wish.nearest in TEXT.classes and wish.text.endswith(wish.nearest)
    assert wish.answer.endswith(f"making the nearest, a {wish.nearest}")
    assert "robot" in wish.answer


def test_a_model_of_other_things_takes_its_own_words_only():
    other = Config(TEXT.network, classes=("thing",), words=("a", "tall"))
    assert not reads(other) and reads(TEXT) and reads(CLASS)
    assert wish_of(other, "a tall").text == "a tall"
    with pytest.raises(ValueError, match="unknown word"):
        wish_of(other, "a chair")
    with pytest.raises(ValueError, match="expected a text"):
        wish_of(TEXT, 3)


def test_what_is_understood_and_cannot_be_done_is_told():
    wish = wish_of(CLASS, "a round table on a pedestal")
    assert wish.text == "table" and len(wish.undone) == 2
    assert "this model cannot do: " in wish.answer and "round" in wish.undone[0] + wish.undone[1]
    assert wish_of(TEXT, "gimme a table on a pedestal").undone == ()


def test_a_model_that_is_told_facts_takes_any_sentence():
    wish = wish_of(TOLD, "gimme a woden chiar, three-legged!")
    assert wish.text == wish.reading.text and wish.undone == ()
    assert (wish.family, wish.facts) == ("chair", {"base": ("three legs",)})
    assert asked_of(TOLD, wish.text) == (wish.family, wish.facts)
    assert asked_of(TOLD, "Chair!") == ("chair", {}) and asked_of(TOLD, "") == (None, {})
    assert wish_of(TOLD, "Chair!") == wish_of(TOLD, "chair")
    with pytest.raises(ValueError, match="no family in 'pizza'"):
        check_prompt(TOLD, "pizza")
    with pytest.raises(ValueError, match="cannot make a robot; it makes: chair"):
        check_prompt(replace(TOLD, classes=("chair",)), "a robot")
    near = wish_of(TOLD, "a pizza", nearest=True)
    assert near.text == near.family == near.nearest and near.facts == {}


def test_materials_go_to_the_slots_that_there_are():
    wish = wish_of(TEXT, "a red armchair with wooden legs")
    assert set(wish.reading.materials.values()) == {"red", "oak"}
    given, rest = materials_of(wish, ("seat", "legs", "back", "arms"))
    assert given["legs"] == "oak" and given["seat"] == "red" and rest.undone == wish.undone
    given, rest = materials_of(wish, ("shape",))
    assert given == {} and any("oak" in one for one in rest.undone)
    blue = wish_of(TEXT, "a blue mug")
    assert materials_of(blue, ("shape",)) == ({"shape": "blue"}, blue)
    assert materials_of(wish_of(TEXT, "chair legs"), ("shape",))[0] == {}
