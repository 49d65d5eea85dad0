"""Formulas that are rows because of speed: softmax, the weights of attention, and what normalising layers share.

As formulas they are five to eight rows each, and each row makes a large array for its result and another for its
gradient: most of the time of a small Transformer, beside its matrix products.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import Op, Variadic, case, narrowed, op, wide, widened
from .reduction import Axis, maximum_reduce

MANY = 4096  # numbers


def _total(x: Any, axis: Axis) -> Any:
    """The sum over `axis`, kept. Along the last axis a matrix product is several times as fast as NumPy's sum."""
    if axis == -1:
        return (x @ np.ones(x.shape[-1], x.dtype)).reshape((*x.shape[:-1], 1))
    return x.sum(axis=axis, keepdims=True)


def _largest(x: Any, axis: Axis) -> Any:
    """The maximum along `axis`, kept. Of many rows np.argmax finds it two to four times as fast."""
    if axis != -1 or x.size < MANY:
        return maximum_reduce(x, axis=axis, keepdims=True)
    return np.take_along_axis(x, x.argmax(axis=-1, keepdims=True), axis=-1)


# ------------------------------------------------------------------------------------------------------------ softmax


def _exponentials(x: Any, axis: int, least: float = 0.0) -> Any:
    """`x`, which is nobody else's, turned into its softmax along `axis`; its sums are taken to be `least` at least."""
    if not x.size:
        return x
    top = _largest(x, axis)
    if not np.isfinite(top).all():  # ∞ − ∞ would be NaN
        top = np.where(np.isfinite(top), top, 0.0).astype(x.dtype)
    x -= top
    np.exp(x, out=x)
    x /= np.maximum(_total(x, axis), least)
    return x


def _softmax(x: Any, *, axis: int = -1) -> Any:
    """exp(x) / sum(exp(x)) along `axis`: positive numbers that add to 1. Without overflow."""
    out = np.array(x, wide(x.dtype))
    out = _exponentials(out, axis) if out.ndim else np.exp(out - maximum_reduce(out, axis=axis))
    return narrowed(out, x.dtype)


def _softmax_rule(g: Any, out: Any, axis: int) -> Any:
    g, out = widened(g), widened(out)
    gx = g - _total(g * out, axis)
    gx *= out
    return gx


softmax_row: Op = op(
    "softmax",
    lambda g, out, x, *, axis=-1: _softmax_rule(g, out, axis) if x.ndim else g * 0.0,
    forward=_softmax,
    cases=[case("ab"), case("abc", axis=0), case("abc", axis=-2), case("a"), case("")],
)

# -------------------------------------------------------------------------------------------- the weights of attention


def _attention_weights(query: Any, key: Any, *mask: Any, scale: float, causal: bool) -> Any:
    """softmax(query · keyᵀ · scale + mask) along the last axis; `causal` lets no query look at keys behind its place.

    `query` is (…, L, E), `key` (…, S, E), `mask`, if there is one, broadcasts to the result (…, L, S). A query that may
    look nowhere has weights of 0: NaNs would reach every parameter, even from places that count for nothing.
    """
    scores = (widened(query) * scale) @ key.swapaxes(-1, -2)
    for m in mask:
        scores += m
    if causal:
        scores += np.where(np.tri(*scores.shape[-2:], dtype=np.bool), 0.0, -math.inf).astype(scores.dtype)
    out = _exponentials(scores, -1, least=1.0)  # where there is anything to sum, the largest is exp(0)
    return narrowed(out, query.dtype) if query.dtype == key.dtype else out


def _attention_weights_rule(
    g: Any, out: Any, query: Any, key: Any, *mask: Any, scale: float, causal: bool
) -> list[Any]:
    g = _softmax_rule(g, out, -1)
    return [(g @ key) * scale, g.swapaxes(-1, -2) @ (query * scale), *[g for _ in mask]]


attention_weights_row: Op = op(
    "attention_weights",
    _attention_weights_rule,
    forward=_attention_weights,
    kind=Variadic,
    cases=[
        case((2, 3, 2), (2, 4, 2), scale=0.5, causal=False),
        case((3, 2), (3, 2), (3, 3), scale=1.0, causal=True),
        case((2, 1, 2, 1), (2, 3, 3, 1), (2, 1, 1, 3), scale=2.0, causal=False),
        case((0, 2, 3), (0, 2, 3), scale=1.0, causal=True),
    ],
)

# ------------------------------------------------------------------------------------------------------- normalisation


def _normalize(x: Any, *, axis: Axis, eps: float) -> Any:
    """`x` moved and scaled so that over `axis` its mean is 0 and its variance 1: (x − mean) / √(variance + eps)."""
    dtype, x = x.dtype, widened(x)
    out = x - _total(x, axis) / _count(x, axis)
    out *= 1 / np.sqrt(_total(out * out, axis) / _count(x, axis) + eps)
    return narrowed(out, dtype)


def _normalize_rule(g: Any, out: Any, x: Any, *, axis: Axis, eps: float) -> Any:
    """`g` without what would only move or scale all of x, over the standard deviation."""
    g, out, x = widened(g), widened(out), widened(x)
    n = _count(x, axis)
    gap = x - _total(x, axis) / n
    gx = g - _total(g, axis) / n
    gx = gx - out * (_total(g * out, axis) / n)
    gx *= 1 / np.sqrt(_total(gap * gap, axis) / n + eps)
    return gx


def _count(x: Any, axis: Axis) -> int:
    return math.prod(x.shape[i] for i in (axis if isinstance(axis, tuple) else (axis,))) or 1


normalize: Op = op(
    "normalize",
    _normalize_rule,
    forward=_normalize,
    cases=[
        case((2, 3), axis=-1, eps=1e-5),
        case((3, 2, 2), axis=(0, 2), eps=0.1),
        case((2, 2, 3), axis=(-2, -1), eps=1e-5),
        case((0, 3), axis=-1, eps=1e-5),
    ],
)
