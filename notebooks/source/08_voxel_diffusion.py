# %% [markdown]
# # 08 · A voxel diffusion model
#
# {{badges}} · {{measured}}
#
# ![Shapes made by the model that section 8 compares yours with](images/shapes.png)
#
# **After this lesson you can**
# - train a 3D diffusion model from nothing on your own machine, and watch shapes appear while it learns;
# - say which two decisions make that possible on a laptop;
# - sample shapes, film them, and judge them by counting instead of by liking.
#
# **You need** lesson 00; a convolution and a gradient step should not be new to you.
# Symbols: [notation](../docs/notation.md).

# %%
import torch

from course_utils.datasets.shapes import make_shapes
from course_utils.exercises import lesson_08
from course_utils.geometry.voxels import component_count, keep_largest, to_model
from course_utils.noise import gaussian
from course_utils.paths import FlowPath
from course_utils.plots import film, live, stills

# %% [markdown]
# ## 1 · The data: as many shapes as we like
#
# Real 3D models are scarce and have licences. So we let a small program draw furniture: each seed is one piece, its
# sizes and parts drawn at random. We take three massive families at 16 voxels a side: the quickest to learn.

# %%
families = ("sofa", "bed", "shelf")
data = make_shapes(3000, resolution=16, families=families)
voxels, labels = torch.from_numpy(data.voxels), torch.arange(3000) % len(families)  # they take turns
print("voxels", tuple(voxels.shape), "filled:", f"{voxels.float().mean():.0%}")
stills.show_voxels(voxels[:12], data.captions[:12], columns=6)

# %% [markdown]
# *Twelve of the three thousand, with the captions that lesson 09 will use.*
#
# Inside the model a voxel is a number: −1 empty, +1 filled. `to_model` turns (N, 16, 16, 16) truth values into
# (N, 1, 16, 16, 16) numbers: batch, channel, height (from the ground), depth (from the front), width (from the left).

# %% [markdown]
# ## 2 · The path: how a sofa drowns
#
# We use the straight path of lesson 00, $x_t = (1 - t)\,x_0 + t\,\text{noise}$. **Predict:** up to which $t$ will you
# still see the sofa?

# %%
x0 = to_model(voxels[:1])
path, noise = FlowPath(), gaussian([1], (1, 16, 16, 16))
levels = (0.0, 0.3, 0.5, 0.7, 0.85, 1.0)
stills.show_noisy([path.noised(x0, noise, t)[0, 0] for t in levels], [f"t = {t}" for t in levels], columns=6)

# %% [markdown]
# *A side view of one slice of the noisy sofa: blue is above 0, grey below, white at 0.* At t = 0.5 back and seat can
# still be guessed, although you see only one slice of sixteen. Where a shape is plain to see there is little to
# learn. So we will draw training times from a distribution that leans towards the noise (`time_mean=1` below).

# %% [markdown]
# ## 3 · The network: a U-Net with one argument changed
#
# A U-Net looks at the grid at several scales, from fine to coarse and back. Ours is one class for 1, 2 and 3
# dimensions: images and voxels differ in a single argument.

# %%
from course_utils.denoiser import Denoiser, parameter_count
from course_utils.networks.unet import UNet

for dimensions in (2, 3):
    network = UNet(dimensions, channels=(32, 64), patch=2, blocks=1, classes=len(families))
    grid = (16,) * dimensions
    out = network(torch.zeros(1, 1, *grid), torch.zeros(1))
    print(f"{dimensions}D: grid {grid} -> {tuple(out.shape[2:])}, {parameter_count(network):,} parameters")

# %% [markdown]
# **First decision: patches.** `patch=2` cuts the grid into blocks of 2 × 2 × 2 before anything else happens, so all
# convolutions run on 8³ = 512 places instead of 4,096. **Predict:** how much faster does that make it?

# %% tags=["timing"]
import time

batch, level = to_model(voxels[:16]), torch.zeros(16)
seconds = {}
for patch in (1, 2):
    network = UNet(3, channels=(32, 64), patch=patch, blocks=1)
    network(batch, level)
    start = time.perf_counter()
    network(batch, level)
    seconds[patch] = time.perf_counter() - start
print(f"16 shapes forward: {seconds[1]:.2f} s without patches, {seconds[2]:.3f} s with")

# %%
print("at least three times faster?", "yes" if seconds[1] > 3 * seconds[2] else "no")
assert seconds[1] > 3 * seconds[2]

# %% [markdown]
# ## 4 · The loss: guess the shape, pay for the velocity
#
# **Second decision: the network predicts $x_0$,** the clean shape, and not the noise. Clean shapes are simple (flat,
# closed, −1 or +1); noise has as many dimensions as the grid, and would have to squeeze through the patches.
#
# But an error costs more where the noise is low: we measure it in the *velocity* $\dot x_t = \text{noise} - x_0$.
# Since $x_t = (1-t)\,x_0 + t\,\text{noise}$, we can write the velocity as $(x_t - x_0)/t$, so an error in $x_0$
# counts $1/t$ times. Near $t = 0$ that would explode, so we stop at $t = 0.05$:
#
# $$L = \operatorname{mean}\left[\left(\frac{D(x_t, t) - x_0}{\max(t,\, 0.05)}\right)^2\right]$$
#
# ## Exercise 1 · The loss
#
# Write $L$, given the prediction. `x0_prediction` and `x0` have shape (B, ...), `t` has shape (B,).

# %%
def velocity_loss(x0_prediction, x0, t):
    """Mean squared error in velocity space. x0_prediction, x0: (B, ...); t: (B,); returns a scalar."""
    ### BEGIN SOLUTION
    t = t.clamp(min=0.05).reshape(-1, *[1] * (x0.ndim - 1))
    return ((x0_prediction - x0) / t).square().mean()
    ### END SOLUTION


# %%
lesson_08.velocity_loss.check(velocity_loss)

# %% [markdown]
# The library's `training_loss` does the same for every path and every kind of prediction. On ours it must give the
# same number as the formula, and it does:

# %%
from course_utils.training import Plan, Trainer, batches, training_loss

torch.manual_seed(0)
denoiser = Denoiser(UNet(3, channels=(32, 64), patch=2, blocks=1, classes=len(families)), path, prediction="x0")
x0, t = to_model(voxels[:16]), torch.rand(16)
noise = torch.randn(x0.shape)
error = denoiser(path.noised(x0, noise, t), t) - x0
by_hand = (error / t.clamp(min=0.05).reshape(16, 1, 1, 1, 1)).square().mean()
difference = abs(training_loss(denoiser, x0, noise, t) / by_hand - 1)
print("the library's loss is the formula's (to 1e-5):", "yes" if difference < 1e-5 else "no")
assert difference < 1e-5

# %% [markdown]
# ## 5 · Train it, here and now
#
# The loop is a generator: it yields after every step, and *we* decide what happens then. Every seventieth step we ask
# the model for a sofa, a bed and a shelf, always from the same noise, and redraw the picture.
#
# Steps with little noise are rare, but weigh up to 400: in a training as short as this a few of them rule a batch. We
# stop the weight $1/t^2$ at 25, that is at $t = 0.2$ (`weight_limit=25`; exercise 3 leaves it out).
#
# **Predict:** which of sofa, bed and shelf will be recognisable first?

# %%
from course_utils.sampling import ddpm, guided, last, sample, time_grid


def generate(model, label, seeds, steps=12, guidance_scale=2.0):
    """Shapes of one class, float fields (len(seeds), 16, 16, 16), inside is above 0."""
    times, condition = time_grid(model.path, steps, shift=3.0), torch.full((len(seeds),), label)
    noise = gaussian(seeds, (1, 16, 16, 16))
    return last(sample(guided(model, condition, guidance_scale), noise, times, ddpm, seed=seeds)).x_t[:, 0]


# %% tags=["nbval-ignore-output"] reason="the picture shows times, and weights differ between processors"
plan = Plan(steps=420, batch_size=8, learning_rate=2e-3, time_mean=1.0, weight_limit=25.0, ema_decay=0.99)
trainer = Trainer(denoiser, plan)
watch = live.LiveTraining(plan.steps)
for progress in trainer.run(batches(voxels, labels, to_model)):
    watch.add(*progress)
    if progress.step % 70 == 0:
        watch.show([generate(trainer.ema, label, [5])[0] for label in range(len(families))], families)

# %% [markdown]
# *Loss on a logarithmic scale, and one shape of each family from the moving average of the weights (EMA).* The loss
# falls quickly, then slowly. If you ran the cell, you saw the shapes change while the curve looked flat: **do not judge
# a diffusion model by its loss alone.**

# %%
first, final = sum(watch.losses[:20]) / 20, sum(watch.losses[-20:]) / 20
print("is the loss below a quarter of where it began?", "yes" if final < first / 4 else "no")
assert final < first / 4

# %% [markdown]
# ## 6 · Sample: eighteen shapes from your own model
#
# The sampler is the one of lesson 00. It never asks what the array stands for.

# %% tags=["nbval-ignore-output"] reason="weights trained here differ between processors"
mine = {name: generate(trainer.ema, label, list(range(6))) for label, name in enumerate(families)}
stills.show_fields(torch.cat(list(mine.values())), [name for name in families for _ in range(6)], columns=6)

# %% [markdown]
# *Eighteen shapes that no one has drawn.* Massive sofas come out best; among beds and shelves whole boards may float in
# the air. Here is one of them
# forming, step by step:

# %% tags=["nbval-ignore-output"] reason="weights trained here differ between processors"
sofa = guided(trainer.ema, torch.tensor([0]), guidance_scale=2.0)
states = sample(sofa, gaussian([2], (1, 16, 16, 16)), time_grid(path, 12, shift=3.0), ddpm, seed=[2])
film.sampling_film(states)

# %% [markdown]
# ## 7 · Is it any good? Count
#
# A piece of furniture is *one* piece. So a first, merciless test counts connected pieces, and asks which share of the
# volume the largest one holds. And a model that only copies would give shapes of the training set again, so we also
# look for the nearest one, by intersection over union.
#
# ## Exercise 2 · Intersection over union
#
# `a` and `b` are truth values of the same shape. Return the number of voxels in both, divided by the number in at
# least one; two empty grids agree, so their IoU is 1.

# %%
def voxel_iou(a, b):
    """Intersection over union of two bool grids, a number from 0 to 1."""
    ### BEGIN SOLUTION
    union = (a | b).sum()
    return float((a & b).sum() / union) if union else 1.0
    ### END SOLUTION


# %%
lesson_08.voxel_iou.check(voxel_iou)


# %%
def judge(fields, references):
    """Shares in one piece but for crumbs under 1 %, of volume in the largest piece, and mean IoU of the nearest."""
    whole, share, nearest = 0, 0.0, 0.0
    for field in fields.numpy():
        filled = field > 0
        largest = keep_largest(field) > 0
        share += largest.sum() / max(filled.sum(), 1) / len(fields)
        whole += (largest.sum() >= 0.99 * filled.sum()) / len(fields)
        both, either = (references & largest).sum((1, 2, 3)), (references | largest).sum((1, 2, 3))
        nearest += (both / either).max() / len(fields)
    return whole, share, nearest


# %% [markdown]
# ## 8 · A short training beside a longer one
#
# The shipped model is the same network class with one more level, and two blocks a level instead of one, on a grid
# twice as fine, with twice the families, trained for longer. Same data generator, same loss, same sampler.
# **Predict:** which column below will separate the two models most?

# %% tags=["nbval-ignore-output"] reason="weights trained here differ between processors"
from course_utils.checkpoints import load_checkpoint

shipped, about = load_checkpoint("../data/checkpoints/shapes32")
print(f"shipped: {about['made']['minutes']:.0f} minutes on {about['made']['device']}; mine: {progress.seconds:.0f} s")
condition = torch.tensor([about["classes"].index(name) for name in families]).repeat_interleave(6)
seeds, times = [*range(6)] * 3, time_grid(path, 16, shift=3.0)
larger_noise = gaussian(seeds, (1, 32, 32, 32))
theirs = last(sample(guided(shipped, condition, 2.0), larger_noise, times, ddpm, seed=seeds)).x_t[:, 0]
stills.show_fields(theirs, [name for name in families for _ in range(6)], columns=6)

# %% tags=["nbval-ignore-output"] reason="weights trained here differ between processors"
reference = {16: data.voxels, 32: make_shapes(1200, 32, families).voxels}
fields = {"mine, 16³": torch.cat(list(mine.values())), "shipped, 32³": theirs}
scores = {name: judge(field, reference[field.shape[-1]]) for name, field in fields.items()}
print("                  one piece   largest piece   nearest drawn shape")
for name, (whole, share, nearest) in scores.items():
    print(f"{name:>14}  {whole:11.0%}  {share:14.1%}  {nearest:16.2f} IoU")

# %% [markdown]
# *The last column looks among the drawn shapes on the model's own grid (at 16³ its training data, 1,000 a family; 400
# at 32³): do not compare its two rows.*

# %%
whole, share, nearest = scores["mine, 16³"]
print("mine: does the largest piece hold more than 85 % of the volume?", "yes" if share > 0.85 else "no")
print("mine: are the shapes new, nearest IoU below 0.95 on average?", "yes" if nearest < 0.95 else "no")
print("shipped: more than 95 % of the volume in one piece?", "yes" if scores["shipped, 32³"][1] > 0.95 else "no")
assert share > 0.85 and nearest < 0.95 and scores["shipped, 32³"][1] > 0.95

# %% [markdown]
# **What a short training cannot do.** Compare the two sheets: ours has blunt edges, missing parts, and sometimes
# crumbs. Three things help, all without a new idea: more steps, more shapes, a finer grid. This command trains such a
# model on all eleven families; it saves as it goes, continues where it stopped, and uses an NVIDIA GPU if there is one:
#
# ```
# python3 course.py train families32
# ```

# %% [markdown]
# ## 9 · Keep one
#
# One of yours, as a mesh: the sofa with the fewest pieces.

# %% tags=["nbval-ignore-output"] reason="weights trained here differ between processors"
from course_utils.geometry.mesh import is_watertight, save_mesh, smooth_mesh

best = min(mine["sofa"].numpy(), key=lambda field: component_count(field > 0))
mesh = smooth_mesh(keep_largest(best), smoothing=0.6)
save_mesh(mesh, "sofa_of_mine.glb")
film.isosurface_figure(keep_largest(best))

# %%
print("watertight?", "yes" if is_watertight(mesh) else "no")
assert is_watertight(mesh)

# %% [markdown]
# *Drag it. `sofa_of_mine.glb` lies beside this notebook: it opens in Blender or a game engine.*
#
# ## Exercise 3 · Change one thing
#
# Train again with `prediction="noise"` in the `Denoiser` of section 4, nothing else changed, and look at the shapes.
# Then set it back and try, in the plan of section 5, `time_mean=-1.0`; then no `weight_limit`. Which of the three hurts
# most? And what happens to thin legs: put `"chair"` among the families. (Run again from section 1 for the chair, from
# section 4 for the others.)
#
# ## Exercise 4 · Think
#
# At guidance scale 1 the model's shapes are more varied, at 2 they are cleaner. What is going on?
#
# <details><summary>One answer</summary>
# Guidance moves each guess away from what the model would say without the class. Where the classes disagree, it
# exaggerates; what is typical for the class becomes more so, and what is rare gets rarer. Lesson 06 measures it.
# </details>

# %% [markdown]
# ## Three misconceptions, each with a cell that refutes it
#
# **"3D needs another algorithm than points or images."** Here are points on a ring, in 2D. Path, loss, loop and sampler
# are the ones above; only the array has another shape.

# %%
from course_utils.networks.mlp import MLP

torch.manual_seed(0)
ring = torch.randn(4000, 2)
ring = ring / ring.norm(dim=1, keepdim=True)
points = Trainer(Denoiser(MLP(), path), Plan(steps=400, batch_size=256, ema_decay=0.99))
list(points.run(batches(ring)))
made = last(sample(points.ema, gaussian(0, (1000, 2)), time_grid(path, 20))).x_t
off = (made.norm(dim=1) - 1).abs().mean()
print("points from the same code: on average within 0.1 of the ring?", "yes" if off < 0.1 else "no")
assert off < 0.1

# %% [markdown]
# **"The loss must go to zero."** It cannot: from a noisy shape the clean one is not determined. At $t = 1$ the input
# says nothing at all, and the best possible guess is the average shape, with an error that no training removes. Ours
# is on its way there:

# %%
mean_shape = to_model(voxels).mean(0)
floor = (to_model(voxels) - mean_shape).square().mean()
guess = trainer.ema(gaussian(list(range(64)), (1, 16, 16, 16)), 1.0)
distance = (guess - mean_shape).square().mean()
print("at t = 1, is our guess nearer to the mean shape than real shapes are?", "yes" if distance < floor else "no")
assert distance < floor

# %% [markdown]
# **"A guess that is closest on average is a good sample."** The mean of all sofas has the smallest possible squared
# error, and many of its voxels are undecided: it is no sofa. One step of sampling stops at the first guess, which for a
# perfect denoiser would be that mean (ours, so shortly trained, is ragged); many steps decide.

# %% tags=["nbval-ignore-output"] reason="weights trained here differ between processors"
mean_sofa = to_model(voxels[labels == 0]).mean(0)[0]
one_step = generate(trainer.ema, 0, [3, 4], steps=1, guidance_scale=1.0)
titles = ["mean of all sofas", "1 step", "1 step", "12 steps", "12 steps"]
stills.show_noisy([mean_sofa, *one_step, *generate(trainer.ema, 0, [3, 4])], titles, columns=5)

# %% [markdown]
# *A slice through each, from the side: blue is sofa, grey is air, and everything paler is undecided.*

# %% [markdown]
# ## What you now know
#
# 1. A voxel diffusion model is the model of the earlier lessons on an array with more axes.
# 2. Patches make it quick; predicting the clean shape makes it learn through patches.
# 3. The loss says little about the shapes; counting pieces and looking says more.
# 4. A short training on a laptop gives recognisable shapes at 16³; good ones at 32³ take longer, not other ideas.
# 5. The longer training is one command; it uses a GPU if there is one.
#
# **Sources.** Ho et al., arXiv 2006.11239 (algorithms 1 and 2); Lipman et al., arXiv 2210.02747 (eq. 22 with
# σ_min = 0, the path); Li and He, *Back to Basics*, arXiv 2511.13720 (predicting clean data from patches); Esser et
# al., arXiv 2403.03206 (eq. 19 and 23: logit-normal times, and the shift with resolution); Ronneberger et al., *U-Net*,
# arXiv 1505.04597 (figure 1).
#
# **Back to** [00 · Start here](00_start_here.ipynb).
