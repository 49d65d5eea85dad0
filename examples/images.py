"""From a folder of images to a network that is saved, loaded, exported and checked: 2,000 drawings of four shapes.

The folder is made first: PNG files of circles, squares, triangles and stars in a subfolder for each, large and small,
turned, in bright colours, before stripes and noise. Then one reads its own folder so. The network sees each image
mirrored, shifted and with a hole in it, another way in each epoch, and begins with the step size that `find_lr`
suggests. The pictures: training, the search for the step size, held-out images and the mistakes. Takes a minute.
`mpiexec -n 2 python examples/images.py` trains in two processes.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from options import Parser, exported, run, whole_number

import microgradnet as mg
from microgradnet import data, nn, optim, parallel, plots
from microgradnet.functional import cross_entropy

CORNERS = {"circle": 60, "square": 4, "star": 10, "triangle": 3}  # of the polygons that are drawn


def network(classes: int, seed: int) -> nn.Sequential:
    """Scores for the classes (n, classes), from images (n, 3, 32, 32)."""
    rng = np.random.default_rng(seed)
    return nn.Sequential(
        nn.RandomHorizontalFlip(seed=rng), nn.RandomCrop(32, padding=2, seed=rng),
        nn.RandomErasing(0.2, scale=(0.02, 0.1), seed=rng),
        nn.Conv2d(3, 12, kernel_size=5, seed=rng), nn.MaxPool2d(2), nn.BatchNorm2d(12), nn.ReLU(),
        nn.Conv2d(12, 24, kernel_size=5, seed=rng), nn.MaxPool2d(2), nn.BatchNorm2d(24), nn.ReLU(),
        nn.Flatten(), nn.Linear(24 * 5 * 5, classes, seed=rng),
    )  # fmt: skip


def main(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder, parallel.world() as world:
        draw(Path(folder), options.images, options.seed)

        # From the folder to a model that is saved, loaded, exported and checked.
        images = data.image_folder(folder, size=32)
        train, test = images.split(held_out=0.2, seed=options.seed)
        model = network(len(images.classes), options.seed)
        optimizer = optim.AdamW(model.parameters(), lr=0.01)
        how: Any = {"loss": "cross_entropy", "optimizer": optimizer, "batch_size": 50}
        found = mg.find_lr(model, train, **how, lowest=1e-4, highest=1.0, steps=60)
        steps = options.epochs * math.ceil(len(train) / 50)
        schedule = optim.OneCycleLR(optimizer, max_lr=found.suggestion or 0.01, total_steps=steps)
        history = mg.fit(
            model, train, **how, epochs=options.epochs, scheduler=schedule, scheduler_interval="batch", clip=1.0,
            validation=test, metrics="accuracy", seed=options.seed, parallel=world)  # fmt: skip
        if world.rank > 0:
            return
        mg.save(options.out / "images.npz", model)
        again = network(len(images.classes), seed=1).eval()
        mg.load(options.out / "images.npz", again)
        (x, y), scores = test.arrays(), mg.predict(again, test)
        assert (scores == mg.predict(model, test)).all(), "loaded, it says the same"
        mg.assert_grads(lambda network: cross_entropy(network(x[:9]), y[:9]), again, samples=20)
        print(exported(options.out / "images.onnx", again, x))

    print(f"{images}\n{again}\n{found}\nsaved, loaded and checked: the same answers, gradients are right")
    print(f"held-out accuracy {(scores.argmax(axis=1) == y).mean():.2%}")
    picture(options.out / "images.png", history, found, x, y, scores, images.classes)


def draw(folder: Path, images: int, seed: int) -> None:
    """Make the folder up: so many images of 48×48 pixels, as many of each shape."""
    from PIL import Image, ImageDraw, ImageFilter

    rng = np.random.default_rng(seed)
    for i in range(images):
        name = [*CORNERS][i % 4]
        (folder / name).mkdir(exist_ok=True)
        stripes = np.sin(np.arange(48) * rng.uniform(0.2, 1.5) + rng.uniform(0, 6))[:, None] * np.ones(48)
        ground = rng.uniform(40, 120, 3) + 30 * (stripes if i % 3 else stripes.T)[..., None]
        image = Image.fromarray(np.clip(ground + rng.normal(0, 20, (48, 48, 3)), 0, 255).astype(np.uint8))
        radius, angle = rng.uniform(11, 19), rng.uniform(0, 2 * math.pi)
        middle = rng.uniform(radius + 2, 46 - radius, 2)
        around = angle + 2 * math.pi * np.arange(CORNERS[name]) / CORNERS[name]
        far = radius * np.where((np.arange(len(around)) % 2 == 1) & (name == "star"), 0.45, 1.0)
        corners = middle + far[:, None] * np.stack([np.cos(around), np.sin(around)], axis=1)
        colour = tuple(int(x) for x in rng.integers(130, 256, 3))
        ImageDraw.Draw(image).polygon([tuple(corner) for corner in corners], fill=colour)
        image.filter(ImageFilter.GaussianBlur(rng.uniform(0, 0.8))).save(folder / name / f"{i:04}.png")


def picture(
    path: Path, history: Any, found: Any, x: np.ndarray, y: np.ndarray, scores: np.ndarray, names: tuple[str, ...]
) -> None:
    """How it learned, how its step size was found, what it was asked, and what it got wrong."""
    figure = plots.new_figure(15, 7.5)
    top, bottom = figure.subfigures(2, 1)
    left, middle = top.subplots(1, 2)
    plots.history(history, axes=left)
    left.set_title("Training")
    plots.lr_finder(found, axes=middle)
    middle.set_title("The search for the step size")

    says = scores.argmax(axis=1)
    wrong, right = np.flatnonzero(says != y), np.flatnonzero(says == y)
    right = right[np.linspace(0, len(right) - 1, max(16, 32 - len(wrong))).astype(int)]  # of all classes
    for panel, i in zip(bottom.subplots(2, 16).ravel(), [*right, *wrong], strict=False):
        panel.imshow(x[i].transpose(1, 2, 0))
        panel.set_title(names[says[i]], fontsize=9, color=plots.POSITIVE if says[i] == y[i] else plots.NEGATIVE)
    for panel in bottom.axes:
        panel.set_axis_off()
    bottom.suptitle(
        f"{len(y) - len(wrong)} of {len(y)} held-out images are right (blue); mistakes: what it says (orange)"
    )
    figure.savefig(path, dpi=110)
    print(f"picture: {path}")


if __name__ == "__main__":
    parser = Parser(__doc__, epochs=12)
    parser.add_argument("--images", type=whole_number, default=2000, metavar="N", help="how many images (2000)")
    run(parser, main)
