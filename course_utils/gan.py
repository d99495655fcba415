"""A generative adversarial network, done properly, for lesson 05 to compare with: two networks that play against
each other.

Sources: the non-saturating loss (Goodfellow et al., arXiv 1406.2661, section 3), the penalty R1 on the
discriminator's gradient at real data (Mescheder et al., arXiv 1801.04406, eq. 9), Adam without momentum and two
learning rates (arXiv 1706.08500), moving average of the generator (arXiv 1806.04498). Loop and plan mirror
`training.Trainer`: it yields, the caller draws.
"""

import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from course_utils.training import Draw


class Duel(NamedTuple):
    """What the loop yields: steps done so far, the two losses of the last one, seconds of training so far."""

    step: int
    generator_loss: float
    discriminator_loss: float
    seconds: float


@dataclass(frozen=True)
class GANPlan:
    """All that fixes a training, apart from networks and data.

    r1: weight of the gradient penalty (gamma). It is dear, so it is taken every `r1_every` steps only, that many times
    as strong (lazy regularisation, arXiv 1912.04958, section 3.1).
    """

    steps: int = 1000
    batch_size: int = 64
    generator_rate: float = 1e-3
    discriminator_rate: float = 1e-3
    r1: float = 1.0
    r1_every: int = 4
    ema_decay: float = 0.99
    seed: int = 0


def generator_loss(discriminator: nn.Module, made: Tensor) -> Tensor:
    """Non-saturating: -log of the probability that made samples (B, ...) are real, in the discriminator's eyes."""
    return softplus(-discriminator(made)).mean()


def discriminator_loss(discriminator: nn.Module, real: Tensor, made: Tensor, r1: float = 0.0) -> Tensor:
    """Cross-entropy of telling real from made samples, plus r1 / 2 times the squared gradient at the real ones."""
    real = real.detach().requires_grad_(r1 > 0)
    logits = discriminator(real)
    loss = softplus(-logits).mean() + softplus(discriminator(made.detach())).mean()
    if r1 > 0:
        (gradient,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
        loss = loss + r1 / 2 * gradient.flatten(1).square().sum(1).mean()
    return loss


class GANTrainer:
    """A training under way. `ema` is the generator's moving average: call it on latent noise (B, latent) to sample."""

    def __init__(self, generator: nn.Module, discriminator: nn.Module, latent: int, plan: GANPlan):
        self.generator, self.discriminator, self.latent, self.plan = generator, discriminator, latent, plan
        self.ema = copy.deepcopy(generator).eval().requires_grad_(False)
        self.step, self.seconds = 0, 0.0
        betas = (0.0, 0.99)
        self.optimizers = (
            torch.optim.Adam(generator.parameters(), plan.generator_rate, betas),
            torch.optim.Adam(discriminator.parameters(), plan.discriminator_rate, betas),
        )

    def run(self, draw: Draw) -> Iterator[Duel]:
        """Train to the plan's last step, yielding a `Duel` after every step."""
        while self.step < self.plan.steps:
            start = time.perf_counter()
            losses = self._one_step(draw)
            self.step += 1
            self.seconds += time.perf_counter() - start
            yield Duel(self.step, *losses, self.seconds)

    def _one_step(self, draw: Draw) -> tuple[float, float]:
        random = torch.Generator().manual_seed(self.plan.seed * 2**32 + self.step)
        real, _, _ = draw(random, self.plan.batch_size)
        made = self.generator(torch.randn(len(real), self.latent, generator=random))
        penalty = 0.0 if self.step % self.plan.r1_every else self.plan.r1 * self.plan.r1_every
        second = discriminator_loss(self.discriminator, real, made, penalty)
        self._improve(1, second)
        first = generator_loss(self.discriminator, made)
        self._improve(0, first)
        decay = min(self.plan.ema_decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, new in zip(self.ema.parameters(), self.generator.parameters(), strict=True):
                mean.lerp_(new, 1 - decay)
        return float(first.detach()), float(second.detach())

    def _improve(self, which: int, loss: Tensor) -> None:
        optimizer = self.optimizers[which]
        module = (self.generator, self.discriminator)[which]
        gradients = torch.autograd.grad(loss, list(module.parameters()))
        for parameter, gradient in zip(module.parameters(), gradients, strict=True):
            parameter.grad = gradient
        optimizer.step()


def point_networks(latent: int = 8, width: int = 96, features: int = 2) -> tuple[nn.Module, nn.Module]:
    """Generator (B, latent) -> (B, features) and discriminator (B, features) -> (B, 1), three hidden layers each."""

    def mlp(inputs: int, outputs: int) -> nn.Module:
        hidden = [layer for _ in range(2) for layer in (nn.Linear(width, width), nn.LeakyReLU(0.2))]
        return nn.Sequential(nn.Linear(inputs, width), nn.LeakyReLU(0.2), *hidden, nn.Linear(width, outputs))

    return mlp(latent, features), mlp(features, 1)


def picture_networks(latent: int = 64, width: int = 64) -> tuple[nn.Module, nn.Module]:
    """Generator (B, latent) -> (B, 1, 8, 8) and discriminator (B, 1, 8, 8) -> (B, 1) for the digits of lesson 04."""

    def convolutions(*sizes: int) -> list[nn.Module]:
        return [m for a, b in pairwise(sizes) for m in (nn.Conv2d(a, b, 3, padding=1), nn.LeakyReLU(0.2))]

    generator = nn.Sequential(
        nn.Linear(latent, 2 * width * 16),
        nn.Unflatten(1, (2 * width, 4, 4)),
        *convolutions(2 * width, width),
        nn.Upsample(scale_factor=2),
        *convolutions(width, width, width),
        nn.Conv2d(width, 1, 3, padding=1),
        nn.Tanh(),
    )
    discriminator = nn.Sequential(
        *convolutions(1, width, width),
        nn.AvgPool2d(2),
        *convolutions(width, 2 * width, 2 * width),
        nn.Flatten(),
        nn.Linear(2 * width * 16, 1),
    )
    return generator, discriminator
