"""What a step of a config costs, counted without computing: operations, traffic, launches, memory.

The course's own trainer and sampler run on tensors that have sizes but no numbers, and a dispatch
mode looks at every operation that reaches the device: floating-point operations by the formulas of
torch's counter, bytes read and written (views are free), and which memory is alive. Half precision
follows CUDA's rules of autocast, wherever it is counted. A step's operations are affine in the size
of its batch, so two batches tell the rest.
"""

import contextlib
import functools
import itertools
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree
from torch.utils.flop_counter import flop_registry

from course_utils.diffusion.losses import LOSSES
from course_utils.diffusion.training import Draw, Trainer, batches
from course_utils.geometry.matter import matter_to_model
from course_utils.geometry.voxels import to_model
from course_utils.models.budget import Alive
from course_utils.models.checkpoints import build_model
from course_utils.models.config import Config
from course_utils.models.prompting import sampling_states
from course_utils.models.recipes import draw_named
from course_utils.models.training import freeze

aten = torch.ops.aten
SIZES = (16, 48)  # of the batches that are counted
FLOPS = flop_registry | {  # the CPU's name of an operation that CUDA has under another
    aten._scaled_dot_product_flash_attention_for_cpu: flop_registry[
        aten._scaled_dot_product_flash_attention
    ],
}
FREE = {"_unsafe_view", "empty", "empty_like", "new_empty", "empty_strided", "new_empty_strided"}
FREE |= {"lift_fresh", "_local_scalar_dense"}
GATHERING = {"index", "embedding", "gather", "index_select"}  # they read as much as they write
LISTS = {"linalg_vector_norm", "mul_"}  # of gradients, one by one; real ones share a launch
OVERWRITING = {"copy_", "fill_", "zero_"}  # they write without reading what was there
TENSOR_CORES = {  # what autocast computes in half precision on CUDA
    torch.conv1d,
    torch.conv2d,
    torch.conv3d,
    torch.einsum,
    torch.matmul,
    torch.Tensor.matmul,
    torch.Tensor.__matmul__,
    torch.bmm,
    nn.functional.linear,
    nn.functional.scaled_dot_product_attention,
}
FULL_PRECISION = {nn.functional.group_norm, nn.functional.layer_norm}  # and what in float32


class Op(NamedTuple):
    """One operation: its name, floating-point operations, bytes read and written."""

    name: str
    flops: float
    bytes: float


class Step(NamedTuple):
    """What was counted of a step: its operations in their order, and the most bytes alive in it."""

    ops: tuple[Op, ...]
    memory: float

    @property
    def flops(self) -> float:
        return sum(op.flops for op in self.ops)

    @property
    def bytes(self) -> float:
        return sum(op.bytes for op in self.ops)


class Counting(Alive):
    """Notes every operation on a device ("meta", or "cpu" for fake tensors) and what is alive."""

    def __init__(self, device: str):
        super().__init__(device)
        self.ops: list[Op] = []

    def __torch_dispatch__(self, operation, types, arguments=(), options=None):
        if operation is torch.ops.prim.device.default:  # two of three calls, for fake tensors
            return operation(*arguments)
        options, name = options or {}, operation._schema.name.split("::")[1]
        here = self.mine((arguments, options))
        if name == "_local_scalar_dense" and here:
            return 1.0  # there is no number; this one passes for "all finite" and for a loss
        made = super().__torch_dispatch__(operation, types, arguments, options)
        if (here or self.mine(made)) and not operation.is_view and name not in FREE:
            formula = FLOPS.get(operation._overloadpacket)
            flops = formula(*arguments, **options, out_val=made) if formula else 0
            size = traffic(operation, name, arguments, options, made)
            self.ops.append(Op(name, flops, size))
        return made

    def step(self) -> Step:
        """Return what was counted since `clear`."""
        ops = []
        for name, run in itertools.groupby(self.ops, lambda op: op.name):
            run = list(run)
            if name in LISTS:
                run = [Op(name, sum(op.flops for op in run), sum(op.bytes for op in run))]
            ops += run
        return Step(tuple(ops), self.most)

    def clear(self) -> None:
        """Begin to count anew; what is alive stays alive."""
        self.ops, self.most = [], self.now


class Fake(FakeTensorMode):
    """Tensors with sizes and no numbers; a copy of one belongs to the same mode."""

    def __deepcopy__(self, memo):
        return self


def _tensors(tree) -> list[Tensor]:
    return [one for one in pytree.tree_leaves(tree) if isinstance(one, Tensor)]


def size_of(tensor: Tensor) -> int:
    """Return a tensor's bytes in memory; axes of stride 0 hold one number."""
    sides = [n for n, stride in zip(tensor.shape, tensor.stride(), strict=True) if stride]
    return functools.reduce(int.__mul__, sides, tensor.element_size())


def traffic(func, name: str, args, kwargs, out) -> int:
    """Return the bytes that an operation reads and writes; what it changes counts twice."""
    parameters = func._schema.arguments
    given = [*zip(parameters, args, strict=False)]
    given += [(one, kwargs[one.name]) for one in parameters if one.name in kwargs]
    read = written = 0
    for parameter, value in given:
        size = sum(map(size_of, _tensors(value)))
        changed = parameter.alias_info is not None and parameter.alias_info.is_write
        written += size if changed else 0
        read += 0 if changed and name in OVERWRITING else size
    if not any(one.alias_info is not None for one in func._schema.returns):
        written += sum(map(size_of, _tensors(out)))
    return written + (min(read, written) if name in GATHERING else read)


class CudaHalf(TorchFunctionMode):
    """CUDA's autocast to bfloat16, for tensors that lie elsewhere."""

    def __torch_function__(self, function, types, arguments=(), options=None):
        goal = torch.bfloat16 if function in TENSOR_CORES else None
        goal = torch.float32 if function in FULL_PRECISION else goal
        if goal is not None:
            cast = functools.partial(_cast, goal=goal)
            arguments, options = pytree.tree_map(cast, (arguments, options or {}))
        return function(*arguments, **(options or {}))


def _cast(one, goal: torch.dtype):
    return one.to(goal) if isinstance(one, Tensor) and one.is_floating_point() else one


def _in(precision: str) -> contextlib.AbstractContextManager:
    return CudaHalf() if precision == "half" else contextlib.nullcontext()


# ---- the two steps -------------------------------------------------------------------------------


def example_draw(config: Config, count: int) -> Draw:
    """Draw batches of nothing, with what the config's model takes: labels or facts."""
    matter = torch.zeros(count, *[config.resolution] * 3, dtype=torch.uint8)
    if config.told == "facts":
        said = torch.zeros(count, 1, len(config.classes) + config.facts, dtype=torch.bool)
        return draw_named(matter, said)
    prepare = to_model if config.channels == 1 else matter_to_model
    return batches(matter, torch.zeros(count, dtype=torch.int64), prepare)


def training_steps(config: Config, sizes: Sequence[int], precision: str) -> list[Step]:
    """Count training steps as the trainer takes them: batch, loss, gradient, optimizer, average."""
    with Fake(), Counting("cpu") as counting, _in(precision):
        model = build_model(config)
        freeze(model, config.frozen)
        model.to = lambda device: model  # it is there already, and fake parameters cannot be moved
        loss = LOSSES[config.loss.kind](**config.loss.arguments)
        trainer, counted = Trainer(model, config.plan, loss), []
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter) if parameter.requires_grad else None
        trainer.optimizer.step()  # it makes its state
        run = trainer.run(example_draw(config, max(sizes)))
        for size in sizes:
            trainer.plan = replace(config.plan, batch_size=size)
            counting.clear()
            next(run)
            counted.append(counting.step())
    return counted


def sampling_steps(config: Config, sizes: Sequence[int], precision: str) -> list[Step]:
    """Count guided sampling steps, as they are taken for a class."""
    counted = []
    with torch.device("meta"):
        model = build_model(config).eval()
    prompt = config.classes[0]
    for size in sizes:
        noise = torch.empty(size, config.channels, *[config.resolution] * 3, device="meta")
        with Counting("meta") as counting, _in(precision):
            counting.now = sum(one.nbytes for one in model.state_dict().values())
            states = sampling_states(
                model, config, [prompt] * size, range(size), steps=3, noise=noise
            )
            next(states)
            counting.clear()
            next(states)
            counted.append(counting.step())
    return counted


class Counted(NamedTuple):
    """A step counted for batches of `SIZES`, which tell what it is for any other."""

    small: Step
    large: Step

    def of(self, batch: int) -> Step:
        """Return the step for a batch of any size."""

        def line(a: float, b: float) -> float:
            return a + (b - a) * (batch - SIZES[0]) / (SIZES[1] - SIZES[0])

        ops = (
            Op(a.name, line(a.flops, b.flops), line(a.bytes, b.bytes))
            for a, b in zip(self.small.ops, self.large.ops, strict=True)
        )
        return Step(tuple(ops), line(self.small.memory, self.large.memory))


def counted(kind: str, config: Config, precision: str = "half") -> Counted:
    """Count a step of "training" or "sampling" in "float32" or "half"; takes seconds."""
    count = {"training": training_steps, "sampling": sampling_steps}[kind]
    with warnings.catch_warnings(action="ignore"):  # of a pointer that fake tensors have not
        return Counted(*count(config, SIZES, precision))
