"""What of a program runs natively, in which steps, and where its numbers lie."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..nodes import DataOf, GradOf, Memory, Node, changed, layout_of, nodes_in
from ..passes import without_dead, without_repeats
from ..program import Program
from ..scalars.home import Together
from .arena import Arena
from .arrays import Arrays
from .kinds import FLOATS, INTEGER, native_kind
from .lowering import elementwise, key_of, written_out
from .marks import assembled, with_bias
from .products import Update, side, turned_first, without_blas
from .steps import Grouping, Step, in_order
from .tiles import in_tiles

SMALL = 4096  # bytes that do not matter
IN_ORDER = ("scatter", "product", "convolution", "room")  # what is made with its axes in order


class Plan:
    """The nodes of a program as steps. `kind` says of the native ones what they are; the others are lines of NumPy."""

    def __init__(self, program: Program) -> None:
        nodes, self.inputs, self.result = written_out(program.nodes, program.inputs, program.result)
        nodes, self.result = without_repeats(nodes, self.result)
        nodes, self.result = with_biases(*without_dead(nodes, self.result))
        self.stores: list[Node] = [node for node in nodes if node.kind == "store"]
        self.kind: dict[int, str] = {}
        self.arrays: Arrays = Arrays()
        self.nodes: list[Node] = []
        for node in nodes:
            if node.kind != "store":
                self.lay_out(node)
        self.without_copied_gradients()
        self.with_own_results()
        self.reads: dict[int, list[Node]] = {}
        for node in [*self.nodes, *self.stores]:
            for x in {id(x): x for x in node.inputs()}.values():
                self.reads.setdefault(id(x), []).append(node)
        self.ends: dict[int, Node] = self.written_over()
        ordered = in_order(self.nodes, self.kind, self.ends)
        if ordered is None:
            self.ends = {}
            ordered = in_order(self.nodes, self.kind, self.ends)
        assert ordered is not None
        self.nodes = ordered
        for end, load in self.ends.items():
            self.arrays.array[end] = self.arrays.of(load)
        self.updates: dict[int, Update] = self.updates_in_products()
        self.copies: dict[int, Node] = {}  # of roots from outside, that gradients may be computed from later
        self.grouped()
        self.remembered()

    # ------------------------------------------------------------------------------------------------- who does what

    def lay_out(self, node: Node) -> None:
        """Note what a node is, and where its numbers lie; with copies before it of what it cannot read as it lies."""
        kind = native_kind(node)
        arrays = self.arrays
        if kind == "view":
            (x,) = node.inputs()
            if id(x) not in arrays.array:
                kind = None
            elif not arrays.view(node):
                if x.dtype not in FLOATS:
                    kind = None
                else:
                    node.args = tuple(self.copy(x) if y is x else y for y in node.args)
                    assert arrays.view(node)
        if kind == "product":
            x, y = (self.copy(x) if side(arrays.of(x)) is None else x for x in node.args[:2])
            if turned_first(arrays.of(x), arrays.of(y)):
                y = self.copy(y)
            bias = [b if arrays.of(b).flags.c_contiguous else self.copy(b) for b in node.args[2:]]
            node.args = x, y, *bias
        if kind == "convolution":
            node.args = tuple(x if arrays.of(x).flags.c_contiguous else self.copy(x) for x in node.args)
        if kind is not None:
            self.kind[id(node)] = kind
        self.nodes.append(node)
        if kind == "view" or (kind is None and not is_array(node)):
            return
        if kind in IN_ORDER or node.params.get("in_order"):
            node.layout = tuple(range(len(node.shape or ())))
        elif kind in ("element", "assembled"):
            node.layout = self.order(node)
        arrays.make(node)

    def order(self, node: Node) -> tuple[int, ...]:
        """The order of axes in which elements are run through: that of NumPy's result, if any of its arrays lies so.

        What NumPy spreads over an array of its own, in order, is read here where it is. Parts need not be as long.
        """
        arrays = [self.arrays.of(x) for x in node.inputs() if id(x) in self.arrays.array]
        arrays = [x for x in arrays if x.shape == node.shape or node.function is assembled]
        orders = [layout_of(x) for x in arrays if all(x.strides) and x.ndim == len(node.shape or ())]
        return node.layout if node.layout in orders or not orders else orders[0]

    def copy(self, x: Node) -> Node:
        """A node in memory of its own, its axes in order."""
        made = Node("call", np.positive, (x,), like=self.arrays.of(x), line=x.line)
        made.layout = tuple(range(len(x.shape or ())))
        self.kind[id(made)] = "element"
        self.nodes.append(made)
        self.arrays.make(made)
        return made

    def without_copied_gradients(self) -> None:
        """Take out copies of gradients that native code makes: whoever looks at one gets a copy of his own."""
        spared = set()
        for node in self.stores:
            x = node.args[0]
            is_copy = isinstance(node.place, GradOf) and type(x) is Node and x.function is np.positive
            if is_copy and self.is_native(self.arrays.root.get(id(x.args[0]))):
                spared.add(id(x))
                node.args = x.args
        needed = {id(x) for node in [*self.nodes, *self.stores] for x in node.inputs()} | set(map(id, self.returned()))
        self.nodes = [node for node in self.nodes if id(node) not in spared or id(node) in needed]

    def with_own_results(self) -> None:
        """Copy what is returned, or stored as a new array, and is a view of what native code makes, or a gradient."""
        copies: dict[int, Node] = {}
        gradients = {id(node.args[0]) for node in self.stores if isinstance(node.place, GradOf)}

        def owned(x: Any) -> Any:
            if type(x) is not Node or not x.shape or (self.kind.get(id(x)) != "view" and id(x) not in gradients):
                return x
            if not self.is_native(self.arrays.root.get(id(x))):
                return x
            return copies.setdefault(id(x), copies.get(id(x)) or self.copy(x))

        self.result = changed(self.result, owned)
        for node in self.stores:
            if node.params["fresh"] and not isinstance(node.place, GradOf):
                node.args = changed(node.args, owned)

    def is_native(self, x: Any) -> bool:
        """Whether a root is made by native code."""
        return type(x) is Node and id(x) in self.kind and self.kind[id(x)] != "view"

    def written_over(self) -> dict[int, Node]:
        """The nodes that are what a parameter becomes, and are written to where it is, each with its load."""
        loads = {node.place: node for node in self.nodes if node.kind == "load"}
        kept = {id(x) for x in self.returned()}
        viewed = {id(self.arrays.root[x]) for x, kind in self.kind.items() if kind == "view"}  # these lie as they lie
        ends: dict[int, Node] = {}
        for node in self.stores:
            x, load = node.args[0], loads.get(node.place)
            if (
                load is None
                or node.params["fresh"]
                or type(x) is not Node
                or not isinstance(node.place, (DataOf, Memory, Together))
            ):
                continue
            stored = sum(other.args[0] is x for other in self.stores)
            fits = self.kind.get(id(x)) == "element" and (x.shape, x.dtype) == (load.shape, load.dtype)
            fits = fits and all(self.arrays.is_whole(y, x.shape or ()) for y in x.inputs() if self.is_of(y, load))
            if fits and stored == 1 and id(x) not in kept | viewed and id(load) in self.arrays.array:
                ends[id(x)] = load
        return ends

    def is_of(self, x: Node, load: Node) -> bool:
        """Whether a node lies in the memory of what was loaded."""
        return self.arrays.root.get(id(x)) is load

    def updates_in_products(self) -> dict[int, Update]:
        """The products g of which nothing is needed but w − lr · g: that is taken off w while g is in registers.

        Until then its factors are kept, which pays where they are not much larger than the gradient. It may also be
        computed when somebody looks at it: then factors that come from outside are copied, which pays where these are
        not larger, and no line of NumPy in between may fail, and leave a gradient that nobody can compute.
        """
        found: dict[int, Update] = {}
        native = [self.is_native(node) for node in self.nodes if self.kind.get(id(node)) != "view"]
        in_one_go = native == sorted(native)
        moved = set(map(id, self.ends.values()))
        for node in self.nodes:
            load = self.ends.get(id(node))
            if load is None or key_of(node) != "subtract" or node.args[0] is not load:
                continue
            if not self.arrays.of(load).flags.c_contiguous:
                continue
            change = node.args[1]
            if type(change) is not Node or key_of(change) != "multiply" or len(self.reads[id(change)]) != 1:
                continue
            for factor, g in (change.args, change.args[::-1]):
                single = (
                    type(g) is Node and self.kind.get(id(g)) == "product" and len(g.shape or ()) == len(g.args) == 2
                )
                if single and (type(factor) is not Node or factor.shape in (None, ())) and self.is_only_kept(g, change):
                    roots, gradient = [self.arrays.root[id(x)] for x in g.args], self.arrays.of(g)
                    copies = sum(self.arrays.of(x).nbytes for x in roots if not self.is_native(x))
                    own = sum(self.arrays.of(x).nbytes for x in roots if self.is_native(x))
                    room = gradient.nbytes + SMALL
                    put_off = in_one_go and copies <= gradient.nbytes and copies + own <= room
                    x, y = map(self.arrays.of, g.args)
                    if not moved.isdisjoint(map(id, roots)):  # it might be read when it is another already
                        continue
                    if put_off or (own <= room and without_blas(x, y, gradient)):
                        found[id(g)] = Update(node, load, factor, not put_off)
        return found

    def is_put_off(self, x: Any) -> bool:
        """Whether something is a gradient that is computed when somebody looks at it."""
        update = self.updates.get(id(x))
        return update is not None and not update.is_stored

    def is_only_kept(self, g: Node, change: Node) -> bool:
        """Whether a gradient is read by the change of its parameter alone, and kept as that parameter's gradient."""
        others = [x for x in self.reads[id(g)] if x is not change]
        stored = all(x.kind == "store" and isinstance(x.place, GradOf) and x.params["fresh"] for x in others)
        return stored and all(x is not g for x in self.returned())

    def returned(self) -> list[Node]:
        """The nodes that the step returns."""
        return list(nodes_in(self.result))

    # --------------------------------------------------------------------------------------------------------- steps

    def grouped(self) -> None:
        """Put the nodes into steps."""
        self.grouping = grouping = Grouping(self.arrays)
        skipped = {id(update.end.args[1]) for update in self.updates.values()} | set(self.updates)
        of_end = {id(update.end): g for g, update in self.updates.items()}
        products = {id(node): node for node in self.nodes if id(node) in self.updates}
        for node in self.nodes:
            kind = self.kind.get(id(node))
            if kind == "view" or id(node) in skipped:
                continue
            if kind is None:
                grouping.line(node)
            elif id(node) in of_end:
                self.group_update(products[of_end[id(node)]])
            else:
                after = grouping.after_readers(self.ends[id(node)]) if id(node) in self.ends else -1.0
                grouping.add(node, kind, after)
        self.steps: list[Any] = grouping.steps

    def group_update(self, g: Node) -> None:
        """A product that goes straight off its parameter, after copies of what the gradient is computed from later."""
        for x in g.args if self.is_put_off(g) else ():
            root = self.arrays.root[id(x)]
            if not self.is_native(root) and id(root) not in self.copies:
                copy = Node("call", np.positive, (root,), like=self.arrays.of(root), line=g.line)
                self.kind[id(copy)] = "element"
                self.arrays.make(copy)
                self.grouping.add(copy, "element")
                self.copies[id(root)] = copy
        step = Step("product", g.shape or ())
        step.nodes.append(g)
        self.grouping.at[id(g)] = len(self.grouping.steps)
        self.grouping.read(g, len(self.grouping.steps))
        self.grouping.steps.append(step)

    # --------------------------------------------------------------------------------------------------------- memory

    def remembered(self) -> None:
        """Give every root its place."""
        arrays, grouping = self.arrays, self.grouping
        kept = {id(arrays.root[id(x)]) for node in self.stores for x in node.inputs() if id(x) in arrays.root}
        kept |= {id(arrays.root[id(x)]) for x in self.returned() if id(x) in arrays.root}
        for node in self.nodes:
            if self.is_put_off(node):
                kept |= {id(self.factor_root(x)) for x in node.args}
        for i, step in enumerate(self.steps):  # what a line of NumPy makes may be a view of what it reads
            if type(step) is Node:
                for x in step.inputs():
                    if id(x) in arrays.root and id(step) in arrays.root:
                        later = max([at for at, _ in grouping.readers.get(id(step), [])], default=i)
                        kept_too = id(step) in kept
                        grouping.readers[id(arrays.root[id(x)])].append((later, False))
                        if kept_too:
                            kept.add(id(arrays.root[id(x)]))
        self.kept: set[int] = kept
        self.fresh: dict[int, Node] = {}  # what somebody has after the step, in memory of its own
        grads = {id(node.args[0]) for node in self.stores if isinstance(node.place, GradOf) and node.inputs()}
        for x in [*self.returned(), *(x for node in self.stores for x in node.inputs())]:
            native = self.is_native(x) and x.shape and id(x) not in self.ends
            if native and id(x) not in grads and (x in self.returned() or self.is_stored_fresh(x)):
                self.fresh[id(x)] = x
        self.arena = Arena(arrays, self.steps, grouping.readers, kept)
        for i, step in enumerate(self.steps):
            for node in step.nodes if type(step) is Step else []:
                outside = id(node) in self.ends or id(node) in self.fresh or self.is_put_off(node)
                if not outside and self.is_needed(node, i):
                    self.arena.place(node, i)
        self.arena.settle()

    def factor_root(self, x: Any) -> Any:
        """The root in which a factor of a folded product is kept."""
        root = self.arrays.root[id(x)]
        return self.copies.get(id(root), root)

    def is_stored_fresh(self, x: Node) -> bool:
        """Whether a node goes to a place as a new array."""
        return any(
            node.args[0] is x and node.params["fresh"] and not isinstance(node.place, Together) for node in self.stores
        )

    def is_needed(self, node: Node, step: int) -> bool:
        """Whether a root of a step is read from memory."""
        if id(node) in self.kept or id(node) in self.ends or type(self.steps[step]) is not Step:
            return True
        if self.steps[step].kind != "loop" or self.kind[id(node)] == "reduction":
            return True
        return any(at != step for at, _ in self.grouping.readers.get(id(node), []))


def with_biases(nodes: list[Node], result: Any) -> tuple[list[Node], Any]:
    """Products to the rows of which a bias is added, and which nobody else reads, in one with it."""
    readers: dict[int, int] = {}
    for x in [*(x for node in nodes for x in node.inputs()), *nodes_in(result)]:
        readers[id(x)] = readers.get(id(x), 0) + 1
    gone: set[int] = set()
    for node in nodes:
        if node.kind != "call" or elementwise(node) is not np.add or len(node.args) != 2:
            continue
        product, bias = node.args
        if type(product) is not Node or product.function is not np.dot or native_kind(product) != "product":
            continue
        fits = (
            type(bias) is Node and bias.shape == product.args[1].shape[1:] and bias.dtype == product.dtype == node.dtype
        )
        if fits and readers[id(product)] == 1 and in_tiles(*product.args):
            gone.add(id(product))
            node.function, node.op, node.args = with_bias, None, (*product.args, bias)
    return [node for node in nodes if id(node) not in gone], result


def is_array(node: Node) -> bool:
    """Whether a line of NumPy, or what comes from outside, is an array that native code can read."""
    return bool(node.shape) and node.dtype in (*FLOATS, np.dtype(np.bool), INTEGER)
