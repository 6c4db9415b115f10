"""`boxoffice reconcile`: its printed report, and its error when a system cannot be read."""

import asyncio
import json
import os
import signal
import threading
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from typer.testing import CliRunner

from adapters.telemetry.reconciled import Reconciled
from cli.checks.reconcile import WHOLE_SECONDS, document, picture, tell, watch
from cli.checks.reconciliation import Book, Report, Say, Work
from cli.command import NAMED_MAX, UnreadableError
from cli.main import app
from domain.invariants.cross_system import judge_at_rest
from domain.invariants.invariant import INVARIANTS, WHOLE_BALANCE, Findings
from domain.invariants.per_commit import History
from settings import Settings, read_settings
from tests.fakes.corrupted_history import LATE, Day, with_payment
from tests.fakes.sample_history import sample_history
from tests.fakes.samples import AT
from tests.fakes.stored import recorded

CLOSED = {"BOXOFFICE_POSTGRES__URL": "postgresql://postgres@127.0.0.1:1/none"}


def report_of(day: Day) -> Report:
    """Return the report of a day, as the command makes it."""
    findings = Findings()
    history = History(findings)
    history.take(recorded(day.events))
    history.mark()
    still = judge_at_rest(history, day.outside, findings)
    payments = len(day.outside.intents)
    return Report(findings, still, len(day.events), history.events, history.commits, payments, 0, 3)


@pytest.fixture(scope="module")
def day() -> Day:
    return Day(*asyncio.run(sample_history()))


def test_a_whole_report(day: Day, capsys: pytest.CaptureFixture[str]) -> None:
    """Every invariant has its count; one that was not checked neither holds nor is broken."""
    picture(report_of(day))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[: len(INVARIANTS)]] == [
        ["-" if invariant.name == "balance-is-its-lines" else "holds", invariant.name] for invariant in INVARIANTS
    ]
    assert "10 purchases and outside holds" in lines[-2]
    assert lines[-1] == "whole"
    shown = document(report_of(day))
    assert (shown["whole"], shown["at_rest"], [invariant["name"] for invariant in shown["invariants"]]) == (
        True, 10, [invariant.name for invariant in INVARIANTS],
    )  # fmt: skip


def test_a_broken_invariant_is_reported_with_its_figures(day: Day, capsys: pytest.CaptureFixture[str]) -> None:
    """The violation is listed with its invariant, in the text and in the JSON."""
    broken = report_of(with_payment(day, LATE, captured_minor=500))
    picture(broken)
    out = capsys.readouterr().out
    assert "pi_late: 500 eur of late (cancelled) has neither a live order nor a case" in out
    assert out.endswith("1 violations\n")
    shown = json.loads(json.dumps(document(broken)))
    assert [invariant["name"] for invariant in shown["invariants"] if invariant["violations"]] == ["money-has-an-owner"]
    assert shown["whole"] is False


def test_what_nothing_explains_is_a_metric(day: Day) -> None:
    """By currency, with its sign, and gone at the next look; a look that fails leaves it and ages."""
    at, unexplained = [0.0], {"currency": "eur"}
    shown = Reconciled((one.name for one in INVARIANTS), lambda: at[0])
    assert day.outside.balance_minor is not None
    more = {**day.outside.balance_minor, "eur": day.outside.balance_minor["eur"] + 3}
    tell(report_of(day._replace(outside=day.outside._replace(balance_minor=more))), shown)
    at[0] = 60.0
    assert REGISTRY.get_sample_value("boxoffice_unexplained_minor", unexplained) == -3
    broken = {"invariant": WHOLE_BALANCE.name}
    assert REGISTRY.get_sample_value("boxoffice_invariant_violations", broken) == 1
    assert REGISTRY.get_sample_value("boxoffice_reconciled_seconds") == 60
    tell(report_of(day), shown)
    assert REGISTRY.get_sample_value("boxoffice_unexplained_minor", unexplained) == 0
    assert REGISTRY.get_sample_value("boxoffice_invariant_violations", broken) == 0
    assert REGISTRY.get_sample_value("boxoffice_reconciled_seconds") == 0


async def test_a_look_that_fails_is_said_and_the_next_one_comes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Until SIGTERM."""
    for name, value in CLOSED.items():
        monkeypatch.setenv(name, value)
    watching = asyncio.create_task(watch(read_settings(), 0.01, None))
    said = ""
    while said.count("PostgreSQL could not be read") < 2:
        await asyncio.sleep(0.01)
        said += capsys.readouterr().err
    os.kill(os.getpid(), signal.SIGTERM)
    await watching


async def test_a_look_goes_on_from_the_one_before(day: Day) -> None:
    """It begins again after a look that failed, which may have read half, and once a day."""
    books: list[Book] = []
    at = [0.0]

    async def read(_settings: Settings, _say: Say, book: Book) -> Report:
        books.append(book)
        if len(books) == 2:
            raise UnreadableError("Stripe could not be read")
        if len(books) == 4:
            at[0] += WHOLE_SECONDS
        if len(books) == 5:
            os.kill(os.getpid(), signal.SIGTERM)
        return report_of(day)

    async with asyncio.timeout(10):
        await watch(read_settings(), 0.01, None, read, lambda: at[0])
    first, failed, third, fourth, fifth = books[:5]
    assert first is failed
    assert third is fourth
    assert len({id(book) for book in (first, third, fifth)}) == 3


async def test_a_long_reading_does_not_hold_the_probes(day: Day) -> None:
    """The loop that answers them runs on meanwhile."""
    is_reading, may_end = threading.Event(), threading.Event()

    async def slow(_settings: Settings, _say: Say, _book: Book) -> Report:
        is_reading.set()
        assert may_end.wait(10)  # blocks its thread, as the reading of many events does
        return report_of(day)

    watching = asyncio.create_task(watch(read_settings(), 0.01, None, slow))
    assert await asyncio.to_thread(is_reading.wait, 10)
    os.kill(os.getpid(), signal.SIGTERM)
    may_end.set()
    await watching


def test_subjects_that_were_not_judged_are_named(day: Day, capsys: pytest.CaptureFixture[str]) -> None:
    """The first few by id, the rest as a number."""
    whole = report_of(day)
    many = frozenset(f"pu_{number}" for number in range(NAMED_MAX + 2))
    left = whole.stillness._replace(open=many, moving=frozenset({"pu_moving"}))
    picture(whole._replace(stillness=left))
    out = capsys.readouterr().out
    assert "not judged, unfinished: pu_0, pu_1, pu_2, pu_3, pu_4 and 2 more" in out
    assert "not judged, changed during the reading: pu_moving" in out
    assert "in progress" not in out


def test_a_system_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """No invariant is judged, and the exit code is 2."""
    answer = CliRunner().invoke(app, ["reconcile"], env=CLOSED)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert "PostgreSQL could not be read" in answer.stderr
    answer = CliRunner().invoke(app, ["reconcile", "--data-dir", str(tmp_path)])
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert "no running stack" in answer.stderr


def test_work_seen_at_two_moments_is_joined() -> None:
    """A subject with a running workflow at either moment is not judged."""
    first, second = Work(frozenset({"a"}), {}), Work(frozenset({"b"}), {"pi": AT})
    assert first | second == Work(frozenset({"a", "b"}), {"pi": AT})


def test_a_running_stacks_settings_win(monkeypatch: pytest.MonkeyPatch) -> None:
    """A running stack's settings override the environment; the others stay."""
    monkeypatch.setenv("BOXOFFICE_POSTGRES__URL", "postgresql://elsewhere")
    monkeypatch.setenv("BOXOFFICE_POSTGRES__POOL_SIZE", "3")
    found = read_settings({**CLOSED, "PATH": "/bin"}).postgres
    assert (found.url, found.pool_size) == (CLOSED["BOXOFFICE_POSTGRES__URL"], 3)
    assert read_settings().postgres.url == "postgresql://elsewhere"
