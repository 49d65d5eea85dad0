"""A backward pass as a film: what is seen from which frame to which, at which place. Animations are made of it.

Forward fills in the numbers, a box a frame; backward lights one box after the other, and its arrows say what they add.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..viz import scene
from ..viz.boxes import Picture
from ..viz.cells import Box, Edge, Frame, Layout, Rect
from ..viz.dot import visible
from ..viz.facts import shorter
from ..viz.layers import layout
from ..viz.passes import Noted
from ..viz.played import played

SIZES = {"title": 14.0, "line": 12.0, "value": 12.0, "gradient": 12.0, "added": 12.0, "told": 14.0}  # of letters
BOLD = ("title", "gradient", "added")
ROW = 17.0  # from line to line
EDGE = 14.0  # around the picture
TOLD = 34.0  # below it, where it is said what happens
SECONDS, LAST = 1.2, 4.0  # that a frame lasts, and the last one
KEPT, LONGEST_SUM = 32, 34  # letters of a text in a box, and of a sum


class Mark(NamedTuple):
    """Something that is seen from frame `since` until before frame `until`.

    `what` is box, text, arrow or frame. A box has the `look` of its kind, or, over it, lit: made, now, got. An arrow is
    still, or lit: bring, carry.
    """

    what: str
    look: str
    since: int
    until: int
    rect: Rect
    words: str = ""
    points: tuple[tuple[float, float], ...] = ()  # of an arrow
    anchor: str = "middle"


class Film(NamedTuple):
    """The marks, in the order in which they lie over each other, the number of frames, and the size in pixels."""

    marks: list[Mark]
    frames: int
    w: float
    h: float

    def seconds(self) -> list[float]:
        """How long each frame lasts."""
        return [SECONDS] * (self.frames - 1) + [LAST]


class Cast(NamedTuple):
    """What a box shows in a film."""

    title: str
    lines: list[str]
    value: str
    filled: int  # the frame from which on its value is known
    gradients: list[tuple[int, str, str]]  # frame, what is seen in it, what is seen after it


def film(picture: Picture, passed: Noted, title: str, direction: str) -> Film:
    """The film of the backward pass of a picture."""
    shows = played(picture, passed)
    count = len(picture.boxes)
    computed = [i for i in range(count) if picture.arrows[i]]
    senders = {get["by"] for show in shows for get in show["gets"]} - {None}
    forward = {i: 1 + n for n, i in enumerate(computed)}
    start = 1 + len(forward)
    backward = {i: start + 1 + n for n, i in enumerate(sorted(senders, reverse=True))}
    frames = start + 1 + len(backward)
    cast = [
        Cast(
            shorter(visible(facts.title), KEPT),
            [visible(line) for line in show["lines"]],
            shorter(show["value"], KEPT),
            forward.get(i, 0),
            sums(show["gets"], lambda by: start if by is None else backward[by]),
        )
        for i, (facts, show) in enumerate(zip(picture.facts, shows, strict=True))
    ]
    labels = {(i, get["by"]): get["label"] for i, show in enumerate(shows) for get in show["gets"]}
    pairs = list(dict.fromkeys((arrow.source, i) for i in range(count) for arrow in picture.arrows[i]))
    places = placed(picture, cast, [(a, b, shorter(labels.get((a, b), ""), 40)) for a, b in pairs], direction)

    marks = [Mark("frame", "frame", 0, frames, rect, words) for rect, words in framed(picture, places)]
    for (a, b), path in zip(pairs, places.edges, strict=True):
        points = tuple(path.points)
        at = backward[b] if (a, b) in labels else frames  # when it points the other way
        shown = [("still", 0, at), ("carry", at, at + 1), ("still", at + 1, frames)]
        shown.append(("bring", forward[b], forward[b] + 1))
        for look, since, until in shown:
            if since < min(until, frames):
                marks.append(Mark("arrow", look, since, until, Rect(0, 0, 0, 0), path.d, points))
    for i in range(count):
        rect, kind = places.boxes[f"n{i}"], picture.boxes[i].kind
        marks.append(Mark("box", kind, 0, frames, rect))
        if i in forward:
            marks.append(Mark("box", "made", forward[i], forward[i] + 1, rect, kind))
        for at, _, _ in cast[i].gradients:
            marks.append(Mark("box", "now" if at == start else "got", at, at + 1, rect, kind))
        if i in backward:
            marks.append(Mark("box", "now", backward[i], backward[i] + 1, rect, kind))
        marks += written(cast[i], rect, frames)
    for (a, b), path in zip(pairs, places.edges, strict=True):  # over everything
        if path.label and labels.get((a, b)):
            at = backward[b]
            marks.append(Mark("text", "added", at, at + 1, path.label, shorter(labels[a, b], 40)))
    telling = told(picture, cast, shows, forward, start, backward)
    w = max(places.w, *[wide(text, "told") for text in telling], wide(title, "title")) + 2 * EDGE
    for at, text in enumerate(telling):
        spot = Rect(0, places.h + TOLD - 10, 0, 0)
        marks.append(Mark("text", "told", at, at + 1, spot, text, anchor="start"))
    if title:
        marks.append(
            Mark("text", "title", 0, frames, Rect(0, places.h + TOLD + 10, 0, 0), visible(title), anchor="start")
        )
    return Film(marks, frames, w, places.h + TOLD + (20 if title else 0) + 2 * EDGE)


def sums(gets: list[dict[str, Any]], frame_of: Callable[[Any], int]) -> list[tuple[int, str, str]]:
    """For what a box gets, one after the other: the frame, the sum as it is made there, and what is left of it."""
    found: list[tuple[int, str, str]] = []
    for get in gets:
        total, text = get["total"], get["total"]
        if found:
            before = found[-1][2].removeprefix("gradient ")
            norms = any("norm" in x for x in (before, get["added"], total))
            text = f"{before} + {get['added']} = {total}"
            if norms or len(text) > LONGEST_SUM:  # of norms there is no such sum
                text = f"{before} → {total}"
        found.append((frame_of(get["by"]), f"gradient {text}", f"gradient {total}"))
    return found


def placed(picture: Picture, cast: list[Cast], edges: list[tuple[int, int, str]], direction: str) -> Layout:
    """Where everything is."""
    number = {group: f"g{i}" for i, group in enumerate(picture.groups)}
    frames = [
        Frame(number[g], 40 + wide(titled(g), "title"), number.get(g.parent) if g.parent else None)
        for g in sorted(picture.groups, key=lambda g: g.depth)
    ]
    boxes = []
    for i, (box, shows) in enumerate(zip(picture.boxes, cast, strict=True)):
        texts = [(shows.title, "title"), *[(line, "line") for line in shows.lines], (shows.value, "value")]
        texts += [(text, "gradient") for _, now, then in shows.gradients for text in (now, then)]
        rows = 1 + len(shows.lines) + bool(shows.value) + bool(shows.gradients)
        w = max(44.0, 30 + max(wide(text, font) for text, font in texts))
        light = box.kind in ("parameter", "constant")
        boxes.append(Box(f"n{i}", w, 22 + ROW * rows, number[box.group] if box.group else None, light))
    lines = [
        Edge(f"n{a}", f"n{b}", wide(text, "added") + 4 if text else 0.0, 16.0 if text else 0.0) for a, b, text in edges
    ]
    return layout(boxes, lines, frames, direction)


def framed(picture: Picture, places: Layout) -> list[tuple[Rect, str]]:
    return [(places.frames[f"g{i}"], titled(group)) for i, group in enumerate(picture.groups)]


def titled(group: Any) -> str:
    return shorter(visible(f"{group.title}  {group.subtitle}".strip()), 50)


def written(shows: Cast, rect: Rect, frames: int) -> list[Mark]:
    """The texts of a box, each from the frame on in which it is known."""
    rows = 1 + len(shows.lines) + bool(shows.value) + bool(shows.gradients)
    top = rect.y - ROW * (rows - 1) / 2 + 4.5
    spots = iter([Rect(rect.x, top + ROW * i, rect.w, ROW) for i in range(rows)])
    marks = [Mark("text", "title", 0, frames, next(spots), shows.title)]
    marks += [Mark("text", "line", 0, frames, next(spots), line) for line in shows.lines]
    if shows.value:
        marks.append(Mark("text", "value", shows.filled, frames, next(spots), shows.value))
    if shows.gradients:
        spot = next(spots)
        ends = [at for at, _, _ in shows.gradients[1:]] + [frames]
        for (at, now, then), end in zip(shows.gradients, ends, strict=True):
            marks.append(Mark("text", "gradient", at, at + 1, spot, now))
            marks.append(Mark("text", "gradient", at + 1, end, spot, then))
    return [mark for mark in marks if mark.since < mark.until]


def told(
    picture: Picture, cast: list[Cast], shows: list[dict[str, Any]], forward: Any, start: int, backward: Any
) -> list[str]:
    """What happens in each frame, in words."""
    names = [" ".join([c.title, *c.lines[:1]]) if picture.boxes[i].main else c.title for i, c in enumerate(cast)]
    said = {0: "forward: inputs and parameters hold their numbers"}
    for i, at in forward.items():
        said[at] = f"forward: {names[i]} is {cast[i].value}" if cast[i].value else f"forward: {names[i]}"
    passes: dict[int, list[tuple[int, str]]] = {i: [] for i in backward}
    for i, show in enumerate(shows):
        for get in show["gets"]:
            if get["by"] is None:
                said[start] = f"backward starts at {names[i]}: its gradient is {get['total']}"
            else:
                passes[get["by"]].append((get["place"], f"{get['label']} to {names[i]}"))
    for i, at in backward.items():
        said[at] = f"backward: {names[i]} passes {', '.join(text for _, text in sorted(passes[i]))}"
    return [shorter(visible(said[at]), 110) for at in range(start + 1 + len(backward))]


def wide(text: str, font: str) -> float:
    """About how wide a text is."""
    like = "title" if font == "title" else "alarm" if font in BOLD else "line"
    return scene.wide(text, like) * SIZES[font] / scene.SIZES[like]
