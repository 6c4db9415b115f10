"""Every wait for PostgreSQL has an end: a locked table or a frozen server is 503 in time, and holds nobody else."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from typing import Any

import httpx
import psutil
import psycopg
import pytest
from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo

from activities.sales.request_purchase import PurchaseCommands
from adapters.database.schema import ensure_schema
from adapters.database.startup import utc_now
from adapters.event_store.log import EventLog
from adapters.event_store.store import TIMEOUT_SECONDS, PostgresEventStore
from adapters.postgres.connections import (
    CONNECT_SECONDS,
    REQUEST,
    BoundedAsyncConnection,
    BoundedConnection,
    Pool,
    Waits,
    connect,
    connection_of,
    open_pool,
)
from adapters.postgres.tables import PostgresCheckouts
from adapters.privacy.buyers import PostgresBuyers, Sealing
from adapters.read_models import queries
from adapters.read_models.queries import ReadModels
from api.app import create_app
from api.routes.health import READY_SECONDS
from domain.core.transient import TransientError
from settings import Settings
from tests.contract.event_stores import holding, opening
from tests.contract.postgres_box import postgres_box
from tests.fakes.api_client import api_client
from tests.fakes.shop_world import ApiWorld

ANSWER_SECONDS_MAX = 5.0
BUSY_SECONDS = 10.0  # more than that on a busy machine is a wait without an end
BACK_SECONDS_MAX = 20.0
VENUE = "/api/v1/venues/ve_1"
PURCHASE = "/api/v1/purchases/pu_1"
PATIENT = Waits(60.0, 60.0)
ORDERED = Waits(4.0, 3.0)  # time enough for another request to be answered while these wait
TRY_AGAIN = "urn:boxoffice:problem:try-again"


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with postgres_box() as url:
        ensure_schema(url)
        yield url


@contextmanager
def locked(url: str, table: str) -> Iterator[None]:
    """Lock a table against every reader within the block."""
    with psycopg.connect(url) as connection:
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield
        connection.rollback()


@contextmanager
def frozen(url: str) -> Iterator[None]:
    """Stop every process of the server within the block; its connections stay open."""
    with psycopg.connect(url) as connection:
        server = psutil.Process(connection.info.backend_pid).parent()
    assert server is not None
    processes = [server, *server.children(recursive=True)]
    send(signal.SIGSTOP, processes)
    try:
        yield
    finally:
        send(signal.SIGCONT, processes)


def send(number: signal.Signals, processes: list[psutil.Process]) -> None:
    """Signal those that still run: a worker of the server's own ends at any moment."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


@asynccontextmanager
async def api_on(
    url: str,
    store: PostgresEventStore | None = None,
    waits: Waits = REQUEST,
    read_seconds: float = 4.5,
    *,
    apart: bool = True,
) -> AsyncIterator[httpx.AsyncClient]:
    """Serve the API over PostgreSQL's read models and small tables, as the front door connects them.

    Without `apart` reads have the pool of the others.
    """
    async with open_pool(url, waits=waits) as pool, open_pool(url, waits=waits) as reads:
        await asyncio.gather(pool.wait(), reads.wait())
        world = ApiWorld()
        deps = replace(
            world.deps(),
            queries=ReadModels(reads if apart else pool),
            buyers=PostgresBuyers(pool, Sealing({}, "secret")),
            secrets=PostgresCheckouts(pool),
            limits=replace(world.limits, read_seconds=read_seconds),
        )
        if store is not None:
            deps = replace(deps, purchases=PurchaseCommands(store))
        async with api_client(create_app(deps), raise_app_exceptions=True) as client:
            await client.get("/health/live")  # the client reads the whole document with the first answer
            yield client


async def buy(client: httpx.AsyncClient, key: str, email: str | None) -> httpx.Response:
    wanted = {"show_id": "sh_1", "items": [{"ticket_type_id": "tt_1", "quantity": 1}], "buyer": {"email": email}}
    return await client.post("/api/v1/purchases", json=wanted, headers={"Idempotency-Key": key})


def is_try_again(answer: httpx.Response) -> bool:
    return answer.status_code == 503 and answer.json()["type"] == TRY_AGAIN and "Retry-After" in answer.headers


@pytest.mark.parametrize(("waits", "ends"), [(PATIENT, False), (Waits(60.0, 0.2), True), (Waits(0.2, 60.0), True)])
async def test_a_read_of_a_locked_table_ends(database: str, waits: Waits, *, ends: bool) -> None:
    """Without a limit of the statement or of the lock it waits as long as the lock lasts; with either it is 503."""
    async with api_on(database, waits=waits, read_seconds=60.0) as client:
        with locked(database, "rm_venues"):
            reading = asyncio.create_task(client.get(VENUE))
            done, _ = await asyncio.wait([reading], timeout=BUSY_SECONDS if ends else 1.0)
            assert bool(done) is ends
        assert is_try_again(await reading) if ends else (await reading).status_code == 404


async def test_the_waits_of_a_read_are_bounded_in_sum(database: str) -> None:
    """A read that waits for a position and then for a lock is answered within the limit of both."""
    path = f"{VENUE}?after=1000"
    async with api_on(database, waits=PATIENT, read_seconds=2.5) as client:
        with locked(database, "rm_venues"):
            began = time.monotonic()
            assert is_try_again(await client.get(path))
            assert 2.4 < time.monotonic() - began < ANSWER_SECONDS_MAX + BUSY_SECONDS
        assert (await client.get("/health/ready")).status_code == 200


@pytest.mark.parametrize("guarded", [False, True])
async def test_a_locked_table_does_not_hold_the_reads_of_others(
    database: str, monkeypatch: pytest.MonkeyPatch, *, guarded: bool
) -> None:
    """Without shares of the pool the other read waits behind those of the locked table; with them it is first."""
    if not guarded:
        monkeypatch.setattr(queries, "Semaphore", lambda _: asyncio.Semaphore(1_000))
    async with api_on(database, waits=ORDERED) as client:
        with locked(database, "rm_venues"):
            began = time.monotonic()
            stuck = [asyncio.create_task(client.get(VENUE)) for _ in range(24)]
            await asyncio.sleep(0.2)
            assert (await client.get(PURCHASE)).status_code in ({404} if guarded else {404, 503})
            assert any(task.done() for task in stuck) is not guarded
            assert {is_try_again(answer) for answer in await asyncio.gather(*stuck)} == {True}
            assert time.monotonic() - began < ANSWER_SECONDS_MAX + BUSY_SECONDS


async def test_a_locked_read_model_does_not_hold_purchases(database: str) -> None:
    """Decisions and their small tables have connections of their own."""
    store = await asyncio.to_thread(PostgresEventStore, database, utc_now)
    async with api_on(database, store, ORDERED) as client:
        with locked(database, "rm_venues"):
            stuck = [asyncio.create_task(client.get(VENUE)) for _ in range(24)]
            await asyncio.sleep(0.2)
            bought = await buy(client, "k", "ann@example.org")
            assert bought.json()["type"].endswith("not-found")  # decided: there is no such show
            assert not any(task.done() for task in stuck)
            await asyncio.gather(*stuck)
    await asyncio.to_thread(store.close)


@pytest.mark.parametrize("apart", [False, True])
async def test_purchases_that_hang_do_not_hold_reads(database: str, *, apart: bool) -> None:
    """From one pool a read waits until a purchase lets go of its connection; from one of its own it is first."""
    async with api_on(database, waits=ORDERED, apart=apart) as client:
        with locked(database, "buyers"):
            stuck = [asyncio.create_task(buy(client, f"{number}", "ann@example.org")) for number in range(24)]
            await asyncio.sleep(0.3)
            await client.get(PURCHASE)
            assert any(task.done() for task in stuck) is not apart
            assert {is_try_again(answer) for answer in await asyncio.gather(*stuck)} == {True}


async def test_a_frozen_server_is_503_in_time(database: str) -> None:
    """Reads and purchases end within five seconds, `live` answers, and all is well once the server goes on."""
    store = await asyncio.to_thread(PostgresEventStore, database, utc_now)
    async with api_on(database, store) as client:
        await store.commit(opening("frozen"))
        with frozen(database):
            began = time.monotonic()
            calls = [client.get(path) for path in (VENUE, PURCHASE, "/health", "/health/ready")] * 3
            answers = await asyncio.gather(*calls, buy(client, "a", None), client.get("/health/live"))
            assert time.monotonic() - began < ANSWER_SECONDS_MAX + BUSY_SECONDS
            assert answers.pop().json() == {"status": "live"}
            assert all(is_try_again(answer) for answer in answers)
        await until_well(lambda: client.get("/health/ready"))
        await until_well(lambda: client.get("/health"))
        assert (await came_back(lambda: store.commit(holding("k", "frozen")))).value == 49
        await came_back(lambda: store.read(lambda uow: uow.at))
    await asyncio.to_thread(store.close)


async def until_well(get: Callable[[], Any]) -> None:
    until = time.monotonic() + BACK_SECONDS_MAX
    while (await get()).status_code != 200:
        assert time.monotonic() < until
        await asyncio.sleep(0.1)


async def came_back(call: Callable[[], Any]) -> Any:
    until = time.monotonic() + BACK_SECONDS_MAX
    while True:
        try:
            return await call()
        except TransientError:
            assert time.monotonic() < until
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("kind", [psycopg.Connection, BoundedConnection])
async def test_a_thread_does_not_wait_for_a_frozen_server(database: str, kind: type[psycopg.Connection[Any]]) -> None:
    """A plain connection waits as long as the server is frozen, whatever it was asked to end; ours is closed."""
    connection = kind.connect(database, autocommit=True, options=Waits(0.5, 0.5).options)
    if isinstance(connection, BoundedConnection):
        connection.answer_seconds = 0.5
    with frozen(database):
        asking = asyncio.create_task(asyncio.to_thread(connection.execute, "SELECT 1"))
        done, _ = await asyncio.wait([asking], timeout=BUSY_SECONDS if kind is BoundedConnection else 1.5)
        assert bool(done) is (kind is BoundedConnection)
    if kind is BoundedConnection:
        with pytest.raises(psycopg.OperationalError, match="timeout"):
            await asking
        assert connection.closed
    else:
        await asking
        connection.close()


@pytest.mark.parametrize("kind", [AsyncConnection, BoundedAsyncConnection])
async def test_a_cancelled_read_does_not_wait_for_a_frozen_server(
    database: str, kind: type[AsyncConnection[Any]]
) -> None:
    """A plain connection asks the server to cancel and waits for its answer; ours is closed at once."""
    connection = await kind.connect(database, autocommit=True)
    with frozen(database):
        asking = asyncio.create_task(_execute(connection))
        await asyncio.sleep(0.1)
        asking.cancel()
        done, _ = await asyncio.wait([asking], timeout=BUSY_SECONDS if kind is BoundedAsyncConnection else 1.0)
        assert bool(done) is (kind is BoundedAsyncConnection)
    await asyncio.wait([asking])
    await connection.close()


async def _execute(connection: AsyncConnection[Any]) -> None:
    await connection.execute("SELECT pg_sleep(30)")


async def test_the_log_of_a_frozen_server_is_given_up_and_opened_again(database: str) -> None:
    """Within a transaction too: the committer is not left in a wait, and the next call connects anew."""
    log = EventLog(database, Waits(0.5, 0.5))
    await asyncio.to_thread(log.lock_and_read, None, (), ())
    with frozen(database):
        with pytest.raises(psycopg.OperationalError):
            await asyncio.wait_for(asyncio.to_thread(log.read, ["a"]), BUSY_SECONDS)
        log.close()
    assert (await asyncio.to_thread(log.read, ["a"]))["a"].events == []
    log.close()


def test_each_wait_of_a_request_is_shorter_than_five_seconds() -> None:
    """By default, with the moment after which the client gives up a server that is frozen."""
    settings = Settings(_env_file=None)
    waits = Waits(settings.postgres.statement_seconds, settings.postgres.lock_seconds)
    assert waits == REQUEST
    for seconds in (waits.answer_seconds, TIMEOUT_SECONDS, settings.api.read_seconds, READY_SECONDS, CONNECT_SECONDS):
        assert seconds < ANSWER_SECONDS_MAX


def test_waits_and_the_urls_own_options_reach_the_session(database: str) -> None:
    """The server knows the limits; a parameter of the URL wins over our default."""
    url = make_conninfo(database, options="-c work_mem=5MB", keepalives_idle=7)
    connection = connect(url, Waits(2.0, 1.5), "-c jit=off")
    shown = [connection.execute(f"SHOW {name}").fetchall()[0][0] for name in ("statement_timeout", "lock_timeout")]
    assert [*shown, *connection.execute("SHOW work_mem").fetchall()[0]] == ["2s", "1500ms", "5MB"]
    parameters = connection.info.get_parameters()
    assert (parameters["keepalives_idle"], parameters["tcp_user_timeout"]) == ("7", "20000")
    connection.close()


async def test_a_pool_lends_whole_waits_again(database: str) -> None:
    """What one borrower had left of its time is not the next one's limit."""
    async with open_pool(database, 1) as pool:
        await _borrow(pool)
        async with pool.connection() as connection:
            assert connection.answer_seconds == pool.timeout


async def _borrow(pool: Pool) -> None:
    async with connection_of(pool) as connection:
        await connection.execute("SELECT pg_sleep(0.1)")
