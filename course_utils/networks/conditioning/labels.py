"""Class labels as a condition: one learned vector per class (lessons 04, 06 and 08)."""

import torch
from torch import Tensor, nn

from course_utils.networks.conditioning import Conditioner, Given, Maker


class Labels(Conditioner):
    """Labels (B,) -> a vector (B, width); the last row of the table stands for "nothing said"."""

    name, takes = "labels", "labels"

    def __init__(self, classes: int, width: int):
        super().__init__()
        self.classes = classes
        self.table = nn.Embedding(classes + 1, width)

    def given(self, condition: Tensor) -> Given:
        if condition.ndim != 1:
            raise ValueError(
                f"condition has shape {tuple(condition.shape)}; expected one label per sample, (B,)"
            )
        return Given(vectors=(self.table(torch.where(condition < 0, self.classes, condition)),))


def on_labels(classes: int) -> Maker:
    """Return the maker of a conditioner on `classes` labels, numbered from 0."""
    return lambda width, dimensions: Labels(classes, width)
