"""The exercises of lesson 05: the R1 penalty of a gradient, and the share of each mode.

`r1_penalty` is Mescheder et al., arXiv 1801.04406, eq. 9. `mode_shares` is the course's own way of
counting.
"""

import torch

from course_utils.exercises.checks import Exercise, unless_close

# ---- r1_penalty(gradient, weight) ----------------------------------------------------------------


def _lengths(gradient):
    """Squared length of each sample's gradient: (B, ...) -> (B,)."""
    return gradient.flatten(1).square().sum(1)


def _r1_penalty(gradient, weight):
    """Reference: gradient (B, ...) and a number or tensor () -> a number."""
    return weight / 2 * _lengths(gradient).mean()


def _penalty_inputs(generator):
    """Gradients at points, at pictures and at a single picture."""
    return [
        (
            scale * torch.randn(shape, generator=generator, dtype=dtype) + 0.3,
            torch.tensor(weight, dtype=dtype),
        )
        for shape, dtype, scale, weight in [
            ((5, 2), torch.float64, 1.0, 0.5),
            ((4, 1, 3, 3), torch.float32, 0.5, 3.0),
            ((1, 1, 4, 4), torch.float64, 1.0, 1.0),
            ((7, 3), torch.float32, 2.0, 0.1),
        ]
    ]


def _no_slope_costs_nothing(penalty):
    sentence = """A discriminator that is flat at the real samples costs nothing; yours costs
    {value:.3g}."""
    return unless_close(penalty(torch.zeros(3, 2, dtype=torch.float64), 2.0), 0.0, sentence)


def _known_by_hand(penalty):
    gradient = torch.tensor([[3.0, 4.0], [0.0, 0.0]], dtype=torch.float64)
    sentence = """With squared lengths 25 and 0 and weight 2, the penalty is 12.5. Yours is
    {value:.3g}."""
    return unless_close(penalty(gradient, 2.0), 12.5, sentence)


def _the_batch_size_does_not_matter(penalty):
    gradient = torch.tensor([[1.0, 2.0], [0.5, -1.0]], dtype=torch.float64)
    once, twice = penalty(gradient, 1.0), penalty(gradient.repeat(2, 1), 1.0)
    return unless_close(
        once,
        twice,
        """Repeating all gradients leaves the penalty unchanged; yours changes by
        {gap:.3g}.""",
    )


PENALTY_MISTAKES = [
    (
        lambda gradient, weight: weight * _lengths(gradient).mean(),
        "Twice as large as it should be: the factor is weight / 2.",
    ),
    (
        lambda gradient, weight: weight / 2 * gradient.square().mean(),
        """You averaged over all numbers. A squared length is the sum over a sample's numbers; take
        the mean over the batch only.""",
    ),
    (
        lambda gradient, weight: weight / 2 * gradient.square().sum(),
        "You summed over the batch too, so a larger batch pays more. Take the mean over the batch.",
    ),
    (
        lambda gradient, weight: weight / 2 * _lengths(gradient).sqrt().mean(),
        "This is the mean length; the penalty uses the squared length, without a root.",
    ),
    (
        lambda gradient, weight: weight / 2 * _lengths(gradient).sqrt().mean() ** 2,
        "You squared the mean length. Square first, then take the mean over the batch.",
    ),
    (
        lambda gradient, weight: weight / 2 * (_lengths(gradient).sqrt() - 1).square().mean(),
        "This pulls the length to 1: it is the penalty of another GAN (WGAN-GP). R1 pulls it to 0.",
    ),
    (
        lambda gradient, weight: weight / 2 * gradient.mean(0).square().sum(),
        """You averaged the gradients before you squared them, so gradients in opposite directions
        cancel. Square first.""",
    ),
    (
        lambda gradient, weight: _lengths(gradient).mean() / 2,
        "The weight is missing: your answer is the same for every weight.",
    ),
    (
        lambda gradient, weight: weight / 2 * gradient.square().sum(1).mean(),
        """Right for points, but a picture's numbers lie along several axes: sum over all but the
        first, as with flatten(1).""",
    ),
    (
        lambda gradient, weight: weight / 2 * _lengths(gradient),
        """You return one number per sample. A loss is a single number: take the mean over the
        batch.""",
    ),
]

r1_penalty = Exercise(
    name="r1_penalty",
    reference=_r1_penalty,
    make_inputs=_penalty_inputs,
    mistakes=PENALTY_MISTAKES,
    properties=[_no_slope_costs_nothing, _known_by_hand, _the_batch_size_does_not_matter],
)


# ---- mode_shares(points, means, stds) ------------------------------------------------------------


def _away(points, means):
    """Distance of every point to every centre: (N, K)."""
    return (points[:, None] - means).norm(dim=2)


def _shares(nearest, counted, modes):
    """Share of the points that count, by the mode that is nearest to them."""
    return torch.bincount(nearest[counted], minlength=modes).double() / len(nearest)


def _mode_shares(points, means, stds):
    """Reference: points (N, d), means (K, d), stds (K,) -> shares (K,)."""
    widths = _away(points, means) / stds
    return _shares(widths.argmin(1), widths.amin(1) < 3, len(means))


def _shares_inputs(generator):
    """Points around some centres and astray; one mode without points, some that overlap."""
    inputs = []
    for count, dimensions, modes, dtype in [(400, 2, 4, torch.float64), (300, 3, 3, torch.float32),
                                            (500, 2, 6, torch.float64)]:  # fmt: skip
        means = 1.5 * torch.randn(modes, dimensions, generator=generator, dtype=dtype)
        means[-1] += 30  # the last one is far away and gets no points
        stds = 0.15 + 0.5 * torch.rand(modes, generator=generator, dtype=dtype)
        which = torch.randint(modes - 1, (count,), generator=generator)
        spread = 1 + 2 * torch.rand(count, 1, generator=generator, dtype=dtype)
        normal = torch.randn(count, dimensions, generator=generator, dtype=dtype)
        inputs.append((means[which] + stds[which, None] * spread * normal, means, stds))
    return inputs


def _a_point_on_each_centre(shares):
    means = torch.tensor([[0.0, 0.0], [5.0, 0.0]], dtype=torch.float64)
    points = torch.cat([means, torch.full((2, 2), 50.0, dtype=torch.float64)])
    found = shares(points, means, torch.tensor([1.0, 1.0], dtype=torch.float64))
    sentence = """With four points, one on each of two centres and two far away, each share is 1/4.
    Your first is {value:.3g}."""
    return unless_close(found, 0.25, sentence)


def _three_widths_are_the_limit(shares):
    points = torch.tensor([[0.0, 0.59], [0.0, 0.61]], dtype=torch.float64)
    found = shares(
        points, torch.zeros(1, 2, dtype=torch.float64), torch.tensor([0.2], dtype=torch.float64)
    )
    sentence = """With width 0.2 and points at distances 0.59 and 0.61, only one counts: share 0.5.
    Yours is {value:.3g}."""
    return unless_close(found, 0.5, sentence)


def _more_of_the_same_changes_nothing(shares):
    points = torch.tensor([[0.1, 0.0], [2.0, 0.1], [2.1, 0.0], [9.0, 9.0]], dtype=torch.float64)
    rest = (
        torch.tensor([[0.0, 0.0], [2.0, 0.0]], dtype=torch.float64),
        torch.tensor([0.3, 0.2], dtype=torch.float64),
    )
    once, twice = shares(points, *rest), shares(points.repeat(2, 1), *rest)
    return unless_close(
        once, twice, "Repeating every point leaves the shares unchanged; yours change by {gap:.3g}."
    )


def _by_distance(points, means, stds):
    away = _away(points, means)
    nearest = away.argmin(1)
    return _shares(nearest, away.amin(1) < 3 * stds[nearest], len(means))


def _one_width(points, means, stds):
    widths = _away(points, means) / stds
    return _shares(widths.argmin(1), widths.amin(1) < 1, len(means))


def _squared(points, means, stds):
    squares = _away(points, means).square() / stds**2
    return _shares(squares.argmin(1), squares.amin(1) < 3, len(means))


def _variances(points, means, stds):
    wrong = _away(points, means) / stds**2
    return _shares(wrong.argmin(1), wrong.amin(1) < 3, len(means))


def _no_widths(points, means, stds):
    away = _away(points, means)
    return _shares(away.argmin(1), away.amin(1) < 3, len(means))


def _box(points, means, stds):
    widths = ((points[:, None] - means).abs() / stds[:, None]).amax(2)
    return _shares(widths.argmin(1), widths.amin(1) < 3, len(means))


def _all_count(points, means, stds):
    widths = _away(points, means) / stds
    return _shares(widths.argmin(1), widths.amin(1) >= 0, len(means))


SHARES_MISTAKES = [
    (
        lambda points, means, stds: _mode_shares(points, means, stds) * len(points),
        "These are counts. Divide by the number of points.",
    ),
    (
        lambda points, means, stds: (
            _mode_shares(points, means, stds) / _mode_shares(points, means, stds).sum()
        ),
        """You divide by the points that count, so your shares add up to 1. Divide by the number of
        all points, including those near no mode.""",
    ),
    (
        _all_count,
        """In your answer every point counts, however far away. A point more than three widths from
        every mode counts for none.""",
    ),
    (_one_width, "You stop at one width from a mode; the limit is three."),
    (
        _squared,
        """You compare squared distances, in squared widths, with 3: the limit of a squared distance
        would be 9.""",
    ),
    (
        _variances,
        """You divide by the variance. A distance in widths is the distance divided by the width,
        stds.""",
    ),
    (
        _no_widths,
        """You measure all modes by one yardstick. A distance in widths is the distance divided by
        stds.""",
    ),
    (
        _by_distance,
        """You choose the nearest mode by plain distance. Choose the nearest in widths: divide by
        stds before argmin.""",
    ),
    (
        _box,
        """You measure along each axis separately, which gives a square, not a disc. Take the length
        of the difference first.""",
    ),
    (
        lambda points, means, stds: (_away(points, means) / stds < 3).double().mean(0),
        """Where modes overlap, you count a point for several. It counts only for the nearest one,
        in widths.""",
    ),
    (
        lambda points, means, stds: (_away(points, means) / stds < 3).double().sum(0),
        """These are counts, and where modes overlap a point is counted for several. Choose the
        nearest, then divide.""",
    ),
    (
        lambda points, means, stds: _shares(
            (w := _away(points, means) / stds).argmin(1), w.amin(1) < 3, int(w.argmin(1).max()) + 1
        ),
        """A mode without points is missing from your answer. Its share is 0: set minlength in
        bincount.""",
    ),
]

mode_shares = Exercise(
    name="mode_shares",
    reference=_mode_shares,
    make_inputs=_shares_inputs,
    mistakes=SHARES_MISTAKES,
    properties=[
        _a_point_on_each_centre,
        _three_widths_are_the_limit,
        _more_of_the_same_changes_nothing,
    ],
)
