"""Fixtures: a database per module in one PostgreSQL, emptied per test, an event store; the outside servers."""

from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest

from adapters.database.schema import ensure_schema
from adapters.event_store.store import PostgresEventStore
from adapters.postgres.connections import Pool, open_pool
from adapters.read_models.documents import KINDS
from adapters.read_models.projection import LINES
from tests.contract.event_stores import clock
from tests.contract.postgres_box import database
from tests.devstack.chain.dev_chain import DevChain
from tests.devstack.stripe.conftest import api, emulator, sink, webhook_emulator, webhook_process

__all__ = ["api", "emulator", "sink", "webhook_emulator", "webhook_process"]


@pytest.fixture(scope="module")
def dev_chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevChain]:
    """A dev chain of this module."""
    with DevChain(tmp_path_factory.mktemp("chain") / "chain.sqlite") as chain:
        yield chain


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevChain]:
    """A dev chain of this module with short slots."""
    with DevChain(tmp_path_factory.mktemp("chain") / "chain.sqlite", slot_ms=10) as chain:
        yield chain


@pytest.fixture(scope="module")
def store_server() -> Iterator[str]:
    """A database of this module, in the PostgreSQL of this process."""
    with database() as url:
        yield url


@pytest.fixture
def empty_url(store_server: str) -> str:
    """A database without events."""
    with psycopg.connect(store_server, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS events")
    ensure_schema(store_server)
    return store_server


@pytest.fixture
def tables_url(store_server: str) -> str:
    """A database with every table and without rows."""
    ensure_schema(store_server)
    with psycopg.connect(store_server, autocommit=True) as connection:
        names = [
            "events",
            "buyers",
            "persons",
            "checkouts",
            "webhook_inbox",
            "rate_limits",
            "webhook_secrets",
            "webhook_positions",
            "webhook_deliveries",
            "letters",
            "letter_position",
            *(f"rm_{name}" for name in (*KINDS, *LINES)),
        ]
        connection.execute(f"TRUNCATE {', '.join(names)} RESTART IDENTITY")
        connection.execute("UPDATE rm_position SET position = 0")
    return store_server


@pytest.fixture
async def pool(tables_url: str) -> AsyncIterator[Pool]:
    async with open_pool(tables_url) as pool:
        yield pool


@pytest.fixture
def postgres(empty_url: str) -> Iterator[PostgresEventStore]:
    ensure_schema(empty_url)
    store = PostgresEventStore(empty_url, clock)
    yield store
    store.close()
