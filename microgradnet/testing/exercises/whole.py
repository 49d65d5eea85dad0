"""An exercise in the whole backward pass of a network, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...gradcheck import check_grads
from ...words import brief
from .marking import Exercise, Promise, Wrong

NAMES = ("w1", "b1", "w2", "b2")


def cost(x: Any, y: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
    """Half the squared error of a network with one hidden layer, averaged over the rows of x."""
    hidden = np.tanh(x @ w1 + b1)
    return ((hidden @ w2 + b2 - y) ** 2).sum() / (2 * len(x))


def drawn(n: int, inputs: int, hidden: int, outputs: int, seed: int) -> list[Any]:
    """Arguments of `cost`."""
    rng = np.random.default_rng(seed)
    shapes = [(n, inputs), (n, outputs), (inputs, hidden), (hidden,), (hidden, outputs), (outputs,)]
    return [rng.normal(size=shape) for shape in shapes]


def returned(answer: Any, arguments: list[Any]) -> tuple[Any, ...]:
    """The four gradients that an answer gives."""
    if not callable(answer):
        raise Wrong(f"the answer is {brief(answer)}; wanted a function")
    found = answer(*[x.copy() for x in arguments])
    if not isinstance(found, tuple | list) or len(found) != 4:
        raise Wrong(
            f"it returns {brief(found)}; wanted four gradients, of {', '.join(NAMES)}", "return gw1, gb1, gw2, gb2"
        )
    return tuple(found)


def has_shapes(answer: Any) -> None:
    arguments = drawn(5, 3, 4, 2, seed=1)
    for name, x, gradient in zip(NAMES, arguments[2:], returned(answer, arguments), strict=True):
        if np.shape(gradient) != x.shape:
            sums = np.ndim(gradient) > x.ndim
            hint = "a bias is added to every row: its gradient is the sum over them" if sums else ""
            raise Wrong(f"{name} is of shape {x.shape}, its gradient of {np.shape(gradient)}", hint)


def right_for(*seeds: int) -> Any:
    """Whether the gradients are the slopes, from the last layer to the first: the order in which they are made."""

    def is_right(answer: Any) -> None:
        for seed in seeds:
            arguments = drawn(*(5, 3, 4, 2) if seed == 1 else (seed - 1, 1 + seed % 3, 2, 1 + seed % 2), seed)
            found = returned(answer, arguments)
            for name in ("b2", "w2", "b1", "w1"):
                one_is_right(name, found[NAMES.index(name)], arguments)

    return is_right


def one_is_right(name: str, gradient: Any, arguments: list[Any]) -> None:
    """Refuse a gradient that is not the slope, and try what is often forgotten."""
    at = 2 + NAMES.index(name)

    def of_one(p: Any) -> Any:
        return cost(*[p if i == at else x for i, x in enumerate(arguments)])

    report = check_grads(of_one, arguments[at], gradient=lambda p: np.asarray(gradient, float))
    if not report:
        e = report.mismatches[0]
        place = f"{name}{list(e.place)}"
        seen = f"the gradient of {place} is {e.analytic:.6g}, the slope {e.numerical:.6g}"
        raise Wrong(seen, hint_on(np.asarray(gradient, float), report.inputs[0].numerical, name, arguments))


def hint_on(found: Any, slope: Any, name: str, arguments: list[Any]) -> str:
    """What makes a gradient of this name right, of what is often wrong."""
    x, y, w1, b1, w2, b2 = arguments
    n, hidden = len(x), np.tanh(x @ w1 + b1)
    back = (hidden @ w2 + b2 - y) / n
    through = back @ w2.T

    def is_(wrong: Any) -> bool:
        return np.shape(wrong) == np.shape(found) and np.allclose(found, wrong, rtol=1e-6, atol=1e-9)

    if is_(n * slope):
        return f"the cost is a mean over the {n} rows: divide by {n}"
    if is_(2 * slope):
        return "the square's 2 and the cost's 1/2 cancel"
    if is_(-slope):
        return "its sign: the error is the output minus y"
    if is_(through.sum(axis=0)) or is_(x.T @ through):
        return "what comes back through tanh is to be multiplied by its slope, 1 - hidden²"
    if is_((through * hidden).sum(axis=0)) or is_(x.T @ (through * hidden)):
        return "the slope of tanh is 1 - hidden², not hidden"
    if name == "w2" and is_((x @ w1 + b1).T @ back):
        return "w2 is multiplied by what tanh returns, not by what it is given"
    return ""


two_layers = Exercise(
    "two_layers",
    "the backward pass of a network with one hidden layer, by hand.\n"
    "hidden = tanh(x @ w1 + b1); output = hidden @ w2 + b2; cost = sum((output − y)²) / (2n)\n"
    "x is (n, i), y (n, o), w1 (i, h), b1 (h,), w2 (h, o), b2 (o,). Return the gradients of w1, b1, w2 and b2.",
    "def two_layers(x, y, w1, b1, w2, b2):\n    ...\n    return gw1, gb1, gw2, gb2",
    [
        Promise("it returns four gradients of the right shapes", has_shapes),
        Promise("each gradient is the slope", right_for(1)),
        Promise("so it is for other sizes, one row and one neuron among them", right_for(2, 3, 4, 7)),
    ],
)
