"""Losses: PyTorch's numbers and gradients, slopes, what is precise at the ends, and what is refused."""

from __future__ import annotations

import functools
import itertools
import math
import pickle
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microgradnet.functional as F
from microgradnet import Value, check_grads, data, nn
from tests.samples import count

Rng = np.random.Generator
SHAPES: list[tuple[int, ...]] = [(5, 4), (2, 3, 4), (4,), (1, 1)]


def anything(rng: Rng, shape: tuple[int, ...]) -> np.ndarray:
    return rng.normal(size=shape) * 2


def probabilities(rng: Rng, shape: tuple[int, ...]) -> np.ndarray:
    return rng.uniform(0.05, 0.95, shape)


def distributions(rng: Rng, shape: tuple[int, ...]) -> np.ndarray:
    return rng.dirichlet(np.ones(shape[-1]), shape[:-1]) if shape[-1] > 1 else np.ones(shape)


def logs(rng: Rng, shape: tuple[int, ...]) -> np.ndarray:
    return np.log(distributions(rng, shape))


def signs(rng: Rng, shape: tuple[int, ...]) -> np.ndarray:
    return rng.choice([-1.0, 1.0], shape)


def labels(rng: Rng, shape: tuple[int, ...]) -> np.ndarray:
    return rng.integers(0, shape[-1], shape[:-1])


def some_ignored(rng: Rng, shape: tuple[int, ...]) -> np.ndarray:
    drawn = labels(rng, shape)
    return np.where(np.arange(drawn.size).reshape(drawn.shape) % 3 == 1, -100, drawn)


def counts(rng: Rng, shape: tuple[int, ...]) -> np.ndarray:
    return rng.integers(0, 9, shape).astype(float)


def class_weights(rng: Rng, shape: tuple[int, ...]) -> np.ndarray:
    return rng.uniform(0.5, 2, shape[-1])


class Loss(NamedTuple):
    function: Callable[..., Any]
    input: Callable[[Rng, tuple[int, ...]], np.ndarray]
    target: Callable[[Rng, tuple[int, ...]], np.ndarray]
    options: dict[str, Any]  # name -> what to try: a value, or a function that draws one
    target_varies: bool = True
    name: str = ""  # in PyTorch, if another
    by_class: bool = False
    fixed: dict[str, Any] = {}  # noqa: RUF012, options that are the same every time


LOSSES: dict[str, Loss] = {
    "mse": Loss(F.mse_loss, anything, anything, {}),
    "l1": Loss(F.l1_loss, anything, anything, {}),
    "huber": Loss(F.huber_loss, anything, anything, {"delta": 0.7}),
    "smooth_l1": Loss(F.smooth_l1_loss, anything, anything, {"beta": 0.7}),
    "smooth_l1, beta 0": Loss(F.smooth_l1_loss, anything, anything, {"beta": 0}),
    "cross_entropy": Loss(
        F.cross_entropy, anything, labels, {"weight": class_weights, "label_smoothing": 0.2}, False, by_class=True
    ),
    "cross_entropy, some ignored": Loss(
        F.cross_entropy, anything, some_ignored, {"weight": class_weights, "label_smoothing": 0.2}, False, by_class=True
    ),
    "cross_entropy of distributions": Loss(
        F.cross_entropy, anything, distributions, {"weight": class_weights, "label_smoothing": 0.2}, by_class=True
    ),
    "nll": Loss(F.nll_loss, logs, labels, {"weight": class_weights}, False, by_class=True),
    "nll, some ignored": Loss(F.nll_loss, logs, some_ignored, {"weight": class_weights}, False, by_class=True),
    "multi_margin": Loss(
        F.multi_margin_loss, anything, labels, {"p": 2, "margin": 0.7, "weight": class_weights}, False, by_class=True
    ),
    "bce": Loss(F.binary_cross_entropy, probabilities, probabilities, {"weight": probabilities}),
    "bce with logits": Loss(
        F.binary_cross_entropy_with_logits, anything, probabilities,
        {"weight": probabilities, "pos_weight": class_weights},
    ),
    "kl_div": Loss(F.kl_div, logs, distributions, {}),
    "kl_div, log_target": Loss(F.kl_div, logs, logs, {"log_target": True}),
    "hinge_embedding": Loss(F.hinge_embedding_loss, anything, signs, {"margin": 0.7}, False),
    "hinge": Loss(F.hinge_loss, anything, signs, {"margin": 0.7}, False),
    "soft_margin": Loss(F.soft_margin_loss, anything, signs, {}, False),
    "poisson_nll": Loss(F.poisson_nll_loss, anything, counts, {"full": True}, False),
    "poisson_nll of rates": Loss(F.poisson_nll_loss, probabilities, counts, {"full": True, "eps": 0.1}, False,
                                 fixed={"log_input": False}),
    "quadratic_cost": Loss(F.quadratic_cost, anything, anything, {}),
}  # fmt: skip


def combinations(loss: Loss, rng: Rng, shape: tuple[int, ...]) -> list[dict[str, Any]]:
    """Every choice of options given and left out, with every reduction."""
    drawn = {name: x(rng, shape) if callable(x) else x for name, x in loss.options.items()}
    if "log_target" in drawn or drawn.get("beta") == 0:  # which say what kind of loss it is
        chosen = [drawn]
    else:
        chosen = [dict(some) for n in range(len(drawn) + 1) for some in itertools.combinations(drawn.items(), n)]
    if loss.function is F.quadratic_cost:
        return chosen
    kinds = ["mean", "sum", "none"] + ["batchmean"] * (loss.function is F.kl_div)
    return [{**loss.fixed, **options, "reduction": r} for options in chosen for r in kinds]


@pytest.mark.parametrize("name", [name for name in LOSSES if name not in ("hinge", "quadratic_cost")])
@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")  # PyTorch's word on kl_div
def test_a_loss_and_its_gradients_are_pytorchs(name: str) -> None:
    torch = pytest.importorskip("torch")
    loss, compared = LOSSES[name], 0
    theirs = getattr(torch.nn.functional, loss.name or loss.function.__name__)
    for shape in SHAPES:
        rng = np.random.default_rng(len(shape))
        x, y = loss.input(rng, shape), loss.target(rng, shape)
        if loss.function is F.multi_margin_loss and len(shape) > 2:
            continue  # PyTorch's takes one axis of examples
        for options in combinations(loss, rng, shape):
            v, t = Value(x), Value(y) if loss.target_varies else y
            out = loss.function(v, t, **options)
            a = torch.tensor(x, requires_grad=True)
            b = torch.tensor(y, requires_grad=loss.target_varies)
            moved = [z.movedim(-1, 1) if loss.by_class and z.ndim > 2 else z for z in (a, b)]
            more = {k: torch.tensor(o) if isinstance(o, np.ndarray) else o for k, o in options.items()}
            expected = theirs(*moved, **more)
            assert out.shape == tuple(expected.shape)
            assert out.dtype == np.float64
            np.testing.assert_allclose(out.data, expected.detach().numpy(), rtol=1e-9, atol=1e-12, err_msg=str(options))
            c = rng.normal(size=out.shape)
            (out * c).sum().backward()
            (expected * torch.tensor(c)).sum().backward()
            np.testing.assert_allclose(v.grad, a.grad.numpy(), rtol=1e-9, atol=1e-12, err_msg=str(options))
            if isinstance(t, Value):
                assert b.grad is not None
                assert t.grad.shape == y.shape
                np.testing.assert_allclose(t.grad, b.grad.numpy(), rtol=1e-9, atol=1e-12, err_msg=str(options))
            compared += 1
    assert compared >= 3 * len(SHAPES[:3])


@pytest.mark.parametrize("name", LOSSES)
def test_the_gradients_of_a_loss_are_its_slopes(name: str, share: float) -> None:
    loss = LOSSES[name]

    @settings(max_examples=count(100, share**2))
    @given(seed=st.integers(0, 10_000), data=st.data())
    def check(seed: int, data: st.DataObject) -> None:
        rng = np.random.default_rng(seed)
        shape = data.draw(st.sampled_from([(2, 3), (1, 2, 2), (3,)]))
        x, y = loss.input(rng, shape), loss.target(rng, shape)
        options = data.draw(st.sampled_from(combinations(loss, rng, shape)))
        if loss.target_varies:
            report = check_grads(lambda x, y: loss.function(x, y, **options), x, y, seed=seed)
        else:
            report = check_grads(lambda x: loss.function(x, y, **options), x, seed=seed)
        report.raise_on_failure()
        assert report.count("match")

    check()


@pytest.mark.parametrize("name", LOSSES)
def test_the_second_derivatives_of_a_loss_are_slopes_too(name: str) -> None:
    loss, rng = LOSSES[name], np.random.default_rng(3)
    x, y = loss.input(rng, (2, 3)), loss.target(rng, (2, 3))
    for options in combinations(loss, rng, (2, 3))[:: 2 if loss.options else 1]:
        check_grads(lambda x, o=options: loss.function(x, y, **o), x, order=2, seed=1).raise_on_failure()


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_keeps_float32_and_plain_arrays_plain(name: str) -> None:
    loss, rng = LOSSES[name], np.random.default_rng(0)
    x, y = (
        z.astype(np.float32) if z.dtype.kind == "f" else z for z in (loss.input(rng, (3, 4)), loss.target(rng, (3, 4)))
    )
    for options in combinations(loss, rng, (3, 4)):  # whose weights stay float64
        v = Value(x)
        out, plain = loss.function(v, y, **options), loss.function(x, y, **options)
        assert out.dtype == plain.dtype == np.float32
        assert not isinstance(plain, Value)
        np.testing.assert_array_equal(out.data, plain)
        out.sum().backward()
        assert v.grad.dtype == np.float32


def test_labels_are_a_shorthand_for_distributions() -> None:
    rng = np.random.default_rng(0)
    x, y, w = rng.normal(size=(2, 3, 4)), rng.integers(0, 4, (2, 3)), rng.random(4)
    same = np.eye(4)[y]
    for options in ({}, {"label_smoothing": 0.3}, {"weight": w, "reduction": "sum"}, {"reduction": "none"}):
        np.testing.assert_allclose(F.cross_entropy(x, y, **options), F.cross_entropy(x, same, **options), rtol=1e-12)
    assert F.cross_entropy(x, data.one_hot(y.reshape(-1), 4).reshape(x.shape)) == pytest.approx(F.cross_entropy(x, y))


def test_the_hinge_loss_is_its_formula() -> None:
    v = Value([2.0, 0.5, -3.0, 1.0])  # the last is on the margin: slope 0
    out = F.hinge_loss(v, [1, 1, 1, 1], reduction="none")
    np.testing.assert_array_equal(out.data, [0.0, 0.5, 4.0, 0.0])
    out.sum().backward()
    np.testing.assert_array_equal(v.grad, [0.0, -1.0, -1.0, 0.0])
    assert F.hinge_loss([2.0], np.array([-1], np.int8), margin=2.0) == 4.0


def test_what_is_ignored_is_not_looked_at() -> None:
    x = np.array([[1.0, 2.0], [np.nan, np.inf], [3.0, 1.0]])
    v = Value(x)
    F.cross_entropy(v, [0, 7, 1], ignore_index=7).backward()
    np.testing.assert_array_equal(v.grad[1], [0.0, 0.0])
    assert np.all(v.grad[[0, 2]] != 0)
    each = F.cross_entropy(Value(x), [0, 7, 1], ignore_index=7, reduction="none")
    assert each.data[1] == 0
    assert F.cross_entropy(x, [-100] * 3, reduction="sum") == 0
    np.testing.assert_array_equal(F.nll_loss(Value(x), [-100] * 3, reduction="none").data, np.zeros(3))


def test_losses_are_finite_and_exact_far_from_0() -> None:
    far = np.array([[1000.0, -1000.0], [-1000.0, 1000.0]])
    cases: list[tuple[Callable[..., Any], Any, Any, Any]] = [
        (F.cross_entropy, far, [0, 0], [0.0, 2000.0]),
        (F.cross_entropy, far, np.eye(2), [0.0, 0.0]),
        (F.binary_cross_entropy_with_logits, far, np.eye(2), np.zeros((2, 2))),
        (F.binary_cross_entropy_with_logits, far, 1 - np.eye(2), np.full((2, 2), 1000.0)),
        (F.binary_cross_entropy, np.eye(2), 1 - np.eye(2), np.full((2, 2), 100.0)),
        (F.huber_loss, far * 1e200, np.zeros((2, 2)), np.abs(far) * 1e200),
        (F.kl_div, far, np.zeros((2, 2)), np.zeros((2, 2))),
        (F.kl_div, np.log([[0.5, 0.5]]), [[1.0, 0.0]], [[np.log(2), 0.0]]),
    ]
    for function, x, y, expected in cases:
        v = Value(x)
        out = function(v, y, reduction="none")
        np.testing.assert_allclose(out.data, expected, rtol=1e-15, atol=1e-300, err_msg=function.__name__)
        out.sum().backward()
        assert np.all(np.isfinite(v.grad)), function.__name__


MATCHED = [
    F.mse_loss, F.l1_loss, F.huber_loss, F.smooth_l1_loss, F.binary_cross_entropy, F.binary_cross_entropy_with_logits,
    F.kl_div, F.poisson_nll_loss, F.hinge_loss, F.soft_margin_loss, F.hinge_embedding_loss,
    functools.partial(F.smooth_l1_loss, beta=0), functools.partial(F.gaussian_nll_loss, var=1.0),
    functools.partial(F.kl_div, log_target=True),
]  # fmt: skip


@pytest.mark.parametrize("loss", MATCHED)
def test_input_and_target_are_told_by_their_names(loss: Any) -> None:
    with pytest.raises(ValueError, match=r"^input of shape \(3, 1\), target of shape \(3,\): they must be equal"):
        loss(np.ones((3, 1)), np.ones(3))
    with pytest.raises(TypeError, match=r"^input holds real numbers; got dtype complex128"):
        loss(np.ones(3, complex), np.ones(3))
    with pytest.raises(TypeError, match=r"^target holds real numbers; got dtype complex128"):
        loss(np.ones(3), np.ones(3, complex))


def test_small_losses_keep_their_digits() -> None:
    assert F.binary_cross_entropy_with_logits(50.0, 1) == pytest.approx(np.exp(-50.0), rel=1e-12, abs=0)
    assert F.binary_cross_entropy_with_logits(-50.0, 0) == pytest.approx(np.exp(-50.0), rel=1e-12, abs=0)


def test_a_probability_of_0_has_a_way_out() -> None:
    v = Value([0.0, 1.0, 0.0, 1.0])
    F.binary_cross_entropy(v, [1, 0, 0, 1], reduction="sum").backward()
    np.testing.assert_allclose(v.grad, [-1e12, 1e12, 1.0, -1.0])


def test_a_class_that_is_ruled_out_costs_nothing_where_it_should() -> None:
    v = Value([[0.0, 1.0, -np.inf]])
    F.cross_entropy(v, [0]).backward()
    assert v.grad[0, 2] == 0
    assert F.kl_div(np.array([[0.0, -np.inf]]), [[1.0, 0.0]]) == 0


def test_the_mean_of_float16_losses_does_not_overflow() -> None:
    out = F.mse_loss(Value(np.ones(70_000, np.float16)), np.zeros(70_000, np.float16))
    assert (out.item(), out.dtype) == (1.0, np.float16)


def test_losses_of_numbers_lists_and_bools() -> None:
    assert F.mse_loss(3.0, 1) == 4.0
    assert F.l1_loss([3.0, 1.0], [1, 1]) == 1.0
    out = F.binary_cross_entropy_with_logits(Value(np.zeros(2, np.float32)), np.array([True, False]))
    assert out.dtype == np.float32
    assert out.data == pytest.approx(np.log(2), rel=1e-6)
    assert F.mse_loss(np.zeros((0, 2)), np.zeros((0, 2)), reduction="sum") == 0


def V(*shape: int) -> Value:
    return Value(np.linspace(0.1, 0.9, int(np.prod(shape))).reshape(shape))


REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "shapes that broadcast": (lambda: F.mse_loss(V(3, 1), np.ones(3)), ValueError, r"\(3, 1\).*\(3,\).*must be equal"),
    "a number for many": (lambda: F.l1_loss(V(3), 1.0), ValueError, r"\(3,\), target of shape \(\)"),
    "a mean of nothing": (lambda: F.mse_loss(V(0, 2), np.ones((0, 2))), ValueError, r"\(0, 2\): there is no example"),
    "a reduction of another name": (lambda: F.mse_loss(V(2), V(2), reduction="avg"), ValueError, "'avg': it is 'mean'"),
    "batchmean of mse": (lambda: F.mse_loss(V(2), V(2), reduction="batchmean"), ValueError, "it is 'mean', 'sum'"),
    "batchmean of nothing": (
        lambda: F.kl_div(V(0, 2), np.ones((0, 2)), reduction="batchmean"), ValueError, "there is no example"
    ),
    "batchmean of a number": (
        lambda: F.kl_div(Value(1.0), 1.0, reduction="batchmean"), ValueError, "there is no example"
    ),
    "targets of text": (lambda: F.mse_loss(V(1), ["a"]), TypeError, "target holds real numbers; got dtype <U1"),
    "targets None": (lambda: F.mse_loss(V(1), None), TypeError, "got None"),
    "complex targets": (lambda: F.mse_loss(V(1), [1j]), TypeError, "complex128"),
    "options by position": (lambda: F.mse_loss(V(1), V(1), "sum"), TypeError, "positional"),  # type: ignore[misc]
    "delta 0": (lambda: F.huber_loss(V(2), V(2), delta=0), ValueError, "delta=0"),
    "delta NaN": (lambda: F.huber_loss(V(2), V(2), delta=np.nan), ValueError, "delta=nan"),
    "beta below 0": (lambda: F.smooth_l1_loss(V(2), V(2), beta=-1), ValueError, "beta=-1"),
    "every label ignored": (lambda: F.cross_entropy(V(2, 3), [-100, -100]), ValueError, "every label is ignore_index"),
    "labels of weight 0": (
        lambda: F.cross_entropy(V(2, 3), [1, 1], weight=[1, 0, 1]), ValueError, r"classes \[1\] all have weight 0"
    ),
    "weights of another length": (
        lambda: F.cross_entropy(V(2, 3), [1, 1], weight=[1.0, 1.0]), ValueError, r"weight of shape \(2,\).*3 classes"
    ),
    "smoothing above 1": (
        lambda: F.cross_entropy(V(2, 3), [1, 1], label_smoothing=1.5), ValueError, "=1.5: it is a number from 0 to 1"
    ),
    "ignore_index of distributions": (
        lambda: F.cross_entropy(V(2, 3), np.ones((2, 3)), ignore_index=0), ValueError, "the target holds probabilities"
    ),
    "nll of distributions": (lambda: F.nll_loss(V(2, 3), np.ones((2, 3))), ValueError, "give integer labels of shape"),
    "a label past the end": (lambda: F.nll_loss(V(2, 3), [0, 3]), ValueError, "labels from 0 to 3"),
    "a negative label beside an ignored one": (
        lambda: F.nll_loss(V(3, 3), [0, -1, -100]), ValueError, "labels from -1 to 0"
    ),
    "no class": (lambda: F.multi_margin_loss(V(2, 0), [0, 0]), ValueError, "no class"),
    "p 3": (lambda: F.multi_margin_loss(V(2, 2), [0, 0], p=3), ValueError, "p=3"),
    "a margin's ignored label": (lambda: F.multi_margin_loss(V(2, 2), [0, -100]), ValueError, "labels from -100"),
    "logits as probabilities": (
        lambda: F.binary_cross_entropy(V(2) * 2, [0, 1]), ValueError, "input from .* to 1.8: a probability lies"
    ),
    "NaN as a probability": (lambda: F.binary_cross_entropy(V(2) * np.nan, [0, 1]), ValueError, "from nan to nan"),
    "labels ±1 for 0 and 1": (
        lambda: F.binary_cross_entropy_with_logits(V(2), [-1, 1]), ValueError, "target from -1.0 to 1.0.*hinge_loss"
    ),
    "a weight of another shape": (
        lambda: F.binary_cross_entropy(V(2), [0, 1], weight=np.ones(3)), ValueError, r"weight of shape \(3,\)"
    ),
    "a weight that would stretch": (
        lambda: F.binary_cross_entropy_with_logits(V(2), [0, 1], pos_weight=np.ones((4, 2))), ValueError,
        r"pos_weight of shape \(4, 2\)",
    ),
    "labels 0 and 1 for ±1": (lambda: F.hinge_loss(V(2), [0, 1]), ValueError, r"they are 1 or -1. 2 \* y - 1 makes"),
    "labels 0 for ±1": (lambda: F.hinge_embedding_loss(V(2), [0, 1]), ValueError, "they are 1 or -1"),
    "an option of another loss": (lambda: nn.MSELoss(delta=1.0), TypeError, "MSELoss has no option 'delta'; it"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "error", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_loss_says_so(call: Callable[[], Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        call()


# ------------------------------------------------------------------------------------------------------------ as layers

LAYERS = [
    cls
    for base in (nn.losses.Loss, nn.losses.LossOfThree)
    for cls in base.__subclasses__()
    if cls.__module__ == "microgradnet.nn.losses" and cls is not nn.losses.LossOfThree
]


def test_every_loss_has_a_layer() -> None:
    own = {name for name in F.__all__ if "loss" in name or "entropy" in name or name == "kl_div"}
    assert {cls._function.__name__ for cls in LAYERS} == own
    assert {cls.__name__ for cls in LAYERS} <= set(nn.__all__)


def test_the_layers_have_pytorchs_names_and_options() -> None:
    torch = pytest.importorskip("torch")
    import inspect

    for cls in LAYERS:
        if cls is not nn.HingeLoss:
            theirs = inspect.signature(getattr(torch.nn, cls.__name__)).parameters
            for name, default in cls.defaults().items():
                assert theirs[name].default == default, (cls, name)


def test_a_loss_layer_is_its_function_with_options() -> None:
    x, y = np.random.default_rng(0).normal(size=(3, 4)), np.array([0, 3, -100])
    weight = np.array([1.0, 2.0, 3.0, 4.0])
    layer = nn.CrossEntropyLoss(weight=weight, label_smoothing=0.1)
    expected = F.cross_entropy(x, y, weight=weight, label_smoothing=0.1)
    assert layer(Value(x), y).data == expected
    assert pickle.loads(pickle.dumps(layer)).eval()(x, y) == expected
    assert list(layer.state_dict()) == ["weight"]
    assert repr(nn.HuberLoss(delta=2.0)) == "HuberLoss(delta=2.0)"
    assert nn.HuberLoss(delta=2.0)([0.0], [1.0]) == 0.5


def test_a_divergence_over_no_classes_is_0_and_over_no_examples_refused() -> None:
    for shape, log_target in (((2, 0), False), ((2, 0), True), ((3, 4, 0), False)):
        assert (
            F.kl_div(Value(np.zeros(shape)), np.zeros(shape), reduction="batchmean", log_target=log_target).data == 0.0
        )
    for shape in ((0, 2), ()):
        with pytest.raises(ValueError, match="there is no example"):
            F.kl_div(Value(np.zeros(shape)), np.zeros(shape), reduction="batchmean")


@pytest.mark.parametrize("classes", [1, 2, 3])
def test_where_no_label_counts_the_sum_is_0(classes: int) -> None:
    """Of no examples, and of some that are all ignored; weights are no matter."""
    for weight in (None, np.full(classes, 2.0)):
        for loss in (F.cross_entropy, F.nll_loss):
            for n, labels in ((0, np.zeros(0, int)), (2, [-100, -100])):
                x = Value(np.ones((n, classes)))
                each = loss(x, labels, weight=weight, reduction="none")
                assert each.data.tolist() == [0.0] * n
                assert loss(x, labels, weight=weight, reduction="sum").item() == 0.0
                with pytest.raises(ValueError, match="there is no example to take the cost of"):
                    loss(x, labels, weight=weight)


def test_a_label_that_is_ignored_may_be_a_class_or_none() -> None:
    """The first, the last, one below and one above; the others must be classes."""
    x = np.array([[0.5, 1.0], [2.0, -1.0], [0.0, 3.0]])
    each = F.cross_entropy(x, [0, 1, 0], reduction="none")
    for ignored, labels, kept in [
        (0, [0, 1, 0], [1]), (1, [0, 1, 0], [0, 2]), (-1, [-1, 1, 0], [1, 2]), (2, [2, 1, 0], [1, 2]),
        (-5, [0, 1, 0], [0, 1, 2]), (7, [0, 1, 0], [0, 1, 2]), (7, [0, 1, 7], [0, 1]),
    ]:  # fmt: skip
        found = F.cross_entropy(x, labels, ignore_index=ignored, reduction="none")
        assert found.tolist() == [each[i] if i in kept else 0.0 for i in range(3)]
        assert F.cross_entropy(x, labels, ignore_index=ignored) == pytest.approx(each[kept].mean(), rel=1e-14)
        for wrong in (-2, 3):
            with pytest.raises(ValueError, match="but the classes are 0 to 1"):
                F.cross_entropy(x, [labels[0], wrong, labels[2]], ignore_index=ignored)


def test_a_mean_by_weights_wants_one_that_is_not_0() -> None:
    x, weight = np.array([[0.5, 1.0], [2.0, -1.0]]), [0.0, 3.0]
    with pytest.raises(ValueError, match=r"the classes \[0\] all have weight 0: there is no mean"):
        F.cross_entropy(x, [0, 0], weight=weight)
    assert F.cross_entropy(x, [0, 0], weight=weight, reduction="sum") == 0.0
    assert F.cross_entropy(x, [0, 1], weight=weight) == pytest.approx(F.cross_entropy(x[1:], [1]), rel=1e-14)
    for wrong in ([1.0], [1.0, 2.0, 3.0], [[1.0, 2.0]], 1.0, ["a", "b"], [1j, 2.0]):
        with pytest.raises(
            (ValueError, TypeError), match=r"weight of shape .* a number for each of the 2 classes|real"
        ):
            F.cross_entropy(x, [0, 1], weight=wrong)


def test_a_variance_is_one_number_or_has_a_shape_that_fits() -> None:
    x, y = np.array([[1.0, 2.0, 4.0], [0.5, -1.0, 3.0]]), np.array([[0.0, 2.5, 1.0], [1.5, -1.0, 2.0]])
    for shape in ((), (2, 3), (2, 1), (2,), (1, 3)):
        var = 0.5 + np.arange(np.prod(shape, dtype=int)).reshape(shape)
        wide = var[:, None] if shape == (2,) else var
        wanted = 0.5 * (np.log(wide) + (x - y) ** 2 / wide)
        np.testing.assert_allclose(F.gaussian_nll_loss(x, y, var, reduction="none"), wanted, rtol=1e-14)
        full = F.gaussian_nll_loss(x, y, var, full=True, reduction="sum")
        assert full == pytest.approx(wanted.sum() + 6 * 0.5 * math.log(2 * math.pi), rel=1e-14)
    for shape in ((3,), (1,), (1, 1), (2, 2), (1, 2, 3), (2, 3, 1)):
        with pytest.raises(ValueError, match=r"var of shape .* one number for each example, \(2, 1\)"):
            F.gaussian_nll_loss(x, y, np.ones(shape))
    for bad in (-1e-300, np.nan):
        with pytest.raises(ValueError, match="a variance is 0 or more"):
            F.gaussian_nll_loss(x, y, bad)
    assert np.isfinite(F.gaussian_nll_loss(x, y, 0.0))


def test_a_weight_broadcasts_to_what_it_weighs_and_makes_it_no_larger() -> None:
    x, y = np.array([[0.25, 0.5, 0.75], [0.5, 0.125, 0.5]]), np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 0.5]])
    each = F.binary_cross_entropy(x, y, reduction="none")
    for weight in (2.0, np.array([1.0, 2.0, 0.0]), np.array([[1.0], [3.0]]), np.array([True, False, True]), [1, 2, 3]):
        found = F.binary_cross_entropy(x, y, weight=weight, reduction="none")
        np.testing.assert_allclose(found, each * np.asarray(weight), rtol=1e-14)
    for wrong in (np.ones(2), np.ones((1, 2, 3)), np.ones((2, 1, 1)), np.ones((3, 2)), np.array(["a"] * 3)):
        with pytest.raises(ValueError, match=r"weight of shape .* does not broadcast to \(2, 3\)"):
            F.binary_cross_entropy(x, y, weight=wrong)
        with pytest.raises(ValueError, match=r"pos_weight of shape .* does not broadcast to \(2, 3\)"):
            F.binary_cross_entropy_with_logits(x, y, pos_weight=wrong)


@pytest.mark.parametrize(("loss", "low", "high"), [
    (F.binary_cross_entropy, 0.0, 1.0), (F.binary_cross_entropy_with_logits, None, None),
])  # fmt: skip
def test_a_probability_lies_between_0_and_1(loss: Any, low: Any, high: Any) -> None:
    right = np.array([0.0, 1.0, 0.5])
    loss(right, right)
    assert loss(right[:0], right[:0], reduction="sum") == 0.0
    for wrong in (-1e-9, 1 + 1e-9, np.nan):
        with pytest.raises(ValueError, match=r"^target from .* to .*: a probability lies between 0 and 1"):
            loss(right, np.array([0.5, wrong, 0.5]))
        if low is not None:
            with pytest.raises(ValueError, match=r"^input from .* to .*: a probability lies between 0 and 1"):
                loss(np.array([0.5, wrong, 0.5]), right)


def test_labels_of_hinges_are_signs() -> None:
    for loss in (F.hinge_loss, F.soft_margin_loss, F.hinge_embedding_loss):
        loss(np.ones(2), [1, -1])
        assert loss(np.ones(0), np.ones(0), reduction="sum") == 0.0
        for wrong in ([1, 0], [1, -2], [1.0, np.nan], [0.5, 1.0]):
            with pytest.raises(ValueError, match=r"they are 1 or -1\. 2 \* y - 1 makes them of 0 and 1"):
                loss(np.ones(2), wrong)


def test_a_divergence_of_each_example_is_averaged_over_the_batch() -> None:
    x, y = np.log([[0.5, 0.5], [0.25, 0.75], [0.1, 0.9]]), np.array([[1.0, 0.0], [0.5, 0.5], [0.1, 0.9]])
    with np.errstate(all="ignore"):
        each = np.where(y > 0, y * (np.log(y) - x), 0.0)
    assert F.kl_div(x, y, reduction="batchmean") == pytest.approx(each.sum() / 3, rel=1e-13)
    assert F.kl_div(x[0], y[0], reduction="batchmean") == pytest.approx(each[0].sum() / 2, rel=1e-13)
    for nothing in (x[:0], np.float64(0.5)):
        with pytest.raises(ValueError, match="there is no example to take the cost of"):
            F.kl_div(nothing, nothing, reduction="batchmean")
    for counts, full in ((np.array([0.0, 1.0, 2.0]), True), (np.array([1.5, 7.0, 30.0]), True), (np.ones(3), False)):
        rate = np.array([0.5, 1.5, 2.0])
        more = counts * np.log(np.maximum(counts, 1)) - counts + 0.5 * np.log(2 * math.pi * np.maximum(counts, 1))
        wanted = rate - counts * np.log(rate + 1e-8) + np.where(counts > 1, more, 0.0) * full
        found = F.poisson_nll_loss(rate, counts, log_input=False, full=full, reduction="none")
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_where_the_arms_begin_may_be_numpys_number(reduction: str) -> None:
    x, y = np.array([0.5, 3.0], np.float32), np.array([1.0, 0.0], np.float32)
    for kind in (np.float64, np.int64):
        assert F.huber_loss(x, y, delta=kind(1), reduction=reduction).dtype == np.float32  # type: ignore[type-var]
        assert F.smooth_l1_loss(x, y, beta=kind(1), reduction=reduction).dtype == np.float32  # type: ignore[type-var]
