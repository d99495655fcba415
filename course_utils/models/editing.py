"""Editing with a model that was only trained to generate: no retraining, the usual sampling loop.

An edit changes either what the sampler asks (`keeping`, `mixed`) or where it starts (`from_time`).
Points, images and voxels are edited alike. Lesson 09 carves shapes with it. Sources:
completion (arXiv 2011.13456, section 5; with `sampling.resampled` arXiv 2201.09865), variation
(SDEdit, arXiv 2108.01073), mixed conditions (arXiv 2206.01714).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from course_utils.diffusion.denoiser import Denoiser
from course_utils.diffusion.paths import Path
from course_utils.diffusion.sampling import last
from course_utils.geometry.voxels import to_model, to_occupancy
from course_utils.models.prompting import sampling_states


@dataclass(frozen=True)
class Edited:
    """What a sampler asks in a denoiser's place, called as edited(x_t, t) -> x0; made by `keeping`
    or `mixed`.
    """

    path: Path
    guess: Callable

    def __call__(self, x_t: Tensor, t: Tensor | float) -> Tensor:
        return self.guess(x_t, t)


def keeping(denoise: Callable, known: Tensor, keep: Tensor) -> Edited:
    """Hold a part of x0 fast: the guess for it is `known`, whatever the denoiser says, and the
    sample ends with it.

    denoise: called as denoise(x_t, t) -> x0, with a `path`.  known: (B, ...) or one for all.  keep:
    bool, of the same shape or one that stretches to it. With any sampler the kept part of x_t is
    then, step by step, the known one with its noise. ValueError if keep is not bool or fits no
    shape of known.
    """
    if keep.dtype != torch.bool:
        raise ValueError(f"keep is {keep.dtype}; expected bool, True where `known` is kept")
    try:
        torch.broadcast_shapes(keep.shape, known.shape)
    except RuntimeError as error:
        shapes = f"keep has shape {tuple(keep.shape)}, known {tuple(known.shape)}"
        raise ValueError(f"{shapes}; expected shapes that stretch to each other") from error
    return Edited(denoise.path, lambda x_t, t: torch.where(keep, known, denoise(x_t, t)))


def mixed(first: Callable, second: Callable, weight: float) -> Edited:
    """Between two wishes: weight 0 is the first denoiser, 1 the second; usually two `guided` of one
    model.
    """
    return Edited(first.path, lambda x_t, t: torch.lerp(first(x_t, t), second(x_t, t), weight))


def from_time(times: Tensor, start: float) -> Tensor:
    """The part of a sampler's times below `start`, with `start` in front: for a walk that begins
    half-way.

    Begin it at path.noised(x0, noise, start): the later the start (near 0), the more of x0 is left.
    ValueError unless 0 < start <= times[0].
    """
    if not 0 < start <= float(times[0]):
        raise ValueError(
            f"start is {start}; expected a time above 0 and at most {float(times[0]):g}"
        )
    return torch.cat([torch.tensor([start], dtype=times.dtype), times[times < start]])


def complete(
    denoiser: Denoiser,
    config: dict,
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
        prompt: What the whole shape should be.
        voxels: Bool (D, H, W), or one shape per seed (len(seeds), D, H, W).
        keep: Bool (D, H, W): where it is True each voxel, full or empty, stays as it is.
        seeds: One per proposal.
        steps: Sampling steps; None is the model's own number.
        rounds: Of `sampling.resampled`.

    Raises:
        ValueError: The grids do not fit the model, or it does not know the prompt.
    """
    voxels, keep, seeds = np.asarray(voxels), np.asarray(keep), list(seeds)
    grid = (config["resolution"],) * 3
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
