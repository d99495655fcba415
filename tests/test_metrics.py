"""The measures against brute force and cases whose answer is known."""

import math

import numpy as np
import pytest
import torch

from course_utils.metrics import (
    chamfer_distances,
    coverage,
    frechet_distance,
    minimum_matching_distance,
    nearest_distances,
    nearest_neighbour_accuracy,
    sample_entropy,
    sliced_wasserstein,
    surface_points,
)


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
    assert accuracy == 0.0 and covered == 1.0 and distance < 1e-6  # a copied set: each one's twin is in the other
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


def test_sliced_wasserstein_of_a_shift_and_of_equal_sets():
    points = torch.randn(500, 2, generator=torch.Generator().manual_seed(0))
    assert sliced_wasserstein(points, points[torch.randperm(500)]) < 1e-6
    shifted = sliced_wasserstein(points, points + torch.tensor([3.0, 0.0]), directions=20_000)
    assert abs(shifted - 3 / 2**0.5) < 0.02  # the mean square of cos is 1/2 in the plane
    assert abs(sliced_wasserstein(points, 2 * points, 20_000) - float(points.square().mean().sqrt())) < 0.03


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
    return torch.randn(count, width, generator=generator) @ torch.randn(width, width, generator=generator)


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
    assert abs(frechet_distance(a, 3 * a - 2 * a.mean(0)) - 4 * float(a.double().T.cov().trace())) < 1e-3
    flat = torch.cat([a, torch.zeros(300, 2)], dim=1)  # features that never fire
    assert abs(frechet_distance(flat, flat + 1) - 7) < 1e-4
    for bad in (a[:1], a[:, :3], a[0]):
        with pytest.raises(ValueError, match="expected"):
            frechet_distance(a, bad)


def test_nearest_distances_by_brute_force():
    a, b = torch.rand(4, 1, 3, 3), torch.rand(6, 1, 3, 3)
    wanted = [min(float((x - y).square().mean().sqrt()) for y in b) for x in a]
    assert np.allclose(nearest_distances(a, b), wanted, atol=1e-5)
