"""Is a set of samples good, varied and new? The field's set-to-set measures, and what can be read
off voxels alone.

Lesson 04 uses those for pictures, lesson 08 `shape_report`, lesson 14 teaches all and their traps.
Definitions: Achlioptas et al. (arXiv 1707.02392, section 2) for coverage and minimum matching
distance, Yang et al. (arXiv 1906.12320, section 5.1) for 1-nearest-neighbour accuracy, used as in
PVD (Zhou et al., arXiv 2104.03670), Heusel et al. (arXiv 1706.08500) for the Fréchet distance.
Always report the oracle beside them: real samples in place of generated ones.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

POINTS = 512
CRUMB = 0.01  # of a shape's volume: smaller pieces are dust that `keep_largest` would clean away
PRODUCT = 2**18  # squared distances at a time: 2 MiB stay near the processor
COPY = 0.95  # IoU with a training shape from which a sample counts as its copy
SMOOTHING = 0.7  # voxels; the blur of the meshes that lesson 08 exports
CHUNK = 512  # training shapes compared at a time: 64 MiB of float32 at 32 voxels a side


def surface_points(voxels: np.ndarray, count: int = POINTS, seed: int = 0) -> Tensor:
    """Points spread evenly over the faces of bool shapes (N, D, H, W): float32 (N, count, 3), in
    the unit cube.

    Points are (x, y, z). ValueError for an empty shape: it has no surface.
    """
    voxels = _checked("voxels", voxels)
    if not voxels.any((1, 2, 3)).all():
        raise ValueError(
            f"voxels: shape {int((~voxels.any((1, 2, 3))).argmax())} is empty and has no surface"
        )
    random = np.random.default_rng(seed)
    clouds = np.empty((len(voxels), count, 3), dtype=np.float32)
    for row, shape in enumerate(voxels):
        low, flat = _faces(shape)
        chosen = random.integers(len(low), size=count)  # all faces have one size
        inside = np.where(flat[chosen], 0.0, random.random((count, 3)))
        clouds[row] = (low[chosen] + inside)[:, ::-1] / max(shape.shape)
    return torch.from_numpy(clouds)


def _faces(shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Squares between filled and empty: low corner (F, 3) in voxels and which axis is flat (F, 3),
    both z, y, x.
    """
    padded = np.pad(shape, 1)
    axes = np.eye(3, dtype=bool)
    steps = [np.argwhere(np.diff(padded, axis=axis)) - 1 + axes[axis] for axis in range(3)]
    return np.concatenate(steps), np.repeat(axes, [len(step) for step in steps], axis=0)


def chamfer_distances(a: Tensor, b: Tensor) -> Tensor:
    """Chamfer distance of every cloud in a (N, P, 3) to every cloud in b (M, Q, 3): (N, M).

    Mean squared distance to the nearest point of the other cloud, the sum of both directions.
    Without gradients.
    """
    left, right = _lifted(a)[0], _lifted(b)[1]
    rows = [_chamfer_row(cloud, right) for cloud in left]
    return torch.stack(rows).to(a.dtype) if rows else a.new_empty(0, len(b))


def chamfer_within(a: Tensor) -> Tensor:
    """`chamfer_distances(a, a)` in half the time: (N, N), symmetric, 0 on the diagonal."""
    left, right = _lifted(a)
    half = left.new_zeros(len(a), len(a))
    for row in range(len(a) - 1):
        half[row, row + 1 :] = _chamfer_row(left[row], right[row + 1 :])
    return (half + half.T).to(a.dtype)


def _lifted(clouds: Tensor) -> tuple[Tensor, Tensor]:
    """Points p as (-2 p, |p|^2, 1), (N, P, 5), and (p, 1, |p|^2), (N, 5, P): their product is the
    squared distance.

    In float64: large numbers cancel in that product, which leaves single precision too few digits
    for near shapes.
    """
    points = clouds.detach().double()
    squares = points.square().sum(-1, keepdim=True)
    ones = torch.ones_like(squares)
    return (
        torch.cat([-2 * points, squares, ones], -1),
        torch.cat([points, ones, squares], -1).mT.contiguous(),
    )


def _chamfer_row(cloud: Tensor, others: Tensor) -> Tensor:
    """Lifted points (P, 5) against lifted clouds (M, 5, Q): (M,)."""
    at_once = max(PRODUCT // (len(cloud) * others.shape[2]), 1)
    squared = cloud.new_empty(
        at_once, len(cloud), others.shape[2]
    )  # written over: fresh memory costs as much again
    rows = [others.new_empty(0)]
    for some in others.split(at_once):
        out = squared[: len(some)]
        torch.bmm(cloud.expand(len(some), -1, -1), some, out=out)
        rows.append(out.amin(2).mean(1) + out.amin(1).mean(1))
    return torch.cat(rows).clamp(min=0)


def iou_distances(a: np.ndarray, b: np.ndarray) -> Tensor:
    """1 - IoU of every bool shape in a (N, D, H, W) with every one in b (M, D, H, W): float32 (N,
    M).

    IoU is the volume both fill over the volume either fills. An empty shape shares nothing: 1 from
    all, empty or not.
    """
    a, b = _checked("a", a), _checked("b", b)
    if a.shape[1:] != b.shape[1:]:
        raise ValueError(
            f"b: grids of {b.shape[1:]} and a of {a.shape[1:]}; expected the same resolution"
        )
    one, two = (torch.from_numpy(voxels).flatten(1).float() for voxels in (a, b))
    both = one @ two.T  # (N, M), whole numbers, exact up to 2^24 voxels
    either = one.sum(1, keepdim=True) + two.sum(1) - both
    return 1 - both / either.clamp(min=1)


def nearest_iou(samples: np.ndarray, training: np.ndarray) -> tuple[Tensor, Tensor]:
    """IoU of each sample (N, D, H, W) with its most alike training shape (M, D, H, W), and that
    one's index: (N,) each.

    1 is a copy. Compare with what held-out real shapes give: few families of furniture are alike by
    nature.
    """
    if not len(training):
        raise ValueError("training: no shapes; expected at least one")
    starts = range(0, len(training), CHUNK)
    parts = [iou_distances(samples, training[start : start + CHUNK]).min(1) for start in starts]
    distance, part = torch.stack([least.values for least in parts]).min(0)
    index = torch.stack([least.indices for least in parts]).gather(0, part[None])[0] + CHUNK * part
    return 1 - distance, index


def copied(alike: Tensor) -> float:
    """The share of samples that count as copies, by the IoU of each with its most alike training
    shape (N,).
    """
    return float((alike >= COPY).double().mean())


def nearest_neighbour_accuracy(within_a: Tensor, between: Tensor, within_b: Tensor) -> float:
    """1-NNA: how often a shape's nearest other shape comes from its own set; 0.5 is best, 1 means
    told apart.

    within_a (N, N), between (N, M), within_b (M, M): distances. The own zero on the diagonal does
    not count.
    """
    own_a, own_b = (
        d + torch.diag(torch.full((len(d),), float("inf"))) for d in (within_a, within_b)
    )
    right_a = own_a.amin(1) < between.amin(1)
    right_b = own_b.amin(1) < between.amin(0)
    return float(torch.cat([right_a, right_b]).float().mean())


def coverage(between: Tensor) -> float:
    """COV: the share of reference shapes (columns) that are the nearest one to some generated shape
    (rows).
    """
    return len(between.argmin(1).unique()) / between.shape[1]


def minimum_matching_distance(between: Tensor) -> float:
    """Mean over reference shapes (columns) of the distance to the nearest generated shape (rows).

    The shape papers write it MMD; it is no maximum mean discrepancy, which compares kernels.
    """
    return float(between.amin(0).mean())


def sliced_wasserstein(a: Tensor, b: Tensor, directions: int = 128, seed: int = 0) -> float:
    """Sliced 2-Wasserstein distance of two sets of as many points, (N, d) each, in the units of the
    points.

    Root of the mean, over random directions, of the squared distance of the projections sorted
    (Bonneel et al. 2015, J. Math. Imaging Vis. 51, section 3). Two sets from one distribution are
    not at 0: report what two fresh sets give.
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
    generator = torch.Generator().manual_seed(seed)
    axes = torch.nn.functional.normalize(
        torch.randn(a.shape[1], directions, generator=generator), dim=0
    )
    ordered = [
        np.sort((axes.T @ points.float().T).numpy(), axis=1) for points in (a, b)
    ]  # quicker than torch
    return float(np.sqrt(np.square(ordered[0] - ordered[1]).mean()))


def sample_entropy(points: Tensor, neighbours: int = 4) -> float:
    """Differential entropy in nats, from samples (N, d) alone, by the distance of each to its k-th
    nearest neighbour.

    Kozachenko and Leonenko's estimator as in Kraskov et al. (Phys. Rev. E 69, 066138, eq. 20).
    ValueError for fewer points than neighbours, and for points that coincide.
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
    """Fréchet distance of two sets of features, (N, d) and (M, d), each taken as one Gaussian; in
    squared units.

    |mean_a - mean_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)) (Heusel et al., arXiv 1706.08500, eq.
    6). With few samples it is too large, by more the fewer: compare sets of one size only, and
    report what two real sets give. ValueError for sets of different features, or of fewer than two.
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
    root = (
        vectors * values.clamp(min=0).sqrt()
    ) @ vectors.T  # tr (C_a C_b)^(1/2) = tr (root C_b root)^(1/2)
    shared = torch.linalg.eigvalsh(root @ covariances[1] @ root).clamp(min=0).sqrt().sum()
    return float(apart + covariances[0].trace() + covariances[1].trace() - 2 * shared)


def nearest_distances(a: Tensor, b: Tensor) -> Tensor:
    """Distance of each item of a (N, ...) to its nearest in b (M, ...), (N,): root mean square over
    the values.

    Samples nearer to the training data than held-out data are suggest copies.
    """
    values = a[0].numel()
    return torch.cdist(a.flatten(1), b.flatten(1)).amin(1) / values**0.5


def piece_shares(voxels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of each shape's volume in its largest piece, and the number of pieces, (N,) each; 0 and
    0 if it is empty.

    Pieces touch by faces; voxels are bool (N, D, H, W).
    """
    sizes = _piece_sizes(voxels)
    largest = [size.max(initial=0) / max(size.sum(), 1) for size in sizes]
    return np.array(largest), np.array([len(size) for size in sizes])


def one_piece(voxels: np.ndarray, crumb: float = CRUMB) -> np.ndarray:
    """Which of bool (N, D, H, W) are one piece once pieces below `crumb` of a shape's volume are
    dropped: bool (N,).
    """
    return np.array(
        [np.count_nonzero(size >= crumb * size.sum()) == 1 for size in _piece_sizes(voxels)]
    )


def _piece_sizes(voxels: np.ndarray) -> list[np.ndarray]:
    from course_utils.geometry.voxels import connected_components

    return [connected_components(shape)[1] for shape in _checked("voxels", voxels)]


def watertight_share(voxels: np.ndarray) -> float:
    """Share of bool (N, D, H, W) whose smoothed mesh is closed. Empty shapes have no mesh and are
    not.
    """
    from course_utils.geometry.surface import is_watertight, smooth_mesh

    voxels = _some("voxels", voxels)
    return float(
        np.mean([is_watertight(smooth_mesh(shape, smoothing=SMOOTHING)) for shape in voxels])
    )


def height_profile(voxels: np.ndarray) -> np.ndarray:
    """Filled share of each layer of bool (N, D, H, W), lowest first, mean over the shapes: float64
    (D,).

    Its mean is the filled share of the cube. Legs go missing first, and then the lowest layers fall
    short.
    """
    return _some("voxels", voxels).mean((0, 2, 3))


class ShapeReport(NamedTuple):
    """What `shape_report` measures. Shares are of all samples, empty ones included; "best" is what
    the oracle says.
    """

    count: int
    empty: float  # share without any voxel
    filled: float  # mean filled share of the cube
    reference_filled: float
    low_filled: float  # the same for the lowest quarter of the layers
    reference_low_filled: float
    pieces: float  # mean number
    largest_piece: float  # mean share of the volume in the largest piece
    one_piece: float  # share of one piece
    one_piece_cleaned: (
        float  # share of one piece after pieces below CRUMB of the volume are dropped
    )
    watertight: float
    chamfer_accuracy: float  # 1-NNA; 0.5 is best, 1 is told apart, 0 is copied
    chamfer_coverage: float
    chamfer_matching: float  # minimum matching distance, in squared sides of the cube
    iou_accuracy: float  # fooled by dust: never without the Chamfer one
    iou_coverage: float
    iou_matching: float
    training_iou: (
        float | None
    )  # mean IoU with the most alike training shape; None without training shapes
    training_iou_most: float | None  # the largest of them
    training_copies: (
        float | None
    )  # share with an IoU of COPY or more; held-out real shapes have some too


def shape_report(
    samples: np.ndarray,
    reference: np.ndarray,
    training: np.ndarray | None = None,
    points: int = POINTS,
    seed: int = 0,
) -> ShapeReport:
    """All measures of bool samples (N, D, H, W) against real shapes (M, D, H, W) held out from
    training.

    Put as many as the reference has; the oracle is this report on other real shapes. An empty
    sample is infinitely far from all: 1-NNA counts it as told apart, it matches and covers nothing.
    `training` (K, D, H, W) adds how much was copied. ValueError for a reference with empty shapes
    or of fewer than two, for no samples, for other resolutions.
    """
    samples, reference = _checked("samples", samples), _checked("reference", reference)
    if not len(samples) or len(reference) < 2:
        raise ValueError(
            f"{len(samples)} samples, {len(reference)} reference shapes; expected at least 1 and 2"
        )
    drawn = samples[samples.any((1, 2, 3))]
    empty = len(samples) - len(drawn)
    clouds = (
        surface_points(drawn, points, seed),
        surface_points(reference, points, seed + 1),
    )  # a copy gets other ones
    chamfer = chamfer_within(clouds[0]), chamfer_distances(*clouds), chamfer_within(clouds[1])
    iou = (
        iou_distances(drawn, drawn),
        iou_distances(drawn, reference),
        iou_distances(reference, reference),
    )
    largest, pieces = piece_shares(samples)
    low = max(samples.shape[1] // 4, 1)
    profiles = height_profile(samples), height_profile(reference)
    alike = None if training is None else nearest_iou(samples, training)[0]
    return ShapeReport(
        count=len(samples),
        empty=empty / len(samples),
        filled=float(profiles[0].mean()),
        reference_filled=float(profiles[1].mean()),
        low_filled=float(profiles[0][:low].mean()),
        reference_low_filled=float(profiles[1][:low].mean()),
        pieces=float(pieces.mean()),
        largest_piece=float(largest.mean()),
        one_piece=float((pieces == 1).mean()),
        one_piece_cleaned=float(one_piece(samples).mean()),
        watertight=watertight_share(samples),
        **_set_scores("chamfer", chamfer, empty),
        **_set_scores("iou", iou, empty),
        training_iou=None if alike is None else float(alike.mean()),
        training_iou_most=None if alike is None else float(alike.max()),
        training_copies=None if alike is None else copied(alike),
    )


def _set_scores(
    name: str, distances: tuple[Tensor, Tensor, Tensor], empty: int
) -> dict[str, float]:
    """The three scores of the drawn (N, N), drawn to reference (N, M), reference (M, M), with
    `empty` shapes beside.
    """
    between = distances[1]
    accuracy, covered, matching = 1.0, 0.0, math.inf  # nothing was drawn
    if len(between):
        compared = sum(between.shape)
        accuracy = (nearest_neighbour_accuracy(*distances) * compared + empty) / (compared + empty)
        covered, matching = coverage(between), minimum_matching_distance(between)
    return {f"{name}_accuracy": accuracy, f"{name}_coverage": covered, f"{name}_matching": matching}


def _checked(name: str, voxels: np.ndarray) -> np.ndarray:
    voxels = np.asarray(voxels)
    if voxels.dtype != bool or voxels.ndim != 4:
        raise ValueError(
            f"{name}: got {voxels.dtype} of shape {voxels.shape}, expected bool (N, D, H, W)"
        )
    return voxels


def _some(name: str, voxels: np.ndarray) -> np.ndarray:
    voxels = _checked(name, voxels)
    if not len(voxels):
        raise ValueError(f"{name}: no shapes; expected at least one")
    return voxels
