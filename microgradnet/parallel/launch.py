"""Whether a launcher of MPI has started this process as one of several, and what they speak through."""

from __future__ import annotations

import os
import sys
from typing import Any

# What launchers tell a process: how many there are, or at least that it is one of them.
COUNTS = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS")
SIGNS = (*COUNTS, "PMI_RANK", "PMIX_RANK", "PMI_ID")
INSTALL = 'pip install "microgradnet[mpi]"'


def count() -> int | None:
    """How many processes a launcher has started; 1 without one, None if it does not say."""
    if not any(name in os.environ for name in SIGNS):
        return 1
    return next((int(os.environ[name]) for name in COUNTS if os.environ.get(name, "").isdigit()), None)


def communicator() -> Any:
    """What the processes speak through, mpi4py's COMM_WORLD; None for one that is alone.

    MPI begins when it is imported, so that is left where nobody needs it. ModuleNotFoundError, RuntimeError where a
    launcher is at work and its processes could not find each other: each would train by itself.
    """
    n = count()
    if n == 1 and "mpi4py.MPI" not in sys.modules:
        return None
    said = "several" if n is None else str(n)
    try:
        from mpi4py import MPI
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"this is one of {said} processes that a launcher of MPI has started, and they speak through mpi4py, which "
            f"is not installed: {INSTALL}"
        ) from error
    except (ImportError, RuntimeError) as error:
        raise RuntimeError(f"mpi4py finds no MPI: {INSTALL} brings one. It says: {error}") from error
    found = MPI.COMM_WORLD
    if found.size == 1:
        if n is not None and n > 1:
            library = MPI.Get_library_version().partition("\n")[0]
            raise RuntimeError(
                f"the launcher has started {n} processes, and mpi4py, which speaks {library.strip()!r}, sees one: they "
                f"are of two installations of MPI. Start with the mpiexec that belongs to mpi4py's"
            )
        return None
    return found
