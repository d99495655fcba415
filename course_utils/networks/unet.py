"""One U-Net for sequences, images and voxels: only the number of dimensions differs.

Lesson 04 builds it for images, lesson 08 turns it to 3D. A patchify stem makes it fast: all the
work is done on a grid that is p^d times smaller. Sources: U-Net (arXiv 1505.04597); see `layers`
and `patches` for the rest.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from course_utils.networks.conditioning import Maker, several, unconditional
from course_utils.networks.embedding import NoiseLevelEmbedding
from course_utils.networks.layers import (
    CONVOLUTION,
    Attention,
    Places,
    ResidualBlock,
    normalised,
    zeroed,
)
from course_utils.networks.patches import Details, PatchesOut


class UNet(nn.Module):
    """A denoising network for grids in 1, 2 or 3 dimensions, called as unet(x, log_snr, condition).

    x is (B, in_channels, *grid), log_snr (B,), condition what the conditioner takes, or None; the
    result is (B, in_channels, *grid). Every side of the grid must be a multiple of `multiple`.

    Args:
        dimensions: 1, 2 or 3.
        in_channels: Channels of x.
        channels: Features at each level; each level is half as fine as the one before.
        patch: Values per axis of the stem's patches; with 1 the stem works on every pixel.
        blocks: Residual blocks per level, on the way down and on the way up.
        heads: Attention heads.
        details: Features of the skip around the patches (`Details`); 0 for none.
        conditioner: Maker of a conditioner, such as `on_labels(10)`, or `several(...)` of them.

    Raises:
        ValueError: For other dimensions, for no level, and in a call for a grid that does not fit.
    """

    def __init__(
        self,
        dimensions: int,
        in_channels: int = 1,
        channels: tuple[int, ...] = (32, 64, 96),
        patch: int = 1,
        blocks: int = 2,
        heads: int = 4,
        details: int = 0,
        conditioner: Maker = unconditional,
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
        self.noise_level = NoiseLevelEmbedding(width)
        self.conditioner = several(conditioner)(width, dimensions)
        self.stem = _stem(dimensions, in_channels, channels[0], patch)
        grids = self.conditioner.grid_channels
        self.grid_stem = zeroed(_stem(dimensions, grids, channels[0], patch)) if grids else None
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

    def forward(
        self,
        x: Float[Tensor, "batch channels *grid"],
        log_snr: Float[Tensor, " batch"],
        condition: Tensor | None = None,
    ) -> Float[Tensor, "batch channels *grid"]:
        if x.ndim != self.dimensions + 2 or any(side % self.multiple for side in x.shape[2:]):
            raise ValueError(
                f"x has shape {tuple(x.shape)}; expected (B, channels) and {self.dimensions} sides,"
                f" each a multiple of {self.multiple}"
            )
        given = self.conditioner(condition, x.shape[0])
        embedded = sum(given.vectors, self.noise_level(log_snr))
        h, skips = self.stem(x), []
        if self.grid_stem is not None:
            fine = [functional.interpolate(grid, x.shape[2:]) for grid in given.grids]
            h = h + self.grid_stem(torch.cat(fine, dim=1))
        h = self.places(h)
        for shrink, blocks in zip(self.shrink, self.down, strict=True):
            h = shrink(h)
            for block in blocks:
                h = block(h, embedded)
            skips.append(h)
        h = self.middle(self.attention(h), embedded)
        for level, (blocks, grow) in enumerate(zip(self.up, self.grow, strict=True)):
            h = torch.cat([h, skips.pop()], dim=1)
            for block in blocks:
                h = block(h, embedded)
            if level < len(self.up) - 1:
                h = grow(functional.interpolate(h, scale_factor=2.0, mode="nearest"))
        h = self.head(h)
        if self.details is None:
            return self.outlet(h)
        return self.outlet(h) + self.details(x, h, embedded)


def _stem(dimensions: int, inputs: int, outputs: int, patch: int) -> nn.Module:
    """Return the convolution that makes one place of each patch."""
    size = 3 if patch == 1 else patch
    padding = (size - patch) // 2
    return CONVOLUTION[dimensions](inputs, outputs, size, stride=patch, padding=padding)
