"""How much fits into a device's memory: shapes sampled together, and the parts of a batch.

What a shape needs is measured on a copy of the network on torch's device "meta", whose tensors have
sizes but no numbers; that takes a fraction of a second. Where a device says nothing of its memory,
as the CPU does, nothing is measured, and everything is done as it always was.
"""

import copy
import weakref
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from course_utils.diffusion.device import free_memory
from course_utils.diffusion.guidance import guided
from course_utils.diffusion.placing import SHARE as SHARE_OF_DATA
from course_utils.diffusion.placing import Draw
from course_utils.diffusion.training import Trainer
from course_utils.models.config import Config
from course_utils.models.prompting import TOGETHER, condition_of

SHARE = 0.5  # of the free memory for shapes that are sampled; a critic and a ranker need some too
SHARE_TO_TRAIN = 1 - SHARE_OF_DATA  # of it for a step; the data come after the question
MOST = 256  # shapes sampled together on a device
# rows of two batches whose difference tells what a row needs; they cost nothing, and in small ones
# the most is alive when all gradients are there, whatever the rows need
ROWS = (1024, 2048)


class Alive(TorchDispatchMode):
    """Adds up the bytes of a device's tensors that are alive, and keeps the most there were."""

    def __init__(self, device: str = "meta"):
        super().__init__()
        self.device, self.now, self.most = device, 0, 0
        self._seen: set[int] = set()

    def __torch_dispatch__(self, operation, types, arguments=(), options=None):
        made = operation(*arguments, **(options or {}))
        for tensor in self.mine(made):
            self._watch(tensor.untyped_storage())
        return made

    def mine(self, tree) -> list[Tensor]:
        """Return the tensors of the device in anything that holds tensors."""
        leaves = pytree.tree_leaves(tree)
        return [one for one in leaves if isinstance(one, Tensor) and one.device.type == self.device]

    def _watch(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self._seen:
            return
        self._seen.add(key)
        self.now += size
        self.most = max(self.most, self.now)
        weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._seen.discard(key)
        self.now -= size


# ---- sampling ------------------------------------------------------------------------------------


def together(denoiser: nn.Module, config: Config) -> int:
    """Return how many shapes to sample together; the number changes no shape, only memory and time.

    Args:
        denoiser: Of `checkpoints.load_checkpoint`, where it will sample.
        config: The denoiser's.
    """
    free = free_memory(next(denoiser.parameters()).device)
    if free is None:
        return TOGETHER
    return max(1, min(MOST, int(SHARE * free / bytes_to_sample(denoiser, config))))


def bytes_to_sample(denoiser: nn.Module, config: Config) -> int:
    """Return the bytes that each shape needs while it is sampled, and guided."""
    model = copy.deepcopy(denoiser).to("meta")
    prompt = config.classes[0]
    return _per_row(lambda rows: _guess(model, config, [prompt] * rows))


def _guess(model: nn.Module, config: Config, prompts: list[str]) -> None:
    condition = condition_of(config, prompts)
    condition = None if condition is None else condition.to("meta")
    denoise = guided(model, condition, config.sampling.guidance_scale)
    x = torch.empty(len(prompts), config.channels, *[config.resolution] * 3, device="meta")
    with torch.no_grad():
        denoise(x, 0.5)


def _per_row(run: Callable[[int], None]) -> int:
    """Return how many more bytes are alive for each row more."""
    most = []
    for rows in ROWS:
        with Alive() as alive:
            run(rows)
        most.append(alive.most)
    return max(1, (most[1] - most[0]) // (ROWS[1] - ROWS[0]))


# ---- training ------------------------------------------------------------------------------------


def parts_that_fit(trainer: Trainer, draw: Draw) -> int:
    """Return in how many parts a trainer should take its batch: 1 if all of it fits.

    Args:
        trainer: Where it will train.
        draw: Draws its batches.
    """
    free, batch = free_memory(trainer.device), trainer.plan.batch_size
    if free is None:
        return 1
    learned = sum(p.nbytes for p in trainer.model.parameters() if p.requires_grad)
    room = SHARE_TO_TRAIN * free - 3 * learned  # gradients, and AdamW's two averages
    divisors = [parts for parts in range(1, batch + 1) if batch % parts == 0]
    needed = bytes_to_train(trainer, draw)
    return next((parts for parts in divisors if batch / parts * needed <= room), batch)


def bytes_to_train(trainer: Trainer, draw: Draw) -> int:
    """Return the bytes that each row of a batch needs in a step, in float32."""
    model = copy.deepcopy(trainer.model).to("meta")
    generator = torch.Generator().manual_seed(0)
    prepared = trainer.loss.prepare(draw(generator, 2), generator, 0)

    def step(rows: int) -> None:
        trainer.loss(model, *(_like(one, rows) for one in prepared)).backward()
        model.zero_grad()

    return _per_row(step)


def _like(one: Tensor | None, rows: int) -> Tensor | None:
    """Return a tensor (rows, ...) without numbers, for one (B, ...)."""
    return one if one is None else one.new_empty(rows, *one.shape[1:], device="meta")
