"""What a check of gradients found: as data, as a table, and in a notebook."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..core import Array
from ..words import fields, printable

MATCH, MISMATCH, KINK, CANNOT_TELL, UNCHECKED = "match", "mismatch", "kink", "cannot tell", "unchecked"
VERDICTS = (MATCH, MISMATCH, KINK, CANNOT_TELL, UNCHECKED)
HEAD = ("input", "shape", *VERDICTS, "largest gap")


class Element(NamedTuple):
    """The verdict on one element of a gradient."""

    name: str  # of the input
    place: tuple[int, ...]  # the index of the element
    verdict: str
    analytic: float
    numerical: float
    error: float  # of the numerical slope
    left: float = math.nan  # at a kink, the slopes on its two sides
    right: float = math.nan

    @property
    def gap(self) -> float:
        """How far apart the two are, relative to the larger; to the error bar if both are less than that."""
        gap = abs(self.analytic - self.numerical)
        if not math.isfinite(gap):
            return math.inf
        size = max(abs(self.analytic), abs(self.numerical), self.error if math.isfinite(self.error) else 0.0)
        return gap / size if size else 0.0

    @property
    def badness(self) -> tuple[bool, float]:
        """What to sort by: mismatches above all, then the gap."""
        return self.verdict == MISMATCH, self.gap

    def __str__(self) -> str:
        place = f"{self.name}{list(self.place)}" if self.place else self.name
        text = f"{place}: {self.analytic:.9g} by the gradient, {self.numerical:.9g} ± {self.error:.1g} by the slope"
        return printable(text + ("" if math.isnan(self.left) else f" (left {self.left:.6g}, right {self.right:.6g})"))

    def __repr__(self) -> str:
        return fields(self)


class Input(NamedTuple):
    """What was found for one input, element by element: arrays of its shape, NaN where nothing was measured."""

    name: str
    analytic: Array
    numerical: Array
    error: Array
    verdict: Array  # an array of strings

    def count(self, verdict: str) -> int:
        """How many of its elements have this verdict."""
        return int(np.sum(self.verdict == verdict))

    def __repr__(self) -> str:
        return fields(self)


class Culprit(NamedTuple):
    """An operation whose rule is wrong on the values that flowed through it."""

    op: str
    input: int  # which of its inputs the wrong rule is for
    line: str  # of the program, where it was recorded
    rule: float  # one element of the gradient, by the rule …
    slope: float  # … and by the slope
    error: float
    place: str = ""  # which element, at what number, and for what gradient of the result
    remedy: str = ""  # what would make the rule right, if it is anything that is tried
    raised: str = ""  # the error that the rule raises, if it does

    def __str__(self) -> str:
        what = f"gives {self.rule:.9g} where the slope is {self.slope:.9g} ± {self.error:.1g}{self.place}"
        lines = [f"{self.op}: the rule for its input {self.input} {f'raises {self.raised}' if self.raised else what}"]
        return printable("\n    ".join([*lines, *([self.remedy] if self.remedy else []), self.line]))

    def __repr__(self) -> str:
        return fields(self)


class GradReport:
    """The result of `check_grads`. True if nothing mismatches and something could be told; prints as a table.

    `inputs` has an `Input` for each input or parameter, `elements` every `Element` that was measured, `culprits` the
    operations to blame and what would make them right, `problems` what else is wrong, in words, `notes` what is worth
    knowing, and `coverage` how much was checked. It `is_wrong` if something mismatches, and `is_unknown` if of all that
    was measured nothing could be told; `allow_unknown` makes that true.
    """

    def __init__(
        self, what: str, inputs: list[Input], elements: list[Element], culprits: list[Culprit], problems: list[str],
        notes: list[str], coverage: str,
    ) -> None:  # fmt: skip
        self.what: str = what
        self.inputs: list[Input] = inputs
        self.elements: list[Element] = elements
        self.culprits: list[Culprit] = culprits
        self.problems: list[str] = problems
        self.notes: list[str] = notes
        self.coverage: str = coverage
        self.is_unknown: bool = bool(elements) and all(e.verdict == CANNOT_TELL for e in elements)
        self.allow_unknown: bool = False

    @property
    def mismatches(self) -> list[Element]:
        """The elements that mismatch, the worst first; those alike to three digits, which rounding parts, in order."""
        return sorted([e for e in self.elements if e.verdict == MISMATCH], key=lambda e: -float(f"{e.gap:.3g}"))

    @property
    def is_wrong(self) -> bool:
        """Whether something mismatches, or is wrong with the function itself."""
        return bool(self.problems) or any(e.verdict == MISMATCH for e in self.elements)

    def __bool__(self) -> bool:
        return not self.is_wrong and (self.allow_unknown or not self.is_unknown)

    @property
    def word(self) -> str:
        """All of it in a word."""
        return "NOT OK" if self.is_wrong else "ok" if self else "CANNOT TELL"

    def count(self, verdict: str) -> int:
        """How many elements have this verdict: "match", "mismatch", "kink", "cannot tell" or "unchecked"."""
        return sum(part.count(verdict) for part in self.inputs)

    @property
    def headline(self) -> str:
        """The verdict, on how much, and of how much there is none."""
        untold = self.count(CANNOT_TELL) if self.word == "ok" else 0
        rest = f"; {untold:,} could not be told" if untold else ""
        return f"{self.word}: the gradient of {self.what}, {self.coverage}{rest}"

    def rows(self) -> list[tuple[str, ...]]:
        """The table: a row for each input, those with mismatches first, then by the largest gap."""
        worst: dict[str, Element] = {}
        for e in self.elements:
            if e.verdict in (MATCH, MISMATCH) and (e.name not in worst or e.badness > worst[e.name].badness):
                worst[e.name] = e
        rows = []
        order = {part.name: i for i, part in enumerate(self.inputs)}
        for part in sorted(self.inputs, key=lambda p: (-p.count(MISMATCH), order[p.name])):
            counts = [str(part.count(verdict) or "·") for verdict in VERDICTS]
            gap = f"{worst[part.name].gap:.1e}" if part.name in worst else ""
            rows.append((part.name, str(np.shape(part.analytic)), *counts, gap))
        return rows

    def __str__(self) -> str:
        lines = [self.headline, ""]
        rows = [[printable(cell) for cell in row] for row in self.rows()]  # before the columns are made even
        table = [[*HEAD], *rows]
        widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
        if len(table) > 30:
            table[30:] = [[f"… and {len(table) - 30} more", *[""] * (len(widths) - 1)]]
        for row in table:
            lines.append("  " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip())
        wrong = self.mismatches
        if wrong:
            lines += ["", f"{len(wrong)} mismatch{'es' if len(wrong) > 1 else ''}, the worst first:"]
            lines += [f"  {e}" for e in wrong[:10]] + (["  …"] if len(wrong) > 10 else [])
        for title, items in (("to blame", self.culprits), ("problems", self.problems), ("notes", self.notes)):
            if items:
                lines += ["", f"{title}:", *[f"  {item}" for item in items]]
        return printable("\n".join(lines))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """The table, for a notebook, on light ground and on dark."""
        from .. import markup

        text = str(self).split("\n\n", 2)[2] if str(self).count("\n\n") > 1 else ""
        colour = "#2a9d4a" if self else "#d43c3c" if self.is_wrong else "#b7791f"
        word, rest = self.headline.split(":", 1)
        return markup.card(
            f'<b style="color:{colour}">{word}</b>:{markup.escaped(rest)}',
            markup.table(HEAD, self.rows(), range(2, len(HEAD))),
            markup.program(text) if text else "",
        )

    def raise_on_failure(self) -> GradReport:
        """Itself if it is true; otherwise AssertionError with the table."""
        if not self:
            raise AssertionError(str(self))
        return self
