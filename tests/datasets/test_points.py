"""Point clouds and mixtures: against autograd, brute force and hand-made numbers."""

import math

import numpy as np
import pytest
import torch

from course_utils.datasets.points import POINTS, letter, rings
from course_utils.diffusion.mixtures import GaussianMixture, five_blobs
from course_utils.diffusion.paths import PATHS, FlowPath

every_cloud = pytest.mark.parametrize("name", POINTS)
every_path = pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)


@every_cloud
def test_clouds_are_centred_of_about_unit_variance_and_follow_their_seed(name):
    points = POINTS[name](20_000)
    assert points.shape == (20_000, 2) and points.dtype == torch.float32
    assert points.mean(0).abs().max() < 0.05
    assert abs(float(points.var(0).mean()) - 1) < 0.1
    assert torch.equal(POINTS[name](500, 3), POINTS[name](500, 3))
    assert not torch.equal(POINTS[name](500, 3), POINTS[name](500, 4))


def test_rings_lie_on_two_circles():
    radius = rings(10_000).norm(dim=1)
    assert ((radius - 0.75).abs().minimum((radius - 1.85).abs()) < 0.25).all()
    assert abs(float((radius > 1.3).float().mean()) - 0.5) < 0.02


def test_a_letter_has_its_holes_and_its_bars():
    o, bar = letter(5000, character="O"), letter(5000, character="I")
    assert o.norm(dim=1).min() > 0.5  # nothing in the middle
    assert bar[:, 0].abs().max() < 0.6 and abs(float(bar[:, 1].max()) - 2) < 0.05


@pytest.mark.parametrize("bad", ["", " ", "ab"])
def test_a_letter_without_ink_is_refused(bad):
    with pytest.raises(ValueError, match="give one letter"):
        letter(10, character=bad)


def test_no_points_are_refused():
    with pytest.raises(ValueError, match="count is 0"):
        rings(0)


# ---- mixtures ------------------------------------------------------------------------------------


def places(count=200, seed=1):
    return 3 * torch.randn(
        count, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )


@every_path
@pytest.mark.parametrize("t", [0.05, 0.5, 0.95])
def test_the_score_is_the_gradient_of_the_log_density_and_tweedie_holds(path, t):
    mixture, path = five_blobs(), path()
    x = path.noised(
        mixture.sample(200).double(), torch.randn(200, 2, dtype=torch.float64), t
    ).requires_grad_()
    (gradient,) = torch.autograd.grad(mixture.log_density(x, path, t).sum(), x)
    score, x = mixture.score(x, path, t).detach(), x.detach()
    assert (score - gradient).abs().max() < 1e-9 * max(1, float(gradient.abs().max()))
    x0 = (x + path.sigma(t) ** 2 * score) / path.alpha(t)
    assert (mixture.posterior_mean(x, path, t) - x0).abs().max() < 1e-9 * max(
        1, float(path.sigma(t)) ** 2
    )


@every_path
def test_the_posterior_mean_by_brute_force(path):
    path, t = path(), 0.4
    mixture = GaussianMixture([[-1.0, 0.3], [0.8, 0.0]], [0.5, 0.3], [1.0, 3.0])
    x = torch.tensor([[0.1, 0.2], [-0.7, 0.5]], dtype=torch.float64)
    line = torch.linspace(-4, 4, 801, dtype=torch.float64)
    grid = torch.cartesian_prod(line, line)
    prior = mixture.log_density(grid)
    for row, mean in zip(x, mixture.posterior_mean(x, path, t), strict=True):
        away = (row - path.alpha(t) * grid).square().sum(1) / path.sigma(t) ** 2 / 2
        weights = torch.softmax(prior - away, dim=0)
        assert ((weights[:, None] * grid).sum(0) - mean).abs().max() < 1e-6


def test_density_integrates_to_one_and_matches_a_hand_made_number():
    line = torch.linspace(-5, 5, 401, dtype=torch.float64)
    grid = torch.cartesian_prod(line, line)
    total = five_blobs().log_density(grid, FlowPath(), 0.3).exp().sum() * (line[1] - line[0]) ** 2
    assert abs(float(total) - 1) < 1e-6
    # at t = 1/2 on the flow path: mean 1/2, variance 1/16 + 1/4
    one = GaussianMixture([[1.0, 0.0]], 0.5)
    value = one.log_density(torch.zeros(1, 2, dtype=torch.float64), FlowPath(), 0.5)
    assert abs(float(value) - (-0.25 / 0.625 - math.log(2 * math.pi * 0.3125))) < 1e-12


def test_samples_have_the_weights_and_widths_they_should():
    mixture = five_blobs()
    points = mixture.sample(40_000)
    which = mixture.responsibilities(points).argmax(1)
    for k in range(5):
        mine = points[which == k]
        assert abs(len(mine) / 40_000 - float(mixture.weights[k])) < 0.01
        assert abs(float(mine.std(0).mean()) - float(mixture.stds[k])) < 0.02


def test_times_may_differ_within_a_batch():
    mixture, path, x, t = (
        five_blobs(),
        FlowPath(),
        places(6),
        torch.linspace(0.1, 0.9, 6, dtype=torch.float64),
    )
    for method in (
        mixture.log_density,
        mixture.score,
        mixture.posterior_mean,
        mixture.responsibilities,
    ):
        together = method(x, path, t)
        alone = torch.cat([method(x[k : k + 1], path, float(t[k])) for k in range(6)])
        assert (together - alone).abs().max() < 1e-12


def test_a_finite_data_set_is_a_mixture_without_width():
    stored = torch.tensor([[-1.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
    denoise, path = GaussianMixture(stored, 0.0).denoiser(FlowPath()), FlowPath()
    x = places(50)
    distance = (x[:, None] - path.alpha(0.6) * stored).square().sum(2)
    expected = torch.softmax(-distance / path.sigma(0.6) ** 2 / 2, dim=1) @ stored
    assert (denoise(x, 0.6) - expected).abs().max() < 1e-12
    nearest = stored[(x[:, None] - stored).square().sum(2).argmin(1)]
    # without noise: the nearest stored point, and no 0 / 0
    assert torch.equal(denoise(x, 0.0), nearest)


@pytest.mark.parametrize(("arguments", "message"), [
    (([1.0, 2.0], 0.1), "expected \\(K, d\\)"),
    (([[1.0, 2.0]], -0.1), "stds of at least 0"),
    (([[1.0, 2.0]], 0.1, [0.0]), "positive weights"),
    (([[1.0, 2.0]], 0.1, [1.0, 1.0]), "expected 1 positive"),
])  # fmt: skip
def test_what_is_no_mixture_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(*arguments)


def test_points_of_another_dimension_are_refused():
    with pytest.raises(ValueError, match="expected \\(B, 2\\)"):
        five_blobs().score(torch.zeros(3, 3))


def test_the_exact_denoiser_takes_classes():
    """Each class by its components alone; weighted by p(class | x_t) they add up to no class."""
    mixture, path, x = (
        five_blobs(),
        FlowPath(),
        2 * torch.randn(40, 2, generator=torch.Generator().manual_seed(0)),
    )
    labels = torch.tensor([0, 0, 1, 1, 2])
    denoise, t = mixture.denoiser(path, labels), torch.linspace(0.1, 0.9, 40)
    answers = torch.stack([denoise(x, t, torch.full((40,), label)) for label in range(3)])
    alone = GaussianMixture(mixture.means[2:4], mixture.stds[2:4], mixture.weights[2:4])
    assert torch.allclose(answers[1], alone.posterior_mean(x, path, t), atol=1e-6)
    shares = mixture.responsibilities(x, path, t)
    chances = torch.stack([shares[:, labels == label].sum(1) for label in range(3)])
    assert torch.allclose((chances[:, :, None] * answers).sum(0), denoise(x, t), atol=1e-5)
    mixed = denoise(x, t, torch.arange(40) % 4 - 1)
    assert torch.allclose(mixed[::4], denoise(x, t)[::4]) and torch.allclose(
        mixed[2::4], answers[1][2::4]
    )
    with pytest.raises(ValueError, match="no classes"):
        mixture.denoiser(path)(x, 0.5, torch.zeros(40, dtype=torch.long))
    with pytest.raises(ValueError, match="expected"):
        denoise(x, 0.5, torch.full((40,), 7))


@pytest.mark.parametrize("draw", POINTS.values(), ids=POINTS)
def test_a_seed_is_an_integer_of_any_kind(draw):
    assert torch.equal(draw(5, np.int64(3)), draw(5, 3))
    assert torch.equal(draw(5, torch.tensor(3)), draw(5, 3))
    with pytest.raises(ValueError, match=r"seed is 3\.0; expected a whole number"):
        draw(5, 3.0)
