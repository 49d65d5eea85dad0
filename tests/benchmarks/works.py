"""The works that are timed, each written for every framework that is installed.

A work gives, for each contender, a function that does one step and returns the cost, so that all can be checked to
compute the same before any is timed. Frameworks are imported here when asked for.
"""

from __future__ import annotations

import functools
import importlib
import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .floors import multiplications_of_network, products_of_network
from .small_works import CHAIN, ELEMENTWISE, MOONS, Array, Chain, Elementwise, Moons, Step, compiling


class Network(NamedTuple):
    """One training step: forward, squared error summed over outputs and averaged over examples, backward, update.

    On the same data at every step, which lie in the cache then; or on new data, as in a training.
    """

    sizes: list[int]
    batch: int
    activation: str  # sigmoid after every layer, or relu after all but the last
    lr: float = 0.01
    new: bool = False

    def start(self) -> tuple[list[Array], list[Array]]:
        rng = np.random.default_rng(0)
        weights = [
            rng.normal(0, n**-0.5, (m, n)).astype("f4") for n, m in zip(self.sizes, self.sizes[1:], strict=False)
        ]
        return weights, [np.zeros(m, "f4") for m in self.sizes[1:]]

    def feed(self, made: Callable[[Array], Any] = np.asarray) -> Callable[[], tuple[Any, Any]]:
        """What hands out x (batch, n) and y (batch, m) for each step; `made` of them, beforehand."""
        rng = np.random.default_rng(1)
        batches = [
            [made(rng.random((self.batch, n)).astype("f4")) for n in (self.sizes[0], self.sizes[-1])]
            for _ in range(max(64, 2048 // self.batch) if self.new else 1)  # more than a cache holds
        ]
        return itertools.cycle(batches).__next__  # type: ignore[return-value]

    @property
    def sigmoid(self) -> bool:
        return self.activation == "sigmoid"


# ------------------------------------------------------------------------------------------------ a network's step


def numpy_network(work: Network) -> Step:
    """By hand. `dot` and updates in place are the quicker spellings; nothing is computed that is not needed."""
    (weights, biases), feed = work.start(), work.feed()
    last, n, lr = len(weights) - 1, work.batch, work.lr

    def step() -> Any:
        x, y = feed()
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


def microgradnet_network(work: Network, package: str = "microgradnet", backend: str | None = None) -> Step:
    functional, nn, optim = ours(package, "functional", "nn", "optim")

    (weights, biases), feed = work.start(), work.feed()
    function = functional.sigmoid if work.sigmoid else functional.relu
    model = nn.MLP(work.sizes[0], work.sizes[1:], function, function if work.sigmoid else None, seed=0)
    for layer, w, b in zip(model.layers, weights, biases, strict=True):
        layer.weight.data, layer.bias.data = w, b
    optimiser = optim.SGD(model.parameters(), lr=work.lr)

    @compiling(package, backend)
    def step(x: Any, y: Any) -> Any:
        optimiser.zero_grad()
        cost = functional.quadratic_cost(model(x), y)
        cost.backward(release=True)
        optimiser.step()
        return cost

    return lambda: step(*feed()).data


def torch_network(work: Network) -> Step:
    import torch

    (weights, biases), feed = work.start(), work.feed(torch.tensor)
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

    def step() -> Any:
        x, y = feed()
        optimiser.zero_grad()
        cost = ((model(x) - y) ** 2).sum() / work.batch
        cost.backward()
        optimiser.step()
        return cost.item()

    return step


def jax_network(work: Network) -> Step:
    import jax
    import jax.numpy as jnp

    (weights, biases), feed = work.start(), work.feed(jnp.asarray)
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

    def step() -> Any:
        value, state[0] = update(state[0], *feed())
        jax.block_until_ready(state[0])
        return value

    return step


def autograd_network(work: Network) -> Step:
    import autograd.numpy as anp
    from autograd import value_and_grad

    (weights, biases), feed = work.start(), work.feed()
    last = len(weights) - 1

    def cost(parameters: Any, x: Any, y: Any) -> Any:
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
        value, (gw, gb) = gradient((weights, biases), *feed())
        for p, g in zip(weights + biases, gw + gb, strict=True):
            p -= work.lr * g
        return value

    return step


def mygrad_network(work: Network) -> Step:
    import mygrad as mg

    (weights, biases), feed = work.start(), work.feed()
    ws, bs = [mg.tensor(w) for w in weights], [mg.tensor(b) for b in biases]
    last = len(ws) - 1

    def step() -> Any:
        x, y = feed()
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


NETWORK = {
    "numpy": numpy_network,
    "microgradnet": microgradnet_network,
    "compiled": functools.partial(microgradnet_network, backend="numpy"),
    "native": functools.partial(microgradnet_network, backend="native"),
    "products": products_of_network,
    "multiplications": multiplications_of_network,
    "torch": torch_network,
    "jax": jax_network,
    "autograd": autograd_network,
    "mygrad": mygrad_network,
}


def article(batch: int, new: bool = False) -> Network:
    return Network([784, 16, 16, 10], batch, "sigmoid", new=new)


WORKS: dict[str, tuple[Any, dict[str, Callable[[Any], Step]]]] = {
    **{f"784-16-16-10, batch {n}": (article(n), NETWORK) for n in (1, 10, 32, 256)},
    **{f"784-16-16-10, batch {n}, new data": (article(n, True), NETWORK) for n in (1, 10, 32, 256)},
    "2-16-16-1, batch 8": (Network([2, 16, 16, 1], 8, "relu"), NETWORK),
    "784-512-512-10, batch 128": (Network([784, 512, 512, 10], 128, "relu"), NETWORK),
    "chain of 1,000 tiny ops": (Chain(), CHAIN),
    "20 elementwise ops, 1M floats": (Elementwise(), ELEMENTWISE),
    "micrograd's moons, 10 points": (Moons(10), MOONS),
    "micrograd's moons, 100 points": (Moons(100), MOONS),
}
