"""Lesson 03's exercises: other right answers pass, and references give hand-made numbers."""

import math

import numpy as np
import pytest
import torch

from course_utils.diffusion import sampling
from course_utils.diffusion.paths import FlowPath
from course_utils.exercises import lesson_03


def std_by_precisions(alpha_t, sigma_t, alpha_s, sigma_s):
    kept = alpha_t / alpha_s
    added = sigma_t * sigma_t - kept * kept * sigma_s * sigma_s
    return (1 / sigma_s.pow(2) + kept.pow(2) / added).rsqrt()


def std_by_numpy(alpha_t, sigma_t, alpha_s, sigma_s):
    a, b, c, d = (np.asarray(v, dtype=np.float64) for v in (alpha_t, sigma_t, alpha_s, sigma_s))
    return d * np.sqrt(1 - (a * d / (c * b)) ** 2)


def order_by_polyfit(steps, errors):
    return -np.polyfit(np.log2(steps.numpy()), np.log2(errors.numpy()), 1)[0]


def order_by_lstsq(steps, errors):
    design = torch.stack(
        [steps.double().log10(), torch.ones(len(steps), dtype=torch.float64)], dim=1
    )
    return float(-torch.linalg.lstsq(design, errors.double().log10()[:, None]).solution[0, 0])


@pytest.mark.parametrize(("exercise", "answer"), [
    (lesson_03.ancestral_std, std_by_precisions), (lesson_03.ancestral_std, std_by_numpy),
    (lesson_03.order, order_by_polyfit), (lesson_03.order, order_by_lstsq),
])  # fmt: skip
def test_independent_right_answers_pass(exercise, answer):
    assert exercise.check(answer).status == "passed"


def test_the_references_give_hand_made_numbers():
    numbers = (torch.tensor(v, dtype=torch.float64) for v in (0.5, 0.5, 0.75, 0.25))
    wanted = 0.5 * math.sqrt(0.25 - (2 / 3) ** 2 / 16)  # the flow path from t = 1/2 to s = 1/4
    assert abs(float(lesson_03.ancestral_std.reference(*numbers)) - wanted) < 1e-15
    steps = torch.tensor([1.0, math.e, math.e**2], dtype=torch.float64)
    errors = torch.exp(torch.tensor([0.0, -1.0, -4.0], dtype=torch.float64))
    assert abs(float(lesson_03.order.reference(steps, errors)) - 2.0) < 1e-12


def test_the_width_is_what_the_library_s_ancestral_step_adds():
    path, t, s = (
        FlowPath(),
        torch.tensor(0.7, dtype=torch.float64),
        torch.tensor(0.4, dtype=torch.float64),
    )

    def denoise(x, t):
        return 0 * x

    denoise.path = path
    x = torch.ones(1, 1, dtype=torch.float64)
    quiet, loud = (sampling.ddpm(denoise, x, t, s, lambda z=z: z * x, [])[0] for z in (0.0, 1.0))
    width = lesson_03.ancestral_std.reference(
        path.alpha(t), path.sigma(t), path.alpha(s), path.sigma(s)
    )
    assert float((loud - quiet - width).abs()) < 1e-15


@pytest.mark.parametrize(("exercise", "function", "words"), [
    (lesson_03.ancestral_std, lambda a, b, c, d: b + d, "yours adds 0.6"),
    (lesson_03.order, lambda steps, errors: 0.5 * lesson_03._order(steps, errors), "yours is 0.5"),
])  # fmt: skip
def test_without_a_known_mistake_a_property_is_told_with_numbers(exercise, function, words):
    assert words in exercise.check(function).message
