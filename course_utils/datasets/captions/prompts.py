"""Prompts for testing models that read: texts about real shapes that training never draws.

Lesson 09 and `benchmarks/faithfulness.py` use them; `evaluation.faithfulness` counts how well
shapes obey them.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from course_utils.datasets.captions.facts import Named, pairs_of
from course_utils.datasets.captions.grammar import caption
from course_utils.datasets.captions.phrases import FORMS, HELD_OUT
from course_utils.datasets.shapes import CLASSES, Draws, attributes_of

FIRST_TEST_SEED = 1_000_000  # training draws its shapes from lower seeds


class Prompt(NamedTuple):
    """A text, the family it is about, what it names, and the seed of a real shape that obeys it."""

    text: str
    family: str
    named: Named
    seed: int


def prompts(
    count: int,
    pairs: Mapping[str, Sequence[str]] | None = None,
    forms: Sequence[str] = FORMS,
    first_seed: int = FIRST_TEST_SEED,
    classes: Sequence[str] = CLASSES,
) -> list[Prompt]:
    """Write prompts that each name at least one attribute; families take turns.

    Args:
        count: Number of prompts.
        pairs: `HELD_OUT` or `SAID_APART`: every text names both attributes of such a pair. None:
            no text names anything that a training text could not.
        forms: Sentences to choose from; `TEST_FORMS` are those that training never sees.
        first_seed: Lowest seed of the shapes `make_shape(family, seed)` that the prompts describe.
        classes: The families that take turns.
    """
    draws = Draws("prompts", first_seed)
    families = [family for family in classes if pairs is None or family in pairs]
    sources = [_test_prompts(family, pairs, forms, first_seed, draws) for family in families]
    return [next(sources[k % len(sources)]) for k in range(count)]


def _test_prompts(
    family: str,
    pairs: Mapping[str, Sequence[str]] | None,
    forms: Sequence[str],
    first_seed: int,
    draws: Draws,
) -> Iterator[Prompt]:
    for seed in itertools.count(first_seed):
        attributes = attributes_of(family, seed)
        wanted = [] if pairs is None else pairs_of(family, attributes, pairs)
        allowed = pairs is HELD_OUT or not pairs_of(family, attributes)
        if allowed and bool(wanted) == (pairs is not None):
            required = draws.pick(*wanted) if wanted else None
            text, named = caption(family, attributes, draws, forms, required)
            if named:
                yield Prompt(text, family, named, seed)
