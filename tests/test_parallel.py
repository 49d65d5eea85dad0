"""Many processes train as one: real ranks are started and put through the checks of tests/ranks.py."""

from __future__ import annotations

import functools
import os
import sys
import tempfile
import time
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import Value, data, nn, optim, parallel
from microgradnet.ops.across import across
from microgradnet.parallel import worlds
from microgradnet.train.together import Together
from tests import ranks

RANKS = pytest.mark.skipif(bool(ranks.lacking()), reason=ranks.lacking() or "ranks can be started")
BOUND = 60  # seconds within which a job has ended: what hangs takes longer


@functools.lru_cache
def folder() -> Path:
    return Path(tempfile.mkdtemp())


@functools.lru_cache
def checked(n: int) -> tuple[str, str]:
    """What n ranks print when they are put through all checks, and what they say of errors."""
    if n == 4:
        checked(2)  # which leaves a file to go on from
    done = ranks.start(n, "-m", "tests.ranks", str(folder()), timeout=300)
    return done.stdout, f"{done.returncode}: {done.stderr}"


@RANKS
@pytest.mark.parametrize(("n", "name"), [(n, check.__name__) for n in (2, 4) for check in ranks.of(n)])
def test_ranks(n: int, name: str) -> None:
    out, errors = checked(n)
    assert f"passed {name}\n" in out, errors[-4000:]


@RANKS
def test_one_process_goes_on_where_two_stopped() -> None:
    checked(2)
    whole, _ = ranks.fitted(ranks.net(), None)
    model, history = ranks.fitted(ranks.net(), None, checkpoint=folder() / "two.npz")
    assert len(history["epoch"]) == 3
    assert ranks.far(model, whole) < ranks.EXACT


PROGRAM = """
import os, signal, sys
from microgradnet import parallel
from tests.ranks import fitted, net

def fails(run):
    if run.taken == 8 and run.rank == 1:
        if sys.argv[2] == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if sys.argv[2] == "exits":
            sys.exit(3)
        raise ZeroDivisionError("of rank 1 alone")

with parallel.world() as world:
    try:
        fitted(net(), world, checkpoint=sys.argv[1], callbacks=[type("C", (), {"on_batch": staticmethod(fails)})()])
    finally:
        print("left", world.rank, flush=True)
if world.rank == 0:
    print("the end")
"""


@RANKS
@pytest.mark.parametrize("how", ["killed", "raises", "exits"])
def test_one_rank_that_fails_ends_the_job_and_its_file_goes_on(how: str, tmp_path: Path) -> None:
    program, file = tmp_path / "program.py", tmp_path / "run.npz"
    program.write_text(PROGRAM)
    began = time.monotonic()
    done = ranks.start(2, str(program), str(file), how, timeout=BOUND)
    assert time.monotonic() - began < BOUND
    assert done.returncode != 0
    assert "the end" not in done.stdout
    if how == "raises":
        assert "rank 1 of 2, which ends all of them:" in done.stderr
        assert "ZeroDivisionError: of rank 1 alone" in done.stderr
    model, history = ranks.fitted(ranks.net(), None, checkpoint=file)  # 4 steps an epoch: two epochs were done
    assert history["epoch"] == [1, 2, 3]
    assert ranks.far(model, ranks.fitted(ranks.net(), None)[0]) < ranks.EXACT


@RANKS
def test_the_example_learns_on_two_ranks(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib, of the extra examples, is not installed")
    done = ranks.start(2, "examples/parallel_digits.py", "--epochs", "3", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2 processes: of a batch of 64 each has [32, 32]\n")
    assert float(done.stdout.split("differ by ")[1].split()[0]) < 1e-12
    assert (tmp_path / "parallel_digits.png").exists()


@RANKS
def test_the_example_of_a_folder_of_images_learns_on_two_ranks(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib, of the extra examples, is not installed")
    pytest.importorskip("PIL", reason="Pillow, of the extra images, is not installed")
    done = ranks.start(2, "examples/images.py", "--images", "120", "--epochs", "1", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("the same answers, gradients are right") == 1
    assert done.stderr.count("epoch 1/1") == 1


# ----------------------------------------------------------------------------------------- a world of one, and no world


def test_alone_nothing_changes() -> None:
    one, history = ranks.fitted(ranks.net(), None)
    with parallel.world() as world:
        assert (world.rank, world.size) == (0, 1)
        model, theirs = ranks.fitted(ranks.net(), world)
        x, y = parallel.shard((ranks.X, ranks.Y))
        assert (x.shape, y.shape) == (ranks.X.shape, ranks.Y.shape)
        assert [len(part) for part, _ in parallel.shard(data.batches(x, y, 10, seed=0))] == [10, 10, 10, 3]
        assert parallel.shard({"a": x})["a"].shape == x.shape
        assert len(parallel.shard(ranks.Few(3))) == 3
        assert world.gather(1) == [1]
        assert world.broadcast(2) == 2
        assert world.sum([1.5]).tolist() == [1.5]
    assert all(np.array_equal(a, b) for a, b in zip(
        one.state_dict().values(), model.state_dict().values(), strict=True))  # fmt: skip
    assert history["cost"] == theirs["cost"]


def test_alone_an_optimiser_does_what_it_did() -> None:
    ws = [Value([1.0, -3.0]), Value([1.0, -3.0])]
    with parallel.world():
        plain, wrapped = optim.Adam([ws[0]], lr=0.1), parallel.Optimizer(optim.Adam([ws[1]], lr=0.1))
        schedule = optim.StepLR(wrapped.optimizer, 1, gamma=0.5)
        for _ in range(3):
            for w, optimizer in zip(ws, (plain, wrapped), strict=True):
                optimizer.zero_grad()
                (w * w).sum().backward()
            plain.step()
            wrapped.step(1)
        schedule.step()
        assert wrapped.param_groups[0]["lr"] == 0.05
        assert wrapped.state_dict()["state"]["0"]["step"] == 3
        wrapped.load_state_dict(plain.state_dict())
        assert wrapped.param_groups[0]["lr"] == 0.1
        assert wrapped.parameters == [ws[1]]
        assert repr(wrapped).startswith("parallel.Optimizer(Adam(lr=0.1")
    assert ws[0].data.tobytes() == ws[1].data.tobytes()


def test_doors_say_what_they_want() -> None:
    w = Value([1.0])
    sgd = optim.SGD([w], lr=0.1)
    with pytest.raises(RuntimeError, match=r"parallel\.Optimizer wants an open world: write `with parallel\.world\(\)"):
        parallel.Optimizer(sgd)
    with pytest.raises(RuntimeError, match=r"parallel\.shard wants an open world"):
        parallel.shard(ranks.X)
    with pytest.raises(TypeError, match=r"parallel is a world, .*; got 4"):
        ranks.fitted(ranks.net(), 4)
    with pytest.raises(TypeError, match=r"world\(comm\) takes a communicator of mpi4py, .*; got 4"):
        parallel.world(4)
    with parallel.world() as world:
        with pytest.raises(RuntimeError, match=r"a world is open already, World\(rank=0, size=1\)"):
            parallel.world().__enter__()
        with pytest.raises(TypeError, match=r"wraps one of optim, such as optim\.SGD\(…\); got 'sgd'"):
            parallel.Optimizer("sgd")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="LBFGS calls its closure as often as it needs"):
            parallel.Optimizer(optim.LBFGS([w]))
        with pytest.raises(TypeError, match="model is a Module; got 3"):
            parallel.Optimizer(sgd, 3)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="optimizer is an object such as"):
            ranks.fitted(ranks.net(), world, optimizer=lambda model: "sgd")
        optimizer = parallel.Optimizer(sgd)
        for wrong in (-1, 2.5, True, "3", 2**24, None):
            with pytest.raises(ValueError, match=r"step\(examples="):
                optimizer.step(wrong)  # type: ignore[arg-type]
        for wrong in (Value([1.0]), "words", 3, iter([1])):
            with pytest.raises(TypeError, match=r"shard takes arrays|a Value; the examples are plain arrays"):
                parallel.shard(wrong)
        with pytest.raises(ValueError, match=r"a row for each of the same examples; got shapes \[\(33, 5\), \(3,\)\]"):
            parallel.shard((ranks.X, ranks.Y[:3]))
        with pytest.raises(ValueError, match=r"has 0 examples for 1 rank,"):
            parallel.shard(ranks.X[:0])
        with pytest.raises(TypeError, match="takes numbers of float32, float64, int32 or int64; got float16"):
            world.sum(np.ones(2, np.float16))
    with pytest.raises(RuntimeError, match="this world is not open"):
        ranks.fitted(ranks.net(), world)


def test_a_world_ends_with_an_error_in_it() -> None:
    with pytest.raises(ZeroDivisionError), parallel.world():
        raise ZeroDivisionError
    with parallel.world() as world:
        assert world.size == 1


def test_a_rank_without_examples_adds_nothing_to_what_is_measured() -> None:
    others = types.SimpleNamespace(sum=lambda here: here + np.array([3.0, 6.0, 3.0]))
    rank: Any = types.SimpleNamespace(world=others, rank=1)
    batch: Any = types.SimpleNamespace(counted=0, size=3)
    assert Together.measured(rank, [np.nan, 7.0], batch) == [1.0, 2.0]
    batch.size = 4
    with pytest.raises(ValueError, match="a batch of 4 on rank 1, and its parts have 3 examples"):
        Together.measured(rank, [0.0, 7.0], batch)


def test_in_a_loop_by_hand_each_batch_counts_whatever_was_before() -> None:
    with parallel.world() as world:
        world.counts = False  # as a training that was given up may leave it
        parallel.Optimizer(optim.SGD([Value(1.0)], lr=0.1))
        assert world.counts


def test_an_error_outside_of_a_world_ends_all_ranks_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended: list[int] = []
    comm = types.SimpleNamespace(rank=1, size=2, Allreduce=None, Dup=lambda: comm, Free=list, Abort=ended.append)
    monkeypatch.setattr(worlds, "HOOKED", [])
    monkeypatch.setattr(sys, "excepthook", None)
    with parallel.world(comm) as world:
        assert (world.rank, world.size) == (1, 2)
    sys.excepthook(ValueError, ValueError("lost"), None)
    assert ended == [1]
    assert capsys.readouterr().err == "rank 1 of 2, which ends all of them:\nValueError: lost\n\n"
    for error, code in ((ValueError("lost"), 1), (SystemExit(7), 7), (SystemExit("so"), 1), (SystemExit(300), 1)):
        with pytest.raises(type(error)), parallel.world(comm):
            raise error
        assert ended.pop() == code
    with pytest.raises(SystemExit), parallel.world(comm):
        raise SystemExit(0)
    assert ended == [1]


def test_ranks_that_cannot_find_each_other_are_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each would train by itself."""
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "4")
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    monkeypatch.delitem(sys.modules, "mpi4py.MPI", raising=False)
    with pytest.raises(
        ModuleNotFoundError, match=r"one of 4 processes .* not installed: pip install \"microgradnet\[mpi\]\""
    ):
        parallel.world()
    fake: Any = types.ModuleType("mpi4py")
    fake.MPI = types.SimpleNamespace(
        COMM_WORLD=types.SimpleNamespace(size=1), Get_library_version=lambda: "Another MPI 1.0\nof somebody"
    )
    monkeypatch.setitem(sys.modules, "mpi4py", fake)
    monkeypatch.setitem(sys.modules, "mpi4py.MPI", fake.MPI)
    with pytest.raises(
        RuntimeError, match=r"has started 4 processes, and mpi4py, which speaks 'Another MPI 1\.0', sees one"
    ):
        parallel.world()
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "1")
    assert parallel.world().size == 1


def test_without_a_launcher_mpi_is_not_even_imported() -> None:
    if not any(name in os.environ for name in parallel.launch.SIGNS) and "mpi4py.MPI" not in sys.modules:
        parallel.world()
        assert "mpi4py.MPI" not in sys.modules


class Doubling:
    """Sums as two processes have them that hold the same."""

    def added(self, x: Any) -> Any:
        return 2 * np.asarray(x)


def test_a_sum_over_processes_is_differentiated_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two that hold the same, the mean cost over all depends on x here as that of one process does on its own."""
    x, w = np.random.default_rng(0).normal(size=(2, 3))

    def cost(x: Any) -> Any:
        total = across(x * x, Doubling(), 5)
        return (np.tanh(total / 2 + x) * w).sum()

    v, alone = Value(x), Value(x)
    cost(v).backward()
    (np.tanh(alone * alone + alone) * w).sum().backward()
    assert v.grad.shape == x.shape
    np.testing.assert_allclose(v.grad, alone.grad, rtol=1e-13)
    second = [mg.grad(lambda x, f=f: mg.grad(f)(x).sum())(Value(x)).data for f in (  # type: ignore[misc]
        cost, lambda x: (np.tanh(x * x + x) * w).sum())]  # fmt: skip
    np.testing.assert_allclose(*second, rtol=1e-12)
    assert type(across(x, Doubling(), 5)) is np.ndarray


def test_batch_norm_over_all_is_that_of_one_batch() -> None:
    """Two processes that hold the same: statistics, gradients and running means are those of the batch twice over."""
    from microgradnet.ops.across import AROUND

    x, g = np.random.default_rng(0).normal(size=(2, 4, 3, 5))
    found = []
    for sums in (Doubling(), None):
        layer, v = nn.BatchNorm1d(3, dtype=np.float64), Value(x if sums else np.concatenate([x, x]))
        AROUND.sums = sums
        try:
            out = layer(v)
            out.backward(g if sums else np.concatenate([g, g]))
        finally:
            AROUND.sums = None
        found.append((out.data[:4], v.grad[:4], layer.running_mean, layer.running_var, layer.eval()(x).data))
    for here, alone in zip(*found, strict=True):
        assert here.shape == alone.shape
        np.testing.assert_allclose(here, alone, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_batch_norm_over_all_keeps_the_precision(dtype: Any) -> None:
    from microgradnet.ops.across import AROUND

    layer = nn.BatchNorm1d(3, dtype=dtype)
    AROUND.sums = Doubling()
    try:
        v = Value(np.random.default_rng(0).normal(size=(4, 3)).astype(dtype))
        large = np.array(
            [[30000, 0, 1], [30000, 1, 0], [30016, 0, 1], [30016, 1, 0]], dtype
        )  # of which float16 has no sum
        np.testing.assert_allclose(layer(large).data, [[-1, -1, 1], [-1, 1, -1], [1, -1, 1], [1, 1, -1]], rtol=2e-3)
        out = layer(v)
        out.sum().backward()
        with pytest.raises(ValueError, match="the batches of all processes have 0 number in each channel"):
            layer(np.ones((0, 3), dtype))
    finally:
        AROUND.sums = None
    assert out.dtype == v.grad.dtype == layer.running_var.dtype == dtype
