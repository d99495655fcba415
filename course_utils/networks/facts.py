"""Two networks between facts and shapes: what facts alone say, and which facts a shape shows.

The lists of facts are the same, so a shape and a text can be compared: how much of what is named is
seen? Lesson 09 keeps the best of several shapes by it, as CLIP ranks DALL-E's pictures
(arXiv 2102.12092, section 2.6).
"""

from collections.abc import Sequence
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn, tanh

from course_utils.networks.conditioning import Conditioners
from course_utils.networks.conditioning.facts import NamedFacts
from course_utils.networks.layers import normalised


class FromFacts(nn.Module):
    """Guess a shape from facts alone; called as every network, but x only says how many shapes.

    At t = 1 nothing of x0 is left in x_t, and the best denoiser returns the mean of all shapes that
    have the facts. Trained with `loss_in="x0"` this network learns that mean from hundreds of
    conditions per second. A U-Net with the same facts and sketch can begin from it. Returns
    (B, 1, side, ...).

    Args:
        dimensions: Of the grid.
        side: Number of places along each axis of the grid.
        families: Number of families.
        facts: Number of facts.
        width: Features of the conditioner's vector, which is not used here.
    """

    def __init__(self, dimensions: int, side: int, families: int, facts: int, width: int = 128):
        super().__init__()
        self.conditioner = Conditioners([NamedFacts(families, facts, width, dimensions, side)])

    def forward(
        self, x: Tensor, log_snr: Tensor, condition: Tensor | None = None
    ) -> Float[Tensor, "batch 1 *grid"]:
        (sketch,) = self.conditioner(condition, x.shape[0]).grids
        return sketch


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
