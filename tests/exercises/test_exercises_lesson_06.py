"""Lesson 06's exercises: other right answers pass, and references agree with the library."""

import numpy as np
import pytest
import torch

from course_utils.diffusion.guidance import guided
from course_utils.diffusion.paths import FlowPath
from course_utils.exercises import lesson_06


def mixed_by_weights(uncond, first, second, scale, mix):
    mix = mix.view(-1, *[1] * (first.ndim - 1))
    return (1 - scale) * uncond + scale * (1 - mix) * first + scale * mix * second


def mixed_by_numpy(uncond, first, second, scale, mix):
    rows = zip(
        *(np.asarray(v, dtype=np.float64) for v in (uncond, first, second, mix)), strict=True
    )
    return np.stack([u + scale * (a - u) + scale * m * (b - a) for u, a, b, m in rows])


def rescaled_by_lerp(guess, cond, amount):
    axes = tuple(range(1, guess.ndim))
    factor = cond.std(dim=axes, keepdim=True) / guess.std(dim=axes, keepdim=True)
    return torch.lerp(guess, guess * factor, amount)


def rescaled_by_loop(guess, cond, amount):
    return torch.stack(
        [
            amount * g * (c.std() / g.std()) + (1 - amount) * g
            for g, c in zip(guess, cond, strict=True)
        ]
    )


def rescaled_with_population_deviations(guess, cond, amount):
    ratio = [float(np.std(c.numpy()) / np.std(g.numpy())) for g, c in zip(guess, cond, strict=True)]
    return torch.stack([g * (1 - amount + amount * r) for g, r in zip(guess, ratio, strict=True)])


@pytest.mark.parametrize(("exercise", "answer"), [
    (lesson_06.mixed, mixed_by_weights), (lesson_06.mixed, mixed_by_numpy),
    (lesson_06.rescaled, rescaled_by_lerp), (lesson_06.rescaled, rescaled_by_loop),
    (lesson_06.rescaled, rescaled_with_population_deviations),
])  # fmt: skip
def test_independent_right_answers_pass(exercise, answer):
    assert exercise.check(answer).status == "passed"


def test_the_references_give_hand_made_numbers():
    uncond, first, second = (torch.full((2, 1), value) for value in (1.0, 3.0, 7.0))
    made = lesson_06.mixed.reference(uncond, first, second, 2.0, torch.tensor([0.0, 0.25]))
    assert (made - torch.tensor([[5.0], [7.0]])).abs().max() == 0
    guess, cond = torch.tensor([[0.0, 4.0]]), torch.tensor([[5.0, 6.0]])
    assert (
        lesson_06.rescaled.reference(guess, cond, 0.5) - torch.tensor([[0.0, 2.5]])
    ).abs().max() < 1e-6


def stand_in(x_t, t, condition=None):
    """A denoiser whose guess depends on the condition, class labels (B,)."""
    # -1 is none
    shift = 0.0 if condition is None else condition.clamp(min=0).reshape(-1, 1, 1, 1).float()
    return torch.sin(x_t + shift) + 0.1 * shift * x_t


stand_in.path = FlowPath()


def test_the_references_agree_with_the_library_s_guidance():
    x, labels = (
        torch.randn(3, 1, 4, 4, generator=torch.Generator().manual_seed(0)),
        torch.tensor([1, 2, 3]),
    )
    uncond, cond = stand_in(x, 0.5), stand_in(x, 0.5, labels)
    plain = guided(stand_in, labels, 3.0)(x, 0.5)
    made = lesson_06.mixed.reference(uncond, cond, torch.full_like(cond, 9.0), 3.0, torch.zeros(3))
    assert (made - plain).abs().max() < 1e-6
    shrunk = guided(stand_in, labels, 3.0, rescale=0.6)(x, 0.5)
    assert (lesson_06.rescaled.reference(plain, cond, 0.6) - shrunk).abs().max() < 1e-6


@pytest.mark.parametrize(("exercise", "function", "words"), [
    (lesson_06.mixed, lambda u, a, b, s, m: 2 * u, "by up to 1"),
    (lesson_06.rescaled, lambda g, c, a: g + 1, "by up to 1"),
])  # fmt: skip
def test_without_a_known_mistake_a_property_is_told_with_numbers(exercise, function, words):
    assert words in exercise.check(function).message
