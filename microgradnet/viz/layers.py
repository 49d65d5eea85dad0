"""Places for boxes, frames and the labels of edges, in layers: what Graphviz's `dot` does, in plain Python.

Four steps, after Sugiyama: a layer for every box, so that edges run one way (`rank`); cells without size where an edge
passes a layer, and cells for labels, in layers of their own (`lay`); an order within each layer, with few crossings,
and places that keep edges straight (`arrange`, `settle`); and, where a level is much longer than a screen, a break into
rows or columns (rows.py). A frame is a level of its own, laid out before the level that it is one big box of.

Everything is in the direction in which edges run (`main` sizes, `along` places) and across it (`cross`, `across`): left
to right the first is x, downwards it is y. The script of page.html does the same step by step; a test compares them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .cells import LINE, PASSING, ROW, Bond, Box, Cell, Edge, Frame, Layout, Path, Rect, Stream, Way
from .routes import curve, meeting, route
from .rows import measure, place


def layout(boxes: Sequence[Box], edges: Sequence[Edge], frames: Sequence[Frame] = (), direction: str = "LR") -> Layout:
    """Where the boxes, frames, edges and labels are, for edges that run to the right ("LR") or down ("TB").

    Boxes come in order of creation, frames after the frames that they are in, edges in any order; keys are all
    different. Edges must not go in a circle, frames taken for boxes included (a few that do are drawn, backwards).
    Units are those of the sizes given. No two boxes and no two labels overlap; a frame contains its own and nothing
    else; an edge crosses no box and no label. Equal calls give equal places, to the last bit.

    >>> places = layout([Box("a", 50, 40), Box("b", 50, 40)], [Edge("a", "b")])
    >>> places.boxes["b"]
    Rect(x=115.0, y=20.0, w=50, h=40)
    >>> places.edges[0].d
    'M50 20L85 20'
    """
    lr = direction == "LR"
    root = Cell("", 0.0, 0.0)
    level_of: dict[str | None, Cell] = {None: root}
    for frame in frames:
        level_of[frame.key] = cell = Cell(frame.key, frame.w if lr else 0.0, 0.0 if lr else frame.w)
        cell.parent = level_of[frame.parent]
        cell.depth = cell.parent.depth + 1
    levels = sorted(level_of.values(), key=lambda level: level.depth)
    cells: dict[str, Cell] = {}
    for box in boxes:
        cell = cells[box.key] = Cell(box.key, *((box.w, box.h) if lr else (box.h, box.w)))
        cell.light, cell.parent = box.light, level_of[box.frame]
    # A frame stands, in its level, where the first box in it would.
    placed = {id(root)}
    for cell in cells.values():
        at: Any = cell
        while id(at) not in placed:
            placed.add(id(at))
            at.parent.boxes.append(at)
            at = at.parent
    levels = [level for level in levels if level.boxes or level is root]
    lighten(cells, edges)
    pairs: dict[tuple[str, str], int] = {}
    for edge in edges:
        pair = edge.source, edge.target
        pairs[pair] = pairs.get(pair, 0) + 1
    ways = [Way(e, cells, lr, pairs[e.source, e.target] > 1) for e in edges]
    for way in ways:
        thread(way)
    for level in reversed(levels):
        arrange(level, lr, root)
    for level in levels:
        place(level)
    paths = []
    for way in ways:
        points = route(way)
        xy = points if lr else [(y, x) for x, y in points]
        mark = way.mark
        label = None
        if mark and way.edge.w:
            x, y = (mark.along, mark.across) if lr else (mark.across, mark.along)
            label = Rect(x, y, way.edge.w, way.edge.h)
        paths.append(Path(curve(points, lr), xy, label))
    return Layout(
        *((root.main, root.cross) if lr else (root.cross, root.main)),
        {key: cell.rect(lr) for key, cell in cells.items()},
        {level.key: level.rect(lr) for level in levels if level is not root},
        paths,
    )


def lighten(cells: dict[str, Cell], edges: Sequence[Edge]) -> None:
    """What is computed from parameters and constants alone stands beside the flow as they do."""
    sources: dict[str, list[Cell]] = {key: [] for key in cells}
    for edge in edges:
        sources[edge.target].append(cells[edge.source])
    for key, cell in cells.items():
        if sources[key] and all(source.light for source in sources[key]):
            cell.light = True


def thread(way: Way) -> None:
    """Tells every level that an edge crosses from which of its boxes to which it passes."""

    def passing(level: Cell, start: Cell | None, end: Cell | None) -> None:
        stream = level.streams.get(way.source.key)
        if stream is None:
            stream = level.streams[way.source.key] = Stream(start, way.source.light)
        if way.mark and end is way.target:
            stream.marked.append(way)
        else:
            stream.ends[end] = None

    up, down, a, b = meeting(way)
    for level, start in up:
        passing(level, start, None)
    for level, end in down:
        passing(level, None, end)
    if a.parent and a is not b:
        passing(a.parent, a, b)


# ------------------------------------------------------------------------------------------------------ one level


def arrange(level: Cell, lr: bool, root: Cell) -> None:
    """Layers, order, places inside the level, and its size."""
    layers, labels = rank(level)
    lay(level, layers)
    for layer in layers:
        settle(layer, [(0.0, 1.0)] * len(layer))
    for i in range(14):  # there and back: first ordered anew each time, at last only straightened
        for layer in reversed(layers) if i % 2 else layers:
            wishes = [wish(cell, i % 2 == 0 or i >= 12, i % 2 == 1 or i >= 12) for cell in layer]
            if i < 8:
                order = sorted(range(len(layer)), key=lambda n: wishes[n][0])
                layer[:], wishes = [layer[n] for n in order], [wishes[n] for n in order]
            settle(layer, wishes)
    measure(level, layers, labels, lr, root)
    if level is root:
        return

    def port(cell: Cell, side: dict[str, float], key: str) -> float:
        return cell.across + cell.port + side.get(key, 0.0) + level.inset[1] - level.cross / 2

    for key, stream in level.streams.items():  # where streams cross the border
        if stream.start is None:
            first = [way.mark for way in stream.marked if way.mark]
            enter = [stream.via[0]] if 0 in stream.via else first or [end for end in stream.targets() if end]
            total = 0.0
            for cell in enter:
                total += port(cell, cell.ins, key)
            level.ins[key] = total / len(enter)
        elif None in stream.ends:
            cell = stream.via.get(len(layers) - 1, stream.start)
            level.outs[key] = port(cell, cell.outs, key)


def rank(level: Cell) -> tuple[list[list[Cell]], list[bool]]:
    """The boxes in layers, and which layers are kept for labels.

    A box's layer is the longest way to it; then, from the last to the first, a box moves up to its first reader unless
    that stretches more edges than it shortens (a leaf with one reader comes along: no edge).
    """
    for stream in level.streams.values():
        for end in stream.targets():
            if stream.start and end:
                stream.start.next.append(end)
                end.prior.append(stream.start)
    waits = {box: len(box.prior) for box in level.boxes}
    order = [box for box in level.boxes if not box.prior]
    done = 0
    for first in level.boxes:
        while done < len(order):
            box = order[done]
            done += 1
            for after in box.next:
                after.rank = max(after.rank, box.rank + 1)
                waits[after] -= 1
                if waits[after] == 0:
                    order.append(after)
        if waits[first] > 0:  # in a circle: it is begun here
            waits[first] = 0
            order.append(first)
    for box in reversed(order):
        held = sum(bool(prior.prior) or len(prior.next) > 1 for prior in box.prior)
        if box.next and held <= len(box.next):
            box.rank = max(0, min(after.rank for after in box.next) - 1)
    count = 1 + max((box.rank for box in level.boxes), default=0)
    marked = {way.target.rank for stream in level.streams.values() for way in stream.marked}
    slots, labels = [], []
    for r in range(count):
        if r in marked:
            labels.append(True)
        slots.append(len(labels))
        labels.append(False)
    layers: list[list[Cell]] = [[] for _ in labels]
    for box in level.boxes:
        box.rank = slots[box.rank]
        layers[box.rank].append(box)
    return layers, labels


def lay(level: Cell, layers: list[list[Cell]]) -> None:
    """Puts a cell into every layer that a stream passes, so that its edges keep clear of the boxes and labels there."""
    left = PASSING
    for key, stream in level.streams.items():

        def link(a: Cell, b: Cell, key: str = key, light: bool = stream.light) -> None:
            pull = 0.002 if light else 2.0 if a.passes and b.passes else 1.0
            bond = Bond(a, b, pull, a.outs.get(key, 0.0) + a.port - b.ins.get(key, 0.0) - b.port)
            a.after.append(bond)
            b.before.append(bond)

        def last(r: int, stream: Stream = stream) -> Cell | None:
            """The cell that the stream has come to when it leaves layer r."""
            return stream.via.get(r, stream.start)

        stop = max([len(layers) if end is None else end.rank for end in stream.ends], default=0)
        stop = max([stop, *[way.target.rank - 1 for way in stream.marked]])
        cell = stream.start
        first = cell.rank + 1 if cell else 0
        passes = sum(max(0, (len(layers) if end is None else end.rank) - first) for end in stream.ends)
        passes += sum(way.target.rank - first for way in stream.marked)
        if passes > left:
            stop = 0
        else:
            left -= passes
        for r in range(first, stop):
            via = stream.via[r] = Cell(key, 0.0, 0.0, passes=True)
            layers[r].append(via)
            if cell:
                link(cell, via)
            cell = via
        for end in stream.ends:
            if end:
                before = last(end.rank - 1)
                if before:
                    link(before, end)
        for way in stream.marked:
            if way.mark:
                layers[way.target.rank - 1].append(way.mark)
                before = last(way.target.rank - 2)
                if before:
                    link(before, way.mark)
                link(way.mark, way.target)


def wish(cell: Cell, before: bool, after: bool) -> tuple[float, float]:
    """Where a cell would like to be (level with what it is bound to), and how much."""
    total = pull = 0.0
    if before:
        for bond in cell.before:
            total += bond.pull * (bond.a.at + bond.shift)
            pull += bond.pull
    if after:
        for bond in cell.after:
            total += bond.pull * (bond.b.at - bond.shift)
            pull += bond.pull
    return (total / pull, pull) if pull else (cell.at, 0.01)


def settle(layer: list[Cell], wishes: list[tuple[float, float]]) -> None:
    """The places nearest to the wishes (least squares) that keep the order and the distance.

    Neighbours that would collide become a block, which goes to the mean of its wishes.
    """
    blocks: list[tuple[float, float, list[tuple[Cell, float]]]] = []
    offset = 0.0
    for i, cell in enumerate(layer):
        if i:
            one = layer[i - 1]
            offset += (cell.cross + one.cross) / 2 + (LINE if cell.passes and one.passes else ROW)
        at, pull = wishes[i]
        total, cells = (at - offset) * pull, [(cell, offset)]
        while blocks and blocks[-1][0] / blocks[-1][1] > total / pull:
            sum_before, pull_before, cells_before = blocks.pop()
            cells_before += cells
            total, pull, cells = sum_before + total, pull_before + pull, cells_before
        blocks.append((total, pull, cells))
    for total, pull, cells in blocks:
        for cell, offset in cells:
            cell.at = total / pull + offset
