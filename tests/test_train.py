"""fit is the loop by hand, stops in good order, and goes on from a file to the same bits."""

from __future__ import annotations

import functools
import itertools
import json
import math
import os
import re
import signal
import subprocess
import sys
import threading
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import Value, nn, optim, plots
from microgradnet import functional as F
from microgradnet.nn.init import shared
from microgradnet.saving.states import generators
from microgradnet.train import BestWeights, CSVLog, ReduceOnPlateau, Run, TensorBoard
from microgradnet.train.likeness import likeness
from microgradnet.train.named import LOSSES, accuracy, loss_of
from tests import training
from tests.collector import uncollected
from tests.training import each_batch, stop_after


@pytest.fixture(autouse=True)
def _fresh_shared_generator() -> None:
    shared().bit_generator.state = np.random.default_rng(0).bit_generator.state


def small(**changed: Any) -> dict[str, Any]:
    """Arguments of fit for a small network."""
    model = changed.pop("model", None) or nn.MLP(3, [5, 1], activation=np.tanh, seed=0)
    x, y = training.examples()
    given = {"model": model, "x": x, "y": y, "loss": F.quadratic_cost, "epochs": 2, "batch_size": 6, "seed": 0}
    return {**given, "optimizer": optim.SGD(model.parameters(), lr=0.1), "progress": False, **changed}


def weights(model: nn.Module) -> bytes:
    return b"".join(np.asarray(array).tobytes() for array in model.state_dict().values())


# ------------------------------------------------------------------------------------------------------------ the loop


def test_a_batch_that_was_learnt_from_holds_nothing() -> None:
    costs = []

    def loss(out: Any, y: Any) -> Any:
        costs.append(F.quadratic_cost(out, y))
        return costs[-1]

    mg.fit(**small(loss=loss))
    assert len(costs) == 8
    for cost in costs:
        with pytest.raises(RuntimeError, match="released by an earlier backward"):
            cost.backward()


def test_fit_is_the_loop_by_hand() -> None:
    args, hand = small(), small()
    history = mg.fit(**args, metrics={"off": lambda out, y: np.abs(out - y).max()})
    model, optimizer, x, y = hand["model"], hand["optimizer"], hand["x"], hand["y"]
    costs, off = [], []
    for epoch in (1, 2):
        order = np.random.default_rng((0, epoch)).permutation(20)
        cost_sum = off_sum = 0.0
        for i in range(0, 20, 6):
            pick = order[i : i + 6]
            optimizer.zero_grad()
            outputs = model(x[pick])
            cost = F.quadratic_cost(outputs, y[pick])
            cost_sum += float(cost.data) * len(pick)
            off_sum += float(np.abs(outputs.data - y[pick]).max()) * len(pick)
            cost.backward()
            optimizer.step()
        costs.append(cost_sum / 20)
        off.append(off_sum / 20)
    assert weights(args["model"]) == weights(model)
    assert list(history) == ["epoch", "cost", "off", "seconds", "stopped"]
    assert training.without_times(history) == {"epoch": [1, 2], "cost": costs, "off": off, "stopped": "finished"}
    assert all(s > 0 for s in history["seconds"])


def test_validation_is_of_all_examples_at_once_in_evaluation_mode() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(700, 3)).astype(np.float32), rng.normal(size=(700, 1)).astype(np.float32)
    model = nn.Sequential(nn.Linear(3, 4, seed=0), nn.Dropout(0.5, seed=0), nn.Linear(4, 1, seed=1))
    seen = []

    def metric(outputs: Any, targets: Any) -> float:
        assert type(outputs) is type(targets) is np.ndarray
        seen.append(len(outputs))
        return float(np.median(outputs))

    history = mg.fit(**small(model=model, epochs=1), validation=(x, y), metrics={"median": metric})
    assert seen == [6, 6, 6, 2, 700]
    outputs = model.eval()(x)
    assert history["val_cost"] == [pytest.approx(float(F.quadratic_cost(outputs, y).data), rel=1e-6)]
    assert history["val_median"] == [pytest.approx(float(np.median(outputs.data)), rel=1e-6)]


@pytest.mark.parametrize("modes", [(True, True), (False, False), (True, False)])
def test_every_module_is_left_in_the_mode_it_had(modes: tuple[bool, bool]) -> None:
    model = nn.Sequential(nn.Linear(3, 4, seed=0), nn.Dropout(0.5, seed=0), nn.Linear(4, 1, seed=1))
    model.train(modes[0])
    model.layers[1].train(modes[1])
    before = [module.training for module in model.modules()]
    seen = []

    def on_batch(run: Run) -> None:
        seen.append({module.training for module in run.model.modules()})

    def on_epoch(run: Run) -> None:
        if run.epoch == 3:
            raise RuntimeError("from the callback")

    given = small(model=model, epochs=5, callbacks=[on_batch, on_epoch])
    with pytest.raises(RuntimeError, match="from the callback"):
        mg.fit(**given, validation=(given["x"], given["y"]))
    assert seen == [{True}] * 12
    assert [module.training for module in model.modules()] == before


def test_a_schedule_steps_with_each_epoch_or_each_batch() -> None:
    for interval, lrs in [("epoch", [0.1] * 4 + [0.05] * 4), ("batch", [0.1 / 2**i for i in range(1, 9)])]:
        given = small()
        seen: list[float] = []
        schedule = optim.StepLR(given["optimizer"], step_size=1, gamma=0.5)

        def on_batch(run: Run, seen: list[float] = seen) -> None:
            optimizer = run.optimizer
            seen.append(optimizer.param_groups[0]["lr"] if hasattr(optimizer, "param_groups") else optimizer.lr)

        mg.fit(**given, scheduler=schedule, scheduler_interval=interval, callbacks=[on_batch])
        np.testing.assert_allclose(seen, lrs)


def test_callbacks_see_where_it_is_and_can_stop_it() -> None:
    batches, epochs = [], []

    def on_batch(run: Run) -> None:
        batches.append((run.epoch, run.batch, run.steps, len(run.history["cost"])))
        assert np.isfinite(run.cost)

    def on_epoch(run: Run) -> None:
        epochs.append((run.epoch, len(run.history["cost"])))
        if run.epoch == 2:
            run.stop()

    history = mg.fit(**small(epochs=9), callbacks=[on_batch, on_epoch])
    assert batches == [(1, i, 4, 0) for i in (1, 2, 3, 4)] + [(2, i, 4, 1) for i in (1, 2, 3, 4)]
    assert epochs == [(1, 1), (2, 2)]
    assert (history["stopped"], history["epoch"]) == ("callback", [1, 2])
    history = mg.fit(**small(), callbacks=[stop_after(6)])
    assert (history["stopped"], history["epoch"]) == ("callback", [1])


def test_patience_ends_it_and_the_best_weights_stay() -> None:
    held = {}
    costs = iter([float("nan"), 3.0, 4.0, 2.0, float("nan"), 2.0, 2.5, 1.0])

    def on_epoch(run: Run) -> None:
        held[run.epoch] = weights(run.model)

    given = small(epochs=20, callbacks=[on_epoch])
    real, model = given["loss"], given["model"]

    def loss(out: Any, y: Any) -> Any:
        return real(out, y) if model.training else next(costs)

    given["loss"] = loss
    history = mg.fit(**given, validation=(given["x"], given["y"]), patience=3)
    assert history["stopped"] == "patience"
    assert history["epoch"] == [1, 2, 3, 4, 5, 6, 7]
    assert weights(model) == held[4] != held[7]


def test_a_validation_cost_that_is_always_nan_has_no_more_patience_than_others() -> None:
    for costs, epochs in [
        ([np.nan] * 9, 3),
        ([np.nan, np.inf, np.inf, np.inf], 3),
        ([np.nan, 5, np.nan, 6, np.nan], 5),
    ]:
        given = small(epochs=9)
        real, left = given["loss"], iter(costs)
        given["loss"] = lambda out, y: real(out, y) if given["model"].training else next(left)  # noqa: B023
        history = mg.fit(**given, validation=(given["x"], given["y"]), patience=3)
        assert (history["stopped"], len(history["epoch"])) == ("patience", epochs)


def test_without_validation_patience_looks_at_the_cost() -> None:
    given = small(epochs=50)
    given["optimizer"] = optim.SGD(given["model"].parameters(), lr=1e-12)  # nothing improves by more than rounding
    history = mg.fit(**given, patience=2)
    assert history["stopped"] == "patience"
    assert len(history["cost"]) < 50


# ----------------------------------------------------------------------------------- weights, names, several inputs


def test_an_example_counts_as_often_as_its_weight_says() -> None:
    """In one batch of all, weights are repetitions; how large they are altogether does not matter."""
    x, y = training.examples()
    weight = np.random.default_rng(0).integers(0, 4, 20)
    again = np.repeat(np.arange(20), weight)

    def run(**changed: Any) -> tuple[Any, Any]:
        model = nn.MLP(3, [5, 1], activation=np.tanh, seed=0).astype(np.float64)
        history = mg.fit(**small(model=model, loss=F.mse_loss, epochs=20, batch_size=100, **changed))
        return history["cost"], model.state_dict()

    costs, state = run(sample_weight=1000 * weight)
    repeated, wanted = run(x=x[again], y=y[again])
    np.testing.assert_allclose(costs, repeated, rtol=1e-12)
    for name, array in state.items():
        np.testing.assert_allclose(array, wanted[name], rtol=1e-9, atol=1e-12)
    plain, _ = run()
    assert abs(plain[-1] / costs[-1] - 1) > 1e-3


def test_a_weight_counts_in_a_batch_of_one_too() -> None:
    """Divided by the weights of its own batch, it would not."""
    given, heavy = small(batch_size=1, loss="mse", epochs=1), small(batch_size=1, loss="mse", epochs=1)
    weight = np.where(np.arange(20) < 10, 1.9, 0.1)
    mg.fit(**given)
    history = mg.fit(**heavy, sample_weight=weight)
    assert weights(given["model"]) != weights(heavy["model"])
    x, y = training.examples()
    still = small(batch_size=7, loss=nn.HuberLoss(delta=0.5), epochs=1)
    still["optimizer"] = optim.SGD(still["model"].parameters(), lr=1e-30)
    history = mg.fit(**still, sample_weight=weight, validation=(x, y, weight))
    losses = F.huber_loss(still["model"](x).data, y, delta=0.5, reduction="none")[:, 0]
    assert history["cost"] == [pytest.approx((losses * weight).sum() / weight.sum(), rel=1e-5)] == history["val_cost"]


@pytest.mark.parametrize("loss", ["cross_entropy", nn.CrossEntropyLoss(label_smoothing=0.1)])
def test_losses_of_sequences_are_weighed_by_example(loss: Any) -> None:
    logits, y = np.random.default_rng(0).normal(size=(4, 6, 3)), np.arange(24).reshape(4, 6) % 3
    weight = np.array([1.0, 0.0, 2.0, 1.0])

    class Given(nn.Module):
        def __init__(self) -> None:
            self.scale = Value(1.0)

        def forward(self, x: Any) -> Any:
            return x * self.scale

    cost = mg.evaluate(Given(), logits, y, loss=loss, sample_weight=weight)["cost"]
    smooth = {} if isinstance(loss, str) else {"label_smoothing": 0.1}
    each = [float(F.cross_entropy(row, labels, **smooth)) for row, labels in zip(logits, y, strict=True)]
    assert cost == pytest.approx(np.dot(each, weight) / 4)


def test_a_share_of_the_examples_is_held_out() -> None:
    seen: list[float] = []
    x = np.arange(20.0, dtype=np.float32)[:, None]

    class Seeing(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.Linear(1, 1, seed=0)

        def forward(self, x: Any) -> Any:
            seen.extend(x[:, 0].tolist() if self.training else [])
            return self.layer(x)

    held: list[Any] = []
    given = small(model=Seeing(), x=x, y=x, epochs=3, batch_size=6, loss="mse")
    given["optimizer"] = optim.SGD(given["model"].parameters(), lr=1e-4)
    history = mg.fit(**given, validation=0.2, metrics={"seen": lambda out, y: held.append(y) or 0.0})
    kept_back = held[3]
    assert len(seen) == 48
    trained = seen[:16]
    assert sorted(trained) == sorted(seen[16:32]) != seen[16:32] != trained
    assert sorted([*trained, *kept_back[:, 0]]) == x[:, 0].tolist()
    assert held[3].tolist() == held[7].tolist()  # the same in each epoch
    outputs = given["model"].layer(kept_back).data
    assert history["val_cost"][-1] == pytest.approx(((outputs - kept_back) ** 2).mean())


def test_what_is_held_out_is_held_out_when_it_goes_on(tmp_path: Path) -> None:
    def run(stop: int, path: Path | None, **changed: Any) -> tuple[Any, bytes]:
        shared().random(3 if stop else 1)  # the seed, drawn, is another one
        given = small(**{"checkpoint": path, "epochs": 4, "seed": None, **changed})
        weight = np.linspace(0, 1, 20)
        given["loss"] = "huber"
        history = mg.fit(**given, validation=0.3, sample_weight=weight, metrics="mae",
                         callbacks=[stop_after(stop)])  # fmt: skip
        return training.without_times(history), weights(given["model"])

    path = tmp_path / "run.npz"
    run(5, path)
    seed = mg.load(path)["fit"]["seed"]
    assert run(0, path) == run(0, None, seed=seed)
    with pytest.raises(ValueError, match="another sample_weight: float64"):
        mg.fit(**small(checkpoint=path, epochs=4, seed=None, loss="huber", metrics="mae"))


class Two(nn.Module):
    def __init__(self) -> None:
        self.words, self.head = nn.Embedding(5, 4, seed=0), nn.Linear(7, 2, seed=1)

    def forward(self, numbers: Any, words: Any) -> Any:
        return self.head(np.concatenate([numbers, self.words(words)], axis=1))


def test_several_inputs_are_a_tuple() -> None:
    x, _ = training.examples(40)
    words = np.arange(40) % 5
    y = (words - 2 + x[:, 0] > 0).astype(int)
    model = Two()
    optimizer = optim.Adam(model.parameters(), lr=0.05)
    how = {"loss": "cross_entropy", "metrics": "accuracy"}
    history = mg.fit(model, (x, words), y, optimizer=optimizer, epochs=60, batch_size=8, seed=0, progress=False,
                     validation=((x[:6], words[:6]), y[:6]), **how)  # fmt: skip
    assert history["cost"][-1] < history["cost"][0] / 4
    assert history["accuracy"][-1] > 0.9
    measured = mg.evaluate(model, (x[:6], words[:6]), y[:6], **how)
    assert measured == {"cost": history["val_cost"][-1], "accuracy": history["val_accuracy"][-1]}
    outputs = mg.predict(model, (x, words), batch_size=7)
    assert type(outputs) is np.ndarray
    np.testing.assert_allclose(outputs, model(x, words).data, rtol=1e-6)


def test_several_inputs_go_on_from_a_file_and_are_told_apart(tmp_path: Path) -> None:
    def run(x: Any, stop: int = 0) -> bytes:
        model = Two()
        mg.fit(model, x, np.arange(20) % 2, loss="cross_entropy", optimizer=optim.SGD(model.parameters(), lr=0.1),
               epochs=2, batch_size=6, seed=0, progress=False, checkpoint=tmp_path / "run.npz",
               callbacks=[stop_after(stop)])  # fmt: skip
        return weights(model)

    x, words = training.examples()[0], np.arange(20) % 5
    run((x, words), 3)
    part = run((x, words))
    with pytest.raises(ValueError, match="another x"):
        run((x, (words + 1) % 5))
    (tmp_path / "run.npz").unlink()
    assert run((x, words)) == part


def test_predict_and_evaluate_leave_the_model_as_it_was() -> None:
    model = nn.Sequential(nn.Linear(3, 4, seed=0), nn.BatchNorm1d(4), nn.Dropout(0.5, seed=0), nn.Linear(4, 1, seed=1))
    x, y = training.examples(50)
    model.layers[1].eval()
    before, modes = weights(model), [module.training for module in model.modules()]
    outputs = mg.predict(model, x, batch_size=7)
    found = mg.evaluate(model, x, y, loss=F.mse_loss, metrics=["mse", "rmse", "mae", "r2"])
    assert [module.training for module in model.modules()] == modes
    assert weights(model) == before
    assert found["cost"] == pytest.approx(found["mse"]) == pytest.approx(((outputs - y) ** 2).mean())
    assert found["rmse"] ** 2 == pytest.approx(found["mse"])
    assert found["mae"] == pytest.approx(abs(outputs - y).mean())
    assert found["r2"] == pytest.approx(1 - ((outputs - y) ** 2).sum() / ((y - y.mean()) ** 2).sum())
    with pytest.raises(ValueError, match="a loss=, metrics=, or both, and got neither"):
        mg.evaluate(model, x, y)
    for call in (mg.predict, functools.partial(mg.evaluate, y=y, loss="mse")):
        with pytest.raises(TypeError, match="model is a Module"):
            call(len, x)
        with pytest.raises(ValueError, match=r"^batch_size=0: it is a whole number of at least 1"):
            call(model, x, batch_size=0)


def test_predict_gives_a_tuple_where_the_model_does() -> None:
    class Pair(nn.Module):
        def forward(self, x: Any) -> Any:
            return x + 1, x[:, :1]

    x, _ = training.examples()
    with pytest.raises(ValueError, match="for 20 examples: batches are put together by their rows"):
        mg.predict(nn.GRU(3, 4, batch_first=True), np.ones((20, 5, 3), np.float32))  # whose state has layers first
    more, first = mg.predict(Pair(), x, batch_size=6)
    np.testing.assert_array_equal(more, x + 1)
    np.testing.assert_array_equal(first, x[:, :1])
    with pytest.raises(TypeError, match="model gave a tuple"):
        mg.evaluate(Pair(), x, x, loss="mse")


@pytest.mark.parametrize(("outputs", "y", "share"), [
    ([[1.0, 2.0], [3.0, 0.0]], [1, 1], 0.5), ([[1.0, 2.0], [3.0, 0.0]], [[0, 1], [1, 0]], 1.0),
    ([[0.3], [-2.0], [0.7]], [1, 0, 0], 2 / 3), ([0.3, -2.0], [1.0, -1.0], 1.0), ([0.3, -2.0], [[1], [1]], 0.5),
    ([[[1.0, 2.0], [3.0, 0.0]]], [[1, 1]], 0.5),
])  # fmt: skip
def test_accuracy_is_the_share_of_right_answers(outputs: Any, y: Any, share: float) -> None:
    assert accuracy(np.array(outputs), np.array(y)) == pytest.approx(share)


def test_accuracy_knows_where_outputs_are_probabilities() -> None:
    class Sure(nn.Module):
        def forward(self, x: Any) -> Any:
            return F.sigmoid(x)

    x, y = np.array([[0.1], [-0.1], [1.0]]), np.array([[0.52], [0.48], [0.0]])  # which says yes above a half
    same = functools.partial(F.binary_cross_entropy, reduction="sum")
    for loss in ("binary_cross_entropy", F.binary_cross_entropy, nn.BCELoss(), same):
        assert mg.evaluate(Sure(), x, y, loss=loss, metrics="accuracy")["accuracy"] == pytest.approx(2 / 3)
    assert mg.evaluate(Sure(), x, y, loss="mse", metrics="accuracy")["accuracy"] == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="this metric wants equal ones"):
        mg.evaluate(Sure(), x, y[:, [0, 0]], metrics="mae")


def test_every_name_of_a_loss_is_one_of_functional() -> None:
    assert {getattr(F, name) for name in LOSSES.values()} >= {F.mse_loss, F.cross_entropy, F.hinge_loss}
    for name in [*LOSSES, *LOSSES.values()]:
        assert callable(loss_of(name))
    given, named = small(loss=F.mse_loss), small(loss="mse")
    assert mg.fit(**given)["cost"] == mg.fit(**named)["cost"]


# ---------------------------------------------------------------------------------------------------------- callbacks


class Noting:
    """A callback with a method for every moment."""

    def __init__(self, notes: list[str], name: str = "") -> None:
        self.notes, self.name = notes, name

    def on_start(self, run: Run) -> None:
        self.notes.append(f"{self.name}start {run.taken}")

    def before_step(self, run: Run) -> None:
        self.notes.append(f"{self.name}step {run.taken}")

    def on_batch(self, run: Run) -> None:
        self.notes.append(f"{self.name}batch {run.taken}")

    def on_epoch(self, run: Run) -> None:
        self.notes.append(f"{self.name}epoch {run.epoch}")

    def on_end(self, run: Run) -> None:
        self.notes.append(f"{self.name}end {run.stopped}")


def test_callbacks_are_called_at_their_moments_in_their_order() -> None:
    notes: list[str] = []

    def function(run: Run) -> None:
        notes.append(f"function {run.epoch}")

    mg.fit(**small(batch_size=10, callbacks=[function, Noting(notes), Noting(notes, "second ")]))
    batch = [[f"step {k}", f"second step {k}", f"batch {k + 1}", f"second batch {k + 1}"] for k in range(4)]
    assert notes == [
        "start 0", "second start 0", *batch[0], *batch[1], "function 1", "epoch 1", "second epoch 1", *batch[2],
        *batch[3], "function 2", "epoch 2", "second epoch 2", "end ", "second end ",
    ]  # fmt: skip


def test_a_function_with_the_name_of_a_moment_is_called_then() -> None:
    notes: list[str] = []

    def on_start(run: Run) -> None:
        notes.append(f"start {run.taken}")

    def before_step(run: Run) -> None:
        notes.append(f"step {run.taken}")

    mg.fit(**small(batch_size=20, epochs=1, callbacks=[before_step, Noting(notes, "on ").on_end, on_start]))
    assert notes == ["start 0", "step 0", "on end "]
    with pytest.raises(TypeError, match=r"'on_batch': callbacks=.* that is named on_batch after each batch"):
        mg.fit(**small(), on_batch=before_step)


def test_the_end_is_told_however_it_ends() -> None:
    notes: list[str] = []
    given = small(callbacks=[Noting(notes)])
    given["x"][3] = np.nan
    with pytest.raises(FloatingPointError):
        mg.fit(**given)
    assert (notes[0], notes[-1]) == ("start 0", "end ")
    history = mg.fit(**small(callbacks=[Noting(notes), lambda run: run.stop("enough")]))
    assert notes[-1] == "end enough"
    assert history["stopped"] == "enough"


def test_what_a_callback_keeps_goes_into_the_file(tmp_path: Path) -> None:
    class Counting:
        def __init__(self) -> None:
            self.count = 0

        def on_batch(self, run: Run) -> None:
            self.count += 1
            if run.taken == 5:
                run.stop()

        def state_dict(self) -> dict[str, int]:
            return {"count": self.count}

        def load_state_dict(self, state: dict[str, int]) -> None:
            self.count = state["count"]

    path = tmp_path / "run.npz"
    mg.fit(**small(checkpoint=path, callbacks=[Noting([]), Counting()]))
    again, new = Counting(), Counting()
    mg.fit(**small(checkpoint=path, callbacks=[Noting([]), again, new]))  # one that was not there begins anew
    assert (again.count, new.count) == (8, 3)


@pytest.mark.parametrize(("callbacks", "says"), [
    (len, "callbacks is a list of functions and objects; got"), ([3], r"callbacks\[0\]=3: it is a function, to be"),
    ([len, Noting], r"callbacks\[1\]=.*Noting.*some of the methods on_start, before_step, on_batch, on_epoch, on_end"),
])  # fmt: skip
def test_what_is_no_callback_is_refused(callbacks: Any, says: str) -> None:
    with pytest.raises(TypeError, match=says):
        mg.fit(**small(callbacks=callbacks))


def test_a_csv_file_holds_the_history_wherever_it_was_stopped(tmp_path: Path) -> None:
    log, path = tmp_path / "run.csv", tmp_path / "run.npz"
    log.write_text("of another run")
    for stop in (5, 0):
        history = mg.fit(**small(epochs=3, checkpoint=path, callbacks=[CSVLog(log), stop_after(stop)], metrics="mae"))
        assert b"\r" not in log.read_bytes()
        names, *rows = (line.split(",") for line in log.read_text().splitlines())
        assert names == ["epoch", "cost", "mae", "seconds"]
        assert [[float(x) for x in column] for column in zip(*rows, strict=True)] == [history[name] for name in names]
    assert len(rows) == 3
    with pytest.raises(FileNotFoundError, match="is not there: make it first"):
        mg.fit(**small(callbacks=[CSVLog(tmp_path / "nowhere" / "run.csv")]))


@pytest.mark.parametrize(("highest", "best"), [(False, 3), (True, 1)])
def test_the_weights_of_the_best_epoch_are_saved(highest: bool, best: int, tmp_path: Path) -> None:
    """Also if it was the best of a training that was taken up again."""
    held: list[bytes] = []
    measured = iter([4.0, 3.0, 1.0, 2.0])
    for epochs in (2, 4):
        given = small(epochs=epochs, checkpoint=tmp_path / "run.npz", batch_size=20)
        best_weights = BestWeights(tmp_path / "best.npz", by="m", highest=highest)
        mg.fit(**given, callbacks=[best_weights, lambda run: held.append(weights(run.model))],
               metrics={"m": lambda out, y: next(measured)})  # fmt: skip
    found = mg.load(tmp_path / "best.npz")
    model = nn.MLP(3, [5, 1])
    model.load_state_dict(found["model"])
    assert found["epoch"] == best
    assert weights(model) == held[best - 1]
    with pytest.raises(ValueError, match=r"BestWeights\(by='val_cost'\): the history has epoch, cost, seconds"):
        mg.fit(**small(callbacks=[BestWeights(tmp_path / "best.npz")]))


def test_tensorboard_has_the_history(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard, an extra, is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    history = mg.fit(**small(callbacks=[TensorBoard(tmp_path / "run")], metrics="mae", epochs=3))
    found = EventAccumulator(str(tmp_path / "run"))
    found.Reload()
    for name in ("cost", "mae"):
        points = found.Tensors(name)
        assert [point.step for point in points] == [1, 2, 3]
        values = [np.frombuffer(p.tensor_proto.tensor_content, "f4")[0] if p.tensor_proto.tensor_content
                  else p.tensor_proto.float_val[0] for p in points]  # fmt: skip
        np.testing.assert_allclose(values, history[name], rtol=1e-6)


def test_without_tensorboard_one_sentence_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.summary", None)
    with pytest.raises(ModuleNotFoundError, match=r"^TensorBoard needs its package: pip install tensorboard$"):
        mg.fit(**small(callbacks=[TensorBoard(tmp_path)]))


# ------------------------------------------------------------------------------------------------- gradients and steps


class Halving:
    """A callback that counts the steps, notes what it sees and halves the gradients."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.count = 0

    def before_step(self, run: Run) -> None:
        self.count += 1
        self.seen.append(
            (run.epoch, run.batch, round(run.cost, 4), [p.grad is not None for p in run.model.parameters()])
        )
        for p in run.model.parameters():
            p.grad = p.grad * (0.5 if self.count % 2 else 0.25)

    def state_dict(self) -> dict[str, int]:
        return {"count": self.count}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.count = state["count"]


def test_accumulated_batches_are_one_step_of_their_mean() -> None:
    """Batches of 6 of 20 examples, three at a time: of 18, and of the 2 that are left; the first three count alike."""
    args, hand = small(accumulate=3, clip=0.05), small()
    mg.fit(**args)
    model, optimizer, x, y = hand["model"], hand["optimizer"], hand["x"], hand["y"]
    for epoch in (1, 2):
        order = np.random.default_rng((0, epoch)).permutation(20)
        for pick in (order[:18], order[18:]):
            optimizer.zero_grad()
            F.quadratic_cost(model(x[pick]), y[pick]).backward()
            norm = optim.clip_grad_norm_(model.parameters(), 0.05)
            assert norm > 0.05
            optimizer.step()
    for p, q in zip(args["model"].parameters(), model.parameters(), strict=True):
        np.testing.assert_allclose(p.data, q.data, rtol=1e-5, atol=1e-7)


def test_each_example_counts_once_whatever_the_sizes_of_the_batches() -> None:
    x, y = training.examples()
    cuts = [slice(0, 3), slice(3, 11), slice(11, 12), slice(12, 20)]
    whole, parts = small(batch_size=20, epochs=1), small(epochs=1, accumulate=9)
    for given, batches in ((whole, [(x, y)]), (parts, [(x[cut], y[cut]) for cut in cuts])):
        mg.fit(**{**given, "x": batches, "y": None})
    for p, q in zip(parts["model"].parameters(), whole["model"].parameters(), strict=True):
        np.testing.assert_allclose(p.data, q.data, rtol=1e-5, atol=1e-7)


def test_a_function_between_backward_and_step_sees_gradients_and_changes_them() -> None:
    args, hand, halving = small(epochs=1, accumulate=2), small(epochs=1), Halving()
    history = mg.fit(**args, callbacks=[halving])
    assert [seen[:2] for seen in halving.seen] == [(1, 2), (1, 4)]
    assert all(all(there) for *_, there in halving.seen)
    assert len(history["cost"]) == 1
    model, x, y = hand["model"], hand["x"], hand["y"]
    order = np.random.default_rng((0, 1)).permutation(20)
    for pick, lr in ((order[:12], 0.05), (order[12:], 0.025)):
        model.zero_grad()
        F.quadratic_cost(model(x[pick]), y[pick]).backward()
        for p in model.parameters():
            p.data -= np.float32(lr) * p.grad
    for p, q in zip(args["model"].parameters(), model.parameters(), strict=True):
        np.testing.assert_allclose(p.data, q.data, rtol=1e-5, atol=1e-7)


def test_a_gradient_that_is_spoilt_in_between_moves_nothing() -> None:
    def before_step(run: Run) -> None:
        if run.taken == 2:
            run.model.layers[1].bias.grad = np.array([np.nan], np.float32)

    given, hand = small(callbacks=[before_step]), small(callbacks=[stop_after(2)])
    with pytest.raises(
        FloatingPointError, match=r"^before_step made the gradient of layers\.1\.bias NaN .* batch 3; not"
    ):
        mg.fit(**given)
    mg.fit(**hand)
    assert weights(given["model"]) == weights(hand["model"])


def test_what_is_added_in_between_is_limited_too() -> None:
    def before_step(run: Run) -> None:
        for p in run.model.parameters():
            p.grad = np.full_like(p.grad, 1e6)

    given = small(epochs=1, batch_size=20, clip=0.5, callbacks=[before_step])
    before = [p.data.copy() for p in given["model"].parameters()]
    mg.fit(**given)
    moved = [p.data - b for p, b in zip(given["model"].parameters(), before, strict=True)]
    assert np.sqrt(sum((m.astype(np.float64) ** 2).sum() for m in moved)) == pytest.approx(0.1 * 0.5, rel=1e-3)


@pytest.mark.parametrize("stop", [1, 2, 3, 4, 5, 7])
def test_gathered_gradients_wait_in_the_file(stop: int, tmp_path: Path) -> None:
    """Wherever it was stopped, also between the batches that are one step."""
    more = {"accumulate": 3, "clip": 0.1, "scheduler_interval": "batch", "epochs": 3}
    shared_state = shared().bit_generator.state
    whole = training.train(None, callbacks=[Halving()], **more)
    path = str(tmp_path / "run.npz")
    for taken in (stop, 0):
        shared().bit_generator.state = shared_state
        found = training.train(path, callbacks=[Halving(), training.stop_after(taken)], **more)
        held = mg.load(path)["fit"]["waiting"]
        assert held.get("gathered", 0) == (0 if not taken else {1: 1, 2: 2, 3: 0, 4: 0, 5: 1, 7: 0}[taken])
    assert found == whole
    with pytest.raises(ValueError, match="another accumulate: 3, here 1"):
        training.train(path, **more | {"accumulate": 1})
    with pytest.raises(ValueError, match=r"another clip: 0\.1, here None"):
        training.train(path, **more | {"clip": None})


def test_a_schedule_by_the_batch_counts_steps() -> None:
    given = small(accumulate=3, batch_size=2)  # 10 batches an epoch, which are 4 steps
    schedule = optim.StepLR(given["optimizer"], step_size=1, gamma=0.5)
    mg.fit(**given, scheduler=schedule, scheduler_interval="batch")
    assert given["optimizer"].param_groups[0]["lr"] == pytest.approx(0.1 * 0.5**8)


# ---------------------------------------------------------------------------------------------------------- plateaus


def noting_lr(seen: list[float]) -> Any:
    return lambda run: seen.append(run.optimizer.param_groups[0]["lr"])


def test_a_schedule_that_looks_at_the_cost_is_given_it() -> None:
    """The val_cost if there is one, else the cost."""
    for validated in (False, True):
        x, y = training.examples()
        given, seen = small(epochs=12), []
        schedule = optim.ReduceLROnPlateau(given["optimizer"], factor=0.5, patience=0, threshold=0.2)
        held_out = (x[:5], y[:5]) if validated else None
        history = mg.fit(**given, scheduler=schedule, validation=held_out, callbacks=[noting_lr(seen)])
        hand = optim.ReduceLROnPlateau(optim.SGD([Value(0.0)], lr=0.1), factor=0.5, patience=0, threshold=0.2)
        wanted = []
        for cost in history["val_cost" if validated else "cost"]:
            hand.step(cost)
            wanted += hand.get_last_lr()
        assert seen == wanted
        assert len({*seen}) > 1


@pytest.mark.parametrize("stop", [0, 1, 3, 4])
def test_a_plateau_of_any_column_reduces_the_step_size_wherever_it_was_stopped(stop: int, tmp_path: Path) -> None:
    columns, seen = [1.0, 2.0, 2.0, 1.5, 3.0, 2.0], []
    for part in ([stop] if stop else []) + [0]:
        plateau, left = ReduceOnPlateau(by="m", highest=True, factor=0.5, patience=1), iter(columns[len(seen) :])
        given = small(epochs=len(columns), batch_size=20, checkpoint=tmp_path / "run.npz" if stop else None)
        mg.fit(**given, metrics={"m": lambda out, y, left=left: next(left)},
               callbacks=[plateau, training.stop_after(part), noting_lr(seen)])  # fmt: skip
    assert seen == [0.1, 0.1, 0.1, 0.05, 0.05, 0.05]


@pytest.mark.parametrize(("make", "error", "says"), [
    (lambda o: {"scheduler": optim.ReduceLROnPlateau(o, mode="max")}, ValueError, r"train\.ReduceOnPlateau\(by="),
    (lambda o: {"scheduler": optim.ReduceLROnPlateau(o), "scheduler_interval": "batch"}, ValueError, "whole epochs"),
    (lambda o: {"callbacks": [ReduceOnPlateau(by="loss")]}, ValueError, r"by='loss'\): the history has epoch, cost"),
    (lambda o: {"callbacks": [ReduceOnPlateau(mode="max")]}, TypeError, "write highest=True for 'max'"),
    (lambda o: {"callbacks": [ReduceOnPlateau(factor=2)]}, ValueError, "factor=2"),
])  # fmt: skip
def test_plateaus_that_nobody_could_see_are_refused(make: Any, error: type[Exception], says: str) -> None:
    given = small()
    before = weights(given["model"])
    with pytest.raises(error, match=says):
        mg.fit(**given, **make(given["optimizer"]))
    assert weights(given["model"]) == before


# ------------------------------------------------------------------------------------------------------------ Ctrl-C


def test_ctrl_c_in_a_callback_stops_it() -> None:
    def on_batch(run: Run) -> None:
        if run.taken == 5:
            raise KeyboardInterrupt

    history = mg.fit(**small(), callbacks=[on_batch])
    assert (history["stopped"], history["epoch"]) == ("interrupted", [1])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_in_the_middle_of_a_step_lets_it_finish(tmp_path: Path) -> None:
    given, after = small(checkpoint=tmp_path / "run.npz"), small()
    real = given["loss"]
    calls = []

    def loss(out: Any, y: Any) -> Any:
        calls.append(len(y))
        if len(calls) == 3:
            signal.raise_signal(signal.SIGINT)
        return real(out, y)

    history = mg.fit(**given | {"loss": loss})
    assert history["stopped"] == "interrupted"
    mg.fit(**after, callbacks=[stop_after(3)])
    assert weights(given["model"]) == weights(after["model"])
    assert mg.load(tmp_path / "run.npz")["fit"]["taken"] == 3

    calls.clear()

    def impatient(out: Any, y: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        mg.fit(**small(loss=impatient))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_program_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def own(*what: Any) -> None:
        pass

    before = signal.signal(signal.SIGINT, own)
    try:
        mg.fit(**small(callbacks=[each_batch(lambda run: signal.raise_signal(signal.SIGINT))]))
        assert signal.getsignal(signal.SIGINT) is own
    finally:
        signal.signal(signal.SIGINT, before)


def test_it_runs_in_another_thread() -> None:
    found = []
    thread = threading.Thread(target=lambda: found.append(mg.fit(**small())))
    thread.start()
    thread.join()
    assert found[0]["stopped"] == "finished"


ENDLESS = """
import sys, json
import microgradnet as mg
from tests import test_train
def on_batch(run):
    if run.taken == 10:
        print("ready", flush=True)
history = mg.fit(**test_train.small(epochs=10**9, callbacks=[on_batch]))
print(json.dumps(history["stopped"]))
"""


@pytest.mark.skipif(os.name != "posix", reason="signals as on Unix")
def test_ctrl_c_from_outside_returns_what_there_is() -> None:
    process = started("-c", ENDLESS)
    process.send_signal(signal.SIGINT)
    assert json.loads(process.communicate(timeout=120)[0]) == "interrupted"
    assert process.returncode == 0


def started(*args: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, *args], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


# ------------------------------------------------------------------------------------------------------------- NaN


class Root(nn.Module):
    """Batch statistics, dropout, and a square root that is NaN below 0."""

    def __init__(self) -> None:
        self.layers = [nn.Linear(3, 4, seed=0), nn.BatchNorm1d(4), nn.Dropout(0.5, seed=1)]
        self.scale = Value(np.float32(1.0))

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return np.sqrt(x[:, :1] * self.scale + 100)


def test_a_nan_stops_it_before_the_step_and_is_explained() -> None:
    model = Root()
    given = small(model=model, epochs=3)
    held: list[Any] = []

    def state() -> list[Any]:
        return [weights(model), *(rng.bit_generator.state for _, rng in generators(model))]

    def on_batch(run: Run) -> None:
        if run.taken == 5:
            model.scale.data = np.float32(-1e6)
            held[:] = state()

    with np.errstate(all="ignore"), pytest.raises(FloatingPointError) as caught:
        mg.fit(**given, callbacks=[on_batch])
    says = str(caught.value)
    assert says.startswith("the cost is nan in epoch 2, batch 2; the parameters are as they were before it")
    assert "sqrt gave nan at" in says
    assert "in forward: return np.sqrt(x[:, :1] * self.scale + 100)" in says
    assert "input 0" in says
    assert state() == held  # buffers and generators too
    assert all(p.grad is None for p in model.parameters())


def test_a_nan_leaves_buffers_as_they_were_wherever_they_are_kept() -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            self.layer, self.seen = nn.Linear(3, 1, seed=0), {"all": [np.zeros(3)]}

        def forward(self, x: Any) -> Any:
            self.seen["all"][0] += x.sum(axis=0)
            return self.layer(x)

    given = small(model=Counting(), epochs=1, batch_size=20)
    x = np.where(np.arange(20)[:, None] == 7, np.nan, given["x"])
    with pytest.raises(FloatingPointError):
        mg.fit(**given | {"x": x})
    assert given["model"].seen["all"][0].tolist() == [0, 0, 0]


def test_a_gradient_that_is_nan_stops_it_too() -> None:
    given = small()
    model = given["model"]

    def loss(out: Any, y: Any) -> Any:
        return np.sqrt((out * 0.0) ** 2).mean()  # 0 · ∞

    before = weights(model)
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match="a gradient is NaN or infinite in epoch 1"):
        mg.fit(**given | {"loss": loss})
    assert weights(model) == before
    assert all(p.grad is None for p in model.parameters())


class Overflowing(optim.SGD):
    """One of whose steps, the `when`-th, is infinite."""

    when = 0

    def step(self) -> None:
        self.when -= 1
        for group in self.param_groups:
            group["lr"] = 3e38 if self.when == 0 else 1e-5
        with np.errstate(all="ignore"):
            super().step()


def overflowing(when: int, **more: Any) -> dict[str, Any]:
    """A training of two epochs of 4 batches whose cost is as large as can be; its `when`-th step overflows."""
    given = small(loss=lambda out, y: F.quadratic_cost(out, y) * 1e3, **more)
    given["optimizer"] = Overflowing(given["model"].parameters(), lr=0.1)
    given["optimizer"].when = when
    return given


@pytest.mark.parametrize(("when", "epoch", "batch"), [(8, 2, 4), (4, 1, 4)])
def test_a_last_step_that_overflows_is_undone_and_named(when: int, epoch: int, batch: int, tmp_path: Path) -> None:
    """There is no next batch whose cost would show it."""
    path, held = tmp_path / "run.npz", []
    given = overflowing(when, checkpoint=path)
    with pytest.raises(FloatingPointError) as caught:
        mg.fit(**given, callbacks=[each_batch(lambda run: held.append(weights(run.model)))])
    says = (
        f"the step in epoch {epoch}, batch {batch} made layers\\..* NaN or infinite; the parameters are as they were "
    )
    assert re.match(says + "before it. The steps are too large: try a smaller lr", str(caught.value))
    assert weights(given["model"]) == held[-1]
    assert len(held) == when - 1
    assert path.exists() == (epoch > 1)  # what was saved is what was good
    if path.exists():
        assert all(np.isfinite(x).all() for x in mg.load(path)["model"].values())


def test_a_step_that_overflows_and_would_be_saved_is_undone(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    given = overflowing(6, checkpoint=path, save_every=3)
    with pytest.raises(FloatingPointError, match=r"epoch 2, batch 2 made .* as they were before it"):
        mg.fit(**given)
    assert mg.load(path)["fit"]["taken"] == 3
    assert np.isfinite(given["model"].layers[0].weight.data).all()


def test_a_step_that_overflows_within_an_epoch_is_named_too() -> None:
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError) as caught:
        mg.fit(**overflowing(2))
    assert "in epoch 1, batch 3" in str(caught.value)
    assert "as they were before it, layers." in str(caught.value)
    with pytest.raises(FloatingPointError, match=r"epoch 1, batch 2 made layers\..* infinite\. The steps"):
        mg.fit(**overflowing(2), callbacks=[stop_after(2)])


def test_an_infinite_parameter_that_was_given_is_no_overflow() -> None:
    class Masked(nn.Module):
        def __init__(self) -> None:
            self.layer, self.mask = nn.Linear(3, 1, seed=0), Value(np.float32([-np.inf, 0, 0]))

        def forward(self, x: Any) -> Any:
            return self.layer(x) + (F.softmax(self.mask) * np.float32([1, 2, 3])).sum()

    assert mg.fit(**small(model=Masked()))["stopped"] == "finished"


def test_large_gradients_are_no_infinite_ones() -> None:
    given = small(epochs=1)
    given["optimizer"] = optim.SGD(given["model"].parameters(), lr=1e-30)
    history = mg.fit(**given | {"loss": lambda out, y: F.quadratic_cost(out, y) * 1e25})  # their squares overflow
    assert history["stopped"] == "finished"


def test_a_nan_among_the_examples_is_found() -> None:
    given = small()
    given["x"][7, 1] = np.nan
    with pytest.raises(FloatingPointError, match="holds NaN already where"):
        mg.fit(**given)


# ------------------------------------------------------------------------------------------------------------- resuming


def as_program(path: Path, stop_after: int) -> dict[str, Any]:
    args = [sys.executable, "-m", "tests.training", str(path), str(stop_after)]
    out = subprocess.run(args, capture_output=True, text=True, check=True).stdout
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def never_stopped(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return as_program(tmp_path_factory.mktemp("whole") / "run.npz", 0)


def test_in_another_process_it_ends_in_the_same_bits(tmp_path: Path, never_stopped: dict[str, Any]) -> None:
    path = tmp_path / "run.npz"
    assert as_program(path, 6)["history"]["stopped"] == "callback"  # within an epoch: below it is after any batch
    assert as_program(path, 0) == never_stopped
    assert never_stopped["history"]["stopped"] == "finished"
    assert len(never_stopped["history"]["val_off"]) == training.EPOCHS
    assert as_program(path, 0) == never_stopped  # is over, and stays so


@pytest.mark.parametrize("end", ["npz", "safetensors"])
def test_stopped_after_any_batch_it_ends_in_the_same_bits(tmp_path: Path, end: str) -> None:
    if end == "safetensors":
        pytest.importorskip("safetensors", reason="safetensors, an extra, is not installed")

    def fresh(path: str | None, stop: int, **changed: Any) -> dict[str, Any]:
        shared().bit_generator.state = np.random.default_rng(0).bit_generator.state
        return training.train(path, stop, **changed)

    whole = fresh(None, 0)
    for stop in range(1, 16) if end == "npz" else (1, 4, 7):
        path = str(tmp_path / f"{stop}.{end}")
        fresh(path, stop)
        shared().random(stop)
        assert fresh(path, 0) == whole
    assert fresh(str(tmp_path / f"7.{end}"), 0, epochs=6) == fresh(None, 0, epochs=6)  # further than it was meant to go


def test_what_ended_by_patience_stays_ended(tmp_path: Path) -> None:
    def run() -> tuple[dict[str, Any], bytes, list[int]]:
        seen: list[int] = []
        given = small(epochs=50, patience=2, checkpoint=tmp_path / "run.npz")
        given["optimizer"] = optim.SGD(given["model"].parameters(), lr=1e-12)
        history = mg.fit(**given, callbacks=[each_batch(lambda run: seen.append(run.taken))])
        return history, weights(given["model"]), seen

    first, again = run(), run()
    assert first[0]["stopped"] == "patience"
    assert again[:2] == first[:2]
    assert first[2] != again[2] == []


def test_the_time_before_a_stop_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(0, 1000)
    monkeypatch.setattr("time.perf_counter", lambda: float(next(clock)))
    given = small(checkpoint=tmp_path / "run.npz")
    mg.fit(**given, callbacks=[stop_after(2)])
    clock = itertools.count(0, 1)
    history = mg.fit(**given)
    assert history["seconds"][0] > 999 > history["seconds"][1]


@pytest.mark.slow
def test_killed_at_any_moment_it_ends_in_the_same_bits(tmp_path: Path, never_stopped: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    for n in range(15):
        path = tmp_path / f"{n}.npz"
        process = started("-m", "tests.training", str(path), "0", "save every batch")
        for _ in range(rng.integers(0, 40_000)):
            path.exists()
        process.kill()
        process.communicate()
        assert as_program(path, 0) == never_stopped


def test_saving_every_so_often_leaves_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    seen = []

    def on_batch(run: Run) -> None:
        seen.append(mg.load(path)["fit"]["taken"] if path.exists() else 0)

    mg.fit(**small(checkpoint=path, save_every=3, callbacks=[on_batch]))
    assert seen == [0, 0, 0, 3, 3, 3, 6, 6]
    assert mg.load(path)["fit"]["taken"] == 8  # the end is always saved


def test_a_file_of_before_several_batches_or_ranks_is_gone_on_from(tmp_path: Path) -> None:
    path, given, whole = tmp_path / "run.npz", small(), small()
    mg.fit(**whole)
    mg.fit(**given, checkpoint=path, callbacks=[stop_after(5)])
    found = mg.load(path)
    fit = {key: x for key, x in found["fit"].items() if key not in ("waiting", "drawing")}
    mg.save(path, given["model"], optimizer=found["optimizer"], fit=fit)
    again = small(checkpoint=path)
    mg.fit(**again)
    assert weights(again["model"]) == weights(whole["model"])


def test_going_on_with_other_arguments_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    mg.fit(**small(checkpoint=path))
    x, y = training.examples(21)
    other = small()["x"].copy()
    other[0, 0] += 1
    for changed, says in [
        ({"batch_size": 5}, "another batch_size: 6, here 5"),
        ({"seed": 1}, "another seed: 0, here 1"),
        ({"x": x, "y": y}, r"another x: float32 \(20, 3\) checksum .*, here float32 \(21, 3\)"),
        ({"x": other}, "another x"),
        ({"validation": (x, y)}, "another validation"),
        ({"patience": 2}, "another patience"),
        ({"metrics": {"mean": lambda out, y: out.mean()}}, "another metrics"),
        ({"loss": F.mean}, "another loss: quadratic_cost, here mean"),
        ({"optimizer": lambda p: optim.SGD(p, lr=0.2)}, r"another lr: 0\.1, here 0\.2\. Give"),
        ({"optimizer": lambda p: optim.SGD(p, lr=0.1, momentum=0.5)}, r"another momentum: 0\.0, here 0\.5"),
        ({"optimizer": lambda p: optim.Adam(p, lr=0.1)}, "another optimizer: SGD, here Adam"),
    ]:
        given = small(checkpoint=path, **changed)
        if "optimizer" in changed:
            given["optimizer"] = changed["optimizer"](given["model"].parameters())
        before = weights(given["model"])
        with pytest.raises(ValueError, match=says):
            mg.fit(**given)
        assert weights(given["model"]) == before
    whole = mg.load(path)
    for name in ("arguments", "seconds", "seed", "taken", "totals", "history", "best"):
        fit = {key: x for key, x in whole["fit"].items() if key != name}
        mg.save(path, small()["model"], optimizer=whole["optimizer"], fit=fit)
        with pytest.raises(ValueError, match=r"is not of fit\(checkpoint=…\): remove it, or give another path"):
            mg.fit(**small(checkpoint=path))
    mg.save(path, n=1)
    with pytest.raises(ValueError, match="is not of fit"):
        mg.fit(**small(checkpoint=path))
    with pytest.raises(ValueError, match=r"ends in '\.txt'"):
        mg.fit(**small(checkpoint=tmp_path / "run.txt"))
    given = small(checkpoint=tmp_path / "nowhere" / "run.npz")
    before = weights(given["model"])
    with pytest.raises(FileNotFoundError, match="is not there"):
        mg.fit(**given)
    assert weights(given["model"]) == before


def squares(out: Any, y: Any) -> Any:
    return ((out - y) ** 2).mean()


def to_a_power(out: Any, y: Any, p: int = 2, *, scale: float = 1.0) -> Any:
    return scale * (abs(out - y) ** p).mean()


def weighted(weight: Any) -> Any:
    return lambda out, y: (weight * (out - y) ** 2).mean()


def again(f: Any) -> Any:
    return lambda out, y: f(out, y)


class Scaled:
    def __init__(self, scale: float) -> None:
        self.scale = scale

    def __call__(self, out: Any, y: Any) -> Any:
        return self.scale * squares(out, y)

    def compute(self, out: Any, y: Any) -> Any:
        return self.scale * squares(out, y)


ALIKE: list[Any] = [
    lambda: lambda out, y: ((out - y) ** 2).mean(), lambda: lambda out, y: abs(out - y).mean(),
    lambda: lambda out, y: ((out + y) ** 2).mean(), lambda: lambda out, y: ((out - y) ** 4).mean(),
    lambda: weighted(1.0), lambda: weighted(2.0), lambda: weighted(np.float32(2)),
    lambda: weighted(np.full((1, 1), 2.0, "f4")), lambda: weighted(np.full((1, 1), 3.0, "f4")),
    lambda: functools.partial(to_a_power), lambda: functools.partial(to_a_power, p=4),
    lambda: functools.partial(to_a_power, scale=2.0), lambda: again(squares), lambda: again(to_a_power),
    lambda: again(F.mse_loss), lambda: again(F.huber_loss), lambda: Scaled(1.0), lambda: Scaled(2.0),
    lambda: Scaled(1.0).compute, lambda: Scaled(2.0).compute,
    lambda: nn.HuberLoss(delta=1.0), lambda: nn.HuberLoss(delta=2.0), lambda: weighted(np.zeros(3000)),
    lambda: weighted(np.eye(1, 3000, 1500)), lambda: lambda out, y: out if y in {1, "a", None} else y,
    lambda: functools.partial(to_a_power, p=3),
]  # fmt: skip


def test_functions_of_one_name_are_told_apart_by_what_they_do(tmp_path: Path) -> None:
    """Each of them, made anew as the next run of a program does, is itself and no other."""
    found = [likeness(make()) for make in ALIKE]
    assert found == [likeness(make()) for make in ALIKE]
    assert len(set(found)) == len(found)
    path = tmp_path / "run.npz"
    for here, there in [(0, 1), (4, 5), (16, 17), (20, 21)]:
        path.unlink(missing_ok=True)
        args = {"checkpoint": path, "epochs": 1}
        mg.fit(**small(loss=ALIKE[here](), **args))
        mg.fit(**small(loss=ALIKE[here](), **args | {"epochs": 2}))
        with pytest.raises(ValueError, match=r"another loss \(code in Python 3\.\d+\): [0-9a-f]{8}, here "):
            mg.fit(**small(loss=ALIKE[there](), **args))
    path.unlink()
    metrics = {"metrics": {"off": ALIKE[0]()}, "checkpoint": path}
    mg.fit(**small(**metrics))
    with pytest.raises(ValueError, match=r"another metrics\['off'\] \(code"):
        mg.fit(**small(**metrics | {"metrics": {"off": ALIKE[1]()}}))


def test_a_function_of_ours_is_told_by_its_name_and_not_by_its_code() -> None:
    """In the next version it may have other code, and do the same."""
    renewed = types.FunctionType((lambda input, target: 0.0).__code__, {}, "mse_loss")
    renewed.__qualname__ = "mse_loss"
    for module, same in (("microgradnet.losses", True), ("microgradnet", True), ("microgradnets", False)):
        renewed.__module__ = module
        assert (likeness(renewed) == likeness(F.mse_loss)) is same


def test_what_a_function_is_does_not_hang_on_the_process_it_is_in() -> None:
    code = "from tests import test_train as t; print([t.likeness(make()) for make in [*t.ALIKE, lambda: t.in_a_set]])"
    expected = repr([likeness(make()) for make in [*ALIKE, lambda: in_a_set]])
    seed = "1" if os.environ.get("PYTHONHASHSEED") == "0" else "0"  # another than here
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          env={**os.environ, "PYTHONHASHSEED": seed})  # fmt: skip
    assert done.stdout.strip() == expected


def in_a_set(out: Any, y: Any) -> Any:
    return out if out.dtype.name in {"float16", "float32", "float64"} else y


def test_a_schedule_of_another_function_is_refused(tmp_path: Path) -> None:
    def run(*functions: Any) -> None:
        given = small(checkpoint=tmp_path / f"{len(functions)}.npz")
        schedules = [lambda o, f=f: optim.LambdaLR(o, f) for f in functions]
        only = schedules[0](given["optimizer"]) if len(schedules) == 1 else None
        mg.fit(**given, scheduler=only or optim.SequentialLR(given["optimizer"], schedules, [1]))

    run(lambda t: 0.5**t)
    run(lambda t: 0.5**t)
    with pytest.raises(ValueError, match=r"another scheduler \(code"):
        run(lambda t: 0.6**t)


def test_an_optimiser_may_have_the_options_it_began_with_or_those_in_the_file(tmp_path: Path) -> None:
    """A program that runs again makes it as it was; in a notebook it is there, and a schedule has changed its lr."""
    path = tmp_path / "run.npz"
    model, optimizer, scheduler = training.make(0)
    given = small(model=model, checkpoint=path, optimizer=optimizer, scheduler=scheduler)
    mg.fit(**given | {"epochs": 4})
    assert optimizer.param_groups[0]["lr"] == 0.05 / 4
    mg.fit(**given | {"epochs": 5})
    model, optimizer, scheduler = training.make(0)
    mg.fit(**given | {"model": model, "optimizer": optimizer, "scheduler": scheduler, "epochs": 6})
    optimizer.param_groups[0]["lr"] = 0.01
    with pytest.raises(ValueError, match=r"another lr: 0\.05, here 0\.01"):
        mg.fit(**given | {"model": model, "optimizer": optimizer, "scheduler": scheduler, "epochs": 7})


def test_a_file_of_an_earlier_version_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    mg.fit(**small(checkpoint=path))
    held = mg.load(path)
    held["fit"]["arguments"] = {k: x for k, x in held["fit"]["arguments"].items() if "code" not in k and "opt" not in k}
    given = small(epochs=3, checkpoint=path)
    mg.load(path, given["model"], optimizer=given["optimizer"])
    mg.save(path, given["model"], optimizer=given["optimizer"], fit=held["fit"])
    assert mg.fit(**given)["epoch"] == [1, 2, 3]


# ------------------------------------------------------------------------------------------------------------- memory


def test_memory_is_flat_over_ten_thousand_steps() -> None:
    model = nn.MLP(2, [3, 1], activation=np.tanh, seed=0)
    x = np.ones((10_000, 2), np.float32)
    blocks = []

    def on_batch(run: Run) -> None:
        if run.taken in (1_000, 10_000):
            blocks.append(sys.getallocatedblocks())

    with uncollected():
        mg.fit(**small(model=model, x=x, y=x[:, :1], batch_size=1, epochs=1), callbacks=[on_batch])
    assert len(blocks) == 2
    assert blocks[1] - blocks[0] < 500  # a single object kept by each step would be 9,000


# ------------------------------------------------------------------------------------------------- what is shown


def test_a_line_for_each_epoch_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = small()
    mg.fit(**given | {"progress": True}, validation=(given["x"], given["y"]))
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert len(lines) == 2
    assert lines[1].startswith("epoch 2/2: cost 1.")
    assert ", val_cost 1." in lines[1]
    for _ in range(2):
        mg.fit(**small(progress=True, checkpoint=tmp_path / "run.npz"))
    assert capsys.readouterr().err.splitlines()[2:] == ["going on where the checkpoint is: 8 steps are done"]
    mg.fit(**small())
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("installed", [True, False])
def test_on_a_terminal_a_bar_moves(
    installed: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    if not installed:
        monkeypatch.setitem(sys.modules, "tqdm", None)
        mg.fit(**small(progress=True))
        lines = capsys.readouterr().err.splitlines()
        assert [line[:15] for line in lines] == ["epoch 1/2: cost", "epoch 2/2: cost"]
        return
    tqdm = pytest.importorskip("tqdm").tqdm
    monkeypatch.setattr("tqdm.tqdm", functools.partial(tqdm, mininterval=0))  # draws every step
    mg.fit(**small(progress=True), metrics={"off": lambda out, y: np.abs(out - y).mean()})
    written = capsys.readouterr().err
    drawn = written.replace("\n", "\r").split("\r")
    for epoch in (1, 2):
        bars = [text for text in drawn if text.startswith(f"epoch {epoch}/2: ") and "/4 [" in text]
        assert [text.split("/4 [")[0][-1] for text in bars] == ["0", "1", "2", "3", "4"]
        assert "cost" not in bars[0]  # of the epoch before
        assert re.search(rf"\r +\repoch {epoch}/2: cost [^\r]* s\)\n", written)  # the bar makes room for the line
        line = next(text for text in drawn if text.startswith(f"epoch {epoch}/2: cost"))
        assert bars[-1].strip().endswith(line.split(": ")[1].split(" (")[0] + "]")  # of the whole epoch at its end


def test_a_bar_goes_on_where_the_checkpoint_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    tqdm = pytest.importorskip("tqdm").tqdm
    mg.fit(**small(checkpoint=tmp_path / "run.npz", callbacks=[stop_after(2)]))
    made: list[Any] = []
    monkeypatch.setattr("tqdm.tqdm", lambda **options: made.append(tqdm(mininterval=0, **options)) or made[0])
    mg.fit(**small(checkpoint=tmp_path / "run.npz", progress=True))
    assert made[0].disable  # it was closed
    drawn = capsys.readouterr().err.replace("\n", "\r").split("\r")
    bars = [text for text in drawn if text.startswith("epoch 1/2: ") and "/4 [" in text]
    assert [text.split("/4 [")[0][-1] for text in bars][:2] == ["0", "3"]


def test_a_history_is_drawn() -> None:
    pytest.importorskip("matplotlib")
    given = small(epochs=3)
    history = mg.fit(**given, validation=(given["x"], given["y"]), metrics={"off": lambda out, y: float(out.mean())})
    axes = plots.history(history)
    left, right = axes.figure.axes
    assert left is axes
    drawn = [[(line.get_label(), line.get_color()) for line in half.lines] for half in (left, right)]
    blue, orange = plots.POSITIVE, plots.NEGATIVE
    assert drawn == [[("cost", blue), ("val_cost", orange)], [("off", blue), ("val_off", orange)]]
    assert left.lines[1].get_ydata().tolist() == history["val_cost"]
    assert right.lines[0].get_xdata().tolist() == [1, 2, 3]
    assert [text.get_text() for text in left.get_legend().texts] == ["cost", "val_cost", "off", "val_off"]
    again = plots.history(mg.fit(**small()), axes=plots.new_axes(3, 2))
    assert len(again.figure.axes) == 1


# ------------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        ({"epochs": 0}, ValueError, "epochs=0: it is a whole number of at least 1$"),
        ({"epochs": None}, ValueError, "epochs=None"),
        ({"batch_size": 1.5}, ValueError, r"batch_size=1\.5"),
        ({"patience": 0}, ValueError, "patience=0: it is a whole number of at least 1, or None"),
        ({"save_every": True}, ValueError, "save_every=True"),
        ({"save_every": 3}, ValueError, "save_every says how often to save to checkpoint="),
        ({"scheduler_interval": "day"}, ValueError, "'epoch' or 'batch'"),
        ({"x": np.zeros((19, 3), np.float32)}, ValueError, "19 rows in x but 20 in y"),
        ({"x": np.zeros((0, 3)), "y": np.zeros(0)}, ValueError, "at least one; got shape"),
        ({"x": [["a"]] * 20}, ValueError, "array of numbers"),
        ({"x": Value(np.zeros((20, 3)))}, TypeError, r"x is a Value; the examples are plain arrays, x\.data"),
        ({"validation": 3}, TypeError, r"validation is a pair \(x, y\)"),
        ({"validation": (np.zeros((2, 3)), np.zeros(3))}, ValueError, r"2 rows in validation\[0\] but 3"),
        ({"loss": 3}, TypeError, "loss=3: it is a function, or a name such as 'cross_entropy'$"),
        ({"loss": "squares"}, ValueError, "loss='squares': the names are cross_entropy, .* mse, .* give a function"),
        ({"metrics": ["precise"]}, ValueError, r"metrics\[0\]='precise': the names are accuracy, .*; or give a fun"),
        ({"metrics": ["mae", F.mean, "mae"]}, ValueError, "two metrics called 'mae': give a dict"),
        ({"loss": lambda out, y: out}, TypeError, r"gives one number; got (.|\n)* \.mean\(\)"),
        ({"loss": lambda out, y: float(out.data.mean())}, TypeError, "loss gave 0.*, which is no Value"),
        ({"metrics": {"a": 1}}, TypeError, r"metrics\['a'\]=1: it is a function, or a name such as 'accuracy'$"),
        ({"metrics": {"cost": len}}, ValueError, "called 'cost'"),
        ({"metrics": {"val_a": len}}, ValueError, "called 'val_a'"),
        ({"validation": 0.01}, ValueError, "validation=0.01 of 20 examples: it leaves at least one in each part"),
        ({"validation": 1.5}, TypeError, "or the fraction of the examples to hold out, such as 0.2; got 1.5"),
        ({"x": (np.zeros((20, 3)), np.zeros((19, 3)))}, ValueError, "several inputs, with 20, 19 rows"),
        ({"x": (np.zeros((20, 3)), np.array(["a"] * 20))}, ValueError, r"x\[1\] is an array of numbers"),
        ({"y": np.array(["a"] * 20)}, ValueError, r"Words become numbers by np\.unique\(words, return_inverse=True\)"),
        ({"sample_weight": np.ones(19)}, ValueError, r"sample_weight has shape \(19,\): .* 20 examples, \(20,\)"),
        ({"sample_weight": -np.ones(20)}, ValueError, "sample_weight holds negative, infinite or NaN numbers"),
        ({"sample_weight": np.zeros(20)}, ValueError, "sample_weight is zero for every example"),
        ({"sample_weight": np.ones(20)}, TypeError, "gives one number for all examples, and sample_weight= wants one"),
        ({"optimizer": optim.SGD}, TypeError, "optimizer is an object"),
        ({"scheduler": 0.1}, TypeError, "scheduler is an object"),
        ({"clip": 0}, ValueError, "clip=0: the norm that gradients are limited to is a positive number"),
        ({"clip": math.inf}, ValueError, "clip=inf"),
        ({"accumulate": 0}, ValueError, "accumulate=0: it is a whole number of at least 1$"),
        ({"accumulate": True}, ValueError, "accumulate=True"),
        ({"optimizer": optim.SGD(nn.Linear(3, 1).parameters(), lr=0.1)}, ValueError, "no parameter of this model"),
        ({"scheduler": optim.StepLR(optim.SGD([Value(1.0)], lr=0.1), 1)}, ValueError, "made for another optimizer"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_is_refused(changed: dict[str, Any], error: type[Exception], says: str) -> None:
    given = small()
    before = weights(given["model"])
    with pytest.raises(error, match=says):
        mg.fit(**given | changed)
    assert weights(given["model"]) == before


@pytest.mark.parametrize("more", [{"metrics": {"a": lambda out, y: 0.0}}, {"validation": training.examples()}])
def test_what_is_measured_is_one_array_from_the_first_step_on(more: dict[str, Any]) -> None:
    class Pair(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.Linear(3, 1, seed=0)

        def forward(self, x: Any) -> Any:
            return self.layer(x), x

    given = small(model=Pair(), loss=lambda out, y: F.quadratic_cost(out[0], y))
    before = weights(given["model"])
    with pytest.raises(TypeError, match="metrics and validation take one array"):
        mg.fit(**given, **more)
    assert weights(given["model"]) == before
    assert len(mg.fit(**given)["cost"]) == 2  # the loss may take both


def test_a_model_is_a_module() -> None:
    with pytest.raises(TypeError, match="model is a Module"):
        mg.fit(**small() | {"model": len})
