"""The bench refuses a PostgreSQL that answers before the disk has what it was given."""

from collections.abc import Iterator

import psycopg
import pytest

from bench.fixtures.environment import NotDurableError, check_durable
from tests.contract.postgres_box import postgres_box


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres_box() as url:
        yield url


def check_many_times(url: str) -> None:
    """The server reads its settings soon, not at once."""
    for _ in range(1000):
        check_durable(url)


@pytest.mark.parametrize("name", ["fsync", "synchronous_commit"])
def test_what_is_not_durable_is_not_measured(server: str, name: str) -> None:
    """With one of the settings off it refuses, and says which."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET {name} = off")
        connection.execute("SELECT pg_reload_conf()")
    try:
        with pytest.raises(NotDurableError, match=name):
            check_many_times(server)
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM RESET ALL")
            connection.execute("SELECT pg_reload_conf()")
