"""One U-Net for sequences, images and voxels: the number of dimensions is an argument, nothing else
changes.

Lesson 04 builds it from its parts for images, lesson 08 turns it to 3D. A patchify stem makes it
quick: the grid is cut into patches of p per axis, and all the work happens on the p^d times smaller
grid. Sources: U-Net (arXiv 1505.04597), diffusion's blocks (arXiv 2006.11239, appendix B),
modulation by scale and shift (arXiv 2105.05233, section 3.1), patches (arXiv 2212.09748).
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from course_utils.networks.embedding import Embedding, said
from course_utils.networks.text import FactReader, Sketch

CONVOLUTION = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


def zeroed(module: nn.Module) -> nn.Module:
    """The same module with all parameters zero: a block that begins as "change nothing"."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module


def normalised(channels: int) -> nn.GroupNorm:
    """Group normalisation in groups of 8 channels or more."""
    return nn.GroupNorm(math.gcd(8, channels), channels)


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut; the embedding (B, E) scales and shifts the features
    between them.
    """

    def __init__(self, dimensions: int, inputs: int, outputs: int, embedding: int):
        super().__init__()
        convolution = CONVOLUTION[dimensions]
        self.first = nn.Sequential(
            normalised(inputs), nn.SiLU(), convolution(inputs, outputs, 3, padding=1)
        )
        self.modulation = zeroed(nn.Linear(embedding, 2 * outputs))
        self.norm = normalised(outputs)
        self.second = zeroed(convolution(outputs, outputs, 3, padding=1))
        self.shortcut = nn.Identity() if inputs == outputs else convolution(inputs, outputs, 1)

    def forward(self, x: Tensor, embedded: Tensor) -> Tensor:
        h = self.norm(self.first(x))  # (B, C, *grid)
        scale, shift = self.modulation(functional.silu(embedded)).chunk(2, dim=1)
        grid = (...,) + (None,) * (x.ndim - 2)
        h = h * (1 + scale[grid]) + shift[grid]
        return self.shortcut(x) + self.second(functional.silu(h))


class Attention(nn.Module):
    """Self-attention over all places of the grid, beside a shortcut."""

    def __init__(self, dimensions: int, channels: int, heads: int):
        super().__init__()
        self.heads, self.norm = heads, normalised(channels)
        self.qkv = CONVOLUTION[dimensions](channels, 3 * channels, 1)
        self.out = zeroed(CONVOLUTION[dimensions](channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        qkv = self.qkv(self.norm(x)).flatten(2)  # (B, 3C, N)
        q, k, v = (
            part.unflatten(1, (self.heads, -1)).transpose(2, 3) for part in qkv.chunk(3, dim=1)
        )
        h = functional.scaled_dot_product_attention(q, k, v)  # (B, heads, N, C / heads)
        return x + self.out(h.transpose(2, 3).reshape(x.shape))


class CrossAttention(nn.Module):
    """Every place of the grid asks the words of a text (B, length, width), beside a shortcut (arXiv
    2112.10752).
    """

    def __init__(self, dimensions: int, channels: int, width: int, heads: int):
        super().__init__()
        self.heads, self.norm, self.norm_words = heads, normalised(channels), nn.LayerNorm(width)
        self.query = CONVOLUTION[dimensions](channels, channels, 1)
        self.key_value = nn.Linear(width, 2 * channels)
        self.out = zeroed(CONVOLUTION[dimensions](channels, channels, 1))

    def forward(self, x: Tensor, words: Tensor, absent: Tensor) -> Tensor:
        q = self.query(self.norm(x)).flatten(2).unflatten(1, (self.heads, -1)).transpose(2, 3)
        pairs = self.key_value(self.norm_words(words)).chunk(2, dim=2)
        k, v = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in pairs)
        h = functional.scaled_dot_product_attention(q, k, v, attn_mask=~absent[:, None, None, :])
        return x + self.out(h.transpose(2, 3).reshape(x.shape))


class Places(nn.Module):
    """Tells a grid of features where each place is: adds a learned mixture of waves over each axis
    (B, C, *grid).

    A convolution sees no difference between left and right, floor and ceiling; shapes that stand
    upright do.
    """

    def __init__(self, dimensions: int, channels: int, waves: int = 4):
        super().__init__()
        self.waves, self.mix = waves, CONVOLUTION[dimensions](2 * waves * dimensions, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        phases = []
        for axis, side in enumerate(x.shape[2:]):
            u = (
                torch.arange(side, device=x.device, dtype=x.dtype) + 0.5
            ) / side  # middle of each place, in (0, 1)
            u = u.reshape(side, *[1] * (x.ndim - 3 - axis)).expand(x.shape[2:])
            phases += [torch.pi * (k + 1) * u for k in range(self.waves)]
        phases = torch.stack(phases)
        return x + self.mix(torch.cat([phases.sin(), phases.cos()])[None])


def cut(x: Tensor, patch: int) -> Tensor:
    """A grid (B, C, *fine grid) cut into patches of p values along each axis: (B, places, C
    p^d).
    """
    dimensions = x.ndim - 2
    for axis in range(dimensions):
        x = x.unflatten(2 + 2 * axis, (-1, patch))  # (B, C, places, p, places, p, ...)
    places, inside = range(2, x.ndim, 2), range(3, x.ndim, 2)
    return x.permute(0, *places, 1, *inside).flatten(1, dimensions).flatten(2)


def joined(patches: Tensor, patch: int, places: Sequence[int]) -> Tensor:
    """The inverse of `cut`: (B, places, C p^d) -> (B, C, *fine grid), for a grid of `places` along
    each axis.
    """
    dimensions = len(places)
    x = patches.unflatten(2, (-1, *[patch] * dimensions)).unflatten(
        1, places
    )  # (B, *places, C, p, p, p)
    order = [part + axis for axis in range(dimensions) for part in (1, 2 + dimensions)]
    return x.permute(0, 1 + dimensions, *order).reshape(
        x.shape[0], -1, *[side * patch for side in places]
    )


class PatchesOut(nn.Module):
    """The stem turned round: the features of each place (B, C, *grid) become a patch of p values
    along each axis.

    A transposed convolution with stride p, in number and in the names of its weights; as one matrix
    product it is several times quicker on a CPU. Begins at zero.
    """

    def __init__(self, dimensions: int, inputs: int, outputs: int, patch: int):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(inputs, outputs, *[patch] * dimensions))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        h = torch.einsum("bc...,cq->b...q", x, self.weight.flatten(1)).flatten(1, -2)
        return joined(h, self.weight.shape[-1], x.shape[2:]) + self.bias.reshape(
            -1, *[1] * (x.ndim - 2)
        )


class Details(nn.Module):
    """What patches lose on their way: every patch of the input once more, beside the network's
    features of its place.

    A patch of 4^3 is 64 numbers, and the stem keeps as many as there are channels. This is the skip
    that a U-Net has at every other scale: x (B, inputs, *fine grid) and features (B, C, *grid) ->
    (B, inputs, *fine grid), each place by itself, modulated by the embedding (B, E). Begins at
    zero.
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
        h = self.patches(cut(x, self.patch)) + self.places(features.flatten(2).transpose(1, 2))
        h = self.outlet(functional.silu(self.mix(functional.silu(h * (1 + scale) + shift))))
        return joined(h, self.patch, features.shape[2:])


class UNet(nn.Module):
    """A denoising network for grids in 1, 2 or 3 dimensions.

    Called as unet(x, log_snr, condition): x (B, in_channels, *grid), log_snr (B,), condition class
    labels (B,), tokens (B, length) or None; returns (B, in_channels, *grid).

    dimensions: 1, 2 or 3.  channels: features at each level, each level half as fine as the one
        before.
    patch: edge of the stem's patches; 1 works on every pixel.  blocks: residual blocks a level on
        the way down.
    heads: attention heads at the coarsest level.  classes: number of class labels.  words: size of
    the vocabulary of texts (see Embedding); 0 for none.  reads: whether each level, on the way
    down, also asks each word of the text.
    sketch: side of a coarse grid that the text draws for the stem to see beside x (see Sketch); 0
        for none.
    facts: how many facts a text can name, each of which the embedding is told (see FactReader); 0
        for none.
    details: features of the skip around patches (see Details); 0 for none.
    Every side of the grid must be a multiple of `UNet.multiple`; otherwise ValueError.
    """

    def __init__(
        self,
        dimensions: int,
        in_channels: int = 1,
        channels: tuple[int, ...] = (32, 64, 96),
        patch: int = 1,
        blocks: int = 2,
        heads: int = 4,
        classes: int = 0,
        words: int = 0,
        reads: bool = False,
        sketch: int = 0,
        facts: int = 0,
        details: int = 0,
    ):
        super().__init__()
        if dimensions not in CONVOLUTION:
            raise ValueError(f"dimensions is {dimensions!r}; a U-Net works in 1, 2 or 3 dimensions")
        if not channels or min(channels) < 1:
            raise ValueError(
                f"channels is {tuple(channels)}; expected features for one level or more, each 1 or"
                " more"
            )
        convolution, width = CONVOLUTION[dimensions], 4 * channels[0]
        self.dimensions, self.multiple = dimensions, patch * 2 ** (len(channels) - 1)
        self.embedding = Embedding(width, classes, words)
        overlap = 3 if patch == 1 else patch
        self.stem = convolution(
            in_channels, channels[0], overlap, stride=patch, padding=(overlap - patch) // 2
        )
        self.sketch = Sketch(dimensions, sketch, width) if sketch else None
        if sketch:
            self.sketched = zeroed(
                convolution(1, channels[0], overlap, stride=patch, padding=(overlap - patch) // 2)
            )
        self.facts = FactReader(words, facts) if facts else None
        if facts:
            self.named = zeroed(nn.Linear(facts, width))
        self.places = Places(dimensions, channels[0])
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        self.shrink, self.grow = nn.ModuleList(), nn.ModuleList()
        for level, size in enumerate(channels):
            before = channels[max(level - 1, 0)]
            self.shrink.append(
                convolution(before, size, 3, stride=2, padding=1) if level else nn.Identity()
            )
            self.down.append(
                nn.ModuleList(ResidualBlock(dimensions, size, size, width) for _ in range(blocks))
            )
        self.attention = Attention(dimensions, channels[-1], heads)
        self.reading = (
            nn.ModuleList(CrossAttention(dimensions, n, width, heads) for n in channels)
            if reads
            else None
        )
        self.middle = ResidualBlock(dimensions, channels[-1], channels[-1], width)
        for level, size in reversed(list(enumerate(channels))):
            sizes = [2 * size] + [size] * (blocks - 1)
            self.up.append(nn.ModuleList(ResidualBlock(dimensions, n, size, width) for n in sizes))
            after = channels[max(level - 1, 0)]
            self.grow.append(convolution(size, after, 3, padding=1) if level else nn.Identity())
        self.head = nn.Sequential(normalised(channels[0]), nn.SiLU())
        self.outlet = (
            zeroed(convolution(channels[0], in_channels, 3, padding=1))
            if patch == 1
            else PatchesOut(dimensions, channels[0], in_channels, patch)
        )
        self.details = (
            Details(dimensions, in_channels, channels[0], patch, width, details)
            if details
            else None
        )

    def forward(self, x: Tensor, log_snr: Tensor, condition: Tensor | None = None) -> Tensor:
        if x.ndim != self.dimensions + 2 or any(side % self.multiple for side in x.shape[2:]):
            raise ValueError(
                f"x has shape {tuple(x.shape)}; expected (B, channels) and {self.dimensions} sides,"
                f" each a multiple of {self.multiple}"
            )
        h, skips, summary = self.stem(x), [], None
        if self.embedding.text is not None:
            words, absent = self.embedding.text.read(said(condition, log_snr))
            summary = self.embedding.text.summary(words, absent)
        embedded = self.embedding(log_snr, condition, summary)
        if self.facts is not None:
            embedded = embedded + self.named(1 + self.facts(said(condition, log_snr)))
        if self.sketch is not None:
            h = h + self.sketched(
                functional.interpolate(self.sketch(summary), x.shape[2:], mode="nearest")
            )
        h = self.places(h)
        for level, (shrink, blocks) in enumerate(zip(self.shrink, self.down, strict=True)):
            h = shrink(h)
            for block in blocks:
                h = block(h, embedded)
            if self.reading is not None:
                h = self.reading[level](h, words, absent)
            skips.append(h)
        h = self.attention(h)
        h = self.middle(h, embedded)
        for level, (blocks, grow) in enumerate(zip(self.up, self.grow, strict=True)):
            h = torch.cat([h, skips.pop()], dim=1)
            for block in blocks:
                h = block(h, embedded)
            if level < len(self.up) - 1:
                h = grow(functional.interpolate(h, scale_factor=2.0, mode="nearest"))
        h = self.head(h)
        return (
            self.outlet(h)
            if self.details is None
            else self.outlet(h) + self.details(x, h, embedded)
        )
