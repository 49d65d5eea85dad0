"""Recording and the sweep: fan-out, depth, memory, second sweeps, writes, copies, errors."""

from __future__ import annotations

import contextlib
import copy
import gc
import itertools
import math
import operator
import pickle
import subprocess
import sys
import threading
import tracemalloc
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet import Value, debug, functional, hook, nn, no_grad, optim, primitive
from microgradnet.core import TABLE, NonDiff, Op, history, op, sweep
from microgradnet.core.arraylike import ArrayLike
from microgradnet.gradcheck import numerical_grad
from microgradnet.ops import DIRECT
from tests.collector import uncollected

# --------------------------------------------------------------------------------------------------- what a Value holds


@pytest.mark.parametrize("data", [2, True, 2.0, np.float64(2), np.int64(2), np.array(2.0)], ids=repr)
def test_a_number_becomes_a_float64_scalar(data: Any) -> None:
    assert type(Value(data).data) is np.float64


def test_lists_of_ints_become_float64_and_float_dtypes_are_kept() -> None:
    assert Value([1, 2]).dtype == np.float64
    assert Value([[True]]).dtype == np.float64
    assert Value(10**30).data == 1e30
    for dtype in (np.float16, np.float32, np.float64, np.longdouble):
        assert Value(np.ones(2, dtype)).dtype == dtype
        assert Value(dtype(1)).dtype == dtype
    swapped = np.ones(2, np.dtype(np.float32).newbyteorder())
    assert Value(swapped).dtype == np.float32
    assert Value(swapped).dtype.isnative


@pytest.mark.parametrize(
    ("data", "way_out"),
    [
        (np.array([1, 2]), "array.astype"),
        (np.array([True]), "floating-point"),
        (1j, "only real"),
        (np.array([1j]), "only real"),
        ("three", "give a number"),
        (None, "give a number"),
        (Value(1.0), "a Value already"),
        ([Value(1.0), Value(2.0)], "np.stack"),
        (np.ma.masked_array([1.0], [True]), "filled"),
    ],
    ids=lambda x: str(x)[:20],
)
def test_what_is_no_float_is_refused_with_a_way_out(data: Any, way_out: str) -> None:
    with pytest.raises(TypeError, match=way_out):
        Value(data)


def test_a_value_owns_its_numbers() -> None:
    array = np.ones(3)
    v = Value(array)
    array[0] = 5
    assert v.data[0] == 1
    v.data = array
    array[0] = 7
    assert v.data[0] == 5


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F", "K"])
def test_many_numbers_begin_at_a_line_of_the_cache_and_lie_as_they_lay(dtype: Any, order: Any) -> None:
    rng = np.random.default_rng(5)
    x = rng.random((150, 60, 3)).astype(dtype).transpose(1, 0, 2)
    x = x if order == "K" else np.require(x, requirements=order)
    assigned = Value(np.zeros_like(x))
    assigned.data = x
    values = [Value(x), assigned, copy.deepcopy(Value(x))]
    if order != "K":  # of another order pickle keeps nothing
        values.append(pickle.loads(pickle.dumps(Value(x))))
    for value in values:
        assert np.array_equal(value.data, x)
        assert not np.shares_memory(value.data, x)
        assert value.data.strides == x.copy("K").strides
        assert value.data.flags.writeable
        if order != "K":
            assert value.data.ctypes.data % 64 == 0
    weights = [p.data for p in nn.MLP(100, [50, 20], seed=0).parameters() if p.data.nbytes >= 1 << 14]
    assert [w.ctypes.data % 64 for w in weights] == [0]


def test_a_second_positional_argument_is_a_name_and_nothing_else() -> None:
    assert Value(1.0, "w").name == "w"
    with pytest.raises(TypeError, match=r"one list"):
        Value(1.0, 2.0)  # type: ignore[arg-type]


def test_it_prints_its_numbers_and_its_gradient() -> None:
    v = Value(2.0, name="w")
    assert repr(v) == "Value(data=2.0, grad=None, name='w')"
    (v * 3).backward()
    assert repr(v) == "Value(data=2.0, grad=3.0, name='w')"
    assert f"{v:.3f}" == "2.000"
    assert repr(Value(np.zeros(1000))).startswith("Value(shape=(1000,), dtype=float64, data=[0., 0., 0., ..., 0.")


@pytest.mark.parametrize("mode", [contextlib.nullcontext, no_grad, debug])
def test_what_nothing_flows_back_to_detaches_as_what_it_is(mode: Any) -> None:
    v = Value([1.0, 2.0, 3.0])
    with mode():
        for out in (v > 1, np.argmax(v), np.isnan(v), (v > 1).any(), np.argsort(v)):
            alone = out.detach()
            assert (type(alone), alone.op, alone.args) == (type(out), None, ())
            assert alone.dtype == out.dtype
            assert alone.tolist() == out.tolist()
            assert not np.ndim(alone) or not np.shares_memory(alone.data, out.data)
            with pytest.raises(TypeError, match="the result of detach or no_grad: nothing flows back"):
                alone.backward(np.ones(alone.shape))
        assert v[np.argmax(v).detach()].item() == 3.0
        assert v[(v > 1).detach()].tolist() == [2.0, 3.0]
        assert type(np.floor(v).detach()) is Value  # floating-point numbers can be differentiated by


def test_it_behaves_like_a_number_where_that_leaves_the_graph_openly() -> None:
    v = Value([[1.0, 2.0], [3.0, 4.0]])
    assert float(Value(2.5)) == 2.5
    assert int(Value(2.5)) == 2
    assert bool(Value(0.0)) is False
    assert len(v) == 2
    assert [row.data.tolist() for row in v] == v.tolist()
    assert Value(2.5).item() == 2.5
    assert v.detach().tolist() == v.tolist()
    assert v.detach().op is None
    assert (v.ndim, v.size, v.shape, v.dtype) == (2, 4, (2, 2), np.float64)
    with pytest.raises(TypeError, match=r"\.data"):
        float(v)
    with pytest.raises(TypeError, match="scalar"):
        len(Value(1.0))
    with pytest.raises(TypeError, match=r"v = v\.at\[0\]\.set\(x\)"):
        v[0] = 1.0
    with pytest.raises(ValueError, match="neither true nor false"):
        bool(v)


def test_an_argmax_can_index_what_is_no_value() -> None:
    v = Value([1.0, 3.0, 2.0])
    assert np.arange(3)[v.argmax()] == 1
    assert ["a", "b"][v.argmax()] == "b"  # type: ignore[call-overload]


def test_a_value_is_not_none() -> None:
    assert (Value(1.0) == None) is False  # noqa: E711
    assert (Value(1.0) != None) is True  # noqa: E711


def test_equality_is_elementwise_and_hashing_is_identity() -> None:
    a, b = Value([1.0, 2.0]), Value([1.0, 3.0])
    assert (a == b).tolist() == [True, False]
    assert len({a, b, a}) == 2


# --------------------------------------------------------------------------------------------------- recording


def test_an_operand_used_twice_is_two_edges() -> None:
    x = Value(3.0)
    y = x * x
    assert y.args == (x, x)
    y.backward()
    assert x.grad == 6.0


def test_constants_beside_a_value_keep_numpys_dtypes() -> None:
    v = Value(np.ones(2, np.float32))
    for constant, dtype in [(2, "f4"), (2.0, "f4"), (np.float32(2), "f4"), (np.float64(2), "f8"), (np.ones(2), "f8")]:
        w = v * constant
        assert w.dtype == dtype == (np.ones(2, np.float32) * constant).dtype
        v.grad = None
        w.sum().backward()
        assert v.grad.dtype == np.float32


@pytest.mark.parametrize("constant", [1j, "two", None, object(), np.array(["a"]), np.ma.masked_array([1.0], [True])])
def test_a_constant_that_is_no_real_number_is_refused(constant: Any) -> None:
    for combine in (lambda: Value([1.0]) * constant, lambda: np.maximum(Value([1.0]), constant)):
        with pytest.raises((TypeError, ValueError), match="beside a Value"):
            combine()


def test_lists_beside_a_value_are_arrays() -> None:
    assert (Value([1.0, 2.0]) * [3, 4]).tolist() == [3.0, 8.0]
    assert ([[1.0, 2.0]] @ Value([1.0, 2.0])).tolist() == [5.0]


def test_a_masked_choice_records_the_mask() -> None:
    x = Value([1.0, -2.0])
    mask = x > 0
    assert isinstance(mask, NonDiff)
    out = np.where(mask & (x < 5), x * 3, x * 5)
    out.backward(np.ones(2))
    assert x.grad.tolist() == [3.0, 5.0]
    assert (~mask | mask).data.all()


def test_a_recorded_argmax_can_index() -> None:
    x = Value([[1.0, 5.0], [7.0, 2.0]])
    best = x.argmax(axis=1)
    picked = x[np.arange(2), best]
    picked.backward(np.array([1.0, 2.0]))
    assert x.grad.tolist() == [[0.0, 1.0], [2.0, 0.0]]


# --------------------------------------------------------------------------------------------------- the sweep


def random_program(draw: Any, x: list[Any]) -> Any:
    """A graph with fan-out over the inputs `x`: works on plain arrays and on Values alike."""
    made = list(x)
    for kind, i, j in draw:
        a, b = made[i % len(made)], made[j % len(made)]
        made.append([a + b, a * b, np.tanh(a), np.sin(a) - b, np.maximum(a, b + 0.3), a / (2 + b * b)][kind])
    return sum(made[-3:]).sum()


STEPS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=12)


@given(STEPS, st.integers(0, 1000))
def test_any_graph_has_the_gradient_of_its_function(steps: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    arrays = [rng.normal(size=shape) for shape in [(2, 3), (3,), ()]]
    values = [Value(a) for a in arrays]
    random_program(steps, values).backward()
    for i, v in enumerate(values):
        expected = numerical_grad(
            lambda a, i=i: random_program(steps, [a if j == i else b for j, b in enumerate(arrays)]), v.data
        )
        got = np.zeros(v.shape) if v.grad is None else v.grad
        assert np.shape(got) == v.shape
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


@given(STEPS)
def test_every_value_of_the_graph_has_a_gradient_of_its_own(steps: Any) -> None:
    values = [Value(np.full((2, 3), 0.5)), Value(np.ones(3)), Value(2.0)]
    root = random_program(steps, values)
    root.backward()
    reached, todo = {root}, [root]
    for node in todo:
        todo += [x for x in node.args if isinstance(x, Value) and not isinstance(x, NonDiff) and x not in reached]
        reached.update(todo)
    grads = [node.grad for node in reached]
    assert all(g is not None and g.shape == v.shape and g.dtype == v.dtype for g, v in zip(grads, reached, strict=True))
    arrays = [g for g in grads if isinstance(g, np.ndarray)] + [v.data for v in reached if v.ndim]
    assert not any(np.shares_memory(a, b) for a, b in itertools.combinations(arrays, 2) if a.base is b.base is None)
    assert all(g.flags.writeable for g in grads if isinstance(g, np.ndarray))


def test_leaves_accumulate_and_computed_values_do_not() -> None:
    x = Value(3.0)
    y = x * x
    z = y + x
    for sweeps in (1, 2, 3):
        z.backward()
        assert x.grad == 7.0 * sweeps
        assert (y.grad, z.grad) == (1.0, 1.0)


def test_a_second_sweep_through_a_shared_part_is_right() -> None:
    x = Value(2.0)
    shared = x**3
    a, b = shared * 2, shared * 5
    a.backward()
    b.backward()
    assert x.grad == 7 * 12.0
    assert shared.grad == 5.0


@pytest.mark.parametrize("gradient", [0, 0.0, np.float64(1.0)])
def test_a_gradient_set_by_hand_is_added_to(gradient: Any) -> None:
    x = Value(np.float32(2))
    x.grad = gradient
    (x * 3).backward()
    assert x.grad == 3 + gradient
    assert x.grad.dtype == np.float32


def test_a_gradient_set_by_hand_takes_the_shape_and_dtype_of_its_value() -> None:
    x = Value(np.ones((2, 3), np.float32))
    x.grad = 0
    assert (x.grad.shape, x.grad.dtype) == ((2, 3), np.float32)
    x.grad = np.ones((2, 3))
    assert x.grad.dtype == np.float32
    for wrong in (np.ones(3), Value(np.ones((2, 3))), Value(np.ones(3, np.float32))):
        with pytest.raises(ValueError, match="its shape and dtype"):
            x.grad = wrong
    assert x.grad.sum() == 6


def test_nothing_that_one_sweep_wrote_in_place_is_written_by_another() -> None:
    x = Value([1.0, 2.0, 3.0])
    (x[0:1] * 4.0 + x[0:2] * 10.0).sum().backward()  # gathered in place
    first = x.grad
    pieces = x[0:1], x[1:2], x[1:2]
    again = hook(x, lambda g: x.grad)
    (sum(piece.sum() for piece in pieces) + again.sum()).backward()
    assert first.tolist() == [18.0, 10.0, 0.0]
    assert x.grad.tolist() == [18.0 + 1.0 + 18.0, 10.0 + 2.0 + 10.0, 0.0]


def test_a_piece_is_not_added_to_the_gradient_of_an_earlier_sweep() -> None:
    x = Value([1.0, 2.0, 3.0])
    (x[0:2] * 10.0).sum().backward()
    t = x[0:1]
    h = hook(x, lambda g: x.grad)
    (t.sum() + h.sum()).backward()
    assert x.grad.tolist() == [21.0, 20.0, 0.0]


def test_many_pieces_of_one_value_are_gathered_in_one_array(monkeypatch: pytest.MonkeyPatch) -> None:
    x, made = Value(np.arange(100.0)), []
    pieces = [x[i : i + 2] * float(i) for i in range(99)]
    total = np.concatenate(pieces).sum()

    def counted(*args: Any) -> Any:
        made.append(args)
        return zeros(*args)

    zeros = np.zeros
    monkeypatch.setattr(np, "zeros", counted)
    total.backward()
    assert x.grad.tolist() == [float(max(i - 1, 0) + (i if i < 99 else 0)) for i in range(100)]
    assert len(made) <= 2


def test_two_runs_give_the_same_bits() -> None:
    def run() -> Any:
        rng = np.random.default_rng(3)
        w = [Value(rng.normal(size=5).astype(np.float32)) for _ in range(20)]
        total = sum((a * b).sum() for a, b in itertools.product(w, w))
        total.backward()
        return [v.grad.tobytes() for v in w]

    assert run() == run()


def test_a_backward_from_a_leaf_is_its_start() -> None:
    x = Value([1.0, 2.0])
    x.backward([3.0, 4.0])
    assert x.grad.tolist() == [3.0, 4.0]


def test_the_start_must_fit() -> None:
    v = Value(np.ones((3, 2))) * 2
    with pytest.raises(ValueError, match=r"starts from one number; this Value has shape \(3, 2\).*sum\(\)"):
        v.backward()
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        v.backward([1.0, 2.0])
    with pytest.raises(TypeError, match="nothing flows back"):
        (v > 1).backward()
    (Value([[3.0]]) * 2).backward()  # one number, in whatever shape


def test_a_start_is_not_kept_by_reference() -> None:
    v, start = Value([1.0, 2.0]), np.ones(2)
    v.backward(start)
    start[0] = 9
    assert v.grad.tolist() == [1.0, 1.0]


def test_higher_derivatives_by_sweeping_the_gradient() -> None:
    x = Value(0.7)
    y = np.sin(x) * x
    expected = [
        np.sin(0.7) + 0.7 * np.cos(0.7),
        2 * np.cos(0.7) - 0.7 * np.sin(0.7),
        -3 * np.sin(0.7) - 0.7 * np.cos(0.7),
    ]
    for e in expected:
        x.grad = None
        y.backward(create_graph=True)
        y = x.grad
        assert y.data == pytest.approx(e, rel=1e-14)


@pytest.mark.parametrize("at", [0.0, 0.1, -3.0])
def test_softplus_bends_where_it_should(at: float) -> None:
    """Its second derivative is that of a tie of logaddexp at 0."""
    x = Value(at)
    np.logaddexp(x, 0.0).backward(create_graph=True)
    slope = x.grad
    x.grad = None
    slope.backward()
    s = 1 / (1 + np.exp(-at))
    assert x.grad == pytest.approx(s * (1 - s), rel=1e-14)


def test_the_mixed_second_derivative_of_a_power_is_symmetric_at_exponent_0() -> None:
    x, y = Value(2.0), Value(0.0)
    (x**y).backward(create_graph=True)
    by_x, by_y = x.grad, y.grad
    x.grad = y.grad = None
    by_x.backward()
    assert y.grad == pytest.approx(0.5)
    x.grad = None
    by_y.backward()
    assert x.grad == pytest.approx(0.5)


def test_a_start_given_as_a_value_takes_the_dtype() -> None:
    x = Value(np.ones(2, np.float32))
    x.backward(Value([1.0, 1.0]), create_graph=True)
    assert x.grad.dtype == np.float32


def test_nested_derivatives_do_not_confuse_their_variables() -> None:
    """d/dx [x · d/dy (x + y)] is 1, as a sweep asked for y returns the gradient and deposits nothing."""
    x, y = Value(5.0), Value(3.0)
    inner = sweep(x + y, Value(1.0), create_graph=True)[y]
    (x * inner).backward()
    assert x.grad == 1.0
    assert y.grad is None


def test_threads_that_share_parameters_do_not_disturb_each_other() -> None:
    w = Value(np.arange(1.0, 4.0))
    results: dict[int, Any] = {}

    def work(k: int) -> None:
        for _ in range(50):
            out = (w * k).sum()
            results[k] = sweep(out, np.float64(1.0))[w]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(1, 5)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert {k: g.tolist() for k, g in results.items()} == {k: [float(k)] * 3 for k in range(1, 5)}


# --------------------------------------------------------------------------------------------------- depth and memory


@pytest.mark.parametrize("release", [False, True])
def test_a_chain_of_100_000_is_swept_and_freed(release: bool) -> None:
    with uncollected():
        x = Value(1.0)
        y = x
        for _ in range(100_000):
            y = y + x
        ghost = weakref.ref(y.args[0])
        y.backward(release=release)
        assert x.grad == 100_001.0
        del y
        assert ghost() is None


@pytest.mark.slow
def test_a_chain_of_a_million_is_swept_and_freed() -> None:
    with uncollected():
        x = Value(1.0)
        y = x
        for _ in range(1_000_000):
            y = y * 1.0
        ghost = weakref.ref(y.args[0])
        y.backward()
        assert x.grad == 1.0
        repr(y), pickle.dumps(y), copy.deepcopy(y)
        del y
        assert ghost() is None


def test_a_graph_has_no_cycles() -> None:
    with uncollected():
        x = Value(np.ones(3))
        y = np.tanh(x * 2 + x).sum()
        y.backward()
        y.backward()
        ghosts = [weakref.ref(y), weakref.ref(y.args[0])]
        del y
        assert [g() for g in ghosts] == [None, None]


def test_release_drops_the_history_and_keeps_the_numbers() -> None:
    x = Value(np.ones(3))
    hidden = np.tanh(x)
    ghost = weakref.ref(hidden)
    kept = x * 2
    out = (hidden * kept).sum()
    del hidden
    out.backward(release=True)
    assert ghost() is None
    assert out.args == kept.args == ()
    assert out.grad is None
    assert kept.grad is None
    assert kept.tolist() == [2.0, 2.0, 2.0]
    assert x.grad is not None


def test_release_lets_memory_fall_while_it_sweeps() -> None:
    def peak(release: bool) -> int:
        x = Value(np.ones(100_000))
        tracemalloc.start()
        y = x
        for _ in range(20):
            y = np.tanh(y)
        total = y.sum()
        del y
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        total.backward(release=release)
        extra = tracemalloc.get_traced_memory()[1] - before
        tracemalloc.stop()
        return extra

    assert peak(release=True) < 5 * 800_000
    assert peak(release=False) > 19 * 800_000


def test_a_released_graph_says_so() -> None:
    x = Value(2.0)
    y = x * x
    y.backward(release=True)
    for again in (y, y + 1):
        with pytest.raises(RuntimeError, match="release=True"):
            again.backward()
    assert x.grad == 4.0


def test_a_training_loop_does_not_grow() -> None:
    w = Value(np.ones((50, 50)))
    sizes = []
    with uncollected():
        for _ in range(30):
            np.tanh(w @ w).sum().backward(release=True)
            sizes.append(len(gc.get_objects()))
    assert sizes[-1] - sizes[5] < 20


# --------------------------------------------------------------------------------------------------- writes


@pytest.mark.parametrize("view", [
    lambda v: v[:], lambda v: v.reshape(2), lambda v: v.T, lambda v: v.squeeze(), lambda v: v.transpose(0),
    lambda v: v.swapaxes(0, 0), lambda v: np.expand_dims(v, 0), lambda v: np.squeeze(v[None]), lambda v: np.flip(v),
    lambda v: np.broadcast_to(v, (2, 2)), lambda v: v[::-1],
])  # fmt: skip
def test_a_write_into_a_view_does_not_reach_the_input(view: Any) -> None:
    x = Value([1.0, 2.0])
    y = view(x)
    y.sum().backward(release=True)
    with pytest.raises(ValueError, match="read-only"):
        y.data -= 1
    assert x.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("start", [2.0, [2.0, 3.0]], ids=["scalar", "array"])
@pytest.mark.parametrize("in_place", [True, False])
def test_a_write_between_use_and_sweep_is_named(start: Any, in_place: bool) -> None:
    x = Value(start, name="weight")
    y = (x * x).sum()
    if in_place:
        x.data -= 1.0
    else:
        x.data = np.asarray(start) - 1.0
    with pytest.raises(RuntimeError, match=r"'weight'.*input of multiply.*written"):
        y.backward()
    assert x.grad is None
    z = (x * x).sum()  # after the write all is well again
    z.backward()
    assert np.all(x.grad == 2 * x.data)


def test_a_write_after_the_sweep_is_what_training_does() -> None:
    x = Value(2.0)
    (x * x).backward()
    x.data -= 0.1 * x.grad
    x.grad = None
    (x * x).backward()
    assert x.grad == pytest.approx(3.2)


def test_a_computed_value_cannot_be_written() -> None:
    x = Value([1.0, 2.0])
    y = np.exp(x)
    z = y.sum()
    with pytest.raises(RuntimeError, match="result of exp"):
        y.data -= 1.0  # changed in place before anyone could refuse
    for root in (y.sum(), z):
        with pytest.raises(RuntimeError, match="written"):
            root.backward()
    assert x.grad is None


def test_a_written_value_keeps_its_shape_and_dtype() -> None:
    x = Value(np.ones(2, np.float32))
    x.data = [3, 4]
    assert x.dtype == np.float32
    x.data = np.array([1.5, 2.5])
    assert (x.dtype, x.tolist()) == (np.float32, [1.5, 2.5])
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        x.data = np.ones(3)
    for no in ("no", np.ma.masked_array([1.0, 2.0], [True, False]), Value([1.0, 2.0])):
        with pytest.raises(TypeError):
            x.data = no
    assert x.tolist() == [1.5, 2.5]


# --------------------------------------------------------------------------------------------------- copies

COPIES = [copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))]


@pytest.mark.parametrize("make", COPIES, ids=["copy", "deepcopy", "pickle"])
def test_a_copied_leaf_is_a_leaf_of_its_own(make: Any) -> None:
    x = Value(np.ones(2, np.float32), name="x")
    (x * 3).sum().backward()
    y = make(x)
    assert (y.name, y.dtype, y.tolist(), y.grad.tolist()) == ("x", np.float32, [1.0, 1.0], [3.0, 3.0])
    assert not np.shares_memory(x.data, y.data)
    assert not np.shares_memory(x.grad, y.grad)
    y.grad = None
    (y * x).sum().backward()  # sorted by age, a copy must be younger than nothing it is used by
    assert y.grad.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("make", COPIES, ids=["copy", "deepcopy", "pickle"])
def test_a_copied_result_does_not_pretend_to_have_a_history(make: Any) -> None:
    x = Value(2.0)
    y = make(x * x)
    assert y.data == 4.0
    with pytest.raises(RuntimeError, match="history is not copied"):
        (y * 2).backward()
    assert isinstance(make(x > 1), NonDiff)


@pytest.mark.parametrize("make", COPIES, ids=["copy", "deepcopy", "pickle"])
def test_a_copy_has_the_numbers_of_the_gradient(make: Any) -> None:
    x = Value([1.0, 2.0], name="x")
    (x * x).sum().backward(create_graph=True)
    assert isinstance(x.grad, Value)
    twin = make(x)
    assert type(twin.grad) is np.ndarray
    assert (twin.grad.tolist(), twin.name) == ([2.0, 4.0], "x")
    assert not np.shares_memory(twin.grad, x.grad.data)


@pytest.mark.parametrize("make", COPIES, ids=["copy", "deepcopy", "pickle"])
def test_a_row_is_one_object_however_often_it_is_copied(make: Any) -> None:
    for row in [row for row in TABLE.values() if row.home is None]:  # not those of other tests
        assert make(row) is row


def test_a_row_is_found_by_a_program_that_has_not_used_it() -> None:
    special = pytest.importorskip("scipy.special")
    rows = [TABLE[np.tanh], TABLE[np.sum], special.expit(Value(1.0)).op, special.jv(2, Value(1.0)).op]
    code = f"import pickle, microgradnet; print(*pickle.loads({pickle.dumps(rows)}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == " ".join(map(repr, rows))


class Own:
    """A user's row that stands in a class."""

    @primitive(lambda g, out, x: g * 2)
    def double(x: Any) -> Any:
        return x * 2


@pytest.mark.parametrize("make", COPIES, ids=["copy", "deepcopy", "pickle"])
def test_a_row_in_a_class_is_one_object_too(make: Any) -> None:
    assert make(Own.double) is Own.double


# --------------------------------------------------------------------------------------------------- operators

TWO_ARGUMENTS = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "%": operator.mod, "**": operator.pow, "divmod": divmod, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


def parts_of(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple) else [result]


@pytest.mark.parametrize("other", [2.0, 3, True, np.float64(2.0), np.array([2.0, 0.5, 3.0]), [2.0, 0.5, 3.0]],
                         ids=["float", "int", "bool", "scalar", "array", "list"])  # fmt: skip
@pytest.mark.parametrize("name", TWO_ARGUMENTS)
def test_an_operator_has_a_value_on_either_side(name: str, other: Any) -> None:
    """What NumPy's array gives there, and the slopes of the function of its name."""
    f, x, g = TWO_ARGUMENTS[name], np.array([2.5, 0.8, 3.2]), np.array([1.0, -2.0, 3.0])
    for call in (lambda v: f(v, other), lambda v: f(other, v)):
        v, h = Value(x), 1e-6
        wanted, ahead, behind = (parts_of(call(at)) for at in (x, x + h, x - h))
        for i, out in enumerate(parts_of(call(v))):
            np.testing.assert_array_equal(out.data, wanted[i])
            assert out.dtype == wanted[i].dtype
            if type(out) is Value:
                v.grad = None
                out.backward(g)
                np.testing.assert_allclose(v.grad, g * (ahead[i] - behind[i]) / (2 * h), rtol=1e-6, atol=1e-6)


# --------------------------------------------------------------------------------------------------- NumPy's protocols


def test_what_only_looks_at_a_value_runs_on_its_numbers() -> None:
    v = Value([[1.0, 2.0]])
    assert np.shape(v) == (1, 2)
    assert np.ndim(v) == 2
    assert np.size(v) == 2
    assert isinstance(np.zeros_like(v), np.ndarray)
    assert np.allclose(v, [[1.0, 2.0]])
    assert np.result_type(v, np.float32) == np.float64


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda v: np.array([v, v]), r"np\.stack"),
        (lambda v: np.asarray(v), r"\.data"),
        (lambda v: np.linalg.eig(v), r"np\.linalg\.eig of a Value: .*complex"),
        (lambda v: np.hypot.reduce(v), r"np\.hypot\.reduce"),
        (lambda v: np.add.at(v, 0, 1.0), r"np\.add\.at of a Value .*v\.at\[index\]\.add"),
        (lambda v: np.add.reduceat(v, [0]), r"np\.add\.reduceat"),
        (lambda v: np.add(v, v, out=np.zeros(2)), "write"),
        (lambda v: np.add(v, v, where=[True, False]), r"where=…"),
        (lambda v: np.add(v, v, dtype=np.float32), r"dtype=…"),
        (lambda v: np.sum(v, out=np.zeros(())), r"np\.sum\(out=…\)"),
        (lambda v: np.ravel(v, "K"), "order"),
        (lambda v: v.astype(int), "astype"),
        (lambda v: np.roll(v, v[0]), r"takes shift as a plain number.*; got the Value of shape \(\) \(float64\)"),
        (lambda v: math.sin(v[0]), r"np\.sin is recorded"),
        (lambda v: math.log(v[0] * 2), r"np\.log is recorded"),
    ],
)
def test_what_is_not_recorded_is_refused_not_detached(call: Any, says: str) -> None:
    with pytest.raises(TypeError, match=says):
        call(Value([1.0, 2.0]))


def test_a_plain_number_that_numpy_asks_for_is_not_taken_from_a_value() -> None:
    """NumPy does not dispatch on `initial=`: with all else plain its own code would take the number."""
    with pytest.raises((TypeError, ValueError)):
        np.nansum(np.ones(2), initial=Value(2.0))  # type: ignore[call-overload]
    with pytest.raises((TypeError, ValueError)):
        np.ones(2).fill(Value(2.0))  # type: ignore[arg-type]
    with pytest.raises((TypeError, ValueError)):
        np.fromiter(Value([2.0, 3.0]), float)  # type: ignore[call-overload]
    with pytest.raises((TypeError, ValueError)):
        np.ones(2)[0] = Value(2.0)  # type: ignore[call-overload]


def test_an_array_is_not_written_into_by_an_augmented_assignment() -> None:
    array = np.ones(2)
    with pytest.raises(TypeError, match="would write a recorded result"):
        array += Value([1.0, 2.0])
    assert array.tolist() == [1.0, 1.0]


def test_arguments_by_position_and_by_name_mean_the_same() -> None:
    v = Value(np.arange(6.0).reshape(2, 3))
    for a, b in [
        (np.sum(v, 1), np.sum(a=v, axis=1)),
        (np.reshape(v, (3, 2)), v.reshape(3, 2)),
        (np.transpose(v, (1, 0)), v.transpose(1, 0)),
        (np.max(v, 0), v.max(axis=0)),
        (np.concatenate([v, v], 1), np.concatenate([v, v], axis=1)),
        (np.stack((v, v), 1), np.stack([v, v], axis=1)),
        (np.squeeze(v[:1], 0), v[:1].squeeze(0)),
        (np.clip(v, 1, 2), v.clip(1, 2)),
        (np.mean(v, 0), v.mean(axis=0)),
        (np.expand_dims(v, 0), v[None]),
        (np.swapaxes(v, 0, 1), v.T),
        (np.broadcast_to(v, (1, 2, 3)), v.reshape((1, 2, 3))),
        (np.ravel(v), v.flatten()),
        (np.dot(v, v.T), v @ v.T),
        (np.dot(v, [1.0, 2.0, 3.0]), v @ np.array([1.0, 2.0, 3.0])),
        (np.dot(2.0, v), v * 2),
        (np.sum(v, None, None, None), v.sum()),
        (v[(0, 0, 1), :], v[np.array([0, 0, 1])]),
        (v[[]], v[:0]),
    ]:
        np.testing.assert_array_equal(a.data, b.data)


def test_the_direct_methods_are_the_rows_they_stand_for() -> None:
    for name, key in DIRECT.items():
        assert getattr(Value, name) is TABLE[key].record
        x = [Value([[0.3, 0.7], [0.2, 0.5]]) for _ in TABLE[key].rules]
        expected = TABLE[key].forward(*[v.data for v in x])
        np.testing.assert_array_equal(getattr(x[0], name)(*x[1:]).data, expected)
        written = getattr(ArrayLike, name)(*x)  # what stands in the class, to be read, and to be found by others
        assert (written.op, written.args) == (TABLE[key], tuple(x))
    for name, key in {"__iadd__": np.add, "__isub__": np.subtract}.items():
        x = [Value([0.3, 0.7]), Value([0.2, 0.5])]
        for method in (getattr(Value, name), getattr(ArrayLike, name)):
            assert (method(*x).op, method(*x).args) == (TABLE[key], tuple(x))


def test_methods_take_the_arguments_of_their_functions() -> None:
    x, mask = np.array([[0.5, -1.0, 3.0], [2.0, 4.0, -2.0]]), np.array([[True, True, False], [False, True, True]])
    for name, more in {
        "sum": {"initial": 1.5},
        "mean": {},
        "max": {"initial": 0.75},
        "min": {"initial": -1.5},
        "prod": {"initial": 2.0},
    }.items():
        for axis, keepdims in ((None, False), (1, True), (0, False)):
            call = {"axis": axis, "keepdims": keepdims}
            for options in (call, {**call, "where": mask, **more}):
                wanted = getattr(np, name)(x, **options)
                np.testing.assert_array_equal(getattr(Value(x), name)(**options).data, wanted, strict=True)


def test_methods_are_the_functions_of_their_names() -> None:
    x, v = np.array([[0.3, 0.7, 0.2], [0.9, 0.5, 0.1]]), Value([[0.3, 0.7, 0.2], [0.9, 0.5, 0.1]])
    for name in ("exp", "log", "log1p", "expm1", "sqrt", "square", "sin", "cos", "tan", "tanh", "abs", "copy", "ravel",
                 "transpose", "round", "argmax", "argmin", "any", "all"):  # fmt: skip
        np.testing.assert_array_equal(getattr(v, name)().data, getattr(np, name)(x), strict=True)
        assert getattr(v, name)() is not v
    for order in ("C", "F"):
        for shape in ((3, 2), [6], (-1,)):
            wanted = x.reshape(shape, order=order)
            np.testing.assert_array_equal(v.reshape(*shape, order=order).data, wanted)
            np.testing.assert_array_equal(v.reshape(tuple(shape), order=order).data, wanted)
        np.testing.assert_array_equal(v.ravel(order).data, x.ravel(order))
    for got, wanted in (
        (round(v), np.round(x)),
        (round(v, 1), np.round(x, 1)),
        (+v, x),
        (abs(-v), x),
        (~(v > 0.4), x <= 0.4),
    ):
        np.testing.assert_array_equal(got.data, wanted, strict=True)
        assert got is not v
    assert [part.data.tolist() for part in divmod(v, 0.25)] == [part.tolist() for part in divmod(x, 0.25)]
    assert [part.data.tolist() for part in divmod(1.5, v)] == [part.tolist() for part in divmod(1.5, x)]


def test_what_nothing_flows_back_to_becomes_a_plain_array() -> None:
    mask = Value([1.0, 2.0]) > 1.5
    for array, dtype in ((np.asarray(mask), bool), (np.asarray(mask, np.float32), np.float32)):
        assert type(array) is np.ndarray
        assert (array.tolist(), array.dtype) == ([False, True], dtype)
        array[0] = True  # it is a copy
    assert mask.data.tolist() == [False, True]


def test_value_is_not_subclassed() -> None:
    with pytest.raises(TypeError, match="subclassed"):
        type("Parameter", (Value,), {})


def test_a_rule_of_the_wrong_shape_is_caught_by_the_sweep() -> None:
    def wrong(x: Any) -> Any:
        return x * 1.0

    row = op("wrong for a test", lambda g, out, x: g[:1], forward=wrong, kind=Op)
    try:
        with pytest.raises(ValueError, match=r"wrong for a test returned shape \(1,\) for an input of shape \(3,\)"):
            row(Value([1.0, 2.0, 3.0])).sum().backward()
        with pytest.raises(
            ValueError, match=r"of shape \(3,\)\. It has a number for each of the input's: no sum over them"
        ):
            row(Value([1.0, 2.0, 3.0])).sum().backward()
        with pytest.raises(ValueError, match=r"of shape \(3, 2\)$"):
            row(Value(np.ones((3, 2)))).sum().backward()
    finally:
        del TABLE["wrong for a test"]


def test_the_peak_memory_of_a_step_is_its_activations_gradients_and_parameters() -> None:
    model = nn.MLP(128, [128] * 12, activation=functional.sigmoid, seed=0)
    optimiser = optim.SGD(model.parameters(), lr=0.01)
    x, y = np.ones((256, 128), np.float32), np.zeros((256, 128), np.float32)

    def cost() -> Value:
        optimiser.zero_grad()
        return functional.quadratic_cost(model(x), y)

    activations = sum(value.data.nbytes for value in history(cost()))
    parameters = sum(p.data.nbytes for p in model.parameters())
    tracemalloc.start()
    try:
        for _ in range(2):
            cost().backward(release=True)
            optimiser.step()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 0.3 * activations < peak  # it was measured
    assert peak < 1.3 * (activations + parameters)  # the parameters themselves were there before
