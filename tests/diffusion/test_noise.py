"""Portable noise: published test vectors, brute force, normality, independence of seeds."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from course_utils.diffusion.mixtures import GaussianMixture
from course_utils.diffusion.noise import (
    ROTATIONS,
    as_seed,
    as_seeds,
    gaussian,
    lerp,
    slerp,
    threefry,
)
from course_utils.diffusion.paths import FlowPath
from course_utils.diffusion.sampling import last, sample, time_grid
from course_utils.diffusion.training import Plan


@pytest.mark.parametrize(
    ("key", "counter", "expected"),
    [  # the known answers that come with the authors' Random123 library
        ((0x0, 0x0), (0x0, 0x0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_threefry_known_answers(key, counter, expected):
    signed = [number - 2**32 * (number >= 2**31) for number in (*key, *counter)]
    found = threefry(signed[:2], [torch.tensor([c], dtype=torch.int32) for c in signed[2:]])
    assert tuple(int(f) % 2**32 for f in found) == expected


def test_without_float64_the_numbers_are_nearly_the_same(monkeypatch):
    expected = gaussian([5, 2**32 - 1], (100_001,), 3)
    monkeypatch.setattr("course_utils.diffusion.noise.has_float64", lambda device: False)
    assert 0 < (gaussian([5, 2**32 - 1], (100_001,), 3) - expected).abs().max() < 2e-6


def brute_force(seed: int, stream: int, index: int) -> float:
    """Number `index` in Python's own integers, one at a time, as the paper reads."""
    mask, keys = 0xFFFFFFFF, [seed, stream, seed ^ stream ^ 0x1BD11BDA]
    x, y = (index // 2 + keys[0]) & mask, keys[1]
    for turn in range(20):
        rotation = ROTATIONS[turn // 4 % 2][turn % 4]
        x = (x + y) & mask
        y = (((y << rotation) | (y >> (32 - rotation))) & mask) ^ x
        if turn % 4 == 3:
            group = turn // 4 + 1
            x, y = (x + keys[group % 3]) & mask, (y + keys[(group + 1) % 3] + group) & mask
    radius, angle = math.sqrt(-2 * math.log((x + 0.5) / 2**32)), 2 * math.pi * (y + 0.5) / 2**32
    return radius * (math.sin(angle) if index % 2 else math.cos(angle))


def test_brute_force():
    for seed, stream in ((0, 0), (3, 1), (2**32 - 1, 77)):
        numbers = gaussian(seed, (5, 3, 3), stream).flatten()
        expected = torch.tensor([brute_force(seed, stream, i) for i in range(45)])
        assert (numbers - expected).abs().max() < 1e-6


def test_normal():
    numbers = gaussian(11, (200_000,)).numpy()
    assert stats.kstest(numbers, "norm").pvalue > 0.01
    assert abs(numbers.mean()) < 4 / math.sqrt(len(numbers))
    assert abs(np.mean(numbers**4) - 3) < 4 * math.sqrt(96 / len(numbers))
    lagged = np.corrcoef(numbers[:-1], numbers[1:])[0, 1]
    assert abs(lagged) < 4 / math.sqrt(len(numbers))


def test_seeds_and_streams_are_independent():
    rows = torch.stack(
        [gaussian(seed, (20_000,), stream) for seed in (0, 1, 2, 2**31) for stream in (0, 1)]
    )
    correlation = torch.corrcoef(rows) - torch.eye(len(rows))
    assert correlation.abs().max() < 5 / math.sqrt(20_000)


def test_a_batch_is_its_members():
    batch = gaussian([4, 9], (1, 2, 2))
    assert batch.shape == (2, 1, 2, 2)
    assert torch.equal(batch[1], gaussian(9, (1, 2, 2)))
    assert torch.equal(gaussian(9, (3,)), gaussian(9, (8,))[:3])


BAD = [-1, 2**32, 1.5, 3.0, True, "3", None, np.True_, np.float32(3), torch.tensor(3.0)]
BAD += [torch.tensor(True), np.array(-1), object()]


@pytest.mark.parametrize("seed", BAD, ids=repr)
def test_bad_seeds(seed):
    with pytest.raises(ValueError, match="seed is"):
        gaussian(seed, (2,))
    for many in ([1, seed], (seed, 1)):
        with pytest.raises(ValueError, match="seeds is"):
            gaussian(many, (2,))


def test_no_seed_at_all_is_refused():
    with pytest.raises(ValueError, match=r"seed is \[\]"):
        gaussian([], (2,))


ONE = [
    3,
    np.int64(3),
    np.uint8(3),
    np.array(3),
    torch.tensor(3),
    torch.tensor(3, dtype=torch.uint8),
]
MANY = [
    [3, 250],
    (3, 250),
    range(3, 251, 247),
    np.array([3, 250]),
    np.array([3, 250], np.uint8),
    torch.tensor([3, 250]),
    [np.int64(3), torch.tensor(250)],
]


@pytest.mark.parametrize("seed", ONE, ids=repr)
def test_a_seed_is_any_kind_of_integer(seed):
    assert torch.equal(gaussian(seed, (4,)), gaussian(3, (4,)))
    assert type(as_seed(seed)) is int and as_seeds(seed) == [3]
    assert Plan(seed=seed) == Plan(seed=3) and type(Plan(seed=seed).seed) is int
    mixture = GaussianMixture([[0.0, 0.0]], 1.0)
    assert torch.equal(mixture.sample(4, seed), mixture.sample(4, 3))


@pytest.mark.parametrize("seeds", MANY, ids=repr)
def test_seeds_are_any_container_of_them(seeds):
    assert as_seeds(seeds) == [3, 250] and all(type(one) is int for one in as_seeds(seeds))
    assert torch.equal(gaussian(seeds, (4,)), gaussian([3, 250], (4,)))
    x, path = gaussian([3, 250], (4,)), FlowPath()
    ends = [
        last(sample(lambda x, t: x / 2, x, time_grid(path, 3), churned, each)).x_t
        for each in (seeds, [3, 250])
    ]
    assert torch.equal(*ends)
    with pytest.raises(ValueError, match=r"seeds has the shape \(1, 2\)"):
        gaussian(np.array([[1, 2]]), (4,))


def churned(denoise, x, t, s, draw, history):
    """A step that adds fresh noise."""
    return x + draw(), denoise(x, t)


def test_the_ways_between_two_noises():
    a, b = torch.randn(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    for weight in (0.0, 0.3, 1.0):
        wanted = (1 - weight) * a.norm() + weight * b.norm()
        assert abs(slerp(a, b, weight).norm() - wanted) < 0.05 * wanted
    assert torch.allclose(slerp(a, b, 0.0), a, atol=1e-5) and torch.allclose(
        slerp(a, b, 1.0), b, atol=1e-5
    )
    assert abs(lerp(a, b, 0.5).std() - 0.5**0.5) < 0.06
    assert torch.allclose(slerp(a, a, 0.4), a, atol=1e-5)
    x, y = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    # 30 degrees
    assert torch.allclose(slerp(x, y, 1 / 3), torch.tensor([3**0.5 / 2, 0.5]), atol=1e-6)
