"""Fixtures for tests of all rooms."""

import card as simulated
import pytest

simulated.register()


@pytest.fixture
def card():
    """The log of a simulated card, on which a test trains and samples with device="card"."""
    with simulated.using() as log:
        yield log


@pytest.fixture
def card_without_float64():
    """The log of a simulated card that has no float64, as Apple's MPS."""
    with simulated.using(float64=False) as log:
        yield log
