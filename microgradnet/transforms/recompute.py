"""`checkpoint`: a computation that is forgotten, and done again when a sweep comes to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np

from .. import tree
from ..core import NO_PARAMS, NonDiff, Op, Value, by_age, new_age, new_value
from ..words import describe, refuse
from .door import Function, check_function, name_of, named, recorded_anyway, under_no_grad
from .sweeps import Gradients, pull, recorded

F = TypeVar("F", bound=Function)


def checkpoint(f: F) -> F:
    """`f`, remembering its inputs only: a sweep that comes to it computes it again, for the sake of memory.

    It takes what f takes and returns what f returns. All the Values that f uses get their gradients, those it closes
    over as well, to any order; gradients are the same as without, but for the order in which several add up. What f
    returns is one Value of the history, or that and the cuts from it if it returns several.

    f is called again during the sweep, so it must compute the same: a function that draws random numbers or whose plain
    surroundings have changed is noticed if its result differs, and RuntimeError says so. Draw outside, and pass what
    is drawn.

    >>> w, x = Value(3.0), Value(2.0)
    >>> y = checkpoint(lambda x: np.exp(np.sin(x) * w))(x)
    >>> y.op
    <Op checkpoint of <lambda>>
    >>> y.backward()
    >>> bool(np.isclose(w.grad, np.sin(2.0) * y.data))
    True
    """
    check_function("checkpoint", f)

    def checkpointed(*args: Any, **kwargs: Any) -> Any:
        if under_no_grad():
            return f(*args, **kwargs)
        since = new_age()
        result = f(*args, **kwargs)
        parts = _flowing(result)
        if not parts:
            return _cut_masks(result, {}, since)
        whole = _joined(parts)
        _, used = recorded([whole], since)
        if whole.age < since or not used:  # nothing was computed, or from constants alone
            return result

        def compute() -> Value:
            again = _flowing(f(*args, **kwargs))
            return _joined(again) if again else Value(0.0)

        op = Checkpointed(name_of(f), compute)
        node = new_value(Value, whole._numbers, op, tuple(sorted(used, key=by_age)), NO_PARAMS)
        return _cut_masks(result, dict(zip(parts, _cut(node, parts), strict=True)), since)

    again: F = named(checkpointed, f, "checkpoint")
    return again


class Checkpointed(Op):
    """What stands for a whole computation: it is recomputed when a sweep comes to it."""

    def __init__(self, name: str, compute: Callable[[], Value]) -> None:
        super().__init__(f"checkpoint of {name}", (), forward=_no_replay)
        self.kind = Value
        self.compute = compute

    def pull(self, node: Value, g: Any, create_graph: bool, pending: Gradients) -> None:
        """Compute it again, recorded this time, and sweep that."""
        since = new_age()
        with recorded_anyway():
            again = self.compute()
        data, before = again._numbers, node._numbers
        if data.shape != before.shape or data.dtype != before.dtype or not _alike(data, before):
            raise RuntimeError(
                f"the {self.name} computed other numbers the second time. Does it draw random numbers, or use "
                f"something that has changed since? Draw and compute those outside, and pass them as arguments"
            )
        nodes, used = recorded([again], since)
        if not used <= set(node.args):
            new = next(iter(used - set(node.args)))
            raise RuntimeError(
                f"the {self.name} used {describe(new)} the second time and not the first. Make parameters before the "
                f"call, and do not replace what the function closes over before backward()"
            )
        for x, gx in pull(nodes, [(again, g)], create_graph, release=not create_graph).items():
            if x in used:
                pending[x] = pending[x] + gx if x in pending else gx


def _no_replay(*inputs: Any, **params: Any) -> Any:
    """What the row computes with other inputs: nothing."""
    refuse("a checkpoint is recomputed from its own arguments, it cannot be replayed with others")


def _alike(x: Any, y: Any) -> bool:
    """Whether two results of the same computation are the same, but for the last bits."""
    with np.errstate(all="ignore"):
        tolerance = min(1000 * float(np.finfo(x.dtype).eps), 0.01)
        size = np.max(np.abs(y), initial=0.0, where=np.isfinite(y))
        return bool(np.allclose(x, y, rtol=tolerance, atol=tolerance * float(size), equal_nan=True))


# ------------------------------------------------------------------------------------------- several Values as one


def _flowing(result: Any) -> list[Value]:
    """The Values in what f returned that gradients flow to, each once, in order."""
    found: dict[Value, None] = {}
    tree.rebuild(result, lambda x, inside: found.setdefault(x) if type(x) is Value else None)
    return list(found)


def _joined(parts: list[Value]) -> Value:
    """Several Values as one, since a row has one result."""
    if len(parts) == 1:
        return parts[0]
    dtype = np.result_type(*[v.dtype for v in parts])
    flat: Any = np.concatenate([(v if v.dtype == dtype else v.astype(dtype)).ravel() for v in parts])
    return flat  # type: ignore[no-any-return]


def _cut(whole: Value, parts: list[Value]) -> Iterable[Any]:
    """What `_joined` made one, apart again."""
    if len(parts) == 1:
        yield whole
        return
    end = 0
    for v in parts:
        begin, end = end, end + v.size
        piece = whole[begin:end].reshape(v.shape)
        yield piece if v.dtype == whole.dtype else piece.astype(v.dtype)


def _cut_masks(result: Any, instead: dict[Value, Any], since: int) -> Any:
    """What f returned, with other Values in place of its own, and none left that holds its history."""

    def leaf(x: Any, inside: bool) -> Any:
        if type(x) is NonDiff and x.age > since:
            return new_value(NonDiff, x._numbers, None, (), NO_PARAMS)
        return instead.get(x, x) if type(x) is Value else x

    return tree.rebuild(result, leaf)
