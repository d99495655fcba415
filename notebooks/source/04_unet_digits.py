# %% [markdown]
# # 04 · A U-Net that denoises digits
#
# {{badges}} · {{measured}}
#
# ![Letters and digits form out of noise](images/digits.png)
#
# **After this lesson you can**
# - build a U-Net from its parts, say what each is for, and train it on pictures with the loop of lesson 02;
# - tell good samples from bad ones, and from copies, by measurements that have a floor;
# - say what a loss at each noise level, a moving average of weights, and a choice of sampler do for a picture.
#
# **You need** lessons 00 to 03: a path, a denoiser, a training, a sampler. What a convolution is should not be new to
# you. Symbols: [notation](../docs/notation.md).

# %%
import copy

import torch
from course_utils.datasets.images import digits, glyphs
from course_utils.diffusion.noise import gaussian
from course_utils.diffusion.paths import FlowPath
from course_utils.exercises import lesson_04
from course_utils.plots import DATA, EXACT, MODEL, NOISE, show_pictures
from course_utils.plots.planar import Chart, show_charts

# %% [markdown]
# ## 1 · A picture is a point
#
# 1,797 digits, written by hand, scanned and shrunk to 8 × 8 pixels (Alpaydin and Kaynak 1998, in scikit-learn's copy).
# We train on 1,197 of them and never on the 600 others, which are **held out**.

# %%
train, held_out, path = digits(), digits(test=True), FlowPath()
print("training pictures:", tuple(train.pixels.shape), "held out:", tuple(held_out.pixels.shape))
show_pictures(train.pixels[:24], train.labels[:24].tolist(), columns=12)

# %% [markdown]
# *The first 24 training pictures, each under its label.* The four numbers are pictures, channels (one: how much ink),
# rows and columns; −1 is paper and 1 is ink. So a picture is 64 numbers, a *point* in 64 dimensions. For the noise that
# is all it ever is: $x_t = \alpha_t x_0 + \sigma_t \epsilon$, as in lesson 01.
#
# **Predict:** from which time $t$ on will you not be able to read the digits?

# %%
times = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
noise = gaussian(0, (2, 1, 8, 8))
pair = train.pixels[[3, 11]]  # a two and a nine
rows = [path.noised(pair[k : k + 1], noise[k : k + 1], t) for k in (0, 1) for t in times]
show_pictures(torch.cat(rows), [f"t = {t}" for t in times] * 2, 6, NOISE, limit=1.4)

# %% [markdown]
# *Two digits on their way into the noise, on the flow path.* (Exercise 2 asks a network.)
#
# What changes is the network. Lesson 02's was made of **dense** layers: every output looks at every input, each
# with a weight of its own. A **convolution** looks at 3 × 3 pixels, with the same nine weights everywhere. **Predict:**
# for 24 features at every pixel, how many numbers does each have? And if the digit moves by a pixel, do the features?

# %%
from torch import nn
from torch.nn import functional

torch.manual_seed(0)
dense = nn.Sequential(nn.Flatten(), nn.Linear(64, 24 * 64), nn.Unflatten(1, (24, 8, 8)))
moved = torch.roll(train.pixels, 1, dims=3)
for name, layer in {"dense": dense, "convolution": nn.Conv2d(1, 24, 3, padding=1)}.items():
    with torch.no_grad():
        apart = layer(moved) - torch.roll(layer(train.pixels), 1, dims=3)
    same = apart[..., 2:7].abs().max() < 1e-5  # away from the border
    size = sum(p.numel() for p in layer.parameters())
    print(f"{name}: {size:,} numbers. Do its features move with the digit?", "yes" if same else "no")
    assert same == (name == "convolution")

# %% [markdown]
# What it has learned about a stroke in one place, a convolution knows everywhere. The price: it sees no further than 3
# × 3 pixels.
#
# ## 2 · A U-Net from its parts
#
# The network has to see the whole digit, to guess what it is, *and* each pixel, to say where the ink ends. A **U-Net**
# does both: down to a coarser grid, where 3 × 3 places are half the picture, then up again; and a **skip** carries the
# fine features across:
#
# ```
# 8×8  x_t ─ stem ─ block ─┬───────────────── skip ──────────────────┬─ block ─ outlet
#                        shrink                                    grow
# 4×4                      └─ block ─┬─────── skip ────────┬─ block ─┘
#                                    └─ attention ─ block ─┘
# ```
#
# **Residual block.** Two convolutions, added to what comes in. Between them the block is told the noise level: the
# level becomes a vector (its sines and cosines at many wavelengths, through two layers), and from it come a *scale* and
# a *shift* for each channel: $h \leftarrow h\,(1 + \text{scale}) + \text{shift}$. (GroupNorm brings 8 groups of
# channels to mean 0 and variance 1; SiLU is the bend between layers.)


# %%
class ResidualBlock(nn.Module):
    def __init__(self, inputs, outputs, embedding):
        super().__init__()
        self.first = nn.Sequential(nn.GroupNorm(8, inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1))
        self.modulation = nn.Linear(embedding, 2 * outputs)
        self.norm, self.second = nn.GroupNorm(8, outputs), nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x, embedded):
        h = self.norm(self.first(x))  # (B, C, H, W)
        scale, shift = self.modulation(functional.silu(embedded)).chunk(2, dim=1)  # (B, C) each
        h = h * (1 + scale[:, :, None, None]) + shift[:, :, None, None]
        return self.shortcut(x) + self.second(functional.silu(h))


# %% [markdown]
# ## Exercise 1 · Modulation in any dimension
#
# That block is for images. Write its one line that knows about dimensions for *all* grids: `h` has shape (B, C) and
# then any number of sides, also none; `scale` and `shift` have shape (B, C). With it the block serves voxels as well.


# %%
def modulate(h, scale, shift):
    """h (1 + scale) + shift, channel by channel. h: (B, C, ...); scale, shift: (B, C); returns the shape of h."""
    ### BEGIN SOLUTION
    shape = (*scale.shape, *[1] * (h.ndim - 2))
    return h * (1 + scale.reshape(shape)) + shift.reshape(shape)
    ### END SOLUTION


# %%
lesson_04.modulate.check(modulate)

# %% [markdown]
# **Attention.** At the coarsest grid every place asks all others: it sends out a query $q$, compares it with every
# place's key $k$, and takes the mean of their values $v$, weighted by the softmax of $q \cdot k / \sqrt{d}$, with $d$
# numbers in $q$. No distance is too far. Four *heads* do it side by side, each with a quarter of the channels.
#
# **Places.** A convolution does the same everywhere, so it cannot know where it is: in the middle, where there is ink,
# or in a corner, where there is hardly any. So we add waves over both axes, mixed by learned weights.


# %%
class Attention(nn.Module):
    def __init__(self, channels, heads=4):
        super().__init__()
        self.heads, self.norm = heads, nn.GroupNorm(8, channels)
        self.qkv, self.out = nn.Conv2d(channels, 3 * channels, 1), nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        q, k, v = self.qkv(self.norm(x)).flatten(2).unflatten(1, (3, self.heads, -1)).unbind(1)  # (B, heads, C/4, N)
        weights = (q.transpose(2, 3) @ k / q.shape[2] ** 0.5).softmax(dim=3)  # (B, heads, N, N)
        return x + self.out((v @ weights.transpose(2, 3)).reshape(x.shape))


class Places(nn.Module):
    def __init__(self, channels, waves=4):
        super().__init__()
        self.waves, self.mix = waves, nn.Conv2d(4 * waves, channels, 1)

    def forward(self, x):
        axes = torch.meshgrid(*((torch.arange(side) + 0.5) / side for side in x.shape[2:]), indexing="ij")
        phases = torch.stack([torch.pi * (k + 1) * axis for axis in axes for k in range(self.waves)])
        return x + self.mix(torch.cat([phases.sin(), phases.cos()])[None])


# %% [markdown]
# **The whole.** Going down, a convolution takes steps of two pixels; going up, every place is repeated 2 × 2 times.
# (The lists of lists give the parts the same names as in the library, which may have more levels and blocks.)

# %%
from course_utils.networks.embedding import NoiseLevelEmbedding


def levels(*blocks):
    return nn.ModuleList(nn.ModuleList([block]) for block in blocks)


class MyUNet(nn.Module):
    def __init__(self, fine=24, coarse=48):
        super().__init__()
        width = 4 * fine
        self.noise_level = NoiseLevelEmbedding(width)  # the noise level: sines and cosines, then two layers
        self.stem, self.places = nn.Conv2d(1, fine, 3, padding=1), Places(fine)
        self.down = levels(ResidualBlock(fine, fine, width), ResidualBlock(coarse, coarse, width))
        self.shrink = nn.ModuleList([nn.Identity(), nn.Conv2d(fine, coarse, 3, stride=2, padding=1)])
        self.attention, self.middle = Attention(coarse), ResidualBlock(coarse, coarse, width)
        self.up = levels(ResidualBlock(2 * coarse, coarse, width), ResidualBlock(2 * fine, fine, width))
        self.grow = nn.ModuleList([nn.Conv2d(coarse, fine, 3, padding=1), nn.Identity()])
        self.head, self.outlet = nn.Sequential(nn.GroupNorm(8, fine), nn.SiLU()), nn.Conv2d(fine, 1, 3, padding=1)

    def forward(self, x, log_snr, condition=None):
        embedded = self.noise_level(log_snr)
        high = self.down[0][0](self.places(self.stem(x)), embedded)  # (B, 24, 8, 8)
        low = self.down[1][0](self.shrink[1](high), embedded)  # (B, 48, 4, 4)
        h = self.middle(self.attention(low), embedded)
        h = self.up[0][0](torch.cat([h, low], dim=1), embedded)
        h = self.grow[0](functional.interpolate(h, scale_factor=2.0))
        h = self.up[1][0](torch.cat([h, high], dim=1), embedded)  # (B, 24, 8, 8)
        return self.outlet(self.head(h))


# %% [markdown]
# Is it the library's? Give both the same random weights, and compare. (All weights random, on purpose: the library
# begins with zeros in the last layer of each part, so that it begins as "change nothing". Zeros would hide a mistake.)

# %%
from course_utils.diffusion.denoiser import Denoiser, parameter_count
from course_utils.networks.unet import UNet

mine, library = MyUNet(), UNet(2, channels=(24, 48), blocks=1)
for parameter in library.parameters():
    nn.init.normal_(parameter, std=0.2)
mine.load_state_dict(library.state_dict())
with torch.no_grad():
    ours, theirs = (net(train.pixels[:50], torch.linspace(-8, 8, 50)) for net in (mine, library))
gap = (ours - theirs).abs().max() / theirs.std()
print(f"my U-Net and the library's: {parameter_count(mine):,} and {parameter_count(library):,} numbers to adjust")
print("same weights, same answer, to 1e-5 of its size?", "yes" if gap < 1e-5 else "no")
assert gap < 1e-5 and parameter_count(mine) == parameter_count(library)

# %% [markdown]
# ## 3 · Train it
#
# Nothing is new: lesson 02's loss and loop (its weight $1/t^2$ held to 25 at most), the flow path, and the network
# predicts the velocity $\epsilon - x_0$. On the way we keep copies of the weights and of their moving average, for
# sections 5 and 6. **Predict:** the loss falls quickly, then hardly. And the pictures?

# %%
from course_utils.diffusion.guidance import guided
from course_utils.diffusion.losses import Denoising
from course_utils.diffusion.sampling import SAMPLERS, ddim, dpm_solver, last, sample, time_grid
from course_utils.diffusion.training import Plan, Trainer, batches


def generate(denoise, count, steps=20, step=ddim, seed=0):
    """Digits made from noise by one of the library's samplers: (count, 1, 8, 8)."""
    start = path.prior_sample(gaussian(seed, (count, 1, 8, 8)))
    return last(sample(denoise, start, time_grid(path, steps), step, seed=seed)).x_t


# %% tags=["nbval-ignore-output"] reason="the picture shows times, and weights differ between processors"
from course_utils.plots import LiveTraining

torch.manual_seed(0)
denoiser = Denoiser(UNet(2, channels=(24, 48), blocks=1), path, prediction="velocity")
plan = Plan(steps=480, batch_size=64, learning_rate=3e-3, ema_decay=0.99)
trainer, kept, watch = Trainer(denoiser, plan, Denoising(weight_limit=25.0)), {}, LiveTraining(plan.steps)
average, d = denoiser.network.outlet.weight.detach().clone(), plan.ema_decay  # for section 6
for progress in trainer.run(batches(train.pixels)):
    watch.add(*progress)
    # a short memory at first, to forget the random beginning
    average.lerp_(denoiser.network.outlet.weight.detach(), 1 - min(d, progress.step / (9 + progress.step)))
    if progress.step in (140, 160, 180, 440, 460, 480):
        kept[progress.step] = copy.deepcopy((trainer.model, trainer.ema))
    if progress.step % 80 == 0:
        watch.show(generate(trainer.ema, 4, steps=8))

# %% [markdown]
# *Loss of each step (grey) and smoothed (orange), and four samples of the moving average.* Now real ones, then made
# ones. What is wrong with the second lot?

# %% tags=["nbval-ignore-output"] reason="weights trained here differ between processors"
model = trainer.ema
samples = generate(model, 600)
show_pictures(held_out.pixels[:24], columns=12)

# %% tags=["nbval-ignore-output"] reason="weights trained here differ between processors"
show_pictures(samples[:24], columns=12, colour=MODEL)

# %% [markdown]
# *24 held-out digits (blue), and the first 24 samples (orange), nothing picked.* And how they came about: move the
# slider through the steps.

# %% tags=["nbval-ignore-output"] reason="weights trained here differ between processors"
from course_utils.plots import picture_film

picture_film(sample(model, path.prior_sample(gaussian(0, (9, 1, 8, 8))), time_grid(path, 20), ddim))

# %% [markdown]
# *Above $x_t$, below the guess of $x_0$, at each of 20 steps.* A blur first, near the mean of all digits; then it takes
# sides, then it sharpens. (The very first guess is odd. Section 5 tells why.)
#
# ### What is each part for?
#
# Two questions to the trained network. First: **how far does a pixel look?** The gradient of one guessed pixel with
# respect to all pixels of $x_t$ tells how much each of them matters. **Predict:** does it look further with
# little noise, or with much?


# %%
def looks_at(t, count=100):
    """How much the guess of pixel (4, 4) depends on each pixel of x_t, adding up to 1: (8, 8)."""
    x_t = path.noised(held_out.pixels[:count], gaussian(1, (count, 1, 8, 8)), t).requires_grad_()
    (slope,) = torch.autograd.grad(model(x_t, t)[:, 0, 4, 4].sum(), x_t)
    share = slope.abs().mean((0, 1))
    return share / share.sum()


times = (0.1, 0.3, 0.5, 0.9)
maps = [looks_at(t) for t in times]
own = [float(share[4, 4]) for share in maps]
print("t = 0.1: is the pixel itself more than 40 % of it?", "yes" if own[0] > 0.4 else "no")
print("does its share fall each time the noise grows?", "yes" if own == sorted(own, reverse=True) else "no")
assert own[0] > 0.4 and own == sorted(own, reverse=True)

# %% tags=["nbval-ignore-output"] reason="weights trained here differ between processors"
show_pictures([2 * share / share.max() - 1 for share in maps], [f"t = {t}" for t in times], 4, MODEL)

# %% [markdown]
# *The more a pixel matters for the guess of the one at (4, 4), the darker.* With much noise it takes the whole picture
# to make a guess; with little, the pixel and its neighbours will do.
#
# Second: **silence a part** and see how much worse the guess gets. A hook replaces what the part says by zeros.

# %% tags=["nbval-ignore-output"] reason="weights trained here differ between processors"
network, log_snrs = model.network, torch.linspace(-5, 5, 7, dtype=torch.float64)


@torch.no_grad()
def errors(denoise, pictures, log_snrs, seed=2):
    """Squared error of the guess of x0, of each picture at each noise level: (levels, pictures)."""
    noise, times = gaussian(seed, pictures.shape), path.time_at(log_snrs)
    guesses = [denoise(path.noised(pictures, noise, t), t) for t in times]
    return torch.stack([guess - pictures for guess in guesses]).square().mean((2, 3, 4))


def zeros(module, inputs, output):
    return 0 * output


def no_skip(block, inputs):
    return torch.cat([inputs[0][:, :24], 0 * inputs[0][:, 24:]], dim=1), inputs[1]


cuts = {"skip": (network.up[1][0].register_forward_pre_hook, no_skip)}
named = {"places": network.places.mix, "noise level": network.noise_level, "coarse grid": network.grow[0]}
cuts |= {name: (part.register_forward_hook, zeros) for name, part in named.items()}
cuts["attention"] = (network.attention.out.register_forward_hook, zeros)

# %% tags=["nbval-ignore-output"] reason="weights trained here differ between processors"
whole, worse = errors(model, held_out.pixels[:200], log_snrs).mean(1), {}
chart = Chart("One part silenced", "log-SNR  (left: noise, right: data)", "error, as a multiple", y_scale="log")
chart.y_ticks, chart.y_limits = (1, 2, 3, 5, 10), (0.9, 16)
for (name, (register, silence)), marker in zip(cuts.items(), "os^Dv", strict=True):
    hook = register(silence)
    worse[name] = errors(model, held_out.pixels[:200], log_snrs).mean(1) / whole
    hook.remove()
    chart.line(log_snrs, worse[name], name, MODEL, "-", marker)
show_charts(chart, height=3.8)

# %% [markdown]
# *Error in $x_0$ on held-out digits with one part silenced, over that of the whole network.*

# %%
print("without the skip: more than twice the error at log-SNR 0?", "yes" if worse["skip"][3] > 2 else "no")
print("without the coarse grid: more than 1.2 times?", "yes" if worse["coarse grid"][3] > 1.2 else "no")
spared = (worse["attention"] - 1).abs().max() < 0.02
print("without attention: less than 2 % of a difference at every level?", "yes" if spared else "no")
assert worse["skip"][3] > 2 and worse["coarse grid"][3] > 1.2 and spared

# %% [markdown]
# **Attention does nothing here.** A likely reason: on 4 × 4 places the convolutions see nearly everything anyway. On
# larger grids that is not so. (A silenced part is not a missing one: a network trained without the skip would have
# found another way.)
#
# ## 4 · Are they any good?
#
# Your eye is quick, but it cannot count. So we train a **judge**: a small classifier of real digits, which looks at a
# picture, turns it into 48 numbers (its **features**), and those into a probability for each of the ten classes.

# %%
from course_utils.evaluation.classifier import train_classifier

judge = train_classifier(train)


def look(pictures):
    """The judge's mean confidence (probability of its first choice), and its choices: a number and (N,)."""
    sure, choice = judge.probabilities(pictures).max(dim=1)
    return float(sure.mean()), choice


right = (look(held_out.pixels)[1] == held_out.labels).double().mean()
print("does the judge know more than 97 % of the held-out digits?", "yes" if right > 0.97 else "no")
assert right > 0.97

# %% tags=["nbval-ignore-output"] reason="weights trained here differ between processors"
sure, choice = look(samples)
seen = {"held out": look(held_out.pixels), "samples": (sure, choice), "pure noise": look(gaussian(9, (600, 1, 8, 8)))}
for name, (confidence, _) in seen.items():
    print(f"mean confidence, {name}: {confidence:.3f}")
share = {name: torch.bincount(choices, minlength=10) / 600 for name, (_, choices) in seen.items()}
chart = Chart("What 600 pictures show", "digit, in the judge's eyes", "share", y_limits=(0, 0.2))
for name, colour, marker, aside in (("held out", DATA, "s", -0.1), ("samples", MODEL, "o", 0.1)):
    spread = (share[name] * (1 - share[name]) / 600).sqrt()
    chart.dots(torch.arange(10) + aside, share[name], name, colour, spread, marker)
chart.x_ticks = tuple(range(10))
show_charts(chart)

# %% [markdown]
# *Share of each digit, with one standard deviation of such a count.* All ten occur, but not quite as often as they
# should.

# %%
print("samples: mean confidence above 0.88?", "yes" if sure > 0.88 else "no")
print("below that of held-out digits?", "yes" if sure < seen["held out"][0] else "no")
balanced = bool((share["samples"] > share["held out"] / 3).all())
print("is no digit rarer than a third of what it is among real ones?", "yes" if balanced else "no")
assert 0.88 < sure < seen["held out"][0] and balanced

# %% [markdown]
# The judge is fairly sure of *pure noise*, too: it has to choose one of ten, and was never shown anything else. And
# confidence asks each picture alone; a model that draws one perfect seven would win. So compare *crowds*, in the
# judge's features: take each crowd for one Gaussian, with mean $m$ and covariance $C$. The **Fréchet distance** of two
# Gaussians is what it costs, squared, to move one onto the other:
#
# $$|m_a - m_b|^2 + \operatorname{tr}\left(C_a + C_b - 2\,(C_a C_b)^{1/2}\right)$$
#
# In one dimension that is $(m_a - m_b)^2 + (s_a - s_b)^2$, with $s$ the standard deviations. (With Inception's features
# for the judge's, it is called FID.) The trace of the root is the sum of the roots of the eigenvalues of $C_a C_b$:


# %%
from course_utils.evaluation.distances import nearest_distances
from course_utils.evaluation.sets import frechet_distance


def frechet(a, b):
    """Fréchet distance of two sets of features, (N, d) and (M, d)."""
    a, b = a.double(), b.double()
    covariances = a.T.cov(), b.T.cov()
    shared = torch.linalg.eigvals(covariances[0] @ covariances[1]).real.clamp(min=0).sqrt().sum()
    return float((a.mean(0) - b.mean(0)).square().sum() + sum(c.trace() for c in covariances) - 2 * shared)


real = judge.features(held_out.pixels)
gap = abs(frechet(judge.features(samples), real) - frechet_distance(judge.features(samples), real))
print("is it the library's frechet_distance, to 0.001?", "yes" if gap < 1e-3 else "no")
assert gap < 1e-3

# %% [markdown]
# Two sets of real digits are not at distance 0 either: that is the **floor**. **Predict:** where between the
# floor and noise are the samples?

# %%
crowds = {"training digits (the floor)": train.pixels[:600], "samples": samples,
          "training digits, noisy (t = 0.3)": path.noised(train.pixels[:600], gaussian(3, (600, 1, 8, 8)), 0.3),
          "pure noise": gaussian(9, (600, 1, 8, 8))}  # fmt: skip
far = {name: frechet_distance(judge.features(pictures), real) for name, pictures in crowds.items()}
floor, ours, noisy, nothing = far.values()
print("samples: farther than the floor?", "yes" if ours > floor else "no")
print("nearer than four times the floor, and than noisy real digits?", "yes" if ours < min(4 * floor, noisy) else "no")
assert floor < ours < min(4 * floor, noisy) and noisy < nothing

# %% tags=["nbval-ignore-output"] reason="weights trained here differ between processors"
for name, distance in far.items():
    print(f"{distance:7.1f}  {name}")

# %% [markdown]
# *Fréchet distance of 600 pictures to the 600 held out. Its units are this judge's: compare within one judge and one
# number of pictures only.* So: good, and not perfect.
#
# **Are they copies?** A model that hands out training digits would reach the floor. So for each sample find the
# nearest training digit, pixel by pixel. How near is near? The held-out digits tell: they cannot be copies.

# %% tags=["nbval-ignore-output"] reason="weights trained here differ between processors"
show_pictures(samples[:12], columns=12, colour=MODEL)

# %% tags=["nbval-ignore-output"] reason="weights trained here differ between processors"
nearest = torch.cdist(samples[:12].flatten(1), train.pixels.flatten(1)).argmin(1)
show_pictures(train.pixels[nearest], columns=12)

# %% [markdown]
# *Twelve samples (orange); below each, the training digit that is nearest to it (blue).*

# %%
made, fresh = (nearest_distances(pictures.clamp(-1, 1), train.pixels) for pictures in (samples, held_out.pixels))
for name, part in {"the median sample": 0.5, "the nearest twentieth": 0.05}.items():
    further = made.quantile(part) > fresh.quantile(part)
    print(f"{name}: further from the training set than that of the held-out digits?", "yes" if further else "no")
    assert further

# %% [markdown]
# No sign of copies, by this ruler (exercise 4 doubts it). They are even a little *further* from the training digits
# than real new ones, speckles and all: not copying is not the same as being right.
#
# ## 5 · Where the loss comes from
#
# The loss is a mean over noise levels, and a mean hides. So look at each level, with two lazy denoisers beside
# ours: one answers the mean training digit whatever it sees, one leaves $x_t$ alone and answers $x_t / \alpha_t$.
# **Predict:** at which noise levels does the network beat both clearly?

# %%
log_snrs = torch.linspace(-8, 8, 9, dtype=torch.float64)
mean_digit = train.pixels.mean(0)
lazy = {"the mean digit": (held_out.pixels - mean_digit).square().mean().expand(9),
        "leave it alone": torch.exp(-log_snrs)}  # fmt: skip
sets = {"training": train.pixels[:600], "held out": held_out.pixels}
at_end = {name: errors(model, pictures, log_snrs) for name, pictures in sets.items()}
to_velocity = path.sensitivity("velocity", path.time_at(log_snrs)) ** 2  # 1 / t², from x0 to velocity
drawn = torch.exp(-((log_snrs / (2 * trainer.loss.time_std)) ** 2) / 2)  # density of the training's levels, largest: 1

# %% tags=["nbval-ignore-output"] reason="weights trained here differ between processors"
labels = ("log-SNR  (left: noise, right: data)", "mean squared error")
left = Chart("in x0", *labels, y_scale="log", y_limits=(2e-4, 1))
for (name, values), style in zip(lazy.items(), (":", "--"), strict=True):
    left.line(log_snrs, values, name, EXACT, style)
left.line(log_snrs, at_end["held out"].mean(1), "the network", MODEL, "-", "o")
right = Chart("in velocity", *labels, y_limits=(0, 1.7))
right.line(log_snrs, drawn, "where training draws", NOISE, "-")
right.line(log_snrs, at_end["held out"].mean(1) * to_velocity, "held out", MODEL, "-", "o")
right.line(log_snrs, at_end["training"].mean(1) * to_velocity, "training", DATA, "--")
show_charts([left, right], height=3.8)

# %% [markdown]
# *Error at nine noise levels. Left: in $x_0$, on held-out digits, with the two lazy denoisers (black). Right: in
# velocity, $1/t^2$ times that; grey, how often training draws a level (its largest value set to 1).*

# %%
ratio = at_end["held out"].mean(1) / torch.minimum(*lazy.values())
print("most noise: within 15 % of the mean digit's error?", "yes" if abs(ratio[0] - 1) < 0.15 else "no")
print("log-SNR 0: less than half the error of the better lazy one?", "yes" if ratio[4] < 0.5 else "no")
print("least noise: no better than leaving x_t alone?", "yes" if ratio[-1] > 0.98 else "no")
rare = float(2 * torch.special.ndtr(torch.tensor(-6 / (2 * trainer.loss.time_std))))
print(f"share of the training's draws beyond log-SNR -6 and 6: {rare:.1%}")
with torch.no_grad():
    first_guess = model(gaussian(2, held_out.pixels.shape), 1.0)
odd = (first_guess - held_out.pixels).square().mean() / lazy["the mean digit"][0]
print("t = 1 itself: more than 1.3 times the mean digit's error?", "yes" if odd > 1.3 else "no")
apart = (at_end["held out"].mean(1) / at_end["training"].mean(1)).max()
print("held out: nowhere more than 15 % worse than in training?", "yes" if apart < 1.15 else "no")
assert apart < 1.15 and abs(ratio[0] - 1) < 0.15 and ratio[4] < 0.5 and ratio[-1] > 0.98 and odd > 1.3

# %% [markdown]
# On the left noise hides everything, and the best answer *is* the mean. On the right the network has learned nothing:
# training hardly ever looked there, and held its weight $1/t^2$ to 25 (at log-SNR 8 it would be 3,000). In between the
# digit is decided, and there training draws its levels.
#
# At $t = 1$ training never was, and the guess is worse than the mean digit: the odd first guess of the film. Neither
# end does much harm. At the start a sampler's step (one of 20) takes one twentieth of the guess and keeps the rest of
# the noise; at the end $x_t$ is nearly a picture.
#
# Training and held-out digits lie close together: little has been learned by heart.
#
# ## 6 · A moving average of weights
#
# The trainer keeps a second set of weights, $\bar w \leftarrow d\,\bar w + (1 - d)\,w$ after each step, with $d =
# 0.99$: the mean of about the last hundred steps (**EMA**, exponential moving average). Section 3 did the same by hand
# for one layer:

# %%
gap = (average - trainer.ema.network.outlet.weight).abs().max()
print("are both averages equal, to 1e-6?", "yes" if gap < 1e-6 else "no")
assert gap < 1e-6

# %% [markdown]
# What is it good for? At each of three neighbouring steps, a third into the training and at its end, we draw 300
# samples with the weights as they are and with the average. **Predict:** where does it matter more?


# %%
def quality(denoise, step=dpm_solver, steps=8, seed=7):
    """Fréchet distance of 300 samples to the held-out digits, and the judge's mean confidence."""
    pictures = generate(denoise, 300, steps, step, seed)
    return frechet_distance(judge.features(pictures), real), look(pictures)[0]


moments = {"a third in": (140, 160, 180), "at the end": (440, 460, 480)}
scores = {when: torch.tensor([[quality(m) for m in kept[k]] for k in steps]) for when, steps in moments.items()}
floor_300 = sum(frechet_distance(judge.features(part), real) for part in train.pixels[:900].split(300)) / 3

# %% tags=["nbval-ignore-output"] reason="weights trained here differ between processors"
for when, score in scores.items():  # (3 steps, weights or average, distance or confidence)
    for k, which in enumerate(("weights", "average")):
        distances = "  ".join(f"{value:4.0f}" for value in score[:, k, 0].tolist())
        print(f"{when}, {which}: distance {distances}, mean confidence {score[:, k, 1].mean():.3f}")
print(f"floor of 300 pictures: {floor_300:.0f}")

# %%
(raw, mean), (raw_end, mean_end) = (score[:, :, 0].mean(0).tolist() for score in scores.values())
print("a third in: does the average save a fifth of the distance or more?", "yes" if mean < 0.8 * raw else "no")
print("at the end: are both equal within 30 %?", "yes" if 1 / 1.3 < mean_end / raw_end < 1.3 else "no")
assert mean < 0.8 * raw and 1 / 1.3 < mean_end / raw_end < 1.3

# %% [markdown]
# Early the learning rate is high, the weights jump about a good place, and their average sits in it. At the end the
# plan has let the rate fall to a hundredth, so the weights have come to rest by themselves. So an average is worth most
# if you do not know when you will stop. (The judge's confidence alone would not have told you.)
#
# ## 7 · Samplers and steps
#
# Lesson 03 measured samplers with a perfect denoiser. Now ours is not perfect. **Predict:** with many calls of the
# network, which one is best: those without chance, or `ddpm`, which adds fresh noise in each step?

# %%
budgets = {"ddim": (2, 4, 8, 16), "heun": (2, 4, 8, 16), "dpm_solver": (2, 4, 8, 16), "ddpm": (2, 4, 8, 16, 32)}
found = {}
for name, calls in budgets.items():  # Heun's first and last step call the network once, all others twice
    steps = [count // 2 + 1 if name == "heun" else count for count in calls]
    found[name] = torch.tensor([quality(model, SAMPLERS[name], count, seed=5) for count in steps])  # (budgets, 2)

# %% tags=["nbval-ignore-output"] reason="weights trained here differ between processors"
charts = [Chart("Fréchet distance", "calls of the network", "distance to held-out digits", "log", "log"),
          Chart("The judge's confidence", "calls of the network", "mean confidence", "log")]  # fmt: skip
charts[0].y_ticks = (10, 20, 50, 100, 200)
for part, chart in enumerate(charts):
    chart.x_ticks = budgets["ddpm"]
    for (name, values), style, marker in zip(found.items(), ("-", "--", "-.", ":"), "os^D", strict=True):
        chart.line(budgets[name], values[:, part], name, MODEL, style, marker)
    real_value = (floor_300, seen["held out"][0])[part]
    chart.line((2, 32), (real_value, real_value), "real digits", DATA, "--")
show_charts(charts, height=4.0)

# %% [markdown]
# *300 samples of each, from the same noise; blue, what 300 real digits give. At 2 calls the three without chance are
# one method: the first step and the last are DDIM's in each.*

# %%
distance = {name: values[:, 0].tolist() for name, values in found.items()}
quick = all(distance[name][2] < 0.9 * distance["ddim"][2] for name in ("heun", "dpm_solver"))
print("8 calls: are both samplers of order 2 better than DDIM by a tenth?", "yes" if quick else "no")
flat = all(0.8 < distance[name][3] / distance[name][2] < 1.25 for name in ("heun", "dpm_solver"))
print("from 8 to 16 calls they gain less than a fifth?", "yes" if flat else "no")
print("2 calls: is ddpm the worst?", "yes" if distance["ddpm"][0] == max(v[0] for v in distance.values()) else "no")
caught_up = distance["ddpm"][4] < 1.2 * min(distance[name][-1] for name in ("ddim", "heun", "dpm_solver"))
print("32 calls: is ddpm the best of all, or less than a fifth behind?", "yes" if caught_up else "no")
assert quick and flat and distance["ddpm"][0] == max(v[0] for v in distance.values()) and caught_up

# %% [markdown]
# Samplers without chance soon reach what *this model's* ODE can give: more calls change nothing, and what is left to
# the floor is the model's fault. `ddpm` starts last, and at 32 calls it has caught up, or gone further: look at your
# chart. How far it goes differs from training to training. Exercise 4 of lesson 03 named a reason: fresh noise pulls
# the crowd back to where it should be, and so mends errors of the denoiser, if they can be mended.
#
# ## Exercise 2 · The point of no return
#
# Put noise on held-out digits up to time `start`, then sample from there. How many are still, in the judge's eyes, the
# digit they were? Change `start` until half of them are. What does it have to do with the charts of section 5?

# %% tags=["nbval-ignore-output"] reason="you change this cell, and weights differ between processors"
start = 0.3
x_t = path.noised(held_out.pixels[:200], gaussian(4, (200, 1, 8, 8)), start)
again = last(sample(model, x_t, start * time_grid(path, 8), dpm_solver)).x_t
share_kept = (look(again)[1] == held_out.labels[:200]).double().mean()
print(f"from t = {start}: {share_kept:.0%} are still the digit they were")

# %% [markdown]
# <details><summary>One answer</summary> Between 0.6 and 0.7, a log-SNR of about −1. In section 5 the network's error
# begins to leave that of the mean digit at about −3, and has halved soon after 0: while the best guess is the mean of
# all, little of the digit is left in <i>x<sub>t</sub></i>. From 0.9 on you are near one in ten, which is chance.
# </details>
#
# ## 8 · Write your name
#
# The same class, a richer set: capital letters in 775 faces of 332 open type families (66 more are held out), 16 × 16
# pixels ([makers and licences](../data/glyphs16/ATTRIBUTION.md)). Two arguments change. `patch=2` cuts the picture into
# patches of 2 × 2, so that the work is done on 8 × 8 places, as with the digits.
# `conditioner=on_labels(26)` makes room for a **condition**: which letter it should be. It becomes a vector, which is
# added to that of the noise level. Lesson 06 explains what training and `guided` do with it.

# %% tags=["nbval-ignore-output"] reason="the picture shows times, and weights differ between processors"
from course_utils.networks.conditioning.labels import on_labels

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
faces = glyphs(LETTERS)
torch.manual_seed(0)
network = UNet(2, channels=(32, 64), patch=2, blocks=1, conditioner=on_labels(26))
plan = Plan(steps=180, batch_size=64, learning_rate=5e-3, ema_decay=0.98)
loss, watch = Denoising(weight_limit=25.0, drop_condition=0.15), LiveTraining(plan.steps)
writer = Trainer(Denoiser(network, path, prediction="velocity"), plan, loss)


def write(labels, noise, scale=2.0):
    """One letter for each label (N,), from noise (N, 1, 16, 16)."""
    return last(sample(guided(writer.ema, labels, scale), noise, time_grid(path, 12), dpm_solver)).x_t


for progress in writer.run(batches(faces.pixels, faces.labels)):
    watch.add(*progress)
    if progress.step % 60 == 0:
        watch.show(write(torch.arange(4), gaussian(1, (4, 1, 16, 16))), ["A", "B", "C", "D"])

# %% [markdown]
# *Loss, and four letters of the moving average, always from the same noise.* **Now change the word.** Each row has its
# own noise; run it with another `seed`, too.

# %% tags=["nbval-ignore-output"] reason="you change this cell, and weights differ between processors"
word, seed = "NOISE", 0
labels = torch.tensor([LETTERS.index(letter) for letter in word.upper() if letter in LETTERS]).repeat(3)
written = write(labels, gaussian(seed, (len(labels), 1, 16, 16)))
show_pictures(written, columns=len(labels) // 3, colour=MODEL)

# %% [markdown]
# *Your word three times, in letters that nobody designed.* The speckles are the network's: it trained for
# seconds only, and predicts the velocity, noise and all. Lesson 08 predicts $x_0$ instead. Does a judge of letters read
# what was asked for?

# %%
reader, other_faces = train_classifier(faces), glyphs(LETTERS, test=True)
knows = (reader(other_faces.pixels).argmax(1) == other_faces.labels).double().mean()
asked, noise = torch.arange(26).repeat(6), gaussian(2, (156, 1, 16, 16))
read = {}
for scale in (1.0, 2.0):
    read[scale] = (reader.probabilities(write(asked, noise, scale)).argmax(1) == asked).double().mean()
print("does it know more than 90 % of the letters of families that it never saw?", "yes" if knows > 0.9 else "no")
print("guidance 2: are more than 88 % of the letters read as asked?", "yes" if read[2.0] > 0.88 else "no")
print("more than without guidance?", "yes" if read[2.0] > read[1.0] else "no")
assert knows > 0.9 and read[2.0] > 0.88 and read[2.0] > read[1.0]

# %% [markdown]
# ## 9 · Between two noises
#
# A sampler without chance makes one picture of each noise. So what lies between two noises? The straight line
# between $a$ and $b$ is **lerp**: $(1 - w)\,a + w\,b$. **Predict:** half way, how long is that, compared with noise?

# %%
from course_utils.diffusion.noise import WAYS

weights, lengths = torch.linspace(0, 1, 7), {}
pairs = [gaussian(seed, (2, 1, 16, 16)) for seed in range(200)]
for name, way in WAYS.items():
    lengths[name] = torch.tensor([[way(*pair, float(w)).norm() for w in weights] for pair in pairs])  # (200, 7)
chart = Chart("Length of what lies between", "weight w", "norm", y_limits=(0, 20))
for name, style, marker in (("lerp", "--", "s"), ("slerp", "-", "o")):
    chart.line(weights, lengths[name].mean(0), name, NOISE, style, marker)
show_charts(chart.line((0, 1), (16, 16), "√256 = 16", EXACT, ":"))

# %% [markdown]
# *Mean norm over 200 pairs of noises of 16 × 16. Slerp, the other curve, goes round along an arc; its formula follows.*

# %%
near = abs(lengths["lerp"][:, 3].mean() / 16 - 0.5**0.5) < 0.01
print("half way, lerp: √½ of the norm of noise, to 0.01?", "yes" if near else "no")
narrow = lengths["slerp"].std() / lengths["slerp"].mean() < 0.06
print("slerp: does the norm stay, scattering by less than 6 %, as that of noise does?", "yes" if narrow else "no")
assert near and narrow

# %% [markdown]
# Noise in many dimensions is a *sphere*: 256 numbers of variance 1 have a norm of 16, give or take 4 %. Two noises are
# nearly at right angles, and the straight line between them cuts through the inside, where no noise ever is.
# **Slerp** goes round, along the arc. With $\theta$ the angle between $a$ and $b$:
#
# $$\operatorname{slerp}(a, b, w) = \frac{\sin((1 - w)\,\theta)}{\sin\theta}\, a +
# \frac{\sin(w\,\theta)}{\sin\theta}\, b, \qquad \cos\theta = \frac{a \cdot b}{|a|\,|b|}$$
#
# ## Exercise 3 · Slerp
#
# Write it, for two tensors of one shape, whatever the shape: the angle is between the whole noises.


# %%
def slerp(a, b, weight):
    """The point at `weight`, from 0 to 1, on the arc from a to b: tensors of one shape; returns that shape."""
    ### BEGIN SOLUTION
    cosine = (a * b).sum() / (a.norm() * b.norm())
    angle = torch.arccos(cosine)
    return (torch.sin((1 - weight) * angle) * a + torch.sin(weight * angle) * b) / torch.sin(angle)
    ### END SOLUTION


# %%
lesson_04.slerp.check(slerp)

# %% [markdown]
# The usual advice is slerp, and the usual reason that lerp's pictures are washed out. Are they? **Predict:** what will
# the denoiser make of a noise that is too quiet?

# %% tags=["nbval-ignore-output"] reason="weights trained here differ between processors"
label = torch.full((7,), LETTERS.index("G"))
rows = [write(label, torch.stack([way(*pairs[2], float(w)) for w in weights]), scale=1.0) for way in WAYS.values()]
titles = [f"{name}\nw = {w:.2f}" for name in WAYS for w in weights]
show_pictures(torch.cat(rows), titles, 7, MODEL)

# %% [markdown]
# *Between two noises, as the letter G, without guidance: along the arc (above) and along the line (below). To the eye
# hardly a difference.* Now count: 156 letters from points half way between two noises, and from fresh noise.

# %% tags=["nbval-ignore-output"] reason="weights trained here differ between processors"
starts = {"noise": noise} | {name: torch.stack([way(*p, 0.5) for p in pairs[:156]]) for name, way in WAYS.items()}
table = {}
for name, start in starts.items():
    pictures = write(asked, start, scale=1.0)
    as_asked = (reader.probabilities(pictures).argmax(1) == asked).double().mean()
    contrast = pictures.flatten(1).std(dim=1).mean()
    variety = pictures.reshape(6, 26, -1).std(dim=0).mean()  # between six pictures of the same letter
    table[name] = (as_asked, contrast, variety)
    print(f"{name:>6}: read as asked {as_asked:.2f}, contrast {contrast:.2f}, variety {variety:.2f}")

# %%
kept_up = table["slerp"][2] > 0.93 * table["noise"][2]
print("slerp: as varied as from fresh noise, within 7 %?", "yes" if kept_up else "no")
print("lerp: at least 15 % less varied than slerp?", "yes" if table["lerp"][2] < 0.85 * table["slerp"][2] else "no")
print("washed out: is its contrast lower by a tenth?", "yes" if table["lerp"][1] < 0.9 * table["slerp"][1] else "no")
print("is it read as asked more often?", "yes" if table["lerp"][0] > table["slerp"][0] else "no")
assert kept_up and table["lerp"][2] < 0.85 * table["slerp"][2] and table["lerp"][1] > 0.9 * table["slerp"][1]
assert table["lerp"][0] > table["slerp"][0]

# %% [markdown]
# Not washed out: **ordinary**. A quiet noise pulls the guess less to any side, so what comes is a more typical letter:
# easier to read, and all alike. So slerp is right for another reason than the eye's: pictures from the arc are as
# varied as samples are, those from the line are not. Touch it:

# %% tags=["nbval-ignore-output"] reason="a live control, drawn by the kernel"
from course_utils.widgets import NoiseInterpolation

NoiseInterpolation(writer.ema, (1, 16, 16), list(LETTERS))

# %% [markdown]
# *The noise at the chosen weight, the letter it becomes, its standard deviation, and the row between both ends.*
#
# ## Exercise 4 · Think
#
# A colleague brings a model of digits with a Fréchet distance at the floor, a confidence of 0.99 and all classes in
# balance. What could still be wrong? Name two things, and what you would measure.
#
# <details><summary>One answer</summary> It may copy: training digits themselves have all these marks. Measure the
# distance of samples to the nearest training digit, beside that of held-out ones. But pixels are a poor ruler: a copy
# moved by one pixel is far away, so measure in the judge's features as well, and with shifted copies. And the judge is
# blind to what it ignores: it was taught to tell a 3 from an 8, not whether a stroke looks like ink. A Gaussian of its
# features misses all that is not a mean or a covariance. Look at pictures, too. </details>
#
# ## Three misconceptions, each with a cell that refutes it
#
# **"A confident judge means good samples."** Give it the mean digit of each class, sixty times over:

# %%
means = torch.stack([train.pixels[train.labels == k].mean(0) for k in range(10)]).repeat(60, 1, 1, 1)
sure_of_means, far_of_means = look(means)[0], frechet_distance(judge.features(means), real)
print("ten blurred pictures: more confident than in our samples?", "yes" if sure_of_means > sure else "no")
print("more than twice as far in Fréchet distance?", "yes" if far_of_means > 2 * ours else "no")
assert sure_of_means > sure and far_of_means > 2 * ours

# %% [markdown]
# **"A low Fréchet distance means that the model makes new things."** The perfect copier draws from the training set:

# %%
rows = torch.randint(len(train.pixels), (600,), generator=torch.Generator().manual_seed(0))
copies = train.pixels[rows]
print("Fréchet distance: below that of our samples?",
      "yes" if frechet_distance(judge.features(copies), real) < ours else "no")  # fmt: skip
print("new pictures among them:", int((nearest_distances(copies, train.pixels) > 1e-3).sum()))
assert frechet_distance(judge.features(copies), real) < ours

# %% [markdown]
# **"The loss tells how good the samples are."** The weights of section 6, a third into the training and at its end, on
# the same held-out digits, noise and times:

# %%
from course_utils.diffusion.losses import denoising_loss

with torch.no_grad():
    t = torch.sigmoid(gaussian(9, (600,)))
    batch = held_out.pixels, gaussian(8, (600, 1, 8, 8)), t
    losses = [[denoising_loss(kept[k][0], *batch, weight_limit=25.0) for k in steps] for steps in moments.values()]
fall = float(sum(losses[1]) / sum(losses[0]))
print("is the loss at the end lower by less than a fifth?", "yes" if 0.8 < fall < 1 else "no")
print("and the Fréchet distance by more than half?", "yes" if raw_end < raw / 2 else "no")
assert 0.8 < fall < 1 and raw_end < raw / 2

# %% [markdown]
# ## What you now know
#
# 1. To noise, paths and samplers a picture is a point; only the network knows that it has rows and columns.
# 2. A U-Net sees the whole on a coarse grid and keeps the details in skips; it looks far where there is much noise.
# 3. Samples are judged as a crowd, beside a floor of real ones, and for copies beside held-out ones.
# 4. The loss hides where it comes from; a moving average of weights pays most while the learning rate is high.
# 5. Few calls: a sampler of order 2. Many calls: fresh noise catches up, and may go further than any ODE.
#
# **Sources.** Ronneberger et al., *U-Net*, arXiv 1505.04597; Ho et al., arXiv 2006.11239 (appendix B: the blocks and
# the moving average); Dhariwal and Nichol, arXiv 2105.05233 (section 3.1: scale and shift); Vaswani et al., arXiv
# 1706.03762 (eq. 1, attention); Heusel et al., arXiv 1706.08500 (eq. 6, the Fréchet distance); Karras et al., arXiv
# 2206.00364 (section 4, why fresh noise helps); Shoemake, *Animating Rotation with Quaternion Curves*, SIGGRAPH 1985
# (slerp); Alpaydin and Kaynak, *Optical Recognition of Handwritten Digits*, UCI 1998.
#
# **Next:** [05 · Diffusion against GANs](05_gans_compared.ipynb): the rival, in a fair test.
