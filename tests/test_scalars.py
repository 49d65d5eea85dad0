"""Programs of scalars: what `mg.compile` makes of networks written number by number is what they compute."""

from __future__ import annotations

import copy
import gc
import itertools
import pickle
import random
import re
import sys
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import microgradnet as mg
from microgradnet import Value, nn, optim
from microgradnet import functional as F
from microgradnet.programs import Compiled, compile, patterns
from microgradnet.programs import program as program_module
from microgradnet.programs.nodes import Attribute, DataOf, GradOf, Node
from microgradnet.programs.recording import Recording
from microgradnet.programs.scalars.counts import counted, with_counts
from microgradnet.programs.scalars.graph import TAKE, Graph, is_number, is_part, plain_constant
from microgradnet.programs.scalars.vectorise import vectorised

CLOSE = {"rtol": 1e-12, "atol": 1e-13}
Step = Callable[..., Any]


def is_of_arrays(step: Any) -> bool:
    """Whether scalars were found."""
    return "home1" in step.source


# ------------------------------------------------------------------------------------------------------ drawn graphs

BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "/": lambda x, y: x / (y * y + 1.5),
    "maximum": np.maximum,
    "hypot": np.hypot,
    "where": lambda x, y: np.where(x > y, x, 2 * y),
    "mask": lambda x, y: (x > y) * x,
    "power": lambda x, y: (x.tanh() ** 2 + 0.5) ** y.tanh(),
}
UNARY: dict[str, Callable[[Any], Any]] = {
    "tanh": lambda x: x.tanh(),
    "relu": lambda x: x.relu(),
    "exp": lambda x: (0.1 * x).tanh().exp(),
    "square": lambda x: x.tanh() ** 2,
    "cube": lambda x: x.tanh() ** 3,
    "inverse": lambda x: (x * x + 1.0) ** -1,
    "root": lambda x: (x * x + 1.0) ** 0.5,
    "neg": lambda x: -x,
    "one less": lambda x: 1 - x,
    "half": lambda x: x / 2,
    "with zero": lambda x: 0 + x,
    "log": lambda x: (x * x + 0.5).log(),
    "abs": abs,
    "sigmoid": F.sigmoid,
    "clip": lambda x: np.clip(x, -1, 1),
    "a label": lambda x: np.int64(-1) * x,
    "two to the": lambda x: 2 ** x.tanh(),
}
operations = st.lists(
    st.tuples(st.sampled_from([*BINARY, *UNARY]), st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=60
)


@settings(max_examples=25, deadline=None)
@given(operations, st.integers(1, 6), st.integers(1, 3), st.booleans())
@example([("power", 0, 0), ("power", 3, 0)], 1, 2, False)  # bools that are taken by numbers
def test_drawn_graphs_are_what_they_are_eagerly(drawn: list[Any], parameters: int, outputs: int, writes: bool) -> None:
    def made() -> tuple[list[Value], Step]:
        rng = np.random.default_rng(len(drawn))
        ps = [Value(float(x)) for x in rng.normal(size=parameters)]

        def step(c: float) -> Any:
            known: list[Any] = [*ps, Value(0.5), ps[0] * c]
            for name, i, j in drawn:
                x, y = known[-1 - i % min(len(known), 8)], known[j % len(known)]
                known.append(BINARY[name](x, y) if name in BINARY else UNARY[name](x))
            results = known[-outputs:]
            total = sum(r.tanh() for r in results)
            for p in ps:
                p.grad = 0
            total.backward()
            if writes:
                for p in ps:
                    p.data -= 0.1 * p.grad
            return total, results

        return ps, step

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program_module, "vectorised", lambda n, r: vectorised(n, r, fewest=0, gain=0, many=2))
        mine, step = made()
        theirs, eager = made()
        compiled = compile(step)
        for c in (0.3, -1.2, 0.7, 2.0, 0.1):
            total, results = compiled(c)
            expected, others = eager(c)
            assert np.allclose(total.data, expected.data, **CLOSE)
            assert np.allclose([r.data for r in results], [r.data for r in others], **CLOSE)
            assert np.allclose([p.data for p in mine], [p.data for p in theirs], **CLOSE)
            assert np.allclose([p.grad for p in mine], [p.grad for p in theirs], **CLOSE)
    assert compiled.latest is not None


def all_of_it(x: Any, y: Any, c: float) -> Any:
    """Everything that is drawn above, with constants and repeated operands."""
    made = [f(x, y) for f in BINARY.values()] + [f(x) for f in UNARY.values()]
    made += [x * c, c * y, x / c, c / (y * y + 1.0), x - c, x * x, y + y, x / x, x - x, x * 0.0, -x * y, abs(x), 2**x]
    return sum(made)


def test_a_rule_that_was_recorded_before_is_recorded_alike() -> None:
    texts = []
    pull, pulled = patterns.Patterns.pull, []
    for knows in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(patterns.Patterns, "pull", lambda *given: pulled.append(pull(*given)) or pulled[-1])
            if not knows:
                patch.setattr(patterns.Patterns, "handed", lambda self, node, g: None)
            p, q = Value(0.3), Value(-0.7)

            def step(c: float, p: Value = p, q: Value = q) -> Any:
                total = all_of_it(p, q, 0.7) + all_of_it(q, p, -0.2) + all_of_it(p, p, 3.0) + all_of_it(p * q, q, c)
                p.grad = q.grad = None
                total.backward()
                return total, p.grad, q.grad

            compiled = compile(step, backend="numpy")
            results = [compiled(c) for c in (0.5, 0.25, -1.5)]
            texts.append((compiled.source, [[float(x) for x in result] for result in results]))
    assert texts[0] == texts[1]
    assert pulled.count(True) > 100  # times they were


# --------------------------------------------------------------------------------------------------- micrograd's moons


class Neuron:
    """micrograd's own classes, word for word but for types."""

    def __init__(self, nin: int, nonlin: bool = True) -> None:
        self.w = [Value(random.uniform(-1, 1)) for _ in range(nin)]
        self.b = Value(0)
        self.nonlin = nonlin

    def __call__(self, x: list[Any]) -> Value:
        act = sum((wi * xi for wi, xi in zip(self.w, x, strict=True)), self.b)
        return act.relu() if self.nonlin else act

    def parameters(self) -> list[Value]:
        return [*self.w, self.b]


class Layer:
    def __init__(self, nin: int, nout: int, **kwargs: Any) -> None:
        self.neurons = [Neuron(nin, **kwargs) for _ in range(nout)]

    def __call__(self, x: list[Any]) -> Any:
        out = [n(x) for n in self.neurons]
        return out[0] if len(out) == 1 else out

    def parameters(self) -> list[Value]:
        return [p for n in self.neurons for p in n.parameters()]


class MLP:
    def __init__(self, nin: int, nouts: list[int]) -> None:
        sizes = [nin, *nouts]
        self.layers = [Layer(sizes[i], sizes[i + 1], nonlin=i != len(nouts) - 1) for i in range(len(nouts))]

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x

    def parameters(self) -> list[Value]:
        return [p for layer in self.layers for p in layer.parameters()]

    def zero_grad(self) -> None:
        for p in self.parameters():
            p.grad = 0


class Moons:
    """micrograd's demonstration: its network, its loss, its step; by default as small as scalars are worth arrays."""

    def __init__(self, points: int = 4, sizes: tuple[int, ...] = (4, 1)) -> None:
        random.seed(1337)
        rng = np.random.default_rng(0)
        self.x = rng.normal(size=(points, 2))
        self.y = rng.choice([-1.0, 1.0], points)
        self.model = MLP(2, list(sizes))
        self.parameters = self.model.parameters()

    def loss(self, x: Any = None, y: Any = None) -> Any:
        x, y = (self.x, self.y) if x is None else (x, y)
        inputs = [list(map(Value, row)) for row in x]
        scores = list(map(self.model, inputs))
        losses = [(1 + -yi * scorei).relu() for yi, scorei in zip(y, scores, strict=True)]
        data_loss = sum(losses) * (1.0 / len(losses))
        reg_loss = 1e-4 * sum(p * p for p in self.parameters)
        return data_loss + reg_loss

    def step(self, k: float, x: Any = None, y: Any = None) -> Any:
        total_loss = self.loss(x, y)
        self.model.zero_grad()
        total_loss.backward()
        learning_rate = 1.0 - 0.9 * k / 100
        for p in self.parameters:
            p.data -= learning_rate * p.grad
        return total_loss

    def state(self) -> list[Any]:
        return [[p.data for p in self.parameters], [p.grad for p in self.parameters]]


DEEP = (6, (4, 4, 1))


def test_micrograds_moons_learn_as_they_do_eagerly() -> None:
    mine, theirs = Moons(*DEEP), Moons(*DEEP)
    step = compile(mine.step)
    for k in range(12):
        assert np.allclose(step(float(k)).data, theirs.step(float(k)).data, **CLOSE)
        assert np.allclose(mine.state(), theirs.state(), **CLOSE)
    assert is_of_arrays(step)
    assert len(step.signatures) == 1


@pytest.mark.parametrize("kind", [int, np.int64, np.int8, np.float32, float])
def test_its_labels_and_its_accuracy_may_be_what_they_are(kind: Callable[[float], Any]) -> None:
    """NumPy's integers, as in micrograd's demonstration; and an accuracy is computed, not looked at."""

    def made() -> tuple[Moons, Step]:
        moons = Moons(24)  # below some twenty points a count is as well added up
        labels = [kind(y) for y in moons.y]

        def step(k: float) -> Any:
            scores = [moons.model(list(map(Value, row))) for row in moons.x]
            losses = [(1 + -yi * score).relu() for yi, score in zip(labels, scores, strict=True)]
            total = sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in moons.parameters)
            accuracy = [(yi > 0) == (score.data > 0) for yi, score in zip(labels, scores, strict=True)]
            moons.model.zero_grad()
            total.backward()
            for p in moons.parameters:
                p.data -= (1.0 - 0.9 * k / 100) * p.grad
            return total, sum(accuracy) / len(accuracy)

        return moons, step

    (mine, step), (theirs, eager) = made(), made()
    compiled = compile(step)
    for k in range(5):
        (total, accuracy), (expected, right) = compiled(float(k)), eager(float(k))
        assert np.allclose(total.data, expected.data, **CLOSE)
        assert accuracy == right
        assert np.allclose(mine.state(), theirs.state(), **CLOSE)
    assert is_of_arrays(compiled)
    assert len(compiled.source.splitlines()) < 90
    assert compiled.source.count("counted(") == 1  # sum(accuracy) is one line, not one for each point
    assert "+ picked" not in compiled.source


def test_a_line_is_printed_under_what_it_is_of() -> None:
    """Though its place is another than where it was recorded."""
    step = compile(Moons(24).step)
    for k in range(3):
        step(float(k))
    headings = re.findall(r"^    # (forward|backward|update) · \S+: (.*)$", str(step), re.MULTILINE)
    assert {line for part, line in headings if part == "update"} == {"p.data -= learning_rate * p.grad"}
    forward = {line for part, line in headings if part == "forward"}
    assert forward >= {
        "return act.relu() if self.nonlin else act",
        "losses = [(1 + -yi * scorei).relu() for yi, scorei in zip(y, scores, strict=True)"[:79] + "…",
        "data_loss = sum(losses) * (1.0 / len(losses))",
    }
    assert headings == [key for key, _ in itertools.groupby(headings)]  # and said once
    assert "# x0: a number" in str(step)


def test_only_sums_of_what_is_true_are_counts() -> None:
    """What is on the way may be needed as well, and a chain may begin with another number."""
    w = [Value(x) for x in np.linspace(-1, 1, 20)]

    def step(c: float) -> Any:
        right = [(p.data * p.data + c > 0.4) for p in w]
        loss = sum(p * p * c for p in w)
        for p in w:
            p.grad = None
        loss.backward()  # type: ignore[union-attr]
        halves = [sum(right[:10]), sum(right)]
        return loss, halves, sum(right, 3), sum(right, 0.5), sum(right[:3]), sum(right[:9]) * 2

    compiled = compile(step)
    for c in (0.25, 0.5, 0.1, 0.0):
        (loss, *counts), (expected, *others) = compiled(c), step(c)
        assert np.allclose(loss.data, expected.data, **CLOSE)
        assert counts == others
        found, right = ([[type(x) for x in np.ravel(np.array(y, object))] for y in z] for z in (counts, others))
        assert found == right


def test_every_layer_is_a_product_of_matrices() -> None:
    step = compile(Moons(*DEEP).step)
    for k in range(3):
        step(float(k))
    # Three layers forward, the gradients of three matrices, of the input of the second layer, and p · p.
    assert step.source.count("dot(") == 8
    assert "taken" not in step.source  # all operands are views
    assert len(step.source.splitlines()) < 70


@pytest.mark.parametrize("as_given", [np.asarray, lambda x: x.tolist()], ids=["arrays", "lists"])
def test_new_points_at_every_step(as_given: Callable[[Any], Any]) -> None:
    mine, theirs = Moons(), Moons()

    step = compile(mine.step)
    rng = np.random.default_rng(1)
    for _ in range(6):
        x, y = as_given(rng.normal(size=(4, 2))), as_given(rng.choice([-1.0, 1.0], 4))
        assert np.allclose(step(10.0, x, y).data, theirs.step(10.0, x, y).data, **CLOSE)
        assert np.allclose(mine.state(), theirs.state(), **CLOSE)
    assert is_of_arrays(step)
    assert "take" not in step.source


def test_an_int_is_a_program_each_and_a_number_is_not_looked_at() -> None:
    """What micrograd's training loop must do otherwise: k is a float, the accuracy is computed outside."""
    moons = Moons()
    step = compile(moons.step)
    for k in range(3):
        step(k)
    assert step.latest is None
    assert len(step.signatures) == 3

    def accuracy() -> Any:
        return [
            (score.data > 0) == (y > 0) for score, y in zip(map(moons.model, moons.x.tolist()), moons.y, strict=True)
        ]

    def looking(k: float) -> Any:
        total = moons.step(k)
        return total, [bool(right) for right in accuracy()]

    with pytest.raises(TypeError, match="looks at the numbers"):
        compile(looking)(1.0)
    assert len(accuracy()) == 4  # outside


# ------------------------------------------------------------------------------------------- nothing is of yesterday


def running(*size: Any, steps: int = 3) -> tuple[Moons, Moons, Any]:
    """Moons that are a program, the same eagerly, and the program."""
    mine, theirs = Moons(*size), Moons(*size)
    step = compile(mine.step)
    for k in range(steps):
        step(float(k))
        theirs.step(float(k))
    assert is_of_arrays(step)
    return mine, theirs, step


def gradient_of(sweep: Callable[[], Any], p: Value) -> Any:
    """What a sweep adds to the gradient of a Value."""
    before = p.grad
    sweep()
    added, p.grad = p.grad - before, before
    return added


def looked_at_without_recording(p: Value) -> Any:
    with mg.no_grad():
        return (p * 2.0).data


def debugged(p: Value) -> Any:
    with mg.debug():
        return (p * 2.0).data


def moved_by_an_optimiser(p: Value) -> Any:
    optim.SGD([p], lr=0.1).step()
    return p.data


def drawn(p: Value) -> Any:
    pytest.importorskip("graphviz")
    return float(mg.draw(p * 1.0).source.count("label"))


def in_a_thread(p: Value) -> Any:
    found = []
    thread = threading.Thread(target=lambda: found.append(p.data))
    thread.start()
    thread.join()
    return found[0]


WAYS: dict[str, Callable[[Value], Any]] = {
    "data": lambda p: p.data,
    "grad": lambda p: p.grad,
    "an operator": lambda p: (p * 2.0 + 1.0).data,
    "a ufunc": lambda p: np.tanh(p).data,
    "beside another": lambda p: (3.0 - p).data,
    "float": float,
    "item": lambda p: p.item(),
    "comparison": lambda p: (p > 0).data,
    "repr": repr,
    "format": lambda p: f"{p:.6f}",
    "pickle": lambda p: pickle.loads(pickle.dumps(p)).data,
    "copy": lambda p: copy.copy(p).grad,
    "deepcopy": lambda p: copy.deepcopy(p).data,
    "detach": lambda p: p.detach().data,
    "stack": lambda p: np.stack([p, p]).data,
    "a part of an array": lambda p: np.array([p.data, p.grad]),
    "a power": lambda p: (2.0**p).data,
    "relu": lambda p: p.relu().data,
    "relu of the opposite": lambda p: (-p).relu().data,
    "its own gradient": lambda p: gradient_of(lambda: p.backward(), p),
    "a gradient": lambda p: gradient_of(lambda: (p.tanh() * 3.0).backward(), p),
    "mg.grad": lambda p: mg.grad(lambda q: q * q)(p),
    "value_and_grad": lambda p: [x.data for x in mg.value_and_grad(np.tanh)(p)],
    "check_grads": lambda p: bool(mg.check_grads(np.tanh, p)),
    "no_grad": looked_at_without_recording,
    "debug": debugged,
    "drawing": drawn,
    "functional": lambda p: F.sigmoid(p).data,
    "a copy of a list": lambda p: copy.deepcopy([p, p])[1].data,
    "an optimiser": moved_by_an_optimiser,
    "tree": lambda p: mg.tree.leaves([p])[0].data if hasattr(mg, "tree") else p.data,
    "a thread": in_a_thread,
    "a slot": lambda p: p._numbers,
}


@pytest.mark.parametrize("way", WAYS)
def test_who_looks_sees_the_numbers_of_now(way: str) -> None:
    mine, theirs, step = running()
    for k in range(3, 6):
        for p, q in zip(mine.parameters[:5], theirs.parameters[:5], strict=True):
            seen, expected = WAYS[way](p), WAYS[way](q)
            if not isinstance(seen, str):
                assert np.allclose(seen, expected, **CLOSE)
            else:
                assert seen[:10] == expected[:10]
        step(float(k))
        theirs.step(float(k))
    assert np.allclose(mine.state(), theirs.state(), **CLOSE)


CHANGES: dict[str, Callable[[Moons], Any]] = {
    "data is assigned": lambda m: setattr(m.parameters[3], "data", 0.25),
    "data is moved": lambda m: setattr(m.parameters[3], "data", m.parameters[3].data * 0.5),
    "grad is None": lambda m: setattr(m.parameters[3], "grad", None),
    "grad is assigned": lambda m: setattr(m.parameters[3], "grad", 7.0),
    "all grads are zero": lambda m: m.model.zero_grad(),
    "an eager step": lambda m: m.step(3.0),
    "a backward": lambda m: m.loss().backward(),
    "data is moved in place": lambda m: moved_in_place(m.parameters[3]),
    "all data are moved": lambda m: [moved_in_place(p) for p in m.parameters],
    "grads are clipped": lambda m: optim.clip_grad_norm_(m.parameters, 0.01),
    "an optimiser": lambda m: optim.Adam(m.parameters, lr=0.01).step(),
}


def moved_in_place(p: Value) -> None:
    p.data -= 0.1 * p.grad


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_changed_between_steps_counts(change: str) -> None:
    mine, theirs, step = running()
    for k in range(3, 6):
        CHANGES[change](mine)
        CHANGES[change](theirs)
        assert [p.grad for p in mine.parameters[3:4]] == pytest.approx([p.grad for p in theirs.parameters[3:4]])
        step(float(k))
        theirs.step(float(k))
        assert np.allclose(mine.state(), theirs.state(), **CLOSE)


class Owner(nn.Module):
    """Scalars in a Module."""

    def __init__(self, moons: Moons) -> None:
        self.moved = moons.parameters

    def forward(self, x: Any) -> Any:
        return self.moved[0] * x


def loaded(owner: Owner, folder: Path) -> None:
    state = {name: x * 0.5 for name, x in owner.state_dict().items()}
    owner.load_state_dict(state)


def saved_and_loaded(owner: Owner, folder: Path) -> None:
    mg.save(folder / "model.npz", owner)
    for p in owner.parameters():
        p.data = 7.0
    mg.load(folder / "model.npz", owner)


def pickled(owner: Owner, folder: Path) -> None:
    other = pickle.loads(pickle.dumps(owner))
    owner.load_state_dict(other.state_dict())


def thawed(owner: Owner, folder: Path) -> None:
    owner.freeze()
    owner(1.0)
    owner.unfreeze()


OF_MODULES: dict[str, Callable[[Owner, Path], None]] = {
    "load_state_dict": loaded,
    "save and load": saved_and_loaded,
    "pickle": pickled,
    "freeze and unfreeze": thawed,
    "zero_grad": lambda owner, folder: owner.zero_grad(),
    "a copy": lambda owner, folder: owner.load_state_dict(copy.deepcopy(owner).state_dict()),
    "drawing": lambda owner, folder: drawn(owner(1.0)) and None,
}


@pytest.mark.parametrize("way", OF_MODULES)
def test_a_module_holds_what_its_scalars_are_now(way: str, tmp_path: Path) -> None:
    mine, theirs, step = running()
    owners = Owner(mine), Owner(theirs)
    for k in range(3, 6):
        for owner in owners:
            OF_MODULES[way](owner, tmp_path)
        states = [list(owner.state_dict().values()) for owner in owners]
        assert np.allclose(*states, **CLOSE)
        assert [p.grad is None for p in mine.parameters] == [p.grad is None for p in theirs.parameters]
        step(float(k))
        theirs.step(float(k))
        assert np.allclose(mine.state(), theirs.state(), **CLOSE)


def test_frozen_scalars_stay_as_they_are() -> None:
    mine, theirs, step = running()
    for moons in (mine, theirs):
        mg.tree.freeze(moons.parameters[3])
    for k in range(3, 7):
        step(float(k))
        theirs.step(float(k))
    assert np.allclose([p.data for p in mine.parameters], [p.data for p in theirs.parameters], **CLOSE)


def test_threads_look_while_steps_run() -> None:
    mine, theirs, step = running()
    wrong: list[Any] = []
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            for p in mine.parameters:
                y = p * 2.0 + 1.0
                if type(y._numbers) is not np.float64 or type(p.data) is not np.float64 or not p.age > 0:
                    wrong.append(y._numbers)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for k in range(3, 25):
            step(float(k))
            theirs.step(float(k))
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not wrong
    assert np.allclose(mine.state(), theirs.state(), **CLOSE)


def add(moons: Moons) -> Any:
    loss = moons.loss()
    loss.backward()
    return loss


@pytest.mark.parametrize("start", [None, 0.0, 2.0])
def test_gradients_assigned_unseen_are_added_to(start: float | None) -> None:
    """An assignment does not look at what was there: what the program has there must not come after it."""
    mine, theirs = Moons(*DEEP), Moons(*DEEP)
    step = compile(lambda: add(mine))
    for i in range(7):
        step()
        add(theirs)
        if i >= 3:
            for moons in (mine, theirs):
                for p in moons.parameters if i == 5 else moons.parameters[2:5]:
                    p.grad = start
        else:
            assert np.allclose(mine.state(), theirs.state(), **CLOSE)
    step()
    add(theirs)
    assert np.allclose(mine.state(), theirs.state(), **CLOSE)
    assert is_of_arrays(step)


def test_gradients_that_are_kept_add_up() -> None:
    mine, theirs = Moons(), Moons()

    step = compile(lambda: add(mine))
    for i in range(6):
        step()
        add(theirs)
        if i == 3:  # then there is nothing to add to
            for moons in (mine, theirs):
                for p in moons.parameters:
                    p.grad = None
        else:
            assert np.allclose(mine.state(), theirs.state(), **CLOSE)
    assert is_of_arrays(step)


def test_a_graph_of_old_numbers_says_so() -> None:
    mine, _, step = running()
    loss = mine.loss()
    step(3.0)
    with pytest.raises(RuntimeError, match="written"):
        loss.backward()
    mine.loss().backward()


def test_a_graph_is_good_as_long_as_nothing_moves() -> None:
    mine, theirs, _ = running()
    read = compile(lambda: mine.loss())
    for _ in range(3):
        read()
    loss = mine.loss()
    read()  # takes the parameters in again, and moves none
    mine.model.zero_grad()
    loss.backward()
    theirs.model.zero_grad()
    theirs.loss().backward()
    assert np.allclose(mine.state(), theirs.state(), **CLOSE)


def test_two_programs_hand_the_parameters_over() -> None:
    mine, theirs, step = running(*DEEP)

    def other(moons: Moons, rate: float) -> Any:
        loss = moons.loss() * 2.0
        moons.model.zero_grad()
        loss.backward()
        for p in moons.parameters[2:]:
            p.data -= rate * p.grad
        return loss

    second = compile(lambda rate: other(mine, rate))
    for k in range(6):
        assert np.allclose(second(0.1).data, other(theirs, 0.1).data, **CLOSE)
        assert np.allclose(step(float(k)).data, theirs.step(float(k)).data, **CLOSE)
    assert is_of_arrays(second)
    assert np.allclose(mine.state(), theirs.state(), **CLOSE)


def test_what_moves_the_parameters_is_used_elsewhere_too() -> None:
    def learn(moons: Moons) -> Any:
        moons.model.zero_grad()
        moons.loss().backward()
        changes = [0.1 * p.grad for p in moons.parameters]
        for p, change in zip(moons.parameters, changes, strict=True):
            p.data -= change
        return np.linalg.norm(np.stack(changes[-5:])), changes[3]  # the last layer, whose gradients are known first

    mine, theirs = Moons(), Moons()
    step = compile(lambda: learn(mine))
    for _ in range(5):
        (norm, change), (their_norm, their_change) = step(), learn(theirs)
        assert np.allclose([norm, change], [their_norm, their_change], **CLOSE)
        assert np.allclose(mine.state(), theirs.state(), **CLOSE)
    assert is_of_arrays(step)


def test_a_small_program_may_write_what_is_away() -> None:
    mine, theirs, step = running()

    def put(moons: Moons, x: float) -> Any:
        p, q = moons.parameters[2:4]
        p.data = x
        q.grad = x * 2.0
        return p + q

    small = compile(lambda x: put(mine, x))
    for k in range(6):
        assert np.allclose(small(0.1 * k).data, put(theirs, 0.1 * k).data, **CLOSE)
        assert np.allclose(mine.state(), theirs.state(), **CLOSE)
        step(float(k))
        theirs.step(float(k))
        small(0.3)
        put(theirs, 0.3)
        step(float(k))
        theirs.step(float(k))
        assert np.allclose(mine.state(), theirs.state(), **CLOSE)


def test_gradients_inside_the_graph_are_there() -> None:
    def step(x: float) -> Any:
        p = Value(2.0)
        inner = p * x
        outer = inner.tanh()
        (outer * outer).backward()
        return inner.grad, outer.grad, p.grad

    compiled = compile(step)
    for x in (0.1, 0.7, -0.3, 2.0):
        assert np.allclose(compiled(x), step(x), **CLOSE)
    assert compiled.latest is not None


def test_numbers_outlive_their_program() -> None:
    mine, theirs, step = running()
    del step
    assert np.allclose(mine.state(), theirs.state(), **CLOSE)


def test_parameters_are_freed() -> None:
    mine, _, step = running()
    freed = weakref.ref(mine.parameters[0])
    del mine, step
    gc.collect()
    assert freed() is None


def test_a_missing_attribute_is_missed_as_ever() -> None:
    running()
    with pytest.raises(AttributeError, match=r"'Value' object has no attribute 'nothing'"):
        Value(1.0).nothing  # type: ignore[attr-defined] # noqa: B018


@pytest.mark.parametrize(("backend", "close"), [("numpy", CLOSE), (None, {"rtol": 1e-8})])
def test_arrays_and_scalars_go_together(backend: Any, close: Any) -> None:  # the errors of rounding grow
    def made() -> tuple[list[Value], Value, Step]:
        ps = [Value(0.1 * i - 0.7) for i in range(16)]
        weight = Value(np.linspace(-1, 1, 12).reshape(3, 4))

        def step(x: Any, rate: float) -> Any:
            sums = [sum((p * float(i + j) for j, p in enumerate(ps)), ps[i]) for i in range(8)]
            hidden = np.stack([s.tanh() for s in sums[:4]])
            array = np.tanh(weight @ hidden + x)
            squares = [(array[0] * s - p) ** 2 for s, p in zip(sums, ps, strict=False)]
            cost = sum(squares) + array.sum()
            for p in [*ps, weight]:
                p.grad = None
            cost.backward()
            for p in [*ps, weight]:
                p.data -= rate * p.grad
            return cost, array, sums[2]

        return ps, weight, step

    (mine, my_weight, step), (theirs, their_weight, eager) = made(), made()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program_module, "vectorised", lambda n, r: vectorised(n, r, fewest=0, gain=0, many=2))
        compiled = compile(step, backend=backend)
        for i in range(6):
            for x, y in zip(compiled(np.arange(3.0) - i, 0.01), eager(np.arange(3.0) - i, 0.01), strict=True):
                assert np.allclose(x.data, y.data, **close)
    assert is_of_arrays(compiled)
    assert np.allclose([p.data for p in mine], [p.data for p in theirs], **close)
    assert np.allclose([p.grad for p in mine], [p.grad for p in theirs], **close)
    assert np.allclose(my_weight.data, their_weight.data, **close)


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf, -0.0, 1e308, 5e-324])
def test_what_is_not_finite_stays_so(special: float) -> None:
    mine, theirs, step = running()
    for moons in (mine, theirs):
        moons.parameters[1].data = special
    with np.errstate(all="ignore"):
        for k in range(3, 5):
            step(float(k))
            theirs.step(float(k))
            assert np.allclose(mine.state(), theirs.state(), equal_nan=True, **CLOSE)


# ------------------------------------------------------------------------------------------------------ many scalars


def calls_of(function: Callable[[], Any]) -> int:
    """How many functions are called."""
    count = 0

    def counted(frame: Any, event: str, arg: Any) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(counted)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count


def chain(ps: list[Value], n: int) -> Any:
    x = ps[0]
    for i in range(n):
        x = (x * ps[i % len(ps)] + 0.5).tanh()
    return x


def row(ps: list[Value], n: int) -> Any:
    return sum((p * float(i) for i in range(n) for p in ps[i % len(ps) :][:1]), ps[0])


@pytest.mark.parametrize("shape", [chain, row])
def test_recording_takes_as_long_as_there_are_scalars(shape: Callable[[list[Value], int], Any]) -> None:
    ps = [Value(0.01 * i) for i in range(20)]

    def work(n: int) -> int:
        def step() -> Any:
            for p in ps:
                p.grad = 0
            total = shape(ps, n)
            total.backward()
            for p in ps:
                p.data -= 0.01 * p.grad
            return total

        compiled = compile(step)
        compiled()
        return calls_of(compiled)

    work(50)
    assert work(360) < 2.2 * work(180)


def many_relus() -> tuple[Step, list[Value], list[float]]:
    """A step of 16 weights, its weights, and a constant in it."""
    weights, constant = [Value(i / 16) for i in range(16)], [3.0]

    @mg.compile(backend="numpy")
    def step(x: float) -> Any:
        total = sum((w * x * constant[0] + 1.0).relu() for w in weights)
        for w in weights:
            w.grad = None
        total.backward(release=True)
        return total

    return step, weights, constant


def test_what_two_calls_have_in_common_is_recorded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[Any]] = []
    real = Compiled._compare

    def compare(self: Any, known: Any, recording: Any) -> None:
        seen.append(list(recording.nodes))
        real(self, known, recording)

    monkeypatch.setattr(Compiled, "_compare", compare)
    step = many_relus()[0]
    step(2.0)
    step(-2.0)
    first, second = seen
    calls = [x is y for x, y in zip(first, second, strict=True) if x.kind == "call"]
    assert len(calls) > 100
    assert all(calls)


@pytest.mark.parametrize("other", [5.0, -3.0, 3], ids=str)
def test_what_two_calls_do_not_have_in_common_is_of_the_latest(other: float) -> None:
    step, weights, constant = many_relus()
    for x, c in [(2.0, other), (-1.0, 4.0), (3.0, 3.0), (-2.0, 3.0), (0.5, 3.0), (-9.0, 3.0)]:
        constant[0] = c
        total = step(x)
        come_through = [i / 16 * x * c + 1 > 0 for i in range(16)]
        assert total.data == pytest.approx(sum(max(i / 16 * x * c + 1, 0) for i in range(16)), rel=1e-12)
        assert [w.grad for w in weights] == pytest.approx([x * c * through for through in come_through])


def test_another_thread_may_forget_the_recordings_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    step: Any = many_relus()[0]
    real = Recording.difference

    def difference(self: Recording, other: Recording) -> str | None:
        next(iter(step.signatures.values())).recordings.clear()  # as one does that has made the program
        return real(self, other)

    monkeypatch.setattr(Recording, "difference", difference)
    for x in (2.0, -1.0, 0.5):
        assert step(x).data == pytest.approx(sum(max(i / 16 * x * 3 + 1, 0) for i in range(16)), rel=1e-12)


# ------------------------------------------------------------------------------------------- what is read, one by one


@pytest.mark.parametrize(("x", "wanted"), [
    (True, np.bool(True)), (np.bool(False), np.bool(False)), (np.int64(3), 3), (np.int8(-3), -3), (np.uint8(7), 7),
    (np.int64(2**53), 2**53), (np.int64(-(2**53)), -(2**53)), (np.int64(2**53 + 1), None),
    (np.int64(-(2**53) - 1), None),
    (np.float32(0.5), 0.5), (np.float16(2.0), 2.0), (2**53 + 1, None), ("a", None), (None, None), (np.ones(2), None),
])  # fmt: skip
def test_constants_of_other_dtypes_are_numbers_beside_a_float(x: Any, wanted: Any) -> None:
    got = plain_constant(x)
    assert type(got) is type(wanted)
    assert got is wanted is None or got == wanted


def test_constants_are_numbered_by_their_kind_and_their_bits() -> None:
    graph = Graph([])
    numbers = [1.0, 1, np.float64(1.0), 0.0, -0.0, 0, np.bool(True), -1.0, 1.0, np.float64(-0.0), 2**53, -(2**53)]
    assert not graph.has_bools
    assert graph.numbers_of(numbers) == (-1, -2, -1, -3, -4, -5, -6, -7, -1, -4, -8, -9)
    assert graph.has_bools
    assert graph.constants == [1.0, 1, 0.0, -0.0, 0, True, -1.0, 2**53, -(2**53)]
    assert [graph.is_bool(-k) for k in range(1, 10)] == [k == 6 for k in range(1, 10)]
    assert graph.numbers_of([1.0, 2**53 + 1]) is None
    assert graph.numbers_of([Node("input", like=np.ones(2))]) is None
    assert graph.numbers_of([np.float32(1), True]) == (-1, -6)


@pytest.mark.parametrize(("index", "is_one"), [
    ((1,), True), ((slice(0, 2), 1), True), ((None, 1), True), ((Ellipsis, 0), True), (([0, 1],), False),
    ((np.int64(1),), False), ((True,), False),
])  # fmt: skip
def test_a_part_is_taken_by_what_does_not_change(index: Any, is_one: bool) -> None:
    array = Node("input", like=np.ones((2, 3)))
    assert is_part(Node("call", TAKE.forward, (array,), {"index": index}, like=np.float64(1), op=TAKE)) is is_one
    for other in (
        Node("host", TAKE.forward, (array,), {"index": (1,)}, like=np.float64(1), op=TAKE),
        Node("call", np.take, (array,), {"index": (1,)}, like=np.float64(1), op=TAKE),
        Node("call", TAKE.forward, (array,), {"index": (1,)}, like=np.float64(1)),
        Node("call", TAKE.forward, (array,), {"index": (1,)}, like=np.float32(1), op=TAKE),
        Node("call", TAKE.forward, (array, 1), {"index": (1,)}, like=np.float64(1), op=TAKE),
        Node("call", TAKE.forward, (np.ones(2),), {"index": (1,)}, like=np.float64(1), op=TAKE),
        Node("call", TAKE.forward, (array,), {"index": (Node("input", like=3),)}, like=np.float64(1), op=TAKE),
        Node("call", TAKE.forward, (Node("input", like=np.float64(1)),), {"index": (1,)}, like=np.float64(1), op=TAKE),
    ):  # fmt: skip
        assert not is_part(other)


def test_what_a_guard_looks_at_is_no_number() -> None:
    v = Value(1.0)
    assert is_number(Node("load", like=np.float64(1), place=DataOf(v)))
    assert is_number(Node("input", like=2.0))
    assert is_number(Node("load", like=None, place=DataOf(v)))
    assert not is_number(Node("load", like=None, place=GradOf(v)))
    assert not is_number(Node("load", like=None, place=Attribute(v, "age")))
    assert not is_number(Node("input", like=np.ones(2)))


@pytest.mark.parametrize(("count", "begin", "read", "found"), [
    (8, 0, None, [8]), (7, 0, None, []), (12, 0, None, [12]), (8, 0.0, None, []), (8, 1, None, []), (12, 0, 8, [9]),
    (12, 0, 7, [8]), (12, 0, 6, []), (16, 0, 7, [8]), (9, 0, 0, []),
])  # fmt: skip
def test_a_long_chain_of_what_is_true_is_counted(count: int, begin: Any, read: int | None, found: list[int]) -> None:
    """Up to what is read elsewhere too, which is the end of a chain."""
    add = mg.core.TABLE[np.add]
    terms = [Node("input", like=np.bool(True), params={"name": f"x{i}"}) for i in range(count)]
    nodes: list[Node] = [*terms]
    before: Any = begin
    for term in terms:
        before = Node("call", add.forward, (before, term), like=np.int64(1), op=add)
        nodes.append(before)
    sums = nodes[count:]
    other = [] if read is None else [Node("call", np.exp, (sums[read],), like=np.float64(1))]
    made = with_counts([*nodes, *other], [before])
    counts = [node for node in made if node.function is counted]
    assert [len(node.args[0]) for node in counts] == found
    assert all(node.args == (terms[: len(node.args[0])],) for node in counts)
    assert made == [x for x in [*nodes, *other] if not any(x in sums[: n - 1] for n in found)]
    assert counted([True, False, True]) == 2
    assert type(counted(np.array([True]))) is np.int64
