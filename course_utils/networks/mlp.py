"""A small residual network for points: what lessons 01 to 03 train. Called like every other network
of the course.
"""

from torch import Tensor, nn

from course_utils.networks.embedding import Embedding


class MLP(nn.Module):
    """A denoising network for vectors: x (B, features), log_snr (B,), condition as in Embedding ->
    (B, features).
    """

    def __init__(
        self, features: int = 2, width: int = 128, depth: int = 3, classes: int = 0, words: int = 0
    ):
        super().__init__()
        self.embedding = Embedding(width, classes, words)
        self.inlet = nn.Linear(features, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width)
            )
            for _ in range(depth)
        )
        self.outlet = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, features))

    def forward(self, x: Tensor, log_snr: Tensor, condition: Tensor | None = None) -> Tensor:
        embedded = self.embedding(log_snr, condition)
        h = self.inlet(x)
        for block in self.blocks:
            h = h + block(h + embedded)
        return self.outlet(h)
