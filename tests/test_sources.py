"""fit takes what deals out examples or batches, of known length or not, and goes on where that knows its place."""

from __future__ import annotations

import linecache
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import data, nn, optim
from microgradnet.nn.init import shared
from microgradnet.train import Run
from tests import training
from tests.training import stop_after

X, Y = training.examples()


def trained(x: Any, y: Any = None, stop: int = 0, path: Path | None = None, **more: Any) -> tuple[Any, bytes]:
    """The history and the weights of a training, its dropout included, that may be stopped after a batch."""
    model = nn.Sequential(nn.Linear(3, 5, seed=0), np.tanh, nn.Dropout(0.2, seed=more.pop("drops", 1)),
                          nn.Linear(5, 1, seed=2))  # fmt: skip
    given = {"loss": "mse", "optimizer": optim.SGD(model.parameters(), lr=0.1, momentum=0.5), "epochs": 3,
             "batch_size": 6, "seed": 0, "metrics": "mae", "progress": False}  # fmt: skip
    history = mg.fit(model, x, y, **{**given, **more}, checkpoint=path,
                     callbacks=[stop_after(stop)])  # fmt: skip
    weights = b"".join(array.tobytes() for array in model.state_dict().values())
    return training.without_times(history), weights


class Pairs:
    """A dataset as PyTorch has them."""

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, i: int) -> Any:
        if type(i) is not int:
            raise TypeError(i)
        return X[i], Y[i]


class Few:
    """A dataset of these examples."""

    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, i: int) -> Any:
        return self.items[i]


class Counting:
    """Batches without a length, that say where they stand."""

    def __init__(self) -> None:
        self.rng, self.left, self.state = np.random.default_rng(5), [], None

    def __iter__(self) -> Iterator[Any]:
        if not self.left:
            self.left = self.rng.permutation(20).tolist()
        while self.left:
            pick, self.left = self.left[:6], self.left[6:]
            yield X[pick], Y[pick]

    def state_dict(self) -> Any:
        return {"left": [*self.left], "rng": self.rng.bit_generator.state}

    def load_state_dict(self, state: Any) -> None:
        self.left, self.rng.bit_generator.state = [*state["left"]], state["rng"]


class Ending:
    """Batches that stand at their end once all are dealt out, and are not at the beginning again when told so."""

    def __init__(self) -> None:
        self.at, self.told = 0, False

    def __iter__(self) -> Iterator[Any]:
        first, self.told = self.at if self.told else 0, False
        for i in range(first, 4):
            self.at = i + 1
            yield X[6 * i :][:6], Y[6 * i :][:6]

    def state_dict(self) -> Any:
        return {"at": self.at}

    def load_state_dict(self, state: Any) -> None:
        self.at, self.told = state["at"], True


class Short:
    """Batches that are fewer than their length says."""

    def __len__(self) -> int:
        return 5

    def __iter__(self) -> Iterator[Any]:
        return in_batches()


def in_batches() -> Iterator[Any]:
    for i in range(0, 20, 6):
        yield X[i : i + 6], Y[i : i + 6]


# ------------------------------------------------------------------------------------------------------------ the same


def test_a_dataset_is_trained_on_as_its_arrays_are() -> None:
    for more in ({}, {"validation": 0.2}, {"validation": (X[:5], Y[:5])}, {"seed": None}):
        shared().bit_generator.state = np.random.default_rng(0).bit_generator.state
        wanted = trained(X, Y, **more)
        shared().bit_generator.state = np.random.default_rng(0).bit_generator.state
        assert trained(Pairs(), **more) == wanted


def test_a_training_goes_on_with_what_it_was_measured_on(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    trained(X, Y, 5, path, validation=Pairs())
    assert trained(X, Y, 0, path, validation=Pairs()) == trained(X, Y, validation=Pairs())
    for other in ([*in_batches()], (X, Y), Pairs().__getitem__, in_batches):
        with pytest.raises((ValueError, TypeError), match="validation"):
            trained(X, Y, 0, path, validation=other)


def test_memory_mapped_arrays_are_trained_on_as_arrays_are(tmp_path: Path) -> None:
    for name, array in (("x", X), ("y", Y)):
        np.save(tmp_path / f"{name}.npy", array)
    mapped = [np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in "xy"]
    assert trained(*mapped, validation=0.3) == trained(X, Y, validation=0.3)


@pytest.mark.parametrize("make", [
    lambda: in_batches, lambda: [*in_batches()], lambda: data.batches(X, Y, 6, shuffle=False),
], ids=["function", "list", "Batches"])  # fmt: skip
def test_batches_are_taken_as_they_come(make: Callable[[], Any]) -> None:
    history, weights = trained(make())
    model = nn.Sequential(nn.Linear(3, 5, seed=0), np.tanh, nn.Dropout(0.2, seed=1), nn.Linear(5, 1, seed=2))
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
    costs: list[float] = []
    for _ in range(3):
        total = 0.0
        for x, y in in_batches():
            optimizer.zero_grad()
            cost = ((model(x) - y) ** 2).mean()
            total += float(cost.data) * len(x)
            cost.backward()
            optimizer.step()
        costs.append(total / 20)
    assert weights == b"".join(array.tobytes() for array in model.state_dict().values())
    assert history["cost"] == pytest.approx(costs)


def test_an_epoch_of_no_known_length_ends_where_it_ends() -> None:
    seen: list[Any] = []
    lengths = iter([2, 4, 1])

    def epoch() -> Iterator[Any]:
        return iter([*in_batches()][: next(lengths)])

    def on_batch(run: Run) -> None:
        seen.append((run.epoch, run.batch, run.steps))

    model = nn.Linear(3, 1, seed=0)
    mg.fit(model, epoch, loss="mse", optimizer=optim.SGD(model.parameters(), lr=0.1), epochs=3, callbacks=[on_batch],
           progress=False)  # fmt: skip
    assert seen == [(1, 1, None), (1, 2, 2), (2, 1, 2), (2, 2, 2), (2, 3, 2), (2, 4, 4), (3, 1, 1)]


def test_what_is_measured_may_be_dealt_out_too() -> None:
    wanted = trained(X, Y, validation=(X, Y))
    for held_out in ([*in_batches()], in_batches, data.batches(X, Y, 7, shuffle=False)):
        history, weights = trained(X, Y, validation=held_out)
        assert weights == wanted[1]
        for name in ("val_cost", "val_mae"):
            np.testing.assert_allclose(history[name], wanted[0][name], rtol=1e-6)
    history, _ = trained(X, Y, validation=Pairs())
    np.testing.assert_allclose(history["val_cost"], wanted[0]["val_cost"], rtol=1e-6)
    model = nn.Linear(3, 1, seed=0)
    by_batch = mg.evaluate(model, in_batches, loss="mse", metrics="r2")
    assert by_batch == pytest.approx(mg.evaluate(model, X, Y, loss="mse", metrics="r2"))


def test_a_batch_may_bring_weights_and_several_inputs() -> None:
    weight = np.linspace(0.5, 1.5, 20).astype(np.float32)
    words = np.arange(20) % 4

    class Two(nn.Module):
        def __init__(self) -> None:
            self.layer, self.words = nn.Linear(3, 1, seed=0), nn.Embedding(4, 1, seed=1)

        def forward(self, x: Any, words: Any) -> Any:
            return self.layer(x) + self.words(words)

    def run(x: Any, y: Any = None, **more: Any) -> Any:
        model = Two()
        history = mg.fit(model, x, y, loss="mse", optimizer=optim.SGD(model.parameters(), lr=0.1), epochs=2,
                         batch_size=20, seed=0, progress=False, **more)  # fmt: skip
        return [*history["cost"], *(array for array in model.state_dict().values())]

    wanted = run((X, words), Y, sample_weight=weight)
    for given in ([((X, words), Y, weight)], [[[X, words], Y, weight]]):
        for array, other in zip(run(given), wanted, strict=True):
            np.testing.assert_allclose(array, other, rtol=1e-5)

    class Items(Pairs):
        def __getitem__(self, i: int) -> Any:
            return (X[i], words[i]), Y[i], weight[i]

    for array, other in zip(run(Items()), wanted, strict=True):
        np.testing.assert_allclose(array, other, rtol=1e-5)


# ----------------------------------------------------------------------------------------------------------- going on


@pytest.mark.parametrize("make", [
    lambda rng: Pairs(), lambda rng: data.batches(X, Y, 6, seed=rng), lambda rng: data.batches(X, Y, 6, seed=3),
    lambda rng: data.batches(X, Y, 6), lambda rng: Counting(), lambda rng: Ending(),
], ids=["dataset", "generator", "seed", "shared", "stream", "ending"])  # fmt: skip
def test_stopped_after_any_batch_it_ends_in_the_same_bits(make: Callable[[Any], Any], tmp_path: Path) -> None:
    """Also where the order and the dropout draw from one generator."""

    def run(stop: int, path: Path | None) -> Any:
        shared().bit_generator.state = np.random.default_rng(0).bit_generator.state
        rng = np.random.default_rng(7)
        return trained(make(rng), stop=stop, path=path, drops=rng)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        whole = run(0, None)
        for stop in range(1, 12):
            path = tmp_path / f"{stop}.npz"
            run(stop, path)
            assert run(0, path) == whole, stop


def test_what_cannot_say_where_it_stands_is_begun_anew_with_a_warning(tmp_path: Path) -> None:
    whole = trained(in_batches)
    path = tmp_path / "run.npz"
    trained(in_batches, stop=6, path=path)
    with pytest.warns(
        UserWarning, match="x cannot say where it stands: this epoch is begun anew, 2 batches are passed"
    ) as told:
        assert trained(in_batches, path=path) == whole  # its order is always the same
    assert len(told) == 1
    assert "mg.fit(" in linecache.getline(told[0].filename, told[0].lineno)  # where it was called


def test_going_on_with_another_source_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    trained(data.batches(X, Y, 6, seed=0), path=path)
    for other in (data.batches(X + 1, Y, 6, seed=0), data.batches(X, Y, 5, seed=0), in_batches):
        with pytest.raises(ValueError, match="of a training with another x"):
            trained(other, path=path)


def test_a_loop_that_was_broken_off_begins_anew() -> None:
    steps = data.batches(np.arange(10), np.arange(10), 4, shuffle=False)
    for _ in steps:
        break
    assert [y.tolist() for _, y in steps] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    rng = np.random.default_rng(0)
    steps = data.batches(np.arange(10), np.arange(10), 4, seed=rng)
    loop = iter(steps)
    first, state = next(loop)[1], steps.state_dict()
    rest = [y.tolist() for _, y in loop]
    following = [y.tolist() for _, y in steps]
    again = data.batches(np.arange(10), np.arange(10), 4, seed=np.random.default_rng(9))
    again.load_state_dict(state)
    assert [y.tolist() for _, y in again] == rest
    assert [y.tolist() for _, y in again] == following
    assert len(first) == 4


# ------------------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(("given", "error", "says"), [
    ({"x": X}, TypeError, r"x is an array or a table, and y is not given: fit\(model, x, y, …\)"),
    ({"x": 3}, TypeError, "x is 3, and y is not given: wanted are arrays x and y, a dataset"),
    ({"x": {"a": X}}, TypeError, "and y is not given: wanted are arrays"),
    ({"x": in_batches(), "epochs": 2}, ValueError, "x can be gone through once, and there are more epochs"),
    ({"x": []}, ValueError, "x dealt out no batch in epoch 1"),
    ({"x": [X]}, TypeError, r"a batch of x is a pair \(x, y\), or \(x, y, sample_weight\); got"),
    ({"x": [{"image": X}]}, TypeError, "a batch of x is a pair"),
    ({"x": [(X, Y[:3])]}, ValueError, "20 rows in x in a batch of x but 3 in y in a batch of x"),
    ({"x": [(X, Y, -Y[:, 0] ** 2)]}, ValueError, "sample_weight in a batch of x holds negative"),
    ({"x": Short(), "epochs": 2}, ValueError, "x dealt out 4 batches, and its length is 5"),
    ({"x": in_batches, "sample_weight": Y}, ValueError, "here each batch brings its own"),
    ({"x": in_batches, "validation": 0.2}, ValueError, "whose batches come as they are: give validation= batches too"),
    ({"x": Few([])}, ValueError, "^x is a dataset of no examples$"),
    ({"x": Few([(X[0], Y[0]), X[0]])}, TypeError, r"^an example of x is a pair \(x, y\), or \(x, y, sample_w"),
    ({"x": Few([(X[0],)] * 3)}, TypeError, r"an example of x is a pair"),
    ({"x": Pairs(), "validation": 0.001}, ValueError, "validation=0.001 of 20 examples"),
    ({"x": [(X, Y)], "validation": 7}, TypeError, r"validation is a pair \(x, y\) of arrays"),
])  # fmt: skip
def test_what_deals_out_no_examples_is_refused(given: Any, error: type[Exception], says: str) -> None:
    model = nn.Linear(3, 1, seed=0)
    how = {"loss": "mse", "optimizer": optim.SGD(model.parameters(), lr=0.1), "epochs": 1, "progress": False}
    with pytest.raises(error, match=says):
        mg.fit(model, **{**how, **given})


def test_what_pytorch_deals_out_is_taken() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from torch.utils.data import DataLoader, TensorDataset

    dataset = TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    assert trained(dataset, validation=0.2) == trained(X, Y, validation=0.2)
    assert trained(DataLoader(dataset, batch_size=6)) == trained(in_batches)
