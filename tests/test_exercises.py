"""The exercises: a right answer has all points, and typical wrong ones get the hint that helps."""

from __future__ import annotations

import linecache
import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from microgradnet import functional as F
from microgradnet.gradcheck import check_grads
from microgradnet.testing import exercises
from microgradnet.testing.exercises import forwards
from microgradnet.testing.exercises.order import shown
from microgradnet.testing.exercises.rules import culprit_of
from microgradnet.testing.exercises.whole import drawn, hint_on

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def softmax_rule(g: Any, out: Any, x: Any) -> Any:
    return out * (g - (g * out).sum(axis=1, keepdims=True))


def cross_entropy_rule(g: Any, out: Any, x: Any, labels: Any) -> Any:
    right = (labels[:, None] == np.arange(x.shape[1])).astype(x.dtype)
    return g * (F.softmax(x, axis=1) - right) / len(x)


def batch_norm_rule(g: Any, out: Any, x: Any) -> Any:
    d = x - x.mean(axis=0)
    spread = np.sqrt((d * d).mean(axis=0) + 1e-5)
    hat = d / spread  # not out: the second derivative sees that it depends on x either way
    return (g - g.mean(axis=0) - hat * (g * hat).mean(axis=0)) / spread


def network(x: Any, y: Any, w1: Any, b1: Any, w2: Any, b2: Any, *, slope: Any = None, by: float = 1.0) -> Any:
    hidden = np.tanh(x @ w1 + b1)
    g = by * (hidden @ w2 + b2 - y) / len(x)
    through = g @ w2.T * (1 - hidden**2 if slope is None else slope(hidden))
    return x.T @ through, through.sum(axis=0), hidden.T @ g, g.sum(axis=0)


def in_order(loss: Any) -> list[Any]:
    """Kahn's algorithm."""
    waiting: dict[Any, int] = {}
    seen, left = {loss}, [loss]
    while left:
        for x in left.pop().inputs:
            waiting[x] = waiting.get(x, 0) + 1
            if x not in seen:
                seen.add(x)
                left.append(x)
    ready, found = [loss], []
    while ready:
        node = ready.pop()
        found.append(node)
        for x in node.inputs:
            waiting[x] -= 1
            if not waiting[x]:
                ready.append(x)
    return found


RIGHT: dict[str, Any] = {
    "multiply": (lambda g, out, x, y: g * y, lambda g, out, x, y: g * x),
    "tanh": lambda g, out, x: g * (1 - out * out),
    "softplus": lambda g, out, x: g * F.sigmoid(x),
    "column_mean": lambda g, out, x: np.broadcast_to(g / len(x), x.shape),
    "matmul": (lambda g, out, x, y: g @ y.T, lambda g, out, x, y: x.T @ g),
    "softmax": softmax_rule,
    "softmax_cross_entropy": cross_entropy_rule,
    "batch_norm": batch_norm_rule,
    "two_layers": network,
    "order": in_order,
}


@pytest.mark.parametrize("exercise", exercises.ALL, ids=lambda exercise: exercise.name)
def test_a_right_answer_has_all_points(exercise: exercises.Exercise) -> None:
    marks = exercise.mark(RIGHT[exercise.name])
    assert marks, str(marks)
    assert marks.points == marks.most == len(exercise.promises) >= 3


# -------------------------------------------------------------------------------------------------- what is often wrong


def probabilities(x: Any) -> Any:
    return forwards.softmax(x)


def depth_first(loss: Any) -> list[Any]:
    found: list[Any] = []

    def visit(node: Any) -> None:
        if node not in found:
            found.append(node)
            for x in node.inputs:
                visit(x)

    visit(loss)
    return found


def breadth_first(loss: Any) -> list[Any]:
    found, left = [], [loss]
    while left:
        node = left.pop(0)
        if node not in found:
            found.append(node)
            left += node.inputs
    return found


def with_repeats(loss: Any) -> list[Any]:
    return [loss, *[node for x in loss.inputs for node in with_repeats(x)]]


def recursive(loss: Any) -> list[Any]:
    found: list[Any] = []
    seen = set()

    def visit(node: Any) -> None:
        if node not in seen:
            seen.add(node)
            for x in node.inputs:
                visit(x)
            found.append(node)

    visit(loss)
    return found[::-1]


def in_place(g: Any, out: Any, x: Any) -> Any:
    g *= 1 - out * out
    return g


def unsummed(gw1: Any, gb1: Any, gw2: Any, gb2: Any) -> Any:
    return gw1, np.ones((5, 1)) * gb1, gw2, gb2


def transposed(gw1: Any, gb1: Any, gw2: Any, gb2: Any) -> Any:
    return gw1.T, gb1, gw2, gb2


def before_tanh(x: Any, y: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
    z = x @ w1 + b1
    return 0, 0, z.T @ (np.tanh(z) @ w2 + b2 - y) / len(x), 0


def mixed(right: Any, wrong: Any, which: int) -> Any:
    """The gradients of an answer, of which one is that of another."""
    return [wrong[i] if i == which else g for i, g in enumerate(right)]


WRONG: dict[str, list[tuple[Any, int, str]]] = {  # an answer, the promises it keeps, and what the hint says
    "multiply": [
        ((lambda g, out, x, y: y, lambda g, out, x, y: x), 1, "multiplied by g"),
        ((lambda g, out, x, y: g * x, lambda g, out, x, y: g * y), 1, "x is replaced by out|x and y change places|y"),
        ((lambda g, out, x, y: g * y, lambda g, out, x, y: -g * x), 1, "its sign is changed"),
        ((lambda g, out, x, y: (g * y).sum(), lambda g, out, x, y: g * x), 0, ""),
    ],
    "tanh": [
        (lambda g, out, x: 1 - out * out, 1, "multiplied by g"),
        (lambda g, out, x: g * (1 - x * x), 1, "x is replaced by out"),
        (lambda g, out, x: -g * (1 - out * out), 1, "its sign is changed"),
        (lambda g, out, x: np.asarray(g) * (1 - np.asarray(out) ** 2), 3, "may be Values"),
        (lambda g, out, x: g * (np.array(1.0) - out * out) * np.ones(x.shape), 4, "Python's numbers"),
        (in_place, 1, "write into the gradient that others use"),
    ],
    "softplus": [
        (lambda g, out, x: np.exp(x) / (1 + np.exp(x)), 1, "multiplied by g"),
        (lambda g, out, x: g / (1 + np.exp(x)), 1, "with its sign changed"),
        (lambda g, out, x: g * np.exp(x) / (1 + np.exp(x)), 6, "stays finite"),
    ],
    "column_mean": [
        (lambda g, out, x: np.broadcast_to(g, x.shape) + 0 * x, 1, r"divided by 3 \(axis 0 of x has 3 elements\)"),
        (lambda g, out, x: g / len(x), 0, "spread it"),
        (lambda g, out, x: 1 / len(x) + 0 * x, 1, "multiplied by g"),
        (lambda g, out, x: np.broadcast_to(g / 3, x.shape) + 0 * x, 2, "one example is not enough"),
    ],
    "matmul": [
        ((lambda g, out, x, y: g @ y, lambda g, out, x, y: x.T @ g), 1, "y is transposed in it"),
        ((lambda g, out, x, y: g @ y.T, lambda g, out, x, y: x @ g), 1, "x is transposed in it"),
        ((lambda g, out, x, y: y.T, lambda g, out, x, y: x.T @ g), 1, r"it is g @ y\.T"),
    ],
    "softmax": [
        (lambda g, out, x: g * out, 1, "out times its sum along axis 1 is subtracted"),
        (lambda g, out, x: g * out * (1 - out), 1, "takes from all others"),
        (lambda g, out, x: out * (g - (g * out).sum(axis=0)), 1, "a sum along each row"),
        (lambda g, out, x: out * (g - (g * out).sum(axis=1)), 0, ""),
    ],
    "softmax_cross_entropy": [
        (lambda g, out, x, labels: g * (probabilities(x) - np.eye(x.shape[1])[labels]), 1, "counts for 1/n"),
        (lambda g, out, x, labels: g * probabilities(x) / len(x), 1, "subtracted from the probability"),
        (lambda g, out, x, labels: g * (np.eye(x.shape[1])[labels] - probabilities(x)) / len(x), 1, "its sign"),
        (lambda g, out, x, labels: (probabilities(x) - np.eye(x.shape[1])[labels]) / len(x), 1, "multiplied by g"),
    ],
    "batch_norm": [
        (lambda g, out, x: g / np.sqrt(x.var(axis=0) + 1e-5), 1, "taken for constants"),
        (lambda g, out, x: (g - g.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5), 1, "the variance's is missing"),
        (lambda g, out, x: (g - out * (g * out).mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5), 1, "mean's is missing"),
        (lambda g, out, x: g - g.mean(axis=0) - out * (g * out).mean(axis=0), 1, ""),
    ],
    "two_layers": [
        (lambda *args: network(*args, slope=lambda hidden: 1.0), 1, "is to be multiplied by its slope"),
        (lambda *args: network(*args, by=len(args[0])), 1, "divide by 5"),
        (lambda *args: network(*args, slope=lambda hidden: hidden), 1, "not hidden"),
        (lambda *args: network(*args, by=2.0), 1, "cancel"),
        (lambda *args: network(*args)[:3], 0, "return gw1, gb1, gw2, gb2"),
        (lambda *args: unsummed(*network(*args)), 0, "a bias is added to every row: its gradient is the sum"),
        (lambda *args: transposed(*network(*args)), 0, "^$"),
        (lambda *args: mixed(network(*args), network(*args, by=-1.0), 3), 1, "^its sign: the error is the output"),
        (lambda *args: mixed(network(*args), before_tanh(*args), 2), 1, "w2 is multiplied by what tanh returns"),
        (lambda *args: mixed(network(*args), network(*args, slope=lambda h: 1.0), 0), 1, "1 - hidden²$"),
        (lambda *args: mixed(network(*args), network(*args, slope=lambda h: h), 0), 1, "not hidden$"),
        (lambda *args: mixed(network(*args), network(*args, by=0.3), 1), 1, "^$"),
    ],
    "order": [
        (depth_first, 1, "not whole until"),
        (breadth_first, 2, "not whole until"),
        (with_repeats, 1, "remember what was visited"),
        (recursive, 4, "keep a list of what is left"),
    ],
}  # fmt: skip
CASES = [(name, i) for name, wrong in WRONG.items() for i in range(len(wrong))]


@pytest.mark.parametrize(("name", "i"), CASES, ids=lambda part: str(part))
def test_a_typical_wrong_answer_gets_the_hint_that_helps(name: str, i: int) -> None:
    answer, points, hint = WRONG[name][i]
    marks = getattr(exercises, name).mark(answer)
    assert not marks
    assert marks.points == points, str(marks)
    assert marks.seen
    assert re.search(hint, marks.hint), str(marks)


def test_every_exercise_has_three_wrong_answers_with_hints() -> None:
    assert set(WRONG) == set(RIGHT) == {exercise.name for exercise in exercises.ALL}
    assert len(exercises.ALL) >= 6
    for name, wrong in WRONG.items():
        assert sum(bool(hint) for _, _, hint in wrong) >= 3, name


# --------------------------------------------------------------------------------------------------- what is handed in


class Refuses:
    def __init__(self) -> None:
        raise ZeroDivisionError("division by zero")


@pytest.mark.parametrize(
    "answer",
    [None, 3.0, "g * y", (), (RIGHT["tanh"],) * 3, [None, None]],
    ids=["None", "3.0", "text", "()", "three", "of None"],
)
def test_what_is_no_answer_is_told_what_is_wanted(answer: Any) -> None:
    for exercise in exercises.ALL:
        marks = exercise.mark(answer)
        assert (marks.points, marks.most) == (0, len(exercise.promises))
        assert "wanted" in marks.seen, str(marks)


def test_an_answer_that_raises_is_told_its_error_and_its_line() -> None:
    def answer(*given: Any) -> Any:
        return Refuses()

    for exercise in exercises.ALL:
        right = RIGHT[exercise.name]
        marks = exercise.mark((answer,) * len(right) if isinstance(right, tuple) else answer)
        assert marks.points == 0
        assert "it raises ZeroDivisionError: division by zero, in line" in marks.seen


def test_a_rule_that_returns_nothing_or_words_is_told_so() -> None:
    assert exercises.tanh.mark(lambda g, out, x: None).hint == "end it with return …"
    assert "wanted an array" in exercises.tanh.mark(lambda g, out, x: "g").seen
    marks = exercises.multiply.mark((lambda g, out, x, y: g * y, lambda g, out, x, y: [g, x]))
    assert "the rule for input 1 returns (2, 3)" in marks.seen
    assert marks.hint == "sum over what the result has more of than the input"


def test_a_class_is_a_table_with_points_and_hints() -> None:
    some = (exercises.tanh, exercises.order)
    module = SimpleNamespace(tanh=WRONG["tanh"][0][0], order=in_order)
    scores = exercises.score({"Ada": {name: RIGHT[name] for name in ("tanh", "order")}, "Ben": module, "Cem": {}}, some)
    assert scores.rows() == [
        ("student", "tanh", "order", "sum"),
        ("Ada", "7/7", "5/5", "100%"),
        ("Ben", "1/7", "5/5", "50%"),
        ("Cem", "–", "–", "0%"),
    ]
    assert scores.share("Ada") == 1.0
    assert scores.hints("Ada") == ""
    assert "hint: your rule is right if multiplied by g" in scores.hints("Ben")
    assert len({len(line) for line in str(scores).splitlines()}) == 1
    with pytest.raises(ValueError, match=r"Ada answers tahn; the exercises are .*tanh"):
        exercises.score({"Ada": {"tahn": RIGHT["tanh"]}})
    with pytest.raises(TypeError, match="a dict with each student's answers"):
        exercises.score([RIGHT])


def test_what_is_no_order_of_a_graph_is_told() -> None:
    stranger = exercises.Node("stranger")
    for answer, seen in (
        (lambda root: "abc", "wanted a list of nodes"),
        (lambda root: [root, 3], "wanted a list of nodes"),
        (lambda root: [*in_order(root), stranger], "stranger is not in the graph of "),
        (lambda root: in_order(root)[:-1], " is missing from "),
        (lambda root: in_order(root)[::-1], ", which uses it, in "),
        (lambda root: [*in_order(root), root], " comes twice in "),
    ):
        marks = exercises.order.mark(answer)
        assert not marks
        assert seen in marks.seen, marks.seen


def test_what_is_computed_in_the_exercises() -> None:
    x, y, labels = np.array([[0.0, 3.0], [1e-3, 1.0]]), np.array([[2.0, 1.0], [4.0, -1.0]]), np.array([1, 0])
    spread = np.sqrt([2.5e-7 + 1e-5, 1 + 1e-5])
    np.testing.assert_allclose(forwards.batch_norm(x), np.array([[-5e-4, 1], [5e-4, -1]]) / spread)
    np.testing.assert_allclose(forwards.softmax(x), np.exp(x) / np.exp(x).sum(axis=1, keepdims=True))
    assert np.isfinite(forwards.softmax(1e4 * x)).all()
    wanted = -(3.0 - np.log(1 + np.e**3) + 1e-3 - np.log(np.exp(1e-3) + np.e)) / 2
    np.testing.assert_allclose(forwards.softmax_cross_entropy(x, labels), wanted)
    np.testing.assert_allclose(forwards.softplus(np.array([1e3, 0.0, -1.0])), [1e3, np.log(2), np.log1p(np.exp(-1))])
    np.testing.assert_allclose(forwards.column_mean(x), [5e-4, 2.0])
    np.testing.assert_allclose(forwards.matmul(x, y), [[12.0, -3.0], [4.002, -0.999]])
    np.testing.assert_allclose(forwards.multiply(x, y), [[0.0, 3.0], [4e-3, -1.0]])


def test_what_is_seen_of_a_wrong_gradient_are_its_number_and_the_slope() -> None:
    marks = exercises.two_layers.mark(lambda *args: network(*args, by=2.0))
    found = re.fullmatch(r"the gradient of b2\[[01]\] is (\S+), the slope (\S+)", marks.seen)
    assert found
    assert float(found[1]) == pytest.approx(2 * float(found[2]), rel=1e-4)
    marks = exercises.multiply.mark((lambda g, out, x, y: g * y, lambda g, out, x, y: -g * x))
    found = re.fullmatch(r"the rule for input 1 gives (\S+) where the slope is (\S+) at y\[\d\] = .*", marks.seen)
    assert found
    assert float(found[1]) == pytest.approx(-float(found[2]), rel=1e-4)
    marks = exercises.order.mark(lambda loss: [*in_order(loss)[1:], loss] if loss.name == "x3" else [])
    assert marks.seen == "x2 comes before x3, which uses it, in x2, x1, x0, x3"
    marks = exercises.order.mark(lambda loss: in_order(loss)[: 2 if loss.name == "d" else None])
    assert marks.seen == "b, a of the graph of d is missing from d, c"


@pytest.mark.parametrize("path", ["/lib/microgradnet/core/a.py", "C:\\lib\\microgradnet\\core\\a.py"])
def test_the_line_of_an_error_is_the_students_own(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ours: dict[str, Any] = {}
    monkeypatch.setitem(linecache.cache, path, (9, None, ["def inside(): return 1 / 0\n"], path))
    exec(compile("def inside(): return 1 / 0\n", path, "exec"), ours)
    marks = exercises.tanh.mark(lambda g, out, x: ours["inside"]())
    assert re.search(r'division by zero, in line \d+: marks = exercises\.tanh\.mark\(.*"inside"', marks.seen), (
        marks.seen
    )


def test_of_many_nodes_eight_are_shown() -> None:
    nodes = [exercises.Node(str(i)) for i in range(9)]
    assert shown(nodes[:8]) == "0, 1, 2, 3, 4, 5, 6, 7"
    assert shown(nodes) == "0, 1, 2, 3, 4, 5, 6, 7 …"


def test_one_row_and_one_neuron_are_among_the_sizes_of_a_network() -> None:
    seen = []

    def noted(x: Any, y: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
        seen.append((*x.shape, *w2.shape))
        return network(x, y, w1, b1, w2, b2)

    assert exercises.two_layers.mark(noted)
    assert [1 in sizes for sizes in zip(*seen, strict=True)] == [True, True, False, True]
    assert len(set(seen)) == 5


def test_the_numbers_that_show_what_is_wrong_are_those_of_the_rule_or_else_of_the_report() -> None:
    element = check_grads(lambda x: x * x, 3.0, gradient=lambda x: x)
    assert culprit_of(element).startswith("x: 3 by the gradient, 6 ± ")
    assert culprit_of(check_grads(lambda x: x * 2, [1.0])).startswith("ok: the gradient of <lambda>")


def test_hints_of_a_network_fit_an_answer_of_the_same_shape_to_six_digits() -> None:
    arguments = drawn(3, 2, 2, 1, 0)
    slope = network(*arguments)[0]
    for by, hint in ((3.0, "divide by 3"), (2.0, "cancel"), (-1.0, "its sign")):
        wrong = by * slope
        assert hint in hint_on(wrong, slope, "w1", arguments)
        assert hint in hint_on(wrong * (1 + 0.9e-6), slope, "w1", arguments)
        assert hint_on(wrong * (1 + 1.05e-6), slope, "w1", arguments) == ""
        assert hint_on(wrong[:1], slope, "w1", arguments) == ""
    assert hint_on(slope * 0 + 2.05e-9, slope * 0, "w1", arguments) == ""


def test_a_task_says_what_is_given_and_what_is_wanted() -> None:
    for exercise in exercises.ALL:
        lines = str(exercise).splitlines()
        assert lines[0].startswith(f"{exercise.name}: ")
        assert any(line.strip().startswith("def ") for line in lines)
        assert max(map(len, lines)) <= 120
