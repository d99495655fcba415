"""Lesson 01's exercises: other right answers pass, and references give hand-made numbers."""

import math

import numpy as np
import pytest
import torch

from course_utils.exercises import lesson_01


def level_by_ratio(x0, noise, log_snr):
    """alpha = sqrt(snr / (1 + snr)), sigma = sqrt(1 - alpha²), with numpy."""
    snr = np.exp(np.asarray(log_snr, dtype=np.float64))
    snr = np.broadcast_to(snr, len(x0)).reshape(-1, *[1] * (x0.ndim - 1))
    alpha = np.sqrt(snr / (1 + snr))
    return alpha * x0.numpy() + np.sqrt(1 - alpha**2) * noise.numpy()


def level_by_rotation(x0, noise, log_snr):
    """alpha and sigma as cosine and sine of an angle with tangent exp(-log_snr / 2), one by one."""
    levels = torch.as_tensor(log_snr).double().expand(len(x0))
    angles = [math.atan(math.exp(-float(level) / 2)) for level in levels]
    return torch.stack(
        [math.cos(a) * x + math.sin(a) * e for a, x, e in zip(angles, x0, noise, strict=True)]
    )


def kl_by_torch(mean, std):
    gaussian = torch.distributions.Normal(mean, std[:, None])
    return torch.distributions.kl_divergence(gaussian, torch.distributions.Normal(0.0, 1.0)).sum(
        dim=-1
    )


def kl_by_loop(mean, std):
    values = []
    for row, width in zip(mean.tolist(), std.tolist(), strict=True):
        variance = width * width
        values.append(sum(0.5 * (m * m + variance - 1 - math.log(variance)) for m in row))
    return values


@pytest.mark.parametrize(("exercise", "answer"), [
    (lesson_01.at_log_snr, level_by_ratio), (lesson_01.at_log_snr, level_by_rotation),
    (lesson_01.gaussian_kl, kl_by_torch), (lesson_01.gaussian_kl, kl_by_loop),
])  # fmt: skip
def test_independent_right_answers_pass(exercise, answer):
    result = exercise.check(answer)
    assert (result.status, result.score) == ("passed", 1.0)


def test_the_reference_of_each_exercise_gives_hand_made_numbers():
    x0, noise = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    # alpha, sigma: 0.6, 0.8 and 0.5, sqrt(3) / 2
    levels = torch.tensor([math.log(9 / 16), math.log(1 / 3)])
    wanted = torch.tensor([[0.6, 0.8], [math.sqrt(3) / 2, 1.0]])
    assert (lesson_01.at_log_snr.reference(x0, noise, levels) - wanted).abs().max() < 1e-6
    mean, std = torch.tensor([[3.0, 4.0], [0.0, 0.0], [1.0, 0.0]]), torch.tensor([1.0, 0.5, 2.0])
    wanted = torch.tensor([12.5, -0.75 + 2 * math.log(2), 0.5 + 3 - 2 * math.log(2)])
    assert (lesson_01.gaussian_kl.reference(mean, std) - wanted).abs().max() < 1e-6


@pytest.mark.parametrize(("exercise", "function", "numbers"), [
    (lesson_01.at_log_snr, lambda x0, noise, level: 0.5 * (x0 + noise), "alpha is 0.707. Yours is 0.500"),
    (lesson_01.at_log_snr, lambda x0, noise, level: math.sqrt(0.5) * (x0 + noise), "should be e = 2.718; yours is 1.0"),
    (lesson_01.gaussian_kl, lambda mean, std: mean.square().sum(1), "should give 12.5; yours gives 25"),
    (lesson_01.gaussian_kl, lambda mean, std: 1 + 0 * std, "itself should be at 0; yours gives 1"),
])  # fmt: skip
def test_without_a_known_mistake_the_first_failing_property_is_told_with_numbers(
    exercise, function, numbers
):
    assert numbers in exercise.check(function).message
