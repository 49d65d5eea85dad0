"""gradient_report: every number is counted once, and what it names is what the gradient holds."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import Value, nn
from microgradnet.nn.report import named_gradients, strongest


def swept(seed: int = 0) -> nn.MLP:
    model = nn.MLP(5, [4, 3], activation=np.tanh, seed=seed)
    x = np.random.default_rng(seed).normal(size=(6, 5)).astype(np.float32)
    x[:, 2] = 0  # its weights have slope 0
    (model(x) ** 2).sum().backward()
    return model


def table(report: str) -> dict[str, list[int]]:
    rows = report.splitlines()[1 : report.splitlines().index(next(s for s in report.splitlines() if "matter" in s))]
    return {row.split()[0]: [int(n) for n in row.split()[1:5]] for row in rows}


def test_every_number_is_counted_by_its_way() -> None:
    model = swept()
    rows = table(nn.gradient_report(model))
    assert list(rows) == [name for name, _ in model.named_parameters()]
    for name, p in model.named_parameters():
        g = np.asarray(p.grad)
        assert rows[name] == [p.size, int((g < 0).sum()), int((g > 0).sum()), int((g == 0).sum())]
    assert rows["layers.0.weight"][3] == 4  # away from the input that is always 0


def test_those_that_matter_most_are_named_by_their_place() -> None:
    model = swept()
    parameters = dict(model.named_parameters())
    lines = nn.gradient_report(model, n=39).split("matter most:\n")[1].splitlines()
    assert len(lines) == model.parameter_count() == 39
    seen = []
    for line in lines:
        path, place, slope, way = re.match(r"  (\S+)\[([\d, ]+)\] +(\S+)  nudge (\w+)", line).groups()  # type: ignore[union-attr]
        g = parameters[path].grad[tuple(map(int, place.split(", ")))]
        assert float(slope) == pytest.approx(float(g), rel=1e-3, abs=1e-12)
        assert way == ("up" if g < 0 else "down" if g > 0 else "nowhere")
        seen.append(abs(float(g)))
    assert seen == sorted(seen, reverse=True)
    assert len({line.split("  ")[1] for line in lines}) == 39


def test_a_gradient_that_was_returned_says_the_same_as_one_deposited() -> None:
    model, x = swept(), np.ones((2, 5), np.float32)
    model.zero_grad()
    gradient = mg.grad(lambda m: (m(x) ** 2).sum())(model)
    returned = nn.gradient_report(model, gradient)
    (model(x) ** 2).sum().backward()
    assert nn.gradient_report(model) == returned


def test_what_nothing_flowed_to_is_left_alone() -> None:
    model = swept()
    for p in model.layers[0].parameters():
        p.grad = None
    assert table(nn.gradient_report(model))["layers.0.weight"] == [20, 0, 0, 20]


def test_without_any_gradient_it_says_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"call backward\(\)"):
        nn.gradient_report(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="Sigmoid has no parameters"):
        nn.gradient_report(nn.Sigmoid())


@pytest.mark.parametrize("n", [-1, 1.5, True])
def test_n_is_a_number_of_numbers(n: Any) -> None:
    with pytest.raises(ValueError, match="how many"):
        nn.gradient_report(swept(), n=n)


class Odd(nn.Module):
    def __init__(self) -> None:
        self.scale = Value(2.0)
        self.block = Value(np.arange(24.0).reshape(2, 3, 4))
        self.again = self.block

    def forward(self, x: Any) -> Any:
        return (self.block * self.scale * x).sum()


def test_parameters_of_any_shape_are_named_and_tied_ones_counted_once() -> None:
    odd = Odd()
    odd(1.0).backward()
    lines = nn.gradient_report(odd, n=2).splitlines()
    assert [line.split()[:2] for line in lines[1:3]] == [["scale", "1"], ["block", "24"]]
    assert "2 of 25 numbers" in lines[3]
    assert lines[4].split()[:2] == ["scale", "+276"]
    assert lines[5].startswith("  block[0, 0, 0]")


def test_a_gradient_of_nan_comes_first() -> None:
    model = swept()
    model.layers[1].bias.grad[1] = np.nan
    assert strongest(named_gradients(model), 1)[0][0] == "layers.1.bias[1]"
    report = nn.gradient_report(model, n=1)
    assert table(report)["layers.1.bias"][0] == 3
    assert sum(table(report)["layers.1.bias"][1:]) == 2
    assert "nudge ?" in report


def test_a_report_of_no_numbers_has_the_table_alone() -> None:
    line = nn.Linear(2, 1)
    line([3.0, -1.0]).sum().backward()
    *table, last = nn.gradient_report(line, n=0).splitlines()
    assert len(table) == 3
    assert last == "the 0 of 3 numbers that matter most:"
