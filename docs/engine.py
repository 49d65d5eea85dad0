"""Words on each piece of core/engine.py, for the page that walks through it. A piece without words stops the build."""

from __future__ import annotations

import ast
from pathlib import Path

import microgradnet

FILE = Path(microgradnet.__file__).parent / "core" / "engine.py"

WORDS = {
    "Value": """
A **Value** holds an array, `_numbers`, and how it came to be: the row it was computed by (`op`), what from (`args`), with
which keywords (`params`). A Value that somebody wrote down, a *leaf*, has no `op`. Its `age` is a number that only grows;
that is what the sweep sorts by. `__slots__` makes it small: one record costs under a microsecond.
""",
    "Value.__init__": """
Writing `Value(3.0)` makes a leaf. Its numbers are copied, so that nobody else can change them; whole numbers become
floating point, for there is no slope between integers.
""",
    "Value.__init_subclass__": """
There are no kinds of Value of one's own: the record below asks `type(x) is Value`, which takes 20 ns, and that is the
question that decides whether something is differentiated.
""",
    "Value.__reduce__": """
A Value that is copied or unpickled is made anew, with an age of its own. A copy that kept its old age could be older than
what it was computed from, and the sweep would lose gradients without a word.
""",
    "Value.data": """
The numbers. While a step is being compiled (`on`), whoever looks at them gets a recorded stand-in.
""",
    "Value.data (setter)": """
Assigning moves a parameter: `w.data -= 0.1 * w.grad` is a step of descent. The Value gets a new age. If it had been used
in a formula before, that formula's result is now *older than its input*, which can only mean that it was computed from
other numbers: `history`, below, notices, and says so. That is how the commonest wrong gradient is caught, for the price
of one comparison.
""",
    "Value.grad": """
The gradient that the last `backward()` left here.
""",
    "Value.grad (setter)": """
It can be set, to None most of all: gradients add up until they are forgotten.
""",
    "Value.detach": """
The same numbers without a past.
""",
    "Value.backward": """
`backward` is two calls: a sweep that finds the gradients, and a deposit that puts them into `.grad`. If the sweep raises,
nothing has been deposited.
""",
    "NonDiff": """
Comparisons, `argmax`, `floor` have slope 0 wherever they have one. They are recorded all the same, so that drawings show
them and programs compute them anew, as Values of a kind that nothing flows back to.
""",
    "Op": """
An **Op** is a row of the table. `rules` has a function for each input; the rest are facts for those who read the row:
where it is smooth, how tests should call it, what its gradient is at special points.
""",
    "Op.__init__": """
If no input has a rule, results are `NonDiff`.
""",
    "Op.__call__": """
*ndarray in, ndarray out; a Value anywhere in, a Value out.* A keyword that is a Value would be a constant without a word,
so it is refused.
""",
    "Op.record": """
**Recording.** Take the numbers out of the inputs, compute, and wrap the result with the row and the inputs. `new_value` is
the constructor written out. This is all that happens forward: no closures, no tape.
""",
    "Op.pull": """
**Differentiating one operation.** Each input's rule gets the gradient of the result, and what it returns is added to what
that input has so far. The line at the top is the whole of higher order: with `create_graph` the rules get *Values* in
place of arrays, so that what they compute is recorded, and can be differentiated again.
""",
    "Gone": """
A history that was released, or written over, is replaced by a row that says what happened when a sweep needs it.
""",
    "sweep": """
**The sweep.** Start with the gradient of the result in `pending`, let it flow, and what is left in `pending` at the end
are the leaves. The assertion is the invariant: no operation was left with a gradient that nobody handed on.
""",
    "swept": """
Youngest first. When a Value's turn comes, everything younger has been done, so everything that used it has sent its part:
its gradient is whole. Since nodes are popped from the list, with `release` memory is given back while the sweep runs.
""",
    "history": """
The Values that a result was computed from: a walk without recursion over a list that grows while it is walked, then a
sort by age. Here ages are compared: an input that is younger than what was computed from it has been written to.
""",
    "fitted": """
What a rule returns is made to fit its input: summed over what broadcasting had stretched, in the input's dtype. So no
rule needs to think of either.
""",
    "start": """
A sweep starts from one number with the gradient 1, or from what it is given.
""",
    "deposit": """
Each gradient becomes the `.grad` of its Value, in memory that nobody else holds: a rule may have handed the same array to
two inputs. Leaves add it to what they have. The loop at the end makes the addition safe with threads.
""",
}


def page() -> str:
    """The file in pieces, each under its words."""
    source = FILE.read_text(encoding="utf-8")
    lines = source.splitlines()
    tree = ast.parse(source)
    parts, said = [], set()

    def piece(node: ast.AST, name: str, until: int | None = None) -> None:
        start = min([node.lineno, *[d.lineno for d in getattr(node, "decorator_list", [])]])
        code = "\n".join(lines[start - 1 : until or node.end_lineno])
        parts.append(f"{WORDS[name].strip()}\n\n```python\n{code}\n```\n")
        said.add(name)

    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            piece(node, node.name)
        elif isinstance(node, ast.ClassDef):
            methods = [m for m in node.body if isinstance(m, ast.FunctionDef)]
            if node.name not in ("Value", "Op"):
                piece(node, node.name)
                continue
            first = min([methods[0].lineno, *[d.lineno for d in methods[0].decorator_list]])
            piece(node, node.name, until=first - 2)
            for m in methods:
                decorators = [ast.unparse(d) for d in m.decorator_list]
                if "overload" not in decorators:
                    setter = any(d.endswith(".setter") for d in decorators)
                    piece(m, f"{node.name}.{m.name}" + " (setter)" * setter)
    if left := set(WORDS) - said:
        raise ValueError(f"words on what engine.py no longer has: {', '.join(sorted(left))}")
    return "\n".join(parts)
