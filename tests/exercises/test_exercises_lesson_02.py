"""Lesson 02's exercises: other right answers pass, references give hand-made numbers, hints fit."""

import numpy as np
import pytest
import torch

from course_utils.diffusion.mixtures import GaussianMixture
from course_utils.diffusion.paths import PATHS, EDMPath
from course_utils.exercises import lesson_02


def mean_by_precisions(x_t, mean, std, alpha, sigma):
    """Two measurements of x0, each weighed by one over its variance."""
    prior, seen = 1 / std**2, alpha**2 / sigma**2
    return (prior * mean + seen * (x_t / alpha)) / (prior + seen)


def mean_by_tweedie(x_t, mean, std, alpha, sigma):
    """By numpy and the score of the Gaussian that x_t follows."""
    x_t, mean = x_t.numpy(), mean.numpy()
    score = -(x_t - alpha * mean) / (alpha**2 * std**2 + sigma**2)
    return (x_t + sigma**2 * score) / alpha


def x0_by_solving(v, x_t, alpha, sigma):
    """Two equations with two unknowns, solved for each sample."""
    rows = []
    for k in range(len(v)):
        a, s = float(alpha[k]), float(sigma[k])
        rows.append(np.linalg.solve([[a, s], [-s, a]], np.stack([x_t[k].ravel(), v[k].ravel()]))[0])
    return np.stack(rows).reshape(v.shape)


def x0_by_rotation(v, x_t, alpha, sigma):
    """The angle of the path turns (x_t, v) into (x0, noise) after scaling to unit variance."""
    size = torch.hypot(alpha, sigma)
    angle = torch.atan2(sigma, alpha)
    turned = torch.einsum("b,b...->b...", angle.cos() / size, x_t) - torch.einsum(
        "b,b...->b...", angle.sin() / size, v
    )
    return turned.tolist()


@pytest.mark.parametrize(("exercise", "answer"), [
    (lesson_02.posterior_mean, mean_by_precisions), (lesson_02.posterior_mean, mean_by_tweedie),
    (lesson_02.v_to_x0, x0_by_solving), (lesson_02.v_to_x0, x0_by_rotation),
])  # fmt: skip
def test_independent_right_answers_pass(exercise, answer):
    result = exercise.check(answer)
    assert (result.status, result.score) == ("passed", 1.0), result


def test_the_reference_of_each_exercise_gives_hand_made_numbers():
    # variance of x_t: 0.5² · 2² + 1² = 2; gain 0.5 · 4 / 2 = 1; x_t - alpha mean = (2 - 0.5, 0 + 1)
    # = (1.5, 1)
    x_t, mean = torch.tensor([[2.0, 0.0]]), torch.tensor([1.0, -2.0])
    assert lesson_02.posterior_mean.reference(x_t, mean, 2.0, 0.5, 1.0).tolist() == [[2.5, -1.0]]
    # x0 = 1, noise = 2, alpha = 1, sigma = 2: x_t = 5, v = 0, and 5 / 5 = 1; x0 = 3, noise = -1 on
    # alpha = sigma = 1/2
    v, x_t = torch.tensor([[0.0], [-2.0]]), torch.tensor([[5.0], [1.0]])
    alpha, sigma = torch.tensor([1.0, 0.5]), torch.tensor([2.0, 0.5])
    assert lesson_02.v_to_x0.reference(v, x_t, alpha, sigma).tolist() == [[1.0], [3.0]]


def test_the_references_are_the_librarys():
    generator = torch.Generator().manual_seed(0)
    x_t, other = torch.randn(2, 7, 2, generator=generator, dtype=torch.float64)
    mixture = GaussianMixture([[0.4, -1.0]], 0.3)
    for path in (make() for make in PATHS.values()):
        t = torch.linspace(0.05, 0.95, 7, dtype=torch.float64)
        alpha, sigma = path.alpha(t), path.sigma(t)
        v_answer = lesson_02.v_to_x0.reference(other, x_t, alpha, sigma)
        assert (v_answer - path.convert(other, x_t, t, "v", "x0")).abs().max() < 1e-10
        wanted = mixture.posterior_mean(x_t, path, t)
        answer = lesson_02.posterior_mean.reference(
            x_t, mixture.means[0], 0.3, alpha[:, None], sigma[:, None]
        )
        assert (answer - wanted).abs().max() < 1e-10


def test_a_formula_for_variance_preserving_paths_alone_is_told_so():
    def on_a_circle(v, x_t, alpha, sigma):
        shape = (-1, *[1] * (v.ndim - 1))
        return alpha.reshape(shape) * x_t - sigma.reshape(shape) * v

    assert "variance preserving" in lesson_02.v_to_x0.check(on_a_circle).message
    path = EDMPath()
    assert float(path.alpha(0.9) ** 2 + path.sigma(0.9) ** 2) > 2  # where it would fail
