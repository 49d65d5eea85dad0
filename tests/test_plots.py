"""Pictures of gradients and of descent: what is drawn is what was handed in."""

from __future__ import annotations

import base64
import io
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import Value, nn, plots
from microgradnet.train import LearningRates

pytest.importorskip("matplotlib", reason="matplotlib, of the extra plots, is not installed")

from microgradnet.plots.shown import INK, is_dark_grey


def swept() -> nn.MLP:
    model = nn.MLP(12, [5, 3], activation=np.tanh, seed=1)
    (model(np.random.default_rng(0).normal(size=(4, 12)).astype(np.float32)) ** 2).sum().backward()
    return model


def drawn(figure: Any) -> list[Any]:
    """The images, one for each parameter, in order."""
    images = [image for axes in figure.axes for image in axes.images]
    assert all(image.get_array().ndim == 2 for image in images)
    return images


def test_each_gradient_is_an_image_with_white_at_0() -> None:
    model = swept()
    images = drawn(plots.gradient(model))
    parameters = model.parameters()
    assert len(images) == len(parameters) == 4
    for image, p in zip(images, parameters, strict=True):
        np.testing.assert_array_equal(np.squeeze(image.get_array()), p.grad)
        assert image.norm.vmin == -image.norm.vmax
        assert image.cmap(0.5)[:3] == pytest.approx((1, 1, 1), abs=0.02)
        from matplotlib.colors import to_rgb

        assert image.cmap(1.0)[:3] == pytest.approx(to_rgb(plots.POSITIVE), abs=0.01)
        assert image.cmap(0.0)[:3] == pytest.approx(to_rgb(plots.NEGATIVE), abs=0.01)
    largest = [max(float(np.abs(p.grad).max()) for p in layer.parameters()) for layer in model.layers]
    assert [image.norm.vmax for image in images] == pytest.approx(np.repeat(largest, 2))


def test_one_limit_makes_layers_comparable() -> None:
    assert {image.norm.vmax for image in drawn(plots.gradient(swept(), limit=2.5))} == {2.5}
    with pytest.raises(ValueError, match="limit=0"):
        plots.gradient(swept(), limit=0)


def test_a_tile_shows_the_weights_of_one_neuron() -> None:
    model = swept()
    image, *others = drawn(plots.gradient(model, tile=(3, 4)))
    sheet = np.ma.filled(image.get_array(), np.nan)
    assert sheet.shape == (2 * 4 - 1, 3 * 5 - 1)  # five neurons on two rows of three
    for neuron, g in enumerate(model.layers[0].weight.grad):
        y, x = divmod(neuron, 3)
        np.testing.assert_array_equal(sheet[4 * y : 4 * y + 3, 5 * x : 5 * x + 4], g.reshape(3, 4))
    assert np.isnan(sheet).sum() == sheet.size - 60
    assert others[1].get_array().shape == (3, 5)  # no row of 12


def test_a_gradient_that_was_returned_is_drawn_like_one_deposited() -> None:
    model = swept()
    gradient = mg.grad(lambda m: m(np.ones(12, np.float32)).sum())(model)
    images = drawn(plots.gradient(model, gradient))
    slopes = [part for layer in gradient.layers for part in (layer.weight, layer.bias)]
    for image, g in zip(images, slopes, strict=True):
        np.testing.assert_array_equal(np.squeeze(image.get_array()), g)
    with pytest.raises(ValueError, match=r"call backward\(\)"):
        plots.gradient(nn.Linear(2, 2))


class Odd(nn.Module):
    def __init__(self) -> None:
        self.scale = Value(2.0)
        self.kernels = Value(np.ones((3, 2, 5, 5)))

    def forward(self, x: Any) -> Any:
        return (self.kernels * self.scale * x).sum()


def test_parameters_of_any_shape_are_drawn() -> None:
    odd = Odd()
    odd(0.0).backward()  # and gradients that are all 0
    figure = plots.gradient(odd)
    assert [image.get_array().shape for image in drawn(figure)] == [(1, 1), (17, 11)]
    figure.draw_without_rendering()


def test_a_curve_shows_the_function_and_every_place() -> None:
    path = [1.5, 0.75, -0.3]
    axes = plots.curve(lambda x: x**2, (-2, 2), path)
    curve, places, start, end = axes.lines
    np.testing.assert_allclose(curve.get_ydata(), np.linspace(-2, 2, 400) ** 2)
    np.testing.assert_allclose(places.get_xydata(), [(x, x**2) for x in path])
    np.testing.assert_allclose(start.get_xydata(), [(1.5, 2.25)])
    np.testing.assert_allclose(end.get_xydata(), [(-0.3, 0.09)])
    (arrows,) = axes.collections
    np.testing.assert_allclose(arrows.U, np.diff(path))
    np.testing.assert_allclose(arrows.V, np.diff(np.square(path)))


def test_a_path_that_leaves_does_not_change_the_picture() -> None:
    axes = plots.curve(np.square, (-2, 2), [1.0, -50.0, 1e200, np.nan])
    assert axes.get_xlim() == (-2, 2)
    assert -1 < axes.get_ylim()[0] < 0
    assert 4 < axes.get_ylim()[1] < 5
    axes.figure.draw_without_rendering()
    seen = plots.contours(lambda x, y: x * y, (-2, 2), (-1, 1), [(-1.0, 0.5), (3.0, 4.0)])
    assert (seen.get_xlim(), seen.get_ylim()) == ((-2, 2), (-1, 1))


def test_contours_and_surface_show_the_path_in_its_colour() -> None:
    def f(x: Any, y: Any) -> Any:
        return x**2 + 3 * y * y + Value(1.0)  # a function of Values draws as well

    paths = [(1.0, 0.5), (0.2, 0.1)], [(-1.0, -0.5), (-0.5, 0.0), (-0.2, 0.1)]
    axes = plots.contours(f, (-2, 2), (-1, 1), *paths, levels=7)
    for path, places, colour in zip(paths, axes.lines[::3], plots.PATHS, strict=False):
        np.testing.assert_allclose(places.get_xydata(), path)
        assert places.get_color() == colour
    assert (axes.get_xlim(), axes.get_ylim()) == ((-2, 2), (-1, 1))
    over: Any = plots.surface(f, (-2, 2), (-1, 1), *paths)
    for path, line in zip(paths, over.lines[::3], strict=False):
        x, y, z = line.get_data_3d()
        np.testing.assert_allclose(np.stack([x, y], 1), path)
        assert (z > [a**2 + 3 * b**2 + 1 for a, b in path]).all()  # over the surface, by little
        assert (z < [a**2 + 3 * b**2 + 1.2 for a, b in path]).all()
    over.figure.draw_without_rendering()


def test_what_cannot_be_drawn_is_said() -> None:
    with pytest.raises(ValueError, match=r"f gave shape \(\) for arguments of shape \(400,\)"):
        plots.curve(lambda x: (x * x).sum(), (-1, 1))
    with pytest.raises(ValueError, match=r"f gave shape \(200,\)"):
        plots.contours(lambda x, y: x[0], (-1, 1), (-1, 1))
    with pytest.raises(ValueError, match=r"shape \(n,\); got shape \(1, 2\)"):
        plots.curve(np.square, (-1, 1), [(0.5, 0.5)])
    with pytest.raises(ValueError, match="three-dimensional"):
        plots.surface(np.add, (-1, 1), (-1, 1), axes=plots.new_axes(3, 3))
    for draw in (plots.contours, plots.surface):
        with pytest.raises(ValueError, match=r"shape \(n, 2\); got shape \(2,\)"):
            draw(lambda x, y: x + y, (-1, 1), (-1, 1), [0.5, 0.5])


class Apart(nn.Module):
    """Three layers, of which the second does not follow the first."""

    def __init__(self, *sizes: tuple[int, int]) -> None:
        self.layers = [nn.Linear(n, m, seed=0) for n, m in sizes]

    def forward(self, x: Any) -> Any:
        return np.asarray(x) * 2.0


class Second(Apart):
    def forward(self, x: Any) -> Any:
        return self.layers[0](x)


@pytest.mark.parametrize(("model", "example", "says"), [
    (Apart((2, 3), (4, 2)), None, r"^Linear\(4 → 2\) comes after a layer of 3 neurons: only layers one after the"),
    (Apart((2, 3), (3, 2), (5, 2)), None, r"^Linear\(5 → 2\) comes after a layer of 2 neurons"),
    (Apart((2, 3)), np.ones(3), r"^an example is one input of 2 numbers; got shape \(3,\)$"),
    (Apart((2, 3)), np.ones((2, 2)), r"^an example is one input of 2 numbers; got shape \(2, 2\)$"),
    (Apart((2, 3)), [1.0, 2.0], r"^Apart returned .*; its activations are read from what it records$"),
    (Second((2, 3), (3, 1)), [1.0, 2.0], r"^Linear\(3 → 1\) did not take part: its activations cannot be drawn$"),
    (nn.ReLU(), None, r"^ReLU has no Linear layer: there are no columns of neurons to draw$"),
])  # fmt: skip
def test_a_network_that_is_no_chain_of_layers_says_so(model: Any, example: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        plots.network(model, example)


def test_a_frozen_layer_without_a_bias_shows_its_activations() -> None:
    model = nn.Sequential(nn.Linear(2, 2, bias=False, seed=0), np.tanh, nn.Linear(2, 1, seed=0)).freeze()
    x = np.array([0.5, -0.25], np.float32)
    axes = plots.network(model, Value(x))
    fills = [float(line.get_markerfacecolor()) for line in axes.lines]
    inner = np.tanh(model[0].weight.data @ x)  # type: ignore[union-attr]
    out = model[2].weight.data @ inner + model[2].bias.data  # type: ignore[union-attr]
    expected = []
    for column in (x, inner, out):
        low, high = min(0.0, column.min()), max(1.0, column.max())
        expected += [1 - (a - low) / (high - low) for a in column]
    assert fills == pytest.approx(expected, abs=6e-4)
    assert all(p.grad is None for p in model.parameters())


def test_a_gradient_without_a_number_is_as_large_as_the_rest() -> None:
    layer = nn.Linear(3, 2)
    layer.weight.grad, layer.bias.grad = np.full((2, 3), np.nan, "f4"), np.array([0.5, -2.0], "f4")
    (part,) = plots.gradient(layer).subfigs
    assert part.get_suptitle() == "up to ±2"


# ---------------------------------------------------------------------------------------------- what networks look for


def convnet() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 4, 3, seed=0), nn.ReLU(), nn.Conv2d(4, 2, 2, seed=1), nn.Flatten())


def test_windows_of_convolutions_are_drawn_one_by_one() -> None:
    model = convnet()
    first, second = (image.get_array() for image in drawn(plots.filters(model)))
    assert (first.shape, second.shape) == ((7, 7), (5, 11))
    for i in range(4):  # two and two, for they have one input channel
        y, x = divmod(i, 2)
        np.testing.assert_array_equal(first[4 * y :, 4 * x :][:3, :3], model.layers[0].weight.data[i, 0])
    for i in range(2):  # a row for each output channel, a column for each input channel
        for j in range(4):
            np.testing.assert_array_equal(second[3 * i :, 3 * j :][:2, :2], model.layers[2].weight.data[i, j])
    with pytest.raises(ValueError, match="MLP has no Conv2d layer"):
        plots.filters(nn.MLP(2, [3], seed=0))
    with pytest.raises(TypeError, match="wanted a Module"):
        plots.filters(3.0)  # type: ignore[arg-type]


def test_feature_maps_are_what_the_convolutions_give() -> None:
    model = convnet()
    image = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)
    seen, first, second = (image.get_array() for image in drawn(plots.feature_maps(model, Value(image))))
    np.testing.assert_array_equal(seen, image)
    inner = model.layers[0](image[None, None]).data
    outer = model.layers[2](np.maximum(inner, 0)).data
    for i in range(4):
        y, x = divmod(i, 2)
        np.testing.assert_array_equal(first[5 * y :, 4 * x :][:4, :3], inner[0, i])
    for i in range(2):
        np.testing.assert_array_equal(second[:, 3 * i :][:, :2], outer[0, i])
    with pytest.raises(ValueError, match=r"wants one image, .*; got \(2, 1, 6, 5\)"):
        plots.feature_maps(model, np.zeros((2, 1, 6, 5)))


class Aside(nn.Module):
    """A convolution that takes part or not, and numbers that no Value takes part in or all do."""

    def __init__(self, taking: str) -> None:
        self.taking, self.conv, self.other = taking, nn.Conv2d(1, 2, 3, seed=0), nn.Conv2d(1, 3, 2, seed=0)

    def forward(self, x: Any) -> Any:
        out = x * 2.0 if self.taking == "none" else self.conv(x)
        return out if self.taking != "all" else out.sum() + self.other(x).sum() + (self.conv.weight**2).sum()


def test_maps_of_what_records_nothing_or_takes_no_part_are_refused() -> None:
    with pytest.raises(ValueError, match=r"(?s)^Aside returned .*; its maps are read from what it records$"):
        plots.feature_maps(Aside("none"), np.ones((4, 4)))
    with pytest.raises(ValueError, match=r"^a convolution of \(3, 1, 2, 2\) did not take part: its maps cannot be"):
        plots.feature_maps(Aside("first"), np.ones((4, 4)))


def test_maps_are_those_of_the_convolution_and_of_nothing_else_that_takes_its_weight() -> None:
    model, image = Aside("all"), np.eye(4, dtype="f4")
    maps = drawn(plots.feature_maps(model, image))[1].get_array()
    np.testing.assert_array_equal(maps[:, :2], model.conv(image[None, None]).data[0, 0])


def test_without_matplotlib_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "microgradnet.plots.shown", None)
    with pytest.raises(ModuleNotFoundError, match=r"^plots need matplotlib: pip install matplotlib$") as caught:
        plots.new_axes(3, 2)
    assert caught.value.name == "matplotlib"


def test_a_confusion_matrix_counts_labels_down_and_answers_across() -> None:
    labels, answers = np.array([0, 1, 1, 2, 2, 2]), np.array([0, 1, 0, 2, 2, 1])
    axes = plots.confusion_matrix(labels, answers, names=["cat", "dog", "bird"])
    written = {tuple(map(round, reversed(text.get_position()))): text.get_text() for text in axes.texts}
    assert written == {(0, 0): "1", (1, 1): "1", (1, 0): "1", (2, 2): "2", (2, 1): "1"}
    np.testing.assert_allclose(axes.images[0].get_array(), [[1, 0, 0], [0.5, 0.5, 0], [0, 1 / 3, 2 / 3]])
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["cat", "dog", "bird"]
    assert axes.get_title() == "4 of 6 right"
    outputs = Value(np.eye(3)[answers])
    again = plots.confusion_matrix(labels, outputs)
    np.testing.assert_array_equal(again.images[0].get_array(), axes.images[0].get_array())
    words = plots.confusion_matrix(["b", "a"], ["a", "a"])
    np.testing.assert_array_equal(words.images[0].get_array(), [[1, 0], [1, 0]])
    with pytest.raises(ValueError, match=r"got shapes \(2,\) and \(3,\)"):
        plots.confusion_matrix([0, 1], [0, 1, 1])
    with pytest.raises(ValueError, match="names are 3, one for each class; got 1"):
        plots.confusion_matrix(labels, answers, names=["cat"])


def test_a_small_network_has_its_numbers_and_fills_its_frame() -> None:
    model = nn.MLP(2, [3, 1], seed=0)
    axes = plots.network(model)
    written = sorted(text.get_text() for text in axes.texts)
    weights = [f"{w:.2f}" for layer in model.layers for w in layer.weight.data.ravel()]
    biases = [f"{b:+.2f}" for layer in model.layers for b in layer.bias.data]
    assert set(weights + biases) <= set(written)
    heights = [line.get_ydata()[0] for line in axes.lines]
    assert (min(heights), max(heights)) == (-0.5, 0.5)
    assert not set(weights) & {text.get_text() for text in plots.network(model, numbers=False).texts}


def test_an_example_that_is_an_image_stands_beside_the_inputs() -> None:
    model, picture = nn.MLP(64, [3], seed=0), np.random.default_rng(0).random(64)
    inset = plots.network(model, picture).child_axes[0]
    np.testing.assert_array_equal(inset.images[0].get_array(), picture.reshape(8, 8))
    wide = plots.network(model, picture, image=(4, 16)).child_axes[0]
    assert wide.images[0].get_array().shape == (4, 16)
    assert not plots.network(model, picture, image=False).child_axes
    assert not plots.network(model).child_axes
    with pytest.raises(ValueError, match=r"image=\(4, 4\): an input has 64 numbers"):
        plots.network(model, picture, image=(4, 4))


def test_activations_play_one_example_after_the_other(tmp_path: Path) -> None:
    model = nn.MLP(2, [2, 1], activation=np.tanh, seed=0)
    played = plots.play(model, [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], seconds=0.5)
    played.save(tmp_path / "network.gif")
    from PIL import Image

    with Image.open(tmp_path / "network.gif") as found:
        assert (found.n_frames, found.info["duration"]) == (3, 500)
    moving = played._repr_html_().partition("data:image/png;base64,")[2].partition('"')[0]
    with Image.open(io.BytesIO(base64.b64decode(moving))) as found:
        assert (found.n_frames, found.info["duration"], found.mode) == (3, 500, "RGBA")
    with pytest.raises(ValueError, match=r"saved as \.gif"):
        played.save(tmp_path / "network.png")
    with pytest.raises(ValueError, match=r"examples are \(n, inputs\).*got shape \(2,\)"):
        plots.play(model, [0.0, 1.0])


def test_what_is_played_is_of_pngs_whatever_figures_are_saved_as() -> None:
    import matplotlib

    model = nn.MLP(2, [1], seed=0)
    with matplotlib.rc_context({"savefig.format": "svg"}):
        (shown,) = plots.play(model, [[0.0, 1.0]]).pictures
        assert shown.mode == "RGB"
        assert plots.new_axes(1, 1)._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match=r"seconds=0.*how long each example is shown"):
        plots.play(model, [[0.0, 1.0]], seconds=0)


def piecewise(x: Any) -> Any:
    return x * x if x > 0 else 0.0


@pytest.mark.parametrize(("draw", "says"), [
    (lambda: plots.curve(np.square, 4), r"^curve\(span=4\): it is the two ends .* such as \(-4, 4\)$"),
    (lambda: plots.curve(np.square, -2, 2), r"^curve\(span=-2\): it is the two ends"),
    (lambda: plots.curve(np.square, (1, 2, 3)), r"^curve\(span=\(1, 2, 3\)\)"),
    (lambda: plots.curve(np.square, (2, 2)), r"^curve\(span=\(2, 2\)\)"),
    (lambda: plots.curve(np.square, (0, np.inf)), r"^curve\(span=\(0, inf\)\)"),
    (lambda: plots.curve(np.square, ("a", "b")), r"^curve\(span=\('a', 'b'\)\)"),
    (lambda: plots.contours(np.hypot, (-1, 1), 4), r"^contours\(y_span=4\)"),
    (lambda: plots.surface(np.hypot, 4, 4), r"^surface\(x_span=4\)"),
    (lambda: plots.curve(4.0, (-1, 1)), r"^curve\(f=4.0\): it is a function"),
    (lambda: plots.curve(math.sin, (-1, 1)), r"^f takes one number at a time.* shape \(400,\).*np.sin for math.sin"),
    (lambda: plots.curve(piecewise, (-1, 1)), r"^f takes one number at a time.*np.where for an if"),
    (lambda: plots.contours(math.hypot, (-1, 1), (-1, 1)), r"^f takes one number at a time.*\(200, 200\)"),
    (lambda: plots.curve(np.log, (-2, -1)), r"^f is Inf or NaN everywhere from -2 to -1:"),
    (lambda: plots.curve(lambda x, y: x, (-1, 1)), "missing 1 required positional argument"),
])  # fmt: skip
def test_what_is_no_span_or_takes_no_arrays_is_said(draw: Any, says: str) -> None:
    with pytest.raises((TypeError, ValueError), match=says):
        draw()


def test_what_the_error_advises_draws() -> None:
    for f in (math.sin, piecewise):
        curve = plots.curve(np.vectorize(f), (-1, 1)).lines[0]
        np.testing.assert_allclose(curve.get_ydata(), [f(x) for x in np.linspace(-1, 1, 400)])


def pixels(png: bytes) -> Any:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA")).astype(int)


def saved(figure: Any) -> Any:
    held = io.BytesIO()
    figure.savefig(held, format="png")
    return pixels(held.getvalue())


@pytest.mark.parametrize("draw", [
    lambda: plots.curve(np.square, (-2, 2), [1.0, 0.5], [-1.5, -1.0], [1.8, 0.2]),  # the third is black
    lambda: plots.network(nn.MLP(2, [3, 1], seed=0)),
    lambda: plots.gradient(swept()),
], ids=["curve", "network", "gradient"])  # fmt: skip
def test_a_notebook_shows_it_on_any_ground_and_a_file_has_it_black_on_white(draw: Any) -> None:
    axes = draw()
    figure = getattr(axes, "figure", axes) or axes
    before = saved(figure)
    assert (before[[0, -1], [0, -1]] == 255).all()
    assert (before[..., :3].max(axis=-1) < 60).any()
    shown = pixels(axes._repr_png_())
    assert (shown[[0, -1], [0, -1], 3] == 0).all()
    letters = shown[(shown[..., 3] == 255) & (np.ptp(shown[..., :3], axis=-1) < 5)]
    assert 110 < letters[:, 0].min() < 140  # no black, which would not be seen on black
    after = saved(figure)  # laid out once more, so not to the pixel
    black, white = ([(x == level).sum() for x in (before, after)] for level in (0, 255))
    assert black[1] == pytest.approx(black[0], rel=0.1)
    assert white[1] == pytest.approx(white[0], rel=0.1)


@pytest.mark.parametrize(("colour", "dark"), [
    ("black", True), ("#727272", True), ("#737373", False), (INK, False), ("white", False), ("#400000", False),
    ((0.25, 0.25, 0.269), True), ((0.25, 0.271, 0.25), False), (np.array([[0, 0, 0, 0.1]]), True),
    (np.ones((2, 4)) / 4, False),
    ("none", False), (None, False), ([], False), ((0.44, 0.45, 0.44), False),
])  # fmt: skip
def test_greys_nearer_to_black_are_dark_and_colours_are_not(colour: Any, dark: bool) -> None:
    assert is_dark_grey(colour) is dark


def test_axes_that_are_added_to_a_figure_are_shown_too() -> None:
    axes = plots.new_axes(3, 2).figure.add_axes((0.1, 0.1, 0.5, 0.5))
    assert axes._repr_png_().startswith(b"\x89PNG")


def test_what_is_written_on_a_ground_that_stays_stays_black() -> None:
    axes = plots.confusion_matrix([0, 1, 1, 1], [0, 0, 1, 1])
    shown = pixels(axes._repr_png_())
    dark = shown[(shown[..., 3] == 255) & (shown[..., :3].max(axis=-1) < 50)]
    assert len(dark) > 5
    named = plots.curve(np.square, (-2, 2))
    named.plot([0], [1], label="a point")
    named.legend()
    legend = pixels(named._repr_png_())
    assert len(legend[(legend[..., 3] > 200) & (legend[..., :3].max(axis=-1) < 40)]) > 5


HISTORY = {name: list(np.linspace(1.0, 0.1, 40)) for name in ("cost", "val_cost", "accuracy", "val_accuracy", "off")}


@pytest.mark.parametrize("draw", [
    lambda axes: plots.history({"epoch": range(40), **HISTORY}, axes=axes),
    lambda axes: plots.lr_finder(LearningRates(np.geomspace(1e-3, 1, 40), np.linspace(2, 1, 40)), axes=axes),
], ids=["history", "lr_finder"])  # fmt: skip
def test_a_legend_covers_no_curve_no_title_and_no_name_of_an_axis(draw: Any) -> None:
    given = plots.new_figure(10, 4).subplots(1, 2)[0]
    for axes in (draw(None), draw(given)):
        axes.set_title("A training")
        axes.figure.draw_without_rendering()
        legend = axes.get_legend().get_window_extent()
        others = [axes.get_window_extent(), axes.title.get_window_extent(), axes.xaxis.get_tightbbox()]
        assert not any(legend.overlaps(other) for other in others)
        assert axes.figure.bbox.y0 <= legend.y0
    shown = pixels(axes._repr_png_())
    assert not ((shown[..., 3] > 200) & (shown[..., :3].max(axis=-1) < 40)).any()  # on black, too, it can be read


def test_a_legend_is_inside_where_no_room_is_made_around_axes() -> None:
    from matplotlib.figure import Figure

    axes = plots.history({"epoch": [1, 2], "cost": [0.5, 0.25]}, axes=Figure().subplots())
    axes.figure.draw_without_rendering()
    inside, whole = axes.get_legend().get_window_extent(), axes.get_window_extent()
    assert whole.x0 < inside.x0 < inside.x1 < whole.x1
