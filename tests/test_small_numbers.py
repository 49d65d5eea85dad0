"""What formulas do to plain integers and booleans, and to float16: numbers that wrap around, saturate or overflow."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnet.functional as F
from microgradnet import Value, nn

LABELS = np.array([0, 2, 1])
SIGNS = [1, -1, 1, -1]

# A function, or a variant of it -> what calls it with arrays, and their shapes; "p9" are nine 0s and 1s.
CALLS: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "attention_weights": (lambda q, k: F.attention_weights(q, k, np.tri(3, 4, dtype=bool)), [(3, 2), (4, 2)]),
    "attention_weights added to": (lambda q, k, m: F.attention_weights(q, k, m * 1), [(3, 2), (4, 2), (3, 4)]),
    "avg_pool1d": (lambda x: F.avg_pool1d(x, 2), [(2, 6)]),
    "avg_pool2d": (lambda x: F.avg_pool2d(x, 2, padding=1), [(2, 6, 6)]),
    "batch_norm": (lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), [(6, 3), (3,), (3,)]),
    "batch_norm by running numbers": (lambda x, m, v, w, b: F.batch_norm(x, m, v, w, b),
                                      [(6, 3), (3,), "p3", (3,), (3,)]),
    "binary_cross_entropy": (lambda x, y, w: F.binary_cross_entropy(x, y, weight=w), ["p6", "p6", (6,)]),
    "binary_cross_entropy_with_logits": (
        lambda x, y, w, p: F.binary_cross_entropy_with_logits(x, y, weight=w, pos_weight=p), [(6,), "p6", (6,), (6,)]),
    "clip": (lambda x: F.clip(x, 3, 100), [(6,)]),
    "clip between": (lambda x: F.clip(x, 0.5, 0.75), [(6,)]),
    "conv1d": (F.conv1d, [(2, 5), (3, 2, 2), (3,)]),
    "conv2d": (F.conv2d, [(2, 5, 5), (3, 2, 2, 2), (3,)]),
    "cross_entropy": (lambda x: F.cross_entropy(x, LABELS, label_smoothing=0.1), [(3, 4)]),
    "cross_entropy by weight": (lambda x, w: F.cross_entropy(x, LABELS, weight=w + 1), [(3, 4), "p4"]),
    "cross_entropy of probabilities": (lambda x: F.cross_entropy(x, np.full((3, 4), 0.25)), [(3, 4)]),
    "dropout": (lambda x: F.dropout(x, 0.3, seed=0), [(4, 3)]),
    "elu": (lambda x: F.elu(x, 2.0), [(9,)]),
    "embedding": (lambda w: F.embedding(LABELS, w), [(3, 2)]),
    "gelu": (F.gelu, [(9,)]),
    "gelu by tanh": (lambda x: F.gelu(x, "tanh"), [(9,)]),
    "group_norm": (lambda x, w, b: F.group_norm(x, 2, w, b), [(2, 4, 3), (4,), (4,)]),
    "hardswish": (F.hardswish, [(9,)]),
    "hardtanh": (lambda x: F.hardtanh(x, -0.5, 0.5), [(9,)]),
    "hinge_embedding_loss": (lambda x: F.hinge_embedding_loss(x, SIGNS), [(4,)]),
    "hinge_loss": (lambda x: F.hinge_loss(x, np.array(SIGNS, np.int8)), [(4,)]),
    "huber_loss": (F.huber_loss, [(9,), (9,)]),
    "huber_loss, its delta": (lambda x, y: F.huber_loss(x, y, delta=np.uint8(200)), [(9,), (9,)]),
    "kl_div": (F.kl_div, [(9,), "p9"]),
    "kl_div of logarithms": (lambda x, y: F.kl_div(x, y, log_target=True), [(9,), "p9"]),
    "l1_loss": (F.l1_loss, [(9,), (9,)]),
    "layer_norm": (lambda x, w, b: F.layer_norm(x, 4, w, b), [(3, 4), (4,), (4,)]),
    "layer_norm over two axes": (lambda x: F.layer_norm(x, (3, 4)), [(3, 4)]),
    "leaky_relu": (F.leaky_relu, [(9,)]),
    "linear": (F.linear, [(5, 4), (3, 4), (3,)]),
    "log_softmax": (F.log_softmax, [(5, 4)]),
    "logsumexp": (F.logsumexp, [(5, 4)]),
    "max_pool1d": (lambda x: F.max_pool1d(x, 2), [(2, 6)]),
    "max_pool2d": (lambda x: F.max_pool2d(x, 2), [(2, 6, 6)]),
    "mean": (F.mean, [(5, 4)]),
    "mish": (F.mish, [(9,)]),
    "mse_loss": (F.mse_loss, [(9,), (9,)]),
    "multi_margin_loss": (lambda x: F.multi_margin_loss(x, LABELS, p=2), [(3, 4)]),
    "nll_loss": (lambda x: F.nll_loss(x, LABELS), [(3, 4)]),
    "quadratic_cost": (F.quadratic_cost, [(5, 4), (5, 4)]),
    "relu": (F.relu, [(9,)]),
    "relu6": (F.relu6, [(9,)]),
    "rms_norm": (lambda x, w: F.rms_norm(x, (4,), w), [(3, 4), (4,)]),
    "rms_norm with eps": (lambda x: F.rms_norm(x, (4,), eps=0.1), [(3, 4)]),
    "scaled_dot_product_attention": (F.scaled_dot_product_attention, [(3, 2), (4, 2), (4, 5)]),
    "selu": (F.selu, [(9,)]),
    "sigmoid": (F.sigmoid, [(9,)]),
    "sigmoid of a number": (F.sigmoid, [()]),
    "silu": (F.silu, [(9,)]),
    "smooth_l1_loss": (lambda x, y: F.smooth_l1_loss(x, y, beta=np.uint8(200)), [(9,), (9,)]),
    "softmax": (F.softmax, [(5, 4)]),
    "softplus": (F.softplus, [(9,)]),
    "softplus, sharper": (lambda x: F.softplus(x, 2), [(9,)]),
    "step": (F.step, [(9,)]),
    "stop_gradient": (F.stop_gradient, [(9,)]),
    "tanh": (F.tanh, [(9,)]),
}  # fmt: skip
# Of these, which neither square, subtract nor negate, integers stay integers, and NumPy has no + for booleans.
WHOLE = {"clip", "embedding", "max_pool1d", "max_pool2d", "relu", "stop_gradient"}


def numbers_of(kind: str, shape: Any, rng: np.random.Generator) -> Any:
    """Whole numbers of a dtype, from its smallest to its largest, but for those beyond ±30,000."""
    if isinstance(shape, str):
        return rng.integers(0, 2, int(shape[1:])).astype(kind)
    if kind == "?":
        return rng.integers(0, 2, shape).astype(kind)
    low, high = max(int(np.iinfo(kind).min), -30_000), min(int(np.iinfo(kind).max), 30_000)
    drawn = np.asarray(rng.integers(low, high, shape, endpoint=True)).astype(kind)
    drawn.flat[0], drawn.flat[-1] = low, high
    return drawn[()]


def test_every_formula_is_tried() -> None:
    assert set(F.__all__) == {name.split()[0].rstrip(",") for name in CALLS}


@pytest.mark.parametrize("kind", [*np.typecodes["AllInteger"], "?"])
@pytest.mark.parametrize("name", CALLS)
def test_a_formula_of_integers_is_that_of_the_same_numbers_in_float64(name: str, kind: str) -> None:
    f, shapes = CALLS[name]
    if (name, kind) == ("stop_gradient", "?"):
        with pytest.raises(TypeError, match="positive"):
            f(np.zeros(3, bool))
        return
    rng = np.random.default_rng(0)
    arrays = [numbers_of(kind, shape, rng) for shape in shapes]
    with np.errstate(all="ignore"):
        expected = f(*[np.float64(x) for x in arrays])
        got = f(*arrays)
    assert np.shape(got) == np.shape(expected)
    np.testing.assert_allclose(np.float64(got), expected, rtol=1e-12, atol=1e-300)
    assert got.dtype == np.float64 or name in WHOLE


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: F.mse_loss(np.uint8([[10, 200]]), np.uint8([[12, 100]])), (2**2 + 100**2) / 2),
        (lambda: F.quadratic_cost(np.uint8([[10, 200]]), np.uint8([[12, 100]])), 2**2 + 100**2),
        (lambda: F.l1_loss(np.uint8([10, 200]), np.uint8([12, 100])), 51.0),
        (lambda: F.huber_loss(np.uint8([10, 200]), np.uint8([12, 100])), (1.5 + 99.5) / 2),
        (lambda: F.huber_loss([3.0], [0.0], delta=np.uint8(1)), 2.5),
        (lambda: F.sigmoid(np.uint8(3)), 0.9525741268224334),
        (lambda: F.silu(np.uint8([3])), [3 * 0.9525741268224334]),
        (lambda: F.relu(np.int8([-128, 127])), [0, 127]),
        (lambda: F.linear(np.uint8([[200, 100]]), np.uint8([[1, 1]]), np.uint8([0])), [[300.0]]),
        (lambda: F.conv1d(np.uint8([[200, 100]]), np.uint8([[[1, 1]]])), [[300.0]]),
        (lambda: F.dropout(np.uint8([200, 200]), 0.2, seed=0), [250.0, 250.0]),
        (lambda: F.hardtanh(np.int8([-3, 3]), -0.5, 0.5), [-0.5, 0.5]),
        (lambda: nn.MSELoss()(np.uint8([10]), np.uint8([12])), 4.0),
    ],
)
def test_small_integers_do_not_wrap_around(call: Any, expected: Any) -> None:
    np.testing.assert_allclose(call(), expected, rtol=1e-15)


def test_integers_beside_float32_stay_out_of_its_way() -> None:
    output = Value(np.float32([10.5, 200.0]))
    for pair in ((output, np.uint8([12, 100])), (np.uint8([12, 100]), output)):
        output.grad = None
        cost = F.mse_loss(*pair)
        assert (cost.dtype, cost.item()) == (np.float32, (1.5**2 + 100**2) / 2)
        cost.backward()
        assert output.grad.tolist() == [-1.5, 100.0]


def test_a_recorded_comparison_is_computed_with_as_a_number() -> None:
    x = Value([1.0, 3.0])
    np.testing.assert_allclose(F.sigmoid(x > 2).data, [0.5, 1 / (1 + np.exp(-1))], rtol=1e-15)
    assert F.quadratic_cost(x > 2, x > 5).data == 0.5 * 2


def test_what_is_no_real_number_is_refused() -> None:
    for f in (F.sigmoid, F.silu, F.tanh, F.softmax, lambda x: F.nll_loss(x, [0]), lambda x: F.mse_loss(x, x)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(TypeError, match="real numbers"):
                f(np.array([[1j, 2j]]))
