"""Convolution and pooling: beside loops, beside numerical slopes, beside PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microgradnet import Value
from microgradnet.core import sweep
from microgradnet.gradcheck import numerical_grad
from microgradnet.ops import conv
from microgradnet.ops.conv import conv1d, conv2d
from microgradnet.ops.pool import avg_pool1d, avg_pool2d, max_pool1d, max_pool2d
from tests.samples import count

# ------------------------------------------------------------------------------------------- the definitions, in loops
# One number at a time. An element outside the image is skipped: it is a zero, or nothing at all.


def meetings(size: Any, shape: Any, kernel: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """(place of the result, place in the kernel, place in the image) of all that meet."""
    for out in np.ndindex(*size):
        for k in np.ndindex(*kernel):
            at = tuple(o * s + i * d - p for o, i, s, p, d in zip(out, k, stride, padding, dilation, strict=True))
            if all(0 <= a < n for a, n in zip(at, shape, strict=True)):
                yield out, k, at


def triples(x: Any, weight: Any, y: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """(index into y, index into weight, index into x) of every product of a convolution, from the three shapes."""
    before = [p[0] for p in padding]
    for out, k, at in meetings(y[2:], x[2:], weight[2:], stride, before, dilation):
        for n, o, c in np.ndindex(y[0], weight[0], weight[1]):
            yield (n, o, *out), (o, c, *k), (n, o // (weight[0] // groups) * weight[1] + c, *at)


def result_size(shape: Any, kernel: Any, stride: Any, padding: Any, dilation: Any) -> tuple[int, ...]:
    return tuple(
        len(range(0, n + sum(p) - d * (k - 1), s))
        for n, k, s, p, d in zip(shape, kernel, stride, padding, dilation, strict=True)
    )


def conv2d_loops(x: Any, weight: Any, bias: Any = None, **how: Any) -> Any:
    size = result_size(x.shape[2:], weight.shape[2:], how["stride"], how["padding"], how["dilation"])
    out = np.zeros((len(x), len(weight), *size))
    for i, j, k in triples(x.shape, weight.shape, out.shape, **how):
        out[i] += weight[j] * x[k]
    return out if bias is None else out + bias[:, None, None]


def conv2d_input_loops(y: Any, weight: Any, shape: Any, **how: Any) -> Any:
    out = np.zeros((len(y), weight.shape[1] * how["groups"], *shape))
    for i, j, k in triples(out.shape, weight.shape, y.shape, **how):
        out[k] += weight[j] * y[i]
    return out


def conv2d_weight_loops(y: Any, x: Any, kernel: Any, **how: Any) -> Any:
    out = np.zeros((y.shape[1], x.shape[1] // how["groups"], *kernel))
    for i, j, k in triples(x.shape, out.shape, y.shape, **how):
        out[j] += y[i] * x[k]
    return out


def met(x: Any, size: Any, **how: Any) -> dict[Any, list[Any]]:
    """For each place of a result of pooling, the places in the image under its kernel."""
    found: dict[Any, list[Any]] = {out: [] for out in np.ndindex(*size)}
    for out, _, at in meetings(size, x.shape[2:], **how):
        found[out].append(at)
    return found


def pooled(x: Any, function: Any, size: Any, **how: Any) -> Any:
    out = np.empty((*x.shape[:2], *size))
    for place, there in met(x, size, **how).items():
        for n, c in np.ndindex(x.shape[:2]):
            out[(n, c, *place)] = function([x[(n, c, *at)] for at in there])
    return out


def max_pool2d_loops(x: Any, **how: Any) -> Any:
    return pooled(x, max, **how)


def sum_pool2d_loops(x: Any, **how: Any) -> Any:
    return pooled(x, sum, **how)


def sum_unpool2d_loops(y: Any, shape: Any, **how: Any) -> Any:
    out = np.zeros((*y.shape[:2], *shape))
    for place, there in met(out, y.shape[2:], **how).items():
        for at in there:
            out[(..., *at)] += y[(..., *place)]
    return out


def largest(x: Any, **how: Any) -> Any:
    """(index of the result, indices of its largest elements)."""
    for place, there in met(x, **how).items():
        for n, c in np.ndindex(x.shape[:2]):
            top = max(x[(n, c, *at)] for at in there)
            yield (n, c, *place), [(n, c, *at) for at in there if x[(n, c, *at)] == top]


def max_unpool2d_loops(y: Any, x: Any, **how: Any) -> Any:
    out = np.zeros(x.shape)
    for i, winners in largest(x, **how):
        for j in winners:
            out[j] += y[i] / len(winners)
    return out


def max_gather2d_loops(h: Any, x: Any, **how: Any) -> Any:
    out = np.zeros((*x.shape[:2], *how["size"]))
    for i, winners in largest(x, **how):
        out[i] = np.mean([h[j] for j in winners])
    return out


LOOPS = {
    "conv2d": conv2d_loops, "conv2d_input": conv2d_input_loops, "conv2d_weight": conv2d_weight_loops,
    "max_pool2d": max_pool2d_loops, "max_unpool2d": max_unpool2d_loops, "max_gather2d": max_gather2d_loops,
    "sum_pool2d": sum_pool2d_loops, "sum_unpool2d": sum_unpool2d_loops,
}  # fmt: skip

# ------------------------------------------------------------------------------------------------- drawn calls of both


def numbers(draw: Any, axes: int, low: int, high: int) -> tuple[int, ...]:
    return tuple(draw(st.integers(low, high)) for _ in range(axes))


def array(draw: Any, shape: Any, dtype: Any = np.float64) -> Any:
    """Numbers no two of which are alike, in one of several orders of memory."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = (rng.permutation(int(np.prod(shape))) / max(1, np.prod(shape)) * 4 - 2 + 0.01).reshape(shape).astype(dtype)
    order = draw(st.sampled_from(["C", "F", "batch last", "reversed"]))
    if order == "batch last":
        return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0)
    return x[..., ::-1] if order == "reversed" else np.array(x, order=order)


@st.composite
def convolutions(draw: st.DrawFn, axes: int) -> tuple[Any, Any, Any, dict[str, Any]]:
    """x, weight, bias or None, and the other arguments as PyTorch takes them."""
    groups = draw(st.integers(1, 2))
    kernel, dilation = numbers(draw, axes, 1, 3), numbers(draw, axes, 1, 2)
    same = draw(st.integers(0, 4)) == 0
    padding: Any = "same" if same else numbers(draw, axes, 0, 2)
    stride = (1,) * axes if same else numbers(draw, axes, 1, 3)
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    least = [1] * axes if same else [max(1, r - 2 * p) for r, p in zip(reach, padding, strict=True)]
    size = [n + draw(st.integers(0, 3)) for n in least]
    c, o, n = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2)), draw(st.integers(0, 3))
    batch = () if draw(st.integers(0, 3)) == 0 else (n,)
    bias = array(draw, (o,)) if draw(st.booleans()) else None
    how = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return array(draw, (*batch, c, *size)), array(draw, (o, c // groups, *kernel)), bias, how


@st.composite
def poolings(draw: st.DrawFn, axes: int, dilated: bool) -> tuple[Any, dict[str, Any]]:
    kernel = numbers(draw, axes, 1, 3)
    stride = numbers(draw, axes, 1, 3) if draw(st.booleans()) else None
    dilation = numbers(draw, axes, 1, 2) if dilated else (1,) * axes
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    size = [
        max(2, d * (k - 1) + 1 - 2 * p) + draw(st.integers(0, 3))
        for d, k, p in zip(dilation, kernel, padding, strict=True)
    ]
    batch = () if draw(st.integers(0, 3)) == 0 else (draw(st.integers(0, 2)),)
    how = {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": draw(st.booleans())}
    if dilated:
        how["dilation"] = dilation
    else:
        how["count_include_pad"] = draw(st.booleans())
    return array(draw, (*batch, draw(st.integers(1, 2)), *size)), how


CONVOLVE = {1: conv1d, 2: conv2d}
POOL = {"max_pool1d": max_pool1d, "max_pool2d": max_pool2d, "avg_pool1d": avg_pool1d, "avg_pool2d": avg_pool2d}
both_ranks = pytest.mark.parametrize("axes", [1, 2])
every_pool = pytest.mark.parametrize("name", POOL)


def pool_calls(name: str) -> Any:
    return poolings(int(name[-2]), name.startswith("max"))


def gradients(out: Value, cotangent: Any, of: list[Value]) -> list[Any]:
    """The gradients of `of`; where a batch is empty there may be nothing to add up."""
    found = sweep(out, cotangent)
    return [found[v] for v in of]


def cotangent_of(out: Any) -> Any:
    return np.random.default_rng(0).normal(size=out.shape).astype(out.dtype)


def is_the_slope(gradient: Any, f: Callable[[Any], Any], x: Any) -> None:
    """Along a direction of random numbers, in which every element of the gradient has its weight."""
    assert gradient.shape == x.shape
    along = np.random.default_rng(1).normal(size=x.shape)
    h = 1e-4  # less than half of what lies between two elements: among as many the largest stays the largest
    np.testing.assert_allclose(np.sum(gradient * along), (f(x + h * along) - f(x - h * along)) / (2 * h), 1e-7, 1e-8)


# ---------------------------------------------------------------------------------------------------------- convolution


@both_ranks
def test_convolution_is_its_definition_and_its_gradient_the_slope(axes: int, share: float) -> None:
    ran = 0

    @settings(max_examples=count(120, share))
    @given(convolutions(axes))
    def run(call: Any) -> None:
        nonlocal ran
        x, weight, bias, how = call
        values = [Value(v) for v in (x, weight, bias) if v is not None]
        out = CONVOLVE[axes](*values, **how)
        image = x if x.ndim == axes + 2 else x[None]
        if how["padding"] == "same":
            total = [d * (k - 1) for d, k in zip(how["dilation"], weight.shape[2:], strict=True)]
            edges = [(n // 2, n - n // 2) for n in total]
        else:
            edges = [(p, p) for p in how["padding"]]
        lifted = {"stride": (*how["stride"], 1)[:2], "dilation": (*how["dilation"], 1)[:2],
                  "padding": [*edges, (0, 0)][:2], "groups": how["groups"]}  # fmt: skip
        image, kernel = (a if axes == 2 else a[..., None] for a in (image, weight))
        expected = conv2d_loops(image, kernel, bias, **lifted)
        expected = expected if axes == 2 else expected[..., 0]
        expected = expected if x.ndim == axes + 2 else expected[0]
        assert out.shape == expected.shape
        np.testing.assert_allclose(out.data, expected, rtol=1e-12, atol=1e-12)
        plain = CONVOLVE[axes](x, weight, bias, **how)
        assert type(plain) is np.ndarray
        np.testing.assert_array_equal(plain, out.data)
        g = cotangent_of(out)
        for i, (v, got) in enumerate(zip(values, gradients(out, g, values), strict=True)):
            moved = [w.data for w in values]

            def total_with(a: Any, i: int = i, moved: Any = moved) -> Any:
                return np.sum(CONVOLVE[axes](*moved[:i], a, *moved[i + 1 :], **how) * g)

            is_the_slope(got, total_with, v.data)
        ran += 1

    run()
    assert ran >= 60 * share


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the size of a block, the numbers are the same."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(3, 2, 11, 7)), rng.normal(size=(4, 2, 3, 3))
    seen = []
    for block in (1, 500, 1700, 10**9):
        monkeypatch.setattr(conv, "BLOCK", block)
        vx, vw = Value(x), Value(w)
        out = conv2d(vx, vw, stride=(1, 2), padding=1)
        seen.append([out.data, *gradients(out, cotangent_of(out), [vx, vw])])
    for other in seen[1:]:
        for a, b in zip(seen[0], other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


# -------------------------------------------------------------------------------------------------------------- pooling


@every_pool
def test_pooling_is_its_definition_and_its_gradient_the_slope(name: str, share: float) -> None:
    ran = 0

    @settings(max_examples=count(120, share))
    @given(pool_calls(name))
    def run(call: Any) -> None:
        nonlocal ran
        x, how = call
        axes, v = int(name[-2]), Value(x)
        out = POOL[name](v, **how)
        assert out.shape[: -axes or None] == x.shape[:-axes]
        image = x.reshape((1, int(np.prod(x.shape[:-axes])), *x.shape[-axes:], 1)[:4])
        args = {"size": (*out.shape[-axes:], 1)[:2], "kernel": (*how["kernel_size"], 1)[:2],
                "stride": (*(how["stride"] or how["kernel_size"]), 1)[:2], "padding": (*how["padding"], 0)[:2],
                "dilation": (*how.get("dilation", (1,) * axes), 1)[:2]}  # fmt: skip
        if name.startswith("max"):
            expected = pooled(image, lambda met: max(met, default=-np.inf), **args)
        else:  # what counts as an element is a one
            edges = args["padding"] if how["count_include_pad"] else (0, 0)
            ones = np.ones((1, 1, *(n + 2 * e for n, e in zip(image.shape[2:], edges, strict=True))))
            inside = tuple(p - e for p, e in zip(args["padding"], edges, strict=True))
            expected = pooled(image, sum, **args) / pooled(ones, sum, **{**args, "padding": inside})
        np.testing.assert_allclose(out.data, expected.reshape(out.shape), rtol=1e-12, atol=1e-12)
        np.testing.assert_array_equal(POOL[name](x, **how), out.data)
        finite = np.isfinite(out.data)
        g = np.where(finite, cotangent_of(out), 0.0)

        def total_with(a: Any) -> Any:
            return np.sum(np.where(finite, POOL[name](a, **how), 0.0) * g)

        (got,) = gradients(out, g, [v])
        is_the_slope(got, total_with, x)
        ran += 1

    run()
    assert ran >= 60 * share


def test_the_largest_share_the_gradient_when_they_are_equal() -> None:
    """As `np.max` shares it; PyTorch gives all of it to the first."""
    x = Value([[[1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]])
    max_pool2d(x, 2).backward([[[3.0, 4.0]]])
    np.testing.assert_array_equal(x.grad, [[[1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 1.0, 1.0]]])

    x, y = Value(np.full((1, 1, 6), 2.0)), Value(np.full((1, 1, 2, 3), 2.0))
    max_pool1d(x, 3).backward([[[3.0, 6.0]]])
    y.max(axis=-1).backward([[[3.0, 6.0]]])
    np.testing.assert_array_equal(x.grad.ravel(), y.grad.ravel())


def test_nothing_reaches_what_relu_has_cut_off() -> None:
    """All four under the kernel are 0: they share the gradient, and relu's slope at and below 0 is 0."""
    x = Value(-np.ones((1, 1, 2, 2)))
    max_pool2d(x.relu(), 2).backward(np.ones((1, 1, 1, 1)))
    np.testing.assert_array_equal(x.grad, np.zeros((1, 1, 2, 2)))


def test_a_nan_is_the_largest_and_gets_the_gradient() -> None:
    x = Value([[1.0, np.nan, 5.0, 2.0]])
    out = max_pool1d(x, 2)
    out.backward([[3.0, 4.0]])
    np.testing.assert_array_equal(out.data, [[np.nan, 5.0]])
    np.testing.assert_array_equal(x.grad, [[0.0, 3.0, 4.0, 0.0]])


def test_an_infinite_gradient_reaches_the_largest_alone() -> None:
    x = Value([[1.0, 2.0, 5.0, 2.0]])
    max_pool1d(x, 2).backward([[np.inf, 1.0]])
    np.testing.assert_array_equal(x.grad, [[0.0, np.inf, 1.0, 0.0]])


def test_images_of_minus_infinity_are_real_elements() -> None:
    x = Value(np.full((1, 3), -np.inf))
    out = max_pool1d(x, 3, padding=1)
    out.backward([[1.0]])
    np.testing.assert_array_equal(out.data, [[-np.inf]])
    np.testing.assert_array_equal(x.grad, [[0.5, 0.5, 0.0]])


def test_a_mean_of_small_integers_does_not_overflow() -> None:
    np.testing.assert_array_equal(avg_pool1d(np.full((1, 4), 200, np.uint8), 2), [[200.0, 200.0]])


# ----------------------------------------------------------------------------------------------------- order and dtype

CALLS: dict[str, Any] = {
    "conv1d": lambda x, w, b: conv1d(x[:, :, 0], w[:, :, 0], b, stride=2, padding=1),
    "conv2d": lambda x, w, b: conv2d(x, w, b, padding=(1, 0), dilation=(1, 2)),
    "same": lambda x, w, b: conv2d(x, w, b, padding="same"),
    "max_pool2d": lambda x, w, b: max_pool2d(conv2d(x, w, b), 2, stride=1),
    "avg_pool2d": lambda x, w, b: avg_pool2d(conv2d(x, w, b), 2, padding=1, count_include_pad=False),
    "max_pool1d": lambda x, w, b: max_pool1d(x[:, 0] * w[0, 0, 0, 0], 2, padding=1, ceil_mode=True) + b[0],
    "avg_pool1d": lambda x, w, b: avg_pool1d(x[:, 0] * w[0, 0, 0, 0], 2, stride=1) + b[0],
}
every_call = pytest.mark.parametrize("name", CALLS)


def start(dtype: Any = np.float64, batch: int = 2) -> list[Any]:
    rng = np.random.default_rng(1)
    return [rng.normal(size=shape).astype(dtype) for shape in [(batch, 2, 4, 5), (3, 2, 2, 3), (3,)]]


@every_call
@pytest.mark.slow
def test_the_third_derivative_is_the_slope_of_the_second(name: str) -> None:
    """Of the sum of sines of the result, which has derivatives of every order."""
    arrays = start()
    rng = np.random.default_rng(2)
    along = [[rng.normal(size=a.shape) for a in arrays] for _ in range(2)]

    def projected(values: list[Value], order: int) -> Value:
        number = np.sin(CALLS[name](*values)).sum()
        for directions in along[:order]:
            found = sweep(number, Value(1.0), create_graph=True)
            number = sum((found[v] * d).sum() for v, d in zip(values, directions, strict=True))
        return number

    for order in (1, 2):
        values = [Value(a) for a in arrays]
        found = sweep(projected(values, order), np.float64(1.0))
        for i, v in enumerate(values):

            def slope_of(a: Any, i: int = i, order: int = order) -> Any:
                return projected([Value(a if j == i else b) for j, b in enumerate(arrays)], order).data

            np.testing.assert_allclose(found[v], numerical_grad(slope_of, v.data), rtol=1e-5, atol=1e-6)


@every_call
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_precision_is_kept(name: str, dtype: Any) -> None:
    values = [Value(a) for a in start(dtype)]
    out = CALLS[name](*values)
    assert out.dtype == dtype
    found = sweep(out, np.ones(out.shape, dtype))
    assert all(found[v].dtype == dtype for v in values)
    graph = sweep(out, Value(np.ones(out.shape, dtype)), create_graph=True)
    assert all(graph[v].dtype == dtype for v in values)


@every_call
def test_a_batch_of_none_works(name: str) -> None:
    x, w, b = map(Value, start(batch=0))
    out = CALLS[name](x, w, b)
    assert out.shape == (0, *CALLS[name](*start()).shape[1:])
    out.backward(np.ones(out.shape))
    assert x.grad.shape == x.shape
    np.testing.assert_array_equal(w.grad, np.zeros(w.shape))
    np.testing.assert_array_equal(b.grad, np.zeros(3))


# --------------------------------------------------------------------------------------------------------------- errors

X, W = np.ones((2, 4, 5, 5)), np.ones((6, 2, 3, 3))

WRONG = {
    "rank": (lambda: conv2d(X[0, 0], W), r"x of shape \(5, 5\); wanted \(batch, channels, height, width\) or"),
    "rank 1d": (lambda: conv1d(X, W[0]), r"x of shape .*; wanted \(batch, channels, length\) or .*reshape"),
    "weight's rank": (lambda: conv2d(X, W[0]), r"weight of shape \(2, 3, 3\); wanted \(out, channels"),
    "no kernel": (lambda: conv2d(X, W[:0]), r"weight of shape \(0, 2, 3, 3\); wanted"),
    "channels": (lambda: conv2d(X, W), r"has 4 channels; weight of shape .* wants 2 for each of groups=1"),
    "groups": (lambda: conv2d(X, W[:5], groups=2), "5 kernels cannot be shared out among groups=2: give a multiple"),
    "no groups": (lambda: conv2d(X, W, groups=0), r"groups=0\): it is a whole number of at least 1$"),
    "bias": (lambda: conv2d(X, W, np.ones(5), groups=2), r"bias of shape \(5,\); wanted one for each kernel, \(6,\)"),
    "kernel": (lambda: conv2d(X[:, :2], W, dilation=3), "dilation 3, reaches over 7 elements; there are 5, and 0"),
    "stride 0": (lambda: conv2d(X, W, stride=0, groups=2), r"stride=0\): it is a whole number of at least 1, or two"),
    "stride of floats": (lambda: conv2d(X, W, stride=1.5, groups=2), r"stride=1\.5\): it is a whole number"),
    "three strides": (lambda: conv2d(X, W, stride=(1, 1, 1), groups=2), r"\(1, 1, 1\)\): it is .*or two of them$"),
    "padding": (lambda: conv2d(X, W, padding=-1, groups=2), r"padding=-1\): it is .* at least 0, or two.*'same'$"),
    "unknown padding": (lambda: conv2d(X, W, padding="full", groups=2), r"padding='full'\): it is a whole number"),
    "same, strided": (lambda: conv2d(X, W, padding="same", stride=2, groups=2), r"wants stride 1; got \(2, 2\)"),
    "pool's rank": (lambda: max_pool2d(X[0, 0], 2), r"x of shape \(5, 5\); wanted"),
    "pool's kernel": (lambda: avg_pool2d(X, 6), "reaches over 6 elements; there are 5.*smaller kernel"),
    "pool's kernel 0": (lambda: max_pool1d(X[0], 0), r"kernel_size=0\): it is a whole number of at least 1$"),
    "pool's stride": (lambda: max_pool2d(X, 2, stride=(1, 0)), r"stride=\(1, 0\)\): it is a whole number"),
    "pool's padding": (lambda: max_pool2d(X, 3, padding=2), "padding=2 is more than half .* at most 1"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_refused(name: str) -> None:
    call, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        call()


# ------------------------------------------------------------------------------------------------------ beside PyTorch


def beside_torch(torch: Any, ours: Any, theirs: Any, arrays: list[Any], how: dict[str, Any]) -> None:
    """Value and gradients, in float64 and in float32."""
    for dtype, close in ((np.float64, 1e-9), (np.float32, 2e-4)):
        values = [Value(a.astype(dtype)) for a in arrays]
        tensors = [torch.tensor(np.ascontiguousarray(v.data), requires_grad=True) for v in values]
        out, expected = ours(*values, **how), theirs(*tensors, **how)
        assert out.shape == tuple(expected.shape)
        assert out.dtype == dtype
        np.testing.assert_allclose(out.data, expected.detach().numpy(), rtol=close, atol=close)
        g = cotangent_of(out)
        expected.backward(torch.tensor(g))
        for tensor, got in zip(tensors, gradients(out, g, values), strict=True):
            assert got.shape == tuple(tensor.grad.shape)
            assert got.dtype == dtype
            np.testing.assert_allclose(got, tensor.grad.numpy(), rtol=close, atol=close)


@both_ranks
@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
def test_convolution_is_pytorchs(axes: int) -> None:
    torch = pytest.importorskip("torch")
    theirs = getattr(torch.nn.functional, f"conv{axes}d")
    ran = 0

    @settings(max_examples=300)
    @given(convolutions(axes))
    def run(call: Any) -> None:
        nonlocal ran
        x, weight, bias, how = call
        if x.size:  # PyTorch takes no empty batch everywhere
            beside_torch(torch, CONVOLVE[axes], theirs, [a for a in (x, weight, bias) if a is not None], how)
            ran += 1

    run()
    assert ran >= 150


@every_pool
def test_pooling_is_pytorchs(name: str) -> None:
    torch = pytest.importorskip("torch")
    theirs = getattr(torch.nn.functional, name)
    ran = 0

    @settings(max_examples=300)
    @given(pool_calls(name))
    def run(call: Any) -> None:
        nonlocal ran
        x, how = call
        if x.size:
            beside_torch(torch, POOL[name], theirs, [x], how)
            ran += 1

    run()
    assert ran >= 150
