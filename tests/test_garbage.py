"""What is no longer used is gone at once: nothing waits for the garbage collector, and nothing is kept for ever."""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import Value, nn
from microgradnet.core import TABLE
from tests.collector import nothing_left_over, uncollected

X = np.array([1.0, 2.0, 3.0])
MODEL = nn.MLP(3, [4, 1], activation=np.tanh, seed=0)
OUTSIDE = Value(X)


def cubes(x: Any) -> Any:
    return (x**3).sum()


def output(model: Any, x: Any) -> Any:
    return model(x).sum()


def failing(call: Callable[[], Any]) -> Callable[[], None]:
    def run() -> None:
        with contextlib.suppress(TypeError, ValueError, ZeroDivisionError, AssertionError):
            call()

    return run


def under(mode: Callable[[], Any], call: Callable[[], Any]) -> Callable[[], None]:
    def run() -> None:
        with mode():
            call()

    return run


@mg.primitive(lambda g, out, x: g * 3.0)
def wrong(x: Any) -> Any:
    return x * 2.0


def fitted(model: Any) -> None:
    rows, targets = np.ones((8, 3), np.float32), np.ones((8, 1), np.float32)
    optimizer = mg.optim.Adam(model.parameters(), lr=1e-3)
    mg.fit(model, rows, targets, loss=mg.functional.quadratic_cost, optimizer=optimizer, epochs=2, batch_size=4,
           validation=(rows, targets), metrics={"mean": lambda out, y: out.mean()}, patience=2,
           scheduler=mg.optim.StepLR(optimizer, 1), progress=False)  # fmt: skip


CALLS: dict[str, Callable[[], Any]] = {
    "grad": lambda: mg.grad(cubes)(X),
    "grad of a Value": lambda: mg.grad(cubes)(OUTSIDE),
    "grad by several": lambda: mg.grad(lambda x, y: (x * y).sum(), (0, 1))(X, X),
    "grad of a grad": lambda: mg.grad(lambda y: mg.grad(lambda x: (x * x * y).sum())(X).sum())(X),
    "grad, closed over": lambda: mg.grad(lambda x: (x * OUTSIDE).sum())(X),
    "grad, a structure": lambda: mg.grad(lambda p: (p["a"][0] * p["b"]).sum())({"a": [X], "b": X}),
    "grad, a Module": lambda: mg.grad(output)(MODEL, X),
    "grad, under no_grad": under(mg.no_grad, lambda: mg.grad(cubes)(X)),
    "grad, under debug": under(mg.debug, lambda: mg.grad(cubes)(X)),
    "grad of an array": failing(lambda: mg.grad(lambda x: x)(X)),
    "grad of what raises": failing(lambda: mg.grad(lambda x: 1 / 0)(X)),
    "value_and_grad": lambda: mg.value_and_grad(lambda x: (cubes(x), x), has_aux=True)(X),
    "jacobian": lambda: mg.jacobian(lambda x: x**2)(X),
    "hessian": lambda: mg.hessian(cubes)(X),
    "hessian of a Value": lambda: mg.hessian(cubes)(OUTSIDE),
    "hessian, a structure": lambda: mg.hessian(lambda p: (p["a"] * p["b"]).sum())({"a": X, "b": X}),
    "hessian, a Module": lambda: mg.hessian(output)(MODEL, X),
    "hvp": lambda: mg.hvp(cubes, X, X),
    "hvp of a Value": lambda: mg.hvp(cubes, OUTSIDE, X),
    "hvp along a Value": lambda: mg.hvp(cubes, X, OUTSIDE),
    "hvp, a Module": lambda: mg.hvp(output, (MODEL, X), (MODEL, X)),
    "jvp": lambda: mg.jvp(cubes, X, X),
    "vjp": lambda: mg.vjp(cubes, X)[1](1.0),
    "checkpoint": lambda: mg.checkpoint(cubes)(Value(X)).backward(),
    "check_grads": lambda: repr(mg.check_grads(cubes, X)),
    "check_grads, second order": lambda: mg.check_grads(cubes, X, order=2),
    "check_grads, a Module": lambda: mg.check_grads(output, MODEL, X),
    "check_grads, a structure": lambda: mg.check_grads(lambda p: (p["a"] ** 2).sum(), {"a": X}),
    "check_grads in float32": lambda: mg.check_grads(cubes, X.astype(np.float32)),
    "check_grads at a kink": lambda: mg.check_grads(np.abs, np.array([0.0, 1.0])),
    "check_grads, some of many": lambda: mg.check_grads(lambda x: (x**2).sum(), np.ones(50), samples=5),
    "check_grads of another's gradient": lambda: mg.check_grads(cubes, X, gradient=lambda x: 3 * x**2),
    "check_grads of a wrong rule": lambda: repr(mg.check_grads(wrong, X)),
    "check_grads of what raises": failing(lambda: mg.check_grads(lambda x: 1 / 0, X)),
    "assert_grads": failing(lambda: mg.assert_grads(wrong, X)),
    "numerical_grad": lambda: mg.numerical_grad(cubes, X),
    "fit": lambda: fitted(MODEL),
    "hook": lambda: (mg.hook(Value(X), lambda g: g) * 2).sum().backward(),
    "np.block": lambda: np.block([[Value(X), X], [X, Value(X)]]).sum().backward(),
    "np.linalg.multi_dot": lambda: np.linalg.multi_dot([Value(np.ones((2, 3))), X[:, None], X[None]]).sum().backward(),
}


@pytest.mark.parametrize("name", CALLS)
def test_nothing_waits_for_garbage_collection(name: str) -> None:
    call = CALLS[name]
    with np.errstate(all="ignore"):
        call()  # what is made once is made now
        with nothing_left_over():
            call()


def test_what_waits_for_garbage_collection_is_noticed() -> None:
    def leave_a_cycle() -> None:
        cycle: list[Any] = []
        cycle.append(cycle)

    with pytest.raises(AssertionError), nothing_left_over():
        leave_a_cycle()


def test_a_leaf_and_its_recorded_gradient_hold_each_other_as_backward_says() -> None:
    assert "x and x.grad then hold each other" in " ".join((Value.backward.__doc__ or "").split())
    with uncollected():
        ghosts = []
        for forgotten in (False, True):
            x = Value(X)
            cubes(x).backward(create_graph=True)
            ghosts.append(weakref.ref(x))
            if forgotten:
                x.grad = None
            del x
        assert [ghost() is None for ghost in ghosts] == [False, True]
        gc.collect()
        assert ghosts[0]() is None


def test_a_primitive_made_in_a_function_goes_with_all_that_it_holds() -> None:
    before = len(TABLE)

    def made() -> tuple[Any, ...]:
        held = np.ones(1000)
        row = mg.primitive(lambda g, out, x: g * held[0])(lambda x: x * held[0])
        y = row(Value(2.0))
        y.backward()
        assert y.op is row
        return weakref.ref(held), weakref.ref(row)

    with uncollected():
        ghosts = made()
        gc.collect()
    assert [ghost() is None for ghost in ghosts] == [True, True]
    assert len(TABLE) == before


@pytest.mark.parametrize("options", [{}, {"release": True}, {"create_graph": True}])
def test_no_gradient_is_lost_by_threads_that_share_a_leaf(options: dict[str, bool]) -> None:
    """Each adds 1 to it 500 times, in turns as short as Python can make them, and NumPy lets others in too."""
    w, together, interval = Value(np.zeros(3000)), threading.Barrier(8), sys.getswitchinterval()

    def work() -> None:
        together.wait()
        for _ in range(500):
            w.sum().backward(**options)

    threads = [threading.Thread(target=work) for _ in range(8)]
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    grad = w.grad.data if isinstance(w.grad, Value) else w.grad
    assert (grad == 4000.0).all()
