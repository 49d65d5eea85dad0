"""Two ranks that speak through pipes, where there is no MPI, are put through most of what real ones are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import forked, ranks


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_two_ranks_without_mpi_train_as_one_process(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error::UserWarning", "-m", "tests.forked", "2", str(tmp_path)]
    done = subprocess.run(command, cwd=ranks.ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.split("\n")[:-1] == [f"passed {check.__name__}" for check in forked.CHECKS], done.stderr
    assert done.returncode == 0
