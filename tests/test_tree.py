"""Trees: what varies in them, copies that keep their shape, ties and loops."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from microgradnet import Value, grad, hessian, nn, tree, value_and_grad

Point = namedtuple("Point", "x y")


@dataclass(frozen=True)
class Frozen:
    a: Any
    b: Any


def test_every_kind_of_container_is_copied_as_itself() -> None:
    class Listed(list[Any]):
        pass

    node = {"d": OrderedDict(z=1.0, a=2.0), "p": Point(3.0, [4.0]), "f": Frozen(5.0, (6.0,)), 7: [], "l": Listed([7.0])}
    twice = tree.map(lambda x: 2 * x, node)
    assert [*twice.values()] == [{"z": 2.0, "a": 4.0}, Point(6.0, [8.0]), Frozen(10.0, (12.0,)), [], [14.0]]
    assert [type(x) for x in twice.values()] == [OrderedDict, Point, Frozen, list, Listed]
    assert node["f"] == Frozen(5.0, (6.0,))
    assert tree.leaves(node) == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]


def test_a_module_keeps_its_ties_and_loops() -> None:
    model = nn.Module()
    model.a = model.b = Value([1.0])
    model.me, model.parts, model.buffer = model, [model, {"c": Value(2.0)}], np.ones(2)
    twin = tree.map(lambda v: Value(v.data + 1), model)
    assert twin.a is twin.b
    assert twin.me is twin.parts[0] is twin
    assert twin.buffer is model.buffer
    assert [v.tolist() for v in tree.leaves(twin)] == [[2.0], 3.0]
    assert [v.tolist() for v in tree.leaves(model)] == [[1.0], 2.0]
    assert tree.leaves(model, twin) == list(zip(model.parameters(), twin.parameters(), strict=True))


def test_what_is_computed_for_a_parameter_is_one() -> None:
    model = nn.Linear(2, 1, seed=0)
    moved = tree.map(lambda v: v * 2, model)
    assert [name for name, _ in moved.named_parameters()] == ["weight", "bias"]
    with pytest.warns(RuntimeWarning, match="Linear.weight is computed, by multiply, so it is no parameter"):
        model.weight = model.weight * 2  # by hand it is a result, as ever
    assert [name for name, _ in model.named_parameters()] == ["bias"]


def test_a_value_that_map_was_handed_stays_what_it_is() -> None:
    """It may be a result that the program goes on with: the copy of the Module gets a parameter of its own."""
    model = nn.Linear(2, 1, bias=False, seed=0)
    result = model.weight * 2
    moved = tree.map(lambda v: result, model)
    assert moved.weight is not result
    assert tree.is_parameter(moved.weight)
    assert not tree.is_parameter(result)
    (moved(np.ones(2, np.float32)).sum() + result.sum()).backward()
    assert model.weight.grad.tolist() == [[4.0, 4.0]]


def test_what_stands_in_a_container_twice_has_two_places() -> None:
    shared = [1.0]
    assert tree.leaves([shared, shared], ([2.0], [3.0])) == [(1.0, 2.0), (1.0, 3.0)]


def test_what_does_not_fit_says_so() -> None:
    with pytest.raises(ValueError, match="3 places beside one with 2"):
        tree.leaves([1.0, 2.0], [1.0, 2.0, 3.0])
    loop: list[Any] = [1.0]
    loop.append(loop)
    with pytest.raises(ValueError, match="holds itself"):
        tree.leaves(loop)


def test_a_class_can_be_made_a_container() -> None:
    class Box:
        def __init__(self, inside: Any) -> None:
            self.inside = inside

    assert tree.children(Box(1.0)) == []
    tree.register(Box, lambda box: [("inside", box.inside)], lambda box, change, memo: Box(change(box.inside)))
    try:
        assert tree.map(lambda x: x + 1, Box([1.0])).inside == [2.0]
    finally:
        del tree.KINDS[Box]
        tree.KIND_OF.clear()


def test_a_raveled_structure_is_one_row_and_comes_back_as_it_was() -> None:
    model = nn.MLP(2, [3, 1], seed=0).freeze("layers.0.bias")
    node = {"model": model, "pair": (np.arange(3.0).reshape(3, 1), 2.0, 7, None), "v": Value(np.float32(0.5))}
    row, unravel = tree.ravel(node)
    assert row.dtype == np.float64  # holds them all
    assert row.size == model.parameter_count() - 3 + 3 + 1 + 1
    again = unravel(row)
    assert again["pair"][1:] == (2.0, 7, None)
    assert type(again["pair"][1]) is float
    np.testing.assert_array_equal(again["pair"][0], node["pair"][0])
    assert (again["v"].data, again["v"].dtype) == (np.float32(0.5), np.float32)
    for (path, value), (there, old) in zip(again["model"].named_parameters(), model.named_parameters(), strict=True):
        assert path == there
        assert value.dtype == old.dtype
        np.testing.assert_array_equal(value.data, old.data)
        assert tree.is_frozen(value) == (path == "layers.0.bias")
    row[:] = 0
    assert again["model"].layers[0].weight.data.any()
    assert model.layers[0].weight.data.any()


def test_tied_parameters_have_one_place_in_the_row() -> None:
    model = nn.Module()
    model.a = model.b = Value([1.0, 2.0])
    row, unravel = tree.ravel(model)
    assert row.tolist() == [1.0, 2.0]
    twin = unravel(row + 1)
    assert twin.a is twin.b
    assert twin.a.data.tolist() == [2.0, 3.0]


def test_what_is_computed_of_a_row_is_differentiated_by_it() -> None:
    model = nn.MLP(2, [3, 1], seed=0, activation=np.tanh)
    x = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
    row, unravel = tree.ravel(model)
    gradient = grad(lambda row: (unravel(row)(x) ** 2).sum())(row.astype(np.float64))
    assert gradient.dtype == np.float64
    (model(x) ** 2).sum().backward()
    wanted = np.concatenate([p.grad.reshape(-1) for p in model.parameters()])
    np.testing.assert_allclose(gradient, wanted, rtol=1e-6)
    flat, back = tree.ravel([2.0, np.array([3.0, 4.0])])
    curvature = hessian(lambda row: back(row)[0] ** 2 * back(row)[1].sum())(flat)
    np.testing.assert_allclose(curvature, [[14, 4, 4], [4, 0, 0], [4, 0, 0]])


def test_scipy_minimises_the_cost_of_a_module() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    x = np.linspace(-2, 2, 40)[:, None]
    model = nn.MLP(1, [8, 1], seed=0, activation=np.tanh).astype(np.float64)
    row, unravel = tree.ravel(model)
    cost = value_and_grad(lambda row: ((unravel(row)(x) - np.sin(x)) ** 2).mean())
    found = optimize.minimize(cost, row, jac=True, method="BFGS", options={"maxiter": 300})
    assert found.fun < 1e-5
    np.testing.assert_allclose(unravel(found.x)(x).data, np.sin(x), atol=0.02)
    assert ((model(x) - np.sin(x)) ** 2).mean().data > 0.1  # it stays as it was


def test_a_row_that_does_not_fit_is_refused() -> None:
    row, unravel = tree.ravel([1.0, np.ones(2)])
    for wrong in (row[:2], row[None], np.array(["a", "b", "c"])):
        with pytest.raises(ValueError, match=r"unravel: an array of shape .*; wanted \(3,\), of numbers"):
            unravel(wrong)
    for empty in ([], [1, None], nn.ReLU()):
        with pytest.raises(ValueError, match=r"ravel: nothing in .* varies"):
            tree.ravel(empty)
