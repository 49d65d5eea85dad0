"""A recorded computation as a graph of nodes, with the gradient of each: what is to be drawn.

Everything here is a loop, so that graphs of any depth can be read, and ordered by creation, so that equal programs give
equal graphs. Nothing is deposited: the gradients are swept for the drawing alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import numpy as np

from ..core import NO_PARAMS, WATCHER, Gone, Mode, Value, by_age, history, new_value, numbers, start, swept
from ..nn.module import Module, path_in, scopes_of
from ..ops.elementwise import hook_row
from ..tree import walk
from .passes import Noted, pulled

MOST_VALUES, MOST_NUMBERS = 2_000, 10_000_000  # of a graph whose backward pass a drawing keeps, to be played

# What a node can be.
PARAMETER, INPUT, CONSTANT, OPERATION, OUTPUT = "parameter", "input", "constant", "operation", "output"


class Group:
    """One call of a Module: what was recorded inside belongs to it."""

    path = ""  # where it is, as the names of what it holds begin
    counts = True  # whether its parameters are counted

    def __init__(self, start: int, parent: Group | None, module: Module | None = None, noun: str = "") -> None:
        self.module: Module | None = module
        self.noun: str = noun  # what it is, in a word: the name of the Module's class
        self.start: int = start
        self.parent: Group | None = parent
        self.depth: int = parent.depth + 1 if parent else 0

    def chain(self) -> list[Group]:
        """The groups it is in, the outermost first and itself last."""
        found = [self]
        while found[-1].parent:
            found.append(found[-1].parent)
        return found[::-1]

    @property
    def title(self) -> str:
        """Where the Module around it holds this one: `layers[0]`; its class, if there is none around it."""
        around = self.parent.module if self.parent else None
        path = path_in(around, self.module) if around and self.module else ""
        return path.removeprefix(".") or self.noun

    @property
    def subtitle(self) -> str:
        """The first line of what the Module prints, without what its title says already."""
        text = printed(self.module).splitlines()[0] if self.module else ""
        if text.startswith(f"{self.title}("):
            text = text[len(self.title) + 1 :].removesuffix(")")
        return text.removesuffix("(")


class Flow:
    """The gradient that one edge carries: its size, and its sign where all of it has one."""

    def __init__(self, g: Any) -> None:
        self.size: float = norm(g)
        low, high = (np.min(g), np.max(g)) if np.size(g) else (0.0, 0.0)
        self.sign = "" if low == high == 0 or math.isnan(low) else "+" if low >= 0 else "-" if high <= 0 else "±"


class Node:
    """A Value, or a plain array or number beside one."""

    __slots__ = ("box", "flows", "grad", "group", "index", "inputs", "keep", "kind", "name", "thing", "users")

    index: int  # its place among all nodes, oldest first
    box: Any  # that it is drawn in; see fold

    def __init__(self, thing: Any, kind: str) -> None:
        self.thing: Any = thing
        self.kind: str = kind
        self.name: str = (thing.name if isinstance(thing, Value) else None) or ""
        self.inputs: list[Node] = []  # in the order of the arguments
        self.users: list[Node] = []  # once for each edge
        self.keep: bool = False  # whether it was asked for by name
        self.group: Group | None = None
        self.grad: Any = None
        self.flows: list[Flow | None] = []  # one for each input; only when asked for

    @property
    def op(self) -> Any:
        """The row that computed it, if it was computed and its history is there."""
        op = self.thing.op if isinstance(self.thing, Value) else None
        return None if isinstance(op, Gone) else op


class Graph:
    """The nodes, oldest first, each after its inputs; and what is to be said of them all."""

    def __init__(self, nodes: list[Node], notes: list[str], has_gradients: bool, passed: Noted | None) -> None:
        self.nodes: list[Node] = nodes
        self.passed: Noted | None = passed  # the backward pass, if there is one and it is not too large to be shown
        self.notes: list[str] = notes
        self.has_gradients: bool = has_gradients


def read(
    roots: Collection[Value],
    inputs: Mapping[str, Any],
    models: Iterable[Module] = (),
    *,
    gradients: bool,
    flows: bool,
    look: Callable[[list[Node]], None] | None = None,
) -> Graph:
    """The graph of everything `roots` were computed from.

    `inputs` names Values and arrays; `models` own parameters, as the Modules do that were called on the way. `look`
    may name and group what has no name and no group.
    """
    values = reached(roots)
    nodes = made_nodes(values, {id(x): name for name, x in inputs.items()})
    groups = groups_of(nodes)
    tell_kinds(nodes, roots, [*models, *[group.module for group in groups if group.module and not group.parent]])
    put_leaves_into_groups(nodes)
    if look:
        look(nodes)
    unused = [name for name in inputs if not any(node.keep and node.name == name for node in nodes)]
    unused_notes = [f"no operation takes these as they are: {', '.join(unused)}"] if unused else []
    notes: list[str] = []
    passed = None
    if gradients:
        found, passed, notes = swept_for_show(roots, values)
        if not found:
            found, notes = stored(roots, values, notes)
        for node in nodes:
            if isinstance(node.thing, Value):
                node.grad = found.get(node.thing)
        gradients = bool(found)
        if flows:
            for node in nodes:
                node.flows = flows_into(node)
    return Graph(nodes, notes + unused_notes, gradients, passed)


def computed(value: Value) -> bool:
    return value.op is not None and not isinstance(value.op, Gone)


def reached(roots: Collection[Value]) -> list[Value]:
    """The roots and every Value they were computed from; the computed ones among them oldest first."""
    found = dict.fromkeys(roots)
    todo = list(found)
    while todo:
        value = todo.pop()
        for x in value.args if computed(value) else ():
            if isinstance(x, Value) and x not in found:
                found[x] = None
                todo.append(x)
    return sorted(found, key=by_age)


def made_nodes(values: list[Value], names: dict[int, str]) -> list[Node]:
    """A node for each Value, and one for each plain array (one for each use of a plain number) beside them."""
    node_of: dict[Any, Node] = {value: Node(value, OPERATION if computed(value) else INPUT) for value in values}
    for value in filter(computed, values):
        node = node_of[value]
        for place, x in enumerate(value.args):
            key = x if isinstance(x, Value) else id(x) if isinstance(x, np.ndarray) else (value.age, place)
            if key not in node_of:
                node_of[key] = Node(x, CONSTANT)
            source = node_of[key]
            node.inputs.append(source)
            source.users.append(node)
    for node in node_of.values():
        given = names.get(id(node.thing))
        if given is not None:
            node.name, node.keep = given, True
            node.kind = INPUT if node.kind == CONSTANT else node.kind
    nodes = sorted(node_of.values(), key=turn)
    for i, node in enumerate(nodes):
        node.index = i
    return nodes


def turn(node: Node) -> tuple[int, bool]:
    """What nodes are ordered by: age; a leaf stands before its first user, for it may have been written to since."""
    those = [node] if node.inputs else [node, *node.users]
    return min([x.thing.age for x in those if isinstance(x.thing, Value)]), bool(node.inputs)


def groups_of(nodes: list[Node]) -> Iterable[Group]:
    """The calls of Modules, with each computed node in the innermost that it was made in.

    A node was made in a call if it is younger than the start of the call and one of its results was computed from it.
    """
    groups: dict[int, Group] = {}
    for node in reversed(nodes):
        if not node.inputs:
            continue
        age = node.thing.age
        for user in node.users:
            group: Group | None = user.group
            while group and group.start > age:
                group = group.parent
            if group and (node.group is None or group.start > node.group.start):
                node.group = group
        for module, kind, since in scopes_of(node.thing):
            if since not in groups:
                groups[since] = Group(since, node.group, module, kind.__name__)
            if node.group is None or since > node.group.start:
                node.group = groups[since]
    return groups.values()


def put_leaves_into_groups(nodes: list[Node]) -> None:
    """Leaves belong where they are used, but for what came into a call from outside.

    That is known of a Value: it is no parameter, and older than the call. Of a plain array it is not: one that the very
    first operation of a call uses, and that the Module does not own, is taken for its input; unless the call uses more
    views like it of one array, as `x[:, t]` in a loop: these were made inside, the first as well as the rest.
    """
    first_in: dict[Group, Node] = {}
    for node in nodes:
        for group in node.group.chain() if node.group else ():
            first_in.setdefault(group, node)
    modules = each_once([group.module for group in first_in if group.module])
    buffers = {id(x) for module in modules for _, x in module.named_buffers()}
    later = views_used_later(nodes, first_in)
    for node in nodes:
        if node.inputs or not node.users:
            continue
        name = buffer_name(node)
        if name:  # a copy of it, which stays as it was then
            node.name = node.name or name
            buffers.add(id(node.thing))
        home = common([user.group for user in node.users])
        while home and (node.keep or comes_from_outside(node, home, first_in[home], buffers, later)):
            home = home.parent
        node.group = home


def view_of(node: Node) -> tuple[int, Any]:
    """What the views have in common that a loop takes of an array: its id, 0 if this is no view, and their shape."""
    base = node.thing.base if isinstance(node.thing, np.ndarray) else None
    return (0, ()) if base is None else (id(base), node.thing.shape)


def views_used_later(nodes: list[Node], first_in: Mapping[Group, Node]) -> set[tuple[Group, Any]]:
    """The calls that use a view of an array, but not in their first operation; each with what `view_of` says of it."""
    return {
        (group, view)
        for node in nodes
        if (view := view_of(node))[0]
        for user in node.users
        for group in (user.group.chain() if user.group else ())
        if first_in[group] not in node.users
    }


def buffer_name(node: Node) -> str:
    """The name of the buffer, of the Module it is used in, that a plain array is a copy of: `running_mean`."""
    array, module = node.thing, common([user.group for user in node.users])
    if not isinstance(array, np.ndarray) or not array.ndim or node.keep or not (module and module.module):
        return ""
    flat = array.reshape(array.shape[:1]) if array.size == array.shape[0] else array  # (3, 1, 1): of each channel
    for name, buffer in vars(module.module).items():
        if (
            isinstance(buffer, np.ndarray)
            and buffer.ndim
            and buffer.shape == flat.shape
            and np.array_equal(buffer, flat)
        ):
            return name
    var, eps = getattr(module.module, "running_var", None), getattr(module.module, "eps", 0.0)
    if isinstance(var, np.ndarray) and var.shape == flat.shape and np.allclose(flat, 1 / np.sqrt(var + eps)):
        return "1 / √(running_var + eps)"
    return ""


def comes_from_outside(node: Node, group: Group, first: Node, buffers: set[int], later: set[tuple[Group, Any]]) -> bool:
    if isinstance(node.thing, Value):
        return node.kind == INPUT and node.thing.age < group.start
    if not isinstance(node.thing, np.ndarray) or id(node.thing) in buffers:
        return False
    return first in node.users and (group, view_of(node)) not in later


def common(groups: list[Group | None]) -> Group | None:
    """The innermost group that holds all of these."""
    chains = [group.chain() if group else [] for group in groups]
    found = None
    for level in zip(*chains, strict=False):
        if len(set(level)) > 1:
            break
        found = level[0]
    return found


def each_once(modules: Iterable[Module]) -> Iterable[Module]:
    """The Modules, each once; not in a set, for a user's Module may have no hash."""
    return {id(module): module for module in modules}.values()


def tell_kinds(nodes: list[Node], roots: Collection[Value], models: Iterable[Module]) -> None:
    owned = {found for model in each_once(models) for _, found in walk(model) if isinstance(found, Value)}
    tops = set(roots)
    for node in nodes:
        if isinstance(node.thing, Value):
            if node.thing in tops:
                node.kind = OUTPUT
            elif node.thing in owned and node.kind == INPUT:
                node.kind = PARAMETER


# ---------------------------------------------------------------------------------------------------------- gradients


def swept_for_show(roots: Collection[Value], values: list[Value]) -> tuple[dict[Value, Any], Noted | None, list[str]]:
    """The gradient of the sum of `roots` for each Value, and the sweep step by step, if it is short enough to show.

    Empty, with the reason in words, where there is none.
    """
    tops = [root for root in roots if type(root) is Value]
    if not tops:
        return {}, None, ["no gradients: nothing flows back from this"]
    notes = []
    if len(tops) > 1 or tops[0].size != 1:
        notes = [f"gradients are those of the sum of {'all outputs' if len(tops) > 1 else 'the output'}"]
    if any(value.op is hook_row for value in values):
        notes.append("hooks are not called: gradients are those without them")
    found: dict[Value, Any] = {}
    try:
        pending = {root: start(root, np.ones(root.shape), False) for root in tops}
        noted = Noted(pending, MOST_NUMBERS if len(values) <= MOST_VALUES else -1)
        with Mode(WATCHER, noted), np.errstate(all="ignore"):
            for root in tops:
                history(root)  # raises where something was written
            nodes = [value for value in values if type(value) is Value and value.op is not None]
            found.update(swept(nodes, pending, False, False, found))
    except Exception as error:  # a drawing shows what is wrong; it must not fail because something is
        return {}, None, [f"no gradients: {error}"]
    return found, noted if noted.left >= 0 and noted.steps else None, notes


def stored(roots: Collection[Value], values: list[Value], notes: list[str]) -> tuple[dict[Value, Any], list[str]]:
    """The gradients that a sweep from these roots has left, where none can be computed any more: after an update."""
    if any(root.grad is None for root in roots):
        return {}, notes
    found = {value: value.grad for value in values if value.grad is not None}
    return found, ["gradients are the stored .grad: something was written after it was used, as an update does"]


def flows_into(node: Node) -> list[Flow | None]:
    """What the node passes to each of its inputs."""
    if node.grad is None:
        return [None] * len(node.inputs)
    # Each argument stands for itself, though it may be the same Value twice.
    stands = tuple(
        [new_value(type(x), numbers(x), None, (), NO_PARAMS) if isinstance(x, Value) else x for x in node.thing.args]
    )
    pending: dict[Value, Any] = {}
    try:
        with Mode(WATCHER, None), np.errstate(all="ignore"):
            twin = new_value(Value, numbers(node.thing), node.op, stands, node.thing.params)
            pulled(twin, node.grad, False, pending)
    except Exception:  # a checkpoint cannot be run for others than its own inputs
        return [None] * len(node.inputs)
    return [Flow(pending[x]) if isinstance(x, Value) and x in pending else None for x in stands]


def norm(x: Any) -> float:
    """The root of the sum of squares, in float64."""
    array = np.asarray(x, dtype=np.float64)
    largest = np.max(np.abs(array), initial=0.0)
    return float(largest * np.linalg.norm(array / largest) if 0 < largest < math.inf else largest)


def printed(x: Any) -> str:
    """What `x` prints, without the place in memory that some objects print, which differs from run to run."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(x))
