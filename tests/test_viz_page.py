"""The page opens in a real browser, folds, searches, highlights, and a hostile name runs nothing.

Where there is no Chromium these tests are skipped; with MICROGRADNET_BROWSER=1 they fail instead.
"""

from __future__ import annotations

import base64
import io
import itertools
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet.viz.page import page
from microgradnet.viz.scene import with_places
from tests.samples import count, sample

Graph = dict[str, Any]


# Graphs to show, as the code that reads recorded graphs writes them.
def node(number: int, title: str, kind: str, *inputs: int | Graph, group: int | None = None, **more: Any) -> Graph:
    """A node; an input is another's id, or a dict that says more about the edge."""
    sources = [source if isinstance(source, dict) else {"node": source} for source in inputs]
    edges = [{"place": place, "times": 1, "text": "", **source} for place, source in enumerate(sources)]
    plain = {"lines": [], "alarm": [], "details": [["shape", "(2, 3)"], ["line", f"net.py:{number}"]]}
    return {"id": number, "kind": kind, "group": group, "title": title, "inputs": edges, **plain, **more}


def group(number: int, title: str, parent: int | None = None, **more: Any) -> Graph:
    plain = {"subtitle": "", "lines": [], "details": [["class", "Module"]], "folded": False}
    return {"id": number, "parent": parent, "title": title, **plain, **more}


def graph(nodes: list[Graph], groups: list[Graph] | None = None, **more: Any) -> Graph:
    return {"title": "A graph", "caption": [], "direction": "LR", "nodes": nodes, "groups": groups or [], **more}


def expression(**more: Any) -> Graph:
    """Twelve nodes: tanh(x @ w + b) + exp(−x) × 2.5, with an alarm."""
    lines = ["(2, 3) float64", "mean 0.1"]
    return graph(
        [
            node(0, "x", "input", lines=lines),
            node(1, "w", "parameter", lines=lines),
            node(2, "b", "parameter", lines=lines[:1]),
            node(3, "@", "operation", 0, 1, lines=lines),
            node(4, "+", "operation", 3, 2, lines=lines),
            node(5, "tanh", "operation", 4, lines=lines),
            node(6, "−", "operation", 0),
            node(7, "exp", "operation", 6, lines=lines[:1], alarm=["value: inf in 3 of 6"]),
            node(8, "2.5", "constant"),
            node(9, "×", "operation", 7, 8),
            node(10, "+", "operation", 5, 9),
            node(11, "loss", "output", 10, lines=["() float64", "1.234"]),
        ],
        **more,
    )


def network(folded: bool = False, **more: Any) -> Graph:
    """Three Linear layers of four nodes, each in a group of its own, inside one outer group."""
    nodes = [node(0, "images", "input", lines=["(32, 784) float32"])]
    groups = [group(0, "model", subtitle="MLP(784 → 10)", lines=["13,002 parameters"])]
    before = 0
    for i in range(3):
        at, own = len(nodes), {"group": i + 1, "lines": ["(32, 16) float32"]}
        groups.append(
            group(i + 1, f"layers.{i}", 0, subtitle="Linear(784 → 16)", lines=["grad ‖·‖ 0.31"], folded=folded)
        )
        nodes += [
            node(at, "weight", "parameter", **own),
            node(at + 1, "bias", "parameter", **own),
            node(at + 2, "@", "operation", before, at, **own),
            node(at + 3, "+", "operation", at + 2, at + 1, **own),
            node(at + 4, "sigmoid", "operation", at + 3, group=0),
        ]
        before = at + 4
    nodes += [
        node(16, "labels", "input"),
        node(17, "−", "operation", before, 16),
        node(18, "square", "operation", {"node": 17, "times": 2}),
        node(19, "cost", "output", 18, lines=["() float32", "0.125"]),
    ]
    return graph(nodes, groups, caption=["reshapes are left out", "gradients of the sum"], **more)


def signed() -> Graph:
    """The network with the gradient's sign and size on every edge."""
    drawn, rng = network(), np.random.default_rng(0)
    for edge in (edge for each in drawn["nodes"] for edge in each["inputs"]):
        weight = float(rng.normal())
        edge |= {"weight": abs(weight), "sign": "+" if weight > 0 else "−"}
    return drawn


def generated(count: int = 300, seed: int = 0, **more: Any) -> Graph:
    """A node reads one to three of those before it, mostly recent ones; twenty of every thirty are in a group."""
    rng = np.random.default_rng(seed)
    nodes = []
    for i in range(count):
        place = {"group": i // 30 if i % 30 < 20 else None, "lines": ["(16, 16) float32"]}
        back = np.minimum(i, 1 + rng.geometric(0.25, size=rng.integers(1, 4)))
        leaf = i < 3 or rng.random() < 0.15
        kind = ["parameter", "constant"][i % 2] if leaf else "operation"
        nodes.append(node(i, f"n{i}", kind, *([] if leaf else [int(i - b) for b in back]), **place))
    groups = [group(i, f"block {i}", subtitle="Block()") for i in range((count + 29) // 30)]
    return graph(nodes, groups, **more)


# The browser: one for all tests.
SWITCHES = [
    "headless=new", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
    "disable-component-update", "disable-sync", "window-size=1100,700",
]  # fmt: skip

# Runs before the page's own script: what the policy refused, and what a hostile name would call.
WATCH = """
window.refused = []; window.stolen = 0;
addEventListener("securitypolicyviolation", event => refused.push(event.violatedDirective));
"""


class Browser:
    """A Chromium that opens graphs, and asks the page questions in JavaScript."""

    def __init__(self, driver: Any, folder: Path) -> None:
        self.driver = driver
        self.path = folder / "g.html"
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})

    def open(self, drawn: Graph, title: str = "A graph") -> None:
        self.path.write_text(page(drawn, title), encoding="utf-8")
        self.visit(self.path)

    def visit(self, path: Path) -> None:
        """Open a file, and come back when its scripts have run: `get` alone may return with half of a new page."""
        from selenium.webdriver.support.wait import WebDriverWait

        self.driver.execute_script("window.left = true")
        self.driver.get(path.as_uri())
        WebDriverWait(self.driver, 30, 0.01).until(
            lambda _: self.ask("!window.left && document.readyState === 'complete'")
        )

    def ask(self, code: str, *arguments: Any) -> Any:
        return self.driver.execute_script(f"return {code}", *arguments)

    def count(self, selector: str) -> int:
        return int(self.ask("document.querySelectorAll(arguments[0]).length", selector))

    def text(self, selector: str) -> str:
        return str(self.ask("document.querySelector(arguments[0]).textContent", selector))

    def keys(self, selector: str) -> set[str]:
        return set(self.ask("[...document.querySelectorAll(arguments[0])].map(e => e.dataset.key)", selector))

    def edges(self, more: str = "") -> set[tuple[str, str]]:
        code = "[...document.querySelectorAll(arguments[0])].map(e => [e.dataset.from, e.dataset.to])"
        return {(start, end) for start, end in self.ask(code, f"#scene .edge{more}")}

    def click(self, selector: str) -> None:
        event = "new MouseEvent('click', {bubbles: true})"
        self.driver.execute_script(f"document.querySelector(arguments[0]).dispatchEvent({event})", selector)

    def press(self, *keys: str) -> None:
        from selenium.webdriver import ActionChains

        ActionChains(self.driver, duration=0).send_keys(*keys).perform()

    def corner(self, selector: str) -> tuple[float, float]:
        code = "(r => [r.x, r.y])(document.querySelector(arguments[0]).getBoundingClientRect())"
        return tuple(self.ask(code, selector))

    def middle(self, selector: str) -> tuple[float, float]:
        rect = "document.querySelector(arguments[0]).getBoundingClientRect()"
        return tuple(self.ask(f"(r => [r.x + r.width / 2, r.y + r.height / 2])({rect})", selector))

    @property
    def transform(self) -> str:
        return str(self.ask("document.getElementById('scene').getAttribute('transform')"))

    @property
    def scale(self) -> float:
        return float(re.findall(r"scale\((.*)\)", self.transform)[0])

    def background(self) -> str:
        return str(self.ask("getComputedStyle(document.documentElement).backgroundColor"))

    def colours(self) -> int:
        """How many colours a screenshot has."""
        from PIL import Image

        return len(Image.open(io.BytesIO(self.driver.get_screenshot_as_png())).convert("RGB").getcolors(2**24) or [])

    def complaints(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
    chromedriver = shutil.which("chromedriver")
    if os.environ.get("MICROGRADNET_BROWSER") != "1":
        pytest.importorskip("selenium")
        if not (program and chromedriver):
            pytest.skip("needs chromium and chromedriver")
    assert program, "MICROGRADNET_BROWSER=1, but there is no chromium on the PATH"
    assert chromedriver, "MICROGRADNET_BROWSER=1, but there is no chromedriver on the PATH"
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = program
    for switch in [*SWITCHES, f"user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(f"--{switch}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromedriver))
    try:
        driver.get("about:blank")  # away from the page that it begins with, of which nobody asks what it fetches
        driver.get_log("performance")
        yield Browser(driver, tmp_path_factory.mktemp("pages"))
    finally:
        driver.quit()


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    """The browser; whatever a test does, no page may write an error to the console."""
    chromium.complaints()
    yield chromium
    assert chromium.complaints() == []


def test_nothing_in_the_file_can_end_the_element_it_stands_in() -> None:
    name = "</script><!--\u2028 {{title}} & \ud800"
    text = page(graph([node(0, name, "input")]), "</title>{{graph}}\udfff")
    assert text.encode("utf-8").decode("utf-8") == text
    assert text.count("</script>") == 2  # the graph's and the page's own
    assert text.count("</title>") == 1
    inside = re.findall(r'<script type="application/json" id="graph">(.*?)</script>', text, re.S)
    assert not set("<>&\u2028") & set(inside[0])
    assert json.loads(inside[0])["nodes"][0]["title"] == name
    assert "<title>&lt;/title&gt;{{graph}}&#57343;</title>" in text
    assert text.count("'sha256-") == 2
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|https?://(?!www\.w3\.org/)", text
    )


def test_a_number_that_json_has_no_word_for_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        page(graph([node(0, "x", "input"), node(1, "y", "output", {"node": 0, "weight": float("nan")})]), "x")


SHOWN = {
    "expression": expression(),
    "downwards": expression(direction="TB"),
    "network": network(),
    "network downwards": network(direction="TB"),
    "signed": signed(),
    "generated": generated(),
    "one": graph([node(0, "x", "input")]),
    "none": graph([]),
}


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=[] if name in sample([*SHOWN], 4) else [pytest.mark.slow]) for name in SHOWN
])  # fmt: skip
def test_it_opens_without_a_complaint_fetches_nothing_and_is_not_blank(browser: Browser, name: str) -> None:
    browser.requests()
    browser.open(SHOWN[name], title=name)
    colours = browser.colours()
    assert browser.requests() == [browser.path.as_uri()]
    assert browser.ask("performance.getEntriesByType('resource').length") == 0
    assert browser.ask("refused") == []
    assert browser.ask("document.title") == name
    assert browser.text("h1") == "A graph"
    assert colours > (100 if SHOWN[name]["nodes"] else 10)


GEOMETRY = """(() => {
  const rect = e => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; };
  const shapes = [...document.querySelectorAll(".box")].map(e => [e.dataset.key, rect(e.querySelector(".shape"))]);
  const frames = [...document.querySelectorAll(".group")].map(e => [e.dataset.key, rect(e.firstChild)]);
  const paths = [...document.querySelectorAll("#scene .edge")].map(e => {
    const path = e.firstChild, matrix = path.getScreenCTM(), length = path.getTotalLength(), points = [];
    for (let at = 0; at <= length; at += 10) {
      const p = path.getPointAtLength(at).matrixTransform(matrix);
      points.push([p.x, p.y]);
    }
    return [e.dataset.from, e.dataset.to, points];
  });
  return [shapes, frames, paths];
})()"""


@pytest.mark.parametrize("name", ["expression", "downwards", "network", "network downwards", "generated"])
def test_boxes_keep_apart_and_edges_run_one_way_around_them(browser: Browser, name: str) -> None:
    browser.open(SHOWN[name])
    shapes, frames, paths = browser.ask(GEOMETRY)
    boxes = dict(shapes)
    keys, corners = list(boxes), np.array(list(boxes.values()))
    assert len(boxes) == len(SHOWN[name]["nodes"])
    low, high = corners[:, None, :2], corners[:, None, 2:]
    apart = (low >= corners[:, 2:] - 0.1) | (corners[:, :2] >= high - 0.1)
    assert (apart.any(-1) | np.eye(len(keys), dtype=bool)).all()

    members = {f"n{each['id']}": f"g{each['group']}" for each in SHOWN[name]["nodes"] if each["group"] is not None}
    for key, (left, top, right, bottom) in frames:
        for box in (boxes[k] for k in members if members[k] == key):
            assert left < box[0] < box[2] < right
            assert top < box[1] < box[3] < bottom

    along = 1 if "down" in name else 0
    assert len(paths) >= len(boxes) - 4
    for start, end, points in paths:
        if name in ("expression", "downwards"):  # too short to be broken into rows or columns
            assert boxes[start][along + 2] < boxes[end][along]  # it runs right, or down
        at = np.array(points)[:, None]
        through = ((corners[:, :2] + 2 < at) & (at < corners[:, 2:] - 2)).all(2).any(0)
        assert {keys[i] for i in np.flatnonzero(through)} <= {start, end}


def test_the_main_line_of_a_network_runs_straight(browser: Browser) -> None:
    browser.open(network())
    for row in [(3, 4, 5), (8, 9, 10), (13, 14, 15)]:
        middles = [browser.middle(f".box[data-key=n{i}] .shape")[1] / browser.scale for i in row]
        assert np.ptp(middles) < 2  # a box is 39 high, a bias above it takes 57
    chain = graph([node(i, "+", "operation", *([i - 1] if i else [])) for i in range(5)])
    browser.open(chain)
    across = [browser.middle(f".box[data-key=n{i}] .shape") for i in range(5)]
    assert np.diff(across, axis=0) / browser.scale == pytest.approx(np.array([[84, 0]] * 4), abs=0.1)  # a box and a gap


def test_edges_that_need_not_cross_do_not(browser: Browser) -> None:
    order = np.random.default_rng(0).permutation(12).tolist()
    readers = [node(12 + i, "tanh", "operation", j) for i, j in enumerate(order)]
    browser.open(graph([*(node(i, "x", "input") for i in range(12)), *readers]))
    height = [browser.middle(f".box[data-key=n{i}]")[1] for i in range(24)]
    assert [height[j] for j in order] == pytest.approx(height[12:], abs=1)


@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_what_is_folded_stays_under_the_pointer(browser: Browser, direction: str) -> None:
    drawn = network(direction=direction)
    drawn["groups"][3] |= {"subtitle": "a long subtitle that widens the outer module, so that much moves when it goes"}
    browser.open(drawn)
    for key in ("g2", "g3", "g0"):
        before = browser.corner(f".head[data-key={key}]")
        browser.click(f".head[data-key={key}]")
        assert browser.corner(f".box[data-key={key}] .shape") == pytest.approx(before, abs=1)


def test_fold_all_keeps_a_fitted_view_fitted_and_a_moved_one_in_place(browser: Browser) -> None:
    browser.open(network())
    for press in ("#fold", "#unfold"):
        browser.click(press)
        fitted = browser.transform
        browser.click("#fit")
        assert browser.transform == fitted
    browser.driver.execute_script(
        "const s = document.getElementById('view').style; s.width = '400px'; dispatchEvent(new Event('resize'))"
    )
    assert browser.scale < 0.9 * float(fitted.split("scale(")[1][:-1])
    browser.click("#in")
    scale, middle = browser.scale, browser.middle("#view")
    browser.click("#fold")
    assert browser.scale == scale
    x, y = browser.middle(".box[data-key=g0] .shape")
    assert abs(x - middle[0]) < 300
    assert abs(y - middle[1]) < 300


def test_it_opens_with_the_whole_graph_in_view(browser: Browser) -> None:
    for direction in ("LR", "TB"):
        browser.open(generated(direction=direction))
        view = browser.ask(
            "(r => [r.x, r.y, r.right, r.bottom])(document.querySelector('#view').getBoundingClientRect())"
        )
        left, top, right, bottom = browser.ask(
            "(r => [r.x, r.y, r.right, r.bottom])(document.querySelector('#scene').getBoundingClientRect())"
        )
        assert view[0] < left < right < view[2]
        assert view[1] < top < bottom < view[3]
        assert max((right - left) / (view[2] - view[0]), (bottom - top) / (view[3] - view[1])) > 0.8


def test_what_would_be_too_small_to_read_opens_at_its_beginning(browser: Browser) -> None:
    from tests.test_shown import compiled_step

    browser.path.write_text(mg.draw(compiled_step()).html, encoding="utf-8")
    browser.visit(browser.path)
    rect = "(r => [r.x, r.y, r.right, r.bottom])(document.querySelector(arguments[0]).getBoundingClientRect())"
    view, scene = browser.ask(rect, "#view"), browser.ask(rect, "#scene")
    assert browser.scale >= 0.45
    assert view[0] < scene[0] < scene[2] < view[2]  # all of its width
    assert view[1] < scene[1] < view[1] + 60  # and its upper end
    assert scene[3] > view[3]
    browser.click("#fit")
    assert browser.ask(rect, "#scene")[3] < view[3]
    assert browser.scale < 0.45


def drawn_graphs(share: float) -> list[Graph]:
    """Five graphs and a share of 45 others: with and without labels, frames, folded ones, in both directions."""
    found = [expression(), network(), network(folded=True), signed(), SHOWN["none"]]
    for seed in sample(range(45), count(45, share)):
        rng = np.random.default_rng(seed)
        graph = generated(int(rng.integers(2, 50)), seed, direction=["LR", "TB"][seed % 2])
        for group in graph["groups"]:
            group |= {"folded": bool(rng.random() < 0.3), "subtitle": "x" * int(rng.integers(0, 60))}
        for edge in (edge for node in graph["nodes"] for edge in node["inputs"]):
            edge |= [{}, {"text": "condition"}, {"sign": "−", "flow": f"{rng.random():.3g}", "weight": 1.0}][seed % 3]
        found.append(graph)
    return found


def numbers_in(x: Any) -> list[float]:
    """All numbers of a layout as the page has it, in one order."""
    if isinstance(x, dict):
        return [number for key in sorted(x) for number in numbers_in(x[key])]
    if isinstance(x, list):
        return [number for part in x for number in numbers_in(part)]
    return [float(n) for n in re.findall(r"-?[\d.]+", x)] if isinstance(x, str) else [] if x is None else [float(x)]


def test_the_page_lays_out_as_python_does(browser: Browser, share: float) -> None:
    """At first the places are Python's; after a fold the page's own: by the same steps, so they are the same."""
    opened = 0
    for graph in drawn_graphs(share):
        browser.open(graph)
        ours = json.loads(json.dumps(with_places(graph)))
        fresh = browser.ask("anew()")
        assert fresh["boxes"].keys() == ours["places"]["boxes"].keys()
        assert numbers_in(fresh) == pytest.approx(numbers_in(ours["places"]), abs=0.02)
        if graph["groups"]:
            group = graph["groups"][-1]
            group["folded"] = not group["folded"]
            browser.driver.execute_script("const g = groups.get(arguments[0]); g.open = !g.open; draw()", group["id"])
            ours = with_places(graph)["places"]
            middles = browser.ask("boxes.filter(box => !box.open).map(box => [box.key, box.x, box.y])")
            assert {key: [x, y] for key, x, y in middles} == {
                key: pytest.approx(rect[:2], abs=0.02) for key, rect in ours["boxes"].items()
            }
        opened += 1
    assert opened == 5 + count(45, share)


def test_no_line_runs_through_the_words_at_the_head_of_a_frame(browser: Browser) -> None:
    """What comes later in a scene lies over what came before; edges ran through the words."""
    browser.open(network())
    layers = browser.ask("[...document.querySelector('#scene').children].map(e => e.classList[0])")
    assert layers.count("head") == layers.count("group") == 4
    assert [kind for kind, _ in itertools.groupby(layers)] == ["group", "edge", "head", "box"]
    for key in ["g0", "g2"]:
        assert browser.corner(f".head[data-key={key}] rect") == browser.corner(f".group[data-key={key}] rect")


def test_folding_and_unfolding_changes_the_boxes_and_merges_the_edges(browser: Browser) -> None:
    browser.open(network())
    everything = browser.edges()
    assert (browser.count(".box"), browser.count(".group"), len(everything)) == (20, 4, 19)
    browser.click(".head[data-key=g2]")  # layers.1: four nodes become one box
    assert browser.keys(".box.folded") == {"g2"}
    assert (browser.count(".box"), browser.count(".group")) == (17, 3)
    assert browser.edges() == {e for e in everything if not {"n6", "n7", "n8", "n9"} & set(e)} | {
        ("n5", "g2"),
        ("g2", "n10"),
    }
    assert browser.text(".box[data-key=g2]") == "layers.1Linear(784 → 16)grad ‖·‖ 0.31"
    browser.click(".box[data-key=g2]")
    assert (browser.count(".box"), browser.edges()) == (20, everything)
    browser.click("#fold")
    assert browser.keys(".box") == {"n0", "g0", "n16", "n17", "n18", "n19"}
    assert browser.edges() == {("n0", "g0"), ("g0", "n17"), ("n16", "n17"), ("n17", "n18"), ("n18", "n19")}
    browser.click("#unfold")
    assert browser.edges() == everything


def test_what_runs_between_two_boxes_is_one_edge_that_says_how_much(browser: Browser) -> None:
    edges = [{"node": 0, "sign": "+", "weight": 3.0}, {"node": 0, "sign": "−", "weight": 1.0, "text": "x"}]
    drawn = graph(
        [
            node(0, "x", "input"),
            node(1, "×", "operation", *edges, group=0),
            node(2, "+", "operation", {"node": 0, "sign": "+", "weight": 1.0}, 1, group=0),
            node(3, "−", "operation", {"node": 0, "sign": "−", "weight": 0.5, "times": 4}),
            node(4, "y", "output", 2, 3),
        ],
        [group(0, "f", folded=True)],
    )
    browser.open(drawn)
    assert browser.text(".edge[data-from=n0][data-to=g0] text") == "x ± ×3"
    assert browser.text("#scene .edge.minus text") == "− ×4"
    width = "Number(document.querySelector(arguments[0]).firstChild.getAttribute('stroke-width'))"
    wide, thin = browser.ask(width, ".edge[data-to=g0]"), browser.ask(width, ".edge[data-to=n3]")
    assert wide > thin > browser.ask(width, ".edge[data-to=n4]") > 1
    browser.click(".box[data-key=g0]")
    texts = "[...document.querySelectorAll('.edge[data-to=n1] text')].map(e => e.textContent)"
    assert browser.ask(texts) == ["+", "x −"]  # between two nodes, each by itself


def test_search_counts_cycles_unfolds_and_centres(browser: Browser) -> None:
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys

    browser.open(network(folded=True))
    browser.press("/", "BIAS")
    assert browser.text("#count") == "3 found"
    assert browser.keys(".box.match") == {"g1", "g2", "g3"}  # the boxes that hide them
    assert browser.keys(".box.dim") == browser.keys(".box") - {"g1", "g2", "g3"}
    for at, key in [(1, "n2"), (2, "n7"), (3, "n12"), (1, "n2")]:
        browser.press(Keys.ENTER)
        assert browser.text("#count") == f"{at} of 3"
        assert browser.keys(".box.current") == {key}
        box, view = browser.middle(f".box[data-key={key}] .shape"), browser.middle("#view")
        assert box == pytest.approx(view, abs=1)
    ActionChains(browser.driver).key_down(Keys.SHIFT).send_keys(Keys.ENTER).key_up(Keys.SHIFT).perform()
    assert browser.text("#count") == "3 of 3"
    assert browser.count(".group") == 4
    # Titles, subtitles, lines, details; of modules too.
    for word, found in [("LAYERS.", 3), ("linear", 3), ("13,002", 1), ("0.125", 1), ("net.py:1", 11), ("nowhere", 0)]:
        browser.driver.execute_script("document.getElementById('search').value = ''")
        browser.press(word)
        assert browser.text("#count") == f"{found} found"
        assert browser.count("#scene .match") == found
    browser.press(Keys.ESCAPE)
    assert browser.text("#count") == ""
    assert browser.count(".match, .dim, .current") == 0


def closure(start: set[int], step: dict[int, set[int]]) -> set[int]:
    seen: set[int] = set()
    todo = list(start)
    while todo:
        new = step[todo.pop()] - seen
        seen |= new
        todo += new
    return seen - start


CLICK_ON_EACH = """[...document.querySelectorAll(".box:not(.folded)")].map(box => {
  box.dispatchEvent(new MouseEvent("click", {bubbles: true}));
  const boxes = name => [...document.querySelectorAll(`.box.${name}`)].map(e => e.dataset.key);
  const edges = name => [...document.querySelectorAll(`#scene .edge.${name}`)].map(e => [e.dataset.from, e.dataset.to]);
  return [box.dataset.key, ...["pinned", "lead", "follow", "dim"].map(boxes), ...["lead", "follow"].map(edges)];
})"""


@pytest.mark.parametrize("folded", [False, True])
def test_a_click_highlights_exactly_what_leads_to_it_and_what_it_leads_to(browser: Browser, folded: bool) -> None:
    drawn = generated(90, seed=3)
    if folded:
        drawn["groups"][1]["folded"] = True
    before = {each["id"]: {edge["node"] for edge in each["inputs"]} for each in drawn["nodes"]}
    after = {i: {j for j in before if i in before[j]} for i in before}
    box = {i: "g1" if folded and drawn["nodes"][i]["group"] == 1 else f"n{i}" for i in before}
    browser.open(drawn)
    seen = browser.ask(CLICK_ON_EACH)
    ran = 0
    for key, pinned, lead, follow, dim, into, out in seen:
        i = int(key[1:])
        up, down = closure({i}, before), closure({i}, after)
        assert pinned == [key]
        assert set(lead) == {box[j] for j in up}
        assert set(follow) == {box[j] for j in down}
        assert set(dim) == set(box.values()) - {key, *lead, *follow}
        pairs = [(a, b) for b in before for a in before[b] if box[a] != box[b]]
        assert {tuple(e) for e in into} == {(box[a], box[b]) for a, b in pairs if a in up and b in up | {i}}
        assert {tuple(e) for e in out} == {(box[a], box[b]) for a, b in pairs if b in down and a in down | {i}}
        ran += 1
    assert ran == (70 if folded else 90)
    last = max(i for i in before if drawn["nodes"][i]["group"] == 0 and before[i])
    browser.click(f".box[data-key=n{last}]")
    browser.click(".head[data-key=g0]")  # now it and what leads to it are in one box
    assert browser.ask("document.querySelector('.box[data-key=g0]').className.baseVal") == "box folded pinned"
    browser.click("#view")
    assert browser.count("#scene :is(.lead, .follow, .dim, .pinned)") == 0


def test_the_view_pans_zooms_and_fits(browser: Browser) -> None:
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
    from selenium.webdriver.common.by import By

    browser.open(expression())
    start, box = browser.transform, browser.driver.find_element(By.CSS_SELECTOR, ".box[data-key=n3] .shape")
    x, y = browser.corner(".box[data-key=n3]")
    ActionChains(browser.driver, duration=0).move_to_element(box).click_and_hold().move_by_offset(
        30, 10
    ).move_by_offset(30, 10).release().perform()
    assert browser.corner(".box[data-key=n3]") == pytest.approx((x + 60, y + 20), abs=0.01)
    assert browser.count(".pinned") == 0  # a drag is no click
    scale, before = browser.scale, browser.middle(".box[data-key=n3] .shape")
    ActionChains(browser.driver, duration=0).scroll_from_origin(ScrollOrigin.from_element(box), 0, -200).perform()
    assert browser.scale > scale
    assert browser.middle(".box[data-key=n3] .shape") == pytest.approx(before, abs=1)  # what is under the pointer stays
    browser.press(*"+" * 12)
    assert browser.scale == 4
    browser.click("#fit")
    assert browser.transform == start
    for press in (lambda: browser.press("+"), lambda: browser.click("#in")):
        scale = browser.scale
        press()
        assert browser.scale == pytest.approx(scale * 1.25)
    for press in (lambda: browser.press("-"), lambda: browser.click("#out")):
        scale = browser.scale
        press()
        assert browser.scale == pytest.approx(scale * 0.8)
    browser.press("+", "0")
    assert browser.transform == start
    trembling = ActionChains(browser.driver, duration=0).move_to_element(box).click_and_hold().move_by_offset(2, 1)
    trembling.release().perform()
    assert browser.transform == start
    assert browser.keys(".pinned") == {"n3"}


def test_two_fingers_zoom(browser: Browser) -> None:
    browser.open(expression())
    scale, touch = browser.scale, browser.driver.execute_cdp_cmd
    for kind, apart in [("touchStart", 100), ("touchMove", 150), ("touchMove", 200)]:
        points = [{"x": 500 - apart, "y": 400, "id": 0}, {"x": 500 + apart, "y": 400, "id": 1}]
        touch("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    touch("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert browser.scale == pytest.approx(2 * scale, rel=0.05)


def test_it_can_be_used_from_the_keyboard(browser: Browser) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.open(network())
    focused = "document.activeElement.dataset.key"
    browser.driver.execute_script("document.querySelector('#theme').focus()")
    browser.press(Keys.TAB)
    x, y = browser.corner(".box")
    browser.press(Keys.ARROW_RIGHT, Keys.ARROW_DOWN)
    assert browser.corner(".box") == pytest.approx((x - 60, y - 60), abs=0.1)
    browser.press("0", Keys.TAB)
    assert browser.ask(focused) == "g0"
    assert browser.ask("document.activeElement.getAttribute('aria-expanded')") == "true"
    assert browser.text("#panel h2") == "model"
    browser.press(Keys.ENTER)
    assert browser.keys(".box.folded") == {"g0"}
    assert browser.ask(focused) == "g0"  # the folded box
    browser.press(Keys.ARROW_LEFT)
    assert browser.ask(focused) == "n0"
    browser.press(" ")
    assert browser.keys(".pinned") == {"n0"}
    browser.press(Keys.ARROW_RIGHT, Keys.ENTER)
    assert browser.count(".group") == 4
    assert browser.ask(focused) == "g0"
    browser.press(Keys.ESCAPE)
    assert browser.count(".pinned") == 0
    labels = browser.ask(
        "[...document.querySelectorAll('.box, .head, button, input')].map(e => e.ariaLabel ?? e.textContent)"
    )
    assert len(labels) == 20 + 4 + 6 + 1
    assert all(labels)
    assert "input, images, (32, 784) float32" in labels


def test_a_pointer_over_a_box_shows_its_details_and_a_pin_keeps_them(browser: Browser) -> None:
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.by import By

    browser.open(expression())
    hover = lambda key: ActionChains(browser.driver, duration=0).move_to_element(  # noqa: E731
        browser.driver.find_element(By.CSS_SELECTOR, f".box[data-key={key}]")
    )
    hover("n7").perform()
    shown = browser.ask("document.getElementById('panel').innerText").split("\n")
    for line in ["exp", "operation", "(2, 3) float64", "⚠ value: inf in 3 of 6", "shape", "(2, 3)", "net.py:7"]:
        assert line in shown
    hover("n11").click().perform()
    hover("n0").perform()
    assert browser.text("#panel h2") == "x"
    hover("n0").move_by_offset(0, -200).perform()
    assert browser.text("#panel h2") == "loss"


def test_alarms_are_said_in_words_even_from_inside_a_folded_module(browser: Browser) -> None:
    drawn = network(folded=True)
    for number in (1, 3, 4):
        drawn["nodes"][number]["alarm"] = [f"gradient: NaN in {number} of 12"]
    browser.open(drawn)
    assert browser.keys(".alarmed") == {"g1"}
    rows = browser.ask("[...document.querySelectorAll('.box .alarm')].map(e => e.textContent)")
    assert rows == ["⚠ gradient: NaN in 1 of 12", "⚠ gradient: NaN in 3 of 12", "⚠ and 1 more"]


def test_dark_is_a_button_and_the_systems_wish(browser: Browser) -> None:
    media = lambda scheme: browser.driver.execute_cdp_cmd(  # noqa: E731
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    browser.open(expression())
    light = browser.background()
    browser.click("#theme")
    dark = browser.background()
    assert (light, dark) == ("rgb(251, 251, 250)", "rgb(22, 24, 28)")
    assert browser.colours() > 100
    browser.click("#theme")
    assert browser.background() == light
    media("dark")
    browser.open(expression())
    assert browser.background() == dark
    browser.click("#theme")
    assert browser.background() == light
    media("")


def test_paper_shows_everything(browser: Browser) -> None:
    browser.open(generated())
    view = browser.transform
    noted = "window.box = document.getElementById('view').getAttribute('viewBox')"
    browser.driver.execute_script(f"addEventListener('beforeprint', () => {{ {noted}; }})")
    pdf = base64.b64decode(browser.driver.execute_cdp_cmd("Page.printToPDF", {})["data"])
    assert len(re.findall(rb"/Type ?/Page\b", pdf)) == 1
    assert [float(n) for n in browser.ask("box").split()][2:] == [
        browser.ask("ROOT.w") + 20,
        browser.ask("ROOT.h") + 20,
    ]
    assert browser.transform == view
    assert browser.ask("document.querySelector('#view').getAttribute('viewBox')") is None


HOSTILE = {
    "</script><script>stolen = 1</script>": None,
    "<img src=x onerror='stolen = 1'>": None,
    '"><svg onload=alert(1)>': None,
    "&quot; &lt;b&gt; \\u003c ${stolen = 1} {{title}}": None,
    "quotes \" ' ` and \\ backslashes": None,
    "two\nlines\tand\rmore": "two⟨U+000A⟩lines⟨U+0009⟩and⟨U+000D⟩more",
    "nul \0 and \x1b escape": "nul ⟨U+0000⟩ and ⟨U+001B⟩ escape",
    "lone \ud800 and \udc00": "lone \ufffd and \ufffd",
    "turned \u202e name": "turned ⟨U+202E⟩ name",
    "line \u2028 and \ufeff mark": "line ⟨U+2028⟩ and ⟨U+FEFF⟩ mark",
    "__proto__": None,
    "שלום 日本語 👩‍🔬": "שלום 日本語 👩⟨U+200D⟩🔬",
    "": None,
}


def test_a_hostile_name_runs_nothing_and_is_shown_as_it_stands(browser: Browser) -> None:
    nodes = [node(0, "x", "input")]
    for i, name in enumerate(HOSTILE, start=1):
        edge = {"node": i - 1, "text": name, "sign": name}
        nodes.append(node(i, name, "operation", edge, group=i, lines=[name], alarm=[name], details=[[name, name]]))
    groups = [group(i, name, subtitle=name, lines=[name], details=[[name, name]]) for i, name in enumerate(HOSTILE, 1)]
    drawn = graph(nodes, groups, title="</script><script>stolen = 1</script>", caption=list(HOSTILE))
    browser.requests()
    browser.open(drawn, title="</title><script>stolen = 1</script>")
    for i, (name, seen) in enumerate(HOSTILE.items(), start=1):
        seen = name if seen is None else seen
        short = seen if len(seen) <= 32 else seen[:31] + "…"
        assert browser.text(f".box[data-key=n{i}] .title") == short
        browser.click(f".box[data-key=n{i}]")
        assert browser.text("#panel h2") == seen.replace("⟨U+000A⟩", "\n").replace("⟨U+0009⟩", "\t")
        assert browser.text("#panel dd") == browser.text("#panel dt") == browser.text("#panel h2")
    browser.click("#fold")
    assert browser.count(".box.folded") == len(HOSTILE)
    assert browser.text("h1") == drawn["title"]
    assert browser.ask("document.title") == "</title><script>stolen = 1</script>"
    assert browser.ask("stolen") == 0
    assert browser.count("script") == 2
    assert browser.count("img, svg svg, b") == 0
    assert browser.ask("refused") == []
    assert browser.requests() == [browser.path.as_uri()]


def test_a_name_of_ten_thousand_letters_is_cut_in_the_box_and_whole_in_the_details(browser: Browser) -> None:
    long = "ab😀" * 3_333 + "!"
    browser.open(graph([node(0, long, "input", lines=[long], details=[["name", long]])]), title=long)
    short = browser.text(".box .title")
    assert (len(short), short[-1], short[:3]) == (32, "…", "ab😀")
    browser.click(".box")
    assert browser.text("#panel dd") == long
    assert browser.ask("document.documentElement.scrollWidth <= innerWidth")


def test_even_a_bug_could_not_run_or_load_anything(browser: Browser) -> None:
    browser.open(expression())
    probe = """(async () => {
      const tried = [];
      const attempt = async (name, f) => { try { await f(); } catch (error) { tried.push(name); } };
      await attempt("markup", () => { document.body.innerHTML += "<p>"; });
      await attempt("string", () => setTimeout("stolen = 1"));
      const script = document.createElement("script"), image = new Image();
      await attempt("script", () => { script.textContent = "stolen = 1"; document.body.append(script); });
      await attempt("fetch", () => fetch("http://127.0.0.1:9/"));
      await new Promise(done => { image.onerror = done; image.src = "http://127.0.0.1:9/x.png"; });
      await attempt("policy", () => trustedTypes.createPolicy("own", {createHTML: text => text}));
      await attempt("handler", () => document.body.setAttribute("onclick", "stolen = 1"));
      document.body.click();
      return [tried, stolen, refused];
    })()"""
    tried, stolen, refused = browser.ask(probe)
    assert stolen == 0
    assert {"markup", "string", "script", "fetch", "policy", "handler"} == set(tried)
    assert {"img-src", "connect-src", "require-trusted-types-for"} <= set(refused)
    browser.complaints()  # they were meant


def test_a_deep_graph_and_deep_modules_are_drawn(browser: Browser) -> None:
    chain = [node(i, "+", "operation", *([i - 1] if i else [])) for i in range(1_500)]
    browser.open(graph(chain, direction="TB"))
    assert (browser.count(".box"), len(browser.edges())) == (1_500, 1_499)
    nested = [group(i, f"m{i}", i - 1 if i else None) for i in range(200)]
    browser.open(graph([node(0, "x", "input"), node(1, "y", "output", 0, group=199)], nested))
    assert (browser.count(".group"), len(browser.edges())) == (200, 1)
