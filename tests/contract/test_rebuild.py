"""A rebuild of the read models happens beside the live ones: nothing reads as missing, whenever it ends."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from activities.access.keys import CreateKey, KeyCommands
from adapters.database import rebuild as rebuilding
from adapters.database.rebuild import RebuildError, is_current, rebuild
from adapters.database.schema import ensure_schema
from adapters.database.startup import utc_now
from adapters.event_store.store import PostgresEventStore
from adapters.postgres.connections import REQUEST, Pool, connect
from adapters.read_models.documents import KINDS
from adapters.read_models.projection import LINES, Projection
from adapters.read_models.queries import ReadModels
from domain.core.actor import Actor, acting_as
from domain.core.transient import TransientError
from domain.money.statement import StatementQuery
from projector import Follower
from tests.contract.event_stores import holding, opening
from tests.contract.selling import sell
from tests.contract.test_read_models import rows

SEEN = (
    "SELECT (SELECT position FROM rm_position), (SELECT doc->>'state' FROM rm_purchases WHERE id = 'pu_1'),"
    " (SELECT count(*) FROM rm_timeline WHERE purchase_id = 'pu_1'), (SELECT sum(amount) FROM rm_postings),"
    " (SELECT balance FROM rm_balances WHERE account = 'venue:ve_1:payable')"
)
END_REBUILDS = (
    "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND objsubid = 1"
)


@pytest.fixture
async def store(tables_url: str) -> Any:
    store = await asyncio.to_thread(PostgresEventStore, tables_url, utc_now)
    await sell(store)
    with acting_as(Actor("default/key", "default")):
        await KeyCommands(store).create(CreateKey(tenant_id="default", kind="secret", label="", scopes=("door",)))
    yield store
    await asyncio.to_thread(store.close)


@pytest.fixture
def live(tables_url: str, store: PostgresEventStore) -> Iterator[psycopg.Connection[Any]]:
    """A connection of a reader, with the limits of a request; the read models are up to date."""
    with connect(tables_url, REQUEST) as connection:
        Projection(connection).catch_up()
        yield connection


def seen(connection: psycopg.Connection[Any]) -> tuple[Any, ...]:
    (found,) = connection.execute(SEEN).fetchall()
    return tuple(found)


def poll(url: str, stopping: threading.Event, found: list[tuple[Any, ...]]) -> None:
    """Read as a request would, until `stopping` is set; an error ends it."""
    with connect(url, REQUEST) as connection:
        while not stopping.is_set():
            found.append(seen(connection))


def in_place(url: str, between: Callable[[], bool]) -> None:
    """Rebuild without the guard: empty the live tables and fold into them."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"TRUNCATE {', '.join(f'rm_{name}' for name in (*KINDS, *LINES))}")
        connection.execute("UPDATE rm_position SET position = 0")
        between()
        Projection(connection).catch_up()


@pytest.mark.parametrize(("run", "whole"), [(in_place, False), (rebuild, True)])
def test_a_reader_in_the_middle_sees_what_was_there(
    live: psycopg.Connection[Any], tables_url: str, run: Callable[[str, Callable[[], bool]], Any], *, whole: bool
) -> None:
    """In the live tables themselves the sale is missing until it is folded again; beside them it never is."""
    before, between = seen(live), list[tuple[Any, ...]]()

    def look() -> bool:
        between.append(seen(live))
        return False

    run(tables_url, look)
    assert between
    assert all(found == before for found in between) is whole
    assert seen(live) == before


def test_the_rows_are_the_same(live: psycopg.Connection[Any], tables_url: str) -> None:
    """Event by event, in batches, or from zero."""
    before = rows(live)
    assert rebuild(tables_url) == before["position"][0][0]
    assert rows(live) == before
    assert all(before[name] for name in ("timeline", "postings", "account_lines", "audit", "keys"))
    assert live.execute("SELECT count(*) FROM pg_namespace WHERE nspname = 'rm_rebuild'").fetchall() == [(0,)]


async def test_readers_and_projector_go_on_through_the_switch(
    live: psycopg.Connection[Any], store: PostgresEventStore, tables_url: str
) -> None:
    """Readers never fail, never go back and never miss a row; what happened meanwhile is folded once."""
    await store.commit(opening("extra", capacity=100))
    stopping, found = threading.Event(), list[tuple[Any, ...]]()
    reader = asyncio.create_task(asyncio.to_thread(poll, tables_url, stopping, found))
    projector = asyncio.create_task(asyncio.to_thread(Follower(tables_url, stopping).run))
    try:
        for number in range(2):
            building = asyncio.create_task(asyncio.to_thread(rebuild, tables_url))
            for hold in range(10):
                await store.commit(holding(f"{number}-{hold}", "extra"))
            await building
        head = live.execute("SELECT max(notification_id) FROM events").fetchall()[0][0]
        for _ in range(1_000):
            if seen(live)[0] == head:
                break
            await asyncio.sleep(0.02)
    finally:
        stopping.set()
    await asyncio.gather(reader, projector)
    assert seen(live)[0] == head
    assert {one[1:] for one in found} == {seen(live)[1:]}
    assert [one[0] for one in found] == sorted(one[0] for one in found)
    held = live.execute("SELECT doc->>'held' FROM rm_allocations WHERE id = 'extra'").fetchall()
    assert held == [("20",)]


def test_a_rebuild_that_is_killed_leaves_the_live_tables_and_the_next_one_goes_on(
    live: psycopg.Connection[Any], tables_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it was ever read. Other code begins again: its folds may write something else."""
    before, looks = rows(live), list[int]()
    monkeypatch.setattr(rebuilding, "Projection", lambda connection: Projection(connection, batch_max=4))

    def kill() -> bool:
        looks.append(1)
        if len(looks) == 3:
            assert live.execute(END_REBUILDS, (rebuilding.REBUILD_LOCK,)).fetchall() == [(True,)]
        return False

    def left() -> int:
        return int(live.execute("SELECT position FROM rm_rebuild.rm_position").fetchall()[0][0])

    with pytest.raises(psycopg.OperationalError):
        rebuild(tables_url, kill)
    assert rows(live) == before
    at = left()
    assert 0 < at < before["position"][0][0]
    with pytest.raises(RebuildError, match="the next one goes on"):
        rebuild(tables_url, lambda: True)
    assert left() > at
    with monkeypatch.context() as changed:
        changed.setattr(rebuilding, "code_digest", lambda: "of other code")
        with pytest.raises(RebuildError, match="the next one goes on"):
            rebuild(tables_url, lambda: True)
    assert left() <= at
    with monkeypatch.context() as changed:
        changed.setattr(rebuilding, "code_digest", lambda: "of other code")
        rebuild(tables_url)
    assert rows(live) == before


def test_one_rebuild_at_a_time_and_one_that_is_stopped(live: psycopg.Connection[Any], tables_url: str) -> None:
    """The second is refused, and the first ends without a change when it is asked to."""
    before = rows(live)

    def second() -> bool:
        with pytest.raises(RebuildError, match="another process"):
            rebuild(tables_url)
        return True

    with pytest.raises(RebuildError, match="stopped"):
        rebuild(tables_url, second)
    assert rows(live) == before


def test_the_switch_waits_for_a_reader_and_holds_no_other(live: psycopg.Connection[Any], tables_url: str) -> None:
    """A long read delays it; reads that come meanwhile are served within their limit."""
    before = rows(live)
    with psycopg.connect(tables_url) as slow:
        slow.execute("SELECT count(*) FROM rm_timeline")
        building = threading.Thread(target=rebuild, args=(tables_url,))
        building.start()
        for _ in range(20):
            assert seen(live)[1] == "fulfilled"
            building.join(0.1)
        assert building.is_alive()
    building.join()
    assert rows(live) == before


def test_the_progress_is_reported(
    live: psycopg.Connection[Any], tables_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says how many events of how many are folded."""
    monkeypatch.setattr(rebuilding, "REPORT_SECONDS", 0.0)
    head = seen(live)[0]
    with caplog.at_level(logging.INFO):
        rebuild(tables_url)
    assert f"rebuilding the read models: {head} of {head} events" in caplog.text


async def test_read_models_of_another_shape_are_rebuilt_before_they_are_followed(
    live: psycopg.Connection[Any], tables_url: str, pool: Pool
) -> None:
    """Tables of 0.1.0 stay as they are for readers, but for the new queries; the projector replaces them."""
    before, reads = rows(live), ReadModels(pool)
    live.execute("ALTER TABLE rm_position DROP COLUMN shape")
    live.execute("ALTER TABLE rm_postings DROP COLUMN booked_at")
    live.execute("DROP TABLE rm_account_lines")
    ensure_schema(tables_url)
    assert not is_current(tables_url)
    assert await reads.purchase("pu_1") is not None
    for ask in (reads.statement("ve_1", StatementQuery()), reads.balance("venue:ve_1:payable")):
        with pytest.raises(TransientError, match="older version"):
            await ask
    stopping = threading.Event()
    projector = threading.Thread(target=Follower(tables_url, stopping).run)
    projector.start()
    for _ in range(1_000):
        if is_current(tables_url):
            break
        await asyncio.sleep(0.02)
    stopping.set()
    projector.join()
    assert rows(live) == before
    assert (await reads.statement("ve_1", StatementQuery()))["closing"][0]["balance_minor"] == 1500
