"""Guidance: the length and direction of a critic's move, and that the critic gets its wish."""

import pytest
import torch
from torch import Tensor

from course_utils.diffusion.guidance import full_or_empty, keeping, mixed, steered
from course_utils.diffusion.mixtures import GaussianMixture
from course_utils.diffusion.noise import gaussian
from course_utils.diffusion.paths import FlowPath
from course_utils.diffusion.sampling import ddpm, last, sample, time_grid


class Same:
    """A denoiser that believes what it sees."""

    path = FlowPath()

    def __call__(self, x_t, t):
        return x_t


def wants_full(x0: Tensor) -> Tensor:
    """Log-probability that the first value is full, sure or not according to x0's value there."""
    return torch.log(0.5 + 0.4 * x0[:, :1])


def test_the_critic_sees_full_or_empty_and_its_gradient_passes():
    seen = []

    def critic(x0):
        seen.append(x0.detach().clone())
        return wants_full(x0)

    x = torch.tensor([[-0.2, 0.7, 0.0], [0.3, -2.0, 1e-6]])
    moved = steered(Same(), critic, 0.5)(x, 0.5)
    assert torch.equal(seen[0], torch.tensor([[-1.0, 1.0, -1.0], [1.0, -1.0, 1.0]]))
    assert torch.equal(moved[:, 1:], x[:, 1:])  # the critic looks at the first value only
    missing = torch.tensor([0.9, 0.1])  # seen with 0.1 in the first, 0.9 in the second
    assert torch.allclose(moved[:, 0] - x[:, 0], 0.5 * missing * 3**0.5, rtol=1e-4)
    assert not moved.requires_grad


def test_the_least_probable_of_several_wishes_says_how_far():
    def critic(x0):
        return (
            torch.tensor([[0.9, 0.4], [1.0, 1.0]]).log()
            + 0 * x0[:, :1]
            + x0[:, :1]
            - x0[:, :1].detach()
        )

    move = steered(Same(), critic, 1.0)(torch.zeros(2, 4), 0.5)
    assert move[0].norm() == pytest.approx(0.6 * 2) and move[1].abs().max() == 0


def test_outside_of_its_interval_or_without_strength_it_is_the_denoiser():
    def critic(x0):
        raise AssertionError("nobody asked")

    x = torch.randn(2, 3)
    for strength, t in ((0.5, 0.05), (0.5, 0.97), (0.0, 0.5)):
        assert torch.equal(steered(Same(), critic, strength)(x, t), x)


@pytest.mark.parametrize(
    ("how", "name"),
    [
        ({"strength": -1.0}, "strength"),
        ({"strength": float("nan")}, "strength"),
        ({"interval": (0.5, 1.5)}, "interval"),
        ({"interval": (0.9, 0.1)}, "interval"),
    ],
)
def test_what_is_no_strength_or_interval_is_refused(how, name):
    with pytest.raises(ValueError, match=name):
        steered(Same(), wants_full, **{"strength": 0.1} | how)


def test_a_critic_moves_a_mixture_to_the_blob_that_it_likes():
    """Of two equal blobs a critic gets the one that it wants, and the points stay in blobs."""
    blobs = GaussianMixture(
        torch.tensor([[-1.0, 0.0], [1.0, 0.0]]), torch.full((2,), 0.15), torch.tensor([0.5, 0.5])
    )
    start, times = gaussian(0, (400, 2)), time_grid(FlowPath(), 30)
    denoise = blobs.denoiser(FlowPath())

    def critic(x0):
        return torch.nn.functional.logsigmoid(3 * x0[:, :1])

    plain, led = (
        last(sample(one, start, times, ddpm)).x_t
        for one in (denoise, steered(denoise, critic, 1.0))
    )
    assert 0.4 < (plain[:, 0] > 0).float().mean() < 0.6
    assert (led[:, 0] > 0).float().mean() > 0.9
    assert ((led - torch.tensor([1.0, 0.0])).norm(dim=1) < 0.6).float().mean() > 0.85


def test_zero_is_empty():
    assert full_or_empty(torch.tensor([-0.1, 0.0, 0.1])).tolist() == [-1, -1, 1]


def test_guidance_composes():
    """A part held fast, of a critic's move, of a mixture: each is a denoiser to the next."""
    known, keep = torch.full((1, 3), 9.0), torch.tensor([False, False, True])
    x = torch.tensor([[-0.2, 0.7, 0.4]])

    class Twice(Same):
        def __call__(self, x_t, t):
            return 2 * x_t

    between = mixed(Same(), Twice(), 0.25)
    moved = steered(between, wants_full, 0.5)
    whole = keeping(moved, known, keep)
    assert between.path is moved.path is whole.path is Same.path
    assert torch.allclose(between(x, 0.5), 1.25 * x)
    guess = whole(x, 0.5)
    assert guess[0, 2] == 9 and torch.equal(guess[:, :2], moved(x, 0.5)[:, :2])
    assert guess[0, 0] > 1.25 * x[0, 0] and torch.allclose(guess[0, 1], 1.25 * x[0, 1])
