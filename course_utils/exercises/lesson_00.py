"""The exercise of lesson 00: mix data and noise along the straight path of flow matching.

x_t = (1 - t) x0 + t noise (Lipman et al. 2023, arXiv 2210.02747, eq. 22 with sigma_min = 0; Liu et
al. 2023, arXiv 2209.03003, eq. 1), where t = 0 is data and t = 1 is noise, as everywhere in the
course.
"""

import math

import torch

from course_utils.diffusion.paths import spread
from course_utils.exercises.checks import Exercise, unless_close


def _mix(x0, noise, t):
    """Reference: x0 and noise (B, ...), t a float or (B,) -> (B, ...)."""
    t = spread(t, x0)
    return (1 - t) * x0 + t * noise


def _weighted(data_weight, noise_weight):
    """A wrong mixture: the same shapes, but other functions of t as weights."""

    def mistake(x0, noise, t):
        t = spread(t, x0)
        return data_weight(t) * x0 + noise_weight(t) * noise

    return mistake


def _not_broadcast(x0, noise, t):
    return (1 - t) * x0 + t * noise


def _half_broadcast(x0, noise, t):
    return (1 - spread(t, x0)) * x0 + t * noise


def _first_t_only(x0, noise, t):
    return _mix(x0, noise, torch.as_tensor(t).flatten()[0])


def _mean_t(x0, noise, t):
    return _mix(x0, noise, torch.as_tensor(t).double().mean())


def _inputs(generator):
    """Points, voxels and images; t as a float, a 0-d tensor and (B,); float32 and float64."""

    def pair(shape, dtype=torch.float32):
        return tuple(torch.randn(shape, generator=generator, dtype=dtype) for _ in range(2))

    def times(count, dtype=torch.float32):
        return 0.1 + 0.8 * torch.rand(count, generator=generator, dtype=dtype)

    double = torch.float64
    return [
        (*pair((5, 2)), 0.3),
        (*pair((2, 1, 3, 4, 5)), 0.8),
        (*pair((5, 2)), times(5)),
        (*pair((3, 1, 4, 4, 4)), times(3)),
        # B = W: without a reshape it runs, but wrongly
        (*pair((4, 1, 4, 4, 4), double), times(4, double)),
        (*pair((2, 3, 6, 6)), torch.tensor(0.45)),
    ]


def _example():
    generator = torch.Generator().manual_seed(1)
    return [torch.randn((3, 2), generator=generator) for _ in range(2)]


def _starts_at_the_data(noisy):
    x0, noise = _example()
    sentence = "At t = 0 there is no noise yet, but your result differs from x0 by up to {gap:.2f}."
    return unless_close(noisy(x0, noise, 0.0), x0, sentence)


def _ends_at_the_noise(noisy):
    x0, noise = _example()
    sentence = """At t = 1 only noise is left, but your result differs from the noise by up to
    {gap:.2f}."""
    return unless_close(noisy(x0, noise, 1.0), noise, sentence)


def _is_half_way(noisy):
    x0, noise = _example()
    sentence = """At t = 0.5 you should be halfway between x0 and noise; you are up to {gap:.2f}
    away."""
    return unless_close(noisy(x0, noise, 0.5), (x0 + noise) / 2, sentence)


def _each_sample_has_its_own_t(noisy):
    x0, noise = _example()
    times = [0.0, 0.4, 0.9]
    alone = [noisy(x0[i : i + 1], noise[i : i + 1], t) for i, t in enumerate(times)]
    sentence = """With t = [0, 0.4, 0.9] a sample differs by {gap:.2f} from what it gives alone with
    its own t."""
    return unless_close(noisy(x0, noise, torch.tensor(times)), alone, sentence)


MISTAKES = [
    (
        lambda x0, noise, t: (1 - t[:, None]) * x0 + t[:, None] * noise,
        """t[:, None] works only for points and a t of shape (B,). t may also be a plain number
        (make it a tensor with torch.as_tensor, and reshape it only if it has an axis), and voxels
        have more axes: t.reshape(-1, *[1] * (x0.ndim - 1)).""",
    ),
    (
        _weighted(lambda t: t, lambda t: 1 - t),
        """You swapped the roles: here t = 0 is the data and t = 1 the noise. Which of the two
        weights grows with t?""",
    ),
    (
        _not_broadcast,
        """Right for one number t, but a tensor t of shape (B,) lines up with the last axis of x0,
        not with the batch. Give it the shape (B, 1, ..., 1) first.""",
    ),
    (
        _half_broadcast,
        """One of the two weights has the shape (B, 1, ..., 1), but the other still has (B,):
        reshape t for both.""",
    ),
    (
        _first_t_only,
        "You add noise to every sample at the first t; each sample of the batch has its own.",
    ),
    (
        _mean_t,
        """You add noise to every sample at the average t; each sample of the batch has its
    own.""",
    ),
    (
        _weighted(lambda t: (1 - t).sqrt(), lambda t: t.sqrt()),
        """You took square roots of the weights. That keeps the variance constant, as DDPM does; the
        straight path of flow matching uses the weights themselves.""",
    ),
    (
        _weighted(lambda t: torch.ones_like(t), lambda t: t),
        """You add noise but keep all of the data: at t = 1 the shape is still there. Its weight has
        to fall to 0.""",
    ),
    (
        _weighted(lambda t: 1 - t, lambda t: torch.ones_like(t)),
        """The noise has its full strength from the start, but at t = 0 there should be none. It
        needs a weight too.""",
    ),
    (
        _weighted(lambda t: 1 - t, lambda t: -t),
        """You subtract the noise; add it instead. The samples would look the same, but every later
        formula relies on the sign.""",
    ),
    (
        _weighted(lambda t: torch.cos(math.pi / 2 * t), lambda t: torch.sin(math.pi / 2 * t)),
        """You used cosine and sine: that is the variance-preserving cosine path. This one is a
        straight line in t.""",
    ),
    (
        _weighted(lambda t: 1 - t, lambda t: (1 - (1 - t) ** 2).sqrt()),
        """You chose the weight of the noise so that the squares sum to 1 (variance preserving). On
        the straight path the weights themselves sum to 1.""",
    ),
    (
        _weighted(lambda t: (1 - t) ** 2, lambda t: t**2),
        "You squared the weights; use them as they are.",
    ),
    (
        _weighted(lambda t: 1 - t, lambda t: t**2),
        "You squared the weight of the noise; it should grow linearly with t.",
    ),
    (
        _weighted(lambda t: -torch.ones_like(t), lambda t: torch.ones_like(t)),
        """That is the velocity, the direction from x0 to noise. You need the point at time t along
        the way.""",
    ),
]

noisy = Exercise(
    name="noisy",
    reference=_mix,
    make_inputs=_inputs,
    mistakes=MISTAKES,
    properties=[_starts_at_the_data, _ends_at_the_noise, _is_half_way, _each_sample_has_its_own_t],
)
