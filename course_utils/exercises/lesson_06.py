"""The exercises of lesson 06: guidance towards two conditions, and rescaling a guided guess.

`mixed` is classifier-free guidance (arXiv 2207.12598, eq. 6) with a weighted mean of two conditions
in place of one (after arXiv 2206.01714, eq. 11). `rescaled` is arXiv 2305.08891, eq. 15 and 16.
"""

import torch

from course_utils.diffusion.paths import spread
from course_utils.exercises.checks import Exercise, unless_close

# ---- mixed(uncond, first, second, scale, mix) ----------------------------------------------------


def _blend(first, second, mix):
    """(1 - mix) first + mix second; mix (B,)."""
    mix = spread(mix, first)
    return (1 - mix) * first + mix * second


def _mixed(uncond, first, second, scale, mix):
    """Reference: guesses (B, ...), scale a number, mix (B,) -> the guided guess (B, ...)."""
    return uncond + scale * (_blend(first, second, mix) - uncond)


def _mixed_inputs(generator):
    """Batches of points, pictures and voxels; in the first, B equals the last axis."""
    inputs = []
    for shape, dtype, scale in [
        ((4, 1, 4, 4), torch.float32, 2.0),
        ((5, 2), torch.float64, 1.5),
        ((3, 1, 2, 4, 4), torch.float32, 0.5),
        ((2, 1, 6, 6), torch.float64, 4.0),
    ]:
        guesses = [torch.randn(shape, generator=generator, dtype=dtype) for _ in range(3)]
        inputs.append((*guesses, scale, torch.rand(shape[0], generator=generator, dtype=dtype)))
    return inputs


def _three(values=(1.0, 2.0, 5.0)):
    return [torch.full((2, 1, 3, 3), value) for value in values]


def _scale_zero_is_unconditional(mixed):
    value = mixed(*_three(), 0.0, torch.tensor([0.2, 0.7]))
    return unless_close(
        value, 1.0, "At scale 0, the answer is uncond; yours differs from it by up to {gap:.3g}."
    )


def _scale_one_is_the_blend(mixed):
    value = mixed(*_three(), 1.0, torch.tensor([0.5, 0.5]))
    return unless_close(
        value,
        3.5,
        """At scale 1 and mix 0.5, the answer is the mean of first and second; yours is off by up to
        {gap:.3g}.""",
    )


def _mix_zero_is_the_first(mixed):
    value = mixed(*_three(), 2.0, torch.tensor([0.0, 0.0]))
    return unless_close(
        value,
        3.0,
        """At mix 0 and scale 2, the answer is uncond + 2 (first - uncond); yours is off by
        {gap:.3g}.""",
    )


MIXED_MISTAKES = [
    (
        lambda u, a, b, s, m: _mixed(u, b, a, s, m),
        "first and second are swapped: at mix 0 the answer must depend on first alone.",
    ),
    (
        lambda u, a, b, s, m: u + s * _blend(a, b, m),
        """You move along the mix itself. Guidance moves along the change that the condition makes:
        subtract uncond from the mix.""",
    ),
    (
        lambda u, a, b, s, m: s * _blend(a, b, m),
        """At scale 0 this gives 0 (are brackets missing?). Start from uncond, and scale only the
        difference from it.""",
    ),
    (
        lambda u, a, b, s, m: _blend(a, b, m) + s * (_blend(a, b, m) - u),
        """This is the other convention, in which 0 means conditional (Ho and Salimans' w = s - 1).
        In this course the scale counts from the unconditional guess: start from uncond.""",
    ),
    (
        lambda u, a, b, s, m: u + s * (a + b - 2 * u),
        """You add both differences in full: that is twice the guidance, and mix is not used. Take
        their weighted mean.""",
    ),
    (
        lambda u, a, b, s, m: u + s * (spread(1 - m, a) * (a - u) + spread(m, b) * b),
        "uncond is missing in the second difference: compare both conditions with it.",
    ),
    (
        lambda u, a, b, s, m: u + s * (u - _blend(a, b, m)),
        "The difference has the wrong sign: this leads away from the conditions.",
    ),
    (
        lambda u, a, b, s, m: u + s * ((1 - m) * a + m * b - u),
        """mix has the shape (B,): torch lines it up with the last axis, the width of the picture.
        Give it axes of length 1: mix.reshape(-1, *[1] * (first.ndim - 1)).""",
    ),
    (
        lambda u, a, b, s, m: u + s * (_blend(a, b, m.mean().expand(len(a))) - u),
        "You mix all samples alike. Each sample has its own mix.",
    ),
]

mixed = Exercise(
    name="mixed",
    reference=_mixed,
    make_inputs=_mixed_inputs,
    mistakes=MIXED_MISTAKES,
    properties=[_scale_zero_is_unconditional, _scale_one_is_the_blend, _mix_zero_is_the_first],
)


# ---- rescaled(guided, cond, amount) --------------------------------------------------------------


def _deviation(x):
    """Standard deviation of each sample of x (B, ...), over all its values: (B,)."""
    return x.flatten(1).std(dim=1)


def _rescaled(guided, cond, amount):
    """Reference: guesses (B, ...), amount a number from 0 to 1 -> the rescaled guess (B, ...)."""
    ratio = _deviation(cond) / _deviation(guided)
    return guided * spread(1 + amount * (ratio - 1), guided)


def _rescaled_inputs(generator):
    inputs = []
    for shape, dtype, amount in [
        ((3, 1, 4, 4), torch.float32, 0.7),
        ((2, 1, 8, 8), torch.float64, 1.0),
        ((4, 1, 4, 6, 6), torch.float32, 0.3),
        ((5, 6), torch.float64, 0.5),
    ]:
        cond, change = (torch.randn(shape, generator=generator, dtype=dtype) for _ in range(2))
        sizes = spread(0.5 + torch.rand(shape[0], generator=generator, dtype=dtype), cond)
        inputs.append((2.5 * sizes * (cond + 0.4 * change) - 0.8, cond - 0.5, amount))
    return inputs


def _pair():
    cond = torch.randn(
        (3, 1, 6, 6), generator=torch.Generator().manual_seed(1), dtype=torch.float64
    )
    return 3 * cond + 0.5, cond


def _amount_zero_changes_nothing(rescaled):
    guided, cond = _pair()
    sentence = "At amount 0, nothing changes; yours differs from guided by up to {gap:.3g}."
    return unless_close(rescaled(guided, cond, 0.0), guided.numpy().squeeze(), sentence)


def _amount_one_has_the_deviation_of_cond(rescaled):
    guided, cond = _pair()
    value = torch.as_tensor(rescaled(guided, cond, 1.0)).reshape(3, -1).std(dim=1)
    sentence = """At amount 1, each sample has the standard deviation of cond; yours is off by up to
    {gap:.3g}."""
    return unless_close(value, _deviation(cond), sentence)


def _only_a_factor(rescaled):
    guided, cond = _pair()
    ratio = torch.as_tensor(rescaled(guided, cond, 0.5)).reshape(3, -1) / guided.reshape(3, -1)
    sentence = """Each sample is multiplied by one number; your factors differ by {gap:.3g} within a
    sample."""
    return unless_close(ratio.amax(1) - ratio.amin(1), 0.0, sentence)


def _by_axis(guided, cond, amount):
    ratio = cond.std(dim=-1, keepdim=True) / guided.std(dim=-1, keepdim=True)
    return guided * (1 + amount * (ratio - 1))


def _around_the_mean(guided, cond, amount):
    mean, ratio = (
        spread(v, guided)
        for v in (guided.flatten(1).mean(1), _deviation(cond) / _deviation(guided))
    )
    return torch.lerp(guided, mean + (guided - mean) * ratio, amount)


def _rms(x):
    return x.flatten(1).square().mean(1).sqrt()


def _over_three_axes(x):
    """The deviation over three axes: too few for a volume, too many for a row of numbers."""
    return x.std(dim=tuple(range(1, min(x.ndim, 4))), keepdim=True)


RESCALED_MISTAKES = [
    (
        lambda g, c, a: g * (1 + a * (c.std() / g.std() - 1)),
        """You take one standard deviation over the whole batch. Each sample has its own: flatten
        from axis 1 onwards.""",
    ),
    (
        lambda g, c, a: g * spread(1 + a * (_deviation(g) / _deviation(c) - 1), g),
        """The ratio is upside down: guided is too strong, so multiply it by the deviation of cond
        divided by its own.""",
    ),
    (
        lambda g, c, a: g * spread(_deviation(c) / _deviation(g), g),
        """This is right only for amount 1. Blend it with guided: amount * rescaled + (1 - amount) *
        guided.""",
    ),
    (
        lambda g, c, a: g * spread(1 + (1 - a) * (_deviation(c) / _deviation(g) - 1), g),
        "amount works backwards: 0 must change nothing, and 1 must rescale fully.",
    ),
    (
        lambda g, c, a: g * spread(1 + a * ((_deviation(c) / _deviation(g)) ** 2 - 1), g),
        "This is a ratio of variances. Use the ratio of standard deviations: take the root.",
    ),
    (
        lambda g, c, a: g * spread(a * _deviation(c) / _deviation(g), g),
        "At amount 0, nothing would be left. Blend: (1 - amount) * guided + amount * rescaled.",
    ),
    (
        lambda g, c, a: (1 - a) * g + a * c,
        """You blend with cond itself: that is only a smaller guidance scale. Blend with guided,
        shrunk to the deviation of cond.""",
    ),
    (
        _around_the_mean,
        """You shrink around the mean of the picture. That is common, but here the whole guess is
        multiplied.""",
    ),
    (
        _by_axis,
        """You take the deviation along the last axis only, row by row. Take it over all values of a
        sample.""",
    ),
    (
        lambda g, c, a: g * spread((_deviation(c) / _deviation(g)) ** a, g),
        "This is a geometric blend. Here it is linear: amount * rescaled + (1 - amount) * guided.",
    ),
    (
        lambda g, c, a: g * (1 + a * (_over_three_axes(c) / _over_three_axes(g) - 1)),
        """You name three axes; a volume has four, and a row of numbers one. Take all axes but the
        first.""",
    ),
    (
        lambda g, c, a: g * spread(1 + a * (_rms(c) / _rms(g) - 1), g),
        """This compares root mean squares. The standard deviation first subtracts the mean: use
        .std.""",
    ),
]

rescaled = Exercise(
    name="rescaled",
    reference=_rescaled,
    make_inputs=_rescaled_inputs,
    mistakes=RESCALED_MISTAKES,
    properties=[
        _amount_zero_changes_nothing,
        _amount_one_has_the_deviation_of_cond,
        _only_a_factor,
    ],
)
