"""The way of an edge through the layers of a layout, and the line that is drawn of it."""

from __future__ import annotations

from typing import TypeAlias

from .cells import SHOULDER, TIP, TRACK, Cell, Way

Point: TypeAlias = "tuple[float, float]"


def meeting(way: Way) -> tuple[list[tuple[Cell, Cell]], list[tuple[Cell, Cell]], Cell, Cell]:
    """The levels that an edge leaves and those that it enters, each with the box in it; and where they meet."""
    up: list[tuple[Cell, Cell]] = []
    down: list[tuple[Cell, Cell]] = []
    a, b = way.source, way.target
    while a.parent is not b.parent:
        above_a, above_b = a.parent, b.parent
        if above_a and (not above_b or above_a.depth >= above_b.depth):
            up.append((above_a, a))
            a = above_a
        elif above_b:
            down.append((above_b, b))
            b = above_b
    return up, down, a, b


def route(way: Way) -> list[Point]:
    """The points an edge runs through, as (along, across). In every layer it runs level; it bends between them."""
    up, down, a, b = meeting(way)
    at = way.target.across
    enters = {id(way.target): at}  # where it enters a box or frame
    for level, end in down:
        cell = passed(way, level, 0, end)
        at = cell.across + cell.port if cell else at
        enters[id(level)] = at
    points = [(way.source.along + way.source.main / 2, way.source.across)]
    for level, start in up:
        through(way, points, level, start.rank + 1, None, 0.0)
    if a.parent and a is not b:
        through(way, points, a.parent, a.rank + 1, b, enters[id(b)])
    for level, end in reversed(down):
        through(way, points, level, 0, end, enters[id(end)])
    points.append((way.target.along - way.target.main / 2 - TIP, way.target.across))
    return points


def through(way: Way, points: list[Point], level: Cell, first: int, end: Cell | None, entry: float) -> None:
    """Goes on through the layers of a level from `first` up to that of `end`, or out of it."""
    if first:
        points.append((level.spans[first - 1][1], points[-1][1]))
    for r in range(first, end.rank + 1 if end else len(level.spans)):
        at = points[-1][1]
        cell = passed(way, level, r, end)
        arrives = end is not None and r == end.rank
        to = cell.across + cell.port if cell else entry if arrives else at
        turn = level.turns.get(r)
        if turn and way.source.key in turn.order:
            i = turn.order[way.source.key]
            j = len(turn.order) - 1 - i  # who runs above the others turns outside of them
            out, back = turn.end + SHOULDER + TRACK * j, turn.begin - SHOULDER - TRACK * i
            between = turn.across + SHOULDER + TRACK * (j + 0.5)
            points += [(out, at), (out, between), (back, between), (back, to)]
        if cell:
            points += [(level.spans[r][0], to), (level.spans[r][1], to)]
        elif arrives:
            points.append((level.spans[r][0] - TIP, to))


def passed(way: Way, level: Cell, r: int, end: Cell | None) -> Cell | None:
    """The cell by which an edge passes a layer of a level; None where its box is, and where there was none left."""
    if way.mark and end is way.target and r == end.rank - 1:
        return way.mark
    return level.streams[way.source.key].via.get(r) if end is None or r < end.rank else None


def curve(points: list[Point], lr: bool) -> str:
    """The `d` of an SVG path through points: straight along and across, round at corners, bent in between."""

    def xy(p: Point) -> str:
        return " ".join(f"{x:.2f}".rstrip("0").rstrip(".") for x in (p if lr else p[::-1]))

    def bent(p: Point, q: Point) -> str:
        if abs(p[1] - q[1]) < 0.5:
            return "along"
        return "across" if abs(p[0] - q[0]) < 0.5 else "both"

    d = f"M{xy(points[0])}"
    for i in range(1, len(points)):
        p, q = points[i - 1], points[i]
        way = bent(p, q)
        after = bent(q, points[i + 1]) if i + 1 < len(points) else ""
        if way == "both":
            middle = (p[0] + q[0]) / 2
            d += f"C{xy((middle, p[1]))} {xy((middle, q[1]))} {xy(q)}"
        elif after in ("", "both"):
            d += f"L{xy(q)}"
        elif after != way:
            n = points[i + 1]
            d += f"L{xy(towards(q, p))}Q{xy(q)} {xy(towards(q, n))}"
    return d


def towards(p: Point, q: Point) -> Point:
    """The point at most 6 from p on the way to q, and at most half of it."""
    far = max(abs(q[0] - p[0]), abs(q[1] - p[1]))
    share = min(6.0, far / 2) / far if far else 0.0
    return p[0] + (q[0] - p[0]) * share, p[1] + (q[1] - p[1]) * share
