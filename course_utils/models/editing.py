"""Editing with a model that was only trained to generate: no retraining, the usual sampling loop.

An edit changes either what the sampler asks (`guidance.keeping`, `guidance.mixed`) or where it
starts (`sampling.from_time`). Points, images and voxels are edited alike. Lesson 09 carves shapes
with it. Sources: completion (arXiv 2011.13456, section 5; with `sampling.resampled` arXiv
2201.09865), variation (SDEdit, arXiv 2108.01073), mixed conditions (arXiv 2206.01714).
"""

from collections.abc import Sequence

import numpy as np
import torch

from course_utils.diffusion.denoiser import Denoiser
from course_utils.diffusion.guidance import keeping
from course_utils.diffusion.noise import as_seeds
from course_utils.diffusion.sampling import last
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
    """Propose the rest of a shape that is kept in part, once per seed: bool (len(seeds), D, H, W).

    Args:
        denoiser: Of `checkpoints.load_checkpoint`.
        config: Of `checkpoints.load_checkpoint`.
        prompt: What the whole shape should be, any that `wishes.wish_of` takes.
        voxels: Bool (D, H, W), or one shape per seed (len(seeds), D, H, W).
        keep: Bool (D, H, W): where it is True each voxel, full or empty, stays as it is.
        seeds: One per proposal.
        steps: Sampling steps; None is the model's own number.
        rounds: Of `sampling.resampled`.

    Raises:
        ValueError: The grids do not fit the model, or it does not know the prompt.
    """
    prompt = wish_of(config, prompt).text
    voxels, keep, seeds = np.asarray(voxels), np.asarray(keep), as_seeds(seeds)
    grid = (config.resolution,) * 3
    fits = voxels.shape in (grid, (len(seeds), *grid)) and keep.shape == grid
    if not fits or voxels.dtype != bool or keep.dtype != bool:
        got = (
            f"voxels is {voxels.dtype} of shape {voxels.shape}, keep {keep.dtype} of shape"
            f" {keep.shape}"
        )
        raise ValueError(
            f"{got}; expected bool {grid} both, or voxels {(len(seeds), *grid)}, one for each seed"
        )
    device = next(denoiser.parameters()).device
    known, kept = to_model(voxels.reshape(-1, *grid)).to(device), torch.from_numpy(keep).to(device)
    how = {"steps": steps, "rounds": rounds, "edit": lambda denoise: keeping(denoise, known, kept)}
    return to_occupancy(
        last(sampling_states(denoiser, config, [prompt] * len(seeds), seeds, **how)).x_t
    )


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
