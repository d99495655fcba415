"""Gradients in bfloat16 on a CPU, down to the smallest grids."""

import pytest
import torch

from course_utils.networks.layers import ResidualBlock


@pytest.mark.parametrize("side", [2, 3, 4, 8])
def test_gradients_in_bfloat16_are_near_those_in_float32(side):
    torch.manual_seed(0)
    block = ResidualBlock(3, 96, 96, 16)
    torch.nn.init.normal_(block.second.weight, std=0.02)  # it begins at zero
    x, embedded, wanted = torch.randn(4, 96, side, side, side), torch.randn(4, 16), []
    for half in (False, True):
        block.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            y = block(x, embedded)
        (y.float() * torch.linspace(-1, 1, y.numel()).reshape(y.shape)).sum().backward()
        wanted.append([one.grad.clone() for one in block.parameters()])
    for exact, rough in zip(*wanted, strict=True):
        assert (exact - rough).norm() <= 0.05 * exact.norm()
