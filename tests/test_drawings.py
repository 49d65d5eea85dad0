"""Drawings as they were looked at and found good: their text, their DOT source and what their page is made of.

tests/drawings.txt has all three. Where drawings are meant to change, look at them, and `python -m tests.test_drawings`
writes the file anew: what changed is then in the diff.
"""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
import microgradnet.functional as F
from microgradnet import Value, draw, nn
from microgradnet.viz.drawing import as_json
from tests import descriptions

PAGE = Path(__file__).with_name("drawings.txt")
inf, nan = np.inf, np.nan


def expression() -> Any:
    a, b = Value(2.0, name="a"), Value(-3.0, name="b")
    c = a * b + a**2
    return (c - 1.5) / (b + 4.0) * np.maximum(c, 0.25)


def matrices() -> Any:
    x = Value(np.arange(6.0).reshape(2, 3) - 2, name="x")
    w = Value(np.array([[1.0, -0.5, 2.0]] * 4), name="a name that is longer than the sixty characters a label can hold")
    h = np.tanh(x @ w.T + np.array([0.5, -1.0, 0.0, 2.0]))
    return np.where(h > 0, h * np.array([1, 2, 3, 4]), 0.1 * h[:, [0, 0, 1, 3]]).sum(axis=0)


def alarms() -> Any:
    x, y = Value([1.0, 0.0, inf, nan], name="x"), Value(0.0, name="y")
    with np.errstate(all="ignore"):
        return np.log(x) * np.array([1.0, nan, 2.0, 0.0]) + np.sqrt(y) / Value([[0.0]], name="z")


def alarms_in_a_chain(x: Any) -> Any:
    with np.errstate(all="ignore"):
        return np.exp(np.sin(np.cos(np.sqrt(np.log(Value(x)) * 2.0))))


def outputs() -> list[Any]:
    """Three, of which one is computed from another, and one has no slope."""
    x = Value([1.0, 2.0], name="x")
    first = np.exp(x)
    return [first, first.sum() * 2, first > 2.0]


def loop(n: int) -> Any:
    x, w = Value(np.ones(2), name="x"), Value(np.eye(2), name="w")
    for _ in range(n):
        x = np.tanh(w @ x + 0.5)
    return (x * x).sum()


def chain() -> Any:
    x = Value(0.5)
    return np.exp(np.sin(np.cos(np.tanh(np.sqrt(x)))))


def mixed() -> Any:
    """Nothing that repeats: only stretches can fold it."""
    rows = [np.sin, np.cos, np.tanh, np.exp, np.negative, np.square]
    x, total = Value(0.5, name="x"), Value(1.0, name="total")
    for k in range(40):
        x = rows[(k * k + k // 3) % 6](x) * 0.5 + 0.25
        total = total + x * float(k % 7) if k % 4 == 1 else total
    return total


def network() -> nn.Sequential:
    model = nn.Sequential(nn.Linear(3, 4), np.tanh, nn.Dropout(0.5), nn.Residual(nn.Linear(4, 4)), nn.Linear(4, 2))
    for k, p in enumerate(model.parameters()):
        p.data = ((np.arange(p.size) * 7 % 11 - 5).reshape(p.shape) / (8.0 + k)).astype(np.float32)
    return model.eval()


def trained() -> Any:
    model, x = network(), np.array([[1.0, -1.0, 0.5]], np.float32)
    model[0].freeze()  # type: ignore[union-attr]
    return F.cross_entropy(model(x), [1])


def layer() -> Any:
    made = nn.Linear(2, 2, bias=False, seed=0)
    made.weight.data = np.array([[0.5, 1.0], [-0.25, 2.0]], np.float32)
    return (made(np.ones((3, 2), np.float32)) ** 2).sum()


def second() -> Any:
    x = Value(3.0, name="x")
    (x**3).backward(create_graph=True)
    return x.grad


def corners() -> list[Any]:
    """Arrays of one element and of none, of booleans and integers, of the largest and the smallest numbers."""
    one, none = Value([nan], name="one"), Value(np.zeros((0, 3)), name="none")
    half, large = Value(np.array([[0.1]], np.float16)), Value(np.full(3, 1.6e308), name="large")
    small = Value([5e-324, -0.0, 1e-5], name="small")
    truths = small > np.array([0.0])
    return [one * np.array([[inf]]), none.sum(axis=0), half * 0.5, large * 1.0, small * truths, np.argmax(large)]


def convolved() -> Any:
    """Operations with many parameters, and one of many inputs."""
    image, kernel = Value(np.arange(32.0).reshape(1, 2, 4, 4), name="image"), Value(np.ones((2, 1, 2, 2)))
    y = F.conv2d(image, kernel, stride=(1, 2), padding=1, dilation=1, groups=2)
    y = F.max_pool2d(y, 2, stride=1, padding=1)
    return np.concatenate([y.ravel(), *[Value(k) * np.ones(k) for k in range(1, 7)]]).sum(axis=0)


class Tower(nn.Module):
    """Modules in modules, one of a name longer than the hundred characters that a frame can show."""

    def __init__(self) -> None:
        long: Any = type("N" * 120, (nn.Sequential,), {})
        self.inner = long(nn.Sequential(plain(2), np.negative, nn.Residual(plain(2))), np.square)
        self.heads = [plain(2), plain(2)]

    def forward(self, x: Any) -> Any:
        y, (first, second) = self.inner(x), self.heads
        return [first(y), second(y)]


def plain(n: int) -> nn.Linear:
    made = nn.Linear(n, n, seed=0)
    made.weight.data, made.bias.data = np.eye(n, dtype=np.float32), np.zeros(n, np.float32)
    return made


def released() -> Any:
    x = Value([1.0, 2.0], name="x")
    y = (x * x).sum()
    y.backward(release=True)
    return y


X = np.array([[1.0, -1.0, 0.5]], np.float32)
KNOWN = np.array([1.0, 2.0])
DRAWINGS: dict[str, Callable[[], Any]] = {
    "an expression": lambda: draw(expression()),
    "with weights, from the left, with a title": lambda: draw(expression(), weights=True, direction="LR", title="one"),
    "without gradients": lambda: draw(expression(), gradients=False),
    "matrices": lambda: draw(matrices(), fold=()),
    "matrices with weights, constants folded": lambda: draw(matrices(), fold="constants", weights=True),
    "alarms": lambda: draw(alarms(), weights=True),
    "alarms folded": lambda: draw(alarms(), fold="all"),
    "alarms in a folded chain": lambda: draw(alarms_in_a_chain([0.0, 1.0, nan]), fold="chains"),
    "alarms in a folded chain of numbers": lambda: draw(alarms_in_a_chain(0.0), fold="all"),
    "alarms in a model, folded": lambda: draw(network(), X * nan, depth=0),
    "several outputs": lambda: draw(*outputs()),
    "nothing flows": lambda: draw(outputs()[2]),
    "a leaf": lambda: draw(Value([[1.5]], name="alone")),
    "names, one of them of nothing": lambda: draw((Value([1.0, 2.0]) * KNOWN).sum(), names={"k": KNOWN, "no": X}),
    "a loop": lambda: draw(loop(4), fold="repeats"),
    "a loop, all of it folded": lambda: draw(loop(4), fold="all"),
    "a chain": lambda: draw(chain(), fold="chains"),
    "as many as the cap": lambda: draw(chain(), cap=6),
    "one more than the cap": lambda: draw(chain(), cap=5),
    "in stretches": lambda: draw(mixed(), cap=12),
    "a model": lambda: draw(network(), X),
    "a model, one level": lambda: draw(network(), X, depth=1),
    "a model, unfolded": lambda: draw(network(), X, fold=()),
    "a model's cost, a layer frozen": lambda: draw(trained(), depth=2, weights=True),
    "a layer as one box": lambda: draw(layer(), depth=0),
    "a gradient": lambda: draw(second()),
    "corners": lambda: draw(*corners(), fold=()),
    "corners, with weights": lambda: draw(*corners()[:3], weights=True),
    "many parameters and many inputs": lambda: draw(convolved(), weights=True),
    "modules in modules": lambda: draw(Tower(), X[:, :2], title="t" * 110),
    "modules in modules, two levels": lambda: draw(Tower(), X[:, :2], depth=2),
    "a history that is gone": lambda: draw(released()),
    "a name that is cut": lambda: draw(Value(1.0, name="n" * 400) * 2.0),
    "a hook": lambda: draw(mg.hook(Value(2.0, name="x"), lambda g: g) * 3.0),
}


def described(drawing: Any) -> list[str]:
    """Text, source and, of a drawing with frames, its page; without where this file lies."""
    lines = [*drawing.text.splitlines(), *drawing.source.splitlines()]
    page = as_json(drawing._large, drawing._small, drawing._title, drawing._direction)
    if page["groups"]:
        for node in page["nodes"]:
            del node["details"]  # the source has them
        lines += [f"{key}: {json.dumps(x, ensure_ascii=False)}" for key in page for x in several(page[key])]
    return [re.sub(r'[^\s"]*tests[/\\]+(\w+\.py):\d+', r"\1", line).rstrip() for line in lines if line.strip()]


def several(x: Any) -> list[Any]:
    return x if isinstance(x, list) else [x]


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_what_it_was(name: str) -> None:
    assert described(DRAWINGS[name]()) == descriptions.read(PAGE)[name]


@pytest.mark.parametrize("on", [True, False])
def test_drawing_leaves_the_garbage_collector_as_it_was(on: bool) -> None:
    was_on = gc.isenabled()
    try:
        (gc.enable if on else gc.disable)()
        draw(expression())
        with pytest.raises(TypeError):
            draw(3)
        assert gc.isenabled() is on
    finally:
        (gc.enable if was_on else gc.disable)()


def test_the_file_has_these_drawings() -> None:
    assert list(descriptions.read(PAGE)) == list(DRAWINGS)


if __name__ == "__main__":
    descriptions.write(PAGE, {name: described(made()) for name, made in DRAWINGS.items()})
