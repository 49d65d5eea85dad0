"""Names from where Values live: in the variables of who draws, and in the objects, lists and dicts that these hold.

A network written neuron by neuron has no Modules, and its Values seldom have names. `layers[0].neurons[2].w[1]` is
where one of them is found; and what is computed from the numbers of one neuron is drawn in one frame, as a Module is.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from ..core import Value
from .graph import CONSTANT, INPUT, PARAMETER, Group, Node

MOST = 100_000  # things that are looked at
PLAIN = (int, float, str, bytes, np.generic, type(None))


class Home(NamedTuple):
    """Where something lives."""

    path: str  # without the variable that it starts from: ".layers[0].w[1]"
    owners: tuple[tuple[str, Any], ...]  # the objects around it, outermost first, with their paths


class Held(Group):
    """What belongs to one object that holds Values."""

    def __init__(self, owner: Any, title: str, path: str, start: int, parent: Held | None) -> None:
        super().__init__(start, parent, noun=type(owner).__name__)
        self.label: str = title
        self.path: str = path

    @property
    def title(self) -> str:
        """Where the object around it holds it, `neurons[2]`; its class, if there is none around it."""
        return self.label

    @property
    def subtitle(self) -> str:
        """Its class."""
        return "" if self.noun == self.label else self.noun


def settle_in(nodes: list[Node], frame: Any) -> None:
    """Names the leaves without a name by where the variables of `frame` hold them, and groups what objects hold.

    Groups are made where there are no Modules and several objects hold Values, such as neurons.
    """
    leaves = {id(n.thing): n for n in nodes if not n.inputs and isinstance(n.thing, (Value, np.ndarray)) and not n.keep}
    if not leaves:
        return
    homes = found_homes(set(leaves), frame)
    whole = {name for name, home in homes.values() if home.owners}
    for key, (variable, home) in homes.items():
        node = leaves[key]
        held = bool(home.owners) and isinstance(node.thing, Value)
        if not node.name:
            node.name = home.path.removeprefix(".") if held and len(whole) == 1 else f"{variable}{home.path}"
        if held and node.kind == INPUT:
            node.kind = PARAMETER
    owners = {
        key: home.owners for key, (_, home) in homes.items() if home.owners and isinstance(leaves[key].thing, Value)
    }
    if len({id(chain[-1][1]) for chain in owners.values()}) > 1 and not any(node.group for node in nodes):
        put_into_groups(nodes, owners)


# ------------------------------------------------------------------------------------------------------------ looking


def found_homes(wanted: set[int], frame: Any) -> dict[int, tuple[str, Home]]:
    """For each of these ids the variable and the place in it: in an object, if it is in one; else in a list or dict."""
    candidates = []
    left = MOST
    seen: set[int] = set()
    for name, x in variables(frame):
        if id(x) not in seen:
            seen.add(id(x))
            found, looked = homes_in(x, wanted, left)
            left -= looked
            candidates.append((name, found))
    homes: dict[int, tuple[str, Home]] = {}
    # Objects before lists, lists before variables (a loop leaves its last number in one); who holds most before others.
    for rank in (2, 1, 0):
        kept = [(name, {k: h for k, h in found.items() if rank_of(h) == rank}) for name, found in candidates]
        for name, found in sorted(kept, key=lambda pair: -len(pair[1])):
            for key, home in found.items():
                homes.setdefault(key, (name, home))
    return homes


def rank_of(home: Home) -> int:
    return 2 if home.owners else 1 if home.path else 0


def variables(frame: Any) -> Iterator[tuple[str, Any]]:
    """The variables of a frame, of those of the same module that called it, and of the module itself."""
    scopes = []
    module = frame.f_globals
    while frame is not None and frame.f_globals is module:
        if frame.f_locals is not module:
            scopes.append(frame.f_locals)
        frame = frame.f_back
    for scope in [*scopes, module]:
        for name, x in list(scope.items()):
            if name[:1] != "_" and name not in ("In", "Out"):  # a notebook keeps what it has shown
                yield name, x


def homes_in(root: Any, wanted: set[int], most: int) -> tuple[dict[int, Home], int]:
    """Where `root` holds what is wanted, and at how many things it was looked."""
    found: dict[int, Home] = {}
    seen = {id(root)}
    todo: list[tuple[Any, str, tuple[tuple[str, Any], ...]]] = [(root, "", ())]
    looked = 0
    while todo and looked < most:
        x, path, owners = todo.pop()
        looked += 1
        if issubclass(type(x), (Value, np.ndarray)):
            if id(x) in wanted:
                found[id(x)] = Home(path, owners)
            continue
        if is_owner(x):
            owners = (*owners, (path, x))
        for step, part in reversed(list(parts(x))):
            if id(part) not in seen and not issubclass(type(part), PLAIN):
                seen.add(id(part))
                todo.append((part, path + step, owners))
    return found, looked


def parts(x: Any) -> Iterable[tuple[str, Any]]:
    """What an object, a list or a dict holds, and how a program writes where; no code of its class is run."""
    kind = type(x)
    if issubclass(kind, (list, tuple)):
        each = list.__iter__(x) if issubclass(kind, list) else tuple.__iter__(x)
        return [(f"[{i}]", part) for i, part in enumerate(each)]
    if issubclass(kind, dict):
        return [(f"[{key!r}]", part) for key, part in dict.items(x) if type(key) in (str, int)]
    return [(f".{name}", part) for name, part in held_by(x).items()] if is_owner(x) else []


def held_by(x: Any) -> dict[str, Any]:
    try:
        held = object.__getattribute__(x, "__dict__")
    except AttributeError:
        return {}
    return held if type(held) is dict else {}


def is_owner(x: Any) -> bool:
    """Whether it is an object of a class that a user wrote: not of Python's, and not of an installed package."""
    kind = type(x)
    if issubclass(kind, (list, tuple, dict, type, ModuleType)) or not held_by(x) or has(kind, "__get__"):
        return False
    home = str(kind.__module__).partition(".")[0]
    if home == "builtins":
        return not hasattr(builtins, kind.__name__)  # made where no module has a name, as in a doctest
    if home in ("IPython", "ipykernel"):  # in whose hands a notebook's variables are, wherever they are installed
        return False
    if home == "microgradnet":
        return has(kind, "named_parameters")
    where = getattr(sys.modules.get(str(kind.__module__)), "__file__", None) or ""
    return home not in sys.stdlib_module_names and ("site-packages" not in where or has(kind, "parameters"))


def has(kind: type, name: str) -> bool:
    return any(name in vars(base) for base in kind.__mro__)


# ------------------------------------------------------------------------------------------------------------- groups


def put_into_groups(nodes: list[Node], owners: dict[int, tuple[tuple[str, Any], ...]]) -> None:
    """Puts what objects hold, and what is computed from that of one of them alone, into groups; unless, taken for one
    box each, these would go in a circle."""
    groups: dict[int, Held] = {}

    def group_of(chain: tuple[tuple[str, Any], ...]) -> Held:
        parent: Held | None = None
        before = ""
        for path, owner in chain:
            if id(owner) not in groups:
                title = path.removeprefix(before).removeprefix(".") or type(owner).__name__
                groups[id(owner)] = Held(owner, title, path.removeprefix("."), len(groups), parent)
            parent, before = groups[id(owner)], path
        assert parent
        return parent

    home: dict[Node, Held] = {}
    for node in nodes:
        if not node.inputs:
            if id(node.thing) in owners:
                home[node] = group_of(owners[id(node.thing)])
            continue
        held = {home[x] for x in node.inputs if not x.inputs and x in home}
        inside = [x for x in node.inputs if x.inputs or not is_zero(x.thing)]  # `sum` starts from 0
        if not held:
            computed = {home.get(x) for x in inside}
            held = computed - {None} if len(computed) == 1 else set()  # type: ignore[assignment]
        if len(held) == 1:
            home[node] = held.pop()
    for node in nodes:  # a plain number is where it is used
        if node.kind == CONSTANT and node.users and len({home.get(user) for user in node.users}) == 1:
            group = home.get(node.users[0])
            if group and not isinstance(node.thing, np.ndarray):
                home[node] = group
    if all(straight(nodes, home, depth) for depth in range(1 + max(group.depth for group in groups.values()))):
        for node, group in home.items():
            node.group = group


def is_zero(x: Any) -> bool:
    return type(x) in (int, float) and x == 0


def straight(nodes: list[Node], home: dict[Node, Held], depth: int) -> bool:
    """Whether no edges go in a circle when the groups this deep are one box each."""

    def box(node: Node) -> Any:
        group: Any = home.get(node)
        while group and group.depth > depth:
            group = group.parent
        return group if group and group.depth == depth else node

    after: dict[Any, set[Any]] = {}
    waits: dict[Any, int] = {}
    for node in nodes:
        waits.setdefault(box(node), 0)
        for x in node.inputs:
            a, b = box(x), box(node)
            if a is not b and b not in after.setdefault(a, set()):
                after[a].add(b)
                waits[b] += 1
    free = [x for x, n in waits.items() if not n]
    for x in free:  # grows while it is walked
        for user in after.get(x, ()):
            waits[user] -= 1
            if not waits[user]:
                free.append(user)
    return len(free) == len(waits)
