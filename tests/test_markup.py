"""What a notebook shows: each thing as HTML of its own, with its numbers, right on light ground and on dark.

tests/pieces.txt has the pieces that pages are made of. Where one is meant to change, look at it, and
`python -m tests.test_markup` writes the file anew: what changed is then in the diff.
"""

from __future__ import annotations

import copy
import pickle
import re
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import Value, markup, nn, optim, primitive, train
from tests import descriptions

PAGE = Path(__file__).with_name("pieces.txt")
VOID = {"br", "circle", "img", "path", "polyline"}


class Read(HTMLParser):
    """The text of a page, with its tags counted: each that is opened is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        assert tag not in ("script", "style", "link")  # a notebook may show a cell without the rest of its page
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: Any) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())

    @property
    def words(self) -> str:
        return " ".join(text for text in self.texts if text)


def words(thing: Any) -> str:
    page = thing._repr_html_() if hasattr(thing, "_repr_html_") else thing
    assert not re.search(r"(?<!background:)(?:color|fill):\s*(?:black|white|#000|#fff)", page)  # the text's own colour
    return Read(page).words


def trained(epochs: int = 3, **how: Any) -> Any:
    model = nn.Linear(2, 2, seed=0)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 2)).astype(np.float32), np.arange(20) % 2
    return mg.fit(model, x, y, loss="cross_entropy", optimizer=optim.SGD(model.parameters(), lr=0.1), epochs=epochs,
                  seed=0, **how)  # fmt: skip


def wrong_rule() -> Any:
    return primitive(lambda g, out, x: out)(lambda x: np.exp(x))


THINGS: dict[str, tuple[Any, list[str]]] = {
    "a Value": (lambda: Value([1.5, -2.0], name="w"), ["w, Value", "shape (2,), float64", "1.5 -2", "grad None"]),
    "one number": (lambda: Value(2.0) * 3.0, ["Value", "float64, by ×", "data 6"]),
    "many numbers": (lambda: Value(np.arange(100.0)), ["shape (100,)", "min 0, mean 49.5, max 99"]),
    "NaN": (lambda: Value([np.nan, np.inf]), ["nan inf"]),
    "no elements": (lambda: Value(np.zeros((0, 3))), ["no elements"]),
    "a name that is HTML": (lambda: Value(1.0, name="<b>&"), ["<b>&, Value"]),
    "a Module": (lambda: nn.MLP(3, [4, 2], seed=0), ["Linear(3 → 4)", "layers.1", "26 parameters: 104 bytes"]),
    "a history": (lambda: trained(validation=0.2, progress=False), ["cost", "val_cost", "epoch", "finished"]),
    "a check": (lambda: mg.check_grads(np.square, [1.0, 2.0]), ["ok : the gradient of square", "match", "largest gap"]),
    "a check that fails": (
        lambda: mg.check_grads(wrong_rule(), [1.0, 2.0]), ["NOT OK", "2 mismatches", "your rule is right if"]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", THINGS)
def test_a_thing_is_shown_with_its_numbers(name: str) -> None:
    make, wanted = THINGS[name]
    text = words(make())
    for part in wanted:
        assert part in text, text


def test_a_gradient_is_shown_beside_its_numbers() -> None:
    w = Value([3.0, -4.0])
    (w * w).sum().backward()
    assert words(w) == "Value shape (2,), float64 data 3 -4 grad 6 -8"
    model = nn.Linear(2, 1, init=nn.init.zeros)
    ((model([3.0, -1.0]) - 1) ** 2).sum().backward()
    report = nn.gradient_report(model, n=2)
    assert isinstance(report, str)
    assert repr(report) == str(report)
    assert report.top == [("weight[0, 0]", -6.0), ("weight[0, 1]", 2.0)]
    assert "weight[0, 0] -6 up 1.00 weight[0, 1] +2 down 0.33" in words(report)
    assert type(repr(report)) is str
    assert words(report).startswith("parameter numbers nudge up nudge down leave largest slope weight 2 1 1 0 6 ")
    assert "matter most" in words(nn.gradient_report(model, n=0))


def test_what_stands_back_does_so() -> None:
    model = nn.Linear(2, 1, seed=0)
    assert model._repr_html_().endswith(f"<div>{markup.quiet('3 parameters: 12 bytes')}</div></div>")
    assert (
        f"<div>{markup.quiet('no epoch is done')}</div>" in train.History({"epoch": [], "cost": []}, "")._repr_html_()
    )
    done = train.History({"epoch": [1], "cost": [0.5]}, "finished")
    assert done._repr_html_().endswith(f"<div>{markup.quiet('finished')}</div></div>")


def test_columns_of_numbers_stand_to_the_right() -> None:
    model = nn.MLP(2, [2, 1], seed=0).freeze("layers.0")
    (model([3.0, -1.0]) ** 2).sum().backward()
    for shown, right in (
        (nn.gradient_report(model, n=2), "numbers, nudge up, nudge down, leave, largest slope, slope, of the first"),
        (model.summary(), "numbers, frozen"),
        (train.History({"epoch": [1], "cost": [0.5], "seconds": [2.0]}, "finished"), "epoch, cost, seconds"),
    ):
        columns = re.findall(r'<th style="[^"]*right;[^"]*">([^<]*)<', shown._repr_html_())
        assert ", ".join(columns) == right


def test_a_value_is_shown_with_its_name_its_numbers_and_its_gradient() -> None:
    w = Value([1.5, -2.0], name="w")
    w.grad = [3.0, 4.0]
    assert words(w) == "w, Value shape (2,), float64 data 1.5 -2 grad 3 4"
    assert words(w[1] * np.float32(2.0)) == "Value float64, by × data -4 grad None"
    assert words(w > 0) == "Value shape (2,), bool, by > data 1 0 grad None"


def test_a_program_is_shown_as_it_is_printed() -> None:
    step = mg.compile(lambda x: np.tanh(x) * 2, backend="numpy")
    assert "runs as it is" in words(step) or words(step)
    for _ in range(3):
        step(np.ones(3))
    text = words(step)
    assert "tanh(x0, " in text
    assert "passes" in text


def test_a_value_is_not_looked_at_while_it_is_compiled() -> None:
    @mg.compile(backend="numpy")
    def step(x: Any) -> Any:
        y = np.tanh(x)
        y._repr_html_()
        return y

    with pytest.raises(TypeError, match="printing it: this looks at the numbers of"):
        [step(Value(1.0)) for _ in range(2)]


# ------------------------------------------------------------------------------------------------------------- pieces


GAP = float("nan")
PIECES: dict[str, Callable[[], str]] = {
    "curves": lambda: markup.curves({"a<b": [1.0, 3.0], "c": [2.0, GAP, GAP, 1.5, 0.5]}, width=100, height=60),
    "curves, one point": lambda: markup.curves({"flat": [2.0]}),
    "curves, one more than there are colours": lambda: markup.curves({f"{k}": [k, 1 - k] for k in range(7)}),
    "a bar": lambda: markup.bar(0.256, "a < b"),
    "a bar, below 0": lambda: markup.bar(-1.0, ""),
    "a bar, beyond 1": lambda: markup.bar(1.5, ""),
    "a table": lambda: markup.table(["", "n<"], [["a&", 1], ["b", 2.5]], right=[1]),
    "a program": lambda: markup.program("a < b"),
    "parts below each other": lambda: markup.card("x", "", "y"),
    "parts side by side": lambda: markup.beside("x", "", "y"),
    "a matrix": lambda: markup.array([[1.0, -2.0], [np.inf, 0.25]]),
    "numbers that are all 0": lambda: markup.array(np.zeros(2)),
    "booleans and integers": lambda: markup.array(np.array([True, False])) + markup.array(np.array([3, -4])),
    "as many as are all shown": lambda: markup.array(np.arange(64.0).reshape(8, 8)),
    "one more": lambda: markup.array(np.arange(65)),
    "of three axes": lambda: markup.array(np.ones((1, 1, 2))),
    "of no elements": lambda: markup.array(np.ones((0, 2))),
    "many, some not finite": lambda: markup.array(np.where(np.arange(70) % 5, np.arange(70) / 8, GAP)),
    "many, none finite": lambda: markup.array(np.full(65, np.inf)),
}


@pytest.mark.parametrize("name", PIECES)
def test_a_piece_is_what_it_was(name: str) -> None:
    assert PIECES[name]().replace("><", ">\n<").splitlines() == descriptions.read(PAGE)[name]


def test_numbers_are_tinted_by_their_sign_and_strength() -> None:
    cells = re.findall(r"background:rgba\(([\d,]+),([\d.]+)\)[^>]*>([^<]+)<", markup.array([2.0, -1.0, 0.0]))
    assert cells == [(markup.BLUE, "0.50", "2"), (markup.ORANGE, "0.25", "-1"), (markup.ORANGE, "0.00", "0")]


def test_curves_go_through_their_points_and_leave_gaps() -> None:
    page = markup.curves({"cost": [4.0, 2.0, float("nan"), 0.0], "val": [1.0, 1.0, 1.0, 1.0]}, width=160, height=126)
    lines = re.findall(r'points="([^"]+)"', page)
    assert lines == ["52.0,8.0 85.3,58.0", "52.0,83.0 85.3,83.0 118.7,83.0 152.0,83.0"]
    assert re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', page) == [("152.0", "108.0")]
    assert words(f"<div>{page}</div>") == "4 0 1 4 ━ cost ━ val"
    assert markup.curves({}) == markup.curves({"cost": []}) == markup.curves({"cost": [float("inf")]}) == ""


# -------------------------------------------------------------------------------------------------- while it is trained


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a notebook's kernel is asked to show: each page, one in place of the other."""
    pages: list[str] = []
    handle = SimpleNamespace(update=lambda page: pages.append(page._repr_html_()))

    def display(page: Any, display_id: bool) -> Any:
        assert display_id
        pages.append(page._repr_html_())
        return handle

    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    return pages


def test_a_notebook_shows_curves_that_grow_and_no_lines(
    kernel: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("microgradnet.train.live.PAUSE", -1.0)  # every look
    history = trained(epochs=3, validation=0.2, batch_size=4)
    assert isinstance(history, train.History)
    assert capsys.readouterr() == ("", "")
    assert len(kernel) == 1 + 3 * (4 + 1) + 1
    assert "epoch 1/3: cost " in words(kernel[1])
    assert "width:8.3%" in kernel[1]
    last = words(kernel[-1])
    assert last.startswith("epoch 3/3 ")
    assert f"{history['cost'][-1]:.4g}" in last
    assert "polyline" in kernel[-1]


def test_nothing_is_shown_where_it_is_not_wanted(kernel: list[str]) -> None:
    trained(epochs=2, progress=False)
    assert kernel == []


def test_a_kernel_is_told_from_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    from microgradnet.train.live import in_notebook

    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert not in_notebook()
    for shell in (None, SimpleNamespace()):  # not in IPython; in its terminal
        monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda shell=shell: shell))
        assert not in_notebook()


def test_a_history_is_a_dict_that_can_be_copied_pickled_and_saved(tmp_path: Path) -> None:
    history = trained(epochs=2, progress=False)
    assert isinstance(history, dict)
    for again in (copy.deepcopy(history), pickle.loads(pickle.dumps(history))):
        assert type(again) is train.History
        assert again == history
    mg.save(tmp_path / "it.npz", history=history)
    assert mg.load(tmp_path / "it.npz")["history"] == dict(history)


def test_numbers_are_tinted_by_the_largest_that_is_finite() -> None:
    for more in ([], [np.inf], [np.nan]):
        assert re.findall(r"rgba\((?!220)[\d,]+?,(\d\.\d\d)\)", markup.array([0.25, -0.5, *more])) == ["0.25", "0.50"]


if __name__ == "__main__":
    descriptions.write(PAGE, {name: made().replace("><", ">\n<").splitlines() for name, made in PIECES.items()})
