"""Where a text has a phrase of the captions or of everyday speech, word by word.

`models.reading` helps its network with it: what stands there literally needs less confidence, and
what is denied literally is denied. It also tells the nouns from the rest.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from course_utils.datasets.captions.colours import ANY_PART
from course_utils.datasets.captions.everyday import CHATTER, GLUE, OUTSIDE
from course_utils.datasets.captions.facts import Named
from course_utils.datasets.captions.speech import phrases_of
from course_utils.datasets.captions.typed import BREAK, Word, typed_words


class Match(NamedTuple):
    """A phrase in a text: the places of its words, what it names, and whether it is a noun."""

    places: tuple[int, ...]
    named: Named
    is_noun: bool


Phrase = tuple[tuple[str, ...], Named, bool]
_ARTICLES = frozenset(("a", "the", "its", "some"))


@cache
def _index(family: str) -> dict[str, list[Phrase]]:
    """A family's phrases by their first word, longer ones first; articles are left out."""
    nouns, adjectives, details = phrases_of(family)
    phrases = [(family, {}, True), *((*noun, True) for noun in nouns)]
    phrases += [(*one, False) for one in (*adjectives, *details)]
    index: dict[str, list[Phrase]] = {}
    for phrase, named, is_noun in phrases:
        words = _singulars(phrase)
        if words:
            index.setdefault(words[0], []).append((words, named, is_noun))
    for rows in index.values():
        rows.sort(key=lambda row: -len(row[0]))
    return index


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

    Args:
        words: Of the text.
        family: One of `CLASSES`.
    """
    index = _index(family)
    kept = [k for k, word in enumerate(words) if word.text not in _ARTICLES]
    texts = [singular(words[k].text) for k in kept]
    found: list[Match] = []
    for start, text in enumerate(texts):
        if text == BREAK:
            continue
        for phrase, named, is_noun in index.get(text, ()):
            if tuple(texts[start : start + len(phrase)]) == phrase:
                places = tuple(kept[start : start + len(phrase)])
                match = Match(places, named, is_noun)
                if match not in found and not any(set(places) < set(one.places) for one in found):
                    found.append(match)
    return found


# ---- what is denied, and what is only mentioned --------------------------------------------------

DENIALS = frozenset(("no", "not", "without", "neither", "never"))
_DENYING = "minus skip lose leave omit drop remove instead zero 0 free less"
DENYING = DENIALS | frozenset(_DENYING.split())
FARTHEST = 6  # words between a denial and what it denies
_MENTIONS = (
    "for my; for the; for a; for our; in the; in my; like a; like the; near the; to my; from the"
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


@cache
def _absences(family: str) -> tuple[tuple[tuple[str, ...], Named], ...]:
    """The parts that a family's phrases can deny, and what it says of the shape."""
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
    for phrase, named in _absences(family):
        for start in range(len(texts)):
            there = tuple(texts[start : start + len(phrase)]) == phrase
            if there and is_denied(words, kept[start]):
                found.append(Match(tuple(kept[start : start + len(phrase)]), named, False))
    return found


@cache
def _outside() -> frozenset[tuple[str, ...]]:
    return frozenset(words for thing in OUTSIDE if len(words := _singulars(thing)) > 1)


def outside_places(words: Sequence[Word]) -> set[int]:
    """Return the places of words in longer names of things that no family is: smoothing plane."""
    texts = [singular(word.text) for word in words]
    return {
        k
        for thing in _outside()
        for start in range(len(texts))
        if tuple(texts[start : start + len(thing)]) == thing
        for k in range(start, start + len(thing))
    }


def named_in(words: Sequence[Word], found: Sequence[Match]) -> list[Match]:
    """Return the nouns that name what a text asks for, not those only mentioned: for my car.

    Args:
        words: Of the text.
        found: Of `matches_in`.
    """

    def before(match: Match) -> str:
        start = match.places[0]
        return " ".join(word.text for word in words[max(0, start - 2) : start])

    return [match for match in found if match.is_noun and before(match) not in MENTIONS]
