"""From a row of the table to calls of it: the row's domain and cases as Hypothesis strategies."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

import microgradnet  # noqa: F401  (fills the table)
from microgradnet.engine import BOOLEAN, TABLE, Op, Value, Variadic

ROWS = list(TABLE.values())
SMOOTH = [row for row in ROWS if any(row.rules)]


class Call(NamedTuple):
    """Inputs and parameters for a row. Where `flows`, the input is a float array that a gradient goes to."""

    row: Op
    inputs: list[Any]
    flows: list[bool]
    params: dict[str, Any]
    cotangent: np.ndarray  # one random number for each element of the result

    def values(self, dtype: Any = np.float64) -> list[Any]:
        plain = [x.astype(dtype) if x.dtype.kind == "f" else x for x in self.inputs]
        return [Value(x) if flows else x for x, flows in zip(plain, self.flows, strict=True)]

    def recorded(self) -> list[Any]:
        """Every input as a Value, bools as the result of a comparison; index arrays of integers as they are."""
        made = {"f": Value, "b": lambda x: Value(x.astype(float)) > 0.5}
        return [made.get(x.dtype.kind, np.asarray)(x) for x in self.inputs]

    def numbers(self, replaced: int = -1, by: Any = None) -> Any:
        """The result on plain arrays, with one input replaced."""
        inputs = [by if i == replaced else x for i, x in enumerate(self.inputs)]
        return self.row.forward(*inputs, **self.params)


@st.composite
def calls(draw: st.DrawFn, row: Op) -> Call:
    """A call inside the row's domain, away from its kinks: no two elements of it are alike, and none is 0."""
    if row.elementwise:
        shapes = draw(
            mutually_broadcastable_shapes(num_shapes=len(row.rules), min_dims=0, max_dims=3, min_side=0, max_side=3)
        ).input_shapes
        params: dict[str, Any] = {}
    else:
        shapes, params = draw(st.sampled_from(row.cases))
        letters = sorted({c for shape in shapes if isinstance(shape, str) for c in shape if c.isalpha()})
        size = {c: draw(st.integers(0, 3), label=f"size {c}") for c in letters} | {"1": 1}
        shapes = [tuple(size[c] for c in shape) if isinstance(shape, str) else shape for shape in shapes]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="seed of the values"))
    count = sum(int(np.prod(shape)) for shape in shapes if isinstance(shape, tuple))
    place = (rng.permutation(count) + 0.5 + rng.uniform(0.05, 0.35)) / max(count, 1)
    inputs, flows = [], []
    for i, shape in enumerate(shapes):
        rule = row.rules[0] if isinstance(row, Variadic) else row.rules[i] if i < len(row.rules) else None
        if isinstance(shape, np.ndarray):  # an index array
            x = shape
        else:
            size_x = int(np.prod(shape))
            taken, place = place[:size_x].reshape(shape), place[size_x:]
            domain = row.domain[min(i, len(row.domain) - 1)]
            x = taken < 0.5 if domain is BOOLEAN else domain.low + taken * (domain.high - domain.low)
        inputs.append(np.asarray(x))
        flows.append(rule is not None)
    out = np.shape(row.forward(*inputs, **params))
    return Call(row, inputs, flows, params, rng.normal(size=out))
