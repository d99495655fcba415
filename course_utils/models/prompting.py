"""From prompts to a sampler's states: a trained voxel model, sampled as its config says.

The one place that turns a config's `sampling` into a call of `sampling.sample`; the command line,
the diffusers pipeline, the editing and the prompt box all use it. Lesson 09 samples with it.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from course_utils.datasets.captions.facts import Named, facts_of, named_facts
from course_utils.diffusion.guidance import Guided, guided
from course_utils.diffusion.noise import as_seeds, gaussian
from course_utils.diffusion.sampling import SAMPLERS, State, resampled, sample, time_grid
from course_utils.models.config import Config
from course_utils.models.recipes import as_signs
from course_utils.models.wishes import asked_of

TOGETHER = 8  # shapes in a batch, unless `budget` says how many fit


def batches(rows: Sequence, size: int = TOGETHER) -> list[Sequence]:
    """Return the rows, such as seeds, in batches of at most `size`."""
    return [rows[first : first + size] for first in range(0, len(rows), size)]


def condition_of(config: Config, prompts: Sequence[str]) -> Tensor | None:
    """Return the condition that stands for B prompts.

    Args:
        config: Of `checkpoints.load_checkpoint`.
        prompts: One of the config's `classes` each; for a model that is told facts any text that
            names one, or the empty text, which asks for nothing.

    Returns:
        Class labels (B,), or what is named, 1 and -1 (B, families + facts); None for a model of one
        class, which was trained without labels, and for a model that takes another condition, which
        no prompt can say.

    Raises:
        ValueError: The model does not know a class, or a text names no class of it.
    """
    known, asked = config.classes, [asked_of(config, prompt) for prompt in prompts]
    if config.told == "facts":
        return torch.stack([_said(known, *one) for one in asked])
    if len(known) == 1 or config.told not in ("labels", None):
        return None
    return torch.tensor([known.index(family) for family, _ in asked])


def _said(classes: Sequence[str], family: str | None, facts: Named) -> Tensor:
    """A row of `conditioning.facts.NamedFacts`; -1 throughout where no family is named."""
    own = [name == family for name in classes]
    named = named_facts([family], [facts], classes)[0] if family else len(facts_of(classes)) * [0]
    return as_signs(torch.tensor([*own, *named]))


def guided_by(
    denoiser: nn.Module, config: Config, prompts: Sequence[str], guidance_scale: float | None = None
) -> Guided:
    """Return the denoiser guided by B prompts.

    Args:
        denoiser: Of `checkpoints.load_checkpoint`.
        config: Of `checkpoints.load_checkpoint`.
        prompts: See `condition_of`.
        guidance_scale: None is the model's own.

    Raises:
        ValueError: The model does not know a class, or a text names no class of it.
    """
    condition, device = condition_of(config, prompts), next(denoiser.parameters()).device
    scale = config.sampling.guidance_scale if guidance_scale is None else guidance_scale
    return guided(denoiser, None if condition is None else condition.to(device), scale)


def sampling_states(
    denoiser: nn.Module,
    config: Config,
    prompts: Sequence[str],
    seeds: Sequence[int],
    *,
    steps: int | None = None,
    guidance_scale: float | None = None,
    noise: Tensor | None = None,
    edit: Callable = lambda denoise: denoise,
    rounds: int = 1,
) -> Iterator[State]:
    """Return the sampler's states for B shapes; the last one's x_t is the shapes.

    It is (B, C, D, H, W), with as many channels as the config says.

    Args:
        denoiser: Of `checkpoints.load_checkpoint`.
        config: Of `checkpoints.load_checkpoint`.
        prompts: B of them, see `condition_of`.
        seeds: One per prompt.
        steps: Sampling steps; None is the model's own number.
        guidance_scale: None is the model's own.
        noise: Standard normal (B, C, D, H, W) to start from; None draws it from the seeds.
        edit: Called with the guided denoiser; returns what the sampler asks in its place.
        rounds: Of `sampling.resampled`.

    Raises:
        ValueError: The model does not know a prompt, or there is not one seed per prompt.
    """
    if isinstance(prompts, str):
        raise ValueError(f"prompts is {prompts!r}; expected a list of texts")
    seeds = as_seeds(seeds)
    if not 0 < len(prompts) == len(seeds):
        raise ValueError(
            f"there are {len(prompts)} prompts and {len(seeds)} seeds; expected a seed for each,"
            " one or more"
        )
    settings, side = config.sampling, config.resolution
    denoise = edit(guided_by(denoiser, config, prompts, guidance_scale))
    noise = gaussian(seeds, (config.channels, side, side, side)) if noise is None else noise
    prior = denoise.path.prior_sample(noise.to(next(denoiser.parameters()).device))
    steps = settings.steps if steps is None else steps
    times = time_grid(denoise.path, steps, settings.shift)
    step = resampled(SAMPLERS[settings.sampler], rounds)
    return sample(denoise, prior, times, step, seed=seeds)
