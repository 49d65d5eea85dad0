"""Programs that people write, as they write them: each compiled gives what it gives as it is."""

from __future__ import annotations

import importlib.util
import io
import logging
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import Value, nn, optim
from microgradnet import functional as F
from microgradnet.programs import Uncompilable

Decorator = Callable[[Any], Any]
PROGRAMS: dict[str, Callable[[Decorator], list[float]]] = {}


def program(f: Callable[[Decorator], list[float]]) -> Callable[[Decorator], list[float]]:
    PROGRAMS[f.__name__] = f
    return f


def batch(i: int, n: int = 8) -> tuple[Any, Any]:
    x = np.random.default_rng(i).normal(size=(n, 3)).astype(np.float32)
    return x, (x.sum(axis=1, keepdims=True) > 0).astype(np.float32)


@program
def two_networks_against_each_other(compiled: Decorator) -> list[float]:
    """The second network is read again after it has moved."""
    maker, judge = nn.MLP(2, [8, 3], F.relu, seed=0), nn.MLP(3, [8, 1], F.relu, seed=1)
    moves = [optim.Adam(model.parameters(), lr=1e-2) for model in (maker, judge)]

    @compiled
    def step(real: Any, noise: Any) -> Any:
        fake = maker(noise)
        moves[1].zero_grad()
        judged = F.softplus(-judge(real)).mean() + F.softplus(judge(fake.detach())).mean()
        judged.backward()
        moves[1].step()
        moves[0].zero_grad()
        moves[1].zero_grad()
        made = F.softplus(-judge(fake)).mean()
        made.backward()
        moves[0].step()
        return judged, made

    noise = [np.random.default_rng(i).normal(size=(8, 2)).astype(np.float32) for i in range(6)]
    return [x.item() for i in range(6) for x in step(batch(i)[0], noise[i])]


@program
def a_gradient_penalty(compiled: Decorator) -> list[float]:
    model = nn.MLP(3, [8, 1], np.tanh, seed=1)
    optimizer = optim.SGD(model.parameters(), lr=1e-2)

    @compiled
    def step(x: Any) -> Any:
        optimizer.zero_grad()
        slope = mg.grad(lambda x: model(x).sum())(Value(x))
        cost = model(x).mean() + 10 * ((np.sqrt((slope**2).sum(axis=1) + 1e-8) - 1) ** 2).mean()
        cost.backward()
        optimizer.step()
        return cost

    return [step(batch(i)[0]).item() for i in range(6)]


@program
def tied_weights(compiled: Decorator) -> list[float]:
    class Tied(nn.Module):
        def __init__(self) -> None:
            self.weight = Value(np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32))

        def forward(self, x: Any) -> Any:
            return np.tanh(x @ self.weight) @ self.weight.T

    model = Tied()
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    @compiled
    def step(x: Any) -> Any:
        optimizer.zero_grad()
        cost = ((model(x) - x) ** 2).mean()
        cost.backward()
        optimizer.step()
        return cost

    return [step(batch(i)[0]).item() for i in range(6)]


@dataclass
class Config:
    lr: float = 0.1
    activation: str = "tanh"


@program
def a_config_that_is_changed_on_the_way(compiled: Decorator) -> list[float]:
    config, w = Config(), Value(np.ones((3, 1), np.float32))

    @compiled
    def step(config: Config, x: Any, y: Any) -> Any:
        out = np.tanh(x @ w) if config.activation == "tanh" else x @ w
        cost = ((out - y) ** 2).mean()
        w.grad = None
        cost.backward()
        w.data -= config.lr * w.grad
        return cost

    costs = []
    for i in range(9):
        if i == 4:
            config.lr = 0.5
        if i == 6:
            config.activation = "none"
        costs.append(step(config, *batch(i)).item())
    return costs


class Trainer:
    def __init__(self, seed: int) -> None:
        self.model, self.scale = nn.Linear(3, 1, seed=seed), 1.0
        self.optimizer = optim.SGD(self.model.parameters(), lr=0.1)

    def cost(self, x: Any, y: Any) -> Any:
        return self.scale * ((self.model(x) - y) ** 2).mean()

    def step(self, x: Any, y: Any) -> Any:
        self.optimizer.zero_grad()
        cost = self.cost(x, y)
        cost.backward()
        self.optimizer.step()
        return cost


@program
def methods_of_two_trainers(compiled: Decorator) -> list[float]:
    class Decorated(Trainer):
        step = compiled(Trainer.step)

    trainers, costs = (Decorated(0), Decorated(1)), []
    for i in range(7):
        trainers[0].scale = 1.0 if i < 4 else 3.0
        costs += [trainer.step(*batch(i)).item() for trainer in trainers]
    return costs


@program
def functions_made_in_a_loop(compiled: Decorator) -> list[float]:
    made = [compiled(lambda x, k=k: (x * k).sum()) for k in range(3)]
    acts = [lambda x: x * 2, np.tanh]

    @compiled
    def through_all(x: Any) -> Any:
        for act in acts:
            x = act(x)
        return x.sum()

    found = []
    for i in range(6):
        if i == 4:
            acts[0] = lambda x: x * 3
        found += [float(f(batch(i)[0])) for f in (*made, through_all)]
    return found


@program
def four_threads_at_once(compiled: Decorator) -> list[float]:
    model = nn.MLP(3, [8, 1], np.tanh, seed=0)
    f = compiled(lambda x: model(x).sum())
    found = {i: f(batch(i)[0]).item() for i in range(3)}

    def work(i: int) -> None:
        for _ in range(20):
            found[i] = f(batch(i)[0]).item()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[i] for i in range(4)]


@program
def one_compiled_function_in_another(compiled: Decorator) -> list[float]:
    model = nn.Linear(3, 1, seed=0)
    inner = compiled(lambda x: np.tanh(model(x)))
    outer = compiled(lambda x, y: ((inner(x) - y) ** 2).mean())
    return [outer(*batch(i)).item() for i in range(5)] + [inner(batch(i)[0]).sum().item() for i in range(4)]


@program
def half_precision(compiled: Decorator) -> list[float]:
    model = nn.MLP(3, [8, 1], np.tanh, seed=0).astype(np.float16)
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    @compiled
    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        cost = ((model(x.astype(np.float16)) - y.astype(np.float16)) ** 2).mean()
        cost.backward()
        optimizer.step()
        return cost

    return [float(step(*batch(i)).item()) for i in range(6)]


@program
def a_forward_that_depends_on_the_mode(compiled: Decorator) -> list[float]:
    class Model(nn.Module):
        def __init__(self) -> None:
            self.layer, self.drop, self.skip = nn.Linear(3, 3, seed=0), nn.Dropout(0.5, seed=1), True

        def forward(self, x: Any) -> Any:
            hidden = self.drop(self.layer(x))
            if self.training:
                hidden = hidden * 1.5
            return hidden + x if self.skip else hidden

    model = Model()
    f, found = compiled(model), []
    for i in range(9):
        if i in (4, 7):
            model.train(i == 7)
        model.skip = i != 6
        found.append(f(batch(i)[0]).sum().item())
    return found


@program
def a_whole_epoch_in_one_call(compiled: Decorator) -> list[float]:
    """Preprocessing with NumPy, mini-batches, clipping, a schedule, accuracy."""
    model = nn.MLP(3, [8, 2], np.tanh, seed=0)
    optimizer = optim.AdamW(model.parameters(), lr=0.1)
    schedule = optim.CosineAnnealingLR(optimizer, 10)

    @compiled
    def epoch(x: Any, labels: Any) -> Any:
        x = np.clip((x - x.mean(axis=0)) / (x.std(axis=0) + 1e-6), -2, 2).astype(np.float32)
        total, right = 0.0, 0.0
        for some, wanted in zip(np.split(x, 2), np.split(labels, 2), strict=True):
            optimizer.zero_grad()
            out = model(some)
            cost = F.cross_entropy(out, wanted)
            cost.backward()
            optim.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
            total = total + cost
            right = right + (out.data.argmax(axis=1) == wanted).mean()
        schedule.step()
        return {"cost": total, "accuracy": right / 2}

    found = []
    for i in range(6):
        x, y = batch(i)
        found += [float(np.sum(getattr(v, "data", v))) for v in epoch(x, y[:, 0].astype(int)).values()]
    return found


@program
def gradients_gathered_over_several_calls(compiled: Decorator) -> list[float]:
    model = nn.Linear(3, 1, seed=0)
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    @compiled
    def gather(x: Any, y: Any) -> Any:
        cost = ((model(x) - y) ** 2).mean() / 2
        cost.backward()
        return cost

    @compiled
    def move() -> None:
        optimizer.step()
        optimizer.zero_grad()

    costs = []
    for i in range(12):
        costs.append(gather(*batch(i)).item())
        if i % 2:
            move()
    return costs


@program
def a_loop_until_it_is_exact(compiled: Decorator) -> list[float]:
    @compiled
    def root(a: float) -> Any:
        x = a
        while abs(x * x - a) > 1e-6:
            x = 0.5 * (x + a / x)
        return x

    return [float(root(a)) for a in (2.0, 3.0, 5.0, 2.0, 2.0, 3.0)]


@pytest.mark.parametrize("name", PROGRAMS)
def test_as_numpy_it_gives_the_same_bits(name: str) -> None:
    assert PROGRAMS[name](mg.compile(backend="numpy")) == PROGRAMS[name](lambda f: f)


@pytest.mark.skipif(importlib.util.find_spec("llvmlite") is None, reason="llvmlite is not installed")
@pytest.mark.parametrize("name", PROGRAMS)
def test_natively_it_gives_the_same_within_rounding(name: str) -> None:
    eager = PROGRAMS[name](lambda f: f)
    tolerance = 0.01 if name == "half_precision" else 1e-4
    np.testing.assert_allclose(PROGRAMS[name](mg.compile(backend="native")), eager, rtol=tolerance, atol=tolerance / 10)


# ----------------------------------------------------------------------------------------------- what is told instead


def line_of(text: str) -> int:
    with open(__file__, encoding="utf-8") as file:
        return next(i for i, line in enumerate(file, 1) if text in line)


COUNTS = [0]
RANDOM = np.random.default_rng(0)
LOGGER = logging.getLogger("people")
FILE = io.StringIO()


def counting(x: Any) -> Any:
    COUNTS[0] += 1
    return x.sum()


def drawing(x: Any) -> Any:
    return (x + RANDOM.normal(size=3)).sum()


def logging_it(x: Any) -> Any:
    LOGGER.warning("one more")
    return x.sum()


def writing(x: Any) -> Any:
    FILE.write("one more\n")
    return x.sum()


def catching(x: Any) -> Any:
    y = x.sum()
    try:
        return y if y > 0 else -y  # the choice
    except TypeError:
        return y * 3


@pytest.mark.parametrize(("f", "line", "says"), [
    (counting, "COUNTS[0] += 1", r"COUNTS\[0\] = 0, and then 1 .*what is to be kept is returned"),
    (drawing, "RANDOM.normal(size=3)", "draws random numbers from RANDOM .*What is another in every call"),
    (logging_it, 'LOGGER.warning("one', r"logging in a compiled step.*mg\.host_call\(logger\.info, text, x\)"),
    (writing, 'FILE.write("one', r"write\(\) in a compiled step.*mg\.host_call\(file\.write, text\)"),
    (catching, "# the choice", r"a choice .*np\.where"),
])  # fmt: skip
def test_it_is_told_with_its_line(f: Any, line: str, says: str) -> None:
    """Also what a step catches itself."""
    COUNTS[0] = 0
    with pytest.raises(Uncompilable, match=says) as caught:
        mg.compile(f, backend="numpy")(np.ones(3))
    assert re.search(rf"test_people\.py:{line_of(line)}, in {f.__name__}", str(caught.value))


def test_a_warning_while_it_is_recorded_is_shown() -> None:
    """That is written by Python, not by the step."""
    f = mg.compile(lambda x: np.log(x).sum(), backend="numpy")
    for _ in range(3):
        with pytest.warns(RuntimeWarning, match="divide by zero"):
            f(np.zeros(2))
