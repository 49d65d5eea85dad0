"""`mg.steps`: every number is the engine's, nothing changes, and it can be read, saved and shown."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import warnings
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import Value, functional, nn
from microgradnet.core import sweep
from microgradnet.playing import Steps
from microgradnet.playing.outlines import tip
from microgradnet.viz import Step
from microgradnet.viz.played import label
from microgradnet.viz.played import played as played_of
from microgradnet.words import printable
from tests import test_fuzz as fuzz


def expression() -> tuple[Value, Value, Value]:
    a, b = Value(-4.0, name="a"), Value(2.0, name="b")
    return a, b, (a * b + b**3).relu() + a**2 / b


def network() -> tuple[nn.Module, Any, Value]:
    model = nn.MLP(4, [6, 3], activation=np.tanh, seed=0)
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    return model, x, functional.cross_entropy(model(x), np.array([0, 1, 2, 0, 1]))


def same_bits(got: Any, expected: Any) -> None:
    got, expected = np.asarray(got), np.asarray(expected)
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
    assert got.tobytes() == expected.tobytes()


def compare(steps: Steps, found: dict[Any, Any]) -> int:
    """Each number of these steps with the gradients that the engine found; how many inputs were compared."""
    has: dict[Value, Any] = {steps[0].value: steps[0].gradient}
    compared = 0
    for number, step in enumerate(steps, start=1):
        assert step.number == number
        same_bits(step.gradient, found[step.value])
        for share in step.inputs:
            assert step.value.args[share.place] is share.value
            assert np.shape(share.added) == share.value.shape
            if share.value in has:
                same_bits(share.before, has[share.value])
                if step.op.name != "take":  # which adds to the elements it took alone: −0 stays −0
                    same_bits(share.total, share.before + share.added)
            else:
                assert share.before is None
                same_bits(share.total, share.added)
            has[share.value] = share.total
            compared += 1
    for value, total in has.items():
        same_bits(total, found[value])
    assert has.keys() == found.keys()
    return compared


@pytest.mark.parametrize("every", [30, pytest.param(1, marks=pytest.mark.slow)])
def test_every_number_is_the_engines_on_random_programs(every: int) -> None:
    compared = 0
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for seed in range(0, 900, every):
            program = fuzz.program_of(seed)
            inputs = [Value(x) for x in program.inputs]
            out = fuzz.total(program.run(inputs), seed)
            if type(out) is Value:
                compared += compare(mg.steps(out), sweep(out, out.dtype.type(1)))
    assert compared > 18_000 / every


def test_the_numbers_are_those_that_backward_leaves() -> None:
    model, _, loss = network()
    steps = mg.steps(loss)
    loss.backward()
    for step in steps:
        same_bits(step.gradient, step.value.grad)
    last = {share.value: share.total for step in steps for share in step.inputs}
    for p in model.parameters():
        same_bits(last[p], p.grad)


@pytest.mark.parametrize("kind", ["hook", "checkpoint", "pieces", "twice"])
def test_what_passes_on_in_its_own_way_is_noted_too(kind: str) -> None:
    x = Value(np.random.default_rng(1).normal(size=6), name="x")
    out = {
        "hook": lambda: (mg.hook(x * x, lambda g: g) * 2).sum(),
        "checkpoint": lambda: mg.checkpoint(lambda x: np.tanh(x * x))(x).sum() + x.sum(),
        "pieces": lambda: sum((x[i] * float(i) for i in (0, 2, 2, 5, 1)), start=x[1:4].sum()),
        "twice": lambda: (x * x + x).sum() + np.concatenate([x, x]).max(),
    }[kind]()
    assert compare(mg.steps(out), sweep(out, np.float64(1))) >= 4


def test_a_value_used_twice_is_seen_to_add_up() -> None:
    x = Value(3.0, name="x")
    last = mg.steps(x * x + x)[-1]
    assert [(s.added, s.before, s.total) for s in last.inputs] == [(3, 1, 4), (3, 4, 7)]
    assert [(s.letter, s.rule, s.numbers, s.slope) for s in last.inputs] == [
        ("x", "g × y", "1 × 3", 3), ("y", "g × x", "1 × 3", 3),
    ]  # fmt: skip


def test_slopes_times_what_came_in_is_what_is_added() -> None:
    _, _, c = expression()
    seen = 0
    for step in mg.steps(np.exp(c / 10) * np.tanh(c)):
        for share in step.inputs:
            assert share.slope is not None
            assert share.slope * step.gradient == pytest.approx(share.added, rel=1e-12)
            seen += 1
    assert seen == 16


@pytest.mark.parametrize(
    ("f", "rules"),
    [
        (np.tanh, ["g × (1 − out × out)"]), (lambda x: x @ np.ones((3, 2)), ["g @ yᵀ"]),
        (lambda x: np.ones((2, 2)) @ x, ["xᵀ @ g"]), (lambda x: x**3, ["g × 3 × x ** 2"]), (lambda x: x.relu(),
        ["where(out > 0, g, 0)"]), (lambda x: x.sum(axis=0), ["spread(g)"]), (lambda x: x.T, ["gᵀ"]),
        (lambda x: x[:1] + x, ["scatter(g)", "g, summed to (1, 3)", "g"]),
    ],
)  # fmt: skip
def test_rules_of_arrays_are_formulas(f: Any, rules: list[str]) -> None:
    x = Value(np.arange(6.0).reshape(2, 3) / 7 + 0.2)
    out = f(x)
    found = {share.rule for step in mg.steps(out, np.ones(out.shape)) for share in step.inputs}
    assert found == set(rules)


def test_a_rule_says_the_shapes_of_its_arrays_and_its_numbers() -> None:
    x = Value(np.ones((2, 3)))
    (share,) = mg.steps(np.tanh(x), np.ones((2, 3)))[0].inputs
    assert share.numbers == "g × (1 − out × out) with g (2, 3), out (2, 3)"
    y = Value(-0.5)
    (share,) = mg.steps(np.tanh(y))[0].inputs
    assert share.numbers == "1 × (1 − (-0.4621) × (-0.4621))"
    assert share.slope is not None


def test_nothing_is_written_and_no_hook_is_called() -> None:
    called = []
    x = Value([1.0, 2.0], name="x")
    loss = (mg.hook(x * x, called.append) * 3).sum()
    steps = mg.steps(loss)
    assert steps.html
    assert repr(steps)
    assert called == []
    assert x.grad is None
    assert loss.grad is None
    x.grad = np.array([5.0, 5.0])
    mg.steps(loss)
    assert x.grad.tolist() == [5, 5]


def test_it_is_a_sequence_that_stays_what_it_was_when_parameters_move() -> None:
    a, _, c = expression()
    steps = mg.steps(c)
    before, page = steps.text, steps.html
    a.data -= 1.0
    assert (steps.text, steps.html) == (before, page)
    assert isinstance(steps[0], Step)
    assert [step.symbol for step in steps] == ["+", "÷", "**", "relu", "+", "**", "×"]
    assert (len(steps), steps[-1].number, len(steps[1:3])) == (7, 7, 2)
    with pytest.raises(RuntimeError, match="Run the forward computation again"):
        mg.steps(c)


def test_it_starts_from_a_gradient_as_backward_does() -> None:
    x = Value([1.0, 2.0])
    y = x * x
    with pytest.raises(ValueError, match="starts from one number"):
        mg.steps(y)
    steps = mg.steps(y, [1.0, -1.0])
    assert steps[0].inputs[-1].total.tolist() == [2, -4]
    with pytest.raises(TypeError, match="steps wants the Value that backward"):
        mg.steps(3.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="direction='up'"):
        mg.steps(y.sum(), direction="up")
    y.sum().backward(release=True)
    with pytest.raises(RuntimeError, match="released"):
        mg.steps(y, [1.0, 1.0])


def test_a_leaf_has_no_steps() -> None:
    steps = mg.steps(Value(2.0))
    assert len(steps) == 0
    assert "operation" in repr(steps)
    assert "<svg" in mg.steps(Value(1.0), title="one")._repr_html_() or "srcdoc" in steps._repr_html_()


def test_the_table_is_what_was_looked_at() -> None:
    _, _, c = expression()
    text = """
   operation      gradient in  to  rule                  local slope  adds  has now
1  v9 = v6 + v8             1  v6  g                               1     1        1
                               v8  g                               1     1        1
2  v8 = v7 ÷ b              1  v7  g ÷ y                         0.5   0.5      0.5
                               b   −g × out ÷ y                   -4    -4       -4
3  v7 = a ** 2            0.5  a   g × 2 × x                      -8    -4       -4
4  v6 = relu(v5)            1  v5  where(out > 0, g, 0)            0     0        0
5  v5 = v3 + v4             0  v3  g                               1     0        0
                               v4  g                               1     0        0
6  v4 = b ** 3              0  b   g × 3 × x ** 2                 12     0       -4
7  v3 = a × b               0  a   g × y                           2     0       -4
                               b   g × x                          -4    -0       -4
"""
    assert mg.steps(c).text == printable(text.strip("\n"))
    assert mg.steps(c, title="first").text.startswith("first\n ")


def test_a_long_pass_is_printed_by_its_beginning_and_its_end() -> None:
    x = Value(0.5, name="x")
    y = x
    for _ in range(100):
        y = y * x
    steps = mg.steps(y)
    assert len(steps.text.splitlines()) == 201
    short = repr(steps).splitlines()
    assert "60 more" in short[-27]
    assert short[-2].split()[0] == "100"


def test_the_users_line_is_known_in_debug_mode() -> None:
    x = Value(2.0)
    with mg.debug():
        y = np.tanh(x)  # the line
    assert "y = np.tanh(x)  # the line" in str(mg.steps(y)[0].line)
    assert mg.steps(np.tanh(x))[0].line is None


# --------------------------------------------------------------------------------------------------- what is written


def played(page: str) -> dict[str, Any]:
    data = re.findall(r'<script type="application/json" id="graph">(.*?)</script>', page, re.S)[0]
    graph: dict[str, Any] = json.loads(data)
    return graph


def test_a_page_is_told_the_engines_numbers() -> None:
    model, x, loss = network()
    graph = played(mg.steps(loss, names={"x": x}, fold=()).html)
    assert graph["play"] is True
    loss.backward()
    named = {node["title"]: node["play"]["gets"][-1]["n"] for node in graph["nodes"] if node["play"]["gets"]}
    for name, p in model.named_parameters():
        assert named[name] == pytest.approx(np.linalg.norm(p.grad.astype(np.float64)), rel=1e-12)
    a, b, c = expression()
    nodes = {node["title"]: node["play"] for node in played(mg.steps(c).html)["nodes"]}
    c.backward()
    assert (nodes["a"]["gets"][-1]["n"], nodes["b"]["gets"][-1]["n"]) == (a.grad, b.grad)
    assert [get["label"] for get in nodes["b"]["gets"]] == ["-4 × 1", "12 × 0", "-4 × 0"]


def test_the_page_of_a_drawing_can_play_and_opens_as_a_drawing() -> None:
    _, _, c = expression()
    assert played(mg.draw(c).html)["play"] is False
    assert "play" not in played(mg.draw(c, gradients=False).html)
    assert "play" not in played(mg.draw(c > 0).html)


def test_array_graphs_are_played_by_module_and_unfold() -> None:
    _, x, loss = network()
    steps = mg.steps(loss, names={"x": x})
    graph = played(steps.html)
    folded = [group["title"] for group in graph["groups"] if group["folded"]]
    assert folded == ["layers[0]", "layers[1]"]
    assert len(graph["nodes"]) > steps._drawing.boxes


def test_a_rule_of_up_to_22_letters_stands_on_its_arrow() -> None:
    def labels(y: Value) -> list[str]:
        (step, *_) = mg.steps(y, np.ones(y.shape))
        return [label(share) for share in step.inputs]

    for n, text in ((3, "g, summed to (1, 1, 3)"), (10, "norm 6.325")):  # √(10 · 2²)
        assert labels(Value(np.ones((1, 1, n))) + Value(np.ones((2, 1, n)))) == [text, "g"]
    y = Value(3.0, name="y")
    picture = mg.steps(y * y)._drawing._small
    assert picture.passed
    assert played_of(picture, picture.passed)[0]["gets"][0]["label"] == "3 × 1 + 3 × 1"
    x, truths = Value(np.ones(2)), np.array([True, False])
    picture = mg.steps(np.where(truths, x, x), np.ones(2))._drawing._small
    assert picture.passed
    (get,) = played_of(picture, picture.passed)[0]["gets"]
    assert get["labels"] == ["where(condition, g, 0)", "where(condition, 0, g)"]
    assert get["label"] == get["added"] == "norm 1.414"  # two are too long for one arrow


def test_the_name_in_a_box_is_cut_after_30_letters() -> None:
    y = Value(np.ones(2)) * 2.0
    y.name = "n" * 31
    picture = mg.steps(y, np.ones(2))._drawing._small
    assert picture.passed
    assert played_of(picture, picture.passed)[-1]["lines"] == ["n" * 29 + "…", "(2,)"]


class Weights:
    def __init__(self, *w: float) -> None:
        self.w = [Value(x) for x in w]


def test_the_last_sum_is_the_engines_where_folding_has_changed_the_order() -> None:
    x, large, small = Value(1.0, name="x"), Weights(1e16, -1e16), Weights(1.0)
    y = large.w[0] * x + small.w[0] * x + large.w[1] * x
    picture = mg.steps(y, fold="modules")._drawing._small
    assert picture.passed
    (gets,) = [
        play["gets"]
        for facts, play in zip(picture.facts, played_of(picture, picture.passed), strict=True)
        if facts.title == "x"
    ]
    assert [len(get.get("labels", [0])) for get in gets] == [2, 1]  # both of the large ones come first
    y.backward()
    assert gets[-1]["n"] == x.grad == 0.0
    assert gets[0]["n"] == 0.0


def test_a_large_graph_is_played_folded() -> None:
    y = Value(0.5, name="y")
    for i in range(700):
        y = np.sin(y) / np.float64(1 + i) + y
    steps = mg.steps(y)
    assert len(steps) == 2_100
    assert steps._drawing.boxes <= 300
    boxes = played(steps.html)["nodes"]
    (leaf,) = [node for node in boxes if node["title"] == "y"]
    y.backward()
    assert leaf["play"]["gets"][-1]["total"] == f"{steps[-1].inputs[-1].total:.4g}"


def test_saved_are_a_page_animations_and_text(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib, of the extra plots, is not installed")
    from PIL import Image

    _, _, c = expression()
    steps = mg.steps(c, title="the first <expression>")
    for name in ("p.html", "p.svg", "p.gif", "p.txt"):
        steps.save(tmp_path / name)
    assert (tmp_path / "p.txt").read_text(encoding="utf-8").startswith("the first <expression>\n")
    with Image.open(tmp_path / "p.gif") as image:
        assert image.n_frames == 1 + 7 + 1 + 7
        image.seek(15)
        assert len(image.convert("RGB").getcolors(2**20) or []) > 20
    with pytest.raises(ValueError, match=r"saved as \.html, \.svg, \.gif or \.txt"):
        steps.save(tmp_path / "p.png")


def test_the_svg_is_well_formed_and_runs_nothing(tmp_path: Path) -> None:
    hostile = Value(2.0, name='</text><script>alert(1)</script>"&')
    svg = tmp_path / "p.svg"
    mg.steps(hostile * hostile + 1.0, title="a & b <c>").save(svg)
    text = svg.read_text(encoding="ascii")
    root = ET.fromstring(text)
    assert {element.tag.split("}")[1] for element in root.iter()} == {"svg", "style", "text", "path", "g", "polygon"}
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|url\(|\bon\w+=", text)
    words = ["".join(element.itertext()) for element in root.iter() if element.tag.endswith("text")]
    assert "</text><script>alert(1)</script…" in words
    assert "gradient 2 + 2 = 4" not in words  # one box, one arrow: both at once
    assert "gradient 4" in words
    times = re.findall(r"@keyframes (\S+?)\{", text)
    assert len(times) == len(set(times)) > 5
    assert "prefers-reduced-motion" in text
    assert "prefers-color-scheme:dark" in text


def test_without_matplotlib_a_gif_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import microgradnet as mg; s = mg.steps(mg.Value(2.0) * 3)\n"
        "s.save('p.svg')\n"
        "try: s.save('p.gif')\nexcept ModuleNotFoundError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == (
        "a GIF needs matplotlib: pip install matplotlib. An animated .svg and a page, .html, need nothing\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["p.svg"]


def test_a_notebook_shows_it_in_a_frame_of_its_own() -> None:
    _, _, c = expression()
    shown = mg.steps(c)._repr_html_()
    assert shown.startswith('<iframe srcdoc="&lt;!doctype html&gt;')
    assert 'sandbox="allow-scripts"' in shown
    assert "<script" not in shown


def test_arrows_of_a_film_point_where_the_gradient_goes() -> None:
    steps = mg.steps(expression()[2])
    marks = [mark for mark in steps._film().marks if mark.what == "arrow"]
    carried = [mark for mark in marks if mark.look == "carry"]
    assert len(carried) == 11  # one for each input of an operation
    for mark in carried:
        for other in marks:
            same = other is not mark and other.points == mark.points
            assert not (same and other.since <= mark.since < other.until)  # and no head at the other end meanwhile
        (x, y), (near, _), _ = tip(mark.points, back=True)
        assert (x, y) == mark.points[0]
        assert near > x  # it points to the left
        assert max(px for px, _ in tip(mark.points)) > mark.points[-1][0]


def test_a_step_prints_in_a_line() -> None:
    x, y = Value(2.0, name="x"), Value(-3.0, name="y")
    assert [repr(step) for step in mg.steps(np.tanh(x * y) + x)] == [
        "Step 1, +: gradient 1, passes g = 1 to tanh, g = 1 to x",
        "Step 2, tanh: gradient 1, passes g × (1 − out × out) = 2.458e-05 to ×",
        "Step 3, ×: gradient 2.458e-05, passes g × y = -7.373e-05 to x, g × x = 4.915e-05 to y",
    ]
    w = Value(np.ones((2, 3)), name="w")
    assert repr(mg.steps((w * 2.0).sum())[1]) == "Step 2, ×: gradient (2, 3), passes g × 2 = (2, 3) to w"
