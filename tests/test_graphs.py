"""What functions and layers record is what they recorded: the rows, of which shapes, forward and backward.

tests/graphs.txt has for each function of NumPy, of `functional` and each layer which rows were recorded how often, and
the sum (CRC-32) of all of them in their order. Results alone do not show what is recorded in vain, or twice. Where it
is meant to change, `python -m tests.test_graphs` writes the file anew: what changed is then in the diff.
"""

from __future__ import annotations

import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradnet.functional as F
from microgradnet import Value
from microgradnet.core import history, sweep
from tests.recorded.questions import CONSTANT, GIVEN, QUESTIONS
from tests.test_nn_layers import CASES, flat
from tests.test_variants import RECORDED, floating, recorded
from tests.variants import NEWEST

PAGE = Path(__file__).with_name("graphs.txt")
OLDER = tuple(map(int, np.__version__.split(".")[:2])) < NEWEST
MOST = 6  # variants of a function


def rows_of(outs: list[Any], inputs: list[Any]) -> Iterator[str]:
    """The rows that lead to some results, and those of their gradients."""
    outs = [out for out in outs if type(out) is Value and out.op is not None]
    if not outs:
        return
    total = sum((out * 0.5).sum() for out in outs)
    found = sweep(total, Value(total.dtype.type(1)), create_graph=True)
    for value in history(total + sum((found[x] * 0.5).sum() for x in inputs if x in found)):
        if value.op is not None:
            params = {name: x.shape if isinstance(x, np.ndarray) else x for name, x in value.params.items()}
            said = list(params) if "0x" in str(params) or "object" in str(params) else params
            yield f"{value.op.name} {value.shape} {value.dtype} {said}"


def line(name: str, calls: list[Callable[[], tuple[list[Any], list[Any]]]]) -> str:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        rows = [row for call in calls for row in rows_of(*call())]
    counts = Counter(row.split()[0] for row in rows)
    shown = ", ".join(f"{row} {n}" for row, n in sorted(counts.items()))
    return f"{name}: {shown or 'nothing'}; {zlib.crc32(chr(10).join(rows).encode()):08x}"


def of_numpy() -> Iterator[str]:
    for function, variants in RECORDED.items():
        calls = []
        for v in variants[:: -(-len(variants) // MOST)]:

            def call(v: Any = v) -> tuple[list[Any], list[Any]]:
                inputs = recorded(v, v.arrays(np.float32))
                return floating(v.f(np, *inputs)), [x for x in inputs if type(x) is Value]

            calls.append(call)
        yield line(function, calls)


def of_functions() -> Iterator[str]:
    by_name: dict[str, list[Any]] = {}
    for code in QUESTIONS:
        if code.startswith("F."):

            def call(code: str = code) -> tuple[list[Any], list[Any]]:
                given = {
                    name: Value(x) if x.dtype.kind == "f" and name not in CONSTANT else x for name, x in GIVEN.items()
                }
                out = eval(code, {"F": F, **given})
                return [out], [x for x in given.values() if type(x) is Value]

            by_name.setdefault(code.partition("(")[0], []).append(call)
    for name, calls in by_name.items():
        yield line(name, calls[:: -(-len(calls) // MOST)])


def of_layers() -> Iterator[str]:
    for case in CASES:

        def call(case: Any = case) -> tuple[list[Any], list[Any]]:
            layer, inputs = case.make(dtype=np.float32), case.draw(0, np.float32)
            inputs = [Value(x) if x.dtype.kind == "f" else x for x in inputs]
            return list(flat(layer(*inputs, **case.named))), [
                *layer.parameters(),
                *(x for x in inputs if type(x) is Value),
            ]

        yield line(case.name, [call])


ALL = {"NumPy": of_numpy, "functional": of_functions, "nn": of_layers}


@pytest.mark.skipif(OLDER, reason="older versions of NumPy do not take all of these calls")
@pytest.mark.parametrize("of", ALL)
def test_what_is_recorded_is_what_was_recorded(of: str) -> None:
    parts = dict(zip(ALL, PAGE.read_text(encoding="utf-8").split("\n\n"), strict=True))
    assert "\n".join(ALL[of]()) == parts[of].strip()


if __name__ == "__main__":
    PAGE.write_text("\n\n".join("\n".join(lines()) for lines in ALL.values()) + "\n", encoding="utf-8")
