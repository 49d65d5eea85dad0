"""`python -m tests.mutants --seed 7 --count 100 [--within microgradnet.plots] [--folder F] [tests …]`."""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from .switches import Place, places, put_notes, put_switches

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
# What these tests read is made while modules are imported: no function of the module need run for them. The last
# call all that is public, wrongly and rightly: of a thousand tests that reach a change they most likely see it.
PAGES = (
    "tests/test_rows.py", "tests/test_signatures.py", "tests/test_conventions.py", "tests/test_support.py",
    "tests/test_foreign.py", "tests/test_reprs.py", "tests/test_refusals.py", "tests/test_answers.py",
)  # fmt: skip
Work = tuple[int, list[str], float]  # a mutant's number, its tests, and after how many seconds it is taken to hang


def snapshot(copy: Path) -> None:
    """A copy of this repository as it is, so that work on it can go on."""
    shutil.rmtree(copy, ignore_errors=True)
    names = subprocess.run(["git", "ls-files", "-zco", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, names.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    (copy / "sitecustomize.py").write_text("from tests.mutants.switches import install\n\ninstall()\n")


def answer(folder: Path, task: str | list[Work], tests: list[str], number: int = 0) -> Any:
    """What the plugin says to a task, with a mutant in force from the start on; None if it says nothing."""
    shutil.rmtree(folder / "reached", ignore_errors=True)  # what the programs of an earlier task left
    (folder / "reached").mkdir()
    (folder / "task").write_text(json.dumps(task))
    (folder / "answer").unlink(missing_ok=True)
    told = {"PYTHONPATH": f"{folder}/copy", "MUTANTS": f"{folder}", "MUTANTS_REACHED": f"{folder}/reached",
            "MUTANT": f"{number}", "MICROGRADNET_SEED": "1", "OMP_NUM_THREADS": "1"}  # fmt: skip
    options = ["-p", "tests.mutants.plugin", "-p", "no:cacheprovider", "--assert=plain"]
    command = [sys.executable, "-m", "pytest", *options, *tests]
    with open(folder / "log", "a") as log:
        subprocess.run(command, cwd=folder / "copy", env=os.environ | told, stdout=log, stderr=log, check=False)
    return json.loads((folder / "answer").read_text()) if (folder / "answer").exists() else None


def judged(folder: Path, work: list[Work], number: int = 0) -> dict[str, str]:
    """By a mutant's number the test that failed, or nothing."""
    files = sorted({test.partition("::")[0] for _, tests, _ in work for test in tests})
    if not files:
        return {}
    return answer(folder, work, files, number) or {str(number): "the tests cannot be imported"}


def nearest_first(work: Work) -> list[Work]:
    """The same work in two parts: the tests in the three files that have most of them, and the others.

    To import the modules of tests takes longer than most tests, and a change at import wants them imported anew.
    """
    number, tests, limit = work
    most = Counter(test.partition("::")[0] for test in tests).most_common(3)
    near = [test for test in tests if test.startswith(tuple(f"{file}::" for file, _ in most))]
    return [(number, near, limit), (number, [test for test in tests if test not in set(near)], limit)]


class Known:
    """Which tests reach which blocks, and in how many seconds, as far as it was recorded."""

    def __init__(self, file: Path) -> None:
        self.file = file
        known = json.loads(file.read_text()) if file.exists() else {"blocks": [], "tests": {}}
        self.blocks: list[str] = known["blocks"]
        self.tests: dict[str, tuple[float, set[int]]] = {test: (s, set(n)) for test, (s, n) in known["tests"].items()}

    def take(self, new: dict[str, Any], files: list[str]) -> None:
        """Add what was recorded of these files, in place of what was known of them."""
        places = {block: n for n, block in enumerate(self.blocks)}
        self.blocks += [block for block in new["blocks"] if block not in places]
        places = {block: n for n, block in enumerate(self.blocks)}
        at_import = self.tests.get("", (0.0, set()))[1]
        self.tests = {test: x for test, x in self.tests.items() if not test.startswith(tuple(files))}
        self.tests |= {
            test: (s, {places[new["blocks"][n]] for n in reached}) for test, (s, reached) in new["tests"].items()
        }
        self.tests[""][1].update(at_import)
        known = {"blocks": self.blocks, "tests": {test: (s, sorted(n)) for test, (s, n) in self.tests.items()}}
        self.file.write_text(json.dumps(known))

    def of(self, place: Place) -> set[int]:
        """The numbers of a place's block: of all blocks of its function if that has changed since."""
        function, _, text = place.block.partition("#")
        same = [n for n, block in enumerate(self.blocks) if block.startswith(f"{function}#")]
        if any(self.blocks[n].partition("#")[2].split(".")[0] == text.split(".")[0] for n in same):
            return {n for n in same if self.blocks[n] == place.block}
        return set(same)

    def of_module(self, module: str) -> set[int]:
        """The numbers of a module's blocks but those of its import."""
        return {n for n, block in enumerate(self.blocks) if block.startswith(f"{module}:")} - self.tests[""][1]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument(
        "--within", default="microgradnet", help="of these modules only: microgradnet.nn,microgradnet.viz"
    )
    parser.add_argument("--budget", type=float, default=60, help="seconds of tests for each mutant")
    parser.add_argument("--folder", help="keep what each test reaches here, and take it from here")
    parser.add_argument("tests", nargs="*", help="with a folder that has it: only what these files reach is noted anew")
    given = parser.parse_args()

    folder = Path(given.folder or tempfile.mkdtemp(prefix="mutants-"))
    snapshot(folder / "copy")
    package = folder / "copy" / "microgradnet"
    known = Known(folder / "known.json")
    if given.tests or not known.tests:
        put_notes(package)
        known.take(answer(folder, "record", given.tests), given.tests)

    every = [place for place in places(package) if place.module.startswith(tuple(given.within.split(",")))]
    drawn = random.Random(given.seed).sample(every, given.count)
    print(f"seed {given.seed}: {given.count} of {len(every)} places, {len(known.tests)} tests, in {folder}", flush=True)
    put_switches(package, drawn)

    work, at_import = {}, set()
    for number, place in enumerate(drawn, 1):
        blocks, chosen, total, first = known.of(place), [], 0.0, ()
        if not blocks.isdisjoint(known.tests[""][1]):
            at_import.add(number)
            blocks, first = known.of_module(place.module), PAGES
        for test, (seconds, reached) in sorted(
            known.tests.items(), key=lambda x: (not x[0].startswith(first), x[1][0])
        ):
            if test and (not blocks.isdisjoint(reached) or test.startswith(first)) and total < given.budget:
                chosen.append(test)
                total += seconds + 0.001
        work[number] = (number, chosen, 30 + 5 * total)
    unchanged = (0, sorted({test for _, tests, _ in work.values() for test in tests[:3]}), 600.0)
    results = judged(folder, [unchanged, *(w for number, w in work.items() if number not in at_import)])
    if results.get("0"):
        raise SystemExit(f"without a change {results['0']} fails")
    for number in sorted(at_import):
        for part in nearest_first(work[number]):
            results |= judged(folder, [part], number)
            if results.get(str(number)):
                break

    lines = (HERE / "equivalent.txt").read_text(encoding="utf-8").splitlines()
    reasons = dict(line.rsplit(" | ", 1) for line in lines if " | " in line)
    counts: Counter[str] = Counter()
    for number, place in enumerate(drawn, 1):
        test, reason = results.get(str(number), ""), reasons.get(str(place), "")
        kind = "died" if test else "equivalent" if reason else "lives"
        counts[kind] += 1
        print(f"{kind} {number}: line {place.line}, {place}\n    {test or reason or f'{len(work[number][1])} tests'}")
    print(dict(counts), f"of those that differ {counts['died'] / (given.count - counts['equivalent']):.1%} died")


if __name__ == "__main__":
    main()
