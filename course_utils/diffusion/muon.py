"""Muon: matrices move by orthogonal steps, all else by AdamW.

The gradient of a layer's matrix has few large directions; Muon makes all of them equally large, so
that the rare ones are learned as well. Sources: Muon (K. Jordan, kellerjordan.github.io/posts/muon,
2024); the size of its steps, as AdamW's (arXiv 2502.16982, section 2.2).
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

LEAST = 32  # rows and columns of a matrix that is worth it
MOMENTUM = 0.95
QUINTIC = (3.4445, -4.7750, 2.0315)  # brings all singular values near 1 in a few rounds


def matrices(model: nn.Module) -> list[nn.Parameter]:
    """Return the parameters that Muon moves: weights of layers with 32 rows and columns or more.

    A convolution's weight is a matrix with a row for each of its output channels. Embeddings are
    tables, of which a step touches a few rows: they are none.
    """
    tables = {id(part.weight) for part in model.modules() if isinstance(part, nn.Embedding)}
    return [
        one
        for one in model.parameters()
        if one.ndim > 1 and min(one.flatten(1).shape) >= LEAST and id(one) not in tables
    ]


@torch.no_grad()
def orthogonal(matrix: Tensor, rounds: int = 5) -> Tensor:
    """Return a matrix with the same singular vectors and singular values near 1 (0.7 to 1.2).

    Newton-Schulz iteration, in bfloat16 as its author does it: no decomposition is needed.
    """
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix).bfloat16()
    x = x / (x.norm() + 1e-7)
    a, b, c = QUINTIC
    for _ in range(rounds):
        square = x @ x.T
        x = a * x + (b * square + c * (square @ square)) @ x
    x = x.to(matrix.dtype)
    return x.T if tall else x


class Muon(torch.optim.AdamW):
    """AdamW, but groups with `orthogonal=True` take orthogonal steps of the size of AdamW's."""

    def __init__(self, groups: Iterable[dict], *arguments, **options):
        super().__init__(groups, *arguments, **options)
        for group in self.param_groups:
            group.setdefault("orthogonal", False)

    @torch.no_grad()
    def step(self, closure=None):
        """Take a step; see `torch.optim.Optimizer.step`."""
        everything = self.param_groups
        self.param_groups = [group for group in everything if not group["orthogonal"]]
        try:
            loss = super().step(closure)
        finally:
            self.param_groups = everything
        for group in everything:
            if group["orthogonal"]:
                self._turn(group)
        return loss

    def _turn(self, group: dict) -> None:
        for one in group["params"]:
            if one.grad is None:
                continue
            state = self.state[one]
            if not state:  # AdamW looks for "step" where it loads a state
                state |= {"momentum": torch.zeros_like(one), "step": torch.tensor(0.0)}
            state["step"] += 1
            mean = state["momentum"].lerp_(one.grad, 1 - MOMENTUM)
            step = orthogonal(one.grad.lerp(mean, MOMENTUM).flatten(1))
            one.mul_(1 - group["lr"] * group["weight_decay"])
            size = 0.2 * max(step.shape) ** 0.5  # the root mean square of AdamW's steps
            one.add_(step.reshape(one.shape), alpha=-group["lr"] * size)
