"""Into a Value: what is made floating point, what stands beside one as a constant, and what is none of these."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray

from ..checks import unmasked
from ..words import brief, describe
from . import modes, refusals
from .arraylike import ArrayLike
from .protocols import held
from .tables import Array

# A large array of a Value begins at a line of the processor's cache, which is as long as its longest vectors: one that
# lies in two lines takes twice as long to read. NumPy's own arrays may begin anywhere in a line.
LINE = 64  # bytes
LARGE = 1 << 14  # bytes; with fewer there is less to gain than it costs to find a line


def floating(data: Any) -> Any:
    """`data` as an array of its own, floating point, a NumPy scalar if 0-d."""
    if isinstance(data, ArrayLike):
        raise TypeError("this is a Value already: use it as it is, or .detach() it from its history")
    if isinstance(data, np.ma.MaskedArray):
        raise TypeError("a masked array cannot be a Value: its mask would be lost. Fill it first: array.filled(0.0)")
    array = array_of(data)
    kind = array.dtype.kind
    if kind in "iub" and not isinstance(data, np.ndarray):
        return array.astype(np.float64)[()]
    if kind != "f":
        way_out = {
            "i": "pass the plain ndarray (plain arrays are constants), or cast it: array.astype(float)",
            "c": "only real numbers can be differentiated here: use .real and .imag",
        }.get(kind if kind not in "ub" else "i", "give a number, a list of numbers, or a floating-point array")
        raise TypeError(f"a Value holds floating-point numbers; got dtype {array.dtype} from {brief(data)}: {way_out}")
    return (array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("=")))[()]


def array_of(x: Any) -> Array:
    """`x` as an array of its own. ValueError for what has no shape, such as rows of unequal length."""
    unmasked("what becomes a plain array", x)
    if modes.on and type(x) in (list, tuple) and any(getattr(part, "_plain", False) for part in x):
        array: Array = modes.called(np.array, x)  # with numbers of a step that is being compiled
        return array
    if type(x) is ndarray:
        return copied(x)
    try:
        return np.array(float(x) if isinstance(x, int) else x)
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"{brief(x)} is no array of numbers ({error}). Rows of unequal length are a list of Values, one for each"
        ) from error


def constant(x: Any) -> Any:
    """`x`, found beside a Value, as something to compute with: a Python number, an ndarray, a scalar or a NonDiff."""
    if type(x) is ndarray:
        if x.dtype.kind in "fiub" and x.ndim:
            return x
    elif isinstance(x, (int, float, ArrayLike)):  # np.float64 is a float too
        return x
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError("a masked array beside a Value: its mask would be lost. Fill it first: array.filled(0.0)")
    array = array_of(x)
    if array.dtype.kind not in "fiub":
        wanted = "a number, a real array or a Value"
        raise TypeError(f"{brief(x)} beside a Value: wanted {wanted}, got dtype {array.dtype}")
    return array[()]


def plain(x: Any) -> Any:
    """`x` as NumPy computes with it: lists become arrays. Python numbers stay, they take the dtype beside them."""
    return x if type(x) is ndarray or isinstance(x, (np.generic, int, float)) else shaped(x)


def shaped(x: Any) -> Any:
    """`x` as something that has a shape and a dtype: lists and Python numbers become arrays and scalars."""
    if type(x) is ndarray or isinstance(x, (np.generic, ArrayLike)):
        return x
    if isinstance(x, ndarray):  # of another kind
        return unmasked("one of the arguments", x)
    array = np.asarray(x) if isinstance(x, int) else array_of(x)
    if array.dtype.kind == "O":
        raise TypeError(f"wanted a number, an array or a Value; got {brief(x)}. Leave it out, or give it a default")
    return array[()]


def as_floats(x: Any, dtype: Any = None) -> Any:
    """`x` in floating point, of `dtype` if one is wanted; whole numbers and booleans become float64."""
    x = shaped(x)
    kind = x.dtype.kind
    if kind not in "fiub":
        raise TypeError(f"wanted real numbers; got dtype {x.dtype}. Of complex ones, .real and .imag are such")
    if dtype is None:
        return x if kind == "f" else x.astype(np.float64)
    return narrowed(x, dtype)


HALF = np.dtype(np.float16)
ROOMY = frozenset(map(np.dtype, (np.float32, np.float64, np.longdouble)))  # computed with as they are


def wide(dtype: Any) -> Any:
    """The dtype in which numbers of `dtype` are added up: float32 for float16, which counts to 2048, ends at 65504."""
    return np.dtype(np.float32) if dtype == HALF else dtype


def widened(x: Any) -> Any:
    """`x`, of floating point, in the dtype in which its numbers are added up."""
    return x.astype(np.float32) if x.dtype == HALF else x


def narrowed(x: Any, dtype: Any) -> Any:
    """`x` in `dtype`: the result for what was `widened`."""
    return x if x.dtype == dtype else x.astype(dtype)


def fixed_view(x: Any) -> Any:
    """A view of an input's numbers, read-only: a write into it would reach the input unnoticed."""
    if type(x) is ndarray and x.base is not None:
        x.flags.writeable = False
    return x


def replacing(old: Any, new: Any, value: Any) -> Any:
    """What takes the place of the numbers `old` of a Value: `new`, in their shape and dtype."""
    if isinstance(new, ArrayLike):
        raise TypeError("data is an array: for the numbers of another Value, write v.data = other.data")
    if type(new) is not type(old) or new.dtype != old.dtype:
        new = floating(new).astype(old.dtype)
    if new.shape != old.shape:
        raise ValueError(
            f"data of shape {new.shape} assigned to {describe(value)}: a Value keeps its shape. "
            f"Make a new one: Value(data)"
        )
    return in_memory_as(old, new)


def in_memory_as(old: Any, new: Any) -> Any:
    """A copy of `new`, its axes in memory as those of `old`: sums add up in that order, whatever was assigned."""
    if type(old) is not ndarray:
        return new
    copy = empty_like(old)
    copy[...] = new
    return copy


def as_gradient(new: Any, value: Any) -> Any:
    """`new`, assigned to the `.grad` of a Value, in its shape and dtype; a number stands for all of them."""
    if not isinstance(new, ArrayLike):
        array = array_of(new)
        if array.dtype.kind not in "fiub":
            raise TypeError(
                f"a gradient of {describe(value)} is made of real numbers; got {brief(new)}. v.grad = None forgets it"
            )
        new = np.full(value.shape, array, value.dtype) if not array.ndim else array.astype(value.dtype)
    if new.shape != value.shape or new.dtype != value.dtype:
        raise ValueError(
            f"a gradient of {describe(value)} has its shape and dtype; got {new.shape} ({new.dtype}). "
            f"v.grad = None forgets it"
        )
    return new if isinstance(new, ArrayLike) else new[()]


def seed(value: Any, gradient: Any, create_graph: bool) -> Any:
    """The array, or Value, that a sweep from `value` starts from."""
    if gradient is None:
        if value.size != 1:
            raise ValueError(
                f"backward() starts from one number; this Value has shape {value.shape}. Reduce it first "
                f"(v.sum().backward()) or give the gradient to start from (v.backward(gradient))"
            )
        gradient = np.ones(value.shape)
    if np.shape(gradient) != value.shape:
        raise ValueError(
            f"the gradient to start from has shape {np.shape(gradient)}; the Value has shape {value.shape}. "
            f"Give one number for each of its elements"
        )
    if isinstance(gradient, ArrayLike) and (create_graph or modes.taped()):
        return gradient if gradient.dtype == value.dtype else gradient.astype(value.dtype)
    return floating(held(gradient)).astype(value.dtype)


def unbroadcast(g: Any, shape: tuple[int, ...], row: Any) -> Any:
    """`g` summed over the axes along which an array of `shape` was stretched."""
    if g.shape[1:] == shape:  # a bias under a batch: the commonest case by far
        return g.sum(axis=0)
    lead = g.ndim - len(shape)
    if lead < 0 or any(n not in (1, m) for n, m in zip(shape, g.shape[lead:], strict=True)):
        raise refusals.rule_returned_shape(row, g, shape)
    stretched = [lead + i for i, n in enumerate(shape) if n == 1]
    return g.sum(axis=(*range(lead), *stretched)).reshape(shape)


def address(x: Array) -> int:
    """Where the numbers of an array begin in memory."""
    return int(x.__array_interface__["data"][0])


def in_line(size: int) -> Array:
    """So many bytes, from the beginning of a line on."""
    block = np.empty(size + LINE, np.uint8)
    begin = -address(block) % LINE
    return block[begin : begin + size]


def empty_like(x: Array) -> Array:
    """An array of any numbers, which lies in memory as `x` does."""
    if x.nbytes < LARGE or not x.flags.forc or x.dtype.hasobject:
        return np.empty_like(x)
    return ndarray(x.shape, x.dtype, in_line(x.nbytes), order="C" if x.flags.c_contiguous else "F")


def copied(x: Array) -> Array:
    """A copy of an array, as it lies in memory."""
    if x.nbytes < LARGE:
        return x.copy("K")
    new = empty_like(x)
    new[...] = x
    return new
