"""A short text as a condition: as one vector (lesson 06), word by word through cross-attention, and
as a sketch (lesson 09).
"""

from torch import Tensor

from course_utils.networks.conditioning import Conditioner, Given, Maker
from course_utils.networks.conditioning.sketch import Sketch
from course_utils.networks.text import TextEncoder


class Text(Conditioner):
    """Token numbers (B, length) -> a summary (B, width) and, if wanted, tokens and a sketch.

    Args:
        words: Size of the vocabulary.
        width: Features of the summary and of each token.
        dimensions: Of the sketch.
        reads: Whether the network may read the text word by word: gives tokens.
        sketch: Side of the sketch, which is drawn from the summary; 0 for none.
        hidden: Features of the hidden layer of the sketch.
    """

    name, takes = "text", "tokens"

    def __init__(
        self,
        words: int,
        width: int,
        dimensions: int = 0,
        reads: bool = False,
        sketch: int = 0,
        hidden: int = 512,
    ):
        super().__init__()
        self.gives_tokens, self.grid_channels = reads, int(sketch > 0)
        self.encoder = TextEncoder(words, width)
        self.sketch = Sketch(dimensions, sketch, width, hidden) if sketch else None

    def given(self, condition: Tensor) -> Given:
        tokens, absent = self.encoder.read(condition)
        summary = self.encoder.summary(tokens, absent)
        return Given(
            vectors=(summary,),
            tokens=tokens if self.gives_tokens else None,
            absent=absent if self.gives_tokens else None,
            grids=() if self.sketch is None else (self.sketch(summary),),
        )


def on_text(words: int, reads: bool = False, sketch: int = 0) -> Maker:
    """Return the maker of a conditioner on texts; see `Text` for the arguments."""
    return lambda width, dimensions: Text(words, width, dimensions, reads, sketch)
