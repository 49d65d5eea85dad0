"""The player in a real browser: each step shows the engine's numbers, by keys and buttons, without error or request.

Where there is no Chromium these tests are skipped; with MICROGRADNET_BROWSER=1 they fail instead.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import microgradnet as mg
from microgradnet import Value
from microgradnet.playing import Steps
from tests.test_steps import expression, network
from tests.test_viz_page import HOSTILE, Browser, browser, chromium  # noqa: F401  (fixtures)


def neuron() -> Value:
    rng = np.random.default_rng(3)
    out = Value(0.1, name="b")
    for i in range(3):
        out = out + Value(rng.normal(), name=f"w{i}") * Value(rng.normal(), name=f"x{i}")
    return np.tanh(out)


def twice() -> Value:
    x = Value(3.0, name="x")
    return x * x + np.exp(x) * x


def many(boxes: int) -> Value:
    """A graph of so many boxes: ten inputs, then operations of one or two that came before."""
    rng = np.random.default_rng(0)
    values = [Value(rng.uniform(0.5, 1.5), name=f"x{i}") for i in range(10)]
    ends = list(values)
    while len(values) + len(ends) - 1 < boxes:
        x = ends.pop(0)
        values.append(np.tanh(x) if rng.random() < 0.4 else x + values[int(rng.integers(len(values)))])
        ends.append(values[-1])
    while len(ends) > 1:
        ends.append(ends.pop(0) * ends.pop(0))
    return ends[0]


def play(browser: Browser, steps: Steps | str) -> None:  # noqa: F811
    browser.path.write_text(steps if isinstance(steps, str) else steps.html, encoding="utf-8")
    browser.visit(browser.path)


GRADIENTS = """Object.fromEntries([...document.querySelectorAll(".box")].map(box =>
  [box.dataset.key, box.querySelector("text.gradient")?.textContent ?? ""]))"""


def shown(total: Any) -> str:
    x = np.asarray(total, np.float64)
    return f"{x:.4g}" if not x.ndim else f"norm {np.linalg.norm(x):.4g}"


@pytest.mark.parametrize("of", ["the first expression", "a neuron", "used twice", "an unfolded network", "a graph"])
def test_each_step_shows_the_engines_numbers(browser: Browser, of: str) -> None:  # noqa: F811
    from selenium.webdriver.common.keys import Keys

    root = {"the first expression": lambda: expression()[2], "a neuron": neuron, "used twice": twice,
            "an unfolded network": lambda: network()[2], "a graph": lambda: many(32)}[of]()  # fmt: skip
    browser.requests()
    steps = mg.steps(root, fold=(), depth=None if of != "an unfolded network" else 9)
    play(browser, steps)
    node_of: dict[Value, int] = {}
    for i, box in enumerate(steps._drawing._large.boxes):
        node_of |= {node.thing: i for node in box.nodes if isinstance(node.thing, Value)}
    key = {value: f"n{i}" for value, i in node_of.items()}
    start = browser.ask("player.frames.findIndex(frame => frame.kind === 'start')")
    assert browser.ask("player.frames.length") == start + 1 + len(steps)
    assert all(text == "" for text in browser.ask(GRADIENTS).values())
    values = "[...document.querySelectorAll('text.value')].filter(text => text.textContent === '').length"
    empty = browser.ask(values)
    assert empty == start - 1 >= len(steps)
    for _ in range(start - 1):
        browser.press(Keys.ARROW_RIGHT)
        empty -= 1
        assert browser.ask(values) == empty
    browser.press(Keys.ARROW_RIGHT)
    has = {key[root]: shown(1.0)}
    for step in steps:
        browser.press(Keys.ARROW_RIGHT)
        sums: dict[str, list[Any]] = {}
        for share in step.inputs:
            sums.setdefault(key[share.value], []).append(share)
        texts = browser.ask(GRADIENTS)
        for box, shares in sums.items():
            total = shown(shares[-1].total)
            text = f"{has.get(box)} + {' + '.join(shown(s.added) for s in shares)} = {total}"
            if box in has and not np.ndim(shares[0].added) and len(text) <= 34:
                assert texts[box] == f"gradient {text}"
            elif box in has:
                assert texts[box] == f"gradient {has[box]} → {total}"
            else:
                assert texts[box] == f"gradient {total}"
            has[box] = total
        assert texts == {k: texts[k] if k in sums else f"gradient {has[k]}" if k in has else "" for k in texts}
        assert browser.keys(".box.now") == {key[step.value]}
        assert browser.keys(".box.got") == set(sums)
        assert browser.edges(".carry") == {(box, key[step.value]) for box in sums}
    root.backward()
    browser.press(Keys.HOME, Keys.END, Keys.HOME)
    browser.driver.execute_script("go(player.frames.length - 1)")
    final = browser.ask(
        "Object.fromEntries(boxes.filter(b => !b.open).map(b => [b.key, b.events.at(-1)?.total ?? null]))"
    )
    for value, box in key.items():
        assert final[box] == (None if value.grad is None else shown(value.grad))
    assert browser.requests() == [browser.path.as_uri()]
    assert browser.ask("refused") == []


def test_an_arrow_says_the_slope_times_what_came_in(browser: Browser) -> None:  # noqa: F811
    play(browser, mg.steps(expression()[2]))
    browser.driver.execute_script("go(player.frames.findIndex(frame => frame.kind === 'backward') + 1)")
    labels = browser.ask("[...document.querySelectorAll('.carry .said')].map(text => text.textContent)")
    assert sorted(labels) == ["-4 × 1", "0.5 × 1"]
    assert browser.text("#said") == "Backward, 2 of 7: ÷ passes 0.5 × 1 = 0.5 to · ** 2, -4 × 1 = -4 to b"
    panel = browser.ask("document.getElementById('panel').innerText")
    for line in ("gradient that came in", "g ÷ y", "= 1 ÷ 2", "adds 0.5", "−g × out ÷ y", "= −1 × 8 ÷ 2", "has now -4"):
        assert line in panel


def test_keys_buttons_and_the_slider_step(browser: Browser) -> None:  # noqa: F811
    from selenium.webdriver.common.keys import Keys

    play(browser, mg.steps(expression()[2]))
    at = lambda: browser.ask("player.at")  # noqa: E731
    assert at() == 0
    for press, expected in (
        ([Keys.ARROW_RIGHT], 1), ([Keys.ARROW_RIGHT] * 3, 4), ([Keys.ARROW_LEFT], 3), ([Keys.END], 15),
        ([Keys.ARROW_RIGHT], 15), ([Keys.HOME], 0), ([Keys.ARROW_LEFT], 0),
    ):  # fmt: skip
        browser.press(*press)
        assert at() == expected
        assert browser.ask("Number(document.getElementById('step').value)") == expected
        assert browser.ask("document.getElementById('step').getAttribute('aria-valuetext')") == browser.text("#said")
    for button, expected in (("next", 1), ("last", 15), ("back", 14), ("first", 0)):
        browser.click(f"#{button}")
        assert at() == expected
    script = "const s = document.getElementById('step'); s.value = 9; s.dispatchEvent(new Event('input'))"
    browser.driver.execute_script(script)
    assert (at(), browser.keys(".now")) == (9, {"n8"})
    browser.press(" ")
    assert browser.text("#play") == "Pause"
    browser.press(" ")
    assert browser.text("#play") == "Play"
    browser.driver.execute_script("document.getElementById('search').focus()")
    browser.press("a", " ", Keys.HOME)  # what is typed is typed
    assert at() == 9
    labels = browser.ask("[...document.querySelectorAll('#player button, #player input, #player select')]"
                         ".map(e => e.ariaLabel ?? e.textContent)")  # fmt: skip
    assert len(labels) == 7
    assert all(labels)


def test_it_plays_by_itself_to_the_end(browser: Browser) -> None:  # noqa: F811
    from selenium.webdriver.support.ui import WebDriverWait

    play(browser, mg.steps(twice()))
    browser.driver.execute_script("document.getElementById('speed').value = '10'; go(player.frames.length - 3)")
    browser.press(" ")
    WebDriverWait(browser.driver, 20).until(lambda _: browser.ask("player.at === player.frames.length - 1"))
    assert browser.text("#play") == "Play"
    assert browser.ask("player.timer") == 0


def test_modules_are_played_as_one_and_unfold_to_operations(browser: Browser) -> None:  # noqa: F811
    model, x, loss = network()
    steps = mg.steps(loss, names={"x": x})
    play(browser, steps)
    folded = browser.ask("player.counts.backward")
    browser.driver.execute_script(
        "go(player.frames.findIndex(f => f.kind === 'backward' && f.boxes[0].title === 'layers[1]'))"
    )
    loss.backward()
    tanh = next(step.value for step in steps if step.symbol == "tanh")
    assert browser.text("#said").endswith("to tanh (5, 6), and gives its own parameters their gradients")
    assert f"norm {np.linalg.norm(tanh.grad.astype(np.float64)):.4g}" in browser.text("#said")
    browser.click("#unfold")
    assert browser.ask("player.counts.backward") == len(steps) >= folded
    assert browser.ask("player.frames[player.at].kind") == "backward"
    browser.driver.execute_script("go(player.frames.length - 1)")
    texts = dict(
        browser.ask(
            "boxes.filter(b => !b.open).map(b => [b.title, b.element.querySelector('text.gradient')?.textContent])"
        )
    )
    for name, p in model.named_parameters():
        assert texts[name].endswith(shown(p.grad))
    browser.click("#fold")
    browser.driver.execute_script("go(player.frames.length - 1)")
    assert browser.ask("player.counts.backward") < folded


def test_the_page_of_a_drawing_has_a_button_that_plays(browser: Browser) -> None:  # noqa: F811
    play(browser, mg.draw(expression()[2], fold="constants").html)
    still = browser.text(".box[data-key=n0]")
    assert "gradient" in still
    assert browser.ask("document.getElementById('player').hidden") is True
    browser.press("0")
    browser.click("#mode")
    assert browser.text("#mode") == "Leave player"  # not beside a "Play" of another kind
    assert browser.ask("document.getElementById('player').hidden") is False
    assert browser.text(".box[data-key=n0]") == "a-4"
    browser.click("#mode")
    assert browser.text("#mode") == "Play backward"
    assert browser.text(".box[data-key=n0]") == still


@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_arrows_point_where_the_gradient_goes(browser: Browser, direction: str) -> None:  # noqa: F811
    """For each edge that carries one: where its head is seen, beside the box that gets it."""
    heads = """[...document.querySelectorAll(".carry")].map(edge => {
      const middle = element => (r => [r.x + r.width / 2, r.y + r.height / 2])(element.getBoundingClientRect());
      const box = key => document.querySelector(`.box[data-key=${key}] .shape`);
      const far = (p, q) => Math.hypot(p[0] - q[0], p[1] - q[1]);
      return [...edge.querySelectorAll(".tip")].filter(tip => getComputedStyle(tip).display !== "none").map(tip =>
        [far(middle(tip), middle(box(edge.dataset.from))), far(middle(tip), middle(box(edge.dataset.to)))]);
    })"""
    play(browser, mg.steps(neuron(), direction=direction))
    start = browser.ask("player.frames.findIndex(frame => frame.kind === 'start')")
    seen = 0
    for at in range(browser.ask("player.frames.length")):
        browser.driver.execute_script("go(arguments[0])", at)
        for tips in browser.ask(heads):
            ((near, far),) = tips  # one head, and not one at each end
            assert near < far
            seen += 1
    assert seen >= 7
    browser.driver.execute_script("go(arguments[0])", start)
    assert browser.count(".back") == 0


def test_motion_is_left_out_where_it_is_not_wanted(browser: Browser) -> None:  # noqa: F811
    media = lambda wish: browser.driver.execute_cdp_cmd(  # noqa: E731
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-reduced-motion", "value": wish}]}
    )
    moving = "getComputedStyle(document.querySelector('.carry path')).animationName"
    try:
        for wish, name in (("no-preference", "back"), ("reduce", "none")):
            media(wish)
            play(browser, mg.steps(twice()))
            browser.driver.execute_script("go(player.frames.length - 1)")
            assert browser.ask(moving) == name
    finally:
        media("")


def test_light_and_dark(browser: Browser) -> None:  # noqa: F811
    play(browser, mg.steps(neuron()))
    browser.driver.execute_script("go(player.frames.length - 2)")
    colour = "getComputedStyle(document.querySelector('.now .shape')).stroke"
    light = browser.ask(colour)
    assert browser.colours() > 100
    browser.click("#theme")
    assert browser.ask(colour) != light
    assert browser.colours() > 100


def test_a_hostile_name_runs_nothing_in_the_player(browser: Browser) -> None:  # noqa: F811
    for name in HOSTILE:
        x = Value(2.0, name=name)
        play(browser, mg.steps(x * x + 1.0, title=name))
        browser.driver.execute_script("go(player.frames.length - 1)")
        assert browser.ask("stolen") == 0
        assert browser.ask("refused") == []
        assert browser.count("img, svg svg, b") == 0
        assert "gradient 4" in browser.text(".box[data-key=n0]")


def test_a_notebook_plays_it_in_a_frame(browser: Browser) -> None:  # noqa: F811
    shown = mg.steps(expression()[2])._repr_html_()
    browser.requests()
    play(browser, f"<!doctype html><title>a notebook</title><body style='background: white'>{shown}")
    browser.driver.switch_to.frame(0)
    try:
        browser.driver.execute_script("go(9)")
        assert browser.text("#said").startswith("Backward, 1 of 7: +")
    finally:
        browser.driver.switch_to.default_content()
    assert browser.colours() > 50
    assert [url for url in browser.requests() if not url.startswith("about:")] == [browser.path.as_uri()]


def test_an_animation_shows_the_same_numbers(browser: Browser, tmp_path: Path) -> None:  # noqa: F811
    svg = tmp_path / "p.svg"
    steps = mg.steps(expression()[2])
    steps.save(svg)
    browser.visit(svg)
    film = steps._film()
    at = 0.0
    for frame, seconds in enumerate(film.seconds()):
        seen = browser.ask("""((time) => {
          for (const a of document.getAnimations()) { a.pause(); a.currentTime = time; }
          const texts = [...document.querySelectorAll("text")].filter(e => getComputedStyle(e).opacity > 0);
          return texts.map(e => e.textContent);
        })(arguments[0])""", 1000 * (at + seconds / 2))  # fmt: skip
        expected = [m.words for m in film.marks if m.what == "text" and m.since <= frame < m.until]
        assert seen == expected
        at += seconds
    assert seen[-1] == "backward: × passes 2 × 0 to a, -4 × 0 to b"
    assert {"gradient 1", "gradient -4 + 0 = -4"} <= set(seen)


@pytest.mark.slow
def test_how_long_a_step_of_300_boxes_takes(browser: Browser) -> None:  # noqa: F811
    """Printed, not judged: `pytest -s` shows it."""
    steps = mg.steps(many(300), fold=())
    assert steps._drawing.boxes == 300
    play(browser, steps)
    assert browser.ask("player.frames.length") > 400
    took = browser.ask("""player.frames.map((_, i) => {
      const begin = performance.now();
      go(i);
      document.getElementById("scene").getBoundingClientRect(); // with the layout of what has changed
      return performance.now() - begin;
    })""")

    def busy() -> float:
        """Milliseconds that the page's thread has worked."""
        found = browser.driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
        return 1000 * next(float(each["value"]) for each in found if each["name"] == "TaskDuration")

    browser.driver.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    before = busy()
    every = "for (let i = 0; i < player.frames.length; i++) { go(i); document.body.getBoundingClientRect(); }"
    browser.driver.execute_script(every)
    work = (busy() - before) / len(took)
    browser.driver.execute_cdp_cmd("Performance.disable", {})
    print(f"\na step of 300 boxes: {work:.1f} ms of work; by the clock, median {np.median(took):.1f} ms, "
          f"99 % within {np.quantile(took, 0.99):.1f}, longest {max(took):.1f}")  # fmt: skip
