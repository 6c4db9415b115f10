"""An empty ledger on a PostgreSQL of the module's own."""

from collections.abc import Iterator

import psycopg
import pytest

from adapters.ledger import PostgresLedger
from tests.contract.ledgers import clock
from tests.contract.postgres_box import postgres_box


@pytest.fixture(scope="module")
def ledger_server() -> Iterator[str]:
    with postgres_box() as url:
        yield url


@pytest.fixture
def empty_url(ledger_server: str) -> str:
    """A database without facts."""
    with psycopg.connect(ledger_server, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS facts")
    return ledger_server


@pytest.fixture
def postgres(empty_url: str) -> Iterator[PostgresLedger]:
    ledger = PostgresLedger(empty_url, clock)
    yield ledger
    ledger.close()
