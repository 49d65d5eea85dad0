"""What a model computes, as a graph that says how every shape and number goes with the size of the batch.

The model is called a few times, in evaluation mode: with other numbers, and with batches of several sizes. What is
alike in all calls is a constant; a size that grows in step with the batch is a `Size`; anything else, such as an array
that was computed outside of what is recorded, would be wrong for another batch, and is refused by its line.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

import numpy as np

from .. import tree
from ..core import NO_PARAMS, Array, NonDiff, Value, by_age, new_value, numbers, recording, shaped
from ..debugging import debug, trace_of
from ..nn.module import Module, scopes_of
from ..words import brief


class Size(NamedTuple):
    """A length that goes with the batch: `per` · batch + `plus`."""

    per: int
    plus: int

    def at(self, batch: int) -> int:
        return self.per * batch + self.plus


class Node:
    """A number that comes to be: an input, an array that is held, the size of a batch, or the result of a row."""

    def __init__(self, data: Any, shape: tuple[Any, ...], *, name: str = "", line: str = "") -> None:
        self.data: Array = np.asarray(data)  # in the first call
        self.shape: tuple[Any, ...] = shape  # of ints and Sizes
        self.name: str = name  # of an input or a parameter
        self.line: str = line
        self.note: str = ""  # which layer it is the result of
        self.op: Any = None
        self.args: tuple[Node, ...] = ()
        self.params: dict[str, Any] = {}
        self.parameter: bool = False
        self.frozen: bool = False
        self.learned: bool = False  # whether it is a parameter, or computed from some
        self.size: Size | None = None  # the number that it is
        self.inverse: bool = False  # whether it is one over that
        self.varies: bool = False  # whether it is another for another batch

    @property
    def dtype(self) -> Any:
        return self.data.dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)


class Graph(NamedTuple):
    """Nodes in the order in which they are computed; each input's axis that counts examples is `axis`."""

    inputs: list[Node]
    nodes: list[Node]
    outputs: list[Node]
    axis: int | None
    batch: int  # in the first call
    result: Any  # what the model returned then


class Call(NamedTuple):
    """One call of the model: its inputs, the Values that led to what it returned, oldest first, and that."""

    batch: int
    inputs: list[Value]
    values: list[Value]
    outputs: list[Any]
    result: Any


def graph_of(model: Any, x: Any, axis: int | None, name: str) -> Graph:
    """The graph of `model(*x)`, or of `model(x)` if x is no tuple; `axis` counts examples, None if all is as in x."""
    if any(kind.__module__.startswith("torch.") for kind in type(model).__mro__):
        raise TypeError(f"{name}: the model is a Module or a function; mg.from_torch(…) makes one of PyTorch's")
    if x is None:
        raise TypeError(f"{name}: x is an example batch, an array or a tuple of the arrays the model takes; got None")
    if not callable(model) or isinstance(model, type):
        raise TypeError(f"{name}: the model is a Module or a function; got {brief(model)}")
    given = [shaped(numbers(part)) for part in (x if isinstance(x, tuple) else (x,))]
    if not given:
        raise ValueError(f"{name}: x is an array or a tuple of some; got an empty tuple")
    for part in given:
        if part.dtype.kind not in "fiub":
            raise TypeError(f"{name}: x holds real numbers; got dtype {part.dtype}")
        if axis is not None and not (0 <= axis < part.ndim and part.shape[axis] == given[0].shape[axis]):
            raise ValueError(
                f"{name}: axis {axis} counts the examples, in every input as many; got shapes "
                f"{', '.join(str(each.shape) for each in given)}. axis=None keeps the shapes as they are"
            )
        if not part.size:
            raise ValueError(f"{name}: x of shape {part.shape} is empty; give one example at least")
    if isinstance(model, Module):
        model = copy.deepcopy(model).eval()
    calls = [called(model, given, axis, name), called(model, [*map(halved, given)], axis, name)]
    for change in (turned, negated):  # an array such as x.data > 0 is then another one
        with contextlib.suppress(Exception):  # these numbers may mean nothing to the model
            calls.append(called(model, [*map(change, given)], axis, name))
    if axis is not None:
        first = given[0].shape[axis]
        for n in sorted({1, 2, first + 1, 2 * first + 3} - {first}):
            taken = np.arange(n)[::-1] % first
            calls.append(called(model, [part.take(taken, axis) for part in given], axis, name))
    return Merging(model, calls, axis, name).graph()


def halved(x: Array) -> Array:
    """Other numbers that should do as well: those of networks are features, or whole numbers that name rows."""
    return ~x if x.dtype.kind == "b" else x // 2 if x.dtype.kind in "iu" else (x * 0.5).astype(x.dtype)


def turned(x: Array) -> Array:
    return x[..., ::-1].copy() if x.ndim else x


def negated(x: Array) -> Array:
    return (-x).astype(x.dtype) if x.dtype.kind == "f" else np.zeros_like(x)


def called(model: Callable[..., Any], given: list[Array], axis: int | None, name: str) -> Call:
    inputs: list[Any] = [
        Value(x) if x.dtype.kind == "f" else new_value(NonDiff, x.copy(), None, (), NO_PARAMS) for x in given
    ]
    try:
        with recording(), debug(nan=False, inf=False), np.errstate(all="ignore"):
            result = model(*inputs)
    except Exception as error:
        error.add_note(f"{name} called the model, in evaluation mode, with {', '.join(str(x.shape) for x in given)}")
        raise
    outputs = [out for out in tree.spots(result) if out is not None]
    values = sorted(reached(outputs), key=by_age)
    return Call(given[0].shape[axis] if axis is not None else 0, inputs, values, outputs, result)


def reached(outputs: list[Any]) -> list[Value]:
    """The computed Values that others were computed from, and those themselves."""
    found = [out for out in outputs if isinstance(out, Value) and out.op is not None]
    found = list({id(value): value for value in found}.values())
    seen = set(map(id, found))
    for value in found:  # grows while it is walked
        for x in value.args:
            if isinstance(x, Value) and x.op is not None and id(x) not in seen:
                seen.add(id(x))
                found.append(x)
    return found


def names_of(model: Any, count: int) -> list[str]:
    """What the inputs are called: as the arguments of the model are."""
    try:
        parameters = inspect.signature(getattr(model, "forward", model)).parameters.values()
        names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    except (TypeError, ValueError):
        names = []
    return names[:count] if len(names) >= count else [f"x{i}" if count > 1 else "x" for i in range(count)]


class Merging:
    """Makes one graph of several calls."""

    def __init__(self, model: Any, calls: list[Call], axis: int | None, name: str) -> None:
        self.calls: list[Call] = calls
        self.sizes: list[int] = [call.batch for call in calls]
        self.axis: int | None = axis
        self.name: str = name
        self.line: str = ""
        self.paths: dict[int, str] = {}
        self.layers: dict[int, str] = {}
        if isinstance(model, Module):
            self.layers = {id(part): f"{path}: {type(part).__name__}" for path, part in model.named_modules() if path}
            self.paths = {id(x): path for path, x in [*model.named_parameters(), *model.named_buffers()]}
        self.names: list[str] = names_of(model, len(calls[0].inputs))
        self.known: list[dict[int, Node]] = [{} for _ in calls]  # of each call: id of a Value -> its node
        self.held: dict[int, Node] = {}

    def graph(self) -> Graph:
        first = self.calls[0]
        inputs, nodes = [], []
        for name, *same in zip(self.names, *(call.inputs for call in self.calls), strict=True):
            shapes = [x.shape for x in same]
            node = Node(numbers(same[0]), self.merged(shapes), name=name)
            node.varies = True
            inputs.append(self.noted(node, same))
        counts = {len(call.values) for call in self.calls}
        for values in zip(*(call.values for call in self.calls), strict=False):
            self.line = str(trace_of(values[0]) or "")
            if len(computed_by := {str(value.op.name) for value in values}) > 1:  # a checkpoint makes a row each time
                self.refuse(f"computes {' or '.join(sorted(computed_by))}")
            nodes.append(self.step(values))
        if len(counts) > 1 or len({len(call.outputs) for call in self.calls}) > 1:
            further = [value for call in self.calls for value in call.values[min(counts) : min(counts) + 1]]
            self.line = str(trace_of(further[0]) or "") if further else ""
            self.refuse("goes on in several ways")
        self.line = ""
        outputs = [self.node(outs) for outs in zip(*(call.outputs for call in self.calls), strict=True)]
        if not outputs:
            raise ValueError(f"{self.name}: the model returned no array")
        return Graph(inputs, nodes, outputs, self.axis, first.batch, first.result)

    def refuse(self, what: str) -> NoReturn:
        at = f" at {self.line}" if self.line else ""
        raise ValueError(
            f"{self.name}: the model {what}{at}, as the size of the batch or the numbers in it are others; a file "
            f"holds one way for all of them. Record it with functions of NumPy, such as np.where, on the input itself; "
            f"if only the size of the batch matters, axis=None keeps it as it is in x"
        )

    def noted(self, node: Node, same: Any) -> Node:
        for known, x in zip(self.known, same, strict=True):
            known[id(x)] = node
        return node

    def step(self, values: Any) -> Node:
        node = Node(numbers(values[0]), self.merged([v.shape for v in values]), line=self.line)
        node.op = values[0].op
        notes = [self.layers.get(id(scope.module), "") for scope in scopes_of(values[0])]
        node.note = next((note for note in reversed(notes) if note), "")
        if len({len(v.args) for v in values}) > 1:
            self.refuse(f"gives {node.op.name} other arguments")
        node.args = tuple(self.node(same) for same in zip(*(v.args for v in values), strict=True))
        node.params = self.merged([dict(v.params) for v in values])
        node.varies = any(x.varies for x in node.args) or has_size((node.params, node.shape))
        node.learned = any(x.learned for x in node.args)
        return self.noted(node, values)

    def node(self, same: Any) -> Node:
        """The node of one argument, in all calls."""
        found = [known.get(id(x)) for known, x in zip(self.known, same, strict=True)]
        if found[0] is not None or any(found):
            if any(node is not found[0] for node in found):
                self.refuse("computes with other Values")
            return found[0]  # type: ignore[return-value]
        if all(x is same[0] for x in same) and id(same[0]) in self.held:
            return self.held[id(same[0])]
        node = self.constant([np.asarray(numbers(x)) for x in same])
        node.name = self.paths.get(id(same[0]), "") or (getattr(same[0], "name", None) or "")
        node.parameter = node.learned = isinstance(same[0], Value) and id(same[0]) in self.paths
        node.frozen = tree.is_frozen(same[0])
        if all(x is same[0] for x in same) and isinstance(same[0], (Value, np.ndarray)):
            self.held[id(same[0])] = node
        return node

    def constant(self, arrays: list[Array]) -> Node:
        first = arrays[0]
        if all(equal(first, x) for x in arrays):
            return Node(first, first.shape)
        if len({x.ndim for x in arrays}) == 1:
            shape = self.merged([x.shape for x in arrays])
            if first.ndim == 0:
                node = Node(first, ())
                node.varies = True
                node.size, node.inverse = self.number(arrays)
                return node
            along = tuple(slice(0, 1) if isinstance(n, Size) else slice(None) for n in shape)
            cores = [x[along] for x in arrays]
            if has_size(shape) and all(
                equal(core, cores[0]) and equal(np.broadcast_to(core, x.shape), x)
                for core, x in zip(cores, arrays, strict=True)
            ):
                node = Node(cores[0], shape)
                node.varies = True
                return node
        return self.refuse(f"uses an array of shape {first.shape} that is not recorded")

    def number(self, arrays: list[Array]) -> tuple[Size, bool]:
        """The size that numbers are, or whose inverses they are."""
        for inverse in (False, True):
            with np.errstate(all="ignore"):
                exact = [1 / float(x) if inverse else float(x) for x in arrays]
            if all(np.isfinite(x) and abs(x - round(x)) <= 1e-6 * abs(x) for x in exact):
                size = self.size([round(x) for x in exact])
                if size is not None:
                    return size, inverse
        return self.refuse(f"uses the numbers {', '.join(str(x[()]) for x in arrays)}, which are not recorded")

    def size(self, ints: list[int]) -> Size | None:
        """What goes with the batch as these whole numbers do; None if nothing does."""
        pairs = dict(zip(self.sizes, ints, strict=True))
        if len(pairs) < 2 or any(pairs[n] != i for n, i in zip(self.sizes, ints, strict=True)):
            return None
        (n, i), (m, j), *_ = pairs.items()
        per = (j - i) // (m - n)
        size = Size(per, i - per * n)
        return size if all(size.at(n) == i for n, i in pairs.items()) else None

    def merged(self, same: list[Any]) -> Any:
        """What stands in one place of the parameters, or the shapes, of all calls."""
        first = same[0]
        differ = f"gives the parameters {', '.join([*dict.fromkeys(map(brief, same))][:2])}"
        if any(type(x) is not type(first) for x in same):
            self.refuse(differ)
        if isinstance(first, (tuple, list)) and len({len(x) for x in same}) == 1:
            parts = [self.merged(list(parts)) for parts in zip(*same, strict=True)]
            return tuple(parts) if isinstance(first, tuple) else parts
        if isinstance(first, dict) and all(x.keys() == first.keys() for x in same):
            return {key: self.merged([x[key] for x in same]) for key in first}
        if isinstance(first, slice):
            return slice(*(self.merged([getattr(x, end) for x in same]) for end in ("start", "stop", "step")))
        if isinstance(first, (int, np.integer)) and not isinstance(first, bool) and any(x != first for x in same):
            size = self.size([int(x) for x in same])
            return size if size is not None else self.refuse(f"uses the sizes {', '.join(map(str, same))}")
        if isinstance(first, (np.ndarray, np.generic)):
            return first if all(equal(first, x) for x in same) else self.refuse("gives other parameters")
        code = getattr(first, "__code__", None)
        if not all(x is first or x == first or (code and getattr(x, "__code__", None) is code) for x in same):
            self.refuse(differ)
        return first


def equal(x: Any, y: Any) -> bool:
    return x.shape == y.shape and x.dtype == y.dtype and bool(np.array_equal(x, y, equal_nan=True))


def has_size(x: Any) -> bool:
    """Whether there is a Size in parameters."""
    if isinstance(x, Size):
        return True
    if isinstance(x, slice):
        return has_size((x.start, x.stop, x.step))
    return any(map(has_size, x.values() if isinstance(x, dict) else x)) if isinstance(x, (tuple, list, dict)) else False


def at(x: Any, batch: int) -> Any:
    """Parameters with the sizes that they have for a batch."""
    if isinstance(x, Size):
        return x.at(batch)
    if isinstance(x, slice):
        return slice(*at((x.start, x.stop, x.step), batch))
    if isinstance(x, dict):
        return {key: at(part, batch) for key, part in x.items()}
    return type(x)(at(part, batch) for part in x) if type(x) in (tuple, list) else x


def move_of(node: Node, batch: int) -> tuple[int, int, Array] | None:
    """What a row that moves elements does, one example like the other: the axis that counts them in its input and in
    its result, and for each element of the result of one example its place in the input's, from 1; 0 is a zero.

    Without a batch in it the axes are −1. None if the examples are not alike.
    """
    (x,) = node.args

    def places(n: int) -> Array:
        shape = at(x.shape, n)
        each = np.arange(1, 1 + int(np.prod(shape))).reshape(shape)
        return np.asarray(node.op.forward(each, **at(node.params, n)))

    into = [i for i, n in enumerate(x.shape) if isinstance(n, Size)]
    out = [i for i, n in enumerate(node.shape) if isinstance(n, Size)]
    if not into and not out:
        return -1, -1, places(batch)
    if len(into) != 1 or len(out) != 1 or x.shape[into[0]] != node.shape[out[0]] or x.shape[into[0]].plus:
        return None
    count = x.shape[into[0]].per * 3
    shape = at(x.shape, 3)
    order = np.moveaxis(np.arange(1, 1 + int(np.prod(shape))).reshape(shape), into[0], 0).reshape((count, -1))
    place = np.concatenate([[0], np.argsort(order.reshape(-1)) + 1])  # of an element, with the examples first
    moved = place[np.moveaxis(places(3), out[0], 0)]
    alike = np.where(
        moved[0] == 0, 0, moved[0] + (np.arange(count) * order.shape[1]).reshape((-1, *(1,) * moved[0].ndim))
    )
    return (into[0], out[0], moved[0]) if (moved == alike).all() else None
