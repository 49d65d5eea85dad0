"""`fit` itself: a source deals out batches, a step trains on each, and the run and its callbacks are told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import checks
from ..core import Array
from ..nn.init import Seed
from ..nn.module import Module
from ..optim import Optimizer
from ..programs.backends import Backend
from ..saving.formats import Path
from ..words import answering
from .arguments import BACKEND, OPTIONS, check_counts, check_parts, examples, held_out, name_of, options_of
from .around import Interrupts, ModesKept
from .callbacks import Progress, in_good_order
from .likeness import functions_of, likenesses
from .measures import Function, evaluated
from .run import History, Moves, Run, Steps
from .sources import ArraySource, fingerprint
from .step import Step


@answering
def fit(
    model: Module,
    x: Array,
    y: Array,
    *,
    loss: Function,
    optimizer: Moves,
    epochs: int,
    batch_size: int = 32,
    validation: tuple[Array, Array] | None = None,
    metrics: Mapping[str, Function] | None = None,
    scheduler: Steps | None = None,
    scheduler_interval: str = "epoch",
    patience: int | None = None,
    seed: Seed = None,
    on_batch: Function | None = None,
    on_epoch: Function | None = None,
    checkpoint: Path | None = None,
    save_every: int | None = None,
    progress: bool = True,
    compile: bool | Backend = False,
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
    lower the val_cost (without validation, the cost); a NaN lowers nothing. With `patience`, the model ends with the
    weights of its best epoch, however training ended. "interrupted": Ctrl-C; the step under way is done first, a second
    Ctrl-C raises KeyboardInterrupt. "callback": `on_batch` or `on_epoch` said stop. They are called with a `Run` after
    each batch and each epoch. The model is left in the mode it had, training or evaluation.

    `checkpoint="run.npz"` saves there after each epoch, or after every `save_every` batches, and whenever training
    stops. If the file is there, training goes on from it, to the same bits as if it had never stopped; `epochs` may be
    larger than it was, other arguments must be the same, options of the optimiser and the code of functions included
    (ValueError). To go on with another lr, assign it in a callback. Remove the file to start anew. What callbacks keep
    is not saved.

    `compile=True` runs the steps as a program (`mg.compile`), `"native"` or `"numpy"` says which. With `"numpy"` all
    bits are those of eager steps, with `"native"` all is equal within rounding, and a training that goes on from a file
    has the bits it would have had; going on with the other kind is told in a warning. Model, loss and optimiser are
    called to record them, and again where something around them has changed; metrics and callbacks in every step.

    FloatingPointError for a cost or gradient that is NaN or infinite, with the report of `debug`: the operation, its
    inputs, the line. The parameters are those before that step. Also where an epoch or the training would end, or be
    saved, with a parameter that is so; the step that did it is undone, unless a callback or Ctrl-C stopped it there.

    >>> import numpy as np
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
    validation = held_out(validation)
    check_parts(model, loss, optimizer, metrics, scheduler, {"on_batch": on_batch, "on_epoch": on_epoch})
    check_counts(epochs=epochs, batch_size=batch_size, patience=patience, save_every=save_every)
    if save_every is not None and checkpoint is None:
        raise ValueError("save_every says how often to save to checkpoint=, and there is none: give a path")
    checks.choice("scheduler_interval", scheduler_interval, ("epoch", "batch"))
    kind: Any = Step
    if compile is not False:
        from .compiled import step_of  # who trains without it does not wait for it

        kind = step_of(compile, optimizer)

    source = ArraySource(x, y, batch_size, seed)
    run = Run(model, optimizer, scheduler, source, epochs, patience, [*metrics], validated=validation is not None)
    if checkpoint is not None:
        functions = {"loss": loss, "scheduler": functions_of(scheduler)}
        functions |= {f"metrics[{name!r}]": f for name, f in metrics.items()}
        run.arguments = {
            **source.fingerprint(), "validation": validation and [*map(fingerprint, validation)],
            "batch_size": batch_size, "seed": None if seed is None else source.seed, "patience": patience,
            "metrics": [*metrics], "loss": name_of(loss),
            "optimizer": name_of(type(optimizer)), "scheduler": scheduler and name_of(type(scheduler)),
            "scheduler_interval": scheduler_interval, **likenesses(functions),
            BACKEND: kind.backend,
            OPTIONS: options_of(optimizer.state_dict()) if isinstance(optimizer, Optimizer) else [],
        }  # fmt: skip
        run.resume(checkpoint)
    step = kind(run, loss, metrics.values(), one_array=bool(metrics) or validation is not None)

    with Interrupts() as interrupts, ModesKept(model), Progress(progress, run.taken) as shown:
        told = {"batch": [shown.step, in_good_order(on_batch)], "epoch": [shown.line, in_good_order(on_epoch)]}
        if scheduler is not None:
            told[scheduler_interval].insert(0, lambda run: scheduler.step())
        for batch in run.batches():
            due = (run.taken + 1) % save_every == 0 if save_every else batch.last
            step.take(batch, to_be_checked=due or batch.last)
            if due or batch.last:
                step.check()
            for call in told["batch"]:
                call(run)
            if batch.last:
                run.end_epoch(evaluated(model, validation, loss, metrics.values(), batch_size))
                for call in told["epoch"]:
                    call(run)
            if interrupts.asked:
                run.stop("interrupted")
            if run.over():
                step.check()
            if checkpoint is not None and (due or run.over()):
                run.save(checkpoint)
    if run.best:
        model.load_state_dict(run.best["state"])
    return {**run.history, "stopped": run.stopped or "finished"}
