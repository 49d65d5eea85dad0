"""Nested containers of Values: what they hold, and the same container around other things.

Containers are dicts, lists, tuples, named tuples and dataclasses; an `nn.Module` joins them through `register`. Two
kinds of them differ in what varies. In a plain container every floating-point number, array and Value does, and every
place is one of its own. An owner, such as a Module, has parameters: Values that it holds once, whatever number of names
they have. Its other numbers and arrays are settings and buffers. A frozen parameter is one still, and does not vary.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .core import FROZEN, NO_PARAMS, Array, NonDiff, Value, modes, new_age, plain_data, shaped
from .words import brief

__all__ = ["leaves", "map", "ravel"]

Change: TypeAlias = Callable[[Any], Any]
Memo: TypeAlias = dict[int, Any]

# What `params` is in a Value that a transform made to differentiate by, or that stands for a parameter: it counts as a
# parameter although it may have a history.
VARIABLE: dict[str, Any] = {}


class Kind(NamedTuple):
    """What there is to know of a kind of container."""

    children: Callable[[Any], list[tuple[str, Any]]]  # what it holds, each with its name there
    rebuilt: Callable[[Any, Change, Memo], Any]  # a copy around changed parts, which puts itself into the memo
    owner: bool = False  # whether it owns parameters
    unnamed: str = ""  # what of it holds its children, and is left out of their names in state dicts


def _rebuilt_dict(node: Any, change: Change, memo: Memo) -> Any:
    memo[id(node)] = new = copy.copy(node)
    for key, part in node.items():
        new[key] = change(part)
    return new


def _rebuilt_list(node: Any, change: Change, memo: Memo) -> Any:
    memo[id(node)] = new = copy.copy(node)
    new[:] = [change(part) for part in node]
    return new


def _rebuilt_tuple(node: Any, change: Change, memo: Memo) -> Any:
    make = getattr(node, "_make", type(node))  # of a named tuple
    memo[id(node)] = new = make([change(part) for part in node])
    return new


def _fields(node: Any) -> list[tuple[str, Any]]:
    import dataclasses  # whoever has a dataclass has paid for this

    return [(field.name, getattr(node, field.name)) for field in dataclasses.fields(node) if hasattr(node, field.name)]


def _rebuilt_dataclass(node: Any, change: Change, memo: Memo) -> Any:
    memo[id(node)] = new = copy.copy(node)  # not made by its __init__, which may check what it is given
    for name, part in _fields(node):
        object.__setattr__(new, name, change(part))
    return new


def _items(node: Any) -> list[tuple[str, Any]]:
    return [(str(key), part) for key, part in node.items()]


def _numbered(node: Any) -> list[tuple[str, Any]]:
    return [(str(i), part) for i, part in enumerate(node)]


KINDS: dict[type, Kind] = {
    dict: Kind(_items, _rebuilt_dict),
    list: Kind(_numbered, _rebuilt_list),
    tuple: Kind(_numbered, _rebuilt_tuple),
}
DATACLASS = Kind(_fields, _rebuilt_dataclass)


def register(kind: type, children: Any, rebuilt: Any, *, owner: bool = False, unnamed: str = "") -> None:
    """Make objects of a class, and of those derived from it, containers. See `Kind`."""
    KINDS[kind] = Kind(children, rebuilt, owner, unnamed)
    KIND_OF.clear()


class Looked(dict[type, "Kind | None"]):
    """Class -> the kind of container its objects are, or None; remembered, since every place of a tree is asked for."""

    def __missing__(self, cls: type) -> Kind | None:
        kind = DATACLASS if hasattr(cls, "__dataclass_fields__") else None
        kind = next((KINDS[base] for base in cls.__mro__ if base in KINDS), kind)
        if len(self) < 1000:
            self[cls] = kind
        return kind


KIND_OF = Looked()


def children(node: Any) -> list[tuple[str, Any]]:
    """What `node` holds, with the names it has there; nothing for an object that is no container."""
    kind = KIND_OF[type(node)]
    return kind.children(node) if kind else []


def is_parameter(x: Any) -> bool:
    """Whether `x`, found in an owner, is a parameter of it: a Value, and not a result kept there."""
    return (type(x) is Value and (x.op is None or x.params is VARIABLE)) or is_frozen(x)


def is_frozen(x: Any) -> bool:
    return type(x) is NonDiff and x.params is FROZEN


def freeze(parameter: Value) -> None:
    """Make a parameter a constant: as nothing flows to what is not exactly a Value, it costs a backward nothing."""
    if type(parameter) is Value:
        parameter.__class__ = NonDiff
        modes.changed()
        parameter.params, parameter.grad = FROZEN, None


def unfreeze(parameter: Value) -> None:
    """Let gradients flow to it again. What was recorded meanwhile has cut it off: a sweep over that says so."""
    if is_frozen(parameter):
        parameter.__class__ = Value
        modes.changed()
        parameter.params = NO_PARAMS if parameter.op is None else VARIABLE
        parameter.age = new_age()


def like(parameter: Value, numbers: Any) -> Value:
    """A new parameter that holds `numbers`, with the name of this one, and frozen if it is."""
    new = Value(numbers, parameter.name)
    if is_frozen(parameter):
        freeze(new)
    return new


def walk(
    node: Any, path: str = "", seen: set[int] | None = None, deep: bool = True, buffers: bool = False
) -> Iterator[tuple[str, Any]]:
    """The owners and parameters in `node`, itself included, with their paths; each once.

    `deep` enters owners; with `buffers`, the plain arrays are among them.
    """
    seen = set() if seen is None else seen
    if isinstance(node, Value) or (buffers and isinstance(node, np.ndarray)):
        result = isinstance(node, Value) and not is_parameter(node)
        if not result and id(node) not in seen:
            seen.add(id(node))
            yield path, node
        return
    kind = KIND_OF[type(node)]
    if kind is None or id(node) in seen:
        return
    if kind.owner:
        yield path, node
        if not deep:
            return
    seen.add(id(node))
    for name, part in kind.children(node):
        yield from walk(part, f"{path}.{name}" if path else name, seen, deep, buffers)


def find(node: Any, path: str) -> Any:
    """What stands under a path such as "layers.0.weight", or under its name in a state dict; or None."""
    for name, part in children(node):
        if path == name:
            return part
        if path.startswith(name + "."):
            found = find(part, path[len(name) + 1 :])
            if found is not None:
                return found
    kind = KIND_OF[type(node)]
    return find(dict(kind.children(node)).get(kind.unnamed), path) if kind and kind.unnamed else None


def state_names(node: Any, paths: list[str]) -> list[str]:
    """Paths in `node` as state dicts have them: without what is left out of names."""
    left_out = []
    for path, owner in walk(node):
        kind = KIND_OF[type(owner)]
        if kind and kind.unnamed:
            before = f"{path}." if path else ""
            left_out.append((before, f"{before}{kind.unnamed}."))
    names = []
    for path in paths:
        for before, longer in reversed(left_out):  # the innermost first
            if path.startswith(longer):
                path = before + path[len(longer) :]
        names.append(path)
    return names


def rebuild(node: Any, leaf: Callable[[Any, bool], Any]) -> Any:
    """`node` with every container in it copied and everything else replaced by `leaf(it, inside an owner)`.

    Inside owners, what was one object before is one object again, and loops stay loops. ValueError for a loop of plain
    containers: there is nothing to hold it together.
    """
    return Rebuilding(leaf).outside(node)


class Rebuilding:
    """One walk of `rebuild`. Two nested functions would hold each other, and large arrays, until garbage collection."""

    __slots__ = ("above", "leaf", "memo")

    def __init__(self, leaf: Callable[[Any, bool], Any]) -> None:
        self.leaf: Callable[[Any, bool], Any] = leaf
        self.memo: Memo = {}
        self.above: set[int] = set()

    def outside(self, x: Any) -> Any:
        kind = KIND_OF[type(x)]
        if kind is None:
            return self.leaf(x, False)
        if kind.owner:
            return self.inside(x)
        if id(x) in self.above:
            raise ValueError(f"a {type(x).__name__} that holds itself has no end: {brief(x)}")
        self.above.add(id(x))
        new = kind.rebuilt(x, self.outside, {})
        self.above.discard(id(x))
        return new

    def inside(self, x: Any) -> Any:
        kind = KIND_OF[type(x)]
        if kind is None:
            return self.leaf(x, True)
        return self.memo[id(x)] if id(x) in self.memo else kind.rebuilt(x, self.inside, self.memo)


def spots(node: Any) -> list[Any]:
    """Everything in `node` that is no container, in order; None stands for what an owner holds beside arrays."""
    found: list[Any] = []
    rebuild(node, lambda x, inside: found.append(x))
    return found


def leaves(node: Any, *others: Any) -> list[Any]:
    """What varies in `node`, in order: parameters of Modules, each once and unless frozen, and all but None elsewhere.

    With `others`, trees of the same structure such as gradients: tuples of what each of them has there.
    ValueError if the structures differ.

    >>> leaves({"w": 1.0, "more": [2.0, None]})
    [1.0, 2.0]
    >>> leaves([1.0, 2.0], ["a", "b"])
    [(1.0, 'a'), (2.0, 'b')]
    """
    found: list[Any] = []

    def note(*here: Any) -> None:
        found.append(here if others else here[0])

    map(note, node, *others)
    return found


def map(f: Callable[..., Any], node: Any, *others: Any) -> Any:
    """The structure `node` with `f(leaf, …)` in place of each leaf, given what each of `others` has at that place.

    See `leaves`. In the copy of a Module, a Value that `f` computed is a parameter.

    >>> map(lambda x, g: x - 0.5 * g, {"w": 1.0}, {"w": 4.0})
    {'w': -1.0}
    """
    rows = [iter(matched(node, other)) for other in others]
    known: Memo = {}

    def leaf(x: Any, inside: bool) -> Any:
        here = [next(row) for row in rows]
        if not inside:
            return None if x is None else f(x, *here)
        if not is_parameter(x) or is_frozen(x):
            return x
        if id(x) not in known:
            known[id(x)] = standing(f(x, *here))
        return known[id(x)]

    return rebuild(node, leaf)


def ravel(node: Any) -> tuple[Array, Callable[[Any], Any]]:
    """All numbers that vary in `node` as one row, and the function that puts such a row into the structure again.

    What varies are the parameters of Modules, unless frozen, and floating-point numbers, arrays and Values elsewhere.
    The row is a copy, in a dtype that holds them all. `unravel(row)` is `node` with the numbers of the row, in their
    shapes and dtypes; of a row that is a Value, they are recorded, and what is computed of them can be differentiated
    by it: SciPy minimises the cost of a Module as `minimize(value_and_grad(lambda row: cost(unravel(row))), row,
    jac=True)`. ValueError for a row of another length, or where nothing varies.

    >>> row, unravel = ravel({"w": np.array([[1.0, 2.0]]), "b": 3.0})
    >>> row
    array([1., 2., 3.])
    >>> unravel(2 * row)
    {'w': array([[2., 4.]]), 'b': 6.0}
    """
    parts = [x for x in leaves(node) if is_floating(x)]
    if not parts:
        raise ValueError(f"ravel: nothing in {brief(node)} varies: no floating-point number, no parameter")
    arrays = [np.asarray(plain_data(x)) for x in parts]
    row = np.concatenate([x.reshape(-1) for x in arrays])
    likes = [(x.shape, x.dtype) for x in arrays]  # not the arrays, which may be large

    def unravel(row: Any) -> Any:
        """The structure with the numbers of `row` in place of its own."""
        row = shaped(row)
        if row.shape != (total,) or row.dtype.kind not in "fiu":
            raise ValueError(f"unravel: an array of shape {row.shape} ({row.dtype}); wanted ({total},), of numbers")
        left, at = iter(likes), 0

        def placed(x: Any) -> Any:
            nonlocal at
            if not is_floating(x):
                return x
            shape, dtype = next(left)
            start, at = at, at + math.prod(shape)
            part = row[start:at].reshape(shape).astype(dtype)  # astype copies: who called may write to the row
            if isinstance(part, Value):
                return part
            return like(x, part) if isinstance(x, Value) else float(part) if isinstance(x, float) else part[()]

        return map(placed, node)

    total = row.size
    return row, unravel


def standing(x: Any) -> Any:
    """`x`; if it is a computed Value, one that counts as a parameter."""
    if type(x) is Value and x.op is not None and x.params is not VARIABLE:
        x = x.copy()
        x.params = VARIABLE
    return x


def matched(node: Any, other: Any) -> list[Any]:
    """What `other`, of the structure of `node`, has in the places of `node`."""
    if KIND_OF[type(node)] is None:
        return [other]
    found: list[Any] = []
    _pair(node, other, found, set(), False)
    return found


def _pair(x: Any, y: Any, found: list[Any], seen: set[int], inside: bool) -> None:
    """Add to `found` what `y` has in each place of `x`, by name, in the order in which `rebuild` comes to them."""
    kind = KIND_OF[type(x)]
    if kind is None:
        found.append(y)
        return
    inside = inside or kind.owner
    if inside and id(x) in seen:
        return
    seen.add(id(x))
    mine, theirs = kind.children(x), dict(children(y))
    if len(theirs) != len(mine) or any(name not in theirs for name, _ in mine):
        raise ValueError(
            f"a structure with {len(theirs)} places beside one with {len(mine)}, or with other names: {brief(y)} "
            f"should be built as {brief(x)} is"
        )
    for name, part in mine:
        _pair(part, theirs[name], found, seen, inside)


def is_floating(x: Any) -> bool:
    """Whether `x`, in a plain container, varies: a float, a floating-point array, a Value that gradients flow to."""
    if isinstance(x, Value) and not (isinstance(x, NonDiff) and x._plain):
        return not isinstance(x, NonDiff)
    return isinstance(x, float) or getattr(getattr(x, "dtype", None), "kind", "") == "f"
