"""What a wrong rule lacks: a factor, a sign, a transpose or a sum, tried one after the other beside its slopes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ..core import Array, Value, numbers
from .trial import Trial

Way: TypeAlias = Callable[[Trial], Any]  # to another gradient than the one that the rule gives

DIRECTIONS = 3  # along which slopes are measured, at each of a few inputs
RTOL = 1e-6  # what a gradient along a direction and the slope may differ by
LARGEST = 1_000_000  # numbers in an input; of more, nothing is tried


class Remedy(NamedTuple):
    """What makes a rule right, in words that follow "your rule is right if", and the gradient that it then gives."""

    text: str
    way: Way


class Evidence(NamedTuple):
    """The slope along a direction of the input of a rule."""

    trial: Trial
    direction: Array
    slope: float
    error: float


def remedy(node: Value, i: int, rng: np.random.Generator) -> Remedy | None:
    """What makes the rule for an input right, if it is anything that is tried here."""
    evidence = [seen for trial in trials(node, i, rng) for seen in measured(trial, rng)]
    if not any(abs(seen.slope) > 100 * seen.error for seen in evidence):
        return None
    found = None
    for text, way in ways(evidence[0].trial):
        factor = fitting_factor(way, evidence)
        if factor is None:
            continue
        if abs(factor - 1) <= RTOL:
            return Remedy(text, way) if text else None  # it is right as it is: what is wrong does not show here
        if found is None:
            found = Remedy(scaled(text, factor, evidence[0].trial), times(factor, way))
        if not text:
            break
    return found


def trials(node: Value, i: int, rng: np.random.Generator) -> Iterator[Trial]:
    """The rule at its own inputs and near by, so that what fits by accident does not fit everywhere."""
    inputs = [numbers(x) for x in node.args]
    if np.size(inputs[i]) > LARGEST:
        return
    for moved in (0.0, 0.0, 0.1):
        g = np.asarray(rng.normal(size=node.shape), node.dtype)[()]
        try:
            yield Trial(node, i, [nudged(x, moved, rng) for x in inputs], g)
        except Exception:  # there the operation may not be defined
            continue


def nudged(x: Any, by: float, rng: np.random.Generator) -> Any:
    """Floating-point numbers, each moved by some part of it; anything else as it is."""
    if not by or getattr(getattr(x, "dtype", None), "kind", "") != "f":
        return x
    return np.asarray(x * (1 + by * rng.uniform(-1, 1, np.shape(x))), x.dtype)[()]


def measured(trial: Trial, rng: np.random.Generator) -> Iterator[Evidence]:
    """Slopes of an operation along some directions of the input."""
    for _ in range(DIRECTIONS):
        d = trial.field.direction(np.arange(trial.field.at.size), rng)
        slope = trial.field.slope(d)
        if math.isfinite(slope.value) and math.isfinite(slope.error):
            yield Evidence(trial, d, slope.value, slope.error)


def fitting_factor(way: Way, evidence: list[Evidence]) -> float | None:
    """The number by which the gradient of a way must be multiplied to agree with all slopes; None if there is none."""
    made: dict[Trial, Array] = {}
    rows = []
    for trial, d, slope, error in evidence:
        if trial not in made:
            try:
                made[trial] = trial.fit(way(trial))
            except Exception:  # of other shapes, say
                return None
        terms = made[trial] * d
        rows.append((float(np.sum(terms)), float(np.linalg.norm(terms)), slope, error))
    total, _, slope, _ = max(rows, key=lambda row: abs(row[0]))
    factor = slope / total if total else math.nan
    if not math.isfinite(factor) or not factor:
        return None
    agrees = [abs(factor * sum_ - slope) <= 10 * error + RTOL * abs(factor) * size for sum_, size, slope, error in rows]
    return factor if all(agrees) else None


def scaled(text: str, factor: float, t: Trial) -> str:
    """What makes a rule right, and a factor beside, in words."""
    near = Fraction(factor).limit_denominator(100) if abs(factor) < 1e6 else Fraction(round(factor))
    exact = bool(near) and abs(float(near) - factor) <= RTOL * abs(factor)
    number = str(near) if exact else f"{factor:.6g}"
    if text.startswith("multiplied by "):
        return f"multiplied by {'-' if number == '-1' else number + '·'}{text.removeprefix('multiplied by ')}"
    if text:
        return f"{text} and multiplied by {number}"
    if number == "-1":
        return "its sign is changed"
    if exact and near.denominator == 1:
        return f"multiplied by {number}" + counted(near.numerator, t)
    if exact and near.numerator == 1:
        return f"divided by {near.denominator}" + counted(near.denominator, t)
    return f"multiplied by {number}"


def counted(number: int, t: Trial) -> str:
    """Where a number may come from: the size of the input or the result, or the length of an axis of the input."""
    if number == np.size(t.x):
        return f" ({t.names[t.i]} has {number} elements)"
    if number == np.size(t.out):
        return f" (out has {number} elements)"
    if number in np.shape(t.x):
        return f" (axis {np.shape(t.x).index(number)} of {t.names[t.i]} has {number} elements)"
    return ""


def times(factor: float, way: Way) -> Way:
    """A way, and a factor beside."""
    return lambda t: factor * np.asarray(way(t))


# ------------------------------------------------------------------------------------------------------- what is tried


def ways(t: Trial) -> Iterator[tuple[str, Way]]:
    """What may be wrong with a rule, the commonest first: how it is put right, and what it then gives."""
    yield "", Trial.rule
    yield from forgotten_g(t)
    yield from other_ways(t)
    if ignores_g(t):  # and something else
        for text, way in other_ways(t):
            yield f"multiplied by g and {text}", by_g(way)


def other_ways(t: Trial) -> Iterator[tuple[str, Way]]:
    """What may be wrong with a rule beside its g."""
    for j, name in enumerate(t.names):
        yield from mistaken_input(t, j, name)
    if np.ndim(t.g) > 1:
        yield "g is transposed in it", lambda t: t.rule(g=transposed(t.g))
    yield from missing_factor("out", lambda t: t.out)
    for j, name in enumerate(t.names):
        yield from missing_factor(name, input_of(j))
    for axis, along in axes_of(t.x):
        yield from missing_sum(t, axis, along)
    if np.ndim(t.x) > 1:
        yield "transposed", lambda t: transposed(t.rule())
    for axis, along in axes_of(t.x):
        yield from turned_round(t, axis, along)
    for j, name in enumerate(t.names):
        if j != t.i:
            yield from product(name, input_of(j))


def ignores_g(t: Trial) -> bool:
    """Whether a rule gives the same of any gradient."""
    try:
        return np.array_equal(t.rule(), t.rule(g=-3 * t.g))
    except Exception:
        return False


def forgotten_g(t: Trial) -> Iterator[tuple[str, Way]]:
    """The gradient of the result was forgotten, or taken twice."""
    yield "multiplied by g", by_g(Trial.rule)
    yield "divided by g", lambda t: t.rule() / t.g
    for axis in range(np.ndim(t.x) if 0 < np.ndim(t.g) < np.ndim(t.x) else 0):
        yield f"multiplied by np.expand_dims(g, {axis})", by_g(Trial.rule, axis)


def mistaken_input(t: Trial, j: int, name: str) -> Iterator[tuple[str, Way]]:
    """An input was taken for another argument of the rule, or for its transpose."""
    x = input_of(j)
    if np.shape(t.inputs[j]) == np.shape(t.out):
        yield f"{name} is replaced by out", lambda t: t.rule(inputs=replaced(t.inputs, {j: t.out}))
        yield f"out is replaced by {name}", lambda t: t.rule(out=x(t))
    for k in range(j):
        yield f"{t.names[k]} and {name} change places", exchanged(j, k)
    if np.ndim(t.inputs[j]) > 1:
        yield f"{name} is transposed in it", lambda t: t.rule(inputs=replaced(t.inputs, {j: transposed(x(t))}))


def missing_factor(name: str, part: Way) -> Iterator[tuple[str, Way]]:
    """A factor is missing, or is there and should not be: an input, the result, or what is often made of these."""
    yield f"multiplied by {name}", lambda t: t.rule() * part(t)
    yield f"divided by {name}", lambda t: t.rule() / part(t)
    yield f"multiplied by {name}²", lambda t: t.rule() * part(t) ** 2
    yield f"divided by {name}²", lambda t: t.rule() / part(t) ** 2
    yield f"multiplied by (1 - {name})", lambda t: t.rule() * (1 - part(t))
    yield f"multiplied by (1 - {name}²)", lambda t: t.rule() * (1 - part(t) ** 2)


def missing_sum(t: Trial, axis: int | None, along: str) -> Iterator[tuple[str, Way]]:
    """A sum is missing: over an axis, or of what flows through a sum that the operation takes on its way."""
    yield f"summed{along}", lambda t: np.broadcast_to(np.sum(t.rule(), axis, keepdims=True), np.shape(t.rule()))
    yield f"its mean{along} is subtracted", lambda t: t.rule() - np.mean(t.rule(), axis, keepdims=True)
    yield (
        f"out times its sum{along} is subtracted",
        lambda t: t.rule() - t.out * np.sum(t.rule(), axis, keepdims=True),
    )
    if axis is not None and np.ndim(t.g) == np.ndim(t.x) - 1:
        yield f"it is g spread{along}", lambda t: np.broadcast_to(np.expand_dims(t.g, axis), np.shape(t.x))


def turned_round(t: Trial, axis: int | None, along: str) -> Iterator[tuple[str, Way]]:
    """What it gives is the other way round, or what it works on."""
    yield f"reversed{along}", lambda t: np.flip(t.rule(), axis)
    if np.ndim(t.g) == np.ndim(t.x):
        yield (
            f"it is handed g reversed{along}, and what it gives is reversed too",
            lambda t: np.flip(t.rule(g=np.flip(t.g, axis)), axis),
        )


def product(name: str, y: Way) -> Iterator[tuple[str, Way]]:
    """It should be a product of g and another input."""
    yield f"it is g * {name}", lambda t: t.g * y(t)
    yield f"it is g @ {name}.T", lambda t: t.g @ transposed(y(t))
    yield f"it is {name}.T @ g", lambda t: transposed(y(t)) @ t.g
    yield f"it is g @ {name}", lambda t: t.g @ y(t)
    yield f"it is {name} @ g", lambda t: y(t) @ t.g
    yield f"it is np.outer(g, {name})", lambda t: np.outer(t.g, y(t))
    yield f"it is np.outer({name}, g)", lambda t: np.outer(y(t), t.g)


def by_g(way: Way, axis: int | None = None) -> Way:
    """A way, and g as a factor; along an axis that the result does not have if one is given."""
    return lambda t: way(t) * (t.g if axis is None else np.expand_dims(t.g, axis))


def input_of(j: int) -> Way:
    """One of the inputs."""
    return lambda t: t.inputs[j]


def exchanged(j: int, k: int) -> Way:
    """The rule with two inputs in each other's place."""
    return lambda t: t.rule(inputs=replaced(t.inputs, {j: t.inputs[k], k: t.inputs[j]}))


def axes_of(x: Any) -> list[tuple[int | None, str]]:
    """All axes of an array together, and each; with the words for it."""
    axes: list[tuple[int | None, str]] = [(None, "")] if np.ndim(x) else []
    return axes + [(axis, f" along axis {axis}") for axis in range(np.ndim(x) if np.ndim(x) > 1 else 0)]


def transposed(x: Any) -> Any:
    """An array with its last two axes exchanged; one with fewer as it is."""
    return np.swapaxes(x, -1, -2) if np.ndim(x) > 1 else x


def replaced(inputs: list[Any], by: dict[int, Any]) -> list[Any]:
    """Inputs with others in some places."""
    return [by.get(k, x) for k, x in enumerate(inputs)]
