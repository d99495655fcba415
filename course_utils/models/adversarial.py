"""A generative adversarial network, done properly, for lesson 05 to compare with: two networks that
play.

It is one more loss for the trainer: a game of two turns. Sources: the non-saturating loss
(Goodfellow et al., arXiv 1406.2661, section 3), the penalty R1 on the discriminator's gradient at
real data (Mescheder et al., arXiv 1801.04406, eq. 9), Adam without momentum (the same, section 4),
moving average of the generator (arXiv 1806.04498).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from course_utils.diffusion.losses import Batch
from course_utils.diffusion.training import Plan


def perceptron(inputs: int, width: int, outputs: int) -> list[nn.Module]:
    """Return three hidden layers of `width` numbers: the layers of a network (B, inputs) -> (B,
    outputs).
    """
    sizes = (inputs, width, width, width)
    hidden = [
        part for k in range(3) for part in (nn.Linear(sizes[k], sizes[k + 1]), nn.LeakyReLU(0.2))
    ]
    return [*hidden, nn.Linear(width, outputs)]


def point_networks(
    latent: int = 8, width: int = 110, features: int = 2
) -> tuple[nn.Module, nn.Module]:
    """Return a generator (B, latent) -> (B, features) and a discriminator (B, features) -> (B,
    1).
    """
    return nn.Sequential(*perceptron(latent, width, features)), nn.Sequential(
        *perceptron(features, width, 1)
    )


def picture_networks(
    latent: int = 64, width: int = 332, side: int = 8
) -> tuple[nn.Module, nn.Module]:
    """Return a generator (B, latent) -> (B, 1, side, side) and a discriminator (B, 1, side, side)
    -> (B, 1).

    No convolutions: for digits of 8 x 8 plain layers do better in the same time, because they allow
    more steps (the tuning in `studies/gan_or_diffusion.py`).
    """
    generator = [*perceptron(latent, width, side**2), nn.Tanh(), nn.Unflatten(1, (1, side, side))]
    return nn.Sequential(*generator), nn.Sequential(nn.Flatten(), *perceptron(side**2, width, 1))


class Pair(nn.Module):
    """Generator and discriminator as one model; calling it is calling the generator.

    generator: latent noise (B, latent) -> samples (B, ...).  discriminator: samples (B, ...) ->
        logits (B, 1).
    """

    def __init__(self, generator: nn.Module, discriminator: nn.Module):
        super().__init__()
        self.generator, self.discriminator = generator, discriminator

    def forward(self, latent: Tensor) -> Tensor:
        return self.generator(latent)


def adversarial_plan(
    steps: int,
    batch_size: int,
    learning_rate: float = 2e-3,
    ema_decay: float = 0.99,
    seed: int = 0,
    warmup: int = 50,
) -> Plan:
    """Return a `Plan` as such games want it: Adam without momentum, nothing decays and nothing
    is clipped.
    """
    return Plan(
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        warmup=warmup,
        weight_decay=0.0,
        gradient_clip=math.inf,
        betas=(0.0, 0.99),
        ema_decay=ema_decay,
        seed=seed,
    )


@dataclass(frozen=True)
class Adversarial:
    """The losses of a `Pair`, in turns: the discriminator learns first, then the generator from
    what it has learned.

    latent: how many random numbers the generator gets for each sample.
    r1: weight of the gradient penalty. With r1_every above 1 it is taken in every so many steps
        only, and is as many times as strong (lazy regularisation, arXiv 1912.04958, section 3.1):
        cheaper, and the same on average.
    rates: learning rates of the two, in units of the plan's.
    """

    latent: int
    r1: float = 1.0
    r1_every: int = 1
    rates: dict[str, float] = field(
        default_factory=lambda: {"generator": 1.0, "discriminator": 1.0}
    )

    def penalty_at(self, step: int) -> float:
        """Weight of the penalty in a step counted from 0."""
        return 0.0 if step % self.r1_every else self.r1 * self.r1_every

    def prepare(self, batch: Batch, generator: torch.Generator, step: int) -> tuple:
        """Real samples (B, ...), latent noise (B, latent), the penalty's weight."""
        real, device = batch.target, generator.device
        return (
            real,
            torch.randn(len(real), self.latent, generator=generator, device=device),
            self.penalty_at(step),
        )

    def __call__(
        self, pair: Pair, real: Tensor, latent: Tensor, r1: float
    ) -> Iterator[tuple[nn.Module, Tensor]]:
        made = pair.generator(latent)
        yield pair.discriminator, discriminator_loss(pair.discriminator, real, made, r1)
        yield pair.generator, generator_loss(pair.discriminator, made)


def generator_loss(discriminator: nn.Module, made: Tensor) -> Tensor:
    """Return the non-saturating loss of made samples (B, ...): -log of the probability that they
    are real.
    """
    return softplus(-discriminator(made)).mean()


def discriminator_loss(
    discriminator: nn.Module, real: Tensor, made: Tensor, r1: float = 0.0
) -> Tensor:
    """Return the cross-entropy of telling real from made samples, plus the penalty R1; no gradient
    for the generator.

    Args:
        discriminator: Samples (B, ...) -> logits (B, 1).
        real: Samples of the data, (B, ...).
        made: Samples of the generator, (B, ...).
        r1: Weight of the penalty.
    """
    real = real.detach().requires_grad_(r1 > 0)
    logits = discriminator(real)
    loss = softplus(-logits).mean() + softplus(discriminator(made.detach())).mean()
    return loss + r1_penalty(logits, real, r1) if r1 > 0 else loss


def r1_penalty(logits: Tensor, real: Tensor, r1: float) -> Tensor:
    """Return r1 / 2 times the mean squared length of the logits' gradient at the real samples.

    Args:
        logits: (B, 1), of the real samples.
        real: (B, ...), requires a gradient.
        r1: Weight of the penalty.
    """
    (gradient,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
    return r1 / 2 * gradient.flatten(1).square().sum(1).mean()
