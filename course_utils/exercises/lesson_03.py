"""The exercises of lesson 03: the fresh noise of an ancestral step, and the order of a sampler.

`ancestral_std` is the standard deviation of q(x_s | x_t, x0) (Ho et al., arXiv 2006.11239, eq. 7,
written with alpha and sigma). `order` is the least-squares slope of error against steps on
logarithmic axes, with the opposite sign.
"""

import torch

from course_utils.exercises.checks import Exercise, unless_close

# ---- ancestral_std(alpha_t, sigma_t, alpha_s, sigma_s) -------------------------------------------


def _added(alpha_t, sigma_t, alpha_s, sigma_s):
    """The variance of the noise that the forward process adds on its way from s to t."""
    return sigma_t**2 - (alpha_t / alpha_s) ** 2 * sigma_s**2


def _ancestral_std(alpha_t, sigma_t, alpha_s, sigma_s):
    """Reference: tensors of one shape, () or (B,) -> standard deviations of that shape."""
    return sigma_s / sigma_t * _added(alpha_t, sigma_t, alpha_s, sigma_s).sqrt()


def _std_inputs(generator):
    """Steps from t to s < t on a flow, a variance-preserving and a variance-exploding path."""
    inputs = []
    for shape, dtype, kind in [
        ((6,), torch.float64, "flow"),
        ((), torch.float32, "preserving"),
        ((4,), torch.float32, "preserving"),
        ((5,), torch.float64, "exploding"),
        ((), torch.float64, "flow"),
    ]:
        t = 0.5 + 0.4 * torch.rand(shape, generator=generator, dtype=dtype)
        s = t * (0.4 + 0.4 * torch.rand(shape, generator=generator, dtype=dtype))
        if kind == "flow":
            inputs.append((1 - t, t, 1 - s, s))
        elif kind == "preserving":
            inputs.append(((1 - t**2).sqrt(), t, (1 - s**2).sqrt(), s))
        else:
            inputs.append((torch.ones_like(t), 3 * t, torch.ones_like(s), 3 * s))
    return inputs


def _on(function, *numbers):
    return function(*(torch.tensor(number, dtype=torch.float64) for number in numbers))


def _nothing_at_the_end(std):
    sentence = """A step to s = 0 (alpha_s = 1, sigma_s = 0) adds no fresh noise; yours adds
    {value:.3g}."""
    return unless_close(_on(std, 0.8, 0.6, 1.0, 0.0), 0.0, sentence)


def _known_when_exploding(std):
    sentence = """With alpha = 1 throughout, from sigma 1 to 0.6 the answer is 0.48; yours is
    {value:.3g}."""
    return unless_close(_on(std, 1.0, 1.0, 1.0, 0.6), 0.48, sentence)


def _everything_is_fresh_from_pure_noise(std):
    sentence = """From pure noise (alpha_t = 0, sigma_t = 1) all of sigma_s = 0.5 is fresh; yours is
    {value:.3g}."""
    return unless_close(_on(std, 0.0, 1.0, 0.5, 0.5), 0.5, sentence)


STD_MISTAKES = [
    (
        lambda *a: _ancestral_std(*a) ** 2,
        """This is the variance. The step multiplies the fresh noise by a standard deviation: take
        the square root.""",
    ),
    (
        lambda *a: _added(*a).clamp(min=0).sqrt(),
        """This is the noise that was added from s to t. Knowing x0 as well makes x_s more certain:
        one factor is missing.""",
    ),
    (
        lambda alpha_t, sigma_t, alpha_s, sigma_s: (sigma_t**2 - sigma_s**2).clamp(min=0).sqrt(),
        """You took the difference of the two variances. From s to t the old noise also shrinks, by
        alpha_t / alpha_s; and x0 is known.""",
    ),
    (
        lambda alpha_t, sigma_t, alpha_s, sigma_s: sigma_s + 0 * alpha_t,
        """You replace all the noise: x_t then says nothing about x_s beyond x0. Only part of it is
        fresh.""",
    ),
    (
        lambda alpha_t, sigma_t, alpha_s, sigma_s: (
            sigma_s / sigma_t * (sigma_t**2 - sigma_s**2).sqrt()
        ),
        """The form is right, but from s to t the old noise shrinks by alpha_t / alpha_s, and you
        left that out.""",
    ),
    (
        lambda alpha_t, sigma_t, alpha_s, sigma_s: (
            sigma_s / sigma_t * (sigma_t**2 - alpha_t / alpha_s * sigma_s**2).sqrt()
        ),
        "Almost: a variance shrinks by the square of alpha_t / alpha_s.",
    ),
    (
        lambda alpha_t, sigma_t, alpha_s, sigma_s: (
            sigma_s
            / sigma_t
            * (sigma_t**2 - (alpha_s / alpha_t) ** 2 * sigma_s**2).clamp(min=0).sqrt()
        ),
        "alpha_t / alpha_s is upside down: from s to the noisier t the data shrinks.",
    ),
    (
        lambda alpha_t, sigma_t, alpha_s, sigma_s: (
            sigma_s / sigma_t * (sigma_t**2 - (alpha_s / alpha_t) ** 2 * sigma_s**2).sqrt()
        ),
        """You took the root of a negative number (NaN): alpha_t / alpha_s is upside down. From s to
        t the data shrinks.""",
    ),
    (
        lambda *a: a[1] / a[3] * _added(*a).sqrt(),
        "sigma_s / sigma_t is upside down: your step adds more noise than was added from s to t.",
    ),
    (
        lambda *a: (a[3] / a[1]) ** 2 * _added(*a).sqrt(),
        """You took the root of one factor only. The root belongs around all of it: the noise added
        from s to t times sigma_s^2 / sigma_t^2.""",
    ),
]

ancestral_std = Exercise(
    name="ancestral_std",
    reference=_ancestral_std,
    make_inputs=_std_inputs,
    mistakes=STD_MISTAKES,
    properties=[_nothing_at_the_end, _known_when_exploding, _everything_is_fresh_from_pure_noise],
)


# ---- order(steps, errors) ------------------------------------------------------------------------


def _slope(x, y):
    """Least-squares slope of y over x, both (K,)."""
    x, y = x - x.mean(), y - y.mean()
    return (x * y).sum() / (x * x).sum()


def _order(steps, errors):
    """Reference: steps (K,) and errors (K,), positive -> the order, a number."""
    return -_slope(steps.log(), errors.log())


def _order_inputs(generator):
    """Errors C / steps**p with scatter, so that the fit is not the line through two points."""
    inputs = []
    for steps, dtype, power in [
        ([8, 16, 32, 64], torch.float64, 1.0),
        ([10, 20, 30, 50, 80], torch.float32, 2.0),
        ([4, 8, 16], torch.float64, 1.5),
        ([16, 64, 128, 256, 512, 1024], torch.float32, 4.0),
    ]:
        steps = torch.tensor(steps, dtype=dtype)
        scatter = torch.exp(0.3 * torch.randn(len(steps), generator=generator, dtype=dtype))
        inputs.append((steps, 30.0 * steps**-power * scatter))
    return inputs


def _halving_is_one(order):
    steps = torch.tensor([5.0, 10.0, 20.0], dtype=torch.float64)
    sentence = "Errors that halve when the steps double have order 1; yours is {value:.3g}."
    return unless_close(order(steps, 3 / steps), 1.0, sentence)


def _quartering_is_two(order):
    steps = torch.tensor([8.0, 16.0, 64.0], dtype=torch.float64)
    sentence = "Errors of 5 / steps^2 have order 2; yours is {value:.3g}."
    return unless_close(order(steps, 5 / steps**2), 2.0, sentence)


def _units_do_not_matter(order):
    steps = torch.tensor([8.0, 16.0, 32.0], dtype=torch.float64)
    value, scaled = (
        order(steps, factor * torch.tensor([0.9, 0.3, 0.2])) for factor in (1.0, 100.0)
    )
    return unless_close(
        value,
        scaled,
        "Errors that are a hundred times larger have the same order; yours changes by {gap:.3g}.",
    )


ORDER_MISTAKES = [
    (
        lambda steps, errors: -_order(steps, errors),
        """The slope is negative because errors fall; the order is a positive number. Change the
        sign.""",
    ),
    (
        lambda steps, errors: -_slope(steps, errors),
        "This is the slope on linear axes. Take logarithms of both first.",
    ),
    (
        lambda steps, errors: -_slope(steps, errors.log()),
        """You took the logarithm of the errors only: that suits exponential decay. A power law
        needs both.""",
    ),
    (
        lambda steps, errors: -_slope(steps.log(), errors),
        "You took the logarithm of the steps only. The errors need a logarithmic axis too.",
    ),
    (
        lambda steps, errors: -_slope(steps.log(), errors.log2()),
        "You used two different logarithms: use one base for steps and errors, and it cancels.",
    ),
    (
        lambda steps, errors: -_slope(steps.log(), errors.log10()),
        """You used base 10 for the errors and base e for the steps: with one base for both, it
        cancels.""",
    ),
    (
        lambda steps, errors: -_slope(errors.log(), steps.log()),
        """The axes are swapped: the logarithm of the error belongs on the vertical axis, and that
        of the steps on the horizontal one.""",
    ),
    (
        lambda steps, errors: -(steps.log() * errors.log()).sum() / steps.log().square().sum(),
        """Your line goes through the origin. Subtract the means first, so that the constant factor
        is free.""",
    ),
    (
        lambda steps, errors: (errors[0] / errors[-1]).log() / (steps[-1] / steps[0]).log(),
        """You used the first and the last point only. One bad point would spoil it: fit a line
        through all of them.""",
    ),
    (
        lambda steps, errors: (errors[:-1] / errors[1:]).log2().mean(),
        """You compare neighbours as if the steps doubled each time. Divide by the logarithm of the
        ratio of steps, or fit a line.""",
    ),
]

order = Exercise(
    name="order",
    reference=_order,
    make_inputs=_order_inputs,
    mistakes=ORDER_MISTAKES,
    properties=[_halving_is_one, _quartering_is_two, _units_do_not_matter],
)
