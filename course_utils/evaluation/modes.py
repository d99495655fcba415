"""Which modes of a mixture do samples cover, and with what share? Lesson 05 counts them."""

import torch
from torch import Tensor

from course_utils.diffusion.mixtures import GaussianMixture

# a mode is covered if within 3 widths of it lies a fifth of the samples that belong there
WITHIN, SHARE = 3.0, 0.2


def mode_shares(points: Tensor, mixture: GaussianMixture) -> Tensor:
    """For each component, which share of points (N, d) lies within WITHIN of its widths of its
    centre: (K,).

    A point that lies so near to two counts for the one it is nearer to, in widths; one near to none
    for none.
    """
    away = torch.cdist(points.double(), mixture.means) / mixture.stds  # (N, K)
    nearest = away.argmin(1)[away.amin(1) < WITHIN]
    return torch.bincount(nearest, minlength=len(mixture.means)) / len(points)


def modes_covered(points: Tensor, mixture: GaussianMixture) -> int:
    """How many components have at least SHARE of the points (N, d) that are due to them, by their
    weights.
    """
    return int((mode_shares(points, mixture) >= SHARE * mixture.weights).sum())
