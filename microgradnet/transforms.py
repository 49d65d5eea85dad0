"""Differentiation as functions of functions: gradients are returned, never deposited in `.grad`.

Arguments. What is differentiated by are the floats, floating-point arrays and Values in the chosen arguments, alone or
in nested dicts, lists, tuples, named tuples and dataclasses, and the parameters of Modules. f is called with fresh
Values in their place, in a copy of the structure: what it does to the copy does not reach the caller's. Everything else
in a chosen argument is a constant: integers, integer arrays, strings, None, functions, frozen parameters, and in a
Module also its arrays.

Gradients come back in the same structure. In a plain container None stands where a constant was. The gradient of a
Module is a copy of the Module with each gradient in the place of its parameter, None for its other arrays and frozen
parameters and the rest as it was; a parameter it has under two names has the whole gradient under both.
`tree.leaves(model, gradient)` pairs the two. A Value that stands twice in a list or dict is two variables there, as two
equal arrays would be. Where the result does not depend on a variable, its gradient is 0.

Results. Arrays in, arrays out; a Value anywhere in, Values out, which can be differentiated further: a Value among the
arguments, or one that f closes over and uses. Transforms nest by this alone: inside another one the variables of the
outer are such Values. A Module among the arguments is taken for its numbers: its parameters do not make Values of the
results, except inside another transform. To hold a Value that f closes over constant, use `v.data` or
`functional.stop_gradient(v)`. Under `no_grad` results are plain.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy import ndarray

from . import tree
from .core import (
    NO_PARAMS,
    RECORDING,
    TABLE,
    NonDiff,
    Op,
    Value,
    by_age,
    floating,
    history,
    modes,
    new_age,
    new_value,
    numbers,
    recording,
    start,
    swept,
)
from .tree import VARIABLE
from .words import brief, describe, refuse

__all__ = ["checkpoint", "grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]

Function: TypeAlias = Callable[..., Any]
Gradients: TypeAlias = dict[Value, Any]

NOTHING = contextlib.nullcontext(False)


@contextlib.contextmanager
def _on() -> Iterator[bool]:
    """What a transform does is recorded, under no_grad too; whether it is under one."""
    quiet = not RECORDING.get()
    with recording():
        yield quiet


# ------------------------------------------------------------------------------------------------ gradients of a number


def grad(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """The function that returns the gradient of the number `f(*args)` by the argument `argnums`.

    With several argnums it returns a tuple of gradients. With `has_aux`, f returns (number, anything) and the function
    (gradient, anything). TypeError if there is nothing to differentiate by, ValueError if f returns more than one
    number.

    >>> grad(np.tanh)(0.0)
    np.float64(1.0)
    >>> grad(grad(lambda x: x**3))(2.0)
    np.float64(12.0)
    >>> grad(lambda p, x: (p["w"] * x + p["b"]).sum())({"w": 2.0, "b": 1.0}, np.array([1.0, 3.0]))
    {'w': np.float64(4.0), 'b': np.float64(2.0)}
    """
    both = _gradient_of("grad", f, argnums, has_aux)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        out, gradients = both(args, kwargs)
        return (gradients, out[1]) if has_aux else gradients

    return _named(gradient, f, "gradient")


def value_and_grad(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """The function that returns `f(*args)`, a number, and its gradient by the argument `argnums`. See `grad`.

    With `has_aux` the function returns ((number, anything), gradient).

    >>> value_and_grad(lambda x, y: x * y, argnums=(0, 1))(3.0, 5.0)
    (np.float64(15.0), (np.float64(5.0), np.float64(3.0)))
    """
    both = _gradient_of("value_and_grad", f, argnums, has_aux)

    def value_and_gradient(*args: Any, **kwargs: Any) -> Any:
        return both(args, kwargs)

    return _named(value_and_gradient, f, "value and gradient")


def _gradient_of(name: str, f: Function, argnums: Any, has_aux: bool) -> Function:
    chosen = _chooser(name, f, argnums)

    def both(args: Any, kwargs: Any) -> Any:
        with _on() if modes.on else NOTHING as quiet:
            variables = Variables(name, args, chosen(args), kwargs)
            out, aux = variables.call(f, kwargs), None
            if has_aux:
                out, aux = _pair(name, out)
            _check_output(name, out)
            if out.size != 1:
                raise ValueError(
                    f"{name} differentiates one number; f returned shape {out.shape}. Reduce it in f (.sum(), .mean()) "
                    f"or use vjp (a combination of its elements) or jacobian (all of them)"
                )
            nodes, linked = variables.history([out], quiet)
            value = out if linked else _owned(out._numbers)
            gradients = _pull(nodes, [(out, start(out, None, linked))], linked, release=not linked)
            results = variables.results(gradients, linked)
            if has_aux:
                value = (value, aux if linked else variables.plain(aux))
            return value, results

    return both


# ------------------------------------------------------------------------------------------------- vectors and matrices


def vjp(f: Function, *args: Any, has_aux: bool = False) -> Any:
    """`f(*args)`, and the function from a gradient of that result to a tuple of gradients, one for each argument.

    The result may be a Value or a structure of Values; the gradient has its structure, shapes and dtypes. The function
    can be called many times. With `has_aux`, f returns (result, anything), and (result, function, anything) comes back.

    >>> y, pull = vjp(lambda x, w: x * w, np.array([1.0, 2.0]), 3.0)
    >>> y
    array([3., 6.])
    >>> pull(np.array([1.0, 10.0]))
    (array([ 3., 30.]), np.float64(21.0))
    """
    _check_function("vjp", f)
    with _on() if modes.on else NOTHING as quiet:
        variables = Variables("vjp", args, tuple(range(len(args))), {}, lasting=True)
        result, aux = variables.call(f, {}), None
        if has_aux:
            result, aux = _pair("vjp", result)
        outputs = Outputs("vjp", result)
        _, linked = variables.history(outputs.values, quiet)

    def pullback(gradient: Any) -> tuple[Any, ...]:
        with _on() if modes.on else NOTHING as quiet:
            given = outputs.match(gradient)
            record = (linked or any(type(g) is Value for g in given)) and not quiet
            roots = [(v, start(v, g, record)) for v, g in zip(outputs.values, given, strict=True)]
            nodes, _ = _recorded(outputs.values, variables.since)  # again: a Value may have been written since
            return tuple(variables.structures(_pull(nodes, roots, record), record))

    out = result if linked else outputs.like([_owned(v._numbers, copy=True) for v in outputs.values])
    return (out, pullback, aux if linked else variables.plain(aux)) if has_aux else (out, pullback)


def jvp(f: Function, args: Any, tangents: Any) -> tuple[Any, Any]:
    """`f(*args)`, and how fast it changes when the arguments move along `tangents`, in the same structure.

    `args` and `tangents` are tuples, one entry for each argument; anything but a tuple is the only argument. It costs
    about two gradients, whatever the size of the result: the gradient is linear in what it starts from, and this is the
    gradient of that.

    >>> jvp(np.sin, 0.0, 1.0)
    (np.float64(0.0), np.float64(1.0))
    >>> jvp(lambda x, y: x * y, (np.array([1.0, 2.0]), 3.0), (np.array([1.0, 0.0]), 1.0))
    (array([3., 6.]), array([4., 2.]))
    """
    _check_function("jvp", f)
    args, tangents = _as_arguments("jvp", args, tangents)
    with _on() if modes.on else NOTHING as quiet:
        variables = Variables("jvp", args, tuple(range(len(args))), {})
        result = variables.call(f, {})
        outputs = Outputs("jvp", result)
        nodes, linked = variables.history(outputs.values, quiet)
        directions, flowing = variables.match(tangents)
        record = linked or (flowing and not quiet)
        # Ones, not zeros: 0 · inf would warn, and what the first sweep comes to is of no interest.
        seeds = [new_value(Value, np.ones(v.shape, v.dtype)[()], None, (), VARIABLE) for v in outputs.values]
        since = new_age()
        first = _pull(nodes, list(zip(outputs.values, seeds, strict=True)), True)
        moving = [(first[v], d) for v, d in zip(variables.values, directions, strict=True) if v in first]
        linear, _ = _recorded([g for g, _ in moving], since)
        found = _pull(linear, [(g, start(g, d, record)) for g, d in moving], record, release=not record)
        tangent = outputs.like([_result(found.get(u), u, record) for u in seeds])
        return (result if record else outputs.like([_owned(v._numbers) for v in outputs.values])), tangent


def jacobian(f: Function, argnums: int | Sequence[int] = 0) -> Function:
    """The function that returns all slopes of the array `f(*args)` by the argument `argnums`.

    Their shape is (*shape of the result, *shape of the argument). Of a structure that f returns, each array becomes the
    structure of its slopes by the argument; with several argnums, by each of them in a tuple. It sweeps once for each
    element of the result, over one recorded computation.

    >>> jacobian(lambda x: x * x)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    chosen = _chooser("jacobian", f, argnums)

    def slopes(*args: Any, **kwargs: Any) -> Any:
        with _on() if modes.on else NOTHING as quiet:
            variables = Variables("jacobian", args, chosen(args), kwargs)
            outputs = Outputs("jacobian", variables.call(f, kwargs))
            _, linked = variables.history(outputs.values, quiet)
            return outputs.like(
                [variables.results(_rows(v, variables, linked), linked, v.shape) for v in outputs.values]
            )

    return _named(slopes, f, "jacobian")


def _rows(out: Value, variables: Variables, record: bool) -> Gradients:
    """The slopes of every element of `out`, stacked, by each variable it depends on."""
    nodes, _ = _recorded([out], variables.since)
    rows: dict[Value, list[Any]] = {v: [] for v in variables.values}
    for i in range(out.size):
        one = np.zeros(out.size, out.dtype)
        one[i] = 1
        found = _pull(nodes, [(out, start(out, one.reshape(out.shape), record))], record)
        for v, row in rows.items():
            row.append(found.get(v))
    blocks = {}
    for v, row in rows.items():
        if any(g is not None for g in row):
            stacked: Any = np.stack([_result(g, v, record) for g in row])
            blocks[v] = stacked.reshape(out.shape + v.shape)
    return blocks


def hessian(f: Function, argnums: int | Sequence[int] = 0) -> Function:
    """The function that returns all second derivatives of the number `f(*args)`: the jacobian of the gradient.

    Their shape is twice that of the argument. For a structure, or several argnums, it is a structure of structures:
    first by what the gradient is of, then by what that is differentiated by.

    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 3.0]))
    array([[6., 2.],
           [2., 0.]])
    """
    return _named(jacobian(grad(f, argnums), argnums), f, "hessian")


def hvp(f: Function, args: Any, tangents: Any) -> Any:
    """The second derivatives of the number `f(*args)`, times `tangents`: how the gradient changes along them.

    `args` and `tangents` are tuples, one entry for each argument, and a tuple comes back; anything but a tuple is the
    only argument. It costs a few gradients and never holds the matrix.

    >>> hvp(lambda x: x[0] ** 2 * x[1], np.array([1.0, 3.0]), np.array([1.0, 0.0]))
    array([6., 2.])
    """
    _check_function("hvp", f)
    single = type(args) is not tuple
    args, tangents = _as_arguments("hvp", args, tangents)
    with _on() if modes.on else NOTHING as quiet:
        variables = Variables("hvp", args, tuple(range(len(args))), {})
        out = variables.call(f, {})
        _check_output("hvp", out)
        if out.size != 1:
            raise ValueError(
                f"hvp differentiates one number; f returned shape {out.shape}. Reduce it in f: .sum(), .mean()"
            )
        nodes, linked = variables.history([out], quiet)
        directions, flowing = variables.match(tangents)
        record = linked or (flowing and not quiet)
        first = _pull(nodes, [(out, start(out, None, True))], True)
        moving = [(first[v], d) for v, d in zip(variables.values, directions, strict=True) if v in first]
        nodes, _ = _recorded([g for g, _ in moving], variables.since)
        # Released, the gradient's graph takes f's along: both are in `nodes`.
        found = _pull(nodes, [(g, start(g, d, record)) for g, d in moving], record, release=not record)
        results = variables.structures(found, record)
        return results[0] if single else tuple(results)


# --------------------------------------------------------------------------------------------------------- checkpoint


class Checkpointed(Op):
    """What stands for a whole computation: it is recomputed when a sweep comes to it."""

    def __init__(self, name: str, compute: Callable[[], Value]) -> None:
        super().__init__(f"checkpoint of {name}", (), forward=_no_replay)
        self.kind = Value
        self.compute = compute

    def pull(self, node: Value, g: Any, create_graph: bool, pending: Gradients) -> None:
        """Compute it again, recorded this time, and sweep that."""
        since = new_age()
        with _on() if modes.on else NOTHING:
            again = self.compute()
        data, before = again._numbers, node._numbers
        if data.shape != before.shape or data.dtype != before.dtype or not _alike(data, before):
            raise RuntimeError(
                f"the {self.name} computed other numbers the second time. Does it draw random numbers, or use "
                f"something that has changed since? Draw and compute those outside, and pass them as arguments"
            )
        nodes, used = _recorded([again], since)
        if not used <= set(node.args):
            new = next(iter(used - set(node.args)))
            raise RuntimeError(
                f"the {self.name} used {describe(new)} the second time and not the first. Make parameters before the "
                f"call, and do not replace what the function closes over before backward()"
            )
        for x, gx in _pull(nodes, [(again, g)], create_graph, release=not create_graph).items():
            if x in used:
                pending[x] = pending[x] + gx if x in pending else gx


def _no_replay(*inputs: Any, **params: Any) -> Any:
    refuse("a checkpoint is recomputed from its own arguments, it cannot be replayed with others")


def _alike(x: Any, y: Any) -> bool:
    """Whether two results of the same computation are the same, but for the last bits."""
    with np.errstate(all="ignore"):
        tolerance = min(1000 * float(np.finfo(x.dtype).eps), 0.01)
        size = np.max(np.abs(y), initial=0.0, where=np.isfinite(y))
        return bool(np.allclose(x, y, rtol=tolerance, atol=tolerance * float(size), equal_nan=True))


def checkpoint(f: Function) -> Function:
    """`f`, remembering its inputs only: a sweep that comes to it computes it again, for the sake of memory.

    It takes what f takes and returns what f returns. All the Values that f uses get their gradients, those it closes
    over as well, to any order; gradients are the same as without, but for the order in which several add up. What f
    returns is one Value of the history, or that and the cuts from it if it returns several.

    f is called again during the sweep, so it must compute the same: a function that draws random numbers or whose plain
    surroundings have changed is noticed if its result differs, and RuntimeError says so. Draw outside, and pass what
    is drawn.

    >>> w, x = Value(3.0), Value(2.0)
    >>> y = checkpoint(lambda x: np.exp(np.sin(x) * w))(x)
    >>> y.op
    <Op checkpoint of <lambda>>
    >>> y.backward()
    >>> bool(np.isclose(w.grad, np.sin(2.0) * y.data))
    True
    """
    _check_function("checkpoint", f)

    def checkpointed(*args: Any, **kwargs: Any) -> Any:
        if modes.on and not RECORDING.get():
            return f(*args, **kwargs)
        since = new_age()
        result = f(*args, **kwargs)
        parts = _flowing(result)
        if not parts:
            return _cut_masks(result, {}, since)
        whole = _joined(parts)
        _, used = _recorded([whole], since)
        if whole.age < since or not used:  # nothing was computed, or from constants alone
            return result

        def compute() -> Value:
            again = _flowing(f(*args, **kwargs))
            return _joined(again) if again else Value(0.0)

        op = Checkpointed(_called(f), compute)
        node = new_value(Value, whole._numbers, op, tuple(sorted(used, key=by_age)), NO_PARAMS)
        return _cut_masks(result, dict(zip(parts, _cut(node, parts), strict=True)), since)

    return _named(checkpointed, f, "checkpoint")


def _flowing(result: Any) -> list[Value]:
    """The Values in what f returned that gradients flow to, each once, in order."""
    found: dict[Value, None] = {}
    tree.rebuild(result, lambda x, inside: found.setdefault(x) if type(x) is Value else None)
    return list(found)


def _joined(parts: list[Value]) -> Value:
    """Several Values as one, since a row has one result."""
    if len(parts) == 1:
        return parts[0]
    dtype = np.result_type(*[v.dtype for v in parts])
    flat: Any = np.concatenate([(v if v.dtype == dtype else v.astype(dtype)).ravel() for v in parts])
    return flat  # type: ignore[no-any-return]


def _cut(whole: Value, parts: list[Value]) -> Iterable[Any]:
    """What `_joined` made one, apart again."""
    if len(parts) == 1:
        yield whole
        return
    end = 0
    for v in parts:
        begin, end = end, end + v.size
        piece = whole[begin:end].reshape(v.shape)
        yield piece if v.dtype == whole.dtype else piece.astype(v.dtype)


def _cut_masks(result: Any, instead: dict[Value, Any], since: int) -> Any:
    """What f returned, with other Values in place of its own, and none left that holds its history."""

    def leaf(x: Any, inside: bool) -> Any:
        if type(x) is NonDiff and x.age > since:
            return new_value(NonDiff, x._numbers, None, (), NO_PARAMS)
        return instead.get(x, x) if type(x) is Value else x

    return tree.rebuild(result, leaf)


# --------------------------------------------------------------------------------------- what all of them are made from


class Variables:
    """What one call of a transform differentiates by: a fresh Value for each float in the chosen arguments.

    `args` are the arguments with these in place, `values` the fresh Values. A Value that was passed is the history of
    its fresh one, so that results can be differentiated by it: then the call is `linked`.
    """

    def __init__(
        self, name: str, args: tuple[Any, ...], chosen: int | tuple[int, ...], kwargs: Any, lasting: bool = False
    ) -> None:
        self.name, self.given, self.lasting = name, (args, kwargs), lasting
        self.single = isinstance(chosen, int)
        self.chosen: tuple[int, ...] = (chosen,) if isinstance(chosen, int) else chosen
        self.args = list(args)
        self.values: list[Value] = []
        self.places: list[list[Value | None]] = []  # for each chosen argument, what stands in each of its places
        self.linked = False
        self.replaced: dict[Value, Value] = {}  # parameter of a Module -> the fresh Value that stands for it
        for x in args:
            if type(x) is Value:
                self.linked = True
        for i in self.chosen:
            before = len(self.values)
            self.args[i] = self.taken(args[i])
            if len(self.values) == before and name not in ("vjp", "jvp", "hvp"):
                raise TypeError(_nothing(name, i, args[i]))
        if not self.values:
            raise TypeError(_nothing(name, 0, args[0]) if args else f"{name} wants f and its arguments; there are none")
        self.since = new_age()

    def taken(self, argument: Any) -> Any:
        """A copy of an argument with fresh Values in it."""
        places: list[Value | None] = []
        known: dict[Value, Value] = {}  # the parameters of Modules, each once

        def leaf(x: Any, inside: bool) -> Any:
            v: Value | None = None
            if not inside:
                if tree.is_floating(x):
                    v = self.fresh(x)
            elif type(x) is Value and (x.op is None or x.params is VARIABLE):  # is_parameter(x)
                v = known.get(x)
                if v is None:
                    known[x] = v = self.fresh(x, x.params is VARIABLE)
            places.append(v)
            return x if v is None else v

        self.places.append(places)
        changed = tree.rebuild(argument, leaf)
        self.replaced.update(known)
        return changed

    def fresh(self, x: Any, link: bool = True) -> Value:
        """A Value to differentiate by, with the numbers of `x`."""
        was_value = type(x) is Value
        data = x._numbers if was_value else x
        if type(data) is not ndarray or not data.ndim or not data.dtype.isnative:
            data = data if was_value else floating(x)
        elif self.lasting:
            data = data.copy()
        else:  # not copied, and not to be written into
            data = data.view()
            data.setflags(write=False)
        if was_value and link:
            self.linked = True
            v = new_value(Value, data, TABLE[np.positive], (x,), VARIABLE)
        else:
            v = new_value(Value, data, None, (), VARIABLE)
        if was_value:
            v.name = x.name
        self.values.append(v)
        return v

    def call(self, f: Function, kwargs: Any) -> Any:
        return f(*self.args, **kwargs)

    def history(self, roots: list[Value], quiet: bool) -> tuple[list[Value], bool]:
        """What f recorded, and whether results are to be Values: whether Values from outside took part."""
        nodes, used = _recorded(roots, self.since)
        for x in used & self.replaced.keys():
            if self.replaced[x] not in used:
                raise ValueError(
                    f"{self.name}: f used {describe(x)} of the Module itself and never that of the copy it was handed, "
                    f"so the gradient would be lost. Does f close over the Module, or does the Module hold a lambda, a "
                    f"bound method or a partial of itself? Compute with f's argument, in methods of the Module; for a "
                    f"constant use v.data"
                )
        used.difference_update(self.values)
        if used and not self.linked:
            args, kwargs = self.given
            self.linked = not used <= _parameters([*args, *kwargs.values()])
        return nodes, self.linked and not quiet

    def structures(self, found: Gradients, record: bool, shape: tuple[int, ...] = ()) -> list[Any]:
        """What was found, in the structure of each chosen argument."""
        results = _results(found, self.values, record, shape)
        made = []
        for i, places in zip(self.chosen, self.places, strict=True):
            following = iter(places).__next__

            def leaf(x: Any, inside: bool, following: Any = following) -> Any:
                v = following()
                if v is not None:
                    return results[v]
                return x if inside and not isinstance(x, (ndarray, Value)) else None

            made.append(tree.rebuild(self.given[0][i], leaf))
        return made

    def results(self, found: Gradients, record: bool, shape: tuple[int, ...] = ()) -> Any:
        made = self.structures(found, record, shape)
        return made[0] if self.single else tuple(made)

    def match(self, tangents: tuple[Any, ...]) -> tuple[list[Any], bool]:
        """The tangent of each variable, and whether one of them is a Value."""
        directions: dict[Value, Any] = {}
        for i, places in zip(self.chosen, self.places, strict=True):
            for v, t in zip(places, tree.matched(self.given[0][i], tangents[i]), strict=True):
                if v is not None and v not in directions:
                    if np.shape(t) != v.shape or t is None:
                        raise ValueError(
                            f"{self.name}: the tangent of argument {i} has shape {np.shape(t)} where the argument has "
                            f"{v.shape}. A tangent has one number for each of the argument's"
                        )
                    t = t if isinstance(t, Value) else np.asarray(t)
                    if t.dtype.kind not in "fiub":
                        raise TypeError(f"{self.name}: a tangent is made of real numbers; got {brief(t)}")
                    directions[v] = t if isinstance(t, Value) else t.astype(v.dtype)[()]
        return [directions[v] for v in self.values], any(type(t) is Value for t in directions.values())

    def plain(self, aux: Any) -> Any:
        """Beside plain results: what f returned beside its number, with plain numbers for the Values it computed."""
        for v in self.values:  # a Module in it may hold these: they are nobody else's variables, nor memory, any longer
            v.params, v._numbers = v.params if tree.is_frozen(v) else NO_PARAMS, v._numbers.copy()

        def leaf(x: Any, inside: bool) -> Any:
            ours = isinstance(x, Value) and not inside and (x.age > self.since or x in mine)
            return _owned(x._numbers, copy=True) if ours else x

        mine = set(self.values)
        return tree.rebuild(aux, leaf)


class Outputs:
    """What f returned: `values`, each where it stands in a structure."""

    def __init__(self, name: str, result: Any) -> None:
        self.name, self.result = name, result
        self.values: list[Value] = []
        self.places: list[bool] = []

        def leaf(x: Any, inside: bool) -> None:
            if isinstance(x, Value) or (not inside and tree.is_floating(x)):
                _check_output(name, x)
                self.values.append(x)
            self.places.append(isinstance(x, Value))

        tree.rebuild(result, leaf)
        if not self.values:
            _check_output(name, result)

    def like(self, results: list[Any]) -> Any:
        """The structure with these in place of its Values, in order."""
        rest, places = iter(results), iter(self.places)
        return tree.rebuild(self.result, lambda x, inside: next(rest) if next(places) else x)

    def match(self, gradient: Any) -> list[Any]:
        """The gradient of each Value, from a structure like this one."""
        given = [g for g, value in zip(tree.matched(self.result, gradient), self.places, strict=True) if value]
        for v, g in zip(self.values, given, strict=True):
            if g is None and v.size != 1:
                raise ValueError(f"{self.name}: {describe(v)} wants a gradient to start from; got None")
        return given


def _recorded(roots: list[Value], since: int) -> tuple[list[Value], set[Value]]:
    """What was computed after `since` on the way to `roots`, oldest first, and the older Values that it used."""
    nodes: list[Value] = []
    seen: set[Value] = set()
    older: set[Value] = set()
    for root in roots:
        if root not in seen:
            seen.add(root)
            if root.age < since:
                older.add(root)
            elif root.op is not None:
                nodes.append(root)
    for node in nodes:  # grows while it is walked
        age = node.age
        for x in node.args:
            if type(x) is Value and x not in seen:
                if x.age > age:
                    history(node)  # says what happened
                seen.add(x)
                if x.age < since:
                    older.add(x)
                elif x.op is not None:
                    nodes.append(x)
            elif type(x) is NonDiff and x.age > age:
                history(node)
    nodes.sort(key=by_age)
    return nodes, older


def _pull(nodes: list[Value], roots: list[tuple[Value, Any]], create_graph: bool, release: bool = False) -> Gradients:
    """Sweep `nodes`, from a gradient for each of `roots`: the gradients of what they were computed from."""
    pending: Gradients = {}
    for root, g in roots:
        pending[root] = pending[root] + g if root in pending else g
    return swept(nodes if release else list(nodes), pending, create_graph, release)


def _results(found: Gradients, values: list[Value], record: bool, shape: tuple[int, ...]) -> Gradients:
    """A result for each variable: what was found, or zeros; plain ones in memory of their own."""
    results: Gradients = {}
    taken: set[int] = set()
    for v in values:
        g = found.get(v)
        if g is None:
            zeros = np.zeros(shape + v.shape, v.dtype)
            g = Value(zeros) if record else zeros[()]
        elif not record:
            g = numbers(g)
            if type(g) is ndarray:
                if g.base is not None or id(g) in taken:
                    g = g.copy()
                taken.add(id(g))
        results[v] = g
    return results


def _result(g: Any, v: Value, record: bool) -> Any:
    return _results({} if g is None else {v: g}, [v], record, ())[v]


def _owned(x: Any, copy: bool = False) -> Any:
    """A plain array, in memory of its own, or a NumPy scalar."""
    x = numbers(x)
    if type(x) is not ndarray:
        return x
    return x.copy() if copy or x.base is not None or not x.flags.writeable else x


def _parameters(args: list[Any]) -> set[Value]:
    """The parameters of the Modules among the arguments, but for those that are another transform's variables."""
    found: set[Value] = set()
    for _, module in tree.walk(args):
        if not isinstance(module, Value):
            found.update(x for _, x in tree.walk(module) if isinstance(x, Value) and x.params is not VARIABLE)
    return found


# ------------------------------------------------------------------------------------------------------------- the door


def _check_function(name: str, f: Any) -> None:
    if isinstance(f, Value) or not callable(f):
        hint = f". The function goes in first and the arguments after: {name}(f)(x)" if isinstance(f, Value) else ""
        raise TypeError(f"{name} wants a function that returns a Value; got {brief(f)}{hint}")


def _chooser(name: str, f: Any, argnums: Any) -> Callable[[tuple[Any, ...]], Any]:
    """From the arguments of a call to the positions of those to differentiate by."""
    _check_function(name, f)
    several = isinstance(argnums, (tuple, list))
    wanted = tuple(argnums) if several else (argnums,)
    if not wanted or any(isinstance(i, bool) or not isinstance(i, (int, np.integer)) for i in wanted):
        raise TypeError(f"{name}(argnums={argnums!r}): it is the position of an argument, or a tuple of positions")

    @functools.lru_cache(maxsize=8)
    def positions(count: int) -> int | tuple[int, ...]:
        for i in wanted:
            if not -count <= i < count:
                raise ValueError(
                    f"{name}(argnums={argnums!r}) wants argument {i}; f was called with {count} by position. "
                    f"Arguments by name are constants"
                )
        found = tuple(int(i) % count for i in wanted)
        if len(set(found)) < len(found):
            raise ValueError(f"{name}(argnums={argnums!r}) names an argument twice")
        return found if several else found[0]

    return lambda args: positions(len(args))


def _as_arguments(name: str, args: Any, tangents: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    if type(args) is not tuple:
        return (args,), (tangents,)
    if type(tangents) is not tuple or len(tangents) != len(args):
        got = f"a tuple of {len(tangents)}" if type(tangents) is tuple else brief(tangents)
        raise TypeError(f"{name} wants a tangent for each of the {len(args)} arguments, in a tuple; got {got}")
    return args, tangents


def _pair(name: str, result: Any) -> tuple[Any, Any]:
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(f"{name}(has_aux=True) wants f to return a pair, (result, anything); got {brief(result)}")
    return result[0], result[1]


def _check_output(name: str, out: Any) -> None:
    if isinstance(out, NonDiff):
        start(out, None, False)  # says why nothing flows
    if isinstance(out, Value):
        return
    if isinstance(out, (dict, list, tuple)):
        way = "To return more than one number's gradient use vjp or jacobian; for more beside it, has_aux=True"
        if name in ("vjp", "jvp", "jacobian"):
            way = "There is no Value in it"
        raise TypeError(f"{name}: f returned {brief(out)}. {way}")
    raise TypeError(
        f"{name}: f returned {brief(out)}, which is no Value: it does not remember what it was computed from. Leave "
        f".data, .item() and float() out of f; for a constant, whose gradient is 0, return Value(constant)"
    )


def _nothing(name: str, i: int, argument: Any) -> str:
    way = "Write 3.0 for 3, cast an array with .astype(float), or choose other arguments by argnums"
    if np.iscomplexobj(argument):
        way = "Only real numbers can be differentiated here: pass .real and .imag"
    elif any(tree.is_frozen(x) for _, x in tree.walk(argument)):
        way = "Its parameters are frozen: unfreeze() those to differentiate by"
    return f"{name} differentiates by floating-point numbers; argument {i} has none: {brief(argument)}. {way}"


def _called(f: Any) -> str:
    return getattr(f, "__name__", None) or type(f).__name__


def _named(wrapper: Function, f: Any, what: str) -> Function:
    """`wrapper`, with a name, a text and a signature that tell of f."""
    wrapper.__name__ = wrapper.__qualname__ = f"{what.replace(' ', '_')}_of_{_called(f)}"
    wrapper.__doc__ = f"The {what} of {_called(f)}.\n\n{getattr(f, '__doc__', None) or ''}".rstrip()
    wrapper.__wrapped__ = f  # type: ignore[attr-defined]
    return wrapper
