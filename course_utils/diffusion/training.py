"""One training loop for every model and loss; the caller prints, plots, saves and stops.

`Trainer.run` is a generator that yields after every step. Everything random in a step follows from
(seed, step) alone, so a training that was killed continues exactly. Lesson 02 writes the loop.
Sources: moving average (arXiv 2006.11239, appendix B), decoupled weight decay (arXiv 1711.05101).
"""

import copy
import itertools
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path as FilePath

import torch
from torch import Tensor, distributed, nn

from course_utils.diffusion.device import has_bfloat16_units, precision_of
from course_utils.diffusion.losses import Batch, Loss
from course_utils.diffusion.muon import Muon, matrices
from course_utils.diffusion.noise import as_seed
from course_utils.diffusion.placing import Draw, draw_from
from course_utils.files.states import about_state, differences, load_state, save_state

OPTIMIZERS = {"adamw": torch.optim.AdamW, "muon": Muon}
LOOKS = 50  # steps between two looks at the loss, where the CPU must wait for a device to look


@dataclass(frozen=True)
class Plan:
    """How long and how fast a model learns: what fixes a training apart from model, loss and data.

    batch_size: of one process; N processes train as one does with N times the batch, up to
        rounding.
    warmup: steps in which the learning rate rises; then it falls along half a cosine, to a
        hundredth.
    betas: AdamW's, for the gradient and its square.  gradient_clip: the largest norm of a gradient;
        inf for any.
    ema_decay: of the moving average, which is what is sampled from.
    optimizer: "adamw", or "muon" for networks of large matrices (see `muon`).
    ValueError for numbers out of range.
    """

    steps: int = 1000
    batch_size: int = 16
    learning_rate: float = 1e-3
    warmup: int = 50
    weight_decay: float = 0.01
    gradient_clip: float = 1.0
    betas: tuple[float, float] = (0.9, 0.99)
    ema_decay: float = 0.999
    seed: int = 0
    optimizer: str = "adamw"

    def __post_init__(self):
        for name in ("steps", "batch_size"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} is {value!r}; expected a whole number from 1")
        for name in ("learning_rate", "gradient_clip"):
            value = getattr(self, name)
            if not value > 0 or (name == "learning_rate" and value == math.inf):
                raise ValueError(f"{name} is {value!r}; expected a number above 0")
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(f"optimizer is {self.optimizer!r}; use one of {', '.join(OPTIMIZERS)}")
        object.__setattr__(self, "seed", as_seed(self.seed))
        if not 0 <= self.ema_decay < 1:
            raise ValueError(
                f"ema_decay is {self.ema_decay!r}; expected a share, from 0 to below 1"
            )

    def learning_rate_at(self, step: int) -> float:
        """The learning rate in a step counted from 0."""
        fall = 0.01 + 0.99 * (1 + math.cos(math.pi * step / self.steps)) / 2
        return self.learning_rate * (min(1.0, (step + 1) / max(self.warmup, 1)) * fall)


class Progress:
    """What the loop yields after a step.

    step: steps done so far.  seconds: of training so far.  losses: of the step, one for each turn.
    loss: the last of them.  read: whether they were read yet.
    The losses lie on the device until somebody looks at one: then the CPU waits for the device
    once, and reads all that were not read yet. It unpacks into step, loss and seconds.
    """

    def __init__(self, step: int, seconds: float, on_device: Sequence[Tensor], look: Callable):
        self.step, self.seconds, self.on_device = step, seconds, on_device
        self.read, self._look, self._losses = False, look, ()

    @property
    def losses(self) -> tuple[float, ...]:
        if not self.read:
            self._look()
        return self._losses

    @property
    def loss(self) -> float:
        return self.losses[-1]

    def __iter__(self) -> Iterator[float]:
        return iter((self.step, self.loss, self.seconds))

    def take(self, losses: Sequence[float]) -> None:
        """Keep the losses, which were read."""
        self.read, self.on_device, self._losses = True, (), tuple(losses)


def batches(
    values: Tensor,
    condition: Tensor | None = None,
    prepare: Callable[[Tensor], Tensor] = Tensor.float,
    noise: Tensor | None = None,
) -> Draw:
    """Draw random batches from tensors in memory: a function (generator, count) -> `Batch`.

    Args:
        values: (N, ...); a row becomes a target.
        condition: (N, ...), what is given with each row, or None.
        prepare: Turns the rows drawn into targets, for example bool voxels into floats.
        noise: (N, ...) like a target, where each row has noise of its own.

    Raises:
        ValueError: There are no rows, or another number of conditions or noises.
    """
    if len(values) == 0:
        raise ValueError("values has no rows; expected one sample or more to train on")
    for name, part in {"condition": condition, "noise": noise}.items():
        if part is not None and len(part) != len(values):
            raise ValueError(
                f"{name} has {len(part)} rows for {len(values)} values; expected one for each"
            )

    def pick(generator, count, values, condition, noise) -> Batch:
        rows = torch.randint(len(values), (count,), generator=generator, device=values.device)
        parts = (None if part is None else part[rows] for part in (condition, noise))
        return Batch(prepare(values[rows]), *parts)

    return draw_from((values, condition, noise), pick)


class Trainer:
    """A training under way: `model`, its moving average `ema`, the steps and seconds done so far.

    `run` is the loop. `save` and `restore` keep everything in one file, written atomically. On CUDA
    the model runs in half precision (`device.precision_of`), in float16 with a scaler; elsewhere in
    float32, or in bfloat16 if asked for with `half` where the processor has units for it. With
    `compiled` the model goes through torch.compile first, on CUDA with CUDA graphs. A batch is
    taken in `parts`, one after the other, where all of it at once needs too much memory: the
    gradient is the same up to rounding. Where a launcher has started several processes each has a
    trainer, all with the same weights at every step: `rank` is the process's number, and one of
    them is enough to save.

    On a device a step moves nothing and waits for nothing: the loss stays there until it is read,
    which `run` does in every `LOOKS`-th step (on the CPU in every step). ValueError for `parts`
    that do not divide the batch.
    """

    def __init__(
        self,
        model: nn.Module,
        plan: Plan,
        loss: Loss,
        device: str = "cpu",
        compiled: bool = False,
        half: bool = False,
        parts: int = 1,
    ):
        if parts < 1 or plan.batch_size % parts:
            raise ValueError(
                f"parts is {parts}; expected a number that divides the batch of {plan.batch_size}"
            )
        self.device, self.plan, self.loss = torch.device(device), plan, loss
        self.parts, self.step, self.seconds = parts, 0, 0.0
        self.origin: dict = {}  # what else a saved state must agree with, such as a config; JSON
        self.rank, self.processes = place_in_team()
        self.model = model.to(self.device).train()
        if self.processes > 1:
            for tensor in self.model.state_dict().values():
                distributed.broadcast(tensor, 0)
        # the moving average of weights and buffers: what is sampled from and shipped
        self.ema = copy.deepcopy(self.model).eval().requires_grad_(False)
        self._averaged = [
            tensors_of(one, floats) for floats in (True, False) for one in (self.ema, self.model)
        ]
        rates = getattr(loss, "rates", {})  # of parts of the model, in units of the plan's
        parts = [(model.get_submodule(part), rate) for part, rate in rates.items()]
        self.optimizer = OPTIMIZERS[plan.optimizer](
            [
                {"rate": rate} | group
                for part, rate in parts or [(model, 1.0)]
                for group in groups_of(part, plan.optimizer)
            ],
            plan.learning_rate,
            plan.betas,
            weight_decay=plan.weight_decay,
            fused=True,
        )
        cuda = self.device.type == "cuda"
        mode = "reduce-overhead" if cuda else "default"
        self.call = torch.compile(self.model, mode=mode) if compiled else self.model
        bfloat16 = torch.bfloat16 if half and has_bfloat16_units() else None
        self.precision = precision_of(self.device) or bfloat16
        scaled = self.precision == torch.float16
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=scaled)
        self._unread: list[Progress] = []

    def run(self, draw: Draw, until: int | None = None) -> Iterator[Progress]:
        """Train to step `until` (default: the last), yielding a `Progress` after every step.

        ValueError where a loss is no finite number.
        """
        until = self.plan.steps if until is None else until
        every = 1 if self.device.type == "cpu" else LOOKS
        while self.step < until:
            start = time.perf_counter()
            losses = self._one_step(draw)
            self.step += 1
            done = Progress(self.step, 0.0, losses, self._look)
            self._unread.append(done)
            if self.step % every == 0 or self.step == until:
                self._look()
            self.seconds += time.perf_counter() - start
            done.seconds = self.seconds
            yield done

    def _look(self) -> None:
        """Read all losses that were not read yet. ValueError if one of them is no finite number."""
        unread, self._unread = self._unread, []
        losses = [loss for progress in unread for loss in progress.on_device]
        numbers = iter(torch.stack(losses).tolist() if losses else [])  # the one wait
        for progress in unread:
            progress.take([next(numbers) for _ in progress.on_device])
        for progress in unread:
            # a scaler skips such steps
            if not all(map(math.isfinite, progress.losses)) and not self.scaler.is_enabled():
                raise ValueError(
                    f"step {progress.step}: the loss is {progress.loss}; look whether all numbers"
                    " of the data are finite, or take a smaller learning_rate than"
                    f" {self.plan.learning_rate}"
                )

    def _one_step(self, draw: Draw) -> list[Tensor]:
        for group in self.optimizer.param_groups:
            group["lr"] = self.plan.learning_rate_at(self.step) * group["rate"]
        losses = []
        with seeded(self.plan.seed, self.step, self.rank, self.device):
            turns = [self._turns(*part) for part in self._prepared(draw)]
            while (loss := self._take_turn(turns)) is not None:
                losses.append(loss)
        self._move_average()
        return losses

    def _prepared(self, draw: Draw) -> list[list]:
        """What the loss takes, for each part of this process's share of the batch of all.

        Every process draws the batch of all and keeps its own share.
        """
        generator = generator_of_step(self.plan.seed, self.step, self.device)
        batch = Batch(*draw(generator, self.processes * self.plan.batch_size))
        prepared = self.loss.prepare(batch, generator, self.step)
        first, count = self.rank * self.parts, self.processes * self.parts
        return [
            [one.chunk(count)[first + k] if isinstance(one, Tensor) else one for one in prepared]
            for k in range(self.parts)
        ]

    def _turns(self, *prepared) -> Iterator[tuple[nn.Module, Tensor]]:
        """Who learns from which loss: the whole model, or each player of a game in turn."""
        loss = self.loss(self.call, *prepared)
        if isinstance(loss, Tensor):
            yield self.model, loss
        else:
            yield from loss

    def _take_turn(self, turns: list[Iterator]) -> Tensor | None:
        """Take one step by the mean loss of the parts, and return that; None if no turn is left."""
        losses = []
        for turn in turns:
            learner, loss = self._next(turn)
            if learner is None:
                return None
            if not losses:
                learned = [p for p in learner.parameters() if p.requires_grad]
                self.optimizer.zero_grad(set_to_none=True)
            loss = loss / self.parts
            self.scaler.scale(loss).backward(inputs=learned)
            losses.append(loss.detach())
        loss = torch.stack(losses).sum()
        self._improve(learned, loss)
        return loss

    def _next(self, turn: Iterator) -> tuple[nn.Module | None, Tensor | None]:
        with torch.autocast(self.device.type, self.precision) if self.precision else nullcontext():
            return next(turn, (None, None))

    def _improve(self, learned: list[Tensor], loss: Tensor) -> None:
        """Take one step of the optimizer, for the learner's own parameters only."""
        if self.processes > 1:
            average_over_team([loss, *(p.grad for p in learned if p.grad is not None)])
        self.scaler.unscale_(self.optimizer)
        if self.plan.gradient_clip < math.inf:
            torch.nn.utils.clip_grad_norm_(learned, self.plan.gradient_clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()

    @torch.no_grad()
    def _move_average(self) -> None:
        """Move the average; quickly at first, to forget the random beginning."""
        decay = min(self.plan.ema_decay, (1 + self.step) / (10 + self.step))
        means, new, counters, counts = self._averaged
        torch._foreach_lerp_(means, new, 1 - decay)
        if counters:  # buffers that count
            torch._foreach_copy_(counters, counts)

    def _fixed(self) -> dict:
        """What a state must agree with, as JSON; the batch is that of all processes together."""
        plan = asdict(self.plan) | {"batch_size": self.processes * self.plan.batch_size}
        loss = {"kind": type(self.loss).__name__, **vars(self.loss)}
        return json.loads(json.dumps({"plan": plan, "loss": loss} | self.origin, default=repr))

    def _tensors(self) -> dict[str, Tensor]:
        tensors = {f"weights.{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"ema.{k}": v for k, v in self.ema.state_dict().items()}
        for index, entries in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{k}": v for k, v in entries.items()}
        return tensors

    def save(self, file: str | FilePath) -> None:
        """Write the whole state to one file; a reader finds the old state or the new one.

        ValueError where a loss or a weight is no finite number: nothing is written.
        """
        self._look()
        if not torch.stack(torch._foreach_norm(self._averaged[1])).isfinite().all():
            raise ValueError(
                f"step {self.step}: a weight is no finite number, so {file} stays as it was; take a"
                f" smaller learning_rate than {self.plan.learning_rate}"
            )
        about = {"step": self.step, "seconds": self.seconds, "belongs": self._fixed()}
        save_state(file, self._tensors(), about | {"scaler": self.scaler.state_dict()})

    def check(self, file: str | FilePath) -> None:
        """Look whether `restore` could continue from a file, as far as can be known by now.

        Raises:
            ValueError: It is damaged, or belongs to another plan, loss or `origin`.
        """
        self._refuse_foreign(file, about_state(file))

    def _refuse_foreign(self, file: str | FilePath, about: dict) -> None:
        mine = self._fixed()
        there = {key: about.get("belongs", {}).get(key) for key in mine}
        plan = there["plan"] or {}
        fewer = plan.get("steps", math.inf) > self.plan.steps
        if not fewer:  # more are welcome: the learning rate then falls later
            plan["steps"] = self.plan.steps
        if changed := differences(there, mine):
            hint = f"; it is at step {about.get('step')}, and cannot be shortened" if fewer else ""
            if "batch_size" in plan and plan["batch_size"] != mine["plan"]["batch_size"]:
                hint += self._how_to_share(plan["batch_size"])
            raise ValueError(
                f"{file} belongs to another training ({changed}{hint}): go back to what it was"
                " begun with to continue it, or begin anew in another folder (course.py train:"
                " --out); a config's begin_from may name the checkpoint whose weights to begin with"
            )

    def _how_to_share(self, whole: int) -> str:
        """How this many processes share a state's batch, for a message."""
        each, rest = divmod(whole, self.processes)
        together = "one process" if self.processes == 1 else f"{self.processes} processes"
        if rest:
            return f"; {together} cannot share its batch of {whole} evenly"
        return f"; with {together} it takes --batch-size {each}"

    def restore(self, file: str | FilePath) -> None:
        """Continue from a file written by `save`.

        Raises:
            ValueError: It is damaged, or belongs to another plan, loss, `origin` or network.
        """
        tensors, about = load_state(file)
        self._refuse_foreign(file, about)
        try:
            self._take(tensors)
            if about["scaler"]:
                self.scaler.load_state_dict(about["scaler"])
            self.step, self.seconds = int(about["step"]), float(about["seconds"])
        except (RuntimeError, ValueError, LookupError, TypeError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[-1].strip()
            raise ValueError(f"{file} belongs to another network: {reason}") from error

    def _take(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `_tensors` gave; an error where names, sizes or types are others."""
        parts: dict[str, dict] = {"weights": {}, "ema": {}, "optimizer": {}}
        for key, value in tensors.items():
            part, _, name = key.partition(".")
            parts[part][name] = value
        for part, model in (("weights", self.model), ("ema", self.ema)):
            for name, mine in model.state_dict().items():
                if name in parts[part] and parts[part][name].dtype != mine.dtype:
                    raise ValueError(f"{name} is {parts[part][name].dtype}, not {mine.dtype}")
            model.load_state_dict(parts[part])
        learned = [one for group in self.optimizer.param_groups for one in group["params"]]
        state: dict[int, dict] = {}
        for name, value in parts["optimizer"].items():
            index, _, entry = name.partition(".")
            if value.shape not in ((), learned[int(index)].shape):
                raise ValueError(f"the optimizer's {name} has the shape {tuple(value.shape)}")
            state.setdefault(int(index), {})[entry] = value
        self.optimizer.load_state_dict(
            {"state": state, "param_groups": self.optimizer.state_dict()["param_groups"]}
        )


def groups_of(model: nn.Module, optimizer: str) -> list[dict]:
    """Return a model's parameters in the groups that an optimizer treats differently."""
    if optimizer != "muon":
        return [{"params": list(model.parameters())}]
    turned = matrices(model)
    known = set(map(id, turned))
    others = [one for one in model.parameters() if id(one) not in known]
    groups = [{"params": others}, {"params": turned, "orthogonal": True}]
    return [group for group in groups if group["params"]]


def tensors_of(model: nn.Module, floats: bool) -> list[Tensor]:
    """Return a model's parameters and buffers, those of floats or all others."""
    both = itertools.chain(model.parameters(), model.buffers())
    return [tensor for tensor in both if tensor.is_floating_point() == floats]


# ---- what is random, and where -------------------------------------------------------------------


def generator_of_step(seed: int, step: int, device: torch.device | str = "cpu") -> torch.Generator:
    """Everything that is drawn in a step comes from here, so it follows from (seed, step) alone.

    torch's generator on the CPU looks at only 32 bits of its seed; seeds lie further apart than
    trainings are long.
    """
    return torch.Generator(device).manual_seed((seed * 1_000_003 + step) % 2**32)


@contextmanager
def seeded(seed: int, step: int, rank: int, device: torch.device) -> Iterator[None]:
    """Seed what draws without a generator, such as dropout, from (seed, step) and the process.

    The caller's own random numbers are left as they were.
    """
    cuda = device.type == "cuda"
    number = ((seed * 1_000_003 + step) * 1_009 + 1 + rank) % 2**63
    with torch.random.fork_rng([device] if cuda else []):
        torch.default_generator.manual_seed(number)  # torch.manual_seed looks for every device
        if cuda:
            torch.cuda.manual_seed(number)
        yield


# ---- several processes ---------------------------------------------------------------------------


def place_in_team() -> tuple[int, int]:
    """This process's number, from 0, and how many train together: (0, 1) without a launcher."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


@torch.no_grad()
def average_over_team(tensors: list[Tensor]) -> None:
    """Replace tensors by their means over all processes, the same to the bit in each.

    (DistributedDataParallel knows no turns: a player's gradient must not reach the other one.)
    """
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    distributed.all_reduce(flat)
    parts = (flat / distributed.get_world_size()).split([tensor.numel() for tensor in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        tensor.copy_(part.view_as(tensor))
