"""Nodes that run natively, grouped into steps: loops over elements with the sums that end them, products, the rest."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .blas import addresses
from .llvm import ELEMENTWISE, WRITTEN
from .native_lowering import LARGEST, SMALLEST, assembled, elementwise, key_of
from .nodes import Node, changed

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
BOOL, INTEGER = np.dtype(np.bool), np.dtype(np.int64)
REDUCTIONS: tuple[Any, ...] = (np.add.reduce, LARGEST, SMALLEST)
VIEWS = {
    "reshape", "transpose", "transposed", "swapaxes", "expand_dims", "squeeze", "broadcast_to", "spread", "moveaxis",
    "ravel", "flip",
}  # fmt: skip


def native_kind(node: Node) -> str | None:
    """What sort of native code makes a node; None if it stays a line of NumPy."""
    if node.kind != "call" or node.shape is None or node.dtype not in (*FLOATS, BOOL, INTEGER):
        return None
    if any(x.dtype not in (*FLOATS, BOOL, INTEGER, None) for x in node.inputs()):
        return None
    first: Any = node.args[0] if node.args else None
    sized = type(first) is Node and first.shape is not None
    if sized and is_view(node):
        return "view"
    if not math.prod(node.shape) or any(x.shape and not math.prod(x.shape) for x in node.inputs()):
        return None
    if node.function in REDUCTIONS and sized and first.dtype in FLOATS and type(node.params.get("axis")) is tuple:
        return "reduction"
    if node.function in (np.dot, np.matmul) and sized and is_product(node):
        return "product"
    if node.function is assembled:
        return "assembled"
    if key_of(node) in ("take", "scatter") and sized and is_by_numbers(node):
        return str(key_of(node))
    return "element" if is_elementwise(node) else None


def is_view(node: Node) -> bool:
    """Whether a node is its first argument looked at otherwise."""
    if len(list(node.inputs())) != 1:
        return False
    name = key_of(node) if isinstance(key_of(node), str) else getattr(node.function, "__name__", "")
    return name in VIEWS or (name == "take" and len(node.args) == 1) or node.function is np.ravel


def is_product(node: Node) -> bool:
    """Whether a node is a product that BLAS computes."""
    x, y = node.args[:2]
    if not addresses() or not all(type(z) is Node and z.shape is not None and len(z.shape) >= 2 for z in (x, y)):
        return False
    return bool(x.dtype == y.dtype == node.dtype) and node.dtype in FLOATS


def is_by_numbers(node: Node) -> bool:
    """Whether a node takes or adds up rows by integers, one array of them for each of the first axes."""
    index, numbers = node.params["index"], node.args[1:]
    plain = type(index) is tuple and len(index) == len(numbers) and all(repr(i) == "·" for i in index)
    integers = all(isinstance(x, (Node, np.ndarray)) and x.dtype == INTEGER and x.shape for x in numbers)
    return plain and integers and bool(numbers) and node.dtype in FLOATS and node.dtype == node.args[0].dtype


def is_elementwise(node: Node) -> bool:
    """Whether a node is a function of the elements of arrays of one dtype, or of bools beside them."""
    what = elementwise(node)
    if what not in ELEMENTWISE or node.dtype == INTEGER or (what is np.power):
        return False
    if any(not isinstance(x, (Node, np.ndarray, np.generic, int, float)) for x in node.args):
        return False
    return computed_in(node) is not None


def computed_in(node: Node) -> Any:
    """The dtype in which elements are computed, a float or bool; None where loops cannot."""
    what = elementwise(node)
    args = node.args[1:] if what is np.where else node.args
    arrays = [x for x in args if isinstance(x, (np.ndarray, np.generic)) or (type(x) is Node and x.dtype is not None)]
    dtypes = {x.dtype for x in arrays}
    if what is np.where:
        chosen = getattr(node.args[0], "dtype", None)
        return node.dtype if node.dtype in FLOATS and dtypes <= {*FLOATS, BOOL} and chosen == BOOL else None
    if not dtypes <= {*FLOATS, BOOL} or not arrays:
        return None
    if node.dtype in FLOATS:
        return node.dtype if dtypes <= {node.dtype, BOOL} or what is np.positive else None
    floats = dtypes - {BOOL}
    if what in (np.logical_and, np.logical_or, np.logical_xor, np.logical_not):
        return BOOL
    return floats.pop() if len(floats) == 1 and dtypes <= {*FLOATS} else None


# ------------------------------------------------------------------------------------------------------- where they lie


class Arrays:
    """Of each node the root, a node or a constant whose memory it lies in, and an array of its shape and strides.

    Such an array stands for the real one; nobody reads or writes it.
    """

    def __init__(self) -> None:
        self.root: dict[int, Any] = {}
        self.array: dict[int, np.ndarray] = {}
        self.constants: dict[int, Any] = {}

    def of(self, x: Any) -> np.ndarray:
        """What stands for a node or a constant array."""
        if id(x) not in self.array:
            self.array[id(x)], self.root[id(x)] = x, x
            self.constants[id(x)] = x
        return self.array[id(x)]

    def make(self, node: Node) -> None:
        """A root: numbers in memory of their own."""
        shape, order = node.shape or (), node.layout
        if len(order) != len(shape):
            order = tuple(range(len(shape)))
        empty = np.empty([shape[axis] for axis in order], node.dtype)
        self.array[id(node)] = empty.transpose([order.index(axis) for axis in range(len(order))])
        self.root[id(node)] = node

    def view(self, node: Node) -> bool:
        """A node that is another one looked at otherwise; False if that takes a copy."""
        (x,) = node.inputs()
        seen = viewed(node, self.of(x))
        if seen is None or seen.shape != node.shape:
            return False
        self.array[id(node)], self.root[id(node)] = seen, self.root[id(x)]
        return True

    def is_whole(self, x: Any, shape: tuple[int, ...]) -> bool:
        """Whether an array is all of its root, element by element in the order of a loop of this shape."""
        seen, root = self.of(x), self.of(self.root[id(x)])
        return seen.shape == root.shape == shape and seen.strides == root.strides and address(seen) == address(root)

    def offset(self, x: Any) -> int:
        """How many elements behind the beginning of its root an array begins."""
        begin, root = self.of(x), self.of(self.root[id(x)])
        return (address(begin) - address(root)) // begin.itemsize


def longest(shape: tuple[int, ...]) -> int:
    """How many instructions, about, may be in one loop: the time LLVM takes grows faster than the loop.

    Over arrays that fit in a cache two loops are as fast as one.
    """
    return 64 if math.prod(shape) < 16_384 else 256


def weight(node: Node) -> int:
    """How much code a node makes, about."""
    return 8 if elementwise(node) in WRITTEN else 1


def address(x: np.ndarray) -> int:
    """Where an array begins."""
    return int(x.__array_interface__["data"][0])


def viewed(node: Node, x: np.ndarray) -> np.ndarray | None:
    """What a node makes of an array, as a view of it; None if it would copy."""
    name = key_of(node)
    args = changed(node.args, lambda part: x if type(part) is Node else part)
    if name == "reshape" or node.function is np.reshape:
        shape = node.shape or ()
        try:
            return np.reshape(x, shape, copy=False)
        except ValueError:
            return None
    if name == "spread":
        shape, axis = node.params["shape"], node.params.get("axis")
        if axis is not None and not node.params.get("keepdims"):
            axes = {i % len(shape) for i in (axis if isinstance(axis, tuple) else (axis,))}
            x = x.reshape([1 if i in axes else n for i, n in enumerate(shape)])
        return np.broadcast_to(x, shape)
    if name == "take":
        index = tuple(slice(i, i + 1 or None) if type(i) is int else i for i in node.params["index"])
        seen = x[index]
        return np.reshape(seen, node.shape or (), copy=False) if seen.shape != node.shape else seen
    seen = node.function(*args, **node.params)
    return seen if isinstance(seen, np.ndarray) and np.may_share_memory(seen, x) else None


# ---------------------------------------------------------------------------------------------------------------- steps


class Step:
    """What native code does at once. A loop has nodes of one shape, in order, reductions of them included."""

    def __init__(self, kind: str, shape: tuple[int, ...] = ()) -> None:
        self.kind: str = kind
        self.shape: tuple[int, ...] = shape
        self.nodes: list[Node] = []


class Grouping:
    """Native nodes, one after the other, put into steps."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays: Arrays = arrays
        self.steps: list[Any] = []  # Steps, and the nodes that stay lines of NumPy
        self.at: dict[int, float] = {}  # id of a root -> the step that makes it, and ½ more for what a loop ends with
        self.first: int = 0  # the step from which on nodes can still be added
        self.readers: dict[int, list[tuple[int, bool]]] = {}  # id of a root -> the steps that read it; whether whole

    def line(self, node: Node) -> None:
        """A line of NumPy."""
        self.at[id(node)] = len(self.steps)
        self.read(node, len(self.steps))
        self.steps.append(node)
        self.first = len(self.steps)

    def read(self, node: Node, step: int) -> None:
        """Note which roots a step reads."""
        for x in node.inputs():
            if id(x) in self.arrays.root:
                place = self.steps[step] if step < len(self.steps) else None
                whole = type(place) is Step and place.kind == "loop" and self.arrays.is_whole(x, place.shape)
                whole = whole and not (key_of(node) == "take" and x is node.args[0])
                self.readers.setdefault(id(self.arrays.root[id(x)]), []).append((step, whole))

    def after_readers(self, root: Node) -> float:
        """The step behind which a root may be written: all that read it are through, or read what is written next."""
        return max([step - whole for step, whole in self.readers.get(id(root), [])], default=-1)

    def add(self, node: Node, kind: str, after: float = -1.0) -> None:
        """A native node, in a step that comes later than `after`."""
        roots = [(x, self.arrays.root[id(x)]) for x in node.inputs() if id(x) in self.arrays.root]
        if kind in ("element", "reduction", "take"):
            shape = self.arrays.of(node.args[0]).shape if kind == "reduction" else node.shape or ()
            step = self.loop_for(node, roots, shape, after)
            self.at[id(node)] = step + 0.5 if kind == "reduction" else step
        else:
            step = len(self.steps)
            self.steps.append(Step(kind, node.shape or ()))
            self.at[id(node)] = step
        self.steps[step].nodes.append(node)
        self.read(node, step)

    def loop_for(self, node: Node, roots: list[Any], shape: tuple[int, ...], after: float) -> int:
        """The loop of this shape in which all inputs are there, and most are computed; or a new one."""
        gathered = {id(x) for x in node.args[:1]} if key_of(node) == "take" else set()
        best, most = -1, -1
        for j in range(len(self.steps) - 1, self.first - 1, -1):
            step = self.steps[j]
            if j <= after:
                break
            if type(step) is Step and step.kind == "loop" and step.shape == shape:
                here = [
                    self.at.get(id(root)) == j and self.arrays.is_whole(x, shape) and id(x) not in gathered
                    for x, root in roots
                ]
                there = [inside or self.at.get(id(root), -1.0) < j
                         for inside, (_, root) in zip(here, roots, strict=True)]  # fmt: skip
                room = sum(map(weight, step.nodes)) + weight(node) <= longest(shape)
                if all(there) and room and sum(here) > most:
                    best, most = j, sum(here)
            if any(self.at.get(id(root), -1.0) >= j for _, root in roots):
                break
        if best >= 0:
            return best
        self.steps.append(Step("loop", shape))
        return len(self.steps) - 1


def in_order(nodes: list[Node], native: dict[int, str], ends: dict[int, Node]) -> list[Node] | None:
    """The nodes so that native ones come in long runs: lines of NumPy as early as they can, writes last of all.

    `ends` are nodes that are written over what was loaded, which everything else must have read. None if they cannot.
    """
    placed: set[int] = set()
    waits: dict[int, list[Node]] = {}  # for what, besides its inputs
    others = [node for node in nodes if id(node) not in native]
    guards: list[Node] = []
    hosts: list[Node] = []
    for node in nodes:
        if node.kind in ("load", "guard", "host"):
            waits[id(node)] = hosts[-1:] + (guards if node.kind == "host" else [])
        if node.kind == "guard":
            guards = [*guards, node]
        if node.kind == "host":
            hosts.append(node)
        if id(node) in ends:
            load = ends[id(node)]
            waits[id(node)] = [*others, *(x for x in nodes if x is not node and reads(x, load, native))]
    pending, made = list(nodes), list[Node]()
    while pending:
        count = len(made)
        for natively in (False, True):
            left = []
            for node in pending:
                here = (id(node) in native) is natively or native.get(id(node)) == "view"
                ready = here and all(id(x) in placed for x in (*node.inputs(), *waits.get(id(node), ())))
                if ready:
                    placed.add(id(node))
                    made.append(node)
                else:
                    left.append(node)
            pending = left
        if len(made) == count:
            return None
    return made


def reads(node: Node, load: Node, native: dict[int, str]) -> bool:
    """Whether a node reads what is loaded, or a view of it."""
    return any(x is load or (native.get(id(x)) == "view" and reads(x, load, native)) for x in node.inputs())
