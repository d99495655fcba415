"""The judge: it learns, it repeats, and it leaves the caller's random numbers alone."""

import pytest
import torch

from course_utils.datasets.images import digits, glyphs
from course_utils.evaluation.classifier import Classifier, train_classifier


@pytest.fixture(scope="module")
def judge():
    return train_classifier(digits(), steps=120)


def test_it_names_digits_that_it_has_not_seen(judge):
    test = digits(test=True)
    probabilities = judge.probabilities(test.pixels)
    assert torch.allclose(probabilities.sum(1), torch.ones(600), atol=1e-5)
    assert (probabilities.argmax(1) == test.labels).float().mean() > 0.93
    shuffled = test.labels[torch.randperm(600, generator=torch.Generator().manual_seed(0))]
    assert (probabilities.argmax(1) == shuffled).float().mean() < 0.2


def test_it_judges_ink_and_paper_only(judge):
    """Values beyond the range of ink are what a picture file would cut off."""
    pixels = digits(test=True).pixels[:20]
    assert torch.equal(judge.features(3 * pixels), judge.features((3 * pixels).clamp(-1, 1)))


def test_same_seed_same_judge_and_the_callers_randomness_is_untouched():
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    one, two, other = (train_classifier(digits(), steps=3, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), wanted)
    weights = [torch.cat([p.flatten() for p in judge.parameters()]) for judge in (one, two, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_larger_pictures_and_more_classes():
    assert (
        train_classifier(glyphs(test=True), steps=2).features(torch.zeros(2, 1, 16, 16)).shape[0]
        == 2
    )
    assert Classifier(36, 32)(torch.zeros(2, 1, 32, 32)).shape == (2, 36)
