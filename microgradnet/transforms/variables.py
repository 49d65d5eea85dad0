"""The arguments of a transform taken apart into Values to differentiate by, and put together around the results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from .. import tree
from ..checks import unmasked
from ..core import NO_PARAMS, TABLE, NonDiff, Value, floating, modes, new_age, new_value, plain_data
from ..tree import VARIABLE
from ..words import brief, describe
from .door import Positions, check_output, nothing_in
from .sweeps import Gradients, owned, recorded, results


class Variables:
    """What one call of a transform differentiates by: a fresh Value for each float in the chosen arguments.

    `args` are the arguments with these in place, `values` the fresh Values. A Value that was passed is the history of
    its fresh one, so that results can be differentiated by it: then the call is `linked`. If they are `lasting`, they
    hold what the arguments hold now, whatever is written into these later.
    """

    def __init__(
        self, name: str, args: tuple[Any, ...], chosen: Positions, kwargs: dict[str, Any], lasting: bool = False
    ) -> None:
        self.name: str = name
        self.given: tuple[Any, ...] = args
        self.kwargs: dict[str, Any] = kwargs
        self.lasting: bool = lasting
        self.single: bool = isinstance(chosen, int)
        self.chosen: tuple[int, ...] = (chosen,) if isinstance(chosen, int) else chosen
        self.args: list[Any] = list(args)
        self.values: list[Value] = []
        self.places: list[list[Value | None]] = []  # for each chosen argument, what stands in each of its places
        self.linked: bool = Value in map(type, args)
        self.replaced: dict[Value, Value] = {}  # parameter of a Module -> the fresh Value that stands for it
        for i in self.chosen:
            before = len(self.values)
            self.args[i] = self.taken(args[i])
            if len(self.values) == before and name not in ("vjp", "jvp", "hvp"):
                raise TypeError(nothing_in(name, i, args[i]))
        if not self.values:
            raise TypeError(
                nothing_in(name, 0, args[0]) if args else f"{name} wants f and its arguments; there are none"
            )
        self.since: int = new_age()

    def taken(self, argument: Any) -> Any:
        """A copy of an argument with fresh Values in it."""
        places: list[Value | None] = []
        known: dict[Value, Value] = {}  # the parameters of Modules, each once

        def leaf(x: Any, inside: bool) -> Any:
            v: Value | None = None
            if not inside:
                if tree.is_floating(x):
                    v = self.fresh(x)
            elif type(x) is Value and tree.is_parameter(x):
                v = known.get(x)
                if v is None:
                    known[x] = v = self.fresh(x, x.params is VARIABLE)
            places.append(v)
            return x if v is None else v

        self.places.append(places)
        changed = tree.rebuild(argument, leaf)
        if modes.taped():  # what counts is the Module itself, there is another copy in every step
            modes.copied(owners(argument), owners(changed))
        self.replaced.update(known)
        return changed

    def fresh(self, x: Any, link: bool = True) -> Value:
        """A Value to differentiate by, with the numbers of `x`; if that is a Value and `link`, computed from it."""
        was_value = type(x) is Value
        linked = was_value and link
        if isinstance(x, NonDiff) or (not linked and modes.taped()):  # in a step that is being compiled
            self.values.append(variable(plain_data(x)))
            return self.values[-1]
        data = x._numbers if was_value else x
        if type(data) is not ndarray or not data.ndim or not data.dtype.isnative:
            data = data if was_value else floating(x)
        elif self.lasting:
            data = data.copy()
        else:  # not copied, and not to be written into
            data = data.view()
            data.setflags(write=False)
        v = new_value(Value, data, TABLE[np.positive] if linked else None, (x,) if linked else (), VARIABLE)
        v.name = x.name if was_value else None
        self.linked = self.linked or linked
        self.values.append(v)
        return v

    def result_of(self, f: Callable[..., Any], kwargs: dict[str, Any]) -> Any:
        """What f returns. The error of one that computes with a list as if it were an array gets a note."""
        try:
            return f(*self.args, **kwargs)
        except TypeError as error:
            for i in self.chosen:
                if type(self.given[i]) is list:
                    way = "np.array(…) around it is one array"
                    error.add_note(f"{self.name}: argument {i} is a list, so f is handed a list of Values. {way}")
            raise

    def history(self, roots: list[Value], quiet: bool) -> tuple[list[Value], bool]:
        """What f recorded, and whether results are to be Values: whether Values from outside took part."""
        nodes, used = recorded(roots, self.since)
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
            self.linked = not used <= parameters_in([*self.given, *self.kwargs.values()])
        return nodes, self.linked and not quiet

    def results(self, found: Gradients, record: bool, shape: tuple[int, ...] = ()) -> Any:
        """What was found, in the structure of the chosen argument; of several, in a tuple."""
        result_of = results(found, self.values, record, shape)
        made = []
        for i, places in zip(self.chosen, self.places, strict=True):
            following = iter(places).__next__

            def leaf(x: Any, inside: bool, following: Callable[[], Value | None] = following) -> Any:
                v = following()
                if v is not None:
                    return result_of[v]
                return x if inside and not isinstance(x, (ndarray, Value)) else None

            made.append(tree.rebuild(self.given[i], leaf))
        return made[0] if self.single else tuple(made)

    def match(self, tangents: tuple[Any, ...]) -> tuple[list[Any], bool]:
        """The tangent of each variable, and whether one of them is a Value."""
        directions: dict[Value, Any] = {}
        for i, places in zip(self.chosen, self.places, strict=True):
            for v, t in zip(places, tree.matched(self.given[i], tangents[i]), strict=True):
                if v is not None and v not in directions:
                    directions[v] = self.direction(v, t, i)
        return [directions[v] for v in self.values], any(type(t) is Value for t in directions.values())

    def direction(self, v: Value, t: Any, i: int) -> Any:
        """The tangent of one variable, in its dtype unless it is a Value."""
        if np.shape(t) != v.shape or t is None:
            raise ValueError(
                f"{self.name}: the tangent of argument {i} has shape {np.shape(t)} where the argument has "
                f"{v.shape}. A tangent has one number for each of the argument's"
            )
        t = t if isinstance(t, Value) else np.asarray(unmasked(f"{self.name}: the tangent of argument {i}", t))
        if t.dtype.kind not in "fiub":
            raise TypeError(f"{self.name}: a tangent is made of real numbers; got {brief(t)}")
        return t if isinstance(t, Value) else t.astype(v.dtype)[()]

    def plain(self, aux: Any) -> Any:
        """Beside plain results: what f returned beside its number, with plain numbers for the Values it computed."""
        for v in self.values:  # a Module in it may hold these: they are nobody else's variables, nor memory, any longer
            v.params, v._numbers = v.params if tree.is_frozen(v) else NO_PARAMS, v._numbers.copy()

        def leaf(x: Any, inside: bool) -> Any:
            ours = isinstance(x, Value) and not inside and (x.age > self.since or x in mine)
            return owned(x, copy=True) if ours else x

        mine = set(self.values)
        return tree.rebuild(aux, leaf)


def variable(numbers: Any) -> Value:
    """A new Value to differentiate by."""
    v = Value(numbers)
    v.params = VARIABLE
    return v


def owners(x: Any) -> list[Any]:
    """The Modules in an argument."""
    return [part for _, part in tree.walk(x) if not isinstance(part, Value)]


def parameters_in(args: list[Any]) -> set[Value]:
    """The parameters of the Modules among the arguments, but for those that are another transform's variables."""
    found: set[Value] = set()
    for _, module in tree.walk(args):
        if not isinstance(module, Value):
            found.update(x for _, x in tree.walk(module) if isinstance(x, Value) and x.params is not VARIABLE)
    return found


class Outputs:
    """What f returned: `values` are those that gradients flow from, each where it stands in a structure.

    All else is constant: comparisons and the like, plain numbers and arrays. TypeError if there is nothing else.
    """

    def __init__(self, name: str, result: Any) -> None:
        self.name: str = name
        self.result: Any = result
        found = tree.spots(result)
        self.values: list[Value] = [x for x in found if type(x) is Value]
        self.places: list[bool] = [type(x) is Value for x in found]
        if not self.values:
            check_output(name, next((x for x in found if isinstance(x, Value)), result))

    def like(self, made: list[Any], constant: Callable[[Any], Any]) -> Any:
        """The structure with these in place of its Values, in order, and `constant(x)` of each other number."""
        rest, places = iter(made), iter(self.places)

        def leaf(x: Any, inside: bool) -> Any:
            if next(places):
                return next(rest)
            is_number = isinstance(x, (int, float)) or getattr(getattr(x, "dtype", None), "kind", " ") in "fiub"
            return constant(x) if is_number and (not inside or isinstance(x, Value)) else x

        return tree.rebuild(self.result, leaf)

    def plain(self, copy: bool = False) -> Any:
        """The structure with plain numbers in place of its Values."""
        return self.like(
            [owned(v, copy) for v in self.values], lambda x: owned(x, copy) if isinstance(x, (Value, ndarray)) else x
        )

    def match(self, gradient: Any) -> list[Any]:
        """The gradient of each Value, from a structure like this one; what it has for constants is not looked at."""
        given = [g for g, value in zip(tree.matched(self.result, gradient), self.places, strict=True) if value]
        for v, g in zip(self.values, given, strict=True):
            if g is None and v.size != 1:
                raise ValueError(f"{self.name}: {describe(v)} wants a gradient to start from; got None")
        return given
