"""Where a text has a phrase of the captions or of everyday speech, word by word.

`models.reading` helps its network with it: what stands there literally needs less confidence, and
what is denied literally is denied. It also tells the nouns from the rest.
"""

from collections.abc import Iterable, Sequence, Set
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from course_utils.datasets.captions.colours import ANY_PART, MATERIAL_WORDS, SHADES
from course_utils.datasets.captions.everyday import (
    APPROXIMATE,
    CHATTER,
    GLUE,
    LOOKS,
    OUTSIDE,
    everyday,
)
from course_utils.datasets.captions.facts import Named, parsed_entries
from course_utils.datasets.captions.speech import DIGITS, counted_things, phrases_of
from course_utils.datasets.captions.typed import BREAK, MANY, Word, typed_words
from course_utils.datasets.shapes import CLASSES


class Match(NamedTuple):
    """A phrase in a text.

    Attributes:
        places: Of its words.
        named: What it names.
        is_noun: Whether it is a noun.
        beyond: Places of words that ask for more than is made: the big of a big handle.
        of_part: Whether it is an adjective of a part, and so names nothing: thin wings.
    """

    places: tuple[int, ...]
    named: Named
    is_noun: bool
    beyond: tuple[int, ...] = ()
    of_part: bool = False


class Phrase(NamedTuple):
    """A phrase as it is compared.

    Attributes:
        words: Without articles and without the s of a plural.
        named: What it names.
        kind: "noun", "adjective" or "detail".
        last: Its last word as it is written.
        beyond: Which words ask for more than is made.
    """

    words: tuple[str, ...]
    named: Named
    kind: str
    last: str
    beyond: tuple[int, ...] = ()


_ARTICLES = frozenset(("a", "the", "its", "some"))
_BETWEEN = "is are be should shall must very really quite super rather so too all bit fairly"
_PASSING = _ARTICLES | set(_BETWEEN.split())
_TURNING = _PASSING | SHADES | MATERIAL_WORDS.keys()  # what may stand between a part and its look
_ONE = frozenset(("1", "a", "single", "lone"))


@cache
def index_of(family: str) -> dict[str, list[Phrase]]:
    """Return a family's phrases by their first word, longer ones first, without articles."""
    nouns, adjectives, details = phrases_of(family)
    kinds = ([(family, {}), *nouns], "noun"), (adjectives, "adjective"), (details, "detail")
    phrases = [
        Phrase(_singulars(phrase), named, kind, phrase.split()[-1])
        for rows, kind in kinds
        for phrase, named in rows
    ]
    spoken = {
        _singulars(phrase.strip("=~"))
        for entry in parsed_entries(everyday(family))
        for phrase in entry.phrases
    }
    meanings: dict[tuple[tuple[str, ...], bool], list[Named]] = {}
    for one in phrases:
        meanings.setdefault((one.words, one.kind == "noun"), []).append(one.named)
    index: dict[str, list[Phrase]] = {}
    for one in phrases:
        if one.words in spoken:
            one = one._replace(beyond=_beyond(one, family, meanings))
        if one.words:
            index.setdefault(one.words[0], []).append(one)
    for rows in index.values():
        rows.sort(key=lambda row: -len(row.words))
    return index


def _beyond(one: Phrase, family: str, meanings: dict) -> tuple[int, ...]:
    """Which words of a phrase may be left out without another meaning, and look like something."""
    words, is_noun = one.words, one.kind == "noun"
    looks = _single_nouns() if is_noun and words[-1:] == (family,) else frozenset()
    looks = looks | LOOKS | (APPROXIMATE if is_noun else frozenset())
    return tuple(
        k
        for k in range(len(words) - 1)
        if words[k] in looks
        and one.named in meanings.get((words[:k] + words[k + 1 :], is_noun), ())
    )


@cache
def _single_nouns() -> frozenset[str]:
    """What families are called in one word."""
    nouns = (noun for family in CLASSES for noun, _ in phrases_of(family)[0])
    return frozenset((*CLASSES, *(noun for noun in nouns if noun.isalpha())))


def _singulars(phrase: str) -> tuple[str, ...]:
    """The words of a phrase without articles, as they are compared."""
    return tuple(singular(one.text) for one in typed_words(phrase) if one.text not in _ARTICLES)


def singular(word: str) -> str:
    """Return a word without the s of a plural; both sides of a comparison go through it."""
    if len(word) > 3 and word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and word[-2] not in "su" else word


def matches_in(words: Sequence[Word], family: str) -> list[Match]:
    """Return the phrases of a family that a text has, longest first; no noun in another.

    Colours and words such as "very" may stand between the words of a phrase: two red towers. Of two
    words the second may come first: the back is tall.

    Args:
        words: Of the text.
        family: One of `CLASSES`.
    """
    texts = [word.text for word in words]
    close = [k for k, text in enumerate(texts) if text not in _ARTICLES]
    loose = [k for k in close if texts[k] not in _PASSING | SHADES and not _colours(texts[k])]
    index, found = index_of(family), []
    for kept, linked in ((close, True), (loose, False)):
        for start in range(len(kept)):
            _collect(words, kept[start:], index, family, found, linked)
    found += [row for row in _counts(texts, loose, index) if row not in found]
    sets = {frozenset(one.places) for one, _ in found}
    found = [row for row in found if not any(set(row[0].places) < other for other in sets)]
    nouns = {k for match, kind in found if kind == "noun" for k in match.places}
    bound = [one.places for one, kind in found if kind != "adjective" and len(one.places) > 1]
    taken = {k for places in bound for k in places}
    turned = _turned(texts, [k for k in loose if k not in taken], index)
    taken = {k for match, _ in turned for k in match.places}
    result = [match for match, _ in turned]
    for one, kind in found:
        if kind != "adjective":
            result.append(one)
        elif not taken & set(one.places):
            result.append(one._replace(of_part=_of_part(words, one.places, nouns)))
    return result


def _counts(
    texts: Sequence[str], kept: Sequence[int], index: dict[str, list[Phrase]]
) -> list[tuple[Match, str]]:
    """Counted parts with words about them between: four triangular fins."""
    said = [singular(texts[k]) for k in kept]
    found = []
    for start, number in enumerate(said):
        rows = [one for one in index.get(number, ()) if len(one.words) == 2]
        for end in range(start + 2, min(start + 4, len(said))) if number.isdigit() else ():
            part, between = said[end], said[start + 1 : end]
            about = {
                one.words[0]
                for text in between
                for one in index.get(text, ())
                if one.words[1:] == (part,)
            }
            if all(text in LOOKS or text in about for text in between):
                places = (kept[start], kept[end])
                found += [
                    (Match(places, one.named, False), "detail")
                    for one in rows
                    if one.words[1] == part
                ]
    return found


def _turned(
    texts: Sequence[str], kept: Sequence[int], index: dict[str, list[Phrase]]
) -> list[tuple[Match, str]]:
    """Details of two words, the second first: the back is tall."""
    found = []
    for one, two in pairwise(kept):
        pair = (singular(texts[two]), singular(texts[one]))
        apart = any(text == BREAK or text not in _TURNING for text in texts[one + 1 : two])
        if apart or pair[0].isdigit():
            continue
        for phrase in index.get(pair[0], ()):
            if phrase.words == pair and phrase.kind == "detail":
                found.append((Match((one, two), phrase.named, False), "detail"))
    return found


def _colours(text: str) -> bool:
    return text in MATERIAL_WORDS or text[:1] == "#"


def _collect(
    words: Sequence[Word],
    kept: Sequence[int],
    index: dict[str, list[Phrase]],
    family: str,
    found: list[tuple[Match, str]],
    linked: bool,
) -> None:
    """Add the phrases that begin at the first of the places that are kept, nouns "of" if linked."""
    texts = [singular(words[k].text) for k in kept[:12]]
    for phrase in index.get(texts[0], ()) if texts[0] != BREAK else ():
        size = len(phrase.words)
        if tuple(texts[:size]) != phrase.words:
            continue
        if not linked and phrase.kind == "noun" and GLUE & set(phrase.words):
            continue
        places = tuple(kept[:size])
        match = Match(
            places, phrase.named, phrase.kind == "noun", tuple(places[k] for k in phrase.beyond)
        )
        if _miscounted(words, places, phrase, family):
            continue
        if (match, phrase.kind) not in found:
            found.append((match, phrase.kind))


def _miscounted(words: Sequence[Word], places: Sequence[int], phrase: Phrase, family: str) -> bool:
    """Whether a number before a phrase denies it: one big eye, six legs."""
    at = places[0] - 1
    while at >= 0 and (words[at].text in LOOKS | SHADES or _colours(words[at].text)):
        at -= 1
    before = words[at].text if at >= 0 else BREAK
    if phrase.kind != "detail" or phrase.words[0].isdigit():
        return False
    plural = phrase.last != singular(phrase.last)
    if before in _ONE and plural and words[places[-1]].text == phrase.words[-1]:
        return True
    counted = counted_things(family).get(phrase.last)
    known = counted and before in {DIGITS[number] for number in counted}
    return (before.isdigit() or before == MANY) and bool(counted) and not known


def _of_part(words: Sequence[Word], places: Sequence[int], nouns: set[int]) -> bool:
    """Whether an adjective is said of a part: thin red wings, wings are thin; but not thin body."""
    at = places[0] - 1
    while at >= 0 and words[at].text in _PASSING - _ARTICLES:
        at -= 1
    if 0 <= at < places[0] - 1 and at not in nouns and words[at].text in ANY_PART - {"body"}:
        return True
    at = places[-1] + 1
    while at < len(words) and (_colours(words[at].text) or words[at].text in _PASSING | SHADES):
        if at in nouns:
            return False
        at += 1
    return at < len(words) and at not in nouns and words[at].text in ANY_PART - {"body"}


# ---- what is denied, and what is only mentioned --------------------------------------------------

DENIALS = frozenset(("no", "not", "without", "neither", "never"))
_DENYING = "minus skip lose leave omit drop remove instead zero 0 free less"
DENYING = DENIALS | frozenset(_DENYING.split())
FARTHEST = 6  # words between a denial and what it denies
_MENTIONS = (
    "for my; for the; for a; for our; in the; in my; like a; like the; near the; to my; from the;"
    " than a; than the; than my; size of a; as a; not a; not the; not my"
)
MENTIONS = frozenset(_MENTIONS.split("; "))


def is_denied(words: Sequence[Word], place: int) -> bool:
    """Return whether what begins at a place of a text is denied: no arms, not with any arms.

    Only words that say nothing and names of parts may stand between: neither back nor arms.
    """
    for k in range(place - 1, max(-1, place - 2 - FARTHEST), -1):
        text, before = words[k].text, words[k - 1].text if k else BREAK
        if text in DENYING:
            return True
        joins = text in ("with", "but") and before not in DENYING
        begins = text == "a" and before in ("and", "or", "plus")
        if text == BREAK or joins or begins or text not in GLUE | CHATTER | ANY_PART:
            return False
    return False


_ASKING = frozenset(("a", "any", "the", "my", "want", "need", "like", "really"))


def ruled_out_in(words: Sequence[Word], found: Sequence[Match]) -> list[Match]:
    """Return the phrases that stand in a text and name nothing: not tall, not an armchair.

    So do adjectives of parts: thin wings.

    Args:
        words: Of the text.
        found: Of `matches_in`.
    """

    def denied(one: Match) -> bool:
        if not one.is_noun:
            return one.of_part or is_denied(words, one.places[0])
        at = one.places[0] - 1
        while at >= 0 and words[at].text in _ASKING:
            at -= 1
        return at >= 0 and words[at].text in DENIALS

    return [one for one in found if denied(one)]


@cache
def absences_of(family: str) -> tuple[tuple[tuple[str, ...], Named], ...]:
    """Return the parts that a family's phrases can deny, and what it says of the shape."""
    phrases = [
        (phrase[3:], named) for phrase, named in phrases_of(family)[2] if phrase[:3] == "no "
    ]
    return tuple((_singulars(phrase), named) for phrase, named in phrases)


def denied_in(words: Sequence[Word], family: str) -> list[Match]:
    """Return the parts of a family that a text denies, as what their absence is called.

    Args:
        words: Of the text.
        family: One of `CLASSES`.
    """
    kept = [k for k, word in enumerate(words) if word.text not in _ARTICLES]
    texts = [singular(words[k].text) for k in kept]
    found = []
    for phrase, named in absences_of(family):
        for start in range(len(texts)):
            there = tuple(texts[start : start + len(phrase)]) == phrase
            if there and is_denied(words, kept[start]):
                found.append(Match(tuple(kept[start : start + len(phrase)]), named, False))
    return found


@cache
def outside_things() -> frozenset[tuple[str, ...]]:
    """Return the longer names of things that no family is, as they are compared."""
    return frozenset(words for thing in OUTSIDE if len(words := _singulars(thing)) > 1)


def outside_places(words: Sequence[Word], nouns: Iterable[Set[int]] = ()) -> set[int]:
    """Return the places of words in longer names of things that no family is: smoothing plane.

    Args:
        words: Of the text.
        nouns: Places of each noun; what is only part of one is no thing: the ice cream of a van.
    """
    texts = [singular(word.text) for word in words]
    things = [
        set(range(start, start + len(thing)))
        for thing in outside_things()
        for start in range(len(texts))
        if tuple(texts[start : start + len(thing)]) == thing
    ]
    return {k for thing in things if not any(thing < noun for noun in nouns) for k in thing}


def named_in(words: Sequence[Word], found: Sequence[Match]) -> list[Match]:
    """Return the nouns that name what a text asks for, not those only mentioned: for my car.

    Nor is the light of light blue a lamp.

    Args:
        words: Of the text.
        found: Of `matches_in`.
    """

    def mentioned(match: Match) -> bool:
        first, last = match.places[0], match.places[-1]
        if words[first].text in SHADES and last + 1 < len(words) and _colours(words[last + 1].text):
            return True
        before = [word.text for word in words[max(0, first - 3) : first]]
        return any(" ".join(before[k:]) in MENTIONS for k in range(len(before)))

    return [match for match in found if match.is_noun and not mentioned(match)]
