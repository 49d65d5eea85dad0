"""NumPy's small numerical calculus: differences, integrals, interpolation, convolution, polynomials."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ..core import Value, as_floats, case, formula, modes, op, shaped
from ..ops.elementwise import stop_gradient
from ..ops.reduction import Axis, along, argsort, cumsum, searchsorted
from ..words import refuse
from .reductions import axes_of
from .statistics import pick, weak

# ---------------------------------------------------------------------------------------------------------- calculus


@formula(np.diff)
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = np._NoValue, append: Any = np._NoValue) -> Any:
    if n == 0:
        return a
    if n < 0:
        raise ValueError(f"diff wants an order n that is not negative; got {n}")
    a = shaped(a)
    if not a.ndim:
        raise ValueError("diff wants at least one axis along which to take differences; got a single number")
    axis = normalize_axis_index(axis, a.ndim)
    edge = (*a.shape[:axis], 1, *a.shape[axis + 1 :])
    pieces = [shaped(x) for x in (prepend, a, append) if x is not np._NoValue]
    if len(pieces) > 1:
        a = np.concatenate([x if x.ndim else np.broadcast_to(x, edge) for x in pieces], axis=axis)
    less = np.not_equal if a.dtype.kind == "b" else np.subtract
    for _ in range(n):
        a = less(a[along(axis, slice(1, None))], a[along(axis, slice(None, -1))])
    return a


@formula(np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    x = shaped(ary).reshape((-1,))
    begin: list[Any] = []
    end: list[Any] = []
    for name, edge, place in (("to_begin", to_begin, begin), ("to_end", to_end, end)):
        if edge is not None:
            edge = shaped(edge)
            if not np.can_cast(edge.dtype, x.dtype, "same_kind"):
                raise TypeError(f"{name} of dtype {edge.dtype} does not go beside {x.dtype}: cast it, x.astype(…)")
            place.append(edge.reshape((-1,)).astype(x.dtype))
    return np.concatenate([*begin, x[1:] - x[:-1], *end])


@formula(np.gradient)
def gradient(f: Any, *varargs: Any, axis: Axis = None, edge_order: int = 1) -> Any:
    f = as_floats(f)
    axes = axes_of(axis, f.ndim)
    given = [shaped(x) for x in varargs]
    if not given:
        given = [1.0] * len(axes)
    elif len(given) == 1 and not given[0].ndim:
        given = given * len(axes)
    elif len(given) != len(axes):
        raise TypeError(f"gradient wants one spacing, or one for each of the {len(axes)} axes; got {len(given)}")
    if edge_order not in (1, 2):
        raise ValueError(f"gradient knows the edge orders 1 and 2; got {edge_order}")
    results = [_slopes(f, i, _steps(f.shape[i], x), edge_order) for i, x in zip(axes, given, strict=True)]
    return results[0] if len(axes) == 1 else tuple(results)


def _steps(n: int, spacing: Any) -> Any:
    """The distances between neighbours: a number, or n − 1 of them from n coordinates."""
    if isinstance(spacing, float) or not spacing.ndim:
        return weak(spacing)
    if spacing.ndim != 1:
        raise ValueError(f"a spacing is a number or the coordinates along an axis; got shape {spacing.shape}")
    if len(spacing) != n:
        raise ValueError(f"{len(spacing)} coordinates for an axis of length {n}: give one for each")
    return diff(as_floats(spacing))


def _slopes(f: Any, axis: int, steps: Any, edge_order: int) -> Any:
    """The slope along `axis` in every element: of the parabola through it and its neighbours; see np.gradient."""
    n = f.shape[axis]
    if n < edge_order + 1:
        raise ValueError(f"gradient of edge order {edge_order} wants {edge_order + 1} elements along an axis; got {n}")

    def at(*place: int | None) -> Any:
        return f[along(axis, slice(*place))]

    def weigh(*terms: tuple[Any, Any]) -> Any:
        column = (-1,) + (1,) * (f.ndim - axis - 1)
        return sum(y * (w.reshape(column) if np.ndim(w) else w) for w, y in terms)

    uniform = not np.ndim(steps)
    h, k = (steps, steps) if uniform else (steps[:-1], steps[1:])
    first, last = (steps, steps) if uniform else (steps[0], steps[-1])
    if uniform:
        inner = (at(2, None) - at(None, -2)) / (2.0 * steps)
    else:
        inner = weigh(
            (-k / (h * (h + k)), at(None, -2)), ((k - h) / (h * k), at(1, -1)), (h / (k * (h + k)), at(2, None))
        )
    if edge_order == 1:
        left, right = (at(1, 2) - at(None, 1)) / first, (at(-1, None) - at(-2, -1)) / last
    else:
        h, k = (steps, steps) if uniform else (steps[0], steps[1])
        left = weigh((-(2.0 * h + k) / (h * (h + k)), at(0, 1)), ((h + k) / (h * k), at(1, 2)),
                     (-h / (k * (h + k)), at(2, 3)))  # fmt: skip
        h, k = (steps, steps) if uniform else (steps[-2], steps[-1])
        right = weigh((k / (h * (h + k)), at(n - 3, n - 2)), (-(h + k) / (h * k), at(n - 2, n - 1)),
                      ((2.0 * k + h) / (k * (h + k)), at(n - 1, n)))  # fmt: skip
    return as_floats(np.concatenate([left, inner, right], axis=axis), f.dtype)


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    y = shaped(y)
    axis = normalize_axis_index(axis, y.ndim)
    steps = dx
    if x is not None:
        x = shaped(x)
        steps = diff(x) if x.ndim == 1 else diff(x, axis=axis)
        if x.ndim == 1:
            steps = steps.reshape((-1,) + (1,) * (y.ndim - axis - 1))
    pairs = y[along(axis, slice(1, None))] + y[along(axis, slice(None, -1))]
    return (steps * pairs / 2.0).sum(axis=axis)


formula(*[vars(np)[name] for name in ("trapezoid", "trapz") if name in vars(np)])(trapezoid)  # trapz before NumPy 2.4


def _not_zero(period: Any) -> None:
    if period == 0:
        raise ValueError("interp wants a period that is not 0")


@formula(np.interp)
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    """`fp` between the points `xp`, on straight lines. On a point the slope is that of the line to its right."""
    x, xp, fp = (as_floats(v, np.float64) for v in (x, xp, fp))
    if xp.ndim != 1 or fp.ndim != 1:
        raise ValueError(f"interp wants points in one axis; got xp of shape {xp.shape} and fp of shape {fp.shape}")
    if len(xp) != len(fp):
        raise ValueError(f"interp wants a value for each point; got {len(xp)} points xp and {len(fp)} values fp")
    if not len(xp):
        raise ValueError("interp wants at least one point; got none")
    if period is not None:
        modes.checked(_not_zero, period)
        period, left, right = abs(period), None, None
        x, xp = x % period, xp % period
        order = argsort(xp)
        xp, fp = pick(xp, order), pick(fp, order)
        xp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = np.concatenate([fp[-1:], fp, fp[:1]])
    left, right = fp[0] if left is None else left, fp[-1] if right is None else right
    inside = fp[0]
    if len(xp) > 1:
        i = np.minimum(np.maximum(searchsorted(xp, x, side="right") - 1, 0), len(xp) - 2)
        (x0, x1), (y0, y1) = ((pick(v, i), pick(v, i + 1)) for v in (xp, fp))
        jump = x0 == x1  # two last points at one place, of which the second counts
        run = np.where(jump | (x < xp[0]) | (x > xp[-1]), 0.0, x - x0)
        inside = (y1 - y0) / np.where(jump, 1.0, x1 - x0) * run + np.where(jump, y1, y0)
    return np.where(x < xp[0], left, np.where(x > xp[-1], right, inside))


@formula(np.unwrap)
def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: Any = 2 * math.pi) -> Any:
    """`p` with jumps taken out. What is added are whole periods, constant between the jumps: the slope in p is 1."""
    if isinstance(period, Value) or isinstance(discont, Value):
        refuse("np.unwrap(period=…) and discont=… are plain numbers: nothing flows to them")
    p = as_floats(p)
    axis = normalize_axis_index(axis, p.ndim)
    high = period / 2
    jump = diff(stop_gradient(p), axis=axis)
    least = (jump + high) % period - high
    least = np.where((least == -high) & (jump > 0), high, least)
    change = np.where(np.absolute(jump) < (high if discont is None else discont), 0.0, least - jump)
    start, rest = p[along(axis, slice(None, 1))], p[along(axis, slice(1, None))]
    return np.concatenate([start, rest + cumsum(change, axis=axis)], axis=axis)


# ----------------------------------------------------------------------------------------- convolution and polynomials


@formula(np.convolve)
def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    a, v = (_one_axis("convolve", x) for x in (a, v))
    if len(v) > len(a):
        a, v = v, a
    return _slide(a, v[::-1], _mode("convolve", mode))


@formula(np.correlate)
def correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    a, v = (_one_axis("correlate", x) for x in (a, v))
    if len(v) > len(a):
        return _slide(v, a, _mode("correlate", mode))[::-1]
    return _slide(a, v, _mode("correlate", mode))


def _one_axis(name: str, x: Any) -> Any:
    x = shaped(x)
    if x.ndim > 1 or not x.size:
        raise ValueError(f"np.{name} wants two arrays with one axis and at least one element; got shape {x.shape}")
    return x.reshape((-1,))


def _mode(name: str, mode: Any) -> str:
    modes = ("valid", "same", "full")
    for i, known in enumerate(modes):
        if isinstance(mode, (str, int)) and mode in (known, known[0], i):
            return known
    raise ValueError(f"np.{name} knows the modes {', '.join(modes)}; got {mode!r}")


def _under(x: Any, kernel: Any) -> Any:
    return np.correlate(x, kernel, "valid")


slide = op("slide", lambda g, out, x, kernel: np.convolve(g, kernel), lambda g, out, x, kernel: np.correlate(x, g),
           forward=_under, parameters=False, cases=[case((4,), (2,)), case((3,), (3,)), case((1,), (1,))])  # fmt: skip


def _slide(x: Any, kernel: Any, mode: str) -> Any:
    """The products of `kernel` with what lies under it, added up, at each of its places along `x`."""
    n = len(kernel)
    edges = {"valid": (0, 0), "same": (n // 2, n - 1 - n // 2), "full": (n - 1, n - 1)}[mode]
    return slide(np.pad(x, edges) if any(edges) else x, kernel)


def _coefficients(*polynomials: Any) -> list[Any]:
    """The polynomials as arrays of one axis at least; a poly1d cannot hold a Value."""
    if any(isinstance(p, np.poly1d) for p in polynomials):
        refuse("np.poly1d holds plain numbers only; the result would be one. Give its array of coefficients, p.coeffs")
    return [p if p.ndim else p.reshape((1,)) for p in map(shaped, polynomials)]


@formula(np.polyval)
def polyval(p: Any, x: Any) -> Any:
    (p,), _ = _coefficients(p), _coefficients(x)
    x = shaped(x)
    y = np.zeros_like(x)
    for i in range(len(p)):
        y = y * x + p[i]
    return y


@formula(np.poly)
def poly(seq_of_zeros: Any) -> Any:
    """The coefficients of the polynomial with these zeros."""
    if seq_of_zeros.ndim > 1:
        refuse("np.poly of a matrix has its eigenvalues as zeros, which may be complex. np.poly(np.linalg.eigvalsh(v))")
    zeros = as_floats(seq_of_zeros, np.mintypecode(seq_of_zeros.dtype.char))  # float64 for float16, as NumPy has it
    product: Any = np.ones(1, zeros.dtype)
    for zero in zeros.reshape(-1):
        product = convolve(product, np.stack([np.ones((), zeros.dtype), -zero]))
    return product


@formula(np.polyadd)
def polyadd(a1: Any, a2: Any) -> Any:
    return operator.add(*_of_one_length(a1, a2))


@formula(np.polysub)
def polysub(a1: Any, a2: Any) -> Any:
    return operator.sub(*_of_one_length(a1, a2))


def _of_one_length(*polynomials: Any) -> list[Any]:
    """The coefficients, with zeros before those of the shorter polynomial."""
    arrays = _coefficients(*polynomials)
    n = max(map(len, arrays))
    return [x if len(x) == n else np.concatenate([np.zeros(n - len(x), x.dtype), x]) for x in arrays]


@formula(np.polymul)
def polymul(a1: Any, a2: Any) -> Any:
    a1, a2 = _coefficients(a1, a2)
    # NumPy leaves leading zeros out of the factors. Their products are left out of the result here: for the rest of it,
    # such a zero counts.
    leading = [modes.asked(_leading_zeros, x) for x in (a1, a2)]
    return convolve(a1, a2)[sum(leading) :]


def _leading_zeros(x: Any) -> int:
    return min(int(np.argmax(np.append(x, 1.0) != 0)), len(x) - 1)


@formula(np.polyder)
def polyder(p: Any, m: int = 1) -> Any:
    m = _times("polyder", m)
    (p,) = _coefficients(p)
    for _ in range(m):
        p = p[:-1] * np.arange(len(p) - 1, 0, -1)
    return p


@formula(np.polyint)
def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    m = _times("polyint", m)
    (p,) = _coefficients(p)
    (k,) = _coefficients(np.zeros(m) if k is None else k)
    if len(k) == 1 < m:
        k = np.broadcast_to(k, (m,))
    if len(k) < m:
        raise ValueError(f"polyint wants one constant of integration, or one for each of {m} times; got {len(k)}")
    for i in range(m):
        p = np.concatenate([p / np.arange(len(p), 0, -1), k[i : i + 1]])
    return p


def _times(name: str, m: Any) -> int:
    if int(m) < 0:
        raise ValueError(f"np.{name} wants a number of times m that is not negative; got {m}")
    return int(m)


@formula(np.vander)
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    if x.ndim != 1:
        raise ValueError(f"vander wants one axis; got shape {x.shape}")
    x = as_floats(x, np.promote_types(x.dtype, int))
    powers = [x**0]
    for _ in range((len(x) if N is None else N) - 1):
        powers.append(powers[-1] * x)
    columns = powers if increasing else powers[::-1]
    return np.stack(columns, axis=1) if N != 0 and len(x) else np.zeros((len(x), N or 0), x.dtype)


@formula(np.i0)
def i0(x: Any) -> Any:
    """The modified Bessel function: the mean of exp(x cos t) over a circle, of which 256 points are as good as all."""
    x = as_floats(x)
    t = ((np.arange(128) + 0.5) * (math.pi / 128)).astype(x.dtype)
    return np.exp(x.reshape((*x.shape, 1)) * np.cos(t)).sum(axis=-1) / 128
