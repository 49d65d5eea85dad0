"""Timings beside hand-written NumPy and the peers: `python -m tests.benchmarks`.

One core and one thread each: what is compared is the work, not how several frameworks' pools of threads get on with
each other in one process. Threads have to be spoken of before NumPy is imported; JAX's jit takes a second core whatever
its flags say, so a benchmark also keeps its process on one core (`one_core`).
"""

import os

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")


def one_core() -> str:
    """Keep this process, and all threads that it starts, on the last core it may run on; which one, in words."""
    if not hasattr(os, "sched_setaffinity"):  # macOS, Windows
        return "one thread each (this system keeps no process on one core)"
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return f"one core, number {core}"
