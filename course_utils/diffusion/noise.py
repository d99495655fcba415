"""Portable Gaussian noise: a seed gives the same numbers on every machine, and in the page.

Random bits come from the counter-based generator Threefry-2x32 with 20 rounds (Salmon et al., SC
2011), which needs only 32-bit additions, rotations and xors; Box and Muller's formula turns them
into normal numbers. Counter-based means that number i of a stream depends on nothing but (seed,
stream, i): any part can be made anywhere.
"""

import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any

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


def as_seed(value: Any, name: str = "seed") -> int:
    """Return a seed of any integer type as Python's int.

    Args:
        value: A whole number in [0, 2**32), of Python, NumPy, or a tensor of one number.
        name: What messages call it.

    Raises:
        ValueError: It is none of these; True and 3.0 are not.
    """
    try:
        number = -1 if _is_bool(value) else operator.index(value)
    except (TypeError, ValueError):
        number = -1
    if not 0 <= number < 2**32:
        raise ValueError(f"{name} is {value!r}; expected a whole number from 0 to {2**32 - 1}")
    return number


def as_seeds(values: Any) -> list[int]:
    """Return one or more seeds, in any container, as a list; ValueError if one of them is none."""
    if getattr(values, "ndim", 0) > 1:
        raise ValueError(f"seeds has the shape {tuple(values.shape)}; expected a list of numbers")
    return [as_seed(one, "seeds") for one in values] if is_many(values) else [as_seed(values)]


def is_many(seed: Any) -> bool:
    """Return whether this is a list, range, array or tensor of seeds, and not one seed."""
    return isinstance(seed, Iterable) and not isinstance(seed, str) and getattr(seed, "ndim", 1) > 0


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool) or str(getattr(value, "dtype", "")) in ("bool", "torch.bool")


def gaussian(seed: int | Sequence[int], shape: Sequence[int], stream: int = 0) -> torch.Tensor:
    """Return standard normal numbers that depend on seed, stream and place alone; float32, CPU.

    Args:
        seed: A whole number in [0, 2**32). A list, array or tensor of seeds gives a batch
            (len(seed), *shape) in which item k is what seed[k] alone would give: a shape does not
            change with its neighbours.
        shape: Of the result; at most 2**32 numbers in all.
        stream: A whole number in [0, 2**32): another one is other noise of the same seed.

    Raises:
        ValueError: A seed, the stream or the shape is out of these bounds.
    """
    if is_many(seed) and len(seeds := as_seeds(seed)):
        return torch.stack([gaussian(one, shape, stream) for one in seeds])
    seed, stream = as_seed(seed), as_seed(stream, "stream")
    count = math.prod(shape)
    if min(shape, default=0) < 0 or count > 2**32:
        raise ValueError(
            f"shape is {tuple(shape)}; expected sizes of 0 or more, and at most {2**32} numbers"
            " in all"
        )
    pairs = np.arange((count + 1) // 2, dtype=np.uint32)
    first, second = threefry((seed, stream), (pairs, np.zeros_like(pairs)))
    # (n + 0.5) / 2^32 lies strictly between 0 and 1, so that the logarithm is finite
    radius = np.sqrt(-2 * np.log((first + 0.5) / 2.0**32))
    angle = 2 * math.pi * (second + 0.5) / 2.0**32
    numbers = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)[:count]
    return torch.from_numpy(numbers.astype(np.float32)).reshape(tuple(shape))


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
    if angle < 1e-4:  # the arc is nearly straight
        return lerp(a, b, weight)
    return (torch.sin((1 - weight) * angle) * a + torch.sin(weight * angle) * b) / torch.sin(angle)


WAYS = {"slerp": slerp, "lerp": lerp}  # from one noise to another
