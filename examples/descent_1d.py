"""Gradient descent on a function of one variable: how far to step, and where one ends.

A step goes against the slope and is proportional to it, so that steps shorten by themselves towards a minimum, unless
the step size is too large. And descent ends in the valley it started in. Printed is each descent, pictured all four.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
from options import Parser, run, whole_number

import microgradnet as mg
from microgradnet import plots


def bowl(x: Any) -> Any:
    """One valley: its lowest point is at 1."""
    return (x - 1) ** 2


def two_valleys(x: Any) -> Any:
    """Two valleys, the left one deeper."""
    return x**4 / 4 - x**2 + 0.3 * x


def descend(f: Callable[[Any], Any], x: float, step_size: float, steps: int) -> list[float]:
    """The places that descent comes through from x."""
    slope = mg.grad(f)
    path = [x]
    for _ in range(steps):
        x = x - step_size * float(slope(x))  # against the slope, and the shorter the flatter it is here
        path.append(x)
    return path


def main(options: argparse.Namespace) -> None:
    rng = np.random.default_rng(options.seed)
    figure = plots.new_figure(11, 8)
    panels = figure.subplots(2, 2)

    # One start, three step sizes. In this bowl the slope is 2 (x − 1): a step size of ½ would hit the minimum at once,
    # between ½ and 1 every step crosses the valley, and beyond 1 it lands higher up than it was.
    start = float(rng.uniform(3.4, 3.9))
    print(f"f(x) = (x - 1)^2, from x = {start:.2f}. Its minimum is at 1.")
    for axes, step_size in zip(panels.flat, (0.15, 0.9, 1.03), strict=False):
        path = descend(bowl, start, step_size, options.epochs)
        moves = np.abs(np.diff(path))
        crossed = int((np.diff(np.sign(np.array(path) - 1)) != 0).sum())
        left = abs(path[-1] - 1)
        kind = "converges" if not crossed else "overshoots" if left < start - 1 else "diverges"
        print(f"  step size {step_size}: {kind}. After {options.epochs} steps it is {left:.2g} away from the minimum;")
        print(f"    first step {moves[0]:.2g} long, last {moves[-1]:.2g}; {crossed} of them crossed the valley")
        plots.curve(bowl, (-3, 5), path, axes=axes)
        unseen = ", out of the picture" if kind == "diverges" else ""
        axes.set_title(f"step size {step_size}: {kind}{unseen}")

    # One step size, two starts, two minima: no step knows of the other valley.
    axes = panels[1, 1]
    starts = float(rng.uniform(-2.1, -1.9)), float(rng.uniform(1.9, 2.2))
    paths = [descend(two_valleys, x, 0.05, options.epochs) for x in starts]
    print("f(x) = x^4/4 - x^2 + 0.3 x, step size 0.05, two starts:")
    plots.curve(two_valleys, (-2.3, 2.3), *paths, axes=axes)
    axes.set_title("two starts, two minima")
    for path in paths:
        end, slope = path[-1], float(mg.grad(two_valleys)(path[-1]))
        print(f"  from {path[0]:+.2f} to {end:+.3f}, where f = {two_valleys(end):+.3f} and the slope is {slope:+.1e}")

    picture = options.out / "descent_1d.png"
    figure.savefig(picture, dpi=110)
    print(f"picture: {picture}; a ring is a start, an arrow a step, a disc the end")


if __name__ == "__main__":
    parser = Parser(__doc__)
    parser.add_argument("--epochs", type=whole_number, default=25, metavar="N", help="steps of each descent (25)")
    run(parser, main)
