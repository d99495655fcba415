"""The exercises of lesson 02: the posterior mean of one Gaussian, and x0 from a v-prediction.

`posterior_mean`: x0 ~ N(mean, std^2) is observed as x_t = alpha x0 + sigma noise; the answer is the
mean of x0 given x_t (Bishop, *Pattern Recognition and Machine Learning*, eq. 2.116, for isotropic
Gaussians). `v_to_x0`: v = alpha noise - sigma x0 (Salimans and Ho 2022, arXiv 2202.00512, appendix
D) on any path, also where alpha^2 + sigma^2 is not 1.
"""

import torch

from course_utils.diffusion.paths import spread
from course_utils.exercises.checks import Exercise, unless_close

# ---- posterior_mean(x_t, mean, std, alpha, sigma) ------------------------------------------------


def _with_gain(gain):
    """mean + gain * (x_t - alpha * mean), with gain(std, alpha, sigma)."""
    return lambda x_t, mean, std, alpha, sigma: (
        mean + gain(std, alpha, sigma) * (x_t - alpha * mean)
    )


def _gain(std, alpha, sigma):
    return alpha * std**2 / (alpha**2 * std**2 + sigma**2)


_posterior_mean = _with_gain(_gain)


def _believed(x_t, mean, std, alpha, sigma):
    """The share of the guess that comes from x_t / alpha rather than from the mean."""
    return alpha * _gain(std, alpha, sigma)


def _mean_inputs(generator):
    """Points (B, d) in 1 to 3 dimensions, much and little noise, alpha + sigma = 1 and not."""
    cases = [
        ((5, 2), torch.float32, 0.5, 0.7, 0.3),
        ((4, 3), torch.float64, 1.5, 0.3, 0.7),
        ((6, 1), torch.float32, 0.8, 1.0, 1.7),
        ((7, 2), torch.float64, 0.3, 0.8, 0.6),
    ]
    inputs = []
    for shape, dtype, std, alpha, sigma in cases:
        x_t = 1 + torch.randn(shape, generator=generator, dtype=dtype)
        mean = torch.randn(shape[1:], generator=generator, dtype=dtype) - 1
        inputs.append((x_t, mean, std, alpha, sigma))
    return inputs


def _one_place():
    return torch.tensor([[2.0, -1.0]], dtype=torch.float64), torch.tensor(
        [0.5, 0.5], dtype=torch.float64
    )


def _stays_at_the_mean(posterior_mean):
    x_t, mean = _one_place()
    sentence = """If x_t lies exactly at alpha * mean, the guess is the mean; yours is {gap:.3g}
    away."""
    return unless_close(posterior_mean(0.6 * mean + 0 * x_t, mean, 0.4, 0.6, 0.8), mean, sentence)


def _believes_the_data_without_noise(posterior_mean):
    x_t, mean = _one_place()
    sentence = """With hardly any noise (sigma = 0.0001) the guess is x_t / alpha; yours is
    {gap:.3g} away."""
    return unless_close(posterior_mean(x_t, mean, 0.5, 0.8, 1e-4), x_t[0] / 0.8, sentence)


def _believes_the_mean_in_noise(posterior_mean):
    x_t, mean = _one_place()
    sentence = """In overwhelming noise (sigma = 1000) the guess is the mean; yours is {gap:.3g}
    away."""
    return unless_close(posterior_mean(x_t, mean, 0.5, 0.8, 1000.0), mean, sentence)


def _half_way(posterior_mean):
    x_t, mean = _one_place()
    sentence = """With alpha = 1 and sigma = std the guess lies halfway between x_t and the mean;
    yours is {gap:.3g} off."""
    return unless_close(posterior_mean(x_t, mean, 0.5, 1.0, 0.5), (x_t[0] + mean) / 2, sentence)


MEAN_MISTAKES = [
    (
        lambda x_t, mean, std, alpha, sigma: x_t / alpha + 0 * mean,
        """You only divide by alpha, so all the noise is still in the guess. Weight x_t / alpha
        against the mean.""",
    ),
    (
        lambda x_t, mean, std, alpha, sigma: mean + 0 * x_t,
        """You always return the mean. That is right only in overwhelming noise: x_t carries
        information too.""",
    ),
    (
        lambda x_t, mean, std, alpha, sigma: (x_t / alpha + mean) / 2,
        """You give x_t / alpha and the mean equal weight. The more certain of the two deserves
        more: weight each by the inverse of its variance.""",
    ),
    (
        _with_gain(lambda std, alpha, sigma: std**2 / (alpha**2 * std**2 + sigma**2)),
        """Almost: an alpha is missing from the numerator. The covariance of x_t and x0 is alpha *
        std**2.""",
    ),
    (
        _with_gain(lambda std, alpha, sigma: alpha**2 * std**2 / (alpha**2 * std**2 + sigma**2)),
        """You have one alpha too many in the numerator: this is the guess of how far alpha * x0
        lies from its centre; x0 itself is that divided by alpha.""",
    ),
    (
        _with_gain(lambda std, alpha, sigma: alpha * std**2 / (std**2 + sigma**2)),
        """The variance of x_t is alpha**2 * std**2 + sigma**2: the data is scaled by alpha before
        the noise is added.""",
    ),
    (
        _with_gain(lambda std, alpha, sigma: alpha * std**2 / (alpha * std**2 + sigma**2)),
        """Scaling by alpha scales a variance by alpha squared; your denominator has alpha without
        the square.""",
    ),
    (
        _with_gain(lambda std, alpha, sigma: std / (alpha * std + sigma)),
        """You add widths (standard deviations). Independent parts add their variances: square std,
        alpha and sigma.""",
    ),
    (
        _with_gain(lambda std, alpha, sigma: alpha * std**2 / (alpha**2 * std**2 + sigma)),
        "sigma is a standard deviation; the variance of the noise is sigma**2.",
    ),
    (
        _with_gain(lambda std, alpha, sigma: alpha * std / (alpha**2 * std + sigma**2)),
        "std is a standard deviation; the variance of the data is std**2.",
    ),
    (
        _with_gain(lambda std, alpha, sigma: -_gain(std, alpha, sigma)),
        "The sign is wrong: you move from the mean away from x_t.",
    ),
    (
        lambda x_t, mean, std, alpha, sigma: mean + _gain(std, alpha, sigma) * (x_t - mean),
        "You compare x_t with the mean of x0. The mean of x_t is alpha * mean.",
    ),
    (
        lambda x_t, mean, std, alpha, sigma: _gain(std, alpha, sigma) * (x_t - alpha * mean),
        "This is the difference between the guess and the mean; add the mean.",
    ),
    (
        lambda x_t, mean, std, alpha, sigma: (
            alpha * mean + _gain(std, alpha, sigma) * (x_t - alpha * mean)
        ),
        """You start from alpha * mean, the centre of x_t. The guess is of x0, whose centre is the
        mean.""",
    ),
    (
        lambda x_t, mean, std, alpha, sigma: alpha * _posterior_mean(x_t, mean, std, alpha, sigma),
        """This is the guess of alpha * x0, the data part of x_t (it is also x_t + sigma**2 *
        score). Divide by alpha.""",
    ),
    (
        lambda x_t, mean, std, alpha, sigma: (
            x_t / alpha + _believed(x_t, mean, std, alpha, sigma) * (mean - x_t / alpha)
        ),
        "The two weights are swapped: the wider the noise, the less x_t / alpha should count.",
    ),
]

posterior_mean = Exercise(
    name="posterior_mean",
    reference=_posterior_mean,
    make_inputs=_mean_inputs,
    mistakes=MEAN_MISTAKES,
    properties=[
        _stays_at_the_mean,
        _believes_the_data_without_noise,
        _believes_the_mean_in_noise,
        _half_way,
    ],
)


# ---- v_to_x0(v, x_t, alpha, sigma) ---------------------------------------------------------------


def _with(formula):
    """formula(v, x_t, alpha, sigma) with alpha and sigma already broadcast."""
    return lambda v, x_t, alpha, sigma: formula(v, x_t, spread(alpha, x_t), spread(sigma, x_t))


_v_to_x0 = _with(lambda v, x, a, s: (a * x - s * v) / (a**2 + s**2))


def _not_broadcast(v, x_t, alpha, sigma):
    return (alpha * x_t - sigma * v) / (alpha**2 + sigma**2)


def _divisor_not_broadcast(v, x_t, alpha, sigma):
    return (spread(alpha, x_t) * x_t - spread(sigma, x_t) * v) / (alpha**2 + sigma**2)


def _first_only(v, x_t, alpha, sigma):
    return _v_to_x0(v, x_t, alpha[:1].expand(len(alpha)), sigma[:1].expand(len(sigma)))


def _v_inputs(generator):
    """Points, images and voxels; alpha^2 + sigma^2 below, at and above 1; once B = last axis."""
    cases = [((5, 2), torch.float32), ((3, 1, 4, 5, 6), torch.float32), ((4, 4), torch.float64)]
    inputs = []
    for shape, dtype in [*cases, ((2, 3, 5, 5), torch.float32)]:
        v, x_t = (torch.randn(shape, generator=generator, dtype=dtype) for _ in range(2))
        alpha, sigma = (
            0.3 + 0.6 * torch.rand(shape[0], generator=generator, dtype=dtype) for _ in range(2)
        )
        alpha[0], sigma[0] = 1.0, 0.8
        inputs.append((v, x_t, alpha, sigma))
    return inputs


def _made_up():
    """x0, noise, alpha and sigma of a point on each of three paths: flow, VP and VE."""
    x0 = torch.tensor([[1.0, 0.5], [-0.5, 2.0], [0.0, -1.0]], dtype=torch.float64)
    noise = torch.tensor([[0.5, -1.0], [1.0, 1.0], [-2.0, 0.5]], dtype=torch.float64)
    alpha, sigma = torch.tensor([[0.7, 0.6, 1.0], [0.3, 0.8, 2.0]], dtype=torch.float64)
    return x0, noise, alpha, sigma


def _there_and_back(rows, sentence):
    def holds(v_to_x0):
        x0, noise, alpha, sigma = (values[rows] for values in _made_up())
        a, s = alpha[:, None], sigma[:, None]
        return unless_close(
            v_to_x0(a * noise - s * x0, a * x0 + s * noise, alpha, sigma), x0.squeeze(), sentence
        )

    return holds


def _clean_at_the_start(v_to_x0):
    x0, noise, _, _ = _made_up()
    ones, none = torch.ones(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    sentence = """With alpha = 1 and sigma = 0, x_t already is x0; your answer differs from it by up
    to {gap:.3g}."""
    return unless_close(v_to_x0(noise, x0, ones, none), x0, sentence)


V_MISTAKES = [
    (
        _with(lambda v, x, a, s: a * x - s * v),
        """Right where alpha**2 + sigma**2 is 1 (variance preserving), but not on the flow path or
        EDM's: substitute v and x_t, and see which factor x0 gets.""",
    ),
    (
        _with(lambda v, x, a, s: (a * x + s * v) / (a**2 + s**2)),
        "One sign is wrong: v contains -sigma * x0, so subtract sigma * v to get x0.",
    ),
    (
        _with(lambda v, x, a, s: (s * x + a * v) / (a**2 + s**2)),
        "This is the noise. Eliminate the noise instead: multiply x_t by alpha and v by sigma.",
    ),
    (
        _with(lambda v, x, a, s: (s * x - a * v) / (a**2 + s**2)),
        "alpha and sigma are swapped, so neither the noise nor x0 cancels.",
    ),
    (
        _with(lambda v, x, a, s: (s * v - a * x) / (a**2 + s**2)),
        "The size is right, but the sign is not: this is -x0.",
    ),
    (
        _with(lambda v, x, a, s: x - s * v),
        """x_t - sigma * v is right for the velocity of the flow path, noise - x0. v is alpha *
        noise - sigma * x0.""",
    ),
    (
        _with(lambda v, x, a, s: (x - s * v) / a),
        "You treat v as if it were the noise. It also contains -sigma * x0.",
    ),
    (
        _with(lambda v, x, a, s: (a * x - s * v) / (a + s)),
        "You divide by alpha + sigma; the factor of x0 is alpha**2 + sigma**2.",
    ),
    (
        _with(lambda v, x, a, s: (a * x - s * v) / (a**2 + s**2).sqrt()),
        "You divide by the root of alpha**2 + sigma**2; no root is needed.",
    ),
    (
        _with(lambda v, x, a, s: (a**2 * x - s**2 * v) / (a**2 + s**2)),
        "In the numerator, alpha and sigma are not squared.",
    ),
    (
        _not_broadcast,
        """alpha and sigma of shape (B,) line up with the last axis of x_t, not with the batch. Give
        them the shape (B, 1, ..., 1) first.""",
    ),
    (
        lambda v, x, a, s: (a[:, None] * x - s[:, None] * v) / (a[:, None] ** 2 + s[:, None] ** 2),
        """alpha[:, None] has shape (B, 1): right for points, but images and voxels have more axes.
        Use alpha.reshape(-1, *[1] * (x_t.ndim - 1)).""",
    ),
    (
        _with(lambda v, x, a, s: (x - s * v) / (a**2 + s**2)),
        "Multiply x_t by alpha before the subtraction, or the noise does not cancel.",
    ),
    (
        _with(lambda v, x, a, s: (a * x - s * v) / a**2),
        "sigma**2 is missing from the divisor: both x_t and v contribute to the factor of x0.",
    ),
    (
        _divisor_not_broadcast,
        """The numerator is right, but in the divisor alpha and sigma still have the shape (B,):
        reshape them there too.""",
    ),
    (
        _first_only,
        "You use the first alpha and sigma for the whole batch; each sample has its own.",
    ),
]

v_to_x0 = Exercise(
    name="v_to_x0",
    reference=_v_to_x0,
    make_inputs=_v_inputs,
    mistakes=V_MISTAKES,
    properties=[
        _clean_at_the_start,
        _there_and_back(
            slice(1, 2),
            "With alpha = 0.6 and sigma = 0.8, your x0 differs from the true one by {gap:.3g}.",
        ),
        _there_and_back(
            slice(0, 1),
            "With alpha = 0.7 and sigma = 0.3, your x0 differs from the true one by {gap:.3g}.",
        ),
        _there_and_back(
            slice(0, 3),
            "With a different alpha and sigma for each sample you are off by {gap:.3g}.",
        ),
    ],
)
