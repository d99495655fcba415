"""What a shape shows: a network that looks at voxels and says which facts are true of them.

Its list of facts is that of a text's reader, so a shape and a text can be compared: how much of
what is named is seen? Lesson 09 keeps the best of several shapes by it, as CLIP ranks DALL-E's
pictures (arXiv 2102.12092, section 2.6).
"""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn, tanh

from course_utils.networks.layers import normalised


class FactsOfShape(nn.Module):
    """Voxels (B, D, H, W), full 1 and empty -1, to facts (B, facts): 2 p - 1, p a probability.

    Patches of 2^3 lose nothing, then come convolutions on grids 2, 4 and 8 times coarser, and two
    layers that see all places at once.

    facts: how many there are.  side: of the grid, a multiple of 8.  channels: features on the three
        grids.
    hidden: features of the layer that sees all places.
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

    def forward(self, shapes: Tensor) -> Tensor:
        return tanh(self.head(self.layers(self.inlet(shapes[:, None]))) / 2)
