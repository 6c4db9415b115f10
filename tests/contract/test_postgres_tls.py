"""Every connection of every process is opened as the database's URL says: TLS, verified, with the URL's options."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack

import psycopg
import pytest
from eventsourcing.persistence import PersistenceError
from eventsourcing.postgres import PostgresDatastore
from pydantic import SecretStr

import projector
from adapters.database.schema import ensure_schema
from adapters.database.startup import open_event_store
from adapters.event_store.event_pages import EventPages
from adapters.event_store.log import EventLog
from adapters.event_store.recorder import open_recorder, schema_lock
from adapters.postgres.connections import CONNECT_SECONDS, REQUEST, connect, conninfo_of, open_pool
from api.main import assemble
from domain.core.transient import TransientError
from settings import Settings
from settings.groups import DeploymentSettings, PostgresSettings, SolanaSettings
from tests.contract.tls_postgres import TlsServer, programs, tls_postgres

FROM_THE_URL = "from-the-url"
CONNECTIONS = (
    "SELECT s.ssl, a.application_name, current_setting('ssl') FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid)"
    " WHERE a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()"
)


@pytest.fixture(scope="module")
def server() -> Iterator[TlsServer]:
    folder = programs()
    if folder is None:
        pytest.skip("this machine has no PostgreSQL of its own, and the wheel's has no TLS")
    with tls_postgres(folder) as running:
        ensure_schema(running.url)
        yield running


async def opened_by_the_api(url: str, closing: AsyncExitStack) -> None:
    """Open everything that the API opens, and use the store."""
    solana = SolanaSettings(issuer_secret=SecretStr("01" * 32), address_secret=SecretStr("02" * 32))
    deployment = DeploymentSettings(secret=SecretStr("03" * 32))
    settings = Settings(_env_file=None, postgres=PostgresSettings(url=url), solana=solana, deployment=deployment)
    deps = await assemble(settings, closing)
    await deps.purchases.look("pu_of_nobody")
    await deps.buyers.forget("nobody")


async def opened_by_the_worker(url: str, closing: AsyncExitStack) -> None:
    """Open the store and the pool as the worker does, and append to the store."""
    store = await asyncio.to_thread(open_event_store, url)
    closing.push_async_callback(asyncio.to_thread, store.close)
    await store.commit(lambda _: None)
    await closing.enter_async_context(open_pool(url))


async def opened_by_the_projector(url: str, closing: AsyncExitStack) -> None:
    """Follow the log as the projector does."""
    stopping = threading.Event()
    following = threading.Thread(target=projector.Follower(url, stopping).run)
    following.start()
    closing.push_async_callback(asyncio.to_thread, following.join)
    closing.callback(stopping.set)


async def opened_by_a_command(url: str, closing: AsyncExitStack) -> None:
    """Read the log as `boxoffice reconcile` does."""
    closing.enter_context(EventPages(url))


OPENERS = (opened_by_the_api, opened_by_the_worker, opened_by_the_projector, opened_by_a_command)


@pytest.mark.parametrize("opener", OPENERS)
async def test_every_connection_of_a_process_uses_tls_and_the_options(
    server: TlsServer, opener: Callable[[str, AsyncExitStack], object]
) -> None:
    """No connection of the API, the worker, the projector or a command is plain or without the URL's options."""
    async with AsyncExitStack() as closing:
        await opener(server.url, closing)  # type: ignore[misc]
        found = connections(server)
    assert found
    assert {(ssl, name) for ssl, name, _ in found} == {(True, FROM_THE_URL)}


def connections(server: TlsServer) -> list[tuple[bool, str, str]]:
    """Return the server's connections, once there is one."""
    until = time.monotonic() + 10
    with psycopg.connect(server.url, autocommit=True) as connection:
        while not (found := connection.execute(CONNECTIONS).fetchall()) and time.monotonic() < until:
            time.sleep(0.05)
    return found


def test_the_server_refuses_plain_connections(server: TlsServer) -> None:
    """Without TLS nobody enters, so that a connection that dropped `sslmode` would fail too."""
    with pytest.raises(psycopg.OperationalError, match="no pg_hba"):
        psycopg.connect(server.with_(sslmode="disable"))


async def _open_pool(url: str) -> None:
    pool = open_pool(url, 1)
    try:
        await pool.open(wait=True, timeout=1)
    finally:
        await pool.close()


def lock(url: str) -> None:
    with schema_lock(url):
        pass


def follow_shortly(url: str) -> None:
    with connect(url, REQUEST):
        pass


def enter_pages(url: str) -> None:
    with EventPages(url):
        pass


def record(url: str) -> None:
    open_recorder(url, 1).datastore.close()


def append(url: str) -> None:
    log = EventLog(url, REQUEST)
    try:
        log.append_if_head(0, [], [])
    finally:
        log.close()


def open_and_close_pool(url: str) -> None:
    asyncio.run(_open_pool(url))


WAYS = (record, append, open_and_close_pool, lock, follow_shortly, enter_pages)


@pytest.mark.parametrize("way", WAYS)
def test_no_way_to_connect_accepts_a_server_of_another_authority(
    server: TlsServer, way: Callable[[str], object]
) -> None:
    """`sslrootcert` and `verify-full` reach every way to connect, the library's recorder too."""
    way(server.url)
    with pytest.raises((psycopg.OperationalError, PersistenceError, TransientError)):
        way(server.with_(sslrootcert=str(server.other_authority)))


def test_the_library_alone_accepts_any_server(server: TlsServer) -> None:
    """Its datastore takes five parts of an address, so it cannot be told to verify: that is why its pool is told."""
    parts = psycopg.conninfo.conninfo_to_dict(server.with_(sslrootcert=str(server.other_authority)))
    five = (str(parts.get(name, "")) for name in ("dbname", "host", "port", "user", "password"))
    with PostgresDatastore(*five) as datastore, datastore.get_connection() as connection:
        assert connection.pgconn.ssl_in_use


def test_options_of_the_url_and_ours_hold_together(store_server: str) -> None:
    """The URL's options stay when a connection adds its own; a timeout of the URL replaces our default."""
    url = psycopg.conninfo.make_conninfo(store_server, options="-c work_mem=4321kB -c jit=on", connect_timeout="7")
    with psycopg.connect(conninfo_of(url, "-c jit=off")) as connection:
        shown = [connection.execute(f"SHOW {name}").fetchone() for name in ("work_mem", "jit")]
    assert shown == [("4321kB",), ("off",)]
    assert "connect_timeout=7" in conninfo_of(url)
    assert f"connect_timeout={CONNECT_SECONDS}" in conninfo_of(store_server)
