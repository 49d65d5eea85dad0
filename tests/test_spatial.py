"""Images made larger and smaller, distances and what else has sizes: beside PyTorch's, NaNs, adjoints, refusals."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnet.functional as F
from microgradnet import Value, check_grads

RNG = np.random.default_rng(0)
IMAGE = RNG.normal(size=(2, 3, 5, 6))
LINE = RNG.normal(size=(2, 3, 7))


def beside(name: str, args: tuple[Any, ...], options: dict[str, Any], *arrays: np.ndarray) -> None:
    """Results and gradients of a function here and in PyTorch, in float64 at 1e-9."""
    torch: Any = pytest.importorskip("torch")
    values = [Value(x) for x in arrays]
    tensors = [torch.tensor(x, requires_grad=True) for x in arrays]
    out = getattr(F, name)(*values, *args, **options)
    wanted = getattr(torch.nn.functional, name)(*tensors, *args, **options)
    assert out.shape == tuple(wanted.shape), (name, args, options)
    np.testing.assert_allclose(
        out.data, wanted.detach().numpy(), rtol=1e-9, atol=1e-9, err_msg=f"{name}{args}{options}"
    )
    c = RNG.normal(size=out.shape)
    (out * c).sum().backward()
    (wanted * torch.tensor(c)).sum().backward()
    for v, t in zip(values, tensors, strict=True):
        np.testing.assert_allclose(v.grad, t.grad.numpy(), rtol=1e-9, atol=1e-9, err_msg=f"{name}{args}{options}")


def test_every_size_of_interpolation_is_pytorchs() -> None:
    for size in (1, 3, 5, (10, 12), (7, 4)):
        for mode in ("nearest", "nearest-exact", "area", "bilinear"):
            beside("interpolate", (size,), {"mode": mode}, IMAGE)
        beside("interpolate", (size,), {"mode": "bilinear", "align_corners": True}, IMAGE)
    for scale in (2, 3, 1.5, 0.7, 1 / 3, (2.3, 0.5)):
        for mode in ("nearest", "nearest-exact", "bilinear"):
            beside("interpolate", (None, scale), {"mode": mode}, IMAGE)
    for scale in (2, 1.7, 0.5):
        beside("interpolate", (None, scale), {"mode": "linear"}, LINE)


def test_the_nearest_element_is_pytorchs_in_float32() -> None:
    torch: Any = pytest.importorskip("torch")
    for n, count in itertools.product(range(1, 30, 3), range(1, 60, 7)):
        x = np.arange(n, dtype=np.float32)[None, None]
        wanted = torch.nn.functional.interpolate(torch.tensor(x), count).numpy()
        np.testing.assert_array_equal(F.interpolate(x, count), wanted)


def test_every_mode_of_padding_is_pytorchs() -> None:
    for widths in ((1, 2, 3, 0), (0, 1, 2, 2), (5, 0, 0, 4)):
        for mode in ("constant", "reflect", "replicate", "circular"):
            beside("pad", (widths, mode), {}, IMAGE)
    for widths in ((1, 2), (-1, 2, 3, -2), (0, 0, 1, 1, 2, 0), (-2, -3)):
        beside("pad", (widths,), {"value": 0.5}, IMAGE)
    beside("pad", ((6, 6),), {"mode": "reflect"}, LINE)


def test_every_size_of_adaptive_pooling_is_pytorchs() -> None:
    for size in (1, 2, 3, (2, 4), (None, 3), (5, 6), 7):
        beside("adaptive_avg_pool2d", (size,), {}, IMAGE)
        beside("adaptive_max_pool2d", (size,), {}, IMAGE)
    for length in (1, 3, 7, 9):
        beside("adaptive_avg_pool1d", (length,), {}, LINE)
        beside("adaptive_max_pool1d", (length,), {}, LINE[0])


def test_patches_and_pixels_are_pytorchs() -> None:
    for how in ((2,), ((2, 3), 1, (1, 0), 2), (2, (2, 1), 1, (1, 2)), (3, 1, 1, 2)):
        beside("unfold", how, {}, IMAGE)
        columns = RNG.normal(size=F.unfold(IMAGE, *how).shape)
        beside("fold", ((5, 6), *how), {}, columns)
        beside("fold", ((5, 6), *how), {}, columns[0])
    beside("pixel_shuffle", (2,), {}, RNG.normal(size=(2, 8, 3, 4)))
    beside("pixel_unshuffle", (2,), {}, RNG.normal(size=(2, 3, 4, 6)))


def test_transposed_convolution_is_pytorchs() -> None:
    checked = 0
    for k, s, p, more, g, d in itertools.product((1, 3), (1, 2, 3), (0, 2), (0, 1, 2), (1, 2), (1, 3)):
        long = (3 - 1) * s - 2 * p + d * (k - 1) + more + 1
        if more >= max(s, d) or long < 1:
            continue
        x, weight, bias = RNG.normal(size=(2, 4, 3, 4)), RNG.normal(size=(4, 3, k, k + 1)), RNG.normal(size=3 * g)
        beside("conv_transpose2d", (s, p, more, g, d), {}, x, weight, bias)
        beside("conv_transpose1d", (s, p, more, g, d), {}, x[..., 0], weight[..., 0], bias)
        checked += 1
    assert checked > 50


def test_depthwise_convolution_is_pytorchs() -> None:
    for batch, s, p, d, k in itertools.product((1, 2, 5), (1, 2), (0, 1), (1, 2), (1, 2, 3)):
        x, weight, bias = (
            RNG.normal(size=(batch, 3, 6, 5)),
            RNG.normal(size=(3, 1, k, min(k + 1, 3))),
            RNG.normal(size=3),
        )
        beside("conv2d", (s, p, d, 3), {}, x, weight, bias)
        beside("conv1d", (s, p, d, 3), {}, x[..., 0], weight[..., 0], bias)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, np.inf])
def test_distances_are_pytorchs(p: float) -> None:
    torch: Any = pytest.importorskip("torch")
    beside("normalize", (p,), {}, IMAGE)
    beside("pairwise_distance", (p,), {}, LINE, LINE[::-1] + 0.1)
    beside("triplet_margin_loss", (), {"p": p}, LINE[0], LINE[1], LINE[0] * 2)
    out = F.cosine_similarity(LINE, LINE[0] + 0.1, axis=-1)
    wanted = torch.nn.functional.cosine_similarity(torch.tensor(LINE), torch.tensor(LINE[0] + 0.1), dim=-1)
    np.testing.assert_allclose(out, wanted.numpy(), rtol=1e-12)


def test_a_vector_of_zeros_has_a_slope() -> None:
    for f in (F.normalize, lambda x: F.cosine_similarity(x, np.ones((2, 2))), lambda x: F.pairwise_distance(x, x * 1)):
        v = Value(np.zeros((2, 2)))
        f(v).sum().backward()
        assert np.isfinite(v.grad).all()


def test_what_is_moved_stays_apart_from_infinities_and_nans() -> None:
    x = IMAGE.copy()
    x[0, 0, 0, 0], x[1, 2, 4, 5] = np.nan, np.inf
    for f in (
        lambda x: F.fold(F.unfold(x, 2, stride=2), (5, 6), 2, stride=2), lambda x: F.pad(x, (1, 1, 1, 1), "reflect"),
        lambda x: F.interpolate(x, (7, 9)), lambda x: F.pad(x, (1, 2)),
    ):  # fmt: skip
        bad, clean = f(x), f(IMAGE)
        kept = np.isfinite(bad)
        np.testing.assert_array_equal(bad[kept], clean[kept])
        assert 0 < (~kept).sum() < bad.size / 4


SMOOTH: dict[str, Callable[..., Any]] = {
    "interpolate": lambda x: F.interpolate(x, (4, 7), mode="bilinear"),
    "pad": lambda x: F.pad(x, (2, 1, 0, 1), "circular"),
    "adaptive_avg_pool2d": lambda x: F.adaptive_avg_pool2d(x, (2, 3)),
    "unfold": lambda x: F.unfold(x, 2, 1, 1),
    "conv_transpose2d": lambda x: F.conv_transpose2d(x, x[:, :2].transpose(1, 0, 2, 3), stride=2),
    "conv2d, depthwise": lambda x: F.conv2d(x, x[0, :, None, :2, :2], padding=1, groups=2),
    "instance_norm": lambda x: F.instance_norm(x, weight=x[0, :, 0, 0]),
    "cosine_similarity": lambda x: F.cosine_similarity(x, x[::-1] * x, axis=-1),
    "normalize": lambda x: F.normalize(x, 3.0, -1),
    "celu": lambda x: F.celu(x, 0.7),
    "prelu": lambda x: F.prelu(x, x[0, :, 0, 0]),
    "glu": lambda x: F.glu(x, 1),
    "softsign": F.softsign,
    "logsigmoid": F.logsigmoid,
}


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_are_slopes_of_the_second_order_too(name: str) -> None:
    x = (np.random.default_rng(3).permutation(36).reshape(2, 2, 3, 3) - 17.3) / 9
    check_grads(SMOOTH[name], x, order=2, samples=6, seed=0, raise_on_failure=True)


def test_integers_are_computed_with_in_floating_point_and_float32_stays() -> None:
    x = np.arange(16, dtype=np.uint8).reshape(1, 1, 4, 4)
    assert F.interpolate(x, 2, mode="area").dtype == np.float64
    assert F.normalize(x).dtype == F.softsign(x).dtype == F.hardsigmoid(x).dtype == np.float64
    assert F.pad(x, (1, 1)).dtype == F.unfold(x, 2).dtype == np.uint8
    single = IMAGE.astype(np.float32)
    for f in SMOOTH.values():
        assert f(single[:, :2]).dtype == np.float32
    half = (IMAGE * 100).astype(np.float16)
    assert F.normalize(half).dtype == np.float16
    np.testing.assert_allclose(F.normalize(half, axis=-1), F.normalize(IMAGE, axis=-1), atol=2e-3)
    assert np.isfinite(F.cosine_similarity(half, half)).all()


def test_one_hot_rows() -> None:
    labels = np.array([[2, 0], [1, 1]])
    assert F.one_hot(labels).dtype == np.int64
    np.testing.assert_array_equal(F.one_hot(labels, 4), np.eye(4)[labels])


def test_whole_channels_are_dropped() -> None:
    x = np.ones((4, 6, 3, 5))
    out = F.dropout2d(x, 0.5, seed=0)
    each = out.reshape(4, 6, -1)
    assert set(np.unique(out)) == {0.0, 2.0}
    assert (each == each[:, :, :1]).all()
    assert F.dropout1d(x[:, :, 0], 0.5, seed=0).shape == (4, 6, 5)
    assert F.dropout2d(x, 0.5, training=False) is x
    several = [F.dropout1d(np.ones((2, 8, 3)), 0.25, seed=seed).mean() for seed in range(200)]
    assert np.mean(several) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(("call", "error", "says"), [
    (lambda: F.pad(LINE, (1,)), ValueError, r"pad\(pad=\(1,\)\): .*\(before, after\)"),
    (lambda: F.pad(LINE, (1, 1), "mirror"), ValueError, "'constant', 'reflect', 'replicate' or 'circular'"),
    (lambda: F.pad(LINE, (1, 1), "reflect", 2.0), ValueError, "take what they pad with from x"),
    (lambda: F.pad(LINE, (7, 0), "reflect"), ValueError, r"pad\(7, 0\) of an axis of length 7.*further"),
    (lambda: F.pad(LINE, (-4, -4)), ValueError, "further than x does"),
    (lambda: F.interpolate(LINE), ValueError, "give one of them"),
    (lambda: F.interpolate(LINE, 3, 2.0), ValueError, "give one of them"),
    (lambda: F.interpolate(LINE, 3, mode="bilinear"), ValueError, "mode='bilinear'.*'linear' or 'area'"),
    (lambda: F.interpolate(LINE, 3, align_corners=True), ValueError, "it is for 'linear' alone"),
    (lambda: F.interpolate(LINE, scale_factor=0.01), ValueError, "nothing"),
    (lambda: F.interpolate(LINE[0], 3), ValueError, "wanted .batch, channels, length"),
    (lambda: F.adaptive_avg_pool2d(IMAGE, (1, 2, 3)), ValueError, "output_size"),
    (lambda: F.conv_transpose2d(IMAGE, np.ones((2, 1, 2, 2))), ValueError, "has 3 channels; weight .* wants 2"),
    (lambda: F.conv_transpose2d(IMAGE, np.ones((3, 1, 2, 2)), np.ones(2)), ValueError, "one for each channel"),
    (lambda: F.conv_transpose1d(LINE, np.ones((3, 1, 2)), output_padding=1), ValueError, "output_padding=1 is smaller"),
    (lambda: F.glu(LINE), ValueError, "even length along axis -1"),
    (lambda: F.prelu(LINE, np.ones(2)), ValueError, r"wanted \(1,\) or \(3,\)"),
    (lambda: F.celu(LINE, 0.0), ValueError, "alpha=0"),
    (lambda: F.one_hot(np.array([0.5])), TypeError, "wants integers"),
    (lambda: F.one_hot(np.array([3]), 3), ValueError, "from 3 to 3, but the classes are 0 to 2"),
    (lambda: F.one_hot(np.array([-1])), ValueError, "from -1 to -1"),
    (lambda: F.one_hot(np.zeros(0, int)), ValueError, "Give num_classes="),
    (lambda: F.dropout1d(LINE), ValueError, "dropout1d draws at random"),
    (lambda: F.dropout2d(LINE[0, 0], seed=0), ValueError, "wanted .batch, channels, height, width"),
    (lambda: F.instance_norm(LINE[:, :, :1]), ValueError, "a variance wants two"),
    (lambda: F.gaussian_nll_loss([1.0], [1.0], [-1.0]), ValueError, "a variance is 0 or more"),
    (lambda: F.gaussian_nll_loss(LINE[0], LINE[0], np.ones(7)), ValueError, "one number for each example"),
    (lambda: F.cosine_embedding_loss(LINE, LINE, np.ones((2, 3))), ValueError, "a label for each pair"),
    (lambda: F.margin_ranking_loss([1.0], [2.0], [0.0]), ValueError, "they are 1 or -1"),
    (lambda: F.triplet_margin_loss([1.0], [2.0], [3.0], margin=0.0), ValueError, "a positive number"),
    (lambda: F.triplet_margin_loss([1.0], [2.0], [[3.0]]), ValueError, "they must be equal"),
    (lambda: F.cosine_similarity(LINE, LINE, dim=1), TypeError, "here it is axis="),
    (lambda: F.normalize(LINE, dim=1), TypeError, "here it is axis="),
])  # fmt: skip
def test_what_does_not_fit_says_so(call: Callable[[], Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        call()


LAST: list[tuple[Callable[[], Any], Callable[[], Any], tuple[int, ...]]] = [
    (lambda: F.pad(LINE, (6, 0), "reflect"), lambda: F.pad(LINE, (0, 7), "reflect"), (2, 3, 13)),
    (lambda: F.pad(LINE, (0, 7), "circular"), lambda: F.pad(LINE, (8, 0), "circular"), (2, 3, 14)),
    (lambda: F.pad(LINE, (70, 0), "replicate"), lambda: F.pad(LINE[:, :, :0], (1, 0), "replicate"), (2, 3, 77)),
    (lambda: F.pad(LINE, (-3, -4)), lambda: F.pad(LINE, (-3, -5)), (2, 3, 0)),
    (lambda: F.pad(LINE, (-7, 1)), lambda: F.pad(LINE, (-8, 1)), (2, 3, 1)),
    (lambda: F.pad(LINE, (1, 1, 2, 0, 0, 3)), lambda: F.pad(LINE, (1, 1, 2, 0, 0, 3, 1, 1)), (5, 5, 9)),
    (lambda: F.pad(LINE, [np.int64(1), 1]), lambda: F.pad(LINE, (1.0, 1)), (2, 3, 9)),
    (lambda: F.interpolate(LINE, scale_factor=1 / 7), lambda: F.interpolate(LINE, scale_factor=0.14), (2, 3, 1)),
    (lambda: F.interpolate(LINE, (4,)), lambda: F.interpolate(LINE, (4, 4)), (2, 3, 4)),
    (lambda: F.interpolate(IMAGE, None, (1, 2)), lambda: F.interpolate(IMAGE, None, (1, 2, 1)), (2, 3, 5, 12)),
    (lambda: F.interpolate(LINE, 1), lambda: F.interpolate(LINE, 0), (2, 3, 1)),
    (lambda: F.adaptive_avg_pool1d(LINE, 9), lambda: F.adaptive_avg_pool1d(LINE[:, :, :0], 1), (2, 3, 9)),
    (lambda: F.adaptive_max_pool2d(IMAGE, (1, 1)), lambda: F.adaptive_max_pool2d(IMAGE, (1, 0)), (2, 3, 1, 1)),
    (lambda: F.unfold(IMAGE, (5, 6)), lambda: F.unfold(IMAGE, (5, 7)), (2, 90, 1)),
    (lambda: F.unfold(IMAGE[0], 2, padding=0), lambda: F.unfold(IMAGE[0, 0], 2), (12, 20)),
    (lambda: F.fold(np.ones((8, 6)), (3, 4), 2), lambda: F.fold(np.ones((8, 5)), (3, 4), 2), (2, 3, 4)),
    (lambda: F.fold(np.ones((3, 4, 6)), (3, 4), 2), lambda: F.fold(np.ones((3, 6, 6)), (3, 4), 2), (3, 1, 3, 4)),
    (lambda: F.fold(np.ones((4, 1)), (2, 2), 2), lambda: F.fold(np.ones((1, 1, 4, 1)), (2, 2), 2), (1, 2, 2)),
    (lambda: F.pixel_shuffle(np.ones((8, 1, 3)), 2), lambda: F.pixel_shuffle(np.ones((6, 1, 3)), 2), (2, 2, 6)),
    (lambda: F.pixel_shuffle(np.ones((4, 1, 1)), 2), lambda: F.pixel_shuffle(np.ones((4, 4)), 2), (1, 2, 2)),
    (lambda: F.pixel_unshuffle(np.ones((1, 4, 6)), 2), lambda: F.pixel_unshuffle(np.ones((1, 4, 5)), 2), (4, 2, 3)),
    (lambda: F.pixel_unshuffle(np.ones((1, 6, 3)), 3), lambda: F.pixel_unshuffle(np.ones((1, 5, 3)), 3), (9, 2, 1)),
    (lambda: F.pixel_unshuffle(np.ones((1, 2, 2)), 1), lambda: F.pixel_unshuffle(np.ones((2, 2)), 1), (1, 2, 2)),
    (lambda: F.glu(np.ones((2, 4, 3)), 1), lambda: F.glu(np.ones((2, 4, 3)), 2), (2, 2, 3)),
    (lambda: F.glu(np.ones((2, 4)), -2), lambda: F.glu(np.ones((3, 4)), -2), (1, 4)),
    (lambda: F.prelu(LINE, np.ones(3)), lambda: F.prelu(LINE, np.ones((3, 1))), (2, 3, 7)),
    (lambda: F.prelu(LINE[0, 0], np.ones(1)), lambda: F.prelu(LINE[0, 0], np.ones(7)), (7,)),
    (lambda: F.dropout1d(LINE[0], seed=0), lambda: F.dropout1d(IMAGE, seed=0), (3, 7)),
    (lambda: F.dropout2d(LINE, seed=0), lambda: F.dropout2d(LINE[0], seed=0), (2, 3, 7)),
]  # fmt: skip


@pytest.mark.parametrize(("fits", "does_not", "shape"), LAST, ids=range(len(LAST)))
def test_what_just_fits_and_what_does_not(fits: Any, does_not: Any, shape: tuple[int, ...]) -> None:
    assert fits().shape == shape
    with pytest.raises(ValueError):  # noqa: PT011  (what is said is on other pages)
        does_not()
