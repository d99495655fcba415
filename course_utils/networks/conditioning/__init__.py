"""Conditioners: what a network is given besides x and the noise level.

A conditioner turns a condition (labels, a text, facts) into what a network can use: vectors and
coarse grids. Each file of this folder has one, and a function such as `on_labels(10)`, which
returns its *maker*: a network calls that with its own width and number of dimensions. Lesson 06
conditions on labels and texts, lesson 09 on facts.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Given(NamedTuple):
    """What a conditioner gives a network.

    Attributes:
        vectors: Each (B, width); added to the embedding of the noise level, one after the other.
        grids: Each (B, C, *coarse); resized to the grid of x, which the stem sees beside them.
    """

    vectors: tuple[Tensor, ...] = ()
    grids: tuple[Tensor, ...] = ()


class Conditioner(nn.Module):
    """Base of all conditioners: called as conditioner(condition, batch_size), returns `Given`.

    A condition of None, or of -1 throughout, is the learned "nothing said": training puts it where
    it drops the condition, and guidance compares with it. A subclass implements `given`.

    Attributes:
        name: Name of the submodule in a network: `network.conditioner.<name>`.
        takes: What kind of condition it takes; conditioners of one network must agree.
        grid_channels: Number of channels of the grids that it gives.
    """

    name: str
    takes: str
    grid_channels = 0

    def given(self, condition: Tensor) -> Given:
        """Return what a condition, -1 where nothing is said, gives a network."""
        raise NotImplementedError

    def forward(self, condition: Tensor | None, batch_size: int) -> Given:
        if condition is None:
            device = next(self.parameters()).device
            condition = torch.full((batch_size,), -1, device=device)
        return self.given(condition)


Maker = Callable[[int, int], "Conditioner | Conditioners"]
"""Called by a network as maker(width, dimensions); dimensions is 0 for vectors."""


class Conditioners(nn.Module):
    """The conditioners of one network, each a submodule under its name; there may be none.

    It is called as a conditioner is, and gives what all of them give for the same condition.
    """

    def __init__(self, parts: Iterable["Conditioner | Conditioners"] = ()):
        super().__init__()
        flat: list[Conditioner] = []
        for part in parts:
            flat += part.children() if isinstance(part, Conditioners) else [part]
        if len({part.name for part in flat}) < len(flat):
            names = ", ".join(part.name for part in flat)
            raise ValueError(f"conditioners are {names}; expected at most one of each kind")
        if len({part.takes for part in flat}) > 1:
            takes = ", ".join(f"{part.name} takes {part.takes}" for part in flat)
            raise ValueError(
                f"conditioners do not fit together: {takes}; one condition is for all of them, so a"
                " network takes labels or texts, not both"
            )
        for part in flat:
            self.add_module(part.name, part)
        self.grid_channels = sum(part.grid_channels for part in flat)

    def forward(self, condition: Tensor | None, batch_size: int) -> Given:
        given = [part(condition, batch_size) for part in self.children()]
        return Given(
            vectors=tuple(vector for one in given for vector in one.vectors),
            grids=tuple(grid for one in given for grid in one.grids),
        )


def several(*makers: Maker) -> Maker:
    """Return the maker of several conditioners together, in this order."""
    return lambda width, dimensions: Conditioners(maker(width, dimensions) for maker in makers)


unconditional = several()
"""The maker of no conditioner at all: a network that ignores its condition."""
