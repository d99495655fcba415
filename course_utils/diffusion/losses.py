"""Losses: what a step of training makes small. The trainer is the same for all of them.

A loss has two halves. `prepare` draws everything random of a step for the whole batch; calling the
loss with a model and what was prepared gives the number to make small, or the turns of a game.
Lesson 02 writes the denoising loss; weights and times are those of EDM (arXiv 2206.00364, section
5) and of Stable Diffusion 3 (arXiv 2403.03206, section 3.1). The losses of a classifier and of an
adversarial pair stand beside them: `evaluation.classifier`, `models.adversarial`.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_utils.diffusion.denoiser import Denoiser
from course_utils.diffusion.paths import KINDS, Samples, spread


class Batch(NamedTuple):
    """What is drawn from data: B rows, on one device.

    target: what the model shall say (B, ...): samples for a denoiser, labels for a classifier,
        facts for a seer.
    given: what it is told or shown (B, ...): labels, tokens, pictures, voxels; None for nothing.
    noise: (B, ...), where each row has noise of its own (reflow, optimal transport: lesson 03);
        None to draw it.
    """

    target: Tensor
    given: Tensor | None = None
    noise: Tensor | None = None


@runtime_checkable
class Loss(Protocol):
    """What a `Trainer` needs of a loss."""

    def prepare(self, batch: Batch, generator: torch.Generator, step: int) -> tuple:
        """Draw everything random of a step, for the batch of all processes: tensors (B, ...)."""

    def __call__(self, model: nn.Module, *prepared) -> Tensor | Iterator[tuple[nn.Module, Tensor]]:
        """The loss, a scalar; or turns (who learns, loss), each taken before the next begins."""


@dataclass(frozen=True)
class Denoising:
    """The denoising loss: squared error of x0, weighted so that it is that of another quantity.

    loss_in: the quantity whose mean squared error is made small, one of `paths.KINDS`.
    weight_limit: the largest weight of an error in x0: at t = 0 the weight of most quantities is
        infinite.
    time_mean, time_std: times are sigmoid(mean + std * normal); a larger mean is noisier.
    drop_condition: the share of rows whose condition is hidden (-1), for classifier-free guidance.
    ValueError for numbers that make no loss.
    """

    loss_in: str = "velocity"
    weight_limit: float = 400.0
    time_mean: float = 0.0
    time_std: float = 1.0
    drop_condition: float = 0.1

    def __post_init__(self):
        if self.loss_in not in KINDS:
            raise ValueError(f"loss_in is {self.loss_in!r}; use one of {', '.join(KINDS)}")
        for name in ("weight_limit", "time_std"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise ValueError(f"{name} is {value!r}; expected a number above 0")
        if not math.isfinite(self.time_mean):
            raise ValueError(f"time_mean is {self.time_mean!r}; expected a finite number")
        if not 0 <= self.drop_condition <= 1:
            raise ValueError(
                f"drop_condition is {self.drop_condition!r}; expected a share, from 0 to 1"
            )

    def prepare(self, batch: Batch, generator: torch.Generator, step: int) -> tuple:
        """x0, noise (B, ...), t (B,), condition (B, ...) or None."""
        (x0, condition, noise), device = batch, generator.device
        t = torch.sigmoid(
            self.time_mean
            + self.time_std * torch.randn(len(x0), generator=generator, device=device)
        )
        if noise is None:
            noise = torch.randn(x0.shape, generator=generator, device=device)
        if condition is not None:
            hidden = torch.rand(len(x0), generator=generator, device=device) < self.drop_condition
            condition = torch.where(spread(hidden, condition) > 0, -1, condition)
        return x0, noise, t, condition

    def __call__(
        self, denoiser: Denoiser, x0: Tensor, noise: Tensor, t: Tensor, condition: Tensor | None
    ) -> Tensor:
        return denoising_loss(denoiser, x0, noise, t, condition, self.loss_in, self.weight_limit)


def denoising_loss(
    denoiser: Denoiser,
    x0: Samples,
    noise: Samples,
    t: Float[Tensor, " batch"],
    condition: Tensor | None = None,
    loss_in: str = "velocity",
    weight_limit: float = 400.0,
) -> Tensor:
    """Return the mean squared error of the denoiser's prediction, in the quantity `loss_in`.

    Whatever the network predicts, the error in `loss_in` is the error in x0 times
    `Path.sensitivity`, so one formula serves every path, every prediction and every loss.

    Args:
        denoiser: Called as denoiser(x_t, t, condition) -> x0; has a `path`.
        x0: Data, (B, ...).
        noise: Standard normal, (B, ...).
        t: Times in [0, 1], (B,).
        condition: (B, ...), or None.
        loss_in: One of `paths.KINDS`.
        weight_limit: The largest weight of a squared error in x0.
    """
    path = denoiser.path
    predicted = denoiser(path.noised(x0, noise, t), t, condition)
    weight = path.sensitivity(loss_in, t).square().clamp(max=weight_limit)
    return (spread(weight, x0) * (predicted - x0).square()).mean()


@dataclass(frozen=True)
class Bits:
    """Cross-entropy, in nats per fact, of a network that says which facts are true.

    The network is called with what is given and answers 2 p - 1 (B, facts), where p is a fact's
    probability; the target is 1 where it is true and -1 where it is not.
    """

    def prepare(self, batch: Batch, generator: torch.Generator, step: int) -> tuple:
        return batch.target, batch.given

    def __call__(self, network: nn.Module, target: Tensor, given: Tensor) -> Tensor:
        return -((1 + target * network(given)) / 2).clamp(min=1e-6).log().mean()


LOSSES = {"denoising": Denoising, "bits": Bits}
