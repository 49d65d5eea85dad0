"""Small promises that no other test is about: what is left of a branch, a default, a number seldom asked for."""

from __future__ import annotations

import itertools
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import Value, checks, nn, optim
from microgradnet.core import TAPE, Mode
from microgradnet.export import onnx_file
from microgradnet.export.graph import graph_of
from microgradnet.export.onnx_file import protobuf
from microgradnet.plots.regions import probabilities
from microgradnet.programs import impure
from microgradnet.programs.backends import is_native
from microgradnet.programs.scalars.graph import elementwise, rules
from microgradnet.train import run as running
from microgradnet.train.before import Before
from microgradnet.train.likeness import functions_of
from microgradnet.train.means import check_mean, costs_of, outputs_and_targets
from microgradnet.train.named import METRICS
from microgradnet.train.sources import Batch
from microgradnet.train.streams import Stream
from microgradnet.viz.homes import homes_in
from tests.test_exports import fake, said

# ------------------------------------------------------------------------------------------------------------ training


def test_the_seconds_of_an_epoch_are_those_from_its_begin_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count(100.0)
    monkeypatch.setattr(running, "time", SimpleNamespace(perf_counter=lambda: next(ticks)))
    model, x = nn.Linear(1, 1, seed=0), np.ones((4, 1))
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    history = mg.fit(model, x, x, loss="mse", optimizer=optimizer, epochs=3, progress=False)
    assert history["seconds"] == [1.0, 1.0, 1.0]


def test_the_functions_of_a_schedule_are_those_of_the_schedules_in_it_too() -> None:
    def down(t: int) -> float:
        return 1 / (1 + t)

    optimizer = optim.SGD([Value(1.0)], lr=0.1)
    parts = [optim.LambdaLR(optimizer, down), optim.StepLR(optimizer, 2), optim.LambdaLR(optimizer, [float])]
    assert functions_of(optim.SequentialLR(optimizer, parts, [2, 4])) == (down, float)
    assert functions_of(parts[1]) == functions_of(None) == ()


@pytest.mark.parametrize(("lost", "says"), [(0, ""), (3, "1, 2, 3"), (4, "1, 2, 3 and others")])
def test_three_of_the_parameters_that_are_lost_are_named(lost: int, says: str) -> None:
    """But none that was so from the beginning."""
    model = nn.Sequential(*(nn.Linear(1, 1, bias=False, seed=0) for _ in range(6)))
    model[0].weight.data[...] = np.nan
    before = Before(model, {p: str(i) for i, p in enumerate(model.parameters())})
    for layer in model[1 : 1 + lost]:
        layer.weight.data[...] = -np.inf
    assert before.lost() == says


@pytest.mark.parametrize("highest", [False, True])
def test_of_equally_good_epochs_the_first_is_saved(highest: bool, tmp_path: Path) -> None:
    best = mg.train.BestWeights(tmp_path / "best.npz", by="cost", highest=highest)
    for epoch, cost in ((1, np.nan), (2, 0.5), (3, 0.5), (4, np.nan)):
        run: Any = SimpleNamespace(history={"cost": [cost]}, model=nn.Linear(1, 1, seed=0), epoch=epoch)
        best.on_epoch(run)
    assert mg.load(tmp_path / "best.npz")["epoch"] == 2


@pytest.mark.parametrize(("given", "says"), [
    (["a", "b"], "Words become numbers by np.unique"), ([["a", 1], ["b", 2]], "estimators.Columns makes numbers of"),
    ([1j, 2j], "dtype complex128$"),
])  # fmt: skip
def test_what_to_do_about_words_is_told(given: Any, says: str) -> None:
    with pytest.raises(ValueError, match=f"^x is an array of numbers with a row for each example.*{says}"):
        mg.predict(nn.Linear(1, 1, seed=0), given)


@pytest.mark.parametrize(("known", "says"), [
    ({"state_dict": dict}, False), ({"load_state_dict": dict}, False), ({"state_dict": 1, "load_state_dict": 1}, True),
])  # fmt: skip
def test_batches_say_where_they_stand_if_they_can_be_put_there_too(known: dict[str, Any], says: bool) -> None:
    assert Stream("x", type("Given", (), {"__iter__": lambda self: iter([]), **known})()).says is says


@pytest.mark.parametrize(("count", "more"), [(10, ""), (11, "; and 1 more"), (12, "; and 2 more")])
def test_ten_of_what_does_not_fit_are_told(count: int, more: str) -> None:
    model = nn.Sequential(*(nn.Linear(1, 1, bias=False, seed=0) for _ in range(count)))
    with pytest.raises(
        ValueError, match=rf"nothing was loaded: 0\.weight is missing; .* 9\.weight is missing{more}\. "
    ):
        model.load_state_dict({})


def test_step_sizes_are_tried_in_training_mode() -> None:
    model, modes = nn.Sequential(nn.Linear(1, 1, seed=0), nn.Dropout(0.1, seed=0)).eval(), set()

    def loss(out: Any, y: Any) -> Any:
        modes.add(model[1].training)
        return mg.functional.mse_loss(out, y)

    x = np.ones((8, 1), np.float32)
    mg.find_lr(model, x, x, loss=loss, optimizer=optim.SGD(model.parameters(), lr=0.1), steps=10)
    assert (modes, model[1].training) == ({True}, False)


class Sizes(nn.Module):
    """A model that notes how many examples it is called with, outside of training."""

    def __init__(self) -> None:
        self.layer = nn.Linear(2, 1, seed=0)
        self.seen: list[Any] = []

    def forward(self, x: Any) -> Any:
        if not self.training:
            self.seen.append(len(x))
        return self.layer(x)


class Rows:
    """The same example so many times."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> Any:
        return np.ones(2, np.float32), np.ones(1, np.float32)


@pytest.mark.parametrize(("call", "sizes"), [
    (lambda model, x, y: mg.predict(model, x), [256, 44]),
    (lambda model, x, y: mg.predict(model, Rows(300)), [256, 44]),
    (lambda model, x, y: mg.predict(model, Rows(300), batch_size=150), [150, 150]),
    (lambda model, x, y: mg.evaluate(model, x, y, loss="mse"), [256, 44]),
    (lambda model, x, y: mg.evaluate(model, Rows(300), loss="mse", batch_size=290), [290, 10]),
    (lambda model, x, y: fitted(model, x[:9], y[:9], validation=(x, y)), [256, 44]),
    (lambda model, x, y: fitted(model, x[:9], y[:9], validation=(x, y), batch_size=299), [299, 1]),
    (lambda model, x, y: fitted(model, Rows(600), validation=0.5), [256, 44]),
    (lambda model, x, y: fitted(model, Rows(600), validation=0.5, batch_size=299), [299, 1]),
])  # fmt: skip
def test_what_is_measured_goes_through_some_at_a_time(call: Any, sizes: list[int]) -> None:
    """256 of them, or as many as a batch has that is larger: all of them may not fit into memory."""
    model = Sizes()
    call(model, np.ones((300, 2), np.float32), np.ones((300, 1), np.float32))
    assert model.seen == sizes


def fitted(model: nn.Module, *given: Any, **more: Any) -> None:
    mg.fit(model, *given, loss="mse", optimizer=optim.SGD(model.parameters(), lr=0.1), epochs=1, progress=False, **more)


def test_metrics_by_name_take_every_shape_that_they_say() -> None:
    classes, two = np.array([0, 1, 1]), np.array([[0.3, 0.1], [-2.0, -1.0], [0.5, 0.25]])
    assert METRICS["accuracy"](two, classes) == pytest.approx(2 / 3)
    assert METRICS["accuracy"](two, np.eye(2)[classes]) == pytest.approx(2 / 3)
    assert METRICS["accuracy"](two[:, 0], classes) == pytest.approx(1 / 3)
    assert METRICS["accuracy"](two[:, :1], classes) == pytest.approx(1 / 3)
    assert METRICS["accuracy"](two[:, :1], 2 * classes[:, None] - 1) == pytest.approx(1 / 3)
    for right in (classes, np.eye(2)[classes], np.ones((3, 2, 1))):
        assert type(METRICS["accuracy"](two[..., None] if right.ndim > 2 else two, right)) is float
    words = np.array([[0, 3, 1], [2, 2, 0]])  # of sequences: a class at each place
    scores = np.eye(4)[words] + np.array([0.5, 0.0, 0.75, 0.0])
    scores[1, 0] = (9.0, 8.0, 7.0, 6.0)
    for right in (words, np.eye(4)[words]):
        assert METRICS["accuracy"](scores, right) == pytest.approx(5 / 6)
    y = np.array([[1.0, 5.0], [3.0, 5.0]])
    assert METRICS["r2"](y, y) == 1.0
    assert METRICS["r2"](y + np.array([[0.0, 1.0], [1.0, 0.0]]), y) == pytest.approx((0.5 + 0.0) / 2)
    assert METRICS["rmse"](y + 2.0, y) == METRICS["mae"](y - 2.0, y) == 2.0
    for name in ("mse", "rmse", "mae", "r2"):
        assert type(METRICS[name](y, y)) is float
        with pytest.raises(ValueError, match=r"outputs of shape \(2, 3\) and y of shape \(3, 2\)"):
            METRICS[name](np.ones((2, 3)), np.ones((3, 2)))


def test_a_loss_that_cannot_be_tried_is_taken_for_a_mean() -> None:
    def fails(out: Any, y: Any) -> Any:
        raise TypeError

    assert costs_of(fails, [(np.ones((2, 1)), np.ones(2))]) == (0.0, 0.0, 0.0)
    mean, whole, room = costs_of(mg.functional.mse_loss, [(np.ones((n, 1)), np.zeros((n, 1)) + n) for n in (1, 3)])
    assert (mean, whole) == (pytest.approx(3.0), pytest.approx(3.0))
    assert room == pytest.approx(10 * 2.0**-26)
    halves = [(np.full((2, 1), 300, np.float16), np.zeros((2, 1), np.float16))] * 2
    assert [type(x) for x in costs_of(mg.functional.mse_loss, halves)] == [float] * 3  # whose products do not overflow


def test_what_cannot_be_tried_is_left_to_the_step_and_a_sum_is_no_mean() -> None:
    def fails(*given: Any) -> Any:
        raise TypeError

    def summed(out: Any, y: Any) -> Any:
        return mg.functional.mse_loss(out, y, reduction="sum")

    x, y = np.ones((4, 1)), np.zeros((4, 1))
    batch, model = Batch(x, y, 4, True), nn.Linear(1, 1, init=nn.init.ones, dtype=np.float64)
    two: Any = SimpleNamespace(rank=0, gather=lambda part: [part, part], broadcast=lambda found: found)
    with np.errstate(all="raise"):  # what is tried may overflow: the step says so
        infinite, target = outputs_and_targets(nn.Sequential(lambda x: x / 0.0, model), batch) or (None, None)
        assert np.isinf(infinite).all()
        assert target is y
        assert costs_of(lambda out, y: (out / 0.0).mean(), [(x, y)])[:2] == (np.inf, np.inf)
    for lets_be in (fails, mg.functional.mse_loss, lambda out, y: (out * 0.0).sum()):
        check_mean(two, model, lets_be, batch)
    norm = nn.BatchNorm1d(1, dtype=np.float64)
    outputs_and_targets(nn.Sequential(norm), batch)
    assert (norm.training, norm.num_batches_tracked) == (True, 0)  # as if nothing had been tried
    kinds: list[Any] = []

    def warns(out: Any, y: Any) -> Any:
        kinds.append(type(out))
        warnings.warn("a loss may say what it likes", stacklevel=1)
        return mg.functional.mse_loss(out, y)

    assert costs_of(warns, [(x, y), (x, y)])[:2] == (1.0, 1.0)
    assert set(kinds) == {Value}
    for no_array in (lambda x: (x, x), lambda x: x.sum(), fails):
        check_mean(two, nn.Sequential(model, no_array), summed, batch)
    with pytest.raises(
        ValueError, match="of the first batch it is 8, and the mean over its parts, one for each rank, is"
    ):
        check_mean(two, model, summed, batch)


# -------------------------------------------------------------------------------------------------------------- checks


def test_the_first_axis_can_be_cut_too() -> None:
    x = np.arange(12.0).reshape(4, 3)
    for axis in (0, -2):
        assert np.array_equal(nn.Unflatten(axis, (2, -1))(x), x.reshape(2, 2, 3))


def test_what_is_asked_of_a_number_is_a_plain_bool() -> None:
    for x in (np.float64(0.5), np.float32(0.5), 0.5):
        assert checks.is_fraction(x) is True
        assert checks.is_number(x, 0) is True
        assert checks.is_number(x, 1) is False
    for x in (np.float64(1.0), 0.0, np.nan, True, "0.5"):
        assert checks.is_fraction(x) is False
    assert checks.is_whole(np.int64(1)) is checks.is_whole(2, 2) is True
    assert checks.is_whole(np.int64(0)) is checks.is_whole(2, 3) is checks.is_whole(True) is False


@pytest.mark.parametrize("mode", [None, 1, "eval"])
def test_the_mode_of_a_module_is_a_switch(mode: Any) -> None:
    with pytest.raises(ValueError, match=rf"train\(mode={mode!r}\): it is a switch, True or False"):
        nn.Linear(2, 1).train(mode)


def test_numpys_bools_are_switches() -> None:
    assert nn.Linear(2, 1, bias=np.False_).bias is None  # type: ignore[arg-type]
    assert nn.HuberLoss(reduction="sum").reduction == "sum"
    with pytest.raises(ValueError, match=r"Mine\(bias='no'\): it is a switch, True or False"):
        type("Mine", (nn.Linear,), {})(2, 1, bias="no")


# --------------------------------------------------------------------------------------------------------------- images


@pytest.mark.parametrize(("shade", "fits"), [(-1, False), (0, True), (65535, True), (65536, False)])
def test_an_image_of_more_shades_than_16_bits_hold_is_refused(shade: int, fits: bool, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow, of the extra images, is not installed")
    for i, shades in enumerate((np.full((2, 3), 7, np.int32), np.array([[shade, 1, 2], [3, 4, 5]], np.int32))):
        (tmp_path / "a").mkdir(exist_ok=True)
        image.fromarray(shades).save(tmp_path / "a" / f"{i}.tif")
    images = mg.data.image_folder(tmp_path, grey=True)
    if fits:
        assert images[1][0][0, 0, 0] == np.float32(shade / 65535)
    else:
        with pytest.raises(ValueError, match=r"1\.tif has more shades than 16 bits hold"):
            images[1]


# ---------------------------------------------------------------------------------------------------------- estimators


def test_an_estimator_in_single_precision_comes_back_in_it(tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="sklearn, of the extra sklearn, is not installed")
    x, y = np.linspace(0, 1, 12, dtype=np.float32)[:, None], np.linspace(1, 0, 12, dtype=np.float32)
    fitted = mg.estimators.Regressor(epochs=1, random_state=0).fit(x, y)
    fitted.save(tmp_path / "r.npz")
    again = mg.estimators.Regressor.load(tmp_path / "r.npz")
    assert again.predict(x).tobytes() == fitted.predict(x).tobytes()
    assert {p.dtype for p in again.model_.parameters()} == {p.dtype for p in fitted.model_.parameters()}
    assert again.n_features_in_ == fitted.n_features_in_ == 1


def test_a_value_with_a_name_of_nothing_is_described_by_its_shape() -> None:
    assert mg.words.describe(Value([1.0, 2.0])) == "the Value of shape (2,) (float64)"
    assert mg.words.describe(Value(1.0, name="w")) == "the Value 'w' of shape () (float64)"


# --------------------------------------------------------------------------------------------------------------- files


def test_a_file_of_onnx_names_its_version() -> None:
    library = fake()
    library.helper.make_model = lambda graph, **how: how
    graph = graph_of(nn.Linear(2, 1, seed=0), (np.ones((1, 2), np.float32),), 0, "save_onnx")
    assert protobuf(library, graph) == {"opset_imports": [18], "ir_version": 8, "producer_name": "microgradnet"}


def test_a_file_of_onnx_is_checked_before_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library, checked = fake(), []
    library.helper.make_model = lambda graph, **how: SimpleNamespace(SerializeToString=lambda: b"made")
    library.checker = SimpleNamespace(check_model=lambda made, full_check: checked.append(full_check))
    monkeypatch.setattr(onnx_file, "onnx", lambda: library)
    model, x = nn.Linear(2, 1, seed=0), np.ones((1, 2), np.float32)
    mg.save_onnx(tmp_path / "net.onnx", model, x)
    assert checked == [True]
    assert (tmp_path / "net.onnx").read_bytes() == b"made"
    with pytest.raises(ValueError, match=r"wanted a path that ends in \.onnx"):
        mg.save_onnx(tmp_path / "net.pb", model, x)
    with pytest.raises(TypeError, match=r"the path of the file comes first.* got Linear"):
        mg.save_onnx(model, x, "net.onnx")  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]


def test_nan_among_the_numbers_of_a_model_is_a_number_like_others() -> None:
    holes, x = np.array([1.0, np.nan], np.float32), np.ones((3, 2), np.float32)
    graph = graph_of(lambda x: np.where(x > 0, x, holes), (x,), 0, "save_onnx")
    assert sum("float32[1.0, nan]" in line for line in said(protobuf(fake(), graph))) == 1


def test_an_axis_of_numpys_is_written_as_a_number() -> None:
    x = np.ones((3, 2), np.float32)
    graph = graph_of(lambda x: np.concatenate([x, x], axis=np.int64(1)), (x,), 0, "save_onnx")
    (joined,) = [node for node in protobuf(fake(), graph).node if node.kind == "Concat"]
    assert type(joined.how["axis"]) is int


def test_parameters_that_go_with_the_batch_are_named() -> None:
    x = np.ones((3, 2), np.float32)
    with pytest.raises(ValueError, match=r"save_onnx: the model gives the parameters 0, \(0,\) at "):
        graph_of(lambda x: x.sum(axis=0 if len(x) == 3 else (0,)), (x,), 0, "save_onnx")


# ---------------------------------------------------------------------------------------------------------------- words


def test_as_many_things_as_are_asked_for_are_looked_at() -> None:
    values = [Value(1.0) for _ in range(10)]
    found, looked = homes_in(values, set(map(id, values)), 4)
    assert (len(found), looked) == (3, 4)
    assert homes_in(values, set(map(id, values)), 100)[1] == 11


# ------------------------------------------------------------------------------------------------------------ programs


def test_calls_are_no_longer_looked_at_in_a_long_step() -> None:
    before = sys.getprofile()
    nodes: list[Any] = []
    around: Any = SimpleNamespace(uses=lambda *names: False, yielding=dict)
    try:
        sys.setprofile(None)
        with Mode(TAPE, around), impure.noticed(around, nodes):
            assert sys.getprofile() is not None
            nodes += [None] * (impure.MANY + 1)
            (lambda: None)()
            assert sys.getprofile() is None
    finally:
        sys.setprofile(before)


def test_what_is_written_into_single_precision_is_rounded_to_it() -> None:
    def step(x: Any, y: Any) -> Any:
        z = x * 2
        z += y
        z[0] = y[1]
        return z

    f = mg.compile(step, backend="numpy")
    for k in range(1, 5):
        x, y = np.array([1.0, 2.0], np.float32), np.array([0.1, 0.3]) * k
        assert f(x, y).dtype == np.float32
        assert f(x, y).tobytes() == step(x, y).tobytes()


def test_a_number_beside_constants_stays_what_it_is() -> None:
    """Of many scalars that are computed alike, the first operand of one is the input, those of others constants."""
    w = [Value(0.1 + 0.01 * i) for i in range(80)]

    def step(x: float) -> Any:
        products = [np.tanh((x if i == 0 else 0.02 * i) * w[i]) for i in range(80)]
        total = sum((p * p for p in products), Value(0.0))
        for p in w:
            p.grad = None
        total.backward()
        return total, w[0].grad

    f = mg.compile(step, backend="numpy")
    for x in (0.5, -1.25, 2.0, 0.75):
        total, slope = f(x)
        assert total.item() == pytest.approx(step(x)[0].item(), rel=1e-12)
        assert float(slope) == pytest.approx(float(step(x)[1]), rel=1e-12)


SCALE = {"inner": 2.0, "outer": 3.0}
FACTOR = 2.0


def test_a_global_of_a_function_inside_a_compiled_one_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    def step(x: Any) -> Any:
        def inner(y: Any) -> Any:
            return (lambda: y * FACTOR)() * SCALE["inner"]

        return (lambda z: inner(z) + SCALE["outer"])(x).sum()

    f, x = mg.compile(step, backend="numpy"), Value([1.0, 2.0])
    for _ in range(3):
        assert f(x).item() == 3.0 * 4.0 + 6.0
    monkeypatch.setitem(globals(), "FACTOR", 10.0)
    assert f(x).item() == 3.0 * 20.0 + 6.0
    monkeypatch.setitem(SCALE, "inner", 1.0)
    assert f(x).item() == 3.0 * 10.0 + 6.0
    monkeypatch.setitem(globals(), "SCALE", {"inner": 0.0, "outer": 0.5})
    assert f(x).item() == 1.0


# --------------------------------------------------------------------------------------------------------------- plots


@pytest.mark.parametrize(("low", "high", "off", "fits"), [
    (0.0, 1.0, 0.0, True), (-5e-7, 1 + 5e-7, 0.0, True), (0.25, 0.5, 0.00095, True), (0.25, 0.5, -0.00095, True),
    (0.25, 0.5, 0.00105, False), (0.25, 0.5, -0.00105, False), (-2e-6, 1 + 2e-6, 0.0, False),
])  # fmt: skip
def test_probabilities_lie_between_0_and_1_and_sum_to_1(low: float, high: float, off: float, fits: bool) -> None:
    given = np.array([[low, high, 1 - low - high + off], [1.0, 0.0, 0.0]])
    if fits:
        np.testing.assert_array_equal(probabilities(lambda points: given, np.zeros((2, 2))), given)
    else:
        with pytest.raises(ValueError, match="that are no probabilities"):
            probabilities(lambda points: given, np.zeros((2, 2)))


def test_a_network_at_work_is_a_gif_that_repeats(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="plots are drawn with matplotlib")
    image = pytest.importorskip("PIL.Image")
    played = mg.plots.play(nn.MLP(2, [1], seed=0), [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], seconds=0.25)
    played.save(tmp_path / "net.gif")
    with image.open(tmp_path / "net.gif") as seen:
        assert (seen.n_frames, seen.info["loop"], seen.info["duration"]) == (3, 0, 250)
    assert played._repr_html_().startswith('<img src="data:image/png;base64,iVBO')  # with shades, which no GIF has


# ------------------------------------------------------------------------------------------------------------- reports


def test_the_largest_slope_is_the_largest_however_small() -> None:
    layer = nn.Linear(2, 1, seed=0)
    layer.weight.grad, layer.bias.grad = np.array([[0.25, -0.5]], np.float32), np.zeros(1, np.float32)
    report = nn.gradient_report(layer)
    assert [row[-1] for row in report.rows] == ["0.5", "0"]


def test_the_step_size_grows_from_the_lowest_to_the_highest() -> None:
    model, x = nn.Linear(1, 1, seed=0), np.ones((4, 1))
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(
        ValueError, match=r"lowest=0\.1 and highest=0\.1: the step size grows from the one to the other"
    ):
        mg.find_lr(model, x, x, loss="mse", optimizer=optimizer, lowest=0.1, highest=0.1)


# ----------------------------------------------------------------------------------------------------- more of programs


class Point(NamedTuple):
    x: Any
    y: Any


def test_what_a_step_returns_in_a_dict_is_new_each_time() -> None:
    f = mg.compile(lambda x: {"point": Point(x * 2, {"sum": x.sum()}), "more": [x + 1]}, backend="numpy")
    for k in range(1, 5):
        x = np.array([1.0, 2.0]) * k
        found = f(Value(x))
        assert type(found["point"]) is Point
        assert found["point"].x.tolist() == [2.0 * k, 4.0 * k]
        assert found["point"].y["sum"].item() == 3.0 * k
        assert found["more"][0].tolist() == [1.0 + k, 1 + 2.0 * k]


def test_only_what_works_element_by_element_is_done_to_many_scalars_at_once() -> None:
    rule = next(iter(rules()))
    for function, wanted in ((rule, rule), (np.sum, None), (len, None), (np.tanh, np.tanh), (np.modf, None)):
        node: Any = SimpleNamespace(op=None, function=function)
        assert elementwise(node) is wanted


@pytest.mark.skipif(not is_native(), reason="programs do not run natively here")
def test_arrays_of_two_precisions_are_put_together_as_numpy_does() -> None:
    f = mg.compile(lambda x, y: np.concatenate([x * 2, y, np.array([1, 2])]), backend="native")
    for k in range(1, 5):
        x, y = np.array([1.0, 3.0], np.float32) * np.float32(k), np.array([0.1, 0.7]) * k
        found = f(Value(x), Value(y))
        np.testing.assert_array_equal(found.data, np.concatenate([x * 2, y, [1, 2]]))


def test_a_number_that_goes_with_the_batch_is_written_as_its_size() -> None:
    x = np.ones((3, 2), np.float32)
    graph = graph_of(lambda x: x.sum(axis=0) / np.float32(len(x)), (x,), 0, "save_onnx")
    assert [x.shape for node in graph.nodes for x in node.args if x.size is not None] == [()]
    lines = list(said(protobuf(fake(), graph)))
    assert lines[5] == "gather = Gather(shape, constant){'axis': 0}"
    assert lines[7] == "mul = Mul(gather, constant_2)"
    assert lines[-3] == "div = Div(reducesum, cast)"


def test_what_is_padded_with_is_a_plain_number() -> None:
    with pytest.raises(TypeError, match=r"np\.pad takes plain numbers to pad with; np\.concatenate joins Values"):
        np.pad(Value([1.0, 2.0]), 1, constant_values=Value(3.0))  # type: ignore[call-overload]


def test_a_batch_is_computed_again_with_the_random_numbers_that_it_had() -> None:
    """Or what is said of where the first NaN came up would be said of another batch."""

    class Unlucky(nn.Module):
        def __init__(self) -> None:
            self.layer, self.rng = nn.Linear(1, 1, seed=0), np.random.default_rng(0)

        def forward(self, x: Any) -> Any:
            unlucky = self.rng.random() == np.random.default_rng(0).random()  # the first time alone
            return np.log(self.layer(x) * 0.0 - 1.0) if unlucky else self.layer(x)

    model, x = Unlucky(), np.ones((4, 1), np.float32)
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match=r"log gave nan"):
        mg.fit(model, x, x, loss="mse", optimizer=optim.SGD(model.parameters(), lr=0.1), epochs=1, progress=False)


@pytest.mark.parametrize("compiled", [False, "numpy"])
def test_a_last_step_that_overflows_is_undone_compiled_or_not(compiled: Any) -> None:
    model, x = nn.Linear(2, 1, seed=0), np.full((4, 2), 3.0, np.float32)
    before = model.weight.data.copy()
    optimizer = optim.SGD(model.parameters(), lr=3e38)
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match=r"batch 1 made weight.* as they were"):
        mg.fit(model, x, x[:, :1], loss="mse", optimizer=optimizer, epochs=1, progress=False, compile=compiled)
    np.testing.assert_array_equal(model.weight.data, before)


def test_what_is_applied_to_modules_is_a_function() -> None:
    with pytest.raises(TypeError, match=r"apply\(fn=3\): .*which is called with each Module"):
        nn.Linear(1, 1).apply(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("make", [
    lambda: nn.Linear(1, 1), lambda: mg.draw(Value(2.0) * 3.0), lambda: mg.steps(Value(2.0) * 3.0),
    lambda: optim.SGD([Value(1.0)], lr=0.1), lambda: Value(np.ones((2, 3))) * 2.0,
])  # fmt: skip
def test_what_is_listed_of_an_object_is_there(make: Any) -> None:
    thing = make()
    listed = [name for name in dir(thing) if not name.startswith("_")]
    assert len(listed) > 3
    assert all(hasattr(thing, name) for name in listed)
