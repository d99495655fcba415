"""The paths against diffusers and their own derivatives, and every conversion and back."""

import math

import pytest
import torch
from diffusers import (
    DDPMScheduler,
    EDMEulerScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
)

from course_utils.diffusion.paths import KINDS, PATHS, CosinePath, DDPMPath, EDMPath, FlowPath
from course_utils.diffusion.sampling import time_grid

ALL = [pytest.param(path(), id=name) for name, path in PATHS.items()]
# from 0.02 to 0.98, exact in float32, and between the entries of the tables, where their slope
# jumps
INNER = torch.linspace(0.0203, 0.9796, 97).double()


@pytest.mark.parametrize(
    ("path", "schedule"), [(DDPMPath(), "linear"), (CosinePath(), "squaredcos_cap_v2")]
)
def test_tables_are_those_of_diffusers(path, schedule):
    alpha_bar = DDPMScheduler(
        num_train_timesteps=1000, beta_schedule=schedule
    ).alphas_cumprod.double()
    times = torch.arange(1, 1001, dtype=torch.float64) / 1000
    assert (path.alpha(times) - alpha_bar.sqrt()).abs().max() < 1e-6
    assert (path.sigma(times).square() - (1 - alpha_bar)).abs().max() < 1e-6


def test_flow_is_that_of_diffusers():
    scheduler = FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000)
    sigmas = scheduler.sigmas.double()
    times = torch.arange(1000, 0, -1, dtype=torch.float64) / 1000
    assert (FlowPath().sigma(times) - sigmas).abs().max() < 1e-6
    data, noise = torch.randn(4, 3, 8), torch.randn(4, 3, 8)
    t = scheduler.timesteps[[0, 300, 600, 999]]
    theirs = scheduler.scale_noise(data, t, noise)
    assert (FlowPath().noised(data, noise, t / 1000) - theirs).abs().max() < 1e-6


def test_flow_shift_is_that_of_diffusers():
    scheduler = FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=3.0)
    times = torch.arange(1000, 0, -1, dtype=torch.float64) / 1000
    assert (FlowPath().shifted(times, 3.0) - scheduler.sigmas.double()).abs().max() < 1e-6


@pytest.mark.parametrize("steps", [5, 40])
def test_edm_times_are_karras_sigmas(steps):
    path = EDMPath()
    ours = path.sigma(time_grid(path, steps - 1))
    edm = EDMEulerScheduler()
    edm.set_timesteps(steps)
    euler = EulerDiscreteScheduler(use_karras_sigmas=True, sigma_min=0.002, sigma_max=80.0)
    euler.set_timesteps(steps)
    for scheduler in (edm, euler):
        theirs = scheduler.sigmas[:-1].double()  # theirs end in an extra 0
        assert ((ours - theirs) / theirs).abs().max() < 1e-6


@pytest.mark.parametrize("path", ALL)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-4)])
def test_conversions_give_the_truth_and_come_back(path, dtype, tolerance):
    generator = torch.Generator().manual_seed(0)
    x0, noise = torch.randn(2, 97, 6, generator=generator, dtype=torch.float64)
    t = INNER
    x_t = path.noised(x0, noise, t)
    truth = {
        kind: sum(
            c[:, None] * part
            for c, part in zip(path.coefficients(kind, t), (x0, noise), strict=True)
        )
        for kind in KINDS
    }
    for source in KINDS:
        for target in KINDS:
            found = path.convert(
                truth[source].to(dtype), x_t.to(dtype), t.to(dtype), source, target
            ).double()
            error = (found - truth[target]).norm(dim=1) / truth[target].norm(dim=1)
            assert error.max() < tolerance, (source, target)


@pytest.mark.parametrize("path", ALL)
def test_rates_are_the_derivatives(path):
    t, h = INNER, 1e-6
    for level, rate in zip((path.alpha, path.sigma), path.rates(t), strict=True):
        numeric = (level(t + h) - level(t - h)) / (2 * h)
        assert ((numeric - rate).abs() / (1 + rate.abs())).max() < 1e-6


@pytest.mark.parametrize("path", ALL)
def test_time_at_inverts_log_snr(path):
    assert (path.time_at(path.log_snr(INNER)) - INNER).abs().max() < 1e-9


@pytest.mark.parametrize("path", ALL)
def test_the_ends_are_finite(path):
    x_t = torch.randn(3, 4, generator=torch.Generator().manual_seed(1))
    for t in (0.0, 1.0):
        for source in KINDS:
            for target in KINDS:
                assert path.convert(x_t, x_t, t, source, target).isfinite().all(), (
                    t,
                    source,
                    target,
                )
    assert path.alpha(0.0) == pytest.approx(1, abs=1e-4)
    assert path.sigma(0.0) < 0.01  # of noise that stays in a sample
    if type(path) in (DDPMPath, CosinePath, FlowPath):
        assert (path.alpha(0.0), path.sigma(0.0)) == (1, 0)


def test_v_is_salimans_definition_and_score_the_gradient():
    path, t = DDPMPath(), torch.tensor(0.3, dtype=torch.float64)
    x0, noise = torch.tensor([[0.7]]).double(), torch.tensor([[-1.2]]).double()
    x_t = path.noised(x0, noise, t).requires_grad_()
    v = path.convert(x0, x_t, t, "x0", "v")
    assert (v - (path.alpha(t) * noise - path.sigma(t) * x0)).abs().max() < 1e-12
    # of q(x_t | x0)
    log_density = -((x_t - path.alpha(t) * x0) ** 2).sum() / (2 * path.sigma(t) ** 2)
    (gradient,) = torch.autograd.grad(log_density, x_t)
    assert (path.convert(x0, x_t, t, "x0", "score") - gradient).abs().max() < 1e-12


@pytest.mark.parametrize("path", ALL)
def test_sensitivity_is_how_errors_in_x0_grow(path):
    x0, noise, error = torch.randn(
        3, 97, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64
    )
    x_t = path.noised(x0, noise, INNER)
    for kind in KINDS:
        moved = path.convert(x0 + error, x_t, INNER, "x0", kind) - path.convert(
            x0, x_t, INNER, "x0", kind
        )
        expected = path.sensitivity(kind, INNER)[:, None] * error.abs()
        assert ((moved.abs() - expected).abs() / (1 + expected)).max() < 1e-9, kind


@pytest.mark.parametrize("path", ALL)
def test_shift_lowers_log_snr(path):
    t = torch.linspace(0.2, 0.8, 7, dtype=torch.float64)
    fallen = path.log_snr(t) - path.log_snr(path.shifted(t, 2.0))
    assert (fallen - 2 * math.log(2)).abs().max() < 1e-6
    assert path.shifted(torch.tensor([0.0, 1.0], dtype=torch.float64), 3.0).tolist() == [0.0, 1.0]


def test_prior_has_the_width_of_the_end():
    noise = torch.ones(2, 3)
    assert EDMPath().prior_sample(noise).allclose(torch.full((2, 3), 80.0))
    assert FlowPath().prior_sample(noise).equal(noise)


def test_unknown_kind():
    with pytest.raises(ValueError, match=r"epsilon.*x0"):
        FlowPath().convert(torch.zeros(1), torch.zeros(1), 0.5, "epsilon", "x0")
