"""What happens seldom: wrong calls of NumPy's functions are told in words, arrays of nothing are what NumPy says."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
import microgradnet.functional as F
from microgradnet import Value, check_grads, optim, primitive
from microgradnet.core import FORMULAS
from microgradnet.core.modes import Later
from microgradnet.programs import finding, host, nodes, recording, structure
from microgradnet.train import TensorBoard


def v(*shape: int) -> Value:
    return Value(np.arange(1.0, 1 + np.prod(shape, dtype=int)).reshape(shape))


W = v(1)
WRONG: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: np.nan_to_num(v(2), copy=False), TypeError, r"np\.nan_to_num\(copy=False\) would write into a Value"),
    (lambda: np.apply_along_axis(np.sum, 0, v(3, 0)), ValueError, r"of shape \(3, 0\) has no rows along axis 0"),
    (lambda: np.ediff1d(v(3).astype(np.float32), to_end=np.array("a")), TypeError, "<U1 does not go beside float32"),
    (lambda: np.gradient(v(2, 2), np.ones((2, 2)), axis=0), ValueError, r"or the coordinates .* got shape \(2, 2\)"),
    (lambda: np.choose(np.array([-1]), [v(1)]), ValueError, r"np\.choose: an index is negative; wanted 0 to 0"),
    (lambda: np.select([np.array([True])], [v(1), v(1)]), ValueError, r"as many choices as conditions; got 2 and 1"),
    (lambda: np.piecewise(v(2), [v(2).data > 1], [1.0, 2.0, 3.0]), ValueError, "a function for each of 1 conditions"),
    (lambda: np.pad(v(2), 1, stat_length=3), ValueError, r"np\.pad\(mode='constant'\) takes no stat_length=; got"),
    (lambda: np.pad(v(2), ((1, 1), (1, 1), (1, 1))), ValueError, "is neither a number, a pair, nor 1 pairs"),
    (lambda: np.einsum("i->", v(2), order="F"), TypeError, r"np\.einsum\(order='F'\) of a Value is not recorded"),
    (lambda: np.einsum("i,j", v(2)), ValueError, "names 2 operands; got 1"),
    (lambda: np.tensordot(v(3), np.ones(2), 1), ValueError, r"lengths .*3.* and .*2.*: they must be equal"),
    (lambda: np.cross(v(4), np.ones(4)), ValueError, r"wants vectors of 3 \(or 2\) numbers; got 4 and 4"),
    (lambda: np.vecdot(v(3), np.ones(2)), ValueError, "vectors of 3 and of 2 numbers; they must be equal"),
    (lambda: np.vecdot(v(3), v(3), casting="no"), TypeError, r"np\.vecdot\(casting=…\) of a Value is not recorded"),
    (lambda: np.sum(v(2), where=np.ones((2, 2), bool)), ValueError, r"where= of shape \(2, 2\) does not broadcast"),
    (lambda: np.max(v(3), initial=0.0, where=np.ones(2, bool)), ValueError, r"np\.max: where= of shape \(2,\)"),
    (lambda: np.logical_and.reduce(v(2) > 1, dtype=bool), TypeError, "np.all is recorded, without them"),
    (lambda: np.clip(v(2), 0, 1, casting="no"), TypeError, r"np\.clip\(casting=…\) of a Value is not recorded"),
    (lambda: primitive(lambda g, out, x: g)(3), TypeError, "wants the rules first and then the function; got 3"),
    (lambda: mg.debug(abs), TypeError, r"debug is called first: @debug\(\) above the function"),
    (lambda: f"{v(2):.3f}", TypeError, r"format '\.3f' wants one number; this Value has shape \(2,\)"),
    (lambda: np.linalg.vector_norm(v(2), ord=v()), TypeError, r"vector_norm\(ord=…\) is a number, no Value"),
    (lambda: np.linalg.outer(v(2, 2), v(2)), ValueError, r"wants two vectors; got shapes \(2, 2\) and \(2,\)"),
    (lambda: np.linalg.outer(v(2), 3.0), ValueError, r"wants two vectors; got shapes \(2,\) and \(\)"),
    (lambda: np.linalg.cross(v(2), v(2)), ValueError, r"wants vectors of 3 numbers; got shapes \(2,\) and \(2,\)"),
    (lambda: np.linalg.cross(v(3), v(2)), ValueError, r"wants vectors of 3 numbers; got shapes \(3,\) and \(2,\)"),
    (lambda: np.interp(v(2), v(2, 2), v(2)), ValueError, r"xp of shape \(2, 2\) and fp of shape \(2,\)"),
    (lambda: np.interp(v(2), [0.0, 1.0], v(2, 1)), ValueError, r"xp of shape \(2,\) and fp of shape \(2, 1\)"),
    (lambda: np.poly(v(2, 2)), TypeError, r"np\.poly of a matrix has its eigenvalues as zeros"),
    (lambda: np.where(True, v(2)), ValueError, "a condition alone, or a condition and both of x and y"),
    (lambda: np.where(True, None, v(2)), ValueError, "a condition alone, or a condition and both of x and y"),
    (lambda: np.take_along_axis(v(2, 2), np.array([0]), 1), ValueError, "indices has 1 axes, the array 2"),
    (lambda: np.digitize(v(2), np.array([2.0, 1.0])), TypeError, "wants bins that rise; turn them around"),
    (lambda: np.select([np.array([1])], [v(1)]), TypeError, "wants conditions of booleans; got dtype int64"),
    (lambda: np.bincount(v(2)), TypeError, "counts integers; a Value can be its weights"),
    (lambda: np.bincount(v(2), v(2)), TypeError, "counts integers; a Value can be its weights"),
    (lambda: np.histogram(v(2), weights=v(2)), TypeError, r"np\.histogram of weights that are a Value"),
    (lambda: np.histogram(v(2), 2, None, None, v(2)), TypeError, r"np\.histogram of weights that are a Value"),
    (lambda: np.pad(v(2), 1, "empty"), TypeError, r"np\.pad with mode='empty' of a Value leaves numbers that"),
    (lambda: np.pad(v(2), 1, lambda *_: None), TypeError, r"np\.pad with a function as mode of a Value leaves"),
    (lambda: np.pad(v(2), 1, constant_values=v()), TypeError, r"np\.pad takes plain numbers to pad with"),
    (lambda: np.pad(v(2), 1, "linear_ramp", end_values=v()), TypeError, r"np\.pad takes plain numbers to pad with"),
    (lambda: np.einsum("ij->", v(2)), ValueError, r"'ij->' has 2 letters for an operand of shape \(2,\)"),
    (lambda: np.geomspace(v(), -1.0, 3), ValueError, "wants two ends of the same sign, neither 0"),
    (lambda: np.geomspace(v(), 0.0, 3), ValueError, "wants two ends of the same sign, neither 0"),
    (lambda: np.sum(v(2), 0, None, None, "yes"), TypeError, "keepdims is True or False; got 'yes'"),
    (lambda: np.var(v(2), where=np.array([1, 0])), TypeError, r"where= is made of booleans; got dtype int64"),
    (lambda: np.corrcoef(v(2), bias=True), TypeError, "bias"),
    (lambda: np.vander(v(2, 2)), ValueError, r"vander wants one axis; got shape \(2, 2\)"),
    (lambda: np.gradient(v(3), 1.0, 1.0), TypeError, "one spacing, or one for each of the 1 axes; got 2"),
    (lambda: np.convolve(v(2), v(2), "some"), ValueError, r"np\.convolve knows the modes .*; got 'some'"),
    (lambda: np.convolve(v(2, 2), v(2)), ValueError, r"np\.convolve wants two arrays with one axis .*shape \(2, 2\)"),
    (lambda: np.linalg.matrix_power(v(2, 2), 0.5), TypeError, "exponent must be an integer"),
    (lambda: np.max(v(2), where=np.array([True, False])), ValueError, "where= wants initial= beside it"),
    (lambda: mg.check_grads(lambda x: x.data > 0, v(2)), TypeError, "returned no floating-point number or Value"),
    (lambda: mg.check_grads(lambda x: x, 3), TypeError, r"nothing to differentiate by.*3\.0 for 3; got 3"),
    (lambda: mg.jvp(abs, (v(2),), "no"), TypeError, "each of the 1 arguments, in a tuple; got 'no'"),
    (lambda: optim.SGD([W, W], 0.1), ValueError, "a parameter is listed twice: it would be moved twice"),
    (lambda: mg.numerical_grad(3, 1.0), TypeError, "numerical_grad wants a function and its argument; got 3"),
    (lambda: optim.LBFGS([{"params": [v(1)]}, {"params": [v(1)]}]), ValueError, "in one group; got 2 groups"),
    (lambda: mg.grad(3), TypeError, "grad wants a function"),
    (lambda: mg.grad(abs, argnums="x"), TypeError, "argnums"),
    *([(lambda: np.unstack(v()), ValueError, "it has no axis")] if hasattr(np, "unstack") else []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "error", "says"), WRONG, ids=[f"{i} {says[:30]}" for i, (_, _, says) in enumerate(WRONG)]
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_wrong_call_is_told_in_words(call: Callable[[], Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        call()


NOTHING: list[Callable[[Any], Any]] = [
    lambda x: np.linalg.vector_norm(x, axis=0), lambda x: np.linalg.vector_norm(x, axis=(0, 1), keepdims=True),
    lambda x: np.linalg.vector_norm(x, axis=0, ord=1), lambda x: np.linalg.norm(x, 1, 0, True),
    lambda x: np.max(x, axis=0, initial=3.0), lambda x: np.min(x, axis=0, keepdims=True, initial=-3.0),
    lambda x: np.max(x, initial=3.0), lambda x: np.nanquantile(x, 0.5, axis=0),
    lambda x: np.nanmedian(x, axis=0, keepdims=True),
]  # fmt: skip


@pytest.mark.parametrize("call", NOTHING)
@pytest.mark.filterwarnings("ignore:Mean of empty slice:RuntimeWarning")
def test_of_nothing_they_are_what_numpy_says(call: Callable[[Any], Any]) -> None:
    x = np.ones((0, 3))
    got, wanted = call(Value(x)), call(x)
    assert got.shape == np.shape(wanted)
    np.testing.assert_array_equal(got.data, wanted)
    assert mg.grad(lambda x: call(x).sum())(x).shape == (0, 3)


@pytest.mark.parametrize("call", [
    lambda np, a: np.full_like(a, a[0], shape=(2, 2)), lambda np, a: np.full_like(a, a[0], dtype=np.float32),
    lambda np, a: np.full_like(a, a * 2), lambda np, a: np.logspace(0.0, a, 4, base=a + 1, axis=-1),
    lambda np, a: np.logspace(a, 2.0, 3, base=2 * a), lambda np, a: F.prelu(a[1] - 3.5, a[:1]),
])  # fmt: skip
def test_values_among_arguments_of_ranges(call: Callable[[Any, Any], Any]) -> None:
    a = np.array([1.5, 2.0, 3.0])
    got = call(np, Value(a))
    wanted = call(np, a)
    assert got.dtype == np.asarray(wanted).dtype
    assert got.shape == np.shape(wanted)
    np.testing.assert_allclose(got.data, wanted, rtol=1e-12)
    assert check_grads(lambda x: call(np, x), a)


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "mean", "any", "all"])
def test_an_option_that_is_given_as_numpys_no_value_is_not_given(name: str) -> None:
    function, x, missing = getattr(np, name), np.array([[0.5, -2.0], [3.0, 0.25]]), np._NoValue
    how = {"keepdims": missing, "where": missing} | ({} if name in ("mean", "any", "all") else {"initial": missing})
    np.testing.assert_array_equal(function(Value(x), axis=0, **how).data, function(x, axis=0), strict=True)


def test_rows_of_one_hot_are_counted_in_integers_large_enough() -> None:
    for kind, most in ((np.int8, 127), (np.uint8, 255), (np.int64, 5)):
        hot = F.one_hot(np.array([most, 0], kind))
        assert hot.shape == (2, most + 1)
        assert hot.argmax(-1).tolist() == [most, 0]
        with pytest.raises(
            ValueError, match=rf"from 0 to {most}, but the classes are 0 to 2\. Give num_classes={most + 1}"
        ):
            F.one_hot(np.array([most, 0], kind), 3)
    with pytest.raises(ValueError, match=r"from -1 to 0, but the classes are 0 and up\. They are counted from 0"):
        F.one_hot(np.array([-1, 0]))
    assert F.one_hot(np.zeros((2, 0), int), 3).shape == (2, 0, 3)
    assert F.one_hot(np.array([2, 1]), 3).tolist() == [[0, 0, 1], [0, 1, 0]]
    assert F.embedding(np.zeros((2, 0), int), np.ones((3, 4))).shape == (2, 0, 4)


def test_vectors_in_a_plane_have_a_product_across_it() -> None:
    """The one number that is not 0, of two of them; beside one in space they have a third number, which is 0."""
    x, y = Value(np.array([[1.0, 2.0], [0.5, -3.0]])), Value(np.array([5.0, 7.0]))
    out = np.cross(x, y)
    assert out.data.tolist() == [1 * 7 - 2 * 5, 0.5 * 7 + 3 * 5]
    (out * [2.0, 3.0]).sum().backward()
    assert x.grad.tolist() == [[14.0, -10.0], [21.0, -15.0]]
    assert y.grad.tolist() == [2 * -2 + 3 * 3, 2 * 1 + 3 * 0.5]
    space, x.grad = np.array([3.0, 4.0, 6.0]), None
    for out, sign in ((np.cross(x[0], space), 1), (np.cross(space, x[0]), -1)):
        assert (sign * out.data).tolist() == [2 * 6.0, -1 * 6.0, 1 * 4 - 2 * 3.0]
    (np.cross(x[0], space) * [1.0, 10.0, 100.0]).sum().backward()
    assert x.grad[0].tolist() == [-10 * 6 + 100 * 4, 1 * 6 - 100 * 3]


def test_what_is_dropped_is_below_the_share() -> None:
    class Drawn(np.random.Generator):
        def random(self, *args: Any, **kwargs: Any) -> Any:
            return np.array([0.0, 0.25, 0.5, 0.75], np.float32)

    seed = Drawn(np.random.PCG64(0))
    assert F.dropout(np.ones(4), 0.5, seed=seed).tolist() == [0.0, 0.0, 2.0, 2.0]
    assert F.dropout(np.ones(4), 1.0, seed=seed).tolist() == [0.0, 0.0, 0.0, 0.0]
    assert F.dropout(np.ones(4, np.float16), 0.75, seed=seed).dtype == np.float16


def test_what_is_still_to_come_becomes_an_array_of_the_dtype_that_is_asked() -> None:
    array = np.asarray(Later(lambda: np.array([1, 2])), np.float32)
    assert array.dtype == np.float32
    assert array.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(("count", "last"), [(29, "x28"), (30, "… and 1 more"), (33, "… and 4 more")])
def test_a_report_lists_so_many_inputs_and_says_how_many_more_there_are(count: int, last: str) -> None:
    names = [f"x{i}" for i in range(count)]
    f = eval(f"lambda {', '.join(names)}: {' + '.join(names)}")
    table = str(check_grads(f, *map(float, range(1, count + 1)))).split("\n\n")[1].splitlines()
    assert len(table) == min(count + 1, 31)
    assert [row.split()[0] for row in table[1:30]] == names[:29]
    assert table[-1].strip().startswith(last)


def test_two_arguments_of_one_name_are_told_apart() -> None:
    wrong = primitive(lambda g, out, x: g * 3)(lambda x: 2 * x)
    layers = [mg.nn.Linear(1, 1, seed=seed, dtype=np.float64) for seed in (0, 1)]
    report = check_grads(lambda a, b: wrong(a.weight) + b.bias, *layers)
    text = str(report)
    assert not report
    assert "weight" in text
    assert {entry.name for entry in report.mismatches} <= {"weight", "weight′"}


def test_a_plateau_that_is_loaded_goes_on_where_it_stood() -> None:
    def waiting() -> tuple[optim.SGD, optim.ReduceLROnPlateau]:
        o = optim.SGD([{"params": [v(2)], "lr": 0.5}, {"params": [v(3)], "lr": 0.25}], 0.1)
        return o, optim.ReduceLROnPlateau(o, factor=0.5, patience=1, cooldown=2, min_lr=[0.1, 0.05])

    costs = [3.0, 2.0, 2.5, 2.25, 2.125, 2.5, 2.5, 2.5, 2.5, 2.5, 2.5]
    (_, whole), (_, first), (o, second) = waiting(), waiting(), waiting()
    rates = []
    for cost in costs:
        whole.step(cost)
        rates.append(whole.get_last_lr())
    for i, cost in enumerate(costs):
        first.step(cost)
        second.load_state_dict(first.state_dict())
        assert [group["lr"] for group in o.param_groups] == rates[i]
        state = first.state_dict()
        assert second.state_dict() == state
        assert all(type(lr) is float for lr in second.state_dict()["lrs"])
    for wrong, says in [
        ({**state, "lrs": [1.0]}, r"its lrs are \[1\.0\], which is not one number for each group"),
        ({**state, "lrs": "ab"}, "its lrs are 'ab', which is not one number for each group"),
        ({**state, "best": "x"}, "what it has seen is no numbers"),
    ]:
        with pytest.raises(ValueError, match=says):
            second.load_state_dict(wrong)


def test_tensorboard_is_given_each_curve_and_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the package's own name for what writes, whose place a list takes."""
    told: list[Any] = []

    class Writer:
        def __init__(self, folder: str) -> None:
            told.append(folder)

        def add_scalar(self, *point: Any) -> None:
            told.append(point)

        def flush(self) -> None:
            told.append("flush")

        def close(self) -> None:
            told.append("close")

    module: Any = types.ModuleType("tensorboard.summary")
    module.Writer = Writer
    monkeypatch.setitem(sys.modules, "tensorboard", types.ModuleType("tensorboard"))
    monkeypatch.setitem(sys.modules, "tensorboard.summary", module)
    board = TensorBoard("runs/first")
    board.on_end(types.SimpleNamespace())  # type: ignore[arg-type]  # of what never began
    board.on_start(types.SimpleNamespace())  # type: ignore[arg-type]
    history = {"epoch": [1, 2, 3], "seconds": [0.1] * 3, "loss": [5.0, 4.0, 3.0], "accuracy": [0.5, 0.25, 0.75]}
    board.on_epoch(types.SimpleNamespace(history=history, epoch=3))  # type: ignore[arg-type]
    board.on_end(types.SimpleNamespace())  # type: ignore[arg-type]
    assert told == ["runs/first", ("loss", 3.0, 3), ("accuracy", 0.75, 3), "flush", "close"]


def test_what_a_compiled_step_takes_for_the_same() -> None:
    """One object, numbers of the same bits, equal strings and tuples, one method of one object."""

    class Counter:
        def up(self) -> None: ...
        def down(self) -> None: ...

    one, other = Counter(), Counter()
    nan = float("nan")
    for x, y, same in [
        (one, one, True), (one, other, False), (one.up, one.up, True), (one.up, other.up, False),
        (one.up, one.down, False), (nan, float("nan"), True), (0.0, -0.0, False), (1, 1.0, False), (1, True, False),
        (np.float32(1), np.float32(1), True), (np.float32(1), np.float64(1), False), ((1, (2.0,)), (1, (2.0,)), True),
        ((1, 2), (1, 2, 3), False), ((1, 2), (1, 3), False), ("a", "".join(["a"]), True), ([1], [1], False),
        (range(3), range(3), True), (b"a", b"b", False),
    ]:  # fmt: skip
        assert finding.alike(x, y) is same, (x, y)
    for x, y, same in [
        ([1, "a"], [1, "a"], True), ([1], [1, 2], False), ([one], [one], True), ([one], [other], False),
        ({"a": 1.5}, {"a": 1.5}, True), ({"a": 1}, {"b": 1}, False), ({"a": 1}, {"a": 2}, False), ([1], [2], False),
        ([[1]], [[1]], False),
    ]:  # fmt: skip
        assert structure.same(x, y) is same, (x, y)


def test_what_two_calls_recorded_is_told_apart() -> None:
    place = nodes.DataOf(Value([1.0], "w"))
    load = nodes.Node("load", place=place, line=("step.py", 3, "step", None))
    said = "load of the Value 'w' of shape (1,) (float64) at step.py:3, in step"
    assert recording.said(load) == said
    assert recording.two(said, "nothing") == f"{said}, and then nothing"
    assert recording.two(said, said) == f"{said}, and then another one"


def test_variables_around_a_function_may_hold_nothing_yet() -> None:
    cells = types.CellType(3), types.CellType()
    assert finding.contents_of(cells) == (3, finding.MISSING)


def test_what_the_host_returned_is_said_in_words() -> None:
    kinds = host.kind_of(np.ones((2, 3))), (host.kind_of(1.5), host.kind_of(np.float32(1))), host.kind_of(None)
    assert [host.said(kind) for kind in kinds] == ["shape (2, 3) (float64)", "float, shape () (float32)", "NoneType"]


@pytest.mark.parametrize("name", ["unique", "unique_values"])
def test_of_equal_numbers_the_first_is_taken(name: str) -> None:
    x = np.array([2.0, 1.0, 2.0, 0.5, 1.0])
    function = getattr(np, name)
    out = function(Value(x))
    assert out.data.tolist() == [0.5, 1.0, 2.0]
    weights = np.array([3.0, 5.0, 7.0])
    assert mg.grad(lambda x: (function(x) * weights).sum())(x).tolist() == [7.0, 5.0, 0.0, 3.0, 0.0]


SCALE = {"by": 2.0}


def scaled(x: Any) -> Any:
    return (x * x * SCALE["by"]).sum()


def test_what_a_transformed_function_reads_is_looked_at_by_a_compiled_one(monkeypatch: pytest.MonkeyPatch) -> None:
    x, compiled = np.array([1.0, 3.0]), mg.compile(mg.grad(scaled), backend="numpy")
    for by in (2.0, 5.0):
        monkeypatch.setitem(SCALE, "by", by)
        for _ in range(4):
            assert compiled(x).tolist() == (2 * by * x).tolist()


def test_sorted_downwards_equals_keep_their_order_and_nan_is_last() -> None:
    """NumPy 2.5 takes `descending=`; the formula takes it everywhere."""
    sort, argsort = FORMULAS[np.sort], FORMULAS[np.argsort]
    x = Value([2.0, np.nan, 1.0, 3.0, 2.0])
    out = sort(x, descending=True)
    np.testing.assert_array_equal(out.data, [3.0, 2.0, 2.0, 1.0, np.nan])
    (out * np.array([1.0, 10.0, 100.0, 1000.0, 1e4])).sum().backward()
    np.testing.assert_array_equal(x.grad, [10.0, 1e4, 1000.0, 1.0, 100.0])
    assert argsort(x, descending=True).tolist() == [3, 0, 4, 2, 1]
    assert sort(Value([[1.0, 2.0], [3.0, 0.0]]), None, descending=True).tolist() == [3.0, 2.0, 1.0, 0.0]
    assert argsort(x > 1.5, descending=True).tolist() == [0, 3, 4, 1, 2]
