"""Places in layers: nothing overlaps, edges run one way and around what is not theirs."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microgradnet.viz import layers, rows
from microgradnet.viz.cells import HEAD, TIP, Box, Edge, Frame, Layout, Rect
from microgradnet.viz.layers import layout

Graph = tuple[list[Box], list[Edge], list[Frame]]


@st.composite
def graphs(draw: Any, most: int = 24) -> Graph:
    """Boxes of all sizes in frames in frames; edges with and without labels, several between two boxes."""
    boxes: list[Box] = []
    edges: list[Edge] = []
    frames: list[Frame] = []
    stack: list[Frame] = []
    for i in range(draw(st.integers(1, most))):
        change = draw(st.integers(-2, 6))
        if change < 0:
            del stack[change:]
        elif change > 4 and len(stack) < 3:
            parent = stack[-1].key if stack else None
            stack.append(Frame(f"g{len(frames)}", draw(st.sampled_from([0.0, 90.0, 300.0])), parent))
            frames.append(stack[-1])
        w, h = draw(st.sampled_from([(44, 39), (120, 73), (300, 60), (60, 200)]))
        boxes.append(Box(f"n{i}", w, h, stack[-1].key if stack else None, draw(st.booleans())))
        for back in draw(st.lists(st.integers(1, 8), max_size=4)) if i else []:
            label = draw(st.sampled_from([0.0, 0.0, 12.0, 70.0]))
            edges.append(Edge(f"n{max(0, i - back)}", f"n{i}", label, 14.0 if label else 0.0))
    return boxes, edges, frames


def apart(a: Rect, b: Rect, by: float = 0.0) -> bool:
    return abs(a.x - b.x) >= (a.w + b.w) / 2 + by - 1e-6 or abs(a.y - b.y) >= (a.h + b.h) / 2 + by - 1e-6


def inside(a: Rect, b: Rect) -> bool:
    return abs(a.x - b.x) <= (b.w - a.w) / 2 + 1e-6 and abs(a.y - b.y) <= (b.h - a.h) / 2 + 1e-6


def seen(points: list[tuple[float, float]], down: bool) -> list[tuple[float, float]]:
    """Points of the line that is drawn, close to each other."""
    if down:
        return [(y, x) for x, y in seen([(y, x) for x, y in points], False)]
    found = []
    for (x, y), (u, v) in itertools.pairwise(points):
        n = 2 + int(max(abs(u - x), abs(v - y)) / 4)
        for t in [k / n for k in range(n + 1)]:
            if abs(y - v) < 0.5 or abs(x - u) < 0.5:
                found.append((x + (u - x) * t, y + (v - y) * t))
            else:  # the cubic with both handles in the middle
                m, s = (x + u) / 2, 1 - t
                found.append(
                    (s**3 * x + 3 * s * t * m + t**3 * u, y * (s**3 + 3 * s * s * t) + v * (3 * s * t * t + t**3))
                )
    return found


def check(graph: Graph, places: Layout, down: bool, broken: bool = False) -> None:
    boxes, edges, frames = graph
    picture = Rect(places.w / 2, places.h / 2, places.w, places.h)
    assert set(places.boxes) == {box.key for box in boxes}
    above = {frame.key: frame.parent for frame in frames}
    home = {box.key: box.frame for box in boxes} | above

    def around(key: str | None) -> set[str]:
        found = set()
        while key and home[key]:
            key = home[key]
            found.add(str(key))
        return found

    everything = {**places.boxes, **places.frames}
    for box in boxes:
        assert (places.boxes[box.key].w, places.boxes[box.key].h) == (box.w, box.h)
    for key, rect in everything.items():
        assert inside(rect, picture)
        for frame, border in places.frames.items():
            if frame in around(key):
                room = Rect(border.x, border.y + HEAD / 2, border.w, border.h - HEAD)
                assert inside(rect, room), f"{key} in {frame}"
    for (a, rect), (b, other) in itertools.combinations(everything.items(), 2):
        if a not in around(b) and b not in around(a):
            assert apart(rect, other, 17), f"{a} {b}"
    labels = {i: path.label for i, path in enumerate(places.edges) if path.label}
    assert set(labels) == {i for i, edge in enumerate(edges) if edge.w}
    for (i, label), (_, other) in itertools.combinations(labels.items(), 2):
        assert apart(label, other, 6), f"the labels {i}"
    for i, label in labels.items():
        assert (label.w, label.h) == (edges[i].w, edges[i].h)
        assert inside(label, picture)
        assert all(apart(label, rect, 8) for rect in places.boxes.values()), f"the label {i}"
    along = 1 if down else 0
    solid = {**places.boxes, **{f"the label of {edges[j]} ({j})": label for j, label in labels.items()}}
    names, middles, sizes = (
        [*solid],
        np.array([r[:2] for r in solid.values()]),
        np.array([r[2:] for r in solid.values()]),
    )
    for i, (edge, path) in enumerate(zip(edges, places.edges, strict=True)):
        source, target = places.boxes[edge.source], places.boxes[edge.target]
        begin, end = path.points[0], path.points[-1]
        assert begin[along] == pytest.approx(source[along] + source[along + 2] / 2)
        assert end[along] == pytest.approx(target[along] - target[along + 2] / 2 - TIP)
        assert begin[1 - along] == pytest.approx(source[1 - along])
        assert end[1 - along] == pytest.approx(target[1 - along])
        if not broken:
            steps = [q[along] - p[along] for p, q in itertools.pairwise(path.points)]
            assert min(steps) >= -1e-6, f"{edge} turns back"
        line = np.array(seen(path.points, down))[:, None]
        for j in np.flatnonzero((np.abs(line - middles) < sizes / 2 - 0.5).all(2).any(0)):
            assert names[j] in (edge.source, edge.target), f"{edge} ({i}) runs through {names[j]}"


def test_three_hundred_boxes_take_a_moment(capsys: pytest.CaptureFixture[str]) -> None:
    """How long is printed; that they are placed, and alike each time, is asserted."""
    rng = np.random.default_rng(0)
    boxes = [Box(f"n{i}", 120, 73) for i in range(300)]
    edges = [Edge(f"n{max(0, i - int(b))}", f"n{i}", 40, 14) for i in range(1, 300) for b in 1 + rng.geometric(0.2, 2)]
    began = time.process_time()
    places = layout(boxes, edges)
    took = time.process_time() - began
    with capsys.disabled():
        print(f"300 boxes, {len(edges)} edges with labels: laid out in {1000 * took:.0f} ms")
    assert layout(boxes, edges) == places
    assert len(places.boxes) == 300


def test_a_circle_is_drawn_all_the_same() -> None:
    places = layout([Box("a", 44, 39), Box("b", 44, 39)], [Edge("a", "b"), Edge("b", "a")])
    assert places.boxes["a"].x < places.boxes["b"].x


def test_of_nothing_there_is_nothing() -> None:
    assert layout([], []) == Layout(0.0, 0.0, {}, {}, [])


def test_a_leaf_that_is_read_twice_by_one_box_comes_along_with_it() -> None:
    edges = [Edge("a", "b"), Edge("b", "c"), Edge("c", "z"), Edge("x", "y"), Edge("x", "y"), Edge("y", "z")]
    places = layout([Box(key, 44, 39) for key in "abcxyz"], edges).boxes
    assert places["y"].x == places["c"].x
    assert places["x"].x > places["a"].x


def test_where_edges_pass_too_many_layers_they_run_straight(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of a passes two layers, one of b one; with a label, which has a layer of its own, one of a passes three."""
    boxes = [Box(key, 44, 39) for key in "abcd"]
    edges = [Edge("a", "b"), Edge("b", "c"), Edge("c", "d"), Edge("a", "d"), Edge("b", "d")]

    def bends(edges: list[Edge], most: int) -> list[int]:
        monkeypatch.setattr(layers, "PASSING", most)
        return [len(path.points) for path in layout(boxes, edges).edges]

    assert bends(edges, 0) == [4, 4, 4, 4, 4]
    assert bends(edges, 3) == [4, 4, 4, 8, 6]
    assert bends(edges, 2) == [4, 4, 4, 8, 4]  # what is left is too little for the second
    assert bends(edges, 1) == [4, 4, 4, 4, 6]
    labelled = [*edges[:3], Edge("a", "d", 30.0, 14.0)]
    assert bends(labelled, 3) == [4, 4, 4, 10]
    assert bends(labelled, 2) == [4, 4, 6, 6]


def chain(n: int, size: float, down: bool) -> Layout:
    """Boxes in a row, this long in the direction of their edges, 40 across."""
    boxes = [Box(f"n{i}", *((40.0, size) if down else (size, 40.0))) for i in range(n)]
    return layout(boxes, [Edge(f"n{i}", f"n{i + 1}") for i in range(n - 1)], direction="TB" if down else "LR")


def rows_in(places: Layout, down: bool) -> int:
    return len({rect.x if down else rect.y for rect in places.boxes.values()})


@pytest.mark.parametrize(("down", "size"), [(False, 94.0), (True, 54.0)])
def test_a_chain_is_broken_when_it_is_as_long_as_a_screen(down: bool, size: float) -> None:
    """Of ten boxes and nine gaps of 40, 1,300 to the right or 900 downwards."""
    assert rows_in(chain(10, size - 0.01, down), down) == 1
    assert rows_in(chain(10, size, down), down) > 1


def test_no_more_than_24_rows_are_tried() -> None:
    assert rows_in(chain(600, 2_000.0, False), False) == 24


@contextmanager
def longest(lr: float, tb: float) -> Iterator[None]:
    """A block in which levels longer than this are broken into rows and columns."""
    kept = dict(rows.LONG)
    try:
        rows.LONG.update(LR=lr, TB=tb)
        yield
    finally:
        rows.LONG.update(kept)


@settings(max_examples=20)
@given(graphs(), st.booleans())
def test_nothing_overlaps_and_edges_run_one_way(graph: Graph, down: bool) -> None:
    with longest(math.inf, math.inf):
        check(graph, layout(*graph, direction="TB" if down else "LR"), down)


@settings(max_examples=20)
@given(graphs(), st.booleans())
def test_nothing_overlaps_in_rows_and_columns_either(graph: Graph, down: bool) -> None:
    with longest(250.0, 200.0):
        check(graph, layout(*graph, direction="TB" if down else "LR"), down, broken=True)
