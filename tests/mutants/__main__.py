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

from .switches import put_switches, walks

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
# What these tests read is made while modules are imported: no function of the module need run for them.
PAGES = ("tests/test_signatures.py", "tests/test_conventions.py", "tests/test_support.py")
Work = tuple[int, list[str], float]  # a mutant's number, its tests, and after how many seconds it is taken to hang


def snapshot(copy: Path) -> None:
    """A copy of this repository as it is, so that work on it can go on."""
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


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--within", default="microgradnet", help="of these modules only, such as microgradnet.plots")
    parser.add_argument("--budget", type=float, default=60, help="seconds of tests for each mutant")
    parser.add_argument("--folder", help="keep what each test reaches here, and take it from here")
    parser.add_argument("tests", nargs="*", help="with a folder that has it: only what these reach is noted anew")
    given = parser.parse_args()

    folder = Path(given.folder or tempfile.mkdtemp(prefix="mutants-"))
    snapshot(folder / "copy")
    package = folder / "copy" / "microgradnet"
    every = [place for _, walk in walks(package) for place in walk.places if place.module.startswith(given.within)]
    drawn = random.Random(given.seed).sample(every, given.count)
    print(f"seed {given.seed}: {given.count} of {len(every)} places, in {folder}", flush=True)
    put_switches(package, drawn)

    kept = folder / "known.json"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    if given.tests or not known:
        new = answer(folder, "record", given.tests)
        new[""][1] += known[""][1] if known else []
        known |= new
        kept.write_text(json.dumps(known))
    _, at_import = known.pop("")
    print(f"{len(known)} tests", flush=True)

    work = {}
    for number, place in enumerate(drawn, 1):
        mark, chosen, total = place.module if number in at_import else number, [], 0.0
        first = PAGES if number in at_import else ()
        for test, (seconds, reached) in sorted(known.items(), key=lambda x: (not x[0].startswith(first), x[1][0])):
            if (mark in reached or test.startswith(first)) and total < given.budget:
                chosen.append(test)
                total += seconds + 0.001
        work[number] = (number, chosen, 30 + 5 * total)
    unchanged = (0, sorted({test for _, tests, _ in work.values() for test in tests[:3]}), 600.0)
    results = judged(folder, [unchanged, *(w for number, w in work.items() if number not in at_import)])
    if results["0"]:
        raise SystemExit(f"without a change {results['0']} fails")
    for number in work:
        if number in at_import:
            results |= judged(folder, [work[number]], number)

    lines = (HERE / "equivalent.txt").read_text(encoding="utf-8").splitlines()
    reasons = dict(line.split(" | ", 1) for line in lines if " | " in line)
    counts: Counter[str] = Counter()
    for number, place in enumerate(drawn, 1):
        test, reason = results.get(str(number), ""), reasons.get(str(place), "")
        kind = "died" if test else "equivalent" if reason else "lives"
        counts[kind] += 1
        print(f"{kind} {number}: line {place.line}, {place}\n    {test or reason or f'{len(work[number][1])} tests'}")
    print(dict(counts), f"of those that differ {counts['died'] / (given.count - counts['equivalent']):.1%} died")


if __name__ == "__main__":
    main()
