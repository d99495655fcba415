"""Muon: what it moves, by how much, that all else is AdamW, and that a training continues."""

import pytest
import torch
from torch import nn

from course_utils.diffusion.denoiser import Denoiser
from course_utils.diffusion.losses import Denoising
from course_utils.diffusion.muon import LEAST, Muon, matrices, orthogonal
from course_utils.diffusion.paths import FlowPath
from course_utils.diffusion.training import Plan, Trainer, batches
from course_utils.networks.mlp import MLP

POINTS = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", [(40, 40), (32, 300), (300, 32)])
def test_a_step_has_the_gradient_s_directions_and_equal_lengths(size):
    gradient = torch.randn(size, generator=torch.Generator().manual_seed(1))
    u, _, v = torch.linalg.svd(gradient, full_matrices=False)
    step = orthogonal(gradient)
    along = (u.T @ step @ v.T).diagonal()
    assert along.min() > 0.5 and along.max() < 1.3  # singular values, in the same directions
    assert (step - u @ torch.diag(along) @ v).norm() < 0.1 * step.norm()


def test_it_moves_wide_matrices_and_kernels_but_no_tables():
    model = nn.ModuleDict(
        {
            "wide": nn.Linear(LEAST, LEAST),
            "narrow": nn.Linear(LEAST - 1, 100),
            "kernel": nn.Conv3d(4, LEAST, 3),
            "table": nn.Embedding(100, 100),
        }
    )
    assert [id(one) for one in matrices(model)] == [
        id(model["wide"].weight),
        id(model["kernel"].weight),
    ]


def test_what_is_no_matrix_goes_as_adamw_does():
    def weights(kind, **group):
        torch.manual_seed(0)
        layer = nn.Linear(8, 8, bias=False)
        optimizer = kind([{"params": list(layer.parameters()), **group}], 0.1)
        for _ in range(5):
            layer(torch.ones(3, 8)).square().sum().backward()
            optimizer.step()
            optimizer.zero_grad()
        return layer.weight.detach()

    assert torch.equal(weights(Muon), weights(torch.optim.AdamW))
    assert not torch.equal(weights(Muon, orthogonal=True), weights(torch.optim.AdamW))


def test_its_steps_are_of_the_size_of_adamw_s():
    layer = nn.Linear(64, 64, bias=False)
    before = layer.weight.detach().clone()
    layer.weight.grad = torch.randn(64, 64, generator=torch.Generator().manual_seed(2))
    group = {"params": [layer.weight], "orthogonal": True}
    Muon([group], 0.01, weight_decay=0.0).step()
    moved = (layer.weight.detach() - before).square().mean().sqrt()
    assert 0.1 * 0.01 < moved < 0.3 * 0.01  # 0.2 of the rate: what AdamW's steps usually are


def test_a_stopped_training_continues_to_the_bit(tmp_path):
    plan = Plan(steps=12, batch_size=32, seed=3, optimizer="muon")

    def trainer():
        torch.manual_seed(0)
        return Trainer(Denoiser(MLP(width=LEAST, depth=1), FlowPath()), plan, Denoising())

    whole, first, second = trainer(), trainer(), trainer()
    losses = [float(one.loss) for one in whole.run(batches(POINTS))]
    list(first.run(batches(POINTS), until=5))
    first.save(tmp_path / "state")
    second.restore(tmp_path / "state")
    assert [one.loss for one in second.run(batches(POINTS))] == losses[5:]
    assert any("momentum" in entries for entries in whole.optimizer.state.values())


def test_another_optimizer_is_refused():
    with pytest.raises(ValueError, match="optimizer is 'sgd'; use one of adamw, muon"):
        Plan(optimizer="sgd")
