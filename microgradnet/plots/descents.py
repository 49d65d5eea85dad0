"""Functions of one and of two variables, and the paths that descent takes on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..checks import function, is_number, refusal
from ..core import Array, numbers
from .canvas import NEGATIVE, POSITIVE, new_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PATHS = (NEGATIVE, POSITIVE, "#111111", "#9f4d96")  # the colours of the first, second, … path


def curve(f: Callable[[Any], Any], span: tuple[float, float], *paths: Any, axes: Axes | None = None) -> Axes:
    """The curve of a function of one variable over `span`, with paths of descent on it; returns the axes.

    f works elementwise on arrays. A path is the places x that descent came through, in order: its start is a ring, each
    step an arrow, its end a disc. What of a path lies outside of the span is not seen.

    >>> from microgradnet import plots
    >>> axes = plots.curve(lambda x: x**2, (-2, 2), [1.8, 0.9, 0.45])
    """
    x = np.linspace(*ends("curve", "span", span), 400)
    y = heights(function("f", f, call="curve"), x)
    axes = axes or new_axes(6.4, 4.2)
    axes.plot(x, y, color="#888888", linewidth=2, zorder=1)
    room = 0.08 * (np.nanmax(y) - np.nanmin(y) or 1.0)
    axes.set(xlim=span, ylim=(np.nanmin(y) - room, np.nanmax(y) + room), xlabel="x", ylabel="f(x)")
    for i, path in enumerate(paths):
        places = as_path(path, "(n,)")
        draw_path(axes, places, heights(f, places), PATHS[i % len(PATHS)])
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
    x, y = grid("contours", x_span, y_span, 200)
    z = heights(function("f", f, call="contours"), x, y)
    axes = axes or new_axes(6.4, 5.2)
    axes.contourf(x, y, z, levels, cmap="Blues_r")
    axes.contour(x, y, z, levels, colors="#666666", linewidths=0.4)
    axes.set(xlim=x_span, ylim=y_span, xlabel="x", ylabel="y")
    for i, path in enumerate(paths):
        px, py = as_path(path, "(n, 2)").T
        draw_path(axes, px, py, PATHS[i % len(PATHS)])
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
    x, y = grid("surface", x_span, y_span, 80)
    z = heights(function("f", f, call="surface"), x, y)
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


def ends(call: str, name: str, span: Any) -> tuple[float, float]:
    """The two ends of a span."""
    pair = span if isinstance(span, (tuple, list, np.ndarray)) and np.shape(span) == (2,) else (None, None)
    if not all(map(is_number, pair)) or pair[0] == pair[1]:
        wanted = "the two ends of what is drawn, one pair of numbers"
        raise ValueError(refusal(name, span, wanted, call=call, more=", such as (-4, 4)"))
    return pair[0], pair[1]


def grid(call: str, x_span: Any, y_span: Any, n: int) -> Any:
    """The places of n × n points over two spans."""
    spans = ends(call, "x_span", x_span), ends(call, "y_span", y_span)
    return np.meshgrid(*(np.linspace(*span, n) for span in spans))


def heights(f: Callable[..., Any], *at: Array) -> Array:
    """f of arrays, elementwise, as plain numbers, NaN where it is infinite: that is not drawn."""
    with np.errstate(all="ignore"):  # of a path that diverged
        try:
            z = np.asarray(numbers(f(*at)))
        except (TypeError, ValueError) as error:
            if not takes_numbers(f, *(x.flat[0] for x in at)):
                raise
            raise TypeError(
                f"f takes one number at a time, and here it gets an array of shape {at[0].shape}. Write it with what "
                f"takes arrays too: np.sin for math.sin, np.where for an if; or give np.vectorize(f). Seen: {error}"
            ) from error
    if z.shape != at[0].shape:
        raise ValueError(
            f"f gave shape {z.shape} for arguments of shape {at[0].shape}: it must work elementwise on arrays"
        )
    if not np.isfinite(z).any():
        spans = " and ".join(f"{x.min():.4g} to {x.max():.4g}" for x in at)
        raise ValueError(f"f is Inf or NaN everywhere from {spans}: there is nothing to draw")
    return np.where(np.isfinite(z), z, np.nan)


def takes_numbers(f: Callable[..., Any], *at: float) -> bool:
    """Whether f has a value at one place."""
    try:
        f(*map(float, at))
    except Exception:
        return False
    return True


def as_path(path: Any, shape: str) -> Array:
    """The places of a path as an array, (n,) or (n, 2)."""
    places = np.asarray(path, dtype=np.float64)
    if not places.size or places.shape[1:] != {"(n,)": (), "(n, 2)": (2,)}[shape]:
        raise ValueError(f"a path is a list of places, shape {shape}; got shape {places.shape}")
    return places


def draw_path(axes: Axes, x: Array, y: Array, colour: str) -> None:
    """Arrows from place to place, a ring at the start and a disc at the end."""
    arrows: Any = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.005, "headwidth": 5, "headlength": 6}
    axes.quiver(x[:-1], y[:-1], np.diff(x), np.diff(y), color=colour, zorder=3, **arrows)
    axes.plot(x, y, "o", color=colour, markersize=3.5, zorder=4)
    axes.plot(x[:1], y[:1], "o", mfc="white", mec=colour, mew=1.5, markersize=8, zorder=5)
    axes.plot(x[-1:], y[-1:], "o", color=colour, markersize=8, zorder=5)
