"""`python -m tests.mutants --seed 7 --count 100 [--skip 0] [--budget 60] [tests …]`: see the package."""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from .switches import Place, places, write

ROOT = Path(__file__).parent.parent.parent


def snapshot(folder: Path) -> Path:
    """A copy of this repository as it is, so that work on it can go on."""
    names = subprocess.run(["git", "ls-files", "-zco", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, names.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    (folder / "sitecustomize.py").write_text("from tests.mutants.switches import install\n\ninstall()\n")
    return folder


def pytest(copy: Path, task: str, tests: list[str], number: int = 0) -> int:
    """Run tests in the copy, with the plugin; what they print goes to a file beside it."""
    (copy.parent / "reached").mkdir(exist_ok=True)
    environment = {
        **os.environ, "PYTHONPATH": str(copy), "MUTANTS": str(copy.parent), "MUTANT_TASK": task, "MUTANT": str(number),
        "MUTANTS_REACHED": str(copy.parent / "reached"), "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.mutants.plugin",
        "-p",
        "no:cacheprovider",
        "--assert=plain",
        *tests,
    ]
    with open(copy.parent / "log", "a") as log:
        return subprocess.run(command, cwd=copy, env=environment, stdout=log, stderr=log).returncode


def known_equivalents() -> dict[str, str]:
    """The changes that make no difference, with the reason of each."""
    lines = (Path(__file__).parent / "equivalent.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split(" | ", 1) for line in lines if " | " in line)


def judge(copy: Path, known: dict, number: int, drawn: list[Place], budget: float) -> list:
    """A mutant's number, its tests, the fastest first, and after how many seconds it is taken to hang."""
    mark = drawn[number - 1].module if str(number) in known["at import"] else str(number)
    chosen, total = [], 0.0
    for test, (seconds, reached) in sorted(known["tests"].items(), key=lambda item: item[1][0]):
        if mark in reached and total < budget:
            chosen.append(test)
            total += seconds + 0.001
    return [number, chosen, 30 + 5 * total]


def judged(copy: Path, work: list, number: int = 0) -> dict[str, str]:
    """By a mutant's number the test that failed, or nothing."""
    work = [w for w in work if w[1]]
    if not work:
        return {}
    task = copy.parent / "task.json"
    done = Path(f"{task}.done")
    done.unlink(missing_ok=True)
    task.write_text(json.dumps(work))
    code = pytest(copy, str(task), sorted({test.partition("::")[0] for _, tests, _ in work for test in tests}), number)
    return json.loads(done.read_text()) if done.exists() else {str(number): f"pytest ended with {code}"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--within", default="microgradnet", help="of these modules only, such as microgradnet.plots")
    parser.add_argument("--budget", type=float, default=60, help="seconds of tests for each mutant")
    parser.add_argument("--judge", type=int, nargs=2, help="the first and the last of those to be judged")
    parser.add_argument("--folder", help="keep what each test reaches here, and take it from here")
    parser.add_argument("tests", nargs="*", help="with a folder that has it: only what these reach is noted anew")
    given = parser.parse_args()
    folder = Path(given.folder or tempfile.mkdtemp(prefix="mutants-"))
    copy = snapshot(folder / "copy")
    every = [place for place in places(copy / "microgradnet") if place.module.startswith(given.within)]
    drawn = random.Random(given.seed).sample(every, given.count)
    print(f"seed {given.seed}: {given.count} of {len(every)} places, in {folder}", flush=True)
    write(copy / "microgradnet", drawn, folder)

    kept = folder / "known.json"
    known = json.loads(kept.read_text()) if kept.exists() else {"at import": [], "tests": {}}
    if given.tests or not kept.exists():
        pytest(copy, "record", given.tests)
        new = json.loads((folder / "reached.json").read_text())
        known = {"at import": [*known["at import"], *new["at import"]], "tests": known["tests"] | new["tests"]}
        kept.write_text(json.dumps(known))
    print(f"{len(known['tests'])} tests", flush=True)

    first, last = given.judge or (1, given.count)
    work = [judge(copy, known, number, drawn, given.budget) for number in range(first, last + 1)]
    sober = [0, sorted({test for _, tests, _ in work for test in tests[:3]}), 600]
    results = judged(copy, [sober] + [w for w in work if str(w[0]) not in known["at import"]])
    if results.get("0"):
        raise SystemExit(f"without a change {results['0']} fails")
    for w in work:
        if str(w[0]) in known["at import"]:
            results |= judged(copy, [w], w[0])

    reasons = known_equivalents()
    counts: Counter[str] = Counter()
    for number, tests, _ in work:
        place = drawn[number - 1]
        test, equal = results.get(str(number), ""), reasons.get(str(place))
        kind = "died" if test else "equivalent" if equal else "lives"
        counts[kind] += 1
        print(f"{kind} {number}: line {place.line}, {place}\n    {test or equal or f'{len(tests)} tests'}")
    print(dict(counts), f"of those that differ {counts['died'] / (len(work) - counts['equivalent']):.1%} died")


if __name__ == "__main__":
    main()
