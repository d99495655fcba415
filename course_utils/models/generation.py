"""Prompts in, shapes out: a trained voxel model asked as its config says, unless told otherwise.

The one place that turns a config's `sampling` into a call of `sampling.sample`; the command line,
the diffusers pipeline, the editing and the prompt box all come here.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from course_utils.diffusion.guidance import Guided, guided
from course_utils.diffusion.noise import gaussian
from course_utils.diffusion.sampling import SAMPLERS, State, resampled, sample, time_grid
from course_utils.models.config import Config
from course_utils.networks.text import Vocabulary


def condition_of(config: Config, prompts: Sequence[str]) -> Tensor | None:
    """What a model is told to make each of B prompts: class labels (B,), or the words of texts (B,
    length), -1 where there is none; None for a model of one class, which was trained without
    labels.

    A prompt is one of the config's `classes`, or a text of its `words` if it has them; the empty
    text asks for nothing. ValueError for a class or a word that the model does not know.
    """
    if config.words:
        return Vocabulary(config.words).encode(prompts)
    known = config.classes
    unknown = [prompt for prompt in prompts if prompt not in known]
    if unknown:
        raise ValueError(
            f"the model knows no {', '.join(map(repr, unknown))}; it makes: {', '.join(known)}"
        )
    return torch.tensor([known.index(prompt) for prompt in prompts]) if len(known) > 1 else None


def asked(
    denoiser: nn.Module, config: Config, prompts: Sequence[str], guidance_scale: float | None = None
) -> Guided:
    """The denoiser with B prompts as its condition. guidance_scale: None is the model's own.
    ValueError: see above.
    """
    told, device = condition_of(config, prompts), next(denoiser.parameters()).device
    scale = config.sampling.guidance_scale if guidance_scale is None else guidance_scale
    return guided(denoiser, None if told is None else told.to(device), scale)


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
    """The sampler's states for B shapes, one for each prompt and seed: the last one's x_t, (B, 1,
    D, H, W), is them.

    denoiser, config: of `checkpoints.load_checkpoint`.  steps, guidance_scale: None is the model's
    own.  noise: standard normal (B, 1, D, H, W) in the place of the seeds'.  edit: makes of the
    guided denoiser what the sampler asks instead (see `editing`).  rounds: of `sampling.resampled`.
    ValueError for a prompt unknown to the model, and unless there is a seed for each of one or more
    prompts.
    """
    if isinstance(prompts, str) or isinstance(seeds, int | float | str):
        raise ValueError(f"prompts is {prompts!r} and seeds {seeds!r}; expected a list of each")
    if not 0 < len(prompts) == len(seeds):
        raise ValueError(
            f"there are {len(prompts)} prompts and {len(seeds)} seeds; expected a seed for each,"
            " one or more"
        )
    settings, side, seeds = config.sampling, config.resolution, list(seeds)
    denoise = edit(asked(denoiser, config, prompts, guidance_scale))
    noise = gaussian(seeds, (1, side, side, side)) if noise is None else noise
    prior = denoise.path.prior_sample(noise.to(next(denoiser.parameters()).device))
    times = time_grid(denoise.path, settings.steps if steps is None else steps, settings.shift)
    return sample(denoise, prior, times, resampled(SAMPLERS[settings.sampler], rounds), seed=seeds)
