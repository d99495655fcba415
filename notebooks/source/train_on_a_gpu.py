# %% [markdown]
# # Train it yourself on a free GPU
#
# {{badges}} · {{measured}}
#
# Lesson 08 trains a small model in the time that a laptop has. Here you train the large one: the network of the shipped
# model `shapes32`, from nothing, with its own config, for as many seconds as you give it. The cells are the same on
# every machine; how near you come to the shipped model depends on what yours does in those seconds, and section 4
# counts it. In a CPU's seconds you get blobs. (What is saved here was made on a CPU. The cells have been tried on a
# simulated card, and on no real one yet.)
#
# **You need** lesson 08. **To get a GPU in Colab:** in the menu, *Runtime › Change runtime type*, choose a GPU, *Save*;
# then run all cells (*Runtime › Run all*). It costs nothing, but needs a Google account, and Colab decides how long you
# may keep the machine. At home an NVIDIA card is found by itself.

# %%
import platform
import sys
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from course_utils.diffusion.denoiser import parameter_count
from course_utils.diffusion.device import free_memory, precision_of
from course_utils.diffusion.losses import LOSSES
from course_utils.diffusion.sampling import last
from course_utils.diffusion.training import LOOKS, Trainer
from course_utils.geometry.matter import coverage_of
from course_utils.geometry.voxels import to_occupancy
from course_utils.models.checkpoints import load_checkpoint, save_checkpoint
from course_utils.models.config import Config
from course_utils.models.prompting import batches, sampling_states
from course_utils.models.recipes import procedural_shapes, source_of
from course_utils.places import CHECKPOINTS
from course_utils.plots import film, live, stills
from course_utils.plots.style import DATA

# %% [markdown]
# ## 1 · What there is
#
# An NVIDIA card that is found is used; otherwise the CPU. (On a Mac you may write `device = "mps"` below. We have not
# tried it.)

# %% tags=["nbval-ignore-output"] reason="it describes the machine that it runs on"
device = "cuda" if torch.cuda.is_available() else "cpu"
name = torch.cuda.get_device_name() if device == "cuda" else f"{platform.machine()}, {torch.get_num_threads()} threads"
free = free_memory(device)
print(f"device: {device} ({name})")
print("free memory:", f"{free / 1e9:.1f} GB on the card" if free else "that of the computer")
print("it multiplies in:", precision_of(device) or torch.float32)

# %% [markdown]
# On a card the network multiplies in half precision, where its tensor cores are quickest: in `bfloat16` if the card
# knows it; older cards, such as the T4, in `float16`. That knows only small numbers, so the trainer scales the loss.
# Weights and their average stay in float32. **You change nothing for that:** `Trainer(…, device)` decides.
#
# How long do you want to wait? These are the only numbers that depend on the device, and they are yours to change.

# %%
budgets = {  # seconds: of training.  pause: between two looks.  each: shapes of each family to count with, at the end
    "cpu": {"seconds": 20, "pause": 5, "count": 2_200, "batch_size": 8, "each": 2},
    "mps": {"seconds": 120, "pause": 20, "count": 11_000, "batch_size": 16, "each": 4},
    "cuda": {"seconds": 600, "pause": 30, "count": 22_000, "batch_size": 32, "each": 16},
}
budget = SimpleNamespace(**budgets[device])

# %% [markdown]
# ## 2 · The plan of the shipped model

# %%
shipped = Config.read("shapes32")
print(shipped.about)
for part in ("data", "network", "loss"):
    print(f"{part:>9}:", getattr(shipped, part).to_dict())
for part in ("plan", "sampling"):
    print(f"{part:>9}:", asdict(getattr(shipped, part)))

# %% [markdown]
# Lesson 08 explains all of it: patches, the shift of the noise, the average of the weights. (`course.py train shapes32`
# reads the same file.) We change the number of shapes, the batch and, soon, the steps, as the budget says.

# %%
from course_utils.models.training import begun

data = replace(shipped.data, arguments=shipped.data.arguments | {"count": budget.count})
config = replace(shipped, name="my-shapes32", about="Trained in notebooks/train_on_a_gpu.ipynb", data=data)
config = config.with_plan(batch_size=budget.batch_size)
model = begun(config)  # random weights, from the plan's seed, but for the sketch of the facts (lesson 09)
theirs, about = load_checkpoint(CHECKPOINTS / "shapes32", device)
print(f"{parameter_count(model):,} numbers to learn")
print("is it the network of the shipped model?", "yes" if config.network == about.network else "no")
assert config.network == about.network

# %% tags=["nbval-ignore-output"] reason="times and the number of shapes depend on the machine"
import time

start = time.perf_counter()
source = source_of(config)
print(f"{len(source.values):,} shapes made in {time.perf_counter() - start:.1f} s, {source.values.nbytes / 1e6:.0f} MB")

# %%
told = source.given[:12, 0, : len(config.classes)].int().argmax(1)  # of each the family; the rest are facts
names = [config.classes[k] for k in told.tolist()]
stills.show_voxels(coverage_of(source.values[:12]) > 0.5, names, columns=6, colour=DATA)

# %% [markdown]
# *The first twelve of the shapes it learns from.* In training they lie on the card, if they fit there, and each batch is
# drawn there: nothing has to be sent while it trains.
#
# ## 3 · Train for so many seconds
#
# The learning rate rises, and then falls until the last step: a training that is cut off in the middle never settles. So
# before we begin we must know how many steps will fit. The first steps tell: they belong to the training, and a clock
# runs along. (A hundred steps are taken in any case: fewer would show nothing.)

# %%
LEAST = 100  # steps


def fit_into(seconds, trainer, draw):
    """Take the first steps, give the plan as many as fit into the seconds at that speed, return the steps taken."""
    few = 5 if trainer.device.type == "cpu" else LOOKS
    taken = list(trainer.run(draw, until=few))  # slow: the device gets ready
    before = trainer.seconds
    taken += trainer.run(draw, until=2 * few)
    per_step = (trainer.seconds - before) / few
    fitting = max(LEAST, trainer.step + int((seconds - trainer.seconds) / per_step))
    trainer.plan = replace(trainer.plan, steps=min(fitting, trainer.plan.steps))
    return taken

# %% [markdown]
# Then the loop, as in lesson 08. One thing is new: on a card the loss is computed long after Python has asked for it,
# and whoever prints it after every step makes Python wait for the card. So the trainer reads the losses of `LOOKS` steps
# at once (`progress.read`), and only then do we look at the clock. (On the CPU, every step.)

# %%
def train_within(seconds, trainer, draw, watch, look, pause):
    """Train to the end of the plan or of the seconds, whichever comes first; look every `pause` seconds."""
    unread, looked = [], 0.0
    for progress in trainer.run(draw):
        unread.append(progress)
        if not progress.read:
            continue
        for one in unread:
            watch.add(*one)
        unread.clear()
        late = progress.seconds > seconds and progress.step >= LEAST
        over = late or progress.step == trainer.plan.steps
        if over or progress.seconds > looked + pause:
            watch.show(*look())
            looked = progress.seconds
        if over:
            break

# %% [markdown]
# At each look we ask the moving average of the weights for four shapes, always from the same seeds. **Predict:** which
# of the four will be recognisable first, and which last?

# %%
def shapes_of(model, families, seeds):
    """One shape for each family and seed, float fields (B, 32, 32, 32) on the CPU, as the config samples."""
    parts = zip(batches(families), batches(seeds), strict=True)
    made = [last(sampling_states(model, config, *part)).x_t[:, 0].cpu() for part in parts]
    return torch.cat(made)


def look(watched=("sofa", "car", "chair", "airplane")):
    return shapes_of(trainer.ema, watched, [0] * len(watched)), watched

# %% tags=["nbval-ignore-output"] reason="the picture shows times, and weights differ between processors"
trainer = Trainer(model, config.plan, LOSSES[config.loss.kind](**config.loss.arguments), device)
taken = fit_into(budget.seconds, trainer, source.draw)
watch = live.LiveTraining(trainer.plan.steps)
for progress in taken:
    watch.add(*progress)
train_within(budget.seconds, trainer, source.draw, watch, look, budget.pause)

# %% [markdown]
# *Loss on a logarithmic scale, and four shapes from the average of the weights.*

# %% tags=["nbval-ignore-output"] reason="how many steps fit depends on the machine"
seen = trainer.step * trainer.plan.batch_size
print(f"{trainer.step:,} steps of {trainer.plan.steps:,} planned, in {trainer.seconds:.0f} of {budget.seconds} s")
print(f"{seen / trainer.seconds:.0f} shapes per second; each was seen {seen / len(source.values):.1f} times")
whole = shipped.plan.steps * shipped.plan.batch_size
print(f"that is {seen / whole:.2%} of the {whole:,} that the shipped model was shown")
print(f"all of them would take this machine {whole / seen * trainer.seconds / 3600:.1f} hours at this speed")
begin, end = sum(watch.losses[:10]) / 10, sum(watch.losses[-10:]) / 10
print(f"loss: {begin:.2f} in the first ten steps, {end:.2f} in the last ten")

# %%
print("is the loss lower than where it began?", "yes" if end < begin else "no")
assert end < begin

# %% [markdown]
# ## 4 · Yours beside the shipped one
#
# Same noise, same wish, same sampler, same guidance; only the weights differ. `each` seeds of each family:

# %% tags=["nbval-ignore-output"] reason="weights trained here differ between processors"
families = [family for family in config.classes for _ in range(budget.each)]
seeds = list(range(len(families)))
fields = {"yours": shapes_of(trainer.ema, families, seeds), "shipped": shapes_of(theirs, families, seeds)}
first = torch.stack([both[:: budget.each] for both in fields.values()], dim=1).flatten(0, 1)
stills.show_fields(first, [f"{family}, {who}" for family in config.classes for who in fields], columns=8)

# %% [markdown]
# *One seed of each family, not chosen; yours on the left of each pair.* An empty place is an empty shape: thin ones come
# last, for they are so few voxels that "nothing but air" costs little. Now count:
#
# - *empty*: nothing but air;
# - *in one piece*, crumbs left out;
# - *recognised*: among hundreds of real shapes of all families, the most alike (by IoU) is one of the family that you
#   asked for;
# - *most alike*: the mean IoU with that real shape.
#
# As always beside the **oracle**, real shapes in the place of made ones. None of the real shapes was trained on.

# %%
from course_utils.evaluation.distances import nearest_iou
from course_utils.evaluation.shapes import one_piece

wanted = np.array([config.classes.index(family) for family in families])
real, labels = (part.numpy() for part in procedural_shapes(config, 1_100, first_index=50_000))
others, others_labels = (part.numpy() for part in procedural_shapes(config, len(wanted), first_index=60_000))


def counts(shapes, labels_of_shapes):
    """How many of the shapes are empty, in one piece and recognised, and their mean IoU with the most alike."""
    iou, index = nearest_iou(shapes, real)
    filled = shapes.any((1, 2, 3))
    recognised = filled & (labels[index] == labels_of_shapes)
    return (~filled).sum(), one_piece(shapes).sum(), recognised.sum(), iou.mean()

# %% tags=["nbval-ignore-output"] reason="weights trained here differ between processors"
made = {who: (to_occupancy(shapes), wanted) for who, shapes in fields.items()} | {"real": (others, others_labels)}
found = {who: counts(*shapes) for who, shapes in made.items()}
print(f"of {len(families):<6} empty   one piece   recognised   most alike")
for who, (empty, pieces, recognised, alike) in found.items():
    print(f"{who:>9} {empty:5} {pieces:11} {recognised:12} {alike:12.2f}")
print("is yours recognised as often as the shipped one?", "yes" if found["yours"][2] >= found["shipped"][2] else "no")
print(f"by chance, one family in {len(config.classes)}: {len(families) / len(config.classes):.0f}")

# %%
for who, least in (("shipped", 0.7), ("real", 0.8)):
    enough = found[who][2] >= least * len(families)
    print(f"{who}: are at least {least:.0%} recognised?", "yes" if enough else "no")
    assert enough

# %% [markdown]
# If the shipped model is ahead of yours, it has seen more shapes (section 3). There are two ways to see more: wait
# longer, or find a quicker machine. (A model may tie with it in these counts and still be worse: they look at the bulk
# of a shape, and thin legs are a small part of that.)
#
# Turn them. The three families in which yours came nearest to a real shape, each beside the shipped model's:

# %% tags=["nbval-ignore-output"] reason="weights trained here differ between processors"
near = nearest_iou(made["yours"][0][:: budget.each], real)[0].argsort(descending=True)[:3].tolist()
pairs = [(f"{config.classes[k]}, {who}", fields[who][k * budget.each]) for k in near for who in ("shipped", "yours")]
titles, shown = zip(*reversed(pairs), strict=True)
film.shape_film(shown, titles)

# %% [markdown]
# *Drag the shape to turn it, the slider to go from yours to the shipped one of the same seed.*
#
# ## 5 · Take it home
#
# A checkpoint is a folder: the averaged weights, the config, and a card that says how it was made. It is written all at
# once or not at all, and replaces the one of your last run.

# %% tags=["nbval-ignore-output"] reason="times, steps and the machine stand in the card"
from course_utils.models.card import card
from course_utils.models.training import how_made

facts = how_made(trainer, source.values, []) | {"command": "notebooks/train_on_a_gpu.ipynb"}
mine = replace(config, plan=replace(trainer.plan, steps=trainer.step), made=facts)
folder = Path("my-shapes32")
save_checkpoint(folder, trainer.ema, mine, card(mine))
print((folder / "README.md").read_text(encoding="utf-8"))

# %% [markdown]
# Is it still the same model? Its weights are now in half precision. We load it, and ask both for the shape that came
# nearest to a real one, from the same seed:

# %% tags=["nbval-ignore-output"] reason="weights trained here differ between processors"
again, _ = load_checkpoint(folder, device)
wish, seed = config.classes[near[0]], seeds[near[0] * budget.each]
before, after = (shapes_of(one, [wish], [seed])[0] for one in (trainer.ema, again))
alike = float(((before > 0) == (after > 0)).float().mean())
print(f"{wish}, seed {seed}: {alike:.3%} of the voxels are what they were before it was saved")

# %%
print("more than 99 % of them?", "yes" if alike > 0.99 else "no")
assert alike > 0.99

# %% [markdown]
# So much for half precision. `models.generate` takes the folder, mends small gaps and writes a mesh; so does the command
# line, for people without a notebook (`python3 course.py generate … --model FOLDER`). Twice, to see that a seed is a
# shape:

# %% tags=["nbval-ignore-output"] reason="weights trained here differ between processors"
from course_utils import models
from course_utils.cli.main import main

files = [Path("my_shape.glb"), Path("my_shape_again.glb")]
shape = models.generate(wish, seed, model=folder, show_progress=False)
print(f"{files[0]}: {shape.save(files[0])}")
main(["generate", wish, "--seed", str(seed), "--model", str(folder), "--out", str(files[1])])
stills.contact_sheet([shape.render(320)], [f"{wish}, seed {seed}"])

# %%
print("twice the same file?", "yes" if files[0].read_bytes() == files[1].read_bytes() else "no")
assert files[0].read_bytes() == files[1].read_bytes()

# %% [markdown]
# In Colab the next cell downloads both, the model as a zip: the machine and its disk are gone when the session ends.

# %%
if "google.colab" in sys.modules:
    import shutil

    from google.colab import files as colab

    colab.download(shutil.make_archive(str(folder), "zip", folder))
    colab.download(str(files[0]))
else:
    print(f"they lie beside this notebook: {folder}/ and {files[0]}")

# %% [markdown]
# ## 6 · All the way
#
# Section 3 printed how long the whole plan takes at your machine's speed. That is a longer sitting than this notebook,
# and Colab may end a session before. So train with the command line, which saves as it goes, and let it write to your
# Google Drive. In a cell of its own:
#
# ```
# from google.colab import drive
# drive.mount("/content/drive")
# !cd /content/noise-to-shape && python -m course_utils train shapes32 --out /content/drive/MyDrive/shapes32
# ```
#
# When the session has ended, open a new one, run Colab's first cell and these lines again: the same command continues
# at the step where it was saved last, and gives what an uninterrupted training would have given. (A state that was
# killed and continued is tested; a Drive is not.) At home the command is `python3 course.py train shapes32`.
#
# With several cards, or several machines, see [Several GPUs, several machines](../docs/clusters.md).
# [What a GPU should bring](../docs/gpu.md) predicts what each card makes of this, and `python3 course.py gpu-check` holds
# yours against it.
