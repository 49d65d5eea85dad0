"""Sizes of a level of a layout, and its break into rows or columns where it is much longer than a screen."""

from __future__ import annotations

import math

from .cells import FROM_LABEL, GAP, HEAD, LONG, PAD, SCREEN, SHOULDER, TO_LABEL, TRACK, TURNS, Cell, Stream, Turn


def measure(level: Cell, layers: list[list[Cell]], labels: list[bool], lr: bool, root: Cell) -> None:
    """From layers to places inside the level, in one row or several, and its size."""
    spans: list[tuple[float, float]] = []
    main = 0.0
    for r, layer in enumerate(layers):
        end = main + max((cell.main for cell in layer), default=0.0)
        spans.append((main, end))
        if r < len(layers) - 1:
            steep = max([abs(bond.a.at + bond.shift - bond.b.at) for cell in layer for bond in cell.after], default=0.0)
            gap = FROM_LABEL if labels[r] else TO_LABEL if labels[r + 1] else GAP
            main = end + gap + min(70.0, steep / 5)  # steep edges need room
    firsts = bands(level, layers, labels, spans, lr)
    begin = max((SHOULDER + TRACK * len(crossing(level, b)) for b in firsts[1:]), default=0.0)
    across = length = 0.0
    for n, first in enumerate(firsts):
        stop = firsts[n + 1] if n + 1 < len(firsts) else len(layers)
        low, high = extent(layers, first, stop)
        back = begin - spans[first][0]
        for r in range(first, stop):
            spans[r] = (spans[r][0] + back, spans[r][1] + back)
            for cell in layers[r]:
                leaf = cell.after and not cell.before and not cell.passes  # stands close to its reader
                cell.along = spans[r][1] - cell.main / 2 if leaf else (spans[r][0] + spans[r][1]) / 2
                cell.across = cell.at - low + across
        across += high - low
        length = max(length, spans[stop - 1][1])
        if stop < len(layers):
            streams = crossing(level, stop)
            ordered = sorted(streams, key=lambda key: exit_of(level.streams[key], stop))
            length = max(length, spans[stop - 1][1] + SHOULDER + TRACK * len(streams))
            level.turns[stop] = Turn(spans[stop - 1][1], begin, across, {key: i for i, key in enumerate(ordered)})
            across += 2 * SHOULDER + TRACK * len(streams)
    level.spans = spans
    if level is root:
        level.main, level.cross = length, across
        level.along, level.across = length / 2, across / 2
    elif lr:
        level.main = max(length + 2 * PAD, level.main)
        level.cross = across + HEAD + PAD
        level.inset = (level.main - length) / 2, HEAD
    else:
        level.cross = max(across + 2 * PAD, level.cross)
        level.main = length + HEAD + PAD
        level.inset = HEAD, (level.cross - across) / 2


def extent(layers: list[list[Cell]], first: int, stop: int) -> tuple[float, float]:
    """Between what the cells of some layers lie."""
    low, high = math.inf, -math.inf
    for layer in layers[first:stop]:
        for cell in layer:
            low = min(low, cell.at - cell.cross / 2)
            high = max(high, cell.at + cell.cross / 2)
    return (low, high) if low <= high else (0.0, 0.0)


def crossing(level: Cell, first: int) -> list[str]:
    """The streams that pass between layer `first` and the one before it."""
    found = []
    for key, stream in level.streams.items():
        start, stop = stretch(stream)
        if start < first <= stop:
            found.append(key)
    return found


def stretch(stream: Stream) -> tuple[int, float]:
    """From which layer a stream runs to which."""
    last = max([math.inf if end is None else end.rank for end in stream.targets()], default=0)
    return stream.start.rank if stream.start else -1, last


def exit_of(stream: Stream, first: int) -> float:
    """Where a stream leaves the last layer of a row."""
    cell = stream.via.get(first - 1, stream.start)
    return cell.at if cell else 0.0


def bands(
    level: Cell, layers: list[list[Cell]], labels: list[bool], spans: list[tuple[float, float]], lr: bool
) -> list[int]:
    """The first layer of each row: one, or as many as make a level that is long fit a screen better."""
    total = spans[-1][1]
    if total < LONG["LR" if lr else "TB"]:
        return [0]
    changes, costs, cross = [0] * (len(layers) + 2), {}, 0  # how many streams pass between two layers
    for stream in level.streams.values():
        start, stop = stretch(stream)
        end = int(min(stop, len(layers)))
        if start < end:
            changes[start + 1] += 1
            changes[end + 1] -= 1
    for b in range(len(layers)):
        cross += changes[b]
        if b and not labels[b - 1]:
            costs[b] = cross
    best, least = [0], 0.8 * size_of(level, layers, spans, [0], costs, lr)
    for count in range(2, 25):
        ideal, firsts = total / count, [0]
        for n in range(1, count):
            near = [(costs[b], abs(spans[b][0] - n * ideal), b) for b in costs]
            near = [found for found in near if found[1] < ideal / 2]
            if near:  # few edges cross it, and it lies well
                firsts.append(min(near)[2])
        if any(costs[b] > TURNS for b in firsts[1:]):
            continue
        size = size_of(level, layers, spans, firsts, costs, lr)
        if size < least:
            best, least = firsts, size
    return best


def size_of(
    level: Cell, layers: list[list[Cell]], spans: list[tuple[float, float]], firsts: list[int], costs: dict[int, int],
    lr: bool,
) -> float:  # fmt: skip
    """How high a screen must be to show the level broken like this."""
    main = cross = 0.0
    for n, first in enumerate(firsts):
        stop = firsts[n + 1] if n + 1 < len(firsts) else len(layers)
        low, high = extent(layers, first, stop)
        turn = 2 * SHOULDER + TRACK * costs[first] if first else 0.0
        cross += high - low + turn
        main = max(main, spans[stop - 1][1] - spans[first][0] + turn)
    return max(main / SCREEN, cross) if lr else max(main, cross / SCREEN)


def place(level: Cell) -> None:
    """Places inside a level become places in the picture; its parent has been placed before it."""
    along = level.along - level.main / 2 + level.inset[0]
    across = level.across - level.cross / 2 + level.inset[1]
    passing = [cell for stream in level.streams.values() for cell in stream.via.values()]
    marks = [way.mark for stream in level.streams.values() for way in stream.marked if way.mark]
    for cell in [*level.boxes, *passing, *marks]:
        cell.along += along
        cell.across += across
    level.spans = [(begin + along, end + along) for begin, end in level.spans]
    level.turns = {
        first: Turn(turn.end + along, turn.begin + along, turn.across + across, turn.order)
        for first, turn in level.turns.items()
    }
