"""Layers that are a function with options: one signature for all who ask, the function's own; copies; refusals."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnet.functional as F
from microgradnet import Value, nn
from microgradnet.core import Op
from microgradnet.nn.activations import Activation
from microgradnet.nn.distances import Distance
from microgradnet.nn.losses import Loss
from microgradnet.nn.options import FunctionLayer

Parameter = inspect.Parameter
CLASSES = {
    name: found
    for name in nn.__all__
    if isinstance(found := getattr(nn, name), type) and issubclass(found, FunctionLayer)
}
CHANGED: dict[str, Any] = {  # an option that is not its default
    "reduction": "sum", "delta": 2.0, "beta": 2.0, "weight": np.array([1.0, 2.0]), "ignore_index": 1, "p": 2,
    "label_smoothing": 0.1, "margin": 0.5, "pos_weight": np.array([3.0, 1.0]), "log_target": True,
    "negative_slope": 0.3, "alpha": 2.0, "approximate": "tanh", "min_val": -2.0, "max_val": 0.5, "axis": 0,
    "eps": 0.5, "full": True, "log_input": False, "swap": True, "keepdims": True,
}  # fmt: skip
each_class = pytest.mark.parametrize("name", CLASSES)


def options_of(function: Any) -> dict[str, Parameter]:
    """What a function takes besides the arrays it computes with."""
    if isinstance(function, Op | np.ufunc):
        return {}
    arrays = ("x", "x1", "x2", "input", "input1", "input2", "target", "var", "anchor", "positive", "negative")
    parameters = inspect.signature(function).parameters
    return {name: x for name, x in parameters.items() if name not in arrays and x.kind is not x.VAR_KEYWORD}


def test_there_are_these() -> None:
    assert sum(issubclass(cls, Loss) for cls in CLASSES.values()) == 18
    assert sum(issubclass(cls, Activation) for cls in CLASSES.values()) == 23
    assert sum(issubclass(cls, Distance) for cls in CLASSES.values()) == 2


@each_class
def test_the_options_are_those_of_the_function(name: str) -> None:
    """Names, types and defaults, in `inspect.signature`, which help() shows, and in what the class says of itself."""
    cls = CLASSES[name]
    theirs = {} if cls is nn.Identity else options_of(cls._function)
    ours = inspect.signature(cls).parameters
    assert {n: (x.default, x.annotation) for n, x in ours.items()} == {
        n: (x.default, x.annotation) for n, x in theirs.items()
    }
    assert cls.defaults() == {n: x.default for n, x in theirs.items()}
    kind = Parameter.KEYWORD_ONLY if issubclass(cls, Loss) else Parameter.POSITIONAL_OR_KEYWORD
    assert {x.kind for x in ours.values()} <= {kind}


@each_class
def test_the_options_are_what_type_checkers_read(name: str) -> None:
    """The annotated attributes of the class (PEP 681): each is said once, in the class itself, with its default."""
    cls = CLASSES[name]
    said = inspect.get_annotations(cls)
    assert list(said) == list(cls.defaults())
    assert all(vars(cls)[option] is default for option, default in cls.defaults().items())
    assert "__init__" not in vars(cls)
    base = next(base for base in (Loss, Activation, Distance) if issubclass(cls, base))
    assert base.__dataclass_transform__["kw_only_default"] == (base is Loss)


@each_class
def test_a_signature_binds_what_the_class_takes(name: str) -> None:
    cls = CLASSES[name]
    for option in cls.defaults():
        inspect.signature(cls).bind(**{option: CHANGED[option]})
        assert getattr(cls(**{option: CHANGED[option]}), option) is CHANGED[option]
    if not issubclass(cls, Loss):
        given = [CHANGED[option] for option in cls.defaults()]
        inspect.signature(cls).bind(*given)
        assert list(cls(*given).options().values()) == given


@each_class
@pytest.mark.parametrize("through", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))],
                         ids=["copy", "deepcopy", "pickle"])  # fmt: skip
def test_a_copy_is_the_same(name: str, through: Callable[[Any], Any]) -> None:
    cls = CLASSES[name]
    for options in ({}, {option: CHANGED[option] for option in cls.defaults()}):
        layer = cls(**options).eval()
        again = through(layer)
        assert type(again) is cls
        assert repr(again) == repr(layer)
        assert list(vars(again)) == list(vars(layer))
        for option, x in layer.options().items():
            np.testing.assert_array_equal(getattr(again, option), x)


def test_they_are_printed_as_they_are_written() -> None:
    assert repr(nn.MSELoss()) == "MSELoss()"
    assert repr(nn.KLDivLoss(reduction="batchmean", log_target=True)) == (
        "KLDivLoss(reduction='batchmean', log_target=True)"
    )
    assert repr(nn.NLLLoss(weight=np.array([1.0, 2.0]))) == "NLLLoss(weight=array([1., 2.]))"
    assert repr(nn.ReLU()) == "ReLU()"
    assert repr(nn.ELU()) == "ELU(1.0)"
    assert repr(nn.Softplus(3)) == "Softplus(beta=3)"
    assert repr(nn.GELU()) == "GELU(approximate='none')"
    assert repr(nn.Hardtanh(max_val=2.0)) == "Hardtanh(min_val=-1.0, max_val=2.0)"


def test_an_option_that_is_an_array_is_a_buffer_and_a_value_is_a_parameter() -> None:
    assert list(nn.BCELoss(weight=np.ones(2)).state_dict()) == ["weight"]
    layer = nn.LeakyReLU(Value(0.5))  # type: ignore[arg-type]  # a slope to be learnt
    assert [name for name, _ in layer.named_parameters()] == ["negative_slope"]
    layer(np.array([-2.0, 1.0])).sum().backward()
    assert layer.negative_slope.grad == -2.0  # type: ignore[attr-defined]


def test_an_option_may_be_changed_later() -> None:
    layer, loss = nn.LeakyReLU(), nn.HuberLoss()
    layer.negative_slope, loss.delta = 0.5, 2.0
    assert layer(np.array(-2.0)) == -1.0
    assert loss([0.0], [3.0]) == F.huber_loss([0.0], [3.0], delta=2.0)


def test_a_subclass_has_the_options_of_its_parent_and_its_own() -> None:
    class Wider(nn.HuberLoss):
        delta: float = 2.0

    class Fixed(nn.LeakyReLU):
        def __init__(self) -> None:
            super().__init__(0.5)

    assert Wider.defaults() == {"reduction": "mean", "delta": 2.0}
    assert str(inspect.signature(Wider)) == "(*, reduction: 'str' = 'mean', delta: 'float' = 2.0) -> 'None'"
    assert nn.HuberLoss.defaults()["delta"] == 1.0
    assert Wider()([0.0], [3.0]) == 4.0
    assert Fixed()(np.array(-2.0)) == -1.0


def test_what_is_said_of_a_layer_is_how_it_is_called() -> None:
    assert list(inspect.signature(nn.ELU()).parameters) == ["x"]
    assert nn.ELU()(x=Value(2.0)).data == 2.0


@pytest.mark.parametrize(("call", "says"), [
    (lambda: nn.MSELoss(delta=1.0), r"MSELoss has no option 'delta'; it has reduction"),
    (lambda: nn.MSELoss("sum"), r"MSELoss takes 0 arguments by position; got 1. It is MSELoss\(reduction=…\)"),
    (lambda: nn.ReLU(inplace=True), r"ReLU has no option 'inplace'; it has none"),
    (lambda: nn.LeakyReLU(0.1, 0.2), r"LeakyReLU takes 1 arguments by position; got 2. It is LeakyReLU\(negative_slo"),
    (lambda: nn.ELU(1.0, alpha=2.0), r"ELU got its option 'alpha' twice"),
    (lambda: nn.Softmax(dim=1), r"Softmax has no option 'dim'; it has axis"),
])  # fmt: skip
def test_wrong_options_are_refused(call: Callable[[], Any], says: str) -> None:
    with pytest.raises(TypeError, match=f"^{says}"):
        call()
