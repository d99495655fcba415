"""Captions: true, complete, unambiguous, natural; and what is held out."""

import hashlib
import re
from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from course_utils.datasets.captions import (
    FIRST_TEST_SEED,
    FORMS,
    HELD_OUT,
    LONGEST,
    PHRASES,
    SAID_APART,
    TEST_FORMS,
    caption,
    captions,
    captions_and_facts,
    facts_of,
    held_out,
    named_facts,
    pairs_of,
    prompts,
    sayable,
    true_facts,
    words,
)
from course_utils.datasets.shapes import CLASSES, Draws, attributes_of, make_shapes
from course_utils.networks.text import Vocabulary
from course_utils.networks.words import split

CHECKSUM = "d659e6573b69332bd46d29c7ebc2ec1171080651318d3bda3354e3bbc94013d8"

# A value that says that an attribute does not apply, and where that is: no phrase needs to tell.
DOES_NOT_APPLY = {
    ("table", "legs", "none"): lambda a: a["base"] != "four legs",
    ("lamp", "shade_size", "none"): lambda a: a["shade"] == "globe",
    ("sofa", "side", "none"): lambda a: a["form"] == "straight",
    ("airplane", "engine_place", "none"): lambda a: a["engines"] == 0,
    ("house", "pitch", "none"): lambda a: a["roof"] in ("flat", "shed"),
    ("mug", "handle_shape", "none"): lambda a: a["handle"] == "none",
    ("stool", "legs", "none"): lambda a: a["base"] == "pedestal",
}


@pytest.fixture(scope="module")
def shapes():
    """The attributes of 500 shapes of each family."""
    return {family: [attributes_of(family, seed) for seed in range(500)] for family in CLASSES}


@pytest.fixture(scope="module")
def examples(shapes):
    """(family, attributes, text, named) of 300 captions per family, in all the forms."""
    draws, rows = Draws("test", 0), []
    for family in CLASSES:
        for forms in (FORMS, TEST_FORMS):
            rows += [(family, a, *caption(family, a, draws, forms)) for a in shapes[family][:150]]
    return rows


def says(key):
    """A key of `PHRASES` or `HELD_OUT`, read anew: {attribute: texts of its values}.

    What goes unsaid is omitted.
    """
    terms = [term.split("=") for term in key.split() if term[0] != "?"]
    texts = {"yes": "True", "no": "False"}
    return {
        name: [texts.get(v, v.replace("_", " ")) for v in values.split("|")]
        for name, values in terms
    }


@pytest.mark.parametrize("family", CLASSES)
def test_every_value_of_every_attribute_has_a_phrase_of_its_own(family, shapes):
    alone = {
        (name, values[0])
        for key in PHRASES[family]
        for name, values in says(key).items()
        if len(values) == 1
    }
    for name in shapes[family][0]:
        for value in {attributes[name] for attributes in shapes[family]}:
            if (family, name, value) in DOES_NOT_APPLY:
                reason = DOES_NOT_APPLY[family, name, value]
                assert all((a[name] == value) == reason(a) for a in shapes[family])
            else:
                assert (name, str(value)) in alone, (name, value)
    known = {(name, str(a[name])) for a in shapes[family] for name in a}
    assert {
        (n, v) for key in PHRASES[family] for n, values in says(key).items() for v in values
    } <= known


def test_captions_are_true(examples):
    for _, attributes, text, named in examples:
        assert all(attributes[name] in values for name, values in named.items()), text


@pytest.mark.parametrize(
    ("family", "regex", "name", "values"),
    [
        ("chair", "armchair", "armrests", {True}),
        ("chair", "no arm ?rests|without arm|armless", "armrests", {False}),
        ("chair", "(3|three) (legs|feet)", "base", {"three legs"}),
        ("table", "coffee", "size", {"low"}),
        ("table", "no drawers|without drawers", "extra", {"none", "apron", "shelf"}),
        ("sofa", "(2|two) seat|for (2|two)", "seats", {2}),
        ("sofa", "on the left|left corner|left chaise|left side", "side", {"left"}),
        ("bed", "bunk", "kind", {"bunk"}),
        ("bed", "(2|two) pillows", "pillows", {2}),
        ("shelf", "(3|three) (rows|levels)", "rows", {3}),
        ("airplane", "(4|four) (jet )?(rear )?engines", "engines", {4}),
        ("car", "(6|six) ", "wheels", {6}),
        ("house", r"(1|one|single) stor|(1|one) floor|bungalow", "storeys", {1}),
        ("house", r"\bchimney", "chimney", {"none", "left", "right"}),
        ("tree", "palm", "crown", {"palm"}),
        ("tree", "leaning|tilted", "lean", {"left", "right"}),
        ("mug", "empty", "full", {False}),
    ],
)
def test_words_mean_what_a_reader_takes_them_for(examples, family, regex, name, values):
    found = [
        (text, a[name], named)
        for other, a, text, named in examples
        if other == family and re.search(regex, text)
    ]
    assert len(found) >= 3
    assert {value for _, value, _ in found} <= values and all(
        name in named for _, _, named in found
    )


LINKS = "and|or|a|an|no|with|without|has|that|but|featuring|it"


def pattern(phrase):
    """A regular expression for a phrase, with room for others about the same part in between."""
    if phrase[0] == "=" or phrase[-1] == "~":
        # a square handle does not make a mug square
        return rf"(?<!\w){phrase.strip('=~ ')}(?= |$|,)(?! handle)"
    if phrase.startswith("no "):
        return phrase.replace(" ", "_") + r"(?!\w)"
    before, part, behind = re.fullmatch(
        r"(?:an? )?(.*?)(\w+)((?: (?:on|at|of|that|under|below|for|to) ?.*)?)", phrase
    ).groups()
    return rf"(?<!\w){before}(?:(?!(?:{LINKS})\b)\w+ )*?{part}{behind}(?= |$|,)"


def simple(text):
    """Numbers in words, and what is absent as no_such_thing."""
    text = re.sub(
        r"\d",
        lambda digit: {"1": "one", "2": "two", "3": "three", "4": "four", "6": "six"}[digit[0]],
        text,
    )
    stated, _, absent = text.partition("without ")
    text = f"{stated}{re.sub('(^| or |, )(an? )?', ', no ', absent) if absent else ''}"
    return re.sub(
        rf"\bno(?: (?!(?:{LINKS})\b)\w+)+", lambda clause: clause[0].replace(" ", "_"), text
    )


def test_captions_can_be_read_back(examples):
    """A reader who knows the phrases finds the named attributes with fitting values, no others."""
    facts = {family: [] for family in CLASSES}
    for family in CLASSES:
        for key, phrases in PHRASES[family].items():
            facts[family].append(
                (says(key), re.compile("|".join(map(pattern, phrases.split("; ")))))
            )
    for family, _, text, named in examples:
        found = [means for means, phrase in facts[family] if phrase.search(simple(text))]
        assert {name for means in found for name in means} == set(named), (text, named)
        for name, values in ((name, values) for means in found for name, values in means.items()):
            assert set(values) & set(map(str, named[name])), (text, named)


def test_one_text_has_one_meaning(shapes):
    meanings = {}
    for seed in range(2):
        draws = Draws("meaning", seed)
        for family in CLASSES:
            for attributes in shapes[family][:250]:
                text, named = caption(family, attributes, draws)
                assert meanings.setdefault((family, text), named) == named, text


@pytest.mark.parametrize("family", CLASSES)
def test_a_phrase_stands_in_one_place_and_holds_no_other(family):
    """Where a phrase is part of another, it follows from that ("round ~", without a noun, is not)."""
    rows = [
        (phrase, says(key))
        for key, phrases in PHRASES[family].items()
        if says(key)
        for phrase in phrases.split("; ")
    ]
    texts = [phrase for phrase, _ in rows if phrase[0] != "="]
    counts = {
        phrase: {key for key in PHRASES[family] if phrase in PHRASES[family][key].split("; ")}
        for phrase in texts
    }
    assert all(len({str(says(key)) for key in keys}) == 1 for keys in counts.values())
    for one, means in rows:
        for other, implies in rows:
            inside = f" {re.sub('^an? |^=', '', one)} " in f" {re.sub('^an? |^=', '', other)} "
            if inside and means != implies and not other.startswith("no ") and one[-1] != "~":
                assert all(
                    set(implies.get(name, ["?"])) <= set(values) for name, values in means.items()
                ), (one, other)


def test_the_vocabulary_is_closed(examples):
    known, used = set(words()), Counter(word for row in examples for word in split(row[2]))
    assert set(used) <= known
    assert {word for form in TEST_FORMS for word in split(re.sub("{.*?}", " ", form))} <= {
        word for form in FORMS for word in split(re.sub("{.*?}", " ", form))
    }
    assert len(known - set(used)) <= 5  # rare ones may not come in few captions
    tokens = Vocabulary(words()).encode([row[2] for row in examples])
    assert tokens.shape[1] <= LONGEST == 24


def test_captions_are_natural(examples):
    """Articles, plurals, doubled words, and what is left of a form."""
    plural = "feet|legs|wheels|doors|books|steps|arms|armrests|engines|handles|trestles"
    single = (
        "headboard|footboard|blanket|cover|pot|mound|handle|rim|saucer|spoiler|chimney|garage|porch"
    )
    odd = [
        r"\ba [aeio]", r"\ba u", r"\ban [^aeiou]", r"\b(\w+) \1\b", r"\b(a|an|no|without) (a|an|no) (a|an|no)\b",
        "  ", "[{}~=]", "^ | $|,$", rf"\b(a|an|this|this is) ({plural})\b", rf"\bwithout ({single})\b",
        r"\b(with|has|and|or|but|featuring|without)($|,)",
    ]  # fmt: skip
    for _, _, text, _ in examples:
        assert not any(re.search(pattern, text.replace("a one", "one")) for pattern in odd), text


def test_captions_vary(shapes):
    rows = [(family, attributes) for family in CLASSES for attributes in shapes[family][:180]]
    draws = Draws("variety", 0)
    made = [caption(*row, draws) for row in rows]
    assert len({text for text, _ in made}) > 0.8 * len(made)
    counts = np.bincount([len(named) for _, named in made], minlength=5) / len(made)
    assert 0.07 < counts[0] < 0.13 and counts[1:5].min() > 0.07  # none: the family alone


def test_the_same_draws_give_the_same_captions():
    made = make_shapes(44, resolution=8)
    texts = captions(made, seed=5)
    assert (
        texts == captions(made, seed=5)
        and sum(a != b for a, b in zip(texts, captions(made, 6), strict=True)) > 35
    )
    assert captions(make_shapes(22, 8), seed=5) == texts[:22]
    whole = "|".join(texts + [prompt.text for prompt in prompts(44, HELD_OUT, TEST_FORMS)])
    # another one means new captions for training
    assert hashlib.sha256(whole.encode()).hexdigest() == CHECKSUM


@pytest.mark.parametrize(
    ("table", "family"), [(table, family) for table in (HELD_OUT, SAID_APART) for family in table]
)
def test_a_few_have_a_pair_and_every_value_stays_without_them(table, family, shapes):
    made = shapes[family]
    pairs = [says(pair) for pair in table[family]]
    out = [
        any(all(str(a[name]) in values for name, values in pair.items()) for pair in pairs)
        for a in made
    ]
    assert out == [bool(pairs_of(family, attributes, table)) for attributes in made]
    assert 0.02 <= np.mean(out) <= 0.13 and all(len(pair) == 2 for pair in pairs)
    trained = [attributes for attributes, away in zip(made, out, strict=True) if not away]
    drawn, seen = (Counter(item for a in some for item in a.items()) for some in (made, trained))
    assert all(seen[item] > 0.4 * drawn[item] for item in drawn)
    drawn, seen = (
        {pair for a in some for pair in combinations(a.items(), 2)} for some in (made, trained)
    )
    assert len(seen) >= 0.9 * len(drawn)


def test_no_text_of_the_training_names_a_pair_that_is_said_apart():
    made, together, each = make_shapes(1100, resolution=8), 0, 0
    for (_, named), label, attributes in zip(
        captions_and_facts(made, 3), made.labels, made.attributes, strict=True
    ):
        for pair in pairs_of(CLASSES[label], attributes, SAID_APART):
            together += pair.items() <= named.items()
            each += len(pair.items() & named.items()) == 1
    assert together == 0 and each > 10


def test_held_out_shapes_of_a_set():
    made = make_shapes(220, resolution=8)
    wanted = [
        bool(pairs_of(CLASSES[k], a)) for k, a in zip(made.labels, made.attributes, strict=True)
    ]
    assert held_out(made).tolist() == wanted and 2 < sum(wanted) < 30


@pytest.mark.parametrize(
    ("table", "pair"), [(HELD_OUT, ("back", "ladder")), (SAID_APART, ("seat", "round"))]
)
def test_a_named_pair_is_told(table, pair):
    drawn = (attributes_of("chair", seed) for seed in range(400))
    attributes, (required,) = next(
        (a, pairs) for a in drawn if (pairs := pairs_of("chair", a, table))
    )
    assert required[pair[0]] == (pair[1],)
    for seed in range(60):
        _, named = caption("chair", attributes, Draws("must", seed), required=required)
        assert required.items() <= named.items()


@pytest.mark.parametrize("table", [None, HELD_OUT, SAID_APART])
def test_prompts_are_about_shapes_that_can_be_drawn(table):
    asked, families = (
        prompts(110, table, TEST_FORMS),
        [f for f in CLASSES if table is None or f in table],
    )
    assert [prompt.family for prompt in asked] == (list(families) * 13)[:110]
    for prompt in asked:
        attributes = attributes_of(prompt.family, prompt.seed)
        assert prompt.seed >= FIRST_TEST_SEED and prompt.named
        assert all(attributes[name] in values for name, values in prompt.named.items())
        new, apart = (
            [
                pair
                for pair in pairs_of(prompt.family, attributes, pairs)
                if pair.items() <= prompt.named.items()
            ]
            for pairs in (HELD_OUT, SAID_APART)
        )
        assert bool(new) == (table is HELD_OUT) and (bool(apart) == (table is SAID_APART) or new), (
            prompt
        )
        assert table is HELD_OUT or not pairs_of(prompt.family, attributes)
    assert prompts(22, table, TEST_FORMS) == asked[:22] and prompts(22, table) != asked[:22]
    assert prompts(11, table, TEST_FORMS, first_seed=5)[0].seed < 400


def test_facts_are_all_that_texts_name_and_true_of_what_they_are_told_of():
    made = make_shapes(330, resolution=8)
    families = [CLASSES[label] for label in made.labels]
    texts = captions_and_facts(made, 1)
    named, true = named_facts(families, [names for _, names in texts]), true_facts(made)
    assert named.shape == true.shape == (330, len(facts_of())) and len(set(facts_of())) == len(
        facts_of()
    )
    assert named.sum(1).tolist() == [len(names) for _, names in texts] and not (named & ~true).any()
    for row, family in zip(true, families, strict=True):
        assert {facts_of()[k][0] for k in np.flatnonzero(row)} == {family}
    chair = made.attributes[0]
    row = [facts_of()[k][1:] for k in np.flatnonzero(true[0])]
    assert ("base", (chair["base"],)) in row and all(chair[name] in values for name, values in row)


def test_an_unknown_family_is_refused():
    with pytest.raises(ValueError, match="family='dragon': expected one of chair, table"):
        caption("dragon", {}, Draws("dragon", 0))


def test_what_is_read_becomes_facts_that_captions_name():
    facts = {(family, name): set() for family, name, _ in facts_of()}
    for family, name, values in facts_of():
        facts[family, name].add(values)
        assert sayable(family, {name: values}) == {name: values}
    assert ("four legs", "three legs") not in facts["chair", "base"]
    told = sayable("chair", {"base": ("three legs", "four legs"), "colour": ("red",)})
    assert set(told) == {"base"}
    assert {"three legs", "four legs"} <= set(told["base"]) or set(told["base"]) <= {
        "three legs",
        "four legs",
    }
