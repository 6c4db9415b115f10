"""Read what the doctor asks of PostgreSQL, in one look."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

import psycopg
from eventsourcing.persistence import StoredEvent

from adapters.database.migrate import schema_state
from adapters.database.schema import SHAPE, missing_tables, stored_shape
from adapters.database.sessions import keeps_sessions
from adapters.event_store.event_pages import EVENTS_AFTER
from adapters.event_store.recorder import event_mapper
from adapters.postgres.connections import BACKGROUND, connect
from cli.checks.doctor.examined import Database

NAMED_MAX = 50
POSITION, HEAD = "SELECT position FROM rm_position", "SELECT coalesce(max(notification_id), 0) FROM events"
WEBHOOKS = (
    "SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(received_at)), 0) FROM webhook_inbox"
    " WHERE signalled_at IS NULL"
)
OVERDUE = (
    "SELECT id FROM rm_purchases WHERE doc->>'state' IN ('requested', 'reserving', 'awaiting-payment')"
    " AND (doc->>'hold_until')::timestamptz < now() - make_interval(secs => %s) ORDER BY id LIMIT %s"
)
TOKENLESS = (
    "SELECT id FROM (SELECT id, doc FROM rm_venues UNION ALL SELECT id, doc FROM rm_shows) AS subjects"
    " WHERE doc->>'mint_address' IS NULL AND (doc->>'registered_at')::timestamptz < now() - interval '1 hour'"
    " ORDER BY id LIMIT %s"
)
ON_SALE = (
    "SELECT id, doc->>'mint_address' FROM rm_shows WHERE doc->>'on_sale' = 'true' AND doc->>'mint_address' IS NOT NULL"
    " ORDER BY id DESC LIMIT %s"
)
UNPINNED = "SELECT count(*) FROM rm_files WHERE doc->>'pinned' = 'false'"
SWITCHED_OFF = "SELECT id FROM rm_endpoints WHERE doc->>'state' = 'failing' ORDER BY id LIMIT %s"
LATE_LETTERS = (
    "SELECT count(*) FROM letters WHERE state IN ('due', 'sending') AND due_at < now() - interval '10 minutes'"
)
SET_ASIDE_LETTERS = (
    "SELECT purchase_id FROM letters WHERE state IN ('refused', 'given-up') AND last_at > now() - interval '7 days'"
    " GROUP BY 1 ORDER BY max(last_at) DESC LIMIT %s"
)
GENESIS = "SELECT genesis FROM deployment"


class Registered(NamedTuple):
    """What the tables say of the chain: the pinned genesis, and the addresses of groups that are on sale."""

    genesis: str | None
    groups: dict[str, str]


def read_database(url: str, patience_seconds: float) -> tuple[Database, Registered]:
    """Read everything; a purchase is overdue when its time to pay passed that long ago."""
    steps = schema_state(url)
    with connect(url, BACKGROUND) as connection:
        before = datetime.now(UTC)
        ((clock,),) = connection.execute("SELECT clock_timestamp()").fetchall()
        seen = before + (datetime.now(UTC) - before) / 2
        found = Database(
            keeps_sessions=keeps_sessions(url),
            missing_tables=missing_tables(connection),
            lacks_steps=None if steps.is_current else str(steps),
            is_ahead=str(steps) if steps.is_ahead else None,
            has_current_shape=stored_shape(connection) == SHAPE,
            events_behind=0,
            seconds_behind=0.0,
            clock_seconds=(clock - seen).total_seconds(),
            waiting_webhooks=0,
            oldest_webhook_seconds=0.0,
            overdue_purchases=(),
            tokenless=(),
            unpinned=0,
            switched_off=(),
        )
        registered = Registered(None, {})
        try:
            registered = _registered(connection)
            return _with_work(connection, found, patience_seconds), registered
        except psycopg.errors.UndefinedTable:  # the missing tables are named
            return found, registered


def _with_work(connection: psycopg.Connection[Any], found: Database, patience_seconds: float) -> Database:
    """Add what waits."""
    ((position,),), ((head,),) = (connection.execute(query).fetchall() for query in (POSITION, HEAD))
    ((waiting, oldest),) = connection.execute(WEBHOOKS).fetchall()
    overdue = connection.execute(OVERDUE, (patience_seconds, NAMED_MAX)).fetchall()
    tokenless = connection.execute(TOKENLESS, (NAMED_MAX,)).fetchall()
    ((unpinned,),) = connection.execute(UNPINNED).fetchall()
    switched_off = connection.execute(SWITCHED_OFF, (NAMED_MAX,)).fetchall()
    ((late,),) = connection.execute(LATE_LETTERS).fetchall()
    set_aside = connection.execute(SET_ASIDE_LETTERS, (NAMED_MAX,)).fetchall()
    return found._replace(
        events_behind=head - position,
        seconds_behind=_age_of(connection.execute(EVENTS_AFTER, (position, 1)).fetchall()),
        waiting_webhooks=waiting,
        oldest_webhook_seconds=float(oldest),
        overdue_purchases=tuple(name for (name,) in overdue),
        tokenless=tuple(name for (name,) in tokenless),
        unpinned=unpinned,
        switched_off=tuple(name for (name,) in switched_off),
        late_letters=late,
        set_aside_letters=tuple(name for (name,) in set_aside),
    )


def _age_of(rows: list[tuple[Any, ...]]) -> float:
    """Return the seconds since the first event that the read models lack; 0 when they lack none."""
    for _, stream, version, topic, state in rows:
        event = event_mapper().event_of(StoredEvent(stream, version, topic, bytes(state)))
        return (datetime.now(UTC) - event.timestamp).total_seconds()
    return 0.0


def _registered(connection: psycopg.Connection[Any]) -> Registered:
    ((genesis,),) = connection.execute(GENESIS).fetchall()
    return Registered(genesis, dict(connection.execute(ON_SALE, (NAMED_MAX,)).fetchall()))
