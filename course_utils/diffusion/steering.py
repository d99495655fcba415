"""Guidance by a critic: each guess of x0 is shown to a network that judges it, whose gradient says
what to change.

Lesson 06's guidance asks the denoiser twice. This one asks somebody else, who was never trained
with it and who sees finished shapes only: the guess is made full or empty, voxel by voxel, for the
critic to look at, and on the way back the gradient goes on as if it had not been. Lesson 09 steers
with what is seen in a shape. Sources: classifier guidance (arXiv 2105.05233, section 4), through
the denoiser's guess (arXiv 2302.07121, section 3.1), a step of fixed length (arXiv 2402.03201,
section 3), gradients that pass a threshold (arXiv 1308.3432, section 2.3).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.diffusion.paths import finite
from course_utils.diffusion.sampling import span_of_times
from course_utils.models.editing import Edited

Critic = Callable[[Tensor], Tensor]
INTERVAL = (0.1, 0.95)  # above it a guess shows nothing yet, below it nothing can change any more


def steered(
    denoise: Callable, critic: Critic, strength: float, interval: tuple[float, float] = INTERVAL
) -> Edited:
    """Move each guess of x0 towards what a critic wants to see, through the denoiser.

    denoise: called as denoise(x_t, t) -> x0 (B, ...), with a `path`.  critic: called as critic(x0)
    with x0 of -1 and 1, for the log-probabilities (B, wishes) of what each shape should show.
    strength: the root mean square of the move where nothing of it is seen; with the least probable
    wish seen with p it is (1 - p) times that, so that what is as it should be stays. The direction
    is the gradient of the sum by x_t.  interval: the times (low, high) within which it acts.
    ValueError for a negative strength or an interval out of [0, 1].
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
            told = critic(
                x0 + (full_or_empty(x0) - x0).detach()
            )  # its value is the first, its gradient x0's
            (gradient,) = torch.autograd.grad(told.sum(), x)
        missing = 1 - told.detach().amin(dim=1).exp()  # (B,)
        rows = gradient.flatten(1)
        rows = rows * (missing * rows.shape[1] ** 0.5 / (rows.norm(dim=1) + 1e-12))[:, None]
        return x0.detach() + strength * rows.view_as(x0)

    return Edited(denoise.path, guess)


def full_or_empty(x0: Tensor) -> Tensor:
    """What of x0 is full (1) and what empty (-1): its sign, and empty at 0."""
    return torch.where(x0 > 0, 1.0, -1.0)
