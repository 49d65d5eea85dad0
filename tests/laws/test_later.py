"""Whatever takes a 0-d Value takes one whose number is elsewhere, and what it makes is the same, bit by bit."""

from __future__ import annotations

import copy
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from microgradnet import Value
from microgradnet.core import NonDiff, Op, primitive
from microgradnet.core.modes import Later
from microgradnet.programs.scalars.home import Home
from tests.cases import ROWS

NUMBERS = (0.4, -0.4, 2.5, 0.0, -0.0, math.inf, math.nan)
BESIDE: tuple[Callable[[], Any], ...] = (
    lambda: 0.7, lambda: 3, lambda: np.float64(0.7), lambda: np.float32(0.7), lambda: np.arange(1.0, 4.0),
    lambda: Value(0.3), lambda: Value([0.5, 0.25]),
)  # fmt: skip


def elsewhere(x: float) -> Value:
    """A Value whose number, age and gradient are in a Home."""
    value = Value(x)
    value.grad = 0.5
    for slot in ("_numbers", "_grad"):
        Home([value], slot).read()
    assert {type(value._numbers), type(value.age), type(value._grad)} == {Later}
    return value


def at_home(x: float) -> Value:
    value = Value(x)
    value.grad = 0.5
    return value


def bits(x: Any) -> Any:
    return type(x), np.shape(x), np.asarray(x).dtype, np.asarray(x).tobytes()


def outcome(f: Callable[..., Any], *inputs: Any) -> Any:
    """All there is to know of what a function makes, and of the gradients that flow to its inputs; or its error."""
    with np.errstate(all="ignore"):
        try:
            out = f(*inputs)
        except Exception as error:
            return type(error)
        if not isinstance(out, Value):
            return bits(out)
        found = [type(out), bits(out._numbers)]
        if type(out) is Value:
            try:
                out.backward(np.ones(out.shape))
            except Exception as error:
                found.append(type(error))
        return found + [bits(x.grad) for x in inputs if isinstance(x, Value) and x.grad is not None]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_takes_a_number_that_is_elsewhere(row: Op) -> None:
    count = len(row.rules) or row.arity
    for x in NUMBERS:
        for place in range(min(count, 3)):
            for beside in BESIDE:
                sides = []
                for made in (at_home, elsewhere):
                    inputs = [beside() for _ in range(min(count, 3))]
                    inputs[place] = made(x)
                    sides.append(outcome(row.record, *inputs))
                assert sides[0] == sides[1], (x, place, beside())
                if count == 1:
                    break
        if count == 2:
            assert outcome(row.record, at_home(x), at_home(0.5)) == outcome(row.record, elsewhere(x), elsewhere(0.5))
            twice = [outcome(lambda v: row.record(v, v), made(x)) for made in (at_home, elsewhere)]
            assert twice[0] == twice[1]


OPERATORS = (
    "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "lt", "le", "gt", "ge", "eq", "ne",
)  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", OPERATORS)
def test_a_number_that_is_elsewhere_is_a_number(name: str) -> None:
    """To whoever finds it in the slot of a Value, and computes with it."""
    function = getattr(operator, name)
    for x in NUMBERS:
        for other in (0.7, 3, np.float64(0.7), np.float32(0.7), np.arange(1.0, 4.0), elsewhere(0.7)._numbers):
            plain = other.compute() if type(other) is Later else other
            with np.errstate(all="ignore"):
                for swapped in (False, True):
                    mine, theirs = (elsewhere(x)._numbers, other), (np.float64(x), plain)
                    if swapped:
                        mine, theirs = mine[::-1], theirs[::-1]
                    assert outcome(function, *mine) == outcome(function, *theirs), (x, other, swapped)


ASKED: dict[str, Callable[[Any], Any]] = {
    "float": float, "int": int, "bool": bool, "str": str, "repr": repr, "abs": abs, "round": round, "hash": hash,
    "math": math.exp, "neg": lambda x: -x, "pos": lambda x: +x, "[()]": lambda x: x[()],
    "format": lambda x: f"{x:.3f}", "shape": lambda x: x.shape, "dtype": lambda x: x.dtype, "item": lambda x: x.item(),
    "copy": copy.copy, "deepcopy": copy.deepcopy, "tanh": np.tanh, "where": lambda x: np.where(x > 0, x, 0.0),
    "stack": lambda x: np.stack([x, x]), "isnan": np.isnan, "sum": np.sum, "asarray": np.asarray,
    "age": lambda x: x > 5, "a power": lambda x: np.float64(1.3) ** x,
}  # fmt: skip


@pytest.mark.parametrize("way", ASKED)
def test_whoever_asks_it_asks_the_number(way: str) -> None:
    got, expected = ASKED[way](elsewhere(0.4)._numbers), ASKED[way](np.float64(0.4))
    if way not in ("copy", "deepcopy"):
        assert type(got) is type(expected)
    assert np.array_equal(got, expected)


def test_ages_that_are_elsewhere_are_ages() -> None:
    older, x, younger = Value(1.0), elsewhere(2.0), Value(3.0)
    assert older.age < x.age
    assert x.age < younger.age
    assert sorted([younger, x, older], key=lambda value: value.age) == [older, x, younger]


def test_a_function_of_the_users_is_handed_the_number() -> None:
    seen = []

    @primitive(lambda g, out, x: g)
    def same(x: Any) -> Any:
        seen.append(type(x))
        return x

    y = same(elsewhere(0.4))
    assert seen == [np.float64]
    assert type(y._numbers) is np.float64


def test_nobody_is_slower_for_it() -> None:
    """A Value has no `__getattr__`, which would slow every look at one down."""
    assert not hasattr(Value, "__getattr__")
    assert not hasattr(NonDiff, "__getattr__")
