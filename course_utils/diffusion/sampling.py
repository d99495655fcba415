"""From noise to data: one loop for every sampler. Points, images and voxels go through it alike.

`sample` is a generator: it yields its state after every step and the caller decides what to draw,
keep or stop. A sampler is one function, a step from time t to time s < t, and sees nothing but
`denoise(x_t, t) -> x0`. Lesson 03 writes them by hand. Sources: ancestral (arXiv 2006.11239, eq.
7), DDIM (arXiv 2010.02502, eq. 12), Euler with churn and Heun (arXiv 2206.00364, algorithms 2 and
1), DPM-Solver++(2M) (arXiv 2211.01095, algorithm 2), guidance (arXiv 2207.12598, eq. 6).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from course_utils.diffusion.denoiser import Denoiser
from course_utils.diffusion.noise import gaussian
from course_utils.diffusion.paths import Path, as_time, finite, spread, whole

MOST_STEPS = 2**16  # streams of noise lie so far apart that no two draws of a sampler share one


class State(NamedTuple):
    """Where a sampler stands after a step: step (from 1) of steps, the time t reached, x_t (B, ...)
    at that time, and x0 (B, ...), the denoiser's prediction that the step was made with."""

    step: int
    steps: int
    t: float
    x_t: Tensor
    x0: Tensor


@dataclass
class Guided:
    """A denoiser with a condition and guidance, called as guided(x_t, t) -> x0; made by
    `guided`.
    """

    denoiser: Denoiser
    condition: Tensor | None
    guidance_scale: float
    negative: Tensor | None
    interval: tuple[float, float]
    rescale: float

    @property
    def path(self) -> Path:
        return self.denoiser.path

    def __call__(self, x_t: Tensor, t: Tensor | float) -> Tensor:
        low, high = self.interval
        scale = self.guidance_scale if low <= float(t) <= high else min(self.guidance_scale, 1.0)
        if scale == 0 or self.condition is self.negative is None:
            return self.denoiser(x_t, t, self.negative)
        if scale == 1:
            return self.denoiser(x_t, t, self.condition)
        conditional, away_from = self._both(x_t, t)
        x0 = away_from + scale * (conditional - away_from)
        return (
            x0 if self.rescale == 0 else torch.lerp(x0, _spread_as(conditional, x0), self.rescale)
        )

    def _both(self, x_t: Tensor, t: Tensor | float) -> tuple[Tensor, Tensor]:
        """The guesses for the condition and for what to be led away from, in one call of twice the
        batch.
        """
        like = self.condition if self.condition is not None else self.negative
        rows = [
            torch.full_like(like, -1) if c is None else c for c in (self.condition, self.negative)
        ]
        rows = [row for part in rows for row in part]  # texts may differ in length
        both = (
            torch.stack(rows)
            if like.ndim == 1
            else pad_sequence(rows, batch_first=True, padding_value=-1)
        )
        times = as_time(t).to(x_t.device).expand(len(x_t)).repeat(2)
        return self.denoiser(torch.cat([x_t, x_t]), times, both).chunk(2)


def _spread_as(like: Tensor, x: Tensor) -> Tensor:
    """Each sample of x (B, ...) times a number, so that its standard deviation is that of
    `like`.
    """
    sizes = [values.flatten(1).std(dim=1) for values in (like, x)]
    return spread(sizes[0] / sizes[1], x) * x


def guided(
    denoiser: Denoiser,
    condition: Tensor | None = None,
    guidance_scale: float = 1.0,
    negative: Tensor | None = None,
    interval: tuple[float, float] = (0.0, 1.0),
    rescale: float = 0.0,
) -> Guided:
    """Classifier-free guidance: uncond + guidance_scale * (cond - uncond). 1 is conditional, 0
    unconditional.

    condition: what the denoiser takes, (B, ...), for example class labels; None is unconditional,
        and so is -1.
    negative: a condition to be led away from, (B, ...), in the place of "unconditional"; None is
        none.
    interval: the times (low, high) in [0, 1] within which a scale above 1 acts; outside it is 1
        (arXiv 2404.07724).
    rescale: from 0 to 1, how far the guided x0 is shrunk to the standard deviation of the
    conditional one (arXiv 2305.08891, eq. 15 and 16, there for v and noise).  ValueError for an
    interval or a rescale out of these bounds, and for a scale that is no finite number.
    """
    interval = span_of_times(interval)
    if not 0 <= rescale <= 1:
        raise ValueError(f"rescale is {rescale}; expected a number from 0 to 1")
    scale = finite("guidance_scale", guidance_scale)
    return Guided(denoiser, condition, scale, negative, interval, rescale)


def span_of_times(interval: tuple[float, float]) -> tuple[float, float]:
    """The times (low, high) as they are. ValueError unless 0 <= low <= high <= 1."""
    if not 0 <= interval[0] <= interval[1] <= 1:
        raise ValueError(
            f"interval is {interval}; expected times (low, high) with 0 <= low <= high <= 1"
        )
    return tuple(interval)


def time_grid(path: Path, steps: int, shift: float = 1.0) -> Tensor:
    """The times of a sampler: steps + 1 numbers from 1 to 0 in float64, equally spaced, then
    shifted.

    shift > 1 spends more steps where there is much noise: sigma / alpha is multiplied by it
    (`Path.shifted`).
    """
    if not finite("shift", shift) > 0:
        raise ValueError(f"shift is {shift}; expected a positive number")
    times = torch.linspace(1, 0, whole("steps", steps, MOST_STEPS) + 1, dtype=torch.float64)
    return times if shift == 1 else path.shifted(times, shift)


# A step takes (denoise, x_t, t, s, draw, history) and returns (x_s, x0). Each `draw()` gives new
# standard normal noise shaped like x_t; `history` holds the (time, x0) of all steps so far, the
# latest last.


def ddim(denoise, x, t, s, draw, history):
    """DDIM, and the same thing as Euler's method for x / alpha in the variable sigma / alpha: keep
    the noise, swap x0.

    Written without x / alpha, it also works at alpha = 0, where the flow and cosine paths begin.
    """
    x0 = denoise(x, t)
    return _move(denoise.path, x, x0, t, s), x0


euler = ddim


def ddpm(denoise, x, t, s, draw, history):
    """DDPM's ancestral step: a draw from q(x_s | x_t, x0), with the smaller of its two usual
    variances.
    """
    path, x0 = denoise.path, denoise(x, t)
    alpha_t, sigma_t, alpha_s, sigma_s = path.alpha(t), path.sigma(t), path.alpha(s), path.sigma(s)
    kept = alpha_t / alpha_s
    added = (
        sigma_t**2 - kept**2 * sigma_s**2
    )  # the variance of the noise added on the way from s to t
    mean = (
        spread(kept * sigma_s**2 / sigma_t**2, x) * x + spread(alpha_s * added / sigma_t**2, x) * x0
    )
    return mean + spread((added.clamp(min=0) * sigma_s**2 / sigma_t**2).sqrt(), x) * draw(), x0


def churned_euler(denoise, x, t, s, draw, history, churn: float = 0.4):
    """Euler with churn: first go back up to sigma / alpha times (1 + churn) with fresh noise, then
    take the step down.

    churn is Karras' gamma, S_churn / steps: halve it when you double the steps. It never goes above
    t = 1.
    """
    path = denoise.path
    if path.alpha(t) > 0:  # where alpha is 0 there is nothing above
        higher = path.time_at(path.log_snr(t) - 2 * math.log1p(churn))
        x, t = noised_again(path, x, t, higher, draw()), higher
    return ddim(denoise, x, t, s, draw, history)


def noised_again(
    path: Path, x_t: Tensor, t: Tensor | float, higher: Tensor | float, noise: Tensor
) -> Tensor:
    """From x_t up to a noisier time, as the forward process goes there: x_t shrunk, and as much
    noise as is missing.
    """
    kept = path.alpha(higher) / path.alpha(t)
    added = (path.sigma(higher) ** 2 - kept**2 * path.sigma(t) ** 2).clamp(min=0).sqrt()
    return spread(kept, x_t) * x_t + spread(added, x_t) * noise


def resampled(step: Callable, rounds: int) -> Callable:
    """A sampler that takes each step of another `rounds` times, noising its result again in
    between.

    Every round lets the parts of x_t agree better with each other, where some are held fast
    (`keeping`): RePaint (arXiv 2201.09865, algorithm 1) with jumps of one step. ValueError for less
    than one round.
    """
    if rounds < 1:
        raise ValueError(f"rounds is {rounds}; expected a whole number from 1")

    def repeated(denoise, x, t, s, draw, history):
        x_s, x0 = step(denoise, x, t, s, draw, history)
        for _ in range(
            rounds - 1 if denoise.path.alpha(t) > 0 else 0
        ):  # at alpha = 0 nothing is left to agree with
            x_s, x0 = step(
                denoise, noised_again(denoise.path, x_s, s, t, draw()), t, s, draw, history
            )
        return x_s, x0

    return repeated


def heun(denoise, x, t, s, draw, history):
    """Heun's method for x / alpha in sigma / alpha: Euler, then the mean of the slopes at both
    ends. Second order.

    The step to sigma = 0, and one from alpha = 0 where that variable is infinite, are Euler's.
    """
    path, (x_euler, x0) = denoise.path, ddim(denoise, x, t, s, draw, history)
    if path.sigma(s) == 0 or path.alpha(t) == 0:
        return x_euler, x0
    ratio_t, ratio_s = path.sigma(t) / path.alpha(t), path.sigma(s) / path.alpha(s)
    slope_t = (x / spread(path.alpha(t), x) - x0) / spread(ratio_t, x)
    slope_s = (x_euler / spread(path.alpha(s), x) - denoise(x_euler, s)) / spread(ratio_s, x)
    scaled = x / spread(path.alpha(t), x) + spread((ratio_s - ratio_t) / 2, x) * (slope_t + slope_s)
    return spread(path.alpha(s), x) * scaled, x0


def dpm_solver(denoise, x, t, s, draw, history):
    """DPM-Solver++(2M): the DDIM step with x0 extrapolated from the last two predictions. Second
    order, one call.

    The first step has no past, and the step to sigma = 0 no finite log-SNR: both are DDIM's.
    """
    path, x0 = denoise.path, denoise(x, t)
    better = x0
    if history and path.sigma(s) > 0:
        before, x0_before = history[-1]
        half_log_snr = [path.log_snr(time) / 2 for time in (before, t, s)]
        h_before, h = (
            half_log_snr[1] - half_log_snr[0],
            half_log_snr[2] - half_log_snr[1],
        )  # infinite from alpha = 0
        better = x0 + spread(h / h_before / 2, x) * (x0 - x0_before)
    return _move(path, x, better, t, s), x0


def _move(path: Path, x: Tensor, x0: Tensor, t: Tensor, s: Tensor) -> Tensor:
    """From x_t to x_s with x0 and noise held fixed: alpha_s x0 + sigma_s (x_t - alpha_t x0) /
    sigma_t.
    """
    noise_part = x - spread(path.alpha(t), x) * x0
    return spread(path.alpha(s), x) * x0 + spread(path.sigma(s) / path.sigma(t), x) * noise_part


SAMPLERS: dict[str, Callable] = {
    "ddim": ddim,
    "euler": euler,
    "ddpm": ddpm,
    "churned_euler": churned_euler,
    "heun": heun,
    "dpm_solver": dpm_solver,
}


def sample(
    denoise: Callable,
    x: Tensor,
    times: Tensor,
    step: Callable = ddim,
    seed: int | Sequence[int] = 0,
) -> Iterator[State]:
    """Walk from noise to data, yielding a `State` after every step; the last one's x_t is the
    sample.

    denoise: a `Denoiser`, or `guided(...)`, or anything called as denoise(x_t, t) -> x0 that has a
        `path`.
    x: (B, ...) at time times[0], usually path.prior_sample(gaussian(seed, shape)).
    times: falling numbers in [0, 1], usually `time_grid`.  step: one of this module's samplers.
    seed: of the fresh noise that stochastic samplers add; a list has one for each item of the
        batch, so that an item does not change with its neighbours. ValueError for times that do not
        fall, and for an x that is empty or not of finite floats.
    """
    times = torch.as_tensor(times, dtype=torch.float64)
    if len(times) < 2 or not bool((times.diff() < 0).all()) or times[0] > 1 or times[-1] < 0:
        raise ValueError(
            "times must fall from at most 1 to at least 0 in one step or more; got"
            f" {times.tolist()}"
        )
    if not (
        isinstance(x, Tensor) and x.is_floating_point() and x.numel() and bool(x.isfinite().all())
    ):
        what = f"{x.dtype} of shape {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
        raise ValueError(
            f"x is {what}; expected a tensor (B, ...) of finite floats, one sample or more"
        )
    if isinstance(seed, Sequence) and len(seed) != len(x):
        raise ValueError(
            f"seed has {len(seed)} numbers for {len(x)} samples; expected one number, or one for"
            " each"
        )
    if not callable(step):
        raise ValueError(f"step is {step!r}; expected a function, such as SAMPLERS['ddim']")
    history: list[tuple[Tensor, Tensor]] = []
    steps = len(times) - 1
    for k in range(steps):
        draw = partial(_fresh_noise, seed, x, count(k + 1, MOST_STEPS))
        with torch.no_grad():
            x, x0 = step(denoise, x, times[k], times[k + 1], draw, history)
        history = [*history[-1:], (times[k], x0)]
        yield State(k + 1, steps, float(times[k + 1]), x, x0)


def _fresh_noise(seed: int | Sequence[int], x: Tensor, streams: Iterator[int]) -> Tensor:
    shape = x.shape[1:] if isinstance(seed, Sequence) else x.shape
    return gaussian(seed, shape, next(streams)).to(dtype=x.dtype, device=x.device)


def last(states: Iterator[State]) -> State:
    """Run a sampler to its end and return the last state."""
    state = None
    for state in states:  # noqa: B007
        pass
    if state is None:
        raise ValueError("the sampler yielded no state")
    return state
