"""Works that are no networks of layers: a chain of tiny operations, a million floats, one number at a time."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Step = Callable[[], Any]
Array = np.ndarray


def compiling(package: str, backend: str | None) -> Callable[[Any], Any]:
    """What compiles a step of ours; without a backend, what leaves it as it is. ImportError without llvmlite."""
    if backend is None:
        return lambda f: f
    compile: Callable[..., Any] = importlib.import_module(package).compile
    made: Callable[[Any], Any] = compile(backend=backend)
    made(len)  # says what is missing
    return made


# ------------------------------------------------------------------------------------------- a chain of 1,000 tiny ops


class Chain(NamedTuple):
    """x → log(exp(x · 0.99 + 0.01)), 250 times over 8 numbers, and the slope of the sum of the result.

    The slope neither dies nor explodes: denormal numbers would be slow for everyone.
    """

    repeats: int = 250

    def start(self) -> Array:
        return np.linspace(-1, 1, 8, dtype="f4")


def numpy_chain(work: Chain) -> Step:
    x0 = work.start()

    def step() -> Any:
        x, saved = x0, []
        for _ in range(work.repeats):
            e = np.exp(x * 0.99 + 0.01)
            x = np.log(e)
            saved.append(e)
        g = np.ones_like(x)
        for e in reversed(saved):
            g = g / e * e * 0.99
        return g.sum()

    return step


def microgradnet_chain(work: Chain, package: str = "microgradnet", backend: str | None = None) -> Step:
    Value = importlib.import_module(package).Value

    x0 = Value(work.start())

    @compiling(package, backend)
    def step() -> Any:
        x = x0
        for _ in range(work.repeats):
            x = (x * 0.99 + 0.01).exp().log()
        x0.grad = None
        x.sum().backward(release=True)
        return x0.grad.sum()

    made: Step = step
    return made


def torch_chain(work: Chain) -> Step:
    import torch

    x0 = torch.tensor(work.start(), requires_grad=True)

    def step() -> Any:
        x = x0
        for _ in range(work.repeats):
            x = (x * 0.99 + 0.01).exp().log()
        x0.grad = None
        x.sum().backward()
        return x0.grad.sum().item()

    return step


def jax_chain(work: Chain) -> Step:
    import jax
    import jax.numpy as jnp

    x0 = jnp.asarray(work.start())

    def f(x: Any) -> Any:
        for _ in range(work.repeats):
            x = jnp.log(jnp.exp(x * 0.99 + 0.01))
        return x.sum()

    gradient = jax.jit(lambda x: jax.grad(f)(x).sum())
    return lambda: jax.block_until_ready(gradient(x0))


def autograd_chain(work: Chain) -> Step:
    import autograd.numpy as anp
    from autograd import grad

    x0 = work.start()

    def f(x: Any) -> Any:
        for _ in range(work.repeats):
            x = anp.log(anp.exp(x * 0.99 + 0.01))
        return anp.sum(x)

    gradient = grad(f)
    return lambda: gradient(x0).sum()


def mygrad_chain(work: Chain) -> Step:
    import mygrad as mg

    x0 = mg.tensor(work.start())

    def step() -> Any:
        x: Any = x0
        for _ in range(work.repeats):
            x = mg.log(mg.exp(x * 0.99 + 0.01))
        x.sum().backward()
        g = x0.grad.sum()
        x0.null_grad()
        return g

    return step


# ------------------------------------------------------------------------------ twenty operations on a million floats


class Elementwise(NamedTuple):
    """x → exp(−(0.9 x + 0.1)), five times over a million floats; the sum of the result, and its slope."""

    size: int = 1_000_000

    def start(self) -> Array:
        return np.random.default_rng(0).random(self.size).astype("f4")


def numpy_elementwise(work: Elementwise) -> Step:
    x0 = work.start()

    def step() -> Any:
        x, saved = x0, []
        for _ in range(5):
            x = x * np.float32(0.9)
            x += np.float32(0.1)
            np.negative(x, x)
            np.exp(x, x)
            saved.append(x)
        g = np.ones_like(x0)
        for e in reversed(saved):
            g *= e
            g *= np.float32(-0.9)
        return g[0]

    return step


def microgradnet_elementwise(work: Elementwise, package: str = "microgradnet", backend: str | None = None) -> Step:
    np_exp, x0 = np.exp, work.start()

    def f(x: Any) -> Any:
        for _ in range(5):
            x = np_exp(-(x * 0.9 + 0.1))
        return x.sum()

    step = compiling(package, backend)(importlib.import_module(package).value_and_grad(f))
    return lambda: step(x0)[1][0]


def torch_elementwise(work: Elementwise) -> Step:
    import torch

    x0 = torch.tensor(work.start(), requires_grad=True)

    def step() -> Any:
        x0.grad = None
        x: Any = x0
        for _ in range(5):
            x = torch.exp(-(x * 0.9 + 0.1))
        x.sum().backward()
        return x0.grad[0].item()

    return step


def jax_elementwise(work: Elementwise) -> Step:
    import jax
    import jax.numpy as jnp

    x0 = jnp.asarray(work.start())

    def f(x: Any) -> Any:
        for _ in range(5):
            x = jnp.exp(-(x * 0.9 + 0.1))
        return x.sum()

    gradient = jax.jit(jax.value_and_grad(f))
    return lambda: jax.block_until_ready(gradient(x0))[1][0]


# ------------------------------------------------------------------------------- micrograd's moons, scalar by scalar


class Moons(NamedTuple):
    """micrograd's own demonstration: an MLP of 2-16-16-1 relu neurons, hinge loss with L2, one number at a time."""

    points: int = 10
    lr: float = 0.01

    def start(self) -> tuple[list[list[list[float]]], Array, Array]:
        """Per layer and neuron its weights, the bias last; the points and their classes −1, 1."""
        rng = np.random.default_rng(0)
        neurons = [[[*rng.uniform(-1, 1, n), 0.0] for _ in range(m)] for n, m in [(2, 16), (16, 16), (16, 1)]]
        return neurons, rng.normal(size=(self.points, 2)), rng.choice([-1.0, 1.0], self.points)


def scalar_moons(work: Moons, kind: type[Any], decorated: Callable[[Any], Any], **how: Any) -> Step:
    """The same program for micrograd's Value and for ours, which may be `decorated`."""
    neurons, points, classes = work.start()
    layers = [[([kind(w) for w in ws], kind(b)) for *ws, b in layer] for layer in neurons]
    parameters = [p for layer in layers for ws, b in layer for p in [*ws, b]]

    def model(x: list[Any]) -> Any:
        for i, layer in enumerate(layers):
            sums = [sum((w * a for w, a in zip(ws, x, strict=True)), b) for ws, b in layer]
            x = [s.relu() for s in sums] if i < len(layers) - 1 else sums
        return x[0]

    @decorated
    def step() -> Any:
        scores = [model([kind(a) for a in row]) for row in points.tolist()]
        losses = [(1 + -label * score).relu() for label, score in zip(classes.tolist(), scores, strict=True)]
        total = sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in parameters)
        for p in parameters:
            p.grad = 0
        total.backward(**how)
        for p in parameters:
            p.data -= work.lr * p.grad
        return total.data

    made: Step = step
    return made


def micrograd_moons(work: Moons) -> Step:
    from micrograd.engine import Value

    return scalar_moons(work, Value, lambda f: f)


def microgradnet_moons(work: Moons, package: str = "microgradnet", backend: str | None = None) -> Step:
    Value = importlib.import_module(package).Value
    return scalar_moons(work, Value, compiling(package, backend), release=True)


def numpy_moons(work: Moons) -> Step:
    """The same step on arrays: what a person would write by hand."""
    neurons, x, classes = work.start()
    weights = [np.array([ws[:-1] for ws in layer]) for layer in neurons]
    biases = [np.array([ws[-1] for ws in layer]) for layer in neurons]

    def step() -> Any:
        a, activations = x, [x]
        for i, (w, b) in enumerate(zip(weights, biases, strict=True)):
            z = a.dot(w.T) + b
            a = np.maximum(z, 0) if i < 2 else z
            activations.append(a)
        margin = 1 - classes * a[:, 0]
        total = np.maximum(margin, 0).mean() + 1e-4 * sum((p * p).sum() for p in weights + biases)
        g = (-classes * (margin > 0) / len(x))[:, None]
        for i in (2, 1, 0):
            if i < 2:
                g = g * (activations[i + 1] > 0)
            gw, gb = g.T.dot(activations[i]), g.sum(axis=0)
            g = g.dot(weights[i])
            weights[i] -= work.lr * (gw + 2e-4 * weights[i])
            biases[i] -= work.lr * (gb + 2e-4 * biases[i])
        return total

    return step


CHAIN = {
    "numpy": numpy_chain,
    "microgradnet": microgradnet_chain,
    "compiled": functools.partial(microgradnet_chain, backend="numpy"),
    "native": functools.partial(microgradnet_chain, backend="native"),
    "torch": torch_chain,
    "jax": jax_chain,
    "autograd": autograd_chain,
    "mygrad": mygrad_chain,
}
ELEMENTWISE = {
    "numpy": numpy_elementwise,
    "microgradnet": microgradnet_elementwise,
    "compiled": functools.partial(microgradnet_elementwise, backend="numpy"),
    "native": functools.partial(microgradnet_elementwise, backend="native"),
    "torch": torch_elementwise,
    "jax": jax_elementwise,
}
MOONS = {
    "numpy": numpy_moons,
    "microgradnet": microgradnet_moons,
    "compiled": functools.partial(microgradnet_moons, backend="numpy"),
    "native": functools.partial(microgradnet_moons, backend="native"),
    "micrograd": micrograd_moons,
    "micrograd, as it is": micrograd_moons,
}
