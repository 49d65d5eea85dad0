"""A program to look at: `print(step)` and `mg.draw(step)` say what each line is, and of which line of the user's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import Value, nn, optim
from microgradnet import functional as F
from microgradnet.programs.shown import size_of


def compiled_step(calls: int = 3, **options: Any) -> Any:
    model = nn.MLP(3, [4, 2], F.sigmoid, F.sigmoid, seed=0)
    optimizer = optim.SGD(model.parameters(), lr=3.0)

    @mg.compile(backend="numpy", **options)
    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        hidden = F.sigmoid(model.layers[0](x))
        cost = F.quadratic_cost(F.sigmoid(model.layers[1](hidden)), y)
        cost.backward(release=True)
        optimizer.step()
        return cost

    rng = np.random.default_rng(0)
    for _ in range(calls):
        step(rng.random((10, 3), dtype=np.float32), rng.random((10, 2), dtype=np.float32))
    return step


def sections(text: str) -> dict[str, list[str]]:
    """The lines under each heading; the same heading again goes on."""
    found: dict[str, list[str]] = {}
    for block in text.split("\n\n")[1:]:
        heading, *lines = block.splitlines()
        found.setdefault(heading.strip(" #"), []).extend(line.strip() for line in lines)
    return found


def number_of(text: str) -> int:
    return next(i for i, line in enumerate(Path(__file__).read_text().splitlines(), 1) if text in line)


def test_every_line_stands_under_the_line_it_came_from() -> None:
    found = sections(str(compiled_step()))
    hidden, cost, move = (number_of(text) for text in ("hidden = F.", "cost = F.quadratic", "optimizer.step()\n"[:-1]))
    says = [
        "looked at first",
        f"forward · test_shown.py:{hidden}: hidden = F.sigmoid(model.layers[0](x))",
        f"forward · test_shown.py:{cost}: cost = F.quadratic_cost(F.sigmoid(model.layers[1](hidden)), y)",
        f"backward · test_shown.py:{cost}: cost = F.quadratic_cost(F.sigmoid(model.layers[1](hidden)), y)",
        f"backward · test_shown.py:{hidden}: hidden = F.sigmoid(model.layers[0](x))",
        f"update · test_shown.py:{move}: optimizer.step()",
        "left behind",
    ]
    assert list(found) == says
    forward, backward = found[says[1]], found[says[4]]
    assert any(line.startswith("dot(x0, transposed1, dot1)") for line in forward)
    assert [line for line in backward if re.match(r"dot\(transposed\d+, x0, dot\d+\)", line)]
    assert [line for line in found[says[5]] if line.startswith("subtract(layers_0_weight, ")]
    assert all("raise OtherProgram" in line or "=" in line for line in found[says[0]])


def test_every_line_says_what_it_makes() -> None:
    text = str(compiled_step())
    assert re.search(r"dot\(x0, transposed1, dot1\) +# \(10, 4\) float32, 160 B\n", text)
    assert re.search(r"layers_0_weight = value1\._numbers +# \(4, 3\) float32, 48 B\n", text)
    assert "    # x0: (10, 3) float32, 120 B\n" in text
    short = [line for line in text.splitlines() if "  # (" in line and len(line.partition("  # (")[0].rstrip()) <= 64]
    assert {line.index("  # (") for line in short} == {64}  # the facts stand below each other
    assert "    # transposed3 is multiply5.T: a view, made once" in text


@pytest.mark.parametrize(("count", "says"), [
    (0, "0 B"), (999, "999 B"), (1000, "1 kB"), (1500, "1.5 kB"), (10**6, "1 MB"), (10**9, "1 GB"),
    (1234 * 10**9, "1.23e+03 GB"),
])  # fmt: skip
def test_so_many_bytes_are_said_in_three_digits(count: int, says: str) -> None:
    assert size_of(count) == says


def test_the_text_without_its_comments_is_the_source() -> None:
    step = compiled_step()
    lines = [line.partition("  #")[0].rstrip() for line in str(step).splitlines()]
    source = [line for line in step.source.splitlines() if not line.strip().startswith("#")]
    assert [line for line in lines if line and not line.strip().startswith("#")] == source


def test_it_says_how_large_it_is_and_which_one_it_is() -> None:
    step = compiled_step()
    text = str(step)
    assert re.match(
        r"# step, compiled: \d+ lines, [\d.]+ k?B of memory for what is in between\n# it runs as NumPy\n", text
    )
    for _ in range(3):
        step(np.zeros((2, 3), np.float32), np.zeros((2, 2), np.float32))
    assert "the latest of 2 programs" in str(step)
    assert repr(step) == "<compiled step: 2 programs>"
    assert "x0: (2, 3) float32, 24 B" in str(step)


def test_before_it_is_compiled_a_sentence_says_so() -> None:
    says = "step is not compiled yet: its first two calls are recorded, and if they agree the third is the program"
    step = compiled_step(calls=1)
    assert str(step) == says
    assert step.source == f"# {says}\n"
    with pytest.raises(ValueError, match=f"^{says}$"):
        mg.draw(step)


def test_a_loop_shows_its_lines_as_often_as_they_ran() -> None:
    w = Value(np.ones(2))

    @mg.compile(backend="numpy")
    def f(x: Any) -> Any:
        for _ in range(2):
            x = x * w
            x = np.sin(x)
        return x

    for _ in range(3):
        f(np.ones(2))
    assert [h.partition(": ")[2] for h in re.findall("# forward .*", str(f))] == ["x = x * w", "x = np.sin(x)"] * 2


# ------------------------------------------------------------------------------------------------------------ drawing


def test_lines_that_are_read_last_are_in_the_frame_of_their_part() -> None:
    """As in programs of scalars, where forward and backward are mixed."""
    layer = nn.Linear(4, 3, seed=0)

    @mg.compile(backend="numpy")
    def step() -> Any:
        layer.zero_grad()
        cost = F.quadratic_cost(F.sigmoid(layer(np.ones((2, 4), np.float32))), np.zeros((2, 3), np.float32))
        cost.backward()
        return cost

    for _ in range(3):
        step()
    assert re.search(r"^    scalar\d* = ", str(step), re.MULTILINE)  # a copy of the cost, made at the end
    titles = [group.title for group in mg.draw(step)._large.groups if group.parent is None]
    assert titles == ["forward", "backward"]


def boxes(drawing: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for kind in re.findall(r'\bclass="?(\w+)"?', drawing.source):
        found[kind] = found.get(kind, 0) + 1
    return found


def test_a_program_is_drawn_with_its_parts_told_apart() -> None:
    step = compiled_step()
    drawing = mg.draw(step)
    assert drawing.text == str(step)
    kinds = boxes(drawing)
    assert (kinds["input"], kinds["output"]) == (2, 1)
    assert kinds["parameter"] == 5  # and lr
    lines = sections(str(step))
    backward = [line for heading, found in lines.items() if heading.startswith("backward") for line in found]
    parts = {name: text.count(",") for name, text in re.findall(r"# (joined\d+): (.*) end to end", "\n".join(backward))}
    calls = [line.partition("  #")[0] for line in backward if "end to end" not in line]
    assert sum(parts.values()) == 6
    assert kinds["backward"] == sum(parts.get(line.rpartition(", ")[2].strip(" )"), 1) for line in calls)
    assert drawing.boxes == sum(kinds.values())
    for text in ("→ layers.0.weight", "→ gradient of layers.1.bias", "cost = F.quadratic_cost", "returned", "update"):
        assert text in drawing.source
    assert "not drawn: 7 lines that look whether all is as it was" in drawing.source


def test_every_arrow_of_a_drawing_runs_from_an_earlier_line_to_a_later_one() -> None:
    arrows = [(int(a), int(b)) for a, b in re.findall(r"\bn(\d+) -> n(\d+)", mg.draw(compiled_step()).source)]
    assert len(arrows) > 40
    assert all(a < b for a, b in arrows)


def test_a_long_program_is_folded_by_the_lines_of_the_user() -> None:
    w = Value(np.ones(2))

    @mg.compile(backend="numpy")
    def f(x: Any) -> Any:
        for _ in range(100):
            x = np.sin(x * w)
        cost = x.sum()
        cost.backward()
        return cost

    for _ in range(3):
        f(np.ones(2))
    drawing = mg.draw(f)
    assert drawing.boxes < 20
    assert "folded: " in drawing.source
    assert "x = np.sin(x * w)" in drawing.source
    assert mg.draw(f, cap=None).boxes > 300
    assert mg.draw(f, cap=7).boxes <= 7


def test_a_drawing_of_a_program_is_a_page_too(tmp_path: Path) -> None:
    drawing = mg.draw(compiled_step(), title="one step")
    drawing.save(tmp_path / "step.html")
    page = (tmp_path / "step.html").read_text()
    assert '"kind": "backward"' in page
    assert '"title": "one step"' in page
    assert "0 parameters" not in page
    drawing.save(tmp_path / "step.txt")
    assert (tmp_path / "step.txt").read_text(encoding="utf-8").startswith("# step, compiled")


def test_what_is_computed_by_python_is_drawn_as_such() -> None:
    model = nn.Sequential(nn.Linear(2, 2, seed=0), nn.Dropout(0.5, seed=0))
    f = mg.compile(model, backend="numpy")
    for _ in range(3):
        f(np.ones((3, 2), np.float32))
    assert "a call of Python's" in mg.draw(f).source


def test_a_long_line_of_yours_ends_in_dots_wherever_it_is_said() -> None:
    layer = nn.Linear(3, 2, seed=0)

    @mg.compile
    def step(x: Any) -> Any:
        return (np.tanh(layer(x)) * np.float32(1.5) + np.float32(0.25) - np.float32(0.125) * np.float32(2.0)).sum()

    for _ in range(2):
        step(np.ones((1, 3), np.float32))
    whole = (
        "return (np.tanh(layer(x)) * np.float32(1.5) + np.float32(0.25) - np.float32(0.125) * np.float32(2.0)).sum()"
    )
    for seen in (str(step), mg.draw(step).source):
        assert f": {whole[:79]}…" in seen
        assert whole[:80] not in seen
