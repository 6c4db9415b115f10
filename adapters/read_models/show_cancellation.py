"""Show cancellations in the read models: the folds of their events, their remaining orders and their progress."""

from datetime import datetime

from adapters.read_models.catalog_and_books import Fold, identity_of
from adapters.read_models.documents import CANCELLATIONS, SHOWS, DocumentBatch
from adapters.read_models.queries import ReadModels
from domain.catalog.show import ShowCalledOff
from domain.catalog.show_cancellation import (
    ShowCancellationBegun,
    ShowCancellationFinished,
    ShowCancellationPaused,
    ShowCancellationResumed,
)
from domain.core.aggregate import DomainEvent
from domain.views.show_cancellation import CancellationDocument, CancellationProgress, CancellationStatus

# An order is left while it has no end, a valid ticket, or money that has not arrived; cash waits at the till.
LEFT = (
    "doc->>'show_id' = %(show)s AND doc->>'state' NOT IN ('cancelled', 'refused')"
    " AND (coalesce(doc->>'refund_state', 'none') NOT IN ('refunded', 'refunding')"
    """ OR doc @? '$.refunds[*] ? (@.state != "succeeded" && @.owed_at_till == false)'"""
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
    """ '$.tickets[*] ? (@.state == "void" && @.token == "minted")'))), 0),"""
    f""" count(*) FILTER (WHERE doc @? '$.refunds[*] ? (@.owed_at_till == true)' AND NOT ({LEFT}))"""
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
AT_TILL = (
    "SELECT coalesce(sum((doc->>'amount_minor')::bigint), 0) FROM rm_refunds"
    " WHERE doc->>'show_id' = %s AND doc->>'owed_at_till' = 'true'"
)
OUTSIDE = "SELECT count(*) FROM rm_reservations WHERE doc->>'show_id' = %s AND doc->>'state' = 'confirmed'"
UNFINISHED = (
    "SELECT id, doc->>'tenant_id' FROM rm_cancellations WHERE doc->>'state' <> 'finished'"
    " AND (doc->>'begun_at')::timestamptz < %s ORDER BY id LIMIT %s"
)


def _begun(documents: DocumentBatch, event: ShowCancellationBegun, _: int) -> None:
    show_id = identity_of(event)
    cancellation: CancellationDocument = {
        "show_id": show_id,
        "tenant_id": event.tenant_id,
        "state": "refunding",
        "fees": event.fees,
        "rate_per_second": event.rate_per_second,
        "begun_at": event.timestamp.isoformat(),
        "finished_at": None,
    }
    documents.put(CANCELLATIONS, show_id, cancellation)


def _paused(documents: DocumentBatch, event: ShowCancellationPaused, _: int) -> None:
    if cancellation := documents.edit(CANCELLATIONS, identity_of(event)):
        cancellation["state"] = "paused"


def _resumed(documents: DocumentBatch, event: ShowCancellationResumed, _: int) -> None:
    if cancellation := documents.edit(CANCELLATIONS, identity_of(event)):
        cancellation["state"], cancellation["rate_per_second"] = "refunding", event.rate_per_second


def _finished(documents: DocumentBatch, event: ShowCancellationFinished, _: int) -> None:
    if cancellation := documents.edit(CANCELLATIONS, identity_of(event)):
        cancellation["state"], cancellation["finished_at"] = "finished", event.timestamp.isoformat()


def _called_off(documents: DocumentBatch, event: ShowCalledOff, _: int) -> None:
    if show := documents.edit(SHOWS, identity_of(event)):
        show["called_off"] = True


CANCELLATION_FOLDS: dict[type[DomainEvent], Fold] = {
    ShowCancellationBegun: _begun,
    ShowCancellationPaused: _paused,
    ShowCancellationResumed: _resumed,
    ShowCancellationFinished: _finished,
    ShowCalledOff: _called_off,
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
        found = await self._document(CANCELLATIONS, show_id)
        if found is None:
            return None
        numbers = (await self._rows(NUMBERS, {"show": show_id}))[0]
        orders, ended, residue, refunding, failed, refunded_minor, tokens_left, at_till = map(int, numbers)
        progress: CancellationProgress = {
            "orders": orders,
            "ended_without_sale": ended,
            "residue": residue,
            "refunding": refunding,
            "failed": failed,
            "refunded_minor": refunded_minor,
            "tokens_left": tokens_left,
            "refunded_in_cash_minor": await self._number(IN_CASH, show_id),
            "given_back": orders - ended - residue - at_till,
            "owed_minor": await self._number(OWED, show_id),
            "owed_at_till_minor": await self._number(AT_TILL, show_id),
            "sold_outside": await self._number(OUTSIDE, show_id),
        }
        return {**found, "progress": progress}

    async def _number(self, statement: str, show_id: str) -> int:
        return int((await self._rows(statement, (show_id,)))[0][0])

    async def cancelling_shows(self, before: datetime, limit: int) -> list[tuple[str, str]]:
        """Return (show, tenant) of unfinished cancellations that began before a time."""
        return [(row[0], row[1]) for row in await self._rows(UNFINISHED, (before, limit))]
