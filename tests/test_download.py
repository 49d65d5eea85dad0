"""Downloads: whole and checked, or not there at all. A server in this process plays the mirrors."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import types
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from microgradnet import data
from microgradnet.data import download, handwriting

from .test_data import idx

Answer = Callable[[BaseHTTPRequestHandler, bytes], None]


def files() -> dict[str, bytes]:
    """MNIST's four files with 200 and 100 digits of noise, so that the images take several reads."""
    rng = np.random.default_rng(0)
    made = {}
    for name, n in [("train", 200), ("t10k", 100)]:
        made[f"{name}-images-idx3-ubyte"] = gzip.compress(idx(rng.integers(0, 256, (n, 28, 28))))
        made[f"{name}-labels-idx1-ubyte"] = gzip.compress(idx(rng.integers(0, 10, n)))
    return made


FILES = files()


def send(handler: BaseHTTPRequestHandler, body: bytes, announced: int | None = None) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body) if announced is None else announced))
    handler.end_headers()
    handler.wfile.write(body)


def broken_off(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    send(handler, body[: len(body) // 2], len(body))


def without_a_length(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(body[:-1])


def reset(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    broken_off(handler, body)
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def nonsense(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.wfile.write(b"what?\r\n\r\n")


ANSWERS: dict[str, Answer] = {
    "good": send,
    "wrong": lambda handler, body: send(handler, bytes([body[0] ^ 1]) + body[1:]),
    "short": lambda handler, body: send(handler, body[:-10]),
    "long": lambda handler, body: send(handler, body + b"x"),
    "empty": lambda handler, body: send(handler, b""),
    "broken-off": broken_off,
    "without-a-length": without_a_length,
    "reset": reset,
    "404": lambda handler, body: handler.send_error(404),
    "nonsense": nonsense,
}
SAYS = {
    "wrong": "has other bytes: their sha256 is ",
    "short": "broke off after ",
    "long": "is longer than ",
    "empty": "broke off after 0 of ",
    "broken-off": "broke off after ",
    "without-a-length": "broke off after ",
    "reset": "broke off after ",
    "404": "answers 404 Not Found",
    "nonsense": "BadStatusLine",
    "dead": "cannot be reached (",
}


class Mirrors:
    """A server whose first folder says how to answer: /good/train-images-idx3-ubyte.gz."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers = dict(ANSWERS)
        mirrors = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirrors.asked.append(self.path)
                _, how, name = self.path.split("/")
                mirrors.answers[how](self, FILES[name.removesuffix(".gz")])

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        with socket.socket() as dead:
            dead.bind(("127.0.0.1", 0))
            self.dead = f"http://127.0.0.1:{dead.getsockname()[1]}/"

    def urls(self, *hows: str) -> tuple[str, ...]:
        here = f"http://127.0.0.1:{self.server.server_port}"
        return tuple(self.dead if how == "dead" else f"{here}/{how}/" for how in hows)


@pytest.fixture
def mirrors(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirrors]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    table = {name: (len(raw), hashlib.sha256(raw).hexdigest()) for name, raw in FILES.items()}
    monkeypatch.setattr(handwriting, "FILES", table)
    mirrors = Mirrors()
    thread = threading.Thread(target=mirrors.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield mirrors
    mirrors.server.shutdown()
    thread.join()
    mirrors.server.server_close()


@pytest.fixture
def cache(home: Path) -> Path:
    return home / ".cache/microgradnet/mnist"


NAMES = sorted(name + ".gz" for name in FILES)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_missing_is_downloaded_into_the_cache(
    mirrors: Mirrors, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(handwriting, "MIRRORS", mirrors.urls("good"))
    with pytest.raises(FileNotFoundError, match="download=True"):
        data.mnist()
    assert mirrors.asked == []  # never unasked
    assert not cache.exists()
    found = data.mnist(download=True)
    assert [part.shape for part in found] == [(200, 784), (200,), (100, 784), (100,)]
    assert {path.name: path.read_bytes() for path in cache.iterdir()} == {n + ".gz": raw for n, raw in FILES.items()}
    assert (found.test_labels == np.frombuffer(gzip.decompress(FILES["t10k-labels-idx1-ubyte"])[8:], np.uint8)).all()
    assert sorted(mirrors.asked) == ["/good/" + name for name in NAMES]
    bars = capsys.readouterr().err
    if find_spec("tqdm"):
        assert all(name in bars for name in NAMES)
        assert "100%" in bars

    (cache / NAMES[0]).unlink()
    data.mnist(download=True)
    assert mirrors.asked[4:] == ["/good/" + NAMES[0]]  # only what is missing
    data.mnist(download=True)
    data.mnist()
    assert len(mirrors.asked) == 5


def test_nothing_is_downloaded_that_another_library_left(
    mirrors: Mirrors, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handwriting, "MIRRORS", mirrors.urls("good"))
    raw = Path("data/MNIST/raw")
    raw.mkdir(parents=True)
    for name, packed in FILES.items():
        (raw / name).write_bytes(gzip.decompress(packed))
    assert len(data.mnist(download=True).train_labels) == 200
    assert mirrors.asked == []
    assert not cache.exists()


@pytest.mark.parametrize("variable", [False, True])
def test_a_folder_that_is_named_gets_the_download(
    mirrors: Mirrors, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: bool
) -> None:
    monkeypatch.setattr(handwriting, "MIRRORS", mirrors.urls("good"))
    folder = tmp_path / "a" / "b"
    if variable:
        monkeypatch.setenv("MICROGRADNET_DATA", str(folder))
    data.mnist(None if variable else folder, download=True)
    assert names(folder) == NAMES
    assert not cache.exists()


@pytest.mark.parametrize("how", SAYS)
def test_a_bad_mirror_is_passed_over(mirrors: Mirrors, cache: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setattr(handwriting, "MIRRORS", mirrors.urls(how, "good"))
    assert len(data.mnist(download=True).train_labels) == 200
    assert names(cache) == NAMES


@pytest.mark.parametrize("how", SAYS)
def test_a_failed_download_leaves_nothing_and_says_why(
    mirrors: Mirrors, cache: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """With one mirror, then with all of them."""
    for hows in ([how], list(SAYS)):
        urls = mirrors.urls(*hows)
        monkeypatch.setattr(handwriting, "MIRRORS", urls)
        with pytest.raises(OSError, match="could not be downloaded") as caught:
            data.mnist(download=True)
        _, *reasons, last = str(caught.value).splitlines()
        assert str(cache) in last
        assert len(reasons) == len(hows)
        for url, one, reason in zip(urls, hows, reasons, strict=True):
            assert reason.startswith(f"  {url}train-images-idx3-ubyte.gz ")
            assert SAYS[one] in reason
        assert names(cache) == []


def test_a_mirror_that_says_no_more_is_given_up(mirrors: Mirrors, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given_up = threading.Event()

    def stalled(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        broken_off(handler, body)
        given_up.wait(timeout=60)

    mirrors.answers["stalled"] = stalled
    monkeypatch.setattr(handwriting, "MIRRORS", mirrors.urls("stalled"))
    monkeypatch.setattr(download, "TIMEOUT", 0.1)
    with pytest.raises(OSError, match="timed out"):
        data.mnist(download=True)
    given_up.set()
    assert names(cache) == []


class Impatient:
    """A progress bar at which the user presses Ctrl-C."""

    def __enter__(self) -> Impatient:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def update(self, n: int) -> None:
        raise KeyboardInterrupt


def test_an_interrupted_download_leaves_nothing_and_a_rerun_works(
    mirrors: Mirrors, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handwriting, "MIRRORS", mirrors.urls("good"))
    with monkeypatch.context() as patched:
        patched.setattr(download, "progress", lambda name, size: Impatient())
        with pytest.raises(KeyboardInterrupt):
            data.mnist(download=True)
    assert names(cache) == []
    data.mnist(download=True)
    assert names(cache) == NAMES


def test_a_full_disk_is_not_blamed_on_the_mirrors(
    mirrors: Mirrors, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handwriting, "MIRRORS", mirrors.urls("good", "good"))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        data.mnist(download=True)
    assert len(mirrors.asked) == 1
    assert names(cache) == []


def test_a_download_without_tqdm_shows_no_bar(
    mirrors: Mirrors, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(handwriting, "MIRRORS", mirrors.urls("good"))
    data.mnist(download=True)
    assert names(cache) == NAMES
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("installed", [True, False])
def test_a_download_shows_how_far_it_is(
    installed: bool, mirrors: Mirrors, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With tqdm: one bar for each file, of its size in bytes, full at the end and closed."""
    made: list[Any] = []

    class Bar:
        def __init__(self, **options: Any) -> None:
            self.options, self.moved, self.closed = options, 0, False
            made.append(self)

        def __enter__(self) -> Bar:
            return self

        def update(self, n: int) -> None:
            self.moved += n

        def __exit__(self, *error: object) -> None:
            self.closed = True

    monkeypatch.setitem(sys.modules, "tqdm", types.SimpleNamespace(tqdm=Bar) if installed else None)
    monkeypatch.setattr(handwriting, "MIRRORS", mirrors.urls("good"))
    data.mnist(download=True)
    assert len(made) == len(handwriting.FILES) * installed
    for bar, (name, (size, _)) in zip(made, handwriting.FILES.items(), strict=False):
        assert bar.options["desc"].startswith(name)
        assert (bar.options["total"], bar.moved, bar.closed) == (size, size, True)
        assert bar.options["unit"] == "B"


PROCESS = """
import json, sys
from microgradnet import data
from microgradnet.data import handwriting
handwriting.MIRRORS, handwriting.FILES = json.loads(sys.argv[1])
print(len(data.mnist(download=True).train_labels))
"""


def process(mirrors: Mirrors, how: str) -> subprocess.Popen[str]:
    setting = json.dumps([mirrors.urls(how), handwriting.FILES])
    return subprocess.Popen(
        [sys.executable, "-c", PROCESS, setting],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
    )


def test_two_processes_at_once_both_get_whole_files(mirrors: Mirrors, cache: Path) -> None:
    both = threading.Barrier(2, timeout=60)

    def together(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        both.wait()
        send(handler, body)

    mirrors.answers["together"] = together
    running = [process(mirrors, "together") for _ in range(2)]
    for one in running:
        printed, complaint = one.communicate(timeout=120)
        assert printed == "200\n", complaint
    assert len(mirrors.asked) == 8  # each downloaded each
    assert {path.name: path.read_bytes() for path in cache.iterdir()} == {n + ".gz": raw for n, raw in FILES.items()}


def test_a_process_killed_half_way_leaves_no_file_of_that_name(
    mirrors: Mirrors, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent, dead = threading.Event(), threading.Event()

    def stalled(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        broken_off(handler, body)
        handler.wfile.flush()
        sent.set()
        dead.wait(timeout=60)

    mirrors.answers["stalled"] = stalled
    running = process(mirrors, "stalled")
    assert sent.wait(timeout=60)
    running.kill()
    running.communicate(timeout=60)
    dead.set()
    assert [name for name in names(cache) if not name.endswith(".part")] == []
    monkeypatch.setattr(handwriting, "MIRRORS", mirrors.urls("good"))
    assert len(data.mnist(download=True).train_labels) == 200
    assert names(cache) == NAMES  # what the killed process left is gone


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, "home/.cache/microgradnet/mnist"),
        ("linux", {"XDG_CACHE_HOME": "/xdg"}, "/xdg/microgradnet/mnist"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "home/.cache/microgradnet/mnist"),
        ("darwin", {"XDG_CACHE_HOME": "/xdg"}, "home/Library/Caches/microgradnet/mnist"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/microgradnet/mnist"),
        ("win32", {}, "home/AppData/Local/microgradnet/mnist"),
    ],
)
def test_the_cache_is_where_the_platform_keeps_them(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    platform: str,
    variables: dict[str, str],
    expected: str,
) -> None:
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert download.cache_folder("mnist") == expected.replace("home", str(home))


def test_the_mirrors_are_known_and_the_files_are_the_published_ones() -> None:
    """Sizes and checksums are facts; this holds them still."""
    assert len(handwriting.MIRRORS) == 3
    assert all(url.startswith(("https://", "http://yann.lecun.com/")) and url[-1] == "/" for url in handwriting.MIRRORS)
    assert {name: (size, sha[:8], len(sha)) for name, (size, sha) in handwriting.FILES.items()} == {
        "train-images-idx3-ubyte": (9_912_422, "440fcabf", 64),
        "train-labels-idx1-ubyte": (28_881, "3552534a", 64),
        "t10k-images-idx3-ubyte": (1_648_877, "8d422c7b", 64),
        "t10k-labels-idx1-ubyte": (4_542, "f7ae60f9", 64),
    }
