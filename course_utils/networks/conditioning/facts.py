"""The facts that a text names as a condition (lesson 09)."""

import torch
from torch import Tensor, nn

from course_utils.networks.conditioning import Conditioner, Given, Maker
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
