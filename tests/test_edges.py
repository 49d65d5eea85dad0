"""At their edges functions give what NumPy gives: values, dtypes, gradients as slopes; or they raise what is said here.

A line of `LIKE` is typed with Values and with arrays in their place, and ends the same way.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import Value, functional
from microgradnet.gradcheck.still import stands_still
from microgradnet.optim.curvature import Memory
from microgradnet.testing.exercises.marking import indented

LIKE = [
    "np.choose(np.array([-1, 0, 5]), (x, y), mode='clip')",
    "np.choose(np.array([-1, 0, 5]), (x, y), mode='wrap')",
    "np.linalg.outer(x, y)",
    "np.linalg.outer(m, y)",
    "np.linalg.outer(x, m)",
]
X, Y, M = np.array([0.5, -1.25, 2.0]), np.array([1.5, 0.25, -3.0]), np.array([[1.0, 0.5, -2.0], [0.25, 3.0, -1.5]])


def typed(line: str, x: Any, y: Any, m: Any) -> Any:
    return eval(line, {"np": np, "x": x, "y": y, "m": m})


@pytest.mark.parametrize("line", LIKE)
def test_the_edges_are_numpys(line: str) -> None:
    values = [Value(a) for a in (X, Y, M)]
    try:
        wanted = typed(line, X, Y, M)
    except Exception as error:
        with pytest.raises((type(error).__mro__[-3], ValueError, TypeError)):
            typed(line, *values)
        return
    out = typed(line, *values)
    assert out.dtype == wanted.dtype
    np.testing.assert_allclose(out.data, wanted, rtol=1e-12, strict=True)
    along = [np.cos(np.arange(a.size)).reshape(a.shape) for a in (X, Y, M)]
    weights = np.sin(1.0 + np.arange(wanted.size)).reshape(wanted.shape)
    (out * weights).sum().backward()
    ahead, behind = (typed(line, *[a + s * d for a, d in zip((X, Y, M), along, strict=True)]) for s in (1e-6, -1e-6))
    slope = float(((ahead - behind) * weights).sum()) / 2e-6
    found = sum((v.grad * d).sum() for v, d in zip(values, along, strict=True) if v.grad is not None)
    assert found == pytest.approx(slope, rel=1e-6, abs=1e-7)


def test_a_number_on_the_left_is_the_first_operand() -> None:
    v, number = Value([3.0, 5.0]), np.float64(2.0).item()
    for act in (operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.mod,
                operator.floordiv):  # fmt: skip
        assert act(number, v).args[1] is v
        assert act(number, v).data.tolist() == act(number, v.data).tolist()
    mask = v > 4
    for act in (operator.and_, operator.or_, operator.xor):
        assert act(True, mask).args[1] is mask
        assert act(True, mask).data.tolist() == act(True, mask.data).tolist()


def test_small_integers_are_squared_as_floats() -> None:
    x = np.array([-100, -12, 12, 100], np.int8)
    for approximate in ("none", "tanh"):
        np.testing.assert_allclose(functional.gelu(x, approximate), [0.0, 0.0, 12.0, 100.0], atol=1e-12)


def test_a_bias_may_be_a_list() -> None:
    assert functional.conv1d([[1.0, 2.0]], [[[3.0]]], [0.5]).tolist() == [[3.5, 6.5]]
    with pytest.raises(ValueError, match=r"bias of shape \(2,\); wanted one for each kernel, \(1,\)"):
        functional.conv1d([[1.0, 2.0]], [[[3.0]]], [0.5, 0.5])


def test_the_lines_of_a_program_are_indented() -> None:
    assert [*indented(["A task", "", "def f():", "", "    return 1"])] == [
        "A task", "", "  def f():", "", "      return 1"
    ]  # fmt: skip


def test_whether_a_function_stands_still_is_asked_as_far_away_as_the_number_is_large() -> None:
    one = np.ones(1)
    for bend, still in ((1e5, False), (1e7, True)):
        line = lambda t, bend=bend: (np.array([max(0.0, t - bend)]), t)  # noqa: E731
        assert stands_still(line, np.zeros(1), one, 1000.0) is still


def test_what_does_not_fit_a_memory_of_curvature_is_told() -> None:
    memory = Memory()
    memory.n_iter = 3
    given = memory.packed()
    assert given["n_iter"] == 3
    for name in [name for name, x in given.items() if isinstance(x, int | float)]:
        assert Memory.misfits({**given, name: "3"}, 0) == ["its counts and lengths are no numbers"], name


def test_np_trim_zeros_takes_the_last_axis() -> None:
    pytest.importorskip("numpy", "2.2", reason="np.trim_zeros takes an axis from NumPy 2.2 on")
    v = Value([0.0, 1.0, 0.0])
    for axis in (None, 0, -1, (0,), (-1,)):
        trimmed: Any = np.trim_zeros
        assert trimmed(v, axis=axis).data.tolist() == [1.0]
    with pytest.raises(TypeError, match=r"np\.trim_zeros of a Value wants one axis"):
        trimmed(mg.Value(M), axis=1)
