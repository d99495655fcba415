"""The simulated card itself: what it refuses, what it counts, whose numbers it has."""

import pytest
import torch
from torch import nn

HERE = torch.arange(6.0)


@pytest.fixture
def there(card):
    """Six numbers on the card, after which nothing is noted yet."""
    tensor = HERE.to("card")
    assert len(card.sent) == 1 and "test_card.py" in card.sent[0]
    card.clear()
    return tensor


@pytest.mark.parametrize(
    "mix",
    [
        lambda x: x + torch.ones(6),
        lambda x: torch.ones(6) * x,
        lambda x: torch.stack([x[0], torch.tensor(1.0)]),
        lambda x: torch.cat([x, torch.ones(1)]),
        lambda x: nn.functional.linear(x, torch.ones(2, 6)),
        lambda x: torch.where(x > 0, x, torch.ones(6)),
    ],
)
def test_two_devices_do_not_mix(there, mix):
    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
        mix(there)


def test_one_number_of_the_cpu_may_be_an_operand_and_is_not_sent(there, card):
    assert ((there + torch.tensor(1.0)) * torch.tensor(2.0)).device.type == "card"
    assert (card.sent, card.waits) == ([], [])


@pytest.mark.parametrize(
    "wait",
    [
        lambda x: float(x.sum()),
        lambda x: x.sum().item(),
        lambda x: bool((x > 0).any()),
        lambda x: x.cpu(),
        lambda x: x.to("cpu"),
        lambda x: x.tolist(),
        lambda x: x[x > 2],
        lambda x: x.nonzero(),
        lambda x: torch.equal(x, x),
        lambda x: x.unique(),
        lambda x: torch.zeros(6).copy_(x),
    ],
)
def test_each_wait_is_noted_once_with_its_line(there, card, wait):
    wait(there)
    assert card.sent == [] and len(card.waits) == 1 and "lambda x:" in card.waits[0]


@pytest.mark.parametrize(
    "send",
    [
        lambda x: torch.ones(2).to(x.device),
        lambda x: torch.tensor([1.0, 2.0], device="card"),
        lambda x: torch.as_tensor([1.0], device="card"),
        lambda x: x.copy_(HERE),
        lambda x: x[torch.tensor([1, 2])],
    ],
)
def test_each_thing_sent_is_noted_once_with_its_line(there, card, send):
    send(there)
    assert card.waits == [] and len(card.sent) == 1 and "lambda x:" in card.sent[0]


def test_numpy_is_refused(there):
    with pytest.raises(TypeError, match="to numpy"):
        there.numpy()


def test_float64_is_refused_where_there_is_none(card_without_float64):
    with pytest.raises(TypeError, match=r"no float64 \(test_card.py"):
        HERE.double().to("card")
    with pytest.raises(TypeError, match="no float64"):
        torch.zeros(2, dtype=torch.float64, device="card")


def test_autocast_computes_products_in_half_precision_and_norms_in_full(there):
    with torch.autocast("card", torch.float16):
        product = there[None] @ there[:, None]
        norm = nn.functional.layer_norm(product.expand(1, 6), (6,))
    assert (product.dtype, norm.dtype) == (torch.float16, torch.float32)
    assert (there[None] @ there[:, None]).dtype == torch.float32


def test_a_generator_there_draws_the_cpus_numbers(card):
    generator = torch.Generator("card").manual_seed(3)
    drawn = torch.randn(4, generator=generator, device="card")
    assert generator.device.type == drawn.device.type == "card"
    expected = torch.randn(4, generator=torch.Generator().manual_seed(3))
    assert torch.equal(drawn.cpu(), expected)


def test_without_the_fixture_there_is_no_card():
    assert torch.Generator is torch._C.Generator
    with pytest.raises((NotImplementedError, RuntimeError)):
        torch.ones(2, device="card")
