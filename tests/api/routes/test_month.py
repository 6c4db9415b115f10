"""The month of an accountant: lines that stand alone, figures that add up, tax by rate; the sums are computed here."""

import csv
import io
from collections import Counter
from typing import Any

import httpx

from activities.books.post import BooksActivities
from activities.core.commands import PurchaseRef
from tests.api.routes.on_sale import PURCHASES, code, key, wanting
from tests.fakes.shop_world import ApiWorld

TAXES = {"rate_bps": 1900, "inclusive": False}


async def taxed_show(client: httpx.AsyncClient, world: ApiWorld, **more: Any) -> dict[str, Any]:
    venue = (await client.post("/api/v1/venues", json={"name": "Hall"}, headers=key("mv"))).json()
    types = [{"name": "floor", "price_minor": 1000, "capacity": 50}]
    body = {"venue_id": venue["venue_id"], "name": "N", "currency": "eur", "ticket_types": types, "tax": TAXES, **more}
    found: dict[str, Any] = (await client.post("/api/v1/shows", json=body, headers=key("ms"))).json()
    await world.announce(venue["venue_id"], found["show_id"])
    return found


async def a_month(client: httpx.AsyncClient, world: ApiWorld) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Sell online, with a code, in cash and for nothing; return the show and the prices, each with its receipt."""
    show = await taxed_show(client, world)
    await client.post(
        f"/api/v1/shows/{show['show_id']}/discounts", json={"code": "TEN", "percent_bps": 1000}, headers=key("d")
    )
    sold = []
    for name, quantity, more in (("a", 1, {}), ("b", 3, {"discount_code": "TEN"})):
        answer = await client.post(PURCHASES, json=wanting(show, quantity, **more), headers=key(name))
        await world.pay(answer.json()["purchase_id"])
        sold.append(answer.json())
    for name, tender in (("c", "cash"), ("f", "complimentary")):
        answer = await client.post(
            "/internal/purchases", json={**wanting(show, 2), "tender": tender}, headers=key(name)
        )
        await world.confirm(answer.json()["purchase_id"])
        purchase = PurchaseRef(tenant_id="default", purchase_id=answer.json()["purchase_id"], attempt=1)
        await BooksActivities(world.store).settle_sale(purchase)
        sold.append(answer.json())
    return show, sold


async def test_each_line_stands_alone(client: httpx.AsyncClient, world: ApiWorld) -> None:
    """Show, receipt, tickets and tender on every line; the figures of a sale once, so that they add up."""
    show, sold = await a_month(client, world)
    page = f"/api/v1/venues/{show['venue_id']}/statement"
    lines = (await client.get(page)).json()["lines"]
    paid = [one for one in sold if one["price"]["total_minor"]]
    quantities = {one["order_ref"]: number for one, number in zip(sold, (1, 3, 2, 2), strict=True)}
    for line in lines:
        assert line["show_id"] == show["show_id"]
        floor = show["ticket_types"][0]["ticket_type_id"]
        assert line["tickets"] == f"{floor}:{quantities[line['order_ref']]}"
    for name, field in (
        ("gross_minor", "subtotal_minor"),
        ("discount_minor", "discount_minor"),
        ("tax_minor", "tax_minor"),
    ):
        assert sum(line[name] or 0 for line in lines) == sum(one["price"][field] for one in paid), name
    fees = sum(one["price"]["platform_fee_minor"] + one["price"]["processing_fee_minor"] for one in paid)
    assert sum(line["fees_minor"] or 0 for line in lines) == fees
    assert [line["tax_bps"] for line in lines if line["tax_bps"] is not None] == [1900] * len(paid)
    tenders = {one["order_ref"]: one["price"]["tender"] for one in paid}
    assert {line["order_ref"]: line["tender"] for line in lines} == tenders
    for line in lines:
        assert line["amount"] == f"{line['amount_minor'] / 100:.2f}"
        assert line["balance"] == f"{line['balance_minor'] / 100:.2f}"
    table = (await client.get(page, params={"format": "csv"})).text
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [row["amount"] for row in rows] == [line["amount"] for line in lines]
    assert sum(int(row["gross_minor"] or 0) for row in rows) == sum(one["price"]["subtotal_minor"] for one in paid)


async def test_till_and_bank_are_apart(client: httpx.AsyncClient, world: ApiWorld) -> None:
    """The lines of money in the till sum to the cash that the till should hold."""
    show, sold = await a_month(client, world)
    lines = (await client.get(f"/api/v1/venues/{show['venue_id']}/statement")).json()["lines"]
    sums = Counter[str | None]()
    for line in lines:
        sums[line["place"]] += line["amount_minor"]
    cash = sum(one["price"]["total_minor"] for one in sold if one["price"]["tender"] == "cash")
    till = (await client.get(f"/internal/counter/tills/{show['venue_id']}")).json()["balances"]
    assert till == [{"currency": "eur", "cash_minor": cash}]
    assert (sums["till"], sums["bank"]) == (cash, 0)
    assert all(line["place"] is None for line in lines if line["account"] != "paid_out")


async def test_tax_by_rate_and_period(client: httpx.AsyncClient, world: ApiWorld) -> None:
    """The sum of the prices' tax, in the period of the sales and in no other."""
    show, sold = await a_month(client, world)
    page = f"/api/v1/venues/{show['venue_id']}/taxes"
    total = sum(one["price"]["tax_minor"] for one in sold)
    (line,) = (await client.get(page)).json()["sums"]
    assert line == {
        "currency": "eur",
        "tax_bps": 1900,
        "kind": "sale",
        "tax_minor": total,
        "tax": f"{total / 100:.2f}",
    }
    within = {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}
    assert (await client.get(page, params=within)).json()["sums"] == [line]
    for period in ({"to": "2026-01-01T00:00:00Z"}, {"from": "2026-02-01T00:00:00Z"}):
        assert (await client.get(page, params=period)).json()["sums"] == []
    wrong = {"from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}
    assert code(await client.get(page, params=wrong)) == (422, "invalid-request")
    assert code(await client.get("/api/v1/venues/ve_none/taxes")) == (404, "not-found")
