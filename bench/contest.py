"""A contest: one row of the table, ours and the ways that it is measured against, in interleaved rounds."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal, NamedTuple

from bench.control import Control, moved_most

ROUNDS = 5
MOVE_MAX = 0.25
Verdict = Literal["reached", "missed", "not judged", "reported"]


class Contestant(NamedTuple):
    """A side that is ready: `measure` runs one round and returns its figure; `note` says how it was set up."""

    measure: Callable[[], float]
    note: str = ""


class Side(NamedTuple):
    """One way of doing the same thing; `enter` makes it ready, on a database of its own or on the row's stage."""

    label: str
    enter: Callable[[Any], AbstractContextManager[Contestant]]


class Against(NamedTuple):
    """What ours is compared with, and the ratio that it has to reach (ours / theirs)."""

    side: Side
    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True)
class Row:
    """One line of the table; `unit` is of both figures.

    A `stage` is made once and all sides play on it; without one each side has a database of its own.
    """

    name: str
    unit: str
    ours: Side
    against: Sequence[Against] = ()
    stage: Callable[[], AbstractContextManager[Any]] | None = None


@dataclass(frozen=True)
class Compared:
    """Ours beside one other way: medians of the same rounds, and whether the mark is reached."""

    row: str
    unit: str
    ours: str
    ours_figure: float
    ours_note: str
    theirs: str = ""
    theirs_figure: float | None = None
    theirs_note: str = ""
    mark: str = ""
    ratio: float | None = None
    verdict: Verdict = "reported"
    rounds: list[list[float]] = field(default_factory=list)


def hold(
    row: Row, database: Callable[[], AbstractContextManager[str]], control: Control, number_of_rounds: int = ROUNDS
) -> Iterator[Compared]:
    """Run a row's rounds and yield one comparison per other way; a moved control or few rounds judge nothing."""
    sides = [row.ours, *(other.side for other in row.against)]
    with ExitStack() as stack:
        ground = None if row.stage is None else stack.enter_context(row.stage())
        ready = [stack.enter_context(side.enter(ground or stack.enter_context(database()))) for side in sides]
        before = control.sample()
        rounds = [[contestant.measure() for contestant in ready] for _ in range(number_of_rounds)]
        moved = moved_most(before, control.sample())
    figures = [median(figure) for figure in zip(*rounds, strict=True)]
    ours = (row.name, row.unit, row.ours.label, figures[0], ready[0].note)
    if not row.against:
        yield Compared(*ours, rounds=rounds)
    for number, other in enumerate(row.against, start=1):
        ratio = figures[0] / figures[number]
        yield Compared(
            *ours,
            other.side.label,
            figures[number],
            ready[number].note,
            mark_of(other),
            ratio,
            judged(ratio, other, moved if number_of_rounds >= ROUNDS else 1.0),
            [[figure[0], figure[number]] for figure in rounds],
        )


def mark_of(other: Against) -> str:
    """Return the mark as the table shows it."""
    if other.at_least is not None:
        return f"≥ {other.at_least:g}"
    return "" if other.at_most is None else f"≤ {other.at_most:g}"


def judged(ratio: float, other: Against, moved: float) -> Verdict:
    """Say whether a ratio reaches its mark; a machine that changed meanwhile is no judge."""
    if other.at_least is None and other.at_most is None:
        return "reported"
    if moved > MOVE_MAX:
        return "not judged"
    low = other.at_least is not None and ratio < other.at_least
    high = other.at_most is not None and ratio > other.at_most
    return "missed" if low or high else "reached"
