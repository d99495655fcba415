"""Guidance: what makes a denoiser of a denoiser, so that it composes.

Everything here returns a `Guided`, which a sampler asks in the denoiser's place: classifier-free
guidance (lesson 06), a part of x0 that is held fast, a mixture of two conditions, a critic's
gradient (lesson 09). Sources: classifier-free (arXiv 2207.12598, eq. 6), completion (arXiv
2011.13456, section 5), mixed conditions (arXiv 2206.01714), a classifier's gradient (arXiv
2105.05233, section 4) through the denoiser's guess (arXiv 2302.07121, section 3.1) with a step of
fixed length (arXiv 2402.03201, section 3), gradients that pass a threshold (arXiv 1308.3432,
section 2.3).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from course_utils.diffusion.denoiser import Denoiser
from course_utils.diffusion.paths import Path, finite, spread

Critic = Callable[[Tensor], Tensor]
# above it a guess shows nothing yet, below it nothing can change any more
CRITIC_INTERVAL = (0.1, 0.95)


@dataclass(frozen=True)
class Guided:
    """A denoiser made of a denoiser: called as guided(x_t, t) -> x0, on the same path."""

    path: Path
    guess: Callable[[Tensor, Tensor | float], Tensor]

    def __call__(self, x_t: Tensor, t: Tensor | float) -> Tensor:
        return self.guess(x_t, t)


def guided(
    denoiser: Denoiser,
    condition: Tensor | None = None,
    guidance_scale: float = 1.0,
    negative: Tensor | None = None,
    interval: tuple[float, float] = (0.0, 1.0),
    rescale: float = 0.0,
) -> Guided:
    """Classifier-free guidance: unconditional + guidance_scale * (conditional - unconditional).

    Args:
        denoiser: Called as denoiser(x_t, t, condition) -> x0.
        condition: What the denoiser takes, (B, ...), for example class labels; None, like -1, is
            unconditional.
        guidance_scale: 1 is conditional, 0 unconditional, as in diffusers.
        negative: A condition (B, ...) to lead away from, in the place of "unconditional".
        interval: The times (low, high) in [0, 1] within which a scale above 1 acts; outside it is 1
            (arXiv 2404.07724).
        rescale: How far, from 0 to 1, the guided x0 is shrunk to the standard deviation of the
            conditional one (arXiv 2305.08891, eq. 15 and 16, there for v and noise).

    Raises:
        ValueError: The interval or the rescale is out of bounds, or the scale is no finite number.
    """
    low, high = span_of_times(interval)
    if not 0 <= rescale <= 1:
        raise ValueError(f"rescale is {rescale}; expected a number from 0 to 1")
    strongest = finite("guidance_scale", guidance_scale)
    both = None if condition is negative is None else _rows_of_both(condition, negative)

    def guess(x_t: Tensor, t: Tensor | float) -> Tensor:
        scale = strongest if low <= float(t) <= high else min(strongest, 1.0)
        if scale == 0 or both is None:
            return denoiser(x_t, t, negative)
        if scale == 1:
            return denoiser(x_t, t, condition)
        conditional, away_from = denoiser(torch.cat([x_t, x_t]), t, both).chunk(2)
        x0 = away_from + scale * (conditional - away_from)
        return x0 if rescale == 0 else torch.lerp(x0, _with_deviation_of(conditional, x0), rescale)

    return Guided(getattr(denoiser, "path", None), guess)


def _rows_of_both(*conditions: Tensor | None) -> Tensor:
    """Two conditions, each (B, ...) or None, one after the other as a condition of twice the batch.

    One call of the denoiser then makes both guesses.
    """
    like = next(condition for condition in conditions if condition is not None)
    rows = [torch.full_like(like, -1) if c is None else c for c in conditions]
    if like.ndim == 1:
        return torch.cat(rows)
    rows = [row for part in rows for row in part]  # texts may differ in length
    return pad_sequence(rows, batch_first=True, padding_value=-1)


def _with_deviation_of(like: Tensor, x: Tensor) -> Tensor:
    """Scale each sample of x (B, ...) to the standard deviation of the same sample of `like`."""
    sizes = [values.flatten(1).std(dim=1) for values in (like, x)]
    return spread(sizes[0] / sizes[1], x) * x


def span_of_times(interval: tuple[float, float]) -> tuple[float, float]:
    """Return the times (low, high) as they are. ValueError unless 0 <= low <= high <= 1."""
    if not 0 <= interval[0] <= interval[1] <= 1:
        raise ValueError(
            f"interval is {interval}; expected times (low, high) with 0 <= low <= high <= 1"
        )
    return tuple(interval)


def keeping(denoise: Callable, known: Tensor, keep: Tensor) -> Guided:
    """Hold a part of x0 fast: there the guess is `known`, and so is the sample in the end.

    With any sampler the kept part of x_t is then, step by step, the known one with its noise.

    Args:
        denoise: Called as denoise(x_t, t) -> x0; has a `path`.
        known: What is kept, (B, ...), or one for all.
        keep: Bool, where it is kept, in the shape of known or one that broadcasts with it.

    Raises:
        ValueError: `keep` is not bool, or does not broadcast with `known`.
    """
    if keep.dtype != torch.bool:
        raise ValueError(f"keep is {keep.dtype}; expected bool, True where `known` is kept")
    try:
        torch.broadcast_shapes(keep.shape, known.shape)
    except RuntimeError as error:
        shapes = f"keep has shape {tuple(keep.shape)}, known {tuple(known.shape)}"
        raise ValueError(f"{shapes}; expected shapes that broadcast with each other") from error
    return Guided(denoise.path, lambda x_t, t: torch.where(keep, known, denoise(x_t, t)))


def mixed(first: Callable, second: Callable, weight: float) -> Guided:
    """Mix two denoisers, usually two `guided` of one model: weight 0 is the first, 1 the second."""
    return Guided(first.path, lambda x_t, t: torch.lerp(first(x_t, t), second(x_t, t), weight))


def steered(
    denoise: Callable,
    critic: Critic,
    strength: float,
    interval: tuple[float, float] = CRITIC_INTERVAL,
) -> Guided:
    """Move each guess of x0 towards what a critic wants to see, by the critic's gradient.

    The critic was never trained with the denoiser and sees finished shapes only: for it the
    guess is made full or empty, value by value, and the gradient passes through that unchanged.

    Args:
        denoise: Called as denoise(x_t, t) -> x0 (B, ...); has a `path`.
        critic: Called as critic(x0) with x0 of -1 and 1; returns the log-probabilities (B, wishes)
            of what each shape should show. The direction of the move is the gradient of their sum
            with respect to x_t.
        strength: The root mean square of the move where no wish is seen. Where the least probable
            wish is seen with probability p, the move is (1 - p) times that, so that a shape which
            is as it should be stays.
        interval: The times (low, high) within which it acts.

    Raises:
        ValueError: The strength is negative, or the interval is out of [0, 1].
    """
    if finite("strength", strength) < 0:
        raise ValueError(f"strength is {strength}; expected a number from 0")
    low, high = span_of_times(interval)

    def guess(x_t: Tensor, t: Tensor | float) -> Tensor:
        if strength == 0 or not low <= float(t) <= high:
            return denoise(x_t, t)
        with torch.enable_grad():
            x = x_t.detach().requires_grad_(True)
            x0 = denoise(x, t)
            # the value is that of full or empty, the gradient that of x0
            seen = critic(x0 + (full_or_empty(x0) - x0).detach())
            (gradient,) = torch.autograd.grad(seen.sum(), x)
        missing = 1 - seen.detach().amin(dim=1).exp()  # (B,)
        rows = gradient.flatten(1)
        rows = rows * (missing * rows.shape[1] ** 0.5 / (rows.norm(dim=1) + 1e-12))[:, None]
        return x0.detach() + strength * rows.view_as(x0)

    return Guided(denoise.path, guess)


def full_or_empty(x0: Tensor) -> Tensor:
    """Return 1 where x0 is full (above 0) and -1 where it is empty."""
    return torch.where(x0 > 0, 1.0, -1.0)
