"""Networks between facts and shapes: the mean that facts alone say, the sketch, what is seen."""

import pytest
import torch

from course_utils.diffusion.denoiser import Denoiser
from course_utils.diffusion.losses import Bits, Denoising
from course_utils.diffusion.paths import FlowPath
from course_utils.diffusion.training import Plan, Trainer, batches
from course_utils.networks.conditioning.facts import on_named_facts
from course_utils.networks.facts import FactsOfShape, FromFacts
from course_utils.networks.unet import UNet


def test_a_network_of_facts_alone_learns_the_mean_of_what_has_them():
    """Two families, two kinds of grid each: the answer is their mean, whatever x_t and t say."""
    # what the second voxel of a kind of the first family may be
    kinds = torch.tensor([[1.0, -1.0], [1.0, 1.0]])
    x0 = torch.stack([kinds, -kinds]).reshape(4, 1, 2).repeat(1, 1, 2)
    said = torch.tensor([[1.0, -1, 1], [1, -1, 1], [-1, 1, -1], [-1, 1, -1]])
    torch.manual_seed(0)
    denoiser = Denoiser(FromFacts(1, 4, 2, 1, width=16), FlowPath())
    plan = Plan(steps=120, batch_size=32, learning_rate=2e-3, ema_decay=0.95)
    list((trainer := Trainer(denoiser, plan, Denoising(loss_in="x0"))).run(batches(x0, said)))
    for t, x_t in ((1.0, torch.randn(2, 1, 4)), (0.2, torch.zeros(2, 1, 4))):
        guess = trainer.ema(x_t, t, said[[0, 2]])[:, 0]
        assert torch.allclose(guess, torch.tensor([[1.0, 0, 1, 0], [-1, 0, -1, 0]]), atol=0.15)
    nothing = trainer.ema(torch.zeros(1, 1, 4), 1.0)
    assert nothing.shape == (1, 1, 4) and float(nothing.abs().max()) < 0.4


def test_a_sketch_stands_beside_x_at_any_size_and_begins_as_change_nothing():
    torch.manual_seed(0)
    conditioner = on_named_facts(2, 3, sketch=4)
    network = UNet(3, channels=(8, 16), patch=2, blocks=1, conditioner=conditioner)
    torch.nn.init.normal_(network.outlet.weight)
    x, level, said = torch.randn(1, 1, 8, 8, 8), torch.zeros(1), torch.tensor([[1.0, -1, -1, 1, 0]])
    plain = network(x, level, said)
    drawn, network.grid_stem = network.grid_stem, None
    assert torch.equal(network(x, level, said), plain)
    network.grid_stem = drawn
    torch.nn.init.normal_(network.grid_stem.weight)
    assert (network(x, level, said) - plain).abs().max() > 1e-3
    for side in (4, 8, 16):
        assert network(torch.randn(1, 1, *3 * [side]), level, said).shape[2:] == 3 * (side,)


def test_facts_are_learned_by_the_one_loop():
    """After a short training by cross-entropy every fact is seen, and the loss is that of p."""
    voxels = -torch.ones(400, 16, 16, 16)
    facts = torch.rand(400, 4, generator=torch.Generator().manual_seed(0)) < 0.3
    corners = [(0, 0), (0, 8), (8, 0), (8, 8)]
    for (z, y), fact in zip(corners, facts.T, strict=True):
        voxels[:, z : z + 8, y : y + 8, 4:12] = torch.where(fact, 1.0, -1.0)[:, None, None, None]
    torch.manual_seed(0)
    network = FactsOfShape(4, side=16, channels=(8, 8, 8), hidden=16)
    plan = Plan(steps=100, batch_size=64, learning_rate=5e-3, ema_decay=0.9)
    trainer = Trainer(network, plan, Bits())
    losses = [
        progress.loss
        for progress in trainer.run(batches(facts, voxels, lambda rows: 2.0 * rows - 1))
    ]
    assert losses[-1] < 0.05 < 0.3 < losses[0]
    assert torch.equal(trainer.ema(voxels) > 0, facts)
    x0, guess = 2.0 * facts[:50] - 1, network(voxels[:50]).detach()
    expected = torch.nn.functional.binary_cross_entropy((1 + guess) / 2, (1 + x0) / 2)
    loss = Bits()(network, x0, voxels[:50])
    assert float(loss.detach()) == pytest.approx(float(expected), rel=1e-4)
