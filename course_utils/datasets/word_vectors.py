"""Borrowed word vectors: what a pretrained sentence encoder knows of English words (lesson 09).

`data/words` holds a table of words and parts of words with two vectors each, see its README.md. A
word that is not in the table is cut into the longest parts that are, as WordPiece cuts it
(arXiv 1609.08144, section 4.1), and gets the mean of their vectors.
"""

import zipfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from course_utils.places import REMEDY, WORDS

UNIT = 5.0  # stored steps in one standard deviation
LONGEST_WORD = 60  # letters; a longer word is none


class WordVectors:
    """A table of pieces of words and their vectors.

    Args:
        pieces: P words, and parts that stand inside or at the end of one, as "##s".
        vectors: Float32 (P, width): the first half from the encoder's token table, the second what
            the whole encoder makes of the piece alone.
        steps: Float32 (width,), how much each axis weighs where words are compared.
    """

    def __init__(self, pieces: Sequence[str], vectors: np.ndarray, steps: np.ndarray):
        self.vectors, self.steps = vectors, steps
        self.rows = {piece: row for row, piece in enumerate(pieces)}
        self._known: dict[str, np.ndarray] = {}

    @property
    def width(self) -> int:
        """Numbers per vector."""
        return self.vectors.shape[1]

    @property
    def whole_words(self) -> list[str]:
        """The words that are in the table as a whole."""
        return [piece for piece in self.rows if piece.isalpha()]

    def pieces_of(self, word: str) -> list[str]:
        """Return the pieces of a word; none if it cannot be cut into pieces.

        Args:
            word: One word in lower case.
        """
        if len(word) > LONGEST_WORD:
            return []
        pieces, start = [], 0
        while start < len(word):
            end = len(word)
            while end > start and ("##" * bool(start) + word[start:end]) not in self.rows:
                end -= 1
            if end == start:
                return []
            pieces.append("##" * bool(start) + word[start:end])
            start = end
        return pieces

    def of(self, word: str) -> np.ndarray:
        """Return a word's vector, float32 (width,): zeros if it has no pieces."""
        if word not in self._known:
            rows = [self.rows[piece] for piece in self.pieces_of(word)]
            empty = np.zeros(self.width, dtype=np.float32)
            self._known[word] = self.vectors[rows].mean(axis=0) if rows else empty
        return self._known[word]

    def of_all(self, words: Sequence[str]) -> np.ndarray:
        """Return the vectors of N words, float32 (N, width)."""
        return np.stack([self.of(word) for word in words]) if len(words) else self.vectors[:0]

    def likeness(self, words: Sequence[str], others: Sequence[str]) -> np.ndarray:
        """Return how alike N words and M others are: cosines, float32 (N, M); 0 for no word."""
        half = self.width // 2
        units = []
        for each in (words, others):
            meanings = (self.of_all(each) * self.steps)[:, half:]
            sizes = np.linalg.norm(meanings, axis=1, keepdims=True)
            units.append(meanings / np.maximum(sizes, 1e-6))
        return units[0] @ units[1].T


@cache
def word_vectors(file: Path = WORDS) -> WordVectors:
    """Load the shipped table; its vectors have a standard deviation near 1 along each axis.

    Args:
        file: The packed file.

    Raises:
        ValueError: If the file is missing or damaged.
    """
    try:
        with np.load(file, allow_pickle=False) as stored:
            pieces = stored["pieces"].tobytes().decode("ascii").split("\n")
            vectors = stored["vectors"].astype(np.float32) / UNIT
            steps = stored["steps"]
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{file} is not the table of words ({error}); {REMEDY}") from error
    return WordVectors(pieces, vectors, steps)
