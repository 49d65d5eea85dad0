"""A check takes what it names, Python's or NumPy's, gives it back plain, and says the rest in one wording."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnet.functional as F
from microgradnet import Value, checks, nn
from tests.recorded.questions import GIVEN, QUESTIONS

NO_NUMBERS = [True, np.True_, None, "1", 1j, math.nan, math.inf, [1], np.array([1]), np.array(1)]


@pytest.mark.parametrize(
    ("check", "taken", "refused", "wanted"),
    [
        (checks.whole, [1, np.int8(3), 10**30], [0, 2.0, np.float32(2)], "a whole number of at least 1"),
        (checks.number, [0, 0.0, np.float32(0.5), np.uint8(7)], [-1, -5e-324], "a number of at least 0"),
        (checks.positive, [5e-324, np.float16(2)], [0, -0.0, -1], "a positive number"),
        (checks.share, [0, 1, np.float64(0.3)], [-5e-324, np.nextafter(1, 2)], "a number from 0 to 1"),
        (checks.fraction, [5e-324, np.float32(0.5)], [0, 1, 0.0, 1.0], "a number between 0 and 1"),
    ],
)
def test_a_number_is_given_back_plain_or_refused(
    check: Callable[..., Any], taken: list[Any], refused: list[Any], wanted: str
) -> None:
    for given in taken:
        found = check("n", given)
        assert found == given
        assert type(found) is (int if check is checks.whole else float)
    for given in refused + NO_NUMBERS:
        with pytest.raises(ValueError, match=r"^n=") as caught:
            check("n", given)
        assert str(caught.value) == f"n={given!r}: it is {wanted}"


def test_whole_numbers_of_something_from_somewhere_on() -> None:
    assert checks.whole("n", 0, 0) == 0
    with pytest.raises(ValueError, match=r"^split\(n=-1\): it is a whole number of examples, at least 0, or a share$"):
        checks.whole("n", -1, 0, of="examples", call="split", more=", or a share")


def test_numbers_of_any_size_are_given_back_as_they_are() -> None:
    many = [np.ones(2), np.array(3), Value([1.0, 2.0])]
    for given in [-1.5, math.inf, np.float32(2), -3, np.int8(-3)]:
        assert checks.real("n", given) is given
        assert checks.reals("n", given) is given
    for given in many:
        assert checks.reals("n", given) is given
    for given in [-3, np.int8(-3), 10**30]:
        assert checks.integer("n", given) is given
    for check, given, wanted in [
        *((checks.real, x, "a number") for x in [None, "1", 1j, [1.0], *many]),
        *((checks.reals, x, "a number") for x in [None, "1", 1j, [1.0], np.array("1"), np.array(True)]),
        *((checks.integer, x, "a whole number") for x in [None, "1", 1.0, [1], np.array(1), np.float64(1)]),
    ]:
        with pytest.raises(ValueError, match=rf"^f\(n=.*\): it is {wanted}$"):
            check("n", given, call="f")


class Live:
    """What stands for a number in a step that is being compiled, as far as checks look at it."""

    def __init__(self, number: Any) -> None:
        self._numbers = number

    def __lt__(self, other: Any) -> bool:
        return bool(self._numbers < other)

    def __le__(self, other: Any) -> bool:
        return bool(self._numbers <= other)

    def __gt__(self, other: Any) -> bool:
        return bool(self._numbers > other)

    def __ge__(self, other: Any) -> bool:
        return bool(self._numbers >= other)


def test_what_stands_for_a_number_is_judged_by_it_and_given_back() -> None:
    half, two, zero = Live(0.5), Live(2), Live(0.0)
    for check, right, wrong in [
        (checks.finite, [half, two, zero], [Live(math.inf), Live("x")]), (checks.number, [half, zero], [Live(-1.0)]),
        (checks.positive, [half, two], [zero]), (checks.share, [half, zero], [two]), (checks.fraction, [half], [two]),
        (checks.real, [half, two, Live(math.inf)], [Live("x"), Live(None), Live(np.ones(2))]),
    ]:  # fmt: skip
        for x in right:
            assert check("n", x) is x
        for x in wrong:
            with pytest.raises(ValueError, match=r"^n=.*: it is a "):
                check("n", x)
    assert checks.held(half) == 0.5
    assert checks.held(3) == 3


def test_a_number_for_each_axis() -> None:
    assert checks.whole_for_each("stride", 2, 1) == (2,)
    assert checks.whole_for_each("stride", np.int64(2), 2) == (2, 2)
    found = checks.whole_for_each("stride", [1, np.int64(2)], 2)
    assert found == (1, 2)
    assert {type(n) for n in found} == {int}
    assert checks.whole_for_each("padding", (0, 3), 2, 0) == (0, 3)
    for given in [0, True, 1.5, "2", (1,), (1, 2, 3), (1, 0), (1, True), np.array([1, 2])]:
        with pytest.raises(ValueError, match=r": it is a whole number of at least 1, or two of them$"):
            checks.whole_for_each("stride", given, 2)
    with pytest.raises(ValueError, match=r"^Conv1d\(stride=0\): it is a whole number of at least 1$"):
        checks.whole_for_each("stride", 0, 1, call="Conv1d")


def test_a_switch_is_no_number() -> None:
    assert checks.switch("on", np.True_) is True
    assert checks.switch("on", False) is False
    for given in (0, 1, None, "yes", np.array(True)):
        with pytest.raises(ValueError, match=r": this is a switch, True or False$"):
            checks.switch("on", given, what="this")


def test_a_choice_lists_what_there_is() -> None:
    assert checks.choice("mode", "a", ("a", "b")) == "a"
    for given in ("c", None, ["a"], np.array(["a"])):
        with pytest.raises(ValueError, match=r"it is 'a' or 'b'$"):
            checks.choice("mode", given, ("a", "b"))
    with pytest.raises(ValueError, match=r"^mode='d': it is 'a', 'b' or 'c'$"):
        checks.choice("mode", "d", ("a", "b", "c"))


def test_a_function_is_no_class() -> None:
    assert checks.function("f", abs) is abs
    for given in (int, "relu", None):
        with pytest.raises(TypeError, match=r"^MLP\(f=.*\): it is a function, such as np\.tanh$"):
            checks.function("f", given, call="MLP", more=", such as np.tanh")


def test_what_was_seen_is_shown_in_short() -> None:
    with pytest.raises(ValueError, match=r"…: it is a positive number$") as caught:
        checks.positive("lr", [0.1] * 1000)
    assert len(str(caught.value)) < 100


IMAGE, ROW, KERNEL = np.ones((1, 1, 4, 4)), np.ones((1, 1, 4)), np.ones((1, 1, 2, 2))
WRONG: list[tuple[Any, tuple[Any, ...], str, Any]] = [
    (nn.Linear, (1,), "out_features", 0), (nn.Linear, (1, 1), "init", 3), (nn.Dropout, (), "p", 2),
    (nn.Conv1d, (1, 1, 3), "stride", 0), (nn.Conv2d, (1, 1), "kernel_size", 0), (nn.Conv2d, (1, 1, 3), "padding", -1),
    (nn.Conv2d, (1, 1, 3), "dilation", 0), (nn.Conv2d, (1, 1, 3), "groups", 0), (nn.MaxPool1d, (2,), "stride", 0),
    (nn.MaxPool2d, (), "kernel_size", 0), (nn.MaxPool2d, (2,), "padding", -1), (nn.MaxPool2d, (2,), "dilation", 0),
    (nn.AvgPool1d, (2,), "stride", 0), (nn.AvgPool2d, (), "kernel_size", 0), (nn.AvgPool2d, (2,), "padding", -1),
    (nn.LSTM, (1,), "hidden_size", 0), (nn.LSTM, (1, 1), "dropout", 2), (nn.GRU, (1,), "hidden_size", 0),
    (nn.RNN, (1, 1), "nonlinearity", "x"), (nn.Embedding, (1,), "embedding_dim", 0), (nn.Embedding, (1, 1), "init", 3),
    (nn.LayerNorm, (), "normalized_shape", 0), (nn.MultiheadAttention, (1,), "num_heads", 0),
    (nn.MultiheadAttention, (2, 1), "dropout", 2), (nn.TransformerEncoderLayer, (2, 1), "activation", 3),
    (nn.GELU, (), "approximate", "x"), (nn.MLP, (1, [1]), "activation", 3),
    (F.max_pool2d, (IMAGE,), "kernel_size", 0), (F.max_pool1d, (ROW, 2), "stride", 0),
    (F.max_pool2d, (IMAGE, 2), "dilation", 0), (F.avg_pool2d, (IMAGE, 2), "padding", -1),
    (F.conv2d, (IMAGE, KERNEL), "stride", 0), (F.conv2d, (IMAGE, KERNEL), "padding", -1),
    (F.conv2d, (IMAGE, KERNEL), "dilation", 0), (F.conv2d, (IMAGE, KERNEL), "groups", 0),
    (F.gelu, (1.0,), "approximate", "x"), (F.dropout, (1.0,), "p", 2),
]  # fmt: skip


@pytest.mark.parametrize(("made", "args", "name", "given"), WRONG)
def test_a_wrong_argument_is_named_as_it_was_written(made: Any, args: Any, name: str, given: Any) -> None:
    """With what was called: there are many layers in a model."""
    with pytest.raises((ValueError, TypeError), match=re.escape(f"{made.__name__}({name}={given!r}): ")):
        made(*args, **{name: given})


class Instead:
    """Stands for `functional` or `nn`, one name of which is called with another option."""

    def __init__(self, space: Any, name: str, option: str) -> None:
        self.space, self.name, self.option = space, name, option

    def __getattr__(self, name: str) -> Any:
        function = getattr(self.space, name)
        if name != self.name:
            return function

        def changed(*args: Any, **options: Any) -> Any:
            bound = inspect.signature(function).bind(*args, **options)
            bound.arguments[self.option] = "x"
            return function(*bound.args, **bound.kwargs)

        return changed


def numbers_taken() -> list[tuple[str, str, str]]:
    """For each function and layer a line of code that calls it, and each of its options that is a number."""
    lines: dict[str, str] = {}
    for code in QUESTIONS:
        for name in re.findall(r"\b(?:F|nn)\.\w+", code):
            if name not in lines or f"{name}(" in code[:20]:
                lines.setdefault(name, code)
    found = []
    for name, code in lines.items():
        function = eval(name, {"F": F, "nn": nn})
        for option, parameter in inspect.signature(function).parameters.items():
            kinds = str(parameter.annotation).split(" | ")
            if {"int", "float"} & set(kinds) and parameter.kind is not parameter.VAR_KEYWORD:
                found.append((name, option, code))
    return found


def test_there_are_numbers_to_be_wrong() -> None:
    assert len(numbers_taken()) > 150


@pytest.mark.parametrize(("name", "option", "code"), numbers_taken())
def test_what_is_no_number_is_told_by_the_name_it_was_given(name: str, option: str, code: str) -> None:
    """By a layer when it is made, or when it is called."""
    space, _, own = name.partition(".")
    known = {"F": F, "nn": nn, "made": lambda layer: layer, "moved": lambda f, *args, **options: f(*args, **options)}
    known[space] = Instead(known[space], own, option)
    with pytest.raises((ValueError, TypeError), match=rf"\b{option}='x'"):
        eval(code, known | GIVEN)
