"""Draws the pictures of the README into docs/pictures: `python docs/pictures.py`. They are right in light and dark.

Text is on a sheet of paper: a page may be dark without saying so to its pictures.
"""

from __future__ import annotations

import html
import re
import textwrap
from pathlib import Path

import numpy as np

import microgradnet as mg
from microgradnet import Value, data, nn, optim
from microgradnet.functional import quadratic_cost, sigmoid

HERE = Path(__file__).parent / "pictures"
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #222 } .quiet { fill: #666; font-size: 12px }
.code, .code tspan { font: 12px ui-monospace, Menlo, Consolas, monospace }
.before { fill: #b8b8b8 } .after { fill: #2b6cb0 } .ink { fill: #222 } .line { stroke: #999; fill: none }
.paper { fill: #fbfbfa; stroke: #e2e2e0 }
@media (prefers-color-scheme: dark) {
  text { fill: #ddd } .quiet { fill: #999 } .before { fill: #666 } .after { fill: #6aa9e9 } .ink { fill: #ddd }
}
"""


def expression() -> Value:
    a, b = Value(-3.0, name="a"), Value(2.0, name="b")
    return (a * b + b**3).relu() + a**2 / b


def rounded(x: float) -> str:
    return f"{x:.4g}"


def digits() -> str:
    """A held-out 3, and the ten outputs for it, before learning and after."""
    found = data.digits()
    image = found.test_images[found.test_labels == 3][0]
    wanted = data.one_hot(found.train_labels)
    model = nn.MLP(784, [16, 16, 10], activation=sigmoid, final_activation=sigmoid, init=nn.init.xavier_normal, seed=0)
    before = model(image).data
    optimizer = optim.SGD(model.parameters(), lr=0.3)
    for epoch in range(30):
        for x, y in data.batches(found.train_images, wanted, 10, seed=epoch):
            optimizer.zero_grad()
            quadratic_cost(model(x), y).backward(release=True)
            optimizer.step()
    after = model(image).data
    right = (model(found.test_images).data.argmax(axis=1) == found.test_labels).mean()

    pixels = "".join(
        f'<rect class="ink" x="{20 + 5 * x}" y="{30 + 5 * y}" width="5" height="5" opacity="{rounded(shade)}"/>'
        for (y, x), shade in np.ndenumerate(image.reshape(28, 28))
        if shade > 0.02
    )
    bars = []
    for k in range(10):
        at = 220 + 44 * k
        for cls, outputs, shift in (("before", before, 0), ("after", after, 17)):
            height = 140 * float(outputs[k])
            bars.append(f'<rect class="{cls}" x="{at + shift}" y="{rounded(170 - height)}" width="15" '
                        f'height="{rounded(height)}"/>')  # fmt: skip
        bars.append(f'<text x="{at + 16}" y="188" text-anchor="middle">{k}</text>')
    legend = (
        '<rect class="before" x="220" y="8" width="12" height="12"/><text x="238" y="18">before learning</text>'
        f'<rect class="after" x="350" y="8" width="12" height="12"/><text x="368" y="18">after 30 epochs ({right:.1%} '
        "right)</text>"
    )
    below = '<text class="quiet" x="20" y="188">a digit it has never seen</text>'
    return sheet(680, 200, f'{pixels}<path class="line" d="M215 170H660"/>{"".join(bars)}{legend}{below}')


def program() -> str:
    """One training step of a small network as a program: the lines between its first and its last."""
    layer = nn.Linear(784, 10, seed=0)
    optimizer = optim.SGD(layer.parameters(), lr=0.5)

    @mg.compile(backend="numpy")
    def step(x, y):
        optimizer.zero_grad()
        cost = quadratic_cost(sigmoid(layer(x)), y)
        cost.backward(release=True)
        optimizer.step()
        return cost

    rng = np.random.default_rng(0)
    x, y = rng.random((32, 784), np.float32), rng.random((32, 10), np.float32)
    for _ in range(3):
        step(x, y)
    lines = str(step).splitlines()
    first = next(i for i, line in enumerate(lines) if line.strip().startswith("# forward"))
    body = [line.rstrip() for line in lines[first:] if not line.strip().startswith("return")]
    shown = re.sub(r"pictures\.py:\d+: ", "", textwrap.dedent("\n".join(body))).splitlines()
    rows = []
    for i, line in enumerate(shown):
        code, mark, comment = line.partition("#")
        y = 24 + 17 * i
        quiet = f'<tspan class="quiet">{html.escape(mark + comment)}</tspan>'
        rows.append(f'<text x="14" y="{y}" xml:space="preserve" class="code">{html.escape(code)}{quiet}</text>')
    return sheet(30 + round(7.25 * max(map(len, shown))), 24 + 17 * len(shown), "".join(rows))


def sheet(width: int, height: int, drawn: str) -> str:
    """A picture of this size on paper."""
    paper = f'<rect class="paper" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f"<style>{STYLE}</style>{paper}{drawn}</svg>\n"
    )


def main() -> None:
    HERE.mkdir(exist_ok=True)
    mg.draw(expression(), fold="constants").save(HERE / "expression.svg")
    mg.steps(expression()).save(HERE / "backward.svg")
    (HERE / "digits.svg").write_text(digits(), encoding="utf-8")
    (HERE / "program.svg").write_text(program(), encoding="utf-8")


if __name__ == "__main__":
    main()
