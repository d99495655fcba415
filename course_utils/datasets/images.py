"""Small pictures of characters: handwritten digits, and digits and capital letters in hundreds of
typefaces.

Lessons 04 to 06 train on them. A picture is ink on paper, float32 (1, H, W): -1 is paper, 1 is ink.
What a caption says of a letter can be measured back from the picture (`stroke_width`, `slant`,
`aspect`), so that words can be checked.

Digits: E. Alpaydin and C. Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine Learning
Repository, 1998, in the copy that scikit-learn ships. Letters: `data/glyphs16`, drawn from openly
licensed fonts (its README.md).
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
    """Handwritten digits, 8 x 8: 1,197 to train on, or with `test` the 600 that are held out, 60 of
    each on average.

    Which ones is the same everywhere. The writers are not recorded, so one writer may stand on both
    sides.
    """
    from sklearn.datasets import load_digits

    data = load_digits()
    order = np.random.Generator(np.random.PCG64(0)).permutation(len(data.target))
    rows = order[1197:] if test else order[:1197]
    pixels = torch.from_numpy(data.images[rows]).float()[:, None] / 8 - 1
    return Pictures(pixels, torch.from_numpy(data.target[rows]).long(), DIGIT_NAMES)


def glyphs(characters: str = CHARACTERS, test: bool = False, file: str | Path = GLYPHS) -> Pictures:
    """The chosen characters in every typeface, 16 x 16; with `test` only the families that are held
    out (one in six).

    Labels count in the order of `characters`. ValueError for a character that is none of
    CHARACTERS, and for a file that is missing or damaged.
    """
    strange = [character for character in characters if character not in CHARACTERS]
    if strange or not characters or len(set(characters)) != len(characters):
        raise ValueError(f"characters is {characters!r}; choose different ones out of {CHARACTERS}")
    try:
        with np.load(file, allow_pickle=False) as stored:
            packed, family = stored["packed"], stored["family"]
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{file} is not the file of letters ({error}); {REMEDY}") from error
    chosen = packed[(family % 6 == 5) == test][
        :, [CHARACTERS.index(character) for character in characters]
    ]
    levels = np.stack([chosen >> 4, chosen & 15], axis=-1).reshape(
        -1, 1, 16, 16
    )  # two pixels a byte
    labels = torch.arange(len(characters)).repeat(len(chosen))
    names = tuple(DIGIT_NAMES[int(c)] if c.isdigit() else f"letter {c.lower()}" for c in characters)
    return Pictures(torch.from_numpy(levels).float() / 7.5 - 1, labels, names)


# ---- what can be measured in a picture -----------------------------------------------------------


def ink(pixels: Tensor) -> Tensor:
    """How much ink lies on each pixel, from 0 to 1: (N, H, W) from pictures (N, 1, H, W)."""
    if pixels.ndim != 4 or pixels.shape[1] != 1:
        raise ValueError(f"pixels has shape {tuple(pixels.shape)}; expected (N, 1, H, W)")
    return ((pixels[:, 0] + 1) / 2).clamp(0, 1)


def stroke_width(pixels: Tensor) -> Tensor:
    """Mean width of the strokes in pixels: (N,). A stroke of width w and length l has area w l and
    outline 2 l.
    """
    amount = torch.nn.functional.pad(ink(pixels), (1, 1, 1, 1))
    across, down = amount.diff(dim=2)[:, 1:], amount.diff(dim=1)[:, :, 1:]
    outline = (across.square() + down.square() + 1e-12).sqrt().sum((1, 2))
    return 2 * amount.sum((1, 2)) / outline.clamp(min=1e-6)


def slant(pixels: Tensor) -> Tensor:
    """How far a picture leans: pixels to the right for each pixel up, (N,); 0 is upright, 0.2 a
    usual italic.

    The regression of the ink's x on its height: cov(x, y) / var(y).
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
    """Width over height of the ink's bounding box, (N,); ink of less than a quarter does not
    count.
    """
    dark = ink(pixels) > 0.25
    sides = [dark.any(axis).sum(1) for axis in (1, 2)]  # columns with ink, rows with ink
    return sides[0] / sides[1].clamp(min=1)


# what is measured, and the words for little and for much of it; None where a caption is silent
TRAITS = {
    "stroke": (stroke_width, "thin", "thick"),
    "slant": (slant, None, "slanted"),
    "aspect": (aspect, "narrow", "wide"),
}
LITTLE, MUCH = 0.25, 0.75  # quantiles, within a character, below and above which the word is said


class Describer:
    """Says what a picture looks like among those of its character: thin or thick, slanted, narrow
    or wide.

    It knows the quantiles of each character in the pictures it is made from, and describes any
    others by them.
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
        """For each trait -1 (little), 0 or 1 (much), (N,), of pictures (N, 1, H, W) meant as
        classes `labels` (N,).
        """
        found = {}
        for trait, (measure, _, _) in TRAITS.items():
            values, (low, high) = measure(pixels), self.limits[trait][labels].T
            found[trait] = (values > high).int() - (values < low).int()
        return found

    def obeys(self, word: str, pixels: Tensor, labels: Tensor) -> Tensor:
        """Whether each picture, meant as class `labels`, is what a word says: bool (N,).
        ValueError: no such word.
        """
        for trait, (_, little, much) in TRAITS.items():
            if word in (little, much):
                return self.traits(pixels, labels)[trait] == (1 if word == much else -1)
        known = [word for _, *words in TRAITS.values() for word in words if word]
        raise ValueError(f"word is {word!r}; what can be measured is {', '.join(known)}")

    def captions(
        self, pixels: Tensor, labels: Tensor, seed: int = 0, said: float = 0.7
    ) -> list[str]:
        """One caption a picture, such as "a thick slanted seven". Each word that applies is said
        with chance `said`: so a short caption means "whatever else", not "nothing else"."""
        random = np.random.Generator(np.random.PCG64(seed))
        spoken = random.random((len(TRAITS), len(pixels))) < said
        found = [self.traits(pixels, labels)[trait].tolist() for trait in TRAITS]
        captions = []
        for row, label in enumerate(labels.tolist()):
            words = [
                words[0] if found[k][row] < 0 else words[1] if found[k][row] > 0 else None
                for k, (_, *words) in enumerate(TRAITS.values())
                if spoken[k, row]
            ]
            captions.append(" ".join(["a", *filter(None, words), self.names[label]]))
        return captions
