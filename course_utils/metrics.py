"""Is a set of samples good, varied and new? The field's set-to-set measures, most of them on points from surfaces.

Lesson 04 uses those for pictures, lesson 14 teaches all and their traps. Definitions: Achlioptas et al. (arXiv
1707.02392, section 2) for coverage and minimum matching distance, Yang et al. (arXiv 1906.12320, section 5.1) for
1-nearest-neighbour accuracy, Heusel et al. (arXiv 1706.08500) for the Fréchet distance. Always report the oracle beside
them: real samples in place of generated ones.
"""

import math

import numpy as np
import torch
from torch import Tensor

POINTS = 512


def surface_points(voxels: np.ndarray, count: int = POINTS, seed: int = 0) -> Tensor:
    """Points spread evenly over the faces of bool shapes (N, D, H, W): float32 (N, count, 3), in the unit cube.

    ValueError for an empty shape: it has no surface.
    """
    from course_utils.geometry.voxels import blocky_mesh

    voxels = np.asarray(voxels)
    if voxels.dtype != bool or voxels.ndim != 4:
        raise ValueError(f"voxels: got {voxels.dtype} of shape {voxels.shape}, expected bool (N, D, H, W)")
    if not voxels.any((1, 2, 3)).all():
        raise ValueError(f"voxels: shape {int((~voxels.any((1, 2, 3))).argmax())} is empty and has no surface")
    random = np.random.default_rng(seed)
    clouds = np.empty((len(voxels), count, 3), dtype=np.float32)
    for row, shape in enumerate(voxels):
        corners = blocky_mesh(shape).triangles  # (faces, 3, 3), all of one size
        a, b, c = corners[random.integers(len(corners), size=count)].transpose(1, 0, 2)
        u, v = np.sort(random.random((2, count, 1)), axis=0)
        clouds[row] = u * a + (v - u) * b + (1 - v) * c
    return torch.from_numpy(clouds)


def chamfer_distances(a: Tensor, b: Tensor) -> Tensor:
    """Chamfer distance of every cloud in a (N, P, 3) to every cloud in b (M, Q, 3): (N, M).

    Mean squared distance to the nearest point of the other cloud, the sum of both directions.
    """
    rows = []
    for cloud in a:
        squared = torch.cdist(cloud.expand(len(b), -1, -1), b).square()  # (M, P, Q)
        rows.append(squared.amin(2).mean(1) + squared.amin(1).mean(1))
    return torch.stack(rows)


def nearest_neighbour_accuracy(within_a: Tensor, between: Tensor, within_b: Tensor) -> float:
    """1-NNA: how often a shape's nearest other shape comes from its own set; 0.5 is best, 1 means told apart.

    within_a (N, N), between (N, M), within_b (M, M): distances. The own zero on the diagonal does not count.
    """
    own_a, own_b = (d + torch.diag(torch.full((len(d),), float("inf"))) for d in (within_a, within_b))
    right_a = own_a.amin(1) < between.amin(1)
    right_b = own_b.amin(1) < between.amin(0)
    return float(torch.cat([right_a, right_b]).float().mean())


def coverage(between: Tensor) -> float:
    """COV: the share of reference shapes (columns) that are the nearest one to some generated shape (rows)."""
    return len(between.argmin(1).unique()) / between.shape[1]


def minimum_matching_distance(between: Tensor) -> float:
    """MMD: mean over reference shapes (columns) of the distance to the nearest generated shape (rows)."""
    return float(between.amin(0).mean())


def sliced_wasserstein(a: Tensor, b: Tensor, directions: int = 128, seed: int = 0) -> float:
    """Sliced 2-Wasserstein distance of two sets of as many points, (N, d) each, in the units of the points.

    Root of the mean, over random directions, of the squared distance of the projections sorted (Bonneel et al. 2015,
    J. Math. Imaging Vis. 51, section 3). Two sets from one distribution are not at 0: report what two fresh sets give.
    """
    if a.shape != b.shape or a.ndim != 2:
        raise ValueError(f"a has shape {tuple(a.shape)} and b {tuple(b.shape)}; expected the same (N, d)")
    generator = torch.Generator().manual_seed(seed)
    axes = torch.nn.functional.normalize(torch.randn(a.shape[1], directions, generator=generator), dim=0)
    ordered = [np.sort((axes.T @ points.float().T).numpy(), axis=1) for points in (a, b)]  # quicker than torch
    return float(np.sqrt(np.square(ordered[0] - ordered[1]).mean()))


def sample_entropy(points: Tensor, neighbours: int = 4) -> float:
    """Differential entropy in nats, from samples (N, d) alone, by the distance of each to its k-th nearest neighbour.

    Kozachenko and Leonenko's estimator as in Kraskov et al. (Phys. Rev. E 69, 066138, eq. 20). ValueError for fewer
    points than neighbours, and for points that coincide.
    """
    count, dimensions = points.shape
    if count <= neighbours:
        raise ValueError(f"{count} points have no {neighbours} neighbours each; give more points")
    from scipy.spatial import KDTree

    distance = KDTree(points.double().numpy()).query(points.double().numpy(), neighbours + 1)[0][:, -1]
    if not (distance > 0).all():
        raise ValueError("points coincide: their entropy is minus infinity")
    ball = dimensions / 2 * math.log(math.pi) - math.lgamma(dimensions / 2 + 1)
    digamma = torch.digamma(torch.tensor([float(count), float(neighbours)], dtype=torch.float64))
    return float(digamma[0] - digamma[1] + ball + dimensions * np.log(distance).mean())


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """Fréchet distance of two sets of features, (N, d) and (M, d), each taken as one Gaussian; in squared units.

    |mean_a - mean_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)) (Heusel et al., arXiv 1706.08500, eq. 6). With few samples
    it is too large, by more the fewer: compare sets of one size only, and report what two real sets give. ValueError
    for sets of different features, or of fewer than two.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ValueError(f"a has shape {tuple(a.shape)} and b {tuple(b.shape)}; expected (N, d) and (M, d), N, M > 1")
    a, b = a.double(), b.double()
    apart = (a.mean(0) - b.mean(0)).square().sum()
    covariances = a.T.cov(), b.T.cov()
    values, vectors = torch.linalg.eigh(covariances[0])
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T  # tr (C_a C_b)^(1/2) = tr (root C_b root)^(1/2)
    shared = torch.linalg.eigvalsh(root @ covariances[1] @ root).clamp(min=0).sqrt().sum()
    return float(apart + covariances[0].trace() + covariances[1].trace() - 2 * shared)


def nearest_distances(a: Tensor, b: Tensor) -> Tensor:
    """Distance of each item of a (N, ...) to its nearest in b (M, ...), (N,): root mean square over the values.

    Samples nearer to the training data than held-out data are suggest copies.
    """
    values = a[0].numel()
    return torch.cdist(a.flatten(1), b.flatten(1)).amin(1) / values**0.5
