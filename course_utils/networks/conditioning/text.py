"""A short text as a condition: one vector (lesson 06)."""

from torch import Tensor

from course_utils.networks.conditioning import Conditioner, Given, Maker
from course_utils.networks.text import TextEncoder


class Text(Conditioner):
    """Token numbers (B, length) -> a summary (B, width).

    Args:
        words: Size of the vocabulary.
        width: Features of the summary.
    """

    name, takes = "text", "tokens"

    def __init__(self, words: int, width: int):
        super().__init__()
        self.encoder = TextEncoder(words, width)

    def given(self, condition: Tensor) -> Given:
        return Given(vectors=(self.encoder(condition),))


def on_text(words: int) -> Maker:
    """Return the maker of a conditioner on texts; see `Text` for the argument."""
    return lambda width, dimensions: Text(words, width)
