"""From a short text to a vector: a vocabulary and a small transformer (lesson 06).

Sources: the transformer (arXiv 1706.03762); a summary token that gathers the text (BERT's [CLS],
arXiv 1810.04805, section 3). `conditioning.text` puts it into a network.
"""

from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from course_utils.networks.words import named, split, tokens_of, words_of

FEW = 40  # words that an error message lists one by one


class Vocabulary:
    """The words that texts may use; the number of a word is its place in `words`.

    Words stand between white space and punctuation (`networks.words`), in lower case.
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
        """Return the vocabulary of all words in some texts, in alphabetical order."""
        return cls(sorted({word for text in texts for word in split(text)}))

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, texts: str | Sequence[str]) -> Tensor:
        """Return token numbers, padded with -1 after the end of a text.

        The empty text says nothing: it is -1 throughout.

        Args:
            texts: B texts; a single string is one text.

        Returns:
            int64, (B, length), as long as the longest.

        Raises:
            ValueError: For words that are not in the vocabulary (with known words that are spelt
                alike, and all words if they are few).
        """
        texts = [texts] if isinstance(texts, str) else texts
        self._check_words(texts)
        rows = [split(text) for text in texts]
        length = max([1, *map(len, rows)])
        numbers = [
            [self._numbers[word] for word in row] + [-1] * (length - len(row)) for row in rows
        ]
        return torch.tensor(numbers, dtype=torch.int64).reshape(len(rows), length)

    def unknown(self, texts: Iterable[str]) -> list[str]:
        """Return what texts have that is no known word: whole, as typed, in order, once each."""
        found: dict[tuple[str, ...], str] = {}
        for token in (token for text in texts for token in tokens_of(text)):
            words = tuple(words_of(token))
            if not self._numbers.keys() >= set(words):
                found.setdefault(words, token)
        return list(found.values())

    def _check_words(self, texts: Iterable[str]) -> None:
        unknown = self.unknown(texts)
        if not unknown:
            return
        known = f"all {len(self)} words are in `words`"
        if len(self) <= FEW:
            known = f"the words are {', '.join(self.words)}"
        raise ValueError(f"unknown word: {named(unknown, self.words)}; {known}")


class TextEncoder(nn.Module):
    """Encode token numbers (B, length) as vectors (B, width) with a small transformer.

    -1 is no token. A summary token stands before the text and gathers what it says. Where all
    tokens are -1 it has nothing to gather, and the result is a learned "nothing said".

    Args:
        words: Size of the vocabulary.
        width: Features of the result, and of each token inside.
        layers: Number of transformer layers.
        heads: Attention heads per layer.
        longest: Most tokens per text.
    """

    def __init__(self, words: int, width: int, layers: int = 2, heads: int = 4, longest: int = 24):
        super().__init__()
        self.tokens = nn.Embedding(words, width)
        self.places = nn.Parameter(0.1 * torch.randn(longest + 1, width))  # 0 is the summary token
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, heads, 2 * width, 0.0, batch_first=True, norm_first=True
            )
            for _ in range(layers)
        )
        self.outlet = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width))

    def forward(self, tokens: Int[Tensor, " batch *length"]) -> Float[Tensor, "batch width"]:
        """Return the mean over the summary token and the words, after attention to each other.

        Args:
            tokens: (B, length); (B,) is a text of one word, or of none.
        """
        tokens = tokens[:, None] if tokens.ndim == 1 else tokens
        if tokens.ndim != 2 or tokens.shape[1] >= len(self.places):
            raise ValueError(
                f"tokens has shape {tuple(tokens.shape)}; expected (B, length), length at most"
                f" {len(self.places) - 1}"
            )
        absent = functional.pad(tokens < 0, (1, 0))  # the summary is always there
        words = functional.pad(self.tokens(tokens.clamp(min=0)), (0, 0, 1, 0))
        h = words + self.places[: absent.shape[1]]
        for layer in self.layers:
            h = layer(h, src_key_padding_mask=absent)
        present = (~absent).to(h.dtype)[:, :, None]
        return self.outlet((h * present).sum(1) / present.sum(1))
