"""Data lie on the device if they fit; else a thread draws one step ahead, each batch once."""

import time

import pytest
import torch

from course_utils.diffusion import placing
from course_utils.diffusion.losses import Batch
from course_utils.diffusion.placing import ahead, draw_from
from course_utils.diffusion.training import generator_of_step

VALUES = torch.arange(1000)


class Elsewhere(torch.Generator):
    """A generator that says it is on another device, on which tensors hold no numbers."""

    device = torch.device("meta")


def elsewhere(step):
    return Elsewhere().manual_seed(generator_of_step(3, step).initial_seed())


@pytest.fixture
def drawn(monkeypatch):
    """The batches that were drawn on the CPU, and a draw that must be made there."""
    batches = []

    def draw(generator, count):
        batches.append(torch.randint(1000, (count,), generator=generator))
        return Batch(VALUES[batches[-1]], None)

    return batches, ahead(draw)


def until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_the_next_batch_is_drawn_while_nobody_waits(drawn):
    batches, draw = drawn
    for step in range(5):
        batch = draw(elsewhere(step), 32)
        assert batch.target.device.type == "meta" and batch.target.shape == (32,)
        assert batch.given is None
        until(lambda: len(batches) == step + 2)  # noqa: B023
    time.sleep(0.05)
    assert len(batches) == 6 and len({tuple(one.tolist()) for one in batches}) == 6


def test_what_is_drawn_follows_from_the_step_alone(drawn):
    batches, draw = drawn
    draw(elsewhere(0), 32)  # and the one of step 1
    until(lambda: len(batches) == 2)
    draw(elsewhere(7), 32)
    until(lambda: len(batches) == 4)
    draw(elsewhere(1), 32)
    until(lambda: len(batches) == 6)
    assert torch.equal(batches[1], batches[4]) and not torch.equal(batches[1], batches[2])


def test_a_count_of_its_own_is_drawn_anew(drawn):
    _, draw = drawn
    draw(elsewhere(0), 32)
    assert draw(elsewhere(1), 8).target.shape == (8,)


def test_an_error_in_the_thread_reaches_who_draws():
    def fails(generator, count):
        raise ValueError("no rows")

    with pytest.raises(ValueError, match="no rows"):
        ahead(fails)(elsewhere(0), 1)


def test_on_the_cpu_nothing_changes(drawn):
    batches, draw = drawn
    generator = generator_of_step(3, 0)
    expected = torch.randint(1000, (32,), generator=generator_of_step(3, 0))
    assert torch.equal(draw(generator, 32).target, expected) and len(batches) == 1


@pytest.mark.parametrize(("free", "moved"), [(16_000, True), (15_999, False), (None, True)])
def test_data_move_once_if_half_of_the_free_memory_holds_them(monkeypatch, free, moved):
    monkeypatch.setattr(placing, "free_memory", lambda device: free)
    seen = []

    def pick(generator, count, values, nothing):
        assert nothing is None
        seen.append(values)
        return Batch(values[:count], None)

    draw = draw_from((VALUES, None), pick)
    for step in range(3):
        assert draw(elsewhere(step), 4).target.device.type == "meta"
    until(lambda: len(seen) == 3 + (not moved))
    assert {values.device.type for values in seen} == {"meta" if moved else "cpu"}
    assert len({id(values) for values in seen}) == 1
