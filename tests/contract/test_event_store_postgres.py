"""The event store on PostgreSQL: edited history, several processes, lost connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from adapters.database.schema import ensure_schema
from adapters.event_store.store import BATCH_MAX, PostgresEventStore
from domain.core.errors import SeatsUnavailable
from domain.core.transient import TransientError
from domain.core.unit_of_work import UnitOfWork
from domain.stock.allocation import Allocation
from tests.contract.event_stores import AT, STREAM, UNTIL, clock, holding, one_batch, opening, stock
from tests.fakes.stored import as_stored, broken_link, events_of, recorder_of, stored_of

CUT = """SELECT pg_terminate_backend(pid) FROM pg_locks
         WHERE relation = 'events'::regclass AND mode = 'ExclusiveLock' AND granted"""
CUTS = 5


@pytest.mark.parametrize("edit", ['"quantity":1,', '"key":"b"'])
async def test_an_edited_row_is_found(postgres: PostgresEventStore, empty_url: str, edit: str) -> None:
    """A changed value breaks the hash chain at that event."""
    await postgres.commit(opening())
    for key in "abc":
        await postgres.commit(holding(key))
    forged = edit.replace("1", "7").replace("b", "x")
    statement = """UPDATE events SET state = convert_to(replace(convert_from(state, 'UTF8'), %s, %s), 'UTF8')
                   WHERE originator_id = %s AND originator_version = 3"""
    before = events_of(postgres, STREAM)
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute(statement, (edit, forged, STREAM))
    assert events_of(postgres, STREAM) != before
    assert broken_link(stored_of(postgres, STREAM)) == 3


async def test_a_deleted_row_is_found(postgres: PostgresEventStore, empty_url: str) -> None:
    """An event deleted from the middle breaks the hash chain at the next one."""
    await postgres.commit(opening())
    for key in "abc":
        await postgres.commit(holding(key))
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("DELETE FROM events WHERE originator_version = 3")
    assert broken_link(stored_of(postgres, STREAM)) == 4


async def test_without_the_guard_decisions_are_lost(postgres: PostgresEventStore) -> None:
    """Read, decide, insert without the lock: of twenty buyers for fifty seats one gets a seat."""
    await postgres.commit(opening(capacity=50))
    naive = []
    for number in range(20):
        loaded = await postgres.read(lambda uow: uow.get(Allocation, "a"))
        loaded.place(str(number), 1, UNTIL, "naive", AT)
        naive.append(as_stored(loaded))
    conflicts = 0
    with recorder_of(postgres) as recorder:
        for events in naive:
            try:
                recorder.insert_events(events)
            except IntegrityError:
                conflicts += 1
    assert conflicts == 19
    assert await stock(postgres) == (49, ["0"])
    await asyncio.gather(*(postgres.commit(holding(str(number))) for number in range(20)))
    assert (await stock(postgres))[0] == 30


async def test_two_stores_sell_fifty_seats_to_three_hundred_buyers(
    postgres: PostgresEventStore, empty_url: str
) -> None:
    """Exactly fifty get a seat, all others get `SeatsUnavailable`, and nobody gets a conflict."""
    await postgres.commit(opening(capacity=50))
    ensure_schema(empty_url)
    other = PostgresEventStore(empty_url, clock)
    try:
        sent = [(postgres, other)[number % 2].commit(holding(str(number))) for number in range(300)]
        answers = await asyncio.gather(*sent, return_exceptions=True)
    finally:
        other.close()
    sold = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert len(sold) == 50
    assert sum(isinstance(answer, SeatsUnavailable) for answer in answers) == 250
    available, keys = await stock(postgres)
    assert (available, len(keys)) == (0, 50)
    assert sorted(answer.value for answer in sold) == list(range(50))
    assert broken_link(stored_of(postgres, STREAM)) is None


async def test_many_decisions_share_a_transaction(postgres: PostgresEventStore, empty_url: str) -> None:
    """Decisions that wait for the committer are stored together, up to the limit of a batch."""
    await postgres.commit(opening(capacity=1000))
    async with one_batch(postgres):
        sent = [asyncio.create_task(postgres.commit(holding(str(number)))) for number in range(BATCH_MAX + 1)]
    await asyncio.gather(*sent)
    assert sorted(len(vars(event)["holds"]) for event in events_of(postgres, STREAM)[1:]) == [1, BATCH_MAX]
    with psycopg.connect(empty_url) as connection:
        rows = connection.execute("SELECT count(*) FROM events WHERE originator_version > 1 GROUP BY xmin ORDER BY 1")
        assert rows.fetchall() == [(1,), (1,)]


def cut(url: str) -> int:
    """End the connections that hold the lock on the events, as a failover does; return their number."""
    with psycopg.connect(url, autocommit=True) as connection:
        return len(connection.execute(CUT).fetchall())


async def test_a_connection_cut_in_the_middle_is_an_unknown_effect(
    postgres: PostgresEventStore, empty_url: str
) -> None:
    """The effect is unknown; the repeated command has it once, and the event store needs no restart."""
    await postgres.commit(opening())

    def decide(uow: UnitOfWork) -> int:
        available = holding("k")(uow)
        assert cut(empty_url) == 1
        return available

    with pytest.raises(TransientError) as transient:
        await postgres.commit(decide)
    assert transient.value.unknown
    assert (await postgres.commit(holding("k"))).value == 49
    assert (await postgres.commit(holding("k"))).value == 49
    assert len(events_of(postgres, STREAM)) == 2
    assert broken_link(stored_of(postgres, STREAM)) is None


async def test_commands_repeated_through_lost_connections_happen_once(
    postgres: PostgresEventStore, empty_url: str
) -> None:
    """Connections are cut at any moment of a transaction; each command is repeated and has one hold in the end."""
    await postgres.commit(opening(capacity=100_000))
    cuts = 0
    troubles: list[TransientError] = []

    async def buy(key: str) -> None:
        while True:
            try:
                await postgres.commit(holding(key))
            except TransientError as transient:
                troubles.append(transient)
            else:
                return

    async def buy_with_retries(buyer: int) -> int:
        bought = 0
        while cuts < CUTS:
            await buy(f"{buyer}-{bought}")
            bought += 1
        return bought

    async with asyncio.timeout(30):
        buying = asyncio.gather(*(buy_with_retries(buyer) for buyer in range(10)))
        while cuts < CUTS:
            cuts += await asyncio.to_thread(cut, empty_url)
        bought = sum(await buying)
    assert troubles
    assert all(trouble.unknown for trouble in troubles)
    available, keys = await stock(postgres)
    placed = [hold["key"] for event in events_of(postgres, STREAM)[1:] for hold in vars(event)["holds"]]
    assert (100_000 - available, len(keys), len(placed), len(set(placed))) == (bought,) * 4
    assert broken_link(stored_of(postgres, STREAM)) is None


@asynccontextmanager
async def swallowing(url: str) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """Proxy a server; once armed, forward one COMMIT and close the connection instead of returning its answer."""
    parts = conninfo_to_dict(url)
    armed = asyncio.Event()
    meetings: set[asyncio.Future[Any]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(65536):
                if answers and armed.is_set() and b"COMMIT\0" in chunk:
                    armed.clear()
                    break
                writer.write(chunk)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = str(parts.get("host", "127.0.0.1"))
        port = int(parts.get("port") or 5432)
        near = asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}") if host.startswith("/") else None
        back, out = await (near or asyncio.open_connection(host, port))
        meeting = asyncio.gather(pump(reader, out, answers=False), pump(back, writer, answers=True))
        meetings.add(meeting)
        await meeting

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    try:
        yield make_conninfo(url, host="127.0.0.1", port=server.sockets[0].getsockname()[1], sslmode="disable"), armed
    finally:
        server.close()
        async with asyncio.timeout(10):
            await asyncio.gather(*meetings)


async def test_a_commit_whose_answer_is_lost_is_found_again(postgres: PostgresEventStore, empty_url: str) -> None:
    """The event is stored although the caller gets an unknown effect; the same command finds it."""
    await postgres.commit(opening())
    async with swallowing(empty_url) as (url, armed):
        store = await asyncio.to_thread(PostgresEventStore, url, clock)
        try:
            assert (await store.commit(holding("before"))).value == 49
            armed.set()
            with pytest.raises(TransientError) as transient:
                await store.commit(holding("k"))
            assert transient.value.unknown
            assert await stock(postgres) == (48, ["before", "k"])
            assert (await store.commit(holding("k"))).value == 48
        finally:
            await asyncio.to_thread(store.close)
    assert len(events_of(postgres, STREAM)) == 3
    assert broken_link(stored_of(postgres, STREAM)) is None


async def test_a_decision_that_cannot_be_stored_fails_alone(postgres: PostgresEventStore) -> None:
    """A text that PostgreSQL cannot store and a stock opened twice fail; the rest of the batch is stored."""
    await postgres.commit(opening())
    async with one_batch(postgres):
        sent = [
            asyncio.ensure_future(postgres.commit(decision))
            for decision in (holding("good"), opening("nul\0"), opening("a"), holding("\ud800"), holding("also good"))
        ]
        await asyncio.sleep(0)
    outcomes = await asyncio.gather(*sent, return_exceptions=True)
    assert [isinstance(outcome, BaseException) for outcome in outcomes] == [False, True, True, True, False]
    assert await stock(postgres) == (48, ["also good", "good"])


async def test_a_closed_store_refuses(postgres: PostgresEventStore) -> None:
    """A commit after the close raises at once."""
    postgres.close()
    with pytest.raises(TransientError, match="closed"):
        await postgres.commit(opening())
