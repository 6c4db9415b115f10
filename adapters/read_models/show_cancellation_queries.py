"""Read a show's cancellation: its remaining orders and its progress in exact numbers."""

from datetime import datetime
from typing import Any

from adapters.read_models.documents import Document
from adapters.read_models.queries import ReadModels

# An order is left while it has no end, a valid ticket, or money that has not arrived.
LEFT = (
    "doc->>'show_id' = %(show)s AND doc->>'state' NOT IN ('cancelled', 'refused')"
    " AND (coalesce(doc->>'refund_state', 'none') <> 'refunded'"
    """ OR doc @? '$.tickets[*] ? (@.state == "issued" || @.state == "redeemed")')"""
)
ORDERS_LEFT = (
    "SELECT id, doc->>'tenant_id', (doc->>'attempt')::int FROM rm_purchases"  # noqa: S608 - a constant
    f" WHERE {LEFT} AND id > %(after)s"
    " ORDER BY id LIMIT %(limit)s"
)
RESIDUE = f"SELECT count(*) FROM rm_purchases WHERE {LEFT}"  # noqa: S608 - a constant
HELD = "SELECT id FROM rm_reservations WHERE doc->>'show_id' = %s AND doc->>'state' = 'held' ORDER BY id"
NUMBERS = (
    "SELECT count(*), count(*) FILTER (WHERE doc->>'state' IN ('cancelled', 'refused')),"  # noqa: S608 - a constant
    f" count(*) FILTER (WHERE {LEFT}),"
    " count(*) FILTER (WHERE doc->>'refund_state' = 'refunding'),"
    """ count(*) FILTER (WHERE doc @? '$.refunds[*] ? (@.state == "failed")'),"""
    " coalesce(sum((doc->'payment'->>'refunded_minor')::bigint), 0),"
    " coalesce(sum(jsonb_array_length(jsonb_path_query_array(doc,"
    """ '$.tickets[*] ? (@.state == "void" && @.token == "minted")'))), 0)"""
    " FROM rm_purchases WHERE doc->>'show_id' = %(show)s"
)
OWED = (
    "SELECT coalesce(sum((doc->>'amount_minor')::bigint), 0) FROM rm_refunds"
    " WHERE doc->>'show_id' = %s AND doc->>'state' <> 'succeeded'"
)
IN_CASH = (
    "SELECT coalesce(sum((doc->>'amount_minor')::bigint), 0) FROM rm_refunds"
    " WHERE doc->>'show_id' = %s AND doc->>'state' = 'succeeded' AND (doc->>'in_cash')::boolean"
)
OUTSIDE = "SELECT count(*) FROM rm_reservations WHERE doc->>'show_id' = %s AND doc->>'state' = 'confirmed'"
NUMBER_NAMES = ("orders", "ended_without_sale", "residue", "refunding", "failed", "refunded_minor", "tokens_left")
UNFINISHED = (
    "SELECT id, doc->>'tenant_id' FROM rm_cancellations WHERE doc->>'state' <> 'finished'"
    " AND (doc->>'begun_at')::timestamptz < %s ORDER BY id LIMIT %s"
)


class ShowCancellationQueries(ReadModels):
    """Queries of the cancellation's workflow, its page and the relay."""

    async def orders_left(self, show_id: str, after: str, limit: int) -> list[tuple[str, str, int]]:
        """Return (purchase, tenant, attempt) of remaining orders after an id, ordered by id."""
        rows = await self._rows(ORDERS_LEFT, {"show": show_id, "after": after, "limit": limit})
        return [(str(identity), str(tenant_id), int(attempt)) for identity, tenant_id, attempt in rows]

    async def residue(self, show_id: str) -> int:
        """Count the remaining orders."""
        return int((await self._rows(RESIDUE, {"show": show_id}))[0][0])

    async def held_outside(self, show_id: str) -> list[str]:
        """Return the open holds of the internal ticket API."""
        return [row[0] for row in await self._rows(HELD, (show_id,))]

    async def cancellation(self, show_id: str) -> Document | None:
        """Return a cancellation's progress in exact numbers at one position of the log."""
        found = await self._document("cancellations", show_id)
        if found is None:
            return None
        row: Any = (await self._rows(NUMBERS, {"show": show_id}))[0]
        numbers = {name: int(value) for name, value in zip(NUMBER_NAMES, row, strict=True)}
        given_back = numbers["orders"] - numbers["ended_without_sale"] - numbers["residue"]
        owed = await self._rows(OWED, (show_id,))
        outside = await self._rows(OUTSIDE, (show_id,))
        in_cash = await self._rows(IN_CASH, (show_id,))
        more = {
            "refunded_in_cash_minor": int(in_cash[0][0]),
            "given_back": given_back,
            "owed_minor": int(owed[0][0]),
            "sold_outside": int(outside[0][0]),
        }
        return {**found, "progress": {**numbers, **more}}

    async def cancelling_shows(self, before: datetime, limit: int) -> list[tuple[str, str]]:
        """Return (show, tenant) of unfinished cancellations that began before a time."""
        return [(row[0], row[1]) for row in await self._rows(UNFINISHED, (before, limit))]
