"""The report on a model that reads: what is right, what is right by chance, and what the card says."""

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from course_utils.datasets.captions import prompts
from course_utils.datasets.shapes import CLASSES, attributes_of, make_shape

FILE = Path(__file__).parents[1] / "benchmarks" / "faithfulness.py"
faithful = importlib.util.module_from_spec(importlib.util.spec_from_file_location("faithful", FILE))
faithful.__spec__.loader.exec_module(faithful)

CONFIG = {"classes": CLASSES, "resolution": 32, "data": {"count": 22, "first_index": 0}}


SEEDS = [  # a mug with tapered sides and one with two handles, neither with both
    next(k for k in range(1000) if all((attributes_of("mug", k)[name] == value) == yes for name, value, yes in wanted))
    for wanted in (
        (("sides", "tapered", True), ("handle", "both", False)),
        (("sides", "tapered", False), ("handle", "both", True)),
    )
]


class Real:
    """In the place of a pipeline: the real shape that a prompt was written for, whatever the guidance and seed."""

    def __init__(self, count):
        everything = faithful.kinds(count)
        self.shapes = {prompt.text: (prompt.family, prompt.seed) for asked in everything.values() for prompt in asked}
        self.denoiser, self.asked = SimpleNamespace(config=CONFIG), []

    def __call__(self, texts, guidance_scale, seeds):
        self.asked += [(text, guidance_scale, seed) for text, seed in zip(texts, seeds, strict=True)]
        return SimpleNamespace(shapes=np.stack([make_shape(*self.shapes[text]).voxels for text in texts]))


@pytest.fixture(scope="module")
def report():
    return faithful.measured(Real(33), 33, (2.0,))


def test_real_shapes_obey_up_to_the_judges_own_error(report):
    for found in report["kinds"].values():
        assert found["right"] == pytest.approx(1 - found["judge_error"]) and found["right"] > 0.97
        assert 0.2 < found["by_chance"] < found["right"] - 0.2
        assert sum(asked for _, asked in found["attributes"].values()) == found["asked"] >= 33
    assert len(report["kinds"]) == 3


def test_pairs_are_counted_by_how_many_of_the_two_are_there(report):
    outcomes = report["pairs"]
    assert outcomes["none"] + outcomes["one"] + outcomes["both"] == 33
    assert outcomes["both"] > 30


def test_of_two_that_never_meet_one_is_right():
    asked = [prompt for prompt in prompts(99, True) if prompt.family == "mug"]
    without = [SEEDS[k % 2] for k in range(len(asked))]
    outcomes = faithful.pair_outcomes(np.stack([make_shape("mug", seed).voxels for seed in without]), asked)
    assert outcomes["one"] == len(asked) and outcomes["both"] == outcomes["none"] == 0


def test_copies_and_variety_are_those_of_the_shapes(report):
    assert report["scales"]["2"]["copies"] == report["real_copies"]
    assert report["scales"]["2"]["same_prompt_iou"] == pytest.approx(1)  # whatever the seed, it is the same shape
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_every_prompt_has_its_seed_and_the_scale_asked_for():
    asked = prompts(11, False)
    pipe = Real(11)
    shapes = faithful.made(pipe, [prompt.text for prompt in asked], list(range(11)), 3.0)
    assert shapes.shape == (11, 32, 32, 32)
    assert pipe.asked == [(prompt.text, 3.0, k) for k, prompt in enumerate(asked)]


def test_chance_stays_within_the_family():
    families = [prompt.family for prompt in prompts(3 * faithful.FAR_APART, True)]
    assert families == families[faithful.FAR_APART :] + families[: faithful.FAR_APART]


def test_the_card_has_a_row_for_each_kind_and_scale(report):
    text = faithful.section(report)
    assert text.startswith("## Faithfulness") and "| new pairs | " in text and "\n| 2 | " in text
    assert f"{100 * report['kinds']['known']['right']:.1f} %" in text
