"""What the examples share: their command lines, a folder for what they write, a sentence for what goes wrong, ONNX."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


class Parser(argparse.ArgumentParser):
    """The options that every example has, and those it adds. What is wrong with one is said in one sentence."""

    def __init__(self, description: str | None, epochs: int | None = None) -> None:
        super().__init__(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
        self.add_argument("--seed", type=seed_number, default=0, metavar="N", help="seed of everything random (0)")
        self.add_argument("--out", type=Path, default=Path("out"), metavar="DIR", help="folder for the pictures (out)")
        if epochs is not None:
            help = f"how often to see every example ({epochs})"
            self.add_argument("--epochs", type=whole_number, default=epochs, metavar="N", help=help)

    def error(self, message: str) -> None:  # type: ignore[override]
        print(f"{self.prog}: {message}", file=sys.stderr)
        sys.exit(2)


def run(parser: Parser, main: Callable[[argparse.Namespace], None]) -> None:
    """Call `main` with the options of the command line, its folder made; exit status 2 for what goes wrong."""
    options = parser.parse_args()
    try:
        if options.out.exists() and not options.out.is_dir():
            raise ValueError(f"--out {options.out} is a file: the pictures go into a folder")
        options.out.mkdir(parents=True, exist_ok=True)
        main(options)
    except ModuleNotFoundError as error:
        bare = str(error) == f"No module named {error.name!r}"
        parser.error(f"this example needs {error.name}: pip install {error.name}" if bare else str(error))
    except FloatingPointError as error:  # from mg.fit, with a report that is worth reading where one wrote the network
        parser.error(f"{str(error).partition(';')[0]}: the steps are too large, try a smaller --lr")
    except (OSError, ValueError, RuntimeError) as error:
        parser.error(str(error))


def whole_number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def seed_number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 0")
    return int(text)


def positive_number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
    return number


def exported(path: Path, model: Any, x: Any) -> str:
    """Write a model for ONNX Runtime, as far as that can be done here, and say in a sentence what came of it.

    `x` is what it is called with, an array or a tuple of them.
    """
    import microgradnet as mg

    inputs = x if isinstance(x, tuple) else (x,)
    inputs = tuple(part.astype(np.float32) if part.dtype.kind == "f" else part for part in inputs)
    try:
        mg.save_onnx(path, model, tuple(part[:2] for part in inputs))
    except ModuleNotFoundError as error:
        return f"not exported: {error}"
    try:
        from onnxruntime import InferenceSession
    except ModuleNotFoundError:
        return f"exported: {path}, which nothing here can run: pip install onnxruntime"
    session = InferenceSession(path.read_bytes())
    (theirs,) = session.run(None, {given.name: part for given, part in zip(session.get_inputs(), inputs, strict=True)})
    mine = mg.predict(model, inputs if len(inputs) > 1 else inputs[0])
    return f"exported: {path}, ONNX Runtime's answers differ by {np.abs(theirs - mine).max():.1g}"
