"""Mixtures of Gaussians, for which everything that a network must learn has a formula.

If the data are a mixture, so is every noisy version of them: component k, N(m_k, s_k^2), becomes
N(alpha m_k, alpha^2 s_k^2 + sigma^2). Density, score and posterior mean follow in closed form,
under any path (lesson 02 derives them; Bishop, *Pattern Recognition and Machine Learning*, section
2.3.9, eq. 2.113 to 2.117; Tweedie's formula: Efron, JASA 2011, eq. 2.8). Components without width
are a finite data set: its best denoiser has stored the data.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from course_utils.diffusion.noise import as_seed
from course_utils.diffusion.paths import Path, Time, as_time

Points = Float[Tensor, "batch d"]


class GaussianMixture:
    """Isotropic Gaussians in d dimensions, kept in float64.

    Every method takes points x (B, d) and, for noisy data, a path and a time: a number or (B,).
    Without a path the data themselves are meant. Results have the dtype of x.

    Args:
        means: (K, d).
        stds: (K,), or one number for all; 0 or more.
        weights: (K,), above 0; None for equal ones. They are scaled to add up to 1.

    Raises:
        ValueError: The shapes or numbers do not fit together.
    """

    def __init__(self, means, stds, weights=None):
        self.means = torch.as_tensor(means, dtype=torch.float64)
        if self.means.ndim != 2 or len(self.means) == 0:
            raise ValueError(
                f"means has shape {tuple(self.means.shape)}; expected (K, d), one row per component"
            )
        count = len(self.means)
        self.stds = torch.as_tensor(stds, dtype=torch.float64).expand(count)
        weights = torch.ones(count) if weights is None else weights
        self.weights = torch.as_tensor(weights, dtype=torch.float64)
        fine = (
            self.weights.shape == (count,) and (self.weights > 0).all() and (self.stds >= 0).all()
        )
        if not fine:
            raise ValueError(
                f"expected {count} positive weights and stds of at least 0, one per component"
            )
        self.weights = self.weights / self.weights.sum()

    @property
    def dimensions(self) -> int:
        return self.means.shape[1]

    def sample(self, count: int, seed: int = 0) -> Tensor:
        """Draw independent points, float32 (count, d)."""
        generator = torch.Generator().manual_seed(as_seed(seed))
        which = torch.multinomial(self.weights, count, replacement=True, generator=generator)
        normal = torch.randn(count, self.dimensions, generator=generator, dtype=torch.float64)
        return (self.means[which] + self.stds[which, None] * normal).float()

    def log_density(self, x: Points, path: Path | None = None, t: Time = 0.0) -> Tensor:
        """Return log p_t(x), (B,)."""
        return torch.logsumexp(self._parts(x, path, t)[0], dim=1).to(x.dtype)

    def responsibilities(self, x: Points, path: Path | None = None, t: Time = 0.0) -> Tensor:
        """Return how likely each component made each point, (B, K); rows add up to 1."""
        return torch.softmax(self._parts(x, path, t)[0], dim=1).to(x.dtype)

    def score(self, x: Points, path: Path | None = None, t: Time = 0.0) -> Tensor:
        """Return the gradient of log p_t at x, (B, d)."""
        logs, away, _, variance = self._parts(x, path, t)
        pull = torch.softmax(logs, dim=1) / variance
        return -(pull[:, :, None] * away).sum(1).to(x.dtype)

    def posterior_mean(self, x: Points, path: Path, t: Time) -> Tensor:
        """Return E[x0 | x_t = x], (B, d): no denoiser has a smaller squared error."""
        logs, away, alpha, variance = self._parts(x, path, t)
        gain = (alpha * self.stds.square() / variance)[:, :, None]
        shares = torch.softmax(logs, dim=1)[:, :, None]
        return (shares * (self.means + gain * away)).sum(1).to(x.dtype)

    def denoiser(self, path: Path, labels=None) -> "ExactDenoiser":
        """Return the posterior mean as a denoiser, for every function that takes one.

        Args:
            path: The noise path.
            labels: The class of each component, (K,), for a denoiser whose condition is a class.
        """
        if labels is not None:
            labels = torch.as_tensor(labels).reshape(len(self.means))
        return ExactDenoiser(self, path, labels)

    def part(self, which) -> "GaussianMixture":
        """Return the mixture of some components only: their numbers, or a bool mask (K,)."""
        return GaussianMixture(self.means[which], self.stds[which], self.weights[which])

    def _parts(
        self, x: Points, path: Path | None, t: Time
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return log(w_k p_k(x)) (B, K), x - alpha m_k (B, K, d), alpha (B, 1), variance (B, K)."""
        if x.ndim != 2 or x.shape[1] != self.dimensions:
            raise ValueError(f"x has shape {tuple(x.shape)}; expected (B, {self.dimensions})")
        t = as_time(t).double().reshape(-1, 1)
        clean = (torch.ones(1, 1), torch.zeros(1, 1))
        alpha, sigma = clean if path is None else (path.alpha(t), path.sigma(t))
        variance = (alpha.square() * self.stds.square() + sigma.square()).clamp(min=1e-20)
        away = x.double()[:, None, :] - alpha[:, :, None] * self.means
        scale = self.dimensions / 2 * torch.log(2 * math.pi * variance)
        logs = -away.square().sum(2) / variance / 2 - scale
        return logs + self.weights.log(), away, alpha, variance


@dataclass
class ExactDenoiser:
    """A denoiser that is a formula: samplers see no difference.

    Called as denoiser(x_t, t, condition) -> x0 (B, d). With `labels` (K,) the condition may be
    classes (B,): each point is taken for one of its class's components; -1 is no class. ValueError
    for classes where there are none, and for a class without components.
    """

    mixture: GaussianMixture
    path: Path
    labels: Tensor | None = None

    def __call__(self, x_t: Points, t: Time, condition: Tensor | None = None) -> Tensor:
        if condition is None:
            return self.mixture.posterior_mean(x_t, self.path, t)
        if self.labels is None:
            raise ValueError(
                "this denoiser has no classes; make it with mixture.denoiser(path, labels)"
            )
        t, x0 = as_time(t).expand(len(x_t)), torch.empty_like(x_t)
        for label in condition.unique().tolist():
            rows = condition == label
            part = self.mixture if label < 0 else self.mixture.part(self.labels == label)
            x0[rows] = part.posterior_mean(x_t[rows], self.path, t[rows])
        return x0


def five_blobs() -> GaussianMixture:
    """Return the mixture of lessons 01 to 06: five unequal blobs, of about unit variance."""
    means = [[-1.4, 0.55], [0.0, 1.05], [1.3, 0.3], [0.75, -1.4], [-0.85, -1.1]]
    stds, weights = [0.3, 0.16, 0.3, 0.22, 0.12], [0.3, 0.15, 0.25, 0.2, 0.1]
    return GaussianMixture(means, stds, weights)
