"""Queries over the read models for stalled work that the relay resumes, and for due transfers and files."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from adapters.read_models.documents import (
    ACCOUNTS,
    PAYMENTS,
)
from adapters.read_models.queries import ReadModels
from domain.payouts.connected_account import DueQuery
from domain.views.purchase import (
    OPEN_REFUNDS,
    UNENDED_STATES,
    UNOPENED_STATES,
    PurchaseDocument,
    PurchaseKey,
    RefundDocument,
    StalledClaim,
)

UNPINNED = "SELECT id, doc->>'subject' FROM rm_files WHERE doc->>'pinned' = 'false' AND id > %s ORDER BY id LIMIT %s"
REQUESTED = (
    "SELECT doc FROM rm_purchases WHERE doc->>'state' = ANY(%s) AND (doc->>'requested_at')::timestamptz < %s"
    " AND NOT id = ANY(%s) ORDER BY doc->>'requested_at' LIMIT %s"
)
QUEUED_OUT = (
    "SELECT doc FROM rm_purchases WHERE doc->>'state' = ANY(%s) AND (doc->>'queue_until')::timestamptz < %s"
    " ORDER BY doc->>'queue_until' LIMIT %s"
)
UNFINISHED = (
    "SELECT doc FROM rm_purchases WHERE doc->>'state' = ANY(%s) AND (doc->>'hold_until')::timestamptz < %s"
    " ORDER BY doc->>'hold_until' LIMIT %s"
)
SOLD_STATES = ["fulfilled"]
# Orders whose show ended (or that were sold) long enough ago, whose venue can receive, and is due enough in all.
DUE = """
SELECT tenant_id, id, attempt FROM (
  SELECT p.id, p.doc->>'tenant_id' AS tenant_id, (p.doc->>'attempt')::int AS attempt,
    sum((p.doc->'price'->>'total_minor')::bigint - (p.doc->'price'->>'platform_fee_minor')::bigint
      - (p.doc->'price'->>'processing_fee_minor')::bigint - coalesce((p.doc->'price'->>'tax_minor')::bigint, 0))
      OVER (PARTITION BY p.doc->>'venue_id', p.doc->'price'->>'currency') AS due_minor
  FROM rm_purchases p JOIN rm_shows s ON s.id = p.doc->>'show_id' JOIN rm_payees v ON v.id = p.doc->>'venue_id'
  WHERE p.doc->>'state' = ANY(%(sold)s) AND coalesce(p.doc->'transfer'->>'state', 'due') <> 'made'
    AND p.doc->'payment'->>'charge_id' IS NOT NULL AND (v.doc->>'may_receive')::boolean
    AND coalesce(s.doc->>'over_at', s.doc->>'ends_at', p.doc->>'confirmed_at')::timestamptz <= %(before)s
) AS due WHERE due_minor >= %(minimum_minor)s AND id > %(after)s ORDER BY id LIMIT %(limit)s
"""
REFUNDING = (
    "SELECT doc FROM rm_refunds WHERE doc->>'state' = ANY(%s) AND (doc->>'requested_at')::timestamptz < %s"
    " AND doc->>'owed_at_till' = 'false'"
    " ORDER BY doc->>'requested_at' LIMIT %s"
)
# Refunds whose workflow was ended after the money had arrived: their void tickets still have tokens.
UNBURNT = (
    "SELECT DISTINCT ON (r.id) r.doc FROM rm_tickets t"
    " JOIN rm_refunds r ON r.doc->>'purchase_id' = t.doc->>'purchase_id'"
    " WHERE t.doc->>'state' = 'void' AND (t.doc->>'token' IN ('signed', 'minted')"
    " OR t.doc->>'leaf_index' IS NOT NULL) AND r.doc->'ticket_ids' ? t.id"
    " AND (r.doc->>'state' = 'succeeded' OR r.doc->>'owed_at_till' = 'true')"
    " AND coalesce(r.doc->>'succeeded_at', r.doc->>'requested_at')::timestamptz < %s LIMIT %s"
)
# Refunds whose workflow was ended when their tokens were burnt: seats that nobody entered with may still be sold again.
UNSOLD_AGAIN = (
    "SELECT r.doc FROM rm_refunds r JOIN rm_shows s ON s.id = r.doc->>'show_id'"
    " WHERE r.doc->>'resells' = 'true' AND r.doc->>'resold' = 'false'"
    " AND (r.doc->>'state' = 'succeeded' OR r.doc->>'owed_at_till' = 'true')"
    " AND coalesce(r.doc->>'succeeded_at', r.doc->>'requested_at')::timestamptz < %(before)s"
    " AND s.doc->>'resell_refunded' = 'true' AND s.doc->>'called_off' = 'false'"
    " AND coalesce((s.doc->>'sale_until')::timestamptz > %(before)s, true)"
    " AND coalesce((s.doc->>'over_at')::timestamptz > %(before)s, true)"
    " AND EXISTS (SELECT FROM jsonb_array_elements_text(r.doc->'ticket_ids') AS named (id)"
    " JOIN rm_tickets t ON t.id = named.id WHERE t.doc->>'entered' = 'false') LIMIT %(limit)s"
)
CANCELLING = "SELECT doc FROM rm_purchases WHERE doc->>'state' = 'cancelling' LIMIT %s"
CHANGING = (
    "SELECT id, doc->>'tenant_id', (doc->'capacity_change'->>'number')::int FROM rm_shows"
    " WHERE doc->'capacity_change'->>'state' = 'under-way' ORDER BY id LIMIT %s"
)
OVERDUE = (
    "SELECT id, doc FROM rm_reservations WHERE doc->>'state' = 'held' AND (doc->>'until')::timestamptz < %s LIMIT %s"
)
CLAIMED = (
    "SELECT t.doc->>'tenant_id', t.doc->>'purchase_id', coalesce((p.doc->>'attempt')::int, 1), t.id,"
    " t.doc->>'show_id' FROM rm_tickets t"
    " LEFT JOIN rm_purchases p ON p.id = t.doc->>'purchase_id' WHERE t.doc->>'claim' = 'requested'"
    " AND (t.doc->>'claimed_at')::timestamptz < %s ORDER BY t.doc->>'claimed_at' LIMIT %s"
)
TOKENLESS = (
    "SELECT 'venue', id, doc FROM rm_venues WHERE doc->>'mint_address' IS NULL"
    " AND (doc->>'registered_at')::timestamptz < %(at)s"
    " UNION ALL SELECT 'show', id, doc FROM rm_shows WHERE doc->>'on_sale' = 'false'"
    " AND (doc->>'registered_at')::timestamptz < %(at)s LIMIT %(limit)s"
)


class StalledWorkQueries(ReadModels):
    """Recorded work without progress, for the relay; due transfers, for settlement."""

    async def due_transfers(self, due: DueQuery) -> list[tuple[str, str, int]]:
        """Return (tenant, purchase, attempt) of orders whose share is due and not transferred, ordered by id."""
        values = due.model_dump() | {"sold": SOLD_STATES, "before": due.now - timedelta(seconds=due.delay_seconds)}
        return [(str(tenant), str(name), int(attempt)) for tenant, name, attempt in await self._rows(DUE, values)]

    async def unpinned(self, after: str, limit: int) -> list[tuple[str, str]]:
        """Return (CID, stream of the subject) of files that are not pinned, after a CID, ordered by CID."""
        return [(str(cid), str(subject)) for cid, subject in await self._rows(UNPINNED, (after, limit))]

    async def venue_of(self, account_id: str) -> tuple[str, str] | None:
        """Return (tenant, venue) of a connected account."""
        found = await self._document(ACCOUNTS, account_id)
        return (found["tenant_id"], found["venue_id"]) if found else None

    async def accounts(self, after: str, limit: int) -> list[str]:
        """Return ids of venues' accounts at Stripe after an id, ordered by id."""
        rows = await self._rows("SELECT id FROM rm_accounts WHERE id > %s ORDER BY id LIMIT %s", (after, limit))
        return [row[0] for row in rows]

    async def requested(self, before: datetime, limit: int, besides: Sequence[str] = ()) -> list[PurchaseDocument]:
        """Return purchases requested before a time and without an open checkout, oldest first; leave out `besides`."""
        return [row[0] for row in await self._rows(REQUESTED, (list(UNOPENED_STATES), before, list(besides), limit))]

    async def queued_out(self, before: datetime, limit: int) -> list[PurchaseDocument]:
        """Return purchases whose checkout should have opened before a time."""
        return [row[0] for row in await self._rows(QUEUED_OUT, (list(UNOPENED_STATES), before, limit))]

    async def unfinished(self, before: datetime, limit: int) -> list[PurchaseDocument]:
        """Return unfinished purchases whose hold expired before a time."""
        return [row[0] for row in await self._rows(UNFINISHED, (list(UNENDED_STATES), before, limit))]

    async def cancelling(self, limit: int) -> list[PurchaseDocument]:
        """Return unfinished purchases with a recorded buyer's cancel."""
        return [row[0] for row in await self._rows(CANCELLING, (limit,))]

    async def unclaimed(self, before: datetime, limit: int) -> list[StalledClaim]:
        """Return claims that were recorded before a time and are not done, oldest first."""
        return [
            {"tenant_id": tenant_id, "purchase_id": owner, "attempt": attempt, "ticket_id": name, "show_id": show_id}
            for tenant_id, owner, attempt, name, show_id in await self._rows(CLAIMED, (before, limit))
        ]

    async def tokenless(self, before: datetime, limit: int) -> list[tuple[str, str, str]]:
        """Return (kind, id, tenant) of venues and shows registered before a time and not ready."""
        rows = await self._rows(TOKENLESS, {"at": before, "limit": limit})
        return [(kind, identity, document["tenant_id"]) for kind, identity, document in rows]

    async def changing_capacity(self, limit: int) -> list[tuple[str, str, int]]:
        """Return (show, tenant, number) of changes of capacities that are under way."""
        return [(name, tenant, int(number)) for name, tenant, number in await self._rows(CHANGING, (limit,))]

    async def overdue(self, before: datetime, limit: int) -> list[tuple[str, str, str, datetime]]:
        """Return (id, tenant, show, until) of internal holds that should have ended before a time."""
        rows = await self._rows(OVERDUE, (before, limit))
        return [(name, doc["tenant_id"], doc["show_id"], datetime.fromisoformat(doc["until"])) for name, doc in rows]

    async def refunding(self, before: datetime, limit: int) -> list[RefundDocument]:
        """Return refunds requested before a time and not paid, oldest first, and paid ones that are not at their end.

        Those have a token to burn, or seats to put on sale again. Cash that is owed at the till is its clerk's work.
        """
        found = [
            *await self._rows(REFUNDING, (list(OPEN_REFUNDS), before, limit)),
            *await self._rows(UNBURNT, (before, limit)),
            *await self._rows(UNSOLD_AGAIN, {"before": before, "limit": limit}),
        ]
        return [row[0] for row in found]

    async def refund_of(self, stripe_refund_id: str) -> RefundDocument | None:
        """Return the refund of one of Stripe's refunds, if it is ours."""
        rows = await self._rows("SELECT doc FROM rm_refunds WHERE doc->>'stripe_refund_id' = %s", (stripe_refund_id,))
        return rows[0][0] if rows else None

    async def owner_of(self, intent_id: str) -> PurchaseKey | None:
        """Return the owner of an intent: tenant, purchase and attempt."""
        return await self._document(PAYMENTS, intent_id)
