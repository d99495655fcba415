"""The prediction for cards: counts made by hand, a rule for caches, and a page that is up to date."""

import math
import warnings
from dataclasses import replace

import card as simulated
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import counting, here, roofline
from benchmarks.cards import CARDS
from benchmarks.counting import Counting, CudaHalf, Op, Step, counted, training_steps
from benchmarks.rates import FAST, SLOW, Guess, Range, rate, time_of
from course_utils.diffusion.losses import LOSSES
from course_utils.diffusion.training import Trainer
from course_utils.files.results import load_results
from course_utils.models.budget import bytes_to_sample, bytes_to_train
from course_utils.models.checkpoints import build_model
from course_utils.models.config import Config
from course_utils.models.training import freeze

EVEN = Guess(1.0, 1.0, 1.0, 1.0, 0.0, hidden=False)
CARD = replace(CARDS["T4"], peaks=(1.0, None, 8.0), bandwidth=100.0, cache=1.0)


@pytest.fixture(scope="module")
def halves():
    return roofline.counts()


@pytest.fixture(scope="module")
def whole():
    return roofline.counts_here()


def ops_of(run):
    with Counting("meta") as count:
        run()
    return count.step().ops


def meta(*shape):
    return torch.empty(*shape, device="meta")


# ---- counting ------------------------------------------------------------------------------------


def test_a_linear_layer_by_hand():
    layer, x = nn.Linear(5, 7, device="meta"), meta(3, 5)
    (op,) = ops_of(lambda: layer(x))
    assert op == Op("addmm", 2 * 3 * 5 * 7, 4 * (3 * 5 + 5 * 7 + 7 + 3 * 7))


def test_a_convolution_by_hand_and_both_ways():
    layer = nn.Conv3d(4, 6, 3, padding=1, device="meta")
    x = meta(2, 4, 8, 8, 8).requires_grad_()
    places, weights = 2 * 8**3, 6 * 4 * 27
    forward = Op(
        "convolution", 2 * weights * places, 4 * (10 * places + weights + 6)
    )  # 4 channels in, 6 out
    (op,) = ops_of(lambda: layer(x))
    assert op == forward
    y = layer(x)
    back = [op for op in ops_of(lambda: y.backward(y.detach())) if "conv" in op.name]
    # reads the gradient, x and the weights; writes the gradients of x, weights and bias
    size = 4 * (6 * places + 4 * places + weights + 4 * places + weights + 6)
    assert back == [Op("convolution_backward", 2 * forward.flops, size)]


def test_attention_by_hand():
    """2 shapes, 3 heads, 8 places that look at 5 tokens of 6 features: two products."""
    q, k, v = (torch.zeros(2, 3, length, 6) for length in (8, 5, 5))
    with Counting("cpu") as count, torch.no_grad():
        nn.functional.scaled_dot_product_attention(q, k, v)
    assert count.step().flops == 2 * (2 * 2 * 3 * 8 * 5 * 6)


def test_views_cost_nothing_and_what_is_changed_is_read_and_written():
    x, half = meta(4, 6), meta(4, 6).half()
    assert ops_of(lambda: x.view(24).view(2, 12).t()[None].expand(3, -1, -1).detach()) == ()
    assert ops_of(lambda: x.add_(1)) == (Op("add_", 0, 2 * 96),)
    assert ops_of(lambda: x.copy_(half)) == (Op("copy_", 0, 96 + 48),)
    assert ops_of(lambda: x[:, :1].expand(4, 6) + x) == (Op("add", 0, 16 + 2 * 96),)
    rows = meta(2).long()
    assert ops_of(lambda: meta(1000, 6)[rows]) == (Op("index", 0, 2 * 48),)  # not the whole table


def test_half_precision_follows_cudas_rules():
    x = meta(2, 8, 4, 4, 4)
    convolution, norm = nn.Conv3d(8, 8, 1, device="meta"), nn.GroupNorm(2, 8, device="meta")
    with CudaHalf():
        y = convolution(x)
        assert y.dtype == torch.bfloat16 and norm(y).dtype == torch.float32
        assert (y @ y).dtype == torch.bfloat16 and (x + 1).dtype == torch.float32


def test_the_simulated_card_knows_the_same_rules():
    ours = counting.TENSOR_CORES - {torch.einsum}  # which calls torch.bmm
    assert ours <= simulated.TENSOR_CORES
    assert counting.FULL_PRECISION <= simulated.FULL_PRECISION


def test_what_is_alive():
    with Counting("meta") as count:
        a = meta(10)
        b = a.view(2, 5) + 1
        del a
        c = b * 2
    assert count.most == 80 and count.now == 80 and c.shape == (2, 5)


def test_a_step_is_counted_as_torch_counts_the_real_one():
    """Steps of the real trainer: operations and bytes are those of fake tensors."""
    config = Config.read("shapes32")
    with warnings.catch_warnings(action="ignore"):  # as `counted`
        (fake,) = training_steps(config, (2,), "float32")
    loss = LOSSES[config.loss.kind](**config.loss.arguments)
    model = build_model(config)
    freeze(model, config.frozen)
    trainer = Trainer(model, replace(config.plan, batch_size=2), loss)
    run = trainer.run(counting.example_draw(config, 2))
    next(run)
    with FlopCounterMode(display=False) as theirs:
        next(run)
    with Counting("cpu") as count:
        next(run)
    assert fake.flops == count.step().flops == theirs.get_total_flops()
    named = [{op.name for op in step.ops if op.flops} for step in (fake, count.step())]
    assert named[0] == named[1] and abs(fake.bytes / count.step().bytes - 1) < 0.05


def test_a_training_step_is_three_forward_passes(halves):
    for name in roofline.CONFIGS:
        trained, guided = (  # per shape: the optimizer does not count
            halves[name][kind].of(65).flops - halves[name][kind].of(64).flops
            for kind in ("training", "sampling")
        )
        # guided are two forward passes for each shape; a frozen sketch has no backward pass
        assert 2.8 < trained / (guided / 2) < 3.1


def test_two_batches_tell_a_third(whole):
    direct, _ = training_steps(Config.read("shapes32"), (32, 48), "float32")
    line = whole["training"].of(32)
    assert math.isclose(direct.flops, line.flops, rel_tol=1e-9)
    assert math.isclose(direct.bytes, line.bytes, rel_tol=1e-9)
    assert math.isclose(direct.memory, line.memory, rel_tol=1e-6)


def test_the_budget_agrees_with_the_counting(whole):
    """`models.budget`, which a training asks, and what is counted of the whole step."""
    config = Config.read("shapes32")
    model = build_model(config)
    freeze(model, config.frozen)
    loss = LOSSES[config.loss.kind](**config.loss.arguments)
    trainer = Trainer(model, config.plan, loss)
    per_shape = [count.of(33).memory - count.of(32).memory for count in whole.values()]
    needed = bytes_to_train(trainer, counting.example_draw(config, 2))
    assert abs(needed / per_shape[0] - 1) < 0.02
    assert abs(bytes_to_sample(model.eval(), config) / per_shape[1] - 1) < 0.15


# ---- from counts to time -------------------------------------------------------------------------


def test_arithmetic_or_traffic_whichever_is_longer():
    busy, moving = Op("mm", 4e12, 1e9), Op("add", 0, 5e11)
    time = time_of(Step((busy, moving), 0), CARD, "half", EVEN)
    assert time == (0.5, 5.0, 0.0, 5.5) and time.limit == "memory"
    assert time_of(Step((busy,), 0), CARD, "float32", EVEN).arithmetic == 4.0
    with pytest.raises(ValueError, match="no unit for tf32"):
        time_of(Step((busy,), 0), CARD, "tf32", EVEN)


def test_what_fits_into_the_cache_is_read_from_there():
    quick = EVEN._replace(cached=4.0)
    for size, quicker in ((1e6, 4), (1e6 + 1, 1)):
        time = time_of(Step((Op("add", 0, size),), 0), CARD, "half", quick).whole
        assert time == pytest.approx(size / 1e11 / quicker)
    small = quick._replace(cache=0.5)  # of which only a half is there for it
    assert time_of(Step((Op("add", 0, 1e6),), 0), CARD, "half", small).whole == 1e-5


def test_launches_add_up_or_are_hidden():
    step = Step(tuple(Op("add", 0, 1e5) for _ in range(10)), 0)  # 10 µs on the card
    launching = EVEN._replace(launch=3e-6)
    assert time_of(step, CARD, "half", launching).whole == pytest.approx(40e-6)
    hidden = time_of(step, CARD, "half", launching._replace(hidden=True))
    assert hidden.whole == pytest.approx(30e-6) and hidden.limit == "launches"


def test_a_range_and_its_verdicts(halves):
    guess = Range(20.0, 1234.0)
    assert str(guess) == "20 to 1,200" and "within" in guess.verdict(20.0)
    assert "OUTSIDE, 0.50 times" in guess.verdict(10.0)
    assert "OUTSIDE, 2.00 times" in guess.verdict(2468.0)
    count = halves["shapes32"]["sampling"]
    slow, fast = rate(count, 8, CARDS["T4"], "half", (SLOW, FAST), steps=16)
    one = time_of(count.of(8), CARDS["T4"], "half", SLOW).whole
    assert slow == pytest.approx(8 / 16 / one) and slow < fast


def test_every_card_says_where_its_numbers_stand():
    for name, card in CARDS.items():
        assert "nvidia.com" in card.source, name
        assert card.peak("half") >= card.peak("float32") and card.bandwidth > card.cache, name
    assert set(roofline.SHOWN) <= set(CARDS)


# ---- this machine, and the page ------------------------------------------------------------------


def test_a_machine_is_measured_and_stands_in_a_cards_place(whole):
    machine = here.machine_of(here.shortest(here.probes(), 0.0))
    card, guesses = here.card_of(machine), here.guesses_of(machine)
    assert card.peak("float32") > 1e9 and card.peak("half") is None
    low, high = rate(whole["training"], 8, card, "float32", guesses)
    assert 0 < low < high < 1e5


def test_the_shortest_of_turns_is_kept():
    waits = iter([0.0, 0.05, 0.01, 0.03])  # the first warms up

    def one():
        here.time.sleep(next(waits))

    found = here.shortest({"one": one}, 0.06)
    assert 0.01 <= found["one"] < 0.03


def test_the_page_is_what_the_script_computes(halves, whole):
    text = roofline.PAGE.read_text(encoding="utf-8")
    between = text.split(roofline.BEGIN)[1].split(roofline.END)[0]
    assert (
        between.strip()
        == roofline.section(load_results(roofline.RESULTS)[0], halves, whole).strip()
    )


def test_counting_asks_for_what_a_config_trains_on():
    step = counted("sampling", Config.read("named16").with_plan(batch_size=4)).of(4)
    assert step.flops > 0 and step.memory > 0
