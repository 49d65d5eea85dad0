"""`draw`: a Value, several, or a Module with an example input, as something to look at."""

from __future__ import annotations

import contextlib
import copy
import difflib
import gc
import math
import os
import sys
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from ..checks import whole
from ..core import WATCHER, Mode, Value, recording
from ..debugging import Watcher
from ..files import place, replace
from ..nn import init
from ..nn.module import Module
from ..tree import KIND_OF, children
from ..words import brief, foreign, own, printable
from . import dot, render, svg, text
from .boxes import Picture, title_of
from .fold import WAYS, fold
from .graph import Graph, read
from .homes import Held, settle_in
from .page import page
from .played import with_play
from .scene import in_better_direction

CAP = 300  # boxes of a picture, unless more are asked for
PAGE_CAP = 2_000  # boxes that a page can unfold to
STAIRCASE = 3_000.0  # the height of a screen, in pixels, that nobody has


class ForeignDrawing:
    """What the drawings of other libraries have and ours has not; what there is here instead is said in `foreign`."""


foreign(ForeignDrawing, "Drawing", "show view display plot open")


class Drawing(ForeignDrawing):
    """A graph, drawn: `save` it, print its `text`, or let a notebook show it. Made by `draw`.

    `text` is a tree with all facts; `source` the DOT text; `boxes` counts what is drawn, `folded` says what was folded
    to come to it.
    """

    def __init__(
        self,
        small: Picture,
        large: Picture,
        title: str,
        direction: str | None,
        weights: bool,
        written: str | None = None,
    ) -> None:
        self._small, self._large, self._title, self._given = small, large, title, direction is not None
        neurons = any(isinstance(group, Held) for group in large.groups)  # stand in columns, a column for each layer
        self._given = self._given or neurons
        self._direction: str = direction or ("TB" if max_depth(small) > 12 and not neurons else "LR")
        self._source: str = dot.source(small, title, self._direction, weights)
        self._text: str = text.tree(small, title) if written is None else written

    @property
    def text(self) -> str:
        """The graph as a tree, with all facts."""
        return printable(self._text)

    @property
    def source(self) -> str:
        """The DOT text, in which Graphviz takes &#945; for α where α cannot be printed."""
        return printable(self._source, instead=lambda c: f"&#{ord(c)};")

    @property
    def folded(self) -> list[str]:
        """What was folded to come to the boxes drawn: "3 modules", for example."""
        return [printable(text) for text in self._small.folded]

    @property
    def boxes(self) -> int:
        """How many boxes are drawn, what was folded into one counted once."""
        return len(self._small.boxes)

    def render(self, format: str = "svg", *, timeout: float = 60.0) -> bytes:
        """The picture as bytes of "svg", "png" or "pdf".

        By the `dot` program or, where it is missing, by pygraphviz; where both are, this package lays an SVG out by
        itself, and so it does where Graphviz's is a staircase that no screen shows. Raises RuntimeError with the
        remedies for the other two, and TimeoutError if Graphviz takes longer than `timeout` seconds.
        """
        try:
            drawn = render.rendered(self._source, format, timeout)
        except render.NoGraphviz:
            if format != "svg":
                raise
            return self._svg().encode()
        if format == "svg" and self.boxes <= CAP and (height := render.screen(drawn)) > STAIRCASE:
            own = self._svg().encode()
            if render.screen(own) < height / 2:
                return own
        return drawn

    def _svg(self) -> str:
        """The picture as this package lays it out."""
        return svg.picture(self._graph(self._small))

    def _graph(self, large: Picture) -> dict[str, Any]:
        """The graph for eyes, in the direction in which it fits a screen better, unless one was asked for."""
        graph = as_json(large, self._small, self._title, self._direction)
        return graph if self._given else in_better_direction(graph)

    def save(self, path: str | os.PathLike[str], *, timeout: float = 60.0) -> None:
        """Write the drawing; the end of the name says as what.

        `.svg`, `.png`, `.pdf`: a picture, see `render`. `.html`: a page of its own to pan, zoom, search, and fold and
        unfold Modules in. `.dot` or `.gv`: the DOT text. `.txt`: the tree. An existing file is replaced once the new
        one is complete.
        """
        ending = os.path.splitext(path)[1].lower()
        if ending in (".dot", ".gv"):
            content = self._source.encode()
        elif ending == ".txt":
            content = f"{self._text}\n".encode("utf-8", "backslashreplace")
        elif ending == ".html":
            content = self.html.encode("utf-8", "backslashreplace")
        elif ending.removeprefix(".") in render.FORMATS:
            content = self.render(ending[1:], timeout=timeout)
        else:
            raise ValueError(f"{os.fspath(path)}: a drawing is saved as .svg, .png, .pdf, .html, .dot, .gv or .txt")
        replace(place(path), content)

    @property
    def html(self) -> str:
        """The page that `.save("graph.html")` writes. "Play backward" plays the backward pass, see `mg.steps`."""
        return self._page(playing=False)

    def _page(self, playing: bool) -> str:
        return page(with_play(self._graph(self._large), self._large, playing), self._title)

    def diff(self, other: Drawing) -> str:
        """How the text of `other` differs from this one's, as a unified diff; empty if it does not."""
        if not isinstance(other, Drawing):
            raise TypeError(f"diff compares with another drawing; got {brief(other)}. mg.draw(value) makes one")
        lines = difflib.unified_diff(self.text.splitlines(), other.text.splitlines(), "this", "other", lineterm="")
        return "\n".join(lines)

    def __dir__(self) -> list[str]:
        return own(self)

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: the picture; this package's own where Graphviz fails, and then why as a text."""
        said = self.text
        try:
            drawn = self.render("svg").decode()
        except (RuntimeError, TimeoutError) as error:
            drawn, said = self._svg(), f"{said}\n\n{error}"
        return {"image/svg+xml": drawn[drawn.index("<svg ") :], "text/plain": said}


def draw(
    *what: Any,
    names: Mapping[str, Any] | None = None,
    fold: str | Collection[str] = "auto",
    depth: int | None = None,
    cap: int | None = CAP,
    gradients: bool = True,
    weights: bool = False,
    direction: str | None = None,
    title: str = "",
    **named: Any,
) -> Drawing:
    """The graph of what was recorded: of a Value, of several, or of a Module run on an example input.

    `draw(loss)`, `draw(mean, spread)`, `draw(model, x)`, `draw(model, x, mask=mask)`. The last two run a copy of the
    model, as it is: nothing in it changes, and the random generators that everyone shares stay where they were. Every
    box of a computed Value has the symbol of its operation, its name, shape and dtype, its number or smallest, mean and
    largest, and its gradient. Gradients are those of the (summed) output and are computed for the drawing alone: no
    `.grad` is written, none is needed, and no hook is called (they are as without it); `gradients=False` leaves them
    out. What is checkpointed is computed again, as in every sweep.

    `draw(step)` is the program that `mg.compile` has made of a step: a box for each of its lines, forward, backward and
    update in colours of their own, grouped by the lines of yours; its `text` is what `print(step)` shows.

    `names` gives Values and plain arrays names, `{"x": x}`; arrays so named are inputs, and are never folded away. What
    has no name is called by where your variables hold it: `x`, `batch[2]`, `layers[0].neurons[2].w[1]`; and where
    objects of your own hold Values, as neurons do, what each of them computes is in a frame, like a Module's.
    `fold` says what becomes one box: "constants", "modules", "repeats" (of blocks), "chains" (of elementwise
    operations), several of them, "all", or () for nothing. What has more boxes than `cap` is folded further, in this
    order, until it has not; "auto" does only that, and `cap=None` never. `depth` is how deep Modules are unfolded: 0
    draws each outermost one as one box; unless it is given, the innermost are.
    `weights` shows on each edge the gradient that flows along it: how large by width, its sign by colour and + or −.
    `direction` is "LR" (left to right) or "TB" (top to bottom).

    Raises TypeError for what is no Value and no Module, ValueError for options that do not exist.

    >>> from microgradnet import Value
    >>> a, b = Value(2.0, name="a"), Value(-3.0, name="b")
    >>> draw(a * b + a)
    ◎ +  -4  gradient 1
      ▷ a  2  gradient -2 [1]
    ○ ×  -6  gradient 1
      ↑ [1]
      ▷ b  -3  gradient 2
    """
    ways = checked_options(fold, depth, cap, direction)
    inputs = checked_names(names)
    caller = sys._getframe(1)
    if len(what) == 1 and callable(what[0]) and hasattr(what[0], "signatures"):
        return of_program(what[0], cap, direction, title)
    roots, models, more = recorded(what, named)
    with uncollected():
        graph = read(
            roots, {**more, **inputs}, models, gradients=gradients, flows=weights, look=lambda n: settle_in(n, caller)
        )
        small, large = pictures(graph, ways, depth, cap)
    return Drawing(small, large, title, direction, weights)


def pictures(graph: Graph, ways: set[str], depth: int | None, cap: int | None) -> tuple[Picture, Picture]:
    """The graph as it is drawn, and as a page can unfold it."""
    small = folding(graph, ways, depth, cap)
    unfolds = small.folded and any(node.group for node in graph.nodes)
    return small, folding(graph, ways - {"modules"}, None, PAGE_CAP) if unfolds else small


def of_program(step: Any, cap: int | None, direction: str | None, title: str) -> Drawing:
    """The drawing of a compiled step; its text is what `print(step)` shows."""
    from .programs import picture_of  # who draws no program does not wait for it

    picture = picture_of(step, cap)
    return Drawing(picture, picture, title or step.title, direction or "TB", False, str(step))


folding = fold  # `draw` has an argument of this name


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """A block without garbage collection, which would go through the nodes of a large graph again and again: half the
    time of drawing it. They hold each other, so nothing of them could be collected anyway."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def checked_names(names: Mapping[str, Any] | None) -> dict[str, Any]:
    """The Values and arrays that are given names."""
    inputs = dict(names or {})
    for name, x in inputs.items():
        if not isinstance(x, (Value, np.ndarray, np.generic)):
            raise TypeError(f"names gives names to Values and arrays, {{'x': x}}; {brief(name)} is {brief(x)}")
        if not isinstance(name, str):
            raise TypeError(f"names gives names to Values and arrays, {{'x': x}}; got the name {brief(name)}")
    return inputs


def checked_options(fold: Any, depth: int | None, cap: int | None, direction: str | None) -> set[str]:
    """The ways of folding that were asked for."""
    ways = checked_ways(fold, depth)
    for name, number in (("cap", cap), ("depth", depth)):
        if number is not None:
            whole(name, number, 0, more=", or None")
    if direction not in (None, "LR", "TB"):
        raise ValueError(f"direction={direction!r}: LR draws from left to right, TB from top to bottom")
    return ways


def checked_ways(fold: Any, depth: int | None) -> set[str]:
    asked = {"auto": (), "all": WAYS}.get(fold, (fold,)) if isinstance(fold, str) else tuple(fold or ())
    for way in asked:
        if way not in WAYS:
            raise ValueError(f"fold={way!r}: what can be folded is {', '.join(WAYS)}; or all, auto, or () for nothing")
    return {*asked, *(["modules"] if depth is not None else [])}


def recorded(what: tuple[Any, ...], named: dict[str, Any]) -> tuple[Collection[Value], list[Module], dict[str, Any]]:
    """The results to draw, the models they are of, and the inputs of these by the names they have there."""
    if not what:
        raise TypeError("draw wants what is to be drawn: draw(loss), or draw(model, x) with an example input")
    model, *inputs = what
    if isinstance(model, Module):
        return run(model, inputs, named)
    if named:
        raise TypeError(
            f"draw has no option {', '.join(named)}; only a Module takes inputs by name, draw(model, x, y=y)"
        )
    found = [x for _, x in parts_of("", what)]
    for x in found:
        if not isinstance(x, Value):
            way = ". draw(f(x)) draws what a function computes" if callable(x) else ""
            if isinstance(x, str):
                way = f". draw(v).save({brief(x)}) writes it into a file"
            raise TypeError(f"draw wants Values, or a Module and an example input; got {brief(x)}{way}")
    if not found:
        raise TypeError("draw got an empty list; it wants Values, or a Module and an example input")
    return dict.fromkeys(found), [], {}


def parts_of(path: str, x: Any) -> Iterator[tuple[str, Any]]:
    """What is in lists, dicts and the like, with its path: `inputs.0`, `batch.image`."""
    if isinstance(x, Module) or KIND_OF[type(x)] is None:
        yield path, x
    else:
        for name, part in children(x):
            yield from parts_of(f"{path}.{name}", part)


def run(
    model: Module, inputs: list[Any], named: dict[str, Any]
) -> tuple[Collection[Value], list[Module], dict[str, Any]]:
    """A copy of the model run on the inputs, with every line noted: the model itself and all seeds stay as they are."""
    import inspect

    kind = type(model).__name__
    try:
        twin = copy.deepcopy(model)
    except Exception as error:  # an open file, a lock, a generator in it
        raise TypeError(
            f"draw(model, x) runs a copy of the model, and this {kind} cannot be copied: {error}. Run it yourself and "
            f"draw what it returns: draw(model(x))"
        ) from error
    inputs = [array_if_numbers(x) for x in inputs]
    try:
        given = inspect.signature(twin.forward).bind(*inputs, **named).arguments
    except TypeError as error:
        if not inputs:
            raise TypeError(f"draw(model, x) wants an example input to run {kind} on: {error}") from None
        raise TypeError(f"draw runs {kind} on these inputs: {error}") from None
    with seeds_kept(), recording(), Mode(WATCHER, Watcher(nan=False, inf=False)):
        out = twin(*inputs, **named)
    roots = [x for _, x in parts_of("", out) if isinstance(x, Value)]
    if not roots:
        raise TypeError(f"{kind} returned {brief(out)}: it computed without any Value, there is no graph")
    parts = [part for name, x in given.items() for part in parts_of(name, x)]
    return dict.fromkeys(roots), [twin], {path: x for path, x in parts if isinstance(x, (Value, np.ndarray))}


def array_if_numbers(x: Any) -> Any:
    """A list of numbers as an array, which can be named; anything else as it is."""
    if isinstance(x, (list, tuple)) and all(isinstance(part, (int, float)) for _, part in parts_of("", x)):
        with contextlib.suppress(ValueError):  # rows of unequal length
            return np.asarray(x)
    return x


@contextlib.contextmanager
def seeds_kept() -> Iterator[None]:
    """Leaves the generators that everyone shares where they were: this package's, NumPy's and Python's."""
    import random

    ours = init.shared().bit_generator
    kept, numpys, pythons = ours.state, np.random.get_state(legacy=False), random.getstate()  # noqa: NPY002
    try:
        yield
    finally:
        ours.state = kept
        np.random.set_state(numpys)  # noqa: NPY002
        random.setstate(pythons)


def max_depth(small: Picture) -> int:
    """How many boxes stand behind each other, at most."""
    depths: list[int] = []
    for arrows in small.arrows:
        depths.append(1 + max((depths[arrow.source] for arrow in arrows), default=0))
    return max(depths)


def as_json(large: Picture, small: Picture, title: str, direction: str) -> dict[str, Any]:
    """The picture for a page: every box, in its Module, those Modules folded that the small picture folds."""
    number = {group: i for i, group in enumerate(large.groups)}
    shown = set(small.groups)
    boxes = []
    for i, (box, facts) in enumerate(zip(large.boxes, large.facts, strict=True)):
        inputs = [
            {"node": a.source, "place": a.place, "times": a.times, "text": a.text, "flow": a.flow.lstrip("+-±")}
            | ({"weight": a.size, "sign": a.sign} if a.size is not None and math.isfinite(a.size) else {})
            for a in large.arrows[i]
        ]
        boxes.append({
            "id": i, "kind": box.kind, "group": number.get(box.group) if box.group else None,
            "title": title_of(box, facts), "lines": facts.lines, "alarm": facts.alarms, "details": facts.details,
            "inputs": inputs,
        })  # fmt: skip
    inside: dict[Any, list[Any]] = {group: [] for group in number}
    for box in large.boxes:
        for group in box.group.chain() if box.group else ():
            inside[group].append(box)
    groups = []
    for group, i in number.items():
        parameters = {node.thing for box in inside[group] for node in box.nodes if node.kind == "parameter"}
        count = f"{sum(p.size for p in parameters):,} parameters" if group.counts else ""
        groups.append({
            "id": i, "parent": number[group.parent] if group.parent else None, "title": group.title,
            "subtitle": group.subtitle, "lines": [count] * group.counts, "folded": group not in shown,
            "details": [["boxes", str(len(inside[group]))], *([["parameters", count]] * group.counts)],
        })  # fmt: skip
    return {"title": title, "caption": large.notes, "direction": direction, "nodes": boxes, "groups": groups}
