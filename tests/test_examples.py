"""The examples, run as a reader runs them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_data import small_mnist

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name: str, *options: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / name), *map(str, options)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)


def final_accuracy(printed: str) -> float:
    return float(re.findall(r"held-out accuracy ([\d.]+)%", printed)[-1])


def test_digits_learns_the_bundled_digits(tmp_path: Path) -> None:
    done = run("digits.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "13,002 parameters" in done.stdout
    assert final_accuracy(done.stdout) >= 94
    assert "epoch 1:" in done.stdout
    assert "epoch 50:" in done.stdout
    assert "epoch 50" in done.stderr  # the progress bar
    assert (tmp_path / "out" / "digits.png").read_bytes().startswith(b"\x89PNG")
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_digits_repeats_itself_bit_by_bit(tmp_path: Path) -> None:
    runs = [run("digits.py", "--epochs", 2, "--seed", 5, "--out", tmp_path / "a", cwd=tmp_path) for _ in range(2)]
    first, second = ([line for line in done.stdout.splitlines() if "epoch" in line] for done in runs)
    assert first == second
    assert len(first) == 2


def test_digits_reads_mnist_from_a_folder(tmp_path: Path) -> None:
    options = ("--data", small_mnist(tmp_path), "--epochs", 1, "--batch-size", 4, "--lr", 0.5, "--out", tmp_path / "o")
    done = run("digits.py", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "12 digits to learn from, 5 held out" in done.stdout
    assert (tmp_path / "o" / "digits.png").exists()


@pytest.mark.slow
@pytest.mark.skipif("MICROGRADNET_DATA" not in os.environ, reason="MICROGRADNET_DATA names no folder with MNIST")
def test_digits_learns_mnist(tmp_path: Path) -> None:
    done = run("digits.py", "--data", os.environ["MICROGRADNET_DATA"], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "10,000 held out" in done.stdout
    assert final_accuracy(done.stdout) >= 94


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--epochs", "0"], "'0' is not a whole number"),
        (["--batch-size", "1.5"], "'1.5' is not a whole number"),
        (["--lr", "fast"], "'fast' is not a positive number"),
        (["--lr", "nan"], "not a positive number"),
        (["--seed", "-1"], "not a whole number"),
        (["--bogus"], "unrecognized"),
        (["--data", "nowhere"], "is not a folder"),
        (["--data", "."], "are missing from"),
        (["--out", "file/below"], "file"),
        (["--out", "file"], "is a file"),
        (["--lr", "1e39", "--epochs", "1"], "too large"),
    ],
)
def test_digits_says_in_one_sentence_what_is_wrong(tmp_path: Path, options: list[str], says: str) -> None:
    (tmp_path / "file").write_text("in the way")
    done = run("digits.py", *options, cwd=tmp_path)
    assert done.returncode == 2
    sentence = done.stderr.replace("\r", "\n").strip().splitlines()[-1]
    assert says in sentence
    assert sentence.startswith("digits.py: ")
    assert "Traceback" not in done.stderr


def test_digits_names_a_damaged_file(tmp_path: Path) -> None:
    small_mnist(tmp_path, test_labels=b"not an IDX file")
    done = run("digits.py", "--data", tmp_path, cwd=tmp_path)
    assert done.returncode == 2
    assert "t10k-labels-idx1-ubyte.gz is no IDX file" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
