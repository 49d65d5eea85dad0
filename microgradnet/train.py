"""`fit`: the training loop that most people would write, with what they would add to it."""

from __future__ import annotations

import copy
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Self

import numpy as np

from .core import Array, Value, no_grad, numbers
from .debugging import debug
from .nn.init import Seed, generator
from .nn.inputs import whole
from .nn.module import Module
from .optim import LRScheduler, Optimizer
from .saving import load, save
from .saving.file import target
from .saving.formats import Path
from .saving.states import generators
from .words import brief

__all__ = ["Run", "fit"]

Function = Callable[..., Any]
History = dict[str, Any]


def fit(
    model: Module,
    x: Array,
    y: Array,
    *,
    loss: Function,
    optimizer: Any,
    epochs: int,
    batch_size: int = 32,
    validation: tuple[Array, Array] | None = None,
    metrics: Mapping[str, Function] | None = None,
    scheduler: Any = None,
    scheduler_interval: str = "epoch",
    patience: int | None = None,
    seed: Seed = None,
    on_batch: Function | None = None,
    on_epoch: Function | None = None,
    checkpoint: Path | None = None,
    save_every: int | None = None,
    progress: bool = True,
) -> History:
    """The history of training `model` on examples x (n, …) with targets y (n, …): a dict of lists, a number per epoch.

    Each epoch takes the examples in a new random order, `batch_size` at a time: that of epoch k (from 1) is
    `np.random.default_rng((seed, k)).permutation(n)`. Without a seed, or with a generator, the seed is drawn. A step is

        optimizer.zero_grad()
        outputs = model(x)
        cost = loss(outputs, y)
        cost.backward(release=True)
        optimizer.step()

    `history["cost"]` is the mean over the examples of what `loss` gave while training. `metrics`, such as
    `{"accuracy": f}`, are numbers f(outputs, y) of plain arrays, averaged likewise. `validation=(x, y)` adds
    `"val_cost"` and `"val_accuracy"`: of all these examples at once, in evaluation mode, after each epoch. `"epoch"`
    counts from 1, `"seconds"` is the time of each. `scheduler.step()` follows each epoch, or each batch with
    `scheduler_interval="batch"`.

    `history["stopped"]` is why it ended. "finished": all epochs are done. "patience": so many epochs in a row did not
    lower the val_cost (without validation, the cost). With `patience`, the model ends with the weights of its best
    epoch, however training ended. "interrupted": Ctrl-C; the step under way is done first, a second Ctrl-C raises
    KeyboardInterrupt. "callback": `on_batch` or `on_epoch` said stop. They are called with a `Run` after each batch and
    each epoch. The model is left in the mode it had, training or evaluation.

    `checkpoint="run.npz"` saves there after each epoch, or after every `save_every` batches, and whenever training
    stops. If the file is there, training goes on from it, to the same bits as if it had never stopped; `epochs` may be
    larger than it was, other arguments must be the same (ValueError). Remove the file to start anew. What callbacks
    keep is not saved.

    FloatingPointError for a cost or gradient that is NaN or infinite, with the report of `debug`: the operation, its
    inputs, the line. The parameters are those before that step.

    >>> from microgradnet import functional, nn, optim
    >>> x = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]
    >>> model = nn.MLP(1, [8, 1], activation=functional.tanh, seed=0)
    >>> optimizer = optim.SGD(model.parameters(), lr=0.1)
    >>> history = fit(model, x, x**2, loss=functional.quadratic_cost, optimizer=optimizer, epochs=200,
    ...               batch_size=10, seed=0, progress=False)
    >>> history["stopped"], len(history["cost"]), history["cost"][-1] < 0.01
    ('finished', 200, True)
    """
    metrics = dict(metrics or {})
    x, y = examples("x", x, "y", y)
    if validation is not None:
        if not isinstance(validation, tuple | list) or len(validation) != 2:
            raise TypeError(f"validation is a pair (x, y) of arrays; got {brief(validation)}")
        validation = examples("validation[0]", validation[0], "validation[1]", validation[1])
    check(model, loss, optimizer, metrics, scheduler, {"on_batch": on_batch, "on_epoch": on_epoch})
    check_counts(epochs=epochs, batch_size=batch_size, patience=patience, save_every=save_every)
    if save_every is not None and checkpoint is None:
        raise ValueError("save_every says how often to save to checkpoint=, and there is none: give a path")
    if scheduler_interval not in ("epoch", "batch"):
        raise ValueError(f"scheduler_interval={scheduler_interval!r}: wanted 'epoch' or 'batch'")

    run = Run(model, optimizer, scheduler, [*metrics], validation is not None, patience)
    run.seed = int(seed) if isinstance(seed, int | np.integer) else int(generator(seed).integers(2**63))
    if checkpoint is not None:
        run.arguments = {
            "x": fingerprint(x), "y": fingerprint(y), "validation": validation and [*map(fingerprint, validation)],
            "batch_size": batch_size, "seed": None if seed is None else run.seed, "patience": patience,
            "metrics": [*metrics], "loss": name_of(loss),
            "optimizer": name_of(type(optimizer)), "scheduler": scheduler and name_of(type(scheduler)),
            "scheduler_interval": scheduler_interval,
        }  # fmt: skip
        run.resume(checkpoint)
    parameters, before = model.parameters(), Before(model)

    with Interrupts() as interrupts, ModesKept(model), Progress(run, progress) as shown:
        for picked in run.batches(len(x), batch_size, epochs):
            batch_x, batch_y = x[picked], y[picked]
            before.note()

            optimizer.zero_grad()
            outputs = model(batch_x)
            if (metrics or validation is not None) and not isinstance(outputs, Value | np.ndarray):
                raise TypeError(
                    f"model gave {brief(outputs)}: metrics and validation take one array. Let forward return the one "
                    f"that counts"
                )
            cost = loss(outputs, batch_y)
            run.measured([cost, *(f(numbers(outputs), batch_y) for f in metrics.values())], len(picked))
            if math.isfinite(run.cost):
                cost.backward(release=True)
            if not math.isfinite(run.cost) or not all_finite(parameters):
                raise FloatingPointError(before.report(loss, batch_x, batch_y, run))
            optimizer.step()

            run.taken += 1
            if scheduler is not None and scheduler_interval == "batch":
                scheduler.step()
            shown.step()
            run.call(on_batch)
            if run.batch == run.steps:
                run.end_epoch(evaluated(model, validation, loss, metrics.values(), batch_size))
                if scheduler is not None and scheduler_interval == "epoch":
                    scheduler.step()
                shown.line()
                run.call(on_epoch)
            if interrupts.asked:
                run.stop("interrupted")
            due = run.taken % save_every == 0 if save_every else run.batch == run.steps
            if checkpoint is not None and (due or run.over()):
                run.save(checkpoint)
    if run.best:
        model.load_state_dict(run.best["state"])
    return {**run.history, "stopped": run.stopped or "finished"}


class Run:
    """A training under way, as `on_batch` and `on_epoch` see it.

    `epoch` and `batch` count from 1, `steps` is the number of batches in an epoch, `cost` is that of the latest batch,
    `history` is of whole epochs, `means()` of this one so far. `stop()` ends the training after this step;
    `stop(reason)` says why.
    """

    def __init__(
        self, model: Module, optimizer: Any, scheduler: Any, metrics: list[str], validated: bool, patience: int | None
    ) -> None:
        self.model, self.optimizer, self.scheduler, self.patience = model, optimizer, scheduler, patience
        measures = ["cost", *metrics]
        held_out = [f"val_{name}" for name in measures] if validated else []
        self.history: History = {name: [] for name in ["epoch", *measures, *held_out, "seconds"]}
        self.arguments: dict[str, Any] = {}  # that must be the same when it goes on from a file
        self.seed = 0
        self.taken = 0  # steps, in all epochs
        self.measures = measures
        self.totals = [0.0] * len(measures)  # over the examples of this epoch
        self.seconds = 0.0  # of this epoch
        self.best: dict[str, Any] = {}
        self.stopped = ""  # why
        self.epoch = self.batch = self.steps = self.epochs = self.n = self.size = 0
        self.cost = math.nan
        self.since = 0.0

    def stop(self, reason: str = "callback") -> None:
        """End the training after this step."""
        self.stopped = self.stopped or reason

    def over(self) -> bool:
        return bool(self.stopped) or self.taken >= self.epochs * self.steps

    def batches(self, n: int, size: int, epochs: int) -> Iterator[Array]:
        """Which examples to take next, until the training is over: from where it stands, in the order of the epoch."""
        self.n, self.size, self.steps, self.epochs = n, size, -(-n // size), epochs
        while not self.over():
            self.epoch, done = self.taken // self.steps + 1, self.taken % self.steps
            order = np.random.default_rng((self.seed, self.epoch)).permutation(n)
            self.model.train()
            self.since = time.perf_counter()
            for batch in range(done, self.steps):
                self.batch = batch + 1
                yield order[batch * size :][:size]
                if self.over():
                    return

    def measured(self, values: list[Any], examples: int) -> None:
        """Add the cost and the metrics of a batch to those of the epoch."""
        if not isinstance(values[0], Value):
            raise TypeError(
                f"loss gave {brief(values[0])}, which is no Value: nothing leads from it back to the parameters. "
                f"Compute it from the outputs as they are, without .data"
            )
        numbers = [number(value) for value in values]
        self.cost = numbers[0]
        self.totals = [total + x * examples for total, x in zip(self.totals, numbers, strict=True)]

    def means(self) -> dict[str, float]:
        """The cost and the metrics by name, over the examples of this epoch so far."""
        examples = min(self.batch * self.size, self.n)
        return {name: total / examples for name, total in zip(self.measures, self.totals, strict=True)}

    def end_epoch(self, held_out: list[float]) -> None:
        """An entry in the history, and a look whether the epoch was the best."""
        now = time.perf_counter()
        row = [self.epoch, *self.means().values(), *held_out, self.seconds + now - self.since]
        for column, entry in zip(self.history.values(), row, strict=True):
            column.append(entry)
        self.totals, self.seconds, self.since = [0.0] * len(self.totals), 0.0, now
        if self.patience is not None:
            costs = self.history["val_cost" if held_out else "cost"]
            best = costs[self.best["epoch"] - 1] if self.best else math.nan
            if math.isnan(best) or costs[-1] < best:
                self.best = {"epoch": self.epoch, "state": copy.deepcopy(self.model.state_dict())}
            self.out_of_patience()

    def out_of_patience(self) -> None:
        if self.patience is not None and self.best and len(self.history["epoch"]) - self.best["epoch"] >= self.patience:
            self.stop("patience")

    def call(self, callback: Function | None) -> None:
        if callback is not None:
            try:
                callback(self)
            except KeyboardInterrupt:
                self.stop("interrupted")

    def things(self) -> dict[str, Any]:
        things = {"model": self.model, "optimizer": self.optimizer, "scheduler": self.scheduler}
        return {name: thing for name, thing in things.items() if thing is not None}

    def save(self, path: Path) -> None:
        """Write all that is needed to go on from here."""
        seconds = self.seconds + time.perf_counter() - self.since
        held = {"arguments": self.arguments, "seconds": seconds, **{name: getattr(self, name) for name in self.HELD}}
        save(path, **self.things(), fit=held)

    HELD = ("seed", "taken", "totals", "history", "best")

    def resume(self, path: Path) -> None:
        """Go on from a file, if it is there. ValueError if it is of a training with other arguments."""
        target(path)  # where nothing can be saved, that is said before training rather than after
        if not os.path.exists(path):
            return
        held = load(path).get("fit")
        if not isinstance(held, dict) or not {"arguments", "seconds", *self.HELD} <= held.keys():
            raise ValueError(f"{path} is not of fit(checkpoint=…): remove it, or give another path")
        for name, here in self.arguments.items():
            there = held["arguments"].get(name)
            if there != here:
                raise ValueError(
                    f"{path} is of a training with another {name}: {there}, here {here}. Give the same arguments to go "
                    f"on, or another checkpoint=, or remove the file to start anew"
                )
        load(path, **self.things())
        self.seconds = held["seconds"]
        for name in self.HELD:
            setattr(self, name, held[name])
        self.out_of_patience()


# ------------------------------------------------------------------------------------------------------ measuring


def evaluated(
    model: Module, held_out: tuple[Array, Array] | None, loss: Function, metrics: Iterable[Function], size: int
) -> list[float]:
    """The cost and the metrics on examples held out, of all at once, in evaluation mode."""
    if held_out is None:
        return []
    x, y = held_out
    size = max(size, 256)
    with ModesKept(model), no_grad():
        model.eval()
        outputs = np.concatenate([numbers(model(x[i : i + size])) for i in range(0, len(x), size)])
        return [number(loss(Value(outputs), y)), *(number(f(outputs, y)) for f in metrics)]


def number(x: Any) -> float:
    """The one number of a cost or metric. TypeError for anything else."""
    x = numbers(x)
    if isinstance(x, bool | int | float | np.generic | np.ndarray) and np.ndim(x) == 0:
        return float(x)
    raise TypeError(f"a loss or metric gives one number; got {brief(x)}. The mean over the examples, .mean(), is one")


def all_finite(parameters: list[Value]) -> bool:
    """Whether no gradient has a NaN or an infinity. Most often one sum of squares, which is fast, settles it."""
    found = [p.grad for p in parameters if p.grad is not None]
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(sum([np.vdot(g, g) for g in found])) or all(np.isfinite(g).all() for g in found)


def fingerprint(array: Array) -> str:
    """An array in short: what it is, and a checksum of its numbers."""
    import zlib

    held = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
    return f"{array.dtype} {array.shape} checksum {zlib.crc32(held):08x}"


def name_of(f: Any) -> str:
    name = getattr(f, "name", None) or getattr(f, "__name__", None)
    return name if isinstance(name, str) else type(f).__name__


class Before:
    """What a forward computation changes: the states of generators, and buffers. To compute a batch again as it was."""

    def __init__(self, model: Module) -> None:
        self.model = model
        self.generators = list({id(rng): rng for _, rng in generators(model)}.values())
        parts = [(module, name, x) for module in model.modules() for name, x in vars(module).items()]
        self.places = [(module, name) for module, name, x in parts if isinstance(x, np.ndarray)]
        known = {id(getattr(module, name)) for module, name in self.places}
        self.inside = [x for _, x in model.named_buffers() if id(x) not in known]  # in lists and dicts
        self.note()

    def note(self) -> None:
        """Called before every step."""
        self.states = [rng.bit_generator.state for rng in self.generators]
        self.buffers = [getattr(module, name) for module, name in self.places]
        self.held = [buffer.copy() for buffer in (*self.buffers, *self.inside)]

    def put_back(self) -> None:
        for rng, state in zip(self.generators, self.states, strict=True):
            rng.bit_generator.state = state
        for buffer, held in zip((*self.buffers, *self.inside), self.held, strict=True):
            if buffer.flags.writeable:
                buffer[...] = held
        for (module, name), buffer in zip(self.places, self.buffers, strict=True):
            object.__setattr__(module, name, buffer)
        self.model.zero_grad()

    def report(self, loss: Function, x: Array, y: Array, run: Run) -> str:
        """Where in a batch the first NaN or Inf came up, in words. Everything is then as before the batch."""
        self.put_back()
        found = "run again under debug(), no operation gave one"
        try:
            with debug(), np.errstate(all="ignore"):
                loss(self.model(x), y).backward(release=True)
        except FloatingPointError as error:
            found = str(error)
        self.put_back()
        what = "a gradient is NaN or infinite" if math.isfinite(run.cost) else f"the cost is {run.cost}"
        return (
            f"{what} in epoch {run.epoch}, batch {run.batch}; the parameters are as they were before it. Large numbers "
            f"below mean that the steps are too large: try a smaller lr.\n{found}"
        )


# ------------------------------------------------------------------------------------------------- around the loop


class ModesKept:
    """A `with` block after which every Module is in the mode it had, training or evaluation."""

    def __init__(self, model: Module) -> None:
        self.modes = [(module, module.training) for module in model.modules()]

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        for module, training in self.modes:
            if module.training != training:
                object.__setattr__(module, "training", training)


class Interrupts:
    """A `with` block in which the first Ctrl-C is only noted in `asked`; the second raises KeyboardInterrupt.

    Where the program has a handler of its own, or in another thread than the main one, it changes nothing.
    """

    def __init__(self) -> None:
        self.asked = False
        main = threading.current_thread() is threading.main_thread()
        self.ours = main and signal.getsignal(signal.SIGINT) is signal.default_int_handler

    def __enter__(self) -> Self:
        if self.ours:
            signal.signal(signal.SIGINT, self.note)
        return self

    def note(self, *what: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.asked = True

    def __exit__(self, *error: object) -> None:
        if self.ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)


class Progress:
    """A line for each epoch on stderr; on a terminal, with tqdm, a bar that moves within it."""

    def __init__(self, run: Run, on: bool) -> None:
        self.run, self.on, self.bar, self.epoch = run, on, None, 0

    def __enter__(self) -> Self:
        if self.on and self.run.taken:
            print(f"going on where the checkpoint is: {self.run.taken} steps are done", file=sys.stderr)
        if self.on and sys.stderr.isatty():
            try:
                from tqdm import tqdm
            except ModuleNotFoundError:
                return self
            self.bar = tqdm(leave=False)
        return self

    def step(self) -> None:
        """Called after each batch."""
        if self.bar is not None:
            run, bar = self.run, self.bar
            if run.epoch != self.epoch:
                self.epoch = run.epoch
                bar.set_description_str(f"epoch {run.epoch}/{run.epochs}", refresh=False)
                bar.set_postfix_str("", refresh=False)
                bar.reset(run.steps)
                bar.n = run.batch - 1
            bar.set_postfix_str(said(run.means()), refresh=False)
            bar.update()

    def line(self) -> None:
        """Called after each epoch."""
        if self.on:
            if self.bar is not None:
                self.bar.clear()
            latest = {name: column[-1] for name, column in self.run.history.items()}
            epoch, seconds = latest.pop("epoch"), latest.pop("seconds")
            print(f"epoch {epoch}/{self.run.epochs}: {said(latest)} ({seconds:.1f} s)", file=sys.stderr)

    def __exit__(self, *error: object) -> None:
        if self.bar is not None:
            self.bar.close()


def said(measured: dict[str, float]) -> str:
    return ", ".join(f"{name} {x:.4g}" for name, x in measured.items())


# ---------------------------------------------------------------------------------------------------- the arguments


def examples(x_name: str, x: Any, y_name: str, y: Any) -> tuple[Array, Array]:
    """Two arrays with a row for each example."""
    for name, array in ((x_name, x), (y_name, y)):
        if isinstance(array, Value):
            raise TypeError(f"{name} is a Value; the examples are plain arrays, {name}.data")
    x, y = np.asarray(x), np.asarray(y)
    for name, array in ((x_name, x), (y_name, y)):
        if array.dtype.kind not in "biuf" or not array.ndim or not len(array):
            raise ValueError(
                f"{name} is an array of numbers with a row for each example, at least one; got shape {array.shape}, "
                f"dtype {array.dtype}"
            )
    if len(x) != len(y):
        raise ValueError(f"{len(x)} rows in {x_name} but {len(y)} in {y_name}: each example has one in each")
    return x, y


def check(
    model: Any, loss: Any, optimizer: Any, metrics: dict[str, Any], scheduler: Any, callbacks: dict[str, Any]
) -> None:
    if not isinstance(model, Module):
        raise TypeError(f"model is a Module; got {brief(model)}")
    functions = {"loss": loss, **{f"metrics[{name!r}]": f for name, f in metrics.items()}}
    functions |= {name: f for name, f in callbacks.items() if f is not None}
    for name, f in functions.items():
        if not callable(f) or isinstance(f, type):
            raise TypeError(f"{name} is a function; got {brief(f)}")
    for name in metrics:
        if name in ("epoch", "cost", "seconds", "stopped") or name.startswith("val_"):
            raise ValueError(f"a metric called {name!r}: the history has that name for something else")
    if isinstance(optimizer, type) or not hasattr(optimizer, "step") or not hasattr(optimizer, "zero_grad"):
        raise TypeError(f"optimizer is an object such as optim.SGD(model.parameters(), lr=0.1); got {brief(optimizer)}")
    if scheduler is not None and (isinstance(scheduler, type) or not hasattr(scheduler, "step")):
        raise TypeError(f"scheduler is an object with step(), made for the optimizer; got {brief(scheduler)}")
    if isinstance(optimizer, Optimizer) and not set(optimizer.parameters) & set(model.parameters()):
        raise ValueError(
            "optimizer moves no parameter of this model: make it of model.parameters(), after astype or copy"
        )
    if isinstance(scheduler, LRScheduler) and scheduler.optimizer is not optimizer:
        raise ValueError("scheduler was made for another optimizer, and would change nothing here")


def check_counts(**counts: int | None) -> None:
    for name, n in counts.items():
        optional = name in ("patience", "save_every")
        if whole(n) or (n is None and optional):
            continue
        raise ValueError(f"{name}={n!r}: it is a whole number of at least 1{', or None' if optional else ''}")
