"""The reader of word vectors: places vote, and what is no word does not."""

import torch

from course_utils.networks.reader import Reader


def reader():
    torch.manual_seed(0)
    return Reader(3, 5, width=8, hidden=16).eval()


def test_the_loudest_place_decides():
    network, words = reader(), torch.randn(2, 6, 8)
    votes = network.votes(words)
    assert votes.shape == (2, 6, 8)
    assert torch.equal(network(words), torch.tanh(votes.amax(1) / 2))
    assert (network(words).abs() <= 1).all()


def test_what_follows_the_end_of_a_text_changes_nothing():
    network, words = reader(), torch.randn(2, 6, 8)
    longer = torch.cat([words, torch.zeros(2, 7, 8)], dim=1)
    assert (network(longer) - network(words)).abs().max() < 1e-6
    assert torch.isneginf(network.votes(longer)[:, 6:]).all()
    assert (network(torch.zeros(1, 4, 8)) == -1).all()  # no word names nothing


def test_words_further_away_than_its_reach_do_not_matter():
    network, words = reader(), torch.randn(1, 12, 8)
    changed = words.clone()
    changed[:, -1] += 1
    same = network.votes(words)[:, :8] == network.votes(changed)[:, :8]
    assert same[:, :7].all() and not same[:, 7].all()  # three convolutions reach four places
