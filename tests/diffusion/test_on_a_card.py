"""On a second device: the CPU's numbers, nothing sent and nothing waited for in a step."""

import contextlib

import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from course_utils.diffusion import noise, placing, training
from course_utils.diffusion.denoiser import Denoiser
from course_utils.diffusion.guidance import guided, keeping, mixed, steered
from course_utils.diffusion.losses import Bits, Denoising
from course_utils.diffusion.noise import gaussian
from course_utils.diffusion.paths import PATHS, FlowPath
from course_utils.diffusion.sampling import SAMPLERS, from_time, last, resampled, sample, time_grid
from course_utils.diffusion.training import LOOKS, Plan, Trainer, batches
from course_utils.evaluation.classifier import Classification, Classifier
from course_utils.models.adversarial import Adversarial, Pair, adversarial_plan, point_networks
from course_utils.networks.conditioning.labels import on_labels
from course_utils.networks.unet import UNet


@pytest.fixture(autouse=True)
def the_same_arithmetic():
    """Attention as the card computes it: the CPU's own fused kernel rounds otherwise."""
    with sdpa_kernel(SDPBackend.MATH):
        yield


GRIDS = torch.randn(20, 1, 8, 8, generator=torch.Generator().manual_seed(0)).sign()
LABELS = torch.arange(20) % 3
PREDICTIONS = ("x0", "noise", "v", "velocity")


def network(**options):
    torch.manual_seed(0)
    made = UNet(2, 1, (8, 16), patch=2, blocks=1, conditioner=on_labels(3), **options)
    for parameter in made.parameters():  # zeros would hide a fault
        if not parameter.any():
            nn.init.normal_(parameter, std=0.02)
    return made


def denoiser(path="flow", prediction="x0"):
    return Denoiser(network(), PATHS[path](), prediction, log_snr_range=10.0)


def facts_network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 3), nn.Tanh())


def pair():
    torch.manual_seed(0)
    return Pair(*point_networks(latent=4, width=16))


def classifier():
    torch.manual_seed(0)
    return Classifier(3, 8)


FACTS = 2.0 * (torch.arange(60).reshape(20, 3) % 2) - 1
TRAININGS = {
    f"{path} {prediction}": (
        lambda path=path, prediction=prediction: denoiser(path, prediction),
        Denoising(),
        lambda: batches(GRIDS, LABELS),
    )
    for path in PATHS
    for prediction in PREDICTIONS
} | {
    "bits": (facts_network, Bits(), lambda: batches(FACTS, GRIDS)),
    "classification": (
        classifier,
        Classification(),
        lambda: batches(LABELS, GRIDS, torch.Tensor.long),
    ),
    "game": (pair, Adversarial(4, r1_every=2), lambda: batches(GRIDS.flatten(1)[:, :2])),
    "noise of its own": (denoiser, Denoising(), lambda: batches(GRIDS, noise=2 * GRIDS)),
}


def plan_of(name, steps=4):
    return adversarial_plan(steps, 4) if name == "game" else Plan(steps=steps, batch_size=4)


def trained(name, device, steps=4, **options):
    model, loss, draw = TRAININGS[name]
    trainer = Trainer(model(), plan_of(name, steps), loss, device, **options)
    return trainer, trainer.run(draw())


def apart(ours, theirs, start):
    """How far two models are from each other, as a share of the way from where they began."""
    parts = [[one.cpu() for one in model.state_dict().values()] for model in (ours, theirs, start)]
    off, way = (
        sum(float((a.float() - b.float()).square().sum()) for a, b in zip(one, other, strict=True))
        for one, other in ((parts[0], parts[1]), (parts[1], parts[2]))
    )
    return (off / way) ** 0.5


def near(ours, theirs):
    """Whether losses agree to rounding: a card takes other paths through attention and products."""
    return len(ours) == len(theirs) and all(
        abs(one - other) < 1e-5 * abs(other)
        for mine, his in zip(ours, theirs, strict=True)
        for one, other in zip(mine, his, strict=True)
    )


@pytest.mark.parametrize("name", TRAININGS)
def test_a_training_has_the_cpus_numbers(name, card):
    ours, run = trained(name, "card")
    theirs, expected = trained(name, "cpu")
    assert near([done.losses for done in run], [done.losses for done in expected])
    assert next(ours.ema.parameters()).device.type == "card"
    start = TRAININGS[name][0]()
    limit = 0.0 if name in ("bits", "classification", "game") else 0.01  # no attention: to the bit
    assert apart(ours.model, theirs.model, start) <= limit
    assert apart(ours.ema, theirs.ema, start) <= limit


@pytest.mark.parametrize("name", TRAININGS)
def test_a_training_step_sends_nothing_and_waits_for_nothing(name, card):
    _, run = trained(name, "card", steps=10)
    for _ in range(3):
        next(run)
    card.clear()
    for _ in range(4):
        next(run)
    assert (card.sent, card.waits) == ([], [])


def test_a_training_waits_once_in_fifty_steps_and_the_losses_are_all_there(card):
    _, run = trained("bits", "card", steps=3 * LOOKS)
    next(run)
    card.clear()
    seen = [done.step for done in run if done.read]
    assert seen == [LOOKS, 2 * LOOKS, 3 * LOOKS] and len(card.waits) == 3 and card.sent == []


def test_parts_of_a_batch_wait_for_nothing(card):
    _, run = trained("flow x0", "card", steps=10, parts=2)
    next(run)
    next(run)
    card.clear()
    next(run)
    assert (card.sent, card.waits) == ([], [])


@pytest.mark.parametrize("kind", ["flow x0", "ddpm v", "bits", "game"])
def test_a_card_without_float64_trains(kind, card_without_float64):
    _, run = trained(kind, "card")
    _, expected = trained(kind, "cpu")
    assert near([done.losses for done in run], [done.losses for done in expected])


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float16, 0.02), (torch.bfloat16, 0.1)])
def test_half_precision_trains_near_float32_and_waits_for_nothing(dtype, limit, card, monkeypatch):
    """As on cards of compute capability 7 (float16, with a scaler) and 9 (bfloat16)."""
    monkeypatch.setattr(training, "precision_of", lambda device: dtype)
    seen = set()
    original = nn.functional.linear
    trainer, run = trained("flow x0", "card", steps=8)
    trainer.model.network.noise_level.register_forward_hook(lambda *a: seen.add(a[-1].dtype))
    assert trainer.scaler.is_enabled() == (dtype == torch.float16)
    losses = [next(run).losses[0] for _ in range(3)]
    card.clear()
    unread = [next(run) for _ in range(4)]
    assert (card.sent, card.waits) == ([], [])
    monkeypatch.undo()
    _, expected = trained("flow x0", "cpu", steps=8)
    for one, other in zip([*losses, *(done.loss for done in unread)], expected, strict=False):
        assert 0 < abs(one / other.loss - 1) < limit
    assert seen == {dtype} and original is nn.functional.linear
    assert {p.dtype for p in trainer.model.parameters()} == {torch.float32}


def test_a_scaler_skips_a_step_that_overflows_and_the_training_continues(card, monkeypatch):
    monkeypatch.setattr(training, "precision_of", lambda device: torch.float16)
    trainer, run = trained("flow x0", "card", steps=8)
    next(run)
    before = trainer.model.state_dict()["network.head.0.weight"].raw.clone()
    scale = trainer.scaler.get_scale()
    trainer.scaler.update(1e30)
    next(run)
    after = trainer.model.state_dict()["network.head.0.weight"].raw.clone()
    assert torch.equal(before, after) and 1e29 < trainer.scaler.get_scale() < 1e30
    trainer.scaler.update(scale)
    next(run)
    last_one = trainer.model.state_dict()["network.head.0.weight"].raw
    assert bool(last_one.isfinite().all()) and not torch.equal(after, last_one)


@pytest.mark.parametrize(("there", "back"), [("card", "cpu"), ("cpu", "card"), ("card", "card")])
def test_a_state_saved_on_one_device_continues_on_another(there, back, card, tmp_path):
    whole, run = trained("ddpm v", "cpu", steps=6)
    expected = [done.losses for done in run]
    first, run = trained("ddpm v", there, steps=6)
    losses = [next(run).losses for _ in range(3)]
    first.save(tmp_path / "state.safetensors")
    second, run = trained("ddpm v", back, steps=6)
    second.restore(tmp_path / "state.safetensors")
    assert near(losses + [done.losses for done in run], expected)
    assert apart(second.ema, whole.ema, denoiser("ddpm", "v")) < 0.01


def test_data_that_do_not_fit_are_drawn_ahead_and_sent_once_a_step(card, monkeypatch):
    monkeypatch.setattr(placing, "free_memory", lambda device: 1000)
    _, run = trained("flow x0", "card", steps=10)
    next(run)
    card.clear()
    next(run)
    assert len(card.sent) == 2 and all("placing.py" in line for line in card.sent)  # x0, labels
    assert card.waits == []


# ---- sampling ------------------------------------------------------------------------------------


def walk(path, sampler, device, denoise=None, steps=4):
    """A sampler's states, from the same noise on any device."""
    model = denoiser(path).to(device).eval()
    chosen = guided(model, LABELS[:2].to(device), 2.0) if denoise is None else denoise(model)
    x = model.path.prior_sample(gaussian([1, 2], (1, 8, 8)).to(device))
    return sample(chosen, x, time_grid(model.path, steps, 3.0), sampler, seed=[1, 2])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", [*SAMPLERS, "resampled"])
def test_a_sampler_has_the_cpus_numbers_and_waits_for_nothing(path, name, card):
    step = resampled(SAMPLERS["ddpm"], 2) if name == "resampled" else SAMPLERS[name]
    states = walk(path, step, "card")
    next(states)
    card.clear()
    state = last(states)
    assert (card.sent, card.waits) == ([], [])
    assert (state.x_t.cpu() - last(walk(path, step, "cpu")).x_t).abs().max() < 1e-4


def prompt(device):
    return LABELS[:2].to(device)


KNOWN, KEPT = GRIDS[:2], GRIDS[0] > 0
GUIDANCE = {
    "unconditional": lambda m, d: guided(m, None, 2.0),
    "scale 0": lambda m, d: guided(m, prompt(d), 0.0),
    "scale 1": lambda m, d: guided(m, prompt(d), 1.0),
    "negative": lambda m, d: guided(m, prompt(d), 2.0, 1 - prompt(d)),
    "interval": lambda m, d: guided(m, prompt(d), 2.0, interval=(0.3, 0.7)),
    "rescale": lambda m, d: guided(m, prompt(d), 2.0, rescale=0.7),
    "keeping": lambda m, d: keeping(guided(m, prompt(d), 2.0), KNOWN.to(d), KEPT.to(d)),
    "mixed": lambda m, d: mixed(guided(m, prompt(d)), guided(m, 1 - prompt(d)), 0.4),
    "steered": lambda m, d: steered(
        guided(m, prompt(d)), lambda x: nn.functional.logsigmoid(x.flatten(1)[:, :3]), 0.2
    ),
}


@pytest.mark.parametrize("name", GUIDANCE)
def test_guidance_has_the_cpus_numbers_and_waits_for_nothing(name, card):
    choose = GUIDANCE[name]
    states = walk("flow", SAMPLERS["ddim"], "card", lambda model: choose(model, "card"))
    next(states)
    card.clear()
    state = last(states)
    assert (card.sent, card.waits) == ([], [])
    expected = walk("flow", SAMPLERS["ddim"], "cpu", lambda model: choose(model, "cpu"))
    assert (state.x_t.cpu() - last(expected).x_t).abs().max() < 1e-4


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("path", ["flow", "ddpm"])
def test_a_card_without_float64_samples_nearly_the_same(
    path, name, card_without_float64, monkeypatch
):
    monkeypatch.setattr(noise, "has_float64", lambda device: torch.device(device).type == "cpu")
    ours = last(walk(path, SAMPLERS[name], "card")).x_t.cpu()
    assert (ours - last(walk(path, SAMPLERS[name], "cpu")).x_t).abs().max() < 1e-4


def test_times_of_the_cpu_are_brought_to_the_samples(card):
    model, times = denoiser("ddpm"), torch.tensor([0.3, 0.6])
    expected = model(KNOWN, times, prompt("cpu"))
    found = model.to("card")(KNOWN.to("card"), times, prompt("card"))
    assert (found.cpu() - expected).abs().max() < 1e-5


def test_a_walk_from_half_way_on_the_card(card):
    results = []
    for device in ("card", "cpu"):
        model = denoiser().to(device)
        times = from_time(time_grid(model.path, 6), 0.6)
        x = model.path.noised(KNOWN.to(device), gaussian([1, 2], (1, 8, 8), device=device), 0.6)
        results.append(last(sample(guided(model, prompt(device)), x, times)).x_t.cpu())
    assert (results[0] - results[1]).abs().max() < 1e-4


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        (lambda x: x + 0 * x.detach().to("cpu").to(x.device), "waits"),
        (lambda x: x + torch.zeros(x.shape), "same device"),
        (lambda x: x.double().float(), "no float64"),
        (lambda x: x * (float(x.detach().sum()) > -1e9), "waits"),
        (lambda x: x[x == x].reshape(x.shape), "waits"),
        (lambda x: x + torch.zeros(x.shape).to(x.device), "sent"),
    ],
    ids=["to cpu", "stray", "float64", "float", "mask", "sends"],
)
@pytest.mark.parametrize("where", ["training", "sampling"])
def test_a_fault_in_a_step_is_noticed(where, fault, complaint, card_without_float64, monkeypatch):
    """What these tests are for: each fault, put into the path, raises or is noted with its line."""
    original = FlowPath.convert
    monkeypatch.setattr(
        FlowPath, "convert", lambda self, value, *others: original(self, fault(value), *others)
    )
    states = (
        trained("flow x0", "card")[1]
        if where == "training"
        else walk("flow", SAMPLERS["ddim"], "card")
    )
    with contextlib.ExitStack() as stack:
        if complaint in ("same device", "no float64"):
            stack.enter_context(pytest.raises((RuntimeError, TypeError), match=complaint))
        next(states)
        card_without_float64.clear()
        next(states)
        seen = getattr(card_without_float64, complaint)
        assert any("test_on_a_card.py" in line for line in seen)
