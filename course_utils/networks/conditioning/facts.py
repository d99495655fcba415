"""Facts as a condition: read from a text by the network itself, or given as numbers (lesson 09)."""

import torch
from torch import Tensor, nn

from course_utils.networks.conditioning import Conditioner, Given, Maker
from course_utils.networks.conditioning.sketch import Sketch
from course_utils.networks.layers import zeroed

REACH = 3  # words to each side that `FactReader` sees


class FactReader(nn.Module):
    """Read which facts a text names: token numbers (B, length) -> (B, facts) in [-1, 1].

    The result is 2 p - 1, where p is the probability that the text names the fact. A fact is an
    attribute with the values that a phrase gives it (`datasets.captions.facts_of`).

    Convolutions see a word and its three neighbours on each side. Each place votes for itself and
    the loudest vote counts, so no phrase can silence another, even if the two never met in
    training. (In a transformer all words see each other; from phrases that never come together it
    learns that one excludes the other.)

    Args:
        words: Size of the vocabulary.
        facts: Number of facts.
        width: Features of a word.
        hidden: Features of a place.
    """

    def __init__(self, words: int, facts: int, width: int = 96, hidden: int = 192):
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.inlet = nn.Conv1d(width, hidden, 3, padding=1)
        self.layers = nn.ModuleList(nn.Conv1d(hidden, hidden, 3, padding=1) for _ in range(2))
        self.votes = nn.Linear(hidden, facts)
        nn.init.constant_(self.votes.bias, -4.0)  # most facts are not named

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens[:, None] if tokens.ndim == 1 else tokens
        # a longer text in the same batch changes nothing
        tokens = nn.functional.pad(tokens, (0, REACH), value=-1)
        present = (tokens >= 0)[:, :, None]  # (B, length, 1)
        h = self.words(tokens.clamp(min=0)) * present
        h = nn.functional.silu(self.inlet(h.transpose(1, 2)))  # (B, hidden, length)
        for layer in self.layers:
            h = h + nn.functional.silu(layer(h))
        votes = torch.tanh(self.votes(h.transpose(1, 2)) / 2)  # (B, length, facts)
        return votes.masked_fill(~present, -1.0).amax(dim=1)


class Facts(Conditioner):
    """Token numbers (B, length) -> a vector (B, width), a sum over the facts that the text names.

    It begins at zero. A network can begin from a trained reader (`text_only.FactsOfText`).

    Args:
        words: Size of the vocabulary.
        facts: Number of facts.
        width: Features of the vector.
    """

    name, takes = "facts", "tokens"

    def __init__(self, words: int, facts: int, width: int):
        super().__init__()
        self.reader = FactReader(words, facts)
        self.outlet = zeroed(nn.Linear(facts, width))

    def named(self, tokens: Tensor) -> Tensor:
        """Return how surely texts (B, length) name each fact: (B, facts) in [-1, 1]."""
        return self.reader(tokens)

    def given(self, condition: Tensor) -> Given:
        return Given(vectors=(self.outlet(1 + self.named(condition)),))


def on_facts(words: int, facts: int) -> Maker:
    """Return the maker of a conditioner on facts; see `Facts` for the arguments."""
    return lambda width, dimensions: Facts(words, facts, width)


class NamedFacts(Conditioner):
    """Families and facts that are named (B, families + facts) -> a vector (B, width), a sketch.

    Each number is 1 where a family or a fact is named and -1 where it is not; in between it is
    named by a reader that is not sure. All -1 is nothing said. The families come first, then the
    facts in the order of `datasets.captions.facts_of`. The vector begins at zero.

    Args:
        families: Number of families.
        facts: Number of facts.
        width: Features of the vector.
        dimensions: Of the sketch.
        sketch: Side of the sketch; 0 for none.
        hidden: Features of the hidden layers.
    """

    name, takes = "named", "facts"

    def __init__(
        self,
        families: int,
        facts: int,
        width: int,
        dimensions: int = 0,
        sketch: int = 0,
        hidden: int = 512,
    ):
        super().__init__()
        self.named, self.grid_channels = families + facts, int(sketch > 0)
        self.inlet = nn.Linear(self.named, hidden)
        self.outlet = zeroed(nn.Linear(hidden, width))
        self.sketch = Sketch(dimensions, sketch, hidden, hidden) if sketch else None

    def given(self, condition: Tensor) -> Given:
        if condition.ndim == 1:  # nothing said
            condition = condition[:, None].expand(-1, self.named)
        if condition.shape[1:] != (self.named,):
            raise ValueError(
                f"condition has shape {tuple(condition.shape)}; expected (B, {self.named}), a"
                " number for each family and each fact"
            )
        said = self.inlet((1 + condition.to(self.inlet.weight.dtype)) / 2)
        return Given(
            vectors=(self.outlet(nn.functional.silu(said)),),
            grids=() if self.sketch is None else (self.sketch(said),),
        )


def on_named_facts(families: int, facts: int, sketch: int = 0) -> Maker:
    """Return the maker of a conditioner on facts that are given; see `NamedFacts`."""
    return lambda width, dimensions: NamedFacts(families, facts, width, dimensions, sketch)
