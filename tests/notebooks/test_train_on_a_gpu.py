"""The loop of train_on_a_gpu on the simulated card, and with a clock that the test sets.

Its functions and budgets are taken from the notebook's source as they stand there.
"""

import ast
import types
from dataclasses import replace
from pathlib import Path

import jupytext
import pytest

from course_utils.diffusion import training
from course_utils.diffusion.losses import LOSSES
from course_utils.diffusion.training import LOOKS, Trainer
from course_utils.models.config import Config
from course_utils.models.recipes import source_of
from course_utils.models.training import begun
from course_utils.plots.live import LiveTraining

SOURCE = Path(__file__).parents[2] / "notebooks" / "source" / "train_on_a_gpu.py"
TAKEN = ("budgets", "LEAST", "fit_into", "train_within", "shapes_of")


@pytest.fixture(scope="module")
def notebook():
    """The notebook's imports, and what `TAKEN` names."""
    cells = jupytext.read(SOURCE, fmt="py:percent").cells
    nodes = [
        node
        for cell in cells
        if cell.cell_type == "code"
        for node in ast.parse(cell.source).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        or getattr(node, "name", None) in TAKEN
        or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in TAKEN)
    ]
    names = {}
    exec(compile(ast.Module(nodes, []), SOURCE.name, "exec"), names)
    assert set(TAKEN) <= names.keys()
    return names


@pytest.fixture(scope="module")
def config():
    """The shipped config, smaller in everything but its steps, which no training here reaches."""
    config = Config.read("shapes32").with_network(channels=[8], blocks=1, details=8)
    data = replace(config.data, arguments={"count": 11})
    return replace(config, data=data, resolution=16).with_plan(batch_size=2)


def trainer_on(device, config):
    loss = LOSSES[config.loss.kind](**config.loss.arguments)
    return Trainer(begun(config), config.plan, loss, device)


class Watch(LiveTraining):
    """Notes at which steps it was asked to draw, and draws nothing."""

    def __init__(self, total_steps):
        super().__init__(total_steps)
        self.shown = []

    def show(self, shapes=(), titles=None):
        self.shown.append(self.steps[-1])


def a_clock(monkeypatch, seconds_at):
    """From now on a step takes `seconds_at(step)`: the trainer looks twice at the clock per step."""
    looks, now = [0], [0.0]

    def perf_counter():
        now[0] += seconds_at(looks[0] // 2) if looks[0] % 2 else 0.0
        looks[0] += 1
        return now[0]

    monkeypatch.setattr(training, "time", types.SimpleNamespace(perf_counter=perf_counter))


def train(notebook, trainer, draw, seconds, pause=30.0, look=lambda: ()):
    """What the notebook's cell does."""
    taken = notebook["fit_into"](seconds, trainer, draw)
    watch = Watch(trainer.plan.steps)
    for progress in taken:
        watch.add(*progress)
    notebook["train_within"](seconds, trainer, draw, watch, look, pause)
    return watch


def test_every_device_has_a_budget_and_the_cpu_has_the_smallest(notebook):
    budgets = notebook["budgets"]
    assert budgets.keys() == {"cpu", "mps", "cuda"}
    for name in ("seconds", "count", "batch_size", "each"):
        assert budgets["cpu"][name] < budgets["mps"][name] < budgets["cuda"][name]


def test_on_a_card_it_waits_only_where_the_trainer_reads_its_losses(card, notebook, config):
    trainer, source = trainer_on("card", config), source_of(config)
    next(trainer.run(source.draw))  # sends the data
    card.clear()
    trainer.plan = replace(trainer.plan, steps=3 * LOOKS)
    watch = train(notebook, trainer, source.draw, seconds=10_000)
    assert watch.steps == [*range(2, 3 * LOOKS + 1)] and watch.shown == [3 * LOOKS]
    assert card.sent == []
    assert len(card.waits) == 3 and all("tolist" in line for line in card.waits)


def test_a_look_at_shapes_waits_for_its_start_and_its_result_and_in_no_step(card, notebook, config):
    trainer = trainer_on("card", config)
    notebook["config"] = config
    shapes = {}
    for device in ("cpu", "card"):
        model = trainer.ema.to(device)
        card.clear()
        shapes[device] = notebook["shapes_of"](model, ["chair", "mug"], [1, 2])
    assert len(card.waits) == 2 and "sampling.py" in card.waits[0]
    assert shapes["card"].device.type == "cpu" and shapes["card"].shape == (2, 16, 16, 16)
    assert (shapes["card"] - shapes["cpu"]).abs().max() < 1e-3


@pytest.mark.parametrize(("seconds_at", "planned", "taken"), [
    (lambda step: 1.0, 180, 180),  # as predicted
    (lambda step: 13.0 if step < 5 else 1.0, 120, 120),  # a slow start counts as time, not as speed
    (lambda step: 1.0 if step < 110 else 4.0, 180, 128),  # the machine gets slower: the clock ends it
    (lambda step: 9.0, 100, 100),  # too slow for anything: a hundred steps all the same
    (lambda step: 0.001, 14_000, None),  # a quick card: the whole plan, and no more
], ids=["as predicted", "a slow start", "slower later", "too slow", "quick"])  # fmt: skip
def test_it_takes_as_many_steps_as_fit(monkeypatch, notebook, config, seconds_at, planned, taken):
    trainer, source = trainer_on("cpu", config), source_of(config)
    a_clock(monkeypatch, seconds_at)
    if taken is None:
        notebook["fit_into"](180, trainer, source.draw)
        assert trainer.plan.steps == planned
        return
    watch = train(notebook, trainer, source.draw, seconds=180)
    assert (trainer.plan.steps, trainer.step) == (planned, taken)
    assert watch.steps == [*range(1, taken + 1)]
