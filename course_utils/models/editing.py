"""Editing with a model that was only trained to generate: no retraining, the usual sampling loop.

An edit changes either what the sampler asks (`guidance.keeping`, `guidance.mixed`) or where it
starts (`sampling.from_time`). Points, images and voxels are edited alike. Lesson 09 carves shapes
with it. Sources: completion (arXiv 2011.13456, section 5; with `sampling.resampled` arXiv
2201.09865), variation (SDEdit, arXiv 2108.01073), mixed conditions (arXiv 2206.01714).
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from course_utils.diffusion.denoiser import Denoiser
from course_utils.diffusion.guidance import keeping
from course_utils.diffusion.noise import as_seeds
from course_utils.diffusion.sampling import last
from course_utils.geometry.matter import (
    CELLS,
    matter_to_model,
    pack_matter,
    slots_from_model,
)
from course_utils.geometry.voxels import to_model, to_occupancy
from course_utils.models.config import Config
from course_utils.models.prompting import sampling_states
from course_utils.models.wishes import wish_of


def complete(
    denoiser: Denoiser,
    config: Config,
    prompt: str,
    voxels: np.ndarray,
    keep: np.ndarray,
    seeds: Sequence[int],
    steps: int | None = None,
    rounds: int = 2,
) -> np.ndarray:
    """Propose the rest of a shape that is kept in part, once per seed: (len(seeds), D, H, W).

    Args:
        denoiser: Of `checkpoints.load_checkpoint`.
        config: Of `checkpoints.load_checkpoint`.
        prompt: What the whole shape should be, any that `wishes.wish_of` takes.
        voxels: (D, H, W), or one shape per seed (len(seeds), D, H, W): bool; or for a model with
            slots uint8, 0 where a voxel is empty, else the slot it belongs to, 1 for the family's
            first. Of bool voxels a model with slots keeps that they are full, and chooses their
            slots.
        keep: Bool (D, H, W): where it is True each voxel, full or empty, stays as it is.
        seeds: One per proposal.
        steps: Sampling steps; None is the model's own number.
        rounds: Of `sampling.resampled`.

    Returns:
        Proposals of the same kind as the voxels: bool, or uint8 with the slots that the model's
        channels say where it grew something.

    Raises:
        ValueError: The grids do not fit the model, there is no such slot, or the model does not
            know the prompt.
    """
    prompt = wish_of(config, prompt).text
    voxels, keep, seeds = np.asarray(voxels), np.asarray(keep), as_seeds(seeds)
    grid = (config.resolution,) * 3
    fits = voxels.shape in (grid, (len(seeds), *grid)) and keep.shape == grid
    if not fits or voxels.dtype not in (bool, np.uint8) or keep.dtype != bool:
        got = (
            f"voxels is {voxels.dtype} of shape {voxels.shape}, keep {keep.dtype} of shape"
            f" {keep.shape}"
        )
        raise ValueError(
            f"{got}; expected bool {grid} both, or voxels {(len(seeds), *grid)}, one for each seed;"
            " voxels may be uint8, the slot of each"
        )
    slots = config.channels - 1
    if voxels.dtype != bool and not slots:
        raise ValueError("voxels is uint8, slots of materials, and the model makes none: give bool")
    if voxels.dtype != bool and voxels.max(initial=0) > slots:
        raise ValueError(f"voxels has slot {voxels.max()}; expected 0 to {slots}, as the model has")
    known, kept = _known(voxels.reshape(-1, *grid), keep, config.channels)
    device = next(denoiser.parameters()).device
    hold = partial(keeping, known=known.to(device), keep=kept.to(device))
    prompts = [prompt] * len(seeds)
    states = sampling_states(
        denoiser, config, prompts, seeds, steps=steps, rounds=rounds, edit=hold
    )
    x = last(states).x_t
    made = to_occupancy(x[:, :1])
    return made if voxels.dtype == bool else made * slots_from_model(x.cpu(), slots).numpy()


def _known(voxels: np.ndarray, keep: np.ndarray, channels: int) -> tuple[Tensor, Tensor]:
    """Return what a model is to keep and where, float and bool (N or 1, channels, D, H, W).

    A full voxel whose slot is not known keeps channel 0 alone; an empty one has no slot in any.
    """
    full = voxels > 0
    known, kept = to_model(full), torch.from_numpy(keep).expand(1, channels, *keep.shape)
    if channels == 1:
        return known, kept
    matter = pack_matter(np.uint8(CELLS) * full, voxels.astype(np.uint8))
    known, has_slot = matter_to_model(torch.from_numpy(matter)), voxels.dtype != bool
    told = torch.from_numpy(has_slot | ~full)[:, None].expand(-1, channels - 1, *keep.shape)
    return known, kept & torch.cat([torch.ones_like(told[:, :1]), told], dim=1)


def seam_roughness(voxels: np.ndarray, keep: np.ndarray) -> float:
    """Return how rough a seam is: the share of neighbours across it that differ; NaN for no seam.

    Such neighbours are two voxels of which one is kept and the other is not. Compare with real
    shapes at the same seam: they change there too.

    Args:
        voxels: Bool (N, D, H, W), or images (N, H, W).
        keep: Bool (D, H, W), or (H, W).
    """
    differ = pairs = 0
    for axis in range(keep.ndim):
        after, before = [slice(None)] * keep.ndim, [slice(None)] * keep.ndim
        after[axis], before[axis] = slice(1, None), slice(None, -1)
        seam = keep[tuple(after)] != keep[tuple(before)]
        differ += ((voxels[:, *after] != voxels[:, *before]) & seam).sum()
        pairs += seam.sum() * len(voxels)
    return float(differ / pairs) if pairs else float("nan")
