"""Debug mode names what went wrong and where; no_grad records nothing; neither reaches into other threads."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import Value, debug, functional, no_grad
from microgradnet.core import modes

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def complaint(program: Callable[[], Any], error: type[Exception], **how: bool) -> str:
    """What debug mode says of a program."""
    with pytest.raises(error) as caught, debug(**how):
        program()
    return str(caught.value)


def test_the_first_bad_number_of_the_forward_computation_is_named() -> None:
    def program() -> None:
        x = Value([1.0, 0.0], name="rate")
        y = np.log(x)  # the line
        (y * 0).sum()

    text = complaint(program, FloatingPointError)
    assert "log gave -inf at [1] in the forward computation" in text
    assert "input 0 (rate): [1., 0.]" in text
    line = inspect.getsourcelines(program)[1] + 2
    assert f"test_debug.py:{line}, in program: y = np.log(x)  # the line" in text


def test_the_line_is_the_users_own_even_inside_a_formula() -> None:
    def program() -> None:
        functional.cross_entropy(Value([[np.inf, 0.0]]), [0])

    text = complaint(program, FloatingPointError)
    assert "in program: functional.cross_entropy" in text


def test_infinities_may_be_allowed() -> None:
    with debug(inf=False):
        assert np.log(Value(0.0)).data == -np.inf
    assert "subtract gave nan" in complaint(
        lambda: np.log(Value(0.0)) - np.log(Value(0.0)), FloatingPointError, inf=False
    )


def test_an_infinity_that_came_in_is_not_news() -> None:
    with debug():
        logits = np.where([True, False], Value([1.0, 2.0]), -np.inf)
        out = functional.softmax(logits)
        out[0].backward()
    np.testing.assert_array_equal(out.data, [1.0, 0.0])


def test_a_nan_that_came_in_is_named_as_such() -> None:
    text = complaint(lambda: Value([1.0, np.nan], name="x") * 2, FloatingPointError)
    assert "the Value 'x' of shape (2,) (float64) holds NaN already where multiply takes it" in text


def test_a_bad_gradient_names_the_operation_its_inputs_and_its_line() -> None:
    def program() -> None:
        x = Value([4.0, 0.0], name="x")
        np.sqrt(x).sum().backward()

    text = complaint(program, FloatingPointError)
    assert "the gradient of sqrt gave inf at [1] to the Value 'x'" in text
    assert "in program: np.sqrt(x).sum().backward()" in text
    assert "input 0 (x): [4., 0.]" in text
    assert "the gradient it got: [1., 1.]" in text
    assert "where" not in text.replace("np.where", "").split("\n")[-1]


@pytest.mark.parametrize("wrap", [lambda y: y, lambda y: np.exp(y * 2.0)], ids=["at once", "further on"])
def test_the_masking_where_of_the_trap_is_named(wrap: Any) -> None:
    def program() -> None:
        x = Value([4.0, 0.0], name="x")
        safe = x.data > 0
        y = wrap(np.sqrt(x))
        z = np.where(safe, y, 0.0)  # the mask
        z.sum().backward()

    text = complaint(program, FloatingPointError)
    assert "the gradient of sqrt gave nan at [1]" in text
    assert "np.where at" in text
    assert "z = np.where(safe, y, 0.0)  # the mask masks elements" in text
    assert "Mask what goes into sqrt too" in text


def written_leaf() -> None:
    x = Value([1.0, 2.0], name="x")
    y = (x * x).sum()
    x.data[0] = 7.0
    y.backward()


def written_constant() -> None:
    k = np.array([3.0, 4.0])
    y = (Value([1.0, 2.0]) * k).sum()
    k[0] = 7.0
    y.backward()


def written_index() -> None:
    i = np.array([0, 1])
    y = Value([1.0, 2.0])[i].sum()
    i[0] = 1
    y.backward()


def written_counts() -> None:
    counts = [1, 2]
    y = np.repeat(Value([1.0, 2.0]), counts)
    counts.reverse()
    y.sum().backward()


def written_result() -> None:
    y = np.exp(Value([1.0, 2.0], name="x"))
    y.data[0] = 7.0
    y.sum().backward()


@pytest.mark.parametrize(
    ("program", "says"),
    [
        (written_leaf, "the Value 'x' of shape (2,) (float64) was written in place after multiply used it"),
        (written_constant, "input 1, a constant, was written in place after multiply used it"),
        (written_index, "input 1, a constant, was written in place after take used it"),
        (written_counts, "its parameter repeats was written in place after repeat used it"),
        (written_result, "was written in place after"),
    ],
)
def test_an_array_written_between_forward_and_backward_is_noticed(program: Any, says: str) -> None:
    text = complaint(program, RuntimeError)
    assert says in text
    assert f"in {program.__name__}" in text
    assert "Run the forward computation again" in text
    program()  # without debug mode nothing is noticed, as documented


def test_results_are_the_same_in_debug_mode() -> None:
    def gradient() -> Any:
        model = mg.nn.MLP(3, [4, 2], seed=0)
        x = np.random.default_rng(0).normal(size=(5, 3))
        functional.cross_entropy(model(x), [0, 1, 0, 1, 0]).backward()
        return [p.grad for p in model.parameters()]

    plain = gradient()
    with debug():
        watched = gradient()
    assert all(np.array_equal(a, b) for a, b in zip(plain, watched, strict=True))


def test_gradients_that_add_up_to_infinity_are_noticed() -> None:
    def program() -> None:
        x = Value(0.5, name="x")
        (x * 1.5e308 + x * 1.5e308 - 1.5e308).backward()

    assert "the gradients of the Value 'x' of shape () (float64) from several places" in complaint(
        program, FloatingPointError, inf=True
    )


def test_second_derivatives_are_watched_too() -> None:
    def program() -> None:
        x = Value(0.0, name="x")
        y = np.absolute(x) ** 1.5
        y.backward(create_graph=True)
        g, x.grad = x.grad, None
        g.backward()

    assert "in program" in complaint(program, FloatingPointError)


# -------------------------------------------------------------------------------------------------------------- modes


def test_no_grad_records_nothing() -> None:
    w = Value([1.0, 2.0])
    with no_grad():
        y = (w * w).sum()
        assert (y.op, y.args) == (None, ())
        assert y.data == 5.0
    assert (w * w).op is not None


def test_no_grad_is_a_decorator_too_and_ends_with_an_error() -> None:
    @no_grad()
    def evaluate(x: Value, fail: bool = False) -> Value:
        if fail:
            raise KeyError
        return x * 2 if x.data > 10 else evaluate(x * 6)

    assert evaluate(Value(2.0)).op is None
    with pytest.raises(KeyError):
        evaluate(Value(2.0), fail=True)
    assert (Value(2.0) * 2).op is not None
    assert modes.on == 0


def test_an_update_under_no_grad_makes_a_new_leaf() -> None:
    w = Value(2.0)
    for _ in range(3):
        (w * w).backward()
        with no_grad():
            w = w - 0.25 * w.grad
    assert w.data == 0.25


def test_a_mode_is_of_its_own_thread() -> None:
    inside, go_on = threading.Event(), threading.Event()
    seen: list[Any] = []

    def other() -> None:
        inside.wait(10)
        seen.append((Value(2.0) * 3).op)
        go_on.set()

    thread = threading.Thread(target=other)
    thread.start()
    with no_grad():
        inside.set()
        assert go_on.wait(10)
        assert (Value(2.0) * 3).op is None
    thread.join()
    assert seen[0] is not None


def test_modes_may_be_nested() -> None:
    with debug():
        with no_grad():
            assert np.log(Value(0.0)).op is None  # nothing is recorded, so nothing is watched
        with pytest.raises(FloatingPointError):
            np.log(Value(0.0))
    assert modes.on == 0


def test_a_mode_as_a_decorator_is_refused_where_it_cannot_hold() -> None:
    """The body of a generator runs after the decorator is done: it would be recorded, silently."""
    with pytest.raises(TypeError, match="is a generator"):

        @no_grad()
        def numbers() -> Any:
            yield Value(1.0) * 2

    @no_grad()
    async def later(x: Value) -> Any:
        return x * 2

    coroutine = later(Value(1.0))
    with pytest.raises(StopIteration) as done:
        coroutine.send(None)
    assert done.value.value.op is None
    assert modes.on == 0
