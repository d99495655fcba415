"""Words to vectors: the vocabulary, the encoder, conditions for networks of any dimension."""

import pytest
import torch

from course_utils.diffusion.denoiser import Denoiser
from course_utils.diffusion.losses import Bits, Denoising
from course_utils.diffusion.paths import FlowPath
from course_utils.diffusion.training import Plan, Trainer, batches
from course_utils.networks.conditioning.facts import FactReader
from course_utils.networks.conditioning.text import on_text
from course_utils.networks.mlp import MLP
from course_utils.networks.text import TextEncoder, Vocabulary
from course_utils.networks.text_only import FactsOfText, FromText
from course_utils.networks.unet import UNet

TEXTS = ["a thick seven", "A thin, slanted TWO!", "a two"]


def test_a_vocabulary_numbers_words_and_gives_them_back():
    vocabulary = Vocabulary.of(TEXTS)
    assert vocabulary.words == ["a", "seven", "slanted", "thick", "thin", "two"]
    tokens = vocabulary.encode(TEXTS)
    assert tokens.tolist() == [[0, 3, 1, -1], [0, 4, 2, 5], [0, 5, -1, -1]]
    assert vocabulary.decode(tokens) == ["a thick seven", "a thin slanted two", "a two"]
    assert vocabulary.encode("a two").tolist() == [[0, 5]]
    assert vocabulary.encode(["", "a"]).tolist() == [[-1], [0]]
    assert vocabulary.encode(["a two", ""], length=3).tolist() == [[0, 5, -1], [-1, -1, -1]]
    assert vocabulary.encode([]).shape == (0, 1)
    with pytest.raises(
        ValueError, match=r"up to 4 words \('a thin slanted two'\); expected at most 3"
    ):
        vocabulary.encode(TEXTS, length=3)


def test_unknown_words_are_named_with_those_that_are_known():
    with pytest.raises(ValueError, match="unknown word: fat, nine; the words are a, seven"):
        Vocabulary.of(TEXTS).encode(["a fat nine"])
    many = Vocabulary([*TEXTS[2].split(), "chair", "chairs", *(f"word{k}" for k in range(40))])
    with pytest.raises(
        ValueError, match=r"^unknown word: chiar \(near: chair, chairs\), xyz; all 44 words are in"
    ):
        many.encode("a chiar, xyz")
    for words in (["a", "a"], ["two words"], ["Upper"]):
        with pytest.raises(ValueError, match="different single words"):
            Vocabulary(words)


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return TextEncoder(words=6, width=16)


def test_order_matters_and_padding_does_not(encoder):
    tokens = torch.tensor([[0, 3, 1], [3, 0, 1]])
    out = encoder(tokens)
    assert out.shape == (2, 16) and (out[0] - out[1]).abs().max() > 1e-3
    padded = torch.nn.functional.pad(tokens, (0, 5), value=-1)
    for mode in (encoder.train(), encoder.eval()):
        assert torch.allclose(mode(padded), out, atol=1e-5)


def test_every_word_matters(encoder):
    tokens = torch.tensor([[0, 3, 1]]).repeat(4, 1)
    tokens[torch.arange(3) + 1, torch.arange(3)] = 5  # one word changed in each of the others
    out = encoder(tokens)
    assert ((out[1:] - out[0]).abs().amax(1) > 1e-3).all()


def test_texts_that_are_too_long_are_refused(encoder):
    with pytest.raises(ValueError, match="length at most 24"):
        encoder(torch.zeros(1, 25, dtype=torch.long))


def test_no_text_is_the_same_however_it_is_said():
    torch.manual_seed(0)
    text = on_text(6)(16, 0)
    (nothing,) = text(None, 2).vectors
    for length in (1, 4):
        assert torch.allclose(text(torch.full((2, length), -1), 2).vectors[0], nothing, atol=1e-5)
    assert (text(torch.tensor([[1], [1]]), 2).vectors[0] - nothing).abs().max() > 1e-3


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_a_text_conditions_grids_of_any_dimension(dimensions):
    torch.manual_seed(0)
    network = UNet(dimensions, 1, channels=(8, 16), blocks=1, conditioner=on_text(6))
    with torch.no_grad():
        for parameter in network.parameters():  # many begin with zeros
            parameter.add_(0.05 * torch.randn(parameter.shape))
    x, log_snr = torch.randn(2, 1, *(8,) * dimensions), torch.zeros(2)
    one, two = (network(x, log_snr, torch.tensor([[0, word], [0, 1]])) for word in (2, 3))
    assert (one[0] - two[0]).abs().max() > 1e-4 and torch.allclose(one[1], two[1], atol=1e-5)


def test_training_drops_whole_captions():
    """What the network sees of 400 captions: all words or none, and none as often as wanted."""
    seen = []

    class Spy(MLP):
        def forward(self, x, log_snr, condition=None):
            seen.append(condition)
            return super().forward(x, log_snr, condition)

    tokens = Vocabulary.of(TEXTS).encode(TEXTS)
    plan = Plan(steps=1, batch_size=400)
    trainer = Trainer(
        Denoiser(Spy(width=16, conditioner=on_text(6)), FlowPath()),
        plan,
        Denoising(drop_condition=0.3),
    )
    list(trainer.run(batches(torch.zeros(3, 2), tokens)))
    dropped = (seen[0] == -1).all(1)
    kept = {tuple(row) for row in seen[0][~dropped].tolist()}
    assert kept == {tuple(row) for row in tokens.tolist()}
    assert 0.22 < dropped.float().mean() < 0.38


def test_a_network_that_reads_asks_each_word_and_ignores_padding():
    torch.manual_seed(0)
    network = UNet(3, channels=(8, 16), patch=2, blocks=1, conditioner=on_text(6, reads=True))
    for attention in network.cross_attention:
        torch.nn.init.normal_(attention.out.weight)
    torch.nn.init.normal_(network.outlet.weight)
    x, level, tokens = (
        torch.randn(2, 1, 8, 8, 8),
        torch.zeros(2),
        torch.tensor([[0, 3, 1], [0, 3, 2]]),
    )
    out = network(x, level, tokens)
    assert torch.allclose(
        network(x, level, torch.nn.functional.pad(tokens, (0, 4), value=-1)), out, atol=1e-5
    )
    nothing = network(x, level, torch.full((2, 3), -1))
    assert (
        torch.allclose(network(x, level), nothing, atol=1e-5) and (nothing - out).abs().max() > 1e-3
    )
    # no way for the words but to be read
    network.conditioner.text.encoder.outlet = torch.nn.Linear(32, 32).requires_grad_(False)
    torch.nn.init.zeros_(network.conditioner.text.encoder.outlet.weight)
    one, other = network(x[:1], level[:1], tokens[:1]), network(x[:1], level[:1], tokens[1:])
    assert (one - other).abs().max() > 1e-3


def test_reading_begins_as_change_nothing():
    torch.manual_seed(0)
    network = UNet(2, channels=(8, 16), conditioner=on_text(6, reads=True))
    torch.nn.init.normal_(network.outlet.weight)
    x, level, tokens = torch.randn(2, 1, 8, 8), torch.zeros(2), torch.tensor([[0, 3], [1, -1]])
    out, network.cross_attention = network(x, level, tokens), None
    assert torch.equal(network(x, level, tokens), out)


def test_a_network_of_a_text_alone_learns_the_mean_of_what_fits_it():
    """Two texts, two kinds of grid each: the answer is their mean, whatever x_t and t say."""
    # what the second voxel of a kind of the first text may be
    kinds = torch.tensor([[1.0, -1.0], [1.0, 1.0]])
    x0 = torch.stack([kinds, -kinds]).reshape(4, 1, 2).repeat(1, 1, 2)
    tokens = torch.tensor([[0, 1], [0, 1], [2, -1], [2, -1]])
    torch.manual_seed(0)
    denoiser = Denoiser(FromText(1, 4, 3, width=16, hidden=32), FlowPath())
    plan = Plan(steps=300, batch_size=32, learning_rate=3e-3, ema_decay=0.98)
    list((trainer := Trainer(denoiser, plan, Denoising(loss_in="x0"))).run(batches(x0, tokens)))
    for t, x_t in ((1.0, torch.randn(2, 1, 4)), (0.2, torch.zeros(2, 1, 4))):
        guess = trainer.ema(x_t, t, torch.tensor([[0, 1], [2, -1]]))[:, 0]
        assert torch.allclose(guess, torch.tensor([[1.0, 0, 1, 0], [-1, 0, -1, 0]]), atol=0.15)
    nothing = trainer.ema(torch.zeros(1, 1, 4), 1.0)
    assert nothing.shape == (1, 1, 4) and float(nothing.abs().max()) < 0.4


def test_a_sketch_stands_beside_x_at_any_size_and_begins_as_change_nothing():
    torch.manual_seed(0)
    network = UNet(3, channels=(8, 16), patch=2, blocks=1, conditioner=on_text(6, sketch=4))
    torch.nn.init.normal_(network.outlet.weight)
    x, level, tokens = torch.randn(1, 1, 8, 8, 8), torch.zeros(1), torch.tensor([[0, 3]])
    plain = network(x, level, tokens)
    drawn, network.grid_stem = network.grid_stem, None
    assert torch.equal(network(x, level, tokens), plain)
    network.grid_stem = drawn
    torch.nn.init.normal_(network.grid_stem.weight)
    assert (network(x, level, tokens) - plain).abs().max() > 1e-3
    for side in (4, 8, 16):
        assert network(torch.randn(1, 1, side, side, side), level, tokens).shape[2:] == (
            side,
            side,
            side,
        )


def test_a_fact_reader_lets_no_phrase_silence_another():
    """What is found in a text is found in a longer one: only words near a phrase matter to it."""
    torch.manual_seed(0)
    reader = FactReader(9, 5, width=8, hidden=16).eval().requires_grad_(False)
    reader.votes.weight.mul_(30)
    one, other = torch.tensor([[0, 1, 2, 3]]), torch.tensor([[4, 5, 6, 7]])
    others = torch.full((1, 7), 8)  # as many words as two phrases reach together
    far = torch.cat([others, one, others, other, others], dim=1)
    padded = torch.cat([one, torch.full((1, 3), -1)], dim=1)
    assert torch.allclose(reader(one), reader(padded), atol=1e-6)
    alone = torch.maximum(
        *(reader(torch.cat([others, phrase, others], dim=1)) for phrase in (one, other))
    )
    assert (reader(far) >= alone - 1e-5).all() and reader(far).abs().max() <= 1
    nothing = reader(torch.full((2, 4), -1))
    assert torch.equal(nothing, torch.full((2, 5), -1.0)) and torch.equal(
        reader(torch.tensor([-1, -1])), nothing
    )


def test_facts_are_learned_by_the_one_loop():
    """After a short training by cross-entropy every fact is read, and the loss is that of p."""
    tokens = torch.randint(0, 6, (400, 3), generator=torch.Generator().manual_seed(0))
    facts = torch.stack([(tokens == k).any(1) for k in range(4)], dim=1)
    torch.manual_seed(0)
    network = FactsOfText(6, 4)
    plan = Plan(steps=150, batch_size=64, learning_rate=3e-3, ema_decay=0.9)
    trainer = Trainer(network, plan, Bits())
    losses = [
        progress.loss
        for progress in trainer.run(batches(facts, tokens, lambda rows: 2.0 * rows - 1))
    ]
    assert losses[-1] < 0.05 < 0.3 < losses[0]
    assert torch.equal(trainer.ema(tokens) > 0, facts)
    x0, guess = 2.0 * facts[:50] - 1, network(tokens[:50]).detach()
    expected = torch.nn.functional.binary_cross_entropy((1 + guess) / 2, (1 + x0) / 2)
    loss = Bits()(network, x0, tokens[:50])
    assert float(loss.detach()) == pytest.approx(float(expected), rel=1e-4)
