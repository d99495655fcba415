"""Make several, keep the best: a ranker looks at shapes, and the try that it ranks highest is kept.

The judge of lesson 07 is asked for the first try that is sound and has what was named. Lesson 09
also ranks by how much of a text a trained network sees in a shape, as CLIP ranked what DALL-E drew
(arXiv 2102.12092, section 2.6), and lets it guide the sampler (`Agreement.steering`). Nothing is
trained or changed: a try is another seed, so what was kept can be made again, anywhere, from its
seed alone.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from course_utils.datasets.captions.facts import Named
from course_utils.datasets.shapes import CLASSES, faults, measure
from course_utils.diffusion.guidance import full_or_empty, steered
from course_utils.diffusion.noise import as_seeds
from course_utils.diffusion.sampling import State
from course_utils.evaluation.shapes import CRUMB
from course_utils.geometry.repair import close_all_gaps, finished
from course_utils.geometry.voxels import connected_components, to_occupancy
from course_utils.models.config import Config
from course_utils.models.prompting import TOGETHER, batches, condition_of, sampling_states
from course_utils.models.wishes import asked_of

APART = 1_000_003  # between the seeds of two tries: neighbours are the seeds of other shapes
# from prompts to an `edit` of `prompting.sampling_states`
Edits = Callable[[Sequence[str]], Callable]


class Ranker(Protocol):
    """What says how good shapes are, and when one is good enough.

    Called as ranker(x, prompts) with fields (N, 1, D, H, W), inside above 0; returns (N,), more is
    better. A shape that reaches `enough` is not tried again; where that is infinite the best of all
    tries is kept.
    """

    enough: float

    def __call__(self, x: Tensor, prompts: Sequence[str]) -> Tensor: ...


class Best(NamedTuple):
    """What was kept: shapes (B, C, D, H, W), the seeds that make them, and their scores (B,)."""

    x: Tensor
    seeds: list[int]
    scores: Tensor


def seeds_of(seed: int, tries: int) -> list[int]:
    """Return the seeds of the tries for one shape, its own first."""
    return [(seed + k * APART) % 2**32 for k in range(tries)]


def rounds_of(tries: int, enough: float) -> list[range]:
    """Return which tries are made together: all, or where one may be enough 1, 1, 2, 4, … of them.

    Args:
        tries: At least 1.
        enough: Of the ranker.
    """
    if enough == np.inf:
        return [range(tries)]
    rounds = [range(1)]
    while rounds[-1].stop < tries:
        rounds.append(range(rounds[-1].stop, min(2 * rounds[-1].stop, tries)))
    return rounds


def best_of(
    tries: int,
    ranker: Ranker,
    denoiser: nn.Module,
    config: Config,
    prompts: Sequence[str],
    seeds: Sequence[int],
    *,
    edits: Edits | None = None,
    watch: Callable[[State], None] = lambda state: None,
    steps: int | None = None,
    guidance_scale: float | None = None,
    at_once: int = TOGETHER,
) -> Best:
    """Return, for each of B prompts and seeds, the best of up to `tries` shapes.

    Tries are sampled together as `rounds_of` says; it changes time, not what is kept.

    Args:
        tries: At least 1; of equal shapes the first is kept.
        ranker: Ranks the shapes, and ends the tries for one that is good enough.
        denoiser: Of `checkpoints.load_checkpoint`.
        config: Of `checkpoints.load_checkpoint`.
        prompts: B of them, see `prompting.condition_of`.
        seeds: One per prompt.
        edits: Called with the prompts of a batch; returns an `edit` of `prompting.sampling_states`.
        watch: Called with every state of the sampler.
        steps: Sampling steps; None is the model's own number.
        guidance_scale: None is the model's own.
        at_once: Shapes in a batch at most, or B where that is more.

    Raises:
        ValueError: Fewer than one try, or a prompt that the model does not know.
    """
    if tries < 1:
        raise ValueError(f"tries is {tries}; expected a whole number from 1")
    seeds, how = as_seeds(seeds), {"steps": steps, "guidance_scale": guidance_scale}
    kept: list[tuple] = [(-np.inf, None, seed) for seed in seeds]  # score, shape, seed
    for numbers in rounds_of(tries, ranker.enough):
        rows = [row for row, (reached, *_) in enumerate(kept) if reached < ranker.enough]
        asked = [(row, seeds_of(seeds[row], tries)[k]) for row in rows for k in numbers]
        for part in batches(asked, max(at_once, len(seeds))):
            wanted, tried = [prompts[row] for row, _ in part], [seed for _, seed in part]
            edited = {} if edits is None else {"edit": edits(wanted)}
            for state in sampling_states(denoiser, config, wanted, tried, **edited, **how):
                watch(state)
            scores = ranker(state.x_t[:, :1], wanted).tolist()
            for (row, seed), score, x in zip(part, scores, state.x_t, strict=True):
                if kept[row][0] < min(score, ranker.enough):
                    kept[row] = (score, x, seed)
    scores, shapes, chosen = zip(*kept, strict=True)
    return Best(torch.stack(shapes), list(chosen), torch.tensor(scores))


def wholeness(x: Tensor) -> Tensor:
    """Return the share of each shape's volume that is in its largest piece, (B,): 1 for one piece.

    x: fields (B, 1, D, H, W), inside above 0. Pieces under 1 % of the volume are not counted.
    """
    shares = []
    for shape in to_occupancy(x):
        sizes = connected_components(shape)[1]
        sizes = sizes[sizes >= CRUMB * sizes.sum()]
        shares.append(sizes.max() / sizes.sum() if len(sizes) else 0.0)
    return torch.tensor(shares)


class Wholeness:
    """A ranker that looks at `wholeness` alone, whatever the prompts are."""

    enough = 0.98  # what is missing may be a crumb or two

    def __call__(self, x: Tensor, prompts: Sequence[str]) -> Tensor:
        return wholeness(x)


class Judgement:
    """A ranker: minus what the judge of lesson 07 finds wrong with a shape, 0 where nothing is.

    It counts the `faults` of a shape as it will be written (`repair.finished`), and the facts that
    its prompt names and the judge does not see in it, in 2 to 8 ms. It is the judge that says how
    many of a model's shapes are sound and how many facts are right, so of what was kept these
    shares say how often some try was good in the judge's eyes, not how good its eyes are: report
    beside them what the judge has no part in, such as `evaluation.shapes.one_piece` and 1-NNA, and
    the shares as sampled.

    Args:
        config: Of a model that `is_judged`.
    """

    enough = 0.0

    def __init__(self, config: Config):
        self.config = config

    def __call__(self, x: Tensor, prompts: Sequence[str]) -> Tensor:
        fields = [finished(field) > 0 for field in x[:, 0].cpu().numpy()]
        asked = [asked_of(self.config, prompt) for prompt in prompts]
        return -torch.tensor(
            [wrong(field, *one) for field, one in zip(fields, asked, strict=True)]
        ).float()


def wrong(voxels: np.ndarray, family: str | None, named: Named) -> int:
    """Return how many things the judge finds wrong with a shape that was asked for.

    Args:
        voxels: Bool (D, H, W).
        family: What it should be; None for anything, with which nothing is wrong.
        named: The facts that it should have.
    """
    if family is None:
        return 0
    if not voxels.any():
        return 1 + len(named)
    seen = measure(voxels, family) if named else {}
    unseen = [name for name, values in named.items() if seen.get(name) not in values]
    return len(faults(voxels, family)) + len(unseen)


class Agreement:
    """A ranker: how much of what a text names is seen in a shape, from 0 to 1, times `wholeness`.

    It looks at a shape as it will be written, with its small gaps closed. The first factor is the
    share of the named facts that networks see in it, 1 where nothing is named. Lesson 09 compares
    it with the judge.

    Args:
        config: Of a model that is told facts.
        seers: One or more `FactsOfShape` that know the same facts; what they see is averaged.
    """

    # a seer is surer than it is right: the best of all tries beats the first that it finds good
    enough = np.inf

    def __init__(self, config: Config, *seers: nn.Module):
        self.config, self.seers = config, seers

    @torch.no_grad()
    def __call__(self, x: Tensor, prompts: Sequence[str]) -> Tensor:
        named, x = self.named(prompts).to(x.device), close_all_gaps(x)
        share = ((named * self.seen(full_or_empty(x))).sum(1) + 1e-6) / (named.sum(1) + 1e-6)
        return share.cpu() * wholeness(x)

    def named(self, prompts: Sequence[str]) -> Tensor:
        """Return which facts each of B texts names, (B, facts): 1 or 0."""
        return (1 + condition_of(self.config, prompts)[:, len(self.config.classes) :]) / 2

    def seen(self, x: Tensor) -> Tensor:
        """Return how surely each fact is seen in shapes (B, 1, D, H, W) of -1 and 1: (B, facts)."""
        return torch.stack([(1 + seer(x[:, 0])) / 2 for seer in self.seers]).mean(0)

    def steering(self, strength: float) -> Edits:
        """Return what guides the sampler to shapes in which more of what is named is seen.

        strength: of `guidance.steered`.
        """

        def edit(prompts: Sequence[str]) -> Callable:
            named = self.named(prompts)
            return partial(
                steered,
                critic=lambda x0: self.seen(x0[:, :1]).clamp(min=1e-6).log() * named.to(x0.device),
                strength=strength,
            )

        return edit


def shipped_ranker(config: Config) -> Ranker:
    """Return the ranker of a model: `Judgement` if it makes what the judge knows, or `Wholeness`.

    Args:
        config: The model's.
    """
    return Judgement(config) if is_judged(config) else Wholeness()


def is_judged(config: Config) -> bool:
    """Return whether a model makes shapes that the judge of lesson 07 can judge.

    Those are our own families, at the resolution that it is tuned for.
    """
    own = config.data is not None and config.data.kind in ("procedural", "materials", "named")
    return own and config.resolution == 32 and set(config.classes) <= set(CLASSES)
