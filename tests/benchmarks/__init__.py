"""Timings beside hand-written NumPy and the peers: `python -m tests.benchmarks`.

One thread each, unless the environment says otherwise: what is compared is the work, not how several frameworks' pools
of threads get on with each other in one process. It has to be said before NumPy is imported.
"""

import os

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
