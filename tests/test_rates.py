"""find_lr tries step sizes of which nothing stays, and suggests one that trains."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import Value, data, nn, optim, plots
from microgradnet.nn.init import shared
from microgradnet.train import LearningRates
from microgradnet.train.rates import steepest
from tests import training
from tests.test_sources import Counting

X, Y = training.examples(60)


def parabola(curvature: float) -> tuple[nn.Module, Any, np.ndarray, np.ndarray]:
    """w · x for one x: the cost is c/2 (w − 3)², from which descent runs away at steps of more than 2 / c."""

    class Weight(nn.Module):
        def __init__(self) -> None:
            self.w = Value(np.array([[0.0]]))

        def forward(self, x: Any) -> Any:
            return x @ self.w

    model = Weight()
    x = np.full((64, 1), np.sqrt(curvature / 2))
    return model, optim.SGD(model.parameters(), lr=0.5), x, x * 3


@pytest.mark.parametrize("curvature", [0.1, 10.0, 1000.0])
def test_what_is_suggested_is_below_where_descent_runs_away(curvature: float) -> None:
    model, optimizer, x, y = parabola(curvature)
    found = mg.find_lr(model, x, y, loss="mse", optimizer=optimizer, lowest=1e-6, highest=1e4, steps=200)
    assert 0.01 / curvature < found.suggestion < 2 / curvature
    assert found.costs[0] == pytest.approx(curvature / 2 * 9)
    assert len(found.lrs) == len(found.costs) == len(found.smoothed) < 200
    assert found.lrs[-1] > 2 / curvature


def test_a_cost_that_overflows_ends_the_trial_whatever_numpy_is_told_to_raise() -> None:
    model, optimizer, x, y = parabola(1.0)
    with np.errstate(all="raise"):
        found = mg.find_lr(model, x, y, loss="mse", optimizer=optimizer, lowest=3.0, highest=1e300, steps=10)
    assert 1 < len(found.costs) < 10
    assert np.isfinite(found.costs).all()


def test_the_costs_are_those_of_the_steps_by_hand() -> None:
    model, hand = nn.Linear(3, 1, seed=0), nn.Linear(3, 1, seed=0)
    groups = [{"params": [model.weight], "lr": 0.2}, {"params": [model.bias], "lr": 0.1}]
    found = mg.find_lr(model, X, Y, loss="mse", optimizer=optim.SGD(groups, lr=1.0), lowest=0.01, highest=0.1, steps=10,
                       batch_size=10, seed=4)  # fmt: skip
    costs, orders = [], [np.random.default_rng((4, epoch)).permutation(60) for epoch in (1, 2)]
    for k, lr in enumerate(np.geomspace(0.01, 0.1, 10)):
        pick = np.concatenate(orders)[10 * k : 10 * k + 10]
        cost = mg.functional.mse_loss(hand(X[pick]), Y[pick])
        costs.append(float(cost.data))
        hand.zero_grad()
        cost.backward()
        hand.weight.data -= np.float32(lr) * hand.weight.grad
        hand.bias.data -= np.float32(lr / 2) * hand.bias.grad
    assert type(found.costs) is np.ndarray
    np.testing.assert_allclose(found.costs, costs, rtol=1e-5)
    weights = 0.9 ** np.arange(10)[::-1]
    assert found.smoothed[-1] == pytest.approx((weights * costs).sum() / weights.sum(), rel=1e-5)


@pytest.mark.parametrize("fails", [False, True])
def test_all_is_as_it_was(fails: bool) -> None:
    """Parameters, gradients, buffers, generators, modes, the state of the optimiser; also after an error."""
    model, optimizer, scheduler = training.make()
    for _ in range(2):
        mg.functional.mse_loss(model(X), Y).backward()
        optimizer.step()
    model.layers[3].eval()
    steps = data.batches(X, Y, 6, seed=np.random.default_rng(3))
    next(iter(steps))
    calls = []

    def loss(out: Any, y: Any) -> Any:
        calls.append(len(y))
        if fails and len(calls) == 5:
            raise RuntimeError("from the loss")
        return mg.functional.mse_loss(out, y)

    def all_of_it() -> tuple[Any, ...]:
        grads = [p.grad.tobytes() for p in model.parameters()]
        return (training.digest(model, optimizer, scheduler), grads, [m.training for m in model.modules()],
                str(steps.state_dict()), str(shared().bit_generator.state))  # fmt: skip

    before = all_of_it()
    if fails:
        with pytest.raises(RuntimeError, match="from the loss"):
            mg.find_lr(model, steps, loss=loss, optimizer=optimizer)
    else:
        mg.find_lr(model, steps, loss=loss, optimizer=optimizer)
        mg.find_lr(model, X, Y, loss="mse", optimizer=optimizer, sample_weight=np.arange(60.0), seed=None)
    assert calls
    assert all_of_it() == before


@pytest.mark.parametrize("finite", [True, False])
def test_what_was_recorded_is_let_go_while_it_is_swept(finite: bool) -> None:
    """In each step that is tried or taken, and where a batch is computed again to say what gave the first infinity."""
    seen: list[Any] = []

    class Kept(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.Linear(3, 1, seed=0)

        def forward(self, x: Any) -> Any:
            seen.append(np.sqrt(self.layer(x) * 0.0 + finite) * 2.0)
            return seen[-1]

    model = Kept()
    given: dict[str, Any] = {"loss": "mse", "optimizer": optim.SGD(model.parameters(), lr=0.01)}
    if finite:
        mg.find_lr(model, X, Y, steps=10, **given)
    with np.errstate(all="ignore"), contextlib.nullcontext() if finite else pytest.raises(FloatingPointError):
        mg.fit(model, X, Y, epochs=1, progress=False, **given)
    assert len(seen) == (12 if finite else 2)
    for out in seen:
        with pytest.raises(RuntimeError, match="release=True"):
            out.sum().backward()


@pytest.mark.parametrize("seed", [3, None])
def test_batches_of_any_seed_are_gone_through_and_stand_where_they_stood(seed: Any) -> None:
    steps, model = data.batches(X, Y, 6, seed=seed), nn.Linear(3, 1, seed=0)
    before, generator = str(steps.state_dict()), str(shared().bit_generator.state)
    found = mg.find_lr(model, steps, loss="mse", optimizer=optim.SGD(model.parameters(), lr=0.1), steps=10)
    assert len(found.costs) == 10  # of the ten batches
    assert (str(steps.state_dict()), str(shared().bit_generator.state)) == (before, generator)


def test_batches_that_say_where_they_stand_stand_there_again() -> None:
    steps = Counting()
    next(iter(steps))
    before = str(steps.state_dict())
    model = nn.Linear(3, 1, seed=0)
    mg.find_lr(model, steps, loss="mse", optimizer=optim.SGD(model.parameters(), lr=0.1), steps=10)
    assert str(steps.state_dict()) == before


def test_it_works_with_an_optimizer_of_another_kind() -> None:
    class Other:
        def __init__(self, model: nn.Module) -> None:
            self.model, self.param_groups, self.kept = model, [{"lr": 0.1}], {"count": 0}

        def zero_grad(self) -> None:
            self.model.zero_grad()

        def step(self) -> None:
            self.kept["count"] += 1
            for p in self.model.parameters():
                p.data -= self.param_groups[0]["lr"] * p.grad

        def state_dict(self) -> Any:
            return self.kept  # as it is, and not a copy

        def load_state_dict(self, state: Any) -> None:
            self.kept = state

    model = nn.Linear(3, 1, seed=0).astype(np.float64)
    optimizer, before = Other(model), model.weight.data.copy()
    assert mg.find_lr(model, X, Y, loss="mse", optimizer=optimizer).suggestion < 5
    assert (optimizer.kept, optimizer.param_groups) == ({"count": 0}, [{"lr": 0.1}])
    np.testing.assert_array_equal(model.weight.data, before)
    Other.load_state_dict = None  # type: ignore[assignment,method-assign]
    del Other.load_state_dict
    with pytest.raises(TypeError, match="cannot be put back: it has no state_dict and load_state_dict"):
        mg.find_lr(model, X, Y, loss="mse", optimizer=optimizer)


def test_the_graph_of_a_step_is_released_as_it_is_swept() -> None:
    costs = []

    def loss(out: Any, y: Any) -> Any:
        costs.append(mg.functional.mse_loss(out, y))
        return costs[-1]

    model = nn.Linear(3, 1, seed=0)
    mg.find_lr(model, X, Y, loss=loss, optimizer=optim.SGD(model.parameters(), lr=0.1), steps=10)
    for cost in costs[-2:]:
        with pytest.raises(RuntimeError, match="its history was released"):
            cost.backward()


@pytest.mark.parametrize(("costs", "suggested"), [
    ([3.0, 2.5, 1.0, 5.0], 10.0), ([3.0, 1.0, 5.0, 6.0], None), ([3.0, 2.9, 2.8, 1.0], 1000.0), ([1.0] * 4, None),
])  # fmt: skip
def test_of_three_step_sizes_the_steepest_is_suggested(costs: list[float], suggested: float | None) -> None:
    assert steepest(np.array([1.0, 10.0, 100.0, 1000.0]), np.array(costs)) == suggested


def test_a_curve_that_falls_nowhere_suggests_nothing() -> None:
    found = LearningRates(np.geomspace(1e-3, 1, 5), np.array([1.0, 1.1, 1.2, 1.3, 4.0]))
    assert found.suggestion is None
    assert repr(found) == (
        "LearningRates(5 step sizes from 0.001 to 1; the cost falls nowhere: try others, lowest= and highest=)"
    )
    model, optimizer, x, y = parabola(10.0)
    text = repr(mg.find_lr(model, x, y, loss="mse", optimizer=optimizer))
    assert text.startswith("LearningRates(")
    assert "suggestion 0." in text


def test_it_is_drawn() -> None:
    pytest.importorskip("matplotlib")
    model, optimizer, x, y = parabola(10.0)
    found = mg.find_lr(model, x, y, loss="mse", optimizer=optimizer)
    axes = plots.lr_finder(found)
    costs, curve, suggestion = axes.lines
    assert axes.get_xscale() == "log"
    np.testing.assert_array_equal(costs.get_ydata(), found.costs)
    np.testing.assert_array_equal(curve.get_xdata(), found.lrs)
    assert suggestion.get_xdata()[0] == found.suggestion
    other = plots.new_axes(3, 2)
    assert plots.lr_finder(LearningRates(np.geomspace(1e-3, 1, 3), np.ones(3)), axes=other) is other
    assert len(other.lines) == 2


@pytest.mark.parametrize(("changed", "error", "says"), [
    ({"lowest": 0}, ValueError, "^lowest=0: it is a positive number$"),
    ({"lowest": 1, "highest": 0.1}, ValueError, r"^lowest=1 and highest=0\.1: the step size grows from the one to the"),
    ({"steps": 3}, ValueError, "^steps=3: it is a whole number of at least 10$"),
    ({"optimizer": optim.SGD}, TypeError, "optimizer is an object such as"),
    ({"model": len}, TypeError, "model is a Module"),
    ({"loss": "squares"}, ValueError, "the names are"),
    ({"y": Y[:3]}, ValueError, "60 rows in x but 3 in y"),
    ({"x": iter([(X, Y)]), "y": None}, ValueError, "x can be gone through once, and would be used up: give a list"),
    ({"x": np.full((60, 3), np.nan)}, ValueError, "the cost of the first batch is nan, before anything has moved"),
    ({"optimizer": SimpleNamespace(param_groups=[{"lr": 1.0}, {}], step=len, zero_grad=len)}, TypeError,
     "has no param_groups with an lr to change"),
    ({"lr": 3}, TypeError, "unexpected keyword argument 'lr'"),
    ({"loss": lambda out, y: ((out - y) ** 2).mean(), "sample_weight": np.ones(60)}, TypeError,
     "gives one number for all examples, and sample_weight= wants one for each"),
])  # fmt: skip
def test_what_cannot_be_tried_is_refused(changed: dict[str, Any], error: type[Exception], says: str) -> None:
    model = nn.Linear(3, 1, seed=0)
    before = model.weight.data.copy()
    given = {"model": model, "x": X, "y": Y, "loss": "mse", "optimizer": optim.SGD(model.parameters(), lr=0.1)}
    with pytest.raises(error, match=says):
        mg.find_lr(**given | changed)
    np.testing.assert_array_equal(model.weight.data, before)
