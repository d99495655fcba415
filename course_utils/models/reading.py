"""What any sentence asks for: `read("a red armchair with wooden legs")`.

A small network reads families and facts from borrowed vectors of the words (`networks.reader`,
`datasets.word_vectors`), rules read the materials (`datasets.captions.colours`), and what moved
neither is named as missed: nothing that was typed vanishes silently. The reader stands in front of
every model that makes shapes. The site's page reads by the same rules (`docs/web/live/reader.js`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from course_utils.datasets.captions.colours import (
    ANY_PART,
    COPULAS,
    LINKS,
    MATERIAL_WORDS,
    SHADES,
    SLOT_WORDS,
    dressed,
    materials_in,
)
from course_utils.datasets.captions.everyday import APPROXIMATE, CHATTER, GLUE, LOOKS
from course_utils.datasets.captions.facts import Named
from course_utils.datasets.captions.lexicon import (
    DENIALS,
    Match,
    denied_in,
    is_denied,
    matches_in,
    named_in,
    outside_places,
    ruled_out_in,
)
from course_utils.datasets.captions.speech import (
    IMPLIED,
    Fact,
    Value,
    phrases_of,
    speakable_facts,
    spoken_words,
)
from course_utils.datasets.captions.typed import BREAK, MANY, Spelling, Word, typed_words
from course_utils.datasets.word_vectors import WordVectors, word_vectors
from course_utils.models.checkpoints import load_checkpoint
from course_utils.networks.words import shown
from course_utils.places import CHECKPOINTS

SHIPPED_READER = CHECKPOINTS / "reader"
LONGEST_TEXT = 400  # words and breaks that are read; what follows is missed
MOVED = 1.0  # a word matters if the logit of something that was understood falls by this without it
SURE = 0.0  # the logit above which a family is named of which a noun stands there
SURER = 2.0  # and one of which none does
CONTESTED = 6.0  # and one of which none does, where another's does
NAMED_FIRST = -5.0  # and the one whose noun stands before all others
SURE_OF_FACTS = 6.0  # the logit above which a fact is named
DOUBTFUL = -4.0  # and above which one is, if its phrase stands in the text literally
WORDED, DENIED = 100.0, 200.0  # how much surer these are, and what is denied literally

Item = tuple[str, tuple[Value, ...]]  # an attribute and the values that are allowed for it


@dataclass(frozen=True)
class Reading:
    """What a text asks for.

    Attributes:
        text: As typed.
        family: One of the reader's families, or None where none is understood.
        others: Further families that the text asks for; a shape is of one.
        facts: {attribute: values that the text allows}, of the family.
        materials: {slot: name of a material}, of the slots whose material the text decides.
        understood: Phrases as typed, in order.
        missed: Phrases as typed that ask for what cannot be made, in order.
        nearest: The family whose names are most like the text's words; only where family is None.
    """

    text: str
    family: str | None
    others: tuple[str, ...]
    facts: Named
    materials: dict[str, str]
    understood: tuple[str, ...]
    missed: tuple[str, ...]
    nearest: str | None = None

    @property
    def answer(self) -> str:
        """One line: "understood: red armchair, wooden legs; I cannot make: tropical island"."""
        parts = [("understood", self.understood), ("I cannot make", self.missed)]
        lines = [f"{name}: {', '.join(map(shown, phrases))}" for name, phrases in parts if phrases]
        if self.others:
            lines.append(f"one shape is made, so no {' and no '.join(self.others)}")
        return "; ".join(lines) or "the text says nothing"


class TextReader:
    """Reads texts with a trained network.

    Args:
        network: A `networks.reader.Reader`.
        families: Its families, in the order of its outputs.
        vectors: What it knows words by.
    """

    def __init__(self, network: torch.nn.Module, families: Sequence[str], vectors: WordVectors):
        self.network, self.families, self.vectors = network, tuple(families), vectors
        self.facts = speakable_facts(self.families)
        self.opposites = {family: _opposites(self.facts, family) for family in self.families}
        outputs = network.outlet.out_features
        if outputs != len(self.families) + len(self.facts):
            raise ValueError(
                f"the reader has {outputs} outputs for {len(self.families)} families and"
                f" {len(self.facts)} facts; train it again (train reader)"
            )
        known = [*spoken_words(self.families), *sorted(GLUE)]
        self.spelling = Spelling(known, vectors.whole_words)

    def read(self, text: str) -> Reading:
        """Return what a text asks for.

        Args:
            text: Any text.

        Raises:
            ValueError: If it is no text.
        """
        if not isinstance(text, str):
            raise ValueError(f"text is {text!r}; expected a text")
        typed = typed_words(text)
        words = self.spelling.mended(typed[:LONGEST_TEXT])
        rest = next((text[one.start :] for one in typed[LONGEST_TEXT:] if _matters(one)), "")
        votes = self._votes([words])[0]  # (length, outputs)
        logits = votes.amax(0)
        found = self._found(words)
        named = self._families(votes, _asked_for(words, found))
        if not named:
            missed = _phrases(text, words, set(), set())[1]
            missed = (*missed, rest) if rest else missed
            return Reading(text, None, (), {}, {}, (), missed, self._nearest(words, self.families))
        family, *others = named
        nouns = self._noun_places(votes, found[family], family)
        theirs = {k for name in others for k in self._noun_places(votes, found[name], name)}
        said, denied, without = self._said(words, found[family], family)
        facts, asserted = self._facts(logits, family, said, denied, without)
        materials = materials_in(words, family, sorted(nouns), sorted(theirs - nouns))
        moving = partial(self._moving, words, votes, asserted)
        known = (*found[family], *denied)
        coloured = {k for one in materials for k in one.places}
        used = _used(words, family, known, facts, nouns | theirs, coloured, moving)
        understood, missed = _phrases(text, words, used, nouns | theirs)
        if not used & nouns:
            understood = (family, *understood)
        missed = (*missed, rest) if rest else missed
        return Reading(
            text, family, tuple(others), facts, dressed(family, materials), understood, missed
        )

    def _found(self, words: Sequence[Word]) -> dict[str, list[Match]]:
        """The phrases of each family in a text; no nouns that belong to other things' names.

        The desk of a desk lamp is no desk; none are found of a family whose nouns are all such.
        """
        found = {name: matches_in(words, name) for name in self.families}
        nouns = {places for rows in found.values() for places in _noun_sets(rows)}
        outside = outside_places(words, nouns)
        kept = {
            name: [
                one
                for one in rows
                if not one.is_noun or not any(set(one.places) < other for other in nouns)
            ]
            for name, rows in found.items()
        }
        return {
            name: matches
            for name, matches in kept.items()
            if not _noun_sets(found[name])
            or any(one.is_noun and not outside & set(one.places) for one in matches)
        }

    def _said(
        self, words: Sequence[Word], found: Sequence[Match], family: str
    ) -> tuple[list[Match], list[Match], set[Item]]:
        """What stands literally in a text, what is denied there, and what therefore is not named.

        To deny one of two ways is to ask for the other: not round is square.
        """
        nouns = _agreeing(named_in(words, found) or [one for one in found if one.is_noun])
        ruled_out = ruled_out_in(words, found)
        said = [one for one in found if one in nouns or not one.is_noun]
        said = [one for one in said if one not in ruled_out]
        items = {item for one in said for item in one.named.items()}
        denied = denied_in(words, family)
        without = {item for one in ruled_out for item in one.named.items()} - items
        for one in ruled_out:
            for item in () if one.of_part else one.named.items():
                if item in without and item in self.opposites[family]:
                    denied.append(one._replace(named=dict([self.opposites[family][item]])))
        return said, denied, without

    # ---- what the network says

    @torch.no_grad()
    def _votes(self, rows: Sequence[Sequence[Word]]) -> Tensor:
        """The logits of every output at every place of texts: (B, longest, outputs)."""
        longest = max([len(row) for row in rows] + [1])
        vectors = np.zeros((len(rows), longest, self.vectors.width), dtype=np.float32)
        for vector, row in zip(vectors, rows, strict=True):
            if row:
                vector[: len(row)] = self.vectors.of_all([word.text for word in row])
        return self.network.votes(torch.from_numpy(vectors))

    def _families(self, votes: Tensor, nouns: dict[str, list[Match]]) -> list[str]:
        """The families that are named, in the order in which the text names them.

        The network names the likeliest; where it is sure of none, one whose noun is there. Others
        need a noun too.
        """
        scores, places = (each.tolist() for each in votes[:, : len(self.families)].max(0))
        order = {name: k for k, name in enumerate(self.families) if name in nouns}
        there = [name for name in order if nouns[name]]
        first = max(order, key=lambda name: scores[order[name]], default="")
        least = SURE if first in there else CONTESTED if there else SURER
        if not order or scores[order[first]] <= least:
            first = max(there, key=lambda name: scores[order[name]], default="")
        if not first:
            return []
        begins = {name: min(one.places[0] for one in nouns[name]) for name in there}
        sure = [
            name
            for name in there
            if scores[order[name]] > SURE
            or (begins[name] == min(begins.values()) and scores[order[name]] > NAMED_FIRST)
        ]
        if first in there:
            return sorted({first, *sure}, key=lambda name: (begins[name], -scores[order[name]]))
        return sorted({first, *sure}, key=lambda name: (places[order[name]], -scores[order[name]]))

    def _facts(
        self,
        logits: Tensor,
        family: str,
        said: Sequence[Match],
        denied: Sequence[Match],
        without: set[Item],
    ) -> tuple[Named, list[int]]:
        """What a text names of its family, and the outputs that say so.

        A detail that stands there literally needs hardly any of the network's confidence, a noun or
        a denial none. Of an attribute the values that the surest fact allows are kept, narrowed by
        others: a detail says more surely what this one is than a noun what such things are.
        """
        first = len(self.families)
        details = {item for one in said if not one.is_noun for item in one.named.items()}
        nouns = {item for one in said if one.is_noun for item in one.named.items()}
        absent = {item for one in denied for item in one.named.items()}
        sure = []
        for k, (owner, name, values) in enumerate(self.facts):
            logit, item = logits[first + k].item(), (name, values)
            if owner != family or (item in without and item not in absent):
                continue
            if item in absent:
                sure.append((logit + DENIED, first + k, name, values))
            elif item in details and logit > DOUBTFUL:
                sure.append((logit + WORDED, first + k, name, values))
            elif item in nouns or logit > SURE_OF_FACTS:
                sure.append((max(logit, SURE_OF_FACTS), first + k, name, values))
        facts: Named = {}
        outputs = []
        for _, output, name, values in sorted(sure, reverse=True):
            kept = tuple(value for value in facts.get(name, values) if value in values)
            if kept:
                facts[name] = kept
                outputs.append(output)
        for name, (absence, implied, values) in IMPLIED.get(family, {}).items():
            if name in facts and absence not in facts[name]:
                facts.setdefault(implied, values)
        return facts, outputs

    def _noun_places(self, votes: Tensor, found: Sequence[Match], family: str) -> set[int]:
        """Where a text names a family: its nouns, or the place that is surest of it."""
        nouns = {k for match in found if match.is_noun for k in match.places}
        return nouns or {votes[:, self.families.index(family)].argmax().item()}

    def _moving(
        self, words: Sequence[Word], votes: Tensor, outputs: Sequence[int], used: set[int]
    ) -> set[int]:
        """The words without which something that was understood would be less sure."""
        numbers = {k for k, word in enumerate(words) if word.text.isdigit()}
        mute = LOOKS | MATERIAL_WORDS.keys()  # what these say stands in a phrase, or is missed
        tried = [
            k
            for k, word in enumerate(words)
            if k not in used | numbers and _matters(word) and word.text not in mute
        ]
        if not tried or not outputs:
            return set()
        rows = [[*words[:k], *words[k + 1 :]] for k in tried]
        before = votes.amax(0)[outputs]
        falls = before - self._votes(rows).amax(1)[:, outputs]  # (tried, outputs)
        return {k for k, fall in zip(tried, falls.amax(1).tolist(), strict=True) if fall > MOVED}

    def nearest(self, text: str, families: Sequence[str]) -> str | None:
        """Return the family whose name is most like a word of a text; None if none is known.

        Args:
            text: Any text.
            families: To choose from.
        """
        return self._nearest(self.spelling.mended(typed_words(text)[:LONGEST_TEXT]), families)

    def _nearest(self, words: Sequence[Word], families: Sequence[str]) -> str | None:
        said = [word.text for word in words if _matters(word)] or [word.text for word in words]
        if not any(self.vectors.pieces_of(word) for word in said):
            return None
        likeness = [self.vectors.likeness(said, names_of(family)).max() for family in families]
        return families[int(np.argmax(likeness))]


def _agreeing(nouns: Sequence[Match]) -> list[Match]:
    """The nouns that do not contradict one before: a bar stool with footrests is no footrest."""
    kept: list[Match] = []
    for one in sorted(nouns, key=lambda one: one.places[0]):
        before = {name: values for other in kept for name, values in other.named.items()}
        if all(set(before.get(name, values)) & set(values) for name, values in one.named.items()):
            kept.append(one)
    return kept


def _asked_for(words: Sequence[Word], found: dict[str, list[Match]]) -> dict[str, list[Match]]:
    """The nouns by which a text asks for each family; none of a family that it only mentions."""
    nouns = {name: named_in(words, found[name]) for name in found}
    if not any(nouns.values()):
        return nouns
    return {name: rows for name, rows in nouns.items() if rows or not _noun_sets(found[name])}


def _used(
    words: Sequence[Word],
    family: str,
    known: Sequence[Match],
    facts: Named,
    nouns: set[int],
    coloured: set[int],
    moving: Callable[[set[int]], set[int]],
) -> set[int]:
    """The places of the words that were understood.

    Args:
        words: Of the text.
        family: That is made.
        known: The family's phrases in the text and what is denied there.
        facts: What was understood.
        nouns: Places of the nouns of all families that are named.
        coloured: Places of materials and what is made of them.
        moving: Of some places that need no trial, gives those of words that moved the network.
    """
    used, beyond = nouns | coloured, set()
    for one in known:
        if not (one.is_noun or one.of_part) and _agrees(one.named, facts):
            used |= set(one.places)
        if set(one.places) <= used:
            beyond |= set(one.beyond)
    beyond |= {k for k, word in enumerate(words) if word.text in APPROXIMATE}
    used |= moving(used | beyond)
    used -= beyond - coloured
    used |= _parts_of_used(words, family, used)
    used |= {k for k in range(len(words) - 1) if words[k].text in SHADES and k + 1 in used}
    return {k for k in used if words[k].text not in APPROXIMATE}


def _noun_sets(found: Sequence[Match]) -> set[frozenset[int]]:
    """The places of each noun."""
    return {frozenset(one.places) for one in found if one.is_noun}


def _opposites(facts: Sequence[Fact], family: str) -> dict[Item, Item]:
    """What a family's facts leave if they are denied, where another fact says just that."""
    items = [(name, values) for owner, name, values in facts if owner == family]
    every: dict[str, set[Value]] = {}
    for name, values in items:
        every.setdefault(name, set()).update(values)
    return {
        one: two
        for one in items
        for two in items
        if one[0] == two[0] and set(two[1]) == every[one[0]] - set(one[1])
        if not any(type(value) is int for value in one[1])  # no pillow is not two
    }


def _parts_of_used(words: Sequence[Word], family: str, used: set[int]) -> set[int]:
    """Parts whose look was understood, and parts that no shape of the family has, if denied."""
    slots, found = SLOT_WORDS[family], set()
    for k, word in enumerate(words):
        if word.text in slots:
            after = next((j for j in range(k + 1, len(words)) if words[j].text not in COPULAS), k)
            if k - 1 in used or (after > k + 1 and after in used):
                found.add(k)
        elif word.text in ANY_PART and is_denied(words, k):
            found.add(k)
    return found


@cache
def names_of(family: str) -> tuple[str, ...]:
    """Return the single words that a family is called."""
    nouns = (noun for noun, _ in phrases_of(family)[0])
    return (family, *(noun for noun in nouns if noun.isalpha()))


def _matters(word: Word) -> bool:
    """Whether a word says something by itself."""
    lone = len(word.text) == 1 and word.text.isalpha()
    return word.text != BREAK and not lone and word.text not in GLUE | CHATTER | DENIALS


def _agrees(named: Named, facts: Named) -> bool:
    """Whether what a phrase names is part of what was understood."""
    return bool(named) and all(set(facts.get(name, ())) & set(named[name]) for name in named)


def _phrases(
    text: str, words: Sequence[Word], used: set[int], nouns: set[int]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What was understood and what was missed, as typed: neighbouring words are one phrase."""
    kinds = []
    for k, word in enumerate(words):
        if word.text == BREAK:
            kinds.append("break")
        elif k in used:
            kinds.append("used")
        else:
            kinds.append("missed" if _matters(word) else "glue")
    for k, word in enumerate(words[:-1]):  # one red chair, lots of pillows
        if kinds[k] == "missed" and word.text in ("1", MANY):
            after = next((j for j in range(k + 1, len(words)) if kinds[j] in ("used", "missed")), k)
            if kinds[after] == "used" and (word.text == "1" or after not in nouns):
                kinds[k] = "glue" if word.text == "1" else "used"
    for k, word in enumerate(words[:-1]):  # no wheels: a denial belongs to what it denies
        after = next(
            (kinds[j] for j in range(k + 1, len(words)) if words[j].text not in ("any", "a")), ""
        )
        if kinds[k] == "glue" and word.text in DENIALS and after in ("used", "missed"):
            kinds[k] = after
    return tuple(_spans(text, words, kinds, "used")), tuple(_spans(text, words, kinds, "missed"))


def _spans(text: str, words: Sequence[Word], kinds: Sequence[str], wanted: str) -> list[str]:
    """The stretches of a text that are of one kind, with the glue between them."""
    spans: list[list[int]] = []
    last = None
    for k, (word, kind) in enumerate(zip(words, kinds, strict=True)):
        if kind == wanted:
            joined = last is not None and all(
                kinds[j] == "glue" and (wanted == "missed" or words[j].text not in LINKS)
                for j in range(last + 1, k)
            )
            if joined:
                spans[-1][1] = word.end
            else:
                spans.append([word.start, word.end])
            last = k
    return list(dict.fromkeys(text[slice(*_whole(text, *span))] for span in spans))


def _whole(text: str, start: int, end: int) -> tuple[int, int]:
    """A stretch of a text with the letters and digits that adjoin it: 8k, ps1."""
    while start and text[start - 1].isascii() and text[start - 1].isalnum():
        start -= 1
    while end < len(text) and text[end].isascii() and text[end].isalnum():
        end += 1
    return start, end


@cache
def shipped_reader(folder: Path = SHIPPED_READER) -> TextReader:
    """Load the shipped reader; ValueError if its folder is no checkpoint of a reader."""
    network, config = load_checkpoint(folder)
    if config.network.kind != "Reader":
        raise ValueError(f"{folder} is no reader of texts; train one with `train reader`")
    return TextReader(network, config.classes, word_vectors())


@lru_cache(maxsize=1024)
def read(text: str) -> Reading:
    """Return what a text asks for, read by the shipped reader.

    Args:
        text: Any text.

    Raises:
        ValueError: If it is no text, or the reader is missing or damaged.
    """
    return shipped_reader().read(text)


def nearest_family(text: str, families: Sequence[str]) -> str | None:
    """Return the family whose name is most like a word of a text, by the shipped reader's vectors.

    Args:
        text: Any text.
        families: To choose from.
    """
    return shipped_reader().nearest(text, families)
