"""Read the sales of a show over time, and the tokens of its tickets."""

from adapters.read_models.money.statement import Rows
from domain.views.catalog import SalesSum, SalesUnit, ShowSales

SALES = (
    "SELECT date_trunc(%(unit)s, sold_at, %(zone)s) AS period, count(*), sum(tickets), sum(total_minor)"
    " FROM rm_order_counts WHERE show_id = %(show)s AND sold_at IS NOT NULL GROUP BY period"
)
TOKENS = (
    "SELECT count(*) FILTER (WHERE token = 'minted'), count(*) FILTER (WHERE token <> 'minted' AND is_leaf),"
    " count(*) FILTER (WHERE token <> 'minted' AND NOT is_leaf) FROM (SELECT t.doc->>'token' AS token,"
    " t.doc->>'leaf_index' IS NOT NULL AS is_leaf FROM rm_places p JOIN rm_tickets t USING (id)"
    " WHERE p.kind = 'tickets' AND p.tenant_id = %(tenant)s AND p.show_id = %(show)s"
    " AND p.state IN ('issued', 'redeemed')) AS tickets"
)
SALES_AND_TOKENS = f"SELECT t.*, s.* FROM ({TOKENS}) AS t LEFT JOIN ({SALES}) AS s ON true ORDER BY s.period"  # noqa: S608


async def read_sales(fetch: Rows, show_id: str, tenant_id: str, unit: SalesUnit, zone: str) -> ShowSales:
    """Return the sales of a tenant's show by hour or day of a time zone (IANA's name); `fetch` runs a query."""
    values = {"show": show_id, "tenant": tenant_id, "unit": unit, "zone": zone}
    rows = await fetch(SALES_AND_TOKENS, values)
    sales: list[SalesSum] = [
        {"at": at.isoformat(), "orders": orders, "tickets": int(tickets), "total_minor": int(total)}
        for *_, at, orders, tickets, total in rows
        if at is not None
    ]
    minted, leaves, owed, *_ = rows[0]
    return {"sales": sales, "tokens": {"minted": minted, "leaves": leaves, "owed": owed}}
