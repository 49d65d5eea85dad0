"""A share of the tests is what it says, the same in every process, and another for another seed."""

from __future__ import annotations

from tests.samples import drawn, sample

NAMES = [f"tests/test_some.py::test_it[{i}]" for i in range(4000)]


def test_a_share_is_as_large_as_asked_and_no_test_is_in_none() -> None:
    for share in (0.1, 0.5, 0.9):
        found = [name for name in NAMES if drawn(name, share, 7)]
        assert abs(len(found) / len(NAMES) - share) < 0.03
    assert all(drawn(name, 1.0, 7) for name in NAMES)
    assert all(any(drawn(name, 0.5, seed) for seed in range(40)) for name in NAMES)


def test_a_seed_draws_the_same_in_any_order() -> None:
    assert sample(NAMES, 50, 3) == sample(NAMES[::-1], 50, 3) != sample(NAMES, 50, 4)
    assert [drawn(name, 0.5, 3) for name in NAMES] != [drawn(name, 0.5, 4) for name in NAMES]
