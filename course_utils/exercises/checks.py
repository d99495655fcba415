"""The machinery behind every exercise check: run the learner's function, compare, answer in one
line.

All lessons use it. It follows three rules: it never raises into the notebook (Ctrl-C excepted), it
never prints the solution, and it never rejects a right answer because of its style (numpy or Python
numbers for torch, another float type, axes of length 1 more or less).
"""

import copy
import html
import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

SEED = 20
TOLERANCE = 1e-4
TOLERANCE_HALF = 2e-2  # answers computed in float16 or bfloat16 are right too
PASSED, NOT_ATTEMPTED, WRONG, HANDED_IN = "passed", "not attempted yet", "wrong", "handed in"
MARKS = {
    PASSED: ("✓", "#009E73"),
    NOT_ATTEMPTED: ("○", "#8A8A8A"),
    WRONG: ("✗", "#D55E00"),
    HANDED_IN: ("→", "#0072B2"),
}
STUB = "# your code here"  # what notebooks/build.py and nbgrader leave in the place of a solution


@dataclass(frozen=True, repr=False)
class Result:
    """What a check found: `status` (a key of MARKS), `score` in [0, 1] and a `message`."""

    exercise: str
    status: str
    score: float
    message: str

    def __repr__(self) -> str:
        return f"{MARKS[self.status][0]} {self.exercise}: {self.status}. {self.message}"

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        """The line as HTML for the eye, the bare score as text: nbgrader reads a cell's points from
        its text/plain and gives full points to any text that is not a number."""
        mark, colour = MARKS[self.status]
        name, message = html.escape(self.exercise), html.escape(self.message)
        line = (
            f'<div class="exercise-check" style="border-left: 4px solid {colour}; padding: 4px'
            f' 10px">{mark} <code>{name}</code>: <b>{self.status}</b>. {message}</div>'
        )
        return {"text/html": line, "text/plain": str(self.score)}


@dataclass(frozen=True)
class Exercise:
    """One function exercise.

    name: the function the learner writes. reference: the right answer. make_inputs: generator -> a
    list of argument tuples (several shapes and dtypes). mistakes: (wrong function, hint) pairs; a
    hint is given when the learner's outputs equal those of the wrong function on every input.
    properties: functions that take the learner's function and return None if the property holds,
    else one sentence with the numbers (`unless_close` writes it); the first failing one is shown
    when no usual mistake fits.
    """

    name: str
    reference: Callable
    make_inputs: Callable[[torch.Generator], Sequence[tuple]]
    mistakes: Sequence[tuple[Callable, str]]
    properties: Sequence[Callable[[Callable], str | None]]

    def check(self, function: Callable) -> Result:
        """Judge the learner's function on random inputs; the same function always gets the same
        words.
        """
        problem = _no_function(self.name, function)
        if problem:
            return problem
        inputs = self.make_inputs(torch.Generator().manual_seed(SEED))
        outcomes = [_run(function, arguments) for arguments in inputs]
        if outcomes[0].returned_nothing:
            return self._result(
                NOT_ATTEMPTED, "It returns None: write its body and end it with a return."
            )
        note = _note_on_changed_inputs(outcomes)
        expected = [_run(self.reference, arguments) for arguments in inputs]
        if all(map(_same, outcomes, expected)):
            return self._result(PASSED, "Well done." + note)
        return self._result(WRONG, self._explain(function, inputs, outcomes, expected) + note)

    def _explain(self, function, inputs, outcomes, expected) -> str:
        for wrong, hint in self.mistakes:
            if all(map(_same, outcomes, (_run(wrong, arguments) for arguments in inputs))):
                return hint
        triples = zip(inputs, outcomes, expected, strict=True)
        arguments, outcome, wanted = next(triple for triple in triples if not _same(*triple[1:]))
        problem = _problem_of_kind(outcome, wanted)
        if problem:
            return f"{problem} This happened with {_describe(arguments)}."
        for holds in self.properties:
            failure = _run(holds, (lambda *args: _numbers_or_raise(function, args),)).value
            if isinstance(failure, str):
                return failure
        gap = largest_difference(
            _numbers(outcome.value).squeeze(), _numbers(wanted.value).squeeze()
        )
        return f"The numbers are off by up to {gap:.3g} with {_describe(arguments)}."

    def _result(self, status: str, message: str) -> Result:
        return Result(self.name, status, 1.0 if status == PASSED else 0.0, message)


@dataclass(frozen=True)
class HandedIn:
    """An exercise in the students' package (docs/students_package.py): its answers stay with the
    teacher.

    name: the function the student writes. arguments: with how many it will be called.
    """

    name: str
    arguments: int

    def check(self, function: Callable) -> Result:
        """Say whether there is an answer that can be marked, never whether it is right."""
        problem = _no_function(self.name, function)
        if problem:
            return problem
        try:
            inspect.signature(function).bind(*range(self.arguments))
        except TypeError:
            sentence = (
                f"It will be called with {self.arguments} arguments, and yours does not take as"
                " many."
            )
            return Result(self.name, WRONG, 0.0, sentence)
        except ValueError:  # a built-in function tells no signature
            pass
        if STUB in _source(function):
            return Result(self.name, NOT_ATTEMPTED, 0.0, _write(self.name))
        return Result(self.name, HANDED_IN, 0.0, "Your teacher marks it.")


def _no_function(name: str, function) -> Result | None:
    """What to say of something that cannot be called; None if it can."""
    if function is None or function is ...:
        return Result(name, NOT_ATTEMPTED, 0.0, _write(name))
    if not callable(function):
        kind = type(function).__name__
        return Result(name, WRONG, 0.0, f"Hand over the function {name} itself: this is a {kind}.")
    return None


def _write(name: str) -> str:
    return f"Write {name} in the cell above, then run both cells."


def _source(function: Callable) -> str:
    """The text of a function; "" for one that has none, such as a built-in or a partial."""
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return ""


@dataclass(frozen=True)
class _Outcome:
    """What one call gave: a value, or the exception it raised; and which arguments it changed in
    place.
    """

    value: object = None
    error: BaseException | None = None
    changed: tuple[int, ...] = ()

    @property
    def returned_nothing(self) -> bool:
        return self.error is None and (self.value is None or self.value is ...)


def largest_difference(a, b) -> float:
    """Largest absolute difference of two array-likes after broadcasting; NaN counts as infinite."""
    with np.errstate(
        invalid="ignore"
    ):  # inf - inf is no match, and no warning in the learner's notebook
        difference = np.abs(_numbers(a) - _numbers(b))
    return float(np.nan_to_num(difference, nan=np.inf).max(initial=0.0))


def unless_close(value, wanted, sentence: str, tolerance: float = 1e-3) -> str | None:
    """None if value is within tolerance of wanted; else the sentence with {value} and {gap} filled
    in.

    value, wanted: array-likes of the same shape, or wanted a number; {value} needs a value of one
        number.
    """
    gap = largest_difference(value, wanted)
    return None if gap < tolerance else sentence.format(value=_numbers(value).flat[0], gap=gap)


def _run(function: Callable, arguments: tuple) -> _Outcome:
    """Call a function on copies of its arguments and keep whatever happens: exit(), endless
    recursion, ...
    """
    copies = tuple(copy.deepcopy(argument) for argument in arguments)
    try:
        value = function(*copies)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return _Outcome(error=error)
    pairs = enumerate(zip(copies, arguments, strict=True))
    return _Outcome(value, changed=tuple(index for index, pair in pairs if _changed(*pair)))


def _changed(after, before) -> bool:
    return isinstance(before, torch.Tensor | np.ndarray) and not bool((after == before).all())


def _numbers(value) -> np.ndarray:
    """Any array-like of real numbers as a float64 array; TypeError if it is none."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = value.float() if value.dtype == torch.bfloat16 else value  # numpy has no bfloat16
    elif isinstance(value, list | tuple):
        value = [_numbers(item) for item in value]
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"not real numbers: {type(value).__name__}")
    return array.astype(np.float64)


def _numbers_or_raise(function: Callable, arguments: tuple) -> np.ndarray:
    """What a property sees of the learner's function: float64 arrays, axes of length 1 dropped."""
    outcome = _run(function, arguments)
    if outcome.error is not None:
        raise outcome.error
    return _numbers(outcome.value).squeeze()


def _same(outcome: _Outcome, other: _Outcome) -> bool:
    """Equal numbers within tolerance, or the same kind of exception."""
    if outcome.error is not None or other.error is not None:
        return type(outcome.error) is type(other.error)
    try:
        a, b = _numbers(outcome.value).squeeze(), _numbers(other.value).squeeze()
    except Exception:  # not numbers: whatever numpy says about it, it is no match
        return False
    if a.shape != b.shape:
        return False
    half = getattr(outcome.value, "dtype", None) in (
        torch.float16,
        torch.bfloat16,
        np.dtype("float16"),
    )
    tolerance = TOLERANCE_HALF if half else TOLERANCE
    scale = np.clip(np.abs(b[np.isfinite(b)]).max(initial=0.0), 0.1, 1.0)
    return np.allclose(a, b, rtol=tolerance, atol=tolerance * scale, equal_nan=True)


def _problem_of_kind(outcome: _Outcome, wanted: _Outcome) -> str | None:
    """One sentence about an exception, a wrong type or shape, or NaN; None if only the numbers
    differ.
    """
    if outcome.error is not None:
        return f"Your function raised {_describe_error(outcome.error)}."
    if outcome.returned_nothing:
        return "Your function returned None for some inputs; every branch needs a return."
    try:
        numbers = _numbers(outcome.value)
    except Exception:  # not numbers
        kind = type(outcome.value).__name__
        return f"Your function returned a {kind}; expected {_describe_value(wanted.value)}."
    if numbers.squeeze().shape != _numbers(wanted.value).squeeze().shape:
        returned = _describe_value(
            outcome.value if isinstance(outcome.value, torch.Tensor) else numbers
        )
        return f"Your function returned {returned}; expected {_describe_value(wanted.value)}."
    if np.isnan(numbers).any():
        return (
            "Your function returned NaN where a number belongs: 0 / 0, or the root or log of a"
            " negative number?"
        )
    return None


def _describe_error(error: BaseException) -> str:
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # a learner's own exception class may fail to print
        lines = []
    text = re.sub(r"0x[0-9a-fA-F]+", "0x…", lines[0])[:160].rstrip(".") if lines else ""
    return type(error).__name__ + (f": {text}" if text else "")


def _describe(arguments: tuple) -> str:
    return ", ".join(_describe_value(argument) for argument in arguments)


def _describe_value(value) -> str:
    if isinstance(value, torch.Tensor | np.ndarray) and value.ndim > 0:
        kind = "a tensor" if isinstance(value, torch.Tensor) else "an array"
        return f"{kind} of shape {tuple(value.shape)}"
    if isinstance(value, torch.Tensor | np.ndarray):
        value = value.item()
    return f"the number {value:.3g}" if isinstance(value, int | float) else repr(value)


def _note_on_changed_inputs(outcomes: Sequence[_Outcome]) -> str:
    changed = sorted({index for outcome in outcomes for index in outcome.changed})
    if not changed:
        return ""
    which = ", ".join(str(index + 1) for index in changed)
    return (
        f" By the way: your function changes its argument {which} in place (+=, mul_, x[...] =); "
        "whoever calls it may still need it, so work on a copy."
    )
