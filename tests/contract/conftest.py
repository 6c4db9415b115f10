"""An empty event store on a PostgreSQL of the module's own; a Stripe emulator and the library's client for it."""

from collections.abc import Iterator

import psycopg
import pytest

from adapters.event_store.store import PostgresEventStore
from tests.contract.event_stores import clock
from tests.contract.postgres_box import postgres_box
from tests.devstack.stripe.conftest import api, emulator, sink, webhook_emulator, webhook_process

__all__ = ["api", "emulator", "sink", "webhook_emulator", "webhook_process"]


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
