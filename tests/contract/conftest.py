"""An empty event store on a PostgreSQL of the module's own; a Stripe emulator and the library's client for it."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest
import stripe

from adapters.event_store.store import PostgresEventStore
from tests.contract.event_stores import clock
from tests.contract.postgres_box import postgres_box
from tests.contract.stripe_emulator import SECRET, Emulator


@pytest.fixture(scope="module")
def store_server() -> Iterator[str]:
    with postgres_box() as url:
        yield url


@pytest.fixture
def empty_url(store_server: str) -> str:
    """A database without events."""
    with psycopg.connect(store_server, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS events")
    return store_server


@pytest.fixture
def postgres(empty_url: str) -> Iterator[PostgresEventStore]:
    store = PostgresEventStore(empty_url, clock)
    yield store
    store.close()


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    emulator = Emulator(tmp_path_factory.mktemp("stripe") / "state.sqlite")
    emulator.start()
    yield emulator
    emulator.close()


@pytest.fixture
async def api(emulator: Emulator) -> AsyncIterator[Any]:
    http = stripe.HTTPXClient(timeout=10)
    client = stripe.StripeClient(SECRET, base_addresses={"api": emulator.url}, max_network_retries=0, http_client=http)
    yield client.v1
    emulator.client.delete("/_emulator/faults")
    await http.close_async()
