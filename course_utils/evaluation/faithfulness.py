"""How faithful shapes are to the prompts that they were made from, counted attribute by attribute.

Lesson 09 and `benchmarks/faithfulness.py` use it. The judge is `measure`, which reads the
attributes of a shape off its voxels.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from course_utils.datasets.captions import Prompt
from course_utils.datasets.shapes import measure


class Tally(NamedTuple):
    """How many of the attributes that prompts asked for are there."""

    right: int
    asked: int


def obeys(voxels: np.ndarray, prompt: Prompt) -> dict[str, bool]:
    """Return whether a shape has each attribute that a prompt names: {attribute: bool}.

    All are False where nothing can be measured, for example in an empty shape. Whether the shape
    belongs to the prompt's family at all is not checked.

    Args:
        voxels: The shape, bool (D, H, W).
        prompt: The prompt that it was made from.
    """
    measured = measure(voxels, prompt.family) if voxels.any() else {}
    return {name: measured.get(name) in values for name, values in prompt.named.items()}


def faithfulness(voxels: np.ndarray, prompts: Sequence[Prompt]) -> dict[str, Tally]:
    """Count the attributes that shapes have of those that their prompts name.

    Always report two more counts beside it: the judge's own error, which is this count for the real
    shapes `make_shape(prompt.family, prompt.seed)`; and the count by chance, for shapes made from
    other prompts of the same family.

    Args:
        voxels: One shape per prompt, bool (N, D, H, W).
        prompts: The prompts, N of them.

    Returns:
        {"family.attribute": Tally}.

    Raises:
        ValueError: If the number of shapes is not the number of prompts.
    """
    if len(voxels) != len(prompts):
        raise ValueError(
            f"voxels: {len(voxels)} shapes for {len(prompts)} prompts; expected one for each"
        )
    right, asked = Counter(), Counter()
    for shape, prompt in zip(voxels, prompts, strict=True):
        for name, obeyed in obeys(shape, prompt).items():
            asked[f"{prompt.family}.{name}"] += 1
            right[f"{prompt.family}.{name}"] += obeyed
    return {key: Tally(right[key], asked[key]) for key in sorted(asked)}


def total(tallies: Mapping[str, Tally]) -> Tally:
    """Return the sum of several tallies."""
    return Tally(*(sum(numbers) for numbers in zip(*tallies.values(), strict=True)))
