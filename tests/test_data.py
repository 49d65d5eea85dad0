"""Digits, the IDX format with its damages, batches."""

from __future__ import annotations

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet import data


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def small_mnist(folder: Path, **replaced: bytes) -> Path:
    """Four IDX files of 12 and 5 blank digits; `train_images=…` and so on put other bytes in a file."""
    for name, key, n in [("train", "train", 12), ("t10k", "test", 5)]:
        images = idx(np.arange(n * 784).reshape(n, 28, 28) % 256)
        labels = idx(np.arange(n) % 10)
        for path, kind, raw in [(data.IMAGES, "images", images), (data.LABELS, "labels", labels)]:
            raw = replaced.get(f"{key}_{kind}", raw)
            (folder / (path.format(name) + ".gz")).write_bytes(gzip.compress(raw))
    return folder


def test_mnist_files_are_read(tmp_path: Path) -> None:
    found = data.mnist(small_mnist(tmp_path))
    assert [part.shape for part in found] == [(12, 784), (12,), (5, 784), (5,)]
    assert found.train_images.dtype == np.float32
    assert found.train_images.max() == 1.0
    assert found.train_labels.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(np.arange(5)))  # not gzipped
    assert data.mnist(tmp_path).test_labels.tolist() == [0, 1, 2, 3, 4]


def test_a_missing_file_or_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="is not a folder"):
        data.mnist(tmp_path / "nowhere")
    small_mnist(tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError, match=r"t10k-images-idx3-ubyte\.gz is missing"):
        data.mnist(tmp_path)


GOOD = idx(np.zeros((12, 28, 28)))


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "no IDX file"),
        (b"\x00\x00\x08\x03", "no IDX file"),
        (b"\x00\x00\x08\x01" + GOOD[4:], "00000803"),
        (b"\x00\x00\x0d\x03" + GOOD[4:], "00000803"),
        (GOOD[:-1], "announces"),
        (GOOD + b"x", "announces"),
        (struct.pack(">4I", 0x803, 2**31, 2**31, 2**31), "announces"),
        (idx(np.zeros((12, 27, 28))), "28×28"),
        (idx(np.zeros((11, 28, 28))), "11 train images but 12 train labels"),
    ],
    ids=range(9),
)
def test_a_damaged_file_is_named_with_what_is_wrong(tmp_path: Path, raw: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        data.mnist(small_mnist(tmp_path, train_images=raw))


@given(cut=st.integers(0, 60), flip=st.integers(0, 60))
def test_a_damaged_gzip_is_named(tmp_path_factory: pytest.TempPathFactory, cut: int, flip: int) -> None:
    raw = gzip.compress(idx(np.arange(40)), mtime=0)
    path = tmp_path_factory.mktemp("idx") / "labels"
    path.write_bytes(raw[:cut])
    if cut < len(raw):
        with pytest.raises(ValueError, match="labels"):
            data.read_idx(path, 1)
    changed = bytearray(raw)
    changed[flip % len(raw)] ^= 0xFF
    path.write_bytes(bytes(changed))
    try:
        read = data.read_idx(path, 1).tolist()
    except ValueError as error:
        read = str(error)
    # Some bytes of a gzip head carry nothing; any other change is named.
    assert read == list(range(40)) or "labels" in read


def test_a_label_above_9_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="go up to 11"):
        data.mnist(small_mnist(tmp_path, train_labels=idx(np.arange(12))))


def test_the_bundled_digits_are_enlarged_to_the_articles_size() -> None:
    found = data.digits()
    assert [len(part) for part in found] == [1438, 1438, 359, 359]
    assert found.train_images.shape == (1438, 784)
    assert found.train_images.dtype == np.float32
    assert (found.train_images.min(), found.train_images.max()) == (0.0, 1.0)
    assert set(found.test_labels) == set(range(10))
    again, other = data.digits(), data.digits(seed=1)
    np.testing.assert_array_equal(found.test_images, again.test_images)
    assert not np.array_equal(found.test_labels, other.test_labels)
    with pytest.raises(ValueError, match=r"held_out=1\.5"):
        data.digits(held_out=1.5)


def test_enlarging_keeps_the_corners_and_the_straight_lines() -> None:
    ramp = np.add.outer(np.arange(8.0), 2 * np.arange(8.0))[None]
    big = data.enlarged(ramp)
    assert big.shape == (1, 28, 28)
    at = np.linspace(0, 7, 28)
    np.testing.assert_allclose(big[0], np.add.outer(at, 2 * at), rtol=1e-6)


@given(n=st.integers(0, 20), size=st.integers(1, 25), seed=st.integers(0, 9))
def test_batches_hold_each_example_once(n: int, size: int, seed: int) -> None:
    x, y = np.arange(n) * 2, np.arange(n)
    found = list(data.batches(x, y, size, seed=seed))
    assert all(len(a) == size for a, _ in found[:-1])
    assert sorted(i for _, b in found for i in b) == list(range(n))
    assert all((a == 2 * b).all() for a, b in found)
    again = list(data.batches(x, y, size, seed=seed))
    assert all((a == c).all() for (a, _), (c, _) in zip(found, again, strict=True))


@pytest.mark.parametrize(("args", "says"), [((3, 2, 1), "3 inputs but 2"), ((3, 3, 0), "size=0"), ((3, 3, 1.5), "1.5")])
def test_batches_refuse_what_cannot_be_batched(args: tuple, says: str) -> None:
    n, m, size = args
    with pytest.raises(ValueError, match=says):
        data.batches(np.zeros(n), np.zeros(m), size)


def test_one_hot_refuses_what_is_no_label() -> None:
    with pytest.raises(ValueError, match="classes are 0 to 9"):
        data.one_hot(np.array([10]))
    with pytest.raises(TypeError, match="integers"):
        data.one_hot(np.array([1.0]))


@pytest.mark.skipif("MICROGRADNET_DATA" not in os.environ, reason="MICROGRADNET_DATA names no folder with MNIST")
def test_the_published_files_are_read() -> None:
    found = data.mnist(os.environ["MICROGRADNET_DATA"])
    assert [part.shape for part in found] == [(60_000, 784), (60_000,), (10_000, 784), (10_000,)]
    assert np.bincount(found.test_labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
