"""Rebuilds the read models beside the live ones and puts them in their place, so that nothing reads as missing."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg
from psycopg.sql import SQL, Identifier

from adapters.database.schema import SHAPE, create_read_models, stored_shape
from adapters.postgres.connections import SCHEMA, BoundedConnection, connect
from adapters.read_models.projection import Projection, code_digest

log = logging.getLogger(__name__)
BESIDE = "rm_rebuild"
REBUILD_LOCK = 0x426F7852  # any number, but the same in every process
REPORT_SECONDS = 2.0
# Readers wait while the tables are exchanged, and meanwhile for the locks. Both must be shorter than their own limit.
LOCK_MS = 300
PAUSE_SECONDS = 0.3
SWITCH_SECONDS_MAX = 120.0
WRITTEN_BY = "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = %s"
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename LIKE 'rm\\_%%' ORDER BY tablename"


class RebuildError(RuntimeError):
    """The rebuild did not happen: another process is at it, or this one is asked to stop."""


def is_current(url: str) -> bool:
    """Say whether the live read models have the shape that this code writes."""
    with connect(url, SCHEMA) as connection:
        return stored_shape(connection) == SHAPE


def rebuild(url: str, is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Fold all events into new tables and exchange the live ones for them in one transaction; return their number.

    Readers and the projector go on with the live tables meanwhile. One that was stopped leaves its tables, and the next
    one goes on with them if the same code wrote them from the same log.
    """
    with connect(url, SCHEMA) as connection, _alone(connection):
        live, events = connection.execute("SELECT current_schema(), pg_relation_filenode('events')").fetchall()[0]
        path = SQL("SET search_path = {}, {}").format(Identifier(BESIDE), Identifier(live))
        origin = f"{code_digest()} of {events}"  # a log that was restored or emptied since is another file
        if connection.execute(WRITTEN_BY, (BESIDE,)).fetchall() == [(origin,)]:
            connection.execute(path)
            log.info("going on with the read models of a rebuild that was stopped")
        else:
            connection.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(Identifier(BESIDE)))
            connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(BESIDE)))
            connection.execute(path)
            create_read_models(connection)
            connection.execute(SQL("COMMENT ON SCHEMA {} IS {}").format(Identifier(BESIDE), origin))
        projection = Projection(connection)
        total = _fold(connection, projection, is_stopping)
        return total + _switch(connection, projection, live)


@contextmanager
def _alone(connection: BoundedConnection) -> Iterator[None]:
    """Hold the lock of rebuilds; it ends with the connection, too, though a moment after that is closed here."""
    if not connection.execute("SELECT pg_try_advisory_lock(%s)", (REBUILD_LOCK,)).fetchall()[0][0]:
        raise RebuildError("another process is rebuilding the read models; wait for its end")
    try:
        yield
    finally:
        with suppress(psycopg.Error):
            connection.execute("SELECT pg_advisory_unlock(%s)", (REBUILD_LOCK,))


def _fold(connection: BoundedConnection, projection: Projection, is_stopping: Callable[[], bool]) -> int:
    """Fold until there is nothing new, and report the progress."""
    total, reported_at = 0, time.monotonic()
    while taken := projection.advance():
        total += taken
        if is_stopping():
            raise RebuildError("the rebuild was stopped; the live read models are as they were, the next one goes on")
        if time.monotonic() - reported_at >= REPORT_SECONDS:
            head = connection.execute("SELECT max(notification_id) FROM events").fetchall()[0][0]
            log.info("rebuilding the read models: %d of %d events", total, head)
            reported_at = time.monotonic()
    return total


def _switch(connection: BoundedConnection, projection: Projection, live: str) -> int:
    """Exchange the tables; try again while a reader or the projector holds one of them. Return the events folded."""
    until, total = time.monotonic() + SWITCH_SECONDS_MAX, 0
    while True:
        total += projection.catch_up()
        try:
            with connection.transaction():
                return total + _exchange(connection, projection, live)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled, psycopg.errors.DeadlockDetected):
            if time.monotonic() > until:
                raise
            time.sleep(PAUSE_SECONDS)


def _exchange(connection: BoundedConnection, projection: Projection, live: str) -> int:
    """Lock the live tables, fold what they have and the new ones lack, and drop them for the new ones."""
    olds, news = ([name for (name,) in connection.execute(TABLES, (schema,)).fetchall()] for schema in (live, BESIDE))
    olds.sort(key=lambda name: name != "rm_position")  # first: the projector holds it while it writes the others
    connection.execute(SQL("SET LOCAL statement_timeout = {}").format(LOCK_MS))
    connection.execute(
        SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(SQL(", ").join(Identifier(live, name) for name in olds))
    )
    connection.execute(SQL("SET LOCAL statement_timeout = {}").format(int(SCHEMA.statement_seconds * 1000)))
    folded = projection.catch_up()
    for name in olds:
        connection.execute(SQL("DROP TABLE {}").format(Identifier(live, name)))
    for name in news:
        connection.execute(SQL("ALTER TABLE {} SET SCHEMA {}").format(Identifier(BESIDE, name), Identifier(live)))
    connection.execute(SQL("DROP SCHEMA {}").format(Identifier(BESIDE)))
    return folded
