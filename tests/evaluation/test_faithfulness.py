"""Faithfulness counts what it says: by hand, for real shapes and for others."""

import numpy as np
import pytest

from course_utils.datasets.captions import Prompt, prompts
from course_utils.datasets.shapes import CLASSES, make_shape
from course_utils.evaluation.faithfulness import Tally, faithfulness, obeys, total


def test_faithfulness_counts_by_attribute():
    chair, mug = make_shape("chair", 0), make_shape("mug", 1)
    right = {"seat": (chair.attributes["seat"],), "base": ("no such base",)}
    asked = [
        Prompt("", "chair", right, 0),
        Prompt("", "chair", {"seat": ("square", "round")}, 0),
        Prompt("", "mug", {"height": (mug.attributes["height"],)}, 1),
    ]
    empty = np.zeros((32, 32, 32), dtype=bool)
    scores = faithfulness(np.stack([chair.voxels, empty, mug.voxels]), asked)
    assert scores == {
        "chair.base": Tally(0, 1),
        "chair.seat": Tally(1, 2),
        "mug.height": Tally(1, 1),
    }
    assert total(scores) == Tally(2, 4) and obeys(chair.voxels, asked[0]) == {
        "seat": True,
        "base": False,
    }
    with pytest.raises(ValueError, match="2 shapes for 3 prompts"):
        faithfulness(np.stack([empty, empty]), asked)


def test_real_shapes_are_faithful_and_others_are_not():
    asked = prompts(12 * len(CLASSES))
    real = np.stack([make_shape(prompt.family, prompt.seed).voxels for prompt in asked])
    right, count = total(faithfulness(real, asked))
    assert right >= 0.99 * count and count == sum(len(prompt.named) for prompt in asked)
    others = np.roll(real, len(CLASSES), axis=0)  # of the same family
    swapped = total(faithfulness(others, asked))
    assert swapped.right < 0.6 * count
