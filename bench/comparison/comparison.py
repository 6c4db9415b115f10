"""One row of the table: our side and its baselines, measured in interleaved rounds, and judged."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal, NamedTuple

from bench.comparison.control import Control, largest_change
from bench.comparison.limits import BusyCores, Limit, reached

ROUNDS = 5
MOVE_MAX = 0.25
Verdict = Literal["reached", "missed", "not judged", "reported"]


class Candidate(NamedTuple):
    """A prepared side: `measure` runs one round and returns its figure; `note` describes the setup."""

    measure: Callable[[], float]
    note: str = ""


class Side(NamedTuple):
    """One implementation; `enter` prepares it, on its own database or on the row's fixture."""

    label: str
    enter: Callable[[Any], AbstractContextManager[Candidate]]


class Baseline(NamedTuple):
    """A side to compare with, and the ratio to reach (ours / theirs)."""

    side: Side
    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True)
class Row:
    """One row of the table; `unit` applies to both figures, and to the physical limit that is named beside them.

    All sides share the row's `fixture`; without one each side has its own database.
    """

    name: str
    unit: str
    limit: Limit
    ours: Side
    baselines: Sequence[Baseline] = ()
    fixture: Callable[[], AbstractContextManager[Any]] | None = None


@dataclass(frozen=True)
class Comparison:
    """Our figure beside a baseline's: medians of the same rounds, and the verdict."""

    row: str
    unit: str
    ours: str
    ours_figure: float
    ours_note: str
    limit: str = ""
    limit_figure: float | None = None
    share: float | None = None
    theirs: str = ""
    theirs_figure: float | None = None
    theirs_note: str = ""
    mark: str = ""
    ratio: float | None = None
    verdict: Verdict = "reported"
    rounds: list[list[float]] = field(default_factory=list)


def compare(
    row: Row, database: Callable[[], AbstractContextManager[str]], control: Control, number_of_rounds: int = ROUNDS
) -> Iterator[Comparison]:
    """Run a row's rounds and yield one comparison per baseline; judge none if the control moved or rounds are few."""
    sides = [row.ours, *(other.side for other in row.baselines)]
    with ExitStack() as stack:
        fixture = None if row.fixture is None else stack.enter_context(row.fixture())
        ready = [stack.enter_context(side.enter(fixture or stack.enter_context(database()))) for side in sides]
        before = control.sample()
        cores = BusyCores()
        rounds = [_round(ready, cores) for _ in range(number_of_rounds)]
        after = control.sample()
        moved = largest_change(before, after)
    figures = [median(figure) for figure in zip(*rounds, strict=True)]
    limit = reached(row.limit, row.unit, figures[0], cores, (before, after))
    ours = (row.name, row.unit, row.ours.label, figures[0], ready[0].note, row.limit.name, *limit)
    if not row.baselines:
        yield Comparison(*ours, rounds=rounds)
    for number, other in enumerate(row.baselines, start=1):
        ratio = figures[0] / figures[number]
        yield Comparison(
            *ours,
            other.side.label,
            figures[number],
            ready[number].note,
            mark_of(other),
            ratio,
            judge(ratio, other, moved if number_of_rounds >= ROUNDS else 1.0),
            [[figure[0], figure[number]] for figure in rounds],
        )


def _round(ready: Sequence[Candidate], cores: BusyCores) -> list[float]:
    """Measure each side once; count how busy the cores are while it is ours."""
    with cores:
        ours = ready[0].measure()
    return [ours, *(other.measure() for other in ready[1:])]


def mark_of(other: Baseline) -> str:
    """Return the mark as text for the table."""
    if other.at_least is not None:
        return f"≥ {other.at_least:g}"
    return "" if other.at_most is None else f"≤ {other.at_most:g}"


def judge(ratio: float, other: Baseline, moved: float) -> Verdict:
    """Return the verdict on a ratio; "not judged" if the control moved too much."""
    if other.at_least is None and other.at_most is None:
        return "reported"
    if moved > MOVE_MAX:
        return "not judged"
    low = other.at_least is not None and ratio < other.at_least
    high = other.at_most is not None and ratio > other.at_most
    return "missed" if low or high else "reached"
