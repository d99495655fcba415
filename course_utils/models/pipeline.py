"""The trained voxel models as a diffusers pipeline, `VoxelDiffusionPipeline`.

A folder of `checkpoints.save_checkpoint` is one of `save_pretrained`, and the other way round.
Without a scheduler the pipeline runs the sampler that the model's config names, step by step as
`course_utils.diffusion.sampling` does. With one from diffusers (`pipe.scheduler = ...`) it
translates at the boundary: a scheduler's x and the model's x of equal signal-to-noise ratio differ
by a factor alone (lesson 01; arXiv 2206.00364, section 5), so that a model trained on one path runs
on any other. Nothing else in `course_utils` imports diffusers.
"""

import copy
import inspect
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import ConfigMixin, DiffusionPipeline, ModelMixin, SchedulerMixin
from diffusers.utils import BaseOutput
from torch import Tensor

from course_utils.diffusion import paths
from course_utils.diffusion.denoiser import Denoiser
from course_utils.diffusion.noise import as_seeds, gaussian
from course_utils.diffusion.sampling import State, time_grid
from course_utils.files.atomic import writing_folder
from course_utils.geometry.repair import finished
from course_utils.geometry.surface import smooth_mesh
from course_utils.geometry.voxels import to_occupancy
from course_utils.models.checkpoints import FILES, MODEL_INDEX, load_checkpoint, save_checkpoint
from course_utils.models.config import Config
from course_utils.models.progress import progress
from course_utils.models.prompting import guided_by, sampling_states
from course_utils.models.wishes import wish_of
from course_utils.places import present

MOST_SHAPES = 10_000  # of one prompt
OUTPUTS: dict[str, Callable] = {
    "voxels": lambda x: to_occupancy(x[:, :1]),
    "field": lambda x: x,
    "mesh": lambda x: [smooth_mesh(finished(field)) for field in x[:, 0].cpu().numpy()],
}
# What a scheduler wants from the model, from x0, noise, alpha and sigma with alpha^2 + sigma^2 = 1.
WANTED: dict[str, Callable] = {
    "sample": lambda x0, noise, alpha, sigma: x0,
    "epsilon": lambda x0, noise, alpha, sigma: noise,
    "v_prediction": lambda x0, noise, alpha, sigma: alpha * noise - sigma * x0,
    "flow_prediction": lambda x0, noise, alpha, sigma: noise - x0,
}
SCHEDULER = "scheduler/scheduler_config.json"  # of a checkpoint folder with a scheduler


@dataclass
class VoxelPipelineOutput(BaseOutput):
    """shapes: by output_type, bool (B, D, H, W), floats (B, C, D, H, W), or B meshes.

    answers: for each what was understood of its prompt, and what cannot be made ("" where the
        prompt is in the model's own words).
    """

    shapes: np.ndarray | Tensor | list
    answers: list[str]


class VoxelDenoiser(ModelMixin, ConfigMixin):
    """A `Denoiser` with its config and card as a model of diffusers, called alike in any dtype."""

    config_name = "config.json"

    def __init__(self, denoiser: Denoiser, config: Config, card: str = ""):
        super().__init__()
        if not config.makes_shapes:
            raise ValueError(
                f"{config.where}: the config is not a voxel model's; expected one with classes,"
                " resolution and sampling"
            )
        self.denoiser, self.settings, self.card = denoiser, config, card
        self.register_to_config(**config.to_dict())

    @property
    def path(self) -> paths.Path:
        return self.denoiser.path

    def forward(self, x_t: Tensor, t: Tensor | float, condition: Tensor | None = None) -> Tensor:
        return self.denoiser(x_t.to(self.dtype), t, condition).to(x_t.dtype)

    @classmethod
    def from_pretrained(
        cls, folder: str | Path, torch_dtype: torch.dtype | None = None, **_
    ) -> "VoxelDenoiser":
        """Load a checkpoint folder; diffusers' other options, for huge models, are ignored."""
        card = Path(folder) / "README.md"
        denoiser, config = load_checkpoint(folder)
        return cls(
            denoiser.to(torch_dtype),
            config,
            card.read_text(encoding="utf-8") if card.exists() else "",
        )

    def save_pretrained(self, save_directory: str | Path, **saving) -> None:
        """Write a checkpoint folder, one that a pipeline can be loaded from.

        Args:
            save_directory: The folder.
            **saving: As of `VoxelDiffusionPipeline.save_pretrained`.
        """
        VoxelDiffusionPipeline(self).save_pretrained(save_directory, **saving)


class VoxelDiffusionPipeline(DiffusionPipeline):
    """From classes or texts to shapes; without a `scheduler`, by the model's own sampler."""

    _optional_components = ["scheduler"]  # noqa: RUF012

    def __init__(self, denoiser: VoxelDenoiser, scheduler: SchedulerMixin | None = None):
        super().__init__()
        self.register_modules(denoiser=denoiser, scheduler=scheduler)

    @classmethod
    def from_pretrained(cls, folder: str | Path, **loading) -> "VoxelDiffusionPipeline":
        """Return the pipeline of a checkpoint folder.

        Args:
            folder: A checkpoint folder, or what else diffusers takes.
            **loading: Options of diffusers' `DiffusionPipeline.from_pretrained`.
        """
        present(folder)
        return super().from_pretrained(folder, **loading)

    def save_pretrained(
        self,
        save_directory: str | Path,
        safe_serialization: bool = True,
        variant: str | None = None,
        *,
        push_to_hub: bool = False,
        **_,
    ) -> None:
        """Write a checkpoint folder, atomically, replacing one that is there; in half precision.

        Args:
            save_directory: The folder.
            safe_serialization: True; there is no pickle.
            variant: None; a checkpoint has one set of weights.
            push_to_hub: False; the folder can be uploaded.
            **_: What else diffusers' pipelines take, such as max_shard_size, is ignored: the
                weights are one file.

        Raises:
            ValueError: The folder is there and holds something other than a checkpoint, or another
                way to save it is asked for.
        """
        _refuse_other_ways(safe_serialization, variant, push_to_hub)
        folder, model = Path(save_directory), self.denoiser
        if (
            folder.is_dir()
            and any(folder.iterdir())
            and not (folder / "model.safetensors").exists()
        ):
            raise ValueError(
                f"save_directory {folder} would be replaced, and is no checkpoint; name a new"
                " folder"
            )
        # the scheduler may have been set since
        self.register_modules(denoiser=model, scheduler=self.scheduler)
        with writing_folder(folder, (*FILES, SCHEDULER)) as new:
            save_checkpoint(new, model.denoiser, model.settings, model.card)
            if self.scheduler is not None:
                self.scheduler.save_pretrained(new / "scheduler")
                index = MODEL_INDEX | {"scheduler": self.config["scheduler"]}
                (new / "model_index.json").write_text(
                    json.dumps(index, indent=2) + "\n", encoding="utf-8"
                )

    @torch.no_grad()
    def __call__(
        self,
        prompt: str | Sequence[str],
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        num_shapes_per_prompt: int = 1,
        generator: torch.Generator | Sequence[torch.Generator] | None = None,
        seeds: int | Sequence[int] | None = None,
        latents: Tensor | None = None,
        output_type: str = "voxels",
        return_dict: bool = True,
        callback_on_step_end: Callable | None = None,
    ) -> VoxelPipelineOutput | tuple:
        """Make num_shapes_per_prompt shapes of each prompt; B in all, those of one prompt together.

        prompt: one or more classes, or texts (`wishes.wish_of`).
        num_inference_steps, guidance_scale: None is the model's own.
        generator: one, or B of them; it gives each shape its seed, so that any device makes the
            same shape.
        seeds: one, or B of them, in the place of a generator: those of `course.py generate --seed`.
        latents: standard normal noise (B, C, D, H, W) to start from, in the place of the seeds'; C
            is the config's channels.
        output_type: voxels, mesh (the largest piece, smooth) or field.  return_dict: False returns
            (shapes,).
        callback_on_step_end: called as (pipe, step, timestep, {"latents": x_t, "x0": prediction})
            with step from 0; if it returns a dict, the sampler continues with its `latents`.
        ValueError for an unknown class, word or output_type, a wrong number or shape of anything, a
        scheduler that does not fit.
        """
        model, config = self.denoiser, self.denoiser.settings
        steps = config.sampling.steps if num_inference_steps is None else num_inference_steps
        size = config.resolution
        if output_type not in list(OUTPUTS):
            raise ValueError(f"output_type is {output_type!r}; use one of {', '.join(OUTPUTS)}")
        wishes = [wish_of(config, each) for each in _each(prompt, num_shapes_per_prompt)]
        prompts = [wish.text for wish in wishes]
        seeds = _seeds(len(prompts), seeds, generator)
        wanted = (len(prompts), config.channels, size, size, size)
        noise = gaussian(seeds, wanted[1:]) if latents is None else latents
        if not isinstance(noise, Tensor) or noise.shape != wanted:
            shape = (
                f"has shape {tuple(noise.shape)}" if hasattr(noise, "shape") else f"is {noise!r}"
            )
            raise ValueError(f"latents {shape}; expected {wanted}")
        if not noise.isfinite().all():
            raise ValueError(
                "latents holds numbers that are not finite; expected standard normal noise"
            )
        noise = noise.to(self._execution_device, torch.float32)
        if self.scheduler is None:
            how = {"steps": steps, "guidance_scale": guidance_scale, "noise": noise}
            states = sampling_states(model, config, prompts, seeds, **how)
            timesteps = time_grid(model.path, steps, config.sampling.shift)[:-1]
        else:
            levels = prepared(self.scheduler, model.path, steps, noise.device)
            generators = [torch.Generator().manual_seed(seed) for seed in seeds]
            denoise = guided_by(model, config, prompts, guidance_scale)
            states = scheduled(self.scheduler, levels, denoise, model.path, noise, generators)
            timesteps = self.scheduler.timesteps
        x = self._run(states, timesteps, callback_on_step_end)
        shapes = OUTPUTS[output_type](x)
        answers = [wish.answer for wish in wishes]
        return VoxelPipelineOutput(shapes=shapes, answers=answers) if return_dict else (shapes,)

    def progress_bar(self, iterable=None, total=None):
        """Return the course's bar; `set_progress_bar_config(disable=True)` hides it, as usual."""
        settings = getattr(self, "_progress_bar_config", {})
        return progress(iterable, total, "sampling", disable=settings.get("disable", False))

    def _run(self, states: Iterator[State], timesteps: Tensor, callback: Callable | None) -> Tensor:
        """Run the states to the end with progress bar and callback; the last x_t."""
        with self.progress_bar(total=len(timesteps)) as bar:
            for state, timestep in zip(states, timesteps, strict=True):
                if callback is not None:
                    answer = (
                        callback(
                            self, state.step - 1, timestep, {"latents": state.x_t, "x0": state.x0}
                        )
                        or {}
                    )
                    # in place: the sampler continues with it
                    state.x_t.copy_(answer.get("latents", state.x_t))
                bar.update()
        return state.x_t


def _refuse_other_ways(safe_serialization: bool, variant: str | None, push_to_hub: bool) -> None:
    """ValueError for a way to save that a checkpoint folder does not have."""
    if not safe_serialization:
        raise ValueError(
            "safe_serialization is False; expected True: a checkpoint's weights are safetensors,"
            " as a pickle can run anything where it is opened"
        )
    if variant is not None:
        raise ValueError(
            f"variant is {variant!r}; expected None: a checkpoint has one set of weights, in half"
            " precision"
        )
    if push_to_hub:
        raise ValueError(
            "push_to_hub is True; expected False: save the folder, then upload it with"
            " huggingface_hub's upload_folder"
        )


def _each(prompt: str | Sequence[str], count: int) -> list[str]:
    """Every prompt `count` times."""
    prompts = (
        list(prompt) if isinstance(prompt, Sequence) and not isinstance(prompt, str) else [prompt]
    )
    if not prompts or not all(isinstance(one, str) for one in prompts):
        raise ValueError(f"prompt is {prompt!r}; expected one or more texts")
    count = paths.whole("num_shapes_per_prompt", count, MOST_SHAPES)
    return [prompt for prompt in prompts for _ in range(count)]


def _seeds(count: int, seeds: int | Sequence[int] | None, generator) -> list[int]:
    """One seed per shape: those given, or drawn from one generator or from one each."""
    if seeds is None:
        each = list(generator) if isinstance(generator, Sequence) else [generator] * count
        if not all(isinstance(one, torch.Generator | None) for one in each):
            raise ValueError(f"generator is {generator!r}; expected torch.Generators, or seeds=")
        seeds = [
            int(torch.randint(2**32, (), generator=g, device=g.device if g else None)) for g in each
        ]
    seeds = as_seeds(seeds)
    if len(seeds) != count:
        raise ValueError(
            f"there are {len(seeds)} seeds or generators for {count} shapes; give one each"
        )
    return seeds


def scheduled(
    scheduler, levels, denoise: Callable, path: paths.Path, noise: Tensor, generators
) -> Iterator[State]:
    """`sampling.sample` by a diffusers scheduler: x_t is the scheduler's, t the path's.

    denoise: called as denoise(x_t, t) -> x0.  noise: standard normal (B, ...).  generators: B
    torch.Generators, for the fresh noise of schedulers that add some.
    """
    x, total = noise * getattr(scheduler, "init_noise_sigma", 1.0), len(levels)
    times = [
        path.time_at(2 * math.log(alpha / sigma) if alpha > 0 else -math.inf)
        for alpha, sigma in levels
    ]
    wanted = WANTED[scheduler.config.get("prediction_type", "flow_prediction")]
    fresh = (
        {"generator": generators}
        if "generator" in inspect.signature(scheduler.step).parameters
        else {}
    )
    for k, (timestep, (alpha, sigma), t) in enumerate(
        zip(scheduler.timesteps, levels, times, strict=True)
    ):
        size = math.hypot(alpha, sigma)
        x0 = denoise(x * float(torch.hypot(path.alpha(t), path.sigma(t))) / size, t)
        output = wanted(x0, (x - alpha * x0) / sigma, alpha / size, sigma / size)
        if hasattr(scheduler, "scale_model_input"):
            # ours was scaled above, but some insist on the call
            scheduler.scale_model_input(x, timestep)
        x = scheduler.step(output, timestep, x, **fresh).prev_sample
        yield State(k + 1, total, float(times[k + 1]) if k + 1 < total else 0.0, x, x0)


def prepared(
    scheduler, path: paths.Path, steps: int, device: torch.device
) -> list[tuple[float, float]]:
    """Set a scheduler's timesteps and try it; return the (alpha, sigma) of each of its steps.

    ValueError if it does not fit.

    Schedulers for flows get equal times, which they then shift: their own are shifted twice and end
    at 0.001. In the trial the model answers at every step that the data is 0.5: x must keep to
    0.5 alpha + sigma * noise, and end at 0.5.
    """
    try:
        flow = (
            hasattr(scheduler, "scale_noise")
            and "sigmas" in inspect.signature(scheduler.set_timesteps).parameters
        )
        equal = {"sigmas": np.linspace(1, 1 / steps, steps)} if flow else {}
        scheduler.set_timesteps(steps, device=device, **equal)
        levels = [_level(scheduler, k) for k in range(len(scheduler.timesteps))]
        noise, generators = (
            gaussian(0, (1, 1, 16, 16, 16)).to(device),
            [torch.Generator().manual_seed(0)],
        )
        trial = scheduled(copy.deepcopy(scheduler), levels, _known, path, noise, generators)
        off = [
            _off(state.x_t, *level)
            for state, level in zip(trial, [*levels[1:], (1.0, 0.0)], strict=True)
        ]
        problem = "" if max(off) < 0.2 else f"where the data is 0.5, it is off by {max(off):.2g}"
    except Exception as error:  # whatever goes wrong in a trial is a reason
        problem = f"{type(error).__name__}: {error}"
    if problem:
        raise ValueError(
            f"scheduler {type(scheduler).__name__} can't run this model in {steps} steps"
            f" ({problem}); expected one of diffusers' with add_noise or scale_noise and a"
            f" prediction_type of {', '.join(WANTED)}"
        )
    return levels


def _known(x_t: Tensor, t: Tensor | float) -> Tensor:
    return torch.full_like(x_t, 0.5)


def _off(x: Tensor, alpha: float, sigma: float) -> float:
    """How far the noise in x, with data 0.5, is from sigma; relative, or absolute at sigma = 0."""
    off = abs(float((x - 0.5 * alpha).square().mean().sqrt()) - sigma) / (sigma or 1.0)
    return off if math.isfinite(off) else math.inf


def _level(scheduler, k: int) -> tuple[float, float]:
    """alpha and sigma at a scheduler's step k: what it makes of data 1, and of noise 1."""
    asked = copy.copy(scheduler)  # asking leaves traces
    if hasattr(asked, "set_begin_index"):  # a timestep may occur twice, a place does not
        asked.set_begin_index(k)
    timestep, one, zero = asked.timesteps[k : k + 1], *torch.eye(2, dtype=torch.float64)[:, :1]
    if hasattr(asked, "scale_noise"):
        return float(asked.scale_noise(one, timestep, zero)), float(
            asked.scale_noise(zero, timestep, one)
        )
    return float(asked.add_noise(one, zero, timestep)), float(asked.add_noise(zero, one, timestep))
