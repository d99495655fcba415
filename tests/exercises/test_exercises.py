"""The exercise checks: the reference passes, right answers in other styles pass, every usual
mistake is recognised, and nothing a learner hands over raises into the notebook."""

import dataclasses
import importlib
import math
import pkgutil
import re

import numpy as np
import pytest
import torch

from course_utils import exercises
from course_utils.exercises import checks, lesson_00, lesson_08
from course_utils.exercises.checks import Exercise, Result


def all_exercises() -> dict[str, Exercise]:
    found = {}
    for module in pkgutil.iter_modules(exercises.__path__):
        members = vars(importlib.import_module(f"course_utils.exercises.{module.name}"))
        found |= {f"{module.name}.{n}": e for n, e in members.items() if isinstance(e, Exercise)}
    return found


EXERCISES = all_exercises()
MISTAKES = [
    (name, number)
    for name, exercise in EXERCISES.items()
    for number in range(len(exercise.mistakes))
]
every_exercise = pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)


def is_right(result: Result) -> bool:
    return (result.status, result.score) == ("passed", 1.0)


def is_wrong(result: Result) -> bool:
    return (result.status, result.score) == ("wrong", 0.0) and len(result.message) > 20


# ---- what holds for every exercise of the course -------------------------------------------------


def test_the_exercises_are_found():
    assert {"lesson_00.noisy", "lesson_08.velocity_loss", "lesson_08.voxel_iou"} <= set(EXERCISES)


@every_exercise
def test_the_reference_passes_and_the_exercise_keeps_its_name(exercise):
    assert is_right(exercise.check(exercise.reference))
    assert (
        EXERCISES[next(key for key in EXERCISES if key.endswith("." + exercise.name))] is exercise
    )


@every_exercise
def test_each_exercise_knows_at_least_six_usual_mistakes(exercise):
    assert len({hint for _, hint in exercise.mistakes}) >= 6


@pytest.mark.parametrize(("name", "number"), MISTAKES)
def test_every_usual_mistake_gets_its_own_hint(name, number):
    wrong, hint = EXERCISES[name].mistakes[number]
    result = EXERCISES[name].check(wrong)
    assert is_wrong(result)
    assert result.message == hint


@every_exercise
def test_every_property_holds_for_the_reference(exercise):
    def seen_by_a_property(*arguments):
        return np.asarray(exercise.reference(*arguments), dtype=np.float64).squeeze()

    assert [holds(seen_by_a_property) for holds in exercise.properties] == [None] * len(
        exercise.properties
    )


@every_exercise
def test_the_stub_is_not_attempted_yet(exercise):
    def stub(*arguments): ...  # your code here

    for nothing in (stub, None, ..., lambda *arguments: ...):
        result = exercise.check(nothing)
        assert (result.status, result.score) == ("not attempted yet", 0.0)


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("not even this")


def raising(error):
    def function(*arguments):
        raise error

    return function


def endless(*arguments):
    return endless(*arguments)


def yielding(*arguments):
    yield arguments[0]


GARBAGE = {
    "zero": lambda *a: 0.0,
    "text": lambda *a: "0.5",
    "dict": lambda *a: {"x": 1},
    "object": lambda *a: object(),
    "ragged list": lambda *a: [[1, 2], [3]],
    "complex": lambda *a: 1j,
    "nan": lambda *a: float("nan"),
    "infinite": lambda *a: float("inf"),
    "empty": lambda *a: torch.zeros(0),
    "first argument": lambda *a: a[0],
    "wrong shape": lambda *a: torch.zeros(7, 3),
    "no arguments": lambda: 1.0,
    "generator": yielding,
    "itself": lambda *a: endless,
    "recursion": endless,
    "exception": raising(ValueError("first line\nsecond line")),
    "unprintable": raising(Unprintable()),
    "exit": raising(SystemExit(1)),
    "generator exit": raising(GeneratorExit()),
    "not a function": 3.14,
    "a result": torch.zeros(3),
}


@every_exercise
@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_wrong_and_never_raises(exercise, garbage):
    result = exercise.check(garbage)
    assert is_wrong(result)
    assert "\n" not in result.message and len(result.message) < 400
    assert not re.search(r"0x[0-9a-f]{4}", result.message)  # nbval compares it: no memory addresses


@every_exercise
def test_the_same_function_gets_the_same_words(exercise):
    for function in (lambda *a: a[0] * 0.77, lambda *a: 0.123, raising(KeyError("x"))):
        assert repr(exercise.check(function)) == repr(exercise.check(function))


@every_exercise
def test_ctrl_c_goes_through(exercise):
    with pytest.raises(KeyboardInterrupt):
        exercise.check(raising(KeyboardInterrupt()))


STYLES = {
    "numpy": torch.Tensor.numpy,
    "float64": torch.Tensor.double,
    "python": torch.Tensor.tolist,
    "extra axis": lambda x: x[None],
    "with gradient": lambda x: (
        (x if x.is_floating_point() else x.double()).clone().requires_grad_()
    ),
    "list of tensors": lambda x: [*x] if x.ndim else x,
}


@every_exercise
@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_a_right_answer_in_another_style_passes(exercise, style):
    def answer(*arguments):
        return style(torch.as_tensor(exercise.reference(*arguments)))

    assert is_right(exercise.check(answer))


@every_exercise
def test_a_right_answer_that_changes_its_inputs_passes_with_a_word_about_it(exercise):
    def answer(*arguments):
        value = exercise.reference(*arguments)
        which.append([k for k, argument in enumerate(arguments) if hasattr(argument, "ndim")][-1])
        arguments[which[0]][...] = 0
        return value

    which = []
    result = exercise.check(answer)
    assert is_right(result)
    assert f"changes its argument {which[0] + 1} in place" in result.message


@every_exercise
def test_an_answer_just_outside_the_tolerance_is_wrong(exercise):
    assert is_right(exercise.check(lambda *a: exercise.reference(*a) * (1 + 1e-6)))
    assert not is_right(exercise.check(lambda *a: exercise.reference(*a) * (1 + 2e-3)))


ROUNDED = {
    "float16": torch.Tensor.half,
    "bfloat16": torch.Tensor.bfloat16,
    "numpy": lambda x: x.numpy().astype(np.float16),
    "list": lambda x: [*x.half()] if x.ndim else x.half(),
}
every_half = pytest.mark.parametrize("half", ROUNDED.values(), ids=ROUNDED)


@every_exercise
@every_half
@pytest.mark.parametrize("factor", [1.008, 0.992, 1.004])
def test_half_precision_does_not_widen_the_tolerance(exercise, half, factor):
    def answer(*arguments):
        return half(torch.as_tensor(exercise.reference(*arguments)).double() * factor)

    assert not is_right(exercise.check(answer))


@every_exercise
@every_half
def test_a_right_answer_rounded_to_half_precision_is_told_so_unless_nothing_was_lost(
    exercise, half
):
    def answer(*arguments):
        return half(torch.as_tensor(exercise.reference(*arguments)))

    result = exercise.check(answer)
    if exercise.name == "count_feet":  # whole numbers, which half precision holds exactly
        assert is_right(result)
    else:
        assert is_wrong(result) and "Compute in float32" in result.message
        assert re.search(r"your numbers are b?float16", result.message)


def test_an_exercise_may_have_a_tolerance_of_its_own():
    exercise = dataclasses.replace(lesson_00.noisy, tolerance=0.02)
    assert is_right(exercise.check(lambda *a: exercise.reference(*a) * 1.008))
    assert not is_right(exercise.check(lambda *a: exercise.reference(*a) * 1.05))


@pytest.mark.parametrize("seed", range(3))
@every_exercise
def test_inputs_of_other_seeds_tell_right_from_wrong_too(exercise, seed):
    """Grading draws its own (docs/grading.py)."""
    inputs = exercise.make_inputs(torch.Generator().manual_seed(2**61 + seed))
    right = [checks.Outcome(exercise.reference(*arguments)) for arguments in inputs]
    assert all(np.isfinite(checks.numbers(outcome.value)).all() for outcome in right)
    assert is_right(exercise.judge(inputs, right))
    for wrong, _ in exercise.mistakes:
        outcomes = [checks._run(wrong, arguments) for arguments in inputs]
        assert not is_right(exercise.judge(inputs, outcomes))


@pytest.mark.parametrize("spoil", [
    lambda x: x.resize_(0), lambda x: x.set_(), lambda x: x.unsqueeze_(0),
    lambda x: setattr(x, "data", x.data.double()[:1]),
])  # fmt: skip
def test_an_argument_that_was_spoilt_is_only_worth_a_word(spoil):
    def answer(x0, noise, t):
        value = lesson_00.noisy.reference(x0, noise, t)
        spoil(x0)
        return value

    result = lesson_00.noisy.check(answer)
    assert is_right(result) and "changes its argument 1 in place" in result.message


# ---- what a learner sees -------------------------------------------------------------------------


def test_a_result_shows_a_line_to_the_eye_and_a_bare_score_to_nbgrader():
    result = Result("noisy", "wrong", 0.0, "a <b> & c")
    bundle = result._repr_mimebundle_()
    assert bundle["text/plain"] == "0.0"
    assert "<b>wrong</b>" in bundle["text/html"] and "a &lt;b&gt; &amp; c" in bundle["text/html"]
    assert repr(result) == str(result) == "✗ noisy: wrong. a <b> & c"
    assert repr(Result("noisy", "passed", 1.0, "Well done.")) == "✓ noisy: passed. Well done."


def test_an_exception_is_named_with_the_input_that_caused_it():
    def learner(x0, noise, t):
        return math.sqrt(t) * x0 + no_such_name  # noqa: F821

    message = lesson_00.noisy.check(learner).message
    assert "NameError: name 'no_such_name' is not defined" in message
    assert "a tensor of shape (5, 2), a tensor of shape (5, 2), the number 0.3" in message


def test_a_wrong_shape_and_a_wrong_type_are_explained():
    message = lesson_08.velocity_loss.check(lambda prediction, x0, t: prediction - x0).message
    assert "returned a tensor of shape (4, 1, 4, 4, 4); expected the number" in message
    assert "returned a str; expected" in lesson_08.voxel_iou.check(lambda a, b: "0.5").message


@pytest.mark.parametrize(("exercise", "function", "numbers"), [
    (lesson_00.noisy, lambda x0, noise, t: 0.5 * (x0 + noise), r"At t = 0 .* differs from x0 by up to \d\.\d\d"),
    (lesson_00.noisy, lambda x0, noise, t: x0, r"At t = 1 .* by up to \d\.\d\d"),
    (lesson_08.velocity_loss, lambda p, x0, t: 3 * lesson_08._velocity_loss(p, x0, t), "yours costs 3"),
    (lesson_08.velocity_loss, lambda p, x0, t: 1 + lesson_08._velocity_loss(p, x0, t), "yours costs 1"),
    (lesson_08.velocity_loss, lambda p, x0, t: lesson_08._velocity_loss(p, x0, t.clamp(min=0.1)), "yours costs 100"),
    (lesson_08.voxel_iou, lambda a, b: lesson_08._voxel_iou(a, b) ** 2, r"0\.5; yours gives 0\.25"),
    (lesson_08.voxel_iou, lambda a, b: 1.0, "share no voxel should give 0; yours gives 1"),
])  # fmt: skip
def test_without_a_known_mistake_the_first_failing_property_is_told_with_numbers(
    exercise, function, numbers
):
    assert re.search(numbers, exercise.check(function).message)


def noisy_by_views(x0, noise, t):
    t = torch.as_tensor(t, dtype=x0.dtype)
    while 0 < t.ndim < x0.ndim:
        t = t.unsqueeze(-1)
    return torch.lerp(x0, noise, t)


def noisy_by_einsum(x0, noise, t):
    t = np.broadcast_to(np.asarray(t, dtype=np.float64), len(x0))
    return np.einsum("b,b...->b...", 1 - t, x0.numpy()) + np.einsum(
        "b,b...->b...", t, noise.numpy()
    )


def loss_by_loop(x0_prediction, x0, t):
    losses = [
        ((p - x) / max(float(s), 0.05)).pow(2).mean()
        for p, x, s in zip(x0_prediction, x0, t, strict=True)
    ]
    return sum(losses) / len(losses)


def loss_by_mse(x0_prediction, x0, t):
    weight = t.clamp_min(0.05).pow(-2).view(-1, *[1] * (x0.ndim - 1))
    return (weight * torch.nn.functional.mse_loss(x0_prediction, x0, reduction="none")).mean()


def iou_by_numpy(a, b):
    a, b = np.asarray(a), np.asarray(b)
    union = np.logical_or(a, b).sum()
    return 1.0 if union == 0 else np.logical_and(a, b).sum() / union


def iou_by_products(a, b):
    shared = (a.float() * b.float()).sum()
    return (shared + 1e-9) / (a.sum() + b.sum() - shared + 1e-9)


@pytest.mark.parametrize(("exercise", "answer"), [
    (lesson_00.noisy, noisy_by_views), (lesson_00.noisy, noisy_by_einsum),
    (lesson_08.velocity_loss, loss_by_loop), (lesson_08.velocity_loss, loss_by_mse),
    (lesson_08.voxel_iou, iou_by_numpy), (lesson_08.voxel_iou, iou_by_products),
])  # fmt: skip
def test_independent_right_answers_pass(exercise, answer):
    assert is_right(exercise.check(answer))


def test_the_reference_of_each_exercise_gives_hand_made_numbers():
    x0, noise = torch.tensor([[1.0, -1.0], [1.0, 1.0]]), torch.tensor([[3.0, 1.0], [-1.0, 0.0]])
    expected = torch.tensor([[1.5, -0.5], [-1.0, 0.0]])
    assert (
        lesson_00.noisy.reference(x0, noise, torch.tensor([0.25, 1.0])) - expected
    ).abs().max() == 0
    loss = lesson_08.velocity_loss.reference(
        torch.tensor([[1.0], [0.5]]), torch.zeros(2, 1), torch.tensor([0.01, 0.5])
    )
    assert abs(float(loss) - (400 + 1) / 2) < 1e-4
    a, b = torch.tensor([[[True, True, False, False]]]), torch.tensor([[[False, True, True, True]]])
    assert lesson_08.voxel_iou.reference(a, b) == 0.25
