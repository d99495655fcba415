"""What captions can name, as data: facts, which facts a text names, and which are true of a shape.

A fact is a family, an attribute and the values that a phrase allows for it. Lesson 09 trains
networks that read facts from text and recognise them in shapes.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from course_utils.datasets.captions.phrases import HELD_OUT, PHRASES
from course_utils.datasets.shapes import CLASSES, ShapeSet

Value = str | int | bool
Attributes = Mapping[str, Value]
Named = dict[str, tuple[Value, ...]]  # an attribute and the values that are allowed for it


class Entry(NamedTuple):
    """A parsed row of `PHRASES`: what its phrases name, what else must be true, and the phrases."""

    named: Named
    condition: Named
    phrases: tuple[str, ...]


def _parsed(key: str) -> tuple[Named, Named]:
    """What a key of `PHRASES` names, and the condition that it does not state."""
    named, condition = {}, {}
    for term in key.split():
        name, values = term.lstrip("?").split("=")
        target = condition if term[0] == "?" else named
        target[name] = tuple(_value(value) for value in values.split("|"))
    return named, condition


def _value(text: str) -> Value:
    if text.isdigit():
        return int(text)
    return {"yes": True, "no": False}.get(text, text.replace("_", " "))


def parsed_entries(table: Mapping[str, str]) -> list[Entry]:
    """Return the rows of a family's table, of the form of `PHRASES`."""
    return [Entry(*_parsed(key), tuple(phrases.split("; "))) for key, phrases in table.items()]


ENTRIES = {family: parsed_entries(table) for family, table in PHRASES.items()}


def facts_of(classes: Sequence[str] = CLASSES) -> tuple[tuple[str, str, tuple[Value, ...]], ...]:
    """Return all facts that captions of some families can name: (family, attribute, values).

    There is one for every attribute and every set of values that some phrase allows.

    Args:
        classes: The families; the order of the facts is that of `CLASSES`.
    """
    facts = (
        (family, *named)
        for family, entries in ENTRIES.items()
        if family in classes
        for entry in entries
        for named in entry.named.items()
    )
    return tuple(dict.fromkeys(facts))


def holds(named: Named, attributes: Attributes) -> bool:
    """Whether every named attribute of a shape has one of its allowed values."""
    return all(attributes[name] in values for name, values in named.items())


def pairs_of(
    family: str, attributes: Attributes, table: Mapping[str, Sequence[str]] = HELD_OUT
) -> list[Named]:
    """Return the pairs of a table that a shape has.

    Args:
        family: The shape's family, one of `CLASSES`.
        attributes: The shape's attributes, as `make_shape` returns them.
        table: `HELD_OUT` or `SAID_APART`.
    """
    pairs = [_parsed(key)[0] for key in table.get(family, ())]
    return [pair for pair in pairs if holds(pair, attributes)]


def held_out(shapes: ShapeSet) -> np.ndarray:
    """Return which of N shapes have a pair of `HELD_OUT` and are kept from training: bool (N,)."""
    rows = zip(shapes.labels, shapes.attributes, strict=True)
    return np.array(
        [bool(pairs_of(CLASSES[label], attributes)) for label, attributes in rows], dtype=bool
    )


def named_facts(
    families: Sequence[str], named: Sequence[Named], classes: Sequence[str] = CLASSES
) -> np.ndarray:
    """Return which facts each of N texts names.

    Args:
        families: The family that each text is about, N of them.
        named: What each text names, as `captions_and_facts` returns it, N of them.
        classes: The families whose facts are counted, see `facts_of`.

    Returns:
        bool (N, facts).
    """
    place = {fact: number for number, fact in enumerate(facts_of(classes))}
    rows = np.zeros((len(named), len(place)), dtype=bool)
    for row, family, each in zip(rows, families, named, strict=True):
        row[[place[family, *item] for item in each.items()]] = True
    return rows


def sayable(family: str, named: Named) -> Named:
    """Return the facts that stand for what is named, of those that captions can name.

    Of each attribute it is the fact that allows just the values that are named; else the one with
    the fewest values that holds them all; else the one with the most values that are all named. An
    attribute of which there is none is left out.

    Args:
        family: One of `CLASSES`.
        named: {attribute: allowed values}.
    """
    found: Named = {}
    for name, values in named.items():
        own = [fact for owner, about, fact in facts_of((family,)) if about == name]
        wider = [fact for fact in own if set(values) <= set(fact)]
        narrower = [fact for fact in own if set(fact) <= set(values)]
        if wider or narrower:
            found[name] = min(wider, key=len) if wider else max(narrower, key=len)
    return found


def true_facts(shapes: ShapeSet, classes: Sequence[str] = CLASSES) -> np.ndarray:
    """Return which facts are true of each of N shapes: bool (N, facts).

    Facts of other families are false.

    Args:
        shapes: The shapes, as `make_shapes` returns them.
        classes: The families whose facts are counted, see `facts_of`.
    """
    facts = facts_of(classes)
    rows = zip(shapes.labels, shapes.attributes, strict=True)
    return np.array(
        [
            [family == CLASSES[label] and a[name] in values for family, name, values in facts]
            for label, a in rows
        ],
        dtype=bool,
    )


def matching_shapes(attributes: Sequence[Attributes], named: Sequence[Named]) -> np.ndarray:
    """Return which of N shapes of one family each of C captions is true of.

    Args:
        attributes: The attributes of the shapes, N of them.
        named: What the captions name, C of them.

    Returns:
        uint8 (C, ceil(N / 8)): one bit per shape, packed as by `numpy.packbits`.
    """
    known: dict[tuple, np.ndarray] = {}
    rows = []
    for each in named:
        row = np.ones(len(attributes), dtype=bool)
        for item in each.items():
            if item not in known:
                known[item] = np.array([holds(dict([item]), a) for a in attributes], dtype=bool)
            row &= known[item]
        rows.append(np.packbits(row))
    return np.stack(rows)
