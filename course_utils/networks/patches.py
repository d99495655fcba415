"""Patches: a grid is cut into cubes of p values per axis, and each becomes one place of a grid that
is p^d times smaller (lesson 08).

Source: vision transformers for diffusion, arXiv 2212.09748.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from course_utils.networks.layers import zeroed


def patchify(x: Float[Tensor, "batch channels *grid"], patch: int) -> Float[Tensor, "batch n f"]:
    """Cut a grid into patches.

    Args:
        x: (B, C, *grid).
        patch: Values per axis of a patch, p.

    Returns:
        (B, places, C p^d).
    """
    dimensions = x.ndim - 2
    for axis in range(dimensions):
        x = x.unflatten(2 + 2 * axis, (-1, patch))  # (B, C, places, p, places, p, ...)
    places, inside = range(2, x.ndim, 2), range(3, x.ndim, 2)
    return x.permute(0, *places, 1, *inside).flatten(1, dimensions).flatten(2)


def unpatchify(
    patches: Float[Tensor, "batch n f"], patch: int, places: Sequence[int]
) -> Float[Tensor, "batch channels *grid"]:
    """Put patches together again, the inverse of `patchify`.

    Args:
        patches: (B, places, C p^d).
        patch: Values per axis of a patch, p.
        places: Number of patches along each axis.

    Returns:
        (B, C, *grid).
    """
    dimensions = len(places)
    x = patches.unflatten(2, (-1, *[patch] * dimensions))
    x = x.unflatten(1, places)  # (B, *places, C, p, ...)
    order = [part + axis for axis in range(dimensions) for part in (1, 2 + dimensions)]
    x = x.permute(0, 1 + dimensions, *order)
    return x.reshape(x.shape[0], -1, *[side * patch for side in places])


class PatchesOut(nn.Module):
    """The stem in reverse: turn the features of each place (B, inputs, *grid) into a patch.

    It computes a transposed convolution with stride p and has the names of its weights; as one
    matrix product it is several times faster on a CPU. It begins at zero.

    Args:
        dimensions: Of the grid.
        inputs: Features of each place.
        outputs: Channels of the fine grid.
        patch: Values per axis of a patch, p.
    """

    def __init__(self, dimensions: int, inputs: int, outputs: int, patch: int):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(inputs, outputs, *[patch] * dimensions))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        h = torch.einsum("bc...,cq->b...q", x, self.weight.flatten(1)).flatten(1, -2)
        x = unpatchify(h, self.weight.shape[-1], x.shape[2:])
        return x + self.bias.reshape(-1, *[1] * (x.ndim - 2))


class Details(nn.Module):
    """A skip around the patches: each patch of the input beside the network's features of its
    place.

    A patch of 4^3 has 64 values, and the stem keeps only as many as it has channels. This is the
    skip connection that a U-Net has at every other scale. It takes x (B, inputs, *fine grid) and
    features (B, channels, *grid), works on each place alone, modulated by the embedding
    (B, embedding), and returns (B, inputs, *fine grid). It begins at zero.

    Args:
        dimensions: Of the grid.
        inputs: Channels of x.
        channels: Of the features.
        patch: Values per axis of a patch.
        embedding: Features of the embedding.
        features: Hidden features of each place.
    """

    def __init__(
        self, dimensions: int, inputs: int, channels: int, patch: int, embedding: int, features: int
    ):
        super().__init__()
        self.patch = patch
        self.patches = nn.Linear(inputs * patch**dimensions, features)
        self.places = nn.Linear(channels, features)
        self.modulation = zeroed(nn.Linear(embedding, 2 * features))
        self.mix = nn.Linear(features, features)
        self.outlet = zeroed(nn.Linear(features, inputs * patch**dimensions))

    def forward(self, x: Tensor, features: Tensor, embedded: Tensor) -> Tensor:
        scale, shift = self.modulation(functional.silu(embedded))[:, None].chunk(2, dim=2)
        places = self.places(features.flatten(2).transpose(1, 2))
        h = self.patches(patchify(x, self.patch)) + places
        h = self.outlet(functional.silu(self.mix(functional.silu(h * (1 + scale) + shift))))
        return unpatchify(h, self.patch, features.shape[2:])
