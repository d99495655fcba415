"""Training a denoiser: the loss, the loop, the moving average. The same for points, images and
voxels.

The loop is a generator that yields (step, loss, seconds); the caller prints, plots, saves and
stops. Everything random in step k follows from (seed, k) alone, so a training that was killed and
resumed gives the weights it would have given. Several processes train as one: each draws the batch
of all, takes its own part, and they average their gradients. Lesson 02 writes the loss, lesson 08
watches the loop. Sources: loss and target (arXiv 2006.11239, eq. 14; 2202.00512, appendix D), times
from a logit-normal (arXiv 2403.03206, eq. 19), x0-prediction with a velocity loss (arXiv
2511.13720), moving average (arXiv 2006.11239, appendix B).
"""

import copy
import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path as FilePath
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, distributed, nn

from course_utils.diffusion.denoiser import Denoiser
from course_utils.diffusion.paths import spread
from course_utils.files.atomic import save_tensors

# a loss for data of -1 and 1 alone, where a guess of x0 is 2 p - 1: the cross-entropy of p
BITS = "bits"
Draw = Callable[[torch.Generator, int], tuple[Tensor, Tensor | None, Tensor | None]]


def warmed_and_falling(step: int, steps: int, warmup: int) -> float:
    """Share of a learning rate in a step counted from 0: linear warm-up, then half a cosine down to
    a hundredth.
    """
    fall = 0.01 + 0.99 * (1 + math.cos(math.pi * step / steps)) / 2
    return min(1.0, (step + 1) / max(warmup, 1)) * fall


def generator_of_step(seed: int, step: int, device: torch.device | str = "cpu") -> torch.Generator:
    """All that is random in a step comes from here, so it follows from (seed, step) alone.

    torch's generator on the CPU looks at 32 bits of its seed only; seeds lie further apart than
    trainings are long.
    """
    return torch.Generator(device).manual_seed((seed * 1_000_003 + step) % 2**32)


def has_bfloat16_units() -> bool:
    """Whether this processor multiplies bfloat16 in hardware made for it (AMX), so that it is worth
    while, and sound.

    On one without (AMD's Zen 5, torch 2.13) the gradients of 3D convolutions on small grids are
    garbage.
    """
    return bool(
        getattr(torch.cpu, "_is_amx_tile_supported", bool)()
    )  # torch has no public name for it


def place_in_team() -> tuple[int, int]:
    """This process's number, from 0, and how many train together: (0, 1) unless a launcher started
    several.
    """
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


@torch.no_grad()
def average_over_team(tensors: list[Tensor]) -> None:
    """Replace tensors by their means over all processes, in one message; the same numbers, to the
    bit, in each.
    """
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    distributed.all_reduce(flat)
    parts = (flat / distributed.get_world_size()).split([tensor.numel() for tensor in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        tensor.copy_(part.view_as(tensor))


@torch.no_grad()
def move_average(mean: nn.Module, new: nn.Module, decay: float, step: int) -> None:
    """Move the averaged weights towards new ones; quickly in the first steps, to forget the random
    beginning.
    """
    decay = min(decay, (1 + step) / (10 + step))
    for average, weight in zip(mean.parameters(), new.parameters(), strict=True):
        average.lerp_(weight, 1 - decay)


@dataclass(frozen=True)
class Plan:
    """All that fixes a training, apart from network, path and data.

    batch_size: of one process; N processes train as one does with N times the batch, up to
        rounding.
    time_mean, time_std: training times are sigmoid(mean + std * normal); a larger mean is noisier
        (arXiv 2403.03206).
    loss_in: the quantity whose mean squared error is minimised, one of paths.KINDS; or `BITS`.
    weight_limit: largest weight that an x0 error may get, because at t = 0 the weight of most
    quantities is infinite. ValueError for numbers that make no training.
    """

    steps: int = 1000
    batch_size: int = 16
    learning_rate: float = 1e-3
    warmup: int = 50
    weight_decay: float = 0.01
    gradient_clip: float = 1.0
    ema_decay: float = 0.999
    time_mean: float = 0.0
    time_std: float = 1.0
    loss_in: str = "velocity"
    weight_limit: float = 400.0
    drop_condition: float = 0.1
    seed: int = 0

    def __post_init__(self):
        for name in ("steps", "batch_size"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} is {value!r}; expected a whole number from 1")
        for name in ("learning_rate", "gradient_clip", "time_std", "weight_limit"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise ValueError(f"{name} is {value!r}; expected a number above 0")
        if not (0 <= self.ema_decay < 1 and 0 <= self.drop_condition <= 1):
            raise ValueError(
                f"ema_decay is {self.ema_decay} and drop_condition {self.drop_condition}; expected"
                " shares of 1"
            )

    def learning_rate_at(self, step: int) -> float:
        """The learning rate in a step counted from 0."""
        return self.learning_rate * warmed_and_falling(step, self.steps, self.warmup)


class Progress(NamedTuple):
    """What the loop yields: steps done so far, the loss of the last one, seconds of training so
    far.
    """

    step: int
    loss: float
    seconds: float


def training_loss(
    denoiser: Denoiser,
    x0: Tensor,
    noise: Tensor,
    t: Tensor,
    condition: Tensor | None = None,
    loss_in: str = "velocity",
    weight_limit: float = 400.0,
) -> Tensor:
    """Mean squared error of the denoiser's prediction, measured in the quantity `loss_in`; a scalar
    tensor.

    x0, noise: (B, ...); t: (B,). Whatever the network predicts, the error in `loss_in` is the error
    in x0 times `Path.sensitivity`, so one formula serves every path, every prediction and every
    loss. With `BITS` it is the mean cross-entropy instead, in nats.
    """
    path = denoiser.path
    predicted = denoiser(path.noised(x0, noise, t), t, condition)
    if loss_in == BITS:
        return -((1 + x0 * predicted) / 2).clamp(min=1e-6).log().mean()
    weight = path.sensitivity(loss_in, t).square().clamp(max=weight_limit)
    return (spread(weight, x0) * (predicted - x0).square()).mean()


def batches(
    values: Tensor,
    condition: Tensor | None = None,
    prepare: Callable = Tensor.float,
    noise: Tensor | None = None,
) -> Draw:
    """Random batches from tensors in memory: a function (generator, count) -> (x0, condition,
    noise).

    values: (N, ...); condition: (N, ...) or None; prepare turns the rows drawn into x0 (voxels kept
        as bool, say);
    noise: (N, ...) like x0 where each row has a noise of its own (reflow, optimal transport: lesson
    03), None where the trainer shall draw it. What it returns lies on the generator's device.
    ValueError for no rows, and for another number of conditions or noises.
    """
    others = {"condition": condition, "noise": noise}
    if len(values) == 0:
        raise ValueError("values has no rows; expected one sample or more to train on")
    for name, part in others.items():
        if part is not None and len(part) != len(values):
            raise ValueError(
                f"{name} has {len(part)} rows for {len(values)} values; expected one for each"
            )

    def draw(generator: torch.Generator, count: int) -> tuple[Tensor, Tensor | None, Tensor | None]:
        rows = torch.randint(
            len(values), (count,), generator=generator, device=generator.device
        ).to(values.device)
        others = (
            None if part is None else part[rows].to(generator.device) for part in (condition, noise)
        )
        return prepare(values[rows]).to(generator.device), *others

    return draw


class Trainer:
    """A training under way: denoiser, moving average (`ema`), optimizer, `step`s and `seconds` done
    so far.

    `run` is the loop. `save` and `restore` keep everything in one file, written atomically. On CUDA
    the network runs in bfloat16 (compute capability 8 or more) or float16 with a scaler; elsewhere
    in float32, or in bfloat16 if asked for with `half` where the processor has units for it. With
    `compiled` the network goes through torch.compile first. Where a launcher started several
    processes each has a trainer, all with the same weights at every step: `rank` is the process's
    number, and one of them is enough to save.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        plan: Plan,
        device: str = "cpu",
        compiled: bool = False,
        half: bool = False,
    ):
        self.device, self.plan, self.step, self.seconds = torch.device(device), plan, 0, 0.0
        self.rank, self.processes = place_in_team()
        self.denoiser = denoiser.to(self.device).train()
        if self.processes > 1:
            for tensor in self.denoiser.state_dict().values():
                distributed.broadcast(tensor, 0)
        self.ema = copy.deepcopy(self.denoiser).eval().requires_grad_(False)
        self.optimizer = torch.optim.AdamW(
            self.denoiser.parameters(),
            plan.learning_rate,
            (0.9, 0.99),
            weight_decay=plan.weight_decay,
            fused=True,
        )
        self.call = torch.compile(self.denoiser) if compiled else self.denoiser
        cuda = self.device.type == "cuda"
        old = cuda and torch.cuda.get_device_capability(self.device)[0] < 8
        half = cuda or (half and has_bfloat16_units())
        self.precision = torch.float16 if old else torch.bfloat16 if half else None
        self.scaler = torch.amp.GradScaler(enabled=old)

    def run(self, draw: Draw, until: int | None = None) -> Iterator[Progress]:
        """Train to step `until` (default: the plan's last), yielding a `Progress` after every
        step.
        """
        while self.step < (self.plan.steps if until is None else until):
            start = time.perf_counter()
            loss = self._one_step(draw)
            self.step += 1
            self.seconds += time.perf_counter() - start
            yield Progress(self.step, loss, self.seconds)

    def _share_of_batch(self, draw: Draw) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """(x0, noise, t, condition) of this step: every process draws the batch of all and keeps
        its own part.
        """
        plan = self.plan
        generator = generator_of_step(plan.seed, self.step, self.device)
        x0, condition, noise = draw(generator, self.processes * plan.batch_size)
        normal = torch.randn(len(x0), generator=generator, device=self.device)
        t = torch.sigmoid(plan.time_mean + plan.time_std * normal)
        if noise is None:
            noise = torch.randn(x0.shape, generator=generator, device=self.device)
        if condition is not None:
            dropped = (
                torch.rand(len(x0), generator=generator, device=self.device) < plan.drop_condition
            )
            condition = torch.where(spread(dropped, condition) > 0, -1, condition)
        parts = (x0, noise, t, condition)
        return tuple(
            None if part is None else part.chunk(self.processes)[self.rank] for part in parts
        )

    def _one_step(self, draw: Draw) -> float:
        plan = self.plan
        x0, noise, t, condition = self._share_of_batch(draw)
        for group in self.optimizer.param_groups:
            group["lr"] = plan.learning_rate_at(self.step)
        context = (
            torch.autocast(self.device.type, self.precision) if self.precision else nullcontext()
        )
        with context:
            loss = training_loss(
                self.call, x0, noise, t, condition, plan.loss_in, plan.weight_limit
            )
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        loss = loss.detach()
        if self.processes > 1:
            average_over_team(
                [loss, *(p.grad for p in self.denoiser.parameters() if p.grad is not None)]
            )
        self.scaler.unscale_(self.optimizer)
        torch.nn.utils.clip_grad_norm_(self.denoiser.parameters(), plan.gradient_clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        move_average(self.ema, self.denoiser, plan.ema_decay, self.step)
        if not math.isfinite(loss) and not self.scaler.is_enabled():  # a scaler skips such steps
            raise ValueError(
                f"step {self.step + 1}: the loss is {float(loss)}; look whether all numbers of the"
                f" data are finite, or take a smaller learning_rate than {plan.learning_rate}"
            )
        return float(loss)

    def _fixed(self) -> dict:
        """What a state must agree with: the plan, with the batch of all processes, however many
        share it.
        """
        return asdict(self.plan) | {"batch_size": self.processes * self.plan.batch_size}

    def save(self, file: str | FilePath) -> None:
        """Write the whole state to one safetensors file; a reader finds the old state or the new,
        never half of one.
        """
        tensors = {f"weights.{k}": v for k, v in self.denoiser.state_dict().items()}
        tensors |= {f"ema.{k}": v for k, v in self.ema.state_dict().items()}
        for index, entries in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{k}": v for k, v in entries.items()}
        about = {"step": self.step, "seconds": self.seconds, "plan": self._fixed()}
        about["scaler"] = self.scaler.state_dict()
        save_tensors(file, tensors, {"training": json.dumps(about)})

    def restore(self, file: str | FilePath) -> None:
        """Go on from a file written by `save`. ValueError if it is damaged or belongs to another
        plan or network.
        """
        try:
            with safe_open(file, "pt", device=str(self.device)) as state:
                about = json.loads(state.metadata()["training"])
                tensors = {key: state.get_tensor(key) for key in state.keys()}  # noqa: SIM118
        except (OSError, SafetensorError, KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(
                f"{file} is not a readable training state ({error}); delete it to start afresh"
            ) from error
        mine = self._fixed()
        changed = [
            f"{k}: {v} there, {mine.get(k)} now"
            for k, v in about["plan"].items()
            if mine.get(k) != v
        ]
        if changed:
            raise ValueError(
                f"{file} belongs to another plan ({'; '.join(changed)}); use that plan (a batch is"
                " that of all processes together), or begin anew with another file (course.py"
                " train: --out FOLDER)"
            )
        parts: dict[str, dict] = {"weights": {}, "ema": {}, "optimizer": {}}
        for key, value in tensors.items():
            part, _, name = key.partition(".")
            parts[part][name] = value
        try:
            self.denoiser.load_state_dict(parts["weights"])
            self.ema.load_state_dict(parts["ema"])
        except RuntimeError as error:
            raise ValueError(
                f"{file} belongs to another network: {str(error).splitlines()[-1].strip()}"
            ) from error
        state: dict[int, dict] = {}
        for name, value in parts["optimizer"].items():
            index, _, entry = name.partition(".")
            state.setdefault(int(index), {})[entry] = value
        self.optimizer.load_state_dict(
            {"state": state, "param_groups": self.optimizer.state_dict()["param_groups"]}
        )
        if about["scaler"]:
            self.scaler.load_state_dict(about["scaler"])
        self.step, self.seconds = about["step"], about["seconds"]
