"""The GAN: its losses against torch's cross-entropy and closed forms, its penalty against finite
differences, and its loop against steps taken by hand."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from course_utils.diffusion.mixtures import GaussianMixture, five_blobs
from course_utils.diffusion.training import Trainer, batches
from course_utils.models.adversarial import (
    Adversarial,
    Pair,
    adversarial_plan,
    discriminator_loss,
    generator_loss,
    picture_networks,
    point_networks,
    r1_penalty,
)

DATA = five_blobs().sample(500, seed=0)
DRAW = batches(DATA)


def small_networks(width=12):
    torch.manual_seed(0)
    return point_networks(latent=3, width=width)


def game(plan, networks=None, **settings):
    return Trainer(Pair(*(networks or small_networks())), plan, Adversarial(3, **settings))


def trained(plan, draw=DRAW, networks=None, **settings):
    trainer = game(plan, networks, **settings)
    return trainer, list(trainer.run(draw))


def weights(module):
    return torch.cat([p.detach().flatten() for p in module.parameters()])


# ---- the losses ----------------------------------------------------------------------------------


def test_the_losses_are_cross_entropies():
    discriminator = small_networks()[1].double()
    real, made = torch.randn(2, 30, 2, dtype=torch.float64)
    ones, zeros = torch.ones(30, 1, dtype=torch.float64), torch.zeros(30, 1, dtype=torch.float64)
    wanted = cross_entropy(discriminator(real), ones) + cross_entropy(discriminator(made), zeros)
    assert (discriminator_loss(discriminator, real, made) - wanted).abs().item() < 1e-12
    wanted = cross_entropy(discriminator(made), ones)
    assert (generator_loss(discriminator, made) - wanted).abs().item() < 1e-12


def test_an_undecided_discriminator_pays_two_log_two():
    real, made = torch.randn(2, 7, 2)
    undecided = nn.Linear(2, 1)
    nn.init.zeros_(undecided.weight), nn.init.zeros_(undecided.bias)
    assert abs(discriminator_loss(undecided, real, made).item() - 2 * math.log(2)) < 1e-6
    assert abs(generator_loss(undecided, made).item() - math.log(2)) < 1e-6


def test_the_loss_is_finite_and_its_slope_alive_where_the_discriminator_is_sure():
    made = torch.full((1, 1), -500.0, requires_grad=True)
    loss = generator_loss(lambda x: x, made)
    (slope,) = torch.autograd.grad(loss, made)
    assert abs(loss.item() - 500) < 1e-3 and abs(slope.item() + 1) < 1e-6


def test_the_generator_gets_no_gradient_from_the_discriminator_s_loss():
    generator, discriminator = small_networks()
    made = generator(torch.randn(5, 3))
    discriminator_loss(discriminator, DATA[:5], made, 1.0).backward()
    assert all(p.grad is None for p in generator.parameters())


# ---- the penalty ---------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(6, 2), (4, 1, 8, 8)])
def test_the_penalty_is_the_squared_slope_by_finite_differences(shape):
    torch.manual_seed(1)
    network = small_networks()[1] if len(shape) == 2 else picture_networks(width=9)[1]
    network, real, h = network.double(), torch.randn(shape, dtype=torch.float64), 1e-5
    total = 0.0
    for row in real:
        for place in range(row.numel()):
            moved = h * torch.eye(row.numel(), dtype=torch.float64)[place].reshape(row.shape)
            with torch.no_grad():
                total += (
                    (network((row + moved)[None]) - network((row - moved)[None])).item() / (2 * h)
                ) ** 2
    wanted = 3.0 / 2 * total / len(real)
    gap = discriminator_loss(network, real, real, 3.0) - discriminator_loss(network, real, real)
    assert abs(gap.item() / wanted - 1) < 1e-6


def test_the_penalty_of_a_linear_discriminator_is_known_and_so_is_its_gradient():
    weight = torch.tensor([3.0, 4.0], requires_grad=True)
    real = torch.randn(5, 2, requires_grad=True)
    penalty = r1_penalty(real @ weight, real, 2.0)
    assert abs(penalty.item() - 25) < 1e-5  # 2 / 2 |w|^2
    (slope,) = torch.autograd.grad(penalty, weight)
    assert (slope - 2 * weight.detach()).abs().max().item() < 1e-5


@pytest.mark.parametrize("every", [1, 4, 16])
def test_a_lazy_penalty_weighs_as_much_on_average(every):
    loss = Adversarial(3, r1=0.7, r1_every=every)
    found = [loss.penalty_at(step) for step in range(64)]
    assert abs(sum(found) / 64 - 0.7) < 1e-12 and sum(weight > 0 for weight in found) == 64 // every


# ---- the loop ------------------------------------------------------------------------------------


def test_two_steps_are_what_adam_does_by_hand():
    plan = adversarial_plan(steps=2, batch_size=16, learning_rate=2e-3, warmup=4, seed=3)
    rates = {"generator": 1.0, "discriminator": 2.5}
    trainer, rounds = trained(plan, r1=0.5, rates=rates)
    players = small_networks()
    start = weights(players[0])
    optimizers = [torch.optim.Adam(p.parameters(), 1.0, (0.0, 0.99)) for p in players]
    ema = start.clone()
    for step in range(2):
        random = torch.Generator().manual_seed(3 * 1_000_003 + step)
        real = DRAW(random, 16)[0].requires_grad_()
        made = players[0](torch.randn(16, 3, generator=random))
        logits = players[1](real)
        slope = torch.autograd.grad(logits.sum(), real, create_graph=True)[0]
        labels = torch.ones(16, 1), torch.zeros(16, 1)
        loss = cross_entropy(logits, labels[0]) + cross_entropy(
            players[1](made.detach()), labels[1]
        )
        loss = loss + 0.25 * (slope**2).sum(1).mean()
        for which, rate in ((1, 2.5), (0, 1.0)):
            loss = cross_entropy(players[1](made), labels[0]) if which == 0 else loss
            optimizers[which].zero_grad()
            optimizers[which].param_groups[0]["lr"] = rate * plan.learning_rate_at(step)
            loss.backward()
            optimizers[which].step()
        ema = ema + (1 - (1 + step) / (10 + step)) * (weights(players[0]) - ema)
    for mine, theirs in (
        (weights(players[0]), trainer.model.generator),
        (weights(players[1]), trainer.model.discriminator),
    ):
        assert (mine - weights(theirs)).abs().max().item() < 1e-6
    assert (ema - weights(trainer.ema.generator)).abs().max().item() < 1e-6
    assert abs(rounds[-1].loss - loss.item()) < 1e-6 and len(rounds[-1].losses) == 2
    assert [progress.step for progress in rounds] == [1, 2]


def test_the_same_seed_gives_the_same_weights_and_another_others():
    plans = [adversarial_plan(20, 32, seed=seed) for seed in (1, 1, 2)]
    first, again, other = (weights(trained(plan)[0].ema) for plan in plans)
    assert torch.equal(first, again) and (first - other).abs().max().item() > 1e-3


def test_stopping_and_going_on_changes_nothing():
    plan = adversarial_plan(20, 32, seed=1)
    trainer = game(plan)
    list(trainer.run(DRAW, until=7))
    list(trainer.run(DRAW))
    assert trainer.step == 20 and torch.equal(weights(trainer.ema), weights(trained(plan)[0].ema))


def test_a_game_that_was_saved_continues_exactly(tmp_path):
    """The two players' weights, averages and optimizers lie in one state."""
    plan = adversarial_plan(20, 32, seed=1)
    whole, _ = trained(plan)
    first = game(plan)
    list(first.run(DRAW, until=7))
    first.save(tmp_path / "state.safetensors")
    second = game(plan)
    second.restore(tmp_path / "state.safetensors")
    list(second.run(DRAW))
    assert torch.equal(weights(second.ema), weights(whole.ema))
    assert torch.equal(weights(second.model), weights(whole.model))
    other = game(plan, r1=0.5)
    with pytest.raises(ValueError, match=r"another training \(loss.r1: 1.0 → 0.5\)"):
        other.restore(tmp_path / "state.safetensors")


def test_a_short_training_finds_a_single_blob():
    blob = GaussianMixture([[1.0, -1.0]], 0.3)
    plan = adversarial_plan(300, 64, learning_rate=4e-3)
    draw = batches(blob.sample(2000, seed=0))
    trainer, _ = trained(plan, draw, small_networks(width=32), r1=0.1)
    made = trainer.ema(torch.randn(2000, 3, generator=torch.Generator().manual_seed(0)))
    assert (made.mean(0) - torch.tensor([1.0, -1.0])).abs().max() < 0.15
    assert 0.15 < made.std(0).mean() < 0.45


@pytest.mark.parametrize(
    ("networks", "shape"), [(point_networks, (2,)), (picture_networks, (1, 8, 8))]
)
def test_networks_fit_each_other(networks, shape):
    generator, discriminator = networks()
    made = generator(torch.randn(3, generator[0].in_features))
    assert made.shape == (3, *shape) and discriminator(made).shape == (3, 1)
