"""Functions whose gradients are wrong on purpose, each in a way of its own, and functions whose gradients are right.

An entry is (f, its arguments, options of check_grads). `tests/test_planted.py` asks the checker about each. Before the
checker asked of a match that its error bar could have told, it caught 74 of these 95 errors; of the 81 right functions
it accused one, and three made it raise.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

import microgradnet as mg
import microgradnet.functional as F
from microgradnet import nn, primitive
from microgradnet.transforms import grad, hvp, jacobian

Entry: TypeAlias = tuple[Any, tuple[Any, ...], dict[str, Any]]

X = np.array([0.5, 1.2, -0.7])
M = np.random.default_rng(1).normal(size=(3, 3))
N = np.random.default_rng(2).normal(size=(3, 3))
LABELS = np.array([0, 2, 1])


def at(f: Any, *args: Any, **how: Any) -> Entry:
    """A function at a point."""
    return f, tuple(np.array(x) if isinstance(x, list) else x for x in args), how


def row(forward: Any, *rules: Any) -> Any:
    """A row of one's own."""
    return primitive(*rules)(forward)


def off(error: float) -> Any:
    """sin, with a gradient off by a relative error."""
    return row(lambda x: np.sin(x), lambda g, out, x: g * np.cos(x) * (1 + error))


def one_off(error: float, where: int, size: int) -> Any:
    """sin, with one element of its gradient off by a relative error."""
    factor = 1 + error * (np.arange(size) == where)
    return row(lambda x: np.sin(x), lambda g, out, x: g * np.cos(x) * factor)


def numbers(size: int, seed: int = 0) -> Any:
    """Random ones."""
    return np.random.default_rng(seed).normal(size=size)


def softmax(x: Any) -> Any:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def constant_to_values(x: Any) -> Any:
    """The numbers of x: what a rule that is not to be differentiated again would use."""
    return np.asarray(getattr(x, "data", x))


def noisy(x: Any, rng: Any = np.random.default_rng(0)) -> Any:  # noqa: B008  # one for all calls
    return x * rng.normal()


def writing(x: Any) -> Any:
    out = x * 2.0
    x.data[0] += 1.0
    return out


abs200 = row(lambda x: np.abs(x), lambda g, out, x: g * np.where(x == 0, 200.0, np.sign(x)))
relu = lambda slope: row(  # noqa: E731
    lambda x: np.maximum(x, 0), lambda g, out, x: g * np.where(x == 0, slope, np.where(x > 0, 1.0, 0.0))
)

WRONG: dict[str, Entry] = {
    # the rule of a function of one number
    "a sign": at(row(lambda x: np.cos(x), lambda g, out, x: g * np.sin(x)), X),
    "g forgotten": at(row(lambda x: np.tanh(x), lambda g, out, x: 1 - out * out), X),
    "g twice": at(row(lambda x: x * x, lambda g, out, x: g * g * 2 * x), X),
    "a factor of 2": at(row(lambda x: x * x, lambda g, out, x: g * x), X),
    "x for out": at(row(lambda x: np.tanh(x), lambda g, out, x: g * (1 - x * x)), X),
    "out for x": at(row(lambda x: np.sin(x), lambda g, out, x: g * np.cos(out)), X),
    "the function for its slope": at(row(lambda x: np.sin(x), lambda g, out, x: g * np.sin(x)), X),
    "half of a square root": at(row(lambda x: np.sqrt(x), lambda g, out, x: g / out), abs(X)),
    "a sign of 1/x": at(row(lambda x: 1 / x, lambda g, out, x: g / (x * x)), X),
    "times for over": at(row(lambda x: np.log(x), lambda g, out, x: g * x), abs(X)),
    "a power short": at(row(lambda x: x**3, lambda g, out, x: g * 3 * x), X),
    "off by 1e-3": at(off(1e-3), X),
    "off by 1e-4": at(off(1e-4), X),
    "off by 1e-5": at(off(1e-5), X),
    "off by 1e-3 at 1e8": at(row(lambda x: x * x, lambda g, out, x: g * 2.002 * x), [1e8, 3e8]),
    "off by 1e-3 at 1e-8": at(row(lambda x: x * x, lambda g, out, x: g * 2.002 * x), [1e-8, 3e-8]),
    "off by 1e-2 at 1e-300": at(row(lambda x: x * 2, lambda g, out, x: g * 2.02), [1e-300, 3e-300]),
    "off by 1e-2 at 1e-310": at(row(lambda x: x * 2, lambda g, out, x: g * 2.02), [1e-310, 3e-310]),
    "1e-4 too much": at(row(lambda x: np.sin(x), lambda g, out, x: g * (np.cos(x) + 1e-4)), X),
    "wrong for x < 0": at(row(lambda x: x * x, lambda g, out, x: g * 2 * np.abs(x)), X),
    "wrong for large x": at(row(lambda x: x * x, lambda g, out, x: g * np.clip(2 * x, -6, 6)), [0.5, 3.0, 5.0]),
    "cut off in a tail": at(row(lambda x: np.logaddexp(0, x), lambda g, out, x: g * (x > -3)), [-9.0, 20.0]),
    # at one point only
    "sinc at 0": at(row(lambda x: np.sinc(x), lambda g, out, x: g * np.where(x == 0, 1.0, 0.0)), [0.0]),
    "a square at 0": at(row(lambda x: x * x, lambda g, out, x: g * np.where(x == 0, 0.5, 2 * x)), [0.0, 1.0]),
    "a logarithm at 1": at(row(lambda x: np.log(x), lambda g, out, x: g * np.where(x == 1, 2.0, 1 / x)), [1.0, 2.0]),
    "a cube at -2": at(row(lambda x: x**3, lambda g, out, x: g * np.where(x == -2, -12.0, 3 * x * x)), [-2.0, 2.0]),
    # outside of the slopes on the two sides of a kink
    "abs at 0, 200": at(abs200, [0.0]),
    "abs at 0, 200, among others": at(lambda x: np.tanh(abs200(x)), [0.0, 1.0, -2.0]),
    "abs at 0, 2 everywhere": at(row(lambda x: np.abs(x), lambda g, out, x: g * 2.0), [0.0]),
    "relu at 0, 1.5": at(relu(1.5), [0.0, 1.0]),
    "relu at 0, -0.5": at(relu(-0.5), [0.0, 1.0]),
    "relu at 0, 1.5, in a network": at(lambda x, w: np.tanh(w @ relu(1.5)(x)), [0.0, 1.0, -1.0], M),
    "a maximum's tie, 1.5": at(
        row(lambda x, y: np.maximum(x, y), lambda g, out, x, y: g * np.where(x == y, 1.5, x > y), None),
        [1.0, 3.0], [1.0, 2.0],
    ),
    "max's tie, -1": at(row(lambda x: np.max(x), lambda g, out, x: g * np.array([-1.0, 0, 1])), [3.0, 1.0, 3.0]),
    "clip on its bound, 3": at(
        row(lambda x: np.clip(x, 0, 1), lambda g, out, x: g * np.where(x == 1, 3.0, (x > 0) & (x < 1))), [0.5, 1.0]
    ),
    "norm at 0, 5": at(row(lambda x: np.sqrt((x * x).sum()), lambda g, out, x: g * np.full(2, 5.0)), [0.0, 0.0]),
    "a hinge, -2": at(
        row(lambda x: np.maximum(0, 1 - x), lambda g, out, x: g * np.where(x == 1, -2.0, -1.0 * (x < 1))), [1.0, 0.3]
    ),
    "a steep kink": at(row(lambda x: 1e6 * np.abs(x), lambda g, out, x: g * 2e6), [0.0]),
    "a flat kink": at(row(lambda x: 1e-6 * np.abs(x), lambda g, out, x: g * 3e-6), [0.0]),
    "a kink at 1000": at(
        row(lambda x: np.abs(x - 1e3), lambda g, out, x: g * np.where(x == 1e3, 7.0, np.sign(x - 1e3))), [1e3, 2.0]
    ),
    # lost in rounding, or nearly
    "1e14 + x², -93": at(row(lambda x: 1e14 + x * x, lambda g, out, x: g * -93.0), [1.0]),
    "1e14 + x², 0": at(row(lambda x: 1e14 + x * x, lambda g, out, x: g * 0.0), [1.0]),
    "1e16 + x², 0": at(row(lambda x: 1e16 + x * x, lambda g, out, x: g * 0.0), [1.0]),
    "1e12 + x², 1 % off": at(row(lambda x: 1e12 + x * x, lambda g, out, x: g * 2.02 * x), [1.0]),
    "1e30 + x², -93": at(row(lambda x: 1e30 + x * x, lambda g, out, x: g * -93.0), [1.0]),
    "1e10 + sin x, a sign": at(row(lambda x: 1e10 + np.sin(x), lambda g, out, x: -g * np.cos(x)), X),
    "x + 1e12 - 1e12, 3": at(row(lambda x: (x + 1e12) - 1e12, lambda g, out, x: g * 3.0), [1.0, 2.0]),
    "1 - cos x, twice": at(row(lambda x: 1 - np.cos(x), lambda g, out, x: g * 2 * np.sin(x)), [1e-2, 1e-3]),
    "exp x - 1, twice": at(row(lambda x: np.exp(x) - 1, lambda g, out, x: g * 2.0), [1e-10]),
    "log (1 + x), 0": at(row(lambda x: np.log(1 + x), lambda g, out, x: g * 0.0), [1e-12]),
    # one among many
    "one of 400": at(one_off(-2.0, 123, 400), numbers(400)),
    "one of 400, by 1e-4": at(lambda x: np.tanh(one_off(1e-4, 399, 400)(x)), numbers(400, 1)),
    "one of 5,000 that is not drawn": at(one_off(1e-4, 4999, 5000), numbers(5000, 2), samples=50),
    "one of 30,000": at(lambda x: one_off(1e-3, 0, 30_000)(x).sum(), numbers(30_000, 3), samples=100),
    "one of two inputs": at(
        row(lambda x, y: x * y, lambda g, out, x, y: g * y, lambda g, out, x, y: g * y), [0.5, 1.0], [2.0, 3.0]
    ),
    "a column": at(
        row(lambda x: np.exp(x), lambda g, out, x: g * out * (1 + 1e-4 * (np.arange(30) == 7))),
        np.random.default_rng(3).normal(size=(20, 30)),
    ),
    "in another order": at(row(lambda x: np.sin(x), lambda g, out, x: (g * np.cos(x))[::-1]), X),
    "two that cancel": at(row(lambda x: x.sum(), lambda g, out, x: g * np.array([1.01, 0.99, 1.0])), X),
    # shapes
    "x @ y, y not transposed": at(
        row(lambda x, y: x @ y, lambda g, out, x, y: g @ y, lambda g, out, x, y: x.T @ g), M, N
    ),
    "x @ y, the other way round": at(
        row(lambda x, y: x @ y, lambda g, out, x, y: g @ y.T, lambda g, out, x, y: g @ x.T), M, N
    ),
    "x * w.T, not transposed back": at(row(lambda x: x.T * M, lambda g, out, x: g * M), N),
    "mean without 1/n": at(row(lambda x: np.mean(x), lambda g, out, x: g * np.ones(x.shape)), X),
    "a sum along the other axis": at(
        row(lambda x: x.sum(axis=0), lambda g, out, x: np.broadcast_to(g[:, None], x.shape)), M
    ),
    "softmax without its sum": at(row(softmax, lambda g, out, x: g * out), X),
    "softmax by its diagonal": at(row(softmax, lambda g, out, x: g * out * (1 - out)), M),
    "log_softmax without g's sum": at(
        row(lambda x: np.log(softmax(x)), lambda g, out, x: g - np.exp(out)), M
    ),
    "cumsum forwards": at(row(lambda x: np.cumsum(x), lambda g, out, x: np.cumsum(g)), X),
    "norm, not divided": at(row(lambda x: np.sqrt((x * x).sum()), lambda g, out, x: g * x), X),
    "var by n - 1": at(
        row(lambda x: np.var(x), lambda g, out, x: g * (x - x.mean()) * 2 / (x.size - 1)), X
    ),
    "centred, not centred back": at(row(lambda x: x - x.mean(), lambda g, out, x: g), X),
    "a mean for a sum": at(
        row(lambda x, b: x + b, lambda g, out, x, b: g, lambda g, out, x, b: g.mean(axis=0)), M, X
    ),
    "sort, not put back": at(row(lambda x: np.sort(x), lambda g, out, x: g), [3.0, 1.0, 2.0]),
    "rolled on": at(row(lambda x: np.roll(x, 1), lambda g, out, x: np.roll(g, 1)), X),
    "a kernel not flipped": at(
        row(lambda x: np.convolve(x, [1.0, 2.0, 4.0], "same"),
            lambda g, out, x: np.convolve(g, [1.0, 2.0, 4.0], "same")), numbers(7),
    ),
    "outer products swapped": at(
        row(lambda x, y: np.outer(x, y), lambda g, out, x, y: g.T @ y, lambda g, out, x, y: g @ x), X, X[::-1]
    ),
    "cross-entropy not averaged": at(
        row(lambda x: -np.mean(np.log(softmax(x))[np.arange(3), LABELS]),
            lambda g, out, x: g * (softmax(x) - np.eye(3)[LABELS])), M,
    ),
    # not recorded
    "by .data": at(lambda x: np.sin(x) * x.data, X),
    "by float()": at(lambda x: x * float(x.data), 2.0),
    "by stop_gradient": at(lambda x: x * F.stop_gradient(np.exp(x)), X),
    "by a copy": at(lambda x: x + x.detach() ** 2, X),
    "by a hook": at(lambda x: np.sin(mg.hook(x * 1.0, lambda g: 2 * g)), X),
    "a step taken for straight": at(row(lambda x: np.round(x), lambda g, out, x: g), [0.7, 1.2]),
    # no numbers
    "NaN": at(row(lambda x: x * 1.0, lambda g, out, x: g * np.nan), X),
    "Inf": at(row(lambda x: x * 1.0, lambda g, out, x: g * np.inf), X),
    "one NaN of 400": at(row(lambda x: x * 1.0, lambda g, out, x: g * np.where(x > 2.5, np.nan, 1.0)), numbers(400)),
    # written by hand
    "by hand, a power short": at(lambda x: np.sum(x**3), X, gradient=lambda x: 3 * x),
    "by hand, off by 1e-4": at(lambda x: np.sum(x**3), X, gradient=lambda x: 3.0003 * x**2),
    "by hand, of an array": at(lambda x: x**3, X, gradient=lambda x: 2 * x**2),
    "by hand, of another shape": at(lambda x: np.sum(x**2), X, gradient=lambda x: (2 * x)[None]),
    "by hand, swapped": at(lambda x, y: x @ y, X, X[::-1] * 2, gradient=lambda x, y: (x, y)),
    # second derivatives
    "second, not recorded": at(row(lambda x: x * x, lambda g, out, x: g * constant_to_values(2 * x)), X, order=2),
    "second, inside": at(
        lambda x: np.sin(row(lambda x: x**3, lambda g, out, x: g * constant_to_values(3 * x * x))(x)), X, order=2
    ),
    # the function itself
    "in float32 alone": at(
        row(lambda x: np.sin(x), lambda g, out, x: g * np.cos(x) * (1.01 if x.dtype == np.float32 else 1.0)),
        X.astype(np.float32),
    ),
    "random": at(noisy, X),
    "writing": at(writing, X),
}  # fmt: skip


def normed(x: Any) -> Any:
    return F.layer_norm(x, (x.shape[-1],))


HILBERT = 1.0 / (np.arange(5)[:, None] + np.arange(5) + 1)
IMAGE = np.random.default_rng(4).normal(size=(2, 1, 6, 6))
MLP = nn.MLP(3, [4, 2], np.tanh, dtype=np.float64, seed=0)
RELUS = nn.MLP(3, [8, 2], F.relu, seed=0)

RIGHT: dict[str, Entry] = {
    # functions of one number, small and large
    "sin": at(np.sin, X), "exp": at(np.exp, X), "log at 1e-8": at(np.log, [1e-8, 1.0]),
    "sin at 1e6": at(np.sin, [1e6, 2e6]), "a square at 1e150": at(lambda x: x * x, [1e150]),
    "a square at 1e-150": at(lambda x: x * x, [1e-150]), "a sum of a denormal": at(np.sum, [1e-310, 1.0]),
    "the smallest": at(lambda x: x * 2.0, [5e-324, 1.0]), "sqrt at 1e-310": at(np.sqrt, [1e-310, 4.0]),
    "log at 1e-310": at(np.log, [1e-310, 4.0]), "denormals alone": at(lambda x: x * 3.0, [1e-310, 3e-312]),
    "1/x at 1e-8": at(lambda x: 1 / x, [1e-8, -1e-8]), "tanh": at(np.tanh, [0.0, 8.0, -8.0]),
    "tan near its pole": at(np.tan, [1.5707]), "arcsin near 1": at(np.arcsin, [0.999999]),
    "expm1 at 1e-10": at(np.expm1, [1e-10]), "log1p at 1e-12": at(np.log1p, [1e-12]),
    "gelu": at(F.gelu, X), "softplus far out": at(F.softplus, [-30.0, 30.0, 0.0]),
    "sigmoid far out": at(F.sigmoid, [-30.0, 5.0]), "a fast oscillation": at(lambda x: np.sin(x * 1e3), [1.0, 2.0]),
    "a narrow peak": at(lambda x: np.exp(-((x - 1) ** 2) * 1e4), [1.0, 1.01]),
    "sinc at 0": at(np.sinc, [0.0, 0.3]), "cbrt": at(np.cbrt, [8.0, -1e-9]),
    "a cube at 0": at(lambda x: x**3, [0.0, 1.0]),
    # where the slope is 0
    "at the minimum": at(lambda x: (x - 1) ** 2, [1.0]),
    "at the minimum, far up": at(lambda x: 5 + (x - 1) ** 2, [1.0]),
    "cos at 0": at(np.cos, [0.0]), "a flat top": at(lambda x: (x - 2) ** 4, [2.0, 1.0]),
    "nothing depends on it": at(lambda x, y: x * 2.0, X, 3.0), "nothing depends on anything": at(lambda x: x * 0.0, X),
    "a sum of a softmax": at(lambda x: F.softmax(x).sum(), X), "a sum of layer_norm": at(lambda x: normed(x).sum(), M),
    "a bias before a norm": at(lambda b, x: normed(x + b.sum()) ** 2, X, M),
    "x / x": at(lambda x: x / x, X), "the sum of sin² and cos²": at(lambda x: np.sin(x) ** 2 + np.cos(x) ** 2, X),
    "at least squares' best": at(lambda w: ((np.ones((4, 1)) @ w - 2.0) ** 2).mean(), [2.0]),
    # kinks
    "relu at 0": at(F.relu, [0.0, 1.0, -1.0]), "abs at 0": at(np.abs, [0.0]),
    "max with a tie": at(np.max, [3.0, 1.0, 3.0]),
    "maximum of itself": at(lambda x: np.maximum(x, x), X),
    "clip on its bounds": at(lambda x: np.clip(x, 0, 1), [0.0, 1.0]),
    "norm at 0": at(np.linalg.norm, [0.0, 0.0]), "sorted ties": at(lambda x: np.sort(x) * np.arange(2.0), [1.0, 1.0]),
    "median": at(np.median, [1.0, 1.0, 2.0, 5.0]), "hardtanh": at(F.hardtanh, [-1.0, 0.0, 1.0]),
    "near a kink": at(F.relu, [1e-9, -1e-9, 1.0]),
    "a kink at 1e-12 of a sum": at(lambda x: np.abs(x - 1), [1 + 1e-12, 3.0]),
    "elu at 0": at(F.elu, [0.0, -1.0]), "huber on its bound": at(lambda x: F.huber_loss(x, np.zeros(2)), [1.0, 0.5]),
    # rounding
    "1e8 + x²": at(lambda x: 1e8 + x * x, [1.0, 2.0]), "x + 1e6 - 1e6": at(lambda x: (x + 1e6) - 1e6, [1.0, 2.0]),
    "cancelling exponentials": at(lambda x: np.exp(x) - np.exp(x) * 0.999, X),
    "solve": at(lambda a: np.linalg.solve(a, np.ones(5)), HILBERT),
    "inv": at(np.linalg.inv, M + 3 * np.eye(3)), "det of a singular matrix": at(np.linalg.det, np.ones((3, 3))),
    "eigh": at(lambda a: np.linalg.eigvalsh(a + a.T), M), "svd": at(lambda a: np.linalg.svd(a, compute_uv=False), M),
    # shapes, containers, results
    "matmul": at(lambda x, y: x @ y, M, N), "einsum": at(lambda x, y: np.einsum("ij,kj->ki", x, y), M, N),
    "cumprod with a zero": at(np.cumprod, [1.0, 0.0, 2.0]), "logsumexp": at(F.logsumexp, [1000.0, 1000.0, 3.0]),
    "log_softmax": at(F.log_softmax, M), "an index twice": at(lambda x: x[[0, 0, 2]] * X, X),
    "several results": at(lambda p: {"a": p["w"] @ p["x"], "b": [p["w"].sum(), 3]}, {"w": M, "x": X}),
    "where": at(lambda x: np.where(x > 0, x * 2, np.exp(x)), X), "nothing": at(lambda x: x * 2.0, np.zeros((0, 3))),
    "float32": at(lambda x: np.tanh(x) ** 2, X.astype(np.float32)),
    "float32, large": at(lambda x: x**2, np.array([1e10, 2e10], np.float32)),
    # networks, transforms, second derivatives
    "an MLP": at(lambda m: F.cross_entropy(m(M), LABELS % 2), MLP),
    "relus": at(lambda m: (m(N) ** 2).sum(), RELUS),
    "convolution": at(lambda x, w: F.max_pool2d(F.conv2d(x, w), 2), IMAGE, numbers(18, 5).reshape(2, 1, 3, 3)),
    "second derivatives": at(lambda x, y: np.sin(x) * y**2, X, 2.0, order=2),
    "second derivatives of relu": at(lambda x: F.relu(x) ** 2, X, order=2),
    "a gradient": at(grad(lambda x: (x**3).sum()), X), "a jacobian": at(jacobian(lambda x: np.sin(x) * x[0]), X),
    "a product with the hessian": at(lambda x: hvp(lambda y: (y**3).prod(), x, np.ones(3)), X),
    "many relus": at(
        lambda x, w: F.relu(w @ x.reshape(100, 300)), numbers(30_000), numbers(500).reshape(5, 100), samples=20
    ),
    "many sines": at(np.sin, numbers(30_000), samples=50),
    # written by hand
    "by hand": at(lambda x: np.sum(x**3), X, gradient=lambda x: 3 * x**2),
    "by hand, of an array": at(lambda x: x**3, X, gradient=lambda x: 3 * x**2),
}  # fmt: skip
