"""Where the checker looks: how far it moves numbers to measure slopes, and to see what is rounding, is what it was.

tests/looks.txt has for each function the moves of its number, or of the first of them, in the order in which they are
made, ± for one to both sides. Where that is meant to change, `python -m tests.test_looks` writes the file anew: what
changed is then in the diff.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from microgradnet import primitive
from microgradnet.core import numbers
from microgradnet.gradcheck import check_grads

PAGE = Path(__file__).with_name("looks.txt")
wrong = primitive(lambda g, out, x: g * 1.1)(lambda x: x * 1.0)
unsteady = primitive(lambda g, out, x: g * (1 + 1e-3 * np.sin(1e12 * x)))(lambda x: x * 1.0)

FUNCTIONS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "x³ at 1.5": (lambda x: x * x * x, 1.5),
    "|x| at 0": (abs, 0.0),
    "|x| at 3": (abs, 3.0),
    "1e8 + 1e-9 x at 2": (lambda x: 1e8 + 1e-9 * x, 2.0),
    "1e8 - 1e-9 x at 2": (lambda x: 1e8 - 1e-9 * x, 2.0),
    "1e16 + x³ at 100": (lambda x: 1e16 + x * x * x, 100.0),
    "x² at 1e-30": (lambda x: x * x, 1e-30),
    "x² at 1e-310": (lambda x: x * x, 1e-310),
    "log(x) at 1e-3": (np.log, 1e-3),
    "1e8 + 1e-9 cbrt(x) at 2 numbers": (lambda x: 1e8 + 1e-9 * np.cbrt(x), np.array([3.0, 5.0])),
    "exp(300 x) at 1": (lambda x: np.exp(300 * x), 1.0),
    "a wrong rule at 0.7": (wrong, 0.7),
    "a rule that scatters at 0.7": (unsteady, 0.7),
    "sin(x) at 20 numbers": (np.sin, np.arange(1.0, 21.0)),
    "a wrong rule at 20 numbers": (wrong, np.arange(1.0, 21.0)),
}


def moves(f: Callable[[Any], Any], at: Any) -> list[str]:
    """By how much of its size the first number was moved in each call, one after another."""
    seen: list[float] = []

    def watched(x: Any) -> Any:
        first = np.ravel(numbers(x))[0]
        seen.append(float((first - np.ravel(at)[0]) / (np.ravel(at)[0] or 1.0)) if first.imag == 0 else float("nan"))
        return f(x)

    with np.errstate(all="ignore"):
        check_grads(watched, at, samples=3, seed=0)
    return [f"{move:.4g}" for move in seen]


def line(name: str) -> str:
    """The moves of a function; what is to both sides, and what is several times in a row, is written once."""
    told: list[str] = []
    calls = moves(*FUNCTIONS[name])
    for move in calls:
        if told and told[-1] == move.removeprefix("-") and move != told[-1]:
            told[-1] = f"±{told[-1]}"
        elif not told or told[-1] != move:
            told.append(move)
    return f"{name}: {' '.join(told)}, {len(calls)} calls"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_checker_looks_where_it_looked(name: str) -> None:
    said = dict(text.split(": ", 1) for text in PAGE.read_text(encoding="utf-8").splitlines())
    assert line(name) == f"{name}: {said[name]}"


def test_the_page_is_of_these_functions() -> None:
    assert [text.split(": ", 1)[0] for text in PAGE.read_text(encoding="utf-8").splitlines()] == list(FUNCTIONS)


if __name__ == "__main__":
    PAGE.write_text("".join(f"{line(name)}\n" for name in FUNCTIONS), encoding="utf-8")
