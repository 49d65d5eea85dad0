"""The site's pages of the API: everything public is on one of them, with an example that runs; and nothing that the
package does when it is imported is out of reach of a browser's Python."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from microgradnet.core import Op
from tests.test_public_names import PUBLIC

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    pytest.importorskip("scipy.special", reason="the rows of SciPy are on the pages")
    monkeypatch.syspath_prepend(DOCS)
    for name in ("made", "engine", "examples"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module("made")


def test_everything_public_is_on_a_page_once(site: ModuleType) -> None:
    paths = [path for module in site.MODULES for path, _ in site.shown(module)]
    assert len(paths) == len(set(paths)) > 350
    there = {path.rpartition(".")[2] for path in paths}
    for room in PUBLIC:
        missing = set(site.public(f"microgradnet.{room}".rstrip("."))) - there
        assert not missing, f"no module in docs/made.py shows these of {room}"


def test_everything_public_has_an_example(site: ModuleType) -> None:
    """In its docstring, where the tests run it, or in docs/examples.py, where the build of the site does."""
    things = [thing for module in site.MODULES for thing in site.shown(module) if callable(thing[1])]
    documented = {p for p, x in things if ">>>" in ((x.__doc__ if isinstance(x, Op) else inspect.getdoc(x)) or "")}
    written = set(site.examples.EXAMPLES)
    assert {path for path, _ in things} - documented - written == set()
    assert written - {path for path, _ in things} == set(), "examples of what is not there"
    assert written & documented == set(), "examples that no page shows: there is one in the docstring"


@pytest.mark.slow  # the build of the site runs them too
def test_the_examples_of_the_pages_run(site: ModuleType) -> None:
    for path in site.examples.EXAMPLES:
        assert ">>>" in site.examples.shown(path)


FORBIDDEN = """
import importlib, sys, threading
import numpy, graphviz  # others' business

def refuse(event, args=()):
    if event in ("threads", "subprocess.Popen", "os.fork", "os.posix_spawn", "os.system", "os.exec", "socket.__new__"):
        raise RuntimeError(f"a browser's Python has no {event}")

sys.addaudithook(refuse)
threading.Thread.start = lambda thread: refuse("threads")
"""


def run(program: str) -> str:
    """What a program prints, in which starting a thread or a process, or opening a socket, is an error."""
    done = subprocess.run([sys.executable, "-c", FORBIDDEN + program], capture_output=True, text=True, env={"PATH": ""})
    assert not done.returncode, done.stderr
    return done.stdout


def test_importing_needs_no_threads_processes_or_sockets() -> None:
    pages = "data estimators functional gradcheck nn optim plots saving tree train transforms viz playing programs"
    assert run(
        "import microgradnet as mg\n"
        f"for name in '{pages}'.split(): importlib.import_module(f'microgradnet.{{name}}')\n"
        "for name in mg.__all__: getattr(mg, name)\n"
        "print('all of it')"
    ) == "all of it\n"  # fmt: skip


def test_a_graph_is_drawn_and_played_without_threads_processes_or_sockets() -> None:
    shown = run(
        "import microgradnet as mg\n"
        "a, b = mg.Value(-4.0, name='a'), mg.Value(2.0, name='b')\n"
        "c = (a * b + b**3).relu() + a**2 / b\n"
        "c.backward()\n"
        "drawn = mg.draw(c)._repr_mimebundle_()['image/svg+xml']\n"
        "print(a.grad, '<svg' in drawn, '<script' in mg.steps(c).html)"
    )
    assert shown == "-4.0 True True\n"


@pytest.mark.parametrize(
    "wrong",
    [
        "threading.Thread(target=print).start()",
        "import os; os.system('true')",
        "import subprocess; subprocess.run([sys.executable, '-V'])",
        "import socket; socket.socket()",
    ],
)
def test_a_program_that_needs_them_is_noticed(wrong: str) -> None:
    with pytest.raises(AssertionError, match="a browser's Python has no"):
        run(wrong)
