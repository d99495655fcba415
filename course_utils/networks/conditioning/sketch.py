"""A sketch: a coarse grid that says what a condition means for each place (lesson 09)."""

from torch import Tensor, nn


class Sketch(nn.Module):
    """Draw a coarse grid (B, 1, side, ...) from a vector (B, width).

    Args:
        dimensions: Of the grid.
        side: Number of places along each axis of the grid.
        width: Features of the vector.
        hidden: Features of the hidden layer.
    """

    def __init__(self, dimensions: int, side: int, width: int, hidden: int = 512):
        super().__init__()
        self.grid = (1, *[side] * dimensions)
        self.layers = nn.Sequential(
            nn.SiLU(), nn.Linear(width, hidden), nn.SiLU(), nn.Linear(hidden, side**dimensions)
        )

    def forward(self, vector: Tensor) -> Tensor:
        return self.layers(vector).unflatten(1, self.grid)
