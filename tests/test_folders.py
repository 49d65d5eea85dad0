"""A folder of images is a dataset: read file by file, in one order, upright, and what is wrong in it is named."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import data, nn, optim
from microgradnet.data.folders import and_more
from tests import training
from tests.training import stop_after

Image = pytest.importorskip("PIL.Image", reason="Pillow, an extra, is not installed")

SHAPE = (6, 8)  # height, width


def colours(seed: int, shape: tuple[int, ...] = (*SHAPE, 3)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def save(path: Path, pixels: np.ndarray, **how: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **how)


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Three classes of ten images each; which is which can be told by their brightness."""
    for k, name in enumerate(("owls", "cats", "dogs")):
        for i in range(10):
            save(tmp_path / "pets" / name / f"{i}.png", colours(10 * k + i) // 4 + 60 * k)
    return tmp_path / "pets"


def test_images_are_numbers_from_0_to_1_with_the_channels_first(pets: Path) -> None:
    images = data.image_folder(pets)
    x, label = images[13]
    assert (len(images), images.classes, images.size) == (30, ("cats", "dogs", "owls"), SHAPE)
    assert (images.paths[13], label, type(label)) == ("dogs/3.png", 1, np.int64)
    assert (x.shape, x.dtype, x.flags.c_contiguous) == ((3, *SHAPE), np.float32, True)
    np.testing.assert_array_equal(x.transpose(1, 2, 0), (colours(23) // 4 + 120).astype(np.float32) / 255)
    assert images.labels.tolist() == [0] * 10 + [1] * 10 + [2] * 10
    assert repr(images).endswith("pets': 30 images (3, 6, 8), cats 10, dogs 10, owls 10)")
    whole, labels = images.arrays()
    assert (whole.shape, labels.dtype) == ((30, 3, *SHAPE), np.int64)
    np.testing.assert_array_equal(whole[13], x)
    np.testing.assert_array_equal(images[-1][0], whole[29])
    assert sum(1 for _ in images) == 30


def test_the_first_ten_classes_are_named_and_the_others_counted(tmp_path: Path) -> None:
    for n in range(13):
        save(tmp_path / f"class{n:02}" / "a.png", colours(n))
        if n in (9, 10, 12):
            more = f" and {n - 9} more classes)" if n > 9 else ")"
            named = ", ".join(f"class{i:02} 1" for i in range(10))
            assert repr(data.image_folder(tmp_path)).endswith(f": {n + 1} images (3, 6, 8), {named}{more}")


def test_a_file_is_read_when_it_is_asked_for(pets: Path) -> None:
    images = data.image_folder(pets)
    save(pets / "cats" / "2.png", np.zeros((*SHAPE, 3), np.uint8))
    assert images[2][0].max() == 0
    assert len(vars(images)["paths"]) == 30
    assert not [x for x in vars(images).values() if isinstance(x, np.ndarray) and x.size > 30]


def test_the_order_is_that_of_the_paths_and_deeper_ones_count(tmp_path: Path) -> None:
    for name in ("b/2.PNG", "b/10.png", "b/deep/er/1.jpg", "a/x.bmp", "a/.hidden.png", "a/.cache/y.png", ".git/z.png",
                 "__MACOSX/a/q.png", "b/B.gif"):  # fmt: skip
        save(tmp_path / name, colours(1))
    (tmp_path / "a" / "notes.txt").write_text("not an image")
    (tmp_path / "readme.md").write_text("neither")
    images = data.image_folder(str(tmp_path))
    assert images.paths == ["a/x.bmp", "b/10.png", "b/2.PNG", "b/B.gif", "b/deep/er/1.jpg"]
    assert images.left_out == ("a/notes.txt",)
    assert "1 files are no images, such as a/notes.txt" in repr(images)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_says_which_way_is_up(orientation: int, tmp_path: Path) -> None:
    """As a camera stores it: turned or mirrored, with a number that says how."""
    upright = colours(5)
    stored = {1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1], 5: upright.transpose(1, 0, 2),
              6: np.rot90(upright), 7: np.rot90(upright, 2).transpose(1, 0, 2), 8: np.rot90(upright, -1)}  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    save(tmp_path / "a" / "photo.png", np.ascontiguousarray(stored[orientation]), exif=exif)
    images = data.image_folder(tmp_path)
    assert images.size == SHAPE
    np.testing.assert_array_equal(np.rint(images[0][0] * 255).transpose(1, 2, 0), upright)


def test_a_size_crops_around_the_middle_and_scales(tmp_path: Path) -> None:
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 20:40] = 200  # the middle third, all that a square keeps
    save(tmp_path / "a" / "wide.png", wide)
    save(tmp_path / "a" / "tall.png", wide.transpose(1, 0, 2))
    save(tmp_path / "b" / "small.png", np.full((2, 2, 3), 7, np.uint8))
    images = data.image_folder(tmp_path, size=10)
    for i, shade in ((0, 200), (1, 200), (2, 7)):
        assert images[i][0].shape == (3, 10, 10)  # at the edges, neighbours shine through
        np.testing.assert_allclose(images[i][0][:, 1:-1, 1:-1], np.full((3, 8, 8), shade / 255), atol=1e-6)
    assert data.image_folder(tmp_path, size=(4, 12))[0][0].shape == (3, 4, 12)
    save(tmp_path / "b" / "two.png", np.array([[0, 200]], np.uint8))
    between = data.image_folder(tmp_path, size=(2, 4), grey=True)[3][0]  # along straight lines
    np.testing.assert_allclose(between, [[[0.0, 50 / 255, 150 / 255, 200 / 255]] * 2], atol=1e-6)
    with pytest.raises(ValueError, match=r"a/wide\.png is 20×60 pixels, a/tall\.png 60×20\. Give a size .* size=20 or"):
        data.image_folder(tmp_path)


def test_grey_is_one_channel_whatever_the_file_holds(tmp_path: Path) -> None:
    shades = colours(3, SHAPE)
    save(tmp_path / "a" / "colour.png", np.repeat(shades[..., None], 3, axis=2))
    save(tmp_path / "a" / "grey.png", shades)
    images = data.image_folder(tmp_path, grey=True)
    for i in range(2):
        assert images[i][0].shape == (1, *SHAPE)
        np.testing.assert_array_equal(images[i][0][0], shades.astype(np.float32) / 255)
    np.testing.assert_array_equal(data.image_folder(tmp_path)[1][0], np.repeat(images[1][0], 3, axis=0))


def test_no_shade_is_lost_without_a_word(tmp_path: Path) -> None:
    """16 bits, transparency, palettes and CMYK; numbers of which none is known to be white are refused."""
    deep = np.random.default_rng(0).integers(0, 65536, SHAPE).astype(np.uint16)
    save(tmp_path / "a" / "0.png", deep)
    clear = np.dstack([colours(1), np.full(SHAPE, 255, np.uint8)])
    clear[0, 0] = (1, 2, 3, 0)
    save(tmp_path / "a" / "1.png", clear)
    Image.fromarray(colours(2) // 64 * 64).quantize(64).save(tmp_path / "a" / "2.png")
    Image.new("CMYK", SHAPE[::-1], (0, 255, 255, 0)).save(tmp_path / "a" / "3.tif")
    Image.fromarray(colours(2) // 64 * 64).quantize(64).save(tmp_path / "a" / "3a.png", transparency=bytes([0] * 64))
    Image.fromarray(np.dstack([colours(3, SHAPE), np.full(SHAPE, 128, np.uint8)])).save(tmp_path / "a" / "3b.png")
    images = data.image_folder(tmp_path)
    np.testing.assert_allclose(images[0][0], np.repeat(deep[None] / 65535, 3, axis=0), atol=1e-6)
    assert images[1][0][:, 0, 0].tolist() == [1, 1, 1]
    np.testing.assert_array_equal(np.rint(images[1][0] * 255)[:, 1:], colours(1).transpose(2, 0, 1)[:, 1:])
    np.testing.assert_array_equal(np.rint(images[2][0] * 255).transpose(1, 2, 0), colours(2) // 64 * 64)
    assert np.abs(images[3][0] - np.array([1, 0, 0])[:, None, None]).max() < 0.02  # red
    assert (images[4][0] == 1).all()  # all colours of its palette are transparent
    through = (colours(3, SHAPE) / 255 + 1) / 2  # white shines half through
    assert np.abs(images[5][0] - through).max() < 0.005
    np.testing.assert_allclose(data.image_folder(tmp_path, grey=True)[5][0], images[5][0][:1], atol=1e-6)
    save(tmp_path / "a" / "4.tif", np.ones(SHAPE, np.float32))
    with pytest.raises(ValueError, match=r"4\.tif holds floating-point numbers, of which none is known to be white"):
        data.image_folder(tmp_path)[6]


def test_parts_are_seeded_and_keep_the_classes_in_their_share(pets: Path) -> None:
    images = data.image_folder(pets)
    train, test = images.split(held_out=0.2, seed=3)
    assert np.bincount(test.labels).tolist() == [2, 2, 2]
    assert (train.classes, train.size, train.folder) == (images.classes, images.size, images.folder)
    wanted = data.split(np.array(images.paths), held_out=0.2, seed=3, stratify=images.labels)
    assert [train.paths, test.paths] == [sorted(part.tolist()) for part in wanted]
    assert images.split(held_out=7, seed=4)[1].paths != images.split(held_out=7, seed=5)[1].paths
    np.testing.assert_array_equal(test[0][0], images[images.paths.index(test.paths[0])][0])
    with pytest.raises(ValueError, match="held_out=30 of 30 examples"):
        images.split(held_out=30)


def test_a_second_folder_numbers_its_classes_as_the_first(pets: Path, tmp_path: Path) -> None:
    save(tmp_path / "test" / "owls" / "1.png", colours(0))
    train = data.image_folder(pets)
    for classes in (train.classes, [*train.classes]):
        test = data.image_folder(tmp_path / "test", classes=classes)
        assert (test.labels.tolist(), test.classes) == ([2], ("cats", "dogs", "owls"))
    with pytest.raises(ValueError, match="folders that are none of the classes cats: owls"):
        data.image_folder(tmp_path / "test", classes=["cats"])
    for classes in ("cats", ["cats", "cats"], [1], []):
        with pytest.raises(ValueError, match="it is a list of the names of folders, each once"):
            data.image_folder(tmp_path / "test", classes=classes)


# ---------------------------------------------------------------------------------------------------------------- fit


def network() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 6 * 8, 8, seed=0), np.tanh, nn.Dropout(0.2, seed=1),
                         nn.Linear(8, 3, seed=2))  # fmt: skip


def trained(x: Any, y: Any = None, **more: Any) -> tuple[Any, bytes]:
    model = network()
    history = mg.fit(model, x, y, loss="cross_entropy", optimizer=optim.Adam(model.parameters(), lr=0.01), epochs=3,
                     batch_size=7, seed=0, metrics="accuracy", progress=False, **more)  # fmt: skip
    return training.without_times(history), b"".join(array.tobytes() for array in model.state_dict().values())


def test_a_folder_is_trained_on_as_its_arrays_are(pets: Path) -> None:
    images = data.image_folder(pets)
    for more in ({}, {"validation": 0.2}):
        assert trained(images, **more) == trained(*images.arrays(), **more)
    train, test = images.split()
    (seen, weights), (wanted, same) = (
        trained(train, validation=test),
        trained(*train.arrays(), validation=test.arrays()),
    )
    assert weights == same
    np.testing.assert_allclose(seen.pop("val_cost"), wanted.pop("val_cost"), rtol=1e-5)  # not all at once
    assert seen == wanted


@pytest.mark.parametrize("stop", [1, 5])
def test_a_training_on_a_folder_goes_on_to_the_same_bits(stop: int, pets: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    whole = trained(data.image_folder(pets))
    trained(data.image_folder(pets), checkpoint=path, callbacks=[stop_after(stop)])
    save(pets / "cats" / "11.png", colours(99))
    with pytest.raises(ValueError, match=r"another x: ImageFolder 30 images, checksum .*, here Image"):
        trained(data.image_folder(pets), checkpoint=path)
    (pets / "cats" / "11.png").unlink()
    assert trained(data.image_folder(pets), checkpoint=path) == whole


def test_a_folder_is_predicted_in_its_order_and_evaluated(pets: Path) -> None:
    images, model = data.image_folder(pets), network()
    x, y = images.arrays()
    np.testing.assert_array_equal(mg.predict(model, images, batch_size=7), mg.predict(model, x, batch_size=7))
    measured = {"loss": "cross_entropy", "metrics": "accuracy"}
    wanted = mg.evaluate(model, x, y, **measured)
    assert mg.evaluate(model, images, **measured) == {name: pytest.approx(n, rel=1e-5) for name, n in wanted.items()}


# ----------------------------------------------------------------------------------------------------------- refusals


def nothing(folder: Path) -> None:
    pass


def two_bad_files(folder: Path) -> None:
    (folder / "cats" / "3.png").write_bytes(b"")
    (folder / "dogs" / "5.png").write_text("no image")


def script(folder: Path) -> None:
    (folder / "dogs" / "5.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 6\nshowpage\n")


def empty_class(folder: Path) -> None:
    (folder / "newts").mkdir()
    (folder / "newts" / ".keep").write_text("")
    (folder / "newts" / "list.csv").write_text("a,b")


def loose(folder: Path) -> None:
    save(folder / "lost.PNG", colours(0))


@pytest.mark.parametrize(("spoil", "given", "error", "says"), [
    (two_bad_files, {}, ValueError, r"^2 of 30 files in .*: cats/3\.png is empty; dogs/5\.png is no image in one"),
    (script, {}, ValueError, r"^1 of 30 files in .*: dogs/5\.png is no image"),  # Pillow would start Ghostscript
    (empty_class, {}, ValueError, r"pets has no image in newts: each class has at least one, .*\.png.* Remove empty"),
    (loose, {}, ValueError, r"a folder of images for each class: 1 images lie in it, such as lost\.PNG\. Move each"),
    (nothing, {"folder": "nowhere"}, FileNotFoundError, "^nowhere is not a folder: it should hold a folder of images"),
    (nothing, {"folder": 3}, TypeError, "^folder=3: it is the path of a folder$"),
    (nothing, {"size": 0}, ValueError, r"^size=0: it is a whole number of at least 1, or two of them, \(height"),
    (nothing, {"size": (3, 4, 5)}, ValueError, r"^size=\(3, 4, 5\)"),
    (nothing, {"grey": "yes"}, ValueError, "^grey='yes': it is a switch, True or False$"),
    (nothing, {"gray": True}, TypeError, "here it is grey="),
])  # fmt: skip
def test_what_is_wrong_is_named(
    pets: Path, spoil: Callable[[Path], None], given: dict[str, Any], error: type[Exception], says: str
) -> None:
    spoil(pets)
    with pytest.raises(error, match=says):
        data.image_folder(**{"folder": pets, **given})


def test_how_many_more_there_are_is_told_of_more_than_are_shown() -> None:
    assert [and_more("x" * n, 5) for n in (4, 5, 6)] == ["", "", " and 1 more"]


def test_folders_without_classes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="for each class: it has no subfolder"):
        data.image_folder(tmp_path)


def test_a_file_that_is_damaged_further_on_is_named_when_it_is_read(pets: Path) -> None:
    path = pets / "dogs" / "4.png"
    path.write_bytes(path.read_bytes()[:-60])
    images = data.image_folder(pets)
    with pytest.raises(ValueError, match=r"dogs.4\.png is damaged \(.*\)\. Mend or remove it"):
        trained(images)
    (pets / "cats" / "0.png").unlink()
    with pytest.raises(ValueError, match=r"cats.0\.png \(.*No such file"):
        images[0]


def test_other_bytes_of_a_file_are_another_folder(pets: Path) -> None:
    images = data.image_folder(pets)
    before = images.fingerprint()
    save(pets / "owls" / "9.png", np.zeros((*SHAPE, 3), np.uint8))
    assert before.startswith("30 images, checksum ")
    assert images.fingerprint() != before


def test_a_file_of_another_size_than_when_it_was_listed_is_named(pets: Path) -> None:
    images = data.image_folder(pets)
    save(pets / "cats" / "0.png", colours(0, (5, 8, 3)))
    with pytest.raises(ValueError, match=r"cats.0\.png is 5×8 pixels, the others 6×8\. Mend or remove it, and list"):
        images[0]


def test_a_small_file_that_would_be_a_huge_image_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "a" / "0.png", colours(0))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 23)  # Pillow refuses what has more than twice as many
    with pytest.raises(ValueError, match=r"a/0\.png is too large \(.*48 pixels"):
        data.image_folder(tmp_path)


def test_an_example_is_asked_for_by_its_number(pets: Path) -> None:
    images = data.image_folder(pets)
    with pytest.raises(TypeError, match=r"by its number, images\[3\]; got 'cats'"):
        images["cats"]  # type: ignore[index]
    with pytest.raises(IndexError, match="example 30 of 30"):
        images[30]


def test_without_pillow_one_sentence_says_what_to_do(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ModuleNotFoundError, match=r"^image_folder reads files with Pillow: pip install pillow$"):
        data.image_folder(pets)
