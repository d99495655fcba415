"""Texts as people type them: what they name exists, and stands in them."""

from collections import Counter

import pytest

from course_utils.datasets.captions import facts_of
from course_utils.datasets.captions.colours import PARTS, dressed, materials_in
from course_utils.datasets.captions.everyday import OUTSIDE, SYNONYMS, everyday
from course_utils.datasets.captions.lexicon import (
    denied_in,
    matches_in,
    named_in,
    outside_places,
    ruled_out_in,
)
from course_utils.datasets.captions.speech import (
    entries_of,
    phrases_of,
    speakable_facts,
    speech,
    spoken_words,
)
from course_utils.datasets.captions.typed import typed_words
from course_utils.datasets.shapes import CLASSES, FAMILIES, attributes_of
from course_utils.datasets.shapes.materials import MATERIALS

STRANGE = ("zeppelin", "holiday", "quorum")


@pytest.fixture(scope="module")
def spoken():
    return speech(2000, 0, STRANGE)


@pytest.mark.parametrize("family", CLASSES)
def test_everyday_phrases_name_values_that_shapes_have(family):
    shapes = [attributes_of(family, seed) for seed in range(400)]
    for entry in entries_of(family):
        for name, values in entry.named.items():
            assert set(values) <= {shape[name] for shape in shapes}, (family, name, values)
    assert "" in everyday(family) and len(phrases_of(family)[0]) > 15


def test_a_noun_names_one_family_or_the_text_decides():
    owners = Counter()
    for family in CLASSES:
        owners.update({noun for noun, _ in phrases_of(family)[0]})
    shared = {noun for noun, count in owners.items() if count > 1}
    assert len(shared) < 0.02 * len(owners), sorted(shared)
    assert not set(OUTSIDE) & set(CLASSES)


def test_facts_of_captions_come_first():
    facts = speakable_facts()
    assert facts[: len(facts_of())] == facts_of() and len(set(facts)) == len(facts)


def test_a_seed_makes_the_same_texts_and_families_take_turns(spoken):
    assert speech(50, 0, STRANGE) == spoken[:50] != speech(50, 1, STRANGE)
    families = Counter(one.families[0] for one in spoken if one.families)
    assert set(families) == set(CLASSES) and min(families.values()) > 60
    nothing = sum(not one.families for one in spoken)
    two = sum(len(one.families) == 2 for one in spoken)
    assert 0.08 < nothing / len(spoken) < 0.16 and 0.04 < two / len(spoken) < 0.12


def test_what_a_text_names_stands_in_it(spoken):
    """Every fact has a phrase of its own, the words of which stand in the text, but for slips."""
    told = lost = 0
    for one in spoken:
        words = " ".join(word.text for word in typed_words(one.text))
        for name, values in one.named.items():
            told += 1
            phrases = [
                phrase.strip("=~")
                for entry in entries_of(one.families[0])
                if entry.named.get(name) == values
                for phrase in entry.phrases
            ]
            last = {word.text for phrase in phrases for word in typed_words(phrase)[-1:]}
            lost += not any(word[:3] in words for word in last)
    assert told > 1500 and lost < 0.06 * told


def test_spelling_knows_all_words():
    words = set(spoken_words())
    assert {"chair", "armchair", "dachshund", "crimson", "without", "please"} <= words
    assert "zeppelin" in words and "quorum" not in words  # the former is outside


def test_phrases_are_found_and_nouns_told_from_details():
    found = matches_in(typed_words("two bar stools with a round seat"), "stool")
    assert {(match.places, match.is_noun) for match in found} == {((1, 2), True), ((5, 6), False)}
    assert [match.named for match in found] == [{"height": ("tall",)}, {"seat": ("round",)}]
    assert [one.places for one in matches_in(typed_words("a bunk bed"), "bed")] == [(1, 2)]


@pytest.mark.parametrize(
    ("family", "text", "places"),
    [
        ("bridge", "two red towers", [(0, 2)]),
        ("chair", "the back is very tall", [(1, 4)]),
        ("chair", "square seat round back", [(0, 1), (2, 3)]),
        ("robot", "one big eye", []),
        ("robot", "big eyes", [(0, 1)]),
        ("table", "six legs", []),
        ("airplane", "thin wings", []),
        ("airplane", "thin red airplane", [(0,)]),
        ("rocket", "a thin body", [(1, 2)]),
        ("rocket", "four triangular fins", [(0, 2), (1, 2)]),
        ("mug", "handle should be square", [(0,), (0, 3)]),
        ("mug", "its handle is tall", [(1,)]),
        ("table", "4 thick legs", [(0, 2), (1, 2)]),
    ],
)
def test_words_of_a_phrase_may_stand_apart_but_belong_together(family, text, places):
    found = matches_in(typed_words(text), family)
    told = [one.places for one in found if not (one.is_noun or one.of_part)]
    assert sorted(set(told)) == places


def test_words_beyond_what_is_made_are_marked():
    def beyond(text, family):
        words = typed_words(text)
        return {words[k].text for one in matches_in(words, family) for k in one.beyond}

    assert beyond("a big handle", "mug") == {"big"} and beyond("a thick rim", "mug") == set()
    assert beyond("big wheels", "car") == set() and beyond("dog house", "house") == {"dog"}
    assert beyond("pool table", "table") == {"pool"} and beyond("high chair", "chair") == {"high"}


def test_what_people_say_goes_before_what_captions_say():
    assert ("bookcase", {}) in phrases_of("shelf")[0]
    assert ("bookcase", {"books": (True,)}) not in phrases_of("shelf")[0]


def test_nouns_and_adjectives_can_be_denied():
    def ruled_out(text, family):
        words = typed_words(text)
        return [one.places for one in ruled_out_in(words, matches_in(words, family))]

    assert ruled_out("not an armchair , a chair", "chair") == [(2,)]
    assert ruled_out("i don't want arms on my chair", "chair") == [(3,)]
    assert ruled_out("a table that is not round", "table") == [(5,)]
    assert ruled_out("thin wings", "airplane") == [(0,)]


@pytest.mark.parametrize(
    ("family", "text", "named"),
    [
        ("bench", "a bench with neither back nor armrests", {"back": ("none",), "arms": (False,)}),
        ("mug", "mug . i don't want a handle on it", {"handle": ("none",)}),
        ("shelf", "a shelf with no doors and a back", {"doors": (False,)}),
        ("chair", "not tall , arms", {}),
        ("chair", "a chair that is not tall but with arms", {}),
        ("bridge", "a bridge , skip the railings", {"railings": (False,)}),
        ("bed", "leave off the curtains and the canopy", {"roof": (False,)}),
    ],
)
def test_what_is_denied_is_told_from_what_is_not(family, text, named):
    found = {}
    for match in denied_in(typed_words(text), family):
        found |= match.named
    assert found == named


def test_what_is_only_mentioned_names_nothing():
    def nouns(text, family):
        words = typed_words(text)
        return [match.places for match in named_in(words, matches_in(words, family))]

    assert nouns("a lamp for my bed", "bed") == [] and nouns("a lamp for my bed", "lamp") == [(1,)]
    assert outside_places(typed_words("two smoothing planes")) == {1, 2}
    assert outside_places(typed_words("two planes")) == set()
    assert outside_places(typed_words("ice cream van"), [frozenset((0, 1, 2))]) == set()
    assert nouns("a stool taller than a chair", "chair") == []
    assert nouns("light blue", "lamp") == [] and nouns("a blue light", "lamp") == [(2,)]


# ---- materials -----------------------------------------------------------------------------------


def test_all_names_and_slots_have_words():
    assert set(SYNONYMS) | {"leafy", "dark"} == set(MATERIALS)
    assert {family: tuple(slots) for family, slots in PARTS.items()} == {
        family: FAMILIES[family].SLOTS for family in CLASSES
    }


@pytest.mark.parametrize(
    ("family", "text", "nouns", "slots"),
    [
        ("chair", "a red chair", [2], {"seat": "red"}),
        ("chair", "a crimson chair with brass legs", [2], {"seat": "red", "legs": "brass"}),
        ("chair", "chair : seat blue , back red", [0], {"seat": "blue", "back": "red"}),
        ("chair", "not a red chair", [3], {}),
        ("mug", "white mug , blue rim , red handle", [1], {"cup": "white", "handle": "red"}),
        ("mug", "a mug beside a green lamp", [1], {}),
        ("bottle", "a bottle of wine color green", [1], {"bottle": "green"}),
        ("rocket", "white rocket , the tip and the fins are orange", [1],
         {"body": "white", "nose": "orange", "fins": "orange"}),
        ("tree", "tree whose trunk is white and whose leaves are golden", [0],
         {"trunk": "white", "crown": "golden"}),
        ("sofa", "a navy blue sofa", [3], {"frame": "navy"}),
        ("table", "white marble table", [2], {"top": "marble"}),
        ("lamp", "lamp #ff6600", [0], {"shade": "orange"}),
        ("lamp", "a brass lamp", [2], {"stem": "brass", "foot": "brass", "body": "brass"}),
        ("chair", "wooden chair", [1],
         {"seat": "oak", "legs": "oak", "back": "oak", "arms": "oak"}),
        ("chair", "dark wood chair", [2],
         {"seat": "walnut", "legs": "walnut", "back": "walnut", "arms": "walnut"}),
        ("animal", "sheep with black faces", [0], {}),
        ("stool", "stool with a black leather cushion", [0], {"cushion": "black"}),
        ("car", "orange car with a black roof", [1], {"body": "orange"}),
        ("house", "a log cabin", [1, 2], {"walls": "pine", "door": "pine"}),
        ("tree", "stone pine", [0, 1], {}),
        ("house", "house with a blue front door", [0], {"door": "blue"}),
    ],
)  # fmt: skip
def test_a_colour_belongs_to_its_part(family, text, nouns, slots):
    words = typed_words(text)
    others = [k for k, word in enumerate(words) if word.text == "lamp" and family != "lamp"]
    found = dressed(family, materials_in(words, family, nouns, others))
    also = {} if family != "table" else {slot: found[slot] for slot in set(found) - set(slots)}
    assert found == slots | also
