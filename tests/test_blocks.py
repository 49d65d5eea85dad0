"""Large arrays block by block, and exact algebra: the same bits as call by call, whatever else is in the program."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import Value, nn, optim
from microgradnet import functional as F
from microgradnet.core import TABLE
from microgradnet.programs import blocks
from microgradnet.programs.blocks import gathered, regions, rows_of
from microgradnet.programs.nodes import DataOf, Node
from microgradnet.programs.tidy import tidied

from .test_passes import call, entry, load, program, store

BIG = np.random.default_rng(0).normal(size=(1001, 130))


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that short arrays are cut: into blocks of 7 rows, the last of fewer."""
    monkeypatch.setattr(blocks, "LARGE", 1000)
    monkeypatch.setattr(blocks, "BLOCK", 4 * 7 * 130)


def every(node: Node) -> bool:
    return True


def test_calls_that_follow_are_one_loop() -> None:
    x = entry("x0", BIG)
    a = call(np.exp, x, like=BIG)
    b = call(np.negative, a, like=BIG)
    c = call(np.add, b, a, like=BIG)
    made = program([x, a, b, c], [c])
    assert made.source.count("for rows") == 1
    for k in (1.0, 2.0):
        assert np.array_equal(made([k * BIG])[0], -np.exp(k * BIG) + np.exp(k * BIG))
    assert made([BIG])[0] is not made([BIG])[0]
    assert made.bytes < BIG.nbytes / 10


def test_what_takes_whole_arrays_waits_or_parts_them() -> None:
    x = entry("x0", BIG)
    a = call(np.exp, x, like=BIG)
    total = call(np.sum, a, like=np.float64(0))
    b = call(np.negative, a, like=BIG)
    c = call(np.multiply, b, total, like=BIG)
    d = call(np.sin, c, like=BIG)
    nodes = [x, a, total, b, c, d]
    found = regions(nodes, every)
    assert [region.members for region in found] == [[a, b], [c, d]]
    assert gathered(nodes, found) == [x, a, b, total, c, d]
    assert np.array_equal(program(nodes, [d])([BIG])[0], np.sin(-np.exp(BIG) * np.sum(np.exp(BIG))))


def test_regions_do_not_wait_for_each_other() -> None:
    x = entry("x0", BIG)
    a = call(np.exp, x, like=BIG)
    p = call(np.sin, x, like=BIG)
    s, t = call(np.sum, a, like=np.float64(0)), call(np.sum, p, like=np.float64(0))
    b = call(np.multiply, p, s, like=BIG)  # after a
    c = call(np.multiply, a, t, like=BIG)  # and after p
    d = call(np.add, b, c, like=BIG)
    nodes = [x, a, p, s, t, b, c, d]
    assert len(gathered(nodes, regions(nodes, every))) == len(nodes)
    e, q = np.exp(BIG), np.sin(BIG)
    assert np.array_equal(program(nodes, [d])([BIG])[0], q * np.sum(e) + e * np.sum(q))


def test_what_has_effects_is_not_put_off() -> None:
    x = entry("x0", BIG)
    a = call(np.exp, x, like=BIG)
    seen = Node("host", np.sum, (a,), like=np.float64(0))
    b = call(np.negative, a, like=BIG)
    assert regions([x, a, seen, b], every) == []


@pytest.mark.parametrize("seed", range(20))
def test_programs_drawn_at_random_compute_the_same_in_blocks(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = entry("x0", BIG)
    nodes, values = [x], {x: BIG}
    scalars: list[Any] = [0.5]
    for _ in range(30):
        array = nodes[rng.integers(len(nodes))] if rng.random() < 0.5 else nodes[-1]
        choice = rng.integers(4)
        if array.shape == ():
            array = x
        if choice == 0:
            made, value = call(np.mean, array, like=np.float64(0)), np.mean(values[array])
            scalars.append(made)
        elif choice == 1:
            number = scalars[rng.integers(len(scalars))]
            made = call(np.multiply, array, number, like=BIG)
            value = values[array] * (values[number] if isinstance(number, Node) else number)
        elif choice == 2:
            other = nodes[rng.integers(len(nodes))]
            made, value = call(np.subtract, array, other, like=BIG), values[array] - values[other]
        else:
            made, value = call(np.tanh, array, like=BIG), np.tanh(values[array])
        nodes.append(made)
        values[made] = value
    kept = [nodes[i] for i in rng.integers(1, len(nodes), 3)]
    got = program(nodes, kept)([BIG])
    for mine, node in zip(got, kept, strict=True):
        assert np.array_equal(mine, values[node])


@pytest.mark.parametrize("other", [
    np.float64(2.0), np.arange(130.0), np.arange(130.0)[None], np.arange(1001.0)[:, None] / 1e3, BIG, BIG > 0,
])  # fmt: skip
def test_operands_are_cut_or_taken_whole(other: Any) -> None:
    x, y = entry("x0", BIG), entry("x1", other)
    a = call(np.multiply, x, y, like=BIG)
    b = call(np.exp, a, like=BIG)
    made = program([x, y, a, b], [b])
    assert "for rows" in made.source
    assert np.array_equal(made([BIG, other])[0], np.exp(BIG * other))


def test_arrays_in_another_order_are_not_cut() -> None:
    x = entry("x0", np.asfortranarray(BIG))
    a = call(np.exp, x, like=np.asfortranarray(BIG))
    b = call(np.negative, a, like=np.asfortranarray(BIG))
    assert regions([x, a, b], every) == []


def test_a_parameter_moves_block_by_block() -> None:
    v = Value(BIG.copy())
    x, w = entry("x0", BIG), load(DataOf(v))
    g = call(np.dot, x, np.eye(130), like=BIG)
    change = call(np.multiply, 0.5, g, like=BIG)
    moved = call(np.subtract, w, change, like=BIG)
    made = program([x, w, g, change, moved, store(DataOf(v), moved)], None)
    assert made.source.count("for rows") == 1
    numbers = v.data
    made([BIG])
    assert v.data is numbers
    assert np.array_equal(v.data, BIG - 0.5 * BIG)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("function", [
    np.exp, np.log, np.sqrt, np.tanh, np.sin, np.cos, np.arctan, np.expm1, np.log1p, np.cbrt, np.square, np.reciprocal,
    np.exp2, np.sinh, np.arcsinh, np.abs, np.floor,
])  # fmt: skip
def test_a_ufunc_makes_the_same_of_a_part(function: Any, dtype: Any) -> None:
    x = (BIG * 30).astype(dtype)
    with np.errstate(all="ignore"):
        whole = function(x)
        for rows in (slice(0, 7), slice(7, 8), slice(990, 1001)):
            assert function(x[rows]).tobytes() == whole[rows].tobytes()


@pytest.mark.parametrize("optimiser", [optim.SGD, optim.Adam])
def test_a_network_goes_the_same_way_in_blocks(optimiser: Any) -> None:
    def costs(compiled: bool) -> list[Any]:
        model = nn.MLP(130, [60, 5], np.tanh, seed=0)
        optimizer = optimiser(model.parameters(), lr=0.1)

        def step(x: Any, y: Any) -> Any:
            optimizer.zero_grad()
            cost = F.quadratic_cost(model(x), y)
            cost.backward(release=True)
            optimizer.step()
            return cost

        f = mg.compile(step, backend="numpy") if compiled else step
        x, y = BIG.astype(np.float32), BIG[:, :5].astype(np.float32)
        made = [f(x * np.float32(k), y).data for k in range(5)]
        if compiled:
            assert "for rows" in f.source
        return [*made, *(p.data for p in model.parameters()), *(p.grad for p in model.parameters())]

    for mine, theirs in zip(costs(True), costs(False), strict=True):
        assert np.array_equal(mine, theirs)


# ---------------------------------------------------------------------------------------------------- exact algebra


def test_a_power_of_one_is_left_out() -> None:
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, -3.0])
    x = entry("x0", special)
    kept, result = tidied([x, call(np.power, x, 1.0, like=special)], [x])
    assert kept == [x]
    assert result == [x]
    assert np.power(special, 1.0).tobytes() == special.tobytes()
    nodes = [x, call(np.power, 1.0, x, like=special)]
    assert tidied(nodes, None)[0] == nodes


def test_a_product_by_one_is_left_out() -> None:
    x = entry("x0", BIG)
    kept, result = tidied([x, a := call(np.multiply, 1.0, x, like=BIG), b := call(np.exp, a, like=BIG)], [a, b])
    assert kept == [x, b]
    assert result == [x, b]


@pytest.mark.parametrize(("x", "one"), [
    (BIG.astype(np.float32), np.float64(1)), (BIG > 0, 1.0), (BIG, 1.5), (BIG[0], BIG * 0 + 1),
])  # fmt: skip
def test_other_products_are_not(x: Any, one: Any) -> None:
    first = entry("x0", x)
    nodes = [first, call(np.multiply, first, one, like=np.multiply(x, one))]
    assert tidied(nodes, None)[0] == nodes


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 3), (2, 0, 100_000)])
def test_arrays_of_nothing_are_not_cut(shape: tuple[int, ...]) -> None:
    x = entry("x0", np.zeros(shape))
    nodes = [x, call(np.exp, x, like=np.zeros(shape)), call(np.negative, x, like=np.zeros(shape))]
    assert regions(nodes, lambda node: True) == []
    assert rows_of(shape) >= 1


def test_a_sign_goes_to_the_number() -> None:
    special = np.array([0.0, -0.0, np.inf, -np.inf, 1e-310, -3.0, 1e308, 0.1])
    x = entry("x0", special)
    negative = call(np.negative, x, like=special)
    product = call(np.multiply, negative, 0.7, like=special)
    tidied([x, negative, product], product)
    assert product.args == (x, -0.7)
    assert (special * -0.7).tobytes() == (-special * 0.7).tobytes()


def test_an_array_filled_with_a_number_is_that_number_beside_another() -> None:
    x, spread = entry("x0", BIG), TABLE["spread"]
    total = call(np.sum, x, like=np.float64(0))
    filled = Node("call", spread.forward, (total,), {"shape": BIG.shape}, like=BIG, op=spread, line=("", 1, ""))
    product, alone = call(np.multiply, filled, x, like=BIG), call(np.negative, filled, like=BIG)
    tidied([x, total, filled, product, alone], [product, alone])
    assert product.args == (total, x)
    assert alone.args == (filled,)
