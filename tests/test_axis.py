"""A 0-d Value with `axis=` does what NumPy does for a number, function by function: some take axis 0, others raise."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnet.functional as F
from microgradnet import Value, formulas  # noqa: F401  (which fills the table)
from microgradnet.core import FORMULAS, TABLE, all_numbers

Call = Callable[[Any, Any], Any]

# What is beside the axis among the arguments, for functions that want more than an array and an axis.
CALLS: dict[Any, Call] = {
    np.append: lambda x, a: np.append(x, 1.0, axis=a),
    np.apply_along_axis: lambda x, a: np.apply_along_axis(np.sum, a, x),
    np.apply_over_axes: lambda x, a: np.apply_over_axes(np.sum, x, a),
    np.array_split: lambda x, a: np.array_split(x, 1, axis=a),
    np.compress: lambda x, a: np.compress([True], x, axis=a),
    np.concatenate: lambda x, a: np.concatenate([x, x], axis=a),
    np.cross: lambda x, a: np.cross(x, x, axis=a),
    np.linalg.cross: lambda x, a: np.linalg.cross(x, x, axis=a),
    np.delete: lambda x, a: np.delete(x, 0, axis=a),
    np.diagonal: lambda x, a: np.diagonal(x, 0, a, 1),
    np.insert: lambda x, a: np.insert(x, 0, 1.0, axis=a),
    np.geomspace: lambda x, a: np.geomspace(x, 5.0, 3, axis=a),
    np.linspace: lambda x, a: np.linspace(x, 5.0, 3, axis=a),
    np.logspace: lambda x, a: np.logspace(x, 2.0, 3, axis=a),
    np.partition: lambda x, a: np.partition(x, 0, axis=a),
    np.percentile: lambda x, a: np.percentile(x, 50, axis=a),
    np.nanpercentile: lambda x, a: np.nanpercentile(x, 50, axis=a),
    np.quantile: lambda x, a: np.quantile(x, 0.5, axis=a),
    np.nanquantile: lambda x, a: np.nanquantile(x, 0.5, axis=a),
    np.repeat: lambda x, a: np.repeat(x, 2, axis=a),
    np.roll: lambda x, a: np.roll(x, 1, axis=a),
    np.rollaxis: lambda x, a: np.rollaxis(x, a),
    np.rot90: lambda x, a: np.rot90(x, 1, (a, 1)),
    np.split: lambda x, a: np.split(x, 1, axis=a),
    np.stack: lambda x, a: np.stack([x, x], axis=a),
    np.swapaxes: lambda x, a: np.swapaxes(x, a, 0),
    np.take: lambda x, a: np.take(x, 0, axis=a),
    np.take_along_axis: lambda x, a: np.take_along_axis(x, np.array(0), axis=a),
    np.tensordot: lambda x, a: np.tensordot(x, x, axes=([a], [0])),
    np.linalg.tensordot: lambda x, a: np.linalg.tensordot(x, x, axes=([a], [0])),
    np.linalg.tensorsolve: lambda x, a: np.linalg.tensorsolve(x, x, axes=(a,)),
    np.trace: lambda x, a: np.trace(x, 0, a, 1),
    np.transpose: lambda x, a: np.transpose(x, (a,)),
    np.linalg.vecdot: lambda x, a: np.linalg.vecdot(x, x, axis=a),
}
# Calls that say more, or reach the same by another door.
MORE: dict[str, Call] = {
    "moveaxis": lambda x, a: np.moveaxis(x, a, 0),
    "vecdot": lambda x, a: np.vecdot(x, x, axis=a),
    "matrix_norm": lambda x, a: np.linalg.matrix_norm(x),
    "norm of order 1": lambda x, a: np.linalg.norm(x, 1, axis=a),
    "norm along two axes": lambda x, a: np.linalg.norm(x, axis=(a, 0)),
    "trapezoid of points": lambda x, a: np.trapezoid(x, 1.0, axis=a),
    "diff of order 0": lambda x, a: np.diff(x, 0, axis=a),
    "diff with an edge": lambda x, a: np.diff(x, prepend=0.0, axis=a),
    "gradient with a spacing": lambda x, a: np.gradient(x, 0.5, axis=a),
    "take of several": lambda x, a: np.take(x, [0, 0], axis=a),
    "take of none there": lambda x, a: np.take(x, 1, axis=a),
    "take, wrapping": lambda x, a: np.take(x, [5, -7], axis=a, mode="wrap"),
    "take, clipping": lambda x, a: np.take(x, [5, -7], axis=a, mode="clip"),
    "compress of nothing": lambda x, a: np.compress([False], x, axis=a),
    "repeat with a list": lambda x, a: np.repeat(x, [2], axis=a),
    "delete of nothing": lambda x, a: np.delete(x, [], axis=a),
    "delete by a mask": lambda x, a: np.delete(x, [True], axis=a),
    "delete of a slice": lambda x, a: np.delete(x, slice(None), axis=a),
    "squeeze along two axes": lambda x, a: np.squeeze(x, axis=(a, 0)),
    "expand_dims along two axes": lambda x, a: np.expand_dims(x, axis=(a, 0)),
    "flip along two axes": lambda x, a: np.flip(x, axis=(a, 0)),
    "flip along one in a tuple": lambda x, a: np.flip(x, axis=(a,)),
    "roll along two axes": lambda x, a: np.roll(x, (1, 1), axis=(a, 0)),
    "unique and more": lambda x, a: np.unique(x, return_index=True, return_counts=True, axis=a),
    "average by weight": lambda x, a: np.average(x, axis=a, weights=1.0),
    "percentile by weight": lambda x, a: np.percentile(x, 50, axis=a, weights=1.0, method="inverted_cdf"),
    "percentiles": lambda x, a: np.percentile(x, [25, 75], axis=a),
    "cumulative_sum from 0": lambda x, a: np.cumulative_sum(x, axis=a, include_initial=True),
    "cumulative_sum with one axis": lambda x, a: np.cumulative_sum(np.reshape(x, (1,)), axis=a),
    "stack along two": lambda x, a: np.stack([np.reshape(x, (1,))] * 2, axis=a),
    "linspace and its step": lambda x, a: np.linspace(1.0, x, 3, retstep=True, axis=a),
    **{f"{ufunc.__name__}.{method}": lambda x, a, f=ufunc, m=method: getattr(f, m)(x, axis=a) for ufunc, method in [
        (np.add, "reduce"), (np.multiply, "reduce"), (np.maximum, "reduce"), (np.minimum, "reduce"),
        (np.logaddexp, "reduce"), (np.logical_and, "reduce"), (np.logical_or, "reduce"), (np.add, "accumulate"),
        (np.multiply, "accumulate"),
    ]},
}  # fmt: skip
METHODS: dict[str, Call] = {
    **{f"v.{name}": lambda x, a, name=name: getattr(x, name)(axis=a) for name in [
        "all", "any", "argmax", "argmin", "argsort", "cumprod", "cumsum", "max", "mean", "min", "prod", "squeeze",
        "std", "sum", "var",
    ]},
    "v.compress": lambda x, a: x.compress([True], axis=a),
    "v.diagonal": lambda x, a: x.diagonal(0, a, 1),
    "v.repeat": lambda x, a: x.repeat(2, axis=a),
    "v.swapaxes": lambda x, a: x.swapaxes(a, 0),
    "v.take": lambda x, a: x.take(0, axis=a),
    "v.trace": lambda x, a: x.trace(0, a, 1),
    "v.transpose": lambda x, a: x.transpose(a),
}  # fmt: skip


def takes(function: Any) -> set[str]:
    """The arguments of a function of NumPy that are axes."""
    try:
        return {"axis", "axes", "axis1"} & set(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # some of NumPy's C functions do not tell, in older versions
        return set()


def every_call() -> dict[str, Call]:
    """A call of every function of NumPy that takes an axis and is known here, and of every method."""
    found: dict[str, Call] = {}
    for function in {**TABLE, **FORMULAS, **CALLS}:
        if callable(function) and not isinstance(function, np.ufunc) and (takes(function) or function in CALLS):
            name = f"{function.__module__.removeprefix('numpy').removeprefix('.')}.{function.__name__}".lstrip(".")
            found[name] = CALLS.get(function, lambda x, a, f=function: f(x, axis=a))
    for name, keepdims in [(name, True) for name in found]:
        function = getattr(np, name, None)
        if function is not None and function not in CALLS and "keepdims" in inspect.signature(function).parameters:
            found[f"{name} keeping the axis"] = lambda x, a, f=function, k=keepdims: f(x, axis=a, keepdims=k)
    return {**found, **MORE, **METHODS}


EVERY = every_call()


def told(call: Call, x: Any, axis: int) -> Any:
    """What comes of a call: its result, in plain arrays, or the kind of error."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return all_numbers(call(x, axis))
        except Exception as error:
            return type(error)


def alike(ours: Any, numpys: Any) -> bool:
    if isinstance(numpys, type):  # NumPy is not always as exact as an AxisError is, which is a ValueError too
        return isinstance(ours, type) and issubclass(ours, numpys)
    if isinstance(ours, type):
        return False
    if isinstance(numpys, tuple | list):
        return len(ours) == len(numpys) and all(map(alike, ours, numpys))
    return np.shape(ours) == np.shape(numpys) and bool(np.allclose(ours, numpys, equal_nan=True, rtol=1e-12))


@pytest.mark.parametrize("name", EVERY)
def test_a_number_with_an_axis_is_what_numpy_makes_of_it(name: str) -> None:
    call, wrong = EVERY[name], []
    for axis in (0, -1, 1, -2):
        numpys, ours = told(call, np.float64(3.0), axis), told(call, Value(3.0), axis)
        if not alike(ours, numpys):
            wrong.append(f"axis={axis}: NumPy {numpys!r}, here {ours!r}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("f", [F.mean, F.softmax, F.log_softmax, F.logsumexp], ids=["mean", "softmax", "log", "sum"])
def test_so_do_the_formulas_of_networks(f: Any) -> None:
    for x in (Value(3.0), np.float64(3.0)):
        for axis in (0, -1, 1, -2):
            if f is not F.mean and axis in (0, -1):
                assert f(x, axis=axis) == {F.softmax: 1.0, F.log_softmax: 0.0, F.logsumexp: 3.0}[f]
                continue
            with pytest.raises(np.exceptions.AxisError):
                f(x, axis=axis)


def test_all_of_them_are_tried() -> None:
    assert len(EVERY) > 150


@pytest.mark.parametrize("ufunc", [np.maximum, np.minimum, np.add, np.multiply], ids=lambda ufunc: ufunc.__name__)
def test_a_reduction_of_a_ufunc_takes_a_dtype(ufunc: np.ufunc) -> None:
    """The elements are made that dtype first, as by NumPy: 1 + 1e-9 and 1 are one number then, and both the largest."""
    x = np.array([[1.0, 1.0 + 1e-9], [0.5, 0.25]])
    v = Value(x)
    out, wanted = ufunc.reduce(v, axis=1, dtype=np.float32), ufunc.reduce(x, axis=1, dtype=np.float32)
    assert out.dtype == wanted.dtype == np.float32
    np.testing.assert_array_equal(out.data, wanted)
    out.sum().backward()
    largest = [[0.5, 0.5], [1, 0]]
    smallest = [[0.5, 0.5], [0, 1]]
    others = {np.add: np.ones((2, 2)), np.multiply: x.astype(np.float32)[:, ::-1]}
    np.testing.assert_array_equal(v.grad, {np.maximum: largest, np.minimum: smallest, **others}[ufunc])
