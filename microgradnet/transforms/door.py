"""What every transform does first and last: it records whatever is in force, says what is wrong with what it was
given, and names the function that it returns."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np

from .. import tree
from ..core import RECORDING, NonDiff, Op, Value, modes, recording, start
from ..words import brief, instead_of_result

Function: TypeAlias = Callable[..., Any]
Positions: TypeAlias = int | tuple[int, ...]  # of the arguments to differentiate by


# ------------------------------------------------------------------------------------------------- what is in force


def under_no_grad() -> bool:
    """Whether the caller records nothing. As everywhere, whether any mode is on comes first: most often none is."""
    return bool(modes.on) and not RECORDING.get()


ALREADY = contextlib.nullcontext(False)


def recorded_anyway() -> contextlib.AbstractContextManager[bool]:
    """A `with` block that records under no_grad too; `as` says whether it is under one, so that results are plain."""
    return _switched_on() if under_no_grad() else ALREADY


@contextlib.contextmanager
def _switched_on() -> Iterator[bool]:
    with recording():
        yield True


# ---------------------------------------------------------------------------------------------------- what is given


# Those that take the arguments along; the others return a function of these.
CALLS = {"vjp": "vjp(f, x)", "jvp": "jvp(f, x, dx)", "hvp": "hvp(f, x, dx)"}


def check_function(name: str, f: Any) -> None:
    """TypeError unless `f` can be called with arguments to differentiate by."""
    if isinstance(f, Value) or not callable(f):
        raise TypeError(
            f"{name} wants a function that returns a Value; got {brief(f)}"
            + instead_of_result(f, CALLS.get(name, f"{name}(f)(x), not {name}(f(x))"))
        )


def chooser(name: str, argnums: Any) -> Callable[[int], Positions]:
    """From the number of arguments of a call to the positions of those to differentiate by, none of them negative."""
    several = isinstance(argnums, (tuple, list))
    wanted = tuple(argnums) if several else (argnums,)
    if not wanted or any(isinstance(i, bool) or not isinstance(i, (int, np.integer)) for i in wanted):
        way = f". The arguments come after: {name}(f)(x)" if not several else ""
        raise TypeError(
            f"{name}(argnums={brief(argnums)}): it is the position of an argument, or a tuple of positions{way}"
        )

    @functools.lru_cache(maxsize=8)
    def positions(count: int) -> Positions:
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

    return positions


def as_arguments(name: str, args: Any, tangents: Any) -> tuple[tuple[Any, ...], tuple[Any, ...], Positions]:
    """Arguments and tangents as tuples, and which to differentiate by: all; what is no tuple is the only argument."""
    if type(args) is not tuple:
        return (args,), (tangents,), 0
    if type(tangents) is not tuple or len(tangents) != len(args):
        got = f"a tuple of {len(tangents)}" if type(tangents) is tuple else brief(tangents)
        raise TypeError(f"{name} wants a tangent for each of the {len(args)} arguments, in a tuple; got {got}")
    return args, tangents, tuple(range(len(args)))


def nothing_in(name: str, i: int, argument: Any) -> str:
    """Why there is nothing to differentiate by in an argument."""
    way = "Write 3.0 for 3, cast an array with .astype(float), or choose other arguments by argnums"
    if np.iscomplexobj(argument):
        way = "Only real numbers can be differentiated here: pass .real and .imag"
    elif any(tree.is_frozen(x) for _, x in tree.walk(argument)):
        way = "Its parameters are frozen: unfreeze() those to differentiate by"
    return f"{name} differentiates by floating-point numbers; argument {i} has none: {brief(argument)}. {way}"


# ---------------------------------------------------------------------------------------------------- what f returns


def pair(name: str, result: Any) -> tuple[Any, Any]:
    """What f returned with `has_aux`: what to differentiate, and what comes beside."""
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(f"{name}(has_aux=True) wants f to return a pair, (result, anything); got {brief(result)}")
    return result[0], result[1]


def check_output(name: str, out: Any) -> None:
    """TypeError unless `out` is a Value that gradients flow from."""
    if isinstance(out, NonDiff):
        start(out, None, False)  # says why nothing flows
    if isinstance(out, Value):
        return
    if out is None:
        raise TypeError(f"{name}: f returned None: its last line is to be `return` with the Value that it computes")
    if isinstance(out, (dict, list, tuple)):
        way = "To return more than one number's gradient use vjp or jacobian; for more beside it, has_aux=True"
        if name in ("vjp", "jvp", "jacobian"):
            way = "There is no Value in it"
        raise TypeError(f"{name}: f returned {brief(out)}. {way}")
    raise TypeError(
        f"{name}: f returned {brief(out)}, which is no Value: it does not remember what it was computed from. Leave "
        f".data, .item() and float() out of f; for a constant, whose gradient is 0, return Value(constant)"
    )


def check_number(name: str, out: Any) -> None:
    """TypeError as `check_output`, ValueError unless `out` is a single number."""
    check_output(name, out)
    if out.size != 1:
        way = " (.sum(), .mean()) or use vjp (a combination of its elements) or jacobian (all of them)"
        if name == "hvp":
            way = ": .sum(), .mean()"
        raise ValueError(f"{name} differentiates one number; f returned shape {out.shape}. Reduce it in f{way}")


# -------------------------------------------------------------------------------------------------- what is returned


def name_of(f: Any) -> str:
    """What a function is called in texts: its name, that of its row, or else that of its class."""
    return f.name if isinstance(f, Op) else getattr(f, "__name__", None) or type(f).__name__


def named(wrapper: Function, f: Any, what: str) -> Any:
    """`wrapper`, with a name, a text and a signature that tell of f."""
    wrapper.__name__ = wrapper.__qualname__ = f"{what.replace(' ', '_')}_of_{name_of(f)}"
    wrapper.__doc__ = f"The {what} of {name_of(f)}.\n\n{getattr(f, '__doc__', None) or ''}".rstrip()
    wrapper.__wrapped__ = f  # type: ignore[attr-defined]
    return wrapper
