"""Captions in English: choose what to name of a shape, and build a true sentence from it.

Lesson 09 trains on them. Every decision is drawn from a seed, so a seed gives the same text on
every machine.
"""

import re
from collections.abc import Sequence
from string import Formatter

from course_utils.datasets.captions.facts import ENTRIES, Attributes, Entry, Named, holds, pairs_of
from course_utils.datasets.captions.phrases import FORMS, SAID_APART
from course_utils.datasets.shapes import CLASSES, Draws, ShapeSet
from course_utils.networks.words import split

LONGEST = 24  # words
DIGITS = {"one": "1", "two": "2", "three": "3", "four": "4", "six": "6"}


def words(classes: Sequence[str] = CLASSES) -> list[str]:
    """Return the vocabulary: every word that a caption can contain, in alphabetical order.

    Args:
        classes: The families that the captions are about.
    """
    texts = [
        phrase.strip("=~")
        for family in classes
        for entry in ENTRIES.get(family, ())
        for phrase in entry.phrases
    ]
    texts += [re.sub("{.*?}", " ", form) for form in FORMS]
    found = {word for text in texts for word in split(text)}
    return sorted(found | {"a", "an", "and", "but", "or", "without", *DIGITS.values()})


def caption(
    family: str,
    attributes: Attributes,
    draws: Draws,
    forms: Sequence[str] = FORMS,
    required: Named | None = None,
) -> tuple[str, Named]:
    """Write a true text of at most LONGEST words about a shape.

    It has at most four phrases, and sometimes none. Only `required` may make it name both
    attributes of a pair in `SAID_APART`.

    Args:
        family: The shape's family, one of `CLASSES`.
        attributes: The shape's attributes, as `make_shape` returns them.
        draws: Makes every decision: `Draws("captions", 5)` gives the same text everywhere.
        forms: Sentences to choose from, `FORMS` or `TEST_FORMS`.
        required: Attributes that the text must name, with the values that it may allow for them.

    Returns:
        The text, and what it names: {attribute: allowed values}.

    Raises:
        ValueError: If the family is unknown.
    """
    if family not in ENTRIES:
        raise ValueError(f"family={family!r}: expected one of {', '.join(ENTRIES)}")
    true = [
        entry
        for entry in ENTRIES[family]
        if holds(entry.named, attributes) and holds(entry.condition, attributes)
    ]
    nouns = next(entry.phrases for entry in true if not entry.named)
    required = required or {}
    apart = [
        pair
        for pair in pairs_of(family, attributes, SAID_APART)
        if not pair.items() <= required.items()
    ]
    chosen = _choose_phrases(true, draws, required, apart)
    while True:
        text = _sentence(
            [phrase for _, phrase in sorted(chosen)], draws.pick(*nouns)[1:], draws, forms
        )
        if len(split(text)) <= LONGEST:
            return text, {
                name: values for place, _ in chosen for name, values in true[place].named.items()
            }
        chosen.pop()


def captions(shapes: ShapeSet, seed: int) -> list[str]:
    """Write one caption for each of N shapes.

    Args:
        shapes: The shapes, as `make_shapes` returns them.
        seed: Another seed gives other wordings and names other attributes; use one per epoch.
    """
    return [text for text, _ in captions_and_facts(shapes, seed)]


def captions_and_facts(
    shapes: ShapeSet, seed: int, forms: Sequence[str] = FORMS
) -> list[tuple[str, Named]]:
    """Write the same texts as `captions`, each with what it names: {attribute: allowed values}.

    Args:
        shapes: The shapes, as `make_shapes` returns them.
        seed: See `captions`.
        forms: Sentences to choose from, `FORMS` or `TEST_FORMS`.
    """
    draws = Draws("captions", seed)
    rows = zip(shapes.labels, shapes.attributes, strict=True)
    return [caption(CLASSES[label], attributes, draws, forms) for label, attributes in rows]


# ---- what to say ---------------------------------------------------------------------------------


def _shuffled(items: Sequence, draws: Draws) -> list:
    return sorted(items, key=lambda _: draws.between(0.0, 1.0))


def _choose_phrases(
    true: list[Entry], draws: Draws, required: Named, apart: list[Named]
) -> list[tuple[int, str]]:
    """Choose places in `true` and a phrase for each, those in `required` first.

    At most one of them is a noun. No attribute is named twice, and no pair of `apart` together.
    """
    number = draws.pick(0, 1, 1, 2, 2, 2, 3, 3, 3, 4)
    is_required = [any(name in required for name in entry.named) for entry in true]
    order = sorted(_shuffled(range(len(true)), draws), key=lambda place: not is_required[place])
    chosen, named, has_noun = [], {}, False
    for place in order:
        entry = true[place]
        if len(chosen) >= number and required.keys() <= named.keys():
            break
        phrases = [phrase for phrase in entry.phrases if not (has_noun and phrase[0] == "=")]
        if entry.named and phrases and _may_follow(entry.named, named, required, apart):
            chosen.append((place, draws.pick(*phrases)))
            named |= entry.named
            has_noun |= chosen[-1][1][0] == "="
    return chosen


def _may_follow(new: Named, named: Named, required: Named, apart: list[Named]) -> bool:
    """Whether a text that names `named` may also name `new`."""
    vague = any(not set(new[name]) <= set(required[name]) for name in new if name in required)
    together = any(pair.items() <= (named | new).items() for pair in apart)
    return not (vague or together or named.keys() & new.keys())


# ---- how to say it -------------------------------------------------------------------------------


def _sentence(phrases: list[str], noun: str, draws: Draws, forms: Sequence[str]) -> str:
    """Put phrases, in the order of the table, into a form that suits them.

    `noun` is used only if none of the phrases is a noun.
    """
    noun = next((phrase[1:] for phrase in phrases if phrase[0] == "="), noun)
    adjectives = [phrase[:-2] for phrase in phrases if phrase[-1] == "~"]
    details = [phrase for phrase in phrases if phrase[0] != "=" and phrase[-1] != "~"]
    details = _shuffled(_merge_details(details), draws)
    absent = (
        [_with_article(detail[3:]) for detail in details if detail.startswith("no ")]
        if draws.chance(0.5)
        else []
    )
    stated = [detail for detail in details if not absent or not detail.startswith("no ")]
    form = draws.pick(*[form for form in forms if _suits(form, adjectives, stated)])
    if stated and not form.endswith(("details}", "rest}")):  # nothing may follow
        absent, stated = [], details
    link = " but" if stated else " and" if form.endswith("adjectives}") else ""
    thing = " ".join([*adjectives, noun])
    text = form.format(
        noun=noun,
        a_noun=_with_article(noun),
        thing=thing,
        a=_with_article(thing),
        adjectives=" and ".join(adjectives),
        details=_enumeration(stated, "and"),
        first="".join(stated[:1]),
        rest=_enumeration(stated[1:], "and"),
        keywords=", ".join(re.sub("^an? ", "", detail) for detail in stated),
    ) + (f"{link} without {_enumeration(absent, 'or')}" if absent else "")
    return _with_digits(text) if draws.chance(0.3) else text


def _suits(form: str, adjectives: list[str], details: list[str]) -> bool:
    """Whether a form has a place for everything that is to be said, and no place left empty."""
    fields = {field for _, field, _, _ in Formatter().parse(form)}
    return (
        bool(fields & {"details", "keywords", "first"}) == bool(details)
        and bool(adjectives or "adjectives" not in fields)
        and (len(details) > 1 or "rest" not in fields)
    )


def _with_article(name: str) -> str:
    """Put "a" or "an" before a name, and nothing before a plural; bus and cypress are singular."""
    if re.search("([^us]s|feet)$", name):
        return name
    return f"an {name}" if name[0] in "aeiou" and not name.startswith("one ") else f"a {name}"


def _enumeration(details: list[str], link: str) -> str:
    return f" {link} ".join([", ".join(details[:-1]), details[-1]] if len(details) > 1 else details)


def _with_digits(text: str) -> str:
    return re.sub(r"\w+", lambda word: DIGITS.get(word[0], word[0]), text)


_DETAIL = re.compile(
    r"(a |an |no )?(.*?)(\w+)((?: (?:on|at|in|to|of|for|that|with|under|below|above|across)\b.*)?)$"
)


def _merge_details(details: list[str]) -> list[str]:
    """'a high back' and 'a back of bars across' become 'a high back of bars across'."""
    merged = []
    for detail in details:
        for k, other in enumerate(merged):
            if both := _one_detail(other, detail):
                merged[k] = both
                break
        else:
            merged.append(detail)
    return merged


def _one_detail(one: str, two: str) -> str | None:
    """Merge two details of the same part, numbers first; None if they cannot be merged."""
    article, before, part, behind = _DETAIL.match(one).groups()
    other, more, same, tail = _DETAIL.match(two).groups()
    if (
        part != same
        or bool(article) != bool(other)
        or "no " in (article, other)
        or (behind and tail)
    ):
        return None
    before, more = sorted((before, more), key=lambda words: words.split(" ")[0] not in DIGITS)
    name = f"{before}{more}{part}"
    return (_with_article(name) if article else name) + (behind or tail)
