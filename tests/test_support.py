"""The support table covers the installed NumPy, says the truth, and is the one in docs/."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from microgradnet import Value, notation, support

ENTRIES = support.entries()
PAGE = Path(__file__).parent.parent / "docs" / "support.md"


def test_every_public_function_of_numpy_has_an_entry() -> None:
    names = [e.name for e in ENTRIES]
    assert len(names) == len(set(names)) > 380
    assert {"np.sum", "np.tanh", "np.linalg.svd", "np.einsum"} <= set(names)


def test_a_new_function_of_numpy_cannot_slip_in() -> None:
    """Whatever this NumPy has is in one of the tables; what is in none of them raises, but nobody chose that."""
    unknown = [e.name for e in ENTRIES if e.kind == "refused" and e.note == "it has no rule here"]
    assert unknown == []


def test_every_refusal_names_its_reason() -> None:
    refused = [e for e in ENTRIES if e.kind == "refused"]
    assert len(refused) > 30
    assert all(len(e.note) > 10 for e in refused)


# These set or print something, or start a test suite.
PRINTS_OR_SETS = [
    "info",
    "printoptions",
    "set_printoptions",
    "setbufsize",
    "seterr",
    "seterrcall",
    "show_config",
    "show_runtime",
    "test",
]
# The edges of a histogram are looked at, and plain, as its counts are; what is empty holds anything.
LOOKS = {"np.histogram", "np.histogram2d", "np.histogramdd", "np.histogram_bin_edges", "np.empty_like"}

ARGUMENTS: list[tuple[Any, ...]] = [
    (1.5,), ([1.5, 2.5],), ([[1.5, 2.5], [0.5, 3.0]],), ([[1.5, 0.5], [0.5, 3.0]], [1.0, 2.0]), (2.5, 0.5),
    ([[1.5, 0.5], [0.5, 3.0]], 1), ([1.5, 0.5], [1, 0]), ([1.5, 0.5], [0.25, 0.5], [1.0, 2.0]), (0.5, 1.5, 3),
]  # fmt: skip


# Of functions that take none of these, calls that they take.
SQUARE = [[1.5, 0.5], [0.5, 3.0]]
OWN_ARGUMENTS: dict[str, list[tuple[Any, ...]]] = {
    "np.apply_along_axis": [(np.sum, 0, SQUARE)], "np.apply_over_axes": [(np.sum, SQUARE, [0])],
    "np.broadcast_to": [([1.5, 2.5], (2, 2))], "np.choose": [([0, 1], SQUARE)], "np.dsplit": [([SQUARE], 2)],
    "np.einsum": [("ij->i", SQUARE)], "np.einsum_path": [("ij->i", SQUARE)], "np.insert": [([1.5, 2.5], 1, 0.5)],
    "np.moveaxis": [(SQUARE, 0, 1)], "np.piecewise": [([1.5, 2.5], [[True, False]], [0.5, 1.5])],
    "np.save": [("x.npy", [1.5, 2.5])], "np.savetxt": [("x.txt", [1.5, 2.5])], "np.savez": [("x.npz", [1.5, 2.5])],
    "np.savez_compressed": [("x.npz", [1.5, 2.5])], "np.reshape": [([1.5, 2.5], (2, 1))],
    "np.select": [([[True, False]], [[1.5, 2.5]])], "np.swapaxes": [(SQUARE, 0, 1)],
    "np.take_along_axis": [(SQUARE, np.array([[0, 1]]), 1)],
    "np.linalg.cross": [([1.5, 2.5, 0.5], [1.0, 2.0, 3.0])], "np.linalg.tensordot": [(SQUARE, SQUARE)],
}  # fmt: skip
# Of whole numbers or truth values, which a Value does not hold.
OF_WHOLE_NUMBERS = {
    "np.bincount", "np.bitwise_and", "np.bitwise_invert", "np.bitwise_not", "np.bitwise_or", "np.bitwise_xor",
    "np.invert",
}  # fmt: skip


def plain_numbers(result: Any) -> list[Any]:
    """The floating-point numbers in a result that are not in a Value."""
    if isinstance(result, list | tuple):
        return [x for part in result for x in plain_numbers(part)]
    plain = isinstance(result, float | np.floating | np.ndarray) and np.asarray(result).dtype.kind == "f"
    return [np.asarray(result)] if plain else []


@pytest.mark.parametrize("e", [e for e in ENTRIES if e.name.split(".")[-1] not in PRINTS_OR_SETS], ids=lambda e: e.name)
def test_no_function_returns_a_detached_result(e: support.Entry, tmp_path: Path, monkeypatch: Any) -> None:
    """Called with a Value in each place: no plain number of the result moves when the Value's numbers move."""
    function: Any = np
    for name in e.name.split(".")[1:]:
        function = getattr(function, name)
    monkeypatch.chdir(tmp_path)  # some write files
    ran = False
    calls: list[list[Any]] = [[np.asarray(x)[()] for x in arguments] for arguments in ARGUMENTS]
    for arguments in [*calls, *map(list, OWN_ARGUMENTS.get(e.name, []))]:
        for place in range(len(arguments)):
            if callable(arguments[place]) or isinstance(arguments[place], str):
                continue
            found = []
            for moved in (0.25, 0.25 + 1e-6):
                mixed = list(arguments)
                mixed[place] = Value(np.asarray(arguments[place], float) + moved)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    try:
                        found.append(plain_numbers(function(*mixed)))
                        ran = ran or not place or e.kind != "refused"  # beside it, some take only its dtype
                    except Exception:  # refused, or no call that NumPy takes
                        found.append([])
            assert e.name in LOOKS or all(map(same, *found)), (arguments, place, found)
    if e.kind in ("row", "formula", "inspection"):
        assert ran or e.name in OF_WHOLE_NUMBERS, "none of these calls is one that it takes"
    elif e.kind == "refused":
        assert not ran or e.name == "np.bmat"  # which makes None of whatever it does not know


def same(x: Any, y: Any) -> bool:
    return np.array_equal(x, y, equal_nan=True)


def test_refusals_are_errors_that_say_why() -> None:
    v = Value([1.5, 2.5])
    for call, says in [
        (lambda: np.copyto(np.zeros(2), v), r"np\.copyto of a Value: it writes into an array. v = v\.at"),
        (lambda: np.place(v, [True, False], 1.0), r"v\.at\[index\]\.set"),
        (lambda: np.roots(v), "complex"),
        (lambda: np.gcd(v, v), "integers"),
        (lambda: np.polyfit([1.0, 2.0], v, 1), r"np\.linalg\.lstsq"),
        (lambda: np.histogram([1.0, 2.0], 2, None, None, v), r"np\.bincount"),
    ]:
        with pytest.raises(TypeError, match=says):
            call()


MADE_WITH = re.findall(r"NumPy (\d+\.\d+)", PAGE.read_text())[0]


@pytest.mark.skipif(
    not np.__version__.startswith(MADE_WITH + "."),
    reason=f"docs/support.md lists the functions of NumPy {MADE_WITH}; this is {np.__version__}",
)
def test_the_page_in_the_documentation_is_the_table() -> None:
    assert PAGE.read_text() == support.page()


def test_gradients_in_the_table_are_the_rules() -> None:
    notes = {e.name: e.note for e in ENTRIES}
    assert notes["np.tanh"] == "g × (1 − out × out)"
    assert notes["np.multiply"] == "g × y; g × x"
    assert notes["np.greater"] == "nothing flows back"


X, Y = Value(3.0, name="x"), Value(2.0, name="y")


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (-(X**Y), "−x ** y"), ((-X) ** Y, "(−x) ** y"), (-(X * Y), "−(x × y)"), (-X * Y, "−x × y"),
        ((X**Y) ** X, "(x ** y) ** x"), (X ** (Y**X), "x ** y ** x"), (X ** (X * Y), "x ** (x × y)"),
        (X - Y - Y, "x − y − y"), (X - (Y - X), "x − (y − x)"), (X - (Y + X), "x − (y + x)"),
        (X / Y / X, "x ÷ y ÷ x"), (X / (Y / X), "x ÷ (y ÷ x)"), (X * (Y + X), "x × (y + x)"), (X * Y + X, "x × y + x"),
        (X * 1.0, "x"), (X / 1.0, "x"), (X + 0.0, "x"), (X * 2.5, "x × 2.5"), (np.sin(X + Y), "sin(x + y)"),
        (np.where(np.isinf(X), 0.0, X * Y), "x × y"), (np.where(X != Y, X, 0.0), "x"), (3.0, "3"), (2, "2"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)  # fmt: skip
def test_a_rule_is_written_with_the_brackets_that_it_needs(expression: Any, text: str) -> None:
    """And with no others: ** binds before the minus sign, and to the right; the others to the left."""
    assert notation.written(expression) == text


@pytest.mark.parametrize(
    ("condition", "known"),
    [
        (np.isinf(X), False), (np.isnan(X), False), (np.isfinite(X), True), (X == Y, False), (X != Y, True),
        (X < Y, None), (np.isnan(X) | (X == Y), False), (np.isnan(X) | (X != Y), True), (np.isnan(X) & (X < Y), False),
        ((X < Y) & np.isfinite(X), None), ((X < Y) | np.isfinite(X), True), ((X == Y) == (X < Y), None),
        (X, None), (X + Y, None), (3.0, None), (np.array(True), None),
    ],
)  # fmt: skip
def test_what_a_condition_is_away_from_special_points(condition: Any, known: bool | None) -> None:
    assert notation.known_of(condition) is known
