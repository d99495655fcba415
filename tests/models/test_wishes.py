"""The door: any sentence becomes what a model is told, or a line that says what it makes."""

from dataclasses import replace

import pytest

from course_utils.datasets.shapes import CLASSES
from course_utils.models.checkpoints import checkpoint_config
from course_utils.models.config import Config
from course_utils.models.generation import SHIPPED
from course_utils.models.wishes import asked_of, class_of, materials_of, reads, wish_of

TOLD = checkpoint_config(SHIPPED)
FEW = replace(TOLD, classes=CLASSES[:11])  # the shipped model makes all families
LABELS = FEW.with_network(conditioners=[{"kind": "labels", "classes": 11}])


@pytest.mark.parametrize(
    ("prompt", "family", "facts"),
    [
        ("a chair with armrests", "chair", {"armrests": (True,)}),
        ("gimme a woden chiar, three-legged!", "chair", {"base": ("three legs",)}),
        ("lorry", "car", {"kind": ("pickup",)}),
        ("a mug, not any handle", "mug", {"handle": ("none",)}),
        ("a chair and a table", "chair", {}),
    ],
)
def test_any_sentence_becomes_a_family_and_facts(prompt, family, facts):
    wish = wish_of(TOLD, prompt)
    assert (wish.family, wish.facts) == (family, facts)
    assert wish.text == wish.reading.text == prompt and wish.nearest is None
    assert asked_of(TOLD, prompt) == (family, facts)


def test_the_name_of_a_class_asks_for_nothing_else():
    for config in (TOLD, LABELS):
        assert wish_of(config, "Chair!") == wish_of(config, "chair")
        assert wish_of(config, "chair").reading is None
        assert asked_of(config, "Chair!") == ("chair", {})
    assert asked_of(TOLD, "") == (None, {})  # which guidance needs
    assert (
        class_of(["Mug cup", "mug cup", "Ｔ"], "MUG CUP") is None and class_of(["Ｔ"], "t") == "Ｔ"
    )


def test_a_model_of_classes_takes_sentences_and_tells_what_it_cannot_do():
    assert wish_of(LABELS, "some sofas, please").text == "sofa"
    wish = wish_of(LABELS, "a round table on a pedestal")
    assert wish.text == "table" and len(wish.undone) == 2
    assert "this model cannot do: " in wish.answer and "round" in wish.undone[0] + wish.undone[1]
    assert wish_of(TOLD, "gimme a table on a pedestal").undone == ()
    for prompt in ("a round table", "", "chair table"):
        with pytest.raises(ValueError, match=f"knows no '{prompt}'; it makes: chair, table"):
            asked_of(LABELS, prompt)


@pytest.mark.parametrize("config", [FEW, LABELS], ids=["facts", "labels"])
def test_what_is_not_made_is_told_with_what_is(config):
    for prompt, message in (
        ("a robot", "cannot make a robot; it makes: chair, table"),
        ("pizza", "no family in 'pizza'; name one that the model makes: chair, table"),
        ("椅子", "no family in '椅子'"),
        ("", "no family in ''"),
    ):
        with pytest.raises(ValueError, match=message):
            wish_of(config, prompt)
    for prompt in ("", "椅子"):  # nothing is near
        with pytest.raises(ValueError, match="no family"):
            wish_of(config, prompt, nearest=True)
    with pytest.raises(ValueError, match="cannot make a robot; it makes: chair"):
        asked_of(FEW, "a robot")
    for prompt in (3, None):
        with pytest.raises(ValueError, match="expected a text"):
            wish_of(config, prompt)


@pytest.mark.parametrize("config", [FEW, LABELS], ids=["facts", "labels"])
def test_the_nearest_is_made_and_told(config):
    wish = wish_of(config, "a robot", nearest=True)
    assert wish.text == wish.family == wish.nearest and wish.nearest in config.classes
    assert wish.answer.endswith(f"making the nearest, a {wish.nearest}") and wish.facts == {}
    assert "robot" in wish.answer
    near = wish_of(TOLD, "a pizza", nearest=True)
    assert near.text == near.family == near.nearest


def test_a_model_of_other_things_takes_the_names_of_its_classes_only():
    other = Config(LABELS.network, classes=("thing", "stuff"))
    assert not reads(other) and reads(TOLD) and reads(LABELS)
    assert wish_of(other, "Thing").text == "thing"
    with pytest.raises(ValueError, match="knows no 'a chair'; it makes: thing, stuff"):
        wish_of(other, "a chair")


def test_materials_go_to_the_slots_that_there_are():
    wish = wish_of(TOLD, "a red armchair with wooden legs")
    assert set(wish.reading.materials.values()) == {"red", "oak"}
    given, rest = materials_of(wish, ("seat", "legs", "back", "arms"))
    assert given["legs"] == "oak" and given["seat"] == "red" and rest.undone == wish.undone
    given, rest = materials_of(wish, ("shape",))
    assert given == {} and any("oak" in one for one in rest.undone)
    blue = wish_of(TOLD, "a blue mug")
    assert materials_of(blue, ("shape",)) == ({"shape": "blue"}, blue)
    assert materials_of(wish_of(TOLD, "chair legs"), ("shape",))[0] == {}
