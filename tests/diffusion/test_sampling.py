"""The samplers step by step against diffusers' schedulers, and against closed forms."""

import math
from functools import partial

import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EDMEulerScheduler,
    FlowMatchEulerDiscreteScheduler,
    HeunDiscreteScheduler,
)

from course_utils.diffusion import sampling
from course_utils.diffusion.guidance import guided
from course_utils.diffusion.noise import gaussian
from course_utils.diffusion.paths import PATHS, DDPMPath, EDMPath, FlowPath
from course_utils.diffusion.sampling import SAMPLERS, last, sample, time_grid

SHAPE = (3, 1, 4, 4, 4)  # the samplers are the same for points and voxels
TABLE = {
    "num_train_timesteps": 1000,
    "beta_schedule": "linear",
    "timestep_spacing": "trailing",
    "prediction_type": "sample",
}


class GaussianDenoiser:
    """The exact denoiser for data drawn from a normal distribution: E[x0 | x_t] in closed form."""

    def __init__(self, path, mean=0.7, width=0.5):
        self.path, self.mean, self.width = path, mean, width

    def __call__(self, x_t, t):
        alpha, sigma = self.path.alpha(t), self.path.sigma(t)
        gain = alpha * self.width**2 / (alpha**2 * self.width**2 + sigma**2)
        return self.mean + gain * (x_t - alpha * self.mean)

    def flow(self, x, t, s):
        """Where the exact probability-flow ODE takes x from time t to time s."""
        widths = [
            (self.path.alpha(u) ** 2 * self.width**2 + self.path.sigma(u) ** 2).sqrt()
            for u in (t, s)
        ]
        means = [self.path.alpha(u) * self.mean for u in (t, s)]
        return means[1] + widths[1] / widths[0] * (x - means[0])


def start(path):
    return path.prior_sample(gaussian(3, SHAPE).double())


def compare(path, scheduler, step, theirs, steps):
    """Largest difference over all steps between our states and `theirs(scheduler, k, x)`."""
    denoise, x = GaussianDenoiser(path), start(path)
    largest, other = 0.0, x
    for state in sample(denoise, x, time_grid(path, steps), step, seed=5):
        other = theirs(scheduler, denoise, state.step - 1, other)
        if state.t > 0 or path.sigma(0.0) == 0:
            largest = max(largest, float((state.x_t - other).abs().max()))
    return largest


def by_sample(scheduler, denoise, k, x):
    timestep = scheduler.timesteps[k]
    return scheduler.step(denoise(x, (timestep + 1) / 1000), timestep, x).prev_sample


@pytest.fixture
def same_noise(monkeypatch, request):
    """Makes diffusers draw the numbers that our sampler draws, one stream per step."""
    first = getattr(request, "param", 1)
    streams = iter(range(first, 1000))

    def draw(shape, dtype=None, **_):
        return gaussian(5, shape, next(streams)).to(dtype)

    for module in ("scheduling_ddpm", "scheduling_edm_euler"):
        monkeypatch.setattr(f"diffusers.schedulers.{module}.randn_tensor", draw)


def test_ddim():
    scheduler = DDIMScheduler(**TABLE, clip_sample=False)
    scheduler.set_timesteps(20)
    assert compare(DDPMPath(), scheduler, sampling.ddim, by_sample, 20) < 1e-5


def test_ddpm(same_noise):
    scheduler = DDPMScheduler(**TABLE, clip_sample=False, variance_type="fixed_small")
    scheduler.set_timesteps(20)
    assert compare(DDPMPath(), scheduler, sampling.ddpm, by_sample, 20) < 1e-5


@pytest.mark.parametrize("steps", [8, 25])
def test_dpm_solver(steps):
    scheduler = DPMSolverMultistepScheduler(
        **TABLE, algorithm_type="dpmsolver++", final_sigmas_type="zero"
    )
    scheduler.set_timesteps(steps)
    assert compare(DDPMPath(), scheduler, sampling.dpm_solver, by_sample, steps) < 1e-4


def test_flow_euler():
    scheduler = FlowMatchEulerDiscreteScheduler()
    scheduler.set_timesteps(sigmas=time_grid(FlowPath(), 12)[:-1].numpy())

    def theirs(scheduler, denoise, k, x):
        t = scheduler.sigmas[k].double()
        velocity = denoise.path.convert(denoise(x, t), x, t, "x0", "velocity")
        return scheduler.step(velocity, scheduler.timesteps[k], x).prev_sample

    assert compare(FlowPath(), scheduler, sampling.euler, theirs, 12) < 1e-5


def edm_scheduler(kind, steps, **options):
    scheduler = kind(**options)
    scheduler.set_timesteps(steps + 1)  # the last of theirs goes to sigma 0, ours ends at 0.002
    return scheduler


# nothing is above sigma_max: no noise in the first step
@pytest.mark.parametrize("same_noise", [2], indirect=True)
def test_churned_euler_is_karras(same_noise):
    steps, churn = 12, 0.2

    def theirs(scheduler, denoise, k, x):
        # the scheduler adds the noise itself, so the model has to be asked at the place where it
        # will stand
        sigma = scheduler.sigmas[k].double()
        higher = sigma * (1 + churn) if k else sigma
        moved = x + gaussian(5, SHAPE, k + 1).double() * (higher**2 - sigma**2).sqrt()
        wanted = denoise(moved, denoise.path.time_at(-2 * higher.log()))
        skipped = scheduler.precondition_outputs(moved, torch.zeros_like(x), higher)
        scale = scheduler.precondition_outputs(torch.zeros_like(x), torch.ones_like(x), higher)
        network, timestep = (wanted - skipped) / scale, scheduler.timesteps[k]
        return scheduler.step(
            network, timestep, x, s_churn=churn * (steps + 1), s_tmax=79.0
        ).prev_sample

    scheduler = EDMEulerScheduler()
    scheduler.set_timesteps(steps + 1)  # the last of theirs goes to sigma 0, ours ends at 0.002
    # of 80
    assert (
        compare(EDMPath(), scheduler, partial(sampling.churned_euler, churn=churn), theirs, steps)
        < 2e-4
    )


def test_heun():
    steps = 10
    scheduler = HeunDiscreteScheduler(use_karras_sigmas=True, prediction_type="epsilon")
    scheduler.set_timesteps(steps + 1)
    path = EDMPath(float(scheduler.sigmas[-2]), float(scheduler.sigmas[0]))

    def theirs(scheduler, denoise, k, x):
        for half in (2 * k, 2 * k + 1):
            sigma = scheduler.sigmas[half + half % 2].double()
            noise = (x - denoise(x, path.time_at(-2 * sigma.log()))) / sigma
            x = scheduler.step(noise, scheduler.timesteps[half], x).prev_sample
        return x

    assert compare(path, scheduler, sampling.heun, theirs, steps) < 1e-4


@pytest.mark.parametrize("path", [pytest.param(path(), id=name) for name, path in PATHS.items()])
@pytest.mark.parametrize(("step", "order"), [("ddim", 1), ("heun", 2), ("dpm_solver", 2)])
def test_order_of_convergence(path, step, order):
    denoise, errors = GaussianDenoiser(path), []
    x = denoise.flow(start(path), 1.0, 0.9)  # away from the ends, where log-SNR is infinite
    for steps in (40, 80, 160):
        final = last(sample(denoise, x, torch.linspace(0.9, 0.1, steps + 1), SAMPLERS[step])).x_t
        errors.append(float((final - denoise.flow(x, 0.9, 0.1)).abs().max()))
    slope = math.log(errors[0] / errors[2], 4)
    assert abs(slope - order) < 0.3, (slope, errors)


@pytest.mark.parametrize("path", [pytest.param(path(), id=name) for name, path in PATHS.items()])
@pytest.mark.parametrize("sampler", ["ddpm", "churned_euler"])
def test_stochastic_samplers_reach_the_distribution(path, sampler):
    denoise = GaussianDenoiser(path)
    x = path.prior_sample(gaussian(1, (20000, 2)).double())
    errors = []
    for steps in (50, 100):
        step = (
            sampling.ddpm if sampler == "ddpm" else partial(sampling.churned_euler, churn=4 / steps)
        )
        final = last(sample(denoise, x, time_grid(path, steps), step, seed=2)).x_t
        assert abs(float(final.mean()) - 0.7) < 0.02
        errors.append(abs(float(final.std()) - 0.5))
    assert errors[1] < 0.08
    assert errors[1] < 0.7 * errors[0] + 0.003  # weak order 1, plus the error of 40,000 numbers


def test_guidance_is_the_textbook_formula():
    class Constant(torch.nn.Module):
        path = FlowPath()

        def forward(self, x_t, t, condition=None):
            return x_t * 0 + (
                torch.ones(())
                if condition is None
                else torch.where(condition < 0, 1.0, 3.0)[:, None]
            )

    x = torch.zeros(2, 2)
    label = torch.zeros(2, dtype=torch.long)
    values = [float(guided(Constant(), label, s)(x, 0.5)[0, 0]) for s in (0.0, 1.0, 2.5)]
    assert values == [1.0, 3.0, 1.0 + 2.5 * 2.0]


class Two(torch.nn.Module):
    """A denoiser whose answer is 1 without a condition, and 2 k + 3 for class k, times x_t."""

    path = FlowPath()

    def forward(self, x_t, t, condition=None):
        if condition is None:
            return x_t.clone()
        factor = torch.where(condition < 0, 1.0, 2.0 * condition + 3)
        return x_t * factor.reshape(-1, *[1] * (x_t.ndim - 1))


def test_a_negative_condition_takes_the_place_of_none():
    x, zero, one = (
        torch.ones(2, 2),
        torch.zeros(2, dtype=torch.long),
        torch.ones(2, dtype=torch.long),
    )
    assert guided(Two(), zero, 2.5, negative=one)(x, 0.5)[0, 0] == 5 + 2.5 * (3 - 5)
    assert guided(Two(), None, 2.0, negative=one)(x, 0.5)[0, 0] == 5 + 2 * (1 - 5)
    assert guided(Two(), zero, 0.0, negative=one)(x, 0.5)[0, 0] == 5
    assert guided(Two(), zero, 1.0, negative=one)(x, 0.5)[0, 0] == 3


def test_outside_its_interval_guidance_is_merely_conditional():
    x, zero = torch.ones(1, 2), torch.zeros(1, dtype=torch.long)
    denoise = guided(Two(), zero, 4.0, interval=(0.2, 0.6))
    assert [float(denoise(x, t)[0, 0]) for t in (0.1, 0.2, 0.6, 0.7)] == [3, 9, 9, 3]
    # a scale below 1 stays
    assert float(guided(Two(), zero, 0.5, interval=(0.2, 0.6))(x, 0.9)[0, 0]) == 2


@pytest.mark.parametrize("shape", [(3, 1, 8, 8), (3, 1, 4, 4, 4), (3, 7)])
def test_rescaling_is_that_of_diffusers(shape):
    from diffusers.guiders.guider_utils import rescale_noise_cfg

    class Random(torch.nn.Module):
        path = FlowPath()

        def forward(self, x_t, t, condition=None):
            free, asked = (
                torch.randn(x_t[:3].shape, generator=torch.Generator().manual_seed(k)) * size
                for k, size in ((0, 1), (1, 0.6))
            )
            return (
                free if condition is None else asked if len(x_t) == 3 else torch.cat([asked, free])
            )

    x, label = torch.zeros(shape), torch.zeros(3, dtype=torch.long)
    for amount in (0.0, 0.3, 1.0):
        wanted = rescale_noise_cfg(
            guided(Random(), label, 5.0)(x, 0.5), Random()(x, 0.5, label), amount
        )
        assert (guided(Random(), label, 5.0, rescale=amount)(x, 0.5) - wanted).abs().max() < 1e-5


def test_bad_guidance_is_refused():
    for interval in ((0.5, 0.2), (-0.1, 1.0), (0.0, 1.5)):
        with pytest.raises(ValueError, match="interval is"):
            guided(Two(), None, interval=interval)
    with pytest.raises(ValueError, match="rescale is"):
        guided(Two(), None, rescale=1.5)


@pytest.mark.parametrize("step", SAMPLERS.values())
def test_same_seed_same_sample_and_neighbours_do_not_matter(step):
    path = FlowPath()
    denoise = GaussianDenoiser(path)
    alone, batch = (
        last(sample(denoise, gaussian(seeds, (4,)), time_grid(path, 5), step, seed=seeds)).x_t
        for seeds in ([8], [7, 8, 9])
    )
    assert torch.equal(alone[0], batch[1])


def test_bad_times_are_refused():
    denoise = GaussianDenoiser(FlowPath())
    for times in ([0.0, 1.0], [1.0], [1.5, 0.0], [1.0, 0.5, 0.5]):
        with pytest.raises(ValueError, match="times must fall"):
            next(sample(denoise, torch.zeros(1, 2), torch.tensor(times)))
    with pytest.raises(ValueError, match="steps is 0"):
        time_grid(FlowPath(), 0)
