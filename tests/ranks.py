"""What real ranks are put through: `mpiexec -n 2 python -m tests.ranks FOLDER`. Each check is named when it has passed.

A check computes what one process does, outside of the world, and then what all ranks do. `start` begins such programs
with the launcher that is here.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import Value, data, nn, optim, parallel
from microgradnet.nn.init import shared
from microgradnet.parallel.start import digest

ROOT = Path(__file__).parent.parent
EXACT = 1e-12

# What several ranks on few cores want, of Open MPI and of MPICH; root may be who runs them.
ENVIRONMENT = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe", "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "MPIR_CVAR_ENABLE_HEAVY_YIELD": "1", "MPIR_CVAR_POLLS_BEFORE_YIELD": "1", "OMP_NUM_THREADS": "1",
}  # fmt: skip


def launcher() -> str | None:
    """The mpiexec beside this Python, or the one on the PATH."""
    return shutil.which("mpiexec", path=str(Path(sys.executable).parent)) or shutil.which("mpiexec")


def lacking() -> str:
    """Why no ranks can be started here; empty if they can."""
    if importlib.util.find_spec("mpi4py") is None:
        return "mpi4py is not installed"
    return "" if launcher() else "no mpiexec is here"


def start(n: int, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """`python ARGUMENTS` on n ranks, from the root of the repository."""
    command = [str(launcher()), "-n", str(n), sys.executable, "-W", "error::UserWarning", *arguments]
    place = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": place}
    return subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=timeout, check=False
    )


# ------------------------------------------------------------------------------------------------- what is trained

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(33, 5)), rng.integers(0, 3, 33)  # 33 in batches of 10: parts are uneven, the last batch has 3
PICTURES = rng.normal(size=(12, 2, 6, 6))


def net(seed: int = 0, dtype: Any = np.float64, wide: int = 8) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(5, wide, bias=False, seed=seed, dtype=dtype), nn.BatchNorm1d(wide, dtype=dtype), nn.Tanh(),
        nn.Linear(wide, 3, seed=seed + 1, dtype=dtype),
    )  # fmt: skip


def pictures_net() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(2, 3, 3, bias=False, seed=0, dtype=np.float64), nn.BatchNorm2d(3, dtype=np.float64), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 3, seed=1, dtype=np.float64),
    )  # fmt: skip


def dropping_net() -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(5, 8, seed=0, dtype=np.float64), nn.Tanh(), nn.Dropout(0.5, seed=3), nn.Dropout(0.2),
        nn.Linear(8, 3, seed=1, dtype=np.float64),
    )  # fmt: skip


def momentum(model: nn.Module) -> optim.SGD:
    return optim.SGD(model.parameters(), lr=0.05, momentum=0.9)


def fitted(model: nn.Module, world: Any, *given: Any, optimizer: Any = momentum, **more: Any) -> tuple[Any, Any]:
    """The model and the history of a training."""
    options = {"loss": "cross_entropy", "epochs": 3, "batch_size": 10, "seed": 0, "progress": False} | more
    history = mg.fit(model, *(given or (X, Y)), optimizer=optimizer(model), parallel=world, **options)
    return model, history


def far(model: nn.Module, other: nn.Module) -> float:
    pairs = zip(model.state_dict().values(), other.state_dict().values(), strict=True)
    return max(float(np.abs(x - y).max()) for x, y in pairs)


def same_on_all(world: parallel.World, model: nn.Module) -> None:
    assert len(set(world.gather(digest(model.state_dict().values())))) == 1


def equals_one_process(make: Callable[[], nn.Module], *given: Any, **more: Any) -> None:
    one, history = fitted(make(), None, *given, **more)
    with parallel.world() as world:
        all_of_them, theirs = fitted(make(), world, *given, **more)
        same_on_all(world, all_of_them)
    assert far(all_of_them, one) < EXACT, far(all_of_them, one)
    assert theirs.keys() == history.keys()
    for name in history.keys() - {"seconds", "stopped"}:
        np.testing.assert_allclose(theirs[name], history[name], rtol=EXACT, err_msg=name)


def raises(kind: type[Exception], words: str, function: Callable[[], Any]) -> None:
    """On every rank alike."""
    with pytest.raises(kind, match=re.escape(words)):
        function()


# ------------------------------------------------------------------------------------------------------- the checks


def eager_steps_reach_the_parameters_of_one_process(folder: Path) -> None:
    more = {"metrics": "accuracy", "validation": ((X[:11],), Y[:11]), "sample_weight": np.arange(33.0), "patience": 9}
    equals_one_process(net, **more)
    equals_one_process(net, validation=0.2, epochs=1, optimizer=lambda model: optim.AdamW(model.parameters(), lr=0.01))


def compiled_steps_reach_them_too(folder: Path) -> None:
    equals_one_process(net, compile="numpy", metrics="accuracy", epochs=2)


def native_steps_reach_them_too(folder: Path) -> None:
    if importlib.util.find_spec("llvmlite"):
        equals_one_process(net, X[:11], Y[:11], compile="native", batch_size=11)
        equals_one_process(net, X[:22], Y[:22], compile="native", batch_size=11, accumulate=2, clip=0.3, epochs=2)


def several_batches_are_one_step_of_all(folder: Path) -> None:
    """Of 10, 10, 10 and 3 examples: the mean of the first three counts each of them once, and the last is a step."""
    more: dict[str, Any] = {"accumulate": 3, "clip": 0.3, "metrics": "accuracy", "epochs": 2}
    equals_one_process(net, sample_weight=np.arange(33.0), **more)
    equals_one_process(net, callbacks=[Calms()], batch_size=7, **more)
    equals_one_process(net, compile="numpy", callbacks=[Calms()], **more)
    plain = nn.Linear(5, 3, seed=0, dtype=np.float64)  # a step of several batches has the slope of one large batch
    large, _ = fitted(plain, None, batch_size=33, epochs=1)
    with parallel.world() as world:
        small, _ = fitted(nn.Linear(5, 3, seed=0, dtype=np.float64), world, accumulate=4, epochs=1)
    assert far(small, large) < EXACT


class Calms:
    """Changes gradients before a step by the cost, which is that of all ranks."""

    def before_step(self, run: Any) -> None:
        for p in run.model.parameters():
            p.grad = p.grad / (1 + run.cost)


def it_goes_on_between_batches_that_are_one_step(folder: Path) -> None:
    with parallel.world() as world:
        for how in (False, "numpy"):
            at = folder / f"between-{world.size}-{how}.npz"

            def trained(stop_after: int, file: Path | None, how: Any = how) -> str:
                stop = {"callbacks": [StopAfter(stop_after)], "checkpoint": file}
                return digest(fitted(net(), world, accumulate=3, compile=how, **stop)[0].state_dict().values())

            whole = trained(99, None)
            trained(6, at)
            assert trained(99, at) == whole


def convolutions_reach_them_too(folder: Path) -> None:
    equals_one_process(pictures_net, PICTURES, Y[:12], batch_size=7)


def other_sources_are_dealt_out_alike(folder: Path) -> None:
    pairs = [(X[i], Y[i]) for i in range(33)]
    dataset = type("Pairs", (), {"__len__": lambda s: 33, "__getitem__": lambda s, i: pairs[i]})()
    equals_one_process(net, dataset, validation=(X[:1], Y[:1]))  # which the ranks cannot share
    one, _ = fitted(net(), None, data.batches(X, Y, 10, seed=4))
    with parallel.world() as world:
        several, _ = fitted(net(), world, data.batches(X, Y, 10, seed=4))
        same_on_all(world, several)
    assert far(several, one) < EXACT


def a_loop_by_hand_does_so_too(folder: Path) -> None:
    def trained(compiled: bool) -> nn.Module:
        model = net()
        plain = momentum(model)
        with parallel.world() as world:
            optimizer = parallel.Optimizer(plain, model)

            def step(x: Any, y: Any, n: int) -> None:
                optimizer.zero_grad()
                mg.functional.cross_entropy(model(x), y).backward()
                optimizer.step(n)

            step = mg.compile(step, backend="numpy") if compiled else step
            for epoch in range(4):
                for x, y in parallel.shard(data.batches(X[:24], Y[:24], 10, seed=epoch)):
                    step(x, y, len(x))
            same_on_all(world, model)
        return model

    model = net()
    optimizer = momentum(model)
    for epoch in range(4):
        for x, y in data.batches(X[:24], Y[:24], 10, seed=epoch):
            optimizer.zero_grad()
            mg.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    assert far(trained(False), model) < EXACT
    assert far(trained(True), model) < EXACT


def statistics_of_instances_are_those_of_all(folder: Path) -> None:
    def make() -> nn.Module:
        norm = nn.InstanceNorm2d(2, affine=True, track_running_stats=True, dtype=np.float64)
        return nn.Sequential(norm, nn.Flatten(), nn.Linear(72, 3, seed=1, dtype=np.float64))

    equals_one_process(make, PICTURES, Y[:12], batch_size=7)


def every_rank_draws_its_own(folder: Path) -> None:
    def trained() -> tuple[str, list[Any]]:
        shared().bit_generator.state = np.random.PCG64(1).state
        with parallel.world() as world:
            model, _ = fitted(dropping_net(), world, X[:32], Y[:32], batch_size=8, epochs=2)  # in equal parts
            same_on_all(world, model)
            masks = world.gather(model.layers[2].rng.random(4).tolist())
            others = world.gather(shared().random(4).tolist())
        assert len({tuple(mask) for mask in masks}) == len({tuple(mask) for mask in others}) == world.size
        return digest(model.state_dict().values()), masks

    assert trained() == trained(), "the same program on as many ranks has the same bits"


def it_goes_on_where_it_stopped_to_the_same_bits(folder: Path) -> None:
    with parallel.world() as world:
        at = folder / f"again-{world.size}.npz"

        def trained(stop_after: int, file: Path | None) -> str:
            shared().bit_generator.state = np.random.PCG64(1).state
            stop = StopAfter(stop_after)
            model, _ = fitted(dropping_net(), world, checkpoint=file, callbacks=[stop], save_every=3 if file else None)
            return digest(model.state_dict().values())

        whole = trained(99, None)
        trained(5, at)
        assert trained(99, at) == whole


class StopAfter:
    """Stops a training after so many steps, on rank 1, if there is one: word gets round."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def on_batch(self, run: Any) -> None:
        if run.taken == self.steps and run.rank == 1:
            run.stop("enough")


def a_file_goes_on_on_any_number_of_ranks(folder: Path) -> None:
    """Two ranks begin; four go on with a copy, and so does the one process that has started all."""
    whole, _ = fitted(net(), None)
    with parallel.world() as world:
        file = folder / "two.npz"
        if world.size == 2:
            _, history = fitted(net(), world, checkpoint=file, callbacks=[StopAfter(6)])
            assert history["stopped"] == "enough"
        else:
            copy = folder / "copy.npz"
            if world.rank == 0:
                shutil.copy(file, copy)
            model, _ = fitted(net(), world, checkpoint=copy)
            same_on_all(world, model)
            assert far(model, whole) < EXACT


def one_rank_writes_files(folder: Path) -> None:
    with parallel.world() as world:
        log = folder / f"log-{world.size}.csv"
        given = {"validation": (X[:5], Y[:5]), "metrics": {"rank": lambda out, y: float(world.rank)}}
        _, history = fitted(net(), world, callbacks=[mg.train.CSVLog(log)], **given)
        world.gather(None)
        assert len(log.read_text().splitlines()) == 4
        assert history["val_rank"] == [0.0] * 3  # what is measured on rank 0 counts on all


def a_stop_on_one_rank_stops_all(folder: Path) -> None:
    with parallel.world() as world:
        _, history = fitted(net(), world, callbacks=[StopAfter(5)])
        assert history["stopped"] == "enough"
        assert len(history["epoch"]) == 1


def a_nan_is_told_on_all_ranks(folder: Path) -> None:
    x = X.copy()
    with parallel.world() as world:
        model = net()
        before = [p.data.copy() for p in model.parameters()]
        x[np.random.default_rng((0, 1)).permutation(33)[9]] = np.nan  # in the part of the last rank
        raises(FloatingPointError, f"on rank {world.size - 1}: ", lambda: fitted(model, world, x, Y))
        assert all(np.array_equal(p.data, old) for p, old in zip(model.parameters(), before, strict=True))
        raises(FloatingPointError, f"on rank {world.size - 1}: ", lambda: fitted(net(), world, x, Y, compile="numpy"))


def models_that_differ_are_refused_on_all_ranks(folder: Path) -> None:
    with parallel.world() as world:
        odd = world.rank == 1
        words = "what is trained is not the same on all ranks: layers.0.weight of shape (8, 5) (float64) on rank 0, "
        words += "layers.0.weight of shape (9, 5) (float64) on rank 1"
        raises(ValueError, words, lambda: fitted(net(wide=8 + odd), world))
        raises(ValueError, "(float32) on rank 1", lambda: fitted(net(dtype=[np.float64, np.float32][odd]), world))
        raises(ValueError, "lr=0.05 of group 0 on rank 0, lr=0.5 of group 0 on rank 1", lambda: fitted(
            net(), world, optimizer=lambda model: optim.SGD(model.parameters(), lr=0.5 if odd else 0.05)))  # fmt: skip
        raises(
            ValueError, "SGD on rank 0", lambda: parallel.Optimizer([optim.SGD, optim.Adam][odd]([Value([1.0])], 0.1))
        )
        w = Value(np.ones(2 + odd)), Value(np.ones(2 + odd), name="w")
        words = "parameter 0 of shape (2,) (float64) on rank 0, parameter 0 of shape (3,)"
        raises(ValueError, words, lambda: parallel.Optimizer(optim.SGD(w, 0.1)))
        raises(ValueError, "w of shape (2,) (float64) on", lambda: parallel.Optimizer(optim.SGD(w[1:], 0.1)))
        norm = nn.BatchNorm1d(2, track_running_stats=odd)
        words = "model BatchNorm1d on rank 0, buffer running_mean of shape (2,) (float32) on rank 1"
        raises(ValueError, words, lambda: parallel.Optimizer(momentum(norm), norm))
        raises(ValueError, "the data is not the same", lambda: fitted(net(), world, X[odd:], Y[odd:]))
        model, other = fitted(net(seed=world.rank), world)[0], fitted(net(), world)[0]
        assert far(model, other) == 0.0, "the numbers are those of rank 0"


def losses_that_are_no_means_are_refused(folder: Path) -> None:
    def by_class(outputs: Any, y: Any) -> Any:
        return mg.functional.cross_entropy(outputs, y, weight=np.array([1.0, 5.0, 25.0]))

    def summed(outputs: Any, y: Any) -> Any:
        return mg.functional.cross_entropy(outputs, y, reduction="sum")

    with parallel.world() as world:
        for loss in (by_class, summed):
            for how in (False, "numpy"):
                raises(
                    ValueError,
                    "loss is not the mean over the examples",
                    lambda loss=loss, how=how: fitted(net(), world, loss=loss, compile=how),
                )


def files_that_are_not_as_far_are_refused(folder: Path) -> None:
    with parallel.world() as world:
        file = folder / f"far-{world.size}.npz"
        fitted(net(), world, checkpoint=file, callbacks=[StopAfter(2)])
        at = file if world.rank == 0 else folder / f"nowhere-{world.size}.npz"
        words = "how far it is is not the same on all ranks: 2 on rank 0, 0 on rank 1"
        raises(ValueError, words, lambda: fitted(net(), world, checkpoint=at))


def ranks_that_come_apart_are_noticed(folder: Path) -> None:
    with parallel.world() as world:
        words = (
            r"^after epoch 1 what was trained is not the same on all ranks: 3\.bias \w+ on rank 0, 3\.bias \w+ on rank"
        )
        with pytest.raises(ValueError, match=words):
            fitted(net(), world, callbacks=[Spoils()])


class Spoils:
    """Changes a parameter on one rank."""

    def on_batch(self, run: Any) -> None:
        if run.rank == 1 and run.taken == 3:
            run.model.layers[3].bias.data += 1.0


def too_few_examples_are_refused(folder: Path) -> None:
    with parallel.world() as world:
        n = world.size - 1
        raises(
            ValueError, f"{n} examples in batches of 10 for {n + 1} ranks", lambda: fitted(net(), world, X[:n], Y[:n])
        )
        raises(ValueError, f"in batches of {n} for", lambda: fitted(net(), world, batch_size=n))
        fitted(net(), world, X[: n + 1], Y[: n + 1], batch_size=n + 1, epochs=1)  # as many as there are ranks
        raises(ValueError, f"for {n + 1} ranks, and a rank would have none", lambda: parallel.shard(X[:n]))
        raises(ValueError, "the last of these batches", lambda: parallel.shard(data.batches(X, Y, 33 - n, seed=0)))
        if n > 1:
            raises(ValueError, "this dataset has", lambda: parallel.shard(Few(n)))
        raises(ValueError, "one seed gives one order", lambda: next(iter(parallel.shard(data.batches(
            X, Y, 11, seed=world.rank)))))  # fmt: skip


class Few:
    """A dataset of so many examples."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> int:
        return i


def a_rank_without_examples_counts_for_nothing(folder: Path) -> None:
    with parallel.world() as world:
        w = Value([1.0, 2.0] if world.rank == 0 else [7.0, 8.0])
        optimizer = parallel.Optimizer(optim.SGD([w], lr=1.0))
        assert w.data.tolist() == [1.0, 2.0]
        w.grad = np.array([3.0, 4.0]) if world.rank == 0 else np.array([np.nan, np.inf])
        optimizer.step(5 if world.rank == 0 else 0)
        assert w.data.tolist() == [-2.0, -2.0]
        raises(ValueError, "every rank has 0 examples", lambda: optimizer.step(0))
        w.grad = np.array([world.size * 1.0, 0.0]) if world.rank == 0 else None  # nothing flowed there
        optimizer.step(2)
        assert w.data.tolist() == [-3.0, -2.0]


def who_trains_by_itself_is_told_so(folder: Path) -> None:
    with parallel.world() as world:
        raises(ValueError, "every rank would train by itself", lambda: fitted(net(), None))
        raises(RuntimeError, "a world is open already", lambda: parallel.world().__enter__())
        model = net().eval()
        if world.rank == 0:
            model(X)  # in evaluation mode nobody is waited for
        bare = nn.BatchNorm1d(5, track_running_stats=False, dtype=np.float64).eval()
        if world.rank == 0:
            bare(X)
    raises(RuntimeError, "this world is not open", lambda: world.gather(1))


def sums_are_the_same_bits_everywhere(folder: Path) -> None:
    with parallel.world() as world:
        mine = np.random.default_rng(world.rank).normal(size=20_000)
        found = [world.sum(mine) for _ in range(3)]
        assert len(set(world.gather(digest(found)))) == 1
        assert found[0].tobytes() == found[1].tobytes() == found[2].tobytes()
        np.testing.assert_allclose(found[0], sum(world.gather(mine)), rtol=1e-12, atol=1e-12)
        assert world.gather(world.part(10)) == [slice(i, j) for i, j in bounds(10, world.size)]
        assert world.broadcast(world.rank) == 0


def bounds(n: int, size: int) -> list[tuple[int, int]]:
    ends = np.cumsum([0, *[len(part) for part in np.array_split(np.arange(n), size)]]).tolist()
    return list(itertools.pairwise(ends))


CHECKS = [
    sums_are_the_same_bits_everywhere, eager_steps_reach_the_parameters_of_one_process, compiled_steps_reach_them_too,
    several_batches_are_one_step_of_all, it_goes_on_between_batches_that_are_one_step, convolutions_reach_them_too,
    other_sources_are_dealt_out_alike, a_loop_by_hand_does_so_too, statistics_of_instances_are_those_of_all,
    every_rank_draws_its_own, it_goes_on_where_it_stopped_to_the_same_bits, a_file_goes_on_on_any_number_of_ranks,
    one_rank_writes_files, a_stop_on_one_rank_stops_all, a_nan_is_told_on_all_ranks,
    losses_that_are_no_means_are_refused, models_that_differ_are_refused_on_all_ranks,
    files_that_are_not_as_far_are_refused, ranks_that_come_apart_are_noticed, too_few_examples_are_refused,
    a_rank_without_examples_counts_for_nothing, who_trains_by_itself_is_told_so,
]  # fmt: skip


OF_TWO = [native_steps_reach_them_too]  # that take long


def of(n: int) -> list[Any]:
    """What n ranks are put through."""
    return [*CHECKS, *(OF_TWO if n == 2 else [])]


def go_through(checks: list[Any], folder: Path) -> None:
    """Each check, and its name when all ranks have passed it."""
    for check in checks:
        check(folder)
        with parallel.world() as world:
            world.gather(None)
            if world.rank == 0:
                print(f"passed {check.__name__}", flush=True)


if __name__ == "__main__":
    go_through(of(parallel.world().size), Path(sys.argv[1]))
