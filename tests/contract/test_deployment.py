"""The deployment's row: made once per database, claimed by one secret, also in a database of 0.1.0."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg
import pytest

from adapters.database.schema import ensure_schema
from adapters.event_store.store import PostgresEventStore
from adapters.postgres.deployment import DeploymentError, open_identity, pin_chain, read_deployment
from devstack.stack import ROOT
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork
from tests.contract.event_stores import clock
from tests.fakes.samples import new_venue

SECRET, OTHER = bytes(range(32)), bytes(32)


@pytest.fixture
def unnamed_url(empty_url: str) -> str:
    """A database without a deployment, as 0.1.0 left it."""
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS deployment, alembic_version")
    return empty_url


def test_many_processes_make_one_deployment(unnamed_url: str) -> None:
    """Starts at the same time and later ones read the same id; a database made anew has another."""
    with ThreadPoolExecutor(4) as starts:
        list(starts.map(ensure_schema, [unnamed_url] * 4))
    first = read_deployment(unnamed_url)
    ensure_schema(unnamed_url)
    assert read_deployment(unnamed_url) == first
    assert (first.deployment_id[:3], len(first.deployment_id), first.adopted) == ("dp_", 29, False)
    with psycopg.connect(unnamed_url, autocommit=True) as connection:
        connection.execute("DROP TABLE deployment, alembic_version")
    ensure_schema(unnamed_url)
    assert read_deployment(unnamed_url).deployment_id != first.deployment_id


async def test_a_database_with_events_is_adopted(unnamed_url: str) -> None:
    """A database of 0.1.0 gets an identity at the first start."""
    ensure_schema(unnamed_url)
    store = PostgresEventStore(unnamed_url, clock)
    await store.commit(partial(UnitOfWork.add, aggregate=new_venue()))
    store.close()
    with psycopg.connect(unnamed_url, autocommit=True) as connection:
        connection.execute("DROP TABLE deployment, alembic_version")
    ensure_schema(unnamed_url)
    assert read_deployment(unnamed_url).adopted


def test_the_first_secret_owns_the_database(unnamed_url: str) -> None:
    """It is accepted again; any other is refused by a sentence that names the setting and shows no secret."""
    ensure_schema(unnamed_url)
    identity = open_identity(unnamed_url, SECRET)
    assert open_identity(unnamed_url, SECRET) == identity
    assert identity.deployment_id == read_deployment(unnamed_url).deployment_id
    with pytest.raises(DeploymentError, match="BOXOFFICE_DEPLOYMENT__SECRET is not the secret of") as refused:
        open_identity(unnamed_url, OTHER)
    assert OTHER.hex() not in str(refused.value)
    assert open_identity(unnamed_url, SECRET) == identity


def test_a_database_without_a_deployment_is_refused(unnamed_url: str) -> None:
    """A reader names the way out: it creates nothing itself."""
    with pytest.raises(DeploymentError, match="run `boxoffice migrate`"):
        read_deployment(unnamed_url)
    ensure_schema(unnamed_url)
    with psycopg.connect(unnamed_url, autocommit=True) as connection:
        connection.execute("DELETE FROM deployment")
    with pytest.raises(DeploymentError, match="run `boxoffice migrate`"):
        read_deployment(unnamed_url)
    with pytest.raises(TransientError):
        read_deployment("postgresql://postgres@127.0.0.1:1/none")


def test_the_api_does_not_start_with_another_secret(unnamed_url: str) -> None:
    """It ends with one sentence instead of a traceback."""
    ensure_schema(unnamed_url)
    open_identity(unnamed_url, SECRET)
    given = {"POSTGRES__URL": unnamed_url, "DEPLOYMENT__SECRET": OTHER.hex(), "SOLANA__ISSUER_SECRET": SECRET.hex()}
    env = {**os.environ, **{f"BOXOFFICE_{name}": value for name, value in given.items()}}
    ended = subprocess.run([sys.executable, "-m", "api.main"], env=env, cwd=ROOT, capture_output=True, check=False)
    assert (ended.returncode, ended.stderr.decode().count("\n")) == (1, 1)
    assert ended.stderr.decode().startswith("BOXOFFICE_DEPLOYMENT__SECRET is not the secret of")


def test_the_first_chain_is_pinned(unnamed_url: str) -> None:
    """Processes that start together pin one chain; a database of 0.1.0, without the column, gets it."""
    ensure_schema(unnamed_url)
    with psycopg.connect(unnamed_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE deployment DROP COLUMN genesis")
        connection.execute("DROP TABLE alembic_version")
    ensure_schema(unnamed_url)
    with ThreadPoolExecutor(4) as starts:
        pinned = set(starts.map(partial(pin_chain, unnamed_url), ["one", "two", "three", "four"]))
    assert len(pinned) == 1
    assert pin_chain(unnamed_url, "another") == pinned.pop()
    with pytest.raises(TransientError):
        pin_chain("postgresql://postgres@127.0.0.1:1/none", "one")
