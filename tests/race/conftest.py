"""Two processes on one database: a shop over the first one's event store, and the second one's event store."""

from collections.abc import Iterator

import pytest

from adapters.database.schema import ensure_schema
from adapters.event_store.store import PostgresEventStore
from tests.contract.conftest import empty_url, emulator, postgres, store_server
from tests.contract.event_stores import clock
from tests.fakes.store_world import StoreWorld

__all__ = ["empty_url", "emulator", "postgres", "store_server"]


@pytest.fixture
def second(postgres: PostgresEventStore, empty_url: str) -> Iterator[PostgresEventStore]:
    """The event store of another process."""
    ensure_schema(empty_url)
    store = PostgresEventStore(empty_url, clock)
    yield store
    store.close()


@pytest.fixture
async def shop(postgres: PostgresEventStore) -> StoreWorld:
    """A show on sale, its events in PostgreSQL."""
    made = StoreWorld(postgres)
    await made.open()
    return made
