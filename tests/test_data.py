"""Digits, the IDX format with its damages, where MNIST is looked for, splits, batches. Downloads: test_download.py."""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import os
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from microgradnet import data
from microgradnet.data import handwriting

ROOT = Path(__file__).parent.parent


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def small_mnist(folder: Path, **replaced: bytes) -> Path:
    """Four IDX files of 12 and 5 blank digits; `train_images=…` and so on put other bytes in a file."""
    for name, key, n in [("train", "train", 12), ("t10k", "test", 5)]:
        images = idx(np.arange(n * 784).reshape(n, 28, 28) % 256)
        labels = idx(np.arange(n) % 10)
        for kind, axes, raw in [("images", 3, images), ("labels", 1, labels)]:
            raw = replaced.get(f"{key}_{kind}", raw)
            (folder / f"{name}-{kind}-idx{axes}-ubyte.gz").write_bytes(gzip.compress(raw))
    return folder


def small_npz(path: Path, **replaced: np.ndarray) -> Path:
    """What Keras leaves, with 6 and 3 digits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {f"x_{part}": np.full((n, 28, 28), 255, np.uint8) for part, n in (("train", 6), ("test", 3))}
    arrays |= {f"y_{part}": np.arange(n, dtype=np.uint8) for part, n in (("train", 6), ("test", 3))}
    np.savez(path, **(arrays | replaced))
    return path


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


def made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def test_mnist_is_looked_for_in_this_order(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Places are filled from the last to the first; each is told by its first training label."""
    with pytest.raises(FileNotFoundError) as caught:
        data.mnist()
    for part in (str(home / ".cache/microgradnet/mnist"), "data/MNIST/raw", str(home / ".keras/datasets/mnist.npz")):
        assert part in str(caught.value)
    assert "data.mnist(download=True)" in str(caught.value)

    small_npz(home / ".keras/datasets/mnist.npz", y_train=np.full(6, 5, np.uint8))
    assert data.mnist().train_labels[0] == 5
    for first, folder in [(4, Path("data/MNIST/raw")), (3, home / ".cache/microgradnet/mnist")]:
        small_mnist(made(folder), train_labels=idx(np.full(12, first)))
        assert data.mnist().train_labels[0] == first
    small_mnist(made(home / "variable"), train_labels=idx(np.full(12, 2)))
    monkeypatch.setenv("MICROGRADNET_DATA", "~/variable")
    assert data.mnist().train_labels[0] == 2
    small_mnist(made(home / "argument"), train_labels=idx(np.full(12, 1)))
    assert data.mnist(home / "argument").train_labels[0] == 1
    assert data.mnist("~/argument").train_labels[0] == 1
    monkeypatch.setenv("MICROGRADNET_DATA", "")
    assert data.mnist().train_labels[0] == 3


def test_a_place_that_is_not_named_and_lacks_files_is_passed_over(home: Path) -> None:
    small_mnist(made(home / ".cache/microgradnet/mnist"))
    (home / ".cache/microgradnet/mnist/t10k-labels-idx1-ubyte.gz").unlink()
    small_npz(home / ".keras/datasets/mnist.npz")
    assert len(data.mnist().train_labels) == 6


def test_a_place_that_is_named_and_lacks_files_is_an_error(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_mnist(made(home / ".cache/microgradnet/mnist"))
    (home / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"are missing from .*empty.*download=True"):
        data.mnist(home / "empty")
    monkeypatch.setenv("MICROGRADNET_DATA", str(home / "empty"))
    with pytest.raises(FileNotFoundError, match=r"^\$MICROGRADNET_DATA: .*are missing from .*empty"):
        data.mnist()
    with pytest.raises(TypeError, match=r"write mnist\(download=True\)"):
        data.mnist(True)  # type: ignore[arg-type]


def test_other_spellings_of_the_files_are_found(tmp_path: Path) -> None:
    small_mnist(tmp_path)
    for path in list(tmp_path.iterdir()):
        (tmp_path / path.stem.replace("-idx", ".idx")).write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
        (tmp_path / path.stem).mkdir()  # some archives have folders of the files' names
    assert len(data.mnist(tmp_path).train_labels) == 12


def test_what_keras_leaves_is_read(tmp_path: Path) -> None:
    found = data.mnist(small_npz(tmp_path / "mnist.npz"))
    assert [part.shape for part in found] == [(6, 784), (6,), (3, 784), (3,)]
    assert [part.dtype for part in found] == [np.float32, np.int64, np.float32, np.int64]
    assert found.test_images.min() == 1.0
    assert found.train_labels.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("replaced", "says"),
    [
        ({"y_train": np.array([{}] * 6, dtype=object)}, "not Keras' .*pickle"),  # never run
        ({"x_train": np.zeros((6, 28, 28))}, "wanted bytes"),
        ({"x_test": np.zeros((3, 784), np.uint8)}, "wanted bytes"),
        ({"x_test": np.zeros((3, 28, 29), np.uint8)}, "28×28"),
        ({"y_test": np.zeros(4, np.uint8)}, "3 t10k images but 4 t10k labels"),
        ({"y_test": np.full(3, 10, np.uint8)}, "digits end at 9"),
    ],
    ids=range(6),
)
def test_an_npz_of_something_else_is_refused(tmp_path: Path, replaced: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        data.mnist(small_npz(tmp_path / "mnist.npz", **replaced))


@given(cut=st.integers(0, 10_000), flip=st.integers(0, 10_000))
def test_a_damaged_npz_is_named(tmp_path_factory: pytest.TempPathFactory, cut: int, flip: int) -> None:
    path = tmp_path_factory.mktemp("npz") / "mnist.npz"
    raw = small_npz(path).read_bytes()
    path.write_bytes(raw[: cut % len(raw)])
    with pytest.raises(ValueError, match=r"mnist\.npz"):
        data.mnist(path)
    changed = bytearray(raw)
    changed[flip % len(raw)] ^= 0xFF
    path.write_bytes(bytes(changed))
    try:
        found = data.mnist(path)
        read = str(found.train_labels.tolist() if (found.train_images == 1).all() else found)
    except ValueError as error:
        read = str(error)
    assert read == "[0, 1, 2, 3, 4, 5]" or "mnist.npz" in read  # some bytes of the archive's directory carry nothing


def idx_head(*shape: int) -> bytes:
    return struct.pack(f">{1 + len(shape)}I", 0x800 + len(shape), *shape)


def peak_of(call: Callable[[], object]) -> int:
    """Bytes in memory at the worst moment of a call that raises ValueError and names the file."""
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"(t10k-labels-idx1-ubyte|mnist\.npz).* announces "):
        call()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("announced", [5, 10**8, 2**32 - 1])
def test_no_more_is_unzipped_than_the_head_of_an_idx_file_can_justify(tmp_path: Path, announced: int) -> None:
    """100 MB of zeros are 100 kB of gzip; neither they nor what is announced without being there are taken."""
    small_mnist(tmp_path)
    path = tmp_path / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(idx_head(announced) + bytes(50_000_000 if announced == 5 else 5)))
    for call in (lambda: data.mnist(tmp_path), lambda: data.read_idx(path, 1)):
        assert peak_of(call) < 2_000_000
    plain = path.with_suffix("")
    plain.write_bytes(gzip.decompress(path.read_bytes()))
    assert peak_of(lambda: data.read_idx(plain, 1)) < 2_000_000


def test_no_more_is_believed_of_mnist_than_its_relatives_have(tmp_path: Path) -> None:
    small_mnist(tmp_path)
    path = tmp_path / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(idx_head(200_000_000) + bytes(200_000_000), 1))
    assert peak_of(lambda: data.mnist(tmp_path)) < 2_000_000


@pytest.mark.parametrize("announced", [(3, 28, 28), (10**5, 28, 28), (-1, -28, 28), (10**30, 28, 28)])
def test_no_more_is_unzipped_than_the_head_of_keras_arrays_can_justify(
    tmp_path: Path, announced: tuple[int, ...]
) -> None:
    path = small_npz(tmp_path / "mnist.npz")
    head = io.BytesIO()
    described = {"descr": "|u1", "fortran_order": False, "shape": announced}
    np.lib.format.write_array_header_1_0(head, described)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["x_test.npy"] = head.getvalue() + bytes(50_000_000 if announced[0] == 3 else 784)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in members.items():
            archive.writestr(name, raw)
    assert peak_of(lambda: data.mnist(path)) < 2_000_000


@pytest.mark.parametrize("how", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_compression_that_cannot_be_read_piece_by_piece_is_refused(tmp_path: Path, how: int) -> None:
    path = small_npz(tmp_path / "mnist.npz")
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, raw in members.items():
            archive.writestr(name, raw)
    with pytest.raises(ValueError, match=r"x_train\.npy is compressed in another way"):
        data.mnist(path)


def test_compressed_and_fortran_arrays_of_keras_are_read(tmp_path: Path) -> None:
    digits = np.arange(6 * 784, dtype=np.uint8).reshape(6, 28, 28)
    path = small_npz(tmp_path / "mnist.npz", x_train=np.asfortranarray(digits))
    with np.load(path) as archive:
        np.savez_compressed(path.with_name("small.npz"), **archive)
    for place in (path, path.with_name("small.npz")):
        assert np.array_equal(data.mnist(place).train_images, digits.reshape(6, -1) / np.float32(255))


def test_a_label_above_9_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="go up to 11"):
        data.mnist(small_mnist(tmp_path, train_labels=idx(np.arange(12))))


def bundled(path: Path | str) -> None:
    """Write the digits that come with the package, from scikit-learn's."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    np.savez_compressed(path, images=bunch.images.astype(np.uint8), labels=bunch.target.astype(np.uint8))


def test_the_bundled_digits_are_scikit_learns() -> None:
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn, of the extra sklearn, is not installed")
    bunch, found = datasets.load_digits(), data.digits()
    images = data.enlarged(bunch.images / 16.0).reshape(1797, 784)
    theirs = data.split(images, bunch.target, held_out=0.2, seed=0)
    for ours, expected in zip((found[0], found[2], found[1], found[3]), theirs, strict=True):
        np.testing.assert_array_equal(ours, expected, strict=True)


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


# ------------------------------------------------------------------------------------------------- order and batches


@given(n=st.integers(0, 20), size=st.integers(1, 25), seed=st.integers(0, 9))
def test_batches_hold_each_example_once(n: int, size: int, seed: int) -> None:
    x, y = np.arange(n) * 2, np.arange(n)
    steps = data.batches(x, y, size, seed=seed)
    found = list(steps)
    assert len(steps) == len(found) == math.ceil(n / size)
    assert all(len(a) == size for a, _ in found[:-1])
    assert sorted(i for _, b in found for i in b) == list(range(n))
    assert [i for _, b in found for i in b] == data.order(n, seed).tolist()
    assert all((a == 2 * b).all() for a, b in found)


def epoch(steps: data.Batches) -> list[int]:
    return [int(i) for _, labels in steps for i in labels]


def test_a_generator_draws_each_epoch_anew_and_an_int_repeats_it() -> None:
    x = np.arange(50)
    steps = data.batches(x, x, 7, seed=3)
    assert epoch(steps) == epoch(steps) == np.random.default_rng(3).permutation(50).tolist()
    steps = data.batches(x, x, 7, seed=np.random.default_rng(3))
    first, second = epoch(steps), epoch(steps)
    assert first == epoch(data.batches(x, x, 7, seed=3))
    assert sorted(second) == sorted(first)
    assert second != first
    steps = data.batches(x, x, 7)
    assert epoch(steps) != epoch(steps)
    steps = data.batches(x, x, 7, shuffle=False)
    assert epoch(steps) == epoch(steps) == x.tolist()


@given(n=st.integers(1, 40), size=st.integers(1, 9), done=st.integers(0, 40))
def test_an_epoch_can_be_continued_after_any_batch(n: int, size: int, done: int) -> None:
    rng = np.random.default_rng(5)
    x = np.arange(n)
    steps = data.batches(x, x, size, seed=rng)
    epoch(steps)
    state = rng.bit_generator.state
    whole = [labels.tolist() for _, labels in steps]
    later = np.random.default_rng()
    later.bit_generator.state = state
    rest = data.order(n, later)[done * size :]
    assert [rest[i : i + size].tolist() for i in range(0, len(rest), size)] == whole[done:]
    assert later.bit_generator.state == rng.bit_generator.state  # nothing else is drawn


def test_the_order_is_drawn_where_the_loop_begins() -> None:
    rng, same = np.random.default_rng(1), np.random.default_rng(1)
    steps = data.batches(np.arange(9), np.arange(9), 2, seed=rng)
    assert rng.bit_generator.state == same.bit_generator.state
    loop = iter(steps)
    rng.random(5)
    assert [i for _, labels in loop for i in labels] == same.permutation(9).tolist()


def test_an_order_of_no_number_is_refused() -> None:
    assert data.order(0, 1).tolist() == []
    assert data.order(5, 1).dtype == np.int64
    for n in (-1, 1.5, True):
        with pytest.raises(ValueError, match=f"n={n}"):
            data.order(n)  # type: ignore[arg-type]


@pytest.mark.parametrize(("args", "says"), [((3, 2, 1), "3 inputs but 2"), ((3, 3, 0), "size=0"), ((3, 3, 1.5), "1.5")])
def test_batches_refuse_what_cannot_be_batched(args: tuple, says: str) -> None:
    n, m, size = args
    with pytest.raises(ValueError, match=says):
        data.batches(np.zeros(n), np.zeros(m), size)


# ------------------------------------------------------------------------------------------------------------- split


@given(n=st.integers(2, 40), held_out=st.floats(0.01, 0.99) | st.integers(1, 39), seed=st.integers(0, 9))
def test_a_split_puts_each_example_whole_into_one_part(n: int, held_out: float, seed: int) -> None:
    test = held_out if isinstance(held_out, int) else round(held_out * n)
    x, y = np.arange(n, dtype=np.float32)[:, None] * [1, 10], np.arange(n)
    if not 0 < test < n:
        with pytest.raises(ValueError, match="at least one in each part"):
            data.split(x, y, held_out=held_out, seed=seed)
        return
    x_train, x_test, y_train, y_test = data.split(x, y, held_out=held_out, seed=seed)
    assert [part.shape for part in (x_train, x_test)] == [(n - test, 2), (test, 2)]
    assert sorted([*y_train, *y_test]) == list(range(n))
    assert (x_train == y_train[:, None] * [1, 10]).all()
    assert (x_test == y_test[:, None] * [1, 10]).all()
    assert [part.tolist() for part in data.split(y, held_out=held_out, seed=seed)] == [
        y_train.tolist(),
        y_test.tolist(),
    ]


@given(labels=st.lists(st.integers(0, 4), min_size=2, max_size=60), data_=st.data(), seed=st.integers(0, 9))
def test_a_stratified_split_takes_each_class_in_its_share(labels: list[int], data_: st.DataObject, seed: int) -> None:
    n = len(labels)
    test = data_.draw(st.integers(1, n - 1))
    y = np.array(labels) * 3 - 4
    train, held, y_train, y_test = data.split(np.arange(n), y, held_out=test, seed=seed, stratify=y)
    assert (len(train), len(held)) == (n - test, test)
    assert sorted([*train, *held]) == list(range(n))
    assert (y[train] == y_train).all()
    assert (y[held] == y_test).all()
    for label in set(y):
        assert abs((y_test == label).sum() - test * (y == label).mean()) < 1


def test_a_stratified_split_is_random_within_the_classes_and_shuffled() -> None:
    y = np.repeat([0, 1], 50)
    parts = [data.split(np.arange(100), y, seed=seed, stratify=y) for seed in range(40)]
    assert {int(i) for _, held, _, _ in parts for i in held} == set(range(100))
    assert all((np.diff(labels) != 0).sum() > 1 for _, _, _, labels in parts)  # not class by class
    assert any(a.tolist() != sorted(a) for a, *_ in parts)


def test_a_split_repeats_itself_and_copies() -> None:
    x = np.arange(20.0)
    first, again, other = data.split(x), data.split(x), data.split(x, seed=1)
    assert [a.tolist() for a in first] == [a.tolist() for a in again]
    assert first[1].tolist() != other[1].tolist()
    for part in first:
        part[:] = -1
    assert x.tolist() == list(range(20))
    assert len(data.split([1, 2, 3, 4], held_out=0.5)[0]) == 2  # type: ignore[arg-type]


@pytest.mark.parametrize("whole", [np.uint8, np.int16, np.uint64])
def test_a_split_takes_numpys_whole_numbers(whole: Any) -> None:
    x, labels = np.arange(300), np.arange(300) % 7
    for stratify in (None, labels):
        ours = data.split(x, held_out=whole(90), stratify=stratify)
        assert [a.tolist() for a in ours] == [a.tolist() for a in data.split(x, held_out=90, stratify=stratify)]


@pytest.mark.parametrize("held_out", [0, 1.0, 0.01, 10, -1, True, "0.2", None, math.nan])
def test_a_split_with_an_empty_part_is_refused(held_out: object) -> None:
    with pytest.raises(ValueError, match="of 10 examples: it is a fraction"):
        data.split(np.arange(10), held_out=held_out)  # type: ignore[arg-type]


def test_a_split_of_what_has_no_equal_rows_is_refused() -> None:
    for arrays in [(), (np.zeros(3), np.zeros(4)), (np.zeros(3), 1.0)]:
        with pytest.raises(ValueError, match="a row for each of the same examples"):
            data.split(*arrays)  # type: ignore[arg-type]
    rng, same = np.random.default_rng(1), np.random.default_rng(1)
    with pytest.raises(ValueError, match=r"stratify has shape \(3, 1\)"):
        data.split(np.zeros(3), seed=rng, stratify=np.zeros((3, 1)))
    assert rng.bit_generator.state == same.bit_generator.state  # a refusal draws nothing


def test_one_hot_takes_a_list_and_labels_of_any_shape_and_width() -> None:
    expected = [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    for labels in ([2, 0], (2, 0), np.array([2, 0], np.uint8), np.array([2, 0], np.int64)):
        made = data.one_hot(labels, 3)  # type: ignore[arg-type]
        assert (made.dtype, made.tolist()) == (np.float32, expected)
    assert data.one_hot([[2], [0]], 3).tolist() == [[row] for row in expected]  # type: ignore[arg-type]
    assert data.one_hot(np.zeros(0, int), 3).shape == (0, 3)
    assert data.one_hot(np.array(9)).tolist() == [0.0] * 9 + [1.0]  # of ten classes, unless another number is given


def test_one_hot_refuses_what_is_no_label() -> None:
    with pytest.raises(ValueError, match="classes are 0 to 9"):
        data.one_hot(np.array([10]))
    with pytest.raises(TypeError, match=r"integers; got dtype float64: labels.astype\(int\) makes them so"):
        data.one_hot(np.array([1.0]))
    with pytest.raises(TypeError, match=r"np.unique\(labels, return_inverse=True\)\[1\] makes them so"):
        data.one_hot(np.array(["cat", "dog"]))


@pytest.mark.skipif("MICROGRADNET_DATA" not in os.environ, reason="MICROGRADNET_DATA names no folder with MNIST")
def test_the_published_files_are_read() -> None:
    found = data.mnist(os.environ["MICROGRADNET_DATA"])
    assert [part.shape for part in found] == [(60_000, 784), (60_000,), (10_000, 784), (10_000,)]
    assert np.bincount(found.test_labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    checked = 0
    for name, (size, sha256) in handwriting.FILES.items():
        path = Path(os.environ["MICROGRADNET_DATA"], name + ".gz")
        if path.is_file() and path.stat().st_size == size:  # or it was packed by somebody else
            assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256
            checked += 1
    assert checked or not any(Path(os.environ["MICROGRADNET_DATA"]).glob("*.gz"))


def test_an_array_is_what_its_head_announces() -> None:
    """As many bytes as its shape has, no more than can be in it, none below 0."""
    assert handwriting.announced("x", io.BytesIO(b"abc"), (1, 3), 3) == b"abc"
    assert handwriting.announced("x", io.BytesIO(b""), (0, 3), 3) == b""
    for held, shape, most, says in [
        (b"abc", (1, 3), 2, "no more than 2"), (b"abc", (-1, -3), 9, "announces"), (b"abc", (2, 2), 9, "holds 3"),
        (b"abc", (1, 2), 9, "holds more"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=says):
            handwriting.announced("x", io.BytesIO(held), shape, most)


def test_the_files_of_mnist_are_as_large_as_published() -> None:
    """Yann LeCun's page names the sizes of the four."""
    assert [size for size, _ in handwriting.FILES.values()] == [9_912_422, 28_881, 1_648_877, 4_542]


@pytest.mark.parametrize("held_out", [0, 1, 1.5, "a fifth"])
def test_a_fraction_to_hold_out_that_is_none_is_refused(held_out: Any) -> None:
    with pytest.raises(ValueError, match=f"held_out={held_out!r}: the fraction of the digits to hold out is a number"):
        data.digits(held_out=held_out)


@pytest.mark.parametrize(
    ("held", "says"),
    [
        (b"", "starts with nothing"), (b"\0\0", "starts with 0000"), (b"\0\0\x08\x01\0\0", "ends in its head"),
        (b"\0\0\x08\x03\0\0\0\x05", "starts with 00000803"), (b"\x93NUMPY\1\0v\0", "starts with 934e554d"),
    ],
)  # fmt: skip
def test_what_is_no_idx_file_is_told_from_one_that_ends_early(tmp_path: Path, held: bytes, says: str) -> None:
    (tmp_path / "labels").write_bytes(held)
    with pytest.raises(ValueError, match=f"it {says}, wanted 00000801 and 1 sizes"):
        data.read_idx(tmp_path / "labels", axes=1)


def test_a_gzipped_file_that_does_not_unzip_is_told(tmp_path: Path) -> None:
    """It ends early, or has another checksum, or a kind of block that there is not."""
    path, whole = tmp_path / "labels.gz", gzip.compress(idx(np.arange(50) * 7 % 10))
    for damaged in (whole[:-9], whole[:-8] + bytes(8), whole[:10] + b"\x07" + whole[11:]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"labels\.gz is damaged: it does not unzip \(.+\)\. Delete it, and get"):
            data.read_idx(path, axes=1)


def test_an_idx_file_of_a_number_is_read_and_one_that_ends_in_its_head_told(tmp_path: Path) -> None:
    path = tmp_path / "a.idx"
    path.write_bytes(bytes([0, 0, 8, 0, 7]))
    assert data.read_idx(path, 0) == 7
    for head, seen in (
        ([], "starts with nothing"), ([0, 0, 8], "starts with 000008"), ([0, 0, 8, 1], "ends in its head"),
        ([0, 0, 8, 1, 0, 0, 0], "ends in its head"), ([0, 0, 8, 2, 0, 0, 0, 1], "starts with 00000802"),
    ):  # fmt: skip
        path.write_bytes(bytes(head))
        with pytest.raises(ValueError, match=f"no IDX file of bytes with 1 axes: it {seen}, wanted 00000801 and 1 "):
            data.read_idx(path, 1)


if __name__ == "__main__":
    bundled(ROOT / "microgradnet" / "data" / "digits.npz")
