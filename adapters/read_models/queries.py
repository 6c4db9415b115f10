"""Queries over the read models, for the API's answers."""

from asyncio import Semaphore
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg.errors import UndefinedColumn, UndefinedTable

from adapters.postgres.connections import Pool, Tables, connection_of
from adapters.read_models.documents import (
    DISCOUNTS,
    DOORS,
    FILES,
    READ_MODELS,
    REFUNDS,
    TICKETS,
    VENUES,
    Owner,
    ReadModel,
    V,
)
from adapters.read_models.lists.pages import read_page
from adapters.read_models.money.statement import read_platform_statement, read_statement, read_taxes
from adapters.read_models.shows.sales import read_sales
from domain.core.actor import present_actor
from domain.core.transient import TransientError
from domain.money.books import VENUE_ACCOUNTS, venue_account
from domain.money.platform_statement import PlatformStatement
from domain.money.statement import LINES_MAX, Statement, StatementQuery, TaxSum
from domain.views.access import AuditEntry, AuditQuery, DoorDocument, KeyDocument
from domain.views.catalog import (
    AllocationDocument,
    DiscountDocument,
    FileDocument,
    SalesUnit,
    ShowDocument,
    ShowFields,
    ShowSales,
    StockedShow,
    StockedTicketType,
    TicketTypeDocument,
    VenueDocument,
)
from domain.views.listed import D, Listing, ListQuery, Page, R
from domain.views.outgoing.event import OutgoingEvent, OutgoingQuery
from domain.views.payouts import AccountBalance, AccountDocument, AccountLine
from domain.views.purchase import (
    PurchaseHistory,
    RefundDocument,
    TicketDocument,
)

VENUE_OF_SHOW = "SELECT doc->>'venue_id' FROM rm_shows WHERE id = %s"
DOCUMENT = {model.name: f"SELECT doc FROM rm_{model.name} WHERE id = %s" for model in READ_MODELS}  # noqa: S608
# The documents that 0.1.0 folded have no public name: the name of those tickets is their id.
TICKET_NAMED = "SELECT doc FROM rm_tickets WHERE coalesce(doc->>'public_name', id) = %s"
TICKET_AT = "SELECT doc FROM rm_tickets WHERE doc->>'mint_address' = %s"
# Every answer is one statement, so of one moment. A stream that saw a line of a purchase beside an older document would
# never tell of the newer one.
PURCHASE = f"""
SELECT doc || jsonb_build_object(
  'timeline', (
    SELECT coalesce(jsonb_agg(to_jsonb(line) ORDER BY position), '[]') FROM (
      SELECT position, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US+00:00') AS at, event, text
      FROM rm_timeline WHERE purchase_id = id ORDER BY position DESC LIMIT {LINES_MAX}
    ) AS line
  ),
  'postings', (
    SELECT coalesce(jsonb_agg(to_jsonb(line) - 'number' ORDER BY position, number), '[]') FROM (
      SELECT position, number, key, kind, debit, credit, amount, unit
      FROM rm_postings WHERE purchase_id = id ORDER BY position, number LIMIT {LINES_MAX}
    ) AS line
  )
) FROM rm_purchases WHERE id = %s
"""  # noqa: S608 - a number of ours; of the timeline the newest lines, since an event stream continues after the last
CURRENCIES = "SELECT id, doc->'price'->>'currency' FROM rm_purchases WHERE id = ANY(%s) AND doc->'price' <> 'null'"
SHOW = """
SELECT doc || jsonb_build_object('stock', (
  SELECT coalesce(jsonb_object_agg(a.id, a.doc), '{}') FROM jsonb_array_elements(s.doc->'ticket_types') AS item
  JOIN rm_allocations a ON a.id = item->>'ticket_type_id'
)) FROM rm_shows s WHERE id = %s
"""
CHANGED = (
    "SELECT DISTINCT p.position, t.purchase_id FROM rm_position p"
    " LEFT JOIN rm_timeline t ON t.position > %s AND t.position <= p.position"
)
# With the newest lines of an account in all its units; an account has a balance in each unit of its lines.
BALANCE = """
SELECT b.unit, b.balance, line.position, line.key, line.purchase_id, line.kind, line.at, line.amount
FROM rm_balances b LEFT JOIN (
  SELECT l.* FROM rm_balances o CROSS JOIN LATERAL (
    SELECT * FROM rm_account_lines WHERE account = o.account AND unit = o.unit
    ORDER BY position DESC, number DESC, side DESC LIMIT %(limit)s
  ) AS l WHERE o.account = %(account)s ORDER BY l.position DESC, l.number LIMIT %(limit)s
) AS line ON line.unit = b.unit WHERE b.account = %(account)s ORDER BY line.position DESC NULLS LAST, line.number
"""
AUDITED = (
    "SELECT position, at, by, event, stream FROM rm_audit"
    " WHERE position > %(after)s AND starts_with(by, %(tenant_id)s || '/')"
    " AND (%(subject)s = '' OR by = %(tenant_id)s || '/' || %(subject)s) ORDER BY position LIMIT %(limit)s"
)
ENDPOINT_IDS = (
    "SELECT id FROM rm_endpoints WHERE doc->>'tenant_id' = %s AND doc->>'state' <> 'deleted'"
    " ORDER BY doc->>'created_at', id"
)
OUTGOING = (
    "SELECT sent FROM rm_outgoing WHERE tenant_id = %(tenant_id)s AND position > %(after)s"
    " AND (%(venue_id)s::text IS NULL OR venue_id = %(venue_id)s)"
    " AND (%(show_id)s::text IS NULL OR show_id = %(show_id)s)"
    " AND (cardinality(%(types)s::text[]) = 0 OR type = ANY(%(types)s::text[])) ORDER BY position LIMIT %(limit)s"
)
KEYS_OF = "SELECT doc FROM rm_keys WHERE doc->>'tenant_id' = %s ORDER BY doc->>'created_at', id"


class ReadModels(Tables):
    """Queries for the API; documents are plain JSON.

    One query takes at most half of the pool, so that those that wait for a locked table do not hold the others.
    """

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool)
        self._shares = defaultdict[str, Semaphore](lambda: Semaphore(max(1, pool.max_size // 2)))

    async def position(self) -> int:
        """Return the position of the last event that the read models contain."""
        rows = await self._rows("SELECT position FROM rm_position", ())
        return int(rows[0][0]) if rows else 0

    async def audit(self, query: AuditQuery) -> list[AuditEntry]:
        """Return the audit entries of a tenant after a position, oldest first."""
        rows = await self._rows(AUDITED, query._asdict())
        return [
            {"position": position, "at": at.isoformat(), "subject": by, "event": event, "stream": stream}
            for position, at, by, event, stream in rows
        ]

    async def outgoing(self, query: OutgoingQuery) -> list[OutgoingEvent]:
        """Return outgoing events of a tenant after a position, oldest first."""
        rows = await self._rows(OUTGOING, {**query._asdict(), "types": list(query.types)})
        return [row[0] for row in rows]

    async def endpoint_ids(self, tenant_id: str) -> list[str]:
        """Return the ids of a tenant's webhook endpoints that are not deleted, oldest first."""
        return [row[0] for row in await self._rows(ENDPOINT_IDS, (tenant_id,))]

    async def keys(self, tenant_id: str) -> list[KeyDocument]:
        """Return the API keys of a tenant, oldest first."""
        return [row[0] for row in await self._rows(KEYS_OF, (tenant_id,))]

    async def head(self) -> int:
        """Return the position of the last recorded event."""
        rows = await self._rows("SELECT max(notification_id) FROM events", ())
        return int(rows[0][0] or 0)

    async def changed(self, since: int) -> tuple[int, set[str]]:
        """Return the read models' position, and the purchases that changed after a position."""
        rows = await self._rows(CHANGED, (since,))
        return rows[0][0], {purchase_id for _, purchase_id in rows if purchase_id is not None}

    async def purchase(self, purchase_id: str) -> PurchaseHistory | None:
        """Return a purchase with its timeline and its postings."""
        found: PurchaseHistory | None = await self._seen(PURCHASE, purchase_id)
        if found is None:
            return None
        found.setdefault("dispute_state", "none")  # a document of 0.1.0 has no disputes
        found.setdefault("disputes", [])
        for ticket in found["tickets"]:
            ticket.setdefault("blocked", False)
        return found

    async def currencies(self, purchase_ids: Sequence[str]) -> dict[str, str]:
        """Return the currency of each of these purchases whose price is locked."""
        return dict(await self._rows(CURRENCIES, (list(purchase_ids),)))

    async def show(self, show_id: str) -> StockedShow | None:
        """Return a show with the availability of each ticket type."""
        found = await self._seen(SHOW, show_id)
        return with_stock(found, found.pop("stock")) if found is not None else None

    async def file(self, cid: str) -> FileDocument | None:
        """Return a file of tokens' metadata."""
        return await self._document(FILES, cid)

    async def venue(self, venue_id: str) -> VenueDocument | None:
        """Return a venue."""
        return await self._document(VENUES, venue_id)

    async def balance(self, account: str) -> AccountDocument:
        """Return an account's balances per unit (credits minus debits) and its newest lines, each with its purchase."""
        rows = await self._rows(BALANCE, {"account": account, "limit": LINES_MAX})
        sums = {unit: int(total) for unit, total, *_ in rows}
        lines: list[AccountLine] = [
            {
                "position": position,
                "key": key,
                "purchase_id": purchase_id,
                "kind": kind,
                "at": at.isoformat(),
                "amount_minor": amount,
                "currency": unit,
            }
            for unit, _, position, key, purchase_id, kind, at, amount in rows
            if position is not None
        ]
        balances: list[AccountBalance] = [{"currency": unit, "balance_minor": sums[unit]} for unit in sorted(sums)]
        return {"balances": balances, "lines": lines}

    async def venue_sums(self, venue_id: str) -> dict[tuple[str, str], int]:
        """Return the balance of each of a venue's accounts, by account and unit."""
        accounts = [venue_account(venue_id, name) for name in VENUE_ACCOUNTS]
        rows = await self._rows("SELECT account, unit, balance FROM rm_balances WHERE account = ANY(%s)", (accounts,))
        return {(account, unit): int(balance) for account, unit, balance in rows}

    async def statement(self, venue_id: str, query: StatementQuery) -> Statement:
        """Return a page of a venue's statement."""
        return await read_statement(self._rows, venue_id, query)

    async def platform_statement(self, query: StatementQuery) -> PlatformStatement:
        """Return a page of the platform's statement."""
        return await read_platform_statement(self._rows, query)

    async def taxes(self, venue_id: str, query: StatementQuery) -> list[TaxSum]:
        """Return the tax of a venue's sales in a period, by currency, rate and kind of posting."""
        return await read_taxes(self._rows, venue_id, query)

    async def sales(self, show: ShowFields, unit: SalesUnit) -> ShowSales:
        """Return the sales of a show by hour or day of its time zone, and the tokens of its tickets."""
        return await read_sales(self._rows, show["show_id"], show["tenant_id"], unit, show["time_zone"] or "UTC")

    async def ticket(self, ticket_id: str) -> TicketDocument | None:
        """Return a ticket."""
        found = await self._document(TICKETS, ticket_id)
        return _named(found)

    async def ticket_named(self, public_name: str) -> TicketDocument | None:
        """Return the ticket with this public name."""
        return _named(await self._seen(TICKET_NAMED, public_name))

    async def ticket_minted_at(self, mint_address: str) -> TicketDocument | None:
        """Return the ticket whose token is at this address."""
        return _named(await self._seen(TICKET_AT, mint_address))

    async def door(self, show_id: str) -> DoorDocument | None:
        """Return the counts of a show's door; None before its first scan."""
        return await self._document(DOORS, show_id)

    async def discount(self, discount_id: str) -> DiscountDocument | None:
        """Return a discount; `in_use` counts the orders that use one of a limited number."""
        return await self._document(DISCOUNTS, discount_id)

    async def refund(self, refund_id: str) -> RefundDocument | None:
        """Return a refund."""
        return await self._document(REFUNDS, refund_id)

    async def page(self, listing: Listing[D, R], query: ListQuery) -> Page[R]:
        """Return a page of a list of the actor's tenant, and of its venue where it is bound to one."""
        actor = present_actor()
        if actor is None or not actor.tenant_id:
            raise PermissionError("a list is of one tenant: read it on behalf of a key")
        return await read_page(self._rows, listing, query, tenant_id=actor.tenant_id, venue_id=actor.venue_id)

    async def _document(self, model: ReadModel[V], identity: str) -> V | None:
        """Return a document by its id."""
        found: V | None = await self._seen(DOCUMENT[model.name], identity)
        return found

    async def _seen(self, statement: Any, value: str) -> Any:
        """Return the document that a statement finds; None for one that does not exist for the actor."""
        rows = await self._rows(statement, (value,))
        actor = present_actor()
        if not rows or actor is None:
            return rows[0][0] if rows else None
        owner = Owner.of(rows[0][0])
        if actor.venue_id and owner.venue_id is None and owner.show_id is not None:
            venues = await self._rows(VENUE_OF_SHOW, (owner.show_id,))
            owner = owner._replace(venue_id=venues[0][0] if venues else None)
        return rows[0][0] if actor.may_see(owner.tenant_id, owner.venue_id) else None

    async def _rows(self, statement: Any, values: Any = None) -> list[tuple[Any, ...]]:
        async with connection_of(self._pool, self._shares[statement]) as connection:
            try:
                return await (await connection.execute(statement, values)).fetchall()
            except (UndefinedColumn, UndefinedTable) as error:  # the projector rebuilds them when it starts
                raise TransientError("the read models are of an older version") from error


def with_stock(show: ShowDocument, stock: Mapping[str, AllocationDocument]) -> StockedShow:
    """Add capacity, held, sold and available to each ticket type of a show.

    A document that was projected by 0.1.0 has no share for buyers without a name; its event would give it all.
    One of before on_claim mints each ticket.
    """
    types = [_stocked(item, stock.get(item["ticket_type_id"])) for item in show["ticket_types"]]
    unnamed_share_percent = show.get("unnamed_share_percent", 100)
    minting = show.get("minting", "each")
    return {**show, "ticket_types": types, "unnamed_share_percent": unnamed_share_percent, "minting": minting}


def _stocked(item: TicketTypeDocument, stock: AllocationDocument | None) -> StockedTicketType:
    held, sold = (stock["held"], stock["sold"]) if stock else (0, 0)
    capacity = stock["capacity"] if stock else item["capacity"]
    return {**item, "capacity": capacity, "held": held, "sold": sold, "available": capacity - held - sold}


def _named(ticket: TicketDocument | None) -> TicketDocument | None:
    """Give a ticket that 0.1.0 folded its public name and its disputes."""
    if ticket is not None:
        ticket.setdefault("dispute_ids", [])
        ticket.setdefault("blocked", bool(ticket["dispute_ids"]))
        ticket.setdefault("public_name", ticket["ticket_id"])
        ticket.setdefault("leaf_index", None)
    return ticket
