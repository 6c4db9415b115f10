"""The migrations on PostgreSQL: from nothing and from 0.1.0, and a start by a role that may not make tables."""

import sys
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from typer.testing import CliRunner

from adapters.database import migrate
from adapters.database.migrate import schema_state
from adapters.database.schema import ensure_schema, table_names
from adapters.database.startup import open_event_store
from adapters.event_store.recorder import open_recorder
from adapters.postgres.connections import BACKGROUND, connect
from adapters.postgres.faults import ConfigurationError
from cli.checks.doctor.database import read_database
from cli.main import app
from tests.contract.postgres_box import database

THERE = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
# Tables beside the events as 0.1.0 made them (its adapters/schema.py), with a row each.
OF_0_1_0 = """
CREATE TABLE snapshots (stream text PRIMARY KEY, topic text NOT NULL, shape int NOT NULL, version bigint NOT NULL,
 digest text NOT NULL, state bytea NOT NULL);
CREATE TABLE buyers (buyer_id text PRIMARY KEY, tenant_id text NOT NULL, name text, email text, wallet text,
 kept_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE checkouts (purchase_id text PRIMARY KEY, client_secret text NOT NULL);
CREATE TABLE webhook_inbox (event_id text PRIMARY KEY, type text NOT NULL, object_id text, intent_id text,
 purchase_id text, created timestamptz, digest text NOT NULL, received_at timestamptz NOT NULL DEFAULT now(),
 signalled_at timestamptz, account_id text);
INSERT INTO buyers (buyer_id, tenant_id, name) VALUES ('by_1', 'default', 'Ada');
INSERT INTO checkouts VALUES ('pu_1', 'secret');
INSERT INTO webhook_inbox (event_id, type, digest) VALUES ('evt_1', 'payment_intent.succeeded', 'd');
"""


@pytest.fixture
def empty_url() -> Iterator[str]:
    """A database without tables."""
    with database() as url:
        yield url


def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    with connect(url, BACKGROUND) as connection:
        return list(connection.execute(statement).fetchall())


def test_from_nothing(empty_url: str) -> None:
    """Every step is run once; a second run changes nothing."""
    assert schema_state(empty_url).at is None
    for _ in range(2):
        ensure_schema(empty_url)
    state = schema_state(empty_url)
    assert (state.at, state.is_current, state.is_ahead) == (migrate.head(), True, False)
    assert table_names() <= {str(name) for (name,) in rows(empty_url, THERE)}


def test_from_0_1_0(empty_url: str) -> None:
    """Its rows are kept, and get the columns that came later."""
    recorder = open_recorder(empty_url, pool_size=1)
    recorder.create_table()
    recorder.datastore.close()
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute(SQL(OF_0_1_0))
    ensure_schema(empty_url)
    assert rows(empty_url, "SELECT buyer_id, name, used FROM buyers") == [("by_1", "Ada", False)]
    assert rows(empty_url, "SELECT client_secret FROM checkouts") == [("secret",)]
    assert rows(empty_url, "SELECT event_id, account_id FROM webhook_inbox") == [("evt_1", None)]
    assert schema_state(empty_url).is_current


@pytest.fixture
def clerk_url(empty_url: str) -> Iterator[str]:
    """The same database for a role that reads and writes tables, and may not make any."""
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS clerk")
        connection.execute("CREATE ROLE clerk LOGIN")
        connection.execute("ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO clerk")
        connection.execute("ALTER DEFAULT PRIVILEGES GRANT USAGE ON SEQUENCES TO clerk")
    yield empty_url + ("&" if "?" in empty_url else "?") + "user=clerk"
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("DROP OWNED BY clerk")
        connection.execute("DROP ROLE clerk")


def test_a_role_that_may_not_make_tables_starts(empty_url: str, clerk_url: str) -> None:
    """Before the migration it is told what to do, at once; after it, it works."""
    with pytest.raises(ConfigurationError, match=r"permission denied.*boxoffice migrate"):
        open_event_store(clerk_url)
    ensure_schema(empty_url)
    open_event_store(clerk_url).close()


def test_a_step_that_a_role_may_not_run_is_told(empty_url: str, clerk_url: str) -> None:
    """A newer build finds a table that it must widen: the error is PostgreSQL's, and not that of the tool between."""
    ensure_schema(empty_url)
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("GRANT CREATE ON SCHEMA public TO clerk")
        connection.execute("GRANT UPDATE ON alembic_version TO clerk")
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match=r"must be owner of table buyers"):
        migrate.run_steps(clerk_url)


def test_a_database_that_another_process_migrated_meanwhile_is_left_alone(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waited for the lock finds it current, and does not even import what runs steps."""
    ensure_schema(empty_url)
    monkeypatch.setitem(sys.modules, "alembic", None)
    ensure_schema(empty_url)


@pytest.mark.parametrize(
    ("at", "exit_code", "told"),
    [
        ("0001", 1, "is at step 0001; this build needs step {head}: run `boxoffice migrate`"),
        ("9999", 0, "is at step 9999; this build needs step {head}: a newer build migrated it"),
    ],
)
def test_check_says_how_far_a_database_is(empty_url: str, at: str, exit_code: int, told: str) -> None:
    """Behind: exit 1, and the way out. Ahead, after going back to an older build: this build works on it."""
    ensure_schema(empty_url)
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = %s", (at,))
    answer = CliRunner().invoke(app, ["migrate", "--check"], env={"BOXOFFICE_POSTGRES__URL": empty_url})
    assert (answer.exit_code, told.format(head=migrate.head()) in answer.stdout) == (exit_code, True), answer.stdout
    found, _ = read_database(empty_url, 0.0)
    assert ((found.lacks_steps or found.is_ahead or "") in answer.stdout) is True
    assert (found.lacks_steps is None, found.is_ahead is None) == (exit_code == 0, exit_code == 1)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("dbname=nowhere", r'database "nowhere" does not exist: create it'),
        ("user=nobody", r'role "nobody" does not exist: create it'),
    ],
)
def test_a_wrong_configuration_is_told_at_once(empty_url: str, change: str, told: str) -> None:
    """It is no outage, which would be waited for."""
    url = empty_url + ("&" if "?" in empty_url else "?") + change
    with pytest.raises(ConfigurationError, match=told):
        open_event_store(url)


def test_tables_of_a_search_path(empty_url: str) -> None:
    """The steps go to the first schema of the search path."""
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute(SQL("CREATE SCHEMA {}").format(Identifier("tickets")))
    url = empty_url + ("&" if "?" in empty_url else "?") + "options=-csearch_path%3Dtickets"
    ensure_schema(url)
    open_event_store(url).close()
    assert rows(empty_url, THERE) == []
