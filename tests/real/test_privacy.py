"""Personal data on the whole real stack: where it is while it is kept, and what remains of it afterwards."""

import asyncio
import getpass
import json
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from solders.keypair import Keypair
from typer.testing import CliRunner

from adapters.privacy.buyers import Sealing
from cli.main import app
from settings import read_settings
from tests.fakes.histories import payloads_of
from tests.real.shop import Shop

pytestmark = pytest.mark.real
NAME, EMAIL = "Ann of the Privacy Test", "ann.privacy@example.org"
COLUMNS = (
    "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
    " ORDER BY table_name"
)


def tables_with(url: str, words: list[str]) -> set[str]:
    """Return the tables with one of the words in any column; bytes are read as text."""
    found = set()
    with psycopg.connect(url, autocommit=True) as connection:
        for table, column, kind in connection.execute(COLUMNS).fetchall():
            text = SQL("encode({}, 'escape')" if kind == "bytea" else "{}::text").format(Identifier(column))
            search = SQL("SELECT 1 FROM {} WHERE {} LIKE ANY(%s) LIMIT 1").format(Identifier(table), text)
            if connection.execute(search, ([f"%{word}%" for word in words],)).fetchone():
                found.add(table)
    return found


async def histories_with(shop: Shop, words: list[str]) -> set[str]:
    """Return the workflows with one of the words in their history, as it is kept or decrypted."""
    client = await shop.engine()
    codec = client.data_converter.payload_codec
    assert codec is not None, "the stack of these tests encrypts payloads"
    found, seen = set(), 0
    async for workflow in client.list_workflows(f"ShowId = '{shop.show_id}'"):
        handle = client.get_workflow_handle(workflow.id)
        payloads = await codec.decode(await payloads_of(handle))
        text = (await handle.fetch_history()).to_json() + repr([payload.data for payload in payloads])
        seen += len(payloads)
        if any(word in text for word in words):
            found.add(workflow.id)
    assert seen > 20
    return found


def logs_with(folder: Path, words: list[str]) -> set[str]:
    """Return the log files of our own processes with one of the words."""
    logs = [path for path in folder.rglob("*.log") if path.name.partition(".")[0] in {"api", "worker", "projector"}]
    assert len(logs) >= 3
    return {path.name for path in logs if any(word in path.read_text() for word in words)}


async def command(shop: Shop, *arguments: str) -> tuple[int, dict[str, list[object]]]:
    """Run `boxoffice buyer ...` on the stack; return its exit code and its document."""
    line = ["buyer", *arguments, "--data-dir", str(shop.stack.folder), "--json"]
    result = await asyncio.to_thread(CliRunner().invoke, app, line)
    return result.exit_code, json.loads(result.stdout)


async def test_a_named_buyer_is_in_one_table_and_can_be_erased(shop: Shop) -> None:
    """Sealed in that table, in no other, in no history, payment or log; after the erasure everything still verifies."""
    url = shop.stack.urls["postgres"]
    wallet = str(Keypair().pubkey())
    words = [NAME, EMAIL, wallet]
    await shop.open()
    buyer = {"name": NAME, "email": EMAIL, "wallet": wallet}
    body = (await shop.buy("privacy", 1, buyer=buyer)).json()
    assert await shop.pay(body["client_secret"]) == httpx.codes.OK
    ended = await shop.ended(body["purchase_id"])
    assert ended["state"] == "fulfilled"
    purchase_id = [body["purchase_id"]]  # the search finds what is there
    assert {"events", "rm_purchases"} <= tables_with(url, purchase_id)
    assert f"purchase/{purchase_id[0]}" in await histories_with(shop, purchase_id)
    assert tables_with(url, words) == set()
    assert await histories_with(shop, words) == set()
    assert [word for word in words if word in json.dumps(await shop.stripe("/v1/payment_intents?limit=100"))] == []
    assert logs_with(shop.stack.folder, words) == set()
    lookup = Sealing(*read_settings(shop.stack.env).privacy.sealing).lookup("default", EMAIL)
    assert tables_with(url, [lookup]) == {"buyers", "persons"}

    code, exported = await command(shop, "export", EMAIL)
    assert (code, len(exported["buyers"])) == (0, 1)
    assert all(word in json.dumps(exported) for word in words)
    receipt = await shop.get(body["links"]["receipt"])
    code, erased = await command(shop, "erase", EMAIL)
    assert (code, len(erased["buyer_ids"])) == (0, 1)
    assert (await command(shop, "export", EMAIL))[0] == 1
    await shop.caught_up()
    entries = (await shop.get("/api/v1/audit?limit=1000"))["entries"]
    decided = [one for one in entries if one["event"] == "order.buyer-erasure-decided"]
    erasures = [one for one in decided if one["stream"] == f"order:{purchase_id[0]}"]  # others share the stack
    assert len(erasures) == 1
    assert erasures[0]["subject"] == f"default/cli/{getpass.getuser()}"
    assert tables_with(url, [lookup]) == set()
    assert await shop.get(body["links"]["receipt"]) == receipt
    again = await shop.buy("privacy", 1, buyer=buyer)
    assert (again.status_code, again.json()["purchase_id"]) == (httpx.codes.OK, body["purchase_id"])
    await shop.check_sums([body["purchase_id"]])
