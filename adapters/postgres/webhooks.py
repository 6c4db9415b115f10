"""The log of deliveries to webhook endpoints: what each took of the outgoing events, and how far it is."""

from datetime import datetime
from typing import Any

from adapters.postgres.connections import Tables, connection_of
from domain.views.common import part_of
from domain.views.outgoing.endpoint import (
    DeliveryAttempt,
    DeliveryEntry,
    DueEvent,
    DuePage,
    EndpointFilter,
    EndpointPosition,
)
from domain.views.outgoing.event import OutgoingEvent

HEAD = "SELECT position FROM rm_position"
WANTED = (
    " o.tenant_id = %(tenant_id)s AND (%(venue_id)s = '' OR o.venue_id = %(venue_id)s)"
    " AND (cardinality(%(types)s::text[]) = 0 OR o.type = ANY(%(types)s::text[]) OR d.state = 'due')"
    " AND coalesce(d.state, 'due') IN ('due', 'failed')"
    # An event without an entry was not sent yet, unless it came before the endpoint began, or its entry was deleted as
    # past: a replay of one event before it does not send it.
    " AND (d.state IS NOT NULL OR o.position > greatest(%(begins_after)s, (SELECT f.forgotten"
    " FROM webhook_positions f WHERE f.endpoint_id = %(endpoint_id)s)))"
)
OF_ENDPOINT = (
    " FROM rm_outgoing o LEFT JOIN webhook_deliveries d ON d.endpoint_id = %(endpoint_id)s AND d.position = o.position"
)
DUE = (
    "SELECT o.position, coalesce(o.purchase_id, o.show_id, o.event_id)" + OF_ENDPOINT + " WHERE" + WANTED +
    " AND o.position > %(after)s AND o.position <= %(head)s ORDER BY o.position LIMIT %(limit)s"
)  # fmt: skip
ONE_DUE = "SELECT o.sent" + OF_ENDPOINT + " WHERE o.position = %(position)s AND" + WANTED
NOTE = (
    "INSERT INTO webhook_deliveries (endpoint_id, position, event_id, type, state, tries, status, fault, first_at,"
    " last_at) VALUES (%(endpoint_id)s, %(position)s, %(event_id)s, %(type)s, %(state)s, 1, %(status)s, %(fault)s,"
    " %(at)s, %(at)s) ON CONFLICT (endpoint_id, position) DO UPDATE SET state = EXCLUDED.state,"
    " tries = webhook_deliveries.tries + 1, status = EXCLUDED.status, fault = EXCLUDED.fault,"
    " last_at = EXCLUDED.last_at"
)
ADVANCE = (
    "INSERT INTO webhook_positions (endpoint_id, position) VALUES (%(endpoint_id)s, %(first)s)"
    " ON CONFLICT (endpoint_id) DO UPDATE SET position = CASE WHEN webhook_positions.replays = %(seen)s"
    " THEN greatest(webhook_positions.position, %(done)s) ELSE webhook_positions.position END"
    " RETURNING position, replays"
)
ENTRY = ("event_id", "type", "position", "state", "tries", "status", "fault", "first_at", "last_at")
ENTRIES = (
    f"SELECT {', '.join(ENTRY)} FROM webhook_deliveries"  # noqa: S608 - constants
    " WHERE endpoint_id = %s AND position < %s ORDER BY position DESC LIMIT %s"
)
# An event that is sent again is due, whatever became of it; one that was never sent gets its first entry by being sent.
AGAIN = (
    "INSERT INTO webhook_deliveries (endpoint_id, position, event_id, type, state, tries, first_at, last_at)"
    " SELECT %(endpoint_id)s, o.position, o.event_id, o.type, 'due', 0, now(), now() FROM rm_outgoing o"
    " WHERE o.tenant_id = %(tenant_id)s AND (%(venue_id)s = '' OR o.venue_id = %(venue_id)s) AND "
)
MARK = " ON CONFLICT (endpoint_id, position) DO UPDATE SET state = 'due' RETURNING position"
ONE = "o.event_id = %(event_id)s"
SINCE = (
    "(o.sent->>'timestamp')::timestamptz >= %(since)s"
    " AND (cardinality(%(types)s::text[]) = 0 OR o.type = ANY(%(types)s::text[]))"
)
MOVE_BACK = (
    "INSERT INTO webhook_positions (endpoint_id, position, replays) VALUES (%(endpoint_id)s, %(before)s, 1)"
    " ON CONFLICT (endpoint_id) DO UPDATE SET position = least(webhook_positions.position, EXCLUDED.position),"
    " replays = webhook_positions.replays + 1"
)


class PostgresDeliveries(Tables):
    """Reads the events of the read models beside the log; a position is never beyond what the read models contain."""

    async def due(self, wanted: EndpointFilter, after: int, limit: int) -> DuePage:
        """Return events after a position that the endpoint gets and has not taken, or that it shall get again."""
        if limit <= 0:
            return DuePage((), after)
        row = await self._row(HEAD)
        head = max(after, int(row[0]) if row else 0)
        rows = await self._rows(DUE, {**_values(wanted), "after": after, "head": head, "limit": limit})
        events = [DueEvent(position, lane) for position, lane in rows]
        return DuePage(events, events[-1].position if len(events) == limit else head)

    async def event(self, wanted: EndpointFilter, position: int) -> OutgoingEvent | None:
        """Return an event that is due; None for one that was delivered or given up."""
        row = await self._row(ONE_DUE, {**_values(wanted), "position": position})
        return None if row is None else row[0]

    async def note(self, attempt: DeliveryAttempt) -> None:
        """Note a try."""
        await self._run(NOTE, attempt._asdict())

    async def advance(self, endpoint_id: str, first: int, seen: int | None, done: int) -> EndpointPosition:
        """Move the endpoint's position on to `done`, unless there were more replays; return where it is."""
        values = {"endpoint_id": endpoint_id, "first": first, "seen": seen, "done": done}
        row = await self._row(ADVANCE, values)
        return EndpointPosition(first, 0) if row is None else EndpointPosition(*row)

    async def entries(self, endpoint_id: str, before: int, limit: int) -> list[DeliveryEntry]:
        """Return the log of an endpoint, the newest events first, below a position."""
        rows = await self._rows(ENTRIES, (endpoint_id, before, limit))
        return [part_of(dict(zip(ENTRY, row, strict=True)), DeliveryEntry) for row in rows]

    async def send_again(self, wanted: EndpointFilter, event_id: str) -> int:
        """Make one event due again, whatever its type; return how many were found: one or none."""
        return await self._again(ONE, {**_values(wanted), "event_id": event_id})

    async def send_since(self, wanted: EndpointFilter, since: datetime) -> int:
        """Make every event of the endpoint since a time due again; return how many."""
        return await self._again(SINCE, {**_values(wanted), "since": since})

    async def _again(self, which: str, values: dict[str, Any]) -> int:
        async with connection_of(self._pool) as connection, connection.transaction():
            rows = await (await connection.execute(AGAIN + which + MARK, values)).fetchall()
            if rows:
                before = min(int(row[0]) for row in rows) - 1
                await connection.execute(MOVE_BACK, {**values, "before": before})
        return len(rows)


def _values(wanted: EndpointFilter) -> dict[str, Any]:
    return {**wanted._asdict(), "types": list(wanted.types)}
