"""What a training learns from: one function per kind of data, found by its name in a config.

A recipe is called as recipe(config, given, make, ...) with what the config's `data` says, for data
that are not ours to ship the file that was given, and who makes shapes: this process (`alone`), or
a team that shares the work. It returns a `Source`. Lessons 08 and 09 use models trained on these:
procedural shapes with classes or with what captions name, a file of real shapes, the facts that a
text names, that a shape shows, or that a model's guess of it shows.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool3d

from course_utils.datasets.captions import (
    captions_and_facts,
    held_out,
    matching_shapes,
    named_facts,
    true_facts,
)
from course_utils.datasets.captions.speech import Spoken, speakable_facts, speech, spoken_words
from course_utils.datasets.captions.typed import BREAK, typed_words
from course_utils.datasets.shapes import CLASSES, MatterSet, ShapeSet, make_matter, make_shapes
from course_utils.datasets.word_vectors import WordVectors, word_vectors
from course_utils.diffusion.guidance import CRITIC_INTERVAL, full_or_empty, guided
from course_utils.diffusion.losses import Batch
from course_utils.diffusion.placing import Draw, ahead, draw_from
from course_utils.diffusion.sampling import time_grid
from course_utils.diffusion.training import batches
from course_utils.files.npz import read_npz
from course_utils.geometry.matter import SLOTS, matter_to_model
from course_utils.geometry.voxels import to_model
from course_utils.models.checkpoints import load_checkpoint
from course_utils.places import place

Make = Callable[..., Any]  # (maker, count, resolution, families, first_index)


def alone(maker: Callable, *arguments: Any) -> Any:
    """What `maker` makes in this process, without a team."""
    return maker(*arguments)


class Source(NamedTuple):
    """What a training learns from: `draw` gives batches, `values` (N, ...) are all targets.

    given: what the model is given with them, if anything, so that a checksum tells it as well.
    """

    draw: Draw
    values: Tensor
    given: Tensor | None = None


def source_of(config, given: Path | None = None, make: Make = alone) -> Source:
    """Return what a config's training learns from.

    Args:
        config: A `Config`; its `data` names the recipe.
        given: The data file, for a recipe that needs one.
        make: Who makes shapes: `alone`, or `Team.make`.

    Raises:
        ValueError: The file is missing, not needed, or does not fit the config.
    """
    if given is not None and "file" not in config.data.arguments:
        raise ValueError(f"{config.name} makes its own data and reads no file; omit {given}")
    return RECIPES[config.data.kind](config, given, make, **config.data.arguments)


# ---- shapes, with classes or facts ---------------------------------------------------------------


def procedural(
    config, given: Path | None, make: Make, *, count: int, first_index: int = 0
) -> Source:
    """Shapes of the config's classes, drawn from their index, with labels."""
    voxels, labels = procedural_shapes(config, count, first_index, make)
    return Source(batches(voxels, labels, to_model), voxels, labels)


def procedural_shapes(
    config, count: int, first_index: int = 0, make: Make = alone
) -> tuple[Tensor, Tensor]:
    """Return bool (N, D, H, W) and labels (N,), which count in the config's classes.

    Families take turns.
    """
    made = make(make_shapes, count, config.resolution, config.classes, first_index)
    labels = torch.arange(first_index, first_index + count) % len(config.classes)
    return torch.from_numpy(made.voxels), labels


def materials(
    config, given: Path | None, make: Make, *, count: int, first_index: int = 0
) -> Source:
    """Shapes of the config's classes with coverage and material slots, with labels."""
    made = make(make_matter, count, config.resolution, config.classes, first_index)
    labels = torch.arange(first_index, first_index + count) % len(config.classes)
    matter = torch.from_numpy(made.matter)
    return Source(batches(matter, labels, matter_to_model), matter, labels)


def npz(config, given: Path | None, make: Make, *, file: str) -> Source:
    """Real shapes from a file that is not ours to ship, without those of its own test split."""
    voxels, labels = shapes_of_file(config, given, file)
    return Source(batches(voxels, labels, to_model), voxels, labels)


def shapes_of_file(config, given: Path | None, file: str) -> tuple[Tensor, Tensor | None]:
    """Return bool (N, D, H, W) and labels (N,), None for one class. ValueError for a wrong file."""
    if given is None:
        raise ValueError(
            f"{config.name} needs {file}, which is not ours to ship; give it with --data"
        )
    archive = read_npz(given)
    classes = config.classes
    if archive.resolution != config.resolution or not set(classes) <= set(archive.classes):
        raise ValueError(
            f"{given} holds {archive.resolution}^3 voxels of {', '.join(archive.classes)}; the"
            f" config wants {config.resolution}^3 of {', '.join(classes)}"
        )
    number = {archive.classes.index(name): k for k, name in enumerate(classes)}
    rows = [
        i for i, label in enumerate(archive.labels) if label in number and not archive.is_test[i]
    ]
    labels = torch.tensor([number[archive.labels[i]] for i in rows]) if len(classes) > 1 else None
    return torch.from_numpy(archive.voxels(rows)), labels


def draw_named(matter: Tensor, said: Tensor) -> Draw:
    """Draw shapes with coverage and slots, each with what one of its captions names.

    Args:
        matter: uint8 (N, D, H, W), see `geometry.matter`.
        said: Of `said_of`, (N, wordings, families + facts).
    """

    def pick(generator: torch.Generator, count: int, matter: Tensor, said: Tensor) -> Batch:
        wordings, device = said.shape[1], matter.device
        row = torch.randint(len(matter) * wordings, (count,), generator=generator, device=device)
        shape = row // wordings
        return Batch(matter_to_model(matter[shape]), as_signs(said[shape, row % wordings]))

    return draw_from((matter, said), pick)


def named(
    config, given: Path | None, make: Make, *, count: int, first_index: int = 0, wordings: int = 1
) -> Source:
    """Shapes with coverage and slots, each with its family and the facts that a caption names."""
    made = make(make_matter, count, config.resolution, config.classes, first_index)
    matter, said = named_shapes(made, made.matter, wordings, config.classes)
    return Source(draw_named(matter, said), matter, said)


def named_shapes(
    made: ShapeSet | MatterSet, grids: np.ndarray, wordings: int, classes: Sequence[str]
) -> tuple[Tensor, Tensor]:
    """Return the grids of shapes that are not held out, and what is said of each (`said_of`)."""
    kept = torch.from_numpy(~held_out(made))
    return torch.from_numpy(grids)[kept], said_of(made, wordings, classes)[kept]


def said_of(made: ShapeSet | MatterSet, wordings: int, classes: Sequence[str] = CLASSES) -> Tensor:
    """Return the family and the facts that captions of N shapes name.

    Args:
        made: The shapes.
        wordings: Captions of each.
        classes: The families, see `facts_of`.

    Returns:
        bool (N, wordings, families + facts), in the order that `conditioning.facts.NamedFacts` has.
    """
    families = [CLASSES[label] for label in made.labels]
    own = np.array([[family == name for name in classes] for family in families])
    rows = []
    for seed in range(wordings):
        facts = [facts for _, facts in captions_and_facts(made, seed)]
        rows.append(np.concatenate([own, named_facts(families, facts, classes)], axis=1))
    return torch.from_numpy(np.stack(rows, axis=1))


def means_of_named(
    config, given: Path | None, make: Make, *, count: int, first_index: int = 0, wordings: int = 1
) -> Source:
    """Families and facts that captions name, each with the mean of all shapes that have them."""
    made = make(make_shapes, count, config.resolution, config.classes, first_index)
    voxels, said = named_shapes(made, made.voxels, wordings, config.classes)
    bits, labels = shapes_that_fit(made, wordings)
    return Source(ahead(draw_means(to_model(voxels), as_signs(said), bits, labels)), voxels, said)


def shapes_that_fit(made: ShapeSet, wordings: int) -> tuple[Tensor, Tensor]:
    """Return which shapes of its family each caption is true of, and the families.

    Held-out shapes are omitted.

    Bits (N, wordings, bytes) as of numpy.packbits, and labels (N,).
    """
    kept = ~held_out(made)
    named = [[facts for _, facts in captions_and_facts(made, seed)] for seed in range(wordings)]
    members = [
        np.flatnonzero(kept & (made.labels == label)) for label in range(made.labels.max() + 1)
    ]
    bits = np.zeros((len(kept), wordings, -(-max(map(len, members)) // 8)), dtype=np.uint8)
    for rows in filter(len, members):
        own = [made.attributes[row] for row in rows]
        for wording in range(wordings):
            packed = matching_shapes(own, [named[wording][row] for row in rows])
            bits[rows, wording, : packed.shape[1]] = packed
    return torch.from_numpy(bits[kept]), torch.from_numpy(made.labels[kept])


def draw_means(shapes: Tensor, said: Tensor, bits: Tensor, labels: Tensor) -> Draw:
    """Draw what captions name, with the mean of all shapes that have it: the best guess at t = 1.

    One such shape at a time has the same mean, under noise a hundred times larger than what many
    facts change.

    Args:
        shapes: (N, 1, D, H, W), -1 and 1.
        said: What captions name, (N, wordings, families + facts).
        bits: See `shapes_that_fit`, (N, wordings, bytes).
        labels: Families, (N,).
    """
    # bfloat16 holds -1 and 1 exactly, and half as much memory has to be read
    members = [
        shapes[labels == label].flatten(1).bfloat16() for label in range(int(labels.max()) + 1)
    ]

    def draw(generator: torch.Generator, count: int) -> Batch:
        row = torch.randint(len(shapes), (count,), generator=generator)
        wording = torch.randint(said.shape[1], (count,), generator=generator)
        true, x0 = bits[row, wording].numpy(), torch.empty(count, *shapes.shape[1:])
        for label, own in enumerate(members):
            mine = labels[row] == label
            if not mine.any():
                continue
            weights = torch.from_numpy(
                np.unpackbits(true[mine.numpy()], axis=1, count=len(own))
            ).bfloat16()
            x0[mine] = ((weights @ own).float() / weights.float().sum(1, keepdim=True)).unflatten(
                1, shapes.shape[1:]
            )
        return Batch(x0, said[row, wording])

    return draw


# ---- facts: 1 where one is true, -1 where not ----------------------------------------------------


LONGEST_SPEECH = 26  # words and breaks of a text that a reader is trained on
STRANGE = 0.55  # a word whose cosine with a known word is above this may mean it


def facts_of_speech(
    config, given: Path | None, make: Make, *, count: int, first_index: int = 0
) -> Source:
    """The families and facts that a text as people type them names, from vectors of its words.

    Targets are 1 where a text names a family or fact, -1 where not, and 0 where nothing follows: a
    text says nothing of other families' facts.
    """
    vectors = word_vectors()
    spoken = speech(count, first_index, strange_words(vectors, config.classes), config.classes)
    rows = {BREAK: 0}
    texts = [[word.text for word in typed_words(one.text)][:LONGEST_SPEECH] for one in spoken]
    tokens = torch.zeros(count, LONGEST_SPEECH, dtype=torch.int32)
    for row, words in zip(tokens, texts, strict=True):
        numbers = [rows.setdefault(word, len(rows)) for word in words]
        row[: len(words)] = torch.tensor(numbers, dtype=torch.int32)
    table = torch.from_numpy(vectors.of_all(list(rows)))
    targets = torch.from_numpy(spoken_targets(spoken, config.classes))

    def pick(generator: torch.Generator, count: int, targets, tokens, table) -> Batch:
        row = torch.randint(len(tokens), (count,), generator=generator, device=tokens.device)
        return Batch(targets[row].float(), table[tokens[row].long()])

    return Source(draw_from((targets, tokens, table), pick), targets, tokens)


def strange_words(vectors: WordVectors, classes: Sequence[str]) -> list[str]:
    """Return words that mean nothing to a reader: unlike all words that `speech` knows."""
    known = spoken_words(classes)
    others = [word for word in vectors.whole_words if len(word) > 3 and word not in set(known)]
    nearest = np.concatenate(
        [vectors.likeness(part, known).max(axis=1) for part in np.array_split(others, 16)]
    )
    return [word for word, cosine in zip(others, nearest, strict=True) if cosine < STRANGE]


def spoken_targets(spoken: Sequence[Spoken], classes: Sequence[str]) -> np.ndarray:
    """Return what texts name, int8 (N, families + facts): 1, -1, or 0 where nothing follows.

    A fact that follows from one that is named, such as a handle from one on the left, is 0.
    """
    facts = speakable_facts(tuple(classes))
    families = np.array([family for family, _, _ in facts])
    targets = np.zeros((len(spoken), len(classes) + len(facts)), dtype=np.int8)
    targets[:, : len(classes)] = -1
    for row, one in zip(targets, spoken, strict=True):
        row[[classes.index(family) for family in one.families]] = 1
        if not one.families:
            continue
        own = np.flatnonzero(families == one.families[0])
        for number in own:
            _, name, values = facts[number]
            said = one.named.get(name, ())
            follows = said and set(said) < set(values)
            row[len(classes) + number] = 1 if said == values else 0 if follows else -1
    return targets


def facts_of_shapes(
    config, given: Path | None, make: Make, *, count: int, first_index: int = 0
) -> Source:
    """The facts that a shape shows, with a ragged surface."""
    made = make(make_matter, count, config.resolution, config.classes, first_index)
    facts, matter = shown_by_shapes(made, config.classes)
    return Source(ahead(draw_ragged(facts, matter)), facts, matter)


def shown_by_shapes(made: MatterSet, classes: Sequence[str] = CLASSES) -> tuple[Tensor, Tensor]:
    """Return the facts true of shapes, bool (N, facts), and the shapes, uint8 (N, D, H, W).

    Held-out shapes are omitted.
    """
    kept = ~held_out(made)
    return torch.from_numpy(true_facts(made, classes)[kept]), torch.from_numpy(made.matter[kept])


def facts_of_guesses(
    config,
    given: Path | None,
    make: Make,
    *,
    model: str,
    count: int,
    first_index: int = 0,
    wordings: int = 1,
) -> Source:
    """The facts of a shape that a model's guess of it shows; `model` is a checkpoint folder."""
    denoiser, about = load_checkpoint(place(model))
    if about.told != "facts" or about.channels != 1 + SLOTS:
        raise ValueError(
            f"model names {model}, which is no model of shapes with materials that is told facts,"
            " such as data/checkpoints/shapes32"
        )
    made = make(make_matter, count, config.resolution, config.classes, first_index)
    matter, said = named_shapes(made, made.matter, wordings, about.classes)
    facts, _ = shown_by_shapes(made, config.classes)
    draw = draw_guesses(facts, matter, said, denoiser, about.sampling)
    return Source(ahead(draw), facts, matter)


def as_signs(facts: Tensor) -> Tensor:
    """Bool to 1 and -1."""
    return 2.0 * facts - 1


def draw_ragged(facts: Tensor, matter: Tensor) -> Draw:
    """Draw damaged shapes, each with the facts true of it.

    Surfaces are ragged, a part is missing, and the shape is up to one voxel off its place.

    What is seen must not depend on the last voxel.

    Args:
        facts: Bool (N, facts).
        matter: uint8 (N, D, H, W), see `geometry.matter`.
    """

    def draw(generator: torch.Generator, count: int) -> Batch:
        row = torch.randint(len(matter), (count,), generator=generator)
        x = torch.sign(matter_to_model(matter[row])[:, 0])
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
        return Batch(as_signs(facts[row]), torch.roll(x, off, (1, 2, 3)))

    return draw


def draw_guesses(
    facts: Tensor, matter: Tensor, said: Tensor, denoiser: nn.Module, sampling
) -> Draw:
    """Draw what a model guesses of noisy shapes, full or empty, with the facts true of the shapes.

    At the times of the model's own walk, told what a caption names, guided as it is when it makes
    shapes: what a critic sees that steers it (`guidance.steered`). Early guesses show little, and
    what cannot be seen is to be called uncertain.

    Args:
        facts: Bool (N, facts).
        matter: uint8 (N, D, H, W), see `geometry.matter`.
        said: Of `said_of`, (N, wordings, families + facts).
        denoiser: The model that guesses.
        sampling: How it makes shapes; `steps`, `shift` and `guidance_scale`.
    """
    times = time_grid(denoiser.path, sampling.steps, sampling.shift).float()
    times = times[(times >= CRITIC_INTERVAL[0]) & (times <= CRITIC_INTERVAL[1])]

    @torch.no_grad()
    def draw(generator: torch.Generator, count: int) -> Batch:
        row, time, wording = (
            torch.randint(among, (count,), generator=generator)
            for among in (len(matter), len(times), said.shape[1])
        )
        x0, t = matter_to_model(matter[row]), times[time]
        x_t = denoiser.path.noised(x0, torch.randn(x0.shape, generator=generator), t)
        guess = torch.empty_like(x_t)
        for now in t.unique():
            named = as_signs(said[row, wording][t == now])
            denoise = guided(denoiser, named, sampling.guidance_scale)
            guess[t == now] = denoise(x_t[t == now], now)
        return Batch(as_signs(facts[row]), full_or_empty(guess[:, :1])[:, 0])

    return draw


RECIPES: dict[str, Callable[..., Source]] = {
    recipe.__name__: recipe
    for recipe in (
        procedural,
        materials,
        npz,
        named,
        means_of_named,
        facts_of_speech,
        facts_of_shapes,
        facts_of_guesses,
    )
}
