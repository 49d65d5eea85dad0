"""The estimators are scikit-learn's, by its own checks; they take tables as they come and come back from a file."""

from __future__ import annotations

import copy
import functools
import json
import math
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="sklearn, of the extra sklearn, is not installed")

from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import microgradnet as mg
from microgradnet import functional as F
from microgradnet import nn, optim
from microgradnet.estimators import Classifier, Columns, Regressor, Table, base
from microgradnet.estimators.classifier import balanced
from microgradnet.estimators.columns import is_frame, is_missing
from microgradnet.estimators.table import small, width
from microgradnet.nn.init import shared

ROOT = Path(__file__).parent.parent
quick = functools.partial(Classifier, hidden=(8,), epochs=40, random_state=0)


def points(n: int = 120, dtype: Any = np.float64) -> tuple[Any, Any]:
    x, y = mg.data.moons(n, seed=3)
    return x.astype(dtype), np.array(["left", "right"])[y]


class Frame:
    """As much of a DataFrame as is asked for, for those who have none; with pandas, its own."""

    def __init__(self, **columns: Any) -> None:
        self.held = {name: np.asarray(x) for name, x in columns.items()}
        self.columns = [*self.held]
        self.dtypes = [x.dtype for x in self.held.values()]
        self.shape = (len(next(iter(self.held.values()))), len(self.held))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        return Frame(**{name: x[key] for name, x in self.held.items()}) if isinstance(key, slice) else self.held[key]


def mixed(n: int = 200, frame: Any = Frame, seed: int = 0) -> tuple[Any, Any]:
    """A table with holes, and what can be told from it only with the words and the holes."""
    rng = np.random.default_rng(seed)
    age, city = rng.normal(40, 10, n), rng.choice(np.array(["Oslo", "Rome", None], object), n)
    age[rng.random(n) < 0.3] = np.nan
    told = np.isnan(age) ^ (city == "Rome")
    return frame(age=age, city=city, vip=rng.random(n) < 0.5), np.where(told, "yes", "no")


# ------------------------------------------------------------------------------------------------- scikit-learn's word


@pytest.mark.slow
def test_scikit_learns_own_checks_pass_whole() -> None:
    command = [sys.executable, "-m", "tests.estimator_checks"]
    env = {**os.environ, "SCIPY_ARRAY_API": "1"}  # for the checks of arrays of other kinds
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=env)
    assert not done.returncode, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found) == 4
    for estimator, checks in found:
        assert len(checks) >= 55
        not_passed = [check for check in checks if check[1] != "passed"]
        print(estimator, len(checks), "checks; not passed:", not_passed)
        assert [check for check in not_passed if "pandas is not installed" not in check[2]] == []


def test_the_tags_say_what_is_true() -> None:
    tags = [Classifier().__sklearn_tags__(), Regressor().__sklearn_tags__()]
    for tag in tags:
        assert tag.input_tags.allow_nan  # switches the check that NaN is refused off; and it is taken
        assert not tag.input_tags.sparse
        assert not tag.non_deterministic
        assert not tag.no_validation
        assert not tag._skip_test
    assert not tags[0].classifier_tags.poor_score
    assert not tags[1].regressor_tags.poor_score
    assert tags[1].target_tags.multi_output
    x, y = points()
    x[::5, 0] = np.nan
    assert quick().fit(x, y).score(x, y) > 0.8
    x[3, 1] = np.inf
    with pytest.raises(ValueError, match="Input X contains infinity"):
        quick().fit(x, y)


def test_it_stands_where_scikit_learn_takes_a_classifier() -> None:
    x, y = points()
    assert cross_val_score(quick(), x, y, cv=3).mean() > 0.8
    grid = {"classifier__hidden": [(2,), (8, 8)], "classifier__lr": [1e-5, 0.02]}
    search = GridSearchCV(make_pipeline(StandardScaler(), quick()), grid, cv=2).fit(x, y)
    assert search.best_params_["classifier__lr"] == 0.02
    assert search.predict(x[:2]).dtype.kind == "U"
    with_module = Classifier(nn.MLP(2, [4, 2], seed=0))
    assert clone(with_module).model is not with_module.model
    assert clone(with_module).get_params().keys() == with_module.get_params().keys()


@pytest.mark.parametrize("through", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["copy", "pickle"])
def test_a_copy_predicts_and_trains_on_as_it_does(through: Callable[[Any], Any]) -> None:
    x, y = points()
    model = quick().fit(x, y)
    again = through(model)
    for other in (model, again):
        assert {id(p) for p in other.optimizer_.parameters} == {id(p) for p in other.model_.parameters()}
        other.partial_fit(x, y)
    np.testing.assert_array_equal(again.predict_proba(x), model.predict_proba(x))


# ------------------------------------------------------------------------------------------------------------ training


def test_fit_is_fit() -> None:
    x, y = points()
    model = quick(scale=False, validation=0.25, patience=3).fit(x, y)
    hand = nn.MLP(2, [8, 2], dtype=np.float64, seed=np.random.default_rng(np.random.RandomState(0).randint(2**31)))
    rng = np.random.default_rng(np.random.RandomState(0).randint(2**31))
    hand = nn.MLP(2, [8, 2], dtype=np.float64, seed=rng)
    history = mg.fit(
        hand, x, (y == "right").astype(int), loss="cross_entropy", optimizer=optim.Adam(hand.parameters(), lr=0.01),
        epochs=40, batch_size=256, validation=0.25, patience=3, seed=int(rng.integers(2**31)), progress=False,
    )  # fmt: skip
    assert model.history_["val_cost"] == history["val_cost"]
    np.testing.assert_array_equal(model.predict_proba(x), F.softmax(mg.predict(hand, x), axis=1))
    np.testing.assert_array_equal(model.predict(x) == "right", mg.predict(hand, x).argmax(axis=1) == 1)


def test_the_model_that_was_given_stays_as_it_was() -> None:
    x, y = points(dtype=np.float32)
    given = nn.Sequential(nn.Linear(2, 8, seed=0), nn.Dropout(0.1), np.tanh, nn.Linear(8, 2, seed=1))
    before, drawn = given.state_dict(), shared().bit_generator.state
    first, second = (Classifier(given, epochs=5, random_state=1).fit(x, y) for _ in range(2))
    np.testing.assert_array_equal(first.predict_proba(x), second.predict_proba(x))
    assert first.predict_proba(x).dtype == np.float32
    for name, array in before.items():
        np.testing.assert_array_equal(given.state_dict()[name], array)
        assert np.any(first.model_.state_dict()[name] != array)
    assert shared().bit_generator.state == drawn


def test_a_function_makes_the_model_with_the_random_state() -> None:
    x, y = points()
    asked = []

    def make(inputs: int, outputs: int) -> nn.Module:
        asked.append((inputs, outputs))
        return nn.Sequential(nn.Linear(inputs, 6), nn.Dropout(0.2), np.tanh, nn.Linear(6, outputs))

    drawn = shared().bit_generator.state
    a, b, c = (Classifier(make, epochs=3, random_state=seed).fit(x, y).predict_proba(x) for seed in (0, 0, 1))
    assert asked == [(2, 2)] * 3
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)
    assert shared().bit_generator.state == drawn


def test_classes_count_as_much_as_they_are_said_to() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(300, 2)), np.where(np.arange(300) < 270, "often", "rare")
    assert (quick().fit(x, y).predict(x) == "rare").mean() < 0.1
    evenly = quick(class_weight="balanced").fit(x, y)
    assert (evenly.predict(x) == "rare").mean() > 0.2
    by_hand = quick(class_weight={"often": 300 / 540, "rare": 5.0}).fit(x, y)
    by_example = quick().fit(x, y, sample_weight=np.where(y == "rare", 9.0, 1.0))
    weight = np.where(x[:, 0] > 0, 4.0, 1.0)
    totals = {name: weight[y == name].sum() for name in ("often", "rare")}
    both = quick(class_weight="balanced").fit(x, y, sample_weight=weight)
    wanted = quick().fit(x, y, sample_weight=weight / np.where(y == "rare", totals["rare"], totals["often"]))
    np.testing.assert_allclose(both.predict_proba(x), wanted.predict_proba(x), rtol=1e-6)
    for other in (by_hand, by_example):
        np.testing.assert_allclose(other.predict_proba(x), evenly.predict_proba(x), rtol=1e-6)


def test_an_example_of_weight_0_is_not_there() -> None:
    frame, y = mixed()
    weight = np.random.default_rng(1).integers(0, 2, 200)
    weight[3] = 0
    odd = Frame(**{**frame.held, "city": np.where(np.arange(200) == 3, "Paris", frame["city"]),
                   "age": np.where(np.arange(200) == 3, 1e6, frame["age"])})  # fmt: skip
    kept = Frame(**{name: x[weight > 0] for name, x in frame.held.items()})
    a = quick(epochs=5, batch_size=16).fit(odd, y, sample_weight=weight)
    b = quick(epochs=5, batch_size=16).fit(kept, y[weight > 0])
    np.testing.assert_allclose(a.predict_proba(frame), b.predict_proba(frame), rtol=1e-9)


def test_partial_fit_is_told_the_classes_and_goes_on() -> None:
    x, y = points()
    model = quick(batch_size=16, validation=0.2)
    model.partial_fit(x[:1], y[:1], classes=["left", "middle", "right"])  # of which nothing can be held out
    model = clone(model).partial_fit(x[:60], y[:60], classes=["left", "middle", "right"])
    for _ in range(40):
        model.partial_fit(x, y)
    assert model.classes_.tolist() == ["left", "middle", "right"]
    assert model.history_["epoch"] == [*range(1, 42)]
    assert model.score(x, y) > 0.8
    with pytest.raises(ValueError, match=r"y holds \['far'\]; the classes are \['left', 'middle', 'right'\]"):
        model.partial_fit(x[:1], ["far"])
    mean = model.columns_.mean
    assert model.fit(x, y).classes_.tolist() == ["left", "right"]  # begins anew
    assert model.columns_.mean.tolist() != mean.tolist()


def test_a_regressor_learns_targets_of_any_size() -> None:
    x = np.linspace(-1, 1, 80)[:, None]
    y = np.concatenate([1e6 + 1e3 * x, 1e-6 * x**2], axis=1)
    model = Regressor(hidden=(16,), random_state=0, epochs=200, patience=None).fit(x, y)
    assert model.predict(x).shape == (80, 2)
    assert model.score(x, y) > 0.98
    one = Regressor(hidden=8, random_state=0, loss="huber").fit(x, y[:, 0], sample_weight=np.arange(80))
    assert one.predict(x).shape == (80,)
    assert one.targets_.mean == pytest.approx([np.average(y[:, 0], weights=np.arange(80))])


# -------------------------------------------------------------------------------------------------------------- tables


def test_words_and_holes_are_learned_from() -> None:
    frame, y = mixed(400)
    model = Classifier(random_state=0).fit(frame, y)
    assert isinstance(model.model_, Table)
    assert repr(model.columns_) == "Columns(age: numbers, city: 2 categories, vip: numbers)"
    assert model.columns_.sizes == (3, [3])
    more, right = mixed(400, seed=1)
    assert model.score(more, right) > 0.97


def test_a_model_of_ones_own_takes_categories_too() -> None:
    frame, y = mixed(300)
    asked = []

    def make(numbers: int, categories: list[int], outputs: int) -> nn.Module:
        asked.append((numbers, categories, outputs))
        return Table(numbers, categories, [12, outputs], np.tanh)

    assert Classifier(make, lr=0.02, random_state=0).fit(frame, y).score(frame, y) > 0.95
    assert asked == [(3, [3], 2)]


def test_columns_by_hand() -> None:
    frame = Frame(a=[1.0, 3.0, np.nan], b=np.array(["x", None, "y"], object), c=np.array([True, 2, None], object))
    columns = Columns(frame, scale=False)
    numbers, categories = columns(frame)
    np.testing.assert_array_equal(numbers, [[1, 1, 0, 0], [3, 2, 0, 0], [0, 0, 1, 1]])
    np.testing.assert_array_equal(categories, [[1], [0], [2]])
    other = Frame(a=[np.nan], b=np.array(["z"], object), c=[5])
    numbers, categories = columns(other)
    assert (numbers.tolist(), categories.tolist()) == ([[0, 5, 1, 0]], [[0]])
    scaled = Columns(frame, sample_weight=[3, 1, 1])
    numbers, _ = scaled(frame)
    assert np.average(numbers[:2, 0], weights=[3, 1]) == pytest.approx(0)
    assert np.average(numbers[:2, 0] ** 2, weights=[3, 1]) == pytest.approx(1)
    again = Columns().load_state_dict(scaled.state_dict())
    np.testing.assert_array_equal(again(frame)[0], numbers)
    assert columns.incomplete.tolist() == [True, True]
    assert Columns(frame, sample_weight=[1, 1, 0]).incomplete.tolist() == [False, False]
    constant = Columns(np.full((5, 1), 0.1))
    np.testing.assert_allclose(constant(np.full((5, 1), 0.1)), np.zeros((5, 1)), atol=1e-15)
    assert constant([[1.1]]).tolist() == [[1.0]]


def test_a_column_of_numbers_that_hardly_vary_is_not_scaled() -> None:
    """By less than a part in 10^12 of their mean, which rounding may have made."""
    for mean in (1.0, -1.0):
        for spread, varies in ((0.97e-12, False), (1.03e-12, True)):
            scale = Columns(np.array([[mean + spread], [mean - spread]])).scale
            assert scale[0] == (pytest.approx(spread, rel=1e-3) if varies else 1.0)


def test_categories_may_be_numbers_and_all_be_missing() -> None:
    frame = Frame(size=[3, 1, 3], city=np.array(["Rome", None, "Oslo"], object))
    frame.dtypes = ["Category", "object"]
    columns = Columns(frame)
    assert repr(columns) == "Columns(size: 2 categories, city: 2 categories)"
    assert columns.sizes == (0, [3, 3])
    numbers, categories = columns(frame)
    assert (numbers.shape, categories.tolist()) == ((3, 0), [[2, 2], [1, 0], [2, 1]])
    other = Frame(size=[3.0, np.nan, 7.0], city=np.full(3, np.nan))
    assert columns(other)[1].tolist() == [[2, 0], [0, 0], [0, 0]]
    other.dtypes = ["category", "category"]
    assert columns(other)[1].tolist() == [[2, 0], [0, 0], [0, 0]]
    with pytest.raises(ValueError, match=r"column 'city' holds numbers: .*, such as \['Oslo'\]"):
        columns(Frame(size=[3], city=[2.0]))
    assert [is_missing(x) for x in (None, math.nan, np.float64(np.nan), 0.0, "", "nan", math.inf)] == [
        True, True, True, False, False, False, False,
    ]  # fmt: skip
    assert all(is_missing(type(name, (), {})()) for name in ("NAType", "NaTType"))


def test_what_has_columns_and_their_kinds_is_a_frame() -> None:
    parts = {"columns": ["a"], "dtypes": [np.dtype(float)]}
    assert is_frame(SimpleNamespace(**parts))
    for name, part in parts.items():
        assert not is_frame(SimpleNamespace(**{name: part}))


def test_vectors_of_categories_grow_slowly_and_begin_small() -> None:
    assert [width(n) for n in (1, 2, 5, 100, 465, 466, 10_000)] == [2, 2, 4, 21, 50, 50, 50]
    drawn = small((3, 4), np.random.default_rng(0))
    np.testing.assert_array_equal(drawn, 0.1 * np.random.default_rng(0).normal(size=(3, 4)))


def test_what_fit_is_told_is_told_on(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Any]] = []

    def noted(model: Any, *given: Any, **how: Any) -> Any:
        seen.append(how)
        return {"epoch": [1], "cost": [0.5]}

    monkeypatch.setattr(base, "fit", noted)
    x, y = points()
    told = {"loss": "huber", "epochs": 7, "batch_size": 11, "validation": 0.1, "patience": 3, "progress": True}
    model = Regressor(random_state=0, **told).fit(x, x[:, 0], sample_weight=np.arange(120.0))
    own = {name: seen[0].pop(name) for name in ("optimizer", "seed", "sample_weight")}
    assert seen[0] == told
    assert own["optimizer"] is model.optimizer_
    np.testing.assert_allclose(own["sample_weight"], np.arange(1, 120) / 59.5)  # of mean 1, but for what is left out
    assert type(own["seed"]) is int
    model.partial_fit(x, x[:, 0])
    assert (seen[1]["epochs"], seen[1]["validation"], seen[1]["patience"]) == (1, None, None)
    assert model.history_ == {"epoch": [1, 2], "cost": [0.5, 0.5]}
    assert seen[1]["seed"] != own["seed"]
    Regressor().partial_fit(x, x[:, 0], np.full(120, 2.0))
    assert seen[2]["sample_weight"].tolist() == [1.0] * 120
    Classifier().fit(x, y)
    assert (seen[3]["loss"], seen[3]["sample_weight"], seen[3]["progress"]) == ("cross_entropy", None, False)


def test_a_part_of_a_table_without_rows_is_refused() -> None:
    frame, y = mixed()
    model = quick(epochs=1).fit(frame, y)
    with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\): the table has 0 rows, at least 1 is wanted"):
        model.predict(frame[:0])


def test_classes_of_which_no_example_counts_have_no_weight() -> None:
    y, classes = np.array(["a", "b", "b", "c"]), np.array(["a", "b", "c"])
    np.testing.assert_allclose(balanced(y, classes, None), [4 / 3, 2 / 3, 4 / 3])
    np.testing.assert_allclose(balanced(y, classes, np.array([1.0, 2.0, 1.0, 0.0])), [4 / 3, 4 / 9, 0.0])


def test_to_learn_without_targets_is_refused() -> None:
    for make in (Classifier, Regressor):
        with pytest.raises(ValueError, match=f"{make.__name__} requires y to be passed, but the target y is None"):
            make().fit(points()[0], None)


def test_a_table_begins_with_the_weights_that_are_asked_for() -> None:
    model: Any = Table(1, [2], [2], init=nn.init.zeros)
    assert not model.perceptron.layers[0].weight.data.any()


def test_what_was_never_missing_changes_nothing_if_it_is_later() -> None:
    model = Table(0, [4, 3], [5], None, seed=0)
    out = model(np.zeros((1, 0)), np.zeros((1, 2), int))
    np.testing.assert_array_equal(out.data, model.perceptron.layers[0].bias.data[None])


@pytest.mark.parametrize(("changed", "error", "says"), [
    ({"age": np.array(["old"] * 200, object)}, ValueError, "column 'age' holds 'old': .*, it held numbers"),
    ({"city": np.ones(200)}, ValueError, r"column 'city' holds numbers: .*, it held words, such as \['Oslo'\]"),
    ({"age": np.full(200, np.inf)}, ValueError, "column 'age' holds infinite numbers"),
    ({"city": np.array([1j] * 200, object)}, TypeError, "column 'city' holds .*1j, of type complex: .*numbers or"),
    ({"age": np.array(["2020-01-01"] * 200, "M8[D]")}, TypeError, "column 'age' holds .*date.*numbers or words"),
])  # fmt: skip
def test_a_table_unlike_the_first_is_refused(changed: Any, error: type[Exception], says: str) -> None:
    frame, y = mixed()
    model = quick(epochs=1).fit(frame, y)
    model.predict(frame)
    with pytest.raises(error, match=says):
        model.predict(Frame(**{**frame.held, **changed}))


def test_pandas_and_polars_are_read(tmp_path: Path) -> None:
    seen = []
    for library in ("pandas", "polars"):
        try:
            module = pytest.importorskip(library)
        except pytest.skip.Exception:
            continue
        frame, y = mixed(frame=lambda **columns: module.DataFrame({k: x.tolist() for k, x in columns.items()}))  # noqa: B023
        plain, _ = mixed()
        np.testing.assert_array_equal(Columns(frame)(frame)[0], Columns(plain)(plain)[0])
        np.testing.assert_array_equal(Columns(frame)(frame)[1], Columns(plain)(plain)[1])
        assert quick(epochs=60).fit(frame, y).predict(frame[:2]).shape == (2,)
        seen.append(library)
    if "pandas" in seen:
        import pandas as pd

        frame = pd.DataFrame({"kids": pd.array([1, None, 2], "Int64"), "size": pd.Categorical([3, 1, 3]),
                              "known": pd.array([True, None, False], "boolean")})  # fmt: skip
        assert repr(Columns(frame)) == "Columns(kids: numbers, size: 2 categories, known: numbers)"
        assert Columns(frame)(frame)[1].tolist() == [[2], [1], [2]]
        with pytest.raises(ValueError, match="two columns of the table have one name"):
            Columns(frame[["kids", "kids"]])
        model = quick(epochs=1).fit(frame, [0, 1, 0])
        model.save(tmp_path / "model.npz")
        assert [*Classifier.load(tmp_path / "model.npz").feature_names_in_] == ["kids", "size", "known"]
        with pytest.raises(ValueError, match="could not convert string"):
            quick(epochs=1).fit(frame[["kids"]].fillna(0).astype(int), [0, 1, 0]).predict(pd.DataFrame({"kids": ["a"]}))
        with pytest.raises(ValueError, match="feature names"):
            model.predict(frame[["size", "kids", "known"]])
    if not seen:
        pytest.skip("neither pandas nor polars is installed")


# --------------------------------------------------------------------------------------------------------------- files


def test_one_file_holds_the_model_the_numbers_and_the_classes(tmp_path: Path) -> None:
    frame, y = mixed()
    path, drawn = tmp_path / "model.npz", shared().bit_generator.state
    for labels in (y, (y == "yes").astype(np.int8), y == "yes", y.astype(object), np.where(y == "yes", 1.0, 2.0)):
        model = quick(epochs=5, class_weight={labels[0]: 2.0}).fit(frame, labels)
        model.save(path)
        again = Classifier.load(path)
        np.testing.assert_array_equal(again.predict_proba(frame), model.predict_proba(frame))
        np.testing.assert_array_equal(again.predict(frame), model.predict(frame))
        assert again.classes_.dtype == model.classes_.dtype
        assert again.get_params() == model.get_params()
        assert again.history_ == model.history_
    assert again.partial_fit(frame, labels).score(frame, labels) > 0.5
    assert shared().bit_generator.state == drawn
    assert [path.name for path in tmp_path.iterdir()] == ["model.npz"]


def test_a_regressor_comes_back_too(tmp_path: Path) -> None:
    x = np.linspace(0, 1, 30)[:, None]
    for y in (x[:, 0] * 1000, np.concatenate([x, x**2], axis=1)):
        model = Regressor(hidden=4, activation="tanh", epochs=3).fit(x, y)
        model.save(tmp_path / "model.npz")
        again = Regressor.load(tmp_path / "model.npz")
        np.testing.assert_array_equal(again.predict(x), model.predict(x))
    with pytest.raises(ValueError, match=r"is of a Regressor: Regressor\.load\(path\)"):
        Classifier.load(tmp_path / "model.npz")
    mg.save(tmp_path / "other.npz", nn.Linear(1, 1))
    with pytest.raises(ValueError, match=r"is not of an estimator's save\(\)"):
        Regressor.load(tmp_path / "other.npz")


def test_what_no_file_holds_is_given_again(tmp_path: Path) -> None:
    x, y = points()
    path = tmp_path / "model.npz"
    model = quick(lambda i, o: nn.MLP(i, [3, o]), optimizer=functools.partial(optim.SGD, momentum=0.9)).fit(x, y)
    model.save(path)
    with pytest.raises(
        ValueError, match=r"was saved with model and optimizer of the program's own, which no file hold"
    ):
        Classifier.load(path)
    again = Classifier.load(path, model=nn.MLP(2, [3, 2]), optimizer="SGD")
    np.testing.assert_array_equal(again.predict_proba(x), model.predict_proba(x))
    drawn = [
        Classifier.load(path, model=nn.MLP(2, [3, 2]), optimizer="SGD", random_state=seed)._random.integers(2**31)
        for seed in (0, 0, 1)
    ]
    assert (drawn[0] == drawn[1], drawn[0] == drawn[2]) == (True, False)
    alone = quick(nn.Linear(2, 2, bias=False, seed=0), epochs=1).fit(x, y)  # of one parameter
    alone.save(tmp_path / "alone.npz")
    assert (tmp_path / "alone.npz").exists()
    with pytest.raises(ValueError, match="nothing was loaded"):
        Classifier.load(path, model=nn.MLP(2, [4, 2]), optimizer="SGD")


# ----------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(("changed", "error", "says"), [
    ({"optimizer": "adam"}, ValueError, "optimizer='adam': it is 'SGD', .*'Adam'"),
    ({"optimizer": "LBFGS"}, ValueError, "optimizer='LBFGS': it is 'SGD', "),
    ({"optimizer": 3}, TypeError, "optimizer=3: it is a name, such as 'Adam', or a class or function"),
    ({"activation": "rely"}, ValueError, "activation='rely': functional has none of this name"),
    ({"loss": "log"}, ValueError, "loss='log': the names are cross_entropy"),
    ({"hidden": (0,)}, ValueError, r"hidden=\(0,\): it is the width of each hidden layer, whole numbers of at least 1"),
    ({"epochs": 0}, ValueError, "epochs=0: it is a whole number of at least 1"),
    ({"scale": 1}, ValueError, "scale=1: it is a switch"),
    ({"model": 3}, TypeError, r"model=3: it is a function, or a Module: it is called with \(2, 2\)"),
    ({"model": lambda i, o: len}, TypeError, "gave .*len.*: it is to make a Module"),
    ({"model": nn.MLP(2, [3])}, ValueError, r"model gave shape \(2, 3\) for 2 examples; wanted \(2, 2\)"),
    ({"model": nn.MLP(3, [2])}, ValueError, r"model\.layers\[0\]: Linear\(3 → 2\) got an input of shape \(2, 2\)"),
])  # fmt: skip
def test_what_cannot_be_trained_is_refused(changed: Any, error: type[Exception], says: str) -> None:
    x, y = points()
    with pytest.raises(error, match=says):
        quick(**changed).fit(x, y)


def test_what_is_no_table_is_refused() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    x, y = points()
    with pytest.raises(TypeError, match="Sparse data was passed for X, but dense data is required"):
        quick().fit(sparse.csr_array(x), y)
    with pytest.raises(ValueError, match="Words are categories in a DataFrame; in an array OrdinalEncoder counts them"):
        quick().fit(np.array([["Rome", "1"]] * 3), y[:3])
    with pytest.raises(ValueError, match=r"sample_weight has shape \(3,\)"):
        quick().fit(x, y, sample_weight=np.ones(3))
    with pytest.raises(ValueError, match="a table is a DataFrame or an array of numbers"):
        Columns(np.ones(3))
    with pytest.raises(ValueError, match="the table has the columns"):
        Columns(x)(x[:, :1])
    with pytest.raises(ValueError, match="the state of Columns has names, values"):
        Columns().load_state_dict({})


def test_without_scikit_learn_one_sentence_says_what_to_do() -> None:
    code = """
import sys
sys.modules["sklearn"] = None
from microgradnet.estimators import Columns, Table
import microgradnet as mg
try:
    mg.estimators.Classifier
except ModuleNotFoundError as error:
    print(error.name, error, error.__cause__)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == (
        "sklearn the estimators are scikit-learn's, which they need in version 1.6 or later: pip install "
        "'scikit-learn>=1.6' None\n"
    )


# -------------------------------------------------------------------------------------------------------------- Table


def test_a_table_is_the_same_compiled() -> None:
    def run(compiled: bool) -> Any:
        model = Table(3, [5, 8], [16, 2], dtype=np.float64, seed=0)
        optimizer = optim.Adam(model.parameters(), lr=0.01)

        def step(numbers: Any, categories: Any, y: Any) -> Any:
            optimizer.zero_grad()
            cost = F.cross_entropy(model(numbers, categories), y)
            cost.backward(release=True)
            optimizer.step()
            return cost

        taken: Any = mg.compile(step, backend="numpy") if compiled else step
        rng = np.random.default_rng(0)
        costs = [float(taken(rng.normal(size=(10, 3)), rng.integers(0, 5, (10, 2)), np.arange(10) % 2).data)
                 for _ in range(5)]  # fmt: skip
        return costs, [array.tolist() for array in model.state_dict().values()]

    assert run(True) == run(False)


def test_the_gradients_of_a_table_are_right() -> None:
    model = Table(2, [4], [3, 2], np.tanh, dtype=np.float64, seed=0)
    categories = np.array([[0], [1], [3]])
    assert mg.check_grads(
        lambda m, x: (m(x, categories) ** 2).sum(), model, np.random.default_rng(0).normal(size=(3, 2))
    )


def test_a_table_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Table\(numbers=-1\)"):
        Table(-1, [3], [2])
    with pytest.raises(ValueError, match=r"Embedding\(num_embeddings=0\)|categories=0"):
        Table(1, [0], [2])
