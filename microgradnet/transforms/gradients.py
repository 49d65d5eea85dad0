"""The transforms that differentiate: gradients of a number, products with a vector, whole matrices of slopes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, overload

import numpy as np

from ..core import Array, Value, new_age, start
from ..words import answering
from .door import Function, as_arguments, check_function, check_number, chooser, named, pair, recorded_anyway
from .sweeps import Gradients, owned, pull, recorded, results, zero
from .variables import Outputs, Variables, variable

if TYPE_CHECKING:
    from .signatures import Gradient, GradientBesideAux, Slopes, ValueAndGradient, ValueAndGradientBesideAux

T = TypeVar("T")
Pull: TypeAlias = Callable[[Any], tuple[Any, ...]]
Plain: TypeAlias = "float | np.generic | Array"
Moving: TypeAlias = "Plain | tuple[Plain, ...]"

# ------------------------------------------------------------------------------------------------ gradients of a number


# The gradient has the type of its argument if that is the first; of another, types cannot say.
@overload
def grad(f: Function, argnums: Literal[0] = 0, has_aux: Literal[False] = False) -> Gradient: ...
@overload
def grad(f: Function, argnums: Literal[0] = 0, *, has_aux: Literal[True]) -> GradientBesideAux: ...
@overload
def grad(f: Function, argnums: Sequence[int], has_aux: bool = False) -> Callable[..., tuple[Any, ...]]: ...
@overload
def grad(f: Function, argnums: int, has_aux: bool = False) -> Function: ...
@answering
def grad(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Any:
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
    both = _with_gradient("grad", f, argnums, has_aux)

    def gradient(*args: Any, **kwargs: Any) -> Any:
        out, gradients = both(*args, **kwargs)
        return (gradients, out[1]) if has_aux else gradients

    return named(gradient, f, "gradient")


@overload
def value_and_grad(f: Function, argnums: Literal[0] = 0, has_aux: Literal[False] = False) -> ValueAndGradient: ...
@overload
def value_and_grad(f: Function, argnums: Literal[0] = 0, *, has_aux: Literal[True]) -> ValueAndGradientBesideAux: ...
@overload
def value_and_grad(
    f: Function, argnums: int | Sequence[int], has_aux: bool = False
) -> Callable[..., tuple[Any, Any]]: ...
@answering
def value_and_grad(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Any:
    """The function that returns `f(*args)`, a number, and its gradient by the argument `argnums`. See `grad`.

    With `has_aux` the function returns ((number, anything), gradient).

    >>> value_and_grad(lambda x, y: x * y, argnums=(0, 1))(3.0, 5.0)
    (np.float64(15.0), (np.float64(5.0), np.float64(3.0)))
    """
    return named(_with_gradient("value_and_grad", f, argnums, has_aux), f, "value and gradient")


def _with_gradient(name: str, f: Function, argnums: int | Sequence[int], has_aux: bool) -> Function:
    """What `value_and_grad` returns, for the transform `name`."""
    check_function(name, f)
    positions = chooser(name, argnums)

    def both(*args: Any, **kwargs: Any) -> Any:
        with recorded_anyway() as quiet:
            variables = Variables(name, args, positions(len(args)), kwargs)
            out, aux = variables.result_of(f, kwargs), None
            if has_aux:
                out, aux = pair(name, out)
            check_number(name, out)
            nodes, linked = variables.history([out], quiet)
            value = out if linked else owned(out)
            found = pull(nodes, [(out, start(out, None, linked))], linked, release=not linked)
            gradients = variables.results(found, linked)
            if has_aux:
                value = (value, aux if linked else variables.plain(aux))
            return value, gradients

    return both


# ---------------------------------------------------------------------------------------------- products with a vector


@overload
def vjp(f: Callable[..., Value], *args: Plain, has_aux: Literal[False] = False) -> tuple[Array, Pull]: ...
@overload
def vjp(f: Function, *args: Any, has_aux: Literal[False] = False) -> tuple[Any, Pull]: ...
@overload
def vjp(f: Function, *args: Any, has_aux: Literal[True]) -> tuple[Any, Pull, Any]: ...
def vjp(f: Function, *args: Any, has_aux: bool = False) -> Any:
    """`f(*args)`, and the function from a gradient of that result to a tuple of gradients, one for each argument.

    The result may be a Value or a structure with Values in it; the gradient has its structure, shapes and dtypes, and
    anything where a constant stands. The function can be called many times. With `has_aux`, f returns
    (result, anything), and (result, function, anything) comes back.

    >>> y, pull = vjp(lambda x, w: x * w, np.array([1.0, 2.0]), 3.0)
    >>> y
    array([3., 6.])
    >>> pull(np.array([1.0, 10.0]))
    (array([ 3., 30.]), np.float64(21.0))
    """
    check_function("vjp", f)
    with recorded_anyway() as quiet:
        variables = Variables("vjp", args, tuple(range(len(args))), {}, lasting=True)
        result, aux = variables.result_of(f, {}), None
        if has_aux:
            result, aux = pair("vjp", result)
        outputs = Outputs("vjp", result)
        _, linked = variables.history(outputs.values, quiet)

    def pullback(gradient: Any) -> Any:
        """A tuple of gradients, one for each argument, from one of the result."""
        with recorded_anyway() as quiet:
            given = outputs.match(gradient)
            record = (linked or any(type(g) is Value for g in given)) and not quiet
            roots = [(v, start(v, g, record)) for v, g in zip(outputs.values, given, strict=True)]
            nodes, _ = recorded(outputs.values, variables.since)  # again: a Value may have been written since
            return variables.results(pull(nodes, roots, record), record)

    out = result if linked else outputs.plain(copy=True)
    return (out, pullback, aux if linked else variables.plain(aux)) if has_aux else (out, pullback)


@overload
def jvp(f: Callable[..., Value], args: Moving, tangents: Moving) -> tuple[Array, Array]: ...
@overload
def jvp(f: Function, args: Any, tangents: Any) -> tuple[Any, Any]: ...
def jvp(f: Function, args: Any, tangents: Any) -> tuple[Any, Any]:
    """`f(*args)`, and how fast it changes when the arguments move along `tangents`, in the same structure.

    `args` and `tangents` are tuples, one entry for each argument; anything but a tuple is the only argument. A constant
    in a structure that f returns has the tangent 0. It costs about two gradients, whatever the size of the result: the
    gradient is linear in what it starts from, and this is the gradient of that.

    >>> jvp(np.sin, 0.0, 1.0)
    (np.float64(0.0), np.float64(1.0))
    >>> jvp(lambda x, y: x * y, (np.array([1.0, 2.0]), 3.0), (np.array([1.0, 0.0]), 1.0))
    (array([3., 6.]), array([4., 2.]))
    """
    check_function("jvp", f)
    args, tangents, chosen = as_arguments("jvp", args, tangents)
    with recorded_anyway() as quiet:
        variables = Variables("jvp", args, chosen, {})
        outputs = Outputs("jvp", variables.result_of(f, {}))
        nodes, linked = variables.history(outputs.values, quiet)
        directions, flowing = variables.match(tangents)
        record = linked or (flowing and not quiet)
        # Ones, not zeros: 0 · inf would warn, and what the first sweep comes to is of no interest.
        seeds = [variable(np.ones(v.shape, v.dtype)[()]) for v in outputs.values]
        since = new_age()
        first = pull(nodes, zip(outputs.values, seeds, strict=True), True)
        found = results(_along(directions, first, variables, since, record), seeds, record)
        tangent = outputs.like(
            [found[seed] for seed in seeds], lambda x: zero(np.shape(x), getattr(x, "dtype", float), record)
        )
        return (outputs.result if record else outputs.plain()), tangent


def hvp(f: Function, args: T, tangents: Any) -> T:
    """The second derivatives of the number `f(*args)`, times `tangents`: how the gradient changes along them.

    `args` and `tangents` are tuples, one entry for each argument, and a tuple comes back; anything but a tuple is the
    only argument. It costs a few gradients and never holds the matrix.

    >>> hvp(lambda x: x[0] ** 2 * x[1], np.array([1.0, 3.0]), np.array([1.0, 0.0]))
    array([6., 2.])
    """
    check_function("hvp", f)
    given, along, chosen = as_arguments("hvp", args, tangents)
    with recorded_anyway() as quiet:
        variables = Variables("hvp", given, chosen, {})
        out = variables.result_of(f, {})
        check_number("hvp", out)
        nodes, linked = variables.history([out], quiet)
        directions, flowing = variables.match(along)
        record = linked or (flowing and not quiet)
        first = pull(nodes, [(out, start(out, None, True))], True)
        # What is walked and released is the gradient's graph, and f's with it.
        product: T = variables.results(_along(directions, first, variables, variables.since, record), record)
        return product


def _along(directions: list[Any], first: Gradients, variables: Variables, since: int, record: bool) -> Gradients:
    """The gradients of what a recorded gradient, `first`, comes to along the directions of its variables."""
    moving = [(first[v], d) for v, d in zip(variables.values, directions, strict=True) if v in first]
    nodes, _ = recorded([g for g, _ in moving], since)
    return pull(nodes, [(g, start(g, d, record)) for g, d in moving], record, release=not record)


# --------------------------------------------------------------------------------------------------- whole matrices


@overload
def jacobian(f: Function, argnums: Literal[0] = 0) -> Slopes: ...
@overload
def jacobian(f: Function, argnums: int | Sequence[int]) -> Function: ...
@answering
def jacobian(f: Function, argnums: int | Sequence[int] = 0) -> Any:
    """The function that returns all slopes of the array `f(*args)` by the argument `argnums`.

    Their shape is (*shape of the result, *shape of the argument). Of a structure that f returns, each array becomes the
    structure of its slopes by the argument; with several argnums, by each of them in a tuple. Those of a constant are
    0. It sweeps once for each element of the result, over one recorded computation.

    >>> jacobian(lambda x: x * x)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    check_function("jacobian", f)
    positions = chooser("jacobian", argnums)

    def slopes(*args: Any, **kwargs: Any) -> Any:
        with recorded_anyway() as quiet:
            variables = Variables("jacobian", args, positions(len(args)), kwargs)
            outputs = Outputs("jacobian", variables.result_of(f, kwargs))
            _, linked = variables.history(outputs.values, quiet)
            return outputs.like(
                [variables.results(_slopes(v, variables, linked), linked, v.shape) for v in outputs.values],
                lambda x: variables.results({}, linked, np.shape(x)),
            )

    return named(slopes, f, "jacobian")


def _slopes(out: Value, variables: Variables, record: bool) -> Gradients:
    """The slopes of every element of `out`, stacked, by each variable it depends on."""
    nodes, _ = recorded([out], variables.since)
    rows: list[Gradients] = []
    for i in range(out.size):
        one = np.zeros(out.size, out.dtype)
        one[i] = 1
        found = pull(nodes, [(out, start(out, one.reshape(out.shape), record))], record)
        rows.append({v: found[v] for v in variables.values if v in found})
    stacked: Gradients = {}
    for v in variables.values:
        if any(v in row for row in rows):
            column: Any = np.stack([results(row, [v], record)[v] for row in rows])
            stacked[v] = column.reshape(out.shape + v.shape)
    return stacked


@overload
def hessian(f: Function, argnums: Literal[0] = 0) -> Slopes: ...
@overload
def hessian(f: Function, argnums: int | Sequence[int]) -> Function: ...
@answering
def hessian(f: Function, argnums: int | Sequence[int] = 0) -> Any:
    """The function that returns all second derivatives of the number `f(*args)`: the jacobian of the gradient.

    Their shape is twice that of the argument. For a structure, or several argnums, it is a structure of structures:
    first by what the gradient is of, then by what that is differentiated by.

    >>> hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 3.0]))
    array([[6., 2.],
           [2., 0.]])
    """
    check_function("hessian", f)
    return named(jacobian(grad(f, argnums), argnums), f, "hessian")
