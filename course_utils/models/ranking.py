"""Make several, keep the best: a score looks at shapes, and of a few tries the one that it likes
best stays.

Lesson 09 ranks by how much of a text a trained network sees in a shape, as CLIP ranked what DALL-E
drew (arXiv 2102.12092, section 2.6); a model of classes is asked for shapes in one piece. Nothing
is trained or changed by it: a try is another seed, so what was kept can be made again, anywhere,
from its seed alone. The network that ranks can also help on the way (`Agreement.steering`).
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from course_utils.diffusion.guidance import full_or_empty, steered
from course_utils.diffusion.sampling import State
from course_utils.evaluation.metrics import CRUMB
from course_utils.geometry.voxels import connected_components, joined, to_occupancy
from course_utils.models.checkpoints import load_checkpoint
from course_utils.models.config import Config
from course_utils.models.generation import condition_of, sampling_states
from course_utils.places import CHECKPOINTS

# a score that no further try is made for, unless it says otherwise: a shape as good as whole
ENOUGH = 0.98
SEERS = ("facts-of-shapes32", "facts-of-guesses32")  # shipped; the second steers, both rank
APART = 1_000_003  # between the seeds of two tries: neighbours are the seeds of other shapes
Score = Callable[[Tensor, Sequence[str]], Tensor]
Edits = Callable[
    [Sequence[str]], Callable
]  # from prompts to an `edit` of `generation.sampling_states`


class Best(NamedTuple):
    """What was kept: fields (B, 1, D, H, W), the seeds that make them, and their scores (B,)."""

    x: Tensor
    seeds: list[int]
    scores: Tensor


def seeds_of(seed: int, tries: int) -> list[int]:
    """The seeds of the tries for one shape, its own first."""
    return [(seed + k * APART) % 2**32 for k in range(tries)]


def best_of(
    tries: int,
    score: Score,
    denoiser: nn.Module,
    config: Config,
    prompts: Sequence[str],
    seeds: Sequence[int],
    enough: float | None = None,
    edits: Edits | None = None,
    watch: Callable[[State], None] = lambda state: None,
    **how,
) -> Best:
    """Of up to `tries` shapes for each of B prompts and seeds the one with the highest score.

    score: called as score(x, prompts) with fields (N, 1, D, H, W), inside is above 0; returns (N,).
    enough: a shape that has it is not tried again; None is the score's own `enough`, or `ENOUGH`.
    edits: called with the prompts of a try, for what its sampler asks instead of the denoiser.
    denoiser, config, how: of `generation.sampling_states`; watch gets its states as they come.
    ValueError for less than one try or a prompt unknown to the model.
    """
    if tries < 1:
        raise ValueError(f"tries is {tries}; expected a whole number from 1")
    enough = getattr(score, "enough", ENOUGH) if enough is None else enough
    kept: list[tuple] = [(-np.inf, None, seed) for seed in seeds]  # score, field, seed
    for k in range(tries):
        open_ = [row for row, (reached, *_) in enumerate(kept) if reached < enough]
        if not open_:
            break
        asked, tried = (
            [prompts[row] for row in open_],
            [seeds_of(seeds[row], tries)[k] for row in open_],
        )
        edited = {} if edits is None else {"edit": edits(asked)}
        for state in sampling_states(denoiser, config, asked, tried, **edited, **how):
            watch(state)
        x = state.x_t
        for row, value, field, seed in zip(open_, score(x, asked).tolist(), x, tried, strict=True):
            kept[row] = max(kept[row], (value, field, seed), key=lambda one: one[0])
    scores, fields, chosen = zip(*kept, strict=True)
    return Best(torch.stack(fields), list(chosen), torch.tensor(scores))


def wholeness(x: Tensor, prompts: Sequence[str] = ()) -> Tensor:
    """The share of each shape's volume in its largest piece, pieces under 1 % not counted: (B,), 1
    for one piece.
    """
    shares = []
    for shape in to_occupancy(x):
        sizes = connected_components(shape)[1]
        sizes = sizes[sizes >= CRUMB * sizes.sum()]
        shares.append(sizes.max() / sizes.sum() if len(sizes) else 0.0)
    return torch.tensor(shares)


class Agreement:
    """A score: how much of what a text names is seen in a shape, from 0 to 1, times the shape's
    `wholeness`.

    It looks at a shape as it will be written, with its small gaps closed (`voxels.joined`). reader,
    config: a model that is told facts (`conditioning.facts`).  seers: one `FactsOfShape` or more that
    know the same facts; what they see is averaged. The first factor is the expected share of the
    named facts that are true, each counted as surely as it is named; 1 where nothing is named.
    """

    # a seer is surer than it is right: the best of all tries beats the first that it finds good
    enough = 1.0

    def __init__(self, reader: nn.Module, config: Config, *seers: nn.Module):
        self.reader, self.config, self.seers = reader, config, seers

    @torch.no_grad()
    def __call__(self, x: Tensor, prompts: Sequence[str]) -> Tensor:
        named, closed = (
            self.named(prompts),
            np.stack([joined(field) for field in x[:, 0].cpu().numpy()]),
        )
        x = torch.from_numpy(closed)[:, None].to(x.device)
        share = ((named * self.seen(full_or_empty(x))).sum(1) + 1e-6) / (named.sum(1) + 1e-6)
        return share.cpu() * wholeness(x)

    def named(self, prompts: Sequence[str]) -> Tensor:
        """How surely each of B texts names each fact, (B, facts); 0 where that is less than one
        half.
        """
        with torch.no_grad():
            tokens = condition_of(self.config, prompts).to(next(self.reader.parameters()).device)
            told = (1 + self.reader.network.conditioner.facts.named(tokens)) / 2
        return torch.where(told > 0.5, told, 0.0)

    def seen(self, x: Tensor) -> Tensor:
        """How surely each fact is seen in shapes (B, 1, D, H, W) of -1 and 1: (B, facts)."""
        return torch.stack([(1 + seer(x[:, 0])) / 2 for seer in self.seers]).mean(0)

    def steering(self, strength: float) -> Edits:
        """What leads the sampler to shapes in which more of what is named is seen: see
        `guidance.steered`.
        """

        def edit(prompts: Sequence[str]) -> Callable:
            named = self.named(prompts)
            return partial(
                steered,
                critic=lambda x0: self.seen(x0).clamp(min=1e-6).log() * named,
                strength=strength,
            )

        return edit


def shipped_score(denoiser: nn.Module, config: Config) -> Score:
    """The score that belongs to a model: `Agreement` with both shipped seers if it is told facts,
    else `wholeness`.

    ValueError if they know different facts.
    """
    return shipped_agreement(denoiser, config, *SEERS) if config.facts else wholeness


def shipped_steering(
    denoiser: nn.Module, config: Config, strength: float | None = None
) -> Edits | None:
    """What steers a model that is told facts, by the shipped seer of guesses; None for another, or
    a strength of 0.

    That one has learned from guesses, early and late ones.  strength: None is the model's own.
    ValueError if the two know different facts.
    """
    strength = config.sampling.steering if strength is None else strength
    if not config.facts or strength == 0:
        return None
    return shipped_agreement(denoiser, config, SEERS[1]).steering(strength)


def shipped_agreement(denoiser: nn.Module, config: Config, *names: str) -> Agreement:
    """A model that is told facts, and shipped seers. ValueError if they know different facts."""
    seers = []
    for name in names:
        seer, about = load_checkpoint(CHECKPOINTS / name, str(next(denoiser.parameters()).device))
        told, seen = config.facts, about.facts
        if told != seen:
            raise ValueError(
                f"the model is told {told} facts and data/checkpoints/{name} sees {seen}: train"
                f" that anew (python3 course.py train {name}), or do without (--tries 1"
                " --steering 0)"
            )
        seers.append(seer)
    return Agreement(denoiser, config, *seers)
