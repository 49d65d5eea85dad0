"""What a recorded program could freeze without a word: each is right, or an error that says where and what instead."""

from __future__ import annotations

import contextlib
import copy
import csv
import functools
import io
import itertools
import logging
import math
import os
import pprint
import queue
import random
import sys
import textwrap
import threading
import time
import types
import uuid
import weakref
from array import array
from collections import ChainMap, Counter, OrderedDict, UserDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
import microgradnet.functional as F
from microgradnet import Value, nn, optim
from microgradnet.programs import Uncompilable
from tests.compiled import check, programs

Step = Callable[..., Any]
W = Value(np.random.default_rng(0).normal(size=(4, 3)))
V = Value([1.0, 2.0, 3.0])
OLD = V * 2.0
A = np.arange(3.0)
GENERATOR = np.random.default_rng(3)
RNG = np.random.default_rng(1)
ARRAYS = [RNG.normal(size=(5, 3)) - i / 2 for i in range(6)]
LABELS = [RNG.integers(0, 4, 5) for _ in range(6)]
Pair = namedtuple("Pair", "a b")


def z(x: Any) -> Any:
    return (x @ W.T).sum()


def of_arrays(i: int) -> tuple[Any, ...]:
    return (ARRAYS[i],)


def of_columns(i: int) -> tuple[Any, ...]:
    return (np.random.default_rng(i).normal(size=(53, 41)),)


def with_labels(i: int) -> tuple[Any, ...]:
    return ARRAYS[i], LABELS[i]


def vectors(i: int) -> tuple[Any, ...]:
    return (np.array([0.5, 1.0, 2.0]) * (i - 2.5),)


def floats(i: int) -> tuple[Any, ...]:
    return (i / 2,)


def of(step: Step) -> Callable[[], Any]:
    return lambda: (step, list)


# ------------------------------------------------------------------------------------------------------ what is right


def quotient_of_data(x: Any) -> Any:
    y = x @ W.T
    return (y / y.data.max()).sum()


def loop_over_rows(x: Any) -> Any:
    return sum((row @ W.T).sum() for row in x)


def written(x: Any) -> Any:
    y = x * 2
    y += 1
    y[0] = 5
    y[1:] *= 2
    part = y[::-1][1:]
    part -= x[1:]
    y.T[...] += 0.5
    np.multiply(y, 3, out=y)
    y.sort()
    return y, part, V * y


def not_yet_there() -> Step:
    def step(x: Any) -> Any:
        return V * x if x.ndim else missing

    if FALSE:
        missing = V
    return step


FALSE = False


def written_as_something_else(x: Any) -> Any:
    y, z = (x * 2).astype(np.float32), np.zeros_like(np.stack([x, x]))
    np.add(x, 1.0, out=y)
    np.add(x, y, out=z)
    return y, z


def written_into_new(x: Any) -> Any:
    y = np.zeros_like(x)
    y[:2] = x[1:]
    y += x
    out = np.empty_like(x)
    np.add(x, y, out=out)
    out.fill(2.0)
    out[x > 0] = 7.0
    out[[0, 0]] += x[[0, 1]]
    return y, out


def parameters_written() -> Any:
    w, v = Value([1.0, 2.0, 3.0]), Value([3.0, 1.0, 2.0])

    def step(x: Any) -> Any:
        old = w.data
        w.data = w.data * 2
        w.data, v.data = v.data, w.data
        w.data += x
        w.data[0] = 3.0
        v.data[1:] -= x[1:]
        (w * v * x).sum().backward()
        v.grad = w.grad
        v.grad[...] = x
        w.grad[0] = 0
        w.grad *= 2
        w.data -= 0.1 * w.grad
        w.grad = x.astype(np.float32)
        return old, old[1:].sum(), w.data, v.data, w.grad, v.grad

    return step, lambda: [w.data, v.data, w.grad, v.grad]


def numbers_written() -> Any:
    w, u = Value([1.0, 2.0, 3.0]), Value(2.0)

    def step(x: Any) -> Any:
        w.grad = x.sum()  # everywhere
        u.data += x.sum()
        u.grad = x[0]
        u.grad *= 2.0
        return w.grad * u

    return step, lambda: [w.data, w.grad, u.data, u.grad]


def constants_assigned() -> Any:
    w = Value([1.0, 2.0, 3.0])

    def step(x: Any) -> Any:
        w.data = [1.0, 2.0, 3.0]
        w.grad = 0
        w.data += x
        w.grad += x
        return (w * x).sum()

    return step, lambda: [w.data, w.grad]


def drawn_from_outside() -> Any:
    rng, w = np.random.default_rng(0), Value([1.0, 2.0, 3.0])

    def step(x: Any) -> Any:
        w.data = F.dropout(w * x, 0.5, seed=rng).data
        return F.dropout(w + x, 0.5, seed=rng)

    return step, lambda: [w.data, rng.bit_generator.state["state"]["state"]]


def tied() -> Any:
    w = Value([1.0, 2.0, 3.0])
    parts = {"a": w, "b": [w]}

    def step(x: Any) -> Any:
        w.grad = None
        (parts["a"] * parts["b"][0] * x).sum().backward()
        w.data -= 0.01 * w.grad
        return w.grad

    return step, lambda: [w.data, w.grad]


def leaves_of_the_step(x: Any) -> Any:
    a, b, c = Value([x[0], x[1], 3.0]), Value([n := x.astype(int)[2], n, 1]), Value(n)
    b.data = b.data * x
    (a * b * c + Value([1, 2, 3])).sum().backward()
    return a, b, c, a.grad, b.grad, c.grad


def gradients_written(x: Any) -> Any:
    """Those of a sum are one array in the sweep, and are no longer one afterwards."""
    v, w = Value(x), Value(x)
    p, q, r = v * 2.0, v * 3.0, x + w
    (p + q + r).sum().backward()
    p.grad *= 5.0
    w.grad *= 7.0
    v.grad[0] = 1.0
    return p.grad, q.grad, r.grad, v.grad, w.grad


def data_of_leaves_written(x: Any) -> Any:
    """A Value of an argument, of an array outside, of numbers: each has numbers of its own, that may be written."""
    found = []
    for start in (x, A, np.ones(3), [1.0, 2.0, 3.0], x * 2):
        v = Value(start)
        before = v.data
        first = (v * x).sum()
        first.backward()
        v.data -= 0.5 * v.grad
        v.data[0] = 7.0
        part = v.data[1:]
        part *= 2
        found += [first, v * x, v, before, v.data.sum(), v.grad]
        v.data = v.data * 3.0
        v.data += x
        found += [v, before * 1.0]
    return found


def data_of_leaves_in_another_dtype(x: Any) -> Any:
    v, w, u = Value(x), Value(x.astype(np.float32)), Value(2.0)
    v.data, w.data, u.data = x.astype(np.float32) / 3, x / 3, x.sum().astype(np.float32)
    return v * np.float32(3), w * np.float32(3), v, w, u, v.data, w.data, u.data


def derivatives_at_what_is_no_argument(x: Any) -> Any:
    return (
        mg.jvp(np.tanh, x, x * 2), mg.jvp(lambda a, b: {"s": a * b, "k": [np.exp(a)]}, (x, A), (A, x)),
        mg.grad(lambda a: (np.sin(a) * x).sum())(A), mg.grad(lambda t: (t * x).sum())(2.0) * x,
        mg.hessian(lambda t: (t**3 * x).sum())(2.0) * x, mg.hvp(lambda a: (a**3 * x).sum(), A, x),
        mg.vjp(lambda a: a * x, A)[1](x), mg.jacobian(lambda a: np.tanh(a) * x)(A),
    )  # fmt: skip


def by_isinstance(x: Any) -> Any:
    return V * x if isinstance(x, np.ndarray) and not isinstance(x, float) else V


def by_float(t: Any) -> Any:
    assert isinstance(t, float)
    return V * t if t > 1 else V * (t + 1)


def arithmetic_of_a_float(t: Any) -> Any:
    made = [t + 2.0, 2.0 + t, t - 2.0, 2.0 - t, t * 3.0, 3.0 * t, t / 3.0, 3.0 / t, t**2.0, 2.0**t, t % 0.7, 7.0 % t,
            t // 0.7, -t, +t, abs(-t)]  # fmt: skip
    a = b = c = d = t
    a += 1.0
    b -= 1.0
    c *= 3.0
    d /= 3.0
    return [*made, a, b, c, d, t, V * t]


def choices_by_a_float(t: Any) -> Any:
    return V * sum(2.0**i * t for i, c in enumerate((t < 1, t <= 1, t > 1, t >= 1, t == 1, t != 1)) if c)


def nan_and_inf(i: int) -> tuple[Any, ...]:
    return (np.array([np.nan, i, [np.inf, -np.inf, -0.0, 0.0, 5e-324, 1e308][i]]),)


RIGHT: dict[str, tuple[Step, Callable[[int], tuple[Any, ...]]]] = {
    "the data of a result": (quotient_of_data, of_arrays),
    "detach": (lambda x: (x @ W.T * (x @ W.T).detach()).sum(), of_arrays),
    "stop_gradient": (lambda x: (x @ W.T * F.stop_gradient(x @ W.T)).sum(), of_arrays),
    "rows in a loop": (loop_over_rows, of_arrays),
    "the largest of each row as an index": (lambda x: (x @ W.T)[np.arange(5), (x @ W.T).argmax(1)].sum(), of_arrays),
    "a mask, as many as there are": (lambda x: (W.sum() * x[x > 0]).sum(), of_arrays),
    "a mask of a Value": (lambda x: (x @ W.T)[x @ W.T > 0].sum(), of_arrays),
    "matrices of one number": (
        lambda x: (x[:, None] @ (x[1:2, None] * -0.0), x[1:2, None] @ (x[1:2, None] * -0.0)), nan_and_inf),
    "np.where": (lambda x: np.where(x @ W.T > 0, x @ W.T, 0.0).sum(), of_arrays),
    "np.nonzero": (lambda x: (x @ W.T).ravel()[np.nonzero((x @ W.T).ravel() > 0)[0]].sum(), of_arrays),
    "np.nonzero of an array": (lambda x: (W.sum() * x.ravel()[np.nonzero(x.ravel() > 0)[0]]).sum(), of_arrays),
    "np.unique": (lambda x: W.sum() * np.unique(np.round(x)), of_arrays),
    "np.histogram": (lambda x: np.histogram(x @ W.T, 3)[0] * W.sum(), of_arrays),
    "np.isclose, by name": (lambda x: (V * np.isclose(np.floor(x), b=V, atol=1.0)).sum(), vectors),
    "np.allclose": (lambda x: z(x) if np.allclose(x @ W.T, 0, atol=3) else -z(x), of_arrays),
    "cross_entropy": (lambda x, y: F.cross_entropy(x @ W.T, y), with_labels),
    "labels as an index": (lambda x, y: (x @ W.T)[np.arange(5), y].sum(), with_labels),
    "rows of an array by labels": (lambda x, y: (F.embedding(y, np.eye(4)) * (x @ W.T)).sum(), with_labels),
    "argsort as an index": (lambda x: (x @ W.T)[(x @ W.T)[:, 0].argsort()].ravel()[0], of_arrays),
    "a rule that branches": (lambda x: np.linalg.det(x[:3] @ np.eye(3) + W[:3]), of_arrays),
    "max along an axis": (lambda x: (x @ W.T).max(axis=1).sum(), of_arrays),
    "a shape in a formula": (lambda x: z(x) / x.shape[0] * x.ndim * len(x) * x.nbytes, of_arrays),
    "a number of Python's in an if": (by_float, floats),
    "max and round of a float": (lambda t: V * max(t, 1.0) * round(t) * abs(t), floats),
    "a float as a whole number": (lambda t: V * int(t + 2), lambda i: (i // 3 * 1.5,)),
    "all arithmetic of a float": (arithmetic_of_a_float, lambda i: (i / 2 + 0.25,)),
    "all comparisons of a float": (choices_by_a_float, floats),
    "range of a float": (lambda t: sum((V * k for k in range(int(t))), start=V * t), lambda i: (i // 3 + 0.5,)),
    "-0.0 and NaN as floats": (lambda t: V * t, lambda i: ([0.0, -0.0, math.nan, math.inf, -math.inf, 1.0][i],)),
    "isinstance": (by_isinstance, vectors),
    "arrays written in place": (written, vectors),
    "arrays made to be written into": (written_into_new, vectors),
    "written in another shape and dtype": (written_as_something_else, vectors),
    "leaves that the step makes": (leaves_of_the_step, vectors),
    "leaves that the step makes, whose data is written": (data_of_leaves_written, vectors),
    "leaves that the step makes, with other data": (data_of_leaves_in_another_dtype, vectors),
    "derivatives at constants": (derivatives_at_what_is_no_argument, vectors),
    "a result that is handed in": (lambda v: (v * v.data + V).sum(), lambda i: (V * (i - 2.5),)),
    "the gradient of a result, as a Value": (
        lambda x: [((v := Value(x)) * V).backward(gradient=Value(x)), v.grad], vectors),
    "gradients that are written": (gradients_written, vectors),
    "one result in a tuple, in a list, in a dict": (lambda x: ((V * x,), [x * 2], {"a": (V + x,), "b": []}), vectors),
    "a comparison as whole numbers": (lambda x: (np.floor(V * x).astype(int), (x < V).astype(np.int8)), vectors),
    "the number of a constant": (lambda x: x.sum() * float(Value(2.0)) * V, vectors),
    "a float beside an array": (
        lambda t, x: (np.where(t < x, x, t) * V, (t <= x) == (t > np.float64(0.5)), x == t),
        lambda i: (i / 2, ARRAYS[i][0]),
    ),
    "a variable that nothing is in yet": (not_yet_there(), vectors),
    "a Value from the host": (lambda x: mg.host_call(lambda a: Value(a) * 2, x) * V, vectors),
    "a dict to the host": (lambda x: mg.host_call(lambda d: d["a"][0] * d["b"], {"a": [x, 1], "b": 2.0}) * V, vectors),
    "a list of a float and numbers": (lambda t: V * [t, 1.0, 2.0], floats),
    "NaN, infinite, denormal, huge": (lambda x: np.where(np.isnan(V * x), 0.0, V * x * 1e-300), nan_and_inf),
    "relu of NaN": (lambda x: (F.relu(V * x), np.maximum(V * x, 0), np.exp(V * x * 1000)), nan_and_inf),
    "float16": (lambda x: (V.astype(np.float16) * x.astype(np.float16)).sum(), vectors),
    "int8 that wraps around": (
        lambda x: (x * x).sum() + V.sum(), lambda i: (np.arange(3, dtype=np.int8) + np.int8(9 * i),)),
    "bools": (lambda x: (V * x).sum(), lambda i: (np.arange(3) > i % 3,)),
    "0-d": (lambda x: (V * x).sum().reshape(()), lambda i: (np.array(float(i)),)),
    "scalars of NumPy": (lambda x: (V * x).sum(), lambda i: (np.float32(i + 0.1),)),
    "nothing": (lambda x: (V[:0] * x).sum() + x.sum(), lambda i: (np.zeros(0),)),
    "copies in rows": (lambda x: [y.sum(axis=1) for y in (x.T.copy(), x.copy("F"), x.T.copy("K"))], of_columns),
    "in columns": (
        lambda x: (np.exp(x) @ V, np.exp(x).sum()), lambda i: (np.asfortranarray(RNG.normal(size=(50, 3))),)),
    "rows or columns": (
        lambda x: (np.exp(x) @ V, np.exp(x).sum()),
        lambda i: ((np.asfortranarray if i % 2 else np.copy)(np.linspace(-1, 1, 3000).reshape(1000, 3)),),
    ),
    "steps in memory": (lambda x: (V * x).sum(), lambda i: (np.linspace(-i, i, 9)[:: [3, -3][i % 2]],)),
    "read-only": (lambda x: (V * x).sum(), lambda i: (np.broadcast_to(np.float64(i), 3),)),
    "the other byte order": (lambda x: (V * x).sum(), lambda i: ((np.arange(3.0) + i).astype(">f8"),)),
    "arrays of strings and of objects beside": (
        lambda x, s: (V * x).sum(), lambda i: (np.arange(3.0) + i, np.array(["a", None], object))),
    "a drawing from a seed": (lambda x: V * np.random.default_rng(0).normal(size=3) * x, vectors),
    "a named tuple that is made inside": (lambda x: namedtuple("Made", "a b")(V * x, 2.0).a.sum(), vectors),
    "a named tuple and a Module out": (lambda x: Pair(V * x, [Pair(x * 2, 3)]), vectors),
    "a hook": (lambda x: [mg.hook(v := Value(x), lambda g: g * 2).sum().backward(), v.grad], vectors),
    "a checkpoint": (lambda x: mg.checkpoint(lambda a: np.tanh(a @ W.T))(x).sum(), of_arrays),
    "a hessian": (mg.hessian(lambda x: (np.tanh(x) ** 3).sum()), vectors),
    "gradients of gradients": (
        lambda x: mg.grad(lambda v: mg.grad(lambda u: (np.tanh(u) ** 3).sum())(v).sum())(x), vectors),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_it_is_right(name: str) -> None:
    step, arguments = RIGHT[name]
    with np.errstate(all="ignore"):
        check(of(step), [arguments(i) for i in range(6) for _ in range(2)], count=None)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("move", ["assigned", "changed", "written", "made and assigned", "made and written"])
def test_what_has_moved_lies_in_memory_as_it_did(order: Any, move: str) -> None:
    """In the order of axes sums add up: one that is taken after the move has other last digits otherwise."""

    def make() -> Any:
        w = Value(np.zeros((53, 41), order=order))

        def step(x: Any) -> Any:
            v = Value(x if order == "C" else x.reshape(41, 53).T) if move.startswith("made") else w
            if move.endswith("assigned"):
                v.data = x * 1.5
            elif move == "changed":
                v.data -= 0.1 * x
            else:
                v.data[...] = x.reshape(41, 53).T
            return v.sum(axis=1), v.data.sum(axis=1), v.data.sum(axis=0), (v * v).sum()

        return step, lambda: [w.data, w.data.sum(axis=1)]

    check(make, [of_columns(i) for i in range(6)])


@pytest.mark.parametrize("backend", ["numpy", None])
def test_a_value_of_a_large_array_is_of_what_is_in_that_now(backend: Any) -> None:
    array = np.ones(100_000)
    step: Any = mg.compile(lambda x: (Value(array) * Value(array[:50_000]).sum() * x).sum(), backend=backend)
    for i in range(6):
        array[1] = i  # none of the elements that are compared
        assert np.isclose(step(2.0).data, 2.0 * array.sum() * array[:50_000].sum(), rtol=1e-12), i
    assert programs(step) == 1


@pytest.mark.parametrize("make", [parameters_written, numbers_written, constants_assigned, drawn_from_outside, tied])
def test_parameters_that_are_written_are_right(make: Callable[[], Any]) -> None:
    check(make, [vectors(i) for i in range(6)])


# -------------------------------------------------------------------------------------- what changes around a function

SCALE = 2.0
COUNT = 0


class Settings:
    """A class with an attribute of its own."""

    scale = 2.0
    flag = True

    def __init__(self) -> None:
        self.own = 2.0
        self.nested = {"list": [1.0, 2.0]}

    @property
    def twice(self) -> float:
        """What is computed of an attribute."""
        return 2 * self.own

    @classmethod
    def thrice(cls) -> float:
        """The same of one of the class."""
        return 3 * cls.scale


class Slotted:
    """An object without a dict."""

    __slots__ = ("scale",)

    def __init__(self) -> None:
        self.scale = 2.0


@dataclass
class Options:
    """Options of a step."""

    scale: float = 2.0
    power: int = 2


def helper(x: Any, k: float = 2.0) -> Any:
    return (x * k * SCALE).sum()


def around() -> dict[str, tuple[Step, Callable[[float], None]]]:
    """A step that uses something from outside, and what changes that."""
    dictionary, numbers, settings, options, slotted = {"s": 2.0}, [1.0, 2.0, 3.0], Settings(), Options(), Slotted()
    held = {"f": np.tanh, "array": np.arange(3.0), "value": Value([1.0, 2.0, 3.0])}
    scalar, array, mask, big = np.array(2.0), np.arange(3.0), np.array([True, False, True]), np.arange(90000.0)
    cell = 2.0

    def uses_cell(x: Any) -> Any:
        return (x * cell).sum()

    def set_cell(s: float) -> None:
        nonlocal cell
        cell = s

    def set_global(s: float) -> None:
        global SCALE
        SCALE = s

    def default(x: Any, k: float = 2.0) -> Any:
        return (x * k).sum()

    def set_default(s: float) -> None:
        default.__defaults__ = (s,)

    def set_array(s: float) -> None:
        array[:] = np.arange(3.0) * s

    def set_mask(s: float) -> None:
        mask[1] = s != 2.0

    def written_big(s: float) -> None:
        big[0] = s

    row = mg.primitive(lambda g, out, x: g * SCALE)(lambda x: x * SCALE)

    return {
        "an item of a dict": (lambda x: (x * dictionary["s"]).sum(), lambda s: dictionary.update(s=s)),
        "an item of a list": (lambda x: (V * numbers * x).sum(), lambda s: numbers.__setitem__(0, s)),
        "a global": (lambda x: (x * SCALE).sum(), set_global),
        "a global of a function that is called": (lambda x: helper(x), set_global),
        "a variable around the function": (uses_cell, set_cell),
        "a default": (default, set_default),
        "an attribute of a class": (lambda x: (x * Settings.scale).sum(), lambda s: setattr(Settings, "scale", s)),
        "an attribute of an object": (lambda x: (x * settings.own).sum(), lambda s: setattr(settings, "own", s)),
        "an attribute by its name": (
            lambda x: (x * getattr(settings, "own")).sum(), lambda s: setattr(settings, "own", s)),  # noqa: B009
        "what a property looks at": (lambda x: (x * settings.twice).sum(), lambda s: setattr(settings, "own", s)),
        "what a class method looks at": (
            lambda x: (x * settings.thrice()).sum(), lambda s: setattr(Settings, "scale", s)),
        "a slot": (lambda x: (x * slotted.scale).sum(), lambda s: setattr(slotted, "scale", s)),
        "a dataclass": (lambda x: (x**options.power).sum(), lambda s: setattr(options, "power", int(s))),
        "a list in a dict of an object": (
            lambda x: (x * settings.nested["list"][0]).sum(), lambda s: settings.nested["list"].__setitem__(0, s)),
        "a function": (lambda x: held["f"](V * x).sum(), lambda s: held.update(f=np.tanh if s == 2.0 else np.sin)),
        "another array": (lambda x: (x * held["array"]).sum(), lambda s: held.update(array=np.arange(3.0) * s)),
        "another Value": (lambda x: (x * held["value"]).sum(), lambda s: held.update(value=Value([s, 1.0, 2.0]))),
        "a number in an array": (lambda x: (x * scalar).sum(), lambda s: scalar.__setitem__((), s)),
        "what is in an array": (lambda x: (x * array).sum(), set_array),
        "what is in an array that NumPy computes with": (lambda x: (x * np.sort(-array)).sum(), set_array),
        "a mask outside": (lambda x: (V * x)[np.flatnonzero(mask)].sum(), set_mask),
        "a large array": (lambda x: (x * big[:3]).sum(), written_big),
        "a global of a row of one's own": (lambda x: row(V * x).sum(), set_global),
        "a keyword of partial": (lambda x: (x * dictionary["s"]).sum(), lambda s: dictionary.update(s=s)),
    }  # fmt: skip


@pytest.mark.parametrize("name", around())
def test_what_changes_around_a_function_counts(name: str) -> None:
    def make() -> Any:
        step, change = around()[name]
        change(2.0)
        current.append(change)
        return step, list

    current: list[Any] = []
    try:
        check(make, [vectors(i) for i in range(6)] * 2, lambda i: current[-1](5.0) if i == 4 else None, None)
    finally:
        current[-1](2.0)


class Scaling:
    """What multiplies by 2: in a class attribute, in methods of all kinds, and by operators."""

    scale: Any = 2.0

    def method(self, x: Any) -> Any:
        return x * 2.0

    @staticmethod
    def without_self(x: Any) -> Any:
        return x * 2.0

    @classmethod
    def of_class(cls, x: Any) -> Any:
        return x * 2.0

    @property
    def twice(self) -> Any:
        return 2.0

    def __call__(self, x: Any) -> Any:
        return x * 2.0

    def __len__(self) -> int:
        return 2


class Derived(Scaling):
    """What has all that of another class."""

    def above(self, x: Any) -> Any:
        return super().method(x)


class Deriving(Scaling):
    """What does a part of it by the method of another class."""

    def method(self, x: Any) -> Any:
        return super().method(x)


class Kind(type):
    """A class of classes that are called in a way of their own."""

    def __call__(cls, x: Any) -> Any:
        return x * cls.scale  # type: ignore[attr-defined]


class Called(metaclass=Kind):
    scale = 2.0


class Descriptor:
    """A number of a class that stands in another object."""

    part = 2.0

    def __get__(self, owner: Any, kind: Any = None) -> Any:
        return self.part


class Described:
    part = Descriptor()


class Asking:
    """What answers to any name, and raises what it likes."""

    def __init__(self) -> None:
        self.table = {"scale": 2.0}

    def __getattr__(self, name: str) -> Any:
        return vars(self)["table"][name]


class Answering:
    """What answers to any name with the same number."""

    def __init__(self) -> None:
        self.number = 2.0

    def __getattr__(self, name: str) -> Any:
        return vars(self)["number"]


class Chained(ChainMap[str, float]):
    """A chain of dicts with an attribute, and with code."""

    factor = 2.0

    def scale(self) -> float:
        return self["s"] / 2.0 * self.factor * (SCALE / 2.0)


class Decorating:
    """A decorator that is a class."""

    def __init__(self, function: Any) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.factor = 2.0

    def __call__(self, x: Any) -> Any:
        return self.function(x) * self.factor * (SCALE / 2.0)


class Redecorating(Decorating):
    """Another, which is changed."""


def instead(x: Any, name: str, make: Callable[[float], Any] = float) -> Callable[[float], None]:
    """What puts another thing in the place of an attribute, or where none is, and takes it away again."""
    was = vars(x).get(name)

    def change(s: float) -> None:
        if s != 2.0:
            setattr(x, name, make(s))
        elif was is not None:
            setattr(x, name, was)
        elif name in vars(x):
            delattr(x, name)

    return change


def product(s: float) -> Any:
    return lambda x: x * s


def methods(s: float) -> Any:
    return lambda self, x: x * s


class Descent(optim.Optimizer):
    """An optimiser of one's own."""

    def __init__(self, w: Value) -> None:
        super().__init__([w], {"lr": 1.0})
        self.rate = 2.0

    def direction(self, g: Any, state: Any, t: Any, group: Any) -> Any:
        return -g * self.rate


def unseen() -> dict[str, tuple[Step, Callable[[float], None]]]:
    """The same of what a name leads to by other ways than the dict of an object or a list."""
    one, other, derived, deriving, thing, asking = Scaling(), Scaling(), Derived(), Deriving(), Described(), Asking()
    ordered, counted, named = OrderedDict(s=2.0), defaultdict(float, s=2.0), types.MappingProxyType(plain := {"s": 2.0})
    user, listed, ring, some = UserDict(s=2.0), Listed([2.0]), deque([2.0]), {2.0}
    local, var = threading.local(), ContextVar("var")
    pair, text, numbers, objects = Pair([2.0], 1), bytearray(b"\2"), array("d", [2.0]), np.array([[2.0], [1.0]], object)
    objects = np.array([None, None])
    objects[0] = cell = [2.0]
    local.scale = 2.0
    reference, schedule = weakref.ref(other), optim.StepLR(optim.SGD([Value(1.0)], lr=2.0), 1, 2.5)

    def helper(x: Any) -> Any:
        return x * 2.0

    def by_name(x: Any, *, scale: float = 2.0) -> Any:
        return x * scale

    def attributed(x: Any) -> Any:
        return x * getattr(attributed, "scale", 2.0)

    factor = {"s": 2.0}
    chain, answering = ChainMap({}, factor), Answering()
    chained, decorated, redecorated = Chained({"s": 2.0}), Decorating(lambda x: x), Redecorating(lambda x: x)
    here = sys.modules[__name__]
    for library in (queue, queue.Queue):
        library.scale = 2.0

    @functools.cache
    def remembering() -> float:
        return 1.0

    vars(remembering)["scale"] = 2.0

    def scaled(x: Any) -> Any:
        return x * factor["s"]

    @functools.singledispatch
    def dispatched(x: Any) -> Any:
        return x * factor["s"]

    moved = Value(np.zeros(3))
    descent, vectorized = Descent(moved), np.vectorize(lambda k: k * factor["s"])
    network, perceptron = nn.Sequential(nn.Residual(nn.Sequential(scaled))), nn.MLP(3, [3], None, scaled)
    perceptron.layers[0].weight.data, perceptron.layers[0].bias.data = np.eye(3), np.zeros(3)

    def descending(x: Any) -> Any:
        moved.data, moved.grad = np.zeros(3), None
        (moved * x).sum().backward()
        descent.step()
        return moved.data * 1.0

    def set_code(s: float) -> None:
        helper.__code__ = two if s == 2.0 else (lambda x: x * 5.0).__code__

    two = helper.__code__

    def set_some(s: float) -> None:
        some.clear()
        some.add(s)

    def set_ring(s: float) -> None:
        ring.clear()
        ring.append(s)

    def set_schedule(s: float) -> None:
        schedule._set(int(s != 2.0))

    return {
        "an attribute that hides that of the class": (lambda x: x * one.scale, instead(one, "scale")),
        "an attribute of a class that hides another": (lambda x: x * derived.scale, instead(Derived, "scale")),
        "an attribute that is asked for": (lambda x: x * getattr(one, "more", 2.0), instead(one, "more")),
        "an attribute that the class is asked for": (lambda x: x * getattr(one, "more", 2.0), instead(Scaling, "more")),
        "a method of an object": (lambda x: one.method(x), instead(one, "method", product)),
        "a method of a class": (lambda x: one.method(x), instead(Scaling, "method", methods)),
        "a method above another": (lambda x: deriving.method(x), instead(Scaling, "method", methods)),
        "a method that is named by super": (lambda x: derived.above(x), instead(Scaling, "method", methods)),
        "a method without self": (
            lambda x: one.without_self(x), instead(Scaling, "without_self", lambda s: staticmethod(product(s)))),
        "a method of the class": (
            lambda x: one.of_class(x), instead(Scaling, "of_class", lambda s: classmethod(methods(s)))),
        "a property": (lambda x: x * one.twice, instead(Scaling, "twice", lambda s: property(lambda self: s))),
        "a call": (lambda x: one(x), instead(Scaling, "__call__", methods)),
        "a length": (lambda x: x * len(one), instead(Scaling, "__len__", lambda s: lambda self: int(s))),
        "the class of an object": (
            lambda x: x * other.scale, lambda s: setattr(other, "__class__", Scaling if s == 2.0 else Other)),
        "the class of a class": (lambda x: Called(x), instead(Called, "scale")),
        "a descriptor": (lambda x: x * thing.part, lambda s: setattr(vars(Described)["part"], "part", s)),
        "what any name is answered with": (lambda x: x * asking.scale, lambda s: asking.table.update(scale=s)),
        "the code of a function": (lambda x: helper(x), set_code),
        "defaults by name, all of them": (
            lambda x: by_name(x), lambda s: setattr(by_name, "__kwdefaults__", {"scale": s})),
        "an attribute of a function": (lambda x: attributed(x), instead(attributed, "scale")),
        "an ordered dict": (lambda x: x * ordered["s"], lambda s: ordered.update(s=s)),
        "a dict with a default": (lambda x: x * counted["s"], lambda s: counted.update(s=s)),
        "a view of a dict": (lambda x: x * named["s"], lambda s: plain.update(s=s)),
        "a chain of dicts": (lambda x: x * chain["s"], lambda s: factor.update(s=s)),
        "a dict before others": (lambda x: x * chained["s"], lambda s: chained.maps.insert(0, {"s": s})),
        "the dicts of a chain": (lambda x: x * chained["s"], lambda s: setattr(chained, "maps", [{"s": s}])),
        "an attribute of a chain": (lambda x: x * chained.scale(), instead(chained, "factor")),
        "code of a chain": (lambda x: x * chained.scale(), instead(here, "SCALE")),
        "an attribute of a decorator": (lambda x: decorated(x), instead(decorated, "factor")),
        "code of a decorator": (lambda x: decorated(x), instead(here, "SCALE")),
        "the call of a decorator": (lambda x: redecorated(x), lambda s: setattr(
            Redecorating, "__call__", lambda self, x: self.function(x) * s)),
        "an attribute of a function that remembers": (
            lambda x: x * remembering() * remembering.scale, instead(remembering, "scale")),  # type: ignore[attr-defined]
        "an option of a library": (lambda x: x * queue.scale, instead(queue, "scale")),  # type: ignore[attr-defined]
        "an option of a library's class": (
            lambda x: x * queue.Queue.scale, instead(queue.Queue, "scale")),  # type: ignore[attr-defined]
        "a global by its name": (lambda x: x * globals()["SCALE"], instead(here, "SCALE")),
        "what any name is answered with alike": (
            lambda x: x * answering.scale, lambda s: vars(answering).update(number=s)),
        "a dict of collections": (lambda x: x * user["s"], lambda s: user.update(s=s)),
        "a list of one's own": (lambda x: x * listed[0], lambda s: listed.__setitem__(0, s)),
        "a named tuple with a list": (lambda x: x * pair.a[0], lambda s: pair.a.__setitem__(0, s)),
        "a deque": (lambda x: x * ring[0], set_ring),
        "a set": (lambda x: x * (2.0 if 2.0 in some else 5.0), set_some),
        "bytes that change": (lambda x: x * text[0], lambda s: text.__setitem__(0, int(s))),
        "an array of Python's": (lambda x: x * numbers[0], lambda s: numbers.__setitem__(0, s)),
        "a list in an array": (lambda x: x * objects[0][0], lambda s: cell.__setitem__(0, s)),
        "what a reference leads to": (lambda x: x * reference().scale, instead(other, "scale")),  # type: ignore[union-attr]
        "a variable of a context": (lambda x: x * var.get(2.0), lambda s: var.set(s)),
        "an attribute for each thread": (lambda x: x * local.scale, lambda s: setattr(local, "scale", s)),
        "what an optimiser of one's own reads": (descending, instead(descent, "rate")),
        "what a function in a network reads": (lambda x: network(x) - x, lambda s: factor.update(s=s)),
        "what an activation reads": (lambda x: perceptron(x).data, lambda s: factor.update(s=s)),
        "what a vectorized function reads": (lambda x: x * vectorized(1.0), lambda s: factor.update(s=s)),
        "what a function for each class reads": (lambda x: dispatched(x), lambda s: factor.update(s=s)),
        "the step size of a schedule": (lambda x: x * schedule.get_last_lr()[0], set_schedule),
    }  # fmt: skip


class Other(Scaling):
    scale = 5.0


class Listed(list[float]):
    """A list of one's own."""


@pytest.mark.parametrize("name", unseen())
def test_what_is_reached_in_other_ways_counts_too(name: str) -> None:
    step, change = unseen()[name]
    compiled: Any = mg.compile(lambda x: step(x), backend="numpy")
    x = np.arange(3.0)
    try:
        for s in (2.0, 5.0, 2.0, 5.0):
            change(s)
            for _ in range(4):
                assert np.array_equal(compiled(x), x * s), s
    finally:
        change(2.0)
    assert programs(compiled) <= 4  # one for all, for each number, or for each thing that has it


@pytest.mark.parametrize("kind", [np.array, Value])
@pytest.mark.parametrize("backend", ["numpy", None])
def test_whether_two_arguments_are_one_counts_where_the_code_asks(backend: Any, kind: Any) -> None:
    def step(x: Any, y: Any) -> Any:
        return x * 2.0 if x is y else x + 10.0 * y

    one, other = kind(np.ones(3)), kind(np.ones(3))
    for pairs in ([(one, other), (one, one)], [(one, one), (one, other), (other, one)]):
        compiled: Any = mg.compile(step, backend=backend)
        for x, y in pairs * 2:
            for _ in range(4):
                assert np.array_equal(compiled(x, y), np.full(3, 2.0 if x is y else 11.0))
    plain: Any = mg.compile(lambda x, y=None: x if y is None else x + 10.0 * y, backend=backend)
    for x, y in [(one, one), (one, other)]:
        for _ in range(4):
            assert np.array_equal(plain(x, y), np.full(3, 11.0))
    assert programs(plain) == 1 + (kind is Value)


def test_what_is_typed_in_is_the_users_program() -> None:
    """A notebook is no file."""
    module = types.ModuleType("typed_in")
    sys.modules["typed_in"] = module
    text = """
        class Settings:
            scale = 2.0
            @staticmethod
            def scaled(x): return x * Settings.scale
        def step(x): return Settings.scaled(x).sum()
    """
    exec(textwrap.dedent(text), vars(module))
    try:
        step: Any = mg.compile(module.step, backend="numpy")
        for s in (2.0, 5.0):
            module.Settings.scale = s
            for _ in range(4):
                assert step(np.ones(3)) == 3 * s
    finally:
        del sys.modules["typed_in"]


class Unnamed(nn.Module):
    """A Module whose layers are used without being called."""

    def __init__(self) -> None:
        self.dropout, self.norm = nn.Dropout(0.5, seed=0), nn.BatchNorm1d(3, dtype=np.float64)
        self.inner = [[nn.Linear(3, 3, dtype=np.float64, seed=0)]]

    def encode(self, x: Any) -> Any:
        return x * (2.0 if self.training else 3.0)


def scaled_linear(m: Any) -> None:
    m.inner[0].append(nn.Linear(3, 3, dtype=np.float64, seed=1))


@pytest.mark.parametrize(("step", "change"), [
    (lambda m, x: m.encode(x), nn.Module.eval), (lambda m, x: m.dropout.forward(x), nn.Module.eval),
    (lambda m, x: m.norm.forward(x), nn.Module.eval),
    (lambda m, x: m.norm.forward(x), lambda m: setattr(m.norm, "eps", 1.0)),
    (lambda m, x: x @ m.inner[0][0].weight.T * m.training, nn.Module.eval),
    (lambda m, x: x * sum(p.size for p in m.parameters()), scaled_linear),
    (lambda m, x: x * sum((p * p).sum() for p in m.parameters()), scaled_linear),
    (lambda m, x: x * sum(a.size for _, a in m.named_buffers()), lambda m: setattr(m.norm, "more", np.ones(3))),
    (lambda m, x: x * sum(1.0 for _ in m.modules()), scaled_linear),
])  # fmt: skip
def test_a_module_that_is_not_called_counts_as_it_is(step: Any, change: Any) -> None:
    def make() -> Any:
        m = Unnamed()
        models.append(m)
        return (lambda x: step(m, x)), lambda: [m.norm.running_mean]

    models: list[Any] = []
    check(make, [(x,) for x in ARRAYS * 2], lambda i: change(models[-1]) if i == 5 else None, 2)


class Trainer:
    """What has a history, that is written after each step, and shows it."""

    def __init__(self) -> None:
        self.model = nn.Linear(3, 1, dtype=np.float64, seed=0)
        self.losses: list[float] = []

    def __repr__(self) -> str:
        return f"Trainer({self.losses})"

    def step(self, x: Any) -> Any:
        return (self.model(x) ** 2).mean()


def test_what_is_written_between_the_steps_and_that_no_step_reads_is_nobodys_concern() -> None:
    trainer = Trainer()
    step: Any = mg.compile(trainer.step)
    for x in ARRAYS:
        trainer.losses.append(float(step(x)))
    assert programs(step) == 1
    assert len(repr(trainer)) > 50


class Layer(nn.Module):
    """A layer of one's own, with settings."""

    def __init__(self) -> None:
        self.weight = Value(np.ones(3))
        self.scale = 2.0
        self.calls = 0
        self.count = False

    def forward(self, x: Any) -> Any:
        if self.count:
            self.calls += 1
        return self.weight * x * (self.scale if self.training else 1.0)


def test_settings_of_a_layer_inside_a_network_count() -> None:
    def make() -> Any:
        m = nn.Sequential(Layer(), Layer())
        models.append(m)
        return (lambda x: m(x)), list

    models: list[Any] = []
    check(make, [vectors(i) for i in range(6)] * 2, lambda i: setattr(models[-1].layers[1], "scale", float(i // 6)), 2)


# ------------------------------------------------------------------------------------------------- what is an error


def appends() -> Step:
    log: list[int] = []

    def step(x: Any) -> Any:
        log.append(1)
        return x.sum()

    return step


def appends_a_result() -> Step:
    log: list[Any] = []

    def step(x: Any) -> Any:
        log.append(V * x)
        return x.sum()

    return step


def keeps_its_argument() -> Step:
    held: dict[str, Any] = {}

    def step(x: Any) -> Any:
        held["x"] = x
        return x.sum()

    return step


def keeps_in_an_attribute() -> Step:
    settings = Settings()

    def step(x: Any) -> Any:
        settings.last = V * x  # type: ignore[attr-defined]
        return x.sum()

    return step


def counts_in_a_dict() -> Step:
    counts = {"n": 0}

    def step(x: Any) -> Any:
        counts["n"] += 1
        return x.sum()

    return step


def counts_in_a_variable() -> Step:
    n = 0

    def step(x: Any) -> Any:
        nonlocal n
        n += 1
        return x.sum()

    return step


def counts_in_a_global() -> Step:
    def step(x: Any) -> Any:
        global COUNT
        COUNT += 1
        return x.sum()

    return step


def counts_in_an_array() -> Step:
    counts = np.zeros(3)

    def step(x: Any) -> Any:
        counts[0] += 1
        return x.sum()

    return step


def counts_in_a_layer() -> Step:
    layer = nn.Sequential(Layer())
    layer.layers[0].count = True
    return lambda x: layer(x)


def changes_in_every_call() -> Step:
    settings = Settings()

    def step(x: Any) -> Any:
        return x * settings.own

    step.change = lambda: setattr(settings, "own", settings.own + 1)  # type: ignore[attr-defined]
    return step


def adds_to_an_array_outside() -> Step:
    total = np.zeros(3)

    def step(x: Any) -> Any:
        np.add(total, x, out=total)
        return x.sum()

    return step


def writes_its_argument(x: Any) -> Any:
    x /= 2
    return z(x)


def writes_a_part_of_its_argument(x: Any) -> Any:
    x[1:][0] += 1
    return z(x)


def writes_into_zeros(x: Any) -> Any:
    y = np.zeros((5, 3))
    y[:] = x
    return z(y)


def adds_into_zeros(x: Any) -> Any:
    y = np.zeros((5, 3))
    y += x
    return z(y)


def while_large(x: Any) -> Any:
    y = z(x) * 100
    while abs(y) > 1:
        y = y / 2
    return y


def writes_the_data_of_a_result(x: Any) -> Any:
    v = x[:3, 0] * V
    v.data[...] = 2.0
    return v.sum()


def writes_a_larger_shape(x: Any) -> Any:
    y = x[0] * 2
    np.add(x, 1.0, out=y)
    return y


def catches_the_error(x: Any) -> Any:
    with contextlib.suppress(TypeError):
        float(x.sum())
    return z(x)


def logs(x: Any) -> Any:
    logging.getLogger(__name__).error("a step")
    return z(x)


def sorts_an_array_that_changes() -> Step:
    array = np.arange(3.0)

    def step(x: Any) -> Any:
        return z(x * np.sort(array))

    step.change = lambda: array.__iadd__(1.0)  # type: ignore[attr-defined]
    return step


LAST: deque[Any] = deque(maxlen=1)


def keeps_the_last_result(x: Any) -> Any:
    LAST.append(V * x)
    return z(x)


def alternating() -> Iterator[float]:
    while True:
        yield SIDES[0]


SIDES = [1.0]


def counting() -> dict[str, Callable[[], Any]]:
    """What keeps count in things of Python's own library, or takes what is next."""
    counter, stats, seen, ring, text = Counter(), defaultdict[str, int](int), set[int](), deque[int](), bytearray()
    jobs, numbers, var = queue.Queue[int](), itertools.count(), ContextVar[int]("var", default=0)
    cycle, items = itertools.cycle([1.0, 1.0, 2.0]), iter([1.0, 1.0, 2.0])
    drawn, again = (k for k in itertools.count()), alternating()
    pairs = zip(alternating(), itertools.repeat(1), strict=False)
    next(again), next(pairs)  # it waits where it waits in every round
    thing = types.SimpleNamespace()

    def with_attribute() -> None:
        thing.calls = 1

    return {
        "a counter": lambda: counter.update("a"), "a default": lambda: stats.__setitem__("n", stats["n"] + 1),
        "a set": lambda: seen.add(len(seen)), "a ring": lambda: ring.append(1), "bytes": lambda: text.append(1),
        "a queue": lambda: jobs.put(1), "a count": lambda: next(numbers), "a cycle": lambda: next(cycle),
        "an iterator": lambda: next(items), "a generator": lambda: next(drawn),
        "a generator in a loop": lambda: next(again), "a generator in an iterator": lambda: next(pairs),
        "a context": lambda: var.set(var.get() + 1), "a new attribute": with_attribute,
    }  # fmt: skip


@pytest.mark.parametrize("name", counting())
def test_what_is_done_to_things_of_pythons_own_library_is_refused(name: str) -> None:
    count = counting()[name]
    step: Any = mg.compile(lambda x: (count(), z(x))[1])
    with pytest.raises(Uncompilable, match=r"it (changes what is around it|takes what is next in)"):
        step(ARRAYS[0])


KEPT = threading.local()


def keeps_for_a_thread(x: Any) -> Any:
    KEPT.last = V * x
    return z(x)


def keeps_by_a_method() -> Step:
    keep = [*map(str, ())].append
    return lambda x: (keep("a step"), z(x))[1]


def sets_an_item() -> Step:
    held: dict[str, Any] = {}

    def step(x: Any) -> Any:
        held["x"] = 1
        return z(x)

    return step


def sets_an_option() -> Step:
    optimizer = optim.SGD([Value(np.ones(3))], lr=0.1)

    def step(x: Any) -> Any:
        optimizer.param_groups[0]["lr"] = x[0, 0]
        optimizer.step()
        return z(x)

    return step


TABLE = csv.writer(io.StringIO())


def prints(x: Any) -> Any:
    print("a step")
    return z(x)


def in_one_memory(x: Any) -> Any:
    for v in (TIED, MEMORY):
        v.data -= v.data * x[0, 0]
    return z(x)


TIED, MEMORY = Value(np.ones(3)), Value(np.ones(3))
TIED._numbers = MEMORY._numbers


HERE = r"test_hazards\.py:\d+, in "
LOOKS = f"looks at the numbers of .*what is to be seen is returned, and looked at outside.*{HERE}"
WHERE = r"\(\S*test_hazards\.py:\d+, in (step|<lambda>|forward)\)"
CHANGES = "cannot be compiled: it changes what is around it: "
WRONG: dict[str, tuple[Step | Callable[[], Step], str]] = {
    "if v > 0": (lambda x: z(x) if z(x) > 0 else z(x) * 2, f"a choice .*{LOOKS}"),
    "if of an array": (lambda x: z(x) if x.max() > 0 else -z(x), f"a choice .*{LOOKS}"),
    "v == 0": (lambda x: z(x) * 2 if z(x) == 0 else z(x), LOOKS),
    "while v > tolerance": (while_large, LOOKS),
    "max of two Values": (lambda x: max(z(x), -z(x)), LOOKS),
    "sorted": (lambda x: sorted([z(x), -z(x)])[0], LOOKS),
    "in": (lambda x: z(x) * (3.0 in x), LOOKS),
    "item()": (lambda x: z(x) * z(x).item(), f"item.*{LOOKS}"),
    "item() of an array": (lambda x: z(x) * x[0, 0].item(), f"item.*{LOOKS}"),
    "float(v)": (lambda x: z(x) * float(z(x)), f"float.*{LOOKS}"),
    "int(v)": (lambda x: z(x) * int(z(x)), f"int.*{LOOKS}"),
    "tolist()": (lambda x: z(x) * x.tolist()[0][0], f"tolist.*{LOOKS}"),
    "math.sin(v)": (lambda x: z(x) * math.sin(x[0, 0]), LOOKS),
    "an f-string": (lambda x: (f"{z(x)}", z(x))[1], f"printing.*{LOOKS}"),
    "a format": (lambda x: (f"{z(x):.2f}", z(x))[1], f"printing.*{LOOKS}"),
    "repr of an array": (lambda x: (repr(x), z(x))[1], f"printing.*{LOOKS}"),
    "np.array_repr": (lambda x: (np.array_repr(z(x)), z(x))[1], f"array_repr makes .*a program could not know.*{HERE}"),
    "np.asarray": (lambda x: z(np.asarray(x)), f"np.asarray.*{LOOKS}"),
    "np.asarray of a list": (lambda x: z(np.asarray([x[0, 0]])), "a list of numbers is given as an array"),
    "an array taken from by labels": (
        lambda x: np.eye(4)[x.argmax(1)].sum() * z(x), LOOKS),
    "copy.deepcopy": (lambda x: z(x) * copy.deepcopy(V).sum(), "copying or pickling it: this looks at the numbers"),
    "print": (prints, f"print.*Return what is to be printed.*{HERE}"),
    "the clock": (lambda x: z(x) * (int(time.time()) % 2), f"time.*Call it outside.*{HERE}"),
    "the environment": (lambda x: z(x) * len(os.environ.get("HOME", "")), f"environ.*Look it up outside.*{HERE}"),
    "an item of the environment": (lambda x: z(x) * ("HOME" in os.environ), f"os.environ in a compiled .*{HERE}"),
    "whether a file is there": (lambda x: z(x) * os.path.exists("on"), f"^exists\\(\\) in .*Look it up.*{HERE}"),
    "a path": (lambda x: z(x) * Path("on").is_file(), f"^is_file\\(\\) in .*Look it up.*{HERE}"),
    "what a file holds": (lambda x: z(x) * len(Path(__file__).read_text()), f"read_text.*Read outside.*{HERE}"),
    "an array in a file": (lambda x: z(x) * np.load(__file__).sum(), f"^load\\(\\) in .*Read outside.*{HERE}"),
    "a print of several lines": (lambda x: (pprint.pprint(1), z(x))[1], f"pprint.*Return what is to be w.*{HERE}"),
    "a new name": (lambda x: z(x) * (uuid.uuid4().int % 2), f"uuid4.*Call it outside.*{HERE}"),
    "what is in a folder": (lambda x: z(x) * len(list(Path().glob("*.py"))), f"Look it up outside.*{HERE}"),
    "the folder": (lambda x: z(x) * len(os.getcwd()), f"getcwd.*Look it up outside.*{HERE}"),
    "how errors are treated": (lambda x: z(x) * (np.geterr()["over"] == "warn"), f"geterr.*Look it up.*{HERE}"),
    "a text that is evaluated": (lambda x: z(x) * eval("SCALE"), f"eval.*Write out what it computes.*{HERE}"),
    "np.random": (lambda x: z(x + np.random.normal(size=x.shape)),  # noqa: NPY002
                  "it draws random numbers from np.random"),
    "np.random, few outcomes": (lambda x: z(x) * np.random.randint(0, 2),  # noqa: NPY002
                  "it draws random numbers from np.random"),
    "random": (lambda x: z(x) * random.random(), "it draws random numbers from random"),
    "a generator": (lambda x: z(x) * GENERATOR.integers(0, 2), f"it draws random numbers from GENERATOR {WHERE}"),
    "a result kept in a list": (appends_a_result(), "keeps .*in something outside|with 0 items"),
    "an argument kept in a dict": (keeps_its_argument(), "held with|keeps .* in something outside"),
    "a result kept in an attribute": (keeps_in_an_attribute(), "last = |keeps .* in something outside"),
    "a result kept in a deque": (keeps_the_last_result, f"{CHANGES}LAST with 0 items, and then with 1"),
    "a result kept for a thread": (keeps_for_a_thread, "keeps the Value of shape .* in something outside"),
    "a list that grows": (appends(), f"{CHANGES}log with 0 items, and then with 1 {WHERE}"),
    "a method that is kept by itself": (keeps_by_a_method(), f"{CHANGES}.*with 0 items, and then with 1"),
    "an item of a dict": (sets_an_item(), f"{CHANGES}held with 0 items, and then with 1 {WHERE}"),
    "an option of an optimiser": (sets_an_option(), f"it sets param_groups\\[0\\]\\['lr'\\], .*Set it outside.*{HERE}"),
    "a row of a table": (lambda x: (TABLE.writerow([1]), z(x))[1], f"writerow.*Return what is to be written.*{HERE}"),
    "the hour": (lambda x: z(x) * int(time.strftime("%S")), f"strftime.*Call it outside.*{HERE}"),
    "a counter in a dict": (counts_in_a_dict(), f"{CHANGES}counts\\['n'\\] = 0, and then 1 {WHERE}"),
    "a counter around the function": (counts_in_a_variable(), f"{CHANGES}n = 0, and then 1 {WHERE}"),
    "a counter that is global": (counts_in_a_global(), f"{CHANGES}COUNT = 0, and then 1 {WHERE}"),
    "a counter in an array": (
        counts_in_an_array(), f"it writes into the array counts of shape \\(3,\\), which is outside of it {WHERE}"),
    "a counter in a layer": (counts_in_a_layer(), f"{CHANGES}.*calls = 0, and then 1 {WHERE}"),
    "what changes in every call": (changes_in_every_call(), "recorded something else .*own = .*is an argument"),
    "an array outside that is added to": (
        adds_to_an_array_outside(), f"what is written into it is not recorded.*{HERE}"),
    "an argument that is written": (writes_its_argument, f"writes into an argument.*Write x = x / 2.*{HERE}"),
    "a part of an argument": (writes_a_part_of_its_argument, f"writes into an argument.*{HERE}"),
    "zeros that are written into": (writes_into_zeros, f"np.zeros_like.*{HERE}"),
    "zeros that are added to": (adds_into_zeros, f"begin with np.zeros_like.*{HERE}"),
    "np.copyto": (lambda x: (np.copyto(y := x * 1, 2.0), z(y))[1], f"copyto.*np.where.*{HERE}"),
    "np.add.at": (lambda x: (np.add.at(y := x * 1, 0, 1.0), z(y))[1], f"add.at.*x.at.*add.*{HERE}"),
    "x.flat": (lambda x: z(x) * x.flat[0], f"flat.*ravel.*{HERE}"),
    "the data of a result": (writes_the_data_of_a_result, f"lies in an array that was written since.*{HERE}"),
    "what was computed before": (lambda x: (OLD * x).sum(), f"was computed before the step.*pass it.*{HERE}"),
    "an error that is caught": (catches_the_error, f"float.*{LOOKS}"),
    "a logger": (logs, f"logging.*Return what is to be logged.*{HERE}logs"),
    "an array that changes, and is sorted": (
        sorts_an_array_that_changes(), "array with other numbers, with which plain NumPy computes"),
    "a set": (lambda x: {1, 2}, f"returns .*in tuples, lists and dicts.*{HERE}"),
    "a generator out": (lambda x: (y for y in [z(x)]), f"returns .*in tuples, lists and dicts.*{HERE}"),
    "nothing at all": (lambda x: None, "nothing to compile"),
    "one of several numbers": (lambda x: z(x) * x.item(3), f"item.*{LOOKS}"),
    "two parameters in one memory": (in_one_memory, f"lies in the memory of another one. Give each its own.*{HERE}"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_it_is_an_error_that_says_what_to_write(name: str) -> None:
    step, says = WRONG[name]
    compiled = mg.compile(step)

    def calls() -> None:
        for x in ARRAYS:
            compiled(x.copy())
            getattr(step, "change", int)()

    with pytest.raises(Uncompilable, match=f"(?s){says}"):
        calls()


def adds_to_a_list(x: Any, held: Any) -> Any:
    held.append(x.sum())
    return z(x)


def sets_a_state(x: Any, held: Any) -> Any:
    held["m"] = 0.9 * held["m"] + x.sum()
    return z(x)


def puts_another_parameter(x: Any, held: Any) -> Any:
    held[0][0] = Value(1.0)
    return z(x)


@pytest.mark.parametrize(("step", "held", "name"), [
    (adds_to_a_list, [], "held"), (sets_a_state, {"m": np.zeros(3)}, "held"),
    (puts_another_parameter, ([V],), r"held\[0\]"),
])  # fmt: skip
def test_what_a_step_puts_into_its_arguments_is_refused(step: Step, held: Any, name: str) -> None:
    """They are copies: it was lost, in every call."""
    before = copy.copy(held)
    for args, named in (((ARRAYS[0], held), {}), ((ARRAYS[0],), {"held": held})):
        with pytest.raises(Uncompilable, match=rf"it changes its argument {name}"):
            mg.compile(step)(*args, **named)
    assert held == before


def test_an_option_that_a_step_has_set_is_an_ordinary_one() -> None:
    """It was something of the step's, of which every later step was an error."""
    w = Value(np.ones(3))
    optimizer = optim.SGD([w], lr=0.1)

    @mg.compile
    def step(x: Any, lr: float) -> Any:
        optimizer.param_groups[0]["lr"] = lr
        (w * x).sum().backward()
        optimizer.step()
        return w.sum()

    with pytest.raises(Uncompilable, match=r"it sets param_groups\[0\]\['lr'\]"):
        step(np.ones(3), 0.5)
    assert optimizer.param_groups[0]["lr"] == 0.5
    w.grad = np.ones(3)
    optimizer.step()
    assert np.array_equal(w.data, np.full(3, 0.5))


def test_arguments_of_other_kinds_are_refused() -> None:
    step = mg.compile(lambda x: (V * x).sum())
    with pytest.raises(Uncompilable, match=r"a recarray is handed in. np\.asarray"):
        step(np.rec.array(np.arange(3.0)))
    with pytest.raises(TypeError, match="complex|real"):  # noqa: RUF043
        mg.compile(lambda x: (V * x).sum())(np.arange(3) * 1j)


def test_a_float_has_what_numbers_have() -> None:
    with pytest.raises(Uncompilable, match=rf"x\.hex of a number is not recorded.*{HERE}"):
        mg.compile(lambda t: V * len(t.hex()))(0.5)
    with pytest.raises(TypeError, match="a number has no elements"):
        mg.compile(lambda t: V * t[0])(0.5)
    with pytest.raises(AttributeError, match="a number has no 'nothing'"):
        mg.compile(lambda t: V * t.nothing)(0.5)


def test_a_result_is_not_written_into_a_smaller_array() -> None:
    with pytest.raises(ValueError, match=r"shape \(5, 3\) cannot be written into one of \(3,\)"):
        mg.compile(writes_a_larger_shape)(ARRAYS[0])


def test_a_part_of_an_argument_that_lies_in_what_is_written_is_told() -> None:
    w = Value(np.ones((3, 2)))

    @mg.compile
    def step(x: Any) -> Any:
        w.data *= 2.0
        return x.sum()

    with pytest.raises(Uncompilable, match=f"lies in the memory of an argument.*x.copy.*{HERE}step"):
        step(w.data[1:])


def test_data_of_a_result_is_not_assigned() -> None:
    def step(x: Any) -> Any:
        y = V * x
        y.data = x
        return y

    says = []
    for f in (step, mg.compile(step)):
        with pytest.raises((TypeError, RuntimeError, ValueError, AttributeError)) as error:
            f(A)
        says.append((type(error.value), str(error.value)))
    assert says[0] == says[1]


def test_a_stand_in_that_has_got_out_says_so() -> None:
    out: list[Any] = []
    with pytest.raises(Uncompilable):
        mg.compile(lambda x: (out.append(x), x * 2)[1])(A)
    with pytest.raises(RuntimeError, match="is used outside of it"):
        out[0].copy()


@pytest.mark.parametrize("backend", ["numpy", None])
def test_what_is_assigned_is_another_array(backend: Any) -> None:
    w = Value([1.0, 2.0, 3.0])

    @mg.compile(backend=backend)
    def step(x: Any) -> Any:
        w.data = w.data * x
        w.grad = x * 2

    for _ in range(4):
        step(A)
        data, grad = w.data, w.grad
        before = data.copy(), grad.copy()
        step(A + 1)
        assert (data == before[0]).all()
        assert (grad == before[1]).all()


def test_an_array_that_the_program_computes_with_may_be_another_in_every_call() -> None:
    array = np.arange(3.0)
    step = mg.compile(lambda x: V * x * array)
    for _ in range(5):
        array += 1.0
        assert (step(A).data == V.data * A * array).all()
    assert repr(step).endswith("1 program>")


def test_arguments_are_not_kept() -> None:
    step = mg.compile(lambda x, o: x * o[0].own)
    settings, x = Settings(), np.ones(3)
    step(x, (settings,))
    gone, static = weakref.ref(x), weakref.ref(settings)
    del x, settings
    assert gone() is None
    assert static() is not None  # or another might come to lie where it lay


def test_an_object_that_is_gone_is_not_taken_for_another() -> None:
    """A static argument is known by where it lies in memory."""
    step = mg.compile(lambda x, o: x * o.own)
    for i in range(12):
        settings = Settings()
        settings.own = float(i)
        assert step(np.ones(1), settings)[0] == i
        del settings


def test_a_profiler_of_the_users_goes_on() -> None:
    import sys

    calls: list[str] = []
    step = mg.compile(lambda x: (V * x).sum())
    sys.setprofile(lambda frame, event, arg: calls.append(event))
    try:
        step(A)
        profile = sys.getprofile()
    finally:
        sys.setprofile(None)
    assert profile is not None
    assert calls


def test_a_clock_is_noticed_whichever_call_is_the_first_to_read_it() -> None:
    reads = [False]

    @mg.compile(backend="numpy")
    def step(x: Any) -> Any:
        return x * (int(time.time()) % 2) if reads[0] else x * 2.0

    step(np.ones(3))
    reads[0] = True
    step(np.ones(3))  # is another one than the first, and is no program yet
    with pytest.raises(Uncompilable, match=r"^time\(\) in a compiled step"):
        step(np.ones(3))


@pytest.mark.parametrize("where", ["a rule", "a function that a rule is made of"])
def test_a_rule_that_reads_a_clock_does_so_in_every_run(where: str) -> None:
    def late(g: Any, out: Any, x: Any) -> Any:
        return g * float(time.perf_counter_ns())

    rules = {"a rule": late, "a function that a rule is made of": lambda *given: late(*given)}
    double = mg.primitive(rules[where])(lambda x: 2 * x)
    w = Value([1.0, 2.0])

    @mg.compile(backend="numpy")
    def step(x: Any) -> Any:
        w.grad = None
        double(w * x).sum().backward(release=True)
        return w.grad

    seen = [float(step(np.ones(2))[0]) for _ in range(5)]
    assert seen == sorted(set(seen))


def test_the_state_of_an_optimiser_may_be_loaded_between_the_calls_that_are_recorded() -> None:
    made: list[Any] = []

    def make() -> Any:
        ws = [Value(1.0), Value(np.arange(6.0).reshape(2, 3))]
        optimiser = mg.optim.Adam(ws, 0.125)
        made.append(optimiser)

        def step(x: Any) -> Any:
            optimiser.zero_grad()
            cost = ((ws[0] * ws[1] - x) ** 2).sum()
            cost.backward()
            optimiser.step()
            return cost

        return step, lambda: [w.data for w in ws]

    def between(i: int) -> None:
        if i in (1, 2):
            made[-1].load_state_dict(copy.deepcopy(made[-1].state_dict()))

    check(make, [(np.full((2, 3), 0.5 * i),) for i in range(7)], between, count=None)


def test_a_copy_that_a_reshape_made_may_be_written() -> None:
    def make() -> Any:
        w = Value(np.asfortranarray(np.arange(6.0).reshape(2, 3)))

        def step(x: Any) -> Any:
            flat = w.data.reshape(-1)  # of columns one after the other: a copy, and w stays what it is
            flat -= x
            w.data *= 0.5
            return flat

        return step, lambda: [w.data]

    check(make, [(np.arange(6.0),)] * 4)


@pytest.mark.parametrize("backend", ["numpy", "native"])
def test_an_argument_that_is_a_parameter_is_not_read_after_that_has_moved(backend: Any) -> None:
    """An eager step sees it moved. A program has it as it was, so that it must not run."""
    if backend == "native":
        pytest.importorskip("llvmlite")
    w, v = Value(np.ones((3, 3))), Value(np.ones((3, 3)))

    @mg.compile(backend=backend)
    def step(x: Any) -> Any:
        w.data -= 0.25 * v.data
        v.data -= x.T
        return w.data * 1.0

    for _ in range(4):
        step(np.ones((3, 3)))
    step(v.data.copy())
    with pytest.raises(Uncompilable, match="lies in the memory of an argument"):
        step(w.data)
