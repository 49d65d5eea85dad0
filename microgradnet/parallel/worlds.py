"""A world: the processes that train together, and what they say to each other."""

from __future__ import annotations

import itertools
import sys
import traceback
import zlib
from typing import Any, Self

import numpy as np

from ..core import Array
from ..ops.across import AROUND
from ..words import brief
from .launch import communicator

CLOSED = "this world is not open: write `with parallel.world() as world:` around what uses it"


class World:
    """The processes that train together: `rank` is the number of this one, from 0, `size` how many they are.

    `world()` makes one, for a `with` block. All of its methods but `part` are meetings: every rank has to come, in the
    same order, or those that did wait for ever. Inside the block BatchNorm in training meets too. An exception that
    leaves the block on one of several ranks is printed and ends all of them.

    >>> with world() as everybody:
    ...     everybody.sum(np.arange(3.0)), everybody.part(10)
    (array([0., 1., 2.]), slice(0, 10, None))
    """

    def __init__(self, comm: Any = None) -> None:
        self.rank: int = 0 if comm is None else comm.rank
        self.size: int = 1 if comm is None else comm.size
        self.quiet: bool = False  # while a step is recorded that will be undone, of which the others know nothing
        self.counts: bool = True  # whether the examples of this rank's batch count, or stand in for none
        self._given: Any = comm
        self._comm: Any = None
        self._open: bool = False

    def __repr__(self) -> str:
        return f"World(rank={self.rank}, size={self.size})"

    # -------------------------------------------------------------------------------------------------------- the block

    def __enter__(self) -> Self:
        if current() is not None:
            raise RuntimeError(
                f"a world is open already, {current()!r}: all processes are in it. Use it, there is one at a time"
            )
        if self._given is not None:
            self._comm = self._given.Dup()  # so that nothing else that is sent gets in between
        self._open = True
        OPENED.append(self)
        AROUND.sums = self if self.size > 1 else None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        OPENED.remove(self)
        self._open, AROUND.sums = False, None
        if self._comm is None:
            return
        if error is not None and not (isinstance(error, SystemExit) and not error.code):
            self._end_all(error)
        self._comm.Free()
        self._comm = None

    def _end_all(self, error: BaseException) -> None:
        """Print the error, and end the processes of all ranks: they wait for this one, and would for ever."""
        code = error.code if isinstance(error, SystemExit) else 1
        end_all(self._comm, error, code if isinstance(code, int) and 0 < code < 128 else 1)

    # --------------------------------------------------------------------------------------------------------- meetings

    def sum(self, x: Any) -> Array:
        """The sum of an array of numbers over all ranks, each of which gives one of the same shape and dtype.

        All ranks get the same bits, and another run with as many ranks gets them too.
        """
        array = np.array(x, order="C")
        if array.dtype.kind not in "fiu" or array.dtype.itemsize < 4:
            raise TypeError(f"world.sum takes numbers of float32, float64, int32 or int64; got {array.dtype}")
        return self.add(array)

    def added(self, x: Array) -> Array:
        """`sum` for what is reduced inside a model, where the examples of this rank may count for nothing."""
        return self.add(np.array(x, order="C") if self.counts or self.quiet else np.zeros(np.shape(x), x.dtype))

    def add(self, x: Array) -> Array:
        """`x`, in which its sum over all ranks is put."""
        comm = self._meeting()
        if self.quiet:
            x *= self.size  # as if all gave the same
        elif comm is not None:
            comm.Allreduce(sys.modules["mpi4py.MPI"].IN_PLACE, x)
        return x

    def gather(self, x: Any) -> list[Any]:
        """What each rank gives, a list in the order of ranks: arrays, or anything that pickle takes."""
        comm = self._meeting()
        return [x] if comm is None else list(comm.allgather(x))

    def broadcast(self, x: Any) -> Any:
        """What rank 0 gives."""
        comm = self._meeting()
        return x if comm is None else comm.bcast(x, root=0)

    def agree(self, what: str, *facts: object) -> None:
        """ValueError on every rank unless the facts, as they print, are the same on all of them."""
        texts = [str(fact) for fact in facts]
        if len(set(self.gather(zlib.crc32("\0".join(texts).encode())))) == 1:
            return
        found = self.gather(texts)
        rank = next(rank for rank, theirs in enumerate(found) if theirs != found[0])
        pairs = itertools.zip_longest(found[0], found[rank], fillvalue="nothing")
        here, there = next((x, y) for x, y in pairs if x != y)
        raise ValueError(
            f"{what} is not the same on all ranks: {here} on rank 0, {there} on rank {rank}. Every rank runs the same "
            f"program on the same data"
        )

    def _meeting(self) -> Any:
        if not self._open:
            raise RuntimeError(CLOSED)
        return self._comm

    # ------------------------------------------------------------------------------------------------------------ parts

    def part(self, n: int) -> slice:
        """Which of n examples are this rank's: one stretch for each rank, as even as can be, those before longer."""
        return slice(bound(n, self.rank, self.size), bound(n, self.rank + 1, self.size))


def bound(n: int, rank: int, size: int) -> int:
    """Where the part of a rank begins: each has n // size examples, and each of the first n % size one more."""
    return rank * (n // size) + min(rank, n % size)


def end_all(comm: Any, error: BaseException, code: int = 1) -> None:
    """Print the error, and end the processes of all ranks."""
    text = "".join(traceback.format_exception(error))
    print(f"rank {comm.rank} of {comm.size}, which ends all of them:\n{text}", file=sys.stderr, flush=True)
    sys.stdout.flush()
    comm.Abort(code)


HOOKED: list[Any] = []  # the communicator that an error outside of any block ends


def end_all_on_errors(comm: Any) -> None:
    """From now on an error that ends this process ends all: at its end each waits for the others."""
    if not HOOKED:
        HOOKED.append(comm)
        sys.excepthook = lambda kind, error, trace: end_all(comm, error)


OPENED: list[World] = []  # the one that is, or none


def current() -> World | None:
    """The world that is open, or None."""
    return OPENED[-1] if OPENED else None


def opened(who: str) -> World:
    """The world that is open. RuntimeError if there is none."""
    found = current()
    if found is None:
        raise RuntimeError(f"{who} wants an open world: write `with parallel.world():` around it")
    return found


def checked(given: Any) -> World:
    """What was given as `parallel=`. TypeError for what is no world, RuntimeError for one that is not open."""
    if not isinstance(given, World):
        raise TypeError(
            f"parallel is a world, `with parallel.world() as world: fit(…, parallel=world)`; got {brief(given)}"
        )
    given._meeting()
    return given


def world(comm: Any = None) -> World:
    """The world of all processes that a launcher has started together, such as `mpiexec -n 4 python train.py`.

    For a `with` block. Without a launcher it is this process alone: then MPI is not even imported. Another communicator
    of mpi4py's than COMM_WORLD may be given. RuntimeError where processes were started that do not find each other,
    ModuleNotFoundError where they cannot for want of mpi4py.

    >>> with world() as everybody:
    ...     everybody
    World(rank=0, size=1)
    """
    if comm is not None and not (hasattr(comm, "Allreduce") and hasattr(comm, "Dup")):
        raise TypeError(f"world(comm) takes a communicator of mpi4py, such as MPI.COMM_WORLD; got {brief(comm)}")
    found = communicator() if comm is None else comm
    if found is None or found.size == 1:
        return World()
    end_all_on_errors(found)
    return World(found)
