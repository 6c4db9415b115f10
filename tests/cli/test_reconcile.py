"""`boxoffice reconcile`: what it prints of a report, and how it says that a system could not be read."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.reconcile import NAMED_MAX, document, picture
from cli.reconciliation import Report, Work
from domain.invariants.cross_system import judge_at_rest
from domain.invariants.invariant import INVARIANTS, Findings
from domain.invariants.per_commit import History
from settings import read_settings
from tests.fakes.corrupted_history import LATE, Day, with_payment
from tests.fakes.sample_history import sample_history
from tests.fakes.samples import AT
from tests.fakes.stored import recorded

CLOSED = {"BOXOFFICE_POSTGRES__URL": "postgresql://postgres@127.0.0.1:1/none"}


def report_of(day: Day) -> Report:
    """Judge a day as the command does."""
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
    """Every invariant stands with its count; one that was not asked is neither held nor broken."""
    picture(report_of(day))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[: len(INVARIANTS)]] == [
        ["-" if invariant.name == "balance-is-its-lines" else "holds", invariant.name] for invariant in INVARIANTS
    ]
    assert "9 purchases and outside holds" in lines[-2]
    assert lines[-1] == "whole"
    told = document(report_of(day))
    assert (told["whole"], told["at_rest"], [invariant["name"] for invariant in told["invariants"]]) == (
        True, 9, [invariant.name for invariant in INVARIANTS],
    )  # fmt: skip


def test_a_broken_invariant_is_told_with_its_figures(day: Day, capsys: pytest.CaptureFixture[str]) -> None:
    """The violation stands below its invariant, for a person and for a program."""
    broken = report_of(with_payment(day, LATE, captured_minor=500))
    picture(broken)
    out = capsys.readouterr().out
    assert "pi_late: 500 eur of late (cancelled) has neither a live order nor a case" in out
    assert out.endswith("1 violations\n")
    told = json.loads(json.dumps(document(broken)))
    assert [invariant["name"] for invariant in told["invariants"] if invariant["violations"]] == ["money-has-an-owner"]
    assert told["whole"] is False


def test_who_was_not_judged_is_named(day: Day, capsys: pytest.CaptureFixture[str]) -> None:
    """At most some by name, the rest by their number."""
    whole = report_of(day)
    many = frozenset(f"pu_{number}" for number in range(NAMED_MAX + 2))
    left = whole.stillness._replace(open=many, moving=frozenset({"pu_moving"}))
    picture(whole._replace(stillness=left))
    out = capsys.readouterr().out
    assert "not judged, without an end yet: pu_0, pu_1, pu_2, pu_3, pu_4 and 2 more" in out
    assert "not judged, changed meanwhile: pu_moving" in out
    assert "worked on" not in out


def test_a_system_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Then nothing is said about invariants, and the exit code is 2."""
    answer = CliRunner().invoke(app, ["reconcile"], env=CLOSED)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert "PostgreSQL could not be read" in answer.stderr
    answer = CliRunner().invoke(app, ["reconcile", "--data-dir", str(tmp_path)])
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert "there is no stack" in answer.stderr


def test_work_seen_at_two_moments_is_joined() -> None:
    """Whoever was worked on at one of them is left alone."""
    first, second = Work(frozenset({"a"}), {}), Work(frozenset({"b"}), {"pi": AT})
    assert first | second == Work(frozenset({"a", "b"}), {"pi": AT})


def test_a_running_stacks_settings_win(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a stack says of itself wins over the environment; the rest stays."""
    monkeypatch.setenv("BOXOFFICE_POSTGRES__URL", "postgresql://elsewhere")
    monkeypatch.setenv("BOXOFFICE_POSTGRES__POOL_SIZE", "3")
    found = read_settings({**CLOSED, "PATH": "/bin"}).postgres
    assert (found.url, found.pool_size) == (CLOSED["BOXOFFICE_POSTGRES__URL"], 3)
    assert read_settings().postgres.url == "postgresql://elsewhere"
