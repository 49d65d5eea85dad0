"""The rules of rows as they are written when they are used on numbers: in letters, and with the numbers in their place.

tests/rules.txt has them. Where one is meant to change, `python -m tests.test_rules` writes the file anew: what changed
is then in the diff.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from microgradnet import Value, notation
from microgradnet.core import BOOLEAN, Op
from microgradnet.testing.strategies import filled
from tests.cases import ROWS
from tests.test_graphs import OLDER

PAGE = Path(__file__).with_name("rules.txt")
SIZES = {"a": 2, "b": 3, "c": 4}  # and any other letter is 2


def given(row: Op) -> Iterator[tuple[list[Any], dict[str, Any]]]:
    """Some numbers for a row: of an elementwise one a number each, then an array beside them, then Python's number."""
    n = len(row.rules)
    if row.elementwise:
        for shapes in ([()] * n, [(3,), (), (3,)][:n], [()] * n)[: n if n < 3 else 2]:
            yield filled(shapes, row.domain, np.random.default_rng(0)), {}
    for inputs, params in row.cases[:2]:
        shapes = [
            tuple(int(c) if c in "0123456789" else SIZES.get(c, 2) for c in map(str, x))
            if isinstance(x, str | tuple)
            else x
            for x in inputs
        ]
        yield filled(shapes, row.domain, np.random.default_rng(0)), params


def lines() -> Iterator[str]:
    for row in ROWS:
        for i, (inputs, params) in enumerate(given(row)):
            inputs = [np.round(x, 2)[()] if x.dtype.kind == "f" else x[()] for x in inputs]
            if i == 2 and row.elementwise and row.domain[1] is not BOOLEAN:
                inputs[1] = inputs[1].item()
            yield f"{row.name}({', '.join(map(looks, inputs))}): {'; '.join(written(row, inputs, params))}"


def looks(x: Any) -> str:
    return f"{x}" if not np.ndim(x) else f"{np.shape(x)}"


def written(row: Op, inputs: list[Any], params: dict[str, Any]) -> Iterator[str]:
    with np.errstate(all="ignore"):
        out: Any = row.forward(*inputs, **params)
    g = np.full(np.shape(out), 1.5)[()]
    letters = notation.letters_of(row, len(inputs))
    known = {"g": g, "out": out, **dict(zip(letters, inputs, strict=True))}
    for i, x in enumerate(inputs):
        if np.asarray(x).dtype.kind == "f":
            rule = notation.rule_written(row, i, g, out, inputs, params)
            numbers = f" = {notation.with_numbers(rule, known)}" if rule and row.elementwise else ""
            yield f"{letters[i]}: {rule or 'nothing'}{numbers}"


@pytest.mark.skipif(OLDER, reason="older versions of NumPy do not have all of these functions")
def test_rules_are_written_as_they_were() -> None:
    found = list(lines())
    assert {line.partition("(")[0] for line in found} == {row.name for row in ROWS}
    known = PAGE.read_text(encoding="utf-8").rstrip("\n")
    assert "\n".join(found) == known, "if that is meant: python -m tests.test_rules"


def length_of_a_rule(rule: Any) -> int:
    row: Any = SimpleNamespace(rules=(rule,))
    return len(notation.rule_written(row, 0, np.float64(1.0), np.float64(4.0), [np.float64(2.0)], {}))


def test_a_rule_of_more_than_40_operations_or_160_letters_is_not_written() -> None:
    for n in (39, 40, 41):
        assert length_of_a_rule(lambda g, out, x, n=n: [g := -g for _ in range(n)][-1]) == (n + 1 if n <= 40 else 0)
    for n in (150, 156, 157):
        rule = eval(f"lambda g, out, {'x' * n}: g * {'x' * n}")
        assert length_of_a_rule(rule) == (n + 4 if n <= 156 else 0)


def test_what_stands_in_a_rule_twice_is_counted_twice() -> None:
    x = Value(2.0)
    y = np.sin(x) * 3.0
    assert [notation.operations(z) for z in (3.0, x, y, y * y, (y * y) * (y * y), -(y + x) + 1.0)] == [
        0,
        0,
        2,
        5,
        11,
        5,
    ]
    y.name = "y"
    assert notation.operations(y * y) == 1


if __name__ == "__main__":
    PAGE.write_text("\n".join(lines()) + "\n", encoding="utf-8")
