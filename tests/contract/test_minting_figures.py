"""The figures of minting in PostgreSQL, and `boxoffice mint status`, which shows them."""

import asyncio
import json

import psycopg
import pytest
from typer.testing import CliRunner, Result

from adapters.database.startup import utc_now
from adapters.event_store.store import PostgresEventStore
from adapters.postgres.connections import Pool
from adapters.postgres.minting import PostgresMinting
from adapters.read_models.projection import Projection
from cli.main import app
from domain.views.minting import MintingDocument
from tests.contract.selling import sell

FIGURES: MintingDocument = {
    "at": "2026-11-30T10:00:00+00:00", "payer": "Payer1", "lamports": 5_000, "low_lamports": 9_000,
    "ticket_lamports": 100, "owed": 2, "runway": -2, "low_since": "2026-11-30T09:59:00+00:00",
    "nodes": [{"name": "node.example", "trouble": "limited", "calls": 7, "failures": 1, "limited": 2}],
}  # fmt: skip


@pytest.fixture
async def minting(pool: Pool) -> PostgresMinting:
    return PostgresMinting(pool)


async def test_the_newest_figures_are_kept(minting: PostgresMinting) -> None:
    """One row, whoever writes it."""
    for lamports in (1, 2):
        await minting.save({**FIGURES, "lamports": lamports})
    assert await minting.load() == {**FIGURES, "lamports": 2}


async def test_tokens_are_counted(minting: PostgresMinting, tables_url: str) -> None:
    """A sold ticket is owed until it is minted; another show's tickets do not count."""
    store = PostgresEventStore(tables_url, utc_now)
    try:
        await sell(store)
        with psycopg.connect(tables_url, autocommit=True) as connection:
            Projection(connection).catch_up()
        rows = await minting.counts()
        assert await minting.owed() == rows["owed"]
        assert rows["owed"] + rows["minted"] > 0
        nothing = {"minted": 0, "in_flight": 0, "owed": 0, "oldest": None, "minted_per_minute": 0.0}
        assert await minting.counts("sh_other") == nothing
    finally:
        store.close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["mint", "status", *arguments])


async def test_the_command_shows_them(
    minting: PostgresMinting, tables_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a table, and as one document."""
    monkeypatch.setenv("BOXOFFICE_POSTGRES__URL", tables_url)
    await minting.save(FIGURES)
    shown = await asyncio.to_thread(run)
    for word in ("PAUSED since", "Payer1", "5,000", "limited: 7 calls, 1 failed, 2 limited", "-2 tickets"):
        assert word in shown.stdout
    document = json.loads((await asyncio.to_thread(run, "sh_1", "--json")).stdout)
    assert (document["show_id"], document["owed"], document["payer"]["lamports"]) == ("sh_1", 0, 5_000)
