"""What a safetensors file announces, looked at before its tensors are made."""

import json
import math
import struct

import torch
from torch.overrides import TorchFunctionMode

MAX_HEADER_BYTES = 2**20  # about ten thousand tensors


def announced_tensors(weights: bytes) -> list[int]:
    """Return how many numbers each tensor of a safetensors file has.

    ValueError if its header is none, or is longer than `MAX_HEADER_BYTES`. Offsets and dtypes are
    left to the package safetensors, which checks them before it makes anything.
    """
    length = struct.unpack_from("<Q", weights)[0] if len(weights) >= 8 else 0
    if not 2 <= length <= min(len(weights) - 8, MAX_HEADER_BYTES):
        raise ValueError(
            f"its header announces {length} bytes, expected 2 to {MAX_HEADER_BYTES} and no more"
            f" than the file has ({len(weights)})"
        )
    try:
        entries = json.loads(weights[8 : 8 + length])
        tensors = [entry["shape"] for name, entry in entries.items() if name != "__metadata__"]
        return [math.prod(shape) for shape in tensors]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"its header names no tensors ({error})") from error


class AtMost(TorchFunctionMode):
    """Inside this context, a model of far more numbers or tensors than expected is refused early.

    A model is built before its weights are put in, and its config may announce anything.
    """

    FACTORIES = (torch.empty, torch.zeros, torch.ones, torch.randn)
    SLACK = 2**20  # buffers, and what is only needed while a network is built

    def __init__(self, tensors: list[int]):
        """Expect tensors of these many numbers each."""
        super().__init__()
        self.numbers = 3 * sum(tensors) + self.SLACK
        self.tensors = 3 * len(tensors) + 1000

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function in self.FACTORIES:
            self.tensors -= 1
            self.numbers -= torch.empty(*_size(args, kwargs), device="meta").numel()
            if self.tensors < 0 or self.numbers < 0:
                raise ValueError("it has far more numbers than its weights")
        return function(*args, **kwargs)


def _size(args: tuple, kwargs: dict) -> tuple:
    return args or (kwargs["size"],)
