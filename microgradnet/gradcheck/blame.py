"""Whose rule is wrong? Each operation is checked on the values that flowed through it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from .. import tree
from ..core import WATCHER, Mode, Value, by_age, history, numbers, primitive
from ..debugging import Watcher, trace_of
from .places import floats, wide
from .point import Point
from .remedies import remedy
from .report import Culprit
from .source import ByHand, gradient_of
from .survey import checked
from .trial import Trial

Look: TypeAlias = Callable[[Trial, np.random.Generator], int | None]  # for an element of the gradient that is wrong

AT_ONCE = 2_000  # elements of an input moved along one direction
MOST = 500  # elements looked at one by one, where no direction tells
DRAWN = 100  # elements of the gradient of each operation, for second derivatives


def culprits(f: Callable[..., Any], args: Sequence[Any], rng: np.random.Generator) -> list[Culprit]:
    """The operations on the way to `f(*args)` whose rules disagree with their slopes, in the order of recording."""
    nodes = recorded(f, args)
    for look in (along_directions, one_by_one):  # the second sees what is wrong at a kink
        found: dict[tuple[str, int], Culprit] = {}
        for node in nodes:
            for i in flowing(node):
                if node.op is not None and (node.op.name, i) not in found:
                    culprit = wrong_rule(node, i, rng, look)
                    if culprit is not None:
                        found[culprit.op, i] = culprit
        if found:
            return list(found.values())
    return []


def wrong_rule(node: Value, i: int, rng: np.random.Generator, look: Look) -> Culprit | None:
    """What is wrong with the rule for one input of a recorded result, and what would make it right."""
    inputs = [numbers(x) for x in node.args]
    try:
        trial = Trial(node, i, inputs, np.asarray(rng.normal(size=node.shape), node.dtype)[()])
    except Exception:  # a checkpoint, say, which cannot be run on other numbers
        return None
    element = None if trial.failure else look(trial, rng)
    if element is None and trial.failure is None:
        return None
    found, line = remedy(node, i, rng), str(trace_of(node) or "")
    text = f"your rule is right if {found.text}" if found else ""
    if element is None:
        raised = f"{type(trial.failure).__name__}: {trial.failure}"
        return Culprit(trial.row.name, i, line, math.nan, math.nan, math.nan, "", text, raised)
    plain = Trial(node, i, inputs, counting(node))
    gap = np.abs(plain.field.g - plain.fit(found.way(plain))) if found else np.zeros(1)
    element = int(np.argmax(gap)) if np.any(gap) else element
    trial = plain if plain.is_wrong(element) else trial
    slope = trial.verdict(element)[1]
    sides = f" ({slope.left:.6g} from the left, {slope.right:.6g} from the right)" if slope.is_kink else ""
    place = f"{sides}{placed(trial, element)}, for {'g = ' + counted_out(node) if trial is plain else 'a random g'}"
    return Culprit(trial.row.name, i, line, float(trial.field.g[element]), slope.value, slope.error, place, text)


def counting(node: Value) -> Any:
    """A gradient of a result that one can follow: 2, 3, 4, and so on."""
    return np.asarray(np.arange(2, 2 + node.size).reshape(node.shape), node.dtype)[()]


def counted_out(node: Value) -> str:
    """The same in words."""
    return ", ".join(str(k) for k in range(2, 2 + min(node.size, 3))) + (", …" if node.size > 3 else "")


def placed(trial: Trial, element: int) -> str:
    """Which element of an input it is, and what number stands there."""
    shape = np.shape(trial.x)
    index = ", ".join(str(int(i)) for i in np.unravel_index(element, shape))
    return f" at {trial.names[trial.i]}{f'[{index}]' if shape else ''} = {trial.field.at[element]:.6g}"


def remedies_by_hand(point: Point, wrong: set[str]) -> list[str]:
    """What would make a gradient right that was written by hand, in words, for each of some inputs."""
    source = point.source
    if not isinstance(source, ByHand) or source.weighed or not all(map(tree.is_floating, point.args)):
        return []

    def rule(i: int) -> Any:
        return lambda g, out, *inputs: g * source.made(inputs)[1][i]

    def total(*inputs: Any) -> Any:
        return sum(np.sum(part) for part in floats(source.f(*inputs)))

    node: Any = primitive(*map(rule, range(len(point.args))))(total)(*point.probe)
    node.op.called = [place.name for place in point.places]  # total takes them all as one
    found = {place.name: remedy(node, i, point.rng) for i, place in enumerate(point.places) if place.name in wrong}
    return [f"{name}: your gradient is right if {right.text}" for name, right in found.items() if right]


def second_order_culprits(f: Callable[..., Any], args: Sequence[Any]) -> list[Culprit]:
    """The operations on the way to `f(*args)` whose second derivatives are wrong, each checked alone."""
    found: dict[str, Culprit] = {}
    for node in recorded(f, args):
        row: Any = node.op
        inputs = flowing(node)
        if row.name in found or not inputs:
            continue

        def alone(*values: Any, node: Value = node, inputs: list[int] = inputs) -> Any:
            given = dict(zip(inputs, values, strict=True))
            return node.op.record(*[given.get(i, numbers(x)) for i, x in enumerate(node.args)], **node.params)  # type: ignore[union-attr]

        point = Point(gradient_of(alone, 0), [wide(node.args[i])[()] for i in inputs], {}, None, 0)
        report = checked(point, DRAWN, False)
        for e in report.mismatches[:1]:
            i = inputs[[place.name for place in point.places].index(e.name)]
            found[row.name] = Culprit(row.name, i, str(trace_of(node) or ""), e.analytic, e.numerical, e.error)
    return list(found.values())


def recorded(f: Callable[..., Any], args: Sequence[Any]) -> list[Value]:
    """Every operation on the way to `f(*args)`, the oldest first, each with the line that called it."""
    with Mode(WATCHER, Watcher(nan=False, inf=False)):
        outs = floats(f(*args))
    return sorted({v for out in outs if isinstance(out, Value) for v in history(out)}, key=by_age)


def flowing(node: Value) -> list[int]:
    """The inputs of a recorded result that gradients flow to, by position."""
    return [i for i, x in enumerate(node.args) if type(x) is Value]


def along_directions(trial: Trial, rng: np.random.Generator) -> int | None:
    """An element of the gradient that is wrong, if it shows where many are moved at once."""
    return trial.search(rng, 1 + trial.field.at.size // AT_ONCE)


def one_by_one(trial: Trial, rng: np.random.Generator) -> int | None:
    """An element of the gradient that is wrong by itself. Zeros come first: many functions have kinks there."""
    drawn = rng.permutation(trial.field.at.size)
    drawn = drawn[np.argsort(trial.field.at[drawn] != 0, kind="stable")]
    return next((int(flat) for flat in drawn[:MOST] if trial.is_wrong(int(flat))), None)
