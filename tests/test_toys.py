"""Moons, spirals, blobs: the shapes they are named for, exact counts, the same points for the same seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet import data

MAKERS: dict[str, Any] = {"moons": data.moons, "spirals": data.spirals, "blobs": data.blobs}
CLASSES = {"moons": 2, "spirals": 3, "blobs": 3}


@pytest.mark.parametrize("name", MAKERS)
@given(n=st.integers(1, 60), seed=st.integers(0, 5))
def test_counts_are_exact_and_the_seed_decides(name: str, n: int, seed: int) -> None:
    x, y = MAKERS[name](n, seed=seed)
    assert (x.shape, x.dtype) == ((n, 2), np.float32)
    assert (y.shape, y.dtype) == ((n,), np.int64)
    assert np.isfinite(x).all()
    k = CLASSES[name]
    assert np.bincount(y, minlength=k).tolist() == [n // k + (c < n % k) for c in range(k)]
    again = MAKERS[name](n, seed=np.random.default_rng(seed))
    assert x.tobytes() == again[0].tobytes()
    assert y.tolist() == again[1].tolist()
    assert x.tobytes() != MAKERS[name](n, seed=seed + 1)[0].tobytes()


@pytest.mark.parametrize("name", MAKERS)
def test_examples_come_shuffled(name: str) -> None:
    _, y = MAKERS[name](200)
    assert (np.diff(y) != 0).sum() > 60  # in order: 1 or 2


def points(x: np.ndarray) -> list[tuple[float, ...]]:
    """As a set with repetitions."""
    return sorted(map(tuple, np.round(x.astype(np.float64), 5) + 0.0))


def test_moons_without_noise_are_scikit_learns() -> None:
    make_moons = pytest.importorskip("sklearn.datasets").make_moons
    x, y = data.moons(60, noise=0)
    theirs, labels = make_moons(60, noise=None)
    for label in (0, 1):
        assert points(x[y == label]) == points(theirs[labels == label].astype(np.float32))


@pytest.mark.parametrize("arms", [1, 2, 5])
def test_a_spiral_is_the_first_one_turned(arms: int) -> None:
    x, y = data.spirals(20 * arms, arms=arms, noise=0)
    z = x[:, 0].astype(np.complex128) + 1j * x[:, 1]
    first, *others = (z[y == arm][np.abs(z[y == arm]).argsort()] for arm in range(arms))
    np.testing.assert_allclose(np.abs(first), np.linspace(0.1, 1, 20), rtol=1e-6)
    np.testing.assert_allclose(np.unwrap(np.angle(first)), np.linspace(0, 2 * np.pi, 20), atol=1e-6)
    for arm, other in enumerate(others, start=1):
        np.testing.assert_allclose(other, first * np.exp(2j * np.pi * arm / arms), atol=1e-6)


@pytest.mark.parametrize("name", ["moons", "spirals"])
def test_noise_moves_the_same_points_by_its_standard_deviation(name: str) -> None:
    (still, y), (less, y1), (more, y2) = (MAKERS[name](20_000, noise=noise) for noise in (0, 0.1, 0.3))
    assert y.tolist() == y1.tolist() == y2.tolist()
    np.testing.assert_allclose(more - still, 3 * (less - still), atol=1e-5)
    np.testing.assert_allclose((less - still).std(axis=0), 0.1, rtol=0.03)
    np.testing.assert_allclose((less - still).mean(axis=0), 0, atol=0.004)


def test_blobs_lie_around_their_centers() -> None:
    centers = np.array([[0.0, 0, 9], [50, 0, 0], [0, -50, 0], [1, 2, 3]])
    x, y = data.blobs(20_000, centers=centers, cluster_std=[0.5, 1, 2, 0])
    assert x.shape == (20_000, 3)
    for label, std in enumerate([0.5, 1, 2, 0]):
        cloud = x[y == label].astype(np.float64)
        np.testing.assert_allclose(cloud.mean(axis=0), centers[label], atol=0.1 * std)
        np.testing.assert_allclose(cloud.std(axis=0), std, rtol=0.05)


def test_blobs_draw_their_centers_from_the_square() -> None:
    x, y = data.blobs(2000, centers=1000, cluster_std=0, seed=4)
    assert len(np.unique(x, axis=0)) == 1000
    assert len({(*point, label) for point, label in zip(x.tolist(), y.tolist(), strict=True)}) == 1000
    assert -10 <= x.min() < -9.9
    assert 9.9 < x.max() <= 10
    np.testing.assert_allclose(x.std(axis=0), 20 / np.sqrt(12), rtol=0.1)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda rng: data.moons(0, seed=rng), "n=0: it is a whole number of points"),
        (lambda rng: data.moons(2.0, seed=rng), r"n=2\.0"),
        (lambda rng: data.moons(True, seed=rng), "n=True"),
        (lambda rng: data.moons(9, noise=-1, seed=rng), "noise=-1: it is a standard deviation"),
        (lambda rng: data.moons(9, noise=np.nan, seed=rng), "noise=nan"),
        (lambda rng: data.spirals(9, noise=[1, 2], seed=rng), r"noise=\[1, 2\]"),
        (lambda rng: data.spirals(9, arms=0, seed=rng), "arms=0"),
        (
            lambda rng: data.blobs(9, centers=0, seed=rng),
            "centers=0: it is .* clouds.*, or an array with a row for each",
        ),
        (lambda rng: data.blobs(9, centers=[1, 2], seed=rng), r"centers of shape \(2,\)"),
        (lambda rng: data.blobs(9, centers=[[np.inf, 2]], seed=rng), "finite"),
        (lambda rng: data.blobs(9, centers=np.zeros((0, 2)), seed=rng), r"shape \(0, 2\)"),
        (lambda rng: data.blobs(9, cluster_std=[1, 2], seed=rng), r"cluster_std=\[1, 2\].*or 3 of them"),
        (lambda rng: data.blobs(9, cluster_std=-1, seed=rng), "cluster_std=-1"),
        (lambda rng: data.blobs(0, seed=rng), "n=0"),
    ],
)
def test_what_makes_no_toy_set_is_refused_and_draws_nothing(make: Any, says: str) -> None:
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    with pytest.raises(ValueError, match=says):
        make(rng)
    assert rng.bit_generator.state == before
