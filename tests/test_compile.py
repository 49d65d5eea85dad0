"""mg.compile: the loop people have, compiled, goes exactly as it would have gone."""

from __future__ import annotations

import contextlib
import functools
import gc
import itertools
import mmap
import pprint
import re
import sys
import threading
import time
import types
import warnings
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import microgradnet as mg
import microgradnet.functional as F
from microgradnet import Value, nn, optim
from microgradnet.core import TAPE, Mode
from microgradnet.programs import Compiled, Uncompilable, impure, rules
from microgradnet.programs.compiled import objects_in
from microgradnet.programs.surroundings import Surroundings
from tests.compiled import CALLS, check, programs, same
from tests.samples import count, sample
from tests.test_nn_layers import CASES, Case

RNG = np.random.default_rng(0)
X = [RNG.normal(size=(8, 5)).astype(np.float32) for _ in range(CALLS)]
Y = [RNG.integers(0, 3, 8) for _ in range(CALLS)]
BATCHES = list(zip(X, Y, strict=True))
ONE_HOT = [(x, np.eye(3, dtype=np.float32)[y]) for x, y in BATCHES]


def mlp() -> nn.Module:
    return nn.MLP(5, [4, 3], F.tanh, None, seed=0)


def standing(model: nn.Module, optimizer: Any = None) -> Callable[[], Any]:
    """Everything that a step may leave behind."""
    return lambda: [
        model.state_dict(),
        [p.grad for p in model.parameters()],
        None if optimizer is None else [list(s.values()) for s in optimizer.state_dict()["state"].values()],
    ]


def training(
    model: Callable[[], nn.Module] = mlp,
    optimizer: Callable[[Any], Any] = lambda p: optim.SGD(p, 0.1),
    loss: Any = F.cross_entropy,
    extra: Callable[[nn.Module, Any], None] = lambda model, optimizer: None,
    given: list[Any] | None = None,
) -> Callable[[], Any]:
    """What makes the usual step; `extra` comes between backward() and step(); `given` gets model and optimiser."""

    def make() -> Any:
        m = model()
        o = optimizer(m.parameters())
        if given is not None:
            given[:] = [m, o]

        def step(x: Any, y: Any) -> Any:
            o.zero_grad()
            cost = loss(m(x), y)
            cost.backward(release=True)
            extra(m, o)
            o.step()
            return cost

        return step, standing(m, o)

    return make


# ------------------------------------------------------------------------------------------------- the usual training

OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "SGD": lambda p: optim.SGD(p, 0.1),
    "SGD with momentum and dampening": lambda p: optim.SGD(p, 0.1, momentum=0.9, dampening=0.1),
    "SGD with Nesterov's momentum and decay": lambda p: optim.SGD(
        p, 0.1, momentum=0.9, nesterov=True, weight_decay=0.1
    ),
    "SGD uphill": lambda p: optim.SGD(p, 0.1, maximize=True),
    "Adam": lambda p: optim.Adam(p),
    "Adam with decay": lambda p: optim.Adam(p, weight_decay=0.01),
    "AdamW, amsgrad": lambda p: optim.AdamW(p, amsgrad=True),
    "RMSprop, centred, momentum": lambda p: optim.RMSprop(p, centered=True, momentum=0.5),
    "Adagrad": lambda p: optim.Adagrad(p, lr_decay=0.1, initial_accumulator_value=0.5),
    "Lion": lambda p: optim.Lion(p),
    "NAdam": lambda p: optim.NAdam(p, weight_decay=0.1, decoupled_weight_decay=True),
    "RAdam": lambda p: optim.RAdam(p, weight_decay=0.1),
    "Muon": lambda p: optim.Muon([x for x in p if x.ndim == 2], 0.1),
    "groups": lambda p: optim.Adam([{"params": p[:2], "lr": 0.1}, {"params": p[2:], "weight_decay": 0.1}]),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training_goes_as_it_would_with_every_optimiser(optimizer: str) -> None:
    check(training(optimizer=OPTIMIZERS[optimizer]), BATCHES)


def test_an_optimiser_that_goes_another_way_from_some_step_on_has_two_programs() -> None:
    """RAdam divides by its mean of squares from the sixth step on."""
    check(training(optimizer=lambda p: optim.RAdam(p, 0.01, weight_decay=0.1)), BATCHES * 2, count=2)


LOSSES: dict[str, tuple[Any, Any]] = {
    "cross_entropy": (F.cross_entropy, BATCHES),
    "cross_entropy, weighted, smoothed": (
        lambda x, y: F.cross_entropy(x, y, weight=np.array([1.0, 2.0, 0.5]), label_smoothing=0.1), BATCHES),
    "cross_entropy, ignoring": (lambda x, y: F.cross_entropy(x, y, ignore_index=1), BATCHES),
    "cross_entropy of probabilities": (F.cross_entropy, ONE_HOT),
    "nll_loss": (lambda x, y: F.nll_loss(F.log_softmax(x), y), BATCHES),
    "multi_margin_loss": (F.multi_margin_loss, BATCHES),
    **{name: (getattr(F, name), ONE_HOT)
       for name in ("mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss", "quadratic_cost",
                    "binary_cross_entropy_with_logits")},
    "binary_cross_entropy": (lambda x, y: F.binary_cross_entropy(F.sigmoid(x), y), ONE_HOT),
    "hinge_loss": (lambda x, y: F.hinge_loss(x, 2 * y - 1), ONE_HOT),
    "hinge_embedding_loss": (lambda x, y: F.hinge_embedding_loss(x, 2 * y - 1), ONE_HOT),
    "soft_margin_loss": (lambda x, y: F.soft_margin_loss(x, 2 * y - 1), ONE_HOT),
    "poisson_nll_loss": (lambda x, y: F.poisson_nll_loss(x, y, full=True), ONE_HOT),
    "gaussian_nll_loss": (lambda x, y: F.gaussian_nll_loss(x, y, np.float32(0.5) + x * x), ONE_HOT),
    "cosine_embedding_loss": (lambda x, y: F.cosine_embedding_loss(x, y, 2 * y[:, 0] - 1, margin=0.1), ONE_HOT),
    "margin_ranking_loss": (lambda x, y: F.margin_ranking_loss(x, 0.5 * y, 2 * y - 1), ONE_HOT),
    "triplet_margin_loss": (lambda x, y: F.triplet_margin_loss(x, y, 1 - y, swap=True), ONE_HOT),
    "mse_loss of one_hot": (lambda x, y: F.mse_loss(F.softmax(x), F.one_hot(y, 3)), BATCHES),
    "kl_div": (lambda x, y: F.kl_div(F.log_softmax(x), 0.9 * y + 0.05), ONE_HOT),
}  # fmt: skip


@pytest.mark.parametrize("loss", LOSSES)
def test_training_goes_as_it_would_with_every_loss(loss: str) -> None:
    function, batches = LOSSES[loss]
    check(training(loss=function), batches, count=None if "ignoring" in loss else 1)


def with_layer(case: Case) -> Callable[[], Any]:
    """What makes a step through one layer."""

    def make() -> Any:
        layer = case.make(dtype=np.float32)
        o = optim.SGD(layer.parameters(), 0.01) if layer.parameters() else None

        def step(*inputs: Any) -> Any:
            layer.zero_grad()
            out = layer(*inputs, **case.named)
            parts = [y for y in (out if isinstance(out, tuple) else (out,)) if type(y) is Value]
            total = sum(((y * y).sum() for y in parts), start=0.0)
            if type(total) is Value:
                total.backward()
            if o is not None:
                o.step()
            return out

        return step, standing(layer)

    return make


@pytest.mark.parametrize("case", [case for i, case in enumerate(CASES) if i % 4 == 0], ids=lambda case: case.name)
def test_training_goes_as_it_would_through_a_layer(case: Case) -> None:
    check(with_layer(case), [tuple(case.draw(seed, np.float32)) for seed in range(4)], count=None)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_training_goes_as_it_would_through_every_layer(case: Case) -> None:
    check(with_layer(case), [tuple(case.draw(seed, np.float32)) for seed in range(CALLS)], count=None)


class Words(nn.Module):
    """A small Transformer."""

    def __init__(self) -> None:
        self.embedding = nn.Embedding(7, 8, seed=0)
        self.block = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, seed=1)
        self.out = nn.Linear(8, 7, seed=2)

    def forward(self, words: Any) -> Any:
        return self.out(self.block(self.embedding(words)))


class Recurrent(nn.Module):
    """An LSTM whose last state decides."""

    def __init__(self) -> None:
        self.lstm = nn.LSTM(5, 4, seed=0)
        self.out = nn.Linear(4, 3, seed=1)

    def forward(self, x: Any) -> Any:
        return self.out(self.lstm(x)[0][-1])


def images() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 2, 3, seed=0), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Dropout(0.2, seed=3), nn.Linear(18, 3, seed=1),
    )  # fmt: skip


@pytest.mark.parametrize("name", ["images", "words", "sequences"])
def test_a_whole_network_goes_as_it_would(name: str) -> None:
    rng = np.random.default_rng(1)
    model: Any = {"images": images, "words": Words, "sequences": Recurrent}[name]
    batches: dict[str, list[Any]] = {
        "images": [(rng.normal(size=(4, 1, 8, 8)).astype(np.float32), rng.integers(0, 3, 4)) for _ in range(CALLS)],
        "words": [(w := rng.integers(0, 7, (3, 5)), w) for _ in range(CALLS)],
        "sequences": [(rng.normal(size=(6, 8, 5)).astype(np.float32), y) for y in Y],
    }
    check(training(model, lambda p: optim.AdamW(p, 0.01)), batches[name])


# ------------------------------------------------------------------------------------------- what is changed in between


def between(change: Callable[[nn.Module, Any], None], at: int = 4) -> tuple[list[Any], Callable[[int], None]]:
    """A list for the model and the optimiser, and what changes them before a call."""
    given: list[Any] = []
    return given, lambda i: change(*given) if i == at else None


def set_lr(model: nn.Module, optimizer: Any) -> None:
    optimizer.param_groups[0]["lr"] = 0.01


def freeze(model: Any, optimizer: Any) -> None:
    model.layers[0].freeze()


def to_eval(model: Any, optimizer: Any) -> None:
    model.eval()


def reload(model: Any, optimizer: Any) -> None:
    model.load_state_dict({name: (x * 0.5).astype(x.dtype) for name, x in model.state_dict().items()})
    optimizer.load_state_dict(optimizer.state_dict())


def assign(model: Any, optimizer: Any) -> None:
    for p in model.parameters():
        p.data = np.asfortranarray(p.data * 0.5)


def write(model: Any, optimizer: Any) -> None:
    for p in model.parameters():
        p.data[...] *= 0.5


def momentum(model: Any, optimizer: Any) -> None:
    optimizer.param_groups[0]["momentum"] = 0.0


def other_layer(model: Any, optimizer: Any) -> None:
    model.layers[0] = nn.Linear(5, 4, seed=9)


CHANGES: dict[str, tuple[Callable[..., None], int]] = {
    "lr": (set_lr, 1), "frozen": (freeze, 2), "eval": (to_eval, 2), "state loaded": (reload, 2), "data": (assign, 1),
    "data in place": (write, 1), "momentum": (momentum, 2), "a layer": (other_layer, 2),
}  # fmt: skip


def layers() -> nn.Module:
    return nn.Sequential(nn.Linear(5, 4, seed=0), nn.Dropout(0.3, seed=5), nn.BatchNorm1d(4), nn.Linear(4, 3, seed=1))


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_changed_between_the_steps_counts(change: str) -> None:
    function, count = CHANGES[change]
    given, before = between(function)
    make = training(layers, lambda p: optim.SGD(p, 0.1, momentum=0.5), given=given)
    check(make, BATCHES + BATCHES, before, count)


@pytest.mark.parametrize("optimiser", [optim.Adam, optim.NAdam, functools.partial(optim.SGD, momentum=0.5)])
def test_parameters_that_were_not_moved_equally_often_are_not_taken_for_such(optimiser: Any) -> None:
    """An eager step in between that reaches one layer alone: from then on each has a count of its own."""

    def part(model: Any, optimizer: Any) -> None:
        optimizer.zero_grad()
        (model.layers[0](BATCHES[0][0]) ** 2).mean().backward()
        optimizer.step()

    given, before = between(part)
    make = training(lambda: nn.MLP(5, [4, 3], seed=0), lambda p: optimiser(p, 0.1), given=given)
    check(make, BATCHES + BATCHES, before, 2)


@pytest.mark.parametrize("change", [freeze, other_layer, to_eval])
def test_what_is_changed_counts_in_a_step_with_a_schedule_too(change: Any) -> None:
    """What is called in the middle may change all that lasts: what was there before it is looked at as well."""
    given, before = between(change)

    def make() -> Any:
        model = layers()
        optimizer = optim.SGD(model.parameters(), 0.1, momentum=0.5)
        schedule = optim.StepLR(optimizer, 2)
        given[:] = [model, optimizer]

        def step(x: Any, y: Any) -> Any:
            optimizer.zero_grad()
            cost = F.cross_entropy(model(x), y)
            cost.backward()
            optimizer.step()
            schedule.step()
            return cost, [p.grad for p in model.parameters()]

        return step, standing(model, optimizer)

    check(make, BATCHES + BATCHES, before, 2)


def test_frozen_and_unfrozen_again_is_the_first_program() -> None:
    given: list[Any] = []

    def before(i: int) -> None:
        if i in (4, 8):
            given[0].layers[0].freeze() if i == 4 else given[0].layers[0].unfreeze()

    check(training(layers, given=given), BATCHES + BATCHES, before, 2)


def test_eager_steps_in_between_count() -> None:
    def make() -> Any:
        m, o = layers(), None
        o = optim.Adam(m.parameters())

        def step(x: Any, y: Any) -> Any:
            o.zero_grad()
            cost = F.cross_entropy(m(x), y)
            cost.backward()
            o.step()
            return cost

        made.append(step)
        return step, standing(m, o)

    made: list[Any] = []
    check(make, BATCHES * 2, lambda i: made[-1](X[0], Y[0]) if i in (3, 7) else None)


SCHEDULES: dict[str, Callable[[Any], Any]] = {
    "StepLR": lambda o: optim.StepLR(o, 2, 0.5),
    "ExponentialLR": lambda o: optim.ExponentialLR(o, 0.9),
    "CosineAnnealingLR": lambda o: optim.CosineAnnealingLR(o, 5),
    "OneCycleLR": lambda o: optim.OneCycleLR(o, 0.5, total_steps=30),
    "LambdaLR": lambda o: optim.LambdaLR(o, lambda t: 1 / (1 + t)),
}


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("where", ["after the step", "before the step", "outside"])
def test_schedules_go_on(schedule: str, where: str) -> None:
    made: list[Any] = []

    def make() -> Any:
        m = mlp()
        o = optim.Adam(m.parameters(), 0.1)
        s = SCHEDULES[schedule](o)
        made.append(s)

        def step(x: Any, y: Any) -> Any:
            o.zero_grad()
            cost = F.cross_entropy(m(x), y)
            cost.backward()
            if where == "before the step":
                s.step()
            o.step()
            if where == "after the step":
                s.step()
            return cost

        return step, lambda: [standing(m, o)(), s.last_epoch, o.param_groups[0]["lr"]]

    check(make, BATCHES, lambda i: made[-1].step() if where == "outside" else None)


def test_gradients_of_several_batches_add_up() -> None:
    def make() -> Any:
        m = mlp()
        o = optim.SGD(m.parameters(), 0.1)

        def step(x: Any, y: Any, last: bool) -> Any:
            cost = F.cross_entropy(m(x), y) / 2
            cost.backward()
            if last:
                o.step()
                o.zero_grad()
            return cost

        return step, standing(m, o)

    check(make, [(x, y, i % 2 == 1) for i, (x, y) in enumerate(BATCHES * 2)], count=2)


@pytest.mark.parametrize("norm", [0.01, 1e6])
@pytest.mark.parametrize("how", ["norm", "largest", "value", "by hand"])
def test_gradients_are_clipped_in_the_step(how: str, norm: float) -> None:
    def clip(m: nn.Module, o: Any) -> None:
        if how == "value":
            optim.clip_grad_value_(m.parameters(), norm)
        elif how == "by hand":
            total = np.sqrt(sum((p.grad**2).sum() for p in m.parameters()))
            for p in m.parameters():
                p.grad *= np.minimum(1.0, norm / total)
        else:
            optim.clip_grad_norm_(m.parameters(), norm, 2.0 if how == "norm" else np.inf)

    check(training(extra=clip), BATCHES)


def test_the_norm_of_the_gradients_can_be_returned() -> None:
    def make() -> Any:
        w = Value([3.0, 4.0])

        def step(x: Any) -> Any:
            w.grad = None
            (w * x).sum().backward()
            return optim.clip_grad_norm_([w], 1.0)

        return step, lambda: [w.grad]

    check(make, [(np.array([3.0, 4.0]) * i,) for i in range(1, 7)])


def test_a_barrier_is_run_between_what_is_before_and_after_it() -> None:
    """A call of the host's sees the parameters as they are there, and what it changes is what follows it."""
    from microgradnet.core import modes

    def make() -> Any:
        w, v, seen = Value([1.0, 2.0]), Value([3.0, 4.0]), []

        def host() -> None:
            seen.append((w.data.copy(), w.grad.copy()))
            w.data *= 0.5
            v.data = w.data + 1
            w.grad = w.grad * 2

        def step(x: Any) -> Any:
            w.grad = None
            early = w.data
            before = early[::-1]
            (w * v * x).sum().backward()
            w.data -= 0.1 * w.grad
            kept = w.data + 0.0
            modes.barrier(host)
            w.data -= 0.1 * w.grad
            return kept, (w * v * x).sum(), w.data, v.data, before.sum() if before is None else kept.sum()

        return step, lambda: [seen, w.data, v.data, w.grad]

    check(make, [(np.array([1.0, 2.0]) + i,) for i in range(6)], count=None)


# ------------------------------------------------------------------------------------------------- what can be compiled


def test_a_product_of_some_rows_or_columns_is_the_same_to_the_last_bit(share: float) -> None:
    def products(x: Any, y: Any) -> Any:
        w = Value(np.ones((y.shape[1], 3), y.dtype))
        out = (x.T @ y) @ w + F.linear(x.T, y.T, y[0]) @ w
        out.sum().backward()
        return out, w.grad

    sizes = [(2, 2, 1), (5, 3, 1), (33, 7, 2), (8, 16, 5), (100, 40, 16)]
    tried = list(itertools.product(sizes, ("float32", "float64"), range(4)))
    rng = np.random.default_rng(1)
    for (m, k, n), dtype, layout in sample(tried, count(len(tried), share)):
        whole, y = rng.normal(size=(2 * m, 2 * k)).astype(dtype), rng.normal(size=(m, n)).astype(dtype)
        x = (whole[:m, 1 : k + 1], whole[:m, ::2], whole[::2, :k], whole[:m, :k].copy("F"))[layout]
        compiled = mg.compile(products, backend="numpy")
        for _ in range(CALLS):
            got = compiled(x, y)
        expected = products(x, y)
        np.testing.assert_array_equal(got[0].data, expected[0].data)
        np.testing.assert_array_equal(got[1], expected[1])
        assert compiled.latest is not None


OPTIONS: dict[str, Callable[[Any, float], Any]] = {
    "a number": F.leaky_relu, "another": F.celu,
    "a distance": lambda x, o: F.triplet_margin_loss(x, x * 0.5, x * 0.25, margin=o),
    "a share": lambda x, o: F.cross_entropy(x, [0, 1], label_smoothing=o),
    "a margin": lambda x, o: F.margin_ranking_loss(x, x * 0.0 + 0.1, np.ones((2, 3)), margin=o),
    "the share of a new batch": lambda x, o: F.batch_norm(x, np.zeros(3), np.ones(3), training=True, momentum=o),
}  # fmt: skip


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_that_is_an_argument_of_the_step_is_live(option: str) -> None:
    x = Value(np.array([[0.5, -1.0, 2.0], [-0.25, 0.75, -3.0]]))

    def step(o: float) -> Any:
        x.grad = None
        out = (OPTIONS[option](x, o) * 2.0).sum()
        out.backward()
        return out, x.grad

    compiled = mg.compile(step, backend="numpy")
    for o in (0.5, 0.25, 0.75, 0.125):
        got, wanted = compiled(o), step(o)
        assert [y.dtype for y in got] == [y.dtype for y in wanted]
        np.testing.assert_allclose(got[0].data, wanted[0].data, rtol=1e-12)
        np.testing.assert_allclose(got[1], wanted[1], rtol=1e-12)


@pytest.mark.parametrize(
    ("option", "wrong"), [("a share", 1.5), ("a share", -0.25), ("a distance", 0.0), ("a distance", np.inf)]
)
def test_a_live_option_that_is_none_is_refused_by_the_program_too(option: str, wrong: float) -> None:
    x = Value(np.array([[0.5, -1.0, 2.0], [-0.25, 0.75, -3.0]]))
    compiled = mg.compile(lambda o: OPTIONS[option](x, o).sum(), backend="numpy")
    for o in (0.5, 0.25, 0.75):
        compiled(o)
    with pytest.raises(ValueError, match="it is a"):
        compiled(wrong)
    assert compiled(0.25).item() == OPTIONS[option](x, 0.25).sum().item()


NORMS: dict[str, Callable[[], Any]] = {
    "the mean of all batches": lambda: nn.BatchNorm1d(2, momentum=None, dtype=np.float64),
    "of batches": lambda: nn.BatchNorm1d(2, dtype=np.float64),
    "of examples": lambda: nn.InstanceNorm1d(2, track_running_stats=True, dtype=np.float64),
}  # fmt: skip


@pytest.mark.parametrize("name", NORMS)
def test_running_numbers_are_kept_by_a_compiled_step_too(name: str) -> None:
    def run(compiled: bool) -> Any:
        norm = NORMS[name]()

        def step(x: Any) -> Any:
            return norm(x)

        call = mg.compile(step, backend="numpy") if compiled else step
        for seed in range(4):
            call(np.random.default_rng(seed).normal(seed, 2.0, size=(5, 2, 3)))
        found = [np.array(mg.core.numbers(x)) for x in (norm.running_mean, norm.running_var)]
        norm.eval()
        for by in (1.0, 2.0, 3.0, 4.0):  # what they are now
            norm.running_mean += by
            norm.running_var *= by
            found.append(mg.core.numbers(call(np.ones((1, 2, 3)))))
        return found

    for got, wanted in zip(run(True), run(False), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12)


def test_a_model_is_compiled_for_inference() -> None:
    check(lambda: ((m := mlp()).eval(), standing(m)), [(x,) for x in X])


def test_a_gradient_function_is_compiled() -> None:
    w = np.ones((5, 3), np.float32)
    f = lambda w, x, y: F.cross_entropy(x @ w, y)  # noqa: E731
    check(lambda: (mg.value_and_grad(f), list), [(w * i, x, y) for i, (x, y) in enumerate(BATCHES)])


def test_the_gradient_of_a_model_is_that_of_its_parameters_as_they_are() -> None:
    m = mlp()
    eager = mg.value_and_grad(lambda model, x, y: F.cross_entropy(model(x), y))
    compiled = mg.compile(eager, backend="numpy")  # native is equal within rounding
    for x, y in BATCHES:
        (cost, g), (other, h) = eager(m, x, y), compiled(m, x, y)
        assert same(cost, other)
        for p, q in zip(g.parameters(), h.parameters(), strict=True):
            assert same(p.data, q.data)
        for p in m.parameters():
            p.data *= 0.9


def test_the_gradient_of_a_model_is_that_of_the_model_as_it_is() -> None:
    """Even of one that nobody calls, and that is held where no program looks."""
    model = nn.Module()
    model.w, model.scale = Value([1.0, 2.0]), 2.0
    held = deque([model])
    step = mg.compile(lambda x: mg.grad(lambda m: (m.w * x * m.scale).sum())(held[0]).w.data, backend="numpy")
    for scale in (2.0, 2.0, 2.0, 3.0, 3.0):
        model.scale = scale
        assert step(np.ones(2)).tolist() == [scale, scale]


class Counter:
    """An object with a compiled method, equal to the last bit: native ones are within rounding."""

    def __init__(self) -> None:
        self.w = Value([1.0, 2.0])
        self.scale = 2.0

    @mg.compile(backend="numpy")
    def step(self, x: Any) -> Any:
        self.w.grad = None
        (self.w * x * self.scale).sum().backward()
        self.w.data -= 0.1 * self.w.grad
        return self.w.data

    def eager(self, x: Any) -> Any:
        return Counter.step.function(self, x)


def test_methods_are_compiled_for_each_object() -> None:
    a, b, c = Counter(), Counter(), Counter()
    for i in range(CALLS):
        x = np.array([1.0, -2.0]) * i
        a.scale = c.scale = 2.0 if i < 4 else 3.0
        assert same(a.step(x), c.eager(x))
        b.step(x)
    assert not same(a.w.data, b.w.data)


def test_containers_keywords_and_values_are_arguments() -> None:
    def step(batch: Any, *, scale: float, pair: tuple[Any, Any] = (1.0, 2.0)) -> Any:
        out = {"sum": (batch["x"] * scale + pair[0]).sum(), "all": [batch["x"] * batch["v"], pair[1] * scale]}
        return out, (batch["x"], 3)

    def call(f: Any, i: int) -> Any:
        batch = {"x": np.arange(3.0) * i, "v": Value(np.ones(3) * i)}
        return f(batch, scale=float(i), pair=(i * 0.5, np.float32(i)))

    compiled = mg.compile(step)
    for i in range(CALLS):
        (wanted, (a, n)), (got, (b, m)) = call(step, i), call(compiled, i)
        assert wanted.keys() == got.keys()
        assert same(wanted["sum"], got["sum"])
        assert type(got["all"]) is list
        assert all(map(same, wanted["all"], got["all"]))
        assert same(a, b)
        assert n == m == 3
    assert programs(compiled) == 1


def test_values_that_are_handed_in_are_differentiated_and_moved() -> None:
    def step(w: Any, x: Any) -> Any:
        (w * w * x).sum().backward()
        w.data -= 0.1 * w.grad
        return w.grad

    compiled = mg.compile(step)
    for i in range(CALLS):
        w, v = Value([1.0, 2.0, 3.0 + i]), Value([1.0, 2.0, 3.0 + i])
        for _ in range(2):  # the second adds to the gradient of the first
            assert same(step(w, np.arange(3.0) + i), compiled(v, np.arange(3.0) + i))
            assert same(w.data, v.data)
            assert same(w.grad, v.grad)
    assert programs(compiled) == 2


def test_one_value_handed_in_twice_is_one() -> None:
    def step(a: Any, b: Any) -> Any:
        (a * b).sum().backward()

    compiled = mg.compile(step)
    for i in range(CALLS):
        a, b, c = (Value([1.0, 2.0 + i]) for _ in range(3))
        compiled(a, a)
        compiled(b, c)
        assert same(a.grad, 2 * a.data)
        assert same(b.grad, c.data)


def test_which_of_three_values_are_one_counts() -> None:
    def step(a: Any, b: Any, c: Any) -> Any:
        (a * b * c).sum().backward()

    compiled = mg.compile(step)
    for _ in range(3):
        a, b, c, d = (Value([x]) for x in (2.0, 3.0, 5.0, 7.0))
        compiled(a, b, c)
        assert [float(x.grad[0]) for x in (a, b, c)] == [15.0, 10.0, 6.0]
        for x in (a, b, c):
            x.grad = None
        compiled(a, d, d)
        assert [float(x.grad[0]) for x in (a, d)] == [49.0, 28.0]
    assert programs(compiled) == 2


def test_floats_are_live_and_ints_are_static() -> None:
    def step(x: Any, scale: float, power: int) -> Any:
        return x**power * scale

    compiled: Any = mg.compile(step)
    for i in range(3 * CALLS):
        args = np.arange(3.0), 0.5 * i, i % 3
        assert same(step(*args), compiled(*args))
    assert programs(compiled) == 3


def test_every_shape_and_dtype_is_a_program_of_its_own() -> None:
    def step(x: Any) -> Any:
        return (w * x).sum(axis=-1)

    w = Value(np.ones(3, np.float32))
    compiled: Any = mg.compile(step)
    arrays = [
        np.ones((2, 3)),
        np.ones((4, 3)),
        np.ones((2, 3), np.float32),
        np.ones(3),
        np.asfortranarray(np.ones((2, 3))),
    ]
    for i in range(3 * len(arrays)):
        x = arrays[i % len(arrays)] * i
        x = np.asfortranarray(x) if i % len(arrays) == 4 else x
        assert same(step(x), compiled(x))
    assert programs(compiled) == len(arrays)


def test_a_different_signature_in_every_call_is_warned_about() -> None:
    compiled = mg.compile(lambda x, k: x * k)
    for k in range(16):
        with pytest.warns(UserWarning, match="whole numbers") if k == 3 else contextlib.nullcontext():
            assert compiled(np.ones(2), k)[0] == k
    oldest = next(iter(compiled.signatures))  # type: ignore[attr-defined]
    with pytest.warns(
        UserWarning, match=r"compiled for 16 signatures, the oldest is forgotten.*pass floats or arrays"
    ) as caught:
        compiled(np.ones(2), 16)
    assert caught[0].filename == __file__
    assert len(compiled.signatures) == 16  # type: ignore[attr-defined]
    assert oldest not in compiled.signatures  # type: ignore[attr-defined]


def test_whole_numbers_that_change_are_warned_of_at_the_fourth_call() -> None:
    def step(k: Any, x: Any) -> Any:
        return x * k

    def told(*calls: tuple[Any, Any]) -> list[int]:
        """The calls that warn."""
        compiled, found = mg.compile(step), []
        for i, (k, x) in enumerate(calls):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                compiled(k, x)
            if caught:
                assert re.match(
                    r"step was called with other whole numbers each time, 4 times by now\..*pass float\(k\)",
                    str(caught[0].message),
                )
                assert caught[0].filename == __file__
                found.append(i)
        return found

    x, longer = np.ones(2), np.ones(3)
    assert told(*((k, x) for k in range(9))) == [3]  # and once
    assert told(*((float(k), x) for k in range(9))) == []
    assert told(*((k // 3, x) for k in range(12))) == []  # each runs as a program
    assert told(*((k, (x, longer)[k % 2]) for k in range(8))) == []
    assert told(*((k, x) for k in (0, 1, 2)), (0.5, x), *((k, x) for k in (3, 4))) == []


def test_a_program_for_every_value_around_the_function_is_warned_about() -> None:
    held = {"scale": 0}
    compiled = mg.compile(lambda x: x * held["scale"])
    for k in range(17):
        held["scale"] = k
        assert compiled(np.ones(2))[0] == k
        if k == 16:
            oldest = next(iter(compiled.signatures.values())).programs[0]  # type: ignore[attr-defined]
            with pytest.warns(UserWarning, match="compiled 16 times for the same signature") as caught:
                compiled(np.ones(2))
            assert caught[0].filename == __file__
        for _ in range(2):
            assert compiled(np.ones(2))[0] == k
    (known,) = compiled.signatures.values()  # type: ignore[attr-defined]
    assert len(known.programs) == 16
    assert oldest not in known.programs
    assert known.recordings == []


def test_compiled_without_a_history_and_with_one() -> None:
    def step(x: Any) -> Any:
        w.grad = None
        (w * x).sum().backward()
        return w.grad

    w = Value([1.0, 2.0])
    compiled: Any = mg.compile(step)
    for i in range(CALLS):
        assert same(compiled(np.ones(2) * i), np.ones(2) * i)
        with mg.no_grad():
            assert compiled(np.ones(2) * i) is None
    assert programs(compiled) == 2


def test_no_grad_inside_the_step() -> None:
    def make() -> Any:
        w = Value([1.0, 2.0])

        def step(x: Any) -> Any:
            w.grad = None
            with mg.no_grad():
                constant = w * x
            (w * constant).sum().backward()
            return w.grad

        return step, lambda: [w.grad]

    check(make, [(np.ones(2) * i,) for i in range(CALLS)])


# ------------------------------------------------------------------------------------------------------ what comes out


def test_results_and_gradients_share_memory_with_nothing() -> None:
    w = Value(np.ones((3, 4)))

    def step(x: Any) -> Any:
        w.grad = None
        out = x @ w
        (out * out).sum().backward()
        w.data -= 0.01 * w.grad
        return [
            out,
            out.T,
            out[1:],
            out.reshape(-1),
            x,
            x.T,
            x[0],
            w.data,
            w.data.T,
            w.grad,
            w.grad[0],
            np.ones(3),
            out,
        ]

    compiled = mg.compile(step)
    seen: list[Any] = []
    for i in range(CALLS):
        x = np.arange(6.0).reshape(2, 3) + i
        results = [r.data if isinstance(r, Value) else r for r in compiled(x)]
        seen.append((results, [np.array(r) for r in results]))
        if i > 1:
            everything = [*results[:-1], x, w.data, w.grad]
            for j, a in enumerate(everything):
                for b in everything[:j]:
                    same_thing = a is b or (a is x or (b is x and False))
                    assert same_thing or not np.shares_memory(a, b) or {id(a), id(b)} <= {id(w.grad), id(results[9])}
    for results, copies in seen[2:]:
        assert all(map(np.array_equal, results, copies)), "a later call has written into the result of an earlier one"


def test_a_result_is_a_value_where_it_was_one_and_says_why_it_has_no_history() -> None:
    w = Value([1.0, 2.0])
    compiled = mg.compile(lambda x: (w * x, (w * x).data, w * x > 1, 3.0))
    for i in range(CALLS):
        value, plain, mask, number = compiled(np.ones(2) * i)
        assert type(value) is Value
        assert type(plain) is np.ndarray
        assert type(mask) is type(w > 1)
        assert number == 3.0
        with pytest.raises(RuntimeError, match=r"result of a compiled function.*value_and_grad"):
            value.sum().backward()


def test_a_compiled_function_cannot_be_differentiated_and_says_so() -> None:
    compiled = mg.compile(lambda x: (x * x).sum())
    for _ in range(CALLS):
        with pytest.raises(RuntimeError, match="result of a compiled function"):
            mg.grad(compiled)(np.arange(3.0))


# --------------------------------------------------------------------------------------------------- when it goes wrong


def test_what_cannot_be_called_is_not_compiled() -> None:
    for thing in (3.0, Value(1.0), "step"):
        with pytest.raises(TypeError, match="compile wants a function"):
            mg.compile(thing)  # type: ignore[type-var]
    with pytest.raises(TypeError, match=r"got the result of a function.*compile\(f\)\(x\)|compile\(f\)\(x\)"):
        mg.compile(Value([1.0]) * 2.0)  # type: ignore[type-var]


def test_a_backend_that_there_is_not_is_told_whereever_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = mg.compile(lambda x: x * 2.0)
    monkeypatch.setattr(mg.compile, "backend", "gpu")
    compiled(1.0)
    with pytest.raises(ValueError, match="backend"):
        compiled(1.0)


def test_a_compiled_function_has_nothing_of_another_but_its_name() -> None:
    def step(x: Any) -> Any:
        return x * 2.0

    step.note = "own"  # type: ignore[attr-defined]
    inner: Any = mg.compile(step, backend="numpy")
    outer: Any = mg.compile(inner)
    assert outer.function is inner
    assert outer.backend is None
    assert outer.signatures is not inner.signatures
    assert not hasattr(inner, "note")
    assert outer.__name__ == "step"


def test_a_result_in_a_ring_of_garbage_is_not_kept() -> None:
    def step(x: Any) -> Any:
        ring = [w * x]
        ring.append(ring)  # type: ignore[arg-type]
        return x * 2.0

    w = Value(2.0)
    compiled = mg.compile(step, backend="numpy")
    assert [compiled(1.0) for _ in range(4)] == [2.0] * 4
    assert programs(compiled) == 1


def test_a_step_that_returns_and_moves_nothing_says_so() -> None:
    with pytest.raises(Uncompilable, match="nothing to compile: it returns None"):
        mg.compile(lambda x: None)(np.ones(2))


def standing_still(f: Any, args: tuple[Any, ...], state: Callable[[], Any], error: type[BaseException]) -> None:
    before = [np.array(x) for x in state()]
    with pytest.raises(error):
        f(*args)
    assert all(map(np.array_equal, before, state())), "an error has left something behind"


@pytest.mark.parametrize("calls", [0, 1, 2, 4])
def test_an_error_in_the_middle_leaves_everything_as_it_was(calls: int) -> None:
    m = mlp()
    o = optim.Adam(m.parameters())

    @mg.compile
    def step(x: Any, y: Any) -> Any:
        o.zero_grad()
        cost = F.cross_entropy(m(x), y)
        cost.backward()
        o.step()
        return cost

    for x, y in BATCHES[:calls]:
        step(x, y)

    def state() -> list[Any]:
        return [*m.state_dict().values(), *[a for s in o.state_dict()["state"].values() for a in s.values()]]

    standing_still(step, (X[0], Y[0] + 3), state, ValueError)  # no such class
    standing_still(step, (X[0], Y[0][:4]), state, ValueError)  # fewer labels
    standing_still(step, (X[0][:, :2], Y[0]), state, ValueError)  # no such input
    for x, y in BATCHES:
        step(x, y)


def test_an_interrupt_in_a_call_of_the_hosts_leaves_everything_as_it_was() -> None:
    from microgradnet.core import modes

    w, interrupted = Value([1.0, 2.0]), [False]

    def host(x: Any) -> Any:
        if interrupted[-1]:
            raise KeyboardInterrupt
        return x * 2

    def make() -> Any:
        def step(x: Any) -> Any:
            w.grad = None
            (w * modes.host(host, x)).sum().backward()
            w.data -= 0.1 * w.grad
            return w.data

        return step

    step = mg.compile(make())
    for i in range(3):
        step(np.ones(2) * i)
    interrupted[-1] = True
    w.grad = None
    standing_still(step, (np.ones(2),), lambda: [w.data], KeyboardInterrupt)
    interrupted[-1] = False
    before = w.data.copy()
    assert same(step(np.ones(2)), before - 0.2)


def test_a_compiled_function_inside_another_is_a_part_of_it() -> None:
    inner = mg.compile(lambda x: np.tanh(x) * w, backend="numpy")

    def step(x: Any) -> Any:
        w.grad = None
        inner(x).sum().backward()
        w.data -= 0.1 * w.grad
        return inner(w.data)

    w = Value([1.0, 2.0])
    outer: Any = mg.compile(mg.compile(step), backend="numpy")
    v = np.array([1.0, 2.0])
    for i in range(CALLS):
        x = np.array([0.5, 1.0]) * i
        inner(x)
        got = outer(x)
        v = v - 0.1 * np.tanh(x)
        assert same(w.data, v)
        assert same(got, Value(np.tanh(v) * v))


def test_a_step_that_comes_back_to_itself_does_not_overwrite_its_numbers() -> None:
    from microgradnet.core import modes

    depth = [0]

    def host(x: Any) -> Any:
        if depth[0]:
            return x
        depth[0] = 1
        step(x * 3)
        depth[0] = 0
        return x

    def function(x: Any) -> Any:
        y = x * 2 + 1
        z = modes.host(host, x)
        return (y * z + 1).sum() * w

    w = Value(1.0)
    step = mg.compile(function)
    for i in range(10):
        x = np.arange(4.0) + i
        assert float(step(x).data) == ((x * 2 + 1) * x + 1).sum()


def test_debug_mode_around_a_compiled_step_finds_the_nan() -> None:
    w = Value([1.0, 0.0])
    compiled = mg.compile(lambda x: np.sqrt(w * x).sum())
    for i in range(4):
        compiled(np.ones(2) * i)
    with np.errstate(invalid="ignore"), mg.debug(), pytest.raises(FloatingPointError, match="sqrt gave nan"):
        compiled(-np.ones(2))


def test_debug_mode_inside_a_compiled_step_says_where_it_belongs() -> None:
    def step(x: Any) -> Any:
        with mg.debug():
            return (w * x).sum()

    w = Value([1.0, 2.0])
    with pytest.raises(Uncompilable, match=r"Put it around the call.*test_compile\.py"):
        mg.compile(step)(np.ones(2))


@pytest.mark.parametrize("backend", ["numpy", None])
def test_two_threads_run_one_compiled_function(backend: Any) -> None:
    w = Value(np.arange(1000.0))
    compiled = mg.compile(lambda x: np.tanh(w * x + 1) * x, backend=backend)
    wrong: list[Any] = []

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(60):
            x = rng.normal(size=1000)
            got, wanted = compiled(x).data, np.tanh(np.arange(1000.0) * x + 1) * x
            if not (np.array_equal(got, wanted) if backend else np.allclose(got, wanted, rtol=1e-14)):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_step_of_single_precision_computes_nothing_in_double() -> None:
    x, y = np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3), np.float32([[0, 1, 0], [1, 0, 0]])

    def step(x: Any, y: Any) -> Any:
        v = Value(x)
        losses = [F.binary_cross_entropy_with_logits(v, y), F.softplus(v).sum(), F.soft_margin_loss(v, y * 2 - 1)]
        losses += [F.huber_loss(v, y), F.elu(v).sum(), F.gelu(v).sum(), F.cross_entropy(v, y), F.mish(v).sum()]
        sum(losses).backward()
        return v.grad

    compiled = mg.compile(step, backend="numpy")
    for _ in range(3):
        compiled(x, y)
    kinds = {node.dtype for node in compiled.latest.program.nodes if node.shape}
    assert kinds <= {np.dtype(np.float32), np.dtype(np.bool)}


@pytest.mark.parametrize("backend", ["numpy", None])
@pytest.mark.parametrize("argument", [np.ones(3), [np.ones(3)]], ids=["an array", "a list"])
def test_a_call_waits_while_another_one_has_the_memory(backend: Any, argument: Any) -> None:
    compiled: Any = mg.compile(lambda x: ((x[0] if type(x) is list else x) * 2.0).sum(), backend=backend)
    for _ in range(4):
        compiled(argument)
    program, pauses = compiled.latest, []
    scope = (program.run if "take" in program.run.__globals__ else program.alone).__globals__

    def pause() -> None:
        pauses.append(program.turns.taken())
        if len(pauses) == 3:
            program.turns.key.append(None)  # the other one is through

    scope["pause"] = pause
    program.turns.key.pop()
    assert compiled(argument).item() == 6.0
    assert pauses == [True, True, True]
    assert not program.turns.taken()


@pytest.mark.parametrize("backend", ["numpy", None])
@pytest.mark.parametrize("argument", [np.ones(3), [np.ones(3)]], ids=["an array", "a list"])
def test_an_interrupt_just_when_a_call_begins_leaves_the_memory_to_the_next_one(backend: Any, argument: Any) -> None:
    """Python looks for interrupts after every call, that by which the memory is taken too."""
    compiled: Any = mg.compile(lambda x: ((x[0] if type(x) is list else x) * 2.0).sum(), backend=backend)
    for _ in range(4):
        compiled(argument)
    program = compiled.latest
    scopes = [f.__globals__ for f in (program.run, program.fast, getattr(program, "alone", None)) if f is not None]
    taking = [scope for scope in scopes if "take" in scope]

    def interrupted() -> None:
        program.turns.key.pop()
        raise KeyboardInterrupt

    assert taking
    for scope in taking:
        scope["take"] = interrupted
    with pytest.raises(KeyboardInterrupt):
        compiled(argument)
    assert not program.turns.taken()
    for scope in taking:
        scope["take"] = program.turns.key.pop
    assert compiled(argument).item() == 6.0


def test_what_it_is_called_and_how_it_is_shown() -> None:
    def step(x: Any) -> Any:
        """What it does."""
        return (w * x).sum()

    w = Value([1.0, 2.0], name="w")
    compiled: Any = mg.compile(step)
    assert isinstance(compiled, Compiled)
    assert (compiled.__name__, compiled.__doc__) == ("step", "What it does.")
    assert "not compiled yet" in compiled.source
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for i in range(CALLS):
            compiled(np.ones(2) * i)
    assert compiled.source.startswith("def step(x0):\n")
    assert "multiply" in compiled.source
    assert repr(compiled) == "<compiled step: 1 program>"
    assert str(compiled).startswith("# step, compiled: ")  # see test_shown.py
    assert compiled.passes[0].startswith("recorded")
    assert not [line for line in compiled.passes if " 0 " in line]  # what did nothing is not said


# ------------------------------------------------------------------------------------- what Python calls by itself


class Scaled:
    """Computes with a global in what Python calls without its name being in the code."""

    def __init__(self) -> None:
        self.made_with = FACTOR

    def __call__(self, x: Any) -> Any:
        return x * FACTOR

    def __matmul__(self, x: Any) -> Any:
        return x * FACTOR

    def __getitem__(self, i: int) -> float:
        return FACTOR


FACTOR = 2.0
SPECIAL: dict[str, Callable[[Scaled, Any], Any]] = {
    "__call__": lambda scaled, x: scaled(x),
    "__matmul__": lambda scaled, x: scaled @ x,
    "__getitem__": lambda scaled, x: scaled[0] * x,
    "__init__": lambda scaled, x: Scaled().made_with * x,
}


@pytest.mark.parametrize("method", SPECIAL)
def test_a_global_in_a_special_method_is_compared(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scaled, way, w = Scaled(), SPECIAL[method], Value(3.0)
    step = mg.compile(lambda x: way(scaled, x) * w)
    assert [float(step(1.0)) for _ in range(3)] == [6.0] * 3
    monkeypatch.setitem(globals(), "FACTOR", 5.0)
    assert float(step(1.0)) == 15.0


def test_a_clock_late_in_a_long_step_is_found() -> None:
    w = Value(1.0)
    tell = print

    def step(x: float) -> Any:
        y = w * x
        for _ in range(6000):
            y = y * 0.5 + 1.0
        tell(time.perf_counter())
        return y

    with pytest.raises(Uncompilable, match="in a compiled step"):
        mg.compile(step)(1.0)
    assert sys.getprofile() is None


def test_a_rule_of_our_own_is_not_watched_and_one_of_the_users_is(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, bool]] = []
    pull = rules.pull

    def looked(tape: Any, value: Value, *args: Any) -> None:
        seen.append((value.op.name, sys.getprofile() is None))  # type: ignore[union-attr]
        pull(tape, value, *args)

    monkeypatch.setattr(rules, "pull", looked)
    double = mg.primitive(lambda g, out, x: g * 2.0)(lambda x: x * 2.0)

    def step(x: float) -> Any:
        v = Value(x)
        (double(np.exp(v)) * 3.0).backward()
        return v.grad

    mg.compile(step, backend="numpy")(1.0)
    assert [quiet for _, quiet in seen] == [True, False, True]


SAYS = print
USES: list[tuple[Callable[..., Any], bool]] = [
    (lambda x: time.perf_counter(), True), (lambda x: print(x), True), (lambda x: SAYS(x), True),
    (lambda x: x.info("a line"), True), (lambda x: x.write("a line"), True), (lambda x: np.exp(x) + len(x), False),
]  # fmt: skip


@pytest.mark.parametrize(("function", "does"), USES)
def test_whether_a_function_may_read_a_clock_is_seen_by_its_names(function: Any, does: bool) -> None:
    assert Surroundings(function, []).uses(impure.INSTEAD, impure.NAMES) is does


@pytest.mark.parametrize("uses", [False, True])
def test_calls_are_noticed_as_long_as_there_are_few_or_something_may_be_found(
    uses: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(impure, "MANY", 3)
    around: Any = types.SimpleNamespace(uses=lambda functions, names: uses, yielding=dict)
    nodes: list[Any] = [1, 2, 3]
    with Mode(TAPE, around), impure.noticed(around, nodes):
        call = sys.getprofile()
        assert call is not None
        around.uses(0, 0)
        assert sys.getprofile() is call
        with impure.unnoticed():
            assert sys.getprofile() is None
            with impure.unnoticed():
                assert sys.getprofile() is None
        assert sys.getprofile() is call
        nodes.append(4)
        around.uses(0, 0)
        assert sys.getprofile() is (call if uses else None)
    assert sys.getprofile() is None
    sys.setprofile(call)  # as an interrupt leaves it that comes just where the block ends
    around.uses(0, 0)
    assert sys.getprofile() is None


def test_what_is_written_is_refused_into_a_file_only(tmp_path: Any) -> None:
    with mmap.mmap(-1, 64) as memory, open(tmp_path / "log", "w") as file:
        step = mg.compile(lambda x: (memory.write(b"a"), x * 2.0)[1], backend="numpy")
        assert [step(1.0) for _ in range(3)] == [2.0] * 3
        with pytest.raises(Uncompilable, match=r"^write\(\) in a compiled step: .*Return what is to be written"):
            mg.compile(lambda x: (file.write("a"), x * 2.0)[1])(1.0)
        assert sys.getprofile() is None


def test_what_a_library_writes_into_memory_of_its_own_is_not_refused() -> None:
    step: Any = mg.compile(lambda x: x * float(len(pprint.pformat([1, 2]))), backend="numpy")
    assert [step(1.0) for _ in range(3)] == [6.0] * 3


def test_a_print_whose_error_is_caught_is_an_error() -> None:
    def step(x: Any) -> Any:
        with contextlib.suppress(TypeError):
            print(x.shape)
        return x * 2.0

    with pytest.raises(Uncompilable, match=r"^print\(\) in a compiled step"):
        mg.compile(step)(np.ones(2))


def test_the_collector_rests_while_a_step_is_recorded() -> None:
    def step(x: Any) -> Any:
        raise RuntimeError(f"it works: {gc.isenabled()}")

    with pytest.raises(RuntimeError, match="it works: False"):
        mg.compile(step)(1.0)
    assert gc.isenabled()


class Pair(NamedTuple):
    """What a program does not make: it is put together of its results."""

    first: Any
    second: int


@pytest.mark.parametrize(("args", "taking"), [
    ((np.ones(2), 0.5), 2), ((np.ones(2),), 1), ((0.5, 0.5, 0.5), 3), ((), 0), ((np.ones(2), 1), -1),
    ((np.float32(1),), -1), ((Value([1.0]),), -1), (([np.ones(2)],), -1), (({"x": 0.5},), -1), ((np.ones(2), None), -1),
])  # fmt: skip
def test_a_program_is_tried_at_once_where_it_checks_its_arguments(args: Any, taking: int) -> None:
    w = Value(2.0)
    compiled: Any = mg.compile(lambda *given: w * 3.0, backend="numpy")
    as_it_is: Any = mg.compile(lambda *given: Pair(w * 3.0, 1), backend="numpy")
    for _ in range(4):
        assert compiled(*args).item() == as_it_is(*args).first.item() == 6.0
    assert compiled.taking == taking
    assert (compiled.fast is None) == (taking < 0)
    assert as_it_is.taking == -1


def test_what_is_kept_of_arguments_is_what_is_no_number() -> None:
    thing = object()
    given = [{"a": (thing, 1.0, 2, "text", None, True), "b": [np.ones(1), np.float32(1)]}, Value(1.0), len]
    assert objects_in(given) == [thing, len]


def test_a_keyword_more_is_not_left_out() -> None:
    compiled: Any = mg.compile(lambda x, k=2.0: x * k, backend="numpy")
    for k in (2.0, 3.0, 4.0, 5.0):
        for _ in range(3):
            assert compiled(np.ones(1))[0] == 2.0
        assert compiled.taking == 1
        for _ in range(3):
            assert compiled(np.ones(1), k=k)[0] == k
        assert compiled.taking == -1
    assert repr(compiled) == "<compiled step: 2 programs>"


def test_what_records_otherwise_in_every_call_is_refused_in_the_fifth() -> None:
    held = {"scale": 0.0}
    compiled: Any = mg.compile(lambda x: x * held["scale"])
    for k in range(4):
        held["scale"] = float(k)
        assert compiled(np.ones(1))[0] == k
        assert repr(compiled) == "<compiled step: 0 programs>"
    held["scale"] = 4.0
    with pytest.raises(Uncompilable, match=r"in each of 5 calls.*held\['scale'\] = 3\.0, and then 4\.0"):
        compiled(np.ones(1))
    for _ in range(3):  # and begins anew
        assert compiled(np.ones(1))[0] == 4.0
    assert repr(compiled) == "<compiled step: 1 program>"


def test_a_mask_of_other_counts_is_named_by_its_shapes() -> None:
    compiled = mg.compile(lambda x, y: x[y > 0].sum())
    x = np.ones(8)
    for n in range(4):
        compiled(x, np.arange(8.0) - n)
    with pytest.raises(Uncompilable, match=r"of shape \(4,\), and then of shape \(3,\): each .*np\.where\(mask, x"):
        compiled(x, np.arange(8.0) - 4)


def test_a_layer_that_is_made_in_the_step_is_named() -> None:
    def step(x: Any) -> Any:
        return nn.Linear(3, 2, seed=0)(x).sum()

    compiled = mg.compile(step)
    for _ in range(4):
        compiled(np.ones((4, 3)))
    with pytest.raises(Uncompilable, match=r"one Linear, and then another one: make it once, outside of the step"):
        compiled(np.ones((4, 3)))


def test_the_collector_works_after_a_recording_as_before() -> None:
    w = Value(1.0)
    mg.compile(lambda x: w * x)(1.0)
    assert gc.isenabled()
    gc.disable()
    try:
        mg.compile(lambda x: w * x)(1.0)
        assert not gc.isenabled()
    finally:
        gc.enable()


# ------------------------------------------------------------------------------------------------ the order of axes

THROUGH = {
    "transposed": lambda w, r: np.tanh(w.T @ r(37, 11)).sum(), "with itself": lambda w, r: np.tanh(w.T @ w).sum(),
    "backwards": lambda w, r: (np.tanh(w.T[::-1]) * r(53, 37)).sum(), "one element": lambda w, r: (w.T * 2.0).sum(),
    "reshaped": lambda w, r: (np.tanh(w.T.reshape(37, 53)) * r(37, 53)).sum(),
    "swapped": lambda w, r: (np.tanh(w.reshape(37, 53, 1).swapaxes(0, 2)) * r(1, 53, 37)).sum(),
    "a part": lambda w, r: (np.tanh(w[3:20, ::2].T) * r(27, 17)).sum(),
    "twice": lambda w, r: np.tanh(w.T @ r(37, 11)).sum() + np.tanh(w @ r(53, 7)).sum(),
    "einsum": lambda w, r: (np.einsum("ij,kj->ki", w, r(5, 53)) ** 2).sum(),
}  # fmt: skip
LOOKED_AT = {
    "norm": lambda w: optim.clip_grad_norm_([w], 0.5), "sum": lambda w: w.grad.sum(), "var": lambda w: w.grad.var(),
    "sums": lambda w: (w.grad.sum(axis=0) ** 2).sum() + (w.grad.sum(axis=1) ** 2).sum(),
    "product": lambda w: (w.grad.T @ w.grad).sum(),
}  # fmt: skip


@pytest.mark.parametrize("through", THROUGH)
@pytest.mark.parametrize("order", ["C", "F"])
def test_gradients_lie_in_memory_as_eager_steps_leave_them(through: str, order: Any) -> None:
    """In the order of axes sums add up: a step that looks at its gradients has other last digits otherwise."""
    rng = np.random.default_rng(0)
    numbers = {}

    def r(*shape: int) -> np.ndarray:
        if shape not in numbers:
            numbers[shape] = rng.normal(size=shape).astype(np.float32)
        return numbers[shape]

    start = np.asarray(np.random.default_rng(1).normal(size=(37, 53)).astype(np.float32), order=order)
    for name, look in LOOKED_AT.items():
        found = []
        for compiled in (False, True):
            w = Value(start.copy("K"))
            optimiser = optim.SGD([w], lr=0.01, momentum=0.9)

            def step(scale: float, w: Any = w, optimiser: Any = optimiser, look: Any = look) -> Any:
                optimiser.zero_grad()
                cost = THROUGH[through](w, r) * scale
                cost.backward()
                seen = look(w)
                optimiser.step()
                return cost, seen

            run = mg.compile(step, backend="numpy") if compiled else step
            for scale in (1.0, 2.0, 3.0, 4.0):
                cost, seen = run(scale)
                arrays = [(x.strides, x.tobytes()) for x in (w.data, w.grad)]
                found.append((float(cost), float(seen), float(w.grad.sum()), arrays))
        assert found[4:] == found[:4], name


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("turned", [False, True])
def test_gradients_with_memory_of_their_own_or_in_common_lie_as_eager_ones(shared: bool, turned: bool) -> None:
    rng = np.random.default_rng(0)
    values = [Value(rng.normal(size=(40, 30, 7)).astype(np.float32)) for _ in range(2)]
    weights = rng.normal(size=(30, 40, 7)).astype(np.float32).swapaxes(0, 1)
    weights, s = weights if turned else weights.copy(), np.float32(2)

    def step(s: Any) -> Any:
        for v in values:
            v.grad = None
        m = (values[0] + values[1] if shared else values[0]) * s
        through = (m * s).swapaxes(0, 1).reshape(-1, 7).reshape(30, 40, 7).swapaxes(0, 1)
        cost = (np.tanh(through) * weights).sum()
        cost.backward()
        return cost, m.grad.sum(), m.grad, *[v.grad.sum() for v in values[: 1 + shared]]

    def seen(result: Any) -> list[Any]:
        cost, total, gradient, *totals = result
        arrays = [gradient, *(v.grad for v in values if v.grad is not None)]
        return [*map(float, (cost, total, *totals)), *[(x.strides, x.tobytes(), float(x.sum())) for x in arrays]]

    eager, run = seen(step(s)), mg.compile(step, backend="numpy")
    for _ in range(4):
        assert seen(run(s)) == eager
