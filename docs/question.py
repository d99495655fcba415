"""Runs in the kernel of a submitted notebook (docs/grading.py sends it there): it calls an answer
with the given inputs and shows the plain numbers that come back. It knows nothing else.
"""

import base64
import json

import numpy as np
import torch
from IPython import get_ipython
from IPython.display import display

from course_utils.exercises.checks import numbers, precision


def unpacked(argument: dict):
    """A number, an array or a tensor, as `grading.packed` wrote it."""
    if argument["kind"] == "number":
        return argument["data"]
    data = base64.b64decode(argument["data"])
    array = np.frombuffer(data, argument["type"]).reshape(argument["shape"]).copy()
    return torch.from_numpy(array) if argument["kind"] == "tensor" else array


def outcome(function, arguments: list[dict], most: int) -> dict:
    """What one call gives, for JSON: numbers in float64, or what went wrong."""
    try:
        value = function(*map(unpacked, arguments))
        if value is None or value is ...:
            return {"nothing": True}
        array = numbers(value)
        if array.size > most:
            return {"error": "ValueError", "about": f"too many numbers: {array.shape}"}
        data = base64.b64encode(array.astype("<f8").tobytes()).decode()
        return {"shape": array.shape, "data": data, "precision": precision(value)}
    except Exception as error:
        return {"error": type(error).__name__, "about": str(error)[:200]}


def answer(question: dict) -> None:
    """Show the outcomes of all calls as one output, of the type that the question names."""
    function = get_ipython().user_ns.get(question["function"])
    if function is None or function is ...:
        outcomes = [{"nothing": True} for _ in question["calls"]]
    else:
        outcomes = [outcome(function, call, question["most"]) for call in question["calls"]]
    display({question["mime"]: json.dumps(outcomes)}, raw=True)


if "question" in globals():
    answer(json.loads(globals()["question"]))
