"""A backward pass, one operation at a time: what came in, and what was added to each input. Swept for showing alone.

The sweep is the engine's own. What each operation passes on is caught on the way in a `Ledger`, and then added to what
there was, in the engine's order, so that every number is the one that `backward` computes, bit by bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import WATCHER, Array, Mode, Op, Value, fitted, numbers
from ..debugging import trace_of
from ..notation import from_rule, letters_of, rule_written, with_numbers
from ..ops.elementwise import hook_row
from ..ops.shape import take
from ..words import printable


class ForShow:
    """What watches a sweep for a drawing: it is one like any other, but that it calls no hook."""

    def made(self, value: Value) -> None:
        """Of what a checkpoint computes again nothing is noted."""

    def of_a_sweep(self) -> Any:
        return pulled


def pulled(node: Value, g: Any, create_graph: bool, pending: dict[Value, Any]) -> None:
    """What `node.op.pull` does; a hook lets the gradient through as it is, since a drawing must change nothing."""
    if node.op is hook_row:
        (x,) = node.args
        pending[x] = pending[x] + g if x in pending else g
    elif node.op:
        node.op.pull(node, g, create_graph, pending)


class Ledger(dict[Any, Any]):
    """Takes what a `pull` adds to what is pending, each amount for itself: it has nothing to add one to."""

    def __init__(self) -> None:
        self.amounts: list[tuple[Value, Any]] = []

    def __contains__(self, x: object) -> bool:
        return False

    def __setitem__(self, x: Value, amount: Any) -> None:
        self.amounts.append((x, amount))


class Noted(ForShow):
    """A sweep for a drawing of which every operation is noted."""

    def __init__(self, starts: dict[Value, Any], most: float = float("inf")) -> None:
        self.starts: dict[Value, Any] = dict(starts)  # the Values it starts from, each with its gradient
        self.steps: list[Step] = []
        self.texts: dict[Any, str] = {}
        self.totals: dict[Value, Any] = dict(starts)
        self.left: float = most  # how many numbers may still be held: whoever draws a large network asked for none

    def of_a_sweep(self) -> Any:
        return self.pulled

    def pulled(self, node: Value, g: Any, create_graph: bool, pending: dict[Value, Any]) -> None:
        """Add what `node` passes on to what is pending, and note it."""
        if self.left < 0:
            pulled(node, g, create_graph, pending)
            return
        ledger = Ledger()
        if getattr(node.op, "rules", ()):
            pulled(node, g, create_graph, ledger)
        else:  # a checkpoint, which sweeps what is its own
            with Mode(WATCHER, ForShow()):
                pulled(node, g, create_graph, ledger)
        step = Step(len(self.steps) + 1, node, g, self.texts)
        free = list(range(len(node.args)))
        for x, added in ledger.amounts:
            place = next(i for i in free if node.args[i] is x)
            free.remove(place)
            before = self.totals.get(x)
            if node.op is take:  # which writes into what is pending: its sum is noted as a copy
                pulled(node, g, create_graph, pending)
                self.totals[x] = pending[x].copy()
            else:
                self.totals[x] = pending[x] = added if before is None else pending[x] + added
            step.inputs += (Share(step.rule, place, x, added, before, self.totals[x]),)
            self.left -= 2 * np.size(added)
        self.steps.append(step)


class Rule:
    """A row with the numbers that it was used on."""

    __slots__ = ("g", "inputs", "out", "params", "row", "texts")

    def __init__(self, value: Value, g: Any, texts: dict[Any, str]) -> None:
        self.row: Any = value.op
        self.inputs: list[Any] = [numbers(x) for x in value.args]
        self.out: Any = numbers(value)
        self.g: Any = g
        self.params: dict[str, Any] = value.params
        self.texts: dict[Any, str] = texts  # of one row, the same for all inputs of one kind

    @property
    def letters(self) -> dict[str, Any]:
        """What the letters in the rule stand for."""
        names = letters_of(self.row, len(self.inputs))
        return {"g": self.g, "out": self.out, **dict(zip(names, self.inputs, strict=True))}

    def written(self, place: int) -> str:
        """The rule for one input, in symbols; empty where there is none to write."""
        if self.row is hook_row:
            return "g"
        if not self.row.rules:
            return ""
        looks = [x if type(x) in (int, float) else (np.shape(x), np.asarray(x).dtype) for x in self.inputs]
        key = (self.row, place, np.shape(self.g), str(looks), repr(self.params) if self.params else "")
        if key not in self.texts:
            self.texts[key] = rule_written(self.row, place, self.g, self.out, self.inputs, self.params)
        return self.texts[key]

    def slope(self, place: int, x: Value) -> Any:
        """How much the result changes with one input, if both are numbers; else None."""
        if np.ndim(self.out) or x.ndim or not self.row.rules:
            return None
        one = self.out.dtype.type(1)
        if self.row is hook_row:
            return one
        with np.errstate(all="ignore"):
            return fitted(from_rule(self.row, place, one, self.out, self.inputs, self.params), x, self.row)


class Share:
    """What one input of an operation got: its share of the gradient that came in.

    `value` is the input and `place` its place among the arguments. `added` is what was added to its gradient, `before`
    what it had by then (None if nothing), `total` what it has now: arrays of the input's shape, or numbers. Treat them
    as read only.

    >>> import microgradnet as mg
    >>> share = mg.steps(mg.Value(3.0, name="x") ** 2)[0].inputs[0]
    >>> share.rule, share.slope, share.added
    ('g × 2 × x', np.float64(6.0), np.float64(6.0))
    """

    __slots__ = ("_rule", "added", "before", "place", "total", "value")

    def __init__(self, rule: Rule, place: int, value: Value, added: Any, before: Any, total: Any) -> None:
        self._rule = rule
        self.place: int = place
        self.value: Value = value
        self.added: Array = added
        self.before: Array | None = before
        self.total: Array = total

    @property
    def letter(self) -> str:
        """What the rule calls this input: "x"."""
        return letters_of(self._rule.row, len(self._rule.inputs))[self.place]

    @property
    def gradient(self) -> Array:
        """What came in for the result of the operation: the step's `gradient`."""
        g: Array = self._rule.g
        return g

    @property
    def slope(self) -> Array | None:
        """The local slope, how much the result changes with this input; None unless both are one number.

        Times the gradient that came in, it is what was added, but for the rounding of the last digit.
        """
        found: Array | None = self._rule.slope(self.place, self.value)
        return found

    @property
    def rule(self) -> str:
        """The rule as a formula, `g × (1 − out × out)`; empty where there is none that could be written in a line."""
        return self._rule.written(self.place)

    @property
    def numbers(self) -> str:
        """The rule with its numbers, `1 × (1 − 0.76 × 0.76)`; arrays keep their letter, and a shape is said."""
        return with_numbers(self.rule, self._rule.letters) if self.rule else ""


def in_short(x: Any) -> str:
    """A number; of an array its shape."""
    return f"{np.shape(x)}" if np.ndim(x) else f"{x:.4g}"


def called(value: Value) -> str:
    """The name of a Value, or the operation that it is the result of."""
    return value.name or (value.op.symbol if value.op is not None else "a leaf")


class Step:
    """One operation of a backward pass.

    `number` counts from 1; `value` is the result of the operation, `gradient` what came in for it, and `inputs` has a
    `Share` for each input that something flows to.

    >>> import microgradnet as mg
    >>> step = mg.steps(mg.Value(2.0) * mg.Value(5.0))[0]
    >>> step.symbol, step.gradient, [share.added for share in step.inputs]
    ('×', np.float64(1.0), [np.float64(5.0), np.float64(2.0)])
    """

    __slots__ = ("gradient", "inputs", "line", "number", "rule", "value")

    def __init__(self, number: int, value: Value, gradient: Any, texts: dict[Any, str]) -> None:
        self.number: int = number
        self.value: Value = value
        self.gradient: Array = gradient
        self.inputs: tuple[Share, ...] = ()
        self.rule: Rule = Rule(value, gradient, texts)
        trace = trace_of(value)
        self.line: str | None = str(trace) if trace else None  # the user's, if it was recorded in debug mode

    def __repr__(self) -> str:
        """In a line. The table, of all steps, calls everything as your variables do."""
        shares = self.inputs
        passed = [f"{share.rule or 'its own'} = {in_short(share.added)} to {called(share.value)}" for share in shares]
        sums = ", ".join(passed) or "on nothing"
        return printable(f"Step {self.number}, {self.symbol}: gradient {in_short(self.gradient)}, passes {sums}")

    @property
    def op(self) -> Op:
        """The row of the operation."""
        row: Op = self.rule.row
        return row

    @property
    def symbol(self) -> str:
        """The operation in a word or a sign: "×"."""
        return self.op.symbol
