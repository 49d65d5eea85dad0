"""What a classifier says everywhere in the plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import Array, no_grad, numbers
from .canvas import NEGATIVE, POSITIVE, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Blue, orange, green, purple, yellow, sky: told apart by nearly all eyes (after Okabe and Ito); the marks help as well.
CLASS_COLOURS = (POSITIVE, NEGATIVE, "#009e73", "#aa4499", "#b8960c", "#56b4e9")
CLASS_MARKS = "o^sDvP"


def decision_regions(predict: Any, x: Any, y: Any, *, steps: int = 150, axes: Axes | None = None) -> Axes:
    """What a classifier says everywhere in the plane, under the points x (n, 2) with classes y (n,); returns the axes.

    `predict` is a Module or function, called once with `steps`² points (m, 2) in float32. It returns the probabilities
    of the classes (m, k), at most 6, or of class 1 alone, (m,) or (m, 1). The colour is that of the class, the paler
    the less sure, and white where all are equally likely. Lines are drawn where the answer changes.

    Raises ValueError for what is no probability, such as outputs before softmax, and for points not in the plane.

    >>> from microgradnet import data, functional, plots
    >>> x, y = data.moons(100)
    >>> axes = plots.decision_regions(lambda points: functional.sigmoid(-4 * points[:, 1]), x, y)
    >>> axes.figure.savefig("regions.png")  # doctest: +SKIP
    """
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim != 2 or x.shape[1] != 2 or y.shape != x.shape[:1] or y.dtype.kind not in "iu" or not len(x):
        raise ValueError(f"wanted points (n, 2) and their classes (n,), integers; got shapes {x.shape} and {y.shape}")
    low, high = x.min(axis=0), x.max(axis=0)
    margin = 0.12 * np.maximum(high - low, 1e-3)
    across, up = np.linspace(low - margin, high + margin, steps, dtype=np.float32).T
    points = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    sure = probabilities(predict, points)
    classes = sure.shape[1]
    if classes > len(CLASS_COLOURS) or y.min() < 0 or y.max() >= classes:
        raise ValueError(
            f"classes y from {y.min()} to {y.max()}, probabilities of {classes}: at most {len(CLASS_COLOURS)} are "
            f"drawn, numbered from 0"
        )
    axes = axes or new_axes(5.0, 4.5)
    from matplotlib.colors import to_rgb

    # 0 where a class is as likely as by chance, 1 where it is certain
    strength = np.maximum(sure * classes - 1, 0) / (classes - 1)
    shade = 1 - 0.55 * strength @ (1 - np.array([to_rgb(colour) for colour in CLASS_COLOURS[:classes]]))
    edges = (across[0], across[-1], up[0], up[-1])
    axes.imshow(shade.reshape(steps, steps, 3), origin="lower", extent=edges, aspect="auto", interpolation="bilinear")
    for k in range(classes if classes > 2 else 1):
        lead = (sure[:, k] - np.delete(sure, k, axis=1).max(axis=1)).reshape(steps, steps)
        if lead.min() < 0 < lead.max():
            axes.contour(across, up, lead, levels=[0.0], colors="#222222", linewidths=1.2)
    for k in range(classes):
        across_k, up_k = x[y == k].T
        style: dict[str, Any] = {"marker": CLASS_MARKS[k], "color": CLASS_COLOURS[k], "edgecolors": "white"}
        axes.scatter(across_k, up_k, s=22, linewidths=0.6, label=f"class {k}", **style)
    axes.set(xlabel="x₁", ylabel="x₂", xlim=edges[:2], ylim=edges[2:])
    axes.locator_params(nbins=6)
    return axes


def probabilities(predict: Any, points: Array) -> Array:
    """The probability of each class (m, k) at each of the points, k at least 2."""
    with no_grad():
        out = np.asarray(numbers(predict(points)), dtype=np.float64)
    if out.shape in ((len(points),), (len(points), 1)):
        out = np.stack([1 - out.reshape(-1), out.reshape(-1)], axis=1)
    if out.ndim != 2 or len(out) != len(points):
        raise ValueError(f"predict got {points.shape} and returned {out.shape}: a row of probabilities for each point")
    if not (out.min() >= -1e-6 and out.max() <= 1 + 1e-6 and abs(out.sum(axis=1) - 1).max() < 1e-3):
        raise ValueError(
            f"predict returned numbers from {out.min():.3g} to {out.max():.3g} that are no probabilities: they lie "
            f"between 0 and 1 and sum to 1, as softmax makes them, lambda points: softmax(model(points))"
        )
    return out
