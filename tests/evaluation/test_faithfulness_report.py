"""The report on a model that is told facts: what is right, also by chance, and what the card says."""

import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from course_utils.datasets.captions import HELD_OUT, SAID_APART, prompts
from course_utils.datasets.shapes import CLASSES, attributes_of, make_shape
from course_utils.evaluation.fields import Drawn
from course_utils.models.config import Sampling, Section

FILE = Path(__file__).parents[2] / "benchmarks" / "faithfulness.py"
faithful = importlib.util.module_from_spec(importlib.util.spec_from_file_location("faithful", FILE))
faithful.__spec__.loader.exec_module(faithful)

CONFIG = SimpleNamespace(
    classes=CLASSES,
    resolution=32,
    channels=1,
    data=Section("named", {"count": 22, "first_index": 0}),
    sampling=Sampling("ddpm", 16, 3.0, 2.0, tries=5),
)


SEEDS = [  # a mug with tapered sides and one with two handles, neither with both
    next(
        k
        for k in range(1000)
        if all((attributes_of("mug", k)[name] == value) == yes for name, value, yes in wanted)
    )
    for wanted in (
        (("sides", "tapered", True), ("handle", "both", False)),
        (("sides", "tapered", False), ("handle", "both", True)),
    )
]


class Real:
    """In a model's place: the real shape that a prompt was written for, whatever the settings."""

    def __init__(self, config=CONFIG):
        self.config = config

    def __call__(self, asked, seeds, scale=None, rank=False, mend=False):
        shapes = [make_shape(prompt.family, prompt.seed) for prompt in asked]
        if self.config.channels == 1:
            return Drawn(np.stack([2.0 * shape.voxels - 1 for shape in shapes]))
        slots = [np.ones_like(shape.slots) if rank else shape.slots for shape in shapes]
        return Drawn(np.stack([2 * shape.coverage - 1 for shape in shapes]), np.stack(slots))


@pytest.fixture(scope="module")
def report():
    return faithful.measured(Real(), 33, (2.0,))


def test_real_shapes_obey_up_to_the_judges_own_error(report):
    for found in report["kinds"].values():
        assert found["right"] == pytest.approx(1 - found["judge_error"]) and found["right"] > 0.97
        assert found["one_piece"] == 1 and found["sound"] > 0.97
        made = found["generated"]
        assert made["right"] == found["right"] and made["one_piece"] == 1
        assert 0.2 < found["by_chance"] < found["right"] - 0.2
        assert sum(asked for _, asked in found["attributes"].values()) == found["asked"] >= 33
    assert list(report["kinds"]) == ["known", "new sentences", "said apart", "new pairs"]


def test_of_a_model_with_materials_the_slots_are_judged_too(report):
    """All 20 families; where shapes are ranked this one calls every slot the first."""
    report_ = faithful.measured(Real(SimpleNamespace(**vars(CONFIG) | {"channels": 5})), 40, ())
    for found in report_["kinds"].values():
        assert found["right"] == pytest.approx(1 - found["judge_error"]) and found["right"] > 0.97
        assert found["slots_right"] > 0.97 and found["generated"]["slots_right"] < 0.9
        assert found["sound"] > 0.97
    text = faithful.section(report_)
    assert "| slots right | as sampled |" in text and "| sound | as sampled |" in text
    assert "slots right" not in faithful.section(report)
    assert report["kinds"]["known"]["slots_right"] is None


def test_near_copies_are_sought_among_shapes_as_the_model_knows_them():
    config = SimpleNamespace(**vars(CONFIG) | {"channels": 5, "classes": ("vase", "tree")})
    config.data = Section("named", {"count": 3, "first_index": 5})
    shapes = [make_shape(*one) for one in (("tree", 5), ("vase", 6), ("tree", 7))]
    covered, filled = ([one.coverage > 0.5 for one in shapes], [one.voxels for one in shapes])
    assert np.array_equal(faithful.training_shapes(config), covered)
    config.channels = 1
    assert np.array_equal(faithful.training_shapes(config), filled)
    assert not np.array_equal(covered, filled)


@pytest.mark.parametrize("kind", faithful.PAIRS)
def test_pairs_are_counted_by_how_many_of_the_two_are_there(report, kind):
    outcomes = report["kinds"][kind]["pairs"]
    assert outcomes["none"] + outcomes["one"] + outcomes["both"] == 33
    assert outcomes["both"] > 30


def test_of_two_that_never_meet_one_is_right():
    asked = [prompt for prompt in prompts(99, HELD_OUT) if prompt.family == "mug"]
    without = [SEEDS[k % 2] for k in range(len(asked))]
    shapes = np.stack([make_shape("mug", seed).voxels for seed in without])
    outcomes = faithful.pair_outcomes(shapes, asked, HELD_OUT)
    assert outcomes["one"] == len(asked) and outcomes["both"] == outcomes["none"] == 0


def test_copies_and_variety_are_those_of_the_shapes(report):
    assert report["scales"]["2"]["copies"] == report["real_copies"]
    # whatever the seed, it is the same shape
    assert report["scales"]["2"]["same_prompt_iou"] == pytest.approx(1)
    assert json.loads(json.dumps(report, allow_nan=False)) == report


def test_a_maker_asks_the_model_as_told_and_ranks_its_tries(monkeypatch):
    calls = []

    def best_of(tries, ranker, denoiser, config, texts, seeds, guidance_scale):
        calls.append((tries, ranker, texts, seeds, guidance_scale))
        return SimpleNamespace(x=torch.ones(len(texts), 1, 8, 8, 8))

    monkeypatch.setattr(faithful, "best_of", best_of)
    make = object.__new__(faithful.Maker)
    make.denoiser, make.config, make.ranker = None, CONFIG, "ranker"
    asked = prompts(11)
    texts = [prompt.text for prompt in asked]
    assert make(asked, list(range(11)), 3.0, rank=True).fields.shape == (11, 8, 8, 8)
    parts = [(texts[:8], list(range(8))), (texts[8:], [8, 9, 10])]
    assert calls == [(5, "ranker", *part, 3.0) for part in parts]
    make(asked, list(range(11)))
    assert calls[2:] == [(1, "ranker", *part, None) for part in parts]


def test_gaps_are_closed_where_that_is_asked_for(monkeypatch):
    broken = torch.full((1, 1, 8, 8, 8), -1.0)
    broken[:, :, :3, 2:6, 2:6] = broken[:, :, 4:, 2:6, 2:6] = 1.0
    monkeypatch.setattr(faithful, "best_of", lambda *args, **how: SimpleNamespace(x=broken))
    make = object.__new__(faithful.Maker)
    make.denoiser = make.config = make.ranker = None
    plain, mended = (make(prompts(1), [0], mend=mend).fields[0, 3] > 0 for mend in (False, True))
    assert not plain.any() and 1 <= mended.sum() <= 5


@pytest.mark.parametrize("table", [None, HELD_OUT, SAID_APART])
def test_families_take_turns_so_that_chance_stays_within_one(table):
    turn = len(CLASSES if table is None else table)
    families = [prompt.family for prompt in prompts(3 * turn, table)]
    assert len(set(families)) == turn and families[:-turn] == families[turn:]


def test_the_card_has_a_row_for_each_kind_and_scale(report):
    text = faithful.section(report)
    assert (
        text.startswith("## Faithfulness")
        and text.count("| new pairs | ") == 4
        and "\n| 2 | " in text
    )
    assert (
        f"{100 * report['kinds']['known']['right']:.1f} %" in text
        and "first of 5 tries with which the judge finds nothing wrong" in " ".join(text.split())
    )
