"""What is written out for a row, in `core/unrolled.py`, means what `Op.record` and `Op.pull` say, bit by bit."""

from __future__ import annotations

import inspect
import linecache
import textwrap
import traceback
from typing import Any

import numpy as np
import pytest

from microgradnet import Value
from microgradnet.core import NonDiff, Op, numbers
from microgradnet.core.written import COMPUTED
from microgradnet.testing import Call
from tests.cases import ROWS
from tests.laws.test_laws import on_calls_of

WRITTEN_OUT = [row for row in ROWS if "record" in vars(row)]


def bits(x: Any) -> tuple[Any, ...]:
    """All there is to know of some numbers."""
    array = numbers(x)
    return type(x), type(array), np.shape(array), np.asarray(array).dtype, np.asarray(array).tobytes()


def test_most_rows_are_written_out() -> None:
    assert len(WRITTEN_OUT) > 0.6 * len(ROWS)
    assert {len(row.rules) for row in WRITTEN_OUT} == {1, 2, 3}


@pytest.mark.parametrize("row", WRITTEN_OUT, ids=lambda row: row.name)
def test_what_is_written_out_is_the_general_way_bit_by_bit(row: Op, share: float) -> None:
    tried = 0

    def same(call: Call) -> None:
        nonlocal tried
        for dtype in (np.float16, np.float32, np.float64):
            values = [recorded(x, dtype) for x in call.inputs]
            constant = [numbers(x) if i else x for i, x in enumerate(values)]  # only the first is recorded
            for inputs in [values, constant] if any(isinstance(x, Value) for x in constant) else [values]:
                tried += agree(row, inputs, call)

    on_calls_of(row, same, share, 12)
    assert tried >= 12


def recorded(x: Any, dtype: Any) -> Any:
    """An input as a Value; of bools, as what a comparison gives; other integers are indices, plain ones."""
    if x.dtype.kind == "b":
        return Value(x.astype(dtype)) > 0
    return Value(x.astype(dtype)) if x.dtype.kind == "f" else x


def agree(row: Op, inputs: list[Any], call: Call) -> int:
    try:
        general = Op.record(row, *inputs, **call.params)
    except TypeError as error:  # NumPy has no linear algebra in float16
        with pytest.raises(type(error)):
            row.record(*inputs, **call.params)
        return 1
    written = row.record(*inputs, **call.params)
    assert type(written) is type(general)
    assert bits(written) == bits(general)
    assert written.op is row
    assert written.params == general.params
    assert [bits(x) for x in written.args] == [bits(x) for x in general.args]
    assert [id(x) for x in written.args if isinstance(x, Value)] == [id(x) for x in inputs if isinstance(x, Value)]
    assert written.age > general.age
    assert (written.grad, written.name, written.scope) == (None, None, None)
    if type(general) is NonDiff:
        return 1
    g = call.cotangent.astype(general.dtype)[()]
    if g.shape != general.shape:
        return 1
    before = {x: np.ones(x.shape, x.dtype)[()] for x in inputs[:1] if isinstance(x, Value)}  # something to add to
    found: list[dict[Any, Any]] = []
    for pull in (lambda *given: Op.pull(row, *given), row.pull):
        pending = dict(before)
        pull(general, g, False, pending)
        found.append({x: bits(gx) for x, gx in pending.items()})
    assert found[0] == found[1]
    return 1


def test_every_slot_of_a_computed_value_is_filled() -> None:
    v = Value([1.0, 2.0])
    for made in (v * 2.0, v.tanh(), v.sum(axis=0), np.where(v > 0, v, 0.0), v[0]):
        assert {slot for slot in Value.__slots__ if hasattr(made, slot)} >= set(COMPUTED)
    assert set(Value.__slots__) == {"__weakref__", "_recorded_at", *COMPUTED}


ADDED = """\
def record(x, y):
    ax = x._numbers if type(x) is Value else x if type(x) in NUMBERS else held(x := constant(x))
    ay = y._numbers if type(y) is Value else y if type(y) in NUMBERS else held(y := constant(y))
    try:
        out = forward(ax, ay)  # with mg.debug(): an error names your line, and the operation
    except ValueError as error:
        misfit(row, error, ax, ay)
        raise
    value = new(Value if type(x) is Value or type(y) is Value else NonDiff)
    value._numbers = out
    value.op = row
    value.args = (x, y,)
    value.params = NO_PARAMS
    value.age = new_age()
    value._grad = None
    value.name = None
    value.scope = None
    if modes.on:
        modes.observe(value)
    return value
"""


def test_a_traceback_shows_the_lines_that_were_written_out() -> None:
    try:
        Value(np.ones((2, 3))) @ np.ones((2, 3))
    except ValueError as error:
        text = "".join(traceback.format_exception(error))
    assert "out = forward(ax, ay)" in text
    assert "inner lengths must be equal" in text
    linecache.checkcache()  # which forgets the lines of files that are gone
    file = Value.__add__.__code__.co_filename
    assert linecache.getline(file, 2).startswith("def make(")
    assert file.endswith("written.py (record and pull, 2 inputs, rules for ['x', 'y'])")
    assert inspect.getsource(Value.__add__) == textwrap.indent(ADDED, "    ")


def test_methods_that_are_rows_have_names_of_their_own() -> None:
    for name in ("tanh", "exp", "relu", "__add__", "__matmul__", "sum", "__radd__", "__lt__"):
        method = getattr(Value, name)
        assert (method.__name__, method.__qualname__.rpartition(".")[2]) == (name, name)
    assert "tangent" in (Value.tanh.__doc__ or "")
