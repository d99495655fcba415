"""Matter: coverage and slots in one byte, and what a model makes of them."""

import numpy as np
import torch

from course_utils.geometry.matter import (
    CELLS,
    SLOTS,
    coverage_of,
    matter_to_model,
    pack_matter,
    slots_from_model,
    slots_of,
)


def every_matter():
    """All 28 x 5 values as a grid (5, 28, 1)."""
    slots, cells = np.meshgrid(np.arange(SLOTS + 1), np.arange(CELLS + 1), indexing="ij")
    return cells.astype(np.uint8)[..., None], slots.astype(np.uint8)[..., None]


def test_a_byte_keeps_coverage_and_slot():
    cells, slots = every_matter()
    matter = pack_matter(cells, slots)
    assert matter.dtype == np.uint8 and len(np.unique(matter)) == 28 * 5
    assert np.array_equal(slots_of(matter), slots)
    assert np.abs(coverage_of(matter) - cells / 27).max() < 1e-7
    assert np.array_equal(coverage_of(torch.from_numpy(matter)).numpy(), coverage_of(matter))


def test_channels_of_a_model_by_hand():
    matter = torch.tensor([[[[0, 27 + 32 * 2, 9 + 32 * 4, 18 + 32]]]], dtype=torch.uint8)
    x = matter_to_model(matter)
    expected = torch.tensor(
        [
            [-1.0, 1.0, -1 / 3, 1 / 3],
            [0.0, 0.0, 0.0, 2 / 3],
            [0.0, 1.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 1 / 3, 0.0],
        ]
    )
    assert x.shape == (1, 1 + SLOTS, 1, 1, 4)
    assert (x[0, :, 0, 0] - expected).abs().max() < 1e-6


def test_slots_come_back_among_those_that_a_family_has():
    cells, slots = every_matter()
    matter = torch.from_numpy(pack_matter(cells, slots))[None]
    filled = (slots > 0) & (cells > 0)
    noisy = matter_to_model(matter) + 0.01 * torch.randn(
        1, 1 + SLOTS, *cells.shape, generator=torch.Generator().manual_seed(0)
    )
    back = slots_from_model(noisy)[0].numpy()
    assert np.array_equal(back[filled], slots[filled])
    assert int(slots_from_model(noisy, slots=2).max()) == 2
