"""Portable Gaussian noise: a seed gives the same numbers on every machine, device and library
version, and in the page.

Random bits come from the counter-based generator Threefry-2x32 with 20 rounds (Salmon et al., SC
2011), which needs only 32-bit additions, rotations and xors; Box and Muller's formula turns them
into normal numbers. Counter-based means that number i of a stream depends on nothing but (seed,
stream, i): any part can be made anywhere.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA


def threefry(
    key: tuple[int, int], counter: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the random bits of Threefry-2x32-20, two uint32 arrays.

    Args:
        key: Two numbers below 2**32.
        counter: Two uint32 arrays of one shape.
    """
    keys = [np.uint32(key[0]), np.uint32(key[1]), np.uint32(key[0] ^ key[1] ^ PARITY)]
    x, y = counter[0] + keys[0], counter[1] + keys[1]
    for group in range(5):
        for rotation in ROTATIONS[group % 2]:
            x = x + y
            y = ((y << np.uint32(rotation)) | (y >> np.uint32(32 - rotation))) ^ x
        x = x + keys[(group + 1) % 3]
        y = y + keys[(group + 2) % 3] + np.uint32(group + 1)
    return x, y


def gaussian(seed: int | Sequence[int], shape: Sequence[int], stream: int = 0) -> torch.Tensor:
    """Return standard normal numbers that depend on seed, stream and place alone; float32, CPU.

    Args:
        seed: A whole number in [0, 2**32). A list of seeds gives a batch (len(seed), *shape) in
            which item k is what seed[k] alone would give: a shape does not change with its
            neighbours.
        shape: Of the result; at most 2**32 numbers in all.
        stream: A whole number in [0, 2**32): another one is other noise of the same seed.

    Raises:
        ValueError: A seed, the stream or the shape is out of these bounds.
    """
    if isinstance(seed, Sequence) and not isinstance(seed, str) and len(seed):
        return torch.stack([gaussian(one, shape, stream) for one in seed])
    for name, value in (("seed", seed), ("stream", stream)):
        if not _is_counter(value):
            raise ValueError(f"{name} is {value!r}; expected a whole number from 0 to {2**32 - 1}")
    count = math.prod(shape)
    if min(shape, default=0) < 0 or count > 2**32:
        raise ValueError(
            f"shape is {tuple(shape)}; expected sizes of 0 or more, and at most {2**32} numbers"
            " in all"
        )
    pairs = np.arange((count + 1) // 2, dtype=np.uint32)
    first, second = threefry((int(seed), int(stream)), (pairs, np.zeros_like(pairs)))
    # (n + 0.5) / 2^32 lies strictly between 0 and 1, so that the logarithm is finite
    radius = np.sqrt(-2 * np.log((first + 0.5) / 2.0**32))
    angle = 2 * math.pi * (second + 0.5) / 2.0**32
    numbers = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)[:count]
    return torch.from_numpy(numbers.astype(np.float32)).reshape(tuple(shape))


def _is_counter(value) -> bool:
    try:
        return not isinstance(value, bool | str) and int(value) == value and 0 <= value < 2**32
    except (TypeError, ValueError, OverflowError):
        return False


def lerp(a: torch.Tensor, b: torch.Tensor, weight: float) -> torch.Tensor:
    """Return a point on the straight line from a to b.

    Half-way between two noises it has only 0.7 of their standard deviation.

    Args:
        a: One noise, of any shape.
        b: Another of the same shape.
        weight: 0 is a, 1 is b.
    """
    return (1 - weight) * a + weight * b


def slerp(a: torch.Tensor, b: torch.Tensor, weight: float) -> torch.Tensor:
    """Return a point on the arc from a to b on the sphere (Shoemake, SIGGRAPH 1985).

    It keeps the norm that all noise of one size has. Lesson 04 writes it.

    Args:
        a: One noise, of any shape; the angle is between the whole noises.
        b: Another of the same shape.
        weight: 0 is a, 1 is b.
    """
    cosine = torch.nn.functional.cosine_similarity(a.flatten(), b.flatten(), dim=0)
    angle = torch.arccos(cosine.clamp(-1, 1))
    if angle < 1e-4:  # the arc is as good as straight
        return lerp(a, b, weight)
    return (torch.sin((1 - weight) * angle) * a + torch.sin(weight * angle) * b) / torch.sin(angle)


WAYS = {"slerp": slerp, "lerp": lerp}  # from one noise to another
