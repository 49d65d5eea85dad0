"""L-BFGS, which learns the curvature from the gradients it has met."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ..core import Array, modes
from ..core import Value as Value  # for the examples
from ..words import brief
from .line_search import Point, strong_wolfe
from .optimizer import Optimizer, Parameters
from .options import Group
from .pieces import gradient_of
from .state import fits, group_misfits

Result = TypeVar("Result")

NUMBERS = ("n_iter", "func_evals", "t", "scale")
ARRAYS = ("d", "gradient")
LISTS = ("changes", "steps")


class LBFGS(Optimizer):
    """Newton's method with a Hessian that is known from the last gradients alone (Nocedal 1980; Liu and Nocedal 1989).

    For costs of all examples at once, without chance in them: it takes few steps, each of several costs. So `step` is
    given a function, the closure, that forgets the gradients, computes the cost, calls its `backward()` and returns it;
    one step makes up to `max_iter` iterations, with up to `max_eval` costs (5/4 of that). Of the last `history_size`
    iterations it keeps how the parameters and the gradients changed, two arrays for each.

    Each iteration goes `lr` times along its direction, or with `line_search_fn="strong_wolfe"`, which is safer, as far
    as a line search says. It ends where no gradient is larger than `tolerance_grad`, or cost and parameters change by
    less than `tolerance_change`. All parameters are in one group.

    >>> w = Value([-1.0, 1.5])
    >>> optimizer = LBFGS([w], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     cost = (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2
    ...     cost.backward()
    ...     return cost
    >>> for _ in range(3):
    ...     cost = optimizer.step(closure)
    >>> w.data.round(4)
    array([1., 1.])
    """

    elementwise = False

    def __init__(
        self,
        params: Parameters,
        lr: float = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        if max_eval is None and isinstance(max_iter, int):
            max_eval = max(1, max_iter * 5 // 4)
        super().__init__(params, {
            "lr": lr, "max_iter": max_iter, "max_eval": max_eval, "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change, "history_size": history_size, "line_search_fn": line_search_fn,
        })  # fmt: skip
        if len(self.param_groups) > 1:
            raise ValueError(f"LBFGS moves all parameters together, in one group; got {len(self.param_groups)} groups")
        self._memory = Memory()
        self._begun = True  # gradients come in the step

    def step(self, closure: Callable[[], Result] | None = None) -> Result:
        """Up to `max_iter` iterations, each with new gradients by `closure()`; returns the first cost."""
        if not callable(closure):
            raise TypeError(
                "LBFGS.step wants the closure: a function that calls zero_grad(), computes the cost, calls its "
                f"backward() and returns it; got {brief(closure)}"
            )
        tape = modes.taped()
        if tape is not None:
            raise tape.error("LBFGS.step calls its closure as often as it needs: compile the closure, and step outside")
        self._settled()
        group = self.param_groups[0]
        first = closure()
        now = Found(cost_of(first), self._gradient())
        counted = 1
        self._memory.func_evals += 1
        if not largest(now.gradient) <= group["tolerance_grad"]:
            self._descend(group, closure, now, counted)
        return first

    def _descend(self, group: Group, closure: Callable[[], Any], now: Found, counted: int) -> None:
        memory, most = self._memory, group["max_iter"]
        for i in range(1, most + 1):
            d = memory.direction(now.gradient, group["history_size"])
            before = now
            t = group["lr"]
            if memory.n_iter == 1:
                t = min(1.0, 1.0 / float(np.abs(now.gradient).sum())) * group["lr"]
            slope = float(now.gradient @ d)
            memory.d, memory.t = d, t
            if slope > -group["tolerance_change"]:
                break
            looked = 0
            if group["line_search_fn"] is not None:
                now, t, looked = self._search(group, closure, now, slope, t, d, group["max_eval"] - counted)
                memory.t = t
                self._move(t, d)
            else:
                self._move(t, d)
                if i < most:  # in the last iteration nobody looks at the gradient
                    now, looked = Found(cost_of(closure()), self._gradient()), 1
            counted += looked
            memory.func_evals += looked
            if i == most or counted >= group["max_eval"] or largest(now.gradient) <= group["tolerance_grad"]:
                break
            if largest(d * t) <= group["tolerance_change"]:
                break
            if abs(now.cost - before.cost) < group["tolerance_change"]:
                break

    def _search(
        self, group: Group, closure: Callable[[], Any], now: Found, slope: float, t: float, d: Array, most: int
    ) -> tuple[Found, float, int]:
        """Where a line search along d ends: what is there, how far it is, and how many costs that took."""
        numbers = [p.data.copy() for p in self.parameters]

        def evaluate(t: float) -> tuple[float, Array]:
            self._move(t, d)
            found = cost_of(closure()), self._gradient()
            for p, x in zip(self.parameters, numbers, strict=True):
                p.data = x.copy()
            return found

        start = Point(0.0, now.cost, now.gradient, slope)
        end, looked = strong_wolfe(evaluate, start, t, d, group["tolerance_change"], most)
        return Found(end.cost, end.gradient), end.t, looked

    def _gradient(self) -> Array:
        """All gradients end to end; zeros for a parameter that has none."""
        parts = [np.zeros(p.shape, p.dtype) if p.grad is None else gradient_of(p) for p in self.parameters]
        return np.concatenate(parts, axis=None)

    def _move(self, t: Any, d: Array) -> None:  # type: ignore[override]
        start = 0
        for p in self.parameters:
            p.data += (t * d[start : start + p.size]).reshape(p.shape).astype(p.dtype)
            start += p.size

    # ---------------------------------------------------------------------------------------------- saved and restored

    def state_dict(self) -> dict[str, Any]:
        """What the next step depends on besides the parameters: options, counts, arrays of the last iterations."""
        self._settle()
        group = self.param_groups[0]
        plain = {name: x for name, x in group.items() if name != "params"}
        groups = [{**plain, "params": list(range(len(group["params"])))}]
        return {"optimizer": "LBFGS", "state": self._memory.packed(), "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state that `state_dict` gave. ValueError for what does not fit; then nothing has changed."""
        self._check_groups()
        group = self.param_groups[0]
        wrong = fits("the state", state_dict, ["optimizer", "state", "param_groups"])
        if not wrong and state_dict["optimizer"] != "LBFGS":
            wrong = [f"it is of {brief(state_dict['optimizer'])}"]
        if not wrong and (not isinstance(state_dict["param_groups"], list) or len(state_dict["param_groups"]) != 1):
            wrong = ["its param_groups is no list of one"]
        wrong = wrong or group_misfits("group 0", state_dict["param_groups"][0], group, self.defaults)
        wrong = wrong or Memory.misfits(state_dict["state"], sum(p.size for p in self.parameters))
        if wrong:
            raise ValueError(
                f"this state does not fit the LBFGS: {'; '.join(wrong)}. Make the optimiser as it was when the state "
                f"was saved: same parameters, in the same order"
            )
        new = self._options({**state_dict["param_groups"][0], "params": group["params"]}, "group 0: ")
        group.clear()
        group.update(new)
        self._known = [new]
        self._memory = Memory.unpacked(state_dict["state"])


class Found(NamedTuple):
    """What a closure says: the cost, and all gradients end to end."""

    cost: float
    gradient: Array


def cost_of(returned: Any) -> float:
    """The cost that a closure returned, as a number."""
    try:
        return float(getattr(returned, "_numbers", returned))
    except TypeError:
        raise TypeError(f"the closure of LBFGS returns the cost, one number; got {brief(returned)}") from None


def largest(x: Array) -> float:
    """The largest of the numbers, whatever their signs."""
    return float(np.abs(x).max(initial=0.0))


class Memory:
    """What is known of the curvature: how steps changed the gradient, in the last iterations."""

    def __init__(self) -> None:
        self.n_iter: int = 0
        self.func_evals: int = 0
        self.d: Array = np.zeros(0)  # the last direction, and how far it was followed
        self.t: float = 0.0
        self.gradient: Array = np.zeros(0)  # from which it began
        self.scale: float = 1.0  # of the Hessian's inverse, before what the changes say
        self.changes: list[Array] = []  # of the gradient, the oldest first
        self.steps: list[Array] = []  # of the parameters, that made them

    def direction(self, gradient: Array, most: int) -> Array:
        """−H⁻¹ · gradient, as the last iterations know H; they remember this one."""
        self.n_iter += 1
        if self.n_iter > 1:
            self._learn(gradient - self.gradient, self.d * self.t, most)
        self.gradient = gradient.copy()
        q, shares = -gradient, []
        for y, s in zip(self.changes[::-1], self.steps[::-1], strict=True):
            shares.append((s @ q) / (y @ s))
            q = q - shares[-1] * y
        d: Array = q * self.scale
        for y, s, share in zip(self.changes, self.steps, shares[::-1], strict=True):
            d = d + s * (share - (y @ d) / (y @ s))
        return d.astype(gradient.dtype)

    def _learn(self, y: Array, s: Array, most: int) -> None:
        """Keep how a step s changed the gradient, if that curves upwards."""
        curved = float(y @ s)
        if curved > 1e-10:
            self.changes, self.steps = [*self.changes, y][-most:], [*self.steps, s][-most:]
            self.scale = curved / float(y @ y)

    def packed(self) -> dict[str, Any]:
        """All of it as plain numbers, arrays and lists."""
        if not self.n_iter:
            return {}
        numbers = {name: getattr(self, name) for name in NUMBERS}
        arrays = {name: getattr(self, name).copy() for name in ARRAYS}
        return numbers | arrays | {name: [x.copy() for x in getattr(self, name)] for name in LISTS}

    @staticmethod
    def misfits(given: Any, size: int) -> list[str]:
        """What is wrong with what `packed` gave, for so many numbers in all parameters."""
        if given == {}:
            return []
        wrong = fits("the state", given, [*NUMBERS, *ARRAYS, *LISTS])
        if wrong:
            return wrong
        lists = [given[name] for name in LISTS]
        if not all(isinstance(x, list) for x in lists) or len(lists[0]) != len(lists[1]):
            return ["its changes and steps are no two lists of one length"]
        arrays = [given[name] for name in ARRAYS] + lists[0] + lists[1]
        if not all(isinstance(x, np.ndarray) and x.shape == (size,) for x in arrays):
            return [f"its arrays are not all of {size} numbers, one for each in the parameters"]
        if not all(isinstance(given[name], int | float | np.number) for name in NUMBERS):
            return ["its counts and lengths are no numbers"]
        return []

    @classmethod
    def unpacked(cls, given: dict[str, Any]) -> Memory:
        """What `packed` gave, as it was."""
        memory = cls()
        for name, x in given.items():
            copied = [part.copy() for part in x] if name in LISTS else x.copy() if name in ARRAYS else x
            setattr(memory, name, copied)
        return memory
