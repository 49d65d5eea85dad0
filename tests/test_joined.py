"""Short arrays end to end, and gradients that are copied when somebody looks at them: both as if they were not."""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import Value, nn, optim
from microgradnet import functional as F
from microgradnet.core import Later
from microgradnet.programs.backends import is_native
from microgradnet.programs.joined import FEW, LONGEST, joined, root_of
from microgradnet.programs.memory import SMALL, Plan
from microgradnet.programs.nodes import DataOf, GradOf, Memory, Node
from microgradnet.programs.numpy_code import Writer

from .samples import sample
from .test_passes import LINE, X, call, entry, load, program, store


def updates(n: int = 3, size: int = 4) -> tuple[list[Value], list[Node], list[Node]]:
    """Parameters, and the nodes of their update `w - 0.5 * exp(x)`; the products."""
    values = [Value(np.arange(size) + float(i)) for i in range(n)]
    nodes: list[Node] = []
    products = []
    for i, v in enumerate(values):
        x = entry(f"x{i}", v.data)
        g = call(np.exp, x, like=v.data)
        products.append(call(np.multiply, 0.5, g, like=v.data))
        w = load(DataOf(v))
        nodes += [x, g, products[-1], w, moved := call(np.subtract, w, products[-1], like=v.data)]
        nodes.append(store(DataOf(v), moved))
    return values, nodes, products


def found_in(nodes: list[Node], ends: Any = ()) -> list[Any]:
    """The calls of these nodes that are made one; wherever they are put, nothing is read before it is made."""
    groups, moved = joined(nodes, lambda node, sources: True, ends)
    place = {node: i for i, node in enumerate(moved)}
    assert len(moved) == len(nodes)
    assert set(moved) == set(nodes)
    assert all(place[x] < place[node] for node in nodes for x in node.inputs())
    last = {node: place[group.members[-1]] for group in groups for node in group.members}
    now = [node for node in nodes if node not in ends and node.kind != "store"]
    assert all(last.get(x, -1) < place[node] for node in now for x in node.inputs())
    return groups


def test_products_by_one_number_are_one_call() -> None:
    values, nodes, products = updates()
    (group,) = found_in(nodes, [node for node in nodes if node.function is np.subtract])
    assert group.members == products
    made = program(nodes, None)
    assert made.source.count("multiply(") == 1
    before = [v.data.copy() for v in values]
    for x in (0.1, 0.2):
        made([np.full(4, x + i) for i in range(3)])
    for i, (v, w) in enumerate(zip(values, before, strict=True)):
        assert np.array_equal(v.data, w - 0.5 * np.exp(np.full(4, 0.1 + i)) - 0.5 * np.exp(np.full(4, 0.2 + i)))


def test_products_by_other_numbers_are_not() -> None:
    x = entry()
    a, b = (call(np.multiply, k, call(np.exp, x)) for k in (0.5, 2.0))
    assert found_in([x, a.args[1], a, b.args[1], b]) == []


def test_a_product_that_is_read_before_the_last_stays_alone() -> None:
    x = entry()
    g, h = call(np.exp, x), call(np.sin, x)
    a, b = call(np.multiply, 0.5, g), call(np.multiply, 0.5, h)
    assert found_in([x, g, a, call(np.cos, a), h, b]) == []
    assert len(found_in([x, g, h, a, b, call(np.cos, a)])) == 1


def test_calls_are_made_where_the_first_is_if_all_that_they_take_is_there() -> None:
    x = entry()
    g, h = call(np.exp, x), call(np.sin, x)
    a, b = call(np.multiply, 0.5, g), call(np.multiply, 0.5, h)
    early = call(np.cos, a)
    nodes = [x, g, h, a, early, b, late := call(np.tanh, b)]
    (group,) = found_in(nodes)
    assert group.members == [a, b]
    made = program(nodes, [early, late])
    assert made.source.count("multiply(") == 1
    for scale in (1.0, 2.0):
        first, last = made([X * scale])
        assert np.array_equal(first, np.cos(0.5 * np.exp(X * scale)))
        assert np.array_equal(last, np.tanh(0.5 * np.sin(X * scale)))


def test_long_calls_are_not_made_earlier_than_they_were() -> None:
    """What they take and make would be held longer."""

    def found(n: int) -> int:
        x = entry(like=np.ones(n))
        g, h = call(np.exp, x, like=np.ones(n)), call(np.sin, x, like=np.ones(n))
        a, b = call(np.multiply, 0.5, g, like=np.ones(n)), call(np.multiply, 0.5, h, like=np.ones(n))
        return len(found_in([x, g, h, a, call(np.cos, a, like=np.ones(n)), b]))

    assert (found(FEW // 2), found(FEW // 2 + 1)) == (1, 0)


def test_calls_on_several_long_arrays_are_not_joined() -> None:
    def found(n: int) -> list[int]:
        x = entry(like=np.ones(n))
        a, b, c, d = (call(f, x, like=np.ones(n)) for f in (np.exp, np.sin, np.cos, np.tanh))
        nodes = [x, a, b, c, d, call(np.add, a, b, like=np.ones(n)), call(np.add, c, d, like=np.ones(n))]
        return [len(group.members) for group in found_in(nodes)]

    assert (found(FEW // 2), found(FEW // 2 + 1)) == ([2], [])


def slopes(n: int) -> tuple[list[Node], list[Node]]:
    """`a * (1 - a)` of several arrays, one after the other, each read at once: the nodes, the results."""
    x = entry()
    made = [call(np.exp, call(np.multiply, float(i), x)) for i in range(2, n + 2)]
    nodes, results = [y for a in made for y in (a.args[0], a)], []
    for a in made:
        rest = call(np.subtract, 1.0, a)
        slope = call(np.multiply, a, rest)
        results.append(call(np.cos, call(np.multiply, slope, a)))
        nodes += [rest, slope, results[-1].args[0], results[-1]]
    return [x, *nodes], results


def test_calls_on_several_arrays_are_one_where_each_is_made_alike() -> None:
    nodes, results = slopes(3)
    assert [len(group.members) for group in found_in(nodes)] == [3, 3, 3, 3, 3]
    made = program(nodes, results)
    calls = [line.split("(")[0].strip() for line in made.source.splitlines()]
    assert [calls.count(name) for name in ("exp", "subtract", "multiply")] == [1, 1, 3 + 2]
    for scale in (0.1, 0.2):
        for i, y in enumerate(made([X * scale])):
            a = np.exp((i + 2.0) * (X * scale))
            assert np.array_equal(y, np.cos(a * (1.0 - a) * a))


def test_of_calls_that_follow_from_one_another_none_is_joined_with_the_next() -> None:
    x = entry()
    a = call(np.exp, x)
    b = call(np.multiply, a, call(np.sin, a))
    c = call(np.multiply, b, call(np.sin, b))
    assert found_in([x, a, b.args[1], b, c.args[1], c]) == []


def test_long_arrays_are_not_joined() -> None:
    _, nodes, _ = updates(2, LONGEST // 2 + 1)
    assert found_in(nodes, [node for node in nodes if node.function is np.subtract]) == []


def test_no_call_is_moved_across_a_barrier() -> None:
    x = entry()
    g, h = call(np.exp, x), call(np.sin, x)
    a, b = call(np.multiply, 0.5, g), call(np.multiply, 0.5, h)
    assert found_in([x, g, a, Node("barrier", int), h, b]) == []


def test_what_is_viewed_whole_has_the_memory_of_what_it_views() -> None:
    a = call(np.exp, entry(), like=X[:1])
    row = mg.core.TABLE["take"]
    assert root_of(Node("call", row.forward, (a,), {"index": (0,)}, like=X[0], op=row)) is a
    part = Node("call", row.forward, (a,), {"index": (0, slice(0, 2))}, like=X[0, :2], op=row)
    assert root_of(part) is part


ORDERS: dict[str, Any] = {
    "backwards": np.s_[::-1], "columns backwards": np.s_[:, ::-1], "by a list": [2, 0, 1], "with one twice": [0, 0, 1],
    "whole": np.s_[:], "in one more axis": np.s_[None], "all of it": np.s_[..., :4],
}  # fmt: skip


@pytest.mark.parametrize("order", ORDERS)
def test_what_is_taken_in_another_order_is_not_computed_in_the_first(order: str) -> None:
    index = ORDERS[order]

    def step(x: Any, y: Any) -> Any:
        a, b = np.exp(w * x)[index], np.exp(w * y)[index]
        c, d = a * 2.0, b * 2.0
        return np.cos(c).sum(axis=-1), np.sin(d).sum(axis=-1)

    w = Value(np.linspace(0.5, 1.0, 4))
    compiled: Any = mg.compile(step, backend="numpy")
    for i in range(4):
        x, y = np.random.default_rng(i).normal(size=(2, 3, 4))
        for made, wanted in zip(compiled(x, y), step(x, y), strict=True):
            assert made.data.tobytes() == wanted.data.tobytes()
    assert ("end to end" in compiled.source) == (order in ("whole", "all of it"))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("function", [np.power, np.fmax, np.fmin])
@pytest.mark.parametrize("shapes", [
    ((1,), (1,)), ((7,), (7,)), ((30, 4), (30, 1)), ((30, 4), (1,)), ((1,), ()), ((7,), ()),
])  # fmt: skip
def test_what_has_other_bits_where_it_lies_otherwise_is_called_as_it_is(shapes: Any, function: Any, dtype: str) -> None:
    """NumPy's power multiplies where the exponent is one number, and fmax takes another zero at the end of an array."""

    def step(x: Any, y: Any) -> Any:
        a, b, c, d = np.exp(x) * sign, np.exp(y) * sign, np.abs(v), np.abs(w)
        return [z * 3.0 for z in (function(a, c), function(b, d))]

    sign = 1.0 if function is np.power else -0.0
    v, w = (Value(np.full(shapes[1], 2.0 * sign, dtype)) for _ in range(2))
    compiled: Any = mg.compile(step, backend="numpy")
    for i in range(40):
        x, y = np.random.default_rng(i).normal(size=(2, *shapes[0])).astype(dtype)
        for made, wanted in zip(compiled(x, y), step(x, y), strict=True):
            assert made.data.tobytes() == wanted.data.tobytes()


# ---------------------------------------------------------------------------------------------------- repeated arrays


REPEATED = [
    ((5, 3), (3,)), ((5, 3), (1, 3)), ((5, 3), (5, 1)), ((2, 5, 3), (5, 1)), ((1, 5, 3), (5, 1)), ((3,), (5, 3)),
    ((1, 1), (5, 3)), ((5, 1), (1, 3)), ((1, 3), (3,)),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("shapes", REPEATED)
@pytest.mark.parametrize("function", [np.add, np.subtract, np.divide, np.maximum, np.power])
def test_an_array_that_is_repeated_gives_the_same_numbers(function: Any, shapes: Any, dtype: str) -> None:
    generator = np.random.default_rng(0)
    x, y = (generator.normal(size=shape).astype(dtype) for shape in shapes)
    x.flat[0], y.flat[-1] = -0.0, np.nan
    inputs = [entry("x0", x), entry("x1", y)]
    once = call(function, *inputs, like=x + y)
    twice = call(function, once, inputs[1], like=x + y)
    run = program([*inputs, once, twice, last := call(np.negative, twice, like=x + y)], last)
    for sign in (1, -1):
        with np.errstate(all="ignore"):
            wanted = -function(function(sign * x, sign * y), sign * y)
            seen = run([sign * x, sign * y])
        assert (seen.shape, seen.dtype) == (wanted.shape, wanted.dtype)
        assert seen.tobytes() == wanted.tobytes()


def test_a_row_is_repeated_before_the_call_up_to_a_size() -> None:
    def source(n: int) -> str:
        x, row = entry("x0", np.ones((n, 8))), entry("x1", np.ones(8))
        made = call(np.add, x, row, like=np.ones((n, 8)))
        text: str = program([x, row, made, last := call(np.exp, made, like=np.ones((n, 8)))], last).source
        return text

    assert "add1[...] = x1\n    add(x0, add1, add1)" in source(SMALL // 8)
    assert "add(x0, x1, add1)" in source(SMALL // 8 + 1)
    assert "[...]" not in source(1)  # of one row it is a row


def test_a_plain_number_beside_an_array_is_not_repeated() -> None:
    x, rate = entry("x0"), Node("input", like=0.5, params={"name": "rate"}, line=LINE)
    assert rate.dtype is None  # which NumPy holds to be float64
    made = program([x, rate, y := call(np.multiply, rate, x), last := call(np.exp, y)], last)
    assert np.array_equal(made([X, 0.25]), np.exp(0.25 * X))


# -------------------------------------------------------------------------------------------------------- gradients


def network(batch: int = 1) -> Any:
    model = nn.MLP(3, [4, 2], F.sigmoid, F.sigmoid, seed=0)
    optimizer = optim.SGD(model.parameters(), lr=0.5)
    fail = [False]

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        cost = F.quadratic_cost(model(x), y)
        cost.backward(release=True)
        optimizer.step()
        return cost

    data = [np.random.default_rng(i).random((2, batch, 3), np.float32) for i in range(6)]
    return model, step, [(x, y[:, :2]) for x, y in data], fail


@pytest.mark.parametrize("batch", [1, 5])
def test_gradients_are_those_of_the_step_however_late_they_are_looked_at(batch: int) -> None:
    model, step, data, _ = network(batch)
    twin, eager, _, _ = network(batch)
    compiled = mg.compile(step, backend="numpy")
    held = []
    for i, (x, y) in enumerate(data):
        assert np.array_equal(compiled(x, y).data, eager(x, y).data)
        if i % 2:
            held += [(p.grad, q.grad) for p, q in zip(model.parameters(), twin.parameters(), strict=True)]
    for mine, theirs in held:  # also those that later runs have not written over
        assert mine.dtype == theirs.dtype
        assert np.array_equal(mine, theirs)
    assert len({id(mine) for mine, _ in held}) == len(held)


def test_passes_say_what_was_planned() -> None:
    _, step, data, _ = network()
    compiled = mg.compile(step, backend="numpy")
    for x, y in data[:3]:
        compiled(x, y)
    assert compiled.passes[-3:] == [
        "end to end: 8 calls are 3",
        "copied when looked at: 4 gradients",
        f"memory: {compiled.latest.bytes} bytes",
    ]


def test_a_gradient_that_nobody_looked_at_is_copied_with_its_value() -> None:
    model, step, data, _ = network()
    compiled = mg.compile(step, backend="numpy")
    for x, y in data[:4]:
        compiled(x, y)
    p = model.parameters()[0]
    assert type(p._grad) is Later
    wanted = p._grad.compute()
    p.grad[0, 0] = 7.0  # its own array: the program's is not written
    assert wanted[0, 0] != 7.0
    compiled(*data[4])
    assert p.grad[0, 0] != 7.0


def test_a_gradient_of_an_argument_is_its_own() -> None:
    @mg.compile(backend="numpy")
    def f(w: Any, x: Any) -> Any:
        w.grad = None
        cost = (np.exp(w) * x).sum()
        cost.backward()
        return cost

    x = np.arange(3.0)
    values = [Value(np.full(3, float(i))) for i in range(6)]
    for v in values:
        f(v, x)
    for i, v in enumerate(values):
        assert np.array_equal(v.grad, np.exp(np.full(3, float(i))) * x)


def test_a_step_that_ends_with_an_error_leaves_no_wrong_gradient() -> None:
    model, step, data, _ = network()
    compiled = mg.compile(step, backend="numpy")
    for x, y in data[:4]:
        compiled(x, y)
    x, y = data[4]
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        compiled(x * np.float32(-1e30), y)
    assert all(p.grad is None for p in model.parameters())
    compiled(x, y)
    assert all(np.isfinite(p.grad).all() for p in model.parameters())


BEFORE_A_CHOICE: dict[str, Any] = {
    "beside what was there before": lambda w, x, u: (np.tanh(w * x) * 2.0).sum() + (u * 0.01).sum(),
    "over it": lambda w, x, u: (w * (u * 3.0)).sum(),
    "a view of it": lambda w, x, u: (w.reshape(2, 3) * u.reshape(2, 3)).sum(),
    "it": lambda w, x, u: (w * u).sum(),
}


@pytest.mark.parametrize("backend", ["numpy", None])
@pytest.mark.parametrize("cost", BEFORE_A_CHOICE.values(), ids=list(BEFORE_A_CHOICE))
def test_a_gradient_is_there_until_it_is_known_which_way_the_next_step_goes(cost: Any, backend: Any) -> None:
    """What decides it is computed first, in memory in which the gradient of the step before may be."""

    def training(w: Value) -> Any:
        def step(x: Any) -> Any:
            r = np.sin(x) + np.cos(x * 3.0)
            u = np.exp(x * (r * r).sum())
            if not np.allclose(u, 0.0, atol=3.0):
                return r.sum() * 1.0
            w.grad = None
            c = cost(w, x, u)
            c.backward()
            w.data -= w.grad * 0.01
            return c

        return step

    w, v = (Value(np.linspace(0.1, 1.0, 6)) for _ in range(2))
    eager, compiled = training(w), mg.compile(training(v), backend=backend)
    generator = np.random.default_rng(0)
    for large in [False, False, False, True, True, True] + [False, True] * 3:
        x = generator.random(6) * 0.1 + 2.0 * large
        eager(x), compiled(x)
        if large:
            assert np.allclose(v.grad, w.grad, rtol=1e-9)
    assert np.allclose(v.data, w.data, rtol=1e-9)
    assert len(next(iter(compiled.signatures.values())).programs) == 2


def test_memory_of_gradients_is_given_to_nobody() -> None:
    v = Value(X.copy())
    x = entry()
    g = call(np.exp, x)
    nodes, totals = [g], []
    for function in (np.cos, np.sin, np.tanh):
        nodes.append(call(function, x))
        totals.append(call(np.sum, nodes[-1], like=np.float64(0)))
    made = program(
        [x, g, *(y for pair in zip(nodes[1:], totals, strict=True) for y in pair), store(GradOf(v), g)], totals
    )
    writer = Writer(made.program, Writer(made.program).placed())
    writer.write()
    arrays = [writer.meaning[writer.names[id(node)]] for node in nodes]
    assert arrays[1] is arrays[2] is arrays[3]
    assert not np.may_share_memory(arrays[0], arrays[1])


def test_what_an_optimiser_puts_end_to_end_is_computed_there() -> None:
    def run(compiled: bool) -> list[Any]:
        model, _, data, _ = network(5)
        optimizer = optim.Adam(model.parameters(), lr=0.1)

        def step(x: Any, y: Any) -> Any:
            optimizer.zero_grad()
            cost = F.quadratic_cost(model(x), y)
            cost.backward(release=True)
            optimizer.step()
            return cost

        f = mg.compile(step, backend="numpy") if compiled else step
        costs = [f(x, y).data for x, y in data]
        if compiled:
            assert "= concatenate(" not in f.source
        state = [x for one in optimizer.state_dict()["state"].values() for x in one.values()]
        return [*costs, *(p.data for p in model.parameters()), *(p.grad for p in model.parameters()), *state]

    for mine, theirs in zip(run(True), run(False), strict=True):
        assert np.array_equal(mine, theirs)


def test_what_is_copied_where_it_is_stored_takes_planned_memory() -> None:
    state = np.zeros_like(X)
    x, kept = entry(), load(Memory(state))
    moved = call(np.add, kept, x)
    more = call(np.exp, moved)
    made = program([x, kept, moved, more, store(Memory(state), moved)], [more])
    assert made.bytes > 0
    made([X])
    assert np.array_equal(state, X)
    assert Plan(made.program).has_room(moved)


# ----------------------------------------------------------------------------------------------------------- memory


def taken(f: Any) -> int:
    """The most memory that a call takes beside what was there."""
    gc.collect()
    tracemalloc.start()
    try:
        f()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


WIDE: dict[str, Any] = {
    "network": lambda: (nn.MLP(784, [512, 10], F.relu, seed=0), (64, 784)),
    "long batch": lambda: (nn.MLP(784, [16, 16, 10], F.sigmoid, F.sigmoid, seed=0), (256, 784)),
    "one example": lambda: (nn.MLP(784, [16, 16, 10], F.sigmoid, F.sigmoid, seed=0), (1, 784)),
    "wide": lambda: (nn.MLP(784, [512, 512, 10], F.relu, seed=0), (128, 784)),
    "tiny": lambda: (nn.MLP(2, [16, 16, 1], F.sigmoid, F.sigmoid, seed=0), (8, 2)),
    "not so wide": lambda: (nn.MLP(300, [200, 10], F.relu, seed=0), (64, 300)),
    "convolutions": lambda: (nn.Sequential(nn.Conv2d(1, 4, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                                           nn.Linear(576, 10)), (16, 1, 28, 28)),
    "attention": lambda: (nn.Sequential(nn.TransformerEncoderLayer(32, 2, dim_feedforward=64, dropout=0.0,
                                                                   batch_first=True), nn.Linear(32, 10)), (8, 32, 32)),
}  # fmt: skip


STEPS = [(name, optimiser) for name in WIDE for optimiser in (optim.SGD, optim.Adam)]


@pytest.mark.parametrize(("name", "optimiser"), [
    pytest.param(*step, marks=[] if step in sample(STEPS, 3) else [pytest.mark.slow]) for step in STEPS
])  # fmt: skip
def test_a_program_takes_no_more_memory_than_the_eager_step(name: str, optimiser: Any) -> None:
    model, shape = WIDE[name]()
    optimizer = optimiser(model.parameters(), lr=0.01)
    x = np.random.default_rng(0).random(shape, np.float32)

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        cost = (model(x) ** 2).mean()
        cost.backward(release=True)
        optimizer.step()
        return cost

    step(x)
    optimizer.zero_grad()
    eager = taken(lambda: step(x))
    compiled = mg.compile(step, backend="numpy")
    for _ in range(4):
        compiled(x)
    assert compiled.latest.bytes <= eager
    if is_native():
        in_machine_code = mg.compile(step, backend="native")
        for _ in range(3):
            in_machine_code(x)
        assert in_machine_code.latest.bytes <= eager
    more = 1.2 if (name, optimiser) == ("convolutions", optim.Adam) else 1.15
    assert compiled.latest.bytes + taken(lambda: compiled(x)) <= more * eager  # with what rows make by themselves
