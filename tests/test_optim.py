"""Optimisers: the formulas, what they may move, their state; schedules; clipping; all of it beside PyTorch."""

from __future__ import annotations

import copy
import itertools
import math
import pickle
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgradnet.functional as F
from microgradnet import Value, nn, optim
from microgradnet.core import NO_PARAMS, NonDiff, new_value
from microgradnet.optim import (
    SGD,
    Adagrad,
    Adam,
    AdamW,
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    Lion,
    LRScheduler,
    MultiStepLR,
    NAdam,
    OneCycleLR,
    Optimizer,
    RAdam,
    RMSprop,
    SequentialLR,
    StepLR,
    clip_grad_norm_,
    clip_grad_value_,
    pieces,
)
from microgradnet.words import describe
from tests.samples import SEED, count, sample

W = Value(1.0)

VARIANTS: list[tuple[type[Optimizer], dict[str, Any]]] = [
    (SGD, {"lr": 0.1}),
    (SGD, {"lr": 0.003, "weight_decay": 0.3, "maximize": True}),
    (SGD, {"lr": 0.1, "momentum": 0.9}),
    (SGD, {"lr": 0.1, "momentum": 0.8, "dampening": 0.4, "weight_decay": 0.2}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    (SGD, {"lr": 0.003, "momentum": 0.9, "maximize": True}),
    (Adagrad, {}),
    (Adagrad, {"lr": 0.3, "lr_decay": 0.2, "initial_accumulator_value": 0.5, "eps": 1e-3, "weight_decay": 0.1}),
    (Adagrad, {"lr": 0.3, "maximize": True}),
    (RMSprop, {}),
    (RMSprop, {"alpha": 0.6, "eps": 1e-3, "weight_decay": 0.2}),
    (RMSprop, {"centered": True, "alpha": 0.9}),
    (RMSprop, {"momentum": 0.7, "maximize": True}),
    (RMSprop, {"momentum": 0.7, "centered": True, "weight_decay": 0.1, "alpha": 0.8}),
    (Adam, {}),
    (Adam, {"lr": 0.05, "betas": (0.7, 0.9), "eps": 1e-3, "weight_decay": 0.1}),
    (Adam, {"lr": 0.05, "amsgrad": True, "betas": (0.8, 0.6)}),
    (Adam, {"lr": 0.05, "maximize": True}),
    (AdamW, {}),
    (AdamW, {"lr": 0.05, "weight_decay": 0.3, "betas": (0.7, 0.9)}),
    (AdamW, {"lr": 0.05, "amsgrad": True, "betas": (0.8, 0.6), "maximize": True}),
    (NAdam, {}),
    (NAdam, {"lr": 0.05, "betas": (0.7, 0.9), "eps": 1e-3, "weight_decay": 0.1, "momentum_decay": 0.1}),
    (NAdam, {"lr": 0.05, "weight_decay": 0.3, "decoupled_weight_decay": True, "maximize": True}),
    (RAdam, {}),
    (RAdam, {"lr": 0.05, "betas": (0.7, 0.9), "eps": 1e-3, "weight_decay": 0.1}),
    (RAdam, {"lr": 0.05, "weight_decay": 0.3, "decoupled_weight_decay": True, "maximize": True}),
    (Lion, {"lr": 0.01}),
    (Lion, {"lr": 0.01, "betas": (0.6, 0.8), "weight_decay": 0.5, "maximize": True}),
]
IDS = [f"{cls.__name__}({', '.join(f'{k}={v}' for k, v in options.items())})" for cls, options in VARIANTS]
EVERY = pytest.mark.parametrize(("cls", "options"), VARIANTS, ids=IDS)


def the_number(x: Any) -> bytes:
    return np.asarray(x).tobytes()


def parameters(dtype: Any = np.float64, shapes: Any = ((3, 2), (3,), (), (0, 2), (4,))) -> list[Value]:
    rng = np.random.default_rng(0)
    return [Value(rng.normal(size=shape).astype(dtype)) for shape in shapes]


def give_gradients(values: list[Value], t: int, missing: Callable[[int, int], bool] = lambda t, i: False) -> None:
    """Gradients that depend on where the parameters are and on the step; none where `missing(t, i)`."""
    for i, p in enumerate(values):
        noise = np.sin(7.0 * np.arange(1, p.size + 1) * (t + 1) + i).reshape(p.shape).astype(p.dtype)
        p.grad = None if missing(t, i) else np.sin(3 * p.data) + noise


# ------------------------------------------------------------------------------------------------------ the formulas


def by_hand(cls: type[Optimizer], o: dict[str, Any], w: float, gradients: list[float]) -> list[float]:
    """Where one number goes, in Python's floats, as the papers say it."""
    lr, decay, path = o["lr"], o["weight_decay"], []
    b = s = m = v = peak = 0.0
    for t, g in enumerate(gradients, 1):
        g = -g if o["maximize"] else g
        if cls not in (AdamW, Lion) and not o.get("decoupled_weight_decay"):
            g = g + decay * w
        else:
            w = w * (1 - lr * decay)
        if cls is SGD:
            b = g if t == 1 else o["momentum"] * b + (1 - o["dampening"]) * g
            w = w - lr * ((g + o["momentum"] * b) if o["nesterov"] else b if o["momentum"] else g)
        elif cls is Adagrad:
            s = (s if t > 1 else o["initial_accumulator_value"]) + g**2
            w = w - lr / (1 + (t - 1) * o["lr_decay"]) * g / (math.sqrt(s) + o["eps"])
        elif cls is RMSprop:
            v = o["alpha"] * v + (1 - o["alpha"]) * g**2
            m = o["alpha"] * m + (1 - o["alpha"]) * g
            d = g / (math.sqrt(v - m**2 if o["centered"] else v) + o["eps"])
            b = o["momentum"] * b + d
            w = w - lr * b
        elif cls in (Adam, AdamW):
            beta1, beta2 = o["betas"]
            m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
            peak = max(peak, v)
            m_hat, v_hat = m / (1 - beta1**t), (peak if o["amsgrad"] else v) / (1 - beta2**t)
            w = w - lr * m_hat / (math.sqrt(v_hat) + o["eps"])
        elif cls is NAdam:
            beta1, beta2 = o["betas"]
            mu, ahead = (beta1 * (1 - 0.5 * 0.96 ** (i * o["momentum_decay"])) for i in (t, t + 1))
            peak = (peak or 1.0) * mu  # the product of all
            m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
            d = (1 - mu) * g / (1 - peak) + ahead * m / (1 - peak * ahead)
            w = w - lr * d / (math.sqrt(v / (1 - beta2**t)) + o["eps"])
        elif cls is RAdam:
            beta1, beta2 = o["betas"]
            m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
            longest = 2 / (1 - beta2) - 1
            rho, d = longest - 2 * t * beta2**t / (1 - beta2**t), m / (1 - beta1**t)
            if rho > 5:
                r = (rho - 4) * (rho - 2) * longest / ((longest - 4) * (longest - 2) * rho)
                d *= math.sqrt(r * (1 - beta2**t)) / (math.sqrt(v) + o["eps"])
            w = w - lr * d
        else:
            beta1, beta2 = o["betas"]
            w = w - lr * math.copysign(1, beta1 * m + (1 - beta1) * g)
            m = beta2 * m + (1 - beta2) * g
        path.append(w)
    return path


@EVERY
def test_a_step_is_the_formula_in_the_paper(cls: type[Optimizer], options: dict[str, Any]) -> None:
    rng = np.random.default_rng(1)
    start, gradients = rng.normal(size=(2, 3)), rng.normal(size=(12, 2, 3))
    w, scalar = Value(start), Value(start[0, 0])
    optimiser = cls([w, scalar], **options)
    path = []
    for g in gradients:
        w.grad, scalar.grad = g.copy(), g[0, 0]
        optimiser.step()
        path.append(w.data.copy())
        np.testing.assert_array_equal(scalar.data, w.data[0, 0])
        np.testing.assert_array_equal(w.grad, g)  # not written to
    for index in np.ndindex(2, 3):
        expected = by_hand(cls, optimiser.param_groups[0], start[index], list(gradients[:, *index]))
        np.testing.assert_allclose([at[index] for at in path], expected, rtol=1e-12, atol=1e-14)


def test_a_step_takes_the_numbers_of_a_recorded_gradient() -> None:
    for cls, options in VARIANTS:
        w, x, plain, also = (Value([1.0, 2.0]), Value(3.0), Value([1.0, 2.0]), Value(3.0))
        ((w * w).sum() + x * x).backward(create_graph=True)
        assert isinstance(w.grad, Value)
        ((plain * plain).sum() + also * also).backward()
        cls([w, x], **options).step()
        cls([plain, also], **options).step()
        np.testing.assert_array_equal(w.data, plain.data)
        np.testing.assert_array_equal(x.data, also.data)


@EVERY
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_precision_is_kept_and_parameters_move_in_place(cls: Any, options: dict[str, Any], dtype: Any) -> None:
    values = parameters(dtype)
    optimiser, arrays = cls(values, **options), [p.data for p in values]
    for t in range(3):
        give_gradients(values, t)
        optimiser.step()
    for p, array in zip(values, arrays, strict=True):
        assert p.dtype == dtype
        assert p.ndim == 0 or p.data is array
        assert type(p.data) is type(array)
    for state in optimiser.state_dict()["state"].values():
        kept = np.float32 if dtype is np.float16 else dtype  # in which float16 numbers are added up
        assert {x.dtype for name, x in state.items() if name != "step"} <= {np.dtype(kept)}


def test_parameters_of_two_dtypes_go_side_by_side() -> None:
    narrow, wide = parameters(np.float32), parameters(np.float64)
    mixed = [*parameters(np.float32), *parameters(np.float64)]
    optimisers = [Adam(values) for values in (narrow, wide, mixed)]
    for t in range(3):
        for values in (narrow, wide, mixed[:5], mixed[5:]):
            give_gradients(values, t)
        for optimiser in optimisers:
            optimiser.step()
    for p, q in zip(mixed, [*narrow, *wide], strict=True):
        assert p.dtype == q.dtype
        np.testing.assert_array_equal(p.data, q.data)


def test_a_step_between_use_and_backward_is_noticed() -> None:
    for cls, options in VARIANTS:
        values = parameters()
        cost = sum((p * p).sum() for p in values)
        give_gradients(values, 0)
        cls(values, **options).step()
        with pytest.raises(RuntimeError, match="backward"):
            cost.backward()


def test_a_gradient_that_hardly_changes_has_no_negative_variance() -> None:
    w = Value(np.full(50, 0.1))
    optimiser = RMSprop([w], alpha=0.5, centered=True)
    for _ in range(200):
        w.grad = np.linspace(0.1, 0.3, 50)
        optimiser.step()
    assert np.isfinite(w.data).all()


# ------------------------------------------------------------------------------------------- one step for many, or each


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "LONGEST", 0)


def trained(cls: type[Optimizer], options: dict[str, Any], values: list[Value], missing: Any, steps: int = 5) -> bytes:
    optimiser = cls(values, **options)
    for t in range(steps):
        give_gradients(values, t, missing)
        optimiser.step()
    state = optimiser.state_dict()["state"]
    arrays = [x for part in state.values() for x in part.values()]
    return b"".join(map(the_number, [*[p.data for p in values], *arrays]))


@given(
    st.lists(st.lists(st.integers(0, 4), max_size=3).map(tuple), min_size=2, max_size=6),
    st.sampled_from(VARIANTS),
    st.sampled_from([np.float32, np.float64]),
    st.sets(st.tuples(st.integers(0, 4), st.integers(0, 5)), max_size=4),
    st.integers(1, 60),
)
@settings(max_examples=150)
def test_joined_parameters_move_as_each_alone_does(
    shapes: list[Any], variant: Any, dtype: Any, absent: set[Any], longest: int
) -> None:
    results = []
    for limit in (0, longest, 65536):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pieces, "LONGEST", limit)
            results.append(trained(*variant, parameters(dtype, shapes), lambda t, i: (t, i) in absent))
    assert results[0] == results[1] == results[2]


def test_the_joined_path_is_taken_where_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    formula = Adam.direction
    monkeypatch.setattr(Adam, "direction", lambda self, g, *a: calls.append(np.size(g)) or formula(self, g, *a))
    values = parameters()
    optimiser = Adam(values)
    give_gradients(values, 0)
    optimiser.step()
    assert calls == [14]
    give_gradients(values, 1, lambda t, i: i == 2)
    optimiser.step()
    assert calls[1:] == [6, 3, 0, 4]
    give_gradients(values, 2)
    optimiser.step()  # one has been moved less often than the others: each has a count of its own
    assert calls[5:] == [6, 3, 1, 0, 4]


def test_layouts_of_memory_do_not_matter() -> None:
    for cls, options in VARIANTS:
        plain, turned = parameters(), [Value(np.asfortranarray(p.data)) for p in parameters()]
        for values in (plain, turned):
            optimiser = cls(values, **options)
            for t in range(3):
                give_gradients(values, t)
                values[0].grad = values[0].grad.T.copy().T
                optimiser.step()
        for p, q in zip(plain, turned, strict=True):
            np.testing.assert_array_equal(p.data, q.data)


@EVERY
def test_a_parameter_without_gradient_stays_and_its_count_too(cls: Any, options: dict[str, Any]) -> None:
    together, single = parameters(), parameters()
    optimiser, own = cls(together, **options), [cls([p], **options) for p in single]
    missing = lambda t, i: (t + i) % 3 == 0  # noqa: E731
    for t in range(7):
        give_gradients(together, t, missing)
        give_gradients(single, t, missing)
        before = [p.data.copy() for p in together]
        optimiser.step()
        for i, (p, q, alone) in enumerate(zip(together, single, own, strict=True)):
            if missing(t, i):
                np.testing.assert_array_equal(p.data, before[i])
            else:
                alone.step()
            np.testing.assert_array_equal(p.data, q.data)


def test_training_twice_gives_the_same_bits() -> None:
    def run(cls: Any, options: dict[str, Any]) -> bytes:
        model = nn.MLP(5, [7, 3], activation=F.sigmoid, seed=2)
        optimiser, rng = cls(model.parameters(), **options), np.random.default_rng(0)
        for _ in range(20):
            optimiser.zero_grad()
            F.quadratic_cost(model(rng.random((4, 5), np.float32)), rng.random((4, 3), np.float32)).backward()
            optimiser.step()
        return b"".join(p.data.tobytes() for p in model.parameters())

    for cls, options in VARIANTS:
        assert run(cls, options) == run(cls, options)


@pytest.mark.parametrize(
    ("cls", "options"),
    [
        (SGD, {"lr": 1.0}),
        (SGD, {"lr": 0.3, "momentum": 0.9, "nesterov": True}),
        (Adagrad, {"lr": 0.3}),
        (RMSprop, {"lr": 0.01}),
        (Adam, {"lr": 0.05}),
        (AdamW, {"lr": 0.05}),
        (NAdam, {"lr": 0.05}),
        (RAdam, {"lr": 0.05}),
        (Lion, {"lr": 0.01}),
    ],
)
def test_descent_learns_xor(cls: Any, options: dict[str, Any]) -> None:
    x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32), np.array([[0], [1], [1], [0]], np.float32)
    model = nn.MLP(2, [8, 1], activation=np.tanh, final_activation=F.sigmoid, seed=0)
    optimiser = cls(model.parameters(), **options)
    for _ in range(500):
        optimiser.zero_grad()
        F.quadratic_cost(model(x), y).backward(release=True)
        optimiser.step()
    assert (np.abs(model(x).data - y) < 0.2).all()


def test_zero_grad_forgets_the_gradients() -> None:
    values = parameters()
    optimiser = Adam(values)
    give_gradients(values, 0)
    optimiser.zero_grad()
    assert all(p.grad is None for p in values)
    before = [p.data.copy() for p in values]
    told = re.escape(f"{describe(values[0])} for example")
    with pytest.warns(RuntimeWarning, match=rf"^Adam\.step\(\) moved nothing: no parameter has a gradient, {told}"):
        optimiser.step()
    for p, old in zip(values, before, strict=True):
        np.testing.assert_array_equal(p.data, old)
    assert optimiser.state_dict()["state"] == {}


@pytest.mark.parametrize("cls", [SGD, Adam])
def test_a_first_step_without_any_gradient_is_warned_of_once(cls: Any) -> None:
    model = nn.Linear(2, 1, seed=0)
    optimiser = cls(model.parameters(), lr=0.1)
    with pytest.warns(RuntimeWarning, match=rf"^{cls.__name__}\.step\(\).*shape \(1, 2\).*backward\(\)") as caught:
        optimiser.step()
    assert caught[0].filename == __file__
    optimiser.step()  # and not again
    assert optimiser.state_dict()["state"] == {}


def test_steps_that_are_right_are_not_warned_of() -> None:
    """Some gradients, frozen parameters, steps after others, none under way: warnings are errors here."""
    layer, other = nn.Linear(2, 1, seed=0), nn.Linear(2, 1, seed=1)
    optimiser = SGD([*layer.parameters(), *other.parameters()], lr=0.1)
    for _ in range(2):  # accumulated
        layer(np.ones((3, 2), np.float32)).sum().backward()
    optimiser.step()
    optimiser.zero_grad()
    optimiser.step()
    frozen = nn.Linear(2, 1, seed=0)
    still = SGD(frozen.parameters(), lr=0.1)
    frozen.freeze()
    still.step()
    w = Value([1.0, 2.0])
    searching = optim.LBFGS([w])  # whose gradients come in the step

    def closure() -> Value:
        searching.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    searching.step(closure)


# ----------------------------------------------------------------------------------------------- what may be optimised


@pytest.mark.parametrize("cls", [SGD, Adagrad, RMSprop, Adam, AdamW, NAdam, RAdam, Lion])
@pytest.mark.parametrize(
    ("params", "lr", "error", "says"),
    [
        (nn.Linear(1, 1, seed=0), 0.1, TypeError, r"model\.parameters\(\)"),
        ([], 0.1, ValueError, "no parameters"),
        ([np.ones(2)], 0.1, TypeError, "a parameter is a Value"),
        ([Value(1.0) * 2], 0.1, TypeError, "was computed"),
        ([W, W], 0.1, ValueError, "twice"),
        ([{"params": [W]}, {"params": [W]}], 0.1, ValueError, "twice"),
        (nn.Linear(1, 1, seed=0).parameters, 0.1, TypeError, r"model\.parameters\(\)"),
        ([Value(1.0)], "0.1", ValueError, "lr='0.1'"),
        ([Value(1.0)], 0.0, ValueError, "lr=0.0"),
        ([Value(1.0)], -1, ValueError, "lr=-1"),
        ([Value(1.0)], True, ValueError, "lr=True"),
        ([Value(1.0)], None, ValueError, "lr=None"),
        ([Value(1.0)], float("nan"), ValueError, "positive number"),
        ([{"params": []}], 0.1, ValueError, "group 0: there are no parameters"),
        ([], 0.1, ValueError, r"A parameter is a Value of numbers, .*: a Value that was computed is none"),
        ([{"params": W}], 0.1, TypeError, 'group 0: "params" is a list'),
        ([{"params": [W]}, [Value(1.0)]], 0.1, TypeError, "group 1: a group is a dict"),
        ([{"lr": 0.1}], 0.1, TypeError, "group 0: a group is a dict"),
        ([{"params": [W], "lr": 0}], 0.1, ValueError, "group 0: lr=0"),
        ([{"params": [W], "rate": 1}], 0.1, ValueError, "no option 'rate'; it has .*lr"),
        ([{"params": [W], "weight_decay": "much"}], 0.1, ValueError, "group 0: weight_decay='much'"),
        ([new_value(NonDiff, np.ones(2), None, (), NO_PARAMS)], 0.1, ValueError, "frozen"),
    ],
)  # fmt: skip
def test_what_cannot_be_optimised_is_refused(cls: Any, params: Any, lr: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=says):
        cls(params, lr)


@pytest.mark.parametrize(
    ("cls", "options", "says"),
    [
        (SGD, {"lr": 0.1, "momentum": 9}, "momentum=9: the share"),
        (SGD, {"lr": 0.1, "nesterov": True}, "takes a momentum"),
        (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "dampening": 0.1}, "no dampening"),
        (SGD, {"lr": 0.1, "nesterov": 1}, "nesterov=1: this is a switch"),
        (SGD, {"lr": 0.1, "weight_decay": -1}, "weight_decay=-1"),
        (Adagrad, {"lr_decay": math.inf}, "lr_decay=inf"),
        (Adagrad, {"initial_accumulator_value": -1}, "initial_accumulator_value=-1"),
        (RMSprop, {"alpha": 1.1}, "alpha=1.1"),
        (Adam, {"betas": 0.9}, r"betas=0.9: .*\(0\.9, 0\.999\)"),
        (Adam, {"betas": (0.9, 1.0)}, r"betas=\(0\.9, 1\.0\)"),
        (Adam, {"eps": -1e-8}, "eps=-1e-08"),
        (Adam, {"eps": np.ones(2)}, "eps=array"),
        (AdamW, {"amsgrad": "yes"}, "amsgrad='yes'"),
        (Lion, {"betas": (0.9, 0.99, 0.999)}, "betas="),
    ],
)
def test_an_option_that_cannot_be_is_refused(cls: Any, options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        cls([Value(1.0)], **options)
    groups = [{"params": [Value(1.0)]}, {"params": [Value(1.0)], **options}]
    with pytest.raises(ValueError, match=f"group 1: .*{says}|{says}"):
        cls(groups, lr=0.1)


def test_a_group_has_options_of_its_own() -> None:
    x, y = Value([1.0]), Value([1.0])
    optimiser = Adam([{"params": [x], "lr": 0.5}, {"params": iter([y]), "betas": [0.5, 0.5]}], lr=0.01)
    assert [g["lr"] for g in optimiser.param_groups] == [0.5, 0.01]
    assert [g["betas"] for g in optimiser.param_groups] == [(0.9, 0.999), (0.5, 0.5)]
    x.grad, y.grad = np.array([2.0]), np.array([2.0])
    optimiser.step()
    np.testing.assert_allclose([x.data, y.data], [[0.5], [0.99]])
    optimiser.param_groups[1]["lr"] = np.float64(0.1)
    optimiser.step()
    np.testing.assert_allclose([x.data, y.data], [[0.0], [0.89]], atol=1e-7)
    assert type(optimiser.param_groups[1]["lr"]) is float


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda groups: groups[1].update(lr=-1), "group 1: lr=-1"),
        (lambda groups: groups[1].update(lr=math.nan), "group 1: lr=nan"),
        (lambda groups: groups[1].update(learning_rate=1), "no option 'learning_rate'"),
        (lambda groups: groups[1].pop("betas"), "group 1 has lost its option 'betas'"),
        (lambda groups: groups[1].update(params=[Value(1.0)]), "group 1 has got other parameters"),
        (lambda groups: groups[1].pop("params"), "group 1 has got other parameters"),
        (lambda groups: groups.append({"params": [Value(1.0)]}), "3 groups, but there were 2"),
    ],
)
def test_what_is_assigned_in_a_group_is_checked_before_anything_moves(change: Any, says: str) -> None:
    values = parameters()
    optimiser = Adam([{"params": values[:2]}, {"params": values[2:]}])
    give_gradients(values, 0)
    before = [p.data.copy() for p in values]
    change(optimiser.param_groups)
    with pytest.raises(ValueError, match=says):
        optimiser.step()
    for p, old in zip(values, before, strict=True):
        np.testing.assert_array_equal(p.data, old)


def test_a_group_may_be_replaced_by_one_with_other_options() -> None:
    w = Value([1.0])
    optimiser = SGD([w], lr=0.1)
    optimiser.param_groups[0] = {**optimiser.param_groups[0]}
    w.grad = np.array([1.0])
    for lr in (0.1, 0.2, 0.3):
        optimiser.param_groups[0]["lr"] = lr
        optimiser.step()
    np.testing.assert_allclose(w.data, [0.4])


def test_frozen_parameters_stay_and_hold_nothing_up() -> None:
    frozen = new_value(NonDiff, np.ones(3), None, (), NO_PARAMS)
    values = parameters()
    optimiser = Adam([values[0], frozen, *values[1:]])
    give_gradients(values, 0)
    optimiser.step()
    np.testing.assert_array_equal(frozen.data, np.ones(3))
    assert list(optimiser.state_dict()["state"]) == ["0", "2", "3", "4", "5"]
    assert len(optimiser._walk[0][1]) == 2  # a piece of their own
    frozen.grad = np.ones(3)  # thawed
    optimiser.step()
    np.testing.assert_allclose(frozen.data, 0.999)


def test_an_optimiser_of_ones_own_is_one_method() -> None:
    class Undecided(Optimizer):
        pass

    w = Value([1.0])
    w.grad = np.array([1.0])
    with pytest.raises(NotImplementedError, match="define direction"):
        Undecided([w], {"lr": 0.1}).step()


def test_a_formula_of_whole_parameters_gets_one_at_a_time() -> None:
    class Unit(Optimizer):
        elementwise = False

        def direction(self, g: Any, state: Any, t: int, group: Any) -> Any:
            return g / np.linalg.norm(g)

    w, x = Value(np.zeros((2, 2))), Value(np.zeros(1))
    w.grad, x.grad = np.full((2, 2), 3.0), np.array([5.0])
    Unit([w, x], {"lr": 1.0}).step()
    np.testing.assert_allclose(w.data, -0.5)
    np.testing.assert_allclose(x.data, -1.0)


def test_an_optimiser_prints_its_options() -> None:
    assert repr(Lion([W])) == "Lion(lr=0.0001, betas=(0.9, 0.99), weight_decay=0.0, maximize=False; parameters: 1)"
    text = repr(SGD([{"params": [W]}, {"params": [Value(1.0)], "lr": 0.5}], lr=0.1))
    assert text.startswith("SGD(\n  ")
    assert "lr=0.5" in text


# ---------------------------------------------------------------------------------------------------------- its state


def plain_parts(x: Any) -> Iterator[Any]:
    if isinstance(x, dict):
        assert type(x) is dict
        assert all(type(key) is str for key in x)
        for part in x.values():
            yield from plain_parts(part)
    elif isinstance(x, list):
        for part in x:
            yield from plain_parts(part)
    else:
        assert type(x) in (str, int, float, bool, type(None), np.ndarray), x
        yield x


def schedules(optimiser: Optimizer) -> Iterator[LRScheduler]:
    """One of each, made on the way: each sets the step size anew."""
    cycled = any("momentum" in group or "betas" in group for group in optimiser.param_groups)
    yield StepLR(optimiser, 3, 0.5)
    yield MultiStepLR(optimiser, [2, 5, 5], 0.3)
    yield ExponentialLR(optimiser, 0.9)
    yield LinearLR(optimiser, 0.1, total_iters=6)
    yield CosineAnnealingLR(optimiser, 10, 1e-3)
    yield LambdaLR(optimiser, lambda t: 1 / (1 + t))
    parts = [LinearLR(optimiser, 0.1, total_iters=3), CosineAnnealingLR(optimiser, 10)]
    yield SequentialLR(optimiser, parts, [3])
    yield OneCycleLR(optimiser, 0.2, 12, cycle_momentum=cycled)


SCHEDULES = 8


def made(cls: type[Optimizer], options: dict[str, Any], grouped: bool, which: int) -> Any:
    values = parameters()
    params: Any = [{"params": values[:2]}, {"params": values[2:], "lr": 0.07}] if grouped else values
    optimiser = cls(params, **options)
    return values, optimiser, next(itertools.islice(schedules(optimiser), which, None))


def go_on(values: Any, optimiser: Any, schedule: Any, steps: range, missing: Any) -> None:
    for t in steps:
        give_gradients(values, t, missing)
        optimiser.step()
        schedule.step()


@pytest.mark.parametrize("path", ["joined", "alone", "some missing"])
@EVERY
def test_training_goes_on_bit_for_bit(
    cls: Any, options: Any, path: str, share: float, request: pytest.FixtureRequest
) -> None:
    if path == "alone":
        request.getfixturevalue("alone")
    missing = (lambda t, i: (t * i) % 4 == 3) if path == "some missing" else (lambda t, i: False)
    checks = 0
    drawn = sample(range(SCHEDULES), count(SCHEDULES, share), f"{SEED} {cls.__name__} {options} {path}")
    for which in drawn:
        grouped = (which + len(path)) % 2 == 0  # in one path the even ones, in another the odd ones
        whole = made(cls, options, grouped, which)
        go_on(*whole, range(9), missing)
        first = made(cls, options, grouped, which)
        go_on(*first, range(4), missing)
        saved = [copy.deepcopy(part.state_dict()) for part in first[1:]]
        assert list(plain_parts(saved))
        rest = made(cls, options, grouped, which)
        for p, old in zip(rest[0], first[0], strict=True):
            p.data = old.data
        for part, state in list(zip(rest[1:], saved, strict=True))[:: 1 if which % 4 < 2 else -1]:
            part.load_state_dict(state)
        assert rest[2].get_last_lr() == first[2].get_last_lr()
        go_on(*rest, range(4, 9), missing)
        for p, q in zip(whole[0], rest[0], strict=True):
            assert the_number(p.data) == the_number(q.data)
            checks += 1
        assert pickle.dumps(whole[1].state_dict()) == pickle.dumps(rest[1].state_dict())
        assert pickle.dumps(whole[2].state_dict()) == pickle.dumps(rest[2].state_dict())
    assert checks == len(drawn) * 5


@pytest.mark.parametrize("how", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"])
@EVERY
def test_a_copied_optimiser_moves_the_copied_parameters(cls: Any, options: Any, how: Any) -> None:
    original = made(cls, options, True, 2)[:2]
    for t in range(2):
        give_gradients(original[0], t)
        original[1].step()
    twin = how(original)
    for values, optimiser in (original, twin):
        for t in range(2, 5):
            give_gradients(values, t)
            optimiser.step()
    for p, q in zip(original[0], twin[0], strict=True):
        assert p is not q
        np.testing.assert_array_equal(p.data, q.data)


def test_a_state_is_a_copy() -> None:
    values = parameters()
    optimiser = Adam(values)
    give_gradients(values, 0)
    optimiser.step()
    state = optimiser.state_dict()
    kept = pickle.dumps(state)
    give_gradients(values, 1)
    optimiser.step()
    assert pickle.dumps(state) == kept
    optimiser.load_state_dict(state)
    give_gradients(values, 2)
    optimiser.step()
    assert pickle.dumps(state) == kept
    assert list(state["state"]["0"]) == ["step", "exp_avg", "exp_avg_sq"]
    assert state["state"]["2"]["exp_avg"].shape == ()
    assert state["param_groups"][0]["params"] == [0, 1, 2, 3, 4]


def test_a_state_is_plain_whatever_was_assigned() -> None:
    optimiser = Adam([Value(1.0)])
    optimiser.param_groups[0].update(lr=np.float64(0.001), betas=[np.float32(0.5), 0.75])
    state = optimiser.state_dict()
    assert list(plain_parts(state))
    assert state["param_groups"][0]["betas"] == [0.5, 0.75]
    optimiser.param_groups[0]["lr"] = math.nan
    with pytest.raises(ValueError, match="lr=nan"):
        optimiser.state_dict()


@pytest.mark.parametrize("make", [
    lambda o, i, f, b: StepLR(o, i(3), f(0.5)),
    lambda o, i, f, b: MultiStepLR(o, [i(2), i(5)], f(0.5)),
    lambda o, i, f, b: ExponentialLR(o, f(0.5)),
    lambda o, i, f, b: LinearLR(o, f(0.25), f(0.5), i(6)),
    lambda o, i, f, b: CosineAnnealingLR(o, i(10), f(0.125)),
    lambda o, i, f, b: SequentialLR(o, [StepLR(o, i(3), f(0.5)), ExponentialLR(o, f(0.5))], [i(3)]),
    lambda o, i, f, b: OneCycleLR(
        o, f(0.5), i(12), pct_start=f(0.25), cycle_momentum=b(True), base_momentum=f(0.5), max_momentum=f(0.75),
        div_factor=f(8.0), final_div_factor=f(16.0), three_phase=b(True),
    ),
    lambda o, i, f, b: OneCycleLR(o, [f(0.5)], epochs=i(3), steps_per_epoch=i(4), cycle_momentum=b(False)),
])  # fmt: skip
def test_a_schedule_made_with_numpys_numbers_has_the_plain_state_of_one_made_with_pythons(make: Any) -> None:
    state = make(Adam([Value(1.0)], lr=0.1), np.int32, np.float32, np.bool_).state_dict()
    assert state == make(Adam([Value(1.0)], lr=0.1), int, float, bool).state_dict()
    assert list(plain_parts(state))


def test_a_loaded_state_is_all_there_is() -> None:
    values, optimiser, _ = made(Adam, {"amsgrad": True}, False, 0)  # with a schedule, which the other does not have
    give_gradients(values, 0)
    optimiser.step()
    giving = parameters()
    donor = Adam(giving, lr=0.3)
    give_gradients(giving, 1, lambda t, i: i == 3)
    donor.step()
    optimiser.load_state_dict(donor.state_dict())
    assert pickle.dumps(optimiser.state_dict()) == pickle.dumps(donor.state_dict())
    optimiser.step()


def test_an_option_turned_on_on_the_way_is_part_of_the_state() -> None:
    def run(stop: int | None) -> list[Any]:
        values = parameters()
        optimiser = SGD(values, lr=0.1)
        for t in range(8):
            optimiser.param_groups[0]["momentum"] = 0.9 if 2 <= t < 4 or t >= 6 else 0.0
            give_gradients(values, t)
            optimiser.step()
            if t == stop:
                state = optimiser.state_dict()
                optimiser = SGD(values, lr=0.3)
                optimiser.load_state_dict(state)
        return [the_number(p.data) for p in values]

    whole = run(None)
    assert all(run(stop) == whole for stop in range(7))


def other(edit: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def edited(state: dict[str, Any]) -> dict[str, Any]:
        edit(state)
        return state

    return edited


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda s: None, "the state is None, no dict"),
        (lambda s: {}, "the state lacks optimizer, state, param_groups"),
        (other(lambda s: s.update(more=1)), "the state has left over more"),
        (other(lambda s: s.update(optimizer="SGD")), "it is of 'SGD'"),
        (other(lambda s: s.update(param_groups=None)), "param_groups a list"),
        (other(lambda s: s.update(state=[])), "its state is a dict"),
        (other(lambda s: s["param_groups"][1].update(params=3)), "group 1 has 1 parameters"),
        (other(lambda s: s["state"].update({"4": [1]})), r"parameter 4 is \[1\], no dict"),
        (other(lambda s: s["state"]["4"].update(exp_avg=[1.0] * 4)), r"exp_avg of parameter 4 is .*, no array"),
        (other(lambda s: s["param_groups"].pop()), "it has 1 groups, the optimiser 2"),
        (other(lambda s: s["param_groups"][1]["params"].pop()), "group 1 has 2 parameters, the optimiser's 3"),
        (other(lambda s: s["param_groups"][1].pop("eps")), "group 1 lacks eps"),
        (other(lambda s: s["param_groups"][1].update(rate=1)), "group 1 has left over rate"),
        (other(lambda s: s["param_groups"][1].update(lr=-1)), "group 1: lr=-1"),
        (other(lambda s: s["state"].update({"5": {}})), "the state of a parameter '5' is left over"),
        (other(lambda s: s["state"]["4"].pop("exp_avg")), "parameter 4 lacks exp_avg"),
        (other(lambda s: s["state"]["4"].pop("step")), "parameter 4 lacks step"),
        (other(lambda s: s["state"]["4"].update(step=0)), "step of parameter 4 is 0"),
        (other(lambda s: s["state"]["4"].update(step="two")), "step of parameter 4 is 'two', no count of steps"),
        (other(lambda s: s["state"]["4"].update(exp_avg="x")), "exp_avg of parameter 4 is 'x', no array"),
        (other(lambda s: s["state"]["4"].update(sum=np.ones(4))), "parameter 4 has left over sum"),
        (other(lambda s: s["state"]["4"].update(exp_avg=np.ones(3))), r"exp_avg of parameter 4 is of shape \(3,\)"),
        (
            other(lambda s: s["state"]["4"].update(exp_avg=np.ones(4, np.float32))),
            r"exp_avg of parameter 4 is of shape \(4,\) \(float32\), the parameter \(4,\) \(float64\)",
        ),
        (
            other(lambda s: (s["state"]["0"].pop("exp_avg"), s["state"]["1"].pop("step"))),
            "parameter 0 lacks exp_avg; parameter 1 lacks step",
        ),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(edit: Any, says: str) -> None:
    values, optimiser, _ = made(Adam, {}, True, 0)
    give_gradients(values, 0)
    optimiser.step()
    before = pickle.dumps(optimiser.state_dict())
    giving, donor, _ = made(Adam, {"betas": (0.5, 0.5)}, True, 0)
    give_gradients(giving, 1)
    donor.step()
    with pytest.raises(ValueError, match=f"does not fit the Adam: .*{says}.*Make the optimiser as it was"):
        optimiser.load_state_dict(edit(donor.state_dict()))
    assert pickle.dumps(optimiser.state_dict()) == before


def test_what_is_kept_of_half_precision_is_said() -> None:
    w = Value(np.ones(2, np.float16))
    optimiser = SGD([w], lr=0.1, momentum=0.9)
    w.grad = np.ones(2, np.float16)
    optimiser.step()
    state = optimiser.state_dict()
    state["state"]["0"]["momentum_buffer"] = np.ones(2, np.float16)
    with pytest.raises(
        ValueError, match=r"\(2,\) \(float16\), the parameter \(2,\) \(float16, of which float32 is kept\)"
    ):
        optimiser.load_state_dict(state)


# ----------------------------------------------------------------------------------------------------------- schedules


def step_sizes(make: Callable[[Optimizer], LRScheduler], steps: int, lr: float = 1.0) -> list[float]:
    optimiser = SGD([Value(1.0)], lr=lr)
    schedule, found = make(optimiser), []
    for _ in range(steps):
        assert schedule.get_last_lr() == [optimiser.param_groups[0]["lr"]]
        found += schedule.get_last_lr()
        schedule.step()
    return found


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda o: StepLR(o, 2, 0.5), [1, 1, 0.5, 0.5, 0.25]),
        (lambda o: MultiStepLR(o, [3, 1, 3], 0.5), [1, 0.5, 0.5, 0.125, 0.125]),
        (lambda o: ExponentialLR(o, 0.5), [1, 0.5, 0.25, 0.125]),
        (lambda o: LinearLR(o, 0.2, 1.0, 4), [0.2, 0.4, 0.6, 0.8, 1, 1, 1]),
        (lambda o: LinearLR(o, 1.0, 0.0, 2), [1, 0.5, 0, 0]),
        (lambda o: CosineAnnealingLR(o, 4, 0.2), [1, 0.6 + 0.4 * math.sqrt(0.5), 0.6, 0.6 - 0.4 * math.sqrt(0.5), 0.2]),
        (lambda o: LambdaLR(o, lambda t: t + 1), [1, 2, 3]),
        (lambda o: LambdaLR(o, [lambda t: t + 1]), [1, 2, 3]),
        (
            lambda o: SequentialLR(o, [LinearLR(o, 0.5, total_iters=2), CosineAnnealingLR(o, 2)], [2]),
            [0.5, 0.75, 1, 0.5, 0],
        ),
        (lambda o: SequentialLR(o, [ExponentialLR(o, 0.5), LambdaLR(o, lambda t: t + 1)], [2]), [1, 0.5, 1, 2, 3]),
        (
            lambda o: OneCycleLR(o, 2.0, 10, pct_start=0.3, div_factor=4, final_div_factor=5, cycle_momentum=False,
                                 anneal_strategy="linear", three_phase=True),
            [0.5, 1.25, 2, 1.25, 0.5, 0.42, 0.34, 0.26, 0.18, 0.1],
        ),
        (
            lambda o: OneCycleLR(o, 2.0, 9, pct_start=1 / 3, div_factor=4, final_div_factor=5, cycle_momentum=False,
                                 anneal_strategy="linear"),
            [0.5, 1.25, 2, *[2 - 1.9 * i / 6 for i in range(1, 7)]],
        ),
    ],
)  # fmt: skip
def test_a_schedule_is_its_formula(make: Any, expected: list[float]) -> None:
    np.testing.assert_allclose(step_sizes(make, len(expected)), expected, rtol=1e-12, atol=1e-15)


def test_a_schedule_scales_each_group() -> None:
    optimiser = SGD([{"params": [Value(1.0)], "lr": 1.0}, {"params": [Value(1.0)], "lr": 0.1}], lr=5.0)
    schedule = LambdaLR(optimiser, [lambda t: 2.0**t, lambda t: 3.0**t])
    schedule.step()
    np.testing.assert_allclose(schedule.get_last_lr(), [2.0, 0.3])
    assert OneCycleLR(optimiser, [1.0, 2.0], 10, cycle_momentum=False).get_last_lr() == [1 / 25, 2 / 25]


def test_one_cycle_moves_the_momentum_the_other_way() -> None:
    momentum, adam = SGD([Value(1.0)], lr=0.1), Adam([Value(1.0)])
    cycles = [OneCycleLR(o, 0.1, 10) for o in (momentum, adam)]
    found = []
    for _ in range(10):
        found.append(momentum.param_groups[0]["momentum"])
        assert adam.param_groups[0]["betas"] == (found[-1], 0.999)
        for cycle in cycles:
            cycle.step()
    assert found[0] == found[-1] == 0.95
    assert min(found) == found[2] == 0.85


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda o: StepLR([W], 3), TypeError, "StepLR wants an optimiser"),
        (lambda o: StepLR(o, 0), ValueError, "step_size=0"),
        (lambda o: StepLR(o, 2.5), ValueError, "step_size=2.5"),
        (lambda o: StepLR(o, 2, -1), ValueError, "gamma=-1"),
        (lambda o: MultiStepLR(o, [3, "5"]), ValueError, "milestone='5'"),
        (lambda o: ExponentialLR(o, math.nan), ValueError, "gamma=nan"),
        (lambda o: LinearLR(o, "slow"), ValueError, "start_factor='slow'"),
        (lambda o: CosineAnnealingLR(o, 10, -1), ValueError, "eta_min=-1"),
        (lambda o: LambdaLR(o, 0.9), ValueError, "lr_lambda=0.9"),
        (lambda o: LambdaLR(o, [abs, abs]), ValueError, "a list of 1"),
        (lambda o: OneCycleLR(o, 0.1), ValueError, "total_steps, or epochs and steps_per_epoch"),
        (lambda o: OneCycleLR(o, 0.1, epochs=3), ValueError, "steps_per_epoch=None"),
        (lambda o: OneCycleLR(o, 0, 10), ValueError, "max_lr=0"),
        (lambda o: OneCycleLR(o, [0.1, 0.1], 10), ValueError, "max_lr="),
        (lambda o: OneCycleLR(o, 0.1, 10, pct_start=2), ValueError, "pct_start=2"),
        (lambda o: OneCycleLR(o, 0.1, 10, anneal_strategy="sin"), ValueError, "anneal_strategy='sin'"),
        (lambda o: OneCycleLR(o, 0.1, 10, div_factor=0), ValueError, "div_factor=0"),
        (lambda o: OneCycleLR(Adagrad([Value(1.0)]), 0.1, 10), ValueError, "no momentum to cycle"),
        (lambda o: SequentialLR(o, [StepLR(o, 3)], [5]), ValueError, "one fewer than the 1"),
        (lambda o: SequentialLR(o, [StepLR(o, 3)] * 3, [5, 5]), ValueError, "rising steps"),
        (lambda o: SequentialLR(o, [StepLR(SGD([Value(1.0)], 1), 3)], []), ValueError, "the same optimiser"),
        (lambda o: LRScheduler(o), NotImplementedError, "define lr_at"),
    ],
)
def test_what_makes_no_schedule_says_so(make: Any, error: Any, says: str) -> None:
    optimiser = SGD([Value(1.0)], lr=0.1)
    with pytest.raises(error, match=says):
        make(optimiser)
    assert optimiser.param_groups[0]["lr"] == 0.1


def test_a_cycle_that_is_over_says_so() -> None:
    optimiser = SGD([Value(1.0)], lr=0.1)
    cycle = OneCycleLR(optimiser, 1.0, epochs=2, steps_per_epoch=5)
    for _ in range(10):
        cycle.step()
    assert cycle.get_last_lr() == [1.0 / 25 / 1e4]
    with pytest.raises(RuntimeError, match="step 11 of a OneCycleLR of 10 steps"):
        cycle.step()
    assert cycle.last_epoch == 10
    with pytest.raises(RuntimeError, match="step 11"):
        OneCycleLR(SGD([W], lr=0.1), 1.0, 10).load_state_dict({**cycle.state_dict(), "last_epoch": 11})


@pytest.mark.parametrize("share", [0.1, 1.0])
def test_a_cycle_may_have_no_way_up_or_none_down(share: float) -> None:
    found = step_sizes(lambda o: OneCycleLR(o, 1.0, 10, pct_start=share), 10)
    assert max(found) == 1.0
    assert found.index(1.0) == round(10 * share) - 1


def test_a_step_size_that_something_else_changed_is_not_written_over() -> None:
    optimiser = SGD([Value(1.0)], lr=0.1)
    schedule = StepLR(optimiser, 2)
    optimiser.param_groups[0]["lr"] = 0.5
    with pytest.raises(RuntimeError, match=r"lr of group 0 is 0\.5, but StepLR had set 0\.1"):
        schedule.step()
    assert schedule.last_epoch == 0
    assert optimiser.param_groups[0]["lr"] == 0.5


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda s: None, "no dict"),
        (other(lambda s: s.pop("last_epoch")), "lacks last_epoch"),
        (other(lambda s: s.update(schedule="StepLR")), "schedule is 'StepLR', of this schedule 'SequentialLR'"),
        (other(lambda s: s.update(last_epoch=-1)), "last_epoch is -1"),
        (other(lambda s: s.update(last_epoch="two")), "last_epoch is 'two', no count of steps"),
        (other(lambda s: s.update(base_lrs="x")), "base_lrs is 'x', which is not one number for each group"),
        (other(lambda s: s.update(base_lrs=[1.0, 2.0])), "base_lrs is"),
        (other(lambda s: s.update(base_lrs=[-1.0])), "base_lrs is"),
        (other(lambda s: s["settings"].update(milestones=[4])), r"settings is {'milestones': \[4\]}"),
        (other(lambda s: s["schedulers"].pop()), "not of 2 schedules"),
        (other(lambda s: s["schedulers"][1]["settings"].update(T_max=9)), "'T_max': 9"),
    ],
)
def test_a_state_of_another_schedule_changes_nothing(edit: Any, says: str) -> None:
    def make(lr: float) -> tuple[Optimizer, LRScheduler]:
        o = SGD([Value(1.0)], lr)
        return o, SequentialLR(o, [LinearLR(o, total_iters=3), CosineAnnealingLR(o, 10)], [3])

    (optimiser, schedule), (_, donor) = make(0.1), make(0.2)
    for _ in range(2):
        donor.step()
    before = pickle.dumps((optimiser.state_dict(), schedule.state_dict()))
    with pytest.raises(ValueError, match=says):
        schedule.load_state_dict(edit(donor.state_dict()))
    assert pickle.dumps((optimiser.state_dict(), schedule.state_dict())) == before
    schedule.load_state_dict(donor.state_dict())
    assert schedule.get_last_lr() == donor.get_last_lr()


def test_a_schedule_goes_on_from_the_step_size_of_the_run_it_belongs_to() -> None:
    first = SGD([Value(1.0)], lr=0.1)
    schedule = StepLR(first, 2, 0.5)
    for _ in range(3):
        schedule.step()
    second = SGD([Value(1.0)], lr=0.7)  # the script says something else by now: the state decides
    again = StepLR(second, 2, 0.5)
    second.load_state_dict(first.state_dict())
    with pytest.raises(RuntimeError, match="load the schedule's state too"):
        again.step()
    again.load_state_dict(schedule.state_dict())
    for _ in range(3):
        schedule.step()
        again.step()
        assert again.get_last_lr() == schedule.get_last_lr()


# ------------------------------------------------------------------------------------------------------------ clipping


@pytest.mark.parametrize("norm_type", [1, 2.0, 3, math.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_gradients_are_scaled_to_a_norm(norm_type: float, dtype: Any) -> None:
    values = [*parameters(dtype), Value(1.0)]
    give_gradients(values[:-1], 0)
    before = [p.grad.copy() for p in values[:-1]]
    every = np.concatenate(before, axis=None).astype(np.float64)
    norm = np.linalg.norm(every, norm_type)
    assert clip_grad_norm_(values, 2 * norm, norm_type) == pytest.approx(norm, rel=1e-12)
    for p, g in zip(values, before, strict=False):
        np.testing.assert_array_equal(p.grad, g)
    found = clip_grad_norm_(iter(values), 0.5, norm_type)
    assert type(found) is float
    assert found == pytest.approx(norm, rel=1e-12)
    for p, g in zip(values, before, strict=False):
        assert p.grad.dtype == dtype
        assert p.grad.shape == g.shape
        np.testing.assert_allclose(p.grad, g * dtype(0.5 / norm), rtol=1e-2 if dtype is np.float16 else 1e-5)
    assert values[-1].grad is None


def test_large_gradients_have_a_norm() -> None:
    w = Value(np.ones(4, np.float32))
    w.grad = np.full(4, 1e30, np.float32)
    assert clip_grad_norm_(w, 1.0) == pytest.approx(2e30)
    np.testing.assert_allclose(w.grad, 0.5, rtol=1e-6)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_gradients_without_a_norm_stay_as_they_are_or_say_so(bad: float) -> None:
    w, x = Value([1.0, 2.0]), Value(3.0)
    w.grad, x.grad = np.array([bad, 5.0]), 7.0
    assert str(clip_grad_norm_([w, x], 1.0)) == str(bad)
    with pytest.raises(RuntimeError, match=f"is {bad}.*debug"):
        clip_grad_norm_([w, x], 1.0, error_if_nonfinite=True)
    np.testing.assert_array_equal(w.grad, [bad, 5.0])
    assert x.grad == 7.0


def test_a_parameter_listed_twice_is_clipped_once() -> None:
    w = Value([3.0, 4.0])
    w.grad = np.array([3.0, 4.0])
    assert clip_grad_norm_([w, w], 1.0) == 5.0
    np.testing.assert_allclose(w.grad, [0.6, 0.8], rtol=1e-5)


def test_gradients_are_limited_one_by_one() -> None:
    w, x, unused = Value(np.ones(3, np.float32)), Value(1.0), Value(1.0)
    w.grad, x.grad = np.array([-3, 0.2, 5], np.float32), -9.0
    clip_grad_value_([w, x, unused], 0.5)
    np.testing.assert_array_equal(w.grad, np.array([-0.5, 0.2, 0.5], np.float32))
    assert w.grad.dtype == np.float32
    assert x.grad == -0.5
    assert unused.grad is None


def test_recorded_gradients_stay_recorded_when_they_are_clipped() -> None:
    w = Value([1.0, 2.0])
    (w * w * w).sum().backward(create_graph=True)
    clip_grad_norm_([w], 1.0)
    assert isinstance(w.grad, Value)
    second = w.grad
    assert second.op is not None
    clip_grad_value_([w], 0.9)
    np.testing.assert_allclose(w.grad.data, [3 / math.sqrt(153), 0.9], rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: clip_grad_norm_(nn.Linear(1, 1), 1.0), TypeError, r"clip_grad_norm_\(model\.parameters\(\)"),
        (lambda: clip_grad_value_(nn.Linear(1, 1).parameters, 1.0), TypeError, r"clip_grad_value_\(model\.parameters"),
        (lambda: clip_grad_norm_([np.ones(2)], 1.0), TypeError, "a parameter is a Value"),
        (lambda: clip_grad_norm_([W], 0), ValueError, "max_norm=0"),
        (lambda: clip_grad_norm_([W], 1.0, "inf"), ValueError, "norm_type='inf'"),
        (lambda: clip_grad_value_([W], math.nan), ValueError, "clip_value=nan"),
    ],
)
def test_what_cannot_be_clipped_says_so(call: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=says):
        call()


def test_nothing_to_clip_has_norm_zero() -> None:
    assert clip_grad_norm_([], 1.0) == 0.0
    assert clip_grad_norm_([Value(1.0)], 1.0) == 0.0


# ------------------------------------------------------------------------------------------------------ beside PyTorch


def side_by_side(cls: Any, options: Any, dtype: Any, groups: Any = None, skip: Any = lambda t, i: False) -> Any:
    """A network here and the same in PyTorch, with their optimisers; ten steps of both, compared by the caller."""
    torch = pytest.importorskip("torch")
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # in which NAdam keeps its product then
    try:
        yield from in_two_frameworks(torch, cls, options, dtype, groups, skip)
    finally:
        torch.set_default_dtype(usual)


def in_two_frameworks(torch: Any, cls: Any, options: Any, dtype: Any, groups: Any, skip: Any) -> Any:
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape).astype(dtype) for shape in [(5, 3), (5,), (4, 5), (4,), (2, 4), (2,)]]
    x, y = rng.normal(size=(7, 3)).astype(dtype), rng.normal(size=(7, 2)).astype(dtype)
    ours, theirs = [Value(a) for a in arrays], [torch.tensor(a, requires_grad=True) for a in arrays]

    def arranged(values: list[Any]) -> Any:
        return [{"params": values[i:j], **own} for i, j, own in groups] if groups else values

    optimiser = cls(arranged(ours), **options)
    peer = getattr(torch.optim, cls.__name__)(arranged(theirs), **options)

    def cost(w: list[Any], x: Any, y: Any, tanh: Any) -> tuple[Any, Any]:
        out = tanh(tanh(x @ w[0].T + w[1]) @ w[2].T + w[3]) @ w[4].T + w[5]
        return out, ((out - y) ** 2).sum() / 7

    for t in range(10):
        optimiser.zero_grad()
        peer.zero_grad()
        out, c = cost(ours, x, y, np.tanh)
        tout, tc = cost(theirs, torch.tensor(x), torch.tensor(y), torch.tanh)
        c.backward()
        tc.backward()
        yield out.data, tout.detach().numpy(), "outputs"
        for p, q in zip(ours, theirs, strict=True):
            yield p.grad, q.grad.numpy(), "gradients"
        for i in range(6):
            if skip(t, i):
                ours[i].grad = theirs[i].grad = None
        optimiser.step()
        peer.step()
        for p, q in zip(ours, theirs, strict=True):
            yield p.data, q.detach().numpy(), "parameters"


IN_TORCH = pytest.mark.parametrize(
    ("cls", "options"), [v for v in VARIANTS if v[0] is not Lion], ids=[name for name in IDS if "Lion" not in name]
)


@IN_TORCH
@pytest.mark.parametrize("path", ["joined", "alone", "some missing", "groups"])
def test_ten_steps_are_those_of_pytorch(cls: Any, options: Any, path: str, request: pytest.FixtureRequest) -> None:
    if path == "alone":
        request.getfixturevalue("alone")
    skip = (lambda t, i: (t + i) % 3 == 0) if path == "some missing" else (lambda t, i: False)
    groups = [(0, 2, {"lr": 0.02}), (2, 6, {"weight_decay": 0.05})] if path == "groups" else None
    checks = 0
    for here, there, what in side_by_side(cls, options, np.float64, groups, skip):
        assert here.shape == there.shape
        np.testing.assert_allclose(here, there, rtol=1e-9, atol=1e-13, err_msg=what)
        checks += 1
    assert checks == 10 * 13


@IN_TORCH
def test_ten_steps_in_float32_are_close_to_pytorchs(cls: Any, options: Any) -> None:
    checks = 0
    for here, there, what in side_by_side(cls, options, np.float32):
        assert here.dtype == there.dtype == np.float32
        np.testing.assert_allclose(here, there, rtol=1e-4, atol=1e-5, err_msg=what)
        checks += 1
    assert checks == 10 * 13


SCHEDULED: list[tuple[str, tuple[Any, ...], dict[str, Any], str]] = [
    ("StepLR", (7, 0.7), {}, "SGD"),
    ("MultiStepLR", ([3, 50, 50, 120], 0.5), {}, "SGD"),
    ("ExponentialLR", (0.97,), {}, "SGD"),
    ("LinearLR", (), {}, "SGD"),
    ("LinearLR", (0.1, 0.9, 60), {}, "SGD"),
    ("CosineAnnealingLR", (250,), {}, "SGD"),
    ("CosineAnnealingLR", (30, 0.01), {}, "SGD"),
    ("LambdaLR", (lambda t: 1 / (1 + t),), {}, "SGD"),
    ("OneCycleLR", (0.5, 200), {}, "SGD"),
    ("OneCycleLR", (0.5,), {"epochs": 20, "steps_per_epoch": 10, "pct_start": 0.45}, "Adam"),
    ("OneCycleLR", (0.5, 200), {"anneal_strategy": "linear", "div_factor": 7.0, "final_div_factor": 30.0}, "AdamW"),
    ("OneCycleLR", (0.5, 200), {"three_phase": True, "base_momentum": 0.5, "max_momentum": 0.6}, "RMSprop"),
    ("OneCycleLR", (0.5, 200), {"cycle_momentum": False}, "Adagrad"),
    ("OneCycleLR", (0.5, 200), {"pct_start": 0.0}, "SGD"),
]


def scheduled(make: Callable[[Any, Any, Any], Any], name: str = "SGD") -> None:
    """200 steps of a schedule here and in PyTorch, of two groups; also what it does to the momentum."""
    torch = pytest.importorskip("torch")
    ours = getattr(optim, name)([{"params": [Value(1.0)]}, {"params": [Value(1.0)], "lr": 0.03}], lr=0.3)
    tensors = [torch.ones(1, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    theirs = getattr(torch.optim, name)([{"params": tensors[:1]}, {"params": tensors[1:], "lr": 0.03}], lr=0.3)
    here, there = make(optim, ours, None), make(torch.optim.lr_scheduler, theirs, torch)
    for t in range(200):
        np.testing.assert_allclose(here.get_last_lr(), there.get_last_lr(), rtol=1e-9, atol=1e-12, err_msg=str(t))
        for group, peer in zip(ours.param_groups, theirs.param_groups, strict=True):
            np.testing.assert_allclose(group["lr"], peer["lr"], rtol=1e-9, atol=1e-12)
            for option in ("momentum", "betas"):
                if option in peer:
                    np.testing.assert_allclose(group[option], peer[option], rtol=1e-9)
        here.step()
        theirs.step()
        there.step()


@pytest.mark.parametrize(("schedule", "args", "options", "optimiser"), SCHEDULED)
def test_two_hundred_step_sizes_are_those_of_pytorch(schedule: str, args: Any, options: Any, optimiser: str) -> None:
    scheduled(lambda module, o, torch: getattr(module, schedule)(o, *args, **options), optimiser)


def test_one_schedule_after_another_is_that_of_pytorch() -> None:
    def sequence(module: Any, o: Any, torch: Any) -> Any:
        parts = [
            module.LinearLR(o, 0.1, total_iters=20),
            module.CosineAnnealingLR(o, 100, 1e-3),
            module.StepLR(o, 10, 0.5),
            module.ExponentialLR(o, 0.9),
        ]
        return module.SequentialLR(o, parts, [20, 120, 170])

    scheduled(sequence)


@pytest.mark.parametrize("name", ["momentum", "Adam"])
def test_ten_scheduled_steps_are_those_of_pytorch(name: str) -> None:
    """With the momentum of a cycle in the formula too, and clipped gradients."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    start = [rng.normal(size=(3, 2)), rng.normal(size=4)]
    ours, theirs = [Value(a) for a in start], [torch.tensor(a, requires_grad=True) for a in start]
    options = {"lr": 0.1, "momentum": 0.9} if name == "momentum" else {"lr": 0.1}
    cls = SGD if name == "momentum" else Adam
    optimiser, peer = cls(ours, **options), getattr(torch.optim, cls.__name__)(theirs, **options)
    schedule, other_one = OneCycleLR(optimiser, 0.3, 10), torch.optim.lr_scheduler.OneCycleLR(peer, 0.3, 10)
    for t in range(10):
        for p, q in zip(ours, theirs, strict=True):
            g = np.random.default_rng([t, p.size]).normal(size=p.shape)
            p.grad, q.grad = g.copy(), torch.tensor(g)
        norm, other_norm = clip_grad_norm_(ours, 1.5), torch.nn.utils.clip_grad_norm_(theirs, 1.5)
        assert norm == pytest.approx(float(other_norm), rel=1e-12)
        for p, q in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(p.grad, q.grad.numpy(), rtol=1e-12)
        if t % 3 == 0:
            clip_grad_value_(ours, 0.4)
            torch.nn.utils.clip_grad_value_(theirs, 0.4)
        optimiser.step()
        peer.step()
        schedule.step()
        other_one.step()
        for p, q in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-9)


def test_a_number_of_steps_may_be_numpys_and_is_no_bool() -> None:
    optimiser = SGD([W], lr=0.1)
    assert StepLR(optimiser, np.int64(2)).state_dict()["settings"] == {"step_size": 2, "gamma": 0.1}
    with pytest.raises(ValueError, match="step_size=True: it is a whole number of steps, at least 1"):
        StepLR(optimiser, True)


@pytest.mark.parametrize("given", [{"epochs": 0, "steps_per_epoch": 3}, {"epochs": 3, "steps_per_epoch": 0}])
def test_a_cycle_without_steps_is_refused_in_words(given: Any) -> None:
    (name,) = [name for name, n in given.items() if n == 0]
    with pytest.raises(ValueError, match=f"{name}=0: it is a whole number" + (" of steps" if "steps" in name else "")):
        OneCycleLR(SGD([Value(1.0)], lr=0.1, momentum=0.5), 0.5, **given)


def test_lists_given_to_a_schedule_may_be_written_afterwards() -> None:
    optimiser = SGD([Value([1.0])], lr=1.0)
    functions, milestones = [lambda t: 0.5**t], [1]
    schedulers = [optim.StepLR(optimiser, 1), optim.StepLR(optimiser, 2)]
    schedules = [
        optim.LambdaLR(optimiser, functions), optim.MultiStepLR(optimiser, milestones, gamma=0.5),
        optim.SequentialLR(optimiser, schedulers, milestones),
    ]  # fmt: skip
    before = [[schedule.options_at(t) for t in range(4)] for schedule in schedules]
    for listed in (functions, milestones, schedulers):
        listed.clear()
    assert [[schedule.options_at(t) for t in range(4)] for schedule in schedules] == before


@pytest.mark.parametrize("kind", [optim.LRScheduler, optim.Optimizer, nn.Module])
def test_another_parent_beside_ours_is_told_of_its_subclasses(kind: Any) -> None:
    told = []

    class Parent:
        def __init_subclass__(cls, **more: Any) -> None:
            super().__init_subclass__(**more)
            told.append(cls)

    class Mine(kind, Parent):
        pass

    assert told == [Mine]


@pytest.mark.parametrize("kind", [optim.StepLR, optim.ExponentialLR, optim.OneCycleLR, optim.ReduceLROnPlateau])
def test_a_schedule_that_is_asked_for_what_it_has_not_speaks_in_its_own_name(kind: Any) -> None:
    optimizer = optim.SGD([Value(1.0)], lr=0.1)
    with pytest.raises(TypeError, match=rf"^{kind.__name__}\(\) got an unexpected keyword argument 'warm'"):
        kind(optimizer, warm=True)
