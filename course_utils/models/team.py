"""Several processes that train as one, started by `accelerate launch` or another launcher."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from course_utils.diffusion.training import Trainer, average_over_team
from course_utils.models.devices import checked_device

# where a launcher writes how many processes it started: torchrun's name, then those of MPI
TEAM_SIZES = ("WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE")


@contextmanager
def team(device: str | None = None) -> Iterator[str]:
    """Yield the device to train on; where a launcher started several processes they are a team.

    Args:
        device: cpu, cuda or mps; None is cuda if there is one. In a team each process gets its own.

    Raises:
        ValueError: If the device cannot be used, or not by several processes.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if all(int(os.environ.get(name, 1)) == 1 for name in TEAM_SIZES):
        yield checked_device(device)
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
        yield "cpu" if device == "cpu" else str(state.device)
    finally:
        state.destroy_process_group()


def mean_over_team(value: float, trainer: Trainer) -> float:
    """The mean of a number over the team's processes; the same in each."""
    if trainer.processes == 1:
        return value
    # mps has no float64, and no teams
    mean = torch.tensor(value, dtype=torch.float64, device=trainer.device)
    average_over_team([mean])
    return float(mean)


def anyone(true: bool, trainer: Trainer) -> bool:
    """Whether something is true in any of the team's processes."""
    return mean_over_team(float(true), trainer) > 0
