"""The exercises of lesson 01: noise at a given log-SNR, and the KL divergence from the prior.

On a variance-preserving path alpha^2 + sigma^2 = 1 and log(alpha^2 / sigma^2) = log_snr, so alpha^2
= sigmoid(log_snr) and sigma^2 = sigmoid(-log_snr) (Kingma et al., arXiv 2107.00630, sections 3.1
and 3.2). The divergence of two Gaussians is textbook: Bishop, *Pattern Recognition and Machine
Learning*, exercise 2.13.
"""

import math

import torch

from course_utils.diffusion.paths import spread
from course_utils.exercises.checks import Exercise, unless_close

# ---- at_log_snr(x0, noise, log_snr) --------------------------------------------------------------


def _mixed(data_weight, noise_weight):
    """Weight x0 and noise by functions of the log-SNR: the reference and most mistakes."""

    def mix(x0, noise, log_snr):
        level = spread(log_snr, x0)
        return data_weight(level) * x0 + noise_weight(level) * noise

    return mix


def _root(function):
    return lambda level: function(level).sqrt()


def _sigmoid(sharpness=1.0):
    return lambda level: torch.sigmoid(sharpness * level)


_at_log_snr = _mixed(_root(_sigmoid()), _root(_sigmoid(-1.0)))


def _level_not_broadcast(x0, noise, log_snr):
    level = torch.as_tensor(log_snr, dtype=x0.dtype)
    return torch.sigmoid(level).sqrt() * x0 + torch.sigmoid(-level).sqrt() * noise


def _first_level_only(x0, noise, log_snr):
    return _at_log_snr(x0, noise, torch.as_tensor(log_snr).flatten()[0])


def _mean_level(x0, noise, log_snr):
    return _at_log_snr(x0, noise, torch.as_tensor(log_snr).double().mean())


def _level_inputs(generator):
    """Points, voxels and images; log-SNRs of both signs as a float, a 0-d tensor and (B,)."""

    def pair(shape, dtype=torch.float32):
        return tuple(torch.randn(shape, generator=generator, dtype=dtype) for _ in range(2))

    def levels(count, dtype=torch.float32):
        return 3 * torch.randn(count, generator=generator, dtype=dtype)

    double = torch.float64
    return [
        (*pair((5, 2)), 1.5),
        (*pair((2, 1, 3, 4, 5)), -2.0),
        (*pair((6, 2)), levels(6)),
        (*pair((3, 1, 4, 4, 4)), levels(3)),
        # B = W: without a reshape it runs, but wrongly
        (*pair((4, 1, 4, 4, 4), double), levels(4, double)),
        (*pair((2, 3, 6, 6)), torch.tensor(0.7)),
    ]


def _ones_and_zeros():
    return torch.ones(3, 2), torch.zeros(3, 2)


def _equal_parts_at_zero(function):
    x0, noise = _ones_and_zeros()
    sentence = """At log-SNR 0, data and noise are equally strong: alpha is 0.707. Yours is
    {value:.3f}."""
    return unless_close(function(x0, noise, 0.0), math.sqrt(0.5), sentence)


def _variance_is_preserved(function):
    x0, noise = _ones_and_zeros()
    squares = function(x0, noise, 1.7) ** 2 + function(noise, x0, 1.7) ** 2
    sentence = """At log-SNR 1.7 the squares of alpha and sigma should add up to 1; yours add up to
    {value:.3f}."""
    return unless_close(squares, 1.0, sentence)


def _ratio_is_the_level(function):
    x0, noise = _ones_and_zeros()
    ratio = function(x0, noise, 2.0) / function(noise, x0, 2.0)
    sentence = "At log-SNR 2, alpha / sigma should be e = 2.718; yours is {value:.3f}."
    return unless_close(ratio, math.e, sentence)


def _each_sample_has_its_own_level(function):
    generator = torch.Generator().manual_seed(1)
    x0, noise = (torch.randn((3, 2), generator=generator) for _ in range(2))
    levels = [-4.0, 0.5, 3.0]
    alone = [function(x0[i : i + 1], noise[i : i + 1], level) for i, level in enumerate(levels)]
    sentence = """With log_snr = [-4, 0.5, 3] a sample differs by {gap:.2f} from what it gives alone
    with its own log-SNR."""
    return unless_close(function(x0, noise, torch.tensor(levels)), alone, sentence)


LEVEL_MISTAKES = [
    (
        _mixed(_sigmoid(), _sigmoid(-1.0)),
        """Your weights add up to 1, but their squares must: take square roots. The log-SNR is
        defined by alpha squared and sigma squared.""",
    ),
    (
        _mixed(_root(_sigmoid(-1.0)), _root(_sigmoid())),
        "You swapped the roles: a large log-SNR means a lot of data and little noise.",
    ),
    (
        _mixed(_root(_sigmoid(2.0)), _root(_sigmoid(-2.0))),
        """You read the log-SNR as log(alpha / sigma). It is the logarithm of the ratio of their
        squares, which is twice as large.""",
    ),
    (
        _mixed(_sigmoid(0.5), _sigmoid(-0.5)),
        """The ratio is right, but the size is not: these weights add up to 1, as on the flow path.
        Here their squares do.""",
    ),
    (
        _mixed(torch.ones_like, lambda level: torch.exp(-level / 2)),
        """The ratio is right, but you kept alpha at 1: that is the variance-exploding path. Divide
        both weights so that their squares add up to 1.""",
    ),
    (
        _mixed(lambda level: torch.exp(level / 2), torch.ones_like),
        """The ratio is right, but you kept sigma at 1. Divide both weights so that their squares
        add up to 1.""",
    ),
    (
        _mixed(lambda level: (level / (1 + level)).sqrt(), lambda level: (1 / (1 + level)).sqrt()),
        """You used the log-SNR as if it were the SNR itself. Apply exp first; then no square root
        gets a negative number.""",
    ),
    (
        _mixed(_root(_sigmoid(math.log(10) / 10)), _root(_sigmoid(-math.log(10) / 10))),
        "You read the log-SNR as decibels. It is a natural logarithm: the SNR is exp(log_snr).",
    ),
    (
        _mixed(_root(_sigmoid(math.log(10))), _root(_sigmoid(-math.log(10)))),
        """You read the log-SNR as a base-10 logarithm. It is a natural one: the SNR is
        exp(log_snr).""",
    ),
    (
        _mixed(_root(_sigmoid()), lambda level: -torch.sigmoid(-level).sqrt()),
        """You subtract the noise; add it instead. The samples would look the same, but every later
        formula relies on the sign.""",
    ),
    (
        _mixed(_root(_sigmoid()), _sigmoid(-1.0)),
        "You took the square root of the data's weight, but not of the noise's.",
    ),
    (
        _mixed(_root(_sigmoid()), lambda level: 1 - torch.sigmoid(level).sqrt()),
        """You took sigma = 1 - alpha. On a variance-preserving path the squares add up to 1: sigma
        is the root of 1 - alpha squared.""",
    ),
    (
        _level_not_broadcast,
        """Right for one number, but a tensor of shape (B,) lines up with the last axis of x0, not
        with the batch. Give it the shape (B, 1, ..., 1) first.""",
    ),
    (
        _first_level_only,
        "You use the first log-SNR for all samples; each sample of the batch has its own.",
    ),
    (
        _mean_level,
        "You use the average log-SNR for all samples; each sample of the batch has its own.",
    ),
]

at_log_snr = Exercise(
    name="at_log_snr",
    reference=_at_log_snr,
    make_inputs=_level_inputs,
    mistakes=LEVEL_MISTAKES,
    properties=[
        _equal_parts_at_zero,
        _variance_is_preserved,
        _ratio_is_the_level,
        _each_sample_has_its_own_level,
    ],
)


# ---- gaussian_kl(mean, std) ----------------------------------------------------------------------


def _kl_of(formula):
    """formula(m, s, d): m (B,) squared length of the mean, s (B,) the std, d dimensions -> (B,)."""
    return lambda mean, std: formula(mean.square().sum(1), std, mean.shape[1])


_gaussian_kl = _kl_of(lambda m, s, d: (m + d * (s**2 - 1 - 2 * s.log())) / 2)


def _std_not_broadcast(mean, std):
    return (mean.square() + std.square() - 1 - 2 * std.log()).sum(1) / 2


def _kl_inputs(generator):
    """Means (B, d) in 1 to 5 dimensions, once with B = d; widths (B,) on both sides of 1."""
    inputs = []
    for shape, dtype in (((5, 2), torch.float32), ((3, 3), torch.float64), ((4, 5), torch.float32),
                         ((1, 2), torch.float32), ((6, 1), torch.float64)):  # fmt: skip
        mean = torch.randn(shape, generator=generator, dtype=dtype)
        std = 0.3 + 1.5 * torch.rand(shape[0], generator=generator, dtype=dtype)
        inputs.append((mean, std))
    return inputs


def _kl_at(kl, mean, std):
    return kl(torch.tensor([mean, mean]), torch.tensor([std, std]))


def _nothing_from_itself(kl):
    sentence = "The standard normal itself should be at 0; yours gives {value:.3g}."
    return unless_close(_kl_at(kl, [0.0, 0.0], 1.0), 0.0, sentence)


def _shift_costs_half_its_square(kl):
    sentence = "Width 1 around (3, 4), at distance 5, should give 12.5; yours gives {value:.4g}."
    return unless_close(_kl_at(kl, [3.0, 4.0], 1.0), 12.5, sentence)


def _width_counts_in_every_dimension(kl):
    once, thrice = _kl_at(kl, [0.0], 2.0), _kl_at(kl, [0.0, 0.0, 0.0], 2.0)
    sentence = """Width 2 around 0 should count three times as much in 3D as in 1D; you are
    {gap:.3g} away from that."""
    return unless_close(thrice, 3 * once, sentence)


def _width_e(kl):
    wanted = (math.e**2 - 3) / 2
    sentence = (
        f"In 1D, width e around 0 should give (e² - 3) / 2 = {wanted:.3f}; "
        "yours gives {value:.3f}."
    )
    return unless_close(_kl_at(kl, [0.0], math.e), wanted, sentence)


KL_MISTAKES = [
    (
        _kl_of(lambda m, s, d: m + d * (s**2 - 1 - 2 * s.log())),
        "Twice as large as it should be: the factor 1/2 is missing.",
    ),
    (
        _kl_of(lambda m, s, d: (m + s**2 - 1 - 2 * s.log()) / 2),
        "The width counts once for each of the d dimensions: multiply its three terms by d.",
    ),
    (
        lambda mean, std: (mean.square().mean(1) + std**2 - 1 - 2 * std.log()) / 2,
        """You averaged over the dimensions; sum over them instead: |mean|² is a sum, and the
        width's terms count d times.""",
    ),
    (
        lambda mean, std: (
            (mean.square().mean(1) + mean.shape[1] * (std**2 - 1 - 2 * std.log())) / 2
        ),
        "You averaged the squares of the mean over the axes; |mean|² is their sum.",
    ),
    (
        lambda mean, std: (mean.square().sum() + mean.shape[1] * (std**2 - 1 - 2 * std.log())) / 2,
        """You summed the squares over the whole batch: sum over the last axis only, to get one
        number per Gaussian.""",
    ),
    (
        _kl_of(lambda m, s, d: (m + d * (s**2 - 1 - s.log())) / 2),
        "The logarithm is that of the variance: the log of std squared is 2 log std.",
    ),
    (
        _kl_of(lambda m, s, d: (m + d * (s**2 - 1 + 2 * s.log())) / 2),
        """The logarithm has the wrong sign: a narrow Gaussian (std below 1) is far from the prior,
        so its term must be positive.""",
    ),
    (
        _kl_of(lambda m, s, d: (m + d * (s - 1 - s.log())) / 2),
        "You used std in place of the variance: use std squared, and its logarithm.",
    ),
    (
        _kl_of(lambda m, s, d: (m + d * (s - 1 - 2 * s.log())) / 2),
        "One of the terms is the variance, which is std squared, not std.",
    ),
    (
        _kl_of(lambda m, s, d: (m / s**2 + d * (1 / s**2 - 1 + 2 * s.log())) / 2),
        """This is the divergence the other way round, KL(N(0, I) || N(mean, std² I)). The order
        matters.""",
    ),
    (
        _kl_of(lambda m, s, d: (m + d * (s**2 - 2 * s.log())) / 2),
        "The -1 is missing: without it the standard normal would not be at distance 0 from itself.",
    ),
    (
        _kl_of(lambda m, s, d: (m.sqrt() + d * (s**2 - 1 - 2 * s.log())) / 2),
        "The mean contributes its squared length; you took the length.",
    ),
    (
        lambda mean, std: (mean.sum(1).square() + mean.shape[1] * (std**2 - 1 - 2 * std.log())) / 2,
        """You summed the coordinates of the mean and then squared. Square each coordinate first:
        |mean|² is the sum of squares.""",
    ),
    (
        _kl_of(lambda m, s, d: d * (s**2 - 1 - 2 * s.log()) / 2),
        "Your answer ignores the mean, but a shifted Gaussian is a different distribution.",
    ),
    (
        _kl_of(lambda m, s, d: (m + d * (s**2 - 1 - 2 * s.log())) / 2 / math.log(2)),
        """Your answer is in bits. Give it in nats: use natural logarithms, and do not divide by log
        2.""",
    ),
    (
        lambda mean, std: _gaussian_kl(mean, std).mean(),
        "You return one average; each of the B Gaussians has its own divergence.",
    ),
    (
        _std_not_broadcast,
        """std of shape (B,) lines up with the last axis of mean, not with the batch. Sum the mean's
        squares over axis 1 first, or give std the shape (B, 1).""",
    ),
]

gaussian_kl = Exercise(
    name="gaussian_kl",
    reference=_gaussian_kl,
    make_inputs=_kl_inputs,
    mistakes=KL_MISTAKES,
    properties=[
        _nothing_from_itself,
        _shift_costs_half_its_square,
        _width_counts_in_every_dimension,
        _width_e,
    ],
)
