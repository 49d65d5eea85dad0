"""A function that Python calls in every step: in a program it is called as often as in eager steps, with the same."""

from __future__ import annotations

import functools
import importlib.util
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
import microgradnet.functional as F
from microgradnet import Value
from microgradnet.programs import Uncompilable
from microgradnet.programs.host import HostCall, runs_others
from microgradnet.programs.nodes import Node
from tests.compiled import check


def test_it_is_called_in_every_step_with_the_numbers_of_that_step() -> None:
    """Logged gradients and noise that is drawn: what is kept stays what it was."""

    def make() -> Any:
        w, seen, rng = Value(np.array([3.0, 4.0])), [], np.random.default_rng(0)

        def log(g: Any, *more: Any) -> None:
            seen.append((g, *more))

        def step(x: Any) -> Any:
            w.grad = None
            noise = mg.host_call(rng.normal, 0.0, 1.0, (2,))
            cost = ((w * x + noise) ** 2).sum()
            cost.backward()
            mg.host_call(log, w.grad, cost)
            w.data -= 0.1 * w.grad
            return cost

        return step, lambda: [w.data, w.grad, *[x for entry in seen for x in entry]]

    check(make, [(np.ones(2) * i,) for i in range(5)])


def test_what_it_returns_is_computed_with() -> None:
    """As an all-reduce does: gradients out, averaged ones in; a tuple of them at once."""
    theirs = [np.array([1.0, -1.0]), np.array(3.0)]

    def averaged(*gradients: Any) -> tuple[Any, ...]:
        return tuple((g + other) / 2 for g, other in zip(gradients, theirs, strict=True))

    def make() -> Any:
        w, b = Value(np.array([3.0, 4.0])), Value(0.5)

        def step(x: Any) -> Any:
            w.grad = b.grad = None
            cost = ((w * x + b) ** 2).sum()
            cost.backward()
            for p, g in zip((w, b), mg.host_call(averaged, w.grad, b.grad), strict=True):
                p.data -= 0.1 * g
            return cost

        return step, lambda: [w.data, b.data]

    check(make, [(np.ones(2) * i,) for i in range(5)])


def test_it_may_do_what_a_program_cannot(capsys: pytest.CaptureFixture[str]) -> None:
    count = [0]

    def told(x: Any) -> None:
        count[0] += 1
        print("the cost is", float(x))

    f = mg.compile(lambda x: mg.host_call(told, (x * x).sum()) or x.sum(), backend="numpy")
    for i in range(4):
        f(np.ones(2) * i)
    assert count == [4]
    assert capsys.readouterr().out == "".join(f"the cost is {2.0 * i * i}\n" for i in range(4))


def test_a_hook_may_print(capsys: pytest.CaptureFixture[str]) -> None:
    w = Value(np.ones(2))

    def show(g: Any) -> None:
        print(g.sum())

    @mg.compile(backend="numpy")
    def step(x: Any) -> Any:
        w.grad = None
        cost = mg.hook(w * x, show).sum()
        cost.backward()
        return cost

    for _ in range(3):
        step(np.ones(2))
    assert capsys.readouterr().out == "2.0\n" * 3


def test_nothing_flows_through_it() -> None:
    w = Value(np.ones(2))
    (w * mg.host_call(np.exp, w)).sum().backward()
    np.testing.assert_array_equal(w.grad, np.exp(np.ones(2)))


def test_another_kind_of_result_is_an_error() -> None:
    results = [np.zeros(2), np.zeros(2), np.zeros(2), np.zeros(3)]
    f = mg.compile(lambda x: x * mg.host_call(results.pop, 0), backend="numpy")
    for _ in range(3):
        f(np.ones(1))
    with pytest.raises(TypeError, match=r"pop returned shape \(2,\) \(float64\) .* at first, and now shape \(3,\)"):
        f(np.ones(1))


@pytest.mark.parametrize("result", ["text", {"a": 1.0}, 1j, [np.array(["a"])]])
def test_what_is_no_number_is_refused(result: Any) -> None:
    with pytest.raises(TypeError, match="to host_call: numbers, arrays, tuples of these, or None"):
        mg.host_call(lambda: result)


def test_results_of_another_kind_are_named() -> None:
    results: list[Any] = [(True, np.ones(2)), (True, np.ones(2)), [Value(1.0), None]]
    f = mg.compile(lambda x: (x * 2, mg.host_call(results.pop, 0))[0], backend="numpy")
    f(np.ones(2))
    f(np.ones(2))
    with pytest.raises(TypeError, match=r"pop returned shape \(\) \(bool\), .* at first, and now .*, NoneType:"):
        f(np.ones(2))


def test_what_has_no_name_is_called_by_its_kind() -> None:
    results = [np.zeros(1), np.zeros(1), np.zeros(2)]
    first = functools.partial(results.pop, 0)
    f = mg.compile(lambda x: x * mg.host_call(first), backend="numpy")
    for _ in range(2):
        f(np.ones(1))
    with pytest.raises(TypeError, match=r"^partial returned shape \(1,\) \(float64\) .*, and now shape \(2,\)"):
        f(np.ones(1))


def test_which_lines_run_code_of_the_users() -> None:
    def own(x: Any) -> Any:
        return x

    functions = (np.exp, np.linalg.inv, [].append, len, np.sum, F.relu.forward, own, HostCall(len))
    calls = [Node("call", function, (1.0,)) for function in functions]
    assert [runs_others(node) for node in calls] == [False] * 6 + [True] * 2
    assert runs_others(Node("barrier", own))
    assert runs_others(Node("host", own))
    assert not runs_others(Node("guard", own))
    assert not runs_others(Node("store"))


def test_a_choice_by_what_it_says_is_told() -> None:
    """A truth it returned in the first call would be frozen."""
    f = mg.compile(lambda x: x if mg.host_call(lambda: True) else -x, backend="numpy")
    with pytest.raises(Uncompilable, match="a choice"):
        f(np.ones(2))


def test_it_wants_a_function() -> None:
    with pytest.raises(TypeError, match=r"host_call wants a function and its arguments, host_call\(f, x\); got 3"):
        mg.host_call(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("backend", ["numpy", pytest.param("native", marks=pytest.mark.skipif(
    importlib.util.find_spec("llvmlite") is None, reason="llvmlite is not installed"))])  # fmt: skip
def test_it_may_call_the_compiled_function_again(backend: Any) -> None:
    """Which is in the middle of its program, whose memory is in use."""
    w, again = Value(2.0), [True]

    def inner(x: Any) -> Any:
        if not again[0]:
            return x
        again[0] = False
        try:
            return f(x * 3).data + x
        finally:
            again[0] = True

    f = mg.compile(lambda x: ((x * 2 + 1) * mg.host_call(inner, x)).sum() * w, backend=backend)
    for i in range(6):
        x = np.arange(4.0) + i
        within = ((6 * x + 1) * 3 * x).sum() * 2
        assert f(x).item() == pytest.approx(((2 * x + 1) * (within + x)).sum() * 2)
