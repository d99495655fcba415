"""Which modes of a Gaussian mixture do samples cover? Lesson 05 counts them for GANs and diffusion.

A mode counts as covered if at least a fifth of the samples that are due to it lie within three of
its standard deviations.
"""

import torch
from torch import Tensor

from course_utils.diffusion.mixtures import GaussianMixture

RADIUS = 3.0  # standard deviations around a mode's mean
LEAST_SHARE = 0.2  # of the samples that are due to a mode


def mode_shares(points: Tensor, mixture: GaussianMixture) -> Tensor:
    """Return the share of points near each component: (K,).

    A point is near a component if it is closer to its mean than RADIUS standard deviations. A point
    near several counts for the one that is nearest in standard deviations; a point near none counts
    for none.

    Args:
        points: Samples, (N, d).
        mixture: K components in d dimensions.
    """
    away = torch.cdist(points.double(), mixture.means) / mixture.stds  # (N, K)
    nearest = away.argmin(1)[away.amin(1) < RADIUS]
    return torch.bincount(nearest, minlength=len(mixture.means)) / len(points)


def modes_covered(points: Tensor, mixture: GaussianMixture) -> int:
    """Return how many components have at least LEAST_SHARE of the points that are due to them.

    Args:
        points: Samples, (N, d); by its weight w, w N of them are due to a component.
        mixture: K components in d dimensions.
    """
    return int((mode_shares(points, mixture) >= LEAST_SHARE * mixture.weights).sum())
