"""np.pad in all its modes. What only repeats elements is a row, in `ops.moves`; the rest is computed axis by axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..checks import unmasked
from ..core import TABLE, Value, formula
from ..ops.reduction import BACKWARDS, along
from ..words import refuse

STATISTICS: dict[Any, Any] = {"maximum": np.max, "minimum": np.min, "mean": np.mean, "median": np.median}
OPTIONS = {
    "constant": "constant_values", "linear_ramp": "end_values", "reflect": "reflect_type", "symmetric": "reflect_type",
    **dict.fromkeys(STATISTICS, "stat_length"), "edge": None, "wrap": None,
}  # fmt: skip


@formula(np.pad)
def pad(array: Any, pad_width: Any, mode: Any = "constant", **options: Any) -> Any:
    if mode not in OPTIONS:
        named = f"mode={mode!r}" if isinstance(mode, str) else "a function as mode"
        refuse(f"np.pad with {named} of a Value leaves numbers that are not recorded; the modes are {[*OPTIONS]}")
    for name in options:
        if name != OPTIONS[mode]:
            raise ValueError(f"np.pad(mode={mode!r}) takes no {name}=; got {name}={options[name]!r}")
    if not array.ndim:
        return +array
    widths = pairs("pad_width", pad_width, array.ndim)
    option = options.get(OPTIONS[mode] or "")
    if mode == "constant" and option is not None:
        constants = np.pad(np.zeros(array.shape, array.dtype), widths, constant_values=plain_option(option))
        return TABLE[np.pad](array, pad_width=widths) + constants
    odd = isinstance(option, str) and option == "odd"
    if mode in STATISTICS or mode == "linear_ramp" or odd:
        settings = widths if odd else pairs(OPTIONS[mode] or "", option, array.ndim)
        for axis, width in enumerate(widths):
            array = pad_axis(array, axis, width, mode, settings[axis])
        return array
    return TABLE[np.pad](array, pad_width=widths, mode=mode)


def pairs(name: str, setting: Any, ndim: int) -> list[tuple[Any, Any]]:
    """(before, after) for each axis, from one number, one pair, a pair for each axis, or {axis: …}."""
    if setting is None:
        return [(None, None)] * ndim
    if isinstance(setting, dict):
        of_axis = {axis % ndim: np.broadcast_to(both, 2).tolist() for axis, both in setting.items()}
        return [tuple(of_axis.get(axis, (0, 0))) for axis in range(ndim)]
    try:
        table = np.broadcast_to(plain_option(setting), (ndim, 2)).tolist()
    except ValueError:
        raise ValueError(f"np.pad: {name}={setting!r} is neither a number, a pair, nor {ndim} pairs") from None
    return [(before, after) for before, after in table]


def plain_option(option: Any) -> Any:
    if isinstance(option, Value):
        refuse("np.pad takes plain numbers to pad with; np.concatenate joins Values")
    return unmasked("what np.pad is given", option)


def pad_axis(x: Any, axis: int, width: tuple[int, int], mode: str, setting: tuple[Any, Any]) -> Any:
    """`x` padded along one axis, in a mode that computes what it pads with."""
    if mode in ("reflect", "symmetric") and max(width) > x.shape[axis] - (mode == "reflect"):
        # Reflected again and again: what NumPy makes of the unit vectors are the weights.
        pad_plain: Any = np.pad
        weights = pad_plain(np.eye(x.shape[axis], dtype=x.dtype), (width, (0, 0)), mode, reflect_type="odd")
        return np.moveaxis(np.tensordot(weights, x, axes=(1, axis)), 0, axis)
    for end, (n, given) in enumerate(zip(width, setting, strict=True)):
        if end:  # the end of the array is the front of the array turned around
            x = x[along(axis, BACKWARDS)]
        if n:
            x = pad_front(x, axis, n, mode, given, width[0] if end else 0)
        if end:
            x = x[along(axis, BACKWARDS)]
    return x


def pad_front(x: Any, axis: int, n: int, mode: str, given: Any, padded: int) -> Any:
    """`x` with `n` more numbers before it; its last `padded` ones are padding already."""
    own = x[along(axis, slice(0, x.shape[axis] - padded))]
    edge = own[along(axis, slice(0, 1))]
    if mode in STATISTICS:
        front = STATISTICS[mode](own[along(axis, slice(0, given))], axis=axis, keepdims=True)
        front = np.broadcast_to(front, tuple(n if i == axis else m for i, m in enumerate(x.shape)))
    elif mode == "linear_ramp":
        share = (np.arange(n, dtype=x.dtype) / n).reshape((n, *(1,) * (x.ndim - axis - 1)))
        front = edge * share + (1 - share) * (given or 0)
    else:
        kept = 0 if mode == "symmetric" else 1
        front = 2 * edge - own[along(axis, slice(kept, n + kept))][along(axis, BACKWARDS)]
    return np.concatenate([front, x], axis=axis)
