"""One vocabulary of checks: what an argument may be, in the same words wherever it is asked for.

A check returns the argument as a plain number, and raises ValueError for what it cannot be (`function`: TypeError). The
error says what was seen, what is wanted and how to go on: `epochs=0: it is a whole number of at least 1`. Three
arguments add words to that: `call` names who asks, `Linear(in_features=0): …`; `what` stands instead of "it"; `more`
follows at the end, such as an example.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .words import brief, find, known_to


def refusal(name: str, given: Any, wanted: str, *, call: str = "", what: str = "it", more: str = "") -> str:
    """The words for an argument that is not what is wanted, for checks that are made in one place only.

    >>> refusal("p", 2, "a number from 0 to 1", call="dropout", more=", such as 0.5")
    'dropout(p=2): it is a number from 0 to 1, such as 0.5'
    """
    seen = f"{name}={brief(given)}"
    return f"{f'{call}({seen})' if call else seen}: {what} is {wanted}{more}"


def held(given: Any) -> Any:
    """The number of what stands for one in a step that is being compiled; anything else as it is."""
    number = getattr(given, "_numbers", None)
    return number if isinstance(number, (int, float)) else given


def as_float(given: Any) -> float:
    """A number as a float; what stands for one as it is."""
    number: float = float(given) if held(given) is given else given
    return number


def is_whole(x: Any, least: float = 1) -> bool:
    """Whether `x` is a whole number, Python's or NumPy's, of at least so many. A bool is none, and neither is 2.0."""
    return isinstance(x, (int, np.integer)) and not isinstance(x, bool) and not x < least


def is_number(x: Any, least: float = -math.inf) -> bool:
    """Whether `x` is one finite real number, Python's or NumPy's, of at least `least`. No bool is, and no array."""
    number = held(x)
    plain = isinstance(number, (int, float, np.integer, np.floating)) and not isinstance(number, bool)
    return plain and -math.inf < x < math.inf and not x < least  # of a live number, a program keeps how this ends


def whole(name: str, given: Any, least: int = 1, *, of: str = "", **words: str) -> int:
    """A whole number of at least `least`; `of` says of what, such as "steps"."""
    if not is_whole(given, least):
        wanted = f"a whole number of {of}, at least {least}" if of else f"a whole number of at least {least}"
        raise ValueError(refusal(name, given, wanted, **words))
    return int(given)


def whole_for_each(name: str, given: Any, axes: int, least: int = 1, **words: str) -> tuple[int, ...]:
    """Whole numbers of at least `least`, one for each of one or two axes; one that is given alone is that of all."""
    if is_whole(given, least):
        return (int(given),) * axes
    listed = given if isinstance(given, (tuple, list)) else ()
    if len(listed) != axes or not all(is_whole(n, least) for n in listed):
        wanted = f"a whole number of at least {least}" + (", or two of them" if axes == 2 else "")
        raise ValueError(refusal(name, given, wanted, **words))
    return tuple(map(int, listed))


def finite(name: str, given: Any, **words: str) -> float:
    """A number of any sign, neither Inf nor NaN."""
    if not is_number(given):
        raise ValueError(refusal(name, given, "a number", **words))
    return as_float(given)


def number(name: str, given: Any, **words: str) -> float:
    """A number of at least 0."""
    if not is_number(given, 0):
        raise ValueError(refusal(name, given, "a number of at least 0", **words))
    return as_float(given)


def positive(name: str, given: Any, **words: str) -> float:
    """A number above 0."""
    if not is_number(given) or given <= 0:
        raise ValueError(refusal(name, given, "a positive number", **words))
    return as_float(given)


def share(name: str, given: Any, **words: str) -> float:
    """A number from 0 to 1, both included: none of something, or all of it."""
    if not is_number(given) or not 0 <= given <= 1:
        raise ValueError(refusal(name, given, "a number from 0 to 1", **words))
    return as_float(given)


def real(name: str, given: Any, **words: str) -> Any:
    """A number of any size, Inf too, as it was given."""
    if type(given) is not float and not isinstance(held(given), (int, float, np.integer, np.floating)):
        raise ValueError(refusal(name, given, "a number", **words))
    return given


def reals(name: str, given: Any, **words: str) -> Any:
    """A number, or an array or a Value of numbers that broadcasts, as it was given."""
    kind = getattr(getattr(given, "dtype", None), "kind", "")
    return given if kind in ("f", "i", "u") else real(name, given, **words)


def integer(name: str, given: Any, **words: str) -> Any:
    """A whole number, below 0 too, as it was given."""
    if not isinstance(given, (int, np.integer)):
        raise ValueError(refusal(name, given, "a whole number", **words))
    return given


def is_fraction(x: Any) -> bool:
    """Whether `x` is a number between 0 and 1, neither of them: something is taken, and something left."""
    return is_number(x) and not (x <= 0 or x >= 1)


def fraction(name: str, given: Any, **words: str) -> float:
    """A number between 0 and 1, neither of them."""
    if not is_fraction(given):
        raise ValueError(refusal(name, given, "a number between 0 and 1", **words))
    return as_float(given)


def switch(name: str, given: Any, **words: str) -> bool:
    """True or False, Python's or NumPy's, not something that merely counts as one."""
    if not isinstance(given, (bool, np.bool_)):
        raise ValueError(refusal(name, given, "a switch, True or False", **words))
    return bool(given)


def check_switches(defaults: Mapping[str, Any], given: Mapping[str, Any], **words: str) -> None:
    """Each option whose default is True or False is given as one of them."""
    for name, x in given.items():
        if isinstance(defaults.get(name), bool):
            switch(name, x, **words)


def with_switches(init: Callable[..., None], made: Callable[..., None]) -> Callable[..., None]:
    """`made`, which does what `init` does, with an error for an option that is no switch where its default is one."""
    names, positional = known_to(init), init.__code__.co_argcount
    by_position = zip(names[:positional][::-1], (init.__defaults__ or ())[::-1], strict=False)
    defaults = dict(by_position) | (init.__kwdefaults__ or {})

    @functools.wraps(init)
    def call(self: Any, *args: Any, **named: Any) -> None:
        check_switches(defaults, dict(zip(names[1:], args, strict=False)) | named, call=type(self).__name__)
        made(self, *args, **named)

    return call


def choice(name: str, given: Any, choices: Sequence[str], **words: str) -> str:
    """One of several words."""
    if not isinstance(given, str) or given not in choices:
        *first, last = map(repr, choices)
        raise ValueError(refusal(name, given, f"{', '.join(first)} or {last}", **words))
    return given


def unmasked(name: str, given: Any) -> Any:
    """What is no masked array, nor a list of some, raising TypeError: it is made a plain array, which has no mask."""
    listed = given if isinstance(given, (list, tuple)) else (given,)
    if any(isinstance(x, np.ma.MaskedArray) for x in listed):
        raise TypeError(f"{name} is a masked array: its mask would be lost. Fill it first: array.filled(0.0)")
    return given


def function(name: str, given: Any, **words: str) -> Any:
    """Something to be called, raising TypeError. A class is none: most often its name was written for an object."""
    if isinstance(given, type) and find(given, "__call__"):
        words["more"] = f"{words.get('more', '')}. {given.__name__}() is one"
    if not callable(given) or isinstance(given, type):
        raise TypeError(refusal(name, given, "a function", **words))
    return given
