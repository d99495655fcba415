"""Captions that each state part of what is true of a shape, and prompts to test models with.

Lesson 09 trains on the captions and counts how well models obey the prompts. `phrases` holds the
words, `facts` says what they mean, `grammar` builds sentences and `prompts` builds tests.
"""

from course_utils.datasets.captions.facts import (
    ENTRIES,
    facts_of,
    held_out,
    matching_shapes,
    named_facts,
    pairs_of,
    sayable,
    true_facts,
)
from course_utils.datasets.captions.grammar import (
    LONGEST,
    caption,
    captions,
    captions_and_facts,
    words,
)
from course_utils.datasets.captions.phrases import (
    FORMS,
    HELD_OUT,
    PHRASES,
    SAID_APART,
    TEST_FORMS,
)
from course_utils.datasets.captions.prompts import FIRST_TEST_SEED, Prompt, prompts

__all__ = [
    "ENTRIES",
    "FIRST_TEST_SEED",
    "FORMS",
    "HELD_OUT",
    "LONGEST",
    "PHRASES",
    "SAID_APART",
    "TEST_FORMS",
    "Prompt",
    "caption",
    "captions",
    "captions_and_facts",
    "facts_of",
    "held_out",
    "matching_shapes",
    "named_facts",
    "pairs_of",
    "prompts",
    "sayable",
    "true_facts",
    "words",
]
