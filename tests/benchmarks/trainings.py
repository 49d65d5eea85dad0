"""A whole training, from the first step to the last: a network that reads digits, as an introductory article has it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from microgradnet import data, nn, optim, train
from microgradnet.functional import quadratic_cost, sigmoid
from microgradnet.programs import compile

from .small_works import Step

EPOCHS = 50


def training(how: Any) -> Step:
    """What trains a new network each time; returns the cost of the last epoch."""
    if how == "native":
        compile(lambda x: x, backend="native")  # ImportError where there is none
    digits = data.digits(seed=0)
    targets = data.one_hot(digits.train_labels)

    def step() -> Any:
        model = nn.MLP(784, [16, 16, 10], activation=sigmoid, final_activation=sigmoid, seed=0)
        optimiser = optim.SGD(model.parameters(), lr=0.3)
        history = train.fit(
            model, digits.train_images, targets, loss=quadratic_cost, optimizer=optimiser, epochs=EPOCHS,
            batch_size=10, seed=0, progress=False, compile=how,
        )  # fmt: skip
        return history["cost"][-1]

    return step


TRAININGS: dict[str, Callable[[], Step]] = {
    contender: functools.partial(training, how)
    for contender, how in (("microgradnet", False), ("compiled", "numpy"), ("native", "native"))
}
