"""Debug mode names what went wrong and where; no_grad records nothing; neither reaches into other threads."""

from __future__ import annotations

import contextlib
import contextvars
import inspect
import itertools
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
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
        (written_result, "the Value of shape (2,) (float64), its result, was written in place after exp used it"),
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


def test_a_gradient_that_is_recorded_names_the_operation_it_belongs_to() -> None:
    """Under create_graph the rule of √ divides; the user wrote neither that nor its line."""

    def program() -> None:
        x = Value([4.0, 0.0], name="x")
        y = np.sqrt(x)  # the line
        y.sum().backward(create_graph=True)

    with pytest.raises(FloatingPointError) as caught, debug():
        program()
    (note,) = caught.value.__notes__
    assert note.startswith("this was in the gradient of sqrt, which was recorded at ")
    assert "in program: y = np.sqrt(x)  # the line." in note
    assert "\n  input 0 (x): [4., 0.]\n  the gradient it got: " in note
    assert "divide gave inf at [1]" in str(caught.value)
    with pytest.raises(FloatingPointError) as caught, debug():  # without create_graph nothing is recorded
        np.sqrt(Value([4.0, 0.0])).sum().backward()
    assert not hasattr(caught.value, "__notes__")


def test_a_where_that_masks_is_named_in_a_recorded_gradient_too() -> None:
    def program() -> None:
        x = Value([4.0, 0.0])
        np.where([True, False], np.sqrt(x), 0.0).sum().backward(create_graph=True)

    with pytest.raises(FloatingPointError) as caught, debug(inf=True):
        program()
    assert "np.where at" in caught.value.__notes__[0]


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
    assert not modes.on


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
    assert not modes.on


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
    assert not modes.on


def test_each_call_of_a_decorated_coroutine_has_a_block_of_its_own() -> None:
    """Also where it is begun in one context and ended in another, and a later call ends first or last."""

    class Pause:
        def __await__(self) -> Iterator[None]:
            yield

    @no_grad()
    async def later(x: Value) -> Any:
        await Pause()
        return x * 2

    def ended(context: contextvars.Context, coroutine: Any) -> Any:
        with pytest.raises(StopIteration) as done:
            context.run(coroutine.send, None)
        return done.value.value

    begun = [(contextvars.copy_context(), later(Value(1.0))) for _ in range(2)]
    for context, coroutine in begun:
        context.run(coroutine.send, None)
    assert (Value(1.0) * 2).op is not None
    ended(contextvars.copy_context(), begun[0][1])
    assert ended(*begun[1]).op is None
    assert not modes.on


class Interrupted:
    """A `with` block in which Ctrl-C comes before the `when`-th line that these functions of the modes run."""

    def __init__(self, when: int, *functions: Any) -> None:
        self.left, self.codes = when, [function.__code__ for function in functions]

    def __enter__(self) -> None:
        self.before = sys.gettrace()
        sys.settrace(self.trace)

    def __exit__(self, *error: object) -> None:
        sys.settrace(self.before)

    def trace(self, frame: Any, event: str, argument: object) -> Any:
        if frame.f_code not in self.codes:
            return None
        if event in ("call", "line"):
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
        return self.trace


def in_force() -> list[Any]:
    return [modes.RECORDING.get(), modes.WATCHER.get(), len(modes.on), Value(1.0).exp().op is None]


@pytest.mark.parametrize("make", [no_grad, debug, modes.recording])
@pytest.mark.parametrize("outside", [contextlib.nullcontext, no_grad])
def test_ctrl_c_before_any_line_of_a_mode_leaves_what_was_in_force(make: Any, outside: Any) -> None:
    with outside():
        before = in_force()
        for when in itertools.count():
            try:
                with Interrupted(when, modes.Mode.__enter__, modes.Mode.__exit__), make():
                    inside = in_force()
                break
            except KeyboardInterrupt:
                pass  # what is kept of it is dropped here
            assert in_force() == before, when
        assert in_force() == before != inside
        assert when >= 10
    assert not modes.on


def test_after_ctrl_c_on_the_way_in_it_does_not_matter_who_keeps_what() -> None:
    mode, kept = no_grad(), []
    before = in_force()
    for when in itertools.count():
        try:
            with Interrupted(when, modes.Mode.__enter__), mode:
                pass
            break
        except KeyboardInterrupt as error:
            kept.append(error)
        assert in_force() == before
    assert len(kept) >= 7


def test_whoever_keeps_the_ctrl_c_of_a_way_out_has_the_block_open_until_it_is_dropped() -> None:
    """What is documented of `Block`: Python has no way to run an `__exit__` that Ctrl-C did not let begin."""
    kept = None
    try:
        with Interrupted(0, modes.Mode.__exit__), no_grad():
            pass
    except KeyboardInterrupt as error:
        kept = error
    assert not modes.RECORDING.get()
    with modes.recording():
        assert modes.RECORDING.get()
    assert kept is not None
    del kept
    assert modes.RECORDING.get()
    assert not modes.on


@pytest.mark.parametrize("make", [no_grad, debug])
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_generators_may_be_closed_in_any_order(make: Any, order: tuple[int, ...]) -> None:
    def numbers() -> Any:
        with make():
            yield

    before, generators = in_force(), [numbers() for _ in order]
    for generator in generators:
        next(generator)
    for i in order:
        assert in_force()[:2] != before[:2]
        generators[i].close()
    assert in_force() == before
    assert [len(variable.blocks.get()) for variable in (modes.RECORDING, modes.WATCHER)] <= [3, 3]


def test_what_is_in_force_is_what_the_latest_open_block_says() -> None:
    def numbers(mode: Any) -> Any:
        with mode:
            yield

    first, second, third = numbers(no_grad()), numbers(modes.recording()), numbers(no_grad())
    for generator, recorded in [(first, False), (second, True), (third, False)]:
        next(generator)
        assert modes.RECORDING.get() is recorded
    for generator, recorded in [(third, True), (first, True), (second, True)]:
        generator.close()
        assert modes.RECORDING.get() is recorded
    assert not modes.on


def test_generators_that_overlap_for_ever_leave_nothing_behind() -> None:
    def numbers() -> Any:
        with no_grad():
            yield

    latest = numbers()
    next(latest)
    for _ in range(100):
        another = numbers()
        next(another)
        latest.close()
        latest = another
    assert len(modes.RECORDING.blocks.get()) <= 3
    latest.close()
    assert modes.RECORDING.get()


def test_a_generator_may_be_closed_in_another_thread() -> None:
    def numbers() -> Any:
        with no_grad():
            yield

    generator = numbers()
    next(generator)
    assert not modes.RECORDING.get()
    thread = threading.Thread(target=generator.close)
    thread.start()
    thread.join()
    assert modes.RECORDING.get()
    assert not modes.on


def test_one_mode_may_be_entered_again_by_a_stack_by_hand_and_by_two_threads() -> None:
    mode = no_grad()
    with mode, modes.recording(), mode:
        assert not modes.RECORDING.get()
    with mode:
        with modes.recording():
            with mode:
                pass
            assert modes.RECORDING.get()
        assert not modes.RECORDING.get()
    with contextlib.ExitStack() as stack:
        stack.enter_context(mode)
        assert not modes.RECORDING.get()
    assert modes.RECORDING.get()
    mode.__enter__()
    assert not modes.RECORDING.get()
    mode.__exit__(None, None, None)
    assert modes.RECORDING.get()

    both_inside, one_left = threading.Barrier(2, timeout=10), threading.Event()
    found: list[bool] = []

    def thread(leaves_first: bool) -> None:
        with mode:
            both_inside.wait()
            if not leaves_first:
                assert one_left.wait(10)
            found.append(modes.RECORDING.get())
        found.append(modes.RECORDING.get())
        one_left.set()

    threads = [threading.Thread(target=thread, args=(i == 0,)) for i in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert found == [False, True, False, True]
    assert not modes.on


def test_a_warning_of_numpy_shows_how_to_find_the_users_line() -> None:
    """It points at the line that calls NumPy, of this package, and Python prints what stands there."""
    for compute in (lambda v: 1 / v, np.log, lambda v: v.sum() / 0.0):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            compute(Value([1.0, 0.0]))
        (told,) = caught
        assert "mg.debug()" in warnings.formatwarning(told.message, told.category, told.filename, told.lineno)
        with pytest.raises(FloatingPointError, match=r"test_debug\.py:\d+"), mg.debug():
            compute(Value([1.0, 0.0]))
