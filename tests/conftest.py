"""Settings every test runs under."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from .samples import EXAMPLES, SEED, SHARE, SOME, drawn

# Programs, which tests/test_types.py and test_estimators.py run; and a tool that runs tests.
collect_ignore = ["typed", "estimator_checks.py", "mutants"]

# A job in the background of a shell is started with Ctrl-C ignored, and so would be the programs that tests start:
# tests that send one would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples in every run; a failure prints how to draw its example again.
settings.register_profile(
    "default",
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("default")


@pytest.fixture(params=[pytest.param(SOME, id="some"), pytest.param(1.0, id="all", marks=pytest.mark.slow)])
def share(request: pytest.FixtureRequest) -> float:
    """How much of what a test could try it tries: see samples.py."""
    return float(request.param)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    share = "" if SHARE >= 1 else f" MICROGRADNET_SHARE={SHARE}"
    terminalreporter.write_line(f"samples were drawn by MICROGRADNET_SEED={SEED}{share}")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What comes to be while tests are collected stays: to look through it for garbage takes a fifth of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


# What the examples in docstrings need, where it is an extra.
NEEDS = {"microgradnet.plots.": "matplotlib"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if left_out := [item for item in items if not drawn(item.nodeid)]:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if drawn(item.nodeid)]
    for item in items:
        for start, module in NEEDS.items():
            if item.name.startswith(start) and find_spec(module) is None:
                item.add_marker(pytest.mark.skip(reason=f"{module}, of an extra, is not installed"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and a working folder with nothing in them, on Linux."""
    for name in ("MICROGRADNET_DATA", "KERAS_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path
