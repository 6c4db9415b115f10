"""Two processes at one database: a shop over the first one's ledger, and the second one's ledger."""

from collections.abc import Iterator

import pytest

from adapters.event_store.store import PostgresLedger
from tests.contract.conftest import empty_url, emulator, ledger_server, postgres
from tests.contract.event_stores import clock
from tests.fakes.store_world import StoreWorld

__all__ = ["empty_url", "emulator", "ledger_server", "postgres"]


@pytest.fixture
def second(postgres: PostgresLedger, empty_url: str) -> Iterator[PostgresLedger]:
    """The ledger of another process."""
    ledger = PostgresLedger(empty_url, clock)
    yield ledger
    ledger.close()


@pytest.fixture
async def shop(postgres: PostgresLedger) -> StoreWorld:
    """A show on sale, its facts in PostgreSQL."""
    made = StoreWorld(postgres)
    await made.open()
    return made
