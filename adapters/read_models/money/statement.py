"""Read a page of a statement: the lines of the page, and one more line per account and balance."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from domain.core.ids import order_ref_of
from domain.money.books import tax_payable
from domain.money.currency import shown
from domain.money.platform_statement import PLATFORM_NAMES, PlatformStatement, platform_statement_of
from domain.money.statement import (
    Leg,
    LineCursor,
    Links,
    SaleFigures,
    Statement,
    StatementPage,
    StatementQuery,
    TaxSum,
    names_of,
    statement_of,
)
from domain.views.common import PriceDocument
from domain.views.purchase import PurchaseDocument

Rows = Callable[[str, Any], Awaitable[list[tuple[Any, ...]]]]
NUMBER_MAX = 2**31 - 1
# The positions at which a period begins and ends; without a later posting, after the last folded event.
PERIOD = """
SELECT CASE WHEN %(since)s::timestamptz IS NULL THEN 0 ELSE coalesce((
    SELECT position FROM rm_postings WHERE booked_at >= %(since)s ORDER BY booked_at, position LIMIT 1
  ), p.position + 1) END,
  coalesce(%(end)s::bigint, (
    SELECT position FROM rm_postings WHERE booked_at >= %(until)s::timestamptz ORDER BY booked_at, position LIMIT 1
  ), p.position + 1)
FROM rm_position p
"""
LEGS = """
SELECT l.* FROM rm_balances b CROSS JOIN LATERAL (
  SELECT account, unit, position, number, side, amount, balance, key, purchase_id, kind, at FROM rm_account_lines
  WHERE account = b.account AND unit = b.unit AND position < %(end)s
    AND (position, number, side) > (%(position)s, %(number)s, %(side)s)
  ORDER BY position, number, side LIMIT %(limit)s
) AS l WHERE b.account = ANY(%(accounts)s) ORDER BY l.position, l.number, l.side LIMIT %(limit)s
"""
# The balances of accounts before a position: after their last line before it.
SUMS_BEFORE = """
SELECT b.account, b.unit, l.balance FROM rm_balances b CROSS JOIN LATERAL (
  SELECT balance FROM rm_account_lines WHERE account = b.account AND unit = b.unit AND position < %(before)s
  ORDER BY position DESC, number DESC, side DESC LIMIT 1
) AS l WHERE b.account = ANY(%(accounts)s)
"""
# Every line of a purchase's tax has the rate of its sale: the price is locked.
TAXES = """
SELECT l.unit, coalesce((p.doc->'price'->>'tax_bps')::int, 0) AS rate, l.kind, sum(l.amount)
FROM rm_balances b JOIN rm_account_lines l ON l.account = b.account AND l.unit = b.unit
LEFT JOIN rm_purchases p ON p.id = l.purchase_id
WHERE b.account = %(account)s AND l.position >= %(start)s AND l.position < %(end)s
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
PURCHASES_OF = "SELECT doc FROM rm_purchases WHERE id = ANY(%s)"


async def read_statement(rows: Rows, venue_id: str, query: StatementQuery) -> Statement:
    """Return a page of a venue's statement; `rows` runs a query."""
    return statement_of(venue_id, query, await _page(rows, names_of(venue_id), query))


async def read_platform_statement(rows: Rows, query: StatementQuery) -> PlatformStatement:
    """Return a page of the platform's statement; `rows` runs a query."""
    return platform_statement_of(query, await _page(rows, PLATFORM_NAMES, query))


async def _page(rows: Rows, names: Iterable[str], query: StatementQuery) -> StatementPage:
    """Return a page of the statement of some accounts."""
    accounts = list(names)
    start, end = await _period(rows, query)
    legs = await _legs(rows, accounts, query.after or LineCursor(start - 1, NUMBER_MAX, 1, end), query.limit + 1)
    shown, rest = legs[: query.limit], legs[query.limit :]
    opening, closing = [await _sums_before(rows, accounts, position) for position in (start, end)]
    following = shown[-1].cursor(end) if rest else None
    return StatementPage(shown, opening, closing, await _links(rows, shown), following)


async def _period(rows: Rows, query: StatementQuery) -> tuple[int, int]:
    """Return the positions at which the period begins and ends."""
    values = {"since": query.since, "until": query.until, "end": query.after.end if query.after else None}
    ((start, end),) = await rows(PERIOD, values)
    return start, end


async def _legs(rows: Rows, accounts: list[str], after: LineCursor, limit: int) -> list[Leg]:
    return [Leg(*row) for row in await rows(LEGS, after._asdict() | {"accounts": accounts, "limit": limit})]


async def _sums_before(rows: Rows, accounts: list[str], position: int) -> dict[tuple[str, str], int]:
    found = await rows(SUMS_BEFORE, {"accounts": accounts, "before": position})
    return {(account, unit): int(balance) for account, unit, balance in found}


async def _links(rows: Rows, legs: Sequence[Leg]) -> dict[str, Links]:
    found = await rows(PURCHASES_OF, (list({leg.purchase_id for leg in legs}),))
    return {doc["purchase_id"]: links_of(doc) for (doc,) in found}


def links_of(purchase: PurchaseDocument) -> Links:
    """Return what a purchase says to its lines."""
    minted = [ticket["mint_address"] for ticket in purchase["tickets"] if ticket["mint_address"]]
    price = purchase["price"]
    return Links(
        charge_id=purchase["payment"]["charge_id"] if purchase["payment"] else None,
        mint_addresses=tuple(minted),
        show_id=purchase["show_id"],
        order_ref=order_ref_of(purchase["purchase_id"]),
        tickets=" ".join(f"{line['ticket_type_id']}:{line['quantity']}" for line in purchase["lines"]),
        tender=price["tender"] if price else None,
        sale=_sale(price) if price else None,
        netted_minor=purchase.get("netted_minor"),
        venue_id=purchase["venue_id"],
    )


def _sale(price: PriceDocument) -> SaleFigures:
    fees_minor = price["platform_fee_minor"] + price["processing_fee_minor"]
    return SaleFigures(
        price["subtotal_minor"], price["discount_minor"], fees_minor, price["tax_minor"], price["tax_bps"]
    )


async def read_taxes(rows: Rows, venue_id: str, query: StatementQuery) -> list[TaxSum]:
    """Return the tax of a venue's sales in a period, by currency, rate and kind of posting; `rows` runs a query."""
    start, end = await _period(rows, query)
    found = await rows(TAXES, {"account": tax_payable(venue_id), "start": start, "end": end})
    return [
        {"currency": unit, "tax_bps": int(rate), "kind": kind, "tax_minor": int(total), "tax": shown(int(total), unit)}
        for unit, rate, kind, total in found
    ]
