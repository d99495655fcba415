"""A generative adversarial network, done properly, for lesson 05 to compare with: two networks that
play against each other.

Sources: the non-saturating loss (Goodfellow et al., arXiv 1406.2661, section 3), the penalty R1 on
the discriminator's gradient at real data (Mescheder et al., arXiv 1801.04406, eq. 9), Adam without
momentum (the same, section 4), moving average of the generator (arXiv 1806.04498). Loop and plan
mirror `training.Trainer`: the loop yields, the caller draws, and everything random in step k
follows from (seed, k).
"""

import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from course_utils.diffusion.training import (
    Draw,
    generator_of_step,
    move_average,
    warmed_and_falling,
)


class Duel(NamedTuple):
    """What the loop yields: steps done so far, the two losses of the last one, seconds of training
    so far.
    """

    step: int
    generator_loss: float
    discriminator_loss: float
    seconds: float


@dataclass(frozen=True)
class GANPlan:
    """All that fixes a training, apart from networks and data.

    generator_rate, discriminator_rate: learning rates at their highest; they rise and fall like
    that of `training.Plan`.
    r1: weight of the gradient penalty. With r1_every above 1 it is taken in every so many steps
    only, and as many times as strong (lazy regularisation, arXiv 1912.04958, section 3.1): cheaper,
    and the same on average.
    """

    steps: int = 1000
    batch_size: int = 64
    generator_rate: float = 2e-3
    discriminator_rate: float = 2e-3
    warmup: int = 50
    r1: float = 1.0
    r1_every: int = 1
    ema_decay: float = 0.99
    seed: int = 0

    def part_at(self, step: int) -> float:
        """Share of the learning rates used in a step counted from 0."""
        return warmed_and_falling(step, self.steps, self.warmup)

    def penalty_at(self, step: int) -> float:
        """Weight of the penalty in a step counted from 0."""
        return 0.0 if step % self.r1_every else self.r1 * self.r1_every


def generator_loss(discriminator: nn.Module, made: Tensor) -> Tensor:
    """Non-saturating: -log of the probability that made samples (B, ...) are real, in the
    discriminator's eyes.
    """
    return softplus(-discriminator(made)).mean()


def discriminator_loss(
    discriminator: nn.Module, real: Tensor, made: Tensor, r1: float = 0.0
) -> Tensor:
    """Cross-entropy of telling real from made samples, (B, ...) each, plus the penalty R1 of weight
    r1.

    The generator gets no gradient from it.
    """
    real = real.detach().requires_grad_(r1 > 0)
    logits = discriminator(real)
    loss = softplus(-logits).mean() + softplus(discriminator(made.detach())).mean()
    return loss + r1_penalty(logits, real, r1) if r1 > 0 else loss


def r1_penalty(logits: Tensor, real: Tensor, r1: float) -> Tensor:
    """r1 / 2 times the mean squared length of the logits' gradient at the real samples (B, ...)
    they were made from.
    """
    (gradient,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
    return r1 / 2 * gradient.flatten(1).square().sum(1).mean()


class GANTrainer:
    """A training under way. `ema` is the generator's moving average: call it on latent noise (B,
    latent) to sample.
    """

    def __init__(self, generator: nn.Module, discriminator: nn.Module, latent: int, plan: GANPlan):
        self.generator, self.discriminator, self.latent, self.plan = (
            generator,
            discriminator,
            latent,
            plan,
        )
        self.ema = copy.deepcopy(generator).eval().requires_grad_(False)
        self.step, self.seconds = 0, 0.0
        rates, betas = (plan.generator_rate, plan.discriminator_rate), (0.0, 0.99)
        self.players = (generator, discriminator)
        self.optimizers = [
            torch.optim.Adam(player.parameters(), rate, betas, fused=True)
            for player, rate in zip(self.players, rates, strict=True)
        ]

    def run(self, draw: Draw, until: int | None = None) -> Iterator[Duel]:
        """Train to step `until` (default: the plan's last), yielding a `Duel` after every step."""
        while self.step < (self.plan.steps if until is None else until):
            start = time.perf_counter()
            losses = self._one_step(draw)
            self.step += 1
            self.seconds += time.perf_counter() - start
            yield Duel(self.step, *losses, self.seconds)

    def _one_step(self, draw: Draw) -> tuple[float, float]:
        plan = self.plan
        random = generator_of_step(plan.seed, self.step)
        real, _, _ = draw(random, plan.batch_size)
        made = self.generator(torch.randn(len(real), self.latent, generator=random))
        second = discriminator_loss(self.discriminator, real, made, plan.penalty_at(self.step))
        self._improve(1, second, plan.discriminator_rate)
        first = generator_loss(self.discriminator, made)
        self._improve(0, first, plan.generator_rate)
        move_average(self.ema, self.generator, plan.ema_decay, self.step)
        return float(first.detach()), float(second.detach())

    def _improve(self, which: int, loss: Tensor, rate: float) -> None:
        """One step of one player: the gradient goes to its own parameters only."""
        parameters, optimizer = list(self.players[which].parameters()), self.optimizers[which]
        for parameter, gradient in zip(
            parameters, torch.autograd.grad(loss, parameters), strict=True
        ):
            parameter.grad = gradient
        optimizer.param_groups[0]["lr"] = rate * self.plan.part_at(self.step)
        optimizer.step()


def perceptron(inputs: int, width: int, outputs: int) -> list[nn.Module]:
    """Three hidden layers of `width` numbers: the layers of a network (B, inputs) -> (B,
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
    """Generator (B, latent) -> (B, features) and discriminator (B, features) -> (B, 1)."""
    return nn.Sequential(*perceptron(latent, width, features)), nn.Sequential(
        *perceptron(features, width, 1)
    )


def picture_networks(
    latent: int = 64, width: int = 332, side: int = 8
) -> tuple[nn.Module, nn.Module]:
    """Generator (B, latent) -> (B, 1, side, side) and discriminator (B, 1, side, side) -> (B, 1).

    No convolutions: for digits of 8 x 8 plain layers do better in the same time, because they allow
    more steps (the tuning in `studies/gan_or_diffusion.py`).
    """
    generator = [*perceptron(latent, width, side**2), nn.Tanh(), nn.Unflatten(1, (1, side, side))]
    return nn.Sequential(*generator), nn.Sequential(nn.Flatten(), *perceptron(side**2, width, 1))
