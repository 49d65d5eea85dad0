"""What is recorded and how it is walked.

A `Value` is an array that can be differentiated. A computed one remembers the `Op` and the arguments it came from, so
the Values reachable from a result are the history of that result. `sweep` walks the history backwards, youngest Value
first: a Value is always younger than what it was computed from, so creation order is a topological order.

An `Op` is one row of `TABLE`: how to compute it, and for each input a rule. A rule is a vector-Jacobian product,
`(g, out, *inputs, **params) -> gradient of that input`, written as plain NumPy. Handed arrays it computes at NumPy's
speed; handed Values it records, and that is all there is to higher derivatives.

That is the idea, all of it in this file. Around it: what makes a Value feel like an ndarray is `arraylike`, what may
become one `conversion`, the errors `refusals`; `unrolled` writes `record` and `pull` out, which is the same and faster.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, Never, NoReturn, Self, TypeAlias, overload

import numpy as np
from numpy import ndarray

from ..words import unexpected
from . import copies, modes, refusals
from .arraylike import ArrayLike
from .conversion import as_gradient, constant, floating, plain, replacing, seed, shaped, unbroadcast, widened
from .modes import Later, on
from .protocols import held
from .tables import NO_PARAMS, TABLE, Array, Data, Numbers, Rule
from .written import COMPUTED, new_age, new_value

by_age: Callable[[Value], int] = operator.attrgetter("age")
Start: TypeAlias = "Data | Value | None"
Gradients: TypeAlias = "dict[Value, Any]"  # each an array, or a Value that can be differentiated again


# ---------------------------------------------------------------------------------------------------------- the Value


class Value(ArrayLike):
    """An array that can be differentiated: its numbers, its gradient, and how it was computed.

    `data` is a number or anything `np.array` makes floating point of; it is copied, so a Value owns its numbers. Python
    ints and bools, lists of them included, become float64. Anything that is not a Value, beside it in a formula, is a
    constant. `grad` is None until a `backward()` reaches the Value; then it has the Value's shape and dtype.

    Raises TypeError for integer, complex and non-numeric arrays.

    >>> x = Value(3.0)
    >>> y = x * x + 2 * x
    >>> y.backward()
    >>> x.grad
    np.float64(8.0)
    """

    __slots__ = ("__weakref__", "_recorded_at", *COMPUTED)

    _numbers: Array
    op: Op | None  # the row it was computed by; None in a leaf
    args: tuple[Any, ...]  # what it was computed from
    params: dict[str, Any]
    age: int  # larger than that of everything it was computed from
    name: str | None
    scope: tuple[Any, type, int, Any] | None  # the calls of Modules it is the result of, or None; see nn.module.Scope
    _recorded_at: object  # the user's line; only in debug mode

    def __init__(self, data: Data, name: str | None = None, *more: Never, **foreign: Never) -> None:
        if foreign or more or (name is not None and not isinstance(name, str)):
            raise refusals.no_name(Value.__init__, name, more, foreign)
        self._numbers = floating(modes.leaf(self, data) if on else data)
        self.op, self.args, self.params = None, (), NO_PARAMS
        self.age = new_age()
        self._grad, self.name, self.scope = None, name, None

    def __init_subclass__(cls, ours: bool = False) -> None:
        if not ours:  # what is exactly a Value is differentiated, anything else is a constant
            raise refusals.subclass()

    def __reduce__(self) -> tuple[Any, ...]:
        return copies.parts_of_value(self, None if self.op is None else COPIED)

    @property
    def data(self) -> Array:
        """The numbers: an ndarray, or a NumPy scalar for a 0-d Value. Assign to it to move a parameter."""
        x = self._numbers
        return modes.seen(self, "data") if on or type(x) is Later else x  # type: ignore[comparison-overlap]

    @data.setter
    def data(self, new: Data) -> None:
        if on:
            new = modes.assigned(self, "data", new)
        if new is not self._numbers:  # `v.data -= step` hands the same array back, already changed
            self._numbers = replacing(modes.number(self), new, self)
        # Whoever used the old numbers is now older than its input: the next sweep notices and says so.
        self.age = new_age()
        if self.op is not None and type(self.op) is not Gone:
            name, self.op = self.op.name, WRITTEN
            raise refusals.result_written(self, name)

    @property
    def grad(self) -> Array | Any:  # or None, or a Value: Any, for nobody should have to ask before `w.grad.round(3)`
        """The gradient, with the Value's shape and dtype, or None. Set it to None, or to 0, to start anew."""
        return modes.seen(self, "grad") if on or type(self._grad) is Later else self._grad

    @grad.setter
    def grad(self, new: Any) -> None:
        if on or type(self._grad) is Later:
            new = modes.assigned(self, "grad", new)
        if new is not self._grad:  # as above
            self._grad = None if new is None else as_gradient(new, self)

    def detach(self) -> Value:
        """A new Value with a copy of the numbers and no history."""
        return Value(self.data) if self._numbers.dtype.kind == "f" else copies.detached(self)

    def backward(
        self, gradient: Start = None, *, create_graph: bool = False, release: bool = False, **foreign: Never
    ) -> None:
        """Differentiate this Value with respect to everything it was computed from; results are in each `.grad`.

        `gradient`, of this Value's shape, is what to start from; one number needs none and starts from 1. Leaves
        accumulate across calls, those of other threads included (of a Python with its global lock); a computed Value's
        `.grad` is that of the latest call. `create_graph=True` makes the gradients Values that can be differentiated
        again; x and x.grad then hold each other, until `x.grad = None` or the next garbage collection. `release=True`
        drops the history as the sweep passes it: memory falls while it runs, computed Values get no `.grad`, and the
        graph cannot be swept again.

        Raises ValueError for a start that is missing or of another shape; RuntimeError for a graph that was released
        or in which a `v.data` was assigned to (`v.data = …`, `v.data -= …`) after it was used. Then no leaf's gradient
        has changed. Writing into an array, be it `v.data[i] = …` or one of any size that stood beside a Value, as a
        constant, a mask or an index, is noticed in debug mode only; counts, lists and other parameters are copied.

        >>> w = Value([1.0, 2.0])
        >>> (w * w).sum().backward()
        >>> w.grad
        array([2., 4.])
        """
        if foreign:
            raise unexpected(Value.backward, foreign)
        deposit(sweep(self, start(self, gradient, create_graph), create_graph=create_graph, release=release))


class NonDiff(Value, ours=True):
    """A recorded Value that nothing flows back to: a comparison, an argmax, a floor. It may hold bools or ints."""

    __slots__ = ()
    _flows = False
    _plain = False  # whether it stands for a plain array, in a step that is being compiled

    def __index__(self) -> int:
        modes.looked(self, "an index, or a length")
        return operator.index(self._numbers)

    def astype(self, dtype: Any) -> Self:
        """These numbers in another dtype, of any kind: nothing flows back, so integers and bools will do."""
        kind = np.dtype(dtype)
        return new_value(type(self), self._numbers.astype(kind), TABLE["astype"], (self,), {"dtype": kind})


# ------------------------------------------------------------------------------------------------------------- the Op


class Op(copies.Unique):
    """One row of the table: a function, its rules, and the facts that tests, drawings and errors need; see `rows.op`.

    `rules` has one rule for each input, None where nothing flows back.
    """

    domain: tuple[Any, ...] = ()  # for each input, where it is smooth
    cases: tuple[Any, ...] = ()  # the calls the laws try
    at: Mapping[Any, Any] | Callable[..., Any] = NO_PARAMS  # what the gradient is where it is not finite
    points: tuple[Any, ...] = ()  # special points of its own
    elementwise: bool = False
    symmetric: bool = False  # whether the order of its inputs does not matter
    parameters: bool = True  # whether it takes more than arrays

    def __init__(
        self, key: Any, rules: tuple[Rule, ...], forward: Callable[..., Any], symbol: str | None = None, **facts: Any
    ) -> None:
        self.key: Any = key
        self.rules: tuple[Rule, ...] = rules
        self.forward: Callable[..., Any] = forward
        self.name: str = key if isinstance(key, str) else key.__name__
        self.symbol: str = symbol or self.name
        self.kind: type[Value] = Value if any(rules) else NonDiff
        self.arity: int = len(rules)
        self.__doc__ = forward.__doc__
        self.__wrapped__: Callable[..., Any] = forward  # so help() shows the arguments
        vars(self).update(facts)

    @overload
    def __call__(self, *inputs: Numbers, **params: Any) -> Array: ...
    @overload
    def __call__(self, *inputs: Value | Numbers, **params: Any) -> Value: ...
    def __call__(self, *inputs: Any, **params: Any) -> Any:
        """ndarray in, ndarray out; a Value anywhere in, a Value out."""
        alone = len(inputs) == 1  # as in most of a network, so it pays to be quick
        if alone and not params:
            (x,) = inputs
            return self.record(x) if isinstance(x, Value) else self.forward(plain(x))
        for x in params.values():
            if isinstance(x, Value):
                raise refusals.parameter_is_value(self, params)
        try:
            for x in inputs:
                if isinstance(x, Value):
                    return self.record(*inputs, **params)
            return self.forward(plain(x), **params) if alone else self.forward(*map(plain, inputs), **params)
        except TypeError as error:
            raise refusals.call(self, inputs, params, error)  # noqa: B904 (most often the error itself)

    def record(self, *inputs: Any, **params: Any) -> Value:
        """The result of the row for `inputs`, at least one of them a Value, as a Value that remembers them."""
        if len(inputs) > self.arity and any(type(x) is Value for x in inputs[self.arity :]):
            raise refusals.input_without_rule(self, len(inputs))
        kind: type[Value] = NonDiff
        args, arrays = [], []
        for x in inputs:
            if type(x) is Value:
                kind = self.kind
                arrays.append(x._numbers)
            else:
                x = constant(x)
                arrays.append(held(x))
            args.append(x)
        out = self.forward(*arrays, **params)
        if type(out) is ndarray and not out.ndim:
            out = out[()]
        return new_value(kind, out, self, tuple(args), params)

    def pull(self, node: Value, g: Any, create_graph: bool, pending: Gradients) -> None:
        """Given the gradient `g` of `node`, add to `pending` what flows to each of its inputs."""
        # This line is the whole of higher order: handed Values, the rules record.
        out, inputs = (node, node.args) if create_graph else (node._numbers, [held(x) for x in node.args])
        for x, rule in zip(node.args, self.rules, strict=False):  # inputs past the last rule have none
            if type(x) is Value and rule is not None:
                gx = fitted(rule(g, out, *inputs, **node.params), x, self)
                # Out of place: a rule may have given the same array to two inputs.
                pending[x] = pending[x] + gx if x in pending else gx


class Gone(Op):
    """What stands in a Value for a history that is no longer there; a sweep that needs it says why."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__("gone", (), forward=Gone)
        self.why: str = why
        self.home: tuple[str, str] | None = (__name__, name)

    def pull(self, node: Value, g: Any, create_graph: bool, pending: Gradients) -> NoReturn:
        raise refusals.no_history(node, self.why)


RELEASED = Gone("RELEASED", refusals.RELEASED)
WRITTEN = Gone("WRITTEN", refusals.WRITTEN)
COPIED = Gone("COPIED", refusals.COPIED)


# ---------------------------------------------------------------------------------------------------------- the sweep


def sweep(root: Value, g: Any, *, create_graph: bool = False, release: bool = False) -> Gradients:
    """The gradient of `root`, started from `g`, for every Value it was computed from. Nothing is deposited.

    With `release` the history is dropped on the way and only leaves are returned.
    """
    found: Gradients = {}
    pending = swept(history(root), {root: g}, create_graph, release, None if release else found)
    for node, g in pending.items():  # what is left are the leaves
        if type(node) is Value:  # and not frozen after it was used
            assert node.op is None, f"the gradient of {node!r} was left unclaimed"
            found[node] = g
    return found


def swept(
    nodes: list[Value], pending: Gradients, create_graph: bool, release: bool, found: Gradients | None = None
) -> Gradients:
    """`pending`, after its gradients have flowed through `nodes`, which are consumed; theirs are put in `found`."""
    watched = modes.watched_pull()
    while nodes:
        node = nodes.pop()  # the youngest: everything that could send it a gradient has done so
        g = pending.pop(node, None)
        if g is not None:
            if found is not None:
                found[node] = g
            (watched or node.op.pull)(node, g, create_graph, pending)  # type: ignore[union-attr]
        if release:
            node.args, node.op = (), RELEASED
    return pending


def history(root: Value) -> list[Value]:
    """The computed Values `root` was computed from, and `root` if it is one, oldest first."""
    nodes, seen = ([root] if root.op is not None else []), {root}
    for node in nodes:  # grows while it is walked
        age = node.age
        for x in node.args:
            if type(x) is Value:
                if x.age > age:
                    raise refusals.written_after_use(node, x)
                if x.op is not None and x not in seen:
                    seen.add(x)
                    nodes.append(x)
            elif type(x) is NonDiff and x.age > age:
                raise refusals.written_after_use(node, x)
    nodes.sort(key=by_age)
    return nodes


def fitted(g: Any, x: Value, row: Op) -> Any:
    """`g`, from a rule, in the shape and dtype of its input `x`: what broadcasting stretched is summed."""
    if not isinstance(g, (ndarray, np.generic, Value)):
        if g is None:
            raise refusals.rule_returned_nothing(row, x)
        g = shaped(g)
    if g.shape != x.shape:
        g = unbroadcast(widened(g), x.shape, row)
    if g.dtype != x.dtype:
        g = g.astype(x.dtype)
    return g[()] if type(g) is ndarray and not g.ndim else g


def start(value: Value, gradient: Any, create_graph: bool) -> Any:
    """What a sweep from `value` starts from: an array of its shape and dtype that nobody else holds."""
    if isinstance(value, NonDiff):
        raise refusals.nothing_flows(value)
    if gradient is None and type(value._numbers) is not ndarray and not create_graph:
        return value.dtype.type(1)
    g = seed(value, gradient, create_graph)
    return Value(g) if create_graph and not isinstance(g, Value) else g


def deposit(gradients: Gradients) -> None:
    """Put each gradient into its Value's `.grad`, in memory of its own; leaves add it to what they have."""
    owned: set[int] = set()
    if on and modes.deposited(gradients):
        return
    for value, g in gradients.items():
        array = g._numbers if type(g) is Value else g
        if type(array) is ndarray:
            if array.base is not None or id(array) in owned:  # a view, or the same array under two Values
                g = g.copy()
            owned.add(id(array))
        before, total = None, g
        while value.op is None and value._grad is not before:  # and again where another thread has added to the leaf
            before = value._grad if type(value._grad) is not Later else modes.settled(value)
            total = g if before is None else (before if type(g) is Value else held(before)) + g
        value._grad = total  # with no call since the comparison, so that Python has not changed threads in between
