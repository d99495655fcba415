"""The layers of the U-Net, for grids in 1, 2 or 3 dimensions; lesson 04 builds them for images.

Sources: diffusion's blocks (arXiv 2006.11239, appendix B), modulation by scale and shift (arXiv
2105.05233, section 3.1), attention (arXiv 1706.03762), cross-attention (arXiv 2112.10752).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

SMALLEST = 3  # places per side: with 2, torch's gradients in bfloat16 on a CPU are garbage
CONVOLUTION = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


def zeroed(module: nn.Module) -> nn.Module:
    """Set all parameters of a module to zero and return it: its block begins as no change."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module


def normalised(channels: int) -> nn.GroupNorm:
    """Return group normalisation in groups of 8 channels or more."""
    return nn.GroupNorm(math.gcd(8, channels), channels)


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut; the embedding scales and shifts the features in between.

    Args:
        dimensions: Of the grid.
        inputs: Channels of x, (B, inputs, *grid).
        outputs: Channels of the result, (B, outputs, *grid).
        embedding: Features of the embedding, (B, embedding).
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
        small = x.device.type == "cpu" and min(x.shape[2:]) < SMALLEST
        if small and torch.is_autocast_enabled("cpu"):
            with torch.autocast("cpu", enabled=False):
                return self.forward(x.float(), embedded.float())
        h = self.norm(self.first(x))  # (B, C, *grid)
        scale, shift = self.modulation(functional.silu(embedded)).chunk(2, dim=1)
        grid = (...,) + (None,) * (x.ndim - 2)
        h = h * (1 + scale[grid]) + shift[grid]
        return self.shortcut(x) + self.second(functional.silu(h))


class Attention(nn.Module):
    """Self-attention over all places of the grid (B, C, *grid), beside a shortcut."""

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


class Places(nn.Module):
    """Add where each place is to features (B, C, *grid): a learned mixture of waves per axis.

    A convolution sees no difference between left and right, floor and ceiling; shapes that stand
    upright do.
    """

    def __init__(self, dimensions: int, channels: int, waves: int = 4):
        super().__init__()
        self.waves, self.mix = waves, CONVOLUTION[dimensions](2 * waves * dimensions, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        phases = []
        for axis, side in enumerate(x.shape[2:]):
            # the middle of each place, in (0, 1)
            u = (torch.arange(side, device=x.device, dtype=x.dtype) + 0.5) / side
            u = u.reshape(side, *[1] * (x.ndim - 3 - axis)).expand(x.shape[2:])
            phases += [torch.pi * (k + 1) * u for k in range(self.waves)]
        phases = torch.stack(phases)
        return x + self.mix(torch.cat([phases.sin(), phases.cos()])[None])
