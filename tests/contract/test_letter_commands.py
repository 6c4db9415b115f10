"""`boxoffice letters`: letters that nobody took are listed and sent again, on a database."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner, Result

from cli.main import app

AT = datetime(2026, 3, 1, tzinfo=UTC)
BLOCKED, UNKNOWN, TWICE = "550 5.7.1", "550 5.1.1", "its end is unknown twice"
ROWS = (
    ("ev_1", "pu_1", "refused", BLOCKED, 1, 0),
    ("ev_2", "pu_1", "given-up", TWICE, 4, 2),
    ("ev_1", "pu_2", "refused", UNKNOWN, 1, 0),
    ("ev_1", "pu_3", "refused", BLOCKED, 1, 0),
    ("ev_1", "pu_4", "sent", None, 1, 0),
    ("ev_2", "pu_4", "due", None, 0, 0),
)
INSERT = (
    "INSERT INTO letters (event_id, purchase_id, state, fault, tries, unknown_ends, type, position, due_at, first_at,"
    " last_at) VALUES (%s, %s, %s, %s, %s, %s, 'order.confirmed', 1, %s, %s, %s)"
)
BY = ("--operator", "ada", "--reason", "the block is lifted")


@pytest.fixture
def database(tables_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection[Any]]:
    """A log with letters in every state, in the settings of the command."""
    monkeypatch.setenv("BOXOFFICE_POSTGRES__URL", tables_url)
    with psycopg.connect(tables_url, autocommit=True) as connection:
        for number, row in enumerate(ROWS):
            connection.execute(INSERT, (*row, AT, AT, AT - timedelta(minutes=number)))
        yield connection


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["letters", *arguments])


def named(result: Result) -> list[tuple[str, str]]:
    return [(one["event_id"], one["purchase_id"]) for one in json.loads(result.stdout)]


def due(database: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """Return the letters that are due since the command, with the tries that count and the unknown ends."""
    statement = (
        "SELECT event_id, purchase_id, tries, unknown_ends FROM letters WHERE state = 'due' AND due_at > %s"
        " AND first_at = due_at ORDER BY 2, 1"
    )
    return database.execute(statement, (AT,)).fetchall()


def acts(database: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    rows = database.execute("SELECT state FROM events WHERE topic = 'operator-act.accepted' ORDER BY notification_id")
    return [json.loads(bytes(state)) for (state,) in rows]


def test_what_is_set_aside_is_listed(database: psycopg.Connection[Any]) -> None:
    """The latest first; of a purchase, or with an answer; nothing that waits or was sent."""
    del database
    every = [("ev_1", "pu_1"), ("ev_2", "pu_1"), ("ev_1", "pu_2"), ("ev_1", "pu_3")]
    assert named(run("list", "--json")) == every
    assert named(run("list", "pu_1", "--json")) == every[:2]
    assert named(run("list", "--fault", BLOCKED, "--json")) == [every[0], every[3]]
    assert named(run("list", "--limit", "1", "--json")) == every[:1]
    shown = run("list", "pu_2")
    assert (shown.exit_code, "550" in shown.stdout, "pu_2" in shown.stdout) == (0, True, True)
    assert run("list", "pu_4", "--json").exit_code == 1


def test_the_letters_of_a_purchase_are_sent_again(database: psycopg.Connection[Any]) -> None:
    """As if they were new; one that may have arrived still says so. Each is an act of the operator, once."""
    sent = run("resend", "pu_1", *BY)
    assert sent.exit_code == 0, sent.output
    assert "2 letters are due" in sent.stdout
    assert due(database) == [("ev_1", "pu_1", 0, 0), ("ev_2", "pu_1", 0, 1)]
    told = [(act["act"], act["by"], act["reason"], act["purchase_id"], act["details"]) for act in acts(database)]
    assert told == [
        ("resend_letter", "operator/ada", BY[3], "pu_1", {"event_id": "ev_1", "state": "refused", "fault": BLOCKED}),
        (
            "resend_letter",
            "operator/ada",
            BY[3],
            "pu_1",
            {"event_id": "ev_2", "state": "given-up", "fault": TWICE},
        ),
    ]
    again = run("resend", "pu_1", *BY)
    assert again.exit_code == 1
    assert "0 letters" in again.stdout
    assert len(acts(database)) == 2


def test_all_with_one_answer_are_sent_again(database: psycopg.Connection[Any]) -> None:
    """When the fault was ours: those with another answer stay. Beyond the limit the command says to repeat it."""
    some = run("resend", "--fault", UNKNOWN, "--limit", "1", *BY)
    assert (due(database)[0][:2], "repeat" in some.stdout) == (("ev_1", "pu_2"), True)
    database.execute("UPDATE letters SET state = 'refused' WHERE purchase_id = 'pu_2'")
    assert named(run("resend", "--fault", BLOCKED, "--json", *BY)) == [("ev_1", "pu_1"), ("ev_1", "pu_3")]
    assert [row[:2] for row in due(database)] == [("ev_1", "pu_1"), ("ev_1", "pu_3")]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (BY, "name a purchase"),
        (("pu_1",), "--reason"),
        (("pu_1", "--operator", "Ada L", "--reason", "r"), "operator"),
        (("pu_1", "--operator", "ada", "--reason", " "), "reason"),
    ],
)
def test_what_cannot_be_is_refused(database: psycopg.Connection[Any], arguments: tuple[str, ...], why: str) -> None:
    """Nothing is due, and nothing recorded."""
    refused = run("resend", *arguments)
    assert refused.exit_code == 2
    assert why in refused.stderr
    assert due(database) == []
    assert acts(database) == []
