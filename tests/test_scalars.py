"""Programs of scalars: what `mg.compile` makes of networks written number by number is what they compute."""

from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microgradnet import Value
from microgradnet.programs import compile
from microgradnet.programs import program as program_module
from microgradnet.programs.vectorise import vectorised

CLOSE = {"rtol": 1e-12, "atol": 1e-13}
Step = Callable[..., Any]


def is_of_arrays(step: Any) -> bool:
    """Whether scalars were found."""
    return "home1" in step.source


# ------------------------------------------------------------------------------------------------------ drawn graphs

BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "/": lambda x, y: x / (y * y + 1.5),
}
UNARY: dict[str, Callable[[Any], Any]] = {
    "tanh": lambda x: x.tanh(),
    "relu": lambda x: x.relu(),
    "exp": lambda x: (0.1 * x).tanh().exp(),
    "square": lambda x: x.tanh() ** 2,
    "cube": lambda x: x.tanh() ** 3,
    "inverse": lambda x: (x * x + 1.0) ** -1,
    "root": lambda x: (x * x + 1.0) ** 0.5,
    "neg": lambda x: -x,
    "one less": lambda x: 1 - x,
    "half": lambda x: x / 2,
    "with zero": lambda x: 0 + x,
}
operations = st.lists(
    st.tuples(st.sampled_from([*BINARY, *UNARY]), st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=60
)


@settings(max_examples=60, deadline=None)
@given(operations, st.integers(1, 6), st.integers(1, 3), st.booleans())
def test_drawn_graphs_are_what_they_are_eagerly(
    drawn: list[Any], parameters: int, outputs: int, writes: bool
) -> None:
    def made() -> tuple[list[Value], Step]:
        rng = np.random.default_rng(len(drawn))
        ps = [Value(float(x)) for x in rng.normal(size=parameters)]

        def step(c: float) -> Any:
            known: list[Any] = [*ps, Value(0.5), ps[0] * c]
            for name, i, j in drawn:
                x, y = known[-1 - i % min(len(known), 8)], known[j % len(known)]
                known.append(BINARY[name](x, y) if name in BINARY else UNARY[name](x))
            results = known[-outputs:]
            total = sum(r.tanh() for r in results)
            for p in ps:
                p.grad = 0
            total.backward()
            if writes:
                for p in ps:
                    p.data -= 0.1 * p.grad
            return total, results

        return ps, step

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program_module, "vectorised", lambda n, r: vectorised(n, r, fewest=0, gain=0, many=2))
        mine, step = made()
        theirs, eager = made()
        compiled = compile(step)
        for c in (0.3, -1.2, 0.7, 2.0, 0.1):
            total, results = compiled(c)
            expected, others = eager(c)
            assert np.allclose(total.data, expected.data, **CLOSE)
            assert np.allclose([r.data for r in results], [r.data for r in others], **CLOSE)
            assert np.allclose([p.data for p in mine], [p.data for p in theirs], **CLOSE)
            assert np.allclose([p.grad for p in mine], [p.grad for p in theirs], **CLOSE)
    assert compiled.latest is not None
