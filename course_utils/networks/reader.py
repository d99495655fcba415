"""A network that reads what a text names from the vectors of its words (lesson 09)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Reader(nn.Module):
    """Read the families and facts that a text names: vectors (B, length, width) -> (B, outputs).

    The result is 2 p - 1, where p is the probability that the text names the family or fact. The
    first outputs are the families, the others the facts. A vector of zeros is no word.

    Convolutions see a word and its neighbours. Each place votes for itself and the loudest vote
    counts, so no phrase can silence another, even if the two never met in training. (In a
    transformer all words see each other; from phrases that never come together it learns that one
    excludes the other.) What the words are is not its business: their vectors are borrowed, or
    learned by a table in front of it.

    Args:
        families: Number of families.
        facts: Number of facts.
        width: Numbers per word.
        hidden: Features of a place.
    """

    def __init__(self, families: int, facts: int, width: int = 128, hidden: int = 192):
        super().__init__()
        self.inlet = nn.Conv1d(width, hidden, 3, padding=1)
        self.layers = nn.ModuleList(
            nn.Conv1d(hidden, hidden, 3, padding=dilation, dilation=dilation) for dilation in (1, 2)
        )
        self.drop = nn.Dropout(0.1)
        self.outlet = nn.Linear(hidden, families + facts)
        nn.init.constant_(self.outlet.bias, -4.0)  # most facts are not named

    def votes(
        self, vectors: Float[Tensor, "batch length width"]
    ) -> Float[Tensor, "batch length outputs"]:
        """Return the logit of every output at every place; -inf where there is no word."""
        present = vectors.abs().sum(-1, keepdim=True) > 0  # (B, length, 1)
        there = present.transpose(1, 2)  # what follows the end of a text changes nothing
        h = nn.functional.silu(self.inlet(vectors.transpose(1, 2))) * there  # (B, hidden, length)
        for layer in self.layers:
            h = (h + nn.functional.silu(layer(self.drop(h)))) * there
        return self.outlet(h.transpose(1, 2)).masked_fill(~present, -torch.inf)

    def forward(
        self, vectors: Float[Tensor, "batch length width"]
    ) -> Float[Tensor, "batch outputs"]:
        return torch.tanh(self.votes(vectors).amax(dim=1) / 2)
