"""How far to go along a direction: a point that satisfies the strong Wolfe conditions (Nocedal and Wright, ch. 3).

It is far enough down, by a share `C1` of what the first slope promises, and the slope there is at most `C2` of that.
The steps are those of PyTorch, which are those of Schmidt's minFunc.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..core import Array

C1, C2 = 1e-4, 0.9


class Point(NamedTuple):
    """A place along the direction: how far it is, the cost there, its gradient, and the slope along the direction."""

    t: float
    cost: float
    gradient: Array
    slope: float


def strong_wolfe(
    evaluate: Callable[[float], tuple[float, Array]], start: Point, t: float, d: Array, least: float, most: int
) -> tuple[Point, int]:
    """A point near `t` along `d` that satisfies both conditions, and how many were looked at, `most` at most.

    `evaluate` gives cost and gradient at a distance; `start` is where the direction begins, at distance 0. Where the
    points come nearer to each other than `least`, the best of them is taken.
    """

    def at(t: float) -> Point:
        cost, gradient = evaluate(t)
        return Point(t, cost, gradient, float(gradient @ d))

    def too_high(p: Point) -> bool:
        return p.cost > start.cost + C1 * p.t * start.slope

    def flat(p: Point) -> bool:
        return abs(p.slope) <= -C2 * start.slope

    # Further and further, until two points have a good one between them.
    before, now, looked, turns = start, at(t), 1, 0
    while True:
        if turns == most:
            low, high = start, now
            break
        if too_high(now) or (turns > 1 and now.cost >= before.cost):
            low, high = before, now
            break
        if flat(now):
            return now, looked
        if now.slope >= 0:
            low, high = before, now
            break
        further = cubic(before, now, (now.t + 0.01 * (now.t - before.t), now.t * 10))
        before, now = now, at(further)
        looked, turns = looked + 1, turns + 1

    # Nearer and nearer. PyTorch's order of the two points decides between equals, so it is kept: first and second.
    first, second = low, high
    low, high = (first, second) if first.cost <= second.cost else (second, first)
    longest, stuck = float(np.abs(d).max()), False
    while turns < most and abs(second.t - first.t) * longest >= least:
        t = cubic(first, second)
        left, right = min(first.t, second.t), max(first.t, second.t)
        margin = 0.1 * (right - left)
        if min(right - t, t - left) < margin:  # so near to an end that hardly anything is gained
            if stuck or t >= right or t <= left:
                t = right - margin if abs(t - right) < abs(t - left) else left + margin
                stuck = False
            else:
                stuck = True
        else:
            stuck = False
        now = at(t)
        looked, turns = looked + 1, turns + 1
        low_is_first = low is first
        if too_high(now) or now.cost >= low.cost:
            first, second = (first, now) if low_is_first else (now, second)
            low, high = (first, second) if first.cost <= second.cost else (second, first)
            continue
        done = flat(now)
        if not done and now.slope * (high.t - low.t) >= 0:
            high = low
        low = now
        first, second = (low, high) if low_is_first else (high, low)
        if done:
            break
    return low, looked


def cubic(p: Point, q: Point, bounds: tuple[float, float] | None = None) -> float:
    """Where the cubic with the costs and the slopes of two points is lowest, within `bounds`, or between them."""
    if p.t > q.t:
        p, q = q, p
    low, high = bounds or (p.t, q.t)
    middle = p.slope + q.slope - 3 * (p.cost - q.cost) / (p.t - q.t)
    square = middle * middle - p.slope * q.slope
    if not square >= 0:
        return (low + high) / 2
    root = math.sqrt(square)
    bend = q.slope - p.slope + 2 * root
    if not bend:  # a straight line
        return high if q.slope < 0 else low
    lowest = q.t - (q.t - p.t) * ((q.slope + root - middle) / bend)
    return min(max(lowest, low), high)
