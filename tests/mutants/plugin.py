"""Runs tests with the switches: once to note what each test reaches, then for each mutant those that reach it.

Of a `record` the result is a file: for each test that passes its seconds and what it reached. A `judge` forks for each
mutant once everything is imported, and the fork runs the tests, the fastest first, until one fails.
"""

from __future__ import annotations

import ast
import json
import os
import signal
import time
import traceback
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from . import switches

FOLDER = Path(os.environ["MUTANTS"])
TASK = os.environ["MUTANT_TASK"]  # "record", or the file of what is to be judged: numbers and their tests
IMPORTED = "at import"

reached: dict[str, set[int | str]] = defaultdict(set)  # by test; by file, what its fixtures for several tests reached
seconds: dict[str, float] = {}
failed: list[str] = []


def take() -> set[int | str]:
    """What was reached since the last call, in programs that were started too."""
    found = set(switches.REACHED)
    for file in Path(os.environ["MUTANTS_REACHED"]).iterdir():
        found |= ast.literal_eval(file.read_text() or "set()")
        file.unlink()
    switches.REACHED.clear()
    return found


if TASK == "record":

    def pytest_collection_finish() -> None:
        reached[IMPORTED] = take()

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(fixturedef: Any, request: Any) -> Iterator[None]:
        before = set(switches.REACHED)
        result = yield
        if fixturedef.scope != "function":
            reached[request.node.nodeid] |= switches.REACHED - before
        return result

    def pytest_runtest_logreport(report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            seconds[report.nodeid] = report.duration

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
        result = yield
        reached[item.nodeid] = take()
        return result

    def pytest_sessionfinish() -> None:
        tests = {
            test: [time, sorted(map(str, reached[test] | reached[test.partition("::")[0]]))]
            for test, time in seconds.items()
        }
        (FOLDER / "reached.json").write_text(
            json.dumps({IMPORTED: sorted(map(str, reached[IMPORTED])), "tests": tests})
        )

else:

    def pytest_runtestloop(session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        results = {}
        for number, tests, limit in json.loads(Path(TASK).read_text()):
            results[number] = verdict(number, [items[test] for test in tests if test in items], limit)
            Path(f"{TASK}.done").write_text(json.dumps(results))
        return True

    def verdict(number: int, items: list[pytest.Item], limit: float) -> str:
        """What happens to the tests in a fork of this process with a mutant in force."""
        note = Path(f"{TASK}.test")
        note.write_text("")
        child = os.fork()
        if not child:
            try:
                os.setsid()
                switches.activate(number)
                note.write_text(next(failures(items), ""))
            except BaseException:
                note.write_text(f"the fork: {traceback.format_exc()}")
            finally:
                os._exit(0)
        end = time.monotonic() + limit
        while time.monotonic() < end:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return note.read_text() if os.WIFEXITED(status) else f"signal {os.WTERMSIG(status)}"
            time.sleep(0.02)
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return f"{limit:.0f} s are over"

    def failures(items: list[pytest.Item]) -> Iterator[str]:
        """The names of the tests that fail."""
        for item, after in zip(items, [*items[1:], None], strict=False):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
            yield from failed

    def pytest_runtest_logreport(report: pytest.TestReport) -> None:
        if report.failed:
            failed.append(report.nodeid)
