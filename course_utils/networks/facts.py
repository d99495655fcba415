"""What a shape shows: a network that looks at voxels and says which facts are true of them.

Its list of facts is that of `text.FactReader`, so a shape and a text can be compared: how much of
what is named does one see? Lesson 09 keeps the best of several shapes by it, as CLIP ranks DALL-E's
pictures (arXiv 2102.12092, 2.6).
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from course_utils.networks.layers import normalised


class FactsOfShape(nn.Module):
    """The facts that a shape shows: network(x, log_snr, voxels) -> (B, facts) in [-1, 1], whatever
    x (B, facts) is.

    voxels: (B, D, H, W) of side `side`, a multiple of 8, full is 1 and empty -1. Patches of 2^3
    lose nothing, then come convolutions on 2, 4 and 8 times coarser grids, and two layers that see
    all places at once.
    """

    def __init__(
        self, facts: int, side: int = 32, channels: Sequence[int] = (24, 48, 96), hidden: int = 256
    ):
        super().__init__()
        self.inlet = nn.Conv3d(1, channels[0], 2, stride=2)
        layers = [nn.SiLU(), nn.Conv3d(channels[0], channels[0], 3, padding=1)]
        for before, after in pairwise(channels):
            layers += [
                normalised(before),
                nn.SiLU(),
                nn.Conv3d(before, after, 3, stride=2, padding=1),
            ]
            layers += [normalised(after), nn.SiLU(), nn.Conv3d(after, after, 3, padding=1)]
        self.layers = nn.Sequential(*layers, normalised(channels[-1]), nn.SiLU(), nn.Flatten())
        places = (side // 8) ** 3
        self.head = nn.Sequential(
            nn.Linear(channels[-1] * places, hidden), nn.SiLU(), nn.Linear(hidden, facts)
        )

    def forward(self, x: Tensor, log_snr: Tensor, condition: Tensor) -> Tensor:
        h = self.inlet(condition[:, None].to(x.dtype))
        return torch.tanh(self.head(self.layers(h)) / 2)
