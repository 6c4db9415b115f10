"""Recompute the read models in memory, from events alone."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from adapters.read_models.documents import PURCHASES, TICKETS, DocumentBatch
from adapters.read_models.money.statement import links_of
from adapters.read_models.purchase import fold
from domain.core.aggregate import DomainEvent
from domain.money.books import tax_payable, venue_account
from domain.money.currency import shown
from domain.money.platform_statement import PLATFORM_NAMES, PlatformStatement, platform_statement_of
from domain.money.statement import (
    BookedEntry,
    Leg,
    Statement,
    StatementPage,
    StatementQuery,
    TaxSum,
    booked,
    names_of,
    statement_of,
)
from domain.views.catalog import SalesSum, SalesUnit, ShowFields, ShowSales, TokenCounts

WHOLE = StatementQuery(limit=10**9)


def folded(events: Iterable[tuple[int, DomainEvent]]) -> DocumentBatch:
    """Fold all events, given as (position, event)."""
    documents = DocumentBatch(lambda _, __: None)
    for position, event in events:
        fold(documents, event, position)
    return documents


def venue_statement(documents: DocumentBatch, venue_id: str, query: StatementQuery = WHOLE) -> Statement:
    """Return a page of a venue's statement, as `ReadModels.statement` does, from all postings."""
    return statement_of(venue_id, query, _page_of(documents, names_of(venue_id), query))


def platform_statement(documents: DocumentBatch, query: StatementQuery = WHOLE) -> PlatformStatement:
    """Return a page of the platform's statement, as `ReadModels.platform_statement` does, from all postings."""
    return platform_statement_of(query, _page_of(documents, PLATFORM_NAMES, query))


def _page_of(documents: DocumentBatch, names: Mapping[str, str], query: StatementQuery) -> StatementPage:
    entries = booked(documents.postings, {}, None)
    end = query.after.end if query.after else _end_of(entries, query)
    before = {one.entry.position for one in entries if query.since is not None and one.booked_at < query.since}
    legs = [leg for one in entries for leg in one.legs if leg.account in names and leg.position < end]
    closing = _sums_of(legs)
    opening = dict.fromkeys(closing, 0) | _sums_of(leg for leg in legs if leg.position in before)
    within = [leg for leg in legs if leg.position not in before]
    if query.after is not None:
        within = [leg for leg in within if leg.cursor(end) > query.after]
    shown, rest = within[: query.limit], within[query.limit :]
    purchases = {leg.purchase_id: documents.find(PURCHASES, leg.purchase_id) for leg in shown}
    links = {purchase_id: links_of(found) for purchase_id, found in purchases.items() if found is not None}
    return StatementPage(shown, opening, closing, links, shown[-1].cursor(end) if rest else None)


def _end_of(entries: Sequence[BookedEntry], query: StatementQuery) -> int:
    later = (one.entry.position for one in entries if query.until is not None and one.booked_at >= query.until)
    return min(later, default=entries[-1].entry.position + 1 if entries else 1)


def _sums_of(legs: Iterable[Leg]) -> dict[tuple[str, str], int]:
    return {(leg.account, leg.unit): leg.balance for leg in legs}


def venue_sums(documents: DocumentBatch, venue_id: str) -> dict[tuple[str, str], int]:
    """Return the balance of each of a venue's accounts, as `ReadModels.venue_sums` does."""
    closing = venue_statement(documents, venue_id)["closing"]
    return {(venue_account(venue_id, one["account"]), one["currency"]): one["balance_minor"] for one in closing}


def venue_taxes(documents: DocumentBatch, venue_id: str, query: StatementQuery) -> list[TaxSum]:
    """Return the tax of a venue's sales in a period, as `ReadModels.taxes` does, from all postings."""
    sums: Counter[tuple[str, int, str]] = Counter()
    for one in booked(documents.postings, {}, None):
        purchase = documents.find(PURCHASES, one.entry.purchase_id)
        rate = purchase["price"]["tax_bps"] if purchase and purchase["price"] else 0
        is_within = (query.since is None or one.booked_at >= query.since) and (
            query.until is None or one.booked_at < query.until
        )
        for leg in one.legs:
            if leg.account == tax_payable(venue_id) and is_within:
                sums[leg.unit, rate, leg.kind] += leg.amount
    return [
        {"currency": unit, "tax_bps": rate, "kind": kind, "tax_minor": total, "tax": shown(total, unit)}
        for (unit, rate, kind), total in sorted(sums.items())
    ]


def show_sales(documents: DocumentBatch, show: ShowFields, unit: SalesUnit) -> ShowSales:
    """Return the sales and tokens of a show, as `ReadModels.sales` does, from all documents."""
    changed = list(documents.changed())
    orders = [one for kind, _, one in changed if kind == PURCHASES.name and one["show_id"] == show["show_id"]]
    tickets = [one for kind, _, one in changed if kind == TICKETS.name and one["show_id"] == show["show_id"]]
    sums: dict[str, SalesSum] = {}
    for order in sorted((one for one in orders if one["confirmed_at"]), key=lambda one: one["confirmed_at"]):
        local = datetime.fromisoformat(order["confirmed_at"]).astimezone(ZoneInfo(show["time_zone"] or "UTC"))
        start = local.replace(hour=0 if unit == "day" else local.hour, minute=0, second=0, microsecond=0)
        at = start.astimezone(UTC).isoformat()
        one = sums.setdefault(at, {"at": at, "orders": 0, "tickets": 0, "total_minor": 0})
        one["orders"] += 1
        one["tickets"] += sum(line["quantity"] for line in order["lines"])
        one["total_minor"] += order["price"]["total_minor"]
    valid = [one for one in tickets if one["state"] in {"issued", "redeemed"}]
    minted = [one for one in valid if one["token"] == "minted"]
    leaves = [one for one in valid if one not in minted and one["leaf_index"] is not None]
    tokens: TokenCounts = {
        "minted": len(minted),
        "leaves": len(leaves),
        "owed": len(valid) - len(minted) - len(leaves),
    }
    return {"sales": list(sums.values()), "tokens": tokens}
