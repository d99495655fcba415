"""Lesson 04's exercises: other right answers pass, references give hand-made numbers, hints fit."""

import numpy as np
import pytest
import torch

from course_utils.exercises import lesson_04
from course_utils.networks.unet import ResidualBlock


def modulate_by_einsum(h, scale, shift):
    h = h.numpy()
    return np.einsum("bc...,bc->bc...", h, 1 + scale.numpy()) + np.einsum(
        "bc...,bc->bc...", np.ones_like(h), shift
    )


def modulate_by_moving_axes(h, scale, shift):
    inner = h.movedim((0, 1), (-2, -1))  # (*grid, B, C)
    return torch.addcmul(shift, inner, scale + 1).movedim((-2, -1), (0, 1))


def slerp_by_tilting(a, b, weight):
    """Turns a towards b in the plane of both: by an orthonormal frame, norms and all."""
    shape, a, b = a.shape, a.double().flatten(), b.double().flatten()
    a_norm, b_norm = a.norm(), b.norm()
    u, w = a / a_norm, b / b_norm
    angle = 2 * torch.atan2((u - w).norm(), (u + w).norm())
    return (
        (a_norm * u * ((1 - weight) * angle).sin() + b_norm * w * (weight * angle).sin())
        / angle.sin()
    ).view(shape)


def slerp_by_numpy(a, b, weight):
    a, b = a.numpy(), b.numpy()
    angle = np.arccos(np.vdot(a, b) / np.sqrt(np.vdot(a, a) * np.vdot(b, b)))
    return a * np.sin(angle - weight * angle) / np.sin(angle) + b * np.sin(weight * angle) / np.sin(
        angle
    )


@pytest.mark.parametrize(("exercise", "answer"), [
    (lesson_04.modulate, modulate_by_einsum), (lesson_04.modulate, modulate_by_moving_axes),
    (lesson_04.slerp, slerp_by_tilting), (lesson_04.slerp, slerp_by_numpy),
])  # fmt: skip
def test_independent_right_answers_pass(exercise, answer):
    result = exercise.check(answer)
    assert (result.status, result.score) == ("passed", 1.0), result


def test_the_references_give_hand_made_numbers():
    h = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])  # one sample, two channels, a grid of two
    scale, shift = torch.tensor([[1.0, -1.0]]), torch.tensor([[0.5, 7.0]])
    assert lesson_04.modulate.reference(h, scale, shift).tolist() == [[[2.5, 4.5], [7.0, 7.0]]]
    a, b = (
        torch.tensor([[2.0, 0.0]], dtype=torch.float64),
        torch.tensor([[0.0, 4.0]], dtype=torch.float64),
    )
    root = 0.5**0.5  # half way along a right angle both weights are sin(45°)
    wanted = torch.tensor([[2 * root, 4 * root]], dtype=torch.float64)
    assert (lesson_04.slerp.reference(a, b, 0.5) - wanted).abs().max() < 1e-12


def test_slerp_keeps_the_norm_and_lerp_does_not():
    generator = torch.Generator().manual_seed(0)
    a, b = torch.nn.functional.normalize(
        torch.randn(2, 50, generator=generator, dtype=torch.float64), dim=1
    )
    for weight in (0.1, 0.5, 0.7):
        assert abs(float(lesson_04.slerp.reference(a, b, weight).norm()) - 1) < 1e-12
        assert float(lesson_04.lerp(a, b, weight).norm()) < 0.95


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_modulate_is_what_the_library_s_block_does(dimensions):
    torch.manual_seed(0)
    block = ResidualBlock(dimensions, 8, 8, embedding=5)
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    x, embedded = torch.randn(2, 8, *[4] * dimensions), torch.randn(2, 5)
    scale, shift = block.modulation(torch.nn.functional.silu(embedded)).chunk(2, dim=1)
    h = lesson_04.modulate.reference(block.norm(block.first(x)), scale, shift)
    assert (x + block.second(torch.nn.functional.silu(h)) - block(x, embedded)).abs().max() < 1e-5


@pytest.mark.parametrize(("exercise", "function", "words"), [
    (lesson_04.modulate, lambda h, scale, shift: 2 * lesson_04._modulate(h, scale, shift), "nothing may change"),
    (lesson_04.modulate, lambda h, scale, shift: h + 3 * (lesson_04._modulate(h, scale, shift) - h), "grows by 2"),
    (lesson_04.slerp, lambda a, b, weight: 0.5 * lesson_04.library_slerp(a, b, weight), "yours is up to 1.5 away"),
    (lesson_04.slerp, lambda a, b, weight: lesson_04.library_slerp(a, b, weight**2), "at 30 degrees"),
])  # fmt: skip
def test_without_a_known_mistake_a_property_is_told_with_numbers(exercise, function, words):
    assert words in exercise.check(function).message
