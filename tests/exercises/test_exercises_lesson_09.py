"""Lesson 09's exercises: other right answers pass, and references do what libraries do."""

import pytest
import torch

from course_utils.diffusion.paths import FlowPath
from course_utils.diffusion.sampling import noised_again
from course_utils.exercises import lesson_09


def attend_by_torch(queries, keys, values, absent):
    present = ~absent[:, None, :].expand(-1, queries.shape[1], -1)
    return torch.nn.functional.scaled_dot_product_attention(
        queries, keys, values, attn_mask=present
    )


def attend_by_loop(queries, keys, values, absent):
    heard = torch.empty_like(queries)
    for b, texts in enumerate(queries):
        there = ~absent[b]
        for n, query in enumerate(texts):
            weights = torch.exp(keys[b][there] @ query / len(query) ** 0.5)
            heard[b, n] = (weights[:, None] * values[b][there]).sum(0) / weights.sum()
    return heard


def attend_by_einsum(queries, keys, values, absent):
    scores = torch.einsum("bnc,blc->bnl", queries, keys) * queries.shape[-1] ** -0.5
    weights = torch.where(absent[:, None], torch.zeros(()), scores.exp())
    return torch.einsum("bnl,blc->bnc", weights / weights.sum(-1, keepdim=True), values)


def noise_again_by_variances(x_s, s, t, noise):
    shrink = (1 - t) / (1 - s)
    return shrink * x_s + (t * t - (shrink * s) ** 2) ** 0.5 * noise


def noise_again_as_the_library(x_s, s, t, noise):
    return noised_again(FlowPath(), x_s, *torch.tensor([s, t], dtype=x_s.dtype), noise)


@pytest.mark.parametrize(("exercise", "answer"), [
    (lesson_09.attend, attend_by_torch), (lesson_09.attend, attend_by_loop), (lesson_09.attend, attend_by_einsum),
    (lesson_09.noise_again, noise_again_by_variances), (lesson_09.noise_again, noise_again_as_the_library),
])  # fmt: skip
def test_right_answers_in_other_styles_pass(exercise, answer):
    result = exercise.check(answer)
    assert result.status == "passed", result.message


@pytest.mark.parametrize(("exercise", "answer", "hint"), [
    (lesson_09.attend, lambda q, k, v, absent: 2 * lesson_09._attend(q, k, v, absent), "should get its value"),
    (lesson_09.attend, lambda q, k, v, absent: lesson_09._attend(q, k, v, absent)[:, :1], "shape"),
    (lesson_09.noise_again, lambda x_s, s, t, noise: x_s, "it should be the path itself"),
    (lesson_09.noise_again, lambda x_s, s, t, noise: lesson_09._noise_again(x_s, s, t, 0.9 * noise), "path itself"),
])  # fmt: skip
def test_wrong_answers_are_told_what_is_wrong(exercise, answer, hint):
    result = exercise.check(answer)
    assert result.status == "wrong" and hint in result.message


def test_noise_twice_is_noise_once():
    """Up from s to t in two steps has the same mean and spread as in one."""
    generator = torch.Generator().manual_seed(0)
    x = 0.8 + 0.2 * torch.randn(200_000, generator=generator)  # x0 = 1 at s = 0.2
    first, second = torch.randn(2, 200_000, generator=generator)
    twice = lesson_09._noise_again(lesson_09._noise_again(x, 0.2, 0.5, first), 0.5, 0.7, second)
    assert float(twice.mean()) == pytest.approx(0.3, abs=5e-3) and float(
        twice.std()
    ) == pytest.approx(0.7, abs=5e-3)
