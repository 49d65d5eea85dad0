"""The command line: what it does, what it prints, how it ends."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import microgradnet as mg
import microgradnet.__main__ as command_line
from microgradnet.__main__ import main

MODULE = """
import numpy as np
from microgradnet import nn, Value
def f(x, y): return np.tanh(x * y) + x
def plain(): return 3.0
def wrong(x): return x.tanhh()
def loss(): return (Value([1.0, 2.0], name="w") ** 2).sum()
model = nn.MLP(4, [3, 2], seed=0)
value = Value(2.0) * 3.0
number = 3
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a module of the user's in it."""
    (tmp_path / "mine_for_test_main.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_it_trains_on_digits_saves_and_goes_on(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train = ["train", "digits", "--hidden", "12", "--activation", "tanh", "--seed", "1"]
    assert main([*train, "--epochs", "8", "--save", "net.npz"]) == 0
    out, lines = capsys.readouterr()
    assert "MLP(784 → 12 → 10, tanh, then sigmoid" in out
    assert "of 359 digits it has not seen" in out
    assert "weights: net.npz" in out
    assert "epoch 8/8: cost" in lines
    first = float(out.split("right on ")[1].split("%")[0])
    assert first > 70
    saved = mg.load("net.npz")["model"]
    assert saved["layers.0.weight"].shape == (12, 784)
    assert main([*train, "--epochs", "1", "--load", "net.npz"]) == 0
    assert float(capsys.readouterr().out.split("right on ")[1].split("%")[0]) > first - 10
    assert sorted(p.name for p in here.iterdir()) == ["mine_for_test_main.py", "net.npz"]


def test_a_training_that_is_interrupted_early_has_nothing_to_report(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_line, "fit", lambda *args, **options: {"epoch": [], "cost": [], "val_accuracy": []})
    assert main(["train", "digits", "--save", "net.npz"]) == 1
    assert capsys.readouterr().out.splitlines()[-2:] == ["weights: net.npz", "interrupted in the first epoch"]
    assert (here / "net.npz").exists()


def test_training_repeats_itself(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def once() -> str:
        assert main(["train", "digits", "--epochs", "1", "--batch-size", "50"]) == 0
        return capsys.readouterr().out

    assert once() == once()


def test_a_compiled_training_learns_the_same(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mg.compile, "backend", "numpy")
    train = ["train", "digits", "--hidden", "8", "--epochs", "1"]
    assert main([*train, "--save", "eager.npz"]) == main([*train, "--compile", "--save", "compiled.npz"]) == 0
    eager, compiled = (mg.load(f"{name}.npz")["model"] for name in ("eager", "compiled"))
    assert all((eager[name] == compiled[name]).all() for name in eager)


def test_it_draws_functions_models_and_values(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["draw", "mine_for_test_main:f", "3.0", "-2.0"]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == ["◎ +  2  gradient 1", "  ▷ x  3  gradient 1 [1]"]
    command = ["draw", "mine_for_test_main:model", "--shape", "5,4", "--out", "net.html", "--fold", "modules"]
    assert main(command) == 0
    assert capsys.readouterr().out == "net.html: 4 boxes; folded: 2 modules\n"
    assert "layers[0]" in (here / "net.html").read_text()
    assert main(["draw", "mine_for_test_main:value"]) == 0
    assert main(["draw", "mine_for_test_main:loss", "--weights"]) == 0
    assert "▷ w" in capsys.readouterr().out


def test_it_checks(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "mine_for_test_main:f", "0.3", "0.4", "--order", "2"]) == 0
    assert capsys.readouterr().out.startswith("ok: the gradient of f")
    assert main(["check", "mine_for_test_main:model", "--shape", "5,4"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("ok: the gradient of mine_for_test_main:model")
    assert "layers.0.weight" in said  # a row for each parameter, as the docs promise


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["draw", "mine_for_test_main"], "wanted module:function"),
        (["draw", "mine_for_test_main:nothing"], "has no 'nothing'; it has"),
        (["draw", "no_such_module:f"], "there is no module 'no_such_module': wanted a file no_such_module.py"),
        (["draw", "mine_for_test_main.py:f"], "wanted its name without .py, mine_for_test_main:f"),
        (["draw", "mine_for_test_main:wrong", "1.0"], "no attribute 'tanhh' (mine_for_test_main.py, line "),
        (["draw", "mine_for_test_main:number"], "is 3; wanted a function, a Module or a Value"),
        (["draw", "mine_for_test_main:plain"], "draw wants Values"),
        (["draw", "mine_for_test_main:f", "1.0"], "missing 1 required positional argument: 'y'"),
        (["draw", "mine_for_test_main:f", "1.0", "x"], "the argument 'x' is not JSON"),
        (["draw", "mine_for_test_main:model"], "give an input to run it on, --shape"),
        (["draw", "mine_for_test_main:model", "--shape", "5,3"], "got an input of shape (5, 3)"),
        (["draw", "mine_for_test_main:value", "--out", "g.jpg"], "saved as .svg, .png"),
        (["draw", "mine_for_test_main:value", "--fold", "x"], "what can be folded"),
        (["check", "mine_for_test_main:number"], "is no function: 3"),
        (["check", "mine_for_test_main:f", "--shape", "a"], "wanted lengths such as 3,4"),
        (["train", "digits", "--data", "x"], "--data and --download are for mnist"),
        (["train", "digits", "--hidden", "a"], "--hidden 'a': wanted numbers of neurons"),
        (["train", "digits", "--hidden", "16,x"], "--hidden '16,x'"),
        (["train", "digits", "--epochs", "0"], "epochs=0"),
        (["draw", "mine_for_test_main:model", "--shape", "3,x"], "--shape '3,x': wanted lengths"),
        (["train", "digits", "--lr", "0"], "the step size is a positive number"),
        (["train", "digits", "--epochs", "-1"], "epochs=-1"),
        (["train", "digits", "--load", "none.npz"], "none.npz"),
        (["train", "digits", "--save", "net.pt"], "ends in '.pt': wanted a path that ends in .npz or .safetensors"),
        (["train", "digits", "--save", "no/net.npz"], "make it first"),
        (["train", "mnist", "--data", "nowhere"], "nowhere"),
        (["train", "mnist", "--data", "nowhere"], "On the command line: --download, --data FOLDER"),
    ],
)
def test_what_goes_wrong_is_one_sentence_and_status_2(
    here: Path, capsys: pytest.CaptureFixture[str], argv: list[str], says: str
) -> None:
    assert main(argv) == 2
    complaint = capsys.readouterr().err
    assert says in complaint
    assert complaint.startswith(f"python -m microgradnet {argv[0]}: ")
    assert "Traceback" not in complaint


@pytest.mark.parametrize("argv", [["paint"], ["train", "letters"], ["train", "digits", "--epochs", "many"]])
def test_a_command_that_is_none_ends_with_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    assert "usage: python -m microgradnet" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["draw", "check"])
def test_arguments_may_follow_options_in_their_order(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[list[object]] = []
    monkeypatch.setattr(command_line, "found", lambda target: None)
    monkeypatch.setattr(command_line, "draw_it", lambda options: seen.append(command_line.arguments(options)) or 0)
    monkeypatch.setattr(command_line, "check", lambda options: seen.append(command_line.arguments(options)) or 0)
    for rest in ("-1.5 -2e3 [-3] --seed 1", "--seed 1 -1.5 -2e3 [-3]", "-1.5 --seed 1 -2e3 -- [-3]"):
        assert main([command, "m:f", *rest.split()]) == 0
    assert seen == [[-1.5, -2000.0, [-3]]] * 3
    with pytest.raises(SystemExit) as ended:
        main([command, "m:f", "1.0", "--no-such", "2.0"])
    assert ended.value.code == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith(f"usage: python -m microgradnet {command} [-h]")
    assert complaint.endswith("error: unrecognized arguments: --no-such\n")


def test_the_arguments_of_a_function_need_not_be_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["draw"])
    assert capsys.readouterr().err.endswith("the following arguments are required: module:function\n")


def test_gradients_along_edges_are_drawn_where_that_is_asked(here: Path) -> None:
    for target in ("model", "loss"):
        more = ["--shape", "2,4"] if target == "model" else []
        for name, weights in (("plain.dot", []), ("weighed.dot", ["--weights"])):
            assert (
                main(["draw", f"mine_for_test_main:{target}", *more, *weights, "--fold", "modules", "--out", name]) == 0
            )
        plain, weighed = ((here / name).read_text() for name in ("plain.dot", "weighed.dot"))
        assert weighed != plain


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("train", "draw", "check"):
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0
        assert capsys.readouterr().out.count(f"  python -m microgradnet {command} ") >= 3


def test_without_a_command_it_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    out, said = capsys.readouterr()
    assert out == ""
    assert re.search(r"^    train +Train a network", said, re.MULTILINE)
    assert "python -m microgradnet train digits" in said
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"microgradnet {mg.__version__}\n"


def test_help_lists_the_commands_each_with_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    listed = capsys.readouterr().out
    for command in ("train", "draw", "check"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        first = capsys.readouterr().out.partition("\n\n")[2].partition("\n")[0].rstrip(".")
        assert re.search(rf"^ +{command} +{re.escape(first[:30])}", listed, re.MULTILINE), first


@pytest.mark.parametrize(("command", "options"), {
    "train": "--seed N of --data DIR folder --download fetch --hidden N,M neurons --activation {sigmoid,tanh,relu} of "
             "--epochs N how --batch-size N digits --lr X step --compile run --save FILE write --load FILE start",
    "draw": "--seed N of --shape SHAPE shape --out FILE where --fold FOLD constants, --weights show",
    "check": "--seed N of --shape SHAPE shape --order {1,2} 2: --samples SAMPLES how",
}.items())  # fmt: skip
def test_help_tells_of_each_option_what_it_takes_and_does(
    command: str, options: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    out = capsys.readouterr().out
    if command != "train":
        words = " ".join(out.split())
        assert "positional arguments: module:function a function of " in words
        assert " arguments its arguments as JSON options: " in words
    told = re.findall(r"^  (--.*(?:\n {9,}.*)*)", out, re.MULTILINE)
    assert " ".join(re.match(r"--\S+( [A-Z{]\S*)? \S+", " ".join(x.split()))[0] for x in told) == options  # type: ignore[index]


def test_training_starts_with_xaviers_weights_for_the_sigmoid(here: Path) -> None:
    """From a normal distribution of variance 2 / (inputs + outputs)."""
    assert main(["train", "digits", "--hidden", "50", "--lr", "1e-9", "--epochs", "1", "--save", "net.npz"]) == 0
    first = mg.load("net.npz")["model"]["layers.0.weight"]
    assert first.std() == pytest.approx((2 / (784 + 50)) ** 0.5, rel=0.02)
    assert (first**4).mean() / first.var() ** 2 == pytest.approx(3, rel=0.1)  # of a uniform one it is 1.8


def test_without_options_it_trains_with_what_the_help_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The help ends each option with its default, in brackets."""
    used: dict[str, object] = {}
    monkeypatch.setattr(command_line, "train", lambda options: used.update(vars(options)) or 0)
    assert main(["train", "digits"]) == 0
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    options = capsys.readouterr().out.split("\n  --")[1:]
    said = {option.split()[0]: option.rpartition("(")[2].strip(") \n") for option in options}
    for name in ("seed", "hidden", "activation", "batch-size", "lr"):
        assert str(used[name.replace("-", "_")]) == said[name], name


def test_what_is_said_of_mnist_reaches_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def mnist(*args: object, **options: object) -> None:
        raise ValueError(f"{args} {options}")

    monkeypatch.setattr(command_line.data, "mnist", mnist)
    assert main(["train", "mnist", "--data", "folder", "--download"]) == 2
    assert capsys.readouterr().err.endswith("ValueError: ('folder',) {'download': True}\n")


def test_what_is_said_of_a_check_reaches_it(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: dict[str, object] = {}

    def check_grads(function: object, *args: object, **options: object) -> object:
        said.update(options, args=args)
        return mg.check_grads(lambda x: x * 2.0, 1.0)

    monkeypatch.setattr(command_line, "check_grads", check_grads)
    monkeypatch.setattr(sys, "path", ["elsewhere", *[path for path in sys.path if path != str(here)]])
    assert main(["check", "mine_for_test_main:f", "1", "2", "--order", "2", "--samples", "7", "--seed", "5"]) == 0
    assert said == {"args": (1, 2), "order": 2, "samples": 7, "seed": 5}
    assert Path(sys.path[0]) == Path.cwd()  # the user's own modules before others of their name


def test_the_functions_of_a_module_are_named_where_one_is_missing(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["draw", "mine_for_test_main:nothing"]) == 2
    assert capsys.readouterr().err.endswith("has no 'nothing'; it has Value, f, loss, model, plain, wrong\n")


def test_it_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "microgradnet", "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "{train,draw,check}" in done.stdout
    assert np.__version__ not in done.stderr
