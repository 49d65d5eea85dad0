"""A node in words: what its box says, what is alarming about it, what is shown of it on a closer look."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..core import Gone, NonDiff, Value, numbers
from ..debugging import trace_of
from ..tree import is_parameter
from ..words import shown, written
from .graph import CONSTANT, INPUT, PARAMETER, Node, norm, printed


class Facts(NamedTuple):
    """What there is to say of a box."""

    title: str
    lines: list[str]
    alarms: list[str]
    details: list[tuple[str, str]]
    value: str = ""  # in a word: the number, or the mean of an array


def shorter(text: str, longest: int = 60) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def number(x: Any) -> str:
    return f"{x:.4g}" if np.asarray(x).dtype.kind == "f" else str(x)


def counted(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def facts_of(node: Node, has_gradients: bool) -> Facts:
    """The facts of one node; `has_gradients` if gradients were asked for and could be computed."""
    thing, array = node.thing, np.asarray(numbers(node.thing))
    title = titled(node)
    lines = [node.name] if node.name and node.name != title else []
    lines += settings(node)
    details = [("name", node.name)] if node.name else []
    details += [("computed by", node.op.name)] if node.op else []
    if array.ndim:
        lines.append(f"{array.shape} {array.dtype}")
        details += [("shape", str(array.shape)), ("dtype", str(array.dtype))]
    else:
        details.append(("dtype", str(array.dtype)))
    value = statistics(array) if array.ndim or node.kind != CONSTANT else []  # a plain number is its own title
    lines += value
    details.append(("value", shown(numbers(thing))))
    alarms = odd(array, "")
    if node.kind == CONSTANT:  # an Inf that the program itself put there, such as in a mask, is meant
        alarms = [alarm for alarm in alarms if "Inf" not in alarm]
    if has_gradients and isinstance(thing, Value):
        words, odder = gradient(node)
        lines += words
        alarms += odder
        details.append(("gradient", words[0].removeprefix("gradient ") if node.grad is None else shown(node.grad)))
    if isinstance(thing, Value) and isinstance(thing.op, Gone):
        alarms.append(str(thing.op.why).partition(". ")[0])
    trace = trace_of(thing) if isinstance(thing, Value) else None
    if trace:
        details.append(("line", str(trace)))
    return Facts(title, lines, alarms, details, in_a_word(value))


def titled(node: Node) -> str:
    """The symbol of an operation; the name of anything else, or what it is."""
    if node.op:
        return str(node.op.symbol)
    if node.name:
        return node.name
    if node.kind in (PARAMETER, INPUT):
        return node.kind
    x = numbers(node.thing)
    return "array" if np.ndim(x) else number(x)


def settings(node: Node) -> list[str]:
    """The parameters of an operation that are set: axis=0."""
    if not node.op:
        return []
    given = {name: x for name, x in node.thing.params.items() if x is not None and x is not False}
    return [f"{name}={written(x) if name == 'index' else shorter(printed(x))}" for name, x in given.items()][:3]


def statistics(array: Any) -> list[str]:
    if not array.ndim:
        return [number(array[()])]
    if not array.size:
        return ["empty"]
    if array.dtype.kind == "b":
        return [f"{array.sum():,} of {array.size:,} true"]
    if array.dtype.kind not in "fiu":
        return []
    fine = array[np.isfinite(array)]
    if not fine.size:
        return []
    if array.size == 1:
        return [number(fine[0])]
    with np.errstate(over="ignore"):
        mean = np.mean(fine, dtype=np.float64)
    if np.isinf(mean):  # their sum is too large, the mean is not
        mean = np.sum(fine / fine.size)
    return [f"min {number(fine.min())}, mean {number(mean)}, max {number(fine.max())}"]


def in_a_word(statistics: list[str]) -> str:
    """The mean, of statistics that have one; else all they say."""
    parts = [part for words in statistics for part in words.split(", ")]
    return next((part for part in parts if part.startswith("mean")), ", ".join(parts))


def odd(array: Any, what: str) -> list[str]:
    """NaN and Inf, loud."""
    if array.dtype.kind != "f":
        return []
    found = []
    for name, test in (("NaN", np.isnan), ("Inf", np.isinf)):
        count = np.sum(test(array))
        if count:
            found.append(f"{what}{name}" + (f" in {count:,} of {array.size:,}" if array.size > 1 else ""))
    return found


def gradient(node: Node) -> tuple[list[str], list[str]]:
    """The gradient in words, and what is alarming in it."""
    g = node.grad
    if g is None:
        frozen = type(node.thing) is NonDiff and is_parameter(node.thing)
        return [f"no gradient: {'frozen' if frozen else 'nothing flows back'}"], []
    g = np.asarray(numbers(g))
    alarms = odd(g, "gradient ")
    if alarms:
        return [], alarms
    if not g.ndim:
        return [f"gradient {number(g[()])}"], []
    if not g.any():
        return ["gradient 0 everywhere" if g.size else "gradient empty"], []
    return [f"gradient {number(g.ravel()[0])}" if g.size == 1 else f"gradient norm {number(norm(g))}"], []
