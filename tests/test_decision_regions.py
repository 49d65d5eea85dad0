"""`plots.decision_regions`: the colour of every place is what the classifier says there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from microgradnet import data, functional, nn, plots

pytest.importorskip("matplotlib")


def blend(colour: str) -> Any:
    """The shade where a class is certain."""
    from matplotlib.colors import to_rgb

    return 1 - 0.55 * (1 - np.array(to_rgb(colour)))


def shade_at(axes: Any, x: float, y: float) -> Any:
    image = axes.images[0]
    left, right, bottom, top = image.get_extent()
    shades = np.asarray(image.get_array())
    rows, columns, channels = shades.shape
    assert channels == 3
    return shades[round((y - bottom) / (top - bottom) * (rows - 1)), round((x - left) / (right - left) * (columns - 1))]


def test_each_side_has_the_colour_of_its_class_and_the_middle_is_white() -> None:
    x, y = data.blobs(40, centers=[[-3, 0], [3, 0]], seed=0)
    axes = plots.decision_regions(lambda points: functional.sigmoid(4 * points[:, 0]), x, y)
    assert shade_at(axes, -2.5, 0) == pytest.approx(blend(plots.POSITIVE), abs=0.01)  # class 0 is blue
    assert shade_at(axes, 2.5, 0) == pytest.approx(blend(plots.NEGATIVE), abs=0.01)
    assert shade_at(axes, 0, 0) == pytest.approx([1, 1, 1], abs=0.1)
    (line,) = [part for part in axes.collections if part.get_paths() and not part.get_offsets().any()]
    assert np.abs(np.concatenate([path.vertices for path in line.get_paths()])[:, 0]).max() < 1e-3
    drawn = [np.asarray(part.get_offsets()) for part in axes.collections if part.get_label().startswith("class")]
    for points, k in zip(drawn, (0, 1), strict=True):
        np.testing.assert_allclose(points, x[y == k], rtol=1e-6)


def test_up_is_up() -> None:
    x, y = data.moons(50)
    axes = plots.decision_regions(lambda points: functional.sigmoid(50 * (points[:, 1] - 0.25)), x, y, steps=40)
    assert shade_at(axes, 0, 1.2) == pytest.approx(blend(plots.NEGATIVE), abs=0.01)
    assert shade_at(axes, 0, -0.6) == pytest.approx(blend(plots.POSITIVE), abs=0.01)
    assert axes.images[0].origin == "lower"


@pytest.mark.parametrize("shape", ["(m,)", "(m, 1)", "(m, 2)"])
def test_probabilities_of_two_classes_come_in_three_shapes(shape: str) -> None:
    x, y = data.moons(30)

    def predict(points: Any) -> Any:
        assert points.dtype == np.float32
        one = functional.sigmoid(points[:, 0])
        return {"(m,)": one, "(m, 1)": one[:, None], "(m, 2)": np.stack([1 - one, one], axis=1)}[shape]

    axes = plots.decision_regions(predict, x, y, steps=20)
    like = plots.decision_regions(lambda points: functional.sigmoid(points[:, 0]), x, y, steps=20)
    np.testing.assert_allclose(axes.images[0].get_array(), like.images[0].get_array(), atol=1e-6)


def test_three_classes_meet_and_nothing_is_recorded() -> None:
    x, y = data.spirals(90)
    model = nn.MLP(2, [8, 3], activation=np.tanh, seed=0)
    mine = plots.new_axes(4, 4)
    said = []

    def predict(points: Any) -> Any:
        said.append(functional.softmax(3 * model(points)))
        return said[-1]

    axes = plots.decision_regions(predict, x, y, steps=30, axes=mine)
    assert axes is mine
    assert len(axes.get_legend_handles_labels()[1]) == 3
    (out,) = said
    assert out.shape == (900, 3)
    assert out.op is None  # it has no history


@pytest.mark.parametrize(
    ("predict", "says"),
    [
        (lambda points: points, r"no probabilities: they lie between 0 and 1.*softmax\(model"),
        (lambda points: np.full(len(points), np.nan), "no probabilities"),
        (lambda points: np.full((len(points), 2), 0.9), "no probabilities"),
        (lambda points: np.ones((3, 2)), r"returned \(3, 2\): a row of probabilities for each point"),
        (lambda points: np.full((len(points), 7), 1 / 7), "at most 6"),
    ],
)
def test_what_is_no_probability_is_refused(predict: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        plots.decision_regions(predict, *data.moons(10), steps=5)


def test_points_and_classes_must_fit() -> None:
    x, y = data.moons(10)

    def predict(points: Any) -> Any:
        return np.full(len(points), 0.5)

    for bad_x, bad_y in ((x[:, :1], y), (x, y[:5]), (x, y.astype(float)), (x[:0], y[:0])):
        with pytest.raises(ValueError, match="wanted points"):
            plots.decision_regions(predict, bad_x, bad_y)
    with pytest.raises(ValueError, match="classes y from 0 to 2, probabilities of 2"):
        plots.decision_regions(predict, x, y * 2)
