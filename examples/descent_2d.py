"""Gradient descent on a function of two variables: a ball that rolls into a valley.

The gradient of a function of two variables is an arrow: against it the function falls quickest. Printed is a check of
that by trying all directions; pictured is the ball's way over the surface and over its contours.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from options import Parser, run, whole_number

import microgradnet as mg
from microgradnet import plots


def land(x: Any, y: Any) -> Any:
    """The height at (x, y): a wide bowl with a deep valley in it, and a hill beside the way there."""
    valley = np.exp(-((x - 1.2) ** 2) - 0.5 * (y + 0.6) ** 2)
    hill = np.exp(-2 * (x - 0.1) ** 2 - 2 * (y - 0.9) ** 2)
    return 0.15 * x**2 + 0.25 * y**2 - 1.6 * valley + 0.9 * hill


def main(options: argparse.Namespace) -> None:
    rng = np.random.default_rng(options.seed)
    place = np.array([-0.45, 1.9]) + rng.uniform(-0.1, 0.1, 2)
    gradient = mg.grad(lambda place: land(place[0], place[1]))

    # Which way is down? Try 3,600 directions with a tiny step each, and compare with what the gradient says.
    angles = np.linspace(-180, 180, 3600, endpoint=False)
    around = place[:, None] + 1e-4 * np.array([np.cos(np.radians(angles)), np.sin(np.radians(angles))])
    steepest = angles[np.argmin(land(*around))]
    down = -gradient(place)
    print(f"start: ({place[0]:.2f}, {place[1]:.2f}), height {land(*place):.3f}")
    print(f"of 3,600 directions, the one that leads down most is {steepest:.1f} degrees")
    print(f"the negative gradient points to {np.degrees(np.arctan2(down[1], down[0])):.1f} degrees")

    # The ball rolls: every step goes that way, as far as it is steep.
    path = [place]
    for _ in range(options.epochs):
        place = place - 0.25 * gradient(place)
        path.append(place)
    height = np.array([land(*place) for place in path])
    lengths = np.linalg.norm(np.diff(path, axis=0), axis=1)
    fell = int((np.diff(height) < 0).sum())
    print(f"{options.epochs} steps: the height falls in {fell} of them, from {height[0]:.3f} to {height[-1]:.3f}")
    print(f"steps: the longest {lengths.max():.3f}, the last {lengths[-1]:.1e}")
    print(f"the ball rests at ({place[0]:.3f}, {place[1]:.3f}), gradient {np.linalg.norm(gradient(place)):.1e} long")

    figure = plots.new_figure(12, 5.6)
    over = figure.add_subplot(1, 2, 1, projection="3d")
    plots.surface(land, (-2.5, 2.5), (-2.5, 2.5), path, axes=over).set_title("A ball rolls into a valley")
    over.view_init(elev=42, azim=-118)
    above = plots.contours(land, (-2.5, 2.5), (-2.5, 2.5), path, axes=figure.add_subplot(1, 2, 2))
    above.set_title("Seen from above: across the contours")
    above.set_aspect("equal")
    picture = options.out / "descent_2d.png"
    figure.savefig(picture, dpi=110)
    print(f"picture: {picture}; a ring is the start, a disc the end")


if __name__ == "__main__":
    parser = Parser(__doc__)
    parser.add_argument("--epochs", type=whole_number, default=40, metavar="N", help="steps of the descent (40)")
    run(parser, main)
