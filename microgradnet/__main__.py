"""What can be done without writing a program: train a network on digits, draw a graph, check a gradient."""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from . import data, functional, nn, optim
from .core import Value
from .gradcheck import GradReport, check_grads
from .saving import load, save
from .saving.file import target
from .train import fit
from .viz import draw
from .words import brief, printable

TRAIN = """\
Train a network to read handwritten digits, and print how well it reads those it has not seen.

  python -m microgradnet train digits                     the bundled 1,797 digits, the 784-16-16-10 network
  python -m microgradnet train mnist --data FOLDER        MNIST's 60,000, from its four IDX files
  python -m microgradnet train digits --hidden 64,32 --activation relu --epochs 10 --save net.npz
  python -m microgradnet train digits --load net.npz      go on with the saved weights

The cost is the sum of the squared errors of the ten outputs, averaged over the digits."""

BEGIN = """\
To begin with:
  python -m microgradnet train digits     a network learns to read handwriting, in a few seconds
  python -m microgradnet train --help     what can be said beside it"""

CHECK = """\
Compare the gradient of a function with its slopes, element by element.

  python -m microgradnet check mymodule:f "[0.5, 1.0]" 2.0     at these arguments (JSON: numbers, lists, objects)
  python -m microgradnet check mymodule:f --shape 3,4 --shape 4   at random numbers of these shapes
  python -m microgradnet check mymodule:case                   where case() returns (f, argument, …) or a report

Exit status: 0 if nothing mismatches, 1 if something does, 2 if it could not be checked or nothing could be told."""

DRAW = """\
Draw what a function records, or a Module: as text, or into a file.

  python -m microgradnet draw mymodule:f 3.0 -2.0                          f of two Values, as a tree
  python -m microgradnet draw mymodule:f --shape 3,4 --out graph.html      as a page to explore
  python -m microgradnet draw mymodule:model --shape 5,784 --out graph.svg --fold modules
  python -m microgradnet draw mymodule:loss --out graph.png                where loss() returns a Value, or is one

The end of the file's name says as what: .svg .png .pdf .html .dot .txt"""

ACTIVATIONS = {name: getattr(functional, name) for name in ("sigmoid", "tanh", "relu")}


class Parser(argparse.ArgumentParser):
    """A parser whose help and complaints can be printed anywhere."""

    def format_help(self) -> str:
        return printable(super().format_help(), sys.stdout)

    def error(self, message: str) -> NoReturn:
        super().error(printable(message, sys.stderr))


def say(text: str, stream: Any = None) -> None:
    """Print a line, with what the stream's encoding has."""
    stream = stream or sys.stdout
    print(printable(text, stream), file=stream)


def main(argv: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = Parser(
        prog="python -m microgradnet",
        description=__doc__,
        epilog=BEGIN,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"microgradnet {sys.modules[__package__].__version__}")
    commands = parser.add_subparsers(dest="command")

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        help = text.partition("\n")[0].rstrip(".")
        new = commands.add_parser(name, help=help, description=text, formatter_class=argparse.RawTextHelpFormatter)
        new.add_argument("--seed", type=int, default=0, metavar="N", help="of everything random (0)")
        new.set_defaults(run=run)
        return new

    training = command("train", train, TRAIN)
    training.add_argument("what", choices=("digits", "mnist"))
    training.add_argument(
        "--data", metavar="DIR", help="folder with MNIST's four files ($MICROGRADNET_DATA, the cache)"
    )
    training.add_argument("--download", action="store_true", help="fetch MNIST if it is nowhere")
    training.add_argument("--hidden", default="16,16", metavar="N,M", help="neurons of the hidden layers (16,16)")
    training.add_argument("--activation", choices=ACTIVATIONS, default="sigmoid", help="of the hidden layers (sigmoid)")
    training.add_argument("--epochs", type=int, metavar="N", help="how often to see every digit (30; MNIST 10)")
    training.add_argument("--batch-size", type=int, default=10, metavar="N", help="digits per step (10)")
    training.add_argument("--lr", type=float, default=0.3, metavar="X", help="step size (0.3)")
    training.add_argument(
        "--compile", action="store_true", help="run the steps as a program, natively if llvmlite is there"
    )
    training.add_argument("--save", metavar="FILE", help="write the trained weights to a .npz or .safetensors file")
    training.add_argument("--load", metavar="FILE", help="start from the weights in this file")

    drawing = command("draw", draw_it, DRAW)
    add_target(drawing, "a function of Values, a Module, or a Value")
    drawing.add_argument("--out", metavar="FILE", help="where to write it; without, the tree is printed")
    drawing.add_argument("--fold", default="auto", help="constants, modules, repeats, chains, all, or auto")
    drawing.add_argument("--weights", action="store_true", help="show the gradient that flows along each edge")

    checking = command("check", check, CHECK)
    add_target(checking, "a function of arrays, or one that returns what to check")
    checking.add_argument("--order", type=int, default=1, choices=(1, 2), help="2: its second derivatives too")
    checking.add_argument("--samples", type=int, default=None, help="how many elements to draw, rather than all")

    given = sys.argv[1:] if argv is None else argv
    # A space before -1e-3, which argparse takes for the name of an option.
    given = [f" {text}" if text.startswith("-") and is_number(text) else text for text in given]
    options, rest = parser.parse_known_args(given)
    if rest or hasattr(options, "arguments"):
        take_arguments(options, rest, commands.choices.get(options.command, parser))
    if options.command is None:  # not what was meant, so no success either; but the help is more than an error
        parser.print_help(sys.stderr)
        return 2
    try:
        return int(options.run(options))
    except Exception as error:
        place = place_of(error, getattr(options, "target", "").partition(":")[0])
        say(f"{parser.prog} {options.command}: {type(error).__name__}: {error}{place}", sys.stderr)
        return 2


def place_of(error: Exception, module: str) -> str:
    """The line of the user's module that an error came through, " (mymodule.py, line 7)"; empty if through none."""
    file = getattr(sys.modules.get(module), "__file__", None)
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f" ({os.path.basename(file)}, line {lines[-1]})" if file and lines else ""


def add_target(parser: argparse.ArgumentParser, help: str) -> None:
    parser.add_argument("target", metavar="module:function", help=help)
    parser.add_argument("arguments", nargs="*", default=[], help="its arguments as JSON")
    parser.add_argument(
        "--shape", action="append", default=[], help="shape of a random argument: 3,4; or () for a number"
    )


def take_arguments(options: argparse.Namespace, rest: list[str], parser: argparse.ArgumentParser) -> None:
    """Add what is left over to the arguments of the function, which argparse takes in one piece, before an option."""
    unknown = [text for text in rest if text.startswith("-") and text != "--"]
    if unknown or not hasattr(options, "arguments"):
        parser.error(f"unrecognized arguments: {' '.join(unknown or rest)}")
    options.arguments = [text.strip() for text in (*options.arguments, *rest) if text != "--"]


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


# ------------------------------------------------------------------------------------------------------------ train


def train(options: argparse.Namespace) -> int:
    """Train, with a line for each epoch; print what came of it. 1 if Ctrl-C came before there is anything to print."""
    mnist = options.what == "mnist"
    if not mnist and (options.data or options.download):
        raise ValueError("--data and --download are for mnist: the digits come with microgradnet")
    hidden = shape_of(options.hidden, "--hidden", "numbers of neurons such as 16,16")
    if options.save:
        target(options.save)  # says what is wrong with it before the training rather than after
    try:
        digits = data.mnist(options.data, download=options.download) if mnist else data.digits(seed=options.seed)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{error}. On the command line: --download, --data FOLDER") from None
    model = nn.MLP(
        784, [*hidden, 10], activation=ACTIVATIONS[options.activation], final_activation=functional.sigmoid,
        init=nn.init.xavier_normal, seed=options.seed,
    )  # fmt: skip
    if options.load:
        load(options.load, model)
    print(model)
    history = fit(
        model,
        digits.train_images,
        data.one_hot(digits.train_labels),
        loss=functional.quadratic_cost,
        optimizer=optim.SGD(model.parameters(), lr=options.lr),
        epochs=options.epochs if options.epochs is not None else 10 if mnist else 30,
        batch_size=options.batch_size,
        validation=(digits.test_images, data.one_hot(digits.test_labels)),
        metrics={"accuracy": lambda out, y: float(np.mean(out.argmax(axis=1) == y.argmax(axis=1)))},
        seed=options.seed,
        compile=options.compile,
    )
    if options.save:
        save(options.save, model)
        say(f"weights: {options.save}")
    if not history["epoch"]:
        print("interrupted in the first epoch")
        return 1
    cost, right = history["cost"][-1], history["val_accuracy"][-1]
    print(f"cost {cost:.4f}; right on {right:.2%} of {len(digits.test_labels):,} digits it has not seen")
    return 0


# ------------------------------------------------------------------------------------------------------------- draw


def draw_it(options: argparse.Namespace) -> int:
    """Print the tree, or write the file."""
    target = found(options.target)
    given = arguments(options)
    if isinstance(target, nn.Module):
        if not given:
            raise ValueError(f"{options.target} is a Module: give an input to run it on, --shape 5,784 or JSON")
        drawing = draw(target, *given, fold=options.fold, weights=options.weights)
    else:
        result = target
        if not isinstance(target, Value):
            if not callable(target):
                raise TypeError(f"{options.target} is {brief(target)}; wanted a function, a Module or a Value")
            names = [p.name for p in inspect.signature(target).parameters.values()]
            values = [as_value(x, names[i] if i < len(names) else None) for i, x in enumerate(given)]
            result = target(*values)
        drawing = draw(result, fold=options.fold, weights=options.weights)
    if options.out:
        drawing.save(options.out)
        folded = f"; folded: {', '.join(drawing.folded)}" if drawing.folded else ""
        say(f"{options.out}: {drawing.boxes} boxes{folded}")
    else:
        print(drawing.text)
    return 0


def as_value(x: Any, name: str | None) -> Any:
    """A number, list or array of floats as a Value of this name; anything else as it is."""
    return Value(x, name) if isinstance(x, float | int | list | np.ndarray) else x


# ------------------------------------------------------------------------------------------------------------ check


def check(options: argparse.Namespace) -> int:
    """Print the report; 1 if something mismatches, 2 if nothing could be told."""
    report = checked(options)
    if not (report.elements or report.is_wrong):
        raise ValueError(f"nothing was checked: the arguments of {options.target} hold no numbers")
    print(report)
    return 0 if report else 1 if report.is_wrong else 2


def checked(options: argparse.Namespace) -> GradReport:
    """The report that the options ask for."""
    function = found(options.target)
    if not callable(function):
        raise TypeError(f"{options.target} is no function: {function!r}")
    args = arguments(options)
    if isinstance(function, nn.Module) and args:  # its parameters too

        def result(model: nn.Module, *inputs: Any) -> Any:
            return model(*inputs)

        result.__name__ = options.target  # as the report calls it
        function, args = result, [function, *args]
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


# ----------------------------------------------------------------------------------------------------- what is given


def arguments(options: argparse.Namespace) -> list[Any]:
    """The arguments given as JSON, and random ones of the shapes asked for."""
    rng = np.random.default_rng(options.seed)
    wanted = "lengths such as 3,4, or () for a number"
    return [read_json(text) for text in options.arguments] + [
        rng.normal(size=shape_of(text, "--shape", wanted)) for text in options.shape
    ]


def read_json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"the argument {text!r} is not JSON, such as 2.0 or [1, 2]: {error}") from None


def found(target: str) -> Any:
    """What `module:name` names; modules of the current folder are found too."""
    module, colon, path = target.partition(":")
    if not colon or not module or not path:
        raise ValueError(f"{target!r}: wanted module:function, such as mymodule:loss")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        thing: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise  # something that the module imports
        way = f"its name without .py, {module[:-3]}:{path}"
        if not module.endswith(".py"):
            way = f"a file {module.replace('.', '/')}.py in this folder, or a module that is installed"
        raise ValueError(f"there is no module {module!r}: wanted {way}") from None
    for name in path.split("."):
        if not hasattr(thing, name):
            names = [n for n in dir(thing) if not n.startswith("_") and callable(getattr(thing, n))]
            raise ValueError(f"{module} has no {name!r}; it has {', '.join(names[:8]) or 'no functions'}")
        thing = getattr(thing, name)
    return thing


def shape_of(text: str, option: str, wanted: str) -> tuple[int, ...]:
    numbers = [n.strip() for n in text.strip("()").rstrip(",").split(",")]
    if numbers == [""]:
        return ()
    if not all(n.isdecimal() for n in numbers):
        raise ValueError(f"{option} {text!r}: wanted {wanted}")
    return tuple(map(int, numbers))


if __name__ == "__main__":
    sys.exit(main())
