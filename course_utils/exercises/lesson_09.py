"""The exercises of lesson 09: attention from places to words, and a step back up in noise.

`attend` is scaled dot-product attention with a mask (Vaswani et al., arXiv 1706.03762, eq. 1), with
queries from places and keys and values from words (Rombach et al., arXiv 2112.10752, section 3.3).
`noise_again` takes x_s to a noisier time, as RePaint's resampling needs it (Lugmayr et al., arXiv
2201.09865, algorithm 1).
"""

import torch

from course_utils.exercises.checks import Exercise, unless_close

# ---- attend(queries, keys, values, absent) -------------------------------------------------------


def _scores(queries, keys):
    return queries @ keys.transpose(1, 2) / queries.shape[2] ** 0.5


def _hidden(scores, absent):
    return scores.masked_fill(absent[:, None, :], -torch.inf)


def _attend(queries, keys, values, absent):
    """Reference: (B, N, C), (B, L, C), (B, L, C), bool (B, L) -> (B, N, C)."""
    return _hidden(_scores(queries, keys), absent).softmax(dim=2) @ values


def _attend_inputs(generator):
    """Several sizes: one with a single word, one where only the first word is present."""
    inputs = []
    for batch, places, words, width in ((2, 5, 4, 8), (3, 2, 6, 4), (1, 7, 1, 6), (2, 3, 3, 16)):
        queries = torch.randn(batch, places, width, generator=generator)
        keys, values = torch.randn(2, batch, words, width, generator=generator)
        absent = torch.rand(batch, words, generator=generator) < 0.4
        absent[:, 0] = False
        inputs.append((queries, keys, values, absent))
    inputs[1][3][0] = torch.tensor([False] + [True] * 5)
    return inputs


def _one_word_is_copied(attend):
    values = torch.arange(6.0).reshape(1, 2, 3)
    absent = torch.tensor([[False, True]])
    value = attend(torch.ones(1, 4, 3), torch.ones(1, 2, 3), values, absent)
    sentence = """Where only the first word is present, every place should get its value; yours is
    off by {gap:.3g}."""
    return unless_close(value, values[:, :1].expand(1, 4, 3), sentence)


def _equal_words_are_averaged(attend):
    values = torch.tensor([[[0.0, 2.0], [4.0, 6.0]]])
    value = attend(
        torch.ones(1, 1, 2), torch.ones(1, 2, 2), values, torch.zeros(1, 2, dtype=torch.bool)
    )
    sentence = "Two words with equal keys should count half each; yours is off by {gap:.3g}."
    return unless_close(value, torch.tensor([[[2.0, 4.0]]]), sentence)


def _absent_words_do_not_matter(attend):
    generator = torch.Generator().manual_seed(3)
    queries, keys, values = (torch.randn(1, n, 4, generator=generator) for n in (3, 2, 2))
    absent = torch.tensor([[False, True]])
    other = values.clone()
    other[:, 1] = 50.0
    sentence = """The value of an absent word should not matter; yours changes by {gap:.3g} when
    that value does."""
    return unless_close(
        attend(queries, keys, other, absent), attend(queries, keys, values, absent), sentence
    )


ATTEND_MISTAKES = [
    (
        lambda q, k, v, absent: _scores(q, k).softmax(dim=2) @ v,
        "You did not use absent: the padding after a short text takes part in the average.",
    ),
    (
        lambda q, k, v, absent: _hidden(q @ k.transpose(1, 2), absent).softmax(dim=2) @ v,
        """Right, except for the scale: divide the scores by the square root of C; otherwise wide
        features make the softmax too sharp.""",
    ),
    (
        lambda q, k, v, absent: (
            _hidden(q @ k.transpose(1, 2) / q.shape[2], absent).softmax(dim=2) @ v
        ),
        "You divided by C; a score of C terms grows with the square root of C, so divide by that.",
    ),
    (
        lambda q, k, v, absent: _hidden(_scores(q, k), ~absent).softmax(dim=2) @ v,
        "Your mask is the wrong way round: absent is True where there is no word.",
    ),
    (
        lambda q, k, v, absent: (
            _scores(q, k).masked_fill(absent[:, None, :], 0.0).softmax(dim=2) @ v
        ),
        """You set the scores of absent words to 0, but exp(0) is 1: they still take part. Set them
        to minus infinity.""",
    ),
    (
        lambda q, k, v, absent: (
            _scores(q, k).softmax(dim=2).masked_fill(absent[:, None, :], 0.0) @ v
        ),
        """You removed the absent words after the softmax, so the weights of the others no longer
        add up to 1.""",
    ),
    (
        lambda q, k, v, absent: _hidden(_scores(q, k), absent).softmax(dim=1) @ v,
        """Your softmax runs over the places. Each place shares its attention among the words: the
        last axis.""",
    ),
    (
        lambda q, k, v, absent: (q @ k.transpose(1, 2)).softmax(dim=2) @ v,
        """Two things are missing: the division by the square root of C, and absent, without which
        the padding takes part.""",
    ),
    (
        lambda q, k, v, absent: _scores(q, k).softmax(dim=1) @ v,
        """Your softmax runs over the places, but each place shares its attention among the words:
        the last axis. And you did not use absent.""",
    ),
    (
        lambda q, k, v, absent: _scores(q, k).masked_fill(absent[:, None, :], 0.0) @ v,
        """There is no softmax: scores can be any numbers, and only the softmax turns them into
        weights that add up to 1.""",
    ),
    (
        lambda q, k, v, absent: (
            _hidden(q @ k.transpose(1, 2) / q.shape[1] ** 0.5, absent).softmax(dim=2) @ v
        ),
        """You divided by the square root of N, the number of places. A score is a sum over the C
        features: use C.""",
    ),
    (
        lambda q, k, v, absent: _hidden(_scores(q, k), absent).softmax(dim=2) @ k,
        "You averaged the keys. The keys only decide the weights; average the values.",
    ),
    (
        lambda q, k, v, absent: _hidden(_scores(q, v), absent).softmax(dim=2) @ v,
        "You compared the queries with the values. Compare them with the keys.",
    ),
]

attend = Exercise(
    name="attend",
    reference=_attend,
    make_inputs=_attend_inputs,
    mistakes=ATTEND_MISTAKES,
    properties=[_one_word_is_copied, _equal_words_are_averaged, _absent_words_do_not_matter],
)


# ---- noise_again(x_s, s, t, noise) ---------------------------------------------------------------


def _parts(s, t):
    """On the flow path: the factor of x_s, and the variance that is missing at t."""
    kept = (1 - t) / (1 - s)
    return kept, t**2 - kept**2 * s**2


def _noise_again(x_s, s, t, noise):
    """Reference: tensors (B, ...), numbers 0 <= s < t < 1 -> (B, ...)."""
    kept, missing = _parts(s, t)
    return kept * x_s + missing**0.5 * noise


def _noise_inputs(generator):
    inputs = []
    for shape, s, t in (
        ((4, 2), 0.3, 0.8),
        ((2, 1, 4, 4, 4), 0.05, 0.1),
        ((3, 5), 0.0, 0.5),
        ((2, 3), 0.6, 0.95),
    ):
        inputs.append(
            (
                *torch.randn(1, *shape, generator=generator),
                s,
                t,
                torch.randn(shape, generator=generator),
            )
        )
    return inputs


def _from_clean_it_is_the_path(noise_again):
    x0, noise = torch.tensor([2.0, -1.0]), torch.tensor([0.5, 3.0])
    sentence = """From s = 0, it should be the path itself, (1 - t) x0 + t noise; yours is off by
    {gap:.3g}."""
    return unless_close(noise_again(x0, 0.0, 0.4, noise), 0.6 * x0 + 0.4 * noise, sentence)


def _no_way_is_no_change(noise_again):
    x = torch.tensor([2.0, -1.0])
    sentence = "From s to s, nothing should happen; yours changes x by {gap:.3g}."
    return unless_close(noise_again(x, 0.4, 0.4, torch.ones(2)), x, sentence)


def _variance_is_that_of_the_path(noise_again):
    generator = torch.Generator().manual_seed(5)
    first, second = torch.randn(2, 40_000, generator=generator)
    value = noise_again(0.3 * first, 0.3, 0.8, second).std()
    sentence = "For x0 = 0, the standard deviation at t = 0.8 should be 0.8; yours is {value:.3g}."
    return unless_close(value, 0.8, sentence, tolerance=0.02)


NOISE_MISTAKES = [
    (
        lambda x_s, s, t, noise: (1 - t) * x_s + t * noise,
        """This is the path from clean data. In x_s the data has already been shrunk to 1 - s, and
        there is noise in it.""",
    ),
    (
        lambda x_s, s, t, noise: x_s + _parts(s, t)[1] ** 0.5 * noise,
        "You did not shrink x_s: at t only 1 - t of x0 may be left, but x_s holds 1 - s of it.",
    ),
    (
        lambda x_s, s, t, noise: _parts(s, t)[0] * x_s + t * noise,
        """You added all of t's noise, but x_s brings some of its own: (1 - t)/(1 - s) times s. The
        two variances must add up to t squared.""",
    ),
    (
        lambda x_s, s, t, noise: _parts(s, t)[0] * x_s + (t - _parts(s, t)[0] * s) * noise,
        """You subtracted standard deviations. For independent noises the variances add: take
        squares, then the root.""",
    ),
    (
        lambda x_s, s, t, noise: _parts(s, t)[0] * x_s + (t - s) * noise,
        """You added t - s of noise: the missing variance is t squared minus the variance that is
        left of the noise in x_s. Add noise with the root of that.""",
    ),
    (
        lambda x_s, s, t, noise: x_s + (t**2 - s**2) ** 0.5 * noise,
        "You did not shrink x_s: at t only 1 - t of x0 may be left, and its noise shrinks with it.",
    ),
    (
        lambda x_s, s, t, noise: _parts(s, t)[0] * x_s + _parts(s, t)[1] * noise,
        "You multiplied the noise by its variance; take the root.",
    ),
    (
        lambda x_s, s, t, noise: _parts(s, t)[0] * x_s + (t**2 - s**2) ** 0.5 * noise,
        "The noise in x_s shrinks together with x_s: s times (1 - t)/(1 - s) of it is left, not s.",
    ),
    (
        lambda x_s, s, t, noise: (1 - s) / (1 - t) * x_s + _parts(s, t)[1] ** 0.5 * noise,
        "The factor is upside down: on the way to more noise x_s shrinks.",
    ),
    (
        lambda x_s, s, t, noise: (1 - t) * x_s + _parts(s, t)[1] ** 0.5 * noise,
        "x_s already holds only 1 - s of x0: to leave 1 - t of it, multiply by (1 - t)/(1 - s).",
    ),
]

noise_again = Exercise(
    name="noise_again",
    reference=_noise_again,
    make_inputs=_noise_inputs,
    mistakes=NOISE_MISTAKES,
    properties=[_from_clean_it_is_the_path, _no_way_is_no_change, _variance_is_that_of_the_path],
)
