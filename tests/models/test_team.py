"""Shapes made in shares, and what a step sends; whole teams: tests/cli/test_distributed.py."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier

import numpy as np
import pytest

from course_utils.datasets.shapes import make_matter, make_shapes
from course_utils.models.team import Team


@dataclass(frozen=True)
class InThreads(Team):
    """A team of threads, which lay what they give on one table."""

    table: dict = field(default_factory=dict)
    barrier: Barrier | None = None

    def gathered(self, mine):
        self.barrier.wait()
        self.table[self.rank] = mine
        self.barrier.wait()
        return [self.table[rank] for rank in range(self.processes)]


def in_threads(processes, task):
    """What each of several processes returns from a task."""
    table, barrier = {}, Barrier(processes)
    teams = [
        InThreads("cpu", rank, processes, table=table, barrier=barrier) for rank in range(processes)
    ]
    with ThreadPoolExecutor(processes) as pool:
        return list(pool.map(task, teams))


@pytest.mark.parametrize(("maker", "name"), [(make_shapes, "voxels"), (make_matter, "matter")])
@pytest.mark.parametrize(("processes", "count"), [(2, 24), (3, 25), (4, 3)])
def test_shapes_made_in_shares_are_those_that_one_process_makes(processes, count, maker, name):
    arguments = count, 9, ("chair", "mug", "tree"), 100
    wanted = maker(*arguments)
    for made in in_threads(processes, lambda team: team.make(maker, *arguments)):
        grids, alone = getattr(made, name), getattr(wanted, name)
        assert grids.dtype == alone.dtype and np.array_equal(grids, alone)
        assert made.labels.dtype == wanted.labels.dtype
        assert np.array_equal(made.labels, wanted.labels)
        assert made.families == wanted.families and made.captions == wanted.captions
        assert repr(made.attributes) == repr(wanted.attributes)  # with types and order


def test_each_process_makes_its_own_part_only():
    asked = []

    def counted(count, resolution, families, first_index):
        asked.append((first_index, count))
        return make_shapes(count, resolution, families, first_index)

    in_threads(3, lambda team: team.make(counted, 10, 8, ("mug",), 5))
    assert sorted(asked) == [(5, 3), (8, 3), (11, 4)]


def test_a_process_alone_asks_nobody():
    team = Team("cpu")
    assert team.anyone(True) and not team.anyone(False) and team.gathered(b"x") == [b"x"]
    assert np.array_equal(
        team.make(make_shapes, 3, 8, ("mug",)).voxels, make_shapes(3, 8, ("mug",)).voxels
    )
