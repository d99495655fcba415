"""What any sentence asks for: `read("a red armchair with wooden legs")`.

A small network reads families and facts from borrowed vectors of the words (`networks.reader`,
`datasets.word_vectors`), rules read the materials (`datasets.captions.colours`), and what moved
neither is named as missed: nothing that was typed vanishes silently. The reader stands in front of
every model that makes shapes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from course_utils.datasets.captions.colours import LINKS, SHADES, dressed, materials_in
from course_utils.datasets.captions.everyday import APPROXIMATE, CHATTER, GLUE
from course_utils.datasets.captions.facts import Named
from course_utils.datasets.captions.lexicon import (
    DENIALS,
    Match,
    denied_in,
    is_denied,
    matches_in,
    named_in,
    outside_places,
)
from course_utils.datasets.captions.speech import (
    IMPLIED,
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
SURE = 0.0  # the logit above which a family is named
SURER = 2.0  # and a family of which no noun stands there, where another's does
SURE_OF_FACTS = 2.5  # the logit above which a fact is named
DOUBTFUL = -4.0  # and above which one is, if its phrase stands in the text literally
WORDED = 3.0  # how much surer these are


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
        named = self._families(votes, {name: named_in(words, found[name]) for name in found})
        if not named:
            missed = _phrases(text, words, set(), set())[1]
            missed = (*missed, rest) if rest else missed
            return Reading(text, None, (), {}, {}, (), missed, self._nearest(words, self.families))
        family, *others = named
        literal = [
            one for one in found[family] if one.is_noun or not is_denied(words, one.places[0])
        ]
        denied = denied_in(words, family)
        facts, asserted = self._facts(logits, family, literal, denied)
        nouns = self._noun_places(votes, found[family], family)
        theirs = {k for name in others for k in self._noun_places(votes, found[name], name)}
        materials = materials_in(words, family, sorted(nouns), sorted(theirs - nouns))
        used = nouns | theirs | {k for one in materials for k in one.places}
        for match in (*found[family], *denied):
            if not match.is_noun and _agrees(match.named, facts):
                used |= set(match.places)
        used |= self._moving(words, votes, asserted, used)
        used |= {k for k in range(len(words) - 1) if words[k].text in SHADES and k + 1 in used}
        used -= {k for k in used if words[k].text in APPROXIMATE}
        understood, missed = _phrases(text, words, used, nouns | theirs)
        if not used & nouns:
            understood = (family, *understood)
        missed = (*missed, rest) if rest else missed
        return Reading(
            text, family, tuple(others), facts, dressed(family, materials), understood, missed
        )

    def _found(self, words: Sequence[Word]) -> dict[str, list[Match]]:
        """The phrases of each family in a text; none of a family whose nouns are other things'."""
        outside = outside_places(words)
        found = {name: matches_in(words, name) for name in self.families}
        nouns = {name: [one for one in found[name] if one.is_noun] for name in found}
        return {
            name: matches
            for name, matches in found.items()
            if not nouns[name] or any(not outside & set(one.places) for one in nouns[name])
        }

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
        if not order or scores[order[first]] <= (SURER if there and first not in there else SURE):
            return sorted(there, key=lambda name: -scores[order[name]])[:1]
        sure = [name for name in there if scores[order[name]] > SURE]
        return sorted({first, *sure}, key=lambda name: (places[order[name]], -scores[order[name]]))

    def _facts(
        self, logits: Tensor, family: str, literal: Sequence[Match], denied: Sequence[Match]
    ) -> tuple[Named, list[int]]:
        """What a text names of its family, and the outputs that say so.

        A phrase that stands there literally needs hardly any of the network's confidence, a denial
        none. Of an attribute the values that the surest fact allows are kept, narrowed by others.
        """
        first = len(self.families)
        worded = {item for match in literal for item in match.named.items()}
        absent = {item for match in denied for item in match.named.items()}
        sure = []
        for k, (owner, name, values) in enumerate(self.facts):
            if owner != family:
                continue
            logit, item = logits[first + k].item(), (name, values)
            if item in absent:
                sure.append((max(logit, 0.0) + 2 * WORDED, first + k, name, values))
            elif logit > (DOUBTFUL if item in worded else SURE_OF_FACTS):
                sure.append((logit + WORDED * (item in worded), first + k, name, values))
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
        tried = [k for k, word in enumerate(words) if k not in used and _matters(word)]
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


@cache
def names_of(family: str) -> tuple[str, ...]:
    """Return the single words that a family is called."""
    nouns = (noun for noun, _ in phrases_of(family)[0])
    return (family, *(noun for noun in nouns if noun.isalpha()))


def _matters(word: Word) -> bool:
    """Whether a word says something by itself."""
    lone = len(word.text) == 1 and word.text.isalpha()
    return word.text != BREAK and not lone and word.text not in GLUE | CHATTER


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
    for k, word in enumerate(words[:-1]):  # two red towers, but three bottles: one shape is made
        if kinds[k] == "missed" and (word.text.isdigit() or word.text == MANY):
            after = next((j for j in range(k + 1, len(words)) if kinds[j] in ("used", "missed")), k)
            if kinds[after] == "used" and not (after in nouns or word.text == MANY):
                kinds[k] = "used"
            if word.text == "1" and after in nouns:
                kinds[k] = "glue"
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
    return list(dict.fromkeys(text[start:end] for start, end in spans))


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
