"""Shapes as parts: coverage against brute force, slots, palettes, and a judge that misses no part."""

import importlib.util

import numpy as np
import pytest

from course_utils.datasets.shapes import (
    CLASSES,
    FAMILIES,
    Draws,
    faults,
    make_matter,
    make_shape,
)
from course_utils.datasets.shapes.drawing import Design, caption_of, palette_of
from course_utils.datasets.shapes.materials import MATERIALS
from course_utils.datasets.shapes.parts import matter_of, occupancy, painted, part
from course_utils.datasets.shapes.solids import Box
from course_utils.evaluation.fields import slots_right
from course_utils.geometry.matter import coverage_of, slots_of
from course_utils.places import ROOT

SPEC = importlib.util.spec_from_file_location("judge", ROOT / "benchmarks" / "judge.py")
judge = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(judge)


@pytest.mark.parametrize("family", CLASSES)
def test_coverage_is_the_mean_of_a_finer_grid(family):
    """Against yes-or-no voxels three times finer; where parts are thickened there are a few more."""
    for seed in range(6):
        shape = make_shape(family, seed)
        fine = make_shape(family, seed, 96).voxels.reshape(32, 3, 32, 3, 32, 3).mean((1, 3, 5))
        assert np.abs(fine - shape.coverage).max() < 1e-6, seed
        assert np.array_equal(shape.slots > 0, shape.coverage > 0), seed
        assert (shape.voxels != (shape.coverage > 0.5)).sum() < 0.1 * shape.voxels.sum(), seed


def test_coverage_of_a_box_by_hand():
    """From a third of voxel 2 to two thirds of voxel 5 along x: 2/3, 1, 1, 2/3."""
    box = Box(((2 + 1 / 3) / 8 - 0.5, (5 + 2 / 3) / 8 - 0.5), (-0.25, 0.25), (0.0, 0.5))
    coverage = coverage_of(matter_of([part("box", "body", box)], ("body",), 8))
    assert np.abs(coverage[0, 4] - [0, 0, 2 / 3, 1, 1, 2 / 3, 0, 0]).max() < 1e-6
    assert coverage.sum() == pytest.approx(8**3 * (10 / 3 / 8) * 0.5 * 0.5, rel=1e-6)


def test_later_parts_cover_earlier_ones_and_paint_fills_nothing():
    wide, low = (
        Box((-0.5, 0.5), (-0.5, 0.5), (0.0, 0.5)),
        Box((-0.5, 0.0), (-0.5, 0.5), (0.0, 0.25)),
    )
    parts = [part("a", "one", wide), part("b", "two", low)]
    parts.append(painted("c", "three", Box((0.25, 0.5), (-0.5, 0.5), (0.0, 1.0))))
    matter = matter_of(parts, ("one", "two", "three"), 8)
    slots = slots_of(matter)
    assert (slots[:2, :, :4] == 2).all() and (slots[2:4, :, :4] == 1).all()
    assert (slots[:4, :, 6:] == 3).all() and not slots[4:].any()
    assert coverage_of(matter).sum() == 8 * 8 * 4 == occupancy(parts, 8).sum()


def test_matter_of_many_is_that_of_each():
    families = CLASSES[:3]
    made = make_matter(4, 16, families, first_index=5)
    for row, seed in enumerate(range(5, 9)):
        shape = make_shape(families[seed % 3], seed, 16)
        assert np.array_equal(made.matter[row], shape.matter)
        assert (made.labels[row], made.captions[row]) == (shape.label, shape.caption)
        assert made.attributes[row] == shape.attributes


@pytest.mark.parametrize("family", CLASSES)
def test_slots_and_palettes(family):
    """Every slot is used by some shape, every palette names the slots used, in many ways."""
    file, used, seen = FAMILIES[family], set(), set()
    assert set(file.MATERIALS) == set(file.SLOTS) and 1 <= len(file.SLOTS) <= 4
    for seed in range(60):
        shape = make_shape(family, seed, 16)
        assert {each.slot for each in shape.parts} == set(shape.palette)
        used |= set(shape.palette)
        seen.add(tuple(material.name for material in shape.palette.values()))
        names = [each.name for each in shape.parts]
        assert len(set(names)) == len(names), names
    assert used == set(file.SLOTS) and len(seen) > 12


def test_a_palette_may_repeat_the_material_of_another_slot():
    palette = palette_of(
        "chair", 3, {"legs": ("oak",), "seat": ("=legs",), "back": ("red", "blue")}
    )
    assert palette["seat"] is palette["legs"] is MATERIALS["oak"]
    backs = {
        palette_of("chair", seed, {"back": ("red", "blue")})["back"].name for seed in range(20)
    }
    assert backs == {"red", "blue"}


def test_captions_speak_of_materials_and_never_of_those_that_are_not_there():
    design = Design([], {}, ["chair"], ["low"], ["four legs", "a round back", "no arms"])
    palette = {"seat": MATERIALS["red"], "legs": MATERIALS["oak"], "back": MATERIALS["orange"]}
    texts = {caption_of(Draws("a", seed), design, palette, Draws("b", seed)) for seed in range(300)}
    assert any(text.startswith("a low red chair") for text in texts)
    assert any("four oak legs" in text for text in texts)
    assert any("a round orange back" in text for text in texts)
    assert any("and oak legs" in text or "with oak legs" in text for text in texts)
    assert not any(word in text for text in texts for word in ("seat", "an oak legs", "no orange"))


@pytest.mark.parametrize("family", CLASSES)
def test_true_shapes_are_sound_and_the_judge_tells_their_slots(family):
    shapes = [make_shape(family, seed) for seed in range(73_000, 73_100)]
    wrong = {
        row: found for row, shape in enumerate(shapes) if (found := faults(shape.voxels, family))
    }
    assert len(wrong) <= 1, wrong
    right = [slots_right(shape.voxels, shape.slots, family) for shape in shapes]
    assert np.mean(right) > 0.98


@pytest.mark.parametrize("family", CLASSES)
def test_the_judge_misses_no_part(family):
    """Parts are removed or cut from 30 fresh shapes; of each kind of damage it sees 95 %."""
    found = judge.noticed(family, 30)
    assert found
    for damage, (seen, count) in found.items():
        assert seen >= 0.95 * count - 1, (damage, seen, count)


def test_a_shape_without_a_part_stays_where_it_is():
    car = make_shape("car", 3)
    for each in car.parts:
        rest = car.without(each.name)
        assert not (rest & ~car.voxels).any()
    chair = make_shape("chair", 3)
    gone = chair.voxels & ~chair.without("leg 2")
    assert gone.sum() > 20 and not chair.without("leg 2")[0][gone[0]].any()
    with pytest.raises(ValueError, match="name='wheel': expected one of leg 1"):
        chair.without("wheel")


def test_what_hangs_in_the_air_is_a_fault():
    chair = make_shape("chair", 0).voxels
    crumb = chair.copy()
    crumb[30, 1, 1] = True
    assert faults(crumb, "chair") == ["1 piece hangs in the air"]
    assert faults(np.roll(chair, 3, axis=0), "chair") == ["it floats above the ground"]
    assert faults(np.zeros_like(chair), "chair") == ["there is nothing"]
    with pytest.raises(ValueError, match="family='sphere'"):
        faults(chair, "sphere")


@pytest.mark.parametrize("family", CLASSES)
def test_few_fresh_shapes_have_a_near_copy(family):
    """Of 150 shapes, those with an IoU of 0.95 or more with one of 2,000 training shapes."""
    assert judge.near_copies(family, 150) < 0.05
