"""The works that are timed, each written for every framework that is installed.

A work gives, for each contender, a function that does one step and returns the cost, so that all can be checked to
compute the same before any is timed. Frameworks are imported here when asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Step = Callable[[], Any]
Array = np.ndarray


class Network(NamedTuple):
    """One training step: forward, squared error summed over outputs and averaged over examples, backward, update."""

    sizes: list[int]
    batch: int
    activation: str  # sigmoid after every layer, or relu after all but the last
    lr: float = 0.01

    def start(self) -> tuple[list[Array], list[Array], Array, Array]:
        rng = np.random.default_rng(0)
        weights = [
            rng.normal(0, n**-0.5, (m, n)).astype("f4") for n, m in zip(self.sizes, self.sizes[1:], strict=False)
        ]
        biases = [np.zeros(m, "f4") for m in self.sizes[1:]]
        x = rng.random((self.batch, self.sizes[0])).astype("f4")
        y = rng.random((self.batch, self.sizes[-1])).astype("f4")
        return weights, biases, x, y

    @property
    def sigmoid(self) -> bool:
        return self.activation == "sigmoid"


# ------------------------------------------------------------------------------------------------ a network's step


def numpy_network(work: Network) -> Step:
    """By hand. `dot` and updates in place are the quicker spellings; nothing is computed that is not needed."""
    weights, biases, x, y = work.start()
    last, n, lr = len(weights) - 1, work.batch, work.lr

    def step() -> Any:
        a, activations = x, [x]
        for i, (w, b) in enumerate(zip(weights, biases, strict=True)):
            z = a.dot(w.T)
            z += b
            if work.sigmoid:
                a = 1 / (1 + np.exp(-z))
            elif i < last:
                a = np.maximum(z, 0)
            else:
                a = z
            activations.append(a)
        d = a - y
        cost = (d * d).sum() / n
        g = d * (2 / n)
        for i in range(last, -1, -1):
            a = activations[i + 1]
            if work.sigmoid:
                g = g * (a * (1 - a))
            elif i < last:
                g = g * (a > 0)
            gw, gb = g.T.dot(activations[i]), g.sum(axis=0)
            if i:
                g = g.dot(weights[i])
            weights[i] -= lr * gw
            biases[i] -= lr * gb
        return cost

    return step


def ours(package: str, *rooms: str) -> list[Any]:
    """Rooms of this package, or of another version of it under another name; see `beside`."""
    return [importlib.import_module(f"{package}.{room}") for room in rooms]


def microgradnet_network(work: Network, package: str = "microgradnet") -> Step:
    functional, nn, optim = ours(package, "functional", "nn", "optim")

    weights, biases, x, y = work.start()
    function = functional.sigmoid if work.sigmoid else functional.relu
    model = nn.MLP(work.sizes[0], work.sizes[1:], function, function if work.sigmoid else None, seed=0)
    for layer, w, b in zip(model.layers, weights, biases, strict=True):
        layer.weight.data, layer.bias.data = w, b
    optimiser = optim.SGD(model.parameters(), lr=work.lr)

    def step() -> Any:
        optimiser.zero_grad()
        cost = functional.quadratic_cost(model(x), y)
        cost.backward(release=True)
        optimiser.step()
        return cost.data

    return step


def torch_network(work: Network) -> Step:
    import torch

    weights, biases, x, y = work.start()
    layers: list[Any] = []
    for i, (w, b) in enumerate(zip(weights, biases, strict=True)):
        layer = torch.nn.Linear(w.shape[1], w.shape[0])
        layer.weight.data, layer.bias.data = torch.tensor(w), torch.tensor(b)
        layers.append(layer)
        if work.sigmoid:
            layers.append(torch.nn.Sigmoid())
        elif i < len(weights) - 1:
            layers.append(torch.nn.ReLU())
    model = torch.nn.Sequential(*layers)
    optimiser = torch.optim.SGD(model.parameters(), lr=work.lr)
    tx, ty = torch.tensor(x), torch.tensor(y)

    def step() -> Any:
        optimiser.zero_grad()
        cost = ((model(tx) - ty) ** 2).sum() / work.batch
        cost.backward()
        optimiser.step()
        return cost.item()

    return step


def jax_network(work: Network) -> Step:
    import jax
    import jax.numpy as jnp

    weights, biases, x, y = work.start()
    last = len(weights) - 1

    def cost(parameters: Any, x: Any, y: Any) -> Any:
        for i, (w, b) in enumerate(zip(*parameters, strict=True)):
            x = x @ w.T + b
            if work.sigmoid:
                x = jax.nn.sigmoid(x)
            elif i < last:
                x = jax.nn.relu(x)
        return ((x - y) ** 2).sum() / work.batch

    @jax.jit
    def update(parameters: Any, x: Any, y: Any) -> Any:
        value, g = jax.value_and_grad(cost)(parameters, x, y)
        return value, jax.tree.map(lambda p, gp: p - work.lr * gp, parameters, g)

    state = [jax.tree.map(jnp.asarray, (weights, biases))]
    jx, jy = jnp.asarray(x), jnp.asarray(y)

    def step() -> Any:
        value, state[0] = update(state[0], jx, jy)
        jax.block_until_ready(state[0])
        return value

    return step


def autograd_network(work: Network) -> Step:
    import autograd.numpy as anp
    from autograd import value_and_grad

    weights, biases, x, y = work.start()
    last = len(weights) - 1

    def cost(parameters: Any) -> Any:
        a = x
        for i, (w, b) in enumerate(zip(*parameters, strict=True)):
            a = anp.dot(a, w.T) + b
            if work.sigmoid:
                a = 1 / (1 + anp.exp(-a))
            elif i < last:
                a = anp.maximum(a, 0)
        return anp.sum((a - y) ** 2) / work.batch

    gradient = value_and_grad(cost)

    def step() -> Any:
        value, (gw, gb) = gradient((weights, biases))
        for p, g in zip(weights + biases, gw + gb, strict=True):
            p -= work.lr * g
        return value

    return step


def mygrad_network(work: Network) -> Step:
    import mygrad as mg

    weights, biases, x, y = work.start()
    ws, bs = [mg.tensor(w) for w in weights], [mg.tensor(b) for b in biases]
    last = len(ws) - 1

    def step() -> Any:
        a: Any = x
        for i, (w, b) in enumerate(zip(ws, bs, strict=True)):
            a = mg.matmul(a, w.T) + b
            if work.sigmoid:
                a = 1 / (1 + mg.exp(-a))
            elif i < last:
                a = mg.maximum(a, 0)
        cost = ((a - y) ** 2).sum() / work.batch
        cost.backward()
        for p in ws + bs:
            p.data -= work.lr * p.grad
        return cost.item()

    return step


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


def microgradnet_chain(work: Chain, package: str = "microgradnet") -> Step:
    Value = importlib.import_module(package).Value

    x0 = Value(work.start())

    def step() -> Any:
        x = x0
        for _ in range(work.repeats):
            x = (x * 0.99 + 0.01).exp().log()
        x0.grad = None
        x.sum().backward(release=True)
        return x0.grad.sum()

    return step


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


def scalar_moons(work: Moons, kind: type[Any], **how: Any) -> Step:
    """The same program for micrograd's Value and for ours."""
    neurons, points, classes = work.start()
    layers = [[([kind(w) for w in ws], kind(b)) for *ws, b in layer] for layer in neurons]
    parameters = [p for layer in layers for ws, b in layer for p in [*ws, b]]

    def model(x: list[Any]) -> Any:
        for i, layer in enumerate(layers):
            sums = [sum((w * a for w, a in zip(ws, x, strict=True)), b) for ws, b in layer]
            x = [s.relu() for s in sums] if i < len(layers) - 1 else sums
        return x[0]

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

    return step


def micrograd_moons(work: Moons) -> Step:
    from micrograd.engine import Value

    return scalar_moons(work, Value)


def microgradnet_moons(work: Moons, package: str = "microgradnet") -> Step:
    return scalar_moons(work, importlib.import_module(package).Value, release=True)


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


NETWORK = {
    "numpy": numpy_network,
    "microgradnet": microgradnet_network,
    "torch": torch_network,
    "jax": jax_network,
    "autograd": autograd_network,
    "mygrad": mygrad_network,
}
CHAIN = {
    "numpy": numpy_chain,
    "microgradnet": microgradnet_chain,
    "torch": torch_chain,
    "autograd": autograd_chain,
    "mygrad": mygrad_chain,
}
MOONS = {"numpy": numpy_moons, "microgradnet": microgradnet_moons, "micrograd": micrograd_moons}

WORKS: dict[str, tuple[Any, dict[str, Callable[[Any], Step]]]] = {
    "784-16-16-10, batch 1": (Network([784, 16, 16, 10], 1, "sigmoid"), NETWORK),
    "784-16-16-10, batch 10": (Network([784, 16, 16, 10], 10, "sigmoid"), NETWORK),
    "784-16-16-10, batch 32": (Network([784, 16, 16, 10], 32, "sigmoid"), NETWORK),
    "784-16-16-10, batch 256": (Network([784, 16, 16, 10], 256, "sigmoid"), NETWORK),
    "2-16-16-1, batch 8": (Network([2, 16, 16, 1], 8, "relu"), NETWORK),
    "784-512-512-10, batch 128": (Network([784, 512, 512, 10], 128, "relu"), NETWORK),
    "chain of 1,000 tiny ops": (Chain(), CHAIN),
    "micrograd's moons": (Moons(), MOONS),
}
