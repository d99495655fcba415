"""A second device in every test run: a simulated card, whose tensors are computed on the CPU.

torch lets Python register a device. Its tensors wrap CPU tensors, so that numbers are the CPU's; it
refuses what CUDA refuses (operands on two devices, `numpy()`), and notes what makes a real card
slow: *sent*, a copy from the CPU to the card, and *waits*, where the CPU needs a value of the card.
It says nothing about speed, memory, CUDA's own kernels or their rounding.

A test takes the fixture `card` (tests/conftest.py) and passes "card" as the device. It is registered
before the first test, which cannot be undone; outside the fixture no tensor can be made there.
"""

import contextlib
import sys
import traceback
from pathlib import Path

import torch
import torch.utils.backend_registration as registration
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

TYPE = "card"
LIBRARY = torch.library.Library("_", "IMPL")  # registrations last as long as it does
WAITS = {  # operations whose result, or the size of it, the CPU must know
    "aten::_local_scalar_dense",
    "aten::equal",
    "aten::is_nonzero",
    "aten::nonzero",
    "aten::masked_select",
    "aten::_unique",
    "aten::_unique2",
    "aten::unique_consecutive",
    "aten::unique_dim",
    "aten::repeat_interleave",
    "aten::bincount",
}
COPIES = {"aten::_to_copy", "aten::copy_", "aten::_pin_memory"}
INDEXING = {"aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"}
# what takes no number of the CPU among tensors of a card; arithmetic does
STRICT = {
    "cat",
    "stack",
    "mm",
    "bmm",
    "addmm",
    "convolution",
    "embedding",
    "gather",
    "index_select",
}
TENSOR_CORES = {  # what autocast computes in half precision
    torch.nn.functional.linear,
    torch.matmul,
    torch.Tensor.matmul,
    torch.Tensor.__matmul__,
    torch.bmm,
    torch.conv1d,
    torch.conv2d,
    torch.conv3d,
    nn.functional.scaled_dot_product_attention,
}
FULL_PRECISION = {  # and what it always computes in float32
    nn.functional.group_norm,
    nn.functional.layer_norm,
    nn.functional.softmax,
    nn.functional.cross_entropy,
    nn.functional.mse_loss,
    torch.log,
    torch.exp,
    torch.norm,
}


class _Module(registration._DummyBackendModule):
    """What torch asks of `torch.card`."""

    def get_amp_supported_dtype(self):
        return [torch.float16, torch.bfloat16]


class Log:
    """What happened between the devices since `clear`, each with the line that caused it."""

    def __init__(self):
        self.sent: list[str] = []
        self.waits: list[str] = []

    def clear(self) -> None:
        self.sent.clear()
        self.waits.clear()

    def __repr__(self) -> str:
        return f"sent {len(self.sent)} {self.sent[:5]}, waits {len(self.waits)} {self.waits[:5]}"


class Settings:
    """How the card in use behaves; `using` sets it."""

    float64 = True
    log = Log()


def _where() -> str:
    """The innermost line outside torch and this file."""
    ours = [
        frame
        for frame in traceback.extract_stack()
        if "site-packages" not in frame.filename and frame.filename != __file__
    ]
    if not ours:  # a thread of autograd's
        return "in a backward pass"
    frame = ours[-1]
    return f"{Path(frame.filename).name}:{frame.lineno} {frame.line}"


class CardTensor(torch.Tensor):
    """A tensor on the card; `raw` is the CPU tensor with its numbers."""

    @staticmethod
    def __new__(cls, raw: torch.Tensor):
        if raw.dtype == torch.float64 and not Settings.float64:
            raise TypeError(f"the card has no float64 ({_where()})")
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            raw.shape,
            strides=raw.stride(),
            storage_offset=raw.storage_offset(),
            dtype=raw.dtype,
            device=torch.device(TYPE, 0),
        )
        made.raw = raw
        return made

    def __repr__(self):
        return f"CardTensor({self.raw!r})"

    def __deepcopy__(self, memo):
        made = CardTensor(self.detach().raw.clone())
        if isinstance(self, nn.Parameter):
            made = nn.Parameter(made, requires_grad=self.requires_grad)
        return memo.setdefault(id(self), made)

    def __array__(self, *arguments, **options):
        return self.numpy()

    def numpy(self, *arguments, **options):
        raise TypeError("can't convert a tensor of the card to numpy; use .cpu() first")

    def tolist(self):
        return self.detach().cpu().tolist()

    def data_ptr(self):
        return self.raw.data_ptr()

    @classmethod
    def __torch_dispatch__(cls, operation, types, arguments=(), options=None):
        return _computed(operation, arguments, options or {})


class _Dispatch(TorchDispatchMode):
    def __torch_dispatch__(self, operation, types, arguments=(), options=None):
        return _computed(operation, arguments, options or {})


def _computed(operation, arguments, options):
    """Run one operation on the CPU, as the card would or would refuse to."""
    name, log = operation._schema.name, Settings.log
    tensors = [t for t in pytree.tree_leaves((arguments, options)) if isinstance(t, torch.Tensor)]
    there = [isinstance(t, CardTensor) for t in tensors]
    goal = options.get("device")
    on_card = any(there) if goal is None else _names_card(goal)
    if goal is not None and (on_card or any(there)):
        options = {**options, "device": torch.device("cpu")}
    if not on_card and not any(there):
        with torch._C._DisableTorchDispatch():
            return operation(*arguments, **options)
    options.pop("pin_memory", None)
    if name in COPIES:
        source, on_card = there[-1], there[0] if name == "aten::copy_" else on_card
        if source != on_card:
            (log.sent if on_card else log.waits).append(_where())
    elif any(there) and not all(there):
        _refuse_mixtures(name, tensors, there)
    if name in WAITS or (name in INDEXING and any(t.dtype == torch.bool for t in tensors[1:])):
        log.waits.append(_where())
    result = _on_cpu(operation, *pytree.tree_map(_raw, (arguments, options)))
    if not on_card or name in ("aten::_local_scalar_dense", "aten::equal", "aten::is_nonzero"):
        return result
    written = [
        argument
        for argument, schema in zip(arguments, operation._schema.arguments, strict=False)
        if schema.alias_info is not None and schema.alias_info.is_write
    ]
    returns = operation._schema.returns
    if written and len(returns) == 1 and returns[0].alias_info is not None:
        return written[0]
    return pytree.tree_map(_wrapped, result)


def _raw(one):
    return one.raw if isinstance(one, CardTensor) else one


def _wrapped(one):
    plain = isinstance(one, torch.Tensor) and not isinstance(one, CardTensor)
    return CardTensor(one) if plain else one


def _refuse_mixtures(name: str, tensors: list, there: list) -> None:
    """Raise as CUDA does where a tensor of the CPU stands among those of the card."""
    for tensor, on_card in zip(tensors, there, strict=True):
        if on_card:
            continue
        if name in INDEXING and there[0]:
            Settings.log.sent.append(_where())  # the index is sent
        elif tensor.ndim or name.removeprefix("aten::").split(".")[0] in STRICT:
            shapes = [tuple(one.shape) for one in tensors]
            raise RuntimeError(
                "Expected all tensors to be on the same device, but found at least two devices,"
                f" {TYPE}:0 and cpu! ({name} of {shapes}, {_where()})"
            )


def _on_cpu(operation, arguments, options):
    """The CPU's result; products of float16, which it rounds otherwise, in float32."""
    with torch._C._DisableTorchDispatch():
        name = operation._schema.name
        if any(part in name for part in ("convolution", "mm", "attention")):
            leaves = pytree.tree_leaves((arguments, options))
            if any(isinstance(t, torch.Tensor) and t.dtype == torch.float16 for t in leaves):
                arguments, options = pytree.tree_map(_widened, (arguments, options))
                return pytree.tree_map(_narrowed, operation(*arguments, **options))
        return operation(*arguments, **options)


def _widened(one):
    return one.float() if isinstance(one, torch.Tensor) and one.is_floating_point() else one


def _narrowed(one):
    return one.half() if isinstance(one, torch.Tensor) and one.is_floating_point() else one


class _Functions(TorchFunctionMode):
    """What only C++ could register: tensors made of Python's numbers, and autocast's rules."""

    def __torch_function__(self, function, types, arguments=(), options=None):
        options = options or {}
        if function in (torch.tensor, torch.as_tensor) and _names_card(options.get("device")):
            return function(*arguments, **{**options, "device": "cpu"}).to(TYPE)
        if torch.is_autocast_enabled(TYPE):
            goal = None
            if function in TENSOR_CORES:
                goal = torch.get_autocast_dtype(TYPE)
            elif function in FULL_PRECISION:
                goal = torch.float32
            if goal is not None:
                arguments, options = pytree.tree_map(
                    lambda one: _cast(one, goal), (arguments, options)
                )
        return function(*arguments, **options)


def _names_card(device) -> bool:
    return device is not None and torch.device(device).type == TYPE


def _cast(one, goal):
    fits = isinstance(one, CardTensor) and one.dtype in (
        torch.float32,
        torch.float16,
        torch.bfloat16,
    )
    return one.to(goal) if fits else one


class _Generator(torch.Generator):
    """A generator of the CPU that may say it is the card's."""

    def __new__(cls, device="cpu"):
        device = torch.device(device)
        made = super().__new__(cls, "cpu" if device.type == TYPE else device)
        made.place = torch.device(TYPE, 0) if device.type == TYPE else device
        return made

    @property
    def device(self):
        return self.place


def register() -> None:
    """Make the device known: autograd has no thread for one that comes after its first pass."""
    if not hasattr(torch, TYPE):
        registration._setup_privateuseone_for_python_backend(TYPE, _Module())
        # autocast itself does nothing here, `_Functions` does
        LIBRARY.fallback(torch.library.fallthrough_kernel, "AutocastPrivateUse1")


@contextlib.contextmanager
def using(float64: bool = True):
    """Yield the `Log` of a card that is there until the end of the block.

    float64: whether it knows float64; Apple's MPS does not.
    """
    register()
    plain = torch.Generator
    Settings.float64, Settings.log = float64, Log()
    torch.Generator = _Generator
    try:
        with _Dispatch(), _Functions():
            yield Settings.log
    finally:
        torch.Generator, Settings.float64 = plain, True
        sys.stdout.flush()
