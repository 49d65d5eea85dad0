"""`steps`: the backward pass of a Value, one operation at a time."""

from __future__ import annotations

import html
import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, overload

import numpy as np

from ..core import WATCHER, Mode, Value, history, start, swept
from ..files import place, replace
from ..viz.drawing import Drawing, checked_names, checked_options, pictures, uncollected
from ..viz.graph import Node, read
from ..viz.homes import settle_in
from ..viz.passes import Noted, Step
from ..words import brief, foreign, own, printable
from .film import Film, film
from .gif import gif
from .svg import animated
from .table import table

FEW = 40  # steps that are printed; `text` has all
TALL = 560  # pixels of the player in a notebook


class ForeignSteps:
    """What one might call to see them, and there is not; what there is here instead is said in `foreign`."""


foreign(ForeignSteps, "Steps", "show view display play plot open run")


class Steps(Sequence[Step], ForeignSteps):
    """A backward pass, one `Step` for each operation, in the order in which they are swept. Made by `steps`.

    A sequence: `len(s)`, `s[0]`, `for step in s`. Printed it is a table, whole in `text`; in a notebook and in the page
    `html`, a player. `save` writes it as a page, an animation or text.

    >>> x = Value(3.0, name="x")
    >>> passed = steps(x * x + x)
    >>> len(passed), passed[-1].symbol, [share.total for share in passed[-1].inputs]
    (2, '×', [np.float64(4.0), np.float64(7.0)])
    """

    def __init__(self, steps: list[Step], names: dict[Any, str], drawing: Drawing, title: str) -> None:
        self._steps, self._names, self._drawing, self._title = steps, names, drawing, title

    @overload
    def __getitem__(self, index: int) -> Step: ...
    @overload
    def __getitem__(self, index: slice) -> list[Step]: ...
    def __getitem__(self, index: int | slice) -> Step | list[Step]:
        return self._steps[index]

    def __len__(self) -> int:
        return len(self._steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self._steps)

    @property
    def text(self) -> str:
        """The table of all steps."""
        return printable(self._table(None))

    def _table(self, most: int | None) -> str:
        heading = [self._title] if self._title else []
        return "\n".join([*heading, table(self._steps, self._names, most)])

    @property
    def html(self) -> str:
        """One page that plays it, without a network; what `.save("backward.html")` writes."""
        return self._drawing._page(playing=True)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the backward pass; the end of the name says as what.

        `.html`: one page with the player. `.svg` and `.gif`: an animation, for slides and pages; the SVG runs no script
        and is dark where the reader's screen is dark, the GIF needs matplotlib (extra `plots`). `.txt`: the table. An
        existing file is replaced once the new one is complete.
        """
        ending = os.path.splitext(path)[1].lower()
        if ending == ".html":
            content = self.html.encode("utf-8", "backslashreplace")
        elif ending == ".svg":
            content = animated(self._film()).encode()
        elif ending == ".gif":
            content = gif(self._film())
        elif ending == ".txt":
            content = f"{self._table(None)}\n".encode("utf-8", "backslashreplace")
        else:
            raise ValueError(f"{os.fspath(path)}: a backward pass is saved as .html, .svg, .gif or .txt")
        replace(place(path), content)

    def _film(self) -> Film:
        picture = self._drawing._small
        assert picture.passed
        return film(picture, picture.passed, self._title, self._drawing._graph(picture)["direction"])

    def __dir__(self) -> list[str]:
        return own(self)

    def __repr__(self) -> str:
        return printable(self._table(FEW))

    def _repr_html_(self) -> str:
        """The player, in a frame of its own: its script can neither read nor change the notebook."""
        page = html.escape(self.html)
        style = f"width: 100%; height: {TALL}px; border: 0; border-radius: 8px"
        return f'<iframe srcdoc="{page}" sandbox="allow-scripts" title="Backward pass" style="{style}"></iframe>'


def steps(
    value: Value,
    gradient: Any = None,
    *,
    names: Mapping[str, Any] | None = None,
    fold: str | Collection[str] = "auto",
    depth: int | None = None,
    cap: int | None = 300,
    direction: str | None = None,
    title: str = "",
) -> Steps:
    """The backward pass of `value`, one operation at a time: a sequence of `Step`s, a table, a player.

    Each has the result of an operation, the gradient that came in for it, and for each input the local slope, or the
    rule of arrays, what was added to it and what it has so far. The numbers are those of `value.backward(gradient)`, to
    the last bit; but nothing changes: no `.grad` is written and no hook is called.

    `names`, `fold`, `depth`, `cap`, `direction` and `title` are those of `draw`, for the player. There constants are
    written into operations, and where Modules compute with arrays they are played as one box each, that unfolds.

    Raises what `backward` raises: ValueError for a start that is missing or of another shape, RuntimeError for a graph
    that was released or changed.

    >>> a, b = Value(2.0, name="a"), Value(-3.0, name="b")
    >>> steps(a * b + a)
       operation    gradient in  to  rule   local slope  adds  has now
    1  v4 = v3 + a            1  v3  g                1     1        1
                                 a   g                1     1        1
    2  v3 = a × b             1  a   g × y           -3    -3       -2
                                 b   g × x            2     2        2
    >>> last = steps(a * b + a)[-1]
    >>> last.symbol, last.gradient, last.inputs[0].added, last.inputs[0].total
    ('×', np.float64(1.0), np.float64(-3.0), np.float64(-2.0))
    """
    if not isinstance(value, Value):
        way = ", a function: steps(f(x)) plays what it returns" if callable(value) else ""
        raise TypeError(f"steps wants the Value that backward() starts from; got {brief(value)}{way}")
    ways = checked_options(fold, depth, cap, direction)
    given = checked_names(names)
    noted = Noted({value: start(value, gradient, False)})
    with Mode(WATCHER, noted), np.errstate(all="ignore"):
        swept(history(value), dict(noted.starts), False, False)
    caller = sys._getframe(1)
    with uncollected():
        graph = read([value], given, gradients=False, flows=False, look=lambda nodes: settle_in(nodes, caller))
        graph.passed, graph.has_gradients = noted, True
        for node in graph.nodes:
            node.grad = noted.totals.get(node.thing) if isinstance(node.thing, Value) else None
        arrays = any(np.ndim(node.thing) and node.op and node.group for node in graph.nodes)
        small, large = pictures(graph, {"constants", *(["modules"] * arrays), *ways}, depth, cap)
    return Steps(noted.steps, names_of(graph.nodes), Drawing(small, large, title, direction, False), title)


def names_of(nodes: list[Node]) -> dict[Any, str]:
    """What each Value is called: by its name, or v1, v2, … in the order in which they were made; arrays by theirs."""
    taken = {node.name for node in nodes if node.name}
    names: dict[Any, str] = {id(node.thing): node.name for node in nodes if node.name}
    number = 0
    for node in nodes:
        if isinstance(node.thing, Value):
            number += 1
            while f"v{number}" in taken:
                number += 1
            names[node.thing] = node.name or f"v{number}"
    return names
