"""Networks that see only a condition; a U-Net with the same conditioners can begin from them.

Lesson 09 uses them.
"""

from jaxtyping import Float, Int
from torch import Tensor, nn

from course_utils.networks.conditioning import Conditioner, Conditioners
from course_utils.networks.conditioning.facts import FactReader, NamedFacts
from course_utils.networks.conditioning.text import Text


class _FromCondition(nn.Module):
    """Guess a shape from a condition alone: x only says how many shapes."""

    def __init__(self, sketching: Conditioner):
        super().__init__()
        self.conditioner = Conditioners([sketching])

    def forward(
        self, x: Tensor, log_snr: Tensor, condition: Tensor | None = None
    ) -> Float[Tensor, "batch 1 *grid"]:
        (sketch,) = self.conditioner(condition, x.shape[0]).grids
        return sketch


class FromText(_FromCondition):
    """Guess a shape from a text alone; called as every network, but x only says how many shapes.

    At t = 1 nothing of x0 is left in x_t, and the best denoiser returns the mean of all shapes that
    fit the text. Trained with `loss_in="x0"` this network learns that mean from hundreds of texts
    per second. A U-Net with the same width, vocabulary and sketch can begin from it. Returns
    (B, 1, side, ...).

    Args:
        dimensions: Of the grid.
        side: Number of places along each axis of the grid.
        words: Size of the vocabulary.
        width: Features of the text encoder.
        hidden: Features of the hidden layer after it.
    """

    def __init__(self, dimensions: int, side: int, words: int, width: int = 128, hidden: int = 512):
        super().__init__(Text(words, width, dimensions, sketch=side, hidden=hidden))


class FromFacts(_FromCondition):
    """Guess a shape from facts alone, as `FromText` does from a text; returns (B, 1, side, ...).

    Args:
        dimensions: Of the grid.
        side: Number of places along each axis of the grid.
        families: Number of families.
        facts: Number of facts.
        width: Features of the conditioner's vector, which is not used here.
    """

    def __init__(self, dimensions: int, side: int, families: int, facts: int, width: int = 128):
        super().__init__(NamedFacts(families, facts, width, dimensions, side))


class FactsOfText(nn.Module):
    """Read the facts that texts name: token numbers (B, length) -> (B, facts) in [-1, 1].

    It is a `FactReader` whose weights have the names that they have in a U-Net.

    Args:
        words: Size of the vocabulary.
        facts: Number of facts.
    """

    def __init__(self, words: int, facts: int):
        super().__init__()
        reader = nn.ModuleDict({"reader": FactReader(words, facts)})
        self.conditioner = nn.ModuleDict({"facts": reader})

    def forward(self, tokens: Int[Tensor, " batch *length"]) -> Float[Tensor, "batch facts"]:
        return self.conditioner["facts"]["reader"](tokens)
