"""Layers that go through a sequence step by step and remember: RNN, GRU, LSTM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

from .. import functional
from ..checks import choice
from ..core import Operand, Value
from ..ops.lstm import lstm
from ..words import printable
from .init import Seed, generator
from .inputs import check_dropped, check_sizes, floating, wrong_shape
from .linear import affine
from .module import Module, WrongInput

State = TypeVar("State")  # a Value, or in an LSTM a pair of them


class Recurrent(Module, Generic[State]):
    """What RNN, GRU and LSTM share: layers, directions, and the walk along the sequence.

    A layer gives `gates`, how many sums of width hidden_size it makes at each step, and `step`: from the sums of the
    input (made for all times in one product), the state, and the weights of the state, to the next state.
    """

    gates: ClassVar[int]
    states: ClassVar[int] = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        dtype: DTypeLike = np.float32,
        seed: Seed = None,
    ) -> None:
        name = type(self).__name__
        check_sizes(name, input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        check_dropped(name, dropout=dropout)
        self.input_size: int = input_size
        self.hidden_size: int = hidden_size
        self.num_layers: int = num_layers
        self.bias: bool = bias
        self.batch_first: bool = batch_first
        self.dropout: float = dropout
        self.bidirectional: bool = bidirectional
        self.rng: np.random.Generator = generator(seed)
        bound = hidden_size**-0.5
        for layer in range(num_layers):
            width = input_size if layer == 0 else hidden_size * len(self.directions())
            for direction in self.directions():
                rows = self.gates * hidden_size
                shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, width), "weight_hh": (rows, hidden_size)}
                if bias:
                    shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
                for kind, shape in shapes.items():
                    start = self.rng.uniform(-bound, bound, shape).astype(dtype)
                    setattr(self, f"{kind}_l{layer}{direction}", Value(start))

    def directions(self) -> tuple[str, ...]:
        """What the names of parameters end in: "" forwards, "_reverse" backwards."""
        return ("", "_reverse") if self.bidirectional else ("",)

    def forward(self, x: Operand, hx: Any = None) -> tuple[Value, State]:
        """The outputs of the last layer at every time, and the state at the end; `hx` is a state to start from.

        Outputs are (time, batch, hidden_size), or twice as wide with both directions, and in the layout of x. The state
        is (num_layers · directions, batch, hidden_size); neither has a batch where x has none. ValueError for other
        shapes.
        """
        x = floating(self, x)
        if x.ndim not in (2, 3) or x.shape[-1] != self.input_size or not x.size:
            time = "(batch, time" if self.batch_first else "(time, batch"
            raise wrong_shape(self, x, f"it wants {time}, {self.input_size}) or (time, {self.input_size}), not empty")
        alone = x.ndim == 2
        if alone:
            x = x.reshape((len(x), 1, self.input_size))
        elif self.batch_first:
            x = x.swapaxes(0, 1)
        last, now = [], self.start(hx, x, alone)
        for layer in range(self.num_layers):
            if layer and self.dropout:
                x = functional.dropout(x, self.dropout, self.training, seed=self.rng)
            outs = []
            for i, direction in enumerate(self.directions()):
                state = [s[layer * len(self.directions()) + i] for s in now]
                out, state = self.walk(x, state, f"_l{layer}{direction}", backwards=i == 1)
                outs.append(out)
                last.append(state)
            x = outs[0] if len(outs) == 1 else np.concatenate(outs, axis=-1)
        ends = [np.stack(states) for states in zip(*last, strict=True)]
        if alone:
            x, ends = x[:, 0], [s[:, 0] for s in ends]
        elif self.batch_first:
            x = x.swapaxes(0, 1)
        end: Any = ends[0] if self.states == 1 else tuple(ends)
        return x, end

    def start(self, hx: Any, x: Any, alone: bool) -> list[Any]:
        """The states to start from, each (layers · directions, batch, hidden_size)."""
        shape = (self.num_layers * len(self.directions()), x.shape[1], self.hidden_size)
        if hx is None:
            return [np.zeros(shape, self.weight_ih_l0.dtype)] * self.states  # type: ignore[attr-defined]
        given = [floating(self, s) for s in (hx if self.states > 1 else (hx,))]
        wanted = (shape[0], shape[2]) if alone else shape
        if len(given) != self.states or any(s.shape != wanted for s in given):
            seen = ", ".join(str(s.shape) for s in given)
            raise WrongInput(self, f"got a state of shape {seen}: it wants {self.states} of shape {wanted}")
        return [s.reshape(shape) for s in given]

    def weights(self, ending: str) -> list[Any]:
        """weight_ih, weight_hh, bias_ih and bias_hh of one layer in one direction; None for a bias that is not."""
        return [getattr(self, kind + ending, None) for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]

    def walk(self, x: Any, state: list[Any], ending: str, backwards: bool) -> tuple[Any, list[Any]]:
        """One layer along the times of x (time, batch, width), in one direction: its outputs and its last state."""
        weight_ih, weight_hh, bias_ih, bias_hh = self.weights(ending)
        sums = affine(x, weight_ih, bias_ih)
        times, outs = range(len(x)), []
        for t in reversed(times) if backwards else times:
            state = self.step(sums[t], state, weight_hh, bias_hh)
            outs.append(state[0])
        return np.stack(outs[::-1] if backwards else outs), state

    def step(self, sums: Any, state: list[Any], weight: Any, bias: Any) -> list[Any]:
        """The next state, its output first, from the sums of the input (batch, gates · hidden_size) and the state."""
        raise NotImplementedError

    def __repr__(self) -> str:
        options = [("num_layers", self.num_layers, 1), ("bias", self.bias, True),
                   ("batch_first", self.batch_first, False), ("dropout", self.dropout, 0.0),
                   ("bidirectional", self.bidirectional, False)]  # fmt: skip
        more = "".join(f", {name}={x!r}" for name, x, default in options if x != default)
        return printable(f"{type(self).__name__}({self.input_size} → {self.hidden_size}{more})")


class RNN(Recurrent[Value]):
    """h' = tanh(x · W_ihᵀ + b_ih + h · W_hhᵀ + b_hh), step by step; `nonlinearity` "relu" is the other choice.

    x is (time, batch, input_size), with `batch_first` (batch, time, input_size), or (time, input_size) alone. Returns
    what every step gave, (time, batch, hidden_size), and the last state, (num_layers, batch, hidden_size), which the
    next call can start from as `hx`. The names of the weights and their order are PyTorch's, and so is the default of
    `batch_first`. `bidirectional` adds a second walk from the end, whose outputs stand behind those of the first.
    `dropout` is applied between the layers.

    >>> out, h = RNN(3, 4, seed=0)(np.zeros((7, 2, 3), np.float32))
    >>> out.shape, h.shape
    ((7, 2, 4), (1, 2, 4))
    """

    gates: ClassVar[int] = 1

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh", *args: Any,
        **options: Any,
    ) -> None:  # fmt: skip
        self.nonlinearity: str = choice("nonlinearity", nonlinearity, ("tanh", "relu"), call="RNN")
        super().__init__(input_size, hidden_size, num_layers, *args, **options)

    def step(self, sums: Any, state: list[Any], weight: Any, bias: Any) -> list[Any]:
        z = sums + affine(state[0], weight, bias)
        return [np.tanh(z) if self.nonlinearity == "tanh" else functional.relu(z)]


class GRU(Recurrent[Value]):
    """The gated recurrent unit: h' = (1 − z) · n + z · h, where z says how much is kept, r what of h goes into n.

    r, z = σ(x · W_ihᵀ + h · W_hhᵀ + …), n = tanh(x · W_inᵀ + b_in + r · (h · W_hnᵀ + b_hn)); the rows of the weights
    are those of r, z, n, as in PyTorch. Shapes and options are those of `RNN`.

    >>> out, h = GRU(3, 4, bidirectional=True, seed=0)(np.zeros((7, 2, 3), np.float32))
    >>> out.shape, h.shape
    ((7, 2, 8), (2, 2, 4))
    """

    gates: ClassVar[int] = 3

    def step(self, sums: Any, state: list[Any], weight: Any, bias: Any) -> list[Any]:
        (h,), n = state, self.hidden_size
        more = affine(h, weight, bias)
        rz = functional.sigmoid(sums[:, : 2 * n] + more[:, : 2 * n])
        r, z = rz[:, :n], rz[:, n:]
        new = np.tanh(sums[:, 2 * n :] + r * more[:, 2 * n :])
        return [new + z * (h - new)]


class LSTM(Recurrent[tuple[Value, Value]]):
    """Long short-term memory: a cell c' = f · c + i · g that is written and forgotten by gates, and h' = o · tanh(c').

    i, f, o = σ(x · W_ihᵀ + h · W_hhᵀ + …) and g = tanh(the same); the rows of the weights are those of i, f, g, o, as
    in PyTorch. Shapes and options are those of `RNN`; the state is a pair: returns (out, (h, c)).

    >>> out, (h, c) = LSTM(3, 4, seed=0)(np.zeros((7, 2, 3), np.float32))
    >>> out.shape, h.shape, c.shape
    ((7, 2, 4), (1, 2, 4), (1, 2, 4))
    """

    gates: ClassVar[int] = 4
    states: ClassVar[int] = 2

    def walk(self, x: Any, state: list[Any], ending: str, backwards: bool) -> tuple[Any, list[Any]]:
        weight_ih, weight_hh, bias_ih, bias_hh = self.weights(ending)
        sums = affine(x, weight_ih, bias_ih if bias_hh is None else bias_ih + bias_hh)
        states = lstm(sums[::-1] if backwards else sums, *state, weight_hh)
        hidden = states[0]
        return hidden[::-1] if backwards else hidden, [hidden[-1], states[1, -1]]
