"""Several processes that train as one, started by `accelerate launch` or another launcher.

Gradients are averaged by the trainer, on the device. What is here goes over a group of its own that
sends CPU tensors, so that no control message waits for a GPU.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from torch import distributed

from course_utils.datasets.shapes import MatterSet, ShapeSet
from course_utils.models.devices import checked_device

Made = TypeVar("Made", ShapeSet, MatterSet)
# where a launcher writes how many processes it started: torchrun's name, then those of MPI
TEAM_SIZES = ("WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE")


@dataclass(frozen=True)
class Team:
    """The processes that train as one, as one of them sees them; by default it is alone.

    device: where this process trains.  rank: its number, from 0.  processes: how many there are.
    control: a group that sends CPU tensors; None for one process.
    """

    device: str
    rank: int = 0
    processes: int = 1
    control: distributed.ProcessGroup | None = None

    def anyone(self, true: bool) -> bool:
        """Whether something is true in any process; the same answer in each."""
        if self.processes == 1:
            return true
        answer = torch.tensor(int(true))
        distributed.all_reduce(answer, distributed.ReduceOp.MAX, self.control)
        return bool(answer)

    def gathered(self, mine: bytes) -> list[bytes]:
        """What each process gives, in the order of their numbers; the same list in each."""
        if self.processes == 1:
            return [mine]
        sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(self.processes)]
        distributed.all_gather(sizes, torch.tensor([len(mine)]), self.control)
        longest = max(map(int, sizes))
        padded = torch.from_numpy(np.frombuffer(mine.ljust(longest, b"\0"), np.uint8).copy())
        parts = [torch.empty(longest, dtype=torch.uint8) for _ in sizes]
        distributed.all_gather(parts, padded, self.control)
        pairs = zip(parts, sizes, strict=True)
        return [part[: int(size)].numpy().tobytes() for part, size in pairs]

    def make(
        self,
        maker: Callable[..., Made],
        count: int,
        resolution: int,
        families: Sequence[str],
        first_index: int = 0,
    ) -> Made:
        """What `maker` makes (`datasets.shapes`), of which each process makes a part.

        Parts go to all as bytes and JSON: resolution³ bytes for the matter of a shape, an eighth of
        that for its voxels.
        """
        if self.processes == 1:
            return maker(count, resolution, families, first_index)
        first, end = (count * one // self.processes for one in (self.rank, self.rank + 1))
        made = maker(end - first, resolution, families, first_index + first)
        name = "voxels" if isinstance(made, ShapeSet) else "matter"
        grids = getattr(made, name).reshape(-1, resolution**3)
        is_bits = grids.dtype == bool
        mine = np.packbits(grids, axis=1) if is_bits else grids
        whole = np.frombuffer(b"".join(self.gathered(mine.tobytes())), np.uint8)
        whole = whole.reshape(count, -1)
        if is_bits:
            whole = np.unpackbits(whole, axis=1, count=resolution**3).view(bool)
        told = [made.labels.tolist(), made.captions, made.attributes]
        texts = map(json.loads, self.gathered(json.dumps(told).encode()))
        labels, captions, attributes = (
            [one for part in parts for one in part] for parts in zip(*texts, strict=True)
        )
        return replace(
            made,
            labels=np.array(labels),
            captions=captions,
            attributes=attributes,
            **{name: whole.reshape(count, resolution, resolution, resolution)},
        )


@contextmanager
def team_on(device: str | None = None) -> Iterator[Team]:
    """Yield the team that this process belongs to, where a launcher started several.

    Args:
        device: cpu, cuda or mps; None is cuda if there is one. In a team each process gets its own.

    Raises:
        ValueError: If the device cannot be used, or not by several processes.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if all(int(os.environ.get(name, 1)) == 1 for name in TEAM_SIZES):
        yield Team(checked_device(device))
        return
    try:
        from accelerate import PartialState
    except ImportError as error:
        raise ValueError(
            "several processes need the package accelerate: pip install accelerate"
        ) from error
    state = PartialState(cpu=device == "cpu")
    if state.num_processes == 1:
        raise ValueError(
            f"several processes cannot train on device {device!r} here; use cuda or cpu"
        )
    try:
        own = "cpu" if device == "cpu" else str(state.device)
        control = distributed.new_group(backend="gloo")
        yield Team(own, state.process_index, state.num_processes, control)
    finally:
        state.destroy_process_group()
