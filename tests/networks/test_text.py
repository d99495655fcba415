"""Words to vectors: the vocabulary, the encoder, conditions for networks of any dimension."""

import pytest
import torch

from course_utils.diffusion.denoiser import Denoiser
from course_utils.diffusion.losses import Denoising
from course_utils.diffusion.paths import FlowPath
from course_utils.diffusion.training import Plan, Trainer, batches
from course_utils.networks.conditioning.text import on_text
from course_utils.networks.mlp import MLP
from course_utils.networks.text import TextEncoder, Vocabulary
from course_utils.networks.unet import UNet

TEXTS = ["a thick seven", "A thin, slanted TWO!", "a two"]


def test_a_vocabulary_numbers_words():
    vocabulary = Vocabulary.of(TEXTS)
    assert vocabulary.words == ["a", "seven", "slanted", "thick", "thin", "two"]
    tokens = vocabulary.encode(TEXTS)
    assert tokens.tolist() == [[0, 3, 1, -1], [0, 4, 2, 5], [0, 5, -1, -1]]
    assert vocabulary.encode("a two").tolist() == [[0, 5]]
    assert vocabulary.encode(["", "a"]).tolist() == [[-1], [0]]
    assert vocabulary.encode([]).shape == (0, 1)


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
