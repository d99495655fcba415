"""The words of the captions: phrases that stand for attributes, and sentences for them.

`PHRASES` gives, for each family, the phrases of every attribute that `make_shape` returns; they
stand in the family's own file. A key is "attribute=value". In a key, "|" separates values that the
phrase does not tell apart, a space separates attributes that one phrase names together, "_" stands
for a blank, and yes and no stand for True and False. "?attribute=value" is a condition that must
also be true, but that the phrase does not state.

A value lists phrases that mean the same, separated by "; ". A phrase that begins with "=" is a noun
and replaces the family's name. A phrase that ends with "~" is an adjective. A phrase that begins
with "no" states an absence. All others follow "with". Each family lists its keys in the order in
which English places adjectives.

Training never sees three things: the sentences `TEST_FORMS`, which add no new words; the pairs of
attributes in `SAID_APART` in one text, although its shapes have them; and the pairs in `HELD_OUT`,
neither in a text nor in a shape. Lesson 09 counts how well a model obeys prompts of each kind.
"""

from course_utils.datasets.shapes.families import FAMILIES

FORMS = (
    "{a}",
    "{thing}",
    "this is {a}",
    "{a_noun} that is {adjectives}",
    "{a} with {details}",
    "{a} with {details}",
    "{a} that has {details}",
    "{a} featuring {details}",
    "with {details}, {a}",
    "this {thing} has {details}",
    "this is {a} and it has {details}",
    "{a_noun} that is {adjectives} and has {details}",
    "{a} that has {first}, with {rest}",
    "{thing}, {keywords}",
)
TEST_FORMS = (
    "it is {a}",
    "this {noun} is {adjectives}",
    "it is {a} that has {details}",
    "{a}, it has {details}",
    "this {noun} is {adjectives} and has {details}",
    "{a} featuring {first}, with {rest}",
    "{keywords}, {thing}",
)

PHRASES = {name: family.PHRASES for name, family in FAMILIES.items()}
HELD_OUT = {name: family.HELD_OUT for name, family in FAMILIES.items() if family.HELD_OUT}
SAID_APART = {name: family.SAID_APART for name, family in FAMILIES.items() if family.SAID_APART}
