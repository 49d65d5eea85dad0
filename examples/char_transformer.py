"""A small Transformer learns, letter by letter, a language of questions and answers that a grammar of ours makes up.

An answer repeats words of its question: to get them right, the network must look back, and the picture shows where it
looks. Prints the cost in nats and bits per character beside that of guessing and the entropy of the grammar, which
nobody can beat; and what the network writes by itself before, during and after training. Takes about 40 s;
--epochs 2 for a quick try.
"""

from __future__ import annotations

import argparse
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
from options import Parser, positive_number, run, whole_number

from microgradnet import data, nn, no_grad, optim, plots
from microgradnet.functional import cross_entropy, softmax

KIND = ["red", "blue", "old", "small", "green", "tiny", "wet", "shiny"]
THING = ["ball", "hat", "boat", "spoon", "kite", "drum", "cup", "lamp"]
WORDS = {
    "KIND": KIND, "THING": THING, "OTHER": KIND, "ANIMAL": ["fox", "owl", "mouse", "hen", "bear", "frog"],
    "BY": ["under", "near", "on", "by"], "PLACE": ["tree", "chair", "hill", "pond", "wall", "shed"],
    "ANSWER": ["yes, it is", "no, it is not"],
}  # fmt: skip
GRAMMAR = [  # a name stands for one of its words, the same wherever it stands in a line
    "where is the KIND THING? the KIND THING is BY the PLACE.",
    "who has the KIND THING? the OTHER ANIMAL has the KIND THING.",
    "is the KIND THING BY the PLACE? ANSWER.",
]
EXAMPLE = "who has the blue kite? the old bear has the blue kite."  # to look at its attention
ALPHABET = sorted({"\n", *(c for text in [*GRAMMAR, *map("".join, WORDS.values())] for c in text if not c.isupper())})
LENGTH = 64  # no line is longer
IGNORED = -100  # in place of the next character after the end of a line: cross_entropy leaves it out


def made_up(n: int, rng: np.random.Generator) -> tuple[list[str], float]:
    """n lines of the grammar, and their entropy in nats: a choice among k is worth log k."""
    lines, nats = [], 0.0
    for _ in range(n):
        line = GRAMMAR[rng.integers(len(GRAMMAR))]
        nats += math.log(len(GRAMMAR))
        for name in dict.fromkeys(re.findall("[A-Z]+", line)):
            line = line.replace(name, WORDS[name][rng.integers(len(WORDS[name]))])
            nats += math.log(len(WORDS[name]))
        lines.append(line)
    return lines, nats


def in_numbers(lines: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Lines as numbers (n, LENGTH): of their characters, from the newline before on, and of what follows each."""
    x = np.full((len(lines), LENGTH), ALPHABET.index("\n"))
    y = np.full((len(lines), LENGTH), IGNORED)
    for i, line in enumerate(lines):
        codes = [ALPHABET.index(character) for character in f"\n{line}\n"]
        x[i, : len(codes) - 1], y[i, : len(codes) - 1] = codes[:-1], codes[1:]
    return x, y


def could_be(line: str) -> bool:
    """Whether the grammar could have made this line."""
    for pattern in GRAMMAR:
        pattern = re.sub("[?.]", r"\\\g<0>", pattern)
        for name in dict.fromkeys(re.findall("[A-Z]+", pattern)):
            pattern = pattern.replace(name, f"(?P<{name.lower()}>{'|'.join(WORDS[name])})", 1)
            pattern = pattern.replace(name, f"(?P={name.lower()})")
        if re.fullmatch(pattern, line):
            return True
    return False


class Transformer(nn.Module):
    """Scores (n, time, characters) of what comes next, from characters as numbers (n, time)."""

    def __init__(self, width: int, layers: int, heads: int, seed: np.random.Generator) -> None:
        self.embedding = nn.Embedding(len(ALPHABET), width, seed=seed)
        self.places = nn.sinusoidal(LENGTH, width)
        self.layers = [
            nn.TransformerEncoderLayer(
                width, heads, 4 * width, dropout=0.0, batch_first=True, norm_first=True, seed=seed
            )
            for _ in range(layers)
        ]
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, len(ALPHABET), seed=seed)

    def forward(self, x: Any) -> Any:
        x = self.embedding(x) + self.places[: x.shape[1]]
        for layer in self.layers:
            x = layer(x, is_causal=True)
        return self.head(self.norm(x))

    def attention(self, line: str) -> np.ndarray:
        """Where each character of a line looks, in each layer and head: (layers, heads, to, from)."""
        x = self.embedding(in_numbers([line])[0][:, : len(line) + 1]) + self.places[: len(line) + 1]
        maps = []
        for layer in self.layers:
            at = layer.norm1(x)
            _, weights = layer.self_attn(at, at, at, is_causal=True, average_attn_weights=False)
            maps.append(weights.data[0])
            x = layer(x, is_causal=True)
        return np.stack(maps)


def written(model: Transformer, n: int, seed: int) -> list[str]:
    """n lines that the model makes up: each character is drawn with the probability that it gives."""
    rng = np.random.default_rng(seed)
    end = ALPHABET.index("\n")
    x = np.full((n, 1), end)
    with no_grad():
        while x.shape[1] < LENGTH:
            chances = softmax(model(x)[:, -1]).astype(np.float64).cumsum(axis=1)
            following = (chances / chances[:, -1:] < rng.random((n, 1))).sum(axis=1, keepdims=True)
            x = np.concatenate([x, following], axis=1)
    return ["".join(ALPHABET[code] for code in row[1:]).split("\n")[0] for row in x]


def main(options: argparse.Namespace) -> None:
    from tqdm import tqdm

    rng = np.random.default_rng(options.seed)
    x, y = in_numbers(made_up(options.lines, rng)[0])
    lines, nats = made_up(500, rng)
    x_test, y_test = in_numbers(lines)
    seen = y_test[y_test != IGNORED]
    shares = np.bincount(seen) / len(seen)
    baselines = {
        "any character, evenly": math.log(len(ALPHABET)),
        "by how often each comes": float(-(shares * np.log(np.maximum(shares, 1e-9))).sum()),
        "the grammar's entropy": nats / len(seen),
    }
    model = Transformer(options.width, 2, 4, rng)
    print(f"{len(x):,} lines to learn from, such as: {lines[0]}")
    print(f"{model.parameter_count():,} parameters, 2 layers of 4 heads, {len(ALPHABET)} characters")
    for name, cost in baselines.items():
        print(f"baseline {name}: {in_words(cost)}")

    steps = options.epochs * -(-len(x) // options.batch_size)
    optimiser = optim.AdamW(model.parameters(), lr=options.lr, betas=(0.9, 0.98))
    warm_up = optim.LinearLR(optimiser, 0.05, total_iters=max(1, steps // 10))
    cosine = optim.CosineAnnealingLR(optimiser, T_max=max(1, steps - steps // 10))
    schedule = optim.SequentialLR(optimiser, [warm_up, cosine], milestones=[max(1, steps // 10)])

    costs: list[float] = []
    held_out: list[tuple[int, float]] = []

    def look(epoch: int) -> None:
        """Print what the model costs on held-out lines now, and three lines that it writes."""
        with no_grad():
            held_out.append((len(costs), float(cross_entropy(model(x_test), y_test))))
        made = written(model, 50, options.seed)
        right = sum(map(could_be, made))
        tqdm.write(f"epoch {epoch}: held-out cost {in_words(held_out[-1][1])}; {right} of 50 lines are right")
        for line in made[:3] if epoch in moments else ():
            tqdm.write(f"    {line}")

    moments = {0, 1, options.epochs // 3, options.epochs}
    with tqdm(total=steps, desc="steps", leave=False, disable=None) as bar:
        look(0)
        for epoch in range(1, options.epochs + 1):
            for batch_x, batch_y in data.batches(x, y, options.batch_size, seed=rng):
                optimiser.zero_grad()
                cost = cross_entropy(model(batch_x), batch_y)
                if not math.isfinite(cost.item()):
                    raise FloatingPointError(f"the cost is {cost.item()} in step {len(costs) + 1}")
                cost.backward(release=True)
                optim.clip_grad_norm_(model.parameters(), 1.0)
                optimiser.step()
                schedule.step()
                costs.append(cost.item())
                bar.update()
            look(epoch)

    path = options.out / "char_transformer.png"
    draw(path, costs, held_out, baselines, model.attention(EXAMPLE))
    print(f"picture: {path}")


def in_words(nats: float) -> str:
    return f"{nats:.3f} nats ({nats / math.log(2):.3f} bits) per character"


def draw(
    path: Path, costs: list[float], held_out: list[tuple[int, float]], baselines: dict[str, float], maps: np.ndarray
) -> None:
    """The cost by step with the baselines, and where the head that looks back the most looks while it writes."""
    from matplotlib.patches import Rectangle
    from matplotlib.ticker import PercentFormatter

    figure = plots.new_figure(15, 7.4)
    curve, where = figure.subplots(1, 2, width_ratios=[1, 1.15])
    curve.plot(range(1, len(costs) + 1), costs, color=plots.POSITIVE, lw=0.6, alpha=0.6, label="each batch")
    curve.plot(*zip(*held_out, strict=True), "o-", color=plots.NEGATIVE, ms=4, label="held-out lines, each epoch")
    for name, cost in baselines.items():
        curve.axhline(cost, color="#555555", ls="--", lw=1)
        curve.text(len(costs), cost * 0.93, f"{name}: {cost:.3f}", ha="right", va="top", fontsize=9, color="#333333")
    ticks = [0.2, 0.5, 1, 2, 4]
    curve.set(title="Cost", xlabel="step", ylabel="nats per character", yscale="log")
    curve.set_yticks([], minor=True)
    curve.set_yticks(ticks, map(str, ticks))
    curve.set_ylim(0.8 * min(*baselines.values(), *costs), 4.5)
    curve.grid(alpha=0.3)
    curve.legend(loc="upper right", bbox_to_anchor=(1, 0.75))

    # The answer repeats "blue kite": the head that looks most at each word in the question when it begins it again
    text = f"\n{EXAMPLE}"
    asked, answered = text.index("blue kite"), text.rindex("blue kite")
    looks = [maps[:, :, answered + i - 1, asked + i - 1 : asked + i + 5].sum(axis=2) for i in (0, len("blue "))]
    layer, head = np.unravel_index(sum(looks).argmax(), maps.shape[:2])
    characters = ["⏎" if c == "\n" else "␣" if c == " " else c for c in text]
    picture = where.imshow(maps[layer, head], cmap="Blues", vmin=0, vmax=1)
    where.set_xticks(range(len(characters)), characters, fontsize=7)
    where.set_yticks(range(len(characters)), characters, fontsize=7)
    where.add_patch(Rectangle((asked - 1.5, answered - 1.5), 10, 10, fill=False, ec=plots.NEGATIVE, lw=1.5))
    where.text(asked + 9, answered + 3, "the words it\nrepeats", color=plots.NEGATIVE, fontsize=9, va="center")
    where.set(title=f"Where head {head + 1} of layer {layer + 1} looks", xlabel="at this character")
    where.set_ylabel("when it has come to this one, to write the next")
    figure.colorbar(picture, ax=where, format=PercentFormatter(1), label="share of its attention", shrink=0.8)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    parser = Parser(__doc__, epochs=12)
    parser.add_argument("--lines", type=whole_number, default=3000, metavar="N", help="lines to learn from (3000)")
    parser.add_argument("--batch-size", type=whole_number, default=32, metavar="N", help="lines per step (32)")
    parser.add_argument("--width", type=whole_number, default=48, metavar="N", help="numbers per character, 4 k (48)")
    parser.add_argument("--lr", type=positive_number, default=0.004, metavar="X", help="largest step size (0.004)")
    run(parser, main)
