"""What the examples share: their command lines, a folder for the pictures, and one sentence for what goes wrong."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path


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
