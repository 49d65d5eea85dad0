"""What errors and printed text are made of: Values, indexes and functions as a person writes them, what to write in
place of what fails, and what to print in place of what an encoding lacks.
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NoReturn, TypeVar

import numpy as np

Function = TypeVar("Function", bound=Callable[..., Any])


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
    found = None
    for step in dis.get_instructions(code):
        if step.offset > instruction:  # a call of a Python function is under way a little behind its instruction
            break
        at = step.positions and (step.positions.lineno, step.positions.col_offset)
        found = "[…] =" if step.opname == "STORE_SUBSCR" else names.get(at)
        if isinstance(step.argval, str):
            names[at] = step.argval  # what is called begins where the call begins
    return found


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
        return (
            "a plain array cannot hold a Value, which NumPy calls a sequence. np.stack of a list of Values makes "
            "one of them; out = out.at[i].set(v) changes one that is a Value"
        )
    if name is not None and hasattr(math, name):
        return f"math.{name} takes plain numbers" + (f". np.{name} is recorded" if hasattr(np, name) else "")
    return None


def asked_by(frame: Any) -> str:
    """What to call instead of the library's function that asks a Value for a plain array in this frame; else empty."""
    if frame.f_globals.get("__name__", "").partition(".")[0] == __name__.partition(".")[0]:
        return ""
    from .libraries import LIBRARIES

    way, name = "", None
    while frame is not None and (part := part_of(frame, LIBRARIES)) is not None:
        caller = frame.f_back
        name = (caller and called(caller.f_code, caller.f_lasti)) or frame.f_code.co_name
        if part:
            known = LIBRARIES[part]
            way = known.get(name) or known.get(frame.f_code.co_name) or known[""]
        frame = caller
    # SciPy's decorators ask before its functions are called: then their name is what there is to go by.
    return way or next((known[name] for known in LIBRARIES.values() if name in known), "")


def part_of(frame: Any, libraries: Collection[str]) -> str | None:
    """The part of a library whose function runs in a frame; empty for its inner parts, None for what is no library."""
    module = frame.f_globals.get("__name__", "") + "."
    for part in libraries:
        if module.startswith(part + "."):
            return part
    return "" if module.partition(".")[0] in {"numpy", *[part.partition(".")[0] for part in libraries]} else None


def misfit(row: Any, error: ValueError, *inputs: Any) -> None:
    """Put the shapes into NumPy's error about two that do not fit, before its own words, and what to do about them."""
    text = str(error)
    if "mismatch" not in text and "broadcast" not in text:
        return
    *first, last = [str(np.shape(x)) for x in inputs]
    rule = ""
    if row.key is np.matmul:
        rule = ": the inner lengths must be equal, (n, k) @ (k, m). v.T transposes"
    elif row.elementwise:
        rule = ": counted from the end, lengths are equal or 1. v[:, None] adds an axis of length 1"
    error.args = (f"{row.name} got shapes {', '.join(first)} and {last}{rule}. NumPy says: {text}",)


# ------------------------------------------------------------------------------------ what others call what is here
# The sentences are in `foreign`, which is imported when one of them is asked for.

SPACES = ("", ".functional", ".nn", ".optim", ".data", ".nn.init", ".transforms", ".estimators")


def instead(home: str, name: str) -> str:
    """What there is at `home` for a name that others use; empty if nobody is known to."""
    from .foreign import INSTEAD

    return INSTEAD.get(home, {}).get(name, "")


def elsewhere(module: str, name: str) -> str:
    """Where else a name is that was looked for in a module; empty if nowhere."""
    from importlib import import_module

    package = __name__.partition(".")[0]
    for space in SPACES:
        if package + space != module and name in import_module(package + space).__all__:
            return f"it is {(space or package).strip('.')}.{name}"
    return f"it is NumPy's own, np.{name}" if callable(getattr(np, name, None)) else ""


def missing(module: str, name: str) -> NoReturn:
    """The error for what a module does not have, with the way to go where many look for it. It is AttributeError, or
    ImportError in `from module import name`, where Python would put a text of its own in the place of ours.
    """
    public = not name.startswith("_")
    way = public and (instead(module, name) or elsewhere(module, name) or near(name, sys.modules[module].__all__))
    if not way:
        raise AttributeError(f"{module} has no {name!r}")
    if imported(sys._getframe(2)):
        raise ImportError(f"{module} has no {name!r}: {way}", name=module)
    raise AttributeError(f"{module} has no {name!r}: {way}")


def near(name: str, known: Collection[str], end: str = "", alike: float = 0.6) -> str:
    """The known name that is meant by a misspelt one, with `end` behind it; empty if none is so much like it."""
    from difflib import get_close_matches

    found = [x for x in known if x.lower() == name.lower()] or get_close_matches(name, known, n=1, cutoff=alike)
    return f"did you mean {found[0]}{end}?" if found else ""


def imported(frame: Any) -> bool:
    """Whether a program's frame is at a `from module import name`."""
    from dis import opname

    return bool(opname[frame.f_code.co_code[frame.f_lasti]] == "IMPORT_FROM")


def instead_of_result(f: Any, call: str) -> str:
    """What to write, if what a function returned was given where the function is wanted; else empty."""
    if hasattr(f, "_numbers") or isinstance(f, (int, float, np.generic, np.ndarray)):
        return f". Give the function itself, not what it returns: {call}"
    return ""


class Foreign:
    # An attribute that others have: to ask for it raises AttributeError, with what there is here instead. One for each
    # name, and no `__getattr__`: that would make every attribute slower to read, in Python 3.11 four times.

    __slots__ = ("home", "meant", "name")

    def __init__(self, home: str, name: str, meant: str = "") -> None:
        self.home: str = home
        self.name: str = name
        self.meant: str = meant

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        held = getattr(instance, "__dict__", {})  # what an object of the user's class calls so is the user's
        if self.name in held:
            return held[self.name]
        raise AttributeError(f"{self.home} has no {self.name!r}: {self.way}")

    def __set__(self, instance: Any, new: Any) -> None:
        if not hasattr(instance, "__dict__"):
            self.__get__(instance)
        vars(instance)[self.name] = new

    def __delete__(self, instance: Any) -> None:
        self.__get__(instance)
        del vars(instance)[self.name]

    @property
    def way(self) -> str:
        return f"did you mean {self.meant}?" if self.meant else instead(self.home, self.name)

    @property
    def __doc__(self) -> str:  # type: ignore[override]
        return f"Not here: {self.way.rstrip('?')}."


def foreign(cls: type, home: str, names: str) -> None:
    """Give a class, a base of its own for the sake of `help`, the names of others that `foreign.INSTEAD` has under
    `home`; a test holds these to be all of them. Type checkers do not see them.
    """
    for name in names.split():
        setattr(cls, name, Foreign(home, name))


def misspelt(cls: type, home: str, names: str) -> None:
    """Answer these names with two neighbours in each other's place: of short ones Python finds that too far to tell."""
    for name in names.split():
        for i in range(len(name) - 1):
            wrong = name[:i] + name[i + 1] + name[i] + name[i + 2 :]
            setattr(cls, wrong, Foreign(home, wrong, meant=name))


def own(instance: Any) -> list[str]:
    """`dir` of an instance without the names of others."""
    cls, held = type(instance), getattr(instance, "__dict__", {})
    return [name for name in object.__dir__(instance) if name in held or not isinstance(find(cls, name), Foreign)]


def find(cls: type, name: str) -> Any:
    """What a class holds under a name, unasked."""
    return next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)


def called_here(name: str, known: Collection[str]) -> str:
    """What an argument of others, or a misspelt one, is called here: ": here it is axis=", or empty."""
    from .foreign import KEYWORDS, LEFT_OUT

    ours = next((ours for ours in KEYWORDS.get(name, "").split() if ours in known), None)
    way = f"here it is {ours}=" if ours else LEFT_OUT.get(name) or near(name, known, "=", 0.7)  # eps is no epochs
    return f": {way}" if way else ""


def known_to(function: Any) -> tuple[str, ...]:
    """The arguments of a function that may be given by name."""
    code = function.__code__
    known: tuple[str, ...] = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return known


def unexpected(function: Any, given: Iterable[str], call: str = "") -> TypeError:
    """The error for arguments by name of which a function does not have the first, in Python's words and ours."""
    known = known_to(function)
    name = next(name for name in given if name not in known)
    return TypeError(
        f"{call or function.__name__}() got an unexpected keyword argument {name!r}{called_here(name, known)}"
    )


def left_out(function: Any, given: int, named: Mapping[str, Any], call: str) -> TypeError | None:
    """The error for a call without arguments that have to be there, with its form; None if none is missing."""
    known, count = known_to(function), function.__code__.co_argcount - len(function.__defaults__ or ())
    needed = known[:count]
    missing = [name for name in needed[given:] if name not in named]
    if not missing:
        return None
    form = ", ".join([*(name for name in needed if name != "self"), *(["…"] if len(known) > count else [])])
    return TypeError(printable(f"{call}() lacks {' and '.join(missing)}: it is called as {call}({form})"))


def answering(function: Function) -> Function:
    """`function`, whose error for an argument that others have says what it is called here. It costs 0.1 µs a call.

    That for an argument that is not there says how the function is called.
    """

    @functools.wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        try:
            return function(*args, **named)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:  # it was entered
                raise
            name = type(args[0]).__name__ if function.__name__ == "__init__" else function.__name__
            if not set(named).issubset(known_to(function)):
                raise unexpected(function, named, name) from None
            lacking = left_out(function, len(args), named, name)
            if lacking is None:
                raise
            raise lacking from None

    return call  # type: ignore[return-value]


# Our symbols where an encoding lacks them; any other character becomes an escape, as Python's ascii() has it.
PLAIN = {
    "−": "-", "×": "*", "÷": "/", "·": ".", "±": "+-", "√": "sqrt", "∛": "cbrt", "Σ": "sum", "Π": "prod", "∏": "prod",
    "²": "^2", "ᵀ": "^T", "⁺": "^+", "⁽": "(", "ⁿ": "n", "⁾": ")", "₁": "1", "₂": "2", "′": "'", "″": "''",
    "σ": "sigma", "ψ": "psi", "∞": "inf", "≠": "!=", "≤": "<=", "≥": ">=", "→": "->", "↑": "^", "…": "...", "⋮": ":",
    "“": '"', "”": '"', "⚠": "!", "▭": "#", "▷": ">", "○": "o", "◎": "@", "▣": "+",
    "✓": "+", "✗": "x", "–": "-", "━": "-", "│": "|",
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
    """What `x` is, for an error message."""
    try:
        text = repr(x)
    except TypeError:  # of a step that is being compiled: its numbers are not looked at
        text = f"a {type(x).__name__}"
    return text if len(text) <= 60 else text[:57] + "…"


FEW = 30  # numbers of an array that are shown one by one


def shown(x: Any) -> str:
    """A number or array the way a Value prints it."""
    x = getattr(x, "_numbers", x)
    return str(x) if x is None or not np.ndim(x) else np.array2string(x, separator=", ", threshold=FEW)
