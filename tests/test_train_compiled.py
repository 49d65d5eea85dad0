"""fit(compile=…): the steps are programs, and all that fit promises of eager ones holds."""

from __future__ import annotations

import importlib.util
import itertools
import signal
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import Value, nn, optim
from microgradnet import functional as F
from microgradnet.nn.init import shared
from microgradnet.programs import Uncompilable
from microgradnet.programs.compiled import Compiled
from microgradnet.saving.states import generators
from microgradnet.train import Run
from microgradnet.train import compiled as training_compiled
from microgradnet.train.compiled import NumPyStep
from tests import training
from tests.samples import sample
from tests.training import stop_after

NATIVE = pytest.param("native", marks=pytest.mark.skipif(
    importlib.util.find_spec("llvmlite") is None, reason="llvmlite is not installed"))  # fmt: skip
BACKENDS = ["numpy", NATIVE]


def backends(cases: list[Any], native: list[Any]) -> list[Any]:
    """(case, backend): all cases run by NumPy; natively, which takes longer, those in `native`, or all if slow."""
    marks = [[*NATIVE.marks, *([] if case in native else [pytest.mark.slow])] for case in cases]
    return [
        *((case, "numpy") for case in cases),
        *(pytest.param(case, "native", marks=m) for case, m in zip(cases, marks, strict=True)),
    ]


@pytest.fixture(autouse=True)
def _fresh_shared_generator() -> None:
    shared().bit_generator.state = np.random.default_rng(0).bit_generator.state


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The calls that are recorded, rather than run as a program."""
    seen: list[Any] = []
    real = Compiled._run_on_tape

    def run_on_tape(self: Any, objects: Any, args: Any, *more: Any) -> Any:
        seen.append(args[0].shape)
        return real(self, objects, args, *more)

    monkeypatch.setattr(Compiled, "_run_on_tape", run_on_tape)
    return seen


def small(**changed: Any) -> dict[str, Any]:
    """Arguments of fit for a small network: 4 batches an epoch, of which the last is smaller."""
    model = changed.pop("model", None) or nn.MLP(3, [5, 1], activation=np.tanh, seed=0)
    x, y = training.examples()
    given = {"model": model, "x": x, "y": y, "loss": F.quadratic_cost, "epochs": 5, "batch_size": 6, "seed": 0}
    return {**given, "optimizer": optim.SGD(model.parameters(), lr=0.1), "progress": False, **changed}


def weights(model: nn.Module) -> list[bytes]:
    return [np.asarray(array).tobytes() for array in model.state_dict().values()]


def started() -> Any:
    shared().bit_generator.state = np.random.default_rng(0).bit_generator.state
    return training.train


def test_with_numpy_all_bits_are_those_of_eager_steps(recorded: list[Any]) -> None:
    """Batch statistics, dropout, momentum, a schedule, validation, metrics and patience take part."""
    eager = started()(None)
    assert recorded == []
    assert started()(None, compile="numpy") == eager
    assert recorded == [(6, 3), (6, 3), (2, 3), (2, 3)]  # twice for each shape, though validation sets other modes


MAKERS = {
    "SGD": lambda ps: optim.SGD(ps, lr=0.1, momentum=0.9, nesterov=True), "Adam": lambda ps: optim.Adam(ps, lr=0.01),
    "AdamW": lambda ps: optim.AdamW(ps, lr=0.01), "RMSprop": lambda ps: optim.RMSprop(ps, lr=0.01),
    "Lion": lambda ps: optim.Lion(ps, lr=0.01), "Adagrad": lambda ps: optim.Adagrad(ps, lr=0.1),
}  # fmt: skip


@pytest.mark.parametrize(("name", "backend"), backends(list(MAKERS), sample(list(MAKERS), 2)))
def test_every_optimiser_moves_as_in_eager_steps(name: str, backend: Any) -> None:
    costs, states = [], []
    for compile in (False, backend):
        given = small()
        given["optimizer"] = MAKERS[name](given["model"].parameters())
        costs.append(mg.fit(**given, compile=compile)["cost"])
        states.append((weights(given["model"]), given["optimizer"].state_dict()))
    np.testing.assert_allclose(costs[1], costs[0], rtol=1e-4)
    counts = [[entry["step"] for entry in state["state"].values()] for _, state in states]
    assert counts == [[20] * 4] * 2
    if backend == "numpy":
        assert costs[1] == costs[0]
        assert states[1][0] == states[0][0]


@pytest.mark.parametrize("backend", [NATIVE])
def test_native_steps_are_eager_ones_within_rounding(backend: Any) -> None:
    eager, native = started()(None), started()(None, compile=backend)
    for name, column in eager["history"].items():
        if name == "stopped":
            assert native["history"][name] == column
        else:
            np.testing.assert_allclose(native["history"][name], column, rtol=1e-4)


@pytest.mark.parametrize(("backend", "stops"), [
    ("numpy", (2, 3, 4)), pytest.param("native", (2,), marks=NATIVE.marks),
    pytest.param("numpy", (1, 6, 9), marks=pytest.mark.slow),
    pytest.param("native", (1, 3, 4, 6, 9), marks=[*NATIVE.marks, pytest.mark.slow]),
])  # fmt: skip
def test_a_training_goes_on_to_the_same_bits(backend: Any, stops: tuple[int, ...], tmp_path: Path) -> None:
    """Wherever it stopped: after the first steps, within an epoch, before and after the smaller batch."""
    whole = started()(None, compile=backend)
    for stop in stops:
        path = str(tmp_path / f"{stop}.npz")
        started()(path, stop, compile=backend)
        assert mg.load(path)["fit"]["taken"] == stop
        assert started()(path, compile=backend) == whole


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_recorded_is_taken_once(backend: Any, recorded: list[Any]) -> None:
    """Generators, batch statistics, the state of the optimiser and gradients after one step are those of one step."""
    digests = []
    for compile in (False, backend):
        shared().bit_generator.state = np.random.default_rng(0).bit_generator.state
        model, optimizer, scheduler = training.make()
        given = small(model=model, optimizer=optimizer, epochs=1, batch_size=20, compile=compile)
        mg.fit(**given)
        if backend == "numpy":
            digests.append(training.digest(model, optimizer, scheduler))
        else:
            norm = model.layers[1]
            state = optimizer.state_dict()["state"]
            digests.append(([s["step"] for s in state.values()], int(norm.num_batches_tracked),
                            [str(rng.bit_generator.state) for _, rng in generators(model)]))  # fmt: skip
            assert all(p.grad is not None for p in model.parameters())
    assert digests[0] == digests[1]
    assert len(recorded) == (1 if backend == "numpy" else 2)


@pytest.mark.parametrize("backend", [NATIVE])
def test_where_a_program_does_not_run_each_step_is_an_eager_one(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from microgradnet.programs.native.program import NativeProgram
    from microgradnet.programs.numpy_code import OtherProgram

    def refused(self: Any, arguments: Any) -> None:
        raise OtherProgram

    monkeypatch.setattr(NativeProgram, "__call__", refused)
    eager, native = small(epochs=1, batch_size=10), small(epochs=1, batch_size=10, compile=backend)
    assert mg.fit(**eager)["cost"] == mg.fit(**native)["cost"]
    assert weights(native["model"]) == weights(eager["model"])


@pytest.mark.parametrize("backend", BACKENDS)
def test_callbacks_and_schedules_change_what_the_next_step_does(backend: Any) -> None:
    """Another lr, a frozen layer, an array that is assigned to a parameter, the gradient that is looked at."""

    def trained(compile: Any, scheduled: bool) -> tuple[list[float], list[Any]]:
        given, seen = small(epochs=8, batch_size=10), []
        model, optimizer = given["model"], given["optimizer"]

        def on_batch(run: Run) -> None:
            seen.append(float(np.abs(model.layers[1].weight.grad).sum()))
            if run.taken == 5 and not scheduled:
                optimizer.param_groups[0]["lr"] = 0.02
            if run.taken == 8:
                model.layers[0].freeze()
            if run.taken == 11:
                model.layers[1].bias.data = np.float32([0.5])
            if run.taken == 14:
                model.layers[0].unfreeze()

        schedule = optim.StepLR(optimizer, step_size=3, gamma=0.7) if scheduled else None
        more = {"callbacks": [on_batch], "scheduler": schedule, "scheduler_interval": "batch"}
        return mg.fit(**given, **more, compile=compile)["cost"] + seen, weights(model)

    for scheduled in (False, True):
        eager, compiled = trained(False, scheduled), trained(backend, scheduled)
        np.testing.assert_allclose(compiled[0], eager[0], rtol=1e-4)
        if backend == "numpy":
            assert compiled == eager


class Between:
    """Counts the calls between backward and step, notes what it sees there, and changes the gradients."""

    def __init__(self) -> None:
        self.count, self.seen = 0, []

    def before_step(self, run: Run) -> None:
        self.count += 1
        assert type(run.cost) is float
        self.seen += [run.epoch, run.batch, run.cost, float(np.abs(run.model.layers[0].weight.grad).sum())]
        for p in run.model.parameters():
            p.grad = p.grad * (0.5 + 0.25 * (self.count % 2))

    def state_dict(self) -> dict[str, int]:
        return {"count": self.count}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.count = state["count"]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("accumulate", [1, 3])
def test_what_stands_between_backward_and_step_is_compiled_too(backend: Any, accumulate: int) -> None:
    """Several batches a step, a function that changes gradients, and their norm limited: each once a step."""

    def trained(compile: Any) -> tuple[Any, ...]:
        shared().bit_generator.state = np.random.default_rng(0).bit_generator.state
        between = Between()
        model, optimizer, scheduler = training.make()
        given = small(model=model, optimizer=optimizer, epochs=5, compile=compile, scheduler=scheduler,
                      scheduler_interval="batch", accumulate=accumulate, clip=0.2, callbacks=[between])  # fmt: skip
        cost = mg.fit(**given)["cost"]
        return between.count, between.seen + cost, [p.data for p in model.parameters()]

    eager, compiled = trained(False), trained(backend)
    assert compiled[0] == eager[0] == 5 * (4 if accumulate == 1 else 2)
    np.testing.assert_allclose(compiled[1], eager[1], rtol=2e-3 if backend == "native" else 0)
    for p, q in zip(compiled[2], eager[2], strict=True):
        np.testing.assert_allclose(p, q, **({"rtol": 0} if backend == "numpy" else {"rtol": 1e-3, "atol": 1e-5}))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_program_moves_the_same_parameters_in_every_step(backend: Any) -> None:
    def before_step(run: Run) -> None:
        if run.taken == 5:
            run.model.layers[1].bias.grad = None

    given = small(compile=backend, callbacks=[before_step])
    with pytest.raises(ValueError, match="before_step took a gradient away, or added one, in epoch 2, batch 2: a prog"):
        mg.fit(**given)


def test_what_is_frozen_has_no_gradient_that_could_be_taken_away() -> None:
    seen = []

    def before_step(run: Run) -> None:
        seen.append([p.grad is not None for p in run.model.parameters()])

    given = small(compile="numpy", callbacks=[before_step], epochs=1)
    given["model"].layers[0].freeze()
    assert mg.fit(**given)["stopped"] == "finished"
    assert seen == [[False, False, True, True]] * 4


@pytest.mark.parametrize(("stop", "backend"), backends([2, 7], [7]))
def test_gathered_gradients_go_on_to_the_same_bits(backend: Any, stop: int, tmp_path: Path) -> None:
    """Between the batches that are one step: after the second of the first epoch, the third of the second."""
    more = {"compile": backend, "accumulate": 3 if stop == 2 else 4, "clip": 0.2}
    whole = started()(None, callbacks=[Between()], **more)
    path = str(tmp_path / "run.npz")
    started()(path, callbacks=[Between(), stop_after(stop)], **more)
    assert mg.load(path)["fit"]["waiting"]["gathered"] == (2 if stop == 2 else 3)
    assert started()(path, callbacks=[Between()], **more) == whole


@pytest.mark.parametrize(("when", "backend"), backends([1, 2, 3, 6], [3]))
def test_a_nan_stops_it_before_anything_has_moved(backend: Any, when: int) -> None:
    """On a batch that is recorded, and on one on which the program runs; parameters, buffers, generators, counts."""
    found = []
    for compile in (False, backend):
        shared().bit_generator.state = np.random.default_rng(0).bit_generator.state
        model, optimizer, scheduler = training.make()
        given = small(model=model, optimizer=optimizer, compile=compile)
        order = np.concatenate([np.random.default_rng((0, epoch)).permutation(20) for epoch in (1, 2)])
        bad = order[6 * (when - 1)] if when < 5 else order[20 + 6 * (when - 5)]

        def on_batch(run: Run, given: Any = given, bad: Any = bad) -> None:
            if run.taken == when - 1:
                given["x"][bad] = np.nan

        if when == 1:
            given["x"][bad] = np.nan
        with pytest.raises(FloatingPointError) as caught, np.errstate(all="ignore"):
            mg.fit(**given, callbacks=[on_batch])
        assert all(np.isfinite(p.data).all() for p in model.parameters())
        found.append((str(caught.value), [s["step"] for s in optimizer.state_dict()["state"].values()]))
        if backend == "numpy":
            found[-1] = (*found[-1], training.digest(model, optimizer, scheduler))
    assert found[0] == found[1]
    assert f"in epoch {1 if when < 5 else 2}, batch {when if when < 5 else when - 4}" in found[1][0]
    assert "holds NaN already" in found[1][0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_gradient_that_is_infinite_stops_it_and_large_ones_do_not(backend: Any) -> None:
    def loss(out: Any, y: Any) -> Any:
        return np.sqrt((out * 0.0) ** 2).mean()  # 0 · ∞

    given = small(loss=loss, compile=backend)
    before = weights(given["model"])
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match="a gradient is NaN or infinite in epoch 1"):
        mg.fit(**given)
    assert weights(given["model"]) == before
    given = small(loss=lambda out, y: F.quadratic_cost(out, y) * 1e25, compile=backend)
    given["optimizer"] = optim.SGD(given["model"].parameters(), lr=1e-30)
    assert mg.fit(**given)["stopped"] == "finished"  # their squares overflow


@pytest.mark.parametrize("backend", BACKENDS)
def test_ctrl_c_lets_the_step_finish(backend: Any, tmp_path: Path) -> None:
    path, calls = tmp_path / "run.npz", itertools.count(1)

    def metric(outputs: Any, y: Any) -> float:
        if next(calls) == 7:
            signal.raise_signal(signal.SIGINT)
        return 0.0

    given = small(metrics={"none": metric}, checkpoint=path, compile=backend)
    assert mg.fit(**given)["stopped"] == "interrupted"
    assert mg.load(path)["fit"]["taken"] == 7
    after = small(compile=backend)
    mg.fit(**after, callbacks=[stop_after(7)])
    assert weights(given["model"]) == weights(after["model"])


def test_a_file_says_how_its_steps_ran_and_going_on_otherwise_is_told(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    mg.fit(**small(epochs=1, checkpoint=path))
    assert mg.load(path)["fit"]["arguments"]["backend"] == "eager"
    mg.fit(**small(epochs=2, checkpoint=path, compile="numpy"))  # the same bits: nothing to tell
    assert mg.load(path)["fit"]["arguments"]["backend"] == "numpy"
    found, given = mg.load(path), small(epochs=3, checkpoint=path, compile="numpy")
    found["fit"]["arguments"]["backend"] = "native"
    mg.load(path, given["model"])
    mg.save(path, given["model"], optimizer=found["optimizer"], fit=found["fit"])
    with pytest.warns(
        UserWarning, match="whose steps were native, and goes on with numpy ones: .* not the bits"
    ) as told:
        mg.fit(**given)
    assert told[0].filename == __file__  # where fit was called
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mg.fit(**small(epochs=4, checkpoint=path, compile="numpy"))


@pytest.mark.parametrize("backend", [NATIVE])
def test_going_on_natively_is_told_too(backend: Any, tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    mg.fit(**small(epochs=1, checkpoint=path))
    with pytest.warns(UserWarning, match="whose steps were eager, and goes on with native ones"):
        mg.fit(**small(epochs=2, checkpoint=path, compile=backend))
    assert mg.load(path)["fit"]["arguments"]["backend"] == "native"


def test_the_last_step_of_many_is_an_eager_one_if_its_batch_is_smaller(recorded: list[Any]) -> None:
    eager, compiled = small(batch_size=1), small(batch_size=1, compile="numpy")
    x, y = training.examples(23)
    for given in (eager, compiled):
        mg.fit(**given | {"x": x, "y": y, "batch_size": 2})
    assert recorded == [(2, 3), (2, 3)]
    assert weights(eager["model"]) == weights(compiled["model"])


def test_what_a_program_cannot_do_is_told_with_its_line() -> None:
    def loss(outputs: Any, y: Any) -> Any:
        cost = F.quadratic_cost(outputs, y)
        return cost if cost > 1 else cost * 2

    with pytest.raises(Uncompilable, match=r"test_train_compiled\.py:\d+, in loss"):
        mg.fit(**small(loss=loss, compile="numpy"))


class Plain:
    """An optimiser of the user's own, which is none of ours."""

    def __init__(self, parameters: list[Value]) -> None:
        self.parameters, self.lr = parameters, 0.1

    def zero_grad(self) -> None:
        for p in self.parameters:
            p.grad = None

    def step(self) -> None:
        for p in self.parameters:
            p.data -= self.lr * p.grad


def test_an_optimiser_of_ones_own_runs_as_numpy() -> None:
    """Its own attributes are seen too: another lr is another step."""

    def trained(compile: Any) -> list[bytes]:
        given = small(compile=compile)
        given["optimizer"] = plain = Plain(given["model"].parameters())

        def on_batch(run: Run) -> None:
            plain.lr = 0.1 if run.taken < 8 else 0.03

        mg.fit(**given, callbacks=[on_batch])
        return weights(given["model"])

    assert trained(True) == trained("numpy") == trained(False)


@pytest.mark.parametrize("backend", [NATIVE])
def test_a_native_training_must_be_able_to_undo_a_step(backend: Any) -> None:
    given = small(compile=backend)
    given["optimizer"] = Plain(given["model"].parameters())
    with pytest.raises(TypeError, match=r"undoes the steps that it records, .*compile=\"numpy\""):
        mg.fit(**given)


def test_how_steps_run_is_one_of_two() -> None:
    with pytest.raises(ValueError, match='compile is True, False, "native" or "numpy"; got \'jit\''):
        mg.fit(**small(compile="jit"))


def test_the_default_of_compile_is_that_of_fit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(mg.compile, "backend", "numpy")
    path = tmp_path / "run.npz"
    mg.fit(**small(epochs=1, checkpoint=path, compile=True))
    assert mg.load(path)["fit"]["arguments"]["backend"] == "numpy"


@pytest.mark.parametrize(("changed", "says"), [
    ({"loss": lambda out, y: out}, "gives one number"),
    ({"loss": lambda out, y: 3.0}, "loss gave 3.0, which is no Value"),
    ({"model": nn.Sequential(nn.Linear(3, 1, seed=0), lambda x: (x, x)), "metrics": {"a": lambda out, y: 0.0}},
     "model gave a tuple: metrics and validation take one array"),
])  # fmt: skip
def test_what_cannot_be_trained_is_refused_as_in_eager_steps(changed: dict[str, Any], says: str) -> None:
    given = small(compile="numpy", **changed)
    before = weights(given["model"])
    with pytest.raises(TypeError, match=says):
        mg.fit(**given)
    assert weights(given["model"]) == before


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_stood_before_a_nan_stands_after_it(backend: Any) -> None:
    """Every bit of parameters, running statistics and the optimiser's state; on a batch on which the program runs."""
    model = training.make()[0]
    given = small(model=model, optimizer=optim.Adam(model.parameters(), lr=0.01), batch_size=10, compile=backend)
    stood: list[Any] = []

    def all_that_is() -> list[Any]:
        return [*weights(model), repr(given["optimizer"].state_dict()["state"])]

    def on_batch(run: Run) -> None:
        if run.taken == 6:
            stood.extend(all_that_is())
            given["x"][:] = np.nan

    with pytest.raises(FloatingPointError, match="in epoch 4, batch 1"), np.errstate(all="ignore"):
        mg.fit(**given, callbacks=[on_batch])
    assert all_that_is() == stood


# ------------------------------------------------------------------------------------------ batches that nobody watches


def unwatched(**changed: Any) -> dict[str, Any]:
    """Arguments of fit for a training whose epochs have 7 batches, the last of them smaller, and no callbacks."""
    x, y = training.examples(40)
    return small(x=x, y=y, epochs=3, **changed)


@pytest.fixture
def in_one_go(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many batches were taken in one go, each time."""
    seen: list[int] = []
    real = NumPyStep.take_each

    def take_each(self: Any, batch: Any) -> None:
        seen.append(batch.steps)
        real(self, batch)

    monkeypatch.setattr(NumPyStep, "take_each", take_each)
    return seen


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("weighed", [False, True])
def test_batches_that_nobody_watches_are_taken_in_one_go_with_the_same_bits(
    backend: Any, weighed: bool, in_one_go: list[int]
) -> None:
    weight = np.random.default_rng(3).random(40).astype(np.float32) if weighed else None
    found = []
    for callbacks in ([], [training.each_batch(lambda run: None)]):
        given = unwatched(loss="mse", compile=backend, sample_weight=weight, callbacks=callbacks)
        history = training.without_times(mg.fit(**given))
        grads = [p.grad.tobytes() for p in given["model"].parameters()]
        found.append((history, weights(given["model"]), grads))
        assert in_one_go == [6] * 3  # the last of an epoch is taken by itself, and all are where somebody watches
    assert found[0] == found[1]


@pytest.mark.parametrize("backend", BACKENDS)
def test_batches_are_taken_one_by_one_where_a_step_has_more_to_it(
    backend: Any, in_one_go: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_state = nn.Sequential(nn.Linear(3, 4, seed=0), nn.BatchNorm1d(4), nn.Dropout(0.5, seed=0), nn.Linear(4, 1))
    for changed in (
        {"accumulate": 2}, {"clip": 1.0, "callbacks": [lambda run: None], "metrics": "mse"}, {"model": with_state},
        {"save_every": 2, "checkpoint": tmp_path / "a.npz"},
    ):  # fmt: skip
        mg.fit(**unwatched(compile=backend, **changed))
    monkeypatch.setattr(training_compiled, "TOGETHER", 100)  # a batch of 6 has 6 · 4 · 4 bytes
    mg.fit(**unwatched(compile=backend))
    assert in_one_go == []
    monkeypatch.setattr(training_compiled, "TOGETHER", 200)
    mg.fit(**unwatched(compile=backend))
    assert in_one_go == [2] * 9


@pytest.mark.parametrize("backend", [False, *BACKENDS])
def test_examples_without_numbers_are_batches_too(backend: Any) -> None:
    class Passing(nn.Linear):
        def forward(self, x: Any) -> Any:
            return x + self.weight[:, :0]

    model, empty = Passing(1, 1, seed=0), np.zeros((12, 0), np.float32)
    given = unwatched(model=model, optimizer=optim.SGD(model.parameters(), lr=0.1), compile=backend)
    given |= {"x": empty, "y": empty, "loss": lambda outputs, y: (outputs - y).sum()}
    assert mg.fit(**given)["stopped"] == "finished"


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_nan_among_batches_that_nobody_watches_is_found_in_its_own(backend: Any, in_one_go: list[int]) -> None:
    before = unwatched(compile=backend)
    mg.fit(**before, callbacks=[stop_after(7 + 3)])
    given = unwatched(compile=backend)
    bad = np.random.default_rng((0, 2)).permutation(40)[6 * 3 + 1]  # of the second epoch, in the fourth batch
    runs: list[Run] = []

    def spoil(run: Run) -> None:
        runs.append(run)
        given["x"][bad] = np.nan

    assert in_one_go == []
    with pytest.raises(FloatingPointError) as caught, np.errstate(all="ignore"):
        mg.fit(**given, callbacks=[spoil])
    assert "in epoch 2, batch 4; the parameters are as they were before it" in str(caught.value)
    assert "holds NaN already" in str(caught.value)
    assert in_one_go == [6, 6]
    assert (runs[0].taken, runs[0].batch, runs[0].seen) == (10, 4, 18)
    assert weights(given["model"]) == weights(before["model"])


@pytest.mark.parametrize("backend", BACKENDS)
def test_ctrl_c_lets_the_step_finish_and_no_other_one_begin(backend: Any, in_one_go: list[int], tmp_path: Path) -> None:
    calls = itertools.count(1)

    def interrupt(cost: Any) -> float:
        if next(calls) == stop:
            signal.raise_signal(signal.SIGINT)
        return 0.0

    def loss(outputs: Any, y: Any) -> Any:
        cost = F.quadratic_cost(outputs, y)
        return cost + mg.host_call(interrupt, cost)

    stop = 10 + (4 if backend == "native" else 0)  # the calls that are recorded, of batches of two sizes, and undone
    given = unwatched(loss=loss, compile=backend, checkpoint=tmp_path / "run.npz")
    assert mg.fit(**given)["stopped"] == "interrupted"
    assert mg.load(tmp_path / "run.npz")["fit"]["taken"] == 10
    assert in_one_go[-1] == 6
    after = unwatched(loss=loss, compile=backend)
    mg.fit(**after, callbacks=[stop_after(10)])
    assert weights(given["model"]) == weights(after["model"])
    whole, rest = unwatched(loss=loss, compile=backend), unwatched(loss=loss, compile=backend)
    mg.fit(**whole)
    mg.fit(**rest, checkpoint=tmp_path / "run.npz")
    assert weights(rest["model"]) == weights(whole["model"])
