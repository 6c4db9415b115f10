"""Deletes personal data and logs whose time has passed, in bounded transactions; each call ends after its batch."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from adapters.postgres.connections import Pool, Tables, connection_of
from adapters.privacy.buyers import erase_rows, forget_persons
from domain.orders.state import ENDED

BATCH_MAX = 500
UNSURE = timedelta(days=1)  # by then a request is recorded or lost, and the read models have caught up
WEBHOOKS_MIN = timedelta(days=31)  # Stripe lists an event for 30 days: a deleted one must not come back as new
UNUSED = "SELECT buyer_id FROM buyers WHERE NOT used AND purchase_id IS NOT NULL AND kept_at <= %s LIMIT %s"
# The events decide: a buyer whom none names belongs to a request that was refused or lost.
USED = (
    "UPDATE buyers b SET used = true WHERE b.buyer_id = ANY(%s) AND EXISTS (SELECT FROM events e"
    " WHERE e.originator_id = coalesce('ticket:' || b.ticket_id, 'order:' || b.purchase_id)"
    " AND e.topic IN ('order.requested', 'order.requested-again', 'ticket.claimed')"
    " AND b.buyer_id IN (convert_from(e.state, 'UTF8')::jsonb->>'buyer_id',"
    " convert_from(e.state, 'UTF8')::jsonb->>'holder_id')) RETURNING b.buyer_id"
)
UNNAMED = (
    "SELECT p.tenant_id, p.lookup FROM persons p WHERE NOT EXISTS"
    " (SELECT FROM buyers b WHERE b.tenant_id = p.tenant_id AND p.lookup IN (b.lookup, b.wallet_lookup)) LIMIT %s"
)
PAST_SECRETS = (
    "DELETE FROM checkouts c USING rm_purchases p WHERE p.id = c.purchase_id AND p.doc->>'state' = ANY(%s)"
    " AND (p.doc->>'requested_at')::timestamptz <= %s"
)
# A refund under way may need its buyer: an operator pays a failed one in another way. A claim under way needs its
# wallet.
PAST_BUYERS = (
    "SELECT b.buyer_id FROM buyers b JOIN rm_purchases p ON p.id = b.purchase_id"
    " LEFT JOIN rm_shows s ON s.id = p.doc->>'show_id' LEFT JOIN rm_tickets t ON t.id = b.ticket_id"
    " WHERE b.kept_at <= %(before)s AND p.doc->>'state' = ANY(%(ended)s)"
    " AND coalesce(p.doc->>'refund_state', 'none') <> 'refunding'"
    " AND coalesce(t.doc->>'claim', 'none') <> 'requested'"
    " AND coalesce(s.doc->>'over_at', s.doc->>'ends_at', p.doc->>'confirmed_at', p.doc->>'requested_at')::timestamptz"
    " <= %(before)s"
    " ORDER BY b.kept_at LIMIT %(limit)s"
)
PAST_WEBHOOKS = (
    "DELETE FROM webhook_inbox WHERE event_id IN (SELECT event_id FROM webhook_inbox"
    " WHERE signalled_at IS NOT NULL AND received_at <= %s ORDER BY received_at LIMIT %s)"
)
# An entry is needed until its endpoint is beyond it: without it the event would be sent again. `forgotten` keeps that
# true when a replay moves the endpoint back. Nobody sends anything to an endpoint that was deleted.
PAST_DELIVERIES = (
    "WITH past AS (SELECT d.endpoint_id, d.position, coalesce(e.doc->>'state' = 'deleted', false) AS is_over"
    " FROM webhook_deliveries d"
    " LEFT JOIN webhook_positions p ON p.endpoint_id = d.endpoint_id LEFT JOIN rm_endpoints e ON e.id = d.endpoint_id"
    " WHERE d.last_at <= %(before)s AND (e.doc->>'state' = 'deleted'"
    " OR d.state IN ('delivered', 'given-up') AND d.position <= p.position) ORDER BY d.last_at LIMIT %(limit)s),"
    " gone AS (DELETE FROM webhook_deliveries d USING past WHERE d.endpoint_id = past.endpoint_id"
    " AND d.position = past.position AND d.last_at <= %(before)s AND (past.is_over OR d.state <> 'due')"
    " RETURNING d.endpoint_id, d.position),"
    " noted AS (UPDATE webhook_positions p SET forgotten = greatest(p.forgotten, g.position)"
    " FROM (SELECT endpoint_id, max(position) AS position FROM gone GROUP BY endpoint_id) g"
    " WHERE p.endpoint_id = g.endpoint_id) SELECT count(*) FROM gone"
)
PAST_LETTERS = (
    "DELETE FROM letters WHERE (event_id, purchase_id) IN (SELECT event_id, purchase_id FROM letters"
    " WHERE state NOT IN ('due', 'sending') AND last_at <= %s ORDER BY last_at LIMIT %s)"
    " AND state NOT IN ('due', 'sending')"
)


class PostgresRetention(Tables):
    """Deletes buyers of lost requests at once, and other personal data `days` after its show (0: never).

    Entries of the logs of webhooks and letters that were sent go `log_days` after the last try (0: never).
    """

    def __init__(self, pool: Pool, days: int, log_days: int = 0) -> None:
        super().__init__(pool)
        self._days = days
        self._log_days = log_days

    def kinds(self) -> dict[str, Callable[[datetime], Awaitable[int]]]:
        """Return the deletion of each kind of data: one batch of the rows whose time has passed at a moment."""
        kinds: dict[str, Callable[[datetime], Awaitable[int]]] = {
            "buyers of lost requests": self.lost_buyers,
            "client secrets": self.secrets,
        }
        if self._days:
            kinds |= {"buyers": self.buyers, "webhooks": self.webhooks}
        if self._log_days:
            kinds |= {"log of webhooks sent": self.deliveries, "log of letters": self.letters}
        return kinds

    async def lost_buyers(self, at: datetime) -> int:
        """Delete buyers that no event names; return their number and that of those that one names."""
        async with connection_of(self._pool) as connection, connection.transaction():
            found = await _first_column(connection, UNUSED, (at - UNSURE, BATCH_MAX))
            used = await _first_column(connection, USED, (found,))
            erased = await erase_rows(connection, sorted(set(found) - set(used)))
            unnamed = await (await connection.execute(UNNAMED, (BATCH_MAX,))).fetchall()
            await forget_persons(connection, unnamed)
        return erased + len(used)

    async def secrets(self, at: datetime) -> int:
        """Delete the client secrets of purchases that have ended."""
        return await self._run(PAST_SECRETS, (list(ENDED), at - UNSURE))

    async def buyers(self, at: datetime) -> int:
        """Delete buyers whose show was long enough ago."""
        async with connection_of(self._pool) as connection, connection.transaction():
            wanted = {"before": at - timedelta(days=self._days), "ended": list(ENDED), "limit": BATCH_MAX}
            return await erase_rows(connection, await _first_column(connection, PAST_BUYERS, wanted))

    async def webhooks(self, at: datetime) -> int:
        """Delete handled webhooks that Stripe no longer lists."""
        batch = (min(at - timedelta(days=self._days), at - WEBHOOKS_MIN), BATCH_MAX)
        return await self._run(PAST_WEBHOOKS, batch)

    async def deliveries(self, at: datetime) -> int:
        """Delete entries of webhooks that were taken or given up, and every entry of endpoints that were deleted."""
        batch = {"before": at - timedelta(days=self._log_days), "limit": BATCH_MAX}
        return int((await self._row(PAST_DELIVERIES, batch))[0])

    async def letters(self, at: datetime) -> int:
        """Delete entries of letters that are not sent any more; their events lead to no other letter."""
        batch = (at - timedelta(days=self._log_days), BATCH_MAX)
        return await self._run(PAST_LETTERS, batch)


async def _first_column(connection: AsyncConnection[Any], statement: Any, values: Any) -> list[str]:
    return [str(row[0]) for row in await (await connection.execute(statement, values)).fetchall()]
