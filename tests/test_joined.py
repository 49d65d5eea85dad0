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
from microgradnet.programs.joined import LONGEST, joined, root_of
from microgradnet.programs.memory import Plan
from microgradnet.programs.nodes import DataOf, GradOf, Memory, Node
from microgradnet.programs.numpy_code import Writer

from .samples import sample
from .test_passes import X, call, entry, load, program, store


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


def all_may(node: Node, source: Node) -> bool:
    return True


def test_products_by_one_number_are_one_call() -> None:
    values, nodes, products = updates()
    (group,) = joined(nodes, all_may, [node for node in nodes if node.function is np.subtract])
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
    assert joined([x, a.args[1], a, b.args[1], b], all_may, []) == []


def test_a_product_that_is_read_before_the_last_stays_alone() -> None:
    x = entry()
    g, h = call(np.exp, x), call(np.sin, x)
    a, b = call(np.multiply, 0.5, g), call(np.multiply, 0.5, h)
    assert joined([x, g, h, a, call(np.cos, a), b], all_may, []) == []
    assert len(joined([x, g, h, a, b, call(np.cos, a)], all_may, [])) == 1


def test_long_arrays_are_not_joined() -> None:
    _, nodes, _ = updates(2, LONGEST // 2 + 1)
    assert joined(nodes, all_may, [node for node in nodes if node.function is np.subtract]) == []


def test_no_call_is_moved_across_a_barrier() -> None:
    x = entry()
    g, h = call(np.exp, x), call(np.sin, x)
    a, b = call(np.multiply, 0.5, g), call(np.multiply, 0.5, h)
    assert joined([x, g, a, Node("barrier", int), h, b], all_may, []) == []


def test_what_is_viewed_whole_has_the_memory_of_what_it_views() -> None:
    a = call(np.exp, entry(), like=X[:1])
    row = mg.core.TABLE["take"]
    assert root_of(Node("call", row.forward, (a,), {"index": (0,)}, like=X[0], op=row)) is a
    part = Node("call", row.forward, (a,), {"index": (0, slice(0, 2))}, like=X[0, :2], op=row)
    assert root_of(part) is part


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
        "end to end: 4 calls are 1",
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
