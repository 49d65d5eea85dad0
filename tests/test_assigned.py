"""What is assigned to a Module, an optimiser or a report of digits is what it looks like, or that is told."""

from __future__ import annotations

import dataclasses
import functools
import types
import warnings
from collections import deque
from typing import Any

import numpy as np
import pytest

from microgradnet import Value, data, nn, no_grad, optim
from microgradnet.train.named import accuracy


def layer() -> nn.Linear:
    return nn.Linear(3, 2, seed=0)


@pytest.mark.parametrize("name", ["weight", "bias"])
@pytest.mark.parametrize("plain", [np.ones((2, 3)), np.float32(1), 0, 0.5, [[1.0, 2.0, 3.0]] * 2, (1.0, 2.0)], ids=repr)
def test_plain_numbers_in_place_of_a_parameter_are_refused(name: str, plain: Any) -> None:
    """They were taken, and what had been a parameter was trained no more, without a word."""
    model = layer()
    before = getattr(model, name)
    for frozen in (False, True):
        if frozen:
            model.freeze()
        with pytest.raises(
            TypeError, match=rf"Linear\.{name} is a parameter, and a plain {type(plain).__name__} would"
        ):
            setattr(model, name, plain)
        assert getattr(model, name) is before
        assert [path for path, _ in model.named_parameters()] == ["weight", "bias"]


def test_a_parameter_may_be_replaced_by_another_or_taken_away() -> None:
    model = layer()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.weight = new = Value(np.ones((2, 3)))
        model.bias = None
        with no_grad():
            model.weight = model.weight * 2
        assert [path for path, _ in model.named_parameters()] == ["weight"]
        assert new.name == "weight"
        model.anything = np.ones(2)  # type: ignore[attr-defined]
        model.anything = 3  # type: ignore[attr-defined]
        model.both = [model.weight, Value(1.0)]  # type: ignore[attr-defined]


class Holder:
    """An object of the user's that is no Module."""

    def __init__(self) -> None:
        self.w = Value(np.ones(2))


@pytest.mark.parametrize("make", [
    Holder, lambda: deque([Value(1.0)]), lambda: {Value(1.0)}, lambda: frozenset([Value(1.0)]),
])  # fmt: skip
def test_values_where_no_parameters_are_looked_for_are_told(make: Any) -> None:
    """They were kept, and never trained, without a word."""
    model = layer()
    with pytest.warns(
        RuntimeWarning, match=r"Linear\.more is a \w+, inside of which no parameters are looked for"
    ) as told:
        model.more = make()  # type: ignore[attr-defined]
    assert told[0].filename == __file__
    assert [path for path, _ in model.named_parameters()] == ["weight", "bias"]


def test_values_of_a_class_are_told() -> None:
    with pytest.warns(RuntimeWarning, match=r"Net\.w is of the class, .* self\.w = … in __init__ makes it one") as told:

        class Net(nn.Module):
            w = Value(1.0)

    assert told[0].filename == __file__
    assert Net().parameters() == []


def test_what_holds_no_parameters_of_its_own_is_not_told() -> None:
    model = layer()
    helper = types.SimpleNamespace(weight=model.weight, rate=0.1, constant=np.ones(2), known=model.weight * 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for part in (helper, deque([model.weight]), optim.SGD(model.parameters(), lr=1.0), layer(), [Value(1.0)],
                     np.tanh, {"w": Value(1.0)}, (Value(1.0),), Holder, layer, "text", {1, 2}):  # fmt: skip
            model.more = part  # type: ignore[attr-defined]

        @dataclasses.dataclass(eq=False)
        class Net(nn.Module):
            w: Value = Value(1.0)  # noqa: RUF009

        assert len(Net().parameters()) == 1


def test_a_forward_of_one_object_that_would_not_be_called_is_refused() -> None:
    """It was taken, and the class's was called as before, without a word."""
    model = layer()
    for other in (lambda x: x, functools.partial(np.dot, 2.0), layer().forward, len, np.tanh):
        with pytest.raises(TypeError, match=r"Linear\.forward is what the class does: .* register_forward_hook"):
            model.forward = other
    assert model(np.ones(3)).shape == (2,)


def test_a_forward_of_one_object_is_called_where_the_class_has_none() -> None:
    class Free(nn.Module):
        """Does what it is given."""

        def __init__(self, function: Any) -> None:
            self.forward = function

    class Both(nn.Module):
        """Has a part of that name."""

        def __init__(self) -> None:
            self.there, self.forward = layer(), layer()  # type: ignore[assignment, method-assign]

        def __call__(self, x: Any) -> Any:
            return self.there(x) + self.forward(x)

    assert np.array_equal(Free(np.negative)(Value(np.ones(2))).data, [-1, -1])
    assert len(Both().parameters()) == 4


def test_a_computed_value_in_place_of_a_parameter_is_told() -> None:
    model = layer()
    with pytest.warns(
        RuntimeWarning, match=r"Linear\.weight is computed, by multiply, .* weight\.data = array"
    ) as told:
        model.weight = model.weight * 0.9
    assert told[0].filename == __file__
    assert [path for path, _ in model.named_parameters()] == ["bias"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.weight = model.weight * 0.9  # which is none any more


@pytest.mark.parametrize("where", ["alone", "in a list"])
def test_a_value_that_is_scaled_in_init_is_told_to_be_no_parameter(where: str) -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            w = Value(np.ones((3, 1))) * 0.1
            self.w = w if where == "alone" else [Value(1.0), w]
            self.v = Value(0.1 * np.ones(3))
            self.doubled = self.v * 2  # made of what is a parameter: a result that is kept

        def forward(self, x: Any) -> Any:
            self.seen = x * 2
            return self.seen @ self.v

    with pytest.warns(RuntimeWarning, match=r"Scaled\.w is computed, by multiply.* Value\(0\.1 \* array\)") as told:
        model = Scaled()
    assert len(told) == 1
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model(Value(np.ones((2, 3))))


@pytest.mark.parametrize(("name", "option"), [("lr", "lr"), ("learning_rate", "lr"), ("momentum", "momentum")])
def test_an_option_is_not_assigned_where_nobody_looks_at_it(name: str, option: str) -> None:
    optimiser = optim.SGD(layer().parameters(), lr=0.1)
    with pytest.raises(AttributeError, match=rf"SGD has its options in groups: .*\[0\]\['{option}'\] = 0\.5"):
        setattr(optimiser, name, 0.5)
    assert optimiser.param_groups[0]["lr"] == 0.1
    optimiser.mine = 3  # type: ignore[attr-defined]


def test_an_optimiser_of_the_users_keeps_what_it_likes() -> None:
    class Mine(optim.Optimizer):
        def __init__(self, params: Any, lr: float) -> None:
            super().__init__(params, {"lr": lr})
            self.lr = lr

    assert Mine(layer().parameters(), 0.5).lr == 0.5


def test_digits_say_what_they_have() -> None:
    digits = data.digits(seed=0)
    assert repr(digits).startswith("Digits(1,438 to learn from: train_images, train_labels; 359 held out: test_images")
    with pytest.raises(AttributeError, match="Digits has no 'x_train': it has train_images and train_labels, test_im"):
        getattr(digits, "x_train")  # noqa: B009
    assert not hasattr(digits, "images")
    assert len(digits._replace(train_images=digits.test_images).train_images) == 359


def test_an_accuracy_of_what_is_neither_yes_nor_no_is_refused() -> None:
    outputs = np.array([[0.2], [-0.3]])
    for y in ([0, 1], [-1, 1], [0.1, 0.9]):
        assert accuracy(outputs, np.array(y)[:, None]) in (0.0, 0.5, 1.0)
    for bad, says in (([0.0, 3.0], "from 0 to 3"), ([-2.0, 1.0], "from -2 to 1"), ([np.nan, 1.0], "from nan to nan")):
        with pytest.raises(ValueError, match=f"accuracy: y goes {says}, and of one output an example it is 0 or 1"):
            accuracy(outputs, np.array(bad)[:, None])
