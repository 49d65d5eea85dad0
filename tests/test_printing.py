"""Nothing printed raises, whatever the encoding: `python train.py > log.txt` is in cp1252 on Windows."""

from __future__ import annotations

import ast
import contextlib
import functools
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import Value, nn
from microgradnet.words import PLAIN, fits, printable
from tests.samples import sample

ROOT = Path(__file__).parent.parent
PACKAGE = Path(mg.__file__).parent

# Of streams, and of the locale, which is that of files opened without an encoding.
SURROUNDINGS = {
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "C": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": "utf-8"},  # files alone
}


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=[] if name in sample([*SURROUNDINGS], 1) else [pytest.mark.slow]) for name in SURROUNDINGS
])  # fmt: skip
def test_all_that_is_printed_can_be_in_any_encoding(name: str, tmp_path: Path) -> None:
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), **SURROUNDINGS[name]}
    command = [sys.executable, "-m", "tests.printed", str(tmp_path)]
    done = subprocess.run(command, env=surroundings, capture_output=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    assert int(done.stdout.splitlines()[-1].split()[0]) > 250
    log = (tmp_path / "log.txt").read_bytes()
    assert log.isascii() == (name != "cp1252")
    assert b"4 -> 4" in log
    assert rb"_\u0439(" in log
    # A page says how it is encoded, so it has every character everywhere.
    assert rb"gr\u00f6\u00dfe\u2192\u221e" in (tmp_path / "own.html").read_bytes()


def printed(thing: object, encoding: str) -> str:
    """What is on a stream of this encoding once it is printed there."""
    held = io.BytesIO()
    stream = io.TextIOWrapper(held, encoding, write_through=True)
    with contextlib.redirect_stdout(stream):
        print(thing)
    return held.getvalue().decode(encoding).rstrip("\n")


def test_symbols_are_those_that_the_stream_has() -> None:
    layer = nn.Linear(3, 4)
    assert repr(layer) == printed(layer, "utf-8") == "Linear(3 → 4)"
    assert printed(layer, "cp1252") == "Linear(3 -> 4)"
    assert printed(Value(1.0, name="größe_β"), "utf-16").endswith("name='größe_β')")
    assert printed(Value(1.0, name="größe_β"), "cp1252").endswith(r"name='größe_\u03b2')")
    assert printed(Value(1.0, name="größe_β"), "ascii").endswith(r"name='gr\xf6\xdfe_\u03b2')")
    with contextlib.redirect_stdout(io.StringIO()) as held:  # has no encoding
        print(layer)
    assert held.getvalue() == "Linear(3 → 4)\n"


def test_columns_stay_even_where_a_symbol_is_longer() -> None:
    table = printed(nn.MLP(3, [4, 2]).summary(), "ascii").splitlines()
    assert table[2].index("weight") == table[3].index("weight") == table[0].index("parameters")


def test_a_drawing_saved_has_all_its_symbols(tmp_path: Path) -> None:
    drawing = mg.draw(np.sqrt(Value(2.0, name="β")) * 3)
    wanted = drawing.text, drawing.source
    stream = io.TextIOWrapper(io.BytesIO(), "ascii")
    with contextlib.redirect_stdout(stream):
        assert drawing.text.isascii()
        assert drawing.source.isascii()
        assert "&#946;" in drawing.source  # of which Graphviz makes the letter
        for name in ("graph.txt", "graph.dot"):
            drawing.save(tmp_path / name)
    assert (tmp_path / "graph.txt").read_text(encoding="utf-8").rstrip("\n") == wanted[0]
    assert (tmp_path / "graph.dot").read_text(encoding="utf-8") == wanted[1]
    assert not wanted[0].isascii()


def test_a_page_is_ascii_wherever_it_is_made() -> None:
    assert mg.draw(Value(2.0, name="β") * 3).html.isascii()


def test_a_stream_of_an_unknown_encoding_gets_ascii() -> None:
    class Odd:
        encoding = "klingon"

    assert printable("3 → 4", Odd()) == "3 -> 4"
    assert printable("\udc80 → 4") == r"\udc80 → 4"  # half a character is in no encoding


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def strings(path: Path) -> Iterator[str]:
    """The strings in a module, but for docstrings."""
    alone = set()
    for node in ast.walk(parsed(path)):  # which comes to what a node is made of after the node
        if isinstance(node, ast.Expr):
            alone.add(id(node.value))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.value


def test_every_symbol_of_ours_has_a_plain_spelling() -> None:
    files = [path for path in sorted(PACKAGE.rglob("*.py")) if path.name != "words.py"]
    written = {path: {c for c in path.read_text("utf-8") if not c.isascii()} for path in files}
    others = [path for path in files if written[path] - PLAIN.keys()]  # in a comment they may be
    assert {c for path in others for text in strings(path) for c in text if not c.isascii()} - PLAIN.keys() == set()
    assert len(set.union(*written.values()) & PLAIN.keys()) > 20
    assert all(text.isascii() and text for text in PLAIN.values())


def test_a_file_without_an_encoding_is_thought_of_only_without_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())  # which takes all
    monkeypatch.setattr("locale.getpreferredencoding", lambda _: "ascii")
    assert printable("a × b") == "a * b"
    assert printable("a × b", io.TextIOWrapper(io.BytesIO(), "utf-8")) == "a × b"


def test_errors_can_be_printed_on_windows() -> None:
    """`except ValueError as error: print(error)`: what is raised is text by then, and no repr of ours."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in [] if fits(path.read_text("utf-8"), "cp1252") else ast.walk(parsed(path)):
            if isinstance(node, ast.Raise):
                for part in ast.walk(node):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        assert fits(part.value, "cp1252"), f"{path.name}:{part.lineno}: {part.value}"


def test_examples_print_ascii() -> None:
    """Their help too, which is what they are about and their arguments."""
    seen = 0
    for path in sorted((ROOT / "examples").glob("*.py")):
        tree = parsed(path)
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        printing = [
            call for call in calls if ast.unparse(call.func).split(".")[-1] in ("print", "write", "add_argument")
        ]
        for part in (part for node in [tree.body[0], *printing] for part in ast.walk(node)):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                assert part.value.isascii(), f"{path.name}:{part.lineno}: {part.value}"
                seen += 1
    assert seen > 100
