"""Muon, LBFGS and ReduceLROnPlateau: beside PyTorch's, saved and restored, and what is refused."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
import microgradnet.functional as F
from microgradnet import Value, nn, optim

# --------------------------------------------------------------------------------------------------------------- Muon

MUONS: list[dict[str, Any]] = [
    {},
    {"lr": 0.05, "momentum": 0.8, "nesterov": False, "weight_decay": 0.3},
    {"lr": 0.05, "adjust_lr_fn": "match_rms_adamw", "ns_steps": 3, "ns_coefficients": (2.0, -1.5, 0.5), "eps": 0.1},
    {"adjust_lr_fn": "original"},
]


def matrices() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape) for shape in ((3, 2), (2, 5), (4, 4), (1, 3))]


def pull(x: np.ndarray, t: int) -> np.ndarray:
    """A gradient that depends on the place and on the step."""
    return np.sin(3 * x) + np.cos(t + np.arange(x.size)).reshape(x.shape)


@pytest.mark.parametrize("options", MUONS)
def test_ten_steps_of_muon_are_those_of_pytorch(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose matrices are not rounded to 8 bits."""
    torch: Any = pytest.importorskip("torch")
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
    ours, theirs = [Value(x) for x in matrices()], [torch.tensor(x, requires_grad=True) for x in matrices()]
    one, other = optim.Muon(ours, **options), torch.optim.Muon(theirs, **options)
    for t in range(10):
        for p, q in zip(ours, theirs, strict=True):
            p.grad = pull(p.data, t)
            q.grad = torch.tensor(p.grad)
        one.step()
        other.step()
        for p, q in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-9, atol=1e-12)


def test_a_step_of_muon_makes_singular_values_alike() -> None:
    w = Value(np.diag([5.0, 1.0, 0.02]))
    w.grad = w.data.copy()
    optim.Muon([w], lr=1.0, weight_decay=0.0, momentum=0.0, ns_steps=8).step()
    moved = np.diag([5.0, 1.0, 0.02]) - w.data
    assert (np.abs(np.linalg.svd(moved, compute_uv=False) - 1) < 0.35).all()


def test_muon_goes_on_bit_for_bit() -> None:
    ours = [Value(x) for x in matrices()]
    one = optim.Muon(ours, 0.1)
    for t in range(6):
        if t == 3:
            saved, there = copy.deepcopy(one.state_dict()), [p.data.copy() for p in ours]
        for p in ours:
            p.grad = pull(p.data, t)
        one.step()
    again = [Value(x) for x in there]
    other = optim.Muon(again, 0.1)
    other.load_state_dict(saved)
    for t in range(3, 6):
        for p in again:
            p.grad = pull(p.data, t)
        other.step()
    for p, q in zip(ours, again, strict=True):
        np.testing.assert_array_equal(p.data, q.data)


@pytest.mark.parametrize(("make", "says"), [
    (lambda: optim.Muon([Value([1.0])]), r"moves matrices; got a parameter of shape \(1,\)"),
    (lambda: optim.Muon([Value([[1.0]])], ns_coefficients=(1.0, 2.0)), "three numbers"),  # type: ignore[arg-type]
    (lambda: optim.Muon([Value([[1.0]])], ns_steps=0), "ns_steps=0"),
    (lambda: optim.Muon([Value([[1.0]])], adjust_lr_fn="other"), "'original' or 'match_rms_adamw'"),
    (lambda: optim.NAdam([Value([1.0])], momentum_decay=-1.0), "momentum_decay=-1.0"),
    (lambda: optim.RAdam([Value([1.0])], decoupled_weight_decay=1), "a switch"),  # type: ignore[arg-type]
])  # fmt: skip
def test_options_that_cannot_be_are_refused(make: Callable[[], Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()


# -------------------------------------------------------------------------------------------------------------- LBFGS

SEARCHES: list[dict[str, Any]] = [
    {"lr": 0.001},
    {"lr": 0.02, "max_iter": 4, "history_size": 3},
    {"line_search_fn": "strong_wolfe"},
    {"line_search_fn": "strong_wolfe", "max_iter": 3, "history_size": 2, "lr": 0.5},
    {"line_search_fn": "strong_wolfe", "max_eval": 7, "tolerance_grad": 1e-3, "tolerance_change": 1e-4},
]


def valley(w: Any, v: Any) -> Any:
    """Rosenbrock's function, and another."""
    bend = ((1 - w[:-1]) ** 2).sum() + 100 * ((w[1:] - w[:-1] ** 2) ** 2).sum()
    return bend + 0.1 * (v * v * v * v).sum() + 0.01 * (v @ v.T).sum()


def start() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.normal(size=6), rng.normal(size=(2, 3))


def closed(optimizer: Any, w: list[Any]) -> Callable[[], Any]:
    def closure() -> Any:
        optimizer.zero_grad()
        cost = valley(*w)
        cost.backward()
        return cost

    return closure


@pytest.mark.parametrize("options", SEARCHES)
def test_steps_of_lbfgs_are_those_of_pytorch(options: dict[str, Any]) -> None:
    """As far as rounding lets them: each iteration makes ten times as much of it."""
    torch: Any = pytest.importorskip("torch")
    ours, theirs = [Value(x) for x in start()], [torch.tensor(x, requires_grad=True) for x in start()]
    one, other = optim.LBFGS(ours, **options), torch.optim.LBFGS(theirs, **options)
    for t in range(10):
        mine, yours = one.step(closed(one, ours)), other.step(closed(other, theirs))
        if t < 2 or "line_search_fn" not in options:
            assert mine.data == pytest.approx(float(yours.detach()), rel=1e-9)
            for p, q in zip(ours, theirs, strict=True):
                np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(ours[0].data, theirs[0].detach().numpy(), rtol=1e-5, atol=1e-5)
        if t == 4:  # saved and restored on the way
            saved = copy.deepcopy(one.state_dict())
            one = optim.LBFGS(ours, **options)
            one.load_state_dict(saved)
    counts = one.state_dict()["state"]
    assert counts["func_evals"] == other.state_dict()["state"][0]["func_evals"]
    assert counts["n_iter"] == other.state_dict()["state"][0]["n_iter"]


def test_lbfgs_finds_a_minimum_in_few_steps_and_stays_there() -> None:
    w = [Value(x) for x in start()]
    optimizer = optim.LBFGS(w, line_search_fn="strong_wolfe", max_iter=200)
    closure = closed(optimizer, w)
    for _ in range(3):
        optimizer.step(closure)
    np.testing.assert_allclose(w[0].data, 1.0, atol=1e-3)
    before = [p.data.copy() for p in w]
    assert optimizer.step(closure).data < 1e-3
    for p, old in zip(w, before, strict=True):
        np.testing.assert_allclose(p.data, old, atol=1e-3)


def test_lbfgs_trains_a_network_in_float32_with_a_part_frozen() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 3)).astype(np.float32)
    y = np.sin(x.sum(axis=1, keepdims=True))
    model = nn.MLP(3, [8, 1], F.tanh, seed=0).freeze("layers.0.bias")
    optimizer = optim.LBFGS(model.parameters(), line_search_fn="strong_wolfe")
    still = model.layers[0].bias.data.copy()  # type: ignore[union-attr]

    def closure() -> Value:
        optimizer.zero_grad()
        cost = F.mse_loss(model(x), y)
        cost.backward()
        return cost

    first, last = optimizer.step(closure), [optimizer.step(closure) for _ in range(5)][-1]
    assert last.data < first.data / 20
    assert {p.dtype for p in model.parameters()} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(model.layers[0].bias.data, still)  # type: ignore[union-attr]


@pytest.mark.parametrize(("mode", "threshold_mode", "second"), [
    ("min", "abs", 3.5), ("max", "abs", 4.5), ("min", "rel", 3.5), ("max", "rel", 4.5),
])  # fmt: skip
def test_better_by_just_the_threshold_is_not_better(mode: str, threshold_mode: str, second: float) -> None:
    threshold = 0.5 if threshold_mode == "abs" else 0.125
    for number, better in ((second, False), (second + (0.01 if mode == "max" else -0.01), True)):
        optimizer = optim.SGD([Value(1.0)], 0.5)
        schedule = optim.ReduceLROnPlateau(optimizer, mode, 0.5, 0, threshold, threshold_mode)
        schedule.step(4.0)
        schedule.step(number)
        assert schedule.get_last_lr() == [0.5 if better else 0.25]


@pytest.mark.parametrize(("cost", "lr", "least"), [
    (lambda x: 1000 * x, 0.01, 0.05),  # a step of 0.01, along which the cost falls by 10
    (lambda x: x * x, 2.0, 0.05),  # from 1 to −1, where the cost is the same
])  # fmt: skip
def test_lbfgs_ends_where_parameters_or_the_cost_hardly_change(cost: Any, lr: float, least: float) -> None:
    x = Value(np.array([1.0]))
    optimizer = optim.LBFGS([x], lr=lr, tolerance_change=least)

    def closure() -> Any:
        optimizer.zero_grad()
        out = cost(x).sum()
        out.backward()
        return out

    optimizer.step(closure)
    assert optimizer.state_dict()["state"]["n_iter"] == 1


def test_a_state_goes_into_no_other_groups() -> None:
    optimizer = optim.SGD([{"params": [Value([1.0])]}, {"params": [Value([2.0])]}], lr=0.1)
    state = optimizer.state_dict()
    optimizer.param_groups.pop()
    with pytest.raises(ValueError, match="1 groups, but there were 2: what an optimiser moves is fixed"):
        optimizer.load_state_dict(state)


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
@pytest.mark.parametrize("most", [1, 3])
def test_what_lbfgs_remembers_is_plain_and_in_the_precision_of_the_parameter(search: str | None, most: int) -> None:
    w = Value(np.array([1.0, -2.0], np.float32))
    optimizer = optim.LBFGS([w], line_search_fn=search, max_iter=most)

    def closure() -> Any:
        optimizer.zero_grad()
        cost = (w**4 * np.array([1.0, 3.0], np.float32)).sum()
        cost.backward()
        return cost

    optimizer.step(closure)
    state = optimizer.state_dict()["state"]
    assert [type(state[name]) for name in ("n_iter", "func_evals", "t", "scale")] == [int, int, float, float]
    for x in (state["d"], state["gradient"], *state["changes"], *state["steps"], w.data):
        assert x.dtype == np.float32


def test_what_was_assigned_is_checked_before_lbfgs_asks_for_a_cost() -> None:
    optimizer = optim.LBFGS([Value([1.0])])
    optimizer.param_groups[0]["max_iter"] = 0
    with pytest.raises(ValueError, match="group 0: max_iter=0: "):
        optimizer.step(lambda: pytest.fail("the closure was called"))


def test_each_of_three_schedules_begins_where_the_one_before_ends() -> None:
    optimizer = optim.SGD([Value(1.0)], 1.0)
    warm, down, steps = (
        optim.LinearLR(optimizer, 0.5, 1.0, 2),
        optim.ExponentialLR(optimizer, 0.5),
        optim.StepLR(optimizer, 2),
    )
    schedule, found = optim.SequentialLR(optimizer, [warm, down, steps], [2, 5]), []
    for _ in range(8):
        found += schedule.get_last_lr()
        schedule.step()
    assert found == pytest.approx([0.5, 0.75, 1.0, 0.5, 0.25, 1.0, 1.0, 0.1])


def test_options_that_a_state_of_lbfgs_has_not_are_gone_with_it() -> None:
    optimizer = optim.LBFGS([Value([1.0])])
    state = optimizer.state_dict()
    optim.StepLR(optimizer, 1)
    assert optimizer.param_groups[0]["initial_lr"] == 1.0
    optimizer.load_state_dict(state)
    assert "initial_lr" not in optimizer.param_groups[0]
    assert optimizer.state_dict()["param_groups"] == state["param_groups"]  # and nothing is missed
    optimizer.param_groups.append({})
    with pytest.raises(ValueError, match="2 groups, but there were 1"):
        optimizer.load_state_dict(state)


def test_the_state_of_lbfgs_is_saved_in_a_file(tmp_path: Any) -> None:
    w = [Value(x) for x in start()]
    one = optim.LBFGS(w, lr=0.001)
    one.step(closed(one, w))
    mg.save(tmp_path / "state.npz", optimizer=one)
    other = optim.LBFGS(w, lr=0.5)
    mg.load(tmp_path / "state.npz", optimizer=other)
    np.testing.assert_equal(one.state_dict(), other.state_dict())


def test_what_lbfgs_cannot_do_says_so() -> None:
    w = Value(1.0)
    one = optim.LBFGS([w])
    with pytest.raises(TypeError, match=r"wants the closure: a function that calls zero_grad\(\)"):
        one.step()
    with pytest.raises(TypeError, match="returns the cost, one number; got None"):
        one.step(lambda: None)
    with pytest.raises(ValueError, match="in one group; got 2"):
        optim.LBFGS([{"params": [w]}, {"params": [Value(2.0)]}])
    with pytest.raises(ValueError, match="'strong_wolfe' or None"):
        optim.LBFGS([w], line_search_fn="armijo")
    with pytest.raises(ValueError, match="max_iter=0"):
        optim.LBFGS([w], max_iter=0)
    state = one.state_dict()
    for edit, says in (
        ({"optimizer": "SGD"}, "it is of 'SGD'"),
        ({"state": {"d": 1}}, "lacks n_iter"),
        ({"param_groups": []}, "of one"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=says):
            one.load_state_dict(state | edit)

    @mg.compile
    def step(x: Any) -> Any:
        return one.step(lambda: (w * x).sum())

    with pytest.raises(TypeError, match="compile the closure"):
        step(np.ones(2))


# ------------------------------------------------------------------------------------------------------------ plateau

PLATEAUS: list[dict[str, Any]] = [
    {},
    {"patience": 1, "factor": 0.5, "cooldown": 2, "min_lr": 0.01},
    {"mode": "max", "threshold_mode": "abs", "threshold": 0.1, "patience": 0},
    {"mode": "max", "threshold": 0.2, "patience": 2},
    {"patience": 0, "min_lr": [0.001, 0.1], "eps": 1e-3, "threshold_mode": "abs"},
]


def two_groups(module: Any, w: list[Any]) -> Any:
    return module.SGD([{"params": w[:1], "lr": 0.4}, {"params": w[1:]}], lr=0.3)


@pytest.mark.parametrize("options", PLATEAUS)
def test_sixty_step_sizes_are_those_of_pytorch(options: dict[str, Any]) -> None:
    torch: Any = pytest.importorskip("torch")
    numbers = np.random.default_rng(1).normal(size=60).cumsum()
    mine = two_groups(optim, [Value(1.0), Value(2.0)])
    yours = two_groups(torch.optim, [torch.tensor(1.0, requires_grad=True) for _ in range(2)])
    schedule = optim.ReduceLROnPlateau(mine, **options)
    other = torch.optim.lr_scheduler.ReduceLROnPlateau(yours, **options)
    for t, number in enumerate(numbers):
        schedule.step(number if t % 2 else Value(number))
        yours.step()
        other.step(number)
        np.testing.assert_allclose(schedule.get_last_lr(), other.get_last_lr(), rtol=1e-12)
        assert [group["lr"] for group in mine.param_groups] == schedule.get_last_lr()
        if t == 30:  # saved and restored on the way
            saved = copy.deepcopy(schedule.state_dict())
            schedule = optim.ReduceLROnPlateau(mine, **options)
            schedule.load_state_dict(saved)


def test_a_step_size_that_was_assigned_is_what_is_reduced() -> None:
    optimizer = optim.SGD([Value(1.0)], lr=0.1)
    schedule = optim.ReduceLROnPlateau(optimizer, patience=0, factor=0.5)
    schedule.step(1.0)
    optimizer.param_groups[0]["lr"] = 0.8
    schedule.step(1.0)
    assert schedule.get_last_lr() == [0.4]


@pytest.mark.parametrize(("call", "error", "says"), [
    (lambda o: optim.ReduceLROnPlateau(o).step(), TypeError, "wants the number that is to fall"),
    (lambda o: optim.ReduceLROnPlateau(o).step("low"), TypeError, "wants one number; got 'low'"),
    (lambda o: optim.ReduceLROnPlateau(o, factor=1.0), ValueError, "factor=1.0: .* is a number below 1"),
    (lambda o: optim.ReduceLROnPlateau(o, mode="least"), ValueError, "'min' or 'max'"),
    (lambda o: optim.ReduceLROnPlateau(o, patience=-1), ValueError, "patience=-1"),
    (lambda o: optim.ReduceLROnPlateau(o, min_lr=[0.1, 0.2]), ValueError, "one for each group"),
    (lambda o: optim.ReduceLROnPlateau(3), TypeError, "wants an optimiser first; got 3"),
    (lambda o: optim.ReduceLROnPlateau(o).load_state_dict({"schedule": "StepLR"}), ValueError, "does not fit"),
])  # fmt: skip
def test_what_makes_no_plateau_says_so(call: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=says):
        call(optim.SGD([Value(1.0)], lr=0.1))
