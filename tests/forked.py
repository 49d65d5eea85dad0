"""Ranks where there is no MPI: `python -m tests.forked 2 FOLDER` forks itself, and its processes speak through pipes.

They are put through checks of tests/ranks.py, which real ranks are put through where there is MPI.
"""

from __future__ import annotations

import functools
import os
import sys
import types
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from tests import ranks

LONG = (
    ranks.convolutions_reach_them_too,
    ranks.compiled_steps_reach_them_too,
    ranks.it_goes_on_between_batches_that_are_one_step,
)
CHECKS = [check for check in ranks.CHECKS if check not in LONG]


class Comm:
    """As much of a communicator of mpi4py's as is asked for. Rank 0 has a pipe to each, the others one to it."""

    def __init__(self, rank: int, size: int, pipes: list[Connection]) -> None:
        self.rank, self.size, self.pipes = rank, size, pipes

    def allgather(self, x: Any) -> list[Any]:
        if self.rank:
            self.pipes[0].send(x)
            return list(self.pipes[0].recv())
        found = [x, *[pipe.recv() for pipe in self.pipes]]
        for pipe in self.pipes:
            pipe.send(found)
        return found

    def bcast(self, x: Any, root: int) -> Any:
        return self.allgather(x)[root]

    def Allreduce(self, kind: Any, x: Any) -> None:
        assert kind is MPI.IN_PLACE
        x[...] = functools.reduce(np.add, self.allgather(x.copy()))

    def Dup(self) -> Comm:
        return self

    def Free(self) -> None:
        pass

    def Abort(self, code: int) -> None:
        os._exit(code)


MPI: Any = types.ModuleType("mpi4py.MPI")
MPI.IN_PLACE = object()


def forked(size: int) -> Comm:
    """The communicator of this process, of which there are then so many."""
    pipes = [Pipe() for _ in range(1, size)]
    for rank in range(1, size):
        if not os.fork():
            return Comm(rank, size, [pipes[rank - 1][1]])
    return Comm(0, size, [here for here, _ in pipes])


if __name__ == "__main__":
    package: Any = types.ModuleType("mpi4py")
    package.MPI, MPI.COMM_WORLD = MPI, forked(int(sys.argv[1]))
    sys.modules |= {"mpi4py": package, "mpi4py.MPI": MPI}
    ranks.go_through(CHECKS, Path(sys.argv[2]))
