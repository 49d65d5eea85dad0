"""Drawings: what is there is drawn, whatever its size, and nothing is changed by drawing it."""

from __future__ import annotations

import gc
import html
import itertools
import json
import math
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgradnet as mg
import microgradnet.functional as F
from microgradnet import Value, draw, nn
from microgradnet.viz import render
from microgradnet.viz.boxes import Box, in_order, spelled
from microgradnet.viz.dot import STYLES
from microgradnet.viz.drawing import as_json
from microgradnet.viz.fold import WAYS, fold, in_stretches, tandem_runs
from microgradnet.viz.graph import read
from microgradnet.viz.homes import is_owner
from microgradnet.viz.scene import in_better_direction, opened, with_places


class Parsed:
    """DOT text, read by Graphviz's own parser."""

    def __init__(self, source: str) -> None:
        pygraphviz = pytest.importorskip("pygraphviz", reason="pygraphviz, of the extra viz, is not installed")
        self.graph = json.loads(pygraphviz.AGraph(string=source).draw(format="dot_json", prog="dot"))
        objects = self.graph.get("objects", [])
        self.nodes = {o["name"]: o for o in objects if "nodes" not in o}
        self.label = {name: o["label"].replace("\\n", "\n") for name, o in self.nodes.items()}
        self.clusters = {o["label"].removesuffix("\\l"): len(o["nodes"]) for o in objects if "nodes" in o}
        self.arrows = self.graph.get("edges", [])
        for arrow in self.arrows:
            if "label" in arrow:  # a table
                arrow["label"] = html.unescape(re.sub("<[^>]*>", "", arrow["label"].replace("<br/>", "\\n")))
        self.edges = [(objects[e["tail"]]["name"], objects[e["head"]]["name"]) for e in self.arrows]

    def titles(self) -> list[str]:
        return [self.title(f"n{i}") for i in range(len(self.label))]

    def title(self, node: str) -> str:
        return self.label[node].split("\n")[0]

    def edge_labels(self, target: str) -> list[str]:
        """The labels of the edges into a box, each after its source's title: "a 1"."""
        pairs = zip(self.edges, self.arrows, strict=True)
        into = [(self.title(a), arrow.get("label", "")) for (a, b), arrow in pairs if self.title(b) == target]
        return sorted(f"{title} {label}".strip() for title, label in into)


def readme_expression() -> tuple[Value, Value, Value]:
    a, b = Value(-4.0, name="a"), Value(2.0, name="b")
    c, d = a + b, a * b + b**3
    c = c + (c + 1)
    c = c + (1 + c + (-a))
    d = d + (d * 2 + (b + a).relu())
    d = d + (3 * d + (b - a).relu())
    e = c - d
    f = e**2
    return a, b, f / 2.0 + 10.0 / f


def article() -> nn.MLP:
    return nn.MLP(784, [16, 16, 10], activation=F.sigmoid, final_activation=F.sigmoid, seed=0)


def images(n: int = 3) -> np.ndarray:
    return np.random.default_rng(0).random((n, 784), dtype=np.float32)


# ------------------------------------------------------------------------------------------------- what is there


def test_both_edges_of_a_repeated_operand_are_drawn() -> None:
    x = Value(3.0, name="x")
    parsed = Parsed(draw(x * x + x).source)
    assert parsed.titles() == ["x", "×", "+"]
    assert Counter(parsed.edges) == {("n0", "n1"): 2, ("n1", "n2"): 1, ("n0", "n2"): 1}


def test_micrograds_expression_is_drawn_with_its_gradients() -> None:
    a, b, g = readme_expression()
    parsed = Parsed(draw(g).source)
    operations = [title for title in parsed.titles() if title in {"+", "−", "×", "÷", "**", "relu"}]
    assert len(operations) == len(mg.core.history(g)) == 25
    assert "a\n-4\ngradient 138.8" in parsed.label.values()
    assert "b\n2\ngradient 645.6" in parsed.label.values()
    assert any(label.startswith("+\n24.7\ngradient 1") for label in parsed.label.values())
    edges = sum(len(value.args) for value in mg.core.history(g))
    assert len(parsed.edges) == edges
    assert a.grad is b.grad is None


def test_the_order_of_arguments_is_shown_where_it_matters() -> None:
    a, b = Value(1.0, name="a"), Value(2.0, name="b")
    assert Parsed(draw(b - a).source).edge_labels("−") == ["a 2", "b 1"]
    assert Parsed(draw(a - a).source).edge_labels("−") == ["a 1", "a 2"]
    assert Parsed(draw(a + b).source).edge_labels("+") == ["a", "b"]
    layer = nn.Linear(2, 3, seed=0)
    assert Parsed(draw(layer, np.ones((1, 2), "f4")).source).edge_labels("Wx+b") == ["bias bias", "weight weight", "x"]
    chosen = np.where(a > b, a, b)
    assert Parsed(draw(chosen).source).edge_labels("where") == ["> condition", "a x", "b y"]
    joined = np.concatenate([np.stack([a, b]), np.stack([b])])
    assert len(Parsed(draw(joined).source).edge_labels("concatenate")) == 2


def test_kinds_are_told_apart_by_colour_and_by_shape() -> None:
    shapes = [(shape, fill) for shape, fill, *_ in STYLES.values()]
    assert len({shape for shape, _ in shapes}) == len({fill for _, fill in shapes}) == len(STYLES) == 8
    model = nn.Sequential(nn.Linear(2, 2, seed=0), np.tanh)
    scale = Value(2.0, name="scale")
    drawing = draw(model(np.ones((1, 2), "f4")) * scale + 1.0, fold="modules")
    kinds = {n["class"]: (n["shape"], n["fillcolor"]) for n in Parsed(drawing.source).nodes.values()}
    assert {"input", "constant", "operation", "output", "folded"} <= set(kinds)
    assert all(kinds[kind] == STYLES[kind][:2] for kind in kinds)
    unfolded = Parsed(draw(model, np.ones((1, 2), "f4")).source).nodes.values()
    assert [n["class"] for n in unfolded].count("parameter") == 2


def test_arrays_say_their_shape_numbers_and_the_size_of_their_gradient() -> None:
    w = Value(np.array([[1.0, -2.0], [3.0, 0.0]], np.float32), name="w")
    label = Parsed(draw((w * w).sum()).source).label["n0"]
    assert label == "w\n(2, 2) float32\nmin -2, mean 0.5, max 3\ngradient norm 7.483"
    assert w.grad is None


def test_gradients_of_every_kind_are_said_in_words() -> None:
    x = Value([1.0, 2.0], name="x")
    assert "gradient 0 everywhere" in draw((x * 0.0).sum()).text
    assert "no gradient: nothing flows back" in draw(np.sign(x).sum() + x.sum()).text
    root = Value([0.0, 4.0], name="r")
    drawing = draw(np.sqrt(root).sum())
    assert "!! gradient Inf in 1 of 2 !!" in drawing.text
    box = Parsed(drawing.source).nodes["n0"]
    assert box["class"] == "input alarm"
    assert "⚠ gradient Inf in 1 of 2" in box["label"]
    with np.errstate(all="ignore"):
        bad = draw(np.log(Value([-1.0, 0.0, 1.0])).sum())
    assert "NaN in 1 of 3" in bad.text
    assert "Inf in 1 of 3" in bad.text
    assert "no gradients: nothing flows back from this" in draw(x > 1.0).text
    assert "gradient" not in draw((x * x).sum(), gradients=False).text


@pytest.mark.parametrize("numbers", [1.0, [1.0, 2.0]], ids=["alone", "in an array"])
def test_alarms_of_what_was_folded_are_counted(numbers: Any) -> None:
    x = Value(numbers, name="x")
    y = x * math.inf
    with np.errstate(all="ignore"):
        text = draw(np.sin(y - y), fold=["chains"]).text
    assert "!! Inf in 1 place !!  !! gradient NaN in 2 places !!  !! NaN in 2 places !!" in text
    text = draw(np.exp(y * 2.0), fold=["chains", "constants"]).text
    assert "!! Inf in 3 places !!  !! gradient Inf in 2 places !!" in text


def test_drawing_deposits_nothing_and_calls_for_nothing() -> None:
    a, _, g = readme_expression()
    g.backward()
    before = a.grad
    draw(g, weights=True)
    assert a.grad is before
    model, x = article(), images()
    state = nn.init.shared().bit_generator.state
    draw(model, x)
    assert all(p.grad is None for p in model.parameters())
    assert nn.init.shared().bit_generator.state == state
    with mg.no_grad():
        assert draw(model, x).boxes > 10  # it records for itself


def test_what_is_given_twice_is_drawn_once() -> None:
    y = Value(2.0, name="x") * 3.0
    assert draw(y, y).text == draw(y).text


def test_a_model_that_divides_by_0_is_drawn() -> None:
    class Poles(nn.Module):
        def forward(self, x: Any) -> Any:
            with np.errstate(all="ignore"):
                return 1.0 / x - np.inf

    text = draw(Poles(), Value(0.0)).text
    assert "!! NaN !!" in text
    assert "!! Inf !!" in text


def test_an_array_is_drawn_with_the_gradients_of_its_sum() -> None:
    x = Value([1.0, 2.0], name="x")
    text = draw(x * 3.0).text
    assert "(gradients are those of the sum of the output)" in text
    assert "gradient norm 4.243" in text
    both = draw(x * 3.0, [x.sum()])
    assert "gradients are those of the sum of all outputs" in both.text
    assert both.text.count("◎") == 2


def test_the_graph_of_a_gradient_is_drawn() -> None:
    w = Value(0.7, name="w")
    (np.sin(w) * w).backward(create_graph=True)
    parsed = Parsed(draw(w.grad).source)
    assert "cos" in parsed.titles()
    assert f"gradient {2 * np.cos(0.7) - 0.7 * np.sin(0.7):.4g}" in parsed.label[f"n{parsed.titles().index('w')}"]


def test_the_weight_of_an_edge_is_the_gradient_that_flows_along_it() -> None:
    x, y = Value(3.0, name="x"), Value(-5.0, name="y")
    parsed = Parsed(draw(x * y + x * x, weights=True).source)
    pairs = list(zip(parsed.edges, parsed.arrows, strict=True))
    assert sorted((parsed.title(a), e["label"]) for (a, _), e in pairs) == [
        ("x", "+3"), ("x", "+3"), ("x", "-5"), ("y", "+3"), ("×", "+1"), ("×", "+1"),
    ]  # fmt: skip
    widths = {e["label"]: float(e["penwidth"]) for e in parsed.arrows}
    assert widths["-5"] > widths["+3"] > widths["+1"]
    assert len({e["color"] for e in parsed.arrows}) == 2
    assert not any("penwidth" in e or "label" in e for e in Parsed(draw(x * y + x * x).source).arrows)
    mixed = draw((Value([1.0, 1.0], name="m") * np.array([1.0, -1.0])).sum(), weights=True)
    assert "±" in mixed.source


@pytest.mark.parametrize("weights", [True, False])
def test_no_edge_runs_over_the_first_letter_of_its_label(weights: bool) -> None:
    pygraphviz = pytest.importorskip("pygraphviz", reason="pygraphviz, of the extra viz, is not installed")
    source = draw(np.exp(Value(0.5)) / Value(2.0) ** 3.0, weights=weights, fold=(), direction="TB").source
    placed = json.loads(pygraphviz.AGraph(string=source).draw(format="json", prog="dot"))["edges"]
    gaps = []
    for edge in placed:
        xs = {round(float(point.split(",")[-2])) for point in edge["pos"].removeprefix("e,").split()}
        for text in edge.get("_ldraw_", []):
            if text["op"] == "T" and len(xs) == 1:  # an edge straight down
                left = text["pt"][0] - (text["width"] / 2 if text["align"] == "c" else 0.0)
                gaps.append(left - xs.pop() - float(edge.get("penwidth", 1.0)) / 2)
    assert gaps
    assert min(gaps) > 0.5


def test_a_history_that_is_gone_is_said_to_be_gone() -> None:
    x = Value(2.0)
    y = x * x
    y.backward(release=True)
    assert "  !! its history was released by an earlier backward(release=True) !!" in draw(y).text
    import copy

    assert "  !! it is a copy" in draw(copy.copy(x * x)).text
    z = x * 3.0
    x.data = 5.0
    text = draw(z).text
    assert "no gradients: the Value of shape () (float64), an input of multiply, was written" in text
    assert "×" in text


def test_parameters_of_an_operation_are_shown() -> None:
    x = Value(np.ones((2, 3)))
    assert "axis=1" in draw(x.sum(axis=1)).text
    assert "keepdims=True" in draw(x.sum(axis=1, keepdims=True)).text
    assert "keepdims" not in draw(x.sum(axis=1)).text


def test_names_make_inputs_of_arrays() -> None:
    x, y = np.ones((2, 3)), np.zeros((2, 3))
    w = Value(np.ones((2, 3)), name="w")
    plain = (lambda w, a, b: ((w * a) - b).sum())(w, np.ones((2, 3)), np.zeros((2, 3)))
    named = draw(((w * x) - y).sum(), names={"x": x, "target": y})
    assert draw(plain).text.count("· array") == 2
    assert "▷ x" in named.text
    assert "▷ target" in named.text
    assert "▷ target" in draw(((w * x) - y).sum(), names={"target": y}, fold="all").text


class Neuron:
    """As people write it who come from micrograd."""

    def __init__(self, inputs: int) -> None:
        self.w = [Value(0.1 * (i + 1)) for i in range(inputs)]
        self.b = Value(0.0)

    def __call__(self, x: list[Any]) -> Any:
        return np.tanh(sum((w * x for w, x in zip(self.w, x, strict=True)), self.b))


class Layer:
    def __init__(self, inputs: int, outputs: int) -> None:
        self.neurons = [Neuron(inputs) for _ in range(outputs)]

    def __call__(self, x: list[Any]) -> list[Any]:
        return [neuron(x) for neuron in self.neurons]


class Neurons:
    def __init__(self, *sizes: int) -> None:
        self.layers = [Layer(n, m) for n, m in itertools.pairwise(sizes)]

    def __call__(self, x: list[Any]) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x[0]


def test_what_has_no_name_is_called_by_where_it_lives() -> None:
    a, pair = Value(1.0), [Value(2.0), Value(3.0)]
    table = {"rate": Value(0.5)}
    text = draw(a * pair[1] + table["rate"]).text
    for name in ("▷ a  1", "▷ pair[1]  3", "▷ table['rate']  0.5"):
        assert name in text
    assert "▷ input  7" in draw((lambda: Value(7.0) * 2.0)()).text  # nobody holds it
    model = Neurons(2, 3, 1)
    parameters = [model.layers[0].neurons[2].w[1]]
    for p in parameters:  # p is left over, and no good name
        assert p.data == 0.2
    text = draw(model([1.0, -1.0])).text
    assert "▭ layers[0].neurons[2].w[1]  0.2" in text
    assert text.count("▭") == 3 * 3 + 4
    other = Neurons(2, 1)
    assert "▭ other.layers[0].neurons[0].b" in draw(model([1.0, -1.0]) + other([1.0, 1.0])).text


class Touchy:
    """Whoever asks it anything is sorry."""

    def __init__(self) -> None:
        object.__setattr__(self, "value", Value(2.0))

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"asked for {name}")

    def __len__(self) -> int:
        raise AssertionError("asked for its length")


def test_looking_for_names_runs_no_code_of_others() -> None:
    class Proud(dict[str, Any]):
        def items(self) -> Any:
            raise AssertionError("asked for its items")

    touchy, proud = Touchy(), Proud(x=Value(3.0))
    mark = pytest.mark  # makes marks of whatever it is asked for
    value = object.__getattribute__(touchy, "value")
    looped: list[Any] = [mark, proud]
    looped.append(looped)
    text = draw(value * proud["x"]).text
    assert "touchy.value" in text or "value  2" in text
    assert "proud['x']  3" in text


def made(module: str, name: str = "Point", **more: Any) -> Any:
    """An object of a class that such a module has."""
    thing = type(name, (), {"__module__": module, **more})()
    thing.held = 1
    return thing


def test_objects_of_the_users_own_classes_hold_values_and_others_do_not() -> None:
    error = ValueError()
    error.held = 1  # type: ignore[attr-defined]
    for mine in (Neuron(1), nn.Linear(1, 1), made("builtins"), made("a.b"), made("numpyish"),
                 made("pytest", parameters=None)):  # fmt: skip
        assert is_owner(mine)
    for other in (error, made("builtins", "int"), made("IPython.core"), made("ipykernel"), made("microgradnet.optim"),
                  made("argparse"), made("collections.abc"), made("pytest"), made("a", __get__=None), type(made("a")),
                  pytest, object(), [1], Touchy.__init__):  # fmt: skip
        assert not is_owner(other)


def test_neurons_are_frames_in_columns() -> None:
    model = Neurons(2, 3, 3, 1)
    drawing = draw((1.0 - model([1.0, -1.0])) ** 2, fold="modules")
    graph = in_better_direction(as_json(drawing._small, drawing._small, "", "LR"))
    places = opened(graph)[1]
    where = {box.call.title + str(box.group.start if box.group else ""): f"n{i}"
             for i, box in enumerate(drawing._small.boxes) if box.call}  # fmt: skip
    assert len(where) == 7
    columns = [{places.boxes[key].x for name, key in where.items() if key in keys}
               for keys in [list(where.values())[:3], list(where.values())[3:6], list(where.values())[6:]]]  # fmt: skip
    assert [len(column) for column in columns] == [1, 1, 1]
    assert sorted(x for column in columns for x in column) == [x for column in columns for x in column]
    titles = [group["title"] for group in graph["groups"]]
    assert titles == ["Neurons", "layers[0]", "layers[1]", "layers[2]"]
    unfolded = draw(model([1.0, -1.0]))
    assert {"neurons[2]", "layers[1]", "Neurons"} <= {group.title for group in unfolded._small.groups}
    shared = model.layers[0].neurons[0]  # called on its own result it cannot be one box
    y = shared([1.0, 2.0])
    looped = draw(shared([y * 2.0, model.layers[0].neurons[1]([y, y])]))
    assert looped.text.count("▭") == 6
    assert not looped._small.groups


def test_after_an_update_the_stored_gradients_are_drawn() -> None:
    w = Value(3.0, name="w")
    cost = (w * 2.0 - 1.0) ** 2
    cost.backward()
    w.data -= 0.1 * w.grad
    text = draw(cost).text
    assert "▷ w  1  gradient 20" in text
    assert "(gradients are the stored .grad: something was written after it was used, as an update does)" in text
    never = w * 2.0
    w.data = 5.0
    assert "no gradients: the Value 'w'" in draw(never).text or "no gradients: w" in draw(never).text


def test_stored_gradients_that_are_recorded_are_drawn_too() -> None:
    model, x = nn.Linear(2, 1, bias=False, seed=0), np.ones((1, 2), np.float32)
    model.weight.data = np.array([[3.0, 4.0]])
    cost = (model(x) ** 2).sum()  # 49, of which the gradient is (14, 14)
    cost.backward(create_graph=True)
    model.weight.data = model.weight.data * 2.0
    for way in ((), "modules"):
        assert "gradient norm 19.8" in draw(cost, fold=way).text
    model.weight.grad = None


@pytest.mark.parametrize("rank", [2, 4])
def test_a_running_mean_is_named_and_stands_in_its_frame(rank: int) -> None:
    layer = nn.BatchNorm1d(3) if rank == 2 else nn.BatchNorm2d(3)
    layer.running_mean = np.array([0.5, -1.0, 2.0], np.float32)
    before = nn.Linear(3, 3, seed=0) if rank == 2 else nn.Conv2d(3, 3, 1, seed=0)
    model = nn.Sequential(before, layer).eval()
    small = draw(model, np.ones((4, 3, 2, 2)[:rank], np.float32))._small
    (box,) = [box for box, facts in zip(small.boxes, small.facts, strict=True) if facts.title == "running_mean"]
    assert box.group
    assert box.group.module is not model
    assert "BatchNorm" in box.group.subtitle + box.group.title


def test_the_line_of_the_program_is_in_the_details() -> None:
    with mg.debug():
        y = Value(2.0) * 3.0
    here = f"{Path(__file__).name}:"
    assert here in draw(y).source
    assert here not in draw(Value(2.0) * 3.0).source

    class Line(nn.Module):
        def forward(self, x: Any) -> Any:
            return x * 2.0 + 1.0

    assert here in draw(Line(), Value(1.0)).source  # a model run for the drawing is run with its lines noted


def test_no_hook_is_called_by_drawing() -> None:
    calls: list[Any] = []

    def clipped(g: Any) -> Any:
        calls.append(g)
        return g * 0.0

    x = Value([1.0, 2.0], name="x")
    inside = mg.checkpoint(lambda x: mg.hook(x * 2.0, clipped))
    text = draw((mg.hook(x, clipped) * 3.0 + inside(x)).sum(), weights=True).text
    assert len(calls) == 0
    assert "(hooks are not called: gradients are those without them)" in text
    assert "gradient norm 7.071" in text


def test_no_picture_shows_a_place_in_memory() -> None:
    def pictures() -> str:
        drawing = draw(mg.hook(Value(1.0), lambda g: g), names={})
        return drawing.source + drawing.text + drawing.html

    kept = pictures(), pictures()
    assert "hook" in kept[0]
    assert kept[0] == kept[1]
    assert " at 0x" not in kept[0]


@pytest.mark.filterwarnings("error")
def test_the_mean_of_numbers_whose_sum_is_too_large() -> None:
    x = Value([1e308, 1.2e308, 0.8e308])
    assert "min 8e+307, mean 1e+308, max 1.2e+308" in draw(x, gradients=False).text


def test_the_mean_of_half_precision_is_not_rounded_to_it() -> None:
    assert "mean 0.3334," in draw(Value(np.array([0.1, 0.2, 0.7], np.float16)), gradients=False).text


@pytest.mark.parametrize(("names", "longest", "text"), [
    (["a", "b"], 4, "a, b"), (["a", "b"], 3, "'a', … 1 more"), (["aaaa", "bbbb", "cccc"], 15, "aaaa, … 2 more"),
    (["x" * 70], 48, "'" + "x" * 56 + "…"), (["x" * 70, "y"], 48, "'" + "x" * 56 + "…, … 1 more"),
    (["aa", "bb", "cc", "dd"], 10, "'aa', … 3 more"), (["a", "bb", "cc", "dddd"], 14, "a, bb, … 2 more"),
    (["aa", "bb", "cc", "dd"], 11, "aa, … 3 more"),
])  # fmt: skip
def test_as_many_names_as_fit_are_spelled(names: list[str], longest: int, text: str) -> None:
    """In all letters but 8, which say how many more there are."""
    assert spelled(names, ", ", longest) == text


def test_48_letters_are_as_many_as_fit_of_60_parameters() -> None:
    assert spelled(["a" * 22, "b" * 24], ", ") == "a" * 22 + ", " + "b" * 24
    assert spelled(["a" * 23, "b" * 24], ", ") == "a" * 23 + ", … 1 more"

    class Two(nn.Module):
        def __init__(self, n: int) -> None:
            setattr(self, "a" * 20, Value(1.0))
            setattr(self, "b" * n, Value(1.0))

        def forward(self, x: Any) -> Any:
            return sum(self.parameters(), x)

    for n, end in ((38, "b" * 38), (39, "… 1 more")):
        assert f"2 parameters: {'a' * 20}, {end}" in draw(Two(n), 1.0, fold="modules").text


def test_a_pass_of_so_many_values_and_numbers_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def kept(n: int, values: int, most: int) -> bool:
        monkeypatch.setattr("microgradnet.viz.graph.MOST_VALUES", values)
        monkeypatch.setattr("microgradnet.viz.graph.MOST_NUMBERS", most)
        root = np.sin(np.tanh(Value(np.ones(n))))
        return read([root], {}, gradients=True, flows=False).passed is not None

    assert [kept(3, 3, most) for most in (12, 11, 6, 5)] == [True, False, False, False]  # twice as many as pass
    assert [kept(3, values, 12) for values in (3, 2)] == [True, False]
    assert [kept(0, values, 0) for values in (3, 2)] == [True, False]


def test_the_widest_edge_is_the_largest_finite_gradient() -> None:
    z = Value(0.0)
    parsed = Parsed(draw(z * z * z, weights=True).source)
    assert {float(e["penwidth"]) for e in parsed.arrows} == {0.4}  # nothing is as large as 0 is
    with np.errstate(all="ignore"):
        bad = np.log(Value(0.0)) + 2.0 * Value(1.0)
    arrows = {e["label"]: e for e in Parsed(draw(bad, weights=True).source).arrows if "label" in e}
    assert arrows["+inf"]["color"] == "#c62828"
    assert float(arrows["+1"]["penwidth"]) < float(arrows["+2"]["penwidth"]) == 5.0


def test_a_stack_of_many_has_few_arrows() -> None:
    many = draw(np.stack([Value(float(i)) for i in range(500)]).sum())
    assert len(Parsed(many.source).edges) == 2
    assert "500 edges: ▣ 500 inputs" in many.text
    x = Value(1.0, name="x")
    assert Parsed(draw(np.stack([x] * 20).sum()).source).edge_labels("stack") == ["x 20 edges"]
    few = np.stack([Value(float(i)) for i in range(20)]).sum()
    assert len(Parsed(draw(few).source).edge_labels("stack")) == 20


# ------------------------------------------------------------------------------------------------------- modules


def test_a_module_is_one_box_with_its_parameters_and_shapes() -> None:
    parsed = Parsed(draw(article(), images(), fold="modules").source)
    assert parsed.titles() == ["x", "layers[0]", "σ", "layers[1]", "σ", "layers[2]", "σ"]
    label = parsed.label["n1"]
    assert "Linear(784 → 16)" in label
    assert "12,560 parameters: weight (16, 784), bias (16,)" in label
    assert "out (3, 16) float32" in label
    assert parsed.edges == [(f"n{i}", f"n{i + 1}") for i in range(6)]
    whole = Parsed(draw(article(), images(), depth=0).source)
    assert whole.titles() == ["x", "MLP"]
    assert "13,002 parameters" in whole.label["n1"]


def test_unfolded_modules_are_frames_around_their_boxes() -> None:
    parsed = Parsed(draw(article(), images()).source)
    layers = {f"layers[{i}]  Linear({n} → {m})": 3 for i, (n, m) in enumerate([(784, 16), (16, 16), (16, 10)])}
    assert parsed.clusters == {"MLP  784 → 16 → 16 → 10, sigmoid, then sigmoid; 13,002 parameters": 12, **layers}


class Steps(nn.Module):
    """Takes its input apart."""

    def __init__(self) -> None:
        self.cell = nn.Linear(3, 3, seed=0)

    def forward(self, x: Any) -> Any:
        h = np.zeros((2, 3))
        for t in range(x.shape[1]):
            h = np.tanh(self.cell(x[:, t]) + h)
        return h


@pytest.mark.parametrize("whole", [lambda x: draw(Steps(), x), lambda x: draw(Steps()(x))])
def test_all_slices_of_an_array_that_a_module_takes_stand_in_its_frame(whole: Any) -> None:
    x = np.arange(24.0).reshape(2, 4, 3)
    frames = [box.group and box.group.chain()[-1].title for box in whole(x)._small.boxes if box.kind == "constant"]
    assert frames == ["Steps"] * 5  # four slices, and where it starts


def test_an_array_that_is_a_part_of_a_larger_one_comes_from_outside() -> None:
    class Halves(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.Linear(3, 2, seed=0)

        def forward(self, x: Any) -> Any:
            return self.layer(x) * x[:, :2]

    data = np.arange(27.0).reshape(9, 3)
    box = next(box for box in draw(Halves()(data[:5]), fold=())._small.boxes if box.nodes[0].thing.shape == (5, 3))
    assert box.kind == "constant"
    assert box.group is None


def test_each_call_of_a_module_is_a_box_and_what_calls_share_is_outside() -> None:
    shared = nn.Linear(2, 2, seed=0)

    class Twice(nn.Module):
        def __init__(self) -> None:
            self.shared = shared

        def forward(self, x: Any) -> Any:
            return self.shared(np.tanh(self.shared(x)))

    drawing = draw(Twice(), np.ones((1, 2), "f4"), fold="modules")
    titles = Parsed(drawing.source).titles()
    assert titles.count("shared") == 2
    assert sum(title in ("shared.weight", "shared.bias") for title in titles) == 2


def test_what_a_module_computes_on_the_side_is_not_in_its_box() -> None:
    class Aside(nn.Module):
        def __init__(self) -> None:
            self.w = Value(2.0)

        def forward(self, x: Any) -> Any:
            y = x * self.w
            self.penalty = y * y  # younger than y, and nothing that is returned comes from it
            return y + 1.0

    model = Aside()
    out = model(Value(3.0, name="x"))
    titles = Parsed(draw(out + model.penalty, fold="modules").source).titles()
    assert sorted(titles) == sorted(["x", "Aside", "×", "+"])


def test_frozen_parameters_say_so_and_their_modules_fold() -> None:
    model = nn.Sequential(nn.Linear(2, 2, seed=0).freeze(), np.tanh, nn.Linear(2, 1, seed=1).freeze("weight"))
    x = np.ones((1, 2), "f4")
    text = draw(model, x).text
    assert text.count("no gradient: frozen") == 3
    assert text.count("▭") == 4
    assert Parsed(draw(model, x, fold="modules").source).titles() == ["x", "layers[0]", "tanh", "layers[2]"]


def test_a_result_of_a_module_that_is_gone_has_the_name_of_its_class() -> None:
    out = nn.Linear(2, 2, seed=0)(np.ones((1, 2), "f4"))
    assert "Wx+b" in draw(out).text
    assert "▣ Linear" in draw(out, fold="modules").text


def test_what_a_module_reads_twice_is_in_its_box() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            self.w = Value(2.0)

        def forward(self, x: Any) -> Any:
            return x * self.w + self.w

    small = draw(Twice(), Value(1.0, name="x"), fold="modules")._small
    assert [facts.title for facts in small.facts] == ["x", "Twice"]


def test_several_results_of_a_module_belong_to_it() -> None:
    class Two(nn.Module):
        def forward(self, x: Any) -> Any:
            y = x * 2.0
            return y, y + 1.0

    a, b = Two()(Value(1.0, name="x"))
    assert Parsed(draw(a * b, fold="modules").source).titles() == ["x", "Two", "×"]
    two = Two()
    a, b = two(Value(1.0, name="x"))
    assert Parsed(draw(a * b, fold="modules").source).titles() == ["x", "Two", "×"]


class Scaled(nn.Module):
    """Takes and returns whatever is nested."""

    def __init__(self) -> None:
        self.w = Value(np.ones(3, np.float32), name="w")

    def forward(self, xs: Any, mask: Any = None, mode: str = "sum") -> Any:
        first, second = xs["first"], xs["rest"][0]
        out = first * self.w + second
        return {"out": out if mask is None else out * mask, "more": [None, (first + self.w, 3)], "mode": mode}


def test_a_model_takes_and_returns_what_is_nested() -> None:
    a, b, m = (np.full(3, n, np.float32) for n in (1, 2, 3))
    drawing = draw(Scaled(), {"first": a, "rest": [Value(b)]}, mask=m, mode="any")
    assert drawing.text.count("◎") == 2
    for name in ("xs.first", "xs.rest.0", "mask"):
        assert f"▷ {name}  (3,) float32" in drawing.text
    assert draw(Scaled(), {"first": a, "rest": [b]}, None, "mode").text.count("◎") == 2

    class Listed(nn.Module):
        def __init__(self) -> None:
            self.table = Value(np.ones((5, 2)))

        def forward(self, *ids: Any) -> Any:
            return sum(self.table[i].sum() for i in ids)

    assert "▷ ids.0  (2,) int64" in draw(Listed(), [1, 2], np.array([3])).text
    with pytest.raises(TypeError, match="draw runs Scaled on these inputs: got an unexpected keyword argument 'masc'"):
        draw(Scaled(), {}, masc=m)
    with pytest.raises(TypeError, match="draw has no option weigths"):
        draw(Value(1.0), weigths=True)


def test_lists_of_numbers_are_arrays_to_a_model_and_nothing_else_is() -> None:
    kinds = []

    class Taking(nn.Module):
        def forward(self, x: Any, *more: Any) -> Any:
            kinds.extend(map(type, more))
            return x * 2.0

    draw(Taking(), Value(1.0), 3, [1, 2.5], ((1, 2), [3, 4]), [[1], [2, 3]], ["a"], "a", [1, None], [Value(1.0)])
    assert kinds == [int, np.ndarray, np.ndarray, list, list, str, list, list]


def test_a_random_model_moves_no_shared_generator() -> None:
    import random

    class Random(nn.Module):
        def __init__(self) -> None:
            self.w = Value(1.0)
            self.own = np.random.default_rng(0)

        def forward(self, x: Any) -> Any:
            return x * self.w * random.random() * np.random.rand() * self.own.random()  # noqa: NPY002

    model = Random()

    def next_ones() -> list[float]:
        random.seed(0)
        np.random.seed(0)  # noqa: NPY002
        draws = [draw(model, 1.0) for _ in range(2)]
        assert draws[0].text == draws[1].text
        return [random.random(), np.random.rand(), model.own.bit_generator.state["state"]["state"]]  # noqa: NPY002

    got = next_ones()
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    assert got[:2] == [random.random(), np.random.rand()]  # noqa: NPY002
    assert got[2] == np.random.default_rng(0).bit_generator.state["state"]["state"]


def test_the_shared_generator_may_be_of_any_kind() -> None:
    class Random(nn.Module):
        def forward(self, x: Any) -> Any:
            return x * np.random.rand()  # noqa: NPY002

    before, other = np.random.get_bit_generator(), np.random.PCG64(0)
    try:
        np.random.set_bit_generator(other)
        draw(Random(), Value(1.0))
        assert other.state == np.random.PCG64(0).state
    finally:
        np.random.set_bit_generator(before)


def test_a_model_that_cannot_be_copied_says_what_to_do() -> None:
    class Open(nn.Module):
        def __init__(self) -> None:
            self.w = Value(2.0)
            self.rows = (i for i in range(3))

        def forward(self, x: Any) -> Any:
            return x * self.w

    with pytest.raises(TypeError, match=r"this Open cannot be copied.*draw\(model\(x\)\)"):
        draw(Open(), 1.0)


class Nested(nn.Module):
    """Calls itself."""

    def __init__(self) -> None:
        self.w = Value(1.0)

    def forward(self, x: Any, times: int) -> Any:
        return self(x * self.w, times - 1) if times else x + self.w


def test_one_arrow_stands_for_all_from_a_folded_frame() -> None:
    class Two(nn.Module):
        def forward(self, x: Any) -> Any:
            return x * 2.0, x + 1.0

    two = Two()
    drawing = draw(np.stack(two(Value(1.0, name="x"))), fold="modules")
    graph = in_better_direction(as_json(drawing._large, drawing._small, "", "LR"))
    found = {(edge["from"][0], edge["to"][0]): (edge["times"], edge["label"]) for edge in opened(graph)[0]}
    assert len(opened(graph)[0]) == 2
    assert found == {("n", "g"): (2, "×2"), ("g", "n"): (2, "1, 2 ×2")}


def test_a_page_is_told_the_places_of_the_picture() -> None:
    x = Value(3.0, name="x")
    drawing = draw((nn.Residual(nn.Tanh())(x) - x) / x, direction="LR")
    graph = as_json(drawing._small, drawing._small, "", "LR")
    told, places = with_places(graph)["places"], opened(graph)[1]

    def two(numbers: Any) -> list[float]:
        return [round(x, 2) for x in numbers]

    assert [told["w"], told["h"]] == two([places.w, places.h])
    assert told["boxes"] == {key: two(rect) for key, rect in places.boxes.items()}
    assert told["frames"] == {key: two(rect) for key, rect in places.frames.items()}
    for (d, end, label), path in zip(told["edges"], places.edges, strict=True):
        assert (d, end) == (path.d, two(path.points[-1]))
        assert label == (two(path.label) if path.label else None)
    assert any(path.points[-1] != path.points[-2] for path in places.edges)


def test_calls_in_calls_need_no_recursion() -> None:
    out = Nested()(1.0, 300)  # as deep as Python's own stack allows; one frame for each would be too many
    assert draw(out).boxes <= 300
    assert draw(out, cap=None).source.count("subgraph") == 301


def test_a_recurrent_network_is_its_repeated_step_and_not_one_box() -> None:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            self.cell = nn.Linear(5, 3, seed=0)

        def forward(self, x: Any) -> Any:
            h = np.zeros((2, 3), np.float32)
            for step in x:
                h = np.tanh(self.cell(np.concatenate([step, h], axis=1)))
            return h

    drawing = draw(Recurrent(), np.ones((200, 2, 2), np.float32))
    assert "199 × [concatenate, Linear, tanh]" in drawing.text
    assert drawing.boxes < 10


# ------------------------------------------------------------------------------------------------------- any size


def test_constants_chains_and_repeats_fold() -> None:
    x = Value(np.ones(3), name="x")
    y = np.tanh(np.exp(x * 2.0 - 1.0) ** 3)
    assert Parsed(draw(y.sum(), fold="constants").source).titles() == [
        "x",
        "· × 2",
        "· − 1",
        "exp",
        "· ** 3",
        "tanh",
        "Σ",
    ]
    chained = draw(y.sum(), fold=["constants", "chains"])
    assert Parsed(chained.source).titles() == ["x", "· × 2, · − 1, exp, · ** 3, tanh", "Σ"]
    assert chained.folded == ["3 constants", "1 chain"]
    for _ in range(12):
        y = np.sin(y @ np.eye(3) + 1.0)
    repeated = draw(y.sum(), fold=["constants", "repeats"])
    assert "12 × [@, +, sin]" in Parsed(repeated.source).titles()
    assert "(folded: 1 repeated block)" in repeated.text


@pytest.mark.parametrize(("tokens", "runs"), [
    ("aaa", [(0, 1, 3)]), ("aa", []), ("ababab", [(0, 2, 3)]), ("abab", []), ("babababcab", [(1, 2, 3)]),
    ("abcabcabc", [(0, 3, 3)]), ("aabaabaab", [(0, 3, 3)]), ("aaabbbb", [(0, 1, 3), (3, 1, 4)]), ("abcabc", []),
])  # fmt: skip
def test_what_comes_three_times_in_a_row_is_a_run(tokens: str, runs: list[tuple[int, int, int]]) -> None:
    assert tandem_runs(np.array([*tokens])) == runs


def test_a_thirty_layer_network_folds_to_thirty_times_its_layer() -> None:
    layers = [part for i in range(30) for part in (nn.Linear(8, 8, seed=i), nn.Tanh())]
    model = nn.Sequential(*layers)
    x = np.ones((2, 8), "f4")
    assert draw(model, x).boxes == 1 + 30 * 4
    folded = draw(model, x, fold=["modules", "repeats"])
    assert Parsed(folded.source).titles() == ["x", "30 × [Linear, Tanh]"]
    assert f"{30 * 72:,} parameters" in folded.text


def test_inputs_folded_into_one_are_counted_once() -> None:
    total = sum((Value(float(i)) for i in range(1, 60)), Value(0.0))
    text = draw(np.stack([Value(1.0) for _ in range(60)]).sum() + total, cap=20).text
    assert "60 inputs" in text
    assert "60 inputs  60 inputs" not in text


def test_repeats_that_do_not_follow_from_each_other_are_drawn_part_by_part() -> None:
    w, b = Value([1.0, 2.0], name="w"), Value(0.5, name="b")
    total = Value(0.0)
    for x in np.random.default_rng(0).normal(size=(40, 2)):
        total = total + np.tanh((w * x).sum() + b)
    parsed = Parsed(draw(total, cap=20, gradients=False).source)
    assert sorted(parsed.titles()) == sorted(
        ["w", "b", *[f"40 × [{symbol}]" for symbol in ("×", "Σ", "+", "tanh", "+")]]
    )
    assert sorted(parsed.edge_labels("40 × [tanh]")) == ["40 × [+] 40 edges"]


def big_graph(loops: int) -> Value:
    rng = np.random.default_rng(0)
    total = Value(0.0)
    weights = [[Value(float(rng.normal())) for _ in range(10)] for _ in range(10)]
    for _ in range(loops):
        x = [float(n) for n in rng.normal(size=10)]
        hidden = [np.tanh(sum((w * n for w, n in zip(row, x, strict=True)), Value(0.0))) for row in weights]
        total = total + sum(hidden[1:], hidden[0]) ** 2
    return total


def test_a_large_graph_is_folded_below_the_cap_and_says_so() -> None:
    total = big_graph(6)
    drawing = draw(total)
    assert drawing.boxes <= 300
    assert "repeated block" in " ".join(drawing.folded)
    assert f"folded: {drawing.folded[0]}" in drawing.source
    assert draw(total, cap=None).boxes == len(read([total], {}, gradients=False, flows=False).nodes) > 1_200
    for cap in (40, 20):
        assert draw(total, cap=cap).boxes <= cap


@pytest.mark.slow
def test_a_hundred_thousand_operations_become_a_picture(tmp_path: Path) -> None:
    total = big_graph(480)
    assert len(mg.core.history(total)) > 100_000
    drawing = draw(total)
    assert drawing.boxes <= 300
    drawing.save(tmp_path / "big.png")
    rng = np.random.default_rng(0)
    wide = [Value(float(i)) for i in range(2_000)]  # everything depends on everything
    for i, j in rng.integers(0, len(wide), (40_000, 2)):
        wide[i] = wide[i] - wide[j]
    drawing = draw(sum(wide, Value(0.0)))
    assert len(Parsed(drawing.source).edges) <= 600
    chain = Value(0.1)
    for _ in range(50_000):
        chain = chain * 0.9 + 0.01
    drawing = draw(chain)
    assert "50,000 × [×, +]" in drawing.text
    assert draw(chain, cap=None, gradients=False).boxes == 200_001


@pytest.mark.parametrize("cap", [2, 4, 10, 40])
def test_what_has_no_pattern_folds_to_the_cap_too(cap: int) -> None:
    x = y = Value(0.5, name="x")
    for kind in np.random.default_rng(0).integers(0, 4, 300):
        y = [np.sin(y), y * x, y + x, np.tanh(y - 1.0)][kind]
    assert draw(y, cap=cap).boxes <= cap


def test_stretches_are_as_short_as_the_cap_and_twice_as_many_arrows_allow() -> None:
    wide = [Value(float(i)) for i in range(31)]  # everything depends on everything
    for i, j in np.random.default_rng(0).integers(0, len(wide), (196, 2)):
        wide[i] = wide[i] - wide[j]
    nodes = read(wide, {}, gradients=False, flows=False).nodes
    boxes = in_order([Box([node], None) for node in nodes])
    for cap, lengths in {20: [40, 6], 30: [27, 4], 40: [20, 2], 60: [14, 6]}.items():
        done: list[str] = []
        folded = in_stretches(boxes, cap, done)
        assert sorted(node.index for box in folded for node in box.nodes) == list(range(len(nodes)))
        assert len(folded) <= cap
        assert sum(len(box.inputs) for box in folded) <= 2 * cap
        assert [int(text.split()[0]) for text in done] == lengths


def test_stretches_are_at_least_two_long() -> None:
    y = Value(0.5)
    for i in range(5):
        y = np.where(np.array(i % 2 == 0), y, Value(float(i)))
    boxes = in_order([Box([node], None) for node in read([y], {}, gradients=False, flows=False).nodes])
    assert len(boxes) == 16
    done: list[str] = []
    assert len(in_stretches(boxes, 15, done)) == 5  # three stretches, with what they alone read, and two inputs
    assert done == ["2 operations at a time", "2 inputs"]


def test_arrows_merge_where_more_than_two_of_more_than_eight_come_from_each_box() -> None:
    def arrows(times: list[int]) -> int:
        """Into a stack of as many of each of the inputs."""
        parts = [x for x, n in zip([Value(float(i)) for i in range(len(times))], times, strict=True) for _ in range(n)]
        drawn = fold(read([np.stack(parts)], {}, gradients=False, flows=False), (), None, None)
        return len(drawn.arrows[-1])

    assert arrows([3, 3, 2]) == 8
    assert arrows([3, 3, 3]) == 3
    assert arrows([2, 2, 2, 2, 2]) == 10
    assert arrows([3, 2, 2, 2, 2]) == 5


def test_boxes_that_do_not_hang_together_are_in_order_of_their_last_node() -> None:
    x, y, z = read([Value(1.0), Value(2.0), Value(3.0)], {}, gradients=False, flows=False).nodes
    wide, narrow = Box([x, z], None), Box([y], None)
    assert in_order([wide, narrow]) == [narrow, wide]


def test_it_folds_no_further_than_the_cap_asks() -> None:
    x = y = Value(0.5, name="x")
    for _ in range(6):
        y = np.tanh(y * 0.9 + 0.1) - x
    y = np.exp(np.sin(np.cos(np.tanh(y)) * x))
    stages = [[], ["constants"], ["constants", "repeats"], ["constants", "repeats", "chains"]]
    sizes = [draw(y, fold=stage, cap=None).boxes for stage in stages]
    assert sizes == sorted(set(sizes), reverse=True)
    for stage, size in zip(stages, sizes, strict=True):
        assert draw(y, cap=size).text == draw(y, fold=stage, cap=None).text

    class Step(nn.Module):
        def forward(self, x: Any) -> Any:
            for _ in range(3):
                x = np.tanh(x * 0.9 + 0.1)
            return np.exp(x)

    called = Step()(Value(0.5, name="x"))
    few = draw(called, fold="constants")
    assert draw(called, cap=few.boxes).text == few.text
    assert draw(called, cap=few.boxes - 1).text == draw(called, fold=("constants", "repeats")).text


def test_it_unfolds_modules_as_deep_as_the_cap_allows() -> None:
    a, b, c, d, e, f, g = (nn.Linear(2, 2, seed=0) for _ in range(7))
    model = nn.Sequential(nn.Sequential(nn.Sequential(nn.Sequential(a, np.tanh, b), c, d), e, f), g)
    x = np.ones((1, 2), "f4")
    drawn = [draw(model, x, depth=depth, gradients=False) for depth in range(6)]
    assert [drawing.boxes for drawing in drawn] == [2, 3, 7, 13, 19, 23]
    for less, more in itertools.pairwise(drawn[1:]):
        assert draw(model, x, cap=more.boxes, gradients=False).text == more.text
        assert draw(model, x, cap=more.boxes - 1, gradients=False).text == less.text


@pytest.mark.parametrize("on", [True, False])
def test_drawing_leaves_the_garbage_collector_as_it_was(on: bool) -> None:
    was = gc.isenabled()
    try:
        (gc.enable if on else gc.disable)()
        draw(Value(2.0) * 3.0)
        assert gc.isenabled() is on
    finally:
        (gc.enable if was else gc.disable)()


def test_a_model_that_computes_nan_and_inf_is_drawn_with_its_alarms() -> None:
    class Bad(nn.Module):
        def __init__(self) -> None:
            self.w = Value(1.0)

        def forward(self, x: Any) -> Any:
            return np.log(x * self.w) + 1 / (x - x)

    with np.errstate(all="ignore"):
        text = draw(Bad(), np.array([-1.0, 2.0])).text
    assert "!! NaN in 1 of 2 !!" in text
    assert "!! Inf in 1 of 2 !!" in text


def test_what_a_folded_box_holds_without_a_name_is_told_by_its_shape() -> None:
    x = Value([1.0, 2.0])
    graph = read([np.tanh(np.exp(x * 2.0 + 1.0)) * np.sin(x)], {}, gradients=True, flows=False)
    (held,) = [dict(facts.details) for facts in fold(graph, (), None, 1).facts if "inputs" in dict(facts.details)]
    assert held["inputs"] == "(2,)"


def test_a_deep_graph_needs_no_recursion() -> None:
    x = y = Value(0.1, name="x")
    for _ in range(1_200):
        y = np.tanh(y) * x
    drawing = draw(y, cap=None)
    assert drawing.boxes == 2_401
    assert max(len(line) - len(line.lstrip()) for line in drawing.text.splitlines()) <= 2  # one way on: not indented


@st.composite
def programs(draw: Any) -> list[Value]:
    """Small graphs of every shape: operands used twice, constants, chains, dead ends."""
    values: list[Any] = [Value(0.5, name="a"), Value(1.5)]
    for step in draw(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 7), st.integers(0, 7)), max_size=40)):
        kind, i, j = step
        x, y = values[-1 - i % len(values)], values[-1 - j % len(values)]
        makers = [lambda x, y: x + y, lambda x, y: x * 0.5, lambda x, y: np.tanh(x), lambda x, y: x - y,
                  lambda x, y: np.maximum(x, y), lambda x, y: np.where(x > y, x, 0.1)]  # fmt: skip
        values.append(makers[kind](x, y))
    return [v for v in values[-2:] if isinstance(v, Value)]


@settings(max_examples=30)
@given(programs(), st.sets(st.sampled_from(WAYS)), st.sampled_from([None, 1, 3, 8]))
def test_folding_keeps_every_node_and_every_edge(roots: list[Value], ways: set[str], cap: int | None) -> None:
    graph = read(roots, {}, gradients=True, flows=True)
    drawn = fold(graph, ways, None, cap)
    held = [node for box in drawn.boxes for node in box.nodes]
    assert Counter(map(id, held)) == Counter(map(id, graph.nodes))
    edges = Counter(
        (x.box.number, node.box.number) for node in graph.nodes for x in node.inputs if x.box is not node.box
    )
    arrows: Counter[tuple[int, int]] = Counter()
    for target, into in enumerate(drawn.arrows):
        for arrow in into:
            assert arrow.source < target  # no circle
            arrows[arrow.source, target] += arrow.times
    assert arrows == edges
    assert len(drawn.facts) == len(drawn.boxes)
    assert len(drawn.boxes) <= (cap or len(graph.nodes)) or cap in (1, 3)  # inputs, operations and constants are three


# ---------------------------------------------------------------------------------------------------- determinism


def test_equal_programs_give_equal_pictures() -> None:
    def once() -> tuple[str, str, str]:
        drawing = draw(readme_expression()[2], weights=True)
        return drawing.source, drawing.text, drawing.html

    assert once() == once()
    models = [draw(article(), images()) for _ in range(2)]
    assert models[0].source == models[1].source
    program = (
        "import numpy as np, microgradnet as mg\n"
        "x = mg.Value([1.0, 2.0], name='x')\n"
        "print(mg.draw(np.tanh(x * x + x).sum(), fold='all', weights=True).source)"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1] != b""


# --------------------------------------------------------------------------------------------------------- anywhere

HOSTILE = [
    'quo"te', "co:lon", "back\\slash", "back\\nslash", "<b>bold</b>", "<html>", "a & b", "&lt;", "é × 日本 σ", "{a|b}",
    "]]>", "-->", "'", "%s", "\\", 'end\\"', "a\tb",
]  # fmt: skip


@pytest.fixture(params=["dot", "pygraphviz"])
def renderer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "pygraphviz":
        pytest.importorskip("pygraphviz")
        monkeypatch.setattr(render.shutil, "which", lambda name: None)
    elif render.shutil.which("dot") is None:
        if "MICROGRADNET_BROWSER" in os.environ:  # .ci/run installs it
            pytest.fail("the dot program is missing")
        pytest.skip("the dot program is missing: apt install graphviz")
    return str(request.param)


def svg_texts(svg: bytes) -> list[str]:
    return ["".join(node.itertext()) for node in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_names_come_out_as_they_are(renderer: str) -> None:
    values = [Value(1.0, name=name) for name in HOSTILE]
    texts = svg_texts(draw(*values).render("svg"))
    for name in HOSTILE:
        assert name.replace("\t", " ") in [text.replace("\xa0", " ") for text in texts]
    texts = svg_texts(draw(Value(1.0, name="two\nlines"), Value(2.0, name="nul\0, bell\a, half \ud800")).render("svg"))
    assert {"two", "lines", "nul\\x00, bell\\x07, half \\ud800"} <= set(texts)
    hostile = Parsed(draw(*values).source)
    assert len(hostile.label) == len(HOSTILE)
    assert not hostile.edges


def test_pictures_of_every_format(renderer: str, tmp_path: Path) -> None:
    drawing = draw(readme_expression()[2])
    starts = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}
    for ending, start in starts.items():
        drawing.save(tmp_path / f"g.{ending}")
        assert (tmp_path / f"g.{ending}").read_bytes().startswith(start)
    edges = [
        t.text
        for t in ET.fromstring(drawing.render()).iter("{http://www.w3.org/2000/svg}title")
        if "->" in (t.text or "")
    ]
    assert len(edges) == len(Parsed(drawing.source).edges)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["g.pdf", "g.png", "g.svg"]


def test_dark_mode_is_the_pictures_own(renderer: str) -> None:
    svg = draw(Value(1.0, name="x") * 2.0).render().decode()
    (style,) = re.findall("<style>(.*?)</style>", svg)
    (mine,) = re.findall('<svg id="(mg[0-9a-f]{12})"', svg)
    assert "@media (prefers-color-scheme:dark)" in style
    assert ">:is" not in style  # what has a tooltip is drawn within a link, which is no child of its node
    selectors = [s for s in re.findall(r"([^{}]+)\{", style) if not s.startswith("@media")]
    assert selectors
    assert all(s.startswith(f"#{mine}") for s in selectors)
    assert 'class="node input"' in svg


def test_a_long_chain_fits_a_screen_where_there_is_graphviz_too(renderer: str) -> None:
    def chain(layers: int) -> mg.Drawing:
        model = nn.Sequential(*[nn.Linear(2, 2, seed=0) for _ in range(layers)])
        return draw(model, np.ones((1, 2), "f4"), gradients=False)

    by_graphviz = b"Generated by graphviz"
    assert by_graphviz in chain(3).render()
    long = chain(30)
    assert by_graphviz not in long.render()
    assert 2 * render.screen(long.render()) < render.screen(render.rendered(long.source, "svg", 60.0))


def test_the_screen_that_shows_a_picture_is_as_high_or_as_wide() -> None:
    assert render.screen(b'<?xml?><svg id="a" width="160pt" height="90pt"\n viewBox') == pytest.approx(400 / 3)
    assert render.screen(b'<svg width="160.5pt"  height="120.75pt">') == pytest.approx(161)
    assert render.screen(b'<svg width="160" height="130">') == 130


def test_what_is_a_staircase_is_laid_out_by_ourselves(monkeypatch: pytest.MonkeyPatch) -> None:
    x = Value(1.0, name="x")
    drawing = draw(np.tanh(np.tanh(x)), direction="TB")
    own = render.screen(drawing._svg().encode())

    def is_kept(height: float) -> bool:
        monkeypatch.setattr(render, "rendered", lambda *_: f'<svg width="10" height="{height}">'.encode())
        return len(drawing.render()) < 100

    assert is_kept(3_000.0)
    assert not is_kept(3_000.1)
    monkeypatch.setattr("microgradnet.viz.drawing.CAP", drawing.boxes - 1)
    assert is_kept(3_000.1)  # with so many boxes that nobody waits for it
    monkeypatch.setattr("microgradnet.viz.drawing.CAP", drawing.boxes)
    monkeypatch.setattr("microgradnet.viz.drawing.STAIRCASE", 1.0)
    assert is_kept(1.9 * own)
    assert not is_kept(2.1 * own)


@pytest.fixture
def no_graphviz(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither `dot` nor pygraphviz is there."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(render.importlib.util, "find_spec", lambda name: None)


def test_without_graphviz_there_is_a_picture_all_the_same(no_graphviz: None, tmp_path: Path) -> None:
    drawing = draw(Value(1.0, name="x") * 2.0)
    for ending in ("svg", "dot", "gv", "txt", "html"):
        drawing.save(tmp_path / f"g.{ending}")
    svg = (tmp_path / "g.svg").read_text()
    assert {"x", "2", "×", "gradient 2"} <= set(svg_texts(svg.encode()))
    assert drawing._repr_mimebundle_() == {"image/svg+xml": svg, "text/plain": drawing.text}
    assert (tmp_path / "g.dot").read_text() == drawing.source
    (tmp_path / "g.svg").unlink()
    for ending in ("png", "pdf"):
        with pytest.raises(RuntimeError, match=r"png and pdf.*pip install pygraphviz.*apt install graphviz.*g.*\.svg"):
            drawing.save(tmp_path / f"g.{ending}")
        assert not (tmp_path / f"g.{ending}").exists()


def test_a_picture_needs_no_process_no_thread_and_no_graphviz(tmp_path: Path) -> None:
    """As in a browser: where none of these can be had."""
    program = """
import importlib.util, socket, subprocess, sys, threading
subprocess.Popen = threading.Thread.start = socket.socket = None
sys.modules["pygraphviz"] = None
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "pygraphviz" else find_spec(name, *more)
import microgradnet as mg
mg.draw(mg.Value(2.0, name="x") * 3.0, weights=True).save("g.svg")
mg.draw(mg.Value(2.0, name="x") * 3.0).save("g.html")
"""
    environment = {**os.environ, "PATH": "", "PYTHONPATH": str(Path(mg.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path, env=environment)
    assert "+3" in svg_texts((tmp_path / "g.svg").read_bytes())


def test_names_come_out_as_they_are_without_graphviz(no_graphviz: None) -> None:
    for name in HOSTILE:
        svg = draw(Value(1.0, name=name), names={f"{name} in names": np.ones(2)}).render("svg")
        assert name.replace("\t", "⟨U+0009⟩") in svg_texts(svg)
    bad = Value(1.0, name="two\nlines, nul\0, half \ud800, \u202eturned")
    assert "two⟨U+000A⟩lines, nul⟨U+0000⟩, …" in svg_texts(draw(bad).render("svg"))
    script = draw(nn.Residual(nn.Tanh()), Value(1.0, name="</title><script>stolen = 1</script>")).render("svg")
    kinds = {element.tag.rpartition("}")[2] for element in ET.fromstring(script).iter()}
    assert kinds <= {"svg", "style", "g", "title", "path", "polygon", "rect", "text"}


def test_our_own_picture_is_light_and_dark_and_the_same_each_time(no_graphviz: None) -> None:
    svg = draw(readme_expression()[2], weights=True).render()
    assert svg == draw(readme_expression()[2], weights=True).render()
    (style,) = re.findall("<style>(.*?)</style>", svg.decode())
    (mine,) = re.findall('id="(mg[0-9a-f]{12})"', svg.decode())
    selectors = re.findall(r"([^{}]+)\{", style)
    assert "@media (prefers-color-scheme:dark)" in selectors
    assert all(part.startswith((f"#{mine}", "@media")) for selector in selectors for part in selector.split(","))


def test_our_own_picture_has_every_box_every_edge_and_every_frame(no_graphviz: None) -> None:
    model, x = article(), images()
    drawing = draw(model, x)
    root = ET.fromstring(drawing.render())
    classes = Counter(element.get("class", "").split(" ")[0] for element in root.iter())
    assert classes["node"] == drawing.boxes
    assert classes["frame"] == 4
    assert classes["edge"] == sum(len(arrows) for arrows in drawing._small.arrows)
    assert {"layers[0]", "Linear(784 → 16)", "weight"} <= set(svg_texts(drawing.render()))
    square = ET.fromstring(draw(Value(3.0, name="x") * 2.0 + 1.0, direction="TB").render())
    assert float(square.get("height", "0")) > float(square.get("width", "0"))
    x = Value(3.0, name="x")
    edges = [e for e in ET.fromstring(draw(x * x).render()).iter() if e.get("class", "").startswith("edge")]
    assert len({edge[0].get("d") for edge in edges}) == 2  # both of x × x, beside each other


def test_a_layout_that_takes_too_long_is_given_up(renderer: str, tmp_path: Path) -> None:
    drawing = draw(readme_expression()[2])
    for call in (lambda: drawing.render(timeout=1e-5), lambda: drawing.save(tmp_path / "g.svg", timeout=1e-5)):
        with pytest.raises(TimeoutError, match=r"not done after 1e-05 s\. Fold more"):
            call()


@pytest.mark.parametrize(("script", "says"), [
    ("echo 'syntax error in line 7' >&2; exit 1", "Graphviz failed: syntax error in line 7"),
    ("exit 3", "Graphviz failed: 3"), ("exit 0", "Graphviz failed: 0"),
])  # fmt: skip
def test_a_graphviz_that_fails_is_quoted(
    script: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it ends as if all were well and draws nothing."""
    program = tmp_path / "dot"
    program.write_text(f"#!/bin/sh\ncat > /dev/null\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(render.shutil, "which", lambda name: str(program))
    drawing = draw(Value(1.0) * 2.0)
    with pytest.raises(RuntimeError, match=f"^{says}$"):
        drawing.render("svg")
    shown = drawing._repr_mimebundle_()
    assert says in shown["text/plain"]
    assert "×" in svg_texts(shown["image/svg+xml"].encode())


def test_a_notebook_shows_the_picture(renderer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = draw(readme_expression()[2])._repr_mimebundle_()
    assert shown["image/svg+xml"].startswith("<svg ")
    monkeypatch.setattr(render.shutil, "which", lambda name: "/no/such/dot")
    assert "could not be run" in draw(Value(1.0))._repr_mimebundle_()["text/plain"]
    assert shown["text/plain"].startswith("◎ +")


def test_how_the_end_of_a_name_is_written_makes_no_difference(tmp_path: Path) -> None:
    x = Value(1.0, name="x") * 2.0
    draw(x).save(tmp_path / "g.DOT")
    assert (tmp_path / "g.DOT").read_text().startswith("digraph")
    mg.steps(x).save(tmp_path / "p.TXT")
    assert (tmp_path / "p.TXT").read_text(encoding="utf-8") == f"{mg.steps(x).text}\n"


def test_a_save_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawing = draw(Value(1.0) * 2.0)
    path = tmp_path / "g.dot"
    drawing.save(path)
    old = path.read_bytes()

    def full(a: Any, b: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="disk full"):
        draw(Value(1.0) * 3.0).save(path)
    assert path.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == ["g.dot"]


# ------------------------------------------------------------------------------------------------------------- text


def test_two_graphs_can_be_compared_as_text() -> None:
    x = Value(2.0, name="x")
    a, b = draw(np.sin(x) * 2.0 + 1.0), draw(np.sin(np.tanh(x)) * 2.0 + 1.0)
    assert a.diff(a) == ""
    changed = [line for line in a.diff(b).splitlines() if line[0] in "+-" and line[:3] not in ("+++", "---")]
    assert any("tanh" in line and line.startswith("+") for line in changed)
    assert len(changed) <= 10
    assert repr(a) == a.text


def test_the_text_is_a_tree_that_names_again_what_it_meets_again() -> None:
    a, b = Value(2.0, name="a"), Value(-3.0, name="b")
    c = a * b
    assert draw(c + c * a, gradients=False).text.splitlines() == [
        "◎ +  -18", "  ○ ×  -6 [1]", "    ▷ a  2 [2]", "    ▷ b  -3", "  ○ ×  -12", "    ↑ [1]", "    ↑ [2]",
    ]  # fmt: skip


def test_a_result_that_another_is_computed_from_stands_once() -> None:
    y = Value(2.0, name="x") * 3.0
    assert draw(y, y + 1.0, gradients=False).text.splitlines() == ["◎ +  7", "  · 1", "◎ ×  6", "  ▷ x  2", "  · 3"]


def test_every_line_of_the_text_is_one_line() -> None:
    assert len(draw(Value(1.0, name="a\u2028b\x85c\n")).text.splitlines()) == 1


# ---------------------------------------------------------------------------------------------------------- neurons


def test_the_columns_of_a_network_leave_it_as_it_is() -> None:
    pytest.importorskip("matplotlib")

    class Counting(nn.MLP):
        calls = 0

        def forward(self, x: Any) -> Any:
            self.calls += 1
            assert not self.training
            return super().forward(x)

    model = Counting(3, [2, 2], seed=0).freeze()
    axes = mg.plots.network(model, np.ones(3), labels=["a", "b"], numbers=False)
    assert [text.get_text() for text in axes.texts] == ["3", "2", "2", "a", "b", "blue: positive weight, orange: "
        "negative, the stronger the larger; the fuller a neuron, the more active"]  # fmt: skip
    assert (model.calls, model.training) == (0, True)
    for call, error, says in [
        (lambda: mg.plots.network(model, [np.nan, 1, 1]), ValueError, "an activation is NaN or Inf"),
        (lambda: mg.plots.network(model, labels=["a"]), ValueError, "labels are 2, one for each output; got 1"),
        (lambda: mg.plots.network(Value(1.0)), TypeError, "network draws a Module"),  # type: ignore[arg-type]
    ]:
        with pytest.raises(error, match=says):
            call()


# ------------------------------------------------------------------------------------------------------------ errors

X = Value(1.0) * 2.0


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: draw(), TypeError, r"draw\(loss\), or draw\(model, x\)"),
        (lambda: draw(3.0), TypeError, "wants Values, or a Module and an example input; got 3.0$"),
        (lambda: draw(X, "g.svg"), TypeError, r"got 'g.svg'. draw\(v\).save\('g.svg'\) writes it into a file$"),
        (lambda: draw([]), TypeError, "empty list"),
        (lambda: draw(nn.ReLU()), TypeError, "wants an example input to run ReLU on"),
        (lambda: draw(nn.ReLU(), np.ones(2)), TypeError, "there is no graph"),
        (lambda: draw(X, fold="everything"), ValueError, "what can be folded is constants, modules, repeats, chains"),
        (lambda: draw(X, fold=["chains", "x"]), ValueError, "fold='x'"),
        (lambda: draw(X, cap=-1), ValueError, "cap=-1"),
        (lambda: draw(X, cap=2.5), ValueError, "cap=2.5"),  # type: ignore[arg-type]
        (lambda: draw(X, depth=True), ValueError, "depth=True"),
        (lambda: draw(X, direction="up"), ValueError, "LR draws from left to right"),
        (lambda: draw(X, names={"two": 2.0}), TypeError, "names gives names to Values and arrays.*'two' is 2.0"),
        (lambda: draw(X, names={1: X}), TypeError, "names gives names"),  # type: ignore[dict-item]
        (lambda: draw(X).save("g.jpg"), ValueError, r"saved as \.svg, \.png"),
        (lambda: draw(X).save("graph"), ValueError, r"saved as \.svg, \.png"),
        (lambda: draw(X).save("/no/such/folder/g.dot"), FileNotFoundError, "make it first"),
        (lambda: draw(X).render("gif"), ValueError, "one of svg, png, pdf"),
        (lambda: draw(X).diff("text"), TypeError, "another drawing"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_drawn_says_so(call: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        call()
