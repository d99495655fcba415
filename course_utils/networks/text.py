"""From a short text to a vector: a vocabulary and a small transformer. What it conditions may have
any dimension.

`FromText` is a network of nothing else: it learns what a text says before a U-Net is there to
listen. `FactReader` finds what a text names, as a row of facts.

Lesson 06 builds it for pictures, lesson 09 uses it for shapes. Sources: the transformer (arXiv
1706.03762), a summary token that collects the text (BERT's [CLS], arXiv 1810.04805, section 3).
"""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

import torch
from torch import Tensor, nn

REACH = 3  # words to each side that `FactReader` sees
FEW = 40  # words that an error message lists one by one


class Vocabulary:
    """The words that texts may use, and their numbers: the place of each in `words`.

    Words are runs of letters and digits, in lower case; everything else separates them.
    """

    def __init__(self, words: Sequence[str]):
        self.words = list(words)
        self._numbers = {word: number for number, word in enumerate(self.words)}
        if len(self._numbers) != len(self.words) or any(
            split(word) != [word] for word in self.words
        ):
            raise ValueError(
                f"words is {self.words}; expected different single words in lower case"
            )

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Vocabulary":
        """All words that occur in some texts, in alphabetical order."""
        return cls(sorted({word for text in texts for word in split(text)}))

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, texts: str | Sequence[str]) -> Tensor:
        """Token numbers (B, length), int64, -1 behind the end of a shorter text; one text gives B =
        1.

        ValueError names the words that are not in the vocabulary, known ones that are spelt like
        them, and all if they are few. The empty text is nothing said: -1 only.
        """
        texts = [texts] if isinstance(texts, str) else list(texts)
        rows = [split(text) for text in texts]
        strange = sorted({word for row in rows for word in row if word not in self._numbers})
        if strange:
            few = len(self) <= FEW
            known = (
                f"the words are {', '.join(self.words)}"
                if few
                else f"all {len(self)} words are in `words`"
            )
            raise ValueError(f"unknown word: {', '.join(map(self._with_near, strange))}; {known}")
        length = max([1, *map(len, rows)])
        numbers = [
            [self._numbers[word] for word in row] + [-1] * (length - len(row)) for row in rows
        ]
        return torch.tensor(numbers, dtype=torch.int64).reshape(len(rows), length)

    def _with_near(self, word: str) -> str:
        near = get_close_matches(word, self.words, cutoff=0.7)
        return f"{word} (near: {', '.join(near)})" if near else word

    def decode(self, tokens: Tensor) -> list[str]:
        """The texts that token numbers (B, length) stand for."""
        return [
            " ".join(self.words[number] for number in row if number >= 0) for row in tokens.tolist()
        ]


def split(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return re.findall(r"[a-z0-9]+", text.lower())


class TextEncoder(nn.Module):
    """Token numbers (B, length) -> (B, width), through a small transformer; -1 is no token.

    A summary token goes before the text and gathers what it says; where all tokens are -1 it has
    nothing to gather, and gives a learned "nothing said". words: size of the vocabulary.  longest:
    most tokens in a text.
    """

    def __init__(self, words: int, width: int, layers: int = 2, heads: int = 4, longest: int = 24):
        super().__init__()
        self.tokens = nn.Embedding(words, width)
        self.places = nn.Parameter(
            0.1 * torch.randn(longest + 1, width)
        )  # number 0 is the summary token
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, heads, 2 * width, 0.0, batch_first=True, norm_first=True
            )
            for _ in range(layers)
        )
        self.outlet = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width))

    def read(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """The summary and the words in the light of each other (B, 1 + length, width), and where
        none is, bool.

        tokens: (B, length); (B,) is a text of one word, or of none.
        """
        tokens = tokens[:, None] if tokens.ndim == 1 else tokens
        if tokens.ndim != 2 or tokens.shape[1] >= len(self.places):
            raise ValueError(
                f"tokens has shape {tuple(tokens.shape)}; expected (B, length), length at most"
                f" {len(self.places) - 1}"
            )
        absent = nn.functional.pad(
            tokens < 0, (1, 0)
        )  # (B, 1 + length); the summary is always there
        h = (
            nn.functional.pad(self.tokens(tokens.clamp(min=0)), (0, 0, 1, 0))
            + self.places[: absent.shape[1]]
        )
        for layer in self.layers:
            h = layer(h, src_key_padding_mask=absent)
        return h, absent

    def summary(self, h: Tensor, absent: Tensor) -> Tensor:
        """What was read, as one vector (B, width)."""
        present = (~absent).to(h.dtype)[:, :, None]
        return self.outlet((h * present).sum(1) / present.sum(1))

    def forward(self, tokens: Tensor) -> Tensor:
        return self.summary(*self.read(tokens))


class Sketch(nn.Module):
    """A text's summary (B, width) -> a coarse grid (B, 1, side, ...): what the text says about each
    place.
    """

    def __init__(self, dimensions: int, side: int, width: int, hidden: int = 512):
        super().__init__()
        self.grid = (1, *[side] * dimensions)
        self.layers = nn.Sequential(
            nn.SiLU(), nn.Linear(width, hidden), nn.SiLU(), nn.Linear(hidden, side**dimensions)
        )

    def forward(self, summary: Tensor) -> Tensor:
        return self.layers(summary).unflatten(1, self.grid)


class FromText(nn.Module):
    """The guess that a text alone allows: called like every network, it looks at x for the number
    of shapes only.

    At t = 1 nothing is left of x0 in x_t, and the best denoiser says the mean of all shapes that
    fit the text. Trained with `loss_in="x0"` this network learns that mean, hundreds of texts a
    second, and a U-Net with the same width, vocabulary and sketch can begin from it. Returns (B, 1,
    side, ...).

    side: of the grid.  words: size of the vocabulary.  width: of the text encoder.  hidden:
        features behind it.
    """

    def __init__(self, dimensions: int, side: int, words: int, width: int = 128, hidden: int = 512):
        super().__init__()
        self.embedding = nn.ModuleDict({"text": TextEncoder(words, width)})
        self.sketch = Sketch(dimensions, side, width, hidden)

    def forward(self, x: Tensor, log_snr: Tensor, condition: Tensor | None = None) -> Tensor:
        tokens = torch.full((len(x),), -1, device=x.device) if condition is None else condition
        return self.sketch(self.embedding["text"](tokens))


class FactReader(nn.Module):
    """Which facts a text names: token numbers (B, length) -> (B, facts) in [-1, 1], 2 p - 1 with p
    the probability.

    A fact is an attribute with the values that a phrase gives it (`datasets.captions.FACTS`).
    Convolutions see a word and three neighbours on each side. Each place votes for itself and the
    loudest vote counts, so no phrase can silence another: what it has never met together it reads
    all the same. (A transformer, whose words all see each other, learns of what never comes
    together that one excludes the other.)
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
        tokens = nn.functional.pad(
            tokens, (0, REACH), value=-1
        )  # a longer neighbour in the batch changes nothing
        there = (tokens >= 0)[:, :, None]  # (B, length, 1)
        h = self.words(tokens.clamp(min=0)) * there
        h = nn.functional.silu(self.inlet(h.transpose(1, 2)))  # (B, hidden, length)
        for layer in self.layers:
            h = h + nn.functional.silu(layer(h))
        return torch.tanh(self.votes(h.transpose(1, 2)) / 2).masked_fill(~there, -1.0).amax(dim=1)


class FactsOfText(nn.Module):
    """The facts that a text names: network(x, log_snr, tokens) -> (B, facts), whatever x (B, facts)
    is.
    """

    def __init__(self, words: int, facts: int):
        super().__init__()
        self.facts = FactReader(words, facts)

    def forward(self, x: Tensor, log_snr: Tensor, condition: Tensor | None = None) -> Tensor:
        tokens = torch.full((len(x),), -1, device=x.device) if condition is None else condition
        return self.facts(tokens)
