"""The bench refuses a PostgreSQL that acknowledges before the data is on disk."""

from collections.abc import Iterator

import psycopg
import pytest

from bench.fixtures.environment import NotDurableError, check_durable
from tests.contract.postgres_box import postgres_box

NEEDED = ("fsync", "synchronous_commit")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres_box() as url:
        yield url


def check_many_times(url: str) -> None:
    """Check until the changed setting takes effect, which is not immediate."""
    for _ in range(1000):
        check_durable(url)


@pytest.mark.parametrize("name", NEEDED)
def test_a_server_without_durability_is_refused(server: str, name: str) -> None:
    """With one of the settings off the check fails and names it."""
    with psycopg.connect(server, autocommit=True) as connection:
        for setting in NEEDED:
            connection.execute(f"ALTER SYSTEM SET {setting} = {'off' if setting == name else 'on'}")
        connection.execute("SELECT pg_reload_conf()")
    try:
        with pytest.raises(NotDurableError, match=name):
            check_many_times(server)
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM RESET ALL")
            connection.execute("SELECT pg_reload_conf()")
