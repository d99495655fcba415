# %% [markdown]
# # 00 · Start here: a shape out of noise
#
# {{badges}} · {{measured}}
#
# ![Noise turns into a chair in sixteen steps](images/denoising.png)
#
# **After this lesson you can**
# - generate a 3D shape from nothing but random numbers, turn it, and save it as a mesh for Blender or a game engine;
# - say in one sentence what a diffusion model does, and check that sentence with a slider;
# - find your way through the course.
#
# **You need** a little Python, arrays, and the idea of a normal distribution. The self-test below takes two minutes.
# Symbols: [notation](../docs/notation.md).

# %%
import torch
from course_utils.diffusion.guidance import guided
from course_utils.diffusion.noise import gaussian
from course_utils.diffusion.sampling import ddpm, last, sample, time_grid
from course_utils.exercises import lesson_00
from course_utils.models.checkpoints import load_checkpoint
from course_utils.models.generated import finish, palette_for
from course_utils.models.prompting import condition_of
from course_utils.places import CHECKPOINTS
from course_utils.plots import film, stills

# %% [markdown]
# ## A chair, now
#
# The folder `data/checkpoints/shapes32` holds a small neural network that was trained on twenty families of shapes. It
# can do one thing only: look at a noisy shape and guess the clean one. We call it the
# **denoiser**.

# %%
denoiser, about = load_checkpoint(CHECKPOINTS / "shapes32")
print("it knows:", ", ".join(about.classes))
print(f"numbers learned: {sum(p.numel() for p in denoiser.parameters()):,}")

# %% [markdown]
# We give it pure noise: five cubes of 32 × 32 × 32 independent random numbers, with no chair in them at all. In the end
# the first will say how full each voxel is, and the others which part of the chair it belongs to: seat, legs, back or
# arms. (What these are made of is drawn from the seed: a palette, no work of the network.)
#
# **Predict:** the denoiser's very first guess sees only noise. Will it be a chair, a blob, or nothing? Decide, then run
# the cell and drag the slider to step 1.

# %% tags=["nbval-ignore-output"] reason="the last bits of a surface differ between processors"
def generate(family, seed, steps=16, guidance_scale=about.sampling.guidance_scale):
    """All the states between noise and a shape: the last one's x_t is the shape."""
    noise = gaussian([seed], (about.channels, 32, 32, 32))
    times = time_grid(denoiser.path, steps, about.sampling.shift)
    told = condition_of(about, [family])  # the family as numbers, for the network
    return sample(guided(denoiser, told, guidance_scale), noise, times, ddpm, seed=[seed])


chair = list(generate("chair", seed=3))
film.sampling_film(chair, colour=list(palette_for(about, "chair", 3).values()))

# %% [markdown]
# *Move the pointer onto the picture, and it comes alive: drag the slider through the steps, drag the shape to turn it.
# (A saved notebook plays too: no kernel is needed.)*
#
# **What you see.** At every step the denoiser guesses the clean shape, and that guess is what the film shows. The first
# guess is close to an average of all chairs that the noise does not rule out: only what most of them share is solid.
# Then we walk a little from the noise towards the guess, add a pinch of fresh noise, and ask
# again. Each answer rules out more, until one chair is left.
#
# That is the whole idea: **a diffusion model turns noise into data by many small steps, each made by a denoiser.**
# Everything else in this course explains why it works, and makes it better.

# %% [markdown]
# ## Same noise, another word
#
# We also told the denoiser *what* to see in the noise: the family. **Predict:** if the noise stays the same and only
# the word changes, will the results have anything in common?

# %% tags=["nbval-ignore-output"] reason="pictures of generated shapes differ in single voxels between processors"
def shape(family, seed, **how):
    """A shape in its colours, its loose bits removed and small gaps closed, as `course.py generate` does it."""
    x = last(generate(family, seed, **how)).x_t[0]
    return finish(x, family, seed, seed, family, palette_for(about, family, seed))


stills.show_shapes([shape(family, seed=7) for family in about.classes], about.classes, columns=5)

# %% [markdown]
# *Twenty words, one noise.* They have hardly anything in common that you could name: the word decides what it is, the
# noise which one of its kind. And the other way round: one word, six noises. Change `"chair"` or the seeds and run
# again.

# %% tags=["nbval-ignore-output"] reason="pictures of generated shapes differ in single voxels between processors"
assert torch.equal(gaussian([4], (5, 32, 32, 32)), gaussian([4], (5, 32, 32, 32)))  # a seed is a noise
stills.show_shapes([shape("chair", seed) for seed in range(6)], [f"seed {seed}" for seed in range(6)], columns=6)

# %% [markdown]
# *One word, six noises.* The seed picks the shape. The same seed gives the same noise on every machine, because the
# random numbers come from a generator that the course defines bit by bit (`course_utils/diffusion/noise.py`); and so, up to
# rounding in the network, the same shape.

# %% [markdown]
# Now you. This box does what the cells above do, with the same network and the same noise, but in your browser: ask it
# for what you like, "a red armchair" or just a lamp. (It takes `python3 course.py site`, once. Without it, and in a saved notebook, you see a film
# of one lamp; the course's site has the box on its front page.)

# %% tags=["nbval-ignore-output"] reason="the last bits of a surface differ between processors"
from course_utils.widgets import LiveModel

LiveModel("shapes32", "lamp", seed=5)

# %% [markdown]
# ## Take it home
#
# The result is a grid of numbers: above 0 is inside, below 0 is outside. The surface between the two is a **mesh**, and
# a mesh opens with its materials in Blender (*File › Import › glTF*), in Unity, Godot or Roblox Studio, and on a 3D
# printer.

# %% tags=["nbval-ignore-output"] reason="how many triangles a surface has differs between processors"
from course_utils.geometry.surface import is_watertight

mine = shape("chair", seed=3)
mine.export("my_chair.glb")
print(f"my_chair.glb: {len(mine.mesh.faces):,} triangles, of {', '.join(mine.materials.values())}")

# %%
print("is it one closed surface?", "yes" if is_watertight(mine.mesh) else "no")
assert is_watertight(mine.mesh)

# %% [markdown]
# The file lies beside this notebook. In a terminal the same is one line:
# `python3 course.py generate chair --seed 3 --out chair.glb`.
#
# **Why it matters.** A 3D artist models a chair like this in hours, or in minutes from a kit of parts. How long did the
# model take, on this machine?

# %% tags=["timing"]
import time

start = time.perf_counter()
last(generate("lamp", seed=1))
print(f"one lamp from noise: {time.perf_counter() - start:.1f} s")

# %% [markdown]
# Be fair to the artist: this shape has 32 voxels per side, and nobody asked what it is for. But it is one of endlessly
# many, and it can be asked for in words (lesson 09), begun by hand (09), or drawn (13).

# %% [markdown]
# ## How this course works
#
# | part | lessons | from | to |
# |---|---|---|---|
# | I · Noise | 01–03 | a cloud of points | a sampler that you wrote |
# | II · Images | 04–06 | handwritten digits | guidance by words |
# | III · Voxels | 07–11 | a cube of voxels | text to shape, in real time |
# | IV · The world | 12–16 | pictures and meshes | Blender, Roblox, living worlds |
#
# Every lesson has one rhythm: **predict, run, explain**. A question comes before the cell that answers it; answer it
# for yourself first, that is where the learning happens. Every claim is a computation that you can change. All
# lessons run on a laptop without a GPU. Exercises tell you at once whether you are right.
#
# Ready are this lesson and Parts I, II and III up to lesson 09; the first is
# [01 · Gaussian noise](01_gaussian_noise.ipynb). [08 · A voxel diffusion model](08_voxel_diffusion.ipynb) needs nothing
# but this one. The others are being written.

# %% [markdown]
# ## Is everything here?

# %% tags=["nbval-ignore-output"] reason="versions and machines are different everywhere"
from course_utils.models.doctor import examine

for finding in examine():
    print(finding)

# %% [markdown]
# ## Two minutes of self-test
#
# Answer in your head, then unfold.
#
# <details><summary><b>1.</b> <code>x</code> has shape (16, 2), <code>t</code> has shape (16,). What must you do before
# <code>t * x</code> multiplies row k by t[k]?</summary>
# Give t the shape (16, 1): <code>t[:, None] * x</code>. Arrays line up from the last axis.
# (<a href="https://numpy.org/doc/stable/user/basics.broadcasting.html">catch up: broadcasting</a>)</details>
#
# <details><summary><b>2.</b> You add two independent normal numbers with variances 1 and 4. What is the variance of the
# sum?</summary> 5: variances of independent numbers add up; widths do not.
# (<a href="https://en.wikipedia.org/wiki/Variance#Addition_and_multiplication_by_a_constant">catch up: variance</a>)
# </details>
#
# <details><summary><b>3.</b> f(x, y) = x² + 3y. What is its gradient, and where does it point?</summary>
# (2x, 3): in the direction in which f grows fastest.
# (<a href="https://en.wikipedia.org/wiki/Gradient">catch up: gradient</a>)</details>
#
# <details><summary><b>4.</b> What does <code>next(g)</code> do if <code>g</code> is a generator?</summary>
# It runs g up to its next <code>yield</code> and returns what was yielded. Our samplers are generators: you decide
# what happens between two steps. (<a href="https://docs.python.org/3/howto/functional.html#generators">catch up:
# generators</a>)</details>

# %% [markdown]
# ## Exercise 1 · Make something noisy
#
# A denoiser learns from shapes that we spoil ourselves. The simplest way mixes a shape `x0` with noise, half and half
# at $t = 1/2$:
#
# $$x_t = (1 - t)\, x_0 + t\, \text{noise}, \qquad t = 0 \text{ is data},\ t = 1 \text{ is noise.}$$
#
# Write it. `x0` and `noise` have shape (B, ...), any number of axes; `t` is a number or has shape (B,), one for each
# sample of the batch.

# %%
def noisy(x0, noise, t):
    """x_t on the straight path from x0 (t = 0) to noise (t = 1). x0, noise: (B, ...); t: a number or (B,)."""
    ### BEGIN SOLUTION
    t = torch.as_tensor(t)
    if t.ndim:
        t = t.reshape(-1, *[1] * (x0.ndim - 1))
    return (1 - t) * x0 + t * noise
    ### END SOLUTION


# %%
lesson_00.noisy.check(noisy)

# %% [markdown]
# ## Exercise 2 · How few steps are enough?
#
# Change `steps` until the chair falls apart, and find the smallest number that you would still show to friends.

# %% tags=["nbval-ignore-output"] reason="pictures of generated shapes differ in single voxels between processors"
steps = 4
stills.show_shapes([shape("chair", seed, steps=steps) for seed in range(3, 9)], columns=6)

# %% [markdown]
# ## Exercise 3 · Think
#
# Play the film again: the rough outline is settled early, edges and thin parts come last. Why in this order?
#
# <details><summary>One answer</summary>
# At high noise a single voxel tells nothing, but the average over many voxels still does: noise averages out, a seat
# does not. So the denoiser can decide about what is large long before it can decide about what is small. Lesson 01
# measures this as the signal-to-noise ratio, lesson 08 uses it to choose at which noise levels to train most.
# </details>

# %% [markdown]
# ## Three misconceptions, each with a cell that refutes it
#
# **"The model looks a stored chair up."** Its training chairs were drawn by a small program, one for every twentieth
# seed. Let the program draw all of them again, and look for the one that is nearest to ours. IoU, intersection over
# union, is 1 for equal shapes.

# %%
import numpy as np
from course_utils.datasets.shapes import make_shape

first, number = about.classes.index("chair"), about.data.arguments["count"]
seeds = range(first, number, len(about.classes))  # families take turns
learned = [make_shape("chair", seed) for seed in seeds]
drawn = np.stack([one.coverage > 0.5 for one in learned])
ours = mine.shape
iou = (drawn & ours).sum((1, 2, 3)) / (drawn | ours).sum((1, 2, 3))
print("a chair that was stored would have IoU 1. Is the nearest below 0.95?", "yes" if iou.max() < 0.95 else "no")
assert iou.max() < 0.95

# %% tags=["nbval-ignore-output"] reason="pictures of generated shapes differ in single voxels between processors"
titles = ["made from noise", f"nearest of {len(drawn):,}, IoU {iou.max():.2f}"]
stills.show_shapes([mine, learned[iou.argmax()]], titles)

# %% [markdown]
# **"More steps, better chairs."** The first models took a thousand. Are chairs of sixty-four steps better than those of
# sixteen? Lesson 07 builds a judge that looks for faults: a leg that is missing, a part that hangs in the air. How many
# of eight chairs have none, as the sampler leaves them?

# %% tags=["nbval-ignore-output"] reason="pictures of generated shapes differ in single voxels between processors"
from course_utils.datasets.shapes import faults

sound = {}
for steps in (4, 16, 64):
    made = [last(generate("chair", seed, steps)).x_t[0, 0].numpy() > 0 for seed in range(8)]
    sound[steps] = sum(not faults(one, "chair") for one in made)
    print(f"{steps:>2} steps: {sound[steps]} of 8 chairs without a fault")
patient = [shape("chair", seed, steps=64) for seed in range(6)]
stills.show_shapes(patient, [f"64 steps, seed {seed}" for seed in range(6)], columns=6)

# %% [markdown]
# *Sixty-four steps, the seeds of above.* Four steps are too few; four times sixteen bring little or nothing for four
# times the work. Steps cannot add what the denoiser has not learned. Lesson 03 is about steps, lesson 14 about numbers
# that judge.

# %% [markdown]
# **"The chair was hidden in the noise."** Then the word could not change it. The noise of seed 3 becomes a chair, a
# table or a lamp, as we please:

# %% tags=["nbval-ignore-output"] reason="pictures of generated shapes differ in single voxels between processors"
words = ("chair", "table", "lamp")
shapes = [shape(family, seed=3) for family in words]
stills.show_shapes(shapes, [f"{word}, seed 3" for word in words], columns=3)

# %%
the_chair, *others = (one.shape for one in shapes)
overlaps = [(the_chair & other).sum() / (the_chair | other).sum() for other in others]
different = max(overlaps) < 0.5
print("from one noise: are table and lamp other shapes (IoU with the chair below 0.5)?", "yes" if different else "no")
assert different

# %% [markdown]
# ## What you now know
#
# 1. A diffusion model is a denoiser, applied many times, from pure noise to data.
# 2. The denoiser guesses the clean shape at each step; early guesses are averages, late ones are decisions.
# 3. The seed picks the sample, the condition picks what it is a sample of.
# 4. Sixteen steps give a chair on a processor without a GPU; more steps do not replace a better denoiser.
# 5. A field of numbers becomes a closed mesh, and a mesh leaves the notebook.
#
# **Sources.** Ho et al., *Denoising Diffusion Probabilistic Models*, arXiv 2006.11239 (eq. 4 and algorithm 2); Lipman
# et al., *Flow Matching*, arXiv 2210.02747 (the straight mixture of exercise 1); Ho and Salimans, *Classifier-Free
# Guidance*, arXiv 2207.12598 (eq. 6, the `guidance_scale`).
#
# **Next:** [01 · Gaussian noise](01_gaussian_noise.ipynb): how a shape drowns, and how fast. In a hurry for 3D? Go to
# [08 · A voxel diffusion model](08_voxel_diffusion.ipynb) and train one yourself, in less than two minutes.
