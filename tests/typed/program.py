"""A program as a user of types writes it: tests/test_types.py has mypy and pyright read it, and runs it.

`assert_type` is what type checkers say; when it runs, the test looks whether it is so.
"""

from __future__ import annotations

from typing import Any, assert_type

import numpy
from numpy.typing import NDArray

import microgradnet as mg
import microgradnet.numpy as np
from microgradnet import Value, nn, optim, train
from microgradnet import functional as F

Array = NDArray[Any]

# --------------------------------------------------------------------------------------------------------- operators

w = Value(numpy.ones((2, 3)), name="w")
v = Value([1.0, -2.0, 3.0])
x = numpy.ones(3)
assert_type(w, Value)
assert_type(2 * v + v / 3 - 0.5 * v, Value)
assert_type(-(v**2) % 3 // 2, Value)
assert_type(v @ x, Value)
assert_type(w @ v, Value)
assert_type(numpy.float32(2.0) * v, Value)
assert_type([1.0, 2.0, 3.0] - v, Value)
assert_type(v > 0, Value)
assert_type((v > 0) & (v == 3.0), Value)
assert_type(v[0], Value)
assert_type(w[:, [0, 0, 2]], Value)
assert_type(v[v > 0], Value)
assert_type(list(w), list[Value])
assert_type(divmod(v, 2.0), tuple[Value, Value])
assert_type(len(w), int)
assert_type(float(v.sum().detach().data), float)

# ----------------------------------------------------------------------------------------------- what a Value holds

assert_type(v.shape, tuple[int, ...])
assert_type(v.size, int)
assert_type(v.dtype, numpy.dtype[Any])
assert_type(v.data, Array)
assert_type(v.data.round(2), Array)
assert_type(v.name, str | None)
assert_type(v.sum().item(), float)

# ------------------------------------------------------------------------------------------------------------ methods

assert_type(v.tanh().sum(), Value)
assert_type(w.mean(axis=0, keepdims=True).reshape(3, 1).T, Value)
assert_type(v.exp().log().square().abs().clip(0.0, 1.0).astype(numpy.float32), Value)
assert_type(v.at[0].set(9.0).at[[1, 1]].add(v[0]), Value)
assert_type(v.nonzero(), tuple[Array, ...])

# ---------------------------------------------------------------------------------------------- gradients and descent

loss = ((w @ v) ** 2).mean()
assert_type(loss, Value)
loss.backward()
rounded = w.grad.round(3)
w.data -= 0.1 * w.grad
v.grad = None
assert v.grad is None
v.data = [0.0, 1.0, 2.0]

# --------------------------------------------------------------------------------------------------- NumPy, with types

assert_type(np.tanh(v), Value)
assert_type(np.tanh(x), Array)
assert_type(np.sum(w, axis=0), Value)
assert_type(np.mean(w, axis=(0, 1), keepdims=True), Value)
assert_type(np.where(v > 0, v, 0.0), Value)
assert_type(np.maximum(0.0, v), Value)
assert_type(np.stack([v, v]), Value)
assert_type(np.concatenate([v, x]), Value)
assert_type(np.einsum("ij,kj->ik", w, numpy.ones((4, 3))), Value)
assert_type(np.matmul(numpy.ones((4, 2)), w), Value)
assert_type(np.linalg.norm(v), Value)
assert_type(np.linalg.svd(w).S, Value)
assert_type(np.split(v, 3), list[Value])
assert_type(np.tanh(np.zeros((2, 3), np.float32)), Array)

# --------------------------------------------------------------------------------------------------------- functional

assert_type(F.tanh(v), Value)
assert_type(F.relu(v), Value)
assert_type(F.relu(x), Array)
assert_type(F.gelu(v, approximate="tanh"), Value)
assert_type(F.softmax(w, axis=0), Value)
assert_type(F.softmax(x), Array)
assert_type(F.linear(numpy.ones((5, 3)), w, numpy.zeros(2)), Value)
assert_type(F.mse_loss(v, x), Value)
assert_type(F.mse_loss(x, v, reduction="sum"), Value)
assert_type(F.mse_loss(x, x), Array)
assert_type(F.cross_entropy(w, [0, 1], label_smoothing=0.1), Value)
assert_type(F.embedding(numpy.array([1, 0]), w), Value)
assert_type(F.conv1d(numpy.ones((1, 1, 5)), Value(numpy.ones((1, 1, 3)))), Value)
assert_type(F.scaled_dot_product_attention(w, w, w), Value)
assert_type(F.celu(x, alpha=2.0), Array)
assert_type(F.pad(v, (1, 2), mode="reflect"), Value)
assert_type(F.interpolate(numpy.ones((1, 1, 4)), scale_factor=2.0), Array)
assert_type(F.one_hot(numpy.array([1, 0])), Array)
assert_type(F.cosine_similarity(w, numpy.ones((2, 3)), axis=-1), Value)
assert_type(F.triplet_margin_loss(x, x, v, margin=0.5), Value)


# ------------------------------------------------------------------------------------------- an operation of one's own


@mg.primitive(lambda g, out, x: g * (1 + x) * numpy.exp(x), symbol="x·eˣ")
def xexp(x: Array) -> Any:
    return x * numpy.exp(x)


assert_type(xexp(v), Value)
assert_type(xexp(x), Array)


# ---------------------------------------------------------------------------------------------- a network of one's own


class Tied(nn.Module):
    def __init__(self) -> None:
        self.layers = [nn.Linear(4, 8, seed=1), nn.Linear(8, 4, seed=2)]
        self.norm = nn.LayerNorm(4)
        self.scale = Value(numpy.float32(0.1))

    def forward(self, x: Array, *, depth: int = 1) -> Value:
        hidden = self.layers[0](x)
        assert_type(hidden, Value)
        for _ in range(depth):
            hidden = np.tanh(hidden)
        out = self.layers[1](hidden) + self.scale * (hidden @ self.layers[0].weight)
        return self.norm(out)


model = Tied()
inputs = numpy.ones((5, 4), numpy.float32)
assert_type(model(inputs), Value)
assert_type(model(inputs, depth=2), Value)
assert_type(model.parameters(), list[Value])
assert_type(model.eval().train(), Tied)
assert_type(nn.MLP(4, [8, 2], activation=F.tanh, seed=0)(inputs), Value)
assert_type(nn.Sequential(nn.Linear(4, 2, seed=0), nn.ReLU(), np.tanh)(inputs), Value)
assert_type(nn.ReLU()(v), Value)
assert_type(nn.PReLU()(x), Value)
assert_type(nn.ZeroPad1d(1)(numpy.ones((2, 3))), Array)
assert_type(nn.TripletMarginLoss(margin=0.5)(v, x, x), Value)
assert_type(nn.CosineSimilarity(axis=-1)(x, x), Array)
assert_type([name for name, part in model.named_children()], list[str])
assert_type(model.apply(print), Tied)
assert_type(nn.LeakyReLU(negative_slope=0.1)(x), Array)
assert_type(nn.CrossEntropyLoss(label_smoothing=0.1)(model(inputs), [0, 1, 2, 3, 0]), Value)
out, (h, c) = nn.LSTM(4, 6, batch_first=True, seed=0)(inputs[None])
assert_type(out, Value)
assert_type(c, Value)

optimiser = optim.AdamW(model.parameters(), lr=0.01)
schedule = optim.StepLR(optimiser, step_size=2)
for _ in range(3):
    optimiser.zero_grad()
    cost = F.mse_loss(model(inputs), inputs)
    assert_type(cost, Value)
    cost.backward(release=True)
    assert_type(optim.clip_grad_norm_(model.parameters(), 1.0), float)
    optimiser.step()
    schedule.step()
assert_type(model.layers[0].weight.data, Array)
assert_type(model.layers[0].bias, Value | None)
history = mg.fit(model, inputs, inputs, loss=F.mse_loss, optimizer=optimiser, epochs=1, seed=0, progress=False)
assert_type(history, train.History)

# --------------------------------------------------------------------------------------------- functions of functions


def energy(x: Value) -> Value:
    return (x * x).sum()


assert_type(mg.grad(energy)(3.0), numpy.float64)
assert_type(mg.grad(energy)(v), Value)
assert_type(mg.grad(lambda p: p["w"] * 2.0)({"w": 1.0}), dict[str, float])
assert_type(mg.grad(lambda m, x: m(x).sum())(model, inputs), Tied)
value, gradient = mg.value_and_grad(energy)(inputs)
gradient.sum()
assert_type(float(value), float)
assert_type(mg.jacobian(lambda x: x * x)(x), Array)
assert_type(mg.hessian(energy)(x), Array)
assert_type(mg.jvp(energy, x, x), tuple[Array, Array])
y, pull = mg.vjp(energy, x)
assert_type(y, Array)
assert_type(mg.checkpoint(energy)(v), Value)
assert_type(mg.numerical_grad(lambda x: (x**3).sum(), [1.0, 2.0]), Array)
assert_type(mg.numerical_grad(lambda m: m(x).sum(), nn.Linear(3, 2)), nn.Linear)
assert_type(bool(mg.check_grads(energy, x)), bool)


@mg.no_grad()
def evaluated(model: Tied) -> float:
    return model(inputs).mean().item()


assert_type(evaluated(model), float)
