# %% [markdown]
# # 03 · Going back: SDE, ODE and samplers
#
# {{badges}} · {{measured}}
#
# ![The forward process read backwards, the reverse SDE and the probability-flow ODE](images/trajectories.png)
#
# **After this lesson you can**
# - walk from noise to data in three ways, written by hand, and say what they share and what not;
# - write DDIM and Heun, measure the order of a sampler, and choose one for the number of steps that you can pay;
# - say what makes a path straight, and compute the likelihood of a point.
#
# **You need** lessons 00 to 02: a path, the score, and the denoiser of a mixture (section 1 recalls the last two).
# Symbols: [notation](../docs/notation.md).

# %%
from itertools import pairwise

import torch
from course_utils.diffusion.mixtures import five_blobs
from course_utils.diffusion.noise import gaussian
from course_utils.diffusion.paths import DDPMPath, FlowPath
from course_utils.evaluation.sets import sliced_wasserstein
from course_utils.exercises import lesson_03
from course_utils.plots.planar import Chart, show_charts, show_clouds, show_paths
from course_utils.plots.style import DATA, EXACT, MODEL

# %% [markdown]
# ## 1 · Three ways back
#
# Our data are five blobs in the plane, a mixture of Gaussians. That is convenient: everything that a network would
# have to learn has a formula (lesson 02). So whatever goes wrong in this lesson, the *sampler* is to blame, not the
# model.
#
# Recall $x_t = \alpha_t x_0 + \sigma_t\epsilon$, with $t = 0$ data and $t = 1$ noise. Given $x_t$, we know the best
# guess of the data, $D(x_t, t)$, and the **score** $\nabla\log p_t(x_t)$: the direction in which the density $p_t$ of
# noisy points grows fastest. The best guess of the noise is $\hat\epsilon = -\sigma_t \nabla\log p_t$.
#
# While $t$ changes, $x_t$ moves with velocity $\dot\alpha_t x_0 + \dot\sigma_t\epsilon$ (the dot is a time derivative).
# We know neither $x_0$ nor $\epsilon$. So we put in the guesses:
#
# $$u(x, t) = \dot\alpha_t\, D(x, t) + \dot\sigma_t\, \hat\epsilon(x, t)$$
#
# It is the wind of lesson 01 (and not the $v$ of lesson 02).

# %%
mixture, path, flow = five_blobs(), DDPMPath(), FlowPath()


def velocity(x, t, path):
    """The mean velocity of the noisy points that pass through x (B, 2) at time t."""
    alpha_rate, sigma_rate = path.rates(t)
    noise_guess = -path.sigma(t) * mixture.score(x, path, t)
    return alpha_rate * mixture.posterior_mean(x, path, t) + sigma_rate * noise_guess


# %% [markdown]
# **Way one: follow the velocity.** From noise, step back in time. This is the *probability-flow ODE* (an ordinary
# differential equation: no chance in it once the start is drawn).

# %%
times = torch.linspace(1, 0, 201, dtype=torch.float64)


def follow_the_velocity(x):
    """Euler's method for dx/dt = u(x, t), from t = 1 to 0. Yields x after every step."""
    for t, s in pairwise(times):
        x = x - (t - s) * velocity(x, t, path)
        yield x


# %% [markdown]
# **Way two: stir.** Stay at one time and move uphill a little, then add fresh noise:
#
# $$x \leftarrow x + \eta\,\nabla\log p_t(x) + \sqrt{2\eta}\; z$$
#
# with $z$ standard normal and a small step $\eta$. This is *Langevin dynamics*. Climbing gathers the points, noise
# scatters them, and for small $\eta$ the two balance when the points are distributed as $p_t$. So stirring leaves $p_t$
# alone, and pulls other clouds towards it.
#
# We stir at sixty noise levels, from all noise down to none, eight times at each. Steps are small against the narrowest
# blob: a tenth of its variance.


# %%
def stir(x, t, eta, z):
    """One Langevin step of size eta at time t; z is standard normal, shaped like x."""
    return x + eta * mixture.score(x, path, t) + (2 * eta) ** 0.5 * z


def stir_all_the_way(x, levels=60, repeats=8):
    """Annealed Langevin dynamics: stir at ever smaller noise levels."""
    for k, t in enumerate(torch.linspace(1, 0, levels, dtype=torch.float64)):
        eta = 0.1 * ((path.alpha(t) * mixture.stds.min()) ** 2 + path.sigma(t) ** 2)
        for j in range(repeats):
            x = stir(x, t, eta, gaussian(1, x.shape, stream=repeats * k + j))
    return x


# %% [markdown]
# **Way three: both at once.** In every step follow the velocity, and stir. How hard we stir is our choice. The
# classical choice is $\eta = (t - s)\,g^2/2$, where $g^2$ is the rate at which the forward process adds variance:
#
# $$g^2 = 2\sigma_t\left(\dot\sigma_t - \sigma_t\,\dot\alpha_t/\alpha_t\right)$$
#
# Then the loop is the *reverse SDE* (a stochastic differential equation: chance at every step).


# %%
def follow_and_stir(x):
    """The reverse SDE by Euler's method, from t = 1 to 0. Yields x after every step."""
    for k, (t, s) in enumerate(pairwise(times)):
        alpha, sigma, (alpha_rate, sigma_rate) = path.alpha(t), path.sigma(t), path.rates(t)
        g_squared = 2 * sigma * (sigma_rate - sigma * alpha_rate / alpha)
        x = x - (t - s) * velocity(x, t, path)
        # the score at t, although x has just moved to s: a difference of second order in the step
        x = stir(x, t, (t - s) * g_squared / 2, gaussian(2, x.shape, stream=k))
        yield x


# %% [markdown]
# **Predict:** three loops, one start, the same 2,500 random points. Which of the three clouds will look like the data?

# %%
COUNT = 2500
data, start = mixture.sample(COUNT, seed=1), gaussian(0, (COUNT, 2)).double()
ode, sde = list(follow_the_velocity(start)), list(follow_and_stir(start))
results = {"data": data, "ODE": ode[-1], "Langevin": stir_all_the_way(start), "reverse SDE": sde[-1]}
show_clouds(results.values(), list(results), [DATA, MODEL, MODEL, MODEL])

# %% [markdown]
# *Data (blue) and what the three loops made of one cloud of noise (orange).*
#
# By eye they agree. Let us measure: the sliced Wasserstein distance of lesson 01 is how far points have to move,
# projected on random directions (root mean square), to turn one cloud into the other. Two fresh data sets are not at
# distance 0 either, because both are random. That distance is the **floor**: nothing can be measured below it.


# %%
def distance(cloud):
    """Mean sliced Wasserstein distance of a cloud to five fresh data sets of the same size."""
    return sum(sliced_wasserstein(cloud, mixture.sample(len(cloud), seed)) for seed in range(11, 16)) / 5


floors = torch.tensor([distance(mixture.sample(COUNT, seed)) for seed in range(21, 27)])
print(f"six fresh data sets: {floors.mean():.2f}, from {floors.min():.2f} to {floors.max():.2f}; noise: "
      f"{distance(start):.1f}")  # fmt: skip
for name in ("ODE", "Langevin", "reverse SDE"):
    found = distance(results[name])
    print(f"{name}: distance {found:.2f}. Nearer than twice the floor?", "yes" if found < 2 * floors.mean() else "no")
    assert found < 2 * floors.mean()

# %% [markdown]
# ### Is it time reversal?
#
# A film of the forward process, played backwards: would you notice? **Predict:** whose
# trajectories look like the film's: the ODE's or the SDE's?


# %%
def forward(x0, seed):
    """The forward process in the same small steps: adds noise on the way from s to t. Returns x at `times`."""
    states, rising = [x0.double()], times.flip(0)
    for k, (s, t) in enumerate(pairwise(rising)):
        kept = path.alpha(t) / path.alpha(s)
        added = path.sigma(t) ** 2 - kept**2 * path.sigma(s) ** 2
        states.append(kept * states[-1] + added.sqrt() * gaussian(seed, x0.shape, stream=k))
    return states[::-1]


film, sde, ode = forward(data, seed=3), [start, *sde], [start, *ode]
tracks = [torch.stack(states[120:])[:, :12] for states in (film, sde, ode)]
show_paths(tracks, ["forward, read backwards", "reverse SDE", "ODE"], colours=[DATA, MODEL, MODEL])

# %% [markdown]
# *Twelve particles each, from $t = 0.4$ (grey) to data (colour).* Left and middle are alike, right is not. To measure
# it, take two moments of each particle's life, $t = 0.3$ and $t = 0$, as one point in four dimensions. Compare the
# clouds of these points with those of other films:


# %%
def two_moments(states):
    """Where each particle is at t = 0.3 and at t = 0, side by side: (B, 4)."""
    return torch.cat([states[140], states[200]], dim=1)


def apart(clouds, others):
    """The sliced Wasserstein distance of each of some clouds to each of others, without itself, as a tensor."""
    return torch.tensor([sliced_wasserstein(a, b) for a in clouds for b in others if a is not b])


films = [two_moments(film), *(two_moments(forward(mixture.sample(COUNT, seed), seed)) for seed in range(31, 35))]
among = apart(films, films)
print(f"film to film: {among.mean():.2f}, at most {among.max():.2f}")
to_sde, to_ode = apart([two_moments(sde)], films).mean(), apart([two_moments(ode)], films).mean()
print(f"film to reverse SDE: {to_sde:.2f}, film to ODE: {to_ode:.2f}")
print("is the SDE no further from films than films are from each other?", "yes" if to_sde < among.max() else "no")
print("is the ODE more than twice as far?", "yes" if to_ode > 2 * among.max() else "no")
assert to_sde < among.max() and to_ode > 2 * among.max()

# %% [markdown]
# **Predict:** and if we compare the places at $t = 0.3$ alone, not the pairs?

# %%
places = [life[:, :2] for life in films]
near = apart([ode[140]], places).mean() < apart(places, places).max()
print("at t = 0.3 alone: is the ODE no further from films than films are from each other?", "yes" if near else "no")
assert near

# %% [markdown]
# So SDE and ODE agree on *where the points are* at any one time, and disagree on *how one point got there*. Only
# the SDE is the forward process in reverse (Anderson 1982).
#
# The ODE has a reversal of its own: no chance is in it, so it can be walked back and forth. We need a better method
# than Euler's for that. Runge and Kutta's takes four slopes per step, and will be our reference in the whole lesson. We
# also change to the flow path, $\alpha_t = 1 - t$ and $\sigma_t = t$, whose rates are constant.


# %%
def runge_kutta(x, times, slope):
    """Solve dx/dt = slope(x, t) through the given times, falling or rising; returns x at each of them."""
    states = [x]
    for t, s in pairwise(times):
        h = s - t
        k1 = slope(x, t)
        k2 = slope(x + h / 2 * k1, t + h / 2)
        k3 = slope(x + h / 2 * k2, t + h / 2)
        x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + slope(x + h * k3, s))
        states.append(x)
    return states


rising = torch.linspace(0, 1, 201, dtype=torch.float64)
there = runge_kutta(data[:500].double(), rising, lambda x, t: velocity(x, t, flow))[-1]
home = runge_kutta(there, rising.flip(0), lambda x, t: velocity(x, t, flow))[-1]
missed = (home - data[:500]).abs().max()
print("data to noise and back: all 500 points at their start again, to 0.00001?", "yes" if missed < 1e-5 else "no")
assert missed < 1e-5

# %% [markdown]
# ## 2 · One loop, many steps
#
# A **sampler** in this course is one function: a step from time $t$ to an earlier time $s$. Around it runs always the
# same loop (`diffusion.sampling.sample`). The step sees the denoiser $D$ and nothing else: no score, no velocity.
#
# **DDIM.** Ask for the data, compute which noise that leaves, and mix the same two again for the time $s$:
#
# $$\hat x_0 = D(x_t, t), \qquad \hat\epsilon = \frac{x_t - \alpha_t \hat x_0}{\sigma_t}, \qquad
# x_s = \alpha_s \hat x_0 + \sigma_s\, \hat\epsilon$$


# %%
def guesses(denoise, x, t):
    """The guessed data and the guessed noise."""
    x0 = denoise(x, t)
    return x0, (x - denoise.path.alpha(t) * x0) / denoise.path.sigma(t)


def my_ddim(denoise, x, t, s):
    x0, noise = guesses(denoise, x, t)
    return denoise.path.alpha(s) * x0 + denoise.path.sigma(s) * noise


# %% [markdown]
# Which differential equation does that solve? Divide by $\alpha$: with $y = x/\alpha$ and $\rho = \sigma/\alpha$ the
# mixture reads $y_t = x_0 + \rho_t\,\epsilon$. So the slope of $y$ in the variable $\rho$ is the noise, and
# Euler's method is: go along the guessed noise. **Predict:** how far is that from DDIM?


# %%
def euler_in_rho(denoise, x, t, s):
    (alpha_t, alpha_s), (sigma_t, sigma_s) = [(f(t), f(s)) for f in (denoise.path.alpha, denoise.path.sigma)]
    y, slope = x / alpha_t, guesses(denoise, x, t)[1]
    return alpha_s * (y + (sigma_s / alpha_s - sigma_t / alpha_t) * slope)


denoise = mixture.denoiser(flow)
falling = torch.linspace(0.98, 0.02, 11, dtype=torch.float64)
first, second = start, start
for t, s in pairwise(falling):
    first, second = my_ddim(denoise, first, t, s), euler_in_rho(denoise, second, t, s)
equal = (first - second).abs().max() < 1e-12
print("ten steps: is DDIM Euler's method in x/α against σ/α, to 1e-12?", "yes" if equal else "no")
assert equal

# %% [markdown]
# It is the same thing: *one* method with two names. That shows how to do better. Euler trusts the slope at the start of
# the step. **Heun** takes the step, asks for the slope at its end as well, and goes again with the mean of both:


# %%
def my_heun(denoise, x, t, s):
    (alpha_t, alpha_s), (sigma_t, sigma_s) = [(f(t), f(s)) for f in (denoise.path.alpha, denoise.path.sigma)]
    slope_here = guesses(denoise, x, t)[1]
    slope_there = guesses(denoise, my_ddim(denoise, x, t, s), s)[1]
    return alpha_s * (x / alpha_t + (sigma_s / alpha_s - sigma_t / alpha_t) * (slope_here + slope_there) / 2)


# %%
from course_utils.diffusion.sampling import SAMPLERS, ddim, ddpm, dpm_solver, heun, last, sample, time_grid

for mine, library in ((my_ddim, ddim), (my_heun, heun)):
    x = start
    for t, s in pairwise(falling):
        x = mine(denoise, x, t, s)
    difference = (x - last(sample(denoise, start, falling, library)).x_t).abs().max()
    print(f"{mine.__name__} and the library's are equal to 1e-10:", "yes" if difference < 1e-10 else "no")
    assert difference < 1e-10

# %% [markdown]
# (The library's Heun has one more rule. At $t = 1$ of the flow path $\alpha = 0$, so $x/\alpha$ does not exist, and at
# $t = 0$ the slope would need a division by $\sigma = 0$. Steps that touch those ends are plain DDIM and ask once.)
#
# The library has two more for us. **DPM-Solver++(2M)** gets its second slope for free: it remembers the last guess of
# $x_0$ and extrapolates in log-SNR. **DDPM's ancestral step** is DDIM with a part of $\hat\epsilon$ thrown away and
# replaced by fresh noise $z$, the total staying $\sigma_s$:
#
# $$x_s = \alpha_s\hat x_0 + \sqrt{\sigma_s^2 - c^2}\;\hat\epsilon + c\, z$$
#
# With ever smaller steps this becomes the reverse SDE of section 1: follow the velocity, and stir.
#
# We can ask the library's step itself how large its $c$ is: give it $z = 0$, then $z = 1$, and look at the difference.

# %%
t, s = torch.tensor([0.7, 0.4], dtype=torch.float64)
# a step's last two arguments: where fresh noise comes from, and past guesses (only multistep samplers look at them)
quiet, _ = ddpm(denoise, start, t, s, lambda: torch.zeros_like(start), [])
loud, _ = ddpm(denoise, start, t, s, lambda: torch.ones_like(start), [])
c = (loud - quiet)[0, 0]
x0, noise = guesses(denoise, start, t)
formula = flow.alpha(s) * x0 + (flow.sigma(s) ** 2 - c**2).sqrt() * noise
print(f"from t = 0.7 to s = 0.4 there is noise of {flow.sigma(s):.1f}; fresh of it: {c:.2f}")
print("is the rest as the formula says, to 1e-12?", "yes" if (quiet - formula).abs().max() < 1e-12 else "no")
assert (quiet - formula).abs().max() < 1e-12

# %% [markdown]
# ## Exercise 1 · How much noise is fresh?
#
# Find $c$. On the way from $s$ to $t$ the forward process shrank everything by $r = \alpha_t/\alpha_s$ and added
# noise of variance $a = \sigma_t^2 - r^2\sigma_s^2$. Two things are known about $x_s$: given $x_0$ alone, its
# variance is $\sigma_s^2$; and $x_t$ measures $r\,x_s$ with variance $a$. Independent pieces of knowledge add their
# precisions (one over the variance): $1/c^2 = 1/\sigma_s^2 + r^2/a$. Simplify, using $a + r^2\sigma_s^2 =
# \sigma_t^2$: no division by $\sigma_s$ is left. Return $c$.


# %%
def ancestral_std(alpha_t, sigma_t, alpha_s, sigma_s):
    """The width c of q(x_s | x_t, x0). All arguments are tensors of one shape, () or (B,); so is the result."""
    ### BEGIN SOLUTION
    added = sigma_t**2 - (alpha_t / alpha_s) ** 2 * sigma_s**2
    return added.sqrt() * sigma_s / sigma_t
    ### END SOLUTION


# %%
lesson_03.ancestral_std.check(ancestral_std)

# %% [markdown]
# ## 3 · The order of a sampler
#
# Twice as many steps: how much smaller is the error? For a method of **order** $p$ it falls like
# $1/\text{steps}^p$, once steps are small enough; on log-log axes that is a line of slope $-p$. Euler's order is 1
# (twice the steps, half the error), Heun's and DPM-Solver++(2M)'s is 2 (a quarter).
#
# To see this we keep away from the ends: at $t = 1$ the ratio $\rho = \sigma/\alpha$ is infinite, at $t = 0$ the
# log-SNR is. So we go from $t = 0.95$ to $0.05$, in equal steps of log-SNR, in float64. The true solution is a
# Runge-Kutta run with five hundred steps. We take the median over particles: a mean would be ruled by the one or two
# that start on a watershed between two blobs, where a small error decides into which one they fall.


# %%
def grid(steps, path=flow, first=0.95, final=0.05):
    """Times from `first` to `final` of the flow path, in equal steps of log-SNR, as times of `path`."""
    ends = [float(flow.log_snr(t)) for t in (first, final)]
    return path.time_at(torch.linspace(*ends, steps + 1, dtype=torch.float64))


x_start = flow.noised(mixture.sample(150, seed=3).double(), gaussian(3, (150, 2)), 0.95)
truth = runge_kutta(x_start, grid(500), lambda x, t: velocity(x, t, flow))[-1]
counts = torch.tensor([8.0, 16, 32, 64, 128, 256], dtype=torch.float64)
errors = {}
for name in ("ddim", "heun", "dpm_solver"):
    ends = [last(sample(denoise, x_start, grid(int(n)), SAMPLERS[name])).x_t for n in counts]
    errors[name] = torch.stack([(end - truth).norm(dim=1).median() for end in ends])

# %% [markdown]
# **And the ancestral sampler?** It adds noise, so single points have no true end. What should converge is the
# *distribution* (the *weak* error). With random samples that error would drown: 2,500 points know a variance only to a
# few per cent (the relative error is $\sqrt{2/2500}$). There is a way without any samples. Let the data be a single
# Gaussian, of width 0.5. Then the denoiser is linear, a step turns variance $V$ into $b^2 V + c^2$, and the variance at
# the end can be computed exactly:

# %%
from course_utils.diffusion.mixtures import GaussianMixture

one_blob = GaussianMixture([[0.0]], stds=0.5).denoiser(flow)


def variance(t):
    """The true variance of the noisy single blob at time t."""
    return 0.25 * flow.alpha(t) ** 2 + flow.sigma(t) ** 2


def variance_after(steps):
    """The variance at t = 0.05 that the library's ancestral step makes of the true one at t = 0.95."""
    found, one, zero = variance(0.95), torch.ones(1, 1, dtype=torch.float64), torch.zeros(1, 1, dtype=torch.float64)
    for t, s in pairwise(grid(steps)):
        b = ddpm(one_blob, one, t, s, lambda: zero, [])[0]
        c = ddpm(one_blob, zero, t, s, lambda: one, [])[0]
        found = b**2 * found + c**2
    return found.squeeze()


weak = torch.stack([(variance_after(int(n)) - variance(0.05)).abs() for n in counts])

# %%
LOOKS = {"ddim": ("DDIM", "-", "o"), "heun": ("Heun", "--", "s"), "dpm_solver": ("DPM-Solver++(2M)", "-.", "^")}
ticks = tuple(counts.int().tolist())
left = Chart("points: error at t = 0.05", "steps", "median distance to the truth", "log", "log", x_ticks=ticks)
for name, (label, style, marker) in LOOKS.items():
    left.line(counts, errors[name], label, MODEL, style, marker)
left.line(counts, 2.2 / counts, "slopes 1 and 2", EXACT, ":").line(counts, 8 / counts**2, None, EXACT, ":")
right = Chart("ancestral step: error of the variance", "steps", "error", "log", "log", x_ticks=ticks)
right.line(counts, weak, "DDPM, ancestral", MODEL, "-", "D").line(counts, 1.6 / counts, "slope 1", EXACT, ":")
show_charts([left, right])

# %% [markdown]
# *Error against steps on log-log axes; dotted, the slopes that theory promises.* In numbers, each slope being fitted to
# the three largest numbers of steps:


# %%
def fitted_order(steps, errors):
    """Minus the least-squares slope of log error against log steps."""
    design = torch.stack([steps.log(), torch.ones_like(steps)], dim=1)
    return -float(torch.linalg.lstsq(design, errors.log()[:, None]).solution[0, 0])


for name, found, theory in [*((n, errors[n], 1 if n == "ddim" else 2) for n in errors), ("ddpm (weak)", weak, 1)]:
    slope = fitted_order(counts[3:], found[3:])
    print(f"{name:>12}: measured {slope:.1f}, theory {theory}")
    assert abs(slope - theory) < 0.15

# %% [markdown]
# ## Exercise 2 · Measure an order
#
# `fitted_order` above uses a library for the line. Write it yourself, from means and sums only: `steps` and `errors`
# are positive tensors of shape (K,); return the order, a positive number for errors that fall. Use all points.


# %%
def order(steps, errors):
    """Minus the least-squares slope of log(errors) over log(steps)."""
    ### BEGIN SOLUTION
    x, y = steps.log(), errors.log()
    x, y = x - x.mean(), y - y.mean()
    return -(x * y).sum() / (x * x).sum()
    ### END SOLUTION


# %%
lesson_03.order.check(order)

# %% [markdown]
# ## 4 · Quality against effort
#
# An order speaks about many steps. In practice you can pay for few, and what costs is asking the denoiser: Heun asks
# twice a step. Now the whole way, from pure noise to data, on the flow path, and we judge clouds, not single points.
# **Predict:** four questions to the denoiser: does a sampler of second order win?

# %%
budgets, SEEDS, CROWD = (4, 8, 16, 32), 3, 4000
reference = [mixture.sample(CROWD, 100 + seed) for seed in range(SEEDS)]


def quality(step, calls, seed, model=denoise):
    """Sliced Wasserstein distance to fresh data after `calls` questions to the denoiser."""
    steps = calls // 2 + 1 if step is heun else calls  # Heun's first and last step ask once
    x = gaussian(seed, (CROWD, 2), stream=99)
    made = last(sample(model, x, time_grid(flow, steps), step, seed=seed)).x_t
    return sliced_wasserstein(made, reference[seed], directions=64)


LOOKS["ddpm"] = ("DDPM, ancestral", ":", "D")
scores = {n: torch.tensor([[quality(SAMPLERS[n], c, seed) for c in budgets] for seed in range(SEEDS)]) for n in LOOKS}
pairs = [[mixture.sample(CROWD, 40 + k), mixture.sample(CROWD, 60 + k)] for k in range(8)]
fresh = torch.tensor([sliced_wasserstein(one, other, directions=64) for one, other in pairs])

# %%
chart = Chart("from noise to data", "questions to the denoiser", "sliced Wasserstein distance", "log", "log")
chart.x_ticks, chart.y_ticks = budgets, (0.05, 0.1, 0.2)
for name, (label, style, marker) in LOOKS.items():
    chart.line(budgets, scores[name].mean(0), label, MODEL, style, marker)
    chart.dots(budgets, scores[name].mean(0), None, MODEL, scores[name].std(0), marker)
chart.line([4, 32], [fresh.mean(), fresh.mean()], "two fresh data sets", DATA, "--")
show_charts(chart, height=4.2)

# %% [markdown]
# *Mean over three seeds, bars: one standard deviation. At the blue line the difference to real data drowns in the
# randomness of 4,000 points.* The bars overlap because a data set of this size is random too. But within one seed all
# samplers share the start and the data, so we compare them seed by seed:

# %%
ddim_q, heun_q, solver_q, ddpm_q = (scores[name] for name in ("ddim", "heun", "dpm_solver", "ddpm"))
second_q = torch.maximum(heun_q, solver_q)
claims = {
    "4 questions: Heun and DPM-Solver++(2M) before DDIM, all seeds": (second_q < ddim_q)[:, 0].all(),
    "8 questions: DPM-Solver++(2M) before DDIM, all seeds": (solver_q < ddim_q)[:, 1].all(),
    "8 questions: DPM-Solver++(2M) before Heun, all seeds": (solver_q < heun_q)[:, 1].all(),
    "4 and 8 questions: DDIM before the ancestral sampler, all seeds": (ddim_q < ddpm_q)[:, :2].all(),
    "32 questions: the mean of each within 1.5 times the floor": all(
        score.mean(0)[3] < 1.5 * fresh.mean() for score in scores.values()
    ),
}
for claim, holds in claims.items():
    print(f"{claim}?", "yes" if holds else "no")
assert all(claims.values())

# %% [markdown]
# So yes: at four questions both samplers of second order win. At eight Heun's lead is gone, because it pays twice a
# step: five steps against DDIM's eight. DPM-Solver++(2M) has Heun's order and asks once a step. The ancestral sampler
# stirs, and with so few steps it stirs in strokes that are too big. At 32 questions little is left to win here. All
# this holds with an *exact* denoiser; exercise 4 asks what changes with a learned one.

# %% [markdown]
# ## 5 · The same numbers from diffusers
#
# The library `diffusers` calls these loops *schedulers*. We give two of them the same start and the same exact model
# (on DDPM's own path, of which their table holds a thousand times). **Predict:** will single points agree, or only the
# clouds?

# %%
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler

# "sample": our model returns x0; "trailing": begin at t = 1; "zero": end at t = 0
table = {"beta_schedule": "linear", "timestep_spacing": "trailing", "prediction_type": "sample"}
schedulers = {
    ddim: DDIMScheduler(**table, clip_sample=False),
    dpm_solver: DPMSolverMultistepScheduler(**table, final_sigmas_type="zero"),
}
exact = mixture.denoiser(path)
for step, scheduler in schedulers.items():
    scheduler.set_timesteps(20)
    theirs = path.prior_sample(start)
    ours = last(sample(exact, theirs, time_grid(path, 20), step)).x_t
    for timestep in scheduler.timesteps:  # they count from 0: their step k is our t = (k + 1) / 1000
        theirs = scheduler.step(exact(theirs, (timestep + 1) / 1000), timestep, theirs).prev_sample
    equal = (ours - theirs).abs().max() < 1e-3
    print(f"{type(scheduler).__name__}: all {COUNT} points as ours, to 0.001?", "yes" if equal else "no")
    assert equal

# %% [markdown]
# (diffusers keeps its table in float32, hence not to the last digit.) So whatever you learn about a sampler here
# holds for the model that you download there.
#
# ## 6 · All paths follow the same curves
#
# Flow matching is often presented as an alternative to diffusion. **Predict:** the ODE of the flow path and that of the DDPM
# path start at corresponding points. How far apart do they end?
#
# *Corresponding* means: at the same log-SNR $\lambda$ the two mixtures differ by a factor only. So we divide by
# $\sqrt{\alpha^2 + \sigma^2}$, which brings both to one scale. We solve each ODE in its own time, with its own
# velocity.


# %%
def size(path, t):
    return (path.alpha(t).square() + path.sigma(t).square()).sqrt()


unit_start = x_start[:40] / size(flow, grid(1)[0])
curves, scaled = {}, {}
for name, own in (("flow", flow), ("DDPM", path)):
    own_times = grid(240, own)
    states = runge_kutta(unit_start * size(own, own_times[0]), own_times, lambda x, t: velocity(x, t, own))  # noqa: B023
    curves[name] = torch.stack(states)
    scaled[name] = torch.stack([x / size(own, t) for x, t in zip(states, own_times, strict=True)])
titles = ["flow path", "flow path, rescaled", "DDPM path (its scale is 1)"]
show_paths([curves["flow"], scaled["flow"], curves["DDPM"]], titles, colours=EXACT)

# %%
gap = (scaled["flow"] - scaled["DDPM"]).abs().max()
print("all 40 curves, at all 241 noise levels, equal to 0.002?", "yes" if gap < 2e-3 else "no")


def six_steps(own):
    """Six steps of DDIM on the path `own`, at the same log-SNRs for each; the end is rescaled."""
    six = grid(6, own)
    return last(sample(mixture.denoiser(own), unit_start * size(own, six[0]), six, ddim)).x_t / size(own, six[-1])


rough = (six_steps(flow) - six_steps(path)).abs().max()
print("and DDIM in six rough steps: equal to 1e-12?", "yes" if rough < 1e-12 else "no")
assert gap < 2e-3 and rough < 1e-12

# %% [markdown]
# *Forty trajectories, each solved in the coordinates of its path. The middle panel is the left one, rescaled.* Middle
# and right are the same curves. (We ask for no more than 0.002 because DDPM's path comes from a table, with a small
# kink at each of its thousand entries.)
#
# And DDIM on the same noise levels gives the same samples to rounding, however few the steps: it never knew which path
# it was on. **A path decides where the steps go and what training looks at; with one and the same knowledge of
# the data, it does not decide which noise becomes which point.**

# %% [markdown]
# ## 7 · What really straightens: a better pairing
#
# If flow matching's curves are the same, what about its straight lines? They are the lines of *training*: from a data
# point $x_0$ to a noise point $\epsilon$, drawn independently. Where such lines cross, the velocity is their mean, and
# the curves of the ODE must bend. So let us pair data and noise such that lines hardly cross:
#
# - **optimal transport**: in batches of 250, permute the noise so that the total squared length of the lines is
#   smallest (a *linear assignment*; Tong et al., Pooladian et al. 2023);
# - **reflow**: pair each noise point with what the ODE makes of it (Liu et al. 2022).

# %%
from scipy.optimize import linear_sum_assignment

PAIRS = 10_000
x0, noise = mixture.sample(PAIRS, seed=7), gaussian(7, (PAIRS, 2))
permuted = []
for x0_batch, noise_batch in zip(x0.split(250), noise.split(250), strict=True):
    _, partner = linear_sum_assignment(torch.cdist(x0_batch, noise_batch).square())
    permuted.append(noise_batch[partner])
images = last(sample(denoise, noise, time_grid(flow, 24), heun)).x_t
pairings = {"independent": (x0, noise), "optimal transport": (x0, torch.cat(permuted)), "reflow": (images, noise)}
for name, (data_end, noise_end) in pairings.items():
    print(f"{name}: mean squared length of a line {(data_end - noise_end).square().sum(1).mean():.1f}")

# %% [markdown]
# For independent pairs we need no training: the exact denoiser is the best that training could find. For the two others
# we train a small network, with the loop and the loss of lesson 02. The only news: `noise` is not drawn afresh, each
# comes with its partner.

# %%
from course_utils.diffusion.denoiser import Denoiser
from course_utils.diffusion.losses import Denoising
from course_utils.diffusion.training import Plan, Trainer, batches
from course_utils.networks.mlp import MLP

plan = Plan(steps=600, batch_size=512, learning_rate=5e-3, ema_decay=0.98)


def train(x0, noise):
    """A denoiser for pairs x0, noise (N, 2) that belong together, row by row."""
    torch.manual_seed(0)
    trainer = Trainer(Denoiser(MLP(width=64, depth=2), flow, prediction="velocity"), plan, Denoising(time_std=1.8))
    list(trainer.run(batches(x0, noise=noise)))
    return trainer.ema


models = {"independent (exact)": denoise}
models |= {name: train(*pairings[name]) for name in ("optimal transport", "reflow")}

# %% [markdown]
# How straight is a path? A straight one, run at even speed, has everywhere the velocity of its chord, $x_1 - x_0$ (end
# to end). We take the mean squared deviation from that, in units of the mean squared chord: the **bend**. **Predict:**
# which pairing bends least?


# %%
def trajectories(model, count=1000, steps=50):
    """Positions at steps + 1 times, from noise to data: (steps + 1, count, 2)."""
    x = gaussian(20, (count, 2))
    return torch.stack([x, *(state.x_t for state in sample(model, x, time_grid(flow, steps)))])


def bend(paths):
    """Mean squared deviation of the velocity from the chord, over the mean squared chord."""
    chord, speed = paths[0] - paths[-1], (paths[:-1] - paths[1:]) * (len(paths) - 1)
    return float((speed - chord).square().sum(2).mean() / chord.square().sum(1).mean())


travels = {name: trajectories(model) for name, model in models.items()}
bends = {name: bend(travelled) for name, travelled in travels.items()}
straighter = max(bends["optimal transport"], bends["reflow"]) < bends["independent (exact)"] / 10
print("independent pairs: is the bend above 1?", "yes" if bends["independent (exact)"] > 1 else "no")
print("optimal transport and reflow: less than a tenth of that?", "yes" if straighter else "no")
assert bends["independent (exact)"] > 1 and straighter

# %% tags=["nbval-ignore-output"] reason="weights trained here differ between processors"
titles = [f"{name}: bend {bends[name]:.2g}" for name in travels]
show_paths([travelled[:, :60] for travelled in travels.values()], titles, colours=[EXACT, MODEL, MODEL])

# %% [markdown]
# *Sixty trajectories for each pairing, from noise (grey) to data.* (The bend counts doubling back as well: with
# independent pairs points first run to the middle, then out again.) Does it save steps?

# %% tags=["nbval-ignore-output"] reason="weights trained here differ between processors"
few = (1, 2, 4, 8, 16)
needed = {name: [quality(ddim, steps, 0, model) for steps in few] for name, model in models.items()}
chart = Chart("DDIM after three pairings", "steps", "sliced Wasserstein distance", "log", "log")
chart.x_ticks, chart.y_ticks = few, (0.05, 0.1, 0.2, 0.5, 1)
for (name, values), style, marker in zip(needed.items(), ("--", "-", "-."), ("s", "o", "^"), strict=True):
    chart.line(few, values, name, EXACT if "exact" in name else MODEL, style, marker)
show_charts(chart.line([1, 16], [fresh.mean(), fresh.mean()], "two fresh data sets", DATA, "--"), height=4.0)

# %% [markdown]
# *Distance to data against steps, for one seed; black is the exact model, orange are the two networks.*

# %%
one, two = ({name: values[k] for name, values in needed.items()} for k in (0, 1))
better = max(two["optimal transport"], two["reflow"]) < needed["independent (exact)"][2]
print("straightened, 2 steps: better than 4 steps of the exact independent model?", "yes" if better else "no")
single = max(one["optimal transport"], one["reflow"]) < one["independent (exact)"] / 3
print("one single step: less than a third of the error?", "yes" if single else "no")
late = needed["independent (exact)"][4] < 1.5 * fresh.mean()
print("16 steps: is the exact model within 1.5 times the floor, too?", "yes" if late else "no")
assert better and single and late

# %% [markdown]
# Note that the straighter of two need not be the nearer one: straightness says how few steps are enough, not where
# the lines end; that depends on the pairs and on the network. With more steps the exact model catches up. That is the
# honest trade: a pairing buys few steps, and costs a training. Reflow needs a model and its samples first; how near a
# batch comes to the true transport depends on its size and on the number of dimensions (Pooladian et al.). Lesson 11
# goes on from here.

# %% [markdown]
# ## 8 · How likely is this point?
#
# The ODE can do one more thing: tell the density at a point. Carry the point to the noise, where the density is
# a standard normal, and add up how much the flow squeezed or stretched its surroundings on the way. That rate is the
# divergence of the velocity, $\nabla\!\cdot u = \partial u_x/\partial x + \partial u_y/\partial y$:
#
# $$\log p_0(x_0) = \log\mathcal N(x_1; 0, I) + \int_0^1 \nabla\!\cdot u(x_t, t)\, dt$$
#
# We carry the sum along as a third coordinate. **Predict:** with an ODE solver in a few steps, will that be a rough
# estimate or an exact number?


# %%
import math


def velocity_and_divergence(state, t):
    """The slope of (x, y, sum so far), (B, 3), on the flow path; the divergence by automatic differentiation."""
    x = state[:, :2].detach().requires_grad_()
    v = velocity(x, t, flow)
    rows = [torch.autograd.grad(v[:, i].sum(), x, retain_graph=True)[0][:, i] for i in (0, 1)]
    return torch.cat([v.detach(), sum(rows)[:, None]], dim=1)


def log_likelihood(x, steps):
    """log p_0 of points (B, 2) by the change of variables along the ODE."""
    state = torch.cat([x.double(), torch.zeros(len(x), 1)], dim=1)
    state = runge_kutta(state, torch.linspace(0, 1, steps + 1, dtype=torch.float64), velocity_and_divergence)[-1]
    return -state[:, :2].square().sum(1) / 2 - math.log(2 * math.pi) + state[:, 2]


points = mixture.sample(200, seed=5).double()
step_counts, exact_values = (10, 20, 40, 80), mixture.log_density(points)
off = torch.stack([(log_likelihood(points, steps) - exact_values).abs() for steps in step_counts])
chart = Chart(
    "log-likelihood against the exact one", "Runge-Kutta steps", "error (nats)", "log", "log", x_ticks=step_counts
)
chart.line(step_counts, off.amax(1), "largest of 200 points", MODEL, "--", "s")
show_charts(chart.line(step_counts, off.mean(1), "mean", MODEL, "-", "o"), height=3.6)

# %% [markdown]
# *Error of the log-likelihood of 200 points against the mixture's formula.*

# %%
print("80 steps: are all 200 values exact to 0.001 nats?", "yes" if off[-1].max() < 1e-3 else "no")
shrinks = (off.amax(1)[:-1] > 8 * off.amax(1)[1:]).all()  # order 4 promises 16, in the end
print("does the largest error shrink at least eightfold with every doubling?", "yes" if shrinks else "no")
assert off[-1].max() < 1e-3 and shrinks

# %% [markdown]
# It is exact, as far as the solver is. With a learned denoiser the same loop gives the likelihood that *its* ODE
# assigns to a point. In many dimensions the divergence is estimated from random directions (Hutchinson's trick).

# %% [markdown]
# ## 9 · Play
#
# Trajectories of a sampler of your choice. One more is among them: *churned Euler* first goes back up with fresh
# noise, to 1 + churn times the present $\sigma/\alpha$, and takes its step from there. Lower the steps, turn up the
# churn, press near a start to follow that particle. When does the path of one particle stop being smooth?

# %% tags=["nbval-ignore-output"] reason="a live control, drawn by the kernel"
from course_utils.widgets import SamplerPlayground

SamplerPlayground(denoise, data)

# %% [markdown]
# *Left: from noise (grey) along the sampler's steps; black, the particle that is followed. Right: where all of them
# end, over data.* A path stops being smooth as soon as fresh noise comes in at each step: with `ddpm`, and with any
# churn.

# %% [markdown]
# ## Exercise 3 · Where should the steps go?
#
# `time_grid(path, steps, shift)` moves the times: a shift above 1 puts more of them where there is much noise, below 1
# where there is little. The DDPM path spends most of its own time in the noise. With eight steps of DDIM, change
# `shift` until the distance is smallest. Then set it back to 1: how many steps do you need for the same distance?

# %% tags=["nbval-ignore-output"] reason="you change this cell, and digits differ between processors"
steps, shift = 8, 1.0
made = last(sample(exact, path.prior_sample(start), time_grid(path, steps, shift), ddim)).x_t
print(f"{steps} steps, shift {shift}: distance {distance(made):.3f}, floor {floors.mean():.3f}")

# %% [markdown]
# <details><summary>One answer</summary> A shift of a third to a half: below 1, because the DDPM path spends more of its
# time in the noise than it needs. Unshifted you pay two or three steps more for the same distance. Differences smaller
# than the spread of the floors in section 1 mean nothing. </details>

# %% [markdown]
# ## Exercise 4 · Think
#
# The reverse SDE stirs with $\eta = (t-s)\,g^2/2$. Twice the stirring would still leave each $p_t$ alone, and so would
# none. If all of them lead to the data, when would you stir more than the ODE's nothing, and when not?
#
# <details><summary>One answer</summary> Stirring pulls any cloud back towards p_t: it forgets errors that were made
# before, by a learned denoiser or by rough steps. So with many steps and an imperfect model it helps. But it has errors
# of its own, which fall only in proportion to the step, so with few steps it costs more than it mends; and it forgets
# the start, so that a sample no longer has one noise that belongs to it (no interpolation, no editing, no likelihood).
# Karras et al. (arXiv 2206.00364, section 4) measured the trade on images. </details>

# %% [markdown]
# ## Three misconceptions, each with a cell that refutes it
#
# **"The reverse process takes away the noise that was added to that point."** Take one point of the data, add noise up
# to $t = 0.5$, and run the reverse SDE from there, 1,000 times. If the sentence were true, all would come back to the
# point.

# %%
point = data[:1].double()
noisy = path.noised(point, gaussian(9, (1, 2)), 0.5)
back = last(sample(exact, noisy.expand(1000, 2), times[100:], ddpm, seed=9)).x_t
missed = (back - point).norm(dim=1)
print("do more than half of them end further than 0.5 from the point?", "yes" if missed.median() > 0.5 else "no")
away = (back.mean(0) - exact(noisy, 0.5)[0]).abs().max()
print("do they agree with D(x, t) on average, within 0.1?", "yes" if away < 0.1 else "no")
assert missed.median() > 0.5 and away < 0.1

# %% [markdown]
# They are draws from everything that *could* have become $x_t$, and the denoiser's answer is their mean (which
# 1,000 draws of about unit spread give to about 0.03).
#
# **"Flow matching has straight paths, so one step is enough."** With independent pairs, one exact step from pure
# noise goes to $D(x, 1)$. Noise says nothing about the data, so that is the mean of all data: for every start.

# %%
in_one = last(sample(denoise, start, time_grid(flow, 1), ddim)).x_t
spread_of_all = (in_one - in_one.mean(0)).abs().max()
print("do all 2,500 starts land in one single point?", "yes" if spread_of_all < 1e-12 else "no")
assert spread_of_all < 1e-12

# %% [markdown]
# **"A higher order is always better."** Order is a promise for many steps. The Runge-Kutta method has order 4 and asks
# four times a step. Its single step competes with four of DDIM, order 1; then its 16 with 64. The measure is the median
# distance of points to the true end of their ODE.


# %%
def flow_velocity(x, t):
    return velocity(x, t, flow)


few_points = start[:300]
truth = runge_kutta(few_points, torch.linspace(1, 0, 201, dtype=torch.float64), flow_velocity)[-1]
missed = {}
for calls in (4, 64):
    high = runge_kutta(few_points, torch.linspace(1, 0, calls // 4 + 1, dtype=torch.float64), flow_velocity)[-1]
    low = last(sample(denoise, few_points, time_grid(flow, calls), ddim)).x_t
    missed[calls] = [float((end - truth).norm(dim=1).median()) for end in (high, low)]
print("4 questions: does order 1 beat order 4?", "yes" if missed[4][1] < missed[4][0] else "no")
print("64 questions: is order 4 a hundred times better?", "yes" if missed[64][0] < missed[64][1] / 100 else "no")
assert missed[4][1] < missed[4][0] and missed[64][0] < missed[64][1] / 100

# %% [markdown]
# ## What you now know
#
# 1. Following the velocity moves $p_t$ to $p_s$; stirring leaves it alone. ODE, reverse SDE and Langevin are their
#    mixtures.
# 2. Only the SDE is the forward process in reverse; ODE and SDE agree at each single time, not along a life.
# 3. DDIM is Euler's method in $x/\alpha$ against $\sigma/\alpha$: order 1. Heun and DPM-Solver++(2M) have order 2.
# 4. Paths are coordinates; a better pairing of data and noise is what straightens, and then one or two steps do.
# 5. The ODE also gives the likelihood of a point, as exact as the solver.
#
# **Sources.** Song et al., *Score-Based Generative Modeling through SDEs*, arXiv 2011.13456 (eq. 6, the reverse SDE
# after Anderson 1982; eq. 13, the probability-flow ODE; eq. 39, the likelihood); Song and Ermon, arXiv 1907.05600
# (algorithm 1, annealed Langevin dynamics); Ho et al., arXiv 2006.11239 (eq. 6 and 7, the ancestral step); Song et al.,
# *DDIM*, arXiv 2010.02502 (eq. 12, the step; eq. 13, Euler's method in these variables); Karras et al., arXiv
# 2206.00364 (algorithm 1, Heun); Lu et al., *DPM-Solver++*, arXiv 2211.01095 (algorithm 2); Lipman et al., *Flow
# Matching*, arXiv 2210.02747 (eq. 22 with σ_min = 0); Liu et al., *Rectified Flow*, arXiv 2209.03003 (reflow and
# straightness); Pooladian et al., arXiv 2304.14772, and Tong et al., arXiv 2302.00482 (minibatch optimal transport).
#
# **Next:** [04 · A U-Net that denoises digits](04_unet_digits.ipynb): the same loop on pictures.
