"""What benchmarks/reading.py counts, and that the shipped reader reaches its targets."""

import pytest

from benchmarks.reading import TARGETS, counts, measured, prompts
from course_utils.models.reading import Reading, read

PROMPT = {
    "text": "a red chair without arms on an island",
    "kind": "plain",
    "families": ["chair|stool", "table"],
    "facts": {"armrests": [False], "back": ["solid", "panel"]},
    "materials": {"seat": ["red"], "legs": ["oak"]},
    "unmet": ["an island", "a palm"],
}


def test_what_is_right_is_counted():
    reading = Reading(
        PROMPT["text"], "chair", ("table",), {"armrests": (False,), "back": ("solid", "ladder")},
        {"seat": "red", "legs": "pine"}, (), ("island", "on"),
    )  # fmt: skip
    found = counts(reading, PROMPT)
    assert (found["family"], found["others"], found["others asked"]) == (1, 1, 1)
    assert (found["facts"], found["facts asked"], found["facts read"]) == (1, 2, 2)
    assert (found["negations"], found["negations asked"]) == (1, 1)
    assert (found["materials"], found["materials asked"]) == (1, 2)
    assert (found["missed"], found["missed asked"]) == (1, 2)
    assert (found["missed rightly"], found["missed read"]) == (1, 2)


def test_of_a_wrong_family_nothing_is_right():
    reading = Reading(
        PROMPT["text"], "mug", (), {"armrests": (False,)}, {"seat": "red"}, (), ()
    )  # fmt: skip
    found = counts(reading, PROMPT)
    assert not (found["family"] or found["facts"] or found["materials"] or found["negations"])
    nothing = Reading("pizza", None, (), {}, {}, (), ("pizza",))
    outside = PROMPT | {"families": [], "facts": {}, "materials": {}, "unmet": ["pizza"]}
    assert counts(nothing, outside)["family"] == counts(nothing, outside)["missed"] == 1


@pytest.mark.parametrize("name", ["family", "recall", "negations", "materials"])
def test_the_shipped_reader_reaches_its_targets_on_the_half_that_it_was_tuned_on(name):
    assert measured(read, prompts("tune"))[name] >= TARGETS[name]
