"""The loss against formulas, the loop against a resumed one, states damaged or foreign."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from course_utils.diffusion import training
from course_utils.diffusion.denoiser import Denoiser
from course_utils.diffusion.losses import Denoising, denoising_loss
from course_utils.diffusion.paths import PATHS, FlowPath
from course_utils.diffusion.training import Plan, Trainer, batches, generator_of_step
from course_utils.networks.conditioning.labels import on_labels
from course_utils.networks.mlp import MLP
from course_utils.networks.unet import UNet

POINTS = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
PLAN = Plan(steps=60, batch_size=32, seed=3)


def trainer(plan=PLAN, width=16):
    torch.manual_seed(0)
    return Trainer(Denoiser(MLP(width=width, depth=1), FlowPath()), plan, Denoising())


def finish(trainer, until=None):
    return [progress.loss for progress in trainer.run(batches(POINTS), until)]


@pytest.mark.parametrize("path", [pytest.param(path(), id=name) for name, path in PATHS.items()])
@pytest.mark.parametrize("prediction", ["x0", "noise", "v", "velocity"])
@pytest.mark.parametrize("loss_in", ["x0", "noise", "v", "velocity"])
def test_loss_is_the_mean_square_in_the_quantity_named(path, prediction, loss_in):
    torch.manual_seed(1)
    network = MLP(width=16, depth=1).double()
    denoiser = Denoiser(network, path, prediction)
    x0, noise = torch.randn(2, 64, 2, dtype=torch.float64)
    t = torch.linspace(0.1, 0.9, 64, dtype=torch.float64)
    x_t = path.noised(x0, noise, t)
    size = (path.alpha(t) ** 2 + path.sigma(t) ** 2).sqrt()[:, None]
    output = (
        network(x_t / size, path.log_snr(t).clamp(-20, 20), None)
        * path.magnitude(prediction, t)[:, None]
    )
    truth = path.convert(x0, x_t, t, "x0", loss_in)
    by_hand = (path.convert(output, x_t, t, prediction, loss_in) - truth).square().mean()
    ours = denoising_loss(denoiser, x0, noise, t, loss_in=loss_in, weight_limit=float("inf"))
    assert abs(float(ours / by_hand) - 1) < 1e-9


def test_what_is_random_in_a_step_comes_in_one_order():
    """Rows, times, noise, dropped conditions, from one generator per step: exact to the bit."""
    plan, labels = Plan(steps=5, batch_size=32, seed=3), torch.arange(200) % 3

    def network():
        torch.manual_seed(0)
        return Denoiser(UNet(1, 1, (8,), blocks=1, conditioner=on_labels(3)), FlowPath())

    values, ours = POINTS.reshape(200, 1, 2).repeat(1, 1, 4), network()
    run = Trainer(ours, plan, Denoising(drop_condition=0.3))
    losses = [progress.loss for progress in run.run(batches(values, labels))]
    denoiser, expected = network(), []
    optimizer = torch.optim.AdamW(
        denoiser.parameters(), 1e-3, (0.9, 0.99), weight_decay=plan.weight_decay, fused=True
    )
    for step in range(plan.steps):
        generator = torch.Generator().manual_seed(3 * 1_000_003 + step)
        rows = torch.randint(200, (32,), generator=generator)
        t = torch.sigmoid(torch.randn(32, generator=generator))
        noise = torch.randn(32, 1, 8, generator=generator)
        told = torch.where(torch.rand(32, generator=generator) < 0.3, -1, labels[rows])
        optimizer.param_groups[0]["lr"] = plan.learning_rate_at(step)
        optimizer.zero_grad()
        loss = denoising_loss(denoiser, values[rows], noise, t, told)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(denoiser.parameters(), 1.0)
        optimizer.step()
        expected.append(float(loss.detach()))
    assert losses == expected
    for mine, other in zip(ours.parameters(), denoiser.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_shares_of_a_batch_make_its_gradient(monkeypatch):
    """Two trainers with 16 rows each, in threads that average, against one with 32."""
    barrier, sent = threading.Barrier(2, timeout=20), {}

    @torch.no_grad()
    def average(tensors):
        sent[threading.get_ident()] = [tensor.clone() for tensor in tensors]
        barrier.wait()
        for tensor, *others in zip(tensors, *sent.values(), strict=True):
            tensor.copy_(torch.stack(others).mean(dim=0))

    monkeypatch.setattr("course_utils.diffusion.training.average_over_team", average)
    team = [trainer(Plan(steps=1, batch_size=16, seed=3)) for _ in range(2)]
    for rank, member in enumerate(team):
        member.rank, member.processes = rank, 2
    with ThreadPoolExecutor(2) as pool:
        losses = list(pool.map(finish, team))
    one = trainer(Plan(steps=1, batch_size=32, seed=3))
    (loss,) = finish(one)
    assert losses[0] == losses[1] and abs(losses[0][0] / loss - 1) < 1e-6
    gradients = [
        [entry["exp_avg"] for entry in run.optimizer.state.values()] for run in (*team, one)
    ]
    for first, second, expected in zip(*gradients, strict=True):
        assert torch.equal(first, second)
        assert (first - expected).abs().max() < 1e-5 * expected.abs().max()


def test_training_learns():
    losses = finish(trainer(Plan(steps=400, batch_size=64)))
    assert sum(losses[-50:]) < 0.8 * sum(losses[:50])


def test_noise_that_belongs_to_a_row_is_the_noise_of_the_loss():
    partners, run = 10 * POINTS, trainer(Plan(steps=1, batch_size=32))
    draw = batches(POINTS, noise=partners)
    generator = torch.Generator().manual_seed(0)  # of step 0 with seed 0
    x0, condition, noise = draw(generator, 32)
    assert condition is None and torch.equal(noise, 10 * x0)
    t = torch.sigmoid(torch.randn(32, generator=generator))
    expected = denoising_loss(trainer().model, x0, noise, t)
    (progress,) = run.run(draw)
    assert abs(progress.loss / float(expected) - 1) < 1e-5


def test_ema_is_the_average_it_says():
    run = trainer()
    mean = [p.clone() for p in run.model.parameters()]
    for progress in run.run(batches(POINTS)):
        decay = min(PLAN.ema_decay, progress.step / (9 + progress.step))
        mean = [
            decay * m + (1 - decay) * p.detach()
            for m, p in zip(mean, run.model.parameters(), strict=True)
        ]
    assert max((m - p).abs().max() for m, p in zip(mean, run.ema.parameters(), strict=True)) < 1e-6


def test_gradients_are_clipped(monkeypatch):
    seen = []
    original = torch.nn.utils.clip_grad_norm_
    monkeypatch.setattr(
        torch.nn.utils, "clip_grad_norm_", lambda p, n: seen.append(n) or original(p, n)
    )
    finish(trainer(Plan(steps=2, gradient_clip=0.125)))
    assert seen == [0.125, 0.125]


def test_condition_is_dropped_per_sample():
    class Spy(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.seen, self.weight = [], torch.nn.Parameter(torch.zeros(()))

        def forward(self, x, log_snr, condition):
            self.seen.append(condition)
            return x * self.weight

    spy = Spy()
    labels = torch.arange(200) % 3
    run = Trainer(
        Denoiser(spy, FlowPath()), Plan(steps=50, batch_size=100), Denoising(drop_condition=0.2)
    )
    list(run.run(batches(POINTS, labels)))
    dropped = (torch.cat(spy.seen) == -1).float().mean()
    assert abs(float(dropped) - 0.2) < 0.02
    assert set(torch.cat(spy.seen).tolist()) == {-1, 0, 1, 2}


def test_resumed_is_uninterrupted(tmp_path):
    whole = trainer()
    losses = finish(whole)
    first = trainer()
    finish(first, until=25)
    first.save(tmp_path / "state.safetensors")
    second = trainer()
    second.restore(tmp_path / "state.safetensors")
    assert second.step == 25
    assert finish(second) == losses[25:]
    for name, value in whole.ema.state_dict().items():
        assert torch.equal(value, second.ema.state_dict()[name]), name


class Restless(torch.nn.Module):
    """A network with everything that a plain one lacks: dropout, and running statistics."""

    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(2, 16),
            torch.nn.BatchNorm1d(16),
            torch.nn.Dropout(0.5),
            torch.nn.Linear(16, 2),
        )

    def forward(self, x, log_snr, condition=None):
        return self.layers(x)


def restless():
    torch.manual_seed(0)
    return Trainer(Denoiser(Restless(), FlowPath()), PLAN, Denoising())


def test_dropout_is_the_same_after_a_pause_and_leaves_the_callers_randomness_alone(tmp_path):
    whole = restless()
    losses = finish(whole)
    assert len(set(losses)) == PLAN.steps
    first = restless()
    finish(first, until=25)
    first.save(tmp_path / "state.safetensors")
    torch.rand(7)  # whatever else is drawn meanwhile
    second = restless()
    second.restore(tmp_path / "state.safetensors")
    torch.manual_seed(5)
    assert finish(second) == losses[25:]
    drawn = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(3))
    for name, value in whole.ema.state_dict().items():
        assert torch.equal(value, second.ema.state_dict()[name]), name


def test_the_average_carries_running_statistics():
    """It used to keep those of the first step, 0 and 1: a network with BatchNorm was worthless."""
    run = restless()
    statistics = run.model.network.layers[1]
    mean, variance = statistics.running_mean.clone(), statistics.running_var.clone()
    for progress in run.run(batches(POINTS)):
        decay = min(PLAN.ema_decay, progress.step / (9 + progress.step))
        mean = decay * mean + (1 - decay) * statistics.running_mean
        variance = decay * variance + (1 - decay) * statistics.running_var
    average = run.ema.network.layers[1]
    assert (average.running_mean - mean).abs().max() < 1e-6 < mean.abs().max()
    assert (average.running_var - variance).abs().max() < 1e-6 < (variance - 1).abs().max()
    assert int(average.num_batches_tracked) == PLAN.steps


def test_a_loss_may_be_any_function_of_a_model_and_what_it_prepared():
    """The trainer knows nothing of noise: a straight line is fitted by it as well."""

    class Squared:
        def prepare(self, batch, generator, step):
            return batch

        def __call__(self, model, target, given, noise):
            return (model(given) - target).square().mean()

    x = torch.linspace(-1, 1, 200)[:, None]
    torch.manual_seed(0)
    plan = Plan(steps=400, batch_size=64, learning_rate=0.05, weight_decay=0.0, ema_decay=0.9)
    run = Trainer(torch.nn.Linear(1, 1), plan, Squared())
    list(run.run(batches(3 * x - 2, x)))
    assert abs(float(run.ema.weight) - 3) < 1e-3 and abs(float(run.ema.bias) + 2) < 1e-3


KILLED = """
    import sys, torch
    sys.path.insert(0, {tests!r})
    from test_training import trainer, batches, POINTS
    run = trainer()
    if {resume}:
        run.restore({file!r})
    for progress in run.run(batches(POINTS)):
        if progress.step % 5 == 0:
            run.save({file!r})
            print(progress.step, flush=True)
"""


def test_kill_9_in_the_middle(tmp_path):
    file = str(tmp_path / "state.safetensors")

    def start(resume):
        script = textwrap.dedent(KILLED).format(
            tests=os.path.dirname(__file__), file=file, resume=resume
        )
        return subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)

    process = start(resume=False)
    while process.stdout.readline().strip() != "20":
        assert process.poll() is None, "the training ended before it could be killed"
    process.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    process.wait()
    process.stdout.close()
    output, _ = start(resume=True).communicate()
    assert int(output.split()[0]) > 20
    whole = trainer()
    finish(whole)
    saved = load_file(file)
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, saved[f"weights.{name}"]), name


def test_a_failed_save_leaves_the_old_state(tmp_path, monkeypatch):
    file, run = tmp_path / "state.safetensors", trainer()
    finish(run, until=3)
    run.save(file)
    before = file.read_bytes()
    finish(run, until=6)

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr("course_utils.files.atomic.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        run.save(file)
    assert file.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["state.safetensors"]


def test_foreign_and_damaged_states_are_refused(tmp_path):
    file, run = tmp_path / "state.safetensors", trainer()
    finish(run, until=2)
    run.save(file)
    with pytest.raises(ValueError, match=r"another training.*plan.batch_size: 32 → 8; with one"):
        trainer(Plan(steps=60, batch_size=8, seed=3)).restore(file)
    with pytest.raises(ValueError, match="another network"):
        trainer(width=24).restore(file)
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"state.safetensors is damaged"):
        trainer().restore(file)


@pytest.mark.parametrize(
    ("processes", "told"),
    [
        (1, "with one process it takes --batch-size 32"),
        (4, "with 4 processes it takes --batch-size 8"),
        (3, "3 processes cannot share its batch of 32 evenly"),
    ],
)
def test_another_number_of_processes_is_told_the_batch_that_continues(processes, told, tmp_path):
    file = tmp_path / "state.safetensors"
    trainer().save(file)
    other = trainer(Plan(steps=60, batch_size=16, seed=3))
    other.processes = processes
    with pytest.raises(ValueError, match=f"plan.batch_size: 32 → {16 * processes}; {told}"):
        other.check(file)


def test_compiled_training_is_the_same(monkeypatch):
    calls = []
    monkeypatch.setattr(torch, "compile", lambda module, mode: calls.append(module) or module)
    plain = trainer()
    compiled = Trainer(trainer().model, PLAN, Denoising(), compiled=True)
    assert calls == [compiled.model]
    assert finish(plain, until=3) == finish(compiled, until=3)


@pytest.mark.parametrize("units", [True, False])
def test_bfloat16_on_the_cpu_is_near_float32_and_keeps_float32_weights(units, monkeypatch):
    monkeypatch.setattr(training, "has_bfloat16_units", lambda: units)
    torch.manual_seed(0)
    quick = Trainer(Denoiser(MLP(width=16, depth=1), FlowPath()), PLAN, Denoising(), half=True)
    dtypes = set()
    quick.model.network.register_forward_hook(
        lambda module, given, output: dtypes.add(output.dtype)
    )
    half, full = finish(quick), finish(trainer())
    # without the units its gradients may be garbage
    assert dtypes == {torch.bfloat16 if units else torch.float32}
    assert {p.dtype for p in quick.ema.parameters()} == {torch.float32}
    assert (half != full) == units and half == pytest.approx(full, rel=0.05)


@pytest.mark.parametrize("parts", [2, 4])
def test_a_batch_in_parts_has_the_gradient_of_the_whole(parts):
    whole, ours = trainer(), Trainer(trainer().model, PLAN, Denoising(), parts=parts)
    losses, expected = finish(ours, until=20), finish(whole, until=20)
    assert losses != expected  # rounding
    for one, other in zip(losses, expected, strict=True):
        assert abs(one / other - 1) < 1e-4


@pytest.mark.parametrize("parts", [0, 5, 64])
def test_parts_divide_the_batch(parts):
    with pytest.raises(ValueError, match=f"parts is {parts}; .* divides the batch of 32"):
        Trainer(trainer().model, PLAN, Denoising(), parts=parts)


def test_losses_are_read_when_somebody_looks_and_each_belongs_to_its_step(monkeypatch):
    expected = finish(trainer(), until=20)
    run = trainer()
    run.device = SimpleNamespace(type="cpu-that-is-waited-for")
    monkeypatch.setattr(training, "generator_of_step", lambda s, n, d: generator_of_step(s, n))
    monkeypatch.setattr(training, "seeded", lambda *_: nullcontext())
    steps = []
    for progress in run.run(batches(POINTS), until=20):
        steps.append(progress)
        if progress.step == 7:
            assert not any(step.read for step in steps)
            assert steps[2].loss == expected[2] and all(step.read for step in steps)
    assert [step.loss for step in steps] == expected and all(step.read for step in steps)
    assert tuple(steps[3]) == (4, expected[3], steps[3].seconds)


def test_what_is_not_finite_is_refused_at_the_step_and_never_saved(tmp_path):
    state = tmp_path / "state.safetensors"
    run = trainer()
    draw = batches(POINTS)
    for progress in run.run(draw):
        if progress.step == 3:
            run.save(state)
            saved = state.read_bytes()
            next(run.model.parameters()).data.fill_(float("inf"))
            with pytest.raises(ValueError, match=r"step 3: a weight is no finite number"):
                run.save(state)
            break
    with pytest.raises(ValueError, match="step 4: the loss is nan"):
        next(run.run(draw))
    assert state.read_bytes() == saved


def test_another_seed_draws_other_batches_times_and_noise():
    """torch's CPU generator reads 32 bits of its seed: seed * 2**32 + step would not differ."""
    seen = {}
    for seed in (0, 1, 1, 2):
        draws = [torch.rand(3, generator=generator_of_step(seed, step)) for step in (0, 1)]
        assert not torch.equal(*draws)
        assert seed not in seen or torch.equal(draws[0], seen[seed])
        seen[seed] = draws[0]
    assert not torch.equal(seen[0], seen[1]) and not torch.equal(seen[1], seen[2])
    ends = []
    for seed in (0, 1):
        torch.manual_seed(0)
        plan = Plan(steps=3, batch_size=8, seed=seed)
        trainer = Trainer(Denoiser(MLP(width=8), FlowPath()), plan, Denoising())
        list(trainer.run(batches(POINTS)))
        ends.append(torch.cat([p.flatten() for p in trainer.model.parameters()]))
    assert (ends[0] - ends[1]).abs().max() > 1e-5


def test_the_network_is_told_no_log_snr_beyond_its_range():
    told = []

    def network(x, log_snr, condition):
        told.append(log_snr)
        return x

    for wide, most in ((3.0, 3.0), (20.0, 20.0)):
        Denoiser(network, FlowPath(), log_snr_range=wide)(
            torch.zeros(2, 3), torch.tensor([0.0, 1.0])
        )
        assert told[-1].tolist() == [most, -most]
