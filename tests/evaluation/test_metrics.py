"""The measures against brute force and cases whose answer is known."""

import math
from itertools import product

import numpy as np
import pytest
import torch

from course_utils.datasets.shapes import make_shapes
from course_utils.evaluation import distances
from course_utils.evaluation.distances import (
    chamfer_distances,
    chamfer_within,
    field_points,
    iou_distances,
    nearest_distances,
    nearest_iou,
    surface_points,
)
from course_utils.evaluation.sets import (
    coverage,
    frechet_distance,
    minimum_matching_distance,
    nearest_neighbour_accuracy,
    sample_entropy,
    sliced_wasserstein,
)
from course_utils.evaluation.shapes import (
    height_profile,
    one_piece,
    piece_shares,
    roughness,
    shape_report,
    watertight_share,
)
from course_utils.geometry.surface import smooth_mesh


def clouds(count, seed, shift=0.0):
    return torch.rand(count, 20, 3, generator=torch.Generator().manual_seed(seed)) + shift


def scores(a, b):
    aa, ab, bb = chamfer_distances(a, a), chamfer_distances(a, b), chamfer_distances(b, b)
    return nearest_neighbour_accuracy(aa, ab, bb), coverage(ab), minimum_matching_distance(ab)


def test_chamfer_by_brute_force():
    a, b = clouds(3, 0), clouds(4, 1)
    for i, p in enumerate(a.numpy()):
        for j, q in enumerate(b.numpy()):
            forth = np.mean([min(((x - y) ** 2).sum() for y in q) for x in p])
            back = np.mean([min(((x - y) ** 2).sum() for x in p) for y in q])
            assert abs(float(chamfer_distances(a, b)[i, j]) - forth - back) < 1e-5


def test_chamfer_is_exact_for_near_clouds_far_from_the_origin():
    """Squared coordinates are 10^7 times the distances: those are lost unless it is moved there."""
    a = clouds(3, 7, shift=5.0).double()
    b = a + 1e-3 * clouds(3, 8).double()
    square = (a[:, None, :, None] - b[None, :, None]).square().sum(-1)  # (3, 3, P, P)
    wanted = square.amin(3).mean(2) + square.amin(2).mean(2)
    assert ((chamfer_distances(a, b) - wanted) / wanted).abs().max() < 1e-10
    near = chamfer_distances(clouds(3, 7), clouds(3, 8))
    far = chamfer_distances(clouds(3, 7).double() + 1e3, clouds(3, 8).double() + 1e3)
    assert ((far - near) / far).abs().max() < 1e-5
    voxels = make_shapes(6, 16).voxels
    a, b = surface_points(voxels, 100), surface_points(voxels, 90, seed=1)
    square = (a[:, None, :, None] - b[None, :, None]).double().square().sum(-1)
    wanted = square.amin(3).mean(2) + square.amin(2).mean(2)
    assert ((chamfer_distances(a, b) - wanted) / wanted).abs().max() < 1e-5
    assert chamfer_distances(a, b).dtype == torch.float32 and chamfer_distances(a[:0], b).shape == (
        0,
        6,
    )
    within = chamfer_within(a)
    assert (within - chamfer_distances(a, a)).abs().max() < 1e-7 and torch.equal(within, within.T)
    assert within.diagonal().abs().max() == 0 and chamfer_within(a[:0]).shape == (0, 0)


def test_accuracy_by_brute_force():
    a, b = clouds(7, 2), clouds(5, 3)
    both, origin = torch.cat([a, b]), [0] * 7 + [1] * 5
    distances = chamfer_distances(both, both)
    right = 0
    for i in range(12):
        nearest = min((j for j in range(12) if j != i), key=lambda j: float(distances[i, j]))
        right += origin[nearest] == origin[i]
    assert scores(a, b)[0] == pytest.approx(right / 12)


def test_known_cases():
    a = clouds(60, 4)
    same, far = clouds(60, 5), clouds(60, 6, shift=5.0)
    assert abs(scores(a, same)[0] - 0.5) < 0.12
    assert scores(a, far)[0] == 1.0
    accuracy, covered, distance = scores(a, a.clone())
    # a copied set: each one's twin is in the other
    assert accuracy == 0.0 and covered == 1.0 and distance < 1e-6
    assert scores(a[:1].repeat(60, 1, 1), a)[1] == 1 / 60  # one shape over and over covers one


def test_surface_points_lie_evenly_on_the_surface():
    box = np.zeros((1, 10, 10, 10), dtype=bool)
    box[0, 2:6, 3:7, 1:9] = True  # z, y, x
    points = surface_points(box, 40_000)[0]
    low, high = torch.tensor([0.1, 0.3, 0.2]), torch.tensor([0.9, 0.7, 0.6])
    assert (points >= low - 1e-6).all() and (points <= high + 1e-6).all()
    on_face = torch.minimum((points - low).abs(), (points - high).abs())
    assert on_face.amin(1).max() < 1e-6
    share = (on_face.argmin(1) == 0).float().mean()  # the two small ends: 2 * 16 of 160 faces
    assert abs(float(share) - 32 / 160) < 0.01
    ends = points[on_face.argmin(1) == 0]
    assert abs(float(ends[:, 1].std()) - 0.4 / 12**0.5) < 0.005


def test_bad_input():
    with pytest.raises(ValueError, match="shape 1 is empty"):
        surface_points(np.stack([np.ones((4, 4, 4), bool), np.zeros((4, 4, 4), bool)]))
    with pytest.raises(ValueError, match="expected bool"):
        surface_points(np.ones((1, 4, 4, 4)))
    good = np.ones((3, 4, 4, 4), bool)
    for function in (height_profile, one_piece, piece_shares, watertight_share):
        with pytest.raises(ValueError, match="voxels: got float64"):
            function(np.ones((1, 4, 4, 4)))
    with pytest.raises(ValueError, match="the same resolution"):
        iou_distances(good, np.ones((1, 4, 4, 5), bool))
    with pytest.raises(ValueError, match="0 samples, 3 reference"):
        shape_report(good[:0], good)
    with pytest.raises(ValueError, match="3 samples, 1 reference"):
        shape_report(good, good[:1])
    with pytest.raises(ValueError, match="shape 0 is empty"):
        shape_report(good, ~good)


def test_sliced_wasserstein_of_a_shift_and_of_equal_sets():
    points = torch.randn(500, 2, generator=torch.Generator().manual_seed(0))
    assert sliced_wasserstein(points, points[torch.randperm(500)]) < 1e-6
    shifted = sliced_wasserstein(points, points + torch.tensor([3.0, 0.0]), directions=20_000)
    assert abs(shifted - 3 / 2**0.5) < 0.02  # the mean square of cos is 1/2 in the plane
    assert (
        abs(sliced_wasserstein(points, 2 * points, 20_000) - float(points.square().mean().sqrt()))
        < 0.03
    )


def test_entropy_of_a_gaussian_and_of_a_square():
    generator = torch.Generator().manual_seed(0)
    normal = 0.3 * torch.randn(20_000, 2, generator=generator)
    assert abs(sample_entropy(normal) - (1 + math.log(2 * math.pi * 0.09))) < 0.02
    square = 2 * torch.rand(20_000, 2, generator=generator)
    assert abs(sample_entropy(square) - math.log(4)) < 0.02


def test_bad_clouds():
    with pytest.raises(ValueError, match="expected the same"):
        sliced_wasserstein(torch.zeros(3, 2), torch.zeros(4, 2))
    with pytest.raises(ValueError, match="4 points have no 4 neighbours"):
        sample_entropy(torch.rand(4, 2))
    with pytest.raises(ValueError, match="coincide"):
        sample_entropy(torch.zeros(10, 2))


def features(count, seed, width=5):
    """Correlated features, (count, width)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, width, generator=generator) @ torch.randn(
        width, width, generator=generator
    )


def test_frechet_distance_by_the_root_of_a_matrix():
    from scipy.linalg import sqrtm

    a, b = features(200, 0), features(150, 1) + 1
    one, two = np.cov(a.double().numpy().T), np.cov(b.double().numpy().T)
    apart = ((a.double().mean(0) - b.double().mean(0)) ** 2).sum()
    wanted = float(apart) + np.trace(one + two - 2 * np.real(sqrtm(one @ two)))
    assert abs(frechet_distance(a, b) - wanted) < 1e-6 * wanted
    assert abs(frechet_distance(a, b) - frechet_distance(b, a)) < 1e-8 * wanted


def test_frechet_distance_where_it_is_known():
    a = features(300, 2)
    shift = torch.tensor([1.0, 0.0, -2.0, 0.0, 0.5])
    assert abs(frechet_distance(a, a)) < 1e-6
    assert abs(frechet_distance(a, a + shift) - 5.25) < 1e-4  # the squared length of the shift
    assert (
        abs(frechet_distance(a, 3 * a - 2 * a.mean(0)) - 4 * float(a.double().T.cov().trace()))
        < 1e-3
    )
    flat = torch.cat([a, torch.zeros(300, 2)], dim=1)  # features that never fire
    assert abs(frechet_distance(flat, flat + 1) - 7) < 1e-4
    for bad in (a[:1], a[:, :3], a[0]):
        with pytest.raises(ValueError, match="expected"):
            frechet_distance(a, bad)


def test_nearest_distances_by_brute_force():
    a, b = torch.rand(4, 1, 3, 3), torch.rand(6, 1, 3, 3)
    wanted = [min(float((x - y).square().mean().sqrt()) for y in b) for x in a]
    assert np.allclose(nearest_distances(a, b), wanted, atol=1e-5)


# ---- voxels --------------------------------------------------------------------------------------


def test_surface_points_leave_no_face_out():
    """An L of three voxels in a grid that is no cube: all their faces, by brute force."""
    shape = np.zeros((3, 4, 5), dtype=bool)
    filled = {(0, 1, 2), (1, 1, 2), (1, 2, 2)}
    faces = set()
    for voxel in filled:
        shape[voxel] = True
        for axis, side in product(range(3), (0, 1)):
            beside = list(voxel)
            beside[axis] += 2 * side - 1
            if tuple(beside) not in filled:
                middle = np.array(voxel) + 0.5
                middle[axis] = voxel[axis] + side
                faces.add(tuple(middle))
    # z, y, x in voxels
    points = surface_points(shape[None], 14_000)[0].double().numpy()[:, ::-1] * 5
    assert points.dtype == np.float64 and len(faces) == 14
    whole = np.abs(points - points.round()) < 1e-5
    assert (whole.sum(1) == 1).all()
    hit, count = np.unique(
        np.where(whole, points.round(), np.floor(points) + 0.5), axis=0, return_counts=True
    )
    assert {tuple(row) for row in hit} == faces
    assert abs(count - 1000).max() < 5 * 1000**0.5


def some_voxels(count, seed, density=0.3, side=5):
    return np.random.default_rng(seed).random((count, side, side, side)) < density


def test_iou_by_brute_force():
    a, b = some_voxels(4, 0), some_voxels(6, 1, 0.6)
    wanted = [[1 - (p & q).sum() / (p | q).sum() for q in b] for p in a]
    assert np.abs(iou_distances(a, b).numpy() - wanted).max() < 1e-6
    assert iou_distances(a, a).diagonal().abs().max() == 0
    empty = np.zeros((1, 5, 5, 5), bool)
    assert torch.equal(iou_distances(empty, np.concatenate([a, empty])), torch.ones(1, 5))


def test_nearest_iou_by_brute_force_over_chunks(monkeypatch):
    samples, training = some_voxels(9, 2), some_voxels(23, 3)
    samples[4] = training[17]
    wanted = np.array([[(p & q).sum() / (p | q).sum() for q in training] for p in samples])
    for chunk in (1, 5, 23, 100):
        monkeypatch.setattr(distances, "CHUNK", chunk)
        iou, index = nearest_iou(samples, training)
        assert np.abs(iou.numpy() - wanted.max(1)).max() < 1e-6
        assert np.array_equal(index, wanted.argmax(1))
    assert iou[4] == 1 and index[4] == 17
    with pytest.raises(ValueError, match="training"):
        nearest_iou(samples, training[:0])


def test_pieces():
    voxels = np.zeros((5, 10, 10, 10), dtype=bool)
    voxels[0, :5, :5, :4] = True  # 100 voxels
    voxels[1] = voxels[2] = voxels[3] = voxels[0]
    voxels[1, 9, 9, 9] = True  # a crumb of 1 in 101
    voxels[2, 9, 9, 7:] = True  # 3 of 103
    voxels[3, 5, 5, 4] = True  # a corner is no touch
    largest, count = piece_shares(voxels)
    assert np.allclose(largest, [1, 100 / 101, 100 / 103, 100 / 101, 0]) and count.tolist() == [
        1,
        2,
        2,
        2,
        0,
    ]
    assert one_piece(voxels).tolist() == [True, True, False, True, False]
    assert one_piece(voxels, crumb=0.03).tolist() == [True, True, True, True, False]
    assert one_piece(voxels, crumb=0.0).tolist() == [True, False, False, False, False]


def test_watertight_share_and_profile():
    voxels = np.concatenate([make_shapes(3, 16).voxels, np.zeros((1, 16, 16, 16), bool)])
    assert watertight_share(voxels) == 0.75  # no mesh is not closed
    table = np.zeros((2, 4, 8, 8), dtype=bool)
    table[:, 3], table[0, :3, :2, :2] = True, True
    assert np.allclose(height_profile(table), [1 / 32, 1 / 32, 1 / 32, 1])


def test_report_of_one_distribution_of_copies_and_of_blocks():
    """About half for the same families; 0 for the reference itself; blocks are distinguished."""
    made = make_shapes(100, 16).voxels
    ours, theirs = made[:50], made[50:]
    fresh = shape_report(ours, theirs, points=64)
    assert abs(fresh.chamfer_accuracy - 0.5) < 0.12 and abs(fresh.iou_accuracy - 0.5) < 0.12
    assert (
        0.35 < fresh.chamfer_coverage < 0.7 and fresh.watertight == 1 and fresh.training_iou is None
    )
    copied = shape_report(theirs, theirs, training=made, points=64)
    assert copied.chamfer_accuracy < 0.1 and copied.iou_accuracy < 0.1
    assert copied.chamfer_coverage > 0.9 and copied.iou_coverage > 0.9 and copied.iou_matching == 0
    assert (
        copied.chamfer_matching < 0.8 * fresh.chamfer_matching
        and copied.training_iou == copied.training_copies == 1
    )
    blocks = np.zeros((8, 16, 16, 16), dtype=bool)
    for side in range(8):
        blocks[side, : side + 9] = True
    told = shape_report(blocks, theirs, points=64)
    assert told.chamfer_accuracy > 0.95 and told.chamfer_coverage < 0.1


def test_report_says_what_the_measures_say():
    made = make_shapes(30, 16).voxels
    samples, theirs, training = made[:8].copy(), made[10:20], made[20:]
    samples[2, -1, 0, 0] = True
    got = shape_report(samples, theirs, training, points=64, seed=3)
    a, b = surface_points(samples, 64, 3), surface_points(theirs, 64, 4)
    assert (got.chamfer_accuracy, got.chamfer_coverage, got.chamfer_matching) == pytest.approx(
        scores(a, b)
    )
    iou = (
        iou_distances(samples, samples),
        iou_distances(samples, theirs),
        iou_distances(theirs, theirs),
    )
    assert got.iou_accuracy == nearest_neighbour_accuracy(*iou)
    assert got.iou_coverage == coverage(iou[1]) and got.iou_matching == minimum_matching_distance(
        iou[1]
    )
    assert (got.count, got.empty, got.watertight, got.one_piece, got.one_piece_cleaned) == (
        8,
        0,
        1,
        7 / 8,
        1,
    )
    assert got.pieces == 9 / 8 and got.largest_piece == pytest.approx(
        piece_shares(samples)[0].mean()
    )
    assert (got.filled, got.reference_filled) == pytest.approx((samples.mean(), theirs.mean()))
    assert (got.low_filled, got.reference_low_filled) == pytest.approx(
        (samples[:, :4].mean(), theirs[:, :4].mean())
    )
    nearest = nearest_iou(samples, training)[0]
    assert got.training_iou == pytest.approx(
        float(nearest.mean())
    ) and got.training_iou_most == float(nearest.max())
    assert got.training_copies == 0
    # two copies and one that is anything but
    edited = np.concatenate([training[:2], ~training[:1], samples[:5]])
    edited[1, :2, :2, 0] ^= True  # four of its voxels are not the model's
    assert shape_report(edited, theirs, training, points=64).training_copies == 2 / 8


def test_report_of_empty_samples():
    """They are told apart and cover nothing; the others score as they do without them."""
    made = make_shapes(24, 16).voxels
    full, theirs, none = made[:12], made[12:], np.zeros((4, 16, 16, 16), bool)
    alone = shape_report(full, theirs, points=64)
    mixed = shape_report(np.concatenate([none[:2], full, none[2:]]), theirs, theirs, points=64)
    assert mixed.count == 16 and mixed.empty == 4 / 16
    for name in ("chamfer", "iou"):
        before, after = (getattr(report, f"{name}_accuracy") for report in (alone, mixed))
        assert after == pytest.approx((24 * before + 4) / 28)
        for same in ("coverage", "matching"):
            assert getattr(mixed, f"{name}_{same}") == getattr(alone, f"{name}_{same}")
    assert mixed.watertight == mixed.one_piece == mixed.largest_piece == 12 / 16
    nothing = shape_report(none, theirs, theirs, points=64)
    assert nothing.empty == nothing.chamfer_accuracy == nothing.iou_accuracy == 1
    assert (
        nothing.chamfer_coverage
        == nothing.iou_coverage
        == nothing.watertight
        == nothing.training_iou
        == 0
    )
    assert nothing.chamfer_matching == nothing.iou_matching == math.inf


def test_roughness_of_shapes_with_known_angles():
    """A slab's triangles lie flat but at its edges; a ball's turn by 360 degrees around it."""
    z, y, x = (np.indices((48,) * 3) + 0.5) / 48 - 0.5
    ball = (0.4 - np.sqrt(x**2 + y**2 + z**2)).astype(np.float32)
    rough = np.where(ball > 0, 1.0, -1.0).astype(np.float32)
    tilted = (0.2 - np.abs(0.6 * x + 0.8 * y)).astype(np.float32)  # flat wherever it is cut
    assert roughness(ball) < 5 < 10 < roughness(rough)
    inner = smooth_mesh(tilted)
    assert roughness(tilted) < 3 and len(inner.faces) > 1000
    with pytest.raises(ValueError, match="nothing is inside"):
        roughness(-np.ones((8, 8, 8), np.float32))


def test_points_of_a_field_are_spread_evenly_over_its_surface():
    """On a ball every slice of the same height has the same area (Archimedes)."""
    z, y, x = (np.indices((48,) * 3) + 0.5) / 48 - 0.5
    ball = (0.4 - np.sqrt(x**2 + y**2 + z**2)).astype(np.float32)
    points = field_points(np.stack([ball, ball]), 4000, seed=1).numpy() - 0.5
    assert points.shape == (2, 4000, 3) and not np.array_equal(points[0], points[1])
    assert np.abs(np.linalg.norm(points, axis=2) - 0.4).max() < 1e-3
    for axis in range(3):
        slices = np.histogram(points[..., axis], np.linspace(-0.4, 0.4, 6))[0]
        assert np.abs(slices - 1600).max() < 5 * np.sqrt(1600)
    with pytest.raises(ValueError, match="nothing is inside shape 1"):
        field_points(np.stack([ball, -np.ones_like(ball)]))
