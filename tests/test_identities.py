"""Whether what a step relies on is still what it was: every way in which something outside can become another thing."""

from __future__ import annotations

import functools
import logging
import queue
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import Value, nn
from microgradnet.core import modes
from microgradnet.programs.finding import LONGEST, Watched
from microgradnet.programs.identities import Identities
from microgradnet.programs.numpy_code import OtherProgram
from microgradnet.programs.structure import Structure
from microgradnet.programs.surroundings import Surroundings


class Slotted:
    __slots__ = ("part",)

    def __init__(self) -> None:
        self.part: Any = Value(1.0)


class Holder:
    kind: Any = None

    def __init__(self) -> None:
        self.part: Any = Value(1.0)


def others() -> dict[str, Callable[[], tuple[tuple[Any, str] | Any, Callable[[], Any]]]]:
    """For each kind of place one that is read, and what makes another thing of it."""

    def item() -> Any:
        x = {"a": Value(1.0)}
        return (x, "['a']"), lambda: x.update(a=Value(1.0))

    def gone() -> Any:
        x = {"a": Value(1.0)}
        return (x, "['a']"), x.clear

    def attribute() -> Any:
        x = Slotted()
        return (x, ".part"), lambda: setattr(x, "part", Value(1.0))

    def no_attribute() -> Any:
        x = Slotted()
        return (x, ".part"), lambda: delattr(x, "part")

    def cell() -> Any:
        y = Value(1.0)

        def change() -> None:
            nonlocal y
            y = Value(1.0)

        return (change.__closure__[0], ".cell_contents"), change  # type: ignore[index]

    def of_a_list() -> Any:
        x = [Value(1.0), Value(2.0)]
        return x, lambda: x.__setitem__(1, Value(2.0))

    def order() -> Any:
        x = [Value(1.0), Value(2.0)]
        return x, x.reverse

    def longer() -> Any:
        x = [Value(1.0)]
        return x, lambda: x.append(x[0])

    def of_a_dict() -> Any:
        x = {"a": Value(1.0)}
        return x, lambda: x.update(a=Value(1.0))

    def key() -> Any:
        y = Value(1.0)
        x = {"a": y}
        return x, lambda: (x.clear(), x.update(b=y))

    return {
        f.__name__: f for f in (item, gone, attribute, no_attribute, cell, of_a_list, order, longer, of_a_dict, key)
    }


@pytest.fixture(params=["by Python", "by machine code"])
def comparing(request: pytest.FixtureRequest) -> Any:
    """What compares lists."""
    if request.param == "by Python":
        return None
    pytest.importorskip("llvmlite")
    from microgradnet.programs.native.lists import comparing

    return comparing


@pytest.mark.parametrize("name", others())
def test_another_thing_in_its_place_is_noticed(name: str, comparing: Any) -> None:
    place, change = others()[name]()
    places, containers = ([place], []) if type(place) is tuple else ([], [place])
    identities = Identities(places, containers, [], comparing=comparing)
    assert identities.hold()
    change()
    assert not identities.hold()


def test_what_moves_from_one_list_to_the_next_is_noticed(comparing: Any) -> None:
    x, y = [Value(1.0), last := Value(2.0)], [Value(3.0)]
    identities = Identities([], [[], x, y, []], [], comparing=comparing)
    y.insert(0, x.pop())
    assert not identities.hold()
    x.append(last)
    del y[0]
    assert identities.hold()


def test_of_a_long_list_the_length_is_noticed(comparing: Any) -> None:
    x = [Value(1.0)] * 3
    identities = Identities([], [], [x], comparing=comparing)
    x[1] = Value(1.0)
    assert identities.hold()
    x.append(x[0])
    assert not identities.hold()


def test_what_is_taken_over_is_what_is_to_be_there(comparing: Any) -> None:
    x, y = {"a": Value(1.0)}, [Value(2.0)] * 3
    identities = Identities([(x, "['a']")], [x, y], [], comparing=comparing)
    x["a"] = y[2] = Value(1.0)
    assert not identities.hold()
    identities.take_over()
    assert identities.hold()
    y.extend([Value(3.0)] * 100)  # lies somewhere else in memory then
    assert not identities.hold()
    del y[3:]
    assert identities.hold()


def test_what_is_written_into_an_array_is_noticed() -> None:
    x = np.arange(6.0).reshape(2, 3)[:, ::2]
    identities = Identities([], [], [], [(x, x.tobytes())])
    assert identities.hold()
    x[1, 1] = -0.0
    assert not identities.hold()
    x[1, 1] = 5.0
    assert identities.hold()


def test_what_comes_where_nothing_was_is_noticed() -> None:
    x: dict[str, Any] = {"a": 1.0}
    identities = Identities([], [], [], missing=[(x, "b")])
    assert identities.hold()
    x["b"] = None
    assert not identities.hold()
    del x["b"]
    assert identities.hold()


# ------------------------------------------------------------------------------------------------- of a function

rate: Any = 0.5
table: Any = {"a": 1.0}
holder = Holder()
slotted = Slotted()
long: Any = [1.0] * (LONGEST + 1)


def user(x: Any, factor: Any = (2.0,), *, shift: Any = 1.0) -> Any:
    return x * rate * table["a"] * len(long) + factor[0] + shift + (holder.part, holder.kind, slotted.part) * 0


def renewed(name: str, x: Any) -> Callable[[], None]:
    return lambda: globals().__setitem__(name, x)


CHANGES: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "a global": (renewed("rate", 0.25), renewed("rate", 0.5)),
    "an item": (lambda: table.update(a=2.0), lambda: table.update(a=1.0)),
    "one item more": (lambda: table.update(b=2.0), lambda: table.pop("b")),
    "a length": (lambda: long.append(1.0), long.pop),
    "a default": (lambda: setattr(user, "__defaults__", ((3.0,),)), lambda: setattr(user, "__defaults__", ((2.0,),))),
    "a default by name": (lambda: user.__kwdefaults__.update(shift=2.0), lambda: user.__kwdefaults__.update(shift=1.0)),
    "an attribute of a class": (lambda: setattr(Holder, "kind", 1), lambda: setattr(Holder, "kind", None)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_function_whose_surroundings_are_others_is_another(name: str) -> None:
    around = Surroundings(user, [])
    change, back = CHANGES[name]
    assert around.holds()
    assert around.holds()
    change()
    try:
        assert not around.holds()
    finally:
        back()
    assert around.holds()
    assert around.holds()


def test_what_is_equal_and_not_identical_is_the_same() -> None:
    around = Surroundings(user, [])
    assert around.holds()
    table["a"] = float("1.0")
    assert around.holds()
    assert around.identities is not None
    assert around.identities.hold()


def test_what_was_not_there_is_noticed_when_it_comes() -> None:
    there = Slotted()
    del there.part

    def f() -> Any:
        return getattr(there, "part", None)

    around = Surroundings(f, [])
    assert around.holds()
    there.part = 1.0
    assert not around.holds()


# --------------------------------------------------------------------------------------- the arguments of a program


@pytest.mark.parametrize("other", [
    np.ones((3, 2)), np.ones((2, 3), np.float32), np.ones((3, 2)).T, np.ones((2, 6))[:, ::2], np.ones((2, 3), ">f8"),
    np.ma.ones((2, 3)),
])  # fmt: skip
def test_a_program_is_not_run_for_another_kind_of_argument(other: Any) -> None:
    w = Value(np.arange(6.0).reshape(2, 3))

    @mg.compile(backend="numpy")
    def f(x: Any) -> Any:
        return (w.sum() * x + 1.0).sum()

    plain = np.ones((2, 3))
    for _ in range(4):
        f(plain)
    assert f.fast is not None
    with pytest.raises(OtherProgram):
        f.fast(other)


def test_a_program_that_is_called_by_its_own_host_runs_as_it_is() -> None:
    w = Value(np.arange(3.0))
    inner: list[Any] = []

    def hook(g: Any) -> Any:
        if len(inner) < 10 and np.max(g) > 1.5:
            inner.append(float(step(np.full(3, 0.5))))
        return g

    @mg.compile(backend="numpy")
    def step(x: Any) -> Any:
        w.grad = None
        cost = (mg.hook(w * x, hook) * x).sum()
        cost.backward()
        return cost

    costs = [float(step(np.full(3, 2.0))) for _ in range(5)]
    assert costs == [12.0] * 5
    assert set(inner) == {0.75}


# ------------------------------------------------------------------------------------------------ what is found at all

own = types.ModuleType("own")
own.__file__ = "/somewhere/own.py"
own.__dict__.update(level=3, nobodys=4)
COUNT, FACTOR, NOBODYS, ARRAY = 1, 2.0, 3.0, np.arange(3.0)


class Base:
    """What is found of an object by the names of its attributes."""

    shared: Any = (1.0,)

    @property
    def twice(self) -> Any:
        return self.part  # type: ignore[attr-defined]

    @functools.cached_property
    def once(self) -> Any:
        return self.kept  # type: ignore[attr-defined]

    @classmethod
    def made(cls) -> Any:
        return COUNT

    def method(self) -> Any:
        return self.missing  # type: ignore[attr-defined]


class Thing(Base):
    __slots__ = ("slot",)

    def __init__(self) -> None:
        self.part, self.kept, self.slot = {"a": [1.0]}, 2.0, 4.0
        vars(self).update(nobodys=3.0)

    def __mul__(self, x: Any) -> Any:
        return x * FACTOR


thing = Thing()


def powered(x: Any, table: Any, *, power: Any = (2, 3)) -> Any:
    return x * table["key"] ** power[0]


def finding() -> Any:
    cell, rng, lasting = 5.0, np.random.default_rng(0), [0.0] * 1000
    some = functools.partial(powered, table={"key": 1.0})
    net = nn.Sequential(nn.Linear(2, 2, seed=0))
    endless = [0.0] * 1001

    def f(x: Any, a: Any = 1.0, b: Any = "two") -> Any:
        def inner() -> Any:
            return cell, own.level, thing.slot, thing.once, thing.made(), rng, lasting, getattr(x, "bias")  # noqa: B009

        return some(x), inner, endless, ARRAY, thing * x, thing.twice, thing.shared, net.weight, np.sin(x), len(x)

    return f


FOUND = """
: ARRAY, thing, np, own of dict['ARRAY'], dict['thing'], dict['np'], dict['own']
: COUNT of dict['COUNT']
: FACTOR of dict['FACTOR']
: a, b of function.__defaults__
: cell, endless, lasting, net, rng, some of cell.cell_contents × 6
Thing.shared: Thing.shared[0] of tuple
Thing: Thing.__init__ of type.__init__
Thing: Thing.__mul__ of type.__mul__
Thing: Thing.bias of partial()
Thing: Thing.made of partial()
Thing: Thing.once of type.once
Thing: Thing.shared of type.shared
Thing: Thing.twice of type.twice
__init__: __init__.__code__ of function.__code__
__init__: __init__.bias of no dict['bias']
__mul__: __mul__.__code__ of function.__code__
__mul__: __mul__.bias of no dict['bias']
dict: a key of dict, dict['given'] of dict
endless: len(endless) of list
f: f.__code__ of function.__code__
f: f.bias of no dict['bias']
made: made.__code__ of function.__code__
made: made.bias of no dict['bias']
method: method.__code__ of function.__code__
method: method.bias of no dict['bias']
net.layers.0: net.layers.0.bias of dict['bias']
net.layers.0: net.layers.0.weight of dict['weight']
net: net.bias of no dict['bias']
once: once.__code__ of function.__code__
once: once.bias of no dict['bias']
own: own.bias of no dict['bias']
own: own.level of dict['level']
powered.__kwdefaults__: a key of powered.__kwdefaults__, powered.__kwdefaults__['power'] of dict
powered.__kwdefaults__['power']: powered.__kwdefaults__['power'][0], powered.__kwdefaults__['power'][1] of tuple
powered: powered.__code__ of function.__code__
powered: powered.__kwdefaults__ of function.__kwdefaults__
powered: powered.bias of no dict['bias']
some: a key of some, some['table'] of dict
some: nothing of tuple
some['table']: a key of some['table'], some['table']['key'] of dict
thing.part: a key of thing.part, thing.part['a'] of dict
thing.part['a']: thing.part['a'][0] of list
thing: thing.bias of no dict['bias']
thing: thing.kept of dict['kept']
thing: thing.made of no dict['made']
thing: thing.part of dict['part']
thing: thing.shared of no dict['shared']
thing: thing.slot of Thing.slot
thing: type(thing) of Thing.__class__
twice: twice.__code__ of function.__code__
twice: twice.bias of no dict['bias']
"""


def test_what_a_function_reaches_is_found_by_the_names_in_its_code() -> None:
    """And nothing else: neither what no code names, nor a name that is not there, unless it would hide another."""
    around = Surroundings(finding(), [{"given": 1.0}, thing.method, print, 3.0])
    lines = []
    for x in around.watched:
        if x.name != "lasting":
            places = [f"{type(holder).__name__}{place}" for holder, place in x.places]
            if x.missing is not None:
                places.append(f"no {type(x.missing[0]).__name__}[{x.missing[1]!r}]")
            places = places or [type(x.container).__name__]
            if len(places) > 4:
                places = [f"{place} × {places.count(place)}" for place in dict.fromkeys(places)]
            lines.append(f"{x.name}: {', '.join(x.names) or 'nothing'} of {', '.join(places)}")
    assert sorted(lines) == sorted(FOUND.strip().splitlines())
    (lasting,) = [x.names for x in around.watched if x.name == "lasting"]
    assert lasting == [f"lasting[{i}]" for i in range(1000)]
    assert [x.name for x in around.arrays] == ["ARRAY"]
    assert [name for name, _ in around.generators] == ["random", "np.random", "rng"]
    assert {code.co_name for code in around.codes} == {
        "f", "powered", "twice", "once", "made", "method", "__init__", "__mul__",
    }  # fmt: skip
    assert around.holds()


def test_of_an_object_of_pythons_library_its_public_attributes_are_looked_at_and_nothing_behind_them() -> None:
    logger, jobs = logging.getLogger("of a step"), queue.Queue[int]()
    around = Surroundings(lambda x: (logger.debug("begun"), jobs.qsize(), x), [])
    names = [name for x in around.watched for name in x.names]
    assert {"logger.level", "logger.handlers", "logger.manager", "jobs.queue", "jobs.unfinished_tasks"} <= set(names)
    assert not any("loggerDict" in name or name.startswith("logger.parent.") for name in names)
    for change, back in [
        (lambda: logger.setLevel(10), lambda: logger.setLevel(0)),
        (lambda: jobs.put(1), lambda: (jobs.get(), jobs.task_done())),
        (lambda: logger.addHandler(NOWHERE), lambda: logger.removeHandler(NOWHERE)),
    ]:  # fmt: skip
        assert around.holds()
        change()
        assert not around.holds()
        back()
    logging.getLogger("of another")
    assert around.holds()


NOWHERE = logging.NullHandler()


@pytest.mark.parametrize(("more", "held"), [(0, False), (1, True)])
def test_of_a_thousand_items_each_is_looked_at_and_of_more_how_many_there_are(more: int, held: bool) -> None:
    items: Any = [0.0] * (1000 + more)
    around = Surroundings(lambda: items[3], [])
    assert around.holds()
    assert around.holds()
    assert around.same()
    items[3] = 1.0
    assert around.same() == held
    assert around.holds() == held
    items.append(0.0)
    assert not around.holds()


@pytest.mark.parametrize("shape", [(3, 30000), (30000, 3), (9000,)])
def test_of_a_large_array_some_elements_along_each_axis_are_looked_at(shape: Any) -> None:
    array = np.zeros(shape)
    around = Surroundings(lambda: array, [])
    for index in ([0] * len(shape), [n - 1 if n < 8 else n // 8 * 3 for n in shape]):
        assert around.holds()
        array[tuple(index)] = 1.0
        assert not around.same()
        assert not around.holds()
        array[tuple(index)] = 0.0


def test_an_array_is_looked_at_as_a_whole_up_to_some_size() -> None:
    array = np.zeros(65536 // 8)
    around = Surroundings(lambda: array, [])
    assert around.holds()
    assert around.same()
    array[1] = -0.0
    assert not around.same()
    assert not around.holds()
    larger = np.zeros(65537, np.uint8)
    around = Surroundings(lambda: larger, [])
    assert around.holds()
    larger[1] = 1
    assert around.holds()
    larger[65537 // 8 * 3] = 1
    assert not around.holds()


def test_what_has_become_another_thing_is_said() -> None:
    watched = Watched("held", ["held['a']", "held['b']"], lambda: (1, "one"), [], None)
    assert watched.difference((1, "".join(["o", "ne"]))) is None
    assert watched.difference((1, "two")) == "held['b'] = 'one', and then 'two'"
    assert watched.difference((1.0, "two")) == "held['a'] = 1, and then 1.0"
    assert watched.difference((1,)) == "held with 2 items, and then with 1"


def test_a_structure_looks_again_only_after_something_was_changed() -> None:
    layer, other = nn.Linear(2, 2, seed=0), nn.Linear(2, 2, seed=0)
    structure = Structure([layer, layer.weight])
    assert structure.holds()
    layer.train(layer.training)
    other.bias = other.bias  # somewhere an attribute was assigned
    assert structure.since != modes.changes[0]
    assert structure.holds()
    assert structure.since == modes.changes[0]
    assert structure == Structure([layer, layer.weight])
    assert structure != Structure([layer])
    assert structure != Structure([other, layer.weight])
    layer.train(not layer.training)
    assert not structure.holds()
    layer.train(not layer.training)
    assert structure.holds()
    layer.bias = None
    assert not structure.holds()
