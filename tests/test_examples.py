"""The examples, run as a reader runs them."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.samples import sample
from tests.test_data import small_mnist

for module in ("tqdm", "matplotlib"):
    pytest.importorskip(module, reason=f"{module}, of the extra examples, is not installed")

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name: str, *options: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / name), *map(str, options)]
    env = os.environ | environment
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300, check=False)


# What each example prints is deterministic, so one run in this process stands for all: a test asks `example` for it.


@pytest.fixture
def example(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., str]:
    """Runs an example in this process and returns what it printed; its pictures are in `tmp_path`, if not elsewhere.

    But for the long run they are small and their parts are not made to fit, which would take most of the time.
    """
    from matplotlib.figure import Figure

    monkeypatch.syspath_prepend(EXAMPLES)
    save = Figure.savefig

    def small(figure: Figure, path: Path, **how: Any) -> None:
        figure.set_layout_engine("none")
        save(figure, path, **{**how, "dpi": 30})

    if not request.node.get_closest_marker("slow"):
        monkeypatch.setattr(Figure, "savefig", small)

    def perform(name: str, *options: object) -> str:
        monkeypatch.setattr(sys, "argv", [name, "--out", str(tmp_path), *map(str, options)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return perform


@pytest.fixture
def refused(
    example: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Runs an example that ends with code 2, in `tmp_path`, and returns what it wrote to the error stream."""
    monkeypatch.chdir(tmp_path)

    def perform(name: str, *options: object) -> str:
        with pytest.raises(SystemExit) as stopped, np.errstate(all="ignore"):
            example(name, *options)
        assert stopped.value.code == 2
        return capsys.readouterr().err.replace("\r", "\n").strip()

    return perform


def some(cases: list[tuple[Any, ...]], n: int) -> list[Any]:
    """A test's parameters, of which n are tried in the default run."""
    drawn = sample(cases, n)
    return [pytest.param(*case, marks=[] if case in drawn else [pytest.mark.slow]) for case in cases]


def final_accuracy(printed: str) -> float:
    return float(re.findall(r"held-out accuracy ([\d.]+)%", printed)[-1])


BRIEF = ("--epochs", 14)


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """A short run of the digits, and the folder that it was started in."""
    folder = tmp_path_factory.mktemp("brief")
    return run("digits.py", *BRIEF, cwd=folder), folder


def test_digits_begins_to_learn(brief: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    learned(*brief, epochs=14, right=85)


@pytest.mark.slow
def test_digits_learns_the_bundled_digits(tmp_path: Path) -> None:
    learned(run("digits.py", cwd=tmp_path), tmp_path, epochs=50, right=94)


def learned(done: subprocess.CompletedProcess[str], folder: Path, epochs: int, right: int) -> None:
    assert done.returncode == 0, done.stderr
    assert "13,002 parameters" in done.stdout
    assert final_accuracy(done.stdout) >= right
    assert "epoch 1:" in done.stdout
    assert re.findall(r"^epoch (\d+):", done.stdout, re.MULTILINE)[-1] == str(epochs)
    assert done.stderr == ""  # the progress bar is for terminals
    assert "untrained, its outputs for a 3: " in done.stdout
    assert len(re.findall(r"0\.\d\d", done.stdout.split("for a 3: ")[1].splitlines()[0])) == 10
    assert is_picture(folder / "out" / "digits_untrained.png")
    assert is_picture(folder / "out" / "digits.png")
    assert [p.name for p in folder.iterdir()] == ["out"]


def test_digits_repeats_itself_bit_by_bit(
    example: Callable[..., str], brief: tuple[subprocess.CompletedProcess[str], Path]
) -> None:
    """In this process what it was in one of its own."""
    runs = [brief[0].stdout, example("digits.py", *BRIEF, "--seed", 0)]
    first, second = (re.sub(r"trained in .*|pictures: .*", "", printed) for printed in runs)
    assert first == second
    # One number from 13,002, and the way in which it falls quickest.
    assert "cost(13,002 parameters) = " in first
    downhill, aside = map(float, re.search(r"\n([-+]\d\.\d+), such a step .* by ([-+]\d\.\d+)", first).groups())
    assert downhill < 10 * min(aside, 0) < 0
    assert "full batch: the cost falls in 112 of 112 steps" in first


def test_digits_reads_mnist_from_a_folder(example: Callable[..., str], tmp_path: Path) -> None:
    options = ("--data", small_mnist(tmp_path), "--epochs", 1, "--batch-size", 4, "--lr", 0.5)
    assert "12 digits to learn from, 5 held out" in example("digits.py", *options)
    assert (tmp_path / "digits.png").exists()


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
        (["--data", "small", "--batch-size", "4", "--lr", "1e39", "--epochs", "1"], "too large"),
    ],
)
def test_digits_says_in_one_sentence_what_is_wrong(refused: Callable[..., str], options: list[str], says: str) -> None:
    Path("file").write_text("in the way")
    Path("small").mkdir()
    small_mnist(Path("small"))
    sentence = refused("digits.py", *options).splitlines()[-1]
    assert says in sentence
    assert sentence.startswith("digits.py: ")


def test_what_is_wrong_ends_a_program_with_its_sentence_alone(tmp_path: Path) -> None:
    small_mnist(tmp_path, test_labels=b"not an IDX file")
    done = run("digits.py", "--data", tmp_path, cwd=tmp_path)
    assert done.returncode == 2
    assert "t10k-labels-idx1-ubyte.gz is no IDX file" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def is_picture(path: Path) -> bool:
    """Whether it is a PNG of some size, and not blank: in every quarter there is something to see."""
    from matplotlib.image import imread

    image = imread(path)
    assert min(image.shape[:2]) >= 100
    colours = image[..., :3] @ np.array([1.0, 1e3, 1e6])  # one number for each: rows of three take a second to compare
    halves = [part for half in np.array_split(colours, 2) for part in np.array_split(half, 2, axis=1)]
    return len(halves) == 4 and all(len(np.unique(part)) > 5 for part in halves)


def numbers(text: str) -> list[float]:
    return [float(n.replace(",", "")) for n in re.findall(r"[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]\d+)?", text)]


def test_descent_1d_converges_overshoots_and_ends_in_its_valley(example: Callable[..., str], tmp_path: Path) -> None:
    printed = example("descent_1d.py")
    kinds = re.findall(r"step size ([\d.]+): (\w+)\. After 25 steps it is ([\d.]+)", printed)
    assert [kind for _, kind, _ in kinds] == ["converges", "overshoots", "diverges"]
    near, far, away = (float(distance) for *_, distance in kinds)
    assert near < far < 1 < away
    moves = re.findall(r"first step ([\d.]+) long, last ([\d.]+); (\d+) of them crossed", printed)
    assert [int(crossed) for *_, crossed in moves] == [0, 25, 25]
    assert [float(last) < float(first) for first, last, _ in moves] == [True, True, False]
    left, right = (numbers(line) for line in re.findall(r"from [-+].*", printed))
    assert left[0] < left[1] < 0 < right[1] < right[0]  # each ends in the valley it started in
    assert left[2] < right[2] - 0.5  # and one of them is only a local minimum
    assert max(abs(left[3]), abs(right[3])) < 0.05
    assert is_picture(tmp_path / "descent_1d.png")


def test_descent_2d_goes_where_it_is_steepest_and_rests_in_the_valley(
    example: Callable[..., str], tmp_path: Path
) -> None:
    printed = example("descent_2d.py")
    tried, said = (float(angle) for angle in re.findall(r"(-?[\d.]+) degrees", printed))
    assert abs(tried - said) <= 0.2
    assert "the height falls in 40 of them" in printed
    assert numbers(printed.splitlines()[-2])[-1] < 1e-3  # how long the last gradient is
    assert is_picture(tmp_path / "descent_2d.png")


def test_gradient_anatomy_says_which_way_and_how_much(example: Callable[..., str], tmp_path: Path) -> None:
    printed = example("gradient_anatomy.py", "--epochs", 1)
    lines = printed.splitlines()
    rows = {line.split()[0]: [int(n) for n in numbers(line)[1:5]] for line in lines[2:8]}
    assert list(rows) == [f"layers.{i}.{part}" for i in range(3) for part in ("weight", "bias")]
    sizes = [sum(directions) for _, *directions in rows.values()]
    assert sizes == [total for total, *_ in rows.values()]
    assert sum(sizes) == 13_002
    assert rows["layers.2.bias"][1:] == [1, 9, 0]  # one output is to rise, that of the 3
    blank = int(re.search(r"(\d+) blank pixels", printed).group(1))
    assert rows["layers.0.weight"][3] == 16 * blank > 0
    top = [abs(numbers(line.split("]")[1])[0]) for line in lines[9:19]]
    assert len(top) == 10
    assert top == sorted(top, reverse=True)
    nudges = re.findall(r"changes the cost by (\S+); its slope said (\S+)", printed)
    assert len(nudges) == 3
    for change, said in nudges:
        assert float(change) == pytest.approx(float(said), rel=0.1)
    assert is_picture(tmp_path / "gradient_anatomy.png")
    assert "gradient norm" in (tmp_path / "gradient_graph.svg").read_text()
    if "The graph is an SVG only" not in printed:
        assert is_picture(tmp_path / "gradient_graph.png")


def test_steps_have_no_slope_and_learn_nothing(example: Callable[..., str], tmp_path: Path) -> None:
    printed = example("smooth_or_not.py", "--epochs", 3)
    found = {}
    for name in ("sigmoid neurons", "step neurons", "hidden step neurons"):
        part = re.split(rf"^{name}: ", printed, flags=re.MULTILINE)[1]
        slopes = [int(some.replace(",", "")) for some in re.findall(r"layer \d: ([\d,]+) of", part)[:3]]
        costs = [float(cost) for cost in re.search(r"cost ([\d.]+) -> ([\d.]+)", part).groups()]
        moved = int(re.search(r"([\d,]+) of its parameters have changed", part).group(1).replace(",", ""))
        found[name] = slopes, costs, moved
    slopes, (before, after), moved = found["sigmoid neurons"]
    assert min(slopes) > 100
    assert after < before / 2
    assert moved > 12_000
    slopes, (before, after), moved = found["step neurons"]
    assert (slopes, moved) == ([0, 0, 0], 0)
    assert before == after
    slopes, (before, after), moved = found["hidden step neurons"]
    assert slopes[:2] == [0, 0]
    assert 0 < slopes[2] <= moved <= 170
    assert after < before
    assert is_picture(tmp_path / "smooth_or_not.png")


def test_scalar_mlp_tells_the_moons_apart(example: Callable[..., str], tmp_path: Path) -> None:
    printed = example("scalar_mlp.py", "--epochs", 12)
    assert printed.startswith("105 parameters")
    progress = [numbers(line) for line in printed.splitlines() if line.startswith("epoch")]
    assert progress[-1][0] == 12
    assert progress[-1][1] < progress[0][1] / 2
    assert progress[-1][2] >= 90
    assert "◎ tanh" in printed
    assert is_picture(tmp_path / "scalar_mlp.png")
    assert "weights[1]" in (tmp_path / "scalar_neuron.svg").read_text()
    if "The graph is no PNG" not in printed:
        assert is_picture(tmp_path / "scalar_neuron.png")


@pytest.mark.parametrize(
    ("name", "epochs", "picture"),
    some([
        ("descent_1d.py", 5, "descent_1d.png"), ("descent_2d.py", 5, "descent_2d.png"),
        ("gradient_anatomy.py", 1, "gradient_anatomy.png"), ("smooth_or_not.py", 1, "smooth_or_not.png"),
        ("scalar_mlp.py", 1, "scalar_mlp.png"),
    ], 2),
)  # fmt: skip
def test_the_seed_decides_what_an_example_prints_and_draws(
    example: Callable[..., str], tmp_path: Path, name: str, epochs: int, picture: str
) -> None:
    seen = []
    for seed in (1, 1, 2):
        printed = example(name, "--epochs", epochs, "--seed", seed)
        seen.append((printed, (tmp_path / picture).read_bytes()))
    assert seen[0] == seen[1]
    assert seen[0][0] != seen[2][0]
    assert seen[0][1] != seen[2][1]


def test_a_missing_package_is_named_with_its_command(tmp_path: Path) -> None:
    (tmp_path / "tqdm.py").write_text("raise ModuleNotFoundError(\"No module named 'tqdm'\", name='tqdm')")
    done = run("scalar_mlp.py", cwd=tmp_path, PYTHONPATH=f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    assert done.returncode == 2
    assert done.stderr == "scalar_mlp.py: this example needs tqdm: pip install tqdm\n"


def test_the_backward_pass_is_played(example: Callable[..., str], tmp_path: Path) -> None:
    printed = example("backward_played.py")
    assert "7  v3 = a × b " in printed
    rule = re.search(r"first step of the neuron: g × \(1 − out × out\) = 1 × \(1 − (.*)\) = ([\d.]+)", printed)
    assert rule
    out = float(rule.group(1).split(" × ")[0].strip("()"))
    assert 1 - out**2 == pytest.approx(float(rule.group(2)), abs=1e-3)
    for name in ("expression", "neuron", "network"):
        assert '"play": true' in (tmp_path / f"backward_{name}.html").read_text()
        assert "@keyframes" in (tmp_path / f"backward_{name}.svg").read_text()
        assert (tmp_path / f"backward_{name}.gif").read_bytes()[:6] == b"GIF89a"
