"""Start-up: wait for the database, see that it has the tables of this build, and open the event store."""

import asyncio
import logging
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TypeVar

import psycopg
from eventsourcing.persistence import PersistenceError

from adapters.database.schema import ensure_schema, is_prepared
from adapters.database.sessions import check_sessions
from adapters.event_store.store import QUEUE_MAX, PostgresEventStore
from adapters.postgres.faults import ConfigurationError, fault_of

log = logging.getLogger(__name__)
T = TypeVar("T")
RETRY_SECONDS_MAX = 60.0
PAUSE_SECONDS = 0.25
REFUSED_EXIT = 2


def utc_now() -> datetime:
    """Return the present time in UTC."""
    return datetime.now(UTC)


def prepare(url: str) -> None:
    """Wait up to a minute for the database, and bring it to this build where it is not.

    Where it is, nothing is changed: a role that may not make tables is enough. Raise ConfigurationError for one that
    would have to make some, and for a pooler that keeps no sessions.
    """
    retry_until_available(lambda: check_sessions(url))
    retry_until_available(lambda: None if is_prepared(url) else ensure_schema(url))


def open_event_store(url: str, queue_max: int = QUEUE_MAX, *, coalesces: bool = False) -> PostgresEventStore:
    """Prepare the database and open the event store."""
    prepare(url)
    return PostgresEventStore(url, utc_now, queue_max, coalesces=coalesces)


@asynccontextmanager
async def opened_event_store(
    url: str, queue_max: int = QUEUE_MAX, *, coalesces: bool = False
) -> AsyncIterator[PostgresEventStore]:
    """Open the event store without holding up the loop, and close it in the end."""
    store = await asyncio.to_thread(open_event_store, url, queue_max, coalesces=coalesces)
    try:
        yield store
    finally:
        await asyncio.to_thread(store.close)


def or_explain(start: Callable[[], T]) -> T:
    """Run a process; a wrong configuration of the database is one sentence and exit code 2."""
    try:
        return start()
    except (ConfigurationError, psycopg.Error) as error:
        fault = error if isinstance(error, ConfigurationError) else fault_of(error)
        if fault is None:
            raise
        sys.stderr.write(f"{fault}\n")
        raise SystemExit(REFUSED_EXIT) from None


def retry_until_available(attempt: Callable[[], T], seconds_max: float = RETRY_SECONDS_MAX) -> T:
    """Repeat an attempt until the database answers; raise its error when the time is up.

    Raise ConfigurationError at once for one that would never pass by itself.
    """
    deadline = time.monotonic() + seconds_max
    while True:
        try:
            return attempt()
        except (psycopg.Error, PersistenceError) as error:
            if (fault := fault_of(error)) is not None:
                raise fault from error
            if not isinstance(error, psycopg.OperationalError | PersistenceError):
                raise
            if time.monotonic() > deadline:
                raise
            log.warning("waiting for PostgreSQL: %s", type(error).__name__)
            time.sleep(PAUSE_SECONDS)
