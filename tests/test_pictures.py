"""Every plot as it was looked at and found good, in words: each line, mark, text, image, colour and size.

tests/pictures.txt has the words. Where a picture is meant to change, look at it, and `python -m tests.test_pictures`
writes the file anew: what changed is then in the diff.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from microgradnet import Value, nn, plots
from microgradnet.train import LearningRates
from tests import descriptions

PAGE = Path(__file__).with_name("pictures.txt")
# Of finite numbers, in matplotlib's own products, once in some runs: OpenBLAS reads what lies beside them.
pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered in (dot|matmul):RuntimeWarning")


def said(x: Any) -> str:
    """A number, a text, a colour or an array in a few characters; a large array by its ends and a weighted sum."""
    if isinstance(x, (str, bool, type(None))):
        return str(x).replace("\n", " / ")
    array = np.asarray(np.ma.filled(np.ma.asarray(x, dtype=float), np.nan))
    if array.ndim and array.size > 12:
        numbers = np.nan_to_num(array.ravel(), nan=-7.0)
        ends = (numbers[0], numbers[-1], numbers @ np.cos(np.arange(numbers.size)), np.isnan(array).sum())
        return f"{array.shape}: {said(ends)}"
    rounded = [f"{n:.4g}" for n in np.where(np.abs(array) < 1e-9, 0.0, array).ravel()]
    return f"[{' '.join(rounded)}]" if array.ndim else rounded[0]


def properties(artist: Any, *names: str) -> str:
    return ", ".join(f"{name} {said(getattr(artist, f'get_{name}')())}" for name in names)


def lines_of(axes: Any) -> Iterator[str]:
    """What is drawn in axes, a line for each."""
    solid = axes.name == "3d"
    limits = ("xlim", "ylim", "xlabel", "ylabel", *(("zlabel",) if solid else ("aspect", "title")))
    large = f" ({said(axes.title.get_fontsize())})" if axes.get_title() else ""
    yield f"{properties(axes, *limits)}{large}, axis {axes.axison}"
    for line in axes.lines:
        where = ", ".join(map(said, line.get_data_3d() if solid else line.get_data()))
        label = "" if line.get_label().startswith("_") else f" {line.get_label()}"
        shown = properties(line, "color", "linestyle", "linewidth", "zorder")
        if line.get_marker() != "None":
            more = "marker", "markersize", "markerfacecolor", "markeredgecolor", "markeredgewidth", "zorder"
            lone = line.get_linestyle() == "None"  # its colour is then nowhere to be seen
            shown = properties(line, *more) if lone else f"{shown}, {properties(line, *more)}"
        yield f"  line{label} {where}: {shown}{f', alpha {line.get_alpha()}' if line.get_alpha() else ''}"
    for text in axes.texts:
        ground = text.get_bbox_patch()
        style = ground.get_boxstyle() if ground else None
        shown = properties(ground, "facecolor", "edgecolor") + f", {type(style).__name__} {style.pad}" if ground else ""
        where = properties(text, "position", "ha", "va", "fontsize", "color", "zorder")
        yield f"  text {text.get_text()!r}: {where}{f', on {shown}' if ground else ''}"
    for image in axes.images:
        shown = properties(image, "array", "extent", "clim", "interpolation").replace(
            "antialiased", "auto"
        )  # before 3.10
        ends = said([*image.cmap(0.0), *image.cmap(1.0), *image.cmap(np.ma.masked)])
        yield f"  image {shown}, origin {image.origin}, colours {ends}"
    for part in axes.collections:
        yield f"  {type(part).__name__}: {collection(part)}"
    if (legend := axes.get_legend()) is not None:
        yield f"  legend at {legend._loc}: {', '.join(text.get_text() for text in legend.get_texts())}"
    for inset in axes.child_axes:
        by_numbers = inset._axes_locator._transform is axes.transData
        yield f"  inset at {said(inset._axes_locator._bounds)}{', in its numbers' if by_numbers else ''}"
        yield from (f"  {line}" for line in lines_of(inset))
    if type(axes.xaxis.get_major_locator()).__name__ == "FixedLocator" and len(axes.get_xticks()):
        yield f"  written {[text.get_text() for text in (*axes.get_xticklabels(), *axes.get_yticklabels())]}"
    if not solid and not axes.images:
        yield f"  ticks {locator(axes.xaxis)}, {locator(axes.yaxis)}"


def locator(axis: Any) -> str:
    found = axis.get_major_locator()
    return f"{type(found).__name__} {getattr(found, '_nbins', '')} {getattr(found, '_integer', '')}".strip()


def collection(part: Any) -> str:
    """Lines, contours, arrows, a surface or points."""
    kind = type(part).__name__
    if kind == "Poly3DCollection":
        faces = (
            f"{len(part.get_facecolor())} faces, cmap {part.get_cmap().name}, edges {said(part.get_edgecolor()[:1])}"
        )
        return f"{properties(part, 'alpha', 'linewidth')}, {faces}"
    if kind == "Quiver":
        kept = ("angles", "scale_units", "scale", "width", "headwidth", "headlength")
        options = ", ".join(f"{name} {said(getattr(part, name))}" for name in kept)
        where = f"from {said(part.XY)} by {said(part.U)} {said(part.V)}"
        return f"{where}, {options}, {properties(part, 'facecolor', 'zorder')}"
    if kind == "QuadContourSet":
        where = np.concatenate([path.vertices for path in part.get_paths()] or [np.zeros((0, 2))])
        looks = f"cmap {part.get_cmap().name}" if part.filled else properties(part, "edgecolor", "linewidth")
        return f"levels {said(part.levels)}, {looks}, through {said(where.mean(axis=0))}"
    if kind == "LineCollection":
        return f"{said(part.get_segments())}, {properties(part, 'colors', 'linewidths', 'zorder')}"
    marks = said(np.concatenate([path.vertices for path in part.get_paths()]).mean(axis=0))
    looks = properties(part, "sizes", "facecolor", "edgecolor", "linewidths", "label")
    return f"at {said(part.get_offsets())}, marks {marks}, {looks}"


def described(drawn: Any) -> list[str]:
    """A figure, or the figure of axes."""
    figure = drawn if hasattr(drawn, "savefig") else drawn.figure
    parts = [f"size {said(figure.get_size_inches())}, layout {type(figure.get_layout_engine()).__name__}"]
    for part in sorted(getattr(figure, "subfigs", []), key=lambda part: part.get_suptitle()):
        parts.append(f"part {part.get_suptitle()!r} in {said(part.bbox_relative.bounds)}")
    for axes in figure.axes:
        bar = getattr(axes, "_colorbar", None)
        if bar is not None:
            made = axes._colorbar_info
            shape = f"shrink {made['shrink']}, aspect {made['aspect']}, {made['location']} of {len(made['parents'])}"
            parts.append(f"  bar {bar.orientation} {said(bar.get_ticks())} {bar.formatter.fmt}, {shape}")
            continue
        parts += lines_of(axes)
        if axes.images:
            ratios = axes.get_subplotspec().get_gridspec().get_width_ratios()
            parts.append(f"  widths {said(ratios)}, ticks {locator(axes.xaxis)}, {locator(axes.yaxis)}")
    return parts


# -------------------------------------------------------------------------------------------------------- the pictures


def layered(*sizes: int, **options: Any) -> nn.MLP:
    """A network whose weights are simple fractions, the same on every machine."""
    model = nn.MLP(sizes[0], list(sizes[1:]), activation=np.tanh, seed=0, **options)
    for k, p in enumerate(model.parameters()):
        p.data = (np.arange(p.size) * 7 % 11 - 5).reshape(p.shape) / (4.0 + k)
    return model


def convolved(by: float = 1.0) -> nn.Sequential:
    """Two convolutions, the first of one channel, with simple fractions as weights."""
    model = nn.Sequential(nn.Conv2d(1, 3, 2), np.tanh, nn.Conv2d(3, 2, (2, 3)))
    for k, p in enumerate(model.parameters()):
        p.data = by * (np.arange(p.size) * 7 % 11 - 5).reshape(p.shape) / (4.0 + k)
    return model


def swept() -> nn.MLP:
    model = layered(6, 3, 2)
    for k, p in enumerate(model.parameters()):
        p.grad = (np.arange(p.size) * 5 % 7 - 2).reshape(p.shape) / (2.0 + k)
    return model


def bowl(x: Any, y: Any) -> Any:
    return x**2 + 3 * y * y


def thirds(points: Any) -> Any:
    corner = np.stack([points[:, 0], -points[:, 0], points[:, 1]], axis=1)
    return np.exp(corner) / np.exp(corner).sum(axis=1, keepdims=True)


def spread(n: int) -> tuple[Any, Any]:
    """Points in the plane, and a class for each, two of them many and one rare."""
    k = np.arange(n)
    return np.stack([np.sin(k * 1.7) * 2, np.cos(k * 2.3)], axis=1), np.where(k % 5 == 4, 2, k % 2)


PLACES, OTHERS = [(1.5, 0.8), (1.0, 0.3), (0.4, 0.1)], [(-1.0, -0.5), (-0.5, 0.25)]
EPOCHS: dict[str, Any] = {
    "epoch": [1, 2, 3], "cost": [0.9, 0.5, 0.3], "val_cost": [1.0, 0.7, 0.6], "accuracy": [0.3, 0.7, 0.8],
    "val_accuracy": [0.2, 0.5, 0.6], "off": [3.0, 2.0, 1.0], "seconds": [0.1, 0.1, 0.1],
}  # fmt: skip
PICTURES: dict[str, Callable[[], Any]] = {
    "network": lambda: plots.network(layered(3, 4, 2)),
    "network, of many neurons, most=5": lambda: plots.network(layered(30, 5, 7), most=5),
    "network, an example and labels": lambda: plots.network(layered(3, 4, 2), [0.5, -1.0, 2.0], labels=["no", "yes"]),
    "network, many outputs with labels": lambda: plots.network(layered(2, 9), most=4, labels=range(10, 19)),
    "network, without weights": lambda: plots.network(nn.Sequential(zero(nn.Linear(2, 2, bias=False)))),
    "curve": lambda: plots.curve(lambda x: x**3 - x, (-2, 1.5)),
    "curve, five paths": lambda: plots.curve(np.square, (-2, 2), *[[1.5 - 0.1 * k, 0.75, -0.3 * k] for k in range(5)]),
    "curve, flat": lambda: plots.curve(lambda x: x * 0 + 2, (0, 1)),
    "curve, with a pole": lambda: plots.curve(lambda x: 1 / x, (0, 1), [0.5, 0.0, 0.25]),
    "contours": lambda: plots.contours(bowl, (-2, 2), (-1, 1.5), PLACES, OTHERS),
    "contours, levels=5": lambda: plots.contours(lambda x, y: x - Value(2.0) * y, (0, 2), (-1, 1), levels=5),
    "surface": lambda: plots.surface(bowl, (-2, 2), (-1, 1.5), PLACES, OTHERS),
    "surface, flat": lambda: plots.surface(lambda x, y: 0 * x + 3, (0, 2), (-1, 1), PLACES),
    "gradient": lambda: plots.gradient(swept()),
    "gradient, tile=(2, 3), limit=4": lambda: plots.gradient(swept(), tile=(2, 3), limit=4),
    "gradient, tile=(2, 2), one neuron": lambda: plots.gradient(filled(nn.Linear(4, 1, seed=0)), tile=(2, 2)),
    "gradient, five layers": lambda: plots.gradient(filled(layered(2, 1, 3, 1, 9, 2))),
    "gradient, a wide layer": lambda: plots.gradient(filled(nn.Linear(20, 2, seed=0))),
    "gradient, all of it 0": lambda: plots.gradient(filled(nn.Linear(2, 2, seed=0), 0.0)),
    "decision_regions": lambda: plots.decision_regions(lambda points: 1 / (1 + np.exp(-3 * points[:, 0])), *two(14)),
    "decision_regions, three classes": lambda: plots.decision_regions(thirds, *spread(20), steps=30),
    "decision_regions, always one answer": lambda: plots.decision_regions(lambda p: np.full(len(p), 0.9), *two(4)),
    "decision_regions, one point": lambda: plots.decision_regions(lambda p: np.full((len(p), 1), 0.5),
                                                                  [[1.0, 2.0]], [1], steps=4),
    "history": lambda: plots.history(EPOCHS),
    "history, costs alone": lambda: plots.history({name: EPOCHS[name] for name in ("epoch", "cost", "val_cost")}),
    "history, five metrics": lambda: plots.history({**EPOCHS, "a": [1, 2, 3], "b": [2, 3, 4], "c": [0, 0, 1]}),
    "confusion_matrix": lambda: plots.confusion_matrix([0, 1, 1, 2, 1, 0], [0, 1, 2, 2, 1, 0]),
    "confusion_matrix, of words": lambda: plots.confusion_matrix([*"bac"], [*"bbc"], names=[*"xyz"]),
    "confusion_matrix, of more classes": lambda: plots.confusion_matrix([3, 1], [1, 1], names=range(10, 16)),
    "confusion_matrix, of outputs": lambda: plots.confusion_matrix([1, 0], [[0.5, 0.75, 0.1], [0.9, 0.25, 2.0]]),
    "confusion_matrix, of many classes": lambda: plots.confusion_matrix([0, 25], [25, 0]),
    "confusion_matrix, of most classes": lambda: plots.confusion_matrix([0, 24], [24, 0]),
    "filters": lambda: plots.filters(convolved()),
    "filters, all of them 0": lambda: plots.filters(convolved(0.0).layers[0]),
    "feature_maps": lambda: plots.feature_maps(convolved(), np.arange(30.0).reshape(5, 6) % 7 - 3),
    "feature_maps, of nothing": lambda: plots.feature_maps(convolved(0.0), np.zeros((1, 5, 6))),
    "gradient, of convolutions": lambda: plots.gradient(filled(convolved())),
    "lr_finder": lambda: plots.lr_finder(LearningRates(np.geomspace(1e-3, 1, 5), np.array([2.0, 1.9, 1.2, 1.0, 4.0]))),
    "lr_finder, flat": lambda: plots.lr_finder(LearningRates(np.geomspace(1e-3, 1, 3), np.ones(3))),
    "network, an example as an image": lambda: plots.network(layered(64, 2), np.arange(64) / 64, most=3),
    "network, an image of its own shape": lambda: plots.network(layered(6, 2), np.arange(6) / 6, image=(2, 3)),
    "network, a small image": lambda: plots.network(layered(4, 2), np.arange(4) / 4, image=True, numbers=False),
    "network, no image": lambda: plots.network(layered(64, 2), np.arange(64) / 64, most=3, image=False),
    "network, as many weights as are written": lambda: plots.network(layered(5, 8)),
    "network, one more, one column low": lambda: plots.network(layered(41, 1)),
    "network, of small weights": lambda: plots.network(smaller(layered(2, 2))),
    "filters, of small weights": lambda: plots.filters(convolved(0.01)),
    "feature_maps, of small weights": lambda: plots.feature_maps(convolved(0.01), np.eye(5)),
    "gradient, neither wide nor high, but nearly": lambda: plots.gradient(filled(layered(11, 2, 13))),
    "gradient, a small one": lambda: plots.gradient(filled(nn.Linear(2, 2, seed=0), 0.001)),
    "axes of one's own": lambda: plots.new_axes(3, 2),
}  # fmt: skip


def two(n: int) -> tuple[Any, Any]:
    x, y = spread(n)
    return x, np.minimum(y, 1)


def smaller(model: nn.MLP) -> nn.MLP:
    for p in model.parameters():
        p.data = p.data / 16
    return model


def zero(layer: nn.Linear) -> nn.Linear:
    layer.weight.data = np.zeros(layer.weight.shape)
    return layer


def filled(model: nn.Module, by: float = 0.5) -> nn.Module:
    for p in model.parameters():
        p.grad = by * (1 + np.arange(p.size).reshape(p.shape))
    return model


# --------------------------------------------------------------------------------------------------------------- tests


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_what_it_was(name: str) -> None:
    pytest.importorskip("matplotlib", reason="plots are drawn with matplotlib")
    assert described(PICTURES[name]()) == descriptions.read(PAGE)[name]


def test_the_file_has_these_pictures() -> None:
    assert list(descriptions.read(PAGE)) == list(PICTURES)


if __name__ == "__main__":
    descriptions.write(PAGE, {name: described(draw()) for name, draw in PICTURES.items()})
