"""From noise to data: one loop for every sampler. Points, images and voxels go through it alike.

`sample` is a generator: it yields its state after every step, and the caller decides what to draw,
keep or stop. A sampler is one function, a step from time t to time s < t, and sees nothing but
`denoise(x_t, t) -> x0`. Lesson 03 writes them by hand. Sources: ancestral (arXiv 2006.11239, eq.
7), DDIM (arXiv 2010.02502, eq. 12), Euler with churn and Heun (arXiv 2206.00364, algorithms 2 and
1), DPM-Solver++(2M) (arXiv 2211.01095, algorithm 2).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from typing import NamedTuple

import torch
from torch import Tensor

from course_utils.diffusion.noise import as_seed, as_seeds, is_many, streams
from course_utils.diffusion.paths import Path, Samples, Time, finite, spread, whole

MOST_STEPS = 2**16  # streams of noise lie so far apart that no two draws of a sampler share one


class State(NamedTuple):
    """Where a sampler stands after a step.

    step: how many steps are done, of `steps` in all.  t: the time reached.
    x_t: (B, ...), at that time.  x0: (B, ...), the prediction that the step was made with.
    """

    step: int
    steps: int
    t: float
    x_t: Tensor
    x0: Tensor


def time_grid(path: Path, steps: int, shift: float = 1.0) -> Tensor:
    """Return a sampler's times: from 1 to 0, equally spaced, then shifted; (steps + 1,), float64.

    Args:
        path: Its `shifted` moves the times.
        steps: How many steps the sampler takes.
        shift: Multiplies sigma / alpha; above 1 it spends more steps where there is much noise.
    """
    if not finite("shift", shift) > 0:
        raise ValueError(f"shift is {shift}; expected a positive number")
    times = torch.linspace(1, 0, whole("steps", steps, MOST_STEPS) + 1, dtype=torch.float64)
    return times if shift == 1 else path.shifted(times, shift)


def from_time(times: Tensor, start: float) -> Tensor:
    """Return `start` and the part of a sampler's times below it: a walk from half-way.

    Begin the walk at path.noised(x0, noise, start): the later the start (near 0), the more of x0 is
    left (SDEdit, arXiv 2108.01073). ValueError unless 0 < start <= times[0].
    """
    if not 0 < start <= float(times[0]):
        raise ValueError(
            f"start is {start}; expected a time above 0 and at most {float(times[0]):g}"
        )
    return torch.cat([torch.tensor([start], dtype=times.dtype), times[times < start]])


# ---- samplers ------------------------------------------------------------------------------------
# A step takes (denoise, x_t, t, s, draw, history) and returns (x_s, x0).
# `draw()` gives new standard normal noise shaped like x_t; `history` holds the (time, x0) of the
# last two steps at most, the latest last.


def ddim(denoise, x: Samples, t: Tensor, s: Tensor, draw, history) -> tuple[Samples, Samples]:
    """DDIM: keep the noise, swap x0. It is Euler's method for x / alpha in sigma / alpha.

    Written without x / alpha, it also works at alpha = 0, where the flow and cosine paths begin.
    """
    x0 = denoise(x, t)
    return _move(denoise.path, x, x0, t, s), x0


euler = ddim


def ddpm(denoise, x: Samples, t: Tensor, s: Tensor, draw, history) -> tuple[Samples, Samples]:
    """DDPM's ancestral step: a draw from q(x_s | x_t, x0), with the smaller usual variance."""
    path, x0 = denoise.path, denoise(x, t)
    alpha_t, sigma_t, alpha_s, sigma_s = path.alpha(t), path.sigma(t), path.alpha(s), path.sigma(s)
    kept = alpha_t / alpha_s
    added = sigma_t**2 - kept**2 * sigma_s**2  # the variance that is added on the way from s to t
    from_x, from_x0 = kept * sigma_s**2 / sigma_t**2, alpha_s * added / sigma_t**2
    mean = spread(from_x, x) * x + spread(from_x0, x) * x0
    return mean + spread((added.clamp(min=0) * sigma_s**2 / sigma_t**2).sqrt(), x) * draw(), x0


def churned_euler(
    denoise, x: Samples, t: Tensor, s: Tensor, draw, history, churn: float = 0.4
) -> tuple[Samples, Samples]:
    """Euler with churn: go up to (1 + churn) sigma / alpha with fresh noise, then step down.

    churn is Karras' gamma, S_churn / steps: halve it when you double the steps. The time never
    exceeds 1.
    """
    path = denoise.path
    if path.alpha(t) > 0:  # where alpha is 0 there is nothing above
        higher = path.time_at(path.log_snr(t) - 2 * math.log1p(churn))
        x, t = noised_again(path, x, t, higher, draw()), higher
    return ddim(denoise, x, t, s, draw, history)


def heun(denoise, x: Samples, t: Tensor, s: Tensor, draw, history) -> tuple[Samples, Samples]:
    """Heun's method for x / alpha in sigma / alpha: Euler, then the mean of the slopes at the ends.

    Second order. The step to sigma = 0, and one from alpha = 0 where that variable is infinite, are
    Euler's.
    """
    path, (x_euler, x0) = denoise.path, ddim(denoise, x, t, s, draw, history)
    if path.sigma(s) == 0 or path.alpha(t) == 0:
        return x_euler, x0
    ratio_t, ratio_s = path.sigma(t) / path.alpha(t), path.sigma(s) / path.alpha(s)
    slope_t = (x / spread(path.alpha(t), x) - x0) / spread(ratio_t, x)
    slope_s = (x_euler / spread(path.alpha(s), x) - denoise(x_euler, s)) / spread(ratio_s, x)
    scaled = x / spread(path.alpha(t), x) + spread((ratio_s - ratio_t) / 2, x) * (slope_t + slope_s)
    return spread(path.alpha(s), x) * scaled, x0


def dpm_solver(denoise, x: Samples, t: Tensor, s: Tensor, draw, history) -> tuple[Samples, Samples]:
    """DPM-Solver++(2M): the DDIM step with x0 extrapolated from the last two predictions.

    Second order, one call per step. The first step has no past, and the step to sigma = 0 no finite
    log-SNR: both are DDIM's.
    """
    path, x0 = denoise.path, denoise(x, t)
    better = x0
    if history and path.sigma(s) > 0:
        before, x0_before = history[-1]
        start, middle, end = (path.log_snr(time) / 2 for time in (before, t, s))
        h_before, h = middle - start, end - middle  # infinite from alpha = 0
        better = x0 + spread(h / h_before / 2, x) * (x0 - x0_before)
    return _move(path, x, better, t, s), x0


def _move(path: Path, x: Samples, x0: Samples, t: Tensor, s: Tensor) -> Samples:
    """From x_t to x_s, x0 and noise fixed: alpha_s x0 + sigma_s (x_t - alpha_t x0) / sigma_t."""
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


def resampled(step: Callable, rounds: int) -> Callable:
    """Return a sampler that takes each step of another several times, adding noise in between.

    Where parts of x_t are held fast (`guidance.keeping`), every round lets the others agree better
    with them: RePaint (arXiv 2201.09865, algorithm 1) with jumps of one step.

    Args:
        step: A sampler.
        rounds: How many times each step is taken, from 1; otherwise ValueError.
    """
    if rounds < 1:
        raise ValueError(f"rounds is {rounds}; expected a whole number from 1")

    def repeated(denoise, x, t, s, draw, history):
        x_s, x0 = step(denoise, x, t, s, draw, history)
        # at alpha = 0 nothing is left to agree with
        again = rounds - 1 if denoise.path.alpha(t) > 0 else 0
        for _ in range(again):
            x = noised_again(denoise.path, x_s, s, t, draw())
            x_s, x0 = step(denoise, x, t, s, draw, history)
        return x_s, x0

    return repeated


def noised_again(path: Path, x_t: Samples, t: Time, higher: Time, noise: Samples) -> Samples:
    """Go from x_t up to a noisier time, as the forward process does.

    Args:
        path: The noise path.
        x_t: (B, ...), at time t.
        t: The time of x_t.
        higher: The time to go to, above t.
        noise: Fresh standard normal noise, (B, ...).
    """
    kept = path.alpha(higher) / path.alpha(t)
    added = (path.sigma(higher) ** 2 - kept**2 * path.sigma(t) ** 2).clamp(min=0).sqrt()
    return spread(kept, x_t) * x_t + spread(added, x_t) * noise


def sample(
    denoise: Callable,
    x: Tensor,
    times: Tensor,
    step: Callable = ddim,
    seed: int | Sequence[int] = 0,
) -> Iterator[State]:
    """Walk from noise to data, yielding a `State` after each step; the last x_t is the sample.

    Args:
        denoise: A `Denoiser`, or a `Guided`, or anything called as denoise(x_t, t) -> x0 that has
            a `path`.
        x: (B, ...), at time times[0]; usually path.prior_sample(gaussian(seed, shape)).
        times: Falling numbers in [0, 1], (T + 1,); usually `time_grid`.
        step: One of `SAMPLERS`.
        seed: Of the fresh noise that stochastic samplers add. A list has one for each item of the
            batch, so that an item does not change with its neighbours.

    Raises:
        ValueError: The times do not fall, or x is empty or not of finite floats.
    """
    times = torch.as_tensor(times, dtype=torch.float64)
    if len(times) < 2 or not bool((times.diff() < 0).all()) or times[0] > 1 or times[-1] < 0:
        raise ValueError(
            "times must fall from at most 1 to at least 0 in one step or more;"
            f" got {times.tolist()}"
        )
    tensor = isinstance(x, Tensor)
    if not (tensor and x.is_floating_point() and x.numel() and bool(x.isfinite().all())):
        what = f"{x.dtype} of shape {tuple(x.shape)}" if tensor else type(x).__name__
        raise ValueError(
            f"x is {what}; expected a tensor (B, ...) of finite floats, one sample or more"
        )
    seed = as_seeds(seed) if is_many(seed) else as_seed(seed)
    if isinstance(seed, list) and len(seed) != len(x):
        raise ValueError(
            f"seed has {len(seed)} numbers for {len(x)} samples;"
            " expected one number, or one for each"
        )
    if not callable(step):
        raise ValueError(f"step is {step!r}; expected a function, such as SAMPLERS['ddim']")
    history: list[tuple[Tensor, Tensor]] = []
    steps = len(times) - 1
    shape = x.shape[1:] if isinstance(seed, list) else x.shape
    noise, dtype = streams(seed, shape, x.device), x.dtype
    for k in range(steps):
        draw = partial(_next_noise, noise, count(k + 1, MOST_STEPS), dtype)
        with torch.no_grad():
            x, x0 = step(denoise, x, times[k], times[k + 1], draw, history)
        history = [*history[-1:], (times[k], x0)]
        yield State(k + 1, steps, float(times[k + 1]), x, x0)


def _next_noise(noise: Callable, stream: Iterator[int], dtype: torch.dtype) -> Tensor:
    return noise(next(stream)).to(dtype)


def last(states: Iterator[State]) -> State:
    """Run a sampler to its end and return the last state."""
    state = None
    for state in states:  # noqa: B007
        pass
    if state is None:
        raise ValueError("the sampler yielded no state")
    return state
