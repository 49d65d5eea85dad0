"""What the command line takes, does and says: options as they are understood, what is printed, and the exit status.

tests/commands.txt has each command here. Where one is meant to change, `python -m tests.test_commands` writes the file
anew: what changed is then in the diff. What --help prints is Python's to lay out.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import microgradnet.__main__ as command_line

PAGE = Path(__file__).with_name("commands.txt")
MODULE = """
import numpy as np
from microgradnet import Value, check_grads, nn, primitive
def f(x, y): return np.tanh(x * y) + x
def one(x, more=2.0): return (x * more).sum()
def plain(): return 3.0
def loss(): return (Value([1.0, 2.0], name="w") ** 2).sum()
def case(): return one, np.array([0.5, 1.0])
def report(): return check_grads(one, 2.0)
def listed(): return [one, 2.0]
def not_callable(): return 2.0, one
def flat(x): return np.sign(x)
def misspelt(x): return x.tanhh()
wrong = primitive(lambda g, out, x: 3 * g)(lambda x: 2 * x)
model = nn.MLP(4, [3, 2], seed=0)
class inside: f = f  # a name with a dot
value = Value(2.0) * 3.0
number = 3
"""
OPTIONS = """
train digits
train mnist
draw m:f
check m:f
train mnist --data d --download --hidden 3 --activation relu --epochs 2 --batch-size 5
train digits --lr 0.5 --compile --save a.npz --load b.npz --seed 3
check m:f --order 2 1 -1.5 --seed 5 -1e-3
draw m:f 1 2 --shape 2,3 --shape () --out a.svg --fold all --weights --seed 4
check m:f 1 2 --shape 2,3 --order 2 --samples 7 --seed 5

train
train letters
draw
check m:f --order 3
check m:f 1.0 --orders 2
train digits --activation elu
train digits --epochs x
draw m:f --samples 2
nothing
"""[1:-1].split("\n")
COMMANDS = """
check mine:f 0.5 2
check mine:f 0.5 2 --order 2
check mine:f --shape () --shape 2
check mine:f 0.5 --shape 2
check mine:f
check mine:f 1
check mine:f 1.0
check mine:one --shape 2,3 --samples 2 --seed 1
check mine:one
check mine:case
check mine:report
check mine:plain
check mine:listed
check mine:not_callable
check mine:flat 1.0
check mine:wrong 2.0
check mine:model --shape 1,4
check mine:model
check mine:number
check mine:value
check mine
check mine:
check :f
check mine:none
check mine.none:f
check no_such_module:f
check mine.py:f
check mine:misspelt 1.0
check mine:inside.f 1.0 2.0
check mine:f x 1
check mine:one --shape x
check mine:one --shape 3,
check mine:one --shape 0
check mine:one --order 2 -1.5
draw mine:f 3.0 -2.0
draw mine:f 3
draw mine:one [1.0,2.0] --fold all
draw mine:one 1 [2.0,3.0] --weights
draw mine:one --shape (2,3)
draw mine:loss
draw mine:value --weights
draw mine:value --out value.txt
draw mine:model --shape 1,4 --fold modules
draw mine:model --shape 1,4 --fold modules --out net.html
draw mine:model
draw mine:plain
draw mine:number
draw mine:value --fold some
draw mine:value --out a.jpg
train digits --hidden 3,x
train digits --data d
train digits --download
train digits --save a.txt
train digits --load none.npz
"""[1:-1].split("\n")


def ended(line: str) -> str:
    """What a command printed, and its exit status."""
    out, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        try:
            status = command_line.main(line.split())
        except SystemExit as end:
            status = end.code
    said = re.sub(r"usage: (.*\n)*", "", out.getvalue() + errors.getvalue())  # whose complaints are Python's too
    said = re.sub(r" ± [\w.+-]+| *\d\.\d+e[+-]\d+$| +$", "", said, flags=re.MULTILINE)  # which rounding makes
    said = re.sub(r" at 0x\w+|^ +\S*test_commands\.py:.*\n", "", said, flags=re.MULTILINE)
    return f"==== {line}\n{said}status {status}"


def understood(line: str) -> str:
    """The options of a command, or why there are none."""

    def shown(options: object) -> int:
        print({name: x for name, x in sorted(vars(options).items()) if name != "run"})
        return 0

    with contextlib.ExitStack() as stack:
        for name in ("train", "draw_it", "check"):
            stack.enter_context(mock.patch.object(command_line, name, shown))
        return ended(line)


def page() -> Iterator[str]:
    for line in OPTIONS:
        yield understood(line)
    before, path = os.getcwd(), list(sys.path)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "mine.py").write_text(MODULE, encoding="utf-8")
        os.chdir(folder)
        try:
            yield from map(ended, COMMANDS)
        finally:
            os.chdir(before)
            sys.path[:] = path
            sys.modules.pop("mine", None)


def test_what_commands_do_is_what_it_was() -> None:
    assert "\n".join(page()) == PAGE.read_text(encoding="utf-8").rstrip("\n")


if __name__ == "__main__":
    PAGE.write_text("\n".join(page()) + "\n", encoding="utf-8")
