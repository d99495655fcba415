"""What a safetensors file announces, looked at before its tensors are made."""

import io
import json
import math
from typing import BinaryIO

import torch
from torch.overrides import TorchFunctionMode

MAX_HEADER_BYTES = 2**20  # about ten thousand tensors


def read_header(file: BinaryIO, most: int = MAX_HEADER_BYTES) -> bytes:
    """Return the JSON at the beginning of a safetensors file.

    Args:
        file: The open file; afterwards it is where its first tensor begins.
        most: Largest length of the JSON in bytes.

    Raises:
        ValueError: It is longer, or cut off.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    length = int.from_bytes(file.read(8), "little") if size >= 8 else 0
    if not 2 <= length <= min(size - 8, most):
        raise ValueError(
            f"its header announces {length} bytes, expected 2 to {most} and no more than the"
            f" file has ({size})"
        )
    return file.read(length)


def announced_tensors(weights: bytes) -> list[int]:
    """Return how many numbers each tensor of a safetensors file has.

    ValueError if its header is none, or is longer than `MAX_HEADER_BYTES`. Offsets and dtypes are
    left to the package safetensors, which checks them before it makes anything.
    """
    header = read_header(io.BytesIO(weights))
    try:
        entries = json.loads(header)
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
