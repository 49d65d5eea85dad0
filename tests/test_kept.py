"""A check calls a function hundreds of times and leaves the Modules that it reaches as they were."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import Value, nn
from microgradnet import functional as F
from microgradnet.gradcheck.kept import Kept
from microgradnet.saving.states import generators

X = np.random.default_rng(0).normal(size=(8, 3))
LABELS = np.arange(8) % 2


def network(*between: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4, seed=0), *between, nn.Tanh(), nn.Linear(4, 2, seed=1))


def loss(model: Any, x: Any = X) -> Any:
    return F.cross_entropy(model(x), LABELS)


class Counts(nn.Module):
    """A layer that replaces what it keeps, and scales by it."""

    def __init__(self) -> None:
        self.calls, self.mean, self.seen = 1, np.ones(4), [1]
        self.more = {"largest": 0.0}

    def forward(self, x: Any) -> Any:
        self.calls += 1
        self.seen.append(self.calls)
        self.mean = self.mean * 1.01
        self.more["largest"] = max(self.more["largest"], float(x.data.max()))
        self.late = True
        return x * self.mean * self.calls


class Rows(nn.Module):
    """Its input as channels, for layers that normalise over a length."""

    def __init__(self, layer: nn.Module) -> None:
        self.layer = layer

    def forward(self, x: Any) -> Any:
        return self.layer(x[:, None, :])[:, 0]


def state_of(model: nn.Module) -> tuple[Any, ...]:
    """All that a model holds, to be compared."""
    held = [
        {name: repr(x) for name, x in vars(part).items() if not isinstance(x, (Value, nn.Module, np.random.Generator))}
        for part in model.modules()
    ]
    arrays = {path: x.tolist() for path, x in model.state_dict().items()}
    return held, arrays, [repr(g.bit_generator.state) for _, g in generators(model)]


KINDS: dict[str, Callable[[], nn.Module]] = {
    "BatchNorm1d": lambda: network(nn.BatchNorm1d(4)),
    "mean over all batches": lambda: network(nn.BatchNorm1d(4, momentum=None)),
    "InstanceNorm1d": lambda: network(Rows(nn.InstanceNorm1d(1, track_running_stats=True))),
    "Dropout": lambda: network(nn.Dropout(0.5, seed=0)),
    "Dropout without a seed": lambda: network(nn.Dropout(0.5)),
    "GaussianNoise": lambda: network(nn.GaussianNoise(0.1, seed=0)),
    "attributes": lambda: network(Counts()),
}


class Trainer:
    def __init__(self, model: nn.Module) -> None:
        self.model = model

    def loss(self, x: Any) -> Any:
        return loss(self.model, x)


CHECKS: dict[str, Callable[[Any], Any]] = {
    "check_grads": lambda model: mg.check_grads(loss, model, samples=5),
    "of second order": lambda model: mg.check_grads(loss, model, samples=3, order=2),
    "of the input": lambda model: mg.check_grads(lambda x: loss(model, x), X, samples=5),
    "of the model itself": lambda model: mg.check_grads(model, X, samples=5),
    "of a method": lambda model: mg.check_grads(Trainer(model).loss, X, samples=5),
    "of a partial": lambda model: mg.check_grads(functools.partial(loss, model), X, samples=5),
    "by name": lambda model: mg.check_grads(lambda x, m: loss(m, x), X, m=model, samples=5),
    "of a transform": lambda model: mg.check_grads(mg.grad(lambda x: loss(model, x)), X, samples=5),
    "numerical_grad": lambda model: mg.numerical_grad(loss, model),
    "numerical_grad of the input": lambda model: mg.numerical_grad(lambda x: loss(model, x).data, X),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("check", CHECKS)
def test_a_check_leaves_a_model_as_it_was(kind: str, check: str) -> None:
    model = KINDS[kind]()
    before = state_of(model)
    report = CHECKS[check](model)
    assert state_of(model) == before
    assert "numerical" in check or report, str(report)


def test_a_model_that_is_a_global_is_left_as_it_was() -> None:
    space: dict[str, Any] = {"model": network(nn.BatchNorm1d(4)), "F": F, "labels": LABELS}
    exec("def inside(x): return F.cross_entropy(model(x), labels)\ndef f(x): return inside(x)", space)
    before = state_of(space["model"])
    assert mg.check_grads(space["f"], X, samples=3)
    assert state_of(space["model"]) == before


@pytest.mark.parametrize(("error", "at"), [(KeyboardInterrupt, 20), (RuntimeError, 1)])  # in a step it means no number
def test_a_check_that_is_interrupted_leaves_a_model_as_it_was(error: type[BaseException], at: int) -> None:
    model, calls = network(nn.BatchNorm1d(4), Counts()), []

    def stops(model: Any) -> Any:
        calls.append(0)
        out = loss(model)
        if len(calls) == at:
            raise error
        return out

    before = state_of(model)
    for check in (mg.check_grads, mg.numerical_grad):
        calls.clear()
        with pytest.raises(error):
            check(stops, model)
        assert state_of(model) == before


def test_an_interrupt_while_things_are_put_back_leaves_them_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    model, put_back, calls = network(nn.BatchNorm1d(4)), Kept.put_back, []

    def interrupted(self: Kept) -> None:
        calls.append(0)
        if len(calls) == 9:
            raise KeyboardInterrupt
        put_back(self)

    before = state_of(model)
    monkeypatch.setattr(Kept, "put_back", interrupted)
    with pytest.raises(KeyboardInterrupt):
        mg.check_grads(loss, model)
    assert state_of(model) == before


def test_each_evaluation_sees_the_same_state() -> None:
    """So that what depends on running statistics is a function still."""
    model = network(nn.BatchNorm1d(4))
    norm: Any = model.layers[1]

    def f(m: Any) -> Any:
        out = loss(m)
        return out * m.layers[1].running_var.sum() + m.layers[1].num_batches_tracked

    norm.num_batches_tracked[...] = 5
    before = state_of(model)
    assert not mg.check_grads(f, model, samples=5).problems
    assert state_of(model) == before


def test_a_gradient_by_hand_may_run_a_model_too() -> None:
    model = network(nn.BatchNorm1d(4))
    before = state_of(model)
    slope = mg.grad(lambda x: loss(model, x))
    assert mg.check_grads(lambda x: loss(model, x).data, X, gradient=lambda x: slope(x))
    assert state_of(model) == before


def test_that_dropout_drew_one_mask_is_noted_with_the_way_out() -> None:
    model = network(nn.Dropout(0.5, seed=0))
    report = mg.check_grads(loss, model)
    assert report
    (note,) = report.notes
    assert "drawn by Dropout" in note
    assert "model.eval()" in note
    assert not mg.check_grads(loss, model.eval()).notes


def test_what_is_not_deterministic_is_told_of_eval() -> None:
    rng = np.random.default_rng(0)
    (said,) = mg.check_grads(lambda x: F.dropout(x, 0.5, seed=rng) * rng.normal(), [1.0, 2.0]).problems
    assert "not deterministic" in said
    assert "model.eval()" in said
