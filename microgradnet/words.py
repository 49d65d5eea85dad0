"""What errors and printed text are made of: Values, indexes and functions as a person writes them, what to write in
place of what fails, and what to print in place of what an encoding lacks.
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np


def refuse(text: str) -> NoReturn:
    raise TypeError(f"{text}. Write it with functions that have one, or use .data if the gradient may stop here")


def describe(value: Any) -> str:
    """A Value for an error message: its name if it has one, its shape and dtype."""
    name = f" {value.name!r}" if value.name else ""
    return f"the Value{name} of shape {value.shape} ({value.dtype})"


def spelled(function: Callable[..., Any]) -> str:
    """A function of NumPy as its users write it: np.linalg.norm."""
    return f"{function.__module__}.{function.__name__}".replace("numpy", "np", 1)


def written(index: Any) -> str:
    """An index as it stands in a program."""
    if isinstance(index, tuple):
        return ", ".join(map(written, index)) or "()"
    if isinstance(index, slice):
        ends = ["" if end is None else str(end) for end in (index.start, index.stop, index.step)]
        return ":".join(ends if ends[2] else ends[:2])
    return "..." if index is ... else brief(getattr(index, "_numbers", index))


@functools.lru_cache(maxsize=1000)
def called(code: Any, instruction: int) -> str | None:
    """The name of what is called by an instruction of a program; "[…] =" for an assignment to an element."""
    import dis

    names: dict[Any, str] = {}
    for step in dis.get_instructions(code):
        at = step.positions and (step.positions.lineno, step.positions.col_offset)
        if step.offset == instruction:
            return "[…] =" if step.opname == "STORE_SUBSCR" else names.get(at)
        if step.opname.startswith("LOAD") and isinstance(step.argval, str):
            names[at] = step.argval  # what is called begins where the call begins
    return None


def lost_by(frame: Any) -> str | None:
    """What to write instead, if a program's frame asks for a float in a place that would lose the gradient."""
    if frame.f_globals.get("__name__", "").split(".")[0] == "numpy":
        return (
            "NumPy asks for a plain number here. Make one of the array arguments a Value too, or write the formula out"
        )
    name = called(frame.f_code, frame.f_lasti)
    if name == "reduce":
        return "initial= takes a plain number. Add it, f(result, v), or make the array a Value too"
    if name in ("[…] =", "fill", "itemset", "fromiter"):
        return "a plain array cannot hold a Value. np.stack of a list of Values makes one; v.at[i].set(x) changes one"
    if name is not None and hasattr(math, name):
        return f"math.{name} takes plain numbers" + (f". np.{name} is recorded" if hasattr(np, name) else "")
    return None


def misfit(row: Any, x: Any, y: Any) -> str:
    """What to do about two shapes that do not fit."""
    rule = (
        "the inner lengths must be equal, (n, k) @ (k, m): v.T transposes"
        if row.key is np.matmul
        else "counted from the end, lengths are equal or 1: v[:, None] adds an axis of length 1"
    )
    return f"{row.name} got shapes {np.shape(x)} and {np.shape(y)}; {rule}"


# What those who know PyTorch look for in vain, and what there is instead.
INSTEAD = {
    "nn": {
        "Parameter": "a Value is a parameter: self.name = Value(array)",
        "ModuleList": "a plain list of layers does: a Module finds what is in it",
        "ModuleDict": "a plain dict of layers does: a Module finds what is in it",
        "TransformerEncoder": "a list of TransformerEncoderLayer, one after the other",
        "utils": "clip_grad_norm_ and clip_grad_value_ are in optim",
    },
    "nn.init": {f"{name}_": f"p.data = nn.init.{name}(p.shape)" for name in (
        "normal", "uniform", "zeros", "ones", "orthogonal", "xavier_normal", "xavier_uniform", "kaiming_normal",
        "kaiming_uniform")},
    "optim": {
        "lr_scheduler": "the schedules are in optim itself: optim.StepLR",
        "ReduceLROnPlateau": "assign to optimizer.param_groups[0]['lr'], such as in the on_epoch of fit",
    },
}  # fmt: skip


def missing(module: str, name: str) -> NoReturn:
    """AttributeError for what a module does not have, with the way to go where many look for it."""
    way = INSTEAD.get(module.removeprefix("microgradnet."), {}).get(name)
    raise AttributeError(f"{module} has no {name!r}" + (f": {way}" if way else ""), name=name, obj=sys.modules[module])


# Our symbols where an encoding lacks them; any other character becomes an escape, as Python's ascii() has it.
PLAIN = {
    "−": "-", "×": "*", "÷": "/", "·": ".", "±": "+-", "√": "sqrt", "∛": "cbrt", "Σ": "sum", "Π": "prod", "∏": "prod",
    "²": "^2", "⁺": "^+", "⁽": "(", "ⁿ": "n", "⁾": ")", "₁": "1", "₂": "2", "′": "'", "″": "''", "σ": "sigma",
    "ψ": "psi", "∞": "inf", "≠": "!=", "≤": "<=", "≥": ">=", "→": "->", "↑": "^", "…": "...", "⋮": ":", "“": '"',
    "”": '"', "⚠": "!", "▭": "#", "▷": ">", "○": "o", "◎": "@", "▣": "+",
}  # fmt: skip


def plain(character: str) -> str:
    return PLAIN.get(character) or character.encode("ascii", "backslashreplace").decode()


def printable(text: str, stream: Any = None, instead: Callable[[str], str] = plain) -> str:
    """`text` as `stream` can print it, with `instead` of each character that its encoding lacks.

    A repr does not know where it is printed. Without a stream, what is left are characters that both `sys.stdout` and a
    file opened without `encoding=` take, so that neither `python train.py > log.txt` nor `print(model, file=log)` ends
    in a UnicodeEncodeError, on Windows either. Every repr and page of text goes through here.
    """
    if text.isascii():
        return text
    import locale

    encodings = [getattr(stream or sys.stdout, "encoding", None) or "utf-8"]  # io.StringIO has none and takes all
    if stream is None:
        encodings.append(locale.getpreferredencoding(False))
    for encoding in encodings:
        if not fits(text, encoding):
            text = "".join(c if fits(c, encoding) else instead(c) for c in text)
    return text


def fits(text: str, encoding: str) -> bool:
    """Whether an encoding has all of these characters."""
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return text.isascii()
    return True


def fields(record: Any) -> str:
    """A NamedTuple the way Python prints it, printable."""
    inside = ", ".join(f"{name}={x!r}" for name, x in record._asdict().items())
    return printable(f"{type(record).__name__}({inside})")


def brief(x: Any) -> str:
    text = repr(x)
    return text if len(text) <= 60 else text[:57] + "…"


FEW = 30  # numbers of an array that are shown one by one


def shown(x: Any) -> str:
    """A number or array the way a Value prints it."""
    x = getattr(x, "_numbers", x)
    return str(x) if x is None or not np.ndim(x) else np.array2string(x, separator=", ", threshold=FEW)
