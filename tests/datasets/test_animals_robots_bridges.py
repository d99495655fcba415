"""Animals, robots and bridges have what they say; and what only they are made or judged with."""

import numpy as np
import pytest
from scipy.ndimage import label

from course_utils.datasets.shapes import make_shape
from course_utils.datasets.shapes.drawing import pebble
from course_utils.datasets.shapes.looking import lopsided
from course_utils.datasets.shapes.solids import voxelise


def test_animal_attributes_are_there():
    for seed in range(150):
        shape = make_shape("animal", seed)
        voxels, attributes = shape.voxels, shape.attributes
        feet = voxels[0]
        assert label(feet)[1] == 4, seed
        fore, hind = np.flatnonzero(feet.any(axis=1))[[0, -1]]
        belly = voxels[:, (fore + hind) // 2, 15:17].all(axis=1).argmax()
        trunk = voxels[3:belly, : fore - 1].any()  # it hangs before the fore feet
        assert trunk == (attributes["kind"] == "elephant"), seed
        body = np.flatnonzero(voxels[:, hind - 3, 15:17].all(axis=1))[-1] + 1
        behind = np.flatnonzero(voxels[:, hind + 2 :].any(axis=(1, 2)))
        assert (behind[-1] >= body) == (attributes["tail"] == "up"), seed
        for slot, name in ((3, "horns"), (4, "saddle")):
            assert (shape.slots == slot).any() == attributes[name], (name, seed)


def test_robot_attributes_are_there():
    for seed in range(150):
        shape = make_shape("robot", seed)
        voxels, attributes = shape.voxels, shape.attributes
        assert label(voxels[0].any(axis=0))[1] == 2, seed  # two feet, wheels or tracks
        eyes = (shape.slots == 4) & voxels
        first = np.flatnonzero(eyes.any(axis=(0, 2)))[0]
        assert label(eyes[:, first].any(axis=0))[1] == {"eyes": 2, "visor": 1}[attributes["face"]]
        left = np.flatnonzero(voxels.any(axis=(0, 1)))[0]
        arm = voxels[:, :, left]  # (D, H)
        tall, long = (np.ptp(np.flatnonzero(arm.any(axis=axis))) for axis in (1, 0))
        assert (long > tall) == (attributes["arms"] == "forward"), seed
        arm_top = np.flatnonzero(arm.any(axis=1))[-1]
        eye_line = np.flatnonzero(eyes.any(axis=(1, 2)))[0]
        assert (arm_top >= eye_line - 1) == (attributes["arms"] == "raised"), seed


def test_bridge_attributes_are_there():
    for seed in range(150):
        shape = make_shape("bridge", seed)
        voxels, attributes = shape.voxels, shape.attributes
        assert label(voxels[0].any(axis=0))[1] == attributes["spans"] + 1, seed
        deck = (shape.slots == 1) & voxels
        tops = 32 - deck.any(axis=1)[::-1].argmax(axis=0)  # (W,)
        line = tops[deck.any(axis=(0, 1))]
        assert (np.ptp(line) > 1) == (attributes["deck"] == "humped"), seed
        assert (shape.slots == 3).any() == attributes["railings"], seed
        assert (shape.slots == 4).any() == (attributes["kind"] in ("suspension", "stayed")), seed


@pytest.mark.parametrize(("power", "share"), [(2.0, np.pi / 6), (40.0, 1.0)])
def test_a_pebble_is_an_ellipsoid_or_nearly_a_box(power, share):
    body = pebble((-0.4, 0.4), (-0.3, 0.3), (0.1, 0.6), power)
    assert voxelise([body], 96).mean() == pytest.approx(share * 0.8 * 0.6 * 0.5, rel=0.03)


def test_what_is_on_one_side_only_is_lopsided():
    body = np.zeros((16, 16, 16), dtype=bool)
    body[:6, 4:12, 6:13] = True  # not in the middle of the grid
    assert lopsided(body) == 0
    thicker = body.copy()
    thicker[:6, 4:8, 5] = True  # one voxel more is what a model may draw
    assert lopsided(thicker) == 0
    eared = body.copy()
    eared[6:10, 8:10, 6:8] = True
    assert lopsided(eared) >= 8
    eared[6:10, 8:10, 11:13] = True
    assert lopsided(eared) == 0
