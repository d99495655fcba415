"""The machinery of the exercise checks: run the learner's function, compare, answer in one line.

All lessons use it. It follows three rules: it never raises an error in the notebook (except for
Ctrl-C), it never shows the solution, and it never rejects a right answer because of its style
(numpy or Python numbers for torch, another float type, extra or missing axes of length 1).
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
HALF = {"float16": torch.finfo(torch.float16).eps, "bfloat16": torch.finfo(torch.bfloat16).eps}
PASSED, NOT_ATTEMPTED, WRONG, HANDED_IN = "passed", "not attempted yet", "wrong", "handed in"
MARKS = {
    PASSED: ("✓", "#009E73"),
    NOT_ATTEMPTED: ("○", "#8A8A8A"),
    WRONG: ("✗", "#D55E00"),
    HANDED_IN: ("→", "#0072B2"),
}
STUB = "# your code here"  # notebooks/build.py and nbgrader leave it in place of a solution


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
        """Return the line as HTML and the bare score as text.

        nbgrader reads a cell's points from its text/plain, and gives full points to any text that
        is not a number.
        """
        mark, colour = MARKS[self.status]
        name, message = html.escape(self.exercise), html.escape(self.message)
        line = (
            f'<div class="exercise-check" style="border-left: 4px solid {colour}; padding: 4px'
            f' 10px">{mark} <code>{name}</code>: <b>{self.status}</b>. {message}</div>'
        )
        return {"text/html": line, "text/plain": str(self.score)}


@dataclass(frozen=True)
class Exercise:
    """An exercise in which the learner writes one function.

    Args:
        name: Name of that function.
        reference: The right answer.
        make_inputs: Returns, from a generator, a list of argument tuples of several shapes and
            dtypes.
        mistakes: Pairs of a wrong function and a hint. The hint is shown if the learner's outputs
            equal those of the wrong function on every input. Line breaks in it do not matter.
        properties: Functions that take the learner's function and return None if a property holds,
            else one sentence with the numbers (see `unless_close`). The first that fails is shown
            if no usual mistake matches.
        tolerance: Accepted differences, relative to the number and to the largest of the right
            answer. It is the exercise's own: an answer in half precision gets no larger one.
    """

    name: str
    reference: Callable
    make_inputs: Callable[[torch.Generator], Sequence[tuple]]
    mistakes: Sequence[tuple[Callable, str]]
    properties: Sequence[Callable[[Callable], str | None]]
    tolerance: float = 1e-4

    def __post_init__(self):
        mistakes = [(wrong, one_line(hint)) for wrong, hint in self.mistakes]
        object.__setattr__(self, "mistakes", mistakes)

    def check(self, function: Callable) -> Result:
        """Check the learner's function on random inputs, the same in every run."""
        problem = _no_function(self.name, function)
        if problem:
            return problem
        inputs = self.make_inputs(torch.Generator().manual_seed(SEED))
        outcomes = [_run(function, arguments) for arguments in inputs]
        return self.judge(inputs, outcomes, lambda: self._failing_property(function))

    def judge(
        self,
        inputs: Sequence[tuple],
        outcomes: Sequence["Outcome"],
        explain: Callable[[], str | None] = lambda: None,
    ) -> Result:
        """Compare outcomes with the reference's. The learner's function is not called.

        Args:
            inputs: Argument tuples.
            outcomes: What the learner's function gave for each.
            explain: Called where no usual mistake matches; a sentence, or None.

        Returns:
            The score, with a hint.
        """
        if outcomes[0].returned_nothing:
            return self._result(
                NOT_ATTEMPTED, "It returns None: write its body, and end it with a return."
            )
        note = _note_on_changed_inputs(outcomes)
        expected = [_run(self.reference, arguments) for arguments in inputs]
        if all(map(self._same, outcomes, expected)):
            return self._result(PASSED, "Well done." + note)
        message = (
            self._usual_mistake(inputs, outcomes)
            or self._problem_of_kind(inputs, outcomes, expected)
            or self._too_coarse(outcomes, expected)
            or explain()
            or self._gap(inputs, outcomes, expected)
        )
        return self._result(WRONG, message + note)

    def _usual_mistake(self, inputs, outcomes) -> str | None:
        for wrong, hint in self.mistakes:
            if all(map(self._same, outcomes, (_run(wrong, arguments) for arguments in inputs))):
                return hint
        return None

    def _first_that_differs(self, inputs, outcomes, expected):
        triples = zip(inputs, outcomes, expected, strict=True)
        return next(triple for triple in triples if not self._same(*triple[1:]))

    def _problem_of_kind(self, inputs, outcomes, expected) -> str | None:
        arguments, outcome, wanted = self._first_that_differs(inputs, outcomes, expected)
        problem = _problem_of_kind(outcome, wanted)
        return problem and f"{problem} This happened with {_describe(arguments)}."

    def _too_coarse(self, outcomes, expected) -> str | None:
        """A sentence if half precision may be all that is wrong: a few roundings of it explain the
        differences.
        """
        coarse = {precision(outcome.value) for outcome in outcomes} & HALF.keys()
        limit = 4 * max((HALF[name] for name in coarse), default=0.0)
        if not all(_same(*pair, limit) for pair in zip(outcomes, expected, strict=True)):
            return None
        return one_line(f"""Perhaps it is right, but your numbers are {max(coarse)}, which keeps two
        or three digits: too few to tell. Compute in float32.""")

    def _failing_property(self, function) -> str | None:
        for holds in self.properties:
            failure = _run(holds, (lambda *args: _numbers_or_raise(function, args),)).value
            if isinstance(failure, str):
                return failure
        return None

    def _gap(self, inputs, outcomes, expected) -> str:
        arguments, outcome, wanted = self._first_that_differs(inputs, outcomes, expected)
        gap = largest_difference(numbers(outcome.value).squeeze(), numbers(wanted.value).squeeze())
        return f"The numbers are off by up to {gap:.3g} with {_describe(arguments)}."

    def _same(self, outcome, other) -> bool:
        return _same(outcome, other, self.tolerance)

    def _result(self, status: str, message: str) -> Result:
        return Result(self.name, status, 1.0 if status == PASSED else 0.0, message)


@dataclass(frozen=True)
class HandedIn:
    """An exercise in the students' package (docs/students_package.py), without its answers.

    Args:
        name: Name of the function that the student writes.
        arguments: Number of arguments that it is called with.
    """

    name: str
    arguments: int

    def check(self, function: Callable) -> Result:
        """Report whether there is an answer to mark, never whether it is right."""
        problem = _no_function(self.name, function)
        if problem:
            return problem
        try:
            inspect.signature(function).bind(*range(self.arguments))
        except TypeError:
            sentence = f"It is called with {self.arguments} arguments; yours takes another number."
            return Result(self.name, WRONG, 0.0, sentence)
        except ValueError:  # a built-in function has no signature
            pass
        if STUB in _source(function):
            return Result(self.name, NOT_ATTEMPTED, 0.0, _write(self.name))
        return Result(self.name, HANDED_IN, 0.0, "Your teacher marks it.")


def _no_function(name: str, function) -> Result | None:
    """The result for something that cannot be called; None if it can."""
    if function is None or function is ...:
        return Result(name, NOT_ATTEMPTED, 0.0, _write(name))
    if not callable(function):
        kind = type(function).__name__
        return Result(name, WRONG, 0.0, f"Pass the function {name} itself: this is a {kind}.")
    return None


def _write(name: str) -> str:
    return f"Write {name} in the cell above, then run both cells."


def _source(function: Callable) -> str:
    """The source of a function; "" if it has none, such as a built-in or a partial."""
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return ""


@dataclass(frozen=True)
class Outcome:
    """The outcome of one call: a value or an exception, and the arguments changed in place."""

    value: object = None
    error: BaseException | None = None
    changed: tuple[int, ...] = ()

    @property
    def returned_nothing(self) -> bool:
        return self.error is None and (self.value is None or self.value is ...)


def largest_difference(a, b) -> float:
    """Return the largest absolute difference of two array-likes; NaN counts as infinite."""
    with np.errstate(invalid="ignore"):  # inf - inf must not warn in the learner's notebook
        difference = np.abs(numbers(a) - numbers(b))
    return float(np.nan_to_num(difference, nan=np.inf).max(initial=0.0))


def unless_close(value, wanted, sentence: str, tolerance: float = 1e-3) -> str | None:
    """Return None if a value is within tolerance of what is wanted, else a sentence.

    Args:
        value: An array-like, or a number.
        wanted: An array-like of the same shape, or a number.
        sentence: May contain {value}, the first number of value, and {gap}, the largest difference.
            Line breaks in it do not matter.
        tolerance: Differences below it are accepted.
    """
    gap = largest_difference(value, wanted)
    if gap < tolerance:
        return None
    return one_line(sentence).format(value=numbers(value).flat[0], gap=gap)


def one_line(text: str) -> str:
    """Return a text with every stretch of white space as a single space."""
    return " ".join(text.split())


def _run(function: Callable, arguments: tuple) -> Outcome:
    """Call a function on copies of its arguments and keep whatever happens, even exit()."""
    copies = tuple(copy.deepcopy(argument) for argument in arguments)
    try:
        value = function(*copies)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return Outcome(error=error)
    pairs = enumerate(zip(copies, arguments, strict=True))
    return Outcome(value, changed=tuple(index for index, pair in pairs if _changed(*pair)))


def _changed(after, before) -> bool:
    if not isinstance(before, torch.Tensor | np.ndarray):
        return False
    try:
        return not np.array_equal(numbers(after), numbers(before))
    except Exception:  # such as a tensor that has lost its memory
        return True


def precision(value) -> str:
    """The number type of a tensor, an array or a list of them: "float32"; "" if it has none."""
    while isinstance(value, list | tuple) and value:
        value = value[0]
    return str(getattr(value, "dtype", "")).removeprefix("torch.")


def numbers(value) -> np.ndarray:
    """Any array-like of real numbers as a float64 array; TypeError for anything else."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = value.float() if value.dtype == torch.bfloat16 else value  # numpy has no bfloat16
    elif isinstance(value, list | tuple):
        value = [numbers(item) for item in value]
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"not real numbers: {type(value).__name__}")
    return array.astype(np.float64)


def _numbers_or_raise(function: Callable, arguments: tuple) -> np.ndarray:
    """What a property sees of the learner's function: float64 arrays, axes of length 1 dropped."""
    outcome = _run(function, arguments)
    if outcome.error is not None:
        raise outcome.error
    return numbers(outcome.value).squeeze()


def _same(outcome: Outcome, other: Outcome, tolerance: float) -> bool:
    """Equal numbers within tolerance, or the same kind of exception."""
    if outcome.error is not None or other.error is not None:
        return type(outcome.error) is type(other.error)
    try:
        a, b = numbers(outcome.value).squeeze(), numbers(other.value).squeeze()
    except Exception:  # not numbers: no match, whatever numpy raises
        return False
    if a.shape != b.shape:
        return False
    scale = np.clip(np.abs(b[np.isfinite(b)]).max(initial=0.0), 0.1, 1.0)
    return np.allclose(a, b, rtol=tolerance, atol=tolerance * scale, equal_nan=True)


def _problem_of_kind(outcome: Outcome, wanted: Outcome) -> str | None:
    """A sentence about an exception, a wrong type or shape, or NaN; None if only numbers differ."""
    if outcome.error is not None:
        return f"Your function raised {_describe_error(outcome.error)}."
    if outcome.returned_nothing:
        return "Your function returned None for some inputs; every branch needs a return."
    try:
        array = numbers(outcome.value)
    except Exception:  # not numbers
        kind = type(outcome.value).__name__
        return f"Your function returned a {kind}; expected {_describe_value(wanted.value)}."
    if array.squeeze().shape != numbers(wanted.value).squeeze().shape:
        is_tensor = isinstance(outcome.value, torch.Tensor)
        returned = _describe_value(outcome.value if is_tensor else array)
        return f"Your function returned {returned}; expected {_describe_value(wanted.value)}."
    if np.isnan(array).any():
        return one_line("""Your function returned NaN where a number belongs: 0 / 0, or the root or
        log of a negative number?""")
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


def _note_on_changed_inputs(outcomes: Sequence[Outcome]) -> str:
    changed = sorted({index for outcome in outcomes for index in outcome.changed})
    if not changed:
        return ""
    which = ", ".join(str(index + 1) for index in changed)
    return " " + one_line(f"""By the way: your function changes its argument {which} in place (+=,
    mul_, x[...] =). The caller may still need it, so work on a copy.""")
