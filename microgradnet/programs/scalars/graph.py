"""The scalars of a program, numbered; and which of them add up others, with the products that are in such a sum."""

from __future__ import annotations

import math
import operator
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from ...core import TABLE
from ..functions import filled
from ..nodes import Attribute, GradOf, Node

FLOAT = np.dtype(np.float64)
BOOL = np.dtype(np.bool)
EXACT = 2**53  # ints up to here are floats, exactly
CONSTANT, SCALAR = -1, -2  # the groups of numbers, and of what is neither a number nor in an array

TAKE: Any = TABLE["take"]
Identify = dict[int, int]


class Way(NamedTuple):
    """What many scalars of one kind have in common: the function, and its row if it has one."""

    function: Callable[..., Any]  # of arrays
    single: Callable[..., Any]  # of numbers
    op: Any
    dtype: Any


class Graph:
    """The scalars of a program, numbered in the order in which they are computed; constants have negative numbers.

    `args[k]` are the numbers of what `k` is computed from, None for what only comes in; `way[k]` how it is.
    """

    def __init__(self, nodes: list[Node]) -> None:
        self.number: Identify = {}  # id of a node -> its number
        self.args: list[tuple[int, ...] | None] = []
        self.way: list[Way | None] = []
        self.node: list[Node] = []
        self.constants: list[Any] = []
        self.constant: dict[Any, int] = {}
        self.ways: dict[int, list[tuple[Any, Any, Way | None]]] = {}  # id of a function -> its rows and dtypes
        self.known: dict[Any, int] = {}
        self.odd: set[int] = set()  # ids of nodes that are numbers of another dtype
        self.has_bools: bool = False
        self.order: list[int | Node] = []  # what is computed here, and the nodes that are not, as they came
        self.outside: list[Node] = []  # the latter
        self.sums: set[int] = set()  # what is the sum of two floats
        self.products: set[int] = set()
        self.views: dict[int, tuple[Node, Any]] = {}  # id of a part of an array -> the array, and where the part lies
        self.elements: dict[int, tuple[Node, int]] = {}  # scalar -> the array that it is an element of, and its place
        for node in nodes:
            if node.kind == "call" and node.shape == () and not node.params:  # most of them
                way = self.way_of(node)
                args = self.numbers_of(node.args) if way is not None else None
                if way is not None and args is not None:
                    self.number[id(node)] = self.computed(node, way, args)
                    continue
            if is_part(node):
                self.read_part(node)
            else:
                self.read(node)
            if not self.is_inside(node):
                self.order.append(node)
                self.outside.append(node)

    def is_inside(self, node: Node) -> bool:
        """Whether a node is a scalar that is computed here, or a constant."""
        k = self.number.get(id(node))
        return k is not None and (k < 0 or self.way[k] is not None)

    def read_part(self, node: Node) -> None:
        """Note where a part of an array lies, and number an element."""
        (whole,) = node.args
        lies = np.arange(math.prod(whole.shape)).reshape(whole.shape)
        root, lies = self.views.get(id(whole), (whole, lies))
        part = lies[node.params["index"]]
        if part.ndim:
            self.views[id(node)] = root, part
            return
        key = "element", id(root), int(part)
        if key not in self.known:
            self.known[key] = self.new(node, None, None)
            self.elements[self.known[key]] = root, int(part)
        self.number[id(node)] = self.known[key]

    def read(self, node: Node) -> None:
        """Number a node, if it is a scalar that comes in, or one that is assigned."""
        if node.function is filled and node.shape == () and node.dtype == FLOAT:  # what is assigned, as a new array
            found = self.numbers_of(node.args[1:2])
            if found is not None and not self.is_bool(found[0]):
                (self.number[id(node)],) = found
                return
        if node.kind in ("input", "load", "call", "host") and is_number(node):
            key: Any = ("load", node.place) if node.kind == "load" else id(node)
            if key not in self.known:
                self.known[key] = self.new(node, None, None)
            self.number[id(node)] = self.known[key]
            if node.dtype not in (FLOAT, BOOL, None):
                self.odd.add(id(node))
            self.has_bools = self.has_bools or (node.dtype is not FLOAT and node.dtype == BOOL)

    def computed(self, node: Node, way: Way, args: tuple[int, ...]) -> int:
        """The number of what is computed of others, or of what was computed so before."""
        key = (way, *args)
        k = self.known.get(key)
        if k is not None:
            return k
        if max(args) < 0:
            with np.errstate(all="ignore"):
                made = way.single(*[self.constants[-1 - a] for a in args])
            if isinstance(made, (float, np.floating)):
                return self.of_constant(made)
        k = self.known[key] = self.new(node, way, args)
        self.order.append(k)
        if way.dtype is FLOAT and not (self.has_bools and any(map(self.is_bool, args))):
            if way.function is np.add:
                self.sums.add(k)
            elif way.function is np.multiply:
                self.products.add(k)
        elif way.dtype is BOOL:
            self.has_bools = True
        return k

    def new(self, node: Node, way: Way | None, args: tuple[int, ...] | None) -> int:
        """The number of a node that is like no other."""
        self.node.append(node)
        self.way.append(way)
        self.args.append(args)
        return len(self.node) - 1

    def way_of(self, node: Node) -> Way | None:
        """How a node is computed, if many of its kind can be computed at once."""
        for op, dtype, way in (known := self.ways.setdefault(id(node.function), [])):
            if op is node.op and dtype is node.dtype:
                return way
        function = elementwise(node)
        kind = FLOAT if node.dtype == FLOAT else BOOL if node.dtype == BOOL else None
        made = None if function is None or kind is None else Way(function, node.function, node.op, kind)
        known.append((node.op, node.dtype, made))
        return made

    def numbers_of(self, args: Iterable[Any]) -> tuple[int, ...] | None:
        """The numbers of arguments; None if one of them is no scalar."""
        number, odd, made = self.number, self.odd, []
        for x in args:
            if type(x) is Node:
                k = number.get(id(x))
                if k is None or (odd and id(x) in odd):
                    return None
            elif type(x) is float or type(x) is np.float64 or (type(x) is int and abs(x) <= EXACT):
                k = self.of_constant(x)
            else:
                x = plain_constant(x)
                if x is None:
                    return None
                k = self.of_constant(x)
            made.append(k)
        return tuple(made)

    def of_constant(self, x: Any) -> int:
        """The number of a constant."""
        kind = type(x) if type(x) in (int, np.bool) else float
        key = kind, x or (0.0, math.copysign(1.0, x))
        if key not in self.constant:
            self.constants.append(x)
            self.constant[key] = -len(self.constants)
            self.has_bools = self.has_bools or kind is np.bool
        return self.constant[key]

    def is_bool(self, k: int) -> bool:
        """Whether a scalar is true or false."""
        if k < 0:
            return type(self.constants[-1 - k]) is np.bool
        dtype = self.node[k].dtype
        return bool(dtype is not FLOAT and dtype == BOOL)


def plain_constant(x: Any) -> Any:
    """A constant of another dtype as one that is the same beside a float64; None if there is none."""
    if isinstance(x, (bool, np.bool)):
        return np.bool(x)
    if isinstance(x, np.integer):
        return int(x) if abs(int(x)) <= EXACT else None
    return float(x) if isinstance(x, (np.float16, np.float32)) else None


def is_part(node: Node) -> bool:
    """Whether a node takes a part of an array that is always the same: an element, or a view."""
    return (
        node.kind == "call"
        and node.op is TAKE
        and node.function is TAKE.forward
        and node.dtype == FLOAT
        and len(node.args) == 1
        and type(node.args[0]) is Node
        and bool(node.args[0].shape)
        and len(list(node.inputs())) == 1  # the index depends on nothing
        and all(x is None or x is Ellipsis or type(x) in (int, slice) for x in node.params["index"])
    )


def is_number(node: Node) -> bool:
    """Whether a node makes one number, and not something that is looked at by a guard."""
    return node.shape == () or (node.shape is None and not isinstance(node.place, (GradOf, Attribute)))


def elementwise(node: Node) -> Callable[..., Any] | None:
    """The function on arrays that does to each element what a node does to its scalars."""
    row, function = node.op, node.function
    if row is not None and function is row.forward:
        if isinstance(row.key, np.ufunc) and getattr(operator, function.__name__, None) is function:
            return row.key if row.elementwise else None
        return function if row.elementwise else None
    if isinstance(function, np.ufunc):
        return function if function.nout == 1 and function.signature is None else None
    if function is np.where:
        return function
    return function if function in rules() else None


def rules() -> set[Any]:
    """The rules of rows that work element by element."""
    return {rule for row in TABLE.values() if row.elementwise for rule in row.rules if rule is not None}


class Sum(NamedTuple):
    """A sum of products of two, and of what is no product."""

    products: list[tuple[int, int]]
    plain: list[int]


class Needed:
    """The scalars that are needed: `uses` says how often each is, `sums` are those that add up others."""

    def __init__(self, graph: Graph, wanted: Iterable[int]) -> None:
        self.graph: Graph = graph
        self.uses: list[int] = [0] * len(graph.args)
        for k in wanted:
            if k >= 0:
                self.uses[k] += 1
        for k in range(len(graph.args) - 1, -1, -1):
            if self.uses[k]:
                for a in graph.args[k] or ():
                    if a >= 0:
                        self.uses[a] += 1
        self.melted: set[int] = set()  # what is computed in a sum, and nowhere else
        self.sums: dict[int, Sum] = self.read_sums()

    def read_sums(self) -> dict[int, Sum]:
        """Chains of +: one that is used once, by another +, is a part of it; so is a product."""
        graph, uses = self.graph, self.uses
        terms: dict[int, list[int]] = {}
        for k, args in enumerate(graph.args):
            if not uses[k] or k not in graph.sums:
                continue
            parts = []
            for a in args or ():
                if a in terms and uses[a] == 1:
                    parts.append(terms.pop(a))
                    self.melted.add(a)
                else:
                    parts.append([a])
            parts.sort(key=len)
            for part in parts[:-1]:
                parts[-1].extend(part)
            terms[k] = parts[-1]
        return {k: made for k, parts in terms.items() if (made := self.sum_of(parts)) is not None}

    def sum_of(self, parts: list[int]) -> Sum | None:
        """What is added up, with products apart; None for two scalars, which need no sum."""
        graph = self.graph
        alone = len(parts) == 2
        if not alone:  # a sum begins with 0
            parts = [a for a in parts if a >= 0 or graph.constants[-1 - a] != 0] or parts[:2]
        products, plain = [], []
        for a, times in Counter(parts).items():
            if times == 1 and a in graph.products and self.uses[a] == 1:
                products.append(graph.args[a])
                self.melted.add(a)
            elif times == 1:
                plain.append(a)
            else:
                products.append((graph.of_constant(float(times)), a))
        if alone and not products:
            return None
        return Sum(products, plain)  # type: ignore[arg-type]

    def depends_on(self, k: int) -> Iterable[int]:
        """What a scalar is computed from, when sums are sums."""
        made = self.sums.get(k)
        if made is None:
            return self.graph.args[k] or ()
        return [*made.plain, *(x for pair in made.products for x in pair)]
