"""The count of modes: against the closed form, and points placed by hand."""

import math

import torch

from course_utils.diffusion.mixtures import GaussianMixture, five_blobs
from course_utils.evaluation.modes import mode_shares, modes_covered


def test_data_cover_every_mode_with_their_share():
    mixture = five_blobs()
    points = mixture.sample(20_000, seed=1)
    inside = 1 - math.exp(-4.5)  # a disc of three widths
    assert modes_covered(points, mixture) == 5
    assert (mode_shares(points, mixture) - inside * mixture.weights).abs().max().item() < 0.012


def test_a_missing_mode_a_starved_one_and_points_astray_are_noticed():
    mixture = GaussianMixture(
        [[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]], [1.0, 0.5, 2.0], [0.5, 0.25, 0.25]
    )
    rows = (
        [[0.0, 2.9]] * 50
        + [[0.0, 3.1]] * 20
        + [[10.0, 1.4]] * 5
        + [[10.0, 1.6]] * 20
        + [[0.0, 15.0]] * 5
    )
    shares = mode_shares(torch.tensor(rows), mixture)
    assert (shares - torch.tensor([0.5, 0.05, 0.05])).abs().max().item() < 1e-6
    assert (
        modes_covered(torch.tensor(rows), mixture) == 3
    )  # 0.05 is a fifth of the quarter that is due
    assert modes_covered(torch.tensor(rows[:-5] + rows[-6:-5] * 5), mixture) == 2
    assert modes_covered(torch.tensor([[0.0, 15.0]]), mixture) == 1


def test_samples_that_are_not_numbers_cover_nothing():
    assert modes_covered(torch.full((10, 2), float("nan")), five_blobs()) == 0
