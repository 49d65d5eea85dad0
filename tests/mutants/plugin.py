"""Runs tests with the switches: to note what each test reaches, or for each mutant those that reach it.

Asked to "record", it answers with all blocks that were reached, and for each test that passes its seconds and which of
them it reached, by their numbers; under "" stand those that were reached while all was imported. Asked to judge, it
forks for each mutant once everything is imported, and the fork runs the tests, the fastest first, until one fails: that
test is the answer.
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
TASK = json.loads((FOLDER / "task").read_text())

reached: dict[str, set[str]] = defaultdict(set)  # by test; by file, what its fixtures for several tests reached
seconds: dict[str, float] = {"": 0.0}
failed: list[str] = []


def say(answer: dict[str, Any]) -> None:
    (FOLDER / "answer").write_text(json.dumps(answer))


def take() -> set[str]:
    """What was reached since the last call, in programs that were started too."""
    found = set(switches.REACHED)
    for file in Path(os.environ["MUTANTS_REACHED"]).iterdir():
        if not file.suffix:
            found |= ast.literal_eval(file.read_text())
            file.unlink()
    switches.REACHED.clear()
    return found


class Recorder:
    def pytest_collection_finish(self) -> None:
        reached[""] = take()

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> Iterator[None]:
        before = set(switches.REACHED)
        result = yield
        if fixturedef.scope != "function":
            reached[request.node.nodeid] |= switches.REACHED - before
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        result = yield
        reached[item.nodeid] = take()
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            seconds[report.nodeid] = report.duration

    def pytest_sessionfinish(self) -> None:
        numbers = {block: number for number, block in enumerate(sorted(set().union(*reached.values())))}
        by_test = {test: reached[test] | reached[test.partition("::")[0]] for test in seconds}
        tests = {test: [seconds[test], sorted(numbers[x] for x in blocks)] for test, blocks in by_test.items()}
        say({"blocks": list(numbers), "tests": tests})


class Judge:
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:  # a file could not be imported
            return True
        items = {item.nodeid: item for item in session.items}
        verdicts = {}
        for number, tests, limit in TASK:
            verdicts[number] = verdict(number, [items[test] for test in tests if test in items], limit)
            say(verdicts)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            failed.append(report.nodeid)


def verdict(number: int, items: list[pytest.Item], limit: float) -> str:
    """What happens to the tests in a fork of this process with a mutant in force."""
    note = FOLDER / "note"
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


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Recorder() if TASK == "record" else Judge())
