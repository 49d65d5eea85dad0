"""Which 0-d parameters of a program have their numbers, and their gradients, in one array each."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...core import Value
from ...core.modes import number
from ..nodes import DataOf, GradOf, Node
from .graph import Graph

SLOTS: dict[Any, str] = {DataOf: "_numbers", GradOf: "_grad"}


class Residents(NamedTuple):
    """0-d Values whose numbers, or gradients, will be in one array."""

    slot: str
    values: list[Value]
    loads: dict[int, int]  # id of a Value -> the scalar that is there at the start
    stores: dict[int, int]  # and the one that is left there


def residents(nodes: list[Node], graph: Graph) -> list[Residents]:
    """The 0-d parameters: those that the program moves, those it only reads, and those whose gradients it leaves."""
    values: dict[int, Value] = {}
    loads: dict[str, dict[int, int]] = {"_numbers": {}, "_grad": {}}
    stores: dict[str, dict[int, int]] = {"_numbers": {}, "_grad": {}}
    for node in nodes:
        place: Any = node.place
        if type(place) not in SLOTS or place.argument is not None or type(number(place.owner)) is not np.float64:
            continue
        slot = SLOTS[type(place)]
        known = loads if node.kind == "load" else stores
        k = graph.number.get(id(node)) if node.kind == "load" else scalar_of(node.args[0], graph)
        if k is not None:
            values[id(place.owner)] = place.owner
            known[slot][id(place.owner)] = k
    data, left = loads["_numbers"], stores["_numbers"]
    moved = [v for v in data if v in left]
    still = [v for v in data if v not in left]
    gradients = stores["_grad"]
    read = {v: k for v, k in loads["_grad"].items() if v in gradients}
    return [
        Residents("_numbers", [values[v] for v in moved], {v: data[v] for v in moved}, {v: left[v] for v in moved}),
        Residents("_numbers", [values[v] for v in still], {v: data[v] for v in still}, {}),
        Residents("_grad", [values[v] for v in gradients], read if len(read) == len(gradients) else {}, gradients),
    ]


def scalar_of(x: Any, graph: Graph) -> int | None:
    """The number of what is stored, if that is a float."""
    found = graph.numbers_of((x,))
    return None if found is None or graph.is_bool(found[0]) else found[0]
