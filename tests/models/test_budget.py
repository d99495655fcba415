"""How much fits into a device's memory; on the CPU nothing is asked and nothing changes."""

import pytest
import torch
from test_config import SEEING, TINY
from test_pipeline import tiny

from course_utils.diffusion.losses import LOSSES, Batch
from course_utils.diffusion.training import Plan, Trainer, batches
from course_utils.models import budget, generation, training
from course_utils.models.budget import Alive, parts_that_fit, together
from course_utils.models.checkpoints import build_model
from course_utils.models.config import Config
from course_utils.models.prompting import TOGETHER
from course_utils.models.recipes import source_of
from course_utils.models.rules import checked, filled
from course_utils.models.training import train
from course_utils.places import CONFIGS


def config_of(entries):
    return checked(filled(entries), "x.json", for_training=True)


def trainer_of(config, **plan):
    loss = LOSSES[config.loss.kind](**config.loss.arguments)
    return Trainer(build_model(config), config.with_plan(**plan).plan, loss)


def free(monkeypatch, size):
    monkeypatch.setattr(budget, "free_memory", lambda device: size)


def test_the_bytes_that_are_alive():
    with Alive() as alive:
        a = torch.empty(10, device="meta")
        b = a.reshape(2, 5).t()  # a view
        c = b + 1
        del a, b
        assert (alive.now, alive.most) == (40, 80)
        d = torch.ones(100)  # another device
    assert alive.most == 80 and len(c) == 5 and len(d) == 100


def test_on_the_cpu_nothing_is_measured(monkeypatch):
    for name in ("bytes_to_sample", "bytes_to_train"):
        monkeypatch.setattr(budget, name, None)  # cannot be called
    assert together(*tiny()) == TOGETHER == 8
    assert parts_that_fit(trainer_of(config_of(TINY)), None) == 1


def test_as_many_together_as_fit(monkeypatch):
    denoiser, config = tiny()
    each = budget.bytes_to_sample(denoiser, config)
    for fitting, expected in ((0, 1), (1, 1), (37, 37), (10**6, budget.MOST)):
        free(monkeypatch, (fitting + 0.5) * each / budget.SHARE)
        assert together(denoiser, config) == expected


def test_the_network_stays_where_and_what_it_was():
    denoiser, config = tiny()
    before = [p.clone() for p in denoiser.parameters()]
    budget.bytes_to_sample(denoiser, config)
    trainer = trainer_of(config_of(TINY))
    state = torch.random.get_rng_state()
    budget.bytes_to_train(trainer, source_of(config_of(TINY)).draw)
    assert all(map(torch.equal, before, denoiser.parameters()))
    assert all(p.grad is None and p.device.type == "cpu" for p in trainer.model.parameters())
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize("batch", [1, 6, 7, 64])
def test_a_batch_is_parted_as_the_memory_asks(monkeypatch, batch):
    config = config_of(TINY)
    trainer, draw = trainer_of(config, batch_size=batch), source_of(config).draw
    each = budget.bytes_to_train(trainer, draw)
    learned = sum(p.nbytes for p in trainer.model.parameters())
    monkeypatch.setattr(budget, "bytes_to_train", lambda *_: each)
    divisors = [parts for parts in range(1, batch + 1) if batch % parts == 0]
    for rows in range(1, batch + 1):  # that fit
        free(monkeypatch, (3 * learned + (rows + 0.5) * each) / budget.SHARE_TO_TRAIN)
        parts = parts_that_fit(trainer, draw)
        assert parts in divisors and batch // parts <= rows
        assert parts == 1 or batch // divisors[divisors.index(parts) - 1] > rows  # no more parts
    free(monkeypatch, 0)
    assert parts_that_fit(trainer, draw) == batch


def test_a_row_needs_what_its_layers_keep():
    """A chain of layers by hand: the backward pass of the loss holds the input of each, and more."""

    class Squares:
        def prepare(self, batch, generator, step):
            return (batch.target,)

        def __call__(self, model, x):
            return model(x).square().mean()

    width, depth = 512, 20
    model = torch.nn.Sequential(*(torch.nn.Linear(width, width, False) for _ in range(depth)))
    trainer = Trainer(model, Plan(batch_size=4), Squares())
    each = budget.bytes_to_train(trainer, batches(torch.zeros(4, width)))
    kept = 4 * width * (depth + 1)  # the input of each layer, and of the square
    assert kept <= each <= kept + 4 * 4 * width  # and a few gradients on their way


@pytest.mark.parametrize("name", sorted(file.stem for file in CONFIGS.glob("*.json")))
def test_every_config_can_be_measured(name):
    config = Config.read(name)
    side, rows = config.resolution, 2
    voxels = -torch.ones(rows, side, side, side)
    target, given = voxels[:, None].expand(-1, config.channels, -1, -1, -1), None
    if config.told == "labels":
        given = torch.zeros(rows, dtype=torch.int64)
    if config.told == "facts" or config.network.kind == "FromFacts":
        given = torch.ones(rows, len(config.classes) + config.facts)
    if config.network.kind == "FactsOfShape":
        target, given = torch.ones(rows, config.facts), voxels
    if config.network.kind == "Reader":
        target = torch.ones(rows, config.facts + len(config.classes))
        given = torch.ones(rows, 5, 128)
    trainer = trainer_of(config)
    assert budget.bytes_to_train(trainer, lambda generator, count: Batch(target, given)) > 1000
    if config.makes_shapes:
        assert budget.bytes_to_sample(trainer.model.eval(), config) > 4 * side**3


def test_generating_asks_how_many_together(monkeypatch, tmp_path):
    asked = []

    def two(denoiser, config):
        asked.append(config.name)
        return 2

    sizes = []
    original = generation.best_of

    def best_of(tries, ranker, denoiser, config, prompts, seeds, **how):
        sizes.append(len(seeds))
        return original(tries, ranker, denoiser, config, prompts, seeds, **how)

    monkeypatch.setattr(generation, "best_of", best_of)
    how = {"steps": 2, "tries": 1, "show_progress": False}
    whole = generation.generate_many("chair", range(5), **how)
    monkeypatch.setattr(generation, "together", two)
    parted = generation.generate_many("chair", range(5), **how)
    assert sizes == [5, 2, 2, 1] and asked == ["shapes32"]
    for one, other in zip(whole, parted, strict=True):
        assert abs(one.field - other.field).max() < 1e-3


@pytest.mark.parametrize("entries", [TINY, SEEING], ids=["denoising", "facts"])
def test_a_training_asks_for_its_parts_unless_it_is_told(monkeypatch, tmp_path, entries):
    config, asked, taken = config_of(entries), [], []

    def two(trainer, draw):
        asked.append(len(draw(torch.Generator().manual_seed(0), 3).target))
        return 2

    def run_training(trainer, *rest):
        taken.append(trainer.parts)
        return original(trainer, *rest)

    original = training.run_training
    monkeypatch.setattr(training, "run_training", run_training)
    monkeypatch.setattr(training, "parts_that_fit", two)
    for number, parts in enumerate((None, 1)):
        how = {"device": "cpu", "say": str, "show_progress": False}
        train(config, tmp_path / str(number), parts=parts, **how)
    assert asked == [3] and taken == [2, 1]
