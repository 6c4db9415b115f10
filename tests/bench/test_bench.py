"""The bench judges ratios of the same rounds, and nothing if the control measurement changed."""

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from bench.__main__ import chosen
from bench.comparison import history, report
from bench.comparison.comparison import ROUNDS, Baseline, Candidate, Comparison, Row, Side, compare
from bench.comparison.control import Control, Sample
from bench.comparison.limits import PROCESSOR, SYNC, BusyCores, Limit, Measured
from bench.rows import on_sale

STEADY = Sample(10_000, 2_000, 20_000)


class Machine(Control):
    """A control with given samples."""

    def __init__(self, *samples: Sample) -> None:
        super().__init__(Path(), 0, 0)
        self._samples = iter(samples)

    def sample(self) -> Sample:
        return next(self._samples)


def side(label: str, *figures: float) -> Side:
    """Return a side that measures these figures, one per round."""

    @contextmanager
    def enter(url: str) -> Iterator[Candidate]:
        rounds = iter(figures)
        yield Candidate(lambda: next(rounds))

    return Side(label, enter)


def result(against: Baseline, *samples: Sample) -> Comparison:
    row = Row("row", "things/s", SYNC, side("ours", 100, 1, 300, 200, 900), (against,))
    (comparison,) = compare(row, lambda: nullcontext("url"), Machine(*samples))
    return comparison


def test_medians_of_the_same_rounds_are_compared() -> None:
    """One fast round and one slow one change nothing, and both absolute figures are kept."""
    found = result(Baseline(side("theirs", 10, 20, 30, 1, 90), at_least=10), STEADY, STEADY)
    assert (found.ours_figure, found.theirs_figure, found.ratio, found.verdict) == (200, 20, 10, "reached")
    assert found.rounds == [[100, 10], [1, 20], [300, 30], [200, 1], [900, 90]]
    assert len(found.rounds) == ROUNDS


@pytest.mark.parametrize(
    ("at_least", "at_most", "verdict"),
    [(10.1, None, "missed"), (None, 9.9, "missed"), (None, 10, "reached"), (None, None, "reported")],
)
def test_a_mark_is_reached_or_missed(at_least: float | None, at_most: float | None, verdict: str) -> None:
    """A ratio below the minimum or above the maximum is missed; without a mark it is only reported."""
    other = Baseline(side("theirs", 20, 20, 20, 20, 20), at_least, at_most)
    assert result(other, STEADY, STEADY).verdict == verdict


@pytest.mark.parametrize("after", [Sample(7_400, 2_000, 20_000), Sample(10_000, 2_700, 20_000)])
def test_after_a_change_of_the_machine_by_a_quarter_nothing_is_judged(after: Sample) -> None:
    """The figures are reported without a verdict."""
    other = Baseline(side("theirs", 20, 20, 20, 20, 20), at_least=1)
    assert result(other, STEADY, after).verdict == "not judged"
    assert result(other, STEADY, Sample(7_600, 2_600, 90_000)).verdict == "reached"


def test_the_page_keeps_its_text_and_the_rows_that_were_not_run(tmp_path: Path) -> None:
    """Only the text between the markers is replaced."""
    files = report.Files(*(tmp_path / name for name in ("results.json", "page.md", "history.jsonl", "plot.svg")))
    files.page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.keep([Comparison("a", "x/s", "ours", 1.0, "")], [STEADY], files)
    report.keep([Comparison("b", "x/s", "ours", 2000.0, "")], [STEADY], files)
    text = files.page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert [line.split(" | ")[2] for line in text.splitlines() if line.startswith(("| a ", "| b "))] == [
        "1.0 x/s",
        "2,000 x/s",
    ]
    assert "old" not in text
    assert [list(line["rows"]) for line in history.read(files.history)] == [["a"], ["b"]]


@pytest.mark.parametrize(
    ("limit", "unit", "figures", "expected"),
    [
        (SYNC, "things/s", (100, 1, 300, 200, 900), (10_000, 0.02)),
        (SYNC, "ms", (0.2, 0.4, 0.5, 0.2, 0.6), (0.1, 0.25)),
        (Limit("twice ours", lambda one: 2 * one.per_second), "things/s", (1, 1, 1, 1, 1), (2, 0.5)),
    ],
)
def test_a_row_says_how_much_of_a_physical_limit_it_reaches(
    limit: Limit, unit: str, figures: tuple[float, ...], expected: tuple[float, float]
) -> None:
    """The limit is in the row's unit, of the same run; a time is compared as a rate."""
    row = Row("row", unit, limit, side("ours", *figures))
    (found,) = compare(row, lambda: nullcontext("url"), Machine(STEADY, STEADY))
    assert (found.limit, found.limit_figure, found.share) == (limit.name, *map(pytest.approx, expected))


def test_processor_time_is_a_limit_by_the_cores_that_were_busy() -> None:
    """One core that works in two of them, say, leaves room for twice as much."""
    cores = BusyCores()
    until = time.perf_counter() + 0.3
    with cores:
        while time.perf_counter() < until:
            pass
    assert 0.8 / (os.cpu_count() or 1) < cores.share <= 1
    assert PROCESSOR.per_second(Measured(10.0, cores, ())) == 10 / cores.share


def test_rows_are_chosen_by_name() -> None:
    """The error for an unknown name lists the known ones."""
    assert [row.name for row in chosen("books, hot-holds")] == ["hot-holds", "books"]
    with pytest.raises(SystemExit, match="no such row: cooks; there are: hot-holds"):
        chosen("cooks")


def test_few_rounds_judge_nothing() -> None:
    """With fewer rounds there is no verdict, whatever the ratio."""
    row = Row("row", "things/s", SYNC, side("ours", 100), (Baseline(side("theirs", 10), at_least=2),))
    (comparison,) = compare(row, lambda: nullcontext("url"), Machine(STEADY, STEADY), 1)
    assert (comparison.ratio, comparison.verdict) == (10, "not judged")


def test_all_sides_of_a_row_share_its_fixture() -> None:
    """The fixture is created once, without a database for each side."""
    seen: list[object] = []

    @contextmanager
    def enter(fixture: object) -> Iterator[Candidate]:
        seen.append(fixture)
        yield Candidate(lambda: 1.0)

    def no_database() -> nullcontext[str]:
        raise AssertionError("a row with a fixture needs no database")

    stage = object()
    row = Row("row", "s", SYNC, Side("ours", enter), (Baseline(Side("theirs", enter)),), lambda: nullcontext(stage))
    list(compare(row, no_database, Machine(STEADY, STEADY)))
    assert seen == [stage, stage]


@pytest.mark.parametrize(
    ("held", "sold_out", "stored"),
    [
        (on_sale.TICKETS + 1, on_sale.BUYERS - on_sale.TICKETS - 1, on_sale.TICKETS),
        (on_sale.TICKETS, 0, on_sale.TICKETS),
    ],
)
def test_a_rush_that_sells_another_number_is_no_measurement(held: int, sold_out: int, stored: int) -> None:
    """One answer too many or too few stops the row."""
    on_sale.check_sold(Counter({202: on_sale.TICKETS, 409: on_sale.BUYERS - on_sale.TICKETS}), on_sale.TICKETS)
    with pytest.raises(RuntimeError, match="buyers"):
        on_sale.check_sold(Counter({202: held, 409: sold_out}), stored)
