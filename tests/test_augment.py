"""Layers that change images at random: in training only, each image by itself, seeded, in files and programs too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import Value, nn, optim
from microgradnet.programs.backends import is_native
from microgradnet.saving.states import generators
from tests import training
from tests.training import stop_after

LAYERS: dict[str, Callable[[Any], Any]] = {
    "RandomHorizontalFlip": lambda seed: nn.RandomHorizontalFlip(seed=seed),
    "RandomVerticalFlip": lambda seed: nn.RandomVerticalFlip(seed=seed),
    "RandomCrop": lambda seed: nn.RandomCrop((5, 6), padding=2, seed=seed),
    "RandomRotation": lambda seed: nn.RandomRotation(40, fill=0.5, seed=seed),
    "RandomErasing": lambda seed: nn.RandomErasing(0.8, value=0.25, seed=seed),
    "GaussianNoise": lambda seed: nn.GaussianNoise(0.2, seed=seed),
}
ALL = pytest.mark.parametrize("name", LAYERS)
BACKENDS = ["numpy", pytest.param("native", marks=pytest.mark.skipif(not is_native(), reason="needs llvmlite"))]


def images(n: int = 4, seed: int = 0, dtype: Any = np.float32, shape: tuple[int, ...] = (2, 5, 6)) -> np.ndarray:
    return np.random.default_rng(seed).random((n, *shape)).astype(dtype)


# ------------------------------------------------------------------------------------------------------------- of all


@ALL
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_shape_and_precision_are_kept(name: str, dtype: Any) -> None:
    x = images(dtype=dtype)
    before = x.copy()
    out = LAYERS[name](0)(x)
    assert (type(out), out.shape, out.dtype) == (np.ndarray, x.shape, x.dtype)
    assert not np.array_equal(out, x)
    assert (x == before).all()


@ALL
def test_each_image_is_changed_by_itself_and_anew_each_time(name: str) -> None:
    layer, x = LAYERS[name](0), np.repeat(images(1), 40, axis=0)
    first, second = layer(x), layer(x)
    assert len({image.tobytes() for image in first}) > 1
    assert not np.array_equal(first, second)
    assert np.array_equal(first, LAYERS[name](0)(x))


@ALL
def test_after_eval_images_are_as_they_are_and_nothing_is_drawn(name: str) -> None:
    layer, x = LAYERS[name](0).eval(), images()
    state = layer.rng.bit_generator.state
    np.testing.assert_array_equal(layer(x), x)
    assert layer.rng.bit_generator.state == state


@ALL
def test_gradients_flow_through_what_was_drawn(name: str) -> None:
    x = images(2, dtype=np.float64, shape=(1, 5, 6))
    weights = np.random.default_rng(7).normal(size=x.shape)
    mg.assert_grads(lambda x: (LAYERS[name](3)(x) ** 2 * weights).sum(), x)
    v = Value(x)
    (LAYERS[name](3)(v) * weights).sum().backward()
    assert v.grad.shape == x.shape
    np.testing.assert_allclose(LAYERS[name](3)(v).data, LAYERS[name](3)(x))


@ALL
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_compiled_step_draws_anew_each_time(name: str, backend: Any) -> None:
    model = nn.Sequential(LAYERS[name](0), nn.Flatten(), nn.Linear(60, 1, seed=0))
    again = nn.Sequential(LAYERS[name](0), nn.Flatten(), nn.Linear(60, 1, seed=0))
    step = mg.compile(lambda x: model(x), backend=backend)
    for seed in range(5):
        np.testing.assert_allclose(step(images(seed=seed)).data, again(images(seed=seed)).data, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("backend", [False, BACKENDS[0], pytest.param(*BACKENDS[1].values, marks=[
    *BACKENDS[1].marks, pytest.mark.slow])])  # fmt: skip
def test_a_training_goes_on_to_the_same_bits(backend: Any, tmp_path: Path) -> None:
    """What is drawn after it was taken up again is what would have been drawn."""

    def trained(path: Path | None, stop: int = 0) -> tuple[Any, bytes]:
        model = nn.Sequential(
            *(make(i) for i, make in enumerate(LAYERS.values())), nn.Flatten(), nn.Linear(60, 2, seed=9)
        )
        x, y = images(22), np.arange(22) % 2
        history = mg.fit(model, x, y, loss="cross_entropy", optimizer=optim.SGD(model.parameters(), lr=0.1), epochs=2,
                         batch_size=8, seed=0, progress=False, checkpoint=path, compile=backend,
                         callbacks=[stop_after(stop)])  # fmt: skip
        return training.without_times(history), model[-1].weight.data.tobytes()

    whole, path = trained(None), tmp_path / "run.npz"
    trained(path, 4)
    assert trained(path) == whole


@ALL
def test_what_is_no_stack_of_images_is_refused(name: str) -> None:
    layer = LAYERS[name](0)
    with pytest.raises(ValueError, match=r"got an input of dtype uint8.* floating-point numbers"):
        layer(np.zeros((2, 3, 5, 6), np.uint8))
    if name != "GaussianNoise":
        with pytest.raises(
            ValueError, match=r"got an input of shape \(5, 6\): it wants images \(batch, channels, heig"
        ):
            layer(np.zeros((5, 6)))


def test_their_generators_are_found() -> None:
    model = nn.Sequential(*(make(0) for make in LAYERS.values()))
    assert len([*generators(model)]) == len(LAYERS)


# ------------------------------------------------------------------------------------------------------------ of each


@pytest.mark.parametrize(("kind", "axis"), [(nn.RandomHorizontalFlip, -1), (nn.RandomVerticalFlip, -2)])
def test_a_share_of_the_images_is_mirrored(kind: Any, axis: int) -> None:
    x = images(400)
    out = kind(0.3, seed=0)(x)
    mirrored = (out == np.flip(x, axis)).all(axis=(1, 2, 3))
    assert (mirrored | (out == x).all(axis=(1, 2, 3))).all()
    assert 0.2 < mirrored.mean() < 0.4
    assert (kind(0.0)(x) == x).all()


def test_pieces_come_from_every_place() -> None:
    x = images(300)
    out = nn.RandomCrop((4, 5), padding=(1, 0), seed=0)(x)
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (0, 0)))
    found = set()
    for image, piece in zip(padded, out, strict=True):
        places = [(i, j) for i in range(4) for j in range(2) if (image[:, i : i + 4, j : j + 5] == piece).all()]
        assert len(places) == 1
        found.update(places)
    assert found == {(i, j) for i in range(4) for j in range(2)}


def test_in_evaluation_the_piece_is_in_the_middle() -> None:
    x = images()
    np.testing.assert_array_equal(nn.RandomCrop(3, padding=9).eval()(x), x[:, :, 1:4, 1:4])
    wanted = np.pad(x, ((0, 0), (0, 0), (2, 2), (2, 2)))[:, :, 0:9, 1:9]
    np.testing.assert_array_equal(nn.RandomCrop((9, 8), padding=2).eval()(x), wanted)


def test_images_are_turned_as_scipy_turns_them() -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    x = images(3, dtype=np.float64, shape=(2, 7, 9))
    angles = np.deg2rad((np.random.default_rng(5).random(3, np.float32) * 2 - 1) * 60)
    out = nn.RandomRotation(60, fill=0.3, seed=5)(x)
    rows, columns = np.mgrid[:7, :9] - np.array([3.0, 4.0])[:, None, None]
    for image, turned, a in zip(x, out, angles, strict=True):
        at = np.cos(a) * rows + np.sin(a) * columns + 3, np.cos(a) * columns - np.sin(a) * rows + 4
        for channel, mine in zip(image, turned, strict=True):
            theirs = ndimage.map_coordinates(channel, at, order=1, mode="grid-constant", cval=0.3)
            np.testing.assert_allclose(mine, theirs, atol=1e-5)
    np.testing.assert_allclose(nn.RandomRotation(0)(x), x, atol=1e-6)


def test_rectangles_are_as_large_as_they_should_be() -> None:
    x = np.ones((500, 3, 20, 30), np.float32)
    out = nn.RandomErasing(0.4, scale=(0.1, 0.2), ratio=(0.5, 2.0), value=7, seed=0)(x)
    erased = out == 7
    assert (erased == erased[:, :1]).all()
    rows, columns = erased[:, 0].any(axis=2).sum(axis=1), erased[:, 0].any(axis=1).sum(axis=1)
    np.testing.assert_array_equal(erased[:, 0].sum(axis=(1, 2)), rows * columns)
    some = rows > 0
    assert 0.3 < some.mean() < 0.5
    share, ratio = (rows * columns)[some] / 600, (rows / np.maximum(columns, 1))[some]
    assert 0.07 < share.min() < 0.12 < 0.17 < share.max() < 0.23
    assert 0.4 < ratio.min() < 0.7 < 1.5 < ratio.max() < 2.4
    assert erased[:, 0].any(axis=0).mean() > 0.95
    square = nn.RandomErasing(1.0, scale=(0.25, 0.25), ratio=(1.0, 1.0), seed=1)(np.ones((9, 1, 8, 8)))
    assert (64 - square.sum(axis=(1, 2, 3)) == 16).all()


def test_noise_is_normal() -> None:
    noise = nn.GaussianNoise(0.3, seed=0)(np.full((100, 100), 5.0)) - 5
    assert abs(noise.mean()) < 0.01
    assert noise.std() == pytest.approx(0.3, rel=0.02)


@pytest.mark.parametrize(("make", "says"), [
    (lambda: nn.RandomHorizontalFlip(1.5), r"RandomHorizontalFlip\(p=1\.5\): the share that is mirrored is a number"),
    (lambda: nn.RandomCrop(0), r"RandomCrop\(size=0\): it is a whole number of at least 1, or two of them"),
    (lambda: nn.RandomCrop(3, padding=-1), r"RandomCrop\(padding=-1\): it is a whole number of at least 0"),
    (lambda: nn.RandomCrop(9, padding=1)(images()), r"shape \(4, 2, 7, 8\): a piece of 9×9 does not fit, with"),
    (lambda: nn.RandomRotation("far"), r"RandomRotation\(degrees='far'\): the largest angle is a number of at least 0"),
    (lambda: nn.RandomErasing(scale=(0.5, 0.2)), r"RandomErasing\(scale=.*from the least to the most, at most 1"),
    (lambda: nn.RandomErasing(ratio=3), r"RandomErasing\(ratio=3\): it is two positive numbers, from the least to the"),
    (lambda: nn.RandomErasing(value=None), r"RandomErasing\(value=None\): what stands in the rectangle is a number"),
    (lambda: nn.GaussianNoise(-1), r"GaussianNoise\(sigma=-1\): the standard deviation is a number of at least 0"),
])  # fmt: skip
def test_what_they_cannot_do_is_refused(make: Callable[[], Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()
