"""What is measured of fields, on shapes of which the answer is known."""

import numpy as np
import pytest
import torch

from course_utils.datasets.shapes import faults, make_shape, seen_slots
from course_utils.evaluation.distances import chamfer_distances, chamfer_within
from course_utils.evaluation.fields import (
    Compared,
    Drawn,
    changed,
    field_report,
    points_of,
    slots_right,
    sound,
    surface_distance,
)
from course_utils.evaluation.shapes import roughness


def chairs(count, first=0):
    """Real chairs: coverage as fields, and slots."""
    made = [make_shape("chair", seed) for seed in range(first, first + count)]
    slots = np.stack([shape.slots for shape in made])
    return Drawn(np.stack([2 * shape.coverage - 1 for shape in made]), slots)


def compared(drawn, real):
    points, others = points_of(drawn.fields, 0), points_of(real.fields, 1)
    distances = chamfer_distances(points, others)
    return Compared(points, chamfer_within(points), distances, chamfer_within(others))


def test_a_shape_is_sound_if_its_judge_finds_no_fault():
    real = make_shape("table", 3)
    torn = np.stack([real.voxels, real.without(real.parts[-1].name), np.zeros_like(real.voxels)])
    assert sound(torn, "table").tolist() == [not faults(shape, "table") for shape in torn]
    assert sound(torn, "table").tolist() == [True, False, False]


def test_slots_are_counted_on_the_surface():
    """A house all of whose voxels are called wall is right where its judge sees walls outside."""
    shape = make_shape("house", 3)
    voxels, true = shape.voxels, shape.slots
    padded = np.pad(voxels, 1)
    inner = np.ones_like(voxels)
    for axis in range(3):
        for step in (-1, 1):
            inner &= np.roll(padded, step, axis)[1:-1, 1:-1, 1:-1]
    surface = voxels & ~inner
    assert 0 < surface.sum() < voxels.sum()
    assert slots_right(voxels, true, "house") > 0.95
    walls = np.ones_like(true)
    expected = (seen_slots(voxels, "house")[surface] == 1).mean()
    assert slots_right(voxels, walls, "house") == pytest.approx(expected) and 0.1 < expected < 0.9
    inside = np.where(inner, 3, true)  # what nobody sees does not count
    assert slots_right(voxels, inside, "house") == slots_right(voxels, true, "house")
    unknown = np.where(np.arange(32)[:, None, None] < 16, 0, true)  # nor what has no slot
    assert slots_right(voxels, unknown, "house") > 0.9


def ball(side, radius):
    """The distance from the surface of a ball, positive inside: (side, side, side)."""
    z, y, x = (np.indices((side,) * 3) + 0.5) / side - 0.5
    return (radius - np.sqrt(x**2 + y**2 + z**2)).astype(np.float32)


def test_the_distance_of_two_balls_is_the_difference_of_their_radii_in_voxels():
    true = ball(64, 0.4)
    for radius in (0.35, 0.45):
        assert surface_distance(ball(32, radius), true) == pytest.approx(0.05 * 32, rel=0.03)
    near, few = (surface_distance(ball(32, 0.4), true, points) for points in (4000, 200))
    assert near < 0.2 < few  # how far the points lie apart


def test_coverage_lies_nearer_to_the_true_surface_than_yes_and_no():
    shape, fine = make_shape("lamp", 4), 2 * make_shape("lamp", 4, 96).coverage - 1
    apart = [surface_distance(field, fine) for field in (shape.voxels, 2 * shape.coverage - 1)]
    assert apart[1] < 0.75 * apart[0] < 0.3


def test_shapes_most_of_which_are_known_are_compared_as_all_are():
    real, drawn = chairs(5, 100), chairs(6)
    before = compared(drawn, real)
    fields = drawn.fields.copy()
    fields[[1, 4]] = chairs(2, 50).fields
    others = points_of(real.fields, 1)
    after = changed(before, points_of(fields, 0), others)
    anew = compared(Drawn(fields), real)
    for fast, slow in zip(after, anew, strict=True):
        assert torch.allclose(fast, slow, atol=1e-7)
    assert not torch.allclose(after.within, before.within, atol=1e-4)
    same = changed(before, before.points, others)
    assert torch.equal(same.within, before.within) and torch.equal(same.between, before.between)


def test_empty_shapes_have_no_points_and_others_keep_theirs():
    fields = chairs(3).fields
    fields[1] = -1
    assert torch.equal(points_of(fields[[0, 2]], 7), points_of(fields, 7))
    assert len(points_of(fields[1:2], 7)) == 0


def test_the_report_counts_what_is_there():
    real, drawn = chairs(4, 100), chairs(4)
    training = chairs(3, 1).fields > 0  # the samples but the first
    report = field_report(drawn, compared(drawn, real), training, "chair")
    assert report.count == 4 and report.empty == 0 and report.copies == 0.75
    assert report.sound == report.one_piece == 1 and report.slots_right > 0.97
    assert report.filled == pytest.approx((drawn.fields > 0).mean())
    assert report.roughness == pytest.approx(np.mean([roughness(one) for one in drawn.fields]))
    far = field_report(drawn, compared(drawn, Drawn(-real.fields)), training, "chair")
    assert far.accuracy == 1 > report.accuracy
    assert field_report(drawn, compared(drawn, real), training, "chair", False).sound is None


def test_what_is_empty_or_broken_is_not_sound_and_counts():
    real, drawn = chairs(4, 100), chairs(4)
    drawn.fields[0] = -1
    drawn.fields[1, 30, :2, :2] = 1  # hangs in the air
    drawn.slots[2] = 1 + drawn.slots[2] % 2
    report = field_report(drawn, compared(drawn, real), drawn.fields[3:] > 0, "chair")
    assert report.empty == 0.25 and report.sound == 0.5 and report.copies == 0.25
    assert report.one_piece == 0.75  # the bit is a crumb
    others = Drawn(drawn.fields[1:], drawn.slots[1:])
    among = field_report(others, compared(drawn, real), drawn.fields[3:] > 0, "chair").accuracy
    assert report.accuracy == pytest.approx((7 * among + 1) / 8) and among < 1
    assert report.slots_right < 0.75
    nothing = Drawn(np.full_like(drawn.fields, -1))
    empty = field_report(nothing, compared(nothing, real), drawn.fields[3:] > 0, "chair")
    assert empty.empty == empty.accuracy == 1 and empty.coverage == empty.sound == 0
    assert empty.roughness is None and empty.slots_right is None
