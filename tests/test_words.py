"""What a Value says to those who come from elsewhere: pandas, SciPy, PyTorch, JAX, Keras, HIPS autograd, micrograd."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from microgradnet import Value

# ------------------------------------------------------------------------------------------------------------- pandas

NUMBERS = [[1.0, 0.5, 2.0], [1.5, 2.5, 3.0], [3.5, 1.0, 0.25]]
OPERATORS = ["add", "sub", "mul", "truediv", "pow", "mod", "floordiv", "lt", "le", "gt", "ge", "eq", "ne"]
FRAMES: dict[str, Callable[[Any], Any]] = {
    "Series": lambda pd: pd.Series(NUMBERS[0]), "DataFrame": lambda pd: pd.DataFrame(NUMBERS),
    "Index": lambda pd: pd.Index(NUMBERS[0]), "array": lambda pd: pd.array(NUMBERS[0], dtype="Float64"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize("name", OPERATORS)
def test_pandas_on_the_left_of_an_operator_is_a_constant_beside_a_value(kind: str, name: str) -> None:
    pd = pytest.importorskip("pandas", reason="pandas is no dependency")
    left, do = FRAMES[kind](pd), getattr(operator, name)
    for numbers in (NUMBERS[1], 1.5):
        results = []
        for constant in (left, np.asarray(left, dtype=float)):
            v = Value(numbers)
            out = do(constant, v)
            if name not in OPERATORS[-7:]:
                out.sum().backward()
            results.append((type(out), out.shape, out.tolist(), np.array(v.grad if v.grad is not None else 0).tolist()))
        assert results[0] == results[1]


@pytest.mark.parametrize("call", [
    lambda pd, v: pd.Series(NUMBERS[0]) @ v, lambda pd, v: pd.DataFrame(NUMBERS) @ v,
    lambda pd, v: pd.Series(NUMBERS[0]).dot(v), lambda pd, v: pd.DataFrame(NUMBERS).mul(v),
    lambda pd, v: pd.Series(v), lambda pd, v: pd.DataFrame({"a": v}),
])  # fmt: skip
def test_what_pandas_does_itself_names_to_numpy(call: Callable[[Any, Any], Any]) -> None:
    pd = pytest.importorskip("pandas", reason="pandas is no dependency")
    with pytest.raises(TypeError, match=r"does not become a plain array.*\.to_numpy\(\).*v\.data"):
        call(pd, Value(NUMBERS[1]))
