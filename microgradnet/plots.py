"""Pictures of networks, trainings and descents with matplotlib (extra `plots`).

What has one panel draws into the axes it is given, or into new ones, and returns them; what has several returns a
figure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .checks import positive, whole
from .core import Array, Value, no_grad, numbers, recording
from .core import history as history_of
from .nn import Linear, Module
from .nn.report import named_gradients
from .words import brief

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POSITIVE, NEGATIVE = "#2b6cb0", "#c05621"  # blue and orange: told apart by nearly all eyes


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of this size in inches. `figure.savefig(path)` saves it; a notebook shows it."""
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise ModuleNotFoundError("plots need matplotlib: pip install matplotlib", name="matplotlib") from None
    return Figure(figsize=(width, height), layout="constrained")


def new_axes(width: float, height: float) -> Axes:
    """Axes in a figure of this size in inches. `axes.figure.savefig(path)` saves it; a notebook shows it."""
    axes: Axes = new_figure(width, height).subplots()
    return axes


def history(history: dict[str, Any], *, axes: Axes | None = None) -> Axes:
    """The columns of a history of `fit` by epoch: costs solid, metrics broken, on a scale of their own at the right.

    What was measured while training is blue, on examples held out orange. Returns the axes of the costs.

    >>> from microgradnet import plots
    >>> axes = plots.history({"epoch": [1, 2], "cost": [0.9, 0.5], "accuracy": [0.3, 0.7], "seconds": [0.1, 0.1]})
    >>> axes.figure.savefig("history.png")  # doctest: +SKIP
    """
    axes = axes or new_axes(6.5, 4.0)
    measured = [name.removeprefix("val_") for name in history if name not in ("epoch", "seconds", "stopped")]
    metrics = [name for name in dict.fromkeys(measured) if name != "cost"]
    right = axes.twinx() if metrics else axes
    styles = {"cost": "-", **{name: ("--", ":", "-.")[i % 3] for i, name in enumerate(metrics)}}
    lines = [
        (axes if what == "cost" else right).plot(history["epoch"], history[name], style, color=color, label=name)[0]
        for what, style in styles.items()
        for name, color in ((what, POSITIVE), (f"val_{what}", NEGATIVE))
        if name in history
    ]
    axes.set(xlabel="epoch", ylabel="cost")
    axes.locator_params(axis="x", integer=True)
    axes.legend(handles=lines, loc="center right")
    if metrics:
        right.set_ylabel(", ".join(metrics))
    return axes


def network(
    model: Module, example: Any = None, *, most: int = 16, labels: Any = None, axes: Axes | None = None
) -> Axes:
    """The network as columns of neurons, as introductions draw it; returns the axes it is drawn in.

    Every Linear layer of the model is drawn between two columns, a line for each weight: blue if it is positive, orange
    if it is negative, the stronger the larger it is beside the largest of its layer. Of a column with more than `most`
    neurons the first and the last are drawn, with ⋮ between. `example`, one input, fills each neuron with its
    activation: white for the smallest of its column (or 0), black for the largest (or 1). `labels` are written beside
    the outputs.

    Raises ValueError for a model without Linear layers that follow each other, or an example that does not fit.

    >>> from microgradnet import nn, plots
    >>> axes = plots.network(nn.MLP(784, [16, 16, 10], seed=0))
    >>> axes.figure.savefig("network.png")  # doctest: +SKIP
    """
    if not isinstance(model, Module):
        raise TypeError(f"network draws a Module; got {brief(model)}. mg.draw shows Values")
    layers = linear_layers(model)
    if not layers:
        raise ValueError(f"{type(model).__name__} has no Linear layer: there are no columns of neurons to draw")
    sizes = [layers[0].weight.shape[1], *(layer.weight.shape[0] for layer in layers)]
    for n, layer in zip(sizes[1:], layers[1:], strict=False):
        if layer.weight.shape[1] != n:
            raise ValueError(f"{layer!r} comes after a layer of {n} neurons: only layers one after the other are drawn")
    whole("most", most, 2)
    if labels is not None and len(labels) < sizes[-1]:
        raise ValueError(f"labels are {sizes[-1]}, one for each output; got {len(labels)}")
    fills = activations(model, example) if example is not None else None
    axes = axes or new_axes(2.2 + 2.2 * len(sizes), 6.5)

    columns = [drawn_neurons(n, most) for n in sizes]
    for i, layer in enumerate(layers):
        draw_weights(axes, i, layer.weight.data, columns[i], columns[i + 1])
    for i, (shown, n) in enumerate(zip(columns, sizes, strict=True)):
        for neuron, y in shown.items():
            shade = 0.0 if fills is None else float(fills[i][neuron])
            axes.plot(i, y, "o", markersize=12, mfc=f"{1 - shade:.3f}", mec="#444444", mew=1.0, zorder=3)
        if len(shown) < n:
            axes.text(i, 0.0, "⋮", ha="center", va="center", fontsize=14)
        axes.text(i, -0.62, f"{n:,}", ha="center", va="top", fontsize=10)
    for neuron, y in columns[-1].items() if labels is not None else ():
        axes.text(len(sizes) - 1 + 0.13, y, str(labels[neuron]), va="center", fontsize=10)
    told = "blue: positive weight, orange: negative, the stronger the larger"
    told += "; the darker a neuron, the more active" if fills is not None else ""
    axes.text(0, -0.72, told, ha="left", va="top", fontsize=9, color="#444444")
    axes.set(xlim=(-0.3, len(sizes) - 0.6), ylim=(-0.8, 0.6))
    axes.set_axis_off()
    return axes


def linear_layers(model: Module) -> list[Linear]:
    """The Linear layers in a model, in the order of its attributes."""
    return [module for module in model.modules() if isinstance(module, Linear)]


def drawn_neurons(n: int, most: int) -> dict[int, float]:
    """The neurons of a column that are drawn, each with its height: all, or the first and the last."""
    if n <= most:
        return {i: (n - 1) / 2 / most - i / most for i in range(n)}
    half = most // 2
    heights = np.linspace(0.5, -0.5, 2 * half + 1)  # the place in the middle is left for ⋮
    top = {i: float(heights[i]) for i in range(half)}
    return top | {n - half + i: float(heights[half + 1 + i]) for i in range(half)}


def draw_weights(axes: Axes, i: int, weight: Array, left: dict[int, float], right: dict[int, float]) -> None:
    """The lines between column i and the next; the weakest first, so that the strongest are on top."""
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_rgb

    largest = float(np.max(np.abs(weight[list(right)][:, list(left)]), initial=0.0)) or 1.0
    lines = [(float(weight[m, n]) / largest, left[n], right[m]) for n in left for m in right]
    lines.sort(key=lambda line: abs(line[0]))
    axes.add_collection(
        LineCollection(
            [[(i, y), (i + 1, z)] for _, y, z in lines],
            colors=[(*to_rgb(POSITIVE if w > 0 else NEGATIVE), 0.08 + 0.92 * abs(w)) for w, _, _ in lines],
            linewidths=[0.3 + 1.7 * abs(w) for w, _, _ in lines],
        )
    )


def activations(model: Module, example: Any) -> list[Array]:
    """What each column of neurons holds for one input, from 0 to 1; of a copy, so that the model stays as it is."""
    import copy

    model = copy.deepcopy(model).unfreeze().eval()  # what is frozen has no history
    layers = linear_layers(model)
    given = np.asarray(numbers(example), dtype=layers[0].weight.dtype)
    if given.size != layers[0].weight.shape[1]:
        wanted = layers[0].weight.shape[1]
        raise ValueError(f"an example is one input of {wanted} numbers; got shape {given.shape}")
    with recording():
        out = model(given.reshape(1, -1))
    if not isinstance(out, Value):
        raise ValueError(f"{type(model).__name__} returned {brief(out)}; its activations are read from what it records")
    into = {}
    for node in history_of(out):
        weight = node.args[1] if len(node.args) > 1 else None
        if node.op and node.op.name == "matmul" and isinstance(weight, Value) and weight.op:
            weight = weight.args[0]  # a layer without a bias: x @ weight.T
        if isinstance(weight, Value):
            into[weight] = numbers(node.args[0])
    missing = [layer for layer in layers if layer.weight not in into]
    if missing:
        raise ValueError(f"{missing[0]!r} did not take part: its activations cannot be drawn")
    columns = [np.ravel(into[layer.weight]) for layer in layers] + [np.ravel(out.data)]
    return [scaled(column) for column in columns]


def scaled(column: Array) -> Array:
    """From 0 to 1: as it is if it is that already, else by its smallest and largest. ValueError for NaN and Inf."""
    if not np.isfinite(column).all():
        raise ValueError("an activation is NaN or Inf, which no fill can show; mg.draw(model, x) says where it began")
    low, high = min(0.0, float(column.min())), max(1.0, float(column.max()))
    return np.asarray((column - low) / (high - low))


# ----------------------------------------------------------------------------------------------------------- gradients


def gradient(
    model: Module, gradient: Any = None, *, tile: tuple[int, int] | None = None, limit: float | None = None
) -> Figure:
    """Each layer's gradient as an image, the sign by colour and the magnitude by strength; returns the figure.

    Blue is positive (a larger parameter makes the cost larger), orange negative, white 0. Full colour is `limit`, one
    number for all, so that layers and pictures can be compared; without it, the largest magnitude in each layer, as its
    colour bar says. A weight has a row for each neuron, a bias one square for each. With `tile=(28, 28)` each row of
    784 numbers is drawn as an image of that shape.

    `gradient` is what `grad` returned for the model; without one, the `.grad` that `backward()` left. Raises ValueError
    if there is no gradient.

    >>> from microgradnet import nn, plots
    >>> model = nn.MLP(784, [16, 16, 10], seed=0)
    >>> (model(np.ones((1, 784))) ** 2).sum().backward()
    >>> plots.gradient(model, tile=(28, 28)).savefig("gradient.png")  # doctest: +SKIP
    """
    if limit is not None:
        positive("limit", limit, more=", the magnitude of full colour")
    layers: dict[str, list[tuple[str, Array]]] = {}
    for name, g in named_gradients(model, gradient):
        layers.setdefault(name.rpartition(".")[0], []).append((name.rpartition(".")[2], g))
    across = min(3, len(layers))
    down = -(-len(layers) // across)
    figure = new_figure(4.6 * across, 4.9 * down)
    parts = figure.subfigures(down, across, squeeze=False).flat
    for part, (name, images) in zip(parts, layers.items(), strict=False):
        draw_gradient(part, name, images, tile, limit)
    return figure


def draw_gradient(part: Any, name: str, named: list[tuple[str, Array]], tile: Any, limit: float | None) -> None:
    """The gradients of one layer's parameters side by side, with one colour bar."""
    from matplotlib.colors import LinearSegmentedColormap, Normalize
    from matplotlib.ticker import MaxNLocator

    colours = LinearSegmentedColormap.from_list("sign", [NEGATIVE, "white", POSITIVE]).with_extremes(bad="#dddddd")
    largest = max((float(np.nanmax(np.abs(g), initial=0.0)) for _, g in named), default=0.0)
    most = limit or largest or 1.0
    images = [as_image(g, tile) for _, g in named]
    ratios = [max(0.06, min(3.0, image.shape[1] / image.shape[0])) for image in images]  # the same height
    part.suptitle(f"{name}: up to ±{largest:.3g}" if name else f"up to ±{largest:.3g}")
    for axes, (own, g), image in zip(
        part.subplots(1, len(images), squeeze=False, width_ratios=ratios)[0], named, images, strict=True
    ):
        shown = axes.imshow(image, cmap=colours, norm=Normalize(-most, most), interpolation="nearest")
        axes.set_title(f"{own}\n{' × '.join(map(str, g.shape))}", fontsize=9)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        if tiled(g, tile):
            axes.set(xticks=[], yticks=[], xlabel="an image for each neuron")
        elif g.ndim < 2:
            axes.set(xticks=[])
        else:
            axes.set(xlabel="input", ylabel="neuron")
    part.colorbar(shown, ax=part.axes, location="bottom", shrink=0.8, aspect=30, ticks=[-most, 0, most], format="%.2g")


def tiled(g: Array, tile: tuple[int, int] | None) -> bool:
    """Whether the gradient of each neuron's weights is drawn as an image of its own."""
    return tile is not None and g.ndim > 1 and g[0].size == tile[0] * tile[1]


def as_image(g: Array, tile: tuple[int, int] | None) -> Array:
    """A parameter's gradient as a matrix, a row for each neuron; or each row as an image, with grey lines between."""
    rows = g.reshape(len(g), -1) if g.ndim else g.reshape(1, 1)
    if tile is None or not tiled(g, tile):
        return rows
    height, width = tile
    across = int(np.ceil(np.sqrt(len(rows))))
    down = -(-len(rows) // across)
    sheet = np.full((down * (height + 1) - 1, across * (width + 1) - 1), np.nan, g.dtype)
    for i, row in enumerate(rows):
        y, x = divmod(i, across)
        sheet[y * (height + 1) :, x * (width + 1) :][:height, :width] = row.reshape(tile)
    return sheet


# ------------------------------------------------------------------------------------------------------------- descent

PATHS = (NEGATIVE, POSITIVE, "#111111", "#9f4d96")  # the colours of the first, second, … path


def curve(f: Callable[[Any], Any], span: tuple[float, float], *paths: Any, axes: Axes | None = None) -> Axes:
    """The curve of a function of one variable over `span`, with paths of descent on it; returns the axes.

    f works elementwise on arrays. A path is the places x that descent came through, in order: its start is a ring, each
    step an arrow, its end a disc. What of a path lies outside of the span is not seen.

    >>> from microgradnet import plots
    >>> axes = plots.curve(lambda x: x**2, (-2, 2), [1.8, 0.9, 0.45])
    """
    x = np.linspace(*span, 400)
    y = heights(f, x)
    axes = axes or new_axes(6.4, 4.2)
    axes.plot(x, y, color="#888888", linewidth=2, zorder=1)
    room = 0.08 * (float(np.nanmax(y) - np.nanmin(y)) or 1.0)
    axes.set(xlim=span, ylim=(np.nanmin(y) - room, np.nanmax(y) + room), xlabel="x", ylabel="f(x)")
    for i, path in enumerate(paths):
        places = as_path(path, "(n,)")
        draw_path(axes, np.stack([places, heights(f, places)]), PATHS[i % len(PATHS)])
    return axes


def contours(
    f: Callable[[Any, Any], Any],
    x_span: tuple[float, float],
    y_span: tuple[float, float],
    *paths: Any,
    levels: int = 20,
    axes: Axes | None = None,
) -> Axes:
    """A function of two variables as seen from above, the lower the darker, with paths of descent; returns the axes.

    f works elementwise on arrays, f(x, y). A path (n, 2) is the places (x, y) that descent came through: its start is a
    ring, each step an arrow, its end a disc. Descent crosses contours at right angles where both axes have one scale
    (`axes.set_aspect("equal")`).

    >>> from microgradnet import plots
    >>> axes = plots.contours(lambda x, y: x**2 + 3 * y**2, (-2, 2), (-1, 1), [(1.8, 0.8), (1.4, 0.3), (1.1, 0.1)])
    """
    x, y = np.meshgrid(np.linspace(*x_span, 200), np.linspace(*y_span, 200))
    z = heights(f, x, y)
    axes = axes or new_axes(6.4, 5.2)
    axes.contourf(x, y, z, levels, cmap="Blues_r")
    axes.contour(x, y, z, levels, colors="#666666", linewidths=0.4)
    axes.set(xlim=x_span, ylim=y_span, xlabel="x", ylabel="y")
    for i, path in enumerate(paths):
        draw_path(axes, as_path(path, "(n, 2)").T, PATHS[i % len(PATHS)])
    return axes


def surface(
    f: Callable[[Any, Any], Any],
    x_span: tuple[float, float],
    y_span: tuple[float, float],
    *paths: Any,
    axes: Axes | None = None,
) -> Axes:
    """A function of two variables as a surface, with paths of descent over it; returns the three-dimensional axes.

    f and the paths are those of `contours`. Axes to draw into come from `figure.add_subplot(projection="3d")`.

    >>> from microgradnet import plots
    >>> axes = plots.surface(lambda x, y: x**2 + 3 * y**2, (-2, 2), (-1, 1), [(1.8, 0.8), (1.4, 0.3), (1.1, 0.1)])
    """
    x, y = np.meshgrid(np.linspace(*x_span, 80), np.linspace(*y_span, 80))
    z = heights(f, x, y)
    if axes is not None and axes.name != "3d":
        raise ValueError('surface draws into three-dimensional axes: figure.add_subplot(projection="3d") makes them')
    where: Any = axes or new_figure(6.4, 5.6).add_subplot(projection="3d")
    where.computed_zorder = False  # paths are drawn over the surface, not lost behind it
    where.plot_surface(x, y, z, cmap="Blues_r", alpha=0.85, rstride=2, cstride=2, edgecolor="#ffffff", linewidth=0.2)
    lift = 0.01 * (float(np.nanmax(z) - np.nanmin(z)) or 1.0)
    for i, path in enumerate(paths):
        px, py = as_path(path, "(n, 2)").T
        pz, colour = heights(f, px, py) + lift, PATHS[i % len(PATHS)]
        where.plot(px, py, pz, color=colour, marker="o", markersize=3.5, linewidth=1.5, zorder=5)
        where.plot(px[:1], py[:1], pz[:1], "o", mfc="white", mec=colour, markersize=8, zorder=6)
        where.plot(px[-1:], py[-1:], pz[-1:], "o", color=colour, markersize=8, zorder=6)
    where.set(xlim=x_span, ylim=y_span, xlabel="x", ylabel="y", zlabel="f(x, y)")
    return where  # type: ignore[no-any-return]


def heights(f: Callable[..., Any], *at: Array) -> Array:
    """f of arrays, elementwise, as plain numbers, NaN where it is infinite: that is not drawn."""
    with np.errstate(all="ignore"):  # of a path that diverged
        z = np.asarray(numbers(f(*at)))
    if z.shape != at[0].shape:
        raise ValueError(
            f"f gave shape {z.shape} for arguments of shape {at[0].shape}: it must work elementwise on arrays"
        )
    return np.where(np.isfinite(z), z, np.nan)


def as_path(path: Any, shape: str) -> Array:
    """The places of a path as an array, (n,) or (n, 2)."""
    places = np.asarray(path, dtype=np.float64)
    if not places.size or places.shape[1:] != {"(n,)": (), "(n, 2)": (2,)}[shape]:
        raise ValueError(f"a path is a list of places, shape {shape}; got shape {places.shape}")
    return places


def draw_path(axes: Axes, places: Array, colour: str) -> None:
    """Arrows from place to place (2, n), a ring at the start and a disc at the end."""
    (x, y), (dx, dy) = places, np.diff(places)
    arrows: Any = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.005, "headwidth": 5, "headlength": 6}
    axes.quiver(x[:-1], y[:-1], dx, dy, color=colour, zorder=3, **arrows)
    axes.plot(x, y, "o", color=colour, markersize=3.5, zorder=4)
    axes.plot(x[:1], y[:1], "o", mfc="white", mec=colour, mew=1.5, markersize=8, zorder=5)
    axes.plot(x[-1:], y[-1:], "o", color=colour, markersize=8, zorder=5)


# ---------------------------------------------------------------------------------------------------------- decisions

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
