"""What is computed in the exercises whose rules are to be written."""

from __future__ import annotations

from typing import Any

import numpy as np

EPS = 1e-5  # of batch_norm


def multiply(x: Any, y: Any) -> Any:
    return x * y


def tanh(x: Any) -> Any:
    return np.tanh(x)


def softplus(x: Any) -> Any:
    return np.logaddexp(0.0 * x, x)


def column_mean(x: Any) -> Any:
    return x.mean(axis=0)


def matmul(x: Any, y: Any) -> Any:
    return x @ y


def softmax(x: Any) -> Any:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax_cross_entropy(x: Any, labels: Any) -> Any:
    return -np.log(softmax(x)[np.arange(len(x)), labels]).mean()


def batch_norm(x: Any) -> Any:
    d = x - x.mean(axis=0)
    return d / np.sqrt((d * d).mean(axis=0) + EPS)
