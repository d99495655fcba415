"""The prompts of data/prompts: labels that exist, in two halves that know nothing of each other."""

import json
from collections import Counter

from course_utils.datasets.shapes import CLASSES, FAMILIES, attributes_of
from course_utils.datasets.shapes.materials import MATERIALS
from course_utils.places import ROOT

FILE = ROOT / "data" / "prompts" / "prompts.jsonl"
PROMPTS = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]


def test_there_are_two_halves_of_each_hand_and_kind():
    assert len({prompt["text"] for prompt in PROMPTS}) == len(PROMPTS) == 330
    split = Counter((one["hand"], one["kind"], one["split"]) for one in PROMPTS)
    for hand, kind, _ in split:
        assert 0 <= split[hand, kind, "tune"] - split[hand, kind, "test"] <= 1, (hand, kind)
    assert sum(one["split"] == "test" for one in PROMPTS) > 140


def test_labels_are_families_values_slots_and_materials_that_exist():
    values = {family: [attributes_of(family, seed) for seed in range(400)] for family in CLASSES}
    for prompt in PROMPTS:
        families = [name for entry in prompt["families"] for name in entry.split("|")]
        assert set(families) <= set(CLASSES), prompt
        assert families or not (prompt["facts"] or prompt["materials"]), prompt
        mine = [name for entry in prompt["families"][:1] for name in entry.split("|")]
        for name, allowed in prompt["facts"].items():
            known = {
                repr(shape[name]) for family in mine for shape in values[family] if name in shape
            }
            assert allowed and set(map(repr, allowed)) <= known, (prompt["text"], name)
        slots = {slot for family in mine for slot in FAMILIES[family].SLOTS}
        assert set(prompt["materials"]) <= slots, prompt
        assert all(set(names) <= set(MATERIALS) for names in prompt["materials"].values()), prompt
        assert all(words in prompt["text"] for words in prompt["unmet"]), prompt


def test_most_name_a_family_and_some_name_none_or_two():
    count = Counter(len(prompt["families"]) for prompt in PROMPTS)
    assert count[1] > 280 and count[0] >= 20 and count[2] >= 8
    assert set(CLASSES) <= {
        name for one in PROMPTS for entry in one["families"] for name in entry.split("|")
    }
