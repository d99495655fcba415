"""Where a text has a phrase of the captions or of everyday speech, word by word.

`models.reading` names what it understood by it, and tells the nouns from the rest.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

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
        words = tuple(
            singular(word.text) for word in typed_words(phrase) if word.text not in _ARTICLES
        )
        if words:
            index.setdefault(words[0], []).append((words, named, is_noun))
    for rows in index.values():
        rows.sort(key=lambda row: -len(row[0]))
    return index


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
