"""Show cancellations in the read models: the folds of their events, their remaining orders and their progress."""

from datetime import datetime
from typing import NamedTuple

from psycopg.sql import SQL

from adapters.read_models.catalog import Fold, identity_of, opens, sets, time_of
from adapters.read_models.documents import CANCELLATIONS, SHOWS
from adapters.read_models.queries import ReadModels
from domain.catalog.show import ShowCalledOff
from domain.catalog.show_cancellation import (
    ShowCancellationBegun,
    ShowCancellationFinished,
    ShowCancellationPaused,
    ShowCancellationResumed,
)
from domain.core.aggregate import DomainEvent
from domain.views.common import TokenWord, part_of
from domain.views.purchase import UNSOLD_STATES, PurchaseDocument
from domain.views.show_cancellation import CancellationDocument, CancellationProgress, CancellationStatus

ORDERS_LEFT = (
    "SELECT p.id, p.doc->>'tenant_id', (p.doc->>'attempt')::int FROM rm_order_counts c JOIN rm_purchases p USING (id)"
    " WHERE c.show_id = %(show)s AND c.is_left AND c.id > %(after)s ORDER BY c.id LIMIT %(limit)s"
)
RESIDUE = "SELECT count(*) FROM rm_order_counts WHERE show_id = %(show)s AND is_left"
HELD = "SELECT id FROM rm_reservations WHERE doc->>'show_id' = %s AND doc->>'state' = 'held' ORDER BY id"
NUMBERS = (
    "SELECT count(*), count(*) FILTER (WHERE is_ended), count(*) FILTER (WHERE is_left),"
    " count(*) FILTER (WHERE is_refunding), count(*) FILTER (WHERE has_failed),"
    " count(*) FILTER (WHERE owed_at_till_minor > 0 AND NOT is_left), coalesce(sum(refunded_minor), 0),"
    " coalesce(sum(tokens_left), 0), coalesce(sum(refunded_in_cash_minor), 0), coalesce(sum(owed_minor), 0),"
    " coalesce(sum(owed_at_till_minor), 0) FROM rm_order_counts WHERE show_id = c.id"
)
COUNTED = (
    "orders", "ended_without_sale", "residue", "refunding", "failed", "at_till", "refunded_minor", "tokens_left",
    "refunded_in_cash_minor", "owed_minor", "owed_at_till_minor",
)  # fmt: skip
OUTSIDE = "SELECT count(*) FROM rm_reservations WHERE doc->>'show_id' = c.id AND doc->>'state' = 'confirmed'"
CANCELLATION = (
    "SELECT doc || jsonb_build_object('counted',"  # noqa: S608 - our own texts
    f" (SELECT to_jsonb(n) FROM ({NUMBERS}) AS n ({', '.join(COUNTED)})), 'sold_outside', ({OUTSIDE}))"
    " FROM rm_cancellations c WHERE id = %s"
)
MINTED: TokenWord = "minted"
UNFINISHED = (
    "SELECT id, doc->>'tenant_id' FROM rm_cancellations WHERE doc->>'state' <> 'finished'"
    " AND (doc->>'begun_at')::timestamptz < %s ORDER BY id LIMIT %s"
)
KEEP_COUNTS = SQL(
    "INSERT INTO rm_order_counts (id, show_id, is_ended, is_left, is_refunding, has_failed, refunded_minor,"
    " refunded_in_cash_minor, owed_minor, owed_at_till_minor, tokens_left, sold_at, tickets, total_minor)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
    " ON CONFLICT (id) DO UPDATE SET (is_ended, is_left, is_refunding, has_failed, refunded_minor,"
    " refunded_in_cash_minor, owed_minor, owed_at_till_minor, tokens_left, sold_at, tickets, total_minor)"
    " = (EXCLUDED.is_ended, EXCLUDED.is_left, EXCLUDED.is_refunding, EXCLUDED.has_failed, EXCLUDED.refunded_minor,"
    " EXCLUDED.refunded_in_cash_minor, EXCLUDED.owed_minor, EXCLUDED.owed_at_till_minor, EXCLUDED.tokens_left,"
    " EXCLUDED.sold_at, EXCLUDED.tickets, EXCLUDED.total_minor)"
)


class OrderCounts(NamedTuple):
    """One order's part of each number; `is_left` while it has no end, a valid ticket, or money that has not arrived.

    Cash that waits at the till leaves nothing to do. `sold_at` is null without a sale, whose tickets and total stay
    what they were when refunds follow.
    """

    show_id: str
    is_ended: bool
    is_left: bool
    is_refunding: bool
    has_failed: bool
    refunded_minor: int
    refunded_in_cash_minor: int
    owed_minor: int
    owed_at_till_minor: int
    tokens_left: int
    sold_at: str | None = None
    tickets: int = 0
    total_minor: int = 0

    @classmethod
    def of(cls, order: PurchaseDocument) -> "OrderCounts":
        """Count an order; most of its changes change nothing here."""
        refunds, payment, price = order["refunds"], order["payment"], order["price"]
        is_sold = order["confirmed_at"] is not None and price is not None
        is_ended = order["state"] in UNSOLD_STATES
        is_valid = any(ticket["state"] in {"issued", "redeemed"} for ticket in order["tickets"])
        is_owed = any(refund["state"] != "succeeded" and not refund["owed_at_till"] for refund in refunds)
        arrived = [refund for refund in refunds if refund["state"] == "succeeded"]
        return cls(
            show_id=order["show_id"],
            is_ended=is_ended,
            is_left=not is_ended and (is_valid or is_owed or order["refund_state"] not in {"refunded", "refunding"}),
            is_refunding=order["refund_state"] == "refunding",
            has_failed=any(refund["state"] == "failed" for refund in refunds),
            refunded_minor=payment["refunded_minor"] if payment else 0,
            refunded_in_cash_minor=sum(refund["amount_minor"] for refund in arrived if refund["in_cash"]),
            owed_minor=sum(refund["amount_minor"] for refund in refunds if refund["state"] != "succeeded"),
            owed_at_till_minor=sum(refund["amount_minor"] for refund in refunds if refund["owed_at_till"]),
            tokens_left=sum(ticket["state"] == "void" and ticket["token"] == MINTED for ticket in order["tickets"]),
            sold_at=order["confirmed_at"],
            tickets=sum(line["quantity"] for line in order["lines"]) if is_sold else 0,
            total_minor=price["total_minor"] if is_sold and price is not None else 0,
        )


CANCELLATION_FOLDS: dict[type[DomainEvent], Fold] = {
    ShowCancellationBegun: opens(
        CANCELLATIONS, show_id=identity_of, state="refunding", begun_at=time_of, finished_at=None
    ),
    ShowCancellationPaused: sets(CANCELLATIONS, state="paused"),
    ShowCancellationResumed: sets(CANCELLATIONS, "rate_per_second", state="refunding"),
    ShowCancellationFinished: sets(CANCELLATIONS, state="finished", finished_at=time_of),
    ShowCalledOff: sets(SHOWS, called_off=True),
}


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

    async def cancellation(self, show_id: str) -> CancellationStatus | None:
        """Return a cancellation's progress in exact numbers at one position of the log."""
        found = await self._seen(CANCELLATION, show_id)
        if found is None:
            return None
        counted, sold_outside = found.pop("counted"), found.pop("sold_outside")
        others = counted["ended_without_sale"] + counted["residue"] + counted["at_till"]
        own = {"given_back": counted["orders"] - others, "sold_outside": sold_outside}
        known: CancellationDocument = found
        return {**known, "progress": part_of(counted, CancellationProgress, **own)}

    async def cancelling_shows(self, before: datetime, limit: int) -> list[tuple[str, str]]:
        """Return (show, tenant) of unfinished cancellations that began before a time."""
        return [(row[0], row[1]) for row in await self._rows(UNFINISHED, (before, limit))]
