"""Sets of samples against sets of real data: is a model's output good and varied?

Lessons 01 to 06 use the measures of points and features, lesson 08 those of shapes; lesson 14
teaches all of them and their traps. Always report the oracle beside them: real samples in the place
of generated ones. Definitions: Achlioptas et al. (arXiv 1707.02392, section 2) for coverage and
minimum matching distance; Yang et al. (arXiv 1906.12320, section 5.1) for 1-nearest-neighbour
accuracy, used as in PVD (Zhou et al., arXiv 2104.03670).
"""

import math

import numpy as np
import torch
from torch import Tensor

from course_utils.diffusion.noise import as_seed


def nearest_neighbour_accuracy(
    within_a: Tensor, between: Tensor, within_b: Tensor, empty: int = 0
) -> float:
    """Return 1-NNA: how often the nearest other shape of a shape comes from its own set.

    0.5 is best; 1 means that the sets can be distinguished, 0 that one copies the other (arXiv
    1906.12320, section 5.1).

    Args:
        within_a: Distances within the first set, (N, N); the zeros on its diagonal are ignored.
        between: Distances from the first set to the second, (N, M).
        within_b: Distances within the second set, (M, M).
        empty: Members of the first set without distances, such as empty shapes: they are infinitely
            far from all others, so they count as distinguished.
    """
    if not len(between):
        return 1.0
    own_a, own_b = (d + torch.diag(d.new_full((len(d),), math.inf)) for d in (within_a, within_b))
    right_a = own_a.amin(1) < between.amin(1)
    right_b = own_b.amin(1) < between.amin(0)
    right = torch.cat([right_a, right_b])
    return (int(right.sum()) + empty) / (len(right) + empty)


def coverage(between: Tensor) -> float:
    """Return COV: the share of reference shapes that are nearest to some generated shape.

    Args:
        between: Distances of generated shapes (rows) to reference shapes (columns), (N, M).
    """
    return len(between.argmin(1).unique()) / between.shape[1]


def minimum_matching_distance(between: Tensor) -> float:
    """Return the mean, over reference shapes, of the distance to the nearest generated shape.

    Papers on shapes call it MMD. It is not the maximum mean discrepancy, which compares kernels.

    Args:
        between: Distances of generated shapes (rows) to reference shapes (columns), (N, M).
    """
    return float(between.amin(0).mean())


def sliced_wasserstein(a: Tensor, b: Tensor, directions: int = 128, seed: int = 0) -> float:
    """Return the sliced 2-Wasserstein distance of two sets of equal size, in the points' units.

    It is the root of the mean squared difference of the sorted projections, over random directions
    (Bonneel et al. 2015, J. Math. Imaging Vis. 51, section 3). It is not 0 for two sets from one
    distribution: report beside it what two fresh sets give.

    Args:
        a: Points, (N, d).
        b: Points, (N, d).
        directions: Number of random directions.
        seed: Seed of the directions.

    Raises:
        ValueError: If the shapes differ, a set is empty, or a number is not finite.
    """
    if a.shape != b.shape or a.ndim != 2 or not a.numel():
        raise ValueError(
            f"a has shape {tuple(a.shape)} and b {tuple(b.shape)}; expected the same (N, d), N and"
            " d > 0"
        )
    if not (a.isfinite().all() and b.isfinite().all()):
        raise ValueError(
            "a or b holds numbers that are not finite; expected points, all of them finite"
        )
    generator = torch.Generator().manual_seed(as_seed(seed))
    axes = torch.nn.functional.normalize(
        torch.randn(a.shape[1], directions, generator=generator), dim=0
    )
    # numpy sorts faster than torch
    ordered = [np.sort((axes.T @ points.float().T).numpy(), axis=1) for points in (a, b)]
    return float(np.sqrt(np.square(ordered[0] - ordered[1]).mean()))


def sample_entropy(points: Tensor, neighbours: int = 4) -> float:
    """Estimate the differential entropy of a distribution in nats, from samples alone.

    It is Kozachenko and Leonenko's estimator, from the distance of each point to its k-th nearest
    neighbour, as in Kraskov et al. (Phys. Rev. E 69, 066138, eq. 20).

    Args:
        points: Samples, (N, d), N > neighbours.
        neighbours: k.

    Raises:
        ValueError: If there are too few points, or points coincide.
    """
    count, dimensions = points.shape
    if count <= neighbours:
        raise ValueError(f"{count} points have no {neighbours} neighbours each; give more points")
    from scipy.spatial import KDTree

    distance = KDTree(points.double().numpy()).query(points.double().numpy(), neighbours + 1)[0][
        :, -1
    ]
    if not (distance > 0).all():
        raise ValueError("points coincide: their entropy is minus infinity")
    ball = dimensions / 2 * math.log(math.pi) - math.lgamma(dimensions / 2 + 1)
    digamma = torch.digamma(torch.tensor([float(count), float(neighbours)], dtype=torch.float64))
    return float(digamma[0] - digamma[1] + ball + dimensions * np.log(distance).mean())


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """Return the Fréchet distance of two sets of features, each taken as one Gaussian.

    |mean_a - mean_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)), in squared units of the features
    (Heusel et al., arXiv 1706.08500, eq. 6). The fewer the samples, the more it overestimates:
    compare only sets of one size, and report what two real sets give.

    Args:
        a: Features, (N, d), N > 1.
        b: Features, (M, d), M > 1.

    Raises:
        ValueError: If d differs, a set has fewer than two rows, or a number is not finite.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ValueError(
            f"a has shape {tuple(a.shape)} and b {tuple(b.shape)}; expected (N, d) and (M, d), N,"
            " M > 1"
        )
    if not (a.isfinite().all() and b.isfinite().all()):
        raise ValueError(
            "a or b holds numbers that are not finite; expected features, all of them finite"
        )
    a, b = a.double(), b.double()
    apart = (a.mean(0) - b.mean(0)).square().sum()
    covariances = a.T.cov(), b.T.cov()
    values, vectors = torch.linalg.eigh(covariances[0])
    # tr (C_a C_b)^(1/2) = tr (root C_b root)^(1/2)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    shared = torch.linalg.eigvalsh(root @ covariances[1] @ root).clamp(min=0).sqrt().sum()
    return float(apart + covariances[0].trace() + covariances[1].trace() - 2 * shared)
