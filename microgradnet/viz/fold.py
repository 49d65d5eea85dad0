"""A graph as boxes: every node one, or many nodes folded into one, until a person can read it.

A box is a list of nodes. Each way of folding takes boxes and returns fewer; none of them may close a circle, so that
the boxes are a graph without loops again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .boxes import Box, Picture, in_order, inlined, most_common, spelled, titled, users_of
from .facts import counted
from .graph import CONSTANT, INPUT, OUTPUT, Graph, Group, Node

WAYS = ("constants", "modules", "repeats", "chains")
Way: TypeAlias = "Callable[[list[Box]], tuple[list[Box], str]]"  # fewer boxes, and what was folded
LONGEST_PERIOD = 2_000  # operations of a block that is looked for again


def fold(graph: Graph, ways: Iterable[str], depth: int | None, cap: int | None) -> Picture:
    """The graph folded in these ways; if more than `cap` boxes are left, in the other ways too, as far as need be."""
    boxes = in_order([Box([node], node.group) for node in graph.nodes])
    done: list[str] = []
    left = list(WAYS)

    def apply(way: Way) -> None:
        nonlocal boxes
        boxes, what = way(boxes)
        if what and not what.startswith("0 "):
            done.append(what)

    for way in [way for way in WAYS if way in ways]:
        left.remove(way)
        if way == "modules":
            apply(lambda b: modules_folded(b, depth))
        else:
            apply(FOLDS[way])
    if cap is None or len(boxes) <= cap:
        return Picture(boxes, graph, done)
    if "constants" in left:
        apply(constants_folded)
    counts = counts_by_depth(boxes)
    enough = next((depth for depth in reversed(range(len(counts))) if counts[depth] <= cap), None)
    if enough == 0 and len(boxes) > cap and "repeats" in left:  # says more than each outermost call as one box
        apply(lambda b: modules_folded(b, 1))
        apply(repeats_folded)
    for level in range(enough or 0, -1, -1):  # the next one up if a fold has closed a circle
        if len(boxes) > cap and counts:
            apply(lambda b, level=level: modules_folded(b, level))  # type: ignore[misc]
    for way in ("repeats", "chains"):
        if len(boxes) > cap and way in left:
            apply(FOLDS[way])
    if len(boxes) > cap:
        apply(sources_folded)
    if len(boxes) > cap:
        boxes = in_stretches(boxes, cap, done)
    if len(boxes) > cap:
        apply(lambda b: sources_folded(b, alike=False))
    return Picture(boxes, graph, done)


def counts_by_depth(boxes: list[Box]) -> list[int]:
    """How many boxes there are when the calls of Modules that are 0, 1, 2, … deep are folded."""
    calls = Counter(group.depth for group in calls_around(boxes))
    counts = []
    outside = sum(box.group is None for box in boxes)
    at = Counter(box.group.depth for box in boxes if box.group)
    for depth in range(len(calls)):
        counts.append(outside + calls[depth])
        outside += at[depth]
    return counts


def calls_around(boxes: list[Box]) -> Iterable[Group]:
    """The calls that the boxes were made in and those around them."""
    found: dict[Group, None] = {}
    for box in boxes:
        group = box.group
        while group and group not in found:
            found[group] = None
            group = group.parent
    return found


def constants_folded(boxes: list[Box]) -> tuple[list[Box], str]:
    """Constants are written into the operation that uses them."""
    taken: dict[Box, list[Node]] = {}
    kept = []
    for box in boxes:
        node = box.nodes[0]
        users = set(node.users)
        if node.kind == CONSTANT and len(box.nodes) == 1 and len(users) == 1 and node.users[0].group is node.group:
            taken.setdefault(users.pop().box, []).append(node)
        else:
            kept.append(box)
    whole = [Box(taken[box] + box.nodes, box.group, box.call, box.pattern) if box in taken else box for box in kept]
    return in_order(whole), counted(len(boxes) - len(kept), "constant")


def modules_folded(boxes: list[Box], depth: int | None) -> tuple[list[Box], str]:
    """Calls of Modules become boxes: those nested `depth` deep, or the innermost if it is None."""
    calls = sorted(calls_around(boxes), key=lambda group: group.start)
    parents = {group.parent for group in calls}
    folds: dict[Group | None, Group | None] = {None: None}  # what a call is folded into, if it is
    for group in calls:
        chosen = group not in parents if depth is None else group.depth == depth
        folds[group] = group if chosen else folds[group.parent]
    parts: dict[Any, list[Box]] = {}
    for box in boxes:
        parts.setdefault(folds[box.group] or box, []).append(box)
    folded = [
        key if isinstance(key, Box) else Box([n for box in part for n in box.nodes], key.parent, key)
        for key, part in parts.items()
    ]
    calls_now = sum(isinstance(key, Group) for key in parts)
    return checked(folded, boxes, counted(calls_now, "module"))


def chains_folded(boxes: list[Box]) -> tuple[list[Box], str]:
    """Three or more elementwise operations in a row, each with one input and one user, become one box."""
    users = users_of(boxes)

    def follows(box: Box) -> Box | None:
        """The box that goes on where this one ends."""
        if len(users[box]) != 1 or not elementwise(box):
            return None
        (user,) = users[box]
        fits = elementwise(user) and len(user.inputs) == 1 and user.group is box.group
        return user if fits and not any(node.kind == OUTPUT for node in box.nodes) else None

    after = {box: follows(box) for box in boxes}
    heads = set(boxes) - set(after.values())
    folded, chains = [], 0
    for head in boxes:
        if head not in heads:
            continue
        chain, at = [head], after[head]
        while at:
            chain.append(at)
            at = after[at]
        if len(chain) < 3:
            folded += chain
        else:
            pattern = spelled([inlined(box)[0] for box in chain], ", ")
            folded.append(Box([n for box in chain for n in box.nodes], head.group, None, pattern))
            chains += 1
    return in_order(folded), counted(chains, "chain")


def elementwise(box: Box) -> bool:
    node = box.main
    return bool(node and node.op and node.op.elementwise)


class Unit(NamedTuple):
    """A stretch of boxes that is taken as one when repeated blocks are looked for."""

    boxes: list[Box]
    pattern: str
    looks: Any  # equal for units that look the same
    parts: list[tuple[list[Box], str]]  # of a repeated block: what stands at each place of it, in all its repeats


def repeats_folded(boxes: list[Box]) -> tuple[list[Box], str]:
    """Blocks of the same operations, one after the other in the program, become one: "12 × [@, +, tanh]".

    The shortest blocks first, then blocks of these. A block whose repeats do not follow from each other, such as the
    same computation for many examples, is drawn with a box for each of its parts; otherwise it is one box.
    """
    units = row_of_units(boxes)
    while True:
        numbered: dict[Any, int] = {}
        runs = tandem_runs(np.array([numbered.setdefault(unit.looks, len(numbered)) for unit in units]))
        if not runs:
            break
        for begin, period, count in reversed(runs):
            end = begin + period * count
            units[begin:end] = [repeated(units[begin:end], period, count)]
    blocks = [unit for unit in units if unit.parts]
    what = counted(len(blocks), "repeated block")
    side_by_side, done = merged_boxes(boxes, [part for unit in blocks for part in unit.parts], what)
    return (side_by_side, done) if done else merged_boxes(boxes, [(unit.boxes, unit.pattern) for unit in blocks], what)


def repeated(units: list[Unit], period: int, count: int) -> Unit:
    """`count` blocks of `period` units as one unit."""
    block = units[:period]
    members = [box for unit in units for box in unit.boxes]
    parts = [
        ([box for unit in units[place::period] for box in unit.boxes], f"{count:,} × {bracketed(unit)}")
        for place, unit in enumerate(block)
    ]
    pattern = f"{count:,} × [{spelled([unit.pattern for unit in block], ', ')}]"
    return Unit(members, pattern, hash((count, *[unit.looks for unit in block])), parts)


def bracketed(unit: Unit) -> str:
    return unit.pattern if unit.parts else f"[{unit.pattern}]"


def row_of_units(boxes: list[Box]) -> list[Unit]:
    """The boxes that compute, in order, with a border between those that are drawn in different groups."""
    row: list[Unit] = []
    group: Any = row
    for box in boxes:
        if not box.is_source:
            if box.group is not group:
                row.append(Unit([], "", ("border", len(row)), []))
                group = box.group
            row.append(Unit([box], titled(box), signature(box), []))
    return row


def signature(box: Box) -> int:
    """What two boxes of the same operations on the same shapes have in common."""
    return hash(tuple([(node.op.name, node.thing.shape) for node in box.nodes if node.inputs]))


def tandem_runs(tokens: Any) -> list[tuple[int, int, int]]:
    """The (begin, period, count) of blocks that come at least three times in a row, those of the shortest period."""
    n = len(tokens)
    for period in range(1, min(LONGEST_PERIOD, n // 3) + 1):
        same = tokens[period:] == tokens[:-period]
        if np.count_nonzero(same) < 2 * period:
            continue
        edges = np.flatnonzero(np.diff(np.concatenate([[0], same.astype(np.int8), [0]])))
        begins, ends = edges[::2], edges[1::2]
        long = ends - begins >= 2 * period
        runs = []
        end_of_last = 0
        for begin, end in zip(begins[long], ends[long], strict=True):
            begin, end = max(int(begin), end_of_last), int(end) + period
            count = (end - begin) // period
            if count >= 3:  # what is left over stands before: a loop ends clean, but may follow on something like it
                runs.append((end - period * count, period, count))
                end_of_last = end
        if runs:
            return runs
    return []


def sources_folded(boxes: list[Box], alike: bool = True) -> tuple[list[Box], str]:
    """Parameters, inputs and constants that go to the same places become one box; all of a kind, unless `alike`."""
    users = users_of(boxes)
    sets: dict[Any, list[Box]] = {}
    for box in boxes:
        if box.is_source and not any(node.keep for node in box.nodes):
            places = (frozenset(user.number for user in users[box]), box.group) if alike else ()
            sets.setdefault((box.kind, places), []).append(box)
    sets = {key: found for key, found in sets.items() if len(found) > 1}
    merged = [(found, f"{counted(len(found), kind)}") for (kind, _), found in sets.items()]
    return merged_boxes(boxes, merged, counted(sum(map(len, sets.values())), "input"))


def stretches_folded(boxes: list[Box], cap: int) -> tuple[list[Box], str]:
    """Boxes that follow each other become one, whatever they are: the last resort."""
    units = row_of_units(boxes)
    length = max(2, -(-2 * len(units) // max(1, cap)))
    merged = []
    begin = 0
    for end in range(len(units) + 1):
        if end == len(units) or not units[end].boxes or end - begin == length:
            block = [box for unit in units[begin:end] for box in unit.boxes]
            if len(block) > 1:
                merged.append((block, most_common(block)))
            begin = end
    return merged_boxes(boxes, merged, f"{length:,} operations at a time")


def in_stretches(boxes: list[Box], cap: int, done: list[str]) -> list[Box]:
    """The boxes in so few stretches that there are at most `cap`, and not too many arrows to lay out and see."""
    parts = cap
    while True:
        folded, what = stretches_folded(in_order(boxes), parts)
        folded, inputs = sources_folded(folded)
        parts //= 2
        if parts < 1 or (len(folded) <= cap and sum(len(box.inputs) for box in folded) <= 2 * cap):
            done += [text for text in (what, inputs) if text and not text.startswith("0 ")]
            return folded


FOLDS = {"constants": constants_folded, "chains": chains_folded, "repeats": repeats_folded}


# --------------------------------------------------------------------------------------------- putting boxes together


def merged_boxes(boxes: list[Box], merged: list[tuple[list[Box], str]], what: str) -> tuple[list[Box], str]:
    """The boxes with each of these blocks as one, together with what only the block uses."""
    block_of = {box: i for i, (block, _) in enumerate(merged) for box in block}
    users = users_of(boxes)
    for box in boxes:
        named = any(node.keep or (node.kind == INPUT and node.name) for node in box.nodes)
        if box.is_source and box not in block_of and not named:
            home, *others = {block_of.get(user) for user in users[box]} or {None}
            if home is not None and not others:
                block_of[box] = home
    parts: dict[Any, list[Box]] = {}
    for box in boxes:
        parts.setdefault(block_of.get(box, box), []).append(box)
    folded = []
    for key, part in parts.items():
        if isinstance(key, Box):
            folded.append(key)
        else:
            block, pattern = merged[key]
            folded.append(Box([n for box in part for n in box.nodes], block[0].group, None, pattern))
    return checked(folded, boxes, what)


def checked(folded: list[Box], before: list[Box], what: str) -> tuple[list[Box], str]:
    """The folded boxes in order, and what was folded; those before and nothing, if folding has closed a circle."""
    ordered = in_order(folded)
    return (ordered, what) if len(ordered) == len(folded) else (in_order(before), "")
