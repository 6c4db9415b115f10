"""`boxoffice buyer`: export, erase and rotate on a database, with their exit codes and documents."""

import asyncio
import base64
import json
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner, Result

from adapters.database.startup import open_event_store
from cli.main import app
from domain.catalog.line import Line
from domain.orders.order import Order
from tests.fakes.samples import only_requested

KEYS = {name: f"{name}:{base64.b64encode(key * 32).decode()}" for name, key in (("old", b"o"), ("new", b"n"))}


@pytest.fixture
def database(tables_url: str, monkeypatch: pytest.MonkeyPatch) -> psycopg.Connection[Any]:
    """A database with two plain rows: of an ended and of an open purchase."""
    monkeypatch.setenv("BOXOFFICE_POSTGRES__URL", tables_url)
    monkeypatch.setenv("BOXOFFICE_PRIVACY__LOOKUP_SECRET", "x" * 32)
    connection = psycopg.connect(tables_url, autocommit=True)
    insert = "INSERT INTO buyers (buyer_id, tenant_id, purchase_id, name, email) VALUES (%s, 'default', %s, 'Ann', %s)"
    for name, state in (("ended", "fulfilled"), ("open", "confirmed")):
        connection.execute(insert, (f"bu_{name}", f"pu_{name}", f"{name}@example.org"))
        document = json.dumps({"state": state, "tickets": [], "disputes": [], "refunds": []})
        connection.execute("INSERT INTO rm_purchases (id, doc) VALUES (%s, %s::jsonb)", (f"pu_{name}", document))
    asyncio.run(record_orders(tables_url))
    return connection


async def record_orders(url: str) -> None:
    """Record both purchases, and the end of one."""
    store = open_event_store(url)
    for name in ("ended", "open"):
        await store.commit(only_requested(f"pu_{name}", [Line(ticket_type_id="tt", quantity=1)]))
    await store.commit(lambda uow: uow.get(Order, "pu_ended").end("hold-expired", uow.at))
    await asyncio.to_thread(store.close)


def run(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(app, ["buyer", *arguments], input=given)


def test_a_rotation_seals_every_row_and_then_each_is_found(
    database: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a key it is refused; each rotation to a newer key ends with nothing left; the export reads all."""
    with database:
        refused = run("rotate")
        assert (refused.exit_code, "BOXOFFICE_PRIVACY__KEYS" in refused.stderr) == (2, True)
        for keys in (KEYS["old"], f"{KEYS['new']},{KEYS['old']}"):
            monkeypatch.setenv("BOXOFFICE_PRIVACY__KEYS", keys)
            rotated = run("rotate", "--json")
            assert (rotated.exit_code, json.loads(rotated.stdout)) == (0, {"done": 2, "left": 0})
            assert "2 encrypted, 0 left" in rotated.stderr
        monkeypatch.setenv("BOXOFFICE_PRIVACY__KEYS", KEYS["new"])
        for subject in ("pu_ended", "bu_ended", " Ended@example.org"):
            exported = json.loads(run("export", subject, "--json").stdout)["buyers"]
            assert [(one["buyer_id"], one["name"]) for one in exported] == [("bu_ended", "Ann")]
            assert exported[0]["purchase"]["state"] == "fulfilled"
        assert "ended@example.org" in run("export", "-", given="ended@example.org\n").stdout
        monkeypatch.setenv("BOXOFFICE_PRIVACY__KEYS", KEYS["old"])
        unreadable = run("export", "pu_ended")
        assert (unreadable.exit_code, "key new is not configured" in unreadable.stderr) == (2, True)


def test_an_erasure_is_refused_while_a_purchase_is_open(database: psycopg.Connection[Any]) -> None:
    """0: erased, 1: there is nobody, 2: not possible, and why."""
    with database:
        assert run("erase", "pu_ended").exit_code == 0
        assert run("erase", "pu_ended").exit_code == 1
        refused = run("erase", "pu_open")
        assert (refused.exit_code, "pu_open is not known to have ended" in refused.stderr) == (2, True)
        assert run("export", "pu_open", "--json").exit_code == 0
