"""Where a program keeps what it computes: nothing is written over before it was read, and little memory is taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import Value, nn, optim
from microgradnet import functional as F
from microgradnet.core import TABLE
from microgradnet.programs.arena import ALWAYS, LINE, Arena
from microgradnet.programs.backends import is_native
from microgradnet.programs.joined import LONGEST
from microgradnet.programs.memory import Plan
from microgradnet.programs.nodes import DataOf, Memory, Node

from .test_passes import call, entry, load, program, store

LONG = np.random.default_rng(0).normal(size=(1100, 130))  # five blocks of rows
assert LONG.size > LONGEST


# ------------------------------------------------------------------------------------------------------- in one block


def arena_of(lives: list[tuple[int, int, int]]) -> Arena:
    """Rooms of a size, each needed from one time to another."""
    arena = Arena()
    rooms = [arena.room(size) for size, _, _ in lives]
    for room, (_, begin, end) in zip(rooms, lives, strict=True):
        room.begin, room.end = begin, end
    return arena


@pytest.mark.parametrize("seed", range(10))
def test_what_is_needed_at_the_same_time_lies_apart(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lives = [(int(rng.integers(1, 1000)), t, t + int(rng.integers(1, 9))) for t in range(1, 60)]
    placed = arena_of(lives).placed()
    rooms = [placed.room(size) for size, _, _ in lives]
    for i, (room, (size, begin, end)) in enumerate(zip(rooms, lives, strict=True)):
        assert room.array.nbytes == size
        assert room.array.ctypes.data % 64 == 0
        for other, (_, begun, over) in zip(rooms[:i], lives[:i], strict=True):
            assert begin >= over or begun >= end or not np.shares_memory(room.array, other.array)
    lines = [-(-size // LINE) * LINE for size, _, _ in lives]
    least = max(sum(n for n, (_, b, e) in zip(lines, lives, strict=True) if b <= t < e) for t in range(60))
    assert least <= placed.bytes <= 1.3 * least


def test_short_things_share_the_memory_of_a_long_one() -> None:
    assert arena_of([(64, 1, 2), (640, 3, 4), (128, 1, 2), (448, 1, 2)]).placed().bytes == 640


@pytest.mark.parametrize("sizes", [(64, 640), (640, 64)])
def test_what_lasts_is_not_written_over_before_others_have_looked_at_it(sizes: tuple[int, int]) -> None:
    arena = arena_of([(sizes[0], 1, 2), (sizes[1], 3, ALWAYS)])
    assert arena.placed().bytes == 640
    arena.rooms[1].since = 1
    assert arena.placed().bytes == 704


@pytest.mark.parametrize(("size", "over"), [(4095, False), (4096, True)])
def test_a_long_result_has_no_name_when_it_was_read(size: int, over: bool) -> None:
    array = np.zeros(size)
    x = entry("x0", array)
    a = call(np.sort, x, like=array)
    b = call(np.cumsum, a, like=array)
    made = program([x, a, b, last := call(np.sum, b, like=np.float64(0))], [last])
    assert ("del sort1" in made.source) is over
    assert ("del cumsum1" in made.source) is over


def test_what_lies_in_one_place_is_one_array() -> None:
    placed = arena_of([(64, 1, 2), (64, 3, 4)]).placed()
    assert placed.room(64).array is placed.room(64).array


def test_a_product_lies_over_what_is_over() -> None:
    tall, wide = np.ones((1100, 3)), np.ones((3, 1100))
    x = entry("x0", LONG)
    a = call(np.dot, x, np.ones((130, 50)), like=LONG[:, :50].copy())
    nodes = [x, a]
    for width in (40, 30, 20):
        b = call(np.dot, wide, nodes[-1], like=LONG[:3, : nodes[-1].shape[1]].copy())
        c = call(np.dot, b, np.ones((b.shape[1], width)), like=LONG[:3, :width].copy())
        nodes += [b, c, call(np.dot, tall, c, like=LONG[:, :width].copy())]
    made = program([*nodes, last := call(np.sum, nodes[-1], like=np.float64(0))], [last])
    assert 1100 * 50 * 8 <= made.bytes < 1.1 * 1100 * 50 * 8
    for k in (1.0, 2.0):
        result = (k * LONG).dot(np.ones((130, 50)))
        for width in (40, 30, 20):
            result = tall.dot(wide.dot(result).dot(np.ones((result.shape[1], width))))
        assert np.array_equal(made([k * LONG])[0], np.sum(result))


def test_what_is_read_row_by_row_is_not_over_before_the_last_row() -> None:
    x = entry("x0", LONG)
    mask = call(np.greater, x, 0.0, like=LONG > 0)
    count = call(np.sum, mask, like=np.int64(0))
    a = call(np.multiply, x, count, like=LONG)
    b = call(np.multiply, a, mask, like=LONG)
    c = call(np.negative, b, like=LONG)
    d = call(np.dot, c, np.eye(130), like=LONG)
    made = program([x, mask, count, a, b, c, d], [d])
    assert "for rows" in made.source
    for k in (1.0, -2.0):
        y = k * LONG
        assert np.array_equal(made([y])[0], (-(y * (y > 0).sum() * (y > 0))).dot(np.eye(130)))


# ------------------------------------------------------------------------------------------------------- last of all


def moved(w: Node, change: Node) -> Node:
    return call(np.subtract, w, change, like=LONG)


def test_the_state_of_an_optimiser_is_written_in_place_and_block_by_block() -> None:
    v, state = Value(LONG.copy()), np.zeros_like(LONG)
    x, w, kept = entry("x0", LONG), load(DataOf(v)), load(Memory(state))
    g = call(np.dot, x, np.eye(130), like=LONG)
    half = call(np.multiply, 0.5, kept, like=LONG)
    new = call(np.add, half, g, like=LONG)
    change = call(np.multiply, 0.1, new, like=LONG)
    end = moved(w, change)
    nodes = [x, w, kept, g, half, new, change, end, store(Memory(state), new), store(DataOf(v), end)]
    made = program(nodes, None)
    assert made.source.count("for rows") == 1
    assert "[...]" not in made.source
    assert made.bytes < 1.5 * LONG.nbytes
    numbers, m = LONG.copy(), np.zeros_like(LONG)
    for k in (1.0, 2.0, 3.0):
        made([k * LONG])
        m = 0.5 * m + (k * LONG).dot(np.eye(130))
        numbers = numbers - 0.1 * m
        assert np.array_equal(state, m)
        assert np.array_equal(v.data, numbers)


def step_of(model: nn.Module) -> Any:
    """A step of its training, compiled."""
    optimiser = optim.SGD(model.parameters(), lr=0.01)

    @mg.compile(backend="numpy")
    def step(x: Any, y: Any) -> Any:
        optimiser.zero_grad()
        cost = F.quadratic_cost(model(x), y)
        cost.backward(release=True)
        optimiser.step()
        return cost

    return step


def test_the_changes_of_many_parameters_do_not_lie_in_memory_together() -> None:
    model = nn.MLP(64, [64] * 20, F.relu, None, seed=0)  # of which each is short, and all together are long
    step = step_of(model)
    x, y = np.random.default_rng(0).random((2, 32, 64)).astype(np.float32)
    for _ in range(3):
        step(x, y)
    gradients = sum(p.data.nbytes for p in model.parameters())
    assert gradients < step.latest.bytes < 1.1 * gradients


def test_a_state_that_is_read_after_its_successor_is_written_later() -> None:
    v, state = Value(LONG.copy()), np.ones_like(LONG)
    x, w, kept = entry("x0", LONG), load(DataOf(v)), load(Memory(state))
    new = call(np.add, kept, x, like=LONG)
    change = call(np.multiply, new, kept, like=LONG)
    made = program(
        [x, w, kept, new, change, e := moved(w, change), store(Memory(state), new), store(DataOf(v), e)], None
    )
    made([LONG])
    assert np.array_equal(state, 1 + LONG)
    assert np.array_equal(v.data, LONG - (1 + LONG))


def test_what_was_computed_before_a_barrier_is_not_put_off() -> None:
    state = np.ones(3)

    def host() -> None:
        state[...] *= 0.5

    kept, later = load(Memory(state)), load(Memory(state))
    new = call(np.negative, kept, like=state)
    made = program([kept, new, Node("barrier", host, line=("", 1, "")), later, store(Memory(state), new)], None)
    made([])
    assert np.array_equal(state, -np.ones(3))


def test_what_is_read_by_others_is_not_put_off() -> None:
    v = Value(LONG.copy())
    x, w = entry("x0", LONG), load(DataOf(v))
    g = call(np.exp, x, like=LONG)
    change = call(np.multiply, 0.1, g, like=LONG)
    total = call(np.sum, change, like=np.float64(0))
    plan = Plan(program([x, w, g, change, total, e := moved(w, change), store(DataOf(v), e)], [total]).program)
    assert change not in plan.put_off
    assert e in plan.ends


@mg.primitive(None, None)
def turned(x: Any, y: Any) -> Any:
    return x[::-1]


def reversed_rows(w: Node, own: Node | None) -> Node:
    """A view of `w`, by a row of the table or by one's own, which takes another array too."""
    row: Any = TABLE["take"] if own is None else turned
    params = {"index": (slice(None, None, -1),)} if own is None else {}
    args = (w,) if own is None else (w, own)
    return Node("call", row.forward, args, params, like=np.zeros(w.shape or ()), op=row, line=("", 1, ""))


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("rows", [3, 1000])
@pytest.mark.parametrize("direct", [True, False])
@pytest.mark.parametrize("of", ["another", "another reversed", "itself reversed", "a state", "a state reversed"])
def test_parameters_move_by_what_was_there_before(of: str, direct: bool, rows: int, own: bool) -> None:
    numbers = LONG[:rows]
    a, b, state = Value(numbers.copy()), Value(numbers + 1), numbers + 2
    x, wa, wb, kept = entry("x0", numbers), load(DataOf(a)), load(DataOf(b)), load(Memory(state))

    def like(function: Any, *args: Any) -> Node:
        return call(function, *args, like=numbers)

    seen = {"another": wa, "itself": wb, "a state": kept}[of.removesuffix(" reversed")]
    nodes = [x, wa, wb, kept]
    if of.endswith("reversed"):
        nodes.append(seen := reversed_rows(seen, x if own else None))
    new = like(np.add, half := like(np.multiply, 0.5, kept), x)
    first, second = like(np.multiply, 0.1, new), like(np.multiply, 0.1, seen)
    ea, eb = like(np.subtract, wa, first), like(np.subtract, wb, seen if direct else second)
    nodes += [half, new, first, *([] if direct else [second]), ea, eb]
    made = program([*nodes, store(Memory(state), new), store(DataOf(a), ea), store(DataOf(b), eb)], None)
    for k in (1.0, 2.0):
        was = {"another": a.data.copy(), "itself": b.data.copy(), "a state": state.copy()}
        before = was[of.removesuffix(" reversed")][:: -1 if of.endswith("reversed") else 1]
        made([k * numbers])
        m = 0.5 * was["a state"] + k * numbers
        assert np.array_equal(state, m)
        assert np.array_equal(a.data, was["another"] - 0.1 * m)
        assert np.array_equal(b.data, was["itself"] - (before if direct else 0.1 * before))


OPTIMISERS: dict[str, Any] = {
    "SGD": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "Adam": lambda p: optim.Adam(p, lr=0.1),
    "amsgrad": lambda p: optim.Adam(p, lr=0.1, amsgrad=True, weight_decay=0.01, maximize=True),
    "AdamW": lambda p: optim.AdamW(p, lr=0.1),
    "RMSprop": lambda p: optim.RMSprop(p, lr=0.1, centered=True, momentum=0.9),
    "Adagrad": lambda p: optim.Adagrad(p, lr=0.1),
    "Lion": lambda p: optim.Lion(p, lr=0.1),
    "NAdam": lambda p: optim.NAdam(p, lr=0.1),
    "RAdam": lambda p: optim.RAdam(p, lr=0.1),
}


@pytest.mark.parametrize("name", OPTIMISERS)
@pytest.mark.parametrize("width", [140, 300])  # more numbers than are joined; more than are moved in one piece
def test_long_parameters_go_the_same_way_with_every_optimiser(name: str, width: int) -> None:
    def run(compiled: bool) -> list[Any]:
        model = nn.MLP(130, [width, 250, 5], np.tanh, seed=0)
        optimizer = OPTIMISERS[name](model.parameters())

        def step(x: Any, y: Any) -> Any:
            optimizer.zero_grad()
            cost = F.quadratic_cost(model(x), y)
            cost.backward(release=True)
            optimizer.step()
            return cost

        f = mg.compile(step, backend="numpy") if compiled else step
        x, y = LONG[:300].astype(np.float32), LONG[:300, :5].astype(np.float32)
        costs = [f(x * np.float32(k), y).data for k in range(6)]
        state = [x for one in optimizer.state_dict()["state"].values() for x in one.values()]
        return [*costs, *(p.data for p in model.parameters()), *(p.grad for p in model.parameters()), *state]

    for mine, theirs in zip(run(True), run(False), strict=True):
        assert np.array_equal(mine, theirs, equal_nan=True)


# ------------------------------------------------------------------------------------------------------- what remains


def test_a_call_of_the_users_sees_the_gradients_of_the_last_step() -> None:
    def run(compiled: bool) -> list[Any]:
        w, seen = Value(LONG[:5, :3].copy()), list[Any]()

        def look() -> None:
            seen.append(None if w.grad is None else w.grad.copy())

        def step(x: Any, y: Any) -> Any:
            inside = np.exp(x @ np.ones((5, 40))) @ np.ones((40, 5))
            mg.host_call(look)
            w.grad = None
            cost = ((inside @ w - y) ** 2).sum()
            cost.backward()
            return cost

        f: Any = mg.compile(step, backend="numpy") if compiled else step
        for i in range(6):
            f(LONG[i : i + 50, :5].copy(), LONG[:50, :3].copy())
        return seen[1:]

    for mine, theirs in zip(run(True), run(False), strict=True):
        assert np.array_equal(mine, theirs)


@pytest.mark.parametrize("looks_at", ["the output", "the gradient"])
def test_gradients_are_there_when_another_program_takes_over(looks_at: str) -> None:
    def output(x: Any, w: Any) -> Any:
        return np.exp(x @ np.ones((5, 40))) @ np.ones((40, 5)) @ w

    def run(compiled: bool) -> list[Any]:
        w = Value(LONG[:5, :3].copy())

        def step(x: Any, y: Any) -> Any:
            error = output(x, w.data) - y
            g = x.T @ error
            if np.allclose(error if looks_at == "the output" else g, 0):
                return x.sum()
            w.grad = g
            return (error * error).sum()

        f: Any = mg.compile(step, backend="numpy") if compiled else step
        seen: list[Any] = []
        for i in range(12):
            x = LONG[i : i + 50, :5].copy()
            seen.append(f(x, output(x, w.data) - (i not in (4, 5, 8, 11))))
            if i in (5, 8, 11):
                seen.append(w.grad.copy())
        assert not compiled or len(next(iter(f.signatures.values())).programs) == 2
        return seen

    for mine, theirs in zip(run(True), run(False), strict=True):
        assert np.array_equal(mine, theirs)


@pytest.mark.skipif(not is_native(), reason="programs do not run natively here")
def test_native_code_keeps_no_large_factors_for_a_small_gradient_and_no_gaps() -> None:
    from microgradnet.programs.native.plan import Plan as NativePlan

    model = nn.MLP(784, [16, 16, 10], F.sigmoid, F.sigmoid, seed=0)
    step = step_of(model)
    for _ in range(2):
        step(np.ones((256, 784), np.float32), np.ones((256, 10), np.float32))
    largest, layer = 16 * 784 * 4, 256 * 16 * 4  # a gradient, and what a layer makes
    program: Any = step.latest
    assert NativePlan(program.program).arena.size < max(largest + 3 * layer, 6 * layer)
