"""Portable Gaussian noise: a seed gives the same numbers on every machine, and in the page.

Random bits come from the counter-based generator Threefry-2x32 with 20 rounds (Salmon et al., SC
2011), which needs only 32-bit additions, rotations and xors; Box and Muller's formula turns them
into normal numbers. Counter-based means that number i of a stream depends on nothing but (seed,
stream, i): any part can be made anywhere.
"""

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from course_utils.diffusion.device import has_float64

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA


def threefry(
    key: tuple[Tensor | int, Tensor | int], counter: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Return the random bits of Threefry-2x32-20, two int32 tensors.

    All numbers are 32 bits wide: those from 2**31 stand for themselves less 2**32, as int32 does.

    Args:
        key: Two numbers, or int32 tensors that broadcast with the counter.
        counter: Two int32 tensors of one shape.
    """
    keys = (*key, key[0] ^ key[1] ^ PARITY)
    x, y = counter[0] + keys[0], counter[1] + keys[1]
    for group in range(5):
        for rotation in ROTATIONS[group % 2]:
            x += y
            low = (y >> (32 - rotation)).bitwise_and_((1 << rotation) - 1)  # >> copies the sign
            y = (y << rotation).bitwise_or_(low).bitwise_xor_(x)
        x += keys[(group + 1) % 3]
        y += keys[(group + 2) % 3]
        y += group + 1
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


def gaussian(
    seed: int | Sequence[int],
    shape: Sequence[int],
    stream: int = 0,
    device: str | torch.device = "cpu",
) -> Tensor:
    """Return standard normal numbers that depend on seed, stream and place alone; float32.

    Args:
        seed: A whole number in [0, 2**32). A list, array or tensor of seeds gives a batch
            (len(seed), *shape) in which item k is what seed[k] alone would give: a shape does not
            change with its neighbours.
        shape: Of the result; at most 2**32 numbers in all.
        stream: A whole number in [0, 2**32): another one is other noise of the same seed.
        device: Where they are computed. A device without float64 agrees to 2e-6.

    Raises:
        ValueError: A seed, the stream or the shape is out of these bounds.
    """
    return streams(seed, shape, device)(stream)


def streams(
    seed: int | Sequence[int], shape: Sequence[int], device: str | torch.device = "cpu"
) -> Callable[[int], Tensor]:
    """Return draw(stream) = gaussian(seed, shape, stream, device): draws wait for nothing.

    ValueError as `gaussian`.
    """
    many = is_many(seed)
    seeds = (as_seeds(seed) if many else []) or [as_seed(seed)]  # which refuses an empty list
    sizes, count = ((len(seeds), *shape) if many else tuple(shape)), math.prod(shape)
    if min(shape, default=0) < 0 or count > 2**32:
        raise ValueError(
            f"shape is {tuple(shape)}; expected sizes of 0 or more, and at most {2**32} numbers"
            " in all"
        )
    keys = torch.tensor([_signed(one) for one in seeds], dtype=torch.int32, device=device)[:, None]
    pairs = torch.arange((count + 1) // 2, dtype=torch.int64, device=device).int()
    counter = pairs.repeat(len(seeds), 1), pairs.new_zeros(len(seeds), len(pairs))

    def draw(stream: int) -> Tensor:
        key = (keys, _signed(as_seed(stream, "stream")))
        return _normal(*threefry(key, counter))[:, :count].reshape(sizes)

    return draw


def _signed(number: int) -> int:
    """The int32 that has the bits of a number in [0, 2**32)."""
    return number - 2**32 if number >= 2**31 else number


def _normal(first: Tensor, second: Tensor) -> Tensor:
    """Box and Muller: random bits (B, N), int32, twice, to normal numbers (B, 2 N), float32."""
    if has_float64(first.device):
        # (n + 0.5) / 2^32 lies strictly between 0 and 1, so that the logarithm is finite
        shares = ((part.double().remainder_(2**32) + 0.5) / 2**32 for part in (first, second))
        radius, angle = next(shares).log_().mul_(-2).sqrt_(), 2 * math.pi * next(shares)
    else:  # near 1 the logarithm needs the distance to 1, which is as exact as a number near 0
        near_1 = first < 0
        share = (torch.where(near_1, ~first, first).float() + 0.5) / 2**32  # at most 1/2
        radius = torch.where(near_1, torch.log1p(-share), torch.log(share)).mul_(-2).sqrt_()
        angle = (second.float() + 0.5) * (2 * math.pi / 2**32)  # from -pi to pi
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=2).flatten(1).float()


def lerp(a: Tensor, b: Tensor, weight: float) -> Tensor:
    """Return a point on the straight line from a to b.

    Half-way between two noises it has only 0.7 of their standard deviation.

    Args:
        a: One noise, of any shape.
        b: Another of the same shape.
        weight: 0 is a, 1 is b.
    """
    return (1 - weight) * a + weight * b


def slerp(a: Tensor, b: Tensor, weight: float) -> Tensor:
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
