"""The benchmark against peers: its arithmetic, and its recipe against MONAI's if that is there."""

import importlib.util
import itertools
import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from course_utils.diffusion.denoiser import Denoiser, parameter_count
from course_utils.diffusion.noise import gaussian
from course_utils.diffusion.paths import FlowPath
from course_utils.diffusion.training import Progress, batches
from course_utils.models.checkpoints import build_model
from course_utils.models.config import Config

FILE = Path(__file__).parents[2] / "benchmarks" / "peers.py"
peers = importlib.util.module_from_spec(importlib.util.spec_from_file_location("peers", FILE))
peers.__spec__.loader.exec_module(peers)


def imported(name):
    """A peer, or a skip that says why; a torchvision for another torch is a RuntimeError."""
    try:
        return importlib.import_module(name)
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"{name} can't be imported ({error}); pip install -e .[peers] for these tests")


def test_the_readme_says_what_was_measured():
    readme = (FILE.parents[1] / "README.md").read_text(encoding="utf-8")
    contents, _ = peers.load_results(peers.FILE)
    for row in contents["speed"]["rows"]:
        trained, sampled = (
            peers.BATCH / row["training_step"],
            peers.BATCH / row["sampling_step"] / 16,
        )
        assert (
            f"| {row['name']} | {row['parameters'] / 1e6:.1f} M | {trained:.3g} | {sampled:.2g} |"
            in readme
        )
    levels = [row for row in contents["quality"]["rows"] if row["log_snr"] is not None]
    times = {round(row["log_snr"]): row["ours_seconds"] for row in levels}
    said = (
        f"{times[0]:.0f} s at log-SNR 0, after {times[2]:.0f} s at 2, after {times[4]:.0f} s at 4"
    )
    assert said in " ".join(readme.split())


class KnowsNoise(nn.Module):
    """The exact answer for one x0: the noise in x_t; keeps the steps it was asked for."""

    def __init__(self, x0, path):
        super().__init__()
        self.weight, self.x0, self.path, self.asked = nn.Parameter(torch.ones(1)), x0, path, []

    def forward(self, x, steps):
        self.asked.append(steps)
        t = (steps + 1).double() / self.path.steps
        alpha, sigma = (
            part.float().reshape(-1, 1, 1, 1, 1)
            for part in (self.path.alpha(t), self.path.sigma(t))
        )
        return self.weight * (x - alpha * self.x0) / sigma


def some_shape(seed=0):
    return gaussian(seed, (1, 4, 4, 4)).sign()


# ---- x0 conversion -------------------------------------------------------------------------------


def test_the_tutorials_table_is_quadratic_from_5e_4_to_195e_4():
    betas = [
        (math.sqrt(0.0005) + k / 999 * (math.sqrt(0.0195) - math.sqrt(0.0005))) ** 2
        for k in range(1000)
    ]
    alpha_bar = list(itertools.accumulate((1 - beta for beta in betas), lambda a, b: a * b))
    for k in (0, 1, 499, 999):
        t = torch.tensor((k + 1) / 1000, dtype=torch.float64)
        assert float(peers.MONAI_PATH.alpha(t)) ** 2 == pytest.approx(alpha_bar[k], rel=1e-9)


def test_a_network_of_timesteps_is_asked_the_tables_steps_and_its_noise_becomes_x0():
    path, x0 = peers.MONAI_PATH, some_shape()[None]
    network = KnowsNoise(x0, path)
    denoiser = Denoiser(peers.Timestepped(network, path), path, "noise")
    steps = torch.tensor([0, 1, 37, 500, 900])
    t = (steps + 1).double() / 1000
    x_t = path.noised(x0.expand(5, -1, -1, -1, -1), gaussian(1, (5, 1, 4, 4, 4)), t)
    assert float((denoiser(x_t, t) - x0).detach().abs().max()) < 1e-3
    assert torch.equal(network.asked[0], steps) and network.asked[0].dtype == torch.int64


def test_levels_are_the_nearest_that_the_table_has():
    levels = peers.nearest_levels(peers.MONAI_PATH)
    table = [
        float(peers.MONAI_PATH.log_snr(torch.tensor(k / 1000, dtype=torch.float64)))
        for k in range(1, 1001)
    ]
    assert levels == [
        min(table, key=lambda value: abs(value - level)) for level in (-4, -2, 0, 2, 4)
    ]
    assert max(abs(a - b) for a, b in zip(levels, peers.LOG_SNRS, strict=True)) < 0.02


@pytest.mark.parametrize("path", [FlowPath(), peers.MONAI_PATH], ids=["ours", "MONAI's"])
def test_x0_errors_of_a_constant_guess_and_the_same_noise_for_every_path(path):
    seen = []

    class Half(nn.Module):
        """Guesses 0.5 everywhere, and 3 at the last level, which is to be clipped to 1."""

        def forward(self, x, log_snr, condition=None):
            seen.append((x, log_snr))
            return torch.where(log_snr > 3, 3.0, 0.5).reshape(-1, 1, 1, 1, 1).expand(x.shape)

    x0 = torch.stack([some_shape(k) for k in range(11)])  # 11: a part of a batch at the end
    levels = peers.nearest_levels(peers.MONAI_PATH)
    errors = peers.x0_errors(Denoiser(Half(), path, "x0"), x0, levels)
    occupied = float((x0 > 0).float().mean())
    expected = [occupied * 0.25 + (1 - occupied) * 2.25] * 4 + [(1 - occupied) * 4]
    assert errors == pytest.approx(expected, rel=1e-5)
    assert [float(log_snr[0]) for _, log_snr in seen[::2]] == pytest.approx(levels, abs=1e-4)
    assert [len(x) for x, _ in seen[:2]] == [8, 3]
    at_zero = torch.cat([x for x, log_snr in seen if abs(float(log_snr[0])) < 0.1])
    # of unit variance, whatever the path: VP's
    alpha = torch.sigmoid(torch.tensor(levels[2])).sqrt()
    assert torch.allclose(
        at_zero, alpha * x0 + (1 - alpha**2).sqrt() * gaussian(0, x0.shape, 2), atol=1e-5
    )


def test_x0_errors_leave_the_denoiser_in_its_mode():
    model = Denoiser(
        peers.Timestepped(KnowsNoise(some_shape(), peers.MONAI_PATH), peers.MONAI_PATH),
        peers.MONAI_PATH,
    )
    for training in (True, False):
        peers.x0_errors(model.train(training), some_shape()[None], [0.0])
        assert model.training is training


@pytest.mark.parametrize("level", [-8.0, 0.0, 2.0])
def test_what_takes_no_network_has_the_least_error_of_a_single_bit_under_noise(level):
    """For equal odds that is 1 - E tanh(snr + sqrt(snr) noise), here by a sum over the noise."""
    snr, noise = math.exp(level), torch.linspace(-8, 8, 4001, dtype=torch.float64)
    weights = (-noise.square() / 2).exp()
    least = 1 - float(((snr + snr**0.5 * noise).tanh() * weights).sum() / weights.sum())
    bits = torch.where(gaussian(5, (400, 1, 8, 8, 8)) > 0, 1.0, -1.0)
    (error,) = peers.errors_without_network(torch.zeros(8, 8, 8), bits, [level])
    assert error == pytest.approx(least, rel=0.03)


def test_what_takes_no_network_knows_how_full_a_place_is():
    mean = torch.full((8, 8, 8), -0.8)  # one in ten
    bits = torch.where(
        torch.rand(400, 1, 8, 8, 8, generator=torch.Generator().manual_seed(0)) < 0.1, 1.0, -1.0
    )
    far, near = peers.errors_without_network(mean, bits, [-12.0, 4.0])
    assert far == pytest.approx(float((bits + 0.8).square().mean()), rel=1e-3) and near < 1e-4


# ---- the recipe ----------------------------------------------------------------------------------


def test_the_tutorials_loss_is_zero_for_the_noise_itself_and_one_for_nothing():
    x0 = some_shape()[None]
    trainer = peers.TutorialTrainer(KnowsNoise(x0, peers.MONAI_PATH))
    noise, steps = gaussian(3, (64, 1, 4, 4, 4)), torch.arange(64) * 15
    assert float(trainer.loss(x0.expand(64, -1, -1, -1, -1), noise, steps).detach()) < 1e-6
    trainer.network.weight.data.zero_()
    expected = float(noise.square().mean())
    loss = trainer.loss(x0.expand(64, -1, -1, -1, -1), noise, steps).detach()
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_the_tutorials_training_is_adam_at_its_rate_in_batches_of_8():
    x0 = some_shape()
    network = KnowsNoise(x0[None], peers.MONAI_PATH)
    network.weight.data.fill_(2.0)
    run = peers.TutorialTrainer(network).run(
        batches(x0[None] > 0, prepare=lambda v: v.float() * 2 - 1)
    )
    first, second = next(run), next(run)
    # Adam's first steps are its rate long, whatever the gradient; the gradient here is far from
    # zero
    assert float(network.weight.detach()) == pytest.approx(2 - 2 * 5e-5, abs=2e-6)
    assert (first.step, second.step) == (1, 2) and 0 < first.seconds < second.seconds
    assert first.loss == pytest.approx(1.0, rel=0.2)  # twice the noise for the noise
    assert [len(steps) for steps in network.asked] == [8, 8]


def test_the_gradient_of_a_batch_is_the_same_in_parts():
    shapes = torch.stack([some_shape(k) for k in range(20)])
    losses, gradients = [], []
    for at_once in (8, 3, 1):
        network = KnowsNoise(some_shape()[None], peers.MONAI_PATH)
        losses.append(next(peers.TutorialTrainer(network, at_once).run(batches(shapes))).loss)
        gradients.append(float(network.weight.grad))
    assert gradients == pytest.approx([gradients[0]] * 3, rel=1e-5) and abs(gradients[0]) > 0.1
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-5)
    assert len(network.asked) == 8


# ---- curves, comparison, tables ------------------------------------------------------------------


def test_a_learning_curve_is_looked_at_when_due_and_ends_with_its_budget():
    seconds = [0.5, 1.2, 1.9, 5.0, 5.5, 9.0]
    drawn = iter(Progress(k + 1, s, [], None) for k, s in enumerate(seconds))
    trainer = SimpleNamespace(model="model", run=lambda draw: drawn)
    curve = peers.learning_curve(
        trainer, None, [1.0, 2.0, 4.0, 5.2], lambda model: [float(model == "model")]
    )
    assert [(look["seconds"], look["step"]) for look in curve] == [(1.2, 2), (5.0, 4), (5.5, 5)]
    assert [look["errors"] for look in curve] == [[1.0]] * 3
    assert next(drawn).seconds == 9.0  # not trained further than asked for


def look(seconds, *errors):
    return {"seconds": seconds, "step": 1, "errors": list(errors)}


OURS = [
    look(1.0, 0.9, 0.5),
    look(2.0, 0.4, 0.6),
    look(4.0, 0.5, 0.2),
    look(8.0, 0.3, 0.15),
    look(90.0, 0.1, 0.14),
]
MONAI = [look(30.0, 0.8, 0.1), look(60.0, 0.5, 0.12), look(100.0, 0.4, 0.13)]


def test_comparison_at_every_level_and_all_at_once():
    first, second, both = peers.compare(OURS, MONAI, [-4.0, 4.0], [0.35, 0.7])
    assert first == {"log_snr": -4.0, "without": 0.35, "monai": 0.4, "ours": 0.1, "ours_seconds": 2.0,
                     "monai_seconds": 100.0, "ratio": 50.0, "ours_useful": 8.0, "monai_useful": None}  # fmt: skip
    # ours never came to MONAI's 0.13, and MONAI's came to it sooner than at its end
    assert (second["ours_seconds"], second["monai_seconds"], second["ratio"]) == (None, 30.0, None)
    assert both == {"log_snr": None, "ours_seconds": None, "monai_seconds": 100.0, "ratio": None}
    easier = [*MONAI[:2], look(100.0, 0.4, 0.2)]
    both = peers.compare(OURS, easier, [-4.0, 4.0], [0.35, 0.7])[2]
    # at 4.0 the first level is above again
    assert (both["ours_seconds"], both["ratio"]) == (8.0, 12.5)


def test_the_table_of_quality_says_never_and_where_monai_learned_nothing():
    lines = peers.quality_table(peers.compare(OURS, MONAI, [-4.0, 4.0], [0.35, 0.7])).splitlines()
    assert lines[1].split() == ["-4.00", "0.3500", "0.4000", "0.1000", "100.0", "2.0", "50.0"]
    assert lines[2].split() == ["4.00", "0.7000", "0.1300", "0.1400", "30.0", "never", "-"]
    assert lines[3].split() == ["all", "100.0", "never", "-"]
    assert lines[4].startswith("seconds until MONAI") and lines[4].endswith(": never, 30.0")
    assert lines[5].startswith("seconds until ours") and lines[5].endswith(": 8.0, 1.0")
    assert len({len(line) for line in lines[:4]}) == 1


def test_the_table_of_speed_turns_seconds_a_batch_into_shapes_a_second():
    row = {"name": "ours", "parameters": 4756737, "training_step": 0.5, "sampling_step": 0.25}
    assert peers.speed_table([row]).splitlines()[1].split() == [
        "ours",
        "4,756,737",
        "16",
        "2",
        "0.032",
    ]


def test_timings_take_turns_and_leave_out_the_warm_up(monkeypatch):
    clock, order = [0.0], []

    def action(name, costs):
        def act():
            order.append(name)
            clock[0] += costs.pop(0)

        return act

    monkeypatch.setattr(peers.time, "perf_counter", lambda: clock[0])
    actions = {"a": action("a", [50.0, 1.0, 9.0, 2.0]), "b": action("b", [70.0, 4.0, 3.0, 5.0])}
    assert peers.timed_in_turns(actions, 3) == pytest.approx({"a": 2.0, "b": 4.0})
    assert order == ["a", "b"] * 4


# ---- equal parameters, and the peers themselves --------------------------------------------------


def ours():
    return parameter_count(build_model(peers.plain(Config.read("shapes32"))))


def test_a_network_more_than_a_tenth_larger_or_smaller_is_refused():
    peers.check_sizes({"a": 90, "b": 110}, 100)
    for size in (89, 111):
        with pytest.raises(ValueError, match=f"'b': {size}}} are not within a tenth of 100"):
            peers.check_sizes({"a": 100, "b": size}, 100)


def test_monais_networks_have_as_many_parameters_as_ours():
    imported("monai")
    sizes = {
        name: parameter_count(peers.build_peers()[name]) for name in (peers.MONAI, peers.MONAI_STEM)
    }
    assert all(abs(size / ours() - 1) < 0.1 for size in sizes.values()), sizes


def test_unet3d_has_as_many_parameters_as_ours():
    imported("video_diffusion_pytorch")
    assert abs(parameter_count(peers.video_network()) / ours() - 1) < 0.1


def test_monais_behind_our_stem_takes_and_gives_shapes():
    imported("monai")
    network = peers.Stem(peers.monai_network(peers.MONAI_CHANNELS[0]), peers.MONAI_CHANNELS[0])
    with torch.no_grad():
        assert network(torch.zeros(2, 1, 32, 32, 32), torch.tensor([3, 999])).shape == (
            2,
            1,
            32,
            32,
            32,
        )


def test_the_recipe_is_monais_own():
    """Noise levels, network input and x0 equal those of MONAI's scheduler and inferer."""
    imported("monai")
    from monai.inferers import DiffusionInferer
    from monai.networks.schedulers import DDPMScheduler

    torch.manual_seed(0)
    scheduler = DDPMScheduler(
        1000, schedule="scaled_linear_beta", beta_start=0.0005, beta_end=0.0195
    )
    x0, noise = some_shape()[None].expand(5, -1, -1, -1, -1), gaussian(1, (5, 1, 4, 4, 4))
    steps, network = torch.tensor([0, 20, 400, 700, 999]), nn.Conv3d(1, 1, 1)

    def theirs(x, timesteps, context=None):
        return network(x) + timesteps.reshape(-1, 1, 1, 1, 1) / 1000

    predicted = DiffusionInferer(scheduler)(x0, theirs, noise, steps)
    trainer = peers.TutorialTrainer(network)
    trainer.network = theirs
    loss = float(trainer.loss(x0, noise, steps))
    assert loss == pytest.approx(float((predicted - noise).square().mean()), rel=1e-5)

    t, path = (steps + 1).double() / 1000, peers.MONAI_PATH
    x_t = scheduler.add_noise(x0, noise, steps)
    assert float((path.noised(x0, noise, t) - x_t).abs().max()) < 1e-5
    for k, step in enumerate(steps.tolist()):
        x, output = x_t[k : k + 1], predicted[k : k + 1].detach()
        _, x0_theirs = scheduler.step(output, step, x)
        x0_ours = path.convert(output, x, t[k], "noise", "x0").clamp(-1, 1)
        assert float((x0_theirs - x0_ours).abs().max()) < 1e-3
