"""A masked array is refused wherever its numbers would be taken without its mask."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
import microgradnet.functional as F
from microgradnet import Value, data, hook, nn, optim, primitive

M = np.ma.array([[1.0, 2.0], [3.0, 4.0]], mask=[[False, True], [False, False]])
ROW, INDEX, CHOICE = M[0], np.ma.array([0, 1], mask=[False, True]), np.ma.array([True, False], mask=[False, True])
ONES = np.ones((2, 2), np.float32)


def W() -> Value:
    return Value([[1.0, 2.0], [3.0, 4.0]])


def assign(name: str, new: Any) -> None:
    setattr(W(), name, new)


def backward_by(made: Callable[[Value], Any]) -> None:
    made(W()).sum().backward()


@primitive(lambda g, out, x: M)
def with_masked_rule(x: Any) -> Any:
    return x.sum()


@primitive(lambda g, out, x: g)
def with_masked_result(x: Any) -> Any:
    return M


def square(x: Any) -> Any:
    return (x * x).sum()


def trained(x: Any = ONES, y: Any = ONES, **more: Any) -> Any:
    layer = nn.Linear(2, 2, seed=0)
    optimizer = optim.SGD(layer.parameters(), lr=0.1)
    return mg.fit(layer, x, y, loss=F.mse_loss, optimizer=optimizer, epochs=1, progress=False, **more)


def with_buffer() -> nn.Module:
    layer = nn.Linear(2, 2, seed=0)
    layer.seen = M  # type: ignore[attr-defined]
    return layer


DOORS: dict[str, Callable[[], Any]] = {
    # into a Value
    "Value": lambda: Value(M),
    "Value of a list": lambda: Value([M[0], M[1]]),
    "v.grad =": lambda: assign("grad", M),
    "v.data =": lambda: assign("data", M),
    "backward": lambda: W().backward(M),
    "what a hook returns": lambda: backward_by(lambda v: hook(v, lambda g: M)),
    "what a rule returns": lambda: backward_by(with_masked_rule),
    "what a primitive returns": lambda: with_masked_result(W()),
    # beside a Value
    "v +": lambda: W() + M,
    "v + a list": lambda: np.multiply(W(), [M[0], M[1]]),
    "v @": lambda: W() @ M,
    "np.concatenate": lambda: np.concatenate([W(), M]),
    "np.einsum": lambda: np.einsum("ij,ij", W(), M),
    "np.clip": lambda: np.clip(W(), 0, M),
    "np.where": lambda: np.where(M > 2, W(), 0.0),
    "where=": lambda: np.sum(W(), where=M > 2),
    "where= of a variance": lambda: np.var(W(), where=M > 2),
    "where= of nanmean": lambda: np.nanmean(W(), where=M > 2),
    "where= of np.any": lambda: np.any(W(), where=M > 2),
    "initial=": lambda: np.sum(W(), axis=0, initial=ROW),
    "weights of an average": lambda: np.average(W(), weights=M),
    "weights of a quantile": lambda: np.quantile(W(), 0.5, weights=M, method="inverted_cdf"),
    "q of a quantile": lambda: np.quantile(W(), ROW / 9),
    "np.interp": lambda: np.interp(W(), ROW, [1.0, 2.0]),
    # which elements
    "v[i]": lambda: W()[INDEX],
    "v[mask]": lambda: W()[CHOICE],
    "v[i, j]": lambda: W()[INDEX, [0, 1]],
    "v.at[i].set": lambda: W().at[INDEX].set(0.0),
    "v.at[0].set": lambda: W().at[0].set(ROW),
    "v.at[0].add": lambda: W().at[0].add(ROW),
    "np.take": lambda: np.take(W(), INDEX),
    "v.take": lambda: W().take(INDEX),
    "np.take_along_axis": lambda: np.take_along_axis(W(), INDEX[:, None], 1),
    "np.select": lambda: np.select([M > 2], [W()]),
    "np.compress": lambda: np.compress(CHOICE, W()),
    "np.extract": lambda: np.extract(M > 2, W()),
    "np.piecewise": lambda: np.piecewise(W(), [M > 2], [1.0, 2.0]),
    "np.choose": lambda: np.choose(INDEX, [W()[0], W()[1]]),
    "np.repeat": lambda: np.repeat(W(), INDEX, axis=0),
    "v.repeat": lambda: W().repeat(INDEX, axis=0),
    "np.roll": lambda: np.roll(W(), INDEX, axis=(0, 1)),
    "np.delete": lambda: np.delete(W(), INDEX, axis=0),
    "np.insert at": lambda: np.insert(W(), INDEX, 1.0),
    "np.insert of": lambda: np.insert(W(), 0, ROW),
    "np.pad": lambda: np.pad(W(), 1, constant_values=ROW),
    "np.searchsorted": lambda: np.searchsorted(W()[0], 1.0, sorter=INDEX),
    "np.bincount": lambda: np.bincount(INDEX, Value([1.0, 2.0])),
    # functional and nn
    "cross_entropy(target=)": lambda: F.cross_entropy(W(), INDEX),
    "cross_entropy of probabilities": lambda: F.cross_entropy(W(), M),
    "cross_entropy(weight=)": lambda: F.cross_entropy(W(), [0, 1], weight=ROW),
    "cross_entropy(input=)": lambda: F.cross_entropy(M, [0, 1]),
    "nll_loss": lambda: F.nll_loss(W(), INDEX),
    "multi_margin_loss": lambda: F.multi_margin_loss(W(), INDEX),
    "mse_loss": lambda: F.mse_loss(W(), M),
    "mse_loss of plain arrays": lambda: F.mse_loss(M, M),
    "quadratic_cost": lambda: F.quadratic_cost(W(), M),
    "quadratic_cost of plain arrays": lambda: F.quadratic_cost(M, M),
    "binary_cross_entropy(weight=)": lambda: F.binary_cross_entropy(ONES, ONES, weight=M),
    "nn.CrossEntropyLoss": lambda: nn.CrossEntropyLoss()(W(), INDEX),
    "embedding": lambda: F.embedding(INDEX, W()),
    "nn.Embedding": lambda: nn.Embedding(3, 2)(INDEX),
    "attn_mask=": lambda: F.attention_weights(W(), W(), M > 2),
    "softmax": lambda: F.softmax(M),
    "logsumexp": lambda: F.logsumexp(M),
    "relu": lambda: F.relu(M),
    "sigmoid": lambda: F.sigmoid(M),
    "softplus": lambda: F.softplus(M),
    "step": lambda: F.step(M),
    "mean": lambda: F.mean(M),
    "conv1d": lambda: F.conv1d(M, np.ones((1, 2, 1))),
    "max_pool1d": lambda: F.max_pool1d(M, 2),
    "linear": lambda: F.linear(M, ONES, ONES[0]),
    "nn.Linear": lambda: nn.Linear(2, 2)(M),
    "nn.Linear without a bias": lambda: nn.Linear(2, 2, bias=False)(M),
    "nn.RNN(hx=)": lambda: nn.RNN(2, 2)(ONES, M[:1]),
    "load_state_dict": lambda: nn.Linear(2, 2).load_state_dict({"weight": M, "bias": ONES[0]}),
    "state_dict": lambda: with_buffer().state_dict(),
    # examples
    "fit(x=)": lambda: trained(x=M),
    "fit(y=)": lambda: trained(y=M),
    "fit(validation=)": lambda: trained(validation=(ONES, M)),
    "batches": lambda: data.batches(M, ONES, 1),
    "split": lambda: data.split(M, held_out=1),
    "split(stratify=)": lambda: data.split(ONES, held_out=1, stratify=INDEX),
    "one_hot": lambda: data.one_hot(INDEX),
    # transforms and the checker
    "grad": lambda: mg.grad(square)(M),
    "jacobian": lambda: mg.jacobian(square)(M),
    "jvp": lambda: mg.jvp(square, ONES, M),
    "hvp": lambda: mg.hvp(square, ONES, M),
    "vjp": lambda: mg.vjp(lambda x: x * x, ONES)[1](M),
    "numerical_grad": lambda: mg.numerical_grad(square, M),
    "check_grads": lambda: mg.check_grads(square, M),
}


@pytest.mark.parametrize("door", DOORS)
def test_a_masked_array_is_refused(door: str) -> None:
    with pytest.raises((TypeError, ValueError), match="mask would be lost"):
        DOORS[door]()


def test_a_masked_array_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="mask would be lost"):
        mg.save(tmp_path / "masked.npz", numbers=M)


def test_on_the_left_of_a_value_it_is_refused_too() -> None:
    with pytest.raises(TypeError, match="does not become a plain array"):
        M + W()
