"""What can be done without writing a program: `python -m microgradnet check module:function`."""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import os
import sys
from typing import Any

import numpy as np

from .gradcheck import GradReport, check_grads

CHECK = """\
Compare the gradient of a function with its slopes, element by element.

  python -m microgradnet check mymodule:f "[0.5, 1.0]" 2.0     at these arguments (JSON: numbers, lists, objects)
  python -m microgradnet check mymodule:f --shape 3,4 --shape 4   at random numbers of these shapes
  python -m microgradnet check mymodule:case                   where case() returns (f, argument, …) or a report

Exit status: 0 if nothing mismatches, 1 if something does, 2 if it could not be checked."""


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m microgradnet", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser(
        "check", help="check a gradient numerically", description=CHECK, formatter_class=argparse.RawTextHelpFormatter
    )
    check.add_argument(
        "target", metavar="module:function", help="a function of arrays, or one that returns what to check"
    )
    check.add_argument("arguments", nargs="*", help="its arguments as JSON")
    check.add_argument(
        "--shape", action="append", default=[], help="shape of a random argument: 3,4; or () for a number"
    )
    check.add_argument("--order", type=int, default=1, choices=(1, 2), help="2: its second derivatives too")
    check.add_argument("--samples", type=int, default=None, help="how many elements to draw, rather than all")
    check.add_argument("--seed", type=int, default=0, help="of the random arguments and draws")
    options = parser.parse_args(argv)
    try:
        report = checked(options)
    except Exception as error:
        print(f"{parser.prog} check: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    print(report)
    return 0 if report else 1


def checked(options: argparse.Namespace) -> GradReport:
    """The report that the options ask for."""
    function = found(options.target)
    args = [json.loads(text) for text in options.arguments]
    rng = np.random.default_rng(options.seed)
    args += [rng.normal(size=shape_of(text)) for text in options.shape]
    if not args:
        needed = [p for p in inspect.signature(function).parameters.values() if p.default is p.empty and p.kind < 2]
        if needed:
            raise ValueError(
                f"{options.target} wants arguments ({', '.join(p.name for p in needed)}): give them as JSON, "
                f"or a --shape for each"
            )
        case = function()
        if isinstance(case, GradReport):
            return case
        if not isinstance(case, tuple) or not callable(case[0]):
            raise TypeError(f"{options.target}() should return (f, argument, …) or a GradReport; got {case!r}")
        function, args = case[0], list(case[1:])
    return check_grads(function, *args, order=options.order, samples=options.samples, seed=options.seed)


def found(target: str) -> Any:
    """What `module:function` names; modules of the current folder are found too."""
    module, colon, path = target.partition(":")
    if not colon or not module or not path:
        raise ValueError(f"{target!r}: wanted module:function, such as mymodule:loss")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    thing: Any = importlib.import_module(module)
    for name in path.split("."):
        if not hasattr(thing, name):
            names = [n for n in dir(thing) if not n.startswith("_") and callable(getattr(thing, n))]
            raise ValueError(f"{module} has no {name!r}; it has {', '.join(names[:8]) or 'no functions'}")
        thing = getattr(thing, name)
    if not callable(thing):
        raise TypeError(f"{target} is no function: {thing!r}")
    return thing


def shape_of(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(n) for n in text.strip("()").replace("x", ",").split(",") if n.strip())
    except ValueError:
        raise ValueError(f"--shape {text!r}: wanted lengths such as 3,4, or () for a number") from None


if __name__ == "__main__":
    sys.exit(main())
