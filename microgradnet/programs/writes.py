"""Writing into arrays while a step is recorded: `x += 1`, `x[0] = 1`, `out=x`.

A program has no array that changes. What is written becomes another node; whoever has a view of the array, or is the
array of which a view was written, gets a node anew: that is what NumPy's memory does by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy import ndarray

from ..words import describe
from .nodes import DataOf, Node, layout_of
from .passes import is_new
from .traced import Host, Traced

if TYPE_CHECKING:
    from .tape import Tape


SHARED = "this writes into an array, such as that of a parameter, which lies in the memory"


class View(NamedTuple):
    """That a stand-in is `function(*args, **params)`, a view of `base`, which is one of these arguments."""

    base: Traced
    function: Callable[..., Any]
    args: tuple[Any, ...]
    params: dict[str, Any]


class Writes:
    """What was written in a step, and which stand-ins lie in one memory."""

    def __init__(self) -> None:
        self.views: dict[int, View] = {}  # id of a stand-in -> what it is a view of
        self.moved: dict[Any, int] = {}  # place written -> how many nodes there were when it was written
        self.stale: set[int] = set()  # ids of those whose memory was written since
        self.data: dict[int, Traced] = {}  # id of a leaf that the step has made -> what stands for its data
        self.leaves: dict[int, Any] = {}  # the other way round

    def made(self, result: Any, function: Callable[..., Any], args: Any, params: dict[str, Any]) -> None:
        """Note if a stand-in just made is a view of one of those it was made from."""
        if isinstance(result, Traced) and type(result._numbers) is ndarray and result._numbers.base is not None:
            for x in args:
                if isinstance(x, Traced) and np.may_share_memory(x._numbers, result._numbers):
                    self.views[id(result)] = View(x, function, args, params)
                    return

    def refreshed(self, tape: Tape, x: Any) -> None:
        """A stand-in is about to be used: if its memory was written, it is taken anew."""
        if id(x) not in self.stale:
            return
        view = self.views.get(id(x))
        if view is None:
            raise tape.error(f"{describe(x)} lies in an array that was written since: take it anew")
        self.stale.discard(id(x))
        args, params = tape.nodes_of(view.args), tape.nodes_of(view.params)
        tape.node_of[id(x)] = tape.add(Node("call", view.function, args, params, like=x._numbers))

    def data_of(self, tape: Tape, leaf: Any, node: Any) -> Traced:
        """What stands for the data of a leaf that the step has made: one thing, into which may be written."""
        found = self.data.get(id(leaf))
        if found is None or found._numbers is not leaf._numbers:  # others were assigned
            found = self.data[id(leaf)] = tape.standing_for(leaf._numbers, node)
            self.leaves[id(found)] = leaf
        return found

    def write(self, tape: Tape, target: Traced, result: Any) -> None:
        """`result` is in the memory of `target` from now on."""
        known = tape.node_of.get(id(target))
        leaf = self.leaves.get(id(target))
        if isinstance(known, Node) and known.kind == "input" and leaf is None:
            raise tape.error("this writes into an argument of the step. Write x = x / 2 in place of x /= 2")
        if not isinstance(target, Host):
            if np.broadcast_shapes(result.shape, target.shape) != target.shape:
                raise ValueError(f"an array of shape {result.shape} cannot be written into one of {target.shape}")
            if result.shape != target.shape:
                result = tape.called(np.broadcast_to, (result, target.shape), {})
            if result.dtype != target.dtype:
                result = result.astype(target.dtype)
        self.refreshed(tape, target)
        view = self.views.get(id(target))
        if view is not None:
            place = next(i for i, x in enumerate(view.args) if x is view.base)
            rest = view.function, view.args[:place], view.args[place + 1 :]
            self.write(tape, view.base, tape.called(written_through, (view.base, result, *rest), view.params))
        else:
            self.write_base(tape, target, result)
            result = laid_as(tape, result, target._numbers)
        for x in (target,) if leaf is None else (target, leaf):
            tape.node_of[id(x)] = tape.node(result)
            self.stale.discard(id(x))

    def write_base(self, tape: Tape, target: Traced, result: Any) -> None:
        """The same for an array that is no view."""
        array = target._numbers
        place = tape.place_of.get(id(target))
        if type(array) is not ndarray:
            target._numbers = result._numbers
            if place is not None:
                place.write(result._numbers)
        else:
            owner = self.leaves.get(id(target)) if place is None else place.owner
            for x in tape.alive:
                is_owner = x is owner
                if x is not target and x is not result and not is_owner and np.may_share_memory(x._numbers, array):
                    if id(x) in tape.place_of:
                        raise tape.error(f"{SHARED} of another one. Give each its own, v.data = v.data.copy()")
                    if getattr(tape.node_of[id(x)], "kind", None) == "input":
                        raise tape.error(f"{SHARED} of an argument of the step. Hand in a copy, x.copy()")
                    self.stale.add(id(x))
            array.flags.writeable = True  # rows protect what may be a view, such as the copy that a reshape makes
            array[...] = result._numbers
        if place is not None:
            self.moved.setdefault(place, len(tape.nodes))
            tape.stored[place] = tape.node(result), False

    def guard(self, tape: Tape) -> None:
        """Where an argument is read after a parameter has moved, the two must not be one: it would be another by then.

        While a step is recorded this is an error; where it is so from then on, it is recorded, and is that error.
        """
        lying_in = {id(x): x for x in tape.inputs if x.shape and x.dtype.kind == "f"}  # what may be a view of which
        if not lying_in:
            return
        last: dict[int, tuple[int, Node]] = {}  # where each argument is read for the last time
        loads: dict[Any, tuple[int, Node]] = {}
        for i, node in enumerate(tape.nodes):
            if node.kind == "load":
                loads.setdefault(node.place, (i, node))
            found = [lying_in[id(x)] for x in node.inputs() if id(x) in lying_in]
            last.update((id(x), (i, x)) for x in found)
            if len(found) == 1 and not is_new(node):
                lying_in[id(node)] = found[0]
        for place, begin in self.moved.items():
            if type(place) is DataOf and place.argument is None and place in loads and loads[place][0] < begin:
                for i, x in last.values():
                    if i >= begin:
                        tape.add(Node("guard", np.may_share_memory, (x, loads[place][1]), held=False))


def laid_as(tape: Tape, x: Traced, array: Any) -> Traced:
    """The same with its axes in memory as those of an array into which it goes: in that order its elements add up."""
    axes = layout_of(array)
    if x.shape != np.shape(array) or [i for i in layout_of(x._numbers) if x.shape[i] > 1] == [
        i for i in axes if x.shape[i] > 1
    ]:
        return x
    made: Traced = tape.called(with_axes, (x, axes), {})
    return made


def with_axes(x: Any, axes: tuple[int, ...]) -> Any:
    """A copy of an array, its axes in this order, from the longest step in memory to the shortest."""
    return x.transpose(axes).copy().transpose(np.argsort(axes))


def written_through(
    base: ndarray[Any, Any], new: Any, function: Callable[..., Any], before: Any, after: Any, **params: Any
) -> Any:
    """A copy of an array, with `new` in that part of it of which `function` makes a view."""
    copy = base.copy()
    part = function(*before, copy, *after, **params)
    part.flags.writeable = True
    part[...] = new
    return copy
