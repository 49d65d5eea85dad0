"""What formulas do to plain integers and booleans, and to float16: numbers that wrap around, saturate or overflow."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnet.functional as F
from microgradnet import Value, nn, optim
from microgradnet.core import numbers
from tests.cases import ROWS

INTEGERS = [*np.typecodes["AllInteger"], "?"]
LABELS = np.array([0, 2, 1])
SIGNS = [1, -1, 1, -1]

# A function, or a variant of it -> what calls it with arrays, and their shapes; "p9" are nine 0s and 1s.
CALLS: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "adaptive_avg_pool1d": (lambda x: F.adaptive_avg_pool1d(x, 4), [(2, 6)]),
    "adaptive_avg_pool2d": (lambda x: F.adaptive_avg_pool2d(x, (1, 4)), [(2, 6, 6)]),
    "adaptive_max_pool1d": (lambda x: F.adaptive_max_pool1d(x, 4), [(2, 6)]),
    "adaptive_max_pool2d": (lambda x: F.adaptive_max_pool2d(x, 3), [(2, 6, 6)]),
    "celu": (lambda x: F.celu(x, 2.0), [(9,)]),
    "conv_transpose1d": (lambda x, w, b: F.conv_transpose1d(x, w, b, 2), [(2, 5), (2, 3, 2), (3,)]),
    "conv_transpose2d": (F.conv_transpose2d, [(2, 4, 4), (2, 3, 2, 2), (3,)]),
    "conv2d, depthwise": (lambda x, w, b: F.conv2d(x, w, b, groups=2), [(2, 5, 5), (2, 1, 2, 2), (2,)]),
    "cosine_embedding_loss": (lambda x, y: F.cosine_embedding_loss(x, y, SIGNS), [(4, 3), (4, 3)]),
    "cosine_similarity": (F.cosine_similarity, [(4, 3), (4, 3)]),
    "dropout1d": (lambda x: F.dropout1d(x, 0.3, seed=0), [(4, 3)]),
    "dropout2d": (lambda x: F.dropout2d(x, 0.3, seed=0), [(4, 3, 2)]),
    "fold": (lambda x: F.fold(x, (3, 3), 2), [(4, 4)]),
    "gaussian_nll_loss": (F.gaussian_nll_loss, [(9,), (9,), "p9"]),
    "glu": (F.glu, [(5, 4)]),
    "hardsigmoid": (F.hardsigmoid, [(9,)]),
    "instance_norm": (lambda x, w, b: F.instance_norm(x, weight=w, bias=b), [(2, 3, 4), (3,), (3,)]),
    "interpolate": (lambda x: F.interpolate(x, 3), [(2, 3, 4)]),
    "interpolate between": (lambda x: F.interpolate(x, (3, 5), mode="bilinear"), [(2, 3, 4, 4)]),
    "logsigmoid": (F.logsigmoid, [(9,)]),
    "margin_ranking_loss": (lambda x, y: F.margin_ranking_loss(x, y, SIGNS), [(4,), (4,)]),
    "normalize": (F.normalize, [(5, 4)]),
    "one_hot": (lambda x: F.softsign(x) * F.one_hot(np.arange(2)).astype(F.softsign(x).dtype), [(2,)]),
    "pad": (lambda x: F.pad(x, (1, 2), "reflect"), [(2, 6)]),
    "pad with a number": (lambda x: F.pad(x, (1, 2), value=0.5), [(2, 6)]),
    "pairwise_distance": (F.pairwise_distance, [(4, 3), (4, 3)]),
    "pixel_shuffle": (lambda x: F.pixel_shuffle(x, 2), [(4, 2, 2)]),
    "pixel_unshuffle": (lambda x: F.pixel_unshuffle(x, 2), [(1, 2, 4)]),
    "poisson_nll_loss": (lambda x, y: F.poisson_nll_loss(x, y, full=True), ["p9", (9,)]),
    "prelu": (F.prelu, [(4, 3), (3,)]),
    "soft_margin_loss": (lambda x: F.soft_margin_loss(x, np.array(SIGNS, np.int8)), [(4,)]),
    "softmin": (F.softmin, [(5, 4)]),
    "softsign": (F.softsign, [(9,)]),
    "triplet_margin_loss": (lambda x, y, z: F.triplet_margin_loss(x, y, z, swap=True), [(4, 3), (4, 3), (4, 3)]),
    "unfold": (lambda x: F.unfold(x, 2), [(2, 3, 4)]),
    "attention_weights": (lambda q, k: F.attention_weights(q, k, np.tri(3, 4, dtype=bool)), [(3, 2), (4, 2)]),
    "attention_weights added to": (lambda q, k, m: F.attention_weights(q, k, m * 1), [(3, 2), (4, 2), (3, 4)]),
    "avg_pool1d": (lambda x: F.avg_pool1d(x, 2), [(2, 6)]),
    "avg_pool2d": (lambda x: F.avg_pool2d(x, 2, padding=1), [(2, 6, 6)]),
    "batch_norm": (lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), [(6, 3), (3,), (3,)]),
    "batch_norm by running numbers": (lambda x, m, v, w, b: F.batch_norm(x, numbers(m), numbers(v), w, b),
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
WHOLE = {
    "clip", "embedding", "max_pool1d", "max_pool2d", "pad", "pixel_shuffle", "pixel_unshuffle", "relu", "stop_gradient",
    "unfold",
}  # fmt: skip


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


@pytest.mark.parametrize("name", CALLS)
def test_a_formula_of_integers_is_that_of_the_same_numbers_in_float64(name: str) -> None:
    f, shapes = CALLS[name]
    for kind in INTEGERS:
        if (name, kind) == ("stop_gradient", "?"):
            with pytest.raises(TypeError, match="positive"):
                f(np.zeros(3, bool))
            continue
        rng = np.random.default_rng(0)
        arrays = [numbers_of(kind, shape, rng) for shape in shapes]
        with np.errstate(all="ignore"):
            expected = f(*[np.float64(x) for x in arrays])
            got = f(*arrays)
        assert np.shape(got) == np.shape(expected), kind
        np.testing.assert_allclose(np.float64(got), expected, rtol=1e-12, atol=1e-300, err_msg=kind)
        assert got.dtype == np.float64 or name in WHOLE, kind


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


# ------------------------------------------------------------------------------------------- integers beside a Value
OF_TWO = {row.name: row for row in ROWS if row.elementwise and row.arity == 2 and any(row.rules)}


def edges(kind: str) -> Any:
    """The smallest and the largest number of a dtype, and some between them."""
    if kind == "?":
        return np.array([True, False])
    low, high = int(np.iinfo(kind).min), int(np.iinfo(kind).max)
    return np.array(sorted({low, low + 1, 0, 1, 2, high - 1, high}), kind)


@pytest.mark.parametrize(
    ("name", "place"), [(name, i) for name, row in OF_TWO.items() for i in (0, 1) if row.rules[i] is not None]
)
def test_an_integer_beside_a_value_means_what_it_means_in_float64(name: str, place: int) -> None:
    for kind in INTEGERS:
        constant, found = edges(kind), []
        for other in (constant, constant.astype(np.float64)):
            x = Value(np.linspace(0.3, 1.7, len(constant)))
            with np.errstate(all="ignore"):
                out = OF_TWO[name](*((x, other) if place == 0 else (other, x)))
                out.sum().backward()
            found.append((out.data, x.grad))
        for got, expected in zip(*found, strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-12, err_msg=kind)


def test_a_power_has_its_slope_for_the_smallest_exponents() -> None:
    x = Value([1.01, 1.01])
    (x ** np.array([-128, 127], np.int8)).sum().backward()
    np.testing.assert_allclose(x.grad, [-128 * 1.01**-129, 127 * 1.01**126], rtol=1e-13)
    y = Value(1.01)
    (y ** np.int8(-128)).backward()
    assert y.grad == pytest.approx(-128 * 1.01**-129, rel=1e-13)


@pytest.mark.parametrize("kind", np.typecodes["AllInteger"])
def test_an_index_of_any_integers_is_that_of_the_usual_ones(kind: str) -> None:
    high = min(int(np.iinfo(kind).max), 299)
    index = np.array([high, 0, 1] * 50 + ([-1] if kind.islower() else [2])).astype(kind)
    for columns in ((), (2,)):
        found = []
        for i in (index, index.astype(np.int64)):
            x = Value(np.arange(300.0 * (2 if columns else 1)).reshape((300, *columns)))
            out = x[i]
            out.backward(np.arange(1.0, out.size + 1).reshape(out.shape))
            taken = [np.take(x, i, axis=0, mode=mode).data for mode in ("raise", "wrap", "clip")]
            found.append((out.data, x.grad, *taken))
        for got, expected in zip(*found, strict=True):
            np.testing.assert_array_equal(got, expected)
    chosen = np.choose(index, [Value([float(k)] * index.size) for k in range(300)], mode="wrap")
    np.testing.assert_array_equal(chosen.data, index.astype(np.int64) % 300)


@pytest.mark.parametrize("kind", INTEGERS)
def test_bincount_is_numpys(kind: str) -> None:
    places = np.array([1, 0, 1] if kind == "?" else [min(np.iinfo(kind).max, 300), 0, 1]).astype(kind)
    w = Value([2.0, 3.0, 5.0])
    try:
        expected = np.bincount(places, w.data)
    except TypeError:  # older versions do not take unsigned numbers of 64 bits
        with pytest.raises(TypeError):
            np.bincount(places, w)
        return
    out = np.bincount(places, w)
    np.testing.assert_array_equal(out.data, expected)
    out.backward(np.arange(1.0, out.size + 1))
    np.testing.assert_array_equal(w.grad, places.astype(int) + 1.0)


@pytest.mark.parametrize(
    ("places", "minlength"),
    [([-1, 0, 1], 0), (np.int8([-128, 0, 1]), 0), ([[0, 1, 2]], 0), ([0, 1, 1], -1), ([0.0, 1.0, 2.0], 0), ([0, 1], 0)],
)
def test_what_numpys_bincount_refuses_is_refused_in_its_words(places: Any, minlength: int) -> None:
    w, places = Value([1.0, 2.0, 3.0]), np.asarray(places)
    with pytest.raises((ValueError, TypeError)) as numpys:
        np.bincount(places, w.data, minlength)
    with pytest.raises(type(numpys.value), match=re.escape(str(numpys.value))):
        np.bincount(places, w, minlength)


def test_a_table_has_no_row_before_the_first() -> None:
    table = Value([[1.0], [2.0], [3.0]])
    for index in (np.array([-1]), np.int8([0, -2]), np.array([3])):
        with pytest.raises(IndexError):
            F.embedding(index, table)
    with pytest.raises(IndexError, match="rows from 0 to 2; got -2"):
        F.embedding([[0, -2]], table)


@pytest.mark.parametrize("padding_idx", [2, -1])
def test_the_padding_of_a_table_may_be_counted_from_its_end(padding_idx: int) -> None:
    table = Value([[1.0], [2.0], [3.0]])
    F.embedding([0, 2, 2], table, padding_idx=padding_idx).sum().backward()
    assert table.grad.tolist() == [[1.0], [0.0], [0.0]]
    layer = nn.Embedding(3, 1, padding_idx=padding_idx)
    layer([0, 2, 2]).sum().backward()
    assert layer.weight.grad.tolist() == [[1.0], [0.0], [0.0]]


@pytest.mark.parametrize("padding_idx", [3, -4])
def test_a_padding_that_is_no_row_is_refused(padding_idx: int) -> None:
    with pytest.raises(ValueError, match=f"padding_idx={padding_idx}.: there are 3 rows"):
        F.embedding([0], Value([[1.0], [2.0], [3.0]]), padding_idx=padding_idx)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_number_too_large_for_a_parameter_is_not_loaded(dtype: Any) -> None:
    layer = nn.Linear(2, 1, dtype=dtype, seed=0)
    before = layer.state_dict()
    for large in (1e300, -1e39):
        with pytest.raises(ValueError, match=f"weight holds numbers that {np.dtype(dtype)} does not"):
            layer.load_state_dict({"weight": np.array([[large, 1.0]]), "bias": np.zeros(1)})
    for name, x in layer.state_dict().items():
        np.testing.assert_array_equal(x, before[name])
    layer.load_state_dict({"weight": np.array([[np.inf, np.nan]]), "bias": np.array([1e-300])})
    np.testing.assert_array_equal(layer.weight.data, np.array([[np.inf, np.nan]], dtype))


# ------------------------------------------------------------------------------------------------------------- float16


def half(x: Any) -> Any:
    return np.asarray(x, np.float16)


ROW = half([[600, 100, 10, 0]])
NORMAL = (np.float64(ROW) - 177.5) / np.sqrt(np.var(np.float64(ROW)))  # whose variance is 59,469
MANY = 70_000  # more than float16 reaches
HALVES: dict[str, tuple[Callable[[], Any], Any]] = {
    "layer_norm": (lambda: F.layer_norm(ROW, 4), NORMAL),
    "group_norm": (lambda: F.group_norm(ROW, 1), NORMAL),
    "batch_norm": (lambda: F.batch_norm(ROW.T, None, None, training=True), NORMAL.T),
    "batch_norm by running numbers": (lambda: F.batch_norm(half([[6e4]]), half([-6e4]), half([6e4])), 1.2e5 / 6e4**0.5),
    "rms_norm": (lambda: F.rms_norm(ROW, 4), np.float64(ROW) / np.sqrt(np.mean(np.float64(ROW) ** 2))),
    "layer_norm of many": (lambda: F.layer_norm(half(np.arange(MANY) % 2), MANY)[:2], [-1.0, 1.0]),
    "rms_norm of many": (lambda: F.rms_norm(np.ones(MANY, "e"), MANY)[:2], [1.0, 1.0]),
    "avg_pool2d": (lambda: F.avg_pool2d(np.full((1, 10, 10), 1000, "e"), 10), [[[1000.0]]]),
    "avg_pool1d": (lambda: F.avg_pool1d(np.full((1, 5000), 1, "e"), 5000), [[1.0]]),
    "softmax of many": (lambda: F.softmax(np.ones(MANY, "e"))[:2], [1 / MANY, 1 / MANY]),
    "softmax along the first axis": (lambda: F.softmax(np.ones((5000, 2), "e"), axis=0)[0], [1 / 5000, 1 / 5000]),
    "attention_weights": (lambda: F.attention_weights(np.full((1, 64), 100, "e"), np.full((2, 64), 100, "e")),
                          [[0.5, 0.5]]),
    "logsumexp of many": (lambda: F.logsumexp(np.zeros(MANY, "e")), math.log(MANY)),
    "logsumexp along the first axis": (lambda: F.logsumexp(np.zeros((5000, 2), "e"), axis=0), [math.log(5000)] * 2),
    "log_softmax": (lambda: F.log_softmax(half([1000.0, 999.0])), np.log([math.e, 1.0]) - math.log(1 + math.e)),
    "linear": (lambda: F.linear(np.ones((1, 5000), "e"), np.ones((1, 5000), "e"), half([1000])), [[6000.0]]),
    "conv1d": (lambda: F.conv1d(np.ones((1, 5000), "e"), np.ones((1, 1, 5000), "e")), [[5000.0]]),
    "conv2d": (lambda: F.conv2d(np.ones((9, 30, 30), "e"), np.ones((1, 9, 30, 30), "e")), [[[8100.0]]]),
    "mean": (lambda: F.mean(np.full(MANY, 1000, "e")), 1000.0),
    "quadratic_cost": (lambda: F.quadratic_cost(np.full((MANY, 1), 100, "e"), np.zeros((MANY, 1), "e")), 1e4),
    "mse_loss": (lambda: F.mse_loss(half([300, 0, 0, 0]), np.zeros(4, "e")), 22_500.0),
    "mse_loss, a sum": (lambda: F.mse_loss(np.ones(5000, "e"), np.zeros(5000, "e"), reduction="sum"), 5000.0),
    "l1_loss": (lambda: F.l1_loss(half([60_000, 60_000]), half([-60_000, 60_000])), 60_000.0),
    "huber_loss": (lambda: F.huber_loss(half([400.0, 0, 0]), np.zeros(3, "e"), delta=500.0), 80_000 / 3),
    "smooth_l1_loss": (lambda: F.smooth_l1_loss(half([1000.0]), half([0.0]), beta=500.0), 750.0),
    "cross_entropy by weight": (
        lambda: F.cross_entropy(np.zeros((MANY, 2), "e"), np.zeros(MANY, int), weight=half([1.0, 1.0])), math.log(2)),
    "cross_entropy of probabilities": (
        lambda: F.cross_entropy(np.zeros((MANY, 2), "e"), np.full((MANY, 2), 0.5, "e")), math.log(2)),
    "nll_loss by weight": (
        lambda: F.nll_loss(np.full((MANY, 2), -1, "e"), np.zeros(MANY, int), weight=half([1.0, 1.0])), 1.0),
    "multi_margin_loss": (lambda: F.multi_margin_loss(np.zeros((MANY, 2), "e"), np.zeros(MANY, int)), 0.5),
    "multi_margin_loss, squared": (lambda: F.multi_margin_loss(half([[0.0, 299.0]]), [0], p=2), 90_000.0 / 2),
    "binary_cross_entropy": (
        lambda: F.binary_cross_entropy(np.full(MANY, 0.5, "e"), np.zeros(MANY, "e")), math.log(2)),
    "binary_cross_entropy_with_logits": (
        lambda: F.binary_cross_entropy_with_logits(np.zeros(MANY, "e"), np.zeros(MANY, "e")), math.log(2)),
    "kl_div": (lambda: F.kl_div(np.zeros((1, MANY), "e"), np.full((1, MANY), math.e, "e"), reduction="mean"), math.e),
    "kl_div over the batch": (
        lambda: F.kl_div(np.full((4, 9000), -1, "e"), np.zeros((4, 9000), "e"), log_target=True,
                         reduction="batchmean"), 9000.0),
    "hinge_loss": (lambda: F.hinge_loss(np.zeros(MANY, "e"), np.ones(MANY, "e")), 1.0),
    "hinge_embedding_loss": (lambda: F.hinge_embedding_loss(np.ones(MANY, "e"), np.ones(MANY, "e")), 1.0),
}  # fmt: skip


@pytest.mark.parametrize("name", HALVES)
def test_sums_of_float16_are_kept_in_float32_and_rounded_once(name: str) -> None:
    call, expected = HALVES[name]
    got = call()
    assert got.dtype == np.float16
    np.testing.assert_allclose(np.float64(got), np.broadcast_to(expected, np.shape(got)), rtol=2**-10, atol=2**-25)


# Nothing flows through stop_gradient, and probabilities in float64 make a cost of float64.
ROUNDED = [name for name in CALLS if name not in ("stop_gradient", "cross_entropy of probabilities")]


@pytest.mark.parametrize("name", ROUNDED)
def test_a_formula_of_float16_is_that_of_the_same_numbers_in_float64_rounded(name: str) -> None:
    f, shapes = CALLS[name]
    rng = np.random.default_rng(0)
    drawn = [rng.uniform(0.1, 0.9, int(s[1:])) if isinstance(s, str) else rng.normal(size=s) for s in shapes]
    exact = [np.float64(half(x)) for x in drawn]
    wide, narrow = [Value(x) for x in exact], [Value(half(x)[()]) for x in exact]
    expected, got = f(*wide), f(*narrow)
    assert (got.shape, got.dtype) == (expected.shape, np.float16)
    scale = np.abs(expected.data).max()
    np.testing.assert_allclose(np.float64(got.data), expected.data, rtol=0.01, atol=0.003 * scale)
    if name == "step":
        return
    c = half(rng.normal(size=expected.shape))
    expected.backward(np.float64(c))
    got.backward(c)
    for x, y in zip(wide, narrow, strict=True):
        if x.grad is not None and name != "dropout":
            assert (y.grad.shape, y.grad.dtype) == (y.shape, np.float16)
            np.testing.assert_allclose(np.float64(y.grad), x.grad, rtol=0.02, atol=0.02 * np.abs(x.grad).max())


def shared(shape: tuple[int, ...]) -> Value:
    return Value(np.ones(shape, np.float16))


EACH_OF_5000: dict[str, tuple[tuple[int, ...], Callable[[Value], Any]]] = {
    "a bias": ((3,), lambda b: np.zeros((5000, 3), "e") + b),
    "a bias under two axes": ((3,), lambda b: np.zeros((50, 100, 3), "e") + b),
    "a number": ((), lambda b: np.zeros(5000, "e") + b),
    "a column": ((2, 1), lambda b: np.zeros((2, 5000), "e") + b),
    "a bias of linear": ((3,), lambda b: F.linear(np.zeros((5000, 2), "e"), np.zeros((3, 2), "e"), b)),
    "a weight of linear": ((3, 2), lambda w: F.linear(np.ones((5000, 2), "e"), w, np.zeros(3, "e"))),
    "a matrix": ((2, 3), lambda w: np.ones((5000, 2), "e") @ w),
    "a matrix under a stack": ((2, 3), lambda w: np.ones((50, 100, 2), "e") @ w),
    "a bias of conv1d": ((3,), lambda b: F.conv1d(np.ones((5000, 1, 1), "e"), np.ones((3, 1, 1), "e"), b)),
    "a kernel of conv2d": ((3, 1, 1, 1), lambda w: F.conv2d(np.ones((500, 1, 5, 2), "e"), w)),
    "a scale of layer_norm": ((2,), lambda w: F.layer_norm(np.ones((5000, 2), "e") * half([-1, 1]), 2, w)),
    "a shift of layer_norm": ((2,), lambda b: F.layer_norm(np.ones((5000, 2), "e"), 2, None, b)),
    "a shift of batch_norm": ((2,), lambda b: F.batch_norm(np.ones((5000, 2), "e"), None, None, None, b, True)),
    "broadcast_to": ((3,), lambda b: np.broadcast_to(b, (5000, 3))),
    "a table": ((1, 3), lambda w: F.embedding(np.zeros(5000, int), w)),
    "einsum": ((3,), lambda w: np.einsum("ij,j->ij", np.ones((5000, 3), "e"), w)),
    "repeat": ((3,), lambda x: np.repeat(x, 5000)),
    "cumsum": ((5000,), lambda x: np.cumsum(x)),
    "places under a pool": ((1, 1, 1), lambda x: F.avg_pool1d(np.ones((5000, 1, 1), "e") * x, 1)),
}


@pytest.mark.parametrize("name", EACH_OF_5000)
def test_the_gradient_of_what_5000_examples_share_is_their_sum(name: str) -> None:
    shape, f = EACH_OF_5000[name]
    x = shared(shape)
    out = f(x)
    out.backward(np.ones(out.shape, np.float16))
    assert x.grad.dtype == np.float16
    sizes = np.abs(np.float64(x.grad))
    expected = np.arange(5000, 0, -1.0) if name == "cumsum" else 5000.0
    np.testing.assert_allclose(sizes, np.broadcast_to(expected, shape), rtol=2**-9)


def test_the_equals_under_a_pool_share_in_float32() -> None:
    x = Value(np.zeros((1, 1, 60, 60), np.float16))
    F.max_pool2d(x, 60).backward(half([[[[3600.0]]]]))
    assert np.all(x.grad == 1.0)
    y = Value(np.zeros((1, 1, 1, 6000), np.float16))
    out = F.avg_pool2d(y, (1, 3000), 1)  # each of the middle is under 3,000 kernels
    out.backward(np.full(out.shape, 3000, np.float16))
    assert y.grad[0, 0, 0, 3000] == 3000.0


@pytest.mark.parametrize("cls", [optim.Adam, optim.AdamW, optim.RMSprop, optim.Adagrad, optim.SGD, optim.Lion])
def test_an_optimiser_of_float16_goes_where_that_of_float32_goes(cls: Any) -> None:
    options = {"momentum": 0.9} if cls is optim.SGD else {}
    found = []
    for dtype in (np.float16, np.float32):
        w, alone = Value(np.ones(3, dtype)), Value(np.ones((), dtype))
        optimiser = cls([w, alone], lr=0.01, **options)
        for _ in range(20):
            w.grad, alone.grad = np.array([1e-4, 1.0, -300.0], dtype), dtype(1e-4)  # squares: 1e-8 is 0 in float16
            optimiser.step()
        assert (w.dtype, alone.dtype) == (dtype, dtype)
        found.append((w.data, alone.data, optimiser))
        for state in optimiser.state_dict()["state"].values():
            assert {x.dtype for name, x in state.items() if name != "step"} <= {np.dtype(np.float32)}
    for narrow, wide in zip(found[0][:2], found[1][:2], strict=True):
        np.testing.assert_allclose(np.float64(narrow), wide, rtol=0.01)
    again = cls([Value(np.ones(3, np.float16)), Value(np.ones((), np.float16))], lr=0.01, **options)
    again.load_state_dict(found[0][2].state_dict())
    assert again.state_dict().keys() == found[0][2].state_dict().keys()


def test_running_numbers_of_float16_are_those_of_float64() -> None:
    mean, var = np.zeros(1, np.float32), np.ones(1, np.float32)
    F.batch_norm(half([[300], [-300]]), mean, var, training=True, momentum=1.0)
    assert (mean.item(), var.item()) == (0.0, 180_000.0)


# An activation, and what it comes to far to the right and far to the left: its values there, as multiples of x.
FAR: dict[str, tuple[Callable[[Any], Any], float, float]] = {
    "gelu": (F.gelu, 1.0, 0.0),
    "gelu by tanh": (lambda x: F.gelu(x, "tanh"), 1.0, 0.0),
    "silu": (F.silu, 1.0, 0.0),
    "mish": (F.mish, 1.0, 0.0),
    "hardswish": (F.hardswish, 1.0, 0.0),
    "relu": (F.relu, 1.0, 0.0),
    "leaky_relu": (F.leaky_relu, 1.0, 0.01),
    "softplus": (F.softplus, 1.0, 0.0),
    "tanh": (F.tanh, 0.0, 0.0),
    "sigmoid": (F.sigmoid, 0.0, 0.0),
    "relu6": (F.relu6, 0.0, 0.0),
}


@pytest.mark.parametrize("name", FAR)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_an_activation_has_its_slope_where_squares_overflow(name: str, dtype: Any) -> None:
    f, right, left = FAR[name]
    largest = float(np.finfo(dtype).max)
    far = np.array([largest**0.3, 2 * largest**0.34, 2 * largest**0.5, 0.9 * largest], dtype)
    for sign, share in ((1, right), (-1, left)):
        x = Value(far * sign)
        with np.errstate(over="ignore"):  # a square of the exact gelu is infinite: exp(−∞) is the right 0
            out = f(x)
            out.sum().backward()
        if share:
            np.testing.assert_allclose(out.data / x.data, share, rtol=4e-3 if dtype is np.float16 else 1e-6)
        np.testing.assert_allclose(x.grad, share, rtol=1e-3, atol=1e-3 if dtype is np.float16 else 1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gelu_by_tanh_is_the_formula_that_models_were_trained_with(dtype: Any) -> None:
    x = np.linspace(-12, 12, 481).astype(dtype)
    exact, root, eps = x.astype(np.longdouble), np.sqrt(2 / np.longdouble(np.pi)), np.finfo(dtype).eps
    inner = root * (exact + 0.044715 * exact**3)
    expected = 0.5 * exact * (1 + np.tanh(inner))
    np.testing.assert_allclose(F.gelu(x, "tanh"), expected, rtol=4 * eps, atol=8 * eps)
    v = Value(x)
    F.gelu(v, "tanh").sum().backward()
    bend = root * (1 + 3 * 0.044715 * exact**2) / np.cosh(inner) ** 2
    expected = 0.5 * (1 + np.tanh(inner)) + 0.5 * exact * bend
    np.testing.assert_allclose(v.grad, expected, rtol=0, atol=40 * eps)


@pytest.mark.parametrize("move", [np.flip, np.diag, lambda x: np.tile(x, 2), lambda x: np.pad(x, 1)])
def test_the_gradient_of_what_moves_keeps_the_last_digit_of_a_long_double(move: Any) -> None:
    x = Value(np.array([1.0, 2.0, 3.0], np.longdouble))
    g = 1 + np.finfo(np.longdouble).eps
    (move(x) * g).sum().backward()
    times = np.count_nonzero(move(np.ones(3))) // 3
    np.testing.assert_array_equal(x.grad, np.full(3, times * g))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_a_linspace_has_numpys_dtype(dtype: Any) -> None:
    for start, stop in ((dtype(1), dtype(2)), (np.ones(3, dtype), np.zeros(3, dtype))):
        expected = np.linspace(start, stop, 4)
        found = np.linspace(Value(start), Value(stop), 4)
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found.data, expected, rtol=1e-3 if dtype is np.float16 else 1e-6)


@pytest.mark.parametrize("kind", ["?", "b", "B", "h"])
def test_clip_by_one_bound_has_the_dtype_of_numpys(kind: str) -> None:
    x, y = np.array([1, 0, 1]).astype(kind), np.array([0.5, -0.5, 2.0], np.float32)
    for bounds in ((None, y), (y, None)):
        expected = np.clip(x, *bounds)
        out = np.clip(x, *[b if b is None else Value(b) for b in bounds])
        assert (out.shape, out.dtype) == (expected.shape, expected.dtype)
        assert out.data.tolist() == expected.tolist()


def test_activations_of_long_doubles_are_those_of_doubles() -> None:
    given = np.array([-2.0, -0.0, 0.0, 0.5, 3.0])
    for activation in (F.relu, F.sigmoid):
        for x in (given, *given):
            found = [Value(np.asarray(x, dtype)) for dtype in (np.longdouble, np.float64)]
            out = [activation(v) for v in found]
            for y in out:
                y.sum().backward()
            assert out[0].dtype == found[0].grad.dtype == np.longdouble
            np.testing.assert_allclose(out[0].data.astype(float), out[1].data, rtol=1e-13)
            np.testing.assert_allclose(found[0].grad.astype(float), found[1].grad, rtol=1e-13)


def test_nothing_below_zero_is_left_of_relu() -> None:
    assert not np.signbit(F.relu(Value(-0.0)).data)


def test_a_mask_does_not_widen_attention() -> None:
    q = np.ones((2, 3), np.float32)
    for mask in (np.zeros((2, 2)), np.zeros((2, 2), np.float16), np.ones((2, 2), bool)):
        assert F.scaled_dot_product_attention(q, q, q, mask).dtype == np.float32


def test_rows_and_columns_that_are_taken_again_and_again_add_up() -> None:
    x, places = np.random.default_rng(0).normal(size=(3, 4)), np.arange(150) % 3
    g = np.random.default_rng(1).normal(size=(150, 4))
    for index, weights in ((places, g), ((slice(None), places), g.T[:3]), ((places, places), g[:, 0])):
        v, wanted = Value(x), np.zeros_like(x)
        (v[index] * weights).sum().backward()
        np.add.at(wanted, index, weights)
        np.testing.assert_allclose(v.grad, wanted, rtol=1e-12)
