"""What the checker tries on a rule that is wrong: every way that it knows, and what each makes of a gradient.

tests/ways.txt has for each rule here the shape that a way gives and a weighed sum of its numbers, or the error that it
ends in. Where that is meant to change, `python -m tests.test_ways` writes the file anew: what changed is then in the
diff.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from microgradnet import Value
from microgradnet.gradcheck import remedies
from microgradnet.gradcheck.trial import Trial

from .planted import numbers, row, softmax

PAGE = Path(__file__).with_name("ways.txt")
A, B, V = numbers(6, 1).reshape(2, 3), numbers(9, 2).reshape(3, 3), np.array([0.3, -1.0, 2.0])

RULES: dict[str, tuple[Callable[..., Any], tuple[Any, ...], int]] = {
    "tanh of one number": (row(np.tanh, lambda g, out, x: g * (1 - out * out)), (0.5,), 0),
    "a product without g": (row(lambda x, y: x * y, lambda g, out, x, y: y, lambda g, out, x, y: g * x), (V, V + 3), 0),
    "a product of three": (
        row(lambda x, y, z: x * y * z, *[lambda g, out, x, y, z: g * x * y + z] * 3), (V, V + 3, V * V), 1
    ),
    "a matrix product": (
        row(lambda x, y: x @ y, lambda g, out, x, y: g @ y.T, lambda g, out, x, y: g * x), (A, B), 1
    ),
    "a matrix times a vector": (
        row(lambda x, y: x @ y, lambda g, out, x, y: g @ y, lambda g, out, x, y: g @ x), (A, V), 0
    ),
    "a sum along an axis, without g": (row(lambda x: (x * x).sum(axis=1), lambda g, out, x: 2 * x), (A,), 0),
    "softmax": (row(softmax, lambda g, out, x: g * out), (B,), 0),
}  # fmt: skip


def trial(name: str, by: float = 0.0) -> Trial:
    f, inputs, i = RULES[name]
    values = [Value(x) for x in inputs]
    node, rng = f(*values), np.random.default_rng(3)
    g = np.asarray(rng.normal(size=node.shape))[()]
    return Trial(node, i, [remedies.nudged(value._numbers, by, rng) for value in values], g)


def summed(x: Any) -> str:
    return f"{np.shape(x)} {np.ravel(x) @ np.arange(1.0, 1 + np.size(x)):.6g}"


def tried(t: Trial) -> Iterator[str]:
    for text, way in remedies.ways(t):
        try:
            found = summed(remedies.times(2.0, way)(t))
        except Exception as error:
            found = type(error).__name__
        yield f"{text or 'as it is'}: {found}"


def in_words(t: Trial) -> Iterator[str]:
    """What is said of a factor: the same number may have come from several places."""
    fractions = (1 / 3, 1 / 6, -1 / 9, 2 / 3, 99 / 100, 0.0101, 1 / 101, np.pi, 1e6, 2e7 / 3)
    for factor in (-1.0, 2.0, 3.0, 6.0, 9.0, *fractions):
        for text in ("", "multiplied by x", "transposed"):
            yield f"{text}, {factor:.6g}: {remedies.scaled(text, factor, t)}"


def page() -> Iterator[str]:
    for name in RULES:
        yield f"==== {name}"
        yield from tried(trial(name))
        yield f"its inputs moved: {', '.join(map(summed, trial(name, 0.1).inputs))}"
    yield "==== factors"
    yield from in_words(trial("a sum along an axis, without g"))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_is_tried_on_a_rule_is_what_it_was() -> None:
    assert "\n".join(page()) == PAGE.read_text(encoding="utf-8").rstrip("\n")


if __name__ == "__main__":
    PAGE.write_text("\n".join(page()) + "\n", encoding="utf-8")
