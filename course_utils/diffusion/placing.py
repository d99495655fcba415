"""Where training data lie: on the device if they fit there, else a thread draws a step ahead."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import torch
from torch import Tensor

from course_utils.diffusion.device import free_memory
from course_utils.diffusion.losses import Batch

Draw = Callable[[torch.Generator, int], Batch]
SHARE = 0.5  # of a device's free memory for data; networks and activations need the rest


def draw_from(tensors: Sequence[Tensor | None], pick: Callable[..., Batch]) -> Draw:
    """Return a draw from tensors that it puts on the device of the generator if they fit there.

    Args:
        tensors: What is drawn from; None stays None.
        pick: Called as pick(generator, count, *tensors), with everything on one device.
    """
    draws: dict[torch.device, Draw] = {}

    def draw_where(device: torch.device) -> Draw:
        if not fits(tensors, device):
            return ahead(partial(pick_from, tensors))
        return partial(pick_from, [None if one is None else one.to(device) for one in tensors])

    def pick_from(there: Sequence, generator: torch.Generator, count: int) -> Batch:
        return pick(generator, count, *there)

    def draw(generator: torch.Generator, count: int) -> Batch:
        device = generator.device
        if device not in draws:
            draws[device] = draw_where(device)
        return draws[device](generator, count)

    return draw


def fits(tensors: Sequence[Tensor | None], device: torch.device) -> bool:
    """Return whether tensors fit into their `SHARE` of a device's free memory; yes if unknown."""
    moved = [one for one in tensors if one is not None and one.device != device]
    free = free_memory(device)
    return free is None or sum(one.nbytes for one in moved) <= SHARE * free


def ahead(draw: Draw) -> Draw:
    """Return the draw for any device, where it can only be made on the CPU.

    A thread draws the batch of the next step while the device trains with this one's. What is
    random follows from the generator's seed, which `training.generator_of_step` counts up.
    """
    worker, made = ThreadPoolExecutor(1), {}

    def on_cpu(seed: int, count: int, pin: bool) -> Batch:
        own = torch.Generator().manual_seed((seed + 2**31) % 2**32)  # not what the loss draws from
        return Batch(
            *(part.pin_memory() if pin and part is not None else part for part in draw(own, count))
        )

    def sent(generator: torch.Generator, count: int) -> Batch:
        device, seed = generator.device, generator.initial_seed()
        if device.type == "cpu":
            return draw(generator, count)

        def order(seed: int) -> Future:
            return worker.submit(on_cpu, seed, count, device.type == "cuda")

        batch = (made.pop((seed, count), None) or order(seed)).result()
        made.clear()
        made[(seed + 1) % 2**32, count] = order((seed + 1) % 2**32)
        return Batch(
            *(None if part is None else part.to(device, non_blocking=True) for part in batch)
        )

    return sent
