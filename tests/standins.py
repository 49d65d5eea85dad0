"""Until the layers and optimisers come: what saving and training ask of them, as small as it can be."""

from __future__ import annotations

from typing import Any

import numpy as np

from microgradnet import Value, nn, optim
from microgradnet.nn.init import generator


def places(model: nn.Module) -> dict[str, tuple[Any, str]]:
    paths: dict[int, str] = {id(m): "" for m in [model]}
    from microgradnet.tree import walk

    paths = {id(found): path for path, found in walk(model) if isinstance(found, nn.Module)}
    found = {}
    for module in model.modules():
        for name, part in vars(module).items():
            if isinstance(part, np.ndarray):
                found[f"{paths[id(module)]}.{name}".lstrip(".")] = (module, name)
    return found


def state_dict(self: nn.Module) -> dict[str, Any]:
    state = {name: value.data for name, value in self.named_parameters()}
    return state | {path: getattr(module, name) for path, (module, name) in places(self).items()}


def load_state_dict(self: nn.Module, state: dict[str, Any], strict: bool = True) -> None:
    own = self.state_dict()
    missing, left = own.keys() - state.keys(), state.keys() - own.keys()
    if missing or left:
        raise ValueError(f"missing {sorted(missing)}, left over {sorted(left)}")
    for name, array in own.items():
        if np.shape(state[name]) != array.shape or np.asarray(state[name]).dtype.kind != "f":
            raise ValueError(f"{name} has shape {np.shape(state[name])}, wanted {array.shape}")
    for name, value in self.named_parameters():
        value.data = state[name]
    for path, (module, name) in places(self).items():
        getattr(module, name)[...] = state[path]


class Dropout(nn.Module):
    def __init__(self, p: float = 0.5, *, seed: Any = None) -> None:
        self.p, self.rng = p, generator(seed)

    def forward(self, x: Any) -> Any:
        if not self.training:
            return x
        kept = self.rng.random(np.shape(x), np.float32) >= self.p
        return x * (kept.astype(np.float32) / np.float32(1 - self.p))


class BatchNorm1d(nn.Module):
    def __init__(self, n: int) -> None:
        self.weight, self.bias = Value(np.ones(n, np.float32)), Value(np.zeros(n, np.float32))
        self.running_mean, self.running_var = np.zeros(n, np.float32), np.ones(n, np.float32)

    def forward(self, x: Any) -> Any:
        mean, var = self.running_mean, self.running_var
        if self.training:
            mean, var = np.mean(x, axis=0), np.var(x, axis=0)
            self.running_mean += np.float32(0.1) * (getattr(mean, "data", mean) - self.running_mean)
            self.running_var += np.float32(0.1) * (getattr(var, "data", var) - self.running_var)
        return (x - mean) / np.sqrt(var + 1e-5) * self.weight + self.bias


class SGD(optim.SGD):
    def __init__(self, params: Any, lr: float, momentum: float = 0.0) -> None:
        super().__init__(params, lr)
        self.momentum, self.steps = momentum, 0
        self.velocity = [np.zeros_like(p.data) for p in self.parameters]

    def step(self) -> None:
        self.steps += 1
        for p, v in zip(self.parameters, self.velocity, strict=True):
            v *= self.momentum
            v += p.grad
            p.data -= self.lr * v

    def state_dict(self) -> dict[str, Any]:
        return {"lr": self.lr, "steps": self.steps, "velocity": self.velocity}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if [np.shape(v) for v in state["velocity"]] != [v.shape for v in self.velocity]:
            raise ValueError("velocities of other shapes")
        self.lr, self.steps = state["lr"], state["steps"]
        self.velocity = [np.array(v) for v in state["velocity"]]


class StepLR:
    def __init__(self, optimizer: Any, step_size: int, gamma: float) -> None:
        self.optimizer, self.step_size, self.gamma, self.epoch = optimizer, step_size, gamma, 0

    def step(self) -> None:
        self.epoch += 1
        if self.epoch % self.step_size == 0:
            self.optimizer.lr *= self.gamma

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epoch = state["epoch"]


if not hasattr(nn.Module, "state_dict"):
    nn.Module.state_dict = state_dict  # type: ignore[attr-defined]
    nn.Module.load_state_dict = load_state_dict  # type: ignore[attr-defined]
if hasattr(optim, "StepLR"):
    SGD, StepLR = optim.SGD, optim.StepLR  # type: ignore[misc]
Dropout = getattr(nn, "Dropout", Dropout)  # type: ignore[misc]
BatchNorm1d = getattr(nn, "BatchNorm1d", BatchNorm1d)  # type: ignore[misc]
