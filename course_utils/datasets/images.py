"""Small pictures of characters: handwritten digits, and digits and capitals in hundreds of
typefaces.

Lessons 04 to 06 train on them. A picture is ink on paper, float32 (1, H, W): -1 is paper, 1 is ink.
Everything that a caption says of a letter can be measured in the picture (`stroke_width`, `slant`,
`aspect`), so words can be checked.

Digits: E. Alpaydin and C. Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine Learning
Repository, 1998, in the copy that scikit-learn ships. Letters: `data/glyphs16`, drawn from openly
licensed fonts (see its README.md).
"""

import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from course_utils.places import GLYPHS, REMEDY

CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGIT_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class Pictures(NamedTuple):
    """pixels (N, 1, H, W) float32 in [-1, 1], labels (N,) int64, and the name of each class."""

    pixels: Tensor
    labels: Tensor
    names: tuple[str, ...]


def digits(test: bool = False) -> Pictures:
    """Load handwritten digits, 8 x 8: 1,197 for training or, with `test`, the 600 held out.

    The split is the same everywhere, with 60 of each digit held out on average. The writers are not
    recorded, so one writer may be on both sides.
    """
    from sklearn.datasets import load_digits

    data = load_digits()
    order = np.random.Generator(np.random.PCG64(0)).permutation(len(data.target))
    rows = order[1197:] if test else order[:1197]
    pixels = torch.from_numpy(data.images[rows]).float()[:, None] / 8 - 1
    return Pictures(pixels, torch.from_numpy(data.target[rows]).long(), DIGIT_NAMES)


def glyphs(characters: str = CHARACTERS, test: bool = False, file: str | Path = GLYPHS) -> Pictures:
    """Load characters in many typefaces, 16 x 16.

    Args:
        characters: Different characters out of CHARACTERS; labels count in their order.
        test: Only the type families that are held out, one in six; otherwise only the others.
        file: The packed file.

    Raises:
        ValueError: If a character is not in CHARACTERS, or the file is missing or damaged.
    """
    strange = [character for character in characters if character not in CHARACTERS]
    if strange or not characters or len(set(characters)) != len(characters):
        raise ValueError(f"characters is {characters!r}; choose different ones out of {CHARACTERS}")
    try:
        with np.load(file, allow_pickle=False) as stored:
            packed, family = stored["packed"], stored["family"]
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{file} is not the file of letters ({error}); {REMEDY}") from error
    columns = [CHARACTERS.index(character) for character in characters]
    chosen = packed[(family % 6 == 5) == test][:, columns]  # a byte holds two pixels
    levels = np.stack([chosen >> 4, chosen & 15], axis=-1).reshape(-1, 1, 16, 16)
    labels = torch.arange(len(characters)).repeat(len(chosen))
    names = tuple(DIGIT_NAMES[int(c)] if c.isdigit() else f"letter {c.lower()}" for c in characters)
    return Pictures(torch.from_numpy(levels).float() / 7.5 - 1, labels, names)


# ---- what can be measured in a picture -----------------------------------------------------------


def ink(pixels: Tensor) -> Tensor:
    """Return how much ink lies on each pixel, from 0 to 1: (N, 1, H, W) to (N, H, W)."""
    if pixels.ndim != 4 or pixels.shape[1] != 1:
        raise ValueError(f"pixels has shape {tuple(pixels.shape)}; expected (N, 1, H, W)")
    return ((pixels[:, 0] + 1) / 2).clamp(0, 1)


def stroke_width(pixels: Tensor) -> Tensor:
    """Return the mean stroke width of pictures (N, 1, H, W), in pixels: (N,).

    A stroke of width w and length l has area w l and an outline of 2 l.
    """
    amount = torch.nn.functional.pad(ink(pixels), (1, 1, 1, 1))
    across, down = amount.diff(dim=2)[:, 1:], amount.diff(dim=1)[:, :, 1:]
    outline = (across.square() + down.square() + 1e-12).sqrt().sum((1, 2))
    return 2 * amount.sum((1, 2)) / outline.clamp(min=1e-6)


def slant(pixels: Tensor) -> Tensor:
    """Return how far pictures (N, 1, H, W) lean, in pixels to the right per pixel up: (N,).

    It is the regression of the ink's x on its height, cov(x, y) / var(y): 0 is upright, and 0.2 a
    usual italic.
    """
    amount = ink(pixels)
    height, width = amount.shape[1:]
    y, x = (side / 2 - 0.5 - torch.arange(side, dtype=amount.dtype) for side in (height, width))
    y, x = y[:, None].to(amount.device), -x[None, :].to(amount.device)
    total = amount.sum((1, 2)).clamp(min=1e-6)
    mean = [(amount * axis).sum((1, 2)) / total for axis in (x, y)]
    x, y = x - mean[0][:, None, None], y - mean[1][:, None, None]
    return (amount * x * y).sum((1, 2)) / (amount * y * y).sum((1, 2)).clamp(min=1e-6)


def aspect(pixels: Tensor) -> Tensor:
    """Return the ratio of width to height of the ink's bounding box, for (N, 1, H, W): (N,).

    Pixels with less than a quarter of the ink do not count.
    """
    dark = ink(pixels) > 0.25
    sides = [dark.any(axis).sum(1) for axis in (1, 2)]  # columns with ink, rows with ink
    return sides[0] / sides[1].clamp(min=1)


# a measure, and the words for little and for much of it; None: captions have no word for it
TRAITS = {
    "stroke": (stroke_width, "thin", "thick"),
    "slant": (slant, None, "slanted"),
    "aspect": (aspect, "narrow", "wide"),
}
LITTLE, MUCH = 0.25, 0.75  # quantiles within a character, below and above which a word applies


class Describer:
    """Describes a picture among those of its character: thin or thick, slanted, narrow or wide.

    It takes the quantiles of each character from the pictures that it is made with, and uses them
    to describe any others.
    """

    def __init__(self, pictures: Pictures):
        self.names = pictures.names
        limits = torch.tensor([LITTLE, MUCH])
        self.limits = {}  # trait -> (classes, 2)
        for trait, (measure, _, _) in TRAITS.items():
            values = measure(pictures.pixels)
            rows = [
                values[pictures.labels == label].quantile(limits)
                for label in range(len(self.names))
            ]
            self.limits[trait] = torch.stack(rows)

    def traits(self, pixels: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Return for each trait whether there is little (-1) or much (1) of it, else 0: {trait:
        (N,)}.

        Args:
            pixels: Pictures, (N, 1, H, W).
            labels: Their intended classes, (N,).
        """
        found = {}
        for trait, (measure, _, _) in TRAITS.items():
            values, (low, high) = measure(pixels), self.limits[trait][labels].T
            found[trait] = (values > high).int() - (values < low).int()
        return found

    def obeys(self, word: str, pixels: Tensor, labels: Tensor) -> Tensor:
        """Return whether each picture is what a word says: bool (N,).

        Args:
            word: A word of TRAITS.
            pixels: Pictures, (N, 1, H, W).
            labels: Their intended classes, (N,).

        Raises:
            ValueError: If the word cannot be measured.
        """
        for trait, (_, little, much) in TRAITS.items():
            if word in (little, much):
                return self.traits(pixels, labels)[trait] == (1 if word == much else -1)
        known = [word for _, *words in TRAITS.values() for word in words if word]
        raise ValueError(f"word is {word!r}; what can be measured is {', '.join(known)}")

    def captions(
        self, pixels: Tensor, labels: Tensor, seed: int = 0, word_chance: float = 0.7
    ) -> list[str]:
        """Write one caption per picture, such as "a thick slanted seven".

        Words are left out at random, so that a short caption means "whatever else", not "nothing
        else".

        Args:
            pixels: Pictures, (N, 1, H, W).
            labels: Their classes, (N,).
            seed: Seed of the choice of words.
            word_chance: Chance that a word that applies is used.
        """
        random = np.random.Generator(np.random.PCG64(seed))
        used = random.random((len(TRAITS), len(pixels))) < word_chance
        found = [self.traits(pixels, labels)[trait].tolist() for trait in TRAITS]
        captions = []
        for row, label in enumerate(labels.tolist()):
            words = [
                words[0] if found[k][row] < 0 else words[1] if found[k][row] > 0 else None
                for k, (_, *words) in enumerate(TRAITS.values())
                if used[k, row]
            ]
            captions.append(" ".join(["a", *filter(None, words), self.names[label]]))
        return captions
