"""Outlines of boxes and arrows, as points: kinds differ in outline as well as in colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from ..viz.cells import Rect

Point = tuple[float, float]


def corners(kind: str, rect: Rect) -> list[Point]:
    """The corners of a box, clockwise; those of a rounded one are many."""
    left, right, top, low = rect.x - rect.w / 2, rect.x + rect.w / 2, rect.y - rect.h / 2, rect.y + rect.h / 2
    c = min(9.0, rect.h / 2)
    if kind == "parameter":
        return [(left + c, top), (right - c, top), (right, top + c), (right, low - c), (right - c, low),
                (left + c, low), (left, low - c), (left, top + c)]  # fmt: skip
    if kind == "input":
        return [(left, top), (right - c, top), (right, rect.y), (right - c, low), (left, low)]
    r = {"constant": 0.0, "output": 7.0, "folded": 6.0}.get(kind, min(18.0, rect.h / 2))
    quarter = [math.pi / 2 * i / 6 for i in range(7)]
    around = []
    for turn, (x, y) in enumerate(
        [(right - r, top + r), (right - r, low - r), (left + r, low - r), (left + r, top + r)]
    ):
        for angle in quarter:
            at = angle + (turn - 1) * math.pi / 2
            around.append((x + r * math.cos(at), y + r * math.sin(at)))
    return around


def outline(kind: str, rect: Rect) -> str:
    """The `d` of an SVG path around a box."""
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in corners(kind, rect)) + "Z"


def tip(points: Sequence[Point], back: bool = False) -> list[Point]:
    """The head of an arrow that runs through these points, to the right or down; or `back`, at its beginning."""
    (x, y), (near_x, near_y) = points[:2] if back else points[:-3:-1]
    right = abs(x - near_x) >= abs(y - near_y)
    shape = [(0, 0), (10, -5), (10, 5)] if back else [(5, 0), (-4, -4), (-4, 4)]
    return [(x + a, y + b) if right else (x + b, y + a) for a, b in shape]


def along(d: str) -> list[Point]:
    """Points along the `d` of a path made of M, L, C and Q, near enough to look smooth."""
    found: list[Point] = []
    for command in d.replace("L", "|L").replace("C", "|C").replace("Q", "|Q").split("|"):
        numbers = [float(x) for x in command[1:].split()]
        points = list(zip(numbers[::2], numbers[1::2], strict=True))
        if command[0] not in "ML":
            points = [bezier([found[-1], *points], i / 12) for i in range(1, 13)]
        found += points
    return found


def bezier(points: list[Point], t: float) -> Point:
    """The place at t, between 0 and 1, of the curve that some points control."""
    while len(points) > 1:
        points = [(a + (c - a) * t, b + (d - b) * t) for (a, b), (c, d) in pairwise(points)]
    return points[0]
