"""Exercises for those who learn how gradients are made: write a rule, and hidden laws say whether it is right.

>>> from microgradnet.testing import exercises
>>> print(exercises.tanh)
tanh: the rule of out = tanh(x), element by element.
  g is the gradient of the result, of its shape. Return the gradient of x.
<BLANKLINE>
    def tanh(g, out, x):
        return ...
>>> print(exercises.tanh.mark(lambda g, out, x: g * (1 - x * x)))
tanh: 1 of 7 points
  ✓ it returns a gradient of the shape of its input
  ✗ the gradient is the slope
      the rule for input 0 gives -12 where the slope is 0.282603 at x[2] = 2, for g = 2, 3, 4
      hint: your rule is right if x is replaced by out
  and 5 more, looked at when these hold

An answer is a function, or a tuple of one for each input. `score` marks a class: what each student wrote, as a dict or
as the module that was handed in.
"""

from .marking import Exercise, Marks, Promise, Scores, Wrong
from .marking import score as _score
from .order import Node, order
from .rules import batch_norm, column_mean, matmul, multiply, softmax, softmax_cross_entropy, softplus, tanh
from .whole import two_layers

__all__ = [
    "ALL", "Exercise", "Marks", "Node", "Promise", "Scores", "Wrong", "batch_norm", "column_mean", "matmul", "multiply",
    "order", "score", "softmax", "softmax_cross_entropy", "softplus", "tanh", "two_layers",
]  # fmt: skip

ALL: tuple[Exercise, ...] = (
    multiply, tanh, softplus, column_mean, matmul, softmax, softmax_cross_entropy, batch_norm, two_layers, order
)  # fmt: skip
"""All exercises, the easier ones first."""


def score(answers: object, exercises: tuple[Exercise, ...] = ALL) -> Scores:
    """The marks of a class: a table of students and exercises, with points and the hints that each should see.

    `answers` has for each student what was written: a dict or a module with an answer under the name of each exercise;
    what is not there has no points. Answers are called, in this process: run what strangers hand in where it can do no
    harm, and under a limit of time.

    >>> from microgradnet.testing import exercises
    >>> ada = {"tanh": lambda g, out, x: g * (1 - out * out)}
    >>> ben = {"tanh": lambda g, out, x: 1 - out * out}
    >>> print(exercises.score({"Ada": ada, "Ben": ben}, exercises=(exercises.tanh,)))
    student  tanh   sum
    Ada       7/7  100%
    Ben       1/7   14%
    """
    return _score(answers, exercises)
