"""Conditioners: what each gives a network, together and alone, and how a new one is added."""

import pytest
import torch

from course_utils.networks.conditioning import Conditioner, Given, several, unconditional
from course_utils.networks.conditioning.facts import on_named_facts
from course_utils.networks.conditioning.labels import on_labels
from course_utils.networks.conditioning.text import on_text
from course_utils.networks.facts import FromFacts
from course_utils.networks.mlp import MLP
from course_utils.networks.unet import UNet

TOKENS = torch.tensor([[0, 3, 1], [2, -1, -1], [-1, -1, -1]])


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def test_labels_are_rows_of_a_table_and_the_last_row_is_nothing_said():
    labels = on_labels(4)(16, 2)
    (vectors,) = labels(torch.tensor([0, 3, -1]), 3).vectors
    assert torch.equal(vectors, labels.table.weight[[0, 3, 4]])
    assert torch.equal(labels(None, 2).vectors[0], labels.table.weight[[4, 4]])
    with pytest.raises(ValueError, match=r"shape \(3, 3\); expected one label per sample"):
        labels(TOKENS, 3)


def test_a_text_is_one_vector():
    text = on_text(6)(16, 3)
    given = text(TOKENS, 3)
    assert torch.equal(given.vectors[0], text.encoder(TOKENS)) and given.grids == ()
    assert text.grid_channels == 0


@pytest.mark.parametrize("sketch", [0, 4])
def test_named_facts_are_numbers_and_none_of_them_is_nothing_said(sketch):
    named = on_named_facts(2, 3, sketch)(16, 3)
    rows = torch.tensor([[1.0, -1, -1, 1, 0], [-1] * 5])
    given = named(rows, 2)
    assert not given.vectors[0].any()  # it begins at zero
    torch.nn.init.normal_(named.outlet.weight)
    given, nothing = named(rows, 2), named(None, 1)
    assert given.vectors[0].shape == (2, 16)
    assert torch.allclose(given.vectors[0][1:], nothing.vectors[0], atol=1e-4)
    assert not torch.allclose(given.vectors[0][0], nothing.vectors[0][0], atol=1e-1)
    assert [grid.shape for grid in given.grids] == [(2, 1, 4, 4, 4)] * (sketch > 0)
    with pytest.raises(ValueError, match=r"shape \(2, 4\); expected \(B, 5\), a number for each"):
        named(rows[:, :4], 2)


def test_a_unet_begins_from_a_sketch_of_facts():
    network = UNet(3, channels=(8,), patch=2, conditioner=on_named_facts(2, 3, sketch=4))
    alone = FromFacts(3, 4, 2, 3, width=32)
    theirs, mine = alone.state_dict(), network.state_dict()
    assert all(theirs[name].shape == mine[name].shape for name in theirs)
    rows = torch.tensor([[1.0, -1, -1, 1, 0]])
    assert alone(torch.zeros(1, 1, 4, 4, 4), torch.zeros(1), rows).shape == (1, 1, 4, 4, 4)


class Counted(Conditioner):
    """How many facts are named, as a vector and as a grid."""

    name, takes, grid_channels = "counted", "facts", 1

    def given(self, condition):
        count = (condition > 0).sum(1, keepdim=True).float()
        return Given(vectors=(count.expand(-1, 16),), grids=(count[:, :, None, None],))


def test_several_give_what_each_gives_in_their_order():
    both = several(on_named_facts(2, 3, sketch=4), lambda width, dimensions: Counted())(16, 2)
    torch.nn.init.normal_(both.named.outlet.weight)
    rows = torch.tensor([[1.0, -1, -1, 1, 0], [1, -1, 1, 1, 1]])
    given, named = both(rows, 2), both.named(rows, 2)
    vector, count = given.vectors
    assert torch.equal(vector, named.vectors[0]) and torch.equal(
        count[:, 0], torch.tensor([2.0, 4])
    )
    sketch, coarse = given.grids
    assert torch.equal(sketch, named.grids[0]) and coarse.flatten().tolist() == [2, 4]
    assert both.grid_channels == 2


def test_no_conditioner_gives_nothing_and_has_no_weights():
    nothing = unconditional(16, 2)
    assert nothing(TOKENS, 3) == nothing(None, 3) == Given() and not list(nothing.parameters())
    assert nothing.grid_channels == 0


def test_conditioners_that_do_not_fit_together_are_refused():
    with pytest.raises(ValueError, match=r"labels takes labels, text takes tokens.*not both"):
        UNet(2, channels=(8,), conditioner=several(on_labels(3), on_text(6)))
    with pytest.raises(ValueError, match="labels, labels; expected at most one of each kind"):
        MLP(conditioner=several(on_labels(3), on_labels(4)))
    with pytest.raises(ValueError, match="an MLP only takes vectors"):
        MLP(conditioner=on_named_facts(2, 3, sketch=4))


class Picture(Conditioner):
    """A new conditioner, as a file of its own might have it: a picture (B, 2, 4, 4) as a grid."""

    name, takes, grid_channels = "picture", "picture", 2

    def given(self, condition):
        return Given(grids=(condition,))


def test_a_new_conditioner_needs_no_change_of_the_unet():
    network = UNet(2, channels=(8, 16), patch=2, conditioner=lambda width, dimensions: Picture())
    torch.nn.init.normal_(network.outlet.weight)
    assert network.grid_stem.weight.shape == (8, 2, 2, 2)
    x, level, picture = torch.randn(1, 1, 8, 8), torch.zeros(1), torch.randn(1, 2, 4, 4)
    begun = network(x, level, picture)
    assert torch.equal(network(x, level, 0 * picture), begun)  # begins as "change nothing"
    torch.nn.init.normal_(network.grid_stem.weight)
    assert torch.allclose(network(x, level, 0 * picture), begun)
    assert (network(x, level, picture) - begun).abs().max() > 1e-3
