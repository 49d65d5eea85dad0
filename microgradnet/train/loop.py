"""`fit` itself: a source deals out batches, a step trains on each, and the run and its callbacks are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import checks
from ..nn.init import Seed
from ..nn.module import Module
from ..optim import Optimizer, ReduceLROnPlateau
from ..parallel.worlds import World
from ..programs.backends import Backend
from ..saving.formats import Path
from ..words import answering
from .arguments import (
    BACKEND,
    OPTIONS,
    check_counts,
    check_model,
    check_parts,
    check_scheduler,
    examples,
    held_out,
    name_of,
    options_of,
    share,
    weights,
)
from .around import Interrupts, ModesKept
from .between import Between
from .callbacks import Progress, around, by_moment, stateful
from .history import History
from .likeness import functions_of, likenesses
from .measures import Function
from .named import Weighted, each, loss_of, metrics_of
from .run import Moves, Run, Steps
from .sources import ArraySource, Batch, Rows, Source, fingerprint
from .step import Step
from .streams import Stream, deals, source_of
from .together import together_in


@answering
def fit(
    model: Module,
    x: Any,
    y: Any = None,
    *,
    loss: Function | str,
    optimizer: Moves,
    epochs: int,
    batch_size: int = 32,
    validation: Any = None,
    metrics: Any = None,
    sample_weight: Any = None,
    scheduler: Steps | None = None,
    scheduler_interval: str = "epoch",
    patience: int | None = None,
    seed: Seed = None,
    clip: float | None = None,
    accumulate: int = 1,
    callbacks: Any = (),
    checkpoint: Path | None = None,
    save_every: int | None = None,
    progress: bool = True,
    compile: bool | Backend = False,
    parallel: World | None = None,
) -> History:
    """The history of training `model` on examples x (n, …) with targets y (n, …): a dict of lists, a number per epoch.

    Several inputs are a tuple of arrays: of `fit(model, (numbers, words), y)` the step calls `model(numbers, words)`.
    Arrays may be memory-mapped: they are read a few batches at a time. Without y, x is a dataset, len(d) examples d[i],
    each (x, y); or an iterable of batches (x, y), with a length or without, such as `data.batches` or PyTorch's
    DataLoader, or a function that returns one for each epoch. A batch may be (x, y, sample_weight). `validation` may be
    either too.

    Each epoch takes the examples in a new random order, `batch_size` at a time: that of epoch k (from 1) is
    `np.random.default_rng((seed, k)).permutation(n)`. Without a seed, or with a generator, the seed is drawn. Batches
    come in the order they are dealt out in. A step is

        optimizer.zero_grad()
        outputs = model(x)
        cost = loss(outputs, y)
        cost.backward(release=True)
        optimizer.step()

    `history["cost"]` is the mean over the examples of what `loss` gave while training. `metrics`, such as
    `{"accuracy": f}`, are numbers f(outputs, y) of plain arrays, averaged likewise. `validation=(x, y)` adds
    `"val_cost"` and `"val_accuracy"`: of all these examples at once, in evaluation mode, after each epoch;
    `validation=0.2` holds out that share of the examples, at random, and trains on the others. `"epoch"` counts from
    1, `"seconds"` is the time of each. `scheduler.step()` follows each epoch, or each step with
    `scheduler_interval="batch"`. A ReduceLROnPlateau looks at the val_cost, or without validation at the cost.

    `clip=1.0` scales gradients down whose norm, of all of them as one vector, is larger. `accumulate=4` makes one step
    of four batches, and of what the end of an epoch leaves: their mean, as of one batch of all their examples.

    Losses and metrics may go by their names: `loss="cross_entropy"`, `metrics="accuracy"` or `["mae", "r2"]`; an error
    lists them. `sample_weight` (n,) says how much each example counts in the cost, relative to the others: a batch
    costs the mean of weight × loss, the weights being 1 on average. A loss is then one that takes `reduction="none"`,
    as those of `functional` do. Metrics weigh nothing; `validation=(x, y, sample_weight)` weighs the val_cost.

    `history["stopped"]` is why it ended. "finished": all epochs are done. "patience": so many epochs in a row did not
    lower the val_cost (without validation, the cost); a NaN lowers nothing. With `patience`, the model ends with the
    weights of its best epoch, however training ended. "interrupted": Ctrl-C; the step under way is done first, a second
    Ctrl-C raises KeyboardInterrupt. "callback": one of these said stop. `callbacks` is a list: a function is called
    with the `Run` after each epoch; an object by those of its methods that are `on_start`, `before_step` (gradients are
    there, and may be changed), `on_batch`, `on_epoch`, and `on_end`, which is called however it ends. A function with
    the name of one of these is called then. `train` has `BestWeights`, `CSVLog`, `ReduceOnPlateau`, `TensorBoard`. The
    model is left in the mode it had, training or evaluation.

    `checkpoint="run.npz"` saves there after each epoch, or after every `save_every` batches, and whenever training
    stops. If the file is there, training goes on from it, to the same bits as if it had never stopped; `epochs` may be
    larger than it was, other arguments must be the same, options of the optimiser and the code of functions included
    (ValueError). To go on with another lr, assign it in a callback. Remove the file to start anew. What callbacks keep
    is saved if they have `state_dict` and `load_state_dict`. Batches go on where they stood if they have these, as
    `data.batches` has; else the epoch is begun anew and those that were taken are passed over, with a warning.

    `compile=True` runs the steps as a program (`mg.compile`), `"native"` or `"numpy"` says which. With `"numpy"` all
    bits are those of eager steps, with `"native"` all is equal within rounding, and a training that goes on from a file
    has the bits it would have had; going on with the other kind is told in a warning. Model, loss and optimiser are
    called to record them, and again where something around them has changed; metrics and callbacks in every step.

    `parallel=world`, of `with parallel.world() as world`, trains in all processes that `mpiexec -n 4 python train.py`
    has started. Each gives the same arguments, reads its part of every batch, `batch_size` being that of all together,
    and moves by the mean gradient over the examples of all; BatchNorm uses the statistics of all. So the parameters are
    those of one process, within rounding, where the loss is a mean over the examples; Dropout draws other numbers on
    each rank. Metrics while training are averaged over the parts. Rank 0 shows progress and writes files, callbacks
    are called on all ranks, and any number of ranks goes on from a checkpoint, which all of them read.

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
    check_model(model)
    together = together_in(parallel)
    source = given(x, y, sample_weight, batch_size, seed, validation)
    together.deals(source)
    kept_back = None if validation is None else apart(validation, source, batch_size)
    loss = loss_of(loss)
    metrics = metrics_of(metrics, loss)
    check_parts(model, optimizer, metrics, scheduler)
    moments = by_moment(callbacks, together.rank)
    check_counts(epochs=epochs, batch_size=batch_size, accumulate=accumulate, patience=patience, save_every=save_every)
    if clip is not None:
        clip = checks.positive(
            "clip", clip, what="the norm that gradients are limited to", more=", such as 1.0, or None"
        )
    if save_every is not None and checkpoint is None:
        raise ValueError("save_every says how often to save to checkpoint=, and there is none: give a path")
    check_scheduler(scheduler, scheduler_interval)
    kind: Any = Step
    if compile is not False:
        from .compiled import step_of  # who trains without it does not wait for it

        kind = step_of(compile, optimizer)

    run = Run(model, optimizer, scheduler, source, epochs, patience, [*metrics], validated=kept_back is not None)
    run.callbacks, run.rank = stateful(callbacks), together.rank
    if checkpoint is not None:
        functions = {"loss": loss, "scheduler": functions_of(scheduler)}
        functions |= {f"metrics[{name!r}]": f for name, f in metrics.items()}
        run.arguments = {
            **source.fingerprint(), "validation": described(kept_back),
            "batch_size": batch_size, "seed": getattr(source, "seed", None) if seed is not None else None,
            "patience": patience, "metrics": [*metrics], "loss": name_of(loss),
            "optimizer": name_of(type(optimizer)), "scheduler": scheduler and name_of(type(scheduler)),
            "scheduler_interval": scheduler_interval, "accumulate": accumulate, "clip": clip, **likenesses(functions),
            BACKEND: kind.backend,
            OPTIONS: options_of(optimizer.state_dict()) if isinstance(optimizer, Optimizer) else [],
        }  # fmt: skip
        together.resumes()
        run.resume(checkpoint)
    validation = source.kept_back() if isinstance(source, Rows) and isinstance(kept_back, int) else kept_back
    if sample_weight is not None:
        each(loss)  # raises, where it does not tell the examples apart
    weighed = not isinstance(source, ArraySource) or source.weight is not None
    step = kind(
        run, Weighted(loss) if weighed else loss, metrics.values(), one_array=bool(metrics) or validation is not None,
        between=Between(accumulate, clip, moments["before_step"]), together=together,
    )  # fmt: skip
    together.begins(run, step.before.parameters)

    progress = progress and not together.rank
    with Interrupts() as interrupts, ModesKept(model), Progress(progress, run) as shown, around(moments, run):
        together.stopped(run)
        told = {"batch": [*shown.moves(), *moments["on_batch"]], "epoch": [shown.line, *moments["on_epoch"]]}
        # what is not there is not called: small steps are short
        if scheduler is not None:
            told[scheduler_interval].insert(0, on_schedule(scheduler))
        if not told["batch"] and not save_every:
            step.unwatched(interrupts)
        for batch in run.batches():
            due = (run.taken + 1) % save_every == 0 if save_every else batch.last
            step.take(batch, to_be_checked=due or batch.last)
            if due or batch.last:
                step.check()
            for call in told["batch"]:
                call(run)
            if batch.last:
                run.end_epoch(together.evaluated(model, validation, loss, metrics.values(), batch_size))
                together.ends_epoch(run)
                for call in told["epoch"]:
                    call(run)
            if interrupts.asked:
                run.stop("interrupted")
            together.stopped(run)
            if run.over():
                step.check()
            if checkpoint is not None and (due or run.over()):
                drawing = together.states()
                if not together.rank:
                    run.save(checkpoint, drawing)
    if run.best:
        model.load_state_dict(run.best["state"])
    return History(run.history, stopped=run.stopped or "finished")


def on_schedule(scheduler: Steps) -> Callable[[Run], None]:
    """What steps a schedule: after the epoch, or where a step was taken."""

    def call(run: Run) -> None:
        if isinstance(scheduler, ReduceLROnPlateau):
            scheduler.step(run.judged[-1])
        elif not run.gathered:
            scheduler.step()

    return call


def given(x: Any, y: Any, sample_weight: Any, size: int, seed: Seed, validation: Any) -> Source:
    """The source of what was given to train on, of which a share may be held out."""
    check_counts(batch_size=size)
    part = validation if checks.is_fraction(validation) else None
    if y is None:
        if sample_weight is not None:
            raise ValueError("sample_weight goes with arrays x and y; here each batch brings its own, (x, y, weight)")
        return source_of("x", x, size, seed, part)
    x, y = examples("x", x, "y", y)
    weight = weights("sample_weight", sample_weight, len(y))
    return ArraySource(x, y, size, seed, weight, 0 if part is None else share(part, len(y)))


def apart(validation: Any, source: Source, size: int) -> Batch | Source | int:
    """What is measured after each epoch: examples, what deals them out, or how many the source itself holds back."""
    if checks.is_fraction(validation) and isinstance(source, Rows):
        return source.held_out
    batches = isinstance(validation, list) and all(isinstance(part, tuple) for part in validation)
    if batches or (deals(validation) and not isinstance(validation, tuple | list)):
        return source_of("validation", validation, size, 0)
    return held_out(validation)


def described(kept_back: Batch | Source | int | None) -> Any:
    """What is held out, as a file has it."""
    if isinstance(kept_back, Rows | Stream):
        return kept_back.fingerprint()
    if isinstance(kept_back, Batch):
        weight = () if kept_back.weight is None else (kept_back.weight,)
        return [fingerprint(part) for part in (kept_back.x, kept_back.y, *weight)]
    return kept_back
