"""Start-up: wait for the database, create missing tables, and open the event store."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import psycopg
from eventsourcing.persistence import PersistenceError

from adapters.database.schema import ensure_schema
from adapters.event_store.store import QUEUE_MAX, PostgresEventStore

log = logging.getLogger(__name__)
T = TypeVar("T")
RETRY_SECONDS_MAX = 60.0
PAUSE_SECONDS = 0.25


def utc_now() -> datetime:
    """Return the present time in UTC."""
    return datetime.now(UTC)


def open_event_store(url: str, queue_max: int = QUEUE_MAX, *, coalesces: bool = False) -> PostgresEventStore:
    """Create the schema and open the event store; wait up to a minute for the database."""
    retry_until_available(lambda: ensure_schema(url))
    return retry_until_available(lambda: PostgresEventStore(url, utc_now, queue_max, coalesces=coalesces))


def retry_until_available(attempt: Callable[[], T], seconds_max: float = RETRY_SECONDS_MAX) -> T:
    """Repeat an attempt until the database answers; raise its error when the time is up."""
    deadline = time.monotonic() + seconds_max
    while True:
        try:
            return attempt()
        except (psycopg.OperationalError, PersistenceError) as error:
            if time.monotonic() > deadline:
                raise
            log.warning("waiting for PostgreSQL: %s", type(error).__name__)
            time.sleep(PAUSE_SECONDS)
