"""What an exercise is, how an answer is marked, and the table of a class."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ...words import brief, fields, printable


class Wrong(AssertionError):
    """What is wrong with an answer, and a hint, if there is one."""

    def __init__(self, seen: str, hint: str = "") -> None:
        super().__init__(seen)
        self.hint: str = hint


class Promise(NamedTuple):
    """Something that a right answer keeps: `kept(answer)` raises `Wrong` if it does not."""

    text: str
    kept: Callable[[Any], None]

    def __repr__(self) -> str:
        return fields(self)


class Exercise:
    """Something to be written. Prints as its task; `mark(answer)` says what is right and what is not."""

    def __init__(self, name: str, task: str, stub: str, promises: Iterable[Promise]) -> None:
        self.name: str = name
        self.task: str = task
        self.stub: str = stub
        self.promises: tuple[Promise, ...] = tuple(promises)

    def mark(self, answer: Any) -> Marks:
        """A point for each promise that the answer keeps, up to the first that it breaks, and a hint on that one."""
        for i, promise in enumerate(self.promises):
            try:
                promise.kept(answer)
            except Wrong as wrong:
                return Marks(self, i, str(wrong), wrong.hint)
            except Exception as error:  # whatever a beginner's program raises
                return Marks(self, i, raised(error))
        return Marks(self, len(self.promises))

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.task.strip()}", "", *self.stub.strip().splitlines()]
        head, *rest = "\n".join(lines).splitlines()
        return printable("\n".join([head, *[f"  {line}" if line else "" for line in indented(rest)]]))

    __repr__ = __str__


def indented(lines: list[str]) -> Iterator[str]:
    """The lines of a task, those of its program two further in."""
    program = False
    for line in lines:
        program = program or line.startswith(("def ", "class "))
        yield f"  {line}" if program and line else line


def raised(error: Exception) -> str:
    """An error in a line, with the line of the answer's that it comes from, if it is known."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = __name__.partition(".")[0]
    theirs = [f for f in frames if f.line and f"/{ours}/" not in f.filename.replace("\\", "/")]
    where = f", in line {theirs[-1].lineno}: {theirs[-1].line}" if theirs else ""
    return f"it raises {type(error).__name__}: {error}{where}"


class Marks:
    """How an answer did: `points` of `most`, what was `seen` at the first promise it breaks, and a `hint`.

    True if all promises are kept. Prints as a list of them.
    """

    def __init__(self, exercise: Exercise, points: int, seen: str = "", hint: str = "") -> None:
        self.exercise: Exercise = exercise
        self.points: int = points
        self.seen: str = seen
        self.hint: str = hint

    @property
    def most(self) -> int:
        """The points of a right answer."""
        return len(self.exercise.promises)

    def __bool__(self) -> bool:
        return self.points == self.most

    def __str__(self) -> str:
        promises = [promise.text for promise in self.exercise.promises]
        lines = [f"{self.exercise.name}: {self.points} of {self.most} points"]
        lines += [f"  ✓ {text}" for text in promises[: self.points]]
        if not self:
            lines.append(f"  ✗ {promises[self.points]}")
            lines += [f"      {line}" for line in self.seen.splitlines()]
            lines += [f"      hint: {self.hint}"] * bool(self.hint)
            left = self.most - self.points - 1
            lines += [f"  and {left} more, looked at when these hold"] * bool(left)
        return printable("\n".join(lines))

    __repr__ = __str__


class Scores:
    """The marks of a class: `marks[student][exercise]`; None where there is no answer. Prints as a table."""

    def __init__(self, marks: dict[str, dict[str, Marks | None]], exercises: tuple[Exercise, ...]) -> None:
        self.marks: dict[str, dict[str, Marks | None]] = marks
        self.exercises: tuple[Exercise, ...] = exercises

    def share(self, student: str) -> float:
        """The share of all points that a student has, from 0 to 1."""
        most = sum(len(exercise.promises) for exercise in self.exercises)
        return sum(marks.points for marks in self.marks[student].values() if marks is not None) / most

    def hints(self, student: str) -> str:
        """What a student should read: the marks of each answer that is not right."""
        wrong = [marks for marks in self.marks[student].values() if marks is not None and not marks]
        return printable("\n".join(map(str, wrong)))

    def rows(self) -> list[tuple[str, ...]]:
        """The table: a row of words for each student."""
        rows = [("student", *[exercise.name for exercise in self.exercises], "sum")]
        for student, found in self.marks.items():
            cells = ["–" if marks is None else f"{marks.points}/{marks.most}" for marks in found.values()]
            rows.append((student, *cells, f"{self.share(student):.0%}"))
        return rows

    def __str__(self) -> str:
        rows = [[printable(cell) for cell in row] for row in self.rows()]
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        return "\n".join("  ".join(cell.rjust(w) if i else cell.ljust(w) for i, (cell, w)
                                   in enumerate(zip(row, widths, strict=True))) for row in rows)  # fmt: skip

    __repr__ = __str__


def score(answers: Any, exercises: tuple[Exercise, ...]) -> Scores:
    """See `exercises.score`."""
    if not isinstance(answers, Mapping) or not all(isinstance(name, str) for name in answers):
        raise TypeError(
            f"score wants a dict with each student's answers under the student's name; got {brief(answers)}: "
            f'score({{"Ada": {{"tanh": rule}}, "Ben": module}})'
        )
    known = {exercise.name for exercise in exercises}
    for student, given in answers.items():
        if isinstance(given, Mapping) and (unknown := sorted(map(str, set(given) - known))):
            raise ValueError(f"{student} answers {', '.join(unknown)}; the exercises are {', '.join(sorted(known))}")
    found = {
        student: {exercise.name: marked(exercise, given) for exercise in exercises}
        for student, given in answers.items()
    }
    return Scores(found, exercises)


def marked(exercise: Exercise, given: Any) -> Marks | None:
    """The marks of what a student wrote for an exercise; None if nothing."""
    answer = given.get(exercise.name) if isinstance(given, Mapping) else getattr(given, exercise.name, None)
    return None if answer is None else exercise.mark(answer)
