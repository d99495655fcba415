"""Lesson 05's exercises: other right answers pass, and references do what the library does."""

import numpy as np
import pytest
import torch

from course_utils.diffusion.mixtures import five_blobs
from course_utils.evaluation import modes
from course_utils.exercises import lesson_05
from course_utils.models.adversarial import discriminator_loss, picture_networks


def penalty_by_norm(gradient, weight):
    return (
        0.5
        * weight
        * torch.linalg.vector_norm(gradient.reshape(len(gradient), -1), dim=1).pow(2).mean()
    )


def penalty_by_numpy(gradient, weight):
    return float(weight) * np.sum(gradient.numpy() ** 2) / (2 * len(gradient))


def shares_by_cdist(points, means, stds):
    widths = torch.cdist(points, means) / stds
    hits = torch.nn.functional.one_hot(widths.argmin(1), len(means)) * (
        widths.amin(1, keepdim=True) < 3
    )
    return hits.float().mean(0)


def shares_by_loop(points, means, stds):
    counts = [0] * len(means)
    for point in points:
        widths = [float((point - m).norm() / s) for m, s in zip(means, stds, strict=True)]
        if min(widths) < 3:
            counts[widths.index(min(widths))] += 1
    return [count / len(points) for count in counts]


@pytest.mark.parametrize(("exercise", "answer"), [
    (lesson_05.r1_penalty, penalty_by_norm), (lesson_05.r1_penalty, penalty_by_numpy),
    (lesson_05.mode_shares, shares_by_cdist), (lesson_05.mode_shares, shares_by_loop),
])  # fmt: skip
def test_independent_right_answers_pass(exercise, answer):
    assert exercise.check(answer).status == "passed"


def test_the_penalty_is_the_library_s():
    torch.manual_seed(0)
    discriminator, real = picture_networks(width=8)[1], torch.randn(5, 1, 8, 8)
    plain, whole = (discriminator_loss(discriminator, real, real, r1) for r1 in (0.0, 3.0))
    places = real.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(places).sum(), places)
    assert (whole - plain - lesson_05.r1_penalty.reference(gradient, 3.0)).abs().item() < 1e-6


def test_the_shares_are_the_library_s():
    mixture = five_blobs()
    points = torch.cat([mixture.sample(500, seed=1), 3 * torch.randn(500, 2)]).double()
    theirs = modes.mode_shares(points, mixture).double()
    assert (
        float(
            (lesson_05.mode_shares.reference(points, mixture.means, mixture.stds) - theirs)
            .abs()
            .max()
        )
        < 1e-6
    )


@pytest.mark.parametrize(("exercise", "function", "words"), [
    (lesson_05.r1_penalty, lambda g, w: 3 * lesson_05._r1_penalty(g, w), "Yours is 37.5"),
    (lesson_05.mode_shares, lambda p, m, s: lesson_05._mode_shares(p, m, 0.5 * s), "share 0.5. Yours is 0"),
])  # fmt: skip
def test_without_a_known_mistake_a_property_is_told_with_numbers(exercise, function, words):
    assert words in exercise.check(function).message
