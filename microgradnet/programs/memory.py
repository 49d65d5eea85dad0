"""The memory of a program, planned: what is no longer read gives its own to what comes next."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from .arena import Arena, Room
from .blocks import Region, gathered, regions
from .ends import in_place_ends
from .joined import Joined, in_rows, joined, root_of
from .lowering import is_masking, is_sum
from .nodes import DataOf, GradOf, Memory, Node, ufunc_of, varies
from .program import Program

ALWAYS = 1_000_000  # as many readers as what is never over
SMALL = 8192  # numbers, up to which it is faster to repeat an array beforehand than in the call
LONG = 4096  # numbers: results of that many are not held longer than they are needed


class Plan:
    """For each node of a program the memory of its result. It is asked in the order in which the program runs."""

    def __init__(self, program: Program, arena: Arena | None = None) -> None:
        self.arena: Arena = Arena() if arena is None else arena
        self.of: dict[int, list[Room]] = {}  # id of a node -> its memory, or all in which it may lie
        self.arrays: dict[Any, Any] = {}  # memory in one of its shapes
        self.over_in_block: dict[int, list[Room]] | None = None  # by size; None where no block is being written
        self.reads: dict[int, int] = {}  # id of a node -> how many lines read it
        for node in program.nodes:
            for x in unique(node):
                self.reads[id(x)] = self.reads.get(id(x), 0) + 1
        self.unread: dict[int, int] = dict(self.reads)  # how many of them are still to come
        self.late: set[int] = late_gradients(program)
        stored = [x for node in program.nodes if node.kind == "store" and not is_copied(node) for x in node.inputs()]
        kept = [*program.returned(), *stored]
        self.kept: set[int] = {id(x) for x in kept} - self.late  # what somebody has after the step, so it is new
        barrier = max((i + 1 for i, node in enumerate(program.nodes) if node.kind == "barrier"), default=0)
        self.ends, self.tails = in_place_ends(program, self.may_be_put_off)
        self.put_off: set[Node] = {x for tail in self.tails.values() for x in tail}
        found = regions(program.nodes[barrier:], lambda x: x not in self.ends and x not in self.put_off)
        self.region_of: dict[Node, Region] = {x: region for region in found for x in region.members}
        self.nodes: list[Node] = [*program.nodes[:barrier], *gathered(program.nodes[barrier:], found)]
        self.placed: dict[int, Any] = {}  # id of a node -> the part of an array where its result has to go
        self.end_to_end: dict[tuple[Node, ...], Any] = {}  # results -> the array of which they are the parts
        self.members: dict[Node, tuple[Joined, list[Any], Any]] = {}  # a call that is a part of one -> that, its arrays
        self.whole: dict[Node, Any] = {}  # arrays end to end -> the array into the parts of which these are computed
        groups, self.nodes = joined(self.nodes, self.may_join, self.ends)
        for group in groups:
            self.join(group)
        for node in self.nodes:
            if node.function is np.concatenate and node.params == {"axis": None} and self.has_room(node):
                self.join_whole(node)

    def may_be_put_off(self, node: Node) -> bool:
        """Whether a call may run last of all, right before what is stored."""
        return node.kind == "call" and ufunc_of(node) is not None and self.has_room(node) and not self.lasts(node)

    def lasts(self, node: Node) -> bool:
        """Whether a result is there after the step."""
        return id(node) in self.kept or id(node) in self.late

    def may_join(self, node: Node, sources: tuple[Node, ...]) -> bool:
        """Whether a call may write into a part of an array, and what it takes be computed into such parts."""
        own = node not in self.ends and node not in self.put_off and node not in self.region_of
        free = own and id(node) not in self.late and self.has_room(node)
        return free and all(self.may_be_placed(root_of(x)) for x in sources)

    def join(self, group: Joined) -> None:
        """Plan an array for all that these calls take, for each argument one, and one for all that they make."""
        arrays = [self.put_end_to_end(nodes) for nodes in group.taken()]
        made = self.put_end_to_end(tuple(group.members))
        self.members.update(dict.fromkeys(group.members, (group, arrays, made)))

    def join_whole(self, node: Node) -> None:
        """Plan one array for what is put end to end, if all of it can be computed there."""
        parts = node.args[0]
        if not all(type(x) is Node and x.shape and x.dtype == node.dtype and in_rows(x) for x in parts):
            return
        roots = [root_of(x) for x in parts]
        if len(set(roots)) < len(roots) or not all(self.may_be_placed(x) for x in roots):
            return
        self.whole[node] = self.put_end_to_end(tuple(roots))
        self.of[id(node)] = self.of[id(roots[0])]
        self.of[id(node)][0].readers += self.reads.get(id(node), 0)

    def may_be_placed(self, root: Node) -> bool:
        """Whether a result can be computed into a part of an array."""
        told = is_told(root) and not is_masking(root) and root not in self.ends and root not in self.put_off
        return told and self.has_room(root) and in_rows(root) and id(root) not in self.placed

    def put_end_to_end(self, nodes: tuple[Node, ...]) -> Any:
        """An array into the parts of which these results go."""
        if nodes in self.end_to_end:
            return self.end_to_end[nodes]
        sizes = [math.prod(node.shape or ()) for node in nodes]
        room = self.arena.room(sum(sizes) * nodes[0].dtype.itemsize)
        array = room.array.view(nodes[0].dtype)
        begin = 0
        for node, size in zip(nodes, sizes, strict=True):
            self.placed[id(node)] = array[begin : begin + size].reshape(node.shape or ())
            self.of[id(node)] = [room]
            room.readers += self.readers_of(node)
            begin += size
        self.end_to_end[nodes] = array
        return array

    def readers_of(self, node: Node) -> int:
        """How many lines read the memory of a result."""
        return ALWAYS if id(node) in self.late else self.reads.get(id(node), 0)

    def run_joined(self, group: Joined) -> None:
        """The line of calls that are made one."""
        self.arena.begin(self.of[id(group.members[0])][0])
        for node in group.members:
            self.done(node)

    def over(self, node: Node) -> list[Node]:
        """The long results that no line reads after that of `node`: a name would hold them until the step is over."""
        region = self.region_of.get(node)
        if region is not None and node is not region.members[-1]:
            return []  # the line is that of the last one
        if node in self.put_off or node in self.ends or node.kind == "store":
            return []  # it is run last of all
        made = []
        for reader in [node] if region is None else region.members:
            for x in unique(reader):
                self.unread[id(x)] -= 1
                long = x.kind == "call" and math.prod(x.shape or ()) >= LONG and x.name != "transposed"
                if long and not self.unread[id(x)] and not self.lasts(x) and x not in self.put_off:
                    made.append(x)
        return [x for x in made if region is None or x not in region.members]

    def said(self) -> tuple[str, ...]:
        """What was planned, in words, without what there is none of."""
        loops = len(set(self.region_of.values())) + sum(map(bool, self.tails.values()))
        calls = len({id(group) for group, _, _ in self.members.values()})
        large = f"{len(self.region_of)} calls on large arrays, and {len(self.put_off)} for changes"
        did = {
            f"end to end: {len(self.members)} calls are {calls}": calls,
            f"end to end: {len(self.whole)} arrays are not put together": self.whole,
            f"together: {large}, in {loops} places": loops,
            f"copied when looked at: {len(self.late)} gradients": self.late,
            f"memory: {self.arena.bytes:,} bytes": True,
        }
        return tuple(text for text, done in did.items() if done)

    def is_read(self, node: Node) -> bool:
        """Whether any line reads a node, or the step returns it."""
        return id(node) in self.reads or id(node) in self.kept

    def has_room(self, node: Node) -> bool:
        """Whether the result of a node may go to planned memory: an array of numbers that ends with the step."""
        is_numbers = bool(node.shape) and node.dtype is not None and node.dtype.kind in "fb"
        return is_numbers and id(node) not in self.kept and not varies(node)

    def array(self, node: Node, in_place: bool = False) -> Any:
        """The array for a result. Of one memory and one shape it is one object: NumPy need not ask if they overlap."""
        if id(node) in self.placed:
            self.arena.begin(self.of[id(node)][0])
            self.done(node)
            return self.placed[id(node)]
        memory = self.memory(node, in_place).array
        key = id(memory), node.dtype, node.shape, node.layout
        if key not in self.arrays:
            self.arrays[key] = laid_out(memory, node)
        return self.arrays[key]

    def memory(self, node: Node, in_place: bool = False) -> Room:
        """The memory for a result; with `in_place`, that of an input may do which nobody reads after it."""
        size = math.prod(node.shape or ()) * node.dtype.itemsize
        taken = self.given_up(node, size) if in_place else None
        if taken is None:
            taken = self.room(size)
            self.done(node)
        else:
            taken.readers += 1  # so that it is not over
            self.done(node)
            taken.readers -= 1
        self.of[id(node)] = [taken]
        taken.readers += self.readers_of(node)
        return taken

    def given_up(self, node: Node, size: int) -> Room | None:
        """The memory of an array of the same kind that this line reads, and nobody after it."""
        for x in unique(node):
            rooms = self.of.get(id(x), [])
            alike = (x.shape, x.dtype, x.layout) == (node.shape, node.dtype, node.layout) and x.name != "transposed"
            if alike and len(rooms) == 1 and rooms[0].array.nbytes == size and rooms[0].readers == 1:
                return rooms[0]
        return None

    def room(self, size: int) -> Room:
        """Memory that is written from now on: in a block also that of arrays of the same size, which is cut alike."""
        if self.over_in_block and self.over_in_block.get(size):
            return self.over_in_block[size].pop()
        room = self.arena.room(size)
        self.arena.begin(room)
        return room

    def begin_block(self) -> None:
        """All lines from now on run once for each block of rows: no memory is over before the last of them."""
        self.over_in_block = {}

    def end_block(self) -> None:
        """They have run."""
        assert self.over_in_block is not None
        for rooms in self.over_in_block.values():
            for room in rooms:
                self.arena.end(room)
        self.over_in_block = None

    def between(self, shape: tuple[int, ...], dtype: Any) -> Any:
        """An array that is needed in a block only."""
        assert self.over_in_block is not None
        room = self.arena.room(math.prod(shape) * dtype.itemsize)
        self.arena.begin(room)
        self.over_in_block.setdefault(-1, []).append(room)
        return room.array.view(dtype).reshape(shape)

    def done(self, node: Node) -> None:
        """A line has read its inputs: memory that nobody reads any more is over."""
        for x in unique(node):
            for room in self.of.get(id(x), ()):
                room.readers -= 1
                if not room.readers and self.over_in_block is not None:
                    self.over_in_block.setdefault(room.array.nbytes, []).append(room)
                elif not room.readers:
                    self.arena.end(room)

    def shares(self, node: Node) -> None:
        """A result may lie in the memory of its inputs: that is not over before the result is."""
        rooms = list(dict.fromkeys(room for x in node.inputs() for room in self.of.get(id(x), ())))
        for room in rooms:
            room.readers += ALWAYS if self.lasts(node) else self.reads.get(id(node), 0)
        if rooms:
            self.of[id(node)] = rooms
        self.done(node)


def unique(node: Node) -> Iterable[Node]:
    """The nodes that a node is computed from, each once."""
    return dict.fromkeys(node.inputs())


def late_gradients(program: Program) -> set[int]:
    """The ids of what is stored as a gradient and nowhere else: it is copied when somebody looks at it.

    Not what goes to an argument of the step, which may be another Value in the next run; nor what a guard looks at, for
    the gradient of the last run has to be there if another program takes over.
    """
    stores = [node for node in program.nodes if node.kind == "store"]
    late = {id(node.args[0]): node.args[0] for node in stores if is_late_place(node)}
    for node in stores:
        if not is_late_place(node):
            for x in node.inputs():
                late.pop(id(x), None)
    decided = max((i for i, node in enumerate(program.nodes) if node.kind == "guard"), default=0)
    for node in program.nodes[:decided]:
        late.pop(id(node), None)
    returned = set(map(id, program.returned()))
    return {i for i, x in late.items() if type(x) is Node and x.shape and i not in returned}


def is_copied(store: Node) -> bool:
    """Whether the numbers of what is stored are copied to where it is stored."""
    place = store.place
    of_array = isinstance(place, DataOf) and type(place.owner._numbers) is np.ndarray and not store.params["fresh"]
    return isinstance(place, Memory) or of_array


def is_late_place(store: Node) -> bool:
    """Whether a node is stored as the gradient of an array that lasts."""
    place = store.place
    return type(place) is GradOf and place.argument is None and bool(place.owner.shape)


def is_told(node: Node) -> bool:
    """Whether a call can be told where its result is to go."""
    told = ufunc_of(node) is not None or node.function is np.dot or is_sum(node) or is_masking(node)
    return node.kind == "call" and told


def repeated_in(node: Node) -> int | None:
    """Which of two arguments is repeated along rows or columns of the other, if it is better copied so beforehand.

    A ufunc is slow to begin with arrays of two shapes, a copy is not: of small arrays both together are faster.
    """
    alike = all(type(x) is Node and x.shape and x.dtype == node.dtype for x in node.args)
    if len(node.args) != 2 or node.params or not alike or math.prod(node.shape or ()) > SMALL:
        return None
    short = [i for i, x in enumerate(node.args) if math.prod(x.shape) < math.prod(node.shape or ())]
    return short[0] if len(short) == 1 and node.args[1 - short[0]].shape == node.shape else None


def laid_out(memory: Any, node: Node) -> Any:
    """Memory in the shape of a result, its axes in the order in which NumPy had them: sums add up in that order."""
    array, shape, order = memory.view(node.dtype), node.shape or (), node.layout
    if not order:
        return array.reshape(shape)
    return array.reshape([shape[axis] for axis in order]).transpose([order.index(axis) for axis in range(len(order))])
