"""The data that a config names: what to train on, and how a batch of it is drawn.

Procedural shapes with their classes or captions (lessons 08 and 09), a file of real ones, the facts
that a text names, that a shape shows, or that a model's guess of it shows. `course.py train` comes
here.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool3d

from course_utils.datasets.captions import LONGEST, fits, held_out, named_facts, told, true_facts
from course_utils.datasets.shapes import CLASSES, make_shapes
from course_utils.diffusion.sampling import guided, time_grid
from course_utils.diffusion.steering import INTERVAL, full_or_empty
from course_utils.diffusion.training import Draw, batches
from course_utils.files.reading import read_npz
from course_utils.geometry.voxels import to_model
from course_utils.models.checkpoints import load_checkpoint
from course_utils.models.config import Config
from course_utils.networks.text import Vocabulary
from course_utils.places import ROOT


class Guessed(NamedTuple):
    """What `draw_guesses` needs beside facts: shapes, bool (N, D, H, W), captions of each, tokens
    (N, W, length), and the model that guesses, with its config."""

    voxels: Tensor
    tokens: Tensor
    denoiser: nn.Module
    config: Config


def training_data(config: dict, file: Path | None):
    """The config's training shapes: bool (N, D, H, W) and labels (N,), or None if there is one
    class.
    """
    classes, about = config["classes"], config["data"]
    if about["kind"] in ("procedural", "captioned", "facts", "seen", "guessed"):
        first, count = about["first_index"], about["count"]
        made = make_shapes(count, config["resolution"], classes, first)
        if about["kind"] == "captioned":
            return captioned(made, config["words"], about["wordings"], about.get("means", False))
        if about["kind"] == "facts":
            return facts_of_texts(made, config["words"], about["wordings"])
        if about["kind"] == "seen":
            return facts_of_shapes(made)
        if about["kind"] == "guessed":
            facts, voxels = facts_of_shapes(made)
            model = load_checkpoint(ROOT / about["model"])
            return facts, Guessed(
                voxels, captioned(made, model[1].words, about["wordings"])[1], *model
            )
        # families take turns; labels count in this config's classes, whatever else the generator
        # knows
        return torch.from_numpy(made.voxels), torch.arange(first, first + count) % len(classes)
    if file is None:
        raise ValueError(
            f"{config['name']} needs {about['file']}, which is not ours to ship; give it with"
            " --data"
        )
    archive = read_npz(file)
    if archive.resolution != config["resolution"] or not set(classes) <= set(archive.classes):
        raise ValueError(
            f"{file} holds {archive.resolution}^3 voxels of {', '.join(archive.classes)}; the"
            f" config wants {config['resolution']}^3 of {', '.join(classes)}"
        )
    number = {archive.classes.index(name): k for k, name in enumerate(classes)}
    rows = [
        i for i, label in enumerate(archive.labels) if label in number and not archive.is_test[i]
    ]
    labels = torch.tensor([number[archive.labels[i]] for i in rows]) if len(classes) > 1 else None
    return torch.from_numpy(archive.voxels(rows)), labels


def captioned(made, words: list[str], wordings: int, means: bool = False):
    """Shapes without the held-out ones, bool (N, D, H, W), and several captions each.

    The captions are tokens (N, W, length). With `means` they come with what `draw_means` needs: for
    each caption the shapes of its family that it is true of, as bits (N, W, bytes), and the
    families as labels (N,).
    """
    kept, vocabulary = ~held_out(made), Vocabulary(words)
    tokens = torch.full((len(kept), wordings, LONGEST), -1)
    named = []
    for wording in range(wordings):
        texts, facts = zip(*told(made, wording), strict=True)
        encoded = vocabulary.encode(texts)
        tokens[:, wording, : encoded.shape[1]] = encoded
        named.append(facts)
    voxels, tokens = torch.from_numpy(made.voxels[kept]), tokens[kept]
    if not means:
        return voxels, tokens
    members = [
        np.flatnonzero(kept & (made.labels == label)) for label in range(made.labels.max() + 1)
    ]
    bits = np.zeros((len(kept), wordings, -(-max(map(len, members)) // 8)), dtype=np.uint8)
    for rows in members:
        own = [made.attributes[row] for row in rows]
        for wording in range(wordings):
            packed = fits(own, [named[wording][row] for row in rows])
            bits[rows, wording, : packed.shape[1]] = packed
    return voxels, (tokens, torch.from_numpy(bits[kept]), torch.from_numpy(made.labels[kept]))


def facts_of_texts(made, words: list[str], wordings: int):
    """Several captions of each shape that is not held out: the facts named, bool (N W, facts);
    tokens (N W, length).
    """
    kept = ~held_out(made)
    texts, named = zip(
        *(pair for seed in range(wordings) for pair in told(made, seed)), strict=True
    )
    rows = np.tile(kept, wordings)
    facts = named_facts([CLASSES[label] for label in made.labels] * wordings, named)[rows]
    tokens = torch.full((len(texts), LONGEST), -1)
    encoded = Vocabulary(words).encode(texts)
    tokens[:, : encoded.shape[1]] = encoded
    return torch.from_numpy(facts), tokens[torch.from_numpy(rows)]


def facts_of_shapes(made):
    """For each shape that is not held out: the facts true of it, bool (N, facts), and its voxels,
    bool (N, D, H, W).
    """
    kept = ~held_out(made)
    return torch.from_numpy(true_facts(made)[kept]), torch.from_numpy(made.voxels[kept])


def draw_from(voxels, condition):
    """What a trainer draws batches from, made of what `training_data` gives.

    Voxels with labels (N,), with one of the texts in (N, W, length), or without condition; or facts
    (N, facts) with the text (N, length) that names them, the voxels (N, D, H, W) that show them, or
    a model that guesses them (`Guessed`).
    """
    if isinstance(condition, Guessed):
        return on_cpu(draw_guesses(voxels, *condition))
    if isinstance(condition, tuple):
        return on_cpu(draw_means(to_model(voxels), *condition))
    if condition is None or condition.ndim == 1:
        return batches(voxels, condition, to_model)
    if condition.ndim == 2:
        return batches(voxels, condition, lambda facts: 2.0 * facts - 1)
    if condition.ndim == 4:
        return on_cpu(draw_ragged(voxels, condition))
    texts, wordings = condition.flatten(0, 1), condition.shape[1]
    return batches(torch.arange(len(texts)), texts, lambda row: to_model(voxels[row // wordings]))


def on_cpu(draw: Draw) -> Draw:
    """The same draws for a generator on any device: drawn on the CPU, and sent there."""

    def sent(generator: torch.Generator, count: int):
        own, device = generator, generator.device
        if device.type != "cpu":
            seed = torch.randint(2**31, (1,), generator=generator, device=device)
            own = torch.Generator().manual_seed(int(seed))
        return tuple(None if part is None else part.to(device) for part in draw(own, count))

    return sent


def draw_guesses(
    facts: Tensor, voxels: Tensor, tokens: Tensor, denoiser: nn.Module, config: Config
) -> Draw:
    """Draws what a model guesses of shapes under noise, full or empty, each with the facts true of
    the shape.

    At the times of the model's own walk, told a caption, guided as it is when it makes shapes: what
    a critic sees that steers it (`steering`). Early guesses show little, and what cannot be seen is
    to be called uncertain. facts: bool (N, facts); voxels: bool (N, D, H, W); tokens: (N, W,
    length).
    """
    settings = config.sampling
    times = time_grid(denoiser.path, settings.steps, settings.shift).float()
    times = times[(times >= INTERVAL[0]) & (times <= INTERVAL[1])]

    @torch.no_grad()
    def draw(generator: torch.Generator, count: int):
        row, time, wording = (
            torch.randint(among, (count,), generator=generator)
            for among in (len(voxels), len(times), tokens.shape[1])
        )
        x0, t = to_model(voxels[row]), times[time]
        x_t = denoiser.path.noised(x0, torch.randn(x0.shape, generator=generator), t)
        guess = torch.empty_like(x_t)
        for now in t.unique():
            told = guided(denoiser, tokens[row, wording][t == now], settings.guidance_scale)
            guess[t == now] = told(x_t[t == now], now)
        return 2.0 * facts[row] - 1, full_or_empty(guess)[:, 0], None

    return draw


def draw_ragged(facts, voxels):
    """Draws shapes with ragged surfaces, a part missing, one voxel off their place, each with the
    facts true of it.

    What is seen must not hang on the last voxel. facts: bool (N, facts); voxels: bool (N, D, H, W).
    """

    def draw(generator: torch.Generator, count: int):
        row = torch.randint(len(voxels), (count,), generator=generator)
        x = 2.0 * voxels[row] - 1
        surface = max_pool3d(x, 3, 1, 1) != -max_pool3d(-x, 3, 1, 1)
        rate = 0.1 * torch.rand(count, 1, 1, 1, generator=generator) ** 2
        x = torch.where(surface & (torch.rand(x.shape, generator=generator) < rate), -x, x)
        for grid in x:
            low = torch.randint(-8, grid.shape[0], (3,), generator=generator)
            high = low + torch.randint(1, 8, (3,), generator=generator)
            grid[
                tuple(
                    slice(max(a, 0), max(b, 0))
                    for a, b in zip(low.tolist(), high.tolist(), strict=True)
                )
            ] = -1
        off = torch.randint(-1, 2, (3,), generator=generator).tolist()
        return 2.0 * facts[row] - 1, torch.roll(x, off, (1, 2, 3)), None

    return draw


def draw_means(shapes, tokens, bits, labels):
    """Draws texts, each with the mean of all shapes that it is true of: what the best denoiser says
    where x_t is noise.

    One such shape at a time has the same mean, under noise a hundred times larger than what many
    words change. shapes: (N, 1, D, H, W), of families `labels` (N,); tokens and bits: see
    `captioned`.
    """
    # bfloat16 holds -1 and 1 exactly, and half as much memory has to be read
    members = [
        shapes[labels == label].flatten(1).bfloat16() for label in range(int(labels.max()) + 1)
    ]

    def draw(generator: torch.Generator, count: int):
        row = torch.randint(len(shapes), (count,), generator=generator)
        wording = torch.randint(tokens.shape[1], (count,), generator=generator)
        true, x0 = bits[row, wording].numpy(), torch.empty(count, *shapes.shape[1:])
        for label, own in enumerate(members):
            mine = labels[row] == label
            weights = torch.from_numpy(
                np.unpackbits(true[mine.numpy()], axis=1, count=len(own))
            ).bfloat16()
            x0[mine] = ((weights @ own).float() / weights.float().sum(1, keepdim=True)).unflatten(
                1, shapes.shape[1:]
            )
        return x0, tokens[row, wording], None

    return draw
