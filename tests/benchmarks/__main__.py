"""`python -m tests.benchmarks`: this project beside hand-written NumPy and every peer that is installed, on one core.

The contenders of a work take turns in one process; a number is the median of a contender's turns, each as a multiple of
the turn that hand-written NumPy has beside it. "products" are the matrix products of the work alone, by BLAS: the floor
for whoever leaves them to it. "multiply-adds" are as many of these as the products take, on numbers in registers: the
floor for anybody. Nothing is asserted about time, only that all compute the same. `--table` prints the README's tables.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

from . import layers, one_core
from .small_works import Moons, Step
from .timing import UNMEASURED, agree, taken
from .trainings import TRAININGS
from .works import WORKS, article, microgradnet_network

TITLES = {
    "numpy": "by hand", "native": "native", "compiled": "as NumPy", "microgradnet": "eager",
    "multiplications": "multiply-adds", "products": "products", "torch": "PyTorch", "jax": "JAX, jit",
    "autograd": "HIPS autograd", "mygrad": "MyGrad", "micrograd": "micrograd",
    "micrograd, as it is": "micrograd, as it is",
}  # fmt: skip
PEERS = ("torch", "jax", "autograd", "mygrad")
COLUMNS = ("native", "compiled", "microgradnet", "multiplications", "products", *PEERS)
MICROGRAD = ("native", "compiled", "microgradnet")  # how many times faster than micrograd


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", default="", help="works whose name holds this text")
    parser.add_argument("--without", default="", help="contenders to leave out, such as torch,jax")
    parser.add_argument("--seconds", type=float, default=4.0, help="time for each contender of a work (4)")
    parser.add_argument("--agree", action="store_true", help="time nothing, check that all compute the same")
    parser.add_argument("--table", action="store_true", help="print Markdown, as the README has it")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    where = one_core()
    if options.agree:
        for name, steps in chosen(options):
            agree(name, steps)
            said = [contender for contender in steps if contender not in UNMEASURED]
            print(f"{name:34}the same costs in {', '.join(said)}", flush=True)
        return
    print(f"{where}; multiples of hand-written NumPy\n")
    rows(options)
    print("\nmicrograd's moons, times faster than micrograd with the garbage collector frozen\n")
    moons_rows(options)
    print("\nlayers, multiples of PyTorch\n")
    layer_rows(options)
    print("\na whole training, times faster than eager, until the steps are programs included\n")
    training_rows(options)
    print("\nfrom the first call to a program, ms of CPU, without the two eager steps\n")
    compile_rows(options)


def chosen(options: argparse.Namespace, moons: bool | None = None) -> Any:
    """The works that were asked for, with the contenders that are installed."""
    for name, (work, builders) in WORKS.items():
        if options.only in name and moons in (None, isinstance(work, Moons)):
            yield name, built(builders, options, work)
    if moons is None:
        for name, builders in layers.CONTENDERS.items():
            if options.only in name:
                yield name, built(builders, options)


def built(builders: dict[str, Callable[..., Step]], options: argparse.Namespace, *work: Any) -> dict[str, Step]:
    """The steps of the contenders that are installed and not left out."""
    steps = {}
    for contender, build in builders.items():
        if contender not in options.without.split(","):
            with contextlib.suppress(ImportError):
                steps[contender] = build(*work)
    return steps


def row(cells: list[str], table: bool, widths: list[int]) -> None:
    """One line of a table, in Markdown or in columns."""
    if table:
        print(f"| {' | '.join(cells)} |", flush=True)
    else:
        print("".join(f"{cell:<{w}}" if i == 0 else f"{cell:>{w}}" for i, (cell, w) in
                      enumerate(zip(cells, widths, strict=True))), flush=True)  # fmt: skip


def heading(cells: list[str], table: bool, widths: list[int]) -> None:
    row(cells, table, widths)
    if table:
        print(f"|{'---|' * len(cells)}")


def rows(options: argparse.Namespace) -> None:
    """Each work, as multiples of hand-written NumPy."""
    widths = [34, 11, *[15] * len(COLUMNS)]
    heading(["one step", "by hand", *[TITLES[c] for c in COLUMNS]], options.table, widths)
    for name, steps in chosen(options, moons=False):
        agree(name, steps)
        times = taken(steps, options.seconds)
        base = times["numpy"]
        cells = [multiple(times[c] / base) if c in times else "–" for c in COLUMNS]
        row([name, in_units(base), *cells], options.table, widths)


def moons_rows(options: argparse.Namespace) -> None:
    """micrograd's moons: how many times faster than micrograd."""
    widths = [34, 14, *[15] * len(MICROGRAD), 22]
    titles = ["one step", "micrograd", *[TITLES[c] for c in MICROGRAD], "micrograd, as it is"]
    heading(titles, options.table, widths)
    for name, steps in chosen(options, moons=True):
        agree(name, steps)
        if "micrograd" not in steps:
            continue
        times = taken(steps, options.seconds, "micrograd")
        base = times["micrograd"]
        cells = [f"{base / times[c]:,.3g}" if c in times else "–" for c in (*MICROGRAD, "micrograd, as it is")]
        row([name, in_units(base), *cells], options.table, widths)


def layer_rows(options: argparse.Namespace) -> None:
    """A LeNet and a Transformer, as multiples of PyTorch's time."""
    columns = ("native", "compiled", "numpy")  # the last one is ours, eager: the others' turns are counted by it
    widths = [34, 14, *[15] * len(columns)]
    heading(["one step", "PyTorch", *[TITLES[c] for c in columns[:2]], "eager"], options.table, widths)
    for name, builders in layers.CONTENDERS.items():
        if options.only not in name:
            continue
        steps = built(builders, options)
        agree(name, steps)
        times = taken(steps, options.seconds, "torch" if "torch" in steps else "numpy")
        base = times.get("torch")
        cells = [(multiple(times[c] / base) if base else in_units(times[c])) if c in times else "–" for c in columns]
        row([name, in_units(base) if base else "–", *cells], options.table, widths)


def training_rows(options: argparse.Namespace) -> None:
    """The network that reads digits, trained by `fit`."""
    name, columns = "50 epochs of digits, batches of 10", ("native", "compiled")
    widths = [36, 12, *[15] * len(columns)]
    heading(["a training", "eager", *[TITLES[c] for c in columns]], options.table, widths)
    if options.only not in name:
        return
    steps = built(TRAININGS, options)
    agree(name, steps, "microgradnet", 1)
    times = taken(steps, options.seconds, "microgradnet")
    cells = [multiple(times["microgradnet"] / times[c]) if c in times else "–" for c in columns]
    row([name, f"{times['microgradnet']:.2f} s", *cells], options.table, widths)


def compile_rows(options: argparse.Namespace) -> None:
    """What it costs until a step is a program: recording, passes and text; and what native code adds."""
    widths = [34, 24, 24]
    heading(["a program of", "recorded, as NumPy", "native, more"], options.table, widths)
    works: dict[str, Callable[[str | None], Step]] = {
        "784-16-16-10, batch 10": lambda backend: microgradnet_network(article(10), backend=backend),
        "LeNet": lambda backend: layers.our_step_of("LeNet", backend),
        "Transformer": lambda backend: layers.our_step_of("Transformer", backend),
        "micrograd's moons, 100 points": lambda backend: WORKS["micrograd's moons, 100 points"][1][
            {"numpy": "compiled", "native": "native"}.get(str(backend), "microgradnet")](Moons(100)),
    }  # fmt: skip
    for name, build in works.items():
        if options.only not in name:
            continue
        eager = first_calls(build, None)
        recorded = first_calls(build, "numpy") - eager
        try:
            native = f"{(first_calls(build, 'native') - eager - recorded) * 1e3:.0f}"
        except ImportError:
            native = "–"
        row([name, f"{recorded * 1e3:.0f}", native], options.table, widths)


def first_calls(build: Callable[[str | None], Step], backend: str | None) -> float:
    """CPU seconds of the first two calls, in which a step is recorded and becomes a program: the median of three."""
    build(backend)()  # what is imported on the way
    seen = []
    for _ in range(3):
        step = build(backend)
        if backend == "native":  # whose code is not compiled again as long as it is there
            importlib.import_module("microgradnet.programs.native.machine").compiled.cache_clear()
        began = time.process_time()
        step()
        step()
        seen.append(time.process_time() - began)
    return statistics.median(seen)


def multiple(x: float) -> str:
    """A multiple, with as many digits as it is worth."""
    return f"{x:.3f}" if x < 0.1 else f"{x:.2f}" if x < 10 else f"{x:.1f}"


def in_units(seconds: float) -> str:
    return f"{seconds * 1e6:,.0f} µs" if seconds < 0.01 else f"{seconds * 1e3:,.1f} ms"


if __name__ == "__main__":
    main()
