"""What is done to a program before it runs: each pass by itself, and all of them on programs drawn at random."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microgradnet import Value
from microgradnet.core import TABLE
from microgradnet.programs import passes
from microgradnet.programs.lowering import summed
from microgradnet.programs.memory import Plan
from microgradnet.programs.nodes import (
    DataOf,
    GradOf,
    Item,
    Memory,
    Node,
    Uncompilable,
    arrays_in,
    changed,
    constants,
    is_one,
)
from microgradnet.programs.numpy_code import OtherProgram, Writer
from microgradnet.programs.numpy_program import NumPyProgram
from microgradnet.programs.program import Program
from microgradnet.programs.recording import Recording
from tests.compiled import noted

LINE = ("step.py", 1, "step")
X = np.arange(6.0).reshape(2, 3)
ONES = np.ones(2)


def entry(name: str = "x0", like: Any = X) -> Node:
    return Node("input", like=like, params={"name": name}, line=LINE)


def call(function: Callable[..., Any], *args: Any, like: Any = X, **params: Any) -> Node:
    return Node("call", function, args, params, like=like, line=LINE)


def load(place: Any) -> Node:
    return Node("load", like=place.read(), place=place, line=LINE)


def store(place: Any, x: Any) -> Node:
    return Node("store", None, (x,), {"fresh": False}, place=place, line=LINE)


def guard(function: Callable[..., Any], *args: Any, held: Any) -> Node:
    return Node("guard", function, args, held=held, line=LINE)


def program(nodes: list[Node], result: Any) -> NumPyProgram:
    """What these nodes are as a program, noted as those of other tests are."""
    return noted(program_of(nodes, result))


def program_of(nodes: list[Node], result: Any) -> NumPyProgram:
    plain = changed(result, lambda x: None)
    return NumPyProgram(Program(Recording(nodes, [n for n in nodes if n.kind == "input"], result, plain)))


# ------------------------------------------------------------------------------------------------------------- nodes

NODE = entry()
SAME: list[tuple[Any, Any, bool]] = [
    (NODE, NODE, True), (NODE, entry(), False), (1, 1, True), (1, 2, False), (1, 1.0, False), (0.0, -0.0, False),
    (-0.0, float("-0.0"), True), (0.5, float("0.5"), True), (0, int("0"), True), (np.float64(2), np.float64(2), True),
    (np.float64(2), 2.0, False), ("a", "".join("a"), True), ("a", "b", False), ((1, (2,)), (1, (2,)), True),
    ((1, 2), (1, 2, 3), False), ((1, 2), [1, 2], False), ([1, NODE], [1, NODE], True), ([1, NODE], [1, entry()], False),
    ({"a": 1}, {"a": 1}, True), ({"a": 1}, {"b": 1}, False), ({"a": 1}, {"a": 2}, False), ({"a": 1}, {}, False),
    (slice(1, 2), slice(1, 2), True), (slice(1, 2), slice(1, 3), False), (X, X, True), (X, X.copy(), False),
    (None, None, True), (np.float32(1), np.float32(1), False), (float("nan"), float("nan"), False),
]  # fmt: skip


@pytest.mark.parametrize(("x", "y", "same"), SAME)
def test_arguments_of_two_calls_are_one_or_it_is_in_doubt(x: Any, y: Any, same: bool) -> None:
    assert is_one(x, y) is same
    assert is_one(y, x) is same
    assert call(np.add, x, 1.0).is_call(np.add, (y, 1.0)) is same
    assert Node("call", np.add, (x,), {"axis": x}).is_as(Node("call", np.add, (y,), {"axis": y})) is same


def test_a_node_is_that_of_the_call_before_in_all_that_it_has() -> None:
    def made(kind: str = "call", function: Any = np.exp, **more: Any) -> Node:
        return Node(kind, function, (NODE,), **{"like": X, "op": TABLE[np.exp], "line": LINE} | more)

    value = Value(X)
    argument = GradOf(value, None, NODE)
    load_of = [DataOf(value), GradOf(value), DataOf(Value(X)), argument]
    assert made().is_as(made(line=("other.py", 2, "other")))
    assert made("input").is_as(made("input"))
    assert made("load", place=load_of[0]).is_as(made("load", place=DataOf(value)))
    for other in (
        made("host"), made(function=np.sin), made(op=None), made(like=X[0]), made(like=X.astype(np.float32)),
        made(like=X.T.copy().T), made(like=np.ones((4, 3))[::2]), made(params={"axis": 0}), made(place=load_of[0]),
    ):  # fmt: skip
        assert not made().is_as(other)
        assert not other.is_as(made())
    for kind in ("host", "barrier", "store", "guard", "check"):
        assert not made(kind).is_as(made(kind))
    assert not made("load", place=argument).is_as(made("load", place=argument))
    assert [x == y for x in load_of for y in load_of] == [i == j for i in range(4) for j in range(4)]
    assert Item(state := {"a": 1.0}, "a") == Item(state, "a") != Item(state, "b")
    assert hash(DataOf(value)) == hash(load_of[0]) != hash(load_of[2])
    assert argument.whose() == "x0"
    assert not call(np.exp, NODE, axis=0).is_call(np.exp, (NODE,))
    assert not made("host").is_call(np.exp, (NODE,))
    assert not call(np.exp, NODE).is_call(np.exp, (NODE, NODE))
    assert not call(np.exp, NODE).is_call(np.sin, (NODE,))


@pytest.mark.parametrize(("array", "layout", "packed"), [
    (np.float64(1), (), True), (3, (), True), (np.ones(3), (0,), True), (np.ones(6)[::2], (0,), False),
    (np.ones((2, 3)), (0, 1), True), (np.ones((2, 3)).T, (1, 0), True), (np.ones((2, 3))[:, ::-1], (0, 1), False),
    (np.ones((2, 3, 4)).transpose(1, 2, 0), (2, 0, 1), False), (np.ones((2, 3, 4)).transpose(2, 1, 0), (2, 1, 0), True),
    (np.ones((2, 3))[::-1].T, (1, 0), False), (np.ones((4, 3))[::2], (0, 1), False),
])  # fmt: skip
def test_how_an_array_lies_is_noted(array: Any, layout: tuple[int, ...], packed: bool) -> None:
    node = Node("input", like=array)
    assert (node.layout, node.packed) == (layout, packed)


def test_nodes_and_arrays_are_found_in_all_containers() -> None:
    a, b, c, d = (entry(f"x{i}") for i in range(4))
    node = Node("call", len, (a, [b, (1.0, X)], slice(c)), {"how": {"x": d, "y": X[0]}, "axis": None})
    assert node.inputs() == [a, b, c, d]
    found = [*arrays_in(list(constants([node, call(np.exp, a), call(np.add, a, 2.0)])))]
    assert [x.tolist() for x in found] == [X[0].tolist(), X.tolist()]
    doubled = changed([1, (2, [3]), {"a": 4}, slice(5, None)], lambda x: x and 2 * x)
    assert doubled == [2, (4, [6]), {"a": 8}, slice(10, None)]


# --------------------------------------------------------------------------------- are two calls the same program?


def between(one: Callable[[Node], Any], other: Callable[[Node], Any]) -> str | None:
    """What differs between what two calls recorded: what each makes of an input, in a list; the last is the result."""
    recordings = []
    for make in (one, other):
        x = entry()
        nodes = [x, *make(x)]
        recordings.append(Recording(nodes, [x], (nodes[-1],), (None,)))
    return recordings[0].difference(recordings[1])


def swept(function: Any, x: Node) -> Node:
    """A call that a sweep makes, which has the line of what it goes back through too."""
    node = call(function, x)
    node.line = (*LINE, LINE)
    return node


def both(x: Node) -> list[Node]:
    return [a := call(np.exp, x), call(np.add, a, x)]


AT = "at step.py:1, in step"
DIFFERENT: list[tuple[Callable[[Node], Any], Callable[[Node], Any], str]] = [
    (lambda x: [call(np.exp, x)], lambda x: [call(np.sin, x)], f"exp {AT}, and then sin {AT}"),
    (lambda x: [call(np.exp, x)], lambda x: [call(np.exp, x, like=X[0])],
     f"exp {AT} of shape (2, 3), and then of shape (3,)"),
    (lambda x: [call(np.exp, x)], lambda x: [guard(np.exp, x, held=1)], f"exp {AT}, and then guard {AT}"),
    (lambda x: [call(np.add, x, 1.0)], lambda x: [call(np.add, x, 2.0)], f"1.0, and then 2.0, in add {AT}"),
    (lambda x: [call(np.add, 1.0, x)], lambda x: [call(np.add, 1, x)], f"1.0, and then 1, in add {AT}"),
    (lambda x: [call(np.add, x, np.nan)], lambda x: [call(np.add, x, 1.0)], f"nan, and then 1.0, in add {AT}"),
    (lambda x: [call(np.add, x, 1.0)], lambda x: [call(np.add, x, np.nan)], f"1.0, and then nan, in add {AT}"),
    (lambda x: [swept(np.exp, x)], lambda x: [swept(np.sin, x)], f"exp {AT}, and then sin {AT}"),
    (lambda x: [call(np.add, x, ONES)], lambda x: [call(np.add, x, ONES.astype(np.float32))], "array([1., 1."),
    (lambda x: [call(np.add, x, np.float64(2))], lambda x: [call(np.add, x, np.float64(3))], "np.float64(2.0), and t"),
    (lambda x: [call(np.add, x, float)], lambda x: [call(np.add, x, int)], "<class 'float'>, and then <class 'int'>"),
    (lambda x: [call(len, "a")], lambda x: [call(len, "b")], f"'a', and then 'b', in len {AT}"),
    (lambda x: [call(len, x, x)], lambda x: [call(len, x, x, 1)], f"one thing, and then another, in len {AT}"),
    (lambda x: [call(len, x, a=x)], lambda x: [call(len, x, a=1)], f"a result, and then 1, in len {AT}"),
    (lambda x: [call(np.add, x, X)], lambda x: [call(np.add, x, X + 1)], f"{X!r}, and then a"),
    (lambda x: [call(np.add, x, X)], lambda x: [call(np.add, x, X[0])], f"{X!r}, and then a"),
    (lambda x: [call(np.sum, x, axis=0)], lambda x: [call(np.sum, x, axis=1)], f"0, and then 1, in sum {AT}"),
    (lambda x: [call(np.sum, x, axis=(0,))], lambda x: [call(np.sum, x, axis=(0, 1))], "(0,), and then (0, 1), in sum"),
    (lambda x: [call(np.sum, x, axis=(0,))], lambda x: [call(np.sum, x, axis=[0])], f"(0,), and then [0], in sum {AT}"),
    (lambda x: [call(len, x, a={"b": 1})], lambda x: [call(len, x, a={"c": 1})], "{'b': 1}, and then {'c': 1}, in len"),
    (lambda x: [call(len, slice(1))], lambda x: [call(len, slice(2))], "slice(None, 1, None), and then slice(None, 2,"),
    (lambda x: [call(np.add, x, x)], lambda x: [call(np.add, x, 1.0)], f"a result, and then 1.0, in add {AT}"),
    (both, lambda x: [a := call(np.exp, x), call(np.add, x, a)], f"a result, and then another one, in add {AT}"),
    (both, lambda x: both(x)[:1], f"nothing, and then add {AT}"),
    (lambda x: both(x)[:1], both, f"nothing, and then add {AT}"),
    (lambda x: [guard(bool, x, held=True)], lambda x: [guard(bool, x, held=False)], f"guard {AT} of True, and th"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other", "says"), DIFFERENT, ids=[says for _, _, says in DIFFERENT])
def test_what_another_call_recorded_otherwise_is_named(one: Any, other: Any, says: str) -> None:
    found = between(one, other)
    assert found is not None
    assert found.startswith(says)


def test_another_result_of_the_same_calls_is_another_program() -> None:
    x = entry()
    nodes = [x, *both(x)]
    first, second = (Recording(nodes, [x], (nodes[i],), (None,)) for i in (1, 2))
    assert first.difference(second) == "another result"


@pytest.mark.parametrize("make", [
    both, lambda x: [call(np.add, x, np.nan)], lambda x: [call(np.add, x, X.copy())],
    lambda x: [call(len, slice(1, 2))],
    lambda x: [call(np.sum, x, axis=[0, (1,)], how={"a": 1.0})], lambda x: [guard(bool, x, held=True)],
    lambda x: [call(np.add, x, np.array([np.nan, 1.0]))], lambda x: [call(len, lambda: 3)],
    lambda x: [call(len, float, np.exp, "a", None, True, np.array(["a"]), np.array([1, 2]), np.float32(0.5))],
    lambda x: [call(len, (lambda: x) if x is None else (lambda: 3))],
    lambda x: [guard(np.shape, x, held=tuple(map(int, "23")))], lambda x: [swept(np.exp, x)],
])  # fmt: skip
def test_what_two_calls_recorded_alike_is_one_program(make: Callable[[Node], Any]) -> None:
    assert between(make, make) is None


# ------------------------------------------------------------------------------------------------------ pass by pass


def test_what_nobody_needs_is_left_out() -> None:
    x = entry()
    used, unused = call(np.exp, x), call(np.sin, x)
    further = call(np.cos, unused)
    checked = Node("host", len, (x,), line=LINE)
    kept, result = passes.without_dead([x, used, unused, further, checked], [used])
    assert kept == [x, used, checked]
    assert result == [used]


def test_what_is_computed_twice_is_computed_once() -> None:
    x, y = entry(), entry("x1")
    nodes = [x, y, a := call(np.add, x, y), b := call(np.add, x, y), c := call(np.add, y, x), d := call(np.exp, b)]
    kept, result = passes.without_repeats(nodes, (b, d))
    assert kept == [x, y, a, c, d]
    assert result == (a, d)
    assert d.args == (a,)


@pytest.mark.parametrize(("one", "other"), [
    (0.0, -0.0), (1, 1.0), (True, 1), (np.float32(1), np.float64(1)), ("a", "b"), (slice(0, 1), slice(0, 2)),
    (np.ones(2), np.ones(2)),
])  # fmt: skip
def test_what_differs_in_a_constant_is_not_the_same(one: Any, other: Any) -> None:
    x = entry()
    nodes = [x, a := call(np.add, x, one), b := call(np.add, x, other), c := call(np.add, x, one)]
    assert passes.without_repeats(nodes, None)[0] == [x, a, b]
    assert c not in nodes[:3]


def test_loads_are_not_taken_together_across_a_barrier() -> None:
    place = DataOf(Value([1.0, 2.0]))
    barrier = Node("barrier", print, line=LINE)
    nodes = [a := load(place), load(place), barrier, c := load(place), load(place)]
    assert passes.without_repeats(nodes, None)[0] == [a, barrier, c]


def test_draws_are_not_taken_together() -> None:
    nodes = [Node("host", np.random.default_rng(0).normal, line=LINE) for _ in range(2)]
    assert passes.without_repeats(nodes, None)[0] == nodes


def test_numbers_are_computed_beforehand_and_arrays_are_not() -> None:
    array = np.ones(3)
    nodes = [
        a := call(operator.add, 2, 3, like=None), b := call(operator.mul, a, 2.0, like=None),
        c := call(np.add, array, b), d := call(np.sum, array),
    ]  # fmt: skip
    kept, result = passes.folded(nodes, [b, c, d])
    assert kept == [c, d]
    assert c.args == (array, 10.0)
    assert result == [10.0, c, d]


def test_guards_come_first_with_what_they_look_at() -> None:
    x, place = entry(), DataOf(Value([1.0, 2.0]))
    a, b = call(np.exp, x), call(np.max, x)
    first = guard(bool, b, held=True)
    held = Node("host", print, line=LINE)
    kept, _ = passes.with_guards_first([x, a, held, b, first, s := store(place, a)], None)
    assert kept == [x, b, first, a, held, s]


def test_a_guard_of_what_is_drawn_becomes_a_check() -> None:
    drawn = Node("host", np.ones, (3,), line=LINE)
    late = guard(np.any, drawn, held=True)
    kept, _ = passes.with_guards_first([drawn, late], None)
    assert [node.kind for node in kept] == ["host", "check"]


def test_a_guard_after_a_barrier_is_looked_at_before_it_too() -> None:
    place = DataOf(Value([1.0, 2.0]))
    barrier, later = Node("barrier", int, line=LINE), load(place)
    kept, _ = passes.with_guards_first([barrier, later, guard(np.any, later, held=True)], None)
    assert [node.kind for node in kept] == ["load", "guard", "barrier", "load", "check"]
    first, looked = kept[:2]
    assert (first.shape, first.dtype, first.place, first.line) == ((2,), np.float64, place, LINE)
    assert (looked.function, looked.args, looked.held, looked.line) == (np.any, (first,), True, LINE)


def test_a_guard_of_what_was_stored_before_the_barrier_is_only_checked() -> None:
    place = DataOf(Value([1.0, 2.0]))
    later = load(place)
    nodes = [store(place, np.ones(2)), Node("barrier", int, line=LINE), later, guard(np.any, later, held=True)]
    kept, _ = passes.with_guards_first(nodes, None)
    assert [node.kind for node in kept] == ["store", "barrier", "load", "check"]


def test_a_check_that_does_not_hold_is_an_error_and_a_guard_another_program() -> None:
    x = entry()
    looked = call(np.max, x, like=np.float64(1))
    early = program([x, looked, guard(bool, looked, held=True)], x)
    drawn = Node("host", np.negative, (x,), like=X, line=LINE)
    late = program([x, drawn, guard(np.any, drawn, held=True)], drawn)
    assert np.array_equal(early([X]), X)
    assert np.array_equal(late([X]), -X)
    with pytest.raises(OtherProgram):
        early([np.zeros((2, 3))])
    with pytest.raises(Uncompilable, match=r"decides its course, at step\.py:1, in step"):
        late([np.zeros((2, 3))])


def test_views_are_copied_where_they_get_out() -> None:
    x, w = entry(), Memory(np.zeros((3, 2)))
    view = call(np.transpose, x)
    kept, result = passes.with_own_memory([x, view, fresh := call(np.exp, x), store(w, view)], [x, view, fresh])
    assert [node.function for node in result] == [passes.copied, passes.copied, np.exp]
    assert [(node.shape, node.dtype, node.layout, node.line) for node in result[:2]] == [
        ((2, 3), np.float64, (0, 1), LINE)] * 2  # fmt: skip
    assert kept[-1].args[0] is result[1]


def test_views_are_copied_before_a_barrier_that_could_write_them() -> None:
    place = DataOf(Value([1.0, 2.0]))
    before = load(place)
    use = call(np.negative, before)
    kept, _ = passes.with_own_memory([before, Node("barrier", int, line=LINE), use], use)
    assert [node.kind for node in kept] == ["load", "call", "barrier", "call"]
    assert use.args == (kept[1],)


def test_storing_what_was_there_is_left_out() -> None:
    place, other = DataOf(Value([1.0, 2.0])), DataOf(Value([1.0, 2.0]))
    here = load(place)
    barrier = Node("barrier", int, line=LINE)
    nodes = [here, store(place, here), swapped := store(other, here), barrier, again := store(place, here)]
    assert passes.without_unchanged(nodes, None)[0] == [here, swapped, barrier, again]


def test_a_number_is_taken_out_of_an_array_without_axes_where_it_gets_out() -> None:
    x = entry("x0", np.float64(3))
    (kept, number), result = passes.with_own_memory([x], (x,))
    assert kept is x
    assert result == (number,)
    assert (number.function, number.args, number.shape, number.line) == (passes.scalar, (x,), (), LINE)


def test_what_stands_for_a_sum_is_one() -> None:
    assert summed(X) == 15.0
    assert summed(X, 0).tolist() == [3.0, 5.0, 7.0]
    assert summed(X, axis=1, keepdims=True).tolist() == [[3.0], [12.0]]


def test_an_update_goes_straight_to_where_it_is_stored() -> None:
    w = Value([1.0, 2.0])
    array, place = w.data, DataOf(w)
    x, here = entry(like=array), load(place)
    compiled = program([x, here, moved := call(np.subtract, here, x, like=array), store(place, moved)], None)
    compiled([np.array([0.5, 0.5])])
    assert w.data is array
    assert array.tolist() == [0.5, 1.5]
    assert len(Plan(compiled.program).ends) == 1


@pytest.mark.parametrize(("kind", "function", "ends"), [
    ("call", np.negative, 1), ("call", np.sort, 0), ("host", np.negative, 0),
])  # fmt: skip
def test_only_a_ufunc_writes_straight_to_where_it_is_stored(kind: str, function: Any, ends: int) -> None:
    w = Value([3.0, 1.0, 2.0])
    array, here = w.data, load(DataOf(w))
    moved = Node(kind, function, (here,), like=array, line=LINE)
    compiled = program([here, moved, store(DataOf(w), moved)], None)
    wanted = function(np.array([3.0, 1.0, 2.0]))
    assert len(Plan(compiled.program).ends) == ends
    compiled([])
    assert w.data is array
    assert array.tolist() == wanted.tolist()


@pytest.mark.parametrize("other", [np.ones(3, np.float32), np.ones((1, 3)), np.float64(1)])
def test_what_is_of_another_kind_is_copied_to_where_it_is_stored(other: Any) -> None:
    w = Value([3.0, 1.0, 2.0])
    array, x, here = w.data, entry(like=other), load(DataOf(w))
    moved = call(np.negative, x, like=other)
    compiled = program([x, here, moved, store(DataOf(w), moved)], None)
    assert Plan(compiled.program).ends == {}
    compiled([other])
    assert w.data is array
    assert array.tolist() == [-1.0] * 3


def test_an_update_that_another_one_reads_does_not_go_there_first() -> None:
    w, v = Value([1.0, 2.0]), Value([3.0, 5.0])
    here, there = load(DataOf(w)), load(DataOf(v))
    total, gap = call(np.add, here, there, like=w.data), call(np.subtract, here, there, like=w.data)
    program([here, there, total, gap, store(DataOf(w), total), store(DataOf(v), gap)], None)([])
    assert w.data.tolist() == [4.0, 7.0]
    assert v.data.tolist() == [-2.0, -3.0]


def test_each_pass_says_what_it_did() -> None:
    x = entry()
    compiled = program([x, call(np.sin, x), a := call(np.exp, x), b := call(np.exp, x)], [a, b])
    assert compiled.program.passes[0] == "recorded: 4 lines"
    assert "computed twice: 1 line fewer" in compiled.program.passes
    assert "needed by nothing: 1 line fewer" in compiled.program.passes


# --------------------------------------------------------------------------------------------------- drawn programs

SHAPES = [(), (3,), (2, 3), (3, 2), (3, 3)]
ONE = [np.negative, np.exp, np.tanh, np.absolute, np.square, np.cos]
TWO = [np.add, np.subtract, np.multiply, np.maximum, np.minimum]
VIEWS: list[Callable[..., Any]] = [np.transpose, np.ravel, np.flip, np.atleast_2d]
SUMS = [0, None, -1]


def drawn(draw: st.DrawFn, dtype: Any) -> Callable[[], tuple[list[Node], list[Any], list[Any], list[Any]]]:
    """What builds the same program as often as it is called: its nodes, its results, its arguments and its places."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    arrays = [np.asfortranarray(rng.normal(size=shape).astype(dtype)) for shape in SHAPES if shape]
    owners = [rng.normal(size=shape).astype(dtype) for shape in ((3,), (2, 3))]
    steps = draw(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 999), st.integers(0, 999), st.integers(0, 9)),
                          min_size=5, max_size=40))  # fmt: skip
    kept = draw(st.lists(st.integers(0, 999), min_size=1, max_size=3))
    summed = draw(st.lists(st.integers(0, 999), max_size=8))
    stored = draw(st.lists(st.integers(0, 999), min_size=2, max_size=2))
    barrier = draw(st.integers(-1, len(steps) - 1))

    def build() -> tuple[list[Node], list[Any], list[Any], list[Any]]:
        places = [Memory(x.copy()) for x in owners]
        nodes: list[Node] = [entry(f"x{i}", x) for i, x in enumerate(arrays)] + [load(place) for place in places]
        values: list[Any] = [*(x.copy(order="K") for x in arrays), *(place.owner.copy() for place in places)]

        def add(node: Node, value: Any) -> None:
            node.shape, node.dtype = value.shape, value.dtype
            node.layout = Node("call", like=value).layout
            nodes.append(node)
            values.append(value)

        for i, (kind, first, second, third) in enumerate(steps):
            made = [k for k, node in enumerate(nodes) if node.kind in ("input", "load", "call")]
            a, b = made[first % len(made)], made[second % len(made)]
            x, y = values[a], values[b]
            if kind == 0:
                f: Any = ONE[third % len(ONE)]
                add(call(f, nodes[a]), f(x))
            elif kind == 1 and np.broadcast_shapes(*(s if s in (x.shape, ()) else () for s in (x.shape, y.shape))):
                if x.shape == y.shape or not x.shape or not y.shape:
                    f = TWO[third % len(TWO)]
                    add(call(f, nodes[a], nodes[b]), f(x, y))
            elif kind == 2:
                f = VIEWS[third % len(VIEWS)]
                add(call(f, nodes[a]), np.asarray(f(x)))
            elif kind == 3 and x.ndim == 2 and y.ndim == 2 and x.shape[1] == y.shape[0]:
                add(call(np.dot, nodes[a], nodes[b]), np.dot(x, y))
            elif kind == 4 and x.ndim:
                axis = SUMS[third % 3]
                add(call(np.add.reduce, nodes[a], axis=axis), np.add.reduce(x, axis=axis))
            if i == barrier:  # it writes into all that lasts, and into the arguments

                def host() -> None:
                    for place in places:
                        place.owner *= 0.5

                nodes.append(Node("barrier", host, line=LINE))
                values.append(None)
                for place in places:
                    nodes.append(load(place))
                    values.append(place.owner * 0.5)
        made = [k for k, node in enumerate(nodes) if node.kind in ("input", "load", "call")]
        results = [made[k % len(made)] for k in kept]
        for k in summed:  # read once more, and not returned itself
            x = values[made[k % len(made)]]
            add(call(np.add.reduce, nodes[made[k % len(made)]], axis=None), np.add.reduce(x, axis=None))
            results.append(len(nodes) - 1)
        final = [x.owner * (1.0 if barrier < 0 else 0.5) for x in places]
        for j, place in enumerate(places):
            fitting = [k for k in made if values[k].shape == place.owner.shape]
            chosen = fitting[stored[j] % len(fitting)]
            final[j] = values[chosen].copy()
            nodes.append(store(place, nodes[chosen]))
            values.append(None)
        return nodes, [nodes[k] for k in results], [values[k] for k in results], [places, final]

    return build


@st.composite
def builds(draw: st.DrawFn) -> Any:
    return drawn(draw, draw(st.sampled_from([np.float32, np.float64])))


def check_drawn(build: Any) -> None:
    nodes, result, wanted, (places, final) = build()
    arguments = [node for node in nodes if node.kind == "input"]
    compiled = program_of(nodes, result)
    given_ = inputs_of(build)
    assert len(given_) == len(arguments)
    got = compiled(given_)
    for x, y in zip(wanted, got, strict=True):
        assert np.array_equal(x, y, equal_nan=True), compiled.source
        assert not any(np.shares_memory(y, place.owner) for place in places), compiled.source
    for place, x in zip(places, final, strict=True):
        assert np.array_equal(place.owner, x, equal_nan=True), compiled.source
    again = [np.array(y) for y in got]
    compiled([x + 1 for x in given_])
    assert all(map(np.array_equal, again, got)) or any(np.isnan(y).any() for y in again), "a later call wrote into it"


def inputs_of(build: Any) -> list[Any]:
    """The arguments that a program was drawn for."""
    cells = dict(zip(build.__code__.co_freevars, build.__closure__, strict=True))
    arrays: list[Any] = cells["arrays"].cell_contents
    return [x.copy(order="K") for x in arrays]


@settings(max_examples=60, deadline=None)
@given(builds())
def test_a_drawn_program_computes_what_its_lines_say(build: Any) -> None:
    with np.errstate(all="ignore"):
        check_drawn(build)


@pytest.mark.slow
@settings(max_examples=3000, deadline=None)
@given(builds())
def test_many_drawn_programs_compute_what_their_lines_say(build: Any) -> None:
    with np.errstate(all="ignore"):
        check_drawn(build)


# ----------------------------------------------------------------------------------------------- how it is written out


def test_a_change_that_was_computed_before_a_call_of_the_hosts_is_what_it_was() -> None:
    """It may be stored after the call, but not be computed after it: the call halves what it is computed from."""
    place, wanted = Memory(X + 1), -(X + 1)

    def halve() -> None:
        place.owner *= 0.5

    before = load(place)
    change = call(np.negative, before)
    after = load(place)
    total = call(np.add.reduce, after, axis=None, like=np.float64(0))
    program([before, change, Node("barrier", halve, line=LINE), after, total, store(place, change)], [total])([])
    assert np.array_equal(place.owner, wanted)


def test_arguments_are_written_as_python_reads_them_or_by_a_name() -> None:
    x = entry()
    writer = Writer(program_of([x, a := call(np.exp, x)], [a]).program)
    writer.write()
    for given_, text in [
        ((1,), "(1,)"), ((1, 2), "(1, 2)"), ([1, [2]], "[1, [2]]"), ({"a": (1.5,)}, "{'a': (1.5,)}"), (None, "None"),
        (slice(1, None, x), "slice(1, None, x0)"),
        (slice(x, x), "slice(x0, x0, None)"), (..., "Ellipsis"), (True, "True"), ("it's", '"it\'s"'), (a, "exp1"),
        (-0.5, "-0.5"), (float("inf"), "float64_inf"), (np.float32(-2.5), "float32_minus_2_5"),
        (np.int64(3), "int64_3"),
        (X, "constant1"), (X, "constant1"), (X.copy(), "constant2"), (np.exp, "exp"), (np.float64, "float641"),
        (np.dtype(np.float32), "constant3"), (1e-20, "1e-20"), (np.float64(1e20), "float64_1e20"),
    ]:  # fmt: skip
        assert writer.text(given_) == text
        if not isinstance(given_, Node | slice | float):
            assert repr(eval(text, writer.meaning)) == repr(given_)
    assert writer.call(Node("call", functools.partial(len), ([1],))) == "partial([1])"
    assert writer.number(2.0) == writer.number(np.float64(2)) == "float64_2_0"
    assert writer.number(2.0, np.dtype(np.float32)) == "float32_2_0"
    assert type(writer.meaning["float64_2_0"]) is float
    assert type(writer.meaning["float32_2_0"]) is np.ndarray
    hints = [("a b", 0), ("a b", 0), ("a b", 1), ("a b", 1), ("<>", 0), ("2x", 0), ("class", 0), ("x1", 0), ("x1", 0),
             ("x1", 1), ("add", 1), ("add", 1)]  # fmt: skip
    assert [writer.reserved(hint, bool(numbered)) for hint, numbered in hints] == [
        "a_b", "a_b2", "a_b1", "a_b3", "x", "_2x", "_class", "x1", "x1_2", "x11", "add1", "add2",
    ]  # fmt: skip


def test_memory_in_one_shape_is_one_array() -> None:
    x = entry()
    made = program([x, a := call(np.exp, x), b := call(np.negative, a), c := call(np.exp, b)], [c])
    lines = [line.split("(")[1].rstrip(")").split(", ") for line in made.source.splitlines()[1:3]]
    scope = made.run.__globals__
    assert scope[lines[0][1]] is scope[lines[1][1]]  # in place, with the very same object


def test_views_of_planned_memory_are_made_once() -> None:
    x, row = entry(), TABLE["take"]
    a = call(np.exp, x)
    part = Node("call", row.forward, (a,), {"index": (1,)}, like=X[1], op=row, line=LINE)
    made = program([x, a, part, b := call(np.negative, part, like=X[1])], [b])
    assert "= take" not in made.source
    assert np.array_equal(made([X])[0], -np.exp(X)[1])


def test_an_index_that_copies_is_no_view() -> None:
    x, row = entry(), TABLE["take"]
    a = call(np.exp, x)
    part = Node("call", row.forward, (a,), {"index": ([1, 0],)}, like=X, op=row, line=LINE)
    made = program([x, a, part, b := call(np.negative, part)], [b])
    for _ in range(2):
        assert np.array_equal(made([X])[0], -np.exp(X)[[1, 0]])
        assert np.array_equal(made([2 * X])[0], -np.exp(2 * X)[[1, 0]])


@pytest.mark.parametrize("function", [np.add, np.subtract, np.multiply, np.divide])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_scalars_are_computed_as_numpy_does(function: Any, dtype: Any) -> None:
    x, y = (np.array([v, 3.0], dtype) for v in (0.1, 7.0))
    one = Node("input", like=x, params={"name": "x0"}, line=LINE)
    total = call(summed, one, like=dtype(1))
    made = program([one, total, c := call(function, total, 3, like=dtype(1))], c)
    for array in (x, y):
        got = made([array])
        assert type(got) is dtype
        assert got == function(np.add.reduce(array), 3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_mask_leaves_the_bits_as_they_are(dtype: Any) -> None:
    x = np.array([[np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, -1.5], [1.0] * 8], dtype)
    for mask in (np.array([[True, False] * 4] * 2), np.array([[False, True] * 4] * 2)):
        a, b = entry("x0", x), entry("x1", mask)
        g = call(np.positive, a, like=x)
        kept = call(np.where, b, g, 0.0, like=x)
        made = program([a, b, g, kept, c := call(np.positive, kept, like=x)], [c])
        assert "where" not in made.source.replace("where1", "")
        for _ in range(2):
            assert made([x, mask])[0].tobytes() == np.where(mask, x, 0.0).tobytes()


@pytest.mark.parametrize(("mask", "x", "zero"), [
    (X > 2, X, -0.0), (X > 2, X, 1.0), (X[0] > 2, X, 0.0), (X > 2, X[:1], 0.0), (X > 2, X.astype(np.float16), 0.0),
    (X, X, 0.0),
])  # fmt: skip
def test_other_choices_are_made_by_where(mask: Any, x: Any, zero: float) -> None:
    a, b = entry("x0", x), entry("x1", mask)
    g = call(np.positive, a, like=x)
    wanted = np.where(mask, x, zero)
    kept = call(np.where, b, g, zero, like=wanted)
    made = program([a, b, g, kept, c := call(np.positive, kept, like=wanted)], [c])
    assert "= where(" in made.source
    assert made([x, mask])[0].tobytes() == wanted.tobytes()


def test_numbers_beside_arrays_are_arrays_without_axes() -> None:
    x = entry("x0", X)
    made = program([x, a := call(np.add, x, np.float64(3.0)), b := call(np.exp, a)], [b])
    assert type(made.run.__globals__["float64_3_0"]) is np.ndarray  # NumPy takes it in half the time of a scalar
