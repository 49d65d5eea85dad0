"""Trees: what varies in them, copies that keep their shape, ties and loops."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from microgradnet import Value, nn, tree

Point = namedtuple("Point", "x y")


@dataclass(frozen=True)
class Frozen:
    a: Any
    b: Any


def test_every_kind_of_container_is_copied_as_itself() -> None:
    node = {"d": OrderedDict(z=1.0, a=2.0), "p": Point(3.0, [4.0]), "f": Frozen(5.0, (6.0,)), 7: []}
    twice = tree.map(lambda x: 2 * x, node)
    assert twice == {"d": OrderedDict(z=2.0, a=4.0), "p": Point(6.0, [8.0]), "f": Frozen(10.0, (12.0,)), 7: []}
    assert [type(x) for x in twice.values()] == [OrderedDict, Point, Frozen, list]
    assert node["f"] == Frozen(5.0, (6.0,))
    assert tree.leaves(node) == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


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
