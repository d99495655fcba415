"""Make several, keep the best: a score looks at shapes, and of a few tries the one that it likes best stays.

Lesson 09 ranks by how much of a text a trained network sees in a shape, as CLIP ranked what DALL-E drew (arXiv
2102.12092, section 2.6); a model of classes is asked for shapes in one piece. Nothing is trained or changed by it: a
try is another seed, so what was kept can be made again, anywhere, from its seed alone.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from course_utils.checkpoints import CHECKPOINTS, load_checkpoint
from course_utils.generation import condition_of, sampling_states
from course_utils.geometry.voxels import connected_components, to_occupancy
from course_utils.metrics import CRUMB
from course_utils.sampling import State

ENOUGH = 0.98  # a score that no further try is made for
APART = 1_000_003  # between the seeds of two tries: neighbours are the seeds of other shapes
Score = Callable[[Tensor, Sequence[str]], Tensor]


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
    config: dict,
    prompts: Sequence[str],
    seeds: Sequence[int],
    enough: float = ENOUGH,
    watch: Callable[[State], None] = lambda state: None,
    **how,
) -> Best:
    """Of up to `tries` shapes for each of B prompts and seeds the one with the highest score.

    score: called as score(x, prompts) with fields (N, 1, D, H, W), inside is above 0; returns (N,). A shape that has
    `enough` is not tried again. denoiser, config, how: of `generation.sampling_states`; watch gets its states as they
    come. ValueError for less than one try or a prompt unknown to the model.
    """
    if tries < 1:
        raise ValueError(f"tries is {tries}; expected a whole number from 1")
    kept: list[tuple] = [(-np.inf, None, seed) for seed in seeds]  # score, field, seed
    for k in range(tries):
        open_ = [row for row, (reached, *_) in enumerate(kept) if reached < enough]
        if not open_:
            break
        asked, tried = [prompts[row] for row in open_], [seeds_of(seeds[row], tries)[k] for row in open_]
        for state in sampling_states(denoiser, config, asked, tried, **how):
            watch(state)
        x = state.x_t
        for row, value, field, seed in zip(open_, score(x, asked).tolist(), x, tried, strict=True):
            kept[row] = max(kept[row], (value, field, seed), key=lambda one: one[0])
    scores, fields, chosen = zip(*kept, strict=True)
    return Best(torch.stack(fields), list(chosen), torch.tensor(scores))


def wholeness(x: Tensor, prompts: Sequence[str] = ()) -> Tensor:
    """The share of each shape's volume in its largest piece, pieces under 1 % not counted: (B,), 1 for one piece."""
    shares = []
    for shape in to_occupancy(x):
        sizes = connected_components(shape)[1]
        sizes = sizes[sizes >= CRUMB * sizes.sum()]
        shares.append(sizes.max() / sizes.sum() if len(sizes) else 0.0)
    return torch.tensor(shares)


def agreement(reader: nn.Module, config: dict, seer: nn.Module) -> Score:
    """A score: how much of what a text names is seen in a shape, from 0 to 1, times the shape's `wholeness`.

    reader, config: a model that is told facts (`UNet(facts=...)`).  seer: the `FactsOfShape` that knows the same facts.
    The first factor is the expected share of the named facts that are true, each counted as surely as it is named; 1
    where nothing is named.
    """
    facts = reader.network.facts

    @torch.no_grad()
    def score(x: Tensor, prompts: Sequence[str]) -> Tensor:
        named = (1 + facts(condition_of(config, prompts).to(x.device))) / 2  # (B, facts)
        voxels = torch.from_numpy(to_occupancy(x)).to(x.device).float() * 2 - 1
        seen = (1 + seer(torch.zeros_like(named), 1.0, voxels)) / 2
        named = torch.where(named > 0.5, named, 0.0)
        share = ((named * seen).sum(1) + 1e-6) / (named.sum(1) + 1e-6)
        return share.cpu() * wholeness(x)

    return score


def shipped_score(denoiser: nn.Module, config: dict) -> Score:
    """The score that belongs to a model: `agreement` with the shipped seer if it is told facts, else `wholeness`.

    ValueError if the two know different facts.
    """
    told = config["network"].get("facts")
    if not told:
        return wholeness
    seer, about = load_checkpoint(CHECKPOINTS / "facts-of-shapes32")
    if about["network"]["facts"] != told:
        raise ValueError(
            f"the model is told {told} facts and data/checkpoints/facts-of-shapes32 sees {about['network']['facts']}: "
            "train that anew (python3 course.py train facts-of-shapes32), or make one try only (--tries 1)"
        )
    return agreement(denoiser, config, seer)
