"""`v[i] = x` shows its replacement, and the replacement does what NumPy would, for every kind of index."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from microgradnet import Value, primitive
from microgradnet.core import sweep
from tests.lines import functions
from tests.samples import count

SHAPES = hnp.array_shapes(min_dims=1, max_dims=3, max_side=4)


@st.composite
def writes(draw: st.DrawFn) -> tuple[np.ndarray, Any, np.ndarray]:
    """An array, an index of any kind, and something to put there that broadcasts."""
    shape = draw(SHAPES)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kinds = ["basic", "integers", "mask", "mask of rows", "mixed"]
    kind = draw(st.sampled_from(kinds))
    if kind == "basic":
        index: Any = draw(hnp.basic_indices(shape, allow_newaxis=False, allow_ellipsis=True))
    elif kind == "integers":
        index = draw(hnp.integer_array_indices(shape, result_shape=hnp.array_shapes(max_dims=2, max_side=4)))
    elif kind == "mask":
        index = rng.random(shape) < 0.5
    elif kind == "mask of rows":
        index = rng.random(shape[0]) < 0.5
    else:
        index = (draw(st.lists(st.integers(-shape[0], shape[0] - 1), max_size=4)), ...)
    x = rng.normal(size=shape)
    selected = x[index].shape
    y = rng.normal(size=draw(st.sampled_from([selected, (), tuple(1 for _ in selected)])))
    return x, index, y


def set_to(x: np.ndarray, index: Any, y: Any) -> np.ndarray:
    out = x.copy()
    out[index] = y
    return out


def added(x: np.ndarray, index: Any, y: Any) -> np.ndarray:
    out = x.copy()
    np.add.at(out, index, y)
    return out


@pytest.mark.parametrize(("method", "reference"), [("set", set_to), ("add", added)])
def test_it_is_numpys_write_into_a_copy_and_differentiable_in_both(method: str, reference: Any, share: float) -> None:
    ran = 0

    @settings(max_examples=count(150, share))
    @given(writes(), st.sampled_from([np.float64, np.float32]))
    def check(write: Any, dtype: Any) -> None:
        nonlocal ran
        x, index, y = write
        v, w = Value(x.astype(dtype)), Value(y.astype(dtype)[()])
        before = v.data.copy()
        out = getattr(v.at[index], method)(w)
        expected = reference(v.data, index, w.data)
        assert (out.shape, out.dtype) == (expected.shape, dtype)
        np.testing.assert_allclose(out.data, expected, rtol=1e-12 if dtype is np.float64 else 1e-5)
        np.testing.assert_array_equal(v.data, before)
        if dtype is np.float32:
            return
        rng = np.random.default_rng(0)
        c = rng.normal(size=x.shape)
        out.backward(c)
        for value, f in ((v, lambda a: reference(a, index, y)), (w, lambda b: reference(x, index, b))):
            assert np.shape(value.grad) == value.shape
            step = rng.normal(size=value.shape)  # of any length: what is written is what was given
            change = np.sum((f(value.data + step) - f(value.data)) * c)
            np.testing.assert_allclose(np.sum(value.grad * step), change, rtol=1e-9, atol=1e-9)
        ran += 1

    check()
    assert ran > 40 * share


def test_both_can_be_differentiated_twice() -> None:
    x, y = Value([1.0, 2.0, 3.0]), Value([5.0, 7.0])
    out = x.at[[0, 0]].set(y * y).at[1:].add(x[1:] * y)
    found = sweep((out * out).sum(), Value(1.0), create_graph=True)
    found[x][2].backward()
    # out[2] = x2 + x2 y1, d(out²)/dx2 = 2 x2 (1 + y1)², d²/dx2² = 2 (1 + y1)²
    assert x.grad.tolist() == [0.0, 0.0, 2 * 8.0**2]


def test_the_last_of_several_writes_to_a_place_stays_and_the_others_get_nothing() -> None:
    x, y = Value([1.0, 2.0]), Value([10.0, 20.0, 30.0])
    out = x.at[[0, 0, 1]].set(y)
    assert out.data.tolist() == [20.0, 30.0]
    out.backward([1.0, 2.0])
    assert y.grad.tolist() == [0.0, 1.0, 2.0]
    assert x.grad.tolist() == [0.0, 0.0]


def test_the_dtype_stays_that_of_what_is_written_into() -> None:
    x = Value(np.ones(2, np.float32))
    y = Value(np.array([2.0]))
    for out in (x.at[:1].set(y), x.at[:1].add(y), x.at[0].set(np.float64(3.0))):
        assert out.dtype == np.float32
        out.sum().backward()
    assert (x.grad.dtype, y.grad.dtype) == (np.float32, np.float64)


SMALL = [*np.typecodes["AllInteger"], "?", "e"]


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("into", [np.float16, np.float32, np.float64])
def test_what_is_added_is_added_in_floating_point(kind: str, into: Any) -> None:
    largest = 1 if kind == "?" else 200 if kind == "e" else min(int(np.iinfo(kind).max), 200)
    y = np.full(300, largest).astype(kind)
    for columns in ((), (2,)):
        x = Value(np.zeros((3, *columns), into))
        out = x.at[[0] * 300].add(y.reshape((300, *[1 for _ in columns])))
        expected = np.array([300 * largest, 0, 0]).reshape((3, *[1 for _ in columns]))
        assert (out.shape, out.dtype) == (x.shape, into)
        assert np.array_equal(out.data, np.broadcast_to(expected, x.shape).astype(into))


def test_a_recorded_comparison_is_counted_where_it_is_added() -> None:
    x = Value([1.0, 5.0, 3.0])
    out = x.at[[0, 0, 0]].add(x > 2)
    assert out.data.tolist() == [3.0, 5.0, 3.0]
    out.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(("dtype", "index"), [("e", [0] * 5000), ("e", [[0]] * 5000), ("f", [0] * 5000)])
@pytest.mark.parametrize("columns", [(), (1,), (3,), (64,)])
def test_a_place_taken_5000_times_has_5000_gradients_of_1(dtype: str, index: Any, columns: Any) -> None:
    x = Value(np.zeros((2, *columns), dtype))
    x[index].backward(np.ones((*np.shape(index), *columns)))
    assert x.grad.dtype == x.dtype
    assert np.all(x.grad[0] == 5000.0)
    assert np.all(x.grad[1] == 0.0)


@pytest.mark.parametrize(
    "what", [np.array([1j, 1j]), np.array(["1", "2"]), np.ma.array([1.0, 2.0], mask=[True, False])]
)
@pytest.mark.parametrize("method", ["add", "set"])
def test_what_would_lose_a_part_of_itself_is_not_written(what: Any, method: str) -> None:
    with pytest.raises(TypeError, match=r"beside a Value|mask would be lost"):
        getattr(Value([1.0, 2.0]).at[[0, 1]], method)(what)


def test_a_recorded_comparison_or_argmax_can_say_where() -> None:
    x = Value([1.0, 5.0, 3.0])
    assert x.at[x > 2].set(0.0).data.tolist() == [1.0, 0.0, 0.0]
    assert x.at[np.argmax(x)].add(1.0).data.tolist() == [1.0, 6.0, 3.0]


@pytest.mark.parametrize(
    ("index", "shown"),
    [
        (0, "v = v.at[0].set(x)"), (slice(1, None), "v = v.at[1:].set(x)"), ((..., -1), "v = v.at[..., -1].set(x)"),
        ([0, 2], "v = v.at[[0, 2]].set(x)"), (slice(None, None, -1), "v = v.at[::-1].set(x)"),
    ],
    ids=str,
)  # fmt: skip
def test_a_write_raises_and_shows_the_line_to_write_instead(index: Any, shown: str) -> None:
    v = Value([1.0, 2.0, 3.0])
    with pytest.raises(TypeError) as caught:
        v[index] = 9.0
    assert shown in str(caught.value)
    line = shown.removeprefix("v = ").replace("(x)", "(9.0)")
    (run,) = functions([("v", line)], {})
    assert isinstance(run(v), Value)  # the line shown is one that runs


def test_bad_writes_are_said_clearly() -> None:
    v = Value([1.0, 2.0])
    with pytest.raises(ValueError, match=r"v\.at\[1\] selects shape \(\); what is put there has shape \(2,\)"):
        v.at[1].set([1.0, 2.0])
    with pytest.raises(IndexError):
        v.at[7].set(1.0)
    with pytest.raises(IndexError, match="integers or booleans"):
        v.at[[0.5]].add(1.0)


# ------------------------------------------------------------------------------ parameters written before the sweep


@primitive(lambda g, out, x, *, w: g * w)
def scaled(x: Any, *, w: Any) -> Any:
    return x * np.asarray(w)


@primitive(lambda g, out, x, y, *, w: g * w[0], lambda g, out, x, y, *, w: g * w[1])
def mixed(x: Any, y: Any, *, w: Any) -> Any:
    return x * w[0] + y * w[1]


# A function of a Value (3, 4) and of a parameter of which a list or an array will be written, and that parameter.
PARAMETERS: dict[str, tuple[Callable[[Value, Any], Any], Callable[[], Any]]] = {
    "np.repeat, a list": (lambda x, c: np.repeat(x, c, axis=0), lambda: [1, 2, 3]),
    "np.repeat, an array": (lambda x, c: np.repeat(x, c, axis=0), lambda: np.array([1, 2, 3])),
    "v.repeat": (lambda x, c: x.repeat(c, axis=0), lambda: [1, 2, 3]),
    "np.delete, a list": (lambda x, c: np.delete(x, c, axis=0), lambda: [0, 1]),
    "np.delete, an array": (lambda x, c: np.delete(x, c, axis=1), lambda: np.array([0, 1])),
    "np.delete, a mask": (lambda x, c: np.delete(x, c, axis=0), lambda: np.array([True, False, False])),
    "np.roll, its shifts": (lambda x, c: np.roll(x, c, axis=(0, 1)), lambda: [1, 2]),
    "np.roll, its axes": (lambda x, c: np.roll(x, (1, 2), axis=c), lambda: [0, 1]),
    "np.tile": (np.tile, lambda: [2, 1]),
    "np.transpose": (np.transpose, lambda: [1, 0]),
    "v.transpose": (lambda x, c: x.transpose(c), lambda: [1, 0]),
    "v.reshape": (lambda x, c: x.reshape(c), lambda: [4, 3]),
    "np.pad": (lambda x, c: np.pad(x, c, mode="edge"), lambda: [[1, 0], [0, 2]]),
    "np.rot90": (lambda x, c: np.rot90(x, 1, c), lambda: [0, 1]),
    "np.resize": (np.resize, lambda: [2, 5]),
    "np.insert": (lambda x, c: np.insert(x, c, 0.0, axis=0), lambda: [0, 2, 2]),
    "np.einsum": (lambda x, c: np.einsum(x, c, [1, 0]), lambda: [0, 1]),
    "np.tensordot": (lambda x, c: np.tensordot(x, np.ones((4, 2)), axes=c), lambda: [[1], [0]]),
    "np.split": (lambda x, c: np.split(x, c)[0], lambda: [1, 2]),
    "v[i]": (lambda x, c: x[c], lambda: [0, 2, 2]),
    "v.at[i].add": (lambda x, c: x.at[c].add(x[:3]), lambda: [0, 2, 2]),
    "np.take": (lambda x, c: np.take(x, c, axis=0), lambda: [0, 2, 2]),
    "a primitive's array": (lambda x, c: scaled(x, w=c), lambda: np.array([1.0, 2.0, 3.0, 4.0])),
    "a primitive's list": (lambda x, c: mixed(x, x * x, w=c), lambda: [1.0, 2.0]),
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_written_before_the_sweep_does_not_change_the_gradient(name: str) -> None:
    f, made = PARAMETERS[name]
    grads = []
    for written in (False, True):
        x, parameter = Value(np.arange(1.0, 13.0).reshape(3, 4)), made()
        out = f(x, parameter)
        if written:
            parameter[0] = parameter[-1]
        out.backward(np.arange(1.0, out.size + 1).reshape(out.shape))
        grads.append(x.grad)
    np.testing.assert_array_equal(*grads)


def test_what_a_primitives_parameter_holds_inside_is_copied_too() -> None:
    w = np.array([1.0, 2.0])
    x = Value([1.0, 1.0])
    y = mixed(x, x, w=(w, [w]))
    w[:] = 9.0
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 4.0]
