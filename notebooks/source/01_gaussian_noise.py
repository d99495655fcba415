# %% [markdown]
# # 01 · Gaussian noise
#
# {{badges}} · {{measured}}
#
# ![A letter dissolves while the log-SNR falls from 8 to -6](images/forward.png)
#
# **After this lesson you can**
# - turn any cloud of points into noise, step by step or in one jump, and prove by measuring that both are the same;
# - read a noise schedule by the one number that counts, the log-SNR, and say where a shape is lost;
# - name the equation that each noise path obeys, and say which path settles down and which never does.
#
# **You need** lesson 00, and its self-test. A derivative and an integral should not frighten you.
# Symbols: [notation](../docs/notation.md).

# %%
import math
from itertools import pairwise

import torch
from course_utils.datasets.points import POINTS, letter
from course_utils.diffusion.mixtures import GaussianMixture, five_blobs
from course_utils.diffusion.noise import gaussian
from course_utils.diffusion.paths import PATHS, DDPMPath, EDMPath, FlowPath
from course_utils.evaluation.sets import sample_entropy, sliced_wasserstein
from course_utils.exercises import lesson_01
from course_utils.plots.planar import Chart, cloud_film, show_charts, show_clouds
from course_utils.plots.style import EXACT, NOISE

# %% [markdown]
# ## 1 · Four shapes made of points
#
# A chair has thousands of voxels, too many to see what noise does to them. So we start with data of two numbers each:
# points in the plane. A *shape* is then a cloud of points, and one data point is one $x_0$.

# %%
shapes = {name: draw(1500, seed=0) for name, draw in POINTS.items()}
squares = [float(points.square().mean()) for points in shapes.values()]
as_wide = 0.7 < min(squares) <= max(squares) < 1.4
print("mean square of a coordinate between 0.7 and 1.4, all four?", "yes" if as_wide else "no")
assert as_wide
show_clouds(list(shapes.values()), list(shapes))

# %% [markdown]
# *The four shapes of lessons 01 to 03, each a cloud of 1,500 points.* All are about as wide as the noise to come,
# which has mean square 1 in each coordinate.
#
# ## 2 · Step by step
#
# Noise comes in many small steps. At each step every point shrinks a little towards the centre and gets a small random
# push. Where it goes depends on where it is now and on nothing older: this is a **Markov chain**.
#
# How much of each? A *path* fixes two numbers for each time $t$ from 0 (data) to 1 (noise): $\alpha_t$, how much data
# is left, and $\sigma_t$, the width of the noise. A step from $s$ to a later $t$ must take the data's factor from
# $\alpha_s$ to $\alpha_t$, so it multiplies by $r = \alpha_t/\alpha_s$. This shrinks the old noise to $r\,\sigma_s$. To
# reach $\sigma_t$ we add fresh noise $\epsilon$; variances of independent noises add up, so
#
# $$x_t = r\,x_s + \sqrt{\sigma_t^2 - r^2\sigma_s^2}\;\epsilon.$$


# %%
def walk(x0, path, times, seed):
    """The clouds at each of the `times`, in small steps from x0 (N, 2) at times[0]."""
    generator = torch.Generator().manual_seed(seed)
    clouds = [x0]
    for s, t in pairwise(times):
        r = path.alpha(t) / path.alpha(s)
        fresh = (path.sigma(t) ** 2 - r**2 * path.sigma(s) ** 2).sqrt()
        clouds.append(r * clouds[-1] + fresh * torch.randn(x0.shape, generator=generator))
    return clouds


# %% [markdown]
# DDPM, the model that made diffusion popular in 2020, takes $T = 1000$ such steps with variances $\beta_1 = 10^{-4}$
# up to $\beta_T = 0.02$ in equal increments, and writes a step as $x_k = \sqrt{1-\beta_k}\,x_{k-1} +
# \sqrt{\beta_k}\,\epsilon$. That is our step for their path:

# %%
path = DDPMPath()
betas = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
times = torch.arange(1001, dtype=torch.float64) / 1000
r = path.alpha(times[1:]) / path.alpha(times[:-1])
fresh = path.sigma(times[1:]) ** 2 - r**2 * path.sigma(times[:-1]) ** 2
difference = max((r - (1 - betas).sqrt()).abs().max(), (fresh - betas).abs().max())
print("our step is DDPM's step (largest difference below 1e-12):", "yes" if difference < 1e-12 else "no")
assert difference < 1e-12

# %% [markdown]
# **Predict:** a thousand steps for an S. After how many of them could you no longer read it?

# %% tags=["nbval-ignore-output"] reason="the last digit of a point can differ between processors"
clouds = walk(letter(600, seed=0), path, times, seed=1)
shown = [0, 20, 40, 70, 100, 150, 200, 250, 300, 350, 400, 500, 600, 800, 1000]
cloud_film([clouds[k] for k in shown], [f"step {k}" for k in shown])

# %% [markdown]
# *Drag the slider: the S after so many of a thousand steps.* Early steps blur its edges; somewhere after step 200 it is
# gone, and the remaining steps change the cloud's look hardly at all. Keep this in mind.
#
# ## 3 · In one jump
#
# A thousand steps for one noisy point would make training slow. But shrinking and adding Gaussian noise, again and
# again, leaves a shrunken point plus *one* Gaussian noise: the sum of independent normal numbers is normal. Our steps
# were built so that the factors come out as $\alpha_t$ and $\sigma_t$. Hence the jump:
#
# $$x_t = \alpha_t\,x_0 + \sigma_t\,\epsilon.$$
#
# **Predict:** below, the upper row walked and the lower row jumped. Are single points in the same places?

# %%
moments = (0.1, 0.2, 0.3, 0.5)
x0, noise = letter(1500, seed=0), gaussian(1, (1500, 2))
walked = walk(x0, path, times, seed=2)
jumped = [path.alpha(t) * x0 + path.sigma(t) * noise for t in moments]
titles = [f"{how}, t = {t}" for how in ("walked", "jumped") for t in moments]
show_clouds([walked[round(1000 * t)] for t in moments] + jumped, titles, columns=4)

# %% [markdown]
# *The same shapes at the same times, made of other points.* Walk and jump used different noise, so no two points
# agree. What agrees is the **distribution**. Looking alike proves nothing, so we measure. The **sliced Wasserstein
# distance** projects two clouds on many directions, sorts both, and says how far sorted points lie apart (root mean
# square).
#
# Two clouds from one distribution are not at distance 0: both are random. That is the **sampling error**, and we get it
# by comparing two fresh jumps. **Predict:** will walk against jump be larger?


# %%
def compare(chain, path, t, steps=100, seeds=range(8), count=2000):
    """Distances (seeds, 2): chain against jump, and jump against another jump, all from fresh letters."""
    rows = []
    for seed in seeds:
        letters = [letter(count, seed=3 * seed + k) for k in range(3)]
        # path.noised is the jump; another stream is other noise from the same seed
        jumps = [path.noised(letters[k], gaussian(seed, (count, 2), stream=k), t) for k in range(2)]
        times = torch.linspace(0, t, steps + 1, dtype=torch.float64)
        walked = chain(letters[2], path, times, seed + 100)[-1]
        rows.append([sliced_wasserstein(walked, jumps[0]), sliced_wasserstein(jumps[1], jumps[0])])
    return torch.tensor(rows)


levels = torch.tensor([0.1, 0.3, 0.5, 1.0])
distances = torch.stack([compare(walk, path, float(t)) for t in levels])  # (4 times, 8 seeds, 2)
mean, std = distances.mean(1), distances.std(1)
chart = Chart("Walk and jump: how far apart?", "time t", "sliced Wasserstein distance", y_limits=(0, 0.12))
chart.dots(levels - 0.01, mean[:, 0], "walk against jump", error=std[:, 0])
show_charts(chart.dots(levels + 0.01, mean[:, 1], "jump against jump", NOISE, std[:, 1], marker="s"))

# %%
standard_error = (2 * std.square().mean() / 8).sqrt()  # of a difference of two means over eight seeds
same = ((mean[:, 0] - mean[:, 1]).abs() < 4 * standard_error).all()
print("at all four times, no difference beyond four standard errors?", "yes" if same else "no")
assert same

# %% [markdown]
# *Mean and standard deviation over eight seeds, 2,000 points each; each walk takes 100 steps.* No difference shows. But
# would this measurement notice a mistake? Here is the usual one: adding widths instead of variances.


# %%
def wrong_walk(x0, path, times, seed):
    generator = torch.Generator().manual_seed(seed)
    x = x0
    for s, t in pairwise(times):
        r = path.alpha(t) / path.alpha(s)
        x = r * x + (path.sigma(t) - r * path.sigma(s)) * torch.randn(x0.shape, generator=generator)
    return [x]


wrong = compare(wrong_walk, DDPMPath(), 0.5)
noticed = wrong[:, 0].min() > 3 * wrong[:, 1].max()
print(f"wrong walk against jump: {wrong[:, 0].mean():.1f}, jump against jump: {wrong[:, 1].mean():.2f}")
print("is the wrong walk found out, more than three times the sampling error?", "yes" if noticed else "no")
assert noticed
titles = ["widths added (wrong)", "variances added"]
show_clouds([wrong_walk(letter(1500, seed=0), DDPMPath(), times[:501], 2)[0], walked[500]], titles)

# %% [markdown]
# ## 4 · Four paths, and the number that counts
#
# All diffusion models use the jump; they differ in $\alpha_t$ and $\sigma_t$. The course has four paths:
#
# | path | $\alpha_t$ | $\sigma_t$ |
# |---|---|---|
# | `ddpm` | $\sqrt{\bar\alpha_t}$, $\bar\alpha_t$ the product of all $1-\beta_k$ so far | $\sqrt{1-\bar\alpha_t}$ |
# | `cosine` | the same, $\bar\alpha_t \propto \cos^2\frac{\pi}{2}\frac{t + 0.008}{1.008}$ | $\sqrt{1-\bar\alpha_t}$ |
# | `flow` | $1 - t$ | $t$ |
# | `edm` | $1$ | from 0.002 to 80, seventh root linear in $t$ |
#
# The first two keep $\alpha_t^2 + \sigma_t^2 = 1$: **variance preserving**. EDM only adds noise: **variance
# exploding**. By hand, and checked against the library:

# %%
t = torch.arange(1, 1000, dtype=torch.float64) / 1000
ddpm = (1 - betas).cumprod(0)[:-1]
cosine = ((t + 0.008) / 1.008 * math.pi / 2).cos() ** 2 / math.cos(0.008 / 1.008 * math.pi / 2) ** 2
low, high = 0.002 ** (1 / 7), 80 ** (1 / 7)
by_hand = {
    "ddpm": (ddpm.sqrt(), (1 - ddpm).sqrt()),
    "cosine": (cosine.sqrt(), (1 - cosine).sqrt()),
    "flow": (1 - t, t),
    "edm": (torch.ones_like(t), (low + t * (high - low)) ** 7),
}
for name, (alpha, sigma) in by_hand.items():
    path = PATHS[name]()
    difference = max((alpha - path.alpha(t)).abs().max(), (sigma - path.sigma(t)).abs().max())
    print(f"{name}: the library's alpha and sigma to 1e-10?", "yes" if difference < 1e-10 else "no")
    assert difference < 1e-10

# %% [markdown]
# What makes a shape readable is neither $\alpha$ nor $\sigma$, but their ratio: the **signal-to-noise ratio**
# $\alpha_t^2/\sigma_t^2$, and, because it spans many powers of ten, its logarithm, the **log-SNR** $\lambda_t$:
#
# $$\lambda_t = \log\frac{\alpha_t^2}{\sigma_t^2}.$$
#
# At $\lambda = 0$ data (of unit variance) and noise are equally strong. **Predict:** which path is the first to get
# there?

# %%
STYLES = {"ddpm": "-", "cosine": "--", "flow": "-.", "edm": ":"}
charts = [
    Chart("data's factor", "time t", "alpha"),
    Chart("noise's factor", "time t", "sigma", y_limits=(-0.05, 1.5)),
    Chart("log-SNR", "time t", "log-SNR", y_limits=(-12, 12)),
]
for name, (alpha, sigma) in by_hand.items():
    for chart, values in zip(charts, (alpha, sigma, 2 * (alpha / sigma).log()), strict=True):
        chart.line(t, values, name if chart is charts[2] else None, EXACT, STYLES[name])
show_charts(charts)

# %% [markdown]
# *All four schedules; EDM's sigma leaves the picture and ends at 80.* All curves of the log-SNR fall, at different
# speeds. Where do they cross zero?

# %%
print({name: f"t = {float(kind().time_at(0.0)):.2f}" for name, kind in PATHS.items()})

# %% [markdown]
# ## 5 · When is the shape lost?
#
# A cloud that has lost its shape is a Gaussian: mean and covariance are all there is to say about it. So we ask how far
# the noisy S is from a Gaussian. We shift and stretch it until mean and covariance are those of a standard normal
# cloud (**whitening**), then measure the distance to a fresh normal cloud. For a real Gaussian this gives the sampling
# error. **Predict:** against $t$ the four paths will differ. And against the log-SNR?


# %%
def gap(x, seed):
    """Distance of a cloud (N, 2), whitened, to a fresh standard normal cloud."""
    x = x - x.mean(0)
    root = torch.linalg.cholesky(x.T.cov())  # the covariance is root @ root.T, so that of root^-1 x is 1
    white = torch.linalg.solve_triangular(root, x.T, upper=False).T
    return sliced_wasserstein(white, gaussian(seed, x.shape, stream=9))


log_snrs = torch.arange(4.0, -4.1, -1.0, dtype=torch.float64)


def gaps_of(path, seed, count=2000):
    """The gap at every log-SNR, for one letter and one noise."""
    x0, noise = letter(count, seed), gaussian(seed, (count, 2))
    return [gap(path.noised(x0, noise, path.time_at(level)), seed) for level in log_snrs]


gaps = {}  # (4 seeds, 9 levels) for each path, fresh letters and fresh noise everywhere
for number, (name, kind) in enumerate(PATHS.items()):
    gaps[name] = torch.tensor([gaps_of(kind(), seed) for seed in range(10 * number, 10 * number + 4)])
error = torch.tensor([gap(gaussian(seed, (2000, 2), stream=5), seed) for seed in range(24)])

# %%
charts = [
    Chart("against time", "time t", "distance to a Gaussian", y_limits=(0, 0.2)),
    Chart("against the log-SNR", "log-SNR", "distance to a Gaussian", x_limits=(4.2, -4.2), y_limits=(0, 0.2)),
]
limit = error.mean() + 2 * error.std()
for name, values in gaps.items():
    times_of = PATHS[name]().time_at(log_snrs)
    charts[0].line(times_of, values.mean(0), name, EXACT, STYLES[name])
    charts[1].line(log_snrs, values.mean(0), None, EXACT, STYLES[name])
for chart, ends in zip(charts, ((0, 1), (4, -4)), strict=True):
    chart.line(ends, (limit, limit), "sampling error" if chart is charts[1] else None, NOISE)
show_charts(charts)

# %% [markdown]
# *The noisy S, its distance to a Gaussian, from log-SNR 4 to -4; grey: what a real Gaussian gives (mean plus two
# deviations over 24).*
# Against time, four stories. Against the log-SNR, one: the paths differ only in *when* they reach a noise level, not
# in what happens there.

# %%
means, stds = torch.stack([v.mean(0) for v in gaps.values()]), torch.stack([v.std(0) for v in gaps.values()])
spread = (means - means.mean(0)).abs().max()
allowed = 4 * stds.square().mean().sqrt() / 2  # four standard errors of a mean over four seeds
print("do the four paths agree at every log-SNR, within four standard errors?", "yes" if spread < allowed else "no")
last_seen = log_snrs[[int((row > limit).nonzero().max()) for row in means]]
near_zero = 0 <= min(last_seen) <= max(last_seen) <= 2
print("is the S last seen at log-SNR 0, 1 or 2, on every path?", "yes" if near_zero else "no")
assert spread < allowed and near_zero

# %% [markdown]
# The agreement is no accident. Divide $x_t$ by $\sqrt{\alpha_t^2 + \sigma_t^2}$: what is left are two factors whose
# squares add up to 1 and whose ratio squared is the SNR. They know the log-SNR and nothing else (exercise 1 finds
# them). So all paths are **one path, stretched in time and scaled in space**. With the same $x_0$ and the same noise
# they give the same points:

# %%
x0, noise = letter(1500, seed=0).double(), gaussian(0, (1500, 2)).double()
scaled = []
for kind in PATHS.values():
    path = kind()
    t = path.time_at(1.0)
    scaled.append(path.noised(x0, noise, t) / (path.alpha(t) ** 2 + path.sigma(t) ** 2).sqrt())
difference = max((points - scaled[0]).abs().max() for points in scaled)
print("at log-SNR 1, are the four scaled clouds equal, point by point, to 1e-9?", "yes" if difference < 1e-9 else "no")
assert difference < 1e-9

# %% [markdown]
# So the S is lost around log-SNR 0, where data and noise are equally strong. **What "lost" means here:** lost for
# this test, with 2,000 points. The noisy S is never exactly a Gaussian; it only drowns in the sampling error, and
# more points have less of that. **Predict:** at log-SNR 0, do 10,000 points still see it?

# %%
many = 10_000
seen = [gap(FlowPath().noised(letter(many, k), gaussian(k, (many, 2)), 0.5), k) for k in range(4)]  # log-SNR 0
blind = [gap(gaussian(k, (many, 2), stream=5), k) for k in range(4)]
print("is every noisy S further from a Gaussian than every Gaussian is?", "yes" if min(seen) > max(blind) else "no")
assert min(seen) > max(blind)

# %% [markdown]
# ## Exercise 1 · Noise to order
#
# You often want a given log-SNR and no time at all. On a variance-preserving path $\alpha^2 + \sigma^2 = 1$, and the
# log-SNR fixes both. Find $\alpha$ and $\sigma$, and return $\alpha\,x_0 + \sigma\,\epsilon$. `x0` and `noise` have
# shape (B, ...); `log_snr` is a number or has shape (B,), one for each sample.


# %%
def at_log_snr(x0, noise, log_snr):
    """x0 with noise at this log-SNR, variance preserving. x0, noise: (B, ...); log_snr: a number or (B,)."""
    ### BEGIN SOLUTION
    log_snr = torch.as_tensor(log_snr, dtype=x0.dtype)
    if log_snr.ndim:
        log_snr = log_snr.reshape(-1, *[1] * (x0.ndim - 1))
    return torch.sigmoid(log_snr).sqrt() * x0 + torch.sigmoid(-log_snr).sqrt() * noise
    ### END SOLUTION


# %%
lesson_01.at_log_snr.check(at_log_snr)

# %% [markdown]
# ## 6 · Touch it
#
# One slider, three views: the cloud, its histogram along one axis, and where you are on the log-SNR curve. Choose a
# shape and a schedule. **Predict:** at which log-SNR do *your* eyes lose the rings? Is it the same for all schedules?

# %% tags=["nbval-ignore-output"] reason="a live control has no output to compare"
from course_utils.widgets import NoiseSlider

NoiseSlider(POINTS)

# %% [markdown]
# *Left the points, in the middle the histogram of their x; dashed, the normal curve of variance $\alpha_t^2 +
# \sigma_t^2$. Right: the schedule's log-SNR.* Your eyes' limit should lie at about the same log-SNR for every
# schedule; only $t$ differs.

# %% [markdown]
# ## 7 · The physics of a cloud of noise
#
# Now we look at the density $p_t(x)$ instead of points. Five Gaussian blobs have one great advantage: noise turns
# them into five wider Gaussian blobs, so $p_t$ is a formula at every time and on every path, and every claim below is
# checked against a formula, not against a guess.

# %%
mixture = five_blobs()
count = 3000
x0, noise = mixture.sample(count, seed=0), gaussian(3, (count, 2))
clouds = [PATHS[name]().noised(x0, noise, PATHS[name]().time_at(2.0)) for name in ("ddpm", "flow", "edm")]
show_clouds([x0, *clouds], ["the five blobs", "ddpm, log-SNR 2", "flow, log-SNR 2", "edm, log-SNR 2"])

# %% [markdown]
# *The blobs, and one log-SNR on three paths: one picture in three sizes.*
#
# The size is where the paths part. Watch three numbers: the **entropy** $H = -\int p_t \log p_t$ (in nats: natural
# logarithm), which says how spread out the cloud is, the mean squared distance from the origin, and the **Fisher
# information** $J = \int p_t\,|\nabla\log p_t|^2$, large where the density has steep slopes; $\nabla\log p_t$ is the
# score, the subject of lesson 02. All are sums over a grid.


# %%
def integrals(mixture, path, t, points=141):
    """Entropy, Fisher information and mean squared distance from the origin of p_t, by sums over a square grid."""
    alpha, sigma = float(path.alpha(t)), float(path.sigma(t))
    width = math.hypot(alpha * float(mixture.stds.max()), sigma)
    limit = alpha * float(mixture.means.abs().max()) + 6 * width  # six deviations beyond the outermost blob
    line = torch.linspace(-limit, limit, points, dtype=torch.float64)
    x = torch.cartesian_prod(line, line)
    log_p = mixture.log_density(x, path, t)
    mass = log_p.exp() * float(line[1] - line[0]) ** 2
    squares = mixture.score(x, path, t).square().sum(1)
    return [float((mass * values).sum()) for values in (-log_p, squares, x.square().sum(1))]


# %%
one = GaussianMixture([[0.0, 0.0]], 1.0)  # a standard normal cloud: entropy log(2 pi e), information 2, distance 2
found = integrals(one, FlowPath(), 0.0)
good = max(abs(a - b) for a, b in zip(found, (math.log(2 * math.pi * math.e), 2.0, 2.0), strict=True)) < 1e-6
print("is the sum over the grid right for one Gaussian, to 1e-6?", "yes" if good else "no")
assert good

# %% [markdown]
# ### Variance exploding: heat
#
# EDM's path only adds noise. Take the noise variance $w = \sigma^2$ as the clock, and $p$ obeys the **heat
# equation**: peaks cool, valleys warm up. Why? Noise of a small variance $dw$ averages $p$ over nearby places. In a
# Taylor expansion the first-order term averages to 0, and the second-order term to $\tfrac12\,dw\,\Delta p$.
#
# $$\frac{\partial p}{\partial w} = \frac12\,\Delta p, \qquad
# \Delta p = \frac{\partial^2 p}{\partial x^2} + \frac{\partial^2 p}{\partial y^2}.$$
#
# How do you check an equation on a computer? Replace derivatives by differences over a spacing $h$, and see what is
# left over: the **residual**. If the equation holds, central differences leave an error that falls as $h^2$.
# **Predict:** halve $h$; by which factor does the residual fall? And for a wrong equation, say without the factor ½?


# %%
def grid(h, limit=5.0):
    """Places (n * n, 2) with spacing h, and n."""
    line = torch.arange(round(2 * limit / h) + 1, dtype=torch.float64) * h - limit
    return torch.cartesian_prod(line, line), len(line)


def density(path, t, h):
    """p_t of the five blobs on the grid, (n, n), first axis x."""
    places, n = grid(h)
    return mixture.log_density(places, path, t).exp().reshape(n, n)


def laplacian(f, h):
    neighbours = f[2:, 1:-1] + f[:-2, 1:-1] + f[1:-1, 2:] + f[1:-1, :-2]
    return (neighbours - 4 * f[1:-1, 1:-1]) / h**2


def divergence(f, g, h):
    return (f[2:, 1:-1] - f[:-2, 1:-1] + g[1:-1, 2:] - g[1:-1, :-2]) / (2 * h)


# %%
def rate(path, time_of, clock, h):
    """dp / d clock by a central difference of step h / 10, without the grid's edge."""
    step = h / 10
    change = density(path, time_of(clock + step), h) - density(path, time_of(clock - step), h)
    return change[1:-1, 1:-1] / (2 * step)


def check_equation(residual, name):
    """Relative residuals at three spacings; the slope of the log-log line through them must be 2."""
    left = torch.tensor([residual(h) for h in SPACINGS], dtype=torch.float64)
    slope = float((left[0] / left[-1]).log()) / math.log(SPACINGS[0] / SPACINGS[-1])
    print(
        f"{name}: does the residual fall as h squared (slope 2, within 0.05)?", "yes" if abs(slope - 2) < 0.05 else "no"
    )
    assert abs(slope - 2) < 0.05
    return left


SPACINGS, residuals = (0.1, 0.05, 0.025), {}
exploding = EDMPath()


def time_at_variance(w):
    return exploding.time_at(-math.log(w))


def heat(h, w=0.25):
    left = rate(exploding, time_at_variance, w, h)
    return (left - laplacian(density(exploding, time_at_variance(w), h), h) / 2).abs().max() / left.abs().max()


residuals["heat equation"] = check_equation(heat, "heat equation")

# %% [markdown]
# What does heat do to the entropy? It rises, and **de Bruijn's identity** says how fast: at half the Fisher
# information,
#
# $$\frac{dH}{dw} = \frac12\,J(w).$$
#
# We look at both sides: by quadrature, and with samples alone. `sample_entropy` knows no formula for $p$; it
# looks at how far each of 4,000 points is from its fourth-nearest neighbour. **Predict:** is the entropy's rise fastest
# at little noise or at much?

# %%
variances = torch.logspace(-1.5, 1, 9, dtype=torch.float64)
exact = torch.tensor([integrals(mixture, exploding, time_at_variance(w)) for w in variances])  # H, J, distance
rise = torch.tensor([
    (integrals(mixture, exploding, time_at_variance(1.001 * w))[0]
     - integrals(mixture, exploding, time_at_variance(0.999 * w))[0]) / (0.002 * w) for w in variances
])  # fmt: skip
holds = (rise / (exact[:, 1] / 2) - 1).abs().max() < 1e-4
print("by quadrature: is dH/dw half the Fisher information, to 1 part in 10,000?", "yes" if holds else "no")
assert holds


# %%
def entropies(w, seeds=range(6), count=4000, ratio=1.2):
    """(6 seeds, 2): entropy from samples alone at variance w, and its slope there, (H(rw) - H(w/r)) / (rw - w/r)."""
    rows = []
    for seed in seeds:
        x0, noise = mixture.sample(count, seed), gaussian(seed, (count, 2), stream=7)
        low, middle, high = (sample_entropy(x0 + math.sqrt(v) * noise) for v in (w / ratio, w, w * ratio))
        rows.append([middle, (high - low) / (w * ratio - w / ratio)])
    return torch.tensor(rows)


estimated = torch.stack([entropies(float(w)) for w in variances])  # (9 variances, 6 seeds, 2)
mean, std = estimated.mean(1), estimated.std(1)

# %%
axis = {"x_label": "noise variance w", "x_scale": "log"}
left = Chart("entropy", y_label="H, nats", **axis).line(variances, exact[:, 0], "quadrature", EXACT)
right = Chart("its rate", y_label="per unit of w", y_scale="log", **axis)
right.line(variances, exact[:, 1] / 2, "J / 2, quadrature", EXACT)
left.dots(variances, mean[:, 0], "samples alone", error=std[:, 0])
show_charts([left, right.dots(variances, mean[:, 1], "dH/dw, samples alone", error=std[:, 1])])

# %%
relative = estimated[:, :, 1] / (exact[:, 1:2] / 2) - 1  # of the slope: (9 variances, 6 seeds)
errors = [values.var(1).mean().sqrt() / math.sqrt(6) for values in (estimated[:, :, 0], relative)]  # pooled
close = ((mean[:, 0] - exact[:, 0]).abs() < 4 * errors[0] + 0.01).all()
slopes = (relative.mean(1).abs() < 4 * errors[1] + 0.02).all()
print("entropy from samples: right within four standard errors and 0.01 of bias?", "yes" if close else "no")
print("its slope: J / 2 within four standard errors and 2 % for the finite difference?", "yes" if slopes else "no")
assert close and slopes

# %% [markdown]
# *Blue: mean and standard deviation of six seeds, 4,000 points each; most bars are shorter than their dot is high. The
# axis of the clock is logarithmic: read the speed off the right picture, not off the left one's slope.*
# The first bit of noise raises the entropy fastest, because sharp peaks have steep slopes. And it never ends: $J > 0$
# always, so **this path never settles**.

# %% [markdown]
# ### Variance preserving: relaxation
#
# DDPM's step also pulls every point towards the centre. In the clock $\tau = -\log\alpha_t^2$ (the sum of all $\beta$
# so far, for small ones) every variance-preserving path is the same process, and its density obeys a **Fokker-Planck
# equation**: a flow inwards, plus heat.
#
# $$\frac{\partial p}{\partial\tau} = \frac12\,\nabla\!\cdot(x\,p) + \frac12\,\Delta p.$$
#
# ($\nabla\!\cdot(f, g) = \partial f/\partial x + \partial g/\partial y$ is the *divergence*.) For the standard normal
# density $\nabla p = -x\,p$, so the two cancel, $\nabla\!\cdot(x\,p + \nabla p) = 0$: an **equilibrium**. How far $p$
# still is from it is measured by the **Kullback-Leibler divergence** $\text{KL} = \int p \log (p / p_{\mathcal N})$, in
# nats: 0 for equal densities, else positive. **Predict:** does it fall all the way? And against $\tau$: one curve for
# DDPM and cosine, or two?

# %%
preserving = DDPMPath()


def time_at_tau(tau, path=preserving):
    return path.time_at(-math.log(math.expm1(tau)))  # alpha^2 = exp(-tau), sigma^2 = 1 - exp(-tau)


def fokker_planck(h, tau=0.25):
    left, p = rate(preserving, time_at_tau, tau, h), density(preserving, time_at_tau(tau), h)
    places, n = grid(h)
    x, y = places.T.reshape(2, n, n)
    return (left - (divergence(x * p, y * p, h) + laplacian(p, h)) / 2).abs().max() / left.abs().max()


residuals["Fokker-Planck"] = check_equation(fokker_planck, "Fokker-Planck equation")


# %%
def kl_to_normal(mixture, path, t):
    """KL(p_t || N(0, I)) in the plane: half the mean squared distance, plus log(2 pi), minus the entropy."""
    entropy, _, distance = integrals(mixture, path, t)
    return distance / 2 + math.log(2 * math.pi) - entropy


taus = torch.logspace(-2, 0.7, 28, dtype=torch.float64)
falling = {
    name: torch.tensor([kl_to_normal(mixture, PATHS[name](), time_at_tau(tau, PATHS[name]())) for tau in taus])
    for name in ("ddpm", "cosine")
}
bound = kl_to_normal(mixture, preserving, 0.0) * (-taus).exp()
charts = [
    Chart("against time", "time t", "KL to N(0, I), nats"),
    Chart("against tau", "tau", "KL, nats", y_scale="log"),
]
for name, values in falling.items():
    times_of = [float(time_at_tau(tau, PATHS[name]())) for tau in taus]
    charts[0].line(times_of, values, name, EXACT, STYLES[name])
    charts[1].line(taus, values, "both paths" if name == "ddpm" else None, EXACT, STYLES[name])
charts[1].line(taus, bound, "bound: start times exp(-tau)", NOISE)
show_charts(charts)

# %%
both = torch.stack(list(falling.values()))
print("does the KL fall at every step, on both paths?", "yes" if (both.diff(dim=1) < 0).all() else "no")
print("does it stay below its start times exp(-tau)?", "yes" if (both < bound).all() else "no")
print("in tau, are both paths one curve, to 1e-6?", "yes" if (both[0] - both[1]).abs().max() < 1e-6 else "no")
assert (both.diff(dim=1) < 0).all() and (both < bound).all() and (both[0] - both[1]).abs().max() < 1e-6
_, information, distance = integrals(mixture, preserving, time_at_tau(0.5))
change = kl_to_normal(mixture, preserving, time_at_tau(0.501)) - kl_to_normal(mixture, preserving, time_at_tau(0.499))
relative = information - 4 + distance  # the mean of |score + x|^2 (the score of the normal is -x)
as_said = abs(change / 0.002 / (-relative / 2) - 1) < 1e-4
print("is its rate minus half the mean of |score + x|^2, to 1 in 10,000?", "yes" if as_said else "no")
assert as_said

# %% [markdown]
# *Left: two schedules. Right: one process, in its own clock.* The KL falls at half a *relative* Fisher information,
# $E\,|\nabla\log p + x|^2$: de Bruijn's identity again, measured from equilibrium. The bound is a theorem (it follows
# from the *log-Sobolev inequality*): the KL is at most half that information, so it falls at least as fast as
# $\text{KL}' = -\text{KL}$, that is, like $e^{-\tau}$.
#
# ## Exercise 2 · How far from the prior?
#
# For one Gaussian cloud in $d$ dimensions, with mean $m$ and one width $q$ in all directions, the divergence has a
# formula:
#
# $$\text{KL}\big(\mathcal N(m, q^2 I)\,\|\,\mathcal N(0, I)\big)
# = \tfrac12\left(|m|^2 + d\,(q^2 - 1 - \log q^2)\right).$$
#
# Write it for B Gaussians at once: `mean` has shape (B, d), `std` has shape (B,), the result (B,).


# %%
def gaussian_kl(mean, std):
    """KL(N(mean, std^2 I) || N(0, I)) in nats. mean: (B, d); std: (B,); returns (B,)."""
    ### BEGIN SOLUTION
    dimensions = mean.shape[1]
    return (mean.square().sum(1) + dimensions * (std**2 - 1 - 2 * std.log())) / 2
    ### END SOLUTION


# %%
lesson_01.gaussian_kl.check(gaussian_kl)

# %% [markdown]
# ### The flow path: carried along
#
# On the flow path, nothing need be random on the way: let each density be carried by a wind $u(x, t)$, the mean
# velocity $\dot x_t = \epsilon - x_0$ of all pairs $(x_0, \epsilon)$ that pass through $x$ at time $t$. No mass
# appears or vanishes, which is the **continuity equation**:
#
# $$\frac{\partial p}{\partial t} + \nabla\!\cdot(p\,u) = 0, \qquad u(x, t) = E[\dot x_t \mid x_t = x].$$
#
# For the blobs $u$ is a formula: the posterior mean of $x_0$, converted to a velocity (lesson 02 derives it).

# %%
flow = FlowPath()


def continuity(h, t=0.3):
    places, n = grid(h)
    mean_x0 = mixture.posterior_mean(places, flow, t)
    wind = flow.convert(mean_x0, places, t, "x0", "velocity").T.reshape(2, n, n)
    left, p = rate(flow, lambda t: t, t, h), density(flow, t, h)
    return (left + divergence(p * wind[0], p * wind[1], h)).abs().max() / left.abs().max()


residuals["continuity"] = check_equation(continuity, "continuity equation")
chart = Chart("What is left of three equations", "log2 of the spacing h", "log2 of the residual", x_limits=(-6, -3))
halvings = [math.log2(h) for h in SPACINGS]
for (name, values), style in zip(residuals.items(), ("-", "--", "-."), strict=True):
    chart.line(halvings, values.log2(), name, EXACT, style)
show_charts(chart.line(halvings, [2 * h + 1 for h in halvings], "slope 2", NOISE))

# %% [markdown]
# *Largest error of each equation, divided by its largest left side; all three are parallel to the grey line of slope
# 2.*
#
# Would a wrong equation be found out? Leave out the pull inwards, and see:


# %%
def heat_only(h, tau=0.25):
    left = rate(preserving, time_at_tau, tau, h)
    return (left - laplacian(density(preserving, time_at_tau(tau), h), h) / 2).abs().max() / left.abs().max()


stays = float(heat_only(0.025) / heat_only(0.1))
print("the wrong equation: does its residual stay, within 10 %?", "yes" if abs(stays - 1) < 0.1 else "no")
assert abs(stays - 1) < 0.1

# %% [markdown]
# ### Who settles?
#
# The test of an equilibrium is to *start* there. Take data that are already standard normal noise. **Predict:** on
# which paths does the cloud change at all?

# %%
ts = torch.linspace(0, 1, 21, dtype=torch.float64)
size = Chart("five blobs", "time t", "mean square per axis", y_limits=(0, 2))
away = Chart("start: already normal", "time t", "KL to N(0, I), nats", y_limits=(-0.02, 0.5))
sizes, kls, starts = {}, {}, {}
for name, kind in PATHS.items():
    path = kind()
    found = torch.tensor([integrals(mixture, path, float(t)) for t in ts])
    sizes[name], kls[name] = found[:, 2] / 2, found[:, 2] / 2 + math.log(2 * math.pi) - found[:, 0]
    starts[name] = torch.tensor([kl_to_normal(one, path, float(t)) for t in ts])
    size.line(ts, sizes[name], name, EXACT, STYLES[name])
    away.line(ts, starts[name], None, EXACT, STYLES[name])
show_charts([size, away])


# %%
def rises(values, by=1e-4):
    return bool((values.diff() > by).any())


claims = {
    "ddpm and cosine stay at the equilibrium, to 1e-6": max(starts[n].abs().max() for n in ("ddpm", "cosine")) < 1e-6,
    "flow leaves it and comes back: KL log(2) - 1/2 half way": abs(starts["flow"][10] - math.log(2) + 0.5) < 1e-6,
    "flow: the blobs shrink to about half, then grow again": 0.4 < sizes["flow"].min() < 0.6 and rises(sizes["flow"]),
    "edm: the mean square never stops growing": bool((sizes["edm"].diff() > 0).all()),
    "edm: the KL to N(0, I) rises in the end": rises(kls["edm"]),
}
for claim, holds in claims.items():
    print(f"{claim}?", "yes" if holds else "no")
    assert holds

# %% [markdown]
# *Left: how large the blobs are on each path. Right: data that are at the goal already (cosine lies under ddpm). EDM
# leaves both pictures.* So:
#
# - **Variance preserving** relaxes. There is an equilibrium, and every start of finite variance falls towards it.
#   What falls is the KL, not every quantity you may think of.
# - **Variance exploding** never settles; its entropy grows for ever. "Noise" only means: wide compared with the data.
# - **Flow** is no relaxation. It is a timetable that arrives at noise at $t = 1$ because it was told to, and on the
#   way it contracts: even noise must shrink and swell again.
#
# One more check of "not every quantity". Entropy under DDPM: does it only rise?

# %%
along = torch.tensor([integrals(mixture, preserving, float(t))[0] for t in ts])
print("ddpm: does the blobs' entropy fall again near the end?", "yes" if rises(-along, by=1e-3) else "no")
print("their mean square per axis at the start: is it above 1?", "yes" if sizes["ddpm"][0] > 1 else "no")
assert rises(-along, by=1e-3) and sizes["ddpm"][0] > 1

# %% [markdown]
# The blobs are a little wider than the prior, so the last part of the way is a small contraction. Entropy is no arrow
# of time here; the KL to the equilibrium is.
#
# ## Exercise 3 · S or 8?
#
# Lower `log_snr` until *you* cannot tell the S from the 8. Then lower it until the numbers cannot: different letters
# are no further apart than two clouds of the same letter. Which limit is lower? Then set `count` to 500 and to 8000,
# and try `"OI"`.

# %% tags=["nbval-ignore-output"] reason="you change this cell, and digits differ between processors"
pair, log_snr, count = "S8", 3.0, 2000
path, rows = FlowPath(), []
for seed in range(8):
    draws = []
    for k, character in enumerate(pair + pair[0]):
        x0, noise = letter(count, 3 * seed + k, character), gaussian(3 * seed + k, (count, 2))
        draws.append(path.noised(x0, noise, path.time_at(log_snr)))
    rows.append([sliced_wasserstein(draws[0], draws[1]), sliced_wasserstein(draws[0], draws[2])])
different, same = torch.tensor(rows).T  # over eight seeds
print(f"different letters: {different.mean():.3f}, the same letter twice: {same.mean():.3f} ± {same.std():.3f}")
show_clouds(draws[:2], list(pair))

# %% [markdown]
# <details><summary>One answer</summary> Your eyes give up first. The numbers hold out longer, and the longer the more
# points you give them: each cloud is known better, the sampling error falls, and a smaller difference shows. O and I
# stay apart for longest, because they differ in what is coarse: one is wide, the other is not. (One seed alone would
# mislead you: two numbers drawn once say little about which of them is larger on average.) </details>

# %% [markdown]
# ## Exercise 4 · Think
#
# All four paths are one path, up to stretching time and scaling space. Then why does anyone care which one to take?
#
# <details><summary>One answer</summary>
# Because nothing else is invariant. Training draws times, so a schedule
# decides at which noise levels a network practises most; sampling takes steps in time, so it decides where the steps
# are small. Scale matters to a network, which wants inputs of one size, and to a sampler, whose error depends on how
# much the way bends in the chosen coordinates. What is the same is what could be known at each noise level: with a
# perfect denoiser and endless steps, all four give the same distribution. Lesson 03 counts steps.
# </details>

# %% [markdown]
# ## Three misconceptions, each with a cell that refutes it
#
# **"More steps mean more noise."** Five steps or five hundred, to the same $t$: the path fixes how much noise there
# is, and each step takes its share.

# %%
distances = {steps: compare(walk, DDPMPath(), 0.3, steps, seeds=range(4)) for steps in (5, 50, 500)}
error = torch.cat([rows[:, 1] for rows in distances.values()])
largest = max(rows[:, 0].mean() for rows in distances.values())
same = largest < error.mean() + 4 * error.std() / 2  # four standard errors of a mean over four seeds
print("5, 50 and 500 steps: all at the jump's distribution, within the sampling error?", "yes" if same else "no")
assert same

# %% [markdown]
# **"Half way in t, half is lost."** What is lost depends on the path. Let us ask how much a noisy point still tells
# about *which blob* it came from: the entropy of the five weights, minus what is left unknown when $x_t$ is seen (the
# **mutual information**), as a share of all there is to know.

# %%
x0, noise = mixture.sample(4000, seed=0), gaussian(4, (4000, 2))
everything = -(mixture.weights * mixture.weights.log()).sum()
chart = Chart("Which blob was it?", "time t", "share still known", y_limits=(0, 1.02))
ts, known = torch.linspace(0.01, 0.99, 50, dtype=torch.float64), {}
for name, kind in PATHS.items():
    known[name] = []
    for t in ts:
        chances = mixture.responsibilities(kind().noised(x0, noise, t).double(), kind(), t)
        known[name].append(1 + float(torch.special.xlogy(chances, chances).sum(1).mean() / everything))
    chart.line(ts, known[name], name, EXACT, STYLES[name])
show_charts(chart.line((0.5, 0.5), (0, 1), None, NOISE))

# %%
half_way = {name: values[24] for name, values in known.items()}  # just before t = 0.5
print(
    "half way, does ddpm know less than half of what flow knows?",
    "yes" if half_way["ddpm"] < half_way["flow"] / 2 else "no",
)
assert half_way["ddpm"] < half_way["flow"] / 2

# %% [markdown]
# *Half way in time (grey), the paths know different shares, and none has to know one half.*
#
# **"DDPM ends in pure noise."** Almost: $\alpha_1$ is small, not zero. For data of about unit variance nobody
# notices. For data that someone forgot to scale, a single blob at a distance of 100, the end still shows where the
# data were:

# %%
far = GaussianMixture([[100.0, 0.0]], 1.0)
ends = {(data, name): kl_to_normal(which, PATHS[name](), 1.0)
        for data, which in (("blobs", mixture), ("far", far)) for name in ("ddpm", "flow")}  # fmt: skip
shift = float(preserving.alpha(1.0)) * 100
print("ddpm, the blobs: KL to the prior at t = 1 below 1e-4 nats?", "yes" if ends["blobs", "ddpm"] < 1e-4 else "no")
print("ddpm, far away: is it half the squared shift, above 0.1?", "yes" if ends["far", "ddpm"] > 0.1 else "no")
print("flow ends in pure noise, whatever the data (to 1e-6)?", "yes" if abs(ends["far", "flow"]) < 1e-6 else "no")
assert ends["blobs", "ddpm"] < 1e-4 and ends["far", "ddpm"] > 0.1 and abs(ends["far", "flow"]) < 1e-6
assert abs(ends["far", "ddpm"] - shift**2 / 2) < 1e-4

# %% [markdown]
# ## What you now know
#
# 1. Many small steps and one jump give the same distribution; measured, with its sampling error.
# 2. A path is two curves, alpha and sigma; what can be seen depends on the log-SNR alone.
# 3. Variance exploding is heat: the entropy rises at half the Fisher information, for ever.
# 4. Variance preserving is relaxation: the KL to the standard normal falls, exponentially at least.
# 5. The flow path carries mass by a wind; it arrives at noise without relaxing to it.
#
# **Sources.** Ho et al., *DDPM*, arXiv 2006.11239 (eq. 2 the step, eq. 4 the jump); Nichol and Dhariwal, arXiv
# 2102.09672 (eq. 17, cosine); Karras et al., *EDM*, arXiv 2206.00364 (eq. 5); Lipman et al., *Flow Matching*, arXiv
# 2210.02747 (eq. 8 the mean velocity; theorem 1); Kingma et al., *Variational Diffusion Models*, arXiv 2107.00630
# (eq. 2 the SNR; section 5.1 all paths are one); Song et al., arXiv 2011.13456 (eq. 9 variance exploding, eq. 11
# variance preserving); Bonneel et al. 2015, J. Math. Imaging Vis. 51 (section 3, sliced Wasserstein); Kraskov et al.
# 2004, Phys. Rev. E 69, 066138 (eq. 20, entropy from neighbours); Cover and Thomas, *Elements of Information Theory*,
# second edition (theorem 17.7.2, de Bruijn); Bakry, Gentil and Ledoux 2014, *Analysis and Geometry of Markov
# Diffusion Operators* (theorem 5.2.1, decay of the KL; proposition 5.5.1, the Gaussian case).
#
# **Next:** [02 · The score and the denoiser](02_score_and_denoiser.ipynb): what the noisy density knows about the way
# back.
