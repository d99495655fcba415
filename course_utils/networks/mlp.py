"""A small residual network for points, called as every network of the course is.

Lessons 01 to 03 train it.
"""

from jaxtyping import Float
from torch import Tensor, nn

from course_utils.networks.conditioning import Maker, several, unconditional
from course_utils.networks.embedding import NoiseLevelEmbedding


class MLP(nn.Module):
    """A denoising network for vectors, called as mlp(x, log_snr, condition).

    x is (B, features), log_snr (B,), condition what the conditioner takes, or None; the result is
    (B, features).

    Args:
        features: Numbers per vector.
        width: Features inside.
        depth: Number of residual blocks.
        conditioner: Maker of a conditioner that gives vectors alone, such as `on_labels(5)`.

    Raises:
        ValueError: If the conditioner gives grids.
    """

    def __init__(
        self,
        features: int = 2,
        width: int = 128,
        depth: int = 3,
        conditioner: Maker = unconditional,
    ):
        super().__init__()
        self.noise_level = NoiseLevelEmbedding(width)
        self.conditioner = several(conditioner)(width, 0)
        if self.conditioner.grid_channels:
            raise ValueError(
                "conditioner gives grids; an MLP only takes vectors: use one without a sketch, or a"
                " UNet"
            )
        self.inlet = nn.Linear(features, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width)
            )
            for _ in range(depth)
        )
        self.outlet = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, features))

    def forward(
        self,
        x: Float[Tensor, "batch features"],
        log_snr: Float[Tensor, " batch"],
        condition: Tensor | None = None,
    ) -> Float[Tensor, "batch features"]:
        given = self.conditioner(condition, x.shape[0])
        embedded = sum(given.vectors, self.noise_level(log_snr))
        h = self.inlet(x)
        for block in self.blocks:
            h = h + block(h + embedded)
        return self.outlet(h)
