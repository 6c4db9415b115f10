"""How a process begins with its database: it waits for it, makes what is missing, and opens the event store."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import psycopg
from eventsourcing.persistence import PersistenceError

from adapters.event_store.store import QUEUE_MAX, PostgresEventStore
from adapters.schema import ensure_schema

log = logging.getLogger(__name__)
T = TypeVar("T")
PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.25


def now() -> datetime:
    """Return the present time in UTC."""
    return datetime.now(UTC)


def open_event_store(url: str, queue_max: int = QUEUE_MAX, *, coalesces: bool = False) -> PostgresEventStore:
    """Make the schema and open the event store; waits up to a minute for a database that is not up yet."""
    retry_until_available(lambda: ensure_schema(url))
    return retry_until_available(lambda: PostgresEventStore(url, now, queue_max, coalesces=coalesces))


def retry_until_available(attempt: Callable[[], T], patience_seconds: float = PATIENCE_SECONDS) -> T:
    """Repeat until the database answers, within the patience; then raise what it says."""
    until = time.monotonic() + patience_seconds
    while True:
        try:
            return attempt()
        except (psycopg.OperationalError, PersistenceError) as error:
            if time.monotonic() > until:
                raise
            log.warning("waits for PostgreSQL: %s", type(error).__name__)
            time.sleep(PAUSE_SECONDS)
