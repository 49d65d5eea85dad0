"""A file is whole or not there, gives back what went in, and nothing half where it cannot."""

from __future__ import annotations

import copy
import io
import json
import os
import re
import socket
import stat
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import microgradnet as mg
from microgradnet import Value, files, nn, optim
from microgradnet.nn.init import shared
from microgradnet.saving.formats import MANIFEST, format_of
from microgradnet.saving.manifest import digest
from microgradnet.saving.states import generators
from tests.samples import EXAMPLES

FORMATS = ["npz", "safetensors"]
GENERATORS = ["MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"]


@pytest.fixture(params=FORMATS)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "safetensors":
        pytest.importorskip("safetensors")
    return tmp_path / f"net.{request.param}"


class Training:
    """A model with buffers and two layers that draw from one generator, an optimiser, a generator."""

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.model = nn.Sequential(
            nn.Linear(3, 4, seed=rng), nn.BatchNorm1d(4), nn.Dropout(seed=rng), nn.Linear(4, 4, seed=rng),
            nn.Dropout(seed=rng), nn.Dropout(seed=seed), nn.Linear(4, 1, seed=rng), nn.Dropout(0.1),
        )  # fmt: skip
        self.optimizer = optim.SGD(self.model.parameters(), lr=0.1, momentum=0.9)
        self.rng = rng

    def step(self) -> None:
        self.optimizer.zero_grad()
        x = self.rng.normal(size=(5, 3)).astype(np.float32)
        (self.model(x) ** 2).mean().backward(release=True)
        self.optimizer.step()

    def things(self) -> dict[str, Any]:
        return {"model": self.model, "optimizer": self.optimizer, "rng": self.rng}

    def state(self) -> str:
        rngs = [shared(), self.rng, *(rng for _, rng in generators(self.model))]
        found = [self.model.state_dict(), self.optimizer.state_dict(), [rng.bit_generator.state for rng in rngs]]
        return repr(bits(found))


def bits(x: Any) -> Any:
    """Plain data as something that is equal where every bit is."""
    if isinstance(x, np.ndarray | np.generic):
        return type(x).__name__, x.dtype.str, x.shape, x.tobytes().hex()
    if isinstance(x, dict):
        return {key: bits(part) for key, part in x.items()}
    if isinstance(x, list | tuple):
        return type(x)(bits(part) for part in x)
    return type(x).__name__, repr(x)


# ---------------------------------------------------------------------------------------------- what goes in comes out


def test_a_training_goes_on_to_the_same_bits(path: Path) -> None:
    one, other = Training(0), Training(1)
    for _ in range(3):
        one.step()
    mg.save(path, **one.things(), epoch=3)
    then = one.state()
    for _ in range(3):
        one.step()
    rng = other.rng
    assert mg.load(path, **other.things()) == {"epoch": 3}
    assert other.state() == then
    assert other.rng is rng  # restored in place
    assert other.model.layers[2].rng is other.model.layers[4].rng is rng
    for _ in range(3):
        other.step()
    ran = other.state()
    mg.load(path, **one.things())  # the shared generator too
    for _ in range(3):
        one.step()
    assert one.state() == ran
    assert then != ran


DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5).filter(lambda s: "\0" not in s)
    | hnp.arrays(st.sampled_from([np.float16, np.float32, np.float64, np.int8, np.uint64, np.bool_]),
                 hnp.array_shapes(min_dims=0, min_side=0, max_side=3))
    | st.floats(width=32).map(np.float32),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner)
    | st.dictionaries(st.text("ab$.'/", max_size=3) | st.integers(), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@pytest.mark.parametrize("end", FORMATS)
def test_plain_data_comes_back_bit_by_bit(end: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    pytest.importorskip("safetensors")
    path = tmp_path_factory.mktemp("data") / f"data.{end}"
    ran = 0

    @given(DATA)
    def check(x: Any) -> None:
        nonlocal ran
        mg.save(path, x=x)
        assert bits(mg.load(path)) == bits({"x": x})
        ran += 1

    check()
    assert ran >= EXAMPLES


def test_the_order_of_an_array_in_memory_comes_back(path: Path) -> None:
    turned = np.arange(6.0).reshape(2, 3).T
    mg.save(path, turned=turned, strided=np.arange(10)[::2], swapped=np.arange(3, dtype=">i4"))
    found = mg.load(path)
    assert found["turned"].flags.f_contiguous
    np.testing.assert_array_equal(found["turned"], turned)
    assert found["strided"].tolist() == [0, 2, 4, 6, 8]
    assert (found["swapped"].tolist(), found["swapped"].dtype) == ([0, 1, 2], np.dtype("=i4"))
    found["strided"][0] = 1  # it can be written


def test_arrays_that_numpy_saved_come_back_whatever_their_order(tmp_path: Path) -> None:
    x = np.arange(6.0).reshape(2, 3)
    np.savez(tmp_path / "numpys.npz", rows=x, columns=x.T, both=x[0])
    found = mg.load(tmp_path / "numpys.npz")["model"]
    for name, expected in (("rows", x), ("columns", x.T), ("both", x[0])):
        np.testing.assert_array_equal(found[name], expected)


def test_two_arrays_of_one_path_both_come_back(path: Path) -> None:
    things = {"a": {"b": np.array([1.0])}, "a.b": np.array([2.0, 3.0]), "a.b'": np.array([4.0])}
    mg.save(path, **things)
    assert bits(mg.load(path)) == bits(things)


def test_a_name_that_would_be_cut_off_in_the_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'x\.a\\x00b': a name in a \.npz has no null character"):
        mg.save(tmp_path / "net.npz", x={"a\0b": np.array([1.0])})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind", GENERATORS)
def test_generators_come_back_in_the_middle_of_a_draw(path: Path, kind: str) -> None:
    def make(seed: int) -> np.random.Generator:
        return np.random.Generator(getattr(np.random, kind)(seed))

    rng, other = make(0), make(1)
    rng.integers(0, 9, size=3, dtype=np.uint32)  # half of 64 bits is kept for the next
    mg.save(path, rng=rng, again=rng, pair=[rng, make(5)])
    expected = rng.integers(0, 99, size=20, dtype=np.uint32).tolist()
    mg.load(path, rng=other)
    assert other.integers(0, 99, size=20, dtype=np.uint32).tolist() == expected
    found = mg.load(path)
    assert found["rng"].integers(0, 99, size=20, dtype=np.uint32).tolist() == expected
    given = mg.load(path, rng=other)
    assert given["again"] is other is given["pair"][0]  # one object stays one
    assert given["pair"][1].random() == make(5).random()


def test_reading_alone_changes_nothing_and_gives_everything(path: Path) -> None:
    training = Training()
    mg.save(path, **training.things(), note="so far")
    shared().random()
    before = training.state()
    found = mg.load(path)
    assert training.state() == before
    assert list(found) == ["model", "optimizer", "rng", "note"]
    assert bits(found["model"]) == bits(training.model.state_dict())
    assert bits(found["optimizer"]) == bits(training.optimizer.state_dict())
    assert found["note"] == "so far"
    shared().bit_generator.state = np.random.default_rng(0).bit_generator.state


def test_two_models_in_one_file_do_not_mix(path: Path) -> None:
    a, b = nn.Linear(2, 2, seed=0), nn.Linear(2, 2, seed=1)
    mg.save(path, a, critic=b)
    c, d = nn.Linear(2, 2, seed=2), nn.Linear(2, 2, seed=3)
    assert mg.load(path, c, critic=d) == {}
    assert bits([c.state_dict(), d.state_dict()]) == bits([a.state_dict(), b.state_dict()])


def test_equal_states_give_equal_files(tmp_path: Path) -> None:
    path, training = tmp_path / "net.npz", Training()  # the safetensors package writes its metadata in any order
    mg.save(path, **training.things())
    first = path.read_bytes()
    mg.save(path, **training.things())
    assert path.read_bytes() == first


def test_numpy_reads_the_weights_under_their_own_names(tmp_path: Path) -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    mg.save(tmp_path / "net.npz", model, epoch=1)
    with np.load(tmp_path / "net.npz", allow_pickle=False) as file:
        assert file.files[0] == MANIFEST
        assert file.files[1:] == [name for name, _ in model.named_parameters()]
        for name, value in model.named_parameters():
            assert bits(file[name]) == bits(value.data)


def test_a_file_of_a_model_holds_its_weights_and_nothing_else(path: Path) -> None:
    rng = np.random.Generator(np.random.MT19937(0))  # whose state is an array
    model = nn.Sequential(nn.Linear(2, 2, seed=0), nn.Dropout(seed=rng))
    mg.save(path, model)
    arrays, _ = format_of(path)[0](str(path))
    assert arrays.keys() == {"0.weight", "0.bias"}


def test_a_file_of_np_savez_holds_the_weights(tmp_path: Path) -> None:
    model, other = nn.MLP(2, [3, 1], seed=0), nn.MLP(2, [3, 1], seed=1)
    np.savez(tmp_path / "net.npz", **{name: value.data for name, value in model.named_parameters()})
    mg.load(tmp_path / "net.npz", other)
    assert bits(other.state_dict()) == bits(model.state_dict())
    np.savez_compressed(tmp_path / "net.npz", **{name: value.data for name, value in model.named_parameters()})
    with pytest.raises(ValueError, match=r"compressed; np\.savez"):
        mg.load(tmp_path / "net.npz", other)


def test_pytorch_reads_the_weights_and_writes_them(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    files = pytest.importorskip("safetensors.torch")
    path = str(tmp_path / "net.safetensors")

    class Net(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layers = torch.nn.ModuleList([torch.nn.Linear(3, 4), torch.nn.Linear(4, 2)])

        def forward(self, x: Any) -> Any:
            return self.layers[1](torch.tanh(self.layers[0](x)))

    ours, theirs = nn.MLP(3, [4, 2], activation=np.tanh, seed=0), Net()
    mg.save(path, ours)
    theirs.load_state_dict(files.load_file(path))
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    np.testing.assert_allclose(theirs(torch.tensor(x)).detach().numpy(), ours(x).data, rtol=1e-5, atol=1e-6)
    for dropped in (Net(), Net()):
        files.save_file(dropped.state_dict(), path, metadata={"format": "pt"})
        mg.load(path, ours)
        assert bits(ours.state_dict()) == bits({k: v.numpy() for k, v in dropped.state_dict().items()})
    before = bits(ours.state_dict())
    for state in ({"a": torch.zeros(2)}, {k: v.bfloat16() for k, v in theirs.state_dict().items()}):
        files.save_file(state, path)
        with pytest.raises(ValueError, match=r"net\.safetensors"):
            mg.load(path, ours)
        assert bits(ours.state_dict()) == before


# --------------------------------------------------------------------------------------------------- whole or not there

SAVER = """
import sys, numpy as np
import microgradnet as mg
for n in range(10**9):
    mg.save(sys.argv[1], x=np.full(50_000, n), n=n)
    if n == 0:
        print("ready", flush=True)
"""


def started(code: str, *args: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", code, *args], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def killed_while_saving(path: Path, times: int) -> int:
    """How many of the processes left a file that they were writing. What they leave does not add up."""
    left = []
    rng = np.random.default_rng(0)
    for _ in range(times):
        process = started(SAVER, str(path))
        for _ in range(rng.integers(0, 30_000)):  # some moment, measured in work rather than time
            path.stat()
        process.kill()
        process.communicate()
        found = mg.load(path)
        assert (found["x"] == found["n"]).all()
        left.append(len(os.listdir(path.parent)) - 1)
        assert max(left) <= 1
    mg.save(path, n=1)
    assert os.listdir(path.parent) == [path.name]
    return sum(left)


def test_a_kill_while_saving_leaves_the_old_file_or_the_new(path: Path) -> None:
    killed_while_saving(path, 2)


@pytest.mark.slow
def test_many_kills_while_saving_leave_the_old_file_or_the_new(path: Path) -> None:
    assert killed_while_saving(path, 25) > 0  # some kills did hit a file being written


@pytest.mark.parametrize("failing", ["replace", "fsync"])
def test_a_save_that_fails_leaves_the_old_file_alone(path: Path, failing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mg.save(path, n=1)

    def fail(*args: Any) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, failing, fail)
        with pytest.raises(OSError, match="No space"):
            mg.save(path, n=2)
    assert mg.load(path) == {"n": 1}
    assert os.listdir(path.parent) == [path.name]


def test_what_a_killed_process_left_is_removed_and_nothing_else(path: Path) -> None:
    mg.save(path, n=1)
    abandoned = [f"{path.name}.0123abcd.tmp", f"{path.name}.00000000.tmp"]
    others = [f"{path.name}.tmp", f"{path.name}.0123abcd", f"{path.name}.0123abcd.tmp.x", f"x{path.name}.0123abcd.tmp",
              f"{path.name}.0123ABCD.tmp", f"{path.name[:3]}x{path.name[4:]}.0123abcd.tmp"]  # fmt: skip
    for name in (*abandoned, *others):
        (path.parent / name).touch()
    mg.save(path, n=2)
    assert sorted(os.listdir(path.parent)) == sorted([path.name, *others])
    assert mg.load(path) == {"n": 2}


def test_what_is_still_being_written_is_not_taken_for_left_over(path: Path) -> None:
    with files.replacing(str(path)) as file:
        file.write(b"first")
        mg.save(path, n=1)
        assert mg.load(path) == {"n": 1}
        assert len(os.listdir(path.parent)) == 2
    assert path.read_bytes() == b"first"
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.slow
def test_several_processes_may_save_to_one_path(path: Path) -> None:
    code = SAVER.replace("range(10**9)", "range(300)").replace("print(", "0 and print(")
    running = [subprocess.Popen([sys.executable, "-c", code, str(path)], stderr=subprocess.PIPE) for _ in range(3)]
    for process in running:
        assert process.communicate(timeout=300)[1] == b""
    found = mg.load(path)
    assert (found["x"] == found["n"]).all()
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("name", ["x" * 230, "x" * 251, "é" * 125, "木" * 83, "x" + "😀" * 62])
def test_a_name_may_be_as_long_as_the_file_system_takes(tmp_path: Path, name: str) -> None:
    for n in range(2):
        mg.save(tmp_path / f"{name}.npz", n=n)
    assert mg.load(tmp_path / f"{name}.npz") == {"n": 1}
    with pytest.raises(OSError, match="too long"):
        mg.save(tmp_path / f"{name}{name}x.npz", n=2)
    assert os.listdir(tmp_path) == [f"{name}.npz"]


@pytest.mark.skipif(os.name != "posix", reason="FIFOs, devices and links as on Unix")
def test_only_a_file_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link to /dev/null is what people write to when they want nothing written; as root, we would replace it."""
    os.mkfifo(tmp_path / "fifo.npz")
    (tmp_path / "null.npz").symlink_to(os.devnull)
    (tmp_path / "loop.npz").symlink_to("loop.npz")
    (tmp_path / "link.npz").symlink_to("fifo.npz")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.npz")  # whose path may not be long
    for name in ("fifo", "link", "loop", "socket", "null"):
        with pytest.raises(OSError, match="is no file"):
            files.place(tmp_path / f"{name}.npz")
        if name != "null":  # where it would do harm
            with pytest.raises(OSError, match="is no file"):
                mg.save(tmp_path / f"{name}.npz", n=1)
    assert stat.S_ISFIFO(os.stat(tmp_path / "fifo.npz").st_mode)
    assert stat.S_ISSOCK(os.stat(tmp_path / "socket.npz").st_mode)
    assert len(os.listdir(tmp_path)) == 5


@pytest.mark.skipif(os.name != "posix", reason="permissions and links as on Unix")
def test_permissions_and_links_are_those_of_ordinary_files(path: Path) -> None:
    mask = os.umask(0o027)
    try:
        mg.save(path, n=1)
        assert path.stat().st_mode & 0o777 == 0o640
        path.chmod(0o600)
        mg.save(path, n=2)
        assert path.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(mask)
    link = path.parent / f"latest{path.suffix}"
    link.symlink_to(path.name)
    mg.save(link, n=3)
    assert link.is_symlink()
    assert mg.load(path) == mg.load(link) == {"n": 3}


def test_where_files_cannot_be_locked_they_are_written_and_left_ones_removed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows: nothing stays open, which could not be renamed there."""
    real, opened = os.open, []

    def noted(*args: Any) -> int:
        opened.append(real(*args))
        return opened[-1]

    monkeypatch.setattr(files, "fcntl", None)
    (path.parent / f"{path.name}.0123abcd.tmp").touch()
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", noted)
        mg.save(path, n=1)
    assert mg.load(path) == {"n": 1}
    assert os.listdir(path.parent) == [path.name]
    assert opened
    for descriptor in opened:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


def test_a_path_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    for name in ("net.pkl", "net", "net.pt", ".npz"):
        with pytest.raises(ValueError, match=r"ends in .*\.npz or \.safetensors"):
            mg.save(tmp_path / name, n=1)
    with pytest.raises(FileNotFoundError, match=r"the folder .*nowhere is not there"):
        mg.save(tmp_path / "nowhere" / "net.npz", n=1)
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(IsADirectoryError, match="is a folder"):
        mg.save(tmp_path / "folder.npz", n=1)
    with pytest.raises(FileNotFoundError):
        mg.load(tmp_path / "net.npz")
    assert os.listdir(tmp_path) == ["folder.npz"]


@pytest.mark.parametrize(
    ("thing", "says"),
    [
        ([nn.Linear(1, 1, seed=0)], r"x\.0 is .*Modules and optimisers each by a name"),
        ({"a": Value(1.0)}, r"x\.a is .*save its numbers, \.data"),
        ({1, 2}, "a set"),
        (len, "plain data is"),
        (np.array([None]), "dtype object"),
        (np.array(["a"]), "dtype <U1"),
        (np.ma.masked_equal([1.0, 2.0], 1.0), "mask would be lost"),
    ],
)
def test_what_cannot_be_saved_is_named_and_nothing_is_written(path: Path, thing: Any, says: str) -> None:
    with pytest.raises(TypeError, match=says):
        mg.save(path, good=1, x=thing)
    assert os.listdir(path.parent) == []


def test_the_package_for_safetensors_is_named_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    (tmp_path / "net.safetensors").touch()
    for act in (lambda p: mg.save(p, n=1), mg.load):
        with pytest.raises(ModuleNotFoundError, match="pip install safetensors"):
            act(tmp_path / "net.safetensors")


# ------------------------------------------------------------------------------------------ damaged, hostile, unfitting


def unchanged(training: Training, path: Path, says: str, **given: Any) -> None:
    before = training.state()
    with pytest.raises(ValueError, match=says) as caught:
        mg.load(path, **(given or training.things()))
    assert path.name in str(caught.value)
    assert training.state() == before


def damaged_files_are_noticed(path: Path, every: int) -> None:
    """Of each `every`-th byte: the file cut off there, and the file with one bit of that byte changed."""
    saved, target = Training(0), Training(1)
    saved.step()
    mg.save(path, **saved.things(), note=[1.5, "x"])
    raw, expected = path.read_bytes(), saved.state()
    start, initial = shared().bit_generator.state, target.state()
    places = range(0, len(raw), every)
    damages = [raw + b"x", *(raw[:i] for i in places)]
    damages += [raw[:i] + bytes([raw[i] ^ (1 << n % 8)]) + raw[i + 1 :] for n, i in enumerate(places)]
    refused = 0
    for damaged in damages:
        path.write_bytes(damaged)
        try:
            rest = mg.load(path, **target.things())
        except ValueError as error:
            says = str(error)
            assert path.name in says
            assert target.state() == initial
            refused += 1
        else:  # a byte that means nothing, such as a date
            assert rest == {"note": [1.5, "x"]}
            assert target.state() == expected
            target = Training(1)
            shared().bit_generator.state = start
            assert target.state() == initial
    assert refused > 0.8 * len(damages)


def test_truncations_and_changed_bytes_are_noticed(path: Path) -> None:
    damaged_files_are_noticed(path, 29)


def test_a_manifest_that_cannot_be_found_is_missed(path: Path) -> None:
    training = Training(0)
    mg.save(path, **training.things())
    raw = path.read_bytes()
    for name in (b"manifest", b"sha256"):
        path.write_bytes(raw.replace(name, name[::-1], 1))
        unchanged(training, path, "damaged")


@pytest.mark.slow
def test_every_truncation_and_every_changed_byte_is_noticed(path: Path) -> None:
    damaged_files_are_noticed(path, 1)


def zipped(path: Path, members: list[tuple[str, bytes]], how: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, raw in members:
            archive.writestr(name, raw)
    return path


def npy(shape: str, descr: str = "'<f4'", rest: bytes = b"") -> bytes:
    head = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + rest


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("members", "says"),
    [
        ([("weight.npy", npy("(1000000, 1000000)"))], r"announces \(1000000, 1000000\)"),
        ([("weight.npy", npy("(-1, -2)", rest=bytes(8)))], "announces"),
        ([("weight.npy", npy("(2,)", "'|O'", bytes(16)))], "dtype object"),
        ([("weight.npy", npy("(1,)", "[('a', '<f4')]", bytes(4)))], "dtype"),
        ([("weight.npy", npy("(1,)", "__import__('os')"))], "damaged"),
        ([("weight.npy", npy("(2,)" + " " * 60000))], "damaged"),
        ([("weight.npy", b"\x80\x04K\x01.")], "damaged"),
        ([("weight.npy", npy("(1,)", rest=bytes(4)))] * 2, "two members of one name"),
        ([("weight.py", b"print()")], "is no array"),
        ([("microgradnet.json", b"[" * 100_000)], "damaged"),
        ([("microgradnet.json", b"[]")], "damaged"),
        ([("../../weight.npy", npy("(1,)", rest=bytes(4)))], "weight"),
        ([("/etc/weight.npy", npy("(1,)", rest=bytes(4)))], "weight"),
    ],
    ids=range(13),
)
def test_a_hostile_archive_is_refused(tmp_path: Path, members: list[tuple[str, bytes]], says: str) -> None:
    path = zipped(tmp_path / "net.npz", members)
    training = Training()
    unchanged(training, path, says, model=training.model)
    assert os.listdir(tmp_path) == ["net.npz"]


def test_an_archive_cannot_unpack_to_more_than_it_is(tmp_path: Path) -> None:
    training = Training()
    bomb = zipped(tmp_path / "bomb.npz", [("weight.npy", bytes(10_000_000))], zipfile.ZIP_DEFLATED)
    unchanged(training, bomb, "compressed")
    many = io.BytesIO()
    with zipfile.ZipFile(many, "w") as archive:  # fifty entries for the same bytes
        archive.writestr("0.npy", npy("(100,)", rest=bytes(400)))
        for i in range(1, 50):
            entry = copy.copy(archive.filelist[0])
            entry.filename = f"{i}.npy"
            archive.filelist.append(entry)
    (tmp_path / "many.npz").write_bytes(many.getvalue())
    unchanged(training, tmp_path / "many.npz", "announces more than it holds")


@pytest.mark.parametrize(
    "head",
    [
        {"w": {"dtype": "F32", "shape": [10**9, 10**9], "data_offsets": [0, 8]}},
        {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 2**60]}},
        {"w": {"dtype": "F32", "shape": [2**63, 2**63], "data_offsets": [0, 8]}},
        {"w": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}},
        {"w": {"dtype": "O", "shape": [2], "data_offsets": [0, 8]}},
        {"w": {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}},
        {"../w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}},
        {"__metadata__": {"manifest": "{}"}, "w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}},
    ],
    ids=range(8),
)
def test_a_hostile_safetensors_file_is_refused(tmp_path: Path, head: dict[str, Any]) -> None:
    pytest.importorskip("safetensors")
    text = json.dumps(head).encode()
    path = tmp_path / "net.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(8))
    training = Training()
    unchanged(training, path, "net", model=training.model)
    path.write_bytes(struct.pack("<Q", 2**62) + text)
    unchanged(training, path, "net", model=training.model)


def test_a_file_from_before_a_sequential_had_pytorchs_names_loads(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def make(seed: int) -> Any:
        model: Any = nn.Module()
        model.body = nn.Sequential(
            nn.Linear(2, 2, seed=seed), nn.Sequential(nn.Dropout(0.5, seed=seed), nn.BatchNorm1d(2))
        )
        return model

    old, new = make(0), make(1)
    with monkeypatch.context() as before:
        before.setattr("microgradnet.nn.state.state_names", lambda module, paths: paths)
        mg.save(path, old)
    assert "body.layers.1.layers.1.running_mean" in format_of(path)[0](str(path))[0]
    mg.load(path, new)
    for name, x in old.state_dict().items():
        np.testing.assert_array_equal(new.state_dict()[name], x)
    assert "body.1.1.running_mean" in new.state_dict()
    assert new.body[1][0].rng.random() == old.body[1][0].rng.random()


def test_the_format_is_what_it_was(path: Path) -> None:
    """Files are read by later versions, and by other programs."""
    layer = nn.Sequential(nn.Linear(2, 1, seed=0), nn.Dropout(0.5, seed=np.random.Generator(np.random.PCG64(1))))
    plain = {"a": (1, [2.5, None, True]), "b": {1: "x", (2,): np.arange(2)}, "c": {"$d": np.float32(1.5)}}
    mg.save(path, layer, plain=plain, other=layer[0], rng=layer[1].rng)  # type: ignore[union-attr]
    arrays, meta = format_of(path)[0](str(path))
    weights = ["0.weight", "0.bias", "other.weight", "other.bias"]
    names = [*weights[:2], "plain.b.(2,)", "plain.c.$d", *weights[2:]]
    assert sorted(arrays) == sorted(names)
    manifest = json.loads(meta["manifest"])
    _, generator = manifest.pop("generators")  # the first is the one that layers share
    assert generator == np.random.PCG64(1).state
    module = {name.removeprefix("other."): {"$array": name} for name in weights}
    assert manifest == {
        "version": 1,
        "things": {
            "model": {"$module": dict(list(module.items())[:2]), "generators": {"layers.1.rng": 1}},
            "plain": {
                "a": {"$tuple": [1, [2.5, None, True]]},
                "b": {"$dict": [[1, "x"], [{"$tuple": [2]}, {"$array": "plain.b.(2,)"}]]},
                "c": {"$dict": [["$d", {"$scalar": "plain.c.$d"}]]},
            },
            "other": {"$module": dict(list(module.items())[2:]), "generators": {}},
            "rng": {"$generator": 1},
        },
    }
    assert meta["sha256"] == digest(meta["manifest"], arrays)
    assert bits(mg.load(path)["plain"]) == bits(plain)


def forged(path: Path, change: Any, here: str = "") -> None:
    """A file with another manifest, in it `here` in place of "HERE", and the checksum that goes with it."""
    arrays, meta = format_of(path)[0](str(path))
    manifest = json.loads(meta["manifest"])
    change(manifest, arrays)
    text = json.dumps(manifest).replace('"HERE"', here)
    packed = format_of(path)[1](arrays, {"manifest": text, "sha256": digest(text, arrays)})
    path.write_bytes(packed)


def set_in(*keys: Any, to: Any) -> Any:
    def change(manifest: Any, arrays: Any) -> None:
        for key in keys[:-1]:
            manifest = manifest[key]
        manifest[keys[-1]] = to

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (set_in("version", to=2), "version 2"),
        (set_in("generators", 1, to={"bit_generator": "PCG64"}), "damaged"),
        (set_in("generators", 0, "state", "inc", to=-1), "damaged"),
        (set_in("generators", 2, "bit_generator", to="system"), "generator 2"),
        (set_in("generators", to=[]), "no generator"),
        (
            set_in(
                "generators",
                1,
                to={
                    "bit_generator": "SFC64",
                    "state": {"state": {"$numbers": [1, 2, 3, 4], "dtype": "u8"}},
                    "has_uint32": 0,
                    "uinteger": 0,
                },
            ),
            "generator 1",
        ),
        (set_in("things", "rng", to={"$generator": 77}), "no generator 77"),
        (set_in("things", "rng", to={"$generator": True}), "no generator True"),
        (set_in("things", "rng", to=5), "rng is something else"),
        (set_in("things", "model", to={}), "model is something else"),
        (set_in("things", "optimizer", to={"$code": "print()"}), r"\$code"),
        (set_in("things", "optimizer", to={"$numbers": [1], "dtype": "O"}), "dtype object"),
        (set_in("things", "optimizer", to={}), "optimizer"),
        (set_in("things", "optimizer", to={"$array": "nowhere"}), "nowhere"),
        (set_in("things", "optimizer", to=[1]), "optimizer"),
        (set_in("things", "model", "$module", "0.weight", to={"$array": "0.bias"}), "weight"),
        (set_in("things", "model", "$module", "9.weight", to={"$array": "0.bias"}), r"9\.weight"),
        (set_in("things", "model", "$module", to=[1]), "list"),
        (lambda manifest, arrays: arrays.pop("0.weight"), "weight"),
    ],
    ids=range(19),
)
def test_a_forged_file_is_refused_whole(path: Path, change: Any, says: str) -> None:
    saved, training = Training(0), Training(1)
    saved.step()
    mg.save(path, **saved.things())
    forged(path, lambda manifest, arrays: None)
    mg.load(path, **Training(2).things())
    forged(path, change)
    unchanged(training, path, says)


def test_a_forged_generator_is_refused_where_it_would_be_returned_too(path: Path) -> None:
    mg.save(path, rng=np.random.default_rng(0), note=1)
    for state in ({"bit_generator": "PCG64"}, 3, {"bit_generator": "MT19937", "state": {"key": [1], "pos": 10**6}}):
        forged(path, set_in("generators", 1, to=state))
        with pytest.raises(ValueError, match=path.name):
            mg.load(path)
        mg.save(path, rng=np.random.default_rng(0), note=1)


def test_a_small_file_does_not_become_large_in_memory(path: Path) -> None:
    """Each array was referred to once when it was saved: 3,000 copies of this one would be 240 MB."""
    mg.save(path, x=np.ones((10, 1000)))
    whole = path.read_bytes()
    for node in ({"$array": "x", "order": "F"}, {"$array": "x"}, {"$scalar": "x"}):
        forged(path, set_in("things", "x", to=[node] * 3000))
        tracemalloc.start()
        with pytest.raises(ValueError, match=r"cannot be loaded.* refers to its arrays again and again"):
            mg.load(path)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 20 * len(whole)
        path.write_bytes(whole)
    forged(path, set_in("things", "x", to=[{"$array": "x", "order": "F"}]))
    assert (mg.load(path)["x"][0] == 1).all()


def test_what_is_nested_too_deeply_is_damage(path: Path) -> None:
    for depth in (10, 100, 400, 700, 1050):
        mg.save(path, x="HERE")
        forged(path, set_in("things", "x", to="HERE"), here="[" * depth + "]" * depth)
        try:
            x = mg.load(path)["x"]
        except ValueError as error:
            assert "cannot be loaded" in str(error)  # noqa: PT017
            assert depth > 10
        else:
            for _ in range(depth - 1):
                (x,) = x
            assert x == []


def test_complex_numbers_are_saved_where_they_can_be(tmp_path: Path) -> None:
    mg.save(tmp_path / "x.npz", x=np.array([1 + 2j]))
    assert mg.load(tmp_path / "x.npz")["x"].tolist() == [1 + 2j]
    pytest.importorskip("safetensors", reason="safetensors, an extra, is not installed")
    with pytest.raises(TypeError, match=r"x has dtype complex128.*a \.npz does"):
        mg.save(tmp_path / "x.safetensors", x=np.array([1 + 2j]))


def test_what_does_not_fit_is_named_and_nothing_is_restored(path: Path) -> None:
    saved, training = Training(0), Training(1)
    mg.save(path, **saved.things(), epoch=3)
    unchanged(training, path, "does not hold critic; it holds model, optimizer, rng, epoch", critic=training.model)
    unchanged(training, path, "epoch is something else", model=training.model, epoch=training.rng)
    other = optim.SGD([Value(1.0)], 0.1, momentum=0.9)
    unchanged(training, path, "does not fit: optimizer", **training.things() | {"optimizer": other})
    unchanged(training, path, "generator", rng=np.random.Generator(np.random.SFC64(0)))
    for wrong in ({"model": 3}, {"epoch": 3}, {"optimizer": {}}):
        with pytest.raises(TypeError, match="Module"):
            mg.load(path, **wrong)


def test_generators_that_were_one_must_be_one(path: Path) -> None:
    def model(*seeds: Any) -> nn.Module:
        return nn.Sequential(*(nn.Dropout(seed=seed) for seed in seeds))

    rng = np.random.default_rng(0)
    mg.save(path, model(rng, rng), rng=rng)
    for seeds, says in [
        ((1, 2), "layers.0.rng and model.layers.1.rng are two generators here and were one"),
        ((None, None), r"nn\.init\.shared\(\) are one generator here and were two"),
        ((3,), r"had generators at layers\.0\.rng, layers\.1\.rng and has them at layers\.0\.rng"),
    ]:
        with pytest.raises(ValueError, match=rf"^{re.escape(str(path))}: .*{says}.*\. Make the layers with the seeds"):
            mg.load(path, model(*seeds))
    model(1, 2).load_state_dict(mg.load(path)["model"])  # the way out


def test_another_network_is_told_before_where_its_generators_are(path: Path) -> None:
    mg.save(path, nn.Sequential(nn.Linear(3, 2, seed=0), nn.Dropout(seed=1)))
    other = nn.Sequential(nn.Linear(4, 2, seed=0), nn.Linear(2, 2, seed=0))
    before = other.state_dict()
    says = (
        r"does not fit: model is another network than was saved: 0\.weight is \(2, 4\) here and was \(2, 3\), "
        r"1\.weight is only here, 1\.bias is only here$"
    )
    with pytest.raises(ValueError, match=says):
        mg.load(path, other)
    assert all(np.array_equal(before[name], x) for name, x in other.state_dict().items())
    deep = nn.Sequential(nn.Dropout(seed=1), *[nn.Linear(3, 3, seed=0) for _ in range(2)])
    with pytest.raises(ValueError, match=r"saved: 0\.weight is not here, .*, 1\.weight is only here, …$"):
        mg.load(path, deep)


def test_ctrl_c_while_loading_restores_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved, training = Training(0), Training(1)
    mg.save(path, **saved.things())
    before = training.state()
    real = optim.SGD.load_state_dict
    calls = []

    def interrupted(self: Any, state: Any) -> None:
        real(self, state)
        calls.append(state)
        if len(calls) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(optim.SGD, "load_state_dict", interrupted)
    with pytest.raises(KeyboardInterrupt):
        mg.load(path, **training.things())
    assert len(calls) == 2
    assert training.state() == before


# The member that was being written is left open here; from Python 3.13 on it says so when it is forgotten.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_while_a_file_is_put_together_is_the_interrupt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, opened = tmp_path / "net.npz", []

    def interrupted(self: zipfile.ZipFile, *args: Any, **options: Any) -> Any:
        opened.append(real(self, *args, **options))
        raise KeyboardInterrupt

    mg.save(path, nn.Linear(2, 1))
    before, real = path.read_bytes(), zipfile.ZipFile.open
    monkeypatch.setattr(zipfile.ZipFile, "open", interrupted)
    with pytest.raises(KeyboardInterrupt):
        mg.save(path, nn.Linear(2, 1))
    assert opened
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["net.npz"]
