"""What a page is told so that it can play a backward pass: what each box gets, by which other, and what it has then."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from ..core import Value, numbers
from .boxes import Box, Picture
from .facts import Facts, number, settings, shorter
from .graph import Node, norm
from .passes import Noted, Share

LONGEST = 22  # letters of a rule that stands on an arrow


def with_play(graph: dict[str, Any], picture: Picture, opened: bool) -> dict[str, Any]:
    """What a page is told of a picture, with its backward pass if it has one; `opened` shows that first."""
    if not picture.passed:
        return graph
    shown = zip(graph["nodes"], played(picture, picture.passed), strict=True)
    return {**graph, "nodes": [{**node, "play": shows} for node, shows in shown], "play": opened}


def played(picture: Picture, passed: Noted) -> list[dict[str, Any]]:
    """For each box of a picture with a backward pass what the player shows of it.

    `lines` under its title, its `value` and what it `gets`, in order: `by` which box (None: here the pass starts), the
    `label` of the arrow (`labels`, of several) and its `place` among those from there, how much was `added`, and the
    `total` it has then, in words. Of a single operation the `rule`, the rule `with` its numbers and the user's `line`;
    of one number `n`, the total itself.
    """
    shown = zip(picture.boxes, picture.facts, arrivals(picture, passed), strict=True)
    return [{"lines": lines_of(box, facts), "value": facts.value, "gets": gets} for box, facts, gets in shown]


def arrivals(picture: Picture, passed: Noted) -> list[list[dict[str, Any]]]:
    """What each box gets. A box passes on when all have that read it: from the last to the first."""
    home = {node.thing: i for i, box in enumerate(picture.boxes) for node in box.nodes if isinstance(node.thing, Value)}
    steps: list[list[Any]] = [[] for _ in picture.boxes]
    left: Counter[Value] = Counter()
    final: dict[Value, Any] = {}
    for step in passed.steps:
        steps[home[step.value]].append(step)
        for share in step.inputs:
            left[share.value] += 1
            final[share.value] = share.total
    has = dict(passed.starts)
    gets: list[list[dict[str, Any]]] = [[] for _ in picture.boxes]
    for root, g in has.items():
        gets[home[root]].append({"by": None, "label": "", "added": amount([g]), **total([g])})
    for i in reversed(range(len(picture.boxes))):
        sent: dict[int, list[Share]] = {}
        for step in steps[i]:
            for share in step.inputs:
                x = share.value
                left[x] -= 1
                # In the engine's order, so the same bits; where folding has changed it, the last sum is the engine's.
                has[x] = final[x] if not left[x] else has[x] + share.added if x in has else share.added
                if home[x] != i:
                    sent.setdefault(home[x], []).append(share)
        for j, shares in sent.items():
            inside = [has[node.thing] for node in picture.boxes[j].nodes if is_in(node, has)]
            gets[j].append(arrival(i, shares, inside, single=len(steps[i]) == 1))
            if len(steps[i]) == 1 and steps[i][0].line:
                gets[j][-1]["line"] = steps[i][0].line
    return gets


def is_in(node: Node, has: dict[Value, Any]) -> bool:
    return isinstance(node.thing, Value) and node.thing in has


def arrival(by: int, shares: list[Share], inside: list[Any], single: bool) -> dict[str, Any]:
    """What one box passes to another, for the player."""
    one_number = len({share.value for share in shares}) == 1 and not np.ndim(shares[0].added)
    added = " + ".join(number(share.added) for share in shares) if one_number else amount([s.added for s in shares])
    found: dict[str, Any] = {
        "by": by,
        "place": shares[0].place,
        "label": " + ".join(map(label, shares)),
        "added": added,
    }
    if len(shares) > 1:
        found["labels"] = [label(share) for share in shares]
    if len(shares) > 2 or len(found["label"]) > 2 * LONGEST:
        found["label"] = found["added"]
    if single:
        found["rule"] = [share.rule for share in shares]
        found["with"] = [share.numbers for share in shares]
    return {**found, **total(inside)}


def label(share: Share) -> str:
    """What stands on the arrow: local slope × what came in, or the rule of arrays."""
    slope = share.slope
    if slope is not None:
        return f"{number(slope)} × {number(share.gradient)}"
    return share.rule if 0 < len(share.rule) <= LONGEST else amount([share.added])


def amount(arrays: list[Any]) -> str:
    """A number, or how long arrays are together."""
    if len(arrays) == 1 and not np.ndim(arrays[0]):
        return number(arrays[0])
    return f"norm {number(norm([norm(x) for x in arrays]))}"


def total(arrays: list[Any]) -> dict[str, Any]:
    """What a box has, in words; and as it is, where it is one number that JSON has a word for."""
    found: dict[str, Any] = {"total": amount(arrays)}
    if len(arrays) == 1 and np.isfinite(size := norm(arrays[0])):
        found["n"] = size if np.ndim(arrays[0]) else float(arrays[0])
    return found


# ----------------------------------------------------------------------------------------------- what stands in a box


def lines_of(box: Box, facts: Facts) -> list[str]:
    """What does not change while it is played: the name, the settings, the shape."""
    node = box.main
    if node is None:
        return [line for line in facts.lines if "gradient" not in line][:2]
    shape = np.shape(numbers(node.thing))
    name = [node.name] if node.name and node.name != facts.title else []
    return [shorter(line, 30) for line in [*name, *settings(node), *([str(shape)] if shape else [])]]
