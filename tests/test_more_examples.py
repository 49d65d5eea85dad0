"""The examples that build networks of several kinds, run as a reader runs them, in small."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests import test_examples
from tests.test_data import small_mnist
from tests.test_examples import EXAMPLES, final_accuracy, is_picture, run, some

example, refused = test_examples.example, test_examples.refused  # the fixtures


def test_moons_draws_the_line_better_and_better(example: Callable[..., str], tmp_path: Path) -> None:
    printed = example("moons.py")
    assert [int(n) for n in re.findall(r"^epoch (\d+):", printed, re.MULTILINE)] == [0, 2, 10, 40, 100]
    costs = [float(n) for n in re.findall(r"held-out cost ([\d.]+)", printed)]
    assert costs[-1] < costs[0] / 4
    assert final_accuracy(printed) >= 95
    assert is_picture(tmp_path / "moons.png")


@pytest.mark.slow
def test_moons_learns_three_spirals(example: Callable[..., str], tmp_path: Path) -> None:
    printed = example("moons.py", "--set", "spirals")
    assert " → 3, " in printed
    assert final_accuracy(printed) >= 90
    assert is_picture(tmp_path / "spirals.png")


def test_processes_learn_the_digits_together_and_one_does_alone(example: Callable[..., str], tmp_path: Path) -> None:
    printed = example("parallel_digits.py", "--epochs", 9)
    assert printed.startswith("1 process: of a batch of 64 each has [64]\n")
    one, together = re.findall(r": (cost .*), \d", printed)
    assert one == together
    assert final_accuracy(printed) > 75
    assert "differ by 0.0e+00 at most" in printed
    assert is_picture(tmp_path / "parallel_digits.png")


@pytest.mark.slow
def test_micrograds_moons_run_as_products_of_matrices(example: Callable[..., str], tmp_path: Path) -> None:
    printed = example("micrograd_moons.py")
    assert "337 parameters" in printed
    costs = [float(n) for n in re.findall(r"loss ([\d.]+)", printed)]
    assert len(costs) == 14
    assert costs[-1] < costs[0] / 10
    assert "100% of 100 points right" in printed
    assert printed.count("dot(") == 8
    assert (tmp_path / "micrograd_moons.txt").read_text().startswith("def step(")
    assert is_picture(tmp_path / "micrograd_moons.png")


def test_custom_network_is_checked_frozen_tied_stopped_and_saved(example: Callable[..., str], tmp_path: Path) -> None:
    printed = example("custom_network.py", "--epochs", 20)
    assert len(re.findall("^ok: the gradient of", printed, re.MULTILINE)) == 2
    assert "NOT OK" not in printed
    assert re.search(r"^waves +Linear\(2 → 32\).* 96 +96 ", printed, re.MULTILINE)  # all its numbers are frozen
    assert "blocks.0.shared" in printed
    assert "blocks.1.shared" not in printed  # the same weight: it has one row
    assert "4,455 parameters, 96 of them frozen" in printed
    assert final_accuracy(printed) >= 97
    assert "the same answers" in printed
    assert is_picture(tmp_path / "custom_network.png")
    with np.load(tmp_path / "custom_network.npz") as file:
        assert file["heads.arm.weight"].shape == (3, 32)
    if "The graph is not drawn" not in printed:
        assert is_picture(tmp_path / "custom_network_graph.png")


def test_convnet_learns_the_bundled_digits(
    example: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MICROGRADNET_DATA", "KERAS_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path))  # where no MNIST is
    monkeypatch.chdir(tmp_path)
    printed = example("convnet.py", "--epochs", 3)
    assert "Without MNIST, scikit-learn's digits are learned." in printed
    assert "8,946 parameters" in printed
    assert "1,438 digits to learn from, 359 held out" in printed
    assert len(re.findall(r"^epoch \d: .* s\)$", printed, re.MULTILINE)) == 3
    assert final_accuracy(printed) >= 94
    assert is_picture(tmp_path / "convnet.png")


@pytest.mark.slow
@pytest.mark.skipif("MICROGRADNET_DATA" not in os.environ, reason="MICROGRADNET_DATA names no folder with MNIST")
@pytest.mark.parametrize("seed", [0, 1])
def test_convnet_knows_99_of_100_digits_of_mnist(tmp_path: Path, seed: int) -> None:
    done = run("convnet.py", "--seed", seed, cwd=tmp_path)  # half a minute
    assert done.returncode == 0, done.stderr
    assert "60,000 digits to learn from, 10,000 held out" in done.stdout
    assert final_accuracy(done.stdout) >= 99
    assert is_picture(tmp_path / "out" / "convnet.png")


@pytest.mark.slow
def test_table_goes_from_a_file_to_a_checked_model(example: Callable[..., str], tmp_path: Path) -> None:
    pytest.importorskip("pandas", reason="pandas, of the extra examples, is not installed")
    printed = example("table.py", "--rows", 12_000, "--epochs", 60)
    columns = "city: 24 categories, plan: 3 categories, months: numbers, income: numbers, visits: numbers"
    assert f"Columns({columns})" in printed
    assert "the same answers, gradients are right" in printed
    best = float(re.search(r"who knows all the chances is right in ([\d.]+)%", printed).group(1))
    assert best - 8 < final_accuracy(printed) < best + 3
    assert is_picture(tmp_path / "table.png")
    with np.load(tmp_path / "table.npz") as file:
        assert file["embeddings.0.weight"].shape == (25, 10)
    assert len(main_path("table.py")) <= 20


def main_path(name: str) -> list[str]:
    """The lines of an example from the file to the model, after the comment that begins them."""
    return (EXAMPLES / name).read_text().split("# From the f")[1].split("\n\n")[0].splitlines()[1:]


def test_images_go_from_a_folder_to_a_checked_network(example: Callable[..., str], tmp_path: Path) -> None:
    pytest.importorskip("PIL", reason="Pillow, of the extra images, is not installed")
    printed = example("images.py", "--images", 40, "--epochs", 1)
    assert "40 images (3, 32, 32), circle 10, square 10, star 10, triangle 10" in printed
    assert "the same answers, gradients are right" in printed
    assert "exported: " in printed
    assert is_picture(tmp_path / "images.png")
    assert len(main_path("images.py")) <= 20


@pytest.mark.slow
def test_images_are_learned(example: Callable[..., str]) -> None:
    pytest.importorskip("PIL", reason="Pillow, of the extra images, is not installed")
    assert final_accuracy(example("images.py")) >= 90


def cost_per_character(printed: str) -> list[float]:
    return [float(n) for n in re.findall(r"held-out cost ([\d.]+) nats", printed)]


def test_char_transformer_begins_to_write(example: Callable[..., str], tmp_path: Path) -> None:
    printed = example("char_transformer.py", "--epochs", 2, "--lines", 400, "--width", 32)
    by_letter = float(re.search(r"baseline by how often each comes: ([\d.]+) nats", printed).group(1))
    entropy = float(re.search(r"baseline the grammar's entropy: ([\d.]+) nats", printed).group(1))
    costs = cost_per_character(printed)
    assert len(costs) == 3
    assert costs[0] > costs[1] > costs[2] > entropy
    assert costs[0] > by_letter > 1.25 * costs[2]  # it has begun to see which letter follows which
    for nats, bits in re.findall(r"([\d.]+) nats \(([\d.]+) bits\)", printed):
        assert float(bits) == pytest.approx(float(nats) / np.log(2), abs=0.002)
    samples = re.findall(r"^    .*", printed, re.MULTILINE)
    assert len(samples) == 9
    assert is_picture(tmp_path / "char_transformer.png")


@pytest.mark.slow
def test_char_transformer_comes_down_to_the_entropy_of_the_grammar(example: Callable[..., str]) -> None:
    printed = example("char_transformer.py")  # half a minute
    entropy = float(re.search(r"baseline the grammar's entropy: ([\d.]+) nats", printed).group(1))
    assert cost_per_character(printed)[-1] < 1.05 * entropy
    assert int(re.findall(r"(\d+) of 50 lines are right", printed)[-1]) >= 40


def test_the_grammar_knows_its_own_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)
    import char_transformer as c

    try:
        lines, nats = c.made_up(300, np.random.default_rng(0))
        assert all(map(c.could_be, lines))
        assert not any(c.could_be(line[:-1]) for line in lines)
        repeated = [line for line in lines if line.startswith("who")]
        assert repeated
        assert not any(c.could_be(re.sub(r"(\w+)\.$", "stone.", line)) for line in repeated)
        asked = {line.split("? ")[0] for line in lines}
        answers = ["the red ball is on the hill.", "the wet cup is on the hill."]
        assert [c.could_be(f"where is the red ball? {answer}") for answer in answers] == [True, False]
        assert len(asked) > 200
        # ln 3 for the kind of line; each is then a choice among 8 · 8 · 4 · 6, 8 · 8 · 8 · 6 or 8 · 8 · 4 · 6 · 2
        mean = np.log(3) + np.log([8 * 8 * 4 * 6, 8 * 8 * 8 * 6, 8 * 8 * 4 * 6 * 2]).mean()
        assert nats / 300 == pytest.approx(mean, rel=0.01)
        x, y = c.in_numbers(lines)
        assert x.shape == y.shape == (300, c.LENGTH)
        np.testing.assert_array_equal(x[:, 1:][y[:, 1:] != c.IGNORED], y[:, :-1][y[:, 1:] != c.IGNORED])
        assert (y != c.IGNORED).sum() == sum(len(line) + 1 for line in lines)
        longest = [max(words, key=len) for words in c.WORDS.values()]
        for line in c.GRAMMAR:
            for name, word in zip(c.WORDS, longest, strict=True):
                line = line.replace(name, word)
            assert len(line) < c.LENGTH
    finally:
        for name in ("char_transformer", "options"):
            sys.modules.pop(name, None)


def test_the_transformer_does_not_look_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)
    import char_transformer as c

    try:
        model = c.Transformer(16, 2, 4, np.random.default_rng(0))
        x, _ = c.in_numbers(["where is the red ball?"])
        changed = x.copy()
        changed[:, 10:] = 3
        before, after = model(x).data, model(changed).data
        assert before.shape == (1, c.LENGTH, len(c.ALPHABET))
        np.testing.assert_array_equal(before[:, :10], after[:, :10])
        assert not np.allclose(before[:, 10], after[:, 10])
        maps = model.attention(c.EXAMPLE)
        assert maps.shape == (2, 4, len(c.EXAMPLE) + 1, len(c.EXAMPLE) + 1)
        np.testing.assert_allclose(maps.sum(axis=-1), 1, rtol=1e-5)
        assert not np.triu(maps, 1).any()
    finally:
        for name in ("char_transformer", "options"):
            sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("name", "options", "picture"),
    some([
        ("moons.py", ("--epochs", 2, "--set", "blobs"), "blobs.png"),
        ("convnet.py", ("--first", 8, "--batch-size", 3, "--epochs", 1), "convnet.png"),
        ("char_transformer.py", ("--epochs", 1, "--lines", 32, "--width", 16), "char_transformer.png"),
    ], 1),
)  # fmt: skip
def test_the_seed_decides_what_an_example_prints_and_draws(
    example: Callable[..., str], tmp_path: Path, name: str, options: tuple[object, ...], picture: str
) -> None:
    if name == "convnet.py":
        (tmp_path / "files").mkdir()
        options = (*options, "--data", small_mnist(tmp_path / "files"))
    seen = []
    for seed in (1, 1, 2) if name == "moons.py" else (1, 1):  # the others take longer
        printed = re.sub(r"[\d.]+ s\b", "", example(name, *options, "--seed", seed))
        seen.append((printed, (tmp_path / picture).read_bytes()))
    assert seen[0] == seen[1]
    if name == "convnet.py":
        assert "8 digits to learn from, 5 held out" in seen[0][0]
    if name == "moons.py":
        assert seen[0][0] != seen[2][0]
        assert seen[0][1] != seen[2][1]


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("moons.py", ["--set", "suns"], "invalid choice"),
        ("moons.py", ["--points", "1"], "held_out"),
        ("moons.py", ["--lr", "1e38"], "the steps are too large, try a smaller --lr"),
        ("convnet.py", ["--data", "nowhere"], "is not a folder"),
        ("convnet.py", ["--first", "0"], "'0' is not a whole number"),
        ("char_transformer.py", ["--width", "5"], "is no multiple of"),
        ("char_transformer.py", ["--lines", "70", "--width", "8", "--lr", "1e30"], "try a smaller --lr"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(
    refused: Callable[..., str], name: str, options: list[str], says: str
) -> None:
    sentence = refused(name, *options).splitlines()[-1]
    assert says in sentence
    assert sentence.startswith(f"{name}: ")


def test_a_compiled_step_is_printed_timed_and_drawn(example: Callable[..., str], tmp_path: Path) -> None:
    printed = example("compiled_step.py", "--epochs", 2)
    assert printed.startswith("# step, compiled")
    for part in ("forward", "backward"):
        assert re.search(rf"# {part} · compiled_step\.py:\d+: cost = quadratic_cost\(model\(x\), y\)$", printed, re.M)
    assert re.search(r"# update · compiled_step\.py:\d+: optimiser\.step\(\)$", printed, re.MULTILINE)
    assert "needed by nothing: " in printed
    eager, compiled = (float(n) for n in re.findall(r"held-out accuracy ([\d.]+)%", printed))
    assert abs(eager - compiled) < 1
    assert "gradient of layers.0.weight" in (tmp_path / "compiled_step.html").read_text()
    drawn = (tmp_path / "compiled_step.svg").read_text()
    assert "gradient of weight" in drawn
    width = float(re.search(r'width="(\d+)', drawn)[1])  # type: ignore[index]
    assert width < 1100  # and can be read on a page
