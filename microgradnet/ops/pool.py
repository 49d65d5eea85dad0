"""Pooling in one and two dimensions: the largest elements and the means under a window, rows with their adjoints.

Shapes are PyTorch's: images x (batch, channels, height, width). Nothing is padded: for each place in the kernel,
`places` says which results have an element there, and which one. Memory stays in the order it comes in. One dimension
is two, of which the second has size 1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..checks import whole_for_each
from ..core import Op, Operand, as_floats, case, narrowed, of_one, op, wide, widened
from .windows import Pair, checked_count, four_axes, image, places, reshaped


def _max_pool2d(x: Any, **how: Any) -> Any:
    """The largest element under each kernel; `max_pool2d` says how."""
    lowest = -math.inf if x.dtype.kind == "f" else x.dtype.kind != "b" and np.iinfo(x.dtype).min
    out = np.full_like(x, lowest, shape=(*x.shape[:2], *how["size"]))
    for here, there in places(x.shape, **how):
        np.maximum(out[here], x[there], out=out[here])
    return out


def _largest(x: Any, how: dict[str, Any]) -> tuple[list[Any], Any]:
    """For each of `places`, with it, whether the element is the largest under its kernel; and how many such are."""
    top, found = _max_pool2d(x, **how), []
    nan = np.isnan(top).any()
    count = np.zeros_like(top, np.result_type(top, np.float32))
    for here, there in places(x.shape, **how):
        hit = (x[there] == top[here]) | np.isnan(x[there]) if nan else x[there] == top[here]
        count[here] += hit
        found.append((here, there, hit))
    return found, np.maximum(count, 1, out=count)  # 0 where a dilated kernel met nothing but padding


def _only(x: Any, hit: Any) -> Any:
    """`x` where `hit`, else 0, even if x is infinite. Multiplied where it can be: almost three times as fast."""
    return x * hit if np.isfinite(x).all() else np.where(hit, x, 0.0)


def _max_unpool2d(y: Any, x: Any, **how: Any) -> Any:
    """`y` number at the largest element of `x` under its kernel, in equal parts to each of several."""
    found, count = _largest(x, how)
    share = narrowed(y / count, wide(y.dtype))
    out = np.zeros_like(x, share.dtype)
    for here, there, hit in found:
        out[there] += _only(share[here], hit)
    return narrowed(out, y.dtype)


def _max_gather2d(h: Any, x: Any, **how: Any) -> Any:
    """The mean of `h`, of the shape of `x`, over the largest elements of `x` under each kernel."""
    found, count = _largest(x, how)
    out = np.zeros_like(count, wide(h.dtype))
    for here, there, hit in found:
        out[here] += _only(h[there], hit)
    return narrowed(out / count, h.dtype)


def _sum_pool2d(x: Any, **how: Any) -> Any:
    """The sum of the elements under each kernel, of which `avg_pool2d` makes the mean."""
    out = np.zeros_like(x, shape=(*x.shape[:2], *how["size"]))
    for here, there in places(x.shape, **how):
        out[here] += x[there]
    return out


def _sum_unpool2d(y: Any, *, shape: Pair, **how: Any) -> Any:
    """Each number of `y` added to all the elements of an image, of `shape` (height, width), under its kernel."""
    out = np.zeros_like(y, shape=(*y.shape[:2], *shape))
    for here, there in places(shape, size=y.shape[2:], **how):
        out[there] += y[here]
    return out


# Shapes of image and result that belong together.
PAIRS: list[Any] = [
    ((2, 1, 4, 4), (2, 1, 2, 2), {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0), "dilation": (1, 1)}),
    ((1, 2, 3, 4), (1, 2, 3, 2), {"kernel": (3, 2), "stride": (1, 2), "padding": (1, 0), "dilation": (1, 2)}),
    ((0, 2, 2, 2), (0, 2, 1, 1), {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0), "dilation": (1, 1)}),
]

max_pool2d_row: Op = op("max_pool2d", lambda g, out, x, **how: max_unpool2d(g, x, **how),
    forward=_max_pool2d, cases=[case(x, size=y[2:], **how) for x, y, how in PAIRS],
)  # fmt: skip
# Which elements are the largest does not change with x, but at a tie: nothing flows to x in these two.
max_unpool2d: Op = op("max_unpool2d", lambda g, out, y, x, **how: max_gather2d(g, x, **how), None,
    forward=_max_unpool2d, kind=Op, cases=[case(y, x, size=y[2:], **how) for x, y, how in PAIRS],
)  # fmt: skip
max_gather2d: Op = op("max_gather2d", lambda g, out, h, x, **how: max_unpool2d(g, x, **how), None,
    forward=_max_gather2d, kind=Op, cases=[case(x, x, size=y[2:], **how) for x, y, how in PAIRS],
)  # fmt: skip
sum_pool2d: Op = op("sum_pool2d", lambda g, out, x, *, size, **how: sum_unpool2d(g, shape=x.shape[2:], **how),
    forward=_sum_pool2d, cases=[case(x, size=y[2:], **how) for x, y, how in PAIRS],
)  # fmt: skip
sum_unpool2d: Op = op("sum_unpool2d", lambda g, out, y, *, shape, **how: sum_pool2d(g, size=y.shape[2:], **how),
    forward=_sum_unpool2d, cases=[case(y, shape=x[2:], **how) for x, y, how in PAIRS],
)  # fmt: skip


@of_one
def max_pool1d(
    x: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Any:
    """The largest element of `x` (batch, channels, length), or (channels, length), under each place of a kernel.
    The arguments and the conventions are `max_pool2d`'s, for one axis.

    >>> max_pool1d(np.array([[1.0, 3.0, 2.0, 5.0]]), 2)
    array([[3., 5.]])
    """
    x, how, shape = _pooling("max_pool1d", 1, x, kernel_size, stride, padding, dilation, ceil_mode)
    return reshaped(max_pool2d_row(x, **how), shape)


@of_one
def max_pool2d(
    x: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Any:
    """The largest element of `x` (batch, channels, height, width), or (channels, height, width), under each place of
    a kernel.

    All but `ceil_mode` are numbers or pairs; `stride` is `kernel_size` unless it is given. What `padding` adds is never
    the largest. `ceil_mode` takes a last place that does not quite fit. Several largest elements share the gradient
    equally, as in `np.max` (PyTorch gives all to the first): it does not depend on the order of what is equal. A NaN
    counts as the largest. Raises ValueError for sizes that do not fit.

    >>> max_pool2d(np.arange(16.0).reshape(1, 4, 4), 2)
    array([[[ 5.,  7.],
            [13., 15.]]])
    """
    x, how, shape = _pooling("max_pool2d", 2, x, kernel_size, stride, padding, dilation, ceil_mode)
    return reshaped(max_pool2d_row(x, **how), shape)


@of_one
def avg_pool1d(
    x: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True
) -> Any:  # fmt: skip
    """The mean of the elements of `x` (batch, channels, length), or (channels, length), under each place of a kernel.
    The arguments are `avg_pool2d`'s, for one axis.

    >>> avg_pool1d(np.array([[1.0, 3.0, 2.0, 5.0]]), 2)
    array([[2. , 3.5]])
    """
    x, how, shape = _pooling("avg_pool1d", 1, x, kernel_size, stride, padding, 1, ceil_mode)
    return reshaped(_mean(x, how, (how["padding"][0] if count_include_pad else 0, 0)), shape)


@of_one
def avg_pool2d(
    x: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True
) -> Any:  # fmt: skip
    """The mean of the elements of `x` (batch, channels, height, width), or (channels, height, width), under each place
    of a kernel.

    `kernel_size`, `stride` (`kernel_size` unless it is given) and `padding` are numbers or pairs. `ceil_mode` takes a
    last place that does not quite fit. The zeros that `padding` adds count as elements unless `count_include_pad` is
    False; what lies beyond them never does. Raises ValueError for sizes that do not fit.

    >>> avg_pool2d(np.arange(16.0).reshape(1, 4, 4), 2)
    array([[[ 2.5,  4.5],
            [10.5, 12.5]]])
    """
    x, how, shape = _pooling("avg_pool2d", 2, x, kernel_size, stride, padding, 1, ceil_mode)
    return reshaped(_mean(x, how, how["padding"] if count_include_pad else (0, 0)), shape)


def _mean(x: Any, how: dict[str, Any], edges: Pair) -> Any:
    """The mean under each kernel of those elements that lie in `x` or in `edges` of zeros around it."""
    x = as_floats(x)
    dtype, x = x.dtype, widened(x)
    counts = []
    for n, size, k, s, p, edge in zip(
        x.shape[2:], *(how[w] for w in ("size", "kernel", "stride", "padding")), edges, strict=True
    ):
        start = np.arange(size) * s - p
        counts.append(np.minimum(start + k, n + edge) - np.maximum(start, -edge))
    count = np.multiply.outer(*counts)
    same = int(count.flat[0])
    mean = sum_pool2d(x, **how) / (same if (count == same).all() else count.astype(x.dtype))
    return narrowed(mean, dtype)


def _pooling(name: str, axes: int, x: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool) -> Any:
    """The image with four axes, the parameters of the rows, and the shape of the result."""
    x, kernel = image(name, x, axes), whole_for_each("kernel_size", kernel, axes, call=name)
    stride = kernel if stride is None else whole_for_each("stride", stride, axes, call=name)
    padding = whole_for_each("padding", padding, axes, 0, call=name)
    dilation = whole_for_each("dilation", dilation, axes, call=name)
    size = []
    for n, k, s, p, d in zip(x.shape[-axes:], kernel, stride, padding, dilation, strict=True):
        if p > (d * (k - 1) + 1) // 2:
            raise ValueError(
                f"{name}: padding={p} is more than half of what a kernel of size {k}, dilation {d}, reaches over: "
                f"it could meet nothing but padding. Give at most {(d * (k - 1) + 1) // 2}"
            )
        count = checked_count(name, n, 2 * p, k, s, d, s - 1 if ceil else 0)
        size.append(count - 1 if ceil and (count - 1) * s >= n + p else count)  # no kernel begins beyond the elements
    how = {"size": (*size, 1)[:2], "kernel": (*kernel, 1)[:2], "stride": (*stride, 1)[:2],
           "padding": (*padding, 0)[:2], "dilation": (*dilation, 1)[:2]}  # fmt: skip
    return four_axes(x, axes), how, (*x.shape[:-axes], *size)
